//! Every example gives its expected output in the reference evaluator's circuit, locally, and over TLS, in the rounds and
//! bytes that `cost` promises; every command on a page runs.

use crate::support::{json, said};
use serde_json::Value;

fn examples() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(mpcc_tests::root().join("examples"))
        .unwrap()
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 8);
    names
}

fn expected(name: &str) -> Value {
    let text = std::fs::read_to_string(mpcc_tests::root().join(format!("examples/{name}/expected.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn holds(name: &str, extra: &[&str]) {
    let dir = format!("examples/{name}");
    let mut args = vec!["run", &dir, "--stats", "--format", "json"];
    args.extend(extra);
    let run = json(&args);
    assert_eq!(run["outputs"], expected(name), "{name}");
    let cost = json(&["cost", &dir, "--format", "json"]);
    // What revealed values decide: some number of times each part, the same for all figures.
    let kinds: Vec<&String> = run["stats"]["gates"].as_object().unwrap().keys().collect();
    let parts = cost["times"].as_array().map_or(&[][..], Vec::as_slice);
    let parts: Vec<Vec<i64>> = parts.iter().map(|p| figures(p, &kinds)).collect();
    let (ran, sure) = (figures(&run["stats"], &kinds), figures(&cost, &kinds));
    let more: Vec<i64> = ran.iter().zip(sure).map(|(ran, sure)| ran - sure).collect();
    assert!(explained(&more, &parts), "{name}: beside what is sure {more:?}, of parts {parts:?}");
}

/// Rounds, bytes by node, and gates by kind.
fn figures(of: &Value, kinds: &[&String]) -> Vec<i64> {
    let number = |v: &Value| v.as_i64().unwrap_or(0);
    let bytes = of["bytes_sent"].as_array().unwrap().iter().map(number);
    std::iter::once(number(&of["rounds"])).chain(bytes).chain(kinds.iter().map(|k| number(&of["gates"][*k]))).collect()
}

/// Whether whole numbers of the parts add up to exactly that.
fn explained(more: &[i64], parts: &[Vec<i64>]) -> bool {
    let Some((first, rest)) = parts.split_first() else { return more.iter().all(|m| *m == 0) };
    let mut left = more.to_vec();
    while left.iter().all(|m| *m >= 0) {
        if explained(&left, rest) {
            return true;
        }
        left.iter_mut().zip(first).for_each(|(m, p)| *m -= p);
        if first.iter().all(|p| *p == 0) {
            break;
        }
    }
    false
}

#[test]
fn examples_give_what_they_promise_in_memory() {
    examples().iter().for_each(|name| holds(name, &[]));
}

#[test]
fn examples_give_what_they_promise_in_the_reference_evaluator() {
    for name in examples() {
        let run = json(&["run", &format!("examples/{name}"), "--insecure-clear", "--format", "json"]);
        assert_eq!(run["outputs"], expected(&name), "{name}");
    }
    let (_, _, stderr) = said(&["run", "examples/salary", "--insecure-clear"]);
    assert!(stderr.contains("insecure"), "an insecure mode says so: {stderr}");
}

#[test]
fn examples_give_what_they_promise_over_tls() {
    examples().iter().for_each(|name| holds(name, &["--tcp"]));
}

#[test]
fn a_slow_network_changes_no_answer() {
    let run = json(&["run", "examples/millionaires", "--net", "rtt=4ms,bw=100mbit", "--format", "json"]);
    assert_eq!(run["outputs"], expected("millionaires"));
}

#[test]
fn commands_on_pages_run() {
    let mut seen = 0;
    for file in mpcc_tests::markdown_files() {
        for block in mpcc_tests::blocks(&std::fs::read_to_string(&file).unwrap()) {
            if block.info != "sh" {
                continue;
            }
            for line in block.text.lines() {
                let rest = line.strip_prefix("mpcc ").or_else(|| line.strip_prefix("cargo run --release -- "));
                let Some(rest) = rest else { continue };
                let args: Vec<&str> = rest.split_whitespace().collect();
                let (code, _, stderr) = said(&args);
                assert_eq!(code, 0, "{}: {line}: {stderr}", file.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 8);
}

#[test]
fn what_new_makes_runs_and_passes_its_tests() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("dinner");
    let place = place.to_str().unwrap();
    assert_eq!(said(&["new", place]).0, 0);
    assert_eq!(json(&["run", place, "--format", "json"])["outputs"]["all"]["result"], 3383);
    assert_eq!(said(&["test", place]).0, 0);
    assert_eq!(said(&["check", place]).0, 0);
    assert_eq!(said(&["new", place]).0, 2, "what exists is not overwritten");
}

#[test]
fn the_contract_says_who_learns_what() {
    let c = json(&["check", "examples/exposure", "--format", "json"]);
    assert_eq!(c["brings"].as_array().unwrap().len(), 2);
    assert_eq!(c["learns"][0]["party"], "BankA");
    assert_eq!(c["reveals"].as_array().unwrap().len(), 2);
    assert_eq!(c["sizes"], serde_json::json!(["A", "B"]));
}

#[test]
fn stages_are_printed() {
    for stage in ["ast", "types", "program", "gates", "schedule", "dot"] {
        let (code, stdout, stderr) = said(&["build", "examples/exposure", "--emit", stage]);
        assert_eq!(code, 0, "{stage}: {stderr}");
        assert!(stdout.len() > 100, "{stage}: {stdout}");
    }
}

#[test]
fn costs_of_a_billion_lanes_come_at_once() {
    let c = json(&["cost", "tests/pairs/inner/naive.mpc", "-D", "N=1000000000", "--format", "json"]);
    assert_eq!(c["rounds"], 3);
    let c = json(&["cost", "tests/pairs/elementwise/naive.mpc", "-D", "N=1000000000", "--format", "json"]);
    assert_eq!(c["gates"]["mul"], 1_000_000_000u64);
    assert!(c["peak_memory_bytes"].as_u64().unwrap() < 100_000_000);
}

#[test]
fn generated_programs_mean_the_same_over_tls() {
    let (mut ran, mut seed) = (0, 100_000u64);
    while ran < 50 {
        seed += 1;
        let sample = eval::testing::program(seed);
        // A family's file is a list of members, which samples are not written as; the examples have families.
        if !sample.families.is_empty() {
            continue;
        }
        let dir = crate::support::folder(&sample.source, &[]);
        for (party, text) in sample.json() {
            std::fs::write(dir.path().join(format!("inputs/{party}.json")), text).unwrap();
        }
        let path = dir.path().to_str().unwrap().to_string();
        let mut args = vec!["run".to_string(), path, "--format".into(), "json".into()];
        let checked = mpcc_tests::check(&sample.source);
        for name in driver::size_names(&checked.program) {
            let own = sample.sizes.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
            if let Some(value) = own {
                args.extend(["-D".to_string(), format!("{name}={value}")]);
            }
        }
        let (code, local, stderr) = said(&args);
        args.push("--tcp".into());
        let (tcp_code, tcp, tcp_stderr) = said(&args);
        assert_eq!(code, tcp_code, "seed {seed}: {stderr} {tcp_stderr}\n{}", sample.source);
        assert_eq!(local, tcp, "seed {seed}");
        assert!(matches!(code, 0 | 1), "seed {seed}: exit {code}: {stderr}\n{}", sample.source);
        ran += u32::from(code == 0);
    }
}
