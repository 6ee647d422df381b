//! What goes in and out of the machine: programs, inputs, outputs, faults. Knows nothing of how it works.

use std::collections::BTreeMap;

use circuit::{Circuit, Column, Schedule, SpanId};

/// What to run: a circuit of the gate level and its schedule, both verified by whoever loads them.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// Gate level.
    pub circuit: Circuit,
    /// Its schedule.
    pub schedule: Schedule,
}

/// Columns by index into `Circuit::inputs`.
///
/// A node needs those of public inputs (`party: None`) and of parties that it hosts. A family's column has the full
/// length at every node that hosts a member; only lanes of own members are read (lane l of L belongs to member
/// `l / (L / members)`). Others are `None`, and so is what an earlier run kept.
pub type LocalInputs = Vec<Option<Column>>;

/// Columns by index into `Circuit::outputs`; `None` where another node's party is the recipient. A family's column has
/// the full length, with zeros in lanes of members that are hosted elsewhere.
pub type Outputs = Vec<Option<Column>>;

/// What a piece of work came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Something was done; there may be bytes to send, and more work.
    Progress,
    /// Nothing can be done before bytes arrive or are taken.
    Blocked,
    /// The program has ended, and all bytes were taken.
    Done,
}

/// Why a machine cannot be made: program, inputs, and place do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The circuit is not one that this engine runs.
    #[error("circuit: {0}")]
    Circuit(String),
    /// An input is missing or has the wrong type or length.
    #[error("input `{name}`: {what}")]
    Input {
        /// Its name.
        name: String,
        /// What is wrong with it.
        what: String,
    },
}

/// Why a run ends early. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The program is wrong: a check failed, a clear index is out of range, a clear divisor is zero, an `at` block failed.
    #[error("{what}")]
    Program {
        /// Where.
        span: SpanId,
        /// What.
        what: String,
    },
    /// We are wrong.
    #[error("internal error: {0}")]
    Internal(String),
    /// A peer sent what it must not.
    #[error("node {peer}, step {step}: {what}")]
    Peer {
        /// Which.
        peer: usize,
        /// The step that its bytes named.
        step: u64,
        /// What is wrong with them.
        what: String,
    },
}

/// What a machine has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Steps begun: rounds, loop iterations included.
    pub steps: u64,
    /// Lanes by kind of gate (`and` counts planes × lanes).
    pub gates: BTreeMap<&'static str, u64>,
    /// How often each side of an `if` and each body of a `while` was entered, by region.
    pub entered: BTreeMap<u32, u64>,
    /// Payload bytes handed out, by peer.
    pub sent: Vec<u64>,
    /// Payload bytes taken in, by peer.
    pub received: Vec<u64>,
}
