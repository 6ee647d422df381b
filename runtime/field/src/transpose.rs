//! Bit transposition: words of lanes to planes of packed lanes, and back. Knows nothing of shares.
//!
//! Works on blocks of 64 × 64 bits by recursive swaps. Narrow words share a block: lanes l, l + 64, … of 64 / k groups
//! are the parts of one row, so that no row of the block is empty.

use crate::bits;
use crate::ring::Ring;
use crate::simd::kernel;

/// Transposes 64 × 64 bits in place: bit j of word i becomes bit i of word j.
#[inline(always)]
pub fn block(a: &mut [u64; 64]) {
    // One level: swaps the off-diagonal J × J blocks. The inner loop is over J consecutive words, for the vectoriser.
    #[inline(always)]
    fn level<const J: usize>(a: &mut [u64; 64], m: u64) {
        for pair in a.chunks_exact_mut(2 * J) {
            let (lo, hi) = pair.split_at_mut(J);
            for (x, y) in lo.iter_mut().zip(hi) {
                let t = ((*x >> J) ^ *y) & m;
                *x ^= t << J;
                *y ^= t;
            }
        }
    }
    level::<32>(a, 0x0000_0000_FFFF_FFFF);
    level::<16>(a, 0x0000_FFFF_0000_FFFF);
    level::<8>(a, 0x00FF_00FF_00FF_00FF);
    level::<4>(a, 0x0F0F_0F0F_0F0F_0F0F);
    level::<2>(a, 0x3333_3333_3333_3333);
    level::<1>(a, 0x5555_5555_5555_5555);
}

/// Blocks that are turned together, so that a plane is touched a cache line at a time.
const ABREAST: usize = 8;

kernel! {
    /// Lanes to planes: plane p, at `planes[p * stride ..]`, gets bit p of every lane; `count` planes, at most the bits of
    /// a word. Bits past the last lane are 0. Cost: about 1 ns per 64 bits.
    pub fn to_planes<T: Ring>(lanes: &[T], count: usize, stride: usize, planes: &mut [u64]) = to_planes_body
}

kernel! {
    /// Planes to lanes, the inverse of [`to_planes`]; bits of a lane at and above `count` are 0.
    pub fn to_lanes<T: Ring>(planes: &[u64], count: usize, stride: usize, lanes: &mut [T]) = to_lanes_body
}

#[inline(always)]
fn to_planes_body<T: Ring>(lanes: &[T], count: usize, stride: usize, planes: &mut [u64]) {
    let k = T::BITS as usize;
    assert!(count <= k && stride >= bits::words(lanes.len()));
    assert!(count == 0 || planes.len() >= (count - 1) * stride + bits::words(lanes.len()));
    let mut turned = [[0u64; 64]; ABREAST];
    // Lanes per block, planes per block, blocks per 64 lanes.
    let groups = (64 / k).max(1);
    let rows = k.min(64);
    for half in 0..count.div_ceil(64) {
        for (c, chunk) in lanes.chunks(64 * groups * ABREAST).enumerate() {
            for (part, t) in chunk.chunks(64 * groups).zip(&mut turned) {
                if part.len() < 64 * groups {
                    t.fill(0);
                }
                for (g, part) in part.chunks(64).enumerate() {
                    for (t, x) in t.iter_mut().zip(part) {
                        let x = (x.to_u128() >> (64 * half)) as u64;
                        *t = if g == 0 { x } else { *t | x << (k * g % 64) };
                    }
                }
                block(t);
            }
            let words = bits::words(chunk.len());
            let at = c * ABREAST * groups;
            for p in 64 * half..count.min(64 * half + 64) {
                let out = &mut planes[p * stride + at..p * stride + at + words];
                if groups == 1 && words == ABREAST {
                    for (o, t) in out.iter_mut().zip(&turned) {
                        *o = t[p - 64 * half];
                    }
                } else {
                    for (w, o) in out.iter_mut().enumerate() {
                        *o = turned[w / groups][rows * (w % groups) + p - 64 * half];
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn to_lanes_body<T: Ring>(planes: &[u64], count: usize, stride: usize, lanes: &mut [T]) {
    let k = T::BITS as usize;
    assert!(count <= k && stride >= bits::words(lanes.len()));
    assert!(count == 0 || planes.len() >= (count - 1) * stride + bits::words(lanes.len()));
    let groups = (64 / k).max(1);
    let rows = k.min(64);
    if count == 0 {
        lanes.fill(T::default());
    }
    for half in 0..count.div_ceil(64) {
        for (c, chunk) in lanes.chunks_mut(64 * groups * ABREAST).enumerate() {
            let mut turned = [[0u64; 64]; ABREAST];
            let words = bits::words(chunk.len());
            let at = c * ABREAST * groups;
            for p in 64 * half..count.min(64 * half + 64) {
                let row = &planes[p * stride + at..p * stride + at + words];
                for (w, x) in row.iter().enumerate() {
                    turned[w / groups][rows * (w % groups) + p - 64 * half] = *x;
                }
            }
            for (part, t) in chunk.chunks_mut(64 * groups).zip(&mut turned) {
                block(t);
                for (g, part) in part.chunks_mut(64).enumerate() {
                    for (x, t) in part.iter_mut().zip(t.iter()) {
                        let v = T::from_u128((*t >> (k * g % 64)) as u128);
                        *x = if half == 0 { v } else { x.add(T::from_u128((*t as u128) << 64)) };
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Ring + std::fmt::Debug>() {
        let k = T::BITS as usize;
        for n in [0usize, 1, 63, 64, 65, 127, 128, 500, 513] {
            for count in [0, 1, k / 2 + 1, k] {
                let lanes: Vec<T> = (0..n as u128)
                    .map(|i| {
                        T::from_u128((i + 3).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).rotate_left(67))
                    })
                    .collect();
                let stride = bits::words(n) + 1;
                let mut planes = vec![0u64; count * stride];
                to_planes(&lanes, count, stride, &mut planes);
                for p in 0..count {
                    let plane = &planes[p * stride..p * stride + bits::words(n)];
                    for (l, x) in lanes.iter().enumerate() {
                        assert_eq!(bits::get(plane, l), x.to_u128() >> p & 1 == 1);
                    }
                    assert_eq!(plane.last().copied().unwrap_or(0) & !bits::tail(n), 0);
                }
                let mut back = vec![T::mask(200); n];
                to_lanes(&planes, count, stride, &mut back);
                let want: Vec<T> = lanes.iter().map(|x| x.and(T::mask(count as u32))).collect();
                assert_eq!(back, want, "{k} {n} {count}");
            }
        }
    }

    #[test]
    fn transposes_at_every_width() {
        check::<u8>();
        check::<u16>();
        check::<u32>();
        check::<u64>();
        check::<u128>();
    }
}
