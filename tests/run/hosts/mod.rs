//! Runs among hosts: three folders, three processes, keys of `mpcc party`, one parties file.

mod ends;
mod kept;
mod namespaces;
mod page;
mod places;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Names of the nodes, by index.
pub const NODES: [&str; 3] = ["north", "south", "west"];

/// One test at a time picks ports, and holds them until its nodes listen.
static PORTS: Mutex<()> = Mutex::new(());

/// The command, without the caller's settings.
pub fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mpcc"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MPCC_") {
            command.env_remove(name);
        }
    }
    command.current_dir(dir).stdin(Stdio::null());
    command
}

/// What a process said at its end.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn of(output: Output) -> Said {
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        Said { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// Three folders with keys and one parties file.
pub struct Hosts {
    pub root: tempfile::TempDir,
    pub ports: [u16; 3],
    _ports: MutexGuard<'static, ()>,
}

impl Hosts {
    /// Folders without anything in them.
    pub fn bare() -> Hosts {
        let guard = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
        let held: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let port = |k: usize| held[k].local_addr().unwrap().port();
        let root = tempfile::tempdir().unwrap();
        for name in NODES {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        Hosts { ports: [port(0), port(1), port(2)], root, _ports: guard }
    }

    /// Folders with keys, the parties file (`more` follows the nodes), the program, and the inputs, each `(node, file, text)`.
    pub fn new(program: &str, more: &str, inputs: &[(usize, &str, &str)]) -> Hosts {
        let hosts = Hosts::bare();
        let mut file = String::new();
        for (k, name) in NODES.into_iter().enumerate() {
            let made = Said::of(command(&hosts.dir(k)).args(["party", "new", name]).output().unwrap());
            assert_eq!(made.code, 0, "{made:?}");
            file.push_str(&hosts.lines(k));
            std::fs::write(hosts.dir(k).join("main.mpc"), program).unwrap();
            std::fs::create_dir(hosts.dir(k).join("inputs")).unwrap();
        }
        for k in 0..3 {
            std::fs::write(hosts.dir(k).join("parties.toml"), format!("{file}{more}")).unwrap();
        }
        for (k, name, text) in inputs {
            std::fs::write(hosts.dir(*k).join("inputs").join(name), text).unwrap();
        }
        hosts
    }

    pub fn dir(&self, k: usize) -> PathBuf {
        self.root.path().join(NODES[k])
    }

    pub fn address(&self, k: usize) -> String {
        format!("127.0.0.1:{}", self.ports[k])
    }

    /// What node k tells the others.
    pub fn lines(&self, k: usize) -> String {
        let (index, address) = (k.to_string(), self.address(k));
        let args = ["party", "show", NODES[k], "--index", &index, "--address", &address];
        let shown = Said::of(command(&self.dir(k)).args(args).output().unwrap());
        assert_eq!(shown.code, 0, "{shown:?}");
        shown.out + "\n"
    }

    /// Changes a file of node k.
    pub fn edit(&self, k: usize, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.dir(k).join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, change(text)).unwrap();
    }

    /// Starts node k.
    pub fn start(&self, k: usize, args: &[&str]) -> Child {
        let mut command = command(&self.dir(k));
        command.args(["run", "main.mpc", "--parties", "parties.toml", "--as", NODES[k]]).args(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs all three with the same arguments; what each said.
    pub fn run(&self, args: &[&str]) -> Vec<Said> {
        self.run_each([args, args, args])
    }

    /// Runs all three, each with its own arguments.
    pub fn run_each(&self, args: [&[&str]; 3]) -> Vec<Said> {
        let children: Vec<Child> = (0..3).map(|k| self.start(k, args[k])).collect();
        wait(children)
    }
}

/// Waits for processes that end by themselves, reading what they say meanwhile.
pub fn wait(children: Vec<Child>) -> Vec<Said> {
    let threads: Vec<_> = children
        .into_iter()
        .map(|child| std::thread::spawn(move || Said::of(child.wait_with_output().unwrap())))
        .collect();
    threads.into_iter().map(|t| t.join().unwrap()).collect()
}

/// Parties A and B: everyone learns the sum, B alone the product.
pub const PAIR: &str = "party A, B;\nfn main(a: u64 from A, b: u64 from B) -> (u64, u64 to B) {\n    \
                        (reveal(a + b), reveal_to(B, a * b))\n}\n";

/// A at north, B at west.
pub const PLACED: &str = "[[party]]\nname = \"A\"\nhost = \"north\"\n\n[[party]]\nname = \"B\"\nhost = \"west\"\n";

/// Their inputs.
pub const GIVEN: [(usize, &str, &str); 2] = [(0, "A.json", "{ \"a\": 6 }"), (2, "B.json", "{ \"b\": 7 }")];
