//! `mpcc run`: all nodes on this machine, as threads of this process or, with `--tcp`, as processes of their own.

use crate::args::{Format, RunArgs, Source, Target};
use crate::build::need_main;
use crate::failure::Failure;
use crate::output::{Shown, print};
use crate::program::{self, Object};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use node::data::OutputSet;
use node::processes::Launch;
use node::session::Settings;
use node::stats::RunStats;
use node::{NodeError, Sizes, data, local, processes};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    let object = Object::new(checked, &goal, shown.color)?;
    let folder = args.source.inputs.clone().unwrap_or_else(|| place.dir.join("inputs"));
    let job = Job {
        program: args.source.program.clone(),
        folder: args.random_inputs.is_none().then_some(folder),
        defines: program::defines(&args.source)?,
        random: args.random_inputs,
        target: args.target.clone(),
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
    let settings =
        Settings { deadline, protocol: goal.protocol.name.into(), profile: goal.net.clone(), ..Settings::local() };
    let bar = bar(shown);
    let progress = |step| bar.set_position(step);
    let run = if args.tcp {
        let command = std::env::current_exe().map_err(|e| Failure::Ours(format!("where this command lies: {e}")))?;
        let launch = Launch {
            command,
            arguments: vec!["node".into()],
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
    let names: Vec<String> = (0..run.stats.bytes_sent.len()).map(|k| format!("node{k}")).collect();
    show(args.stats, shown, &run.outputs, &run.stats, &names)
}

/// The program in the reference evaluator, on everybody's inputs in the clear.
fn clear(object: &Object, job: &Job, shown: &Shown) -> Result<(), Failure> {
    eprintln!("insecure: computing in the clear, with everybody's inputs in this process");
    let contract = node::ProgramObject::contract(object);
    let inputs = job.read(object, None).map_err(NodeError::from)?;
    let sizes: Sizes = inputs.sizes().iter().map(|c| (c.name.clone(), c.value)).collect();
    let bound = program::bind(object.checked(), &sizes)?;
    let values = inputs.all(contract, &sizes)?;
    let leaves = driver::evaluate(object.checked(), &bound, &values).map_err(|(span, what)| {
        let (line, column) = object.checked().sources.start(span);
        Failure::Says(1, format!("{}:{line}:{column}: {what}", object.checked().sources.name(span.file)))
    })?;
    let outputs = data::OutputSet::from_leaves(contract, leaves, &sizes)?;
    print(&match shown.format {
        Format::Json => format!("{{\"outputs\":{}}}\n", outputs.json()),
        Format::Csv => outputs.csv(),
        Format::Human => outputs.human(),
    });
    Ok(())
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
}

/// Reads all inputs, and gives the program its public values.
pub fn prepare(object: &Object, job: &Job) -> Result<data::Inputs, Failure> {
    let inputs = job.read(object, None).map_err(NodeError::from)?;
    let sizes: Sizes = inputs.sizes().iter().map(|c| (c.name.clone(), c.value)).collect();
    program::bind(object.checked(), &sizes)?;
    object.take_publics(&inputs, &sizes)?;
    Ok(inputs)
}

impl Job {
    /// Reads all inputs, or those of node `me`.
    ///
    /// # Errors
    /// As [`data::read`].
    pub fn read(&self, object: &Object, me: Option<usize>) -> Result<data::Inputs, data::DataError> {
        let source = data::Source { folder: self.folder.clone(), defines: self.defines.clone(), random: self.random };
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
        let object = Object::new(checked, &goal, false).map_err(usage)?;
        let inputs = job.read(&object, Some(me))?;
        let sizes: Sizes = inputs.sizes().iter().map(|c| (c.name.clone(), c.value)).collect();
        object.take_publics(&inputs, &sizes).map_err(usage)?;
        Ok((Box::new(object), inputs))
    });
    if code == 0 { Ok(()) } else { Err(Failure::Shown(code)) }
}

/// A count of rounds on stderr, hidden where stderr is no terminal.
pub fn bar(shown: &Shown) -> ProgressBar {
    let target =
        if shown.format == Format::Human { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = ProgressStyle::with_template("{spinner} round {pos}  {elapsed}") {
        bar.set_style(style);
    }
    bar
}

/// Prints results to stdout and figures, of the nodes of these names, to stderr.
///
/// # Errors
/// Ours.
pub fn show(
    figures: bool,
    shown: &Shown,
    outputs: &OutputSet,
    stats: &RunStats,
    names: &[String],
) -> Result<(), Failure> {
    let ours = |e: serde_json::Error| Failure::Ours(e.to_string());
    match shown.format {
        Format::Json => {
            let outputs = outputs.json();
            let text = if figures {
                let stats = serde_json::to_string(stats).map_err(ours)?;
                format!("{{\"outputs\":{outputs},\"stats\":{stats}}}\n")
            } else {
                format!("{{\"outputs\":{outputs}}}\n")
            };
            print(&text);
        }
        Format::Csv => print(&outputs.csv()),
        Format::Human => {
            print(&outputs.human());
            let s = stats;
            let mut text = format!(
                "{} rounds, {} bytes sent in all, {:.3} s\n",
                s.rounds,
                s.bytes_sent.iter().sum::<u64>(),
                s.seconds.compile + s.seconds.connect + s.seconds.run
            );
            if figures {
                for (k, name) in names.iter().enumerate() {
                    text.push_str(&format!(
                        "{name}: {} bytes sent, {} more for frames, {:.3} s of CPU\n",
                        s.bytes_sent[k], s.overhead_bytes[k], s.cpu_seconds[k]
                    ));
                }
                text.push_str(&format!(
                    "seconds: compile {:.3}, connect {:.3}, run {:.3}; peak memory {} bytes\n",
                    s.seconds.compile, s.seconds.connect, s.seconds.run, s.peak_memory_bytes
                ));
                let gates: Vec<String> = s.gates.iter().map(|(k, n)| format!("{k} {n}")).collect();
                text.push_str(&format!("gates: {}\n", gates.join(", ")));
            }
            eprint!("{text}");
        }
    }
    Ok(())
}
