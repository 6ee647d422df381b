//! Evaluation of index expressions, at a point and as affine pieces along a row.
//!
//! Never panics: every way to fail is an [`IndexError`]. Knows no circuit.

use super::{Index, IndexOp};

/// Values of the induction variables, by number.
#[derive(Clone, Copy, Debug, Default)]
pub struct IndexEnv<'a> {
    /// `vars[k]` is `i{k}`.
    pub vars: &'a [i64],
}

/// Why an expression has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexError {
    /// A zero divisor.
    DivByZero,
    /// A value, or a count, outside its type.
    Overflow,
    /// A negative shift amount.
    BadShift,
    /// An induction variable without a value.
    NoVar,
    /// A coordinate that the space does not have (or not yet, in bounds), or the lane number where there is none.
    NoCoord,
    /// A step that is zero, or not positive where it is an expression.
    BadStep,
    /// More lanes than the declared maximum.
    OverMax,
    /// A lane at or beyond the number of points.
    NoLane,
    /// A space that the circuit does not have.
    NoSpace,
    /// A count that takes more steps than it may.
    TooLong,
}

impl std::fmt::Display for IndexError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            IndexError::DivByZero => "division by zero in an index expression",
            IndexError::Overflow => "an index expression leaves 64 bits",
            IndexError::BadShift => "a negative shift in an index expression",
            IndexError::NoVar => "an induction variable without a value",
            IndexError::NoCoord => "a coordinate that the space does not have",
            IndexError::BadStep => "a step that is not positive",
            IndexError::OverMax => "more lanes than the declared maximum",
            IndexError::NoLane => "a lane outside its space",
            IndexError::TooLong => "a count takes more steps than it may",
            IndexError::NoSpace => "a space that the circuit does not have",
        })
    }
}

impl std::error::Error for IndexError {}

pub(crate) fn apply(op: IndexOp, a: i64, b: i64) -> Result<i64, IndexError> {
    use IndexOp::*;
    let checked = |v: Option<i64>| v.ok_or(IndexError::Overflow);
    match op {
        Add => checked(a.checked_add(b)),
        Sub => checked(a.checked_sub(b)),
        Mul => checked(a.checked_mul(b)),
        Div | Rem if b == 0 => Err(IndexError::DivByZero),
        Div => checked(a.checked_div(b)),
        Rem => Ok(a.checked_rem(b).unwrap_or(0)),
        Xor => Ok(a ^ b),
        And => Ok(a & b),
        Or => Ok(a | b),
        Shl | Shr if b < 0 => Err(IndexError::BadShift),
        Shl => {
            if a == 0 {
                Ok(0)
            } else if b >= 64 {
                Err(IndexError::Overflow)
            } else {
                checked(i64::try_from(i128::from(a) << b).ok())
            }
        }
        Shr => Ok(a >> b.min(63)),
        Min => Ok(a.min(b)),
        Max => Ok(a.max(b)),
        Eq => Ok(i64::from(a == b)),
        Ne => Ok(i64::from(a != b)),
        Lt => Ok(i64::from(a < b)),
        Le => Ok(i64::from(a <= b)),
    }
}

impl Index {
    /// Its value at a point: `coords` are the point's coordinates, `lane` its number.
    ///
    /// # Errors
    /// See [`IndexError`].
    pub fn eval(&self, env: &IndexEnv<'_>, coords: &[i64], lane: u64) -> Result<i64, IndexError> {
        match self {
            Index::Const(v) => Ok(*v),
            Index::Var(v) => env.vars.get(v.0 as usize).copied().ok_or(IndexError::NoVar),
            Index::Coord(k) => coords.get(*k as usize).copied().ok_or(IndexError::NoCoord),
            Index::Lane => i64::try_from(lane).map_err(|_| IndexError::Overflow),
            Index::Bin(op, a, b) => apply(*op, a.eval(env, coords, lane)?, b.eval(env, coords, lane)?),
        }
    }
    /// Its value where no point is given (loop bounds).
    ///
    /// # Errors
    /// See [`IndexError`].
    pub fn eval_scalar(&self, env: &IndexEnv<'_>) -> Result<i64, IndexError> {
        match self {
            Index::Lane => Err(IndexError::NoCoord),
            Index::Bin(op, a, b) => apply(*op, a.eval_scalar(env)?, b.eval_scalar(env)?),
            leaf => leaf.eval(env, &[], 0),
        }
    }
}

/// A row: the points whose coordinates are `coords`, of which number `last` is `first + step * k`, lane `lane + k`.
#[derive(Clone, Copy)]
pub(crate) struct RowCtx<'a> {
    pub vars: &'a [i64],
    pub coords: &'a [i64],
    pub last: usize,
    pub first: i64,
    pub step: i64,
    /// `None` in bounds and guards, which have no lane number.
    pub lane: Option<u64>,
}

/// `base + slope * t` for t in `0..n`; n is at least 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Piece {
    pub base: i64,
    pub slope: i64,
    pub n: u64,
}

/// How long `x + s t` stays in the same block of `d` aligned values (x >= 0, d > 0, s != 0).
fn same_block(x: i64, s: i64, d: i64) -> u64 {
    let (x, s, d) = (i128::from(x), i128::from(s), i128::from(d));
    let lo = x - x % d;
    let n = if s > 0 { (lo + d - x + s - 1) / s } else { (x - lo) / -s + 1 };
    u64::try_from(n).unwrap_or(u64::MAX)
}

impl<'a> RowCtx<'a> {
    /// No row: a point of which some coordinates are known.
    pub fn at(vars: &'a [i64], coords: &'a [i64]) -> RowCtx<'a> {
        RowCtx { vars, coords, last: usize::MAX, first: 0, step: 0, lane: None }
    }
    /// The affine piece of `e` that starts at point `k` of the row, at most `max` (>= 1) points long.
    pub fn piece(&self, e: &Index, k: u64, max: u64) -> Result<Piece, IndexError> {
        let flat = |base| Ok(Piece { base, slope: 0, n: max });
        let at = |start: i64, slope: i64| -> Result<Piece, IndexError> {
            let base = i128::from(start) + i128::from(slope) * i128::from(k);
            fit(base, i128::from(slope), max)
        };
        match e {
            Index::Const(v) => flat(*v),
            Index::Var(v) => flat(*self.vars.get(v.0 as usize).ok_or(IndexError::NoVar)?),
            Index::Coord(c) if *c as usize == self.last => at(self.first, self.step),
            Index::Coord(c) => flat(*self.coords.get(*c as usize).ok_or(IndexError::NoCoord)?),
            Index::Lane => {
                let lane = self.lane.ok_or(IndexError::NoCoord)?;
                at(i64::try_from(lane).map_err(|_| IndexError::Overflow)?, 1)
            }
            Index::Bin(op, a, b) => {
                let a = self.piece(a, k, max)?;
                let b = self.piece(b, k, a.n)?;
                combine(*op, a, b)
            }
        }
    }
}

/// Shortens a piece to the points at which it stays in `i64`; its first must.
fn fit(base: i128, slope: i128, n: u64) -> Result<Piece, IndexError> {
    let start = i64::try_from(base).map_err(|_| IndexError::Overflow)?;
    let Ok(s) = i64::try_from(slope) else {
        return Ok(Piece { base: start, slope: 0, n: 1 });
    };
    let end = slope.checked_mul(i128::from(n - 1)).and_then(|d| base.checked_add(d));
    match end.map(i64::try_from) {
        Some(Ok(_)) => Ok(Piece { base: start, slope: s, n }),
        _ => Ok(Piece { base: start, slope: 0, n: 1 }),
    }
}

fn combine(op: IndexOp, a: Piece, b: Piece) -> Result<Piece, IndexError> {
    use IndexOp::*;
    let n = a.n.min(b.n);
    let wide = |base: i128, slope: i128| fit(base, slope, n);
    let (ab, asl, bb, bsl) = (i128::from(a.base), i128::from(a.slope), i128::from(b.base), i128::from(b.slope));
    match op {
        Add => return wide(ab + bb, asl + bsl),
        Sub => return wide(ab - bb, asl - bsl),
        Mul if a.slope == 0 => return wide(ab * bb, ab * bsl),
        Mul if b.slope == 0 => return wide(ab * bb, asl * bb),
        _ => {}
    }
    let base = apply(op, a.base, b.base)?;
    if n == 1 || (a.slope == 0 && b.slope == 0) {
        return Ok(Piece { base, slope: 0, n });
    }
    let single = Ok(Piece { base, slope: 0, n: 1 });
    if matches!(op, Eq | Ne | Lt | Le | Min | Max) {
        let (d, s) = (ab - bb, asl - bsl);
        let same = if s == 0 || (d > 0) == (s > 0) && d != 0 {
            n
        } else if d == 0 {
            1
        } else {
            u64::try_from((d.abs() - 1) / s.abs() + 1).unwrap_or(u64::MAX).min(n)
        };
        let slope = match op {
            Min => {
                if d <= 0 {
                    a.slope
                } else {
                    b.slope
                }
            }
            Max => {
                if d >= 0 {
                    a.slope
                } else {
                    b.slope
                }
            }
            _ => 0,
        };
        return Ok(Piece { base, slope, n: same });
    }
    // The rest: a moving non-negative operand and a fixed one.
    let (x, c) = if b.slope == 0 {
        (a, b.base)
    } else if a.slope == 0 && matches!(op, And | Or | Xor) {
        (b, a.base)
    } else {
        return single;
    };
    if op == Shl {
        return if c < 63 { fit(i128::from(base), i128::from(x.slope) << c, n) } else { single };
    }
    if matches!(op, Div | Rem) && x.base < 0 && x.base > i64::MIN && c > 0 {
        // Both truncate toward zero: those of the negated operand, negated, until it turns positive.
        let until = if x.slope > 0 { (-x.base / x.slope) as u64 + 1 } else { n };
        let n = n.min(until);
        let Some(slope) = x.slope.checked_neg() else { return single };
        let Piece { base, slope, n } = combine(op, Piece { base: -x.base, slope, n }, Piece { slope: 0, n, ..b })?;
        return Ok(Piece { base: -base, slope: -slope, n });
    }
    if x.base < 0 || c < 0 {
        return single;
    }
    // Points until x turns negative.
    let n = if x.slope < 0 { n.min((x.base / x.slope.saturating_neg()) as u64 + 1) } else { n };
    let block = |d: i64, slope: i64| Ok(Piece { base, slope, n: n.min(same_block(x.base, x.slope, d)) });
    let pow = |bits: u32| if bits < 63 { 1i64 << bits } else { i64::MAX };
    match op {
        Div | Shr => {
            let d = if op == Shr { pow(u32::try_from(c).unwrap_or(63)) } else { c };
            if x.slope % d == 0 { Ok(Piece { base, slope: x.slope / d, n }) } else { block(d, 0) }
        }
        Rem if x.slope % c == 0 => Ok(Piece { base, slope: 0, n }),
        Rem => block(c, x.slope),
        And if c & 1 == 1 => block(pow(c.trailing_ones()), x.slope),
        And => block(pow(c.trailing_zeros()), 0),
        Or if c & 1 == 1 => block(pow(c.trailing_ones()), 0),
        Or => block(pow(c.trailing_zeros()), x.slope),
        Xor if c & 1 == 1 => block(pow(c.trailing_ones()), -x.slope),
        Xor => block(pow(c.trailing_zeros()), x.slope),
        _ => single,
    }
}
