//! What clients and nodes, and nodes about clients, say to each other. Bodies are postcard; frames cap their lengths.

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

pub(super) fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, NodeError> {
    postcard::to_allocvec(message).map_err(|e| NodeError::Internal(e.to_string()))
}

/// The body of an abort for a client, or from one: exit code, and a text that continues what its sender's name begins.
pub(super) fn stop(exit: u8, text: &str) -> Vec<u8> {
    Word { exit, culprit: None, witness: None, what: text.into() }.bytes()
}
