//! The `mpcc` command: the one place where compiler and runtime meet.
//!
//! Parses the command line, calls a verb, turns its failure into text on stderr and an exit code.

mod args;
mod build;
mod cost;
mod doctor;
mod failure;
mod files;
mod hosts;
mod interrupt;
mod new;
mod output;
mod party;
mod program;
mod render;
mod run;
mod tell;

use args::{Cli, Verb};
use clap::Parser;
use failure::Failure;
use std::io::Write;
use std::process::ExitCode;

/// The compiler makes millions of small nodes: this allocator halves what the system's takes for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let shown = output::Shown::stderr(cli.format);
    // The compiler's recursion is bounded by the parser's nesting cap, which wants more stack than a main thread may have.
    let worker = std::thread::Builder::new().name("mpcc".into()).stack_size(256 << 20).spawn(move || {
        let done = match &cli.verb {
            Verb::Run(args) => run::run(args, &shown),
            Verb::Check(args) => tell::check(args, &shown),
            Verb::Build(args) => build::build(args, &shown),
            Verb::Cost(args) => cost::cost(args, &shown),
            Verb::New { dir } => new::create(dir).map_err(Failure::usage),
            Verb::Explain { code } => tell::explain(code.as_deref()),
            Verb::Test(args) => tell::test(args, &shown),
            Verb::Party(verb) => party::party(verb, &shown),
            Verb::Doctor(args) => doctor::doctor(args, &shown),
            Verb::Node { config } => run::node(config),
        };
        match done {
            Ok(()) => 0,
            Err(failure) => {
                // A closed stderr is nobody's fault, and there is nowhere to say so.
                let _ = std::io::stderr().write_all(failure.text().as_bytes());
                failure.code()
            }
        }
    });
    let code = worker.map_err(|_| ()).and_then(|w| w.join().map_err(|_| ())).unwrap_or(101);
    ExitCode::from(code)
}
