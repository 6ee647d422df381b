//! The tree as a program again, in one canonical layout: what `--emit ast` prints. Comments are gone; parsing the text
//! gives the same tree, and printing that the same text. Knows no line width.
//!
//! Recursion is bounded by the parser's cap on depth.

use crate::ast::*;
use std::fmt::Write;

/// Prints a module. Error nodes are printed as `/* error */`.
pub fn print(m: &Module) -> String {
    let mut p = Printer { m, out: String::new(), indent: 0 };
    if !m.doc.is_empty() {
        p.doc("//!", &m.doc);
    }
    for (i, item) in m.items.iter().enumerate() {
        if i > 0 || !m.doc.is_empty() {
            p.out.push('\n');
        }
        p.item(item);
    }
    p.out
}

/// Prints one expression of a module on the current line.
pub fn print_expr(m: &Module, e: ExprId) -> String {
    let mut p = Printer { m, out: String::new(), indent: 0 };
    p.expr(e);
    p.out
}

/// Prints a type.
pub fn print_type(m: &Module, t: &Type) -> String {
    let mut p = Printer { m, out: String::new(), indent: 0 };
    p.ty(t);
    p.out
}

const ERROR: &str = "/* error */";

struct Printer<'m> {
    m: &'m Module,
    out: String,
    indent: usize,
}

impl Printer<'_> {
    fn put(&mut self, s: &str) {
        self.out.push_str(s);
    }
    fn start(&mut self) {
        for _ in 0..self.indent {
            self.out.push_str("    ");
        }
    }
    fn list<T>(&mut self, items: &[T], sep: &str, mut f: impl FnMut(&mut Self, &T)) {
        for (i, x) in items.iter().enumerate() {
            if i > 0 {
                self.put(sep);
            }
            f(self, x);
        }
    }
    /// `(a, b)`, and `(a,)` for one.
    fn tuple<T>(&mut self, items: &[T], f: impl FnMut(&mut Self, &T)) {
        self.put("(");
        self.list(items, ", ", f);
        self.put(if items.len() == 1 { ",)" } else { ")" });
    }

    // ---- items

    fn doc(&mut self, mark: &str, doc: &str) {
        for line in doc.split('\n') {
            self.start();
            let space = if line.is_empty() { "" } else { " " };
            let _ = writeln!(self.out, "{mark}{space}{line}");
        }
    }

    fn attr(&mut self, a: &Attr) {
        let _ = write!(self.out, "[{}", a.name.name);
        if !a.args.is_empty() {
            self.put("(");
            self.list(&a.args, ", ", |p, n| p.put(&n.name));
            self.put(")");
        }
        self.put("]\n");
    }

    fn item(&mut self, i: &Item) {
        if !i.doc.is_empty() {
            self.doc("///", &i.doc);
        }
        for a in &i.attrs {
            self.start();
            self.put("#");
            self.attr(a);
        }
        self.start();
        match &i.kind {
            ItemKind::Party(decls) => {
                self.put("party ");
                self.list(decls, ", ", |p, d| {
                    p.put(&d.name.name);
                    if let Some(f) = &d.family {
                        let _ = write!(p.out, "[{}]", f.name);
                    }
                });
                self.put(";\n");
            }
            ItemKind::Struct(s) => {
                let _ = write!(self.out, "struct {}", s.name.name);
                self.generics(&s.generics);
                self.put(if s.fields.is_empty() { " {" } else { " {\n" });
                self.indent += 1;
                for f in &s.fields {
                    if !f.doc.is_empty() {
                        self.doc("///", &f.doc);
                    }
                    self.start();
                    let _ = write!(self.out, "{}: ", f.name.name);
                    self.ty(&f.ty);
                    self.put(",\n");
                }
                self.indent -= 1;
                if !s.fields.is_empty() {
                    self.start();
                }
                self.put("}\n");
            }
            ItemKind::Enum(n) => {
                let _ = writeln!(self.out, "enum {} {{}}", n.name);
            }
            ItemKind::Const { name, ty, value } => {
                let _ = write!(self.out, "const {}: ", name.name);
                self.ty(ty);
                self.put(" = ");
                self.expr(*value);
                self.put(";\n");
            }
            ItemKind::Fn(f) => self.function(f),
            ItemKind::Mod(n) => {
                let _ = writeln!(self.out, "mod {};", n.name);
            }
            ItemKind::Use { path, alias } => {
                self.put("use ");
                self.path(path);
                if let Some(a) = alias {
                    let _ = write!(self.out, " as {}", a.name);
                }
                self.put(";\n");
            }
            ItemKind::Impl { ty, fns } => {
                self.put("impl ");
                self.ty(ty);
                self.put(" {\n");
                self.indent += 1;
                for (n, f) in fns.iter().enumerate() {
                    if n > 0 {
                        self.put("\n");
                    }
                    self.item(f);
                }
                self.indent -= 1;
                self.start();
                self.put("}\n");
            }
            ItemKind::InnerAttr(a) => {
                self.put("#!");
                self.attr(a);
            }
            ItemKind::Error => {
                self.put(ERROR);
                self.put("\n");
            }
        }
    }

    fn generics(&mut self, g: &[GenericParam]) {
        if g.is_empty() {
            return;
        }
        self.put("<");
        self.list(g, ", ", |p, g| {
            p.put(&g.name.name);
            if let Some(b) = &g.bound {
                let _ = write!(p.out, ": {}", b.name);
            }
        });
        self.put(">");
    }

    fn function(&mut self, f: &FnDecl) {
        if f.checked {
            self.put("checked ");
        }
        let _ = write!(self.out, "fn {}", f.name.name);
        self.generics(&f.generics);
        self.put("(");
        self.list(&f.params, ", ", |p, a| {
            p.pattern(&a.pat);
            let own = matches!(&a.pat.kind, PatternKind::Bind { name, .. } if &*name.name == "self");
            if !(own && matches!(&a.ty.kind, TypeKind::Path { path, .. } if &*path.parts[0].name == "Self")) {
                p.put(": ");
                p.ty(&a.ty);
            }
            if let Some(from) = &a.from {
                let _ = write!(p.out, " from {}", from.name);
            }
        });
        self.put(")");
        match &f.ret {
            None => {}
            Some(RetType::One { ty, to }) => {
                self.put(" -> ");
                self.to((ty, to.as_ref()));
            }
            Some(RetType::Tuple { parts, .. }) => {
                self.put(" -> (");
                self.list(parts, ", ", |p, (ty, to)| p.to((ty, to.as_ref())));
                self.put(")");
            }
        }
        self.put(" ");
        self.expr(f.body);
        self.put("\n");
    }

    fn to(&mut self, (ty, to): (&Type, Option<&Ident>)) {
        self.ty(ty);
        if let Some(to) = to {
            let _ = write!(self.out, " to {}", to.name);
        }
    }

    fn path(&mut self, path: &Path) {
        self.list(&path.parts, "::", |p, n| p.put(&n.name));
    }

    // ---- types

    fn ty(&mut self, t: &Type) {
        match &t.kind {
            TypeKind::Path { path, args } => {
                self.path(path);
                if !args.is_empty() {
                    self.put("<");
                    self.args(args);
                    self.put(">");
                }
            }
            TypeKind::Array { elem, len } => {
                self.put("[");
                self.ty(elem);
                self.put("; ");
                self.expr(*len);
                self.put("]");
            }
            TypeKind::Tuple(parts) => self.tuple(parts, |p, t| p.ty(t)),
            TypeKind::Fn { params, ret } => {
                self.put("fn(");
                self.list(params, ", ", |p, t| p.ty(t));
                self.put(")");
                if let Some(r) = ret {
                    self.put(" -> ");
                    let bare = !matches!(r.kind, TypeKind::Labelled { .. } | TypeKind::At { .. }) && r.range.is_none();
                    self.ty_in(r, bare);
                }
            }
            TypeKind::Labelled { label, ty } => {
                self.put(match label {
                    LabelWord::Public => "public ",
                    LabelWord::Secret => "secret ",
                });
                self.ty_in(ty, !matches!(ty.kind, TypeKind::Labelled { .. } | TypeKind::At { .. }));
            }
            TypeKind::At { ty, party } => {
                self.ty_in(ty, !matches!(ty.kind, TypeKind::At { .. }));
                let _ = write!(self.out, " @{}", party.name);
            }
            TypeKind::Error => self.put(ERROR),
        }
        if let Some(r) = &t.range {
            self.put(" in ");
            self.expr(r.lo);
            self.put(if r.inclusive { "..=" } else { ".." });
            self.expr(r.hi);
        }
    }

    /// In parentheses unless `bare`.
    fn ty_in(&mut self, t: &Type, bare: bool) {
        if bare {
            self.ty(t);
        } else {
            self.put("(");
            self.ty(t);
            self.put(")");
        }
    }

    fn args(&mut self, args: &[GenericArg]) {
        self.list(args, ", ", |p, a| match a {
            GenericArg::Type(t) => p.ty(t),
            GenericArg::Size(e) if p.bare_size(*e) => p.expr(*e),
            GenericArg::Size(e) => {
                p.put("{");
                p.expr(*e);
                p.put("}");
            }
        });
    }

    /// Can a size argument stand without braces?
    fn bare_size(&self, e: ExprId) -> bool {
        match &self.m.expr(e).kind {
            ExprKind::Int { .. } => true,
            ExprKind::Chain { first, rest } if crate::cx::level(rest[0].0) >= 7 => {
                self.bare_size(*first)
                    || matches!(&self.m.expr(*first).kind, ExprKind::Path { args, .. } if args.is_empty())
            }
            _ => false,
        }
    }

    // ---- patterns, statements

    fn pattern(&mut self, pat: &Pattern) {
        match &pat.kind {
            PatternKind::Bind { name, mutable } => {
                self.put(if *mutable { "mut " } else { "" });
                self.put(&name.name);
            }
            PatternKind::Wild => self.put("_"),
            PatternKind::Tuple(parts) => self.tuple(parts, |p, x| p.pattern(x)),
            PatternKind::Error => self.put(ERROR),
        }
    }

    fn block(&mut self, b: &Block) {
        if b.stmts.is_empty() && b.tail.is_none() {
            self.put("{}");
            return;
        }
        self.put("{\n");
        self.indent += 1;
        for s in &b.stmts {
            self.start();
            self.stmt(s);
            self.put("\n");
        }
        if let Some(t) = b.tail {
            self.start();
            self.expr(t);
            self.put("\n");
        }
        self.indent -= 1;
        self.start();
        self.put("}");
    }

    fn stmt(&mut self, s: &Stmt) {
        match &s.kind {
            StmtKind::Let { pat, ty, init } => {
                self.put("let ");
                self.pattern(pat);
                if let Some(t) = ty {
                    self.put(": ");
                    self.ty(t);
                }
                self.put(" = ");
                self.expr(*init);
                self.put(";");
            }
            StmtKind::Assign { place, op, value } => {
                self.expr(*place);
                self.put(" ");
                if let Some(op) = op {
                    self.put(op_text(*op));
                }
                self.put("= ");
                self.expr(*value);
                self.put(";");
            }
            StmtKind::Expr { expr, semi } => {
                self.expr(*expr);
                if *semi {
                    self.put(";");
                }
            }
            StmtKind::Error => self.put(ERROR),
        }
    }

    // ---- expressions

    fn expr(&mut self, id: ExprId) {
        use ExprKind::*;
        let m = self.m;
        match &m.expr(id).kind {
            Int { value, overflow, suffix } => {
                if *overflow {
                    self.put("340282366920938463463374607431768211456");
                } else {
                    let _ = write!(self.out, "{value}");
                }
                if let Some(s) = suffix {
                    self.put(&s.name);
                }
            }
            Decimal(text) => self.put(text),
            Bool(b) => self.put(if *b { "true" } else { "false" }),
            Str(s) => {
                self.put("\"");
                for c in s.chars() {
                    match c {
                        '"' => self.put("\\\""),
                        '\\' => self.put("\\\\"),
                        '\n' => self.put("\\n"),
                        '\r' => self.put("\\r"),
                        '\t' => self.put("\\t"),
                        '\0' => self.put("\\0"),
                        c => self.out.push(c),
                    }
                }
                self.put("\"");
            }
            Path { path, args } => {
                self.path(path);
                if !args.is_empty() {
                    self.put("::<");
                    self.args(args);
                    self.put(">");
                }
            }
            Unary { op, expr } => {
                self.put(match op {
                    UnOp::Neg => "-",
                    UnOp::Not => "!",
                });
                self.expr(*expr);
            }
            Chain { first, rest } => {
                self.expr(*first);
                for (op, _, e) in rest {
                    let _ = write!(self.out, " {} ", op_text(*op));
                    self.expr(*e);
                }
            }
            Cast { expr, ty } => {
                self.expr(*expr);
                self.put(" as ");
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
                self.put(if *inclusive { "..=" } else { ".." });
                self.expr(*hi);
            }
            Call { callee, args } => {
                self.expr(*callee);
                self.call_args(args);
            }
            Method { recv, name, generics, args } => {
                self.expr(*recv);
                let _ = write!(self.out, ".{}", name.name);
                if !generics.is_empty() {
                    self.put("::<");
                    self.args(generics);
                    self.put(">");
                }
                self.call_args(args);
            }
            Field { expr, name } => {
                self.expr(*expr);
                let _ = write!(self.out, ".{}", name.name);
            }
            TupleField { expr, index, .. } => {
                self.expr(*expr);
                let _ = write!(self.out, ".{index}");
            }
            Index { expr, index } => {
                self.expr(*expr);
                self.put("[");
                self.expr(*index);
                self.put("]");
            }
            Array(parts) => {
                self.put("[");
                self.list(parts, ", ", |p, e| p.expr(*e));
                self.put("]");
            }
            Repeat { value, len } => {
                self.put("[");
                self.expr(*value);
                self.put("; ");
                self.expr(*len);
                self.put("]");
            }
            Tuple(parts) => self.tuple(parts, |p, e| p.expr(*e)),
            Paren(e) => {
                self.put("(");
                self.expr(*e);
                self.put(")");
            }
            Struct { path, fields } => {
                self.path(path);
                self.put(" { ");
                self.list(fields, ", ", |p, f| {
                    let _ = write!(p.out, "{}: ", f.name.name);
                    p.expr(f.value);
                });
                self.put(" }");
            }
            Closure { params, body } => {
                self.put("|");
                self.list(params, ", ", |p, c| {
                    p.pattern(&c.pat);
                    if let Some(t) = &c.ty {
                        p.put(": ");
                        p.ty(t);
                    }
                });
                self.put("| ");
                self.expr(*body);
            }
            Block(b) => self.block(b),
            If { cond, then, otherwise } => {
                self.put("if ");
                self.expr(*cond);
                self.put(" ");
                self.expr(*then);
                if let Some(e) = otherwise {
                    self.put(" else ");
                    self.expr(*e);
                }
            }
            Match { scrutinee } => {
                self.put("match ");
                self.expr(*scrutinee);
                self.put(" {}");
            }
            For { pat, iter, body } => {
                self.put("for ");
                self.pattern(pat);
                self.put(" in ");
                self.expr(*iter);
                self.put(" ");
                self.expr(*body);
            }
            While { cond, max, body } => {
                self.put("while ");
                self.expr(*cond);
                if let Some(k) = max {
                    self.put(" max ");
                    self.expr(*k);
                }
                self.put(" ");
                self.expr(*body);
            }
            At { party, body } => {
                let _ = write!(self.out, "at {} ", party.name);
                self.expr(*body);
            }
            Return(e) => {
                self.put("return");
                if let Some(e) = e {
                    self.put(" ");
                    self.expr(*e);
                }
            }
            Break => self.put("break"),
            Continue => self.put("continue"),
            Error => self.put(ERROR),
        }
    }

    fn call_args(&mut self, args: &[ExprId]) {
        self.put("(");
        self.list(args, ", ", |p, e| p.expr(*e));
        self.put(")");
    }
}

/// An operator as written.
pub fn op_text(op: BinOp) -> &'static str {
    match op {
        BinOp::Add => "+",
        BinOp::Sub => "-",
        BinOp::Mul => "*",
        BinOp::Div => "/",
        BinOp::Rem => "%",
        BinOp::BitAnd => "&",
        BinOp::BitOr => "|",
        BinOp::BitXor => "^",
        BinOp::Shl => "<<",
        BinOp::Shr => ">>",
        BinOp::Eq => "==",
        BinOp::Ne => "!=",
        BinOp::Lt => "<",
        BinOp::Le => "<=",
        BinOp::Gt => ">",
        BinOp::Ge => ">=",
        BinOp::And => "&&",
        BinOp::Or => "||",
    }
}
