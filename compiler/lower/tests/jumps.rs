//! Programs with jumps, secret places, and arms: lowered they give what the reference evaluator gives, and no more is there
//! than must be.
mod support;
use circuit::{Bin, Op};

fn circuit_of(text: &str, sizes: &[i64]) -> circuit::Circuit {
    let text = format!("party A, B; {text}");
    let l = support::load(&text, sizes, &[]);
    let c = l.lower().unwrap_or_else(|f| panic!("{text}\n{f:#?}")).circuit;
    if let Err(e) = circuit::verify::verify(&c) {
        panic!("{text}\n{}", e.iter().take(5).map(|e| e.to_string()).collect::<Vec<_>>().join("\n"));
    }
    c
}
fn shown(text: &str, sizes: &[i64]) -> String {
    // Where in the source gates come from is not what is compared.
    let text = circuit::text::print(&circuit_of(text, sizes));
    text.lines().map(|l| l.split(" !").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_exit_at_the_end_of_a_side_is_the_other_side() {
    let same = |a: &str, b: &str| {
        let head = "fn main<N: size>(xs: [u32; N] from A, k: u32 from B) -> u32 { let mut s: u32 = 0;";
        let whole = |body: &str| format!("{head} {body} reveal(s) }}");
        assert_eq!(shown(&whole(a), &[50]), shown(&whole(b), &[50]), "{a}\n{b}");
    };
    same("for x in xs { if x == k { continue; } s += x; }", "for x in xs { if x == k { } else { s += x; } }");
    same(
        "for i in 0..N { if i % 3 == 1 { continue; } s += xs[i]; }",
        "for i in 0..N { if i % 3 == 1 { } else { s += xs[i]; } }",
    );
    same(
        "let f = |x: u32| { if x < k { return 1; } if x == k { return 2; } 3 }; s = f(xs[0]);",
        "let f = |x: u32| { if x < k { 1 } else { if x == k { 2 } else { 3 } } }; s = f(xs[0]);",
    );
}

#[test]
fn an_exit_that_is_never_taken_costs_nothing() {
    let head = "fn main<N: size>(xs: [u32; N] from A) -> u32 { let mut s: u32 = 0; for i in 0..N {";
    let with = format!("{head} if N > 100 {{ break; }} s += xs[i]; }} reveal(s) }}");
    let without = format!("{head} s += xs[i]; }} reveal(s) }}");
    assert_eq!(shown(&with, &[20]), shown(&without, &[20]));
}

#[test]
fn a_place_among_n_is_found_by_about_n_products() {
    let products = |n: i64| {
        let c = circuit_of("fn main<N: size>(xs: [u32; N] from A, k: u32 from B) -> u32 { reveal(xs[k]) }", &[n]);
        let region = &c.regions[0];
        let ands = region.gates.iter().filter(|g| matches!(g.op, Op::Bin(Bin::And)));
        let lanes = |g: &circuit::Gate| match c.wires[g.outs[0].0 as usize].len {
            circuit::index::Len::Const(n) => n,
            _ => panic!("a product of no fixed length"),
        };
        ands.map(lanes).sum::<u64>()
    };
    for n in [2, 3, 16, 100, 1000] {
        let found = products(n);
        // Of few elements each is joined with whether the index has no other bits, for a round less.
        let each = if n > 64 { 1.0 } else { 2.0 };
        assert!(found as f64 <= each * n as f64 + 5.0 * (n as f64).sqrt() + 4.0, "{n}: {found}");
    }
}
