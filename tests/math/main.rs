//! Elementary functions of the library: their errors over their whole ranges, in the clear, and that shares give the same;
//! statistics and sorting with them.
//!
//! `MPCC_MATH=1000000` draws so many numbers for each function. Knows what `stdlib/math.mpc` promises.

use eval::testing::Rng;
use eval::{Shape, Value};
use mpcc_tests::check;
use mpcc_tests::ladder::{Climb, bound, climb, climb_within};
use std::collections::BTreeMap;

/// A unit of the last place.
const ULP: f64 = 1.0 / 65536.0;

/// A function of one number: name, range, true value, and the greatest error in units of the last place for a result.
struct Function {
    name: &'static str,
    low: f64,
    high: f64,
    exact: fn(f64) -> f64,
    error: fn(f64) -> f64,
    /// Whether it is defined for a number of the range.
    takes: fn(f64) -> bool,
}

const fn f(name: &'static str, low: f64, high: f64, exact: fn(f64) -> f64, error: fn(f64) -> f64) -> Function {
    Function { name, low, high, exact, error, takes: |_| true }
}

/// All that a `fixed` can be, nearly.
const ALL: f64 = 140737488355327.0;

/// By its series: exact to far below a unit for |x| up to 4.
fn erf(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..120 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    if x.abs() > 4.5 { x.signum() } else { sum * 2.0 / std::f64::consts::PI.sqrt() }
}

/// `1`, or so much of the result where that is more.
fn or_part(result: f64, power: i32) -> f64 {
    f64::max(1.0, result.abs() * 2f64.powi(power) / ULP)
}

fn functions() -> Vec<Function> {
    vec![
        f("abs", -ALL, ALL, f64::abs, |_| 0.0),
        // As far as a double holds every word.
        f("floor", -6e10, 6e10, f64::floor, |_| 0.0),
        f("round", -6e10, 6e10, |x| (x + 0.5).floor(), |_| 0.0),
        Function { takes: |x| x != 0.0, ..f("recip", -ALL, ALL, f64::recip, |y| or_part(y, -26)) },
        f("sqrt", 0.0, ALL, f64::sqrt, |y| or_part(y, -26)),
        Function { takes: |x| x > 0.0, ..f("rsqrt", ULP, ALL, |x| x.sqrt().recip(), |_| 1.0) },
        f("exp", -ALL, 21.48, f64::exp, |y| or_part(y, -24)),
        Function { takes: |x| x > 0.0, ..f("ln", ULP, ALL, f64::ln, |_| 1.0) },
        Function { takes: |x| x > 0.0, ..f("log2", ULP, ALL, f64::log2, |_| 1.0) },
        f("sin", -1000.0, 1000.0, f64::sin, |_| 1.0),
        f("cos", -1000.0, 1000.0, f64::cos, |_| 1.0),
        Function {
            takes: |x| x.cos().abs() >= 1.0 / 256.0,
            ..f("tan", -1000.0, 1000.0, f64::tan, |y| f64::max(2.0, y.abs() * 2f64.powi(-12) / ULP))
        },
        f("atan", -ALL, ALL, f64::atan, |_| 1.0),
        f("sigmoid", -ALL, ALL, |x| 1.0 / (1.0 + (-x).exp()), |_| 1.0),
        f("tanh", -ALL, ALL, f64::tanh, |_| 1.0),
        f("erf", -ALL, ALL, erf, |_| 1.0),
    ]
}

/// Numbers of a range: its ends, and others of every size.
fn draw(low: f64, high: f64, count: usize, rng: &mut Rng) -> Vec<i64> {
    let word = |x: f64| (x / ULP).clamp(i64::MIN as f64 + 1.0, i64::MAX as f64 - 1024.0) as i64;
    let (lo, hi) = (word(low), word(high));
    let mut out = vec![lo, hi];
    while out.len() < count {
        let w = match rng.below(3) {
            0 => lo.wrapping_add((u128::from(rng.bits()) % (hi as i128 - lo as i128) as u128) as i64),
            _ => (rng.bits() as i64) >> (1 + rng.below(62)),
        };
        if lo <= w && w <= hi {
            out.push(w);
        }
    }
    out
}

/// What a program of one parameter `x: [fixed; N]`, or also `y`, computes in the reference evaluator.
fn compute(body: &str, columns: &[Vec<i64>]) -> Vec<i64> {
    let more = if columns.len() > 1 { ", y: [fixed; N] from P" } else { "" };
    let text = format!(
        "use std::math;\nparty P;\nfn main<N: size>(x: [fixed; N] from P{more}) -> [fixed; N] {{ reveal({body}) }}\n"
    );
    let checked = check(&text);
    assert!(checked.ok(), "{text}\n{:?}", checked.diags.iter().map(|d| &d.message).collect::<Vec<_>>());
    let bound = bound(&checked, &BTreeMap::from([("N".to_string(), columns[0].len() as u64)]));
    let main = checked.program.f(checked.program.main.unwrap());
    let values = main.params.iter().zip(columns).map(|(p, words)| {
        let ty = sema::layout::close(&p.ty, &bound.env).unwrap();
        let shape = Shape::of(&checked.program, &ty, &bound.env.families).unwrap();
        let bits = words.iter().map(|w| u128::from(*w as u64)).collect();
        Value::from_columns(&shape, vec![bits], true).unwrap()
    });
    let out = eval::run_main(&checked.program, &bound.env, values.collect()).map_err(|e| e.what).unwrap();
    out.to_columns().remove(0).into_iter().map(|v| v as u64 as i64).collect()
}

/// How many numbers are drawn for each function.
fn count() -> usize {
    std::env::var("MPCC_MATH").ok().and_then(|s| s.parse().ok()).unwrap_or(4000)
}

#[test]
fn errors_stay_within_their_bounds() {
    let mut rng = Rng::new(7);
    let mut wrong = vec![];
    for f in functions() {
        let mut left = count();
        let mut worst = (0.0, 0.0);
        while left > 0 {
            let part = left.min(10_000);
            left -= part;
            let mut words = draw(f.low, f.high, part, &mut rng);
            words.retain(|w| (f.takes)(*w as f64 * ULP));
            let got = compute(&format!("x.map(|v| math::{}(v))", f.name), &[words.clone()]);
            for (w, g) in words.iter().zip(got) {
                let x = *w as f64 * ULP;
                let y = (f.exact)(x);
                let error = (g as f64 - y / ULP).abs();
                // A double has 53 bits.
                let slack = (y / ULP).abs() * 2f64.powi(-51);
                let part = error / f64::max((f.error)(y), 1e-9);
                if part > worst.0 {
                    worst = (part, error);
                }
                if error > (f.error)(y) + slack {
                    wrong.push(format!("{}({x}) is {}, not {y}: {error} units", f.name, g as f64 * ULP));
                }
            }
        }
        println!("{:8} worst {:.3} units, {:.2} of the bound", f.name, worst.1, worst.0);
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(12)].join("\n"));
}

#[test]
fn powers_stay_within_their_bounds() {
    let mut rng = Rng::new(8);
    let (mut xs, mut ys) = (vec![], vec![]);
    while xs.len() < count() {
        let x = draw(ULP, ALL, 3, &mut rng)[2];
        let y = draw(-100.0, 100.0, 3, &mut rng)[2];
        let log = (y as f64 * ULP) * (x as f64 * ULP).log2();
        if log.abs() < 65536.0 && log < 30.9 {
            xs.push(x);
            ys.push(y);
        }
    }
    let got = compute("x.zip(y).map(|(a, b)| math::pow(a, b))", &[xs.clone(), ys.clone()]);
    for ((x, y), g) in xs.iter().zip(&ys).zip(got) {
        let (x, y) = (*x as f64 * ULP, *y as f64 * ULP);
        let z = x.powf(y);
        let allowed = f64::max(1.0, z * f64::max(1.0, y.abs()) * 2f64.powi(-24) / ULP);
        let error = (g as f64 - z / ULP).abs();
        assert!(error <= allowed, "{x}^{y} is {}, not {z}: {error} units", g as f64 * ULP);
    }
}

/// All of them among three machines: what the reference evaluator says, at what the tables promise.
#[test]
fn shares_give_the_same() {
    let names: Vec<&str> = functions().iter().map(|f| f.name).collect();
    for names in names.chunks(4) {
        let calls: Vec<String> = names.iter().map(|n| format!("reveal(x.map(|v| math::{n}(v)))")).collect();
        let text = format!(
            "use std::math;\nparty P;\nfn main<N: size>(x: [fixed; N] from P) -> ({}) {{ ({}) }}\n",
            vec!["[fixed; N]"; names.len()].join(", "),
            calls.join(", ")
        );
        let checked = check(&text);
        assert!(checked.ok(), "{text}");
        let bound = bound(&checked, &BTreeMap::from([("N".to_string(), 5)]));
        let words = [1i64, 65536, -98304, 7 << 40, 123456].map(|w| u128::from(w as u64));
        match climb(&checked, &bound, &[vec![words.to_vec()]]) {
            Ok(Climb::Agree { rounds, .. }) => println!("{names:?}: {rounds} rounds"),
            Ok(other) => panic!("{names:?}: {other:?}"),
            Err(e) => panic!("{names:?}: {e}"),
        }
    }
}

/// Statistics and sorting, at a size that is no power of two: on shares as in the clear, and as anybody computes them.
#[test]
fn statistics_of_shares() {
    let text = "use std::sort;\nuse std::stats;\nparty P;\nfn main<N: size>(x: [fixed; N] from P) -> ([fixed; N], fixed, fixed, fixed, [fixed; 2]) {
        let pairs = x.enumerate().map(|(i, v)| (i as u8, v));
        let back = sort::sort_by_key(pairs, |p| -p.1).map(|p| p.1);
        (reveal(sort::sort(x) + back), reveal(stats::mean(x)), reveal(stats::stdev(x)), reveal(stats::quantile::<N, 30>(x)), reveal(sort::top_k::<fixed, N, 2>(x)))
    }\n";
    let checked = check(text);
    assert!(checked.ok(), "{:?}", checked.diags.iter().map(|d| &d.message).collect::<Vec<_>>());
    let bound = bound(&checked, &BTreeMap::from([("N".to_string(), 6)]));
    let numbers = [3.0, -1.5, 8.0, 0.5, 2.0, 7.5];
    let words = numbers.map(|x: f64| u128::from((x / ULP) as i64 as u64));
    let got = match climb(&checked, &bound, &[vec![words.to_vec()]]) {
        Ok(Climb::Agree { result, .. }) => result,
        other => panic!("{other:?}"),
    };
    let number = |v: u128| v as u64 as i64 as f64 * ULP;
    // Each number in ascending order, and the one at its place in descending order.
    let sums: Vec<f64> = got[0].iter().map(|v| number(*v)).collect();
    assert_eq!(sums, [6.5, 8.0, 5.0, 5.0, 8.0, 6.5]);
    assert!((number(got[1][0]) - 3.25).abs() <= ULP);
    assert!((number(got[2][0]) - 3.8046).abs() < 0.001);
    assert!((number(got[3][0]) - 1.25).abs() <= ULP);
    assert_eq!(got[4].iter().map(|v| number(*v)).collect::<Vec<_>>(), [8.0, 7.5]);
}

/// Products under `#![fixed(fast)]`: the floor or one unit less on every rung, each of them somewhere, in fewer rounds than the
/// exact ones; and what is promised is what is sent.
#[test]
fn fast_products_are_within_a_unit() {
    let mut rounds = vec![];
    for fast in ["", "#![fixed(fast)]\n"] {
        let text = format!(
            "{fast}party P, Q;\nfn main<N: size>(x: [fixed; N] from P, y: [fixed; N] from Q) -> [fixed; N] {{ reveal(x * y) }}\n"
        );
        let checked = check(&text);
        assert!(checked.ok(), "{:?}", checked.diags.iter().map(|d| &d.message).collect::<Vec<_>>());
        let bound = bound(&checked, &BTreeMap::from([("N".to_string(), 700)]));
        let mut rng = Rng::new(3);
        // |x y| < 2^62 as words.
        let mut words =
            || (0..700).map(|_| u128::from(((rng.bits() as i64) >> (33 + rng.below(30))) as u64)).collect::<Vec<_>>();
        let inputs = [vec![words()], vec![words()]];
        let less = u64::from(!fast.is_empty());
        match climb_within(&checked, &bound, &inputs, less) {
            Ok(Climb::Agree { rounds: n, bytes, result }) => {
                let exact = |k: usize| {
                    let word = |v: u128| i128::from(v as u64 as i64);
                    ((word(inputs[0][0][k]) * word(inputs[1][0][k])) >> 16) as i64
                };
                let lower = (0..700).filter(|k| result[0][*k] as u64 as i64 == exact(*k) - 1).count();
                println!("{fast:?}: {n} rounds, {bytes:?} bytes, {lower} of 700 one less");
                assert_eq!(lower > 0, less == 1);
                assert!(lower < 700);
                rounds.push(n);
            }
            other => panic!("{fast} {other:?}"),
        }
    }
    assert!(rounds[1] + 4 <= rounds[0], "{rounds:?}");
}
