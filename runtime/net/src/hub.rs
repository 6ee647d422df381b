//! The inbox of a node: where frames of all peers arrive, and where the node waits for any of them.
//!
//! One mutex and one condition variable per node, so that waiting for "anything from anyone, or room to send" is one
//! wait. Heartbeats and aborts do not queue: they have a slot per peer, so that they neither pile up nor hide behind
//! payload. Does not know where frames come from.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use wire::{Header, Kind, Order};

use crate::links::Counters;

/// A frame that came.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its header.
    pub header: Header,
    /// Its body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Frame {
    /// Header and length only: a body may hold shares.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({:?})", self.header)
    }
}

/// Why nothing more comes from a peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// Its end of the link is closed.
    #[error("closed the connection")]
    Gone,
    /// It sent what is no frame, or out of order.
    #[error("sent bytes that are no valid frame: {0}")]
    Frame(wire::WireError),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
}

/// Who wants to know that there is room again in an inbox.
pub(crate) enum RoomWaker {
    /// A sender in this process.
    Hub(Weak<Hub>),
    /// The task that reads a connection.
    Task(Arc<Notify>),
}

/// What came from one peer.
pub(crate) struct PeerIn {
    queue: VecDeque<(Option<Instant>, Frame)>,
    bytes: usize,
    order: Order,
    closed: Option<Closed>,
    heard: Instant,
    beat: Option<Vec<u8>>,
    abort: Option<Vec<u8>>,
    spare: Vec<Vec<u8>>,
    counters: Counters,
    starved: bool,
    waker: Option<RoomWaker>,
}

struct State {
    events: u64,
    waiting: bool,
    peers: Vec<PeerIn>,
}

/// See the module.
pub(crate) struct Hub {
    state: Mutex<State>,
    wake: Condvar,
    budget: usize,
}

/// Buffers kept per peer for the next messages.
const SPARES: usize = 4;

impl Hub {
    pub(crate) fn new(nodes: usize, budget: usize) -> Hub {
        let now = Instant::now();
        let peer = |_| PeerIn {
            queue: VecDeque::new(),
            bytes: 0,
            order: Order::new(),
            closed: None,
            heard: now,
            beat: None,
            abort: None,
            spare: Vec::new(),
            counters: Counters::default(),
            starved: false,
            waker: None,
        };
        let state = State { events: 0, waiting: false, peers: (0..nodes).map(peer).collect() };
        Hub { state: Mutex::new(state), wake: Condvar::new(), budget }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn event(&self, state: &mut State) {
        state.events += 1;
        if state.waiting {
            self.wake.notify_all();
        }
    }

    pub(crate) fn set_waker(&self, peer: usize, waker: RoomWaker) {
        self.lock().peers[peer].waker = Some(waker);
    }

    /// Wakes whoever waits at this hub, for a reason outside it.
    pub(crate) fn poke(&self) {
        let mut state = self.lock();
        self.event(&mut state);
    }

    /// Takes in a frame; `due` is when it may be seen. Gives back a spare buffer for the next one.
    pub(crate) fn arrive(&self, from: usize, frame: Frame, due: Option<Instant>) -> Option<Vec<u8>> {
        let now = Instant::now();
        let mut state = self.lock();
        let peer = &mut state.peers[from];
        if peer.closed.is_some() {
            return Some(frame.body);
        }
        if let Err(e) = peer.order.check(frame.header.sequence) {
            peer.closed = Some(Closed::Frame(e));
            self.event(&mut state);
            return None;
        }
        peer.heard = now;
        peer.counters.received(&frame.header);
        let mut spare = None;
        match frame.header.kind {
            Kind::Heartbeat => peer.beat = Some(frame.body),
            Kind::Abort => peer.abort = Some(frame.body),
            _ => {
                peer.bytes += frame.body.len();
                peer.queue.push_back((due, frame));
                spare = peer.spare.pop();
            }
        }
        self.event(&mut state);
        spare
    }

    /// Nothing more will come from `from`.
    pub(crate) fn close(&self, from: usize, why: Closed) {
        let mut state = self.lock();
        if state.peers[from].closed.is_none() {
            state.peers[from].closed = Some(why);
        }
        self.event(&mut state);
    }

    /// Bytes that may still be put into the inbox for `from`; when there are none, its waker is called later.
    pub(crate) fn room(&self, from: usize) -> usize {
        let mut state = self.lock();
        let peer = &mut state.peers[from];
        let room = self.budget.saturating_sub(peer.bytes);
        peer.starved = room == 0;
        room
    }

    /// The next frame from `from`, if it has come and `wanted` says so.
    pub(crate) fn take(&self, from: usize, wanted: impl FnOnce(&Header) -> bool) -> Option<Frame> {
        let mut state = self.lock();
        let peer = &mut state.peers[from];
        let (due, frame) = peer.queue.front()?;
        if due.is_some_and(|due| due > Instant::now()) || !wanted(&frame.header) {
            return None;
        }
        let (_, frame) = peer.queue.pop_front()?;
        peer.bytes -= frame.body.len();
        let waker = match peer.starved && peer.bytes < self.budget {
            true => {
                peer.starved = false;
                match &peer.waker {
                    Some(RoomWaker::Hub(hub)) => Some(Err(hub.clone())),
                    Some(RoomWaker::Task(task)) => Some(Ok(task.clone())),
                    None => None,
                }
            }
            false => None,
        };
        // Two hubs are never locked at once.
        drop(state);
        match waker {
            Some(Ok(task)) => task.notify_one(),
            Some(Err(hub)) => {
                if let Some(hub) = hub.upgrade() {
                    hub.poke();
                }
            }
            None => {}
        }
        Some(frame)
    }

    /// Keeps a used buffer for later messages.
    pub(crate) fn recycle(&self, from: usize, mut body: Vec<u8>) {
        body.clear();
        let mut state = self.lock();
        let spare = &mut state.peers[from].spare;
        if spare.len() < SPARES {
            spare.push(body);
        }
    }

    /// A buffer that was recycled.
    pub(crate) fn spare(&self, from: usize) -> Option<Vec<u8>> {
        self.lock().peers[from].spare.pop()
    }

    /// Number of events so far, to be given to [`Hub::wait`].
    pub(crate) fn events(&self) -> u64 {
        self.lock().events
    }

    /// Waits until there has been an event after `seen`, a delayed frame is due, or `timeout` has passed.
    pub(crate) fn wait(&self, seen: u64, timeout: Duration) {
        let mut state = self.lock();
        if state.events != seen {
            return;
        }
        let now = Instant::now();
        let mut until = timeout;
        for peer in &state.peers {
            if let Some((Some(due), _)) = peer.queue.front() {
                // A frame that is due already was refused by its reader for now; something else must happen first.
                if *due > now {
                    until = until.min(*due - now);
                }
            }
        }
        state.waiting = true;
        let (mut state, _) =
            self.wake.wait_timeout_while(state, until, |s| s.events == seen).unwrap_or_else(PoisonError::into_inner);
        state.waiting = false;
    }

    /// Why nothing more comes from `from`: only once all that came before has been taken.
    pub(crate) fn closed(&self, from: usize) -> Option<Closed> {
        let state = self.lock();
        let peer = &state.peers[from];
        peer.closed.clone().filter(|_| peer.queue.is_empty())
    }

    /// Whether there are frames from `from` that nobody has taken.
    pub(crate) fn pending(&self, from: usize) -> bool {
        !self.lock().peers[from].queue.is_empty()
    }

    pub(crate) fn heard(&self, from: usize) -> Instant {
        self.lock().peers[from].heard
    }

    pub(crate) fn beat(&self, from: usize) -> Option<Vec<u8>> {
        self.lock().peers[from].beat.clone()
    }

    pub(crate) fn abort(&self, from: usize) -> Option<Vec<u8>> {
        self.lock().peers[from].abort.clone()
    }

    pub(crate) fn counters(&self, from: usize) -> Counters {
        self.lock().peers[from].counters
    }
}
