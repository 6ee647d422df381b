//! Calls: of functions with their generics, of parameters, and of the functions that every program has.

use super::Body;
use super::expr::Named;
use crate::infer::{Default, subst};
use crate::tree::*;
use crate::types;
use crate::world::{Gen, World};
use diag::{Diag, Span, codes};
use syntax::ast as a;

impl<'a> Body<'a, '_> {
    /// Fresh variables for the generics of a function, or what the turbofish says.
    pub(super) fn instantiate(&mut self, f: FnId, args: &[a::GenericArg], span: Span) -> Option<(Vec<Ty>, Vec<Size>)> {
        let w: &'a World<'a> = self.w;
        if w.main == Some(f) {
            let d = Diag::error(codes::E0109, "`main` cannot be called: its parameters come from the parties");
            self.report(d.at(span, "called here").help("move what is needed into another function"));
            return None;
        }
        let sig = &w.sigs[f.0 as usize];
        if !args.is_empty() && args.len() != sig.gens.len() {
            let d = Diag::error(
                codes::E0208,
                format!(
                    "`{}` takes {} generic {}, here are {}",
                    w.fns[f.0 as usize].decl.name.name,
                    sig.gens.len(),
                    if sig.gens.len() == 1 { "argument" } else { "arguments" },
                    args.len()
                ),
            );
            self.report(d.at(span, "").also(w.fns[f.0 as usize].decl.name.span, "declared here"));
        }
        let (mut tys, mut sizes) = (Vec::new(), Vec::new());
        for (i, (name, g)) in sig.gens.iter().enumerate() {
            let arg = args.get(i).filter(|x| !hole(x));
            match g {
                Gen::Ty(_, c) => {
                    let t = match arg {
                        Some(x) => types::type_arg(self, x),
                        None => self.inf.stored(),
                    };
                    if *c != Class::Any {
                        self.require(&t, *c, span, false, &format!("type parameter `{name}` of this function"));
                    }
                    tys.push(t);
                }
                Gen::Size(_) => sizes.push(match arg {
                    Some(x) => types::size_arg(self, x),
                    None => self.inf.fresh_size(),
                }),
            }
        }
        Some((tys, sizes))
    }

    pub(super) fn call(&mut self, callee: a::ExprId, args: &[a::ExprId], want: Option<&Ty>, span: Span) -> ExprId {
        let ast: &'a a::Module = self.ast;
        let c = ast.expr(callee);
        let a::ExprKind::Path { path, args: generics } = &c.kind else {
            let x = self.expr(callee, None);
            self.args_only(args);
            let t = self.ty(x);
            if t == Ty::Error {
                return self.error(span);
            }
            let text = self.show(&t);
            let d = Diag::error(codes::E0213, format!("`{text}` cannot be called"));
            return self.wrong(d.at(c.span, "not a function"), span);
        };
        match self.named(path) {
            Named::Local(l) => self.call_local(l, args, c.span, span),
            Named::Fn(f) => {
                let Some((tys, sizes)) = self.instantiate(f, generics, c.span) else {
                    self.args_only(args);
                    return self.error(span);
                };
                self.call_fn(f, tys, sizes, None, args, span)
            }
            Named::Variant(id, k) => self.tuple_variant(id, k, args, want, span),
            Named::Builtin(b) => self.builtin(b, args, want, c.span, span),
            Named::Broken => {
                self.args_only(args);
                self.error(span)
            }
            Named::Size(_) | Named::Const(_) => {
                self.args_only(args);
                let d = Diag::error(codes::E0213, format!("`{}` cannot be called", types::text(path)));
                self.wrong(d.at(c.span, "not a function"), span)
            }
            Named::Other(word) => {
                self.args_only(args);
                let d = Diag::error(codes::E0213, format!("`{}` is {word}, and cannot be called", types::text(path)));
                self.wrong(d.at(c.span, "not a function"), span)
            }
        }
    }

    /// Checks arguments of a call that has failed, for what is wrong in themselves.
    fn args_only(&mut self, args: &[a::ExprId]) {
        for e in args {
            if !matches!(self.ast.expr(*e).kind, a::ExprKind::Closure { .. }) {
                self.expr(*e, None);
            }
        }
    }

    /// A call of a function of the program; `recv` is the receiver of a method.
    pub(super) fn call_fn(
        &mut self,
        f: FnId,
        tys: Vec<Ty>,
        sizes: Vec<Size>,
        recv: Option<ExprId>,
        args: &[a::ExprId],
        span: Span,
    ) -> ExprId {
        let w: &'a World<'a> = self.w;
        let sig = &w.sigs[f.0 as usize];
        let decl = &w.fns[f.0 as usize].decl;
        let skip = usize::from(recv.is_some());
        let ret = subst(&sig.ret, &tys, &sizes);
        if args.len() + skip != sig.params.len() {
            self.args_only(args);
            let n = sig.params.len().saturating_sub(skip);
            let d = Diag::error(
                codes::E0208,
                format!(
                    "`{}` takes {n} {}, here are {}",
                    decl.name.name,
                    if n == 1 { "argument" } else { "arguments" },
                    args.len()
                ),
            );
            self.report(d.at(span, "").also(decl.name.span, "declared here"));
            return self.push(ExprKind::Error, ret, span);
        }
        let params: Vec<Ty> = sig.params.iter().map(|p| subst(&p.ty, &tys, &sizes)).collect();
        let mut out: Vec<Option<ExprId>> = vec![None; params.len()];
        if let Some(r) = recv {
            out[0] = Some(self.coerce(r, &params[0], "the receiver"));
        }
        // Closures last: by then the other arguments have told what they are called with.
        for late in [false, true] {
            for (i, e) in args.iter().enumerate() {
                let is_fn = matches!(sig.params[i + skip].ty, Ty::Fn(..));
                if is_fn == late {
                    let what = match &decl.params[i + skip].pat.kind {
                        a::PatternKind::Bind { name, .. } => format!("argument `{}`", name.name),
                        _ => format!("argument {}", i + 1),
                    };
                    out[i + skip] = Some(self.check(*e, &params[i + skip], &what));
                }
            }
        }
        let args = out.into_iter().flatten().collect();
        let generics = Box::new(Generics { tys, sizes });
        self.push(ExprKind::Call { f, generics, args }, ret, span)
    }

    fn call_local(&mut self, l: LocalId, args: &[a::ExprId], callee: Span, span: Span) -> ExprId {
        self.read(l);
        let t = self.locals[l.0 as usize].ty.clone();
        match self.inf.shallow(&t) {
            Ty::Fn(ps, r) => {
                if ps.len() != args.len() {
                    self.args_only(args);
                    let d = Diag::error(
                        codes::E0208,
                        format!(
                            "this function takes {} {}, here are {}",
                            ps.len(),
                            if ps.len() == 1 { "argument" } else { "arguments" },
                            args.len()
                        ),
                    );
                    self.report(d.at(span, ""));
                    return self.push(ExprKind::Error, *r, span);
                }
                let xs = args.iter().zip(&ps).map(|(e, t)| self.check(*e, t, "this argument")).collect();
                self.push(ExprKind::CallLocal(l, xs), *r, span)
            }
            t => {
                self.args_only(args);
                if t == Ty::Error {
                    return self.error(span);
                }
                let text = self.show(&t);
                let d = Diag::error(codes::E0213, format!("`{text}` cannot be called"));
                self.wrong(d.at(callee, "not a function"), span)
            }
        }
    }

    fn arity(&mut self, name: &str, args: &[a::ExprId], n: std::ops::RangeInclusive<usize>, span: Span) -> bool {
        if n.contains(&args.len()) {
            return true;
        }
        self.args_only(args);
        let count = *n.start();
        let d = Diag::error(
            codes::E0208,
            format!(
                "`{name}` takes {count} {}, here are {}",
                if count == 1 { "argument" } else { "arguments" },
                args.len()
            ),
        );
        self.report(d.at(span, ""));
        false
    }

    fn builtin(
        &mut self,
        name: &'static str,
        args: &[a::ExprId],
        want: Option<&Ty>,
        callee: Span,
        span: Span,
    ) -> ExprId {
        match name {
            "reveal" | "open_masked" => {
                if !self.arity(name, args, 1..=1, span) {
                    return self.error(span);
                }
                let masked = name == "open_masked";
                let library = self.w.mods[self.module].library || (self.w.library_root && self.module == 0);
                if masked && !library {
                    let d = Diag::error(codes::E0317, "`open_masked` is the library's alone")
                        .at(callee, "outside of the library")
                        .help_edit("what is opened is opened by", callee, "reveal");
                    self.args_only(args);
                    return self.wrong(d, span);
                }
                let x = self.expr(args[0], want);
                let t = self.raw(x);
                self.not_a_function(x, span);
                let b = if masked { Builtin::OpenMasked } else { Builtin::Reveal };
                self.push(ExprKind::Builtin(b, vec![x]), t, span)
            }
            "reveal_to" => self.reveal_to(args, want, span),
            "wide_mul" => {
                if !self.arity(name, args, 2..=2, span) {
                    return self.error(span);
                }
                let mut xs = [self.expr(args[0], None), self.expr(args[1], None)];
                let t = self.join(&mut xs, "`wide_mul`");
                self.require(&t, Class::Num, span, true, "`wide_mul`");
                self.push(ExprKind::Builtin(Builtin::WideMul, xs.to_vec()), t, span)
            }
            "to_bits" => {
                if !self.arity(name, args, 1..=1, span) {
                    return self.error(span);
                }
                let x = self.expr(args[0], None);
                let word = Ty::Int { signed: true, bits: 64 };
                match self.ty(x) {
                    Ty::Fixed(_) => self.push(ExprKind::Builtin(Builtin::ToBits, vec![x]), word, span),
                    Ty::Error => self.error(span),
                    t if self.inf.free(&t) == Some(crate::infer::Kind::Frac) => {
                        self.inf.force(&t, Ty::Fixed(16));
                        self.push(ExprKind::Builtin(Builtin::ToBits, vec![x]), word, span)
                    }
                    t => {
                        let text = self.show(&t);
                        let d = Diag::error(codes::E0203, format!("`to_bits` does not work on `{text}`"));
                        self.wrong(d.at(self.span(x), "a `fixed` number is expected"), span)
                    }
                }
            }
            "from_bits" => {
                if !self.arity(name, args, 1..=1, span) {
                    return self.error(span);
                }
                let x = self.check(args[0], &Ty::Int { signed: true, bits: 64 }, "the argument of `from_bits`");
                let t = match want.map(|t| self.inf.shallow(t)) {
                    Some(t @ Ty::Fixed(_)) => t,
                    _ => self.inf.fresh(crate::infer::Kind::Frac),
                };
                self.push(ExprKind::Builtin(Builtin::FromBits, vec![x]), t, span)
            }
            "random" => {
                if !self.arity(name, args, 0..=0, span) {
                    return self.error(span);
                }
                let t = match want.map(|t| self.inf.shallow(t)) {
                    Some(t @ (Ty::Bool | Ty::Int { .. } | Ty::Param(_))) => t,
                    _ => self.inf.stored(),
                };
                self.require(&t, Class::Bits, span, true, "`random`");
                self.push(ExprKind::Builtin(Builtin::Random, vec![]), t, span)
            }
            "narrow" => {
                if !self.arity(name, args, 1..=1, span) {
                    return self.error(span);
                }
                let x = self.expr(args[0], want);
                let t = self.raw(x);
                self.require(&t, Class::Num, span, true, "`narrow`");
                self.push(ExprKind::Builtin(Builtin::Narrow, vec![x]), t, span)
            }
            "min" | "max" => {
                if let ([one], false) = (args, args.len() == 2) {
                    let at = self.ast.expr(*one).span;
                    let d = Diag::error(codes::E0208, format!("`{name}` takes 2 arguments, here is 1"))
                        .at(span, "")
                        .help_edits(
                            format!("of an array it is a method: `xs.{name}()`"),
                            vec![
                                diag::Edit { span: callee.to(at.before()), replacement: String::new() },
                                diag::Edit { span: at.after().to(span.after()), replacement: format!(".{name}()") },
                            ],
                        );
                    return self.wrong(d, span);
                }
                if !self.arity(name, args, 2..=2, span) {
                    return self.error(span);
                }
                let (x, y) = (self.expr(args[0], None), self.expr(args[1], None));
                self.extreme(name, x, y, span)
            }
            "assert" => {
                if !self.arity(name, args, 1..=2, span) {
                    return self.error(span);
                }
                let c = self.check(args[0], &Ty::Bool, "the condition of `assert`");
                let what = self.message(args.get(1), "assertion failed");
                self.push(ExprKind::Assert { cond: c, what }, Ty::Unit, span)
            }
            _ => {
                if !self.arity(name, args, 2..=3, span) {
                    return self.error(span);
                }
                let mut xs = [self.expr(args[0], None), self.expr(args[1], None)];
                let t = self.join(&mut xs, "`assert_eq`");
                let what = self.message(args.get(2), "the two sides are not equal");
                if t == Ty::Error {
                    return self.push(ExprKind::Error, Ty::Unit, span);
                }
                self.require(&t, Class::Eq, span, true, "`assert_eq`");
                let cond = self.equal(xs[0], xs[1], &t, span);
                self.push(ExprKind::Assert { cond, what }, Ty::Unit, span)
            }
        }
    }

    /// One bool that says whether two values of type `t` are equal.
    fn equal(&mut self, x: ExprId, y: ExprId, t: &Ty, span: Span) -> ExprId {
        let mut shape = Ty::Bool;
        let mut sizes = Vec::new();
        let mut at = self.inf.shallow(t);
        while let Ty::Array(inner, n) = at {
            sizes.push(n);
            at = self.inf.shallow(&inner);
        }
        for n in sizes.into_iter().rev() {
            shape = Ty::Array(Box::new(shape), n);
        }
        let e = self.push(ExprKind::Chain(x, vec![(BinOp::Eq, span, y)]), shape, span);
        self.all(e, span)
    }

    /// All bools of an array of any depth.
    fn all(&mut self, e: ExprId, span: Span) -> ExprId {
        match self.raw(e) {
            Ty::Array(inner, _) if *inner == Ty::Bool => {
                self.push(ExprKind::Builtin(Builtin::All, vec![e]), Ty::Bool, span)
            }
            Ty::Array(inner, n) => {
                let l = self.local(std::sync::Arc::from("row"), (*inner).clone(), false, span);
                self.locals[l.0 as usize].used = true;
                let row = self.push(ExprKind::Local(l), (*inner).clone(), span);
                let body = self.all(row, span);
                let f = Ty::Fn(vec![*inner], Box::new(Ty::Bool));
                let c = self.push(ExprKind::Closure { params: vec![Pat::Bind(l)], body }, f, span);
                let t = Ty::Array(Box::new(Ty::Bool), n);
                let m = self.push(ExprKind::Builtin(Builtin::Map, vec![e, c]), t, span);
                self.push(ExprKind::Builtin(Builtin::All, vec![m]), Ty::Bool, span)
            }
            _ => e,
        }
    }

    fn message(&mut self, e: Option<&a::ExprId>, or: &str) -> std::sync::Arc<str> {
        let Some(e) = e else { return or.into() };
        let x = self.ast.expr(*e);
        if let a::ExprKind::Str(s) = &x.kind {
            return s.clone();
        }
        let d = Diag::error(codes::E0201, "the message of an assertion is a string");
        self.report(d.at(x.span, "expected `\"…\"`"));
        or.into()
    }

    /// `min` or `max` of two values.
    pub(super) fn extreme(&mut self, name: &str, x: ExprId, y: ExprId, span: Span) -> ExprId {
        let mut xs = [x, y];
        let t = self.join(&mut xs, &format!("`{name}`"));
        if t == Ty::Error {
            return self.error(span);
        }
        self.require(&t, Class::Ord, span, true, &format!("`{name}`"));
        let b = if name == "min" { Builtin::Min } else { Builtin::Max };
        self.push(ExprKind::Builtin(b, xs.to_vec()), t, span)
    }

    fn not_a_function(&mut self, x: ExprId, span: Span) {
        if let Ty::Fn(..) = self.ty(x) {
            let d = Diag::error(codes::E0213, "a function cannot be revealed");
            self.report(d.at(span, "this is a function"));
        }
    }

    fn reveal_to(&mut self, args: &[a::ExprId], want: Option<&Ty>, span: Span) -> ExprId {
        if !self.arity("reveal_to", args, 2..=2, span) {
            return self.error(span);
        }
        let ast: &'a a::Module = self.ast;
        let first = ast.expr(args[0]);
        let party = match &first.kind {
            a::ExprKind::Path { path, .. } if path.parts.len() == 1 => {
                self.w.party(self.module, &path.parts[0], self.diags)
            }
            a::ExprKind::Error => None,
            _ => {
                let d = Diag::error(codes::E0104, "the first argument of `reveal_to` is a party");
                self.report(d.at(first.span, "not a party"));
                None
            }
        };
        let x = match party {
            Some(p) if self.w.parties[p.0 as usize].family.is_some() => {
                let elem = self.inf.stored();
                let t = Ty::Array(Box::new(elem), World::family_size(p));
                self.check(args[1], &t, "what a family learns")
            }
            _ => self.expr(args[1], want),
        };
        self.not_a_function(x, span);
        let t = self.raw(x);
        match party {
            Some(p) => self.push(ExprKind::Builtin(Builtin::RevealTo(p), vec![x]), t, span),
            None => self.push(ExprKind::Error, t, span),
        }
    }

    /// A `u64` that takes the integer type that its context asks for.
    pub(super) fn soft_u64(&mut self, kind: ExprKind, span: Span) -> ExprId {
        let u64 = Ty::Int { signed: false, bits: 64 };
        let x = self.push(kind, u64, span);
        let v = self.inf.int(Default::U64);
        let y = self.push(ExprKind::Cast(x), v, span);
        self.soft.push(y);
        y
    }
}

/// `_` as a generic argument: infer it.
fn hole(x: &a::GenericArg) -> bool {
    matches!(x, a::GenericArg::Type(a::Type { kind: a::TypeKind::Path { path, .. }, .. })
        if path.parts.len() == 1 && &*path.parts[0].name == "_")
}
