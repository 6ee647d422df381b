//! Far apart: three nodes, without and with two clients, with a round trip of 40 ms between any two, once through relays that
//! hold back what passes, and once in network namespaces of their own. The latter needs root, `ip`, and for the delay `tc` with netem; where something is
//! missing the test says what, and does without it or nothing.

use super::{GIVEN, Hosts, NODES, PAIR, PLACED, Said, command};
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

/// Names of the clients' keys, and of their parties.
const CLIENTS: [(&str, &str); 2] = [("ada", "A"), ("ben", "B")];

/// Nodes that host nobody, and a folder with keys and input for each of two clients; everyone has one parties file.
fn with_clients() -> Hosts {
    let hosts = Hosts::new(PAIR, "", &[]);
    let mut lines = String::new();
    for ((name, party), (_, file, text)) in CLIENTS.into_iter().zip(GIVEN) {
        let dir = hosts.root.path().join(name);
        std::fs::create_dir_all(dir.join("inputs")).unwrap();
        std::fs::write(dir.join("main.mpc"), PAIR).unwrap();
        std::fs::write(dir.join("inputs").join(file), text).unwrap();
        assert_eq!(Said::of(command(&dir).args(["party", "new", name]).output().unwrap()).code, 0);
        let shown = Said::of(command(&dir).args(["party", "show", name, "--client", party]).output().unwrap());
        assert_eq!(shown.code, 0, "{shown:?}");
        lines += &(shown.out + "\n");
    }
    (0..3).for_each(|k| hosts.edit(k, "parties.toml", |t| t + &lines + "[run]\nprofile = \"wan\"\nwait = \"60s\"\n"));
    for (name, _) in CLIENTS {
        std::fs::copy(hosts.dir(0).join("parties.toml"), hosts.root.path().join(name).join("parties.toml")).unwrap();
    }
    hosts
}

/// Every participant's parties file.
fn everywhere(hosts: &Hosts, change: impl Fn(String) -> String) {
    for name in NODES.into_iter().chain(CLIENTS.map(|c| c.0)) {
        let path = hosts.root.path().join(name).join("parties.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, change(text)).unwrap();
    }
}

/// Nodes print what all learn; so do the clients, of whom B's alone has the product.
fn clients_learned(said: &[Said]) {
    assert_eq!(said.len(), 5);
    for (k, s) in said.iter().enumerate() {
        assert_eq!(s.code, 0, "{k}: {}", s.err);
        assert!(s.out.contains("13"), "{k}: {}", s.out);
        assert_eq!(s.out.contains("42"), k == 4, "{k}: {}", s.out);
    }
}

#[test]
fn two_clients_and_three_hosts_behind_forty_milliseconds() {
    let hosts = with_clients();
    let far: Vec<String> = (0..3).map(|k| relay(hosts.address(k))).collect();
    everywhere(&hosts, |t| far.iter().enumerate().fold(t, |t, (n, far)| t.replace(&hosts.address(n), far)));
    let start = Instant::now();
    let mut children: Vec<_> = (0..3).map(|k| hosts.start(k, &["--bind", &hosts.address(k)])).collect();
    for (name, party) in CLIENTS {
        let mut join = command(&hosts.root.path().join(name));
        join.args(["join", "main.mpc", "--parties", "parties.toml", "--as", party, "--key", &format!("{name}.pem")]);
        children.push(join.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    }
    clients_learned(&super::wait(children));
    assert!(start.elapsed() >= DELAY * 5);
}

/// A switch and namespaces on it, of the nodes and then of clients; taken away when dropped.
struct Net {
    id: String,
    count: usize,
}

fn tool(line: &str) -> Result<(), String> {
    let mut words = line.split_whitespace();
    let out = Command::new(words.next().unwrap_or("true")).args(words).output().map_err(|e| format!("{line}: {e}"))?;
    let text = String::from_utf8_lossy(&out.stderr).trim().to_string();
    if out.status.success() { Ok(()) } else { Err(format!("{line}: {text}")) }
}

impl Net {
    /// `mark` keeps the names of two nets of one process apart.
    fn new(mark: char, count: usize) -> Result<Net, String> {
        let net = Net { id: format!("mpcc{}{mark}", std::process::id() % 100_000), count };
        let id = &net.id;
        tool(&format!("ip netns add {id}s"))?;
        tool(&format!("ip -n {id}s link add br0 type bridge"))?;
        tool(&format!("ip -n {id}s link set br0 up"))?;
        for k in 0..count {
            tool(&format!("ip netns add {id}n{k}"))?;
            tool(&format!("ip -n {id}n{k} link add eth0 type veth peer name p{k} netns {id}s"))?;
            tool(&format!("ip -n {id}s link set p{k} master br0 up"))?;
            tool(&format!("ip -n {id}n{k} addr add 10.99.7.{}/24 dev eth0", k + 1))?;
            tool(&format!("ip -n {id}n{k} link set eth0 up"))?;
            tool(&format!("ip -n {id}n{k} link set lo up"))?;
        }
        Ok(net)
    }

    /// 20 ms on the way out of each.
    fn delay(&self) -> Result<(), String> {
        (0..self.count)
            .try_for_each(|k| tool(&format!("tc -n {}n{k} qdisc add dev eth0 root netem delay 20ms", self.id)))
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for name in (0..self.count).map(|k| format!("n{k}")).chain(["s".to_owned()]) {
            let _ = tool(&format!("ip netns del {}{name}", self.id));
        }
    }
}

/// Namespaces with the delay, if they can be made here; else says why not.
fn apart(mark: char, count: usize) -> Option<Net> {
    let net = match Net::new(mark, count) {
        Ok(net) => net,
        Err(e) => {
            eprintln!("skipped: network namespaces cannot be made here ({e})");
            return None;
        }
    };
    if let Err(e) = net.delay() {
        eprintln!("without delay: {e}");
    }
    Some(net)
}

impl Net {
    /// Starts the command in namespace k.
    fn start(&self, k: usize, dir: &std::path::Path, args: &[&str]) -> std::process::Child {
        let mut c = Command::new("ip");
        for (name, _) in command(dir).get_envs() {
            c.env_remove(name);
        }
        c.args(["netns", "exec", &format!("{}n{k}", self.id), env!("CARGO_BIN_EXE_mpcc")]).args(args);
        c.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        c.spawn().unwrap()
    }
}

#[test]
fn three_namespaces_with_forty_milliseconds_between_them() {
    let Some(net) = apart('a', 3) else { return };
    let hosts = Hosts::new(PAIR, PLACED, &GIVEN);
    for k in 0..3 {
        hosts.edit(k, "parties.toml", |mut t| {
            for n in 0..3 {
                t = t.replace(&hosts.address(n), &format!("10.99.7.{}:7700", n + 1));
            }
            t + "\n[run]\nprofile = \"wan\"\nwait = \"60s\"\n"
        });
    }
    let all = |verb: &[&str]| -> Vec<Said> {
        let start = |k: usize| {
            let who = ["--parties", "parties.toml", "--as", NODES[k]];
            net.start(k, &hosts.dir(k), &[verb, &who[..]].concat())
        };
        super::wait((0..3).map(start).collect())
    };
    for s in all(&["doctor", "--wait", "60s"]) {
        assert_eq!(s.code, 0, "{}{}", s.out, s.err);
    }
    for (k, s) in all(&["run", "main.mpc"]).iter().enumerate() {
        assert_eq!(s.code, 0, "{}", s.err);
        assert!(s.out.contains("13"));
        assert_eq!(s.out.contains("42"), k == 2, "{}", s.out);
    }
}

#[test]
fn two_clients_in_namespaces_of_their_own_and_three_nodes() {
    let Some(net) = apart('b', 5) else { return };
    let hosts = with_clients();
    everywhere(&hosts, |t| (0..3).fold(t, |t, n| t.replace(&hosts.address(n), &format!("10.99.7.{}:7700", n + 1))));
    let node =
        |k: usize| net.start(k, &hosts.dir(k), &["run", "main.mpc", "--parties", "parties.toml", "--as", NODES[k]]);
    let mut children: Vec<_> = (0..3).map(node).collect();
    for (k, (name, party)) in CLIENTS.into_iter().enumerate() {
        let key = format!("{name}.pem");
        let args = ["join", "main.mpc", "--parties", "parties.toml", "--as", party, "--key", &key];
        children.push(net.start(3 + k, &hosts.root.path().join(name), &args));
    }
    clients_learned(&super::wait(children));
}
