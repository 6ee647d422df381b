//! `mpcc test` and `mpcc doc`.

use crate::support::{folder, json, said};

const PROGRAM: &str = "\
party A;

/// Twice a number.
fn twice(x: u32) -> u32 {
    x + x
}

#[test]
fn doubles() {
    let x: u32 = 21;
    assert_eq(twice(x), 42);
}

#[test]
fn wrong_sum() {
    let xs: [u32; 3] = [1, 2, 3];
    assert_eq(xs.sum(), 7);
}

#[test]
fn wrong_order() {
    let a: u32 = 5;
    let b: u32 = 3;
    assert(a < b, \"a is less\");
}

fn main(x: u32 from A) -> u32 {
    reveal(twice(x))
}
";

#[test]
fn failures_say_where_and_what() {
    let dir = folder(PROGRAM, &[]);
    let place = dir.path().to_str().unwrap();
    let (code, stdout, _) = said(&["test", place]);
    assert_eq!(code, 1);
    assert!(stdout.contains("ok      doubles\n"), "{stdout}");
    assert!(stdout.contains("main.mpc:17:5") && stdout.contains("left:  6\n        right: 7"), "{stdout}");
    assert!(stdout.contains("a is less") && stdout.contains("left:  5\n        right: 3"), "{stdout}");
    assert!(stdout.ends_with("1 passed, 2 failed\n"), "{stdout}");
    let (code, stdout, _) = said(&["test", place, "doubles"]);
    assert_eq!((code, stdout.as_str()), (0, "ok      doubles\n1 passed, 0 failed, 2 filtered out\n"));
    assert_eq!(said(&["test", place, "--list"]).1, "doubles\nwrong_sum\nwrong_order\n");
    let (code, stdout, _) = said(&["test", place, "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(code, 1);
    assert_eq!((&value["passed"], &value["failed"]), (&1.into(), &2.into()));
    assert_eq!((&value["tests"][1]["left"], &value["tests"][1]["right"]), (&"6".into(), &"7".into()));
}

#[test]
fn the_protocol_computes_on_what_a_test_writes_down() {
    let dir = folder(PROGRAM, &[]);
    let place = dir.path().to_str().unwrap();
    let value = json(&["test", place, "doubles", "--protocol", "rep3", "--format", "json"]);
    let test = &value["tests"][0];
    assert_eq!((&test["ok"], &test["secrets"]), (&true.into(), &1.into()), "{test}");
    assert!(test["rounds"].as_u64().unwrap() >= 2 && test["bytes_sent"].as_u64().unwrap() > 0, "{test}");
    let (code, stdout, _) = said(&["test", place, "--protocol", "rep3"]);
    assert_eq!(code, 1);
    assert!(stdout.contains("FAILED  wrong_sum") && stdout.contains("main.mpc:17:5"), "{stdout}");
    assert!(stdout.contains("FAILED  wrong_order"), "{stdout}");
    assert_eq!(said(&["test", place, "--protocol", "none"]).0, 2);
    for module in driver::LIBRARY {
        let file = format!("stdlib/{}.mpc", module.0);
        let (code, stdout, stderr) = said(&["test", &file, "--protocol", "rep3"]);
        assert_eq!(code, 0, "{file}: {stdout}{stderr}");
    }
}

#[test]
fn interfaces_are_printed_with_labels_and_costs() {
    let dir = folder(PROGRAM, &[]);
    let (code, stdout, stderr) = said(&["doc", dir.path().to_str().unwrap()]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("fn twice(x: u32) -> u32\n    Twice a number.\n    labels: "), "{stdout}");
    assert!(!stdout.contains("doubles"), "tests are no interface: {stdout}");
    let value = json(&["doc", "std::array", "-D", "N=10", "--format", "json"]);
    let dot = value["functions"].as_array().unwrap().iter().find(|f| f["name"] == "dot").unwrap();
    assert_eq!(dot["cost"]["sizes"]["N"], 10);
    let (small, large) = (dot["cost"]["rounds"].as_u64().unwrap(), {
        let value = json(&["doc", "std::array", "-D", "N=100000", "--format", "json"]);
        let dot = value["functions"].as_array().unwrap().iter().find(|f| f["name"] == "dot").unwrap().clone();
        dot["cost"]["rounds"].as_u64().unwrap()
    });
    assert_eq!(small, large, "a dot product takes the same rounds at any length");
    let (code, _, stderr) = said(&["doc", "std::arra"]);
    assert!(code == 2 && stderr.contains("std::array"), "{stderr}");
}

#[test]
fn what_is_called_associative_is_tried() {
    let program = "\
party A;

enum Move {
    Stay,
    Add(u32),
    Set(u32),
}

#[associative]
fn then(a: Move, b: Move) -> Move {
    match b {
        Move::Stay => a,
        Move::Set(y) => Move::Set(y),
        Move::Add(y) => match a {
            Move::Stay => Move::Add(y),
            Move::Add(x) => Move::Add(x + y),
            Move::Set(x) => Move::Set(x + y),
        },
    }
}

#[associative]
fn difference(a: i16, b: i16) -> i16 {
    a - b
}

#[test]
fn works() {
    assert_eq(difference(3, 1), 2);
}

fn main(x: [i16; 4] from A) -> i16 {
    reveal(x.fold(0, difference))
}
";
    let dir = folder(program, &[]);
    let place = dir.path().to_str().unwrap();
    let (code, stdout, _) = said(&["test", place]);
    assert_eq!(code, 1);
    assert!(stdout.contains("ok      works\nok      then (associative on 256 triples)\n"), "{stdout}");
    assert!(stdout.contains("/main.mpc:23:4: not associative: "), "{stdout}");
    assert!(stdout.contains("difference(difference(a, b), c)") && stdout.contains("        left:  "), "{stdout}");
    assert!(stdout.ends_with("2 passed, 1 failed\n"), "{stdout}");
    assert_eq!(said(&["test", place, "then", "--protocol", "rep3"]).0, 0);
}
