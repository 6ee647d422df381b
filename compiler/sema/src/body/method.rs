//! Methods: of arrays, of structs, and `min`/`max` of numbers.

use super::Body;
use super::expr::Named;
use crate::infer::Kind;
use crate::tree::*;
use crate::world::World;
use diag::{Diag, Span, codes};
use syntax::ast as a;

/// Methods of arrays.
pub const ARRAY_METHODS: [&str; 14] = [
    "len",
    "sum",
    "product",
    "min",
    "max",
    "argmin",
    "argmax",
    "any",
    "all",
    "count",
    "map",
    "zip",
    "fold",
    "enumerate",
];

/// Methods of numbers that wrap in `checked` programs too.
const WRAPPING: [(&str, BinOp); 3] =
    [("wrapping_add", BinOp::Add), ("wrapping_sub", BinOp::Sub), ("wrapping_mul", BinOp::Mul)];
/// Methods of strings.
pub const STR_METHODS: [&str; 3] = ["len", "hash", "bytes"];

impl<'a> Body<'a, '_> {
    /// `x.wrapping_add(y)` and its kin.
    fn wrapping(&mut self, name: &str, x: ExprId, y: ExprId, span: Span) -> ExprId {
        let mut xs = [x, y];
        let t = self.join(&mut xs, &format!("`{name}`"));
        let Some((_, op)) = WRAPPING.iter().find(|w| w.0 == name).filter(|_| t != Ty::Error) else {
            return self.error(span);
        };
        self.require(&t, Class::Num, span, true, &format!("`{name}`"));
        self.push(ExprKind::Builtin(Builtin::Wrapping(*op), xs.to_vec()), t, span)
    }
    /// An expression that a loop or `map` or `fold` goes through: there alone may `enumerate` stand.
    pub(super) fn elements(&mut self, e: a::ExprId) -> ExprId {
        let ast: &'a a::Module = self.ast;
        let mut at = e;
        while let a::ExprKind::Paren(x) = ast.expr(at).kind {
            at = x;
        }
        if let a::ExprKind::Method { recv, name, args, .. } = &ast.expr(at).kind
            && &*name.name == "enumerate"
            && args.is_empty()
        {
            let span = ast.expr(at).span;
            let x = self.expr(*recv, None);
            return match self.known(x, "its methods") {
                Ty::Array(t, n) => {
                    let pair = Ty::Tuple(vec![Ty::Index, *t]);
                    self.sized(ExprKind::Builtin(Builtin::Enumerate, vec![x]), Ty::Array(Box::new(pair), n), span)
                }
                Ty::Error => self.error(span),
                t => self.no_method(&t, name, span),
            };
        }
        self.expr(e, None)
    }

    fn no_method(&mut self, t: &Ty, name: &a::Ident, span: Span) -> ExprId {
        let text = self.show(t);
        let mut d =
            Diag::error(codes::E0103, format!("`{text}` has no method `{}`", name.name)).at(name.span, "not there");
        d = match (t, &*name.name) {
            (Ty::Array(..), "iter" | "into_iter" | "collect" | "clone") => {
                d.note("arrays are values: loop over them and call `map`, `fold`, … on them directly")
            }
            (Ty::Array(..), "size" | "length") => d.help_edit("the number of elements is", name.span, "len"),
            (Ty::Array(..), n) => d.did_you_mean(n, name.span, ARRAY_METHODS),
            (Ty::Str, n) => d.did_you_mean(n, name.span, STR_METHODS),
            (Ty::Struct(id, ..), n) => {
                let s = &self.w.structs[id.0 as usize];
                let d = d.also(s.span, "the struct").did_you_mean(n, name.span, self.methods_of(*id));
                if s.fields.iter().any(|f| f.name == name.name) {
                    let parens = Span { lo: name.span.hi, ..span };
                    d.help_edit("it has a field of this name: leave the parentheses out", parens, "")
                } else {
                    d
                }
            }
            _ => d,
        };
        self.wrong(d, span)
    }

    pub(super) fn method(
        &mut self,
        recv: a::ExprId,
        name: &a::Ident,
        generics: &[a::GenericArg],
        args: &[a::ExprId],
        span: Span,
    ) -> ExprId {
        if matches!(&*name.name, "rev" | "step_by") {
            let mut at = recv;
            while let a::ExprKind::Paren(x) = self.ast.expr(at).kind {
                at = x;
            }
            if matches!(self.ast.expr(at).kind, a::ExprKind::Range { .. }) {
                let d = Diag::error(codes::E0213, "a range is no value");
                return self.wrong(d.at(span, "a range stands after `in` alone"), span);
            }
        }
        let through = matches!(&*name.name, "map" | "fold" | "any" | "all" | "count");
        let x = if through { self.elements(recv) } else { self.expr(recv, None) };
        let t = self.ty(x);
        // A literal or a count: a number, whatever its type.
        let number = matches!(self.inf.free(&t), Some(Kind::Int(_)));
        let t = if number { t } else { self.known(x, "its methods") };
        match &t {
            Ty::Error => {
                for e in args {
                    if !matches!(self.ast.expr(*e).kind, a::ExprKind::Closure { .. }) {
                        self.expr(*e, None);
                    }
                }
                self.error(span)
            }
            Ty::Struct(id, ..) => {
                let w: &'a World<'a> = self.w;
                let Some(f) = w.methods.get(&(*id, name.name.clone())).copied() else {
                    return self.no_method(&t, name, span);
                };
                if w.sigs[f.0 as usize].params.is_empty() {
                    let d = Diag::error(codes::E0208, format!("`{}` has no `self`", name.name))
                        .at(name.span, "called on a value")
                        .help(format!("call it as `{}::{}()`", w.structs[id.0 as usize].name, name.name));
                    return self.wrong(d, span);
                }
                match self.instantiate_method(f, generics, name.span) {
                    Some((tys, sizes)) => self.call_fn(f, tys, sizes, Some(x), args, span),
                    None => self.error(span),
                }
            }
            Ty::Array(elem, n) => {
                if !generics.is_empty() {
                    let d = Diag::error(codes::E0208, format!("`{}` takes no generic arguments", name.name));
                    self.report(d.at(name.span, ""));
                }
                let (elem, n) = ((**elem).clone(), n.clone());
                self.array_method(x, &t, elem, n, name, args, span)
            }
            Ty::Str => self.str_method(x, name, generics, args, span),
            Ty::Int { .. } | Ty::Fixed(_) | Ty::Index | Ty::Param(_)
                if matches!(&*name.name, "min" | "max") && args.len() == 1 =>
            {
                let y = self.expr(args[0], None);
                self.extreme(&name.name, x, y, span)
            }
            Ty::Int { .. } | Ty::Fixed(_) | Ty::Param(_)
                if WRAPPING.iter().any(|w| w.0 == &*name.name) && args.len() == 1 =>
            {
                let y = self.expr(args[0], Some(&t));
                self.wrapping(&name.name, x, y, span)
            }
            _ => self.no_method(&t, name, span),
        }
    }

    /// Generic arguments of a method call are the method's own, behind those of its struct.
    fn instantiate_method(&mut self, f: FnId, generics: &[a::GenericArg], span: Span) -> Option<(Vec<Ty>, Vec<Size>)> {
        if generics.is_empty() {
            return self.instantiate(f, &[], span);
        }
        let owner = self.w.fns[f.0 as usize].owner.map_or(0, |s| self.w.struct_gens[s.0 as usize].len());
        let all = self.w.sigs[f.0 as usize].gens.len();
        if generics.len() != all - owner {
            let d = Diag::error(
                codes::E0208,
                format!("this method takes {} generic arguments, here are {}", all - owner, generics.len()),
            );
            self.report(d.at(span, ""));
            return self.instantiate(f, &[], span);
        }
        let (mut tys, mut sizes) = self.instantiate(f, &[], span)?;
        let sig = &self.w.sigs[f.0 as usize];
        for ((_, g), x) in sig.gens[owner..].iter().zip(generics) {
            match g {
                crate::world::Gen::Ty(k, _) => {
                    let t = crate::types::type_arg(self, x);
                    let v = std::mem::replace(&mut tys[*k as usize], t.clone());
                    let _ = self.unify(&v, &t, span, "a type argument");
                }
                crate::world::Gen::Size(k) => sizes[*k as usize] = crate::types::size_arg(self, x),
            }
        }
        Some((tys, sizes))
    }

    /// A method of a string: `s.len()`, `s.hash()`, `s.bytes::<N>()`.
    fn str_method(
        &mut self,
        x: ExprId,
        name: &a::Ident,
        generics: &[a::GenericArg],
        args: &[a::ExprId],
        span: Span,
    ) -> ExprId {
        let u64 = Ty::Int { signed: false, bits: 64 };
        let (b, sizes) = match &*name.name {
            "len" => (Builtin::StrLen, 0),
            "hash" => (Builtin::StrHash, 0),
            "bytes" => (Builtin::StrBytes, 1),
            _ => return self.no_method(&Ty::Str, name, span),
        };
        if !args.is_empty() || generics.len() > sizes {
            let most = if sizes == 0 { "no generic arguments" } else { "one size, `bytes::<16>()`," };
            let d = Diag::error(codes::E0208, format!("`{}` takes {most} and nothing in parentheses", name.name));
            return self.wrong(d.at(span, ""), span);
        }
        if sizes == 0 {
            return self.push(ExprKind::Builtin(b, vec![x]), u64, span);
        }
        let n = match generics {
            [n] => crate::types::size_arg(self, n),
            _ => self.inf.fresh_size(),
        };
        let bytes = Ty::Array(Box::new(Ty::Int { signed: false, bits: 8 }), n);
        self.sized(ExprKind::Builtin(b, vec![x]), bytes, span)
    }

    #[allow(clippy::too_many_arguments)]
    fn array_method(
        &mut self,
        x: ExprId,
        t: &Ty,
        elem: Ty,
        n: Size,
        name: &a::Ident,
        args: &[a::ExprId],
        span: Span,
    ) -> ExprId {
        let arity = match &*name.name {
            "len" | "sum" | "product" | "min" | "max" | "argmin" | "argmax" | "enumerate" => 0..=0,
            "any" | "all" | "count" => 0..=1,
            "map" | "zip" => 1..=1,
            "fold" => 2..=2,
            _ => return self.no_method(t, name, span),
        };
        if !arity.contains(&args.len()) {
            let d = Diag::error(
                codes::E0208,
                format!(
                    "`{}` takes {} {}, here are {}",
                    name.name,
                    arity.end(),
                    if *arity.end() == 1 { "argument" } else { "arguments" },
                    args.len()
                ),
            );
            return self.wrong(d.at(span, ""), span);
        }
        let what = format!("`{}`", name.name);
        match &*name.name {
            "len" => {
                // Of a plain variable the length is a number already; else what computes the array must still run.
                if matches!(self.exprs[x.0 as usize].kind, ExprKind::Local(_)) {
                    return self.push(ExprKind::Size(n), Ty::Index, span);
                }
                self.push(ExprKind::Builtin(Builtin::Len, vec![x]), Ty::Index, span)
            }
            "sum" | "product" => {
                self.require(&elem, Class::Num, span, false, &what);
                let b = if &*name.name == "sum" { Builtin::Sum } else { Builtin::Product };
                self.push(ExprKind::Builtin(b, vec![x]), elem, span)
            }
            "min" | "max" => {
                self.require(&elem, Class::Ord, span, false, &what);
                let b = if &*name.name == "min" { Builtin::ArrayMin } else { Builtin::ArrayMax };
                self.push(ExprKind::Builtin(b, vec![x]), elem, span)
            }
            "argmin" | "argmax" => {
                self.require(&elem, Class::Ord, span, false, &what);
                if n == Size::Const(0) {
                    let d = Diag::error(codes::E0204, format!("`{}` of an empty array", name.name));
                    return self.wrong(d.at(span, "there is no element"), span);
                }
                let b = if &*name.name == "argmin" { Builtin::ArgMin } else { Builtin::ArgMax };
                self.soft_u64(ExprKind::Builtin(b, vec![x]), span)
            }
            "any" | "all" => {
                let bools = match args {
                    [f] => self.mapped(x, &elem, &n, *f, Ty::Bool, &what),
                    _ => self.bools(x, &elem, name),
                };
                let b = if &*name.name == "any" { Builtin::Any } else { Builtin::All };
                self.push(ExprKind::Builtin(b, vec![bools]), Ty::Bool, span)
            }
            "count" => match args {
                [f] => {
                    let want = Ty::Fn(vec![elem], Box::new(Ty::Bool));
                    let f = self.check(*f, &want, "the condition to count");
                    self.soft_u64(ExprKind::Builtin(Builtin::Count, vec![x, f]), span)
                }
                _ => {
                    let x = self.bools(x, &elem, name);
                    self.soft_u64(ExprKind::Builtin(Builtin::Count, vec![x]), span)
                }
            },
            "map" => {
                let ret = self.inf.stored();
                self.mapped(x, &elem, &n, args[0], ret, &what)
            }
            "zip" => {
                let y = self.expr(args[0], None);
                match self.known(y, "`zip`") {
                    Ty::Array(u, m) => {
                        self.same_size(&n, &m, span, "the arrays of `zip`");
                        let pair = Ty::Tuple(vec![elem, *u]);
                        self.sized(ExprKind::Builtin(Builtin::Zip, vec![x, y]), Ty::Array(Box::new(pair), n), span)
                    }
                    Ty::Error => self.error(span),
                    other => {
                        let text = self.show(&other);
                        let d = Diag::error(codes::E0201, format!("`zip` takes an array, not `{text}`"));
                        self.wrong(d.at(self.span(y), "not an array"), span)
                    }
                }
            }
            "fold" => {
                let init = self.expr(args[0], None);
                let init = self.storable(init);
                let acc = self.raw(init);
                let want = Ty::Fn(vec![acc.clone(), elem], Box::new(acc.clone()));
                let f = self.check(args[1], &want, "the step of `fold`");
                self.push(ExprKind::Builtin(Builtin::Fold, vec![x, init, f]), acc, span)
            }
            "enumerate" => {
                let d = Diag::error(codes::E0216, "`enumerate` stands in a `for`, or before `map` or `fold`")
                    .at(span, "pairs with indices cannot be stored")
                    .help("to store positions, `map` them to numbers: `xs.enumerate().map(|(i, x)| (i as u64, x))`");
                self.wrong(d, span)
            }
            _ => self.no_method(t, name, span),
        }
    }

    fn bools(&mut self, x: ExprId, elem: &Ty, name: &a::Ident) -> ExprId {
        let t = self.inf.shallow(elem);
        if self.unify(&t, &Ty::Bool, name.span, "").is_err() {
            let text = self.show(&t);
            let d = Diag::error(codes::E0203, format!("`{}` is for arrays of `bool`, not of `{text}`", name.name))
                .at(name.span, "")
                .help(format!("say what holds: `xs.{}(|x| …)`", name.name));
            return self.wrong(d, name.span);
        }
        x
    }

    fn mapped(&mut self, x: ExprId, elem: &Ty, n: &Size, f: a::ExprId, ret: Ty, what: &str) -> ExprId {
        let span = self.span(x).to(self.ast.expr(f).span);
        // Built-in functions of one argument may be named: `xs.map(reveal)`.
        let ast: &'a a::Module = self.ast;
        if let a::ExprKind::Path { path, .. } = &ast.expr(f).kind
            && let [one] = path.parts.as_slice()
            && &*one.name == "reveal"
            && let Named::Builtin(_) = self.named(path)
        {
            return self.push(ExprKind::Builtin(Builtin::Reveal, vec![x]), self.raw(x), span);
        }
        let want = Ty::Fn(vec![elem.clone()], Box::new(ret.clone()));
        let f = self.check(f, &want, &format!("the argument of {what}"));
        self.sized(ExprKind::Builtin(Builtin::Map, vec![x, f]), Ty::Array(Box::new(ret), n.clone()), span)
    }
}
