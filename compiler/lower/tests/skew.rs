//! Wavefronts: two loops that both carry go along their diagonals where that keeps what they do; they give what the reference
//! evaluator gives.
mod support;
use circuit::Op;

fn circuit_of(text: &str) -> circuit::Circuit {
    support::agree_also_in_errors(&format!("party A, B; {text}"), &[], &[])
}
/// Loops in loops.
fn nested(c: &circuit::Circuit) -> usize {
    let loops = |r: circuit::RegionId| {
        let gates = c.region(r).gates.iter();
        gates.filter_map(|g| if let Op::Loop { body, .. } = g.op { Some(body) } else { None }).collect::<Vec<_>>()
    };
    loops(c.root).into_iter().map(|body| loops(body).len()).sum()
}
/// One loop over the diagonals is left.
fn turned(body: &str) {
    let c = circuit_of(body);
    let all = c.regions.iter().flat_map(|r| &r.gates).filter(|g| matches!(g.op, Op::Loop { .. })).count();
    assert_eq!((all, nested(&c)), (1, 0), "{body}\n{}", circuit::text::print(&c));
}
/// Both loops stay.
fn stays(body: &str) {
    let c = circuit_of(body);
    assert!(nested(&c) > 0, "{body}\n{}", circuit::text::print(&c));
}
fn grid(update: &str, n: usize, m: usize) -> String {
    format!(
        "fn main(x: [u32; {n}] from A, y: [u32; {m}] from B) -> [[u32; {m}]; {n}] {{ let mut d: [[u32; {m}]; {n}] = [[1; {m}]; {n}]; \
         for i in 1..{n} {{ for j in 1..{m} {{ {update} }} }} reveal(d) }}"
    )
}

#[test]
fn grids_of_every_shape() {
    for (n, m) in [(3, 3), (3, 9), (9, 3), (4, 5), (7, 7), (8, 6)] {
        turned(&grid("d[i][j] = d[i - 1][j] * 3 + d[i][j - 1] * x[i] * y[j];", n, m));
        turned(&grid("d[i][j] = min(d[i - 1][j - 1] * y[j], d[i - 1][j] * x[i]) * d[i][j - 1];", n, m));
    }
}

#[test]
fn edit_distance_and_common_subsequence() {
    for (n, m) in [(3, 4), (6, 5)] {
        turned(&format!(
            "fn main(x: [u8; {n}] from A, y: [u8; {m}] from B) -> [[u16; {m} + 1]; {n} + 1] {{ let mut d: [[u16; {m} + 1]; {n} + 1] = [[0; {m} + 1]; {n} + 1]; \
             for i in 0..{n} + 1 {{ d[i][0] = i as u16; }} for j in 0..{m} + 1 {{ d[0][j] = j as u16; }} \
             for i in 1..{n} + 1 {{ for j in 1..{m} + 1 {{ let mut c = d[i - 1][j - 1]; if x[i - 1] != y[j - 1] {{ c += 1; }} \
             d[i][j] = min(c, min(d[i - 1][j], d[i][j - 1]) + 1); }} }} reveal(d) }}"
        ));
        turned(&format!(
            "fn main(x: [u8; {n}] from A, y: [u8; {m}] from B) -> u16 {{ let mut d: [[u16; {m} + 1]; {n} + 1] = [[0; {m} + 1]; {n} + 1]; \
             for i in 0..{n} {{ for j in 0..{m} {{ d[i + 1][j + 1] = if x[i] % 3 == y[j] % 3 {{ d[i][j] + 1 }} else {{ max(d[i][j + 1], d[i + 1][j]) }}; }} }} \
             reveal(d[{n}][{m}]) }}"
        ));
    }
}

#[test]
fn what_the_outer_loop_computes_alone_and_loops_inside() {
    turned(&grid("let w = x[i] * x[i]; d[i][j] = d[i - 1][j] * w + d[i][j - 1] * y[j];", 6, 5));
    // An array of each iteration's own.
    turned(&grid(
        "let mut t: [u32; 3] = [0; 3]; for k in 0..3 { t[k] = d[i - 1][j] * (k as u32 + 1) * y[j]; } d[i][j] = t[0] * t[1] + t[2] * d[i][j - 1] * x[i];",
        5,
        6,
    ));
    // Conditions that all know.
    turned(&grid("if (i + j) % 3 != 1 { d[i][j] = d[i - 1][j] * x[i] + d[i][j - 1] * y[j]; }", 6, 7));
    // Inside of another loop, and two in turn.
    let twice = "for i in 1..5 { for j in 1..4 { d[i][j] = d[i - 1][j] * x[i] + d[i][j - 1] * y[j]; } }";
    circuit_of(&format!(
        "fn main(x: [u32; 5] from A, y: [u32; 4] from B) -> [[u32; 4]; 5] {{ let mut d: [[u32; 4]; 5] = [[1; 4]; 5]; for t in 0..3 {{ {twice} }} reveal(d) }}"
    ));
    circuit_of(&format!(
        "fn main(x: [u32; 5] from A, y: [u32; 4] from B) -> [[u32; 4]; 5] {{ let mut d: [[u32; 4]; 5] = [[1; 4]; 5]; {twice} {twice} reveal(d) }}"
    ));
}

#[test]
fn what_is_read_before_it_is_written_over() {
    // Below and to the right lies what the sweep before left there (Gauss and Seidel).
    for (n, m) in [(4, 6), (6, 5)] {
        turned(&format!(
            "fn main(x: [u32; {n}] from A, y: [u32; {m}] from B) -> [[u32; {m}]; {n}] {{ let mut d: [[u32; {m}]; {n}] = [[1; {m}]; {n}]; \
             for i in 0..{n} {{ for j in 0..{m} {{ d[i][j] = x[i] * y[j]; }} }} \
             for i in 1..{n} - 1 {{ for j in 1..{m} - 1 {{ d[i][j] = d[i - 1][j] * d[i][j - 1] + d[i + 1][j] * x[i] + d[i][j + 1] * y[j]; }} }} reveal(d) }}"
        ));
    }
}

#[test]
fn what_a_diagonal_would_break_stays() {
    // From above and to the right: on the same diagonal, or on an earlier one.
    stays(&grid("d[i][j - 1] = d[i - 1][j] * x[i] * d[i][j - 1] + d[i][if j > 1 { j - 2 } else { 0 }] * y[j];", 6, 6));
    stays(&grid("d[i][j] = d[i][j - 1] * x[i] * y[j] + d[i - 1][(j + 2) % 6];", 6, 6));
    // One row that is used again: what is to the left belongs to this turn, what is here to the one before.
    stays(
        "fn main(x: [u32; 6] from A, y: [u32; 6] from B) -> [u32; 6] { let mut r = y; for i in 0..6 { for j in 1..6 { r[j] = r[j] * x[i] + r[j - 1] * r[j - 1]; } } reveal(r) }",
    );
    // A value that comes around.
    stays(
        "fn main(x: [u32; 6] from A, y: [u32; 6] from B) -> u32 { let mut s = y[0]; for i in 0..6 { for j in 0..5 { s = s * s * x[i] + y[j]; } } reveal(s) }",
    );
    // What is opened on the way is opened in order.
    stays(&grid("d[i][j] = reveal(d[i - 1][j] * x[i] + d[i][j - 1] * y[j]);", 5, 5));
}
