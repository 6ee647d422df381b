//! A simulated network: the nodes' own code, on a virtual clock, with a scheduler and faults that a seed replays.
//!
//! Every node runs on a thread of its own, of which one runs at a time. It hands the turn on whenever it waits; who is next
//! is drawn from the seed, and the clock moves only when all wait, to the next arrival or timeout. Nothing is slept through,
//! so minutes of silence take microseconds. Frames travel as bytes and are read as a socket's reader would read them;
//! [`Faults`] see each one as it is sent and say what becomes of it, of its link, and of its sender. A node's end, its
//! virtual time, and what was sent are in the [`Report`]. Same seed, same faults: same run. Knows frames, and nothing of what
//! their bodies mean.

mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use wire::Header;

use crate::Links;
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
    /// Time that a node takes whenever it wakes, by index; zero where the list ends.
    pub slow: Vec<Duration>,
    /// Bytes of payload that may be under way to each node from each other.
    pub window: u64,
    /// When nodes that still run are given up.
    pub limit: Duration,
}

impl Options {
    /// Three nodes, a millisecond apart at most, given up after an hour.
    pub fn new(seed: u64) -> Options {
        Options {
            seed,
            nodes: 3,
            latency: (Duration::from_micros(20), Duration::from_millis(1)),
            slow: Vec::new(),
            window: wire::WINDOW,
            limit: Duration::from_secs(3600),
        }
    }
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
    let (world, links) = World::new(options, faults);
    let ends = std::thread::scope(|scope| {
        let threads: Vec<_> = links
            .into_iter()
            .enumerate()
            .map(|(me, links)| {
                let (world, node) = (&world, &node);
                scope.spawn(move || {
                    world.enter(me);
                    let done = catch_unwind(AssertUnwindSafe(|| node(links)));
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
                })
            })
            .collect();
        world.start();
        let crashed = || End { how: Ended::Panicked("its thread stopped".into()), at: Duration::ZERO };
        threads.into_iter().map(|t| t.join().unwrap_or_else(|_| crashed())).collect()
    });
    let (sent, most_held) = world.history();
    Report { ends, sent, most_held }
}

fn words(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}
