//! A node: who it is, whom it talks to, what it runs, and how the run goes.
//!
//! Reads inputs ([`data`]), agrees with its peers about what to run ([`session`]), drives the engine's machine over links
//! ([`drive`]), counts ([`stats`], [`timeline`]), and writes outputs. [`local`] runs all nodes in this process, [`processes`]
//! one process per node; who is where among real hosts stands in a file ([`parties`]). What a run keeps for a later one is
//! in [`kept`]. Does not know the language: what to compile is behind [`ProgramObject`], which the command gives.

mod blame;
pub mod child;
pub mod clients;
mod connect;
pub mod data;
pub mod drive;
mod error;
pub mod hosts;
pub mod kept;
pub mod keys;
pub mod local;
pub mod parties;
pub mod processes;
mod program;
mod pulse;
pub mod session;
pub mod stats;
pub mod timeline;
pub mod units;

pub use error::NodeError;
pub use net::Stop;
pub use program::{
    CompileError, Compiled, Contract, LineCost, Param, PartyDecl, Predicted, ProgramObject, ResultPart, Sizes,
};
