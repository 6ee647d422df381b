//! Values that one node knows become shared: inputs, and the conversions between words and bits, where node r deals the sum
//! of its two components for the lanes of its third and the other two know the rest.

use field::{Ring, bits, ring, transpose};

use super::{PIECE, Pair, Piece, component, next};
use crate::{Draw, Misuse, SessionKeys};

/// Node `dealer` shares `value` (given at the dealer alone). `a` and `b` must come zeroed: components that are 0 stay
/// untouched, and `b` may already hold bytes that arrived. Writes the other components of this node: the dealer's `a` is its
/// message, the `b` of the node before it is what that node receives. Cost per lane: one word of generator output at two
/// nodes, one word sent by the dealer.
pub fn deal<T: Ring>(
    keys: &SessionKeys,
    draw: &mut Draw,
    dealer: usize,
    value: Option<&[T]>,
    a: &mut [T],
    b: &mut [T],
) -> Result<(), Misuse> {
    deal_as(keys, draw, dealer, value, a, b, T::sub, T::mask(T::BITS))
}

/// [`deal`] for one plane (or part of one) of `lanes` lanes.
pub fn deal_bits(
    keys: &SessionKeys,
    draw: &mut Draw,
    dealer: usize,
    value: Option<&[u64]>,
    lanes: usize,
    a: &mut [u64],
    b: &mut [u64],
) -> Result<(), Misuse> {
    deal_as(keys, draw, dealer, value, a, b, |v, r| v ^ r, bits::tail(lanes))
}

/// `last` masks the last word's randomness.
#[allow(clippy::too_many_arguments)]
fn deal_as<T: Ring>(
    keys: &SessionKeys,
    draw: &mut Draw,
    dealer: usize,
    value: Option<&[T]>,
    a: &mut [T],
    b: &mut [T],
    minus: impl Fn(T, T) -> T,
    last: T,
) -> Result<(), Misuse> {
    let me = keys.me();
    let n = a.len();
    if me != dealer && me != next(dealer) {
        // The node before the dealer: x_(d+2) = 0 is its `a`, its `b` comes.
        return Ok(());
    }
    let mut r = Piece::new();
    let mut lo = 0;
    let mut b = b;
    for a in a.chunks_mut(PIECE / T::BYTES) {
        let m = a.len();
        let at = draw.claim(m * T::BYTES)?;
        let (now, later) = std::mem::take(&mut b).split_at_mut(m);
        b = later;
        if me == dealer {
            now.copy_from_slice(r.fill(keys.next(), at, m));
            if lo + m == n {
                now[m - 1] = now[m - 1].and(last);
            }
            let value = &value.ok_or(Misuse::Range)?[lo..lo + m];
            for ((a, b), v) in a.iter_mut().zip(now).zip(value) {
                *a = minus(*v, *b);
            }
        } else {
            a.copy_from_slice(r.fill(keys.own(), at, m));
            if lo + m == n {
                a[m - 1] = a[m - 1].and(last);
            }
        }
        lo += m;
    }
    Ok(())
}

/// Components of values that no node knows: x_i and x_(i+1) are expanded from the keys that node i shares with its neighbours
/// (Araki et al. 2016, section 2.1, for masks). Sends nothing; one word of generator output per lane and component. Every node
/// knows two of three components, the third is uniform to it.
pub fn random<T: Ring>(keys: &SessionKeys, draw: &mut Draw, a: &mut [T], b: &mut [T]) -> Result<(), Misuse> {
    let mut r = Piece::new();
    for (a, b) in a.chunks_mut(PIECE / T::BYTES).zip(b.chunks_mut(PIECE / T::BYTES)) {
        let m = a.len();
        let at = draw.claim(m * T::BYTES)?;
        a.copy_from_slice(r.fill(keys.own(), at, m));
        b.copy_from_slice(r.fill(keys.next(), at, m));
    }
    Ok(())
}

/// The dealt word of a conversion to bits, for the part of lanes that `dealer` deals: planes of x_d + x_(d+1).
///
/// `x` are this node's components of the part; `a` and `b` start at the part's first word of plane 0, planes are `stride`
/// words apart, `planes` of them.
#[allow(clippy::too_many_arguments)]
pub fn a2b_deal<T: Ring>(
    keys: &SessionKeys,
    draw: &mut Draw,
    dealer: usize,
    x: Pair<'_, T>,
    planes: usize,
    stride: usize,
    a: &mut [u64],
    b: &mut [u64],
) -> Result<(), Misuse> {
    let lanes = x[0].len();
    let w = bits::words(lanes);
    if planes == 0 || w == 0 {
        return Ok(());
    }
    let mut value = Vec::new();
    if keys.me() == dealer {
        let mut sum = vec![T::default(); lanes];
        ring::add(x[0], x[1], &mut sum);
        value = vec![0; planes * w];
        transpose::to_planes(&sum, planes, w, &mut value);
    }
    for p in 0..planes {
        let v = value.get(p * w..(p + 1) * w);
        let at = p * stride..p * stride + w;
        deal_bits(keys, draw, dealer, v, lanes, &mut a[at.clone()], &mut b[at])?;
    }
    Ok(())
}

/// The other word of a conversion to bits: planes of x_(d+2), known to the two other nodes (negated with `neg`). No
/// message. Arguments as in [`a2b_deal`]; `a` and `b` come zeroed.
#[allow(clippy::too_many_arguments)]
pub fn a2b_known<T: Ring>(
    me: usize,
    dealer: usize,
    x: Pair<'_, T>,
    neg: bool,
    planes: usize,
    stride: usize,
    a: &mut [u64],
    b: &mut [u64],
) {
    let lanes = x[0].len();
    let w = bits::words(lanes);
    if planes == 0 || w == 0 {
        return;
    }
    let slot = component(me, (dealer + 2) % 3);
    for (c, out) in [a, b].into_iter().enumerate() {
        if slot != Some(c) {
            continue;
        }
        if neg {
            let negated: Vec<T> = x[c].iter().map(|v| T::default().sub(*v)).collect();
            transpose::to_planes(&negated, planes, stride, out);
        } else {
            transpose::to_planes(x[c], planes, stride, out);
        }
    }
}

/// The dealt word of a conversion of bits (one plane's part, from a word's start) to words: u = x_d xor x_(d+1), 0 or 1.
pub fn b2a_deal<T: Ring>(
    keys: &SessionKeys,
    draw: &mut Draw,
    dealer: usize,
    x: Pair<'_, u64>,
    a: &mut [T],
    b: &mut [T],
) -> Result<(), Misuse> {
    let mut value = Vec::new();
    if keys.me() == dealer {
        let mut plane = vec![0; x[0].len()];
        bits::xor(x[0], x[1], &mut plane);
        value = vec![T::default(); a.len()];
        spread(&plane, &mut value);
    }
    deal(keys, draw, dealer, (keys.me() == dealer).then_some(&value[..]), a, b)
}

/// The other word: v = x_(d+2), known to the two other nodes. No message; `a` and `b` come zeroed.
pub fn b2a_known<T: Ring>(me: usize, dealer: usize, x: Pair<'_, u64>, a: &mut [T], b: &mut [T]) {
    let slot = component(me, (dealer + 2) % 3);
    for (c, out) in [a, b].into_iter().enumerate() {
        if slot == Some(c) {
            spread(x[c], out);
        }
    }
}

/// The dealt part of a truncation, for the part of lanes that `dealer` deals: x_d + x_(d+1), moved right by `places`.
pub fn trunc_deal<T: Ring>(
    keys: &SessionKeys,
    draw: &mut Draw,
    dealer: usize,
    x: Pair<'_, T>,
    places: u32,
    a: &mut [T],
    b: &mut [T],
) -> Result<(), Misuse> {
    let mut value = Vec::new();
    if keys.me() == dealer {
        value = vec![T::default(); a.len()];
        ring::add(x[0], x[1], &mut value);
        value.iter_mut().for_each(|v| *v = T::from_u128(v.to_u128() >> places));
    }
    deal(keys, draw, dealer, (keys.me() == dealer).then_some(&value[..]), a, b)
}

/// The other part: x_(d+2), moved, known to the two other nodes. No message; `a` and `b` come zeroed.
pub fn trunc_known<T: Ring>(me: usize, dealer: usize, x: Pair<'_, T>, places: u32, a: &mut [T], b: &mut [T]) {
    let slot = component(me, (dealer + 2) % 3);
    for (c, out) in [a, b].into_iter().enumerate() {
        if slot == Some(c) {
            out.iter_mut().zip(x[c]).for_each(|(o, v)| *o = T::from_u128(v.to_u128() >> places));
        }
    }
}

/// Bits of a plane as words 0 and 1.
fn spread<T: Ring>(plane: &[u64], out: &mut [T]) {
    for (w, out) in plane.iter().zip(out.chunks_mut(64)) {
        for (i, o) in out.iter_mut().enumerate() {
            *o = T::from_u128((w >> i & 1) as u128);
        }
    }
}
