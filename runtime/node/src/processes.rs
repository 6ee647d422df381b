//! A process per node on this machine, TLS over loopback: the real path, started by one command.
//!
//! Makes certificates and configurations in a folder of its own, starts the children at once, tells each where the others
//! listen, and collects what they report. A child that dies is named. Knows [`crate::child`]; nothing of the language.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use net::tls::Identity;
use zeroize::{Zeroize, Zeroizing};

use crate::child::{Addresses, Config, Done, Line};
use crate::local::{Progress, Run, keep};
use crate::session::Settings;
use crate::stats::peak_memory;
use crate::{Contract, NodeError};

/// How to start the children.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The command to start.
    pub command: PathBuf,
    /// Its arguments; the path of the configuration follows them (`["node", "--config"]`).
    pub arguments: Vec<String>,
    /// What the child's program object is made from: opaque here.
    pub program: serde_json::Value,
    /// How long nodes may take to find one another.
    pub wait: Duration,
}

/// Longest line of a child that is kept: results of 2^27 words of 64 bits.
const LONGEST: u64 = 1 << 31;

/// How long the others may take to report once one has failed.
const GRACE: Duration = Duration::from_secs(2);

/// How often to look whether someone wished to stop.
const LOOK: Duration = Duration::from_millis(200);

enum Said {
    Line(Line),
    /// Not a line of ours.
    Nonsense,
    End,
}

/// The children, and what is known of them; ends them when dropped.
struct Children {
    running: Vec<Child>,
    /// Held open: its end tells a child that we are gone.
    inputs: Vec<ChildStdin>,
}

impl Drop for Children {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs a program with a process per node.
///
/// # Errors
/// Of all nodes' errors, the one closest to the cause; a child that died is named.
pub fn run(
    contract: &Contract,
    launch: &Launch,
    settings: &Settings,
    progress: Progress<'_>,
) -> Result<Run, NodeError> {
    run_watched(contract, launch, settings, progress, &mut |_| {})
}

/// As [`run`]; `started` hears the process ids once all nodes are connected or connecting: for tests that stop one.
///
/// # Errors
/// As [`run`].
pub fn run_watched(
    contract: &Contract,
    launch: &Launch,
    settings: &Settings,
    progress: Progress<'_>,
    started: &mut dyn FnMut(&[u32]),
) -> Result<Run, NodeError> {
    let setup = |what: &str, e: &dyn std::fmt::Display| NodeError::Connect { peer: None, what: format!("{what}: {e}") };
    // Readable by this user alone: it holds keys.
    let folder = tempfile::Builder::new().prefix("mpcc-").tempdir().map_err(|e| setup("no temporary folder", &e))?;
    let made: Vec<(Identity, Zeroizing<String>)> = settings
        .names
        .iter()
        .map(|name| Identity::generate(name))
        .collect::<Result<_, _>>()
        .map_err(|e| setup("no certificates", &e))?;
    let (tell, said) = channel();
    let mut children = Children { running: Vec::new(), inputs: Vec::new() };
    for (me, (_, pem)) in made.iter().enumerate() {
        let mut config = Config {
            me,
            names: settings.names.clone(),
            deadline_ms: u64::try_from(settings.deadline.as_millis()).unwrap_or(u64::MAX),
            wait_ms: u64::try_from(launch.wait.as_millis()).unwrap_or(u64::MAX),
            protocol: settings.protocol.clone(),
            parameters: settings.parameters.clone(),
            profile: settings.profile.clone(),
            memory: settings.memory,
            record: settings.record,
            store: settings.store.clone(),
            identity: pem.to_string(),
            fingerprints: made.iter().map(|(id, _)| id.fingerprint().to_string()).collect(),
            program: launch.program.clone(),
        };
        let path = folder.path().join(format!("node{me}.json"));
        let text = serde_json::to_vec(&config).map(Zeroizing::new);
        config.identity.zeroize();
        let text = text.map_err(|e| NodeError::Internal(e.to_string()))?;
        std::fs::write(&path, &*text).map_err(|e| setup("no configuration", &e))?;
        let mut child = Command::new(&launch.command)
            .args(&launch.arguments)
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| setup("a node's process did not start", &e))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        children.running.push(child);
        if let (Some(input), Some(output)) = (input, output) {
            children.inputs.push(input);
            let tell = tell.clone();
            std::thread::spawn(move || listen(me, output, &tell));
        }
    }
    drop(tell);
    let done = collect(&mut children, &said, settings, launch, progress, started)?;
    let memory = done.iter().map(|d| d.peak_memory).sum::<u64>() + peak_memory();
    let outputs = done
        .iter()
        .map(|d| d.outputs.iter().map(|c| c.as_ref().map(|c| c.column()).map_or(Some(None), |c| c.map(Some))).collect())
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| NodeError::Internal("a node's results cannot be read".into()))?;
    let stats: Vec<_> = done.iter().map(|d| d.stats.clone()).collect();
    let Some(first) = done.first() else { return Err(NodeError::Internal("no node ran".into())) };
    Run::new(contract, &first.leaves, outputs, &stats, first.sizes.clone(), memory)
}

/// Reads a child's lines.
fn listen(me: usize, output: impl Read, tell: &Sender<(usize, Said)>) {
    let mut output = BufReader::new(output);
    let mut line = String::new();
    loop {
        line.clear();
        match (&mut output).take(LONGEST).read_line(&mut line) {
            Ok(n) if n > 0 => {
                let said = serde_json::from_str(&line).map_or(Said::Nonsense, Said::Line);
                if tell.send((me, said)).is_err() {
                    return;
                }
            }
            _ => {
                let _ = tell.send((me, Said::End));
                return;
            }
        }
    }
}

fn collect(
    children: &mut Children,
    said: &Receiver<(usize, Said)>,
    settings: &Settings,
    launch: &Launch,
    progress: Progress<'_>,
    started: &mut dyn FnMut(&[u32]),
) -> Result<Vec<Done>, NodeError> {
    let nodes = children.running.len();
    let mut addresses: Vec<Option<String>> = vec![None; nodes];
    let mut done: Vec<Option<Done>> = (0..nodes).map(|_| None).collect();
    let mut failed = vec![false; nodes];
    let mut worst: Option<NodeError> = None;
    // Set while all nodes start, and again once one has failed.
    let mut until = Some(Instant::now() + launch.wait);
    while (0..nodes).any(|n| done[n].is_none() && !failed[n]) {
        let left = until.map_or(LOOK, |u| u.saturating_duration_since(Instant::now()));
        let (node, said) = match said.recv_timeout(left.min(LOOK)) {
            Ok(_) | Err(_) if settings.stop.is_set() => {
                worst = Some(NodeError::Interrupted);
                break;
            }
            Ok(next) => next,
            Err(RecvTimeoutError::Timeout) if left > LOOK || until.is_none() => continue,
            Err(_) => {
                if worst.is_some() {
                    break;
                }
                let missing = (0..nodes).find(|n| addresses[*n].is_none()).or((0..nodes).find(|n| done[*n].is_none()));
                let peer = missing.unwrap_or(0);
                let what = format!("{} did not answer", settings.names[peer]);
                keep(&mut worst, NodeError::Connect { peer: Some(peer), what });
                break;
            }
        };
        let error = match said {
            Said::Line(Line::Listening(address)) => {
                addresses[node] = Some(address);
                if let Some(addresses) = addresses.iter().cloned().collect::<Option<Vec<_>>>() {
                    tell_addresses(children, addresses)?;
                    until = worst.is_some().then(|| Instant::now() + GRACE);
                    started(&children.running.iter().map(Child::id).collect::<Vec<_>>());
                }
                continue;
            }
            Said::Line(Line::Step(step)) => {
                progress(step);
                continue;
            }
            Said::Line(Line::Done(d)) => {
                done[node] = Some(*d);
                continue;
            }
            Said::Line(Line::Failed(e)) => e,
            Said::End if done[node].is_some() || failed[node] => continue,
            Said::End => died(node, settings, children.running[node].wait().ok()),
            Said::Nonsense => NodeError::Internal(format!("{} printed what is no report", settings.names[node])),
        };
        failed[node] = true;
        // The others find out by themselves, and may know better; but not if the cause is plain.
        let plain = error.distance() == 0;
        keep(&mut worst, error);
        if plain {
            break;
        }
        until = Some(Instant::now() + GRACE);
    }
    match worst {
        Some(e) => Err(e),
        None => {
            // They have reported; what is left of them is their exit.
            children.inputs.clear();
            for child in &mut children.running {
                let _ = child.wait();
            }
            done.into_iter().collect::<Option<_>>().ok_or_else(|| NodeError::Internal("a node has no result".into()))
        }
    }
}

fn tell_addresses(children: &mut Children, addresses: Vec<String>) -> Result<(), NodeError> {
    let mut line = serde_json::to_string(&Addresses { addresses }).map_err(|e| NodeError::Internal(e.to_string()))?;
    line.push('\n');
    for input in &mut children.inputs {
        // A child that is gone is found by the end of its output.
        let _ = input.write_all(line.as_bytes()).and_then(|()| input.flush());
    }
    Ok(())
}

fn died(node: usize, settings: &Settings, status: Option<ExitStatus>) -> NodeError {
    use std::os::unix::process::ExitStatusExt;
    let what = match status.map(|s| (s.signal(), s.code())) {
        Some((Some(signal), _)) => format!("was killed by signal {signal}"),
        Some((_, Some(code))) => format!("ended with exit code {code} and no result"),
        _ => "ended without a result".into(),
    };
    NodeError::Peer { peer: node, name: settings.names[node].clone(), step: None, what }
}
