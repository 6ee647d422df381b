//! A client: brings its party's input to the nodes before a run, and gets its results after it.
//!
//! It compiles the same program as the nodes, computes in the clear what its party computes alone, splits its input by fresh
//! randomness of the system, and gives each node its part. It takes no results unless all three nodes ran the circuit that
//! it compiled, and the copies that different nodes sent agree. One task per client: a process may hold many.

use std::sync::Arc;
use std::time::{Duration, Instant};

use circuit::client::{ClientPart, client_part, members};
use circuit::interp::{self, InterpError};
use circuit::{Column, Domain, PartyId};
use engine::client::{Doubt, Seed, answer_bytes, deal, learn, member_lanes, repeat};
use net::Closed;
use net::client::{Event, Heard, NodeLinks};
use net::tcp::Peer;
use net::tls::Identity;
use wire::Kind;
use zeroize::Zeroize;

use super::message::{Join, LATE, Terms, decode, encode};
use crate::blame::Word;
use crate::connect::connect_error;
use crate::data::{Inputs, OutputSet, named};
use crate::session::{Hello, NODES, Settings};
use crate::{Compiled, Contract, NodeError, ProgramObject, Sizes};

/// Bytes of input per frame.
const CHUNK: usize = 256 << 10;

/// How long to listen for a better reason once something went wrong.
const GRACE: Duration = Duration::from_millis(1500);

/// How a client takes part.
pub struct Joining {
    /// Where the nodes are, by index.
    pub nodes: Vec<Peer>,
    /// Who this is.
    pub identity: Arc<Identity>,
    /// As what.
    pub part: Part,
}

/// As what a client takes part.
#[derive(Clone, Debug)]
pub struct Part {
    /// Party of the contract.
    pub party: usize,
    /// What is compared with the nodes; its deadline is how long a node may be silent.
    pub settings: Settings,
    /// How long to wait for the nodes to be there.
    pub wait: Duration,
}

impl std::fmt::Debug for Joining {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Joining(party {}, {:?})", self.part.party, self.identity)
    }
}

/// How far a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// All nodes have its greeting; the run begins at their cutoff.
    Joined,
    /// Its input is with the nodes.
    Given,
}

/// What a client has at the end.
#[derive(Debug)]
pub struct Joined {
    /// What its party learns; of a family, what this member learns.
    pub outputs: OutputSet,
    /// Sizes of the run.
    pub sizes: Sizes,
    /// Its number within its family, among those who took part.
    pub member: u64,
    /// Bytes of its input and of the answers, over all nodes.
    pub client_bytes: u64,
}

/// What a node said to this client.
#[derive(Default)]
struct Said {
    terms: Option<Terms>,
    answer: Vec<u8>,
    confirmed: Option<Vec<u8>>,
    heard: Option<Instant>,
}

/// What runs, as this client compiled it.
struct Run {
    compiled: Compiled,
    part: ClientPart,
    sizes: Sizes,
    member: u64,
    /// Bytes of each node's answer.
    answer: usize,
}

/// Takes part in a run as a client. `inputs` are those of [`crate::data::read_member`].
///
/// # Errors
/// A node refused this client or stopped; the nodes do not run what this client has; copies of results differ.
pub async fn join(
    joining: &Joining,
    program: &dyn ProgramObject,
    inputs: &Inputs,
    tell: &mut (dyn FnMut(Stage) + Send),
) -> Result<Joined, NodeError> {
    let Joining { nodes, identity, part } = joining;
    let mut nonce = [0; 32];
    drawn(net::random(&mut nonce))?;
    let greeting = greeting(part, program, inputs, nonce, nodes.len())?;
    let build = program.compiler_version();
    let links = NodeLinks::connect(nodes, identity, &build, part.wait, &greeting).await.map_err(connect_error)?;
    attend(links, part, program, inputs, tell).await
}

/// As [`join`], over links of a simulation.
///
/// # Errors
/// As [`join`].
pub async fn join_over(
    mut links: NodeLinks,
    part: &Part,
    program: &dyn ProgramObject,
    inputs: &Inputs,
    tell: &mut (dyn FnMut(Stage) + Send),
) -> Result<Joined, NodeError> {
    let mut nonce = [0; 32];
    drawn(links.random(&mut nonce))?;
    links.greet(&greeting(part, program, inputs, nonce, NODES)?);
    attend(links, part, program, inputs, tell).await
}

/// What a client says first.
fn greeting(
    part: &Part,
    program: &dyn ProgramObject,
    inputs: &Inputs,
    nonce: [u8; 32],
    nodes: usize,
) -> Result<Vec<u8>, NodeError> {
    if nodes != NODES {
        return Err(NodeError::Usage(format!("rep3 takes three nodes, not {nodes}")));
    }
    let party = program.contract().parties.get(part.party);
    let party = party.ok_or_else(|| NodeError::Internal("no such party".into()))?;
    let hello = Hello::new(&part.settings, program, inputs, None, nonce);
    encode(&Join { party: party.name.clone(), hello })
}

/// A client's session, once the nodes have its greeting.
async fn attend(
    mut links: NodeLinks,
    part: &Part,
    program: &dyn ProgramObject,
    inputs: &Inputs,
    tell: &mut (dyn FnMut(Stage) + Send),
) -> Result<Joined, NodeError> {
    tell(Stage::Joined);
    let settings = &part.settings;
    let mut said: Vec<Said> = (0..NODES).map(|_| Said::default()).collect();
    let mut run: Option<Run> = None;
    let mut trouble: Option<(NodeError, Instant)> = None;
    let mut client_bytes = 0;
    let begun = links.now();
    let grace = GRACE.min(settings.deadline);
    while said.iter().any(|s| s.confirmed.is_none()) {
        if let Some((e, since)) = &trouble
            && (distance(e) == 0 || links.now() >= *since + grace)
        {
            break;
        }
        let pause = settings.deadline.min(Duration::from_millis(250));
        let heard = links.receive(pause).await;
        let now = links.now();
        match heard {
            Heard::Event(Event::Frame(node, kind, body)) => {
                said[node].heard = Some(now);
                let name = &settings.names[node];
                let done = match kind {
                    Kind::Heartbeat if body.is_empty() => Ok(()),
                    Kind::Heartbeat => Err(corrupt(node, name, "a heartbeat that cannot be read")),
                    Kind::Terms => terms(&mut said, node, &body, name),
                    Kind::Answer => answer(&mut said[node], &body, run.as_ref(), node, name),
                    Kind::Confirm => {
                        said[node].confirmed = Some(body);
                        Ok(())
                    }
                    Kind::Abort => Err(stopped(node, &said, settings, &body)),
                    kind => Err(corrupt(node, name, format!("a {kind:?} frame"))),
                };
                keep(&mut trouble, done, now);
            }
            Heard::Event(Event::Closed(node, why)) => {
                if said[node].confirmed.is_none() {
                    keep(&mut trouble, Err(closed(node, &settings.names[node], &why)), now);
                }
            }
            Heard::Over => break,
            Heard::Nothing => {}
        }
        if settings.stop.is_set() {
            keep(&mut trouble, Err(NodeError::Interrupted), now);
        }
        // Before their first word the nodes may wait for each other.
        keep(&mut trouble, silent(&said, settings, begun + part.wait, now), now);
        if trouble.is_some() {
            continue;
        }
        if let Some(terms) = settled(&mut said, settings)? {
            let given = match accept(part, program, &terms) {
                Ok(new) if terms.keep => Ok((new, 0)),
                Ok(new) => give(part, program, inputs, &new, &mut links).await.map(|bytes| (new, bytes)),
                Err(e) => Err(e),
            };
            match given {
                Ok((new, bytes)) => {
                    client_bytes += bytes;
                    run = Some(new);
                }
                Err(e) => {
                    abort(&mut links, &e).await;
                    return Err(e);
                }
            }
            tell(Stage::Given);
        }
    }
    match &trouble {
        Some((e @ NodeError::Interrupted, _)) => abort(&mut links, e).await,
        _ => links.close().await,
    }
    match trouble {
        // From a node that sends what it must not no result is taken, whatever follows.
        Some((e @ NodeError::Corrupt { .. }, _)) => return Err(e),
        Some((e, _)) if said.iter().any(|s| s.confirmed.is_none()) => return Err(e),
        None if said.iter().any(|s| s.confirmed.is_none()) => {
            return Err(NodeError::Internal("the nodes are gone".into()));
        }
        _ => {}
    }
    let run = run.ok_or_else(|| NodeError::Internal("an answer before the terms".into()))?;
    results(part, program, inputs, said, run, client_bytes)
}

/// This client stops, and says why.
async fn abort(links: &mut NodeLinks, e: &NodeError) {
    let body = e.word().bytes();
    links.send(Kind::Abort, &vec![body; NODES], wire::Kind::Abort.cap() as usize).await;
    links.close().await;
}

fn peer(node: usize, name: &str, what: impl Into<String>) -> NodeError {
    NodeError::Peer { peer: node, name: name.to_owned(), step: None, what: what.into() }
}

fn corrupt(node: usize, name: &str, what: impl Into<String>) -> NodeError {
    NodeError::Corrupt { peer: node, name: name.to_owned(), step: None, what: what.into() }
}

fn closed(node: usize, name: &str, why: &Closed) -> NodeError {
    match why {
        Closed::Frame(e) => corrupt(node, name, e.to_string()),
        why => peer(node, name, why.to_string()),
    }
}

/// Keeps the trouble that is closest to the cause.
fn keep(trouble: &mut Option<(NodeError, Instant)>, done: Result<(), NodeError>, now: Instant) {
    let Err(e) = done else { return };
    match trouble {
        Some((known, _)) if distance(known) <= distance(&e) => {}
        Some((known, _)) => *known = e,
        None => *trouble = Some((e, now)),
    }
}

/// How close to the cause an error is, as a client sees it: a node that says why it stops tells more than one that is gone.
fn distance(e: &NodeError) -> u8 {
    match e {
        NodeError::Peer { .. } => 3,
        NodeError::Stopped { .. } | NodeError::Blamed { .. } => 2,
        other => other.distance(),
    }
}

/// A node's abort in a client's words.
fn stopped(node: usize, said: &[Said], settings: &Settings, body: &[u8]) -> NodeError {
    let names = &settings.names;
    let Some(Word { exit, culprit, what, .. }) = Word::parse(body, NODES) else {
        return corrupt(node, &names[node], "an abort that cannot be read");
    };
    // Whom it blames, if not itself.
    let peer = culprit.unwrap_or(node);
    let name = names[peer].clone();
    match exit {
        // This client had nothing to answer: of the terms, those of some node are missing.
        4 if what == LATE
            && let Some(slow) = behind(said) =>
        {
            let what =
                format!("has sent no terms of the run, or none that fit, before {} stopped waiting", names[node]);
            self::peer(slow, &names[slow], what)
        }
        6 => NodeError::Refused { peer, name, what },
        4 | 5 if peer != node => {
            let by_name = names[node].clone();
            NodeError::Blamed { peer, name, exit, what, by: node, by_name }
        }
        _ => NodeError::Stopped { peer, name, exit, what },
    }
}

/// Of nodes of which some have told their terms, one that has not, or tells others than most.
fn behind(said: &[Said]) -> Option<usize> {
    let epoch = |s: &Said| s.terms.as_ref().map(|t| t.epoch);
    let all: Vec<Option<u32>> = said.iter().map(epoch).collect();
    let missing = all.iter().any(Option::is_some).then(|| all.iter().position(Option::is_none)).flatten();
    missing.or_else(|| {
        let alone = |e: &Option<u32>| all.iter().filter(|other| *other == e).count() == 1;
        all.iter().all(Option::is_some).then(|| all.iter().position(alone)).flatten()
    })
}

/// A node that says nothing for the deadline, once it has said anything.
fn silent(said: &[Said], settings: &Settings, begun: Instant, now: Instant) -> Result<(), NodeError> {
    for (node, s) in said.iter().enumerate().filter(|(_, s)| s.confirmed.is_none()) {
        if s.heard.unwrap_or(begun) + settings.deadline <= now {
            let what = format!("has been silent for {} s", settings.deadline.as_secs_f64());
            return Err(peer(node, &settings.names[node], what));
        }
    }
    Ok(())
}

fn terms(said: &mut [Said], node: usize, body: &[u8], name: &str) -> Result<(), NodeError> {
    let terms: Terms = decode(body).ok_or_else(|| corrupt(node, name, "terms that cannot be read"))?;
    let s = &mut said[node];
    s.terms = Some(terms);
    s.answer.clear();
    Ok(())
}

fn answer(said: &mut Said, body: &[u8], run: Option<&Run>, node: usize, name: &str) -> Result<(), NodeError> {
    let room = run.map_or(0, |r| r.answer);
    if said.answer.len() + body.len() > room {
        return Err(corrupt(node, name, "a longer answer than the program has"));
    }
    said.answer.extend_from_slice(body);
    Ok(())
}

/// The terms, once all three nodes have told the same ones; they are then taken.
fn settled(said: &mut [Said], settings: &Settings) -> Result<Option<Terms>, NodeError> {
    let Some(all) = said.iter().map(|s| s.terms.clone()).collect::<Option<Vec<Terms>>>() else { return Ok(None) };
    if all.iter().any(|t| t.epoch != all[0].epoch) {
        return Ok(None);
    }
    for (node, terms) in all.iter().enumerate().skip(1) {
        if *terms != all[0] {
            let (one, two) = (settings.names[0].clone(), settings.names[node].clone());
            return Err(NodeError::Copies { one, two, what: "terms of the run".into() });
        }
    }
    said.iter_mut().for_each(|s| s.terms = None);
    Ok(all.into_iter().next())
}

/// Compiles what the terms say, and holds it against them.
fn accept(part: &Part, program: &dyn ProgramObject, terms: &Terms) -> Result<Run, NodeError> {
    let sizes: Sizes = terms.sizes.iter().cloned().collect();
    let compiled = program.compile(&sizes)?;
    if compiled.digest != terms.digest {
        let hex = |d: &[u8; 32]| d.iter().map(|b| format!("{b:02x}")).collect::<String>();
        return Err(NodeError::Disagree {
            field: "circuit and schedule".into(),
            mine: hex(&compiled.digest),
            theirs: hex(&terms.digest),
            peer: 0,
            name: part.settings.names[0].clone(),
        });
    }
    let party = PartyId(part.party as u32);
    let c = &compiled.program.circuit;
    let own = client_part(c, party).map_err(|e| NodeError::Internal(e.what))?;
    if terms.member >= members(c, party) {
        return Err(corrupt(0, &part.settings.names[0], "a member that the program does not have"));
    }
    let answer = answer_bytes(c, party).map_err(|e| NodeError::Internal(e.to_string()))?;
    Ok(Run { part: own, sizes, member: terms.member, answer, compiled })
}

/// Shares this client's input among the nodes. Bytes sent.
async fn give(
    part: &Part,
    program: &dyn ProgramObject,
    inputs: &Inputs,
    run: &Run,
    links: &mut NodeLinks,
) -> Result<u64, NodeError> {
    let messages = split(part, program, inputs, run, links)?;
    links.send(Kind::Input, &messages, CHUNK).await;
    Ok(messages.iter().map(|m| m.len() as u64).sum())
}

/// This client's values, split for the nodes.
fn split(
    part: &Part,
    program: &dyn ProgramObject,
    inputs: &Inputs,
    run: &Run,
    links: &NodeLinks,
) -> Result<[Vec<u8>; NODES], NodeError> {
    let party = PartyId(part.party as u32);
    let c = &run.compiled.program.circuit;
    let count = members(c, party);
    let given = inputs.for_client(program.contract(), c, part.party)?;
    let mut at = program.at_runner(&run.sizes, inputs.strings().clone());
    let values = interp::run(&run.part.front, &given, &mut *at, 0).map_err(failed)?;
    let own: Vec<Column> = values.iter().map(|v| member_lanes(v, count, run.member)).collect();
    let mut seeds: [Seed; 2] = Default::default();
    seeds.iter_mut().try_for_each(|s| drawn(links.random(s)))?;
    let messages = deal(&run.part.shares, count, &own, &seeds).map_err(|e| NodeError::Internal(e.to_string()));
    seeds.zeroize();
    messages
}

fn drawn(done: Result<(), String>) -> Result<(), NodeError> {
    done.map_err(|e| NodeError::Internal(format!("the system gives no randomness: {e}")))
}

fn failed(e: InterpError) -> NodeError {
    match e {
        InterpError::Program { span, what } => NodeError::Program { span, what },
        other => NodeError::Internal(other.to_string()),
    }
}

/// Checks the answers and puts the results together.
fn results(
    part: &Part,
    program: &dyn ProgramObject,
    inputs: &Inputs,
    said: Vec<Said>,
    run: Run,
    client_bytes: u64,
) -> Result<Joined, NodeError> {
    let names = &part.settings.names;
    let c = &run.compiled.program.circuit;
    for (node, s) in said.iter().enumerate() {
        if s.confirmed.as_deref() != Some(&run.compiled.digest[..]) {
            return Err(corrupt(node, &names[node], "results of another circuit"));
        }
    }
    let party = PartyId(part.party as u32);
    let messages: [Vec<u8>; NODES] = std::array::from_fn(|node| said[node].answer.clone());
    let learned = learn(c, party, &messages).map_err(|doubt| match doubt {
        Doubt::Copies(a, b) => {
            NodeError::Copies { one: names[a].clone(), two: names[b].clone(), what: "copies of a result".into() }
        }
        Doubt::Form(node) => corrupt(node, &names[node], "an answer of the wrong form"),
        Doubt::Ours(e) => NodeError::Internal(e.to_string()),
    })?;
    let count = members(c, party);
    let mut given = inputs.for_client(program.contract(), c, part.party)?;
    given.extend(learned.opened.iter().zip(&run.part.opens).map(|(v, e)| repeat(v, e.elem, count)));
    let mut at = program.at_runner(&run.sizes, inputs.strings().clone());
    let mut local = interp::run(&run.part.back, &given, &mut *at, 0).map_err(failed)?.into_iter();
    let mut outputs = vec![None; c.outputs.len()];
    for (k, o) in c.outputs.iter().enumerate() {
        if c.ty(o.wire).domain == Domain::Local(party) {
            outputs[k] = local.next().map(|v| member_lanes(&v, count, run.member));
        }
    }
    for (k, column) in learned.public {
        outputs[k] = Some(column);
    }
    let answers: u64 = messages.iter().map(|m| m.len() as u64).sum();
    let outputs = OutputSet::new(&own_contract(program.contract(), part.party), &named(c), outputs, &run.sizes)?;
    Ok(Joined { outputs, sizes: run.sizes, member: run.member, client_bytes: client_bytes + answers })
}

/// The contract as one client sees it: of its family's results, its own element.
fn own_contract(contract: &Contract, party: usize) -> Contract {
    let mut own = contract.clone();
    for part in own.results.iter_mut().filter(|r| r.party == Some(party)) {
        if contract.is_family(party)
            && let circuit::Schema::Array { elem, .. } = &part.schema
        {
            part.schema = (**elem).clone();
        }
    }
    own
}
