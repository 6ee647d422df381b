//! Types and patterns. Knows no statement.

use super::{Brk, ERROR, Printer};
use syntax::ast::*;

impl Printer<'_> {
    /// Parentheses of the text that have no node, in front of what begins at `lo`; how many.
    fn parens(&mut self, lo: u32) -> usize {
        let mut n = 0;
        while self.at("(") && self.src.as_ref().is_some_and(|s| s.next_lo() < lo as usize) {
            self.tok("(");
            n += 1;
        }
        n
    }

    fn close_parens(&mut self, n: usize) {
        for _ in 0..n {
            self.drop_comma();
            self.tok(")");
        }
    }

    pub(super) fn ty(&mut self, t: &Type) {
        let parens = self.parens(t.span.lo);
        match &t.kind {
            TypeKind::Path { path, args } => {
                self.path(path);
                let empty = args.is_empty() && t.span.hi > path.span.hi && self.at("<");
                if !args.is_empty() || empty {
                    self.generic_args(args);
                }
            }
            TypeKind::Array { elem, len } => {
                self.tok("[");
                self.ty(elem);
                self.tok(";");
                self.put(" ");
                self.expr(*len);
                self.tok("]");
            }
            TypeKind::Tuple(parts) => self.tuple(parts, |p, t| p.ty(t)),
            TypeKind::Fn { params, ret } => {
                self.tok("fn");
                self.list(["(", ")"], "", params, |p, t| p.ty(t));
                if let Some(r) = ret {
                    self.put(" ");
                    self.word("->");
                    let bare = !matches!(r.kind, TypeKind::Labelled { .. } | TypeKind::At { .. }) && r.range.is_none();
                    self.ty_in(r, bare);
                }
            }
            TypeKind::Labelled { label, ty } => {
                self.word(match label {
                    LabelWord::Public => "public",
                    LabelWord::Secret => "secret",
                });
                self.ty_in(ty, !matches!(ty.kind, TypeKind::Labelled { .. } | TypeKind::At { .. }));
            }
            TypeKind::At { ty, party } => {
                self.ty_in(ty, !matches!(ty.kind, TypeKind::At { .. }));
                self.put(" ");
                self.tok("@");
                self.tok(&party.name);
            }
            TypeKind::Error => self.put(ERROR),
        }
        if let Some(r) = &t.range {
            self.put(" ");
            self.word("in");
            self.expr(r.lo);
            self.tok(if r.inclusive { "..=" } else { ".." });
            self.expr(r.hi);
        }
        self.close_parens(parens);
    }

    /// In parentheses unless `bare`; those of a text are where they are.
    pub(super) fn ty_in(&mut self, t: &Type, bare: bool) {
        if bare || self.src.is_some() {
            self.ty(t);
        } else {
            self.tok("(");
            self.ty(t);
            self.tok(")");
        }
    }

    /// `<…>`
    pub(super) fn generic_args(&mut self, args: &[GenericArg]) {
        self.list(["<", ">"], "", args, |p, a| match a {
            GenericArg::Type(t) => p.ty(t),
            GenericArg::Size(e) => {
                let braces = if p.src.is_some() { p.at("{") } else { !p.bare_size(*e) };
                if braces {
                    p.tok("{");
                }
                p.expr(*e);
                if braces {
                    p.tok("}");
                }
            }
        });
    }

    /// Can a size argument stand without braces?
    fn bare_size(&self, e: ExprId) -> bool {
        match &self.m.expr(e).kind {
            ExprKind::Int { .. } => true,
            ExprKind::Chain { first, rest } if syntax::level(rest[0].0) >= 7 => {
                self.bare_size(*first)
                    || matches!(&self.m.expr(*first).kind, ExprKind::Path { args, .. } if args.is_empty())
            }
            _ => false,
        }
    }

    pub(super) fn pattern(&mut self, pat: &Pattern) {
        let parens = self.parens(pat.span.lo);
        match &pat.kind {
            PatternKind::Bind { name, mutable } => {
                if *mutable {
                    self.word("mut");
                }
                self.tok(&name.name);
            }
            PatternKind::Wild => {
                // `mut _` is read as `_`.
                if self.at("mut") {
                    self.word("mut");
                }
                self.tok("_");
            }
            PatternKind::Tuple(parts) => self.tuple(parts, |p, x| p.pattern(x)),
            PatternKind::Fields { path, fields, rest } => {
                self.path(path);
                self.put(" ");
                self.fields_pattern(fields, *rest);
            }
            PatternKind::Variant { path, parts } => {
                self.path(path);
                self.list(["(", ")"], "", parts, |p, x| p.pattern(x));
            }
            PatternKind::Path(path) => self.path(path),
            PatternKind::Lit(e) => self.expr(*e),
            PatternKind::Range { lo, hi, inclusive } => {
                self.expr(*lo);
                self.tok(if *inclusive { "..=" } else { ".." });
                self.expr(*hi);
            }
            PatternKind::Or(all) => {
                for (k, x) in all.iter().enumerate() {
                    if k > 0 {
                        self.put(" ");
                        self.word("|");
                    }
                    self.pattern(x);
                }
            }
            PatternKind::Error => self.put(ERROR),
        }
        self.close_parens(parens);
    }

    /// `{ x, y: p, .. }`
    fn fields_pattern(&mut self, fields: &[(Ident, Pattern)], rest: bool) {
        let mut items: Vec<Option<&(Ident, Pattern)>> = fields.iter().map(Some).collect();
        if rest {
            items.push(None);
        }
        self.list(["{", "}"], " ", &items, |p, f| match f {
            None => p.tok(".."),
            Some((name, pat)) => {
                // Written short, the name is the pattern.
                let short = matches!(&pat.kind, PatternKind::Bind { name: n, .. } if n.span == name.span);
                if !short {
                    p.tok(&name.name);
                    p.tok(":");
                    p.put(" ");
                }
                p.pattern(pat);
            }
        });
    }

    /// `|a, b: T|`
    pub(super) fn closure_params(&mut self, params: &[ClosureParam]) {
        if params.is_empty() && (self.src.is_none() || self.at("||")) {
            self.tok("||");
            return;
        }
        self.tok("|");
        for (k, c) in params.iter().enumerate() {
            self.pattern(&c.pat);
            if let Some(t) = &c.ty {
                self.tok(":");
                self.put(" ");
                self.ty(t);
            }
            if k + 1 < params.len() {
                self.tok(",");
                self.brk_none();
            } else {
                self.drop_comma();
            }
        }
        self.tok("|");
    }

    /// A space where no line ends.
    fn brk_none(&mut self) {
        if self.suffix {
            self.brk(Brk::Hard(false));
        } else {
            self.put(" ");
        }
    }
}
