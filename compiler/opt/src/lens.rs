//! Small questions about lengths and spaces that several passes ask. Knows no gates.

use circuit::{Circuit, Index, IndexOp, Len, Space, SpaceDim};

/// Greatest number of lanes that a length can stand for.
pub fn len_max(len: &Len) -> u64 {
    match len {
        Len::Const(n) => *n,
        Len::Space { max, .. } => *max,
        Len::Mul(a, b) => len_max(a).saturating_mul(len_max(b)),
    }
}

/// The number, if it is one.
pub fn len_const(len: &Len) -> Option<u64> {
    match len {
        Len::Const(n) => Some(*n),
        Len::Space { .. } => None,
        Len::Mul(a, b) => match (len_const(a), len_const(b)) {
            (Some(0), _) | (_, Some(0)) => Some(0),
            (Some(a), Some(b)) => a.checked_mul(b),
            _ => None,
        },
    }
}

/// Product of two lengths, folded when both are numbers.
pub fn len_mul(a: &Len, b: &Len) -> Len {
    match (len_const(a), len_const(b)) {
        (Some(1), _) => b.clone(),
        (_, Some(1)) => a.clone(),
        (Some(a), Some(b)) => Len::Const(a.saturating_mul(b)),
        _ => Len::Mul(Box::new(a.clone()), Box::new(b.clone())),
    }
}

/// `a op b`, with the foldings that keep texts readable.
pub fn ix(op: IndexOp, a: Index, b: Index) -> Index {
    use IndexOp::*;
    match (op, &a, &b) {
        (Add | Sub | Xor | Or | Shl | Shr, _, Index::Const(0)) | (Mul | Div, _, Index::Const(1)) => return a,
        (Add | Or | Xor, Index::Const(0), _) | (Mul, Index::Const(1), _) => return b,
        (Mul, _, Index::Const(0)) | (Mul, Index::Const(0), _) => return Index::Const(0),
        (Add, Index::Const(x), Index::Const(y)) => {
            if let Some(v) = x.checked_add(*y) {
                return Index::Const(v);
            }
        }
        (Sub, Index::Const(x), Index::Const(y)) => {
            if let Some(v) = x.checked_sub(*y) {
                return Index::Const(v);
            }
        }
        (Mul, Index::Const(x), Index::Const(y)) => {
            if let Some(v) = x.checked_mul(*y) {
                return Index::Const(v);
            }
        }
        _ => {}
    }
    Index::Bin(op, Box::new(a), Box::new(b))
}

/// The length as an index expression, where it has one: constants, products, spaces of one plain dimension.
pub fn len_index(c: &Circuit, len: &Len) -> Option<Index> {
    match len {
        Len::Const(n) => i64::try_from(*n).ok().map(Index::Const),
        Len::Mul(a, b) => Some(ix(IndexOp::Mul, len_index(c, a)?, len_index(c, b)?)),
        Len::Space { space, .. } => {
            let s = c.spaces.get(space.0 as usize)?;
            if s.guard.is_some() {
                return None;
            }
            let mut out = Index::Const(1);
            for d in &s.dims {
                if d.step_expr.is_some() || mentions_coord(&d.lo) || mentions_coord(&d.hi) {
                    return None;
                }
                let span = if d.step > 0 {
                    ix(IndexOp::Sub, d.hi.clone(), d.lo.clone())
                } else {
                    ix(IndexOp::Sub, d.lo.clone(), d.hi.clone())
                };
                let s = d.step.checked_abs()?;
                let n = ix(IndexOp::Div, ix(IndexOp::Add, span, Index::Const(s - 1)), Index::Const(s));
                let n = match n {
                    Index::Const(v) => Index::Const(v.max(0)),
                    n => Index::Bin(IndexOp::Max, Box::new(n), Box::new(Index::Const(0))),
                };
                out = ix(IndexOp::Mul, out, n);
            }
            Some(out)
        }
    }
}

/// Whether an index mentions a coordinate or the lane.
pub fn mentions_coord(i: &Index) -> bool {
    match i {
        Index::Const(_) | Index::Var(_) => false,
        Index::Coord(_) | Index::Lane => true,
        Index::Bin(_, a, b) => mentions_coord(a) || mentions_coord(b),
    }
}

/// A dimension `0..hi`.
pub fn dim(hi: Index) -> SpaceDim {
    SpaceDim { lo: Index::Const(0), hi, step: 1, step_expr: None }
}

/// A rectangle `0..a × 0..b …`.
pub fn rect(dims: Vec<Index>) -> Space {
    Space { dims: dims.into_iter().map(dim).collect(), guard: None }
}

/// Trips of a constant loop, or a guess for the weights of the cost model.
pub fn trips(lo: &Index, hi: &Index, step: i64) -> Option<u64> {
    if step == 0 {
        return None;
    }
    match (lo, hi) {
        (Index::Const(a), Index::Const(b)) => {
            let (a, b, s) = (i128::from(*a), i128::from(*b), i128::from(step));
            let n = if s > 0 { (b - a + s - 1).div_euclid(s) } else { (a - b - s - 1).div_euclid(-s) };
            Some(n.max(0) as u64)
        }
        _ => None,
    }
}
