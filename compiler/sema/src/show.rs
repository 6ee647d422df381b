//! Types and sizes as text, as a programmer would write them.

use crate::infer::{VAR, VarNames};
use crate::tree::{Party, Size, SizeOp, SizeVar, Struct, Ty};
use std::fmt::Write;
use std::sync::Arc;

/// The names that a type needs to be printed.
#[derive(Clone, Copy)]
pub(crate) struct Show<'a> {
    pub structs: &'a [Struct],
    pub parties: &'a [Party],
    pub ty_params: &'a dyn Fn(u32) -> Option<Arc<str>>,
    pub size_params: &'a dyn Fn(u32) -> Option<Arc<str>>,
    pub vars: Option<&'a dyn VarNames>,
}

impl Show<'_> {
    pub(crate) fn ty(&self, t: &Ty) -> String {
        let mut s = String::new();
        self.put(&mut s, t);
        if s.len() > 400 {
            let cut = (0..=400).rev().find(|i| s.is_char_boundary(*i)).unwrap_or(0);
            s.truncate(cut);
            s.push('…');
        }
        s
    }
    pub(crate) fn size(&self, n: &Size) -> String {
        let mut s = String::new();
        self.put_size(&mut s, n, 0);
        s
    }
    fn list(&self, s: &mut String, ts: &[Ty]) {
        for (i, t) in ts.iter().enumerate() {
            if i > 0 {
                s.push_str(", ");
            }
            self.put(s, t);
        }
    }
    fn put(&self, s: &mut String, t: &Ty) {
        if s.len() > 500 {
            return;
        }
        match t {
            Ty::Bool => s.push_str("bool"),
            Ty::Int { signed, bits } => {
                let _ = write!(s, "{}{bits}", if *signed { 'i' } else { 'u' });
            }
            Ty::Fixed(16) => s.push_str("fixed"),
            Ty::Fixed(f) => {
                let _ = write!(s, "fixed<{f}>");
            }
            Ty::Str => s.push_str("str"),
            Ty::Index => s.push_str("index"),
            Ty::Unit => s.push_str("()"),
            Ty::Array(t, n) => {
                s.push('[');
                self.put(s, t);
                s.push_str("; ");
                self.put_size(s, n, 0);
                s.push(']');
            }
            Ty::Tuple(ts) => {
                s.push('(');
                self.list(s, ts);
                s.push(')');
            }
            Ty::Struct(id, ts, ns) => {
                s.push_str(self.structs.get(id.0 as usize).map_or("?", |d| &d.name));
                if !ts.is_empty() || !ns.is_empty() {
                    s.push('<');
                    self.list(s, ts);
                    for (i, n) in ns.iter().enumerate() {
                        if i > 0 || !ts.is_empty() {
                            s.push_str(", ");
                        }
                        self.put_size(s, n, 0);
                    }
                    s.push('>');
                }
            }
            Ty::Param(k) if *k >= VAR => match self.vars {
                Some(v) => s.push_str(v.ty_var(*k)),
                None => s.push('_'),
            },
            Ty::Param(k) => match (self.ty_params)(*k) {
                Some(n) => s.push_str(&n),
                None => {
                    let _ = write!(s, "T{k}");
                }
            },
            Ty::Fn(ps, r) => {
                s.push_str("fn(");
                self.list(s, ps);
                s.push(')');
                if **r != Ty::Unit {
                    s.push_str(" -> ");
                    self.put(s, r);
                }
            }
            Ty::Error => s.push('?'),
        }
    }
    fn put_size(&self, s: &mut String, n: &Size, level: u8) {
        match n {
            Size::Const(c) => {
                let _ = write!(s, "{c}");
            }
            Size::Var(SizeVar::Param(k)) if *k >= VAR => s.push('_'),
            Size::Var(SizeVar::Param(k)) => match (self.size_params)(*k) {
                Some(n) => s.push_str(&n),
                None => {
                    let _ = write!(s, "N{k}");
                }
            },
            Size::Var(SizeVar::Family(p)) => {
                let name = self.parties.get(p.0 as usize).and_then(|p| p.family.clone());
                s.push_str(name.as_deref().unwrap_or("?"));
            }
            Size::Bin(op, a, b) => {
                let (text, own) = match op {
                    SizeOp::Add => (" + ", 1),
                    SizeOp::Sub => (" - ", 1),
                    SizeOp::Mul => (" * ", 2),
                    SizeOp::Div => (" / ", 2),
                    SizeOp::Rem => (" % ", 2),
                };
                if own < level {
                    s.push('(');
                }
                self.put_size(s, a, own);
                s.push_str(text);
                self.put_size(s, b, own + 1);
                if own < level {
                    s.push(')');
                }
            }
            Size::Error => s.push('?'),
        }
    }
}
