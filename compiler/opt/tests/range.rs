//! The pass `range`: its text, its meaning on random programs with inputs of declared ranges, and what it saves.

mod common;
#[path = "common/random.rs"]
mod random;

use circuit::testing::Rng;
use circuit::{Bin, Builder, Circuit, Column, Elem, Len, Level, Recipient, Red, Un};
use common::{column, eval, lanes};
use opt::Profile;
use opt::cost::{Cost, cost};

fn price(c: &Circuit) -> (Circuit, Cost) {
    let done = opt::compile(c.clone(), &spec::REP3, &Profile::LAN).unwrap();
    let price = cost(&done.gates, &done.schedule, &spec::REP3, &Profile::LAN).unwrap();
    (done.gates, price)
}
fn without(c: &Circuit) -> Cost {
    let done = opt::compile_without(c.clone(), &spec::REP3, &Profile::LAN, &["range"]).unwrap();
    cost(&done.gates, &done.schedule, &spec::REP3, &Profile::LAN).unwrap()
}
fn busiest(c: &Cost) -> u128 {
    c.bytes_sent().into_iter().max().unwrap()
}

/// Sum over pairs of x y where x y < z, of inputs up to 4000.
fn small(n: u64) -> Circuit {
    let mut b = Builder::new(Level::Program);
    let a = b.party("A", None);
    let e = Elem::u(64);
    let ins: Vec<_> = ["x", "y", "z"].iter().map(|name| b.input(Some(a), name, e, n)).collect();
    let ins: Vec<_> = ins.into_iter().map(|w| b.share(w).unwrap()).collect();
    let p = b.bin(Bin::Mul, ins[0], ins[1]).unwrap();
    let lt = b.bin(Bin::Lt, p, ins[2]).unwrap();
    let zero = b.constant(0, e, Len::Const(n));
    let s = b.select(lt, p, zero).unwrap();
    let sum = b.reduce(Red::Add, s, Len::Const(n)).unwrap();
    let r = b.reveal(sum, Recipient::All).unwrap();
    b.output(None, "result", r);
    let mut c = b.finish();
    c.inputs.iter_mut().for_each(|i| i.range = Some((0, 4000)));
    c
}

#[test]
fn before_and_after() {
    let mut c = small(100);
    assert!(opt::range::range(&mut c));
    opt::simplify::simplify(&mut c);
    let text = circuit::text::print(&c);
    let want = include_str!("range.txt");
    if std::env::var_os("MPCC_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/range.txt"), &text).unwrap();
    } else {
        assert_eq!(text, want);
    }
}

#[test]
fn small_values_take_small_words() {
    let c = small(100);
    let ins: Vec<Column> =
        (0..3u128).map(|k| column(Elem::u(64), (0..100).map(|l| (l * 37 + k * 1001) * (l + k) % 4001))).collect();
    let (gates, narrow) = price(&c);
    assert_eq!(lanes(&eval(&gates, &ins, 1)[0]), lanes(&eval(&c, &ins, 0)[0]));
    let wide = without(&c);
    assert!(narrow.rounds <= wide.rounds);
    // A lane: three inputs of 16 bits and one of 12 planes, a product of 32, 24 bits dealt and added, their comparison, a
    // bit dealt to a ring of 32; and at last a product and 31 bits.
    assert_eq!((narrow.rounds, busiest(&narrow), narrow.gates["and"]), (19, 3623, 13_900));
    assert!(busiest(&wide) > 10_000, "{}", busiest(&wide));
}

/// Random programs on inputs whose declared ranges are what the inputs span: all draws from these give what they gave.
#[test]
fn random_programs_keep_their_meaning() {
    let from = std::env::var("SEED").ok().and_then(|s| s.parse().ok());
    let seeds = from.map_or(0..1500, |s: u64| s..s + 1);
    let mut narrowed = 0;
    for seed in seeds {
        let (mut c, mut inputs) = random::program(seed);
        let mut rng = Rng::new(seed ^ 0x5eed);
        // Few bits, so that there is something to narrow; some of them below 0.
        for (i, col) in c.inputs.iter_mut().zip(&mut inputs) {
            if i.elem == Elem::Bool || rng.one_in(4) {
                continue;
            }
            let bits = 1 + rng.below(7) as u32;
            let low = |v: u128| if i.elem.signed() && v & 64 != 0 { !(v % (1 << bits)) } else { v % (1 << bits) };
            *col = column(i.elem, lanes(col).into_iter().map(low));
            let value = |v: &u128| i.elem.extend(*v) as i128;
            let all = lanes(col);
            let (Some(lo), Some(hi)) = (all.iter().copied().min_by_key(value), all.iter().copied().max_by_key(value))
            else {
                continue;
            };
            if i.elem.signed() || i.elem.bits() < 128 {
                i.range = Some((lo, hi));
            }
        }
        let mut after = c.clone();
        narrowed += u32::from(opt::range::range(&mut after));
        if let Err(p) = circuit::verify::verify(&after) {
            let all: Vec<String> = p.iter().map(|p| p.to_string()).collect();
            panic!("seed {seed}: {}\n{}\n{}", all.join("\n"), common::c_text(&c), common::c_text(&after));
        }
        let (gates, _) = price(&c);
        for draw in 0..4 {
            let drawn: Vec<Column> = c
                .inputs
                .iter()
                .zip(&inputs)
                .map(|(i, col)| match i.range {
                    Some((lo, hi)) => {
                        let (lo, hi) = (i.elem.extend(lo) as i128, i.elem.extend(hi) as i128);
                        let one = |r: &mut Rng| match r.below(4) {
                            0 => lo,
                            1 => hi,
                            _ => lo + (r.wide() % ((hi - lo) as u128 + 1)) as i128,
                        };
                        column(i.elem, (0..col.len()).map(|_| one(&mut rng) as u128).collect::<Vec<_>>())
                    }
                    None => col.clone(),
                })
                .collect();
            let drawn = if draw == 0 { inputs.clone() } else { drawn };
            let run = |c: &Circuit| {
                circuit::interp::run(c, &drawn, &mut circuit::interp::NoBlocks, 1)
                    .map(|o| o.iter().map(lanes).collect::<Vec<_>>())
                    .map_err(|e| e.to_string())
            };
            let want = run(&c);
            for (name, got) in [("range", run(&after)), ("schedule", run(&gates))] {
                assert!(
                    got == want || got.is_err() && want.is_err(),
                    "seed {seed}, after {name}: {got:?} where {want:?}\n{}\n{}",
                    common::c_text(&c),
                    common::c_text(&after)
                );
            }
        }
    }
    assert!(from.is_some() || narrowed > 1000, "{narrowed}");
}

/// Exact at the ends of what is declared: every operation on two words of all pairs of a range.
#[test]
fn every_pair_of_a_range() {
    for (e, lo, hi) in
        [(Elem::u(64), 0i128, 21i128), (Elem::i(64), -9, 12), (Elem::i(32), -17, -3), (Elem::u(16), 3, 24)]
    {
        let span: Vec<i128> = (lo..=hi).collect();
        let n = (span.len() * span.len()) as u64;
        let mut b = Builder::new(Level::Program);
        let a = b.party("A", None);
        let (x, y) = (b.input(Some(a), "x", e, n), b.input(Some(a), "y", e, n));
        let (x, y) = (b.share(x).unwrap(), b.share(y).unwrap());
        let bins = [Bin::Add, Bin::Sub, Bin::Mul, Bin::And, Bin::Or, Bin::Xor, Bin::Lt, Bin::Eq, Bin::Div, Bin::Rem];
        let mut made: Vec<_> = bins.iter().map(|op| b.bin(*op, x, y).unwrap()).collect();
        made.push(b.un(Un::Neg, x).unwrap());
        made.push(b.un(Un::Not, x).unwrap());
        for by in [0u128, 1, 3, 63, 200] {
            let by = b.constant(by, Elem::u(8), Len::Const(n));
            made.push(b.bin(Bin::Shl, x, by).unwrap());
            made.push(b.bin(Bin::Shr, x, by).unwrap());
        }
        for to in [Elem::u(8), Elem::i(8), Elem::u(128), Elem::i(128)] {
            let c = b.cast(made[1], to).unwrap();
            made.push(c);
        }
        for (k, w) in made.iter().enumerate() {
            let r = b.reveal(*w, Recipient::All).unwrap();
            b.output(None, &format!("r{k}"), r);
        }
        let mut c = b.finish();
        let pattern = |v: i128| v as u128 & e.mask();
        c.inputs.iter_mut().for_each(|i| i.range = Some((pattern(lo), pattern(hi))));
        let xs = span.iter().flat_map(|x| span.iter().map(move |_| *x as u128));
        let ys = span.iter().flat_map(|_| span.iter().map(|y| *y as u128));
        let ins = [column(e, xs.collect::<Vec<_>>()), column(e, ys.collect::<Vec<_>>())];
        let want: Vec<_> = eval(&c, &ins, 0).iter().map(lanes).collect();
        let mut after = c.clone();
        assert!(opt::range::range(&mut after));
        let (gates, _) = price(&c);
        for (name, c) in [("range", &after), ("schedule", &gates)] {
            let got: Vec<_> = eval(c, &ins, 1).iter().map(lanes).collect();
            for (k, (g, w)) in got.iter().zip(&want).enumerate() {
                assert_eq!(g, w, "{e} {lo}..={hi}, result {k}, after {name}");
            }
        }
    }
}

#[test]
fn what_a_cast_gives_back_is_what_it_was() {
    let mut b = Builder::new(Level::Program);
    let a = b.party("A", None);
    let e = Elem::u(64);
    let x = b.input(Some(a), "x", e, 9);
    let x = b.share(x).unwrap();
    let low = b.cast(x, Elem::u(16)).unwrap();
    let back = b.cast(low, e).unwrap();
    let by = b.constant(40, e, Len::Const(9));
    let (same, high) = (b.bin(Bin::Eq, back, x).unwrap(), b.bin(Bin::Shr, x, by).unwrap());
    let bit = b.cast(high, Elem::Bool).unwrap();
    for (name, w) in [("same", same), ("bit", bit)] {
        let r = b.reveal(w, Recipient::All).unwrap();
        b.output(None, name, r);
    }
    let mut c = b.finish();
    let ands = |c: &Circuit| price(c).1.gates.get("and").copied().unwrap_or(0);
    assert!(ands(&c) > 0);
    c.inputs[0].range = Some((0, 4000));
    assert_eq!(ands(&c), 0);
    let program = price(&c).0;
    let inputs = [column(e, [0, 1, 2, 3, 4000, 3999, 255, 256, 77])];
    let out: Vec<Vec<u128>> = eval(&program, &inputs, 1).iter().map(lanes).collect();
    assert_eq!(out, [[1; 9], [0; 9]]);
}
