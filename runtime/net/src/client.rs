//! A client's links to the nodes. Time, sleep, and randomness come from here too, so that a simulation can give them. Does not
//! know what frames mean.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use wire::{Kind, Order, Word};

use crate::clients::tcp::{encoded, frame};
use crate::hub::Closed;
use crate::meet::{Dial, Stream, pins};
use crate::platform::fill;
use crate::sim::ClientPort;
use crate::tcp::{ConnectError, Peer};
use crate::tls::{self, Identity};

/// What came from a node, given by its index.
#[derive(Debug)]
pub enum Event {
    /// A frame.
    Frame(usize, Kind, Vec<u8>),
    /// Nothing more comes, and why.
    Closed(usize, Closed),
}

/// What a client hears within some time.
#[derive(Debug)]
pub enum Heard {
    /// The next event.
    Event(Event),
    /// Nothing.
    Nothing,
    /// Nothing, and no node has anything more to say.
    Over,
}

enum Way {
    Tcp {
        /// By node.
        speakers: Vec<Speaker>,
        receive: mpsc::Receiver<Event>,
        /// They read, and end with this.
        _readers: JoinSet<()>,
    },
    Sim(Box<ClientPort>),
}

/// See the module.
pub struct NodeLinks {
    way: Way,
}

impl std::fmt::Debug for NodeLinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NodeLinks")
    }
}

impl NodeLinks {
    /// Connects to all nodes, each again and again until it lets this client in or `wait` has passed, and sends each a
    /// `greeting` as soon as it does. `build` is this client's version of mpcc, for messages.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(
        nodes: &[Peer],
        identity: &Identity,
        build: &str,
        wait: Duration,
        greeting: &[u8],
    ) -> Result<NodeLinks, ConnectError> {
        let mut calls = JoinSet::new();
        for (index, node) in nodes.iter().enumerate() {
            let config = tls::client_config(identity, pins([node])).map_err(|e| ConnectError::Setup(e.to_string()))?;
            let dial = Dial { index, peer: node.clone(), connector: TlsConnector::from(Arc::new(config)) };
            let (build, greeting) = (build.to_owned(), greeting.to_owned());
            calls.spawn(async move {
                let stream = call(dial, build, wait).await?;
                let (reader, writer) = split(stream);
                let mut speaker = Speaker { stream: writer, order: Order::new() };
                // One that is gone is noticed where its frames are read.
                let _ = speaker.send(Kind::Join, &greeting).await;
                Ok::<_, ConnectError>((index, speaker, reader))
            });
        }
        let mut found: Vec<Option<Speaker>> = nodes.iter().map(|_| None).collect();
        let mut readers = JoinSet::new();
        let (tell, receive) = mpsc::channel(16);
        while let Some(done) = calls.join_next().await {
            let (index, speaker, reader) = done.map_err(|e| ConnectError::Setup(e.to_string()))??;
            found[index] = Some(speaker);
            readers.spawn(read(index, reader, tell.clone()));
        }
        let speakers = found.into_iter().flatten().collect();
        Ok(NodeLinks { way: Way::Tcp { speakers, receive, _readers: readers } })
    }

    pub(crate) fn simulated(port: ClientPort) -> NodeLinks {
        NodeLinks { way: Way::Sim(Box::new(port)) }
    }

    /// In a simulation: connects to all nodes, and sends each a greeting.
    pub fn greet(&mut self, greeting: &[u8]) {
        if let Way::Sim(port) = &mut self.way {
            port.connect(greeting);
        }
    }

    /// Sends each node its message of `kind`, in frames of at most `chunk` bytes. One that is gone is noticed by its event.
    pub async fn send(&mut self, kind: Kind, messages: &[Vec<u8>], chunk: usize) {
        match &mut self.way {
            Way::Sim(port) => {
                for (node, message) in messages.iter().enumerate() {
                    message.chunks(chunk).for_each(|c| port.send(node, kind, c.to_vec()));
                }
            }
            Way::Tcp { speakers, .. } => {
                // All at once: a node that reads slowly keeps none of the others waiting.
                let mut sends: Vec<_> = speakers
                    .iter_mut()
                    .zip(messages)
                    .map(|(speaker, message)| {
                        Box::pin(async move {
                            for chunk in message.chunks(chunk) {
                                if speaker.send(kind, chunk).await.is_err() {
                                    break;
                                }
                            }
                        })
                    })
                    .collect();
                std::future::poll_fn(|cx| {
                    sends.retain_mut(|s| s.as_mut().poll(cx).is_pending());
                    if sends.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
                })
                .await;
            }
        }
    }

    /// What comes next, if anything does within `timeout`.
    pub async fn receive(&mut self, timeout: Duration) -> Heard {
        match &mut self.way {
            Way::Sim(port) => port.receive(timeout),
            Way::Tcp { receive, .. } => match tokio::time::timeout(timeout, receive.recv()).await {
                Ok(Some(event)) => Heard::Event(event),
                Ok(None) => Heard::Over,
                Err(_) => Heard::Nothing,
            },
        }
    }

    /// Says to all nodes that nothing more comes.
    pub async fn close(&mut self) {
        match &mut self.way {
            Way::Sim(port) => port.close(),
            Way::Tcp { speakers, .. } => {
                for speaker in speakers {
                    let _ = speaker.stream.shutdown().await;
                }
            }
        }
    }

    /// What time it is where this client runs.
    pub fn now(&self) -> Instant {
        match &self.way {
            Way::Sim(port) => port.now(),
            Way::Tcp { .. } => Instant::now(),
        }
    }

    /// Fills `out` with randomness that nobody can foresee (in a simulation, with what its seed says).
    ///
    /// # Errors
    /// If the system gives none.
    pub fn random(&self, out: &mut [u8]) -> Result<(), String> {
        match &self.way {
            Way::Sim(port) => {
                port.random(out);
                Ok(())
            }
            Way::Tcp { .. } => fill(out),
        }
    }
}

async fn call(dial: Dial, build: String, wait: Duration) -> Result<Stream, ConnectError> {
    let (peer, Peer { name, address, .. }) = (dial.index, dial.peer.clone());
    let failures = Arc::new(Mutex::new(vec![None; peer + 1]));
    let welcome = dial.until_welcome(Word::Client, build, failures.clone());
    match tokio::time::timeout(wait, welcome).await {
        Ok((_, stream)) => stream,
        Err(_) => {
            let last = failures.lock().unwrap_or_else(PoisonError::into_inner)[peer].clone();
            Err(ConnectError::Absent { peer, name, address, waited: wait, last, also: Vec::new() })
        }
    }
}

/// The sending end of a connection.
struct Speaker {
    stream: WriteHalf<Stream>,
    order: Order,
}

impl Speaker {
    async fn send(&mut self, kind: Kind, body: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(&encoded(kind, &mut self.order, body)?).await?;
        self.stream.flush().await
    }
}

async fn read(node: usize, mut stream: ReadHalf<Stream>, tell: mpsc::Sender<Event>) {
    let mut order = Order::new();
    loop {
        let event = match frame(&mut stream, &mut order, |_| Ok(())).await {
            Ok(Ok(frame)) => Event::Frame(node, frame.header.kind, frame.body),
            Ok(Err(why)) => Event::Closed(node, why),
            Err(e) if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
                Event::Closed(node, Closed::Gone)
            }
            Err(e) => Event::Closed(node, Closed::Broken(e.to_string())),
        };
        let last = matches!(event, Event::Closed(..));
        if tell.send(event).await.is_err() || last {
            return;
        }
    }
}
