//! Closures that a variable holds: they keep the values that there are where they are written, as any variable would.
//!
//! Each variable that such a closure reads and that is assigned somewhere is copied before it, and the closure reads the
//! copy: so all later stages agree on what it sees, whenever it is called. A closure that is an argument is called before
//! anything is assigned and stays where it is, unless an argument behind it assigns: then a variable holds it. Knows the
//! finished tree.

use super::{Body, LocalInfo};
use crate::tree::*;
use crate::walk::children;
use std::collections::BTreeMap;

impl Body<'_, '_> {
    pub(super) fn captures(&mut self) {
        (0..self.exprs.len()).for_each(|k| self.hold(k));
        for k in 0..self.exprs.len() {
            let ExprKind::Block(stmts, _) = &self.exprs[k].kind else { continue };
            let held = |s: &Stmt| matches!(s, Stmt::Let(_, x) if matches!(self.exprs[x.0 as usize].kind, ExprKind::Closure { .. }));
            if !stmts.iter().any(held) {
                continue;
            }
            let ExprKind::Block(stmts, tail) = std::mem::replace(&mut self.exprs[k].kind, ExprKind::Zero) else {
                continue;
            };
            let mut out = Vec::with_capacity(stmts.len());
            for s in stmts {
                if let Stmt::Let(_, x) = &s
                    && let ExprKind::Closure { params, body } = &self.exprs[x.0 as usize].kind
                {
                    let (params, body) = (params.clone(), *body);
                    self.copy(&params, body, &mut out);
                }
                out.push(s);
            }
            self.exprs[k].kind = ExprKind::Block(out, tail);
        }
    }

    /// Of a call with a closure and, behind it, an argument that assigns: variables hold what stands before that.
    fn hold(&mut self, k: usize) {
        let (ExprKind::Call { args, .. } | ExprKind::CallLocal(_, args) | ExprKind::Builtin(_, args)) =
            &self.exprs[k].kind
        else {
            return;
        };
        let is = |x: &ExprId| matches!(self.exprs[x.0 as usize].kind, ExprKind::Closure { .. });
        let Some(first) = args.iter().position(is) else { return };
        let Some(end) = args[first + 1..].iter().rposition(|x| self.assigns(*x)) else { return };
        let held = args[..=first + end].to_vec();
        let (mut stmts, mut locals) = (Vec::new(), Vec::new());
        for x in held {
            let Expr { ty, span, .. } = &self.exprs[x.0 as usize];
            let (ty, span) = (ty.clone(), *span);
            let l = LocalId(self.locals.len() as u32);
            self.locals.push(LocalInfo {
                name: "argument".into(),
                ty: ty.clone(),
                mutable: false,
                span,
                used: true,
                assigned: false,
                size: None,
                is_loop: false,
                family: None,
            });
            self.exprs.push(Expr { kind: ExprKind::Local(l), ty, span });
            locals.push(ExprId(self.exprs.len() as u32 - 1));
            stmts.push(Stmt::Let(Pat::Bind(l), x));
        }
        let (ty, span) = (self.exprs[k].ty.clone(), self.exprs[k].span);
        let mut kind = std::mem::replace(&mut self.exprs[k].kind, ExprKind::Zero);
        if let ExprKind::Call { args, .. } | ExprKind::CallLocal(_, args) | ExprKind::Builtin(_, args) = &mut kind {
            args[..locals.len()].copy_from_slice(&locals);
        }
        self.exprs.push(Expr { kind, ty, span });
        self.exprs[k].kind = ExprKind::Block(stmts, Some(ExprId(self.exprs.len() as u32 - 1)));
    }

    /// Whether an assignment stands in an expression.
    fn assigns(&self, x: ExprId) -> bool {
        let mut left = vec![x];
        while let Some(x) = left.pop() {
            let kind = &self.exprs[x.0 as usize].kind;
            if matches!(kind, ExprKind::Block(stmts, _) if stmts.iter().any(|s| matches!(s, Stmt::Assign { .. }))) {
                return true;
            }
            children(kind, &mut |c| left.push(c));
        }
        false
    }

    /// Declares copies of what a closure reads, and makes it read these.
    fn copy(&mut self, params: &[Pat], body: ExprId, before: &mut Vec<Stmt>) {
        let (mut inside, mut own) = (Vec::new(), Vec::new());
        params.iter().for_each(|p| binds(p, &mut own));
        let mut left = vec![body];
        while let Some(x) = left.pop() {
            let kind = &self.exprs[x.0 as usize].kind;
            bound(kind, &mut own);
            children(kind, &mut |c| left.push(c));
            inside.push(x);
        }
        let mut copies: BTreeMap<LocalId, LocalId> = BTreeMap::new();
        for x in &inside {
            for l in reads(&self.exprs[x.0 as usize].kind) {
                let LocalInfo { name, ty, mutable, assigned, span, used: _, size: _, is_loop, family } =
                    &self.locals[l.0 as usize];
                if !(*mutable && *assigned) || own.contains(&l) || copies.contains_key(&l) {
                    continue;
                }
                let copy = LocalId(self.locals.len() as u32);
                let (ty, span) = (ty.clone(), *span);
                let info = LocalInfo {
                    name: name.clone(),
                    ty: ty.clone(),
                    mutable: false,
                    span,
                    used: true,
                    assigned: false,
                    size: None,
                    is_loop: *is_loop,
                    family: *family,
                };
                self.locals.push(info);
                self.exprs.push(Expr { kind: ExprKind::Local(l), ty, span });
                before.push(Stmt::Let(Pat::Bind(copy), ExprId(self.exprs.len() as u32 - 1)));
                copies.insert(l, copy);
            }
        }
        if copies.is_empty() {
            return;
        }
        let copied = |l: &mut LocalId| *l = copies.get(l).copied().unwrap_or(*l);
        for x in inside {
            match &mut self.exprs[x.0 as usize].kind {
                ExprKind::Local(l) | ExprKind::CallLocal(l, _) => copied(l),
                ExprKind::At { reads, each, .. } => {
                    let mut new = reads.to_vec();
                    new.iter_mut().for_each(copied);
                    new.sort();
                    *reads = new.into();
                    *each = each.iter().map(|(l, own)| (copies.get(l).copied().unwrap_or(*l), *own)).collect();
                }
                _ => {}
            }
        }
    }
}

/// Variables that an expression itself reads.
fn reads(kind: &ExprKind) -> Vec<LocalId> {
    match kind {
        ExprKind::Local(l) => vec![*l],
        ExprKind::At { reads, each, .. } => reads.iter().copied().chain(each.iter().map(|(l, _)| *l)).collect(),
        _ => Vec::new(),
    }
}

/// Variables that an expression itself declares.
fn bound(kind: &ExprKind, out: &mut Vec<LocalId>) {
    match kind {
        ExprKind::Block(stmts, _) => stmts.iter().for_each(|s| {
            if let Stmt::Let(p, _) = s {
                binds(p, out);
            }
        }),
        ExprKind::For { pat, .. } => binds(pat, out),
        ExprKind::Closure { params, .. } => params.iter().for_each(|p| binds(p, out)),
        ExprKind::At { each, .. } => out.extend(each.iter().map(|(_, own)| *own)),
        _ => {}
    }
}

fn binds(p: &Pat, out: &mut Vec<LocalId>) {
    match p {
        Pat::Bind(l) => out.push(*l),
        Pat::Wild => {}
        Pat::Tuple(parts) => parts.iter().for_each(|p| binds(p, out)),
    }
}
