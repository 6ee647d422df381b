//! Protocols: how values are shared, and the primitives on batches of shares. A module per protocol; what they have in
//! common is session keys, tickets of randomness, and the layout of messages.
//!
//! Knows no sockets, no clocks, and no circuits: lengths come from the caller, bytes go from slices to frames.

mod keys;
mod layout;
pub mod rep3;
mod tickets;

pub use keys::SessionKeys;
pub use layout::{Layout, NotCanonical};
pub use tickets::{Draw, Misuse, Purpose, Ticket, Tickets};
