//! Places that nobody knows: an element at a secret index is read and written by touching all elements.
//!
//! The index becomes one truth value per element, of which one holds at most, as a product of those of its upper and its
//! lower half of bits: about n products for n elements, in ⌈log₂ of the number of bits⌉ rounds. Outside of the array nothing
//! holds: reading gives 0, writing nothing. What an access costs stands in `docs/language/reference.md`.

use super::value::{Leaf, Val, elem_of};
use super::{R, Tracer};
use crate::nest::{MemId, NodeId};
use crate::{fold, ix};
use circuit::gate::{Bin, Un};
use circuit::index::Index;
use circuit::types::{Domain, Elem};
use sema::tree::{BinOp, Ty};

/// Elements for which a round less is worth a product for each.
const FEW: i64 = 64;

/// A secret index on the way to a place.
#[derive(Clone)]
pub(super) struct Hidden {
    /// Which element it is, as truth values.
    pub hits: MemId,
    /// How many there are.
    pub n: i64,
    /// Scalars from one element to the next, for each leaf of the place.
    pub strides: Vec<i64>,
}

/// A place that nobody knows, in one memory.
pub(super) struct Unknown {
    pub mem: MemId,
    pub off: Index,
    /// The part of the address that the run computes.
    pub dynamic: Option<NodeId>,
    /// Truth values, number, stride, from the outside in.
    pub hidden: Vec<(MemId, i64, i64)>,
}

impl Tracer<'_> {
    /// Whether an index is neither a number over loops nor clear.
    pub(super) fn unknown(&self, index: &Leaf) -> Option<NodeId> {
        match index {
            Leaf::N(k) if self.nest.n(*k).dom != Domain::Clear => Some(*k),
            _ => None,
        }
    }

    /// `n` truth values of which the one at `k` holds, if `k` is below `n`.
    pub(super) fn one_hot(&mut self, k: NodeId, n: i64) -> R<MemId> {
        let k = self.secret(k);
        let elem = self.nest.n(k).elem;
        let (width, signed) = match elem {
            Elem::Bool => (1, false),
            Elem::Int { signed, bits } => (u32::from(bits), signed),
        };
        // Bits that tell elements apart, and bits that must be zero.
        let bits = (64 - (n.max(1) as u64 - 1).leading_zeros()).min(width - u32::from(signed));
        let valid = (bits < width).then(|| {
            let by = fold::konst(self, u128::from(bits), elem);
            let high = self.bin(Bin::Shr, k, by);
            let zero = fold::konst(self, 0, elem);
            self.bin(Bin::Eq, high, zero)
        });
        let list: Vec<NodeId> = (0..bits)
            .map(|i| {
                if elem == Elem::Bool {
                    return k;
                }
                let by = fold::konst(self, u128::from(i), elem);
                let x = self.bin(Bin::Shr, k, by);
                fold::un(self, Un::Cast, x, Elem::Bool)
            })
            .collect();
        let Some(valid) = valid else { return self.products(&list, None, n) };
        // Whether the other bits are zero takes rounds too: of few elements it joins each, once it is known.
        let rounds = |n: usize| n.max(1).next_power_of_two().trailing_zeros();
        if n > FEW || rounds((width - bits) as usize) < rounds(list.len()) {
            return self.products(&list, Some(valid), n);
        }
        let m = self.products(&list, None, n)?;
        self.all_with(m, valid, n)
    }
    /// `n` truth values, each with another.
    fn all_with(&mut self, m: MemId, yes: NodeId, n: i64) -> R<MemId> {
        let out = self.alloc(Elem::Bool, n as u64, 0);
        self.run_loop(&Index::Const(n), false, vec![], &[out], &mut |s, t, _| {
            let x = s.load(m, t);
            let v = s.bin(Bin::And, x, yes);
            s.store(out, t, v);
            Ok(vec![])
        })?;
        Ok(out)
    }
    /// The first `n` products of the bits or their complements, least significant first, each with `yes`, which joins the
    /// upper half when that is there.
    fn products(&mut self, bits: &[NodeId], yes: Option<NodeId>, n: i64) -> R<MemId> {
        let m = self.alloc(Elem::Bool, n as u64, 0);
        let reached = n.min(1i64.checked_shl(bits.len() as u32).unwrap_or(i64::MAX));
        match bits {
            [] => {
                if n > 0 {
                    let v = yes.unwrap_or_else(|| fold::konst(self, 1, Elem::Bool));
                    self.store(m, &Index::Const(0), v);
                }
            }
            [b] => {
                let not = fold::not(self, *b);
                for (at, b) in [(0, not), (1, *b)] {
                    if at < reached {
                        let v = yes.map_or(b, |yes| self.bin(Bin::And, yes, b));
                        self.store(m, &Index::Const(at), v);
                    }
                }
            }
            _ => {
                let (low, high) = bits.split_at(bits.len() / 2);
                let step = 1i64 << low.len();
                let low = self.products(low, None, step.min(reached))?;
                let rows = (reached + step - 1) / step;
                let mut high = self.products(high, None, rows)?;
                if let Some(yes) = yes {
                    high = self.all_with(high, yes, rows)?;
                }
                self.run_loop(&Index::Const(reached), false, vec![], &[m], &mut |s, t, _| {
                    let step = Index::Const(step);
                    let at = ix::bin(circuit::index::IndexOp::Div, t, &step);
                    let x = s.load(high, &at);
                    let at = ix::bin(circuit::index::IndexOp::Rem, t, &step);
                    let y = s.load(low, &at);
                    let v = s.bin(Bin::And, x, y);
                    s.store(m, t, v);
                    Ok(vec![])
                })?;
            }
        }
        Ok(m)
    }

    /// The element at a secret index; 0 where there is none.
    pub(super) fn look_up(&mut self, base: &Val, k: NodeId) -> R<Val> {
        let (elem, n) = self.array(&base.ty)?;
        let hits = self.one_hot(k, n)?;
        let of = self.leaves(&elem)?;
        let mut out = Vec::new();
        for (leaf, of) in base.leaves.iter().zip(&of) {
            let (leaf, ty) = (leaf.clone(), of.ty.clone());
            if of.dims.is_empty() {
                out.push(Leaf::N(self.pick_out(&leaf, &ty, hits, n, 1, &Index::Const(0))?));
                continue;
            }
            let lanes = of.lanes as i64;
            let m = self.alloc(elem_of(&ty), of.lanes, 0);
            self.run_loop(&Index::Const(lanes), false, vec![], &[m], &mut |s, t, _| {
                let v = s.pick_out(&leaf, &ty, hits, n, lanes, t)?;
                s.store(m, t, v);
                Ok(vec![])
            })?;
            out.push(self.whole(m));
        }
        Ok(Val::of(elem, out))
    }
    /// The one among `n` scalars, `stride` apart from `off` on, whose truth value holds.
    fn pick_out(&mut self, leaf: &Leaf, ty: &Ty, hits: MemId, n: i64, stride: i64, off: &Index) -> R<NodeId> {
        let elem = elem_of(ty);
        // Numbers that all know are chosen among bit by bit for nothing; shares are added up, which is a product of vectors.
        let join = if elem == Elem::Bool || self.leaf_domain(leaf) == Domain::Clear { Bin::Xor } else { Bin::Add };
        let zero = fold::konst(self, 0, elem);
        let r = self.run_loop(&Index::Const(n), false, vec![Leaf::N(zero)], &[], &mut |s, t, c| {
            let hit = s.load(hits, t);
            let x = s.lane(leaf, &ix::add(off, &ix::scale(t, stride)), ty)?;
            let x = s.secret(x);
            let x = s.select(hit, x, zero);
            let Leaf::N(acc) = c[0] else { return s.internal("an accumulator that is no scalar") };
            Ok(vec![Leaf::N(s.bin(join, acc, x))])
        })?;
        match r[..] {
            [Leaf::N(x)] => Ok(x),
            _ => self.internal("an accumulator that is no scalar"),
        }
    }

    /// What lies at a place that nobody knows: `lanes` scalars, or one.
    pub(super) fn get_anywhere(&mut self, at: &Unknown, ty: &Ty, lanes: u64, scalar: bool) -> R<Leaf> {
        let elem = elem_of(ty);
        let m = self.alloc(elem, lanes, 0);
        self.run_loop(&Index::Const(lanes as i64), false, vec![], &[m], &mut |s, t, _| {
            let v = s.sum_of(at, &at.hidden, ix::add(&at.off, t), None, elem)?;
            s.store(m, t, v);
            Ok(vec![])
        })?;
        Ok(if scalar { Leaf::N(self.load(m, &Index::Const(0))) } else { self.whole(m) })
    }
    /// The scalar among those that a place may be.
    fn sum_of(
        &mut self,
        at: &Unknown,
        hidden: &[(MemId, i64, i64)],
        off: Index,
        hit: Option<NodeId>,
        elem: Elem,
    ) -> R<NodeId> {
        let zero = fold::konst(self, 0, elem);
        let Some(((hits, n, stride), rest)) = hidden.split_first() else {
            let x = match at.dynamic {
                None => self.load_raw(at.mem, &off),
                Some(a) => {
                    let a = self.offset(a, 1, &off);
                    self.load_at(at.mem, a)
                }
            };
            let x = self.secret(x);
            return Ok(match hit {
                Some(hit) => self.select(hit, x, zero),
                None => x,
            });
        };
        let join = if elem == Elem::Bool { Bin::Xor } else { Bin::Add };
        let r = self.run_loop(&Index::Const(*n), false, vec![Leaf::N(zero)], &[], &mut |s, t, c| {
            let here = s.load(*hits, t);
            let both = match hit {
                Some(h) => s.bin(Bin::And, h, here),
                None => here,
            };
            let x = s.sum_of(at, rest, ix::add(&off, &ix::scale(t, *stride)), Some(both), elem)?;
            let Leaf::N(acc) = c[0] else { return s.internal("an accumulator that is no scalar") };
            Ok(vec![Leaf::N(s.bin(join, acc, x))])
        })?;
        match r[..] {
            [Leaf::N(x)] => Ok(x),
            _ => self.internal("an accumulator that is no scalar"),
        }
    }

    /// Puts `lanes` scalars to a place that nobody knows; with `op`, what `op` makes of them and of what is there.
    pub(super) fn put_anywhere(&mut self, at: &Unknown, op: Option<BinOp>, src: &Leaf, ty: &Ty, lanes: u64) -> R<()> {
        // By way of a copy: the source may be a stretch of the same memory.
        let src = match src {
            Leaf::V(_) => self.fresh(src, ty, lanes)?,
            other => other.clone(),
        };
        self.anywhere(at, &at.hidden, at.off.clone(), None, &mut |s, off, hit| {
            let one = |s: &mut Self, t: &Index| -> R<()> {
                let place = ix::add(off, t);
                let old = match at.dynamic {
                    None => s.load_raw(at.mem, &place),
                    Some(a) => {
                        let a = s.offset(a, 1, &place);
                        s.load_at(at.mem, a)
                    }
                };
                let new = match &src {
                    Leaf::V(_) | Leaf::R(..) => s.lane(&src, t, ty)?,
                    other => s.node(other, ty)?,
                };
                let new = match op {
                    None => new,
                    Some(op) => {
                        let v = s.scalar(op, &Leaf::N(old), &Leaf::N(new), ty, ty)?;
                        s.node(&v, ty)?
                    }
                };
                let new = s.secret(new);
                let v = s.select(hit, new, old);
                match at.dynamic {
                    None => s.store(at.mem, &place, v),
                    Some(a) => s.store_at(at.mem, a, &place, v),
                }
                Ok(())
            };
            if lanes == 1 {
                return one(s, &Index::Const(0));
            }
            s.run_loop(&Index::Const(lanes as i64), false, vec![], &[at.mem], &mut |s, t, _| {
                one(s, t)?;
                Ok(vec![])
            })?;
            Ok(())
        })
    }
    /// Runs something at every place that it may be, with whether it is.
    fn anywhere(
        &mut self,
        at: &Unknown,
        hidden: &[(MemId, i64, i64)],
        off: Index,
        hit: Option<NodeId>,
        work: &mut dyn FnMut(&mut Self, &Index, NodeId) -> R<()>,
    ) -> R<()> {
        let Some(((hits, n, stride), rest)) = hidden.split_first() else {
            return match hit {
                Some(hit) => work(self, &off, hit),
                None => self.internal("a known place taken for an unknown one"),
            };
        };
        self.run_loop(&Index::Const(*n), false, vec![], &[at.mem], &mut |s, t, _| {
            let here = s.load(*hits, t);
            let both = match hit {
                Some(h) => s.bin(Bin::And, h, here),
                None => here,
            };
            s.anywhere(at, rest, ix::add(&off, &ix::scale(t, *stride)), Some(both), work)?;
            Ok(vec![])
        })?;
        Ok(())
    }
}
