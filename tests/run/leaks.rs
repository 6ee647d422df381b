//! Inputs stay where they belong: thirty values that nobody else would write are searched for in all that a run says and
//! leaves, as text, as hexadecimal, as base64, and as bytes. They stand in the output of the party that learns them, and
//! nowhere else; not when a run fails, either.

use crate::support::folder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::inotify::{self, WatchFlags};

const EACH: usize = 10;

/// The k-th canary: 64 bits of which no half is small or even.
fn canary(k: usize) -> u64 {
    let mut z = (k as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) | 1 << 63
}

fn canaries(party: usize) -> Vec<u64> {
    (party * EACH..(party + 1) * EACH).map(canary).collect()
}

/// Everything is used, in words and in bits; Eve gets one of Ada's numbers, and how many of all are large.
const PROGRAM: &str = "party Ada, Ben, Eve;
fn main<N: size>(a: [u64; 10] from Ada, b: [u64; 10] from Ben, c: [u64; 10] from Eve) -> (u64 to Eve, u64, u64) {
    let mut large: u64 = 0;
    for i in 0..10 {
        if a[i] > b[i] { large += 1; }
        if b[i] ^ c[i] > a[i] { large += 1; }
    }
    let mut p = a[0] * c[0];
    for i in 0..N {
        p = p * (b[1] + p);
    }
    (reveal_to(Eve, a[3]), reveal(large), reveal(p & 1))
}
";

fn json(values: &[u64], name: &str) -> String {
    serde_json::json!({ name: values }).to_string()
}

/// The program's folder, with everyone's canaries.
fn place(program: &str) -> tempfile::TempDir {
    let inputs = [
        ("Ada.json", json(&canaries(0), "a")),
        ("Ben.json", json(&canaries(1), "b")),
        ("Eve.json", json(&canaries(2), "c")),
    ];
    let inputs: Vec<(&str, &str)> = inputs.iter().map(|(n, t)| (*n, t.as_str())).collect();
    folder(program, &inputs)
}

fn base64(bytes: &[u8], digits: &[u8; 64]) -> Vec<u8> {
    let bits: Vec<u8> = bytes.iter().flat_map(|b| (0..8).rev().map(move |i| b >> i & 1)).collect();
    bits.chunks(6).map(|c| digits[(0..6).fold(0, |v, i| v << 1 | c.get(i).copied().unwrap_or(0)) as usize]).collect()
}

/// The digits of bytes in base64 whatever comes before and after them: those that they alone decide, at each alignment.
fn base64_anywhere(bytes: &[u8]) -> Vec<Vec<u8>> {
    let letters: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').collect();
    let mut out = Vec::new();
    for last in [b"+/", b"-_"] {
        let digits: [u8; 64] = [&letters[..], last].concat().try_into().unwrap();
        for before in 0..3usize {
            let text = base64(&[&vec![0; before], bytes].concat(), &digits);
            out.push(text[(before * 8).div_ceil(6)..(before + bytes.len()) * 8 / 6].to_vec());
        }
    }
    out
}

/// Everything that a value may look like.
fn looks(v: u64) -> Vec<Vec<u8>> {
    let hex = |b: [u8; 8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let text = [v.to_string(), (v as i64).to_string().trim_start_matches('-').to_string()];
    let mut out: Vec<Vec<u8>> = text.iter().map(|t| t.clone().into_bytes()).collect();
    for bytes in [v.to_le_bytes(), v.to_be_bytes()] {
        out.push(bytes.to_vec());
        out.push(hex(bytes).into_bytes());
        out.push(hex(bytes).to_uppercase().into_bytes());
        out.extend(base64_anywhere(&bytes));
    }
    out.extend(base64_anywhere(text[0].as_bytes()));
    out
}

/// Which canaries are in here.
fn found(hay: &[u8]) -> Vec<usize> {
    let has = |needle: &[u8]| hay.windows(needle.len()).any(|w| w == needle);
    (0..3 * EACH).filter(|k| looks(canary(*k)).iter().any(|n| has(n))).collect()
}

#[test]
fn the_search_finds_what_is_there() {
    let all: std::collections::BTreeSet<u64> = (0..3 * EACH).map(canary).collect();
    assert_eq!(all.len(), 3 * EACH);
    let v = canary(7);
    let digits: [u8; 64] =
        (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(*b"+/").collect::<Vec<_>>().try_into().unwrap();
    let hays: Vec<Vec<u8>> = vec![
        format!("[1,{v}]").into_bytes(),
        format!("Some({})", v as i64).into_bytes(),
        format!("0x{v:016X}").into_bytes(),
        format!("{:016x}", v.swap_bytes()).into_bytes(),
        [&[1, 2, 3][..], &v.to_le_bytes(), &[9]].concat(),
        [&[1][..], &v.to_be_bytes()].concat(),
        base64(&[&[7, 8][..], &v.to_le_bytes(), &[1]].concat(), &digits),
        base64(&[&[7][..], v.to_string().as_bytes()].concat(), &digits),
    ];
    for hay in hays {
        assert_eq!(found(&hay), [7], "{}", String::from_utf8_lossy(&hay));
    }
    assert!(found(&vec![b'1'; 1000]).is_empty());
}

/// All that a run said and left.
struct Traces {
    code: i32,
    stdout: String,
    /// By name: stderr, files at any time, command lines, environments.
    others: BTreeMap<String, Vec<u8>>,
}

/// Processes whose parent is `parent`.
fn children(parent: u32) -> Vec<u32> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        if fields.get(1).and_then(|p| p.parse().ok()) == Some(parent) {
            out.push(pid);
        }
    }
    out
}

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(t) if t.is_dir() => files(&entry.path(), out),
            _ => out.push(entry.path()),
        }
    }
}

/// Hears of whatever is made, written, or taken away in a folder and those in it.
struct Changes {
    root: PathBuf,
    inotify: std::os::fd::OwnedFd,
    room: Vec<std::mem::MaybeUninit<u8>>,
}

impl Changes {
    fn of(root: &Path) -> Changes {
        let inotify = inotify::init(inotify::CreateFlags::CLOEXEC).expect("changes are told");
        let changes = Changes { root: root.to_owned(), inotify, room: vec![std::mem::MaybeUninit::uninit(); 4096] };
        changes.watch(root);
        changes
    }

    fn watch(&self, dir: &Path) {
        let what = WatchFlags::CREATE | WatchFlags::MODIFY | WatchFlags::MOVED_TO | WatchFlags::DELETE;
        // One that is gone already has nothing more to tell.
        let _ = inotify::add_watch(&self.inotify, dir, what);
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                self.watch(&entry.path());
            }
        }
    }

    /// Waits for something to happen, or takes what has.
    fn next(&mut self) {
        let mut reader = inotify::Reader::new(&self.inotify, &mut self.room);
        while reader.next().is_ok() && !reader.is_buffer_empty() {}
        self.watch(&self.root);
    }
}

/// Runs the command in a folder of its own, whose files are looked at all the while; `each` may do something to it.
fn traced(program: &Path, args: &[&str], each: &mut dyn FnMut(&mut Child)) -> Traces {
    said_and_left("run", program, args, each)
}

/// As [`traced`], of `mpcc run` or `mpcc join`.
fn said_and_left(verb: &str, program: &Path, args: &[&str], each: &mut dyn FnMut(&mut Child)) -> Traces {
    let own = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mpcc"));
    command.arg(verb).arg(program).args(args).current_dir(own.path()).env("TMPDIR", own.path()).env("HOME", own.path());
    command.env_remove("MPCC_LOG").env_remove("MPCC_FORMAT").stdin(Stdio::null());
    command.stdout(std::fs::File::create(own.path().join("stdout")).unwrap());
    command.stderr(std::fs::File::create(own.path().join("stderr")).unwrap());
    let mut child = command.spawn().expect("the command starts");
    let done = AtomicBool::new(false);
    let changes = Changes::of(own.path());
    let (status, mut others) = std::thread::scope(|scope| {
        let pid = child.id();
        let (done, root) = (&done, own.path());
        let watch = scope.spawn(move || {
            let mut seen: BTreeMap<String, Vec<u8>> = BTreeMap::new();
            let mut changes = changes;
            loop {
                // A last look after the end.
                let last = done.load(Ordering::Acquire);
                let mut paths = Vec::new();
                files(root, &mut paths);
                for pid in children(pid).into_iter().chain([pid]) {
                    paths.extend(["cmdline", "environ"].map(|f| PathBuf::from(format!("/proc/{pid}/{f}"))));
                }
                for path in paths {
                    if let Ok(text) = std::fs::read(&path) {
                        seen.entry(path.display().to_string()).or_default().extend(text);
                    }
                }
                if last {
                    return seen;
                }
                changes.next();
            }
        });
        each(&mut child);
        let status = child.wait().expect("the command ends");
        done.store(true, Ordering::Release);
        std::fs::write(own.path().join("over"), "").unwrap();
        (status, watch.join().unwrap())
    });
    others.retain(|name, _| !name.ends_with("/stdout"));
    let stdout = std::fs::read_to_string(own.path().join("stdout")).unwrap();
    Traces { code: status.code().unwrap_or(-1), stdout, others }
}

impl Traces {
    fn text(&self, name: &str) -> String {
        let last = Path::new(name);
        let found = self.others.iter().find(|(n, _)| Path::new(n).ends_with(last));
        String::from_utf8_lossy(found.map_or(&[][..], |f| f.1)).into_owned()
    }

    /// No canary but `learned`, once, on stdout.
    fn hold(&self, what: &str, learned: Option<u64>) {
        let mut stdout = self.stdout.clone();
        if let Some(v) = learned {
            assert_eq!(stdout.matches(&v.to_string()).count(), 1, "{what}: {stdout}");
            stdout = stdout.replace(&v.to_string(), "");
        }
        assert_eq!(found(stdout.as_bytes()), [0usize; 0], "{what}: stdout");
        assert!(self.others.keys().any(|n| n.ends_with("/stderr")), "{what}: files were looked at");
        for (name, bytes) in &self.others {
            assert_eq!(found(bytes), [0usize; 0], "{what}: {name}");
        }
    }
}

#[test]
fn inputs_are_in_the_recipients_output_alone() {
    let dir = place(PROGRAM);
    let eve = Some(canary(3));
    let cases: [&[&str]; 5] = [
        &["--format", "json", "--stats", "--log", "json", "-vv", "--report", "out.html"],
        &["--stats", "-vv"],
        &["--format", "csv", "-v"],
        &["--tcp", "--format", "json", "--stats", "--log", "json", "-vv", "--report", "out.html"],
        &["--tcp", "-vv"],
    ];
    for case in cases {
        let mut args = vec!["-D", "N=60"];
        args.extend(case);
        let t = traced(dir.path(), &args, &mut |_| {});
        assert_eq!(t.code, 0, "{case:?}: {}", t.text("stderr"));
        t.hold(&format!("{case:?}"), eve);
        if case.contains(&"--report") {
            assert!(t.text("out.html").contains("<!doctype html>"));
        }
        if case.contains(&"-vv") {
            assert!(t.text("stderr").contains("agreed"), "{}", t.text("stderr"));
        }
        if case.contains(&"json") && case.contains(&"--log") {
            let mut events = Vec::new();
            // The file was looked at many times: its last look is whole.
            for line in t.text("stderr").lines().filter(|l| l.ends_with('}')) {
                let Ok(v) = serde_json::from_str::<Value>(line) else { continue };
                assert!(v["time"].is_string() && v["level"].is_string(), "{line}");
                events.push(v["event"].as_str().unwrap().to_string());
            }
            for want in ["diagnostic", "greeted", "compiled", "agreed", "finished"] {
                assert!(events.iter().any(|e| e == want), "{want}: {events:?}");
            }
        }
    }
}

#[test]
fn failing_runs_tell_no_inputs() {
    let dir = place(PROGRAM);
    let bad = place(PROGRAM);
    let mut values: Vec<Value> = canaries(1).into_iter().map(Value::from).collect();
    values[5] = "wrong".into();
    std::fs::write(bad.path().join("inputs/Ben.json"), serde_json::json!({ "b": values }).to_string()).unwrap();
    let divides = place(&PROGRAM.replace("reveal(p & 1)", "7 / reveal(p & 0)"));
    let short = place(PROGRAM);
    std::fs::write(short.path().join("inputs/Eve.json"), json(&canaries(2)[..9], "c")).unwrap();
    for tcp in [false, true] {
        for json in [false, true] {
            let mut args = vec!["-D", "N=10", "-vv", "--stats", "--report", "out.html"];
            args.extend(tcp.then_some("--tcp"));
            args.extend(json.then_some(["--log", "json", "--format", "json"]).into_iter().flatten());
            for (what, dir, code) in [("data", &bad, 3), ("division", &divides, 1), ("a short list", &short, 3)] {
                let t = traced(dir.path(), &args, &mut |_| {});
                let what = format!("{what}, {args:?}");
                assert_eq!(t.code, code, "{what}: {}", t.text("stderr"));
                assert!(t.stdout.is_empty(), "{what}: {}", t.stdout);
                t.hold(&what, None);
                assert!(t.text("out.html").is_empty(), "{what}: a page of a failed run");
                if what.starts_with("data") {
                    // Whoever sits here may see the cell of the own file; a log may not.
                    assert_eq!(t.text("stderr").contains("wrong"), !json, "{}", t.text("stderr"));
                }
            }
        }
    }
    // A node that is killed in the middle.
    for signal in ["-KILL", "-ABRT"] {
        let mut args = vec!["-D", "N=1000000", "--tcp", "-vv", "--log", "json", "--deadline", "20"];
        args.extend(["--report", "out.html"]);
        let mut kill = |child: &mut Child| {
            let until = Instant::now() + Duration::from_secs(60);
            let nodes = loop {
                let nodes = children(child.id());
                if nodes.len() == 3 || Instant::now() > until {
                    break nodes;
                }
                std::thread::yield_now();
            };
            assert_eq!(nodes.len(), 3, "three nodes run");
            // No memory image is written, whoever asks.
            let limits = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
            let cut = |pid: u32| {
                limits(pid).lines().any(|l| {
                    l.starts_with("Max core file size") && l.split_whitespace().filter(|w| *w == "0").count() == 2
                })
            };
            let until = Instant::now() + Duration::from_secs(60);
            while !(nodes.iter().all(|p| cut(*p)) && cut(child.id())) {
                assert!(Instant::now() < until, "cores are cut to nothing");
                std::thread::yield_now();
            }
            assert!(Command::new("kill").arg(signal).arg(nodes[1].to_string()).status().unwrap().success());
        };
        let t = traced(dir.path(), &args, &mut kill);
        assert_eq!(t.code, 4, "{}", t.text("stderr"));
        assert!(t.text("stderr").contains("node"), "{}", t.text("stderr"));
        t.hold(signal, None);
    }
}

#[test]
fn real_hosts_tell_no_inputs() {
    let dir = place(PROGRAM);
    let run = |args: &[&str]| {
        let (code, stdout, stderr) = crate::support::said(args);
        assert_eq!(code, 0, "{args:?}: {stderr}");
        stdout
    };
    // Addresses that are free now; held until all are known, so that they differ.
    let ports: Vec<_> = (0..3).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let addresses: Vec<String> = ports.iter().map(|p| p.local_addr().unwrap().to_string()).collect();
    drop(ports);
    let nodes = [("alpha", "Ada"), ("beta", "Ben"), ("gamma", "Eve")];
    let site = tempfile::tempdir().unwrap();
    let folder = site.path().to_str().unwrap();
    let mut parties = String::new();
    for (k, (name, party)) in nodes.into_iter().enumerate() {
        run(&["party", "new", name, "--dir", folder]);
        let index = k.to_string();
        let show =
            ["party", "show", name, "--dir", folder, "--index", &index, "--address", &addresses[k], "--hosts", party];
        parties.push_str(&(run(&show) + "\n"));
        // Each host has its own party's file alone.
        let inputs = site.path().join(name);
        std::fs::create_dir(&inputs).unwrap();
        std::fs::copy(dir.path().join(format!("inputs/{party}.json")), inputs.join(format!("{party}.json"))).unwrap();
    }
    let file = site.path().join("parties.toml");
    std::fs::write(&file, parties).unwrap();
    let traces: Vec<Traces> = std::thread::scope(|scope| {
        let node = |name: &'static str| {
            let (file, dir, inputs) = (file.clone(), dir.path().to_path_buf(), site.path().join(name));
            scope.spawn(move || {
                let (file, inputs) = (file.to_str().unwrap(), inputs.to_str().unwrap());
                let args = ["--parties", file, "--as", name, "--inputs", inputs, "-D", "N=40", "--wait", "60s"];
                let more = ["--format", "json", "--stats", "--log", "json", "-vv", "--report", "out.html"];
                traced(&dir, &[&args[..], &more[..]].concat(), &mut |_| {})
            })
        };
        let all = nodes.map(|(name, _)| node(name));
        all.into_iter().map(|n| n.join().unwrap()).collect()
    });
    for (t, (name, party)) in traces.iter().zip(nodes) {
        assert_eq!(t.code, 0, "{name}: {}", t.text("stderr"));
        t.hold(name, (party == "Eve").then_some(canary(3)));
        assert!(t.text("out.html").contains("as ") && t.text("stderr").contains("agreed"), "{name}");
    }
}

#[test]
fn clients_and_their_nodes_tell_no_inputs() {
    let dir = place(PROGRAM);
    let run = |args: &[&str]| {
        let (code, stdout, stderr) = crate::support::said(args);
        assert_eq!(code, 0, "{args:?}: {stderr}");
        stdout
    };
    let ports: Vec<_> = (0..3).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let addresses: Vec<String> = ports.iter().map(|p| p.local_addr().unwrap().to_string()).collect();
    drop(ports);
    let (nodes, clients) = (["alpha", "beta", "gamma"], [("ada", "Ada"), ("ben", "Ben"), ("eve", "Eve")]);
    let site = tempfile::tempdir().unwrap();
    let folder = site.path().to_str().unwrap();
    let mut parties = String::new();
    for (k, name) in nodes.into_iter().enumerate() {
        run(&["party", "new", name, "--dir", folder]);
        let show = ["party", "show", name, "--dir", folder, "--index", &k.to_string(), "--address", &addresses[k]];
        parties.push_str(&(run(&show) + "\n"));
        std::fs::create_dir(site.path().join(name)).unwrap();
    }
    for (name, party) in clients {
        run(&["party", "new", name, "--dir", folder]);
        parties.push_str(&(run(&["party", "show", name, "--dir", folder, "--client", party]) + "\n"));
        let inputs = site.path().join(name);
        std::fs::create_dir(&inputs).unwrap();
        std::fs::copy(dir.path().join(format!("inputs/{party}.json")), inputs.join(format!("{party}.json"))).unwrap();
    }
    let file = site.path().join("parties.toml");
    std::fs::write(&file, parties).unwrap();
    let traces: Vec<(&str, Traces)> = std::thread::scope(|scope| {
        let host = |verb: &'static str, name: &'static str, who: &'static str| {
            let (file, dir, inputs) = (file.clone(), dir.path().to_path_buf(), site.path().join(name));
            let key = site.path().join(format!("{name}.pem"));
            scope.spawn(move || {
                let (file, inputs) = (file.to_str().unwrap(), inputs.to_str().unwrap());
                let args = ["--parties", file, "--as", who, "--key", key.to_str().unwrap(), "--inputs", inputs];
                let more = ["-D", "N=40", "--wait", "60s", "--format", "json", "--stats", "--log", "json", "-vv"];
                (who, said_and_left(verb, &dir, &[&args[..], &more[..]].concat(), &mut |_| {}))
            })
        };
        let nodes = nodes.map(|name| host("run", name, name));
        let clients = clients.map(|(name, party)| host("join", name, party));
        nodes.into_iter().chain(clients).map(|h| h.join().unwrap()).collect()
    });
    assert_eq!(traces.len(), 6);
    for (who, t) in &traces {
        assert_eq!(t.code, 0, "{who}: {}", t.text("stderr"));
        // Of the six hosts Eve's alone prints what she learns.
        t.hold(who, (*who == "Eve").then_some(canary(3)));
        assert!(t.stdout.contains("\"all\""), "{who}: {}", t.stdout);
    }
}
