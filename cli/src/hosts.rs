//! `mpcc run --parties FILE --as NODE`: one node of a run among real hosts.

use crate::args::{RunArgs, Site};
use crate::failure::Failure;
use crate::output::Shown;
use crate::program::{Goal, Object};
use crate::run::{DEADLINE, Ended, Job, bar, finish, recorded, store};
use crate::{interrupt, program};
use node::clients::{Clients, Cutoff, Registry};
use node::data::Kept;
use node::kept::{Place, Store};
use node::keys::{self, WARN_DAYS};
use node::parties::Parties;
use node::session::Settings;
use node::stats::{Clock, RunStats};
use node::{NodeError, ProgramObject, Sizes, hosts};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long the others may take to come, unless someone says otherwise.
pub const WAIT: Duration = Duration::from_secs(300);

/// Seconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64)
}

/// Where a node's key lies: where the flag says, or beside the parties file.
pub fn key_file(key: Option<&PathBuf>, parties: &Parties, name: &str) -> PathBuf {
    let beside = Path::new(&parties.file).parent().unwrap_or(Path::new("."));
    key.cloned().unwrap_or_else(|| keys::current_file(beside, name))
}

/// Reads a certificate and its key; warns if it expires soon.
///
/// # Errors
/// Usage: they cannot be read, or are not valid now.
pub fn identity(path: &Path, shown: &Shown) -> Result<net::tls::Identity, Failure> {
    let (identity, leaf) = keys::load(path).map_err(Failure::usage)?;
    let left = leaf.until - now();
    if left <= 0 || leaf.from > now() {
        let what = format!("is valid from {} to {}", net::keys::date(leaf.from), net::keys::date(leaf.until));
        return Err(Failure::usage(format!("the certificate {} {what}: not now", path.display())));
    }
    if left < WARN_DAYS * 86_400 {
        let days = left / 86_400;
        let text = format!("the certificate {} expires in {days} days; see `mpcc party rotate`", path.display());
        shown.note(tracing::Level::WARN, &text);
    }
    Ok(identity)
}

/// Runs this host's node.
///
/// # Errors
/// The program, the inputs, this host, or another is wrong; see [`Failure`] for the exit codes.
pub fn run(args: &RunArgs, shown: &Shown, goal: &Goal, object: Object, job: &Job) -> Result<(), Failure> {
    let Site { node: Some(name), key, bind, wait, clients, cutoff } = &args.site else {
        return Err(Failure::Ours("a run among hosts without a node".into()));
    };
    let Some(parties) = &goal.parties else {
        return Err(Failure::usage("--as needs --parties FILE"));
    };
    let me = parties.node(name).map_err(Failure::usage)?;
    let key = key_file(key.as_ref(), parties, name);
    let identity = identity(&key, shown)?;
    hosts::own(parties, me, &identity)?;

    let stop = interrupt::on_signal();
    let memory = goal.memory.unwrap_or(0);
    let contract = ProgramObject::contract(&object);
    let names = parties.names();
    let store = store(args, |dir| Store::of(dir, &identity, &keys::earlier(&key)))?;
    let kept = match &store {
        Some(store) => {
            store.ready(contract, &names, Some(me))?;
            let protocol = goal.protocol.name.to_owned();
            Kept::From(store.clone(), Place { protocol, parameters: String::new(), names: names.clone() })
        }
        None if contract.keeps() => {
            return Err(Failure::usage("this run keeps shares for a later one: say where, with --store DIR"));
        }
        None => Kept::Nowhere,
    };
    let inputs = job.read(&object, Some(me), kept).map_err(NodeError::from)?;
    let sizes: Sizes = inputs.sizes().iter().map(|c| (c.name.clone(), c.value)).collect();
    program::known(object.checked(), &sizes)?;
    object.take_publics(&inputs, &sizes)?;
    let wait = wait.or(parties.run.wait).unwrap_or(WAIT);
    let contract = ProgramObject::contract(&object);
    let registry = Registry::new(contract, parties);
    let clients = (!registry.parties.is_empty())
        .then(|| Clients { registry, cutoff: Cutoff { count: *clients, time: cutoff.unwrap_or(wait) } });
    if clients.is_none() && (args.site.clients.is_some() || cutoff.is_some()) {
        return Err(Failure::usage("--clients and --cutoff are for programs with parties that are clients"));
    }
    node::clients::check(contract, clients.as_ref())?;
    let settings = Settings {
        names,
        deadline: args.deadline.or(parties.run.deadline).unwrap_or(DEADLINE),
        protocol: goal.protocol.name.into(),
        parameters: String::new(),
        profile: goal.net.clone(),
        memory,
        clock: Clock::Process,
        stop,
        record: recorded(args),
        clients,
        store,
    };
    let bar = bar(shown);
    let note = |text: &str| bar.suspend(|| shown.note(tracing::Level::INFO, &format!("{name}: {text}")));
    let began = SystemTime::now();
    let address = bind.as_deref().unwrap_or(&parties.nodes[me].address);
    note(&format!("listening at {address}, waiting up to {wait:?} for the others"));
    let site = hosts::Site { parties, me, identity: &identity, bind: bind.as_deref(), wait, note: &note };
    let mut on_step = |step| bar.set_position(step);
    let done = hosts::run(&site, &settings, &object, inputs, &mut on_step);
    bar.finish_and_clear();
    let done = done.map_err(|e| match e {
        NodeError::Program { span, what } => object.program_error(span, &what),
        other => other.into(),
    })?;
    if !done.clients.absent.is_empty() {
        let absent = &done.clients.absent;
        let (some, more) = (absent[..absent.len().min(5)].join(", "), absent.len().saturating_sub(5));
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let text = format!("{some}{more} took part, and were gone before they had their results");
        shown.note(tracing::Level::WARN, &text);
    }
    let stats = RunStats::join(std::slice::from_ref(&done.stats), done.peak_memory);
    let ended = Ended {
        outputs: &done.outputs,
        stats: &stats,
        sizes: &done.sizes,
        nodes: std::slice::from_ref(name),
        peers: &settings.names,
        transport: "hosts, TLS",
        began,
    };
    finish(args, shown, goal, &object, &ended)
}
