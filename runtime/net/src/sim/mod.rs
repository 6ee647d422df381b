//! A simulated network: the nodes' own code, on a virtual clock, with a scheduler and faults that a seed replays.
//!
//! Every node runs on a thread of its own, of which one runs at a time. It hands the turn on whenever it waits; who is next
//! is drawn from the seed, and the clock moves only when all wait, to the next arrival or timeout. Nothing is slept through,
//! so minutes of silence take microseconds. Frames travel as bytes and are read as a socket's reader would read them;
//! [`Faults`] see each one as it is sent and say what becomes of it, of its link, and of its sender. A node's end, its
//! virtual time, and what was sent are in the [`Report`]. Same seed, same faults: same run. Knows frames, and nothing of what
//! their bodies mean.

mod clients;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use wire::Header;

use crate::Links;
use crate::client::NodeLinks;
use crate::clients::ClientLinks;
use crate::tls::Fingerprint;
pub(crate) use clients::ClientPort;
pub(crate) use world::Port;
use world::{Doom, World};

/// What a simulation is made of, faults apart.
#[derive(Clone, Debug)]
pub struct Options {
    /// Everything that is drawn is drawn from it: whose turn it is, latencies, the nodes' randomness.
    pub seed: u64,
    /// Number of nodes.
    pub nodes: usize,
    /// The shortest and the longest time that a frame is under way. Frames of one link keep their order.
    pub latency: (Duration, Duration),
    /// Who comes as a client. In frames they have the numbers that follow those of the nodes.
    pub clients: Vec<Caller>,
    /// How often nodes send their clients a heartbeat.
    pub beat: Duration,
    /// Time that a node or a client takes whenever it wakes, by number; zero where the list ends.
    pub slow: Vec<Duration>,
    /// Bytes of payload that may be under way to each node from each other.
    pub window: u64,
    /// The nodes' randomness is the system's: then runs do not repeat, as real ones do not.
    pub fresh: bool,
    /// When nodes that still run are given up.
    pub limit: Duration,
}

impl Options {
    /// Three nodes, a millisecond apart at most, given up after an hour.
    pub fn new(seed: u64) -> Options {
        Options {
            seed,
            nodes: 3,
            clients: Vec::new(),
            beat: Duration::from_millis(50),
            latency: (Duration::from_micros(20), Duration::from_millis(1)),
            slow: Vec::new(),
            window: wire::WINDOW,
            fresh: false,
            limit: Duration::from_secs(3600),
        }
    }
}

/// A client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Of its certificate.
    pub fingerprint: Fingerprint,
    /// When it starts.
    pub at: Duration,
}

/// A frame as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its sender.
    pub from: usize,
    /// Its receiver.
    pub to: usize,
    /// Its header; the sequence number says which frame of its link it is.
    pub header: Header,
    /// When, since the beginning.
    pub at: Duration,
}

/// What becomes of a frame, its link, or its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It arrives, as its bytes are now.
    Deliver,
    /// It is lost; those behind it are not.
    Lose,
    /// It and all behind it in its direction are lost, the link's end included.
    Hole,
    /// It is under way for so much longer, and those behind it wait.
    Delay(Duration),
    /// It arrives twice.
    Twice,
    /// The next frame of its direction overtakes it.
    Behind,
    /// Its receiver finds the connection broken, as TLS does when a byte was changed. The other direction still carries.
    Break,
    /// The connection breaks for both ends.
    Cut,
    /// Its sender dies before it is sent.
    KillBefore,
    /// Its sender dies after it is sent.
    KillAfter,
    /// Its sender stands still for so long after it is sent.
    Freeze(Duration),
}

/// Decides about frames. `bytes` are those of header and body; what is left in them is what travels.
pub trait Faults: Send {
    /// Sees each frame as it is sent, in order.
    fn frame(&mut self, place: &Place, bytes: &mut Vec<u8>) -> Verdict;
}

impl<F: FnMut(&Place, &mut Vec<u8>) -> Verdict + Send> Faults for F {
    fn frame(&mut self, place: &Place, bytes: &mut Vec<u8>) -> Verdict {
        self(place, bytes)
    }
}

/// No faults.
pub fn sound() -> Box<dyn Faults> {
    Box::new(|_: &Place, _: &mut Vec<u8>| Verdict::Deliver)
}

/// How a node ended.
#[derive(Debug)]
pub enum Ended<T> {
    /// By itself.
    Done(T),
    /// A fault killed it.
    Killed,
    /// It still ran at the limit.
    Stuck,
    /// Its code panicked.
    Panicked(String),
}

/// One node's end.
#[derive(Debug)]
pub struct End<T> {
    /// How.
    pub how: Ended<T>,
    /// When, since the beginning.
    pub at: Duration,
}

/// What happened.
#[derive(Debug)]
pub struct Report<T> {
    /// By node.
    pub ends: Vec<End<T>>,
    /// All frames that nodes sent, in order, lost ones included.
    pub sent: Vec<Place>,
    /// The most bytes of payload that ever waited in one node's inbox.
    pub most_held: u64,
}

/// Runs `node` for each node, with its links.
pub fn run<T: Send>(options: &Options, faults: Box<dyn Faults>, node: impl Fn(Links) -> T + Sync) -> Report<T> {
    run_with_clients(options, faults, |links, _| node(links), |_, _| ()).0
}

/// As [`run`], with `client` for each client as well, with its place in the list and its links; and how they ended.
pub fn run_with_clients<T: Send, U: Send>(
    options: &Options,
    faults: Box<dyn Faults>,
    node: impl Fn(Links, ClientLinks) -> T + Sync,
    client: impl Fn(usize, NodeLinks) -> U + Sync,
) -> (Report<T>, Vec<End<U>>) {
    let world = World::new(options, faults);
    let (nodes, count) = (options.nodes, options.nodes + options.clients.len());
    let (ends, clients) = std::thread::scope(|scope| {
        let (world, node, client) = (&world, &node, &client);
        let node = |me| {
            let (links, clients) = world.links(me);
            spawn(scope, move || life(world, me, || node(links, clients)))
        };
        let client = |me| {
            let links = NodeLinks::simulated(ClientPort(world.port(me)));
            spawn(scope, move || life(world, me, || client(me - nodes, links)))
        };
        let ends: Vec<_> = (0..nodes).map(node).collect();
        let clients: Vec<_> = (nodes..count).map(client).collect();
        world.start();
        (ends.into_iter().map(joined).collect(), clients.into_iter().map(joined).collect())
    });
    let (sent, most_held) = world.history();
    (Report { ends, sent, most_held }, clients)
}

fn joined<T>(thread: ScopedJoinHandle<'_, End<T>>) -> End<T> {
    let crashed = || End { how: Ended::Panicked("its thread stopped".into()), at: Duration::ZERO };
    thread.join().unwrap_or_else(|_| crashed())
}

/// Stack of a thread: too large to be kept for later ones, so that nothing stays on it. Only what is used takes memory.
const STACK: usize = 64 << 20;

fn spawn<'s, T: Send + 's>(scope: &'s Scope<'s, '_>, work: impl FnOnce() -> T + Send + 's) -> ScopedJoinHandle<'s, T> {
    // As `Scope::spawn` does.
    std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).expect("a thread starts")
}

/// A thread of the simulation, from its first turn to its end.
fn life<T>(world: &World, me: usize, work: impl FnOnce() -> T) -> End<T> {
    world.enter(me);
    let done = catch_unwind(AssertUnwindSafe(work));
    let at = world.leave(me);
    let how = match done {
        Ok(done) => Ended::Done(done),
        Err(payload) => match payload.downcast_ref::<Doom>() {
            Some(Doom::Killed) => Ended::Killed,
            Some(Doom::Stuck) => Ended::Stuck,
            None => Ended::Panicked(words(&*payload)),
        },
    };
    End { how, at }
}

fn words(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}
