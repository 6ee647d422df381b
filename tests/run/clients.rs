//! Clients by the command: three nodes and several clients as processes of their own, over TLS on loopback.

use crate::support::folder;
use serde_json::{Value, json};
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A host of a run: its process, and what it printed.
struct Host(Child);

impl Host {
    fn start(args: &[&str], dir: &Path) -> Host {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mpcc"));
        for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("MPCC_")) {
            command.env_remove(name);
        }
        let child = command.current_dir(dir).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Host(child.expect("the command starts"))
    }

    /// Exit code, stdout, stderr.
    fn end(mut self) -> (i32, String, String) {
        let mut err = self.0.stderr.take().unwrap();
        let err = std::thread::spawn(move || {
            let mut text = String::new();
            err.read_to_string(&mut text).map(|_| text)
        });
        let mut out = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        let code = self.0.wait().unwrap().code().unwrap_or(-1);
        (code, out, err.join().unwrap().unwrap())
    }

    fn json(self) -> Value {
        let (code, out, err) = self.end();
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Makes a key, and gives its fingerprint.
fn key(dir: &Path, name: &str) -> String {
    let (code, _, err) = Host::start(&["party", "new", name], dir).end();
    assert_eq!(code, 0, "{err}");
    let (code, out, err) = Host::start(&["party", "show", name, "--client", "Any"], dir).end();
    assert_eq!(code, 0, "{err}");
    let at = out.find("sha256:").expect("a fingerprint");
    out[at..at + 71].to_owned()
}

/// A parties file for three nodes on loopback and the clients given by name, each with its fingerprints.
fn parties(dir: &Path, clients: &[(&str, &[String])]) {
    let mut text = String::new();
    // Ports that are free now; nobody else is told of them.
    let held: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    for (k, listener) in held.iter().enumerate() {
        let name = ["north", "south", "west"][k];
        let (address, print) = (listener.local_addr().unwrap(), key(dir, name));
        text += &format!(
            "[[node]]\nname = \"{name}\"\nindex = {k}\naddress = \"{address}\"\nfingerprints = [\"{print}\"]\n\n"
        );
    }
    for (name, prints) in clients {
        let prints: Vec<String> = prints.iter().map(|p| format!("\"{p}\"")).collect();
        text += &format!("[[party]]\nname = \"{name}\"\nhost = \"client\"\nfingerprints = [{}]\n\n", prints.join(", "));
    }
    std::fs::write(dir.join("parties.toml"), text).unwrap();
}

fn nodes(dir: &Path, extra: &[&str]) -> Vec<Host> {
    let node = |name: &str| {
        let mut args = vec!["run", ".", "--parties", "parties.toml", "--as", name, "--format", "json", "--stats"];
        args.extend(extra);
        Host::start(&args, dir)
    };
    ["north", "south", "west"].into_iter().map(node).collect()
}

fn client(dir: &Path, party: &str, extra: &[&str]) -> Host {
    let mut args = vec!["join", ".", "--parties", "parties.toml", "--as", party, "--format", "json", "--stats"];
    args.extend(extra);
    Host::start(&args, dir)
}

const TWO: &str = "party Ada, Ben;
fn main(a: [u32; 3] from Ada, b: [u32; 3] from Ben) -> (bool, u64 to Ada) {
    let best = at Ada { a.max() };
    let more = reveal((a > b).any());
    (more, reveal_to(Ada, (best as u64) + b.sum() as u64))
}
";

#[test]
fn two_client_parties_and_three_nodes() {
    let inputs = [("Ada.json", "{\"a\": [3, 9, 5]}"), ("Ben.json", "{\"b\": [10, 2, 8]}")];
    let dir = folder(TWO, &inputs);
    let (ada, ben) = (key(dir.path(), "ada"), key(dir.path(), "ben"));
    parties(dir.path(), &[("Ada", &[ada]), ("Ben", &[ben])]);
    let hosts = nodes(dir.path(), &[]);
    let (ada, ben) =
        (client(dir.path(), "Ada", &["--key", "ada.pem"]), client(dir.path(), "Ben", &["--key", "ben.pem"]));
    let (ada, ben) = (ada.json(), ben.json());
    assert_eq!(ada["outputs"], json!({"all": {"result.0": true}, "Ada": {"result.1": 29}}));
    assert_eq!(ben["outputs"], json!({"all": {"result.0": true}}));
    let (code, out, err) =
        Host::start(&["cost", ".", "--parties", "parties.toml", "--format", "json"], dir.path()).end();
    assert_eq!(code, 0, "{err}");
    let cost: Value = serde_json::from_str(&out).unwrap();
    let mut total = 0;
    for (k, host) in hosts.into_iter().enumerate() {
        let node = host.json();
        assert_eq!(node["outputs"], json!({"all": {"result.0": true}}));
        let stats = &node["stats"];
        assert_eq!(stats["client_bytes"][0], cost["client_bytes"][k], "node {k}");
        assert_eq!(stats["bytes_sent"][0], cost["bytes_sent"][k], "node {k}");
        assert_eq!(stats["rounds"], cost["rounds"]);
        total += stats["client_bytes"][0].as_u64().unwrap();
    }
    let said = |v: &Value| v["stats"]["client_bytes"].as_u64().unwrap();
    assert_eq!(said(&ada) + said(&ben), total);
}

#[test]
fn members_of_a_family_bring_their_own_and_a_node_hosts_another_party() {
    let program = "party Voter[N], Town;
fn main(yes: [bool; N] from Voter, quorum: u32 from Town) -> (bool, u64 to Town) {
    let count = yes.count();
    (reveal(count >= (quorum as u64)), reveal_to(Town, count))
}
";
    let dir = folder(program, &[("Voter.yes.csv", "yes\n1\n0\n1\n"), ("Town.json", "{\"quorum\": 2}")]);
    let prints: Vec<String> = ["v0", "v1", "v2"].map(|n| key(dir.path(), n)).to_vec();
    parties(dir.path(), &[("Voter", &prints)]);
    let text = std::fs::read_to_string(dir.path().join("parties.toml")).unwrap();
    let text = text + "[[party]]\nname = \"Town\"\nhost = \"south\"\n";
    std::fs::write(dir.path().join("parties.toml"), text).unwrap();
    // Two of the three come. One has a folder of its own, one says which row is its.
    std::fs::create_dir(dir.path().join("mine")).unwrap();
    std::fs::write(dir.path().join("mine/Voter.json"), "{\"yes\": true}").unwrap();
    let hosts = nodes(dir.path(), &["--clients", "2"]);
    let a = client(dir.path(), "Voter", &["--key", "v2.pem", "--inputs", "mine"]);
    let b = client(dir.path(), "Voter", &["--key", "v0.pem", "--member", "0"]);
    assert_eq!(a.json()["outputs"], json!({"all": {"result.0": true}}));
    assert_eq!(b.json()["outputs"], json!({"all": {"result.0": true}}));
    let outputs: Vec<Value> = hosts.into_iter().map(|h| h.json()["outputs"].clone()).collect();
    assert_eq!(outputs[1], json!({"all": {"result.0": true}, "Town": {"result.1": 2}}));
    assert_eq!(outputs[0], json!({"all": {"result.0": true}}));
}

#[test]
fn wrong_use_is_told_before_anyone_is_called() {
    let dir = folder(TWO, &[("Ada.json", "{\"a\": [3, 9, 5]}"), ("Ben.json", "{\"b\": [1, 2, 3]}")]);
    let (ada, ben) = (key(dir.path(), "ada"), key(dir.path(), "ben"));
    parties(dir.path(), &[("Ada", &[ada]), ("Ben", &[ben])]);
    for (party, extra, exit, said) in [
        ("Eve", &["--key", "ada.pem"][..], 2, "no party `Eve`"),
        ("Ada", &["--key", "ben.pem"], 2, "knows no Ada by sha256:"),
        ("Ada", &["--key", "ada.pem", "--member", "1"], 2, "has no members"),
        ("Ada", &["--key", "ada.pem", "--inputs", "nowhere"], 3, "Ada.a.csv"),
    ] {
        let (code, _, err) = client(dir.path(), party, extra).end();
        assert_eq!((code, err.contains(said)), (exit, true), "{party} {extra:?}: {err}");
    }
}

#[test]
fn a_program_that_needs_a_client_in_mid_run_does_not_compile_for_it() {
    let program = "party Ada, Ben;
fn main(a: u32 from Ada, b: u32 from Ben) -> u32 {
    let less = reveal_to(Ada, b);
    let mine = at Ada { less / 2 };
    reveal(mine + a)
}
";
    let dir = folder(program, &[("Ada.json", "{\"a\": 3}"), ("Ben.json", "{\"b\": 4}")]);
    let print = key(dir.path(), "ada");
    parties(dir.path(), &[("Ada", &[print])]);
    let (code, _, err) = Host::start(&["cost", ".", "--parties", "parties.toml"], dir.path()).end();
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("E0410") && err.contains("Ada is a client") && err.contains("flows back"), "{err}");
    let (code, _, err) = Host::start(&["cost", "."], dir.path()).end();
    assert_eq!(code, 0, "{err}");
}

/// Three nodes, and a process for each of a thousand voters of `examples/vote`. Not among the others: it takes minutes, and some
/// gigabytes of memory.
#[test]
#[ignore = "takes a thousand processes"]
fn a_thousand_client_processes_in_one_run() {
    let many = 1000;
    let example = mpcc_tests::root().join("examples/vote");
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("inputs")).unwrap();
    for file in ["vote.mpc", "inputs/Voter.ballot.csv"] {
        std::fs::copy(example.join(file), dir.path().join(file)).unwrap();
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let made =
        |k: usize| node::keys::create(dir.path(), &format!("v{k}"), 1, now).unwrap().leaf.fingerprint.to_string();
    let prints: Vec<String> = (0..many).map(made).collect();
    parties(dir.path(), &[("Voter", &prints)]);
    let patience = ["--wait", "20m", "--deadline", "5m"];
    let hosts = nodes(dir.path(), &[&patience[..], &["--cutoff", "20m"]].concat());
    let start = std::time::Instant::now();
    let voters: Vec<(Child, std::path::PathBuf)> = (0..many)
        .map(|k| {
            let (out, key, member) = (dir.path().join(format!("out{k}")), format!("v{k}.pem"), k.to_string());
            let mut command = Command::new(env!("CARGO_BIN_EXE_mpcc"));
            command.current_dir(dir.path()).stdin(Stdio::null());
            command.args(["join", ".", "--parties", "parties.toml", "--as", "Voter", "--format", "json"]);
            command.args(["--key", &key, "--member", &member]).args(patience);
            // Into files: a pipe for each would be too many for this process.
            command.stdout(std::fs::File::create(&out).unwrap());
            command.stderr(std::fs::File::create(out.with_extension("err")).unwrap());
            (command.spawn().unwrap(), out)
        })
        .collect();
    let want: Value = serde_json::from_str(&std::fs::read_to_string(example.join("expected.json")).unwrap()).unwrap();
    let mut failed = Vec::new();
    for (k, (mut child, out)) in voters.into_iter().enumerate() {
        let code = child.wait().unwrap().code();
        let said = std::fs::read_to_string(&out).unwrap();
        let found: Option<Value> = serde_json::from_str(&said).ok();
        if code != Some(0) || found.is_none_or(|v| v["outputs"] != want) {
            let err = std::fs::read_to_string(out.with_extension("err")).unwrap();
            failed.push(format!("voter {k}: {code:?} {said} {err}"));
        }
    }
    assert!(failed.is_empty(), "{} of {many}: {}", failed.len(), failed.join("\n"));
    for host in hosts {
        let node = host.json();
        assert_eq!(node["outputs"], want);
    }
    println!("{many} voters in {:.0} s", start.elapsed().as_secs_f64());
}

#[test]
fn a_node_may_have_as_many_connections_as_its_system_allows() {
    let dir = folder(TWO, &[]);
    let (ada, ben) = (key(dir.path(), "ada"), key(dir.path(), "ben"));
    parties(dir.path(), &[("Ada", &[ada]), ("Ben", &[ben])]);
    // A shell with a low limit of its own, as most have.
    let script = format!(
        "ulimit -Sn 64; exec {} run . --parties parties.toml --as north --wait 10m",
        env!("CARGO_BIN_EXE_mpcc")
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let node = Host(shell.spawn().unwrap());
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", node.0.id())).unwrap_or_default();
        let line = limits.lines().find_map(|l| l.strip_prefix("Max open files")).unwrap_or_default();
        let mut words = line.split_whitespace();
        let (soft, hard) = (words.next(), words.next());
        if soft.is_some() && soft == hard && soft != Some("64") {
            break;
        }
        assert!(std::time::Instant::now() < until, "{soft:?} of {hard:?}");
        std::thread::yield_now();
    }
}

#[test]
fn clients_hash_their_own_strings() {
    let program = "party Ada, Voter[N];
fn main(key: str from Ada, keys: [str; N] from Voter) -> (u64, u64 to Ada) {
    let mine = at Ada { key.hash() };
    let all = at Voter { keys.hash() };
    let n = at Ada { key.len() };
    (reveal(all.count(|k| k == mine)), n)
}
";
    let dir = folder(program, &[("Ada.json", "{\"key\": \"b\u{e9}\"}")]);
    std::fs::create_dir(dir.path().join("inputs/Voter")).unwrap();
    for (k, key) in ["x", "b\\u00e9", ""].iter().enumerate() {
        std::fs::write(dir.path().join(format!("inputs/Voter/{k}.json")), format!("{{\"keys\": \"{key}\"}}")).unwrap();
    }
    let ada = key(dir.path(), "ada");
    let voters: Vec<String> = (0..3).map(|k| key(dir.path(), &format!("voter{k}"))).collect();
    parties(dir.path(), &[("Ada", &[ada]), ("Voter", &voters)]);
    let hosts = nodes(dir.path(), &["-D", "N=3"]);
    let ada = client(dir.path(), "Ada", &["--key", "ada.pem"]);
    let voters: Vec<Host> = (0..3)
        .map(|k| {
            let (key, k) = (format!("voter{k}.pem"), k.to_string());
            client(dir.path(), "Voter", &["--key", &key, "--member", &k])
        })
        .collect();
    assert_eq!(ada.json()["outputs"], json!({"all": {"result.0": 1}, "Ada": {"result.1": 3}}));
    for voter in voters {
        assert_eq!(voter.json()["outputs"], json!({"all": {"result.0": 1}}));
    }
    for host in hosts {
        assert_eq!(host.json()["outputs"], json!({"all": {"result.0": 1}}));
    }
}
