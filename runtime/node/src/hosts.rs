//! One node of a run among real hosts: it listens, meets the others, takes part, and keeps what its own parties learn.
//!
//! Who the others are stands in [`Parties`]. Nothing of this is for local runs, and nothing of theirs is for this: inputs are
//! read here, made up nowhere. Knows no language.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use net::clients::ClientLinks;
use net::tcp::{self, Peer};
use net::tls::Identity;
use net::{Call, Links};

use crate::clients::ClientReport;
use crate::connect::{connect_error, farewell};
use crate::data::{Inputs, OutputSet, named};
use crate::drive::OnStep;
use crate::parties::{Node, Parties};
use crate::pulse;
use crate::session::{self, Settings};
use crate::stats::{NodeStats, peak_memory};
use crate::{NodeError, ProgramObject, Sizes};

/// A node of a run, and how it meets the others.
pub struct Site<'a> {
    /// Who takes part.
    pub parties: &'a Parties,
    /// Which node this is.
    pub me: usize,
    /// Its certificate and key.
    pub identity: &'a Identity,
    /// Where it listens, as `host:port`, if not at the address by which the others know it.
    pub bind: Option<&'a str>,
    /// How long the others may take to come.
    pub wait: Duration,
    /// Hears who came and who was turned away.
    pub note: &'a (dyn Fn(&str) + Sync),
}

impl std::fmt::Debug for Site<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Site({} of {})", self.me, self.parties.file)
    }
}

/// What a node has at the end.
#[derive(Debug)]
pub struct Done {
    /// What its own parties learn, and what everyone does.
    pub outputs: OutputSet,
    /// Its figures.
    pub stats: NodeStats,
    /// Sizes of this run.
    pub sizes: Sizes,
    /// What the clients came to.
    pub clients: ClientReport,
    /// Resident peak of this process, in bytes.
    pub peak_memory: u64,
}

/// Listens at the node's address, or where `bind` says.
///
/// # Errors
/// In words: no such address here, or someone else listens there.
pub fn listen(node: &Node, bind: Option<&str>) -> Result<TcpListener, NodeError> {
    let address = bind.unwrap_or(&node.address);
    TcpListener::bind(address).map_err(|e| {
        let port = address.rsplit_once(':').map_or("", |(_, p)| p);
        let advice = match e.kind() {
            std::io::ErrorKind::AddrInUse => "; is another run going on here?".to_owned(),
            std::io::ErrorKind::AddrNotAvailable => {
                format!("; if the others reach this host by translation, listen with --bind 0.0.0.0:{port}")
            }
            _ => String::new(),
        };
        NodeError::Connect { peer: None, what: format!("{} cannot listen at {address}: {e}{advice}", node.name) }
    })
}

/// The nodes, as the transport knows them.
pub fn peers(parties: &Parties) -> Vec<Peer> {
    let peer =
        |n: &Node| Peer { name: n.name.clone(), address: n.address.clone(), fingerprints: n.fingerprints.clone() };
    parties.nodes.iter().map(peer).collect()
}

/// Checks that the key is the one that the others know this node by.
///
/// # Errors
/// Usage: it is not.
pub fn own(parties: &Parties, me: usize, identity: &Identity) -> Result<(), NodeError> {
    let node = &parties.nodes[me];
    let found = identity.fingerprint();
    if node.fingerprints.contains(&found) {
        return Ok(());
    }
    let known: Vec<String> = node.fingerprints.iter().map(|f| f.to_string()).collect();
    Err(NodeError::Usage(format!(
        "{} knows {} by {}, but the key given is of {found}",
        parties.file,
        node.name,
        known.join(" or ")
    )))
}

/// Runs one node.
///
/// # Errors
/// Anything that ends the run; the others have then been told, and no output is given.
pub fn run(
    site: &Site<'_>,
    settings: &Settings,
    program: &dyn ProgramObject,
    inputs: Inputs,
    on_step: OnStep<'_>,
) -> Result<Done, NodeError> {
    own(site.parties, site.me, site.identity)?;
    let listener = listen(&site.parties.nodes[site.me], site.bind)?;
    let connecting = Instant::now();
    let (links, clients) = meet(site, settings, program, listener)?;
    let connected = connecting.elapsed().as_secs_f64();
    let mut finished = session::run_with_clients(links, clients, settings, program, inputs, on_step)?;
    finished.stats.connect += connected;
    let leaves = named(&finished.compiled.program.circuit);
    let outputs = OutputSet::at_node(program.contract(), &leaves, finished.outputs, &finished.sizes, site.me)?;
    Ok(Done {
        outputs,
        stats: finished.stats,
        sizes: finished.sizes,
        clients: finished.clients,
        peak_memory: peak_memory(),
    })
}

fn meet(
    site: &Site<'_>,
    settings: &Settings,
    program: &dyn ProgramObject,
    listener: TcpListener,
) -> Result<(Links, Option<ClientLinks>), NodeError> {
    let clients = settings.clients.as_ref().map(|c| c.registry.fingerprints()).unwrap_or_default();
    let call = Call {
        clients: &clients,
        me: site.me,
        peers: &peers(site.parties),
        identity: site.identity,
        listener,
        wait: site.wait,
        build: &program.compiler_version(),
        stop: &settings.stop,
        note: site.note,
        farewell: &farewell,
    };
    tcp::connect_with_clients(call, pulse::interval(settings.deadline)).map_err(connect_error)
}
