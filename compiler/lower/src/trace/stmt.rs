//! Statements, assignments, and conditions.

use super::oblivious::{Hidden, Unknown};
use super::value::{Leaf, Val, View, elem_of, stop};
use super::{R, Tracer};
use crate::ix;
use crate::nest::{MemId, NodeId, Op};
use circuit::index::Index;
use sema::tree::{BinOp, ExprId, LocalId, Pat, Proj, Stmt, Ty};

/// A part of a variable.
struct Place {
    ty: Ty,
    /// First leaf of it among the variable's.
    first: usize,
    /// Where it begins in each leaf, and the part of the address that only the run knows (as `index * stride` to come).
    offs: Vec<Index>,
    dynamic: Vec<Option<NodeId>>,
    /// Secret indices on the way there.
    hidden: Vec<Hidden>,
}

impl Place {
    /// Where leaf `k` lies, if nobody knows.
    fn unknown(&self, k: usize, view: &View) -> Option<Unknown> {
        (!self.hidden.is_empty()).then(|| Unknown {
            mem: view.mem,
            off: ix::add(&view.off, &self.offs[k]),
            dynamic: self.dynamic[k],
            hidden: self.hidden.iter().map(|h| (h.hits, h.n, h.strides[k])).collect(),
        })
    }
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
        self.assign_value(local, proj, op, v)
    }
    /// Puts a value where an assignment says.
    pub(super) fn assign_value(&mut self, local: LocalId, proj: &[Proj], op: Option<BinOp>, v: Val) -> R<()> {
        let slot = local.0 as usize;
        if proj.is_empty()
            && let Some(old) = &self.frame.locals[slot]
            && matches!(old.ty, Ty::Bool | Ty::Int { .. } | Ty::Fixed(_) | Ty::Str | Ty::Index)
            && let [first @ (Leaf::N(_) | Leaf::I(_))] = &old.leaves[..]
        {
            // A scalar: most statements of long programs.
            let wire = matches!(first, Leaf::N(_)) && old.ty != Ty::Index;
            let v = match op {
                None => v,
                Some(op) => {
                    let old = old.clone();
                    self.binary(op, &old, &v)?
                }
            };
            let Some(new) = v.leaves.into_iter().next() else { return self.internal("a scalar without a value") };
            let ty = self.frame.locals[slot].as_ref().map(|v| v.ty.clone()).unwrap_or(Ty::Error);
            let new = if wire { Leaf::N(self.node(&new, &ty)?) } else { new };
            if let Some(var) = &mut self.frame.locals[slot] {
                var.leaves[0] = new;
            }
            return Ok(());
        }
        let Some(var) = self.frame.locals[slot].clone() else { return self.internal("assignment to nothing") };
        let place = self.place(&var, proj)?;
        // What is added to an element that nobody knows is added or not at each.
        let at_each = op.filter(|op| {
            !place.hidden.is_empty()
                && !self.watched()
                && matches!(op, BinOp::Add | BinOp::Sub | BinOp::BitXor)
                && matches!(place.ty, Ty::Bool | Ty::Int { .. } | Ty::Fixed(_) | Ty::Str)
        });
        let v = match op {
            None => v,
            Some(_) if at_each.is_some() => v,
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
                    if let Some(at) = place.unknown(k, d) {
                        self.put_anywhere(&at, at_each, &v.leaves[k], &of.ty, of.lanes)?;
                        continue;
                    }
                    if of.dims.is_empty() {
                        let x = self.node(&v.leaves[k], &of.ty)?;
                        let x = self.secret(x);
                        match place.dynamic[k] {
                            None => self.store(mem, &ix::add(&d.off, &place.offs[k]), x),
                            Some(a) => self.store_at(mem, a, &place.offs[k], x),
                        }
                    } else {
                        if let Some(a) = place.dynamic[k] {
                            let at = self.offset(a, 1, &ix::add(&d.off, &place.offs[k]));
                            self.overwrite_at(mem, at, &v.leaves[k], &of.ty, of.lanes)?;
                            continue;
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
    /// Puts an array of `lanes` scalars into a memory from a place on that only the run knows, a multiple of `lanes`: every
    /// stretch of the memory stays or is replaced, which is free for a clear place.
    fn overwrite_at(&mut self, mem: MemId, at: NodeId, src: &Leaf, ty: &Ty, lanes: u64) -> R<()> {
        let len = self.nest.mems[mem as usize].len;
        if len == 0 || lanes == 0 {
            return Ok(());
        }
        // By way of a copy: the source may be a stretch of the same memory.
        let src = self.fresh(src, ty, lanes)?;
        let (rows, lanes) = (Index::Const((len / lanes) as i64), lanes as i64);
        self.run_loop(&rows, false, vec![], &[mem], &mut |s, r, _| {
            let first = ix::scale(r, lanes);
            let here = s.iota(&first, super::loops::INDEX);
            let hit = s.bin(circuit::Bin::Eq, here, at);
            s.run_loop(&Index::Const(lanes), false, vec![], &[mem], &mut |s, t, _| {
                let place = ix::add(&first, t);
                let (new, old) = (s.lane(&src, t, ty)?, s.load_raw(mem, &place));
                let v = s.select(hit, new, old);
                s.store(mem, &place, v);
                Ok(vec![])
            })?;
            Ok(vec![])
        })?;
        Ok(())
    }
    pub(super) fn store_at(&mut self, mem: MemId, addr: NodeId, off: &Index, value: NodeId) {
        // Nothing can be put where there is nothing.
        if self.nest.mems[mem as usize].len == 0 {
            return;
        }
        let addr = self.offset(addr, 1, off);
        let value = match self.cond_for(mem) {
            None => value,
            Some(c) => {
                let old = self.load_at(mem, addr);
                self.select(c, value, old)
            }
        };
        let elem = self.nest.n(value).elem;
        self.fixed(Op::StoreAt(mem), vec![value, addr], elem);
        self.changed(mem, self.nest.n(value).dom);
        self.forget(mem);
    }
    fn place(&mut self, var: &Val, proj: &[Proj]) -> R<Place> {
        let n = var.leaves.len();
        let mut p = Place {
            ty: var.ty.clone(),
            first: 0,
            offs: vec![Index::Const(0); n],
            dynamic: vec![None; n],
            hidden: vec![],
        };
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
                    for h in &mut p.hidden {
                        h.strides = h.strides[skip..skip + n].to_vec();
                    }
                    p.ty = ty;
                }
                Proj::Index(e) => {
                    let i = self.eval(*e)?;
                    let (elem, n) = self.array(&p.ty)?;
                    let of = self.leaves(&elem)?;
                    let leaves: Vec<Leaf> = var.leaves[p.first..p.first + of.len()].to_vec();
                    if let Some(k) = self.unknown(&i.leaves[0]) {
                        self.watch_index(k, n)?;
                        let hits = self.one_hot(k, n)?;
                        p.hidden.push(Hidden { hits, n, strides: of.iter().map(|of| of.lanes as i64).collect() });
                        p.ty = elem;
                        continue;
                    }
                    match self.known_place(&i.leaves[0], n, &leaves)? {
                        Some(i) => {
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
            if let Leaf::V(d) = &var.leaves[p.first + k]
                && let Some(at) = p.unknown(k, d)
            {
                out.push(self.get_anywhere(&at, &of.ty, of.lanes, of.dims.is_empty())?);
                continue;
            }
            out.push(match &var.leaves[p.first + k] {
                Leaf::V(d) => {
                    let ver = self.nest.mems[d.mem as usize].ver;
                    let view = View { mem: d.mem, off: ix::add(&d.off, &p.offs[k]), ver, site: 0 };
                    match (p.dynamic[k], of.dims.is_empty()) {
                        (None, true) => Leaf::N(self.read(&view)),
                        (None, false) => Leaf::V(view),
                        (Some(a), true) => {
                            let a = self.offset(a, 1, &view.off);
                            Leaf::N(self.load_at(d.mem, a))
                        }
                        (Some(a), false) => {
                            let (mem, off, elem) = (d.mem, view.off, elem_of(&of.ty));
                            let m = self.alloc(elem, of.lanes, 0);
                            self.run_loop(&Index::Const(of.lanes as i64), false, vec![], &[m], &mut |s, t, _| {
                                let a = s.offset(a, 1, &ix::add(&off, t));
                                let x = s.load_at(mem, a);
                                let x = s.secret(x);
                                s.store(m, t, x);
                                Ok(vec![])
                            })?;
                            self.whole(m)
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
                self.decide(n, writes, &mut |s| s.eval(then), &mut |s| other(s))
            }
            _ => stop(),
        }
    }
    pub(super) fn snapshot(&self, writes: &[LocalId]) -> Vec<Option<Val>> {
        writes.iter().map(|l| self.frame.locals[l.0 as usize].clone()).collect()
    }
    pub(super) fn reset(&mut self, writes: &[LocalId], to: Vec<Option<Val>>) {
        for (l, v) in writes.iter().zip(to) {
            self.frame.locals[l.0 as usize] = v;
        }
    }
    /// Joins scalars of assigned variables: `then` has their values after the first branch. Arrays were stored under the
    /// condition already.
    pub(super) fn merge(
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
            if now.leaves.len() == 1 && matches!(now.ty, Ty::Bool | Ty::Int { .. } | Ty::Fixed(_) | Ty::Str | Ty::Index)
            {
                now.leaves = join(self, &then, &now)?.leaves;
                self.frame.locals[slot] = Some(now);
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
}

fn scalar_array(ty: &Ty, lanes: u64) -> Ty {
    Ty::Array(Box::new(ty.clone()), sema::tree::Size::Const(lanes as i64))
}
