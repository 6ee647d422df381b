//! Index expressions over strips of lanes: as numbers, or as few affine runs.
//!
//! Long rows are cut into affine pieces; short rows and expressions that jump too often are evaluated an operator at a
//! time over blocks of lanes.

use std::ops::Range;

use super::boxes::BoxForm;
use super::eval::{Piece, RowCtx, apply};
use super::{Index, IndexEnv, IndexError, IndexOp, Space};

/// `start, start + stride, …`, `count` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// First value.
    pub start: i64,
    /// Difference of neighbours; 0 is a broadcast, 1 a copy.
    pub stride: i64,
    /// At least 1.
    pub count: u64,
}

/// Calls `f(lane, coords)` for the points of a range of lanes, in order.
///
/// # Errors
/// Evaluation errors of the space; [`IndexError::NoLane`] when it has fewer points.
pub fn for_each_point(
    space: &Space,
    env: &IndexEnv<'_>,
    lanes: Range<u64>,
    mut f: impl FnMut(u64, &[i64]),
) -> Result<(), IndexError> {
    let mut point = vec![0; space.dims.len()];
    let last = point.len().wrapping_sub(1);
    rows(space, env, lanes, |ctx, lane, count| {
        point.copy_from_slice(ctx.coords);
        for k in 0..count {
            if let Some(c) = point.get_mut(last) {
                *c = (i128::from(ctx.first) + i128::from(ctx.step) * i128::from(k)) as i64;
            }
            f(lane + k, &point);
        }
        Ok(())
    })
}

fn rows(
    space: &Space,
    env: &IndexEnv<'_>,
    lanes: Range<u64>,
    mut f: impl FnMut(&RowCtx<'_>, u64, u64) -> Result<(), IndexError>,
) -> Result<(), IndexError> {
    if lanes.start >= lanes.end {
        return Ok(());
    }
    let mut cursor = space.cursor(env);
    cursor.seek(lanes.start)?;
    while cursor.lane() < lanes.end {
        let Some(row) = cursor.next_row(lanes.end - cursor.lane())? else {
            return Err(IndexError::NoLane);
        };
        let ctx = RowCtx {
            vars: cursor.vars(),
            coords: cursor.coords(),
            last: space.dims.len().wrapping_sub(1),
            first: row.first,
            step: row.step,
            lane: Some(row.lane),
        };
        f(&ctx, row.lane, row.count)?;
    }
    Ok(())
}

/// Calls `f` with runs that together are `index` over a range of lanes, in order; neighbours that continue each other are
/// one run.
///
/// # Errors
/// Evaluation errors; [`IndexError::NoLane`] when the space has fewer points.
pub fn for_each_run(
    space: &Space,
    index: &Index,
    env: &IndexEnv<'_>,
    lanes: Range<u64>,
    mut f: impl FnMut(Run),
) -> Result<(), IndexError> {
    let mut open: Option<Run> = None;
    if let Some(form) = BoxForm::of(space, index, env) {
        form.pieces(lanes, |p| extend(&mut open, p, &mut f))?;
        open.into_iter().for_each(f);
        return Ok(());
    }
    rows(space, env, lanes, |ctx, _, count| {
        let mut k = 0;
        while k < count {
            let p = ctx.piece(index, k, count - k)?;
            k += p.n;
            extend(&mut open, p, &mut f);
        }
        Ok(())
    })?;
    if let Some(run) = open {
        f(run);
    }
    Ok(())
}

fn extend(open: &mut Option<Run>, p: Piece, f: &mut impl FnMut(Run)) {
    if let Some(run) = open {
        let gap = p.base.checked_sub(run.start);
        if run.count == 1 && (p.n == 1 || gap == Some(p.slope)) {
            if let Some(stride) = gap {
                run.stride = stride;
                run.count += p.n;
                return;
            }
        } else if run.count > 1
            && i128::from(run.start) + i128::from(run.stride) * i128::from(run.count) == i128::from(p.base)
            && (p.n == 1 || p.slope == run.stride)
        {
            run.count += p.n;
            return;
        }
        f(*run);
    }
    *open = Some(Run { start: p.base, stride: p.slope, count: p.n });
}

const BLOCK: usize = 1024;
const SHORT: u64 = 24;

/// Lanes whose coordinates are gathered to be evaluated together.
struct Block {
    coords: Vec<Vec<i64>>,
    lane: Vec<i64>,
    free: Vec<Vec<i64>>,
}

impl Block {
    fn len(&self) -> usize {
        self.lane.len()
    }

    fn push(&mut self, ctx: &RowCtx<'_>, lane: u64, from: u64, n: u64) {
        for (k, col) in self.coords.iter_mut().enumerate() {
            if k == ctx.last {
                let first = i128::from(ctx.first) + i128::from(ctx.step) * i128::from(from);
                let mut v = first as i64;
                for _ in 0..n {
                    col.push(v);
                    v = v.wrapping_add(ctx.step);
                }
            } else {
                col.extend(std::iter::repeat_n(ctx.coords[k], n as usize));
            }
        }
        self.lane.extend((0..n).map(|t| (lane + from + t) as i64));
    }

    fn flush(&mut self, index: &Index, vars: &[i64], out: &mut Vec<i64>) -> Result<(), IndexError> {
        if self.len() > 0 {
            let v = self.eval(index, vars)?;
            out.extend_from_slice(&v);
            self.free.push(v);
            self.coords.iter_mut().for_each(Vec::clear);
            self.lane.clear();
        }
        Ok(())
    }

    fn eval(&mut self, e: &Index, vars: &[i64]) -> Result<Vec<i64>, IndexError> {
        let n = self.len();
        let fresh = |free: &mut Vec<Vec<i64>>| {
            let mut v = free.pop().unwrap_or_default();
            v.clear();
            v
        };
        match e {
            Index::Bin(op, a, b) => {
                let mut x = self.eval(a, vars)?;
                if let Index::Const(c) = **b {
                    apply_const(*op, &mut x, c)?;
                } else {
                    let y = self.eval(b, vars)?;
                    match op {
                        IndexOp::Add => zip(&mut x, &y, i64::checked_add)?,
                        IndexOp::Sub => zip(&mut x, &y, i64::checked_sub)?,
                        IndexOp::Mul => zip(&mut x, &y, i64::checked_mul)?,
                        _ => {
                            for (x, y) in x.iter_mut().zip(&y) {
                                *x = apply(*op, *x, *y)?;
                            }
                        }
                    }
                    self.free.push(y);
                }
                Ok(x)
            }
            leaf => {
                let mut v = fresh(&mut self.free);
                match leaf {
                    Index::Coord(k) => {
                        v.extend_from_slice(self.coords.get(*k as usize).ok_or(IndexError::NoCoord)?);
                    }
                    Index::Lane => v.extend_from_slice(&self.lane),
                    Index::Var(i) => {
                        v.resize(n, *vars.get(i.0 as usize).ok_or(IndexError::NoVar)?);
                    }
                    Index::Const(c) => v.resize(n, *c),
                    Index::Bin(..) => {}
                }
                Ok(v)
            }
        }
    }
}

fn zip(x: &mut [i64], y: &[i64], f: impl Fn(i64, i64) -> Option<i64>) -> Result<(), IndexError> {
    for (x, y) in x.iter_mut().zip(y) {
        *x = f(*x, *y).ok_or(IndexError::Overflow)?;
    }
    Ok(())
}

fn apply_const(op: IndexOp, x: &mut [i64], c: i64) -> Result<(), IndexError> {
    use IndexOp::*;
    match op {
        // Remainders and quotients by powers of two of values that are not negative are masks and shifts.
        Rem if c > 0 && (c as u64).is_power_of_two() && x.iter().all(|v| *v >= 0) => {
            x.iter_mut().for_each(|v| *v &= c - 1);
        }
        Div if c > 0 && (c as u64).is_power_of_two() && x.iter().all(|v| *v >= 0) => {
            let s = c.trailing_zeros();
            x.iter_mut().for_each(|v| *v >>= s);
        }
        And => x.iter_mut().for_each(|v| *v &= c),
        Or => x.iter_mut().for_each(|v| *v |= c),
        Xor => x.iter_mut().for_each(|v| *v ^= c),
        _ => {
            for v in x {
                *v = apply(op, *v, c)?;
            }
        }
    }
    Ok(())
}

/// Appends `index` at the points of a range of lanes. About 1 ns per lane on long affine rows, some on others.
///
/// # Errors
/// Evaluation errors; [`IndexError::NoLane`] when the space has fewer points. What `out` then holds is unspecified.
pub fn eval_strip(
    space: &Space,
    index: &Index,
    env: &IndexEnv<'_>,
    lanes: Range<u64>,
    out: &mut Vec<i64>,
) -> Result<(), IndexError> {
    if let Some(form) = BoxForm::of(space, index, env) {
        return form.pieces(lanes, |p| fill(out, p));
    }
    let mut block = Block { coords: vec![Vec::new(); space.dims.len()], lane: Vec::new(), free: Vec::new() };
    rows(space, env, lanes, |ctx, lane, count| {
        let mut k = 0;
        if count >= SHORT {
            block.flush(index, ctx.vars, out)?;
        }
        while k < count {
            let mut n = (count - k).min((BLOCK - block.len()) as u64);
            if count >= SHORT {
                let p = ctx.piece(index, k, count - k)?;
                if p.n >= SHORT || p.n == count - k {
                    block.flush(index, ctx.vars, out)?;
                    fill(out, p);
                    k += p.n;
                    continue;
                }
                n = n.min(BLOCK as u64 / 2);
            }
            block.push(ctx, lane, k, n);
            k += n;
            if block.len() >= BLOCK {
                block.flush(index, ctx.vars, out)?;
            }
        }
        Ok(())
    })?;
    block.flush(index, env.vars, out)
}

fn fill(out: &mut Vec<i64>, p: Piece) {
    let n = p.n as usize;
    if p.slope == 0 {
        out.resize(out.len() + n, p.base);
    } else {
        // Wraps only after the last value.
        out.extend((0..n as i64).map(|t| p.base.wrapping_add(p.slope.wrapping_mul(t))));
    }
}
