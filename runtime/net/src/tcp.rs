//! Links over TCP with mutual TLS 1.3.
//!
//! Of two nodes the lower index listens and the higher connects, again and again until `wait` has passed, so that nodes
//! may start in any order. One runtime thread owns the connections: a task reads frames into the inbox (and stops reading
//! while it is full), a task writes what is queued. Does not know what frames mean.

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout_at;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use wire::{Header, Order};

use crate::hub::{Closed, Frame, Hub, RoomWaker};
use crate::links::{Counters, Links, Outgoing};
use crate::tls::{self, Fingerprint, Identity, SERVER_NAME};

/// Bytes that may wait to be written to a peer, and read frames that may wait to be taken.
pub const WINDOW: usize = 4 << 20;

/// How long one TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A node, as its peers see it.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its name, for messages.
    pub name: String,
    /// `host:port`.
    pub address: String,
    /// Certificates that it may present.
    pub fingerprints: Vec<Fingerprint>,
}

/// Why links could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Our own side: address, certificate, runtime.
    #[error("{0}")]
    Setup(String),
    /// A peer presented a certificate that is not pinned, or was refused by it.
    #[error("{name} at {address} is not who it should be: {why}")]
    Identity {
        /// Index of the peer.
        peer: usize,
        /// Its name.
        name: String,
        /// Its address.
        address: String,
        /// What the check said.
        why: String,
    },
    /// A peer did not come in time.
    #[error("{name} at {address} could not be reached within {waited:?}{}", last.as_ref().map(|l| format!(": {l}")).unwrap_or_default())]
    Absent {
        /// Index of the peer.
        peer: usize,
        /// Its name.
        name: String,
        /// Its address.
        address: String,
        /// How long we waited.
        waited: Duration,
        /// The last failure, if any.
        last: Option<String>,
    },
}

struct Queue {
    frames: VecDeque<(Header, Vec<u8>)>,
    bytes: usize,
    order: Order,
    counters: Counters,
    starved: bool,
    closing: bool,
    dead: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    work: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Sender(Arc<Shared>);

impl Sender {
    pub(crate) fn send(&self, mut header: Header, body: Vec<u8>) {
        let mut q = self.0.lock();
        if q.dead || q.closing {
            return;
        }
        header.sequence = q.order.take();
        q.bytes += body.len();
        q.frames.push_back((header, body));
        drop(q);
        self.0.work.notify_one();
    }

    pub(crate) fn room(&self) -> usize {
        let mut q = self.0.lock();
        let room = WINDOW.saturating_sub(q.bytes);
        q.starved = room == 0;
        room
    }

    pub(crate) fn counters(&self) -> Counters {
        self.0.lock().counters
    }

    pub(crate) fn close(&self) {
        self.0.lock().closing = true;
        self.0.work.notify_one();
    }
}

/// The runtime and tasks behind a node's links.
pub(crate) struct Connections {
    runtime: Runtime,
    tasks: Vec<JoinHandle<()>>,
}

impl Connections {
    /// Lets what is queued go out and waits for the peers' ends, for at most `patience`.
    pub(crate) fn finish(self, patience: Duration) {
        if !patience.is_zero() {
            let until = tokio::time::Instant::now() + patience;
            self.runtime.block_on(async {
                for task in self.tasks {
                    if timeout_at(until, task).await.is_err() {
                        break;
                    }
                }
            });
        }
        self.runtime.shutdown_background();
    }
}

type Stream = TlsStream<TcpStream>;

/// Makes links to all `peers` (this node's own entry included, at index `me`), within `wait`.
///
/// # Errors
/// See [`ConnectError`].
pub fn connect(
    me: usize,
    peers: &[Peer],
    identity: &Identity,
    listener: TcpListener,
    wait: Duration,
) -> Result<Links, ConnectError> {
    let setup = |what: &str, e: &dyn std::fmt::Display| ConnectError::Setup(format!("{what}: {e}"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("mpcc-net")
        .enable_all()
        .build()
        .map_err(|e| setup("the network thread did not start", &e))?;
    let streams = runtime.block_on(establish(me, peers, identity, listener, wait))?;

    let hub = Arc::new(Hub::new(peers.len(), WINDOW));
    let mut out = Vec::new();
    let mut tasks = Vec::new();
    for (peer, stream) in streams.into_iter().enumerate() {
        let Some(stream) = stream else {
            out.push(Outgoing::Me);
            continue;
        };
        let (reader, writer) = split(stream);
        let room = Arc::new(Notify::new());
        hub.set_waker(peer, RoomWaker::Task(room.clone()));
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                frames: VecDeque::new(),
                bytes: 0,
                order: Order::new(),
                counters: Counters::default(),
                starved: false,
                closing: false,
                dead: false,
            }),
            work: Notify::new(),
        });
        tasks.push(runtime.spawn(write(peer, writer, shared.clone(), hub.clone())));
        tasks.push(runtime.spawn(read(peer, reader, room, hub.clone())));
        out.push(Outgoing::Tcp(Sender(shared)));
    }
    Ok(Links { me, hub, out, connections: Some(Connections { runtime, tasks }) })
}

async fn establish(
    me: usize,
    peers: &[Peer],
    identity: &Identity,
    listener: TcpListener,
    wait: Duration,
) -> Result<Vec<Option<Stream>>, ConnectError> {
    let until = Instant::now() + wait;
    let setup = |e: &dyn std::fmt::Display| ConnectError::Setup(e.to_string());
    let mut dials = JoinSet::new();
    for (index, peer) in peers.iter().enumerate().take(me) {
        let config = tls::client_config(identity, peer.fingerprints.clone()).map_err(|e| setup(&e))?;
        dials.spawn(dial(index, peer.clone(), TlsConnector::from(Arc::new(config)), until, wait));
    }
    let dialled = async {
        let mut found = Vec::new();
        while let Some(done) = dials.join_next().await {
            found.push(done.map_err(|e| setup(&e))??);
        }
        Ok(found)
    };
    let (dialled, accepted) = tokio::try_join!(dialled, accept(me, peers, identity, listener, until, wait))?;
    let mut streams: Vec<Option<Stream>> = peers.iter().map(|_| None).collect();
    for (index, stream) in dialled.into_iter().chain(accepted) {
        streams[index] = Some(stream);
    }
    Ok(streams)
}

/// Accepts connections until every node of a higher index is there. Strangers are turned away, and remembered for the
/// message in case someone is missing at the end.
async fn accept(
    me: usize,
    peers: &[Peer],
    identity: &Identity,
    listener: TcpListener,
    until: Instant,
    wait: Duration,
) -> Result<Vec<(usize, Stream)>, ConnectError> {
    let setup = |e: &dyn std::fmt::Display| ConnectError::Setup(e.to_string());
    let mut streams: Vec<(usize, Stream)> = Vec::new();
    let missing = |streams: &[(usize, Stream)]| {
        (me + 1..peers.len()).filter(|p| streams.iter().all(|(q, _)| p != q)).collect::<Vec<_>>()
    };
    if missing(&streams).is_empty() {
        return Ok(streams);
    }
    let allowed = peers[me + 1..].iter().flat_map(|p| p.fingerprints.iter().copied()).collect();
    let config = tls::server_config(identity, allowed).map_err(|e| setup(&e))?;
    listener.set_nonblocking(true).map_err(|e| setup(&e))?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(|e| setup(&e))?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mut handshakes = JoinSet::new();
    let mut last = None;
    loop {
        let missing = missing(&streams);
        let Some(&first) = missing.first() else { return Ok(streams) };
        tokio::select! {
            () = tokio::time::sleep_until(until.into()) => {
                let Peer { name, address, .. } = peers[first].clone();
                return Err(ConnectError::Absent { peer: first, name, address, waited: wait, last });
            }
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => {
                    let acceptor = acceptor.clone();
                    handshakes.spawn(async move {
                        tcp.set_nodelay(true).map_err(|e| e.to_string())?;
                        match tokio::time::timeout(HANDSHAKE, acceptor.accept(tcp)).await {
                            Ok(Ok(stream)) => Ok(stream),
                            Ok(Err(e)) => Err(format!("a connection was refused: {e}")),
                            Err(_) => Err("a connection did not finish its handshake".to_owned()),
                        }
                    });
                }
                Err(e) => {
                    last = Some(e.to_string());
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            },
            Some(done) = handshakes.join_next() => match done {
                Ok(Ok(stream)) => {
                    let certificate = stream.get_ref().1.peer_certificates().and_then(|c| c.first());
                    let found = certificate.map(|c| Fingerprint::of(c));
                    let index = missing
                        .into_iter()
                        .find(|p| found.is_some_and(|f| peers[*p].fingerprints.contains(&f)));
                    if let Some(index) = index {
                        streams.push((index, TlsStream::Server(stream)));
                    }
                }
                Ok(Err(e)) => last = Some(e),
                Err(e) => last = Some(e.to_string()),
            },
        }
    }
}

/// Connects to a peer, again and again until it listens.
async fn dial(
    index: usize,
    peer: Peer,
    connector: TlsConnector,
    until: Instant,
    wait: Duration,
) -> Result<(usize, Stream), ConnectError> {
    let name = ServerName::try_from(SERVER_NAME).map_err(|e| ConnectError::Setup(e.to_string()))?;
    let mut pause = Duration::from_millis(2);
    let mut last = None;
    while Instant::now() < until {
        let attempt = async {
            let tcp = TcpStream::connect(&peer.address).await?;
            tcp.set_nodelay(true)?;
            connector.connect(name.clone(), tcp).await
        };
        match timeout_at((Instant::now() + HANDSHAKE).min(until).into(), attempt).await {
            Ok(Ok(stream)) => return Ok((index, TlsStream::Client(stream))),
            Ok(Err(e)) => {
                let inner = e.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
                if let Some(rustls::Error::InvalidCertificate(_)) = inner {
                    let why = e.to_string();
                    return Err(ConnectError::Identity { peer: index, name: peer.name, address: peer.address, why });
                }
                last = Some(e.to_string());
            }
            Err(_) => last = Some("no answer".to_owned()),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(250));
    }
    Err(ConnectError::Absent { peer: index, name: peer.name, address: peer.address, waited: wait, last })
}

async fn read(peer: usize, mut stream: ReadHalf<Stream>, room: Arc<Notify>, hub: Arc<Hub>) {
    let why = match read_frames(peer, &mut stream, &room, &hub).await {
        Ok(closed) => closed,
        Err(e) if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => Closed::Gone,
        Err(e) => Closed::Broken(e.to_string()),
    };
    hub.close(peer, why);
}

async fn read_frames(peer: usize, stream: &mut ReadHalf<Stream>, room: &Notify, hub: &Hub) -> std::io::Result<Closed> {
    let mut spare: Option<Vec<u8>> = None;
    loop {
        while hub.room(peer) == 0 {
            room.notified().await;
        }
        let mut head = [0; wire::HEADER];
        stream.read_exact(&mut head).await?;
        let header = match Header::decode(&head) {
            Ok(header) => header,
            Err(e) => return Ok(Closed::Frame(e)),
        };
        let length = header.length as usize;
        let mut body = spare.take().unwrap_or_default();
        body.reserve_exact(length);
        let mut rest = (&mut *stream).take(length as u64);
        while body.len() < length {
            if rest.read_buf(&mut body).await? == 0 {
                return Ok(Closed::Gone);
            }
        }
        spare = hub.arrive(peer, Frame { header, body }, None);
    }
}

async fn write(peer: usize, mut stream: WriteHalf<Stream>, shared: Arc<Shared>, hub: Arc<Hub>) {
    if let Err(e) = write_frames(peer, &mut stream, &shared, &hub).await {
        let mut q = shared.lock();
        q.dead = true;
        q.frames.clear();
        q.bytes = 0;
        drop(q);
        // The reader may still find what the peer said before it closed; a broken pipe alone says nothing better.
        if !matches!(e.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) {
            hub.close(peer, Closed::Broken(e.to_string()));
        }
    }
}

async fn write_frames(peer: usize, stream: &mut WriteHalf<Stream>, shared: &Shared, hub: &Hub) -> std::io::Result<()> {
    loop {
        let (next, closing) = {
            let mut q = shared.lock();
            (q.frames.pop_front(), q.closing)
        };
        let Some((header, body)) = next else {
            stream.flush().await?;
            if closing {
                return stream.shutdown().await;
            }
            shared.work.notified().await;
            continue;
        };
        let head = header.encode();
        // One record holds the header and the beginning of the body.
        let mut done = stream.write_vectored(&[IoSlice::new(&head), IoSlice::new(&body)]).await?;
        if done < head.len() {
            stream.write_all(&head[done..]).await?;
            done = head.len();
        }
        stream.write_all(&body[done - head.len()..]).await?;
        let starved = {
            let mut q = shared.lock();
            q.counters.sent(&header);
            q.bytes -= body.len();
            std::mem::take(&mut q.starved)
        };
        if starved {
            hub.poke();
        }
        hub.recycle(peer, body);
    }
}
