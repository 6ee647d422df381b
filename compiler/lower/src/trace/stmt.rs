//! Statements, assignments, conditions, and loops.

use super::value::{Leaf, Val, View, elem_of, stop};
use super::{R, Tracer};
use crate::ix;
use crate::nest::{MemId, NodeId, Op};
use circuit::index::{Index, IndexOp};
use circuit::types::Domain;
use sema::tree::{BinOp, ExprId, Iter, LocalId, Pat, Proj, Stmt, Ty};

/// A part of a variable.
struct Place {
    ty: Ty,
    /// First leaf of it among the variable's.
    first: usize,
    /// Where it begins in each leaf, and the part of the address that only the run knows (as `index * stride` to come).
    offs: Vec<Index>,
    dynamic: Vec<Option<NodeId>>,
}

impl Tracer<'_> {
    pub(super) fn bind(&mut self, pat: &Pat, v: Val) -> R<()> {
        match pat {
            Pat::Wild => Ok(()),
            Pat::Bind(l) => {
                let mutable = self.code().local(*l).mutable;
                let mut v = self.own(v, mutable)?;
                if mutable && v.ty == Ty::Bool {
                    // A truth value that changes is a wire.
                    let n = self.node(&v.leaves[0], &Ty::Bool)?;
                    v.leaves[0] = Leaf::N(n);
                }
                self.frame.locals[l.0 as usize] = Some(v);
                Ok(())
            }
            Pat::Tuple(ps) => {
                for (k, p) in ps.iter().enumerate() {
                    let part = self.part(&v, k)?;
                    self.bind(p, part)?;
                }
                Ok(())
            }
        }
    }
    pub(super) fn stmt(&mut self, s: &Stmt) -> R<()> {
        match s {
            Stmt::Let(p, e) => {
                let v = self.eval(*e)?;
                let span = self.code().expr(*e).span;
                self.at_span(span, |s| s.bind(p, v))
            }
            Stmt::Expr(e) => self.eval(*e).map(|_| ()),
            Stmt::Assign { local, proj, op, value, span } => {
                self.at_span(*span, |s| s.assign(*local, proj, *op, *value))
            }
        }
    }

    fn assign(&mut self, local: LocalId, proj: &[Proj], op: Option<BinOp>, value: ExprId) -> R<()> {
        let v = self.eval(value)?;
        let slot = local.0 as usize;
        let Some(var) = self.frame.locals[slot].clone() else { return self.internal("assignment to nothing") };
        let place = self.place(&var, proj)?;
        let v = match op {
            None => v,
            Some(op) => {
                let old = self.read_place(&var, &place)?;
                self.binary(op, &old, &v)?
            }
        };
        let of = self.leaves(&place.ty)?;
        for (k, of) in of.iter().enumerate() {
            let at = place.first + k;
            match &var.leaves[at] {
                Leaf::V(d) => {
                    let mem = d.mem;
                    if of.dims.is_empty() {
                        let x = self.node(&v.leaves[k], &of.ty)?;
                        let x = self.secret(x);
                        match place.dynamic[k] {
                            None => self.store(mem, &ix::add(&d.off, &place.offs[k]), x),
                            Some(a) => self.store_at(mem, a, &place.offs[k], x),
                        }
                    } else {
                        if place.dynamic[k].is_some() {
                            return self.sorry("an assignment of an array at a place that only the run knows");
                        }
                        let d = Leaf::V(View { off: ix::add(&d.off, &place.offs[k]), ..d.clone() });
                        let d = Val::of(scalar_array(&of.ty, of.lanes), vec![d]);
                        let s = Val::of(d.ty.clone(), vec![v.leaves[k].clone()]);
                        self.overwrite(&d, &s)?;
                    }
                }
                Leaf::R(..) => return self.internal("assignment to a range"),
                old => {
                    let mut new = v.leaves[k].clone();
                    if of.ty != Ty::Index && matches!(old, Leaf::N(_)) {
                        new = Leaf::N(self.node(&new, &of.ty)?);
                    }
                    if let Some(var) = &mut self.frame.locals[slot] {
                        var.leaves[at] = new;
                    }
                }
            }
        }
        Ok(())
    }
    fn store_at(&mut self, mem: MemId, addr: NodeId, off: &Index, value: NodeId) {
        let addr = self.offset(addr, 1, off);
        let elem = self.nest.mems[mem as usize].elem;
        let value = match self.cond_for(mem) {
            None => value,
            Some(c) => {
                let old = crate::fold::Sink::make(self, Op::LoadAt(mem), vec![addr], elem);
                self.select(c, value, old)
            }
        };
        self.fixed(Op::StoreAt(mem), vec![value, addr], elem);
        self.changed(mem, self.nest.n(value).dom);
        self.forget(mem);
    }
    fn place(&mut self, var: &Val, proj: &[Proj]) -> R<Place> {
        let n = var.leaves.len();
        let mut p = Place { ty: var.ty.clone(), first: 0, offs: vec![Index::Const(0); n], dynamic: vec![None; n] };
        for step in proj {
            match step {
                Proj::Field(k) => {
                    let parts = self.parts(&p.ty)?;
                    let mut skip = 0;
                    for t in &parts[..*k as usize] {
                        skip += self.count(t)?;
                    }
                    let ty = parts[*k as usize].clone();
                    let n = self.count(&ty)?;
                    p.first += skip;
                    p.offs = p.offs[skip..skip + n].to_vec();
                    p.dynamic = p.dynamic[skip..skip + n].to_vec();
                    p.ty = ty;
                }
                Proj::Index(e) => {
                    let i = self.eval(*e)?;
                    let (elem, n) = self.array(&p.ty)?;
                    let of = self.leaves(&elem)?;
                    let known = match &i.leaves[0] {
                        Leaf::I(i) => Some(i.clone()),
                        Leaf::N(n) => self.to_index(*n),
                        _ => None,
                    };
                    match known {
                        Some(i) => {
                            let leaves: Vec<Leaf> = var.leaves[p.first..p.first + of.len()].to_vec();
                            self.bounds(&i, n, &leaves)?;
                            for (o, of) in p.offs.iter_mut().zip(&of) {
                                *o = ix::add(o, &ix::scale(&i, of.lanes as i64));
                            }
                        }
                        None => {
                            let k = self.node(&i.leaves[0], &i.ty)?;
                            let k = self.address(k, n)?;
                            for (j, of) in of.iter().enumerate() {
                                let a = self.offset(k, of.lanes as i64, &Index::Const(0));
                                p.dynamic[j] = Some(match p.dynamic[j] {
                                    None => a,
                                    Some(b) => self.bin(circuit::Bin::Add, a, b),
                                });
                            }
                        }
                    }
                    p.ty = elem;
                }
            }
        }
        Ok(p)
    }
    fn read_place(&mut self, var: &Val, p: &Place) -> R<Val> {
        let of = self.leaves(&p.ty)?;
        let mut out = Vec::new();
        for (k, of) in of.iter().enumerate() {
            out.push(match &var.leaves[p.first + k] {
                Leaf::V(d) => {
                    let ver = self.nest.mems[d.mem as usize].ver;
                    let view = View { mem: d.mem, off: ix::add(&d.off, &p.offs[k]), ver, site: 0 };
                    match (p.dynamic[k], of.dims.is_empty()) {
                        (None, true) => Leaf::N(self.read(&view)),
                        (None, false) => Leaf::V(view),
                        (Some(a), true) => {
                            let a = self.offset(a, 1, &view.off);
                            let elem = elem_of(&of.ty);
                            Leaf::N(crate::fold::Sink::make(self, Op::LoadAt(d.mem), vec![a], elem))
                        }
                        (Some(_), false) => {
                            return self.sorry("an operation on an array at a place that only the run knows");
                        }
                    }
                }
                other => other.clone(),
            });
        }
        Ok(Val::of(p.ty.clone(), out))
    }

    /// `if`.
    pub(super) fn branch(
        &mut self,
        cond: ExprId,
        then: ExprId,
        otherwise: Option<ExprId>,
        writes: &[LocalId],
    ) -> R<Val> {
        let c = self.eval(cond)?;
        let other = |s: &mut Self| match otherwise {
            Some(e) => s.eval(e),
            None => Ok(Val::unit()),
        };
        match &c.leaves[0] {
            Leaf::I(i) if i.as_const().is_some() => {
                if i.as_const() != Some(0) {
                    self.eval(then)
                } else {
                    other(self)
                }
            }
            Leaf::I(i) => {
                let (yes, no) = (i.clone(), ix::not(i));
                let before = self.snapshot(writes);
                let a = self.guarded(&yes, |s| s.eval(then))?;
                let after = self.snapshot(writes);
                self.reset(writes, before);
                let b = if otherwise.is_some() { self.guarded(&no, other)? } else { Val::unit() };
                self.merge(writes, after, &mut |s, x, y| s.pick(&yes, x, y))?;
                self.pick(&yes, &a, &b)
            }
            Leaf::N(n) => {
                let n = *n;
                if let Some(v) = self.nest.constant(n) {
                    return if v != 0 { self.eval(then) } else { other(self) };
                }
                let n = self.secret(n);
                let not = crate::fold::not(self, n);
                let before = self.snapshot(writes);
                self.conds.push(n);
                let a = self.eval(then);
                self.conds.pop();
                let a = a?;
                let after = self.snapshot(writes);
                self.reset(writes, before);
                self.conds.push(not);
                let b = other(self);
                self.conds.pop();
                let b = b?;
                self.merge(writes, after, &mut |s, x, y| s.choose(n, x, y))?;
                self.choose(n, &a, &b)
            }
            _ => stop(),
        }
    }
    fn snapshot(&self, writes: &[LocalId]) -> Vec<Option<Val>> {
        writes.iter().map(|l| self.frame.locals[l.0 as usize].clone()).collect()
    }
    fn reset(&mut self, writes: &[LocalId], to: Vec<Option<Val>>) {
        for (l, v) in writes.iter().zip(to) {
            self.frame.locals[l.0 as usize] = v;
        }
    }
    /// Joins scalars of assigned variables: `then` has their values after the first branch. Arrays were stored under the
    /// condition already.
    fn merge(
        &mut self,
        writes: &[LocalId],
        then: Vec<Option<Val>>,
        join: &mut dyn FnMut(&mut Self, &Val, &Val) -> R<Val>,
    ) -> R<()> {
        for (l, then) in writes.iter().zip(then) {
            let slot = l.0 as usize;
            let (Some(then), Some(mut now)) = (then, self.frame.locals[slot].clone()) else { continue };
            if now.leaves.iter().all(|l| matches!(l, Leaf::V(_) | Leaf::R(..))) {
                continue;
            }
            let of = self.leaves(&now.ty)?;
            for (k, of) in of.iter().enumerate() {
                if matches!(now.leaves[k], Leaf::N(_) | Leaf::I(_)) {
                    let a = Val::scalar(of.ty.clone(), then.leaves[k].clone());
                    let b = Val::scalar(of.ty.clone(), now.leaves[k].clone());
                    now.leaves[k] = join(self, &a, &b)?.leaves[0].clone();
                }
            }
            self.frame.locals[slot] = Some(now);
        }
        Ok(())
    }

    /// `for`.
    pub(super) fn for_loop(&mut self, pat: &Pat, iter: &Iter, body: ExprId, writes: &[LocalId]) -> R<Val> {
        enum Over {
            Range(Index, Index),
            Array(Val),
        }
        let (over, trip, rev) = match iter {
            Iter::Range { lo, hi, inclusive, step, rev } => {
                let lo = self.bound(*lo)?;
                let mut hi = self.bound(*hi)?;
                if *inclusive {
                    hi = ix::add(&hi, &Index::Const(1));
                }
                let step = match step {
                    None => Index::Const(1),
                    Some(s) => self.bound(*s)?,
                };
                if ix::interval(&step, &self.nest.ranges).1 < 1 {
                    return self.report("E0407", "a step that is not positive".into(), "");
                }
                let span = ix::sub(&hi, &lo);
                let trip = if step.as_const() == Some(1) {
                    span
                } else {
                    let up = ix::add(&span, &ix::sub(&step, &Index::Const(1)));
                    ix::bin(IndexOp::Div, &up, &step)
                };
                (Over::Range(lo, step), trip, *rev)
            }
            Iter::Array(e) => {
                let v = self.eval(*e)?;
                let (_, n) = self.array(&v.ty)?;
                (Over::Array(v), Index::Const(n), false)
            }
        };
        // What comes around: scalars of assigned variables, and their memories.
        let mut mems: Vec<MemId> = Vec::new();
        let mut carried = Vec::new();
        let mut slots = Vec::new();
        for l in writes {
            let Some(v) = self.frame.locals[l.0 as usize].clone() else { continue };
            let of = self.leaves(&v.ty)?;
            for (k, (leaf, of)) in v.leaves.iter().zip(of).enumerate() {
                match leaf {
                    Leaf::V(v) if !mems.contains(&v.mem) => mems.push(v.mem),
                    Leaf::N(_) | Leaf::I(_) => {
                        slots.push((l.0 as usize, k, of.ty));
                        carried.push(leaf.clone());
                    }
                    _ => {}
                }
            }
        }
        let out = self.run_loop(&trip, rev, carried, &mems, &mut |s, t, now| {
            let outer = s.frame.locals.clone();
            for ((slot, k, _), leaf) in slots.iter().zip(now) {
                if let Some(v) = &mut s.frame.locals[*slot] {
                    v.leaves[*k] = leaf.clone();
                }
            }
            let element = match &over {
                Over::Range(lo, step) => Val::scalar(Ty::Index, Leaf::I(ix::add(lo, &ix::mul(step, t)))),
                Over::Array(v) => s.element(v, t)?,
            };
            s.bind(pat, element)?;
            s.eval(body)?;
            let mut next = Vec::new();
            for ((slot, k, ty), leaf) in slots.iter().zip(now) {
                let Some(v) = &s.frame.locals[*slot] else { return s.internal("a variable that vanished") };
                let l = v.leaves[*k].clone();
                next.push(match (leaf, &l) {
                    (Leaf::N(_), Leaf::I(_)) => Leaf::N(s.node(&l, ty)?),
                    (Leaf::I(_), Leaf::N(_)) => {
                        return s.sorry("an index that comes around with a value that only the run knows");
                    }
                    _ => l,
                });
            }
            s.frame.locals = outer;
            Ok(next)
        })?;
        for ((slot, k, _), leaf) in slots.iter().zip(out) {
            if let Some(v) = &mut self.frame.locals[*slot] {
                v.leaves[*k] = leaf;
            }
        }
        Ok(Val::unit())
    }
    fn bound(&mut self, e: ExprId) -> R<Index> {
        let v = self.eval(e)?;
        match &v.leaves[0] {
            Leaf::I(i) => Ok(i.clone()),
            Leaf::N(n) => match self.to_index(*n) {
                Some(i) => Ok(i),
                None if self.nest.n(*n).dom == Domain::Clear => self.sorry("a loop bound that only the run knows"),
                None => self.sorry("a loop bound that is secret"),
            },
            _ => self.internal("an array as a bound"),
        }
    }
}

fn scalar_array(ty: &Ty, lanes: u64) -> Ty {
    Ty::Array(Box::new(ty.clone()), sema::tree::Size::Const(lanes as i64))
}
