//! Statements of the language that take the whole compiler: contracts, prices, and the same values on every rung;
//! `docs/language/statements.md` names each. Knows the front doors of all stages, and the figures of Rep3.

use mpcc_tests::check;
use mpcc_tests::ladder::{Climb, Leaves, bound, climb, random_inputs};
use opt::Profile;
use opt::cost::Cost;
use std::collections::BTreeMap;

fn checked(text: &str) -> driver::Checked {
    let checked = check(text);
    let said: Vec<_> = checked.diags.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
    assert!(checked.ok(), "{text}\n{said:?}");
    checked
}

/// All sizes are `n`.
fn sizes(checked: &driver::Checked, n: u64) -> BTreeMap<String, u64> {
    driver::size_names(&checked.program).into_iter().map(|name| (name, n)).collect()
}

fn price(text: &str, n: u64) -> Cost {
    let checked = checked(text);
    let lowered = driver::lower(&checked, &bound(&checked, &sizes(&checked, n)), &driver::Publics::new()).unwrap();
    let compiled = driver::compile(lowered, &spec::REP3, &Profile::LAN).unwrap();
    opt::cost::cost(&compiled.gates, &compiled.schedule, &spec::REP3, &Profile::LAN).unwrap()
}

/// Bytes that all nodes send, of `main(x: [XTY; N] from A, y: [XTY; N] from B) -> TY` with some body.
fn bytes(input: &str, result: &str, body: &str) -> u128 {
    let text = format!(
        "party A, B;\nfn main<N: size>(x: [{input}; N] from A, y: [{input}; N] from B) -> {result} {{ {body} }}"
    );
    price(&text, 1000).bytes_sent().into_iter().sum()
}

/// The result, the same on every rung of the ladder.
#[track_caller]
fn everywhere(text: &str, inputs: &[Leaves]) -> Leaves {
    let checked = checked(text);
    match climb(&checked, &bound(&checked, &BTreeMap::new()), inputs) {
        Ok(Climb::Agree { result, .. }) => result,
        other => panic!("{text}\n{other:?}"),
    }
}

#[test]
fn the_contract_lists_all_that_an_operator_agrees_to() {
    let text = "party A, B;
party F[M];
struct Row { key: u64, amount: u16 in 0..=900 }
fn own(x: u8) -> u8 { at A { x / 2 } }
fn tell(x: u8) -> u8 { reveal_to(A, x) }
fn never(x: u8) -> u8 { reveal(at B { 1u8 }) + x }
fn main<N: size>(x: u8 in 3..=5 from A, rows: [Row; N] from B, votes: [bool; M] from F, p: public u8, k: secret u8) -> (u64, u8 to A, [bool; M] to F, secret u8) {
    let mut s: u64 = 0;
    for i in 0..N { s += reveal(rows[i].amount as u64); }
    let half = at F { !votes };
    let z = own(x);
    (s, tell(z + p), half, k + z)
}";
    let c = driver::contract(&checked(text));
    let brings: Vec<_> = c.brings.iter().map(|b| format!("{}: {}: {}", b.who, b.name, b.ty)).collect();
    assert_eq!(
        brings,
        [
            "A: x: u8 in 3..=5",
            "B: rows: [Row; N]",
            "each of F[M]: votes: [bool; M]",
            "public: p: u8",
            "nobody (kept by an earlier run): k: u8"
        ]
    );
    assert_eq!(c.structs, [("Row".to_string(), "{ key: u64, amount: u16 in 0..=900 }".to_string())]);
    assert_eq!(c.sizes, ["N", "M"]);
    let learns: Vec<_> = c.learns.iter().map(|l| format!("{}: {}: {}", l.who, l.name, l.ty)).collect();
    assert_eq!(
        learns,
        [
            "everyone: result.0: u64",
            "A: result.1: u8",
            "each of F[M]: result.2: [bool; M]",
            "nobody (kept for a later run): result.3: u8"
        ]
    );
    // What `main` reaches, in callees too; not what nobody calls.
    let reveals: Vec<_> = c.reveals.iter().map(|r| (r.to.as_str(), r.line, r.in_loop)).collect();
    assert_eq!(reveals, [("A", 5, false), ("everyone", 9, true)]);
    let alone: Vec<_> = c.alone.iter().map(|a| (a.who.as_str(), a.line)).collect();
    assert_eq!(alone, [("A", 4), ("each of F[M]", 10)]);
}

#[test]
fn openings_of_the_library_are_listed() {
    let call = |body: &str| {
        let text = format!("use std::guard::at_least;\nparty A;\nfn main(x: u32 from A) -> (bool, u32) {{ {body} }}");
        let reveals = driver::contract(&checked(&text)).reveals;
        reveals.into_iter().map(|r| (r.file.contains("guard"), r.function, r.to)).collect::<Vec<_>>()
    };
    let one = (true, "std::guard::at_least".to_string(), "everyone".to_string());
    assert_eq!(call("at_least(3, x as u64, x)"), [one.clone(), one]);
    assert_eq!(call("(true, 3)"), []);
}

#[test]
fn what_a_party_does_alone_costs_nothing() {
    let plain = bytes("u32", "u32", "reveal((x * y).sum())");
    let with = bytes("u32", "u32", "let z = at A { x.map(|v| v * v / 7 + x.max()) }; reveal((z * y).sum())");
    assert_eq!(plain, with);
    // The same work outside is paid for.
    assert!(bytes("u32", "u32", "let z = x.map(|v| v * v / 7 + 1); reveal((z * y).sum())") > 10 * plain);
}

#[test]
fn narrowing_is_free_and_widening_shared_words_is_not() {
    // Of a product, which is shared in words.
    let as_is = bytes("u32", "[u32; N]", "reveal(x * y)");
    assert!(bytes("u32", "[u16; N]", "reveal(x * y) as [u16; N]") <= as_is);
    assert!(bytes("u32", "[u16; N]", "reveal((x * y) as [u16; N])") <= as_is);
    // The same product of 64 bits, once of a word that had to be widened.
    let words = bytes("u64", "[u64; N]", "reveal(x * y * y)");
    assert!(bytes("u32", "[u64; N]", "let z = (x * y) as [u64; N]; reveal(z * (y as [u64; N]))") > 2 * words);
}

#[test]
fn integers_live_in_the_smallest_ring_or_in_planes() {
    let domains = |bits: u32, body: &str| {
        let text =
            format!("party A, B;\nfn main(x: u{bits} from A, y: u{bits} from B) -> u{bits} {{ reveal({body}) }}");
        let checked = checked(&text);
        let lowered = driver::lower(&checked, &bound(&checked, &sizes(&checked, 1)), &driver::Publics::new()).unwrap();
        let gates = driver::compile(lowered, &spec::REP3, &Profile::LAN).unwrap().gates;
        gates.wires.iter().map(|w| w.domain).collect::<Vec<_>>()
    };
    for (bits, ring) in [(2, 8), (8, 8), (9, 16), (16, 16), (17, 32), (33, 64), (64, 64), (65, 128), (128, 128)] {
        let rings: Vec<u8> = domains(bits, "x * y + x")
            .into_iter()
            .filter_map(|d| if let circuit::Domain::Arith { ring } = d { Some(ring) } else { None })
            .collect();
        assert!(!rings.is_empty() && rings.iter().all(|r| *r == ring), "u{bits}: {rings:?}");
        let planes = circuit::Domain::Bits { planes: bits as u8 };
        assert!(domains(bits, "(x ^ y) & x").contains(&planes), "u{bits}");
    }
}

#[test]
fn a_range_makes_circuits_narrower() {
    let count = "reveal((x * y < x + y).count())";
    let (wide, narrow) = (bytes("u32", "u64", count), bytes("u32 in 0..=100", "u64", count));
    assert!(narrow * 3 < wide * 2, "{narrow} {wide}");
}

#[test]
fn a_secret_place_is_priced_by_the_array_and_a_known_one_is_free() {
    let at = |place: &str, n| {
        let text = format!(
            "party A, B;\nfn main<N: size>(x: [u32; N] from A, k: u32 from B) -> u32 {{ let p = {place}; reveal(x[p]) }}"
        );
        let c = price(&text, n);
        c.gates.get("and").copied().unwrap_or(0)
    };
    assert!(at("k", 100) >= 100 && at("k", 1000) >= 1000);
    assert_eq!(at("reveal(k)", 1000), 0);
    let writes = |n| {
        let text = "party A, B;\nfn main<N: size>(x: [u32; N] from A, k: u32 from B) -> [u32; N] { let mut v = x; v[k] = 7; reveal(v) }";
        price(text, n).gates.values().sum::<u128>()
    };
    assert!(writes(1000) > writes(100) + 900);
}

#[test]
fn choices_on_secrets_are_accepted_and_priced() {
    let rounds = |body: &str| {
        price(&format!("party A, B;\nfn f(x: u32, y: u32) -> u32 {{ {body} }}\nfn main(x: u32 from A, y: u32 from B) -> u32 {{ reveal(f(x, y)) }}"), 1).rounds
    };
    let plain = rounds("x + y");
    for body in [
        "if x < y { x } else { y + 1 }",
        "match x { 0 => y, 1..=9 => 3, _ => x }",
        "if x < y { return 3; } x",
        "let mut s = x; for i in 0..4 { if s > y { break; } s += x; } s",
        "let mut s = x; for i in 0..4 { if s > y { continue; } s += x; } s",
        "let mut s = x; while s < y max 4 { s += x; } s",
        "[1u32, 5, 7, 9][x] + y",
    ] {
        assert!(rounds(body) > plain, "{body}");
    }
    // A bound that may be exhausted is paid for in full.
    let turns = |k: u32| rounds(&format!("let mut s = x; while s < y max {k} {{ s = s * s; }} s"));
    assert!(turns(8) > turns(4) && turns(4) > turns(2));
}

/// Values that an integer of so many bits may have.
fn some(bits: u32) -> Vec<u128> {
    let mask = u128::MAX >> (128 - bits);
    [0, 1, 1 << (bits - 1), mask, mask >> 1, mask / 3, 0x1234_5678_9abc_def0_1357 & mask].to_vec()
}

/// Wrapping, division, order, shifts, and conversions: the ladder holds evaluator, each pass, gates, and machines against
/// one another, and this test the evaluator against numbers.
#[test]
fn integers_are_the_same_to_the_bit_everywhere() {
    for (kind, bits) in [('u', 1u32), ('i', 5), ('u', 8), ('u', 13), ('i', 24), ('i', 64), ('u', 127), ('i', 128)] {
        let ty = format!("{kind}{bits}");
        let n = some(bits).len();
        let text = format!(
            "party A, B;\nfn main(x: [{ty}; {n}] from A, y: [{ty}; {n}] from B) -> ([{ty}; {n}], [{ty}; {n}], [{ty}; {n}], [{ty}; {n}], [bool; {n}], [{ty}; {n}], [{ty}; {n}], [u7; {n}]) {{
                (reveal(x + y), reveal(x * y - x), reveal(x / y), reveal(x % y), reveal(x < y), reveal(x.map(|v| v << {bits})), reveal(x.map(|v| v >> {over})), reveal(x as [u7; {n}]))
            }}",
            over = bits + 3,
        );
        let x = some(bits);
        let mut y = x.clone();
        y.rotate_left(3);
        let out = everywhere(&text, &[vec![x.clone()], vec![y.clone()]]);
        let mask = u128::MAX >> (128 - bits);
        let number = |v: u128| (v << (128 - bits)) as i128 >> (128 - bits);
        for k in 0..n {
            let (a, b) = (x[k], y[k]);
            assert_eq!(out[0][k], a.wrapping_add(b) & mask, "{ty}: {a} + {b}");
            assert_eq!(out[1][k], a.wrapping_mul(b).wrapping_sub(a) & mask, "{ty}: {a} * {b} - {a}");
            let (q, r) = match (kind, b) {
                (_, 0) => (mask, a),
                ('u', _) => (a / b, a % b),
                _ => (number(a).wrapping_div(number(b)) as u128, number(a).wrapping_rem(number(b)) as u128),
            };
            assert_eq!((out[2][k], out[3][k]), (q & mask, r & mask), "{ty}: {a} by {b}");
            let less = if kind == 'i' { number(a) < number(b) } else { a < b };
            assert_eq!(out[4][k], u128::from(less), "{ty}: {a} < {b}");
            let sign = if kind == 'i' && number(a) < 0 { mask } else { 0 };
            assert_eq!((out[5][k], out[6][k]), (0, sign), "{ty}: {a} shifted out");
            let wide = if kind == 'i' { number(a) as u128 } else { a };
            assert_eq!(out[7][k], wide & 127, "{ty}: {a} as u7");
        }
    }
}

#[test]
fn fixed_point_is_the_same_to_the_bit_everywhere() {
    for f in [1u32, 8, 16, 31] {
        let text = format!(
            "party A, B;\nfn main(x: [fixed<{f}>; 5] from A, y: [fixed<{f}>; 5] from B) -> ([fixed<{f}>; 5], fixed<{f}>) {{ (reveal(x * y), reveal((x * y).sum())) }}"
        );
        let (x, y) = ([3i64, -65_537, 1 << 40, i64::MIN, -1], [5i64, 98_305, 1 << 30, 3, 1]);
        let words = |w: &[i64]| w.iter().map(|v| u128::from(*v as u64)).collect::<Vec<_>>();
        let out = everywhere(&text, &[vec![words(&x)], vec![words(&y)]]);
        let products: Vec<i64> = x.iter().zip(&y).map(|(a, b)| a.wrapping_mul(*b)).collect();
        let floored: Vec<i64> = products.iter().map(|p| p >> f).collect();
        assert_eq!(out[0], words(&floored), "{f}");
        let sum = products.iter().fold(0i64, |s, p| s.wrapping_add(*p)) >> f;
        assert_eq!(out[1], words(&[sum]), "{f}");
    }
}

#[test]
fn secret_places_and_exits_are_the_same_everywhere() {
    let text = "party A, B;
fn first(xs: [u8; 4], k: u8) -> u8 { for i in 0..4 { if xs[i] == k { return i as u8; } } 99 }
fn main(xs: [u8; 4] from A, k: i16 from B) -> (u8, [u8; 4], u8) {
    let mut v = xs;
    v[k] += 50;
    (reveal(xs[k]), reveal(v), reveal(first(xs, k as u8)))
}";
    for (k, want) in [
        (2u128, vec![vec![7], vec![1, 2, 57, 4], vec![1]]),
        (4, vec![vec![0], vec![1, 2, 7, 4], vec![3]]),
        (0x8000, vec![vec![0], vec![1, 2, 7, 4], vec![99]]),
        (0xffff, vec![vec![0], vec![1, 2, 7, 4], vec![99]]),
    ] {
        assert_eq!(everywhere(text, &[vec![vec![1, 2, 7, 4]], vec![vec![k]]]), want, "{k}");
    }
}

#[test]
fn a_guard_tells_whether_and_only_then_what() {
    let text = "use std::guard::at_least;
party A, B;
fn main(count: u64 from A, x: u32 from B) -> (bool, u32) { at_least(5, count, x) }";
    for count in [0u128, 4, 5, 6, 1 << 40] {
        let out = everywhere(text, &[vec![vec![count]], vec![vec![77]]]);
        assert_eq!(out, if count >= 5 { [[1], [77]] } else { [[0], [0]] }, "{count}");
    }
}

#[test]
fn fast_fixed_point_takes_fewer_rounds() {
    let rounds = |head: &str, products: usize| {
        let body = "s = s * y; ".repeat(products);
        let text = format!(
            "{head}party A, B;\nfn main(x: fixed from A, y: fixed from B) -> fixed {{ let mut s = x; {body} reveal(s) }}"
        );
        price(&text, 1).rounds
    };
    let each = |head: &str| rounds(head, 5) - rounds(head, 4);
    assert_eq!((each(""), each("#![fixed(fast)]\n")), (11, 3));
}

#[test]
fn a_program_is_checked_without_its_sizes_and_bound_with_them() {
    let text = "party A;\nparty F[M];\nfn main<N: size>(x: [u32; N] from A, y: [u32; M] from F) -> u32 { reveal(x.sum() + y.sum()) + N + M }";
    let checked = checked(text);
    assert_eq!(driver::size_names(&checked.program), ["N", "M"]);
    for (n, m) in [(1, 1), (3, 7), (40, 2)] {
        let sizes = BTreeMap::from([("N".to_string(), n), ("M".to_string(), m)]);
        let bound = bound(&checked, &sizes);
        let inputs = random_inputs(&checked, &bound, n + m);
        let sum = inputs.iter().flatten().flatten().sum::<u128>() + u128::from(n + m);
        match climb(&checked, &bound, &inputs) {
            Ok(Climb::Agree { result, .. }) => assert_eq!(result, [[sum & u128::from(u32::MAX)]]),
            other => panic!("{other:?}"),
        }
    }
    let missing = driver::bind(&checked.program, &BTreeMap::from([("N".to_string(), 3)]));
    assert!(matches!(missing, Err(driver::BindError::Missing(names)) if names == ["M"]));
}
