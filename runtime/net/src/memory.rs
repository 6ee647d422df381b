//! Links between threads of one process: frames move as vectors, without a copy.
//!
//! Optionally with an emulated network (each frame becomes visible after half a round trip and after the frames before it
//! have passed a link of the given bandwidth), and with an [`Interceptor`] that may change, delay, or lose frames: the
//! seam of fault tests. Knows nothing of what frames mean.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use wire::{Header, Order};

use crate::Profile;
use crate::hub::{Closed, Frame, Hub};
use crate::links::{Counters, Links, Outgoing};
use crate::platform::{Clock, Platform};

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It arrives (perhaps changed).
    Deliver,
    /// It is lost; the receiver finds a gap in the order when the next one comes.
    Drop,
    /// It is lost without a gap: as if its sender had not sent it.
    Swallow,
    /// It arrives later by this much, and so do all behind it.
    Delay(Duration),
    /// The link breaks.
    Cut,
}

/// Sees each frame of each in-memory link as it is sent. Called on the sender's thread; no lock is held.
pub trait Interceptor: Send + Sync {
    /// Decides about a frame from node `from` to node `to`; may change its body.
    fn frame(&self, from: usize, to: usize, header: &Header, body: &mut Vec<u8>) -> Action;
}

struct Line {
    order: Order,
    busy: Instant,
    counters: Counters,
}

pub(crate) struct Sender {
    hub: Arc<Hub>,
    line: Mutex<Line>,
    profile: Option<Profile>,
    interceptor: Option<Arc<dyn Interceptor>>,
}

impl Sender {
    pub(crate) fn send(&self, me: usize, peer: usize, mut header: Header, mut body: Vec<u8>, mine: &Hub) {
        let action = match &self.interceptor {
            Some(i) => i.frame(me, peer, &header, &mut body),
            None => Action::Deliver,
        };
        header.length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        // The line stays locked until the frame has arrived: two threads of a node may send, and order is kept.
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let mut delay = Duration::ZERO;
        match action {
            Action::Deliver => {}
            Action::Delay(d) => delay = d,
            Action::Swallow => return,
            Action::Drop => {
                line.order.stamp(&mut header);
                return;
            }
            Action::Cut => {
                self.hub.close(me, Closed::Broken("cut".into()));
                return;
            }
        }
        line.order.stamp(&mut header);
        line.counters.sent(&header);
        let mut due = None;
        if self.profile.is_some() || !delay.is_zero() {
            let profile = self.profile.unwrap_or(Profile { rtt: Duration::ZERO, bits_per_second: f64::INFINITY });
            let start = line.busy.max(Instant::now());
            line.busy = start + profile.serialise(wire::HEADER + body.len()) + delay;
            due = Some(line.busy + profile.rtt / 2);
        }
        if let Some(spare) = self.hub.arrive(me, Frame { header, body }, due) {
            mine.recycle(peer, spare);
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).counters
    }

    pub(crate) fn close(&self, me: usize) {
        self.hub.close(me, Closed::Gone);
    }
}

/// Links for `nodes` nodes of this process, by index.
pub fn links(nodes: usize, profile: Option<Profile>, interceptor: Option<Arc<dyn Interceptor>>) -> Vec<Links> {
    let window = wire::WINDOW.max(profile.map_or(0, |p| 2 * p.in_flight() as u64));
    let hubs: Vec<Arc<Hub>> = (0..nodes).map(|_| Arc::new(Hub::new(nodes, window, Clock::System))).collect();
    let out = |me: usize, peer: usize| {
        if me == peer {
            return Outgoing::Me;
        }
        Outgoing::Memory(Sender {
            hub: hubs[peer].clone(),
            line: Mutex::new(Line { order: Order::new(), busy: Instant::now(), counters: Counters::default() }),
            profile,
            interceptor: interceptor.clone(),
        })
    };
    (0..nodes)
        .map(|me| Links {
            me,
            hub: hubs[me].clone(),
            out: (0..nodes).map(|peer| out(me, peer)).collect(),
            platform: Platform::System,
            connections: None,
        })
        .collect()
}
