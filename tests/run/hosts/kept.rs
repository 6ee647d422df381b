//! Shares kept by one run among hosts and taken by the next: each host has its own files, and those of different runs or of
//! another node are refused by all.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::{GIVEN, Hosts, NODES, PLACED, Said};
use serde_json::{Value, json};

/// Keeps a sum.
const FIRST: &str = "party A, B;\nfn main(a: u64 from A, b: u64 from B) -> secret u64 { a + b }\n";

/// Adds to it, and shows it to B.
const NEXT: &str = "party A, B;\nfn main(total: secret u64, a: u64 from A, b: u64 from B) -> (secret u64, u64 to B) {\n    \
                    let now = total + a * b;\n    (now, reveal_to(B, now))\n}\n";

fn run(hosts: &Hosts, more: &[&str]) -> Vec<Said> {
    run_waiting(hosts, "60s", more)
}

fn run_waiting(hosts: &Hosts, wait: &str, more: &[&str]) -> Vec<Said> {
    let mut args = vec!["--wait", wait, "--format", "json", "--store", "shares"];
    args.extend(more);
    hosts.run(&args)
}

/// What B's host printed; all must have ended well.
fn shown(said: &[Said]) -> Value {
    said.iter().enumerate().for_each(|(k, s)| assert_eq!(s.code, 0, "{}: {}", NODES[k], s.err));
    serde_json::from_str::<Value>(&said[2].out).unwrap()["outputs"].clone()
}

/// Names of the files that a host keeps.
fn files(hosts: &Hosts, k: usize) -> Vec<String> {
    let folder = std::fs::read_dir(hosts.dir(k).join("shares")).unwrap();
    let mut names: Vec<String> = folder.map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn file(hosts: &Hosts, k: usize, name: &str) -> PathBuf {
    hosts.dir(k).join("shares").join(format!("{name}.kept"))
}

#[test]
fn what_hosts_keep_for_one_another_comes_back_and_nothing_else_does() {
    let hosts = Hosts::new(FIRST, PLACED, &GIVEN);
    assert_eq!(shown(&run(&hosts, &["--keep", "result=day0"])), json!({}));
    (0..3).for_each(|k| hosts.edit(k, "main.mpc", |_| NEXT.into()));
    for (day, want) in [(0, 13 + 42), (1, 13 + 2 * 42)] {
        let (take, keep) = (format!("total=day{day}"), format!("result.0=day{}", day + 1));
        let said = run(&hosts, &["--take", &take, "--keep", &keep]);
        assert_eq!(shown(&said), json!({ "B": { "result.1": want } }));
        // The others are told nothing of it.
        assert!(!said[0].out.contains(&want.to_string()) && !said[1].out.contains(&want.to_string()), "{said:?}");
    }
    let days = ["day0.kept", "day1.kept", "day2.kept"];
    for (k, name) in NODES.iter().enumerate() {
        assert_eq!(files(&hosts, k), days, "{name}");
        let mode = std::fs::metadata(file(&hosts, k, "day2")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }

    // A file of another run at one host: all hear of it before a share moves.
    let right = std::fs::read(file(&hosts, 1, "day2")).unwrap();
    std::fs::copy(file(&hosts, 1, "day1"), file(&hosts, 1, "day2")).unwrap();
    for (k, s) in run(&hosts, &["--take", "total=day2", "--keep", "result.0=never"]).iter().enumerate() {
        assert_eq!((s.code, s.out.as_str()), (7, ""), "{}: {}", NODES[k], s.err);
        assert!(s.err.contains("origin of the kept value `total`"), "{}: {}", NODES[k], s.err);
    }
    // Another node's file: the host that has it says what is wrong with it and does not come, and nobody computes.
    std::fs::copy(file(&hosts, 0, "day2"), file(&hosts, 1, "day2")).unwrap();
    let said = run_waiting(&hosts, "3s", &["--take", "total=day2", "--keep", "result.0=never"]);
    assert_eq!((said[1].code, said[1].err.contains("day2.kept")), (3, true), "{}", said[1].err);
    for (k, s) in said.iter().enumerate() {
        assert!(s.code != 0 && s.out.is_empty(), "{}: {s:?}", NODES[k]);
    }
    std::fs::write(file(&hosts, 1, "day2"), right).unwrap();
    (0..3).for_each(|k| assert_eq!(files(&hosts, k), days, "{}", NODES[k]));
    let said = run(&hosts, &["--take", "total=day2", "--keep", "result.0=day3"]);
    assert_eq!(shown(&said), json!({ "B": { "result.1": 13 + 3 * 42 } }));
}
