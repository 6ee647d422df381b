//! A session of one node, from the first handshake to its outputs.
//!
//! Handshake 1 compares what the nodes are about to run and collects sizes; each then compiles; handshake 2 compares the
//! digest of circuit and schedule; only then are keys made and shares moved. A difference stops every node with the name of
//! the field and both values. Knows neither transports nor the language.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::client::MaskKey;
use engine::{AtRunner, LocalInputs, Outputs};
use net::clients::ClientLinks;
use net::{Links, Stop};
use serde::{Deserialize, Serialize};
use tracing::{debug, info, warn};
use wire::Kind;
use zeroize::Zeroize;

use crate::blame::Watch;
use crate::clients::{self, ClientReport, Clients, Ground, gather};
use crate::data::{Inputs, SizeClaim};
use crate::drive::{self, Work, gather_each, send};
use crate::kept::{self, Made, Place, Store};
use crate::pulse::{self, Pulse};
use crate::stats::{Clock, NodeStats};
use crate::timeline::{Record, Recorder};
use crate::{Compiled, Contract, NodeError, PartyDecl, ProgramObject, Sizes};

/// Nodes of a run.
pub const NODES: usize = proto::rep3::NODES;

/// How a node takes part.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Names of all nodes, by index.
    pub names: Vec<String>,
    /// How long a node may be waited for without progress.
    pub deadline: Duration,
    /// Protocol.
    pub protocol: String,
    /// Security parameters of the protocol, as text.
    pub parameters: String,
    /// Network profile that the compiler optimises for, as text.
    pub profile: String,
    /// Memory budget in bytes that schedules are made for; 0 for none.
    pub memory: u64,
    /// What clocks this node's CPU seconds.
    pub clock: Clock,
    /// Ends the run at the next moment.
    pub stop: Stop,
    /// How much of the run is recorded.
    pub record: Record,
    /// Who may come as a client, and until when.
    pub clients: Option<Clients>,
    /// Where this node keeps shares for later runs.
    pub store: Option<Store>,
}

impl Settings {
    /// Three nodes on this machine.
    pub fn local() -> Settings {
        Settings {
            names: (0..3).map(|i| format!("node{i}")).collect(),
            deadline: Duration::from_secs(30),
            protocol: "rep3".into(),
            parameters: String::new(),
            profile: "lan".into(),
            memory: 0,
            clock: Clock::Thread,
            stop: Stop::default(),
            record: Record::Off,
            clients: None,
            store: None,
        }
    }
}

/// Who hosts what, once the numbers of members are known.
pub fn hosts(contract: &Contract, sizes: &Sizes) -> Result<Vec<spec::Host>, NodeError> {
    let parties = contract.parties.iter().map(|p| {
        let node = match p.host {
            circuit::Host::Turn => None,
            circuit::Host::Node(n) => Some(n as usize),
            // At no node.
            circuit::Host::Client => Some(spec::NOWHERE),
        };
        match &p.family {
            None => Ok((None, node)),
            Some(len) => crate::data::shape::length(len, sizes)
                .map(|n| (Some(n), node))
                .ok_or_else(|| NodeError::Usage(format!("the number of members of {} is not known", p.name))),
        }
    });
    Ok(spec::hosts(parties.collect::<Result<Vec<_>, NodeError>>()?))
}

/// A node's greeting. Fields are named in the message, so that builds of different versions can say where they differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// What must not differ, by name, in the order in which differences are told.
    fields: Vec<(String, String)>,
    pub(crate) sizes: Vec<SizeClaim>,
    nonce: [u8; 32],
}

/// Fields that a client is not asked for: it is in the register, and need not know who else is.
const AMONG_NODES: [&str; 2] = ["register of clients", "cutoff for clients"];

impl Hello {
    /// What this host is about to run, with a fresh nonce.
    pub(crate) fn new(
        settings: &Settings,
        program: &dyn ProgramObject,
        inputs: &Inputs,
        me: Option<usize>,
        nonce: [u8; 32],
    ) -> Hello {
        let contract = program.contract();
        let memory = if settings.memory == 0 { "none".into() } else { format!("{} bytes", settings.memory) };
        let parties: Vec<String> = contract.parties.iter().map(|p| placed(p, &settings.names)).collect();
        let own = [
            ("wire version", wire::VERSION.to_string()),
            ("compiler version", program.compiler_version()),
            ("program", hex(&program.source_digest())),
            ("protocol", settings.protocol.clone()),
            ("security parameters", settings.parameters.clone()),
            ("network profile", settings.profile.clone()),
            ("memory budget", memory),
            ("list of parties", parties.join(", ")),
            ("list of nodes", settings.names.join(", ")),
        ];
        let none = || "none".to_owned();
        let clients = settings.clients.as_ref();
        let among = [clients.map_or_else(none, |c| c.registry.text()), clients.map_or_else(none, |c| c.cutoff.text())];
        let own = own.into_iter().chain(AMONG_NODES.into_iter().zip(among));
        let own = own.map(|(name, value)| (name.to_owned(), value));
        let fields = own.chain(inputs.public_fields(contract, me)).collect();
        Hello { fields, sizes: inputs.sizes().to_vec(), nonce }
    }

    /// As [`Hello::difference`], for the greeting of a client.
    pub(crate) fn difference_to_client(&self, theirs: &Hello) -> Option<(String, String, String)> {
        let asked = |of: &Hello| {
            let mut of = of.clone();
            of.fields.retain(|(name, _)| !AMONG_NODES.contains(&name.as_str()) && !name.starts_with(kept::FIELD));
            of
        };
        asked(self).difference(&asked(theirs))
    }

    /// The first field that differs: its name, our value, theirs.
    fn difference(&self, theirs: &Hello) -> Option<(String, String, String)> {
        let value = |of: &Hello, name: &str| {
            of.fields.iter().find(|(n, _)| n == name).map_or("nothing".to_owned(), |(_, v)| v.clone())
        };
        let names = self.fields.iter().chain(&theirs.fields).map(|(name, _)| name);
        let differ = |name: &&String| value(self, name) != value(theirs, name);
        names.into_iter().find(differ).map(|name| (name.clone(), value(self, name), value(theirs, name)))
    }
}

/// A party, and where it is.
fn placed(party: &PartyDecl, nodes: &[String]) -> String {
    let family = if party.family.is_some() { " (family)" } else { "" };
    let host = match party.host {
        circuit::Host::Turn => "in turn".to_owned(),
        circuit::Host::Node(n) => match nodes.get(n as usize) {
            Some(name) => format!("at {name}"),
            None => format!("at node {n}"),
        },
        circuit::Host::Client => "as a client".to_owned(),
    };
    format!("{}{family} {host}", party.name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// What a node has at the end.
#[derive(Debug)]
pub struct Finished {
    /// Columns by the circuit's outputs; `None` where another node's party is the recipient.
    pub outputs: Outputs,
    /// What ran.
    pub compiled: Compiled,
    /// With which sizes.
    pub sizes: Sizes,
    /// Counted.
    pub stats: NodeStats,
    /// What the clients came to.
    pub clients: ClientReport,
}

/// Runs a session over `links` and closes them. `on_step` hears of each step.
///
/// # Errors
/// Anything that ends the run; the peers have then been told, and no output is given.
pub fn run(
    links: Links,
    settings: &Settings,
    program: &dyn ProgramObject,
    inputs: Inputs,
    on_step: drive::OnStep<'_>,
) -> Result<Finished, NodeError> {
    run_with_clients(links, None, settings, program, inputs, on_step)
}

/// As [`run`], with links to clients as well.
///
/// # Errors
/// As [`run`].
pub fn run_with_clients(
    links: Links,
    clients: Option<ClientLinks>,
    settings: &Settings,
    program: &dyn ProgramObject,
    inputs: Inputs,
    on_step: drive::OnStep<'_>,
) -> Result<Finished, NodeError> {
    let pulse = Arc::new(Pulse::new());
    let body = Arc::clone(&pulse);
    let mut result = links.beating(pulse::interval(settings.deadline), Arc::new(move || body.body()), || {
        let mut watch = Watch::new(&links, &pulse, settings);
        session(&links, clients.as_ref(), settings, program, inputs, &mut watch, on_step)
    });
    let me = links.me();
    if let Err(e) = &result {
        let blame = e.blame().and_then(|p| settings.names.get(p)).map_or("", String::as_str);
        warn!(target: "mpcc", node = me, exit = e.exit(), blame, reason = e.for_peers(), "stopped");
        for peer in links.peers() {
            let _ = links.send(peer, Kind::Abort, 0, 0, e.word().bytes());
        }
    }
    if let Some(clients) = clients {
        let patience = match &result {
            Ok(_) => Duration::from_secs(10),
            Err(e) => {
                clients.abort(e.word().bytes());
                Duration::from_millis(500)
            }
        };
        let counters = clients.close(patience.min(settings.deadline));
        if let Ok(finished) = &mut result {
            finished.stats.client_bytes = counters.payload;
        }
    }
    match &result {
        Ok(done) => {
            let s = &done.stats;
            info!(target: "mpcc", node = me, rounds = s.rounds, bytes_sent = s.sent.iter().sum::<u64>(), seconds = s.run, "finished");
            links.close(Duration::from_secs(2).min(settings.deadline));
        }
        Err(_) => links.close(Duration::from_millis(300).min(settings.deadline)),
    }
    result
}

fn session(
    links: &Links,
    client_links: Option<&ClientLinks>,
    settings: &Settings,
    program: &dyn ProgramObject,
    inputs: Inputs,
    watch: &mut Watch<'_>,
    on_step: drive::OnStep<'_>,
) -> Result<Finished, NodeError> {
    let me = links.me();
    if links.nodes() != NODES || settings.names.len() != NODES {
        return Err(NodeError::Usage(format!("rep3 takes three nodes, not {}", links.nodes())));
    }
    let started = links.now();
    let clock = settings.clock.start();
    let contract = program.contract();
    let greetings = greet(links, settings, program, &inputs, watch)?;
    let sizes = merge_sizes(&settings.names, &greetings.all, me)?;
    debug!(target: "mpcc", node = me, sizes = sizes.len(), "greeted");
    let mut connect = links.now() - started;
    let mut cpu = clock.elapsed();

    clients::check(contract, settings.clients.as_ref())?;
    let gathering = links.now();
    let mut gathered = None;
    let (compiled, sizes, compile) = match (&settings.clients, client_links) {
        (Some(clients), Some(at)) => {
            let (hello, digests) = (&greetings.mine, &greetings.digests[..]);
            let g = gather(Ground { links, at, clients, settings, program, hello, digests, sizes }, watch)?;
            connect += (links.now() - gathering).saturating_sub(g.compile);
            gathered = Some((g.shares, g.members, at));
            (g.compiled, g.sizes, g.compile)
        }
        _ => {
            watch.compiling();
            let compiled = program.compile(&sizes)?;
            watch.moved();
            (compiled, sizes, links.now() - gathering)
        }
    };
    let digest = hex(&compiled.digest);
    info!(target: "mpcc", node = me, seconds = compile.as_secs_f64(), digest, "compiled");

    // Before the clock: making inputs up is no part of what a run costs.
    let shares = inputs.shares(contract, &compiled.program.circuit, me, &sizes)?;
    let columns = inputs.place(contract, &compiled.program.circuit, &hosts(contract, &sizes)?, me, &sizes)?;
    let agreeing = links.now();
    let clock = settings.clock.start();
    let keys = agree(links, &greetings, &compiled, gathered.is_some(), &settings.names, watch)?;
    connect += links.now() - agreeing;
    info!(target: "mpcc", node = me, session = format!("{:016x}", keys.session), "agreed");

    let running = links.now();
    let machine = machine(&compiled, me, keys.keys, columns, program.at_runner(&sizes, inputs.strings().clone()))?;
    let mut machine = machine.with_kept(shares).map_err(|e| NodeError::Internal(e.to_string()))?;
    let mut present = None;
    if let Some((shares, members, at)) = gathered {
        machine = machine.with_clients(shares);
        present = Some((members, at));
    }
    let mut recorder = Recorder::new(settings.record, links.now(), links.since_1970());
    drive::run(links, keys.session, &mut machine, watch, &settings.names, &mut recorder, on_step)?;
    let gates = machine.stats().gates.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect();
    let rounds = Work::steps(&machine);
    let ended = machine.end().map_err(|f| NodeError::from_fault(f, &settings.names))?;
    let engine::Ended { mut outputs, opened, kept } = ended;
    if let (true, Some(store)) = (contract.keeps(), &settings.store) {
        let (session, circuit) = (&keys.id, &compiled.digest);
        let made = Made { place: Place::new(settings), session, circuit, sizes: &sizes };
        store.keep(contract, &compiled.program.circuit, &kept, &made, me)?;
    }
    let mut report = ClientReport::default();
    if let (Some((members, at)), Some(mask)) = (present, &keys.mask) {
        report = clients::deliver(at, contract, &compiled, me, members, &opened, &outputs, mask)?;
        // What is a client's is not this host's to show.
        let circuit = &compiled.program.circuit;
        for (o, column) in circuit.outputs.iter().zip(&mut outputs) {
            if o.party.is_some_and(|p| circuit.is_client(p)) {
                *column = None;
            }
        }
    }
    cpu += clock.elapsed();
    let mut stats = NodeStats::new(links, rounds, gates, cpu, compile, connect, links.now() - running);
    (stats.times, stats.timeline) = recorder.finish(rounds);
    stats.predicted = program.predicted();
    Ok(Finished { outputs, compiled, sizes, stats, clients: report })
}

fn machine(
    compiled: &Compiled,
    me: usize,
    keys: proto::SessionKeys,
    inputs: LocalInputs,
    at: Box<dyn AtRunner + Send>,
) -> Result<engine::Machine, NodeError> {
    engine::Machine::new(Arc::clone(&compiled.program), me, keys, inputs, at)
        .map_err(|e| NodeError::Internal(e.to_string()))
}

impl Work for engine::Machine {
    fn work(&mut self, budget: usize) -> Result<engine::Status, engine::Fault> {
        self.work(budget)
    }
    fn poll_transmit(&mut self, peer: usize, out: &mut Vec<u8>, max: usize) -> Option<u64> {
        self.poll_transmit(peer, out, max)
    }
    fn handle(&mut self, peer: usize, step: u64, bytes: &[u8]) -> Result<(), engine::Fault> {
        self.handle(peer, step, bytes)
    }
    fn window(&self, peer: usize) -> usize {
        self.window(peer)
    }
    fn expects(&self, peer: usize) -> Option<(u64, u64)> {
        self.expects(peer)
    }
    fn steps(&self) -> u64 {
        self.progress().0
    }
}

/// What handshake 1 gives.
struct Greetings {
    mine: Hello,
    /// By node, this one's included.
    all: Vec<Hello>,
    /// BLAKE3 of the bytes of each.
    digests: Vec<[u8; 32]>,
}

impl Greetings {
    /// The session's id: of all nonces, and of what was agreed.
    fn session(&self) -> [u8; 32] {
        let mut hash = blake3::Hasher::new_derive_key("mpcc 2026-11 session id");
        self.all.iter().for_each(|h| {
            hash.update(&h.nonce);
        });
        self.mine.fields.iter().for_each(|(name, value)| {
            hash.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
            hash.update(&(value.len() as u64).to_le_bytes()).update(value.as_bytes());
        });
        *hash.finalize().as_bytes()
    }
}

/// Handshake 1.
fn greet(
    links: &Links,
    settings: &Settings,
    program: &dyn ProgramObject,
    inputs: &Inputs,
    watch: &mut Watch<'_>,
) -> Result<Greetings, NodeError> {
    let mut nonce = [0; 32];
    random(links, &mut nonce)?;
    let mine = Hello::new(settings, program, inputs, Some(links.me()), nonce);
    let bytes = postcard::to_allocvec(&mine).map_err(|e| NodeError::Internal(e.to_string()))?;
    let peers: Vec<usize> = links.peers().collect();
    for &peer in &peers {
        send(links, peer, Kind::Hello, 0, 0, bytes.clone())?;
    }
    let mut all = vec![mine.clone(); links.nodes()];
    let mut digests = vec![*blake3::hash(&bytes).as_bytes(); links.nodes()];
    gather_each(links, Kind::Hello, 0, &peers, watch, &mut |watch, peer, body| {
        digests[peer] = *blake3::hash(body).as_bytes();
        let theirs: Hello = match postcard::take_from_bytes(body) {
            Ok((theirs, [])) => theirs,
            _ => return Err(watch.corrupt(peer, "a greeting that cannot be read")),
        };
        if let Some((field, mine, theirs)) = mine.difference(&theirs) {
            return Err(NodeError::Disagree { field, mine, theirs, peer, name: settings.names[peer].clone() });
        }
        all[peer] = theirs;
        Ok(())
    })?;
    Ok(Greetings { mine, all, digests })
}

/// All nodes' sizes, which must not contradict one another.
fn merge_sizes(names: &[String], all: &[Hello], me: usize) -> Result<Sizes, NodeError> {
    let mut sizes: BTreeMap<String, (u64, String, usize)> = BTreeMap::new();
    // In order of nodes, so that all nodes tell the same conflict.
    for (node, hello) in all.iter().enumerate() {
        for claim in &hello.sizes {
            match sizes.get(&claim.name) {
                Some((value, by, at)) if *value != claim.value => {
                    let one = format!("{} = {value} ({by})", claim.name);
                    let two = format!("{} = {} ({})", claim.name, claim.value, claim.by);
                    let field = "sizes of the inputs".to_owned();
                    let name = |n: usize| names[n].clone();
                    return Err(if me == *at {
                        NodeError::Disagree { field, mine: one, theirs: two, peer: node, name: name(node) }
                    } else if me == node {
                        NodeError::Disagree { field, mine: two, theirs: one, peer: *at, name: name(*at) }
                    } else {
                        // As the two will say, whose word may not come first.
                        let said = NodeError::Disagree { field, mine: one, theirs: two, peer: node, name: name(node) };
                        NodeError::Stopped { peer: *at, name: name(*at), exit: said.exit(), what: said.word().what }
                    });
                }
                Some(_) => {}
                None => {
                    sizes.insert(claim.name.clone(), (claim.value, claim.by.clone(), node));
                }
            }
        }
    }
    Ok(sizes.into_iter().map(|(name, (value, ..))| (name, value)).collect())
}

struct Agreed {
    keys: proto::SessionKeys,
    session: u64,
    /// All of the session's id, of which that is the beginning.
    id: [u8; 32],
    /// For outputs to clients.
    mask: Option<MaskKey>,
}

/// A node's part of handshake 2, in 96 bytes.
struct Agree {
    /// Of circuit and schedule.
    digest: [u8; 32],
    /// Of the greeting that it sent: whoever got another one finds out before a share moves.
    greeting: [u8; 32],
    /// To what its `Keys` frame will hold, so that nobody chooses a part of a secret after seeing those of others.
    commitment: [u8; 32],
}

impl Agree {
    fn bytes(&self) -> Vec<u8> {
        [self.digest, self.greeting, self.commitment].concat()
    }

    fn parse(body: &[u8]) -> Option<Agree> {
        let (digest, rest) = body.split_first_chunk()?;
        let (greeting, rest) = rest.split_first_chunk()?;
        Some(Agree { digest: *digest, greeting: *greeting, commitment: rest.try_into().ok()? })
    }
}

fn commitment(keys: &[u8]) -> [u8; 32] {
    blake3::derive_key("mpcc 2026-11 commitment to parts of secrets", keys)
}

/// Handshake 2, and the keys of the session: bound to all nonces and to the digest.
fn agree(
    links: &Links,
    greetings: &Greetings,
    compiled: &Compiled,
    with_clients: bool,
    names: &[String],
    watch: &mut Watch<'_>,
) -> Result<Agreed, NodeError> {
    let me = links.me();
    let digests = &greetings.digests;
    let id = greetings.session();
    let mut first = [0; 8];
    first.copy_from_slice(&id[..8]);
    let session = u64::from_le_bytes(first);

    // Both ends of a pair give a half; neither alone decides the secret. Where clients need it, a third of a secret that all
    // three have in common follows.
    let mut halves = vec![[0u8; 32]; links.nodes()];
    let mut thirds = vec![[0u8; 32]; links.nodes()];
    random(links, &mut thirds[me])?;
    let length = if with_clients { 64 } else { 32 };
    let peers: Vec<usize> = links.peers().collect();
    for &peer in &peers {
        random(links, &mut halves[peer])?;
        let mut keys = [halves[peer], thirds[me]].concat();
        let commitment = commitment(&keys[..length]);
        keys.zeroize();
        let agree = Agree { digest: compiled.digest, greeting: digests[me], commitment };
        // Not yet under the session's number: a node that got another greeting has another one.
        send(links, peer, Kind::Agree, 0, 0, agree.bytes())?;
    }
    let mut commitments = vec![[0; 32]; links.nodes()];
    gather_each(links, Kind::Agree, 0, &peers, watch, &mut |watch, peer, body| {
        let Some(theirs) = Agree::parse(body) else {
            return Err(watch.corrupt(peer, "an agreement that cannot be read"));
        };
        if theirs.greeting != digests[peer] {
            return Err(watch.corrupt(peer, "another greeting than it says it sent"));
        }
        if theirs.digest != compiled.digest {
            return Err(NodeError::Disagree {
                field: "circuit and schedule".into(),
                mine: hex(&compiled.digest),
                theirs: hex(&theirs.digest),
                peer,
                name: names[peer].clone(),
            });
        }
        commitments[peer] = theirs.commitment;
        Ok(())
    })?;

    for &peer in &peers {
        let mut keys = [halves[peer], thirds[me]].concat();
        send(links, peer, Kind::Keys, session, 0, keys[..length].to_vec())?;
        keys.zeroize();
    }
    let mut secrets = vec![[0u8; 32]; links.nodes()];
    for (&peer, mut theirs) in peers.iter().zip(drive::gather(links, Kind::Keys, session, &peers, watch)?) {
        if theirs.len() != length || commitment(&theirs) != commitments[peer] {
            return Err(watch.corrupt(peer, "parts of secrets other than it committed to"));
        }
        thirds[peer].iter_mut().zip(&theirs[32..]).for_each(|(t, b)| *t = *b);
        let mut hash = blake3::Hasher::new_derive_key("mpcc 2026-11 secret of a pair");
        let (low, high) = if me < peer { (&halves[peer][..], &theirs[..]) } else { (&theirs[..], &halves[peer][..]) };
        hash.update(&low[..32]).update(&high[..32]);
        secrets[peer] = *hash.finalize().as_bytes();
        hash.zeroize();
        theirs.zeroize();
    }
    let nodes = links.nodes();
    let (previous, next) = ((me + nodes - 1) % nodes, (me + 1) % nodes);
    let keys = proto::SessionKeys::derive(me, &secrets[previous], &secrets[next], &id, &compiled.digest);
    let mask = with_clients.then(|| {
        let mut hash = blake3::Hasher::new_derive_key("mpcc 2026-11 masks of outputs to clients");
        thirds.iter().for_each(|t| {
            hash.update(t);
        });
        hash.update(&compiled.digest).update(&id);
        let mut key = [0; 16];
        hash.finalize_xof().fill(&mut key);
        let mask = MaskKey::new(&key);
        key.zeroize();
        hash.zeroize();
        mask
    });
    halves.zeroize();
    thirds.zeroize();
    secrets.zeroize();
    Ok(Agreed { keys, session, id, mask })
}

fn random(links: &Links, out: &mut [u8]) -> Result<(), NodeError> {
    links.random(out).map_err(|e| NodeError::Internal(format!("the system gives no randomness: {e}")))
}
