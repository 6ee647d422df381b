//! Source text to syntax tree: a logos lexer, a lalrpop grammar, and one function in front of both.
//!
//! Knows the grammar. Knows nothing of names, types, or files on disk.

// The fields of variants are explained by the form that stands above each.
#[allow(missing_docs)]
pub mod ast;
mod cx;
mod filter;
mod lexer;
mod message;
mod parse;
mod print;

pub use filter::MAX_NESTING;
pub use lexer::MAX_IDENT;
pub use parse::{MAX_FILE, parse};
pub use print::{op_text, print, print_expr, print_type};
