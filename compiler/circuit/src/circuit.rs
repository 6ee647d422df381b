//! The circuit: regions of gates over wires, with the tables that they name.
//!
//! Knows no language and no network. A circuit is at program level or at gate level; both are this structure.

use crate::gate::Gate;
use crate::index::Space;
use crate::types::{Elem, PartyId, RegionId, WireId, WireTy};

/// The level of a circuit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// What the source says, independent of protocol.
    Program,
    /// Primitives of the named protocol (`rep3`).
    Gates(String),
}

/// A party or family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Its name.
    pub name: String,
    /// Members, for a family.
    pub family: Option<u64>,
}

/// A leaf of a parameter of `main`: one column. A parameter of a struct type has a leaf per scalar field, named
/// `param.field`; of an array `[T; N]`, N lanes; nested arrays are flattened row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Who brings it; `None` for public parameters.
    pub party: Option<PartyId>,
    /// `param` or `param.field.sub`.
    pub name: String,
    /// Type of a lane.
    pub elem: Elem,
    /// Number of lanes (all members' together, for a family).
    pub lanes: u64,
    /// Declared range, inclusive, as two's complement bit patterns of the element type.
    pub range: Option<(u128, u128)>,
}

/// A leaf of `main`'s result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Recipient; `None` is all.
    pub party: Option<PartyId>,
    /// `result`, `result.0`, `result.field`, ….
    pub name: String,
    /// The wire: clear for all, local to the party otherwise; of the root region.
    pub wire: WireId,
}

/// An `at` block: typed code that the evaluator runs at its party; the circuit carries its hash only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtBlock {
    /// Who runs it.
    pub party: PartyId,
    /// BLAKE3 of its canonical text.
    pub hash: [u8; 32],
}

/// A list of gates with parameters and results.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Region {
    /// Wires that whoever enters the region gives.
    pub params: Vec<WireId>,
    /// In order: a gate uses wires of earlier gates, of the parameters, and of enclosing regions.
    pub gates: Vec<Gate>,
    /// What it gives back.
    pub results: Vec<WireId>,
}

/// A circuit.
#[derive(Clone, Debug, PartialEq)]
pub struct Circuit {
    /// Which level.
    pub level: Level,
    /// Names and values of bound sizes, for the reader.
    pub sizes: Vec<(String, u64)>,
    /// Parties.
    pub parties: Vec<Party>,
    /// Input leaves.
    pub inputs: Vec<Input>,
    /// Output leaves.
    pub outputs: Vec<Output>,
    /// `at` blocks.
    pub blocks: Vec<AtBlock>,
    /// Spaces.
    pub spaces: Vec<Space>,
    /// Types of wires.
    pub wires: Vec<WireTy>,
    /// Regions; the root is `regions[root]`.
    pub regions: Vec<Region>,
    /// The root.
    pub root: RegionId,
    /// Number of induction variables.
    pub loop_vars: u32,
    /// Number of effect ids.
    pub effects: u32,
}
