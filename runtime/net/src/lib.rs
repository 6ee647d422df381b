//! Transports: how frames travel between nodes.
//!
//! A node holds one [`Links`]: a link to each peer, made by a transport ([`memory`] between threads of a process,
//! optionally with an emulated delay and bandwidth; [`tcp`] with mutual TLS 1.3 and pinned certificates; [`sim`] on a virtual
//! clock, with faults). Frames arrive in order per peer or not at all. Memory in flight is bounded whatever a peer does:
//! payload is sent as far as its receiver gave credit ([`Links::room`]), and a frame beyond that closes the link; all else
//! is always read, so that heartbeats and aborts never wait behind payload. Bytes are counted here, by what travels. Knows
//! frames, and nothing of what the bytes mean.

pub mod client;
pub mod clients;
mod hub;
pub mod keys;
mod links;
mod meet;
pub mod memory;
mod platform;
pub mod probe;
pub mod profile;
pub mod sim;
mod stop;
pub mod tcp;
pub mod tls;

pub use hub::{Closed, Frame};
pub use links::{Counters, Links};
pub use meet::{BEFORE_KNOWN, Call, FAIR, HANDSHAKE, PENDING};
pub use platform::{BeatBody, fill as random};
pub use profile::Profile;
pub use stop::Stop;
