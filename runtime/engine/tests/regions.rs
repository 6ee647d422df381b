//! Regions, random circuits, faults, and traces.

mod common;

use std::sync::Arc;

use circuit::testing::{Rng, Shape, random_gates, simple_schedule};
use circuit::{Bin, Builder, Column, Elem, Index, Len, Op, Plane, Recipient, Red, Space, SpaceDim, WireId, WireTy};
use common::*;
use engine::testing::{local_inputs, run_in_memory};
use engine::{Error, Fault, Machine, NoBlocks, Program, Status};
use proto::SessionKeys;

#[test]
fn loops_whose_lanes_vary() {
    // for i in 0..9: the lanes i.. of v become v[i..] * v[..n-i], in place.
    let n = 9i64;
    let mut b = builder();
    let ada = b.party("Ada", None);
    let ty = arith(64, Elem::u(64), n as u64);
    let v = shared(&mut b, ada, ty.clone());
    let out = b
        .loop_(Index::Const(0), Index::Const(n), 1, &[v, v], &[ty.clone(), ty.clone()], |b, i, c| {
            let dim = SpaceDim::range(Index::Var(i), Index::Const(n));
            let space = b.space(Space { dims: vec![dim], guard: None });
            let len = Len::Space { space, max: n as u64 };
            let part = WireTy { len, ..ty.clone() };
            let hi = b.gate1_as(Op::Gather { space, index: Index::Coord(0) }, &[c[0]], part.clone())?;
            let low = Index::sub(Index::Coord(0), Index::Var(i));
            let lo = b.gate1_as(Op::Gather { space, index: low }, &[c[1]], part.clone())?;
            let z = b.gate1_as(Op::ArithMul, &[hi, lo], part)?;
            let next = b.gate1_as(Op::Scatter { space, index: Index::Coord(0) }, &[c[0], z], ty.clone())?;
            Ok(vec![next, c[0]])
        })
        .unwrap();
    open(&mut b, out[0], Recipient::All);
    open(&mut b, out[1], Recipient::All);
    // A loop without iterations, and one that counts down.
    let same = b
        .loop_(Index::Const(3), Index::Const(3), 1, &[v], std::slice::from_ref(&ty), |_, _, c| Ok(c.to_vec()))
        .unwrap();
    open(&mut b, same[0], Recipient::All);
    let down = b
        .loop_(Index::Const(n - 1), Index::Const(-1), -2, &[same[0]], std::slice::from_ref(&ty), |b, i, c| {
            let space = b.space(Space::rect(&[n]));
            let k = b.gate1_as(Op::Iota { space, index: Index::Var(i) }, &[], WireTy::clear(Elem::u(64), n as u64))?;
            let s = b.gate1_as(Op::ArithScale, &[c[0], k], ty.clone())?;
            Ok(vec![b.gate1_as(Op::ArithAdd, &[s, v], ty.clone())?])
        })
        .unwrap();
    open(&mut b, down[0], Recipient::All);
    let c = b.finish();
    let r = check(&c, 3);
    // 1 input, 9 products, and the openings: one round each at most.
    assert!(r.stats.iter().all(|s| s.steps == r.stats[0].steps && (11..=14).contains(&s.steps)));
    assert_eq!(r.stats[0].gates["mul"], 45);
}

#[test]
fn conditions_that_were_revealed() {
    for seed in 0..6 {
        let mut b = builder();
        let ada = b.party("Ada", None);
        let one = arith(32, Elem::u(32), 1);
        let x = shared(&mut b, ada, one.clone());
        let shown = b.open(x, Recipient::All).unwrap();
        let seven = b.constant(7, Elem::u(32), Len::Const(1));
        let low = b.bin(Bin::And, shown, seven).unwrap();
        let half = b.constant(4, Elem::u(32), Len::Const(1));
        let cond = b.bin(Bin::Lt, low, half).unwrap();
        let picked = b
            .if_(
                cond,
                |b| Ok(vec![b.gate1_as(Op::ArithMul, &[x, x], one.clone())?]),
                |b| Ok(vec![b.gate1_as(Op::ArithAdd, &[x, x], one.clone())?]),
            )
            .unwrap();
        open(&mut b, picked[0], Recipient::All);
        // Multiply until the counter is out; the loop keeps a shared and a clear wire.
        let clear = WireTy::clear(Elem::u(32), 1);
        let zero = b.constant(0, Elem::u(32), Len::Const(1));
        let minus = b.constant(1, Elem::u(32), Len::Const(1));
        let out = b
            .while_(
                &[low, x],
                &[clear, one.clone()],
                |b, c| b.bin(Bin::Lt, zero, c[0]),
                |b, c| {
                    let n = b.bin(Bin::Sub, c[0], minus)?;
                    Ok(vec![n, b.gate1_as(Op::ArithMul, &[c[1], x], one.clone())?])
                },
            )
            .unwrap();
        open(&mut b, out[1], Recipient::All);
        // One region, called twice.
        let (body, params) = b.begin(std::slice::from_ref(&one));
        let y = b.gate1_as(Op::ArithMul, &[params[0], x], one.clone()).unwrap();
        b.end(vec![y]);
        let first = b.gate(Op::Call(body), &[x]).unwrap();
        let second = b.gate(Op::Call(body), &[first[0]]).unwrap();
        open(&mut b, second[0], Recipient::All);
        check(&b.finish(), seed);
    }
}

/// A random circuit of arithmetic and boolean gates over the same lanes.
fn random(seed: u64) -> circuit::Circuit {
    let mut rng = Rng::new(seed);
    let mut b = builder();
    let parties = [b.party("Ada", None), b.party("F", Some(3)), b.party("Eve", None)];
    let lanes = [1, 6, 63, 64, 66, 129, 300][rng.below(7) as usize] / 3 * 3;
    let ring = [8u8, 16, 32, 64, 128][rng.below(5) as usize];
    let planes = 1 + rng.below(70) as u8;
    let (ea, eb) = (Elem::u(ring), if planes == 1 { Elem::Bool } else { Elem::u(planes) });
    let (ta, tb) = (arith(ring, ea, lanes), bits(planes, eb, lanes));
    let mut words: Vec<WireId> = vec![];
    let mut masks: Vec<WireId> = vec![];
    for p in parties {
        words.push(shared(&mut b, p, ta.clone()));
        masks.push(shared(&mut b, p, tb.clone()));
    }
    let c = b.input(None, "c", ea, lanes);
    let m = b.input(None, "m", eb, lanes);
    #[allow(clippy::too_many_arguments)]
    fn grow(
        b: &mut Builder,
        rng: &mut Rng,
        words: &mut Vec<WireId>,
        masks: &mut Vec<WireId>,
        c: WireId,
        m: WireId,
        ta: &WireTy,
        tb: &WireTy,
        n: u64,
    ) {
        let lanes = ta.len.as_const().unwrap();
        for _ in 0..n {
            let pick = |rng: &mut Rng, v: &[WireId]| v[rng.below(v.len() as u64) as usize];
            let (x, y) = (pick(rng, words), pick(rng, words));
            let (u, v) = (pick(rng, masks), pick(rng, masks));
            let space = b.space(Space::rect(&[lanes as i64]));
            let turn = Index::rem(
                Index::add(Index::Coord(0), Index::Const(rng.below(9) as i64)),
                Index::Const(lanes.max(1) as i64),
            );
            let (op, args, is_word): (Op, Vec<WireId>, bool) = match rng.below(14) {
                0 | 1 => (Op::ArithMul, vec![x, y], true),
                2 => (Op::ArithAdd, vec![x, y], true),
                3 => (Op::ArithSub, vec![x, y], true),
                4 => (Op::ArithSub, vec![c, y], true),
                5 => (Op::ArithScale, vec![x, c], true),
                6 => (Op::Gather { space, index: turn }, vec![x], true),
                7 => (Op::Scatter { space, index: turn }, vec![x, y], true),
                8 | 9 => (Op::BitsAnd, vec![u, v], false),
                10 => (Op::BitsXor, vec![u, v], false),
                11 => (Op::BitsNot, vec![u], false),
                12 => (Op::BitsMask, vec![u, m], false),
                _ => (Op::Gather { space, index: turn }, vec![u], false),
            };
            let z = b.gate1_as(op, &args, if is_word { ta.clone() } else { tb.clone() }).unwrap();
            if is_word { words.push(z) } else { masks.push(z) }
        }
    }
    let n = rng.below(25);
    grow(&mut b, &mut rng, &mut words, &mut masks, c, m, &ta, &tb, n);
    // A loop that carries one of each and reads outer wires.
    let trips = rng.below(4) as i64;
    let init = [words[words.len() - 1], masks[masks.len() - 1]];
    let out = {
        let (words, masks) = (words.clone(), masks.clone());
        let rng = &mut rng;
        b.loop_(Index::Const(0), Index::Const(trips), 1, &init, &[ta.clone(), tb.clone()], |b, _, carried| {
            let (mut words, mut masks) = (words, masks);
            words.push(carried[0]);
            masks.push(carried[1]);
            let n = rng.below(8);
            grow(b, rng, &mut words, &mut masks, c, m, &ta, &tb, n);
            Ok(vec![words[words.len() - 1], masks[masks.len() - 1]])
        })
        .unwrap()
    };
    words.push(out[0]);
    masks.push(out[1]);
    let n = rng.below(10);
    grow(&mut b, &mut rng, &mut words, &mut masks, c, m, &ta, &tb, n);
    for w in words.iter().rev().take(4).chain(masks.iter().rev().take(4)) {
        let to = match rng.below(4) {
            0 => Recipient::Party(parties[rng.below(3) as usize]),
            _ => Recipient::All,
        };
        open(&mut b, *w, to);
    }
    let total =
        b.gate1_as(Op::Reduce { red: Red::Add, group: Len::Const(lanes) }, &[words[0]], arith(ring, ea, 1)).unwrap();
    open(&mut b, total, Recipient::All);
    let flip = Op::Planes((0..planes as u32).rev().map(|plane| Plane::Of { arg: 0, plane }).collect());
    let flipped = b.gate1_as(flip, &[masks[0]], tb).unwrap();
    open(&mut b, flipped, Recipient::All);
    b.finish()
}

#[test]
fn random_circuits_equal_the_interpreter() {
    for seed in 0..150 {
        check(&random(seed), seed);
    }
}

#[test]
fn generated_circuits_equal_the_interpreter() {
    for seed in 0..400 {
        let shape = Shape { steps: 30, lanes: [3, 70, 200][seed as usize % 3], nesting: 3 };
        let case = random_gates(seed, &shape);
        let want = circuit::interp::run(&case.circuit, &case.inputs, &mut NoBlocks, seed).unwrap();
        for (merge, free) in [(false, false), (true, true), (true, false)] {
            let schedule = simple_schedule(&case.circuit, merge, free);
            let p = Arc::new(Program { circuit: case.circuit.clone(), schedule });
            assert_eq!(run(&p, &case.inputs, seed).outputs, want, "seed {seed}");
        }
    }
}

#[test]
fn traces_do_not_depend_on_secrets() {
    for seed in 0..10 {
        let p = program(&random(seed), true);
        let a = run(&p, &columns(&p.circuit, 1), 5);
        let mut other = columns(&p.circuit, 2);
        // Public inputs stay.
        for ((o, same), i) in other.iter_mut().zip(columns(&p.circuit, 1)).zip(&p.circuit.inputs) {
            if i.party.is_none() {
                *o = same;
            }
        }
        let b = run(&p, &other, 6);
        assert_eq!(a.trace, b.trace);
        assert_eq!(a.stats, b.stats);
        // The same session and inputs give the same bytes, however they were cut.
        let (c, d) = (
            run_in_memory(&p, &other, |_| Box::new(NoBlocks), 6, 1).unwrap(),
            run_in_memory(&p, &other, |_| Box::new(NoBlocks), 6, 2).unwrap(),
        );
        assert_eq!(c.bytes, d.bytes);
        assert_eq!(b.bytes, c.bytes);
    }
}

fn small() -> Arc<Program> {
    let mut b = builder();
    let ada = b.party("Ada", None);
    let ty = arith(64, Elem::u(64), 100);
    let x = shared(&mut b, ada, ty.clone());
    let y = b.gate1_as(Op::ArithMul, &[x, x], ty.clone()).unwrap();
    let z = b.gate1_as(Op::ArithMul, &[y, x], ty).unwrap();
    open(&mut b, z, Recipient::All);
    program(&b.finish(), true)
}

fn machine(p: &Arc<Program>, me: usize) -> Machine {
    let inputs = local_inputs(p, &columns(&p.circuit, 1), me);
    Machine::new(p.clone(), me, SessionKeys::insecure_from_seed(me, 1), inputs, Box::new(NoBlocks)).unwrap()
}

fn blocked(m: &mut Machine) {
    while m.work(1 << 20).unwrap() == Status::Progress {}
}

#[test]
fn peers_that_do_not_keep_to_the_protocol() {
    let p = small();
    let is_peer = |r: Result<(), Fault>, who: usize| matches!(r, Err(Fault::Peer { peer, .. }) if peer == who);
    // Node 2 waits for the input of node 0.
    let fresh = || {
        let mut m = machine(&p, 2);
        blocked(&mut m);
        assert_eq!(m.expects(0), Some((0, 800)));
        m
    };
    let mut m = fresh();
    assert!(is_peer(m.handle(0, 0, &[0; 801]), 0), "too long");
    assert_eq!(m.work(1).unwrap_err(), m.work(1).unwrap_err(), "a fault stays");
    assert!(is_peer(fresh().handle(1, 0, &[0; 1]), 1), "nothing is due");
    assert!(is_peer(fresh().handle(0, 1, &[0; 1]), 0), "a gap");
    assert!(is_peer(fresh().handle(0, 0, &[]), 0), "empty");
    let mut m = fresh();
    m.handle(0, 0, &[0; 300]).unwrap();
    m.handle(0, 0, &[0; 500]).unwrap();
    assert!(is_peer(m.handle(0, 0, &[0; 1]), 0), "more than the step has");
    let mut m = fresh();
    m.handle(0, 0, &[0; 800]).unwrap();
    blocked(&mut m);
    assert_eq!(m.expects(0), Some((1, 800)));
    assert!(is_peer(m.handle(0, 0, &[0; 1]), 0), "a step that is over");
    let mut m = fresh();
    m.handle(0, 0, &[0; 800]).unwrap();
    blocked(&mut m);
    m.handle(0, 1, &[0; 800]).unwrap();
    assert!(is_peer(m.handle(0, 0, &[0; 1]), 0), "a step that is over, when nothing is missing");
    // A peer that is ahead waits in the window; beyond it, it is at fault. Node 0 has not begun.
    let mut m = machine(&p, 0).with_window(1000);
    m.handle(1, 1, &[0; 800]).unwrap();
    assert_eq!(m.window(1), 200);
    assert!(is_peer(m.handle(1, 2, &[0; 201]), 1), "past the window");
    let mut m = machine(&p, 0);
    m.handle(1, 1, &[0; 100]).unwrap();
    m.handle(1, 2, &[0; 100]).unwrap();
    assert!(is_peer(m.handle(1, 1, &[0; 100]), 1), "back to an earlier step");
    let mut m = machine(&p, 0);
    m.handle(1, 0, &[0; 1]).unwrap();
    assert!(m.work(1 << 20).is_err(), "bytes for a step in which nothing is due");
    let mut m = machine(&p, 0);
    assert!(matches!(m.handle(0, 0, &[1]), Err(Fault::Internal(_))));
}

#[test]
fn set_bits_past_the_last_lane_are_the_peers_fault() {
    let mut b = builder();
    let ada = b.party("Ada", None);
    let x = shared(&mut b, ada, bits(3, Elem::u(3), 9));
    open(&mut b, x, Recipient::All);
    let p = program(&b.finish(), true);
    let mut m = machine(&p, 2);
    blocked(&mut m);
    assert!(m.handle(0, 0, &[255, 1, 255, 1]).is_ok());
    assert!(matches!(m.handle(0, 0, &[0, 2]), Err(Fault::Peer { peer: 0, step: 0, .. })));
}

#[test]
fn programs_that_fail_say_where() {
    let fails = |make: &dyn Fn(&mut Builder, WireId)| {
        let mut b = builder();
        let n = b.input(None, "n", Elem::u(32), 1);
        b.span = circuit::SpanId(9);
        make(&mut b, n);
        let p = program(&b.finish(), true);
        let mut n = Column::zeros(Elem::u(32), 1);
        n.set(0, 5);
        run_in_memory(&p, &[n], |_| Box::new(NoBlocks), 1, 1).unwrap_err()
    };
    let at =
        |f: Fault, text: &str| matches!(f, Fault::Program { span: circuit::SpanId(9), what } if what.contains(text));
    assert!(at(
        fails(&|b, n| {
            let zero = b.constant(0, Elem::u(32), Len::Const(1));
            let ok = b.bin(Bin::Lt, n, zero).unwrap();
            b.gate(Op::Check { what: "n is too large".into() }, &[ok]).unwrap();
        }),
        "n is too large"
    ));
    assert!(at(
        fails(&|b, n| {
            let zero = b.constant(0, Elem::u(32), Len::Const(1));
            b.bin(Bin::Div, n, zero).unwrap();
        }),
        "zero"
    ));
    assert!(at(
        fails(&|b, n| {
            let ten = b.constant(10, Elem::u(32), Len::Const(3));
            b.gate(Op::GatherAt, &[ten, n]).unwrap();
        }),
        "out of range"
    ));
    assert!(at(
        fails(&|b, n| {
            let p = b.party("Ada", None);
            let block = b.block(p, [0; 32]);
            let ty = WireTy::new(circuit::Domain::Local(p), Elem::u(32), Len::Const(1));
            b.gate_as(Op::At { party: p, block }, &[n], &[ty]).unwrap();
        }),
        "block"
    ));
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let p = small();
    let make = |c: Option<Column>| {
        Machine::new(p.clone(), 0, SessionKeys::insecure_from_seed(0, 1), vec![c], Box::new(NoBlocks)).unwrap_err()
    };
    let is_input = |e: Error| matches!(e, Error::Input { name, .. } if name == "x0");
    assert!(is_input(make(None)));
    assert!(is_input(make(Some(Column::zeros(Elem::u(64), 99)))));
    assert!(is_input(make(Some(Column::zeros(Elem::u(32), 100)))));
    let mut b = builder();
    b.input(None, "x0", Elem::u(7), 1);
    let narrow = program(&b.finish(), true);
    let wide = Some(Column::U8(vec![128]));
    assert!(is_input(
        Machine::new(narrow, 0, SessionKeys::insecure_from_seed(0, 1), vec![wide], Box::new(NoBlocks)).unwrap_err()
    ));
    // A schedule of another circuit.
    let mut other = (*p).clone();
    other.schedule = simple_schedule(&builder().finish(), true, true);
    assert!(matches!(
        Machine::new(Arc::new(other), 0, SessionKeys::insecure_from_seed(0, 1), vec![], Box::new(NoBlocks)),
        Err(Error::Circuit(_))
    ));
}

#[test]
fn blocks_run_at_their_party_alone() {
    struct Double(usize);
    impl engine::AtRunner for Double {
        fn run(&mut self, block: u32, args: &[Column]) -> Result<Vec<Column>, String> {
            assert_eq!((block, self.0), (0, 1), "the second party is at node 1");
            let mut out = args[0].clone();
            (0..out.len()).for_each(|l| out.set(l, out.get(l) * 2));
            Ok(vec![out])
        }
    }
    let mut b = builder();
    b.party("Ada", None);
    let ben = b.party("Ben", None);
    let x = b.input(Some(ben), "x", Elem::u(32), 4);
    let block = b.block(ben, [7; 32]);
    let ty = WireTy::new(circuit::Domain::Local(ben), Elem::u(32), Len::Const(4));
    let y = b.gate1_as(Op::At { party: ben, block }, &[x], ty).unwrap();
    let id = b.effect();
    let s = b.gate1_as(Op::InputShare(id), &[y], arith(32, Elem::u(32), 4)).unwrap();
    open(&mut b, s, Recipient::All);
    let p = program(&b.finish(), true);
    let x = Column::U32(vec![1, 2, 3, 1 << 20]);
    let out = run_in_memory(&p, &[x], |me| Box::new(Double(me)), 1, 1).unwrap();
    assert_eq!(out.outputs, [Column::U32(vec![2, 4, 6, 1 << 21])]);
}

#[test]
fn progress_counts_steps() {
    let p = small();
    let m = machine(&p, 0);
    assert_eq!(m.progress(), (0, Some(4)));
    let r = run(&p, &columns(&p.circuit, 1), 1);
    assert_eq!(r.stats[0].steps, 4);
    assert_eq!(r.stats[0].sent, [0, 0, 3200]);
    assert_eq!(r.stats[0].received, [0, 2400, 0]);
}

#[test]
fn a_while_that_does_not_end_is_an_error_of_the_program() {
    let mut b = builder();
    let clear = WireTy::clear(Elem::u(32), 1);
    let zero = b.constant(0, Elem::u(32), Len::Const(1));
    let out = b.while_(&[zero], &[clear], |b, c| b.bin(Bin::Eq, c[0], zero), |_, c| Ok(vec![c[0]])).unwrap();
    b.output(None, "y", out[0]);
    let circuit = b.finish();
    let schedule = simple_schedule(&circuit, true, true);
    let program = Arc::new(Program { circuit, schedule });
    let mut m = machine(&program, 0).with_turns(5);
    let fault = loop {
        match m.work(1 << 20) {
            Ok(Status::Done) => panic!("it ends"),
            Ok(_) => {}
            Err(f) => break f,
        }
    };
    assert!(matches!(&fault, Fault::Program { what, .. } if what.contains("run 5 times")), "{fault:?}");
    assert_eq!(m.stats().entered.values().sum::<u64>(), 5);
}
