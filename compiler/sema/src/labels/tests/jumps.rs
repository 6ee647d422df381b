//! What leaves early, what is bounded, places that nobody knows, and arms.

/// Each: what it shows, code and line of each error, the program.
pub const REJECTED: &[(&str, &str, &str)] = &[
    ("what a secret index reads", "E0301 1", "fn main(xs: [u32; 4] from Ada, k: u32 from Ben) -> u32 { xs[k] }"),
    ("a public table at a secret index", "E0301 1", "fn main(k: u32 from Ben) -> u32 { [1, 2, 3, 4][k] }"),
    (
        "a secret index taints what it is written to",
        "E0301 4",
        "fn main(k: u32 from Ben) -> u32 {
    let mut a: [u32; 4] = [0; 4];
    a[k] = 1;
    a[0]
}",
    ),
    (
        "a secret index in a function",
        "E0301 2",
        "fn get(a: [u32; 4], k: u32) -> u32 { a[k] }
fn main(k: u32 from Ben) -> u32 { get([1, 2, 3, 4], k) }",
    ),
    (
        "an index of no declared type",
        "E0306 4",
        "fn main(x: [bool; 4] from Ada) -> u32 {
    let mut k = 0;
    if x[1] { k += 1; }
    reveal([1u32, 2, 3, 4][k])
}",
    ),
    (
        "a reveal behind a secret `return`",
        "E0302 3, E0301 3",
        "fn main(x: u32 from Ada) -> u32 {
    if x > 3 { return 1; }
    reveal(x)
}",
    ),
    ("a secret `return` of a public number", "E0301 1", "fn main(x: u32 from Ada) -> u32 { if x > 3 { return 1; } 0 }"),
    (
        "a public number behind a secret `return`",
        "E0301 4",
        "fn sign(x: u32) -> u32 {
    if x > 3 { return 1; }
    0
} fn main(x: u32 from Ada) -> u32 { sign(x) }",
    ),
    (
        "a reveal behind a secret `return` of a function",
        "E0302 3, E0302 5, E0301 5",
        "fn f(x: u32) -> u32 {
    if x > 3 { return 1; }
    reveal(x)
}
fn main(x: u32 from Ada) -> u32 { f(x) }",
    ),
    (
        "a reveal in a loop left in secret",
        "E0302 5, E0301 7",
        "fn main(xs: [u32; 3] from Ada) -> u32 {
    let mut s: u32 = 0;
    for x in xs {
        if x == 2 { break; }
        s += reveal(x);
    }
    s
}",
    ),
    (
        "a reveal in the next turn of a loop left in secret",
        "E0302 4, E0301 7",
        "fn main(xs: [u32; 3] from Ada) -> u32 {
    let mut s: u32 = 0;
    for x in xs {
        s += reveal(x);
        if x == 2 { break; }
    }
    s
}",
    ),
    (
        "a reveal behind a secret `continue`",
        "E0302 5, E0301 7",
        "fn main(xs: [u32; 3] from Ada) -> u32 {
    let mut s: u32 = 0;
    for x in xs {
        if x == 2 { continue; }
        s += reveal(x);
    }
    s
}",
    ),
    (
        "a count of turns before a secret `break`",
        "E0301 7",
        "fn main(xs: [u32; 3] from Ada) -> u32 {
    let mut n: u32 = 0;
    for x in xs {
        if x == 2 { break; }
        n += 1;
    }
    n
}",
    ),
    (
        "a count of turns with a `break` at the end",
        "E0301 7",
        "fn main(xs: [u32; 3] from Ada) -> u32 {
    let mut n: u32 = 0;
    for x in xs {
        n += 1;
        if x == 2 { break; }
    }
    n
}",
    ),
    (
        "a count of turns without a secret `continue`",
        "E0301 7",
        "fn main(xs: [u32; 3] from Ada) -> u32 {
    let mut n: u32 = 0;
    for x in xs {
        if x == 2 { continue; }
        n += 1;
    }
    n
}",
    ),
    (
        "an `at` behind a secret `return`",
        "E0303 3",
        "fn main(x: u32 from Ada) -> u32 to Ada {
    if x > 3 { return 0; }
    at Ada { x + 1 }
}",
    ),
    (
        "a `while` behind a secret `return`",
        "E0313 7",
        "fn f(x: u32) -> u32 {
    let mut k: u32 = 0;
    if x > 3 { return 1; }
    while k < 3 { k += 1; }
    k
}
fn main(x: u32 from Ada) -> u32 { reveal(f(x)) }",
    ),
    (
        "a `while` left in secret",
        "E0313 3",
        "fn main(x: u32 from Ada) -> u32 {
    let mut k: u32 = 0;
    while k < 3 { k += 1; if x == k { break; } }
    reveal(k)
}",
    ),
    (
        "a `while` with a bound that is secret",
        "E0305 2",
        "fn main(x: u32 from Ada) -> u32 {
    while x < 3 max (x) { }
    0
}",
    ),
    (
        "what a bounded `while` counts",
        "E0301 4",
        "fn main(x: u32 from Ada) -> u32 {
    let mut k: u32 = 0;
    while k < x max 9 { k += 1; }
    k
}",
    ),
    (
        "a reveal in a bounded `while`",
        "E0302 3, E0301 4",
        "fn main(x: u32 from Ada) -> u32 {
    let mut k: u32 = 0;
    while k < x max 9 { k += reveal(x); }
    k
}",
    ),
    ("a `match` on a secret number", "E0301 1", "fn main(x: u32 from Ada) -> u32 { match x { 0 => 1, _ => 2 } }"),
    (
        "a reveal in an arm",
        "E0302 1, E0301 1",
        "fn main(x: u32 from Ada) -> u32 { match x { 0 => reveal(x), _ => 2 } }",
    ),
    (
        "a reveal under a secret guard",
        "E0302 1, E0301 1",
        "fn main(x: u32 from Ada, n: public u32) -> u32 { match n { 0 if x > 1 => reveal(x), _ => 2 } }",
    ),
    (
        "an assignment in an arm",
        "E0301 4",
        "fn main(x: u32 from Ada) -> u32 {
    let mut n: u32 = 0;
    match x { 0 => n = 1, _ => {} }
    n
}",
    ),
    (
        "a `return` from an arm",
        "E0301 2",
        "fn f(x: u32) -> u32 { match x { 0 => return 1, _ => {} } 2 }
fn main(x: u32 from Ada) -> u32 { f(x) }",
    ),
    (
        "the variant that a secret chose",
        "E0301 3",
        "enum E { A, B }
fn main(x: u32 from Ada) -> bool {
    (if x > 1 { E::A } else { E::B }) == E::B
}",
    ),
    (
        "a public payload of a secret variant",
        "E0301 4",
        "enum E { A, B(u32) }
fn main(x: u32 from Ada) -> u32 {
    let e = if x > 1 { E::A } else { E::B(7) };
    match e { E::B(n) => n, E::A => 7 }
}",
    ),
    (
        "a secret that a variant carries",
        "E0301 2",
        "enum E { A, B(u32) }
fn main(x: u32 from Ada) -> u32 { match E::B(x) { E::B(n) => n, E::A => 0 } }",
    ),
    (
        "a `return` of a closure",
        "E0301 1",
        "fn main(xs: [u32; 3] from Ada) -> u32 { [1u32, 2, 3].map(|k| { if xs[0] > k { return 1; } 2 }).sum() }",
    ),
    (
        "a reveal in a closure behind a secret `return`",
        "E0302 1, E0301 1",
        "fn main(xs: [u32; 3] from Ada) -> [u32; 3] { xs.map(|x| { if x > 2 { return 1; } reveal(x) }) }",
    ),
    (
        "a size in a turn that a secret may have left",
        "E0301 6",
        "fn main(xs: [u32; 3] from Ada) -> u32 {
    let mut n: u32 = 0;
    for i in 0..3 {
        for j in 0..3 { if xs[j] == 2 { break; } n += 1; }
    }
    n
}",
    ),
];

/// Each: what it shows, the program.
pub const ACCEPTED: &[(&str, &str)] = &[
    ("a secret index", "fn main(xs: [u32; 4] from Ada, k: u32 from Ben) -> u32 { reveal(xs[k]) }"),
    (
        "a place that nobody knows",
        "fn main(k: u32 from Ben) -> u32 {
    let mut a: [u32; 4] = [0; 4];
    a[k] = 1;
    reveal(a[0])
}",
    ),
    (
        "early returns in a function",
        "fn sign(x: i32) -> i32 {
    if x < 0 { return -1; }
    if x == 0 { return 0; }
    1
}
fn main(x: i32 from Ada) -> i32 { reveal(sign(x)) }",
    ),
    (
        "an exit under a public condition",
        "fn main(xs: [u32; 4] from Ada, n: public u32) -> u32 {
    if n > 3 { return 0; }
    reveal(xs.sum())
}",
    ),
    (
        "a `break` by what was revealed",
        "fn main(xs: [u32; 4] from Ada) -> u32 {
    let mut s: u32 = 0;
    for x in xs {
        if reveal(x > 3) { break; }
        s += reveal(x);
    }
    s
}",
    ),
    (
        "a reveal behind a loop left in secret",
        "fn main(xs: [u32; 4] from Ada) -> u32 {
    let mut s: u32 = 0;
    for x in xs { if x > 3 { break; } s += x; }
    reveal(s)
}",
    ),
    (
        "a reveal behind a function that returned in secret",
        "fn f(x: u32) -> u32 { if x > 1 { return 2; } x }
fn main(x: u32 from Ada) -> (u32, u32) { let y = f(x); (reveal(y), reveal(x)) }",
    ),
    (
        "an exit from one side leaves the other alone",
        "fn main(x: u32 from Ada, n: public u32) -> u32 {
    if n > 3 { if n > 5 { return 1; } } else { return reveal(x); }
    2
}",
    ),
    (
        "a bounded `while` on a secret",
        "fn main(x: u32 from Ada) -> u32 {
    let mut k = x;
    while k > 9 max 5 { k -= 10; }
    reveal(k)
}",
    ),
    (
        "a `match` on what is public",
        "fn main(x: u32 from Ada, n: public u32) -> u32 { match n { 0 => reveal(x), _ => 2 } }",
    ),
    (
        "a public variant with a secret in it",
        "enum E { A, B(u32) }
fn main(x: u32 from Ada) -> u32 { match E::B(x) { E::B(n) => reveal(n), E::A => 0 } }",
    ),
];
