//! The command as shells, packagers, and people who mistype see it; and the figures that people read after a run.

use crate::support::{json, said};
use serde_json::Value;

#[test]
fn mistyped_words_are_guessed() {
    for (args, guess) in [
        (&["chekc", "examples/salary"][..], "check"),
        (&["run", "examples/salary", "--statz"], "--stats"),
        (&["run", "examples/salary", "--repport", "x.html"], "--report"),
        (&["run", "examples/salary", "--log", "jsno"], "json"),
        (&["cost", "examples/salary", "--fromat", "json"], "--format"),
    ] {
        let (code, stdout, stderr) = said(args);
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}");
        assert!(stderr.contains("similar") && stderr.contains(guess), "{args:?}: {stderr}");
    }
}

#[test]
fn help_of_every_verb_fits_a_terminal_and_says_what_it_does() {
    let (code, all, _) = said(&["--help"]);
    assert_eq!(code, 0);
    let verbs: Vec<&str> = all
        .lines()
        .skip_while(|l| !l.starts_with("Commands:"))
        .skip(1)
        .take_while(|l| !l.is_empty())
        .filter_map(|l| l.strip_prefix("  ").filter(|l| !l.starts_with(' ')))
        .filter_map(|l| l.split_whitespace().next())
        .collect();
    assert!(verbs.len() >= 9, "{all}");
    for verb in verbs.into_iter().filter(|v| *v != "help") {
        let (code, text, stderr) = said(&[verb, "--help"]);
        assert_eq!(code, 0, "{verb}: {stderr}");
        assert!(text.lines().all(|l| l.chars().count() <= 100), "{verb}: {text}");
        assert!(text.contains("Usage: mpcc"), "{verb}: {text}");
    }
}

#[test]
fn shells_complete_and_manuals_are_written() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (code, text, _) = said(&["completions", shell]);
        assert_eq!(code, 0);
        assert!(text.contains("report") && text.contains("completions"), "{shell}");
        if shell == "bash" {
            let dir = tempfile::tempdir().unwrap();
            let script = dir.path().join("mpcc.bash");
            std::fs::write(&script, text).unwrap();
            // Where there is no bash, nobody will complete with it.
            if let Ok(status) = std::process::Command::new("bash").arg("-n").arg(&script).status() {
                assert!(status.success(), "bash reads its script");
            }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("man1");
    let (code, _, stderr) = said(&["man", pages.to_str().unwrap()]);
    assert_eq!(code, 0, "{stderr}");
    for page in ["mpcc.1", "mpcc-run.1", "mpcc-cost.1", "mpcc-explain.1"] {
        let text = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.starts_with(".ie") && text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{page}");
    }
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert_eq!(said(&["man", file.to_str().unwrap()]).0, 2, "a file is no folder");
}

#[test]
fn the_table_of_figures_is_that_of_json() {
    let run = json(&["run", "examples/exposure", "--stats", "--format", "json"]);
    let (code, _, table) = said(&["run", "examples/exposure", "--stats"]);
    assert_eq!(code, 0);
    let figures = &run["stats"];
    let grouped = |n: u64| {
        let s = n.to_string();
        let groups: Vec<String> =
            s.as_bytes().rchunks(3).rev().map(|c| String::from_utf8(c.to_vec()).unwrap()).collect();
        groups.join(",")
    };
    let row = |name: &str| {
        let line =
            table.lines().find(|l| l.trim_start().starts_with(name)).unwrap_or_else(|| panic!("{name}: {table}"));
        line.split_whitespace().map(str::to_string).collect::<Vec<_>>()
    };
    let rounds = grouped(figures["rounds"].as_u64().unwrap());
    assert_eq!(row("rounds"), ["rounds", &rounds, &rounds], "measured and predicted");
    for from in 0..3 {
        let words = row(&format!("node{from}"));
        for to in (0..3).filter(|to| *to != from) {
            let sent = grouped(figures["pairs"][from][to].as_u64().unwrap());
            assert!(words.contains(&sent), "node{from} to node{to}: {words:?}");
        }
    }
    let sum = |key: &str| figures[key].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).sum::<u64>();
    assert_eq!(row("payload bytes")[2..], [grouped(sum("bytes_sent")), grouped(sum("bytes_sent"))]);
    // Times of a node are those of its run, and no more.
    for times in figures["times"].as_array().unwrap() {
        let all: f64 = ["computing", "sending", "waiting"].iter().map(|k| times[k].as_f64().unwrap()).sum();
        assert!(all > 0.0 && all <= figures["seconds"]["run"].as_f64().unwrap() + 1e-3, "{times}");
    }
}

#[test]
fn memory_is_predicted_within_a_factor_of_two() {
    for (program, sizes) in [
        ("examples/salary", &["N=10"][..]),
        ("examples/salary", &["N=400000"]),
        ("tests/pairs/elementwise/naive.mpc", &["N=500000"]),
        ("tests/pairs/max/naive.mpc", &["N=60000"]),
        ("tests/pairs/count/naive.mpc", &["N=300000"]),
        ("tests/pairs/sort/naive.mpc", &["N=300", "L=9"]),
        ("examples/exposure", &["A=400", "B=400"]),
    ] {
        let mut args = vec!["run", program, "--random-inputs", "1", "--stats", "--format", "json"];
        sizes.iter().for_each(|s| args.extend(["-D", s]));
        let run = json(&args);
        let measured = run["stats"]["peak_memory_bytes"].as_f64().unwrap();
        let predicted = run["stats"]["predicted"]["peak_bytes"].as_f64().unwrap();
        let ratio = measured / predicted;
        assert!((0.5..2.0).contains(&ratio), "{program} {sizes:?}: measured {measured}, predicted {predicted}");
        let mut args = vec!["cost", program, "--format", "json"];
        sizes.iter().for_each(|s| args.extend(["-D", s]));
        assert_eq!(json(&args)["predicted_peak_bytes"].as_f64().unwrap(), predicted, "{program}: `cost` says the same");
    }
}

#[test]
fn events_on_the_page_are_those_of_the_sources() {
    let root = mpcc_tests::root();
    let page = std::fs::read_to_string(root.join("docs/deploy/README.md")).unwrap();
    let table = page.split("| event |").nth(1).expect("the page has a table of events");
    let told: Vec<&str> = table.lines().filter_map(|l| l.strip_prefix("| `")?.split('`').next()).collect();
    let mut files = Vec::new();
    mpcc_tests::walk(&root.join("cli/src"), "rs", &mut files);
    mpcc_tests::walk(&root.join("runtime/node/src"), "rs", &mut files);
    let text: String = files.iter().map(|f| std::fs::read_to_string(f).unwrap()).collect();
    for event in &told {
        assert!(text.contains(&format!("\"{event}\"")), "`{event}` is no event");
    }
    // Events of nodes end their macro with their name.
    for call in text.split("!(target: \"mpcc\",").skip(1) {
        let end = call.find(");").expect("a call ends");
        let name = call[..end].rsplit('"').nth(1).expect("an event has a name");
        assert!(told.contains(&name), "`{name}` is not on the page");
    }
}

#[test]
fn the_unit_is_one_that_systemd_accepts() {
    let text = std::fs::read_to_string(mpcc_tests::root().join("docs/deploy/mpcc-node@.service")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let verify = |text: &str| {
        let unit = dir.path().join("mpcc-node@salary.service");
        std::fs::write(&unit, text).unwrap();
        // The manual page is not installed here.
        std::process::Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output()
    };
    // Nor is the command, where the unit looks for it.
    let here = text.replace("/usr/local/bin/mpcc", env!("CARGO_BIN_EXE_mpcc"));
    match verify(&here) {
        Err(e) => eprintln!("skipped: no systemd-analyze here ({e})"),
        Ok(out) => {
            let said = String::from_utf8_lossy(&out.stderr).into_owned();
            assert!(out.status.success() && said.trim().is_empty(), "{said}");
            // It sees what is wrong.
            let broken = verify(&here.replace("ProtectSystem=strict", "ProtectSystem=perhaps")).unwrap();
            assert!(!broken.stderr.is_empty());
        }
    }
}

#[test]
fn a_run_s_time_is_predicted_for_what_carries_it() {
    let predicted = |more: &[&str]| {
        let args = [&["run", "examples/exposure", "--stats", "--format", "json"][..], more].concat();
        let stats = json(&args)["stats"].clone();
        (stats["rounds"].as_f64().unwrap(), stats["predicted"]["seconds"].as_f64().unwrap())
    };
    let (memory, tls, wan) = (predicted(&[]), predicted(&["--tcp"]), predicted(&["--net", "wan"]));
    // Without an emulated network no round trip of one is in it.
    assert!(memory.1 < memory.0 * 100e-6, "{memory:?}");
    assert!(memory.1 < tls.1 && tls.1 < tls.0 * 200e-6, "{memory:?} {tls:?}");
    assert!(wan.1 > wan.0 * 20e-3 && wan.1 < wan.0 * 21e-3, "{wan:?}");
}

#[test]
fn a_budget_of_memory_is_kept_in_more_rounds_and_predicted() {
    // Threads of one process: rounds among them cost next to nothing.
    let run = |program: &str, size: &str, budget: &str| {
        let args =
            ["run", program, "-D", size, "--random-inputs", "1", "--stats", "--format", "json", "--memory", budget];
        json(&args)
    };
    for (program, size, budget, bytes) in [
        ("tests/pairs/elementwise/naive.mpc", "N=3000000", "300MB", 300e6),
        ("tests/pairs/count/naive.mpc", "N=2000000", "200MB", 200e6),
    ] {
        let (whole, cut) = (run(program, size, "20GB"), run(program, size, budget));
        assert_eq!(whole["outputs"], cut["outputs"], "{program}");
        let figure = |v: &Value, path: &[&str]| path.iter().fold(&v["stats"], |v, k| &v[*k]).as_f64().unwrap();
        assert!(figure(&cut, &["rounds"]) > figure(&whole, &["rounds"]));
        assert_eq!(figure(&cut, &["rounds"]), figure(&cut, &["predicted", "rounds"]));
        assert_eq!(cut["stats"]["bytes_sent"], cut["stats"]["predicted"]["bytes_sent"]);
        let (measured, predicted) = (figure(&cut, &["peak_memory_bytes"]), figure(&cut, &["predicted", "peak_bytes"]));
        assert!(predicted <= bytes && measured < bytes, "{program}: {measured} and {predicted} of {bytes}");
        assert!((0.8..1.25).contains(&(measured / predicted)), "{program}: measured {measured}, predicted {predicted}");
    }
    // Over TLS it is the same circuit, and a budget that no number of strips keeps is refused.
    let tcp = ["run", "tests/pairs/count/naive.mpc", "-D", "N=1000000", "--random-inputs", "1", "--tcp", "--memory"];
    assert_eq!(said(&[&tcp[..], &["260MB"]].concat()).1, said(&[&tcp[..], &["20GB"]].concat()).1);
    let (code, _, stderr) = said(&[&tcp[..], &["90MB"]].concat());
    assert_eq!(code, 8, "{stderr}");
    assert!(stderr.contains("this run takes about") && stderr.contains("its budget is 90000000"), "{stderr}");
    // The curve falls, and is what the cost of a budget says.
    let curve = json(&["cost", "tests/pairs/count/naive.mpc", "-D", "N=2000000", "--curve", "--format", "json"]);
    let points = curve["curve"].as_array().unwrap();
    assert!(points.len() > 4 && points[0]["strips"] == 1, "{curve}");
    let budget = (points[3]["predicted_peak_bytes"].as_u64().unwrap() * 11 / 10 + 10).to_string();
    let args = ["cost", "tests/pairs/count/naive.mpc", "-D", "N=2000000", "--memory", &budget, "--format", "json"];
    assert_eq!(json(&args)["rounds"], points[3]["rounds"]);
}

#[test]
fn predictions_use_what_was_measured_here() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("there/calibration.toml");
    let mpcc = |args: &[&str]| {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_mpcc"))
            .args(args)
            .current_dir(mpcc_tests::root())
            .env("MPCC_CALIBRATION", &file)
            .output()
            .unwrap();
        (out.status.code().unwrap(), out.stdout, String::from_utf8_lossy(&out.stderr).into_owned())
    };
    let cost = ["cost", "examples/auction", "--format", "json"];
    let before = json(&cost)["predicted_seconds"].as_f64().unwrap();
    let (code, out, stderr) = mpcc(&["bench", "--calibrate", "--format", "json"]);
    assert_eq!(code, 0, "{stderr}");
    let found: Value = serde_json::from_slice(&out).unwrap();
    for way in ["memory", "tcp"] {
        // A node that takes a second for a round or a microsecond for a byte is none.
        let (round, byte) = (found[way]["round_us"].as_f64().unwrap(), found[way]["byte_ns"].as_f64().unwrap());
        assert!(round > 0.1 && round < 1e6 && (0.0..1e3).contains(&byte), "{found}");
    }
    std::fs::write(&file, "[tcp]\nround_us = 6000.0\nbyte_ns = 470.0\n").unwrap();
    let (_, out, _) = mpcc(&cost);
    let after: Value = serde_json::from_slice(&out).unwrap();
    assert!(after["predicted_seconds"].as_f64().unwrap() > 2.0 * before, "{after}");
    assert_eq!(after["rounds"], json(&cost)["rounds"]);
    std::fs::write(&file, "[tcp]\nround = 6\n").unwrap();
    let (code, _, stderr) = mpcc(&cost);
    assert!(code == 2 && stderr.contains("calibration.toml") && stderr.contains("bench --calibrate"), "{stderr}");
}
