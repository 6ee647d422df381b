//! Far apart: three nodes with a round trip of 40 ms between any two, once through relays that hold back what passes, and once
//! in network namespaces of their own. The latter needs root, `ip`, and for the delay `tc` with netem; where something is
//! missing the test says what, and does without it or nothing.

use super::{GIVEN, Hosts, NODES, PAIR, PLACED, Said};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// On each way.
const DELAY: Duration = Duration::from_millis(20);

/// Passes on what comes from one end, as late as light would.
fn pump(mut from: TcpStream, mut to: TcpStream) {
    let (put, take) = channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        for (due, bytes) in take {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        if put.send((Instant::now() + DELAY, buffer[..n].to_vec())).is_err() {
            return;
        }
    }
}

/// A port that leads to `target`, far away.
fn relay(target: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        while let Ok((near, _)) = listener.accept() {
            // Nobody is there yet: the caller comes again.
            let Ok(far) = TcpStream::connect(&target) else { continue };
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            std::thread::spawn(move || pump(near, far));
            std::thread::spawn(move || pump(far_too, near_too));
        }
    });
    address
}

#[test]
fn three_hosts_behind_forty_milliseconds() {
    let hosts = Hosts::new(PAIR, PLACED, &GIVEN);
    let far: Vec<String> = (0..3).map(|k| relay(hosts.address(k))).collect();
    for k in 0..3 {
        hosts.edit(k, "parties.toml", |mut t| {
            for (n, far) in far.iter().enumerate() {
                t = t.replace(&hosts.address(n), far);
            }
            t + "\n[run]\nprofile = \"wan\"\nwait = \"60s\"\n"
        });
    }
    let [a, b, c] = [0, 1, 2].map(|k| hosts.address(k));
    let start = Instant::now();
    let said = hosts.run_each([&["--bind", &a], &["--bind", &b], &["--bind", &c]]);
    for (k, s) in said.iter().enumerate() {
        assert_eq!(s.code, 0, "{}", s.err);
        assert!(s.out.contains("13"));
        assert_eq!(s.out.contains("42"), k == 2, "{}", s.out);
    }
    // Two handshakes and three rounds, each at least half a round trip: the way was long indeed.
    assert!(start.elapsed() >= DELAY * 5);
}

/// A switch and three namespaces on it; taken away when dropped.
struct Net {
    id: String,
}

fn tool(line: &str) -> Result<(), String> {
    let mut words = line.split_whitespace();
    let out = Command::new(words.next().unwrap_or("true")).args(words).output().map_err(|e| format!("{line}: {e}"))?;
    let text = String::from_utf8_lossy(&out.stderr).trim().to_string();
    if out.status.success() { Ok(()) } else { Err(format!("{line}: {text}")) }
}

impl Net {
    fn new() -> Result<Net, String> {
        let net = Net { id: format!("mpcc{}", std::process::id() % 100_000) };
        let id = &net.id;
        tool(&format!("ip netns add {id}s"))?;
        tool(&format!("ip -n {id}s link add br0 type bridge"))?;
        tool(&format!("ip -n {id}s link set br0 up"))?;
        for k in 0..3 {
            tool(&format!("ip netns add {id}n{k}"))?;
            tool(&format!("ip -n {id}n{k} link add eth0 type veth peer name p{k} netns {id}s"))?;
            tool(&format!("ip -n {id}s link set p{k} master br0 up"))?;
            tool(&format!("ip -n {id}n{k} addr add 10.99.7.{}/24 dev eth0", k + 1))?;
            tool(&format!("ip -n {id}n{k} link set eth0 up"))?;
            tool(&format!("ip -n {id}n{k} link set lo up"))?;
        }
        Ok(net)
    }

    /// 20 ms on the way out of each node.
    fn delay(&self) -> Result<(), String> {
        (0..3).try_for_each(|k| tool(&format!("tc -n {}n{k} qdisc add dev eth0 root netem delay 20ms", self.id)))
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for name in ["n0", "n1", "n2", "s"] {
            let _ = tool(&format!("ip netns del {}{name}", self.id));
        }
    }
}

#[test]
fn three_namespaces_with_forty_milliseconds_between_them() {
    let net = match Net::new() {
        Ok(net) => net,
        Err(e) => {
            eprintln!("skipped: network namespaces cannot be made here ({e})");
            return;
        }
    };
    if let Err(e) = net.delay() {
        eprintln!("without delay: {e}");
    }
    let hosts = Hosts::new(PAIR, PLACED, &GIVEN);
    for k in 0..3 {
        hosts.edit(k, "parties.toml", |mut t| {
            for n in 0..3 {
                t = t.replace(&hosts.address(n), &format!("10.99.7.{}:7700", n + 1));
            }
            t + "\n[run]\nprofile = \"wan\"\nwait = \"60s\"\n"
        });
    }
    let start = |k: usize, verb: &[&str]| {
        let plain = super::command(&hosts.dir(k));
        let mut c = Command::new("ip");
        for (name, _) in plain.get_envs() {
            c.env_remove(name);
        }
        c.args(["netns", "exec", &format!("{}n{k}", net.id), env!("CARGO_BIN_EXE_mpcc")]).args(verb);
        c.args(["--parties", "parties.toml", "--as", NODES[k]]);
        c.current_dir(hosts.dir(k)).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        c.spawn().unwrap()
    };
    let all = |verb: &[&str]| -> Vec<Said> { super::wait((0..3).map(|k| start(k, verb)).collect()) };
    for s in all(&["doctor", "--wait", "60s"]) {
        assert_eq!(s.code, 0, "{}{}", s.out, s.err);
    }
    for (k, s) in all(&["run", "main.mpc"]).iter().enumerate() {
        assert_eq!(s.code, 0, "{}", s.err);
        assert!(s.out.contains("13"));
        assert_eq!(s.out.contains("42"), k == 2, "{}", s.out);
    }
}
