//! Operators on scalars, and elementwise on arrays: the arithmetic of the language, bit for bit.
//!
//! Integers wrap modulo 2^N. Where an operand is not public every operation has a result (x / 0 is all ones, x % 0 is x);
//! on public values what has none is an error. Knows no expressions.

use crate::value::{Array, Col, Kind, Scalar, Shape, Value};
use sema::tree::{BinOp, UnOp};
use std::cmp::Ordering;
use std::sync::Arc;

/// What went wrong, in words; empty where the tree is.
pub(crate) type Why = std::borrow::Cow<'static, str>;

/// A tree that no checker lets pass.
pub(crate) const WRONG_TREE: Why = Why::Borrowed("");

/// `a op b` on scalars.
pub fn scalar(op: BinOp, a: Scalar, b: Scalar) -> Result<Scalar, Why> {
    let secret = a.secret | b.secret;
    let truth = |t: bool| Scalar { bits: u128::from(t), kind: Kind::Bool, secret };
    match op {
        BinOp::Shl | BinOp::Shr => return shift(op == BinOp::Shl, a, b),
        _ if a.kind != b.kind => return Err(WRONG_TREE),
        BinOp::Eq => return Ok(truth(a.bits == b.bits)),
        BinOp::Ne => return Ok(truth(a.bits != b.bits)),
        BinOp::Lt => return Ok(truth(order(a, b) == Ordering::Less)),
        BinOp::Le => return Ok(truth(order(a, b) != Ordering::Greater)),
        BinOp::Gt => return Ok(truth(order(a, b) == Ordering::Greater)),
        BinOp::Ge => return Ok(truth(order(a, b) != Ordering::Less)),
        BinOp::And => return Ok(truth(a.truth() && b.truth())),
        BinOp::Or => return Ok(truth(a.truth() || b.truth())),
        _ => {}
    }
    if a.kind == Kind::Index {
        return index(op, a, b);
    }
    if let Kind::Fixed(f) = a.kind {
        return fixed(op, a, b, f);
    }
    let bits = match op {
        BinOp::Add => a.bits.wrapping_add(b.bits),
        BinOp::Sub => a.bits.wrapping_sub(b.bits),
        BinOp::Mul => a.bits.wrapping_mul(b.bits),
        BinOp::BitAnd => a.bits & b.bits,
        BinOp::BitOr => a.bits | b.bits,
        BinOp::BitXor => a.bits ^ b.bits,
        BinOp::Div | BinOp::Rem if b.bits == 0 => {
            if !secret {
                return Err("division by zero".into());
            }
            if op == BinOp::Div { u128::MAX } else { a.bits }
        }
        BinOp::Div if a.kind.signed() => a.number().wrapping_div(b.number()) as u128,
        BinOp::Rem if a.kind.signed() => a.number().wrapping_rem(b.number()) as u128,
        BinOp::Div => a.bits / b.bits,
        BinOp::Rem => a.bits % b.bits,
        _ => return Err(WRONG_TREE),
    };
    Ok(Scalar { bits: bits & a.kind.mask(), kind: a.kind, secret })
}

/// Arithmetic on fixed-point numbers with `f` fraction bits.
fn fixed(op: BinOp, a: Scalar, b: Scalar, f: u8) -> Result<Scalar, Why> {
    let secret = a.secret | b.secret;
    let bits = match op {
        BinOp::Add => a.bits.wrapping_add(b.bits),
        BinOp::Sub => a.bits.wrapping_sub(b.bits),
        BinOp::Mul => return narrow(wide_mul(a, b)?),
        BinOp::Div if b.bits == 0 && !secret => return Err("division by zero".into()),
        BinOp::Div if b.bits == 0 => u128::MAX,
        // Of 64 + f bits: nothing wraps before the end.
        BinOp::Div => ((a.number() << f) / b.number()) as u128,
        _ => return Err(WRONG_TREE),
    };
    Ok(Scalar { bits: bits & a.kind.mask(), kind: a.kind, secret })
}

/// The product of two numbers; of fixed-point ones all of it, with twice the fraction bits.
pub fn wide_mul(a: Scalar, b: Scalar) -> Result<Scalar, Why> {
    if a.kind != b.kind {
        return Err(WRONG_TREE);
    }
    if a.kind == Kind::Index {
        return index(BinOp::Mul, a, b);
    }
    Ok(Scalar { bits: a.bits.wrapping_mul(b.bits) & a.kind.mask(), kind: a.kind, secret: a.secret | b.secret })
}

/// A number of a sum of whole products: shifted right by the fraction bits, floored. Other numbers stay.
pub fn narrow(a: Scalar) -> Result<Scalar, Why> {
    match a.kind {
        Kind::Fixed(f) => Ok(Scalar { bits: (a.number() >> f) as u128 & a.kind.mask(), ..a }),
        _ => Ok(a),
    }
}

/// Order of two scalars of one kind.
pub fn order(a: Scalar, b: Scalar) -> Ordering {
    if a.kind.signed() { a.number().cmp(&b.number()) } else { a.bits.cmp(&b.bits) }
}

fn index(op: BinOp, a: Scalar, b: Scalar) -> Result<Scalar, Why> {
    let (x, y) = (a.number() as i64, b.number() as i64);
    let r = match op {
        BinOp::Add => x.checked_add(y),
        BinOp::Sub => x.checked_sub(y),
        BinOp::Mul => x.checked_mul(y),
        BinOp::Div | BinOp::Rem if y == 0 => return Err("division by zero".into()),
        BinOp::Div => x.checked_div(y),
        BinOp::Rem => x.checked_rem(y),
        BinOp::BitAnd => Some(x & y),
        BinOp::BitOr => Some(x | y),
        BinOp::BitXor => Some(x ^ y),
        _ => return Err(WRONG_TREE),
    };
    r.map(Scalar::index).ok_or_else(|| "this index does not fit 64 bits".into())
}

fn shift(left: bool, a: Scalar, b: Scalar) -> Result<Scalar, Why> {
    if b.kind.signed() && b.number() < 0 {
        return Err(format!("a shift by {}, which is negative", b.number()).into());
    }
    let n = u32::try_from(b.bits).unwrap_or(u32::MAX);
    if a.kind == Kind::Index {
        let x = a.number() as i64;
        let r = if !left {
            Some(x >> n.min(63))
        } else if x == 0 {
            Some(0)
        } else if n > 62 {
            None
        } else {
            x.checked_mul(1 << n)
        };
        return r.map(Scalar::index).ok_or_else(|| "this index does not fit 64 bits".into());
    }
    let bits = if left {
        a.bits.checked_shl(n).unwrap_or(0)
    } else if a.kind.signed() {
        (a.number() >> n.min(127)) as u128
    } else {
        a.bits.checked_shr(n).unwrap_or(0)
    };
    Ok(Scalar { bits: bits & a.kind.mask(), kind: a.kind, secret: a.secret | b.secret })
}

/// `-a`, `!a` on scalars.
pub fn unary_scalar(op: UnOp, a: Scalar) -> Result<Scalar, Why> {
    let bits = match (op, a.kind) {
        (UnOp::Neg, Kind::Bool) => return Err(WRONG_TREE),
        (UnOp::Neg, Kind::Index) => {
            return (a.number() as i64)
                .checked_neg()
                .map(Scalar::index)
                .ok_or_else(|| "this index does not fit 64 bits".into());
        }
        (UnOp::Neg, _) => a.bits.wrapping_neg(),
        (UnOp::Not, _) => !a.bits,
    };
    Ok(Scalar { bits: bits & a.kind.mask(), ..a })
}

/// To another kind: wraps, sign-extends where the source has a sign; fractions are cut off, toward zero. To [`Kind::Index`]
/// it must fit.
pub fn cast_scalar(a: Scalar, kind: Kind) -> Result<Scalar, Why> {
    if kind == Kind::Index {
        return a.as_i64().map(Scalar::index).ok_or_else(|| "this number does not fit an index (64 bits)".into());
    }
    // Without its fraction, toward zero, or with a new one.
    let bits = match (a.kind, kind) {
        (Kind::Fixed(f), Kind::Fixed(g)) if f <= g => a.bits << (g - f),
        (Kind::Fixed(f), Kind::Fixed(g)) => (a.number() / (1 << (f - g))) as u128,
        (Kind::Fixed(f), _) => (a.number() / (1 << f)) as u128,
        (_, Kind::Fixed(g)) => (a.number() as u128) << g,
        _ => a.number() as u128,
    };
    Ok(Scalar { bits: bits & kind.mask(), kind, secret: a.secret })
}

/// The smaller or the greater.
pub fn min_max(max: bool, a: Scalar, b: Scalar) -> Result<Scalar, Why> {
    if a.kind != b.kind {
        return Err(WRONG_TREE);
    }
    let first = (order(a, b) == Ordering::Less) != max;
    Ok(Scalar { secret: a.secret | b.secret, ..if first { a } else { b } })
}

/// Applies a function to each scalar of a scalar or an array (of arrays) of scalars.
pub fn map(v: &Value, to: impl Fn(Kind) -> Kind, f: impl Fn(Scalar) -> Result<Scalar, Why>) -> Result<Value, Why> {
    match v {
        Value::Scalar(s) => Ok(Value::Scalar(f(*s)?)),
        Value::Array(a) => match a.cols.as_slice() {
            [col] => {
                let (bits, secret) = each(col.bits.len(), |i| f(at(col, i)), col.secret)?;
                array(a, to(col.kind), secret, bits)
            }
            _ => Err(WRONG_TREE),
        },
        _ => Err(WRONG_TREE),
    }
}

/// Applies a function to the scalars of two scalars or of two arrays of equal shape.
pub fn zip(
    a: &Value,
    b: &Value,
    to: impl Fn(Kind) -> Kind,
    f: impl Fn(Scalar, Scalar) -> Result<Scalar, Why>,
) -> Result<Value, Why> {
    match (a, b) {
        (Value::Scalar(x), Value::Scalar(y)) => Ok(Value::Scalar(f(*x, *y)?)),
        (Value::Array(x), Value::Array(y)) => match (x.cols.as_slice(), y.cols.as_slice()) {
            ([c], [d]) if x.len == y.len && c.bits.len() == d.bits.len() => {
                let (bits, secret) = each(c.bits.len(), |i| f(at(c, i), at(d, i)), c.secret | d.secret)?;
                array(x, to(c.kind), secret, bits)
            }
            _ => Err(WRONG_TREE),
        },
        _ => Err(WRONG_TREE),
    }
}

fn each(n: usize, f: impl Fn(usize) -> Result<Scalar, Why>, secret: bool) -> Result<(Vec<u128>, bool), Why> {
    let mut secret = secret;
    let mut out = Vec::with_capacity(n);
    for i in 0..n {
        let s = f(i)?;
        secret |= s.secret;
        out.push(s.bits);
    }
    Ok((out, secret))
}

fn at(col: &Col, i: usize) -> Scalar {
    Scalar { bits: col.bits[i], kind: col.kind, secret: col.secret }
}

fn array(like: &Array, kind: Kind, secret: bool, bits: Vec<u128>) -> Result<Value, Why> {
    fn with(shape: &Shape, kind: Kind) -> Result<Shape, Why> {
        Ok(match shape {
            Shape::Scalar(_) => Shape::Scalar(kind),
            Shape::Array(n, elem) => Shape::Array(*n, Box::new(with(elem, kind)?)),
            _ => return Err(WRONG_TREE),
        })
    }
    let elem = if like.cols[0].kind == kind { like.elem.clone() } else { Arc::new(with(&like.elem, kind)?) };
    Ok(Value::Array(Arc::new(Array { len: like.len, elem, cols: vec![Col { kind, secret, bits: Arc::new(bits) }] })))
}

/// `a op b` for values: scalars, arrays elementwise, `==` and `!=` on tuples as a whole.
pub fn binary(op: BinOp, a: &Value, b: &Value) -> Result<Value, Why> {
    if let (Value::Scalar(x), Value::Scalar(y)) = (a, b) {
        return Ok(Value::Scalar(scalar(op, *x, *y)?));
    }
    match (op, b) {
        (BinOp::Shl | BinOp::Shr, Value::Scalar(n)) => map(a, |k| k, |s| scalar(op, s, *n)),
        (BinOp::Eq | BinOp::Ne, _) => equal(op == BinOp::Ne, a, b),
        (BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge, _) => zip(a, b, |_| Kind::Bool, |x, y| scalar(op, x, y)),
        _ => zip(a, b, |k| k, |x, y| scalar(op, x, y)),
    }
}

fn equal(negate: bool, a: &Value, b: &Value) -> Result<Value, Why> {
    let op = if negate { BinOp::Ne } else { BinOp::Eq };
    match (a, b) {
        (Value::Array(x), Value::Array(y)) if x.cols.len() != 1 || !plain(&x.elem) => {
            if x.len != y.len {
                return Err(WRONG_TREE);
            }
            let mut out = Vec::with_capacity(x.len);
            for i in 0..x.len as i64 {
                let (x, y) = (x.get(i, &[]), y.get(i, &[]));
                out.push(equal(negate, &x.map_err(|_| WRONG_TREE)?, &y.map_err(|_| WRONG_TREE)?)?);
            }
            let elem = truths(&x.elem);
            Ok(Value::Array(Arc::new(Array::collect(elem, &out).map_err(|_| WRONG_TREE)?)))
        }
        (Value::Tuple(_), Value::Tuple(_)) | (Value::Unit, Value::Unit) => {
            let (mut same, mut secret) = (true, false);
            let (mut left, mut right) = (Vec::new(), Vec::new());
            for (v, out) in [(a, &mut left), (b, &mut right)] {
                crate::value::each_leaf(v, &mut |_, s, bits| {
                    secret |= s;
                    out.push(bits.to_vec());
                });
            }
            same &= left == right;
            Ok(Value::Scalar(Scalar { bits: u128::from(same != negate), kind: Kind::Bool, secret }))
        }
        _ => zip(a, b, |_| Kind::Bool, |x, y| scalar(op, x, y)),
    }
}

/// Scalars, or arrays of such.
fn plain(shape: &Shape) -> bool {
    match shape {
        Shape::Scalar(_) => true,
        Shape::Array(_, elem) => plain(elem),
        _ => false,
    }
}

/// The shape of an elementwise comparison.
fn truths(shape: &Shape) -> Shape {
    match shape {
        Shape::Array(n, elem) => Shape::Array(*n, Box::new(truths(elem))),
        _ => Shape::Scalar(Kind::Bool),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(signed: bool, bits: u8, v: i128) -> Scalar {
        Scalar::public(Kind::Int { signed, bits }, v as u128)
    }
    fn secret(s: Scalar) -> Scalar {
        Scalar { secret: true, ..s }
    }

    #[test]
    fn division_is_total_where_not_public() {
        for (signed, bits) in [(false, 8), (true, 8), (false, 128), (true, 128)] {
            let (x, zero) = (int(signed, bits, 77), int(signed, bits, 0));
            assert_eq!(scalar(BinOp::Div, secret(x), zero).unwrap().bits, x.kind.mask());
            assert_eq!(scalar(BinOp::Rem, secret(x), zero).unwrap().bits, 77);
            assert_eq!(scalar(BinOp::Div, x, zero).unwrap_err(), "division by zero");
        }
        for bits in [8, 64, 128] {
            let min = int(true, bits, i128::MIN >> (128 - u32::from(bits)));
            let minus = int(true, bits, -1);
            assert_eq!(scalar(BinOp::Div, min, minus).unwrap(), min);
            assert_eq!(scalar(BinOp::Rem, min, minus).unwrap().bits, 0);
        }
        assert_eq!(scalar(BinOp::Div, int(true, 16, -7), int(true, 16, 2)).unwrap().number(), -3);
        assert_eq!(scalar(BinOp::Rem, int(true, 16, -7), int(true, 16, 2)).unwrap().number(), -1);
    }

    #[test]
    fn shifts_past_the_width() {
        let n = |k| int(false, 32, k);
        let x = int(true, 8, -128);
        assert_eq!(scalar(BinOp::Shr, x, n(1)).unwrap().number(), -64);
        assert_eq!(scalar(BinOp::Shr, x, n(8)).unwrap().number(), -1);
        assert_eq!(scalar(BinOp::Shr, x, n(500)).unwrap().number(), -1);
        assert_eq!(scalar(BinOp::Shl, x, n(1)).unwrap().number(), 0);
        let y = int(false, 128, -1);
        assert_eq!(scalar(BinOp::Shl, y, n(128)).unwrap().bits, 0);
        assert_eq!(scalar(BinOp::Shr, y, n(127)).unwrap().bits, 1);
        assert!(scalar(BinOp::Shl, y, int(true, 8, -1)).is_err());
    }

    #[test]
    fn order_and_casts() {
        let (a, b) = (int(true, 8, -1), int(true, 8, 1));
        assert!(scalar(BinOp::Lt, a, b).unwrap().truth());
        let u = |s| cast_scalar(s, Kind::Int { signed: false, bits: 8 }).unwrap();
        assert!(scalar(BinOp::Gt, u(a), u(b)).unwrap().truth());
        assert!(scalar(BinOp::Gt, int(false, 128, -1), int(false, 128, 1)).unwrap().truth());
        let wide = Kind::Int { signed: false, bits: 64 };
        assert_eq!(cast_scalar(a, wide).unwrap().bits, u128::from(u64::MAX));
        assert_eq!(cast_scalar(u(a), wide).unwrap().bits, 255);
        assert_eq!(cast_scalar(int(false, 64, 9), Kind::Index).unwrap(), Scalar::index(9));
        assert!(cast_scalar(int(false, 64, -1), Kind::Index).is_err());
        assert!(cast_scalar(int(false, 128, -1), Kind::Index).is_err());
    }

    #[test]
    fn indices_are_exact() {
        let big = Scalar::index(i64::MAX);
        assert!(scalar(BinOp::Add, big, Scalar::index(1)).is_err());
        assert!(scalar(BinOp::Shl, big, Scalar::index(1)).is_err());
        assert_eq!(scalar(BinOp::Sub, Scalar::index(2), Scalar::index(5)).unwrap(), Scalar::index(-3));
        assert!(unary_scalar(UnOp::Neg, Scalar::index(i64::MIN)).is_err());
    }
}
