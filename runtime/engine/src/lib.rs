//! The machine that walks a schedule at one node.
//!
//! Pure: it has no clock, no sockets, and no threads. It is asked for local work ([`Machine::work`]) and for bytes
//! ([`Machine::poll_transmit`]), and is fed bytes ([`Machine::handle`]); whoever drives it decides when and how bytes
//! travel. It knows neither who the peers are nor the language.
//!
//! The drive loop, in short:
//!
//! ```text
//! loop {
//!     let status = machine.work(budget)?;
//!     for peer in others { while let Some(step) = machine.poll_transmit(peer, &mut buf, max) { send(peer, step, &buf); buf.clear(); } }
//!     match status { Done => break, Progress => continue, Blocked => { let (peer, step, bytes) = recv(); machine.handle(peer, step, &bytes)?; } }
//! }
//! let outputs = machine.finish()?;
//! ```

mod batch;
pub mod client;
pub mod kept;
mod lanes;
mod local;
mod machine;
mod place;
mod plan;
mod round;
pub mod testing;
mod types;
mod value;

pub use machine::{Ended, Machine, WINDOW};
pub use types::{Error, Fault, LocalInputs, Outputs, Program, Stats, Status};

pub use circuit::interp::{AtRunner, NoBlocks};
