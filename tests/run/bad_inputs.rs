//! Wrong inputs: exit 3, with file, row, and column; no output.

use crate::support::{folder, said};

const PROGRAM: &str = "party A, B;
struct Row { id: u32, amount: u8 in 0..=100 }
fn main<N: size>(rows: [Row; N] from A, limit: [u64; N] from B) -> u64 {
    let mut s: u64 = 0;
    for i in 0..N {
        if limit[i] > 3 { s += rows[i].amount as u64; }
    }
    reveal(s)
}
";

const ROWS: (&str, &str) = ("A.rows.csv", "id,amount\n1,10\n2,20\n");
const LIMIT: (&str, &str) = ("B.limit.csv", "limit\n5\n1\n");

#[test]
fn right_inputs_run() {
    let dir = folder(PROGRAM, &[ROWS, LIMIT]);
    let (code, stdout, stderr) = said(&["run", dir.path().to_str().unwrap(), "--format", "json"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(stdout.trim(), "{\"outputs\":{\"all\":{\"result\":10}}}");
}

/// What is wrong, the input files, and words that must be told.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

#[test]
fn wrong_inputs_are_told_with_their_place() {
    let cases: &[Case] = &[
        ("missing", &[ROWS], &["limit"]),
        ("short", &[ROWS, ("B.limit.csv", "limit\n5\n")], &["N"]),
        ("malformed", &[ROWS, ("B.limit.csv", "limit\n5\nfive\n")], &["B.limit.csv", "row 3", "five"]),
        (
            "too large for its type",
            &[("A.rows.csv", "id,amount\n1,10\n5000000000,20\n"), LIMIT],
            &["A.rows.csv", "row 3", "id"],
        ),
        (
            "out of range",
            &[("A.rows.csv", "id,amount\n1,101\n2,20\n"), LIMIT],
            &["A.rows.csv", "row 2", "amount", "101"],
        ),
        ("a column is missing", &[("A.rows.csv", "id\n1\n2\n"), LIMIT], &["A.rows.csv", "amount"]),
        ("an unknown column", &[("A.rows.csv", "id,amuont\n1,10\n2,20\n"), LIMIT], &["A.rows.csv", "amuont"]),
        ("a row is short", &[("A.rows.csv", "id,amount\n1,10\n2\n"), LIMIT], &["A.rows.csv", "row 3"]),
        ("JSON of another type", &[ROWS, ("B.json", "{\"limit\": [1, true]}")], &["B.json"]),
        ("JSON cut short", &[ROWS, ("B.json", "{\"limit\": [1, ")], &["B.json"]),
        ("an unknown parameter", &[ROWS, ("B.json", "{\"limits\": [1, 2]}")], &["B.json", "limits"]),
    ];
    for (what, inputs, words) in cases {
        let dir = folder(PROGRAM, inputs);
        for tcp in [false, true] {
            let path = dir.path().to_str().unwrap().to_string();
            let mut args = vec!["run".to_string(), path, "--format".into(), "json".into()];
            if tcp {
                args.push("--tcp".into());
            }
            let (code, stdout, stderr) = said(&args);
            // Over TCP each node reads its own party's files: counts that differ are a disagreement between nodes.
            let want = if tcp && *what == "short" { 7 } else { 3 };
            assert_eq!(code, want, "{what}, tcp {tcp}: {stderr}");
            assert!(stdout.is_empty(), "{what}: {stdout}");
            for word in *words {
                assert!(stderr.contains(word), "{what}, tcp {tcp}: no `{word}` in {stderr}");
            }
        }
    }
}

#[test]
fn two_sources_for_one_parameter_are_wrong_use() {
    let dir = folder(PROGRAM, &[ROWS, LIMIT, ("B.json", "{\"limit\": [1, 2]}")]);
    assert_eq!(said(&["run", dir.path().to_str().unwrap()]).0, 2);
}

#[test]
fn a_program_that_fails_while_it_runs_says_where() {
    let program = "party A;\nfn main(x: u32 from A) -> u32 {\n    let d = reveal(x);\n    10 / d\n}\n";
    let dir = folder(program, &[("A.json", "{\"x\": 0}")]);
    let (code, stdout, stderr) = said(&["run", dir.path().to_str().unwrap()]);
    assert_eq!(code, 1, "{stderr}");
    assert!(stdout.is_empty() && stderr.contains("main.mpc:4"), "{stderr}");
}
