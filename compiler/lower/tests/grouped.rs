//! Loops and folds by associative functions: they give what the reference evaluator gives, and no loop is left of them.
mod support;
use circuit::Op;

/// Values of type `M`, and how they are combined: affine maps one after the other, which do not commute.
const MAPS: &str = "party A, B; struct M { a: u32, b: u32 }
#[associative] fn then(f: M, g: M) -> M { M { a: f.a * g.a, b: f.b * g.a + g.b } }
#[associative] fn least(a: u32, b: u32) -> u32 { if a < b { a } else { b } }
#[associative] fn rows(a: [[u32; 2]; 2], b: [[u32; 2]; 2]) -> [[u32; 2]; 2] {
    let mut c: [[u32; 2]; 2] = [[0; 2]; 2];
    for i in 0..2 { for j in 0..2 { for k in 0..2 { c[i][j] += a[i][k] * b[k][j]; } } }
    c
}
";

fn loops(body: &str) -> usize {
    let c = support::agree_also_in_errors(&format!("{MAPS}{body}"), &[], &[]);
    c.regions.iter().flat_map(|r| &r.gates).filter(|g| matches!(g.op, Op::Loop { .. })).count()
}
/// At all lengths up to 9: each level, with and without one left over.
fn at_lengths(body: &str) {
    for n in 1..10 {
        let body = body.replace("NN", &n.to_string());
        assert_eq!(loops(&body), 0, "{body}");
    }
}

#[test]
fn what_nobody_sees_on_the_way_is_combined_in_pairs() {
    at_lengths(
        "fn main(x: [M; NN] from A, s: M from B) -> (u32, u32) { let mut m = s; for i in 0..NN { m = then(m, x[i]); } (reveal(m.a), reveal(m.b)) }",
    );
    at_lengths(
        "fn main(x: [M; NN] from A, s: M from B) -> (u32, u32) { let mut m = s; for y in x { m = then(y, m); } (reveal(m.a), reveal(m.b)) }",
    );
    at_lengths(
        "fn main(x: [M; NN] from A, s: M from B) -> u32 { let mut m = s; for i in (0..NN).rev() { let y = x[i]; m = then(m, y); } reveal(m.b) }",
    );
    at_lengths(
        "fn main(x: [[[u32; 2]; 2]; NN] from A) -> [[u32; 2]; 2] { let mut m = [[1, 2], [3, 4]]; for i in 0..NN { m = rows(m, x[i]); } reveal(m) }",
    );
}
#[test]
fn folds() {
    at_lengths("fn main(x: [u32; NN] from A, z: u32 from B) -> u32 { reveal(x.fold(z, least)) }");
    at_lengths(
        "fn main(x: [M; NN] from A, s: M from B) -> u32 { reveal(x.fold(s, |m, y| then(m, M { a: y.a + 1, b: y.b })).b) }",
    );
    at_lengths("fn main(x: [M; NN] from A, s: M from B) -> u32 { reveal(x.fold(s, |m, y| { then(y, m) }).b) }");
    at_lengths(
        "fn main(x: [[[u32; 2]; 2]; NN] from A) -> [[u32; 2]; 2] { reveal(x.fold([[1, 0], [0, 1]], |a, b| rows(a, b))) }",
    );
}
#[test]
fn what_somebody_sees_is_a_network() {
    at_lengths(
        "fn main(x: [M; NN] from A, s: M from B) -> ([u32; NN], u32) { let mut y: [u32; NN] = [0; NN]; let mut m = s; for i in 0..NN { m = then(m, x[i]); y[i] = m.b; } (reveal(y), reveal(m.a)) }",
    );
    at_lengths(
        "fn main(x: [M; NN] from A, s: M from B) -> [u32; NN] { let mut y: [u32; NN] = [0; NN]; let mut m = s; for i in (0..NN).rev() { let z = x[i]; y[i] = m.b + z.a; m = then(m, z); y[i] ^= m.a; } reveal(y) }",
    );
    at_lengths(
        "fn main(x: [[[u32; 2]; 2]; NN] from A) -> [[[u32; 2]; 2]; NN] { let mut y = x; let mut m = [[1, 2], [3, 4]]; for i in 0..NN { m = rows(m, x[i]); y[i] = m; } reveal(y) }",
    );
}
#[test]
fn beside_other_work() {
    at_lengths(
        "fn main(x: [M; NN] from A, s: M from B) -> (u32, u32, u32) { let mut m = s; let mut n: u32 = 5; let mut k = s; for i in 0..NN { n += x[i].a; m = then(m, M { a: n, b: x[i].b }); k = then(x[i], k); } (reveal(m.b), reveal(n), reveal(k.b)) }",
    );
    // Inside lanes, and under a condition.
    at_lengths(
        "fn main(x: [[u32; NN]; 3] from A, c: bool from B) -> [u32; 3] { let mut y: [u32; 3] = [9; 3]; for i in 0..3 { let mut m: u32 = 77; if c { for j in 0..NN { m = least(m, x[i][j]); } } y[i] = m; } reveal(y) }",
    );
}
#[test]
fn what_feeds_on_the_value_stays_as_it_is() {
    let stays = |body: &str| assert!(loops(body) > 0, "{body}");
    stays(
        "fn main(x: [M; 6] from A, s: M from B) -> u32 { let mut m = s; for i in 0..6 { m = then(m, M { a: m.b, b: x[i].a }); } reveal(m.b) }",
    );
    stays(
        "fn main(x: [M; 6] from A, s: M from B) -> u32 { let mut m = s; let mut w: u32 = 1; for i in 0..6 { m = then(m, M { a: w, b: x[i].a }); w = m.b * w; } reveal(w) }",
    );
    stays(
        "fn main(x: [M; 6] from A, s: M from B) -> u32 { let mut m = s; for i in 0..6 { m = then(m, x[i]); m.a += 1; } reveal(m.b) }",
    );
}
