//! What the whole machine takes, three nodes in one thread, per node: `cargo bench -p mpcc-engine`.

use std::sync::Arc;
use std::time::Instant;

use circuit::testing::simple_schedule;
use circuit::{Builder, Column, Domain, Elem, Index, Len, Level, Op, Plane, Recipient, Red, WireTy};
use engine::testing::local_inputs;
use engine::{Machine, NoBlocks, Program, Status};
use proto::SessionKeys;

/// Runs three machines in one thread and counts the time inside them, by kind of call.
fn time(name: &str, b: Builder, inputs: &[Column]) {
    let circuit = b.finish();
    let program = Arc::new(Program { schedule: simple_schedule(&circuit, true, true), circuit });
    let mut best = [f64::MAX; 4];
    for seed in 0..3 {
        let mut machines: Vec<Machine> = (0..3)
            .map(|me| {
                let inputs = local_inputs(&program, inputs, me);
                Machine::new(program.clone(), me, SessionKeys::insecure_from_seed(me, seed), inputs, Box::new(NoBlocks))
                    .expect("fits")
            })
            .collect();
        let mut t = [0.0; 4];
        let mut timed = |k: usize, f: &mut dyn FnMut()| {
            let start = Instant::now();
            f();
            t[k] += start.elapsed().as_secs_f64() / 3.0;
        };
        let mut frame = Vec::new();
        let mut done = [false; 3];
        while done != [true; 3] {
            for me in 0..3 {
                timed(0, &mut || done[me] = machines[me].work(1 << 20).expect("works") == Status::Done);
                for to in [(me + 1) % 3, (me + 2) % 3] {
                    loop {
                        frame.clear();
                        let mut step = None;
                        if machines[to].window(me) >= 256 << 10 {
                            timed(1, &mut || step = machines[me].poll_transmit(to, &mut frame, 256 << 10));
                        }
                        let Some(step) = step else { break };
                        timed(2, &mut || machines[to].handle(me, step, &frame).expect("fits"));
                    }
                }
            }
        }
        timed(3, &mut || drop(std::mem::take(&mut machines)));
        if t.iter().sum::<f64>() < best.iter().sum() {
            best = t;
        }
    }
    let [work, send, receive, drop] = best;
    let total = work + send + receive + drop;
    println!("{name:<50} {total:.3} s per node (work {work:.3}, send {send:.3}, receive {receive:.3}, drop {drop:.3})");
}

fn main() {
    let n = 10_000_000u64;
    let mut b = Builder::new(Level::Gates("rep3".into()));
    let (p, q) = (b.party("Ada", None), b.party("Ben", None));
    let ty = WireTy::new(Domain::Arith { ring: 64 }, Elem::u(64), Len::Const(n));
    let x = b.input(Some(p), "x", Elem::u(64), n);
    let y = b.input(Some(q), "y", Elem::u(64), n);
    let (i, j) = (b.effect(), b.effect());
    let x = b.gate1_as(Op::InputShare(i), &[x], ty.clone()).expect("typed");
    let y = b.gate1_as(Op::InputShare(j), &[y], ty.clone()).expect("typed");
    let z = b.gate1_as(Op::ArithMul, &[x, y], ty.clone()).expect("typed");
    let one = WireTy { len: Len::Const(1), ..ty };
    let s = b.gate1_as(Op::Reduce { red: Red::Add, group: Len::Const(n) }, &[z], one).expect("typed");
    let s = b.open(s, Recipient::All).expect("typed");
    b.output(None, "result", s);
    let col = || Column::U64((0..n).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect());
    time("10^7 products of u64 with inputs and a sum", b, &[col(), col()]);

    // The ands of 10^6 comparisons: layers as a comparator's, planes stacked anew before each.
    let n = 1_000_000u64;
    let mut b = Builder::new(Level::Gates("rep3".into()));
    let (p, q) = (b.party("Ada", None), b.party("Ben", None));
    let bits = |planes: u8| WireTy::new(Domain::Bits { planes }, Elem::u(planes.max(1)), Len::Const(n));
    let x = b.input(Some(p), "x", Elem::u(64), n);
    let y = b.input(Some(q), "y", Elem::u(64), n);
    let (i, j) = (b.effect(), b.effect());
    let x = b.gate1_as(Op::InputShare(i), &[x], bits(64)).expect("typed");
    let y = b.gate1_as(Op::InputShare(j), &[y], bits(64)).expect("typed");
    let mut z = b.gate1_as(Op::BitsAnd, &[x, y], bits(64)).expect("typed");
    let mut width = 64u32;
    while width > 1 {
        width = width.div_ceil(2);
        let part = |from: u32| Op::Planes((0..width).map(|k| Plane::Of { arg: 0, plane: from + k }).collect());
        let top = b.ty(z).domain;
        let Domain::Bits { planes } = top else { unreachable!("bits") };
        let (lo, hi) = (part(0), part(u32::from(planes) - width));
        let lo = b.gate1_as(lo, &[z], bits(width as u8)).expect("typed");
        let hi = b.gate1_as(hi, &[z], bits(width as u8)).expect("typed");
        let g = b.gate1_as(Op::BitsAnd, &[lo, hi], bits(width as u8)).expect("typed");
        let h = b.gate1_as(Op::BitsAnd, &[hi, lo], bits(width as u8)).expect("typed");
        z = b.gate1_as(Op::BitsXor, &[g, h], bits(width as u8)).expect("typed");
    }
    let z = b.open(z, Recipient::All).expect("typed");
    b.output(None, "result", z);
    let col = || Column::U64((0..n).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect());
    time("10^6 u64 in bits: 190 ands each in 7 layers", b, &[col(), col()]);

    // What a round and a gate cost by themselves.
    let mut b = Builder::new(Level::Gates("rep3".into()));
    let p = b.party("Ada", None);
    let ty = WireTy::new(Domain::Arith { ring: 64 }, Elem::u(64), Len::Const(1));
    let x = b.input(Some(p), "x", Elem::u(64), 1);
    let i = b.effect();
    let x = b.gate1_as(Op::InputShare(i), &[x], ty.clone()).expect("typed");
    let (lo, hi) = (Index::Const(0), Index::Const(100_000));
    let y = b
        .loop_(lo, hi, 1, &[x], std::slice::from_ref(&ty), |b, _, c| {
            let s = b.gate1_as(Op::ArithAdd, &[c[0], x], ty.clone())?;
            Ok(vec![b.gate1_as(Op::ArithMul, &[s, x], ty.clone())?])
        })
        .expect("typed");
    let z = b.open(y[0], Recipient::All).expect("typed");
    b.output(None, "result", z);
    time("10^5 rounds of one sum and one product", b, &[Column::U64(vec![3])]);
}
