//! Compiling does not depend on sizes: the same text but for numbers.
mod support;
use std::time::Instant;
use support::load;

fn text(src: &str, sizes: &[i64]) -> String {
    let l = load(src, sizes, &[]);
    let t = Instant::now();
    let mut c = l.lower().unwrap_or_else(|e| panic!("{src} {e:#?}")).circuit;
    let ms = t.elapsed().as_millis();
    circuit::text::normalise(&mut c, None);
    let t2 = Instant::now();
    circuit::verify::verify(&c).unwrap_or_else(|e| panic!("{}\n{}", circuit::text::print(&c), e[0]));
    println!("{sizes:?}: lower {ms} ms, verify {} ms: {src:.80}", t2.elapsed().as_millis());
    circuit::text::print(&c)
}
fn shape(t: &str) -> String {
    t.chars()
        .map(|c| if c.is_ascii_digit() { '#' } else { c })
        .collect::<String>()
        .split("##")
        .collect::<String>()
        .replace('#', "")
}
#[test]
fn sizes_are_numbers() {
    for src in [
        "party A, B; fn main<N: size>(x: [u32; N] from A, y: [u32; N] from B) -> u32 { let mut s: u32 = 0; for i in 0..N { if x[i] < y[i] { s += 1; } } reveal(s) }",
        "party A, B; fn main<N: size>(x: [u32; N] from A) -> u32 { let mut s: u32 = 0; for i in 0..N { for j in i + 1..N { if x[i] == x[j] { s += 1; } } } reveal(s) }",
        "party A, B; fn main<N: size>(x: [u32; N] from A) -> u32 { let mut s: u32 = 1; for i in 0..N { s = s * s + x[i]; } reveal(s) }",
        "party A, B; fn main<N: size>(x: [u8; N] from A) -> [u32; 10] { let mut h: [u32; 10] = [0; 10]; for i in 0..N { for b in 0..10 { if x[i] == b { h[b] += 1; } } } reveal(h) }",
        "party A, B; fn main<N: size>(x: [u32; N] from A) -> [u32; N] { let mut y = x; for i in 1..N { y[i] = y[i - 1] * y[i - 1] + y[i]; } reveal(y) }",
        "party A, B; fn main<N: size>(x: [u32; N] from A) -> u64 { reveal(x.argmax()) }",
        "party A, B; fn main<N: size>(x: [u32; N] from A) -> [u32; N] { let mut y = x; for r in 0..N { for i in 0..(N - r % 2) / 2 { let a = y[2 * i + r % 2]; let b = y[2 * i + r % 2 + 1]; y[2 * i + r % 2] = min(a, b); y[2 * i + r % 2 + 1] = max(a, b); } } reveal(y) }",
    ] {
        let a = text(src, &[1000]);
        let b = text(src, &[1_000_000]);
        println!("{a}");
        assert_eq!(shape(&a), shape(&b), "{a}\n{b}");
        text(src, &[1_000_000_000]);
    }
}
#[test]
fn network() {
    let src = "party A, B; fn sorted<N: size, L: size>(xs: [u32; N]) -> [u32; N] { let mut v = xs; for level in 0..L { for step in 0..level + 1 { let p = 1 << level; let k = p >> step; for i in 0..N { if i >= k % p && (i - k % p) / k % 2 == 0 && i + k < N && i / (2 * p) == (i + k) / (2 * p) { let lo = min(v[i], v[i + k]); let hi = max(v[i], v[i + k]); v[i] = lo; v[i + k] = hi; } } } } v } fn main<N: size, L: size>(xs: [u32; N] from A) -> [u32; N] to A { reveal_to(A, sorted::<N, L>(xs)) }";
    text(src, &[1 << 10, 10]);
    println!("{}", text(src, &[1 << 14, 14]));
}
#[test]
fn straight() {
    let mut s =
        String::from("party A, B; fn main(x: u32 from A, y: u32 from B) -> u32 { let mut a = x; let mut b = y;\n");
    for k in 0..50_000 {
        s.push_str(&format!("a = a * b + {k};\nb = b + a;\n"));
    }
    s.push_str("reveal(a + b) }");
    text(&s, &[]);
}
