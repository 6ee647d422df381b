//! The compiler's stages in order, behind one door: check, bind, lower, compile, price, print.
//!
//! Knows every stage and how its findings become diagnostics; reads no files (a [`SourceProvider`] does) and runs nothing but
//! the reference evaluator.

mod associative;
mod at;
mod bind;
mod check;
mod compile;
mod contract;
mod emit;
mod schema;
mod stdlib;
mod trial;

pub use associative::{TRIPLES, associative, run_associative};
pub use at::Blocks;
pub use bind::{BindError, Bound, bind, size_names};
pub use check::{Checked, NoModules, SourceProvider, check};
pub use compile::{CompileError, Compiled, Lowered, Publics, compile, compile_with, compile_within, export, lower};
pub use contract::{Alone, Brings, Contract, Learns, Reveals, contract, ty_text};
pub use emit::{TestFailure, ast_text, evaluate, program_text, run_test, signature, types_text};
pub use schema::{Parameter, ResultPart, elem, parameters, pattern, results, size_name, size_text};
pub use stdlib::MODULES as LIBRARY;
pub use trial::{CallCost, Trial, call_cost, trial};
