//! Points of a space: how many there are, and walking them in rows.
//!
//! A row is a run of points that differ in the last coordinate alone. Counts are closed forms for boxes and for inner
//! bounds that are piecewise affine in the coordinate before (triangles); what is not is counted by periods, with what of
//! it does not repeat.

use super::eval::RowCtx;
use super::period::Counting;
use super::{IndexEnv, IndexError, Space};

/// Points `lane..lane + count`; the last coordinate runs `first, first + step, …`, the others stand in the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Number of the first point.
    pub lane: u64,
    /// Last coordinate of the first point.
    pub first: i64,
    /// Its step.
    pub step: i64,
    /// Number of points, at least 1.
    pub count: u64,
}

/// Walks the points of a space in order, a row at a time.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    space: &'a Space,
    vars: &'a [i64],
    coords: Vec<i64>,
    /// Points left in each dimension, the current one included.
    left: Vec<u64>,
    steps: Vec<i64>,
    /// Number of the next point.
    lane: u64,
    started: bool,
    done: bool,
}

pub(super) fn trips(lo: i64, hi: i64, step: i64) -> u64 {
    let (span, s) = if step > 0 {
        (i128::from(hi) - i128::from(lo), i128::from(step))
    } else {
        (i128::from(lo) - i128::from(hi), -i128::from(step))
    };
    if span <= 0 || s == 0 { 0 } else { ((span + s - 1) / s) as u64 }
}

impl Space {
    /// Number of values of a dimension under a prefix of coordinates, its first value, and its step.
    pub(super) fn dim(&self, k: usize, vars: &[i64], coords: &[i64]) -> Result<(u64, i64, i64), IndexError> {
        let d = &self.dims[k];
        let ctx = RowCtx::at(vars, &coords[..k]);
        let lo = ctx.piece(&d.lo, 0, 1)?.base;
        let hi = ctx.piece(&d.hi, 0, 1)?.base;
        let step = match &d.step_expr {
            Some(e) => {
                let s = ctx.piece(e, 0, 1)?.base;
                if s <= 0 {
                    return Err(IndexError::BadStep);
                }
                s
            }
            None if d.step == 0 => return Err(IndexError::BadStep),
            None => d.step,
        };
        Ok((trips(lo, hi, step), lo, step))
    }

    /// Number of points. Cost: that of the expressions for boxes and triangles, of one period of what repeats, and of the
    /// points where nothing does.
    ///
    /// # Errors
    /// Evaluation errors of bounds and guard; a count above `u64`.
    pub fn count(&self, env: &IndexEnv<'_>) -> Result<u64, IndexError> {
        self.count_within(env, u64::MAX)
    }

    /// [`Space::count`] in at most so many steps: a point, or a stretch of points, that is looked at.
    ///
    /// # Errors
    /// As [`Space::count`]; [`IndexError::TooLong`].
    pub fn count_within(&self, env: &IndexEnv<'_>, steps: u64) -> Result<u64, IndexError> {
        let by = Counting { vars: env.vars, left: steps.into() };
        self.count_guarded(0, self.guard.as_ref(), &by, &mut vec![0; self.dims.len()])
    }

    /// A cursor before the first point.
    pub fn cursor<'a>(&'a self, env: &IndexEnv<'a>) -> Cursor<'a> {
        let n = self.dims.len();
        Cursor {
            space: self,
            vars: env.vars,
            coords: vec![0; n],
            left: vec![0; n],
            steps: vec![1; n],
            lane: 0,
            started: false,
            done: false,
        }
    }

    /// Whether dimensions after `k` do not mention coordinate `k`.
    fn independent(&self, k: usize) -> bool {
        let c = k as u32;
        self.dims[k + 1..].iter().all(|d| {
            !d.lo.mentions_coord(c)
                && !d.hi.mentions_coord(c)
                && d.step_expr.as_ref().is_none_or(|e| !e.mentions_coord(c))
        })
    }

    /// Points of dimensions `k..` under a prefix; the guard is ignored.
    pub(super) fn count_under(&self, k: usize, by: &Counting<'_>, coords: &mut [i64]) -> Result<u64, IndexError> {
        if k == self.dims.len() {
            return Ok(1);
        }
        let (n, lo, step) = self.dim(k, by.vars, coords)?;
        self.count_first(k, n, lo, step, by, coords)
    }

    /// Points of dimensions `k..` with the first `n` values `lo, lo + step, …` of dimension `k`.
    fn count_first(
        &self,
        k: usize,
        n: u64,
        lo: i64,
        step: i64,
        by: &Counting<'_>,
        coords: &mut [i64],
    ) -> Result<u64, IndexError> {
        let over = IndexError::Overflow;
        if n == 0 || k + 1 == self.dims.len() {
            return Ok(n);
        }
        if self.independent(k) {
            coords[k] = lo;
            return n.checked_mul(self.count_under(k + 1, by, coords)?).ok_or(over);
        }
        if k + 2 == self.dims.len() && self.dims[k + 1].step_expr.is_none() {
            let inner = &self.dims[k + 1];
            if inner.step == 0 {
                return Err(IndexError::BadStep);
            }
            let head = coords[..k + 1].to_vec();
            let ctx = RowCtx { vars: by.vars, coords: &head, last: k, first: lo, step, lane: None };
            let (mut at, mut total) = (0, 0u64);
            while at < n {
                by.step()?;
                let l = ctx.piece(&inner.lo, at, n - at)?;
                let h = ctx.piece(&inner.hi, at, l.n)?;
                let (mut a, mut b) =
                    (i128::from(h.slope) - i128::from(l.slope), i128::from(h.base) - i128::from(l.base));
                if inner.step < 0 {
                    (a, b) = (-a, -b);
                }
                let s = i128::from(inner.step.unsigned_abs());
                let part = sum_trips(a, b, s, h.n).ok_or(over)?;
                total = total.checked_add(part).ok_or(over)?;
                at += h.n;
            }
            return Ok(total);
        }
        self.count_values(k, None, (lo, step, n), by, coords)
    }
}

/// Sum over t in `0..n` of max(0, ceil((a t + b) / s)).
fn sum_trips(a: i128, b: i128, s: i128, n: u64) -> Option<u64> {
    let n = i128::from(n);
    // The t for which a t + b is positive.
    let (t0, t1) = if a == 0 {
        if b > 0 { (0, n) } else { (0, 0) }
    } else if a > 0 {
        (if b > 0 { 0 } else { (-b / a + 1).min(n) }, n)
    } else {
        (0, if b <= 0 { 0 } else { ((b - a - 1) / -a).min(n) })
    };
    let m = t1 - t0;
    if m <= 0 {
        return Some(0);
    }
    let first = a.checked_mul(t0)?.checked_add(b)?;
    let last = a.checked_mul(t1 - 1)?.checked_add(b)?;
    let sum = if s == 1 || a == 0 {
        let (f, l) = ((first + s - 1) / s, (last + s - 1) / s);
        // m (f + l) is even when a is what separates them; for a = 0 f = l.
        m.checked_mul(f.checked_add(l)?)? / 2
    } else {
        // Ascending, so that the slope is not negative.
        floor_sum(m, s, a.abs(), first.min(last) + s - 1)?
    };
    u64::try_from(sum).ok()
}

/// Sum over t in `0..n` of floor((a t + b) / m), for a, b >= 0, m > 0, by the Euclid-like recursion.
fn floor_sum(mut n: i128, mut m: i128, mut a: i128, mut b: i128) -> Option<i128> {
    let mut total: i128 = 0;
    loop {
        if a >= m {
            let tri = if n % 2 == 0 { (n / 2).checked_mul(n - 1)? } else { ((n - 1) / 2).checked_mul(n)? };
            total = total.checked_add(tri.checked_mul(a / m)?)?;
            a %= m;
        }
        if b >= m {
            total = total.checked_add(n.checked_mul(b / m)?)?;
            b %= m;
        }
        let top = a.checked_mul(n)?.checked_add(b)?;
        if top < m {
            return Some(total);
        }
        n = top / m;
        b = top % m;
        std::mem::swap(&mut m, &mut a);
    }
}

impl<'a> Cursor<'a> {
    /// The coordinates of the row that [`Cursor::next_row`] gave last; of the last coordinate, [`Row`] knows.
    pub fn coords(&self) -> &[i64] {
        &self.coords
    }
    /// Number of the next point.
    pub fn lane(&self) -> u64 {
        self.lane
    }
    pub(crate) fn vars(&self) -> &'a [i64] {
        self.vars
    }

    /// Enters dimensions `k..` at their first values; `false` when there are no points left.
    fn enter(&mut self, mut k: usize) -> Result<bool, IndexError> {
        let n = self.space.dims.len();
        while k < n {
            let (count, lo, step) = self.space.dim(k, self.vars, &self.coords)?;
            (self.coords[k], self.left[k], self.steps[k]) = (lo, count, step);
            if count > 0 {
                k += 1;
                continue;
            }
            match self.bump(k)? {
                Some(next) => k = next,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Steps the innermost dimension before `k` that has values left; the dimension to enter next.
    fn bump(&mut self, k: usize) -> Result<Option<usize>, IndexError> {
        for j in (0..k).rev() {
            if self.left[j] > 1 {
                self.left[j] -= 1;
                // Cannot overflow: the value lies before the bound.
                self.coords[j] = self.coords[j].wrapping_add(self.steps[j]);
                return Ok(Some(j + 1));
            }
        }
        Ok(None)
    }

    fn start(&mut self) -> Result<(), IndexError> {
        if !self.started {
            self.started = true;
            self.done = !self.enter(0)?;
        }
        Ok(())
    }

    /// The next row, of at most `max` points; `None` after the last point.
    ///
    /// # Errors
    /// Evaluation errors of bounds and guard.
    pub fn next_row(&mut self, max: u64) -> Result<Option<Row>, IndexError> {
        self.start()?;
        let dims = self.space.dims.len();
        if max == 0 {
            return Ok(None);
        }
        while !self.done {
            if dims == 0 {
                self.done = true;
                let inside = match &self.space.guard {
                    Some(g) => g.eval_scalar(&IndexEnv { vars: self.vars })? != 0,
                    None => true,
                };
                let row = Row { lane: self.lane, first: 0, step: 1, count: 1 };
                self.lane += 1;
                return Ok(inside.then_some(row));
            }
            let k = dims - 1;
            if self.left[k] == 0 {
                // The row before used this one up.
                match self.bump(k)? {
                    Some(next) => self.done = !self.enter(next)?,
                    None => self.done = true,
                }
                continue;
            }
            let (first, step) = (self.coords[k], self.steps[k]);
            let mut count = self.left[k].min(max);
            let mut inside = true;
            if let Some(guard) = &self.space.guard {
                let ctx = RowCtx { vars: self.vars, coords: &self.coords, last: k, first, step, lane: None };
                let p = ctx.piece(guard, 0, self.left[k])?;
                inside = p.base != 0;
                let n = if p.slope == 0 { p.n } else { 1 };
                count = if inside { n.min(max) } else { n };
            }
            self.left[k] -= count;
            let ahead = i128::from(first) + i128::from(step) * i128::from(count);
            self.coords[k] = if self.left[k] > 0 { ahead as i64 } else { first };
            if inside {
                let row = Row { lane: self.lane, first, step, count };
                self.lane = self.lane.checked_add(count).ok_or(IndexError::Overflow)?;
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// Moves to point `lane`; from there on like a fresh cursor. Logarithmic for boxes and triangles; with a guard linear
    /// in the rows between.
    ///
    /// # Errors
    /// Evaluation errors; [`IndexError::NoLane`] beyond the last point (the point after the last is allowed).
    pub fn seek(&mut self, lane: u64) -> Result<(), IndexError> {
        if self.space.guard.is_some() || self.space.dims.is_empty() {
            if lane < self.lane {
                (self.started, self.done, self.lane) = (false, false, 0);
            }
            while self.lane < lane {
                if self.next_row(lane - self.lane)?.is_none() {
                    return Err(IndexError::NoLane);
                }
            }
            return Ok(());
        }
        if self.started && lane == self.lane {
            return Ok(());
        }
        (self.started, self.done, self.lane) = (true, false, lane);
        let mut rest = lane;
        let by = Counting { vars: self.vars, left: u64::MAX.into() };
        let n = self.space.dims.len();
        for k in 0..n {
            let (count, lo, step) = self.space.dim(k, self.vars, &self.coords)?;
            let value = |t: u64| (i128::from(lo) + i128::from(step) * i128::from(t)) as i64;
            let mut scratch = self.coords.clone();
            // The number of leading values of this dimension whose points all come before `rest`.
            let skip = if k + 1 == n {
                rest
            } else if self.space.independent(k) {
                scratch[k] = lo;
                let sub = self.space.count_under(k + 1, &by, &mut scratch)?;
                rest.checked_div(sub).unwrap_or(count)
            } else {
                let mut before = |t: u64| self.space.count_first(k, t, lo, step, &by, &mut scratch);
                if k + 2 == n {
                    // Largest t with before(t) <= rest.
                    let (mut lo, mut hi) = (0, count);
                    while lo < hi {
                        let mid = lo + (hi - lo).div_ceil(2);
                        if before(mid)? <= rest { lo = mid } else { hi = mid - 1 }
                    }
                    lo
                } else {
                    let mut t = 0;
                    let mut sum = 0u64;
                    while t < count {
                        let next = sum
                            .checked_add({
                                scratch[k] = value(t);
                                self.space.count_under(k + 1, &by, &mut scratch)?
                            })
                            .ok_or(IndexError::Overflow)?;
                        if next > rest {
                            break;
                        }
                        sum = next;
                        t += 1;
                    }
                    t
                }
            };
            if skip >= count {
                // Only the point after the last may be here.
                let mut all = self.coords.clone();
                let total = self.space.count_under(0, &by, &mut all)?;
                self.done = true;
                return if lane == total { Ok(()) } else { Err(IndexError::NoLane) };
            }
            rest -= if k + 1 == n {
                skip
            } else {
                let mut scratch = self.coords.clone();
                self.space.count_first(k, skip, lo, step, &by, &mut scratch)?
            };
            (self.coords[k], self.left[k], self.steps[k]) = (value(skip), count - skip, step);
        }
        Ok(())
    }
}
