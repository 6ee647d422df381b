//! Public counters that a program keeps by hand: they are index expressions, not values carried from iteration to iteration.
mod support;
use support::agree;

fn ok(text: &str, sizes: &[i64]) -> String {
    agree(&format!("party A, B; {text}"), sizes, &[])
}

#[test]
fn a_counter_is_the_loop_variable() {
    let s = ok(
        "fn main<N: size>(x: [u64; N] from A) -> u64 { let mut best = x[0]; let mut at: u64 = 0; let mut i: u64 = 0; for v in x { if best < v { best = v; at = i; } i += 1; } reveal(at) }",
        &[20],
    );
    assert!(!s.contains("loop"), "{s}");
}

#[test]
fn a_counter_indexes_arrays() {
    let s = ok(
        "fn main<N: size>(x: [u32; N] from A, y: [u32; N] from B) -> u32 { let mut s: u32 = 0; let mut k: u64 = N - 1; for i in 0..N { s += x[i] * y[k]; k -= 1; } reveal(s) }",
        &[12],
    );
    assert!(s.contains("dot") && !s.contains("loop"), "{s}");
}

#[test]
fn a_counter_runs_through_nested_loops() {
    let s = ok(
        "fn main(x: [u32; 12] from A, w: [u32; 3] from B) -> [u32; 4] { let mut out: [u32; 4] = [0; 4]; let mut k: u64 = 0; for i in 0..4 { for j in 0..3 { out[i] += x[k] * w[j]; k += 1; } } reveal(out) }",
        &[],
    );
    assert!(!s.contains("loop"), "{s}");
}

#[test]
fn counters_wrap_as_their_types_do() {
    ok(
        "fn main(x: [u8; 300] from A) -> (u8, u8) { let mut n: u8 = 3; let mut s: u8 = 0; for v in x { if v == n { s += 1; } n += 7; } (reveal(s), n) }",
        &[],
    );
    ok(
        "fn main(x: [i8; 70] from A) -> (u8, i8) { let mut n: i8 = -100; let mut s: u8 = 0; for i in (0..70).rev() { if x[i] < n { s += 1; } n -= 5; } (reveal(s), n) }",
        &[],
    );
}

#[test]
fn counters_with_two_steps_and_in_triangles() {
    ok(
        "fn main(x: [u32; 30] from A) -> u32 { let mut s: u32 = 0; let mut k: u64 = 0; for i in 0..10 { s += x[k]; k += 1; s += x[k] * x[i]; k += 2; } reveal(s) }",
        &[],
    );
    ok(
        "fn main(x: [u32; 15] from A) -> [u32; 5] { let mut out: [u32; 5] = [0; 5]; let mut k: u64 = 0; for i in 0..5 { for j in 0..i + 1 { out[i] += x[k]; k += 1; } } reveal(out) }",
        &[],
    );
}

#[test]
fn a_public_recurrence_keeps_one_lane_for_each_iteration() {
    let s = ok(
        "fn main<N: size>(x: [u32; N] from A) -> [bool; N] { let mut out = [false; N]; let mut r: u32 = 1; for i in 0..N { out[i] = x[i] < r; r = r * 1664525 + 1013904223; } reveal(out) }",
        &[50],
    );
    assert!(s.contains("u32[50]") && !s.contains("2500"), "{s}");
}
