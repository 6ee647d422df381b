//! Primitives among three nodes in one thread: results against plain arithmetic, at every width and awkward lengths.

use field::{Ring, bits, transpose};

use super::*;
use crate::{Purpose, SessionKeys, Tickets};

const LENGTHS: [usize; 8] = [0, 1, 63, 64, 65, 200, 1000, 5000];

pub(super) fn noise(n: usize, seed: u64) -> Vec<u128> {
    let mut s = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1;
    let mut word = move || {
        s = s.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (s ^ (s >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    (0..n).map(|_| (word() as u128) << 64 | word() as u128).collect()
}

fn keys() -> [SessionKeys; 3] {
    [0, 1, 2].map(|i| SessionKeys::insecure_from_seed(i, 42))
}

/// Sharings of random numbers: components by slot.
fn shares<T: Ring>(n: usize, seed: u64) -> [Vec<T>; 3] {
    [1, 2, 3].map(|s| noise(n, seed * 10 + s).into_iter().map(T::from_u128).collect())
}

fn planes(p: usize, lanes: usize, seed: u64) -> [Vec<u64>; 3] {
    let mut s = shares::<u64>(p * bits::words(lanes), seed);
    s.iter_mut().for_each(|v| bits::clear_tails(v, lanes));
    s
}

fn pair<T>(s: &[Vec<T>; 3], i: usize) -> Pair<'_, T> {
    [&s[i], &s[next(i)]]
}

fn plain<T: Ring>(s: &[Vec<T>; 3]) -> Vec<T> {
    (0..s[0].len()).map(|l| s[0][l].add(s[1][l]).add(s[2][l])).collect()
}

fn plain_bits(s: &[Vec<u64>; 3]) -> Vec<u64> {
    (0..s[0].len()).map(|l| s[0][l] ^ s[1][l] ^ s[2][l]).collect()
}

/// A node's components of two results, and after delivery of `a` of the next node to `b`, checks and opens them.
fn deliver<T: Ring + std::fmt::Debug>(
    mut out: Vec<[Vec<T>; 2]>,
    receive: impl Fn(usize, usize) -> bool,
) -> [Vec<T>; 3] {
    for i in 0..3 {
        for l in 0..out[i][1].len() {
            if receive(i, l) {
                out[i][1][l] = out[next(i)][0][l];
            }
        }
    }
    for i in 0..3 {
        assert_eq!(out[i][1], out[next(i)][0], "both holders of x_{} agree", next(i));
    }
    let mut it = out.into_iter().map(|[a, _]| a);
    std::array::from_fn(|_| it.next().unwrap())
}

fn words<T: Ring + std::fmt::Debug>() {
    let keys = keys();
    for n in LENGTHS {
        let (x, y) = (shares::<T>(n, 1), shares::<T>(n, 2));
        // Products, in pieces.
        let out = (0..3)
            .map(|i| {
                let mut d = Tickets::new().take(Purpose::Zero, 1, 0).unwrap().open();
                let (mut z, b) = (vec![T::default(); n], vec![T::default(); n]);
                let mut lo = 0;
                while lo < n {
                    let hi = (lo + 640).min(n);
                    let part = |v: &[Vec<T>; 3]| [v[i][lo..hi].to_vec(), v[next(i)][lo..hi].to_vec()];
                    let (px, py) = (part(&x), part(&y));
                    mul(&keys[i], &mut d, [&px[0], &px[1]], [&py[0], &py[1]], &mut z[lo..hi]).unwrap();
                    lo = hi;
                }
                [z, b]
            })
            .collect();
        let z = plain(&deliver(out, |_, _| true));
        let want: Vec<T> = plain(&x).iter().zip(plain(&y)).map(|(x, y)| x.mul(y)).collect();
        assert_eq!(z, want);
        // Dot products of groups of 5.
        let g = n / 5;
        let out = (0..3)
            .map(|i| {
                let mut d = Tickets::new().take(Purpose::Zero, 2, 0).unwrap().open();
                let mut z = vec![T::default(); g];
                dot(&keys[i], &mut d, pair(&x, i), pair(&y, i), 5, &mut z).unwrap();
                [z.clone(), z]
            })
            .collect();
        let sums: Vec<T> = (0..g).map(|g| (0..5).fold(T::default(), |a, j| a.add(want[g * 5 + j]))).collect();
        assert_eq!(plain(&deliver(out, |_, _| true)), sums);
        // Dealing by every node.
        for dealer in 0..3 {
            let value: Vec<T> = noise(n, 77).into_iter().map(T::from_u128).collect();
            let out = (0..3)
                .map(|i| {
                    let mut d = Tickets::new().take(Purpose::Deal, 3, 0).unwrap().open();
                    let mut c = [vec![T::default(); n], vec![T::default(); n]];
                    let [a, b] = &mut c;
                    deal(&keys[i], &mut d, dealer, (i == dealer).then_some(&value), a, b).unwrap();
                    c
                })
                .collect();
            assert_eq!(plain(&deliver(out, |i, _| i == previous(dealer))), value);
        }
        // Conversion to bits: the two words add up to x (or, negated, are equal iff x = 0).
        for p in [1, T::BITS as usize / 2, T::BITS as usize] {
            for neg in [false, true] {
                let w = bits::words(n);
                let t = thirds(n);
                let (mut first, mut second) = (vec![], vec![]);
                for i in 0..3 {
                    let mut tickets = Tickets::new();
                    let mut s = [vec![0u64; p * w], vec![0u64; p * w]];
                    let mut k = [vec![0u64; p * w], vec![0u64; p * w]];
                    for dealer in 0..3 {
                        let mut d = tickets.take(Purpose::Deal, 4, dealer as u32).unwrap().open();
                        let (lo, hi) = (t[dealer], t[dealer + 1]);
                        let part = [&x[i][lo..hi], &x[next(i)][lo..hi]];
                        let at = (lo / 64).min(p * w);
                        let [a, b] = &mut s;
                        a2b_deal(&keys[i], &mut d, dealer, part, p, w, &mut a[at..], &mut b[at..]).unwrap();
                        let [a, b] = &mut k;
                        a2b_known(i, dealer, part, neg, p, w, &mut a[at..], &mut b[at..]);
                    }
                    first.push(s);
                    second.push(k);
                }
                let third = |l: usize| (0..3).find(|r| (l % w.max(1)) * 64 < t[r + 1]).unwrap();
                let s = plain_bits(&deliver(first, |i, l| i == previous(third(l))));
                let k = plain_bits(&deliver(second, |_, _| false));
                let (mut sw, mut kw) = (vec![T::default(); n], vec![T::default(); n]);
                transpose::to_lanes(&s, p, w, &mut sw);
                transpose::to_lanes(&k, p, w, &mut kw);
                let m = T::mask(p as u32);
                for (l, x) in plain(&x).into_iter().enumerate() {
                    let got = if neg { sw[l].sub(kw[l]) } else { sw[l].add(kw[l]) };
                    assert_eq!(got.and(m), x.and(m));
                }
            }
        }
        // Bits to words.
        let bit = planes(1, n, 5);
        let t = thirds(n);
        let (mut first, mut second) = (vec![], vec![]);
        for i in 0..3 {
            let mut tickets = Tickets::new();
            let mut u = [vec![T::default(); n], vec![T::default(); n]];
            let mut v = [vec![T::default(); n], vec![T::default(); n]];
            for dealer in 0..3 {
                let mut d = tickets.take(Purpose::Deal, 5, dealer as u32).unwrap().open();
                let (lo, hi) = (t[dealer], t[dealer + 1]);
                let ws = lo / 64..hi.div_ceil(64);
                let part = [&bit[i][ws.clone()], &bit[next(i)][ws]];
                let [a, b] = &mut u;
                b2a_deal(&keys[i], &mut d, dealer, part, &mut a[lo..hi], &mut b[lo..hi]).unwrap();
                let [a, b] = &mut v;
                b2a_known(i, dealer, part, &mut a[lo..hi], &mut b[lo..hi]);
            }
            first.push(u);
            second.push(v);
        }
        let third = |l: usize| (0..3).find(|r| l < t[r + 1]).unwrap();
        let u = plain(&deliver(first, |i, l| i == previous(third(l))));
        let v = plain(&deliver(second, |_, _| false));
        let b = plain_bits(&bit);
        for l in 0..n {
            assert!(u[l].to_u128() < 2 && v[l].to_u128() < 2);
            assert_eq!(u[l].to_u128() ^ v[l].to_u128(), bits::get(&b, l) as u128);
        }
    }
}

#[test]
fn words_at_every_width() {
    words::<u8>();
    words::<u16>();
    words::<u32>();
    words::<u64>();
    words::<u128>();
}

#[test]
fn ands_at_awkward_lengths() {
    let keys = keys();
    for n in LENGTHS {
        for p in [1, 3, 64] {
            let (x, y) = (planes(p, n, 1), planes(p, n, 2));
            let out = (0..3)
                .map(|i| {
                    let mut d = Tickets::new().take(Purpose::Zero, 1, 0).unwrap().open();
                    let mut z = vec![0; p * bits::words(n)];
                    let mut lo = 0;
                    while lo < z.len() {
                        let hi = (lo + 14).min(z.len());
                        let (px, py) = (pair(&x, i).map(|v| &v[lo..hi]), pair(&y, i).map(|v| &v[lo..hi]));
                        and(&keys[i], &mut d, px, py, n, lo, &mut z[lo..hi]).unwrap();
                        lo = hi;
                    }
                    // Bits past the last lane are 0, so that the message is canonical.
                    let mut clean = z.clone();
                    bits::clear_tails(&mut clean, n);
                    assert_eq!(clean, z);
                    [z.clone(), z]
                })
                .collect();
            let want: Vec<u64> = plain_bits(&x).iter().zip(plain_bits(&y)).map(|(x, y)| x & y).collect();
            assert_eq!(plain_bits(&deliver(out, |_, _| true)), want);
        }
    }
}

#[test]
fn thirds_follow_the_published_rule() {
    for n in [0usize, 1, 64, 191, 192, 193, 1000, 100_000] {
        assert_eq!(thirds(n).map(|t| t as u64).to_vec(), spec::parts(n as u64, 3));
    }
}

/// Chi-square of the bytes of a node's messages over many sessions with fixed operands: uniform, and so not a function of
/// the operands. 255 degrees of freedom: mean 255, deviation 22.6.
#[test]
fn messages_are_uniform() {
    let mut counts = [[0u64; 256]; 4];
    let ones = vec![1u64; 64];
    let zeros = vec![0u64; 64];
    for session in 0..200 {
        for i in 0..3 {
            let keys = SessionKeys::insecure_from_seed(i, session);
            let mut tickets = Tickets::new();
            let mut z = vec![0; 64];
            let mut d = tickets.take(Purpose::Zero, 0, 0).unwrap().open();
            mul(&keys, &mut d, [&ones, &zeros], [&ones, &zeros], &mut z).unwrap();
            u64::bytes(&z).iter().for_each(|b| counts[0][*b as usize] += 1);
            let mut d = tickets.take(Purpose::Zero, 1, 0).unwrap().open();
            and(&keys, &mut d, [&ones, &zeros], [&zeros, &ones], 64 * 64, 0, &mut z).unwrap();
            u64::bytes(&z).iter().for_each(|b| counts[1][*b as usize] += 1);
            let mut d = tickets.take(Purpose::Zero, 2, 0).unwrap().open();
            dot(&keys, &mut d, [&ones, &zeros], [&ones, &zeros], 1, &mut z).unwrap();
            u64::bytes(&z).iter().for_each(|b| counts[2][*b as usize] += 1);
            let mut d = tickets.take(Purpose::Deal, 3, 0).unwrap().open();
            let mut b = vec![0; 64];
            deal(&keys, &mut d, i, Some(&ones), &mut z, &mut b).unwrap();
            u64::bytes(&z).iter().for_each(|b| counts[3][*b as usize] += 1);
        }
    }
    for counts in counts {
        let total: u64 = counts.iter().sum();
        let mean = total as f64 / 256.0;
        let chi: f64 = counts.iter().map(|c| (*c as f64 - mean).powi(2) / mean).sum();
        assert!((255.0 - 130.0..255.0 + 130.0).contains(&chi), "{chi}");
    }
}
