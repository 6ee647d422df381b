//! Classes of programs: the lowered circuit gives what the reference evaluator gives.
mod support;
use support::agree;

fn show(text: &str, sizes: &[i64]) -> String {
    let s = agree(text, sizes, &[]);
    println!("{text}\n{s}\n");
    s
}

#[test]
fn straight_lines() {
    show(
        "party A, B; fn main(x: u32 from A, y: u32 from B) -> u32 { let z = x * y + 3; let mut w = z; if x < y { w = w + 1; } else { w = x; } reveal(w) }",
        &[],
    );
    show(
        "party A, B; fn f(a: u32) -> u32 { a * a } fn main(x: u32 from A, y: u32 from B) -> (u32, bool) { (reveal(f(x) + f(y)), reveal(x > y)) }",
        &[],
    );
}
#[test]
fn lanes_and_sums() {
    show(
        "party A, B; fn main<N: size>(x: [u32; N] from A, y: [u32; N] from B) -> u32 { let mut wins: u32 = 0; for i in 0..N { if x[i] < y[i] { wins += 1; } } reveal(wins) }",
        &[10],
    );
    show(
        "party A, B; fn main<N: size>(x: [u32; N] from A, y: [u32; N] from B) -> u32 { let mut s: u32 = 0; for i in 0..N { s += x[i] * y[i]; } reveal(s) }",
        &[10],
    );
    show(
        "party A, B; fn main<N: size>(x: [u32; N] from A, y: [u32; N] from B) -> [u32; N] { let mut z: [u32; N] = [0; N]; for i in 0..N { z[i] = x[i] * y[i]; } reveal(z) }",
        &[10],
    );
}
const AB: &str = "party A, B; ";
fn ok(text: &str, sizes: &[i64]) {
    show(&format!("{AB}{text}"), sizes);
}
#[test]
fn matmul() {
    ok(
        "fn main(a: [[u64; 3]; 2] from A, b: [[u64; 4]; 3] from B) -> [[u64; 4]; 2] { let mut c: [[u64; 4]; 2] = [[0; 4]; 2]; for i in 0..2 { for j in 0..4 { for k in 0..3 { c[i][j] += a[i][k] * b[k][j]; } } } reveal(c) }",
        &[],
    );
    ok(
        "fn main(a: [[u64; 3]; 2] from A, b: [[u64; 4]; 3] from B) -> [[u64; 4]; 2] { let mut c: [[u64; 4]; 2] = [[0; 4]; 2]; for i in 0..2 { for j in 0..4 { let mut s: u64 = 0; for k in 0..3 { s += a[i][k] * b[k][j]; } c[i][j] = s; } } reveal(c) }",
        &[],
    );
    ok(
        "fn main(a: [[u64; 3]; 2] from A, b: [[u64; 4]; 3] from B) -> [[u64; 4]; 2] { let mut c: [[u64; 4]; 2] = [[0; 4]; 2]; for k in 0..3 { for j in 0..4 { for i in 0..2 { c[i][j] += a[i][k] * b[k][j]; } } } reveal(c) }",
        &[],
    );
}
#[test]
fn extremes() {
    ok(
        "fn main(x: [u32; 9] from A) -> u32 { let mut m = x[0]; for i in 1..9 { if x[i] > m { m = x[i]; } } reveal(m) }",
        &[],
    );
    ok("fn main(x: [u32; 9] from A) -> u32 { reveal(x.max()) }", &[]);
    ok("fn main(x: [i32; 9] from A) -> i32 { reveal(x.min()) }", &[]);
    ok("fn main(x: [u32; 9] from A) -> u64 { reveal(x.argmax()) }", &[]);
    ok(
        "fn main(x: [u32; 9] from A) -> u64 { let mut m = x[0]; let mut p: u64 = 0; for i in 1..9 { if x[i] > m { m = x[i]; p = i; } } reveal(p) }",
        &[],
    );
    ok(
        "fn main(x: [u32; 9] from A) -> (u64, u32) { let mut m: u32 = 0; let mut p: u64 = 77; for i in 0..9 { if x[i] > m { m = x[i]; p = i; } } (reveal(p), reveal(m)) }",
        &[],
    );
    ok(
        "fn main(x: [u32; 9] from A) -> (u64, u32) { let mut m: u32 = 0; let mut p: u64 = 77; for i in 0..9 { if x[i] >= m { m = x[i]; p = i; } } (reveal(p), reveal(m)) }",
        &[],
    );
    ok(
        "fn main(x: [u32; 9] from A) -> (u64, u32) { let mut m: u32 = 0; let mut p: u64 = 77; for i in (0..9).rev() { if x[i] > m { m = x[i]; p = i; } } (reveal(p), reveal(m)) }",
        &[],
    );
}
#[test]
fn histogram() {
    ok(
        "fn main(k: [u8; 20] from A) -> [u32; 5] { let mut h: [u32; 5] = [0; 5]; for i in 0..20 { for b in 0..5 { if k[i] == b { h[b] += 1; } } } reveal(h) }",
        &[],
    );
    ok(
        "fn main(k: [u8; 20] from A) -> [u32; 5] { let mut h: [u32; 5] = [0; 5]; for b in 0..5 { for i in 0..20 { if k[i] == b { h[b] += 1; } } } reveal(h) }",
        &[],
    );
    ok(
        "fn main(k: [u8; 20] from A, w: [u32; 20] from B) -> [u32; 5] { let mut h: [u32; 5] = [7; 5]; for b in 0..5 { for i in 0..20 { if k[i] == b { h[b] += w[i]; } } } reveal(h) }",
        &[],
    );
}
#[test]
fn triangles() {
    ok(
        "fn main(x: [u8; 7] from A) -> u32 { let mut n: u32 = 0; for i in 0..7 { for j in i + 1..7 { if x[i] == x[j] { n += 1; } } } reveal(n) }",
        &[],
    );
    ok(
        "fn main(x: [u8; 7] from A) -> [u32; 7] { let mut r: [u32; 7] = [0; 7]; for i in 0..7 { let mut n: u32 = 3; for j in i..7 { if x[i] < x[j] { n += 1; } } r[i] = n; } reveal(r) }",
        &[],
    );
    ok(
        "fn main(x: [u8; 7] from A) -> u8 { let mut n: u8 = 0; for i in 0..7 { for j in 0..7 { if i != j && (i + j) % 3 == 0 { n += x[i] * x[j]; } } } reveal(n) }",
        &[],
    );
}
#[test]
fn sequential() {
    ok("fn main(x: [u32; 8] from A) -> u32 { let mut s: u32 = 1; for i in 0..8 { s = s * s + x[i]; } reveal(s) }", &[]);
    ok(
        "fn main(x: [u32; 8] from A) -> [u32; 8] { let mut s: u32 = 1; let mut y: [u32; 8] = [0; 8]; for i in 0..8 { s = s * s + x[i]; y[i] = s * 3; } reveal(y) }",
        &[],
    );
    ok(
        "fn main(x: [u32; 8] from A) -> [u32; 8] { let mut y = x; for i in 1..8 { y[i] = y[i - 1] * y[i] + 1; } reveal(y) }",
        &[],
    );
    ok(
        "fn main(x: [[u32; 5]; 4] from A) -> [u32; 4] { let mut y: [u32; 4] = [0; 4]; for i in 0..4 { let mut s: u32 = 0; for j in 0..5 { s = s * s + x[i][j]; } y[i] = s; } reveal(y) }",
        &[],
    );
    ok(
        "fn main(x: [u32; 8] from A) -> [u32; 8] { let mut y = x; for i in (0..7).rev() { y[i] = y[i + 1] * y[i] + 1; } reveal(y) }",
        &[],
    );
    ok(
        "fn main(x: [u32; 8] from A) -> [u32; 8] { let mut y = x; for i in 0..8 { for j in 0..7 { if y[j] > y[j + 1] { let t = y[j]; y[j] = y[j + 1]; y[j + 1] = t; } } } reveal(y) }",
        &[],
    );
    ok(
        "fn main(x: [u32; 8] from A) -> [u32; 8] { let mut y = x; for r in 0..8 { for i in 0..4 { if 2 * i + r % 2 + 1 < 8 { let a = y[2 * i + r % 2]; let b = y[2 * i + r % 2 + 1]; y[2 * i + r % 2] = min(a, b); y[2 * i + r % 2 + 1] = max(a, b); } } } reveal(y) }",
        &[],
    );
}
#[test]
fn network() {
    ok(
        "fn sorted<N: size, L: size>(xs: [u32; N]) -> [u32; N] { let mut v = xs; for level in 0..L { for step in 0..level + 1 { let p = 1 << level; let k = p >> step; for i in 0..N { if i >= k % p && (i - k % p) / k % 2 == 0 && i + k < N && i / (2 * p) == (i + k) / (2 * p) { let lo = min(v[i], v[i + k]); let hi = max(v[i], v[i + k]); v[i] = lo; v[i + k] = hi; } } } } v } fn main(xs: [u32; 16] from A) -> [u32; 16] to A { reveal_to(A, sorted::<16, 4>(xs)) }",
        &[],
    );
}
#[test]
fn methods() {
    ok(
        "fn main<N: size>(x: [u32; N] from A, y: [u32; N] from B) -> (u32, u64, bool) { (reveal(x.zip(y).map(|(a, b)| a * b).sum()), reveal(x.count(|v| v > 3)), reveal((x < y).all())) }",
        &[6],
    );
    ok("fn main<N: size>(x: [u32; N] from A, y: [u32; N] from B) -> [u32; N] { reveal(x * y + x) }", &[6]);
    ok("fn main<N: size>(x: [u32; N] from A) -> u32 { reveal(x.fold(1, |a, v| a * 3 + v)) }", &[6]);
    ok(
        "fn main<N: size>(x: [u32; N] from A) -> u32 { let mut s: u32 = 0; for (i, v) in x.enumerate() { s += v * i; } reveal(s) }",
        &[6],
    );
    ok("fn main<N: size>(x: [[u32; 3]; N] from A) -> [u32; N] { reveal(x.map(|r| r.sum())) }", &[6]);
}
#[test]
fn odds_and_ends() {
    ok(
        "fn main(bid: [u64; 6] from A) -> (u64, u64) { let winner = reveal(bid.argmax()); let mut others = bid; others[winner] = 0; (winner, reveal(others.max())) }",
        &[],
    );
    ok(
        "fn main(h: u64 from A, b: [u64; 6] from B) -> bool to A { let mut found = false; for i in 0..6 { if b[i] == h { found = true; } } reveal_to(A, found) }",
        &[],
    );
    ok(
        "fn trimmed<N: size>(s: [u16; N]) -> u16 { s.sum() - s.min() - s.max() } fn main(s: [[u16; 4]; 3] from A) -> u64 { let mut p: [u16; 4] = [0; 4]; for d in 0..4 { let mut c: [u16; 3] = [0; 3]; for j in 0..3 { c[j] = s[j][d]; } p[d] = trimmed::<3>(c); } reveal(p.argmax()) }",
        &[],
    );
    ok(
        "fn main(x: [u32; 9] from A) -> (u32, u32) { let mut a = x; let b = a; a[0] = 5; for i in 0..9 { a[i] = a[i] + 1; } (reveal(a.sum()), reveal(b.sum())) }",
        &[],
    );
    ok(
        "fn main(x: [u32; 9] from A) -> u32 { let mut t: u32 = 0; let mut s: u32 = 0; for i in 0..9 { t = x[i] * x[i]; s += t; } reveal(s + t) }",
        &[],
    );
    ok(
        "fn main(x: [u32; 9] from A) -> [u32; 3] { let mut t: [u32; 3] = [0; 3]; let mut k = 0; for i in 0..3 { t[i] = x[k]; k += 4; } reveal(t) }",
        &[],
    );
    ok(
        "fn main(x: u32 from A, y: u32 from B) -> [u32; 4] { let a = [x, y, x + y, 7]; let mut b = a; if x > y { b[1] = 9; b = a; b[2] = y; } else { b[3] = x; } reveal(b) }",
        &[],
    );
    ok(
        "fn main(x: [u32; 9] from A) -> u32 { let mut s: u32 = 0; for i in (0..9).step_by(2).rev() { if i > 3 { s += x[i]; } else { s = s - x[i] * 2; } } reveal(s) }",
        &[],
    );
    ok(
        "fn main(x: [u32; 9] from A) -> [u32; 9] { let mut p = x[0]; let mut y = x; for i in 0..9 { y[i] = p + x[i]; p = x[i]; } reveal(y) }",
        &[],
    );
}
#[test]
fn ragged() {
    ok(
        "fn main<M: size>(x: [u32; M] from A) -> [u32; M] { let mut v = x; for r in 0..3 { for i in 0..(M - r % 2) / 2 { let a: u32 = v[2 * i + r % 2]; let b: u32 = v[2 * i + r % 2 + 1]; v[2 * i + r % 2] = min(a, b); v[2 * i + r % 2 + 1] = max(a, b); } } reveal(v) }",
        &[2],
    );
}

#[test]
fn recursion() {
    ok(
        "fn power(x: u32, n: u32) -> u32 { if n == 0 { 1 } else if n % 2 == 1 { x * power(x, n - 1) } else { let h = power(x, n / 2); h * h } }
        fn main(x: u32 from A, c: bool from B) -> u32 { let mut p = x; if c { p = power(x, 13); } reveal(p) }",
        &[],
    );
    let halves = "fn most<N: size>(xs: [u32; N]) -> u32 {
        if N == 1 { return xs[0]; }
        let mut low: [u32; N / 2] = [0; N / 2];
        let mut high: [u32; N - N / 2] = [0; N - N / 2];
        for i in 0..N / 2 { low[i] = xs[i]; }
        for i in 0..N - N / 2 { high[i] = xs[N / 2 + i]; }
        max(most(low), most(high))
    }
    fn main<N: size>(xs: [u32; N] from A) -> u32 { reveal(most(xs)) }";
    for n in [1, 2, 7, 16] {
        ok(halves, &[n]);
    }
    // As deep as it may go, on the stack of a test.
    ok(
        "fn down(x: u32, n: u32) -> u32 { if n == 0 { x } else { down(x + 1, n - 1) } }
        fn main(x: u32 from A) -> u32 { reveal(down(x, 9990)) }",
        &[],
    );
}
