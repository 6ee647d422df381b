//! Inputs and outputs: files of the parties into typed columns, columns of results into text.
//!
//! Knows the contract of `main` and the layout of an input folder; nothing of circuits beyond names and types of leaves.

mod folder;
mod inputs;
mod json;
mod output;
mod random;
mod scalar;
pub mod shape;
mod table;

use serde::{Deserialize, Serialize};

pub use folder::{read, read_member};
pub use inputs::{Inputs, Kept, Source, Values};
pub use json::same;
pub use output::{Named, OutputSet, merge, named};

/// A size that an input or a flag binds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeClaim {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: u64,
    /// The file or flag that binds it.
    pub by: String,
}

/// What is wrong with an input. Cells are shown: the file belongs to whoever reads the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum DataError {
    /// Files or flags that cannot be used together, or that nobody asked for.
    #[error("{0}")]
    Usage(String),
    /// A file that is missing, or whose content is not what it should be.
    #[error(transparent)]
    Bad(Box<BadData>),
}

/// Where data are wrong, and how. Its `Debug` does not print what was found.
#[derive(Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{file}{}: expected {expected}, found {found}", place(row, column, at))]
pub struct BadData {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub row: Option<u64>,
    /// The column: a name, or a number from 1.
    pub column: Option<String>,
    /// Where in the value: `accounts[3].amount`.
    pub at: Option<String>,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl std::fmt::Debug for BadData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BadData({}{}: expected {})", self.file, place(&self.row, &self.column, &self.at), self.expected)
    }
}

fn place(row: &Option<u64>, column: &Option<String>, at: &Option<String>) -> String {
    let row = row.map(|r| format!(", row {r}")).unwrap_or_default();
    let column = column.as_ref().map(|c| format!(", column {c}")).unwrap_or_default();
    let at = at.as_ref().map(|a| format!(" ({a})")).unwrap_or_default();
    format!("{row}{column}{at}")
}

impl DataError {
    /// What is wrong and where, without what stands there: for logs, which others may read.
    pub fn without_cells(&self) -> String {
        match self {
            DataError::Usage(what) => what.clone(),
            DataError::Bad(b) => {
                format!("{}{}: expected {}", b.file, place(&b.row, &b.column, &b.at), b.expected)
            }
        }
    }

    pub(crate) fn io(file: &str, e: &std::io::Error) -> DataError {
        DataError::whole(file, "a file that can be read", e.to_string())
    }

    pub(crate) fn whole(file: &str, expected: impl Into<String>, found: impl Into<String>) -> DataError {
        DataError::from(BadData {
            file: file.to_owned(),
            row: None,
            column: None,
            at: None,
            expected: expected.into(),
            found: found.into(),
        })
    }

    pub(crate) fn with_found(mut self, text: impl Into<String>) -> DataError {
        if let DataError::Bad(bad) = &mut self {
            bad.found = text.into();
        }
        self
    }
}

impl From<BadData> for DataError {
    fn from(bad: BadData) -> DataError {
        DataError::Bad(Box::new(bad))
    }
}
