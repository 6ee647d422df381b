//! The command line: verbs, flags, and their help. Knows no behaviour.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Secure multi-party computation from ordinary small programs.
#[derive(Parser, Debug)]
#[command(name = "mpcc", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// How to print results and diagnostics
    #[arg(long, global = true, value_enum, default_value_t = Format::Human, env = "MPCC_FORMAT")]
    pub format: Format,
}

/// Output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Human,
    /// For programs
    Json,
    /// Outputs as CSV (`run` only)
    Csv,
}

/// Verbs.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Compile a program and compute its answer among the parties (all local unless told otherwise)
    Run(RunArgs),
    /// Check a program and print what each party brings, learns, and is trusted with
    Check(CheckArgs),
    /// Compile and print a stage
    Build(BuildArgs),
    /// Say what a run costs, before the run: rounds, bytes, gates
    Cost(CostArgs),
    /// Make a folder with a program, inputs, and a page
    New {
        /// The folder; its last part names the program
        dir: PathBuf,
    },
    /// Explain a diagnostic code
    Explain {
        /// A code such as E0301; without one, all codes
        code: Option<String>,
    },
    /// Run the `#[test]` functions of a program in the clear
    Test(TestArgs),
    /// A node of a local run over TCP; started by `run --tcp`
    #[command(hide = true)]
    Node {
        /// Its configuration
        config: PathBuf,
    },
}

/// Which program, at which sizes.
#[derive(Args, Debug, Clone)]
pub struct Source {
    /// A folder (its NAME/NAME.mpc, or the only .mpc in it) or a file
    #[arg(value_name = "PROGRAM")]
    pub program: PathBuf,
    /// Bind a size or a public parameter: -D N=1000
    #[arg(short = 'D', value_name = "NAME=VALUE")]
    pub defines: Vec<String>,
    /// Folder of the inputs (default: `inputs` beside the program); only row counts are read where no run follows
    #[arg(long, value_name = "DIR")]
    pub inputs: Option<PathBuf>,
}

/// What the compiler optimises for.
#[derive(Args, Debug, Clone)]
pub struct Target {
    /// Protocol
    #[arg(long, default_value = "rep3", env = "MPCC_PROTOCOL")]
    pub protocol: String,
    /// Network: `lan`, `wan`, or `rtt=40ms,bw=100mbit`; what the compiler optimises for, and in a local run also emulated
    #[arg(long, value_name = "PROFILE", env = "MPCC_NET")]
    pub net: Option<String>,
}

/// `mpcc run`
#[derive(Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub source: Source,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub target: Target,
    /// A process per node, mutual TLS over loopback
    #[arg(long)]
    pub tcp: bool,
    /// Fill every input from its type and range instead of reading files (local runs only)
    #[arg(long, value_name = "SEED")]
    pub random_inputs: Option<u64>,
    /// Compute in the clear with the reference evaluator: no nodes, no shares, nothing protected
    #[arg(long, conflicts_with_all = ["tcp", "stats"])]
    pub insecure_clear: bool,
    /// Print what the run took: rounds, bytes, time, memory
    #[arg(long)]
    pub stats: bool,
    /// Give up after this long without progress
    #[arg(long, value_name = "SECONDS", default_value_t = 30, env = "MPCC_DEADLINE")]
    pub deadline: u64,
}

/// `mpcc check`
#[derive(Args, Debug)]
pub struct CheckArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub source: Source,
    /// List every place where a secret is revealed
    #[arg(long)]
    pub reveals: bool,
}

/// `mpcc build`
#[derive(Args, Debug)]
pub struct BuildArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub source: Source,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub target: Target,
    /// Stage to print
    #[arg(long, value_enum, default_value_t = Stage::Program)]
    pub emit: Stage,
    /// Where to (default: standard output)
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// Syntax tree, printed back as source
    Ast,
    /// Typed program
    Types,
    /// Circuit at program level
    Program,
    /// Circuit at gate level
    Gates,
    /// Rounds
    Schedule,
    /// GraphViz of the gate level
    Dot,
}

/// `mpcc cost`
#[derive(Args, Debug)]
pub struct CostArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub source: Source,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub target: Target,
}

/// `mpcc test`
#[derive(Args, Debug)]
pub struct TestArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub source: Source,
    /// Only tests whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
}
