//! Strings: columns of numbers that stay with their party, and public ones that are numbers known now.
mod support;
use support::{agree_also_in_errors, load};

/// No gate of the circuit shares or opens anything of 128 bits.
fn nothing_leaves(c: &circuit::Circuit) {
    let text = circuit::text::print(c);
    let out = |l: &&str| (l.contains("share") || l.contains("reveal")) && l.contains("u128");
    assert_eq!(text.lines().find(out), None, "{text}");
}

#[test]
fn a_party_s_strings_are_its_own() {
    for text in [
        "party A, B; fn main(a: [str; 5] from A, b: [str; 5] from B) -> u64 {
            let (x, y) = (at A { a.map(|s| s.hash()) }, at B { b.map(|s| s.hash()) });
            reveal((x == y).count()) }",
        "party A; struct P { name: str, n: u32 } fn main(ps: [P; 4] from A) -> (u64, u32) {
            let mut k: u64 = 0; let mut s: u32 = 0;
            for p in ps { k += at A { if p.name == \"x\" { 1 } else { p.name.hash() } }; s += p.n; }
            let third = ps[2];
            (reveal(k), reveal(s + at A { (third.name == ps[0].name) as u32 })) }",
        "party A; fn main(a: [[str; 2]; 3] from A, k: u32 from A) -> u64 {
            let row = a[1];
            let s = at A { if k == 0 { row[0] } else { row[k % 2] } };
            let both = (s, k);
            let (t, n) = both;
            reveal(at A { t.hash() } + n as u64) }",
        "party F[M]; fn main(names: [str; M] from F) -> u64 { reveal((at F { names.hash() }).sum()) }",
        "party F[M]; fn main(names: [(str, u32); M] from F) -> u64 {
            let twice = at F { (names.0, names.1 + 1) };
            reveal((at F { twice.0.hash() + twice.1 as u64 }).sum()) }",
    ] {
        let c = agree_also_in_errors(text, &[], &[3]);
        nothing_leaves(&c);
    }
}

#[test]
fn public_strings_are_numbers() {
    for text in [
        "fn main() -> (bool, u64, u64, [u8; 4]) { let s = \"abcde\"; (s == \"x\", s.hash(), s.len(), s.bytes::<4>()) }",
        "fn main() -> (u64, u64) { let e = \"\"; (e.hash(), e.len()) }",
        "fn main() -> bool { [\"a\", \"b\"] == [\"a\", \"c\"]; let p = (\"a\", 1 as u8); p == (\"a\", 1) }",
        "party A; fn main(c: bool from A) -> u64 { let s = if reveal(c) { \"a\" } else { \"\" }; s.hash() }",
        "party A; fn main(k: u8 from A) -> u64 {
            let words = [\"a\", \"b\", \"\"]; let mut h: u64 = 0; for w in words { h += w.hash(); } h + words[reveal(k % 3)].hash() }",
    ] {
        agree_also_in_errors(text, &[], &[]);
    }
}

/// Code of the first finding, and words of it.
fn refused(text: &str) -> (&'static str, String) {
    let f = load(text, &[], &[]).lower().expect_err(text);
    (f[0].code, f[0].message.clone())
}

#[test]
fn what_would_share_a_string_is_refused() {
    // A generic function says nothing of strings; where it is called with one, lowering does.
    for text in [
        "party A; fn same<T: Eq>(x: T, y: T) -> bool { x == y } fn main(a: str from A) -> bool { reveal(same(a, \"x\")) }",
        "party A; fn same<T: Eq>(x: T, y: T) -> bool { x == y }
         fn main(a: [str; 3] from A) -> bool { reveal(same(a[0], \"x\")) }",
        "party A; fn open<T>(x: T) -> T { reveal(x) } fn main(a: [str; 3] from A) -> u64 { let b = open(a); b[1].hash() }",
        "party A; fn main(a: [str; 3] from A) -> u64 { let mut b = a; b[0] = \"x\"; reveal(at A { b[0].hash() }) }",
        "party A; fn two<T>(x: T, y: T) -> [T; 2] { [x, y] } fn main(a: str from A, b: str from A) -> u64 {
            let c = two(a, b); reveal(at A { c[1].hash() }) }",
    ] {
        let (code, message) = refused(text);
        assert_eq!(code, "E0315", "{text}: {message}");
    }
    let (code, message) =
        refused("party A; fn main(c: bool from A) -> u64 { let s = if reveal(c) { \"a\" } else { \"bc\" }; s.len() }");
    assert_eq!(code, "E0410", "{message}");
}
