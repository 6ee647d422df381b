//! How runs among hosts end when something is wrong: the exit code of each host, and what each says.

use super::{GIVEN, Hosts, NODES, PAIR, PLACED, Said, command, wait};
use net::tls::Identity;
use node::keys;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant, SystemTime};

const DAY: i64 = 86_400;

fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64
}

fn pair() -> Hosts {
    Hosts::new(PAIR, PLACED, &GIVEN)
}

/// Every node ends with `code`, prints nothing on stdout, and names all of `words`.
fn all_end(said: &[Said], code: i32, words: &[&str]) {
    for (k, s) in said.iter().enumerate() {
        assert_eq!((s.code, s.out.as_str()), (code, ""), "{}: {}", NODES[k], s.err);
        for word in words {
            assert!(s.err.contains(word), "{}: `{word}` in {}", NODES[k], s.err);
        }
    }
}

#[test]
fn whatever_differs_is_named_at_all_hosts_with_both_values() {
    let hosts = pair();
    let plain: &[&str] = &["--wait", "60s"];
    let wan: &[&str] = &["--wait", "60s", "--net", "wan"];
    let budget: &[&str] = &["--wait", "60s", "--memory", "3GiB"];
    for odd in 0..3 {
        let each = |other: &'static [&'static str]| {
            let mut args = [plain; 3];
            args[odd] = other;
            args
        };
        all_end(&hosts.run_each(each(wan)), 7, &["network profile", "lan", "wan"]);
        all_end(&hosts.run_each(each(budget)), 7, &["memory budget", "none", "3221225472 bytes"]);
    }
    // One host has another program, one another idea of who is where.
    hosts.edit(1, "main.mpc", |t| t.replace("a + b", "b + a"));
    all_end(&hosts.run(plain), 7, &["about the program: "]);
    hosts.edit(1, "main.mpc", |t| t.replace("b + a", "a + b"));
    hosts.edit(2, "parties.toml", |t| t.replace("host = \"north\"", "host = \"south\""));
    all_end(&hosts.run(plain), 7, &["list of parties", "A at north, B at west", "A at south, B at west"]);
}

#[test]
fn public_inputs_and_sizes_must_agree_everywhere() {
    let program = "party A, B;\nfn main(price: public u64, tag: public str, a: [u64; N] from A, b: [u64; N] from B) -> u64 {\n    \
                   reveal((a * b).sum() + price + (tag == \"eur\") as u64)\n}\n";
    let program = program.replace("fn main(", "fn main<N: size>(");
    let inputs = [(0, "A.a.csv", "a\n1\n2\n"), (2, "B.b.csv", "b\n3\n4\n")];
    let hosts = Hosts::new(&program, PLACED, &inputs);
    let price = |k: usize, text: &str| std::fs::write(hosts.dir(k).join("inputs/public.json"), text).unwrap();
    (0..3).for_each(|k| price(k, "{ \"price\": 4, \"tag\": \"eur\" }"));
    let said = hosts.run(&["--wait", "60s"]);
    assert!(said.iter().all(|s| s.code == 0 && s.out.contains("16")), "{said:?}");
    price(1, "{ \"price\": 4, \"tag\": \"usd\" }");
    all_end(&hosts.run(&["--wait", "60s"]), 7, &["public input `tag`", "\"eur\"", "\"usd\""]);
    price(1, "{ \"price\": 6, \"tag\": \"eur\" }");
    all_end(&hosts.run(&["--wait", "60s"]), 7, &["public input `price`", " 4", " 6"]);
    price(1, "{ \"price\": 4, \"tag\": \"eur\" }");
    // The two owners bring columns of unequal length; the third host has none, and names both all the same.
    hosts.edit(2, "inputs/B.b.csv", |t| t + "9\n");
    all_end(&hosts.run(&["--wait", "60s"]), 7, &["sizes of the inputs", "N = 2", "N = 3"]);
}

#[test]
fn hosts_start_in_any_order_and_the_late_one_is_waited_for() {
    let hosts = pair();
    for order in [[2, 1, 0], [1, 2, 0], [0, 2, 1]] {
        let mut running: Vec<(usize, Child)> = Vec::new();
        for k in order {
            let mut child = hosts.start(k, &["--wait", "120s"]);
            // The next starts once this one listens.
            let mut first = String::new();
            let mut err = BufReader::new(child.stderr.take().unwrap());
            err.read_line(&mut first).unwrap();
            assert!(first.contains("listening at"), "{first}");
            std::thread::spawn(move || err.read_to_end(&mut Vec::new()));
            running.push((k, child));
        }
        running.sort_by_key(|(k, _)| *k);
        for s in wait(running.into_iter().map(|(_, c)| c).collect()) {
            assert_eq!(s.code, 0);
            assert!(s.out.contains("13"));
        }
    }
}

#[test]
fn who_does_not_come_is_named() {
    let hosts = pair();
    let said = Said::of(hosts.start(0, &["--wait", "1s"]).wait_with_output().unwrap());
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("south at") && said.err.contains("west"), "{said:?}");
    let said = wait(vec![hosts.start(0, &["--wait", "2s"]), hosts.start(2, &["--wait", "2s"])]);
    for s in said {
        assert_eq!((s.code, s.out.as_str()), (4, ""), "{s:?}");
        assert!(s.err.contains("south"), "{s:?}");
    }
}

#[test]
fn a_port_in_use_is_said_and_bind_goes_round_it() {
    let hosts = pair();
    let _held = std::net::TcpListener::bind(hosts.address(1)).unwrap();
    let said = Said::of(hosts.start(1, &["--wait", "1s"]).wait_with_output().unwrap());
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("south cannot listen at") && said.err.contains("in use"), "{said:?}");
    let said = Said::of(hosts.start(1, &["--wait", "1s", "--bind", "203.0.113.9:1"]).wait_with_output().unwrap());
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("--bind 0.0.0.0:1"), "{said:?}");
    // It is node 0 that nobody needs to reach at its address if it is the others that are called.
    drop(_held);
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = other.local_addr().unwrap().to_string();
    drop(other);
    let bound: &[&str] = &["--wait", "60s", "--bind", &free];
    let plain: &[&str] = &["--wait", "60s"];
    let said = hosts.run_each([plain, plain, bound]);
    assert!(said.iter().all(|s| s.code == 0), "{said:?}");
}

#[test]
fn bad_input_at_one_host_is_told_there_and_nowhere_else() {
    let hosts = pair();
    hosts.edit(0, "inputs/A.json", |_| "{ \"a\": \"six hundred\" }".into());
    let said = hosts.run(&["--wait", "2s"]);
    assert_eq!(said[0].code, 3, "{}", said[0].err);
    assert!(said[0].err.contains("A.json") && said[0].err.contains("six hundred"));
    for s in &said[1..] {
        assert_eq!((s.code, s.out.as_str()), (4, ""), "{}", s.err);
        assert!(s.err.contains("north") && !s.err.contains("six hundred"), "{}", s.err);
    }
}

#[test]
fn a_certificate_that_is_not_the_pinned_one_ends_the_run_with_a_name() {
    // West's file has another fingerprint for north than north uses; all others are right.
    let hosts = pair();
    let strange = Identity::generate("north").unwrap().0.fingerprint().to_string();
    let found = hosts.lines(0);
    let print = found.split('"').find(|t| t.starts_with("sha256:")).unwrap().to_string();
    hosts.edit(2, "parties.toml", |t| t.replace(&print, &strange));
    let said = hosts.run(&["--wait", "6s"]);
    for (s, who) in said.iter().zip(["west", "north", "north"]) {
        assert_eq!((s.code, s.out.as_str()), (4, ""), "{}", s.err);
        assert!(s.err.contains(who), "{who} in {}", s.err);
    }
    assert!(said[2].err.contains("is not pinned"), "{}", said[2].err);
    // South had a good link to west, and hears from it what is wrong.
    assert!(said[1].err.contains("is not pinned"), "{}", said[1].err);
}

#[test]
fn a_key_that_is_not_this_node_s_or_is_open_to_others_is_refused_at_home() {
    use std::os::unix::fs::PermissionsExt;
    let hosts = pair();
    let key = hosts.dir(1).join("south.pem");
    let said = Said::of(hosts.start(0, &["--key", key.to_str().unwrap(), "--wait", "1s"]).wait_with_output().unwrap());
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("but the key given is of"), "{said:?}");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = Said::of(hosts.start(1, &["--wait", "1s"]).wait_with_output().unwrap());
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("chmod 600"), "{said:?}");
}

#[test]
fn what_is_for_local_runs_is_refused() {
    let hosts = pair();
    for args in [&["--random-inputs", "1"][..], &["--insecure-clear"], &["--tcp"]] {
        let said = Said::of(hosts.start(0, args).wait_with_output().unwrap());
        assert_eq!(said.code, 2, "{args:?}: {said:?}");
        assert!(said.err.contains("cannot be used with"), "{said:?}");
    }
    // A parties file without a node, a node without a parties file, a node that is not there.
    let run = |args: &[&str]| Said::of(command(&hosts.dir(0)).arg("run").arg("main.mpc").args(args).output().unwrap());
    let said = run(&["--parties", "parties.toml"]);
    assert!(said.code == 2 && said.err.contains("--as NODE, of north, south, west"), "{said:?}");
    assert_eq!(run(&["--as", "north"]).code, 2);
    let said = run(&["--parties", "parties.toml", "--as", "nort"]);
    assert!(said.code == 2 && said.err.contains("did you mean `north`?"), "{said:?}");
    // What is wrong with the file is said with its place.
    hosts.edit(0, "parties.toml", |t| t.replace("host = \"west\"", "hos = \"west\""));
    let said = run(&["--parties", "parties.toml", "--as", "north"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("parties.toml:") && said.err.contains("did you mean `host`?"), "{said:?}");
}

#[test]
fn flags_come_before_the_environment_and_that_before_the_file() {
    let hosts = pair();
    (0..3).for_each(|k| hosts.edit(k, "parties.toml", |t| t + "\n[run]\nwait = \"700ms\"\nprofile = \"wan\"\n"));
    let waited = |env: Option<&str>, flag: Option<&str>| {
        let mut c = command(&hosts.dir(0));
        c.args(["run", "main.mpc", "--parties", "parties.toml", "--as", "north"]);
        env.into_iter().for_each(|e| {
            c.env("MPCC_WAIT", e);
        });
        flag.into_iter().for_each(|f| {
            c.args(["--wait", f]);
        });
        Said::of(c.output().unwrap()).err
    };
    assert!(waited(None, None).contains("within 700ms"));
    assert!(waited(Some("600ms"), None).contains("within 600ms"));
    assert!(waited(Some("600ms"), Some("500ms")).contains("within 500ms"));
    // The profile of the file is what the nodes compare.
    let plain: &[&str] = &["--wait", "60s"];
    let lan: &[&str] = &["--wait", "60s", "--net", "lan"];
    all_end(&hosts.run_each([plain, lan, plain]), 7, &["network profile", "lan", "wan"]);
}

#[test]
fn a_run_beyond_its_memory_budget_is_refused_before_a_share_moves() {
    let program = "party A, B;\nfn main<N: size>(a: [u64; N] from A, b: [u64; N] from B) -> u64 {\n    \
                   reveal((a * b).sum())\n}\n";
    let rows = |h: &str| (0..2000).fold(h.to_string(), |t, k| t + &format!("{k}\n"));
    let (a, b) = (rows("a\n"), rows("b\n"));
    let hosts = Hosts::new(program, PLACED, &[(0, "A.a.csv", &a), (2, "B.b.csv", &b)]);
    // Also at one that hears of it before it has compiled.
    all_end(&hosts.run(&["--wait", "60s", "--memory", "10kB"]), 8, &["its budget is 10000"]);
}

/// Many rounds, one after the other.
const LONG: &str = "party A, B;\nfn main(a: u64 from A, b: u64 from B) -> u64 {\n    let mut x = a;\n    \
                    for i in 0..3000000 { x = x * x + b; }\n    reveal(x)\n}\n";

/// Starts three nodes and waits until each is connected to the others; what each then says on stderr.
fn running(hosts: &Hosts) -> Vec<(Child, std::thread::JoinHandle<String>)> {
    let mut children: Vec<Child> = (0..3).map(|k| hosts.start(k, &["--wait", "120s"])).collect();
    children
        .drain(..)
        .map(|mut child| {
            let mut err = BufReader::new(child.stderr.take().unwrap());
            let mut here = 0;
            let mut line = String::new();
            while here < 2 && err.read_line(&mut line).unwrap() > 0 {
                here += usize::from(line.contains("is here"));
                line.clear();
            }
            let rest = std::thread::spawn(move || {
                let mut rest = String::new();
                let _ = err.read_to_string(&mut rest);
                rest
            });
            (child, rest)
        })
        .collect()
}

#[test]
fn an_interrupt_ends_the_run_everywhere_and_says_where() {
    for (signal, who) in [("-INT", 1), ("-TERM", 0)] {
        let hosts = Hosts::new(LONG, PLACED, &GIVEN);
        let mut all = running(&hosts);
        let id = all[who].0.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
        for (k, (child, err)) in all.iter_mut().map(|(c, e)| (c, e)).enumerate() {
            let mut out = String::new();
            child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
            let code = child.wait().unwrap().code();
            assert_eq!((code, out.as_str()), (Some(if k == who { 130 } else { 4 }), ""), "{}", NODES[k]);
            let err = std::mem::replace(err, std::thread::spawn(String::new)).join().unwrap();
            if k != who {
                let words = format!("{} stopped: it was interrupted at its host", NODES[who]);
                assert!(err.contains(&words), "{}: {err}", NODES[k]);
            }
        }
    }
}

#[test]
fn an_interrupt_ends_the_wait_for_others() {
    let hosts = pair();
    let mut child = hosts.start(0, &["--wait", "600s"]);
    let mut err = BufReader::new(child.stderr.take().unwrap());
    err.read_line(&mut String::new()).unwrap();
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn strangers_at_the_port_change_nothing() {
    let hosts = pair();
    let children: Vec<Child> = [0, 1].map(|k| hosts.start(k, &["--wait", "120s"])).into();
    let until = Instant::now() + Duration::from_secs(60);
    let mut held = Vec::new();
    while held.len() < 100 {
        match std::net::TcpStream::connect(hosts.address(0)) {
            Ok(mut tcp) => {
                let _ = tcp.write_all(if held.len() % 2 == 0 { b"GET / HTTP/1.0\r\n\r\n" } else { b"\x16\x03\x01" });
                held.push(tcp);
            }
            Err(e) => assert!(Instant::now() < until, "nobody listens: {e}"),
        }
    }
    let mut said = wait(vec![hosts.start(2, &["--wait", "120s"])]);
    said.extend(wait(children));
    assert!(said.iter().all(|s| s.code == 0 && s.out.contains("13")), "{said:?}");
}

fn doctor(dir: &Path, name: &str, wait: &str) -> std::process::Child {
    let mut c = command(dir);
    c.args(["doctor", "--parties", "parties.toml", "--as", name, "--wait", wait, "--format", "json"]);
    c.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
}

fn finding<'a>(report: &'a Value, check: &str) -> &'a Value {
    let all = report["findings"].as_array().unwrap();
    all.iter().find(|f| f["check"] == check).unwrap_or_else(|| panic!("{check} in {report}"))
}

#[test]
fn doctors_find_one_another_and_what_is_wrong() {
    let hosts = pair();
    let said = wait((0..3).map(|k| doctor(&hosts.dir(k), NODES[k], "60s")).collect());
    for (k, s) in said.iter().enumerate() {
        assert_eq!(s.code, 0, "{}: {}{}", NODES[k], s.out, s.err);
        let report: Value = serde_json::from_str(&s.out).unwrap();
        assert_eq!(report["ready"], true);
        for peer in (0..3).filter(|p| *p != k) {
            assert_eq!(finding(&report, NODES[peer])["status"], "ok", "{report}");
        }
    }
    // Alone, with a certificate near its end and one of the others known by a wrong fingerprint.
    std::fs::remove_file(hosts.dir(0).join("north.pem")).unwrap();
    std::fs::remove_file(hosts.dir(0).join("north.identity.pem")).unwrap();
    let old = hosts.lines(1).split('"').find(|t| t.starts_with("sha256:")).unwrap().to_string();
    let made = keys::create(&hosts.dir(0), "north", 90, now() - 80 * DAY).unwrap();
    hosts.edit(0, "parties.toml", |t| {
        let mine = t.split('"').find(|t| t.starts_with("sha256:")).unwrap().to_string();
        t.replace(&mine, &made.leaf.fingerprint.to_string())
    });
    let strange = Identity::generate("south").unwrap().0.fingerprint().to_string();
    hosts.edit(0, "parties.toml", |t| t.replace(&old, &strange));
    let listening = doctor(&hosts.dir(1), "south", "4s");
    let said = Said::of(doctor(&hosts.dir(0), "north", "3s").wait_with_output().unwrap());
    let _ = listening.wait_with_output();
    assert_eq!(said.code, 4, "{said:?}");
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["ready"], false);
    assert_eq!(finding(&report, "certificate")["status"], "warning");
    assert!(finding(&report, "certificate")["what"].as_str().unwrap().contains(" days"), "{report}");
    assert_eq!(finding(&report, "west")["status"], "fails");
    let south = finding(&report, "south");
    assert_eq!(south["status"], "fails");
    assert!(south["what"].as_str().unwrap().contains("is not pinned"), "{report}");
    assert!(!south["advice"].as_str().unwrap().is_empty());
    // An expired one fails, here and in a run.
    let dir = hosts.dir(2);
    for file in ["west.pem", "west.identity.pem"] {
        std::fs::remove_file(dir.join(file)).unwrap();
    }
    let made = keys::create(&dir, "west", 10, now() - 80 * DAY).unwrap();
    hosts.edit(2, "parties.toml", |t| {
        let mine = t.split('"').filter(|t| t.starts_with("sha256:")).nth(2).unwrap().to_string();
        t.replace(&mine, &made.leaf.fingerprint.to_string())
    });
    let said = Said::of(doctor(&dir, "west", "1s").wait_with_output().unwrap());
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(finding(&report, "certificate")["status"], "fails");
    let said = Said::of(hosts.start(2, &["--wait", "1s"]).wait_with_output().unwrap());
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("not now"), "{said:?}");
}

#[test]
fn a_doctor_may_visit_a_node_that_waits_for_a_run() {
    let hosts = pair();
    let waiting = hosts.start(0, &["--wait", "120s"]);
    let said = Said::of(doctor(&hosts.dir(2), "west", "10s").wait_with_output().unwrap());
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert!(finding(&report, "north")["what"].as_str().unwrap().contains("answers"), "{report}");
    assert_eq!(finding(&report, "south")["status"], "fails");
    // The visit was none of a node: the run takes place.
    let mut said = wait(vec![hosts.start(1, &["--wait", "120s"]), hosts.start(2, &["--wait", "120s"])]);
    said.extend(wait(vec![waiting]));
    assert!(said.iter().all(|s| s.code == 0), "{said:?}");
}

#[test]
fn party_prints_no_key_and_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let party = |args: &[&str]| Said::of(command(dir.path()).arg("party").args(args).output().unwrap());
    let made = party(&["new", "north"]);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(made.out.contains("valid until") && made.out.contains("fingerprint  sha256:"), "{made:?}");
    let again = party(&["new", "north"]);
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.err.contains("is there already"));
    let rotated = party(&["rotate", "north", "--format", "json"]);
    assert_eq!(rotated.code, 0, "{rotated:?}");
    let shown = party(&["show", "north", "--index", "0", "--address", "h:1", "--hosts", "A", "--hosts", "B"]);
    assert_eq!(shown.out.matches("sha256:").count(), 2, "{shown:?}");
    assert_eq!(shown.out.matches("[[party]]").count(), 2);
    let client = party(&["show", "north", "--client", "Voter"]);
    assert!(client.out.contains("host = \"client\"\nfingerprints = [[\"sha256:"), "{client:?}");
    assert_eq!(party(&["show", "north"]).code, 2);
    assert_eq!(party(&["show", "nobody", "--client", "V"]).code, 2);
    let mut secret = Vec::new();
    for file in ["north.pem", "north.next.pem", "north.identity.pem"] {
        let text = std::fs::read_to_string(dir.path().join(file)).unwrap();
        let from = text.find("PRIVATE KEY-----\n").unwrap() + 17;
        secret.push(text[from..from + 40].to_string());
    }
    for said in [made, again, rotated, shown, client] {
        for s in &secret {
            assert!(!said.out.contains(s) && !said.err.contains(s));
        }
    }
}
