//! Conversions between arithmetic and boolean sharing.
//!
//! To bits: for the lanes of each third one node knows the sum of two of the three shares, the other two know the third;
//! both become boolean words in one step, and an adder joins them. To arithmetic: a bit is u xor v with u and v known in the
//! same way, so b = u + v - 2uv; a word of bits is the weighted sum, and one dot product serves all its planes.

use super::adder::{self, Style};
use super::compare;
use crate::asm::{Asm, Pl};
use crate::error::Result;
use crate::lens::{ix, len_index, len_mul, rect};
use circuit::{Domain, Elem, Index, IndexOp, Len, Op, Red, WireId};

/// Two boolean words whose sum (or, negated, whose equality) speaks for x. 1 step.
pub fn deal(s: &mut Asm, x: WireId, planes: u8, negate: bool) -> (Vec<Pl>, Vec<Pl>) {
    let ty = s.ty(x).clone();
    let dom = Domain::Bits { planes };
    let elem = if ty.elem.bits() == planes { ty.elem } else { Elem::Int { signed: false, bits: planes } };
    let a = s.wire(dom, elem, ty.len.clone());
    let b = s.wire(dom, elem, ty.len);
    s.raw(Op::A2bDeal { neg: negate }, vec![x], vec![a, b]);
    (s.planes_of(a), s.planes_of(b))
}

/// The low planes of an arithmetic value. 1 step and an adder.
pub fn a2b(s: &mut Asm, x: WireId, planes: u8, style: Style) -> Vec<Pl> {
    let len = s.len(x);
    let (a, b) = deal(s, x, planes, false);
    adder::add(s, &a, &b, false, style, &len)
}

/// Whether an arithmetic value is 0 mod 2^planes. 1 + ceil(log2 planes) steps, no adder.
pub fn is_zero(s: &mut Asm, x: WireId, planes: u8) -> Pl {
    let len = s.len(x);
    let (a, b) = deal(s, x, planes, true);
    compare::eq(s, &a, &b, &len)
}

/// Top plane of an arithmetic value. 1 step and a carry tree.
pub fn sign(s: &mut Asm, x: WireId, planes: u8) -> Pl {
    let len = s.len(x);
    let (a, b) = deal(s, x, planes, false);
    compare::sum_sign(s, &a, &b, &len)
}

/// The pair (u, v) of a plane, each 0 or 1 in the ring. 1 step.
pub fn deal_bit(s: &mut Asm, b: WireId, ring: u8, elem: Elem) -> (WireId, WireId) {
    let len = s.len(b);
    let u = s.wire(Domain::Arith { ring }, elem, len.clone());
    let v = s.wire(Domain::Arith { ring }, elem, len);
    s.raw(Op::B2aDeal, vec![b], vec![u, v]);
    (u, v)
}

/// Arithmetic gate with a result of given type.
pub fn arith(s: &mut Asm, op: Op, args: Vec<WireId>, ring: u8, elem: Elem, len: &Len) -> WireId {
    s.gate(op, args, Domain::Arith { ring }, elem, len.clone())
}

/// All ones of the ring, as a multiplier of `x`.
fn scale_const(s: &mut Asm, x: WireId, by: u128, ring: u8, elem: Elem, len: &Len) -> WireId {
    if by == 1 {
        return x;
    }
    let k = s.constant(by & mask(ring), ring_elem(ring), len.clone());
    arith(s, Op::ArithScale, vec![x, k], ring, elem, len)
}

/// The unsigned integer that fills a ring.
pub fn ring_elem(ring: u8) -> Elem {
    Elem::Int { signed: false, bits: ring }
}

/// 2^bits - 1.
pub fn mask(bits: u8) -> u128 {
    if bits >= 128 { u128::MAX } else { (1 << bits) - 1 }
}

/// A boolean word as a value of the ring, extended by sign or zeros where the ring is wider. 2 steps; deals one element
/// per plane that is not constant, and sends one element.
pub fn b2a(s: &mut Asm, x: &[Pl], signed: bool, ring: u8, elem: Elem, len: &Len) -> Result<WireId> {
    let k = x.len();
    let weight = |i: usize| -> u128 {
        let w = if i < 128 { 1u128 << i } else { 0 };
        let w = if signed && i + 1 == k { w.wrapping_neg() } else { w };
        w & mask(ring)
    };
    let mut fixed = 0u128;
    let mut live: Vec<(Pl, u128)> = vec![];
    for (i, p) in x.iter().enumerate() {
        match p {
            Pl::Zero => {}
            Pl::One => fixed = fixed.wrapping_add(weight(i)),
            p if weight(i) != 0 => live.push((*p, weight(i))),
            _ => {}
        }
    }
    fixed &= mask(ring);
    if live.is_empty() {
        let k = s.constant(fixed, ring_elem(ring), len.clone());
        return Ok(arith(s, Op::Lift, vec![k], ring, elem, len));
    }
    let m = live.len() as u64;
    // Lanes whose number has no expression cannot be laid side by side: each plane goes alone then, in the same rounds.
    let apart = |s: &mut Asm, (plane, weight): (Pl, u128)| {
        let b = s.bare(&[plane], len);
        let (u, v) = deal_bit(s, b, ring, elem);
        let uv = arith(s, Op::ArithMul, vec![u, v], ring, elem, len);
        let sum = arith(s, Op::ArithAdd, vec![u, v], ring, elem, len);
        let two = scale_const(s, uv, 2, ring, elem, len);
        let bit = arith(s, Op::ArithSub, vec![sum, two], ring, elem, len);
        scale_const(s, bit, weight, ring, elem, len)
    };
    let out = if let Some(n) = len_index(&s.c, len).filter(|_| m > 1) {
        let all = len_mul(len, &Len::Const(m));
        let parts: Vec<WireId> = live.iter().map(|l| s.bare(&[l.0], len)).collect();
        let cat = s.gate(Op::Concat, parts, Domain::Bits { planes: 1 }, Elem::Bool, all.clone());
        // Lane-major, so that the planes of a lane are one group of the dot product.
        let space = s.space(rect(vec![n.clone(), Index::Const(m as i64)]));
        let index = ix(IndexOp::Add, ix(IndexOp::Mul, Index::Coord(1), n), Index::Coord(0));
        let bits = s.gate(Op::Gather { space, index }, vec![cat], Domain::Bits { planes: 1 }, Elem::Bool, all.clone());
        let e = ring_elem(ring);
        let table = s.gate(Op::Table(live.iter().map(|l| l.1).collect()), vec![], Domain::Clear, e, Len::Const(m));
        let weights = s.gate(Op::Gather { space, index: Index::Coord(1) }, vec![table], Domain::Clear, e, all.clone());
        let (u, v) = deal_bit(s, bits, ring, elem);
        let sum = arith(s, Op::ArithAdd, vec![u, v], ring, elem, &all);
        let sum = arith(s, Op::ArithScale, vec![sum, weights], ring, elem, &all);
        let group = Len::Const(m);
        let sum = arith(s, Op::Reduce { red: Red::Add, group: group.clone() }, vec![sum], ring, elem, len);
        let wu = arith(s, Op::ArithScale, vec![u, weights], ring, elem, &all);
        let dot = arith(s, Op::Dot { group }, vec![wu, v], ring, elem, len);
        let two = scale_const(s, dot, 2, ring, elem, len);
        arith(s, Op::ArithSub, vec![sum, two], ring, elem, len)
    } else {
        let mut sum = apart(s, live[0]);
        for l in &live[1..] {
            let next = apart(s, *l);
            sum = arith(s, Op::ArithAdd, vec![sum, next], ring, elem, len);
        }
        sum
    };
    if fixed == 0 {
        return Ok(out);
    }
    let k = s.constant(fixed, ring_elem(ring), len.clone());
    Ok(arith(s, Op::ArithAdd, vec![out, k], ring, elem, len))
}

/// x / 2^places, floored or one less, for -2^(ring-2) <= x < 2^(ring-2). 2 steps; deals two elements and sends one.
///
/// With y = x + 2^(ring-2) as the sum mod 2^ring of s and t, of which one node knows one and the others the other, the sum of
/// the moved parts lacks at most the carry of what is cut off, and is 2^(ring-places) too much where s + t wraps. As y is below
/// 2^(ring-1), it wraps iff s or t has its highest bit. Every message is masked.
pub fn trunc(s: &mut Asm, x: WireId, places: u8, ring: u8, elem: Elem, len: &Len) -> WireId {
    let number = |s: &mut Asm, v: u128| s.constant(v & mask(ring), ring_elem(ring), len.clone());
    let deal = |s: &mut Asm, y: WireId, places: u8| {
        let u = s.wire(Domain::Arith { ring }, elem, len.clone());
        let v = s.wire(Domain::Arith { ring }, elem, len.clone());
        s.raw(Op::TruncDeal { places }, vec![y], vec![u, v]);
        (u, v)
    };
    let up = number(s, 1 << (ring - 2));
    let y = arith(s, Op::ArithAdd, vec![x, up], ring, elem, len);
    let (a, b) = deal(s, y, places);
    let (u, v) = deal(s, y, ring - 1);
    let uv = arith(s, Op::ArithMul, vec![u, v], ring, elem, len);
    let either = arith(s, Op::ArithAdd, vec![u, v], ring, elem, len);
    let either = arith(s, Op::ArithSub, vec![either, uv], ring, elem, len);
    let wraps = scale_const(s, either, 1 << (ring - places), ring, elem, len);
    let sum = arith(s, Op::ArithAdd, vec![a, b], ring, elem, len);
    let sum = arith(s, Op::ArithSub, vec![sum, wraps], ring, elem, len);
    let down = number(s, 1 << (ring - 2 - places));
    arith(s, Op::ArithSub, vec![sum, down], ring, elem, len)
}

/// Number of true bits of each group: sum(u) + sum(v) - 2 dot(u, v). 2 steps, one element per group beside the deal.
pub fn count(s: &mut Asm, b: Pl, ring: u8, elem: Elem, len: &Len, group: &Len, out: &Len) -> WireId {
    let w = s.bare(&[b], len);
    let (u, v) = deal_bit(s, w, ring, elem);
    let sum = arith(s, Op::ArithAdd, vec![u, v], ring, elem, len);
    let sum = arith(s, Op::Reduce { red: Red::Add, group: group.clone() }, vec![sum], ring, elem, out);
    let dot = arith(s, Op::Dot { group: group.clone() }, vec![u, v], ring, elem, out);
    let two = scale_const(s, dot, 2, ring, elem, out);
    arith(s, Op::ArithSub, vec![sum, two], ring, elem, out)
}
