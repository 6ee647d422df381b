//! Control that the run decides: what is lowered gives what the reference evaluator gives, or fails as it does; and one side
//! of a choice alone is there to run.
mod support;
use circuit::Op;

const AB: &str = "party A, B; ";

/// Lowers and compares; errors of the run must agree too.
fn ok(text: &str) -> circuit::Circuit {
    ok_for(text, &[])
}
fn ok_for(text: &str, families: &[i64]) -> circuit::Circuit {
    support::agree_also_in_errors(&format!("{AB}{text}"), &[], families)
}
/// Numbers of `if`, `while`, and `loop` gates.
fn regions(c: &circuit::Circuit) -> (usize, usize, usize) {
    let count = |f: &dyn Fn(&Op) -> bool| c.regions.iter().flat_map(|r| &r.gates).filter(|g| f(&g.op)).count();
    (
        count(&|o| matches!(o, Op::If { .. })),
        count(&|o| matches!(o, Op::While { .. })),
        count(&|o| matches!(o, Op::Loop { .. })),
    )
}
#[track_caller]
fn shape(text: &str, want: (usize, usize, usize)) {
    let c = ok(text);
    assert_eq!(regions(&c), want, "{text}\n{}", circuit::text::print(&c));
}

#[test]
fn a_revealed_condition_chooses() {
    shape(
        "fn main(x: u32 from A, y: u32 from B) -> u32 { let mut r: u32 = 1; if reveal(x < y) { r = x * y; } reveal(r) }",
        (1, 0, 0),
    );
    shape(
        "fn main(x: u32 from A, y: u32 from B) -> u32 { let r = if reveal(x < y) { x * y } else { x / y }; reveal(r) }",
        (1, 0, 0),
    );
    shape(
        "fn main(x: [u32; 5] from A, y: [u32; 5] from B) -> [u32; 5] { let mut r = x; if reveal(x[0] < y[0]) { for i in 0..5 { r[i] = x[i] * y[i]; } } else { r[1] = x[1] * x[2]; } reveal(r) }",
        (1, 0, 0),
    );
    shape(
        "fn main(x: [u32; 5] from A, y: [u32; 5] from B) -> [u32; 5] { let r = if reveal(x[0] < y[0]) { x * y } else { y }; reveal(r) }",
        (1, 0, 0),
    );
    // Opened where it is reached alone.
    shape(
        "fn main(x: u32 from A, y: u32 from B) -> u32 { let mut r: u32 = 0; if reveal(x < y) { r = reveal(x * y); } else { if reveal(x == y) { r = reveal(y) + 1; } } r }",
        (2, 0, 0),
    );
    // Free on both sides.
    shape(
        "fn main(x: u32 from A, y: u32 from B) -> u32 { let c = reveal(x < y); let k = reveal(y); let mut r = x; let mut n: u32 = 3; if c { r = r + y; n = k * k; } reveal(r + n) }",
        (0, 0, 0),
    );
    shape(
        "fn f(x: u32, c: bool) -> u32 { if c { x * x } else { x } } fn main(x: u32 from A, y: u32 from B) -> (u32, u32) { (reveal(f(x, reveal(x < y))), reveal(f(x, x < y))) }",
        (1, 0, 0),
    );
}
#[test]
fn values_of_parties_leave_a_choice() {
    ok(
        "fn main(x: u32 from A, y: u32 from B) -> u32 to A { let v = if reveal(x < y) { reveal_to(A, x * y) } else { reveal_to(A, y * y) }; v }",
    );
    ok(
        "fn main(x: u32 from A, y: u32 from B) -> u32 { let v = if reveal(x < y) { reveal_to(A, x * y) } else { reveal_to(B, y * y) }; reveal(v) }",
    );
    ok(
        "fn main(x: u32 from A, y: u32 from B) -> u32 { let mut v: u32 = 7; if reveal(x < y) { v = reveal_to(A, x * y); } reveal(v) }",
    );
}
#[test]
fn in_a_loop_that_stays_a_loop() {
    shape(
        "fn main(x: [u32; 6] from A, y: u32 from B) -> u32 { let mut s = y; for i in 0..6 { if reveal(s < x[i]) { s = s * x[i]; } else { s = s + 1; } } reveal(s) }",
        (1, 0, 1),
    );
    // Lanes: both sides run.
    shape(
        "fn main(x: [u32; 6] from A, y: u32 from B) -> [u32; 6] { let mut s = x; for i in 0..6 { if reveal(y < x[i]) { s[i] = y * x[i]; } } reveal(s) }",
        (0, 0, 0),
    );
    shape(
        "fn main(x: [u32; 6] from A, y: u32 from B) -> u32 { let mut n: u32 = 0; let mut over = false; for i in 0..6 { if !over { n += 1; over = reveal(y * n < x[i]); } } n }",
        (1, 0, 1),
    );
}
#[test]
fn what_a_loop_that_stays_takes_from_lanes_before() {
    // Products over a ragged nest, summed inside of a loop that a `while` keeps: the factors are taken, not the products.
    ok(
        "fn main(x: [u32; 3] from A, y: [u32; 3] from B) -> u32 { let mut s = x[0]; for i in 0..3 { let n: u32 = (51 + i) % 4; for j in (0..n).step_by(2) { s += x[2] * (422 + j) * y[j]; } let k = reveal(y[i] % 3); let mut t: u32 = 0; while t < k { s += 204; t += 1; } } reveal(s) }",
    );
    ok(
        "fn main(x: [u32; 3] from A, y: [u32; 3] from B) -> u32 { let mut s = x[0]; let v = reveal_to(A, x[1]); let w = at A { v ^ 384 }; for i in 0..3 { let n: u32 = (51 + i) % 4; for j in (0..n).step_by(2) { s += w * (422 + j); } let k = reveal(y[i] % 3); let mut t: u32 = 0; while t < k { s += 204; t += 1; } } reveal(s) }",
    );
}
#[test]
fn a_condition_on_what_the_iteration_before_left() {
    ok(
        "fn main(x: [i64; 4] from A) -> [i64; 4] { let mut v = x; let mut p: i16 = 12; for i in 0..4 { if reveal(p <= -506) { v[0] -= v[i]; } p = 135; } reveal(v) }",
    );
    ok(
        "fn main(x: [i64; 4] from A, y: [i64; 4] from B) -> [i64; 4] { let mut v = x; let mut p: i64 = 12; for i in 0..4 { if reveal(p <= y[i]) { v[0] -= v[i]; } p = 135; } reveal(v) }",
    );
}
#[test]
fn sums_into_an_element_where_lanes_around_have_a_condition() {
    for (c, n) in [("i < 1", 2), ("i == 1", 3), ("3 * i + j < 2", 3), ("i + j == 2", 2), ("i > 1 && j > 0", 3)] {
        ok(&format!(
            "fn main(x: [i16; 4] from A) -> [i16; 4] {{ let mut v = x; for i in 0..{n} {{ for j in 0..3 {{ if {c} {{ v[0] -= v[j]; }} }} }} reveal(v) }}",
        ));
        ok(&format!(
            "fn main(x: [i16; 4] from A) -> [i16; 4] {{ let mut v = x; for i in 0..{n} {{ for j in 0..3 {{ if {c} {{ v[0] += x[j] * x[i]; }} }} }} reveal(v) }}",
        ));
        ok(&format!(
            "fn main() -> [i16; 4] {{ let mut v: [i16; 4] = [5; 4]; for i in 0..{n} {{ for j in 0..3 {{ if {c} {{ v[0] -= v[j]; }} }} }} v }}",
        ));
    }
    ok(
        "fn main(x: [i16; 4] from A) -> [i16; 4] { let mut v: [i16; 4] = [5; 4]; for i in 0..2 { if i < 1 { for j in 0..2 { v[0] -= v[j]; } } } reveal(v) }",
    );
}
#[test]
fn while_turns() {
    shape(
        "fn main(x: u32 from A) -> u32 { let mut r = x % 50; let mut n: u32 = 0; while reveal(r > 9) { r = r - 10; n += 1; } n }",
        (0, 1, 0),
    );
    shape(
        "fn main(x: [u32; 6] from A, y: u32 from B) -> [u32; 6] { let k = reveal(y % 7); let mut v = x; let mut i: u32 = 0; while i < k { v[i % 6] = v[i % 6] * y; for j in 0..6 { v[j] += 1; } i += 2; } reveal(v) }",
        (0, 1, 0),
    );
    // Of clear values alone.
    ok(
        "fn main(x: u32 from A) -> u32 { let mut n = reveal(x % 1000); let mut t: u32 = 0; while n != 0 && t < 200 { n = if n % 2 == 0 { n / 2 } else { n - 1 }; t += 1; } t }",
    );
    // While in if in while.
    shape(
        "fn main(x: u32 from A, y: u32 from B) -> u32 { let mut k = reveal(x % 6); let mut s = y; while k > 0 { if k % 2 == 0 { let mut j = k; while j > 1 { s = s * x; j -= 1; } } k -= 1; } reveal(s) }",
        (1, 2, 0),
    );
    // An index that comes around.
    ok(
        "fn main(x: [u32; 9] from A) -> u32 { let mut i = 0; let mut s: u32 = 0; while reveal(x[i] % 3) != 0 { s += x[i] * x[i]; i += 1; } reveal(s) }",
    );
    ok(
        "fn main(x: [u32; 9] from A) -> u32 { let mut i = 0; let mut s: u32 = 0; while i < 9 { s += x[i] * x[i]; i += 2; } reveal(s) }",
    );
    // What a turn assigns comes from before it, and nobody reads it inside: it comes out if there is a turn.
    ok(
        "fn main(x: [u32; 3] from A, y: u32 from B) -> u32 { let mut r = y; for i in 0..3 { let k = y * 5 + i; let mut t = reveal(x[i] % 2); while t > 0 { r = k; t -= 1; } } reveal(r) }",
    );
    ok(
        "fn main(x: u32 from A, y: u32 from B) -> u32 { let mut r = y; let k = y * x; let mut t = reveal(x % 2); while t > 0 { r = k; t -= 1; } reveal(r) }",
    );
    // In a loop: an outer number of turns each.
    ok(
        "fn main(x: [u32; 4] from A) -> [u32; 4] { let mut v = x; for i in 0..4 { let mut k = reveal(x[i] % 5); while k > 0 { v[i] = v[i] * x[3]; k -= 1; } } reveal(v) }",
    );
    ok(
        "fn main(x: [u32; 4] from A, c: u32 from B) -> [u32; 4] { let mut v = x; let n = reveal(c % 4); for i in 0..4 { let mut k: u32 = 0; while k < n { v[i] = v[i] * x[3]; k += 1; } v[i] += 1; } reveal(v) }",
    );
}
#[test]
fn bounds_of_the_run() {
    // Few: lanes.
    shape(
        "fn main(x: [u32; 8] from A, y: [u32; 8] from B, n: u8 from A) -> u32 { let k = reveal(n % 9); let mut s: u32 = 0; for i in 0..k { s += x[i] * y[i]; } reveal(s) }",
        (0, 0, 0),
    );
    // An index beyond the array is an error of the run.
    ok(
        "fn main(x: [u32; 3] from A, y: u32 from B) -> u32 { let k = reveal(y); let mut s: u32 = 0; for i in 0..k { s += x[i] * x[i]; } reveal(s) }",
    );
    // One after another: only as often as the run says.
    shape(
        "fn main(x: [u32; 8] from A, n: u8 from B) -> u32 { let k = reveal(n % 9); let mut s: u32 = 1; for i in 0..k { s = s * x[i] + 1; } reveal(s) }",
        (0, 1, 0),
    );
    ok(
        "fn main(x: [u32; 8] from A, n: u8 from B) -> [u32; 8] { let k = reveal(n % 9); let mut v = x; for i in (0..k).rev() { v[i] = x[i] * x[7 - i]; } for i in (1..k).step_by(3) { v[i] = v[i - 1] * v[i]; } reveal(v) }",
    );
    ok(
        "fn main(x: [u32; 8] from A, n: i16 from B) -> [u32; 8] { let k = reveal(n); let mut v = x; for i in -2..=k { if i >= 0 && i < 8 { v[i] = v[i] * x[0]; } } reveal(v) }",
    );
    ok(
        "fn main(x: [[u32; 4]; 5] from A, n: [u8; 5] from B) -> [u32; 5] { let k = reveal(n); let mut v: [u32; 5] = [0; 5]; for i in 0..5 { for j in 0..k[i] % 5 { v[i] += x[i][j] * x[0][j]; } } reveal(v) }",
    );
    ok(
        "fn main(x: [u32; 8] from A, n: u64 from B) -> u64 { let k = reveal(n % 5); let mut s: u64 = 0; for i in k..k + k { s = s * s + n + i; } reveal(s) }",
    );
}
#[test]
fn places_of_the_run() {
    ok(
        "fn main(x: [[u32; 3]; 4] from A, n: u8 from B) -> [[u32; 3]; 4] { let k = reveal(n % 4); let mut v = x; v[k] = x[3 - k]; v[k] += x[0]; v[0][k % 3] = v[k][0] * v[1][1]; reveal(v) }",
    );
    ok(
        "fn main(x: [u32; 4] from A, n: u8 from B) -> u32 { let k = reveal(n % 8); let mut r: u32 = 0; if k < 4 { r = x[k] * x[0]; } reveal(r) }",
    );
    ok(
        "fn main(x: [u32; 4] from A, n: u8 from B) -> u32 { let k = reveal(n % 8); let r = if k < 4 && x[0] == x[k] { 1 } else { 2 }; reveal(r as u32) }",
    );
    ok(
        "fn main(x: [u32; 4] from A, n: u8 from B) -> u32 { let k = reveal(n % 8); let mut i = 0; for j in 0..4 { if k > 3 { i += 1; } } reveal(x[i % 4]) + 10 / (if i > 0 { i } else { 3 }) as u32 }",
    );
    ok(
        "fn main(x: [u32; 4] from A, n: u8 from B) -> u32 { let k = reveal(n % 3); let c = reveal(n < 2); let mut r: u32 = 5; for i in 0..4 { if c { r += (i as u32 + 10) / k as u32; } } r }",
    );
    ok(
        "fn main(x: [u32; 4] from A, n: u8 from B) -> u32 { let c = reveal(n % 2 == 0); let mut s: u32 = 0; for i in 0..4 { if c { s += x[i + 1]; } } reveal(s) }",
    );
    ok(
        "fn main(x: [u32; 4] from A, n: u8 from B) -> u32 { let c = reveal(n % 2 == 0); let mut s: u32 = 0; if c { s = x[0] * x[4 - 1]; assert(false); } reveal(s) }",
    );
}
#[test]
fn counted_after_all() {
    // A condition over indices counts: lanes, as in a `for`.
    shape(
        "fn main(x: [u32; 9] from A, y: [u32; 9] from B) -> u32 { let mut i = 0; let mut s: u32 = 0; while i < 9 { s += x[i] * y[i]; i += 2; } reveal(s) }",
        (0, 0, 0),
    );
    shape(
        "fn main(x: [u32; 8] from A) -> [u32; 8] { let mut v = x; let mut p = 1; while p < 8 { for i in 0..8 - p { v[i] = v[i] * v[i + p]; } p *= 2; } reveal(v) }",
        (0, 0, 1),
    );
}
#[test]
fn at_blocks_in_loops() {
    shape(
        "fn main(x: [u32; 6] from A, y: u32 from B) -> u32 { let mut s: u32 = 0; for i in 0..6 { s += at A { x[i] / 3 + i } * y; } reveal(s) }",
        (0, 0, 0),
    );
    ok(
        "fn main(x: [[u32; 3]; 5] from A) -> [u32; 5] { let mut s: [u32; 5] = [0; 5]; for i in 0..5 { let r = x[i]; let d = at A { [r[2], r.sum(), r[0]] }; s[i] = d[0] * d[1] + d[2]; } reveal(s) }",
    );
    // Only where it is reached: the block would fail elsewhere.
    ok(
        "fn main(x: [u32; 6] from A) -> u32 { let mut s: u32 = 0; for i in 0..6 { if i % 2 == 1 { s += at A { (12 / i) as u32 + x[i] }; } } reveal(s) }",
    );
    ok(
        "fn main(x: [u32; 6] from A) -> [u32; 21] { let mut s: [u32; 21] = [0; 21]; for i in 0..6 { for j in 0..i { let p = at A { [x[i], x[j]] }; s[i * 3 + j] = p[0] * p[1]; } } reveal(s) }",
    );
    ok(
        "fn main(x: [u32; 6] from A, y: u32 from B) -> u32 { let k = reveal(y % 8); let mut s: u32 = 0; for i in 0..k { s += at A { 100 / (x[i] % 3) } * y; } reveal(s) }",
    );
    shape(
        "fn main(x: u32 from A, y: u32 from B) -> u32 { let mut s = y; if reveal(y > 2) { let t = at A { 10 / x + 1 }; s = s * t; } reveal(s) }",
        (1, 0, 0),
    );
    ok(
        "fn main(x: [u32; 4] from A, y: u32 from B) -> u32 { let mut s = y; let mut k = reveal(y % 5); while k > 0 { let t = at A { x[k as u64 % 4] + k }; s = s * t; k -= 1; } reveal(s) }",
    );
    ok(
        "fn main(x: [u32; 4] from A, y: u32 from B) -> u32 { let mut s = y; for i in 0..4 { s = s * s + at A { x[i] * 2 }; if reveal(s % 2 == 0) { s += at B { y / 2 } * s; } } reveal(s) }",
    );
}
#[test]
fn at_blocks_of_families() {
    for n in [1, 2, 5] {
        ok_for(
            "party F[N]; fn main(x: [u32; N] from F, y: u32 from B) -> u32 { let h = at F { x / 2 + 1 }; reveal(h.sum() * y) }",
            &[n],
        );
        ok_for(
            "party F[N]; fn main(x: [[u32; 3]; N] from F) -> [u32; N] to F { let h = at F { [x[2], x.sum(), x[0]] }; let g = at F { h[0] / h[2] * h[1] }; g }",
            &[n],
        );
        ok_for(
            "party F[N]; fn main(x: [u32; N] from F, y: u32 from B) -> [u32; N] { let k = reveal(y % 5); let mut s = x; if k > 2 { let h = at F { x % k }; s = h * s; } reveal(s) }",
            &[n],
        );
        for inner in [
            // Lanes, a sum, a ragged loop, conditions, arrays as results, a loop that stays one.
            "let mut s: u32 = 0; for k in 1..4 { let h = at F { x / (k as u32) }; s += h.sum(); } reveal(s + y)",
            "let mut s: u32 = y; for k in 0..3 { for j in k..4 { let h = at F { x / ((j + 1) as u32) }; s += h.sum() * (k as u32); } } reveal(s)",
            "let mut s: u32 = y; for k in 0..5 { if k % 2 == 1 { let h = at F { [x % ((k + 3) as u32), x, (k as u32)] }; for t in 0..N { s += h[t][0] * h[t][2] + h[t][1]; } } } reveal(s)",
            "let mut s = y; for k in 0..3 { let c = reveal(s % 5); let h = at F { x / (c + 1) }; s = s * 3 + h.sum(); } reveal(s)",
            "let mut z: [[u32; N]; 3] = [[0; N]; 3]; for k in 0..3 { z[k] = at F { x / ((k + 1) as u32) }; } let mut s = y; for k in 0..3 { for t in 0..N { s = s * 7 + z[k][t]; } } reveal(s)",
        ] {
            ok_for(&format!("party F[N]; fn main(x: [u32; N] from F, y: u32 from B) -> u32 {{ {inner} }}"), &[n]);
        }
        ok_for(
            "party F[N]; fn main(x: [u32; N] from F) -> [u32; N] { let s = reveal_to(F, x * x); let h = at F { s / 3 }; reveal(h) }",
            &[n],
        );
    }
}
#[test]
fn a_flag_of_turns_is_there_for_the_choices_that_read_it() {
    // The flag of the inner loop is public and stays a loop of its own, apart from the choice that it decides.
    ok(
        "fn main(x: [u32; 5] from A, y: [bool; 5] from B) -> [u32; 3] { let mut v: [u32; 3] = [1; 3]; for i in 0..3 { if y[i] { break; } v[i] += v[0] * 5; for j in 0..5 { v[i] += 7; if j < 1 { if 5 > 4 { break; } } v[i] = x.map(|e| e * 3).sum() + (j as u32); } } reveal(v) }",
    );
}
#[test]
fn what_both_sides_of_a_choice_open_to_a_party_is_its_own() {
    let head = "fn main(x: u32 from A, y: u32 from B) -> ";
    for program in [
        "(bool, u32 to A) { let c = reveal(x != y); if c { (c, reveal_to(A, x * y)) } else { (c, reveal_to(A, x + y)) } }",
        "(bool, u32 to A) { let c = reveal(x != y); if c { (c, reveal_to(A, x * y)) } else { (c, reveal_to(A, 7)) } }",
        "([u32; 3] to A, bool) { let c = reveal(x != y); if c { (reveal_to(A, [x, y, x * y]), c) } else { (reveal_to(A, [0; 3]), c) } }",
        // Shared again afterwards.
        "(bool, u32) { let c = reveal(x != y); let z = if c { reveal_to(A, x * y) } else { reveal_to(A, x + y) }; (c, reveal(z + y)) }",
        "(bool, u32) { let c = reveal(x != y); let z = if c { reveal_to(A, x * y) } else { reveal_to(B, x + y) }; (c, reveal(z + y)) }",
        "u32 { let mut z = reveal_to(A, x * y); for i in 0..3 { if reveal(z > 9) { z = reveal_to(A, z + y); } } reveal(z * y) }",
        "u32 { let mut z = reveal_to(A, x * y); for i in 0..3 { z = reveal_to(A, z * z + y); } reveal(z * y) }",
        "u32 { let mut z = reveal_to(A, x * y); let mut n = 0; while reveal(z < 90) && n < 3 { z = reveal_to(A, z + y); n += 1; } reveal(z * y) }",
        "u32 to A { let mut z = reveal_to(A, x * y); let mut n = 0; while reveal(z < 90) && n < 3 { z = reveal_to(A, z + y); n += 1; } z }",
        "[u32; 3] to A { let mut z = reveal_to(A, [x, y, 3]); for i in 1..3 { z[i] = reveal_to(A, z[i - 1] * y); } z }",
        "[u32; 3] to A { let mut z = reveal_to(A, [x, y, 3]); for i in 1..3 { if reveal(y > 3) { z[i] = reveal_to(A, z[i - 1] * y); } } z }",
    ] {
        ok(&format!("{head}{program}"));
    }
}

#[test]
fn what_a_party_brought_alone_goes_back_to_it() {
    let opened = |c: &circuit::Circuit| {
        let gates = c.regions.iter().flat_map(|r| &r.gates);
        gates.filter(|g| matches!(g.op, Op::Reveal { .. })).count()
    };
    let c = ok(
        "fn main(x: [u32; 5] from A) -> [u32; 5] to A { let mut y = x; for i in 1..5 { y[i] = y[i - 1] * y[i - 1] + x[i]; } y }",
    );
    assert_eq!(opened(&c), 1);
    let c = ok(
        "fn main(x: [u32; 5] from A, y: u32 from B) -> (u32 to A, u32 to B) { let mut s: u32 = 0; for i in 0..5 { if x[i] > 3 { s = s * s + x[i]; } } let mut t = y; for i in 0..3 { t = t * t; } (s, t) }",
    );
    assert_eq!(opened(&c), 2);
    // What a choice that all know selects is the party's own still.
    ok(
        "fn main(x: [u32; 5] from A, y: u32 from B) -> (u32 to A, bool) { let c = reveal(y > 7); let mut s: u32 = 0; if c { for i in 0..5 { s = s * s + x[i]; } } (s, c) }",
    );
}
