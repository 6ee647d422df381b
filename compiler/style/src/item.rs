//! Items: parties, structs, functions, and what stands before them. Knows no expression.

use super::doc::Doc;
use super::{Brk, ERROR, Printer};
use syntax::ast::*;

/// Whether an item has a body, which wants empty lines around it.
fn is_tall(kind: &ItemKind) -> bool {
    use ItemKind::*;
    matches!(kind, Struct(_) | Enum(_) | Fn(_) | Impl { .. })
}

impl Printer<'_> {
    pub(super) fn module(&mut self) {
        let m = self.m;
        if self.src.is_none() && !m.doc.is_empty() {
            self.doc("//!", &m.doc);
            if !m.items.is_empty() {
                self.push(Doc::hard(true));
            }
        }
        self.items(&m.items, Brk::Start);
        if m.items.is_empty() {
            self.own_lines(Brk::Start, false);
        } else {
            self.dangling(true);
        }
    }

    /// Items, the first one behind `first`.
    fn items(&mut self, items: &[Item], first: Brk) {
        let mut rest = items;
        let mut before: Option<bool> = None;
        loop {
            // A `use` of nothing has no item, one with a group several.
            let uses = self.at("use");
            let Some(item) = rest.first().filter(|_| !uses) else {
                if !uses {
                    return;
                }
                self.brk(before.map_or(first, |tall| if tall { Brk::Hard(true) } else { Brk::Keep }));
                let lo = self.src.as_ref().map_or(0, super::Source::next_lo);
                self.use_item();
                while rest.first().is_some_and(|i| matches!(i.kind, ItemKind::Use { .. }) && i.span.lo as usize == lo) {
                    rest = &rest[1..];
                }
                before = Some(false);
                continue;
            };
            let tall = is_tall(&item.kind);
            self.brk(match before {
                None => first,
                Some(t) if t || tall || self.src.is_none() => Brk::Hard(true),
                Some(_) => Brk::Keep,
            });
            self.item(item);
            before = Some(tall);
            rest = &rest[1..];
        }
    }

    fn doc(&mut self, mark: &str, doc: &str) {
        for (k, line) in doc.split('\n').enumerate() {
            if k > 0 {
                self.push(Doc::hard(false));
            }
            let space = if line.is_empty() { "" } else { " " };
            self.put(&format!("{mark}{space}{line}"));
        }
    }

    fn attr(&mut self, mark: &str, a: &Attr) {
        self.tok(mark);
        self.tok(&a.name.name);
        if !a.args.is_empty() {
            self.list(["(", ")"], "", &a.args, |p, n| p.tok(&n.name));
        } else if self.at("(") {
            self.tok("(");
            self.tok(")");
        }
        self.tok("]");
    }

    fn use_item(&mut self) {
        self.word("use");
        self.use_tree();
        self.tok(";");
    }

    /// `a::b as c`, `a::{b, c}`: read off the text, for the tree has it flattened.
    fn use_tree(&mut self) {
        loop {
            if self.at("{") {
                self.group(|p| {
                    p.tok("{");
                    p.indent(|p| {
                        let mut first = true;
                        while !p.at("}") && p.src.as_ref().is_some_and(|s| s.lost.is_none()) {
                            p.brk(Brk::Soft(if first { "" } else { " " }));
                            p.use_tree();
                            p.drop_comma();
                            p.push(if p.at("}") { Doc::if_broken(",") } else { Doc::text(",") });
                            first = false;
                        }
                        p.dangling(false);
                    });
                    p.brk(Brk::Soft(""));
                    p.tok("}");
                });
                return;
            }
            let name = self.src.as_ref().map_or("", |s| s.name()).to_string();
            self.tok(&name);
            if !self.at("::") {
                break;
            }
            self.tok("::");
        }
        if self.at("as") {
            self.put(" ");
            self.word("as");
            let name = self.src.as_ref().map_or("", |s| s.name()).to_string();
            self.tok(&name);
        }
    }

    pub(super) fn item(&mut self, i: &Item) {
        if self.src.is_none() && !i.doc.is_empty() {
            self.doc("///", &i.doc);
            self.push(Doc::hard(false));
        }
        for a in &i.attrs {
            self.attr("#[", a);
            self.brk(Brk::Hard(false));
        }
        match &i.kind {
            ItemKind::Party(decls) => {
                self.word("party");
                self.group(|p| {
                    p.indent(|p| {
                        for (k, d) in decls.iter().enumerate() {
                            if k > 0 {
                                p.brk(Brk::Soft(" "));
                            }
                            p.tok(&d.name.name);
                            if let Some(f) = &d.family {
                                p.tok("[");
                                p.tok(&f.name);
                                p.tok("]");
                            }
                            if k + 1 < decls.len() {
                                p.tok(",");
                            } else {
                                p.drop_comma();
                            }
                        }
                    });
                });
                self.tok(";");
            }
            ItemKind::Struct(s) => self.struct_decl(s),
            ItemKind::Enum(e) => self.enum_decl(e),
            ItemKind::Const { name, ty, value } => {
                self.word("const");
                self.tok(&name.name);
                self.tok(":");
                self.put(" ");
                self.ty(ty);
                self.put(" ");
                self.tok("=");
                self.rhs(*value);
                self.tok(";");
            }
            ItemKind::Fn(f) => self.function(f),
            ItemKind::Mod(n) => {
                self.word("mod");
                self.tok(&n.name);
                self.tok(";");
            }
            ItemKind::Use { path, alias } => {
                self.word("use");
                self.path(path);
                if let Some(a) = alias {
                    self.put(" ");
                    self.word("as");
                    self.tok(&a.name);
                }
                self.tok(";");
            }
            ItemKind::Impl { ty, fns } => {
                self.word("impl");
                self.ty(ty);
                self.put(" ");
                self.tok("{");
                self.indent(|p| {
                    p.items(fns, Brk::Hard(false));
                    p.dangling(true);
                });
                if fns.is_empty() && self.src.is_none() {
                    self.tok("}");
                    return;
                }
                self.brk(if fns.is_empty() { Brk::Soft("") } else { Brk::Hard(false) });
                self.tok("}");
            }
            ItemKind::InnerAttr(a) => self.attr("#![", a),
            ItemKind::Error => self.put(ERROR),
        }
    }

    fn struct_decl(&mut self, s: &StructDecl) {
        self.word("struct");
        self.tok(&s.name.name);
        self.generics(&s.generics);
        self.put(" ");
        self.group(|p| {
            p.tok("{");
            p.indent(|p| {
                for (k, f) in s.fields.iter().enumerate() {
                    p.brk(if k == 0 { Brk::Hard(false) } else { Brk::Keep });
                    if p.src.is_none() && !f.doc.is_empty() {
                        p.doc("///", &f.doc);
                        p.push(Doc::hard(false));
                    }
                    p.tok(&f.name.name);
                    p.tok(":");
                    p.put(" ");
                    p.ty(&f.ty);
                    if p.src.is_none() || p.at(",") { p.tok(",") } else { p.put(",") }
                }
                p.dangling(true);
            });
            p.brk(if s.fields.is_empty() { Brk::Soft("") } else { Brk::Hard(false) });
            p.tok("}");
        });
    }

    fn enum_decl(&mut self, e: &EnumDecl) {
        self.word("enum");
        self.tok(&e.name.name);
        self.generics(&e.generics);
        self.put(" ");
        self.group(|p| {
            p.tok("{");
            p.indent(|p| {
                for (k, v) in e.variants.iter().enumerate() {
                    p.brk(if k == 0 { Brk::Hard(false) } else { Brk::Keep });
                    if p.src.is_none() && !v.doc.is_empty() {
                        p.doc("///", &v.doc);
                        p.push(Doc::hard(false));
                    }
                    p.tok(&v.name.name);
                    match &v.payload {
                        Payload::None => {}
                        Payload::Tuple(parts) => p.list(["(", ")"], "", parts, |p, t| p.ty(t)),
                        Payload::Fields(fields) => {
                            p.put(" ");
                            p.list(["{", "}"], " ", fields, |p, f| {
                                p.tok(&f.name.name);
                                p.tok(":");
                                p.put(" ");
                                p.ty(&f.ty);
                            });
                        }
                    }
                    if p.src.is_none() || p.at(",") { p.tok(",") } else { p.put(",") }
                }
                p.dangling(true);
            });
            p.brk(if e.variants.is_empty() { Brk::Soft("") } else { Brk::Hard(false) });
            p.tok("}");
        });
    }

    fn generics(&mut self, g: &[GenericParam]) {
        if g.is_empty() {
            if self.at("<") {
                self.tok("<");
                self.tok(">");
            }
            return;
        }
        self.list(["<", ">"], "", g, |p, g| {
            p.tok(&g.name.name);
            if let Some(b) = &g.bound {
                p.tok(":");
                p.put(" ");
                p.tok(&b.name);
            }
        });
    }

    fn function(&mut self, f: &FnDecl) {
        let circuit = matches!(self.m.expr(f.body).kind, ExprKind::Circuit { .. });
        if f.checked {
            self.word("checked");
        }
        if circuit {
            self.word("extern");
            self.word("circuit");
        }
        self.word("fn");
        self.tok(&f.name.name);
        self.generics(&f.generics);
        self.list(["(", ")"], "", &f.params, |p, a| {
            p.pattern(&a.pat);
            let own = matches!(&a.pat.kind, PatternKind::Bind { name, .. } if &*name.name == "self");
            let untyped = own && a.ty.span == a.pat.span;
            if !untyped {
                p.tok(":");
                p.put(" ");
                p.ty(&a.ty);
            }
            if let Some(from) = &a.from {
                p.put(" ");
                p.word("from");
                p.tok(&from.name);
            }
        });
        // The parameters break before the result does.
        let ret = self.capture(|p| p.ret(f.ret.as_ref()));
        let whole = !ret.is_hard() && ret.width() <= super::doc::WIDTH - ") {".len();
        self.push(if whole { Doc::flat(ret) } else { ret });
        self.put(" ");
        if circuit {
            self.tok("=");
            self.rhs(f.body);
            self.tok(";");
        } else {
            self.body(f.body);
        }
    }

    fn ret(&mut self, ret: Option<&RetType>) {
        if ret.is_some() {
            self.put(" ");
            self.word("->");
        }
        match ret {
            None => {}
            Some(RetType::One { ty, to }) => self.to((ty, to.as_ref())),
            Some(RetType::Tuple { parts, .. }) => {
                self.list(["(", ")"], "", parts, |p, (ty, to)| p.to((ty, to.as_ref())));
            }
        }
    }

    fn to(&mut self, (ty, to): (&Type, Option<&Ident>)) {
        self.ty(ty);
        if let Some(to) = to {
            self.put(" ");
            self.word("to");
            self.tok(&to.name);
        }
    }
}
