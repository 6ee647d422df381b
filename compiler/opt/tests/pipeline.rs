//! Every pass keeps the meaning: hand-written and random programs, interpreted after each.

mod common;
#[path = "common/random.rs"]
mod random;

use circuit::{Bin, Builder, Circuit, Column, Elem, Index, Len, Level, Op, Recipient, Red, Space, WireTy};
use common::{column, eval, lanes};
use opt::cost::{Cost, cost};
use opt::{Compiled, Profile, compile_with};

fn verified(name: &str, c: &Circuit) {
    if let Err(p) = circuit::verify::verify(c) {
        let all: Vec<String> = p.iter().map(|p| p.to_string()).collect();
        panic!("after {name}:\n{}\n{}", all.join("\n"), common::c_text(c));
    }
}

/// Compiles, and holds the results after every pass equal to those before.
fn check(c: &Circuit, inputs: &[Column], profile: Profile) -> (Compiled, Cost, Vec<Column>) {
    verified("building", c);
    let want = eval(c, inputs, 0);
    let done = compile_with(c, &spec::REP3, &profile, &mut |name, c| {
        verified(name, c);
        for seed in 1..3 {
            assert_eq!(lanes_of(&eval(c, inputs, seed)), lanes_of(&want), "after {name}\n{}", common::c_text(c));
        }
    })
    .unwrap();
    if let Err(p) = circuit::verify::verify_schedule(&done.gates, &done.schedule) {
        let all: Vec<String> = p.iter().map(|p| p.to_string()).collect();
        panic!("schedule:\n{}\n{}", all.join("\n"), common::c_text(&done.gates));
    }
    let price = cost(&done.gates, &done.schedule, &spec::REP3, &profile).unwrap();
    (done, price, want)
}

fn lanes_of(c: &[Column]) -> Vec<Vec<u128>> {
    c.iter().map(lanes).collect()
}

#[test]
fn random_programs_keep_their_meaning() {
    let from = std::env::var("SEED").ok().and_then(|s| s.parse().ok());
    let seeds = from.map_or(0..400, |s: u64| s..s + 1);
    for seed in seeds {
        let (c, inputs) = random::program(seed);
        let r =
            std::panic::catch_unwind(|| check(&c, &inputs, if seed % 2 == 0 { Profile::LAN } else { Profile::WAN }));
        if let Err(e) = r {
            let what = e.downcast_ref::<String>().cloned().unwrap_or_default();
            panic!("seed {seed}: {what}\nprogram:\n{}", common::c_text(&c));
        }
    }
}

/// x < y over n pairs, counted: the walkthrough's program.
fn wins(n: u64, bits: u8) -> Circuit {
    let mut b = Builder::new(Level::Program);
    let (a, z) = (b.party("Ada", None), b.party("Ben", None));
    let x = b.input(Some(a), "x", Elem::u(bits), n);
    let y = b.input(Some(z), "y", Elem::u(bits), n);
    let (x, y) = (b.share(x).unwrap(), b.share(y).unwrap());
    let c = b.bin(Bin::Lt, x, y).unwrap();
    let n = b.count(c, Len::Const(n), Elem::u(32)).unwrap();
    let r = b.reveal(n, Recipient::All).unwrap();
    b.output(None, "result", r);
    b.finish()
}

#[test]
fn comparisons_of_inputs_are_cheap() {
    let e = Elem::u(64);
    let small = wins(5, 64);
    let ins = [column(e, [1, 2, 3, 4, 5]), column(e, [2, 2, 9, u128::MAX, 0])];
    let (_, price, out) = check(&small, &ins, Profile::LAN);
    assert_eq!(lanes(&out[0]), [3]);
    assert_eq!(price.rounds, 11);
    let n = 100_000;
    let done = opt::compile(&wins(n, 64), &spec::REP3, &Profile::LAN).unwrap();
    let price = cost(&done.gates, &done.schedule, &spec::REP3, &Profile::LAN).unwrap();
    assert_eq!(price.rounds, 11);
    assert_eq!(price.gates["and"], 152 * u128::from(n));
    for sent in price.bytes_sent() {
        assert!(sent <= 30 * u128::from(n), "{sent}");
    }
}

#[test]
fn a_billion_lanes_cost_microseconds() {
    let c = wins(1_000_000_000, 32);
    let t = std::time::Instant::now();
    let done = opt::compile(&c, &spec::REP3, &Profile::WAN).unwrap();
    let price = cost(&done.gates, &done.schedule, &spec::REP3, &Profile::WAN).unwrap();
    assert_eq!(price.gates["and"], 73_000_000_000);
    assert_eq!(price.rounds, 10);
    assert!(t.elapsed().as_millis() < 500, "{:?}", t.elapsed());
    // Numbers alone differ between sizes.
    let digits = |c: &Circuit| -> String { common::c_text(c).chars().filter(|c| !c.is_ascii_digit()).collect() };
    let other = opt::compile(&wins(1_000_000, 32), &spec::REP3, &Profile::WAN).unwrap();
    assert_eq!(digits(&done.gates), digits(&other.gates));
    assert_eq!(done.schedule, other.schedule);
}

#[test]
fn argmax_is_cheap() {
    let make = |n: u64| {
        let mut b = Builder::new(Level::Program);
        let a = b.party("A", None);
        let e = Elem::u(32);
        let x = b.input(Some(a), "x", e, n);
        let x = b.share(x).unwrap();
        let space = b.space(Space::rect(&[n as i64]));
        let i = b.gate1_as(Op::Iota { space, index: Index::Coord(0) }, &[], WireTy::clear(Elem::u(64), n)).unwrap();
        let r = b.gate(Op::ArgReduce { max: true, group: Len::Const(n) }, &[x, i]).unwrap();
        let o = b.reveal(r[1], Recipient::All).unwrap();
        b.output(None, "result", o);
        b.finish()
    };
    let (_, _, out) = check(&make(7), &[column(Elem::u(32), [3, 9, 1, 9, 9, 2, 8])], Profile::LAN);
    assert_eq!(lanes(&out[0]), [1]);
    let done = opt::compile(&make(100_000), &spec::REP3, &Profile::LAN).unwrap();
    let price = cost(&done.gates, &done.schedule, &spec::REP3, &Profile::LAN).unwrap();
    assert!(price.rounds <= 125, "{}", price.rounds);
    assert!(price.bytes_sent().iter().all(|b| *b <= 2_000_000), "{:?}", price.bytes_sent());
}

#[test]
fn sums_of_wide_inputs_need_no_conversion() {
    let mut b = Builder::new(Level::Program);
    let a = b.party("A", None);
    let x = b.input(Some(a), "x", Elem::i(32), 4);
    let x = b.share(x).unwrap();
    let w = b.cast(x, Elem::i(64)).unwrap();
    let s = b.reduce(Red::Add, w, Len::Const(4)).unwrap();
    let o = b.reveal(s, Recipient::All).unwrap();
    b.output(None, "result", o);
    let (_, price, out) = check(&b.finish(), &[column(Elem::i(32), [1, u128::MAX, 5, (-9i128) as u128])], Profile::LAN);
    assert_eq!(lanes(&out[0]), [Elem::i(64).mask() - 3]);
    assert_eq!((price.rounds, price.gates.get("and"), price.gates.get("b2a")), (2, None, None));
}

#[test]
fn conditional_sums_are_dot_products() {
    let mut b = Builder::new(Level::Program);
    let (a, z) = (b.party("A", None), b.party("B", None));
    let e = Elem::u(64);
    let x = b.input(Some(a), "x", e, 100);
    let y = b.input(Some(z), "y", e, 100);
    let (x, y) = (b.share(x).unwrap(), b.share(y).unwrap());
    let c = b.bin(Bin::Lt, x, y).unwrap();
    let zero = b.constant(0, e, Len::Const(100));
    let s = b.select(c, x, zero).unwrap();
    let s = b.reduce(Red::Add, s, Len::Const(100)).unwrap();
    let o = b.reveal(s, Recipient::All).unwrap();
    b.output(None, "result", o);
    let xs: Vec<u128> = (0..100).map(|k| k * 7 % 50).collect();
    let ys: Vec<u128> = (0..100).map(|k| k * 3 % 41).collect();
    let want: u128 = xs.iter().zip(&ys).filter(|(x, y)| x < y).map(|(x, _)| x).sum();
    let (done, price, out) = check(&b.finish(), &[column(e, xs), column(e, ys)], Profile::LAN);
    assert_eq!(lanes(&out[0]), [want]);
    // One element for the whole sum; x is shared in both forms rather than converted.
    assert_eq!((price.gates["dot"], price.gates["input"], price.gates.get("a2b")), (1, 300, None));
    assert_eq!(price.rounds, 12, "{}", common::c_text(&done.gates));
}

/// Loops with different trip counts and no dependence.
#[test]
fn independent_loops_share_rounds() {
    let make = |t1: i64, t2: i64| {
        let mut b = Builder::new(Level::Program);
        let a = b.party("A", None);
        let e = Elem::u(32);
        let x = b.input(Some(a), "x", e, 1);
        let x = b.share(x).unwrap();
        for (k, t) in [t1, t2].into_iter().enumerate() {
            let ty = WireTy::secret(e, 1);
            let r = b
                .loop_(Index::Const(0), Index::Const(t), 1, &[x], &[ty], |b, _, p| {
                    let y = b.bin(Bin::Mul, p[0], x)?;
                    Ok(vec![b.bin(Bin::Add, y, x)?])
                })
                .unwrap();
            let o = b.reveal(r[0], Recipient::All).unwrap();
            b.output(None, &format!("r{k}"), o);
        }
        b.finish()
    };
    for (t1, t2, rounds) in [(10, 10, 12), (10, 4, 12), (3, 10, 12), (0, 5, 7)] {
        let (done, price, out) = check(&make(t1, t2), &[column(Elem::u(32), [3])], Profile::LAN);
        assert_eq!(price.rounds, rounds, "{t1} {t2}\n{}", common::c_text(&done.gates));
        let f = |t: i64| (0..t).fold(3u32, |a, _| a.wrapping_mul(3).wrapping_add(3));
        assert_eq!(lanes(&out[0]), [u128::from(f(t1))]);
        assert_eq!(lanes(&out[1]), [u128::from(f(t2))]);
    }
}

#[test]
fn long_straight_lines_compile_fast() {
    let mut b = Builder::new(Level::Program);
    let a = b.party("A", None);
    let e = Elem::u(32);
    let x = b.input(Some(a), "x", e, 4);
    let x = b.share(x).unwrap();
    let mut v = vec![x];
    for k in 0..100_000usize {
        let (p, q) = (v[v.len() - 1], v[k / 2]);
        let op = [Bin::Add, Bin::Mul, Bin::Sub][k % 3];
        v.push(b.bin(op, p, q).unwrap());
    }
    let o = b.reveal(v[v.len() - 1], Recipient::All).unwrap();
    b.output(None, "result", o);
    let c = b.finish();
    let t = std::time::Instant::now();
    let done = opt::compile(&c, &spec::REP3, &Profile::LAN).unwrap();
    cost(&done.gates, &done.schedule, &spec::REP3, &Profile::LAN).unwrap();
    // An unoptimised build, and other builds beside it.
    assert!(t.elapsed().as_secs() < 15, "{:?}", t.elapsed());
    eprintln!("10^5 statements: {:?}", t.elapsed());
}
