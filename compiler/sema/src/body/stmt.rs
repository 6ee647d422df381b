//! Blocks, statements, patterns, places, `if`, and `for`.

use super::Body;
use crate::infer::{Clash, Default, Kind};
use crate::tree::*;
use crate::types;
use diag::{Diag, Span, codes};
use syntax::ast as a;

impl<'a> Body<'a, '_> {
    pub(super) fn block(&mut self, b: &a::Block, want: Option<&Ty>, span: Span) -> ExprId {
        let mark = self.enter();
        let mut stmts = Vec::with_capacity(b.stmts.len());
        for s in &b.stmts {
            if let Some(s) = self.stmt(s) {
                stmts.push(s);
            }
        }
        let tail = b.tail.map(|e| match want {
            Some(w) => self.check(e, w, "the value of this block"),
            None => self.expr(e, None),
        });
        self.leave(mark);
        let never = tail.is_none() && stmts.iter().any(|s| matches!(s, Stmt::Expr(x) if self.never_ends(*x)));
        let ty = match tail {
            Some(t) => self.raw(t),
            None if never => self.nothing(want),
            None => Ty::Unit,
        };
        let id = self.push(ExprKind::Block(stmts, tail), ty, span);
        if tail.is_none()
            && !never
            && let Some(w) = want
            && let Some(last) = b.stmts.last()
            && let a::StmtKind::Expr { semi: true, expr } = &last.kind
            && !matches!(self.inf.shallow(w), Ty::Unit | Ty::Error | Ty::Param(_))
        {
            // The usual slip: say it here, where the semicolon is.
            let text = self.show(w);
            let end = Span { lo: self.ast.expr(*expr).span.hi, hi: last.span.hi, ..last.span };
            let d = Diag::error(codes::E0201, format!("this block must give `{text}`, and gives nothing"))
                .at(end, "this `;` drops the value")
                .help_edit("remove it", end, "");
            self.report(d);
            self.exprs[id.0 as usize].ty = Ty::Error.into();
        }
        id
    }

    fn stmt(&mut self, s: &a::Stmt) -> Option<Stmt> {
        match &s.kind {
            a::StmtKind::Error => None,
            a::StmtKind::Let { pat, ty, init } => Some(self.let_stmt(pat, ty.as_deref(), *init)),
            a::StmtKind::Assign { place, op, value } => self.assign(*place, *op, *value, s.span),
            a::StmtKind::Expr { expr, semi } => {
                let x = if *semi {
                    self.expr(*expr, None)
                } else {
                    self.check(*expr, &Ty::Unit, "the value of a statement without `;`")
                };
                // A statement's value is dropped, so nothing need determine it.
                let t = self.ty(x);
                if self.inf.free(&t).is_some_and(|k| matches!(k, Kind::Any { .. })) {
                    self.inf.force(&t, Ty::Unit);
                }
                Some(Stmt::Expr(x))
            }
        }
    }

    fn let_stmt(&mut self, pat: &a::Pattern, ty: Option<&a::Type>, init: a::ExprId) -> Stmt {
        let (x, t) = match ty {
            Some(written) => {
                let t = types::lower(self, written);
                let what = match &pat.kind {
                    a::PatternKind::Bind { name, .. } => format!("`{}`", name.name),
                    _ => "this pattern".to_string(),
                };
                (self.check(init, &t, &what), t)
            }
            None => {
                let x = self.expr(init, None);
                let t = self.raw(x);
                (x, t)
            }
        };
        let size = match &pat.kind {
            a::PatternKind::Bind { mutable: false, .. } => self.as_size(x).filter(|s| *s != Size::Error),
            _ => None,
        };
        let p = self.pattern(pat, &t, None);
        if let (Pat::Bind(l), a::PatternKind::Bind { mutable: false, .. }) = (&p, &pat.kind) {
            self.locals[l.0 as usize].family = match self.exprs[x.0 as usize].kind {
                ExprKind::At { party, .. } | ExprKind::Builtin(Builtin::RevealTo(party), _) => Some(party),
                _ => None,
            }
            .filter(|p| self.is_family(*p));
        }
        if let (Pat::Bind(l), Some(s)) = (&p, size) {
            self.locals[l.0 as usize].size = Some(s);
        }
        Stmt::Let(p, x)
    }

    /// Binds a pattern to a type. `index_of` marks the variable of a `for` over a range.
    pub(super) fn pattern(&mut self, p: &a::Pattern, ty: &Ty, loop_var: Option<()>) -> Pat {
        let mark = self.bound.len();
        let out = self.bind(p, ty, loop_var);
        let new = &self.bound[mark..];
        if new.len() > 1 {
            let mut names: Vec<_> = new.to_vec();
            names.sort_unstable();
            if let Some(pair) = names.windows(2).find(|w| w[0] == w[1]) {
                let d = Diag::error(codes::E0105, format!("`{}` stands twice in one pattern", pair[0]));
                self.report(d.at(p.span, ""));
            }
        }
        out
    }

    fn bind(&mut self, p: &a::Pattern, ty: &Ty, loop_var: Option<()>) -> Pat {
        match &p.kind {
            a::PatternKind::Wild | a::PatternKind::Error => Pat::Wild,
            a::PatternKind::Fields { path, fields, rest } => self.bind_fields(path, fields, *rest, ty, p.span),
            // The grammar has these in arms alone.
            a::PatternKind::Variant { .. }
            | a::PatternKind::Path(_)
            | a::PatternKind::Lit(_)
            | a::PatternKind::Range { .. }
            | a::PatternKind::Or(_) => Pat::Wild,
            a::PatternKind::Bind { name, mutable } => {
                if *mutable {
                    self.accumulate(ty);
                }
                let l = self.local(name.name.clone(), ty.clone(), *mutable, name.span);
                self.muts.insert(l, Span { hi: name.span.lo, ..p.span });
                self.locals[l.0 as usize].is_loop = loop_var.is_some();
                self.see(l);
                Pat::Bind(l)
            }
            a::PatternKind::Tuple(ps) => {
                let t = self.inf.shallow(ty);
                let parts = match &t {
                    Ty::Tuple(ts) if ts.len() == ps.len() => ts.clone(),
                    Ty::Error => vec![Ty::Error; ps.len()],
                    Ty::Unit if ps.is_empty() => Vec::new(),
                    Ty::Param(_) if matches!(self.inf.free(&t), Some(Kind::Any { .. })) && ps.len() > 1 => {
                        let ts: Vec<Ty> = ps.iter().map(|_| self.inf.any()).collect();
                        let _ = self.unify(&t, &Ty::Tuple(ts.clone()), p.span, "this pattern");
                        ts
                    }
                    other => {
                        let text = self.show(other);
                        let d = Diag::error(codes::E0208, format!("a pattern of {} parts for `{text}`", ps.len()));
                        self.report(d.at(p.span, format!("this is `{text}`")));
                        vec![Ty::Error; ps.len()]
                    }
                };
                let out: Vec<Pat> = ps.iter().zip(&parts).map(|(p, t)| self.bind(p, t, loop_var)).collect();
                Pat::Tuple(out)
            }
        }
    }

    /// `let S { x, y: p, .. } = …`: a tuple's pattern, fields in their order.
    fn bind_fields(
        &mut self,
        path: &a::Path,
        fields: &[(a::Ident, a::Pattern)],
        rest: bool,
        ty: &Ty,
        span: Span,
    ) -> Pat {
        let t = self.inf.shallow(ty);
        let named = matches!(self.variant_of(path), Ok(None)).then(|| self.struct_named(path)).flatten();
        let Some(id) = named else {
            if let Ok(Some(_)) = self.variant_of(path) {
                let d = Diag::error(codes::E0218, "a pattern that does not fit every value of its enum")
                    .at(span, "here every value must fit")
                    .help("take the value apart with `match`");
                self.report(d);
            }
            fields.iter().for_each(|f| {
                self.bind(&f.1, &Ty::Error, None);
            });
            return Pat::Wild;
        };
        let parts = match &t {
            Ty::Struct(i, tys, sizes) if *i == id => {
                let of = &self.w.structs[id.0 as usize].fields;
                of.iter().map(|f| crate::infer::subst(&f.ty, tys, sizes)).collect::<Vec<_>>()
            }
            Ty::Error => return Pat::Wild,
            other => {
                let (have, want) = (self.show(other), self.w.structs[id.0 as usize].name.clone());
                let d = Diag::error(codes::E0201, format!("a pattern for `{want}`, and the value is `{have}`"));
                self.report(d.at(span, format!("expected a pattern for `{have}`")));
                fields.iter().for_each(|f| {
                    self.bind(&f.1, &Ty::Error, None);
                });
                return Pat::Wild;
            }
        };
        let mut out: Vec<Pat> = parts.iter().map(|_| Pat::Wild).collect();
        let mut seen = vec![false; parts.len()];
        for (name, q) in fields {
            match self.w.structs[id.0 as usize].fields.iter().position(|f| f.name == name.name) {
                Some(k) => {
                    if std::mem::replace(&mut seen[k], true) {
                        let d = Diag::error(codes::E0214, format!("field `{}` stands twice", name.name));
                        self.report(d.at(name.span, "again here"));
                    }
                    out[k] = self.bind(q, &parts[k], None);
                }
                None => {
                    let own = &self.w.structs[id.0 as usize].fields;
                    let d = Diag::error(codes::E0103, format!("there is no field `{}`", name.name))
                        .at(name.span, "not declared")
                        .did_you_mean(&name.name, name.span, own.iter().map(|f| &*f.name));
                    self.report(d);
                    self.bind(q, &Ty::Error, None);
                }
            }
        }
        let own = &self.w.structs[id.0 as usize].fields;
        let left: Vec<String> =
            own.iter().zip(&seen).filter(|(_, s)| !**s).map(|(f, _)| format!("`{}`", f.name)).collect();
        if !rest && !left.is_empty() {
            let d = Diag::error(codes::E0214, "a pattern that names not all fields")
                .at(span, format!("without {}", left.join(", ")))
                .help("end it with `..` to pass over the rest");
            self.report(d);
        }
        Pat::Tuple(out)
    }

    /// A mutable variable may collect what is no index: its literal's type waits longer.
    fn accumulate(&mut self, t: &Ty) {
        match self.inf.shallow(t) {
            t @ Ty::Param(_) => self.inf.raise(&t, Default::Accumulator),
            Ty::Tuple(ts) => ts.iter().for_each(|t| self.accumulate(t)),
            _ => {}
        }
    }

    // ---- assignment ----

    fn assign(&mut self, place: a::ExprId, op: Option<BinOp>, value: a::ExprId, span: Span) -> Option<Stmt> {
        let Some((local, proj, ty)) = self.place(place) else {
            self.expr(value, None);
            return None;
        };
        let what = format!("`{}`", self.locals[local.0 as usize].name);
        let what = if proj.is_empty() { what } else { format!("this part of {what}") };
        let x = match op {
            Some(o @ (BinOp::Shl | BinOp::Shr)) => {
                self.require(&ty, Class::Int, span, true, &format!("`{}=`", syntax::op_text(o)));
                self.position(value)
            }
            Some(o) => {
                let x = self.expr(value, Some(&ty));
                let x = self.operand_of_assign(x, &ty, o, &what);
                let class = match o {
                    BinOp::Add | BinOp::Sub | BinOp::Mul => Class::Num,
                    BinOp::Div => Class::Div,
                    BinOp::Rem => Class::Int,
                    _ => Class::Bits,
                };
                self.require(&ty, class, span, true, &format!("`{}=`", syntax::op_text(o)));
                x
            }
            None => self.check(value, &ty, &what),
        };
        Some(Stmt::Assign { local, proj, op, value: x, span })
    }

    fn operand_of_assign(&mut self, x: ExprId, ty: &Ty, op: BinOp, what: &str) -> ExprId {
        let (have, want) = (self.ty(x), self.inf.shallow(ty));
        let scalar = matches!(have, Ty::Int { .. } | Ty::Fixed(_) | Ty::Index | Ty::Param(_) | Ty::Bool);
        if matches!(want, Ty::Array(..)) && scalar {
            let span = self.span(x);
            let o = syntax::op_text(op);
            let d = Diag::error(codes::E0206, format!("an array and a single value in `{o}=`"))
                .at(span, "a single value")
                .help(format!("use a loop, or `xs.map(|x| x {o} …)`"));
            return self.wrong(d, span);
        }
        self.coerce(x, ty, what)
    }

    /// A place: its variable, the way into it, its type.
    fn place(&mut self, e: a::ExprId) -> Option<(LocalId, Vec<Proj>, Ty)> {
        // From the outside in, then back: no recursion.
        let ast: &'a a::Module = self.ast;
        let mut steps = Vec::new();
        let mut at = e;
        let root = loop {
            match &ast.expr(at).kind {
                a::ExprKind::Paren(x) => at = *x,
                a::ExprKind::Field { expr, .. }
                | a::ExprKind::TupleField { expr, .. }
                | a::ExprKind::Index { expr, .. } => {
                    steps.push(at);
                    at = *expr;
                }
                a::ExprKind::Error => return None,
                a::ExprKind::Path { path, args } if args.is_empty() => break path,
                _ => {
                    let d = Diag::error(codes::E0211, "this cannot be assigned to");
                    self.report(d.at(ast.expr(at).span, "no variable, and no part of one"));
                    return None;
                }
            }
        };
        let local = match self.named(root) {
            super::expr::Named::Local(l) => l,
            super::expr::Named::Broken => return None,
            _ => {
                let d = Diag::error(codes::E0211, format!("`{}` cannot be assigned to", types::text(root)));
                self.report(d.at(root.span, "not a variable"));
                return None;
            }
        };
        self.assigned(local, root.span);
        let mut ty = (*self.locals[local.0 as usize].ty).clone();
        let mut proj = Vec::new();
        for s in steps.into_iter().rev() {
            let t = self.inf.shallow(&ty);
            match &ast.expr(s).kind {
                a::ExprKind::Field { name, .. } => {
                    let (k, u) = self.field_of(&t, name)?;
                    proj.push(Proj::Field(k));
                    ty = u;
                }
                a::ExprKind::TupleField { index, index_span, .. } => {
                    ty = self.part_of(&t, *index, *index_span)?;
                    proj.push(Proj::Field(*index));
                }
                a::ExprKind::Index { expr, index } => {
                    let i = self.staying("the index of what is assigned", |s| s.position(*index));
                    ty = self.element_of(&t, ast.expr(*expr).span)?;
                    self.bounds(&t, i);
                    proj.push(Proj::Index(i));
                }
                _ => return None,
            }
        }
        Some((local, proj, ty))
    }

    fn assigned(&mut self, l: LocalId, span: Span) {
        let info = &mut self.locals[l.0 as usize];
        info.assigned = true;
        let (mutable, name, at) = (info.mutable, info.name.clone(), info.span);
        if !mutable {
            // Once for each variable.
            info.mutable = true;
            let mut d = Diag::error(codes::E0210, format!("`{name}` cannot be assigned: it is not `mut`"))
                .at(span, "assigned here")
                .also(at, "declared here");
            if &*name != "_" {
                d = d.help_edit("declare it as mutable", at.before(), "mut ");
            }
            self.report(d);
        }
        if let Some(b) = self.barriers.last()
            && l.0 < b.watermark
        {
            let word = b.word;
            let d = Diag::error(codes::E0211, format!("{word} cannot assign `{name}`, which lives outside"))
                .at(span, "assigned here")
                .also(at, "declared here")
                .note("what it uses of the outside is copied into it; give the new value as its result instead");
            self.report(d);
        }
        if let Some(w) = self.writes.last_mut() {
            w.push(l);
        }
    }

    // ---- control ----

    pub(super) fn if_expr(
        &mut self,
        cond: a::ExprId,
        then: a::ExprId,
        otherwise: Option<a::ExprId>,
        want: Option<&Ty>,
        span: Span,
    ) -> ExprId {
        let c = self.check(cond, &Ty::Bool, "a condition");
        let Some(otherwise) = otherwise else {
            let (t, writes) = self.writing(|s| s.expr(then, None));
            let mut ty = self.ty(t);
            if self.never_ends(t) && self.inf.free(&ty).is_some() {
                self.inf.force(&ty, Ty::Unit);
                ty = Ty::Unit;
            }
            if !matches!(ty, Ty::Unit | Ty::Error) {
                let text = self.show(&ty);
                let d = Diag::error(codes::E0201, "an `if` without `else` gives nothing")
                    .at(self.span(t), format!("this gives `{text}`"))
                    .help("add `else { … }`, or end the block with `;`");
                return self.wrong(d, span);
            }
            return self.push(ExprKind::If { cond: c, then: t, otherwise: None, writes }, Ty::Unit, span);
        };
        let want = want.cloned();
        let ((t, o), writes) = self.writing(|s| match &want {
            Some(w) => {
                let t = s.check(then, w, "the value of this branch");
                (t, s.check(otherwise, w, "the value of this branch"))
            }
            None => {
                let t = s.expr(then, None);
                (t, s.expr(otherwise, None))
            }
        });
        let (t, o, ty) = if let Some(w) = want {
            (t, o, w)
        } else {
            let mut both = [t, o];
            let (x, y) = (self.ty(t), self.ty(o));
            let ty = if x == Ty::Error || y == Ty::Error {
                Ty::Error
            } else if self.never_ends(t) {
                y
            } else if self.never_ends(o) {
                x
            } else if x == Ty::Index || y == Ty::Index {
                self.join(&mut both, "the two branches")
            } else if let Err(clash) = self.unify(&y, &x, self.span(o), "the two branches") {
                self.branches_differ(t, o, clash);
                Ty::Error
            } else {
                x
            };
            (both[0], both[1], ty)
        };
        self.push(ExprKind::If { cond: c, then: t, otherwise: Some(o), writes }, ty, span)
    }

    fn branches_differ(&mut self, t: ExprId, o: ExprId, clash: Clash) {
        let (x, y) = (self.ty(t), self.ty(o));
        let (xs, ys) = (self.show(&x), self.show(&y));
        let code = if matches!(clash, Clash::Sizes(..)) { codes::E0205 } else { codes::E0201 };
        let d = Diag::error(code, format!("the branches give `{xs}` and `{ys}`"))
            .at(self.span(o), format!("this gives `{ys}`"))
            .also(self.span(t), format!("this gives `{xs}`"));
        let d = self.help_cast(d, o, &y, &x);
        self.report(d);
    }

    pub(super) fn for_expr(&mut self, pat: &a::Pattern, iter: a::ExprId, body: a::ExprId, span: Span) -> ExprId {
        let range = self.staying("the bounds of a loop", |s| s.range(iter));
        let (it, elem) = match range {
            Some(r) => (r, Ty::Index),
            None => {
                let x = self.staying("what a loop runs over", |s| s.elements(iter));
                let t = self.known(x, "a loop over it");
                match t {
                    Ty::Array(e, _) => (Iter::Array(x), *e),
                    Ty::Error => (Iter::Array(x), Ty::Error),
                    t => {
                        let text = self.show(&t);
                        let at = self.span(x);
                        let mut d = Diag::error(codes::E0213, format!("a loop over `{text}`"))
                            .at(at, "neither a range nor an array");
                        if matches!(t, Ty::Int { .. } | Ty::Index | Ty::Param(_)) {
                            d = d.help_edit("count up to it", at.before(), "0..");
                        }
                        self.report(d);
                        (Iter::Array(x), Ty::Error)
                    }
                }
            }
        };
        let is_range = matches!(it, Iter::Range { .. });
        let ((pat, x), writes) = self.writing(|s| {
            let mark = s.enter();
            let p = s.pattern(pat, &elem, is_range.then_some(()));
            let x = s.in_loop(|s| s.check(body, &Ty::Unit, "the body of a loop"));
            s.leave(mark);
            (p, x)
        });
        self.push(ExprKind::For { pat: Box::new(pat), iter: Box::new(it), body: x, writes }, Ty::Unit, span)
    }

    pub(super) fn while_expr(
        &mut self,
        cond: a::ExprId,
        max: Option<a::ExprId>,
        body: a::ExprId,
        span: Span,
    ) -> ExprId {
        let max = max.map(|k| self.staying("the bound of a `while`", |s| s.index_of(k)));
        let ((c, x), writes) = self.writing(|s| {
            let c = s.staying("the condition of a `while`", |s| s.check(cond, &Ty::Bool, "a condition"));
            (c, s.in_loop(|s| s.check(body, &Ty::Unit, "the body of a loop")))
        });
        self.push(ExprKind::While { cond: c, max, body: x, writes }, Ty::Unit, span)
    }

    /// `(lo..hi).step_by(k).rev()`, if that is what stands there.
    fn range(&mut self, e: a::ExprId) -> Option<Iter> {
        let ast: &'a a::Module = self.ast;
        let mut at = e;
        let (mut rev, mut step, mut wrong) = (false, None, None);
        let (lo, hi, inclusive) = loop {
            let x = ast.expr(at);
            match &x.kind {
                a::ExprKind::Paren(y) => at = *y,
                a::ExprKind::Range { lo, hi, inclusive } => break (*lo, *hi, *inclusive),
                a::ExprKind::Method { recv, name, args, .. } => {
                    match (&*name.name, &args[..]) {
                        ("rev", []) if step.is_some() => wrong = wrong.or(Some(name.span)),
                        ("rev", []) => rev = !rev,
                        ("step_by", [k]) if step.is_none() => step = Some(*k),
                        ("step_by", [_]) => wrong = wrong.or(Some(name.span)),
                        _ => return None,
                    }
                    at = *recv;
                }
                _ => return None,
            }
        };
        if let Some(s) = wrong {
            let d = Diag::error(codes::E0018, "this order of `step_by` and `rev` is not in the language yet")
                .at(s, "")
                .help("write `(lo..hi).step_by(k).rev()`: the same numbers as without `rev`, from the last");
            self.report(d);
        }
        let (lo, hi) = (self.index_of(lo), self.index_of(hi));
        let step = step.map(|k| {
            let k = self.index_of(k);
            if let Some(Size::Const(c)) = self.as_size(k)
                && c <= 0
            {
                let span = self.span(k);
                let d = Diag::error(codes::E0204, format!("a step of {c}"));
                self.report(d.at(span, "a step is at least 1"));
            }
            k
        });
        Some(Iter::Range { lo, hi, inclusive, step, rev })
    }
}
