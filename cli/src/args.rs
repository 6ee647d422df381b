//! The command line: verbs, flags, and their help. Knows no behaviour.

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// What stands below the list of commands.
const START: &str = "\
Start with:
  mpcc new hello           make a folder with a small program and inputs
  mpcc run hello           compute it, with three nodes on this machine
  mpcc check hello         see who brings what and who learns what
  mpcc run --help          runs: networks, figures, pages, real hosts";

/// What stands below the options of `run`.
const EXITS: &str = "\
Exit codes:
  0  the run ended well                    5  a node sent what it must not
  1  the program failed or is wrong        7  nodes were about to run different things
  2  wrong arguments or configuration      8  a limit of memory or size
  3  wrong input data                    101  a bug of mpcc
  4  a node or the network failed        130  interrupted";

/// Secure multi-party computation from ordinary small programs.
#[derive(Parser, Debug)]
#[command(name = "mpcc", version, propagate_version = true, max_term_width = 100, after_help = START)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// How to print results and diagnostics
    #[arg(long, global = true, help_heading = "Output", value_enum, default_value_t = Format::Human, env = "MPCC_FORMAT")]
    pub format: Format,
    /// How to print events and errors on stderr
    #[arg(long, global = true, help_heading = "Output", value_enum, default_value_t = LogFormat::Human, env = "MPCC_LOG", value_name = "FORMAT")]
    pub log: LogFormat,
    /// Tell what is going on; twice: in detail
    #[arg(short, long, global = true, help_heading = "Output", action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// Formats of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Human,
    /// One JSON object a line
    Json,
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
    /// Compute a program's answer on secret shares, on this machine or among real hosts
    #[command(after_help = EXITS)]
    Run(RunArgs),
    /// Check a program, and say what each party brings, learns, and is trusted with
    Check(CheckArgs),
    /// Compile, and print any stage as text
    Build(BuildArgs),
    /// Say what a run costs, before the run: rounds, bytes, gates
    Cost(CostArgs),
    /// Make a folder with a program, inputs, and a page
    New {
        /// The folder; its last part names the program
        dir: PathBuf,
    },
    /// Explain an error or a warning by its code
    Explain {
        /// A code such as E0301; without one, all codes
        code: Option<String>,
    },
    /// Run the `#[test]` functions of a program, in the clear or under a protocol
    Test(TestArgs),
    /// Keys and certificates for runs among real hosts
    #[command(subcommand)]
    Party(PartyVerb),
    /// Take part in a run as a client: share this party's input among the nodes, and get its results
    Join(JoinArgs),
    /// Look whether this host is ready for runs: keys, clock, port, other nodes, limits
    Doctor(DoctorArgs),
    /// Print a script that completes commands in a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write manual pages, one for each command
    Man {
        /// The folder; made if there is none
        dir: PathBuf,
    },
    /// Measure what a round and a byte take on this machine
    Bench(BenchArgs),
    /// Lay programs out in the one style
    Fmt(FmtArgs),
    /// Serve an editor: the language server protocol over standard input and output
    Lsp,
    /// Print a module's interface: signatures, what they are for, labels, and costs
    Doc(DocArgs),
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
#[derive(Args, Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    /// Protocol that the nodes follow (default: that of the parties file, else rep3)
    #[arg(long, env = "MPCC_PROTOCOL")]
    pub protocol: Option<String>,
    /// Network: `lan`, `wan`, or `rtt=40ms,bw=100mbit`; what the compiler optimises for, and in a local run also emulated
    #[arg(long, value_name = "PROFILE", env = "MPCC_NET")]
    pub net: Option<String>,
    /// Who takes part and where each party is: a parties.toml
    #[arg(long, value_name = "FILE", env = "MPCC_PARTIES")]
    pub parties: Option<PathBuf>,
    /// Memory that a run may take, such as 1GB: long vectors go in strips, in more rounds; what still needs more is refused. Of all
    /// nodes of a local run, or of each host's (default: that of the parties file, else no limit; a local run on a near network
    /// takes strips beyond 600 MB)
    #[arg(long, value_name = "SIZE", env = "MPCC_MEMORY", value_parser = node::units::bytes)]
    pub memory: Option<u64>,
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
    /// Run each node as a process of its own, with mutual TLS over loopback
    #[arg(long)]
    pub tcp: bool,
    /// Fill every input from its type and range instead of reading files (local runs only)
    #[arg(long, value_name = "SEED")]
    pub random_inputs: Option<u64>,
    /// Compute in the clear with the reference evaluator: no nodes, no shares, nothing protected
    #[arg(long, conflicts_with_all = ["tcp", "stats", "report", "store"])]
    pub insecure_clear: bool,
    /// Folder of the shares that runs keep: `secret` parameters are taken from it, `secret` results kept in it
    #[arg(long, value_name = "DIR", env = "MPCC_STORE", help_heading = "Kept shares")]
    pub store: Option<PathBuf>,
    /// Take a `secret` parameter from what was kept under another name: --take total=monday
    #[arg(long, value_name = "PARAMETER=NAME", requires = "store", help_heading = "Kept shares")]
    pub take: Vec<String>,
    /// Keep a `secret` result under another name: --keep result.0=tuesday
    #[arg(long, value_name = "RESULT=NAME", requires = "store", help_heading = "Kept shares")]
    pub keep: Vec<String>,
    /// Print what the run took beside what was predicted: rounds, bytes, time, memory
    #[arg(long, help_heading = "Output")]
    pub stats: bool,
    /// Write a page about the run: timeline, bytes, prediction, contract (HTML that opens anywhere; holds no values)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub report: Option<PathBuf>,
    /// Give up after this long without progress (default: that of the parties file, else 30s)
    #[arg(long, value_name = "TIME", env = "MPCC_DEADLINE", value_parser = node::units::duration)]
    pub deadline: Option<Duration>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub site: Site,
}

/// Which node of a parties file this host is.
#[derive(Args, Debug, Clone)]
pub struct Site {
    /// Run among real hosts, as this node of the parties file
    #[arg(long = "as", value_name = "NODE", env = "MPCC_AS", requires = "parties", help_heading = "Real hosts",
        conflicts_with_all = ["tcp", "random_inputs", "insecure_clear"])]
    pub node: Option<String>,
    /// This node's certificate and key (default: NODE.pem beside the parties file)
    #[arg(long, value_name = "FILE", env = "MPCC_KEY", requires = "node", help_heading = "Real hosts")]
    pub key: Option<PathBuf>,
    /// Listen here (default: at this node's address in the parties file)
    #[arg(long, value_name = "HOST:PORT", env = "MPCC_BIND", requires = "node", help_heading = "Real hosts")]
    pub bind: Option<String>,
    /// Wait this long for the others to come (default: that of the parties file, else 5m)
    #[arg(long, value_name = "TIME", env = "MPCC_WAIT", requires = "node", help_heading = "Real hosts",
        value_parser = node::units::duration)]
    pub wait: Option<Duration>,
    /// Begin as soon as this many clients are there (default: all that the parties file names)
    #[arg(long, value_name = "N", env = "MPCC_CLIENTS", requires = "node", help_heading = "Real hosts")]
    pub clients: Option<u64>,
    /// Begin after this time with the clients that are there (default: as long as for the other nodes)
    #[arg(long, value_name = "TIME", env = "MPCC_CUTOFF", requires = "node", help_heading = "Real hosts",
        value_parser = node::units::duration)]
    pub cutoff: Option<Duration>,
}

/// `mpcc join`
#[derive(Args, Debug)]
pub struct JoinArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub source: Source,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub target: Target,
    /// The party of the program that this client is, or is a member of
    #[arg(long = "as", value_name = "PARTY", env = "MPCC_AS")]
    pub party: String,
    /// Which member, where the inputs hold those of several
    #[arg(long, value_name = "K")]
    pub member: Option<u64>,
    /// This client's certificate and key (default: PARTY.pem beside the parties file)
    #[arg(long, value_name = "FILE", env = "MPCC_KEY")]
    pub key: Option<PathBuf>,
    /// Wait this long for the nodes to be there (default: that of the parties file, else 5m)
    #[arg(long, value_name = "TIME", env = "MPCC_WAIT", value_parser = node::units::duration)]
    pub wait: Option<Duration>,
    /// Give up when a node is silent for this long (default: that of the parties file, else 30s)
    #[arg(long, value_name = "TIME", env = "MPCC_DEADLINE", value_parser = node::units::duration)]
    pub deadline: Option<Duration>,
    /// Print the bytes that this client's input and results took
    #[arg(long)]
    pub stats: bool,
}

/// `mpcc party`
#[derive(Subcommand, Debug)]
pub enum PartyVerb {
    /// Make an identity and a certificate: two files that you alone can read
    New {
        /// Name of the node (or of a client), as it will stand in the parties file
        name: String,
        /// Days that the certificate is valid for
        #[arg(long, value_name = "DAYS", default_value_t = 90)]
        days: u32,
        /// Folder for the files
        #[arg(long, value_name = "DIR", default_value = ".")]
        dir: PathBuf,
    },
    /// Print the lines that the others put in their parties file
    Show {
        /// Name of the node or client
        name: String,
        /// Folder of the files
        #[arg(long, value_name = "DIR", default_value = ".")]
        dir: PathBuf,
        /// Number of the node: 0, 1, or 2
        #[arg(long, value_name = "N", required_unless_present = "client")]
        index: Option<u64>,
        /// Where the others reach it
        #[arg(long, value_name = "HOST:PORT", required_unless_present = "client")]
        address: Option<String>,
        /// A party of the program that it hosts; may be given several times
        #[arg(long, value_name = "PARTY")]
        hosts: Vec<String>,
        /// It runs no node and takes part as this party
        #[arg(long, value_name = "PARTY", conflicts_with_all = ["index", "address", "hosts"])]
        client: Option<String>,
    },
    /// Make the next certificate; the one in use stays in use until --switch
    Rotate {
        /// Name of the node or client
        name: String,
        /// Days that the certificate is valid for
        #[arg(long, value_name = "DAYS", default_value_t = 90)]
        days: u32,
        /// Folder of the files
        #[arg(long, value_name = "DIR", default_value = ".")]
        dir: PathBuf,
        /// Take the next certificate into use, once all others have its fingerprint
        #[arg(long, conflicts_with = "days")]
        switch: bool,
    },
}

/// `mpcc doctor`
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Who takes part: a parties.toml
    #[arg(long, value_name = "FILE", env = "MPCC_PARTIES")]
    pub parties: Option<PathBuf>,
    /// Which node of it this host is
    #[arg(long = "as", value_name = "NODE", env = "MPCC_AS", requires = "parties")]
    pub node: Option<String>,
    /// This node's certificate and key (default: NODE.pem beside the parties file)
    #[arg(long, value_name = "FILE", env = "MPCC_KEY", requires = "node")]
    pub key: Option<PathBuf>,
    /// Listen here (default: at this node's address in the parties file)
    #[arg(long, value_name = "HOST:PORT", env = "MPCC_BIND", requires = "node")]
    pub bind: Option<String>,
    /// Look for the other nodes for this long, and answer those who look for this one
    #[arg(long, value_name = "TIME", default_value = "5s", requires = "node", value_parser = node::units::duration)]
    pub wait: Duration,
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
    /// Print the circuit as a pass of the optimiser leaves it
    #[arg(long, value_name = "PASS", conflicts_with = "emit", value_parser = passes())]
    pub emit_after: Option<String>,
    /// Say on stderr how long each pass took
    #[arg(long)]
    pub time_passes: bool,
    /// Where to (default: standard output)
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// The optimiser's passes, each with what it does.
fn passes() -> clap::builder::PossibleValuesParser {
    let values = opt::PASSES.iter().map(|p| clap::builder::PossibleValue::new(p.name).help(p.about));
    clap::builder::PossibleValuesParser::new(values)
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
    /// Bristol Fashion: the program as one boolean circuit, unrolled; with -o FILE, the names of its values in FILE.json
    Bristol,
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
    /// Say also what each line, function, or kind of gate costs
    #[arg(long, value_enum)]
    pub by: Option<crate::cost::By>,
    /// Compare with another version: a program, or a file that `cost --format json` printed
    #[arg(long, value_name = "OTHER", conflicts_with = "check")]
    pub diff: Option<PathBuf>,
    /// Fail where a run would cost more than a budget in mpc.toml allows
    #[arg(long, conflicts_with_all = ["by", "html"])]
    pub check: bool,
    /// Say also how many rounds the run takes in how much memory, with its long vectors in strips
    #[arg(long, conflicts_with_all = ["check", "diff"])]
    pub curve: bool,
    /// Write a page: figures, a flame graph, the source with its cost beside it
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// `mpcc bench`
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// Keep it: predictions of times use it from then on (in MPCC_CALIBRATION, or
    /// `mpcc/calibration.toml` among the user's configuration)
    #[arg(long)]
    pub calibrate: bool,
}

/// `mpcc test`
#[derive(Args, Debug)]
pub struct TestArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub source: Source,
    /// Only tests whose name contains this
    #[arg(value_name = "FILTER")]
    pub filter: Option<String>,
    /// Print the names of the tests, and run none
    #[arg(long)]
    pub list: bool,
    /// Run under this protocol, three nodes in memory: the values that a test writes down are secret, and its assertions
    /// reveal what they look at
    #[arg(long, value_name = "PROTOCOL")]
    pub protocol: Option<String>,
}

/// `mpcc doc`
#[derive(Args, Debug)]
pub struct DocArgs {
    /// A folder or file, or a module of the library such as `std::array`
    #[arg(value_name = "MODULE")]
    pub module: PathBuf,
    /// The number that a size has in the costs: -D N=1000
    #[arg(short = 'D', value_name = "NAME=VALUE")]
    pub defines: Vec<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub target: Target,
}

/// `mpcc fmt`
#[derive(Args, Debug)]
pub struct FmtArgs {
    /// Files, or folders with programs below them (default: this folder)
    #[arg(value_name = "PATH", conflicts_with = "stdin")]
    pub paths: Vec<PathBuf>,
    /// Change nothing: show what would change, and exit with 1 if anything would
    #[arg(long)]
    pub check: bool,
    /// From standard input to standard output
    #[arg(long)]
    pub stdin: bool,
}
