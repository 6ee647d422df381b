//! Nodes as processes over TLS on loopback: answers, a killed node, a frozen node, bad inputs, a node of another program.
//!
//! A test program of its own (no harness), because it is also the command that the nodes' processes run.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use common::*;
use node::data::{self, Inputs, Source};
use node::processes::{self, Launch};
use node::session::Settings;
use node::{NodeError, ProgramObject, local};

const LANES: u64 = 1000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if let [_, verb, config] = &args[..]
        && verb == "--as-node"
    {
        return ExitCode::from(node::child::run(Path::new(config), make));
    }
    // What the harness of `cargo test` would filter by.
    let filter = args.get(1).filter(|a| !a.starts_with('-')).cloned().unwrap_or_default();
    let tests: [(&str, fn()); 6] = [
        ("answers_and_figures_are_those_of_one_process", answers),
        ("a_killed_node_is_named", killed),
        ("a_frozen_node_is_named", frozen),
        ("bad_inputs_keep_their_place", bad_inputs),
        ("different_programs_do_not_run", different),
        ("a_command_that_is_no_node_is_noticed", no_node),
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

/// The program object of a node's process.
fn make(program: &serde_json::Value, me: usize) -> Result<(Box<dyn ProgramObject>, Inputs), NodeError> {
    let steps = program["steps"].as_u64().unwrap();
    let mut hand = chain(LANES, steps);
    if program["odd"].as_u64() == Some(me as u64) {
        hand.compiled.digest[0] ^= 1;
    }
    let folder = PathBuf::from(program["folder"].as_str().unwrap());
    let inputs = data::read(&hand.contract, &Source { folder: Some(folder), ..Source::default() }, Some(me))?;
    Ok((Box::new(hand), inputs))
}

fn launch(folder: &Path, steps: u64, odd: Option<u64>) -> Launch {
    Launch {
        command: std::env::current_exe().unwrap(),
        arguments: vec!["--as-node".into()],
        program: serde_json::json!({ "folder": folder, "steps": steps, "odd": odd }),
        wait: Duration::from_secs(30),
    }
}

fn answers() {
    let folder = chain_inputs(LANES);
    let hand = chain(LANES, 20);
    let tcp = processes::run(&hand.contract, &launch(folder.path(), 20, None), &Settings::local(), &|_| {}).unwrap();
    data::same(&tcp.outputs.json(), &chain_answer(LANES, 20)).unwrap();
    let source = Source { folder: Some(folder.path().to_owned()), ..Source::default() };
    let inputs = data::read(&hand.contract, &source, None).unwrap();
    let memory = local::run(&hand, inputs, &Settings::local(), None, &|_| {}).unwrap();
    assert_eq!(tcp.stats.rounds, memory.stats.rounds);
    assert_eq!(tcp.stats.pairs, memory.stats.pairs);
    assert_eq!(tcp.stats.gates, memory.stats.gates);
    assert!(tcp.stats.peak_memory_bytes > memory.stats.peak_memory_bytes);
}

/// Enough rounds that a run lasts far longer than it takes to strike it.
const LONG: u64 = 30_000;

/// Sends a signal to node 1 once the run has begun.
fn strike(signal: &'static str, deadline: Duration) -> NodeError {
    let folder = chain_inputs(LANES);
    let hand = chain(LANES, 1);
    let settings = Settings { deadline, ..Settings::local() };
    let (ids, struck) = (std::sync::OnceLock::new(), std::sync::Once::new());
    let progress = |_: u64| {
        let id: &u32 = ids.get().unwrap();
        struck.call_once(|| {
            assert!(Command::new("kill").args([signal, &id.to_string()]).status().unwrap().success());
        });
    };
    let launch = launch(folder.path(), LONG, None);
    let mut started = |all: &[u32]| ids.set(all[1]).unwrap();
    processes::run_watched(&hand.contract, &launch, &settings, &progress, &mut started).unwrap_err()
}

fn killed() {
    let e = strike("-KILL", Duration::from_secs(30));
    assert_eq!((e.exit(), e.blame()), (4, Some(1)), "{e}");
    assert!(e.to_string().contains("node1"), "{e}");
}

fn frozen() {
    let e = strike("-STOP", Duration::from_secs(1));
    assert_eq!((e.exit(), e.blame()), (4, Some(1)), "{e}");
    assert!(e.to_string().contains("silent"), "{e}");
}

fn bad_inputs() {
    let folder = chain_inputs(LANES);
    let table = folder.path().join("Ben.y.csv");
    let text = std::fs::read_to_string(&table).unwrap().replacen("\n5\n5\n", "\n5\nfive\n", 1);
    std::fs::write(&table, text).unwrap();
    let hand = chain(LANES, 1);
    let e = processes::run(&hand.contract, &launch(folder.path(), 1, None), &Settings::local(), &|_| {}).unwrap_err();
    assert_eq!(e.exit(), 3, "{e}");
    let e = e.to_string();
    assert!(e.contains("Ben.y.csv, row 3, column y: expected an integer") && e.contains("`five`"), "{e}");
}

fn different() {
    let folder = chain_inputs(LANES);
    let hand = chain(LANES, 1);
    let launch = launch(folder.path(), 1, Some(2));
    let e = processes::run(&hand.contract, &launch, &Settings::local(), &|_| {}).unwrap_err();
    assert_eq!(e.exit(), 7, "{e}");
    assert!(e.to_string().contains("circuit and schedule"), "{e}");
}

fn no_node() {
    let folder = chain_inputs(LANES);
    let hand = chain(LANES, 1);
    let launch = Launch { command: "true".into(), ..launch(folder.path(), 1, None) };
    let e = processes::run(&hand.contract, &launch, &Settings::local(), &|_| {}).unwrap_err();
    assert_eq!(e.exit(), 4, "{e}");
    assert!(e.to_string().contains("exit code 0 and no result"), "{e}");
}
