//! What protocols offer and cost: data, and one evaluator that interprets it.
//!
//! A row per primitive says how many steps it takes and, per directed pair of nodes, which bytes travel. The runtime does
//! not read these tables to decide what it sends, so that predicted and measured bytes are independent; a test holds them
//! equal. Knows nothing of how anything is done.

pub mod client;
mod place;
mod rep3;

pub use place::{Host, NOWHERE, Place, host_lanes, hosts, parts};
pub use rep3::REP3;

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Its name, as `--protocol` takes it and as a gate-level circuit carries it.
    pub name: &'static str,
    /// Nodes that compute.
    pub nodes: usize,
    /// What it withstands, for the reader.
    pub tolerates: &'static str,
    /// A row per primitive.
    pub primitives: &'static [Primitive],
}

/// All protocols.
pub const PROTOCOLS: &[&Protocol] = &[&REP3];

/// The protocol of a name.
pub fn protocol(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS.iter().find(|p| p.name == name).copied()
}

/// Interactive primitives, as the gate level names them; those whose messages differ by form have a row per form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `InputShare` into an arithmetic wire.
    InputArith,
    /// `InputShare` into bits.
    InputBits,
    /// `ArithMul`.
    ArithMul,
    /// `Dot`; lanes are result lanes.
    Dot,
    /// `MatMul`; lanes are result lanes.
    MatMul,
    /// `BitsAnd`.
    BitsAnd,
    /// `A2bDeal`; planes are the result's.
    A2bDeal,
    /// `B2aDeal`; the ring is the result's.
    B2aDeal,
    /// `TruncDeal`; the ring is the operand's.
    TruncDeal,
    /// `Open` of an arithmetic wire to all.
    OpenArith,
    /// `Open` of bits to all; planes are those that the element has.
    OpenBits,
    /// `Open` of an arithmetic wire to a party.
    OpenArithTo,
    /// `Open` of bits to a party.
    OpenBitsTo,
}

/// A row: what a primitive costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Primitive {
    /// Which.
    pub kind: Kind,
    /// Exchanges of messages.
    pub steps: u32,
    /// What travels.
    pub terms: &'static [Term],
}

/// Some bytes that travel: for each node r, from node r + `from` to node r + `to` (mod the number of nodes), for the
/// lanes that `lanes` gives r.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Which lanes, for node r.
    pub lanes: Lanes,
    /// Sender, relative to r.
    pub from: usize,
    /// Receiver, relative to r.
    pub to: usize,
    /// Bytes for these lanes.
    pub unit: Unit,
}

/// The lanes of a term for node r.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lanes {
    /// All.
    All,
    /// The r-th part (see [`parts`]): work that rotates over the nodes.
    Part,
    /// Those whose owner or recipient is hosted at r (see [`host_lanes`]).
    Hosted,
}

/// How many bytes some lanes take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A word of the ring per lane.
    Word,
    /// ceil(lanes / 8) bytes per plane.
    Plane,
}

/// The form of a batch: what its units mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Words of so many bits (8, 16, 32, 64, 128).
    Ring(u8),
    /// So many planes.
    Planes(u64),
}

impl Unit {
    /// Bytes of `lanes` lanes; `None` when unit and form do not fit.
    pub fn bytes(self, form: Form, lanes: u64) -> Option<u64> {
        match (self, form) {
            (Unit::Word, Form::Ring(bits)) => lanes.checked_mul(bits as u64 / 8),
            (Unit::Plane, Form::Planes(p)) => p.checked_mul(lanes.div_ceil(8)),
            _ => None,
        }
    }
}

impl Protocol {
    /// The row of a primitive.
    pub fn primitive(&self, kind: Kind) -> Option<&'static Primitive> {
        self.primitives.iter().find(|p| p.kind == kind)
    }
}

/// Payload bytes of one batch, `[from][to]`. `host` is the owner's (input) or the recipient's (opening to a party);
/// other primitives do not look at it. `None` when row and form do not fit, or a count leaves 64 bits.
pub fn bytes(nodes: usize, row: &Primitive, form: Form, lanes: u64, host: Option<&Host>) -> Option<Vec<Vec<u64>>> {
    let mut out = vec![vec![0u64; nodes]; nodes];
    for term in row.terms {
        let per_node: Vec<u64> = match term.lanes {
            Lanes::All => vec![lanes; nodes],
            Lanes::Part => {
                let t = parts(lanes, nodes);
                (0..nodes).map(|r| t[r + 1] - t[r]).collect()
            }
            Lanes::Hosted => host_lanes(host?, lanes, nodes)?,
        };
        for (r, lanes) in per_node.into_iter().enumerate() {
            let pair = &mut out[(r + term.from) % nodes][(r + term.to) % nodes];
            *pair = pair.checked_add(term.unit.bytes(form, lanes)?)?;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_unique_and_complete() {
        for p in PROTOCOLS {
            for (i, row) in p.primitives.iter().enumerate() {
                assert!(row.steps >= 1);
                assert_eq!(p.primitive(row.kind), Some(&p.primitives[i]));
                for t in row.terms {
                    assert!(t.from < p.nodes && t.to < p.nodes && t.from != t.to);
                }
            }
            assert_eq!(protocol(p.name), Some(*p));
        }
        assert_eq!(REP3.primitives.len(), 13);
    }

    #[test]
    fn bytes_by_hand() {
        let row = |k| REP3.primitive(k).unwrap();
        let mul = bytes(3, row(Kind::ArithMul), Form::Ring(64), 10, None).unwrap();
        assert_eq!(mul, [[0, 0, 80], [80, 0, 0], [0, 80, 0]]);
        let and = bytes(3, row(Kind::BitsAnd), Form::Planes(7), 65, None).unwrap();
        assert_eq!(and, [[0, 0, 63], [63, 0, 0], [0, 63, 0]]);
        // 200 lanes: parts of 64, 64, 72.
        let b2a = bytes(3, row(Kind::B2aDeal), Form::Ring(16), 200, None).unwrap();
        assert_eq!(b2a, [[0, 0, 128], [128, 0, 0], [0, 144, 0]]);
        let input =
            bytes(3, row(Kind::InputArith), Form::Ring(32), 5, Some(&Host { place: Place::Turn(4), members: None }))
                .unwrap();
        assert_eq!(input, [[0, 0, 0], [20, 0, 0], [0, 0, 0]]);
        let family = bytes(
            3,
            row(Kind::OpenBitsTo),
            Form::Planes(2),
            4,
            Some(&Host { place: Place::Turn(2), members: Some(4) }),
        )
        .unwrap();
        // Members at nodes 2, 0, 1, 2; the sender is the node after the recipient.
        assert_eq!(family, [[0, 0, 2], [2, 0, 0], [0, 2, 0]]);
        assert_eq!(
            bytes(3, row(Kind::InputBits), Form::Ring(32), 5, Some(&Host { place: Place::Turn(0), members: None })),
            None
        );
    }
}
