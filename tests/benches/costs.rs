//! A table of naive programs, what each pass is worth to them, and what an expert's form costs.
//!
//! `cargo bench -p mpcc-tests --bench costs` prints it. Rounds, bytes, and gates are exact; seconds and memory are this
//! machine's.

use mpcc_tests::ladder::bound;
use mpcc_tests::{check, root, stages, walk};
use opt::Profile;
use std::collections::BTreeMap;
use std::time::Instant;

/// Programs that stand in no class of their own: name, source, sizes, and the expert's figure.
const MORE: &[(&str, &str, &str)] = &[
    (
        "dot product, u32",
        "party A, B;\nfn main<N: size>(x: [u32; N] from A, y: [u32; N] from B) -> u32 {\n    let mut s: u32 = 0;\n    for i in 0..N { s += x[i] * y[i]; }\n    reveal(s)\n}",
        "1 product, 3 rounds",
    ),
    (
        "sum of squares",
        "party A;\nfn main<N: size>(x: [u64; N] from A) -> u64 {\n    let mut s: u64 = 0;\n    for i in 0..N { s += x[i] * x[i]; }\n    reveal(s)\n}",
        "1 product, 3 rounds",
    ),
    (
        "Hamming distance",
        "party A, B;\nfn main<N: size>(x: [bool; N] from A, y: [bool; N] from B) -> u64 {\n    let mut s: u64 = 0;\n    for i in 0..N { if x[i] != y[i] { s += 1; } }\n    reveal(s)\n}",
        "0 ANDs",
    ),
    (
        "comparisons, u32",
        "party A, B;\nfn main<N: size>(x: [u32; N] from A, y: [u32; N] from B) -> u64 {\n    let mut s: u64 = 0;\n    for i in 0..N { if x[i] < y[i] { s += 1; } }\n    reveal(s)\n}",
        "73 ANDs each, depth 6",
    ),
    (
        "equality with one",
        "party A, B;\nfn main<N: size>(x: [u64; N] from A, y: u64 from B) -> bool {\n    let mut hit = false;\n    for i in 0..N { hit = hit | (x[i] == y); }\n    reveal(hit)\n}",
        "64 ANDs each",
    ),
    (
        "division, u32",
        "party A, B;\nfn main<N: size>(x: [u32; N] from A, y: [u32; N] from B) -> [u32; N] {\n    let mut q: [u32; N] = [0; N];\n    for i in 0..N { q[i] = x[i] / y[i]; }\n    reveal(q)\n}",
        "1,117 ANDs by size",
    ),
    (
        "quotient and remainder",
        "party A, B;\nfn main<N: size>(x: [u32; N] from A, y: [u32; N] from B) -> u32 {\n    let mut s: u32 = 0;\n    for i in 0..N { s += x[i] / y[i] + x[i] % y[i]; }\n    reveal(s)\n}",
        "one divider each",
    ),
    (
        "division by ten",
        "party A;\nfn main<N: size>(x: [u64; N] from A) -> [u64; N] {\n    let mut q: [u64; N] = [0; N];\n    for i in 0..N { q[i] = x[i] / 10; }\n    reveal(q)\n}",
        "no divider",
    ),
    (
        "clipping",
        "party A;\nfn main<N: size>(x: [u64; N] from A) -> u64 {\n    let mut s: u64 = 0;\n    for i in 0..N { s += min(x[i], 1000); }\n    reveal(s)\n}",
        "",
    ),
    (
        "average deviation",
        "party A, B;\nfn main<N: size>(x: [i64; N] from A, y: [i64; N] from B) -> i64 {\n    let mut s: i64 = 0;\n    for i in 0..N { s += max(x[i] - y[i], y[i] - x[i]); }\n    reveal(s)\n}",
        "",
    ),
    (
        "conditional sum",
        "party A, B;\nfn main<N: size>(x: [u64; N] from A, y: [u64; N] from B) -> u64 {\n    let mut s: u64 = 0;\n    for i in 0..N { if x[i] < y[i] { s += x[i]; } }\n    reveal(s)\n}",
        "1 dot product",
    ),
    (
        "second price",
        "party A;\nfn main<N: size>(x: [u32; N] from A) -> u32 {\n    let mut best: u32 = 0;\n    let mut second: u32 = 0;\n    for i in 0..N {\n        second = max(second, min(best, x[i]));\n        best = max(best, x[i]);\n    }\n    reveal(second)\n}",
        "",
    ),
    (
        "volumes up to 4,000",
        "party A, B;\nfn main<N: size>(x: [u64 in 0..=4000; N] from A, y: [u64 in 0..=4000; N] from B) -> u64 {\n    let mut s: u64 = 0;\n    for i in 0..N { if x[i] * y[i] > 1000000 { s += x[i] * y[i]; } }\n    reveal(s)\n}",
        "24 bits of a product",
    ),
    (
        "low bytes that agree",
        "party A, B;\nfn main<N: size>(x: [u64; N] from A, y: [u64; N] from B) -> u64 {\n    let mut s: u64 = 0;\n    for i in 0..N { if (x[i] * y[i]) & 255 == (x[i] + y[i]) & 255 { s += 1; } }\n    reveal(s)\n}",
        "8 bits of a product",
    ),
    (
        "AES S-box",
        "party A;\nextern circuit fn sbox(x: u8) -> u8 = \"std/aes_sbox.txt\";\nfn main<N: size>(x: [u8; N] from A) -> [u8; N] {\n    let mut y: [u8; N] = [0; N];\n    for i in 0..N { y[i] = sbox(x[i]); }\n    reveal(y)\n}",
        "32 ANDs each, depth 6",
    ),
];

/// The name by which this program is told to compile one program and say what that took.
const ONE: &str = "MPCC_BENCH_COSTS_PROGRAM";

/// Most memory that this process has had, in kB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Seconds and peak memory of compiling a program in a process of its own.
fn measured(text: &str) -> (f64, u64) {
    let exe = std::env::current_exe().expect("a path");
    let out = std::process::Command::new(exe).env(ONE, text).output().expect("it runs");
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let mut words = said.split_whitespace();
    let seconds = words.next().and_then(|w| w.parse().ok()).unwrap_or(0.0);
    (seconds, words.next().and_then(|w| w.parse().ok()).unwrap_or(0))
}

fn main() {
    let n = 1000u64;
    if let Ok(text) = std::env::var(ONE) {
        let start = Instant::now();
        compile(&text, n);
        println!("{} {}", start.elapsed().as_secs_f64(), peak());
        return;
    }
    let mut rows: Vec<(String, String, String)> = Vec::new();
    let mut files = Vec::new();
    walk(&root().join("tests/pairs"), "mpc", &mut files);
    for file in files {
        let class =
            file.parent().and_then(|p| p.file_name()).map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let spelling = file.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if spelling != "expert" {
            let expert = std::fs::read_to_string(file.with_file_name("expert.mpc")).ok();
            let expert = expert.map(|text| figures(&text, n).last().map(|f| f.1.clone()).unwrap_or_default());
            let text = std::fs::read_to_string(&file).expect("a program");
            rows.push((format!("{class}, {spelling}"), text, expert.map_or(String::new(), |e| format!("form: {e}"))));
        }
    }
    rows.extend(MORE.iter().map(|(a, b, c)| (a.to_string(), b.to_string(), c.to_string())));
    println!("# What programs cost, and what each pass is worth\n");
    println!(
        "Naive programs at N = {n} (matrices of {n} numbers in all, networks of 32), under `rep3` for `lan`. Each cell is"
    );
    println!(
        "rounds / bytes sent by the busiest node; passes are added from left to right to those that nothing runs without."
    );
    println!(
        "`cargo bench -p mpcc-tests --bench costs` prints this page; seconds and memory are those of the machine it ran on.\n"
    );
    let mut head = false;
    for (name, text, expert) in rows {
        let cells = figures(&text, n);
        if !head {
            let names: Vec<&str> = cells.iter().map(|c| c.0).collect();
            println!("| program | {} | ANDs | products | compile | memory | expert |", names.join(" | "));
            println!("|{}", "---|".repeat(names.len() + 6));
            head = true;
        }
        let last = compile(&text, n);
        let (seconds, memory) = measured(&text);
        let gates = |kinds: &[&str]| kinds.iter().map(|k| last.gates.get(k).copied().unwrap_or(0)).sum::<u128>();
        let cells: Vec<String> = cells.into_iter().map(|c| c.1).collect();
        println!(
            "| {name} | {} | {} | {} | {:.1} ms | {:.1} MB | {expert} |",
            cells.join(" | "),
            gates(&["and"]),
            gates(&["mul", "dot", "matmul"]),
            seconds * 1e3,
            memory as f64 / 1e3,
        );
    }
    println!("\nCompiling starts at the source and ends at the scheduled gates; memory is the peak of its process.");
}

fn lowered(text: &str, n: u64) -> driver::Lowered {
    let checked = check(text);
    assert!(checked.ok(), "{:?}\n{text}", checked.diags.iter().map(|d| d.message.clone()).collect::<Vec<_>>());
    let names = driver::size_names(&checked.program);
    // Levels: of all lanes, or of a network of 32.
    let levels = if names.iter().any(|n| n == "N") { u64::from(n.next_power_of_two().trailing_zeros()) } else { 5 };
    let sizes: BTreeMap<String, u64> = names
        .into_iter()
        .map(|name| {
            let value = match &*name {
                "L" => levels,
                "R" | "K" | "C" => 32,
                _ => n,
            };
            (name, value)
        })
        .collect();
    driver::lower(&checked, &bound(&checked, &sizes), &driver::Publics::new()).expect("it lowers")
}

fn compile(text: &str, n: u64) -> opt::cost::Cost {
    let done = driver::compile(lowered(text, n), &spec::REP3, &Profile::LAN).expect("it compiles");
    opt::cost::cost(&done.gates, &done.schedule, &spec::REP3, &Profile::LAN).expect("it has a price")
}

/// Rounds and bytes after each pass.
fn figures(text: &str, n: u64) -> Vec<(&'static str, String)> {
    let program = lowered(text, n).circuit;
    stages::costs(&program, &Profile::LAN)
        .into_iter()
        .map(|(name, c)| (name, format!("{} / {}", c.rounds, c.bytes_sent().into_iter().max().unwrap_or(0))))
        .collect()
}
