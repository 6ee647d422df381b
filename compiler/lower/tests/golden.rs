//! Golden pairs: the naive program and the expert's form of each class give the same circuit text.
mod support;

/// The text without spans, names of sizes and parameters as given.
fn text(src: &str) -> String {
    let t = support::agree(&format!("party A, B;\n{src}"), &[], &[]);
    t.lines().map(|l| l.split(" !").next().unwrap_or(l)).collect::<Vec<_>>().join("\n")
}
fn same(class: &str, forms: &[&str]) {
    let first = text(forms[0]);
    for f in &forms[1..] {
        assert_eq!(first, text(f), "{class}:\n{}\n{f}", forms[0]);
    }
}

#[test]
fn elementwise_product() {
    same(
        "elementwise",
        &[
            "fn main(x: [u32; 8] from A, y: [u32; 8] from B) -> [u32; 8] { reveal(x * y) }",
            "fn main(x: [u32; 8] from A, y: [u32; 8] from B) -> [u32; 8] { let mut z: [u32; 8] = [0; 8]; for i in 0..8 { z[i] = x[i] * y[i]; } reveal(z) }",
            "fn main(x: [u32; 8] from A, y: [u32; 8] from B) -> [u32; 8] { let mut out: [u32; 8] = [9; 8]; for k in (0..8).rev() { let a = y[k]; let t = a * x[k]; out[k] = t; } reveal(out) }",
            "fn main(x: [u32; 8] from A, y: [u32; 8] from B) -> [u32; 8] { let mut z = x; for i in 1..9 { z[i - 1] *= y[i - 1]; } reveal(z) }",
            "fn main(x: [u32; 8] from A, y: [u32; 8] from B) -> [u32; 8] { let mut z: [u32; 8] = [0; 8]; for i in (0..16).step_by(2) { z[i / 2] = x[i / 2] * y[i / 2]; } reveal(z) }",
            "fn main(x: [u32; 8] from A, y: [u32; 8] from B) -> [u32; 8] { reveal(x.zip(y).map(|(a, b)| b * a)) }",
            "fn mul(a: u32, b: u32) -> u32 { a * b } fn main(x: [u32; 8] from A, y: [u32; 8] from B) -> [u32; 8] { let mut z: [u32; 8] = [0; 8]; let mut i = 0; for j in 0..8 { z[i] = mul(x[j], y[i]); i += 1; } reveal(z) }",
        ],
    );
}
#[test]
fn inner_product() {
    same("inner product", &[
        "fn main(x: [u32; 8] from A, y: [u32; 8] from B) -> u32 { reveal((x * y).sum()) }",
        "fn main(x: [u32; 8] from A, y: [u32; 8] from B) -> u32 { let mut s: u32 = 0; for i in 0..8 { s += x[i] * y[i]; } reveal(s) }",
        "fn main(x: [u32; 8] from A, y: [u32; 8] from B) -> u32 { let mut s: u32 = 0; for i in (0..8).rev() { let t = y[i] * x[i]; s = t + s; } reveal(s) }",
        "fn main(x: [u32; 8] from A, y: [u32; 8] from B) -> u32 { reveal(x.zip(y).fold(0, |s, (a, b)| s + a * b)) }",
        "fn main(x: [u32; 8] from A, y: [u32; 8] from B) -> u32 { reveal(x.zip(y).map(|(a, b)| a * b).sum()) }",
    ].map(|s| s));
}
#[test]
fn matrix_product() {
    let head = "fn main(a: [[u64; 3]; 2] from A, b: [[u64; 4]; 3] from B) -> [[u64; 4]; 2] { let mut c: [[u64; 4]; 2] = [[0; 4]; 2];";
    let forms: Vec<String> = [
        "for i in 0..2 { for j in 0..4 { for k in 0..3 { c[i][j] += a[i][k] * b[k][j]; } } }",
        "for i in 0..2 { for j in 0..4 { let mut s: u64 = 0; for k in 0..3 { s += a[i][k] * b[k][j]; } c[i][j] = s; } }",
        "for k in 0..3 { for j in 0..4 { for i in 0..2 { c[i][j] += b[k][j] * a[i][k]; } } }",
        "for j in 0..4 { for i in 0..2 { for k in 0..3 { c[i][j] = a[i][k] * b[k][j] + c[i][j]; } } }",
        "for j in 0..4 { for k in 0..3 { for i in 0..2 { let t = a[i][k]; c[i][j] += t * b[k][j]; } } }",
    ]
    .iter()
    .map(|b| format!("{head} {b} reveal(c) }}"))
    .collect();
    same("matrix product", &forms.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(text(&forms[0]).contains("matmul"));
}
#[test]
fn extremes() {
    same(
        "max",
        &[
            "fn main(x: [u32; 8] from A) -> u32 { reveal(x.max()) }",
            "fn main(x: [u32; 8] from A) -> u32 { let mut m = x[0]; for i in 1..8 { if x[i] > m { m = x[i]; } } reveal(m) }",
            "fn main(x: [u32; 8] from A) -> u32 { let mut best: u32 = 0; for v in x { if best < v { best = v; } } reveal(best) }",
            "fn main(x: [u32; 8] from A) -> u32 { let mut m = x[0]; for i in 0..7 { m = max(m, x[i + 1]); } reveal(m) }",
            "fn main(x: [u32; 8] from A) -> u32 { let mut m = x[0]; for i in 1..8 { m = if m >= x[i] { m } else { x[i] }; } reveal(m) }",
        ],
    );
    same(
        "argmax",
        &[
            "fn main(x: [u32; 8] from A) -> u64 { reveal(x.argmax()) }",
            "fn main(x: [u32; 8] from A) -> u64 { let mut m = x[0]; let mut p: u64 = 0; for i in 1..8 { if x[i] > m { m = x[i]; p = i; } } reveal(p) }",
            "fn main(x: [u32; 8] from A) -> u64 { let mut at: u64 = 0; let mut best = x[0]; for j in 0..7 { let v = x[j + 1]; if best < v { at = j + 1; best = v; } } reveal(at) }",
        ],
    );
}
#[test]
fn counts() {
    same(
        "count",
        &[
            "fn main(x: [u32; 8] from A, y: [u32; 8] from B) -> u64 { reveal((x < y).count()) }",
            "fn main(x: [u32; 8] from A, y: [u32; 8] from B) -> u64 { let mut n: u64 = 0; for i in 0..8 { if x[i] < y[i] { n += 1; } } reveal(n) }",
            "fn main(x: [u32; 8] from A, y: [u32; 8] from B) -> u64 { let mut n: u64 = 0; for i in (0..8).rev() { n = if y[i] > x[i] { n + 1 } else { n }; } reveal(n) }",
            "fn main(x: [u32; 8] from A, y: [u32; 8] from B) -> u64 { reveal(x.zip(y).count(|(a, b)| a < b)) }",
        ],
    );
    same(
        "any",
        &[
            "fn main(x: [u32; 8] from A, k: u32 from B) -> bool { reveal(x.map(|v| v == k).any()) }",
            "fn main(x: [u32; 8] from A, k: u32 from B) -> bool { let mut f = false; for i in 0..8 { if x[i] == k { f = true; } } reveal(f) }",
            "fn main(x: [u32; 8] from A, k: u32 from B) -> bool { let mut f = false; for v in x { f = f || k == v; } reveal(f) }",
        ],
    );
    same(
        "histogram",
        &[
            "fn main(k: [u8; 9] from A) -> [u32; 4] { let mut h: [u32; 4] = [0; 4]; for b in 0..4 { for i in 0..9 { if k[i] == b { h[b] += 1; } } } reveal(h) }",
            "fn main(k: [u8; 9] from A) -> [u32; 4] { let mut h: [u32; 4] = [0; 4]; for b in 0..4 { let mut n: u32 = 0; for i in 0..9 { if k[i] == b { n += 1; } } h[b] = n; } reveal(h) }",
        ],
    );
    same(
        "pairs",
        &[
            "fn main(x: [u32; 7] from A) -> u32 { let mut n: u32 = 0; for i in 0..7 { for j in i + 1..7 { if x[i] == x[j] { n += 1; } } } reveal(n) }",
            "fn main(x: [u32; 7] from A) -> u32 { let mut n: u32 = 0; for a in 0..6 + 1 { let v = x[a]; for b in 0..6 - a { if x[a + 1 + b] == v { n = 1 + n; } } } reveal(n) }",
        ],
    );
}
#[test]
fn sorting() {
    let stage = |body: &str| {
        format!(
            "fn main(x: [u32; 8] from A) -> [u32; 8] {{ let mut v = x; for r in 0..8 {{ for i in 0..(8 - r % 2) / 2 {{ {body} }} }} reveal(v) }}"
        )
    };
    let forms = [
        stage(
            "let a = v[2 * i + r % 2]; let b = v[2 * i + r % 2 + 1]; v[2 * i + r % 2] = min(a, b); v[2 * i + r % 2 + 1] = max(a, b);",
        ),
        stage("let p = 2 * i + r % 2; if v[p] > v[p + 1] { let t = v[p]; v[p] = v[p + 1]; v[p + 1] = t; }"),
    ];
    let t = text(&forms[0]);
    assert_eq!(t.matches(" loop ").count(), 1, "{t}");
    same("stages", &forms.iter().map(String::as_str).collect::<Vec<_>>());
}
