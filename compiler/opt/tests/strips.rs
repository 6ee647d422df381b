//! Strips: they keep the meaning of random programs at any width, take as many rounds as strips and phases ask for, and as
//! much memory as they say.

mod common;
#[path = "common/random.rs"]
mod random;

use circuit::{Bin, Builder, Circuit, Elem, Item, Len, Level, Op, Recipient, Red};
use common::{column, eval, lanes};
use opt::cost::{Cost, cost};
use opt::{Compiled, Profile, strips};

fn compiled(c: Circuit) -> Compiled {
    opt::compile(c, &spec::REP3, &Profile::LAN).unwrap()
}
fn price(gates: &Circuit) -> Cost {
    let schedule = opt::schedule::schedule(gates).unwrap();
    if let Err(p) = circuit::verify::verify_schedule(gates, &schedule) {
        panic!("{:?}\n{}", p.iter().map(|p| p.to_string()).collect::<Vec<_>>(), common::c_text(gates));
    }
    cost(gates, &schedule, &spec::REP3, &Profile::LAN).unwrap()
}
fn verified(c: &Circuit) {
    if let Err(p) = circuit::verify::verify(c) {
        panic!("{:?}\n{}", p.iter().map(|p| p.to_string()).collect::<Vec<_>>(), common::c_text(c));
    }
}

#[test]
fn random_programs_mean_the_same_in_strips() {
    let mut cut = 0;
    for seed in 0..400 {
        let (program, inputs) = random::program(seed);
        let want: Vec<_> = eval(&program, &inputs, 1).iter().map(lanes).collect();
        let gates = compiled(program).gates;
        for width in [1, 2, 3, 7, 20] {
            let Some(strips) = strips::cut(&gates, width) else { continue };
            cut += 1;
            verified(&strips);
            let got: Vec<_> = eval(&strips, &inputs, 1).iter().map(lanes).collect();
            assert_eq!(
                got,
                want,
                "seed {seed}, width {width}\n{}\n{}",
                common::c_text(&gates),
                common::c_text(&strips)
            );
        }
    }
    assert!(cut > 100, "only {cut} were cut");
}

/// Products of n pairs, opened; the number of pairs of which the first is less; and the sum of the products.
fn program(n: u64) -> Circuit {
    let mut b = Builder::new(Level::Program);
    let (a, z) = (b.party("Ada", None), b.party("Ben", None));
    let e = Elem::u(64);
    let (x, y) = (b.input(Some(a), "x", e, n), b.input(Some(z), "y", e, n));
    let (x, y) = (b.share(x).unwrap(), b.share(y).unwrap());
    let p = b.bin(Bin::Mul, x, y).unwrap();
    let less = b.bin(Bin::Lt, x, y).unwrap();
    let count = b.count(less, Len::Const(n), Elem::u(64)).unwrap();
    let sum = b.reduce(Red::Add, p, Len::Const(n)).unwrap();
    for (name, w) in [("products", p), ("less", count), ("sum", sum)] {
        let r = b.reveal(w, Recipient::All).unwrap();
        b.output(None, name, r);
    }
    b.finish()
}

#[test]
fn rounds_are_strips_and_phases_and_bytes_stay() {
    let n = 192 * 100;
    let done = compiled(program(n));
    let whole = price(&done.gates);
    let inputs: Vec<_> =
        (0..2u64).map(|k| column(Elem::u(64), (0..n).map(|i| u128::from((i + 3) * (7919 - k) % 10_007)))).collect();
    let want: Vec<_> = eval(&done.gates, &inputs, 1).iter().map(lanes).collect();
    for strips in [40, 50, 100] {
        let gates = strips::cut(&done.gates, n / strips).unwrap();
        verified(&gates);
        let cut = price(&gates);
        // All but the openings of the sums behind the strips.
        assert!(cut.rounds >= whole.rounds + u128::from(strips) - 3, "{} and {}", cut.rounds, whole.rounds);
        assert!(cut.rounds < whole.rounds + u128::from(strips), "{} and {}", cut.rounds, whole.rounds);
        let bytes = |c: &Cost| c.bytes_sent().iter().sum::<u128>();
        assert!(bytes(&cut) >= bytes(&whole) && bytes(&cut) <= bytes(&whole) + 8 * 3 * 8 * u128::from(strips));
        assert!(cut.predicted_peak_bytes < whole.predicted_peak_bytes);
        let got: Vec<_> = eval(&gates, &inputs, 1).iter().map(lanes).collect();
        assert_eq!(got, want);
        // One round for each strip.
        let schedule = opt::schedule::schedule(&gates).unwrap();
        let loops = gates.region(gates.root).gates.iter().filter_map(|g| match g.op {
            Op::Loop { body, .. } => Some(body),
            _ => None,
        });
        let rounds = |r: circuit::RegionId| {
            schedule.regions[r.0 as usize].iter().filter(|i| matches!(i, Item::Round(_))).count()
        };
        assert_eq!(loops.map(rounds).collect::<Vec<_>>(), [1]);
    }
}

#[test]
fn a_budget_takes_as_few_strips_as_it_may() {
    let done = compiled(program(1_000_000));
    let whole = price(&done.gates);
    let (way, curve) = strips::fit(done.clone(), &spec::REP3, &Profile::LAN, &|_| true).unwrap();
    assert_eq!((way.strips, curve.len()), (1, 0));
    assert_eq!(way.compiled, done);
    let budget = whole.predicted_peak_bytes / 2;
    let (way, curve) = strips::fit(done, &spec::REP3, &Profile::LAN, &|peak| peak <= budget).unwrap();
    assert!(way.strips > 1 && way.peak <= budget, "{curve:?}");
    assert!(curve[..curve.len() - 1].iter().all(|p| p.peak > budget), "{curve:?}");
    assert!(curve.windows(2).all(|w| w[0].rounds < w[1].rounds), "{curve:?}");
}
