//! The inbox of a node: where frames of all peers arrive, and where the node waits for any of them.
//!
//! One mutex and one condition variable per node, so that waiting for "anything from anyone, or credit to send" is one
//! wait. Heartbeats and aborts do not queue: they have a slot per peer, so that they neither pile up nor hide behind
//! payload. Payload waits within the window that its sender has been given; a frame beyond it closes the link. Does not know
//! where frames come from.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wire::{Header, Kind, Order, WireError};

use crate::links::Counters;
use crate::platform::Clock;

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
    Frame(WireError),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
}

/// What came from one peer.
struct PeerIn {
    queue: VecDeque<(Option<Instant>, Frame)>,
    /// Frames in the queue that are not payload.
    asides: usize,
    order: Order,
    closed: Option<Closed>,
    heard: Instant,
    /// Bytes there are of the frame that is coming in, and how many it has.
    partial: Option<(usize, usize)>,
    beat: Option<Vec<u8>>,
    abort: Option<Vec<u8>>,
    spare: Vec<Vec<u8>>,
    counters: Counters,
    /// Of the window that this node gives the peer: bytes that came, bytes taken, and credits granted.
    came: u64,
    taken: u64,
    granted: u64,
    /// Of the window that the peer gives this node: bytes sent, and credits received.
    sent: u64,
    credits: u64,
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
    window: u64,
    clock: Clock,
}

/// Buffers kept per peer for the next messages.
const SPARES: usize = 4;

/// Frames other than payload that may wait: a node is at most a handshake ahead.
const ASIDES: usize = 8;

impl Hub {
    /// An inbox for frames of `nodes` nodes, with `window` bytes for the payload of each. All nodes use the same window.
    pub(crate) fn new(nodes: usize, window: u64, clock: Clock) -> Hub {
        let now = clock.now();
        let peer = |_| PeerIn {
            queue: VecDeque::new(),
            asides: 0,
            order: Order::new(),
            closed: None,
            heard: now,
            partial: None,
            beat: None,
            abort: None,
            spare: Vec::new(),
            counters: Counters::default(),
            came: 0,
            taken: 0,
            granted: 0,
            sent: 0,
            credits: 0,
        };
        let state = State { events: 0, waiting: false, peers: (0..nodes).map(peer).collect() };
        Hub { state: Mutex::new(state), wake: Condvar::new(), window, clock }
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

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(crate) fn since_1970(&self) -> Duration {
        self.clock.since_1970()
    }

    /// Half a window: what one credit allows.
    fn quantum(&self) -> u64 {
        (self.window / 2).max(1)
    }

    /// Takes in a frame; `due` is when it may be seen. Gives back a spare buffer for the next one.
    pub(crate) fn arrive(&self, from: usize, frame: Frame, due: Option<Instant>) -> Option<Vec<u8>> {
        let now = self.clock.now();
        let mut state = self.lock();
        let peer = &mut state.peers[from];
        if peer.closed.is_some() {
            return Some(frame.body);
        }
        let mut spare = None;
        match self.check(peer, &frame.header) {
            Err(e) => peer.closed = Some(Closed::Frame(e)),
            Ok(()) => {
                peer.heard = now;
                peer.partial = None;
                peer.counters.received(&frame.header);
                match frame.header.kind {
                    Kind::Heartbeat => peer.beat = Some(frame.body),
                    Kind::Abort => peer.abort = Some(frame.body),
                    Kind::Credit => {}
                    kind => {
                        peer.asides += usize::from(!kind.is_payload());
                        peer.queue.push_back((due, frame));
                        spare = peer.spare.pop();
                    }
                }
            }
        }
        self.event(&mut state);
        spare
    }

    /// Holds a frame against order, window, and what may wait; counts it.
    fn check(&self, peer: &mut PeerIn, header: &Header) -> Result<(), WireError> {
        peer.order.check(header)?;
        match header.kind {
            Kind::Payload => {
                let came = peer.came + header.charge();
                if came > self.window + peer.granted * self.quantum() {
                    return Err(WireError::Window(header.kind));
                }
                peer.came = came;
            }
            Kind::Credit => {
                peer.credits += 1;
                // What is taken was sent before.
                if peer.credits * self.quantum() > peer.sent {
                    return Err(WireError::Window(header.kind));
                }
            }
            Kind::Heartbeat | Kind::Abort => {}
            _ if peer.asides >= ASIDES => return Err(WireError::Unasked(header.kind)),
            _ => {}
        }
        Ok(())
    }

    /// A part of a frame came: `got` of `want` bytes.
    pub(crate) fn partial(&self, from: usize, got: usize, want: usize) {
        self.lock().peers[from].partial = Some((got, want));
    }

    /// Wakes whoever waits at this hub, for a reason outside it.
    pub(crate) fn poke(&self) {
        let mut state = self.lock();
        self.event(&mut state);
    }

    /// Nothing more will come from `from`.
    pub(crate) fn close(&self, from: usize, why: Closed) {
        let mut state = self.lock();
        if state.peers[from].closed.is_none() {
            state.peers[from].closed = Some(why);
        }
        self.event(&mut state);
    }

    /// Bytes of payload that may be sent to `to` in one frame now. More credit is an event.
    pub(crate) fn room(&self, to: usize) -> usize {
        let state = self.lock();
        let peer = &state.peers[to];
        let left = (self.window + peer.credits * self.quantum()).saturating_sub(peer.sent + wire::HEADER as u64);
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    /// Takes what a frame to `to` costs off the credit there is.
    ///
    /// # Errors
    /// If there is less.
    pub(crate) fn spend(&self, to: usize, header: &Header) -> Result<(), WireError> {
        let mut state = self.lock();
        let peer = &mut state.peers[to];
        let sent = peer.sent + header.charge();
        if sent > self.window + peer.credits * self.quantum() {
            return Err(WireError::Window(header.kind));
        }
        peer.sent = sent;
        Ok(())
    }

    /// The next frame from `from`, if it has come and `wanted` says so.
    pub(crate) fn take(&self, from: usize, wanted: impl FnOnce(&Header) -> bool) -> Option<Frame> {
        let mut state = self.lock();
        let peer = &mut state.peers[from];
        let (due, frame) = peer.queue.front()?;
        if due.is_some_and(|due| due > self.clock.now()) || !wanted(&frame.header) {
            return None;
        }
        let (_, frame) = peer.queue.pop_front()?;
        peer.asides -= usize::from(!frame.header.kind.is_payload());
        peer.taken += frame.header.charge();
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

    /// How many credits a sender is due for what was taken; they count as granted.
    pub(crate) fn grant(&self, from: usize) -> u64 {
        let mut state = self.lock();
        let peer = &mut state.peers[from];
        let credits = peer.taken / self.quantum() - peer.granted;
        peer.granted += credits;
        credits
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
        let now = self.clock.now();
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

    /// When the last frame came, and what there is of the next one.
    pub(crate) fn heard(&self, from: usize) -> (Instant, Option<(usize, usize)>) {
        let state = self.lock();
        (state.peers[from].heard, state.peers[from].partial)
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

    /// Bytes of payload from all peers that wait to be taken, headers included.
    pub(crate) fn held(&self) -> u64 {
        self.lock().peers.iter().map(|p| p.came - p.taken).sum()
    }
}
