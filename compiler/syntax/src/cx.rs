//! What the grammar's actions do: make nodes, measure depth, and say what is wrong with programs that almost parse.
//!
//! Knows the tree. Knows neither tokens' filter nor how errors of the parser itself become words (`message.rs`).

use crate::ast::*;
use crate::climb::Between;
use crate::lexer::{Tok, split_number};
use crate::ops::level;
use diag::{Diag, FileId, Span, codes};
use lalrpop_util::ErrorRecovery;
use rustc_hash::FxHashMap;
use std::cell::Cell;
use std::sync::Arc;

/// How deep a tree may be, counted in nodes: all that later passes need to recurse.
pub const MAX_DEPTH: u32 = 512;

/// A recovered error of the parser.
pub type Recovery<'a> = ErrorRecovery<u32, Tok<'a>, ()>;

/// State of one parse.
pub struct Cx<'a> {
    file: FileId,
    names: FxHashMap<&'a str, Arc<str>>,
    /// The arena.
    pub exprs: Vec<Expr>,
    /// Depth of the tree under each expression.
    depth: Vec<u32>,
    too_deep: bool,
    /// Operands that wait for their right-hand sides, with the operators behind them.
    pub waiting: Vec<(ExprId, Between)>,
    /// Errors of the parser, in order.
    pub errors: Vec<Recovery<'a>>,
    /// Their number, for who feeds the parser.
    error_count: &'a Cell<usize>,
    /// Errors that actions found.
    pub diags: Vec<Diag>,
}

/// Where `++` stands.
pub enum StepPos {
    /// `++i`
    Before,
    /// `i++`, and where.
    After(u32),
}

impl<'a> Cx<'a> {
    /// For a file of so many tokens: a tree has hardly more expressions.
    pub fn new(file: FileId, tokens: usize, error_count: &'a Cell<usize>) -> Cx<'a> {
        Cx {
            file,
            names: FxHashMap::default(),
            // Pages of it that are never written cost nothing.
            exprs: Vec::with_capacity(tokens.min(1 << 22)),
            depth: Vec::with_capacity(tokens.min(1 << 22)),
            too_deep: false,
            waiting: Vec::new(),
            errors: Vec::new(),
            error_count,
            diags: Vec::new(),
        }
    }

    pub fn span(&self, lo: u32, hi: u32) -> Span {
        // A production that recovered over nothing has its end before its beginning.
        Span { file: self.file, lo: lo.min(hi), hi }
    }

    pub fn recover(&mut self, e: Recovery<'a>) {
        self.errors.push(e);
        self.error_count.set(self.errors.len());
    }

    fn say(&mut self, d: Diag) {
        self.diags.push(d);
    }

    // ---- names

    pub fn ident(&mut self, s: &'a str, lo: u32) -> Ident {
        let name = self.names.entry(s).or_insert_with(|| s.into()).clone();
        // The filter may have cut a name that is too long; its span is cut likewise.
        Ident { name, span: self.span(lo, lo + s.len() as u32) }
    }

    // ---- items

    pub fn items(&mut self, doc: String, attrs: Vec<Attr>, kinds: Vec<ItemKind>, lo: u32, hi: u32) -> Vec<Item> {
        let span = self.span(lo, hi);
        kinds.into_iter().map(|kind| Item { doc: doc.clone(), attrs: attrs.clone(), kind, span }).collect()
    }

    pub fn uses(&mut self, t: Vec<(Vec<Ident>, Option<Ident>)>) -> Vec<ItemKind> {
        t.into_iter()
            .map(|(parts, alias)| {
                let span = parts[0].span.to(parts[parts.len() - 1].span);
                ItemKind::Use { path: Path { parts, span }, alias }
            })
            .collect()
    }

    pub fn use_group(
        &mut self,
        prefix: Path,
        groups: Vec<Vec<(Vec<Ident>, Option<Ident>)>>,
    ) -> Vec<(Vec<Ident>, Option<Ident>)> {
        let tails: Vec<_> = groups.into_iter().flatten().collect();
        // Groups in groups multiply their prefixes.
        if prefix.parts.len() + tails.iter().map(|t| t.0.len()).max().unwrap_or(0) > 64 {
            self.deep(prefix.span, "paths are");
            return Vec::new();
        }
        tails.into_iter().map(|(tail, alias)| (prefix.parts.iter().cloned().chain(tail).collect(), alias)).collect()
    }

    pub fn methods(&mut self, items: Vec<Item>) -> Vec<Item> {
        let (fns, others): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|i| matches!(i.kind, ItemKind::Fn(_) | ItemKind::Error));
        if let Some(i) = others.first() {
            let d = Diag::error(codes::E0007, "only functions stand in an `impl`").at(i.span, "this is none");
            self.say(d);
        }
        fns
    }

    /// What stands for the body of an `extern circuit fn`. `word` is what stands after `extern`.
    pub fn circuit(&mut self, word: Ident, file: &'a str, lo: u32, hi: u32) -> ExprId {
        if &*word.name != "circuit" {
            let d = Diag::error(codes::E0007, "`extern` introduces circuits alone")
                .at(word.span, "`circuit` stands here: `extern circuit fn f(x: u64) -> u64 = \"f.txt\";`");
            self.say(d);
        }
        self.push(ExprKind::Circuit { file: file.into() }, lo, hi)
    }

    pub fn param(&mut self, pat: Pattern, ty: Type, from: Option<Ident>, lo: u32, hi: u32) -> Param {
        let mutable = matches!(pat.kind, PatternKind::Bind { mutable: true, .. });
        Param { mutable, pat, ty, from, span: self.span(lo, hi) }
    }

    /// `self` needs no type; everything else does.
    pub fn untyped_param(&mut self, pat: Pattern, lo: u32, hi: u32) -> Option<Param> {
        let span = self.span(lo, hi);
        let is_self = matches!(&pat.kind, PatternKind::Bind { name, .. } if &*name.name == "self");
        let kind = if is_self {
            let name = self.ident("Self", lo);
            let name = Ident { span, ..name };
            TypeKind::Path { path: Box::new(Path { parts: vec![name], span }), args: Vec::new() }
        } else {
            let d = Diag::error(codes::E0020, "this parameter has no type").at(span, "which type?").help_edit(
                "say it, for instance",
                span.after(),
                ": u64",
            );
            self.say(d);
            TypeKind::Error
        };
        let ty = Type { kind, range: None, span };
        Some(self.param(pat, ty, None, lo, hi))
    }

    pub fn ret_tuple(
        &mut self,
        parts: Vec<(Type, Option<Ident>)>,
        at: Option<Ident>,
        to: Option<Ident>,
        lo: u32,
        hi: u32,
        end: u32,
    ) -> RetType {
        let span = self.span(lo, hi);
        // Parts that go different ways: to parties, or kept as shares.
        let several = parts.len() > 1;
        let own = |t: &Type| several && matches!(t.kind, TypeKind::Labelled { .. });
        if parts.iter().any(|p| p.1.is_some() || own(&p.0)) {
            if let Some(p) = at.or(to) {
                let d = Diag::error(codes::E0007, "parts of this result have recipients already")
                    .at(p.span, "so the whole cannot have one")
                    .also(span, "here");
                self.say(d);
            }
            return RetType::Tuple { parts, span };
        }
        let types = parts.into_iter().map(|p| p.0).collect::<Vec<_>>();
        // `(T)` is `T`: no trailing comma can be told here, and a one-tuple is of no use as a result.
        let one = types.len() == 1;
        let ty = self.tuple_type((types, !one), lo, hi);
        let ty = self.at_type(ty, at, lo, end);
        RetType::One { ty, to }
    }

    // ---- types

    /// A type; one that is too deep becomes an error. Measured anew at every level: depth is capped, so that is linear.
    pub fn ty(&mut self, kind: TypeKind, lo: u32, hi: u32) -> Type {
        let t = Type { kind, range: None, span: self.span(lo, hi) };
        if self.of_type(&t) > MAX_DEPTH {
            self.deep(t.span, "types are");
            return Type { kind: TypeKind::Error, ..t };
        }
        t
    }

    pub fn at_type(&mut self, t: Type, party: Option<Ident>, lo: u32, hi: u32) -> Type {
        match party {
            None => t,
            Some(party) => self.ty(TypeKind::At { ty: Box::new(t), party }, lo, hi),
        }
    }

    pub fn ranged(&mut self, t: Type, lo: ExprId, hi: ExprId, inclusive: bool, l: u32, r: u32) -> Type {
        Type { range: Some(Box::new(RangeBound { lo, hi, inclusive })), span: self.span(l, r), ..t }
    }

    pub fn fixed_type(&mut self, args: Vec<GenericArg>, lo: u32, hi: u32) -> Type {
        let name = self.ident("fixed", lo);
        let path = Path { span: name.span, parts: vec![name] };
        self.ty(TypeKind::Path { path: Box::new(path), args }, lo, hi)
    }

    pub fn tuple_type(&mut self, (mut parts, comma): (Vec<Type>, bool), lo: u32, hi: u32) -> Type {
        match (parts.len(), comma) {
            // `(T)` is `T`, and its span that of the inside.
            (1, false) => parts.remove(0),
            _ => self.ty(TypeKind::Tuple(parts), lo, hi),
        }
    }

    pub fn say_slice(&mut self, lo: u32, hi: u32) {
        let span = self.span(lo, hi);
        let end = self.span(hi - 1, hi - 1);
        let d = Diag::error(codes::E0007, "an array type says its length").at(span, "how many elements?").help_edit(
            "write `[T; N]`, for instance with a size parameter `N` of the function",
            end,
            "; N",
        );
        self.say(d);
    }

    // ---- patterns

    pub fn bind(&mut self, mutable: bool, name: Ident, lo: u32, hi: u32) -> Pattern {
        let kind = if &*name.name == "_" { PatternKind::Wild } else { PatternKind::Bind { name, mutable } };
        Pattern { kind, span: self.span(lo, hi) }
    }

    pub fn tuple_pattern(&mut self, (mut parts, comma): (Vec<Pattern>, bool), lo: u32, hi: u32) -> Pattern {
        match (parts.len(), comma) {
            (1, false) => parts.remove(0),
            _ => Pattern { kind: PatternKind::Tuple(parts), span: self.span(lo, hi) },
        }
    }

    /// One name binds, unless it turns out to be a constant's; a longer path names a variant or a constant.
    pub fn path_pattern(&mut self, mut path: Path, lo: u32, hi: u32) -> Pattern {
        match path.parts.len() {
            1 => self.bind(false, path.parts.remove(0), lo, hi),
            _ => Pattern { kind: PatternKind::Path(Box::new(path)), span: self.span(lo, hi) },
        }
    }

    pub fn fields_pattern(&mut self, path: Path, list: Vec<Option<(Ident, Pattern)>>, lo: u32, hi: u32) -> Pattern {
        let rest = list.last().is_some_and(Option::is_none);
        let kept = list.len() - usize::from(rest);
        if list[..kept].iter().any(Option::is_none) {
            let d = Diag::error(codes::E0007, "`..` stands last in a pattern").at(self.span(lo, hi), "not at its end");
            self.say(d);
        }
        let fields = list.into_iter().flatten().collect();
        Pattern { kind: PatternKind::Fields { path: Box::new(path), fields, rest }, span: self.span(lo, hi) }
    }

    // ---- statements

    pub fn block(&mut self, b: Block, lo: u32, hi: u32) -> ExprId {
        self.push(ExprKind::Block(b), lo, hi)
    }

    pub fn empty_stmt(&mut self, lo: u32, hi: u32) -> Stmt {
        let expr = self.push(ExprKind::Tuple(Vec::new()), lo, hi);
        Stmt { kind: StmtKind::Expr { expr, semi: true }, span: self.span(lo, hi) }
    }

    pub fn let_without_value(&mut self, pat: Pattern, ty: Option<Type>, lo: u32, hi: u32) -> Stmt {
        let span = self.span(lo, hi);
        let d = Diag::error(codes::E0013, "this variable has no value")
            .at(span, "every variable has one from the start")
            .help_edit("give it one", span.after(), " = 0");
        self.say(d);
        let init = self.push(ExprKind::Error, hi, hi);
        Stmt { kind: StmtKind::Let { pat, ty: ty.map(Box::new), init }, span }
    }

    pub fn step(&mut self, place: ExprId, pos: StepPos, lo: u32, hi: u32) -> Stmt {
        let span = self.span(lo, hi);
        let d = Diag::error(codes::E0015, "there is no increment operator").at(span, "write `+= 1` or `-= 1`");
        let d = match pos {
            StepPos::After(at) => d.help_edit("add one, if that is meant", self.span(at, hi), " += 1"),
            StepPos::Before => {
                let at = self.exprs[place.0 as usize].span;
                let gone = diag::Edit { span: self.span(lo, at.lo), replacement: String::new() };
                let comes = diag::Edit { span: at.after(), replacement: " += 1".into() };
                d.help_edits("add one, if that is meant", vec![gone, comes])
            }
        };
        self.say(d);
        let value = self.push(ExprKind::Error, hi, hi);
        Stmt { kind: StmtKind::Assign { place, op: None, value }, span }
    }

    // ---- expressions

    /// Where an expression begins.
    pub fn lo(&self, id: ExprId) -> u32 {
        self.exprs[id.0 as usize].span.lo
    }

    /// Puts a node into the arena; one that is too deep becomes an error.
    pub fn push(&mut self, kind: ExprKind, lo: u32, hi: u32) -> ExprId {
        let span = self.span(lo, hi);
        let depth = 1 + self.depth_below(&kind);
        let (kind, depth) = if depth > MAX_DEPTH {
            self.deep(span, "expressions are");
            (ExprKind::Error, 1)
        } else {
            (kind, depth)
        };
        self.exprs.push(Expr { kind, span });
        self.depth.push(depth);
        ExprId(self.exprs.len() as u32 - 1)
    }

    fn deep(&mut self, span: Span, what: &str) {
        if !std::mem::replace(&mut self.too_deep, true) {
            // The whole of it may be megabytes; its head is enough.
            let shown = Span { hi: span.hi.min(span.lo + 40), ..span };
            self.say(
                Diag::error(codes::E0006, format!("{what} nested too deeply"))
                    .at(shown, "it begins here")
                    .help("give names to parts of it with `let`"),
            );
        }
    }

    fn of(&self, id: ExprId) -> u32 {
        self.depth[id.0 as usize]
    }

    fn all(&self, ids: &[ExprId]) -> u32 {
        ids.iter().map(|&i| self.of(i)).max().unwrap_or(0)
    }

    fn of_type(&self, t: &Type) -> u32 {
        let range = t.range.as_ref().map_or(0, |r| self.of(r.lo).max(self.of(r.hi)));
        let kind = match &t.kind {
            TypeKind::Path { args, .. } => self.of_args(args),
            TypeKind::Array { elem, len } => self.of_type(elem).max(self.of(*len)),
            TypeKind::Tuple(parts) => parts.iter().map(|t| self.of_type(t)).max().unwrap_or(0),
            TypeKind::Fn { params, ret } => {
                params.iter().chain(ret.as_deref()).map(|t| self.of_type(t)).max().unwrap_or(0)
            }
            TypeKind::Labelled { ty, .. } | TypeKind::At { ty, .. } => self.of_type(ty),
            TypeKind::Error => 0,
        };
        1 + range.max(kind)
    }

    fn of_args(&self, args: &[GenericArg]) -> u32 {
        let one = |a: &GenericArg| match a {
            GenericArg::Type(t) => self.of_type(t),
            GenericArg::Size(e) => self.of(*e),
        };
        args.iter().map(one).max().unwrap_or(0)
    }

    fn depth_below(&self, kind: &ExprKind) -> u32 {
        use ExprKind::*;
        match kind {
            Int { .. } | Decimal(_) | Bool(_) | Str(_) | Circuit { .. } | Break | Continue | Error => 0,
            Path { args, .. } => self.of_args(args),
            Unary { expr, .. } | Field { expr, .. } | TupleField { expr, .. } => self.of(*expr),
            Match { scrutinee, arms } => {
                let arm = |a: &Arm| self.of(a.body).max(a.guard.map_or(0, |g| self.of(g)));
                arms.iter().map(arm).fold(self.of(*scrutinee), u32::max)
            }
            Paren(e) | At { body: e, .. } => self.of(*e),
            Chain { first, rest } => rest.iter().map(|r| self.of(r.2)).fold(self.of(*first), u32::max),
            Cast { expr, ty } => self.of(*expr).max(self.of_type(ty)),
            Range { lo, hi, .. } => self.of(*lo).max(self.of(*hi)),
            Call { callee, args } => self.of(*callee).max(self.all(args)),
            Method { recv, generics, args, .. } => self.of(*recv).max(self.all(args)).max(self.of_args(generics)),
            Index { expr, index } => self.of(*expr).max(self.of(*index)),
            Array(v) | Tuple(v) => self.all(v),
            Repeat { value, len } => self.of(*value).max(self.of(*len)),
            Struct { fields, .. } => fields.iter().map(|f| self.of(f.value)).max().unwrap_or(0),
            Closure { params, body } => {
                let types = params.iter().filter_map(|p| p.ty.as_ref()).map(|t| self.of_type(t)).max();
                self.of(*body).max(types.unwrap_or(0))
            }
            Block(b) => {
                let stmt = |s: &Stmt| match &s.kind {
                    StmtKind::Let { ty, init, .. } => self.of(*init).max(ty.as_ref().map_or(0, |t| self.of_type(t))),
                    StmtKind::Assign { place, value, .. } => self.of(*place).max(self.of(*value)),
                    StmtKind::Expr { expr, .. } => self.of(*expr),
                    StmtKind::Error => 0,
                };
                let tail = b.tail.map_or(0, |t| self.of(t));
                b.stmts.iter().map(stmt).max().unwrap_or(0).max(tail)
            }
            If { cond, then, otherwise } => self.of(*cond).max(self.of(*then)).max(otherwise.map_or(0, |e| self.of(e))),
            For { iter, body, .. } => self.of(*iter).max(self.of(*body)),
            While { cond, max, body } => self.of(*cond).max(self.of(*body)).max(max.map_or(0, |e| self.of(e))),
            Return(e) => e.map_or(0, |e| self.of(e)),
        }
    }

    /// `l op r`, joined to `l` if that is a chain of this precedence (one in parentheses is another node).
    pub fn chain(&mut self, l: ExprId, (op, at): (BinOp, Span), r: ExprId) -> ExprId {
        let (i, below) = (l.0 as usize, self.of(r) + 1);
        let end = self.exprs[r.0 as usize].span;
        if let Expr { kind: ExprKind::Chain { rest, .. }, span } = &mut self.exprs[i]
            && level(rest[0].0) == level(op)
            && below <= MAX_DEPTH
        {
            rest.push((op, at, r));
            *span = span.to(end);
            self.depth[i] = self.depth[i].max(below);
            return l;
        }
        let lo = self.exprs[i].span.lo;
        self.push(ExprKind::Chain { first: l, rest: vec![(op, at, r)] }, lo, end.hi)
    }

    pub fn compare(&mut self, l: ExprId, (op, at): (BinOp, Span), r: ExprId) -> ExprId {
        let Expr { kind: ExprKind::Chain { first, rest }, span } = &self.exprs[l.0 as usize] else {
            return self.chain(l, (op, at), r);
        };
        if level(rest[0].0) != level(op) {
            return self.chain(l, (op, at), r);
        }
        let (first, before, left) = (*first, rest[0].1, *span);
        let generic = rest[0].0 == BinOp::Lt && op == BinOp::Gt;
        let whole = left.to(self.exprs[r.0 as usize].span);
        let d =
            Diag::error(codes::E0010, "comparisons do not chain").at(at, "second comparison").also(before, "first one");
        let name = matches!(self.exprs[first.0 as usize].kind, ExprKind::Path { .. });
        let d = if generic && name {
            d.help_edit("if these are generic arguments, write `::<`", before, "::<")
        } else {
            d.help("join two comparisons with `&&`: `a < b && b < c`")
        };
        self.say(d);
        self.push(ExprKind::Error, whole.lo, whole.hi)
    }

    pub fn range(&mut self, lo: ExprId, hi: ExprId, inclusive: bool) -> ExprId {
        let (l, r) = (self.exprs[lo.0 as usize].span.lo, self.exprs[hi.0 as usize].span.hi);
        if let Expr { kind: ExprKind::Range { .. }, span } = &self.exprs[lo.0 as usize] {
            let d = Diag::error(codes::E0010, "ranges do not chain")
                .at(self.exprs[hi.0 as usize].span, "third bound")
                .also(*span, "this is a range already");
            self.say(d);
            return self.push(ExprKind::Error, l, r);
        }
        self.push(ExprKind::Range { lo, hi, inclusive }, l, r)
    }

    /// `&`, `&mut`, or `*` before what begins at `hi`.
    pub fn say_reference(&mut self, lo: u32, hi: u32) {
        let d = Diag::error(codes::E0014, "there are no references")
            .at(self.span(lo, lo + 1), "values, arrays included, are passed as they are")
            .help_edit("leave it out", self.span(lo, hi), "");
        self.say(d);
    }

    pub fn assign_in_cond(&mut self, op_lo: u32, op_hi: u32, lo: u32, hi: u32) -> ExprId {
        let op = self.span(op_lo, op_hi);
        let d = Diag::error(codes::E0012, "`=` assigns; a condition compares")
            .at(op, "an assignment is no condition")
            .help_edit("compare", op, "==");
        self.say(d);
        self.push(ExprKind::Error, lo, hi)
    }

    pub fn nested_fn(&mut self, name: Ident, lo: u32, hi: u32) -> ExprId {
        let d = Diag::error(codes::E0007, "functions stand beside each other, not inside of each other")
            .at(name.span, "this one is inside of another")
            .help("move it out, or see whether a `}` is missing above");
        self.say(d);
        self.push(ExprKind::Error, lo, hi)
    }

    pub fn int(&mut self, text: &'a str, lo: u32, hi: u32) -> ExprId {
        // The lexer has checked it; two indices in one token (`0.1`) have no form but digits.
        let (radix, digits, suffix) = split_number(text).unwrap_or((10, "0", ""));
        let (value, overflow) = value(radix, digits);
        let suffix = (!suffix.is_empty()).then(|| Box::new(self.ident(suffix, hi - suffix.len() as u32)));
        self.push(ExprKind::Int { value, overflow, suffix }, lo, hi)
    }

    pub fn tuple_field(&mut self, expr: ExprId, index: &'a str, index_lo: u32, lo: u32, hi: u32) -> ExprId {
        let index_span = self.span(index_lo, hi);
        match index.parse::<u32>() {
            Ok(n) if index.len() == 1 || !index.starts_with('0') => {
                self.push(ExprKind::TupleField { expr, index: n, index_span }, lo, hi)
            }
            _ => {
                let d = Diag::error(codes::E0002, "this is no index of a tuple")
                    .at(index_span, "a plain decimal number is expected");
                self.say(d);
                self.push(ExprKind::Error, lo, hi)
            }
        }
    }

    pub fn string(&mut self, raw: &'a str, lo: u32, hi: u32) -> ExprId {
        let mut text = String::with_capacity(raw.len());
        let mut chars = raw.chars();
        while let Some(c) = chars.next() {
            match if c == '\\' { chars.next() } else { None } {
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some('0') => text.push('\0'),
                Some(other) => text.push(other),
                None => text.push(c),
            }
        }
        self.push(ExprKind::Str(text.into()), lo, hi)
    }

    pub fn paren(&mut self, (parts, comma): (Vec<ExprId>, bool), lo: u32, hi: u32) -> ExprId {
        match (&parts[..], comma) {
            ([one], false) => self.push(ExprKind::Paren(*one), lo, hi),
            _ => self.push(ExprKind::Tuple(parts), lo, hi),
        }
    }

    pub fn path(&mut self, path: Path, lo: u32, hi: u32) -> ExprId {
        self.push(ExprKind::Path { path: Box::new(path), args: Vec::new() }, lo, hi)
    }

    pub fn method(
        &mut self,
        recv: ExprId,
        name: Ident,
        generics: Vec<GenericArg>,
        args: Vec<ExprId>,
        lo: u32,
        hi: u32,
    ) -> ExprId {
        let (name, generics, args) = (Box::new(name), generics.into(), args.into());
        self.push(ExprKind::Method { recv, name, generics, args }, lo, hi)
    }

    pub fn name_expr(&mut self, name: &Ident) -> ExprId {
        let path = Path { parts: vec![name.clone()], span: name.span };
        self.path(path, name.span.lo, name.span.hi)
    }
}

/// The value of digits, saturated, and whether that was needed.
fn value(radix: u32, digits: &str) -> (u128, bool) {
    let mut v = 0u128;
    for d in digits.chars().filter_map(|c| c.to_digit(radix)) {
        match v.checked_mul(u128::from(radix)).and_then(|v| v.checked_add(u128::from(d))) {
            Some(next) => v = next,
            None => return (u128::MAX, true),
        }
    }
    (v, false)
}
