//! Golden pairs: the naive form of each class of loop, the expert's, and variants of both (other names, orders, strides,
//! temporaries) compute the same in the same rounds and bytes. Golden files hold the figures.
//!
//! `MPCC_BLESS=1` rewrites the golden files.

mod acceptance;
mod circuits;

use mpcc_tests::ladder::{Climb, bound, climb, random_inputs};
use mpcc_tests::{check, golden, root, walk};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Sizes of a program of a class: matrices of n numbers in all; a network of as many levels as n has doublings.
fn sizes(checked: &driver::Checked, class: &str, n: u64) -> BTreeMap<String, u64> {
    let value = |name: &str| match (class, name) {
        ("matmul", "R") => 3,
        ("matmul", "K") => n,
        ("matmul", _) => 2,
        ("sort" | "scan" | "search", "L") => u64::from(n.next_power_of_two().trailing_zeros()),
        // A cell for each pair.
        ("wavefront", _) => n.min(40),
        _ => n,
    };
    driver::size_names(&checked.program).into_iter().map(|name| (name.clone(), value(&name))).collect()
}

/// A text with every number as `#`, and one space where a column is aligned.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if out.ends_with('#') => {}
            ' ' if out.ends_with(' ') => {}
            '0'..='9' => out.push('#'),
            c => out.push(c),
        }
    }
    out
}

#[test]
fn circuits_of_a_thousand_and_of_a_million_differ_in_numbers_alone() {
    let mut files = Vec::new();
    walk(&root().join("tests/pairs"), "mpc", &mut files);
    assert!(files.len() >= 9);
    let mut wrong = Vec::new();
    for file in files {
        let class = file.parent().and_then(|p| p.file_name()).unwrap().to_string_lossy().into_owned();
        let checked = check(&std::fs::read_to_string(&file).unwrap());
        let texts = |n: u64| {
            let bound = bound(&checked, &sizes(&checked, &class, n));
            let lowered = driver::lower(&checked, &bound, &driver::Publics::new()).expect("lowers");
            let program = driver::program_text(&checked, &lowered);
            let compiled = driver::compile(lowered, &spec::REP3, &opt::Profile::LAN).expect("compiles");
            let schedule = circuit::text::print_schedule(&compiled.schedule, Some(&compiled.gates));
            [program, circuit::text::print(&compiled.gates), schedule].map(|t| without_numbers(&t))
        };
        // Many lanes are worth circuits of fewer bytes and more rounds: between a thousand and ten thousand the library
        // chooses alike.
        let (few, more, many) = (texts(1000), texts(10_000), texts(1_000_000));
        let lines = |t: &str| t.lines().count();
        if lines(&many[1]) > 4 * lines(&few[1]) {
            wrong.push(format!("{}: {} and {} lines", file.display(), lines(&few[1]), lines(&many[1])));
        }
        // A level of a prefix network takes in twice as much as the one before it: ten levels are twenty.
        if class == "scan" || class == "search" {
            if lines(&many[0]) > 2 * lines(&few[0]) {
                wrong.push(format!("{}: {} and {} lines", file.display(), lines(&few[0]), lines(&many[0])));
            }
            continue;
        }
        for (stage, a, b) in
            [("program", &few[0], &many[0]), ("gates", &few[1], &more[1]), ("schedule", &few[2], &more[2])]
        {
            if a != b {
                let at = a.lines().zip(b.lines()).position(|(a, b)| a != b).unwrap_or(0);
                wrong.push(format!(
                    "{}, {stage}: {} and {} lines, from line {}: `{}`, `{}`",
                    file.display(),
                    lines(a),
                    lines(b),
                    at + 1,
                    a.lines().nth(at).unwrap_or(""),
                    b.lines().nth(at).unwrap_or("")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn merge_sort_costs_what_the_expert_pays_at_every_size() {
    let mut files = Vec::new();
    walk(&root().join("tests/pairs/sort"), "mpc", &mut files);
    assert!(files.len() >= 2);
    // One comparison and one exchange for each stage: level k has k + 1 of them. A quarter of a million exchanges are worth
    // a comparison of a level more, and fewer bytes.
    let mut rounds = BTreeMap::new();
    for n in [1u64 << 14, 1 << 16, 1_000_000, 1 << 18, 1 << 20] {
        let mut first = None;
        for file in &files {
            let checked = check(&std::fs::read_to_string(file).unwrap());
            let bound = bound(&checked, &sizes(&checked, "sort", n));
            let lowered = driver::lower(&checked, &bound, &driver::Publics::new()).expect("lowers");
            let compiled = driver::compile(lowered, &spec::REP3, &opt::Profile::LAN).expect("compiles");
            let cost = opt::cost::cost(&compiled.gates, &compiled.schedule, &spec::REP3, &opt::Profile::LAN)
                .expect("has a cost");
            let figures = (cost.rounds, cost.pairs);
            assert_eq!(*first.get_or_insert_with(|| figures.clone()), figures, "{} at {n}", file.display());
        }
        rounds.insert(n, first.map(|f| f.0));
    }
    let list: Vec<_> = rounds.into_values().flatten().collect();
    assert_eq!(list, [737, 954, 1199, 1682, 1682]);
}

/// Programs of n statements in a loop and written out one by one: kind, declarations, loop, statement k, result.
type Written = (&'static str, &'static str, &'static str, fn(usize) -> String, &'static str);

#[test]
fn statements_written_out_cost_what_a_loop_does() {
    const N: usize = 100;
    let kinds: [Written; 7] = [
        ("sum", "", "s += x[i];", |k| format!("s += x[{k}];"), "s"),
        ("dot", "", "s = s + x[i] * y[i];", |k| format!("s = s + x[{k}] * y[{k}];"), "s"),
        ("product", "", "s *= x[i];", |k| format!("s *= x[{k}];"), "s"),
        ("count", "", "if x[i] < y[i] { s += 1; }", |k| format!("if x[{k}] < y[{k}] {{ s += 1; }}"), "s"),
        ("chosen", "", "if x[i] < y[i] { s += x[i]; }", |k| format!("if x[{k}] < y[{k}] {{ s += x[{k}]; }}"), "s"),
        ("writes", "", "a[i] = x[i] * y[i];", |k| format!("a[{k}] = x[{k}] * y[{k}];"), "a"),
        (
            "calls",
            "fn f(a: u64, b: u64) -> u64 { let c = a * b + 3; let d = c * a - b; d * d + c }\n",
            "a[i] = f(x[i], y[i]);",
            |k| format!("a[{k}] = f(x[{k}], y[{k}]);"),
            "a",
        ),
    ];
    for (kind, before, inside, statement, result) in kinds {
        let first = u8::from(kind == "product");
        let ty = if result == "a" { format!("[u64; {N}]") } else { "u64".into() };
        let program = |body: &str| {
            format!(
                "party Ada, Ben;\n{before}fn main(x: [u64; {N}] from Ada, y: [u64; {N}] from Ben) -> {ty} {{\n    \
                 let mut s: u64 = {first};\n    let mut a: [u64; {N}] = [0; {N}];\n{body}\n    reveal({result})\n}}\n"
            )
        };
        let looped = program(&format!("    for i in 0..{N} {{ {inside} }}"));
        let written = program(&(0..N).map(statement).collect::<Vec<_>>().join("\n"));
        let costs = [looped, written].map(|text| {
            let checked = check(&text);
            assert!(checked.ok(), "{kind}: {text}");
            let bound = bound(&checked, &BTreeMap::new());
            match climb(&checked, &bound, &random_inputs(&checked, &bound, 3)) {
                Ok(Climb::Agree { rounds, bytes, result }) => (rounds, bytes, result),
                other => panic!("{kind}: {other:?}\n{text}"),
            }
        });
        assert_eq!(costs[0], costs[1], "{kind}");
    }
}

#[test]
fn every_spelling_costs_what_the_expert_pays() {
    let mut folders: Vec<_> = std::fs::read_dir(root().join("tests/pairs"))
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.is_dir())
        .collect();
    folders.sort();
    assert!(folders.len() >= 9);
    let mut wrong = Vec::new();
    let mut table = String::from("# Rounds and bytes (busiest node) of each class, the same for every spelling.\n");
    for folder in folders {
        let class = folder.file_name().unwrap().to_string_lossy().into_owned();
        let mut files = Vec::new();
        walk(&folder, "mpc", &mut files);
        for n in [13u64, 200] {
            let mut first: Option<(String, u64, u64, Vec<Vec<u128>>)> = None;
            let mut shown = n;
            for file in &files {
                let spelling = file.file_stem().unwrap().to_string_lossy().into_owned();
                let checked = check(&std::fs::read_to_string(file).unwrap());
                if !checked.ok() {
                    let codes: Vec<_> = checked.diags.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
                    wrong.push(format!("{class}/{spelling}: {codes:?}"));
                    continue;
                }
                let sizes = sizes(&checked, &class, n);
                shown = sizes.values().copied().max().unwrap_or(n);
                let bound = bound(&checked, &sizes);
                match climb(&checked, &bound, &random_inputs(&checked, &bound, 5)) {
                    Ok(Climb::Agree { rounds, bytes, result }) => {
                        let most = bytes.into_iter().max().unwrap_or(0);
                        match &first {
                            None => first = Some((spelling, rounds, most, result)),
                            Some((other, r, b, value)) => {
                                if (*r, *b) != (rounds, most) {
                                    wrong.push(format!(
                                        "{class} at {n}: {other} takes {r} rounds and {b} bytes, {spelling} {rounds} and {most}"
                                    ));
                                }
                                if *value != result {
                                    wrong
                                        .push(format!("{class} at {n}: {other} and {spelling} give different answers"));
                                }
                            }
                        }
                    }
                    other => wrong.push(format!("{class}/{spelling} at {n}: {other:?}")),
                }
            }
            if let Some((_, rounds, bytes, _)) = first {
                let _ = writeln!(table, "{class:<12} n = {shown:<4} {rounds:>4} rounds {bytes:>8} bytes");
            }
        }
    }
    if let Err(e) = golden(&root().join("tests/golden/pairs.txt"), &table) {
        wrong.push(e);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
