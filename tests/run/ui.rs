//! One UI test for every diagnostic code: the wrong program of its page, through the command, as a user sees it.
//!
//! `MPCC_BLESS=1` rewrites the golden files in `tests/ui`.

use mpcc_tests::{golden, root};
use std::process::Command;

/// Codes that no small program shows: a source of 1 GiB, a public value that the command itself would
/// have missed; and what takes a mapping of parties to clients, which `clients` shows.
const UNSHOWN: &[&str] = &["E0019", "E0410", "E0411"];

fn show(code: &str, program: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("wrong.mpc"), program).unwrap();
    let run = |args: &[String]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mpcc"));
        let out = command.current_dir(dir.path()).args(args).output().unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned(), out.stdout)
    };
    let words = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<String>>();
    let (_, stderr, _) = run(&words("check wrong.mpc"));
    if stderr.contains(code) {
        return stderr;
    }
    // What shows only when sizes are bound, and where a `main` is needed.
    let (_, _, contract) = run(&words("check wrong.mpc --format json"));
    let contract: serde_json::Value = serde_json::from_slice(&contract).unwrap_or_default();
    let mut args = words("build wrong.mpc --emit program -o out.txt");
    let given: Vec<&str> = program.lines().filter_map(|l| l.strip_prefix("// -D ")).collect();
    for define in &given {
        args.extend(["-D".to_string(), (*define).to_string()]);
    }
    for size in contract["sizes"].as_array().into_iter().flatten().filter(|_| given.is_empty()) {
        args.extend(["-D".to_string(), format!("{}=3", size.as_str().unwrap())]);
    }
    run(&args).1
}

#[test]
fn every_code_is_shown_as_its_golden_file_says() {
    let mut wrong = Vec::new();
    for entry in diag::CATALOGUE {
        let code = entry.code.as_str();
        if UNSHOWN.contains(&code) {
            continue;
        }
        let (bad, _) = diag::programs(entry.page).expect("a page shows two programs");
        let text = show(code, bad);
        if !text.contains(code) {
            wrong.push(format!("{code}: its page's wrong program shows: {text}"));
        } else if let Err(e) = golden(&root().join(format!("tests/ui/{code}.txt")), &text) {
            wrong.push(e);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
