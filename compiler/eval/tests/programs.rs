//! The evaluator on source text: meanings that later stages are held against, and errors with their places.

use diag::{Diags, SourceMap};
use eval::{Options, Shape, Value};
use sema::layout;
use sema::tree::{AtCode, ExprId, ExprKind, LocalId, Program, TyEnv};

fn load(text: &str) -> (Program, SourceMap) {
    let mut sources = SourceMap::new();
    let mut diags = Diags::new();
    let file = sources.add("t.mpc".into(), text.into());
    let module = syntax::parse(file, text, &mut diags);
    let program = sema::check(&mut sema::NoModules, file, module, &mut diags);
    if !diags.has_errors() {
        sema::labels::check(&program, &mut diags);
    }
    assert!(!diags.has_errors(), "{text}\n{:#?}", diags.iter().collect::<Vec<_>>());
    (program, sources)
}

/// Runs `main` on columns, one list of leaves per parameter; columns of the result, or line and words of the error.
fn run(text: &str, sizes: &[i64], inputs: Vec<Vec<Vec<u128>>>) -> Result<Vec<Vec<u128>>, (usize, String)> {
    let (program, sources) = load(text);
    run_loaded(&program, &sources, sizes, &[], inputs)
}

fn run_loaded(
    program: &Program,
    sources: &SourceMap,
    sizes: &[i64],
    families: &[i64],
    inputs: Vec<Vec<Vec<u128>>>,
) -> Result<Vec<Vec<u128>>, (usize, String)> {
    let mut members = families.iter();
    let families = program
        .parties
        .iter()
        .map(|p| p.family.as_ref().map_or(0, |_| *members.next().expect("a family's size")))
        .collect();
    let env = TyEnv { tys: vec![], sizes: sizes.to_vec(), families };
    let main = program.f(program.main.expect("main"));
    let values = main
        .params
        .iter()
        .zip(inputs)
        .map(|(p, columns)| {
            let ty = layout::close(&p.ty, &env).expect("a closed type");
            let shape = Shape::of(program, &ty, &env.families).expect("a shape");
            Value::from_columns(&shape, columns, false).expect("columns that fit")
        })
        .collect();
    match eval::run_main_with(program, &env, values, Options { steps: 50_000_000, ..Options::default() }) {
        Ok(v) => Ok(v.to_columns()),
        Err(e) => {
            assert!(!e.internal, "{e} at {:?}", sources.start(e.span));
            Err((sources.start(e.span).0 as usize, e.what))
        }
    }
}

fn one(text: &str, inputs: &[u128]) -> u128 {
    let inputs = inputs.iter().map(|x| vec![vec![*x]]).collect();
    run(text, &[], inputs).expect("it runs")[0][0]
}

fn fails(text: &str, inputs: &[u128]) -> (usize, String) {
    let inputs = inputs.iter().map(|x| vec![vec![*x]]).collect();
    run(text, &[], inputs).expect_err("it fails")
}

#[test]
fn wins_by_hand() {
    let text = "party Ada, Ben;
fn main<N: size>(x: [u32; N] from Ada, y: [u32; N] from Ben) -> u32 {
    let mut wins: u32 = 0;
    for i in 0..N {
        if x[i] < y[i] { wins += 1; }
    }
    reveal(wins)
}";
    let inputs = vec![vec![vec![1, 9, 3, 4]], vec![vec![2, 8, 3, 5]]];
    assert_eq!(run(text, &[4], inputs), Ok(vec![vec![2]]));
}

#[test]
fn division_is_total_on_secrets_and_not_on_public_values() {
    let secret = "party Ada;
fn main(x: u8 from Ada, y: u8 from Ada) -> (u8, u8) { (reveal(x / y), reveal(x % y)) }";
    assert_eq!(run(secret, &[], vec![vec![vec![7]], vec![vec![0]]]), Ok(vec![vec![255], vec![7]]));
    let public = "party Ada;
fn main(x: u8 from Ada, y: u8 from Ada) -> u8 {
    let d = reveal(y);
    reveal(x) / d
}";
    assert_eq!(one(public, &[7, 2]), 3);
    assert_eq!(fails(public, &[7, 0]), (4, "division by zero".into()));
}

#[test]
fn a_condition_that_is_not_public_makes_what_it_assigns_not_public() {
    // `d` is zero in both branches; only its secrecy makes the division total.
    let text = "party Ada;
fn main(x: u8 from Ada) -> u8 {
    let mut d: u8 = 1;
    if x < 3 { d = 0; } else { d = 0; }
    reveal(5 / d)
}";
    assert_eq!(one(text, &[1]), 255);
    assert_eq!(one(text, &[9]), 255);
}

#[test]
fn both_branches_of_a_secret_if_run_and_one_stays() {
    let text = "party Ada;
fn main(x: u32 from Ada) -> [u32; 3] {
    let mut v: [u32; 3] = [1, 2, 3];
    let mut s: u32 = 10;
    if x < 3 {
        for i in 0..2 { v[i] = v[i + 1]; }
        s = v[0] + s;
        if x == 1 { v[2] = s; }
    } else {
        v = [s, s, s];
        s = 0;
    }
    reveal([v[0], v[2], s])
}";
    assert_eq!(run(text, &[], vec![vec![vec![1]]]), Ok(vec![vec![2, 12, 12]]));
    assert_eq!(run(text, &[], vec![vec![vec![2]]]), Ok(vec![vec![2, 3, 12]]));
    assert_eq!(run(text, &[], vec![vec![vec![7]]]), Ok(vec![vec![10, 10, 0]]));
    let bad = "party Ada;
fn main<N: size>(xs: [u32; N] from Ada) -> u32 {
    let mut r: u32 = 0;
    if xs[0] < 3 {
        r = xs[N];
    }
    reveal(r)
}";
    for x in [1, 9] {
        let e = run(bad, &[2], vec![vec![vec![x, x]]]).expect_err("the index is bad whatever x is");
        assert_eq!(e, (5, "index 2 is outside of an array of 2".into()));
    }
}

#[test]
fn a_public_if_runs_one_branch() {
    let text = "party Ada;
fn main<N: size>(xs: [u32; N] from Ada) -> u32 {
    if N > 2 { reveal(xs[2]) } else { reveal(xs[0]) }
}";
    assert_eq!(run(text, &[2], vec![vec![vec![5, 6]]]), Ok(vec![vec![5]]));
    assert_eq!(run(text, &[3], vec![vec![vec![5, 6, 7]]]), Ok(vec![vec![7]]));
}

#[test]
fn loops_in_every_form() {
    let text = "party Ada;
fn main<N: size>(xs: [u64; N] from Ada) -> [u64; 5] {
    let mut r: [u64; 5] = [0; 5];
    for i in (0..N).step_by(2) { r[0] = r[0] * 10 + xs[i]; }
    for i in (0..N).rev() { r[1] = r[1] * 10 + xs[i]; }
    for i in (0..N).step_by(2).rev() { r[2] = r[2] * 10 + xs[i]; }
    for i in 0..=N - 2 { r[3] = r[3] * 10 + xs[i]; }
    for x in xs { r[4] = r[4] * 10 + x; }
    reveal(r)
}";
    let out = run(text, &[4], vec![vec![vec![1, 2, 3, 4]]]);
    assert_eq!(out, Ok(vec![vec![13, 4321, 31, 123, 1234]]));
    assert_eq!(run(text, &[1], vec![vec![vec![7]]]), Ok(vec![vec![7, 7, 7, 0, 7]]));
}

#[test]
fn values_are_copied_and_closures_capture() {
    let text = "party Ada;
fn apply(f: fn(u32) -> u32, x: u32) -> u32 { f(f(x)) }
fn main(x: u32 from Ada) -> [u32; 4] {
    let a: [u32; 2] = [x, x + 1];
    let mut b = a;
    b[0] = 100;
    let k: u32 = 3;
    let c = a.zip(b).map(|(p, q)| p * k + q);
    let d = apply(|y| y * 2 + k, x);
    let e = c.fold(0u32, |acc, y| acc * 1000 + y);
    reveal([a[0], d, e, b[0]])
}";
    // a = [5, 6], b = [100, 6], c = [115, 24]; d = (5 * 2 + 3) * 2 + 3
    assert_eq!(run(text, &[], vec![vec![vec![5]]]), Ok(vec![vec![5, 29, 115_024, 100]]));
}

#[test]
fn structs_go_by_columns() {
    let text = "party Ada;
struct Row { key: u16, ok: bool }
fn main<N: size>(rows: [Row; N] from Ada) -> (u16, [bool; N]) {
    let mut r = rows;
    r[0].key += 100;
    r[1].ok = true;
    let total = r.map(|x| if x.ok { x.key } else { 0 }).sum();
    (reveal(total), reveal(r.map(|x| x.ok)))
}";
    let out = run(text, &[3], vec![vec![vec![1, 2, 3], vec![1, 0, 0]]]);
    assert_eq!(out, Ok(vec![vec![103], vec![1, 1, 0]]));
}

#[test]
fn array_methods() {
    let text = "party Ada;
fn main<N: size>(xs: [i8; N] from Ada) -> (i8, i8, i8, u64, u64, u64, bool, bool) {
    let neg = xs.map(|x| x < 0);
    (reveal(xs.sum()), reveal(xs.min()), reveal(xs.max()), reveal(xs.argmin()), reveal(xs.argmax()),
     reveal(neg.count()), reveal(neg.any()), reveal(neg.all()))
}";
    let m = |v: i8| u128::from(v as u8);
    let out = run(text, &[5], vec![vec![vec![m(3), m(-4), m(100), m(-4), m(100)]]]).expect("it runs");
    let flat: Vec<u128> = out.concat();
    assert_eq!(flat, vec![m((3 - 4 + 100 - 4 + 100i32) as i8), m(-4), 100, 1, 2, 2, 1, 0]);
}

#[test]
fn sizes_take_part_and_must_agree() {
    let text = "party Ada;
fn pairs<A: size, B: size>(a: [u32; A], b: [u32; B]) -> u32 {
    let c = a * b;
    c.sum() + A
}
fn main<N: size, M: size>(x: [u32; N] from Ada, y: [u32; M] from Ada) -> u32 { reveal(pairs(x, y)) }";
    assert_eq!(run(text, &[2, 2], vec![vec![vec![1, 2]], vec![vec![3, 4]]]), Ok(vec![vec![13]]));
    let e = run(text, &[2, 1], vec![vec![vec![1, 2]], vec![vec![3]]]).expect_err("2 against 1");
    assert_eq!(e.0, 3, "{e:?}");
}

#[test]
fn errors_have_places() {
    let cases: &[(&str, u128, usize, &str)] = &[
        ("let a: [u32; 3] = [1, 2, 3];\nlet k = reveal(x);\na[k]", 3, 5, "outside"),
        ("let a: [u32; 3] = [1, 2, 3];\nlet k = reveal(x);\na[k + 1]", u128::from(u32::MAX), 3, ""),
        ("for i in 0..300 {\nlet b: u8 = i;\n}\nreveal(x)", 0, 4, "does not fit"),
        ("let y = reveal(x);\nassert(y < 10, \"too large\");\ny", 10, 4, "too large"),
        ("for i in 0..9_223_372_036_854_775_807 {\nlet y = i;\n}\nreveal(x)", 0, 3, "limit of steps"),
    ];
    for (body, x, line, words) in cases {
        let text = format!("party Ada;\nfn main(x: u32 from Ada) -> u32 {{\n{body}\n}}");
        match run(&text, &[], vec![vec![vec![*x]]]) {
            Ok(v) => assert!(words.is_empty() && v == vec![vec![1]], "{text}\n{v:?}"),
            Err((_, what)) if words.is_empty() => panic!("{text}\n{what}"),
            Err((at, what)) => {
                assert!(what.contains(words), "{text}\n{what}");
                assert!(at == *line || words.contains("limit"), "{text}\n{at}: {what}");
            }
        }
    }
}

#[test]
fn at_blocks_run_in_place_and_alone() {
    let text = "party Ada;
struct P { a: u32, b: [u8; 2] }
fn main(x: u32 from Ada, p: P from Ada) -> u32 {
    let y = at Ada { x / 2 + p.a * (p.b[1] as u32) };
    reveal(y + 1)
}";
    let inputs = vec![vec![vec![10]], vec![vec![3], vec![0, 7]]];
    let (program, sources) = load(text);
    assert_eq!(run_loaded(&program, &sources, &[], &[], inputs), Ok(vec![vec![5 + 21 + 1]]));
    let main = program.main.expect("main");
    let f = program.f(main);
    let expr = f.exprs.iter().position(|e| matches!(e.kind, ExprKind::At { .. })).expect("the block");
    let local = |name: &str| LocalId(f.locals.iter().position(|l| &*l.name == name).expect("a local") as u32);
    let code = AtCode {
        f: main,
        expr: ExprId(expr as u32),
        env: TyEnv { families: [0].into(), ..TyEnv::default() },
        args: vec![(local("p"), 1), (local("x"), 0), (local("p"), 0)],
        indices: vec![],
        many: true,
    };
    let columns = |flags: Vec<u128>| [vec![0, 7, 0, 1], vec![10, 20], vec![3, 4], flags];
    let at = |args: &[Vec<u128>]| eval::run_at(&program, &code, args, &strings::Table::default());
    assert_eq!(at(&columns(vec![1, 1])), Ok(vec![vec![26, 14]]));
    assert_eq!(at(&columns(vec![0, 1])), Ok(vec![vec![0, 14]]));
    assert!(at(&columns(vec![1])).is_err());
    assert!(at(&[]).is_err());
}

#[test]
fn tests_pass_and_fail() {
    let (program, _) = load(
        "party Ada;
#[test]
fn good() { assert_eq(2u32 + 2, 4); }
#[test]
fn bad() { assert_eq(2u32 + 2, 5); }
fn main(x: u32 from Ada) -> u32 { reveal(x) }",
    );
    let results: Vec<bool> =
        program.tests.iter().map(|f| eval::run_test(&program, *f, Options::default()).is_ok()).collect();
    assert_eq!(results, vec![true, false]);
}

#[test]
fn debug_shows_nothing_that_is_not_public() {
    let mut v = Value::scalar(eval::Kind::Int { signed: false, bits: 32 }, 424_242);
    assert_eq!(format!("{v:?}"), "424242");
    v.mark(true);
    assert!(!format!("{v:?}").contains("42"));
}

/// Generated programs pass the checker and run, soon, to an answer or to a refusal that is no internal error; most give
/// an answer.
#[test]
fn generated_programs_run() {
    let (mut ran, mut stopped) = (0, Vec::new());
    for seed in 0..1000 {
        let s = eval::testing::program(seed);
        let (program, sources) = load(&s.source);
        let sizes: Vec<i64> = s.sizes.iter().map(|s| s.1).collect();
        let families: Vec<i64> = s.families.iter().map(|f| f.1).collect();
        let inputs = s.inputs.iter().map(|i| i.columns.clone()).collect();
        match run_loaded(&program, &sources, &sizes, &families, inputs) {
            Ok(_) => ran += 1,
            Err((line, what)) => stopped.push(format!("seed {seed} line {line}: {what}")),
        }
    }
    assert!(ran >= 950, "{ran} ran; {stopped:#?}");
}

#[test]
fn calls_of_nested_expressions_nest_deep() {
    let mut text = String::from("party Ada;\nfn f0(x: u32) -> u32 { x }\n");
    for k in 1..300 {
        text += &format!("fn f{k}(x: u32) -> u32 {{ {}f{}(x){} }}\n", "(1 + ".repeat(60), k - 1, ")".repeat(60));
    }
    let call = |k: u32| format!("{text}fn main(x: u32 from Ada) -> u32 {{ reveal(f{k}(x)) }}");
    assert_eq!(one(&call(10), &[5]), 605);
    assert_eq!(one(&call(299), &[5]), 17_945);
}

#[test]
fn nested_loops_are_checked_in_time() {
    let depth = 60;
    let mut text = String::from("party Ada;\nfn main(x: u32 from Ada) -> u32 {\nlet mut s: u32 = 0;\n");
    for k in 0..depth {
        text += &format!("let mut a{k}: u32 = 0;\n");
    }
    for k in 0..depth {
        text += &format!("for i{k} in 0..1 {{\n");
    }
    for k in 1..depth {
        text += &format!("a{} = a{k};\n", k - 1);
    }
    text += &format!("a{} = x;\ns = a0;\n", depth - 1);
    text += &"}".repeat(depth);
    text += "\nreveal(s)\n}";
    load(&text);
}

#[test]
fn while_turns_until_its_condition_is_false() {
    let text = "party Ada;
fn main(x: u32 from Ada) -> (u32, u32) {
    let mut left = x;
    let mut turns: u32 = 0;
    while reveal(left >= 10) {
        left -= 10;
        turns += 1;
    }
    (turns, reveal(left))
}";
    for x in [0u128, 9, 10, 57] {
        let inputs = vec![vec![vec![x]]];
        assert_eq!(run(text, &[], inputs), Ok(vec![vec![x / 10], vec![x % 10]]));
    }
    let (program, _) = load("party Ada;\nfn main(c: bool from Ada) -> u32 { while reveal(c) { }\n3 }");
    let env = TyEnv { tys: vec![], sizes: vec![], families: [0].into() };
    let go = |c| {
        let main = program.f(program.main.expect("main"));
        let shape = Shape::of(&program, &main.params[0].ty, &env.families).expect("a shape");
        let value = Value::from_columns(&shape, vec![vec![c]], false).expect("a value");
        eval::run_main_with(&program, &env, vec![value], Options { turns: 5, ..Options::default() })
    };
    assert_eq!(go(0).map(|v| v.to_columns()), Ok(vec![vec![3]]));
    assert!(go(1).unwrap_err().what.contains("has run 5 times"));
}

#[test]
fn at_a_family_each_member_works_on_its_own() {
    let text = "party Ada;
party Friend[N];
fn main(x: [u32; N] from Friend, k: public u32) -> [u32; N] {
    let half = at Friend { x / k };
    reveal(half)
}";
    let (program, sources) = load(text);
    let inputs = vec![vec![vec![7, 8, 0]], vec![vec![2]]];
    assert_eq!(run_loaded(&program, &sources, &[], &[3], inputs), Ok(vec![vec![3, 4, 0]]));
}

#[test]
fn exits_leave_what_they_stand_in() {
    let text = "party Ada, Ben;
fn first(xs: [u32; 4], k: u32) -> u32 {
    for i in 0..4 {
        for j in 0..4 {
            if j > i { break; }
            if xs[j] == k { return 10 * (i as u32) + j as u32; }
        }
    }
    99
}
fn main(xs: [u32; 4] from Ada, k: u32 from Ben) -> (u32, u32, u32) {
    let mut odd: u32 = 0;
    let mut before: u32 = 0;
    for x in xs {
        if x % 2 == 0 { continue; }
        odd += x;
        if x == k { break; }
        before += x;
    }
    (reveal(first(xs, k)), reveal(odd), reveal(before))
}";
    let with = |k: u128| run(text, &[], vec![vec![vec![3, 8, 5, 7]], vec![vec![k]]]).unwrap();
    assert_eq!(with(8), [[11], [15], [15]]);
    assert_eq!(with(5), [[22], [8], [3]]);
    assert_eq!(with(1), [[99], [15], [15]]);
    // A closure is left, not the function around it.
    let text = "party Ada, Ben; fn main(x: u32 from Ada) -> u32 {
        let f = [1u32, 2, 3].map(|k| { if k == x { return 100; } k }); reveal(f.sum()) }";
    assert_eq!(one(text, &[2]), 104);
    assert_eq!(one(text, &[9]), 6);
}

#[test]
fn a_bounded_while_stops_at_its_bound() {
    let text = "party Ada, Ben; fn main(x: u32 from Ada) -> u32 {
        let mut n = x; let mut k: u32 = 0;
        while n > 0 max 5 { n = n / 2; k += 1; }
        reveal(k) }";
    assert_eq!((0..8).map(|b| one(text, &[1 << b])).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 5, 5, 5]);
    assert_eq!(one(text, &[0]), 0);
}

#[test]
fn a_secret_index_reaches_every_element_or_none() {
    let text = "party Ada, Ben; fn main(x: i16 from Ada) -> [u32; 4] {
        let mut a: [u32; 3] = [10, 20, 30];
        let read = a[x];
        a[x] += 5;
        reveal([read, a[0], a[1], a[2]]) }";
    let with = |x: i16| run(text, &[], vec![vec![vec![x as u16 as u128]]]).unwrap().remove(0);
    assert_eq!(with(1), [20, 10, 25, 30]);
    assert_eq!(with(3), [0, 10, 20, 30]);
    assert_eq!(with(-1), [0, 10, 20, 30]);
    assert_eq!(with(i16::MIN), [0, 10, 20, 30]);
    // A public one must exist.
    let text = "party Ada, Ben; fn main(x: u32 from Ada) -> u32 {\n[1u32, 2][reveal(x)] }";
    assert_eq!(one(text, &[1]), 2);
    assert_eq!(fails(text, &[2]).0, 2);
}

#[test]
fn arms_are_tried_in_their_order() {
    let text = "party Ada, Ben;
enum E { A, B(u32), C { x: u32, y: bool } }
fn make(k: u32) -> E {
    match k {
        0 => E::A,
        1..=9 => E::B(k),
        10 | 12 => E::C { x: k, y: true },
        n if n % 2 == 0 => E::C { x: n, y: false },
        _ => E::B(1000),
    }
}
fn show(e: E) -> u32 {
    match e {
        E::B(5) => 55,
        E::B(n) => n,
        E::C { y: true, x } => 100 + x,
        E::C { x, .. } => 200 + x,
        E::A => 7,
    }
}
fn main(k: u32 from Ada) -> u32 { reveal(show(make(k))) }";
    let all: Vec<u128> = [0, 1, 5, 9, 10, 11, 12, 14].iter().map(|k| one(text, &[*k])).collect();
    assert_eq!(all, [7, 1, 55, 9, 110, 1000, 112, 214]);
}

#[test]
fn functions_call_themselves() {
    let text = "party Ada, Ben;
fn fib(n: u32) -> u32 { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }
fn main(x: u32 from Ada) -> u32 { fib(20) + reveal(x) }";
    assert_eq!(one(text, &[1]), 6766);
    // Deeper than a thread's stack would hold, also where a secret stands around it all.
    let text = "party Ada, Ben;
fn down(x: u32, n: u32) -> u32 { if n == 0 { x } else { down(x + 1, n - 1) } }
fn main(x: u32 from Ada) -> u32 { let r = if x > 1 { down(x, 9990) } else { 1 }; reveal(r) }";
    assert_eq!(one(text, &[10]), 10_000);
    assert_eq!(one(text, &[0]), 1);
    let text = "party Ada, Ben;
fn main(x: u32 from Ada) -> u32 { reveal(f(x)) }
fn f(x: u32) -> u32 { 1 +\n f(x) }";
    assert_eq!(fails(text, &[1]), (4, "calls are nested more than 10000 deep here".into()));
}

#[test]
fn halves_of_arrays_are_arrays_of_their_size() {
    let text = "party Ada, Ben;
fn total<N: size>(xs: [u64; N]) -> u64 {
    if N == 0 { return 0; }
    if N == 1 { return xs[0]; }
    let mut low: [u64; N / 2] = [0; N / 2];
    let mut high: [u64; N - N / 2] = [0; N - N / 2];
    for i in 0..N / 2 { low[i] = xs[i]; }
    for i in 0..N - N / 2 { high[i] = xs[N / 2 + i]; }
    total(low) + total(high)
}
fn main<N: size>(xs: [u64; N] from Ada) -> u64 { reveal(total(xs)) }";
    for n in 0..9 {
        let xs: Vec<u128> = (1..=n).collect();
        let sum = xs.iter().sum::<u128>();
        assert_eq!(run(text, &[n as i64], vec![vec![xs]]).unwrap()[0], [sum]);
    }
}

#[test]
fn strings() {
    let text = "party A; struct P { name: str, n: u32 }
fn of(p: P, key: str) -> (bool, u64, u64, [u8; 3]) { (p.name == key, p.name.len(), p.name.hash(), p.name.bytes::<3>()) }
fn main(ps: [P; 3] from A) -> (u64, u64, [u8; 3], bool) to A {
    at A {
        let all = ps.map(|p| of(p, \"b\u{e9}\"));
        let equal = all.map(|x| x.0 && P { name: \"b\u{e9}\", n: 7 } == ps[1]).count();
        (equal, all[0].1 * 100 + all[1].1 * 10 + all[2].1, all[1].3, all[1].2 == \"b\u{e9}\".hash() && all[2].2 != 0)
    }
}";
    let (program, _) = load(text);
    let mut table = strings::Table::default();
    let names = vec![table.add("long one"), table.add("b\u{e9}"), table.add("")];
    let env = TyEnv { families: [0].into(), ..TyEnv::default() };
    let f = program.f(program.main.expect("main"));
    let shape =
        Shape::of(&program, &layout::close(&f.params[0].ty, &env).expect("closed"), &env.families).expect("a shape");
    let value = || Value::from_columns(&shape, vec![names.clone(), vec![1, 7, 3]], false).expect("a value");
    let got = eval::run_main_on(&program, &env, vec![value()], Options::default(), &table).map(|v| v.to_columns());
    assert_eq!(got, Ok(vec![vec![1], vec![830], vec![98, 0xc3, 0xa9], vec![1]]));
    // Without their text there are no lengths, and no panic.
    let e = eval::run_main(&program, &env, vec![value()]).expect_err("an error");
    assert!(!e.internal && e.what.contains("text"), "{e}");
}
