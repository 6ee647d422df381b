//! `for` and `while`: what comes around, and how many iterations there are.
//!
//! A public number of iterations that the compiler knows, in terms of the loops around, makes a counted loop, which may
//! become lanes. One that only the run knows makes lanes under a condition where there are few, else a `while`.

use super::loops::INDEX;
use super::value::{Leaf, Val};
use super::{R, Tracer};
use crate::nest::{MemId, NodeId};
use crate::{fold, ix};
use circuit::gate::{Bin, Un};
use circuit::index::{Index, IndexEnv, IndexOp};
use circuit::types::{Domain, Elem};
use sema::tree::{ExprId, ExprKind, Iter, LocalId, Pat, Proj, Size, Stmt, Ty};

/// A loop whose bound only the run knows becomes lanes under a condition if it has at most so many iterations.
const MAX_LANES: i128 = 1 << 16;
/// Turns of a `while` that are tried to find when a condition over indices ends.
const MAX_SEARCH: i64 = 1 << 20;

const COUNT: Elem = Elem::Int { signed: false, bits: 64 };

/// Scalars that come around: variable, leaf, type.
pub(super) type Slots = Vec<(usize, usize, Ty)>;

/// What a `for` binds in an iteration.
pub(super) enum Over {
    Range(Leaf, Leaf),
    Array(Val),
}

impl<'p> Tracer<'p> {
    /// What comes around: scalars of assigned variables, and memories.
    pub(super) fn carried(&mut self, writes: &[LocalId]) -> R<(Slots, Vec<Leaf>, Vec<MemId>)> {
        let (mut slots, mut carried, mut mems) = (Slots::new(), Vec::new(), Vec::new());
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
        Ok((slots, carried, mems))
    }
    pub(super) fn put(&mut self, slots: &Slots, leaves: &[Leaf]) {
        for ((slot, k, _), leaf) in slots.iter().zip(leaves) {
            if let Some(v) = &mut self.frame.locals[*slot] {
                v.leaves[*k] = leaf.clone();
            }
        }
    }
    /// The values that variables have now, to come around in place of `before`.
    fn next(&mut self, slots: &Slots, before: &[Leaf]) -> R<Vec<Leaf>> {
        let mut next = Vec::new();
        for ((slot, k, ty), leaf) in slots.iter().zip(before) {
            let Some(v) = &self.frame.locals[*slot] else { return self.internal("a variable that vanished") };
            let l = v.leaves[*k].clone();
            next.push(match (leaf, &l) {
                (Leaf::N(_), Leaf::I(_)) => Leaf::N(self.node(&l, ty)?),
                _ => l,
            });
        }
        Ok(next)
    }

    /// `for`.
    pub(super) fn for_loop(&mut self, pat: &Pat, iter: &Iter, body: ExprId, writes: &[LocalId]) -> R<Val> {
        let (over, trip, rev) = match iter {
            Iter::Range { lo, hi, inclusive, step, rev } => {
                let lo = self.bound(*lo)?;
                let mut hi = self.bound(*hi)?;
                let one = Leaf::I(Index::Const(1));
                if *inclusive {
                    hi = self.arith(&hi, Bin::Add, &one);
                }
                let step = match step {
                    None => one,
                    Some(s) => self.bound(*s)?,
                };
                let (Leaf::I(l), Leaf::I(h), Leaf::I(st)) = (&lo, &hi, &step) else {
                    return self.for_unknown(pat, body, writes, &lo, &hi, &step, *rev);
                };
                if ix::interval(st, &self.nest.ranges).1 < 1 {
                    return self.report("E0407", "a step that is not positive".into(), "");
                }
                let span = ix::sub(h, l);
                let trip = if st.as_const() == Some(1) {
                    span
                } else {
                    let up = ix::add(&span, &ix::sub(st, &Index::Const(1)));
                    ix::bin(IndexOp::Div, &up, st)
                };
                (Over::Range(lo, step), trip, *rev)
            }
            Iter::Array(e) => {
                let v = self.eval(*e)?;
                let (_, n) = self.array(&v.ty)?;
                (Over::Array(v), Index::Const(n), false)
            }
        };
        if let Some(n) = trip.as_const().filter(|n| *n > 1)
            && self.grouped(pat, &over, (n, rev), body, writes)?.is_some()
        {
            return Ok(Val::unit());
        }
        let (slots, carried, mems) = self.carried(writes)?;
        let out = self.run_loop(&trip, rev, carried, &mems, &mut |s, t, now| {
            s.iteration(&slots, now, pat, &over, &Leaf::I(t.clone()), &mut |s| s.eval(body).map(|_| ()))
        })?;
        self.put(&slots, &out);
        Ok(Val::unit())
    }
    /// An iteration of a `for`: number `t`. `body` runs with what the iteration binds.
    pub(super) fn iteration(
        &mut self,
        slots: &Slots,
        now: &[Leaf],
        pat: &Pat,
        over: &Over,
        t: &Leaf,
        body: &mut dyn FnMut(&mut Self) -> R<()>,
    ) -> R<Vec<Leaf>> {
        let outer = self.frame.locals.clone();
        self.put(slots, now);
        let element = match (over, t) {
            (Over::Range(lo, step), t) => {
                let by = self.arith(step, Bin::Mul, t);
                Val::scalar(Ty::Index, self.arith(lo, Bin::Add, &by))
            }
            (Over::Array(v), Leaf::I(t)) => self.element(v, t)?,
            _ => return self.internal("an iteration without a number"),
        };
        self.bind(pat, element)?;
        body(self)?;
        let next = self.next(slots, now)?;
        self.frame.locals = outer;
        Ok(next)
    }
    /// Arithmetic on counts and indices that are known to fit.
    fn arith(&mut self, a: &Leaf, op: Bin, b: &Leaf) -> Leaf {
        if let (Leaf::I(x), Leaf::I(y)) = (a, b) {
            return Leaf::I(match op {
                Bin::Add => ix::add(x, y),
                Bin::Sub => ix::sub(x, y),
                _ => ix::mul(x, y),
            });
        }
        let (x, y) = (self.wide(a), self.wide(b));
        Leaf::N(fold::bin(self, op, x, y))
    }
    fn wide(&mut self, l: &Leaf) -> NodeId {
        match l {
            Leaf::N(n) => *n,
            Leaf::I(e) => self.iota(e, INDEX),
            _ => fold::konst(self, 0, INDEX),
        }
    }
    fn bound(&mut self, e: ExprId) -> R<Leaf> {
        let v = self.eval(e)?;
        match &v.leaves[0] {
            Leaf::I(i) => Ok(Leaf::I(i.clone())),
            Leaf::N(n) => match self.to_index(*n) {
                Some(i) => Ok(Leaf::I(i)),
                None if self.nest.n(*n).dom == Domain::Clear => Ok(Leaf::N(fold::un(self, Un::Cast, *n, INDEX))),
                None => self.internal("a loop bound that is secret"),
            },
            _ => self.internal("an array as a bound"),
        }
    }

    /// A `for` over a range that only the run knows.
    #[allow(clippy::too_many_arguments)]
    fn for_unknown(
        &mut self,
        pat: &Pat,
        body: ExprId,
        writes: &[LocalId],
        lo: &Leaf,
        hi: &Leaf,
        step: &Leaf,
        rev: bool,
    ) -> R<Val> {
        let st = self.wide(step);
        if self.values(st).0 < 1 {
            let zero = fold::konst(self, 0, INDEX);
            let ok = self.bin(Bin::Lt, zero, st);
            self.check(ok, "a step that is not positive")?;
        }
        // How many: none where the range is empty, else ceil((hi - lo) / step), which fits an unsigned count.
        let (l, h) = (self.wide(lo), self.wide(hi));
        let some = self.bin(Bin::Lt, l, h);
        let span = fold::bin(self, Bin::Sub, h, l);
        let zero = fold::konst(self, 0, INDEX);
        let most = {
            let (a, b, s) = (self.values(l), self.values(h), self.values(st));
            let span = (b.1.saturating_sub(a.0)).max(0);
            let s = s.0.max(1);
            span.saturating_add(s - 1) / s
        };
        let span = self.select(some, span, zero);
        let span = fold::un(self, Un::Cast, span, COUNT);
        let mut trip = span;
        if self.nest.constant(st) != Some(1) {
            let one = fold::konst(self, 1, COUNT);
            let s = fold::un(self, Un::Cast, st, COUNT);
            let whole = fold::bin(self, Bin::Div, span, s);
            let rest = fold::bin(self, Bin::Rem, span, s);
            let zero = fold::konst(self, 0, COUNT);
            let exact = fold::bin(self, Bin::Eq, rest, zero);
            let up = fold::bin(self, Bin::Add, whole, one);
            trip = self.select(exact, whole, up);
        }
        // An array that every iteration reads at its own number bounds them.
        let mut most = most;
        if let (Pat::Bind(i), Leaf::I(first), Some(1)) = (pat, lo, step_of(step))
            && let (Some(first), Some((n, place))) =
                (first.as_const().filter(|f| *f >= 0), self.length_read_at(body, *i)?)
            && i128::from(n.saturating_sub(first)) < most
        {
            let room = n.saturating_sub(first).max(0);
            self.at_span(place, |s| {
                let room = fold::konst(s, room as u128, COUNT);
                let over = s.bin(Bin::Lt, room, trip);
                let ok = fold::not(s, over);
                s.check(ok, &format!("index out of bounds: the array has {n} elements"))
            })?;
            most = i128::from(room);
        }
        let (slots, carried, mems) = self.carried(writes)?;
        let over = Over::Range(lo.clone(), step.clone());
        let branch = self.branches;
        let lanes = most <= MAX_LANES && !self.choosing.contains(&branch);
        if lanes {
            self.branches += 1;
            let from = self.nest.nodes.len() as NodeId;
            let l = self.nest.loops.len() as crate::nest::LoopId;
            let out = self.run_loop(&Index::Const(most as i64), rev, carried, &mems, &mut |s, t, now| {
                let n = s.iota(t, COUNT);
                let inside = s.bin(Bin::Lt, n, trip);
                s.conds.push(inside);
                let next = s.iteration(&slots, now, pat, &over, &Leaf::I(t.clone()), &mut |s| s.eval(body).map(|_| ()));
                s.conds.pop();
                let mut kept = Vec::new();
                for ((new, old), (_, _, ty)) in next?.iter().zip(now).zip(&slots) {
                    kept.push(match (new, old) {
                        (Leaf::I(x), Leaf::I(y)) if x == y => new.clone(),
                        _ => {
                            let (x, y) = (s.node(new, ty)?, s.node(old, ty)?);
                            Leaf::N(s.select(inside, x, y))
                        }
                    });
                }
                Ok(kept)
            })?;
            if (l as usize) < self.nest.loops.len() {
                self.selected.push(super::Selected { branch, at: l, nodes: from..self.nest.nodes.len() as NodeId });
            }
            self.put(&slots, &out);
            return Ok(Val::unit());
        }
        self.branches = branch + 1;
        // Turn after turn: the number of the iteration comes around.
        let zero = fold::konst(self, 0, COUNT);
        let one = fold::konst(self, 1, COUNT);
        let go = self.bin(Bin::Lt, zero, trip);
        let go = self.reached(go);
        let mut first = vec![Leaf::N(go), Leaf::N(zero)];
        for (leaf, (_, _, ty)) in carried.iter().zip(&slots) {
            first.push(Leaf::N(self.node(leaf, ty)?));
        }
        let last = fold::bin(self, Bin::Sub, trip, one);
        let out = self.run_while(first, &mems, &mut |s, now| {
            let t = s.node(&now[1], &Ty::Index)?;
            let at = if rev { fold::bin(s, Bin::Sub, last, t) } else { t };
            let at = fold::un(s, Un::Cast, at, INDEX);
            let next = s.iteration(&slots, &now[2..], pat, &over, &Leaf::N(at), &mut |s| s.eval(body).map(|_| ()))?;
            let t = fold::bin(s, Bin::Add, t, one);
            let go = fold::bin(s, Bin::Lt, t, trip);
            let mut out = vec![Leaf::N(go), Leaf::N(t)];
            out.extend(next);
            Ok(out)
        })?;
        self.put(&slots, &out[2..]);
        Ok(Val::unit())
    }
    /// A clear condition, and that the clear conditions around hold.
    fn reached(&mut self, c: NodeId) -> NodeId {
        let mut c = c;
        for k in 0..self.conds.len() {
            let d = self.conds[k];
            if self.nest.n(d).dom == Domain::Clear {
                c = self.bin(Bin::And, d, c);
            }
        }
        c
    }

    /// `while`.
    pub(super) fn while_loop(&mut self, cond: ExprId, body: ExprId, writes: &[LocalId]) -> R<Val> {
        let first = self.eval(cond)?;
        let known = |l: &Leaf, s: &Self| match l {
            Leaf::I(e) => e.as_const().map(|v| v != 0),
            Leaf::N(n) => s.nest.constant(*n).map(|v| v != 0),
            _ => None,
        };
        if known(&first.leaves[0], self) == Some(false) {
            return Ok(Val::unit());
        }
        let counted = if known(&first.leaves[0], self) == Some(true) { self.turns(cond, body, writes)? } else { None };
        if let Some(trip) = counted {
            let (slots, carried, mems) = self.carried(writes)?;
            let out = self.run_loop(&Index::Const(trip), false, carried, &mems, &mut |s, _, now| {
                s.turn(&slots, now, body, None).map(|t| t.1)
            })?;
            self.put(&slots, &out);
            return Ok(Val::unit());
        }
        let (slots, carried, mems) = self.carried(writes)?;
        let go = self.node(&first.leaves[0], &Ty::Bool)?;
        let go = self.reached(go);
        let mut begin = vec![Leaf::N(go)];
        for (leaf, (_, _, ty)) in carried.iter().zip(&slots) {
            begin.push(Leaf::N(self.node(leaf, ty)?));
        }
        let always = known(&first.leaves[0], self) == Some(true);
        let out = self.run_while(begin, &mems, &mut |s, now| {
            let (go, next) = s.turn(&slots, &now[1..], body, Some(cond))?;
            let go = go.unwrap_or(Leaf::I(Index::Const(0)));
            if always && known(&go, s) == Some(true) && s.conds.is_empty() {
                return s.report(
                    "E0412",
                    "this loop never ends".into(),
                    "nothing that its condition depends on changes in its body",
                );
            }
            let go = s.node(&go, &Ty::Bool)?;
            if s.nest.n(go).dom != Domain::Clear {
                return s.internal("a loop whose condition is secret");
            }
            let mut out = vec![Leaf::N(go)];
            out.extend(next);
            Ok(out)
        })?;
        self.put(&slots, &out[1..]);
        Ok(Val::unit())
    }
    /// The body of a `while` once, and then its condition, if asked for.
    fn turn(
        &mut self,
        slots: &Slots,
        now: &[Leaf],
        body: ExprId,
        cond: Option<ExprId>,
    ) -> R<(Option<Leaf>, Vec<Leaf>)> {
        let outer = self.frame.locals.clone();
        self.put(slots, now);
        self.eval(body)?;
        let go = match cond {
            Some(c) => Some(self.eval(c)?.leaves[0].clone()),
            None => None,
        };
        let next = self.next(slots, now)?;
        self.frame.locals = outer;
        Ok((go, next))
    }
    /// How often a `while` turns, where its condition is an expression over indices that follow a law: it is a counted loop.
    fn turns(&mut self, cond: ExprId, body: ExprId, writes: &[LocalId]) -> R<Option<i64>> {
        let (slots, carried, mems) = self.carried(writes)?;
        let counts = |l: &Leaf| match l {
            Leaf::I(_) => true,
            Leaf::N(n) => self.nest.n(*n).dom == Domain::Clear && self.nest.n(*n).elem != Elem::Bool,
            _ => false,
        };
        if !carried.iter().any(counts) {
            return Ok(None);
        }
        // The condition after iteration t, from a trial that leaves nothing behind.
        let (saved, locals, budget) = (self.save(), self.frame.locals.clone(), self.budget);
        let trial = std::mem::replace(&mut self.trial, true);
        let (mut after, mut loops) = (None, 0);
        let r = self.run_loop(&Index::Const(MAX_SEARCH), false, carried, &mems, &mut |s, t, now| {
            let (go, next) = s.turn(&slots, now, body, Some(cond))?;
            loops = ix::vars(t).first().copied().unwrap_or(0);
            after = match go {
                Some(Leaf::I(e)) if ix::vars(&e) == [loops] => Some(e),
                _ => None,
            };
            Ok(next)
        });
        let after = after.filter(|_| r.is_ok());
        self.trial = trial;
        self.restore(saved);
        self.frame.locals = locals;
        self.budget = budget;
        let Some(after) = after else { return Ok(None) };
        let mut vars = vec![0; loops as usize + 1];
        for t in 0..MAX_SEARCH {
            vars[loops as usize] = t;
            match after.eval_scalar(&IndexEnv { vars: &vars }) {
                Ok(0) => return Ok(Some(t + 1)),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        Ok(None)
    }

    /// The length of an array that every iteration of a body reads or writes at local `i`, and where.
    fn length_read_at(&mut self, body: ExprId, i: LocalId) -> R<Option<(i64, diag::Span)>> {
        let code = self.code();
        let is_i = |e: ExprId| {
            let mut e = e;
            while let ExprKind::Cast(x) | ExprKind::FromIndex(x) = &code.expr(e).kind {
                e = *x;
            }
            matches!(code.expr(e).kind, ExprKind::Local(l) if l == i)
        };
        // What runs in every iteration, and not under a condition or in a function value.
        let mut todo = vec![body];
        let mut found: Vec<(Ty, diag::Span)> = Vec::new();
        while let Some(e) = todo.pop() {
            let x = code.expr(e);
            match &x.kind {
                ExprKind::Index(base, at) => {
                    if is_i(*at) {
                        found.push((Ty::clone(&code.expr(*base).ty), x.span));
                    }
                    todo.extend([*base, *at]);
                }
                ExprKind::Unary(_, a) | ExprKind::Cast(a) | ExprKind::FromIndex(a) | ExprKind::Field(a, _) => {
                    todo.push(*a);
                }
                ExprKind::Chain(a, rest) => {
                    todo.push(*a);
                    let lazy = |op| matches!(op, sema::tree::BinOp::And | sema::tree::BinOp::Or);
                    todo.extend(rest.iter().take_while(|r| !lazy(r.0)).map(|r| r.2));
                }
                ExprKind::Call { args, .. }
                | ExprKind::Builtin(_, args)
                | ExprKind::Array(args)
                | ExprKind::Tuple(args)
                | ExprKind::Struct(args) => todo.extend(args),
                ExprKind::If { cond, .. } => todo.push(*cond),
                ExprKind::Block(stmts, last) => {
                    for s in stmts {
                        match s {
                            Stmt::Let(_, e) | Stmt::Expr(e) => todo.push(*e),
                            Stmt::Assign { local, proj, value, span, .. } => {
                                todo.push(*value);
                                if let Some(Proj::Index(at)) = proj.first()
                                    && is_i(*at)
                                {
                                    found.push((code.local(*local).ty.clone(), *span));
                                }
                            }
                        }
                    }
                    todo.extend(last);
                }
                _ => {}
            }
        }
        let mut least: Option<(i64, diag::Span)> = None;
        for (ty, span) in found {
            let ty = self.close(&ty)?;
            if let Ty::Array(_, Size::Const(n)) = ty
                && least.is_none_or(|l| n < l.0)
            {
                least = Some((n, span));
            }
        }
        Ok(least)
    }
}

fn step_of(step: &Leaf) -> Option<i64> {
    match step {
        Leaf::I(e) => e.as_const(),
        _ => None,
    }
}
