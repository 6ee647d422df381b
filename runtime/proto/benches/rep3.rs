//! Rates of the kernels on one core, with the physical limit beside: `cargo bench -p mpcc-proto`.
//!
//! The limits are measured here too: what memory and the generator alone allow.

use std::hint::black_box;
use std::time::Instant;

use field::{Key, Ring, matrix, transpose};
use proto::rep3;
use proto::{Purpose, SessionKeys, Tickets};

/// Best of several runs, in seconds.
fn best(mut f: impl FnMut()) -> f64 {
    (0..7)
        .map(|_| {
            let start = Instant::now();
            f();
            start.elapsed().as_secs_f64()
        })
        .fold(f64::MAX, f64::min)
}

fn line(name: &str, rate: f64, unit: &str, limit: f64) {
    println!("{name:<44} {:>8.3} G{unit}/s   limit {:>8.3}", rate / 1e9, limit / 1e9);
}

fn main() {
    let key = Key::new(&[1; 16]);
    let mut small = vec![0u8; 32 << 10];
    let prg = small.len() as f64 * 64.0 / best(|| (0..64).for_each(|i| key.fill(i << 64, 0, black_box(&mut small))));
    let portable = Key::portable(&[1; 16]);
    let slow =
        small.len() as f64 * 64.0 / best(|| (0..64).for_each(|i| portable.fill(i << 64, 0, black_box(&mut small))));
    line("generator, 32 KiB", prg, "B", prg);
    line("generator, portable", slow, "B", prg);

    for (place, n) in [("in cache", 8 << 10), ("in memory", 8 << 20)] {
        let v: Vec<Vec<u64>> = (0..4).map(|s| (0..n as u64).map(|i| i.wrapping_mul(s + 3)).collect()).collect();
        let mut z = vec![0u64; n];
        let rounds = (1 << 23) / n;
        let keys = SessionKeys::insecure_from_seed(0, 1);
        let mut tickets = Tickets::new();
        let mut step = 0;
        let mut draw = || {
            step += 1;
            tickets.take(Purpose::Zero, step, 0).expect("in order").open()
        };
        // Four words in, one out.
        let stream = (n * rounds) as f64
            / best(|| {
                for _ in 0..rounds {
                    for ((((z, a), b), c), d) in z.iter_mut().zip(&v[0]).zip(&v[1]).zip(&v[2]).zip(&v[3]) {
                        *z = a ^ b ^ c ^ d;
                    }
                    black_box(&mut z);
                }
            });
        // Per word: 16 bytes of generator output and the memory's time.
        let limit = 1.0 / (16.0 / prg + 1.0 / stream);
        let t = best(|| {
            for _ in 0..rounds {
                rep3::mul(&keys, &mut draw(), [&v[0], &v[1]], [&v[2], &v[3]], &mut z).expect("in range");
                black_box(&mut z);
            }
        });
        line(&format!("products u64, {place}"), (n * rounds) as f64 / t, "op", limit);
        let t = best(|| {
            for _ in 0..rounds {
                rep3::and(&keys, &mut draw(), [&v[0], &v[1]], [&v[2], &v[3]], n * 64, 0, &mut z).expect("in range");
                black_box(&mut z);
            }
        });
        line(&format!("ands, {place}"), (n * rounds * 64) as f64 / t, "op", limit * 64.0);
        let t = best(|| {
            for _ in 0..rounds {
                black_box(field::ring::dot([&v[0], &v[1]], [&v[2], &v[3]]));
            }
        });
        line(&format!("dot product u64, {place}"), (n * rounds) as f64 / t, "op", stream);
        let mut planes = vec![0u64; n];
        let t = best(|| {
            for _ in 0..rounds {
                transpose::to_planes(&v[0], 64, n / 64, &mut planes);
                black_box(&mut planes);
            }
        });
        line(&format!("words u64 to planes, {place}"), (n * rounds) as f64 / t, "word", stream);
        let bytes = u64::bytes(&v[0]).to_vec();
        let t = best(|| {
            for _ in 0..rounds {
                transpose::to_planes(&bytes, 8, n / 8, &mut planes);
                black_box(&mut planes);
            }
        });
        line(&format!("words u8 to planes, {place}"), (8 * n * rounds) as f64 / t, "word", 8.0 * stream);
    }

    let n = 512;
    let x: Vec<u64> = (0..n * n).map(|i| i as u64).collect();
    let mut z = vec![0u64; n * n];
    let t = best(|| matrix::mul_acc(n, n, n, &x, &x, black_box(&mut z)));
    println!("matrix 512 x 512 u64, one of the two products of shares: {:.3} s", t);
}
