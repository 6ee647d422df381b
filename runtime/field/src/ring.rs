//! Rings Z_2^k for k = 8, 16, 32, 64, 128 and lane-wise kernels over them. Knows nothing of shares but the shape of their
//! products.
//!
//! All slices of one call have equal lengths; a kernel panics otherwise (its callers are ours alone).

use crate::simd::kernel;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A machine word seen as an element of Z_2^k.
pub trait Ring:
    Copy + Default + PartialEq + Send + Sync + 'static + FromBytes + IntoBytes + Immutable + KnownLayout + zeroize::Zeroize
{
    /// k.
    const BITS: u32;
    /// k / 8.
    const BYTES: usize;
    /// Sum mod 2^k.
    fn add(self, o: Self) -> Self;
    /// Difference mod 2^k.
    fn sub(self, o: Self) -> Self;
    /// Product mod 2^k.
    fn mul(self, o: Self) -> Self;
    /// Bitwise and.
    fn and(self, o: Self) -> Self;
    /// x mod 2^k.
    fn from_u128(x: u128) -> Self;
    /// The least non-negative representative.
    fn to_u128(self) -> u128;
    /// 2^bits - 1 (all ones for bits >= k).
    fn mask(bits: u32) -> Self {
        Self::from_u128(if bits >= 128 { u128::MAX } else { (1u128 << bits) - 1 })
    }
    /// The memory of a slice.
    fn bytes(s: &[Self]) -> &[u8] {
        s.as_bytes()
    }
    /// The memory of a slice.
    fn bytes_mut(s: &mut [Self]) -> &mut [u8] {
        s.as_mut_bytes()
    }
}

macro_rules! ring {
    ($($t:ty),*) => { $(
        impl Ring for $t {
            const BITS: u32 = <$t>::BITS;
            const BYTES: usize = (<$t>::BITS / 8) as usize;
            #[inline(always)]
            fn add(self, o: Self) -> Self { self.wrapping_add(o) }
            #[inline(always)]
            fn sub(self, o: Self) -> Self { self.wrapping_sub(o) }
            #[inline(always)]
            fn mul(self, o: Self) -> Self { self.wrapping_mul(o) }
            #[inline(always)]
            fn and(self, o: Self) -> Self { self & o }
            #[inline(always)]
            fn from_u128(x: u128) -> Self { x as $t }
            #[inline(always)]
            #[allow(clippy::unnecessary_cast)]
            fn to_u128(self) -> u128 { self as u128 }
        }
    )* };
}
ring!(u8, u16, u32, u64, u128);

kernel! {
    /// z = xa (ya + yb) + xb ya + (r - s): the local part of a product of shares (xa, xb), (ya, yb), masked by r - s.
    pub fn product<T: Ring>(x: [&[T]; 2], y: [&[T]; 2], r: &[T], s: &[T], z: &mut [T]) = product_body
}

#[inline(always)]
fn product_body<T: Ring>(x: [&[T]; 2], y: [&[T]; 2], r: &[T], s: &[T], z: &mut [T]) {
    let n = z.len();
    let (xa, xb, ya, yb, r, s) = (&x[0][..n], &x[1][..n], &y[0][..n], &y[1][..n], &r[..n], &s[..n]);
    for i in 0..n {
        let p = xa[i].mul(ya[i].add(yb[i])).add(xb[i].mul(ya[i]));
        z[i] = p.add(r[i].sub(s[i]));
    }
}

kernel! {
    /// Sum over a group of xa (ya + yb) + xb ya: the local part of a dot product, not masked.
    pub fn dot<T: Ring>(x: [&[T]; 2], y: [&[T]; 2]) -> T = dot_body
}

#[inline(always)]
fn dot_body<T: Ring>(x: [&[T]; 2], y: [&[T]; 2]) -> T {
    let n = x[0].len();
    let (xa, xb, ya, yb) = (&x[0][..n], &x[1][..n], &y[0][..n], &y[1][..n]);
    // Four sums hide the latency of the multiplier.
    let mut acc = [T::default(); 4];
    let body = n / 4 * 4;
    for i in (0..body).step_by(4) {
        for (j, acc) in acc.iter_mut().enumerate() {
            let k = i + j;
            *acc = acc.add(xa[k].mul(ya[k].add(yb[k])).add(xb[k].mul(ya[k])));
        }
    }
    for k in body..n {
        acc[0] = acc[0].add(xa[k].mul(ya[k].add(yb[k])).add(xb[k].mul(ya[k])));
    }
    acc[0].add(acc[1]).add(acc[2]).add(acc[3])
}

/// z = x + y.
#[inline]
pub fn add<T: Ring>(x: &[T], y: &[T], z: &mut [T]) {
    assert!(x.len() == z.len() && y.len() == z.len());
    for ((z, x), y) in z.iter_mut().zip(x).zip(y) {
        *z = x.add(*y);
    }
}

/// z = x - y.
#[inline]
pub fn sub<T: Ring>(x: &[T], y: &[T], z: &mut [T]) {
    assert!(x.len() == z.len() && y.len() == z.len());
    for ((z, x), y) in z.iter_mut().zip(x).zip(y) {
        *z = x.sub(*y);
    }
}

/// z = x y.
#[inline]
pub fn mul<T: Ring>(x: &[T], y: &[T], z: &mut [T]) {
    assert!(x.len() == z.len() && y.len() == z.len());
    for ((z, x), y) in z.iter_mut().zip(x).zip(y) {
        *z = x.mul(*y);
    }
}

/// z += x.
#[inline]
pub fn add_to<T: Ring>(x: &[T], z: &mut [T]) {
    assert!(x.len() == z.len());
    for (z, x) in z.iter_mut().zip(x) {
        *z = z.add(*x);
    }
}

/// z = (z + x + y) mod 2^bits: the end of an opening.
#[inline]
pub fn open<T: Ring>(x: &[T], y: &[T], bits: u32, z: &mut [T]) {
    assert!(x.len() == z.len() && y.len() == z.len());
    let m = T::mask(bits);
    for ((z, x), y) in z.iter_mut().zip(x).zip(y) {
        *z = z.add(x.add(*y)).and(m);
    }
}

/// Sum of all.
#[inline]
pub fn sum<T: Ring>(x: &[T]) -> T {
    x.iter().fold(T::default(), |a, b| a.add(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Ring + std::fmt::Debug>() {
        let v = |seed: u128, n: usize| -> Vec<T> {
            (0..n as u128)
                .map(|i| T::from_u128((i + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)))
                .collect()
        };
        for n in [0usize, 1, 3, 4, 5, 17, 64] {
            // Three shares of x and y; the three local parts add up to the product.
            let (x, y, r) = ([v(1, n), v(2, n), v(3, n)], [v(4, n), v(5, n), v(6, n)], [v(7, n), v(8, n), v(9, n)]);
            let (mut sum_z, mut sum_d) = (vec![T::default(); n], T::default());
            for i in 0..3 {
                let j = (i + 1) % 3;
                let mut z = vec![T::default(); n];
                product([&x[i], &x[j]], [&y[i], &y[j]], &r[i], &r[j], &mut z);
                add_to(&z, &mut sum_z);
                sum_d = sum_d.add(dot([&x[i], &x[j]], [&y[i], &y[j]]));
            }
            let mut total = T::default();
            for l in 0..n {
                let open = |s: &[Vec<T>; 3]| s[0][l].add(s[1][l]).add(s[2][l]);
                assert_eq!(sum_z[l], open(&x).mul(open(&y)));
                total = total.add(sum_z[l]);
            }
            assert_eq!(sum_d, total);
        }
    }

    #[test]
    fn products_of_shares_add_up() {
        check::<u8>();
        check::<u16>();
        check::<u32>();
        check::<u64>();
        check::<u128>();
    }
}
