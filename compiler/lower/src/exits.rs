//! Programs without jumps: `return`, `break`, and `continue` become conditions on what follows, `while … max K` a `for`.
//!
//! Where an exit ends one side of an `if`, what follows the `if` moves into the other side, and nothing is left to decide.
//! Elsewhere a truth value tells whether the function, the loop, or the turn still runs, and what follows stands under it:
//! the live bit of a circuit, if the exit stood under a secret. Trees of `at` blocks stay as they are, and so do all numbers
//! of expressions that they are known by. Knows no labels; the reference evaluator jumps, and does not use this.

use sema::tree::*;
use sema::walk::{self, Exits, Leaves};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The program without jumps; `None` if it has none.
pub(crate) fn structured(program: &Program) -> Option<Program> {
    let mut out: Option<Program> = None;
    for (k, f) in program.fns.iter().enumerate() {
        let bounded = |e: &Expr| matches!(e.kind, ExprKind::While { max: Some(_), .. });
        let exits = Exits::of(f);
        if exits.is_none() && !f.exprs.iter().any(bounded) {
            continue;
        }
        let checked = program.checked.is_some() && !f.library;
        let mut r = Rewrite { f: f.clone(), exits, funs: vec![], checked };
        let (body, ret) = (r.f.body, r.f.ret.clone());
        r.function(body, ret);
        r.writes(body);
        out.get_or_insert_with(|| program.clone()).fns[k] = r.f;
    }
    out
}

/// Where an expression stands: what its end means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pos {
    /// The end of the function: its value is the result.
    Result,
    /// The end of a turn of a loop.
    Turn,
    Inner,
}

/// A truth value of a function or loop.
#[derive(Clone, Copy)]
struct Flag {
    local: LocalId,
    used: bool,
}

/// A loop around: whether it goes on, and whether this turn does.
struct Around {
    going: Option<Flag>,
    /// Only the function's end leaves it: it goes on as long as the function does.
    shared: bool,
    on: Option<Flag>,
}

/// A function or closure.
struct Fun {
    ret: Ty,
    live: Option<Flag>,
    value: Option<Flag>,
    loops: Vec<Around>,
}

struct Rewrite {
    f: Fn,
    exits: Option<Exits>,
    funs: Vec<Fun>,
    /// Whether a bounded `while` that would go on is a failure.
    checked: bool,
}

impl Rewrite {
    // ---- making trees ----

    fn kind(&self, id: ExprId) -> &ExprKind {
        &self.f.exprs[id.0 as usize].kind
    }
    fn push(&mut self, kind: ExprKind, ty: impl Into<Arc<Ty>>, at: ExprId) -> ExprId {
        let span = self.f.exprs[at.0 as usize].span;
        if let Some(e) = &mut self.exits {
            e.push(&kind);
        }
        self.f.exprs.push(Expr { kind, ty: ty.into(), span });
        ExprId(self.f.exprs.len() as u32 - 1)
    }
    fn take(&mut self, id: ExprId) -> ExprKind {
        std::mem::replace(&mut self.f.exprs[id.0 as usize].kind, ExprKind::Error)
    }
    fn put(&mut self, id: ExprId, kind: ExprKind) {
        self.f.exprs[id.0 as usize].kind = kind;
    }
    fn ty(&self, id: ExprId) -> Arc<Ty> {
        self.f.exprs[id.0 as usize].ty.clone()
    }
    fn local(&mut self, name: &str, ty: Ty, at: ExprId) -> LocalId {
        let span = self.f.exprs[at.0 as usize].span;
        self.f.locals.push(Local { name: name.into(), ty, mutable: true, span });
        LocalId(self.f.locals.len() as u32 - 1)
    }
    fn get(&mut self, l: LocalId, at: ExprId) -> ExprId {
        let ty = self.f.locals[l.0 as usize].ty.clone();
        self.push(ExprKind::Local(l), ty, at)
    }
    fn bool(&mut self, b: bool, at: ExprId) -> ExprId {
        self.push(ExprKind::Lit(u128::from(b)), Ty::Bool, at)
    }
    fn begin(&mut self, l: LocalId, at: ExprId) -> Stmt {
        let yes = self.bool(true, at);
        Stmt::Let(Pat::Bind(l), yes)
    }
    fn end(&mut self, l: LocalId, at: ExprId) -> Stmt {
        let value = self.bool(false, at);
        Stmt::Assign { local: l, proj: vec![], op: None, value, span: self.f.exprs[at.0 as usize].span }
    }
    fn choice(&mut self, cond: ExprId, then: ExprId, otherwise: Option<ExprId>, ty: Arc<Ty>, at: ExprId) -> ExprId {
        self.push(ExprKind::If { cond, then, otherwise, writes: [].into() }, ty, at)
    }
    /// What stands where a value of a type is never looked at.
    fn zero(&mut self, ty: &Arc<Ty>, at: ExprId) -> Option<ExprId> {
        (**ty != Ty::Unit).then(|| self.push(ExprKind::Zero, ty.clone(), at))
    }

    // ---- what is known ----

    fn leaves(&self, id: ExprId) -> Leaves {
        self.exits.as_ref().map_or(Leaves::default(), |e| e.get(id))
    }
    fn leaves_of(&self, s: &Stmt) -> Leaves {
        match s {
            Stmt::Let(_, x) | Stmt::Expr(x) | Stmt::Assign { value: x, .. } => self.leaves(*x),
        }
    }
    /// Whether control never comes out at the end.
    fn never_ends(&self, id: ExprId) -> bool {
        walk::never_ends(&self.f.exprs, id)
    }
    fn fun(&mut self) -> &mut Fun {
        self.funs.last_mut().expect("code stands in a function")
    }

    // ---- functions and loops ----

    fn function(&mut self, body: ExprId, ret: Ty) {
        let leaves = self.leaves(body).ret;
        let flag = |local| Some(Flag { local, used: false });
        let live = leaves.then(|| self.local("live", Ty::Bool, body)).and_then(flag);
        let value = (leaves && ret != Ty::Unit).then(|| self.local("result", ret.clone(), body)).and_then(flag);
        self.funs.push(Fun { ret: ret.clone(), live, value, loops: vec![] });
        self.expr(body, Pos::Result);
        let Some(fun) = self.funs.pop() else { return };
        let mut first = vec![];
        if let Some(l) = fun.live.filter(|l| l.used) {
            first.push(self.begin(l.local, body));
        }
        if let Some(v) = fun.value.filter(|v| v.used) {
            let zero = self.push(ExprKind::Zero, ret.clone(), body);
            first.push(Stmt::Let(Pat::Bind(v.local), zero));
        }
        if !first.is_empty() {
            self.wrap(body, first);
        }
    }
    /// Puts statements before an expression.
    fn wrap(&mut self, id: ExprId, first: Vec<Stmt>) {
        let (kind, ty) = (self.take(id), self.ty(id));
        let inner = self.push(kind, ty, id);
        self.put(id, ExprKind::Block(first, Some(inner)));
    }

    fn loop_at(&mut self, id: ExprId) {
        let (body, bounded) = match self.kind(id) {
            ExprKind::For { body, .. } => (*body, None),
            ExprKind::While { body, max, cond, .. } => (*body, max.map(|k| (*cond, k))),
            _ => return,
        };
        let l = self.leaves(body);
        // A condition that changes something must not be asked again once it did not hold.
        let once = bounded.is_some_and(|(cond, _)| self.assigns(cond));
        let flag = |local| Some(Flag { local, used: false });
        let shared = l.ret && !l.brk && !once;
        let going = (l.brk || once).then(|| self.local("going", Ty::Bool, id)).and_then(flag);
        let on = if l.cont { flag(self.local("on", Ty::Bool, id)) } else { None };
        self.fun().loops.push(Around { going, shared, on });
        self.expr(body, Pos::Turn);
        let Some(mut around) = self.fun().loops.pop() else { return };
        let span = self.f.exprs[id.0 as usize].span;
        let unit: Arc<Ty> = Ty::Unit.into();
        let mut turn = body;
        let goes = match around.shared {
            true => self.fun().live.filter(|l| l.used),
            false => around.going,
        };
        if let Some(on) = around.on.filter(|o| o.used) {
            let first = self.begin(on.local, id);
            turn = self.push(ExprKind::Block(vec![first, Stmt::Expr(turn)], None), unit.clone(), id);
        }
        let mut after = vec![];
        let kind = match self.take(id) {
            ExprKind::For { pat, iter, .. } => {
                if let Some(g) = goes.filter(|g| g.used) {
                    let cond = self.get(g.local, id);
                    turn = self.choice(cond, turn, None, unit, id);
                }
                ExprKind::For { pat, iter, body: turn, writes: [].into() }
            }
            ExprKind::While { cond, max: Some(max), .. } => {
                let otherwise = around.going.as_mut().filter(|_| once).map(|g| {
                    g.used = true;
                    g.local
                });
                let otherwise = otherwise.map(|g| {
                    let stop = self.end(g, id);
                    self.push(ExprKind::Block(vec![stop], None), Ty::Unit, id)
                });
                turn = self.choice(cond, turn, otherwise, unit.clone(), id);
                if let Some(g) = around.going.or(goes).filter(|g| g.used) {
                    let cond = self.get(g.local, id);
                    turn = self.choice(cond, turn, None, unit, id);
                }
                if self.checked {
                    let over = self.push(ExprKind::Unary(UnOp::Not, cond), Ty::Bool, id);
                    let what = "more turns than `max` allows".into();
                    let mut ask = self.push(ExprKind::Assert { cond: over, what }, Ty::Unit, id);
                    if let Some(g) = around.going.or(goes).filter(|g| g.used) {
                        let cond = self.get(g.local, id);
                        ask = self.choice(cond, ask, None, Ty::Unit.into(), id);
                    }
                    after.push(Stmt::Expr(ask));
                }
                let lo = self.push(ExprKind::Lit(0), Ty::Index, max);
                let iter = Iter::Range { lo, hi: max, inclusive: false, step: None, rev: false };
                ExprKind::For { pat: Pat::Wild.into(), iter: iter.into(), body: turn, writes: [].into() }
            }
            ExprKind::While { cond, max: None, .. } => {
                let mut cond = cond;
                if let Some(g) = goes.filter(|g| g.used) {
                    let go = self.get(g.local, id);
                    cond = self.push(ExprKind::Chain(go, vec![(BinOp::And, span, cond)]), Ty::Bool, id);
                }
                ExprKind::While { cond, max: None, body: turn, writes: [].into() }
            }
            other => other,
        };
        self.put(id, kind);
        let first: Vec<Stmt> = around.going.filter(|g| g.used).map(|g| self.begin(g.local, id)).into_iter().collect();
        if !first.is_empty() || !after.is_empty() {
            let (kind, ty) = (self.take(id), self.ty(id));
            let inner = self.push(kind, ty, id);
            self.put(id, ExprKind::Block([first, vec![Stmt::Expr(inner)], after].concat(), None));
        }
    }
    /// Whether something is assigned inside.
    fn assigns(&self, id: ExprId) -> bool {
        let kind = self.kind(id);
        let mut found =
            matches!(kind, ExprKind::Block(stmts, _) if stmts.iter().any(|s| matches!(s, Stmt::Assign { .. })));
        walk::children(kind, &mut |x| found |= self.assigns(x));
        found
    }

    // ---- exits ----

    /// Control leaves the turn, the loop, or the function: their truth values from the inside out.
    fn leave(&mut self, what: Leaves, at: ExprId) -> Vec<Stmt> {
        let mut ends = vec![];
        let fun = self.fun();
        if what.ret {
            ends.extend(fun.live.iter_mut());
        }
        let last = fun.loops.len();
        for (k, l) in fun.loops.iter_mut().enumerate() {
            let inner = k + 1 == last;
            if what.ret || (what.brk && inner) {
                ends.extend(l.going.iter_mut());
            }
            if what.ret || inner {
                ends.extend(l.on.iter_mut());
            }
        }
        let mut locals = vec![];
        for flag in ends {
            flag.used = true;
            locals.push(flag.local);
        }
        locals.into_iter().map(|l| self.end(l, at)).collect()
    }
    /// Whether control is still here, after something that may have left.
    fn still(&mut self, at: ExprId) -> Option<ExprId> {
        let fun = self.fun();
        let flag = match fun.loops.last_mut() {
            Some(Around { on: Some(on), .. }) => Some(on),
            Some(l) if !l.shared => l.going.as_mut(),
            _ => fun.live.as_mut(),
        }?;
        flag.used = true;
        let l = flag.local;
        Some(self.get(l, at))
    }
    /// What a value is where control has left.
    fn gone(&mut self, ty: &Arc<Ty>, pos: Pos, at: ExprId) -> Option<ExprId> {
        if pos != Pos::Result {
            return self.zero(ty, at);
        }
        let value = self.fun().value.as_mut()?;
        value.used = true;
        let l = value.local;
        Some(self.get(l, at))
    }

    /// Rewrites an expression in its place.
    fn expr(&mut self, id: ExprId, pos: Pos) {
        let l = self.leaves(id);
        match self.kind(id) {
            ExprKind::Return(x) => {
                let x = *x;
                self.take(id);
                self.return_at(id, x, pos);
            }
            ExprKind::Break => self.leave_loop(id, Leaves { brk: true, ..Leaves::default() }),
            // At the end of a turn there is nothing to leave out.
            ExprKind::Continue if pos == Pos::Turn => {
                let ty = self.ty(id);
                let value = self.zero(&ty, id);
                self.put(id, ExprKind::Block(vec![], value));
            }
            ExprKind::Continue => self.leave_loop(id, Leaves { cont: true, ..Leaves::default() }),
            ExprKind::Closure { body, .. } => {
                let body = *body;
                let ret = (*self.ty(body)).clone();
                self.function(body, ret);
            }
            ExprKind::At { .. } => {}
            ExprKind::For { .. } | ExprKind::While { .. } => {
                let mut inside = vec![];
                let body = match self.kind(id) {
                    ExprKind::For { body, .. } | ExprKind::While { body, .. } => *body,
                    _ => id,
                };
                walk::children(self.kind(id), &mut |x| inside.push(x));
                inside.into_iter().filter(|x| *x != body).for_each(|x| self.expr(x, Pos::Inner));
                self.loop_at(id);
            }
            ExprKind::Block(..) => {
                let ExprKind::Block(stmts, tail) = self.take(id) else { return };
                let ty = self.ty(id);
                let (stmts, tail) = self.sequence(stmts, tail, pos, &ty, id);
                self.put(id, ExprKind::Block(stmts, tail));
            }
            ExprKind::If { cond, then, otherwise, .. } => {
                let (cond, then, otherwise) = (*cond, *then, *otherwise);
                if self.leaves(cond).any() {
                    return self.operands_first(id, pos);
                }
                let ty = self.ty(id);
                self.expr(cond, Pos::Inner);
                let then = self.side(then, pos, &ty);
                let otherwise = otherwise.map(|o| self.side(o, pos, &ty));
                self.put(id, ExprKind::If { cond, then, otherwise, writes: [].into() });
            }
            ExprKind::Chain(first, rest)
                if l.any() && rest.iter().any(|r| matches!(r.0, BinOp::And | BinOp::Or) && self.leaves(r.2).any()) =>
            {
                // What is right of `&&` may not run at all.
                let (mut acc, rest) = (*first, rest.clone());
                for (op, _, x) in rest {
                    let settled = self.bool(op == BinOp::Or, id);
                    let (then, otherwise) = if op == BinOp::And { (x, settled) } else { (settled, x) };
                    acc = self.choice(acc, then, Some(otherwise), Ty::Bool.into(), id);
                }
                let kind = self.take(acc);
                self.put(id, kind);
                self.expr(id, pos);
            }
            _ if l.any() => self.operands_first(id, pos),
            kind => {
                let mut inside = vec![];
                walk::children(kind, &mut |x| inside.push(x));
                inside.into_iter().for_each(|x| self.expr(x, Pos::Inner));
            }
        }
    }
    /// A side of a condition: one that control leaves gives a value of the type all the same.
    fn side(&mut self, x: ExprId, pos: Pos, ty: &Arc<Ty>) -> ExprId {
        let never = self.never_ends(x);
        self.expr(x, pos);
        if !never || pos == Pos::Result {
            return x;
        }
        match self.zero(ty, x) {
            Some(zero) => self.push(ExprKind::Block(vec![Stmt::Expr(x)], Some(zero)), ty.clone(), x),
            None => x,
        }
    }
    fn return_at(&mut self, id: ExprId, x: Option<ExprId>, pos: Pos) {
        if pos == Pos::Result {
            if let Some(x) = x {
                self.expr(x, Pos::Result);
            }
            let ret = self.fun().ret.clone();
            self.f.exprs[id.0 as usize].ty = ret.into();
            self.put(id, ExprKind::Block(vec![], x));
            return;
        }
        let mut stmts = vec![];
        let local = self.fun().value.as_mut().map(|v| {
            v.used = true;
            v.local
        });
        let span = self.f.exprs[id.0 as usize].span;
        match (x, local) {
            (Some(value), Some(local)) => stmts.push(Stmt::Assign { local, proj: vec![], op: None, value, span }),
            (Some(x), None) => stmts.push(Stmt::Expr(x)),
            _ => {}
        }
        let all = Leaves { ret: true, ..Leaves::default() };
        stmts.extend(self.leave(all, id));
        let ty = self.ty(id);
        let zero = self.zero(&ty, id);
        let (stmts, tail) = self.sequence(stmts, zero, Pos::Inner, &ty, id);
        self.put(id, ExprKind::Block(stmts, tail));
    }
    fn leave_loop(&mut self, id: ExprId, what: Leaves) {
        let stmts = self.leave(what, id);
        let ty = self.ty(id);
        let value = self.zero(&ty, id);
        self.put(id, ExprKind::Block(stmts, value));
    }
    /// An operation of which an operand may leave: the operands first, each in a variable.
    fn operands_first(&mut self, id: ExprId, pos: Pos) {
        let mut kind = self.take(id);
        let mut list = vec![];
        match &mut kind {
            ExprKind::If { cond, .. } => list.push(*cond),
            other => walk::operands(other, &mut |x| list.push(*x)),
        }
        let mut stmts = vec![];
        let mut now = vec![];
        for x in list {
            if matches!(*self.ty(x), Ty::Fn(..)) {
                now.push(x);
                continue;
            }
            let ty = (*self.ty(x)).clone();
            let l = self.local("operand", ty, x);
            stmts.push(Stmt::Let(Pat::Bind(l), x));
            now.push(self.get(l, x));
        }
        let mut now = now.into_iter();
        match &mut kind {
            ExprKind::If { cond, .. } => *cond = now.next().unwrap_or(*cond),
            other => walk::operands(other, &mut |x| *x = now.next().unwrap_or(*x)),
        }
        let ty = self.ty(id);
        let tail = self.push(kind, ty.clone(), id);
        let (stmts, tail) = self.sequence(stmts, Some(tail), pos, &ty, id);
        self.put(id, ExprKind::Block(stmts, tail));
    }

    /// Statements and the value behind them.
    fn sequence(
        &mut self,
        stmts: Vec<Stmt>,
        tail: Option<ExprId>,
        pos: Pos,
        ty: &Arc<Ty>,
        at: ExprId,
    ) -> (Vec<Stmt>, Option<ExprId>) {
        let mut out = Vec::with_capacity(stmts.len());
        let mut todo: std::collections::VecDeque<Stmt> = stmts.into();
        while let Some(s) = todo.pop_front() {
            if !self.leaves_of(&s).any() {
                let (Stmt::Let(_, x) | Stmt::Expr(x) | Stmt::Assign { value: x, .. }) = &s;
                let x = *x;
                if let Stmt::Assign { proj, .. } = &s {
                    proj.iter().for_each(|p| {
                        if let Proj::Index(i) = p {
                            self.expr(*i, Pos::Inner)
                        }
                    });
                }
                self.expr(x, Pos::Inner);
                out.push(s);
                continue;
            }
            let rest = !todo.is_empty() || tail.is_some();
            if let Stmt::Expr(x) = s {
                if self.never_ends(x) || !rest {
                    // Nothing follows, or nothing of it ever runs.
                    return self.last(out, x, pos, ty, at);
                }
                if let ExprKind::If { cond, then, otherwise, .. } = *self.kind(x)
                    && !self.leaves(cond).any()
                    && (self.never_ends(then) || otherwise.is_some_and(|o| self.never_ends(o)))
                {
                    // What follows belongs to the other side.
                    let swap = !self.never_ends(then);
                    let (leaving, staying) =
                        if swap { (otherwise.unwrap_or(then), Some(then)) } else { (then, otherwise) };
                    self.expr(cond, Pos::Inner);
                    let leaving = self.side(leaving, pos, ty);
                    if let Some(s) = staying {
                        todo.push_front(Stmt::Expr(s));
                    }
                    let (stmts, tail) = self.sequence(todo.into(), tail, pos, ty, at);
                    let other = self.push(ExprKind::Block(stmts, tail), ty.clone(), at);
                    let (then, otherwise) = if swap { (other, leaving) } else { (leaving, other) };
                    self.put(x, ExprKind::If { cond, then, otherwise: Some(otherwise), writes: [].into() });
                    self.f.exprs[x.0 as usize].ty = ty.clone();
                    return (out, Some(x));
                }
            }
            match s {
                Stmt::Assign { local, proj, op, value, span } => {
                    self.expr(value, Pos::Inner);
                    let held = (*self.ty(value)).clone();
                    let held = self.local("assigned", held, value);
                    out.push(Stmt::Let(Pat::Bind(held), value));
                    let value = self.get(held, value);
                    todo.push_front(Stmt::Assign { local, proj, op, value, span });
                }
                Stmt::Let(pat, x) => {
                    self.expr(x, Pos::Inner);
                    out.push(Stmt::Let(pat, x));
                }
                Stmt::Expr(x) => {
                    self.expr(x, Pos::Inner);
                    out.push(Stmt::Expr(x));
                }
            }
            if todo.is_empty() && tail.is_none() {
                break;
            }
            let Some(still) = self.still(at) else { continue };
            let (stmts, tail) = self.sequence(todo.into(), tail, pos, ty, at);
            let then = self.push(ExprKind::Block(stmts, tail), ty.clone(), at);
            let gone = self.gone(ty, pos, at);
            let id = self.choice(still, then, gone, ty.clone(), at);
            return (out, Some(id));
        }
        if let Some(t) = tail {
            self.expr(t, pos);
        } else if pos == Pos::Result && out.iter().any(|s| self.leaves_of(s).any()) {
            // Control comes out here only by a `return` before.
            let gone = self.gone(ty, pos, at);
            return (out, gone);
        }
        (out, tail)
    }
    /// A statement behind which nothing runs.
    fn last(
        &mut self,
        mut out: Vec<Stmt>,
        x: ExprId,
        pos: Pos,
        ty: &Arc<Ty>,
        at: ExprId,
    ) -> (Vec<Stmt>, Option<ExprId>) {
        let never = self.never_ends(x);
        self.expr(x, pos);
        if pos == Pos::Result && never {
            self.f.exprs[x.0 as usize].ty = ty.clone();
            return (out, Some(x));
        }
        out.push(Stmt::Expr(x));
        let value = if pos == Pos::Result { self.gone(ty, pos, at) } else { self.zero(ty, at) };
        (out, value)
    }

    // ---- what is assigned where ----

    /// Notes at each condition and loop what it assigns of what exists before it; gives what is assigned and what is bound.
    fn writes(&mut self, id: ExprId) -> (BTreeSet<LocalId>, BTreeSet<LocalId>) {
        let (mut assigned, mut bound) = (BTreeSet::new(), BTreeSet::new());
        let mut inside = vec![];
        match self.kind(id) {
            ExprKind::At { .. } => return (assigned, bound),
            ExprKind::Block(stmts, _) => {
                for s in stmts {
                    match s {
                        Stmt::Let(p, _) => binds(p, &mut bound),
                        Stmt::Assign { local, .. } => {
                            assigned.insert(*local);
                        }
                        Stmt::Expr(_) => {}
                    }
                }
            }
            ExprKind::For { pat, .. } => binds(pat, &mut bound),
            ExprKind::Closure { params, .. } => params.iter().for_each(|p| binds(p, &mut bound)),
            _ => {}
        }
        walk::children(self.kind(id), &mut |x| inside.push(x));
        for x in inside {
            let (a, b) = self.writes(x);
            assigned.extend(a);
            bound.extend(b);
        }
        if let ExprKind::If { writes, .. } | ExprKind::For { writes, .. } | ExprKind::While { writes, .. } =
            &mut self.f.exprs[id.0 as usize].kind
        {
            *writes = assigned.difference(&bound).copied().collect();
        }
        (assigned, bound)
    }
}

fn binds(p: &Pat, out: &mut BTreeSet<LocalId>) {
    match p {
        Pat::Bind(l) => {
            out.insert(*l);
        }
        Pat::Wild => {}
        Pat::Tuple(ps) => ps.iter().for_each(|p| binds(p, out)),
    }
}
