//! Which name of a file means what: declarations and their occurrences, found by walking the syntax tree with its scopes.
//!
//! Works on trees with holes. Knows no types: a field is known by its name alone, and a name that comes from another file
//! is known by its import.

use std::collections::HashMap;
use syntax::ast::*;

/// What is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Local,
    Generic,
    Fn,
    Method,
    Struct,
    Variant,
    Const,
    Party,
    Family,
    Field,
    Module,
    Import,
}

/// A declaration.
#[derive(Clone, Debug)]
pub struct Decl {
    /// Its name.
    pub name: String,
    /// First byte of the name, and one past its last.
    pub span: (usize, usize),
    /// What it is.
    pub kind: Kind,
    /// Where it is seen: the bytes of its block, function, or file.
    pub seen: (usize, usize),
}

/// Declarations of a file and where they are named.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Declarations.
    pub decls: Vec<Decl>,
    /// First byte, one past the last, and which declaration; in order.
    pub uses: Vec<(usize, usize, usize)>,
    /// Where one name stands for a field and its value (`S { x }`), and the field's declaration, if it is known.
    pub short: Vec<(usize, usize, Option<usize>)>,
}

impl Names {
    /// Of a file.
    pub fn of(m: &Module, len: usize) -> Names {
        let mut w =
            Walk { m, out: Names::default(), items: HashMap::new(), members: HashMap::new(), scopes: Vec::new() };
        w.module(len);
        w.out.uses.sort_unstable();
        w.out.uses.dedup();
        w.out
    }

    /// The declaration named at a byte.
    pub fn at(&self, offset: usize) -> Option<usize> {
        self.uses.iter().find(|(lo, hi, _)| *lo <= offset && offset <= *hi).map(|u| u.2)
    }

    /// Where a declaration is named, itself included.
    pub fn named(&self, decl: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.uses.iter().filter(move |u| u.2 == decl).map(|u| (u.0, u.1))
    }
}

struct Walk<'m> {
    m: &'m Module,
    out: Names,
    items: HashMap<String, usize>,
    /// Fields and methods by name; `None` where several share it.
    members: HashMap<String, Option<usize>>,
    scopes: Vec<(usize, Vec<(String, usize)>)>,
}

fn bytes(i: &Ident) -> (usize, usize) {
    (i.span.lo as usize, i.span.hi as usize)
}

impl Walk<'_> {
    fn declare(&mut self, i: &Ident, kind: Kind, seen: (usize, usize)) -> usize {
        let id = self.out.decls.len();
        self.out.decls.push(Decl { name: i.name.to_string(), span: bytes(i), kind, seen });
        self.out.uses.push((bytes(i).0, bytes(i).1, id));
        id
    }

    fn item_decl(&mut self, i: &Ident, kind: Kind, len: usize) {
        let id = self.declare(i, kind, (0, len));
        self.items.entry(i.name.to_string()).or_insert(id);
    }

    fn member(&mut self, i: &Ident, kind: Kind) {
        let id = self.declare(i, kind, (0, 0));
        self.members.entry(i.name.to_string()).and_modify(|m| *m = None).or_insert(Some(id));
    }

    fn local(&mut self, i: &Ident, kind: Kind) {
        let hi = self.scopes.last().map_or(0, |s| s.0);
        let id = self.declare(i, kind, (i.span.hi as usize, hi));
        if let Some(s) = self.scopes.last_mut() {
            s.1.push((i.name.to_string(), id));
        }
    }

    fn name(&mut self, i: &Ident) {
        let local = self.scopes.iter().rev().flat_map(|s| s.1.iter().rev()).find(|(n, _)| **n == *i.name).map(|n| n.1);
        if let Some(id) = local.or_else(|| self.items.get(&*i.name).copied()) {
            self.out.uses.push((bytes(i).0, bytes(i).1, id));
        }
    }

    fn member_name(&mut self, i: &Ident) {
        if let Some(Some(id)) = self.members.get(&*i.name) {
            self.out.uses.push((bytes(i).0, bytes(i).1, *id));
        }
    }

    fn scoped(&mut self, hi: usize, f: impl FnOnce(&mut Self)) {
        self.scopes.push((hi, Vec::new()));
        f(self);
        self.scopes.pop();
    }

    fn module(&mut self, len: usize) {
        let m = self.m;
        for item in &m.items {
            match &item.kind {
                ItemKind::Party(list) => {
                    for p in list {
                        self.item_decl(&p.name, Kind::Party, len);
                        if let Some(f) = &p.family {
                            self.item_decl(f, Kind::Family, len);
                        }
                    }
                }
                ItemKind::Struct(s) => {
                    self.item_decl(&s.name, Kind::Struct, len);
                    s.fields.iter().for_each(|f| self.member(&f.name, Kind::Field));
                }
                ItemKind::Enum(e) => {
                    self.item_decl(&e.name, Kind::Struct, len);
                    for v in &e.variants {
                        self.member(&v.name, Kind::Variant);
                        if let Payload::Fields(fields) = &v.payload {
                            fields.iter().for_each(|f| self.member(&f.name, Kind::Field));
                        }
                    }
                }
                ItemKind::Const { name, .. } => self.item_decl(name, Kind::Const, len),
                ItemKind::Fn(f) => self.item_decl(&f.name, Kind::Fn, len),
                ItemKind::Mod(name) => self.item_decl(name, Kind::Module, len),
                ItemKind::Use { path, alias } => {
                    if let Some(name) = alias.as_ref().or(path.parts.last()) {
                        self.item_decl(name, Kind::Import, len);
                    }
                }
                ItemKind::Impl { fns, .. } => {
                    for f in fns {
                        if let ItemKind::Fn(f) = &f.kind {
                            self.member(&f.name, Kind::Method);
                        }
                    }
                }
                _ => {}
            }
        }
        for item in &m.items {
            self.item(item);
        }
    }

    fn item(&mut self, item: &Item) {
        let hi = item.span.hi as usize;
        match &item.kind {
            ItemKind::Struct(s) => self.scoped(hi, |w| {
                w.generics(&s.generics);
                s.fields.iter().for_each(|f| w.ty(&f.ty));
            }),
            ItemKind::Enum(e) => self.scoped(hi, |w| {
                w.generics(&e.generics);
                for v in &e.variants {
                    match &v.payload {
                        Payload::None => {}
                        Payload::Tuple(parts) => parts.iter().for_each(|t| w.ty(t)),
                        Payload::Fields(fields) => fields.iter().for_each(|f| w.ty(&f.ty)),
                    }
                }
            }),
            ItemKind::Const { ty, value, .. } => {
                self.ty(ty);
                self.expr(*value);
            }
            ItemKind::Fn(f) => self.scoped(hi, |w| w.function(f)),
            ItemKind::Impl { ty, fns } => {
                self.ty(ty);
                fns.iter().for_each(|f| self.item(f));
            }
            _ => {}
        }
    }

    fn generics(&mut self, list: &[GenericParam]) {
        list.iter().for_each(|g| self.local(&g.name, Kind::Generic));
    }

    fn function(&mut self, f: &FnDecl) {
        self.generics(&f.generics);
        for p in &f.params {
            self.ty(&p.ty);
            if let Some(from) = &p.from {
                self.name(from);
            }
        }
        match &f.ret {
            Some(RetType::One { ty, to }) => self.recipient(ty, to.as_ref()),
            Some(RetType::Tuple { parts, .. }) => parts.iter().for_each(|(t, to)| self.recipient(t, to.as_ref())),
            None => {}
        }
        f.params.iter().for_each(|p| self.pattern(&p.pat));
        self.expr(f.body);
    }

    fn recipient(&mut self, ty: &Type, to: Option<&Ident>) {
        self.ty(ty);
        if let Some(to) = to {
            self.name(to);
        }
    }

    fn pattern(&mut self, p: &Pattern) {
        match &p.kind {
            PatternKind::Bind { name, .. } => self.local(name, Kind::Local),
            PatternKind::Tuple(parts) => parts.iter().for_each(|p| self.pattern(p)),
            PatternKind::Fields { path, fields, .. } => {
                self.path(path);
                fields.iter().for_each(|f| self.pattern(&f.1));
            }
            PatternKind::Variant { path, parts } => {
                self.path(path);
                parts.iter().for_each(|p| self.pattern(p));
            }
            PatternKind::Path(path) => self.path(path),
            PatternKind::Or(all) => all.iter().for_each(|p| self.pattern(p)),
            PatternKind::Lit(_) | PatternKind::Range { .. } | PatternKind::Wild | PatternKind::Error => {}
        }
    }

    fn ty(&mut self, t: &Type) {
        match &t.kind {
            TypeKind::Path { path, args } => {
                self.path(path);
                self.args(args);
            }
            TypeKind::Array { elem, len } => {
                self.ty(elem);
                self.expr(*len);
            }
            TypeKind::Tuple(parts) => parts.iter().for_each(|t| self.ty(t)),
            TypeKind::Fn { params, ret } => params.iter().chain(ret.as_deref()).for_each(|t| self.ty(t)),
            TypeKind::Labelled { ty, .. } => self.ty(ty),
            TypeKind::At { ty, party } => {
                self.ty(ty);
                self.name(party);
            }
            TypeKind::Error => {}
        }
        if let Some(r) = &t.range {
            self.expr(r.lo);
            self.expr(r.hi);
        }
    }

    fn args(&mut self, args: &[GenericArg]) {
        for a in args {
            match a {
                GenericArg::Type(t) => self.ty(t),
                GenericArg::Size(e) => self.expr(*e),
            }
        }
    }

    fn path(&mut self, path: &Path) {
        self.name(&path.parts[0]);
        // `S::m`: a method.
        if let [_, .., last] = path.parts.as_slice() {
            self.member_name(last);
        }
    }

    fn all(&mut self, list: &[ExprId]) {
        list.iter().for_each(|e| self.expr(*e));
    }

    fn expr(&mut self, id: ExprId) {
        use ExprKind::*;
        let m = self.m;
        let e = m.expr(id);
        let hi = e.span.hi as usize;
        match &e.kind {
            Path { path, args } => {
                self.path(path);
                self.args(args);
            }
            Unary { expr, .. } | TupleField { expr, .. } | Paren(expr) => self.expr(*expr),
            Chain { first, rest } => {
                self.expr(*first);
                rest.iter().for_each(|r| self.expr(r.2));
            }
            Cast { expr, ty } => {
                self.expr(*expr);
                self.ty(ty);
            }
            Range { lo, hi, .. } => self.all(&[*lo, *hi]),
            Call { callee, args } => {
                self.expr(*callee);
                self.all(args);
            }
            Method { recv, name, generics, args } => {
                self.expr(*recv);
                self.member_name(name);
                self.args(generics);
                self.all(args);
            }
            Field { expr, name } => {
                self.expr(*expr);
                self.member_name(name);
            }
            Index { expr, index } => self.all(&[*expr, *index]),
            Array(list) | Tuple(list) => self.all(list),
            Repeat { value, len } => self.all(&[*value, *len]),
            Struct { path, fields } => {
                self.path(path);
                for f in fields {
                    self.expr(f.value);
                    if m.expr(f.value).span != f.name.span {
                        self.member_name(&f.name);
                    } else {
                        let field = self.members.get(&*f.name.name).copied().flatten();
                        self.out.short.push((bytes(&f.name).0, bytes(&f.name).1, field));
                    }
                }
            }
            Closure { params, body } => self.scoped(hi, |w| {
                params.iter().filter_map(|p| p.ty.as_ref()).for_each(|t| w.ty(t));
                params.iter().for_each(|p| w.pattern(&p.pat));
                w.expr(*body);
            }),
            Block(b) => self.scoped(hi, |w| w.block(b)),
            If { cond, then, otherwise } => {
                self.all(&[*cond, *then]);
                otherwise.iter().for_each(|e| self.expr(*e));
            }
            For { pat, iter, body } => {
                self.expr(*iter);
                self.scoped(hi, |w| {
                    w.pattern(pat);
                    w.expr(*body);
                });
            }
            While { cond, max, body } => {
                self.expr(*cond);
                max.iter().for_each(|e| self.expr(*e));
                self.expr(*body);
            }
            At { party, body } => {
                self.name(party);
                self.expr(*body);
            }
            Match { scrutinee, arms } => {
                self.expr(*scrutinee);
                for a in arms {
                    self.scoped(a.span.hi as usize, |w| {
                        w.pattern(&a.pat);
                        a.guard.iter().for_each(|e| w.expr(*e));
                        w.expr(a.body);
                    });
                }
            }
            Return(value) => value.iter().for_each(|e| self.expr(*e)),
            // What has no names of its own, or none that the tree knows.
            _ => {}
        }
    }

    fn block(&mut self, b: &Block) {
        for s in &b.stmts {
            match &s.kind {
                StmtKind::Let { pat, ty, init } => {
                    ty.iter().for_each(|t| self.ty(t));
                    self.expr(*init);
                    self.pattern(pat);
                }
                StmtKind::Assign { place, value, .. } => self.all(&[*place, *value]),
                StmtKind::Expr { expr, .. } => self.expr(*expr),
                StmtKind::Error => {}
            }
        }
        b.tail.iter().for_each(|e| self.expr(*e));
    }
}
