//! Why a run ends early, with whom to blame and the exit code. Holds no secret: values of inputs appear only in errors
//! about a party's own file, at the node that reads it.

use circuit::SpanId;
use engine::Fault;
use serde::{Deserialize, Serialize};

use crate::data::DataError;
use crate::program::CompileError;

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
    #[error("{name} sent what it must not{}: {what}", at_step(*step))]
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
            NodeError::Stopped { exit: exit @ (1 | 2 | 7 | 8), .. } => *exit,
            NodeError::Peer { .. } | NodeError::Stopped { .. } | NodeError::Connect { .. } => 4,
            NodeError::Corrupt { .. } => 5,
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
            | NodeError::Disagree { peer, .. } => Some(*peer),
            NodeError::Connect { peer, .. } => *peer,
            _ => None,
        }
    }

    /// What peers are told: nothing that depends on an input.
    pub fn for_peers(&self) -> String {
        match self {
            NodeError::Usage(_) => "it was started in a way that cannot work".into(),
            NodeError::Data(_) => "its input data are not valid".into(),
            NodeError::Compile(_) => "the program does not compile there".into(),
            NodeError::Program { .. } => "the program failed there".into(),
            NodeError::Internal(_) => "an internal error".into(),
            NodeError::Interrupted => "it was interrupted at its host".into(),
            NodeError::Disagree { field, mine, theirs, name, .. } => {
                format!("it and {name} disagree about the {field}: it has {mine}, {name} {theirs}")
            }
            other => other.to_string(),
        }
    }

    /// How close to the cause an error is, 0 the closest: of several nodes' errors, the lowest tells most.
    pub fn distance(&self) -> u8 {
        match self {
            NodeError::Stopped { .. } => 3,
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
