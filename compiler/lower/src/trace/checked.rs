//! `checked` programs: one memory of one truth value that any failing operation sets, and that is opened before anything else.
//!
//! A store that joins the bit of an operation into the memory is a reduction where the loop around becomes lanes. What fails
//! on clear values is a check of the run. Library functions wrap as ever. Knows operators, no statements.

use super::value::{Leaf, Val, elem_of};
use super::{R, Tracer, hash_of};
use crate::fold;
use crate::nest::{NodeId, Op};
use circuit::gate::{Bin, Recipient, Un};
use circuit::index::{Index, IndexOp};
use circuit::types::{Domain, Elem};
use sema::checked::{FAILED, OVERFLOW, sum_bits};
use sema::tree::{BinOp, Ty, UnOp};

const WORD: Elem = Elem::Int { signed: true, bits: 64 };

fn int(signed: bool, bits: u32) -> Elem {
    Elem::Int { signed, bits: bits.min(128) as u8 }
}

impl Tracer<'_> {
    /// Whether operations of the code at hand are watched.
    pub(super) fn watched(&self) -> bool {
        self.sticky.is_some() && self.unwatched == 0 && !self.code().library
    }
    /// `work`, in which nothing is watched.
    pub(super) fn wrapping<T>(&mut self, work: impl FnOnce(&mut Self) -> R<T>) -> R<T> {
        self.unwatched += 1;
        let r = work(self);
        self.unwatched -= 1;
        r
    }
    /// Joins a truth value into what is remembered.
    pub(super) fn flag(&mut self, bad: NodeId, what: &str) -> R<()> {
        let Some(m) = self.sticky else { return Ok(()) };
        if self.nest.constant(bad) == Some(0) {
            return Ok(());
        }
        // Whether code under a secret condition runs is told by nothing but the bit.
        let veiled = self.conds.iter().any(|c| self.nest.n(*c).dom != Domain::Clear);
        if self.nest.n(bad).dom == Domain::Clear && !veiled {
            let ok = fold::not(self, bad);
            return self.check(ok, what);
        }
        let zero = Index::Const(0);
        let old = self.load_raw(m, &zero);
        let both = self.bin(Bin::Or, old, bad);
        self.store(m, &zero, both);
        Ok(())
    }
    /// That nothing has failed so far, opened; `None` where nothing in secret could.
    pub(super) fn settled(&mut self) -> R<Option<NodeId>> {
        let Some((m, span)) = self.sticky.zip(self.program.checked) else { return Ok(None) };
        let bad = self.load_raw(m, &Index::Const(0));
        if self.nest.n(bad).dom == Domain::Clear {
            return Ok(None);
        }
        let key = hash_of(&("settled", bad));
        let known = self.scopes.iter().find_map(|s| s.same.get(&key)).copied();
        if let Some(ok) = known.filter(|n| matches!(self.nest.n(*n).op, Op::Reveal(_) | Op::Un(Un::Not))) {
            return Ok(Some(ok));
        }
        let masked = match self.open() {
            None => bad,
            Some(c) => {
                let zero = fold::konst(self, 0, Elem::Bool);
                self.select(c, bad, zero)
            }
        };
        let opened = self.fixed(Op::Reveal(Recipient::All), vec![masked], Elem::Bool);
        let ok = fold::not(self, opened);
        self.at_span(span, |s| s.check(ok, FAILED))?;
        self.top_mut().same.insert(key, ok);
        Ok(Some(ok))
    }

    fn bits_of(&self, x: NodeId) -> (bool, u32) {
        match self.nest.n(x).elem {
            Elem::Bool => (false, 1),
            Elem::Int { signed, bits } => (signed, u32::from(bits)),
        }
    }
    fn cast(&mut self, x: NodeId, to: Elem) -> NodeId {
        fold::un(self, Un::Cast, x, to)
    }
    /// A bit of a number.
    fn bit(&mut self, x: NodeId, at: u32) -> NodeId {
        let elem = self.nest.n(x).elem;
        let by = fold::konst(self, u128::from(at), elem);
        let x = if at == 0 { x } else { self.bin(Bin::Shr, x, by) };
        self.cast(x, Elem::Bool)
    }
    /// Whether a wide number is not one of a narrower type.
    fn outside(&mut self, wide: NodeId, elem: Elem) -> NodeId {
        let low = self.cast(wide, elem);
        let back = self.cast(low, self.nest.n(wide).elem);
        let same = self.bin(Bin::Eq, back, wide);
        fold::not(self, same)
    }
    fn is(&mut self, x: NodeId, value: u128) -> NodeId {
        let elem = self.nest.n(x).elem;
        let k = fold::konst(self, value & fold::mask(elem), elem);
        self.bin(Bin::Eq, x, k)
    }

    /// `x op y` on numbers, watched.
    pub(super) fn watch(&mut self, op: BinOp, x: NodeId, y: NodeId, ty: &Ty) -> R<NodeId> {
        let (x, y) = (self.secret(x), self.secret(y));
        let (r, bad) = match (op, ty) {
            (BinOp::Add | BinOp::Sub, _) => self.sum_of_two(op == BinOp::Sub, x, y),
            (BinOp::Mul, Ty::Fixed(f)) => {
                let (p, bad) = self.product(x, y);
                (self.cut_product(p, *f), bad)
            }
            (BinOp::Mul, _) => self.product(x, y),
            (BinOp::Div, Ty::Fixed(f)) => {
                let q = self.fixed_quotient(x, y, *f);
                let (zero, out) = (self.is(y, 0), self.outside(q, WORD));
                (self.cast(q, WORD), self.bin(Bin::Or, zero, out))
            }
            _ => {
                let gate = if op == BinOp::Div { Bin::Div } else { Bin::Rem };
                let (signed, bits) = self.bits_of(x);
                let mut bad = self.is(y, 0);
                if signed && op == BinOp::Div {
                    let (least, minus) = (self.is(x, 1 << (bits - 1)), self.is(y, u128::MAX));
                    let both = self.bin(Bin::And, least, minus);
                    bad = self.bin(Bin::Or, bad, both);
                }
                (self.bin(gate, x, y), bad)
            }
        };
        self.flag(bad, OVERFLOW)?;
        Ok(r)
    }
    /// A sum or a difference, and whether it overflows: told by the bit above.
    fn sum_of_two(&mut self, minus: bool, x: NodeId, y: NodeId) -> (NodeId, NodeId) {
        let (signed, bits) = self.bits_of(x);
        let op = if minus { Bin::Sub } else { Bin::Add };
        let r = self.bin(op, x, y);
        if bits == 128 {
            let bad = if signed {
                // The signs of the operands, as they are added, agree, and the result's differs.
                let (a, b) = (self.bin(Bin::Xor, x, r), self.bin(Bin::Xor, if minus { x } else { r }, y));
                let both = self.bin(Bin::And, a, b);
                self.bit(both, 127)
            } else if minus {
                self.bin(Bin::Lt, x, y)
            } else {
                self.bin(Bin::Lt, r, x)
            };
            return (r, bad);
        }
        let wide = int(signed || minus, bits + 1);
        let (a, b) = (self.cast(x, wide), self.cast(y, wide));
        let w = self.bin(op, a, b);
        let top = self.bit(w, bits);
        let bad = if signed {
            let sign = self.bit(w, bits - 1);
            self.bin(Bin::Xor, top, sign)
        } else {
            top
        };
        (r, bad)
    }
    /// A product, and whether it overflows.
    fn product(&mut self, x: NodeId, y: NodeId) -> (NodeId, NodeId) {
        let (signed, bits) = self.bits_of(x);
        let elem = self.nest.n(x).elem;
        if bits <= 64 {
            let wide = int(signed, 2 * bits);
            let (a, b) = (self.cast(x, wide), self.cast(y, wide));
            let p = self.bin(Bin::Mul, a, b);
            return (self.cast(p, elem), self.outside(p, elem));
        }
        let r = self.bin(Bin::Mul, x, y);
        let u = int(false, 128);
        let (sx, sy) = match signed {
            true => (self.bit(x, bits - 1), self.bit(y, bits - 1)),
            false => (fold::konst(self, 0, Elem::Bool), fold::konst(self, 0, Elem::Bool)),
        };
        let (a, b) = (self.magnitude(x, sx), self.magnitude(y, sy));
        // Halves of 64 bits: at most one of the upper ones may be other than zero.
        let by = fold::konst(self, 64, u);
        let low = fold::konst(self, u128::from(u64::MAX), u);
        let (ah, bh) = (self.bin(Bin::Shr, a, by), self.bin(Bin::Shr, b, by));
        let (al, bl) = (self.bin(Bin::And, a, low), self.bin(Bin::And, b, low));
        let (za, zb) = (self.is(ah, 0), self.is(bh, 0));
        let one = self.bin(Bin::Or, za, zb);
        let mut bad = fold::not(self, one);
        let (c, d, e) = (self.bin(Bin::Mul, ah, bl), self.bin(Bin::Mul, bh, al), self.bin(Bin::Mul, al, bl));
        let cross = self.bin(Bin::Add, c, d);
        let lost = self.bin(Bin::Shr, cross, by);
        let none = self.is(lost, 0);
        let lost = fold::not(self, none);
        bad = self.bin(Bin::Or, bad, lost);
        let high = self.bin(Bin::Shl, cross, by);
        let p = self.bin(Bin::Add, high, e);
        let carry = self.bin(Bin::Lt, p, high);
        bad = self.bin(Bin::Or, bad, carry);
        // The greatest magnitude: one more below zero.
        let most = if signed { (1u128 << (bits - 1)) - 1 } else { fold::mask(elem) };
        let most = fold::konst(self, most, u);
        let negative = self.bin(Bin::Xor, sx, sy);
        let more = self.cast(negative, u);
        let most = self.bin(Bin::Add, most, more);
        let large = self.bin(Bin::Lt, most, p);
        (r, self.bin(Bin::Or, bad, large))
    }
    /// A number without its sign, of 128 bits.
    fn magnitude(&mut self, x: NodeId, negative: NodeId) -> NodeId {
        let minus = fold::un(self, Un::Neg, x, self.nest.n(x).elem);
        let x = self.select(negative, minus, x);
        let (_, bits) = self.bits_of(x);
        let x = self.cast(x, int(false, bits));
        self.cast(x, int(false, 128))
    }
    /// What an operation on public numbers comes to must be one of its type.
    pub(super) fn watch_public(&mut self, e: &Index, ty: &Ty) -> R<()> {
        let (lo, hi) = super::index::range(elem_of(ty));
        let (a, b) = crate::ix::interval(e, &self.nest.ranges);
        if lo <= i128::from(a) && i128::from(b) <= hi {
            return Ok(());
        }
        let small = |v: i128| v.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        let low = Index::bin(IndexOp::Le, Index::Const(small(lo)), e.clone());
        let high = Index::bin(IndexOp::Le, e.clone(), Index::Const(small(hi)));
        let ok = self.iota(&Index::bin(IndexOp::And, low, high), Elem::Bool);
        let bad = fold::not(self, ok);
        self.flag(bad, OVERFLOW)
    }
    /// `-x`, watched.
    pub(super) fn watch_neg(&mut self, op: UnOp, x: NodeId, ty: &Ty) -> R<()> {
        if op != UnOp::Neg || !self.watched() || matches!(ty, Ty::Bool | Ty::Index) {
            return Ok(());
        }
        let (signed, bits) = self.bits_of(x);
        let bad = if signed {
            self.is(x, 1 << (bits - 1))
        } else {
            let zero = self.is(x, 0);
            fold::not(self, zero)
        };
        self.flag(bad, OVERFLOW)
    }
    /// The sum of an array, watched: in as many bits as it may have, or else number by number.
    pub(super) fn watch_sum(&mut self, v: &Val, ty: &Ty) -> R<Option<Leaf>> {
        let (elem, n) = (elem_of(ty), self.array(&v.ty)?.1);
        let bits = u32::from(elem.bits());
        let lanes = self.leaves(&v.ty)?.first().map_or(n as u64, |l| l.lanes);
        let Some(wide) = sum_bits(bits, lanes as usize) else { return Ok(None) };
        let wide = int(elem.signed(), wide);
        let zero = fold::konst(self, 0, wide);
        let w = self.gather(v, Leaf::N(zero), &mut |s, a, x| {
            let x = s.cast(x, wide);
            Ok(s.bin(Bin::Add, a, x))
        })?;
        let w = self.node(&w, ty)?;
        let bad = self.outside(w, elem);
        self.flag(bad, OVERFLOW)?;
        Ok(Some(Leaf::N(self.cast(w, elem))))
    }
    /// An index that is not public must be one of `n`.
    pub(super) fn watch_index(&mut self, k: NodeId, n: i64) -> R<()> {
        if !self.watched() {
            return Ok(());
        }
        let k = self.secret(k);
        let (signed, bits) = self.bits_of(k);
        let mut bad = if signed { self.bit(k, bits - 1) } else { fold::konst(self, 0, Elem::Bool) };
        let own = bits - u32::from(signed);
        if own > 63 || n < 1i64 << own {
            let elem = self.nest.n(k).elem;
            let end = fold::konst(self, n as u128, elem);
            let below = self.bin(Bin::Lt, k, end);
            let out = fold::not(self, below);
            bad = self.bin(Bin::Or, bad, out);
        }
        self.flag(bad, FAILED)
    }
}
