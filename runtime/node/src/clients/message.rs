//! What clients and nodes, and nodes about clients, say to each other. Bodies are postcard; frames cap their lengths.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Seat;
use crate::NodeError;
use crate::blame::Word;
use crate::session::Hello;

/// A client's greeting. Its sizes are those of its own input; the nonce is not looked at.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Join {
    /// The party that it comes as.
    pub party: String,
    /// What it is about to run.
    pub hello: Hello,
}

/// What will run, told to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Terms {
    /// From 0: rises when someone who was to take part is gone before its input was complete.
    pub epoch: u32,
    /// All sizes, those of families included.
    pub sizes: Vec<(String, u64)>,
    /// Of circuit and schedule.
    pub digest: [u8; 32],
    /// The client's number within its family, among those who take part.
    pub member: u64,
    /// The node has this client's input already, and it still fits.
    pub keep: bool,
}

/// What nodes tell each other about clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Members {
    /// 0 for who greeted, then one more each time.
    pub round: u32,
    /// Of circuit and schedule; zeros for who greeted.
    pub digest: [u8; 32],
    /// Who is here, and a digest of the sizes that it told.
    pub seats: Vec<(Seat, u64)>,
}

/// Digests of what clients told two nodes alike: of no other part of their inputs, which must not be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Copies {
    /// That of the list of members that follows.
    pub round: u32,
    /// Those whose input is complete here.
    pub seats: Vec<(Seat, [u8; 16])>,
}

/// What stands in [`Copies`] for such bytes.
pub(super) fn copy_digest(bytes: &[u8]) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(&blake3::derive_key("mpcc 2026-11 copy of a client's input", bytes)[..16]);
    out
}

/// A list's bytes, and a digest of them and of its sender's greeting (given as a digest): who reads another list than was sent
/// in this session blames the sender, not whoever it would then misunderstand.
pub(super) fn sealed<T: Serialize>(greeting: &[u8; 32], list: &T) -> Result<Vec<u8>, NodeError> {
    let mut body = encode(list)?;
    let digest = seal(greeting, &body);
    body.extend_from_slice(&digest);
    Ok(body)
}

/// The list in these bytes, if they are one.
pub(super) fn unsealed<T: DeserializeOwned>(greeting: &[u8; 32], body: &[u8]) -> Option<T> {
    let (list, digest) = body.split_last_chunk::<32>()?;
    if *digest == seal(greeting, list) { decode(list) } else { None }
}

/// Why a client is sent away whose input did not come.
pub(super) const LATE: &str = "its input did not arrive at all nodes in time";

fn seal(greeting: &[u8; 32], list: &[u8]) -> [u8; 32] {
    let mut hash = blake3::Hasher::new_derive_key("mpcc 2026-11 list of clients");
    *hash.update(greeting).update(list).finalize().as_bytes()
}

pub(super) fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, NodeError> {
    postcard::to_allocvec(message).map_err(|e| NodeError::Internal(e.to_string()))
}

/// The message in these bytes, if they are one and nothing follows it.
pub(super) fn decode<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    postcard::take_from_bytes(body).ok().and_then(|(message, rest)| rest.is_empty().then_some(message))
}

/// The body of an abort for a client, or from one: exit code, and a text that continues what its sender's name begins.
pub(super) fn stop(exit: u8, text: &str) -> Vec<u8> {
    Word { exit, culprit: None, witness: None, what: text.into() }.bytes()
}
