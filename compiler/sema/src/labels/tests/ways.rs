//! Every way by which a secret might come down without being revealed: operations, sizes, closures, generics, methods.
//! Knows the label check through `errors` alone.

use super::{REJECTED as FLOWS, errors, jumps, recursion, run};

/// As in `tests`: what it shows, code and line of each error, the program.
pub(super) const REJECTED: &[(&str, &str, &str)] = &[
    (
        "a secret step",
        "E0305 3",
        "fn main(x: u32 from Ada) -> u32 {
    let mut s: u32 = 0;
    for i in (0..9).step_by(x) { s += 1; }
    reveal(s)
}",
    ),
    ("an array of a secret length", "E0207 1", "fn main(x: u32 from Ada) -> u32 { reveal([1u32; x].sum()) }"),
    (
        "a secret as a size argument",
        "E0207 2",
        "fn zeros<N: size>() -> [u32; N] { [0; N] }
fn main(x: u32 from Ada) -> u32 { reveal(zeros::<{x}>().sum()) }",
    ),
    (
        "a size chosen by a secret",
        "E0308 2",
        "fn main<N: size>(x: u32 from Ada, ys: [u32; N] from Ben) -> u32 {
    let k = if x > 3 { N } else { 0 };
    reveal(ys.sum()) + k as u32
}",
    ),
    (
        "an `at` in a closure under a secret",
        "E0303 3",
        "fn main(x: u32 from Ada, ys: [u32; 3] from Ben) -> [u32; 3] {
    let mut r = ys;
    if x < 3 { r = ys.map(|y| y + at Ada { x / 2 }); }
    reveal(r)
}",
    ),
    (
        "a `while` in a closure under a secret",
        "E0313 3",
        "fn main(x: u32 from Ada, ys: [u32; 3] from Ben, n: public u32) -> [u32; 3] {
    let mut r = ys;
    if x < 3 { r = ys.map(|y| { let mut k: u32 = 0; while k < n { k += 1; } k }); }
    reveal(r)
}",
    ),
    (
        "a `while` in what is called under a secret `match`",
        "E0313 2",
        "fn turns(n: u32) -> u32 { let mut k: u32 = 0; while k < n { k += 1; } k }
fn main(x: u32 from Ada) -> u32 { reveal(match x { 0 => turns(3), _ => 0 }) }",
    ),
    (
        "a reveal_to in a closure under a secret",
        "E0302 3",
        "fn main(x: u32 from Ada, ys: [u32; 3] from Ben) -> u32 {
    let mut s: u32 = 0;
    if x < 3 { s = ys.map(|y| reveal_to(Ada, y)).sum(); }
    reveal(s)
}",
    ),
    (
        "a reveal_to in what is called under a secret",
        "E0302 2",
        "fn tell(y: u32) -> u32 { reveal_to(Ada, y) }
fn main(x: u32 from Ada, y: u32 from Ben) -> u32 { reveal(if x < 3 { tell(y) } else { 0 }) }",
    ),
    (
        "a secret bound in a closure",
        "E0305 2",
        "fn main(xs: [u32; 3] from Ada) -> [u32; 3] {
    reveal(xs.map(|x| { let mut s: u32 = 0; for i in 0..x { s += 1; } s }))
}",
    ),
    (
        "a closure over what a secret chose",
        "E0301 4",
        "fn main(x: u32 from Ada) -> [u32; 3] {
    let mut k: u32 = 0;
    if x < 3 { k = 1; }
    [1u32, 2, 3].map(|v| v + k)
}",
    ),
    (
        "a closure that a variable holds",
        "E0301 3",
        "fn main(x: u32 from Ada) -> u32 {
    let f = |k: u32| if k < x { 1u32 } else { 0 };
    f(3)
}",
    ),
    (
        "a closure over what was secret before it",
        "E0301 5",
        "fn main(x: u32 from Ada) -> u32 {
    let mut k = x;
    let f = |v: u32| v + k;
    k = 0;
    f(3) + k
}",
    ),
    (
        "a closure beside an argument that replaces its secret",
        "E0301 4",
        "fn call(f: fn(u32) -> u32, a: u32) -> u32 { f(a) }
fn main(x: u32 from Ada) -> u32 {
    let mut k = x;
    call(|v| v + k, { k = 0; 3 }) + k
}",
    ),
    (
        "a reveal in a generic called under a secret",
        "E0302 2",
        "fn open<T>(a: T) -> T { reveal(a) }
fn main(x: u32 from Ada, y: bool from Ben) -> bool { reveal(if x < 3 { open(y) } else { false }) }",
    ),
    (
        "a generic that chooses by a secret",
        "E0301 2",
        "fn least<T: Ord>(a: T, b: T) -> u32 { if a < b { 1 } else { 2 } }
fn main(x: i13 from Ada) -> u32 { least(x, 3) }",
    ),
    (
        "a generic over sizes that looks at one element",
        "E0301 2",
        "fn is_first<T: Eq, N: size>(xs: [T; N], k: T) -> bool { let mut r = false; for i in 0..N { if xs[i] == k { r = i == 0; } } r }
fn main(xs: [u32; 4] from Ada) -> bool { is_first(xs, 7) }",
    ),
    (
        "a reveal in a method called under a secret",
        "E0302 3",
        "struct S { a: u32 }
impl S { fn open(self) -> u32 { reveal(self.a) } }
fn main(x: u32 from Ada) -> u32 { let s = S { a: x }; reveal(if x < 3 { s.open() } else { 0 }) }",
    ),
    (
        "a field through a method",
        "E0301 3",
        "struct S { a: u32, b: u32 }
impl S { fn b_if_a(self) -> u32 { if self.a > 3 { self.b } else { 0 } } }
fn main(x: u32 from Ada) -> u32 { S { a: x, b: 5 }.b_if_a() }",
    ),
    ("to one party what another's condition chose", "E0301 1", "fn main(y: u32 from Ben) -> u32 to Ada { if y > 3 { 1 } else { 0 } }"),
    (
        "an `at` block's value that nobody revealed",
        "E0301 1",
        "fn main(p: public u32) -> u32 { at Ada { p + 1 } }",
    ),
    (
        "a secret index in a closure",
        "E0301 1",
        "fn main(ks: [u32; 3] from Ben) -> [u32; 3] { ks.map(|k| [5u32, 6, 7][k]) }",
    ),
    (
        "a field of an element at a secret index",
        "E0301 5",
        "struct P { a: u32, b: u32 }
fn main(k: u32 from Ben) -> u32 {
    let mut ps = [P { a: 1, b: 2 }; 3];
    ps[k].a = 9;
    ps[1].a
}",
    ),
    (
        "a row at a secret index",
        "E0301 1",
        "fn main(k: u32 from Ben) -> [u32; 2] { [[1u32, 2], [3, 4], [5, 6]][k] }",
    ),
    (
        "a bound from a secret `match`",
        "E0305 4",
        "fn main(x: u32 from Ada) -> u32 {
    let n: u32 = match x { 0 => 3, _ => 4 };
    let mut s: u32 = 0;
    for i in 0..n { s += 1; }
    reveal(s)
}",
    ),
    (
        "a bound behind a secret `break`",
        "E0305 4",
        "fn main(xs: [u32; 3] from Ada) -> u32 {
    let mut n: u32 = 0;
    for x in xs { if x > 3 { break; } n += 1; }
    for i in 0..n { n += 1; }
    reveal(n)
}",
    ),
    (
        "a value of the run that comes in as kept",
        "E0301 1",
        "fn main(t: secret u32) -> u32 { t + 1 }",
    ),
    (
        "an assertion behind a secret `return`",
        "E0309 6",
        "fn f(x: u32, n: u32) -> u32 {
    if x > 3 { return 1; }
    assert(n > 1);
    0
}
fn main(x: u32 from Ada, n: public u32) -> u32 { reveal(f(x, n)) }",
    ),
];

pub(super) const ACCEPTED: &[(&str, &str)] = &[
    (
        "one function on public and on secret values",
        "fn twice(a: u32) -> u32 { a + a }
fn main(x: u32 from Ada) -> u32 { twice(3) + reveal(twice(x)) }",
    ),
    (
        "one field of an array of structs secret, the other not",
        "struct P { a: u32, b: u32 }
fn main(x: u32 from Ada) -> u32 { let mut ps = [P { a: 1, b: 2 }; 3]; ps[0].a = x; ps[1].b }",
    ),
    ("an `at` block's value to its party", "fn main(p: public u32) -> u32 to Ada { at Ada { p + 1 } }"),
    (
        "a reveal behind a turn left in secret",
        "fn main(xs: [u32; 3] from Ada) -> u32 {
    let mut s: u32 = 0;
    for i in 0..3 {
        for x in xs { if x > 3 { continue; } s += x; }
        s = reveal(s);
    }
    s
}",
    ),
    (
        "loops and calls with public bounds under a secret",
        "fn sum(xs: [u32; 3]) -> u32 { let mut s: u32 = 0; for x in xs { s += x; } s }
fn main(xs: [u32; 3] from Ada) -> u32 { reveal(if xs[0] > 3 { sum(xs) } else { 0 }) }",
    ),
    (
        "a size stays public whatever an array holds",
        "fn f<N: size>(xs: [u32; N]) -> u64 { let mut n: u64 = 0; for i in 0..N { n += 1; } n }
fn main(xs: [u32; 3] from Ada) -> u64 { f(xs) }",
    ),
    (
        "a closure keeps the public value that a secret replaces",
        "fn main(x: u32 from Ada) -> u32 {
    let mut k: u32 = 0;
    let f = |v: u32| v + k;
    k = x;
    f(3) + reveal(k)
}",
    ),
    ("kept again, and never seen", "fn main(t: secret u32, x: u32 from Ada) -> secret u32 { t * x }"),
];

/// Result type, and what computes it from secrets `x`, `y`, `c`, `f`, an array `xs`, a struct `s`, and a variant `e`.
const OPERATIONS: &[(&str, &str)] = &[
    ("u32", "x + y"),
    ("u32", "x * 0"),
    ("u32", "x - x"),
    ("u32", "x / y"),
    ("u32", "x % y"),
    ("u32", "x ^ x"),
    ("u32", "x & 0"),
    ("u32", "x | y"),
    ("u32", "x << 2"),
    ("u32", "x >> 31"),
    ("u32", "!x"),
    ("i32", "-(x as i32)"),
    ("u8", "x as u8"),
    ("u64", "c as u64"),
    ("bool", "x == x"),
    ("bool", "x != y"),
    ("bool", "x < y"),
    ("bool", "!c"),
    ("bool", "c && false"),
    ("bool", "c || true"),
    ("bool", "true && c"),
    ("bool", "(x, y) == (y, x)"),
    ("bool", "s == s"),
    ("bool", "e == E::A"),
    ("u32", "min(x, 3)"),
    ("u32", "x.max(3)"),
    ("u32", "if c { 1 } else { 1 }"),
    ("u32", "match x { 0 => 1, _ => 1 }"),
    ("u32", "match e { E::A => 1, E::B(n) => n }"),
    ("u32", "xs[0]"),
    ("u32", "[1u32, 1, 1][x]"),
    ("u32", "(x, 1).0"),
    ("u32", "s.a"),
    ("u32", "{ let t = x; t }"),
    ("[u32; 2]", "[x; 2]"),
    ("[u32; 3]", "xs"),
    ("[bool; 3]", "xs == xs"),
    ("[u32; 3]", "xs * [0, 0, 0]"),
    ("[u32; 3]", "xs.map(|v| v)"),
    ("[u32; 3]", "xs.zip([1, 2, 3]).map(|(v, w)| v & w)"),
    ("u32", "xs.fold(0, |a, v| a | v)"),
    ("u64", "xs.enumerate().map(|(i, v)| (i as u64) * (v as u64)).sum()"),
    ("u32", "xs.sum()"),
    ("u32", "xs.product()"),
    ("u32", "xs.min()"),
    ("u32", "xs.max()"),
    ("u64", "xs.argmin()"),
    ("u64", "xs.argmax()"),
    ("u64", "xs.count(|v| v > 3)"),
    ("u64", "(xs == xs).count()"),
    ("bool", "(xs == xs).any()"),
    ("bool", "(xs == xs).all()"),
    ("fixed", "f * 0.0"),
    ("fixed", "f / 2.0"),
    ("i32", "f as i32"),
    ("i64", "to_bits(f)"),
    ("fixed", "from_bits(to_bits(f))"),
    ("fixed", "narrow(wide_mul(f, f))"),
    ("u32", "at Ada { x }"),
    ("u32", "at Ada { 7 }"),
    ("u32", "reveal_to(Ada, x + y)"),
    ("u32", "reveal_to(Ben, 7)"),
];

#[test]
fn nothing_but_reveal_lowers() {
    for (ty, e) in OPERATIONS {
        let whole = |e: &str| {
            format!(
                "struct S {{ a: u32 }} enum E {{ A, B(u32) }} fn main(x: u32 from Ada, y: u32 from Ben, c: bool from Ben, f: fixed from Ada, xs: [u32; 3] from Ada, s: S from Ada, e: E from Ben) -> {ty} {{ {e} }}"
            )
        };
        assert_eq!(errors(&whole(e)), ["E0301 1"], "{e}");
        assert_eq!(errors(&whole(&format!("reveal({e})"))), [""; 0], "{e}");
    }
}

/// What the requirement names, and cases that show it.
const KINDS: &[(&str, &[&str])] = &[
    ("if", &["assigned under a secret condition", "chosen by a secret", "nested ifs, the inner one secret"]),
    ("match", &["an assignment in an arm", "a reveal under a secret guard"]),
    ("while", &["a `while` on a secret", "a `while` under a secret", "what a bounded `while` counts"]),
    ("index", &["what a secret index reads", "a secret index taints what it is written to"]),
    ("size", &["an array of a secret length", "a secret as a size argument", "a size chosen by a secret"]),
    ("early exit", &["a secret `return` of a public number", "a count of turns before a secret `break`"]),
    ("closure", &["reveal in a closure under a secret", "a closure that a variable holds"]),
    ("generic", &["through a generic", "a reveal in a generic called under a secret"]),
];

#[test]
fn every_kind_is_among_the_refused_and_the_page_says_how_many() {
    let all: Vec<_> =
        FLOWS.iter().chain(jumps::REJECTED).chain(recursion::REJECTED).chain(REJECTED).map(|c| c.0).collect();
    for (kind, cases) in KINDS {
        for case in *cases {
            assert!(all.contains(case), "{kind}: no case `{case}`");
        }
    }
    let page = include_str!("../../../../../docs/testing.md");
    let said = format!("{} programs that leak", all.len());
    assert!(page.contains(&said), "docs/testing.md does not say `{said}`");
}

#[test]
fn each_function_has_a_scheme_of_its_parts() {
    let scheme = |source: &str| {
        let (program, labels, _, _) = run(source);
        let k = program.fns.iter().position(|f| &*f.name == "f").expect("it is there");
        labels.schemes[k].clone()
    };
    for (source, want) in [
        // Variables: one for each leaf, one for an array.
        ("fn f(a: u32, b: u32) -> u32 { a + b }", "fn f(a: 'a, b: 'b) -> 'a | 'b"),
        ("fn f(a: (u32, u32)) -> u32 { a.1 }", "fn f(a: ('a, 'b)) -> 'b"),
        ("fn f(a: [u32; 3]) -> u32 { a[1] }", "fn f(a: 'a) -> 'a"),
        // Constraints.
        (
            "fn f(n: u32) -> u32 { let mut s: u32 = 0; for i in 0..n { s += 1; } s }",
            "fn f(n: 'a) -> public\n  where 'a is public",
        ),
        // The bound of control.
        ("fn f(a: u32) -> u32 { reveal(a) }", "fn f(a: 'a) -> public\n  where the control label is public"),
    ] {
        let text = scheme(source);
        assert!(text.starts_with(want), "{source}\n{text}");
    }
}
