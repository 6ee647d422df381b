//! What is known about one place of a document: hover, definition, completion, rename, format. Knows no transport.

use crate::names::{Decl, Kind};
use crate::protocol::{Completion, Location, TextEdit, WorkspaceEdit};
use crate::{Answer, Document, refuse};
use sema::tree::{ExprKind, Fn, FnId, Ty};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The number of every size in the costs that a hover shows.
const SIZE: i64 = 1000;
/// What stands in for the name that is being written.
const HOLE: &str = "mpcc_name";

/// Words that may begin something.
const WORDS: &[&str] = &[
    "as", "at", "break", "checked", "const", "continue", "else", "enum", "false", "fn", "for", "from", "if", "impl",
    "in", "let", "match", "max", "mod", "mut", "party", "public", "return", "secret", "struct", "to", "true", "use",
    "while",
];
const TYPES: &[&str] = &["bool", "fixed", "u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "size"];

fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_'
}

/// The bytes of the word around a byte.
fn word(text: &str, offset: usize) -> (usize, usize) {
    let b = text.as_bytes();
    let lo = (0..offset).rev().take_while(|&i| is_word(b[i])).last().unwrap_or(offset);
    let hi = (offset..b.len()).take_while(|&i| is_word(b[i])).last().map_or(offset, |i| i + 1);
    (lo, hi)
}

fn code(text: &str) -> String {
    format!("```mpc\n{text}\n```")
}

impl Document {
    /// The functions of this file, with their ids.
    fn own(&self) -> impl Iterator<Item = (FnId, &Fn)> {
        let file = self.root_file();
        let all = self.checked.program.fns.iter().enumerate().map(|(k, f)| (FnId(k as u32), f));
        all.filter(move |(_, f)| Some(f.span.file) == file)
    }

    fn root_file(&self) -> Option<diag::FileId> {
        let text = self.text.as_str();
        (0..self.checked.sources.len() as u32).map(diag::FileId).find(|f| self.checked.sources.text(*f) == text)
    }

    /// The function around a byte.
    fn around(&self, offset: usize) -> Option<(FnId, &Fn)> {
        self.own().find(|(_, f)| {
            let body = f.expr(f.body).span;
            (f.span.lo as usize) <= offset && offset <= body.hi as usize
        })
    }

    pub(crate) fn hover(&self, offset: usize) -> Value {
        let text = self.text.as_str();
        let (lo, hi) = word(text, offset);
        let said = self.hover_name(offset).or_else(|| self.hover_expr(offset));
        match said {
            Some(said) => {
                json!({"contents": {"kind": "markdown", "value": said}, "range": self.text.range(lo, hi)})
            }
            None => Value::Null,
        }
    }

    fn hover_name(&self, offset: usize) -> Option<String> {
        let decl = &self.names.decls[self.names.at(offset)?];
        let program = &self.checked.program;
        let here = |span: diag::Span| (span.lo as usize, span.hi as usize) == decl.span;
        match decl.kind {
            Kind::Local => self.own().find_map(|(id, f)| {
                let k = f.locals.iter().position(|l| here(l.span))?;
                let l = &f.locals[k];
                let word = if l.mutable { "let mut " } else { "let " };
                let label = self.checked.labels.locals.get(id.0 as usize).and_then(|v| v.get(k));
                let label = label.map_or_else(String::new, |l| format!("\n\nlabel: {l}"));
                Some(format!("{}{label}", code(&format!("{word}{}: {}", l.name, driver::ty_text(program, f, &l.ty)))))
            }),
            Kind::Fn | Kind::Method => self.own().find(|(_, f)| here(f.span)).map(|(id, f)| self.about(id, f)),
            Kind::Import => {
                let last = |f: &Fn| f.name.rsplit("::").next() == Some(decl.name.as_str());
                let found = program.fns.iter().position(|f| last(f) && Some(f.span.file) != self.root_file())?;
                Some(self.about(FnId(found as u32), &program.fns[found]))
            }
            Kind::Struct => {
                let s = program.structs.iter().find(|s| here(s.span))?;
                Some(code(&self.line_of(s.span.lo as usize)))
            }
            Kind::Party => Some(format!("{}\n\na party", code(&format!("party {}", decl.name)))),
            Kind::Family => Some(format!("{}\n\nthe number of members of a family", code(&decl.name))),
            Kind::Generic | Kind::Const | Kind::Field | Kind::Variant | Kind::Module => {
                Some(code(&self.line_of(decl.span.0)))
            }
        }
    }

    fn line_of(&self, offset: usize) -> String {
        let text = self.text.as_str();
        let lo = text[..offset].rfind('\n').map_or(0, |i| i + 1);
        text[lo..].lines().next().unwrap_or("").trim().trim_end_matches(['{', ',']).trim().to_string()
    }

    /// A function: head, purpose, labels, price.
    fn about(&self, id: FnId, f: &Fn) -> String {
        let mut out = code(&driver::signature(&self.checked.program, f));
        if !f.doc.is_empty() {
            out.push_str(&format!("\n\n{}", f.doc));
        }
        if let Some(scheme) = self.checked.labels.schemes.get(id.0 as usize).filter(|s| !s.is_empty()) {
            out.push_str(&format!("\n\nlabels:\n{}", code(scheme)));
        }
        if let Some(c) = self.cost(id) {
            let sizes: Vec<String> = f.size_params.iter().map(|n| format!("{n} = {SIZE}")).collect();
            let at = if sizes.is_empty() { String::new() } else { format!(" at {}", sizes.join(", ")) };
            let most = if c.at_most { "at most " } else { "" };
            let bytes: u128 = c.bytes.iter().sum();
            out.push_str(&format!("\n\ncost{at}: {most}{} rounds, {bytes} bytes in all (rep3)", c.rounds));
        }
        out
    }

    fn cost(&self, id: FnId) -> Option<driver::CallCost> {
        if !self.checked.ok() {
            return None;
        }
        if let Some(known) = self.costs.borrow().get(&id) {
            return known.clone();
        }
        let protocol = spec::protocol("rep3")?;
        let cost = driver::call_cost(&self.checked, id, &|_| Some(SIZE), protocol, &opt::Profile::LAN);
        self.costs.borrow_mut().insert(id, cost.clone());
        cost
    }

    /// The smallest expression around a byte, with its type.
    fn hover_expr(&self, offset: usize) -> Option<String> {
        let (_, f) = self.around(offset)?;
        let around = f.exprs.iter().filter(|e| (e.span.lo as usize) <= offset && offset <= e.span.hi as usize);
        let e = around.filter(|e| *e.ty != Ty::Error).min_by_key(|e| e.span.hi - e.span.lo)?;
        if let ExprKind::Call { f: callee, .. } = e.kind {
            return Some(self.about(callee, self.checked.program.f(callee)));
        }
        Some(code(&driver::ty_text(&self.checked.program, f, &e.ty)))
    }

    pub(crate) fn definition(&self, uri: &str, offset: usize) -> Value {
        if let Some(k) = self.names.at(offset) {
            let decl = &self.names.decls[k];
            if decl.kind == Kind::Import {
                let found = self.checked.program.fns.iter().find(|f| {
                    f.name.rsplit("::").next() == Some(decl.name.as_str()) && Some(f.span.file) != self.root_file()
                });
                if let Some(location) = found.and_then(|f| self.location(f.span)) {
                    return json!(location);
                }
            }
            let range = self.text.range(decl.span.0, decl.span.1);
            return json!(Location { uri: uri.into(), range });
        }
        // A call of what another file declares.
        let called = self.around(offset).and_then(|(_, f)| {
            let around = f.exprs.iter().filter(|e| (e.span.lo as usize) <= offset && offset <= e.span.hi as usize);
            around
                .filter_map(|e| match e.kind {
                    ExprKind::Call { f, .. } | ExprKind::FnRef { f, .. } => Some((e.span.hi - e.span.lo, f)),
                    _ => None,
                })
                .min()
        });
        match called.and_then(|(_, f)| self.location(self.checked.program.f(f).span)) {
            Some(location) => json!(location),
            None => Value::Null,
        }
    }

    pub(crate) fn references(&self, uri: &str, offset: usize) -> Value {
        let Some(k) = self.names.at(offset) else { return json!([]) };
        let all = self.names.named(k).map(|(lo, hi)| Location { uri: uri.into(), range: self.text.range(lo, hi) });
        json!(all.collect::<Vec<_>>())
    }

    /// The text with a name at a byte, closed off so that the rest still parses.
    pub(crate) fn patched(&self, offset: usize) -> String {
        let text = self.text.as_str();
        let (lo, hi) = word(text, offset);
        let name = if lo == hi { HOLE } else { "" };
        // At the end of a line nothing follows that could end the statement.
        let rest = text[hi..].lines().next().unwrap_or("");
        let close = if rest.trim().is_empty() { ";" } else { "" };
        format!("{}{name}{close}{}", &text[..hi], &text[hi..])
    }

    /// What could stand at a byte of a [`Document::patched`] text.
    pub(crate) fn completions(&self, offset: usize) -> Vec<Completion> {
        let text = self.text.as_str();
        let (lo, _) = word(text, offset);
        let before = text[..lo].trim_end();
        let mut out = Vec::new();
        let mut add = |label: &str, kind: u32, detail: Option<String>| {
            if !out.iter().any(|c: &Completion| c.label == label) {
                out.push(Completion { label: label.into(), kind, detail });
            }
        };
        if before.ends_with('.') && !before.ends_with("..") {
            self.members(before.len() - 1, &mut add);
            return out;
        }
        if let Some(path) = before.strip_suffix("::") {
            let lo = word(path, path.len()).0;
            let (name, outer) = (&path[lo..], path[..lo].trim_end());
            match outer.strip_suffix("std::") {
                Some(_) => library(name, &mut add),
                None if name == "std" => driver::LIBRARY.iter().for_each(|(n, _)| add(n, 9, None)),
                None => {
                    let own = format!("{name}::");
                    for f in &self.checked.program.fns {
                        if let Some(rest) = f.name.strip_prefix(&own) {
                            add(rest, 3, Some(driver::signature(&self.checked.program, f)));
                        }
                    }
                }
            }
            return out;
        }
        let last = &before[word(before, before.len()).0..];
        let parties = matches!(last, "from" | "to" | "at") || before.ends_with('@');
        for d in &self.names.decls {
            let seen = d.seen.0 <= lo && lo <= d.seen.1;
            let wanted = !parties || d.kind == Kind::Party;
            if seen && wanted && d.name != HOLE && !matches!(d.kind, Kind::Field | Kind::Variant | Kind::Method) {
                add(&d.name, kind_number(d.kind), self.detail(d));
            }
        }
        if !parties {
            sema::BUILTINS.iter().for_each(|n| add(n, 3, None));
            TYPES.iter().for_each(|n| add(n, 25, None));
            WORDS.iter().for_each(|n| add(n, 14, None));
            add("std", 9, None);
        }
        out
    }

    fn detail(&self, d: &Decl) -> Option<String> {
        let program = &self.checked.program;
        let here = |span: diag::Span| (span.lo as usize, span.hi as usize) == d.span;
        self.own().find_map(|(_, f)| match d.kind {
            Kind::Local => f.locals.iter().find(|l| here(l.span)).map(|l| driver::ty_text(program, f, &l.ty)),
            Kind::Fn => here(f.span).then(|| driver::signature(program, f)),
            _ => None,
        })
    }

    /// Fields and methods of what ends at a byte.
    fn members(&self, end: usize, add: &mut impl FnMut(&str, u32, Option<String>)) {
        let program = &self.checked.program;
        let found = self.around(end).and_then(|(_, f)| {
            let ends = f.exprs.iter().filter(|e| e.span.hi as usize == end && *e.ty != Ty::Error);
            ends.max_by_key(|e| e.span.hi - e.span.lo).map(|e| (f, &*e.ty))
        });
        match found {
            Some((_, Ty::Str)) => sema::STR_METHODS.iter().for_each(|m| add(m, 2, None)),
            Some((_, Ty::Array(..))) => sema::ARRAY_METHODS.iter().for_each(|m| add(m, 2, None)),
            Some((_, Ty::Struct(id, ..))) => {
                let s = &program.structs[id.0 as usize];
                s.fields.iter().for_each(|x| add(&x.name, 5, None));
                let own = format!("{}::", s.name);
                for f in &program.fns {
                    if let Some((_, rest)) = f.name.split_once(&own) {
                        add(rest, 2, Some(driver::signature(program, f)));
                    }
                }
            }
            Some((_, Ty::Tuple(parts))) => (0..parts.len()).for_each(|k| add(&k.to_string(), 5, None)),
            Some(_) => {}
            // The text is too broken for types: everything that could follow a dot.
            None => {
                let members =
                    self.names.decls.iter().filter(|d| matches!(d.kind, Kind::Field | Kind::Variant | Kind::Method));
                members.for_each(|d| add(&d.name, kind_number(d.kind), None));
                let built_in = sema::ARRAY_METHODS.iter().chain(sema::STR_METHODS.iter().filter(|m| **m != "len"));
                built_in.for_each(|m| add(m, 2, None));
            }
        }
    }

    pub(crate) fn prepare_rename(&self, offset: usize) -> Answer {
        let k = self.renamed(offset)?;
        let (lo, hi) = word(self.text.as_str(), offset);
        Ok(json!({"range": self.text.range(lo, hi), "placeholder": self.names.decls[k].name}))
    }

    /// The declaration at a byte, if its names are all in this file.
    fn renamed(&self, offset: usize) -> Result<usize, crate::Refusal> {
        let Some(k) = self.names.at(offset) else { return refuse("there is no name here that this file declares") };
        match self.names.decls[k].kind {
            Kind::Import | Kind::Module => refuse("this name comes from another file"),
            _ if &*self.names.decls[k].name == "main" || &*self.names.decls[k].name == "self" => {
                refuse("this name has a meaning of its own")
            }
            _ => Ok(k),
        }
    }

    pub(crate) fn rename(&self, uri: &str, offset: usize, new: &str) -> Answer {
        let k = self.renamed(offset)?;
        let decl = &self.names.decls[k];
        let first = new.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if !first || !new.bytes().all(is_word) || WORDS.contains(&new) || new == "_" {
            return refuse(format!("`{new}` is no name"));
        }
        let clash = self.names.decls.iter().enumerate().any(|(j, d)| {
            let field = |k: Kind| matches!(k, Kind::Field | Kind::Variant | Kind::Method);
            let meet = d.seen.0 < decl.seen.1.max(decl.span.1) && decl.seen.0 < d.seen.1.max(d.span.1);
            j != k && d.name == new && field(d.kind) == field(decl.kind) && (meet || field(d.kind))
        });
        if clash {
            return refuse(format!("`{new}` is declared already"));
        }
        let mut edits: BTreeMap<usize, TextEdit> = BTreeMap::new();
        let short = |lo: usize| self.names.short.iter().find(|s| s.0 == lo);
        for (lo, hi) in self.names.named(k) {
            let new_text = if short(lo).is_some() { format!("{}: {new}", decl.name) } else { new.to_string() };
            edits.insert(lo, TextEdit { range: self.text.range(lo, hi), new_text });
        }
        for (lo, hi, _) in self.names.short.iter().filter(|s| s.2 == Some(k)) {
            let new_text = format!("{new}: {}", decl.name);
            edits.insert(*lo, TextEdit { range: self.text.range(*lo, *hi), new_text });
        }
        let changes = BTreeMap::from([(uri.to_string(), edits.into_values().collect())]);
        Ok(json!(WorkspaceEdit { changes }))
    }

    pub(crate) fn format(&self) -> Answer {
        let text = self.text.as_str();
        match style::format(diag::FileId(0), text, &mut diag::Diags::new()) {
            Ok(new) if new == text => Ok(json!([])),
            Ok(new_text) => Ok(json!([TextEdit { range: self.text.range(0, text.len()), new_text }])),
            Err(style::FormatError::Program) => refuse("this is no program yet: see its errors"),
            Err(style::FormatError::Internal(what)) => refuse(format!("internal error: {what}")),
        }
    }
}

/// Functions of a module of the library.
fn library(name: &str, add: &mut impl FnMut(&str, u32, Option<String>)) {
    let Some((_, text)) = driver::LIBRARY.iter().find(|(n, _)| *n == name) else { return };
    let module = syntax::parse(diag::FileId(0), text, &mut diag::Diags::new());
    for item in &module.items {
        if let syntax::ast::ItemKind::Fn(f) = &item.kind
            && !item.attrs.iter().any(|a| &*a.name.name == "test")
        {
            add(&f.name.name, 3, item.doc.lines().next().map(str::to_string));
        }
    }
}

fn kind_number(kind: Kind) -> u32 {
    match kind {
        Kind::Method => 2,
        Kind::Fn | Kind::Import => 3,
        Kind::Field => 5,
        Kind::Local => 6,
        Kind::Module => 9,
        Kind::Variant => 20,
        Kind::Const | Kind::Party | Kind::Family => 21,
        Kind::Struct => 22,
        Kind::Generic => 25,
    }
}
