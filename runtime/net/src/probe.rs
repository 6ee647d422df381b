//! Whether the others can be reached, without a run: for a check-up before it.
//!
//! Calls every node, and answers those who call meanwhile, until everyone has been reached and heard from or the time is
//! over. Knows the first word of a connection, no frames.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::{timeout, timeout_at};
use tokio_rustls::TlsConnector;
use wire::Word;

use crate::meet::{Arrival, Dial, Door, HANDSHAKE, Unanswered, knock_of, pins};
use crate::tcp::{ConnectError, Peer};
use crate::tls::{self, Identity};

/// How a node was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whether it could be called, or why not.
    pub reached: Result<Reached, String>,
    /// Whether it called us, rightly.
    pub called: bool,
}

/// What a node that was reached said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Its version of mpcc.
    pub build: String,
    /// Its clock less ours, in seconds, as far as the time of a call lets it be known.
    pub ahead: i64,
}

/// Calls all nodes but `me` and hears who calls. By index; `None` for `me`.
///
/// # Errors
/// Our own side: certificate, runtime.
pub fn probe(
    me: usize,
    peers: &[Peer],
    identity: &Identity,
    listener: Option<TcpListener>,
    wait: Duration,
    build: &str,
) -> Result<Vec<Option<Found>>, ConnectError> {
    let setup = |e: &dyn std::fmt::Display| ConnectError::Setup(e.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| setup(&e))?;
    runtime.block_on(look(me, peers, identity, listener, wait, build))
}

async fn look(
    me: usize,
    peers: &[Peer],
    identity: &Identity,
    listener: Option<TcpListener>,
    wait: Duration,
    build: &str,
) -> Result<Vec<Option<Found>>, ConnectError> {
    let setup = |e: &dyn std::fmt::Display| ConnectError::Setup(e.to_string());
    let until = Instant::now() + wait;
    let fresh = || Found { reached: Err("no answer".into()), called: false };
    let mut found: Vec<Option<Found>> = (0..peers.len()).map(|k| (k != me).then(fresh)).collect();
    let mut calls = JoinSet::new();
    for (index, peer) in peers.iter().enumerate().filter(|(k, _)| *k != me) {
        let config = tls::client_config(identity, pins([peer])).map_err(|e| setup(&e))?;
        let dial = Dial { index, peer: peer.clone(), connector: TlsConnector::from(Arc::new(config)) };
        calls.spawn(call(dial, build.to_owned(), until));
    }
    let others = peers.iter().enumerate().filter(|(k, _)| *k != me).map(|(_, p)| p);
    let mut door = listener.map(|l| Door::open(l, identity, pins(others))).transpose()?;
    let ignore = |_: &str| {};
    loop {
        let heard = |f: &Found| f.called || door.is_none();
        let complete = found.iter().flatten().all(|f| f.reached.is_ok() && heard(f));
        if complete || (door.is_none() && calls.is_empty()) {
            return Ok(found);
        }
        let arrival = async {
            match &mut door {
                Some(door) => door.arrival(&ignore).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep_until(until.into()) => return Ok(found),
            Some(done) = calls.join_next() => {
                let (index, reached) = done.map_err(|e| setup(&e))?;
                if let Some(found) = &mut found[index] {
                    found.reached = reached;
                }
            }
            Arrival { fingerprint, mut stream, .. } = arrival => {
                if let Some(index) = peers.iter().position(|p| p.fingerprints.contains(&fingerprint)) {
                    let answer = knock_of(Word::Welcome, build).encode();
                    let _ = timeout(Duration::from_secs(1), async {
                        let _ = stream.write_all(&answer).await;
                        let _ = stream.shutdown().await;
                    })
                    .await;
                    if let Some(found) = &mut found[index] {
                        found.called = true;
                    }
                }
            }
        }
    }
}

/// Calls until there is an answer, good or final.
async fn call(dial: Dial, build: String, until: Instant) -> (usize, Result<Reached, String>) {
    let mut last = "no answer".to_owned();
    loop {
        let limit = (Instant::now() + HANDSHAKE).min(until);
        match timeout_at(limit.into(), dial.once(Word::Probe, &build)).await {
            Ok(Ok((mut stream, answer))) => {
                let _ = timeout(Duration::from_secs(1), stream.shutdown()).await;
                let ours = knock_of(Word::Probe, "").time;
                let ahead = answer.time.wrapping_sub(ours) as i64;
                return (dial.index, Ok(Reached { build: answer.build, ahead }));
            }
            Ok(Err(Unanswered::Ever(e))) => return (dial.index, Err(e.to_string())),
            Ok(Err(Unanswered::Yet(why))) => last = why,
            Err(_) => {}
        }
        if Instant::now() + Duration::from_millis(200) >= until {
            return (dial.index, Err(last));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
