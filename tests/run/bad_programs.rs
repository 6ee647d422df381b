//! Wrong programs: a code, a span inside the file, no panic, exit 1.

use crate::support::{folder, said};
use serde_json::Value;

/// Codes of the diagnostics of `mpcc check`, which must fail with exit code 1 and point into the file.
fn refused(program: &str) -> Vec<String> {
    let dir = folder(program, &[]);
    let file = dir.path().join("main.mpc");
    let (code, _, stderr) = said(&["check", file.to_str().unwrap(), "--format", "json"]);
    let start: String = program.chars().take(200).collect();
    assert_eq!(code, 1, "{start}: {}", stderr.chars().take(2000).collect::<String>());
    let lines = program.lines().count().max(1) as u64 + 1;
    stderr
        .lines()
        .map(|line| {
            let d: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            for label in d["labels"].as_array().unwrap() {
                assert!(label["line"].as_u64().unwrap() <= lines, "{line}");
            }
            assert!(!d["labels"].as_array().unwrap().is_empty(), "{line}");
            d["code"].as_str().unwrap().to_string()
        })
        .collect()
}

const HEAD: &str = "party A, B;\n";

#[test]
fn three_syntax_errors_are_all_told() {
    let program = "party A;\nfn main(x: u32 from A) -> u32 {\n    let a = 1 +;\n    let b = ) 2;\n    let c 3;\n    reveal(x)\n}\n";
    let codes = refused(program);
    assert!(codes.iter().filter(|c| c.starts_with("E00")).count() >= 3, "{codes:?}");
    // In statements that follow one another, too: behind a `;` the parser is in step again.
    let program = "party A;\nfn main(x: u32 from A) -> u32 {\n    let a = ;\n    let = 3;\n    reveal(x + )\n}\n";
    assert_eq!(refused(program), ["E0007"; 3]);
}

#[test]
fn wrong_programs_have_codes() {
    let cases: &[(&str, &str, &str)] = &[
        ("unknown name", "fn main(salary: u32 from A) -> u32 { reveal(salry) }", "E01"),
        ("types", "fn main(x: u32 from A, y: u64 from B) -> u64 { reveal(x + y) }", "E02"),
        ("sizes", "fn main(x: [u32; 3] from A, y: [u32; 4] from B) -> [u32; 3] { reveal(x + y) }", "E02"),
        ("ranges", "fn main(x: u8 in 0..=300 from A) -> u8 { reveal(x) }", "E0"),
        (
            "a secret as loop bound",
            "fn main(x: u32 from A) -> u32 { let mut s = 0; for i in 0..x { s += 1; } reveal(s) }",
            "E0",
        ),
        (
            "reveal under a secret",
            "fn main(x: u32 from A) -> u32 { let mut s = 0; if x > 3 { s = reveal(x); } s }",
            "E0302",
        ),
        (
            "the same in a call",
            "fn f(x: u32) -> u32 { reveal(x) } fn main(x: u32 from A) -> u32 { if x > 3 { f(x) } else { 0 } }",
            "E0302",
        ),
        (
            "the same in no call",
            "fn f(x: u32) -> u32 { let mut s = 0; if x > 3 { s = reveal(x); } s } fn main(x: u32 from A) -> u32 { reveal(x) }",
            "E0302",
        ),
        ("unrevealed", "fn main(x: u32 from A) -> u32 { x }", "E0301"),
        ("implicit flow", "fn main(x: u32 from A) -> u32 { let mut s = 0; if x > 3 { s = 1; } s }", "E0301"),
    ];
    for (what, program, want) in cases {
        let codes = refused(&format!("{HEAD}{program}\n"));
        assert!(codes.iter().any(|c| c.starts_with(want)), "{what}: {codes:?}");
    }
}

#[test]
fn an_unknown_name_is_suggested() {
    let dir = folder("party A;\nfn main(salary: u32 from A) -> u32 { reveal(salry) }\n", &[]);
    let (code, _, stderr) = said(&["check", dir.path().to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(stderr.contains("salary"), "{stderr}");
}

#[test]
fn monsters_are_refused_calmly() {
    let n = 200_000;
    let deep = [
        format!("fn f() -> u32 {{ {}1{} }}", "(".repeat(n), ")".repeat(n)),
        format!("fn f() -> u32 {{ {}1 }}", "-".repeat(n)),
        format!("fn f() -> bool {{ {}true }}", "!".repeat(n)),
        format!("fn {}() {{}}", "a".repeat(10_000_000)),
    ];
    for program in &deep {
        assert!(!refused(program).is_empty());
    }
    let mut noise = Vec::new();
    let mut x = 12345u64;
    for _ in 0..20_000 {
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        noise.push((x >> 33) as u8);
    }
    let dir = folder("", &[]);
    let file = dir.path().join("noise.mpc");
    std::fs::write(&file, noise).unwrap();
    assert_eq!(said(&["check", file.to_str().unwrap()]).0, 1);
}

#[test]
fn long_flat_programs_are_fine() {
    let mut program = String::from("party A;\nfn main(x: u64 from A) -> u64 {\n    let v0 = x;\n");
    for k in 0..2000 {
        program.push_str(&format!("    let v{} = v{k} * x + {k};\n", k + 1));
    }
    program.push_str(&format!("    reveal(v2000 + {})\n}}\n", vec!["x"; 5000].join(" + ")));
    let dir = folder(&program, &[]);
    let (code, _, stderr) = said(&["build", dir.path().to_str().unwrap(), "--emit", "gates"]);
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn wrong_use_is_told_with_exit_2() {
    assert_eq!(said(&["run", "examples/nothing"]).0, 2);
    assert_eq!(said(&["run", "examples/salary", "-D", "N"]).0, 2);
    assert_eq!(said(&["run", "examples/salary", "--net", "fast"]).0, 2);
    assert_eq!(said(&["cost", "tests/pairs/inner/naive.mpc"]).0, 2, "sizes are missing");
    assert_eq!(said(&["explain", "E9999"]).0, 2);
    assert_eq!(said(&["explain", "E0301"]).0, 0);
}
