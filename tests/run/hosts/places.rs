//! Parties apart from nodes: one, two, three, twelve of them on three nodes; families together and in turn; what each host
//! prints, and that it sends what `cost` says.

use super::{GIVEN, Hosts, NODES, PAIR, PLACED, command};
use serde_json::{Value, json};

/// Runs and gives each host's JSON; holds bytes to what `cost` says for the same file.
fn outputs(hosts: &Hosts, sizes: &[&str]) -> Vec<Value> {
    let all = hosts.run(&["--stats", "--format", "json", "--wait", "60s"]);
    let mut args = vec!["cost", "main.mpc", "--parties", "parties.toml", "--format", "json"];
    args.extend(sizes.iter().flat_map(|s| ["-D", *s]));
    let cost = command(&hosts.dir(0)).args(args).output().unwrap();
    let cost: Value = serde_json::from_slice(&cost.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&cost.stderr)));
    all.iter()
        .enumerate()
        .map(|(k, said)| {
            assert_eq!(said.code, 0, "{}: {}", NODES[k], said.err);
            let value: Value = serde_json::from_str(&said.out).unwrap();
            assert_eq!(value["stats"]["bytes_sent"], json!([cost["bytes_sent"][k]]), "{}", NODES[k]);
            assert_eq!(value["stats"]["rounds"], cost["rounds"]);
            value["outputs"].clone()
        })
        .collect()
}

#[test]
fn each_host_prints_what_its_own_parties_learn() {
    let hosts = Hosts::new(PAIR, PLACED, &GIVEN);
    let all = outputs(&hosts, &[]);
    assert_eq!(all[0], json!({ "all": { "result.0": 13 } }));
    assert_eq!(all[1], json!({ "all": { "result.0": 13 } }));
    assert_eq!(all[2], json!({ "all": { "result.0": 13 }, "B": { "result.1": 42 } }));
}

/// n parties, each with a number; the party before each learns its number plus one; all learn the sum.
fn ring(n: usize) -> String {
    let party = |k: usize| format!("P{k}");
    let names: Vec<String> = (0..n).map(party).collect();
    let params: Vec<String> = (0..n).map(|k| format!("x{k}: u64 from P{k}")).collect();
    let results: Vec<String> = (0..n).map(|k| format!("u64 to P{k}")).collect();
    let sum: Vec<String> = (0..n).map(|k| format!("x{k}")).collect();
    let told: Vec<String> = (0..n).map(|k| format!("reveal_to(P{k}, x{} + 1)", (k + 1) % n)).collect();
    format!(
        "party {};\nfn main({}) -> (u64, {}) {{\n    (reveal({}), {})\n}}\n",
        names.join(", "),
        params.join(", "),
        results.join(", "),
        sum.join(" + "),
        told.join(", ")
    )
}

#[test]
fn one_two_three_and_twelve_parties_live_on_three_nodes() {
    for n in [1usize, 2, 3, 12] {
        // Not the places that they would have in turn.
        let node = |k: usize| if n == 12 { [2, 2, 0, 1, 2, 2, 2, 0, 0, 0, 1, 2][k] } else { 2 - k };
        let places: String =
            (0..n).map(|k| format!("[[party]]\nname = \"P{k}\"\nhost = \"{}\"\n\n", NODES[node(k)])).collect();
        let files: Vec<(usize, String, String)> =
            (0..n).map(|k| (node(k), format!("P{k}.json"), format!("{{ \"x{k}\": {} }}", 10 * (k + 1)))).collect();
        let files: Vec<(usize, &str, &str)> = files.iter().map(|(k, f, t)| (*k, f.as_str(), t.as_str())).collect();
        let hosts = Hosts::new(&ring(n), &places, &files);
        let all = outputs(&hosts, &[]);
        for (host, found) in all.iter().enumerate() {
            let mut want = json!({ "all": { "result.0": (1..=n).map(|k| 10 * k).sum::<usize>() } });
            for k in (0..n).filter(|k| node(*k) == host) {
                let learned = 10 * ((k + 1) % n + 1) + 1;
                want[format!("P{k}")] = json!({ format!("result.{}", k + 1): learned });
            }
            assert_eq!(*found, want, "{n} parties, {}", NODES[host]);
        }
    }
}

const FAMILY: &str = "party Boss, F[N];\nfn main(cap: u64 from Boss, x: [u64; N] from F) -> (u64 to Boss, [u64; N] to F) {\n    \
                      (reveal_to(Boss, x.sum()), reveal_to(F, x.map(|v| v + cap)))\n}\n";

#[test]
fn a_family_lives_at_one_node_and_only_that_has_its_file() {
    let places = "[[party]]\nname = \"Boss\"\nhost = \"south\"\n\n[[party]]\nname = \"F\"\nhost = \"south\"\n";
    let files = [(1, "Boss.json", "{ \"cap\": 100 }"), (1, "F.x.csv", "x\n1\n2\n3\n4\n5\n")];
    let hosts = Hosts::new(FAMILY, places, &files);
    let all = outputs(&hosts, &["N=5"]);
    assert_eq!(all[0], json!({}));
    assert_eq!(all[1], json!({ "Boss": { "result.0": 15 }, "F": { "result.1": [101, 102, 103, 104, 105] } }));
    assert_eq!(all[2], json!({}));
}

#[test]
fn of_a_family_in_turn_each_host_prints_its_own_members() {
    // F is in turn, from node 0 on; each host's file has a row per member, of which it uses its own members' rows.
    let places = "[[party]]\nname = \"Boss\"\nhost = \"west\"\n";
    let rows = |mine: usize| {
        (0..5).fold("x\n".to_string(), |t, k| t + &if k % 3 == mine { (k + 1).to_string() } else { "0".into() } + "\n")
    };
    let (a, b, c) = (rows(0), rows(1), rows(2));
    let files = [(0, "F.x.csv", &*a), (1, "F.x.csv", &*b), (2, "F.x.csv", &*c), (2, "Boss.json", "{ \"cap\": 100 }")];
    let hosts = Hosts::new(FAMILY, places, &files);
    let all = outputs(&hosts, &["N=5"]);
    let none = Value::Null;
    assert_eq!(all[0], json!({ "F": { "result.1": [101, none, none, 104, none] } }));
    assert_eq!(all[1], json!({ "F": { "result.1": [none, 102, none, none, 105] } }));
    assert_eq!(all[2], json!({ "Boss": { "result.0": 15 }, "F": { "result.1": [none, none, 103, none, none] } }));
}
