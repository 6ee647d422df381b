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

mod types;

pub use types::{AtRunner, Error, Fault, LocalInputs, NoBlocks, Outputs, Program, Stats, Status};

// Signatures of `Machine`, fixed for callers:
// pub fn new(program: Arc<Program>, me: usize, keys: proto::SessionKeys, inputs: LocalInputs, at: Box<dyn AtRunner + Send>) -> Result<Machine, Error>
// pub fn work(&mut self, budget: usize /* bytes of message or lanes, roughly */) -> Result<Status, Fault>
// pub fn poll_transmit(&mut self, peer: usize, out: &mut Vec<u8>, max: usize) -> Option<u64>   // step of the bytes appended (at most `max`, one step per call)
// pub fn handle(&mut self, peer: usize, step: u64, bytes: &[u8]) -> Result<(), Fault>
// pub fn window(&self, peer: usize) -> usize        // bytes of later steps that may still come; bytes of the current step are always welcome
// pub fn expects(&self, peer: usize) -> Option<(u64, u64)> // (step, bytes still missing from this peer in it)
// pub fn progress(&self) -> (u64, Option<u64>)      // steps done, total if known
// pub fn stats(&self) -> &Stats
// pub fn finish(self) -> Result<Outputs, Fault>
