//! Matrix products over Z_2^k, blocked for the cache. Knows nothing of shares.

use crate::ring::Ring;
use crate::simd::kernel;

/// Columns per block: a strip of four rows of y and one of z stays in L1.
const COLS: usize = 512;

kernel! {
    /// z (m × n) += x (m × k) · y (k × n), row-major. Cost: m k n products.
    pub fn mul_acc<T: Ring>(m: usize, k: usize, n: usize, x: &[T], y: &[T], z: &mut [T]) = body
}

#[inline(always)]
fn body<T: Ring>(m: usize, k: usize, n: usize, x: &[T], y: &[T], z: &mut [T]) {
    assert!(x.len() == m * k && y.len() == k * n && z.len() == m * n);
    for lo in (0..n).step_by(COLS) {
        let hi = (lo + COLS).min(n);
        // A block of rows of y is used by all rows of x before the next is loaded.
        for k0 in (0..k).step_by(64) {
            let k1 = (k0 + 64).min(k);
            for i in 0..m {
                let z = &mut z[i * n + lo..i * n + hi];
                let mut t = k0;
                while t + 4 <= k1 {
                    let f = [x[i * k + t], x[i * k + t + 1], x[i * k + t + 2], x[i * k + t + 3]];
                    let row = |d: usize| &y[(t + d) * n + lo..(t + d) * n + hi];
                    let (y0, y1, y2, y3) = (row(0), row(1), row(2), row(3));
                    for j in 0..z.len() {
                        let s = f[0].mul(y0[j]).add(f[1].mul(y1[j])).add(f[2].mul(y2[j])).add(f[3].mul(y3[j]));
                        z[j] = z[j].add(s);
                    }
                    t += 4;
                }
                for t in t..k1 {
                    let f = x[i * k + t];
                    for (z, y) in z.iter_mut().zip(&y[t * n + lo..t * n + hi]) {
                        *z = z.add(f.mul(*y));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_definition() {
        for (m, k, n) in [(0, 1, 1), (1, 0, 2), (1, 1, 1), (3, 5, 2), (7, 130, 9), (2, 66, 600), (4, 4, 4)] {
            let word = |i: usize| (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let x: Vec<u64> = (0..m * k).map(word).collect();
            let y: Vec<u64> = (0..k * n).map(|i| word(i + 7777)).collect();
            let mut z = vec![5u64; m * n];
            mul_acc(m, k, n, &x, &y, &mut z);
            for i in 0..m {
                for j in 0..n {
                    let want = (0..k).fold(5u64, |a, t| a.wrapping_add(x[i * k + t].wrapping_mul(y[t * n + j])));
                    assert_eq!(z[i * n + j], want);
                }
            }
        }
    }
}
