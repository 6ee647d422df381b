//! Faults on real sockets: a node killed, stopped, or cut off in one direction, a trickle of bytes, a receiver that takes
//! nothing. Three processes over TLS on loopback, with proxies between them where a network must fail.
//!
//! A test program of its own (no harness), because it is also the command that the nodes' processes run.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use common::*;
use net::tcp::{self, Peer};
use net::tls::Identity;
use net::{Call, Stop};
use node::data::{self, Source};
use node::session::{self, Settings};
use node::stats::peak_memory;
use serde::{Deserialize, Serialize};
use wire::Kind;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if let [_, verb, role] = &args[..]
        && verb == "--as-node"
    {
        return child(serde_json::from_str(role).unwrap());
    }
    let filter = args.get(1).filter(|a| !a.starts_with('-')).cloned().unwrap_or_default();
    let tests: [(&str, fn()); 7] = [
        ("a_killed_node_is_named_by_all", killed),
        ("a_stopped_node_is_named_by_all_and_itself", stopped),
        ("a_short_stop_changes_nothing", paused),
        ("a_black_hole_in_one_direction_is_its_senders", hole),
        ("a_trickle_of_large_messages_is_given_up", trickle),
        ("a_trickle_of_small_messages_is_enough", small_trickle),
        ("a_gigabyte_for_a_stalled_receiver_stays_in_the_window", gigabyte),
    ];
    for (name, test) in tests {
        if name.contains(&filter) {
            let start = Instant::now();
            test();
            println!("test {name} ... ok ({:.2} s)", start.elapsed().as_secs_f64());
        }
    }
    ExitCode::SUCCESS
}

/// What a node's process does.
#[derive(Clone, Serialize, Deserialize)]
struct Role {
    me: usize,
    /// Certificate and key.
    identity: String,
    fingerprints: Vec<String>,
    deadline_ms: u64,
    work: Work,
}

#[derive(Clone, Serialize, Deserialize)]
enum Work {
    /// A chain of products on the inputs of a folder.
    Chain { folder: String, lanes: u64, steps: u64 },
    /// Node 0 sends as much payload as there is credit for, to node 1, which takes none before it is told to.
    Pump { bytes: u64 },
}

/// A line that a node's process says.
#[derive(Debug, Serialize, Deserialize)]
enum Line {
    Address(String),
    /// The run has begun, or node 0 of a pump has no credit left.
    Begun,
    End {
        exit: u8,
        blame: Option<usize>,
        what: String,
        /// Resident peak in bytes, and its growth since the links were made.
        peak: u64,
        grown: u64,
    },
}

fn say(line: &Line) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(line).unwrap()).unwrap();
    out.flush().unwrap();
}

fn child(role: Role) -> ExitCode {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    say(&Line::Address(listener.local_addr().unwrap().to_string()));
    let mut input = BufReader::new(std::io::stdin());
    let mut line = String::new();
    input.read_line(&mut line).unwrap();
    let addresses: Vec<String> = serde_json::from_str(&line).unwrap();
    let peers: Vec<Peer> = addresses
        .into_iter()
        .zip(&role.fingerprints)
        .enumerate()
        .map(|(k, (address, f))| Peer { name: format!("node{k}"), address, fingerprints: vec![f.parse().unwrap()] })
        .collect();
    let identity = Identity::from_pem(&role.identity).unwrap();
    let call = Call {
        clients: &[],
        me: role.me,
        peers: &peers,
        identity: &identity,
        listener,
        wait: PATIENCE,
        build: "test",
        stop: &Stop::default(),
        note: &|_| {},
        farewell: &|_| Vec::new(),
    };
    let links = tcp::connect(call).unwrap();
    let before = peak_memory();
    let end = |exit: u8, blame, what: String| {
        let peak = peak_memory();
        say(&Line::End { exit, blame, what, peak, grown: peak - before });
        ExitCode::from(exit)
    };
    match role.work {
        Work::Chain { folder, lanes, steps } => {
            let hand = chain(lanes, steps);
            let source = Source { folder: Some(folder.into()), ..Source::default() };
            let inputs = data::read(&hand.contract, &source, None).unwrap();
            let settings = Settings { deadline: Duration::from_millis(role.deadline_ms), ..Settings::local() };
            let mut begun = false;
            let mut on_step = |step: u64| {
                if !std::mem::replace(&mut begun, step > 0) && step > 0 {
                    say(&Line::Begun);
                }
            };
            match session::run(links, &settings, &hand, inputs, &mut on_step) {
                Ok(_) => end(0, None, String::new()),
                Err(e) => end(e.exit(), e.blame(), e.to_string()),
            }
        }
        Work::Pump { bytes } => {
            if role.me == 0 {
                let mut left = bytes;
                let mut begun = false;
                while left > 0 {
                    let seen = links.events();
                    let room = links.room(1).min(wire::MAX_PAYLOAD as usize).min(left as usize);
                    if room > 0 {
                        links.send(1, Kind::Payload, 1, 0, vec![7; room]).unwrap();
                        left -= room as u64;
                    } else {
                        if !std::mem::replace(&mut begun, true) {
                            say(&Line::Begun);
                        }
                        links.wait(seen, PATIENCE);
                    }
                }
            } else if role.me == 1 {
                line.clear();
                input.read_line(&mut line).unwrap();
                let mut left = bytes;
                while left > 0 {
                    let seen = links.events();
                    match links.receive(0, |_| true) {
                        Some(frame) => {
                            left -= frame.body.len() as u64;
                            links.recycle(0, frame.body);
                            links.grant(0);
                        }
                        None => links.wait(seen, PATIENCE),
                    }
                }
            }
            links.close(PATIENCE);
            end(0, None, String::new())
        }
    }
}

/// One direction of a proxy.
#[derive(Default)]
struct Pipe {
    /// Reads, and lets nothing through.
    swallow: AtomicBool,
    /// Bytes per second; 0 for as many as come.
    rate: AtomicU64,
}

impl Pipe {
    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 1 << 14];
        loop {
            let rate = self.rate.load(Ordering::Relaxed) as usize;
            let most = if rate == 0 { buffer.len() } else { (rate / 16).max(1) };
            let n = from.read(&mut buffer[..most]).unwrap_or(0);
            if self.swallow.load(Ordering::Relaxed) {
                if n == 0 {
                    return;
                }
                continue;
            }
            if n == 0 {
                let _ = to.shutdown(std::net::Shutdown::Write);
                return;
            }
            if to.write_all(&buffer[..n]).is_err() {
                return;
            }
            if self.rate.load(Ordering::Relaxed) > 0 {
                // What makes it slow; nobody waits for it to be over.
                std::thread::sleep(Duration::from_millis(1000 / 16));
            }
        }
    }
}

/// Between two nodes: their indices, the lower first.
struct Proxy {
    ends: (usize, usize),
    up: Arc<Pipe>,
    down: Arc<Pipe>,
}

impl Proxy {
    /// The direction from `from`.
    fn from(&self, from: usize) -> &Pipe {
        if from == self.ends.0 { &self.down } else { &self.up }
    }

    /// Listens in front of the lower end. The address.
    fn start(ends: (usize, usize), target: String) -> (Proxy, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let proxy = Proxy { ends, up: Arc::default(), down: Arc::default() };
        let (up, down) = (proxy.up.clone(), proxy.down.clone());
        std::thread::spawn(move || {
            while let Ok((high, _)) = listener.accept() {
                let low = TcpStream::connect(&target).unwrap();
                let (up, down) = (up.clone(), down.clone());
                let (h, l) = (high.try_clone().unwrap(), low.try_clone().unwrap());
                std::thread::spawn(move || up.carry(h, l));
                std::thread::spawn(move || down.carry(low, high));
            }
        });
        (proxy, address)
    }
}

/// Three processes, ended when dropped.
struct Nodes {
    running: Vec<Child>,
    said: mpsc::Receiver<(usize, Line)>,
    proxy: Option<Proxy>,
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// How a node ended.
#[derive(Debug)]
struct End {
    exit: u8,
    blame: Option<usize>,
    what: String,
    peak: u64,
    grown: u64,
}

impl Nodes {
    /// Starts nodes 0, 1, 2, with a proxy between two of them if asked.
    fn start(deadline: Duration, work: &Work, proxied: Option<(usize, usize)>) -> Nodes {
        let ids: Vec<_> = (0..3).map(|k| Identity::generate(&format!("node{k}")).unwrap()).collect();
        let fingerprints: Vec<String> = ids.iter().map(|(id, _)| id.fingerprint().to_string()).collect();
        let (tell, said) = mpsc::channel();
        let mut running = Vec::new();
        for (me, (_, pem)) in ids.iter().enumerate() {
            let role = Role {
                me,
                identity: pem.to_string(),
                fingerprints: fingerprints.clone(),
                deadline_ms: deadline.as_millis() as u64,
                work: work.clone(),
            };
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--as-node", &serde_json::to_string(&role).unwrap()])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let output = BufReader::new(child.stdout.take().unwrap());
            running.push(child);
            let tell = tell.clone();
            std::thread::spawn(move || {
                for line in output.lines().map_while(Result::ok) {
                    let line = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
                    if tell.send((me, line)).is_err() {
                        return;
                    }
                }
            });
        }
        let mut nodes = Nodes { running, said, proxy: None };
        let mut addresses = vec![String::new(); 3];
        for _ in 0..3 {
            match nodes.next() {
                (me, Line::Address(a)) => addresses[me] = a,
                other => panic!("{other:?}"),
            }
        }
        for me in 0..3 {
            let mut seen = addresses.clone();
            if let Some((low, high)) = proxied.filter(|(_, high)| *high == me) {
                let (proxy, address) = Proxy::start((low, high), addresses[low].clone());
                seen[low] = address;
                nodes.proxy = Some(proxy);
            }
            nodes.tell(me, &serde_json::to_string(&seen).unwrap());
        }
        nodes
    }

    fn tell(&mut self, me: usize, line: &str) {
        let input = self.running[me].stdin.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    fn next(&self) -> (usize, Line) {
        self.said.recv_timeout(PATIENCE).expect("a node says something")
    }

    /// Waits until a node says that it has begun.
    fn begun(&self) {
        match self.next() {
            (_, Line::Begun) => {}
            other => panic!("{other:?}"),
        }
    }

    fn signal(&self, me: usize, signal: &str) {
        let id = self.running[me].id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// How each of `these` ends.
    fn ends(&self, these: &[usize]) -> Vec<End> {
        let mut ends: Vec<Option<End>> = (0..3).map(|_| None).collect();
        while these.iter().any(|n| ends[*n].is_none()) {
            match self.next() {
                (_, Line::Begun) => {}
                (me, Line::End { exit, blame, what, peak, grown }) => {
                    ends[me] = Some(End { exit, blame, what, peak, grown });
                }
                (me, other) => panic!("node {me}: {other:?}"),
            }
        }
        these.iter().map(|n| ends[*n].take().unwrap()).collect()
    }

    fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().unwrap()
    }
}

/// A run that lasts far longer than it takes to strike it.
fn long(folder: &Path, lanes: u64) -> Work {
    Work::Chain { folder: folder.to_str().unwrap().into(), lanes, steps: 30_000 }
}

fn all_blame(ends: &[End], culprit: usize, word: &str) {
    for end in ends {
        assert_eq!((end.exit, end.blame), (4, Some(culprit)), "{ends:?}");
        assert!(end.what.starts_with(&format!("node{culprit} ")), "{ends:?}");
    }
    assert!(ends.iter().any(|e| e.what.contains(word)), "{ends:?}");
}

fn killed() {
    let folder = chain_inputs(1000);
    let nodes = Nodes::start(PATIENCE, &long(folder.path(), 1000), None);
    nodes.begun();
    nodes.signal(1, "-KILL");
    // Long before the deadline: a dead process closes its connections.
    all_blame(&nodes.ends(&[0, 2]), 1, "closed the connection");
}

fn stopped() {
    let folder = chain_inputs(1000);
    let nodes = Nodes::start(Duration::from_secs(1), &long(folder.path(), 1000), None);
    nodes.begun();
    nodes.signal(1, "-STOP");
    all_blame(&nodes.ends(&[0, 2]), 1, "has been silent");
    // When it goes on, it hears of it, and blames nobody else for the time that it has not lived.
    nodes.signal(1, "-CONT");
    all_blame(&nodes.ends(&[1]), 1, "says node");
}

fn paused() {
    let folder = chain_inputs(1000);
    let work = Work::Chain { folder: folder.path().to_str().unwrap().into(), lanes: 1000, steps: 3000 };
    let nodes = Nodes::start(PATIENCE, &work, None);
    nodes.begun();
    nodes.signal(1, "-STOP");
    nodes.signal(1, "-CONT");
    for end in nodes.ends(&[0, 1, 2]) {
        assert_eq!(end.exit, 0, "{end:?}");
    }
}

fn hole() {
    let folder = chain_inputs(1000);
    for (from, to) in [(1, 0), (0, 1)] {
        let nodes = Nodes::start(Duration::from_secs(1), &long(folder.path(), 1000), Some((0, 1)));
        nodes.begun();
        nodes.proxy().from(from).swallow.store(true, Ordering::Relaxed);
        let ends = nodes.ends(&[0, 1, 2]);
        all_blame(&ends, from, "has been silent");
        assert!(!ends[to].what.contains("says"), "the receiver finds it itself: {ends:?}");
    }
}

fn trickle() {
    let folder = chain_inputs(1000);
    let nodes = Nodes::start(Duration::from_secs(1), &long(folder.path(), 1000), Some((0, 1)));
    nodes.begun();
    nodes.proxy().from(1).rate.store(1024, Ordering::Relaxed);
    all_blame(&nodes.ends(&[0, 1, 2]), 1, "");
}

fn small_trickle() {
    let folder = chain_inputs(1);
    let work = Work::Chain { folder: folder.path().to_str().unwrap().into(), lanes: 1, steps: 20 };
    // Slow from the first byte, certificates included.
    let nodes = Nodes::start(Duration::from_secs(5), &work, Some((0, 1)));
    nodes.proxy().from(1).rate.store(1024, Ordering::Relaxed);
    for end in nodes.ends(&[0, 1, 2]) {
        assert_eq!(end.exit, 0, "{end:?}");
    }
}

fn gigabyte() {
    let bytes = 1 << 30;
    let mut nodes = Nodes::start(PATIENCE, &Work::Pump { bytes }, None);
    // Node 0 has used its credit up; node 1 has taken nothing.
    nodes.begun();
    nodes.signal(1, "-STOP");
    nodes.signal(1, "-CONT");
    nodes.tell(1, "go");
    for end in nodes.ends(&[0, 1]) {
        assert_eq!(end.exit, 0, "{end:?}");
        // The window, a frame being made, buffers kept, and what TLS and the allocator hold.
        let most = 3 * wire::WINDOW + (8 << 20);
        assert!(
            end.grown < most && end.peak < 64 << 20,
            "{end:?}: more than {most} bytes for {bytes} bytes on their way"
        );
    }
}
