//! Programs that parse, programs that do not, and texts that are none.

use diag::{Diags, FileId, SourceMap};
use syntax::ast::*;
use syntax::parse;

fn check(text: &str) -> (Module, Diags) {
    let mut d = Diags::new();
    let m = parse(FileId(0), text, &mut d);
    (m, d)
}

fn show(text: &str) -> Vec<String> {
    let mut map = SourceMap::new();
    map.add("t.mpc".into(), text.into());
    let (_, d) = check(text);
    d.into_sorted()
        .iter()
        .map(|d| {
            let (l, c) = map.start(d.span().unwrap());
            format!("{} {l}:{c} {}", d.code, d.message)
        })
        .collect()
}

fn clean(text: &str) -> Module {
    let (m, d) = check(text);
    assert!(d.is_empty(), "{text}\n{:#?}", show(text));
    m
}

const SALARY: &str = r#"//! What do we earn on average? Nobody says what they earn.

party Friend[N];                                  // a family of N friends; N is known when the run starts

fn main(salary: [u64; N] from Friend) -> u64 {    // each member of the family brings one element
    reveal(salary.sum()) / N                      // everybody learns the sum, so everybody can divide
}
"#;

const BANKS: &str = r#"//! Two banks find the accounts that both have flagged, and learn nothing about the others.

use std::table::inner_join;

party BankA, BankB;

struct Flag { account: u64, amount: u64 in 0..=10_000_000_000 }

fn main<A: size, B: size>(
    a: [Flag; A] from BankA,                      // A and B: the row counts of the two input files
    b: [Flag; B] from BankB,
) -> (u64 to BankA, u64 to BankB) {
    let a = at BankA { a.sort_by_key(|f| f.account) };          // done by BankA alone, in the clear
    let both = inner_join(a, b, |f| f.account);
    let exposure = both.map(|(x, y)| x.amount + y.amount).sum();
    (reveal_to(BankA, exposure), reveal_to(BankB, both.count()))
}
"#;

const TOUR: &str = r#"
#![fixed(fast)]
use std::{array::{map, zip as z}, sort};
mod helpers;
const K: u32 in 0..=N * 2 = 3;
/// A pair.
struct Pair<T: Num, N: size> {
    /// Left.
    a: T, b: [T; N + 1],
}
enum Shape { Circle(u32), Square { side: u32 } }
impl Pair { fn first(self) -> u32 { self.a } }
#[test]
#[allow(L0101)]
checked fn f<N: size>(mut x: u32 in 0..=N - 1 from A, y: secret [[u8; 3]; N], g: fn(u32) -> u32, t: (u8, bool) @P, z: public u8) -> public u32 in 0..=9 to A {
    let mut s: fixed<16> = 0 as fixed<16>;
    let p: Pair<Pair<u8, 4>, N + 1> = Pair { a: 1, b };
    let q = f::<u8, 8, N * 2, {N / 2}>(1)(2);
    x >>= 1; x = x >> 2 >= 3;
    x += 1 + 2 * 3 - -4 as i8;
    for (i, _) in xs.zip(0..N) { s += i; }
    if x == (S { a: 1 }) { x = 1 } else if !y || z && w { x = 2; } else { }
    while x < max max 10 { break; }
    while max(a, b) > 1 max (K + 1) { continue }
    match x { A(b) => { 1 }, _ => 2 }
    let h = |x: u32, (a, b)| x + a;
    let k = || { 1 };
    let at = at.max(size).party(checked);
    xs[0][1].0.1.f = t.0;
    if if a { b } else { c } { d } else { e };
    xs.sum::<u64>();
    { let a = 1; }
    return 5;
    at P { x }
}
fn g() -> (u32, u32) to P { [0u8; 4]; [1, 2, 3,]; (1,); () }
fn h() -> (u32, (u32 , bool) to P) { "a\"b" }
"#;

#[test]
fn programs_of_the_language_page() {
    let m = clean(SALARY);
    assert_eq!(m.doc, "What do we earn on average? Nobody says what they earn.");
    assert_eq!(m.items.len(), 2);
    assert_eq!(clean(BANKS).items.len(), 4);
}

#[test]
fn tour() {
    clean(TOUR);
}
