//! Walks over the typed tree: what an expression consists of, and by which exits control may leave it.
//!
//! Knows no types and no labels.

use crate::tree::*;

/// Calls `f` with each expression directly inside of one, in the order in which they are evaluated.
pub fn children(kind: &ExprKind, f: &mut impl FnMut(ExprId)) {
    match kind {
        ExprKind::Lit(_)
        | ExprKind::Local(_)
        | ExprKind::Size(_)
        | ExprKind::Const(_)
        | ExprKind::FnRef { .. }
        | ExprKind::Break
        | ExprKind::Continue
        | ExprKind::Zero
        | ExprKind::Error => {}
        ExprKind::FromIndex(x)
        | ExprKind::Unary(_, x)
        | ExprKind::Cast(x)
        | ExprKind::Field(x, _)
        | ExprKind::Repeat(x)
        | ExprKind::Closure { body: x, .. }
        | ExprKind::At { body: x, .. }
        | ExprKind::Assert { cond: x, .. } => f(*x),
        ExprKind::Chain(first, rest) => {
            f(*first);
            rest.iter().for_each(|r| f(r.2));
        }
        ExprKind::Call { args, .. }
        | ExprKind::CallLocal(_, args)
        | ExprKind::Builtin(_, args)
        | ExprKind::Array(args)
        | ExprKind::Tuple(args)
        | ExprKind::Struct(args) => args.iter().for_each(|x| f(*x)),
        ExprKind::Index(x, i) => {
            f(*x);
            f(*i);
        }
        ExprKind::Block(stmts, tail) => {
            for s in stmts {
                match s {
                    Stmt::Let(_, x) | Stmt::Expr(x) => f(*x),
                    Stmt::Assign { value, proj, .. } => {
                        f(*value);
                        for p in proj {
                            if let Proj::Index(i) = p {
                                f(*i);
                            }
                        }
                    }
                }
            }
            tail.iter().for_each(|x| f(*x));
        }
        ExprKind::If { cond, then, otherwise, .. } => {
            f(*cond);
            f(*then);
            otherwise.iter().for_each(|x| f(*x));
        }
        ExprKind::For { iter, body, .. } => {
            match &**iter {
                Iter::Range { lo, hi, step, .. } => {
                    [Some(*lo), Some(*hi), *step].into_iter().flatten().for_each(&mut *f)
                }
                Iter::Array(x) => f(*x),
            }
            f(*body);
        }
        ExprKind::While { cond, max, body, .. } => {
            max.iter().for_each(|x| f(*x));
            f(*cond);
            f(*body);
        }
        ExprKind::Return(x) => x.iter().for_each(|x| f(*x)),
    }
}

/// The same for operands, each of which may be replaced: of what is no statement, condition, or loop.
pub fn operands(kind: &mut ExprKind, f: &mut impl FnMut(&mut ExprId)) {
    match kind {
        ExprKind::FromIndex(x)
        | ExprKind::Unary(_, x)
        | ExprKind::Cast(x)
        | ExprKind::Field(x, _)
        | ExprKind::Repeat(x)
        | ExprKind::Assert { cond: x, .. } => f(x),
        ExprKind::Chain(first, rest) => {
            f(first);
            rest.iter_mut().for_each(|r| f(&mut r.2));
        }
        ExprKind::Call { args, .. }
        | ExprKind::CallLocal(_, args)
        | ExprKind::Builtin(_, args)
        | ExprKind::Array(args)
        | ExprKind::Tuple(args)
        | ExprKind::Struct(args) => args.iter_mut().for_each(f),
        ExprKind::Index(x, i) => {
            f(x);
            f(i);
        }
        _ => {}
    }
}

/// Whether control never comes out at the end of an expression of this arena.
pub fn never_ends(exprs: &[Expr], id: ExprId) -> bool {
    let never = |x: ExprId| never_ends(exprs, x);
    match &exprs[id.0 as usize].kind {
        ExprKind::Return(_) | ExprKind::Break | ExprKind::Continue => true,
        ExprKind::Block(stmts, tail) => {
            tail.is_some_and(never)
                || stmts.iter().any(|s| match s {
                    Stmt::Expr(x) | Stmt::Let(_, x) | Stmt::Assign { value: x, .. } => never(*x),
                })
        }
        ExprKind::If { then, otherwise: Some(o), .. } => never(*then) && never(*o),
        _ => false,
    }
}

/// By which exits control may leave something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Leaves {
    /// `return`.
    pub ret: bool,
    /// `break` of the innermost loop around.
    pub brk: bool,
    /// `continue` of it.
    pub cont: bool,
}

impl Leaves {
    /// Any of them.
    pub fn any(self) -> bool {
        self.ret || self.brk || self.cont
    }
    /// Those of two things.
    pub fn or(self, o: Leaves) -> Leaves {
        Leaves { ret: self.ret || o.ret, brk: self.brk || o.brk, cont: self.cont || o.cont }
    }
}

/// The exits of every expression of a function.
#[derive(Clone, Debug)]
pub struct Exits(Vec<Leaves>);

impl Exits {
    /// `None` for a function without any: nearly all.
    pub fn of(f: &Fn) -> Option<Exits> {
        let exit = |e: &Expr| matches!(e.kind, ExprKind::Return(_) | ExprKind::Break | ExprKind::Continue);
        if !f.exprs.iter().any(exit) {
            return None;
        }
        let mut all = Exits(vec![Leaves::default(); f.exprs.len()]);
        // Closures and constants too: whatever stands in the arena.
        let mut inside = vec![false; f.exprs.len()];
        f.exprs.iter().for_each(|e| children(&e.kind, &mut |x| inside[x.0 as usize] = true));
        for (k, _) in inside.iter().enumerate().filter(|(_, i)| !**i) {
            all.find(f, ExprId(k as u32));
        }
        Some(all)
    }
    fn find(&mut self, f: &Fn, id: ExprId) {
        let kind = &f.expr(id).kind;
        children(kind, &mut |x| self.find(f, x));
        self.0[id.0 as usize] = self.of_kind(kind);
    }
    /// Those of an expression whose parts are known.
    fn of_kind(&self, kind: &ExprKind) -> Leaves {
        let mut out = Leaves::default();
        let body = match kind {
            ExprKind::For { body, .. } | ExprKind::While { body, .. } => Some(*body),
            _ => None,
        };
        children(kind, &mut |x| {
            let mut l = self.get(x);
            if body == Some(x) {
                (l.brk, l.cont) = (false, false);
            }
            out = out.or(l);
        });
        match kind {
            ExprKind::Return(_) => out.ret = true,
            ExprKind::Break => out.brk = true,
            ExprKind::Continue => out.cont = true,
            ExprKind::Closure { .. } | ExprKind::At { .. } => out = Leaves::default(),
            _ => {}
        }
        out
    }
    /// An expression more, made of known ones.
    pub fn push(&mut self, kind: &ExprKind) {
        let l = self.of_kind(kind);
        self.0.push(l);
    }
    /// Those of an expression.
    pub fn get(&self, id: ExprId) -> Leaves {
        self.0.get(id.0 as usize).copied().unwrap_or_default()
    }
}
