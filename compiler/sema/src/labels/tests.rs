//! Programs that leak, each with the code and the line where it is said, and programs that do not.

mod jumps;
mod recursion;
mod strings;
mod ways;

use super::{Labels, check};
use crate::tree::Program;
use diag::{Diag, Diags, SourceMap};

const PARTIES: &str = "party Ada, Ben;\n";

fn run(source: &str) -> (Program, Labels, Vec<Diag>, SourceMap) {
    let text = format!("{PARTIES}{source}");
    let mut sources = SourceMap::new();
    let mut diags = Diags::new();
    let file = sources.add("t.mpc".into(), text.as_str().into());
    let module = syntax::parse(file, &text, &mut diags);
    let program = crate::check(&mut crate::NoModules, file, module, &mut diags);
    if diags.has_errors() {
        // Earlier stages refuse it: their findings stand for the label check's.
        return (program, Labels::default(), diags.iter().cloned().collect(), sources);
    }
    let mut diags = Diags::new();
    let labels = check(&program, &mut diags);
    let list = diags.iter().cloned().collect();
    (program, labels, list, sources)
}

fn errors(source: &str) -> Vec<String> {
    let (_, _, list, sources) = run(source);
    list.iter()
        .filter(|d| d.severity == diag::Severity::Error)
        .map(|d| {
            let span = d.span().expect("a diagnostic has a place");
            // Lines of `source`: the parties stand before.
            format!("{} {}", d.code, sources.start(span).0 - 1)
        })
        .collect()
}

/// Each: what it shows, code and line of each error, the program.
const REJECTED: &[(&str, &str, &str)] = &[
    ("an unrevealed input", "E0301 1", "fn main(x: u32 from Ada) -> u32 { x }"),
    ("of two parties", "E0301 1", "fn main(x: u32 from Ada, y: u32 from Ben) -> u32 { x + y }"),
    ("to the wrong party", "E0301 1", "fn main(x: u32 from Ada) -> u32 to Ben { x }"),
    (
        "revealed to the wrong party",
        "E0301 1",
        "fn main(x: u32 from Ada, y: u32 from Ben) -> u32 to Ben { reveal_to(Ada, x + y) }",
    ),
    ("one part of a tuple", "E0301 1", "fn main(x: u32 from Ada) -> (u32, u32) { (reveal(x), x) }"),
    ("one part to the wrong party", "E0301 1", "fn main(x: u32 from Ada) -> (u32 to Ada, u32 to Ben) { (x, x) }"),
    ("a `while` on a secret", "E0312 2", "fn main(x: u32 from Ada) -> u32 {\n    while x > 3 { }\n    0\n}"),
    (
        "a `while` whose condition becomes secret on the way",
        "E0312 3",
        "fn main(x: u32 from Ada) -> u32 {
    let mut k: u32 = 0;
    while k < 3 { k += x; }
    reveal(k)
}",
    ),
    (
        "a `while` under a secret",
        "E0313 3",
        "fn main(x: u32 from Ada, n: public u32) -> u32 {
    let mut k: u32 = 0;
    if x > 3 { while k < n { k += 1; } }
    reveal(k)
}",
    ),
    (
        "a `while` in what is called under a secret",
        "E0313 8",
        "fn count(n: u32) -> u32 {
    let mut k: u32 = 0;
    while k < n { k += 1; }
    k
}
fn main(x: u32 from Ada) -> u32 {
    let mut r: u32 = 0;
    if x > 3 { r = count(5); }
    reveal(r)
}",
    ),
    (
        "assigned under a secret condition",
        "E0301 4",
        "fn main(x: u32 from Ada, y: u32 from Ben) -> u32 {
    let mut r: u32 = 0;
    if x < y { r = 1; }
    r
}",
    ),
    (
        "assigned in the other branch",
        "E0301 4",
        "fn main(x: u32 from Ada) -> u32 {
    let mut r: u32 = 0;
    if x < 3 { } else { r = 1; }
    r
}",
    ),
    (
        "nested ifs, the outer one secret",
        "E0301 4",
        "fn main(x: u32 from Ada, p: public bool) -> u32 {
    let mut r: u32 = 0;
    if x < 3 { if p { r = 1; } }
    r
}",
    ),
    (
        "nested ifs, the inner one secret",
        "E0301 4",
        "fn main(x: u32 from Ada, p: public bool) -> u32 {
    let mut r: u32 = 0;
    if p { if x < 3 { r = 1; } }
    r
}",
    ),
    ("chosen by a secret", "E0301 1", "fn main(x: u32 from Ada) -> u32 { if x < 3 { 1 } else { 2 } }"),
    (
        "through a loop, against the order of the text",
        "E0301 8",
        "fn main(x: u32 from Ada) -> u32 {
    let mut a: u32 = 0;
    let mut b: u32 = 0;
    for i in 0..3 {
        b = a;
        a = x;
    }
    b
}",
    ),
    (
        "a condition from the round before",
        "E0301 8",
        "fn main(x: u32 from Ada) -> u32 {
    let mut stop = false;
    let mut n: u32 = 0;
    for i in 0..3 {
        if stop { n += 1; }
        stop = x < 3;
    }
    n
}",
    ),
    (
        "one element of an array",
        "E0301 4",
        "fn main(x: u32 from Ada) -> u32 {
    let mut a: [u32; 4] = [0; 4];
    a[1] = x;
    a[2]
}",
    ),
    (
        "a field of a struct",
        "E0301 5",
        "struct P { a: u32, b: u32 }
fn main(x: u32 from Ada) -> u32 {
    let mut p = P { a: 1, b: 2 };
    p.b = x;
    p.b
}",
    ),
    ("by fold", "E0301 1", "fn main(xs: [u32; 4] from Ada) -> u32 { [1u32, 2, 3].fold(0, |acc, k| acc + k * xs[0]) }"),
    ("by map", "E0301 1", "fn main(x: u32 from Ada) -> [u32; 3] { [1u32, 2, 3].map(|k| k + x) }"),
    ("by count", "E0301 1", "fn main(xs: [bool; 4] from Ada) -> u64 { xs.count() }"),
    (
        "through a call",
        "E0301 2",
        "fn id(a: u32, b: u32) -> u32 { a }
fn main(x: u32 from Ada) -> u32 { id(x, 1) }",
    ),
    (
        "through a generic",
        "E0301 2",
        "fn first<T, N: size>(xs: [T; N]) -> T { xs[0] }
fn main(xs: [u32; 4] from Ada) -> u32 { first(xs) }",
    ),
    (
        "through a function's condition",
        "E0301 2",
        "fn sign(a: i32) -> i32 { let mut r: i32 = 1; if a < 0 { r = -1; } r }
fn main(x: i32 from Ada) -> i32 { sign(x) }",
    ),
    (
        "through a function that takes a function",
        "E0301 2",
        "fn apply(f: fn(u32) -> u32, a: u32) -> u32 { f(a) }
fn main(x: u32 from Ada) -> u32 { apply(|k| k + x, 1) }",
    ),
    (
        "reveal under a secret",
        "E0302 2, E0301 2",
        "fn main(x: u32 from Ada, y: u32 from Ben) -> u32 {
    if x < y { reveal(x) } else { 0 }
}",
    ),
    (
        "reveal under two conditions",
        "E0302 2, E0301 2",
        "fn main(x: u32 from Ada, p: public bool) -> u32 {
    if x < 3 { if p { reveal(x) } else { 1 } } else { 0 }
}",
    ),
    (
        "reveal_to under a secret",
        "E0302 3",
        "fn main(x: u32 from Ada, y: u32 from Ben) -> u32 {
    let mut r: u32 = 0;
    if x < y { r = reveal_to(Ada, y); }
    reveal(r)
}",
    ),
    (
        "reveal in a loop in a secret branch",
        "E0302 3",
        "fn main(x: u32 from Ada) -> u32 {
    let mut r: u32 = 0;
    if x < 3 { for i in 0..3 { r = reveal(x); } }
    reveal(r)
}",
    ),
    (
        "reveal in a function called under a secret",
        "E0302 3",
        "fn open(a: u32) -> u32 { reveal(a) }
fn main(x: u32 from Ada, y: u32 from Ben) -> u32 {
    reveal(if x < y { open(x) } else { 0 })
}",
    ),
    (
        "reveal two calls down",
        "E0302 4",
        "fn open(a: u32) -> u32 { reveal(a) }
fn more(a: u32) -> u32 { open(a) + 1 }
fn main(x: u32 from Ada, y: u32 from Ben) -> u32 {
    reveal(if x < y { more(x) } else { 0 })
}",
    ),
    (
        "reveal under a condition of the argument",
        "E0302 3, E0301 3",
        "fn open(c: bool, a: u32) -> u32 { if c { reveal(a) } else { 0 } }
fn main(x: u32 from Ada, y: u32 from Ben) -> u32 {
    open(x < y, x)
}",
    ),
    (
        "reveal in a function that nobody calls",
        "E0302 1",
        "fn never(a: u32, b: u32) -> u32 { if a < b { reveal(a) } else { 0 } }
fn main(x: u32 from Ada) -> u32 { reveal(x) }",
    ),
    (
        "reveal under what one party knows, where nobody calls",
        "E0302 3",
        "fn never(a: u32) -> u32 {
    let own = reveal_to(Ada, a);
    if own < 3 { reveal(a) } else { 0 }
}
fn main(x: u32 from Ada) -> u32 { reveal(x) }",
    ),
    (
        "reveal in a closure under a secret",
        "E0302 3",
        "fn main(x: u32 from Ada, ys: [u32; 3] from Ben) -> [u32; 3] {
    let mut r: [u32; 3] = [0; 3];
    if x < 3 { r = ys.map(|y| reveal(y)); }
    reveal(r)
}",
    ),
    (
        "reveal under a secret in a closure",
        "E0302 2, E0301 2",
        "fn main(ys: [u32; 3] from Ben) -> [u32; 3] {
    ys.map(|y| if y < 3 { reveal(y) } else { 0 })
}",
    ),
    (
        "reveal in a closure that is called under a secret",
        "E0302 5",
        "fn when(c: bool, f: fn(u32) -> u32) -> u32 {
    if c { f(1) } else { 0 }
}
fn main(x: u32 from Ada) -> u32 {
    reveal(when(x < 3, |k| k + reveal(x)))
}",
    ),
    (
        "at under a secret",
        "E0303 3",
        "fn main(x: u32 from Ada, y: u32 from Ben) -> u32 {
    let mut r: u32 = 0;
    if x < y { r = at Ada { x * x }; }
    reveal(r)
}",
    ),
    (
        "at in a function called under a secret",
        "E0303 4",
        "fn own() -> u32 { at Ada { 1u32 } }
fn main(x: u32 from Ada) -> u32 {
    let mut r: u32 = 0;
    if x < 3 { r = own(); }
    reveal(r)
}",
    ),
    ("at reads another's", "E0304 1", "fn main(x: u32 from Ada, y: u32 from Ben) -> u32 { reveal(at Ada { x + y }) }"),
    (
        "at reads a mixture",
        "E0304 3",
        "fn main(x: u32 from Ada, y: u32 from Ben) -> u32 {
    let s = x + y;
    reveal(at Ada { s + 1 })
}",
    ),
    (
        "at in a function reads an argument",
        "E0304 2",
        "fn own(a: u32) -> u32 { at Ada { a * a } }
fn main(y: u32 from Ben) -> u32 { reveal(own(y)) }",
    ),
    (
        "a secret bound",
        "E0305 3",
        "fn main(n: u32 from Ada) -> u32 {
    let mut s: u32 = 0;
    for i in 0..n { s += 1; }
    reveal(s)
}",
    ),
    (
        "a secret bound in a function",
        "E0305 2",
        "fn sum(n: u32) -> u32 { let mut s: u32 = 0; for i in 0..n { s += 1; } s }
fn main(n: u32 from Ada) -> u32 { reveal(sum(n)) }",
    ),
    (
        "a bound assigned under a secret",
        "E0305 5",
        "fn main(x: u32 from Ada) -> u32 {
    let mut n: u32 = 3;
    let mut s: u32 = 0;
    if x < 3 { n = 5; }
    for i in 0..n { s += 1; }
    reveal(s)
}",
    ),
    ("a secret shift", "E0307 1", "fn main(x: u32 from Ada) -> u32 { reveal(1u32 << x) }"),
    ("a secret assertion", "E0309 1", "fn main(x: u32 from Ada) -> u32 { assert(x < 3); reveal(x) }"),
    (
        "an assertion under a secret",
        "E0309 1",
        "fn main(x: u32 from Ada, p: public bool) -> u32 { if x < 3 { assert(p); } reveal(x) }",
    ),
    ("what is drawn is secret", "E0301 1", "fn main() -> u32 { random() }"),
    ("a bound that is drawn", "E0305 1", "fn main() -> u32 { let n: u32 = random(); for i in 0..n { } 0 }"),
    (
        "a draw inside at",
        "E0310 1",
        "fn main(x: u32 from Ada) -> u32 { reveal(at Ada { let r: u32 = random(); x + r }) }",
    ),
    (
        "a draw in a call inside at",
        "E0310 2, E0304 2",
        "fn f() -> u32 { random() }
fn main(x: u32 from Ada) -> u32 { reveal(at Ada { x + f() }) }",
    ),
    ("reveal inside at", "E0310 1", "fn main(x: u32 from Ada) -> u32 { reveal(at Ada { reveal(x) + 1 }) }"),
    (
        "a call inside at that reveals",
        "E0310 2",
        "fn open(a: u32) -> u32 { reveal(a) }
fn main(x: u32 from Ada) -> u32 { reveal(at Ada { open(x) + 1 }) }",
    ),
    (
        "a secret for a public parameter",
        "E0311 2",
        "fn twice(a: public u32) -> u32 { a + a }
fn main(x: u32 from Ada) -> u32 { reveal(twice(x)) }",
    ),
    (
        "two faults in one program",
        "E0302 3, E0301 4",
        "fn main(x: u32 from Ada, y: u32 from Ben) -> u32 {
    let mut r: u32 = 0;
    if x < y { r = reveal(x); }
    r + x
}",
    ),
];

const ACCEPTED: &[(&str, &str)] = &[
    ("revealed", "fn main(x: u32 from Ada) -> u32 { reveal(x) }"),
    ("its own back", "fn main(x: u32 from Ada) -> u32 to Ada { x }"),
    ("computed from its own", "fn main(x: u32 from Ada) -> u32 to Ada { x * x + 1 }"),
    ("a public result to one", "fn main(x: u32 from Ada, p: public u32) -> u32 to Ben { p }"),
    ("each its part", "fn main(x: u32 from Ada, y: u32 from Ben) -> (u32 to Ada, u32 to Ben) { (x, y) }"),
    (
        "assigned under a secret, then revealed",
        "fn main(x: u32 from Ada, y: u32 from Ben) -> u32 {
    let mut r: u32 = 0;
    if x < y { r = 1; }
    reveal(r)
}",
    ),
    (
        "one field secret, the other not",
        "struct P { a: u32, b: u32 }
fn main(x: u32 from Ada) -> u32 {
    let mut p = P { a: 1, b: 2 };
    p.b = x;
    p.a
}",
    ),
    ("one part of a tuple secret, the other not", "fn main(x: u32 from Ada) -> u32 { let (a, b) = (x, 7u32); b }"),
    (
        "overwritten before it is used",
        "fn main(x: u32 from Ada) -> u32 {
    let mut a = x;
    a = 5;
    a
}",
    ),
    (
        "reveal under a revealed condition",
        "fn main(x: u32 from Ada, y: u32 from Ben) -> u32 {
    let less = reveal(x < y);
    if less { reveal(x) } else { 0 }
}",
    ),
    (
        "reveal under a public parameter",
        "fn main(x: u32 from Ada, p: public bool) -> u32 { if p { reveal(x) } else { 0 } }",
    ),
    (
        "reveal in a loop with public bounds",
        "fn main(xs: [u32; 4] from Ada) -> u32 {
    let mut s: u32 = 0;
    for i in 0..4 { s += reveal(xs[i]); }
    s
}",
    ),
    (
        "reveal under a condition on a size",
        "fn main<N: size>(xs: [u32; N] from Ada) -> u32 { if N > 2 { reveal(xs[0]) } else { 0 } }",
    ),
    (
        "a function that opens, called where everyone sees",
        "fn open(c: bool, a: u32) -> u32 { if c { reveal(a) } else { 0 } }
fn main(x: u32 from Ada, p: public bool) -> u32 { open(p, x) }",
    ),
    (
        "a bound that was revealed",
        "fn main(n: u32 in 0..=9 from Ada) -> u32 {
    let m = reveal(n);
    let mut s: u32 = 0;
    for i in 0..m { s += 1; }
    s
}",
    ),
    (
        "an index that was revealed",
        "fn main(xs: [u64; 4] from Ada) -> u64 { let k = reveal(xs.argmax()); reveal(xs[k]) }",
    ),
    ("the length of a secret array", "fn main<N: size>(xs: [u32; N] from Ada) -> u64 { xs.len() }"),
    (
        "at on its own and on public values",
        "fn main(x: u32 from Ada, p: public u32) -> u32 { reveal(at Ada { x * p }) }",
    ),
    (
        "at on what was revealed to it",
        "fn main(x: u32 from Ada, y: u32 from Ben) -> u32 to Ada {
    let s = reveal_to(Ada, x + y);
    at Ada { s / 2 }
}",
    ),
    (
        "at in a function, on the party's own",
        "fn own(a: u32) -> u32 { at Ada { a * a } }
fn main(x: u32 from Ada) -> u32 { reveal(own(x)) }",
    ),
    (
        "a loop with public bounds in a secret branch",
        "fn main(x: u32 from Ada) -> u32 {
    let mut s: u32 = 0;
    if x < 3 { for i in 0..3 { s += i; } }
    reveal(s)
}",
    ),
    (
        "a closure over secrets",
        "fn main(x: u32 from Ada, ys: [u32; 3] from Ben) -> [u32; 3] { reveal(ys.map(|y| y * x)) }",
    ),
    (
        "a function by name",
        "fn twice(a: u32) -> u32 { a + a }
fn main(ys: [u32; 3] from Ben) -> [u32; 3] { reveal(ys.map(twice)) }",
    ),
    (
        "a function that takes a function, on public values",
        "fn apply(f: fn(u32) -> u32, a: u32) -> u32 { f(a) }
fn main(x: u32 from Ada) -> u32 { apply(|k| k + 1, 1) + reveal(x) }",
    ),
    (
        "a generic function with a public and a secret argument",
        "fn id<T>(a: T) -> T { a }
fn main(x: u32 from Ada) -> u32 { let s = id(x); id(1u32) + reveal(s) }",
    ),
    ("an assertion on what is public", "fn main(x: u32 from Ada) -> u32 { let r = reveal(x); assert(r < 10); r }"),
    (
        "a test asserts what it likes",
        "#[test]
fn adds() { let a: u32 = 1; assert(a + 1 == 2); }
fn main(x: u32 from Ada) -> u32 { reveal(x) }",
    ),
];

#[test]
fn leaks_are_refused() {
    let mut wrong = String::new();
    let all = || {
        let more = [jumps::REJECTED, recursion::REJECTED, strings::REJECTED, ways::REJECTED];
        REJECTED.iter().chain(more.into_iter().flatten())
    };
    assert!(all().count() >= 60);
    for (what, want, source) in all() {
        let got = errors(source).join(", ");
        if got != *want {
            wrong += &format!("{what}: wanted {want}, got {got}\n{source}\n\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_leaks_nothing_passes() {
    let mut wrong = String::new();
    let more = [jumps::ACCEPTED, recursion::ACCEPTED, strings::ACCEPTED, ways::ACCEPTED];
    for (what, source) in ACCEPTED.iter().chain(more.into_iter().flatten()) {
        let got = errors(source).join(", ");
        if !got.is_empty() {
            wrong += &format!("{what}: got {got}\n{source}\n\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_path_is_told() {
    let source = "fn main<N: size>(x: [u32; N] from Ada, y: [u32; N] from Ben) -> u32 {
    let mut wins: u32 = 0;
    for i in 0..N {
        if x[i] < y[i] { wins += 1; }
    }
    wins
}";
    let (_, _, list, sources) = run(source);
    assert_eq!(list.len(), 1);
    assert!(
        list[0].notes.contains(
            &"secret because `wins` is assigned under a condition that comes from `x` (brought by Ada) and `y` (brought by Ben)"
                .to_string()
        ),
        "{:?}",
        list[0].notes
    );
    let places: Vec<(u32, bool)> = list[0].labels.iter().map(|l| (sources.start(l.span).0 - 1, l.primary)).collect();
    assert!(places.contains(&(6, true)) && places.contains(&(4, false)) && places.contains(&(1, false)), "{places:?}");
}

#[test]
fn the_help_of_a_result_mends_the_program() {
    let source = "fn main(x: u32 from Ada) -> u32 { x + 1 }";
    let (_, _, list, sources) = run(source);
    let text = format!("{PARTIES}{source}");
    let mut edits = list[0].helps[0].edits.clone();
    edits.sort_by_key(|e| std::cmp::Reverse(e.span));
    let mut mended = text;
    for e in edits {
        mended.replace_range(e.span.lo as usize..e.span.hi as usize, &e.replacement);
    }
    let _ = sources;
    assert!(mended.ends_with("{ reveal(x + 1) }"), "{mended}");
    assert_eq!(errors(mended.trim_start_matches(PARTIES)), Vec::<String>::new());
}

#[test]
fn reveals_are_listed() {
    let source = "fn never(a: u32) -> u32 { reveal(a) }
fn open(a: u32) -> u32 { reveal(a) }
fn main(xs: [u32; 4] from Ada, p: public bool) -> (u32, u32 to Ben) {
    let mut s: u32 = 0;
    if p { for i in 0..4 { s += open(xs[i]); s += reveal(xs[i]); } }
    (s, reveal_to(Ben, xs[0]))
}";
    let (program, labels, list, _) = run(source);
    assert!(list.is_empty(), "{list:#?}");
    let live: Vec<_> =
        labels.live_reveals().map(|r| (program.f(r.f).name.to_string(), r.to.is_some(), r.depth, r.in_loop)).collect();
    assert_eq!(labels.reveals.len(), 4);
    assert_eq!(
        live,
        vec![
            ("open".to_string(), false, 0, false),
            ("main".to_string(), false, 1, true),
            ("main".to_string(), true, 0, false),
        ]
    );
}

#[test]
fn schemes_as_text() {
    let source = "fn open(c: bool, a: u32) -> u32 { if c { reveal(a) } else { 0 } }
fn main(x: u32 from Ada) -> u32 { open(true, x) }";
    let (program, labels, _, _) = run(source);
    let k = program.fns.iter().position(|f| &*f.name == "open").expect("it is there");
    assert_eq!(
        labels.schemes[k],
        "fn open(c: 'a, a: 'b) -> 'a\n  where 'a is public: whether this is revealed would tell\n  \
         where the control label is public: whether this is revealed would tell"
    );
}
