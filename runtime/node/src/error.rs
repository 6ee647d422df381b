//! Why a run ends early, with whom to blame and the exit code. Holds no secret: values of inputs appear only in errors
//! about a party's own file, at the node that reads it.

use circuit::SpanId;
use engine::Fault;
use serde::{Deserialize, Serialize};

use crate::blame::Word;
use crate::data::DataError;
use crate::program::CompileError;

/// What a corrupt message is called.
const SENT: &str = "sent what it must not";

/// Why a run ended early.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum NodeError {
    /// Wrong use or configuration.
    #[error("{0}")]
    Usage(String),
    /// Bad input data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The program does not compile with the sizes of this run.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The program failed while running: a check, a clear division by zero, a clear index out of range.
    #[error("{what}")]
    Program {
        /// Where, for the driver to show.
        #[serde(with = "span")]
        span: SpanId,
        /// What.
        what: String,
    },
    /// A peer is gone, silent, or stuck.
    #[error("{name} {what}{}", at_step(*step))]
    Peer {
        /// Its index.
        peer: usize,
        /// Its name.
        name: String,
        /// The step this node was in, if the run had begun.
        step: Option<u64>,
        /// What it did, as the end of a sentence that its name begins.
        what: String,
    },
    /// A peer ended the run for a reason of its own.
    #[error("{name} stopped: {what}")]
    Stopped {
        /// Its index.
        peer: usize,
        /// Its name.
        name: String,
        /// Its exit code.
        exit: u8,
        /// Its reason.
        what: String,
    },
    /// A peer sent what no honest node sends.
    #[error("{name} {SENT}{}: {what}", at_step(*step))]
    Corrupt {
        /// Its index.
        peer: usize,
        /// Its name.
        name: String,
        /// The step, if the run had begun.
        step: Option<u64>,
        /// What is wrong.
        what: String,
    },
    /// Another node found a node at fault: perhaps this one.
    #[error("{name} {what}, says {by_name}")]
    Blamed {
        /// Index of the node at fault.
        peer: usize,
        /// Its name.
        name: String,
        /// The exit code: 4 or 5.
        exit: u8,
        /// What it did, as the end of a sentence that its name begins.
        what: String,
        /// Index of the node that found it.
        by: usize,
        /// Its name.
        by_name: String,
    },
    /// Nodes want to run different things.
    #[error("this node and {name} disagree about the {field}: here {mine}, there {theirs}")]
    Disagree {
        /// What they disagree about.
        field: String,
        /// This node's value.
        mine: String,
        /// The peer's value.
        theirs: String,
        /// Its index.
        peer: usize,
        /// Its name.
        name: String,
    },
    /// A client that the run needs did not come, or not in time, or does not fit.
    #[error("{name} {what}")]
    Client {
        /// The client's party.
        name: String,
        /// What happened, as the end of a sentence that its name begins.
        what: String,
    },
    /// A node sent this client away.
    #[error("{name} refused: {what}")]
    Refused {
        /// Index of the node.
        peer: usize,
        /// Its name.
        name: String,
        /// Its reason.
        what: String,
    },
    /// Two nodes told this client different things.
    #[error("{one} and {two} sent different {what}: a node cheats or is broken; no result was taken")]
    Copies {
        /// A node.
        one: String,
        /// Another node.
        two: String,
        /// Of what.
        what: String,
    },
    /// Links could not be made.
    #[error("{what}")]
    Connect {
        /// Who is to blame, if a peer.
        peer: Option<usize>,
        /// What happened.
        what: String,
    },
    /// Someone at this host wished to stop.
    #[error("interrupted")]
    Interrupted,
    /// A bug of ours.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Spans as numbers.
mod span {
    use circuit::SpanId;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(span: &SpanId, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(span.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SpanId, D::Error> {
        u32::deserialize(from).map(SpanId)
    }
}

fn at_step(step: Option<u64>) -> String {
    step.map(|s| format!(" (step {s})")).unwrap_or_default()
}

impl NodeError {
    /// The command's exit code.
    pub fn exit(&self) -> u8 {
        match self {
            NodeError::Usage(_) | NodeError::Data(DataError::Usage(_)) => 2,
            NodeError::Data(_) => 3,
            NodeError::Compile(e) => e.exit,
            NodeError::Program { .. } => 1,
            NodeError::Stopped { exit: exit @ (1 | 2 | 7 | 8), .. } | NodeError::Blamed { exit, .. } => *exit,
            NodeError::Peer { .. }
            | NodeError::Stopped { .. }
            | NodeError::Connect { .. }
            | NodeError::Client { .. } => 4,
            NodeError::Corrupt { .. } | NodeError::Copies { .. } => 5,
            NodeError::Refused { .. } => 6,
            NodeError::Disagree { .. } => 7,
            NodeError::Interrupted => 130,
            NodeError::Internal(_) => 101,
        }
    }

    /// Index of the node to blame, if it is one.
    pub fn blame(&self) -> Option<usize> {
        match self {
            NodeError::Peer { peer, .. }
            | NodeError::Stopped { peer, .. }
            | NodeError::Corrupt { peer, .. }
            | NodeError::Blamed { peer, .. }
            | NodeError::Refused { peer, .. }
            | NodeError::Disagree { peer, .. } => Some(*peer),
            NodeError::Connect { peer, .. } => *peer,
            _ => None,
        }
    }

    /// What may leave this host of it, in words: nothing that depends on an input.
    pub fn for_peers(&self) -> String {
        match self {
            NodeError::Peer { .. } | NodeError::Corrupt { .. } | NodeError::Blamed { .. } => self.to_string(),
            NodeError::Stopped { .. } => self.to_string(),
            other => other.word().what,
        }
    }

    /// What peers are told: nothing that depends on an input.
    pub(crate) fn word(&self) -> Word {
        let own = |what: &str| Word { exit: self.exit(), culprit: None, witness: None, what: what.into() };
        match self {
            NodeError::Peer { peer, step, what, .. } => {
                Word { culprit: Some(*peer), ..own(&format!("{what}{}", at_step(*step))) }
            }
            NodeError::Corrupt { peer, step, what, .. } => {
                Word { culprit: Some(*peer), ..own(&format!("{SENT}{}: {what}", at_step(*step))) }
            }
            NodeError::Blamed { peer, what, by, .. } => Word { culprit: Some(*peer), witness: Some(*by), ..own(what) },
            NodeError::Stopped { peer, exit, what, .. } => Word { exit: *exit, culprit: Some(*peer), ..own(what) },
            NodeError::Usage(_) => own("it was started in a way that cannot work"),
            NodeError::Data(_) => own("its input data are not valid"),
            // A limit is met by what the circuit takes, which all may know.
            NodeError::Compile(e) if e.exit == 8 => own(&e.message),
            NodeError::Compile(_) => own("the program does not compile there"),
            NodeError::Program { .. } => own("the program failed there"),
            NodeError::Internal(_) => own("an internal error"),
            NodeError::Interrupted => own("it was interrupted at its host"),
            NodeError::Disagree { field, mine, theirs, name, .. } => {
                own(&format!("it and {name} disagree about the {field}: it has {mine}, {name} {theirs}"))
            }
            NodeError::Connect { what, .. } => own(what),
            NodeError::Client { .. } | NodeError::Refused { .. } | NodeError::Copies { .. } => own(&self.to_string()),
        }
    }

    /// How close to the cause an error is, 0 the closest: of several nodes' errors, the lowest tells most.
    pub fn distance(&self) -> u8 {
        match self {
            NodeError::Stopped { .. } | NodeError::Blamed { .. } => 3,
            NodeError::Peer { .. } => 2,
            NodeError::Corrupt { .. } | NodeError::Connect { .. } => 1,
            _ => 0,
        }
    }

    pub(crate) fn from_fault(fault: Fault, names: &[String]) -> NodeError {
        match fault {
            Fault::Program { span, what } => NodeError::Program { span, what },
            Fault::Internal(what) => NodeError::Internal(what),
            Fault::Peer { peer, step, what } => NodeError::Corrupt {
                peer,
                name: names.get(peer).cloned().unwrap_or_else(|| format!("node{peer}")),
                step: Some(step),
                what,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_budget_is_told_and_diagnostics_are_not() {
        let word = |exit| NodeError::Compile(CompileError { message: "its budget is 10000".into(), exit }).word();
        assert_eq!((word(8).exit, word(8).what.as_str()), (8, "its budget is 10000"));
        assert_eq!((word(1).exit, word(1).what.as_str()), (1, "the program does not compile there"));
    }
}
