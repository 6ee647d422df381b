//! `match`: arms become conditions in their order, each a test of the value and the names that it binds.
//!
//! Patterns are typed here; whether they leave a value out, and whether an arm is ever reached, is found in `cover`.

use super::Body;
use super::cover::{Case, Space, missing, useful};
use super::variant::Of;
use crate::infer::subst;
use crate::tree::*;
use crate::types;
use diag::{Diag, Span, codes};
use std::sync::Arc;
use syntax::ast as a;

/// A pattern's test, what it binds, and what it covers.
struct Matched {
    test: Option<ExprId>,
    binds: Vec<Stmt>,
    case: Case,
}

/// An arm that was checked: test, names, value, what it assigns.
type Done = (Option<ExprId>, Vec<Stmt>, ExprId, Arc<[LocalId]>);

impl<'a> Body<'a, '_> {
    pub(super) fn match_expr(
        &mut self,
        scrutinee: a::ExprId,
        arms: &'a [a::Arm],
        want: Option<&Ty>,
        span: Span,
    ) -> ExprId {
        let x = self.expr(scrutinee, None);
        let at = self.span(x);
        let ty = self.raw(x);
        let local = self.local("matched".into(), ty.clone(), false, at);
        self.locals[local.0 as usize].used = true;
        let first = Stmt::Let(Pat::Bind(local), x);
        let mut done: Vec<Done> = Vec::new();
        let mut covered: Vec<Case> = Vec::new();
        let errors = self.diags.error_count();
        let want = want.cloned();
        let mut own: Option<Ty> = None;
        for arm in arms {
            let mark = self.enter();
            let ((matched, test, body), writes) = self.writing(|s| {
                let place = s.push(ExprKind::Local(local), ty.clone(), arm.pat.span);
                let mut m = s.arm_pattern(&arm.pat, place, &ty);
                let mut test = m.test.take();
                if let Some(g) = arm.guard {
                    let guard = s.staying("a guard", |s| s.check(g, &Ty::Bool, "a guard"));
                    let mut guard = if m.binds.is_empty() {
                        guard
                    } else {
                        let span = s.span(guard);
                        s.push(ExprKind::Block(m.binds.clone(), Some(guard)), Ty::Bool, span)
                    };
                    if let Some(t) = test {
                        // What the guard reads is there only if the pattern fits.
                        let no = s.push(ExprKind::Lit(0), Ty::Bool, arm.pat.span);
                        guard = s.push(
                            ExprKind::If { cond: t, then: guard, otherwise: Some(no), writes: [].into() },
                            Ty::Bool,
                            arm.pat.span,
                        );
                    }
                    test = Some(guard);
                }
                let body = match want.as_ref().or(own.as_ref()) {
                    Some(w) => {
                        let w = w.clone();
                        s.check(arm.body, &w, "the value of this arm")
                    }
                    None => s.expr(arm.body, None),
                };
                (m, test, body)
            });
            self.leave(mark);
            if own.is_none() && want.is_none() && !self.never_ends(body) {
                let t = self.ty(body);
                // An index is a number like any other where arms differ.
                own = (t != Ty::Index).then_some(t);
            }
            if self.diags.error_count() == errors && !useful(&self.space(&ty), &covered, &matched.case) {
                let d = Diag::lint(codes::L0106, "this arm is never reached").at(arm.pat.span, "those before take all");
                if !self.sig.allow.iter().any(|a| &**a == "L0106") {
                    self.report(d);
                }
            }
            if arm.guard.is_none() {
                covered.push(matched.case);
            }
            done.push((test, matched.binds, body, writes));
        }
        let clean = self.diags.error_count() == errors;
        if clean && let Some(left) = missing(&self.space(&ty), &covered) {
            let d = Diag::error(codes::E0218, format!("this `match` leaves `{left}` out"))
                .at(at, "a value that no arm takes")
                .help("add an arm for it, or `_ => …` for all the rest");
            return self.wrong(d, span);
        }
        // All values of the arms have one type.
        let result = match (&want, &own) {
            (Some(w), _) | (None, Some(w)) => w.clone(),
            (None, None) => {
                let mut values: Vec<ExprId> = done.iter().map(|d| d.2).filter(|b| !self.never_ends(*b)).collect();
                if values.is_empty() { self.nothing(None) } else { self.join(&mut values, "the arms") }
            }
        };
        let mut chain: Option<(ExprId, Arc<[LocalId]>)> = None;
        let count = done.len();
        for (k, (test, binds, body, writes)) in done.into_iter().enumerate().rev() {
            let body = if self.never_ends(body) { body } else { self.coerce(body, &result, "the value of this arm") };
            let mut value = body;
            if !binds.is_empty() {
                let span = self.span(body);
                value = self.push(ExprKind::Block(binds, Some(body)), result.clone(), span);
            }
            chain = Some(match (chain, test) {
                // The last one takes what is left.
                (None, Some(_)) if k + 1 == count && arms[k].guard.is_none() => (value, writes),
                (None, Some(cond)) => {
                    let never = self.push(ExprKind::Zero, result.clone(), span);
                    let kind = ExprKind::If { cond, then: value, otherwise: Some(never), writes: writes.clone() };
                    (self.push(kind, result.clone(), span), writes)
                }
                (_, None) => (value, writes),
                (Some((rest, below)), Some(cond)) => {
                    let mut all: Vec<LocalId> = writes.iter().chain(below.iter()).copied().collect();
                    all.sort_unstable();
                    all.dedup();
                    let all: Arc<[LocalId]> = all.into();
                    let kind = ExprKind::If { cond, then: value, otherwise: Some(rest), writes: all.clone() };
                    (self.push(kind, result.clone(), span), all)
                }
            });
        }
        match chain {
            Some((x, _)) => self.push(ExprKind::Block(vec![first], Some(x)), result, span),
            None => self.push(ExprKind::Block(vec![first], None), Ty::Unit, span),
        }
    }

    /// A pattern of an arm against the value in `place`.
    fn arm_pattern(&mut self, p: &'a a::Pattern, place: ExprId, ty: &Ty) -> Matched {
        let t = self.inf.shallow(ty);
        let all = |binds| Matched { test: None, binds, case: Case::Any };
        match &p.kind {
            a::PatternKind::Wild | a::PatternKind::Error => all(Vec::new()),
            a::PatternKind::Bind { name, mutable: false } if self.is_const(name) => {
                let path = a::Path { parts: vec![name.clone()], span: name.span };
                self.constant_pattern(&path, place, &t, p.span)
            }
            a::PatternKind::Bind { name, mutable } => {
                let l = self.local(name.name.clone(), t, *mutable, name.span);
                self.muts.insert(l, Span { hi: name.span.lo, ..p.span });
                if self.bound.last().is_some_and(|b| *b == name.name) && self.twice(&name.name) {
                    let d = Diag::error(codes::E0105, format!("`{}` stands twice in one pattern", name.name));
                    self.report(d.at(name.span, "again here"));
                }
                self.see(l);
                all(vec![Stmt::Let(Pat::Bind(l), place)])
            }
            a::PatternKind::Tuple(parts) => {
                let ts = match &t {
                    Ty::Tuple(ts) if ts.len() == parts.len() => ts.clone(),
                    Ty::Error => vec![Ty::Error; parts.len()],
                    Ty::Unit if parts.is_empty() => Vec::new(),
                    other => {
                        let text = self.show(other);
                        let d = Diag::error(codes::E0208, format!("a pattern of {} parts for `{text}`", parts.len()));
                        self.report(d.at(p.span, format!("this is `{text}`")));
                        return all(Vec::new());
                    }
                };
                let list: Vec<(u32, &'a a::Pattern, Ty)> =
                    parts.iter().zip(ts).enumerate().map(|(k, (p, t))| (k as u32, p, t)).collect();
                self.parts_pattern(place, list, parts.len(), 0, None)
            }
            a::PatternKind::Lit(e) => {
                let x = self.check(*e, &t, "this pattern");
                let case = match self.literal_of(*e) {
                    Some(v) => Case::Range(v, v),
                    None => Case::Any,
                };
                let test = match &self.ast.expr(*e).kind {
                    a::ExprKind::Bool(true) => place,
                    a::ExprKind::Bool(false) => self.push(ExprKind::Unary(UnOp::Not, place), Ty::Bool, p.span),
                    _ => self.compare_with(place, BinOp::Eq, x, p.span),
                };
                Matched { test: Some(test), binds: Vec::new(), case }
            }
            a::PatternKind::Range { lo, hi, inclusive } => {
                let (x, y) = (self.check(*lo, &t, "this pattern"), self.check(*hi, &t, "this pattern"));
                let ends = (self.literal_of(*lo), self.literal_of(*hi));
                let (Some(a), Some(b)) = ends else { return all(Vec::new()) };
                let b = if *inclusive { b } else { b - 1 };
                if a > b {
                    let d = Diag::error(codes::E0504, "this range is empty");
                    self.report(d.at(p.span, "holds no number"));
                }
                let low = self.compare_with(place, BinOp::Ge, x, p.span);
                let high = self.compare_with(place, if *inclusive { BinOp::Le } else { BinOp::Lt }, y, p.span);
                let test = self.push(ExprKind::Chain(low, vec![(BinOp::And, p.span, high)]), Ty::Bool, p.span);
                Matched { test: Some(test), binds: Vec::new(), case: Case::Range(a, b) }
            }
            a::PatternKind::Or(list) => self.alternatives(list, place, &t, p.span),
            a::PatternKind::Path(path) => match self.variant_of(path) {
                Err(()) => all(Vec::new()),
                Ok(Some((id, k))) => match self.of_type(id, k, &t, p.span) {
                    Some(of) if self.variant(&of).count > 0 => {
                        self.carries(&of, 0, p.span);
                        all(Vec::new())
                    }
                    Some(of) => self.variant_pattern(&of, place, Vec::new(), p.span),
                    None => all(Vec::new()),
                },
                Ok(None) => self.constant_pattern(path, place, &t, p.span),
            },
            a::PatternKind::Variant { path, parts } => {
                let of = match self.variant_of(path) {
                    Err(()) => None,
                    Ok(Some((id, k))) => self.of_type(id, k, &t, p.span),
                    Ok(None) => {
                        self.no_variant(path);
                        None
                    }
                };
                let Some(of) = of else {
                    parts.iter().for_each(|q| self.lost(q));
                    return all(Vec::new());
                };
                let v = self.variant(&of);
                if v.named || v.count as usize != parts.len() || parts.is_empty() {
                    self.carries(&of, parts.len(), p.span);
                    parts.iter().for_each(|q| self.lost(q));
                    return all(Vec::new());
                }
                let list = parts.iter().enumerate().map(|(k, q)| (v.first + k as u32, q)).collect();
                self.variant_pattern(&of, place, list, p.span)
            }
            a::PatternKind::Fields { path, fields, rest } => {
                self.fields_pattern_of(path, fields, *rest, place, &t, p.span)
            }
        }
    }

    /// `p | q`: fits what one of them fits. All bind the same names, and each name is what the first that fits binds it to.
    fn alternatives(&mut self, list: &'a [a::Pattern], place: ExprId, t: &Ty, span: Span) -> Matched {
        let (mut tests, mut cases): (Vec<Option<ExprId>>, Vec<Case>) = Default::default();
        // Of each alternative: its names and what they are.
        let mut names: Vec<Vec<(LocalId, ExprId)>> = Vec::new();
        for q in list {
            let mark = self.enter();
            let m = self.arm_pattern(q, place, t);
            self.leave(mark);
            tests.push(m.test);
            cases.push(m.case);
            let own = m.binds.iter().filter_map(|b| match b {
                Stmt::Let(Pat::Bind(l), x) => Some((*l, *x)),
                _ => None,
            });
            names.push(own.collect());
        }
        let mut binds = Vec::new();
        for &(first, x) in names.first().map_or(&[][..], |n| &n[..]) {
            let name = self.locals[first.0 as usize].name.clone();
            let mut values = vec![x];
            for (q, own) in list.iter().zip(&names).skip(1) {
                let Some(&(l, y)) = own.iter().find(|(l, _)| self.locals[l.0 as usize].name == name) else {
                    self.unbound(&name, self.locals[first.0 as usize].span, q.span);
                    continue;
                };
                self.locals[l.0 as usize].used = true;
                let (want, got) = (self.raw(x), self.raw(y));
                if self.unify(&want, &got, self.locals[l.0 as usize].span, "names in a pattern with `|`").is_err() {
                    let (a, b) = (self.show(&want), self.show(&got));
                    let d =
                        Diag::error(codes::E0201, format!("`{name}` is `{a}` in one alternative and `{b}` in another"))
                            .at(self.locals[l.0 as usize].span, format!("here it is `{b}`"))
                            .also(self.locals[first.0 as usize].span, format!("here it is `{a}`"))
                            .help("write an arm for each");
                    self.report(d);
                }
                values.push(y);
            }
            if values.len() == list.len() {
                // The last is what is left, once the pattern fits.
                let mut value = None;
                for (k, y) in values.into_iter().enumerate().rev() {
                    value = Some(match (value, tests[k]) {
                        (None, _) | (_, None) => y,
                        (Some(rest), Some(cond)) => {
                            let ty = self.raw(x);
                            let kind = ExprKind::If { cond, then: y, otherwise: Some(rest), writes: [].into() };
                            self.push(kind, ty, self.span(y))
                        }
                    });
                }
                binds.push(Stmt::Let(Pat::Bind(first), value.unwrap_or(x)));
            }
            self.see(first);
        }
        for own in names.iter().skip(1) {
            for (l, _) in own {
                let (name, at) = (self.locals[l.0 as usize].name.clone(), self.locals[l.0 as usize].span);
                let known = |(f, _): &(LocalId, ExprId)| self.locals[f.0 as usize].name == name;
                if !names[0].iter().any(known) {
                    self.unbound(&name, at, list[0].span);
                    self.see(*l);
                }
            }
        }
        let test = match tests.iter().copied().collect::<Option<Vec<ExprId>>>().as_deref() {
            Some([first, rest @ ..]) if !rest.is_empty() => {
                let rest: Vec<_> = rest.iter().map(|x| (BinOp::Or, span, *x)).collect();
                Some(self.push(ExprKind::Chain(*first, rest), Ty::Bool, span))
            }
            Some([one]) => Some(*one),
            _ => None,
        };
        Matched { test, binds, case: Case::Or(cases) }
    }

    /// Reports a name that one alternative binds and another does not.
    fn unbound(&mut self, name: &str, bound: Span, without: Span) {
        let d = Diag::error(codes::E0219, format!("`{name}` is not bound in all alternatives of the pattern"))
            .at(without, format!("binds no `{name}`"))
            .also(bound, "bound here")
            .help("bind it in each alternative, write an arm for each, or `_` where the value is not used");
        self.report(d);
    }

    /// `S { x, y: p, .. }`, of a struct or a variant.
    fn fields_pattern_of(
        &mut self,
        path: &'a a::Path,
        fields: &'a [(a::Ident, a::Pattern)],
        rest: bool,
        place: ExprId,
        t: &Ty,
        span: Span,
    ) -> Matched {
        let none = Matched { test: None, binds: Vec::new(), case: Case::Any };
        let of = match self.variant_of(path) {
            Err(()) => return none,
            Ok(Some((id, k))) => match self.of_type(id, k, t, span) {
                Some(of) => Some(of),
                None => return none,
            },
            Ok(None) => None,
        };
        let (id, from, count) = match &of {
            Some(of) => {
                let v = self.variant(of);
                if !v.named {
                    self.carries(of, 0, span);
                    fields.iter().for_each(|f| self.lost(&f.1));
                    return none;
                }
                (of.id, v.first as usize, v.count as usize)
            }
            None => {
                let Some(id) = self.struct_named(path) else { return none };
                if self.of_type(id, 0, t, span).is_none() {
                    return none;
                }
                (id, 0, self.w.structs[id.0 as usize].fields.len())
            }
        };
        let w: &'a crate::world::World<'a> = self.w;
        let own = &w.structs[id.0 as usize].fields[from..from + count];
        let mut seen = vec![false; own.len()];
        let mut list = Vec::new();
        for (name, q) in fields {
            match own.iter().position(|f| f.name == name.name) {
                Some(k) => {
                    if std::mem::replace(&mut seen[k], true) {
                        let d = Diag::error(codes::E0214, format!("field `{}` stands twice", name.name));
                        self.report(d.at(name.span, "again here"));
                    }
                    list.push(((from + k) as u32, q));
                }
                None => {
                    let d = Diag::error(codes::E0103, format!("there is no field `{}`", name.name))
                        .at(name.span, "not declared")
                        .did_you_mean(&name.name, name.span, own.iter().map(|f| &*f.name));
                    self.report(d);
                    self.lost(q);
                }
            }
        }
        let left: Vec<String> =
            own.iter().zip(&seen).filter(|(_, s)| !**s).map(|(f, _)| format!("`{}`", f.name)).collect();
        if !rest && !left.is_empty() {
            let d = Diag::error(codes::E0214, "a pattern that names not all fields")
                .at(span, format!("without {}", left.join(", ")))
                .help("end it with `..` to pass over the rest");
            self.report(d);
        }
        match &of {
            Some(of) => self.variant_pattern(of, place, list, span),
            None => {
                let Ty::Struct(_, tys, sizes) = t else { return none };
                let list: Vec<_> = list
                    .into_iter()
                    .map(|(k, q)| (k, q, subst(&w.structs[id.0 as usize].fields[k as usize].ty, tys, sizes)))
                    .collect();
                self.parts_pattern(place, list, count, 0, None)
            }
        }
    }

    /// A variant, and patterns for fields that it carries.
    fn variant_pattern(&mut self, of: &Of, place: ExprId, list: Vec<(u32, &'a a::Pattern)>, span: Span) -> Matched {
        let v = self.variant(of);
        let test = self.is_variant(place, of, span);
        let list = list.into_iter().map(|(k, q)| (k, q, self.carried(of, k as usize))).collect();
        let mut m = self.parts_pattern(place, list, v.count as usize, v.first as usize, Some(of.variant));
        m.test = match (test, m.test) {
            (Some(x), Some(y)) => Some(self.push(ExprKind::Chain(x, vec![(BinOp::And, span, y)]), Ty::Bool, span)),
            (x, y) => x.or(y),
        };
        m
    }

    /// Patterns for some of the parts of a value: `count` from field `first` on.
    fn parts_pattern(
        &mut self,
        place: ExprId,
        list: Vec<(u32, &'a a::Pattern, Ty)>,
        count: usize,
        first: usize,
        variant: Option<usize>,
    ) -> Matched {
        let (mut tests, mut binds) = (Vec::new(), Vec::new());
        let mut cases = vec![Case::Any; count];
        for (k, q, t) in list {
            let part = self.push(ExprKind::Field(place, k), t.clone(), q.span);
            let m = self.arm_pattern(q, part, &t);
            tests.extend(m.test.map(|x| (q.span, x)));
            binds.extend(m.binds);
            if let Some(c) = cases.get_mut((k as usize).wrapping_sub(first)) {
                *c = m.case;
            }
        }
        let test = tests.split_first().map(|((span, first), rest)| {
            let rest: Vec<_> = rest.iter().map(|(s, x)| (BinOp::And, *s, *x)).collect();
            match rest.is_empty() {
                true => *first,
                false => self.push(ExprKind::Chain(*first, rest), Ty::Bool, *span),
            }
        });
        Matched { test, binds, case: Case::Parts(variant.unwrap_or(0), cases) }
    }

    /// A constant as a pattern.
    fn constant_pattern(&mut self, path: &a::Path, place: ExprId, t: &Ty, span: Span) -> Matched {
        let none = Matched { test: None, binds: Vec::new(), case: Case::Any };
        let super::expr::Named::Const(c) = self.named(path) else {
            self.no_variant(path);
            return none;
        };
        let ty = self.w.const_tys[c.0 as usize].clone();
        let x = self.push(ExprKind::Const(c), ty, span);
        let x = self.coerce(x, t, "this pattern");
        let test = self.compare_with(place, BinOp::Eq, x, span);
        let case = match self.w.const_value(c) {
            Some(v) => Case::Range(v, v),
            // Of which nothing is known: it covers no value for certain.
            None => Case::Or(Vec::new()),
        };
        Matched { test: Some(test), binds: Vec::new(), case }
    }

    fn compare_with(&mut self, place: ExprId, op: BinOp, x: ExprId, span: Span) -> ExprId {
        let t = self.raw(place);
        let class = if op == BinOp::Eq { Class::Eq } else { Class::Ord };
        self.require(&t, class, span, false, "this pattern");
        self.push(ExprKind::Chain(place, vec![(op, span, x)]), Ty::Bool, span)
    }

    /// The type of the value as the one that a pattern is of.
    fn of_type(&mut self, id: StructId, variant: usize, t: &Ty, span: Span) -> Option<Of> {
        match t {
            Ty::Struct(i, tys, sizes) if *i == id => Some(Of { id, tys: tys.clone(), sizes: sizes.clone(), variant }),
            Ty::Error => None,
            other => {
                let (a, b) = (self.show(other), self.w.structs[id.0 as usize].name.clone());
                let d = Diag::error(codes::E0201, format!("a pattern for `{b}`, and the value is `{a}`"));
                self.report(d.at(span, format!("expected a pattern for `{a}`")));
                None
            }
        }
    }
    pub(super) fn struct_named(&mut self, path: &a::Path) -> Option<StructId> {
        if path.parts.len() == 1
            && &*path.parts[0].name == "Self"
            && let Some(Ty::Struct(id, ..)) = &self.sig.owner
        {
            return Some(*id);
        }
        match self.w.path(self.module, path, self.diags)? {
            (crate::world::Def::Struct(id), n)
                if n == path.parts.len() && self.w.structs[id.0 as usize].variants.is_empty() =>
            {
                Some(id)
            }
            (crate::world::Def::Broken, _) => None,
            _ => {
                let d = Diag::error(codes::E0102, format!("`{}` is no struct, and no variant", types::text(path)));
                self.report(d.at(path.span, "in a pattern with fields"));
                None
            }
        }
    }
    fn is_const(&self, name: &a::Ident) -> bool {
        matches!(self.w.name(self.module, &name.name), Some(crate::world::Def::Const(_)))
    }
    fn twice(&self, name: &str) -> bool {
        self.scope.get(name).is_some_and(|v| v.len() > 1)
    }
    /// Binds the names of a pattern that nothing fits, so that their uses are not reported.
    fn lost(&mut self, p: &'a a::Pattern) {
        let place = self.error(p.span);
        self.arm_pattern(p, place, &Ty::Error);
    }
    /// The number of a literal in a pattern.
    fn literal_of(&self, e: a::ExprId) -> Option<i128> {
        match &self.ast.expr(e).kind {
            a::ExprKind::Bool(b) => Some(i128::from(*b)),
            _ => types::eval(self.w, self.module, e, &mut diag::Diags::new(), 0),
        }
    }

    /// The values of a type, for coverage.
    fn space(&mut self, t: &Ty) -> Space {
        let t = self.inf.full(t);
        self.space_of(&t, 0)
    }
    fn space_of(&self, t: &Ty, deep: usize) -> Space {
        let parts = |ts: Vec<Ty>| ts.iter().map(|t| self.space_of(t, deep + 1)).collect::<Vec<_>>();
        match t {
            _ if deep > 8 => Space::Open,
            Ty::Bool => Space::Numbers(0, 1, true),
            Ty::Int { .. } => match types::bounds(t) {
                // Of the largest type the upper half has no number here.
                Some((lo, hi)) if *t != (Ty::Int { signed: false, bits: 128 }) => Space::Numbers(lo, hi, false),
                _ => Space::Open,
            },
            Ty::Tuple(ts) => Space::Cases(vec![(String::new(), parts(ts.clone()))]),
            Ty::Unit => Space::Cases(vec![(String::new(), Vec::new())]),
            Ty::Struct(id, tys, sizes) => {
                let s = &self.w.structs[id.0 as usize];
                let of = |from: usize, count: usize| {
                    s.fields[from..from + count].iter().map(|f| subst(&f.ty, tys, sizes)).collect::<Vec<_>>()
                };
                if s.variants.is_empty() {
                    return Space::Cases(vec![(s.name.to_string(), parts(of(0, s.fields.len())))]);
                }
                let one =
                    |v: &Variant| (format!("{}::{}", s.name, v.name), parts(of(v.first as usize, v.count as usize)));
                Space::Cases(s.variants.iter().map(one).collect())
            }
            _ => Space::Open,
        }
    }
}
