//! `mpcc run`: all nodes on this machine, as threads of this process or, with `--tcp`, as processes of their own.

use crate::args::{Format, LogFormat, RunArgs, Source, Target};
use crate::build::need_main;
use crate::failure::Failure;
use crate::figures;
use crate::output::{Shown, deliver};
use crate::program::{self, Goal, Object, Spread};
use crate::report::{self, Report};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use node::data::OutputSet;
use node::kept::{Place, Store};
use node::processes::Launch;
use node::session::Settings;
use node::stats::RunStats;
use node::timeline::Record;
use node::{NodeError, Sizes, data, local, processes};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long a node may be waited for without progress, unless someone says otherwise.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Runs a program.
///
/// # Errors
/// The program, the inputs, or a node is wrong; see [`Failure`] for the exit codes.
pub fn run(args: &RunArgs, shown: &Shown) -> Result<(), Failure> {
    let goal = program::target(&args.target)?;
    let network = match &args.target.net {
        None => None,
        Some(text) => Some(net::Profile::parse(text).map_err(|e| Failure::usage(format!("--net: {e}")))?),
    };
    if args.tcp && network.is_some() {
        return Err(Failure::usage("--net is emulated in memory alone: leave out --tcp, or --net"));
    }
    let (place, checked) = program::checked(&args.source, shown)?;
    need_main(&checked, shown)?;
    if let Some(path) = &args.report {
        report::writable(path)?;
    }
    let predict = args.stats || args.report.is_some();
    let spread = match (&args.site.node, args.tcp) {
        (Some(_), _) => (Spread::One, goal.calibration.hosts(goal.profile)),
        (None, true) => (Spread::Apart, goal.calibration.loopback()),
        (None, false) => (Spread::Together, goal.calibration.memory(network.is_some().then_some(goal.profile))),
    };
    let object = Object::new(checked, &goal, shown.color)?.spread(spread.0).predicting(predict.then_some(spread));
    let folder = args.source.inputs.clone().unwrap_or_else(|| place.dir.join("inputs"));
    let mut job = Job {
        program: args.source.program.clone(),
        folder: args.random_inputs.is_none().then_some(folder),
        defines: program::defines(&args.source)?,
        random: args.random_inputs,
        target: args.target.clone(),
        predict,
        store: None,
        deal: [0; 32],
    };
    if args.insecure_clear {
        return clear(&object, &job, shown);
    }
    if args.site.node.is_some() {
        return crate::hosts::run(args, shown, &goal, object, &job);
    }
    if let Some(parties) = &goal.parties {
        let names = parties.names().join(", ");
        return Err(Failure::usage(format!("{}: say which node this host is: --as NODE, of {names}", parties.file)));
    }
    let deadline = args.deadline.unwrap_or(DEADLINE);
    let settings = Settings {
        deadline,
        protocol: goal.protocol.name.into(),
        profile: goal.net.clone(),
        record: recorded(args),
        // The children's keys lie in a folder that has to go.
        stop: if args.tcp { crate::interrupt::on_signal() } else { node::Stop::default() },
        ..Settings::local()
    };
    job.store = store(args, Store::local)?;
    net::random(&mut job.deal).map_err(|e| Failure::Ours(format!("the system gives no randomness: {e}")))?;
    let contract = node::ProgramObject::contract(&object);
    match &job.store {
        Some(store) => store.ready(contract, &settings.names, None)?,
        None if contract.keeps() => {
            let text = "what this run would keep is kept nowhere: say where, with --store DIR";
            shown.note(tracing::Level::WARN, text);
        }
        None => {}
    }
    let settings = Settings { store: job.store.clone(), ..settings };
    let bar = bar(shown);
    let progress = |step| bar.set_position(step);
    let began = SystemTime::now();
    let run = if args.tcp {
        let command = std::env::current_exe().map_err(|e| Failure::Ours(format!("where this command lies: {e}")))?;
        let launch = Launch {
            command,
            arguments: shown.arguments(&["node"]),
            program: serde_json::to_value(&job).map_err(|e| Failure::Ours(e.to_string()))?,
            wait: deadline,
        };
        processes::run(node::ProgramObject::contract(&object), &launch, &settings, &progress)
    } else {
        let inputs = prepare(&object, &job)?;
        local::run(&object, inputs, &settings, network, &progress)
    };
    bar.finish_and_clear();
    let run = run.map_err(|e| match e {
        NodeError::Program { span, what } => object.program_error(span, &what),
        other => other.into(),
    })?;
    let ended = Ended {
        outputs: &run.outputs,
        stats: &run.stats,
        sizes: &run.sizes,
        nodes: &settings.names,
        peers: &settings.names,
        transport: if args.tcp { "processes, TLS over loopback" } else { "threads of one process" },
        began,
    };
    finish(args, shown, &goal, &object, &ended)
}

/// The store that the arguments name, made from its folder.
///
/// # Errors
/// Usage: a mapping that is none.
pub fn store(args: &RunArgs, make: impl FnOnce(&Path) -> Store) -> Result<Option<Store>, Failure> {
    let Some(dir) = &args.store else { return Ok(None) };
    let mut store = make(dir);
    store.take = Store::mapping(&args.take).map_err(|e| Failure::usage(format!("--take: {e}")))?;
    store.keep = Store::mapping(&args.keep).map_err(|e| Failure::usage(format!("--keep: {e}")))?;
    Ok(Some(store))
}

/// How much of a run is recorded, for what is asked to be shown.
pub fn recorded(args: &RunArgs) -> Record {
    match (args.stats, &args.report) {
        (_, Some(_)) => Record::Rounds,
        (true, None) => Record::Totals,
        (false, None) => Record::Off,
    }
}

/// What a run gave, and how it went.
pub struct Ended<'a> {
    /// Results.
    pub outputs: &'a OutputSet,
    /// Figures.
    pub stats: &'a RunStats,
    /// Sizes of the run.
    pub sizes: &'a Sizes,
    /// Names of the nodes whose figures these are.
    pub nodes: &'a [String],
    /// Names of all nodes.
    pub peers: &'a [String],
    /// How the nodes were connected.
    pub transport: &'a str,
    /// When the run began.
    pub began: SystemTime,
}

/// Prints results to stdout and figures to stderr, and writes the page, as far as they are asked for.
///
/// # Errors
/// The page cannot be written.
pub fn finish(args: &RunArgs, shown: &Shown, goal: &Goal, object: &Object, ended: &Ended<'_>) -> Result<(), Failure> {
    show(args.stats, shown, ended)?;
    let Some(path) = &args.report else { return Ok(()) };
    let sources = object.sources();
    let page = Report {
        program: sources.first().map(|s| s.0.clone()).unwrap_or_default(),
        started: crate::clock::words(ended.began),
        protocol: goal.protocol.name,
        transport: ended.transport,
        network: goal.net.clone(),
        digest: node::ProgramObject::source_digest(object),
        sizes: ended.sizes,
        nodes: ended.nodes.to_vec(),
        peers: ended.peers.to_vec(),
        stats: ended.stats,
        contract: &driver::contract(object.checked()),
        sources,
    };
    report::write(path, &page)
}

/// The program in the reference evaluator, on everybody's inputs in the clear.
fn clear(object: &Object, job: &Job, shown: &Shown) -> Result<(), Failure> {
    eprintln!("insecure: computing in the clear, with everybody's inputs in this process");
    let contract = node::ProgramObject::contract(object);
    let inputs = job.read(object, None, job.local()).map_err(NodeError::from)?;
    let sizes: Sizes = inputs.sizes().iter().map(|c| (c.name.clone(), c.value)).collect();
    let bound = program::bind(object.checked(), &sizes)?;
    let values = inputs.all(contract, &sizes)?;
    let leaves = driver::evaluate(object.checked(), &bound, &values, inputs.strings()).map_err(|(span, what)| {
        let (line, column) = object.checked().sources.start(span);
        Failure::Says(1, format!("{}:{line}:{column}: {what}", object.checked().sources.name(span.file)))
    })?;
    let outputs = data::OutputSet::from_leaves(contract, leaves, &sizes)?;
    deliver(&match shown.format {
        Format::Json => format!("{{\"outputs\":{}}}\n", outputs.json()),
        Format::Csv => outputs.csv(),
        Format::Human => outputs.human(),
    })
}

/// What a node's process needs to know of the command line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    program: PathBuf,
    folder: Option<PathBuf>,
    defines: Vec<(String, String)>,
    random: Option<u64>,
    target: Target,
    predict: bool,
    store: Option<Store>,
    /// What shares of values that stand in for kept ones are made from.
    deal: [u8; 32],
}

/// Reads all inputs, and gives the program its public values.
pub fn prepare(object: &Object, job: &Job) -> Result<data::Inputs, Failure> {
    let inputs = job.read(object, None, job.local()).map_err(NodeError::from)?;
    let sizes: Sizes = inputs.sizes().iter().map(|c| (c.name.clone(), c.value)).collect();
    program::bind(object.checked(), &sizes)?;
    object.take_publics(&inputs, &sizes)?;
    Ok(inputs)
}

impl Job {
    /// Where a local run has what an earlier run kept: in its store, or made up from values.
    fn local(&self) -> data::Kept {
        match &self.store {
            Some(store) => {
                let protocol = self.target.protocol.clone().unwrap_or_else(|| "rep3".into());
                let names = Settings::local().names;
                data::Kept::From(store.clone(), Place { protocol, parameters: String::new(), names })
            }
            None => data::Kept::Dealt(self.deal),
        }
    }

    /// Reads all inputs, or those of node `me`.
    ///
    /// # Errors
    /// As [`data::read`].
    pub fn read(&self, object: &Object, me: Option<usize>, kept: data::Kept) -> Result<data::Inputs, data::DataError> {
        let source =
            data::Source { folder: self.folder.clone(), defines: self.defines.clone(), random: self.random, kept };
        data::read(node::ProgramObject::contract(object), &source, me)
    }
}

/// `mpcc node`: one node of a run over TCP. What it has to say goes to the process that started it.
///
/// # Errors
/// As the run's; they were told already.
pub fn node(config: &Path) -> Result<(), Failure> {
    let code = node::child::run(config, |value, me| {
        let internal = |e: String| NodeError::Internal(e);
        let job: Job = serde_json::from_value(value.clone()).map_err(|e| internal(e.to_string()))?;
        let source = Source { program: job.program.clone(), defines: Vec::new(), inputs: None };
        let usage = |f: Failure| NodeError::Usage(f.text());
        let goal = program::target(&job.target).map_err(usage)?;
        let (_, checked) = program::check(&source).map_err(usage)?;
        if !checked.ok() || checked.program.main.is_none() {
            return Err(NodeError::Usage("the program changed since the run began".into()));
        }
        let object = Object::new(checked, &goal, false)
            .map_err(usage)?
            .spread(Spread::Apart)
            .predicting(job.predict.then_some((Spread::Apart, goal.calibration.loopback())));
        let inputs = job.read(&object, Some(me), job.local())?;
        let sizes: Sizes = inputs.sizes().iter().map(|c| (c.name.clone(), c.value)).collect();
        object.take_publics(&inputs, &sizes).map_err(usage)?;
        Ok((Box::new(object), inputs))
    });
    if code == 0 { Ok(()) } else { Err(Failure::Shown(code)) }
}

/// A count of rounds on stderr, hidden where stderr is no terminal.
pub fn bar(shown: &Shown) -> ProgressBar {
    let target = if shown.format == Format::Human && shown.log == LogFormat::Human && shown.verbose == 0 {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = ProgressStyle::with_template("{spinner} round {pos}  {elapsed}") {
        bar.set_style(style);
    }
    bar
}

fn show(figures: bool, shown: &Shown, ended: &Ended<'_>) -> Result<(), Failure> {
    let ours = |e: serde_json::Error| Failure::Ours(e.to_string());
    let (outputs, stats) = (ended.outputs, ended.stats);
    match shown.format {
        Format::Json => {
            let outputs = outputs.json();
            let text = if figures {
                let stats = serde_json::to_string(stats).map_err(ours)?;
                format!("{{\"outputs\":{outputs},\"stats\":{stats}}}\n")
            } else {
                format!("{{\"outputs\":{outputs}}}\n")
            };
            deliver(&text)?;
        }
        Format::Csv => deliver(&outputs.csv())?,
        Format::Human => {
            deliver(&outputs.human())?;
            // Programs that read stderr have heard it as an event.
            if shown.log == LogFormat::Json {
                return Ok(());
            }
            let mut text = figures::summary(stats);
            if figures {
                text.push('\n');
                text.push_str(&figures::table(stats, ended.nodes, ended.peers));
            }
            eprint!("{text}");
        }
    }
    Ok(())
}
