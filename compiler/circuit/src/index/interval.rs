//! Interval analysis: where a value can lie, given where variables and coordinates lie.
//!
//! Conservative and total: an interval contains every value that evaluation gives without an error.

use super::{Index, IndexOp, Space};

/// Inclusive bounds; empty (`lo > hi`) where nothing can be.
pub type Interval = (i64, i64);

/// Where the leaves of an expression lie. Absent entries are unbounded.
#[derive(Clone, Copy, Debug)]
pub struct Intervals<'a> {
    /// By number of induction variable.
    pub vars: &'a [Interval],
    /// By coordinate.
    pub coords: &'a [Interval],
    /// Lane numbers.
    pub lane: Interval,
}

const FULL: Interval = (i64::MIN, i64::MAX);

fn clamp(lo: i128, hi: i128) -> Interval {
    (
        lo.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64,
        hi.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64,
    )
}

impl Index {
    /// An interval that holds every value that it takes.
    pub fn interval(&self, env: &Intervals<'_>) -> Interval {
        match self {
            Index::Const(v) => (*v, *v),
            Index::Var(v) => env.vars.get(v.0 as usize).copied().unwrap_or(FULL),
            Index::Coord(k) => env.coords.get(*k as usize).copied().unwrap_or(FULL),
            Index::Lane => env.lane,
            Index::Bin(op, a, b) => {
                let (a, b) = (a.interval(env), b.interval(env));
                if a.0 > a.1 || b.0 > b.1 {
                    return (1, 0);
                }
                join(*op, a, b)
            }
        }
    }
}

/// Where `op` of two values lies, each in an interval that is not empty.
pub(super) fn join(op: IndexOp, (al, ah): Interval, (bl, bh): Interval) -> Interval {
    use IndexOp::*;
    let w = i128::from;
    let corners = |f: &dyn Fn(i128, i128) -> i128, bs: &[i64]| {
        let mut lo = i128::MAX;
        let mut hi = i128::MIN;
        for &a in &[al, ah] {
            for &b in bs {
                let v = f(w(a), w(b));
                lo = lo.min(v);
                hi = hi.max(v);
            }
        }
        clamp(lo, hi)
    };
    // All bits up to the highest that either can have.
    let bits = |m: i64| if m <= 0 { 0 } else { i64::MAX >> (m.leading_zeros() - 1) };
    match op {
        Add => clamp(w(al) + w(bl), w(ah) + w(bh)),
        Sub => clamp(w(al) - w(bh), w(ah) - w(bl)),
        Mul => corners(&|a, b| a * b, &[bl, bh]),
        Div => {
            let mut divisors = vec![];
            for d in [bl, bh, -1, 1] {
                if d != 0 && bl <= d && d <= bh {
                    divisors.push(d);
                }
            }
            if divisors.is_empty() { (1, 0) } else { corners(&|a, b| a / b, &divisors) }
        }
        Rem => {
            let m = bl.unsigned_abs().max(bh.unsigned_abs()).saturating_sub(1).min(i64::MAX as u64) as i64;
            let lo = if al >= 0 { 0 } else { al.max(-m) };
            let hi = if ah <= 0 { 0 } else { ah.min(m) };
            if al >= 0 && bl > 0 && ah < bl { (al, ah) } else { (lo, hi) }
        }
        And if al >= 0 && bl >= 0 => (0, ah.min(bh)),
        And if al >= 0 => (0, ah),
        And if bl >= 0 => (0, bh),
        Or if al >= 0 && bl >= 0 => (al.max(bl), bits(ah) | bits(bh)),
        Xor if al >= 0 && bl >= 0 => (0, bits(ah) | bits(bh)),
        And | Or | Xor => FULL,
        Shl => {
            let (bl, bh) = (bl.max(0), bh.min(63));
            if bl > bh { if al <= 0 && ah >= 0 { (0, 0) } else { (1, 0) } } else { corners(&|a, b| a << b, &[bl, bh]) }
        }
        Shr => corners(&|a, b| a >> b.clamp(0, 63), &[bl, bh]),
        Min => (al.min(bl), ah.min(bh)),
        Max => (al.max(bl), ah.max(bh)),
        Eq | Ne => {
            let differ = ah < bl || bh < al;
            let same = al == ah && bl == bh && al == bl;
            let (yes, no) = if op == Eq { (same, differ) } else { (differ, same) };
            (i64::from(yes), i64::from(!no))
        }
        Lt => (i64::from(ah < bl), i64::from(al < bh)),
        Le => (i64::from(ah <= bl), i64::from(al <= bh)),
    }
}

impl Space {
    /// Intervals of its coordinates, and an upper bound of its number of points (saturating; the guard is ignored).
    pub fn bounds(&self, vars: &[Interval]) -> (Vec<Interval>, u64) {
        let mut coords: Vec<Interval> = Vec::new();
        let mut count: u64 = 1;
        for d in &self.dims {
            let env = Intervals { vars, coords: &coords, lane: FULL };
            let (lo, hi) = (d.lo.interval(&env), d.hi.interval(&env));
            let step = match &d.step_expr {
                Some(e) => (e.interval(&env).0.max(1), true),
                None => (d.step, d.step > 0),
            };
            let (range, span) = if step.1 {
                ((lo.0, hi.1.saturating_sub(1)), i128::from(hi.1) - i128::from(lo.0))
            } else {
                ((hi.0.saturating_add(1), lo.1), i128::from(lo.1) - i128::from(hi.0))
            };
            let s = i128::from(step.0.unsigned_abs().max(1));
            let n = if span <= 0 { 0 } else { u64::try_from((span + s - 1) / s).unwrap_or(u64::MAX) };
            count = count.saturating_mul(n);
            coords.push(range);
        }
        (coords, count)
    }
}
