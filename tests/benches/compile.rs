//! What compiling takes, and the figures that the project promises: `cargo bench -p mpcc --bench compile`.
//!
//! Programs of 100,000 straight-line statements of several kinds, compiled by the command itself; then the acceptance
//! figures of whole runs. Prints two tables in Markdown, as `docs/limits.md` has the second; an argument that is no flag leaves
//! all kinds out whose name does not contain it. Processor time comes from `/proc` (Linux).

use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// Statements of each program.
const STATEMENTS: usize = 100_000;
/// Numbers that each party brings.
const NUMBERS: usize = 1000;

fn main() {
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let wanted = |name: &str| filter.as_ref().is_none_or(|f| name.contains(f.as_str()));
    let dir = tempfile::tempdir().expect("a temporary folder");
    println!("| {STATEMENTS} statements | processor time | peak memory | rounds | bytes of the busiest node |");
    println!("|---|---|---|---|---|");
    for (name, text) in programs() {
        if wanted(name) {
            let file = dir.path().join("straight.mpc");
            std::fs::write(&file, text).expect("a file");
            let ((json, cpu), file) = (cost(&file, &[]), file);
            let (_, stages) = timed(&["build", &file.display().to_string(), "--emit", "gates", "-o", "/dev/null"]);
            println!(
                "| {name} | {cpu:.2} s (`build --emit gates`: {stages:.2} s) | {} MB | {} | {} |",
                number(&json, &["peak_memory_bytes"]) / 1_000_000,
                number(&json, &["rounds"]),
                busiest(&json["bytes_sent"]),
            );
        }
    }
    if wanted("figures") {
        println!();
        figures(dir.path());
    }
}

/// The programs, by kind.
fn programs() -> Vec<(&'static str, String)> {
    // Other elements each time, so that nothing is the same statement again.
    let (a, b) = (|i: usize| i % NUMBERS, |i: usize| (i * 7 + i / NUMBERS) % NUMBERS);
    let sum = |before: &str, statement: &dyn Fn(usize) -> String| {
        let mut s = format!(
            "party Ada, Ben;\n{before}fn main(x: [u64; {NUMBERS}] from Ada, y: [u64; {NUMBERS}] from Ben) -> u64 {{\n"
        );
        s += "    let mut s: u64 = 1;\n";
        (0..STATEMENTS).for_each(|i| s += &statement(i));
        s + "    reveal(s)\n}\n"
    };
    let mut updates = format!(
        "party Ada, Ben;\nfn main(x: [u64; {NUMBERS}] from Ada, y: [u64; {NUMBERS}] from Ben) -> [u64; {STATEMENTS}] {{\n"
    );
    let _ = writeln!(updates, "    let mut a: [u64; {STATEMENTS}] = [0; {STATEMENTS}];");
    (0..STATEMENTS).for_each(|i| {
        let _ = writeln!(updates, "    a[{i}] = x[{}] * y[{}];", a(i), b(i));
    });
    updates += "    reveal(a)\n}\n";
    let f = "fn f(a: u64, b: u64) -> u64 {\n    let c = a * b;\n    c + a\n}\n";
    let mut long = String::from("fn f(a: u64, b: u64) -> u64 {\n    let mut s = a;\n");
    (0..100).for_each(|i| {
        let _ = writeln!(long, "    s = s * b + {i};\n    s = s + a;");
    });
    long += "    s\n}\n";
    let thousandth = |i: usize| {
        if i.is_multiple_of(100) {
            format!("    s = s + f(x[{}], y[{}]);\n", a(i / 100), b(i / 100))
        } else {
            String::new()
        }
    };
    vec![
        ("additions", sum("", &|i| format!("    s = s + x[{}];\n", a(i)))),
        ("independent products", sum("", &|i| format!("    s = s + x[{}] * y[{}];\n", a(i), b(i)))),
        ("a chain of products", sum("", &|i| format!("    s = s * x[{}];\n", a(i)))),
        ("comparisons with secret `if`s", sum("", &|i| format!("    if x[{}] < y[{}] {{ s += 1; }}\n", a(i), b(i)))),
        ("calls of a small function", sum(f, &|i| format!("    s = s + f(x[{}], y[{}]);\n", a(i), b(i)))),
        ("updates of array elements", updates),
        ("1,000 calls of a function of 200 statements", sum(&long, &thousandth)),
    ]
}

/// The acceptance figures of whole programs.
fn figures(dir: &Path) {
    let compare = "party Ada, Ben;\nfn main<N: size>(x: [u64; N] from Ada, y: [u64; N] from Ben) -> u64 {\n    \
                   let mut n: u64 = 0;\n    for i in 0..N {\n        if x[i] < y[i] { n += 1; }\n    }\n    reveal(n)\n}\n";
    let multiply = "party Ada, Ben;\nfn main<N: size>(x: [u64; N] from Ada, y: [u64; N] from Ben) -> [u64; N] {\n    \
                    let mut z: [u64; N] = [0; N];\n    for i in 0..N { z[i] = x[i] * y[i]; }\n    reveal(z)\n}\n";
    let file = |name: &str, text: &str| {
        let path = dir.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let (compare, multiply) = (file("compare.mpc", compare), file("multiply.mpc", multiply));
    println!("| figure | limit | found |");
    println!("|---|---|---|");
    let (c, cpu) = cost(&compare, &["-D", "N=100000"]);
    println!("| 10^5 `u64` comparisons counted: rounds | 12 | {} |", number(&c, &["rounds"]));
    println!("| … bytes of the busiest node per comparison | 42 | {:.1} |", busiest(&c["bytes_sent"]) as f64 / 1e5);
    println!("| … compiling, processor time | 0.2 s | {cpu:.2} s |");
    let (c, cpu) = cost(&multiply, &["-D", "N=1000000000"]);
    let memory = number(&c, &["peak_memory_bytes"]) / 1_000_000;
    println!("| cost of a loop of 10^9 products | 1 s, 100 MB | {cpu:.2} s, {memory} MB |");
    let stats = run(&multiply, &["-D", "N=10000000"]);
    println!("| 10^7 products: `gates.mul` | 10^7 | {} |", number(&stats, &["gates", "mul"]));
    println!(
        "| … memory of all nodes together | 3 GB | {:.2} GB |",
        number(&stats, &["peak_memory_bytes"]) as f64 / 1e9
    );
    println!("| … processor time of each node | 0.4 s | {} |", per_node(&stats));
    let stats = run(&compare, &["-D", "N=1000000"]);
    println!("| 10^6 comparisons: processor time of each node | 0.4 s | {} |", per_node(&stats));
    let salary = mpcc_tests::root().join("examples/salary").display().to_string();
    for (name, limit, args) in [("", "0.1", vec!["run", &*salary]), (" --tcp", "0.5", vec!["run", &*salary, "--tcp"])] {
        timed(&args);
        let start = std::time::Instant::now();
        timed(&args);
        println!("| `mpcc run examples/salary{name}`, warm | {limit} s | {:.2} s |", start.elapsed().as_secs_f64());
    }
}

fn per_node(stats: &Value) -> String {
    let list: Vec<String> = stats["cpu_seconds"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|s| format!("{:.2} s", s.as_f64().unwrap_or(0.0)))
        .collect();
    list.join(", ")
}

/// `mpcc cost` as JSON, and its processor time.
fn cost(file: &Path, more: &[&str]) -> (Value, f64) {
    let file = file.display().to_string();
    let mut args = vec!["cost", &*file, "--format", "json"];
    args.extend(more);
    let (out, cpu) = timed(&args);
    (serde_json::from_str(&out).expect("JSON"), cpu)
}

/// Statistics of a run on random inputs.
fn run(file: &Path, more: &[&str]) -> Value {
    let file = file.display().to_string();
    let mut args = vec!["run", &*file, "--random-inputs", "1", "--stats", "--format", "json"];
    args.extend(more);
    let (out, _) = timed(&args);
    serde_json::from_str::<Value>(&out).expect("JSON")["stats"].take()
}

/// Runs the command: what it prints, and the processor time that it took.
fn timed(args: &[&str]) -> (String, f64) {
    let before = children();
    let out = Command::new(env!("CARGO_BIN_EXE_mpcc")).args(args).output().expect("the command starts");
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    (String::from_utf8_lossy(&out.stdout).into_owned(), children() - before)
}

/// Processor time of all children that have ended, in seconds.
fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    // Behind the name, which may hold anything but a closing parenthesis at its end.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |k: usize| fields.get(k).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(13) + ticks(14)) / 100.0
}

fn number(json: &Value, path: &[&str]) -> u64 {
    path.iter().fold(json, |j, k| &j[*k]).as_u64().unwrap_or(0)
}

fn busiest(list: &Value) -> u64 {
    list.as_array().into_iter().flatten().filter_map(Value::as_u64).max().unwrap_or(0)
}
