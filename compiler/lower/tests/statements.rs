//! Statements of the language about what runs where, as lowering holds them; `docs/language/statements.md` names each. Knows
//! circuits by their gates, and compares with the reference evaluator.
mod support;
use circuit::{Circuit, Domain, Op};

fn lowered(text: &str, sizes: &[i64]) -> Circuit {
    let l = support::load(text, sizes, &[]);
    l.lower().unwrap_or_else(|f| panic!("{text}\n{f:#?}")).circuit
}
fn count(c: &Circuit, is: impl Fn(&Op) -> bool) -> usize {
    c.regions.iter().flat_map(|r| &r.gates).filter(|g| is(&g.op)).count()
}
/// Operations on secrets: not on what everybody, or one party, knows.
fn on_secrets(c: &Circuit) -> usize {
    let secret = |w: &circuit::WireId| c.wires[w.0 as usize].domain == Domain::Secret;
    let works = |op: &Op| !matches!(op, Op::Share(_) | Op::Reveal { .. });
    c.regions.iter().flat_map(|r| &r.gates).filter(|g| works(&g.op) && g.outs.iter().any(secret)).count()
}

#[test]
fn what_everybody_knows_is_computed_in_the_clear() {
    let c = lowered(
        "party A; fn main(x: u32 from A) -> (u32, bool, u32) { let p = reveal(x); let q = p * p / (p + 1) + min(p, 7); (q, q < p, if q > 3 { p } else { q }) }",
        &[],
    );
    assert_eq!(on_secrets(&c), 0, "{}", circuit::text::print(&c));
    assert_eq!(count(&c, |o| matches!(o, Op::Reveal { .. })), 1);
}

#[test]
fn a_party_s_value_is_shared_where_it_is_used_and_not_in_its_blocks() {
    let gates = |body: &str| {
        let c = lowered(&format!("party A, B; fn main(x: u32 from A, y: u32 from B) -> u32 {{ {body} }}"), &[]);
        let (shares, blocks) = (count(&c, |o| matches!(o, Op::Share(_))), count(&c, |o| matches!(o, Op::At { .. })));
        (shares, blocks, on_secrets(&c))
    };
    // In the block all is clear: what is shared is its value.
    assert_eq!(gates("reveal(at A { x * x / 3 + 1 })").2, 0);
    assert_eq!(gates("let z = at A { x * x / 3 + 1 }; reveal(z * y)"), (2, 1, 1));
    // Outside of it each operation is one on shares, and a value is shared once for all its uses.
    let (shares, blocks, work) = gates("reveal((x * x / 3 + x) * y)");
    assert_eq!((shares, blocks), (2, 0));
    assert!(work >= 4, "{work}");
    // What nobody uses is not shared.
    assert_eq!(gates("reveal(y)").0, 1);
}

#[test]
fn iterations_that_do_not_depend_on_one_another_are_lanes_however_they_are_written() {
    let loops = |body: &str| {
        let text = format!(
            "party A, B; fn main<N: size>(x: [u32; N] from A, y: [u32; N] from B) -> [u32; N] {{ let mut z: [u32; N] = [0; N]; {body} reveal(z) }}"
        );
        support::agree(&text, &[6], &[]).matches(" loop ").count()
    };
    for lanes in [
        "for i in 0..N { z[i] = x[i] * y[i]; }",
        "for i in (0..N).rev() { z[i] = x[i] * y[i]; }",
        "for i in 0..N { let a = x[i]; let b = y[N - 1 - i]; if a < b { z[i] = a * b; } else { z[i] = b; } }",
        "for i in (0..N).step_by(2) { z[i] = x[i] * y[i]; z[i + 1] = x[i]; }",
        "for (i, v) in x.enumerate() { z[i] = v * y[i]; }",
        "for i in 0..N { for j in 0..N { z[i] += x[i] * y[j]; } }",
        "for i in 0..N { for j in i..N { if x[i] == y[j] { z[i] += 1; } } }",
    ] {
        assert_eq!(loops(lanes), 0, "{lanes}");
    }
    // What depends on the iteration before stays in order.
    assert_eq!(loops("let mut s: u32 = 1; for i in 0..N { s = s * s + x[i]; z[i] = s; }"), 1);
}

const HELP: &str = "fn twice(f: fn(u8) -> u8, a: u8) -> u8 { f(f(a)) }
fn both(a: u8, f: fn(u8) -> u8, b: u8, g: fn(u8) -> u8, c: u8) -> u8 { f(a) + g(f(b)) * g(c) }";

#[test]
fn closures_hold_what_there_was() {
    for body in [
        "let mut k: u8 = 5; let f = |v: u8| v + k; k = 7; reveal(f(x) + k)",
        "let mut k = y; let f = |v: u8| v + k; if y > 3 { k = x; } let g = |v: u8| f(v) * 2 + k; k += 1; reveal(g(x) + k)",
        "let mut k = y; let mut s: u8 = 0; for i in 0..3 { let f = || k; k += x; s += f(); } reveal(s)",
        "let mut b = [x, y]; let f = |i: u8| b[0] + i; b[0] = 9; reveal(b.map(|v| f(v) + b[1]).sum())",
        // As an argument, too, where another argument assigns.
        "let mut k = x; reveal(twice(|v| v + k, { k = 7; y }) + k)",
        "let mut k = x; let s = [x, y].fold({ k = y; k }, |a, v| a * v + k); k = 3; reveal(s + k)",
        "let mut k = x; reveal(both({ k = y; k }, |v| v + k, { k = 7; x }, |v| v * k, { k += 1; y }) + k)",
        "let mut k = x; let f = |v: u8| at A { x + 1 } + v * k; k = y; reveal(f(k))",
    ] {
        support::agree_also_in_errors(
            &format!("party A, B; {HELP} fn main(x: u8 from A, y: u8 from B) -> u8 {{ {body} }}"),
            &[],
            &[],
        );
    }
}

#[test]
fn a_live_bit_masks_what_comes_after() {
    // All turns are there, whatever is left early; the result is that of the evaluator, which stops.
    for body in [
        "for v in xs { if v == k { break; } s = s * 3 + v; }",
        "for v in xs { if v == k { continue; } s = s * 3 + v; }",
        "let mut i: u32 = 0; while s < k max 5 { s += i * k; i += 1; }",
        "let f = |v: u32| { if v < k { return 1; } if v == k { return 2; } 3 }; s = xs.map(f).sum();",
        "for v in xs { for w in xs { if w > k { break; } if v > w { continue; } s = s ^ (v * w); } }",
    ] {
        let text = format!(
            "party A, B; fn main(xs: [u32; 5] from A, k: u32 from B) -> u32 {{ let mut s: u32 = 1; {body} reveal(s) }}"
        );
        let c = support::agree_also_in_errors(&text, &[], &[]);
        assert_eq!(count(&c, |o| matches!(o, Op::Reveal { .. })), 1, "nothing tells where it was left: {text}");
        assert_eq!(count(&c, |o| matches!(o, Op::If { .. } | Op::While { .. })), 0, "{text}");
    }
}

#[test]
fn sizes_are_bound_late_and_their_equalities_with_them() {
    let text = "party A; fn both<N: size, M: size>(x: [u32; N], y: [u32; M]) -> [u32; N] { x + y } fn main<N: size, M: size>(x: [u32; N] from A, y: [u32; M] from A) -> [u32; N] { reveal(both(x, y)) }";
    let says = |n, m| support::load(text, &[n, m], &[]).lower().map(|_| ()).map_err(|f| f[0].code);
    assert_eq!(says(3, 3), Ok(()));
    assert_eq!(says(1000, 1000), Ok(()));
    assert_eq!(says(3, 4), Err("E0403"));
}
