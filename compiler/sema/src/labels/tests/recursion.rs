//! Functions that call themselves: their schemes, what may end them, and what they leak.

use super::{errors, run};

/// As in `tests`: what it shows, code and line of each error, the program.
pub(super) const REJECTED: &[(&str, &str, &str)] = &[
    (
        "a recursion that a secret ends",
        "E0314 3",
        "fn f(x: u32) -> u32 {
    if x == 0 { 0 } else { f(x - 1) + 1 } }
fn main(x: u32 from Ada) -> u32 { reveal(f(x)) }",
    ),
    (
        "a recursion behind a secret `return`",
        "E0314 6",
        "fn f(x: u32, n: u32) -> u32 {
    if n == 0 { return 0; }
    if x == n { return n; }
    f(x, n - 1)
}
fn main(x: u32 from Ada) -> u32 { reveal(f(x, 9)) }",
    ),
    (
        "a secret that ends it by way of another function",
        "E0314 3",
        "fn even(n: u32) -> bool { if n == 0 { true } else { odd(n - 1) } }
fn odd(n: u32) -> bool { if n == 0 { false } else { even(n - 1) } }
fn main(x: u32 from Ada) -> bool { reveal(odd(x)) }",
    ),
    (
        "a secret that comes to the condition two calls on",
        "E0314 2",
        "fn f(a: u32, b: u32) -> u32 { if b == 0 { 0 } else { f(b - 1, a) } }
fn main(x: u32 from Ada) -> u32 { reveal(f(x, 3)) }",
    ),
    (
        "a result that gathers secrets on its way",
        "E0301 2",
        "fn f(a: u32, b: u32, n: u32) -> u32 { if n == 0 { a } else { f(b, a, n - 1) } }
fn main(x: u32 from Ada) -> u32 { f(1, x, 3) }",
    ),
    (
        "a reveal in a recursion that is called under a secret",
        "E0302 2",
        "fn f(a: u32, n: u32) -> u32 { if n == 0 { reveal(a) } else { f(a, n - 1) } }
fn main(x: u32 from Ada) -> u32 { let y = if x > 3 { f(x, 2) } else { 0 }; reveal(y) }",
    ),
];

pub(super) const ACCEPTED: &[(&str, &str)] = &[
    (
        "a recursion that a number ends, under a secret as a whole",
        "fn power(x: u32, n: u32) -> u32 { if n == 0 { 1 } else { x * power(x, n - 1) } }
fn main(x: u32 from Ada) -> u32 { let y = if x > 3 { power(x, 5) } else { 0 }; reveal(y) }",
    ),
    (
        "a recursion that a size ends",
        "fn f<N: size>(x: u32) -> u32 { if N == 0 { x } else { f::<{N - 1}>(x + x) } }
fn main(x: u32 from Ada) -> u32 { reveal(f::<4>(x)) }",
    ),
    (
        "a recursion that a revealed value ends",
        "fn f(x: u32, n: u32) -> u32 { if reveal(x == n) { n } else { f(x, n + 1) } }
fn main(x: u32 from Ada) -> u32 { f(x, 0) }",
    ),
    (
        "what stays public on its way",
        "fn f(a: u32, b: u32, n: u32) -> u32 { if n == 0 { a } else { f(a, b + 1, n - 1) } }
fn main(x: u32 from Ada) -> u32 { f(1, x, 3) }",
    ),
    (
        "a function passed on",
        "fn times(f: fn(u32) -> u32, x: u32, n: u32) -> u32 { if n == 0 { x } else { times(f, f(x), n - 1) } }
fn main(x: u32 from Ada) -> u32 { times(|k| k + 1, 3, 2) + reveal(times(|k| k + x, 1, 4)) }",
    ),
];

#[test]
fn schemes_are_least() {
    let (program, labels, _, _) =
        run("fn f(a: u32, b: u32, n: u32) -> u32 { if n == 0 { a } else { f(a, b + 1, n - 1) } }
fn g(a: u32, b: u32, n: u32) -> u32 { if n == 0 { a } else { h(b, a, n - 1) } }
fn h(a: u32, b: u32, n: u32) -> u32 { g(a, b, n) }
fn main() -> u32 { 0 }");
    let scheme = |name: &str| {
        let k = program.fns.iter().position(|f| &*f.name == name).expect("it is there");
        labels.schemes[k].lines().next().unwrap_or_default().to_string()
    };
    assert_eq!(scheme("f"), "fn f(a: 'a, b: 'b, n: 'c) -> 'a | 'c");
    assert_eq!(scheme("g"), "fn g(a: 'a, b: 'b, n: 'c) -> 'a | 'b | 'c");
    assert_eq!(scheme("h"), "fn h(a: 'a, b: 'b, n: 'c) -> 'a | 'b | 'c");
}

#[test]
fn each_error_is_said_once() {
    let source = "fn f(x: u32, n: u32) -> u32 { if n == 0 { xs(x) } else { f(x, n - 1) } }
fn xs(x: u32) -> u32 { let a: [u32; 2] = [1, 2]; a[reveal(x)] }
fn main(x: u32 from Ada) -> u32 { let r = if x > 1 { f(x, 1) } else { 0 }; reveal(r) }";
    assert_eq!(errors(source), ["E0302 3"]);
}
