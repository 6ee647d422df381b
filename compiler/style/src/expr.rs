//! Statements and expressions: what breaks first, and what stays on the line of its head. Knows no item.

use super::doc::Doc;
use super::{Brk, ERROR, Printer};
use syntax::ast::*;
use syntax::op_text;

/// A name of at most so many columns has the first method of a broken chain on its line.
const SHORT: usize = 4;
/// Literals of at most so many columns share lines in a broken array.
const SMALL: usize = 10;

/// How a block is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// A statement or less to each line.
    Tall,
    /// A value alone may share the line with its braces.
    Short,
}

impl Printer<'_> {
    // ---- blocks, statements

    fn block_of(&self, id: ExprId) -> Option<&Block> {
        match &self.m.expr(id).kind {
            ExprKind::Block(b) => Some(b),
            _ => None,
        }
    }

    /// The body of a function or loop.
    pub(super) fn body(&mut self, id: ExprId) {
        self.braces(id, Style::Tall);
    }

    /// A block that may stay on its line if it is a value alone.
    fn short_body(&mut self, id: ExprId) {
        let style = if self.is_value(id) { Style::Short } else { Style::Tall };
        self.group(|p| p.braces(id, style));
    }

    /// A block of nothing but a value that fits a line.
    fn is_value(&self, id: ExprId) -> bool {
        self.block_of(id).is_some_and(|b| b.stmts.is_empty() && b.tail.is_some())
    }

    fn braces(&mut self, id: ExprId, style: Style) {
        let m = self.m;
        let ExprKind::Block(b) = &m.expr(id).kind else {
            self.expr(id);
            return;
        };
        self.tok("{");
        if b.stmts.is_empty() && b.tail.is_none() {
            let inside = self.capture(|p| p.dangling(true));
            let some = inside.is_hard();
            self.push(Doc::indent(inside));
            if some {
                self.brk(Brk::Hard(false));
            } else if self.suffix {
                self.brk(Brk::Soft(""));
            }
            self.tok("}");
            return;
        }
        self.indent(|p| {
            let mut first = true;
            let brk = |p: &mut Self, first: bool| match (style, first) {
                (Style::Short, _) => p.brk(Brk::Soft(" ")),
                (Style::Tall, true) => p.brk(Brk::Hard(false)),
                (Style::Tall, false) => p.brk(Brk::Keep),
            };
            for s in &b.stmts {
                brk(p, std::mem::take(&mut first));
                p.stmt(s);
            }
            if let Some(t) = b.tail {
                brk(p, first);
                p.tail(t);
            }
            p.dangling(style == Style::Tall);
        });
        self.brk(if style == Style::Tall { Brk::Hard(false) } else { Brk::Soft(" ") });
        self.tok("}");
    }

    fn stmt(&mut self, s: &Stmt) {
        match &s.kind {
            StmtKind::Let { pat, ty, init } => {
                self.word("let");
                self.pattern(pat);
                if let Some(t) = ty {
                    self.tok(":");
                    self.put(" ");
                    self.ty(t);
                }
                self.put(" ");
                self.tok("=");
                self.rhs(*init);
                self.tok(";");
            }
            StmtKind::Assign { .. } => self.assign(s),
            StmtKind::Expr { expr, semi } => {
                let e = self.m.expr(*expr);
                // A semicolon alone is read as `()`.
                if self.at(";") && e.span == s.span {
                    self.tok(";");
                    return;
                }
                match &e.kind {
                    ExprKind::If { .. } => self.if_expr(*expr, true),
                    ExprKind::At { .. } => self.at_block(*expr, Style::Tall),
                    ExprKind::Block(_) => self.braces(*expr, Style::Tall),
                    _ => self.expr(*expr),
                }
                if *semi {
                    self.tok(";");
                }
            }
            StmtKind::Error => self.put(ERROR),
        }
    }

    fn assign(&mut self, s: &Stmt) {
        self.assign_bare(s);
        // At the end of a block the semicolon may be missing.
        if self.src.is_none() || self.at(";") {
            self.tok(";");
        }
    }

    /// Without its semicolon.
    fn assign_bare(&mut self, s: &Stmt) {
        let StmtKind::Assign { place, op, value } = &s.kind else { return };
        self.expr(*place);
        self.put(" ");
        match op {
            None => self.tok("="),
            Some(op) => self.tok(&format!("{}=", op_text(*op))),
        }
        self.rhs(*value);
    }

    /// The value of a block.
    fn tail(&mut self, id: ExprId) {
        match &self.m.expr(id).kind {
            ExprKind::Block(_) => self.braces(id, Style::Tall),
            _ => self.expr(id),
        }
    }

    /// A value behind `=`.
    pub(super) fn rhs(&mut self, id: ExprId) {
        use ExprKind::*;
        let kind = &self.m.expr(id).kind;
        let whole = matches!(
            kind,
            Int { .. }
                | Decimal(_)
                | Bool(_)
                | Str(_)
                | Circuit { .. }
                | Path { .. }
                | Unary { .. }
                | Chain { .. }
                | Cast { .. }
                | Range { .. }
                | Field { .. }
                | TupleField { .. }
                | Index { .. }
                | Paren(_)
        );
        // A comment that has a line of its own keeps it.
        let before = self.capture(|p| p.brk(Brk::Soft(" ")));
        if before.is_hard() {
            self.push(Doc::indent(before));
            let d = self.capture(|p| p.expr(id));
            self.push(Doc::indent(d));
        } else if whole {
            let d = self.capture(|p| p.expr(id));
            self.push(Doc::rhs(d));
        } else {
            self.put(" ");
            self.expr(id);
        }
    }

    // ---- expressions

    pub(super) fn expr(&mut self, id: ExprId) {
        use ExprKind::*;
        let m = self.m;
        let e = m.expr(id);
        match &e.kind {
            Int { value, overflow, suffix } => {
                let text = match &self.src {
                    Some(src) => src.slice(e.span.lo, e.span.hi).to_string(),
                    None => {
                        let suffix = suffix.as_ref().map_or("", |s| &*s.name);
                        match overflow {
                            true => format!("340282366920938463463374607431768211456{suffix}"),
                            false => format!("{value}{suffix}"),
                        }
                    }
                };
                self.tok(&text);
            }
            Decimal(text) => self.tok(text),
            Bool(b) => self.tok(if *b { "true" } else { "false" }),
            Str(s) | Circuit { file: s } => {
                let text = match &self.src {
                    Some(src) => src.slice(e.span.lo, e.span.hi).to_string(),
                    None => quoted(s),
                };
                self.tok(&text);
            }
            Path { path, args } => {
                self.path(path);
                if !args.is_empty() || self.at("::") {
                    self.tok("::");
                    self.generic_args(args);
                }
            }
            Unary { op, expr } => {
                self.tok(match op {
                    UnOp::Neg => "-",
                    UnOp::Not => "!",
                });
                self.expr(*expr);
            }
            Chain { .. } => self.group(|p| p.chain(id)),
            Cast { expr, ty } => {
                self.expr(*expr);
                self.put(" ");
                self.word("as");
                let bare = ty.range.is_none()
                    && match &ty.kind {
                        TypeKind::Path { path, args } => {
                            args.is_empty() || (path.parts.len() == 1 && &*path.parts[0].name == "fixed")
                        }
                        TypeKind::Array { .. } | TypeKind::Tuple(_) | TypeKind::Error => true,
                        _ => false,
                    };
                self.ty_in(ty, bare);
            }
            Range { lo, hi, inclusive } => {
                self.expr(*lo);
                self.tok(if *inclusive { "..=" } else { ".." });
                self.expr(*hi);
            }
            Call { .. } | Method { .. } | Field { .. } | TupleField { .. } | Index { .. } => self.postfix(id),
            Array(parts) => self.array(parts),
            Repeat { value, len } => {
                self.tok("[");
                self.expr(*value);
                self.tok(";");
                self.put(" ");
                self.expr(*len);
                self.tok("]");
            }
            Tuple(parts) => self.tuple(parts, |p, e| p.expr(*e)),
            Paren(inner) => {
                self.tok("(");
                self.expr(*inner);
                self.tok(")");
            }
            Struct { path, fields } => {
                self.path(path);
                self.put(" ");
                self.list(["{", "}"], " ", fields, |p, f| {
                    p.tok(&f.name.name);
                    if p.m.expr(f.value).span != f.name.span {
                        p.tok(":");
                        p.put(" ");
                        p.expr(f.value);
                    }
                });
            }
            Closure { params, body } => {
                self.closure_params(params);
                self.put(" ");
                match self.block_of(*body) {
                    Some(_) => self.short_body(*body),
                    None => self.expr(*body),
                }
            }
            Block(_) => self.short_body(id),
            If { .. } => self.if_expr(id, false),
            Match { scrutinee, arms } => self.match_expr(*scrutinee, arms),
            For { pat, iter, body } => {
                self.word("for");
                self.pattern(pat);
                self.put(" ");
                self.word("in");
                self.head(*iter);
                self.body(*body);
            }
            While { cond, max, body } => {
                self.word("while");
                match max {
                    None => self.head(*cond),
                    Some(k) => {
                        self.expr(*cond);
                        self.put(" ");
                        self.word("max");
                        self.expr(*k);
                        self.put(" ");
                    }
                }
                self.body(*body);
            }
            At { .. } => self.at_block(id, Style::Short),
            Return(value) => {
                self.tok("return");
                if let Some(v) = value {
                    self.put(" ");
                    self.expr(*v);
                }
            }
            Break => self.tok("break"),
            Continue => self.tok("continue"),
            Error => self.put(ERROR),
        }
    }

    /// `first op e op e`: broken, each operator begins a line.
    fn chain(&mut self, id: ExprId) {
        let m = self.m;
        let ExprKind::Chain { first, rest } = &m.expr(id).kind else { return };
        self.expr(*first);
        self.indent(|p| {
            for (op, _, e) in rest {
                p.brk(Brk::Soft(" "));
                p.word(op_text(*op));
                p.expr(*e);
            }
        });
    }

    /// What stands between a word and `{`: where it is broken, the brace gets a line.
    fn head(&mut self, id: ExprId) {
        if matches!(self.m.expr(id).kind, ExprKind::Chain { .. }) {
            self.group(|p| {
                p.chain(id);
                p.brk(Brk::Soft(" "));
            });
        } else {
            self.expr(id);
            self.brk_space();
        }
    }

    fn match_expr(&mut self, scrutinee: ExprId, arms: &[Arm]) {
        self.word("match");
        self.head(scrutinee);
        self.group(|p| {
            p.tok("{");
            p.indent(|p| {
                for (k, a) in arms.iter().enumerate() {
                    p.brk(if k == 0 { Brk::Hard(false) } else { Brk::Keep });
                    p.pattern(&a.pat);
                    if let Some(g) = a.guard {
                        p.put(" ");
                        p.word("if");
                        p.expr(g);
                    }
                    p.put(" ");
                    p.tok("=>");
                    p.put(" ");
                    p.arm_body(a.body);
                }
                p.dangling(true);
            });
            p.brk(if arms.is_empty() { Brk::Soft("") } else { Brk::Hard(false) });
            p.tok("}");
        });
    }

    /// What an arm gives: behind a block no comma stands.
    fn arm_body(&mut self, body: ExprId) {
        let m = self.m;
        // An assignment that is the whole body has no braces.
        let assigns = match &m.expr(body).kind {
            ExprKind::Block(Block { stmts, tail: None }) => match &stmts[..] {
                [s @ Stmt { kind: StmtKind::Assign { .. }, span }] if *span == m.expr(body).span => Some(s),
                _ => None,
            },
            _ => None,
        };
        match (assigns, &m.expr(body).kind) {
            (Some(s), _) => self.assign_bare(s),
            (None, ExprKind::Block(_)) => {
                self.braces(body, Style::Tall);
                self.drop_comma();
                return;
            }
            _ => self.expr(body),
        }
        if self.src.is_none() || self.at(",") { self.tok(",") } else { self.put(",") }
    }

    /// A space, unless a comment wants the end of the line.
    fn brk_space(&mut self) {
        if self.suffix {
            self.brk(Brk::Hard(false));
        } else {
            self.put(" ");
        }
    }

    fn at_block(&mut self, id: ExprId, style: Style) {
        let m = self.m;
        let ExprKind::At { party, body } = &m.expr(id).kind else { return };
        self.word("at");
        self.tok(&party.name);
        self.put(" ");
        match style {
            Style::Short => self.short_body(*body),
            Style::Tall => self.body(*body),
        }
    }

    /// `if`: as a value, on one line if both sides are values and all of it fits.
    fn if_expr(&mut self, id: ExprId, tall: bool) {
        let m = self.m;
        let ExprKind::If { then, otherwise, .. } = &m.expr(id).kind else { return };
        let short = !tall && self.is_value(*then) && otherwise.is_some_and(|e| self.is_value(e));
        let style = if short { Style::Short } else { Style::Tall };
        self.group(|p| {
            let mut at = id;
            while let ExprKind::If { cond, then, otherwise } = &m.expr(at).kind {
                p.word("if");
                p.head(*cond);
                p.braces(*then, style);
                let Some(e) = otherwise else { return };
                p.brk_else();
                p.word("else");
                at = *e;
            }
            p.braces(at, style);
        });
    }

    /// Before `else`: a comment there gets its line.
    fn brk_else(&mut self) {
        let d = self.capture(|p| p.brk(Brk::Soft(" ")));
        self.push(if d.is_hard() { d } else { Doc::text(" ") });
    }

    fn array(&mut self, parts: &[ExprId]) {
        let m = self.m;
        let small = |id: &ExprId| {
            let e = match &m.expr(*id).kind {
                ExprKind::Unary { expr, .. } => m.expr(*expr),
                _ => m.expr(*id),
            };
            let literal = matches!(e.kind, ExprKind::Int { .. } | ExprKind::Bool(_) | ExprKind::Decimal(_));
            literal && (e.span.hi - e.span.lo) as usize <= SMALL
        };
        if parts.len() < 2 || !parts.iter().all(small) {
            return self.list(["[", "]"], "", parts, |p, e| p.expr(*e));
        }
        self.group(|p| {
            p.tok("[");
            p.indent(|p| {
                p.brk(Brk::Soft(""));
                let mut fill = Vec::new();
                for (k, e) in parts.iter().enumerate() {
                    if k > 0 {
                        fill.push(p.capture(|p| p.brk(Brk::Soft(" "))));
                    }
                    fill.push(p.capture(|p| {
                        p.expr(*e);
                        if k + 1 < parts.len() {
                            p.tok(",");
                        } else {
                            p.drop_comma();
                        }
                    }));
                }
                p.push(Doc::fill(fill));
                p.push(Doc::if_broken(","));
                p.dangling(false);
            });
            p.brk(Brk::Soft(""));
            p.tok("]");
        });
    }

    // ---- calls

    /// A base with calls, methods, fields, and indices behind it.
    fn postfix(&mut self, id: ExprId) {
        use ExprKind::*;
        let m = self.m;
        let mut links = Vec::new();
        let mut base = id;
        while let Call { callee: of, .. }
        | Method { recv: of, .. }
        | Field { expr: of, .. }
        | TupleField { expr: of, .. }
        | Index { expr: of, .. } = &m.expr(base).kind
        {
            links.push(base);
            base = *of;
        }
        links.reverse();
        let is_method = |l: &ExprId| matches!(m.expr(*l).kind, Method { .. });
        let methods = links.iter().filter(|l| is_method(l)).count();
        if methods < 2 {
            self.expr(base);
            for l in links {
                self.link(l);
            }
            return;
        }
        // The base, with what stands before its first method; then each method with what stands behind it, and the place
        // to break before it.
        let mut start = self.capture(|p| p.expr(base));
        let mut segments: Vec<(Doc, Doc)> = Vec::new();
        let mut at = 0;
        while at < links.len() {
            let n = 1 + links[at + 1..].iter().take_while(|l| !is_method(l)).count();
            let run = &links[at..at + n];
            let starts = is_method(&run[0]);
            let brk = self.capture(|p| {
                if starts {
                    p.brk(Brk::Soft(""));
                }
            });
            let d = self.capture(|p| run.iter().for_each(|l| p.link(*l)));
            if starts {
                segments.push((brk, d));
            } else {
                start = Doc::cat(vec![start, d]);
            }
            at += n;
        }
        let joined = |s: &[(Doc, Doc)]| s.iter().flat_map(|(b, d)| [b.clone(), d.clone()]).collect::<Vec<_>>();
        let all = joined(&segments);
        let flat = Doc::cat([&[start.clone()], &all[..]].concat());
        // A short name takes its first method along.
        let first = &segments[0];
        let short = start.width() <= SHORT && !start.is_hard() && !first.0.is_hard() && !first.1.is_hard();
        let along = if short { vec![start.clone(), segments[0].1.clone()] } else { vec![start.clone()] };
        let below = Doc::indent(Doc::cat(joined(&segments[usize::from(short)..])));
        let tall = Doc::group(Doc::cat([&along[..], &[below]].concat()));
        let (last, before) = (&segments[methods - 1], &all[..all.len() - 2]);
        let before = Doc::cat([&[start], before].concat());
        let hugs = last.1.is_hard() && !last.0.is_hard() && !before.is_hard() && self.hugs_last(links[links.len() - 1]);
        let hug = hugs.then(|| Doc::cat(vec![Doc::flat(before), last.1.clone()]));
        self.push(Doc::best(flat, hug, tall));
    }

    /// Whether the last argument of a call is a block or a closure with one.
    fn hugs_last(&self, call: ExprId) -> bool {
        let last = match &self.m.expr(call).kind {
            ExprKind::Method { args, .. } => args.last(),
            ExprKind::Call { args, .. } => args.last(),
            _ => None,
        };
        last.is_some_and(|a| self.is_block(*a))
    }

    fn is_block(&self, id: ExprId) -> bool {
        use ExprKind::*;
        match &self.m.expr(id).kind {
            Closure { body, .. } => self.is_block(*body),
            Block(_) | If { .. } | For { .. } | While { .. } | At { .. } | Match { .. } => true,
            _ => false,
        }
    }

    fn link(&mut self, id: ExprId) {
        use ExprKind::*;
        let m = self.m;
        match &m.expr(id).kind {
            Call { args, .. } => self.call_args(args),
            Method { name, generics, args, .. } => {
                self.tok(".");
                self.tok(&name.name);
                if !generics.is_empty() || self.at("::") {
                    self.tok("::");
                    self.generic_args(generics);
                }
                self.call_args(args);
            }
            Field { name, .. } => {
                self.tok(".");
                self.tok(&name.name);
            }
            TupleField { index, .. } => {
                self.tok(".");
                self.tok(&index.to_string());
            }
            Index { index, .. } => {
                self.tok("[");
                self.expr(*index);
                self.tok("]");
            }
            _ => {}
        }
    }

    /// `(a, b)`; a block at the end keeps its head on the line of the call.
    fn call_args(&mut self, args: &[ExprId]) {
        use ExprKind::*;
        let Some((&last, _)) = args.split_last() else {
            return self.list(["(", ")"], "", args, |p, e| p.expr(*e));
        };
        let kind = &self.m.expr(last).kind;
        let hugs = self.is_block(last)
            || matches!(kind, Closure { .. })
            || args.len() == 1 && matches!(kind, Struct { .. } | Array(_) | Tuple(_) | Call { .. });
        let open = self.capture(|p| p.tok("("));
        let mut parts = Vec::new();
        let mut plain = hugs;
        let mut head = vec![open.clone()];
        for (k, &e) in args.iter().enumerate() {
            let brk = self.capture(|p| p.brk(Brk::Soft(if k == 0 { "" } else { " " })));
            let before = self.suffix;
            let d = self.capture(|p| {
                p.expr(e);
                if k + 1 < args.len() {
                    p.tok(",");
                }
            });
            plain &= !brk.is_hard() && (k + 1 == args.len() || !d.is_hard()) && !before;
            if k > 0 {
                head.push(Doc::text(" "));
            }
            head.push(if k + 1 < args.len() { Doc::flat(d.clone()) } else { Doc::forced(d.clone()) });
            parts.push(brk);
            parts.push(d);
        }
        let end = self.capture(|p| {
            p.drop_comma();
            p.push(Doc::if_broken(","));
            p.dangling(false);
        });
        plain &= !end.is_hard();
        parts.push(end);
        let brk = self.capture(|p| p.brk(Brk::Soft("")));
        plain &= !brk.is_hard();
        let close = self.capture(|p| p.tok(")"));
        head.push(close.clone());
        let broken = Doc::group(Doc::cat(vec![open, Doc::indent(Doc::cat(parts)), brk, close]));
        self.push(match plain {
            true => Doc::best(broken.clone(), Some(Doc::cat(head)), broken),
            false => broken,
        });
    }
}

/// A string as it is written.
fn quoted(s: &str) -> String {
    let mut out = String::from("\"");
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
