//! What a lock-step round costs, and what bytes cost, in memory and over TLS: `cargo bench -p mpcc-node`.

#[path = "../tests/common/mod.rs"]
mod common;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use common::*;
use node::data::{self, Inputs, Source};
use node::local::Run;
use node::processes::{self, Launch};
use node::session::Settings;
use node::{NodeError, ProgramObject, local};

fn make(program: &serde_json::Value, me: usize) -> Result<(Box<dyn ProgramObject>, Inputs), NodeError> {
    let number = |k: &str| program[k].as_u64().unwrap_or(1);
    let hand = chain(number("lanes"), number("steps"));
    let inputs = data::read(&hand.contract, &Source { random: Some(1), ..Source::default() }, Some(me))?;
    Ok((Box::new(hand), inputs))
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if let [_, verb, config] = &args[..]
        && verb == "--as-node"
    {
        return ExitCode::from(node::child::run(Path::new(config), make));
    }
    // `cargo bench -p mpcc-node -- memory 1000` runs a part.
    let wants =
        |by: &str, lanes: u64| args[1..].iter().all(|a| a.starts_with('-') || *a == by || *a == lanes.to_string());
    println!("{:>8} {:>8} {:>10} {:>12} {:>12} {:>12}", "lanes", "rounds", "by", "µs/round", "MB/s each", "CPU s each");
    for (lanes, steps) in [(1, 20_000), (1_000, 20_000), (100_000, 200), (10_000_000, 1)] {
        let show = |by: &str, run: Run| {
            let s = run.stats;
            let mega = s.bytes_sent[2] as f64 / s.seconds.run / 1e6;
            let cpu = s.cpu_seconds.iter().copied().fold(0.0, f64::max);
            let micros = s.seconds.run * 1e6 / s.rounds as f64;
            println!("{lanes:>8} {:>8} {by:>10} {micros:>12.1} {mega:>12.0} {cpu:>12.3}", s.rounds);
        };
        let hand = chain(lanes, steps);
        if wants("memory", lanes) {
            let inputs = data::read(&hand.contract, &Source { random: Some(1), ..Source::default() }, None);
            let run = inputs.map_err(NodeError::from);
            match run.and_then(|i| local::run(&hand, i, &Settings::local(), None, &|_| {})) {
                Ok(run) => show("memory", run),
                Err(e) => println!("{e}"),
            }
        }
        if !wants("tls", lanes) {
            continue;
        }
        let launch = Launch {
            command: std::env::current_exe().unwrap_or_default(),
            arguments: vec!["--as-node".into()],
            program: serde_json::json!({ "lanes": lanes, "steps": steps }),
            wait: Duration::from_secs(60),
        };
        let start = Instant::now();
        match processes::run(&hand.contract, &launch, &Settings::local(), &|_| {}) {
            Ok(run) => {
                show("tls", run);
                println!("{:>28} {:.3} s from start to end", "", start.elapsed().as_secs_f64());
            }
            Err(e) => println!("{e}"),
        }
    }
    ExitCode::SUCCESS
}
