//! `mpcc cost` in all its forms, and the passes as `mpcc build` shows them.

use crate::support::{folder, json, said};
use serde_json::Value;

const AUCTION: &[&str] = &["cost", "examples/auction"];

fn with(more: &[&str]) -> Vec<String> {
    AUCTION.iter().chain(more).map(|s| (*s).to_string()).collect()
}

fn total(rows: &Value) -> u64 {
    rows.as_array().unwrap().iter().map(|r| r["bytes"].as_u64().unwrap()).sum()
}

#[test]
fn passes_are_shown_and_timed() {
    for pass in opt::PASSES {
        let (code, stdout, stderr) = said(&["build", "examples/sorting", "--emit-after", pass.name]);
        assert_eq!(code, 0, "{}: {stderr}", pass.name);
        let head = if pass.makes == opt::Makes::Schedule { "schedule" } else { "circuit" };
        assert!(stdout.starts_with(head), "{}: {stdout}", pass.name);
        assert_eq!(pass.name == "place", stdout.contains(" made in "), "{}", pass.name);
    }
    let (code, _, stderr) = said(&["build", "examples/sorting", "--emit-after", "everything"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("simplify"), "{stderr}");
    let (code, stdout, stderr) = said(&["build", "examples/sorting", "--emit", "gates", "--time-passes"]);
    assert_eq!((code, stdout), (0, said(&["build", "examples/sorting", "--emit", "gates"]).1));
    for pass in opt::PASSES {
        assert!(stderr.lines().any(|l| l.starts_with(pass.name) && l.ends_with(" s")), "{stderr}");
    }
}

#[test]
fn shares_add_up_to_the_total() {
    let sent: u64 =
        json(&with(&["--format", "json"]))["bytes_sent"].as_array().unwrap().iter().map(|b| b.as_u64().unwrap()).sum();
    assert!(sent > 0);
    for by in ["line", "function", "gate"] {
        let value = json(&with(&["--by", by, "--format", "json"]));
        assert_eq!(total(&value["by"]), sent, "{by}");
        let (code, stdout, _) = said(&with(&["--by", by]));
        assert_eq!(code, 0);
        assert!(stdout.contains(&format!("\n{by}")), "{stdout}");
    }
    let lines = json(&with(&["--by", "line", "--format", "json"]));
    assert!(lines["by"][0]["what"].as_str().unwrap().starts_with("auction.mpc:"), "{lines}");
}

#[test]
fn versions_are_compared() {
    let cheap = "party A;\nfn main(x: [u32; 8] from A) -> u32 {\n    reveal(x.sum())\n}\n";
    let dear = "party A;\nfn main(x: [u32; 8] from A) -> u32 {\n    reveal(x.max())\n}\n";
    let (a, b) = (folder(cheap, &[]), folder(dear, &[]));
    let (a, b) = (a.path().display().to_string(), b.path().display().to_string());
    let value = json(&["cost", &b, "--diff", &a, "--format", "json"]);
    assert_eq!(value["before"]["rounds"], 2);
    assert!(value["after"]["rounds"].as_u64().unwrap() > 2);
    let (code, stdout, _) = said(&["cost", &b, "--diff", &a, "--by", "line"]);
    assert_eq!(code, 0);
    assert!(stdout.lines().any(|l| l.starts_with("rounds") && l.contains("->")), "{stdout}");
    // Figures that were kept say the same.
    let kept = folder(cheap, &[]);
    let file = kept.path().join("before.json");
    std::fs::write(&file, json(&["cost", &a, "--format", "json"]).to_string()).unwrap();
    let again = json(&["cost", &b, "--diff", file.to_str().unwrap(), "--format", "json"]);
    assert_eq!(again, value);
    std::fs::write(&file, "{}").unwrap();
    assert_eq!(said(&["cost", &b, "--diff", file.to_str().unwrap()]).0, 2);
}

#[test]
fn budgets_are_held() {
    let program = "party A;\nfn main<N: size>(x: [u32; N] from A) -> u32 {\n    reveal(x.max())\n}\n";
    let dir = folder(program, &[]);
    let at = dir.path().display().to_string();
    let check = |budget: &str| {
        std::fs::write(dir.path().join("mpc.toml"), budget).unwrap();
        said(&["cost", &at, "--check"])
    };
    let (code, stdout, stderr) = check(
        "[[budget]]\nname = \"small\"\nsizes = { N = 16 }\nrounds = 100\nbytes_sent = 100_000\ngates = { and = 5_000 }\n",
    );
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert_eq!(stdout.matches("ok ").count(), 3, "{stdout}");
    let (code, stdout, _) =
        check("[[budget]]\nsizes = { N = 16 }\nrounds = 2\n\n[[budget]]\nsizes = { N = 4 }\nrounds = 100\n");
    assert_eq!(code, 1);
    assert!(stdout.contains("OVER budget 1: rounds") && stdout.contains("ok   budget 2"), "{stdout}");
    for (text, word) in [
        ("[[budget]]\nsizes = { N = 4 }\nroundz = 1\n", "roundz"),
        ("[[budget]]\nsizes = { N = 4 }\ngates = { nand = 1 }\n", "nand"),
        ("", "[[budget]]"),
        ("budget = 3", "mpc.toml"),
    ] {
        let (code, _, stderr) = check(text);
        assert_eq!(code, 2, "{text}: {stderr}");
        assert!(stderr.contains(word), "{text}: {stderr}");
    }
    std::fs::write(dir.path().join("mpc.toml"), "[[budget]]\nsizes = { N = 16 }\nrounds = 1\n").unwrap();
    let (code, stdout, _) = said(&["cost", &at, "--check", "--format", "json"]);
    let value: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &value["ok"], &value["budgets"][0]["limit"]), (1, &Value::from(false), &Value::from(1)));
}

#[test]
fn the_page_holds_the_figures_and_nothing_foreign() {
    let program = "party A;\n// <script>alert(1)</script> & \"quotes\"\nfn main(x: [u32; 8] from A) -> u32 {\n    reveal(x.max())\n}\n";
    let dir = folder(program, &[]);
    let at = dir.path().display().to_string();
    let file = dir.path().join("cost.html");
    let (code, _, stderr) = said(&["cost", &at, "--html", file.to_str().unwrap()]);
    assert_eq!(code, 0, "{stderr}");
    let page = std::fs::read_to_string(&file).unwrap();
    let figures = json(&["cost", &at, "--format", "json"]);
    for n in figures["bytes_sent"].as_array().unwrap() {
        assert!(page.contains(&format!("<td>{n}</td>")), "{n}");
    }
    assert!(page.contains("Content-Security-Policy") && page.contains("default-src 'none'"));
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"));
    for foreign in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    // Heat and flame: a line with bytes, and its kinds of gates.
    assert!(page.contains("class=\"flame\"") && page.contains("main.mpc:4") && page.contains(">and: "), "{page}");
    let nowhere = dir.path().join("no/such/cost.html");
    assert_eq!(said(&["cost", &at, "--html", nowhere.to_str().unwrap()]).0, 2);
}

#[test]
fn bristol_files_are_written_with_their_names() {
    let program = "party A, B;\nfn main(x: [u8; 2] from A, y: u8 from B) -> (u8, [u8; 2] to A) {\n    (reveal(x[0] + y), reveal_to(A, [x[1], y]))\n}\n";
    let dir = folder(program, &[]);
    let file = dir.path().join("out.txt");
    let (code, _, stderr) =
        said(&["build", &dir.path().display().to_string(), "--emit", "bristol", "-o", file.to_str().unwrap()]);
    assert_eq!(code, 0, "{stderr}");
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1..3], ["2 16 8", "2 8 16"], "{text}");
    let names: Value =
        serde_json::from_str(&std::fs::read_to_string(dir.path().join("out.txt.json")).unwrap()).unwrap();
    assert_eq!((&names["inputs"][0]["name"], &names["inputs"][1]["party"]), (&Value::from("x"), &Value::from("B")));
    assert_eq!(names["and_gates"], 7);
    // And it is a function again.
    let back = "party A;\nextern circuit fn f(x: [u8; 2], y: u8) -> (u8, [u8; 2]) = \"out.txt\";\nfn main(x: [u8; 2] from A, y: u8 from A) -> u8 {\n    let (s, both) = f(x, y);\n    reveal(s + both[0] + both[1])\n}\n";
    let again = folder(back, &[("A.json", "{\"x\": [7, 5], \"y\": 250}")]);
    std::fs::copy(&file, again.path().join("out.txt")).unwrap();
    let out = json(&["run", &again.path().display().to_string(), "--format", "json"]);
    assert_eq!(out["outputs"]["all"]["result"], 1 + 5 + 250 - 256, "{out}");
    let circuit = again.path().join("out.txt");
    std::fs::write(&circuit, text.replacen("2 16 8", "2 16 4000000000", 1)).unwrap();
    let (code, _, stderr) = said(&["check", &again.path().display().to_string()]);
    assert_eq!(code, 1);
    assert!(stderr.contains("E0110") && stderr.contains("line 2"), "{stderr}");
}
