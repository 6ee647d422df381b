//! Clients in a simulation: what a node knows of them, and what a client has. Does not know what frames mean.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::{Header, Kind};

use super::world::{Port, Role};
use crate::client::{Event, Heard};
use crate::clients::{Caller, Shared};
use crate::hub::{Closed, Frame};
use crate::tls::Fingerprint;

/// A node's links to clients.
pub(super) struct Desk {
    pub(super) shared: Arc<Shared>,
    lines: Vec<Line>,
}

struct Line {
    client: usize,
    caller: Caller,
    /// Frames still come from the client, and go to it.
    reads: bool,
    writes: bool,
}

impl Desk {
    pub(super) fn new(shared: Arc<Shared>) -> Desk {
        Desk { shared, lines: Vec::new() }
    }

    /// A client connects; `None` if it may not.
    pub(super) fn enter(&mut self, client: usize, fingerprint: Fingerprint) -> Option<Caller> {
        let (caller, _) = self.shared.enter(fingerprint)?;
        self.lines.push(Line { client, caller, reads: true, writes: true });
        Some(caller)
    }

    /// The connection of a client that may still send.
    pub(super) fn caller(&self, client: usize) -> Option<Caller> {
        self.lines.iter().find(|l| l.client == client && l.reads).map(|l| l.caller)
    }

    /// A client has gone: its connection, if it was there.
    pub(super) fn leave(&mut self, client: usize) -> Option<Caller> {
        let line = self.lines.iter_mut().find(|l| l.client == client && l.reads)?;
        line.reads = false;
        Some(line.caller)
    }

    /// Clients that may still be sent something.
    pub(super) fn writing(&self) -> Vec<(usize, Caller)> {
        self.lines.iter().filter(|l| l.writes).map(|l| (l.client, l.caller)).collect()
    }

    /// Nothing more goes to a client.
    pub(super) fn written(&mut self, client: usize) {
        self.lines.iter_mut().filter(|l| l.client == client).for_each(|l| l.writes = false);
    }
}

/// What came for a client.
pub(super) struct Inbox {
    pub(super) fingerprint: Fingerprint,
    events: VecDeque<Event>,
    /// Nodes from which nothing more comes.
    closed: Vec<usize>,
}

impl Inbox {
    pub(super) fn new(fingerprint: Fingerprint) -> Inbox {
        Inbox { fingerprint, events: VecDeque::new(), closed: Vec::new() }
    }

    pub(super) fn frame(&mut self, from: usize, frame: Frame) {
        if !self.closed.contains(&from) {
            self.events.push_back(Event::Frame(from, frame.header.kind, frame.body));
        }
    }

    pub(super) fn close(&mut self, from: usize, why: Closed) {
        if !self.closed.contains(&from) {
            self.closed.push(from);
            self.events.push_back(Event::Closed(from, why));
        }
    }
}

/// A client's way into its world.
pub(crate) struct ClientPort(pub(super) Port);

impl ClientPort {
    /// Connects to all nodes, and greets them.
    pub(crate) fn connect(&self, greeting: &[u8]) {
        let nodes = {
            let mut state = self.0.world.lock();
            self.0.world.connect(&mut state, self.0.me);
            state.nodes
        };
        (0..nodes).for_each(|node| self.send(node, Kind::Join, greeting.to_vec()));
    }

    pub(crate) fn send(&self, node: usize, kind: Kind, body: Vec<u8>) {
        // What is too long for its kind is our fault, and missed by the node.
        if let Ok(header) = Header::new(kind, 0, 0, body.len()) {
            self.0.send(node, header, body);
        }
    }

    pub(crate) fn receive(&self, timeout: Duration) -> Heard {
        let mut waited = false;
        loop {
            let seen = {
                let mut state = self.0.world.lock();
                let nodes = state.nodes;
                let own = &mut state.all[self.0.me];
                let Role::Client(inbox) = &mut own.role else { return Heard::Over };
                if let Some(event) = inbox.events.pop_front() {
                    return Heard::Event(event);
                }
                if inbox.closed.len() == nodes {
                    return Heard::Over;
                }
                if waited {
                    return Heard::Nothing;
                }
                own.hub.events()
            };
            self.0.wait(seen, timeout);
            waited = true;
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.0.now()
    }

    pub(crate) fn random(&self, out: &mut [u8]) {
        self.0.random(out);
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }
}
