//! Source text to syntax tree: a logos lexer, a lalrpop grammar, and one function in front of both.
//!
//! Knows the grammar. Knows nothing of names, types, or files on disk.

pub mod ast;
