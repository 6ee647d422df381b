//! Helpers of the tests: columns, runs, counts.
#![allow(dead_code)]

use circuit::interp::{NoBlocks, run};
use circuit::{Circuit, Column, Elem, Op, WireId};
use std::collections::BTreeMap;

pub fn column(elem: Elem, lanes: impl IntoIterator<Item = u128>) -> Column {
    let mut c = Column::with_capacity(elem, 0);
    for v in lanes {
        c.push(v & elem.mask());
    }
    c
}

pub fn lanes(c: &Column) -> Vec<u128> {
    (0..c.len()).map(|k| c.get(k)).collect()
}

pub fn eval(c: &Circuit, inputs: &[Column], seed: u64) -> Vec<Column> {
    run(c, inputs, &mut NoBlocks, seed).unwrap_or_else(|e| panic!("{e}\n{}", c_text(c)))
}

pub fn c_text(c: &Circuit) -> String {
    circuit::text::print(c)
}

/// ANDs per lane and interactive depth of the root region between inputs and openings, loops counted by their bodies.
pub fn ands_and_depth(c: &Circuit) -> (u32, u32) {
    let mut depth: BTreeMap<WireId, u32> = BTreeMap::new();
    let (mut ands, mut top) = (0, 0);
    for g in &c.region(c.root).gates {
        let d = g.args.iter().filter_map(|a| depth.get(a)).max().copied().unwrap_or(0);
        let step = match &g.op {
            Op::InputShare(_) | Op::Open { .. } => 0,
            _ => u32::from(c.interactive(g)),
        };
        if g.op == Op::BitsAnd
            && let circuit::Domain::Bits { planes } = c.ty(g.outs[0]).domain
        {
            ands += u32::from(planes);
        }
        top = top.max(d + step);
        for o in &g.outs {
            depth.insert(*o, d + step);
        }
    }
    (ands, top)
}
