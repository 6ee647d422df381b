//! Transports: how frames travel between nodes.
//!
//! A node holds one [`Links`]: a link to each peer, made by a transport ([`memory`] between threads of a process,
//! optionally with an emulated delay and bandwidth; [`tcp`] with mutual TLS 1.3 and pinned certificates). Frames arrive
//! in order per peer or not at all. Memory in flight is bounded whatever a peer does: a payload is sent only when there
//! is [`Links::room`], a reader stops reading a connection whose inbox is full. Bytes are counted here, by what travels.
//! Knows frames, and nothing of what the bytes mean.

mod hub;
pub mod keys;
mod links;
mod meet;
pub mod memory;
pub mod probe;
pub mod profile;
mod stop;
pub mod tcp;
pub mod tls;

pub use hub::{Closed, Frame};
pub use links::{Counters, Links};
pub use meet::{BEFORE_KNOWN, Call, HANDSHAKE, PENDING};
pub use profile::Profile;
pub use stop::Stop;
