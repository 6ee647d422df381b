//! A node's links to clients: connections of those who run no node, at the port where peers connect as well.
//!
//! Who a client is is told by its certificate; strangers do not get past the handshake. The node polls for what came. A
//! client may send one greeting, and then as many bytes of input as the node allowed it: memory is bounded by that, whatever
//! a client does. Once they are shut, newcomers are told so and sent away. Does not know what frames mean, nor what carries
//! them: TLS connections (`tcp`) or a simulation.

pub(crate) mod tcp;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use wire::{Header, Kind};

use crate::hub::{Closed, Frame, Hub};
use crate::meet::Entrance;
use crate::sim::Port;
use crate::tls::Fingerprint;

/// How long a greeting may take to come once a client is let in.
const GREETING: Duration = Duration::from_secs(10);

/// Connections of one client at a time, the first included.
const EACH: usize = 4;

/// Connections of one client in all, over a run.
const TRIES: usize = 1000;

/// A connection of a client, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Caller(usize);

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A client greets: the body of its greeting.
    Greeting(Caller, Fingerprint, Vec<u8>),
    /// Bytes of a client's input.
    Input(Caller, Vec<u8>),
    /// A client stops, and says why.
    Abort(Caller, Vec<u8>),
    /// Nothing more comes.
    Gone(Caller, Closed),
}

/// Bytes that travelled to and from clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCounters {
    /// Bodies of inputs and answers, both ways.
    pub payload: u64,
    /// Headers of all frames and bodies of other frames that this node sent.
    pub overhead_sent: u64,
}

struct Line {
    fingerprint: Fingerprint,
    queue: VecDeque<(Kind, Vec<u8>)>,
    work: Arc<Notify>,
    /// Bytes of input that may still come.
    allowed: u64,
    /// Its greeting has come.
    greeted: bool,
    closing: bool,
    /// Both ends of the connection are done with.
    reading: bool,
    writing: bool,
}

/// Bodies of aborts for newcomers: some have their own.
struct Shut {
    each: HashMap<Fingerprint, Vec<u8>>,
    others: Vec<u8>,
}

#[derive(Default)]
struct Inner {
    lines: Vec<Line>,
    events: VecDeque<Event>,
    /// By client: connections that are there, and all that were.
    live: HashMap<Fingerprint, (usize, usize)>,
    counters: ClientCounters,
    /// What newcomers are told, once these links are shut.
    shut: Option<Shut>,
    closed: bool,
}

/// What follows a frame of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Others may come.
    More,
    /// It is sent away; what else comes is nobody's.
    Away,
}

/// What is to go out to a client.
pub(crate) enum Outgoing {
    Frame(Kind, Vec<u8>),
    /// Nothing more.
    End,
    /// Nothing yet.
    Nothing,
}

/// What the node and those who carry its clients' frames have in common.
pub(crate) struct Shared {
    inner: Mutex<Inner>,
    hub: Arc<Hub>,
    /// Told whenever a writer ends.
    pub(crate) done: Notify,
}

impl Shared {
    pub(crate) fn new(hub: Arc<Hub>) -> Arc<Shared> {
        Arc::new(Shared { inner: Mutex::default(), hub, done: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn closed(&self) -> bool {
        self.lock().closed
    }

    /// A client connects: its number, and what its writer is woken by. `None` if it has too many connections.
    pub(crate) fn enter(&self, fingerprint: Fingerprint) -> Option<(Caller, Arc<Notify>)> {
        let mut inner = self.lock();
        let (live, all) = inner.live.entry(fingerprint).or_default();
        if *live >= EACH || *all >= TRIES {
            return None;
        }
        (*live, *all) = (*live + 1, *all + 1);
        let work = Arc::new(Notify::new());
        inner.lines.push(Line {
            fingerprint,
            queue: VecDeque::new(),
            work: work.clone(),
            allowed: 0,
            greeted: false,
            closing: false,
            reading: true,
            writing: true,
        });
        Some((Caller(inner.lines.len() - 1), work))
    }

    /// Whether a client may send the frame of this header now.
    pub(crate) fn check(&self, caller: Caller, header: &Header) -> Result<(), Closed> {
        let line = &self.lock().lines[caller.0];
        let may = match header.kind {
            Kind::Join => !line.greeted,
            Kind::Input => line.greeted && u64::from(header.length) <= line.allowed,
            Kind::Abort => line.greeted,
            _ => false,
        };
        let what = || format!("a {:?} frame of {} bytes may not come now", header.kind, header.length);
        may.then_some(()).ok_or_else(|| Closed::Broken(what()))
    }

    /// Takes in a frame that was checked.
    pub(crate) fn take(&self, caller: Caller, frame: Frame) -> Next {
        let event = {
            let mut inner = self.lock();
            let inner = &mut *inner;
            let line = &mut inner.lines[caller.0];
            match frame.header.kind {
                Kind::Join => {
                    line.greeted = true;
                    if let Some(shut) = &inner.shut {
                        // A last word, then the end.
                        let body = shut.each.get(&line.fingerprint).unwrap_or(&shut.others).clone();
                        line.queue.push_back((Kind::Abort, body));
                        line.closing = true;
                        line.work.notify_one();
                        return Next::Away;
                    }
                    Event::Greeting(caller, line.fingerprint, frame.body)
                }
                Kind::Abort => Event::Abort(caller, frame.body),
                _ => {
                    inner.counters.payload += frame.body.len() as u64;
                    line.allowed = line.allowed.saturating_sub(frame.body.len() as u64);
                    Event::Input(caller, frame.body)
                }
            }
        };
        self.event(event);
        Next::More
    }

    /// Nothing more comes from a client.
    pub(crate) fn end(&self, caller: Caller, why: Closed) {
        {
            let mut inner = self.lock();
            let line = &mut inner.lines[caller.0];
            line.reading = false;
            line.closing = true;
            line.work.notify_one();
            let fingerprint = line.fingerprint;
            if let Some((live, _)) = inner.live.get_mut(&fingerprint) {
                *live = live.saturating_sub(1);
            }
        }
        self.event(Event::Gone(caller, why));
    }

    /// A heartbeat for everyone.
    pub(crate) fn beat(&self) {
        let mut inner = self.lock();
        for line in inner.lines.iter_mut().filter(|l| l.writing && l.reading && !l.closing) {
            // To one that reads nothing, one heartbeat waits, not one per interval.
            if line.queue.is_empty() {
                line.queue.push_back((Kind::Heartbeat, Vec::new()));
                line.work.notify_one();
            }
        }
    }

    /// What goes out to a client next.
    pub(crate) fn outgoing(&self, caller: Caller) -> Outgoing {
        let mut inner = self.lock();
        let line = &mut inner.lines[caller.0];
        match (line.queue.pop_front(), line.closing) {
            (Some((kind, body)), _) => Outgoing::Frame(kind, body),
            (None, true) => Outgoing::End,
            (None, false) => Outgoing::Nothing,
        }
    }

    /// Counts a frame that went out.
    pub(crate) fn sent(&self, kind: Kind, length: usize) {
        let payload = kind == Kind::Answer;
        let counters = &mut self.lock().counters;
        counters.payload += if payload { length as u64 } else { 0 };
        counters.overhead_sent += wire::HEADER as u64 + if payload { 0 } else { length as u64 };
    }

    /// Nothing more goes out to a client.
    pub(crate) fn written(&self, caller: Caller) {
        let mut inner = self.lock();
        inner.lines[caller.0].writing = false;
        inner.lines[caller.0].queue = VecDeque::new();
        drop(inner);
        self.done.notify_waiters();
    }

    /// Whether nothing more goes out to anyone.
    pub(crate) fn all_written(&self) -> bool {
        self.lock().lines.iter().all(|l| !l.writing)
    }

    fn event(&self, event: Event) {
        self.lock().events.push_back(event);
        self.hub.poke();
    }
}

/// Who carries the frames.
enum Way {
    Tcp(Handle),
    Sim(Box<Port>),
}

/// See the module.
pub struct ClientLinks {
    shared: Arc<Shared>,
    way: Way,
}

impl std::fmt::Debug for ClientLinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientLinks({} lines)", self.shared.lock().lines.len())
    }
}

impl ClientLinks {
    /// Clients come in at `entrance` from now on. Live connections get a heartbeat per `beat`.
    pub(crate) fn open(runtime: &Handle, hub: Arc<Hub>, entrance: Entrance, beat: Duration) -> ClientLinks {
        let shared = Shared::new(hub);
        tcp::open(runtime, &shared, entrance, beat);
        ClientLinks { shared, way: Way::Tcp(runtime.clone()) }
    }

    /// Clients of a simulation.
    pub(crate) fn simulated(shared: Arc<Shared>, port: Port) -> ClientLinks {
        ClientLinks { shared, way: Way::Sim(Box::new(port)) }
    }

    /// In a simulation there are no tasks that write what is queued.
    fn flush(&self) {
        if let Way::Sim(port) = &self.way {
            port.flush();
        }
    }

    /// The next thing that happened, if there is one. [`crate::Links::wait`] wakes up for them.
    pub fn poll(&self) -> Option<Event> {
        self.shared.lock().events.pop_front()
    }

    /// Sends a frame to a client. One that is gone is noticed by its event, not here.
    pub fn send(&self, to: Caller, kind: Kind, body: Vec<u8>) {
        let mut inner = self.shared.lock();
        if let Some(line) = inner.lines.get_mut(to.0).filter(|l| l.writing && !l.closing) {
            line.queue.push_back((kind, body));
            line.work.notify_one();
        }
        drop(inner);
        self.flush();
    }

    /// Lets so many more bytes of input come from a client.
    pub fn allow(&self, from: Caller, bytes: u64) {
        if let Some(line) = self.shared.lock().lines.get_mut(from.0) {
            line.allowed = line.allowed.saturating_add(bytes);
        }
    }

    /// Lets what is queued go out to a client, then closes its connection.
    pub fn dismiss(&self, to: Caller) {
        if let Some(line) = self.shared.lock().lines.get_mut(to.0) {
            line.closing = true;
            line.work.notify_one();
        }
        self.flush();
    }

    /// Tells everyone who is here that the run ended, and newcomers as well.
    pub fn abort(&self, body: Vec<u8>) {
        let mut inner = self.shared.lock();
        for line in inner.lines.iter_mut().filter(|l| l.writing && !l.closing) {
            line.queue.push_back((Kind::Abort, body.clone()));
            line.work.notify_one();
        }
        inner.shut = Some(Shut { each: HashMap::new(), others: body });
        drop(inner);
        self.flush();
    }

    /// From now on those who are here stay, a newcomer is told the text that `each` has for it, or `others`, and is sent
    /// away.
    pub fn shut(&self, each: HashMap<Fingerprint, Vec<u8>>, others: Vec<u8>) {
        self.shared.lock().shut = Some(Shut { each, others });
    }

    /// What travelled so far.
    pub fn counters(&self) -> ClientCounters {
        self.shared.lock().counters
    }

    /// Sends what is queued and closes all connections; gives up after `patience`. What travelled in all.
    pub fn close(self, patience: Duration) -> ClientCounters {
        {
            let mut inner = self.shared.lock();
            inner.closed = true;
            for line in &mut inner.lines {
                line.closing = true;
                line.work.notify_one();
            }
        }
        self.flush();
        let Way::Tcp(runtime) = &self.way else { return self.counters() };
        runtime.block_on(tcp::written(&self.shared, patience));
        self.counters()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Clock;

    #[test]
    fn a_client_may_send_one_greeting_and_then_what_it_was_allowed() {
        let shared = Shared::new(Arc::new(Hub::new(0, 1, Clock::System)));
        let (caller, _) = shared.enter(Fingerprint([1; 32])).unwrap();
        let header = |kind, length| Header::new(kind, 0, 0, length).unwrap();
        let may = |kind, length| shared.check(caller, &header(kind, length)).is_ok();
        let take = |kind, length| {
            assert!(may(kind, length));
            shared.take(caller, Frame { header: header(kind, length), body: vec![0; length] })
        };
        assert!(!may(Kind::Input, 1) && !may(Kind::Abort, 1) && !may(Kind::Hello, 1));
        assert_eq!(take(Kind::Join, 3), Next::More);
        assert!(!may(Kind::Join, 3) && !may(Kind::Input, 1) && may(Kind::Abort, 1));
        shared.lock().lines[0].allowed = 10;
        assert!(may(Kind::Input, 10) && !may(Kind::Input, 11));
        take(Kind::Input, 6);
        assert!(may(Kind::Input, 4) && !may(Kind::Input, 5));
        // Nobody else comes in any more, and is told why.
        shared.lock().shut = Some(Shut { each: HashMap::new(), others: vec![9] });
        let (late, _) = shared.enter(Fingerprint([2; 32])).unwrap();
        let frame = Frame { header: header(Kind::Join, 0), body: Vec::new() };
        assert_eq!(shared.take(late, frame), Next::Away);
        assert!(matches!(shared.outgoing(late), Outgoing::Frame(Kind::Abort, body) if body == [9]));
        assert!(matches!(shared.outgoing(late), Outgoing::End));
        // One client has so many connections, and no more.
        (1..EACH).for_each(|_| assert!(shared.enter(Fingerprint([1; 32])).is_some()));
        assert!(shared.enter(Fingerprint([1; 32])).is_none());
    }
}
