//! Signs of life: a thread that tells the peers once per interval how far this node is, and the watch that reads theirs.
//!
//! Heartbeats tell slow from dead: a node that works or compiles for long is left in peace, one that is silent, or alive
//! without progress and waiting for nobody, is blamed.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use net::{Closed, Links, Stop};
use wire::{Kind, WireError};

use crate::NodeError;
use crate::session::Settings;

/// What a node is doing, as its heartbeats say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    Working = 1,
    Waiting = 2,
    Compiling = 3,
}

/// What a node tells of itself.
pub(crate) struct Pulse {
    progress: AtomicU64,
    state: AtomicU8,
    waits_for: AtomicU8,
    stop: Mutex<bool>,
    wake: Condvar,
}

impl Pulse {
    pub(crate) fn new() -> Pulse {
        Pulse {
            progress: AtomicU64::new(0),
            state: AtomicU8::new(State::Working as u8),
            waits_for: AtomicU8::new(NOBODY),
            stop: Mutex::new(false),
            wake: Condvar::new(),
        }
    }

    pub(crate) fn advance(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn state(&self, state: State, waits_for: Option<usize>) {
        self.state.store(state as u8, Ordering::Relaxed);
        self.waits_for.store(waits_for.map_or(NOBODY, |p| p as u8), Ordering::Relaxed);
    }

    fn body(&self) -> Vec<u8> {
        let mut body = self.progress.load(Ordering::Relaxed).to_le_bytes().to_vec();
        body.push(self.state.load(Ordering::Relaxed));
        body.push(self.waits_for.load(Ordering::Relaxed));
        body
    }

    /// Sends heartbeats until [`Pulse::stop`]; the caller gives it a thread.
    pub(crate) fn beat(&self, links: &Links, interval: Duration) {
        let mut stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
        while !*stop {
            let (guard, waited) = self.wake.wait_timeout(stop, interval).unwrap_or_else(PoisonError::into_inner);
            stop = guard;
            if waited.timed_out() && !*stop {
                for peer in links.peers() {
                    // The body is far below its cap.
                    let _ = links.send(peer, Kind::Heartbeat, 0, 0, self.body());
                }
            }
        }
    }

    pub(crate) fn stop(&self) {
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_all();
    }
}

const NOBODY: u8 = 255;

struct Beat {
    progress: u64,
    state: u8,
    waits_for: u8,
}

fn parse(body: &[u8]) -> Option<Beat> {
    let (progress, rest) = body.split_first_chunk::<8>()?;
    match rest {
        [state, waits_for] => {
            Some(Beat { progress: u64::from_le_bytes(*progress), state: *state, waits_for: *waits_for })
        }
        _ => None,
    }
}

/// How often to beat for a deadline.
pub(crate) fn interval(deadline: Duration) -> Duration {
    (deadline / 6).clamp(Duration::from_millis(5), Duration::from_secs(1))
}

/// Watches the peers for this node.
pub(crate) struct Watch<'a> {
    links: &'a Links,
    pulse: &'a Pulse,
    names: &'a [String],
    deadline: Duration,
    stop: &'a Stop,
    /// Per peer: the last progress it told, and when it changed.
    told: Vec<(u64, Instant)>,
    /// When this node last got on.
    moved: Instant,
    /// The step for messages.
    pub(crate) step: Option<u64>,
    /// Peers that have confirmed: they may leave.
    pub(crate) finished: Vec<bool>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(links: &'a Links, pulse: &'a Pulse, settings: &'a Settings) -> Watch<'a> {
        let now = Instant::now();
        Watch {
            links,
            pulse,
            names: &settings.names,
            deadline: settings.deadline,
            stop: &settings.stop,
            told: vec![(0, now); links.nodes()],
            moved: now,
            step: None,
            finished: vec![false; links.nodes()],
        }
    }

    pub(crate) fn peer(&self, peer: usize, what: impl Into<String>) -> NodeError {
        NodeError::Peer { peer, name: self.name(peer), step: self.step, what: what.into() }
    }

    pub(crate) fn corrupt(&self, peer: usize, what: impl Into<String>) -> NodeError {
        NodeError::Corrupt { peer, name: self.name(peer), step: self.step, what: what.into() }
    }

    fn name(&self, peer: usize) -> String {
        self.names.get(peer).cloned().unwrap_or_else(|| format!("node{peer}"))
    }

    /// This node got on.
    pub(crate) fn moved(&mut self) {
        self.pulse.advance();
        self.moved = Instant::now();
        self.pulse.state(State::Working, None);
    }

    /// Sleeps until something happens after event `seen`, while this node waits for `from`; every now and then checks that
    /// it may still be waited for.
    pub(crate) fn wait(&mut self, seen: u64, from: &[usize]) -> Result<(), NodeError> {
        self.pulse.state(State::Waiting, from.first().copied());
        self.check(from)?;
        self.links.wait(seen, interval(self.deadline));
        Ok(())
    }

    /// Whether this node is to stop.
    pub(crate) fn stopped(&self) -> Result<(), NodeError> {
        if self.stop.is_set() { Err(NodeError::Interrupted) } else { Ok(()) }
    }

    /// Whether anyone has stopped, gone, or kept this node waiting too long.
    pub(crate) fn check(&mut self, from: &[usize]) -> Result<(), NodeError> {
        self.stopped()?;
        for peer in self.links.peers() {
            if let Some(body) = self.links.abort(peer) {
                return Err(self.aborted(peer, &body));
            }
        }
        for peer in self.links.peers() {
            match self.links.closed(peer) {
                Some(_) if self.finished[peer] => {}
                Some(Closed::Frame(WireError::Version(theirs))) => {
                    return Err(NodeError::Disagree {
                        field: "wire version".into(),
                        mine: wire::VERSION.to_string(),
                        theirs: theirs.to_string(),
                        peer,
                        name: self.name(peer),
                    });
                }
                Some(Closed::Frame(e)) => return Err(self.corrupt(peer, e.to_string())),
                Some(closed) => return Err(self.peer(peer, closed.to_string())),
                None => {}
            }
        }
        if self.moved.elapsed() < self.deadline {
            return Ok(());
        }
        let seconds = self.deadline.as_secs_f64();
        let silent = |p: &usize| self.links.heard(*p).elapsed() >= self.deadline;
        if let Some(&peer) = from.iter().find(|p| silent(p)) {
            return Err(self.peer(peer, format!("has been silent for {seconds} s")));
        }
        for &peer in from {
            let Some(beat) = self.links.heartbeat(peer).and_then(|b| parse(&b)) else { continue };
            let told = &mut self.told[peer];
            if beat.progress != told.0 || beat.state == State::Compiling as u8 {
                *told = (beat.progress, Instant::now());
                continue;
            }
            if told.1.elapsed() < self.deadline {
                continue;
            }
            let other = usize::from(beat.waits_for);
            let me = self.links.me();
            match beat.state == State::Waiting as u8 {
                // It waits for a third, which it will name; unless that one has been silent to us as well.
                true if other != me && other < self.links.nodes() && other != peer => {
                    if self.links.heard(other).elapsed() >= self.deadline {
                        return Err(self.peer(other, format!("has been silent for {seconds} s")));
                    }
                    if told.1.elapsed() >= self.deadline * 4 {
                        return Err(self.peer(peer, format!("has made no progress for {} s", seconds * 4.0)));
                    }
                }
                _ => return Err(self.peer(peer, format!("is alive but has made no progress for {seconds} s"))),
            }
        }
        Ok(())
    }

    fn aborted(&self, peer: usize, body: &[u8]) -> NodeError {
        let (exit, blame, what) = match body {
            [exit, blame, text @ ..] => (*exit, usize::from(*blame), String::from_utf8_lossy(text).into_owned()),
            _ => (4, usize::from(NOBODY), "without a reason".into()),
        };
        let what: String = what.chars().filter(|c| !c.is_control()).take(1000).collect();
        if blame < self.links.nodes() && blame != self.links.me() && blame != peer && exit == 4 {
            // The same culprit at all nodes, whoever noticed first.
            let name = self.name(blame);
            let rest = what.strip_prefix(&name).map_or(format!(": {what}"), str::to_owned);
            let what = format!("{}, says {}", rest.trim_start(), self.name(peer));
            return NodeError::Peer { peer: blame, name, step: None, what };
        }
        NodeError::Stopped { peer, name: self.name(peer), exit, what }
    }
}

/// The body of an abort for an error.
pub(crate) fn abort_body(error: &NodeError) -> Vec<u8> {
    let mut body = vec![error.exit(), error.blame().map_or(NOBODY, |p| p as u8)];
    let text = error.for_peers();
    let cut = (0..=text.len().min(2000)).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    body.extend_from_slice(&text.as_bytes()[..cut]);
    body
}
