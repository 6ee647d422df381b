//! Bodies of functions: names, types, and coercions of statements and expressions.
//!
//! One pass over the syntax tree with unification; what depends on types not yet known is kept as an obligation and
//! checked at the end of the function (`finish`). Knows no labels.
//!
//! Integer literals have variables as types. An `Index` turns into the integer type that its context asks for by a
//! [`ExprKind::FromIndex`]; where the context is such a variable, the conversion waits, and vanishes if the variable
//! becomes `Index` after all.

mod call;
mod capture;
mod cover;
mod exit;
mod expr;
mod finish;
mod matching;
mod method;
mod ops;
mod stmt;
mod sums;
mod variant;

pub use expr::BUILTINS;
pub use method::{ARRAY_METHODS, STR_METHODS};

use crate::infer::{Clash, Default, Infer, Kind, VAR};
use crate::sig::{Sig, has_class};
use crate::size::{self, Decided};
use crate::tree::*;
use crate::types::{self, Scope};
use crate::world::{Gen, Name, World};
use diag::{Diag, Diags, Span, codes};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;
use syntax::ast as a;

/// A local while its function is checked.
struct LocalInfo {
    name: Name,
    ty: Arc<Ty>,
    mutable: bool,
    span: Span,
    /// Read somewhere.
    used: bool,
    /// Assigned somewhere.
    assigned: bool,
    /// Its value as a size, for an unchanging one that has it.
    size: Option<Size>,
    /// Bound by a `for` over a range.
    is_loop: bool,
    /// An element for each member of this family, known to that member.
    family: Option<PartyId>,
}

/// Something to check once types are known.
enum Obligation {
    /// The type belongs to the class. `elementwise`: or is an array of such.
    Class { ty: Ty, class: Class, span: Span, elementwise: bool, what: String },
    /// A cast.
    Cast { expr: ExprId, span: Span },
}

/// A block that captures by value: nothing outside may be assigned from inside.
#[derive(Clone, Copy)]
struct Barrier {
    watermark: u32,
    word: &'static str,
}

/// The checker of one function.
pub(crate) struct Body<'a, 'd> {
    w: &'a World<'a>,
    module: usize,
    ast: &'a a::Module,
    sig: &'a Sig,
    diags: &'d mut Diags,
    errors_before: usize,
    inf: Infer,
    locals: Vec<LocalInfo>,
    exprs: Vec<Expr>,
    /// Types of expressions, each once.
    shared: FxHashSet<Arc<Ty>>,
    scope: FxHashMap<Name, Vec<LocalId>>,
    /// Names in order of binding, to leave scopes.
    bound: Vec<Name>,
    /// Literals: magnitude and sign, in the order of the arena.
    lits: Vec<(ExprId, u128, bool)>,
    /// Literals with a fraction, as text.
    decimals: Vec<(ExprId, String)>,
    /// Where the `mut` of a local stands, with the space behind it.
    muts: FxHashMap<LocalId, Span>,
    /// Casts that the checker put in for counts.
    soft: Vec<ExprId>,
    obligations: Vec<Obligation>,
    /// Equalities of sizes that wait for inference, or go to the function's list.
    open: Vec<(Size, Size, Span, String)>,
    /// Assigned locals of each branch or loop around.
    writes: Vec<Vec<LocalId>>,
    /// Read locals of each `at` around.
    reads: Vec<Vec<LocalId>>,
    barriers: Vec<Barrier>,
    /// What `return`, `break`, and `continue` leave here.
    leaves: exit::Leaves,
    /// Types of what never gives a value: anything, `()` if nothing asks.
    never: Vec<Ty>,
}

impl<'a> Scope<'a> for Body<'a, '_> {
    fn world(&self) -> &'a World<'a> {
        self.w
    }
    fn module(&self) -> usize {
        self.module
    }
    fn generic(&self, name: &str) -> Option<Gen> {
        self.sig.gens.iter().find(|(n, _)| &**n == name).map(|(_, g)| *g)
    }
    fn generic_names(&self) -> Vec<Name> {
        self.sig.gens.iter().map(|(n, _)| n.clone()).collect()
    }
    fn owner(&self) -> Option<Ty> {
        self.sig.owner.clone()
    }
    fn size(&mut self, e: a::ExprId) -> Size {
        self.size_of(e)
    }
    fn diags(&mut self) -> &mut Diags {
        self.diags
    }
}

/// What a body is checked as.
pub(crate) struct Head<'a> {
    pub name: Name,
    pub span: Span,
    pub doc: &'a str,
    pub library: bool,
    pub lints: bool,
    /// Nodes of its tree, about.
    pub nodes: usize,
}

/// Checks the body of a function.
pub(crate) fn function<'a>(
    w: &'a World<'a>,
    module: usize,
    sig: &'a Sig,
    params: &'a [a::Param],
    body: a::ExprId,
    head: Head<'_>,
    diags: &mut Diags,
) -> Fn {
    let errors_before = diags.error_count();
    let mut b = Body {
        w,
        module,
        ast: &w.mods[module].ast,
        sig,
        diags,
        errors_before,
        inf: Infer::default(),
        locals: Vec::new(),
        exprs: Vec::with_capacity(head.nodes),
        shared: FxHashSet::default(),
        scope: FxHashMap::default(),
        bound: Vec::new(),
        lits: Vec::new(),
        decimals: Vec::new(),
        muts: FxHashMap::default(),
        soft: Vec::new(),
        obligations: Vec::new(),
        open: Vec::new(),
        writes: Vec::new(),
        reads: Vec::new(),
        barriers: Vec::new(),
        leaves: exit::Leaves::of(&sig.ret),
        never: Vec::new(),
    };
    b.inf.classes = sig
        .gens
        .iter()
        .filter_map(|(_, g)| match g {
            Gen::Ty(_, c) => Some(*c),
            Gen::Size(_) => None,
        })
        .collect();
    b.run(params, body, head)
}

impl<'a> Body<'a, '_> {
    fn run(mut self, params: &[a::Param], body: a::ExprId, head: Head<'_>) -> Fn {
        let mut out = Vec::new();
        let mut patterns = Vec::new();
        // Parameters first, so that locals 0.. are the parameters; patterns are taken apart after.
        for (p, s) in params.iter().zip(&self.sig.params) {
            let (name, mutable) = match &p.pat.kind {
                a::PatternKind::Bind { name, mutable } => (name.clone(), *mutable || p.mutable),
                _ => (a::Ident { name: Name::from("_"), span: p.pat.span }, false),
            };
            let local = self.local(name.name.clone(), s.ty.clone(), mutable, name.span);
            if let (Origin::From(p), false) = (s.origin, mutable) {
                self.locals[local.0 as usize].family = Some(p).filter(|p| self.is_family(*p));
            }
            self.muts.insert(local, Span { hi: name.span.lo, ..p.pat.span });
            match &p.pat.kind {
                a::PatternKind::Bind { .. } => {
                    if self.scope.get(&name.name).is_some_and(|v| !v.is_empty()) {
                        let d = Diag::error(codes::E0105, format!("parameter `{}` is declared twice", name.name));
                        self.report(d.at(name.span, "again here"));
                    }
                    self.see(local);
                }
                a::PatternKind::Wild | a::PatternKind::Error => {}
                _ => patterns.push((local, &p.pat, s.ty.clone())),
            }
            out.push(Param {
                local,
                name: name.name,
                ty: s.ty.clone(),
                origin: s.origin,
                range: s.range,
                span: p.span,
            });
        }
        let mut first = Vec::new();
        for (local, pat, ty) in patterns {
            self.locals[local.0 as usize].used = true;
            let x = self.push(ExprKind::Local(local), ty.clone(), pat.span);
            let pat = self.pattern(pat, &ty, None);
            first.push(Stmt::Let(pat, x));
        }
        let ret = self.sig.ret.clone();
        let mut body = self.check(body, &ret, "the function's result");
        if !first.is_empty() {
            let span = self.exprs[body.0 as usize].span;
            body = self.push(ExprKind::Block(first, Some(body)), ret.clone(), span);
        }
        self.finish(out, body, head)
    }

    // ---- small things ----

    fn report(&mut self, d: Diag) {
        self.diags.push(d);
    }
    fn push(&mut self, kind: ExprKind, ty: Ty, span: Span) -> ExprId {
        let ty = self.share(ty);
        self.push_shared(kind, ty, span)
    }
    fn push_shared(&mut self, kind: ExprKind, ty: Arc<Ty>, span: Span) -> ExprId {
        self.exprs.push(Expr { kind, ty, span });
        ExprId(self.exprs.len() as u32 - 1)
    }
    /// The type, shared with what has an equal one.
    fn share(&mut self, ty: Ty) -> Arc<Ty> {
        match self.shared.get(&ty) {
            Some(t) => t.clone(),
            None => {
                let t = Arc::new(ty);
                self.shared.insert(t.clone());
                t
            }
        }
    }
    fn error(&mut self, span: Span) -> ExprId {
        self.push(ExprKind::Error, Ty::Error, span)
    }
    /// Reports, and gives an error expression.
    fn wrong(&mut self, d: Diag, span: Span) -> ExprId {
        self.report(d);
        self.error(span)
    }
    fn span(&self, x: ExprId) -> Span {
        self.exprs[x.0 as usize].span
    }
    fn raw(&self, x: ExprId) -> Ty {
        (*self.exprs[x.0 as usize].ty).clone()
    }
    /// The type of an expression, its outermost constructor known if it is.
    fn ty(&mut self, x: ExprId) -> Ty {
        self.inf.shallow(&self.exprs[x.0 as usize].ty)
    }
    fn show(&mut self, t: &Ty) -> String {
        let t = self.inf.full(t);
        self.w.show(&self.sig.gens, Some(&self.inf), |p| p.ty(&t))
    }
    fn show_size(&mut self, n: &Size) -> String {
        let n = self.inf.full_size(n);
        self.w.show(&self.sig.gens, None, |p| p.size(&n))
    }

    // ---- locals ----

    fn local(&mut self, name: Name, ty: Ty, mutable: bool, span: Span) -> LocalId {
        let ty = self.share(ty);
        self.locals.push(LocalInfo {
            name,
            ty,
            mutable,
            span,
            used: false,
            assigned: false,
            size: None,
            is_loop: false,
            family: None,
        });
        LocalId(self.locals.len() as u32 - 1)
    }
    fn is_family(&self, p: PartyId) -> bool {
        self.w.parties[p.0 as usize].family.is_some()
    }
    /// Brings a local into sight.
    fn see(&mut self, l: LocalId) {
        let name = self.locals[l.0 as usize].name.clone();
        self.scope.entry(name.clone()).or_default().push(l);
        self.bound.push(name);
    }
    fn enter(&self) -> usize {
        self.bound.len()
    }
    fn leave(&mut self, mark: usize) {
        for name in self.bound.drain(mark..) {
            if let Some(v) = self.scope.get_mut(&name) {
                v.pop();
            }
        }
    }
    fn find(&self, name: &str) -> Option<LocalId> {
        self.scope.get(name).and_then(|v| v.last()).copied()
    }

    // ---- scopes that collect writes and reads ----

    /// Collects what `f` assigns of the locals that exist now.
    fn writing<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> (R, std::sync::Arc<[LocalId]>) {
        let watermark = self.locals.len() as u32;
        self.writes.push(Vec::new());
        let r = f(self);
        let list = settle(self.writes.pop().unwrap_or_default(), watermark);
        if let Some(up) = self.writes.last_mut() {
            up.extend_from_slice(&list);
        }
        (r, list.into())
    }
    fn reading<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> (R, std::sync::Arc<[LocalId]>) {
        let watermark = self.locals.len() as u32;
        self.reads.push(Vec::new());
        let r = f(self);
        let list = settle(self.reads.pop().unwrap_or_default(), watermark);
        if let Some(up) = self.reads.last_mut() {
            up.extend_from_slice(&list);
        }
        (r, list.into())
    }
    fn captured<R>(&mut self, word: &'static str, f: impl FnOnce(&mut Self) -> R) -> R {
        self.barriers.push(Barrier { watermark: self.locals.len() as u32, word });
        let r = f(self);
        self.barriers.pop();
        r
    }
    fn read(&mut self, l: LocalId) {
        self.locals[l.0 as usize].used = true;
        if let Some(r) = self.reads.last_mut() {
            r.push(l);
        }
    }

    // ---- types ----

    /// Makes two types equal; undecided sizes are kept for later with `what` for.
    fn unify(&mut self, x: &Ty, y: &Ty, span: Span, what: &str) -> Result<(), Clash> {
        let r = self.inf.unify(x, y);
        self.keep_open(span, what);
        r
    }
    fn keep_open(&mut self, span: Span, what: &str) {
        for o in std::mem::take(&mut self.inf.open) {
            self.open.push((o.0, o.1, span, what.to_string()));
        }
    }
    fn classes_hold(&self, t: &Ty, c: Class) -> bool {
        has_class(&self.w.structs, &self.inf.classes, t, c)
    }

    /// Requires a class, now or at the end.
    fn require(&mut self, t: &Ty, class: Class, span: Span, elementwise: bool, what: &str) {
        let t = self.inf.shallow(t);
        let known = match &t {
            // A literal may turn out to be of fixed point, which has not all classes.
            Ty::Param(k) if *k >= VAR => {
                matches!(self.inf.free(&t), Some(Kind::Int(_))) && matches!(class, Class::Num | Class::Ord | Class::Eq)
            }
            Ty::Array(..) | Ty::Tuple(_) | Ty::Struct(..) => false,
            _ => self.classes_hold(&t, class),
        };
        if !known {
            self.obligations.push(Obligation::Class { ty: t, class, span, elementwise, what: what.to_string() });
        }
    }

    /// An expression with the type that is wanted.
    fn check(&mut self, e: a::ExprId, want: &Ty, what: &str) -> ExprId {
        let x = self.expr(e, Some(want));
        self.coerce(x, want, what)
    }

    /// Fits an expression to a type: an index becomes a number, everything else must agree.
    fn coerce(&mut self, x: ExprId, want: &Ty, what: &str) -> ExprId {
        let (have, want) = (self.ty(x), self.inf.shallow(want));
        let span = self.span(x);
        match (&have, &want) {
            (Ty::Error, _) | (_, Ty::Error) => return x,
            (Ty::Index, Ty::Int { .. } | Ty::Fixed(_)) => return self.push(ExprKind::FromIndex(x), want, span),
            (Ty::Index, Ty::Param(k)) if *k < VAR && self.classes_hold(&want, Class::Num) => {
                return self.push(ExprKind::FromIndex(x), want, span);
            }
            (Ty::Index, Ty::Param(k)) if *k < VAR => {}
            (Ty::Index, Ty::Param(_)) => match self.inf.free(&want) {
                Some(Kind::Any { stored: true }) => {
                    let v = self.inf.int(Default::I64);
                    self.inf.force(&want, v.clone());
                    return self.push(ExprKind::FromIndex(x), v, span);
                }
                Some(Kind::Frac) => return self.push(ExprKind::FromIndex(x), want, span),
                Some(Kind::Int(d)) if d >= Default::Accumulator => {
                    return self.push(ExprKind::FromIndex(x), want, span);
                }
                _ => {}
            },
            (Ty::Int { .. }, Ty::Index) => {
                if let Some(s) = self.const_index(x) {
                    return s;
                }
            }
            _ => {}
        }
        if let Err(clash) = self.unify(&have, &want, span, what) {
            self.mismatch(x, &have, &want, clash, what);
            return self.push(ExprKind::Error, want, span);
        }
        x
    }

    /// A reference to an integer constant, as an index.
    fn const_index(&mut self, x: ExprId) -> Option<ExprId> {
        let ExprKind::Const(c) = self.exprs[x.0 as usize].kind else { return None };
        let v = i64::try_from(self.w.const_value(c)?).ok()?;
        let span = self.span(x);
        Some(self.push(ExprKind::Size(Size::Const(v)), Ty::Index, span))
    }

    fn mismatch(&mut self, x: ExprId, have: &Ty, want: &Ty, clash: Clash, what: &str) {
        let span = self.span(x);
        let (h, n) = (self.show(have), self.show(want));
        let d = match clash {
            Clash::TooLarge => Diag::error(codes::E0215, "this type has too many parts").at(span, ""),
            Clash::Sizes(..) => Diag::error(codes::E0205, format!("{what}: the sizes of `{n}` and `{h}` differ"))
                .at(span, format!("expected `{n}`, found `{h}`")),
            Clash::Types => {
                let d = Diag::error(codes::E0201, format!("{what} is `{n}`, not `{h}`"))
                    .at(span, format!("expected `{n}`, found `{h}`"));
                self.help_cast(d, x, have, want)
            }
        };
        self.report(d);
    }

    /// Proposes a cast or a comparison where that would do.
    fn help_cast(&mut self, d: Diag, x: ExprId, have: &Ty, want: &Ty) -> Diag {
        let span = self.span(x);
        let paren =
            matches!(self.exprs[x.0 as usize].kind, ExprKind::Chain(..) | ExprKind::If { .. } | ExprKind::Block(..));
        let wrap = |after: String| {
            let mut edits = Vec::new();
            if paren {
                edits.push(diag::Edit { span: span.before(), replacement: "(".into() });
            }
            let close = if paren { ")" } else { "" };
            edits.push(diag::Edit { span: span.after(), replacement: format!("{close}{after}") });
            edits
        };
        match (have, want) {
            (Ty::Int { .. } | Ty::Fixed(_) | Ty::Bool | Ty::Index, Ty::Int { .. } | Ty::Fixed(_)) => {
                let t = self.show(want);
                d.help_edits(
                    format!("convert it: `as {t}` (a value that does not fit wraps)"),
                    wrap(format!(" as {t}")),
                )
            }
            (Ty::Int { .. } | Ty::Index, Ty::Bool) => d.help_edits("compare it with zero", wrap(" != 0".into())),
            (Ty::Int { .. }, Ty::Index) => {
                d.help("give the variable that it goes to an integer type, for instance `let mut k: u64 = 0`")
            }
            (Ty::Unit, _) => d.note("a block gives the value of its last expression if no `;` follows it"),
            _ => d,
        }
    }

    // ---- sizes ----

    /// An expression as a size, in a body.
    fn size_of(&mut self, e: a::ExprId) -> Size {
        let x = self.expr(e, Some(&Ty::Index));
        let t = self.ty(x);
        if t == Ty::Error {
            return Size::Error;
        }
        if let Some(s) = self.as_size(x) {
            if s == Size::Error {
                let d = Diag::error(codes::E0204, "this size overflows, divides by zero, or is too long to track");
                let span = self.span(x);
                self.report(d.at(span, ""));
            }
            return s;
        }
        let span = self.span(x);
        let mut d = Diag::error(codes::E0207, "this is no size").at(span, "a size is expected here");
        let is_loop = self.mentions_loop(x);
        d = if is_loop {
            d.note("a loop index changes from turn to turn, and a length cannot: take the greatest length and use a part of it")
        } else {
            d.note("sizes are numbers, size parameters, sizes of families, constants, `len()`, names for such, and `+ - * / %` of these")
        };
        self.report(d);
        Size::Error
    }

    fn mentions_loop(&self, x: ExprId) -> bool {
        match &self.exprs[x.0 as usize].kind {
            ExprKind::Local(l) => self.locals[l.0 as usize].is_loop,
            ExprKind::Chain(f, r) => self.mentions_loop(*f) || r.iter().any(|(_, _, y)| self.mentions_loop(*y)),
            ExprKind::FromIndex(y) | ExprKind::Cast(y) => self.mentions_loop(*y),
            _ => false,
        }
    }

    /// The value of a checked expression as a size, if it has one.
    fn as_size(&mut self, x: ExprId) -> Option<Size> {
        let ty = self.ty(x);
        // Only exact arithmetic: of indices, of literals, and of constants where no step leaves their type.
        let exact = ty == Ty::Index || matches!(self.inf.free(&ty), Some(Kind::Int(_)));
        let range = if exact { None } else { types::bounds(&ty) };
        let y = &self.exprs[x.0 as usize];
        match &y.kind {
            ExprKind::Size(s) => Some(s.clone()),
            ExprKind::Lit(_) => {
                let (_, v, negative) = self.lits[self.lits.binary_search_by_key(&x, |l| l.0).ok()?];
                let v = i64::try_from(v).ok()?;
                Some(Size::Const(if negative { -v } else { v }))
            }
            ExprKind::Local(l) => self.locals[l.0 as usize].size.clone(),
            ExprKind::Const(c) => Some(Size::Const(i64::try_from(self.w.const_value(*c)?).ok()?)),
            ExprKind::Chain(first, rest) if exact || range.is_some() => {
                let (first, rest) = (*first, rest.clone());
                if rest.len() > 64 {
                    return None;
                }
                let mut s = self.as_size(first)?;
                for (op, _, y) in rest {
                    let r = self.as_size(y)?;
                    s = size::apply(types::size_op(op)?, &s, &r);
                    if let Some((lo, hi)) = range {
                        let Size::Const(v) = s else { return None };
                        (lo..=hi).contains(&i128::from(v)).then_some(())?;
                    }
                }
                Some(s)
            }
            ExprKind::FromIndex(y) => self.as_size(*y),
            ExprKind::Block(stmts, Some(t)) if stmts.is_empty() => self.as_size(*t),
            ExprKind::Builtin(Builtin::Len, args) => {
                let recv = args[0];
                match self.ty(recv) {
                    Ty::Array(_, n) => Some(n),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Requires two sizes to be equal.
    fn same_size(&mut self, m: &Size, n: &Size, span: Span, what: &str) {
        let r = self.inf.unify_size(m, n);
        self.keep_open(span, what);
        if let Err(Clash::Sizes(m, n)) = r {
            self.sizes_differ(&m, &n, span, what);
        }
    }
    fn sizes_differ(&mut self, m: &Size, n: &Size, span: Span, what: &str) {
        let (m, n) = (self.show_size(m), self.show_size(n));
        let d = Diag::error(codes::E0205, format!("{what}: sizes {m} and {n} differ"));
        self.report(d.at(span, format!("{m} here, {n} there")));
    }
}

/// Sorted, once each, and only those that existed before.
fn settle(mut v: Vec<LocalId>, watermark: u32) -> Vec<LocalId> {
    v.retain(|l| l.0 < watermark);
    v.sort_unstable();
    v.dedup();
    v
}

/// For the graph pass: equalities of a callee with the caller's sizes.
pub(crate) fn decided(left: &Size, right: &Size) -> Decided {
    size::decide(left, right)
}
