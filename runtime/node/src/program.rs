//! What a node is asked to run, behind a trait: the language stays on the other side of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use circuit::{Schema, SchemaLen, SpanId};
use engine::{AtRunner, Program};
use serde::{Deserialize, Serialize};

/// Sizes by name, bound by inputs and `-D`.
pub type Sizes = BTreeMap<String, u64>;

/// A party or a family of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyDecl {
    /// Its name.
    pub name: String,
    /// Number of members, for a family.
    pub family: Option<SchemaLen>,
    /// Where it is.
    pub host: circuit::Host,
}

/// A parameter of `main`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Index into [`Contract::parties`]; `None` for a public parameter, and for one that is kept.
    pub party: Option<usize>,
    /// Nobody brings it: an earlier run kept shares of it.
    pub kept: bool,
    /// Its shape; for a family `[T; members]`, and each member brings one element.
    pub schema: Schema,
}

/// A part of `main`'s result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultPart {
    /// `result`, or `result.0`, ….
    pub name: String,
    /// Who learns it; `None` is everyone, and nobody if it is kept.
    pub party: Option<usize>,
    /// Nobody learns it: the nodes keep shares of it.
    pub kept: bool,
    /// Its shape; for a family `[T; members]`, and each member learns one element.
    pub schema: Schema,
}

/// What `main` takes and gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contract {
    /// In order of declaration.
    pub parties: Vec<PartyDecl>,
    /// In order; their leaves in order are the circuit's inputs.
    pub params: Vec<Param>,
    /// In order; their leaves in order are the circuit's outputs.
    pub results: Vec<ResultPart>,
    /// Names of sizes that no length names (`-D` may still give them).
    pub sizes: Vec<String>,
}

impl Param {
    /// Whether everyone knows it.
    pub fn is_public(&self) -> bool {
        self.party.is_none() && !self.kept
    }
}

impl Contract {
    /// Whether anything is kept for a later run.
    pub fn keeps(&self) -> bool {
        self.results.iter().any(|r| r.kept)
    }

    /// Whether anything comes from an earlier run.
    pub fn takes_kept(&self) -> bool {
        self.params.iter().any(|p| p.kept)
    }

    /// Whether this party is a family.
    pub fn is_family(&self, party: usize) -> bool {
        self.parties.get(party).is_some_and(|p| p.family.is_some())
    }
}

/// A program that is ready to run.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Circuit and schedule.
    pub program: Arc<Program>,
    /// BLAKE3 of both, in their binary form.
    pub digest: [u8; 32],
}

/// What a run was said to cost before it ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// Steps.
    pub rounds: u64,
    /// Payload bytes sent, by node.
    pub bytes_sent: Vec<u64>,
    /// Seconds.
    pub seconds: f64,
    /// Resident peak in bytes.
    pub peak_bytes: u64,
    /// Whether rounds and bytes are exact: the program has no loop or branch on revealed values.
    pub exact: bool,
    /// By line of source, those that cost anything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineCost>,
}

/// What one line of source costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineCost {
    /// The file, as messages name it; empty for what stands on no line, such as the sharing of inputs.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// Rounds in which it takes part.
    pub rounds: u64,
    /// Payload bytes sent for it, by all nodes together.
    pub bytes: u64,
}

/// Why a program did not compile with the sizes of this run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct CompileError {
    /// Rendered diagnostics.
    pub message: String,
    /// The command's exit code: 1 for the program, 2 for usage, 8 for a limit, 101 for us.
    pub exit: u8,
}

/// What `cli` gives a node: what to run, and how to compile it once sizes are known.
pub trait ProgramObject: Send + Sync {
    /// BLAKE3 of source and library.
    fn source_digest(&self) -> [u8; 32];
    /// Version of the compiler: all must run the same.
    fn compiler_version(&self) -> String;
    /// What `main` takes and gives.
    fn contract(&self) -> &Contract;
    /// Compiles for these sizes. Called once per node, at most; [`local`](crate::local) calls it once for all.
    ///
    /// # Errors
    /// If the program is wrong with these sizes.
    fn compile(&self, sizes: &Sizes) -> Result<Compiled, CompileError>;
    /// Something that runs the `at` blocks of parties hosted here, with the sizes of this run and the strings of the inputs
    /// that were read here.
    fn at_runner(&self, sizes: &Sizes, strings: Arc<strings::Table>) -> Box<dyn AtRunner + Send>;
    /// What the compiled program was said to cost, if anyone asked; after [`ProgramObject::compile`].
    fn predicted(&self) -> Option<Predicted> {
        None
    }
    /// `file:line:column` of a span of the compiled program, for messages that leave this process.
    fn place_of(&self, _span: SpanId) -> Option<String> {
        None
    }
}
