//! `mpcc run`: all nodes on this machine, as threads of this process.

use crate::args::{Format, RunArgs};
use crate::build::need_main;
use crate::failure::Failure;
use crate::output::{Shown, print};
use crate::program::{self, Object};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use node::local::Run;
use node::session::Settings;
use node::{NodeError, Sizes, data, local};
use std::time::Duration;

/// Runs a program.
///
/// # Errors
/// The program, the inputs, or a node is wrong; see [`Failure`] for the exit codes.
pub fn run(args: &RunArgs, shown: &Shown) -> Result<(), Failure> {
    let (protocol, profile) = program::target(&args.target)?;
    let network = match &args.target.net {
        None => None,
        Some(text) => Some(net::Profile::parse(text).map_err(|e| Failure::usage(format!("--net: {e}")))?),
    };
    if args.deadline == 0 {
        return Err(Failure::usage("--deadline: a run needs at least a second"));
    }
    let (place, checked) = program::checked(&args.source, shown)?;
    need_main(&checked)?;
    let object = Object::new(checked, protocol, profile, shown.color);
    let folder = args.source.inputs.clone().unwrap_or_else(|| place.dir.join("inputs"));
    let source = data::Source {
        folder: args.random_inputs.is_none().then_some(folder),
        defines: program::defines(&args.source)?,
        random: args.random_inputs,
    };
    let inputs = data::read(node::ProgramObject::contract(&object), &source, None).map_err(NodeError::from)?;
    let sizes: Sizes = inputs.sizes().iter().map(|c| (c.name.clone(), c.value)).collect();
    program::bind(object.checked(), &sizes)?;
    object.take_publics(&inputs)?;
    let settings = Settings {
        deadline: Duration::from_secs(args.deadline),
        protocol: protocol.name.into(),
        profile: args.target.net.clone().unwrap_or_else(|| "lan".into()),
        ..Settings::local()
    };
    let bar = bar(shown);
    let run = local::run(&object, inputs, &settings, network, &|step| bar.set_position(step));
    bar.finish_and_clear();
    let run = run.map_err(|e| match e {
        NodeError::Program { span, what } => object.program_error(span, &what),
        other => other.into(),
    })?;
    show(args, shown, &run)
}

/// A count of rounds on stderr, hidden where stderr is no terminal.
fn bar(shown: &Shown) -> ProgressBar {
    let target =
        if shown.format == Format::Human { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = ProgressStyle::with_template("{spinner} round {pos}  {elapsed}") {
        bar.set_style(style);
    }
    bar
}

fn show(args: &RunArgs, shown: &Shown, run: &Run) -> Result<(), Failure> {
    let ours = |e: serde_json::Error| Failure::Ours(e.to_string());
    match shown.format {
        Format::Json => {
            let outputs = run.outputs.json();
            let text = if args.stats {
                let stats = serde_json::to_string(&run.stats).map_err(ours)?;
                format!("{{\"outputs\":{outputs},\"stats\":{stats}}}\n")
            } else {
                format!("{{\"outputs\":{outputs}}}\n")
            };
            print(&text);
        }
        Format::Csv => print(&run.outputs.csv()),
        Format::Human => {
            print(&run.outputs.human());
            let s = &run.stats;
            let mut text = format!(
                "{} rounds, {} bytes sent in all, {:.3} s\n",
                s.rounds,
                s.bytes_sent.iter().sum::<u64>(),
                s.seconds.compile + s.seconds.connect + s.seconds.run
            );
            if args.stats {
                for k in 0..s.bytes_sent.len() {
                    text.push_str(&format!(
                        "node{k}: {} bytes sent, {} more for frames, {:.3} s of CPU\n",
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
