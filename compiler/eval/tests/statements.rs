//! Statements of the language about values, as the reference evaluator gives them; `docs/language/statements.md` names each.
//! Knows inputs by leaf, and no library.

use diag::{Diags, SourceMap};
use eval::{Shape, Value};
use sema::layout;
use sema::tree::TyEnv;

/// Runs `main` on one number for each parameter and leaf: the numbers of the result, or line and words of the error.
fn try_run(text: &str, inputs: &[u128]) -> Result<Vec<u128>, (u32, String)> {
    let (mut sources, mut diags) = (SourceMap::new(), Diags::new());
    let file = sources.add("t.mpc".into(), text.into());
    let module = syntax::parse(file, text, &mut diags);
    let program = sema::check(&mut sema::NoModules, file, module, &mut diags);
    if !diags.has_errors() {
        sema::labels::check(&program, &mut diags);
    }
    assert!(!diags.has_errors(), "{text}\n{:#?}", diags.iter().collect::<Vec<_>>());
    let env = TyEnv { families: vec![0; program.parties.len()].into(), ..TyEnv::default() };
    let mut left = inputs.iter();
    let values = program.f(program.main.expect("main")).params.iter().map(|p| {
        let ty = layout::close(&p.ty, &env).expect("a closed type");
        let shape = Shape::of(&program, &ty, &env.families).expect("a shape");
        let leaves = layout::leaves(&program, &ty, &env.families).expect("leaves");
        let columns = leaves.iter().map(|l| left.by_ref().take(l.lanes as usize).copied().collect());
        Value::from_columns(&shape, columns.collect(), false).expect("columns that fit")
    });
    let values = values.collect();
    match eval::run_main(&program, &env, values) {
        Ok(v) => Ok(v.to_columns().concat()),
        Err(e) => Err((sources.start(e.span).0, e.what)),
    }
}

#[track_caller]
fn run(text: &str, inputs: &[u128]) -> Vec<u128> {
    try_run(text, inputs).unwrap_or_else(|e| panic!("{text}\n{e:?}"))
}

fn mask(bits: u32) -> u128 {
    u128::MAX >> (128 - bits)
}

/// The number that two's complement of so many bits means.
fn signed(v: u128, bits: u32) -> i128 {
    (v << (128 - bits)) as i128 >> (128 - bits)
}

#[test]
fn integers_wrap_at_every_width() {
    for n in 1..=128u32 {
        for kind in ['u', 'i'] {
            let text = format!(
                "party A;\nfn main(x: {kind}{n} from A, y: {kind}{n} from A) -> [{kind}{n}; 4] {{ reveal([x + y, x - y, x * y, !x]) }}"
            );
            let m = mask(n);
            for (x, y) in [(m, m), (m, 1), (0, m), (m >> 1, 1), (m / 3, m / 5 + 1), (m / 2 + 1, m / 2 + 1)] {
                let (x, y) = (x & m, y & m);
                let want = [x.wrapping_add(y), x.wrapping_sub(y), x.wrapping_mul(y), !x].map(|v| v & m);
                assert_eq!(run(&text, &[x, y]), want, "{kind}{n}: {x} {y}");
            }
        }
    }
}

#[test]
fn what_is_not_public_is_total() {
    for (kind, n) in [('u', 1u32), ('i', 1), ('u', 8), ('i', 8), ('u', 13), ('i', 13), ('u', 128), ('i', 128)] {
        let text = format!(
            "party A, B;\nfn main(x: {kind}{n} from A, y: {kind}{n} from B) -> [{kind}{n}; 2] {{ reveal([x / y, x % y]) }}"
        );
        let (m, min) = (mask(n), 1u128 << (n - 1));
        for x in [0, 1, min, m, m / 3] {
            assert_eq!(run(&text, &[x, 0]), [m, x], "{kind}{n}: {x} by zero");
        }
        if kind == 'i' {
            assert_eq!(run(&text, &[min, m]), [min, 0], "i{n}: the least by -1");
        }
    }
    // By a public zero, and of a public number by a secret one.
    let text = "party A;\nfn main(x: u8 from A, z: public u8) -> [u8; 4] { reveal([x / z, x % z, z / x, z % x]) }";
    assert_eq!(run(text, &[7, 0]), [255, 7, 0, 0]);
    let text = "party A;\nfn main(x: u8 from A, k: public u8) -> [u8; 2] { reveal([k / x, k % x]) }";
    assert_eq!(run(text, &[0, 9]), [255, 9]);
    let text = "party A;\nfn main(x: fixed from A, y: fixed from A) -> fixed { reveal(x / y) }";
    assert_eq!(run(text, &[3 << 16, 0]), [u128::from(u64::MAX)]);
    // One party's values are not public either.
    let text = "party A;\nfn main(x: u8 from A, y: u8 from A) -> u8 to A { x / y }";
    assert_eq!(run(text, &[7, 0]), [255]);
}

#[test]
fn on_public_values_division_by_zero_and_bad_indices_are_errors_with_their_place() {
    let head = "party A;\nfn main(z: public u32, xs: [u32; 3] from A) -> u32 {\nlet mut ys = xs;\n";
    for (body, words) in [
        ("7 /\nz", "division by zero"),
        ("7 %\nz", "division by zero"),
        ("let mut v = z; v /=\nz; v", "division by zero"),
        ("let w =\n1.5 / (z as fixed); w as u32", "division by zero"),
        ("reveal(xs[\nz + 3])", "outside"),
        ("ys[z +\n3] = 1; reveal(ys[0])", "outside"),
        ("ys[z - 1] +=\n1; reveal(ys[0])", "outside"),
    ] {
        let (line, what) = try_run(&format!("{head}{body}\n}}"), &[0, 1, 2, 3]).expect_err(body);
        assert!((4..=5).contains(&line) && what.contains(words), "{body}: {line} {what}");
    }
    assert_eq!(run(&format!("{head}7 / z + 7 % z + reveal(xs[z])\n}}"), &[2, 1, 2, 3]), [3 + 1 + 3]);
}

#[test]
fn division_truncates_toward_zero() {
    for public in [false, true] {
        let from = if public { ["public i9"; 2] } else { ["i9 from A", "i9 from B"] };
        let body = if public { "[x / y, x % y]" } else { "reveal([x / y, x % y])" };
        let text = format!("party A, B;\nfn main(x: {}, y: {}) -> [i9; 2] {{ {body} }}", from[0], from[1]);
        for x in [-256i128, -7, -1, 0, 1, 7, 255] {
            for y in [-256i128, -3, -2, -1, 1, 2, 3, 255] {
                let want = if (x, y) == (-256, -1) { [x, 0] } else { [x / y, x % y] };
                let got = run(&text, &[x as u128 & 511, y as u128 & 511]);
                assert_eq!([signed(got[0], 9), signed(got[1], 9)], want, "{x} {y}");
            }
        }
    }
}

#[test]
fn shifts_by_the_width_or_more_leave_nothing_but_the_sign() {
    for (kind, n) in [('u', 1u32), ('u', 8), ('i', 8), ('u', 13), ('i', 13), ('i', 64), ('u', 128), ('i', 128)] {
        for k in [0, 1, n - 1, n, n + 1, 200, 1 << 20] {
            let text = format!(
                "party A;\nfn main(x: {kind}{n} from A, k: public u32) -> [{kind}{n}; 2] {{ reveal([x << k, x >> k]) }}"
            );
            for x in [1, mask(n), 1 << (n - 1), mask(n) / 3] {
                let left = if k >= n { 0 } else { x << k & mask(n) };
                let right = match kind {
                    'i' => (signed(x, n) >> k.min(127).min(n)) as u128 & mask(n),
                    _ => x.checked_shr(k).unwrap_or(0),
                };
                assert_eq!(run(&text, &[x, u128::from(k)]), [left, right], "{kind}{n}: {x} by {k}");
            }
        }
    }
}

/// Words of some 64-bit numbers, small, large, and of both signs.
const WORDS: &[i64] = &[0, 1, -1, 3, -3, 65_536, -65_537, 0x1234_5678, -0x1_2345_6789, 1 << 40, i64::MAX, i64::MIN];

#[test]
fn products_of_fixed_point_are_floored_words() {
    for f in 1..=31u32 {
        let text =
            format!("party A;\nfn main(x: fixed<{f}> from A, y: fixed<{f}> from A) -> fixed<{f}> {{ reveal(x * y) }}");
        let steps = if f % 5 == 1 { 1 } else { 4 };
        for x in WORDS.iter().step_by(steps) {
            for y in WORDS {
                let got = run(&text, &[u128::from(*x as u64), u128::from(*y as u64)])[0] as u64 as i64;
                assert_eq!(got, x.wrapping_mul(*y) >> f, "{f}: {x} {y}");
                // Right while it is small enough.
                let exact = i128::from(*x) * i128::from(*y);
                if exact.unsigned_abs() < 1 << 63 {
                    assert_eq!(i128::from(got), exact >> f);
                }
            }
        }
    }
}

#[test]
fn fixed_point_numbers_are_words_of_64_bits() {
    let text = "party A;\nfn main(x: fixed<31> from A) -> (i64, fixed<31>, bool) { (to_bits(reveal(x)), reveal(x + x), reveal(x < 0.0)) }";
    for w in WORDS {
        let got = run(text, &[u128::from(*w as u64)]);
        assert_eq!(got, [*w as u64, w.wrapping_add(*w) as u64, u64::from(*w < 0)].map(u128::from));
    }
    assert_eq!(
        run(
            "fn main() -> (i64, i64, i64) { (to_bits(1.5), to_bits(-0.5 as fixed<1>), to_bits(0.25 as fixed<31>)) }",
            &[]
        )
        .len(),
        3
    );
    assert_eq!(run("fn main() -> i64 { let x: fixed = 1.5; to_bits(x) }", &[]), [3 << 15]);
    assert_eq!(run("fn main() -> i64 { let x: fixed<31> = 1.5; to_bits(x) }", &[]), [3 << 30]);
}

#[test]
fn sums_of_products_are_shifted_once() {
    // Words whose products have something behind the point.
    let xs = [3i64, -5, 7, 65_537];
    let ys = [11i64, 13, -17, 98_305];
    let once = xs.iter().zip(&ys).map(|(x, y)| x * y).sum::<i64>() >> 16;
    let each = xs.iter().zip(&ys).map(|(x, y)| (x * y) >> 16).sum::<i64>();
    assert_ne!(once, each);
    let inputs: Vec<u128> = xs.iter().chain(&ys).map(|w| u128::from(*w as u64)).collect();
    for (body, want) in [
        ("(x * y).sum()", once),
        ("x.zip(y).map(|(a, b)| a * b).sum()", once),
        ("x[0] * y[0] + x[1] * y[1] + x[2] * y[2] + x[3] * y[3]", once),
        ("{ let mut s = wide_mul(x[0], y[0]); for i in 1..4 { s += wide_mul(x[i], y[i]); } narrow(s) }", once),
        // Products that are numbers of their own are cut off each.
        ("{ let mut s: fixed = 0.0; for i in 0..4 { let p = x[i] * y[i]; s += p; } s }", each),
    ] {
        let text =
            format!("party A;\nfn main(x: [fixed; 4] from A, y: [fixed; 4] from A) -> fixed {{ reveal({body}) }}");
        assert_eq!(run(&text, &inputs)[0] as u64 as i64, want, "{body}");
    }
}

#[test]
fn values_are_copied_wherever_they_go() {
    let head =
        "party A;\nstruct S { a: u8, xs: [u8; 2] }\nfn change(v: [u8; 2]) -> [u8; 2] { let mut w = v; w[0] = 99; w }\n";
    for (body, want) in [
        ("let mut b = a; b[0] = 9; reveal([a[0], b[0]])", [1, 9]),
        ("let b = change(a); reveal([a[0], b[0]])", [1, 99]),
        ("let mut s = S { a: 3, xs: a }; s.xs[0] = 9; reveal([a[0], s.xs[0]])", [1, 9]),
        ("let s = S { a: 3, xs: a }; let mut t = s; t.a = 9; t.xs[1] = 9; reveal([s.a, s.xs[1]])", [3, 2]),
        ("let mut r = [a, a]; r[0][0] = 9; reveal([r[0][0], r[1][0]])", [9, 1]),
        ("let mut b = a; let t = (b, b); b[0] = 9; reveal([t.0[0], t.1[0]])", [1, 1]),
        // A loop goes over what there was; a closure holds what there was.
        ("let mut k: u8 = 5; let f = |x: u8| x + k; k = 7; reveal([f(a[0]), k])", [6, 7]),
        (
            "let mut b = a; let f = |i: u8| b[0] + i; b[0] = 9; let g = |i: u8| f(i) + b[0]; b = a; reveal([f(0), g(0)])",
            [1, 10],
        ),
        (
            "let mut k: u8 = 0; let mut s: u8 = 0; for i in 0..3 { let f = || k; k += 1; s += f(); } reveal([s, k])",
            [3, 3],
        ),
        (
            "let mut k: u8 = 1; let f = |x: u8| { let mut m = x; let g = |y: u8| y + m + k; m = 50; g(0) + m }; k = 9; reveal([f(a[0]), k])",
            [52, 9],
        ),
        ("let mut b = a; let mut s: u8 = 0; for x in b { b[1] = 50; s += x; } reveal([s, b[1]])", [3, 50]),
    ] {
        let text = format!("{head}fn main(a: [u8; 2] from A) -> [u8; 2] {{ {body} }}");
        assert_eq!(run(&text, &[1, 2]), want, "{body}");
    }
}

#[test]
fn out_of_bounds_a_secret_index_reads_zeros_and_writes_nothing() {
    let head = "party A;\nstruct P { a: u8, b: bool }\n";
    for (ty, far) in [
        ("u2", 3u128),
        ("u8", 200),
        ("i8", 0xff),
        ("i16", 0x8000),
        ("u64", 1 << 40),
        ("i128", 1 << 127),
        ("u128", u128::MAX),
    ] {
        let text = format!(
            "{head}fn main(k: {ty} from A) -> (u8, u8, bool, u8, [u8; 3], [[u8; 2]; 3], bool) {{
                let mut v: [u8; 3] = [5, 6, 7];
                let mut r: [[u8; 2]; 3] = [[1, 2], [3, 4], [5, 6]];
                let mut p = [P {{ a: 8, b: true }}; 3];
                let read = (v[k], p[k].a, p[k].b, r[k][1]);
                v[k] = 99;
                r[k] = [77, 78];
                p[k].b = false;
                (reveal(read.0), reveal(read.1), reveal(read.2), reveal(read.3), reveal(v), reveal(r), reveal(p.map(|q| q.b).all()))
            }}"
        );
        assert_eq!(run(&text, &[far]), [0, 0, 0, 0, 5, 6, 7, 1, 2, 3, 4, 5, 6, 1], "{ty}");
        assert_eq!(run(&text, &[1]), [6, 8, 1, 4, 5, 99, 7, 1, 2, 77, 78, 5, 6, 0], "{ty}");
    }
}

#[test]
fn compound_assignments_are_the_operators() {
    for op in ["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"] {
        let right = if matches!(op, "<<" | ">>") { "3" } else { "y" };
        let text = format!(
            "party A;\nstruct S {{ a: [u13; 2] }}\nfn main(x: u13 from A, y: u13 from A) -> [u13; 3] {{ let mut v = x; v {op}= {right}; let mut s = S {{ a: [x; 2] }}; s.a[1] {op}= {right}; reveal([x {op} {right}, v, s.a[1]]) }}"
        );
        for (x, y) in [(8000u128, 77), (77, 8000), (5, 0)] {
            let got = run(&text, &[x, y]);
            assert!(got[0] == got[1] && got[1] == got[2], "{op}: {got:?}");
        }
    }
}

#[test]
fn behind_an_exit_nothing_changes_any_more() {
    let head = "party A;\nfn f(xs: [u8; 4], k: u8) -> [u8; 4] { let mut v: [u8; 4] = [0; 4];\n";
    for (body, want) in [
        ("for i in 0..4 { if xs[i] == k { break; } v[i] = 1; } v", [1, 1, 0, 0]),
        ("for i in 0..4 { if xs[i] == k { continue; } v[i] = 1; } v", [1, 1, 0, 1]),
        ("for i in 0..4 { if xs[i] == k { return v; } v[i] = 1; } [9; 4]", [1, 1, 0, 0]),
        ("for i in 0..4 { v[i] = 1; if xs[i] == k { break; } } v[3] += 5; v", [1, 1, 1, 5]),
        // The inner loop is left, not the outer one.
        ("for i in 0..4 { for j in 0..4 { if xs[j] == k { break; } v[i] += 1; } } v", [2, 2, 2, 2]),
        ("let mut i: u8 = 0; while i != k max 4 { v[i] = 1; i += 1; } v", [1, 1, 1, 0]),
        ("let mut i: u8 = 0; while i != 200 max 2 { v[i] = 1; i += 1; } v", [1, 1, 0, 0]),
        ("for i in 0..4 { match xs[i] { 3 => break, x if x == k => continue, _ => v[i] = 1 } } v", [1, 1, 0, 1]),
    ] {
        let text =
            format!("{head}{body} }}\nfn main(xs: [u8; 4] from A, k: u8 from A) -> [u8; 4] {{ reveal(f(xs, k)) }}");
        assert_eq!(run(&text, &[0, 1, 3, 9, 3]).len(), 4);
        assert_eq!(run(&text.replace("3 => break, ", ""), &[0, 1, 3, 9, 3]), want, "{body}");
    }
}

#[test]
fn conditions_are_expressions_on_secrets_too() {
    let text = "party A;
enum E { N, S(u8) }
fn main(x: u8 from A) -> [u8; 4] {
    let a: u8 = if x < 3 { 1 } else if x == 3 { 2 } else { 3 };
    let b: u8 = match x { 0 => 10, 1..=4 if a < 3 => 11, n => n };
    let e = if x > 3 { E::S(x * 2) } else { E::N };
    let c: u8 = match e { E::S(n) => n, E::N => 7 };
    let d: u8 = match (x, e) { (_, E::N) => 0, (9, _) => 1, (n, E::S(m)) => m - n };
    reveal([a, b, c, d])
}";
    for (x, want) in [(0, [1, 10, 7, 0]), (2, [1, 11, 7, 0]), (3, [2, 11, 7, 0]), (4, [3, 4, 8, 4]), (9, [3, 9, 18, 1])]
    {
        assert_eq!(run(text, &[x]), want, "{x}");
    }
}
