//! Expressions by kind. Operators, calls, and methods are next door.

use super::{Body, exit};
use crate::infer::{Default, Kind, MAX_TYPE, subst, weight};
use crate::tree::*;
use crate::types;
use crate::world::{Def, Gen, World};
use diag::{Diag, Span, codes};
use syntax::ast as a;

/// What a path in an expression means.
pub(super) enum Named {
    Local(LocalId),
    Size(Size),
    Fn(FnId),
    Const(ConstId),
    Variant(StructId, usize),
    Builtin(&'static str),
    Broken,
    Other(&'static str),
}

/// Functions that every program has.
pub const BUILTINS: [&str; 11] = [
    "reveal",
    "reveal_to",
    "min",
    "max",
    "assert",
    "assert_eq",
    "wide_mul",
    "narrow",
    "to_bits",
    "from_bits",
    "random",
];

impl<'a> Body<'a, '_> {
    /// An expression. `want` is what the context hopes for: literals, closures, and parts of aggregates follow it; the
    /// caller still has to [`Body::coerce`].
    pub(super) fn expr(&mut self, e: a::ExprId, want: Option<&Ty>) -> ExprId {
        // The arena outlives the checker, so that this borrow is not of `self`.
        let ast: &'a a::Module = self.ast;
        let x = ast.expr(e);
        let span = x.span;
        // Each arm is a call, so that the frame of this function stays small: it recurses.
        match &x.kind {
            a::ExprKind::Error => self.error(span),
            a::ExprKind::Circuit { .. } => self.circuit(e, span),
            a::ExprKind::Paren(e) => self.expr(*e, want),
            a::ExprKind::Int { value, overflow, suffix } => {
                self.int(*value, *overflow, suffix.as_deref(), false, want, span)
            }
            a::ExprKind::Bool(b) => self.push(ExprKind::Lit(u128::from(*b)), Ty::Bool, span),
            a::ExprKind::Decimal(text) => self.decimal(types::plain(text), want, span),
            a::ExprKind::Str(text) => self.push(ExprKind::Lit(strings::number(text)), Ty::Str, span),
            a::ExprKind::Path { path, args } => self.path_expr(path, args, want, span),
            a::ExprKind::Unary { op, expr } => self.unary(*op, *expr, want, span),
            a::ExprKind::Chain { first, rest } => self.chain(*first, rest, want, span),
            a::ExprKind::Cast { expr, ty } => self.cast(*expr, ty, span),
            a::ExprKind::Range { .. } => self.lone_range(span),
            a::ExprKind::Call { callee, args } => self.call(*callee, args, want, span),
            a::ExprKind::Method { recv, name, generics, args } => self.method(*recv, name, generics, args, span),
            a::ExprKind::Field { expr, name } => self.field(*expr, name, span),
            a::ExprKind::TupleField { expr, index, index_span } => self.tuple_field(*expr, *index, *index_span, span),
            a::ExprKind::Index { expr, index } => self.index(*expr, *index, span),
            a::ExprKind::Array(items) => self.array(items, want, span),
            a::ExprKind::Repeat { value, len } => self.repeat(*value, *len, want, span),
            a::ExprKind::Tuple(items) => self.tuple(items, want, span),
            a::ExprKind::Struct { path, fields } => self.struct_lit(path, fields, want, span),
            a::ExprKind::Closure { params, body } => self.closure(params, *body, want, span),
            a::ExprKind::Block(b) => self.block(b, want, span),
            a::ExprKind::If { cond, then, otherwise } => self.if_expr(*cond, *then, *otherwise, want, span),
            a::ExprKind::Match { scrutinee, arms } => self.match_expr(*scrutinee, arms, want, span),
            a::ExprKind::For { pat, iter, body } => self.for_expr(pat, *iter, *body, span),
            a::ExprKind::While { cond, max, body } => self.while_expr(*cond, *max, *body, span),
            a::ExprKind::At { party, body } => self.at_expr(party, *body, want, span),
            a::ExprKind::Return(x) => self.return_expr(*x, want, span),
            a::ExprKind::Break => self.leave_loop(ExprKind::Break, want, span),
            a::ExprKind::Continue => self.leave_loop(ExprKind::Continue, want, span),
        }
    }

    /// The body of an `extern circuit fn`: its circuit, on all parameters.
    fn circuit(&mut self, e: a::ExprId, span: Span) -> ExprId {
        // Of one that is wrong the parameters are as good as used.
        (0..self.sig.params.len()).for_each(|k| self.locals[k].used = true);
        let Some(id) = self.w.circuits.get(&(self.module, e)).copied() else { return self.error(span) };
        let mut args = Vec::new();
        for (k, p) in self.sig.params.iter().enumerate() {
            let local = LocalId(k as u32);
            args.push(self.push(ExprKind::Local(local), p.ty.clone(), span));
        }
        self.push(ExprKind::Builtin(Builtin::Circuit(id), args), self.sig.ret.clone(), span)
    }

    fn lone_range(&mut self, span: Span) -> ExprId {
        let d = Diag::error(codes::E0213, "a range is no value").at(span, "a range stands after `in` alone");
        self.wrong(d, span)
    }

    /// A literal, its type a variable unless the suffix or the context says.
    pub(super) fn int(
        &mut self,
        value: u128,
        overflow: bool,
        suffix: Option<&a::Ident>,
        negative: bool,
        want: Option<&Ty>,
        span: Span,
    ) -> ExprId {
        if overflow {
            let d = Diag::error(codes::E0204, "this number has more than 128 bits");
            return self.wrong(d.at(span, ""), span);
        }
        let ty = match suffix {
            Some(s) => match types::primitive(&s.name) {
                Some(t @ Ty::Int { .. }) => t,
                _ => {
                    let d = Diag::error(codes::E0102, format!("there is no integer type `{}`", s.name));
                    return self.wrong(d.at(s.span, "as a suffix"), span);
                }
            },
            None => {
                let want = want.map(|t| self.inf.shallow(t));
                match want {
                    Some(t @ (Ty::Int { .. } | Ty::Fixed(_) | Ty::Index)) => t,
                    Some(t @ Ty::Param(_)) if matches!(self.inf.free(&t), Some(Kind::Int(_) | Kind::Frac)) => t,
                    _ => self.inf.int(Default::Index),
                }
            }
        };
        let x = self.push(ExprKind::Lit(value), ty, span);
        self.lits.push((x, value, negative));
        x
    }

    /// A number with a fraction, as text.
    pub(super) fn decimal(&mut self, text: String, want: Option<&Ty>, span: Span) -> ExprId {
        let ty = match want.map(|t| self.inf.shallow(t)) {
            Some(t @ Ty::Fixed(_)) => t,
            Some(t @ Ty::Param(_)) if matches!(self.inf.free(&t), Some(Kind::Frac)) => t,
            _ => self.inf.fresh(Kind::Frac),
        };
        let x = self.push(ExprKind::Lit(0), ty, span);
        self.decimals.push((x, text));
        x
    }

    // ---- paths ----

    /// Resolves a path in an expression; reports what is missing.
    pub(super) fn named(&mut self, path: &a::Path) -> Named {
        if let [one] = path.parts.as_slice() {
            if let Some(l) = self.find(&one.name) {
                return Named::Local(l);
            }
            match crate::types::Scope::generic(self, &one.name) {
                Some(Gen::Size(k)) => return Named::Size(Size::Var(SizeVar::Param(k))),
                Some(Gen::Ty(..)) => return Named::Other("a type"),
                None => {}
            }
            if self.w.name(self.module, &one.name).is_none() {
                if let Some(b) = BUILTINS.iter().chain(&["open_masked"]).find(|b| **b == &*one.name) {
                    return Named::Builtin(b);
                }
                return self.unknown(one);
            }
        }
        if &*path.parts[0].name == "Self"
            && let Ok(Some((id, k))) = self.variant_of(path)
        {
            return Named::Variant(id, k);
        }
        match self.w.path(self.module, path, self.diags) {
            None | Some((Def::Broken, _)) => Named::Broken,
            Some((Def::Struct(s), n)) if n + 1 == path.parts.len() => {
                let name = &path.parts[n];
                if let Some(k) = self.w.structs[s.0 as usize].variants.iter().position(|v| v.name == name.name) {
                    return Named::Variant(s, k);
                }
                match self.w.methods.get(&(s, name.name.clone())) {
                    Some(f) => Named::Fn(*f),
                    None => {
                        let of = &self.w.structs[s.0 as usize];
                        let what = if of.variants.is_empty() { "method" } else { "variant or method" };
                        let variants = of.variants.iter().map(|v| &*v.name);
                        let d = Diag::error(codes::E0103, format!("`{}` has no {what} `{}`", of.name, name.name))
                            .at(name.span, "not declared")
                            .did_you_mean(&name.name, name.span, variants.chain(self.methods_of(s)));
                        self.report(d);
                        Named::Broken
                    }
                }
            }
            Some((Def::Fn(f), _)) => Named::Fn(f),
            Some((Def::Const(c), _)) => Named::Const(c),
            Some((Def::Family(p), _)) => Named::Size(World::family_size(p)),
            Some((d, _)) => Named::Other(d.word()),
        }
    }

    pub(super) fn methods_of(&self, s: StructId) -> Vec<&'a str> {
        let w: &'a World<'a> = self.w;
        let mut v: Vec<&str> = w.methods.keys().filter(|(t, _)| *t == s).map(|(_, n)| &**n).collect();
        v.sort_unstable();
        v
    }

    fn unknown(&mut self, one: &a::Ident) -> Named {
        // Innermost first, so that a tie goes to what is nearest.
        let mut names: Vec<String> = self.bound.iter().rev().take(1000).map(|n| n.to_string()).collect();
        names.extend(self.sig.gens.iter().map(|(n, _)| n.to_string()));
        names.extend(self.w.sorted(self.module).iter().map(|n| (*n).to_string()));
        names.extend(self.w.parties.iter().filter_map(|p| p.family.as_ref()).map(|n| n.to_string()));
        names.extend(BUILTINS.iter().map(|n| (*n).to_string()));
        let d = Diag::error(codes::E0101, format!("`{}` is not declared", one.name))
            .at(one.span, "not declared here")
            .did_you_mean(&one.name, one.span, names.iter().map(|n| n.as_str()));
        self.report(d);
        Named::Broken
    }

    fn path_expr(&mut self, path: &a::Path, args: &[a::GenericArg], want: Option<&Ty>, span: Span) -> ExprId {
        let named = self.named(path);
        if !args.is_empty() && !matches!(named, Named::Fn(_) | Named::Broken) {
            let d = Diag::error(codes::E0208, format!("`{}` takes no generic arguments", types::text(path)));
            self.report(d.at(span, ""));
        }
        match named {
            Named::Local(l) => {
                self.read(l);
                let ty = self.locals[l.0 as usize].ty.clone();
                self.push_shared(ExprKind::Local(l), ty, span)
            }
            Named::Size(s) => self.push(ExprKind::Size(s), Ty::Index, span),
            Named::Const(c) => {
                let ty = self.w.const_tys[c.0 as usize].clone();
                self.push(ExprKind::Const(c), ty, span)
            }
            Named::Variant(id, k) => self.unit_variant(id, k, want, span),
            Named::Fn(f) => {
                let Some((tys, sizes)) = self.instantiate(f, args, span) else { return self.error(span) };
                let sig = &self.w.sigs[f.0 as usize];
                let ps: Vec<Ty> = sig.params.iter().map(|p| subst(&p.ty, &tys, &sizes)).collect();
                let ret = subst(&sig.ret, &tys, &sizes);
                let ty = Ty::Fn(ps, Box::new(ret));
                if let Some(w) = want {
                    // Helps inference; a mismatch is reported by whoever coerces.
                    let w = w.clone();
                    let _ = self.unify(&ty, &w, span, "a function as an argument");
                }
                let generics = Box::new(Generics { tys, sizes });
                self.push(ExprKind::FnRef { f, generics }, ty, span)
            }
            Named::Builtin(b) => {
                let arity = if matches!(b, "reveal" | "assert" | "narrow" | "to_bits" | "from_bits") { 1 } else { 2 };
                let d = Diag::error(codes::E0109, format!("`{b}` must be called")).at(span, "as a value").help_edit(
                    "write a closure",
                    span,
                    if arity == 1 { format!("|x| {b}(x)") } else { format!("|x, y| {b}(x, y)") },
                );
                self.wrong(d, span)
            }
            Named::Broken => self.error(span),
            Named::Other(word) => {
                let d = Diag::error(codes::E0109, format!("`{}` is {word}, not a value", types::text(path)));
                self.wrong(d.at(span, "used as a value"), span)
            }
        }
    }

    // ---- parts ----

    /// The outermost constructor of an expression's type, or a report that it is not known.
    pub(super) fn known(&mut self, x: ExprId, what: &str) -> Ty {
        let t = self.ty(x);
        if let Some(Kind::Any { .. }) = self.inf.free(&t) {
            let span = self.span(x);
            let d = Diag::error(codes::E0209, format!("the type must be known for {what}"))
                .at(span, "what is this?")
                .help("write the type where the variable is declared: `|x: u64| …`, `let x: u64 = …`");
            self.report(d);
            self.inf.force(&t, Ty::Error);
            return Ty::Error;
        }
        t
    }

    fn field(&mut self, e: a::ExprId, name: &a::Ident, span: Span) -> ExprId {
        let x = self.expr(e, None);
        let t = self.known(x, "its fields");
        match self.field_of(&t, name) {
            Some((k, ty)) => self.push(ExprKind::Field(x, k), ty, span),
            None => self.error(span),
        }
    }

    /// Field `name` of a type: position and type. Reports what is wrong.
    pub(super) fn field_of(&mut self, t: &Ty, name: &a::Ident) -> Option<(u32, Ty)> {
        match t {
            Ty::Error => None,
            Ty::Struct(id, ..) if !self.w.structs[id.0 as usize].variants.is_empty() => {
                let s = &self.w.structs[id.0 as usize];
                let mut d = Diag::error(codes::E0103, format!("`{}` is an enum, and has no fields", s.name))
                    .at(name.span, "not a struct")
                    .also(s.span, "the enum")
                    .help("take its value apart with `match`");
                if self.w.methods.contains_key(&(*id, name.name.clone())) {
                    d = d.help_edit("call the method", name.span.after(), "()");
                }
                self.report(d);
                None
            }
            Ty::Struct(id, tys, sizes) => {
                let s = &self.w.structs[id.0 as usize];
                if let Some(k) = s.fields.iter().position(|f| f.name == name.name) {
                    let ty = subst(&s.fields[k].ty, tys, sizes);
                    let mut n = 0;
                    weight(&ty, &mut n);
                    if n > MAX_TYPE {
                        let d = Diag::error(codes::E0215, "this type has too many parts");
                        self.report(d.at(name.span, ""));
                        return None;
                    }
                    return Some((k as u32, ty));
                }
                let mut d = Diag::error(codes::E0103, format!("`{}` has no field `{}`", s.name, name.name))
                    .at(name.span, "not declared")
                    .also(s.span, "the struct")
                    .did_you_mean(&name.name, name.span, s.fields.iter().map(|f| &*f.name));
                if self.w.methods.contains_key(&(*id, name.name.clone())) {
                    d = d.help_edit("call the method", name.span.after(), "()");
                }
                self.report(d);
                None
            }
            t => {
                let text = self.show(t);
                let mut d = Diag::error(codes::E0103, format!("`{text}` has no field `{}`", name.name))
                    .at(name.span, "not a struct");
                if matches!(t, Ty::Array(..)) && super::method::ARRAY_METHODS.contains(&&*name.name) {
                    d = d.help_edit("call the method", name.span.after(), "()");
                }
                self.report(d);
                None
            }
        }
    }

    fn tuple_field(&mut self, e: a::ExprId, index: u32, index_span: Span, span: Span) -> ExprId {
        let x = self.expr(e, None);
        let t = self.known(x, "its parts");
        match self.part_of(&t, index, index_span) {
            Some(ty) => self.push(ExprKind::Field(x, index), ty, span),
            None => self.error(span),
        }
    }

    pub(super) fn part_of(&mut self, t: &Ty, index: u32, span: Span) -> Option<Ty> {
        match t {
            Ty::Error => None,
            Ty::Tuple(ts) if (index as usize) < ts.len() => Some(ts[index as usize].clone()),
            t => {
                let text = self.show(t);
                let mut d = Diag::error(codes::E0103, format!("`{text}` has no part {index}")).at(span, "not there");
                if let Ty::Array(..) = t {
                    let dot = Span { lo: span.lo.saturating_sub(1), ..span };
                    d = d.help_edit("elements of arrays are written in brackets", dot, format!("[{index}]"));
                }
                self.report(d);
                None
            }
        }
    }

    fn index(&mut self, e: a::ExprId, index: a::ExprId, span: Span) -> ExprId {
        let x = self.expr(e, None);
        let t = self.known(x, "indexing");
        let i = self.position(index);
        match self.element_of(&t, self.span(x)) {
            Some(ty) => {
                self.bounds(&t, i);
                self.push(ExprKind::Index(x, i), ty, span)
            }
            None => self.error(span),
        }
    }

    pub(super) fn element_of(&mut self, t: &Ty, span: Span) -> Option<Ty> {
        match t {
            Ty::Error => None,
            Ty::Array(t, _) => Some((**t).clone()),
            t => {
                let text = self.show(t);
                let mut d = Diag::error(codes::E0213, format!("`{text}` cannot be indexed")).at(span, "not an array");
                if let Ty::Tuple(_) = t {
                    d = d.help("parts of tuples are written `.0`, `.1`, …");
                }
                self.report(d);
                None
            }
        }
    }

    /// A constant index outside an array of known length is an error now.
    pub(super) fn bounds(&mut self, t: &Ty, i: ExprId) {
        if let Ty::Array(_, n) = t
            && let Some(Size::Const(k)) = self.as_size(i)
            && let Size::Const(n) = self.inf.full_size(n)
            && (k < 0 || k >= n)
        {
            let span = self.span(i);
            let d = Diag::error(codes::E0204, format!("index {k} lies outside an array of length {n}"));
            self.report(
                d.at(span, if n > 0 { format!("0 to {} are inside", n - 1) } else { "the array is empty".into() }),
            );
        }
    }

    /// An index expression: `Index`, or an integer of any type.
    pub(super) fn position(&mut self, e: a::ExprId) -> ExprId {
        if let a::ExprKind::Range { .. } = self.ast.expr(e).kind {
            let span = self.ast.expr(e).span;
            let d = Diag::error(codes::E0018, "slices are not in the language yet")
                .at(span, "a range as an index")
                .help("copy the part with a `for` loop");
            return self.wrong(d, span);
        }
        // A plain number is an index at once: there are many of them.
        let plain = matches!(self.ast.expr(e).kind, a::ExprKind::Int { suffix: None, .. });
        let x = self.expr(e, plain.then_some(&Ty::Index));
        let t = self.ty(x);
        let span = self.span(x);
        match &t {
            Ty::Index | Ty::Error => x,
            Ty::Int { .. } => self.const_index(x).unwrap_or(x),
            Ty::Param(_) if self.classes_hold(&t, Class::Int) => match self.inf.free(&t) {
                Some(Kind::Int(d)) if d > Default::Accumulator => x,
                Some(_) => {
                    if self.unify(&t, &Ty::Index, span, "an index").is_err() {
                        // A type parameter's argument: any integer.
                        self.require(&t, Class::Int, span, false, "an index");
                    }
                    x
                }
                None => x,
            },
            _ => {
                let text = self.show(&t);
                let d = Diag::error(codes::E0201, format!("an index is an integer, not `{text}`"));
                self.wrong(d.at(span, "as an index"), span)
            }
        }
    }

    /// A bound of a range: an `Index`, public integers converted.
    pub(super) fn index_of(&mut self, e: a::ExprId) -> ExprId {
        let x = self.position(e);
        let t = self.ty(x);
        match t {
            Ty::Index | Ty::Error => x,
            _ => {
                let span = self.span(x);
                self.push(ExprKind::Cast(x), Ty::Index, span)
            }
        }
    }

    // ---- aggregates ----

    /// Makes a value fit to be stored in an array: an index becomes a number.
    pub(super) fn storable(&mut self, x: ExprId) -> ExprId {
        let v = self.inf.stored();
        self.coerce(x, &v, "an element of an array")
    }

    fn array(&mut self, items: &[a::ExprId], want: Option<&Ty>, span: Span) -> ExprId {
        let elem = match want.map(|t| self.inf.shallow(t)) {
            Some(Ty::Array(t, _)) => *t,
            _ => self.inf.stored(),
        };
        let mut out = Vec::with_capacity(items.len());
        for e in items {
            let x = self.check(*e, &elem, "an element of this array");
            out.push(x);
        }
        let ty = Ty::Array(Box::new(elem), Size::Const(items.len() as i64));
        self.push(ExprKind::Array(out), ty, span)
    }

    fn repeat(&mut self, value: a::ExprId, len: a::ExprId, want: Option<&Ty>, span: Span) -> ExprId {
        let elem = match want.map(|t| self.inf.shallow(t)) {
            Some(Ty::Array(t, _)) => Some(*t),
            _ => None,
        };
        let x = match elem {
            Some(t) => self.check(value, &t, "an element of this array"),
            None => {
                let x = self.expr(value, None);
                self.storable(x)
            }
        };
        let n = self.size_of(len);
        if let Size::Const(c) = n
            && c < 0
        {
            let d = Diag::error(codes::E0207, format!("a length cannot be {c}"));
            let at = self.ast.expr(len).span;
            return self.wrong(d.at(at, "this length"), span);
        }
        let elem = self.raw(x);
        self.sized(ExprKind::Repeat(x), Ty::Array(Box::new(elem), n), span)
    }

    /// Pushes an expression of a new aggregate type, unless that type has grown too large.
    pub(super) fn sized(&mut self, kind: ExprKind, ty: Ty, span: Span) -> ExprId {
        let full = self.inf.full(&ty);
        let mut n = 0;
        weight(&full, &mut n);
        if n > MAX_TYPE {
            let d = Diag::error(codes::E0215, "this type has too many parts");
            return self.wrong(d.at(span, "parts of parts counted"), span);
        }
        self.push(kind, full, span)
    }

    fn tuple(&mut self, items: &[a::ExprId], want: Option<&Ty>, span: Span) -> ExprId {
        if items.is_empty() {
            return self.push(ExprKind::Block(Vec::new(), None), Ty::Unit, span);
        }
        let wants = match want.map(|t| self.inf.shallow(t)) {
            Some(Ty::Tuple(ts)) if ts.len() == items.len() => Some(ts),
            _ => None,
        };
        let mut out = Vec::with_capacity(items.len());
        let mut tys = Vec::with_capacity(items.len());
        for (i, e) in items.iter().enumerate() {
            let x = match &wants {
                Some(ts) => self.check(*e, &ts[i], "this part of the tuple"),
                None => self.expr(*e, None),
            };
            tys.push(self.raw(x));
            out.push(x);
        }
        if out.len() == 1 {
            return out[0];
        }
        self.sized(ExprKind::Tuple(out), Ty::Tuple(tys), span)
    }

    pub(super) fn closure(
        &mut self,
        params: &[a::ClosureParam],
        body: a::ExprId,
        want: Option<&Ty>,
        span: Span,
    ) -> ExprId {
        let want = want.map(|t| self.inf.shallow(t));
        let (ps, ret) = match want {
            Some(Ty::Fn(ps, r)) if ps.len() == params.len() => (ps, *r),
            Some(Ty::Fn(ps, _)) => {
                let mut d = Diag::error(
                    codes::E0208,
                    format!(
                        "this closure takes {} {}, here it gets {}",
                        params.len(),
                        if params.len() == 1 { "argument" } else { "arguments" },
                        ps.len()
                    ),
                )
                .at(span, "this closure");
                if let ([first, .., last], 1) = (params, ps.len()) {
                    let edits = vec![
                        diag::Edit { span: first.pat.span.before(), replacement: "(".into() },
                        diag::Edit { span: last.pat.span.after(), replacement: ")".into() },
                    ];
                    d = d.help_edits("to take a tuple apart, put the names in parentheses: `|(x, y)| …`", edits);
                }
                return self.wrong(d, span);
            }
            _ => (params.iter().map(|_| self.inf.any()).collect(), self.inf.stored()),
        };
        let mark = self.enter();
        let (pats, x) = self.captured("a closure", |s| {
            let mut pats = Vec::new();
            for (p, t) in params.iter().zip(&ps) {
                if let Some(written) = &p.ty {
                    let own = types::lower(s, written);
                    if s.unify(&own, t, p.pat.span, "a parameter of this closure").is_err() {
                        let (a, b) = (s.show(&own), s.show(t));
                        let d = Diag::error(codes::E0201, format!("this parameter is `{b}`, not `{a}`"));
                        s.report(d.at(written.span, format!("expected `{b}`")));
                    }
                }
                let pat = s.pattern(&p.pat, t, None);
                pats.push(pat);
            }
            // An assignment inside is no write of a branch outside: captured variables cannot be assigned at all.
            let x = s.leaving(exit::Leaves::of(&ret), |s| s.check(body, &ret, "the closure's result"));
            (pats, x)
        });
        self.leave(mark);
        let ty = Ty::Fn(ps, Box::new(ret));
        self.push(ExprKind::Closure { params: pats, body: x }, ty, span)
    }

    /// Brings each member's own element of what holds one for each member into sight, under the same name.
    fn own_elements(&mut self, family: PartyId) -> Vec<(LocalId, LocalId)> {
        let mut all: Vec<LocalId> = self.scope.values().filter_map(|v| v.last()).copied().collect();
        all.retain(|l| self.locals[l.0 as usize].family == Some(family));
        all.sort_unstable();
        let mut each = Vec::new();
        for l in all {
            let (name, span) = (self.locals[l.0 as usize].name.clone(), self.locals[l.0 as usize].span);
            let ty = self.locals[l.0 as usize].ty.clone();
            if let Ty::Array(elem, _) = self.inf.shallow(&ty) {
                let own = self.local(name, *elem, false, span);
                self.see(own);
                each.push((l, own));
            }
        }
        each
    }

    fn at_expr(&mut self, party: &a::Ident, body: a::ExprId, want: Option<&Ty>, span: Span) -> ExprId {
        let p = self.w.party(self.module, party, self.diags);
        let family = p.filter(|p| self.is_family(*p));
        let want = match want.map(|t| self.inf.shallow(t)) {
            Some(Ty::Array(elem, _)) if family.is_some() => Some(*elem),
            Some(t) => Some(t),
            None => None,
        };
        let mut each = Vec::new();
        let (x, reads) = self.reading(|s| {
            s.captured("an `at` block", |s| {
                let mark = s.enter();
                if let Some(f) = family {
                    each = s.own_elements(f);
                }
                let x = s.leaving(exit::Leaves::nothing("an `at` block"), |s| s.expr(body, want.as_ref()));
                let x = if family.is_some() { s.storable(x) } else { x };
                s.leave(mark);
                x
            })
        });
        each.retain(|(_, own)| std::mem::replace(&mut self.locals[own.0 as usize].used, true));
        for (all, _) in &each {
            self.locals[all.0 as usize].used = true;
        }
        let mut ty = self.raw(x);
        if let Some(f) = family {
            ty = Ty::Array(Box::new(ty), World::family_size(f));
        }
        match p {
            Some(party) => self.push(ExprKind::At { party, body: x, reads, each: each.into() }, ty, span),
            None => self.push(ExprKind::Error, ty, span),
        }
    }
}
