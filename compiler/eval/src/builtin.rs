//! Built-in operations: openings (which are marks here), array methods, and what takes a closure.
//!
//! Knows no statement and no scalar arithmetic.

use crate::ops;
use crate::run::{Frame, R, Run, internal, why};
use crate::value::{Array, Col, Kind, Scalar, Shape, Value};
use sema::layout;
use sema::tree::*;
use std::sync::Arc;

const U64: Kind = Kind::Int { signed: false, bits: 64 };

impl<'p> Run<'p> {
    /// A circuit of a file, on the bits of some values.
    fn circuit(&self, id: CircuitId, values: &[Value], span: diag::Span) -> R<Value> {
        let Some(c) = self.program.circuits.get(id.0 as usize) else { return internal(span) };
        let width = |ty: &Ty| Kind::of(ty, &TyEnv::default()).map_or(1, |k| k.width());
        let mut words = vec![];
        for (v, (ty, _)) in values.iter().zip(&c.params) {
            for x in v.to_columns().into_iter().flatten() {
                words.extend((0..width(ty)).map(|i| (x >> i & 1) as u64));
            }
        }
        let Some(bits) = c.net.eval(&words) else { return internal(span) };
        let mut bits = bits.into_iter();
        let mut columns = vec![];
        for (ty, n) in &c.results {
            let mut word = || (0..width(ty)).fold(0u128, |v, i| v | u128::from(bits.next().unwrap_or(0) & 1) << i);
            columns.push((0..*n).map(|_| word()).collect());
        }
        let secret = values.iter().any(Value::secret);
        let shape = Shape::of(self.program, &c.ret, self.families());
        match shape.and_then(|s| Value::from_columns(&s, columns, secret)) {
            Some(v) => Ok(v),
            None => internal(span),
        }
    }

    /// What a method of a string gives.
    fn of_string(&self, fr: &Frame<'p>, b: Builtin, v: &Value, e: &Expr) -> R<Value> {
        let Value::Scalar(s) = v else { return internal(e.span) };
        let shape = layout::close(&e.ty, &fr.env).and_then(|ty| Shape::of(self.program, &ty, self.families()));
        let Some(shape) = shape else {
            return why(Err("more bytes than fit here".into()), e.span);
        };
        let column = match (b, &shape) {
            (Builtin::StrHash, _) => vec![u128::from(strings::hash(s.bits))],
            (Builtin::StrLen, _) => vec![self.string(s.bits, e.span)?.len() as u128],
            (_, Shape::Array(n, _)) => {
                let text = self.string(s.bits, e.span)?;
                strings::bytes(text, *n).into_iter().map(u128::from).collect()
            }
            _ => return internal(e.span),
        };
        Value::from_columns(&shape, vec![column], s.secret).map_or_else(|| internal(e.span), Ok)
    }

    #[inline(never)]
    pub(crate) fn builtin(&mut self, fr: &Frame<'p>, b: Builtin, args: &[ExprId], e: &'p Expr) -> R<Value> {
        let span = e.span;
        if b == Builtin::Random {
            let Some(kind) = Kind::of(&e.ty, &fr.env) else { return internal(span) };
            return Ok(Value::Scalar(Scalar { secret: true, ..Scalar::public(kind, self.draw() & kind.mask()) }));
        }
        let Some((first, rest)) = args.split_first() else {
            return internal(span);
        };
        let mut v = self.eval(fr, *first)?;
        match b {
            Builtin::Circuit(id) => {
                let mut values = vec![v];
                for x in rest {
                    values.push(self.eval(fr, *x)?);
                }
                return self.circuit(id, &values, span);
            }
            Builtin::Reveal | Builtin::OpenMasked | Builtin::RevealTo(_) if v.secret() && self.settle().is_err() => {
                return self.settle().map(|()| v);
            }
            Builtin::Reveal | Builtin::OpenMasked => {
                v.mark(false);
                return Ok(v);
            }
            Builtin::RevealTo(_) => {
                v.mark(true);
                return Ok(v);
            }
            Builtin::Min | Builtin::Max => {
                let [x] = rest else { return internal(span) };
                let w = self.eval(fr, *x)?;
                let max = b == Builtin::Max;
                return why(ops::zip(&v, &w, |k| k, |x, y| ops::min_max(max, x, y)), span);
            }
            Builtin::WideMul => {
                let [x] = rest else { return internal(span) };
                let w = self.eval(fr, *x)?;
                self.watch(fr, BinOp::Mul, &v, &w, span)?;
                return why(ops::zip(&v, &w, |k| k, ops::wide_mul), span);
            }
            Builtin::Wrapping(op) => {
                let [x] = rest else { return internal(span) };
                let w = self.eval(fr, *x)?;
                return why(ops::binary(op, &v, &w), span);
            }
            Builtin::ToBits | Builtin::FromBits => {
                let Some(kind) = Kind::of(&e.ty, &fr.env) else { return internal(span) };
                return why(ops::map(&v, |_| kind, |s| Ok(Scalar { kind, ..s })), span);
            }
            Builtin::StrLen | Builtin::StrHash | Builtin::StrBytes => return self.of_string(fr, b, &v, e),
            Builtin::Narrow => return why(ops::map(&v, |k| k, ops::narrow), span),
            _ => {}
        }
        let Value::Array(a) = v else {
            return internal(span);
        };
        match (b, rest) {
            (Builtin::Len, []) => Ok(Value::Scalar(Scalar::index(a.len as i64))),
            (Builtin::Enumerate, []) => Ok(pairs(&indices(a.len), &a)),
            (Builtin::Zip, [x]) => match self.eval(fr, *x)? {
                Value::Array(c) if c.len == a.len => Ok(pairs(&a, &c)),
                _ => internal(span),
            },
            (Builtin::Map, [f]) => {
                let callee = self.callee(fr, *f)?;
                let mut out = Vec::with_capacity(a.len);
                for i in 0..a.len as i64 {
                    let Ok(x) = a.get(i, &[]) else {
                        return internal(span);
                    };
                    self.tick(span)?;
                    out.push(self.call(&callee, vec![x], span)?);
                }
                match out.first() {
                    Some(v) => self.collect(v.shape(), &out, span),
                    None => self.empty(fr, &e.ty, span),
                }
            }
            (Builtin::Fold, [init, f]) => {
                let mut acc = self.eval(fr, *init)?;
                let callee = self.callee(fr, *f)?;
                for i in 0..a.len as i64 {
                    let Ok(x) = a.get(i, &[]) else {
                        return internal(span);
                    };
                    self.tick(span)?;
                    acc = self.call(&callee, vec![acc, x], span)?;
                }
                Ok(acc)
            }
            (Builtin::Count | Builtin::Any | Builtin::All, [f]) => {
                let callee = self.callee(fr, *f)?;
                let mut out = Vec::with_capacity(a.len);
                for i in 0..a.len as i64 {
                    let Ok(x) = a.get(i, &[]) else {
                        return internal(span);
                    };
                    self.tick(span)?;
                    out.push(self.call(&callee, vec![x], span)?);
                }
                match self.collect(Shape::Scalar(Kind::Bool), &out, span)? {
                    Value::Array(a) => reduce(b, &a).map_or_else(|| internal(span), Ok),
                    _ => internal(span),
                }
            }
            (Builtin::ArgMin | Builtin::ArgMax, []) if a.len == 0 => {
                why(Err("the first least or greatest of an empty array".into()), span)
            }
            (_, []) => {
                if let (Builtin::Sum | Builtin::Product, Shape::Scalar(kind)) = (b, &*a.elem) {
                    let one = why(ops::cast_scalar(Scalar::public(U64, 1), *kind), span)?;
                    self.watch_all(fr, b == Builtin::Sum, &a, one, span)?;
                }
                reduce(b, &a).map_or_else(|| internal(span), Ok)
            }
            _ => internal(span),
        }
    }
}

fn reduce(b: Builtin, a: &Array) -> Option<Value> {
    let (Shape::Scalar(kind), [col]) = (&*a.elem, a.cols.as_slice()) else {
        return None;
    };
    let kind = *kind;
    let all = || col.bits.iter().map(|bits| Scalar { bits: *bits, kind, secret: col.secret });
    let (to, bits) = match b {
        Builtin::Sum => (kind, all().fold(0, |n, s| s.bits.wrapping_add(n))),
        Builtin::Product => {
            let one = ops::cast_scalar(Scalar::public(U64, 1), kind).ok()?;
            (kind, all().try_fold(one, |n, s| ops::scalar(BinOp::Mul, n, s).ok())?.bits)
        }
        Builtin::ArrayMin | Builtin::ArrayMax => {
            let max = b == Builtin::ArrayMax;
            let least = match (kind.signed(), max) {
                (false, true) => 0,
                (false, false) => kind.mask(),
                (true, true) => kind.mask() / 2 + 1,
                (true, false) => kind.mask() / 2,
            };
            let start = Scalar::public(kind, least);
            let found = all().try_fold(start, |m, s| ops::min_max(max, m, s).ok())?;
            (kind, found.bits)
        }
        Builtin::ArgMin | Builtin::ArgMax => {
            let wanted = if b == Builtin::ArgMin { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater };
            let mut best: Option<(usize, Scalar)> = None;
            for (i, s) in all().enumerate() {
                if best.is_none_or(|(_, m)| ops::order(s, m) == wanted) {
                    best = Some((i, s));
                }
            }
            (U64, best?.0 as u128)
        }
        Builtin::Any => (Kind::Bool, u128::from(all().any(|s| s.truth()))),
        Builtin::All => (Kind::Bool, u128::from(all().all(|s| s.truth()))),
        Builtin::Count => (U64, all().filter(Scalar::truth).count() as u128),
        _ => return None,
    };
    Some(Value::Scalar(Scalar { bits: bits & to.mask(), kind: to, secret: col.secret && to != Kind::Index }))
}

fn indices(n: usize) -> Array {
    Array {
        len: n,
        elem: Arc::new(Shape::Scalar(Kind::Index)),
        cols: vec![Col { kind: Kind::Index, secret: false, bits: Arc::new((0..n as u128).collect()) }],
    }
}

fn pairs(a: &Array, b: &Array) -> Value {
    Value::Array(Arc::new(Array {
        len: a.len,
        elem: Arc::new(Shape::Tuple(vec![(*a.elem).clone(), (*b.elem).clone()])),
        cols: a.cols.iter().chain(&b.cols).cloned().collect(),
    }))
}
