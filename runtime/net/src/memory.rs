//! Links between threads of one process: frames move as vectors, without a copy.
//!
//! Optionally with an emulated network: each frame becomes visible after half a round trip and after the frames before it
//! have passed a link of the given bandwidth. Faults are for [`crate::sim`]. Knows nothing of what frames mean.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use wire::{Header, Order};

use crate::Profile;
use crate::hub::{Closed, Frame, Hub};
use crate::links::{Counters, Links, Outgoing};
use crate::platform::{Clock, Platform};

struct Line {
    order: Order,
    busy: Instant,
    counters: Counters,
}

pub(crate) struct Sender {
    hub: Arc<Hub>,
    line: Mutex<Line>,
    profile: Option<Profile>,
}

impl Sender {
    pub(crate) fn send(&self, me: usize, peer: usize, mut header: Header, body: Vec<u8>, mine: &Hub) {
        // The line stays locked until the frame has arrived: two threads of a node may send, and order is kept.
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        line.order.stamp(&mut header);
        line.counters.sent(&header);
        let mut due = None;
        if let Some(profile) = self.profile {
            let start = line.busy.max(self.hub.now());
            line.busy = start + profile.serialise(wire::HEADER + body.len());
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
pub fn links(nodes: usize, profile: Option<Profile>) -> Vec<Links> {
    let window = wire::WINDOW.max(profile.map_or(0, |p| 2 * p.in_flight() as u64));
    let hubs: Vec<Arc<Hub>> = (0..nodes).map(|_| Arc::new(Hub::new(nodes, window, Clock::System))).collect();
    let out = |me: usize, peer: usize| {
        if me == peer {
            return Outgoing::Me;
        }
        Outgoing::Memory(Sender {
            hub: hubs[peer].clone(),
            line: Mutex::new(Line { order: Order::new(), busy: hubs[me].now(), counters: Counters::default() }),
            profile,
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
