//! Canonical forms of scalar operations: constants fold, and spellings that mean the same become the same node.
//!
//! `select(c, s + e, s)` becomes `s + select(c, e, 0)`, a comparison and a choice become `min` or `max`, nested conditions
//! join. Works on the nest through a [`Sink`]; knows nothing of loops.

use crate::nest::{Nest, NodeId, Op};
use circuit::gate::{Bin, Un};
use circuit::types::Elem;

/// Where new nodes go.
pub trait Sink {
    /// The nodes so far.
    fn nest(&self) -> &Nest;
    /// The node with this operation (an equal one, if there is one in sight).
    fn make(&mut self, op: Op, args: Vec<NodeId>, elem: Elem) -> NodeId;
}

/// All ones of an element.
pub fn mask(e: Elem) -> u128 {
    let b = e.bits();
    if b >= 128 { u128::MAX } else { (1 << b) - 1 }
}
/// Sign-extended value.
pub fn signed(v: u128, e: Elem) -> i128 {
    let s = 128 - e.bits() as u32;
    if matches!(e, Elem::Int { signed: true, .. }) { ((v << s) as i128) >> s } else { v as i128 }
}
fn is_signed(e: Elem) -> bool {
    matches!(e, Elem::Int { signed: true, .. })
}
/// The least value.
pub fn least(e: Elem) -> u128 {
    if is_signed(e) { 1 << (e.bits() - 1) } else { 0 }
}
/// The greatest value.
pub fn greatest(e: Elem) -> u128 {
    if is_signed(e) { mask(e) >> 1 } else { mask(e) }
}
/// `a < b`
pub fn less(a: u128, b: u128, e: Elem) -> bool {
    if is_signed(e) { signed(a, e) < signed(b, e) } else { a < b }
}

/// A binary operation on bit patterns; `None` for division by zero (an error on public values).
pub fn apply(op: Bin, a: u128, b: u128, e: Elem, shift: Elem) -> Option<u128> {
    let m = mask(e);
    Some(match op {
        Bin::Add => a.wrapping_add(b) & m,
        Bin::Sub => a.wrapping_sub(b) & m,
        Bin::Mul => a.wrapping_mul(b) & m,
        Bin::And => a & b,
        Bin::Or => a | b,
        Bin::Xor => a ^ b,
        Bin::Lt => less(a, b, e) as u128,
        Bin::Eq => (a == b) as u128,
        Bin::Div | Bin::Rem if b == 0 => return None,
        Bin::Div if is_signed(e) => signed(a, e).wrapping_div(signed(b, e)) as u128 & m,
        Bin::Rem if is_signed(e) => signed(a, e).wrapping_rem(signed(b, e)) as u128 & m,
        Bin::Div => a / b,
        Bin::Rem => a % b,
        Bin::Shl | Bin::Shr => {
            let n = signed(b, shift);
            let over = if is_signed(shift) { n < 0 || n >= e.bits() as i128 } else { b >= e.bits() as u128 };
            match (op, over) {
                (Bin::Shl, true) => 0,
                (Bin::Shl, false) => (a << b) & m,
                (_, true) if is_signed(e) && signed(a, e) < 0 => m,
                (_, true) => 0,
                (_, false) if is_signed(e) => (signed(a, e) >> b) as u128 & m,
                (_, false) => a >> b,
            }
        }
    })
}
/// A cast of a bit pattern.
pub fn convert(v: u128, from: Elem, to: Elem) -> u128 {
    signed(v, from) as u128 & mask(to)
}

fn elem<S: Sink + ?Sized>(s: &S, x: NodeId) -> Elem {
    s.nest().n(x).elem
}
/// A constant node.
pub fn konst<S: Sink + ?Sized>(s: &mut S, v: u128, e: Elem) -> NodeId {
    s.make(Op::Const(v & mask(e)), vec![], e)
}
/// The neutral element of a reduction.
pub fn identity(op: &Op, e: Elem) -> Option<u128> {
    Some(match op {
        Op::Bin(Bin::Add | Bin::Or | Bin::Xor | Bin::Sub) => 0,
        Op::Bin(Bin::Mul) => 1,
        Op::Bin(Bin::And) => mask(e),
        Op::Min => greatest(e),
        Op::Max => least(e),
        _ => return None,
    })
}

/// Unary.
pub fn un<S: Sink + ?Sized>(s: &mut S, op: Un, x: NodeId, to: Elem) -> NodeId {
    let from = elem(s, x);
    if let Some(v) = s.nest().constant(x) {
        let r = match op {
            Un::Neg => v.wrapping_neg() & mask(from),
            Un::Not => !v & mask(from),
            Un::Cast => convert(v, from, to),
            Un::Trunc(k) => (signed(v, from) >> k) as u128 & mask(from),
        };
        return s.make(Op::Const(r), vec![], to);
    }
    match (op, &s.nest().n(x).op) {
        (Un::Cast, _) if from == to => return x,
        (Un::Not, Op::Un(Un::Not)) | (Un::Neg, Op::Un(Un::Neg)) => return s.nest().n(x).args[0],
        (Un::Not, Op::Iota(e)) if from == Elem::Bool => {
            let e = crate::ix::not(e);
            return s.make(Op::Iota(e), vec![], Elem::Bool);
        }
        (Un::Not, Op::Bin(Bin::Xor)) if from == Elem::Bool => {}
        _ => {}
    }
    s.make(Op::Un(op), vec![x], to)
}
/// `!x`
pub fn not<S: Sink + ?Sized>(s: &mut S, x: NodeId) -> NodeId {
    let e = elem(s, x);
    un(s, Un::Not, x, e)
}

/// Binary; division by a zero constant must be caught before.
pub fn bin<S: Sink + ?Sized>(s: &mut S, op: Bin, x: NodeId, y: NodeId) -> NodeId {
    let e = elem(s, x);
    let out = if matches!(op, Bin::Lt | Bin::Eq) { Elem::Bool } else { e };
    let (cx, cy) = (s.nest().constant(x), s.nest().constant(y));
    if let (Some(a), Some(b)) = (cx, cy)
        && let Some(v) = apply(op, a, b, e, elem(s, y))
    {
        return s.make(Op::Const(v), vec![], out);
    }
    let ones = mask(e);
    match (op, cx, cy) {
        (Bin::Add | Bin::Or | Bin::Xor, Some(0), _) => return y,
        (Bin::Add | Bin::Sub | Bin::Or | Bin::Xor | Bin::Shl | Bin::Shr, _, Some(0)) => return x,
        (Bin::Mul, Some(1), _) => return y,
        (Bin::Mul | Bin::Div, _, Some(1)) => return x,
        (Bin::And, Some(m), _) if m == ones => return y,
        (Bin::And, _, Some(m)) if m == ones => return x,
        (Bin::And | Bin::Mul, Some(0), _) => return x,
        (Bin::And | Bin::Mul, _, Some(0)) => return y,
        (Bin::Or, Some(m), _) if m == ones => return x,
        (Bin::Or, _, Some(m)) if m == ones => return y,
        (Bin::Xor, _, Some(m)) if m == ones => return not(s, x),
        (Bin::Xor, Some(m), _) if m == ones => return not(s, y),
        (Bin::Sub, _, Some(c)) => {
            let k = konst(s, c.wrapping_neg(), e);
            return bin(s, Bin::Add, x, k);
        }
        (Bin::Sub, Some(0), _) => return un(s, Un::Neg, y, e),
        (Bin::Eq, Some(1), _) if e == Elem::Bool => return y,
        (Bin::Eq, _, Some(1)) if e == Elem::Bool => return x,
        (Bin::Eq, Some(0), _) if e == Elem::Bool => return not(s, y),
        (Bin::Eq, _, Some(0)) if e == Elem::Bool => return not(s, x),
        _ => {}
    }
    if x == y {
        match op {
            Bin::And | Bin::Or => return x,
            Bin::Sub | Bin::Xor => return konst(s, 0, e),
            Bin::Lt => return konst(s, 0, Elem::Bool),
            Bin::Eq => return konst(s, 1, Elem::Bool),
            _ => {}
        }
    }
    if let Some(r) = absorbed(s, op, x, y).or_else(|| absorbed(s, op, y, x)) {
        return r;
    }
    if op == Bin::Add {
        if let Op::Un(Un::Neg) = s.nest().n(y).op {
            let y = s.nest().n(y).args[0];
            return bin(s, Bin::Sub, x, y);
        }
        if let Op::Un(Un::Neg) = s.nest().n(x).op {
            let x = s.nest().n(x).args[0];
            return bin(s, Bin::Sub, y, x);
        }
    }
    let commutes = matches!(op, Bin::Add | Bin::Mul | Bin::And | Bin::Or | Bin::Xor | Bin::Eq);
    let args = if commutes { ordered(s, x, y) } else { vec![x, y] };
    s.make(Op::Bin(op), args, out)
}
/// `x & (x | z)` is x and `x & (!x | z)` is `x & z`; likewise with `|` and `&` exchanged.
fn absorbed<S: Sink + ?Sized>(s: &mut S, op: Bin, x: NodeId, y: NodeId) -> Option<NodeId> {
    let other = match op {
        Bin::And => Bin::Or,
        Bin::Or => Bin::And,
        _ => return None,
    };
    let (Op::Bin(o), [p, q]) = (&s.nest().n(y).op, &s.nest().n(y).args[..]) else { return None };
    let (p, q) = (*p, *q);
    let opposite = |n: NodeId| {
        let of = |a: NodeId, b: NodeId| matches!(s.nest().n(a).op, Op::Un(Un::Not)) && s.nest().n(a).args[0] == b;
        of(n, x) || of(x, n)
    };
    if *o != other {
        return None;
    }
    if p == x || q == x {
        return Some(x);
    }
    let rest = if opposite(p) {
        q
    } else if opposite(q) {
        p
    } else {
        return None;
    };
    Some(bin(s, op, x, rest))
}
fn ordered<S: Sink + ?Sized>(s: &S, x: NodeId, y: NodeId) -> Vec<NodeId> {
    // Constants last, carried values first, else by structure.
    let rank = |n: NodeId| {
        let n = s.nest().n(n);
        (matches!(n.op, Op::Const(_)), !matches!(n.op, Op::Phi(..)), n.key)
    };
    if (rank(x), x) <= (rank(y), y) { vec![x, y] } else { vec![y, x] }
}
/// `min` or `max`.
pub fn extreme<S: Sink + ?Sized>(s: &mut S, max: bool, x: NodeId, y: NodeId) -> NodeId {
    let e = elem(s, x);
    if x == y {
        return x;
    }
    if e == Elem::Bool {
        return bin(s, if max { Bin::Or } else { Bin::And }, x, y);
    }
    let (cx, cy) = (s.nest().constant(x), s.nest().constant(y));
    if let (Some(a), Some(b)) = (cx, cy) {
        return if less(a, b, e) != max { x } else { y };
    }
    let (neutral, absorbing) = if max { (least(e), greatest(e)) } else { (greatest(e), least(e)) };
    if cx == Some(neutral) || cy == Some(absorbing) {
        return y;
    }
    if cy == Some(neutral) || cx == Some(absorbing) {
        return x;
    }
    let args = ordered(s, x, y);
    s.make(if max { Op::Max } else { Op::Min }, args, e)
}

/// `c ? a : b`
pub fn select<S: Sink + ?Sized>(s: &mut S, c: NodeId, a: NodeId, b: NodeId) -> NodeId {
    let e = elem(s, a);
    if a == b {
        return a;
    }
    match s.nest().constant(c) {
        Some(0) => return b,
        Some(_) => return a,
        None => {}
    }
    let cn = s.nest().n(c);
    if let Op::Un(Un::Not) = cn.op {
        let c = cn.args[0];
        return select(s, c, b, a);
    }
    if let (Op::Bin(Bin::Lt), [p, q]) = (&cn.op, cn.args.as_slice()) {
        let (p, q) = (*p, *q);
        if (p, q) == (a, b) {
            return extreme(s, false, a, b);
        }
        if (p, q) == (b, a) {
            return extreme(s, true, a, b);
        }
    }
    let part = |s: &S, x: NodeId| {
        let n = s.nest().n(x);
        (n.op.clone(), n.args.clone())
    };
    let (oa, aa) = part(s, a);
    let (ob, ab) = part(s, b);
    if oa == Op::Select && aa[0] == c {
        return select(s, c, aa[1], b);
    }
    if ob == Op::Select && ab[0] == c {
        return select(s, c, a, ab[2]);
    }
    let (ca, cb) = (s.nest().constant(a), s.nest().constant(b));
    if e == Elem::Bool {
        match (ca, cb) {
            (Some(1), _) => return bin(s, Bin::Or, c, b),
            (_, Some(0)) => return bin(s, Bin::And, c, a),
            (Some(0), _) => {
                let c = not(s, c);
                return bin(s, Bin::And, c, b);
            }
            (_, Some(1)) => {
                let c = not(s, c);
                return bin(s, Bin::Or, c, a);
            }
            _ => {}
        }
        if oa == Op::Un(Un::Not) && aa[0] == b {
            return bin(s, Bin::Xor, c, b);
        }
        if ob == Op::Un(Un::Not) && ab[0] == a {
            let x = bin(s, Bin::Xor, c, a);
            return not(s, x);
        }
    }
    match (ca, cb) {
        (Some(1), Some(0)) => return un(s, Un::Cast, c, e),
        (Some(0), Some(1)) => {
            let c = not(s, c);
            return un(s, Un::Cast, c, e);
        }
        _ => {}
    }
    if oa == Op::Select && aa[2] == b {
        let c = bin(s, Bin::And, c, aa[0]);
        return select(s, c, aa[1], b);
    }
    if oa == Op::Select && aa[1] == b {
        let d = not(s, aa[0]);
        let c = bin(s, Bin::And, c, d);
        return select(s, c, aa[2], b);
    }
    if let Some(r) = accumulate(s, c, (&oa, &aa), b, e) {
        return r;
    }
    if ab.contains(&a) {
        let n = not(s, c);
        if let Some(r) = accumulate(s, n, (&ob, &ab), a, e) {
            return r;
        }
    }
    s.make(Op::Select, vec![c, a, b], e)
}
/// `select(c, b ⊕ x, b)` as `b ⊕ select(c, x, 0)`.
fn accumulate<S: Sink + ?Sized>(
    s: &mut S,
    c: NodeId,
    (op, args): (&Op, &[NodeId]),
    b: NodeId,
    e: Elem,
) -> Option<NodeId> {
    let Op::Bin(o) = op else { return None };
    let x = match (o, args) {
        (Bin::Add | Bin::Xor | Bin::Or | Bin::And | Bin::Sub, [p, x]) if *p == b => *x,
        (Bin::Add | Bin::Xor | Bin::Or | Bin::And, [x, p]) if *p == b => *x,
        _ => return None,
    };
    if matches!(o, Bin::Or | Bin::And) && e != Elem::Bool {
        return None;
    }
    let zero = identity(op, e)?;
    let k = konst(s, zero, e);
    let x = select(s, c, x, k);
    Some(bin(s, *o, b, x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_wraps() {
        let (u, i) = (Elem::Int { signed: false, bits: 8 }, Elem::Int { signed: true, bits: 8 });
        assert_eq!(apply(Bin::Add, 200, 100, u, u), Some(44));
        assert_eq!(apply(Bin::Div, 0x80, 0xff, i, i), Some(0x80));
        assert_eq!(apply(Bin::Rem, 0x81, 0x02, i, i), Some(0xff));
        assert_eq!(apply(Bin::Shr, 0x80, 9, i, u), Some(0xff));
        assert_eq!(apply(Bin::Shl, 1, 0xff, i, i), Some(0));
        assert_eq!(apply(Bin::Lt, 0xff, 0, i, i), Some(1));
        assert_eq!(convert(0xff, i, Elem::Int { signed: false, bits: 16 }), 0xffff);
    }
}
