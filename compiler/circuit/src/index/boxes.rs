//! Affine expressions over boxes: the common case, in closed form.
//!
//! Neighbouring dimensions that continue each other are merged, so that a row-major walk is one run whatever its shape.

use super::eval::Piece;
use super::{Index, IndexEnv, IndexError, Space};
use std::ops::Range;

/// `base + Σ stride_k t_k` for t_k in `0..count_k`, row-major.
#[derive(Clone, Debug)]
pub(super) struct BoxForm {
    dims: Vec<(u64, i64)>,
    base: i64,
    lanes: u64,
}

/// A linear form over the dimensions' counters, with the extremes that it takes.
struct Linear {
    base: i128,
    strides: Vec<i128>,
}

struct Shape<'a> {
    vars: &'a [i64],
    /// First value, step, count, points per step.
    dims: Vec<(i64, i64, u64, u64)>,
}

impl Shape<'_> {
    /// A form of which every value fits, as evaluation would demand of every operator.
    fn fits(&self, mut l: Linear) -> Option<Linear> {
        let (mut lo, mut hi) = (l.base, l.base);
        for (s, d) in l.strides.iter_mut().zip(&self.dims) {
            // A dimension of one value has no stride.
            if d.2 == 1 {
                *s = 0;
            }
            let far = s.checked_mul(i128::from(d.2.saturating_sub(1)))?;
            lo = lo.checked_add(far.min(0))?;
            hi = hi.checked_add(far.max(0))?;
        }
        i64::try_from(lo).ok()?;
        i64::try_from(hi).ok()?;
        Some(l)
    }

    fn linear(&self, e: &Index) -> Option<Linear> {
        use super::IndexOp::{Add, Mul, Sub};
        let none = || vec![0; self.dims.len()];
        let l = match e {
            Index::Const(v) => Linear { base: (*v).into(), strides: none() },
            Index::Var(v) => Linear { base: (*self.vars.get(v.0 as usize)?).into(), strides: none() },
            Index::Coord(k) => {
                let d = self.dims.get(*k as usize)?;
                let mut strides = none();
                strides[*k as usize] = d.1.into();
                Linear { base: d.0.into(), strides }
            }
            Index::Lane => Linear { base: 0, strides: self.dims.iter().map(|d| d.3.into()).collect() },
            Index::Bin(op @ (Add | Sub | Mul), a, b) => {
                let (a, b) = (self.linear(a)?, self.linear(b)?);
                let flat = |l: &Linear| l.strides.iter().all(|s| *s == 0);
                match op {
                    Mul if flat(&a) => scale(b, a.base),
                    Mul if flat(&b) => scale(a, b.base),
                    Mul => return None,
                    _ => {
                        let sign = if *op == Sub { -1 } else { 1 };
                        let strides = a.strides.iter().zip(&b.strides).map(|(x, y)| x + sign * y).collect();
                        Linear { base: a.base + sign * b.base, strides }
                    }
                }
            }
            Index::Bin(..) => return None,
        };
        self.fits(l)
    }
}

// Both are within i64: the product is within i128.
fn scale(l: Linear, by: i128) -> Linear {
    Linear { base: l.base * by, strides: l.strides.iter().map(|s| s.saturating_mul(by)).collect() }
}

impl BoxForm {
    /// The form of an expression over a space, if the space is a box and the expression affine.
    pub(super) fn of(space: &Space, index: &Index, env: &IndexEnv<'_>) -> Option<BoxForm> {
        if space.guard.is_some() || space.dims.is_empty() {
            return None;
        }
        let mut dims = vec![];
        for d in &space.dims {
            if d.step_expr.is_some() || d.lo.mentions_point() || d.hi.mentions_point() {
                return None;
            }
            let (lo, hi) = (d.lo.eval_scalar(env).ok()?, d.hi.eval_scalar(env).ok()?);
            dims.push((lo, d.step, super::space::trips(lo, hi, d.step), 0));
        }
        let mut lanes = 1u64;
        for d in dims.iter_mut().rev() {
            if d.1 == 0 || d.2 == 0 {
                return None;
            }
            d.3 = lanes;
            lanes = lanes.checked_mul(d.2)?;
        }
        let shape = Shape { vars: env.vars, dims };
        let l = shape.linear(index)?;
        let mut merged: Vec<(u64, i64)> = vec![];
        for (d, s) in shape.dims.iter().zip(&l.strides).rev() {
            let s = if d.2 == 1 { 0 } else { i64::try_from(*s).ok()? };
            match merged.last_mut() {
                _ if d.2 == 1 => {}
                Some((n, t)) if i128::from(*t) * i128::from(*n) == i128::from(s) => *n *= d.2,
                _ => merged.push((d.2, s)),
            }
        }
        merged.reverse();
        if merged.is_empty() {
            merged.push((1, 0));
        }
        Some(BoxForm { dims: merged, base: i64::try_from(l.base).ok()?, lanes })
    }

    /// Calls `f` with the pieces of a range of lanes, in order.
    pub(super) fn pieces(&self, lanes: Range<u64>, mut f: impl FnMut(Piece)) -> Result<(), IndexError> {
        if lanes.start >= lanes.end {
            return Ok(());
        }
        if lanes.end > self.lanes {
            return Err(IndexError::NoLane);
        }
        let mut at: Vec<u64> = vec![0; self.dims.len()];
        let mut rest = lanes.start;
        // Every value that is reached fits: wrapping on the way to it does no harm.
        let mut value = self.base;
        for (k, (n, s)) in self.dims.iter().enumerate().rev() {
            at[k] = rest % n;
            rest /= n;
            value = value.wrapping_add(s.wrapping_mul(at[k] as i64));
        }
        let last = self.dims.len() - 1;
        let (row, slope) = self.dims[last];
        let mut left = lanes.end - lanes.start;
        loop {
            let n = (row - at[last]).min(left);
            f(Piece { base: value, slope: if n == 1 { 0 } else { slope }, n });
            left -= n;
            if left == 0 {
                return Ok(());
            }
            // To the start of the row, then on in the dimension before.
            value = value.wrapping_sub(slope.wrapping_mul(at[last] as i64));
            at[last] = 0;
            for k in (0..last).rev() {
                let (n, s) = self.dims[k];
                at[k] += 1;
                value = value.wrapping_add(s);
                if at[k] < n {
                    break;
                }
                value = value.wrapping_sub(s.wrapping_mul(n as i64));
                at[k] = 0;
            }
        }
    }
}
