//! Signs of life: what a node tells its peers of itself once per interval, and how it is read.
//!
//! Heartbeats tell slow from dead. Does not know who judges them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a node is doing, as its heartbeats say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    Working = 1,
    Waiting = 2,
    Compiling = 3,
}

impl State {
    fn from_byte(byte: u8) -> Option<State> {
        [State::Working, State::Waiting, State::Compiling].into_iter().find(|s| *s as u8 == byte)
    }
}

/// What a node tells of itself.
pub(crate) struct Pulse {
    progress: AtomicU64,
    /// What it does, above the 32 bits of whom it waits for: one word, for a heartbeat may be made while both change.
    doing: AtomicU64,
}

impl Pulse {
    pub(crate) fn new() -> Pulse {
        Pulse { progress: AtomicU64::new(0), doing: AtomicU64::new(doing(State::Working, 0)) }
    }

    pub(crate) fn advance(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }

    /// What this node does now, and for which nodes it waits.
    pub(crate) fn state(&self, state: State, waits_for: &[usize]) {
        self.doing.store(doing(state, mask(waits_for)), Ordering::Relaxed);
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        let mut body = self.progress.load(Ordering::Relaxed).to_le_bytes().to_vec();
        let doing = self.doing.load(Ordering::Relaxed);
        body.push((doing >> 32) as u8);
        body.extend((doing as u32).to_le_bytes());
        body
    }
}

fn doing(state: State, waits_for: u32) -> u64 {
    u64::from(state as u8) << 32 | u64::from(waits_for)
}

fn mask(nodes: &[usize]) -> u32 {
    nodes.iter().filter(|n| **n < 32).fold(0, |m, n| m | 1 << n)
}

/// What a peer told of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beat {
    /// Grows whenever the node gets on.
    pub(crate) progress: u64,
    pub(crate) state: State,
    waits_for: u32,
}

impl Beat {
    /// Reads a heartbeat of one of `nodes` nodes.
    pub(crate) fn parse(body: &[u8], nodes: usize) -> Option<Beat> {
        let (progress, rest) = body.split_first_chunk::<8>()?;
        let (state, rest) = rest.split_first()?;
        let waits_for = u32::from_le_bytes(rest.try_into().ok()?);
        let known = mask(&(0..nodes).collect::<Vec<_>>());
        let state = State::from_byte(*state)?;
        let fits = waits_for & !known == 0 && (state == State::Waiting || waits_for == 0);
        fits.then_some(Beat { progress: u64::from_le_bytes(*progress), state, waits_for })
    }

    /// Whether it waits for this node.
    pub(crate) fn waits_for(&self, node: usize) -> bool {
        self.waits_for & mask(&[node]) != 0
    }
}

/// How often to beat for a deadline.
pub(crate) fn interval(deadline: Duration) -> Duration {
    (deadline / 6).clamp(Duration::from_millis(5), Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_survive_the_wire() {
        let pulse = Pulse::new();
        pulse.advance();
        pulse.state(State::Waiting, &[0, 2]);
        let beat = Beat::parse(&pulse.body(), 3).unwrap();
        assert_eq!((beat.progress, beat.state), (1, State::Waiting));
        assert_eq!([0, 1, 2].map(|n| beat.waits_for(n)), [true, false, true]);
        assert!(Beat::parse(&pulse.body(), 2).is_none(), "it waits for a node that there is not");
    }

    /// A node that is judged by what it never said would be blamed for the clock of its own threads.
    #[test]
    fn a_beat_between_two_changes_is_one_of_both() {
        let pulse = Pulse::new();
        let left = std::sync::atomic::AtomicBool::new(true);
        std::thread::scope(|s| {
            s.spawn(|| {
                while left.load(Ordering::Relaxed) {
                    pulse.state(State::Waiting, &[0, 2]);
                    pulse.state(State::Working, &[]);
                }
            });
            let torn = (0..300_000).filter(|_| Beat::parse(&pulse.body(), 3).is_none()).count();
            left.store(false, Ordering::Relaxed);
            assert_eq!(torn, 0);
        });
    }

    #[test]
    fn no_other_bytes_are_a_beat() {
        let good = Pulse::new().body();
        assert!(Beat::parse(&good, 3).is_some());
        for cut in 0..good.len() {
            assert!(Beat::parse(&good[..cut], 3).is_none());
        }
        assert!(Beat::parse(&[&good[..], &[0]].concat(), 3).is_none());
        for state in [0, 4, 255] {
            let mut body = good.clone();
            body[8] = state;
            assert!(Beat::parse(&body, 3).is_none());
        }
        let mut body = good;
        body[9] = 1;
        assert!(Beat::parse(&body, 3).is_none(), "a node at work waits for nobody");
    }
}
