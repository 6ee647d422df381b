//! Values that nobody knows: the nodes agree on them, they are uniform and another each time, and nothing is sent for them.

mod common;

use circuit::{Elem, Op, Recipient, WireTy};
use common::*;

/// Opened draws of some types, each twice, in one run.
fn drawn(seed: u64, types: &[WireTy]) -> Vec<Vec<u128>> {
    let mut b = builder();
    b.party("Ada", None);
    let mut wires = vec![];
    for ty in types {
        for _ in 0..2 {
            let id = b.effect();
            wires.push(b.gate1_as(Op::Random(id), &[], ty.clone()).unwrap());
        }
    }
    wires.into_iter().for_each(|w| open(&mut b, w, Recipient::All));
    let c = b.finish();
    let run = run(&program(&c, true), &columns(&c, 1), seed);
    // One round: the openings.
    assert_eq!(run.trace.len(), 1);
    for node in &run.by_node[1..] {
        assert_eq!(*node, run.by_node[0]);
    }
    run.outputs.iter().map(|c| (0..c.len()).map(|l| c.get(l)).collect()).collect()
}

#[test]
fn the_nodes_agree_and_no_two_draws_are_alike() {
    let types = [
        arith(64, Elem::u(64), 300),
        arith(128, Elem::i(100), 65),
        bits(64, Elem::u(64), 300),
        bits(90, Elem::u(90), 1),
        bits(1, Elem::Bool, 130),
    ];
    let (one, two) = (drawn(1, &types), drawn(2, &types));
    for (k, column) in one.iter().enumerate() {
        let wide = k < 8;
        // Another draw, other keys, other lanes.
        assert_ne!(*column, one[k ^ 1]);
        assert_ne!(*column, two[k]);
        let distinct: std::collections::BTreeSet<_> = column.iter().collect();
        assert!(!wide || distinct.len() == column.len());
    }
}

#[test]
fn every_bit_is_fair() {
    for ty in [arith(16, Elem::u(12), 20_000), bits(12, Elem::u(12), 20_000)] {
        for column in drawn(7, &[ty]) {
            assert!(column.iter().all(|v| *v < 1 << 12));
            for bit in 0..12 {
                let ones = column.iter().filter(|v| **v >> bit & 1 == 1).count();
                // Six standard deviations.
                assert!((9_576..=10_424).contains(&ones), "bit {bit}: {ones}");
            }
        }
    }
}
