//! Packed bits: words of 64 lanes, lane 0 the least significant bit of word 0. Knows nothing of shares.
//!
//! A plane of n lanes is `words(n)` words; bits past the last lane are 0.

use crate::simd::kernel;

/// Words of a plane.
#[inline]
pub const fn words(lanes: usize) -> usize {
    lanes.div_ceil(64)
}

/// The lanes that the last word of a plane holds, as a mask; all ones for whole words (and for no lanes).
#[inline]
pub const fn tail(lanes: usize) -> u64 {
    match lanes % 64 {
        0 => u64::MAX,
        r => (1 << r) - 1,
    }
}

/// Clears the bits past the last lane in each plane of `lanes` lanes.
pub fn clear_tails(planes: &mut [u64], lanes: usize) {
    let (w, m) = (words(lanes), tail(lanes));
    if w > 0 && m != u64::MAX {
        planes.chunks_exact_mut(w).for_each(|p| p[w - 1] &= m);
    }
}

kernel! {
    /// z = xa (ya + yb) + xb ya + (r + s) over GF(2): the local part of ands of shares, masked.
    pub fn product(x: [&[u64]; 2], y: [&[u64]; 2], r: &[u64], s: &[u64], z: &mut [u64]) = product_body
}

#[inline(always)]
fn product_body(x: [&[u64]; 2], y: [&[u64]; 2], r: &[u64], s: &[u64], z: &mut [u64]) {
    let n = z.len();
    let (xa, xb, ya, yb, r, s) = (&x[0][..n], &x[1][..n], &y[0][..n], &y[1][..n], &r[..n], &s[..n]);
    for i in 0..n {
        z[i] = (xa[i] & (ya[i] ^ yb[i])) ^ (xb[i] & ya[i]) ^ (r[i] ^ s[i]);
    }
}

/// z = x ^ y.
#[inline]
pub fn xor(x: &[u64], y: &[u64], z: &mut [u64]) {
    assert!(x.len() == z.len() && y.len() == z.len());
    for ((z, x), y) in z.iter_mut().zip(x).zip(y) {
        *z = x ^ y;
    }
}

/// z ^= x.
#[inline]
pub fn xor_to(x: &[u64], z: &mut [u64]) {
    assert!(x.len() == z.len());
    for (z, x) in z.iter_mut().zip(x) {
        *z ^= x;
    }
}

/// z = x & y.
#[inline]
pub fn and(x: &[u64], y: &[u64], z: &mut [u64]) {
    assert!(x.len() == z.len() && y.len() == z.len());
    for ((z, x), y) in z.iter_mut().zip(x).zip(y) {
        *z = x & y;
    }
}

/// z = !z on the lanes of one plane.
#[inline]
pub fn not(z: &mut [u64], lanes: usize) {
    for w in z.iter_mut() {
        *w = !*w;
    }
    clear_tails(z, lanes);
}

/// Bit `lane` of a plane.
#[inline]
pub fn get(plane: &[u64], lane: usize) -> bool {
    plane[lane / 64] >> (lane % 64) & 1 != 0
}

/// Sets bit `lane` of a plane.
#[inline]
pub fn set(plane: &mut [u64], lane: usize, bit: bool) {
    let (w, s) = (lane / 64, lane % 64);
    plane[w] = plane[w] & !(1 << s) | (bit as u64) << s;
}

/// All lanes 0 or 1.
pub fn fill(plane: &mut [u64], lanes: usize, bit: bool) {
    plane.fill(if bit { u64::MAX } else { 0 });
    clear_tails(plane, lanes);
}

/// Sets lanes `to..to + n` to `bit`.
pub fn fill_range(plane: &mut [u64], to: usize, n: usize, bit: bool) {
    let (mut to, mut n) = (to, n);
    while n > 0 {
        let s = to % 64;
        let take = (64 - s).min(n);
        let m = (if take == 64 { u64::MAX } else { (1 << take) - 1 }) << s;
        let w = &mut plane[to / 64];
        *w = if bit { *w | m } else { *w & !m };
        (to, n) = (to + take, n - take);
    }
}

/// The 64 bits from `at` on; lanes past the end are 0.
#[inline]
fn window(plane: &[u64], at: usize) -> u64 {
    let (w, s) = (at / 64, at % 64);
    let lo = plane.get(w).copied().unwrap_or(0) >> s;
    if s == 0 { lo } else { lo | plane.get(w + 1).copied().unwrap_or(0) << (64 - s) }
}

/// Copies lanes `from..from + n` of `src` to lanes `to..to + n` of `dst`, word by word.
pub fn copy(src: &[u64], from: usize, dst: &mut [u64], to: usize, n: usize) {
    if n == 0 {
        return;
    }
    if from.is_multiple_of(64) && to.is_multiple_of(64) {
        let whole = n / 64;
        dst[to / 64..to / 64 + whole].copy_from_slice(&src[from / 64..from / 64 + whole]);
        if !n.is_multiple_of(64) {
            let m = tail(n);
            let d = &mut dst[to / 64 + whole];
            *d = *d & !m | src[from / 64 + whole] & m;
        }
        return;
    }
    let (mut from, mut to, mut n) = (from, to, n);
    while n > 0 {
        let s = to % 64;
        let take = (64 - s).min(n);
        let m = (if take == 64 { u64::MAX } else { (1 << take) - 1 }) << s;
        let d = &mut dst[to / 64];
        *d = *d & !m | window(src, from) << s & m;
        (from, to, n) = (from + take, to + take, n - take);
    }
}

/// Packs bools (0 and 1) into a plane.
pub fn pack(bools: &[u8], plane: &mut [u64]) {
    assert_eq!(plane.len(), words(bools.len()));
    for (w, chunk) in plane.iter_mut().zip(bools.chunks(64)) {
        let mut acc = 0u64;
        let mut octets = chunk.chunks_exact(8);
        let mut shift = 0;
        for o in &mut octets {
            let v = u64::from_le_bytes([o[0], o[1], o[2], o[3], o[4], o[5], o[6], o[7]]) & 0x0101_0101_0101_0101;
            // Gathers the low bit of each byte into the top byte.
            acc |= (v.wrapping_mul(0x0102_0408_1020_4080) >> 56) << shift;
            shift += 8;
        }
        for b in octets.remainder() {
            acc |= ((b & 1) as u64) << shift;
            shift += 1;
        }
        *w = acc;
    }
}

/// Unpacks a plane into bools (0 and 1).
pub fn unpack(plane: &[u64], bools: &mut [u8]) {
    assert_eq!(plane.len(), words(bools.len()));
    for (w, chunk) in plane.iter().zip(bools.chunks_mut(64)) {
        for (i, b) in chunk.iter_mut().enumerate() {
            *b = (w >> i & 1) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize, seed: u64) -> Vec<u64> {
        (0..n as u64)
            .map(|i| (i + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23).wrapping_mul(0xBF58_476D_1CE4_E5B9))
            .collect()
    }

    #[test]
    fn copies_equal_bit_by_bit() {
        let src = noise(6, 3);
        for from in [0usize, 1, 63, 64, 65, 130] {
            for to in [0usize, 1, 5, 64, 127] {
                for n in [0usize, 1, 2, 63, 64, 65, 128, 200] {
                    let mut dst = noise(6, 99);
                    let mut want = dst.clone();
                    copy(&src, from, &mut dst, to, n);
                    for l in 0..n {
                        set(&mut want, to + l, get(&src, from + l));
                    }
                    assert_eq!(dst, want, "{from} {to} {n}");
                    let bit = from % 2 == 1;
                    fill_range(&mut dst, to, n, bit);
                    (0..n).for_each(|l| set(&mut want, to + l, bit));
                    assert_eq!(dst, want);
                }
            }
        }
    }

    #[test]
    fn packing_is_its_own_inverse_and_keeps_order() {
        for n in [0usize, 1, 7, 8, 9, 63, 64, 65, 200] {
            let bools: Vec<u8> = noise(n, 5).iter().map(|w| (w >> 40 & 1) as u8).collect();
            let mut plane = vec![u64::MAX; words(n)];
            pack(&bools, &mut plane);
            for (l, b) in bools.iter().enumerate() {
                assert_eq!(get(&plane, l), *b == 1);
            }
            assert_eq!(plane.last().copied().unwrap_or(0) & !tail(n), 0);
            let mut back = vec![7; n];
            unpack(&plane, &mut back);
            assert_eq!(back, bools);
        }
    }

    #[test]
    fn ands_of_shares_add_up() {
        let s: Vec<Vec<u64>> = (0..9).map(|i| noise(5, 1000 * i)).collect();
        let mut total = vec![0; 5];
        for i in 0..3 {
            let j = (i + 1) % 3;
            let mut z = vec![0; 5];
            product([&s[i], &s[j]], [&s[3 + i], &s[3 + j]], &s[6 + i], &s[6 + j], &mut z);
            xor_to(&z, &mut total);
        }
        for w in 0..5 {
            assert_eq!(total[w], (s[0][w] ^ s[1][w] ^ s[2][w]) & (s[3][w] ^ s[4][w] ^ s[5][w]));
        }
    }
}
