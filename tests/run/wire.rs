//! What travels: the text of a circuit and the trace of a run depend on public things alone.

use crate::support::{json, said};

#[test]
fn the_circuit_at_a_thousand_and_a_million_differs_in_numbers_alone() {
    let mut files = Vec::new();
    mpcc_tests::walk(&mpcc_tests::root().join("tests/pairs"), "mpc", &mut files);
    for file in files {
        let class = file.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        // A sorting network's index sets are tried one by one: a smaller pair of sizes shows the same.
        // A prefix network has a level for each doubling: sizes between two powers of two have as many.
        let (small, large) = match class.as_str() {
            "sort" => ("500", "1000"),
            "scan" | "search" => ("600", "1000"),
            // A cell for each pair.
            "wavefront" => ("300", "1000"),
            _ => ("1000", "1000000"),
        };
        let levels = std::fs::read_to_string(&file).unwrap().contains("L: size");
        let text = |n: &str| {
            let mut args = vec!["build".to_string(), file.display().to_string(), "--emit".into(), "program".into()];
            for name in ["N", "R", "K", "C", "L"] {
                let uses = match class.as_str() {
                    "matmul" => matches!(name, "R" | "K" | "C"),
                    _ => name == "N" || (name == "L" && levels),
                };
                if uses {
                    let value = if name == "L" {
                        "10"
                    } else if matches!(name, "R" | "C") {
                        "7"
                    } else {
                        n
                    };
                    args.extend(["-D".to_string(), format!("{name}={value}")]);
                }
            }
            let (code, stdout, stderr) = said(&args);
            assert_eq!(code, 0, "{}: {stderr}", file.display());
            // Levels of as many lanes share their space: how many do is a matter of the size.
            let spaces = matches!(class.as_str(), "scan" | "search");
            let lines = stdout.lines().filter(|l| !(spaces && l.starts_with("space ")));
            let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
            let text = words.join(" ");
            text.split(|c: char| c.is_ascii_digit()).filter(|s| !s.is_empty()).collect::<Vec<_>>().join("#")
        };
        assert_eq!(text(small), text(large), "{}", file.display());
    }
}

#[test]
fn different_secrets_leave_the_same_trace() {
    let stats = |seed: &str| {
        let args = [
            "run",
            "tests/pairs/argmax/naive.mpc",
            "-D",
            "N=40",
            "--random-inputs",
            seed,
            "--stats",
            "--format",
            "json",
        ];
        let run = json(&args);
        (run["stats"]["rounds"].clone(), run["stats"]["bytes_sent"].clone(), run["outputs"].clone())
    };
    let (one, two) = (stats("1"), stats("2"));
    assert_eq!((one.0, one.1), (two.0, two.1));
    assert_ne!(one.2, two.2, "the secrets do differ");
}

#[test]
fn independent_loops_share_their_rounds() {
    let rounds = |program: &str| {
        let dir = crate::support::folder(program, &[]);
        let cost = json(&["cost", dir.path().to_str().unwrap(), "-D", "N=20", "--format", "json"]);
        cost["rounds"].as_u64().unwrap()
    };
    let head = "party A, B;\nfn main<N: size>(x: [u64; N] from A, y: [u64; N] from B) -> (u64, u64) {\n    let mut m: u64 = 0;\n    let mut k: u64 = 0;\n";
    let tail = "    (reveal(m), reveal(k))\n}\n";
    let pairs =
        [("if x[i] < y[i] { m += 1; }", "if y[i] < 100 { k += 1; }"), ("m = m * x[i] + 1;", "k = k * y[i] + x[i];")];
    for (one, two) in pairs {
        let alone = rounds(&format!("{head}    for i in 0..N {{ {one} }}\n    for i in 0..N {{ k += y[i]; }}\n{tail}"));
        let both = rounds(&format!("{head}    for i in 0..N {{ {one} }}\n    for i in 0..N {{ {two} }}\n{tail}"));
        assert_eq!(alone, both, "{one} {two}");
    }
}

#[test]
fn statements_written_out_take_the_rounds_of_the_loop() {
    let cost = |body: &str| {
        let head =
            "party A, B;\nfn main(x: [u32; 400] from A, y: [u32; 400] from B) -> u32 {\n    let mut n: u32 = 0;\n";
        let dir = crate::support::folder(&format!("{head}{body}    reveal(n)\n}}\n"), &[]);
        let cost = json(&["cost", dir.path().to_str().unwrap(), "--format", "json"]);
        (cost["rounds"].clone(), cost["gates"]["and"].clone(), cost["gates"]["b2a"].clone())
    };
    let line = |i: &str| format!("    if x[{i}] < y[{i}] {{ n += 1; }}\n");
    let written: String = (0..400).map(|i| line(&i.to_string())).collect();
    assert_eq!(cost(&written), cost(&format!("    for i in 0..400 {{\n{}    }}\n", line("i"))));
}

#[test]
fn elements_written_one_by_one_take_the_rounds_of_the_loop() {
    let cost = |body: &str| {
        let head =
            "party A, B;\nfn main(x: [u32; 100] from A, y: [u32; 100] from B) -> [u32; 100] {\n    let mut z = x;\n";
        let dir = crate::support::folder(&format!("{head}{body}    reveal(z)\n}}\n"), &[]);
        let cost = json(&["cost", dir.path().to_str().unwrap(), "--format", "json"]);
        (cost["rounds"].clone(), cost["bytes_sent"].clone(), cost["gates"].clone())
    };
    let line = |i: &str| format!("    if x[{i}] < y[{i}] {{ z[{i}] = y[{i}]; }}\n");
    let written: String = (0..100).map(|i| line(&i.to_string())).collect();
    assert_eq!(cost(&written), cost(&format!("    for i in 0..100 {{\n{}    }}\n", line("i"))));
}
