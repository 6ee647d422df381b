//! The `mpcc` command: the one place where compiler and runtime meet.
//!
//! Parses the command line, calls a verb, turns its failure into text on stderr and an exit code.

mod args;
mod bench;
mod build;
mod clock;
mod cost;
mod doc;
mod doctor;
mod failure;
mod figures;
mod files;
mod fmt;
mod hosts;
mod interrupt;
mod join;
mod log;
mod lsp;
mod new;
mod output;
mod party;
mod program;
mod render;
mod report;
mod run;
mod shell;
mod tell;
mod test;

use args::{Cli, Verb};
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;

/// The compiler makes millions of small nodes: this allocator halves what the system's takes for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A memory image of this process would hold inputs, keys, and shares: none is written.
fn keep_no_core() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // Where the system does not allow it, a core was not to be expected either.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// A connection for each client is more than a shell's usual 1,024: as many files may be open as the system lets this process
/// allow itself.
fn open_many() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where it is not allowed, `doctor` says what is too little.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    log::start(cli.log, cli.verbose);
    log::tell_panics(cli.log);
    keep_no_core();
    open_many();
    let shown = output::Shown::stderr(cli.format, cli.log, cli.verbose);
    // The compiler's recursion is bounded by the parser's nesting cap, which wants more stack than a main thread may have.
    let worker = std::thread::Builder::new().name("mpcc".into()).stack_size(256 << 20).spawn(move || {
        let done = match &cli.verb {
            Verb::Run(args) => run::run(args, &shown),
            Verb::Check(args) => tell::check(args, &shown),
            Verb::Build(args) => build::build(args, &shown),
            Verb::Cost(args) => cost::cost(args, &shown),
            Verb::New { dir } => new::create(dir).map_err(Failure::usage),
            Verb::Explain { code } => tell::explain(code.as_deref()),
            Verb::Party(verb) => party::party(verb, &shown),
            Verb::Join(args) => join::join(args, &shown),
            Verb::Doctor(args) => doctor::doctor(args, &shown),
            Verb::Completions { shell } => {
                shell::completions(*shell);
                Ok(())
            }
            Verb::Man { dir } => shell::man(dir),
            Verb::Test(args) => test::test(args, &shown),
            Verb::Bench(args) => bench::bench(args, &shown),
            Verb::Fmt(args) => fmt::fmt(args, &shown),
            Verb::Lsp => lsp::serve(),
            Verb::Doc(args) => doc::doc(args, &shown),
            Verb::Node { config } => run::node(config),
        };
        match done {
            Ok(()) => 0,
            Err(failure) => {
                failure.tell(cli.log);
                failure.code()
            }
        }
    });
    let code = worker.map_err(|_| ()).and_then(|w| w.join().map_err(|_| ())).unwrap_or(101);
    ExitCode::from(code)
}
