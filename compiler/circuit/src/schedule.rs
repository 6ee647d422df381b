//! The schedule: which gates run in which round; a verified structure beside the gate level.
//!
//! Knows the order of work; nothing of protocols or messages. All interactive gates of a round travel in one message to
//! each peer.

use crate::types::WireId;

/// The schedule of a circuit: one list per region, by region id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule {
    /// By region id.
    pub regions: Vec<Vec<Item>>,
}

/// A piece of work in a region. Gates are named by their index in the region.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Gates that send nothing, in this order.
    Local(Vec<u32>),
    /// Interactive gates that share one round.
    Round(Vec<u32>),
    /// A region gate (`loop`, `if`, `while`, `call`).
    Region(u32),
    /// Wires whose last use has passed.
    Free(Vec<WireId>),
}
