//! Wires and what they carry.
//!
//! Knows domains, element types, and lengths; nothing of gates.

use crate::index::Len;

/// A wire: one SSA value, a vector of lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WireId(pub u32);

/// A region: a list of gates with parameters and results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegionId(pub u32);

/// A party of the program, in order of declaration; a family is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartyId(pub u32);

/// An id of an effect (input, open, reveal, random): unique in a circuit; no pass merges, duplicates, or drops one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EffectId(pub u32);

/// Where in the source a gate comes from: an index into the driver's span table; 0 is nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(pub u32);

/// What a lane means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Elem {
    /// One bit.
    Bool,
    /// An integer mod 2^bits; `signed` decides comparisons, division, widening, and `>>`. `bits` is 1 to 128.
    Int {
        /// Two's complement.
        signed: bool,
        /// 1 to 128.
        bits: u8,
    },
}

impl Elem {
    /// Bits of a lane: 1 for a bool.
    pub fn bits(self) -> u8 {
        match self {
            Elem::Bool => 1,
            Elem::Int { bits, .. } => bits,
        }
    }
}

/// Who knows a wire, and in what form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Domain {
    /// Known to every node.
    Clear,
    /// Known to a party's host alone. For a family, lane k is known to member k's host.
    Local(PartyId),
    /// Program level: secret, form not chosen yet.
    Secret,
    /// Gate level: shared mod 2^ring, ring in {8, 16, 32, 64, 128}.
    Arith {
        /// Bits of the ring.
        ring: u8,
    },
    /// Gate level: shared bit planes, `planes` of them, plane 0 the least significant.
    Bits {
        /// Number of planes.
        planes: u8,
    },
}

/// A wire's type. At gate level `elem` still says what the lanes mean (signedness, bits), the domain how they are held.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WireTy {
    /// Who knows it.
    pub domain: Domain,
    /// What a lane means.
    pub elem: Elem,
    /// How many lanes.
    pub len: Len,
}
