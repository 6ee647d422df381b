//! The end of a function: obligations, defaults, literals, and the finished tree.

use super::{Body, Head, LocalInfo, Obligation};
use crate::infer::{Default, Kind, VAR};
use crate::size::{self, Decided};
use crate::tree::*;
use crate::types;
use crate::world::Gen;
use diag::{Diag, Span, codes};
use rustc_hash::FxHashMap;
use std::sync::Arc;

impl Body<'_, '_> {
    pub(super) fn finish(mut self, params: Vec<Param>, body: ExprId, head: Head<'_>) -> Fn {
        self.settle_never();
        self.defaults();
        self.obligations();
        let size_checks = self.sizes();
        self.zonk();
        self.literals();
        self.fractions();
        self.sums();
        self.settle_conversions();
        self.stored_indices();
        self.too_large();
        if head.lints && self.clean() {
            self.lints(params.len());
        }
        self.captures();
        let locals = self
            .locals
            .drain(..)
            .map(|l| Local { name: l.name, ty: Arc::unwrap_or_clone(l.ty), mutable: l.mutable, span: l.span })
            .collect();
        let mut ty_params = Vec::new();
        let mut size_params = Vec::new();
        for (n, g) in &self.sig.gens {
            match g {
                Gen::Ty(_, c) => ty_params.push((n.clone(), *c)),
                Gen::Size(_) => size_params.push(n.clone()),
            }
        }
        Fn {
            name: head.name,
            span: head.span,
            doc: head.doc.to_string(),
            ty_params,
            size_params,
            size_checks,
            params,
            ret: self.sig.ret.clone(),
            recipients: self.sig.recipients.clone(),
            ret_span: self.sig.ret_span,
            locals,
            exprs: self.exprs,
            body,
            library: head.library,
            associative: self.sig.associative,
            allow: self.sig.allow.clone(),
        }
    }

    /// Values of more scalars than any later stage is to carry: small to write with generic structs.
    fn too_large(&mut self) {
        let large = |t: &Ty, w: &crate::world::World<'_>| {
            matches!(t, Ty::Struct(..) | Ty::Tuple(_) | Ty::Array(..))
                && crate::sig::leaf_count(&w.structs, t, &[]) > crate::sig::MAX_LEAVES
        };
        let mut first = None;
        for e in &mut self.exprs {
            if large(&e.ty, self.w) {
                first.get_or_insert(e.span);
                (e.kind, e.ty) = (ExprKind::Error, Ty::Error.into());
            }
        }
        for l in &mut self.locals {
            if large(&l.ty, self.w) {
                first.get_or_insert(l.span);
                l.ty = Ty::Error.into();
            }
        }
        if let Some(span) = first {
            let d = Diag::error(codes::E0215, "this type has too many parts");
            self.report(d.at(span, "parts of parts counted"));
        }
    }

    /// Has this function been without an error so far? If not, what is unknown may follow from that.
    fn clean(&self) -> bool {
        self.diags.error_count() == self.errors_before
    }

    /// Integers that nothing determined.
    fn defaults(&mut self) {
        for k in 0..self.exprs.len() {
            let t = self.exprs[k].ty.clone();
            self.default_in(&t);
        }
        for k in 0..self.locals.len() {
            let t = self.locals[k].ty.clone();
            self.default_in(&t);
        }
    }
    fn default_in(&mut self, t: &Ty) {
        match t {
            Ty::Param(k) if *k >= VAR => {
                let t = self.inf.shallow(t);
                match self.inf.free(&t) {
                    Some(Kind::Int(d)) => {
                        let to = match d {
                            Default::Index => Ty::Index,
                            Default::Accumulator | Default::I64 => Ty::Int { signed: true, bits: 64 },
                            Default::U64 => Ty::Int { signed: false, bits: 64 },
                        };
                        self.inf.force(&t, to);
                    }
                    Some(Kind::Frac) => self.inf.force(&t, Ty::Fixed(16)),
                    Some(Kind::Any { .. }) => {}
                    None => self.default_in(&t),
                }
            }
            Ty::Array(t, _) => self.default_in(t),
            Ty::Tuple(ts) | Ty::Struct(_, ts, _) => ts.iter().for_each(|t| self.default_in(t)),
            Ty::Fn(ps, r) => {
                ps.iter().for_each(|t| self.default_in(t));
                self.default_in(r);
            }
            _ => {}
        }
    }

    fn obligations(&mut self) {
        for o in std::mem::take(&mut self.obligations) {
            match o {
                Obligation::Class { ty, class, span, elementwise, what } => {
                    let t = self.inf.full(&ty);
                    let mut inner = &t;
                    while elementwise && let Ty::Array(e, _) = inner {
                        inner = e;
                    }
                    if !self.classes_hold(inner, class) {
                        self.lacks(&t, inner, class, span, &what);
                    }
                }
                Obligation::Cast { expr, span } => self.check_cast(expr, span),
            }
        }
    }

    fn lacks(&mut self, t: &Ty, inner: &Ty, class: Class, span: Span, what: &str) {
        let text = self.show(inner);
        let name = match class {
            Class::Any => "anything",
            Class::Eq => "Eq",
            Class::Ord => "Ord",
            Class::Bits => "Bits",
            Class::Num => "Num",
            Class::Int => "Int",
            Class::Div => "Int",
        };
        let mut d =
            Diag::error(codes::E0203, format!("{what} does not work on `{text}`")).at(span, format!("needs `{name}`"));
        d = match inner {
            Ty::Param(k) => {
                let own = self.sig.gens.iter().find(|(_, g)| matches!(g, Gen::Ty(j, _) if j == k));
                let own = own.map(|(n, _)| n.to_string()).unwrap_or_default();
                d.help(format!("demand it where the parameter is declared: `{own}: {name}`"))
            }
            Ty::Bool if class == Class::Num => d.help("to count, convert: `b as u32`"),
            Ty::Array(..) if t == inner => d.note("this works on single values, not on arrays"),
            _ => d,
        };
        self.report(d);
    }

    fn check_cast(&mut self, expr: ExprId, span: Span) {
        let ExprKind::Cast(x) = self.exprs[expr.0 as usize].kind else { return };
        let (from, to) = (self.raw(x), self.raw(expr));
        let (from, to) = (self.inf.full(&from), self.inf.full(&to));
        let (mut f, mut t) = (&from, &to);
        while let (Ty::Array(a, m), Ty::Array(b, n)) = (f, t) {
            if size::decide(m, n) == Decided::Unequal {
                let (m, n) = (m.clone(), n.clone());
                return self.sizes_differ(&m, &n, span, "a cast");
            }
            if size::decide(m, n) == Decided::Unknown {
                self.open.push((m.clone(), n.clone(), span, "a cast of an array".into()));
            }
            (f, t) = (a, b);
        }
        let number = |s: &Self, t: &Ty| {
            matches!(t, Ty::Int { .. } | Ty::Fixed(_) | Ty::Index)
                || matches!(t, Ty::Param(k) if *k < VAR && s.classes_hold(t, Class::Int))
        };
        let fine = match (f, t) {
            (Ty::Error, _) | (_, Ty::Error) => true,
            (Ty::Bool, Ty::Bool) => true,
            (Ty::Bool, Ty::Int { .. } | Ty::Fixed(_)) => true,
            (Ty::Fixed(_), Ty::Index) => false,
            (Ty::Bool, t @ Ty::Param(_)) => number(self, t),
            (a, b) => number(self, a) && number(self, b),
        };
        if fine {
            return;
        }
        let (a, b) = (self.show(&from), self.show(&to));
        let mut d = Diag::error(codes::E0212, format!("`{a}` cannot be converted to `{b}`")).at(span, "this cast");
        d = match (f, t) {
            (Ty::Int { .. } | Ty::Fixed(_) | Ty::Index, Ty::Bool) => {
                // Of `(a + b) as bool` the bracket is not in the tree.
                let inner = self.span(x);
                match self.exprs[x.0 as usize].kind {
                    ExprKind::Chain(..) | ExprKind::If { .. } | ExprKind::Block(..) => d.help("compare: `x != 0`"),
                    _ => d.help_edit("compare", Span { lo: inner.hi, ..span }, " != 0"),
                }
            }
            (Ty::Array(..), Ty::Int { .. }) | (Ty::Int { .. }, Ty::Array(..)) => {
                d.help("an array is converted to an array type: `xs as [u64; N]`")
            }
            _ => d.note("numbers and bools convert to numbers; arrays of these to arrays of the same shape"),
        };
        self.report(d);
    }

    /// Decides what is left of size equalities.
    fn sizes(&mut self) -> Vec<SizeCheck> {
        let mut out: Vec<SizeCheck> = Vec::new();
        // What is solved by one may decide another.
        let mut list = std::mem::take(&mut self.open);
        for _ in 0..8 {
            let before = list.len();
            let mut rest = Vec::new();
            for (m, n, span, what) in list {
                if let Err(crate::infer::Clash::Sizes(m, n)) = self.inf.unify_size(&m, &n) {
                    self.sizes_differ(&m, &n, span, &what);
                }
                rest.extend(self.inf.open.drain(..).map(|o| (o.0, o.1, span, what.clone())));
            }
            list = rest;
            if list.len() == before {
                break;
            }
        }
        let mut seen = rustc_hash::FxHashSet::default();
        for (m, n, span, what) in list {
            if self.inf.has_var(&m) || self.inf.has_var(&n) {
                if self.clean() {
                    let d = Diag::error(codes::E0209, "a size here cannot be inferred")
                        .at(span, "what size?")
                        .help("say it: `f::<8>(…)`, or write the type of the variable");
                    self.report(d);
                }
                self.inf.fail_size(&m);
                self.inf.fail_size(&n);
                continue;
            }
            if seen.insert((m.clone(), n.clone())) {
                out.push(SizeCheck { left: m, right: n, span, what });
            }
        }
        out
    }

    /// Puts final types everywhere, and reports what is still unknown.
    fn zonk(&mut self) {
        let clean = self.clean();
        for k in 0..self.locals.len() {
            let t = self.inf.full(&self.locals[k].ty);
            let (span, name) = (self.locals[k].span, self.locals[k].name.clone());
            let t = self.ground(t, span, clean, Some(&name));
            self.locals[k].ty = self.share(t);
        }
        // Shared types are settled once; the old ones are kept, for their addresses name them.
        let mut settled: FxHashMap<*const Ty, (Arc<Ty>, Arc<Ty>)> = FxHashMap::default();
        for k in 0..self.exprs.len() {
            let span = self.exprs[k].span;
            let old = &self.exprs[k].ty;
            if !matches!(**old, Ty::Bool | Ty::Int { .. } | Ty::Fixed(_) | Ty::Index | Ty::Unit | Ty::Error) {
                let at = Arc::as_ptr(old);
                let new = match settled.get(&at) {
                    Some((_, new)) => new.clone(),
                    None => {
                        let old = old.clone();
                        let t = self.inf.full(&old);
                        let t = self.ground(t, span, clean, None);
                        let new = self.share(t);
                        settled.insert(at, (old, new.clone()));
                        new
                    }
                };
                self.exprs[k].ty = new;
            }
            if !matches!(self.exprs[k].kind, ExprKind::Call { .. } | ExprKind::FnRef { .. } | ExprKind::Size(_)) {
                continue;
            }
            let mut kind = std::mem::replace(&mut self.exprs[k].kind, ExprKind::Error);
            match &mut kind {
                ExprKind::Call { generics, .. } | ExprKind::FnRef { generics, .. } => {
                    for t in &mut generics.tys {
                        let u = self.inf.full(t);
                        self.default_in(&u);
                        let u = self.inf.full(&u);
                        *t = self.ground(u, span, clean, None);
                    }
                    for n in &mut generics.sizes {
                        let m = self.inf.full_size(n);
                        *n = self.ground_size(m, span, clean);
                    }
                }
                ExprKind::Size(n) => {
                    let m = self.inf.full_size(n);
                    *n = self.ground_size(m, span, clean);
                }
                _ => {}
            }
            self.exprs[k].kind = kind;
        }
    }

    fn ground(&mut self, t: Ty, span: Span, clean: bool, name: Option<&str>) -> Ty {
        match t {
            Ty::Param(k) if k >= VAR => {
                if clean {
                    let what = name.map_or("the type of this".to_string(), |n| format!("the type of `{n}`"));
                    let d = Diag::error(codes::E0209, format!("{what} cannot be inferred"))
                        .at(span, "which type?")
                        .help("write it: `let x: [u64; N] = …`, `|x: u64| …`, `f::<u64>(…)`");
                    self.report(d);
                }
                self.inf.force(&t, Ty::Error);
                Ty::Error
            }
            Ty::Array(t, n) => {
                let t = self.ground(self.inf_full(*t), span, clean, name);
                Ty::Array(Box::new(t), self.ground_size(n, span, clean))
            }
            Ty::Tuple(ts) => Ty::Tuple(self.ground_all(ts, span, clean, name)),
            Ty::Struct(id, ts, ns) => {
                let ts = self.ground_all(ts, span, clean, name);
                Ty::Struct(id, ts, ns.into_iter().map(|n| self.ground_size(n, span, clean)).collect())
            }
            Ty::Fn(ps, r) => {
                let ps = self.ground_all(ps, span, clean, name);
                Ty::Fn(ps, Box::new(self.ground(*r, span, clean, name)))
            }
            t => t,
        }
    }
    fn ground_all(&mut self, ts: Vec<Ty>, span: Span, clean: bool, name: Option<&str>) -> Vec<Ty> {
        ts.into_iter().map(|t| self.ground(t, span, clean, name)).collect()
    }
    fn inf_full(&self, t: Ty) -> Ty {
        t
    }
    fn ground_size(&mut self, n: Size, span: Span, clean: bool) -> Size {
        let n = self.inf.full_size(&n);
        if !self.inf.has_var(&n) {
            return n;
        }
        if clean {
            let d = Diag::error(codes::E0209, "a size here cannot be inferred")
                .at(span, "what size?")
                .help("say it: `f::<8>(…)`, or write the type of the variable");
            self.report(d);
        }
        self.inf.fail_size(&n);
        Size::Error
    }

    /// Literals as bit patterns of their types.
    fn literals(&mut self) {
        for (x, v, negative) in std::mem::take(&mut self.lits) {
            let (ty, span) = (self.raw(x), self.span(x));
            let bits = match &ty {
                Ty::Int { signed, bits } => {
                    let bits = u32::from(*bits);
                    let half = 1u128 << (bits - 1);
                    let mask = if bits == 128 { u128::MAX } else { (1 << bits) - 1 };
                    let fits = match (signed, negative) {
                        (true, true) => v <= half,
                        (true, false) => v < half,
                        (false, true) => v == 0,
                        (false, false) => v <= mask,
                    };
                    fits.then(|| if negative { v.wrapping_neg() & mask } else { v })
                }
                // A fixed-point number without a fraction.
                Ty::Fixed(f) => {
                    let limit = (1u128 << (63 - u32::from(*f))) - u128::from(!negative);
                    let word = |v: u128| if negative { v.wrapping_neg() } else { v } & u128::from(u64::MAX);
                    (v <= limit).then(|| word(v << f))
                }
                Ty::Index => {
                    let limit = 1u128 << 63;
                    let fits = if negative { v <= limit } else { v < limit };
                    fits.then(|| if negative { v.wrapping_neg() & u128::from(u64::MAX) } else { v })
                }
                // Types of 8 bits and more hold these; of others calls are looked at (`crate::literals`).
                Ty::Param(_) => (v <= 127 && (!negative || v == 0)).then_some(v),
                _ => Some(v),
            };
            match bits {
                Some(b) => self.exprs[x.0 as usize].kind = ExprKind::Lit(b),
                None => self.does_not_fit(&ty, v, negative, span),
            }
        }
    }

    /// Numbers with a fraction as words of their types: the nearest there is.
    fn fractions(&mut self) {
        for (x, text) in std::mem::take(&mut self.decimals) {
            let Ty::Fixed(f) = self.raw(x) else { continue };
            match decimal::read(text.as_bytes(), u32::from(f)) {
                Ok(read) => self.exprs[x.0 as usize].kind = ExprKind::Lit(u128::from(read.word as u64)),
                Err(_) => {
                    let t = Ty::Fixed(f);
                    let (name, span) = (self.show(&t), self.span(x));
                    let (lo, hi) = types::bounds(&t).unwrap_or_default();
                    let holds = format!("`{name}` holds {} to {}", types::number(&t, lo), types::number(&t, hi));
                    let d = Diag::error(codes::E0204, format!("{text} does not fit `{name}`")).at(span, holds);
                    self.report(d);
                }
            }
        }
    }

    fn does_not_fit(&mut self, ty: &Ty, v: u128, negative: bool, span: Span) {
        let text = self.show(ty);
        let sign = if negative { "-" } else { "" };
        let mut d = Diag::error(codes::E0204, format!("{sign}{v} does not fit `{text}`"));
        d = match ty {
            Ty::Param(_) => d
                .at(span, "too large for some integer type")
                .note("in a function of any number type, literals lie between 0 and 127"),
            Ty::Index => d.at(span, "too large for an index").help("say its type, for instance by a suffix: `…u128`"),
            _ => {
                let range = match (ty, types::bounds(ty)) {
                    (Ty::Int { signed: false, bits: 128 }, _) => "0 and up".to_string(),
                    (_, Some((lo, hi))) => format!("{} to {}", types::number(ty, lo), types::number(ty, hi)),
                    _ => String::new(),
                };
                d.at(span, format!("`{text}` holds {range}"))
            }
        };
        self.report(d);
    }

    /// Conversions that turned out to convert nothing vanish.
    fn settle_conversions(&mut self) {
        for k in 0..self.exprs.len() {
            if let ExprKind::FromIndex(x) = self.exprs[k].kind
                && *self.exprs[k].ty == Ty::Index
            {
                self.lift(k, x);
            }
        }
        for y in std::mem::take(&mut self.soft) {
            if let ExprKind::Cast(x) = self.exprs[y.0 as usize].kind
                && self.exprs[y.0 as usize].ty == self.exprs[x.0 as usize].ty
            {
                self.lift(y.0 as usize, x);
            }
        }
    }
    /// Puts expression `x` in the place of `k`, which alone refers to it.
    fn lift(&mut self, k: usize, x: ExprId) {
        let unit = Expr { kind: ExprKind::Block(Vec::new(), None), ty: Ty::Unit.into(), span: self.exprs[k].span };
        self.exprs[k] = std::mem::replace(&mut self.exprs[x.0 as usize], unit);
    }

    /// No array holds indices.
    fn stored_indices(&mut self) {
        fn inside(t: &Ty) -> bool {
            match t {
                Ty::Index => true,
                Ty::Array(t, _) => inside(t),
                Ty::Tuple(ts) | Ty::Struct(_, ts, _) => ts.iter().any(inside),
                _ => false,
            }
        }
        let mut bad = Vec::new();
        for e in &self.exprs {
            let stores = matches!(
                e.kind,
                ExprKind::Array(_) | ExprKind::Repeat(_) | ExprKind::Builtin(Builtin::Map | Builtin::Fold, _)
            );
            if stores && inside(&e.ty) {
                bad.push(e.span);
            }
        }
        for span in bad {
            let d = Diag::error(codes::E0216, "indices cannot be stored in arrays")
                .at(span, "an element holds an index, or a number whose type nothing says")
                .help("give it an integer type: `i as u64`, `0u64`");
            self.report(d);
        }
    }

    fn lints(&mut self, params: usize) {
        let allowed = |s: &Self, c: &str| s.sig.allow.iter().any(|a| &**a == c);
        let (unused, idle) = (!allowed(self, "L0102"), !allowed(self, "L0103"));
        let mut out = Vec::new();
        for (k, l) in self.locals.iter().enumerate() {
            let LocalInfo { name, span, .. } = l;
            if name.starts_with('_') || &**name == "self" {
                continue;
            }
            if unused && !l.used {
                let what = if k < params { "parameter" } else { "variable" };
                let text = if l.assigned { "assigned, but never read" } else { "never used" };
                out.push(Diag::lint(codes::L0102, format!("{what} `{name}` is {text}")).at(*span, "").help_edit(
                    "if that is meant, say so with an underscore",
                    *span,
                    format!("_{name}"),
                ));
            } else if idle && l.mutable && !l.assigned {
                let d = Diag::lint(codes::L0103, format!("`{name}` is `mut` and never changes")).at(*span, "");
                out.push(match self.muts.get(&LocalId(k as u32)) {
                    Some(at) => d.help_edit("leave `mut` out", *at, ""),
                    None => d,
                });
            }
        }
        for d in out {
            self.report(d);
        }
    }
}
