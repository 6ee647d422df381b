//! `mpcc join`: takes part in a run as a client, which runs no node.

use crate::args::{Format, JoinArgs};
use crate::build::need_main;
use crate::failure::Failure;
use crate::hosts::{WAIT, identity, key_file};
use crate::interrupt;
use crate::output::{Shown, print};
use crate::program::{self, Object};
use crate::run::{DEADLINE, bar};
use node::clients::join::{Joining, Part, Stage, join as take_part};
use node::parties::HostedBy;
use node::session::Settings;
use node::stats::Clock;
use node::timeline::Record;
use node::{NodeError, ProgramObject, Sizes, data, hosts};
use std::sync::Arc;

/// Runs a client.
///
/// # Errors
/// The program, the inputs, this client, or a node is wrong; see [`Failure`] for the exit codes.
pub fn join(args: &JoinArgs, shown: &Shown) -> Result<(), Failure> {
    let goal = program::target(&args.target)?;
    let Some(parties) = &goal.parties else {
        return Err(Failure::usage("a client needs --parties FILE: who the nodes are"));
    };
    let (place, checked) = program::checked(&args.source, shown)?;
    need_main(&checked, shown)?;
    let object = Object::new(checked, &goal, shown.color)?;
    let contract = object.contract();
    let party = contract.parties.iter().position(|p| p.name == args.party).ok_or_else(|| {
        let names: Vec<&str> = contract.parties.iter().map(|p| p.name.as_str()).collect();
        Failure::usage(format!("the program has no party `{}`; there are {}", args.party, names.join(", ")))
    })?;
    if !parties.party(&args.party).is_some_and(|p| p.host == HostedBy::Client) {
        return Err(Failure::usage(format!(
            "{} is no client by {}: its node runs `mpcc run --as NODE`",
            args.party, parties.file
        )));
    }
    let identity = identity(&key_file(args.key.as_ref(), parties, &args.party), shown)?;
    let known = parties
        .party(&args.party)
        .is_some_and(|p| p.fingerprints.iter().flatten().any(|f| *f == identity.fingerprint()));
    if !known {
        let found = identity.fingerprint();
        return Err(Failure::usage(format!("{} knows no {} by {found}", parties.file, args.party)));
    }
    let stop = interrupt::on_signal();
    let folder = args.source.inputs.clone().unwrap_or_else(|| place.dir.join("inputs"));
    let source =
        data::Source { folder: Some(folder), defines: program::defines(&args.source)?, ..data::Source::default() };
    let inputs = data::read_member(contract, &source, party, args.member).map_err(|e| match e {
        data::DataError::Usage(what) if what.contains("say which") => Failure::usage(format!("{what}: --member K")),
        other => NodeError::from(other).into(),
    })?;
    let sizes: Sizes = inputs.sizes().iter().map(|c| (c.name.clone(), c.value)).collect();
    program::known(object.checked(), &sizes)?;
    object.take_publics(&inputs, &sizes)?;
    let joining = Joining {
        nodes: hosts::peers(parties),
        identity: Arc::new(identity),
        part: Part {
            party,
            settings: Settings {
                names: parties.names(),
                deadline: args.deadline.or(parties.run.deadline).unwrap_or(DEADLINE),
                protocol: goal.protocol.name.into(),
                parameters: String::new(),
                profile: goal.net.clone(),
                memory: parties.run.memory.unwrap_or(0),
                clock: Clock::Process,
                stop,
                record: Record::Off,
                clients: None,
                store: None,
            },
            wait: args.wait.or(parties.run.wait).unwrap_or(WAIT),
        },
    };
    let bar = bar(shown);
    let mut tell = |stage| {
        let text = match stage {
            Stage::Joined => "the nodes know this client; waiting for the others",
            Stage::Given => "the input is with the nodes; waiting for the results",
        };
        bar.suspend(|| shown.note(tracing::Level::INFO, &format!("{}: {text}", args.party)));
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::Ours(e.to_string()))?;
    let done = runtime.block_on(take_part(&joining, &object, &inputs, &mut tell));
    bar.finish_and_clear();
    let done = done.map_err(|e| match e {
        NodeError::Program { span, what } => object.program_error(span, &what),
        other => other.into(),
    })?;
    match shown.format {
        Format::Json if args.stats => {
            let outputs = done.outputs.json();
            print(&format!("{{\"outputs\":{outputs},\"stats\":{{\"client_bytes\":{}}}}}\n", done.client_bytes));
        }
        Format::Json => print(&format!("{{\"outputs\":{}}}\n", done.outputs.json())),
        Format::Csv => print(&done.outputs.csv()),
        Format::Human => {
            print(&done.outputs.human());
            if args.stats {
                shown.note(tracing::Level::INFO, &format!("{} bytes of input and results", done.client_bytes));
            }
        }
    }
    Ok(())
}
