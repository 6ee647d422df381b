//! What can go wrong between the program level and a schedule. Knows no source text: a span id at most.

use circuit::SpanId;

/// A failure of a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The circuit asks for something that the protocol, or this compiler, has no form for.
    Unsupported {
        /// What it was, in plain words.
        what: String,
        /// Where it comes from.
        span: SpanId,
    },
    /// A broken invariant: a bug of ours or a circuit that its verifier would refuse.
    Internal(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Unsupported { what, .. } => write!(f, "not supported: {what}"),
            Error::Internal(what) => write!(f, "internal error: {what}"),
        }
    }
}

impl std::error::Error for Error {}

/// Result of a pass.
pub type Result<T> = std::result::Result<T, Error>;

pub(crate) fn internal<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::Internal(what.into()))
}
