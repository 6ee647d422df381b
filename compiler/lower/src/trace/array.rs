//! Array literals and array methods, as the loops that one would write by hand.

use super::expr::scalar_of;
use super::value::{Leaf, Val, View, elem_of};
use super::{R, Tracer};
use crate::nest::{MemId, NodeId, Op};
use crate::{fold, ix};
use circuit::gate::{Bin, Un};
use circuit::index::{Index, IndexOp};
use circuit::types::{Domain, Elem};
use sema::tree::{BinOp, Builtin, CircuitId, ExprId, Ty};

const U64: Ty = Ty::Int { signed: false, bits: 64 };

impl Tracer<'_> {
    /// `[a, b, …]`
    pub(super) fn literal(&mut self, ty: &Ty, items: Vec<Val>) -> R<Val> {
        let (elem, _) = self.array(ty)?;
        let of = self.leaves(&elem)?;
        let mut out = Vec::new();
        for (k, of) in of.iter().enumerate() {
            let scalar = elem_of(&of.ty);
            if let Some(table) = self.table_of(&items, k, of.lanes) {
                let m = self.new_table(scalar, table);
                out.push(self.whole(m));
                continue;
            }
            if of.dims.is_empty() {
                let mut args = Vec::new();
                for i in &items {
                    let n = self.node(&i.leaves[k], &of.ty)?;
                    args.push(self.secret(n));
                }
                let m = self.new_mem(scalar, items.len() as u64, 0);
                let dom = args.iter().fold(Domain::Clear, |d, a| super::join(d, self.nest.n(*a).dom));
                self.fixed(Op::Pack(m), args, scalar);
                self.nest.mems[m as usize].dom = dom;
                out.push(self.whole(m));
            } else {
                let m = self.alloc(scalar, of.lanes * items.len() as u64, 0);
                for (j, i) in items.iter().enumerate() {
                    self.copy(m, &Index::Const((j as u64 * of.lanes) as i64), &i.leaves[k], of.lanes)?;
                }
                out.push(self.whole(m));
            }
        }
        Ok(Val::of(ty.clone(), out))
    }
    /// Numbers of leaf k of all items, if all are public numbers known now.
    fn table_of(&self, items: &[Val], k: usize, lanes: u64) -> Option<Vec<u128>> {
        let mut out = Vec::new();
        for i in items {
            match &i.leaves[k] {
                Leaf::N(n) => out.push(self.nest.constant(*n)?),
                Leaf::I(e) => out.push(e.as_const()? as u128),
                Leaf::V(v) => {
                    let m = &self.nest.mems[v.mem as usize];
                    let at = usize::try_from(v.off.as_const()?).ok()?;
                    out.extend(m.table.as_ref()?.get(at..at.checked_add(lanes as usize)?)?);
                }
                Leaf::R(..) => return None,
            }
        }
        Some(out)
    }
    pub(super) fn new_table(&mut self, elem: Elem, table: Vec<u128>) -> MemId {
        let m = self.new_mem(elem, table.len() as u64, 0);
        let mem = &mut self.nest.mems[m as usize];
        mem.key = super::hash_of(&(elem, &table));
        mem.table = Some(table.into());
        mem.at = None;
        mem.owned = true;
        m
    }
    /// `[x; n]`
    pub(super) fn repeat(&mut self, ty: &Ty, v: Val) -> R<Val> {
        let (elem, n) = self.array(ty)?;
        let of = self.leaves(&elem)?;
        let mut out = Vec::new();
        for (leaf, of) in v.leaves.iter().zip(&of) {
            if let (Leaf::I(e), Ty::Index) = (leaf, &of.ty) {
                out.push(Leaf::R(e.clone(), 0));
                continue;
            }
            let scalar = elem_of(&of.ty);
            let lanes = of.lanes.saturating_mul(n as u64);
            let constant = match leaf {
                Leaf::N(x) => self.nest.constant(*x),
                // A memory just filled with one number.
                Leaf::V(v) => {
                    let m = &self.nest.mems[v.mem as usize];
                    (m.ver == 0 && v.ver == 0 && m.table.is_none() && m.input.is_none() && m.dom == Domain::Clear)
                        .then_some(m.fill)
                }
                _ => None,
            };
            let m = self.alloc(scalar, lanes, constant.unwrap_or(0));
            if constant.is_none() {
                let (leaf, ty, inner) = (leaf.clone(), of.ty.clone(), of.lanes as i64);
                self.run_loop(&Index::Const(n), false, vec![], &[m], &mut |s, t, _| {
                    let base = ix::scale(t, inner);
                    match &leaf {
                        Leaf::N(_) | Leaf::I(_) => {
                            let x = s.node(&leaf, &ty)?;
                            let x = s.secret(x);
                            s.store(m, &base, x);
                        }
                        l => s.copy(m, &base, l, inner as u64)?,
                    }
                    Ok(vec![])
                })?;
            }
            out.push(self.whole(m));
        }
        Ok(Val::of(ty.clone(), out))
    }

    /// A reduction of an array of scalars from the left.
    pub(super) fn gather(
        &mut self,
        v: &Val,
        init: Leaf,
        f: &mut dyn FnMut(&mut Self, NodeId, NodeId) -> R<NodeId>,
    ) -> R<Leaf> {
        let (elem, n) = self.array(&v.ty)?;
        let ty = scalar_of(&elem).clone();
        let leaf = v.leaves[0].clone();
        let r = self.run_loop(&Index::Const(n), false, vec![init], &[], &mut |s, t, c| {
            let x = s.lane(&leaf, t, &ty)?;
            let x = s.secret(x);
            let Leaf::N(acc) = c[0] else { return s.internal("an accumulator that is no scalar") };
            Ok(vec![Leaf::N(f(s, acc, x)?)])
        })?;
        Ok(r[0].clone())
    }

    /// A circuit of a file: a node per element of its result, which all name the same operands.
    fn circuit(&mut self, id: CircuitId, vals: &[Val], ty: Ty) -> R<Val> {
        let mut args = Vec::new();
        for v in vals {
            let of = self.leaves(&v.ty)?;
            for (leaf, of) in v.leaves.iter().zip(&of) {
                for k in 0..of.lanes {
                    let x = self.lane(leaf, &Index::Const(k as i64), &of.ty)?;
                    args.push(self.secret(x));
                }
            }
        }
        let mut at = 0;
        let mut next = |s: &mut Self, elem| {
            at += 1;
            fold::Sink::make(s, Op::Net(id.0, at - 1), args.clone(), elem)
        };
        let mut out = Vec::new();
        for of in self.leaves(&ty)? {
            let elem = elem_of(&of.ty);
            if of.dims.is_empty() {
                out.push(Leaf::N(next(self, elem)));
                continue;
            }
            let m = self.alloc(elem, of.lanes, 0);
            for k in 0..of.lanes {
                let x = next(self, elem);
                self.store(m, &Index::Const(k as i64), x);
            }
            out.push(self.whole(m));
        }
        Ok(Val::of(ty, out))
    }

    pub(super) fn builtin(&mut self, b: Builtin, args: &[ExprId], ty: &Ty) -> R<Val> {
        let ty = self.close(ty)?;
        if b == Builtin::Random {
            let n = self.fixed(Op::Random, vec![], elem_of(&ty));
            return Ok(Val::scalar(ty, Leaf::N(n)));
        }
        let mut vals = Vec::new();
        for a in args {
            vals.push(self.eval(*a)?);
        }
        let v = &vals[0];
        match b {
            Builtin::Reveal | Builtin::OpenMasked => self.reveal(v, circuit::Recipient::All),
            Builtin::RevealTo(p) => self.reveal(v, circuit::Recipient::Party(circuit::PartyId(p.0))),
            Builtin::Random => self.internal("a draw with operands"),
            Builtin::Circuit(id) => self.circuit(id, &vals, ty),
            Builtin::Min | Builtin::Max => self.extreme(b == Builtin::Max, v, &vals[1]),
            Builtin::WideMul => self.wide_mul(v, &vals[1]),
            Builtin::Narrow => self.narrow(v),
            Builtin::StrLen | Builtin::StrHash | Builtin::StrBytes => self.of_string(b, v, ty),
            Builtin::ToBits | Builtin::FromBits => Ok(Val::of(ty, v.leaves.clone())),
            Builtin::Len => {
                let (_, n) = self.array(&v.ty)?;
                Ok(Val::scalar(Ty::Index, Leaf::I(Index::Const(n))))
            }
            Builtin::Wrapping(op) => self.wrapping(|s| s.binary(op, v, &vals[1])),
            Builtin::Sum | Builtin::Product => {
                let watched = self.watched();
                if watched
                    && b == Builtin::Sum
                    && ty != Ty::Index
                    && let Some(sum) = self.watch_sum(v, &ty)?
                {
                    return Ok(Val::scalar(ty, sum));
                }
                let elem = elem_of(&ty);
                let op = if b == Builtin::Sum { Bin::Add } else { Bin::Mul };
                let frac = if let Ty::Fixed(f) = ty { f } else { 0 };
                let init = fold::konst(self, ((b == Builtin::Product) as u128) << frac, elem);
                let r = self.gather(v, Leaf::N(init), &mut |s, a, x| {
                    if watched && ty != Ty::Index {
                        return s.watch(if op == Bin::Mul { BinOp::Mul } else { BinOp::Add }, a, x, &ty);
                    }
                    Ok(if op == Bin::Mul && frac > 0 { s.fixed_mul(a, x, frac) } else { s.bin(op, a, x) })
                })?;
                Ok(Val::scalar(ty, r))
            }
            Builtin::ArrayMin | Builtin::ArrayMax => {
                let elem = elem_of(&ty);
                let max = b == Builtin::ArrayMax;
                let init = fold::konst(self, if max { fold::least(elem) } else { fold::greatest(elem) }, elem);
                let r = self.gather(v, Leaf::N(init), &mut |s, a, x| {
                    let (a, x) = (s.secret(a), s.secret(x));
                    Ok(fold::extreme(s, max, a, x))
                })?;
                Ok(Val::scalar(ty, r))
            }
            Builtin::Any | Builtin::All => {
                let op = if b == Builtin::Any { Bin::Or } else { Bin::And };
                let init = fold::konst(self, (b == Builtin::All) as u128, Elem::Bool);
                let r = self.gather(v, Leaf::N(init), &mut |s, a, x| Ok(s.bin(op, a, x)))?;
                Ok(Val::scalar(ty, r))
            }
            Builtin::Count => {
                let elem = elem_of(&U64);
                let zero = fold::konst(self, 0, elem);
                let (_, n) = self.array(&v.ty)?;
                let closure = vals.get(1).cloned();
                let v = v.clone();
                let r = self.run_loop(&Index::Const(n), false, vec![Leaf::N(zero)], &[], &mut |s, t, c| {
                    let x = s.element(&v, t)?;
                    let x = match &closure {
                        Some(f) => s.apply(f, vec![x])?,
                        None => x,
                    };
                    let x = s.node(&x.leaves[0], &Ty::Bool)?;
                    let x = s.secret(x);
                    let one = fold::un(s, Un::Cast, x, elem);
                    let acc = s.node(&c[0], &U64)?;
                    Ok(vec![Leaf::N(s.bin(Bin::Add, acc, one))])
                })?;
                Ok(Val::scalar(U64, r[0].clone()))
            }
            Builtin::ArgMin | Builtin::ArgMax => self.arg_extreme(b == Builtin::ArgMax, v),
            Builtin::Map => {
                let v = v.clone();
                self.map(&ty, &v, &vals[1])
            }
            Builtin::Zip => {
                let leaves = v.leaves.iter().chain(&vals[1].leaves).cloned().collect();
                Ok(Val::of(ty, leaves))
            }
            Builtin::Enumerate => {
                let mut leaves = vec![Leaf::R(Index::Const(0), 1)];
                leaves.extend(v.leaves.iter().cloned());
                Ok(Val::of(ty, leaves))
            }
            Builtin::Fold => {
                let (v, init, f) = (v.clone(), vals[1].clone(), vals[2].clone());
                self.fold(&v, init, &f)
            }
        }
    }
    fn extreme(&mut self, max: bool, a: &Val, b: &Val) -> R<Val> {
        if a.ty == Ty::Index
            && let (Leaf::I(x), Leaf::I(y)) = (&a.leaves[0], &b.leaves[0])
        {
            let e = ix::bin(if max { IndexOp::Max } else { IndexOp::Min }, x, y);
            return Ok(Val::scalar(Ty::Index, Leaf::I(e)));
        }
        let one = |s: &mut Self, x: NodeId, y: NodeId| {
            let (x, y) = (s.secret(x), s.secret(y));
            fold::extreme(s, max, x, y)
        };
        if !matches!(a.ty, Ty::Array(..)) {
            let (x, y) = (self.node(&a.leaves[0], &a.ty)?, self.node(&b.leaves[0], &b.ty)?);
            let n = one(self, x, y);
            return Ok(Val::scalar(a.ty.clone(), Leaf::N(n)));
        }
        let of = self.leaves(&a.ty)?.remove(0);
        let m = self.alloc(elem_of(&of.ty), of.lanes, 0);
        let (la, lb) = (a.leaves[0].clone(), b.leaves[0].clone());
        self.run_loop(&Index::Const(of.lanes as i64), false, vec![], &[m], &mut |s, t, _| {
            let (x, y) = (s.lane(&la, t, &of.ty)?, s.lane(&lb, t, &of.ty)?);
            let n = one(s, x, y);
            s.store(m, t, n);
            Ok(vec![])
        })?;
        let l = self.whole(m);
        Ok(Val::of(a.ty.clone(), vec![l]))
    }
    /// `m = xs[0]; p = 0; for i in 1..n { if xs[i] > m { m = xs[i]; p = i; } }`
    fn arg_extreme(&mut self, max: bool, v: &Val) -> R<Val> {
        let (ty, n) = self.array(&v.ty)?;
        if n < 1 {
            return self.report("E0408", "the least or greatest element of an empty array".into(), "");
        }
        let wide = elem_of(&U64);
        let leaf = v.leaves[0].clone();
        let first = self.lane(&leaf, &Index::Const(0), &ty)?;
        let first = self.secret(first);
        let zero = fold::konst(self, 0, wide);
        let init = vec![Leaf::N(first), Leaf::N(zero)];
        let r = self.run_loop(&Index::Const(n - 1), false, init, &[], &mut |s, t, c| {
            let i = ix::add(t, &Index::Const(1));
            let x = s.lane(&leaf, &i, &ty)?;
            let x = s.secret(x);
            let (m, p) = (s.node(&c[0], &ty)?, s.node(&c[1], &U64)?);
            let better = if max { s.bin(Bin::Lt, m, x) } else { s.bin(Bin::Lt, x, m) };
            let at = s.iota(&i, wide);
            let m = s.select(better, x, m);
            let p = s.select(better, at, p);
            Ok(vec![Leaf::N(m), Leaf::N(p)])
        })?;
        Ok(Val::scalar(U64, r[1].clone()))
    }
    fn map(&mut self, ty: &Ty, v: &Val, f: &Val) -> R<Val> {
        let (elem, n) = self.array(ty)?;
        let mems = self.memories(&elem, n)?;
        self.run_loop(&Index::Const(n), false, vec![], &mems, &mut |s, t, _| {
            let x = s.element(v, t)?;
            let y = s.apply(f, vec![x])?;
            s.put_element(&mems, &elem, t, &y)?;
            Ok(vec![])
        })?;
        let leaves = mems.into_iter().map(|m| self.whole(m)).collect();
        Ok(Val::of(ty.clone(), leaves))
    }
    /// A memory for each leaf of `n` elements of a type.
    pub(super) fn memories(&mut self, elem: &Ty, n: i64) -> R<Vec<MemId>> {
        let of = self.leaves(elem)?;
        Ok(of.iter().map(|l| self.alloc(elem_of(&l.ty), l.lanes.saturating_mul(n as u64), 0)).collect())
    }
    /// Puts a value of the type at place `at` of such memories.
    pub(super) fn put_element(&mut self, mems: &[MemId], elem: &Ty, at: &Index, v: &Val) -> R<()> {
        let of = self.leaves(elem)?;
        for ((leaf, of), m) in v.leaves.iter().zip(&of).zip(mems) {
            let base = ix::scale(at, of.lanes as i64);
            if of.dims.is_empty() {
                let x = self.node(leaf, &of.ty)?;
                let x = self.secret(x);
                self.store(*m, &base, x);
            } else {
                self.copy(*m, &base, leaf, of.lanes)?;
            }
        }
        Ok(())
    }
    fn fold(&mut self, v: &Val, init: Val, f: &Val) -> R<Val> {
        if let Some(done) = self.grouped_fold(v, &init, f)? {
            return Ok(done);
        }
        let (_, n) = self.array(&v.ty)?;
        let ty = init.ty.clone();
        let of = if init.leaves.is_empty() { vec![] } else { self.leaves(&ty)? };
        let mut start = Vec::new();
        let mut mems = Vec::new();
        for (leaf, of) in init.leaves.iter().zip(&of) {
            start.push(match leaf {
                Leaf::V(_) | Leaf::R(..) => {
                    let l = self.fresh(leaf, &of.ty, of.lanes)?;
                    if let Leaf::V(v) = &l {
                        self.nest.mems[v.mem as usize].owned = true;
                        mems.push(v.mem);
                    }
                    l
                }
                Leaf::I(_) if of.ty != Ty::Index => Leaf::N(self.node(leaf, &of.ty)?),
                other => other.clone(),
            });
        }
        let out = self.run_loop(&Index::Const(n), false, start.clone(), &mems, &mut |s, t, c| {
            let x = s.element(v, t)?;
            let mut acc = c.to_vec();
            for l in &mut acc {
                if let Leaf::V(view) = l {
                    s.sites += 1;
                    *view = View { ver: s.nest.mems[view.mem as usize].ver, site: s.sites, ..view.clone() };
                }
            }
            let here = Val::of(ty.clone(), acc.clone());
            let y = s.apply(f, vec![here.clone(), x])?;
            s.overwrite(&here, &y)?;
            let mut next = Vec::new();
            for ((leaf, new), of) in acc.iter().zip(&y.leaves).zip(&of) {
                next.push(match (leaf, new) {
                    (Leaf::V(_), _) => leaf.clone(),
                    (Leaf::N(_), l) => Leaf::N(s.node(l, &of.ty)?),
                    (_, l) => l.clone(),
                });
            }
            Ok(next)
        })?;
        let mut leaves = out;
        for l in &mut leaves {
            if let Leaf::V(view) = l {
                view.ver = self.nest.mems[view.mem as usize].ver;
            }
        }
        Ok(Val::of(ty, leaves))
    }
}
