//! What a node holds: a link to each peer, whatever carries it.
//!
//! Sending never blocks: control frames are always taken, payload is sent as far as its receiver gave credit. Time, sleep,
//! and randomness come from here too, so that a simulation can give them. Does not know what frames mean.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::{Header, Kind, WireError};

use crate::hub::{Closed, Frame, Hub};
use crate::platform::{BeatBody, Metronome, Platform, StopOnDrop, fill};
use crate::{memory, tcp};

/// Bytes of one link, as counted by its transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bodies of payload frames sent.
    pub payload_sent: u64,
    /// Headers of all frames and bodies of other frames sent.
    pub overhead_sent: u64,
    /// Bodies of payload frames that came.
    pub payload_received: u64,
    /// Headers of all frames and bodies of other frames that came.
    pub overhead_received: u64,
}

impl Counters {
    pub(crate) fn sent(&mut self, header: &Header) {
        let (payload, overhead) = split(header);
        self.payload_sent += payload;
        self.overhead_sent += overhead;
    }

    pub(crate) fn received(&mut self, header: &Header) {
        let (payload, overhead) = split(header);
        self.payload_received += payload;
        self.overhead_received += overhead;
    }
}

fn split(header: &Header) -> (u64, u64) {
    let (head, body) = (wire::HEADER as u64, u64::from(header.length));
    if header.kind.is_payload() { (body, head) } else { (0, head + body) }
}

pub(crate) enum Outgoing {
    /// This node itself.
    Me,
    Memory(memory::Sender),
    Tcp(tcp::Sender),
    Sim,
}

/// A node's links to all peers.
pub struct Links {
    pub(crate) me: usize,
    pub(crate) hub: Arc<Hub>,
    pub(crate) out: Vec<Outgoing>,
    pub(crate) platform: Platform,
    /// Owns the connections, where there are any.
    pub(crate) connections: Option<tcp::Connections>,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Links(node {} of {})", self.me, self.out.len())
    }
}

impl Links {
    /// This node's index.
    pub fn me(&self) -> usize {
        self.me
    }

    /// Number of nodes, this one included.
    pub fn nodes(&self) -> usize {
        self.out.len()
    }

    /// Indices of all others.
    pub fn peers(&self) -> impl Iterator<Item = usize> + use<> {
        let me = self.me;
        (0..self.out.len()).filter(move |p| *p != me)
    }

    /// Sends a frame. A peer that is gone is noticed by [`Links::closed`], not here.
    ///
    /// # Errors
    /// If the body is longer than its kind may be, or is payload that there is no [`Links::room`] for.
    pub fn send(&self, peer: usize, kind: Kind, session: u64, step: u64, body: Vec<u8>) -> Result<(), WireError> {
        let header = Header::new(kind, session, step, body.len())?;
        self.hub.spend(peer, &header)?;
        match &self.out[peer] {
            Outgoing::Me => {}
            Outgoing::Memory(m) => m.send(self.me, peer, header, body, &self.hub),
            Outgoing::Tcp(t) => t.send(header, body),
            Outgoing::Sim => {
                if let Platform::Sim(port) = &self.platform {
                    port.send(peer, header, body);
                }
            }
        }
        Ok(())
    }

    /// Bytes of payload that the next frame to `peer` may have: what the peer gave credit for. When it is 0, an event follows
    /// once there is more.
    pub fn room(&self, peer: usize) -> usize {
        match &self.out[peer] {
            Outgoing::Me => 0,
            _ => self.hub.room(peer),
        }
    }

    /// The next frame from `peer` if there is one and `wanted` says so; else it stays. For payload that was right,
    /// [`Links::grant`] then gives its sender credit for more.
    pub fn receive(&self, peer: usize, wanted: impl FnOnce(&Header) -> bool) -> Option<Frame> {
        self.hub.take(peer, wanted)
    }

    /// Number of events (arrivals, room, closings) so far: read it before looking for work, give it to [`Links::wait`].
    pub fn events(&self) -> u64 {
        self.hub.events()
    }

    /// Sleeps until an event after `seen`, or `timeout`.
    pub fn wait(&self, seen: u64, timeout: Duration) {
        match &self.platform {
            Platform::System => self.hub.wait(seen, timeout),
            Platform::Sim(port) => port.wait(seen, timeout),
        }
    }

    /// What time it is where this node runs.
    pub fn now(&self) -> Instant {
        self.hub.now()
    }

    /// How long ago 1970 began where this node runs: for reports, decides nothing.
    pub fn since_1970(&self) -> Duration {
        self.hub.since_1970()
    }

    /// Fills `out` with randomness that nobody can foresee (in a simulation, with what its seed says).
    ///
    /// # Errors
    /// If the system gives none.
    pub fn random(&self, out: &mut [u8]) -> Result<(), String> {
        match &self.platform {
            Platform::System => fill(out),
            Platform::Sim(port) => {
                port.random(out);
                Ok(())
            }
        }
    }

    /// Does `work` while each peer is sent a heartbeat with the body that `body` gives, once per `interval`, however long a
    /// piece of the work takes.
    pub fn beating<T>(&self, interval: Duration, body: BeatBody, work: impl FnOnce() -> T) -> T {
        let port = match &self.platform {
            Platform::Sim(port) => port,
            Platform::System => {
                let metronome = Metronome::new();
                let beat = || {
                    for peer in self.peers() {
                        // The body is far below its cap.
                        let _ = self.send(peer, Kind::Heartbeat, 0, 0, body());
                    }
                };
                return std::thread::scope(|scope| {
                    scope.spawn(|| metronome.run(interval, beat));
                    // Also when the work panics: else the scope would wait for the beating thread for ever.
                    let _stop = StopOnDrop(&metronome);
                    work()
                });
            }
        };
        port.beat(interval, body);
        let done = work();
        port.still();
        done
    }

    /// Why nothing more comes from `peer`, once all that came has been taken.
    pub fn closed(&self, peer: usize) -> Option<Closed> {
        self.hub.closed(peer)
    }

    /// Whether frames from `peer` wait to be taken.
    pub fn pending(&self, peer: usize) -> bool {
        self.hub.pending(peer)
    }

    /// When the last frame from `peer` came.
    pub fn heard(&self, peer: usize) -> Instant {
        self.hub.heard(peer).0
    }

    /// Of the frame that is coming in from `peer`: how many bytes there are, and how many it has.
    pub fn partial(&self, peer: usize) -> Option<(usize, usize)> {
        self.hub.heard(peer).1
    }

    /// Bytes of payload that wait to be taken, of all peers, headers included.
    pub fn held(&self) -> u64 {
        self.hub.held()
    }

    /// The body of the last heartbeat of `peer`.
    pub fn heartbeat(&self, peer: usize) -> Option<Vec<u8>> {
        self.hub.beat(peer)
    }

    /// The body of the abort that `peer` sent.
    pub fn abort(&self, peer: usize) -> Option<Vec<u8>> {
        self.hub.abort(peer)
    }

    /// An empty buffer for a message to `peer`, with room if an earlier message left one.
    pub fn buffer(&self, peer: usize) -> Vec<u8> {
        self.hub.spare(peer).unwrap_or_default()
    }

    /// Gives back the buffer of a frame from `peer`.
    pub fn recycle(&self, peer: usize, body: Vec<u8>) {
        self.hub.recycle(peer, body);
    }

    /// What was taken from `peer` so far was right: it gets credit for more. Not earlier: credit for bytes that it never sent
    /// would look like a fault of this node.
    pub fn grant(&self, peer: usize) {
        for _ in 0..self.hub.grant(peer) {
            // An empty body is never too long.
            let _ = self.send(peer, Kind::Credit, 0, 0, Vec::new());
        }
    }

    /// What has travelled between this node and `peer`.
    pub fn counters(&self, peer: usize) -> Counters {
        let mut all = self.hub.counters(peer);
        let sent = match &self.out[peer] {
            Outgoing::Me => Counters::default(),
            Outgoing::Memory(m) => m.counters(),
            Outgoing::Tcp(t) => t.counters(),
            Outgoing::Sim => match &self.platform {
                Platform::Sim(port) => port.counters(peer),
                Platform::System => Counters::default(),
            },
        };
        all.payload_sent = sent.payload_sent;
        all.overhead_sent = sent.overhead_sent;
        all
    }

    /// Sends what is queued and closes all links; gives up after `patience`.
    pub fn close(mut self, patience: Duration) {
        self.shut(patience);
    }

    fn shut(&mut self, patience: Duration) {
        for out in &self.out {
            match out {
                Outgoing::Me => {}
                Outgoing::Memory(m) => m.close(self.me),
                Outgoing::Tcp(t) => t.close(),
                Outgoing::Sim => {}
            }
        }
        if let Platform::Sim(port) = &self.platform {
            port.close();
        }
        if let Some(connections) = self.connections.take() {
            connections.finish(patience);
        }
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.shut(Duration::ZERO);
    }
}
