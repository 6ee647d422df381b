//! Recurrences and searches: they give what the reference evaluator gives, and no loop is left of them.
mod support;
use circuit::{Bin, Op};

fn circuit_of(text: &str) -> circuit::Circuit {
    support::agree_also_in_errors(&format!("party A, B; {text}"), &[], &[])
}
fn count(c: &circuit::Circuit, what: &dyn Fn(&Op) -> bool) -> usize {
    c.regions.iter().flat_map(|r| &r.gates).filter(|g| what(&g.op)).count()
}
/// It becomes a network.
fn network(body: &str) -> circuit::Circuit {
    let c = circuit_of(body);
    assert_eq!(count(&c, &|op| matches!(op, Op::Loop { .. })), 0, "{body}\n{}", circuit::text::print(&c));
    c
}
/// It stays a loop.
fn stays(body: &str) {
    let c = circuit_of(body);
    assert!(count(&c, &|op| matches!(op, Op::Loop { .. })) > 0, "{body}\n{}", circuit::text::print(&c));
}
/// Over lines of all lengths up to 9: each level, and each part of a last block.
fn at_lengths(text: &str) {
    for n in 2..10 {
        network(&text.replace("NN", &n.to_string()));
    }
}

#[test]
fn carried_values_that_are_read_on_the_way() {
    at_lengths(
        "fn main(x: [u32; NN] from A) -> [u32; NN] { let mut y = x; let mut s: u32 = 0; for i in 0..NN { s += x[i]; y[i] = s; } reveal(y) }",
    );
    at_lengths(
        "fn main(x: [u32; NN] from A, z: u32 from B) -> ([u32; NN], u32) { let mut y = x; let mut s = z; for i in 0..NN { y[i] = s; s = s * x[i]; } (reveal(y), reveal(s)) }",
    );
    at_lengths(
        "fn main(x: [i32; NN] from A) -> [i32; NN] { let mut y = x; let mut m = x[0]; for i in 0..NN { m = max(m, x[i]); y[i] = m; } reveal(y) }",
    );
    at_lengths(
        "fn main(x: [i32; NN] from A) -> ([i32; NN], i32) { let mut y = x; let mut s: i32 = 7; for i in (0..NN).rev() { s -= x[i]; y[i] = s; } (reveal(y), reveal(s)) }",
    );
    at_lengths(
        "fn main(x: [bool; NN] from A) -> [bool; NN] { let mut y = x; let mut odd = false; for i in 0..NN { if x[i] { odd = !odd; } y[i] = odd; } reveal(y) }",
    );
    at_lengths(
        "fn main(x: [u16; NN] from A, z: [bool; NN] from B) -> [u16; NN] { let mut y = x; let mut s: u16 = 3; for i in 0..NN { if z[i] { s += x[i]; } else { s -= 1; } y[i] = s; } reveal(y) }",
    );
}
#[test]
fn values_between_two_steps_of_an_iteration() {
    network(
        "fn main(x: [u32; 7] from A, z: [u32; 7] from B) -> [u32; 7] { let mut y = x; let mut s: u32 = 0; for i in 0..7 { s += x[i]; y[i] = s * s; s += z[i]; } reveal(y) }",
    );
    network(
        "fn main(x: [[u32; 3]; 6] from A) -> [u32; 6] { let mut y: [u32; 6] = [0; 6]; let mut s: u32 = 1; for i in 0..6 { for j in 0..3 { s += x[i][j]; } y[i] = s; } reveal(y) }",
    );
}
#[test]
fn elements_computed_from_their_neighbours() {
    at_lengths(
        "fn main(x: [u32; NN] from A) -> [u32; NN] { let mut y = x; for i in 1..NN { y[i] += y[i - 1]; } reveal(y) }",
    );
    network(
        "fn main(x: [u32; 9] from A) -> [u32; 9] { let mut y = x; for i in (0..8).rev() { y[i] = min(y[i + 1], x[i]); } reveal(y) }",
    );
    network(
        "fn main(x: [[u32; 6]; 4] from A) -> [[u32; 6]; 4] { let mut y = x; for r in 0..4 { for i in 1..6 { y[r][i] = y[r][i - 1] ^ x[r][i]; } } reveal(y) }",
    );
    network(
        "fn main(x: [[u32; 6]; 4] from A) -> [[u32; 6]; 4] { let mut y = x; for i in 1..6 { for r in 0..4 { y[r][i] = y[r][i - 1] + x[r][i] * 3; } } reveal(y) }",
    );
    network(
        "fn main(x: [u32; 12] from A) -> [u32; 12] { let mut y = x; for i in 1..6 { y[2 * i] = max(y[2 * i - 2], x[i]); } reveal(y) }",
    );
}
#[test]
fn what_reaches_further_back_stays_a_loop() {
    stays(
        "fn main(x: [u32; 9] from A) -> [u32; 9] { let mut y = x; for i in 2..9 { y[i] = y[i - 1] + y[i - 2]; } reveal(y) }",
    );
    stays(
        "fn main(x: [u32; 9] from A) -> [u32; 9] { let mut y = x; for i in 1..9 { y[i] = y[i - 1] * y[i - 1] + x[i]; } reveal(y) }",
    );
    stays(
        "fn main(x: [u32; 9] from A) -> [u32; 9] { let mut y = x; let mut s: u32 = 0; for i in 0..9 { s = x[i] - s; y[i] = s; } reveal(y) }",
    );
}
#[test]
fn values_that_are_replaced() {
    at_lengths(
        "fn main(x: [u32; NN] from A, z: [bool; NN] from B, k: u32 from B) -> u32 { let mut s = k; for i in 0..NN { if z[i] { s = x[i]; } } reveal(s) }",
    );
    at_lengths(
        "fn main(x: [u32; NN] from A, z: [bool; NN] from B, k: u32 from B) -> [u32; NN] { let mut y = x; let mut s = k; for i in 0..NN { if z[i] { s = x[i]; } y[i] = s; } reveal(y) }",
    );
    at_lengths(
        "fn main(x: [u32; NN] from A, z: [bool; NN] from B) -> u32 { let mut s: u32 = 9; for i in (0..NN).rev() { if z[i] { s = x[i]; } else if x[i] > 5 { s = 3; } } reveal(s) }",
    );
    network(
        "fn main(x: [[u32; 5]; 4] from A, z: [u32; 4] from B) -> [u32; 4] { let mut y = z; for r in 0..4 { let mut s = z[r]; for i in 0..5 { if x[r][i] > 1000 { s = x[r][i]; } } y[r] = s; } reveal(y) }",
    );
}
#[test]
fn searches_end_early_by_lanes() {
    at_lengths(
        "fn main(x: [u8; NN] from A, k: u8 from B) -> u32 { let mut at: u32 = 99; for i in 0..NN { if x[i] % 4 == k % 4 { at = i as u32; break; } } reveal(at) }",
    );
    at_lengths(
        "fn main(x: [u8; NN] from A, k: u8 from B) -> u32 { let mut s: u32 = 0; for i in 0..NN { if x[i] % 4 == k % 4 { break; } s += x[i] as u32; } reveal(s) }",
    );
}
#[test]
fn a_network_takes_the_operations_of_its_levels() {
    // 16 positions: 15 elements behind a first one, four levels of eight.
    let c = network(
        "fn main(x: [u32; 16] from A) -> [u32; 16] { let mut y = x; for i in 1..16 { y[i] = y[i - 1] * x[i]; } reveal(y) }",
    );
    let mut lanes = Vec::new();
    for g in c.regions.iter().flat_map(|r| &r.gates) {
        if g.op == Op::Bin(Bin::Mul) {
            lanes.push(c.ty(g.outs[0]).len.as_const().unwrap());
        }
    }
    assert_eq!(lanes, [8, 8, 8, 8]);
}
#[test]
fn the_lesser_beside_a_running_maximum() {
    // A second price: what the maximum so far and the next bid leave over.
    at_lengths(
        "fn main(x: [u32; NN] from A) -> (u32, u32) { let mut best: u32 = 0; let mut second: u32 = 0; for i in 0..NN { second = max(second, min(best, x[i])); best = max(best, x[i]); } (reveal(best), reveal(second)) }",
    );
    at_lengths(
        "fn main(x: [i32; NN] from A) -> [i32; NN] { let mut y = x; let mut low = x[0]; for i in 0..NN { y[i] = max(low, x[i]); low = min(low, x[i]); } reveal(y) }",
    );
}
