//! `rep3`: replicated sharing among three nodes (Araki, Furukawa, Lindell, Nof, Ohara, CCS 2016). Data alone.
//!
//! Every message goes from a node to the one before it: products z_i, the masked part of a dealt value, and the share
//! x_(i+1) that node i - 1 misses.

use crate::{Kind, Lanes, Primitive, Protocol, Term, Unit};

const fn row(kind: Kind, terms: &'static [Term]) -> Primitive {
    Primitive { kind, steps: 1, terms }
}

/// Node r to the one before it.
const fn back(lanes: Lanes, unit: Unit) -> Term {
    Term { lanes, from: 0, to: 2, unit }
}

/// The node after r to r, the recipient.
const fn to_host(unit: Unit) -> Term {
    Term { lanes: Lanes::Hosted, from: 1, to: 0, unit }
}

/// Three nodes, one of them curious.
pub const REP3: Protocol = Protocol {
    name: "rep3",
    nodes: 3,
    tolerates: "one curious node",
    primitives: &[
        row(Kind::InputArith, &[back(Lanes::Hosted, Unit::Word)]),
        row(Kind::InputBits, &[back(Lanes::Hosted, Unit::Plane)]),
        row(Kind::ArithMul, &[back(Lanes::All, Unit::Word)]),
        row(Kind::Dot, &[back(Lanes::All, Unit::Word)]),
        row(Kind::MatMul, &[back(Lanes::All, Unit::Word)]),
        row(Kind::BitsAnd, &[back(Lanes::All, Unit::Plane)]),
        row(Kind::A2bDeal, &[back(Lanes::Part, Unit::Plane)]),
        row(Kind::B2aDeal, &[back(Lanes::Part, Unit::Word)]),
        row(Kind::TruncDeal, &[back(Lanes::Part, Unit::Word)]),
        row(Kind::OpenArith, &[back(Lanes::All, Unit::Word)]),
        row(Kind::OpenBits, &[back(Lanes::All, Unit::Plane)]),
        row(Kind::OpenArithTo, &[to_host(Unit::Word)]),
        row(Kind::OpenBitsTo, &[to_host(Unit::Plane)]),
    ],
};
