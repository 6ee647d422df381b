//! Results are written whole or not at all, and a run that fails writes none.

use std::process::{Command, Stdio};

use crate::support::{folder, said};

const PROGRAM: &str =
    "party A, B;\nfn main(x: u64 from A, y: u64 from B) -> u64 {\n    let d = reveal(x * y);\n    100 / d\n}\n";

/// The program with inputs whose product is `x`.
fn case(x: u64) -> tempfile::TempDir {
    folder(PROGRAM, &[("A.json", &format!("{{\"x\": {x}}}")), ("B.json", "{\"y\": 1}")])
}

#[test]
fn results_that_cannot_be_written_are_told() {
    let dir = case(5);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let out = Command::new(env!("CARGO_BIN_EXE_mpcc"))
        .arg("run")
        .arg(dir.path())
        .stdout(Stdio::from(full))
        .output()
        .expect("the command starts");
    assert_eq!(out.status.code(), Some(2));
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(text.contains("the results cannot be written to standard output"), "{text}");
}

#[test]
fn a_run_that_fails_prints_no_result() {
    let dir = case(0);
    let path = dir.path().to_str().expect("a path");
    for extra in [&[][..], &["--tcp"], &["--format", "json"], &["--format", "csv"]] {
        let (code, stdout, stderr) = said(&[&["run", path], extra].concat());
        assert_eq!((code, stdout.as_str()), (1, ""), "{extra:?}: {stderr}");
        assert!(stderr.contains("division by zero"), "{extra:?}: {stderr}");
    }
}

#[test]
fn a_file_is_replaced_whole_or_stays() {
    let dir = case(5);
    let path = dir.path().to_str().expect("a path");
    let file = dir.path().join("out").join("stage.txt");
    let name = file.to_str().expect("a path");
    let build = |emit: &str| said(&["build", path, "--emit", emit, "-o", name]);
    let (code, _, stderr) = build("ast");
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("stage.txt"), "{stderr}");
    std::fs::create_dir(dir.path().join("out")).expect("a folder");
    assert_eq!(build("ast").0, 0);
    let first = std::fs::read(&file).expect("a file");
    assert!(!first.is_empty());
    assert_eq!(build("gates").0, 0);
    assert_ne!(std::fs::read(&file).expect("a file"), first);
    // Nothing is left beside it.
    assert_eq!(std::fs::read_dir(dir.path().join("out")).expect("a folder").count(), 1);
}

#[test]
fn a_total_grows_from_run_to_run_and_nobody_sees_it() {
    let start = crate::support::folder("fn main() -> secret u64 { 600 }", &[]);
    let add = mpcc_tests::root().join("examples/running_total");
    for tcp in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().to_str().unwrap();
        let run = |program: &std::path::Path, more: &[&str]| {
            let mut args = vec!["run", program.to_str().unwrap(), "--format", "json", "--store", store];
            args.extend(tcp.then_some("--tcp"));
            args.extend(more);
            crate::support::said(&args)
        };
        let (code, out, err) = run(start.path(), &["--keep", "result=day0"]);
        assert_eq!((code, out.trim()), (0, "{\"outputs\":{}}"), "{err}");
        // 600 + 550 k: above a thousand from the first day on.
        for day in 0..2 {
            let (take, keep) = (format!("total=day{day}"), format!("result.0=day{}", day + 1));
            let (code, out, err) = run(&add, &["--take", &take, "--keep", &keep]);
            assert_eq!(
                (code, out.contains("\"result.1\":true"), out.contains("1150")),
                (0, true, false),
                "{out} {err}"
            );
        }
        // Shares of different runs, a file that is missing, one that is there already.
        let at = |node: usize, name: &str| dir.path().join(format!("node{node}/{name}.kept"));
        let (code, _, err) = run(&add, &["--take", "total=day0", "--keep", "result.0=day1"]);
        assert_eq!((code, err.contains("nothing that was kept is overwritten")), (2, true), "{err}");
        let (code, _, err) = run(&add, &["--take", "total=day7", "--keep", "result.0=day8"]);
        assert_eq!((code, err.contains("day7.kept") && err.contains("no such file")), (3, true), "{err}");
        std::fs::copy(at(1, "day2"), at(1, "day1")).unwrap();
        let (code, _, err) = run(&add, &["--take", "total=day1", "--keep", "result.0=day8"]);
        assert_eq!((code, err.contains("origin of the kept value `total`")), (7, true), "{err}");
        assert!(!at(0, "day8").exists());
    }
}

#[test]
fn values_of_every_kind_come_back_as_they_were_kept() {
    let types = "enum Card { Number(u8), Pair { low: i8, high: i8 }, Joker }\n\
                 struct Hand { cards: [Card; 3], rate: fixed<16>, open: bool }\n";
    let first = format!(
        "party Ada;\n{types}fn main(n: u8 from Ada, r: fixed<16> from Ada) -> secret Hand {{\n    let last = if n > 5 \
         {{ Card::Pair {{ low: -3, high: 5 }} }} else {{ Card::Joker }};\n    Hand {{ cards: [Card::Number(n), \
         Card::Joker, last], rate: r, open: n == 7 }}\n}}\n"
    );
    let next = format!(
        "{types}fn main(hand: secret Hand) -> ([i16; 3], fixed<16>, bool, secret Hand) {{\n    let mut out = [0i16; 3];\n    \
         for k in 0..3 {{\n        out[k] = match hand.cards[k] {{\n            Card::Number(n) => n as i16,\n            \
         Card::Pair {{ low, high }} => (low as i16) * (high as i16),\n            Card::Joker => 100,\n        }};\n    }}\n    \
         (reveal(out), reveal(hand.rate * 2.0), reveal(hand.open), hand)\n}}\n"
    );
    let first = crate::support::folder(&first, &[("Ada.json", "{\"n\": 7, \"r\": -1.25}")]);
    let next = crate::support::folder(&next, &[]);
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().to_str().unwrap();
    let run = |program: &tempfile::TempDir, more: &[&str]| {
        let mut args = vec!["run", program.path().to_str().unwrap(), "--format", "json", "--store", store];
        args.extend(more);
        let (code, out, err) = crate::support::said(&args);
        assert_eq!(code, 0, "{err}");
        out
    };
    run(&first, &["--keep", "result=one"]);
    // The second time it is taken from what the first one kept in turn.
    for (take, keep) in [("hand=one", "result.3=two"), ("hand=two", "result.3=three")] {
        let out: serde_json::Value = serde_json::from_str(&run(&next, &["--take", take, "--keep", keep])).unwrap();
        let want = serde_json::json!({ "result.0": [7, 100, -15], "result.1": "-2.5", "result.2": true });
        assert_eq!(out["outputs"]["all"], want);
    }
}

#[test]
fn what_fails_in_secret_ends_a_checked_run_and_tells_one_bit() {
    let program = "party A, B;\nchecked fn main(x: u32 from A, y: u32 from B) -> u32 {\n    reveal(x * y)\n}\n";
    let with = |x: u64| {
        let inputs = [("A.json", format!("{{\"x\": {x}}}")), ("B.json", "{\"y\": 3}".to_string())];
        let inputs: Vec<(&str, &str)> = inputs.iter().map(|(n, t)| (*n, t.as_str())).collect();
        folder(program, &inputs)
    };
    for extra in [&[][..], &["--tcp"]] {
        let (fine, over) = (with(1_431_655_765), with(1_431_655_766));
        let (code, stdout, stderr) = said(&[&["run", fine.path().to_str().expect("a path")], extra].concat());
        assert_eq!(code, 0, "{stderr}");
        assert!(stdout.contains("4294967295"), "{stdout}");
        let (code, stdout, stderr) = said(&[&["run", over.path().to_str().expect("a path")], extra].concat());
        assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
        assert!(stderr.contains("main.mpc:2:12: checked: an overflow, a division by zero,"), "{stderr}");
        assert!(!stderr.contains("1431655766") && !stderr.contains("4294967298"), "{stderr}");
    }
    let fine = with(1);
    let (_, stdout, _) = said(&["check", fine.path().to_str().expect("a path")]);
    assert!(stdout.contains("one bit  whether anything failed"), "{stdout}");
}
