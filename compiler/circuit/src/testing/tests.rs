//! The generator's promise, and what every circuit promises: exact text, exact binary, a meaning.

use super::*;
use crate::interp::{NoBlocks, run};
use crate::text::{parse, parse_schedule, print, print_schedule};
use crate::verify::{verify, verify_schedule};

pub(crate) fn cases(n: u64) -> impl Iterator<Item = (u64, Case)> {
    let shape = Shape::default();
    (0..n).map(move |s| (s, if s % 2 == 0 { random_program(s, &shape) } else { random_gates(s, &shape) }))
}

#[test]
fn random_circuits_verify_and_run() {
    let mut ops = std::collections::BTreeSet::new();
    for (seed, case) in cases(600) {
        let c = &case.circuit;
        verify(c).unwrap_or_else(|p| panic!("seed {seed}: {}\n{}", p[0], print(c)));
        let a = run(c, &case.inputs, &mut NoBlocks, 1);
        let b = run(c, &case.inputs, &mut NoBlocks, 2);
        assert!(a.is_ok(), "seed {seed}: {a:?}\n{}", print(c));
        assert!(a == b, "seed {seed}: the result depends on how deals split\n{}", print(c));
        c.for_each_gate(c.root, &mut |_, g| {
            ops.insert(g.op.name());
        });
    }
    let all = [
        "const",
        "table",
        "iota",
        "in",
        "share",
        "reveal",
        "neg",
        "not",
        "cast",
        "add",
        "sub",
        "mul",
        "and",
        "or",
        "xor",
        "lt",
        "eq",
        "div",
        "rem",
        "shl",
        "shr",
        "select",
        "gather",
        "scatter",
        "gather.at",
        "scatter.at",
        "concat",
        "sum",
        "product",
        "all",
        "any",
        "parity",
        "min",
        "max",
        "count",
        "argmin",
        "argmax",
        "dot",
        "matmul",
        "in.share",
        "lift",
        "arith.add",
        "arith.sub",
        "arith.scale",
        "arith.trunc",
        "arith.mul",
        "bits.xor",
        "bits.not",
        "bits.mask",
        "bits.and",
        "planes",
        "a2b.deal",
        "a2b.deal.neg",
        "b2a.deal",
        "open",
        "loop",
        "if",
        "while",
        "call",
    ];
    let missing: Vec<_> = all.iter().filter(|o| !ops.contains(**o)).collect();
    assert!(missing.is_empty(), "never generated: {missing:?}");
}

#[test]
fn text_of_random_circuits_is_exact() {
    for (seed, case) in cases(300) {
        let text = print(&case.circuit);
        let back = parse(&text).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{text}"));
        assert!(back == case.circuit, "seed {seed}\n{text}\n{}", print(&back));
        for (merge, free) in [(false, false), (true, true)] {
            let s = simple_schedule(&case.circuit, merge, free);
            verify_schedule(&case.circuit, &s)
                .unwrap_or_else(|p| panic!("seed {seed}: {}\n{text}{}", p[0], print_schedule(&s, Some(&case.circuit))));
            assert_eq!(parse_schedule(&print_schedule(&s, Some(&case.circuit))), Ok(s));
        }
    }
}
