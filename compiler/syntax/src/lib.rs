//! Source text to syntax tree: a logos lexer, a lalrpop grammar, and one function in front of both.
//!
//! Knows the grammar. Knows nothing of names, types, or files on disk.

// The fields of variants are explained by the form that stands above each.
#[allow(missing_docs)]
pub mod ast;
mod climb;
mod cx;
mod filter;
mod lexer;
mod message;
mod ops;
mod parse;

pub use filter::MAX_NESTING;
pub use lexer::{MAX_IDENT, token_ranges};
pub use ops::{level, op_text};
pub use parse::{MAX_FILE, parse};
