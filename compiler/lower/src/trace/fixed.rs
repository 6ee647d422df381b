//! Numbers of one type made from another's, and fixed-point numbers as their words: products and quotients, sums of whole
//! products.
//!
//! A word is a signed 64-bit wire; what needs more bits on the way has them. Knows no expressions.

use super::expr::{scalar_of, with_scalar};
use super::value::{Leaf, Val, elem_of};
use super::{R, Tracer};
use crate::fold;
use crate::nest::NodeId;
use circuit::gate::{Bin, Un};
use circuit::types::{Domain, Elem};
use sema::tree::{BinOp, Ty};

const WORD: Elem = Elem::Int { signed: true, bits: 64 };
const I64: Ty = Ty::Int { signed: true, bits: 64 };

impl Tracer<'_> {
    /// By a public number of places.
    fn shift(&mut self, op: Bin, x: NodeId, by: u8) -> NodeId {
        let by = fold::konst(self, u128::from(by), Elem::u(8));
        self.bin(op, x, by)
    }
    /// The word of a whole number that a node holds.
    pub(super) fn whole_word(&mut self, x: NodeId, frac: u8) -> NodeId {
        let x = fold::un(self, Un::Cast, x, WORD);
        self.shift(Bin::Shl, x, frac)
    }
    /// A whole product as a number: floored, or, on secrets where the program says so, floored or one less.
    pub(super) fn cut_product(&mut self, p: NodeId, frac: u8) -> NodeId {
        if self.program.fast_fixed && self.nest.n(p).dom == Domain::Secret {
            return fold::un(self, Un::Trunc(frac), p, WORD);
        }
        self.shift(Bin::Shr, p, frac)
    }
    /// `x * y`.
    pub(super) fn fixed_mul(&mut self, x: NodeId, y: NodeId, frac: u8) -> NodeId {
        let p = self.bin(Bin::Mul, x, y);
        self.cut_product(p, frac)
    }
    /// `x / y` toward zero: the divisor is no clear 0. The dividend has `frac` bits more, so that nothing wraps.
    pub(super) fn fixed_div(&mut self, x: NodeId, y: NodeId, frac: u8) -> NodeId {
        let q = self.fixed_quotient(x, y, frac);
        fold::un(self, Un::Cast, q, WORD)
    }
    /// All bits of it.
    pub(super) fn fixed_quotient(&mut self, x: NodeId, y: NodeId, frac: u8) -> NodeId {
        let wide = Elem::Int { signed: true, bits: 64 + frac };
        let (x, y) = (self.secret(x), self.secret(y));
        let x = fold::un(self, Un::Cast, x, wide);
        let x = self.shift(Bin::Shl, x, frac);
        let y = fold::un(self, Un::Cast, y, wide);
        self.bin(Bin::Div, x, y)
    }
    /// An index as a number: it must fit.
    pub(super) fn number_of(&mut self, v: &Val, ty: Ty) -> R<Val> {
        let elem = elem_of(&ty);
        let (lo, hi) = match ty {
            Ty::Fixed(f) => (-1 << (63 - f), (1 << (63 - f)) - 1),
            _ => super::index::range(elem),
        };
        let what = "a number that does not fit the type that is wanted here";
        let n = match &v.leaves[0] {
            Leaf::I(i) => {
                self.need_range(i, lo, hi.saturating_add(1), &|v| match v {
                    Some(v) => format!("{v} does not fit the type that is wanted here"),
                    None => what.into(),
                })?;
                self.iota(i, elem)
            }
            Leaf::N(n) => {
                self.need_within(*n, lo, hi.saturating_add(1), what)?;
                fold::un(self, Un::Cast, *n, elem)
            }
            _ => return self.internal("an array as an index"),
        };
        let n = if let Ty::Fixed(f) = ty { self.whole_word(n, f) } else { n };
        Ok(Val::scalar(ty, Leaf::N(n)))
    }
    /// The last `k` bits cut off, toward zero.
    fn cut(&mut self, x: NodeId, k: u8) -> NodeId {
        let sign = self.shift(Bin::Shr, x, 63);
        let low = fold::konst(self, (1 << k) - 1, WORD);
        let up = self.bin(Bin::And, sign, low);
        let x = self.bin(Bin::Add, x, up);
        self.shift(Bin::Shr, x, k)
    }
    /// A scalar as another scalar type, neither an index.
    pub(super) fn convert(&mut self, x: NodeId, from: &Ty, to: &Ty) -> NodeId {
        match (from, to) {
            (Ty::Fixed(f), Ty::Fixed(g)) if f <= g => self.shift(Bin::Shl, x, g - f),
            (Ty::Fixed(f), Ty::Fixed(g)) => self.cut(x, f - g),
            (Ty::Fixed(f), _) => {
                let x = self.cut(x, *f);
                fold::un(self, Un::Cast, x, elem_of(to))
            }
            (_, Ty::Fixed(g)) => self.whole_word(x, *g),
            _ => fold::un(self, Un::Cast, x, elem_of(to)),
        }
    }
    /// Products of which nothing is cut off.
    pub(super) fn wide_mul(&mut self, a: &Val, b: &Val) -> R<Val> {
        let ty = a.ty.clone();
        if !matches!(scalar_of(&ty), Ty::Fixed(_)) {
            return self.binary(BinOp::Mul, a, b);
        }
        let word = |v: &Val| Val { ty: with_scalar(&v.ty, &I64), ..v.clone() };
        let v = self.binary(BinOp::Mul, &word(a), &word(b))?;
        Ok(Val { ty, ..v })
    }
    /// What a sum of such products comes to.
    pub(super) fn narrow(&mut self, v: &Val) -> R<Val> {
        let ty = v.ty.clone();
        let Ty::Fixed(f) = *scalar_of(&ty) else { return Ok(v.clone()) };
        self.each(v, &ty, &mut |s, leaf, of| {
            let x = s.node(leaf, of)?;
            let x = s.secret(x);
            Ok(Leaf::N(s.cut_product(x, f)))
        })
    }
}
