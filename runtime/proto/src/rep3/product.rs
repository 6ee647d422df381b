//! Products of shares: each function computes a piece of one batch into `z` (the node's z_i), masked; drawing is in order,
//! so pieces must be computed in order and cut alike at all nodes (pieces of a multiple of 64 lanes).

use field::{Ring, bits, ring};

use super::{PIECE, Pair, Piece};
use crate::{Draw, Misuse, SessionKeys};

/// z_i of lane-wise products. Cost per lane: two words of generator output per node, one word sent.
pub fn mul<T: Ring>(
    keys: &SessionKeys,
    draw: &mut Draw,
    x: Pair<'_, T>,
    y: Pair<'_, T>,
    z: &mut [T],
) -> Result<(), Misuse> {
    let (mut r, mut s) = (Piece::new(), Piece::new());
    let mut lo = 0;
    for z in z.chunks_mut(PIECE / T::BYTES) {
        let n = z.len();
        let at = draw.claim(n * T::BYTES)?;
        let part = |v: Pair<'_, T>| -> [std::ops::Range<usize>; 2] {
            debug_assert!(v[0].len() == v[1].len());
            [lo..lo + n, lo..lo + n]
        };
        let [rx, ry] = [part(x), part(y)];
        ring::product(
            [&x[0][rx[0].clone()], &x[1][rx[1].clone()]],
            [&y[0][ry[0].clone()], &y[1][ry[1].clone()]],
            r.fill(keys.own(), at, n),
            s.fill(keys.next(), at, n),
            z,
        );
        lo += n;
    }
    Ok(())
}

/// z_i of sums of products over groups of `group` lanes. Cost per result: as [`mul`]'s lane, whatever the group.
pub fn dot<T: Ring>(
    keys: &SessionKeys,
    draw: &mut Draw,
    x: Pair<'_, T>,
    y: Pair<'_, T>,
    group: usize,
    z: &mut [T],
) -> Result<(), Misuse> {
    for (g, z) in z.iter_mut().enumerate() {
        let range = g * group..(g + 1) * group;
        *z = ring::dot([&x[0][range.clone()], &x[1][range.clone()]], [&y[0][range.clone()], &y[1][range]]);
    }
    mask(keys, draw, z)
}

/// Adds the zero-sum mask F(k_i) - F(k_(i+1)) to local parts of products that the caller summed.
pub fn mask<T: Ring>(keys: &SessionKeys, draw: &mut Draw, z: &mut [T]) -> Result<(), Misuse> {
    let (mut r, mut s) = (Piece::new(), Piece::new());
    for z in z.chunks_mut(PIECE / T::BYTES) {
        let at = draw.claim(z.len() * T::BYTES)?;
        let (r, s) = (r.fill::<T>(keys.own(), at, z.len()), s.fill::<T>(keys.next(), at, z.len()));
        for ((z, r), s) in z.iter_mut().zip(r).zip(s) {
            *z = z.add(r.sub(*s));
        }
    }
    Ok(())
}

/// z_i of ands, on words `first..first + z.len()` of planes of `lanes` lanes (x and y are the same words). Bits past the
/// last lane come out as 0. Cost per word of 64 ands: two words of generator output per node, 8 bytes sent.
pub fn and(
    keys: &SessionKeys,
    draw: &mut Draw,
    x: Pair<'_, u64>,
    y: Pair<'_, u64>,
    lanes: usize,
    first: usize,
    z: &mut [u64],
) -> Result<(), Misuse> {
    let (mut r, mut s) = (Piece::new(), Piece::new());
    let mut lo = 0;
    for z in z.chunks_mut(PIECE / 8) {
        let n = z.len();
        let at = draw.claim(n * 8)?;
        let range = lo..lo + n;
        bits::product(
            [&x[0][range.clone()], &x[1][range.clone()]],
            [&y[0][range.clone()], &y[1][range]],
            r.fill(keys.own(), at, n),
            s.fill(keys.next(), at, n),
            z,
        );
        lo += n;
    }
    // The masks' bits past the last lane do not cancel by themselves: each node's would travel and stay.
    let (w, tail) = (bits::words(lanes), bits::tail(lanes));
    if tail != u64::MAX {
        let mut i = w - 1 - first % w;
        while i < z.len() {
            z[i] &= tail;
            i += w;
        }
    }
    Ok(())
}
