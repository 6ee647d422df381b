//! Bit transposition: words of lanes to planes of packed lanes, and back. Knows nothing of shares.
//!
//! Works on blocks of 64 × 64 bits by recursive swaps. Narrow words share a block: lanes l, l + 64, … of 64 / k groups
//! are the parts of one row, so that no row of the block is empty.

use crate::bits;
use crate::ring::Ring;

/// Transposes 64 × 64 bits in place: bit j of word i becomes bit i of word j.
#[inline]
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

/// Lanes to planes: plane p, at `planes[p * stride ..]`, gets bit p of every lane; `count` planes, at most the bits of a
/// word. Bits past the last lane are 0. Cost: about 1 ns per 64 bits.
pub fn to_planes<T: Ring>(lanes: &[T], count: usize, stride: usize, planes: &mut [u64]) {
    let k = T::BITS as usize;
    assert!(count <= k && stride >= bits::words(lanes.len()));
    assert!(count == 0 || planes.len() >= (count - 1) * stride + bits::words(lanes.len()));
    let mut buf = [0u64; 64];
    if k >= 64 {
        for (w, chunk) in lanes.chunks(64).enumerate() {
            for half in 0..count.div_ceil(64) {
                buf.fill(0);
                for (b, x) in buf.iter_mut().zip(chunk) {
                    *b = (x.to_u128() >> (64 * half)) as u64;
                }
                block(&mut buf);
                for p in 64 * half..count.min(64 * half + 64) {
                    planes[p * stride + w] = buf[p - 64 * half];
                }
            }
        }
    } else {
        let groups = 64 / k;
        for (w, chunk) in lanes.chunks(64 * groups).enumerate() {
            buf.fill(0);
            for (g, part) in chunk.chunks(64).enumerate() {
                for (b, x) in buf.iter_mut().zip(part) {
                    *b |= (x.to_u128() as u64) << (k * g);
                }
            }
            block(&mut buf);
            for g in 0..chunk.len().div_ceil(64) {
                for p in 0..count {
                    planes[p * stride + w * groups + g] = buf[k * g + p];
                }
            }
        }
    }
}

/// Planes to lanes, the inverse of [`to_planes`]; bits of a lane at and above `count` are 0.
pub fn to_lanes<T: Ring>(planes: &[u64], count: usize, stride: usize, lanes: &mut [T]) {
    let k = T::BITS as usize;
    assert!(count <= k && stride >= bits::words(lanes.len()));
    let mut buf = [0u64; 64];
    if k >= 64 {
        for (w, chunk) in lanes.chunks_mut(64).enumerate() {
            chunk.fill(T::default());
            for half in 0..count.div_ceil(64) {
                buf.fill(0);
                for p in 64 * half..count.min(64 * half + 64) {
                    buf[p - 64 * half] = planes[p * stride + w];
                }
                block(&mut buf);
                for (b, x) in buf.iter().zip(chunk.iter_mut()) {
                    *x = x.add(T::from_u128((*b as u128) << (64 * half)));
                }
            }
        }
    } else {
        let groups = 64 / k;
        for (w, chunk) in lanes.chunks_mut(64 * groups).enumerate() {
            buf.fill(0);
            for g in 0..chunk.len().div_ceil(64) {
                for p in 0..count {
                    buf[k * g + p] = planes[p * stride + w * groups + g];
                }
            }
            block(&mut buf);
            for (g, part) in chunk.chunks_mut(64).enumerate() {
                for (b, x) in buf.iter().zip(part) {
                    *x = T::from_u128((b >> (k * g)) as u128);
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
