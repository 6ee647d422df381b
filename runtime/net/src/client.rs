//! A client's connection to a node. Does not know what frames mean.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio_rustls::TlsConnector;
use wire::{Kind, Word};

use crate::clients::{encoded, frame};
use crate::hub::{Closed, Frame};
use crate::meet::{Dial, Stream, pins};
use crate::tcp::{ConnectError, Peer};
use crate::tls::{self, Identity};

/// The sending end.
pub struct Speaker {
    stream: WriteHalf<Stream>,
    sequence: u32,
}

/// The receiving end.
pub struct Listener {
    stream: ReadHalf<Stream>,
    sequence: u32,
}

impl std::fmt::Debug for Speaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Speaker({} frames)", self.sequence)
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Listener({} frames)", self.sequence)
    }
}

/// Connects to node `index`, again and again until it lets this client in or `wait` has passed. `build` is this client's
/// version of mpcc, for messages.
///
/// # Errors
/// See [`ConnectError`].
pub async fn call(
    index: usize,
    node: &Peer,
    identity: &Identity,
    build: &str,
    wait: Duration,
) -> Result<(Speaker, Listener), ConnectError> {
    let config = tls::client_config(identity, pins([node])).map_err(|e| ConnectError::Setup(e.to_string()))?;
    let dial = Dial { index, peer: node.clone(), connector: TlsConnector::from(Arc::new(config)) };
    let failures = Arc::new(Mutex::new(vec![None; index + 1]));
    let welcome = dial.until_welcome(Word::Client, build.to_owned(), failures.clone());
    let stream = match tokio::time::timeout(wait, welcome).await {
        Ok((_, stream)) => stream,
        Err(_) => {
            let last = failures.lock().unwrap_or_else(PoisonError::into_inner)[index].clone();
            let Peer { name, address, .. } = node.clone();
            Err(ConnectError::Absent { peer: index, name, address, waited: wait, last, also: Vec::new() })
        }
    };
    let (reader, writer) = split(stream?);
    Ok((Speaker { stream: writer, sequence: 0 }, Listener { stream: reader, sequence: 0 }))
}

impl Speaker {
    /// Sends a frame.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn send(&mut self, kind: Kind, body: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(&encoded(kind, self.sequence, body)?).await?;
        self.sequence = self.sequence.wrapping_add(1);
        self.stream.flush().await
    }

    /// Says that nothing more comes.
    pub async fn close(&mut self) {
        let _ = self.stream.shutdown().await;
    }
}

impl Listener {
    /// The next frame.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn receive(&mut self) -> Result<Frame, Closed> {
        match frame(&mut self.stream, &mut self.sequence, |_| true).await {
            Ok(result) => result,
            Err(e) if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => Err(Closed::Gone),
            Err(e) => Err(Closed::Broken(e.to_string())),
        }
    }
}
