//! What a node sees says nothing: every value that a node of `rep3` gets to see in 100,000 runs with fixed inputs is
//! uniform, alone and together with all others that it holds, and is the same for other inputs.
//!
//! A run is a lane: its shares, its masks, its messages. Two levels: primitives called by hand, where a view also holds the
//! node's own shares and the two streams that it can draw; and machines on circuits, where it holds all that came over the
//! links. In Z_2^8 and for bits the joint distributions are counted cell by cell. Each test also runs copies with a mistake
//! in them (a mask left out, a stream drawn twice) and wants them found out. Seeds are fixed: nothing here is left to luck.

mod chi;
#[path = "../common/mod.rs"]
mod common;

use chi::{Chances, View, judge};
use circuit::{Circuit, Column, Elem, Len, Op, PartyId, Recipient};
use common::{arith, bits, builder, open, program, run, shared};
use engine::Program;
use field::Ring;
use proto::rep3::{self, next, previous};
use proto::{Purpose, SessionKeys, Tickets};
use std::sync::Arc;

/// Runs of each primitive. A multiple of 192, so that thirds are equal and planes have no tails.
const RUNS: usize = 521 * 192;

/// How a copy of a primitive is broken.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Copy {
    Right,
    /// The zero-sum mask, or the dealer's mask, is left out.
    NoMask,
    /// The second use draws from the place of the first.
    SameStream,
}

fn rng(seed: u64) -> impl FnMut() -> u128 {
    let mut rng = circuit::testing::Rng::new(seed);
    move || rng.wide()
}

/// Fresh sharings of one fixed value for every run: parts by slot.
fn sharing<T: Ring>(value: u128, n: usize, random: &mut impl FnMut() -> u128) -> [Vec<T>; 3] {
    let mut out: [Vec<T>; 3] = std::array::from_fn(|_| Vec::with_capacity(n));
    for _ in 0..n {
        let (a, b) = (T::from_u128(random()), T::from_u128(random()));
        out[0].push(a);
        out[1].push(b);
        out[2].push(T::from_u128(value).sub(a).sub(b));
    }
    out
}

/// As [`sharing`], for one plane of bits.
fn plane(value: bool, n: usize, random: &mut impl FnMut() -> u128) -> [Vec<u64>; 3] {
    let ones = if value { u64::MAX } else { 0 };
    let mut out: [Vec<u64>; 3] = Default::default();
    for _ in 0..n / 64 {
        let (a, b) = (random() as u64, random() as u64);
        out[0].push(a);
        out[1].push(b);
        out[2].push(ones ^ a ^ b);
    }
    out
}

fn wide<T: Ring>(v: &[T]) -> Vec<u128> {
    v.iter().map(|v| v.to_u128()).collect()
}

fn lanes(plane: &[u64]) -> Vec<u128> {
    plane.iter().flat_map(|w| (0..64).map(move |i| u128::from(w >> i & 1))).collect()
}

fn keys(seed: u64) -> [SessionKeys; 3] {
    [0, 1, 2].map(|i| SessionKeys::insecure_from_seed(i, seed))
}

/// What node `me` draws at a place under the key that it shares with the node before, and with the node after: a value of
/// zero that the node before deals, or that it deals itself, is the stream alone.
fn streams<T: Ring>(keys: &SessionKeys, purpose: Purpose, step: u64, n: usize) -> [Vec<T>; 2] {
    let me = keys.me();
    let draw = |dealer: usize| {
        let zero = vec![T::default(); n];
        let (mut a, mut b) = (zero.clone(), zero.clone());
        let mut d = Tickets::new().take(purpose, step, 0).unwrap().open();
        rep3::deal(keys, &mut d, dealer, (me == dealer).then_some(&zero[..]), &mut a, &mut b).unwrap();
        if me == dealer { b } else { a }
    };
    [draw(previous(me)), draw(me)]
}

/// Views of the three nodes of two things done in a row.
type Views = [View; 3];

/// All statements about views on two inputs.
fn chances(what: &str, one: &Views, two: &Views) -> Chances {
    let mut out = Vec::new();
    for node in 0..3 {
        let who = format!("{what}, node {node}");
        out.extend(one[node].uniform(&who));
        out.extend(two[node].uniform(&who));
        out.extend(one[node].alike(&two[node], &who));
    }
    out
}

/// The right copy passes; every broken one fails.
fn judged(what: &str, broken: &[Copy], views: impl Fn(Copy, usize) -> Views) {
    for copy in [Copy::Right].iter().chain(broken) {
        let verdict = judge(&chances(what, &views(*copy, 0), &views(*copy, 1)));
        match copy {
            Copy::Right => assert_eq!(verdict, Ok(())),
            _ => assert!(verdict.is_err(), "{what}: {copy:?} goes unnoticed"),
        }
    }
}

/// Two products with one factor in common: each node's shares, the streams that it can draw, and what comes.
fn products<T: Ring>(copy: Copy, input: usize, group: usize) -> Views {
    let mut random = rng(11 + input as u64);
    let value = [[0, 0, 0], [T::mask(T::BITS).to_u128(), 0x5a, 3]][input];
    let n = RUNS * group;
    let [x, y, w] = value.map(|v| sharing::<T>(v, n, &mut random));
    let keys = keys(7 + input as u64);
    let message = |me: usize, step: u64, x: &[Vec<T>; 3], y: &[Vec<T>; 3]| {
        let pair = |v: &'_ [Vec<T>; 3]| [v[me].clone(), v[next(me)].clone()];
        let (x, y) = (pair(x), pair(y));
        let mut z = vec![T::default(); RUNS];
        let at = if copy == Copy::SameStream { 0 } else { step };
        let mut d = Tickets::new().take(Purpose::Zero, at, 0).unwrap().open();
        match group {
            1 => rep3::mul(&keys[me], &mut d, [&x[0], &x[1]], [&y[0], &y[1]], &mut z).unwrap(),
            _ => rep3::dot(&keys[me], &mut d, [&x[0], &x[1]], [&y[0], &y[1]], group, &mut z).unwrap(),
        }
        if copy == Copy::NoMask {
            let [r, s] = streams::<T>(&keys[me], Purpose::Zero, at, RUNS);
            z.iter_mut().zip(r).zip(s).for_each(|((z, r), s)| *z = z.sub(r).add(s));
        }
        z
    };
    std::array::from_fn(|me| {
        let mut view = View::new();
        let first = |v: &[T]| v.iter().step_by(group).map(|v| v.to_u128()).collect();
        for (name, v) in [("x", &x), ("y", &y), ("w", &w)] {
            view.push(format!("{name}_i"), T::BITS, first(&v[me]));
            view.push(format!("{name}_(i+1)"), T::BITS, first(&v[next(me)]));
        }
        let [r, s] = streams::<T>(&keys[me], Purpose::Zero, 0, RUNS);
        view.push("F(k_i)", T::BITS, wide(&r));
        view.push("F(k_(i+1))", T::BITS, wide(&s));
        view.push("message of x y", T::BITS, wide(&message(next(me), 0, &x, &y)));
        view.push("message of x w", T::BITS, wide(&message(next(me), 1, &x, &w)));
        view
    })
}

#[test]
fn products_say_nothing() {
    judged("mul mod 2^8", &[Copy::NoMask, Copy::SameStream], |copy, input| products::<u8>(copy, input, 1));
    judged("mul mod 2^64", &[Copy::NoMask, Copy::SameStream], |copy, input| products::<u64>(copy, input, 1));
}

#[test]
fn dot_products_say_nothing() {
    judged("dot mod 2^8", &[Copy::NoMask, Copy::SameStream], |copy, input| products::<u8>(copy, input, 3));
}

#[test]
fn ands_say_nothing() {
    judged("and", &[Copy::NoMask, Copy::SameStream], |copy, input| {
        let mut random = rng(23 + input as u64);
        let [x, y, w] = [[false; 3], [true, true, false]][input].map(|v| plane(v, RUNS, &mut random));
        let keys = keys(9 + input as u64);
        let words = RUNS / 64;
        let message = |me: usize, step: u64, x: &[Vec<u64>; 3], y: &[Vec<u64>; 3]| {
            let mut z = vec![0u64; words];
            let at = if copy == Copy::SameStream { 0 } else { step };
            let mut d = Tickets::new().take(Purpose::Zero, at, 0).unwrap().open();
            let (x, y) = ([&x[me][..], &x[next(me)][..]], [&y[me][..], &y[next(me)][..]]);
            rep3::and(&keys[me], &mut d, x, y, RUNS, 0, &mut z).unwrap();
            if copy == Copy::NoMask {
                let [r, s] = streams::<u64>(&keys[me], Purpose::Zero, at, words);
                z.iter_mut().zip(r).zip(s).for_each(|((z, r), s)| *z ^= r ^ s);
            }
            z
        };
        std::array::from_fn(|me| {
            let mut view = View::new();
            for (name, v) in [("x", &x), ("y", &y), ("w", &w)] {
                view.push(format!("{name}_i"), 1, lanes(&v[me]));
                view.push(format!("{name}_(i+1)"), 1, lanes(&v[next(me)]));
            }
            let [r, s] = streams::<u64>(&keys[me], Purpose::Zero, 0, words);
            view.push("F(k_i)", 1, lanes(&r));
            view.push("F(k_(i+1))", 1, lanes(&s));
            view.push("message of x and y", 1, lanes(&message(next(me), 0, &x, &y)));
            view.push("message of x and w", 1, lanes(&message(next(me), 1, &x, &w)));
            view
        })
    });
}

/// Each node deals two values: every node's streams, and what comes from the dealers.
#[test]
fn dealt_values_say_nothing() {
    fn dealt<T: Ring>(copy: Copy, input: usize) -> Views {
        let values = [[0, 0], [T::mask(T::BITS).to_u128(), 0xa7]][input];
        let keys = keys(31 + input as u64);
        let deal = |me: usize, dealer: usize, step: u64| {
            let value = vec![T::from_u128(values[step as usize]); RUNS];
            let (mut a, mut b) = (vec![T::default(); RUNS], vec![T::default(); RUNS]);
            // A place for each dealer: nodes use the same tickets.
            let at = if copy == Copy::SameStream { dealer as u64 } else { 3 * step + dealer as u64 };
            let mut d = Tickets::new().take(Purpose::Deal, at, 0).unwrap().open();
            let given = (me == dealer).then_some(&value[..]);
            rep3::deal(&keys[me], &mut d, dealer, given, &mut a, &mut b).unwrap();
            match copy {
                Copy::NoMask if me == dealer => (value, b),
                _ => (a, b),
            }
        };
        std::array::from_fn(|me| {
            let mut view = View::new();
            for step in 0..2 {
                // A second stream that is the first is no second value.
                if step == 0 || copy != Copy::SameStream {
                    view.push(format!("my own mask {step}"), T::BITS, wide(&deal(me, me, step).1));
                    view.push(
                        format!("part {step} of the node before"),
                        T::BITS,
                        wide(&deal(me, previous(me), step).0),
                    );
                }
                let from = next(me);
                view.push(format!("message {step}"), T::BITS, wide(&deal(from, from, step).0));
            }
            view
        })
    }
    judged("dealing mod 2^8", &[Copy::NoMask, Copy::SameStream], dealt::<u8>);
    judged("dealing mod 2^64", &[Copy::NoMask, Copy::SameStream], dealt::<u64>);
}

/// Conversions deal what two shares give: the receiver knows one of the two.
#[test]
fn conversions_say_nothing() {
    // Words to bits: 3 planes of x_d + x_(d+1), dealt by each node in turn.
    judged("words to bits", &[Copy::NoMask, Copy::SameStream], |copy, input| {
        let mut random = rng(41 + input as u64);
        let x = sharing::<u8>([0, 0xb5][input], RUNS, &mut random);
        let y = sharing::<u8>([0, 0x17][input], RUNS, &mut random);
        let keys = keys(43 + input as u64);
        let w = RUNS / 64;
        let message = |dealer: usize, step: u64, x: &[Vec<u8>; 3]| {
            let (mut a, mut b) = (vec![0u64; 3 * w], vec![0u64; 3 * w]);
            let at = if copy == Copy::SameStream { 0 } else { step };
            let mut d = Tickets::new().take(Purpose::Deal, at, 0).unwrap().open();
            let part = [&x[dealer][..], &x[next(dealer)][..]];
            rep3::a2b_deal(&keys[dealer], &mut d, dealer, part, 3, w, &mut a, &mut b).unwrap();
            if copy == Copy::NoMask {
                a.iter_mut().zip(&b).for_each(|(a, b)| *a ^= b);
            }
            a
        };
        std::array::from_fn(|me| {
            let mut view = View::new();
            for (name, v) in [("x", &x), ("y", &y)] {
                view.push(format!("{name}_i"), 8, wide(&v[me]));
                view.push(format!("{name}_(i+1)"), 8, wide(&v[next(me)]));
            }
            for (step, v) in [&x, &y].into_iter().enumerate() {
                let planes = message(next(me), step as u64, v);
                let lanes: Vec<_> = planes.chunks(w).map(lanes).collect();
                let value = |l: usize| lanes.iter().enumerate().map(|(p, v)| v[l] << p).sum();
                view.push(format!("message {step}"), 3, (0..RUNS).map(value).collect());
            }
            view
        })
    });
    // Words moved right: x_d + x_(d+1), moved, at two places of one wire.
    judged("words moved right", &[Copy::NoMask, Copy::SameStream], |copy, input| {
        let mut random = rng(61 + input as u64);
        let x = sharing::<u8>([0, 0xb5][input], RUNS, &mut random);
        let keys = keys(63 + input as u64);
        let message = |dealer: usize, step: u64, places: u32| {
            let (mut a, mut b) = (vec![0u8; RUNS], vec![0u8; RUNS]);
            let at = if copy == Copy::SameStream { 0 } else { step };
            let mut d = Tickets::new().take(Purpose::Deal, at, 0).unwrap().open();
            let part = [&x[dealer][..], &x[next(dealer)][..]];
            rep3::trunc_deal(&keys[dealer], &mut d, dealer, part, places, &mut a, &mut b).unwrap();
            if copy == Copy::NoMask {
                a.iter_mut().zip(&b).for_each(|(a, b)| *a = a.wrapping_add(*b));
            }
            a
        };
        std::array::from_fn(|me| {
            let mut view = View::new();
            view.push("x_i".to_string(), 8, wide(&x[me]));
            view.push("x_(i+1)".to_string(), 8, wide(&x[next(me)]));
            for (step, places) in [3, 7].into_iter().enumerate() {
                view.push(format!("message {step}"), 8, wide(&message(next(me), step as u64, places)));
            }
            view
        })
    });
    // Bits to words: x_d xor x_(d+1) as a word.
    judged("bits to words", &[Copy::NoMask, Copy::SameStream], |copy, input| {
        let mut random = rng(51 + input as u64);
        let x = plane(input == 1, RUNS, &mut random);
        let y = plane(false, RUNS, &mut random);
        let keys = keys(53 + input as u64);
        let message = |dealer: usize, step: u64, x: &[Vec<u64>; 3]| {
            let (mut a, mut b) = (vec![0u8; RUNS], vec![0u8; RUNS]);
            let at = if copy == Copy::SameStream { 0 } else { step };
            let mut d = Tickets::new().take(Purpose::Deal, at, 0).unwrap().open();
            let part = [&x[dealer][..], &x[next(dealer)][..]];
            rep3::b2a_deal(&keys[dealer], &mut d, dealer, part, &mut a, &mut b).unwrap();
            if copy == Copy::NoMask {
                a.iter_mut().zip(&b).for_each(|(a, b)| *a = a.wrapping_add(*b));
            }
            a
        };
        std::array::from_fn(|me| {
            let mut view = View::new();
            for (name, v) in [("x", &x), ("y", &y)] {
                view.push(format!("{name}_i"), 1, lanes(&v[me]));
                view.push(format!("{name}_(i+1)"), 1, lanes(&v[next(me)]));
            }
            for (step, v) in [&x, &y].into_iter().enumerate() {
                view.push(format!("message {step}"), 8, wide(&message(next(me), step as u64, v)));
            }
            view
        })
    });
}

/// The form in which a round's message travels.
#[derive(Clone, Copy)]
enum Form {
    /// Words of so many bytes, one per lane.
    Words(usize),
    /// Planes, each of a bit per lane.
    Planes(usize),
}

/// What came to each node over its links in a run of machines: a column per round that brought it `runs` lanes or more.
/// A round whose lanes are dealt by thirds is three times as long, and brings a node its neighbour's third.
fn came(p: &Arc<Program>, forms: &[Form], inputs: &[Column], seed: u64) -> Views {
    let run = run(p, inputs, seed);
    assert_eq!(run.trace.len(), forms.len(), "a round each");
    std::array::from_fn(|me| {
        let from = next(me);
        assert!(run.bytes[previous(me)][me].is_empty(), "all messages go to the node before");
        let mut rest = &run.bytes[from][me][..];
        let mut view = View::new();
        for (step, form) in forms.iter().enumerate() {
            let (mine, later) = rest.split_at(run.trace[step][from][me] as usize);
            rest = later;
            if mine.is_empty() {
                continue;
            }
            let (bits, values): (u32, Vec<u128>) = match *form {
                Form::Words(bytes) => {
                    let word = |w: &[u8]| w.iter().rev().fold(0u128, |v, b| v << 8 | u128::from(*b));
                    (8 * bytes as u32, mine.chunks(bytes).map(word).collect())
                }
                Form::Planes(planes) => {
                    let bit = |p: usize, l: usize| u128::from(mine[p * (mine.len() / planes) + l / 8] >> (l % 8) & 1);
                    let value = |l| (0..planes).map(|p| bit(p, l) << p).sum();
                    (planes as u32, (0..mine.len() / planes * 8).map(value).collect())
                }
            };
            view.push(format!("round {step}"), bits, values);
        }
        assert!(rest.is_empty());
        view
    })
}

/// Views of machines on one circuit with two fixed inputs; and with the keys of a session used for a second one.
fn machines(what: &str, c: &Circuit, forms: &[Form], runs: usize, values: [&[u128]; 2]) {
    let p = program(c, false);
    let views = |input: usize, seed: u64| {
        let columns: Vec<Column> = c
            .inputs
            .iter()
            .zip(values[input])
            .map(|(i, v)| {
                let mut column = Column::zeros(i.elem, i.lanes as usize);
                (0..column.len()).for_each(|l| column.set(l, *v & i.elem.mask()));
                column
            })
            .collect();
        let views = came(&p, forms, &columns, seed);
        let seen: usize = views.iter().map(|v| v.columns.len()).sum();
        assert!(seen > 0 && views.iter().all(|v| v.columns.iter().all(|c| c.2.len() >= runs)), "{what}: enough runs");
        views
    };
    // Two sessions: everything that a node saw in both.
    let both = |one: Views, two: Views| {
        let mut two = two.into_iter();
        one.map(|mut view| {
            view.columns.extend(two.next().unwrap().columns);
            view
        })
    };
    // A node to which nothing comes has nothing to be tested.
    let judge_all = |one: Views, two: Views| {
        let mut all = Vec::new();
        for (node, (one, two)) in one.iter().zip(&two).enumerate().filter(|(_, (one, _))| !one.columns.is_empty()) {
            let who = format!("{what}, node {node}");
            all.extend(one.uniform(&who));
            all.extend(two.uniform(&who));
            all.extend(one.alike(two, &who));
        }
        judge(&all)
    };
    assert_eq!(judge_all(both(views(0, 1), views(1, 2)), both(views(1, 3), views(0, 4))), Ok(()));
    let again = judge_all(both(views(0, 1), views(1, 1)), both(views(1, 3), views(0, 3)));
    assert!(again.is_err(), "{what}: a session's keys used again go unnoticed");
}

fn three(b: &mut circuit::Builder) -> [PartyId; 3] {
    ["Ada", "Ben", "Eve"].map(|n| b.party(n, None))
}

#[test]
fn machines_say_nothing_about_words() {
    for ring in [8u8, 64] {
        let mut b = builder();
        let p = three(&mut b);
        let n = RUNS as u64;
        let ty = arith(ring, Elem::u(ring), n);
        let x = shared(&mut b, p[0], ty.clone());
        let y = shared(&mut b, p[1], ty.clone());
        let z = b.gate1_as(Op::ArithMul, &[x, y], ty.clone()).unwrap();
        let w = b.gate1_as(Op::ArithMul, &[z, x], ty).unwrap();
        open(&mut b, w, Recipient::Party(p[2]));
        open(&mut b, z, Recipient::Party(p[0]));
        let c = b.finish();
        let forms = [Form::Words(ring as usize / 8); 6];
        machines(&format!("words mod 2^{ring}"), &c, &forms, RUNS, [&[0, 0], &[u128::MAX, 0x5b]]);
    }
}

#[test]
fn machines_say_nothing_about_sums_and_matrices() {
    for matrix in [false, true] {
        let mut b = builder();
        let p = three(&mut b);
        // 3 products each; matrices of 2 rows and 2 columns.
        let (n, m) = (RUNS as u64, RUNS as u64 / 4);
        let lanes = if matrix { m * 6 } else { n * 3 };
        let x = shared(&mut b, p[1], arith(8, Elem::u(8), lanes));
        let y = shared(&mut b, p[2], arith(8, Elem::u(8), lanes));
        let op = if matrix { Op::MatMul { m: 2, k: 3, n: 2 } } else { Op::Dot { group: Len::Const(3) } };
        let z = b.gate1_as(op, &[x, y], arith(8, Elem::u(8), n)).unwrap();
        open(&mut b, z, Recipient::Party(p[1]));
        let c = b.finish();
        let p = program(&c, false);
        // Inputs are longer than results: views of results alone.
        let views = |values: [u128; 2], seed: u64| -> Views {
            let column = |v: &u128| {
                let mut column = Column::zeros(Elem::u(8), lanes as usize);
                (0..lanes as usize).for_each(|l| column.set(l, *v));
                column
            };
            let columns: Vec<Column> = values.iter().map(column).collect();
            let run = run(&p, &columns, seed);
            std::array::from_fn(|me| {
                let mut view = View::new();
                let mut at = 0;
                for sent in &run.trace {
                    let n = sent[next(me)][me] as usize;
                    if n == RUNS {
                        let bytes = &run.bytes[next(me)][me][at..at + n];
                        view.push(format!("message at byte {at}"), 8, bytes.iter().map(|b| u128::from(*b)).collect());
                    }
                    at += n;
                }
                assert!(!view.columns.is_empty());
                view
            })
        };
        let what = if matrix { "matrices" } else { "sums of products" };
        let all = chances(what, &views([0, 0], 71), &views([0xff, 0x39], 72));
        assert_eq!(judge(&all), Ok(()));
    }
}

#[test]
fn machines_say_nothing_about_bits() {
    for planes in [1u8, 5] {
        let mut b = builder();
        let p = three(&mut b);
        let elem = if planes == 1 { Elem::Bool } else { Elem::u(planes) };
        let ty = bits(planes, elem, RUNS as u64);
        let x = shared(&mut b, p[1], ty.clone());
        let y = shared(&mut b, p[2], ty.clone());
        let z = b.gate1_as(Op::BitsAnd, &[x, y], ty.clone()).unwrap();
        let w = b.gate1_as(Op::BitsAnd, &[z, x], ty).unwrap();
        open(&mut b, w, Recipient::Party(p[0]));
        let forms = [Form::Planes(planes as usize); 5];
        machines(&format!("{planes} planes"), &b.finish(), &forms, RUNS, [&[0, 0], &[u128::MAX, 0x16]]);
    }
}

#[test]
fn machines_say_nothing_in_conversions() {
    // Each lane is dealt by one node of three: three times the lanes.
    let lanes = 3 * RUNS as u64;
    let mut b = builder();
    let fam = b.party("F", Some(3));
    let x = shared(&mut b, fam, arith(8, Elem::u(8), lanes));
    let ty = bits(4, Elem::u(4), lanes);
    b.gate_as(Op::A2bDeal { neg: false }, &[x], &[ty.clone(), ty]).unwrap();
    let c = b.finish();
    machines("words to bits", &c, &[Form::Words(1), Form::Planes(4)], RUNS, [&[0], &[0xc3]]);

    let mut b = builder();
    let fam = b.party("F", Some(3));
    let x = shared(&mut b, fam, bits(1, Elem::Bool, lanes));
    let ty = arith(8, Elem::u(8), lanes);
    b.gate_as(Op::B2aDeal, &[x], &[ty.clone(), ty]).unwrap();
    let c = b.finish();
    machines("bits to words", &c, &[Form::Planes(1), Form::Words(1)], RUNS, [&[0], &[1]]);
}
