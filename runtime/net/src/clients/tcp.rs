//! Connections of clients to a node over TLS: a task reads each and another writes it. What they may do is decided in
//! the parent module. Does not know what frames mean.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use wire::{Header, Kind, Order, Word};

use super::{Caller, GREETING, Next, Outgoing, Shared};
use crate::hub::{Closed, Frame};
use crate::meet::{Arrival, Door, Entrance, Stream, knock_of};
use crate::tls::Fingerprint;

/// Lets clients in at `entrance`. Live connections get a heartbeat per `beat`.
pub(super) fn open(runtime: &Handle, shared: &Arc<Shared>, entrance: Entrance, beat: Duration) {
    let Entrance { door, early, clients, build } = entrance;
    for (fingerprint, stream) in early {
        enter(runtime, shared, fingerprint, stream);
    }
    runtime.spawn(accept(runtime.clone(), shared.clone(), door, clients, build));
    runtime.spawn(heartbeats(shared.clone(), beat));
}

async fn accept(runtime: Handle, shared: Arc<Shared>, mut door: Door, clients: HashSet<Fingerprint>, build: String) {
    loop {
        let Arrival { fingerprint, knock, mut stream, .. } = door.arrival(&|_| {}).await;
        if shared.closed() {
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
    let Some((caller, work)) = shared.enter(fingerprint) else { return };
    let (reader, writer) = split(stream);
    runtime.spawn(read(caller, reader, shared.clone()));
    runtime.spawn(write(caller, writer, work, shared.clone()));
}

async fn heartbeats(shared: Arc<Shared>, every: Duration) {
    let mut beat = tokio::time::interval(every);
    loop {
        beat.tick().await;
        if shared.closed() {
            return;
        }
        shared.beat();
    }
}

async fn read(caller: Caller, mut stream: ReadHalf<Stream>, shared: Arc<Shared>) {
    let why = match read_frames(caller, &mut stream, &shared).await {
        Ok(why) => why,
        Err(e) if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => Closed::Gone,
        Err(e) => Closed::Broken(e.to_string()),
    };
    shared.end(caller, why);
}

async fn read_frames(caller: Caller, stream: &mut ReadHalf<Stream>, shared: &Shared) -> std::io::Result<Closed> {
    let late = || std::io::Error::new(ErrorKind::TimedOut, "no greeting");
    let mut order = Order::new();
    let mut first = true;
    loop {
        let next = frame(stream, &mut order, |h| shared.check(caller, h));
        let next = match std::mem::take(&mut first) {
            true => tokio::time::timeout(GREETING, next).await.map_err(|_| late())?,
            false => next.await,
        };
        let frame = match next? {
            Ok(frame) => frame,
            Err(closed) => return Ok(closed),
        };
        if shared.take(caller, frame) == Next::Away {
            // Until it hangs up, so that it reads the reason first.
            let mut rest = [0; 1024];
            let _ = tokio::time::timeout(GREETING, async {
                while stream.read(&mut rest).await? > 0 {}
                Ok::<(), std::io::Error>(())
            })
            .await;
            return Ok(Closed::Gone);
        }
    }
}

/// The next frame, if it is one that may come now: asked when its header is there.
pub(crate) async fn frame<S: AsyncReadExt + Unpin>(
    stream: &mut S,
    order: &mut Order,
    may: impl FnOnce(&Header) -> Result<(), Closed>,
) -> std::io::Result<Result<Frame, Closed>> {
    let mut head = [0; wire::HEADER];
    stream.read_exact(&mut head).await?;
    let checked = Header::decode(&head).and_then(|h| order.check(&h).map(|()| h)).map_err(Closed::Frame);
    let header = match checked.and_then(|h| may(&h).map(|()| h)) {
        Ok(header) => header,
        Err(closed) => return Ok(Err(closed)),
    };
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
pub(crate) fn encoded(kind: Kind, order: &mut Order, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut header = Header::new(kind, 0, 0, body.len()).map_err(std::io::Error::other)?;
    order.stamp(&mut header);
    Ok([&header.encode()[..], body].concat())
}

/// Returns when nothing more goes out to anyone, or `patience` is over.
pub(super) async fn written(shared: &Shared, patience: Duration) {
    let all = async {
        loop {
            let done = shared.done.notified();
            if shared.all_written() {
                return;
            }
            done.await;
        }
    };
    let _ = tokio::time::timeout(patience, all).await;
}

async fn write(caller: Caller, mut stream: WriteHalf<Stream>, work: Arc<Notify>, shared: Arc<Shared>) {
    let _ = write_frames(caller, &mut stream, &work, &shared).await;
    shared.written(caller);
}

async fn write_frames(
    caller: Caller,
    stream: &mut WriteHalf<Stream>,
    work: &Notify,
    shared: &Shared,
) -> std::io::Result<()> {
    let mut order = Order::new();
    loop {
        match shared.outgoing(caller) {
            Outgoing::Frame(kind, body) => {
                stream.write_all(&encoded(kind, &mut order, &body)?).await?;
                shared.sent(kind, body.len());
            }
            Outgoing::End => {
                stream.flush().await?;
                return stream.shutdown().await;
            }
            Outgoing::Nothing => {
                stream.flush().await?;
                work.notified().await;
            }
        }
    }
}
