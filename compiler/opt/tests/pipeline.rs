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
    let done = compile_with(c.clone(), &spec::REP3, &profile, &mut |pass, state| {
        let (name, c) = (pass.name, state.circuit());
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
    let many = std::env::var("SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(400);
    let seeds = from.map_or(0..many, |s: u64| s..s + 1);
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
    let done = opt::compile(wins(n, 64), &spec::REP3, &Profile::LAN).unwrap();
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
    let done = opt::compile(c.clone(), &spec::REP3, &Profile::WAN).unwrap();
    let price = cost(&done.gates, &done.schedule, &spec::REP3, &Profile::WAN).unwrap();
    // So many lanes pay for a ripple comparison: one AND a bit, and as many rounds.
    assert_eq!(price.gates["and"], 32_000_000_000);
    assert_eq!(price.rounds, 36);
    // Numbers alone differ between sizes.
    let digits = |c: &Circuit| -> String { common::c_text(c).chars().filter(|c| !c.is_ascii_digit()).collect() };
    let other = opt::compile(wins(100_000_000, 32), &spec::REP3, &Profile::WAN).unwrap();
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
    let done = opt::compile(make(100_000), &spec::REP3, &Profile::LAN).unwrap();
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
    let done = opt::compile(c.clone(), &spec::REP3, &Profile::LAN).unwrap();
    cost(&done.gates, &done.schedule, &spec::REP3, &Profile::LAN).unwrap();
}

/// Random circuits of the circuit crate: other shapes than ours.
#[test]
fn foreign_random_programs_keep_their_meaning() {
    let many = std::env::var("SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(150);
    for seed in 0..many {
        let shape = circuit::testing::Shape { steps: 12, lanes: 20, nesting: 2 };
        let case = circuit::testing::random_program(seed, &shape);
        let r = std::panic::catch_unwind(|| check_any(&case.circuit, &case.inputs, Profile::LAN));
        if let Err(e) = r {
            let what = e.downcast_ref::<String>().cloned().unwrap_or_default();
            panic!("seed {seed}: {what}\nprogram:\n{}", common::c_text(&case.circuit));
        }
    }
}

/// As [`check`], for programs that may end in an error: then they do so at every stage.
fn check_any(c: &Circuit, inputs: &[Column], profile: Profile) {
    use circuit::interp::{NoBlocks, run};
    let want = run(c, inputs, &mut NoBlocks, 0);
    if want.is_ok() {
        check(c, inputs, profile);
        return;
    }
    match compile_with(c.clone(), &spec::REP3, &profile, &mut |pass, state| {
        let (name, c) = (pass.name, state.circuit());
        verified(name, c);
        assert!(run(c, inputs, &mut NoBlocks, 1).is_err(), "after {name}: no error\n{}", common::c_text(c));
    }) {
        Ok(_) | Err(opt::Error::Unsupported { .. }) => {}
        Err(e) => panic!("{e}"),
    }
}

/// A circuit without regions runs in as many rounds as it is deep.
#[test]
fn straight_lines_run_in_their_depth() {
    let mut seen = 0;
    for seed in 0..400 {
        let (c, _) = random::program(seed);
        let done = opt::compile(c.clone(), &spec::REP3, &Profile::LAN).unwrap();
        let root = done.gates.region(done.gates.root);
        if root.gates.iter().any(|g| g.op.is_region()) {
            continue;
        }
        seen += 1;
        let mut depth = vec![0u128; done.gates.wires.len()];
        let mut deepest = 0;
        for g in &root.gates {
            let d = g.args.iter().map(|a| depth[a.0 as usize]).max().unwrap_or(0);
            let d = d + u128::from(done.gates.interactive(g));
            deepest = deepest.max(d);
            for o in &g.outs {
                depth[o.0 as usize] = d;
            }
        }
        let price = cost(&done.gates, &done.schedule, &spec::REP3, &Profile::LAN).unwrap();
        assert_eq!(price.rounds, deepest, "seed {seed}");
    }
    assert!(seen > 50);
}

/// A `while` on opened values, and a function called twice.
#[test]
fn whiles_and_calls() {
    let mut b = Builder::new(Level::Program);
    let a = b.party("A", None);
    let e = Elem::u(16);
    let x = b.input(Some(a), "x", e, 2);
    let x = b.share(x).unwrap();
    let ty = WireTy::secret(e, 2);
    // f(x, y) = max(x, y) + x
    let (f, p) = b.begin(&[ty.clone(), ty.clone()]);
    let c = b.bin(Bin::Lt, p[0], p[1]).unwrap();
    let m = b.select(c, p[1], p[0]).unwrap();
    let r = b.bin(Bin::Add, m, p[0]).unwrap();
    b.end(vec![r]);
    let y = b.gate1(Op::Call(f), &[x, x]).unwrap();
    let z = b.gate1(Op::Call(f), &[x, y]).unwrap();
    // Doubled until the sum of lanes is 1000 or more.
    let out = b
        .while_(
            &[z],
            &[ty],
            |b, p| {
                let s = b.reduce(Red::Add, p[0], Len::Const(2))?;
                let k = b.constant(1000, e, Len::ONE);
                let c = b.bin(Bin::Lt, s, k)?;
                b.reveal(c, Recipient::All)
            },
            |b, p| Ok(vec![b.bin(Bin::Add, p[0], p[0])?]),
        )
        .unwrap();
    let o = b.reveal(out[0], Recipient::All).unwrap();
    b.output(None, "result", o);
    let (_, price, out) = check(&b.finish(), &[column(e, [5, 7])], Profile::LAN);
    // x = (5, 7), y = 2x, z = 3x; 36 doubled five times is 1152.
    assert_eq!(lanes(&out[0]), [15 * 32, 21 * 32]);
    let [turn] = &price.parts[..] else { panic!("{:?}", price.parts) };
    assert!(turn.event == opt::cost::Event::Turn && turn.at_most.is_none() && turn.each.rounds > 5);
    assert!(price.most.is_none());
}

#[test]
fn cost_of_a_triangular_loop_is_walked() {
    let make = |n: i64| {
        let mut b = Builder::new(Level::Program);
        let a = b.party("A", None);
        let e = Elem::u(32);
        let x = b.input(Some(a), "x", e, n as u64);
        let x = b.share(x).unwrap();
        let zero = b.constant(0, e, Len::ONE);
        let r = b
            .loop_(Index::Const(0), Index::Const(n), 1, &[zero], &[WireTy::secret(e, 1)], |b, i, p| {
                let dims = vec![circuit::SpaceDim::range(Index::Const(0), Index::Var(i))];
                let space = b.space(Space { dims, guard: None });
                let len = Len::Space { space, max: n as u64 };
                let want = WireTy { len: len.clone(), ..WireTy::secret(e, 1) };
                let s = b.gate1_as(Op::Gather { space, index: Index::Coord(0) }, &[x], want.clone())?;
                let m = b.bin(Bin::Mul, s, s)?;
                let m = b.bin(Bin::Mul, m, s)?;
                let t = b.gate1_as(Op::Reduce { red: Red::Add, group: len }, &[m], WireTy::secret(e, 1))?;
                Ok(vec![b.bin(Bin::Add, p[0], t)?])
            })
            .unwrap();
        let o = b.reveal(r[0], Recipient::All).unwrap();
        b.output(None, "result", o);
        b.finish()
    };
    let (_, price, _) = check(&make(6), &[column(Elem::u(32), [1, 2, 3, 4, 5, 6])], Profile::LAN);
    // 0 + 1 + … + 5 lanes, twice, of which the second product is a dot of one element.
    assert_eq!(price.gates["mul"], 15);
    assert_eq!(price.gates["dot"], 6);
    assert_eq!(price.rounds, 2 + 2 * 6);
}

/// A compare-exchange selects once for both results, in either form.
#[test]
fn exchanges_share_their_products() {
    let make = |product: bool| {
        let mut b = Builder::new(Level::Program);
        let a = b.party("A", None);
        let e = Elem::u(32);
        let mut x = b.input(Some(a), "x", e, 3);
        let mut y = b.input(Some(a), "y", e, 3);
        let mut c = b.input(Some(a), "c", Elem::Bool, 3);
        for w in [&mut x, &mut y, &mut c] {
            *w = b.share(*w).unwrap();
        }
        if !product {
            c = b.bin(Bin::Lt, x, y).unwrap();
        }
        for (k, (p, q)) in [(x, y), (y, x)].into_iter().enumerate() {
            let mut s = b.select(c, p, q).unwrap();
            if product {
                s = b.bin(Bin::Mul, s, s).unwrap();
            }
            let o = b.reveal(s, Recipient::All).unwrap();
            b.output(None, &format!("r{k}"), o);
        }
        b.finish()
    };
    let e = Elem::u(32);
    let ins = [column(e, [1, 5, 7]), column(e, [3, 4, 7]), column(Elem::Bool, [1, 0, 1])];
    let (_, price, out) = check(&make(false), &ins, Profile::LAN);
    assert_eq!((lanes(&out[0]), lanes(&out[1])), (vec![1, 4, 7], vec![3, 5, 7]));
    assert_eq!(price.gates["and"], 3 * (73 + 32));
    let (_, price, out) = check(&make(true), &ins, Profile::LAN);
    assert_eq!((lanes(&out[0]), lanes(&out[1])), (vec![1, 16, 49], vec![9, 25, 49]));
    // One selection and two squares: the condition is an input, shared in the ring at once.
    assert_eq!(price.gates["mul"], 3 * 3);
}

/// Quotients and remainders by constants, exact over the full range, and far from the price of a divider.
#[test]
fn divisions_by_constants_are_products() {
    for signed in [false, true] {
        for (k, divisors) in [
            (8u8, (0..256).collect::<Vec<u128>>()),
            (64, vec![3, 7, 10, 641, 1_000_000_007, (1 << 63) + 5, u128::MAX - 6]),
        ] {
            let e = Elem::Int { signed, bits: k };
            let mut xs: Vec<u128> = (0..256).collect();
            if k == 64 {
                let mut r = circuit::testing::Rng::new(1);
                xs = (0..40)
                    .map(|i| [r.wide(), u128::from(i as u8), u128::MAX - i][(i % 3) as usize] & e.mask())
                    .collect();
                xs.extend([1 << 63, (1 << 63) - 1, (1 << 63) + 1]);
            }
            for d in divisors.into_iter().filter(|d| k == 64 || d % 5 == 3 || *d < 12) {
                let d = d & e.mask();
                let n = xs.len() as u64;
                let mut b = Builder::new(Level::Program);
                let a = b.party("A", None);
                let x = b.input(Some(a), "x", e, n);
                let x = b.share(x).unwrap();
                let y = b.constant(d, e, Len::Const(n));
                for (name, bin) in [("q", Bin::Div), ("r", Bin::Rem)] {
                    let z = b.bin(bin, x, y).unwrap();
                    let o = b.reveal(z, Recipient::All).unwrap();
                    b.output(None, name, o);
                }
                let (_, price, out) = check(&b.finish(), &[column(e, xs.clone())], Profile::LAN);
                for (i, x) in xs.iter().enumerate() {
                    let (q, r) = match (signed, d) {
                        (_, 0) => (e.mask(), *x),
                        (false, _) => (x / d, x % d),
                        (true, _) => {
                            let (x, d) = (e.extend(*x) as i128, e.extend(d) as i128);
                            ((x / d) as u128 & e.mask(), (x % d) as u128 & e.mask())
                        }
                    };
                    assert_eq!((out[0].get(i), out[1].get(i)), (q, r), "{e} {x} / {d}");
                }
                if k == 64 {
                    let ands = price.gates.get("and").copied().unwrap_or(0) / u128::from(n);
                    assert!(price.rounds <= 34 && ands <= 1200, "{d}: {} rounds, {ands} ANDs", price.rounds);
                }
            }
        }
    }
}

/// A quotient and a remainder of the same operands share their divider, and one alone does not pay for the other.
#[test]
fn one_divider_for_quotient_and_remainder() {
    let make = |bins: &[Bin]| {
        let mut b = Builder::new(Level::Program);
        let a = b.party("A", None);
        let e = Elem::u(32);
        let x = b.input(Some(a), "x", e, 3);
        let y = b.input(Some(a), "y", e, 3);
        let (x, y) = (b.share(x).unwrap(), b.share(y).unwrap());
        for (k, bin) in bins.iter().enumerate() {
            let z = b.bin(*bin, x, y).unwrap();
            let o = b.reveal(z, Recipient::All).unwrap();
            b.output(None, &format!("r{k}"), o);
        }
        b.finish()
    };
    let e = Elem::u(32);
    let ins = [column(e, [100, 7, u128::MAX]), column(e, [7, 0, 1 << 20])];
    let (_, both, out) = check(&make(&[Bin::Div, Bin::Rem]), &ins, Profile::LAN);
    assert_eq!((lanes(&out[0]), lanes(&out[1])), (vec![14, e.mask(), 4095], vec![2, 7, (1 << 20) - 1]));
    let (_, quotient, _) = check(&make(&[Bin::Div]), &ins, Profile::LAN);
    let (_, twice, _) = check(&make(&[Bin::Div, Bin::Div]), &ins, Profile::LAN);
    let fast = opt::gates::divide::cost(32, opt::gates::divide::Style::Fast);
    assert_eq!(both.gates["and"], 3 * u128::from(fast.0));
    assert!(quotient.gates["and"] < both.gates["and"]);
    assert_eq!(twice.gates["and"], quotient.gates["and"]);
}

/// High planes of a sum of shares: the low ones send their carry alone.
#[test]
fn planes_that_nobody_reads_cost_nothing() {
    let make = |shift: u128| {
        let mut b = Builder::new(Level::Program);
        let a = b.party("A", None);
        let e = Elem::u(64);
        let x = b.input(Some(a), "x", e, 5);
        let x = b.share(x).unwrap();
        let y = b.bin(Bin::Mul, x, x).unwrap();
        let by = b.constant(shift, e, Len::Const(5));
        let y = b.bin(Bin::Shr, y, by).unwrap();
        let o = b.reveal(y, Recipient::All).unwrap();
        b.output(None, "result", o);
        b.finish()
    };
    let e = Elem::u(64);
    let xs = [1u128, 1 << 31, u128::MAX, 12_345_678_901, 0];
    let ands = |shift| {
        let (_, price, out) = check(&make(shift), &[column(e, xs)], Profile::LAN);
        let want: Vec<u128> = xs.iter().map(|x| ((x & e.mask()).wrapping_mul(*x) & e.mask()) >> shift).collect();
        assert_eq!(lanes(&out[0]), want);
        price.gates["and"] / 5
    };
    assert_eq!(ands(1), 373);
    assert!(ands(63) <= 181, "{}", ands(63));
    assert!(ands(32) <= 301, "{}", ands(32));
}
