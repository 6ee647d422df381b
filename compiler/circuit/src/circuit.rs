//! The circuit: regions of gates over wires, with the tables that they name.
//!
//! Knows no language and no network. A circuit is at program level or at gate level; both are this structure.

use crate::gate::{Gate, Op, Recipient};
use crate::index::Space;
use crate::types::{Elem, PartyId, RegionId, WireId, WireTy};
use std::sync::Arc;

/// The level of a circuit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// What the source says, independent of protocol.
    Program,
    /// Primitives of the named protocol (`rep3`).
    Gates(String),
}

/// Where a party is: which node has its inputs and learns its outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Host {
    /// In turn: the i-th of the parties in turn, in the order of declaration with families expanded in place, is at node
    /// i mod n.
    #[default]
    Turn,
    /// The party, or all members of the family, at this node.
    Node(u32),
    /// At no node: the party, or each member, is a client, which shares its input before the run and gets its output after.
    Client,
}

/// A party or family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Its name.
    pub name: String,
    /// Members, for a family.
    pub family: Option<u64>,
    /// Where it is.
    pub host: Host,
}

/// A leaf of a parameter of `main`: one column. A parameter of a struct type has a leaf per scalar field, named
/// `param.field`; of an array `[T; N]`, N lanes; nested arrays are flattened row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Who brings it; `None` for public parameters, and for what is kept.
    pub party: Option<PartyId>,
    /// Nobody brings it: each node has a share of it that an earlier run left. At gate level its form is [`Elem::kept_form`].
    pub kept: bool,
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
    /// Recipient; `None` is all, and nobody for what is kept.
    pub party: Option<PartyId>,
    /// Nobody learns it: each node keeps its share, for a later run, of this type, in the form [`Elem::kept_form`].
    pub kept: Option<Elem>,
    /// `result`, `result.0`, `result.field`, ….
    pub name: String,
    /// The wire: clear for all, local to the party otherwise, shared (before gate level secret or clear) if kept; of the root
    /// region.
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

/// A boolean circuit that a file gave, with the elements that its bits belong to: what [`crate::Op::Net`] applies. Bits of
/// an element stand least significant first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetTable {
    /// Elements of the operands.
    pub inputs: Vec<Elem>,
    /// Elements of the results.
    pub outputs: Vec<Elem>,
    /// The gates.
    pub net: Arc<netlist::Net>,
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
    /// Boolean circuits that files gave.
    pub nets: Vec<NetTable>,
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

impl Circuit {
    /// An empty circuit with an empty root.
    pub fn new(level: Level) -> Circuit {
        Circuit {
            level,
            sizes: vec![],
            parties: vec![],
            inputs: vec![],
            outputs: vec![],
            blocks: vec![],
            nets: vec![],
            spaces: vec![],
            wires: vec![],
            regions: vec![Region::default()],
            root: RegionId(0),
            loop_vars: 0,
            effects: 0,
        }
    }
    /// Type of a wire.
    ///
    /// # Panics
    /// For a wire that the circuit does not have.
    pub fn ty(&self, w: WireId) -> &WireTy {
        &self.wires[w.0 as usize]
    }
    /// A region.
    ///
    /// # Panics
    /// For a region that the circuit does not have.
    pub fn region(&self, r: RegionId) -> &Region {
        &self.regions[r.0 as usize]
    }
    /// Domain of a gate's first result.
    pub fn result_domain(&self, gate: &Gate) -> Option<crate::Domain> {
        gate.outs.first().and_then(|w| self.wires.get(w.0 as usize)).map(|t| t.domain)
    }
    /// Whether a gate takes a step of the protocol. Sharing by a client, and opening to one, takes none: clients share before
    /// the run and hear after it.
    pub fn interactive(&self, gate: &Gate) -> bool {
        self.client_effect(gate).is_none() && gate.op.interactive(self.result_domain(gate))
    }
    /// Whether a party is a client.
    pub fn is_client(&self, party: PartyId) -> bool {
        self.parties.get(party.0 as usize).is_some_and(|p| p.host == Host::Client)
    }
    /// The client whose input a gate of the gate level shares, or to whom it opens.
    pub fn client_effect(&self, gate: &Gate) -> Option<PartyId> {
        let party = match gate.op {
            Op::InputShare(_) => match self.wires.get(gate.args.first()?.0 as usize)?.domain {
                crate::Domain::Local(p) => p,
                _ => return None,
            },
            Op::Open { to: Recipient::Party(p), .. } => p,
            _ => return None,
        };
        self.is_client(party).then_some(party)
    }
    /// Calls `f` on every gate of a region and of those that it enters, outer gates first. A region called twice is visited
    /// twice. Bounded by the nesting that [`crate::verify`] allows.
    pub fn for_each_gate<'a>(&'a self, r: RegionId, f: &mut dyn FnMut(RegionId, &'a Gate)) {
        for g in &self.region(r).gates {
            f(r, g);
            for inner in g.op.regions() {
                self.for_each_gate(inner, f);
            }
        }
    }
    /// Whether a region, or one that it enters, holds a gate that must stay ([`crate::Op::effectful`]).
    pub fn region_effectful(&self, r: RegionId) -> bool {
        self.region(r).gates.iter().any(|g| g.op.effectful() || g.op.regions().any(|r| self.region_effectful(r)))
    }
    /// The number of a space; an equal one is used again.
    pub fn intern_space(&mut self, space: Space) -> crate::SpaceId {
        let at = self.spaces.iter().position(|s| *s == space).unwrap_or_else(|| {
            self.spaces.push(space);
            self.spaces.len() - 1
        });
        crate::SpaceId(at as u32)
    }
}

impl Input {
    /// Who knows its wire, in a circuit of this level.
    pub fn domain(&self, level: &Level) -> crate::Domain {
        match (self.kept, level) {
            (false, _) => self.party.map_or(crate::Domain::Clear, crate::Domain::Local),
            (true, Level::Program) => crate::Domain::Secret,
            (true, Level::Gates(_)) => self.elem.kept_form(),
        }
    }
}

impl WireTy {
    /// A type.
    pub fn new(domain: crate::Domain, elem: Elem, len: crate::Len) -> WireTy {
        WireTy { domain, elem, len }
    }
    /// A clear wire of a constant number of lanes.
    pub fn clear(elem: Elem, lanes: u64) -> WireTy {
        WireTy::new(crate::Domain::Clear, elem, crate::Len::Const(lanes))
    }
    /// A secret wire of a constant number of lanes.
    pub fn secret(elem: Elem, lanes: u64) -> WireTy {
        WireTy::new(crate::Domain::Secret, elem, crate::Len::Const(lanes))
    }
}

impl Elem {
    /// `u{bits}`.
    pub const fn u(bits: u8) -> Elem {
        Elem::Int { signed: false, bits }
    }
    /// `i{bits}`.
    pub const fn i(bits: u8) -> Elem {
        Elem::Int { signed: true, bits }
    }
    /// The form in which shares are kept between runs, whatever a program makes of them: a plane for a bool, the smallest ring
    /// that holds an integer. Bits of the ring above the element's mean nothing.
    pub fn kept_form(self) -> crate::Domain {
        match self {
            Elem::Bool => crate::Domain::Bits { planes: 1 },
            Elem::Int { bits, .. } => crate::Domain::Arith { ring: bits.next_power_of_two().max(8) },
        }
    }
    /// Whether comparisons and widening see a sign.
    pub fn signed(self) -> bool {
        matches!(self, Elem::Int { signed: true, .. })
    }
    /// All ones in its bits.
    pub fn mask(self) -> u128 {
        mask(u32::from(self.bits()))
    }
    /// A pattern's bits above the element's filled by its sign (zeros, if it has none).
    pub fn extend(self, pattern: u128) -> u128 {
        let up = 128 - u32::from(self.bits()).clamp(1, 128);
        if self.signed() { ((pattern << up) as i128 >> up) as u128 } else { pattern & self.mask() }
    }
}

/// All ones in the low bits.
pub(crate) fn mask(bits: u32) -> u128 {
    if bits >= 128 { u128::MAX } else { (1 << bits) - 1 }
}

impl std::fmt::Display for Elem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Elem::Bool => f.write_str("bool"),
            Elem::Int { signed, bits } => write!(f, "{}{bits}", if *signed { 'i' } else { 'u' }),
        }
    }
}
