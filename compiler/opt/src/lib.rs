//! From the program level to scheduled gates: passes on circuits, the gate library, and the cost model.
//!
//! [`pipeline::PASSES`] is the list of passes in order. Knows circuits and the tables of protocols; neither the language
//! nor how a protocol does what it offers.

pub mod asm;
mod chain;
pub mod cost;
mod depth;
mod error;
pub mod expand;
pub mod export;
pub mod fuse;
pub mod gates;
mod lens;
mod pack;
pub mod pipeline;
pub mod place;
mod profile;
pub mod range;
pub mod schedule;
pub mod simplify;
pub mod strips;
pub mod trim;

pub use error::{Error, Result};
pub use pipeline::{Compiled, Makes, PASSES, Pass, State, compile, compile_flat, compile_with, compile_without};
pub use profile::{Carrier, Profile};
