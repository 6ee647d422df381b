//! Strings: what may be done with them outside of their owner's `at` block, and what may not.

use super::errors;

/// As in `tests`: what it shows, code and line of each error, the program.
pub(super) const REJECTED: &[(&str, &str, &str)] = &[
    (
        "strings of two parties compared",
        "E0315 1, E0315 1",
        "fn main(a: str from Ada, b: str from Ben) -> bool { reveal(a == b) }",
    ),
    ("one party's string compared", "E0315 1", "fn main(a: str from Ada) -> bool { reveal(a == \"x\") }"),
    ("a hash outside", "E0315 1", "fn main(a: str from Ada) -> u64 { reveal(a.hash()) }"),
    ("a length outside", "E0315 1", "fn main(a: str from Ada) -> u64 { reveal(a.len()) }"),
    ("bytes outside", "E0315 1", "fn main(a: str from Ada) -> [u8; 4] { reveal(a.bytes::<4>()) }"),
    (
        "in a function that is called outside",
        "E0315 2",
        "fn key(s: str) -> u64 { s.hash() }
fn main(a: str from Ada) -> u64 { reveal(key(a)) }",
    ),
    (
        "in a closure that is called outside",
        "E0315 1",
        "fn main(a: [str; 3] from Ada) -> u64 { reveal(a.map(|s| s.hash()).sum()) }",
    ),
    ("another party's block", "E0304 1", "fn main(a: str from Ada) -> u64 { reveal(at Ben { a.hash() }) }"),
    (
        "chosen by the owner's condition, outside",
        "E0315 2",
        "fn main(a: str from Ada, c: bool from Ada) -> u64 {
    let s = if c { a } else { \"x\" };
    reveal(at Ada { s.hash() })
}",
    ),
    (
        "chosen among public strings by a secret",
        "E0315 2",
        "fn main(c: bool from Ada) -> u64 {
    let s = if c { \"y\" } else { \"x\" };
    s.hash()
}",
    ),
    (
        "assigned under a secret",
        "E0315 3",
        "fn main(c: bool from Ada) -> u64 {
    let mut s = \"y\";
    if c { s = \"x\"; }
    s.hash()
}",
    ),
    (
        "assigned under a secret in a field",
        "E0315 4",
        "struct P { name: str, n: u32 }
fn main(c: bool from Ada) -> u64 {
    let mut p = P { name: \"y\", n: 1 };
    if c { p = P { name: \"x\", n: 2 }; }
    p.name.hash()
}",
    ),
    (
        "returned under a secret",
        "E0315 4",
        "fn pick(c: bool) -> str { if c { return \"x\"; }
    \"y\"
}
fn main(c: bool from Ada) -> u64 { pick(c).hash() }",
    ),
    (
        "taken out by a secret index",
        "E0315 1",
        "fn main(a: [str; 3] from Ada, k: u8 from Ben) -> u64 { let s = a[k]; reveal(at Ada { s.hash() }) }",
    ),
    (
        "put there by a secret index",
        "E0315 2",
        "fn main(k: u8 from Ben) -> u64 { let mut a = [\"x\", \"y\"];
    a[k] = \"z\"; a[0].hash() }",
    ),
    (
        "an array of both parties' strings",
        "E0315 1, E0315 1",
        "fn main(a: str from Ada, b: str from Ben) -> u64 { let all = [a, b]; 0 }",
    ),
    (
        "chosen by what is revealed",
        "E0315 2",
        "fn main(a: str from Ada, b: str from Ada, c: bool from Ada) -> u64 {
    let s = if reveal(c) { a } else { b };
    reveal(at Ada { s.hash() })
}",
    ),
    (
        "assigned in a loop",
        "E0315 3",
        "fn main(a: [str; 3] from Ada) -> u64 {
    let mut last = \"\";
    for s in a { last = s; }
    reveal(at Ada { last.hash() })
}",
    ),
    (
        "an array that may change",
        "E0315 1",
        "fn main(a: [str; 3] from Ada) -> u64 { let mut b = a;
    b[1] = \"x\"; 0 }",
    ),
    ("folded", "E0315 1", "fn main(a: [str; 3] from Ada) -> u64 { let s = a.fold(\"\", |l, s| s); 0 }"),
    ("revealed", "E0316 1", "fn main(a: str from Ada) -> u64 { let s = reveal(a); 0 }"),
    ("revealed to its owner", "E0316 1", "fn main(a: str from Ada) -> u64 { let s = reveal_to(Ada, a); 0 }"),
    (
        "revealed in a struct",
        "E0316 2",
        "struct P { name: str, n: u32 }
fn main(p: P from Ada) -> u32 { reveal(p).n }",
    ),
    ("a result", "E0316 1", "fn main(a: str from Ada) -> str to Ada { a }"),
    ("a public result", "E0316 1", "fn main(a: public str) -> str { a }"),
    ("a result in a struct", "E0316 2", "struct P { name: str }\nfn main(a: P from Ada) -> P to Ada { a }"),
    ("a result that is kept", "E0316 1", "fn main(a: str from Ada) -> secret str { a }"),
    ("what was kept", "E0506 1", "fn main(a: secret str) -> u32 { 0 }"),
    (
        "a member's string by itself",
        "E0315 2",
        "party Member[M];
fn main(names: [str; M] from Member) -> u64 { let s = names[0]; 0 }",
    ),
    ("ordered", "E0203 1", "fn main(a: public str, b: public str) -> bool { a < b }"),
    ("added", "E0203 1", "fn main(a: public str, b: public str) -> bool { a + b == a }"),
    ("converted", "E0212 1", "fn main(a: public str) -> u64 { a as u64 }"),
    ("no such method", "E0103 1", "fn main(a: public str) -> u64 { a.size() }"),
    ("with an argument", "E0208 1", "fn main(a: public str) -> u64 { a.hash(3) }"),
    ("with a size", "E0208 1", "fn main(a: public str) -> u64 { a.hash::<3>() }"),
    ("a range", "E0504 1", "fn main(a: str in 0..3 from Ada) -> u64 { 0 }"),
];

pub(super) const ACCEPTED: &[(&str, &str)] = &[
    (
        "hashed by their owners",
        "fn main(a: str from Ada, b: str from Ben) -> bool {
    let (x, y) = (at Ada { a.hash() }, at Ben { b.hash() });
    reveal(x == y)
}",
    ),
    ("public ones", "fn main(a: public str, b: public str) -> (bool, u64) { (a == b || a != \"x\", a.hash()) }"),
    (
        "all of it in a block",
        "fn pick(c: bool, a: str, b: str) -> str { if c { a } else { b } }
struct P { name: str, n: u32 }
fn main(ps: [P; 4] from Ada, key: public str, c: bool from Ada) -> u64 {
    let n = at Ada {
        let mut last = \"none\";
        let mut n: u64 = 0;
        for p in ps {
            if p.name == key && c { last = p.name; n += p.name.len(); }
        }
        n + pick(c, last, key).hash() + [last, key].map(|s| s.len()).sum()
    };
    reveal(n)
}",
    ),
    (
        "passed on outside and taken out by a public index",
        "fn second(a: [str; 3]) -> str { a[1] }
fn main(a: [str; 3] from Ada) -> u64 {
    let s = second(a);
    let mut n: u64 = 0;
    for t in a { n += at Ada { t.len() }; }
    reveal(n + at Ada { s.hash() })
}",
    ),
    (
        "a struct of which another part changes",
        "struct P { name: str, n: u32 }
fn main(p: P from Ada) -> (u32, u64) {
    let mut q = p;
    q.n += 1;
    (reveal(q.n), reveal(at Ada { q.name.hash() }))
}",
    ),
    (
        "strings of two parties in one tuple",
        "fn main(a: str from Ada, b: str from Ben) -> u64 {
    let both = (a, b);
    let (x, y) = both;
    reveal((at Ada { x.hash() }) + (at Ben { y.hash() }))
}",
    ),
    (
        "a string that a block gives",
        "fn main(a: str from Ada, c: bool from Ada) -> u64 {
    let s = at Ada { if c { a } else { \"x\" } };
    reveal(at Ada { s.len() })
}",
    ),
    (
        "each member's own",
        "party Member[M];
fn main(names: [str; M] from Member) -> u64 { reveal((at Member { names.hash() }).sum()) }",
    ),
    (
        "chosen by what is public",
        "fn main(c: bool from Ada) -> u64 {
    let open = reveal(c);
    let s = if open { \"y\" } else { \"x\" };
    s.hash()
}",
    ),
];

#[test]
fn a_string_is_said_once() {
    let twice = "fn main(a: str from Ada, c: bool from Ben) -> u64 {
    let s = if c { a } else { \"x\" };
    let t = s;
    let u = (t, 1);
    0
}";
    // That it is chosen by Ben, and that it is then of both.
    assert_eq!(errors(twice), ["E0315 2"]);
}
