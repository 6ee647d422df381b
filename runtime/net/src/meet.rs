//! How nodes find one another: connections made and accepted, TLS, who is there, and the first word of each side.
//!
//! Of two nodes the lower index listens and the higher connects, again and again until `wait` has passed, so that nodes may
//! start in any order; a node that comes again takes the place of its earlier self. Nobody is let in who has not proved
//! within seconds, and a few kilobytes, to hold a pinned certificate. Knows no frames beyond the one that says farewell.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, Error as TlsError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use wire::{Header, KNOCK, Kind, Knock, Word};

use crate::stop::Stop;
use crate::tcp::{ConnectError, Peer};
use crate::tls::{self, Fingerprint, Identity, Pin as Pinned, SERVER_NAME};

/// How long a connection may take to show who it is and what it wants.
pub const HANDSHAKE: Duration = Duration::from_secs(5);

/// Bytes that a connection may send before it has shown that; a read may go over by one buffer.
pub const BEFORE_KNOWN: usize = 64 << 10;

/// Connections that may be at it at a time; one more waits, or the oldest goes, once it has had [`FAIR`].
pub const PENDING: usize = 64;

/// How long a connection may be at it, whoever else comes: many honest ones at once shall not drive each other out.
pub const FAIR: Duration = Duration::from_secs(1);

/// How long a client waits for its turn at a node's door.
const CROWD: Duration = Duration::from_secs(60);

/// How long a farewell, or the answer to a knock, may take.
const BRIEF: Duration = Duration::from_secs(1);

/// Refused connections that are told of; strangers shall not fill a log.
const TOLD: usize = 20;

/// What a node brings to the meeting.
pub struct Call<'a> {
    /// Its index.
    pub me: usize,
    /// All nodes by index, itself included.
    pub peers: &'a [Peer],
    /// Its certificate and key.
    pub identity: &'a Identity,
    /// Where it listens.
    pub listener: TcpListener,
    /// How long the others may take to come.
    pub wait: Duration,
    /// Certificates of clients that may come, also before all nodes are there.
    pub clients: &'a [Fingerprint],
    /// Its version of mpcc, for messages.
    pub build: &'a str,
    /// Ends the wait.
    pub stop: &'a Stop,
    /// Hears who came and who was turned away.
    pub note: &'a (dyn Fn(&str) + Sync),
    /// What nodes that are here are told if the meeting fails: the body of an abort.
    pub farewell: &'a (dyn Fn(&ConnectError) -> Vec<u8> + Sync),
}

impl std::fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Call(node {} of {})", self.me, self.peers.len())
    }
}

/// A connection whose other end is known.
pub(crate) type Stream = TlsStream<Guarded>;

/// A connection that may bring only so many bytes while nobody knows whose it is.
pub(crate) struct Guarded {
    tcp: TcpStream,
    left: Option<usize>,
}

impl Guarded {
    fn new(tcp: TcpStream) -> Guarded {
        Guarded { tcp, left: Some(BEFORE_KNOWN) }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(left) = self.left else { return Pin::new(&mut self.tcp).poll_read(cx, buf) };
        if left == 0 {
            let what = format!("it sent {BEFORE_KNOWN} bytes without showing who it is");
            return Poll::Ready(Err(io::Error::other(what)));
        }
        let before = buf.filled().len();
        let done = Pin::new(&mut self.tcp).poll_read(cx, buf);
        self.left = Some(left.saturating_sub(buf.filled().len() - before));
        done
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs)
    }
    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

/// Where others come in once the nodes have met, and clients that came before.
pub(crate) struct Entrance {
    pub(crate) door: Door,
    pub(crate) early: Vec<(Fingerprint, Stream)>,
    pub(crate) clients: HashSet<Fingerprint>,
    pub(crate) build: String,
}

/// Streams to all nodes but this one, by index; and where clients come in.
pub(crate) async fn meet(call: Call<'_>) -> Result<(Vec<Option<Stream>>, Entrance), ConnectError> {
    let Call { me, peers, identity, wait, clients, build, stop, note, farewell, .. } = call;
    let clients: HashSet<Fingerprint> = clients.iter().copied().collect();
    let mut early: Vec<(Fingerprint, Stream)> = Vec::new();
    let until = Instant::now() + wait;
    let setup = |e: &dyn std::fmt::Display| ConnectError::Setup(e.to_string());
    let mut met: Vec<Option<Result<Stream, ConnectError>>> = peers.iter().map(|_| None).collect();
    let mut dials = JoinSet::new();
    let failures: Arc<Mutex<Vec<Option<String>>>> = Arc::new(Mutex::new(vec![None; peers.len()]));
    for (index, peer) in peers.iter().enumerate().take(me) {
        let config = tls::client_config(identity, pins([peer])).map_err(|e| setup(&e))?;
        let dial = Dial { index, peer: peer.clone(), connector: TlsConnector::from(Arc::new(config)) };
        dials.spawn(dial.until_welcome(Word::Run, build.to_owned(), failures.clone()));
    }
    let others = peers.iter().enumerate().filter(|(k, _)| *k != me).map(|(_, p)| p);
    let known = clients.iter().map(|f| Pinned { fingerprint: *f, name: None });
    let mut door = Door::open(call.listener, identity, pins(others).into_iter().chain(known).collect())?;
    let mut interrupted = false;
    while met.iter().enumerate().any(|(k, m)| k != me && m.is_none()) {
        tokio::select! {
            () = tokio::time::sleep_until(until.into()) => break,
            () = stop.wait() => {
                interrupted = true;
                break;
            }
            Some(done) = dials.join_next() => {
                let (index, outcome) = done.map_err(|e| setup(&e))?;
                note(&match &outcome {
                    Ok(_) => format!("{} is here", peers[index].name),
                    Err(e) => e.to_string(),
                });
                met[index] = Some(outcome);
            }
            arrived = door.arrival(note) => {
                let Arrival { fingerprint, knock, mut stream, from } = arrived;
                let Some(index) = peers.iter().position(|p| p.fingerprints.contains(&fingerprint)) else {
                    let word = match knock.word {
                        _ if knock.version != wire::VERSION => Word::Version,
                        Some(Word::Probe) => Word::Welcome,
                        // One more than there are clients: a second connection is told apart later.
                        Some(Word::Client) if early.len() <= clients.len() => Word::Welcome,
                        _ => Word::Unexpected,
                    };
                    let answer = knock_of(word, build).encode();
                    let told = timeout(BRIEF, async {
                        stream.write_all(&answer).await?;
                        stream.flush().await
                    });
                    let told = told.await.is_ok_and(|t| t.is_ok());
                    if told && (word, knock.word) == (Word::Welcome, Some(Word::Client)) {
                        early.push((fingerprint, stream));
                    }
                    continue;
                };
                let name = &peers[index].name;
                let word = match knock.word {
                    _ if knock.version != wire::VERSION => Word::Version,
                    Some(Word::Probe) => Word::Welcome,
                    Some(Word::Run) if index > me => Word::Welcome,
                    _ => Word::Unexpected,
                };
                let answer = knock_of(word, build).encode();
                let told = timeout(BRIEF, async {
                    stream.write_all(&answer).await?;
                    stream.flush().await
                });
                let told = told.await.is_ok_and(|t| t.is_ok());
                match (word, knock.word) {
                    (Word::Welcome, Some(Word::Run)) if told => {
                        let again = if matches!(met[index], Some(Ok(_))) { "is here again" } else { "is here" };
                        note(&format!("{name} {again}"));
                        met[index] = Some(Ok(stream));
                    }
                    (Word::Version, _) if index > me => {
                        let error = version(index, name, &knock, build);
                        note(&error.to_string());
                        met[index] = Some(Err(error));
                    }
                    (Word::Unexpected, _) => note(&format!("{name} came from {from}, and was not expected there")),
                    _ => {}
                }
            }
        }
    }
    let missing = |k: usize| peers[k].clone();
    let absent: Vec<usize> = (0..peers.len()).filter(|k| *k != me && met[*k].is_none()).collect();
    let mut worst = interrupted.then_some(ConnectError::Interrupted);
    for outcome in met.iter().flatten() {
        if let Err(e) = outcome
            && worst.as_ref().is_none_or(|w| e.distance() < w.distance())
        {
            worst = Some(e.clone());
        }
    }
    if let (None, Some(&first)) = (&worst, absent.first()) {
        let Peer { name, address, .. } = missing(first);
        let also = absent[1..].iter().map(|k| missing(*k).name).collect();
        // Those with a lower index are called, the others come to the door.
        let failure = failures.lock().unwrap_or_else(PoisonError::into_inner)[first].clone();
        let last = if first < me { failure } else { door.last.clone() };
        worst = Some(ConnectError::Absent { peer: first, name, address, waited: wait, last, also });
    }
    let Some(error) = worst else {
        let entrance = Entrance { door, early, clients, build: build.to_owned() };
        return Ok((met.into_iter().map(|m| m.and_then(Result::ok)).collect(), entrance));
    };
    let body = farewell(&error);
    let mut telling = JoinSet::new();
    let clients = early.into_iter().map(|(_, stream)| stream);
    for mut stream in met.into_iter().flatten().flatten().chain(clients) {
        let Ok(header) = Header::new(Kind::Abort, 0, 0, body.len()) else { continue };
        let bytes = [&header.encode()[..], &body].concat();
        telling.spawn(timeout(BRIEF, async move {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }));
    }
    telling.join_all().await;
    Err(error)
}

/// What these nodes may present.
pub(crate) fn pins<'a>(peers: impl IntoIterator<Item = &'a Peer>) -> Vec<Pinned> {
    let one = |p: &'a Peer| p.fingerprints.iter().map(|f| Pinned { fingerprint: *f, name: Some(p.name.clone()) });
    peers.into_iter().flat_map(one).collect()
}

/// A word of this node, now.
pub(crate) fn knock_of(word: Word, build: &str) -> Knock {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Knock::new(word, now, build)
}

pub(crate) fn version(peer: usize, name: &str, knock: &Knock, build: &str) -> ConnectError {
    let text = |version: u16, build: &str| format!("{version} (mpcc {build})");
    ConnectError::Version {
        peer,
        name: name.to_owned(),
        mine: text(wire::VERSION, build),
        theirs: text(knock.version, &knock.build),
    }
}

/// Someone known at the door.
pub(crate) struct Arrival {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) knock: Knock,
    pub(crate) stream: Stream,
    pub(crate) from: SocketAddr,
}

/// Where others come in.
pub(crate) struct Door {
    listener: tokio::net::TcpListener,
    acceptor: TlsAcceptor,
    pending: JoinSet<Result<Arrival, String>>,
    /// The same, oldest first, and since when.
    order: VecDeque<(Instant, AbortHandle)>,
    told: usize,
    /// [`HANDSHAKE`] and [`FAIR`]; tests have others.
    handshake: Duration,
    fair: Duration,
    /// Why the last one was turned away.
    pub(crate) last: Option<String>,
}

impl Door {
    pub(crate) fn open(listener: TcpListener, identity: &Identity, allowed: Vec<Pinned>) -> Result<Door, ConnectError> {
        let setup = |e: &dyn std::fmt::Display| ConnectError::Setup(e.to_string());
        let config = tls::server_config(identity, allowed).map_err(|e| setup(&e))?;
        listener.set_nonblocking(true).map_err(|e| setup(&e))?;
        Ok(Door {
            listener: tokio::net::TcpListener::from_std(listener).map_err(|e| setup(&e))?,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            pending: JoinSet::new(),
            order: VecDeque::new(),
            told: 0,
            handshake: HANDSHAKE,
            fair: FAIR,
            last: None,
        })
    }

    /// The next one who is known and has said what it wants. May be dropped while it waits.
    pub(crate) async fn arrival(&mut self, note: &(dyn Fn(&str) + Sync)) -> Arrival {
        loop {
            let full = self.full_until();
            tokio::select! {
                () = tokio::time::sleep_until(full.unwrap_or_else(Instant::now).into()), if full.is_some() => {}
                accepted = self.listener.accept(), if full.is_none() => match accepted {
                    Ok((tcp, from)) => self.admit(tcp, from),
                    Err(e) => {
                        // Out of descriptors, most likely: others may go.
                        self.last = Some(e.to_string());
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                },
                Some(done) = self.pending.join_next() => match done {
                    Ok(Ok(arrival)) => return arrival,
                    Ok(Err(why)) => {
                        if self.told < TOLD {
                            note(&why);
                        }
                        self.told += 1;
                        self.last = Some(why);
                    }
                    // Made to go by later ones.
                    Err(_) => {}
                },
            }
        }
    }

    /// Until when no other may come in, if so many are at it and the oldest is to have its time.
    fn full_until(&mut self) -> Option<Instant> {
        self.order.retain(|(_, h)| !h.is_finished());
        let (since, _) = self.order.front().filter(|_| self.order.len() >= PENDING)?;
        Some(*since + self.fair).filter(|until| *until > Instant::now())
    }

    fn admit(&mut self, tcp: TcpStream, from: SocketAddr) {
        while self.order.len() >= PENDING {
            if let Some((_, oldest)) = self.order.pop_front() {
                oldest.abort();
            }
        }
        let (acceptor, limit) = (self.acceptor.clone(), self.handshake);
        let handle = self.pending.spawn(async move {
            let refused = |why: String| format!("a connection from {from} was refused: {why}");
            match timeout(limit, identify(tcp, from, acceptor)).await {
                Ok(done) => done.map_err(refused),
                Err(_) => Err(refused(format!("it did not say who it is within {} s", limit.as_secs()))),
            }
        });
        self.order.push_back((Instant::now(), handle));
    }
}

async fn identify(tcp: TcpStream, from: SocketAddr, acceptor: TlsAcceptor) -> Result<Arrival, String> {
    tcp.set_nodelay(true).map_err(|e| e.to_string())?;
    let mut stream = match acceptor.accept(Guarded::new(tcp)).into_fallible().await {
        Ok(stream) => stream,
        Err((e, mut guarded)) => {
            // Closing with bytes unread would take back the alert that says why.
            let _ = guarded.tcp.shutdown().await;
            let mut sink = tokio::io::sink();
            let _ = timeout(BRIEF, tokio::io::copy(&mut guarded, &mut sink)).await;
            return Err(match e.get_ref().and_then(|e| e.downcast_ref::<TlsError>()) {
                Some(TlsError::InvalidCertificate(why)) => tls::reason(why),
                _ => e.to_string(),
            });
        }
    };
    let certificate = stream.get_ref().1.peer_certificates().and_then(|c| c.first());
    let fingerprint = certificate.map(|c| Fingerprint::of(c)).ok_or("it has no certificate")?;
    let mut bytes = [0; KNOCK];
    stream.read_exact(&mut bytes).await.map_err(|e| e.to_string())?;
    let knock = Knock::decode(&bytes).ok_or("it does not speak mpcc")?;
    stream.get_mut().0.left = None;
    Ok(Arrival { fingerprint, knock, stream: TlsStream::Server(stream), from })
}

/// Connects to one node.
pub(crate) struct Dial {
    pub(crate) index: usize,
    pub(crate) peer: Peer,
    pub(crate) connector: TlsConnector,
}

/// Why a call was not answered with a welcome.
pub(crate) enum Unanswered {
    /// It may be next time.
    Yet(String),
    /// It will not be.
    Ever(ConnectError),
}

impl Dial {
    /// Again and again, until the node lets us in, or says why it never will. Why it did not yet is kept in `failures`.
    pub(crate) async fn until_welcome(
        self,
        word: Word,
        build: String,
        failures: Arc<Mutex<Vec<Option<String>>>>,
    ) -> (usize, Result<Stream, ConnectError>) {
        let mut pause = Duration::from_millis(2);
        // Many clients may come at once, and wait for one another at the node's door.
        let patience = if word == Word::Client { CROWD } else { HANDSHAKE };
        loop {
            let why = match timeout(patience, self.once(word, &build)).await {
                Ok(Ok((stream, _))) => return (self.index, Ok(stream)),
                Ok(Err(Unanswered::Ever(e))) => return (self.index, Err(e)),
                Ok(Err(Unanswered::Yet(why))) => why,
                Err(_) => "no answer".to_owned(),
            };
            failures.lock().unwrap_or_else(PoisonError::into_inner)[self.index] = Some(why);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(250));
        }
    }

    /// One call: a stream, and the answer.
    pub(crate) async fn once(&self, word: Word, build: &str) -> Result<(Stream, Knock), Unanswered> {
        let yet = |e: io::Error| Unanswered::Yet(e.to_string());
        let tcp = TcpStream::connect(&self.peer.address).await.map_err(yet)?;
        tcp.set_nodelay(true).map_err(yet)?;
        let name = ServerName::try_from(SERVER_NAME).map_err(|e| Unanswered::Yet(e.to_string()))?;
        let tried = self.connector.connect(name, Guarded::new(tcp)).await;
        let mut stream = tried.map_err(|e| self.unanswered(e))?;
        let knocked = async {
            stream.write_all(&knock_of(word, build).encode()).await?;
            stream.flush().await?;
            let mut bytes = [0; KNOCK];
            stream.read_exact(&mut bytes).await?;
            io::Result::Ok(bytes)
        };
        // A server looks at our certificate after we think that the handshake is over.
        let bytes = knocked.await.map_err(|e| self.unanswered(e))?;
        let answer = Knock::decode(&bytes).ok_or_else(|| Unanswered::Yet("it does not speak mpcc".to_owned()))?;
        match answer.word {
            _ if answer.version != wire::VERSION => {
                Err(Unanswered::Ever(version(self.index, &self.peer.name, &answer, build)))
            }
            Some(Word::Welcome) => {
                stream.get_mut().0.left = None;
                Ok((TlsStream::Client(stream), answer))
            }
            Some(Word::Taken) => Err(Unanswered::Yet("someone with this node's certificate is there already".into())),
            _ => Err(Unanswered::Yet("it is there, but does not expect this node".into())),
        }
    }

    fn unanswered(&self, e: io::Error) -> Unanswered {
        let Peer { name, address, .. } = self.peer.clone();
        let peer = self.index;
        match e.get_ref().and_then(|e| e.downcast_ref::<TlsError>()) {
            Some(TlsError::InvalidCertificate(why)) => {
                Unanswered::Ever(ConnectError::Identity { peer, name, address, why: tls::reason(why) })
            }
            Some(TlsError::AlertReceived(alert)) => match reason(*alert) {
                Some(why) => Unanswered::Ever(ConnectError::Refused { peer, name, address, why: why.to_owned() }),
                None => Unanswered::Yet(e.to_string()),
            },
            _ if e.kind() == io::ErrorKind::UnexpectedEof => Unanswered::Yet("it closed the connection".to_owned()),
            _ => Unanswered::Yet(e.to_string()),
        }
    }
}

/// What an alert says about our certificate.
fn reason(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::CertificateUnknown | AlertDescription::UnknownCA | AlertDescription::AccessDenied => {
            "it is not pinned there"
        }
        AlertDescription::CertificateExpired => "it says that it has expired, or is not valid yet",
        AlertDescription::BadCertificate => "it says that it is another's",
        AlertDescription::DecryptError => "it says that a signature is wrong",
        AlertDescription::UnsupportedCertificate => "it says that it is not for this use",
        AlertDescription::CertificateRequired => "it got none",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_not_known_may_say_so_much_and_no_more() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let sender = tokio::spawn(async move {
            let mut tcp = TcpStream::connect(address).await.unwrap();
            let _ = tcp.write_all(&vec![7; 4 * BEFORE_KNOWN]).await;
            tcp
        });
        let mut guarded = Guarded::new(listener.accept().await.unwrap().0);
        let (mut read, mut buffer) = (0, vec![0; 4096]);
        let e = loop {
            match guarded.read(&mut buffer).await {
                Ok(n) => read += n,
                Err(e) => break e,
            }
        };
        assert!(e.to_string().contains("without showing who it is"), "{e}");
        assert!((BEFORE_KNOWN..BEFORE_KNOWN + buffer.len()).contains(&read), "{read}");
        // Once it is known there is no limit.
        guarded.left = None;
        while read < 4 * BEFORE_KNOWN {
            read += guarded.read(&mut buffer).await.unwrap();
        }
        sender.await.unwrap();
    }

    #[tokio::test]
    async fn one_more_than_may_be_at_it_makes_the_oldest_go() {
        let identity = || Identity::generate("north").unwrap().0;
        let (own, known) = (identity(), identity());
        let pinned = |i: &Identity| Pinned { fingerprint: i.fingerprint(), name: None };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut door = Door::open(listener, &own, vec![pinned(&known)]).unwrap();
        // Only by making others go does anyone else come in.
        (door.handshake, door.fair) = (Duration::from_secs(3600), Duration::from_millis(50));
        let mut silent = Vec::new();
        while silent.len() < PENDING {
            silent.push(TcpStream::connect(&address).await.unwrap());
            let (tcp, from) = door.listener.accept().await.unwrap();
            door.admit(tcp, from);
        }
        let peer = Peer { name: "north".into(), address, fingerprints: vec![own.fingerprint()] };
        let config = tls::client_config(&known, vec![pinned(&own)]).unwrap();
        let dial = Dial { index: 0, peer, connector: TlsConnector::from(Arc::new(config)) };
        let caller = tokio::spawn(async move { dial.once(Word::Client, "test").await.is_ok() });
        let mut arrival = timeout(Duration::from_secs(60), door.arrival(&|_| {})).await.expect("it comes in");
        assert_eq!(arrival.fingerprint, known.fingerprint());
        arrival.stream.write_all(&knock_of(Word::Welcome, "test").encode()).await.unwrap();
        arrival.stream.flush().await.unwrap();
        assert!(caller.await.unwrap());
        assert!(door.pending.len() < PENDING, "{} are at it", door.pending.len());
        // The oldest is gone, the others are not.
        let mut byte = [0];
        assert!(matches!(timeout(Duration::from_secs(60), silent[0].read(&mut byte)).await, Ok(Ok(0) | Err(_))));
        let e = silent[1].try_read(&mut byte).unwrap_err();
        assert_eq!(e.kind(), io::ErrorKind::WouldBlock);
    }
}
