//! A node's links to clients: connections of those who run no node, at the port where peers connect as well.
//!
//! Who a client is is told by its certificate; strangers do not get past the handshake. A task reads each connection and
//! another writes it; the node polls for what came. A client may send one greeting, and then as many bytes of input as the
//! node allowed it: memory is bounded by that, whatever a client does. Once they are shut, newcomers are told so and sent
//! away. Does not know what frames mean.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use wire::{Header, Kind, Word};

use crate::hub::{Closed, Frame, Hub};
use crate::meet::{Arrival, Door, Entrance, Stream, knock_of};
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

struct Shared {
    inner: Mutex<Inner>,
    hub: Arc<Hub>,
    /// Told whenever a writer ends.
    done: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A last word, then the end.
    fn send_away(&self, caller: Caller, body: Vec<u8>) {
        let line = &mut self.lock().lines[caller.0];
        line.queue.push_back((Kind::Abort, body));
        line.closing = true;
        line.work.notify_one();
    }

    fn event(&self, event: Event) {
        self.lock().events.push_back(event);
        self.hub.poke();
    }
}

/// See the module.
pub struct ClientLinks {
    shared: Arc<Shared>,
    runtime: Handle,
}

impl std::fmt::Debug for ClientLinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientLinks({} lines)", self.shared.lock().lines.len())
    }
}

impl ClientLinks {
    /// Clients come in at `entrance` from now on. Live connections get a heartbeat per `beat`.
    pub(crate) fn open(runtime: &Handle, hub: Arc<Hub>, entrance: Entrance, beat: Duration) -> ClientLinks {
        let Entrance { door, early, clients, build } = entrance;
        let shared = Arc::new(Shared { inner: Mutex::default(), hub, done: Notify::new() });
        for (fingerprint, stream) in early {
            enter(runtime, &shared, fingerprint, stream);
        }
        runtime.spawn(accept(runtime.clone(), shared.clone(), door, clients, build));
        runtime.spawn(heartbeats(shared.clone(), beat));
        ClientLinks { shared, runtime: runtime.clone() }
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
    }

    /// Tells everyone who is here that the run ended, and newcomers as well.
    pub fn abort(&self, body: Vec<u8>) {
        let mut inner = self.shared.lock();
        for line in inner.lines.iter_mut().filter(|l| l.writing && !l.closing) {
            line.queue.push_back((Kind::Abort, body.clone()));
            line.work.notify_one();
        }
        inner.shut = Some(Shut { each: HashMap::new(), others: body });
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
        let shared = self.shared.clone();
        let all = async move {
            loop {
                let done = shared.done.notified();
                if shared.lock().lines.iter().all(|l| !l.writing) {
                    return;
                }
                done.await;
            }
        };
        let _ = self.runtime.block_on(async { tokio::time::timeout(patience, all).await });
        self.counters()
    }
}

async fn accept(runtime: Handle, shared: Arc<Shared>, mut door: Door, clients: HashSet<Fingerprint>, build: String) {
    loop {
        let Arrival { fingerprint, knock, mut stream, .. } = door.arrival(&|_| {}).await;
        if shared.lock().closed {
            return;
        }
        let word = match knock.word {
            _ if knock.version != wire::VERSION => Word::Version,
            Some(Word::Client) if clients.contains(&fingerprint) => Word::Welcome,
            Some(Word::Probe) => Word::Welcome,
            _ => Word::Unexpected,
        };
        let (shared, own, answer) = (shared.clone(), runtime.clone(), knock_of(word, &build).encode());
        runtime.spawn(async move {
            let told = tokio::time::timeout(GREETING, async {
                stream.write_all(&answer).await?;
                stream.flush().await
            });
            if told.await.is_ok_and(|t| t.is_ok()) && (word, knock.word) == (Word::Welcome, Some(Word::Client)) {
                enter(&own, &shared, fingerprint, stream);
            }
        });
    }
}

fn enter(runtime: &Handle, shared: &Arc<Shared>, fingerprint: Fingerprint, stream: Stream) {
    let work = Arc::new(Notify::new());
    let caller = {
        let mut inner = shared.lock();
        let (live, all) = inner.live.entry(fingerprint).or_default();
        if *live >= EACH || *all >= TRIES {
            return;
        }
        (*live, *all) = (*live + 1, *all + 1);
        inner.lines.push(Line {
            fingerprint,
            queue: VecDeque::new(),
            work: work.clone(),
            allowed: 0,
            closing: false,
            reading: true,
            writing: true,
        });
        Caller(inner.lines.len() - 1)
    };
    let (reader, writer) = split(stream);
    runtime.spawn(read(caller, reader, shared.clone()));
    runtime.spawn(write(caller, writer, work, shared.clone()));
}

async fn heartbeats(shared: Arc<Shared>, every: Duration) {
    let mut beat = tokio::time::interval(every);
    loop {
        beat.tick().await;
        let mut inner = shared.lock();
        if inner.closed {
            return;
        }
        for line in inner.lines.iter_mut().filter(|l| l.writing && l.reading && !l.closing) {
            // To one that reads nothing, one heartbeat waits, not one per interval.
            if line.queue.is_empty() {
                line.queue.push_back((Kind::Heartbeat, Vec::new()));
                line.work.notify_one();
            }
        }
    }
}

async fn read(caller: Caller, mut stream: ReadHalf<Stream>, shared: Arc<Shared>) {
    let why = match read_frames(caller, &mut stream, &shared).await {
        Ok(why) => why,
        Err(e) if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => Closed::Gone,
        Err(e) => Closed::Broken(e.to_string()),
    };
    {
        let mut inner = shared.lock();
        let fingerprint = inner.lines[caller.0].fingerprint;
        inner.lines[caller.0].reading = false;
        inner.lines[caller.0].closing = true;
        inner.lines[caller.0].work.notify_one();
        if let Some((live, _)) = inner.live.get_mut(&fingerprint) {
            *live -= 1;
        }
    }
    shared.event(Event::Gone(caller, why));
}

async fn read_frames(caller: Caller, stream: &mut ReadHalf<Stream>, shared: &Shared) -> std::io::Result<Closed> {
    let late = || std::io::Error::new(ErrorKind::TimedOut, "no greeting");
    let mut sequence = 0u32;
    let first = tokio::time::timeout(GREETING, frame(stream, &mut sequence, |h| h.kind == Kind::Join));
    match first.await.map_err(|_| late())?? {
        Ok(frame) => {
            let refusal = {
                let inner = shared.lock();
                let fingerprint = inner.lines[caller.0].fingerprint;
                inner.shut.as_ref().map(|s| s.each.get(&fingerprint).unwrap_or(&s.others).clone())
            };
            if let Some(body) = refusal {
                shared.send_away(caller, body);
                // Until it hangs up, so that it reads the reason first.
                let mut rest = [0; 1024];
                let _ = tokio::time::timeout(GREETING, async {
                    while stream.read(&mut rest).await? > 0 {}
                    Ok::<(), std::io::Error>(())
                })
                .await;
                return Ok(Closed::Gone);
            }
            let fingerprint = shared.lock().lines[caller.0].fingerprint;
            shared.event(Event::Greeting(caller, fingerprint, frame.body));
        }
        Err(closed) => return Ok(closed),
    }
    loop {
        // Asked when a header is there: it may be allowed while nothing comes.
        let fits = |h: &Header| match h.kind {
            Kind::Input => u64::from(h.length) <= shared.lock().lines[caller.0].allowed,
            kind => kind == Kind::Abort,
        };
        let frame = match frame(stream, &mut sequence, fits).await? {
            Ok(frame) => frame,
            Err(closed) => return Ok(closed),
        };
        if frame.header.kind == Kind::Abort {
            shared.event(Event::Abort(caller, frame.body));
            continue;
        }
        {
            let mut inner = shared.lock();
            inner.counters.payload += frame.body.len() as u64;
            inner.lines[caller.0].allowed -= frame.body.len() as u64;
        }
        shared.event(Event::Input(caller, frame.body));
    }
}

/// The next frame, if it is one that may come now.
pub(crate) async fn frame<S: AsyncReadExt + Unpin>(
    stream: &mut S,
    sequence: &mut u32,
    may: impl FnOnce(&Header) -> bool,
) -> std::io::Result<Result<Frame, Closed>> {
    let mut head = [0; wire::HEADER];
    stream.read_exact(&mut head).await?;
    let header = match Header::decode(&head) {
        Ok(header) => header,
        Err(e) => return Ok(Err(Closed::Frame(e))),
    };
    if header.sequence != *sequence {
        let e = wire::WireError::Sequence { expected: *sequence, found: header.sequence };
        return Ok(Err(Closed::Frame(e)));
    }
    if !may(&header) {
        return Ok(Err(Closed::Broken(format!(
            "a {:?} frame of {} bytes may not come now",
            header.kind, header.length
        ))));
    }
    *sequence = sequence.wrapping_add(1);
    let length = header.length as usize;
    // In pieces: a length that nobody sends takes no memory.
    let mut body = Vec::with_capacity(length.min(64 << 10));
    let mut rest = (&mut *stream).take(length as u64);
    while body.len() < length {
        if rest.read_buf(&mut body).await? == 0 {
            return Ok(Err(Closed::Gone));
        }
    }
    Ok(Ok(Frame { header, body }))
}

/// A frame as it travels on a client's connection.
pub(crate) fn encoded(kind: Kind, sequence: u32, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut header = Header::new(kind, 0, 0, body.len()).map_err(std::io::Error::other)?;
    header.sequence = sequence;
    Ok([&header.encode()[..], body].concat())
}

async fn write(caller: Caller, mut stream: WriteHalf<Stream>, work: Arc<Notify>, shared: Arc<Shared>) {
    let _ = write_frames(caller, &mut stream, &work, &shared).await;
    {
        let mut inner = shared.lock();
        inner.lines[caller.0].writing = false;
        inner.lines[caller.0].queue = VecDeque::new();
    }
    shared.done.notify_waiters();
}

async fn write_frames(
    caller: Caller,
    stream: &mut WriteHalf<Stream>,
    work: &Notify,
    shared: &Shared,
) -> std::io::Result<()> {
    let mut sequence = 0u32;
    loop {
        let (next, closing) = {
            let mut inner = shared.lock();
            let line = &mut inner.lines[caller.0];
            (line.queue.pop_front(), line.closing)
        };
        let Some((kind, body)) = next else {
            stream.flush().await?;
            if closing {
                return stream.shutdown().await;
            }
            work.notified().await;
            continue;
        };
        stream.write_all(&encoded(kind, sequence, &body)?).await?;
        sequence = sequence.wrapping_add(1);
        let mut inner = shared.lock();
        let payload = kind == Kind::Answer;
        inner.counters.payload += if payload { body.len() as u64 } else { 0 };
        inner.counters.overhead_sent += wire::HEADER as u64 + if payload { 0 } else { body.len() as u64 };
    }
}
