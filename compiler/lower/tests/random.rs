//! Values that nobody knows: one for each evaluation, whatever becomes of the loops around.
mod support;
use circuit::Op;

/// Lowers a program whose result does not depend on what is drawn, and holds it to the evaluator; how many draws it has, lanes
/// counted, loops that stay not.
fn draws(text: &str) -> u64 {
    let c = support::agree_also_in_errors(&format!("party A, B; {text}"), &[], &[]);
    let lanes = |g: &circuit::Gate| c.ty(g.outs[0]).len.max_lanes();
    c.regions.iter().flat_map(|r| &r.gates).filter(|g| matches!(g.op, Op::Random(_))).map(lanes).sum()
}

#[test]
fn a_draw_for_each_evaluation() {
    assert_eq!(draws("fn main(x: u32 from A) -> u32 { let r = random(); reveal((x ^ r) ^ r) }"), 1);
    assert_eq!(
        draws(
            "fn main(x: u32 from A) -> u32 { let r: u32 = random(); let s: u32 = random(); reveal(x + r + s - s - r) }"
        ),
        2
    );
    // Lanes, nested and ragged, and a loop that stays one.
    assert_eq!(
        draws(
            "fn main(x: [u8; 5] from A) -> [u8; 5] { let mut y = x; for i in 0..5 { let r = random(); y[i] = (x[i] + r) - r; } reveal(y) }"
        ),
        5
    );
    assert_eq!(
        draws(
            "fn main(x: u16 from A) -> u16 { let mut y = x; for i in 0..4 { for j in 0..i { let r = random(); y += r; y -= r; } } reveal(y) }"
        ),
        6
    );
    assert_eq!(
        draws(
            "fn f(x: i9) -> i9 { let r = random(); (x + r) * 3 - r * 3 } fn main(x: i9 from A) -> i9 { reveal(f(f(x))) }"
        ),
        2
    );
    assert_eq!(
        draws(
            "fn main(x: [bool; 4] from A, c: bool from B) -> bool { let mut y = false; for i in 0..4 { let r = random(); if c { y ^= (x[i] ^ r) ^ r; } } reveal(y) }"
        ),
        4
    );
}
#[test]
fn draws_differ() {
    // Of a thousand words of 64 bits two would be alike once in 10^13 runs.
    let text = "party A; fn main(x: u64 from A) -> u64 { let mut d: [u64; 1000] = [0; 1000]; for i in 0..1000 { d[i] = random(); } \
                let mut same: u64 = x - x; for i in 0..1000 { for j in 0..i { if d[i] == d[j] { same += 1; } } } reveal(same) }";
    support::agree_also_in_errors(text, &[], &[]);
}
#[test]
fn values_are_of_their_type() {
    draws("fn main(x: u7 from A) -> bool { let r: u7 = random(); reveal(r as u32 < 128 && x as u32 < 128) }");
    draws("fn main(x: u7 from A) -> i64 { let r: i5 = random(); let s = r as i64; reveal(min(max(s, -16), 15) - s) }");
}
