//! Counting the points of a space by periods: what repeats is counted once and multiplied.
//!
//! An expression *moves with period p* along a dimension when, p steps on, its value is larger by a fixed number, its shift.
//! Sums, products with constants, quotients, remainders, masks, and comparisons keep that property under conditions on
//! shifts and intervals, so `i / 2p == (i + k) / 2p & (i / k) % 2 == 0` repeats every 2p steps where no end cuts in. Periods
//! are found in the expressions, tried from the longest, and the points of one period are counted by shorter ones. Exact:
//! what cannot be shown to repeat is evaluated.

use super::eval::RowCtx;
use super::interval::join;
use super::{Index, IndexEnv, IndexError, IndexOp, Space};

/// Fewer values than this of a dimension are walked.
const FEW: u64 = 8;
/// Most values that are walked between two attempts to find a period.
const WALK: u64 = 1 << 12;
/// Periods of one dimension that are tried.
const PERIODS: usize = 12;

/// How an expression moves along a stretch of a dimension: within `lo..=hi` over the first period, and larger by `shift`
/// with each period, whatever the inner coordinates are.
#[derive(Clone, Copy, Debug)]
struct Wave {
    lo: i128,
    hi: i128,
    shift: i128,
}

/// A stretch of values of dimension `k`: `first, first + step, …`, `n` of them.
struct Stretch<'a> {
    vars: &'a [i64],
    coords: &'a [i64],
    k: usize,
    first: i64,
    step: i64,
    period: u64,
    /// How long what was looked at so far moves with the period.
    n: u64,
    /// Intervals of the coordinates after `k`.
    inner: Vec<(i128, i128)>,
}

impl Stretch<'_> {
    /// The number of the last period that begins.
    fn last(&self) -> i128 {
        i128::from((self.n - 1) / self.period)
    }
    /// Keeps the first `periods`; `None` where that leaves nothing to repeat.
    fn keep(&mut self, periods: i128) -> Option<()> {
        let n = u64::try_from(periods).ok().and_then(|u| u.checked_mul(self.period)).unwrap_or(u64::MAX);
        self.n = self.n.min(n);
        (self.n / self.period >= 2).then_some(())
    }
    /// Keeps the periods in which a wave is at least `bound`.
    fn at_least(&mut self, w: Wave, bound: i128) -> Option<()> {
        if w.lo < bound {
            return None;
        }
        if w.shift >= 0 { Some(()) } else { self.keep((w.lo - bound) / -w.shift + 1) }
    }
    /// Keeps the periods in which a wave is at most `bound`.
    fn at_most(&mut self, w: Wave, bound: i128) -> Option<()> {
        self.at_least(Wave { lo: -w.hi, hi: -w.lo, shift: -w.shift }, -bound)
    }
    /// A wave that fits 64 bits wherever it is used.
    fn fits(&self, w: Wave) -> Option<Wave> {
        let far = w.shift.checked_mul(self.last())?;
        let (lo, hi) = (w.lo.checked_add(far.min(0))?, w.hi.checked_add(far.max(0))?);
        (lo >= i64::MIN.into() && hi <= i64::MAX.into()).then_some(w)
    }
    fn wave(&mut self, e: &Index) -> Option<Wave> {
        let flat = |v: i64| Some(Wave { lo: v.into(), hi: v.into(), shift: 0 });
        match e {
            Index::Const(v) => flat(*v),
            Index::Var(v) => flat(*self.vars.get(v.0 as usize)?),
            Index::Lane => None,
            Index::Coord(c) => {
                let c = *c as usize;
                if c < self.k {
                    return flat(self.coords[c]);
                }
                if c > self.k {
                    let (lo, hi) = *self.inner.get(c - self.k - 1)?;
                    return Some(Wave { lo, hi, shift: 0 });
                }
                let (first, step) = (i128::from(self.first), i128::from(self.step));
                let far = first + step * i128::from(self.period - 1);
                let w = Wave { lo: first.min(far), hi: first.max(far), shift: step * i128::from(self.period) };
                self.fits(w)
            }
            Index::Bin(op, a, b) => {
                let a = self.wave(a)?;
                let b = self.wave(b)?;
                let w = self.combine(*op, a, b)?;
                self.fits(w)
            }
        }
    }
    fn combine(&mut self, op: IndexOp, a: Wave, b: Wave) -> Option<Wave> {
        use IndexOp::*;
        let fixed = |w: Wave| (w.shift == 0 && w.lo == w.hi).then_some(w.lo);
        match op {
            Add => return Some(Wave { lo: a.lo + b.lo, hi: a.hi + b.hi, shift: a.shift + b.shift }),
            Sub => return Some(Wave { lo: a.lo - b.hi, hi: a.hi - b.lo, shift: a.shift - b.shift }),
            Mul => {
                for (w, c) in [(a, b), (b, a)] {
                    if let Some(c) = fixed(c) {
                        let (x, y) = (w.lo * c, w.hi * c);
                        return Some(Wave { lo: x.min(y), hi: x.max(y), shift: w.shift.checked_mul(c)? });
                    }
                }
            }
            Eq | Ne | Lt | Le | Min | Max if a.shift != b.shift => return self.compare(op, a, b),
            _ => {}
        }
        if a.shift != 0 || b.shift != 0 {
            return match op {
                Min | Max => self.steady(op, a, b).map(|w| Wave { shift: a.shift, ..w }),
                Eq | Ne | Lt | Le => self.steady(op, a, b),
                And | Or | Xor if fixed(b).is_none() => self.digit(op, b, fixed(a)?),
                _ => self.digit(op, a, fixed(b)?),
            };
        }
        self.steady(op, a, b)
    }
    /// Both move alike: so do the lesser and the greater, and comparisons stay.
    fn steady(&self, op: IndexOp, a: Wave, b: Wave) -> Option<Wave> {
        use IndexOp::*;
        let narrow = |w: Wave| Some((i64::try_from(w.lo).ok()?, i64::try_from(w.hi).ok()?));
        let (x, y) = (narrow(a)?, narrow(b)?);
        // What may fail at one of the points is left to evaluation.
        let sound = match op {
            Div | Rem => (y.0 > 0 || y.1 < 0) && (x.0 > i64::MIN || y.1 != -1),
            Shl => y.0 >= 0 && y.1 < 63 && x.0 >= -(i64::MAX >> y.1) && x.1 <= i64::MAX >> y.1,
            Shr => y.0 >= 0,
            Mul => {
                let m = |v: (i64, i64)| u128::from(v.0.unsigned_abs().max(v.1.unsigned_abs()));
                m(x) * m(y) <= i64::MAX as u128
            }
            _ => true,
        };
        let (lo, hi) = join(op, x, y);
        // An interval that is not known stays within 64 bits.
        sound.then_some(Wave { lo: lo.into(), hi: hi.into(), shift: 0 })
    }
    /// A comparison of what moves apart: as long as it comes out the same.
    fn compare(&mut self, op: IndexOp, a: Wave, b: Wave) -> Option<Wave> {
        use IndexOp::*;
        let d = Wave { lo: a.lo - b.hi, hi: a.hi - b.lo, shift: a.shift - b.shift };
        // Whether a is less, and whether it is greater: one of them through the first period.
        let less = match op {
            // The difference is at most 0, or at least 1.
            Le | Min if d.hi <= 0 => {
                self.at_most(d, 0)?;
                true
            }
            Le | Min => {
                self.at_least(d, 1)?;
                false
            }
            Lt | Max if d.lo >= 0 => {
                self.at_least(d, 0)?;
                false
            }
            _ if d.hi < 0 => {
                self.at_most(d, -1)?;
                true
            }
            _ => {
                self.at_least(d, 1)?;
                false
            }
        };
        let truth = |v: bool| Some(Wave { lo: v.into(), hi: v.into(), shift: 0 });
        match op {
            Eq => truth(false),
            Ne => truth(true),
            Min => Some(if less { a } else { b }),
            Max => Some(if less { b } else { a }),
            _ => truth(less),
        }
    }
    /// An operator that takes numbers apart, by a fixed `c`: the moving operand keeps what a multiple of the block adds, or
    /// stays within one block.
    fn digit(&mut self, op: IndexOp, a: Wave, c: i128) -> Option<Wave> {
        use IndexOp::*;
        let block = match op {
            Div | Rem if c > 0 => c,
            Shl if (0..63).contains(&c) => {
                return Some(Wave { lo: a.lo << c, hi: a.hi << c, shift: a.shift.checked_mul(1 << c)? });
            }
            Shr if (0..63).contains(&c) => 1 << c,
            // Bits below the next power of two.
            And | Or | Xor if (0..1 << 62).contains(&c) => (c as u128 + 1).next_power_of_two() as i128,
            _ => return None,
        };
        if matches!(op, Div | Rem) && a.lo < 0 && a.hi <= 0 {
            // Both truncate toward zero.
            let minus = |w: Wave| Wave { lo: -w.hi, hi: -w.lo, shift: -w.shift };
            return self.digit(op, minus(a), c).map(minus);
        }
        self.at_least(a, 0)?;
        let whole = a.shift % block == 0;
        let here = a.lo / block == a.hi / block;
        let base = a.lo / block * block;
        if !whole {
            if !here {
                return None;
            }
            self.at_least(a, base)?;
            self.at_most(a, base + block - 1)?;
        }
        Some(match op {
            Div | Shr => Wave { lo: a.lo / block, hi: a.hi / block, shift: if whole { a.shift / block } else { 0 } },
            Rem | And if whole => {
                let (lo, hi) = if here { (a.lo - base, a.hi - base) } else { (0, block - 1) };
                // A mask takes some of the block's bits.
                if op == And && c != block - 1 {
                    Wave { lo: 0, hi: c.min(hi), shift: 0 }
                } else {
                    Wave { lo, hi, shift: 0 }
                }
            }
            Rem => Wave { lo: a.lo - base, hi: a.hi - base, shift: a.shift },
            And if c == block - 1 => Wave { lo: a.lo - base, hi: a.hi - base, shift: a.shift },
            Or | Xor if whole => Wave { lo: base, hi: a.hi / block * block + block - 1, shift: a.shift },
            _ => return None,
        })
    }
}

/// A period and what it adds, before any end is looked at: a guess, which [`Stretch`] proves.
struct Beats<'a> {
    vars: &'a [i64],
    coords: &'a [i64],
    k: usize,
    step: i64,
    most: u64,
    found: Vec<u64>,
}

impl Beats<'_> {
    fn fixed(&self, e: &Index) -> Option<i128> {
        if e.any_leaf(|l| matches!(l, Index::Lane) || matches!(l, Index::Coord(c) if *c as usize >= self.k)) {
            return None;
        }
        e.eval(&IndexEnv { vars: self.vars }, self.coords, 0).ok().map(i128::from)
    }
    fn of(&mut self, e: &Index) -> (u64, i128) {
        use IndexOp::*;
        let (op, a, b) = match e {
            Index::Coord(c) if *c as usize == self.k => return (1, self.step.into()),
            Index::Bin(op, a, b) => (*op, a, b),
            _ => return (1, 0),
        };
        let (x, y) = (self.of(a), self.of(b));
        // A number that a shift is a multiple of after so many periods.
        let times = |(p, s): (u64, i128), block: i128| {
            let q = block / gcd(s, block);
            u64::try_from(q).ok().and_then(|q| p.checked_mul(q)).map(|p| (p, s.saturating_mul(q)))
        };
        let one = match (op, self.fixed(b)) {
            (Mul, Some(c)) => Some((x.0, x.1.saturating_mul(c))),
            (Shl, Some(c)) if (0..63).contains(&c) => Some((x.0, x.1.saturating_mul(1 << c))),
            (Div | Rem, Some(c)) if c > 0 => times(x, c).map(|(p, s)| (p, if op == Div { s / c } else { 0 })),
            (Shr, Some(c)) if (0..63).contains(&c) => times(x, 1 << c).map(|(p, s)| (p, s >> c)),
            (And | Or | Xor, Some(c)) if (0..1 << 62).contains(&c) => {
                let block = (c as u128 + 1).next_power_of_two() as i128;
                times(x, block).map(|(p, s)| (p, if op == And { 0 } else { s }))
            }
            _ => {
                let common = gcd(x.0.into(), y.0.into()) as u64;
                (x.0 / common).checked_mul(y.0).map(|p| {
                    let on = |(q, s): (u64, i128)| s.saturating_mul(i128::from(p / q));
                    let s = match (op, self.fixed(a)) {
                        (Mul, Some(c)) => on(y).saturating_mul(c),
                        (Add, _) => on(x).saturating_add(on(y)),
                        (Sub, _) => on(x).saturating_sub(on(y)),
                        (Min | Max, _) => on(x),
                        _ => 0,
                    };
                    (p, s)
                })
            }
        };
        match one {
            Some((p, s)) if p <= self.most => {
                if !self.found.contains(&p) && self.found.len() < PERIODS {
                    self.found.push(p);
                }
                (p, s)
            }
            // Too long to come twice.
            _ => (1, 0),
        }
    }
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

/// What a count goes by.
pub(super) struct Counting<'a> {
    pub vars: &'a [i64],
    /// Steps that it may still take.
    pub left: std::cell::Cell<u64>,
}

impl Counting<'_> {
    /// Takes a step.
    pub fn step(&self) -> Result<(), IndexError> {
        self.left.set(self.left.get().checked_sub(1).ok_or(IndexError::TooLong)?);
        Ok(())
    }
}

/// A guard; `None` where all points are in.
type Guard<'a> = Option<&'a Index>;
/// Values of a dimension: the first, their step, how many.
type Values = (i64, i64, u64);

impl Space {
    /// Points of dimensions `k..` under a prefix of coordinates at which the guard is not 0.
    pub(super) fn count_guarded(
        &self,
        k: usize,
        guard: Guard<'_>,
        by: &Counting<'_>,
        coords: &mut [i64],
    ) -> Result<u64, IndexError> {
        let Some(g) = guard else { return self.count_under(k, by, coords) };
        let varies = |l: &Index| matches!(l, Index::Lane) || matches!(l, Index::Coord(c) if *c as usize >= k);
        if k == self.dims.len() || !g.any_leaf(varies) {
            // The same for all points: asked where there is one.
            let n = self.count_under(k, by, coords)?;
            let inside = n > 0 && RowCtx::at(by.vars, &coords[..k]).piece(g, 0, 1)?.base != 0;
            return Ok(if inside { n } else { 0 });
        }
        let (n, lo, step) = self.dim(k, by.vars, coords)?;
        self.count_values(k, guard, (lo, step, n), by, coords)
    }

    /// Points with some values of dimension `k` at which the guard is not 0.
    pub(super) fn count_values(
        &self,
        k: usize,
        guard: Guard<'_>,
        values: Values,
        by: &Counting<'_>,
        coords: &mut [i64],
    ) -> Result<u64, IndexError> {
        let mut periods = vec![];
        if values.2 >= FEW {
            let mut beats = Beats { vars: by.vars, coords, k, step: values.1, most: values.2 / 2, found: vec![] };
            for d in &self.dims[k + 1..] {
                for e in [Some(&d.lo), Some(&d.hi), d.step_expr.as_ref()].into_iter().flatten() {
                    beats.of(e);
                }
            }
            if let Some(g) = guard {
                beats.of(g);
            }
            periods = beats.found;
            periods.retain(|p| *p != 1);
            // Along the last dimension, runs of values that do not differ are found on the way.
            if k + 1 < self.dims.len() {
                periods.push(1);
            }
            periods.sort_unstable_by(|a, b| b.cmp(a));
        }
        self.count_by(k, guard, values, &periods, by, coords)
    }

    fn count_by(
        &self,
        k: usize,
        guard: Guard<'_>,
        (first, step, n): Values,
        periods: &[u64],
        by: &Counting<'_>,
        coords: &mut [i64],
    ) -> Result<u64, IndexError> {
        let over = IndexError::Overflow;
        let value = |t: u64| (i128::from(first) + i128::from(step) * i128::from(t)) as i64;
        let (mut t, mut total, mut walk) = (0u64, 0u64, 1u64);
        while t < n {
            by.step()?;
            let left = n - t;
            let found = periods.iter().enumerate().filter(|(_, p)| left / **p >= 2).find_map(|(x, p)| {
                let m = self.repeats(k, guard, (value(t), step, left), *p, by, coords)?;
                Some((x, *p, m / *p))
            });
            if let Some((x, p, times)) = found {
                let one = self.count_by(k, guard, (value(t), step, p), &periods[x + 1..], by, coords)?;
                total = one.checked_mul(times).and_then(|m| total.checked_add(m)).ok_or(over)?;
                t += p * times;
                walk = 1;
                continue;
            }
            let end = if periods.is_empty() { n } else { t + walk.min(left) };
            walk = (2 * walk).min(WALK);
            while t < end {
                by.step()?;
                if k + 1 < self.dims.len() {
                    coords[k] = value(t);
                    let points = self.count_guarded(k + 1, guard, by, coords)?;
                    total = total.checked_add(points).ok_or(over)?;
                    t += 1;
                    continue;
                }
                let Some(g) = guard else { return total.checked_add(n - t).ok_or(over) };
                let ctx = RowCtx { last: k, first: value(t), step, ..RowCtx::at(by.vars, coords) };
                let p = ctx.piece(g, 0, n - t)?;
                let m = if p.slope == 0 { p.n } else { 1 };
                if p.base != 0 {
                    total = total.checked_add(m).ok_or(over)?;
                }
                t += m;
            }
        }
        Ok(total)
    }

    /// How many values of dimension `k` from the first on repeat with a period: the points under value `t + period` are as
    /// many as those under `t`. `None`: fewer than two periods, or not known.
    fn repeats(
        &self,
        k: usize,
        guard: Guard<'_>,
        (first, step, n): Values,
        period: u64,
        by: &Counting<'_>,
        coords: &[i64],
    ) -> Option<u64> {
        let mut s = Stretch { vars: by.vars, coords, k, first, step, period, n, inner: vec![] };
        for d in &self.dims[k + 1..] {
            let (lo, hi) = (s.wave(&d.lo)?, s.wave(&d.hi)?);
            let by = d.step_expr.as_ref().map(|e| s.wave(e));
            let up = match by {
                Some(w) => w.filter(|w| w.shift == 0 && w.lo > 0).map(|_| true)?,
                None => (d.step != 0).then_some(d.step > 0)?,
            };
            if lo.shift != 0 || hi.shift != 0 {
                return None;
            }
            let range = if up { (lo.lo, hi.hi - 1) } else { (hi.lo + 1, lo.hi) };
            if range.0 > range.1 {
                // No points anywhere.
                return Some(s.n);
            }
            s.inner.push(range);
        }
        match guard {
            Some(g) if s.wave(g)?.shift != 0 => None,
            _ => Some(s.n),
        }
    }
}
