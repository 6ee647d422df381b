//! Values while tracing: a closed type and its scalar leaves, each a node, an index expression, or a view of a memory.

use super::{Frame, R, Stop, Tracer};
use crate::nest::{MemId, NodeId, Op};
use crate::{fold, ix};
use circuit::index::{Index, IndexOp};
use circuit::types::{Domain, Elem};
use sema::layout;
use sema::tree::{ExprId, FnId, Pat, Size, Ty, TyEnv};
use std::rc::Rc;

/// A stretch of a memory.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub mem: MemId,
    pub off: Index,
    /// Version of the memory when it was taken.
    pub ver: u32,
    /// The read that took it.
    pub site: u32,
}

/// A leaf: a scalar, or all scalars of one kind in an array.
#[derive(Clone, Debug)]
pub(super) enum Leaf {
    /// A scalar wire.
    N(NodeId),
    /// A public number (or truth value) that loop variables decide.
    I(Index),
    /// An array.
    V(View),
    /// The array whose element k is `first + k * step`.
    R(Index, i64),
}

/// A value.
#[derive(Clone)]
pub(super) struct Val {
    pub ty: Ty,
    pub leaves: Vec<Leaf>,
    pub fun: Option<Rc<Fun>>,
}

/// A function as a value.
pub(super) enum Fun {
    Closure { f: FnId, env: TyEnv, locals: Vec<Option<Val>>, params: Vec<Pat>, body: ExprId },
    Ref { f: FnId, env: TyEnv },
}

impl Val {
    pub fn unit() -> Val {
        Val { ty: Ty::Unit, leaves: vec![], fun: None }
    }
    pub fn scalar(ty: Ty, leaf: Leaf) -> Val {
        Val { ty, leaves: vec![leaf], fun: None }
    }
    pub fn of(ty: Ty, leaves: Vec<Leaf>) -> Val {
        Val { ty, leaves, fun: None }
    }
}

/// Circuit element of a scalar type; an index is a signed 64-bit number where it must be a wire, a fixed-point number is its
/// word, a string its number.
pub(crate) fn elem_of(ty: &Ty) -> Elem {
    match ty {
        Ty::Bool => Elem::Bool,
        Ty::Int { signed, bits } => Elem::Int { signed: *signed, bits: *bits },
        Ty::Str => Elem::Int { signed: false, bits: 128 },
        _ => Elem::Int { signed: true, bits: 64 },
    }
}

impl Tracer<'_> {
    pub(super) fn close(&mut self, ty: &Ty) -> R<Ty> {
        match ty {
            Ty::Bool | Ty::Int { .. } | Ty::Fixed(_) | Ty::Str | Ty::Index | Ty::Unit => return Ok(ty.clone()),
            _ => {}
        }
        match layout::close(ty, &self.frame.env) {
            Some(t) => Ok(t),
            None => self.report("E0401", "a size here is negative, too large, or not a number".into(), ""),
        }
    }
    pub(super) fn size(&mut self, n: &Size) -> R<i64> {
        match layout::size(n, &self.frame.env) {
            Some(n) => Ok(n),
            None => self.report("E0401", "a size here is too large or divides by zero".into(), ""),
        }
    }
    pub(super) fn leaves(&mut self, ty: &Ty) -> R<Vec<layout::Leaf>> {
        let families = self.frame.env.families.clone();
        match layout::leaves(self.program, ty, &families) {
            Some(l) => Ok(l),
            None => self.report("E0401", "a value with more elements than can be counted".into(), ""),
        }
    }
    pub(super) fn count(&mut self, ty: &Ty) -> R<usize> {
        Ok(match ty {
            Ty::Bool | Ty::Int { .. } | Ty::Fixed(_) | Ty::Str | Ty::Index => 1,
            Ty::Unit | Ty::Fn(..) => 0,
            _ => self.leaves(ty)?.len(),
        })
    }
    pub(super) fn parts(&mut self, ty: &Ty) -> R<Vec<Ty>> {
        match ty {
            Ty::Tuple(p) => Ok(p.clone()),
            Ty::Struct(id, tys, sizes) => {
                let families = self.frame.env.families.clone();
                match layout::fields(self.program, *id, tys, sizes, &families) {
                    Some(f) => Ok(f),
                    None => self.report("E0401", "a size here is not a number".into(), ""),
                }
            }
            Ty::Array(e, n) => {
                // An array of aggregates, seen as the aggregate of arrays.
                let (e, n) = ((**e).clone(), n.clone());
                Ok(self.parts(&e)?.into_iter().map(|t| Ty::Array(Box::new(t), n.clone())).collect())
            }
            _ => self.internal("parts of a scalar"),
        }
    }
    /// Part k of a struct or tuple.
    pub(super) fn part(&mut self, v: &Val, k: usize) -> R<Val> {
        let parts = self.parts(&v.ty)?;
        let mut at = 0;
        for (j, t) in parts.iter().enumerate() {
            let n = self.count(t)?;
            if j == k {
                return Ok(Val::of(t.clone(), v.leaves.get(at..at + n).unwrap_or(&[]).to_vec()));
            }
            at += n;
        }
        self.internal("a part that is not there")
    }
    pub(super) fn array(&mut self, ty: &Ty) -> R<(Ty, i64)> {
        match ty {
            Ty::Array(e, Size::Const(n)) => Ok(((**e).clone(), *n)),
            _ => self.internal("an array was expected"),
        }
    }
    /// Element `i` (already known to be in range) of an array.
    pub(super) fn element(&mut self, v: &Val, i: &Index) -> R<Val> {
        let (ty, _) = self.array(&v.ty)?;
        if let (Ty::Bool | Ty::Int { .. } | Ty::Fixed(_) | Ty::Str, [Leaf::V(view)]) = (&ty, &v.leaves[..]) {
            let view = View { off: ix::add(&view.off, i), ..view.clone() };
            return Ok(Val::scalar(ty, Leaf::N(self.read(&view))));
        }
        let inner = self.leaves(&ty)?;
        let mut out = Vec::with_capacity(inner.len());
        for (leaf, of) in v.leaves.iter().zip(&inner) {
            out.push(match leaf {
                Leaf::V(view) => {
                    let off = ix::add(&view.off, &ix::scale(i, of.lanes as i64));
                    let view = View { off, ..view.clone() };
                    if of.dims.is_empty() { Leaf::N(self.read(&view)) } else { Leaf::V(view) }
                }
                Leaf::R(first, step) => Leaf::I(ix::add(first, &ix::scale(i, *step))),
                _ => return self.internal("an array leaf that is a scalar"),
            });
        }
        for (leaf, of) in out.iter_mut().zip(&inner) {
            // What only the run knows stays a wire.
            if let (Leaf::N(n), Ty::Index) = (&*leaf, &of.ty)
                && let Some(e) = self.to_index(*n)
            {
                *leaf = Leaf::I(e);
            }
        }
        Ok(Val::of(ty, out))
    }
    /// The scalar that a view of one element is.
    pub(super) fn read(&mut self, v: &View) -> NodeId {
        if self.nest.mems[v.mem as usize].ver != v.ver {
            self.stale.insert(v.site);
        }
        self.load(v.mem, &v.off)
    }
    /// A scalar leaf as a wire.
    pub(super) fn node(&mut self, leaf: &Leaf, ty: &Ty) -> R<NodeId> {
        match leaf {
            Leaf::N(n) => Ok(*n),
            Leaf::I(e) => {
                let elem = elem_of(ty);
                Ok(self.iota(e, elem))
            }
            _ => self.internal("an array where a scalar was expected"),
        }
    }
    pub(super) fn iota(&mut self, e: &Index, elem: Elem) -> NodeId {
        fold::Sink::make(self, Op::Iota(e.clone()), vec![], elem)
    }
    pub(super) fn leaf_domain(&self, leaf: &Leaf) -> Domain {
        match leaf {
            Leaf::N(n) => self.nest.n(*n).dom,
            Leaf::V(v) => self.nest.mems[v.mem as usize].dom,
            _ => Domain::Clear,
        }
    }

    /// Copies array leaf `src` (`len` scalars) into `dst` from `off` on.
    pub(super) fn copy(&mut self, dst: MemId, off: &Index, src: &Leaf, len: u64) -> R<()> {
        let elem = self.nest.mems[dst as usize].elem;
        let (off, src) = (off.clone(), src.clone());
        self.run_loop(&Index::Const(len as i64), false, vec![], &[dst], &mut |s, t, _| {
            let v = match &src {
                Leaf::V(v) => s.read(&View { off: ix::add(&v.off, t), ..v.clone() }),
                Leaf::R(first, step) => s.iota(&ix::add(first, &ix::scale(t, *step)), elem),
                Leaf::N(n) => *n,
                Leaf::I(e) => s.iota(e, elem),
            };
            // Whoever changes a party's own values computes on them.
            let v = s.secret(v);
            s.store(dst, &ix::add(&off, t), v);
            Ok(vec![])
        })?;
        Ok(())
    }
    /// The value of a type of which every bit is zero.
    pub(super) fn zero(&mut self, ty: &Ty) -> R<Val> {
        let of = if *ty == Ty::Unit { vec![] } else { self.leaves(ty)? };
        let mut leaves = Vec::with_capacity(of.len());
        for of in of {
            let elem = elem_of(&of.ty);
            leaves.push(match (&of.ty, of.dims.is_empty()) {
                (Ty::Index, true) => Leaf::I(Index::Const(0)),
                (Ty::Index, false) => Leaf::R(Index::Const(0), 0),
                (_, true) => Leaf::N(fold::konst(self, 0, elem)),
                (_, false) => {
                    let m = self.alloc(elem, of.lanes, 0);
                    self.whole(m)
                }
            });
        }
        Ok(Val::of(ty.clone(), leaves))
    }
    /// A memory of one's own for array leaf `src`.
    pub(super) fn fresh(&mut self, src: &Leaf, ty: &Ty, lanes: u64) -> R<Leaf> {
        let m = self.alloc(elem_of(ty), lanes, 0);
        self.copy(m, &Index::Const(0), src, lanes)?;
        Ok(self.whole(m))
    }
    pub(super) fn whole(&mut self, mem: MemId) -> Leaf {
        Leaf::V(View { mem, off: Index::Const(0), ver: self.nest.mems[mem as usize].ver, site: 0 })
    }
    /// The value for a variable: arrays get memories that nothing else changes.
    pub(super) fn own(&mut self, v: Val, mutable: bool) -> R<Val> {
        if v.leaves.iter().all(|l| matches!(l, Leaf::N(_) | Leaf::I(_))) {
            return Ok(v);
        }
        let of = self.leaves(&v.ty)?;
        let mut out = Vec::new();
        for (leaf, of) in v.leaves.into_iter().zip(of) {
            out.push(match &leaf {
                Leaf::V(view) => {
                    let m = &self.nest.mems[view.mem as usize];
                    let free = !m.owned
                        && m.at == self.here()
                        && m.conds == self.conds.len()
                        && m.len == of.lanes
                        && m.ver == view.ver
                        && m.input.is_none()
                        && m.table.is_none()
                        && m.shared.is_none()
                        && !matches!(m.dom, Domain::Local(_))
                        && !self.top().guarded;
                    if free || !mutable {
                        self.nest.mems[view.mem as usize].owned = true;
                        leaf
                    } else {
                        let l = self.fresh(&leaf, &of.ty, of.lanes)?;
                        if let Leaf::V(v) = &l {
                            self.nest.mems[v.mem as usize].owned = true;
                        }
                        l
                    }
                }
                Leaf::R(..) if mutable => self.fresh(&leaf, &of.ty, of.lanes)?,
                _ => leaf,
            });
        }
        Ok(Val { leaves: out, ..v })
    }
    /// A variable's value as read here.
    pub(super) fn fetch(&mut self, v: &Val, mutable: bool) -> R<Val> {
        if !mutable || v.leaves.iter().all(|l| matches!(l, Leaf::N(_) | Leaf::I(_))) {
            return Ok(v.clone());
        }
        self.sites += 1;
        let site = self.sites;
        let mut v = v.clone();
        let copy = self.copies.contains(&site);
        let of = if copy { self.leaves(&v.ty)? } else { vec![] };
        for (k, leaf) in v.leaves.iter_mut().enumerate() {
            if let Leaf::V(view) = leaf {
                view.ver = self.nest.mems[view.mem as usize].ver;
                view.site = site;
                if copy {
                    *leaf = self.fresh(&leaf.clone(), &of[k].ty, of[k].lanes)?;
                }
            }
        }
        Ok(v)
    }

    /// `c ? a : b` leaf by leaf, under a run-time condition.
    pub(super) fn choose(&mut self, c: NodeId, a: &Val, b: &Val) -> R<Val> {
        if a.leaves.is_empty() {
            return Ok(a.clone());
        }
        if let (Ty::Bool | Ty::Int { .. } | Ty::Fixed(_) | Ty::Str, [Leaf::N(x)], [Leaf::N(y)]) =
            (&a.ty, &a.leaves[..], &b.leaves[..])
        {
            return Ok(Val::scalar(a.ty.clone(), Leaf::N(self.select(c, *x, *y))));
        }
        let of = self.leaves(&a.ty)?;
        let mut out = Vec::new();
        for ((la, lb), of) in a.leaves.iter().zip(&b.leaves).zip(&of) {
            out.push(match (la, lb) {
                (Leaf::I(x), Leaf::I(y)) if x == y => Leaf::I(x.clone()),
                (Leaf::N(_) | Leaf::I(_), _) => {
                    let (x, y) = (self.node(la, &of.ty)?, self.node(lb, &of.ty)?);
                    Leaf::N(self.select(c, x, y))
                }
                (Leaf::V(x), Leaf::V(y)) if x.mem == y.mem && x.off == y.off && x.ver == y.ver => la.clone(),
                _ => {
                    let m = self.alloc(elem_of(&of.ty), of.lanes, 0);
                    let (la, lb, ty) = (la.clone(), lb.clone(), of.ty.clone());
                    self.run_loop(&Index::Const(of.lanes as i64), false, vec![], &[m], &mut |s, t, _| {
                        let (x, y) = (s.lane(&la, t, &ty)?, s.lane(&lb, t, &ty)?);
                        let v = s.select(c, x, y);
                        s.store(m, t, v);
                        Ok(vec![])
                    })?;
                    self.whole(m)
                }
            });
        }
        Ok(Val { leaves: out, ..a.clone() })
    }
    /// `cond ? a : b` under a public condition; `a` and `b` were computed where it holds and where it does not.
    pub(super) fn pick(&mut self, cond: &Index, a: &Val, b: &Val) -> R<Val> {
        if a.leaves.is_empty() {
            return Ok(a.clone());
        }
        let of = self.leaves(&a.ty)?;
        let mut out = Vec::new();
        for ((la, lb), of) in a.leaves.iter().zip(&b.leaves).zip(&of) {
            out.push(match (la, lb) {
                (Leaf::I(x), Leaf::I(y)) => {
                    if x == y {
                        Leaf::I(x.clone())
                    } else if of.ty == Ty::Bool && ix::boolean(x) && ix::boolean(y) {
                        let yes = Index::bin(IndexOp::And, cond.clone(), x.clone());
                        let no = Index::bin(IndexOp::And, ix::not(cond), y.clone());
                        Leaf::I(Index::bin(IndexOp::Or, yes, no))
                    } else {
                        Leaf::I(ix::add(y, &ix::mul(cond, &ix::sub(x, y))))
                    }
                }
                (Leaf::N(_) | Leaf::I(_), _) => {
                    let (x, y) = (self.node(la, &of.ty)?, self.node(lb, &of.ty)?);
                    Leaf::N(self.pick_node(cond, x, y))
                }
                (Leaf::V(x), Leaf::V(y)) if x.mem == y.mem && x.off == y.off && x.ver == y.ver => la.clone(),
                _ => {
                    let m = self.alloc(elem_of(&of.ty), of.lanes, 0);
                    let no = ix::not(cond);
                    self.guarded(cond, |s| s.copy(m, &Index::Const(0), la, of.lanes))?;
                    self.guarded(&no, |s| s.copy(m, &Index::Const(0), lb, of.lanes))?;
                    self.whole(m)
                }
            });
        }
        Ok(Val { leaves: out, ..a.clone() })
    }
    fn pick_node(&mut self, cond: &Index, x: NodeId, y: NodeId) -> NodeId {
        if x == y {
            return x;
        }
        let (x, y) = if self.nest.n(x).dom != self.nest.n(y).dom { (self.secret(x), self.secret(y)) } else { (x, y) };
        let elem = self.nest.n(x).elem;
        if let (Some(a), Some(b)) = (self.nest.constant(x), self.nest.constant(y))
            && elem == Elem::Bool
            && (a, b) == (1, 0)
        {
            return self.iota(cond, elem);
        }
        fold::Sink::make(self, Op::Pick(cond.clone()), vec![x, y], elem)
    }
    /// Scalar `t` of an array leaf, counted flat; a scalar leaf as itself.
    pub(super) fn lane(&mut self, leaf: &Leaf, t: &Index, ty: &Ty) -> R<NodeId> {
        match leaf {
            Leaf::V(v) => Ok(self.read(&View { off: ix::add(&v.off, t), ..v.clone() })),
            Leaf::R(first, step) => Ok(self.iota(&ix::add(first, &ix::scale(t, *step)), elem_of(ty))),
            other => self.node(other, ty),
        }
    }
    /// Overwrites the memories of `dst` with `src`.
    pub(super) fn overwrite(&mut self, dst: &Val, src: &Val) -> R<()> {
        let of = self.leaves(&dst.ty)?;
        for ((d, s), of) in dst.leaves.iter().zip(&src.leaves).zip(&of) {
            if let Leaf::V(d) = d {
                if let Leaf::V(s) = s
                    && s.mem == d.mem
                    && s.ver == self.nest.mems[d.mem as usize].ver
                {
                    if s.off == d.off {
                        continue;
                    }
                    // A stretch of the memory itself: by way of a copy.
                    let tmp = self.fresh(&Leaf::V(s.clone()), &of.ty, of.lanes)?;
                    self.copy(d.mem, &d.off, &tmp, of.lanes)?;
                    continue;
                }
                self.copy(d.mem, &d.off, s, of.lanes)?;
            }
        }
        Ok(())
    }
    /// As [`Tracer::enter`], of a function by its name: those that it stands in already are counted.
    pub(super) fn enter_call<T>(&mut self, frame: Frame, work: impl FnOnce(&mut Self) -> R<T>) -> R<T> {
        let f = frame.f;
        let open = self.open.entry(f).or_default();
        *open += 1;
        self.recursive += usize::from(*open > 1);
        let r = if self.recursive > super::MAX_RECURSIVE {
            self.too_deep(format!("more than {} recursive calls", super::MAX_RECURSIVE))
        } else {
            self.enter(frame, work)
        };
        *self.open.entry(f).or_default() -= 1;
        r
    }
    fn too_deep<T>(&mut self, what: String) -> R<T> {
        let help = "what ends a recursion must be known when the program is compiled: a size, a constant, or a public \
                    parameter, and neither a revealed value nor the variable of a loop";
        self.report("E0405", what, help)
    }
    pub(super) fn enter<T>(&mut self, frame: Frame, work: impl FnOnce(&mut Self) -> R<T>) -> R<T> {
        if self.calls >= super::MAX_CALLS {
            return self.too_deep(format!("calls nest more than {} deep", super::MAX_CALLS));
        }
        self.calls += 1;
        let outer = std::mem::replace(&mut self.frame, frame);
        let r = work(self);
        self.frame = outer;
        self.calls -= 1;
        r
    }
}

/// Shorthand for a failure that was reported.
pub(super) fn stop<T>() -> R<T> {
    Err(Stop)
}
