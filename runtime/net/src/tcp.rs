//! Links over TCP with mutual TLS 1.3.
//!
//! Once the nodes have met, one runtime thread owns the connections: a task reads frames into the inbox, a task writes what
//! is queued. Both hold no more payload than credit was given for. Does not know what frames mean.

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout_at;
use wire::{Header, Kind, Order};
use zeroize::Zeroize;

use crate::clients::ClientLinks;
use crate::hub::{Closed, Frame, Hub};
use crate::links::{Counters, Links, Outgoing};
use crate::meet::{self, Call, Stream};
use crate::platform::{Clock, Platform};
use crate::tls::Fingerprint;

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
    /// Someone wished to stop.
    #[error("interrupted")]
    Interrupted,
    /// A peer speaks another wire version.
    #[error("{name} speaks wire version {theirs}, this node {mine}")]
    Version {
        /// Index of the peer.
        peer: usize,
        /// Its name.
        name: String,
        /// What this node speaks.
        mine: String,
        /// What it speaks.
        theirs: String,
    },
    /// A peer presented a certificate that is not pinned, or is not valid.
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
    /// A peer does not accept this node's certificate.
    #[error("{name} at {address} refused this node's certificate: {why}")]
    Refused {
        /// Index of the peer.
        peer: usize,
        /// Its name.
        name: String,
        /// Its address.
        address: String,
        /// What its alert says.
        why: String,
    },
    /// A peer did not come in time.
    #[error("{name} at {address} could not be reached within {waited:?}{}{}", and(also), because(last))]
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
        /// Names of others that did not come either.
        also: Vec<String>,
    },
}

fn and(also: &[String]) -> String {
    if also.is_empty() { String::new() } else { format!(", nor could {}", also.join(", ")) }
}

fn because(last: &Option<String>) -> String {
    last.as_ref().map(|l| format!(" (last: {l})")).unwrap_or_default()
}

impl ConnectError {
    /// How close to the cause it is, 0 the closest.
    pub(crate) fn distance(&self) -> u8 {
        match self {
            ConnectError::Interrupted => 0,
            ConnectError::Setup(_) => 1,
            ConnectError::Version { .. } => 2,
            ConnectError::Identity { .. } => 3,
            ConnectError::Refused { .. } => 4,
            ConnectError::Absent { .. } => 5,
        }
    }
}

struct Queue {
    frames: VecDeque<(Header, Vec<u8>)>,
    order: Order,
    counters: Counters,
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
        q.order.stamp(&mut header);
        q.frames.push_back((header, body));
        drop(q);
        self.0.work.notify_one();
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

/// Makes links to all nodes, as the call says. Nodes that are here are told when it fails.
///
/// # Errors
/// See [`ConnectError`].
pub fn connect(call: Call<'_>) -> Result<Links, ConnectError> {
    Ok(connect_with_clients(call, Duration::from_secs(1))?.0)
}

/// As [`connect`]; the port stays open for the clients that the call names, who get a heartbeat per `beat`.
///
/// # Errors
/// See [`ConnectError`].
pub fn connect_with_clients(call: Call<'_>, beat: Duration) -> Result<(Links, Option<ClientLinks>), ConnectError> {
    let setup = |what: &str, e: &dyn std::fmt::Display| ConnectError::Setup(format!("{what}: {e}"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("mpcc-net")
        .enable_all()
        .build()
        .map_err(|e| setup("the network thread did not start", &e))?;
    let (me, with_clients) = (call.me, !call.clients.is_empty());
    let (streams, entrance) = runtime.block_on(meet::meet(call))?;

    let hub = Arc::new(Hub::new(streams.len(), wire::WINDOW, Clock::System));
    let mut out = Vec::new();
    let mut tasks = Vec::new();
    for (peer, stream) in streams.into_iter().enumerate() {
        let Some(stream) = stream else {
            out.push(Outgoing::Me);
            continue;
        };
        let (reader, writer) = split(stream);
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                frames: VecDeque::new(),
                order: Order::new(),
                counters: Counters::default(),
                closing: false,
                dead: false,
            }),
            work: Notify::new(),
        });
        tasks.push(runtime.spawn(write(peer, writer, shared.clone(), hub.clone())));
        tasks.push(runtime.spawn(read(peer, reader, hub.clone())));
        out.push(Outgoing::Tcp(Sender(shared)));
    }
    let clients = with_clients.then(|| ClientLinks::open(runtime.handle(), hub.clone(), entrance, beat));
    let connections = Some(Connections { runtime, tasks });
    Ok((Links { me, hub, out, platform: Platform::System, connections }, clients))
}

async fn read(peer: usize, mut stream: ReadHalf<Stream>, hub: Arc<Hub>) {
    let why = match read_frames(peer, &mut stream, &hub).await {
        Ok(closed) => closed,
        Err(e) if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => Closed::Gone,
        Err(e) => Closed::Broken(e.to_string()),
    };
    hub.close(peer, why);
}

async fn read_frames(peer: usize, stream: &mut ReadHalf<Stream>, hub: &Hub) -> std::io::Result<Closed> {
    let mut spare: Option<Vec<u8>> = None;
    loop {
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
            if body.len() < length {
                hub.partial(peer, body.len(), length);
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
        let Some((header, mut body)) = next else {
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
        shared.lock().counters.sent(&header);
        if header.kind == Kind::Keys {
            body.zeroize();
        }
        hub.recycle(peer, body);
    }
}
