//! Loops and folds that combine values by a function that its author calls associative (`#[associative]`).
//!
//! `acc = f(acc, e)` in each iteration: where nothing else in the body knows `acc`, the values of `e` are laid down first
//! and then combined in pairs, in as many levels as their number has bits. Where something does, and `e` can be computed
//! without what the body assigns, a prefix network (Sklansky 1960) gives every value on the way, and the body runs with the
//! values before and after. What is neither stays a loop. Knows no operators: `reduce` and `scan` recognise those.

use super::turns::Over;
use super::value::{Fun, Leaf, Val};
use super::{R, Tracer};
use crate::ix;
use crate::nest::MemId;
use circuit::index::{Index, IndexOp};
use sema::tree::{Builtin, ExprId, ExprKind, Fn, FnId, LocalId, Pat, Proj, Size, Stmt, Ty, TyEnv};
use sema::walk::children;

/// How an iteration goes on: by which function, and on which side the value before stands.
#[derive(Clone, Copy)]
struct By {
    f: FnId,
    /// `f(e, acc)`
    swapped: bool,
}

/// `acc = f(acc, e)` at the top of a loop's body.
struct Update {
    /// Which statement.
    at: usize,
    acc: LocalId,
    by: By,
    e: ExprId,
}

/// Everything below an expression, itself included.
fn below(code: &Fn, e: ExprId) -> Vec<ExprId> {
    let (mut out, mut todo) = (vec![], vec![e]);
    while let Some(e) = todo.pop() {
        out.push(e);
        children(&code.expr(e).kind, &mut |x| todo.push(x));
    }
    out
}

/// Whether an expression reads or assigns a variable.
fn mentions(code: &Fn, e: ExprId, l: LocalId) -> bool {
    below(code, e).into_iter().any(|e| match &code.expr(e).kind {
        ExprKind::Local(x) | ExprKind::CallLocal(x, _) => *x == l,
        ExprKind::Block(stmts, _) => stmts.iter().any(|s| matches!(s, Stmt::Assign { local, .. } if *local == l)),
        ExprKind::At { reads, each, .. } => reads.contains(&l) || each.iter().any(|x| x.0 == l),
        _ => false,
    })
}

fn stmt_mentions(code: &Fn, s: &Stmt, l: LocalId) -> bool {
    match s {
        Stmt::Let(_, e) | Stmt::Expr(e) => mentions(code, *e, l),
        Stmt::Assign { local, proj, value, .. } => {
            let index = |p: &Proj| matches!(p, Proj::Index(i) if mentions(code, *i, l));
            *local == l || mentions(code, *value, l) || proj.iter().any(index)
        }
    }
}

/// Variables that a statement assigns, inside of it too.
fn assigns(code: &Fn, s: &Stmt, l: LocalId) -> bool {
    let inner = |e: ExprId| {
        below(code, e).into_iter().any(|e| match &code.expr(e).kind {
            ExprKind::Block(stmts, _) => stmts.iter().any(|s| matches!(s, Stmt::Assign { local, .. } if *local == l)),
            _ => false,
        })
    };
    match s {
        Stmt::Let(_, e) | Stmt::Expr(e) => inner(*e),
        Stmt::Assign { local, value, .. } => *local == l || inner(*value),
    }
}

fn binds(p: &Pat, l: LocalId) -> bool {
    match p {
        Pat::Wild => false,
        Pat::Bind(x) => *x == l,
        Pat::Tuple(ps) => ps.iter().any(|p| binds(p, l)),
    }
}

impl<'p> Tracer<'p> {
    /// `f(acc, e)` or `f(e, acc)` of an associative `f`, where `e` does not know `acc`.
    fn combines(&self, code: &Fn, value: ExprId, acc: LocalId) -> Option<(By, ExprId)> {
        let ExprKind::Call { f, args, .. } = &code.expr(value).kind else { return None };
        let [a, b] = args[..] else { return None };
        let is_acc = |e: ExprId| matches!(code.expr(e).kind, ExprKind::Local(l) if l == acc);
        let (swapped, e) = match (is_acc(a), is_acc(b)) {
            (true, false) => (false, b),
            (false, true) => (true, a),
            _ => return None,
        };
        (self.program.f(*f).associative && !mentions(code, e, acc)).then_some((By { f: *f, swapped }, e))
    }
    fn updates(&self, code: &Fn, stmts: &[Stmt]) -> Vec<Update> {
        let found = |(at, s): (usize, &Stmt)| match s {
            Stmt::Assign { local, proj, op: None, value, .. } if proj.is_empty() => {
                self.combines(code, *value, *local).map(|(by, e)| Update { at, acc: *local, by, e })
            }
            _ => None,
        };
        stmts.iter().enumerate().filter_map(found).collect()
    }

    /// A `for` of `n` iterations that combines values by associative functions; `None` where it does nothing of the kind.
    pub(super) fn grouped(
        &mut self,
        pat: &Pat,
        over: &Over,
        (n, rev): (i64, bool),
        body: ExprId,
        writes: &[LocalId],
    ) -> R<Option<()>> {
        let code = self.code();
        let ExprKind::Block(stmts, last) = &code.expr(body).kind else { return Ok(None) };
        let updates = self.updates(code, stmts);
        let outer = |u: &Update| writes.contains(&u.acc);
        if updates.is_empty() || !updates.iter().all(outer) {
            return Ok(None);
        }
        for u in &updates {
            if !self.combinable(u.acc)? {
                return Ok(None);
            }
        }
        let known = |u: &Update| {
            let other = |(k, s): (usize, &Stmt)| k != u.at && stmt_mentions(code, s, u.acc);
            let of_another = updates.iter().any(|v| v.at != u.at && mentions(code, v.e, u.acc));
            stmts.iter().enumerate().any(other) || of_another || last.is_some_and(|e| mentions(code, e, u.acc))
        };
        if !updates.iter().any(known) {
            self.reduced(pat, over, (n, rev), (stmts, *last), &updates, writes)?;
            return Ok(Some(()));
        }
        let [u] = &updates[..] else { return Ok(None) };
        let Some(needed) = self.apart(code, stmts, u, writes) else { return Ok(None) };
        self.scanned(pat, over, (n, rev), (stmts, *last), u, &needed, writes)?;
        Ok(Some(()))
    }
    /// Whether a variable's value can lie in memories.
    fn combinable(&mut self, acc: LocalId) -> R<bool> {
        let Some(v) = self.frame.locals[acc.0 as usize].clone() else { return Ok(false) };
        let of = if v.leaves.is_empty() { vec![] } else { self.leaves(&v.ty)? };
        Ok(!of.is_empty() && of.iter().all(|l| l.ty != Ty::Index))
    }
    /// The `let`s that an update's value needs, if it can be computed in every iteration before anything else is.
    fn apart(&self, code: &Fn, stmts: &[Stmt], u: &Update, writes: &[LocalId]) -> Option<Vec<usize>> {
        let assigned_before = stmts.iter().enumerate().any(|(k, s)| k != u.at && assigns(code, s, u.acc));
        let (mut needed, mut todo) = (vec![], vec![u.e]);
        while let Some(e) = todo.pop() {
            if writes.iter().any(|l| mentions(code, e, *l)) || !self.computes(code, e) {
                return None;
            }
            for (k, s) in stmts[..u.at].iter().enumerate() {
                let Stmt::Let(p, x) = s else { continue };
                let wanted = |l: LocalId| binds(p, l) && mentions(code, e, l);
                if !needed.contains(&k) && (0..code.locals.len() as u32).any(|l| wanted(LocalId(l))) {
                    needed.push(k);
                    todo.push(*x);
                }
            }
        }
        // What was declared inside the body must stay as declared.
        let changed = |k: &usize| {
            let Stmt::Let(p, _) = &stmts[*k] else { return true };
            let locals = (0..code.locals.len() as u32).map(LocalId).filter(|l| binds(p, *l));
            locals.into_iter().any(|l| code.local(l).mutable)
        };
        needed.sort_unstable();
        (!assigned_before && !needed.iter().any(changed)).then_some(needed)
    }
    /// Whether an expression does nothing but compute a value: it may be computed twice.
    fn computes(&self, code: &Fn, e: ExprId) -> bool {
        let (mut seen, mut todo): (Vec<FnId>, Vec<(&Fn, ExprId)>) = (vec![], vec![(code, e)]);
        while let Some((code, e)) = todo.pop() {
            for e in below(code, e) {
                match &code.expr(e).kind {
                    ExprKind::At { .. }
                    | ExprKind::Assert { .. }
                    | ExprKind::CallLocal(..)
                    | ExprKind::Builtin(Builtin::Reveal | Builtin::OpenMasked | Builtin::RevealTo(_), _)
                    | ExprKind::While { .. } => return false,
                    ExprKind::Call { f, .. } | ExprKind::FnRef { f, .. } if !seen.contains(f) => {
                        seen.push(*f);
                        let callee = self.program.f(*f);
                        todo.push((callee, callee.body));
                    }
                    _ => {}
                }
            }
        }
        true
    }

    /// Nobody knows the value on the way.
    fn reduced(
        &mut self,
        pat: &Pat,
        over: &Over,
        (n, rev): (i64, bool),
        (stmts, last): (&'p [Stmt], Option<ExprId>),
        updates: &[Update],
        writes: &[LocalId],
    ) -> R<()> {
        let mut lines = vec![];
        for u in updates {
            lines.push(self.line(u.acc, n)?);
        }
        let rest: Vec<LocalId> = writes.iter().copied().filter(|l| updates.iter().all(|u| u.acc != *l)).collect();
        let (slots, carried, mut mems) = self.carried(&rest)?;
        mems.extend(lines.iter().flat_map(|l| l.mems.iter().copied()));
        let out = self.run_loop(&Index::Const(n), rev, carried, &mems, &mut |s, t, now| {
            let place = position(t, n, rev);
            s.iteration(&slots, now, pat, over, &Leaf::I(t.clone()), &mut |s| {
                for (k, stmt) in stmts.iter().enumerate() {
                    match updates.iter().position(|u| u.at == k) {
                        None => s.stmt(stmt)?,
                        Some(j) => {
                            let v = s.eval(updates[j].e)?;
                            s.lay(&lines[j], &ix::add(&place, &Index::Const(1)), &v)?;
                        }
                    }
                }
                last.map_or(Ok(()), |e| s.eval(e).map(|_| ()))
            })
        })?;
        self.put(&slots, &out);
        for (u, line) in updates.iter().zip(lines) {
            let v = self.tree(u.by, line)?;
            self.assign_value(u.acc, &[], None, v)?;
        }
        Ok(())
    }
    /// Somebody does.
    #[allow(clippy::too_many_arguments)]
    fn scanned(
        &mut self,
        pat: &Pat,
        over: &Over,
        (n, rev): (i64, bool),
        (stmts, last): (&'p [Stmt], Option<ExprId>),
        u: &Update,
        needed: &[usize],
        writes: &[LocalId],
    ) -> R<()> {
        let line = self.line(u.acc, n)?;
        self.run_loop(&Index::Const(n), rev, vec![], &line.mems, &mut |s, t, now| {
            let place = ix::add(&position(t, n, rev), &Index::Const(1));
            s.iteration(&vec![], now, pat, over, &Leaf::I(t.clone()), &mut |s| {
                for k in needed {
                    s.stmt(&stmts[*k])?;
                }
                let v = s.eval(u.e)?;
                s.lay(&line, &place, &v)
            })
        })?;
        let line = self.prefixes(u.by, line)?;
        let rest: Vec<LocalId> = writes.iter().copied().filter(|l| *l != u.acc).collect();
        let (slots, carried, mems) = self.carried(&rest)?;
        let slot = u.acc.0 as usize;
        let before = self.frame.locals[slot].clone();
        let all = self.all(&line);
        let out = self.run_loop(&Index::Const(n), rev, carried, &mems, &mut |s, t, now| {
            let place = position(t, n, rev);
            s.iteration(&slots, now, pat, over, &Leaf::I(t.clone()), &mut |s| {
                s.frame.locals[slot] = Some(s.element(&all, &place)?);
                for (k, stmt) in stmts.iter().enumerate() {
                    if k == u.at {
                        s.frame.locals[slot] = Some(s.element(&all, &ix::add(&place, &Index::Const(1)))?);
                    } else {
                        s.stmt(stmt)?;
                    }
                }
                last.map_or(Ok(()), |e| s.eval(e).map(|_| ()))
            })
        })?;
        self.put(&slots, &out);
        self.frame.locals[slot] = before;
        let v = self.element(&all, &Index::Const(n))?;
        self.assign_value(u.acc, &[], None, v)
    }

    /// `xs.fold(init, f)` by an associative function; `None` where `f` is none.
    pub(super) fn grouped_fold(&mut self, v: &Val, init: &Val, f: &Val) -> R<Option<Val>> {
        let (_, n) = self.array(&v.ty)?;
        let of = if init.leaves.is_empty() { vec![] } else { self.leaves(&init.ty)? };
        if n < 2 || of.is_empty() || of.iter().any(|l| l.ty == Ty::Index) {
            return Ok(None);
        }
        let fun = f.fun.clone();
        let by = match fun.as_deref() {
            Some(Fun::Ref { f, .. }) if self.program.f(*f).associative => By { f: *f, swapped: false },
            Some(Fun::Closure { f, params, body, .. }) => {
                let code = self.program.f(*f);
                let mut body = *body;
                while let ExprKind::Block(stmts, Some(e)) = &code.expr(body).kind
                    && stmts.is_empty()
                {
                    body = *e;
                }
                match params[..] {
                    [Pat::Bind(acc), _] => match self.combines(code, body, acc) {
                        Some((by, _)) => by,
                        None => return Ok(None),
                    },
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        let line = self.line_of(init, n)?;
        self.run_loop(&Index::Const(n), false, vec![], &line.mems, &mut |s, t, _| {
            let x = s.element(v, t)?;
            let x = match fun.as_deref() {
                Some(Fun::Closure { f, env, locals, params, body }) => {
                    let frame = super::Frame { f: *f, env: env.clone(), locals: locals.clone() };
                    let code = s.program.f(*f);
                    s.enter(frame, |s| {
                        s.bind(&params[1], x)?;
                        let mut body = *body;
                        while let ExprKind::Block(_, Some(e)) = &code.expr(body).kind {
                            body = *e;
                        }
                        let ExprKind::Call { args, .. } = &code.expr(body).kind else {
                            return s.internal("a call was expected");
                        };
                        s.eval(args[usize::from(!by.swapped)])
                    })?
                }
                _ => x,
            };
            s.lay(&line, &ix::add(t, &Index::Const(1)), &x)?;
            Ok(vec![])
        })?;
        self.tree(by, line).map(Some)
    }

    /// Memories for a variable's value and `n` more of its type, the value first.
    fn line(&mut self, acc: LocalId, n: i64) -> R<Line> {
        let mutable = self.code().local(acc).mutable;
        let Some(v) = self.frame.locals[acc.0 as usize].clone() else { return self.internal("no value to combine") };
        let v = self.fetch(&v, mutable)?;
        self.line_of(&v, n)
    }
    fn line_of(&mut self, first: &Val, n: i64) -> R<Line> {
        let line = self.empty(&first.ty, n + 1)?;
        self.lay(&line, &Index::Const(0), first)?;
        Ok(line)
    }
    fn empty(&mut self, ty: &Ty, len: i64) -> R<Line> {
        let mems = self.memories(ty, len)?;
        Ok(Line { ty: ty.clone(), len, mems })
    }
    /// Puts a value at a place of a line.
    fn lay(&mut self, line: &Line, at: &Index, v: &Val) -> R<()> {
        self.put_element(&line.mems, &line.ty, at, v)
    }
    /// A line as an array.
    fn all(&mut self, line: &Line) -> Val {
        let leaves = line.mems.iter().map(|m| self.whole(*m)).collect();
        Val::of(Ty::Array(Box::new(line.ty.clone()), Size::Const(line.len)), leaves)
    }
    fn combine(&mut self, by: By, earlier: Val, later: Val) -> R<Val> {
        let env = TyEnv { families: self.frame.env.families.clone(), ..TyEnv::default() };
        self.call(by.f, env, if by.swapped { vec![later, earlier] } else { vec![earlier, later] })
    }
    /// All values of a line combined: level by level, in pairs.
    fn tree(&mut self, by: By, mut line: Line) -> R<Val> {
        while line.len > 1 {
            let (pairs, odd) = (line.len / 2, line.len % 2);
            let (all, next) = (self.all(&line), self.empty(&line.ty, line.len / 2 + odd)?);
            self.run_loop(&Index::Const(pairs), false, vec![], &next.mems, &mut |s, t, _| {
                let left = ix::scale(t, 2);
                let (a, b) = (s.element(&all, &left)?, s.element(&all, &ix::add(&left, &Index::Const(1)))?);
                let both = s.combine(by, a, b)?;
                s.lay(&next, t, &both)?;
                Ok(vec![])
            })?;
            if odd == 1 {
                let x = self.element(&all, &Index::Const(line.len - 1))?;
                self.lay(&next, &Index::Const(pairs), &x)?;
            }
            line = next;
        }
        let all = self.all(&line);
        self.element(&all, &Index::Const(0))
    }
    /// Each value of a line combined with all before it.
    fn prefixes(&mut self, by: By, mut line: Line) -> R<Line> {
        let mut half = 1;
        while half < line.len {
            // The whole blocks, and what there is of the last one.
            let (blocks, over) = (line.len / (2 * half), line.len % (2 * half) - half);
            let pairs = blocks * half + over.max(0);
            let (all, next) = (self.all(&line), self.empty(&line.ty, line.len)?);
            self.run_loop(&Index::Const(line.len), false, vec![], &next.mems, &mut |s, t, _| {
                let x = s.element(&all, t)?;
                s.lay(&next, t, &x)?;
                Ok(vec![])
            })?;
            self.run_loop(&Index::Const(pairs), false, vec![], &next.mems, &mut |s, t, _| {
                let block = ix::scale(&ix::bin(IndexOp::Div, t, &Index::Const(half)), 2 * half);
                let middle = ix::add(&block, &Index::Const(half));
                let right = ix::add(&middle, &ix::bin(IndexOp::Rem, t, &Index::Const(half)));
                let left = ix::sub(&middle, &Index::Const(1));
                let (a, b) = (s.element(&all, &left)?, s.element(&all, &right)?);
                let both = s.combine(by, a, b)?;
                s.lay(&next, &right, &both)?;
                Ok(vec![])
            })?;
            line = next;
            half *= 2;
        }
        Ok(line)
    }
}

/// Memories that hold values of a type, one after another.
struct Line {
    ty: Ty,
    len: i64,
    mems: Vec<MemId>,
}

/// The position in time of iteration `t`.
fn position(t: &Index, n: i64, rev: bool) -> Index {
    if rev { ix::sub(&Index::Const(n - 1), t) } else { t.clone() }
}
