//! `mpcc doctor`: whether this host is ready for runs, finding by finding, and what to do where it is not.

use crate::args::{DoctorArgs, Format};
use crate::failure::Failure;
use crate::hosts::{key_file, now};
use crate::output::{Shown, print};
use net::keys::date;
use net::probe::{Found, probe};
use node::hosts;
use node::keys::{self, WARN_DAYS};
use node::parties::{HostedBy, Parties};
use serde_json::json;
use std::fmt::Write;
use std::path::Path;

/// Clocks of hosts may differ by this many seconds without a word.
const CLOCK: i64 = 60;

/// Descriptors that a node needs beside one for each client.
const DESCRIPTORS: u64 = 128;

/// How something was found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    Warning,
    /// With the exit code that a run would have.
    Fails(u8),
}

struct Finding {
    check: String,
    status: Status,
    what: String,
    /// What to do; empty where nothing is.
    advice: String,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, check: &str, status: Status, what: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Finding { check: check.into(), status, what: what.into(), advice: advice.into() });
    }
    fn ok(&mut self, check: &str, what: impl Into<String>) {
        self.add(check, Status::Ok, what, "");
    }
}

/// Looks at everything and prints what was found.
///
/// # Errors
/// Something would make a run fail: the exit code is that of the first such finding.
pub fn doctor(args: &DoctorArgs, shown: &Shown) -> Result<(), Failure> {
    let mut found = Findings::default();
    found.ok("version", format!("mpcc {}, wire version {}", env!("CARGO_PKG_VERSION"), wire::VERSION));
    processor(&mut found);
    let parties = args.parties.as_deref().and_then(|file| match Parties::read(file) {
        Ok(parties) => {
            let clients = parties.parties.iter().filter(|p| p.host == HostedBy::Client).count();
            let all = parties.parties.len();
            found.ok("parties", format!("{}: {all} parties, {clients} of them clients", parties.file));
            Some(parties)
        }
        Err(e) => {
            found.add("parties", Status::Fails(2), e, "correct the file; all hosts need the same");
            None
        }
    });
    memory(&mut found, parties.as_ref());
    descriptors(&mut found, parties.as_ref());
    match (&parties, &args.node) {
        (Some(parties), Some(name)) => match parties.node(name) {
            Ok(me) => host(&mut found, args, parties, me),
            Err(e) => found.add("node", Status::Fails(2), e, "give one of the names with --as"),
        },
        (Some(parties), None) => {
            let names = parties.names().join(", ");
            let advice = format!("say which node this host is: --as NODE, of {names}");
            found.add("node", Status::Warning, "keys, port, and other nodes were not looked at", advice);
        }
        (None, _) => {
            if args.parties.is_none() {
                let advice = "give the file with --parties, and the name of this node with --as";
                found.add("parties", Status::Warning, "keys, port, and other nodes were not looked at", advice);
            }
        }
    }
    show(&found, shown);
    let fails = found.0.iter().find_map(|f| match f.status {
        Status::Fails(code) => Some(code),
        _ => None,
    });
    fails.map_or(Ok(()), |code| Err(Failure::Shown(code)))
}

fn processor(found: &mut Findings) {
    let features = features();
    let text = if features.is_empty() { "none of those that are used".to_owned() } else { features.join(", ") };
    if features.contains(&"aes") {
        found.ok("processor", text);
    } else {
        let advice = "runs are right but several times slower; use a host with AES instructions";
        found.add("processor", Status::Warning, format!("no AES instructions ({text})"), advice);
    }
}

/// Instructions that kernels use, where the processor has them.
#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let all = [
        ("aes", std::arch::is_x86_feature_detected!("aes")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("vaes", std::arch::is_x86_feature_detected!("vaes")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
    ];
    all.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<&'static str> {
    Vec::new()
}

fn memory(found: &mut Findings, parties: Option<&Parties>) {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"));
    let Some(kib) = line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse::<u64>().ok()) else {
        found.add("memory", Status::Warning, "the system does not tell how much is free", "");
        return;
    };
    let free = kib * 1024;
    let text = format!("{:.1} GiB free", free as f64 / (1u64 << 30) as f64);
    match parties.and_then(|p| p.run.memory) {
        Some(budget) if budget > free => {
            let what = format!("{text}, less than the budget of {budget} bytes in the parties file");
            found.add("memory", Status::Fails(8), what, "free memory, or agree with the others on a smaller budget");
        }
        _ => found.ok("memory", text),
    }
}

fn descriptors(found: &mut Findings, parties: Option<&Parties>) {
    let text = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("Max open files"));
    let soft = line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse::<u64>().ok());
    let clients: usize = parties.map_or(0, |p| p.parties.iter().map(|p| p.fingerprints.len()).sum());
    let need = DESCRIPTORS + clients as u64;
    match soft {
        Some(limit) if limit < need => {
            let what = format!("{limit} may be open, {need} are needed ({clients} clients)");
            found.add(
                "open files",
                Status::Fails(8),
                what,
                format!("raise the hard limit: ulimit -n {need}, or LimitNOFILE= of a unit"),
            );
        }
        Some(limit) => found.ok("open files", format!("{limit} may be open")),
        None => found.ok("open files", "no limit known"),
    }
}

/// This node's key, clock, and port, and the other nodes.
fn host(found: &mut Findings, args: &DoctorArgs, parties: &Parties, me: usize) {
    let node = &parties.nodes[me];
    let path = key_file(args.key.as_ref(), parties, &node.name);
    let identity = match keys::load(&path) {
        Ok((identity, leaf)) => {
            validity(found, &path, &node.name, leaf.from, leaf.until);
            Some(identity)
        }
        Err(e) => {
            found.add("key", Status::Fails(2), e, format!("make one: mpcc party new {}", node.name));
            None
        }
    };
    if let Some(Err(e)) = identity.as_ref().map(|i| hosts::own(parties, me, i)) {
        let advice = "give all hosts the lines of `mpcc party show`, or give the right key with --key";
        found.add("key", Status::Fails(2), e.to_string(), advice);
    }
    let bind = args.bind.as_deref();
    let listener = match hosts::listen(node, bind) {
        Ok(listener) => {
            found.ok("port", format!("{} is free", bind.unwrap_or(&node.address)));
            Some(listener)
        }
        Err(e) => {
            found.add("port", Status::Fails(4), e.to_string(), "end what listens there, or choose with --bind");
            None
        }
    };
    let Some(identity) = identity else { return };
    let peers = hosts::peers(parties);
    match probe(me, &peers, &identity, listener, args.wait, env!("CARGO_PKG_VERSION")) {
        Ok(all) => {
            for (peer, result) in peers.iter().zip(all) {
                if let Some(result) = result {
                    reached(found, &peer.name, &peer.address, &result);
                }
            }
        }
        Err(e) => found.add("nodes", Status::Fails(4), e.to_string(), ""),
    }
}

fn validity(found: &mut Findings, path: &Path, name: &str, from: i64, until: i64) {
    let now = now();
    let text = format!("{} is valid until {}", path.display(), date(until));
    if now < from {
        let what = format!("{} is valid from {} on, and it is {}", path.display(), date(from), date(now));
        found.add("certificate", Status::Fails(4), what, "set this host's clock");
    } else if now >= until {
        let advice = format!("make the next one, tell the others: mpcc party rotate {name}");
        found.add("certificate", Status::Fails(4), format!("{text}: it has expired"), advice);
    } else if until - now < WARN_DAYS * 86_400 {
        let days = (until - now) / 86_400;
        let advice = format!("make the next one, tell the others: mpcc party rotate {name}");
        found.add("certificate", Status::Warning, format!("{text}, which is in {days} days"), advice);
    } else {
        found.ok("certificate", text);
    }
}

fn reached(found: &mut Findings, name: &str, address: &str, result: &Found) {
    match &result.reached {
        Ok(there) if there.build != env!("CARGO_PKG_VERSION") => {
            let what = format!("{address} answers with mpcc {}, this is {}", there.build, env!("CARGO_PKG_VERSION"));
            found.add(name, Status::Fails(7), what, "all hosts need the same version");
        }
        Ok(there) if there.ahead.abs() > CLOCK => {
            let way = if there.ahead > 0 { "ahead" } else { "behind" };
            let what = format!("{address} answers, and its clock is {} s {way}", there.ahead.abs());
            found.add(name, Status::Warning, what, "set both clocks (NTP): certificates are valid by the clock");
        }
        Ok(_) if !result.called => {
            let what = format!("{address} answers; it has not called this host");
            let advice = "while this runs, run `mpcc doctor` there too, to see whether the way back is open";
            found.add(name, Status::Warning, what, advice);
        }
        Ok(_) => found.ok(name, format!("{address} answers, and has called this host")),
        Err(why) => {
            let advice =
                "run `mpcc doctor --wait 60s` there at the same time; if it runs: firewalls, address, fingerprints";
            let called = if result.called { "; it has called this host" } else { "" };
            found.add(name, Status::Fails(4), format!("{address}: {why}{called}"), advice);
        }
    }
}

fn show(found: &Findings, shown: &Shown) {
    if shown.format == Format::Json {
        let list: Vec<_> = found
            .0
            .iter()
            .map(|f| {
                let status = match f.status {
                    Status::Ok => "ok",
                    Status::Warning => "warning",
                    Status::Fails(_) => "fails",
                };
                json!({ "check": f.check, "status": status, "what": f.what, "advice": f.advice })
            })
            .collect();
        let fails = found.0.iter().filter(|f| matches!(f.status, Status::Fails(_))).count();
        print(&format!("{}\n", json!({ "ready": fails == 0, "findings": list })));
        return;
    }
    let width = found.0.iter().map(|f| f.check.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for f in &found.0 {
        let status = match f.status {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Fails(_) => "FAILS",
        };
        let _ = writeln!(out, "{status:<8} {:<width$}  {}", f.check, f.what);
        if !f.advice.is_empty() {
            let _ = writeln!(out, "{:<8} {:<width$}  {}", "", "", f.advice);
        }
    }
    print(&out);
}
