//! Kernels on clear values: every operation that acts on columns, vectorised by word size.
//!
//! The interpreter uses them for all domains of the program level, an engine for its clear wires. They check what depends on
//! values (zero divisors, indices); lengths are the caller's business ([`crate::infer::check_lens`]), and where they disagree
//! the error is [`ClearError::Lanes`], not a panic. No error tells a value.

use crate::circuit::mask;
use crate::column::Column;
use crate::gate::{Bin, Red, Un};
use crate::index::{Index, IndexEnv, IndexError, Space, eval_strip};
use crate::types::Elem;

/// Why a kernel has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClearError {
    /// A zero divisor of a public division.
    DivByZero,
    /// An index outside the array.
    OutOfRange,
    /// An index expression without a value.
    Index(IndexError),
    /// Lengths or word sizes that do not fit: the circuit was not verified.
    Lanes,
}

impl std::fmt::Display for ClearError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ClearError::DivByZero => f.write_str("division by zero"),
            ClearError::OutOfRange => f.write_str("index out of range"),
            ClearError::Index(e) => write!(f, "{e}"),
            ClearError::Lanes => f.write_str("lengths do not fit"),
        }
    }
}

impl std::error::Error for ClearError {}

impl From<IndexError> for ClearError {
    fn from(e: IndexError) -> Self {
        ClearError::Index(e)
    }
}

type Res = Result<Column, ClearError>;

/// An unsigned machine word with its signed twin.
pub trait Word: Copy + Ord + Default + 'static {
    /// Bits.
    const BITS: u32;
    /// Truncated.
    fn of(v: u128) -> Self;
    /// Zero-extended.
    fn wide(self) -> u128;
    /// Sum mod 2^BITS.
    fn add(self, o: Self) -> Self;
    /// Difference mod 2^BITS.
    fn sub(self, o: Self) -> Self;
    /// Product mod 2^BITS.
    fn mul(self, o: Self) -> Self;
    /// Bitwise and.
    fn and(self, o: Self) -> Self;
    /// Bitwise or.
    fn or(self, o: Self) -> Self;
    /// Bitwise exclusive or.
    fn xor(self, o: Self) -> Self;
    /// Left shift by less than BITS.
    fn shl(self, n: u32) -> Self;
    /// Logical right shift by less than BITS.
    fn shr(self, n: u32) -> Self;
    /// Arithmetic right shift by less than BITS.
    fn sar(self, n: u32) -> Self;
    /// The lanes, if the column has this word.
    fn slice(c: &Column) -> Option<&[Self]>;
    /// A column of this word.
    fn column(v: Vec<Self>) -> Column;
}

macro_rules! words {
    ($($u:ty, $i:ty, $variant:ident);*) => {$(
        impl Word for $u {
            const BITS: u32 = <$u>::BITS;
            fn of(v: u128) -> Self { v as $u }
            #[allow(clippy::unnecessary_cast)]
            fn wide(self) -> u128 { self as u128 }
            fn add(self, o: Self) -> Self { self.wrapping_add(o) }
            fn sub(self, o: Self) -> Self { self.wrapping_sub(o) }
            fn mul(self, o: Self) -> Self { self.wrapping_mul(o) }
            fn and(self, o: Self) -> Self { self & o }
            fn or(self, o: Self) -> Self { self | o }
            fn xor(self, o: Self) -> Self { self ^ o }
            fn shl(self, n: u32) -> Self { self << n }
            fn shr(self, n: u32) -> Self { self >> n }
            fn sar(self, n: u32) -> Self { (self as $i >> n) as $u }
            fn slice(c: &Column) -> Option<&[Self]> {
                match c { Column::$variant(v) => Some(v), _ => None }
            }
            fn column(v: Vec<Self>) -> Column { Column::$variant(v) }
        }
    )*};
}
words!(u8, i8, U8; u16, i16, U16; u32, i32, U32; u64, i64, U64; u128, i128, U128);

/// Calls a function generic over the word with the word of a column.
#[macro_export]
#[doc(hidden)]
macro_rules! by_word {
    ($col:expr, $f:ident, ($($arg:expr),* $(,)?)) => {
        match $col {
            $crate::Column::U8(_) => $f::<u8>($($arg),*),
            $crate::Column::U16(_) => $f::<u16>($($arg),*),
            $crate::Column::U32(_) => $f::<u32>($($arg),*),
            $crate::Column::U64(_) => $f::<u64>($($arg),*),
            $crate::Column::U128(_) => $f::<u128>($($arg),*),
        }
    };
}

fn lanes<W: Word>(c: &Column) -> Result<&[W], ClearError> {
    W::slice(c).ok_or(ClearError::Lanes)
}

/// How words of an element are read: its bits, its sign.
#[derive(Clone, Copy)]
struct Form<W> {
    mask: W,
    up: u32,
    signed: bool,
}

impl<W: Word> Form<W> {
    fn of(e: Elem) -> Self {
        let bits = u32::from(e.bits()).clamp(1, W::BITS);
        Form { mask: W::of(mask(bits)), up: W::BITS - bits, signed: e.signed() }
    }
    /// Order-preserving to unsigned comparison.
    fn key(self, w: W) -> W {
        let up = w.shl(self.up);
        if self.signed { up.xor(W::of(1).shl(W::BITS - 1)) } else { up }
    }
    /// Sign- or zero-extended to the word.
    fn full(self, w: W) -> W {
        if self.signed { w.shl(self.up).sar(self.up) } else { w }
    }
    fn negative(self, w: W) -> bool {
        self.signed && w.shl(self.up).shr(W::BITS - 1) == W::of(1)
    }
}

/// The same number in every lane.
pub fn constant(value: u128, elem: Elem, n: usize) -> Column {
    fn go<W: Word>(v: u128, n: usize) -> Column {
        W::column(vec![W::of(v); n])
    }
    by_word!(Column::with_capacity(elem, 0), go, (value & elem.mask(), n))
}

/// A column from its lanes' patterns.
pub fn from_lanes(elem: Elem, values: impl IntoIterator<Item = u128>) -> Column {
    let mut c = Column::with_capacity(elem, 0);
    for v in values {
        c.push(v & elem.mask());
    }
    c
}

/// An index expression at every point of a space, reduced to the element.
///
/// # Errors
/// Evaluation errors of the space and the expression.
pub fn iota(space: &Space, index: &Index, vars: &[i64], elem: Elem) -> Res {
    fn go<W: Word>(values: &[i64], m: u128) -> Column {
        W::column(values.iter().map(|v| W::of(i128::from(*v) as u128 & m)).collect())
    }
    let values = indices(space, index, vars)?;
    Ok(by_word!(Column::with_capacity(elem, 0), go, (&values, elem.mask())))
}

/// An index expression at every point of a space.
///
/// # Errors
/// Evaluation errors of the space and the expression.
pub fn indices(space: &Space, index: &Index, vars: &[i64]) -> Result<Vec<i64>, ClearError> {
    let env = IndexEnv { vars };
    let n = space.count(&env)?;
    let mut out = Vec::with_capacity(usize::try_from(n).map_err(|_| IndexError::Overflow)?.min(1 << 24));
    eval_strip(space, index, &env, 0..n, &mut out)?;
    Ok(out)
}

/// A clear column of integers as indices.
pub fn as_indices(c: &Column, elem: Elem) -> Vec<i64> {
    (0..c.len())
        .map(|k| {
            let v = elem.extend(c.get(k));
            let v = if elem.signed() { i64::try_from(v as i128).ok() } else { i64::try_from(v).ok() };
            // Too large for any array either way.
            v.unwrap_or(-1)
        })
        .collect()
}

/// To words of another element: extended by the sign of `from`, then reduced to `to`; to bool the least bit.
pub fn cast(x: &Column, from: Elem, to: Elem) -> Column {
    fn go<W: Word>(x: &Column, from: Elem, to: Elem) -> Column {
        fn into<W: Word, V: Word>(x: &[W], from: Elem, m: u128) -> Column {
            let f = Form::<W>::of(from);
            let m = V::of(m);
            if f.signed && V::BITS > W::BITS {
                V::column(x.iter().map(|w| V::of(from.extend(w.wide())).and(m)).collect())
            } else {
                V::column(x.iter().map(|w| V::of(f.full(*w).wide()).and(m)).collect())
            }
        }
        let x = W::slice(x).unwrap_or(&[]);
        match Column::with_capacity(to, 0) {
            Column::U8(_) => into::<W, u8>(x, from, to.mask()),
            Column::U16(_) => into::<W, u16>(x, from, to.mask()),
            Column::U32(_) => into::<W, u32>(x, from, to.mask()),
            Column::U64(_) => into::<W, u64>(x, from, to.mask()),
            Column::U128(_) => into::<W, u128>(x, from, to.mask()),
        }
    }
    by_word!(x, go, (x, from, to))
}

/// Unary.
pub fn un(op: Un, x: &Column, from: Elem, to: Elem) -> Column {
    fn go<W: Word>(op: Un, x: &Column, e: Elem) -> Column {
        let m = Form::<W>::of(e).mask;
        let x = W::slice(x).unwrap_or(&[]);
        W::column(match op {
            Un::Neg => x.iter().map(|w| W::default().sub(*w).and(m)).collect(),
            Un::Trunc(k) => x.iter().map(|w| W::of((e.extend(w.wide()) as i128 >> k) as u128).and(m)).collect(),
            _ => x.iter().map(|w| w.xor(m)).collect(),
        })
    }
    match op {
        Un::Cast => cast(x, from, to),
        _ => by_word!(x, go, (op, x, from)),
    }
}

/// Binary. `elem` is the operands' element; for shifts `amount` is the second operand's. `total`: division by zero has its
/// total value; otherwise it is an error.
///
/// # Errors
/// A zero divisor, unless `total`; different lengths.
pub fn bin(op: Bin, x: &Column, y: &Column, elem: Elem, amount: Elem, total: bool) -> Res {
    fn go<W: Word>(op: Bin, x: &Column, y: &Column, e: Elem, amount: Elem, total: bool) -> Res {
        let f = Form::<W>::of(e);
        let m = f.mask;
        let x = lanes::<W>(x)?;
        if x.len() != y.len() {
            return Err(ClearError::Lanes);
        }
        if matches!(op, Bin::Shl | Bin::Shr) {
            let bits = u32::from(e.bits());
            let shifted = |(k, x): (usize, &W)| {
                let a = amount.extend(y.get(k));
                let over = a >= u128::from(bits);
                let n = (a as u32).min(bits - 1);
                match op {
                    // A negative amount is over, too: its extension is huge.
                    Bin::Shl if over => W::default(),
                    Bin::Shl => x.shl(n).and(m),
                    _ if over && f.negative(*x) => m,
                    _ if over => W::default(),
                    _ if f.signed => f.full(*x).sar(n).and(m),
                    _ => x.shr(n),
                }
            };
            return Ok(W::column(x.iter().enumerate().map(shifted).collect()));
        }
        let y = lanes::<W>(y)?;
        let each = |g: &dyn Fn(&[W], &[W]) -> Column| Ok(g(x, y));
        macro_rules! map {
            ($g:expr) => {
                each(&|x, y| W::column(x.iter().zip(y).map($g).collect()))
            };
        }
        match op {
            Bin::Add => map!(|(a, b)| a.add(*b).and(m)),
            Bin::Sub => map!(|(a, b)| a.sub(*b).and(m)),
            Bin::Mul => map!(|(a, b)| a.mul(*b).and(m)),
            Bin::And => map!(|(a, b)| a.and(*b)),
            Bin::Or => map!(|(a, b)| a.or(*b)),
            Bin::Xor => map!(|(a, b)| a.xor(*b)),
            Bin::Lt => Ok(Column::U8(x.iter().zip(y).map(|(a, b)| u8::from(f.key(*a) < f.key(*b))).collect())),
            Bin::Eq => Ok(Column::U8(x.iter().zip(y).map(|(a, b)| u8::from(a == b)).collect())),
            Bin::Div | Bin::Rem => {
                if !total && y.contains(&W::default()) {
                    return Err(ClearError::DivByZero);
                }
                let div = op == Bin::Div;
                map!(|(a, b)| W::of(divide(a.wide(), b.wide(), e, div)))
            }
            Bin::Shl | Bin::Shr => Err(ClearError::Lanes),
        }
    }
    by_word!(x, go, (op, x, y, elem, amount, total))
}

/// The total quotient or remainder of two patterns.
pub fn divide(a: u128, b: u128, e: Elem, quotient: bool) -> u128 {
    if b == 0 {
        return if quotient { e.mask() } else { a };
    }
    let v = if e.signed() {
        let (a, b) = (e.extend(a) as i128, e.extend(b) as i128);
        (if quotient { a.wrapping_div(b) } else { a.wrapping_rem(b) }) as u128
    } else if quotient {
        a / b
    } else {
        a % b
    };
    v & e.mask()
}

/// `c ? a : b`.
///
/// # Errors
/// Different lengths.
pub fn select(c: &Column, a: &Column, b: &Column) -> Res {
    fn go<W: Word>(c: &Column, a: &Column, b: &Column) -> Res {
        let (c, a, b) = (lanes::<u8>(c)?, lanes::<W>(a)?, lanes::<W>(b)?);
        if c.len() != a.len() || a.len() != b.len() {
            return Err(ClearError::Lanes);
        }
        Ok(W::column(c.iter().zip(a).zip(b).map(|((c, a), b)| if *c & 1 == 1 { *a } else { *b }).collect()))
    }
    by_word!(a, go, (c, a, b))
}

/// Lanes of `x` by number.
///
/// # Errors
/// An index out of range.
pub fn take(x: &Column, indices: &[i64]) -> Res {
    fn go<W: Word>(x: &Column, at: &[i64]) -> Res {
        let x = lanes::<W>(x)?;
        let pick = |i: &i64| usize::try_from(*i).ok().and_then(|i| x.get(i)).copied();
        at.iter().map(pick).collect::<Option<Vec<W>>>().map(W::column).ok_or(ClearError::OutOfRange)
    }
    by_word!(x, go, (x, indices))
}

/// `base` with the lanes at `indices` replaced.
///
/// # Errors
/// An index out of range; different lengths.
pub fn put(base: &Column, values: &Column, indices: &[i64]) -> Res {
    fn go<W: Word>(base: &Column, values: &Column, at: &[i64]) -> Res {
        let mut out = lanes::<W>(base)?.to_vec();
        let values = lanes::<W>(values)?;
        if values.len() != at.len() {
            return Err(ClearError::Lanes);
        }
        for (i, v) in at.iter().zip(values) {
            *usize::try_from(*i).ok().and_then(|i| out.get_mut(i)).ok_or(ClearError::OutOfRange)? = *v;
        }
        Ok(W::column(out))
    }
    by_word!(base, go, (base, values, indices))
}

/// One after another. The first decides the word.
///
/// # Errors
/// Different words; no operand.
pub fn concat(parts: &[&Column]) -> Res {
    fn go<W: Word>(parts: &[&Column]) -> Res {
        let mut out = vec![];
        for p in parts {
            out.extend_from_slice(lanes::<W>(p)?);
        }
        Ok(W::column(out))
    }
    match parts.first() {
        Some(first) => by_word!(first, go, (parts)),
        None => Err(ClearError::Lanes),
    }
}

/// A boolean circuit on every lane, 64 lanes at once.
///
/// # Errors
/// Operands that the net does not take, or of other lengths.
pub fn net(table: &crate::NetTable, args: &[&Column], lanes: usize) -> Result<Vec<Column>, ClearError> {
    if args.len() != table.inputs.len() || args.iter().any(|a| a.len() != lanes) {
        return Err(ClearError::Lanes);
    }
    let mut out: Vec<Column> = table.outputs.iter().map(|e| Column::with_capacity(*e, lanes)).collect();
    for first in (0..lanes).step_by(64) {
        let many = (lanes - first).min(64);
        let mut words = vec![];
        for (a, e) in args.iter().zip(&table.inputs) {
            let at = words.len();
            words.resize(at + usize::from(e.bits()), 0u64);
            for k in 0..many {
                let v = a.get(first + k);
                for (i, w) in words[at..].iter_mut().enumerate() {
                    *w |= ((v >> i & 1) as u64) << k;
                }
            }
        }
        let bits = table.net.eval(&words).ok_or(ClearError::Lanes)?;
        for k in 0..many {
            let mut at = 0;
            for (o, e) in out.iter_mut().zip(&table.outputs) {
                let n = usize::from(e.bits());
                let v = bits[at..at + n].iter().rev().fold(0u128, |v, w| v << 1 | u128::from(w >> k & 1));
                o.push(v);
                at += n;
            }
        }
    }
    Ok(out)
}

/// Each `group` lanes to one of `groups`; `to` is the result's element (it differs for `Count` alone).
///
/// # Errors
/// A length that is not `group * groups`.
pub fn reduce(red: Red, x: &Column, elem: Elem, to: Elem, group: usize, groups: usize) -> Res {
    fn go<W: Word>(red: Red, x: &Column, e: Elem, group: usize, groups: usize) -> Res {
        let x = lanes::<W>(x)?;
        let f = Form::<W>::of(e);
        let m = f.mask;
        let top = W::of(1).shl(W::BITS - 1 - f.up);
        // The least value is 0 or the sign bit alone; the greatest, its complement.
        let least = if f.signed { top } else { W::default() };
        let (init, op): (W, &dyn Fn(W, W) -> W) = match red {
            Red::Add | Red::Count => (W::default(), &|a, b| a.add(b)),
            Red::Mul => (W::of(1), &|a, b| a.mul(b)),
            Red::And => (m, &|a, b| a.and(b)),
            Red::Or => (W::default(), &|a, b| a.or(b)),
            Red::Xor => (W::default(), &|a, b| a.xor(b)),
            Red::Min => (least.xor(m), &|a, b| if f.key(b) < f.key(a) { b } else { a }),
            Red::Max => (least, &|a, b| if f.key(b) > f.key(a) { b } else { a }),
        };
        let fold = |g: &[W]| match red {
            Red::Add => g.iter().fold(init, |a, b| a.add(*b)).and(m),
            _ => g.iter().fold(init, |a, b| op(a, *b)).and(m),
        };
        Ok(W::column(if group == 0 { vec![init; groups] } else { x.chunks(group).map(fold).collect() }))
    }
    if group.checked_mul(groups) != Some(x.len()) {
        return Err(ClearError::Lanes);
    }
    if red == Red::Count {
        let x = lanes::<u8>(x)?;
        let n = |g: &[u8]| g.iter().map(|b| u64::from(*b & 1)).sum::<u64>();
        let counts: Vec<u128> =
            if group == 0 { vec![0; groups] } else { x.chunks(group).map(|g| u128::from(n(g))).collect() };
        return Ok(from_lanes(to, counts));
    }
    by_word!(x, go, (red, x, elem, group, groups))
}

/// The lane number of the first least (greatest) key of each group; groups are not empty.
///
/// # Errors
/// A length that is no multiple of `group`.
pub fn arg_reduce(keys: &Column, elem: Elem, max: bool, group: usize) -> Result<Vec<i64>, ClearError> {
    fn go<W: Word>(keys: &Column, e: Elem, max: bool, group: usize) -> Result<Vec<i64>, ClearError> {
        let f = Form::<W>::of(e);
        let best = |(g, keys): (usize, &[W])| {
            let mut at = 0;
            for k in 1..keys.len() {
                let (a, b) = (f.key(keys[k]), f.key(keys[at]));
                if if max { a > b } else { a < b } {
                    at = k;
                }
            }
            (g * group + at) as i64
        };
        Ok(lanes::<W>(keys)?.chunks(group).enumerate().map(best).collect())
    }
    if group == 0 || !keys.len().is_multiple_of(group) {
        return if keys.is_empty() { Ok(vec![]) } else { Err(ClearError::Lanes) };
    }
    by_word!(keys, go, (keys, elem, max, group))
}

/// Sums of products of each group.
///
/// # Errors
/// Lengths that are not `group * groups`.
pub fn dot(x: &Column, y: &Column, elem: Elem, group: usize, groups: usize) -> Res {
    fn go<W: Word>(x: &Column, y: &Column, e: Elem, group: usize, groups: usize) -> Res {
        let (x, y) = (lanes::<W>(x)?, lanes::<W>(y)?);
        let m = Form::<W>::of(e).mask;
        if group == 0 {
            return Ok(W::column(vec![W::default(); groups]));
        }
        let one = |(x, y): (&[W], &[W])| x.iter().zip(y).fold(W::default(), |s, (a, b)| s.add(a.mul(*b))).and(m);
        Ok(W::column(x.chunks(group).zip(y.chunks(group)).map(one).collect()))
    }
    if group.checked_mul(groups) != Some(x.len()) || x.len() != y.len() {
        return Err(ClearError::Lanes);
    }
    by_word!(x, go, (x, y, elem, group, groups))
}

/// Products of a batch of `m × k` and `k × n` matrices, row-major.
///
/// # Errors
/// Lengths that are not those of one batch.
pub fn matmul(x: &Column, y: &Column, elem: Elem, (m, k, n): (usize, usize, usize), batch: usize) -> Res {
    fn go<W: Word>(x: &Column, y: &Column, e: Elem, (m, k, n): (usize, usize, usize), batch: usize) -> Res {
        let (x, y) = (lanes::<W>(x)?, lanes::<W>(y)?);
        let mask = Form::<W>::of(e).mask;
        let mut out = vec![W::default(); batch * m * n];
        for b in 0..batch {
            for i in 0..m {
                let row = &mut out[(b * m + i) * n..][..n];
                for j in 0..k {
                    let a = x[(b * m + i) * k + j];
                    for (o, v) in row.iter_mut().zip(&y[(b * k + j) * n..][..n]) {
                        *o = o.add(a.mul(*v));
                    }
                }
                row.iter_mut().for_each(|o| *o = o.and(mask));
            }
        }
        Ok(W::column(out))
    }
    let size = |a: usize, b: usize| a.checked_mul(b).and_then(|s| s.checked_mul(batch));
    if size(m, k) != Some(x.len()) || size(k, n) != Some(y.len()) || size(m, n).is_none() {
        return Err(ClearError::Lanes);
    }
    by_word!(x, go, (x, y, elem, (m, k, n), batch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rng;

    const ELEMS: [Elem; 11] = [
        Elem::Bool,
        Elem::u(1),
        Elem::i(1),
        Elem::i(5),
        Elem::u(8),
        Elem::i(8),
        Elem::u(13),
        Elem::i(32),
        Elem::i(47),
        Elem::u(128),
        Elem::i(128),
    ];

    /// Meaning by exact arithmetic on i128, where it fits.
    fn expect(op: Bin, a: u128, b: u128, e: Elem) -> u128 {
        let (x, y) = (e.extend(a) as i128, e.extend(b) as i128);
        let less = if e.signed() { x < y } else { a < b };
        let v = match op {
            Bin::Add => a.wrapping_add(b),
            Bin::Sub => a.wrapping_sub(b),
            Bin::Mul => a.wrapping_mul(b),
            Bin::And => a & b,
            Bin::Or => a | b,
            Bin::Xor => a ^ b,
            Bin::Lt => return u128::from(less),
            Bin::Eq => return u128::from(a == b),
            Bin::Div if b == 0 => u128::MAX,
            Bin::Rem if b == 0 => a,
            Bin::Div if e.signed() => x.wrapping_div(y) as u128,
            Bin::Rem if e.signed() => x.wrapping_rem(y) as u128,
            Bin::Div => a / b,
            Bin::Rem => a % b,
            // Shifted bit by bit.
            Bin::Shl | Bin::Shr => {
                let n = if e.signed() && y < 0 { 200 } else { b.min(200) };
                let mut v = a;
                for _ in 0..n {
                    v = if op == Bin::Shl {
                        (v << 1) & e.mask()
                    } else {
                        ((e.extend(v) as i128 >> 1) as u128) & e.mask()
                    };
                    if op == Bin::Shr && !e.signed() {
                        v &= e.mask() >> 1;
                    }
                }
                v
            }
        };
        v & e.mask()
    }

    #[test]
    fn binary_operators_are_what_they_say() {
        use Bin::*;
        let mut rng = Rng::new(9);
        for e in ELEMS {
            let mut pick = || {
                let v = match rng.below(4) {
                    0 => rng.below(4) as u128,
                    1 => (rng.below(4) as u128).wrapping_neg(),
                    2 => 1 << (e.bits() - 1),
                    _ => rng.wide(),
                };
                v & e.mask()
            };
            let xs: Vec<u128> = (0..200).map(|_| pick()).collect();
            let ys: Vec<u128> = (0..200).map(|_| pick()).collect();
            let (x, y) = (from_lanes(e, xs.clone()), from_lanes(e, ys.clone()));
            for op in [Add, Sub, Mul, And, Or, Xor, Lt, Eq, Div, Rem, Shl, Shr] {
                let got = bin(op, &x, &y, e, e, true).unwrap();
                for k in 0..200 {
                    assert_eq!(got.get(k), expect(op, xs[k], ys[k], e), "{op:?} {e} {} {}", xs[k], ys[k]);
                }
            }
            for to in ELEMS {
                let got = un(Un::Cast, &x, e, to);
                assert!((0..200).all(|k| got.get(k) == e.extend(xs[k]) & to.mask()));
                assert_eq!(got.word_bits(), Column::with_capacity(to, 0).word_bits());
            }
            let keys = arg_reduce(&x, e, false, 10).unwrap();
            let least = reduce(Red::Min, &x, e, e, 10, 20).unwrap();
            let less = bin(Lt, &x, &take(&least, &(0..200).map(|k| k / 10).collect::<Vec<_>>()).unwrap(), e, e, true);
            assert_eq!(less.unwrap(), Column::zeros(Elem::Bool, 200));
            assert_eq!(take(&x, &keys).unwrap(), least);
        }
        let zero = Column::zeros(Elem::u(8), 1);
        assert_eq!(bin(Div, &zero, &zero, Elem::u(8), Elem::u(8), false), Err(ClearError::DivByZero));
        assert_eq!(reduce(Red::Min, &Column::zeros(Elem::i(5), 0), Elem::i(5), Elem::i(5), 0, 1).unwrap().get(0), 15);
        assert_eq!(reduce(Red::Max, &Column::zeros(Elem::i(5), 0), Elem::i(5), Elem::i(5), 0, 1).unwrap().get(0), 16);
        assert_eq!(take(&zero, &[1]), Err(ClearError::OutOfRange));
    }

    #[test]
    fn products_of_matrices_are_dots() {
        let e = Elem::u(16);
        let x = from_lanes(e, (0..12).map(|k| k * 7919));
        let y = from_lanes(e, (0..24).map(|k| k * 104729 + 3));
        let got = matmul(&x, &y, e, (2, 3, 4), 2).unwrap();
        for (b, i, j) in (0..2).flat_map(|b| (0..2).flat_map(move |i| (0..4).map(move |j| (b, i, j)))) {
            let sum: u128 = (0..3).map(|k| x.get((b * 2 + i) * 3 + k) * y.get((b * 3 + k) * 4 + j)).sum();
            assert_eq!(got.get((b * 2 + i) * 4 + j), sum & 0xffff);
        }
    }
}
