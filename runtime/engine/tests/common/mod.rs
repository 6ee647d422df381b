//! Helpers of the engine's tests: circuits by hand, and three machines beside the interpreter.

#![allow(dead_code)]

use std::sync::Arc;

use circuit::testing::{Rng, simple_schedule};
use circuit::{Builder, Circuit, Column, Domain, Elem, Len, Level, Op, PartyId, Recipient, WireId, WireTy};
use engine::testing::{Run, run_in_memory};
use engine::{NoBlocks, Program};

pub const LENGTHS: [u64; 8] = [0, 1, 63, 64, 65, 200, 500, 1000];

pub fn builder() -> Builder {
    Builder::new(Level::Gates("rep3".into()))
}

pub fn arith(ring: u8, elem: Elem, lanes: u64) -> WireTy {
    WireTy::new(Domain::Arith { ring }, elem, Len::Const(lanes))
}

pub fn bits(planes: u8, elem: Elem, lanes: u64) -> WireTy {
    WireTy::new(Domain::Bits { planes }, elem, Len::Const(lanes))
}

/// A party's input, shared as `ty` says.
pub fn shared(b: &mut Builder, party: PartyId, ty: WireTy) -> WireId {
    let name = format!("x{}", b.circuit().inputs.len());
    let lanes = ty.len.as_const().unwrap();
    let x = b.input(Some(party), &name, ty.elem, lanes);
    let id = b.effect();
    b.gate1_as(Op::InputShare(id), &[x], ty).unwrap()
}

pub fn open(b: &mut Builder, x: WireId, to: Recipient) {
    let y = b.open(x, to).unwrap();
    let party = match to {
        Recipient::All => None,
        Recipient::Party(p) => Some(p),
    };
    let name = format!("y{}", b.circuit().outputs.len());
    b.output(party, &name, y);
}

/// Random columns for all inputs.
pub fn columns(c: &Circuit, seed: u64) -> Vec<Column> {
    let mut rng = Rng::new(seed);
    c.inputs
        .iter()
        .map(|i| {
            let mut col = Column::zeros(i.elem, i.lanes as usize);
            for l in 0..col.len() {
                // Small and extreme numbers often.
                let v = match rng.below(4) {
                    0 => rng.wide() & 3,
                    1 => u128::MAX - (rng.wide() & 1),
                    _ => rng.wide(),
                };
                col.set(l, v & i.elem.mask());
            }
            col
        })
        .collect()
}

pub fn program(c: &Circuit, merge: bool) -> Arc<Program> {
    Arc::new(Program { circuit: c.clone(), schedule: simple_schedule(c, merge, merge) })
}

pub fn run(p: &Arc<Program>, inputs: &[Column], seed: u64) -> Run {
    run_in_memory(p, inputs, |_| Box::new(NoBlocks), seed, seed ^ 0x55).unwrap()
}

/// Three machines and the interpreter agree, under both plain schedules; gives the merged run.
pub fn check(c: &Circuit, seed: u64) -> Run {
    let inputs = columns(c, seed);
    let want = circuit::interp::run(c, &inputs, &mut NoBlocks, seed).unwrap();
    let plain = run(&program(c, false), &inputs, seed);
    assert_eq!(plain.outputs, want);
    let merged = run(&program(c, true), &inputs, seed + 1);
    assert_eq!(merged.outputs, want);
    merged
}
