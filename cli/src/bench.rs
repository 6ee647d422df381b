//! `mpcc bench`: what a round and a byte take on this machine, in memory and over TLS on loopback; with `--calibrate` predictions
//! of times use it from then on.
//!
//! No circuit depends on these numbers: hosts that measured differently still compile alike.

use crate::args::{BenchArgs, Format};
use crate::failure::Failure;
use crate::output::{Shown, print};
use opt::{Carrier, Profile};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Rounds of the chain that sends next to nothing.
const ROUNDS: u64 = 5_000;
/// Rounds and lanes of the chain that sends much: 24 MB by each node.
const WIDE: (u64, u64) = (30, 100_000);
/// Runs of each, of which the middle one counts.
const TIMES: usize = 3;

/// Squares in a chain: a round each, and one word from each node for each lane.
const CHAIN: &str = "party Ada;\n\nfn main<N: size, R: size>(x: [u64; N] from Ada) -> u64 {\n    let mut y = x;\n    \
                     for _r in 0..R {\n        y = y * y + x;\n    }\n    reveal(y.sum())\n}\n";

/// What a round and a byte take, in one way of carrying messages.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Figures {
    round_us: f64,
    byte_ns: f64,
}

/// What was measured on this machine.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    memory: Option<Figures>,
    tcp: Option<Figures>,
}

impl Figures {
    fn applied(self, to: Carrier) -> Carrier {
        Carrier { round: self.round_us * 1e-6, byte: self.byte_ns * 1e-9, ..to }
    }
    fn fine(self) -> bool {
        let fine = |v: f64| v.is_finite() && v >= 0.0;
        fine(self.round_us) && fine(self.byte_ns)
    }
}

impl Calibration {
    /// What an earlier `mpcc bench --calibrate` left, if anything.
    ///
    /// # Errors
    /// Usage: a file that is not as it was left.
    pub fn read() -> Result<Calibration, Failure> {
        let Some(path) = place().filter(|p| p.exists()) else { return Ok(Calibration::default()) };
        let wrong = |what: String| {
            Failure::usage(format!("{}: {what}; `mpcc bench --calibrate` makes it anew", path.display()))
        };
        let text = crate::files::read(&path).map_err(Failure::usage)?;
        let found: Calibration = toml::from_str(&text).map_err(|e| wrong(e.message().to_string()))?;
        if [found.memory, found.tcp].into_iter().flatten().all(Figures::fine) {
            return Ok(found);
        }
        Err(wrong("a time that is none".into()))
    }

    /// Nodes as threads of one process.
    pub fn memory(&self, emulated: Option<Profile>) -> Carrier {
        let carrier = Carrier::memory(emulated);
        self.memory.map_or(carrier, |f| f.applied(carrier))
    }

    /// Nodes as processes that talk TLS over loopback.
    pub fn loopback(&self) -> Carrier {
        self.tcp.map_or(Carrier::loopback(), |f| f.applied(Carrier::loopback()))
    }

    /// Nodes at hosts like this one, each with cores of its own: in proportion to what three on this machine take.
    pub fn hosts(&self, network: Profile) -> Carrier {
        let (own, shared) = (Carrier::hosts(network), Carrier::loopback());
        self.tcp.map_or(own, |f| {
            let here = f.applied(shared);
            Carrier { round: own.round * here.round / shared.round, byte: own.byte * here.byte / shared.byte, network }
        })
    }
}

/// Where it lies: `MPCC_CALIBRATION`, or else among the user's configuration.
fn place() -> Option<PathBuf> {
    let dir = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let config = || dir("XDG_CONFIG_HOME").or_else(|| Some(dir("HOME")?.join(".config")));
    dir("MPCC_CALIBRATION").or_else(|| Some(config()?.join("mpcc/calibration.toml")))
}

/// Measures, and keeps what was measured if asked to.
///
/// # Errors
/// A run that fails; a file that cannot be written.
pub fn bench(args: &BenchArgs, shown: &Shown) -> Result<(), Failure> {
    let dir = tempfile::tempdir().map_err(|e| Failure::usage(format!("a temporary folder: {e}")))?;
    let program = dir.path().join("chain.mpc");
    std::fs::write(&program, CHAIN).map_err(|e| Failure::usage(format!("{}: {e}", program.display())))?;
    let found = Calibration { memory: Some(measured(&program, false)?), tcp: Some(measured(&program, true)?) };
    let kept = if args.calibrate { Some(keep(&found)?) } else { None };
    let rows = [("memory", found.memory), ("tcp", found.tcp)];
    match shown.format {
        Format::Json => {
            let mut value = json!({ "memory": found.memory, "tcp": found.tcp });
            value["file"] = json!(kept.map(|p| p.display().to_string()));
            print(&format!("{value}\n"));
        }
        _ => {
            let mut out = format!("{:<8} {:>12} {:>12}\n", "nodes", "a round", "a byte");
            for (name, f) in rows.iter().filter_map(|(n, f)| Some((n, (*f)?))) {
                out += &format!("{name:<8} {:>9.1} µs {:>9.2} ns\n", f.round_us, f.byte_ns);
            }
            out += &match kept {
                Some(path) => format!("predictions of times use this from now on: {}\n", path.display()),
                None => "`--calibrate` lets predictions of times use this\n".to_string(),
            };
            print(&out);
        }
    }
    Ok(())
}

fn keep(found: &Calibration) -> Result<PathBuf, Failure> {
    let path = place().ok_or_else(|| Failure::usage("there is no home folder: name a file in MPCC_CALIBRATION"))?;
    let told = |e: std::io::Error| Failure::usage(format!("{}: {e}", path.display()));
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(told)?;
    }
    let text = toml::to_string(found).map_err(|e| Failure::Ours(e.to_string()))?;
    crate::files::replace(&path, text.as_bytes()).map_err(Failure::usage)?;
    Ok(path)
}

/// A line through two points: of a chain of little, which is all rounds, and of one of much.
fn measured(program: &Path, tcp: bool) -> Result<Figures, Failure> {
    let narrow = middle(program, (ROUNDS, 1), tcp)?;
    let round = narrow / ROUNDS as f64;
    let wide = middle(program, WIDE, tcp)?;
    let bytes = (WIDE.0 * WIDE.1 * 8) as f64;
    let byte = ((wide - WIDE.0 as f64 * round) / bytes).max(0.0);
    // No more digits than mean something.
    let short = |v: f64| (v * 1000.0).round() / 1000.0;
    Ok(Figures { round_us: short(round * 1e6), byte_ns: short(byte * 1e9) })
}

/// Seconds of the middle one of some runs.
fn middle(program: &Path, (rounds, lanes): (u64, u64), tcp: bool) -> Result<f64, Failure> {
    let command = std::env::current_exe().map_err(|e| Failure::Ours(format!("where this command lies: {e}")))?;
    let mut all = Vec::new();
    for _ in 0..TIMES {
        let mut run = Command::new(&command);
        run.arg("run").arg(program).args(["-D", &format!("R={rounds}"), "-D", &format!("N={lanes}")]);
        run.args(["--random-inputs", "1", "--stats", "--format", "json"]).args(tcp.then_some("--tcp"));
        let out = run.output().map_err(|e| Failure::Ours(format!("a run: {e}")))?;
        let value: Option<Value> = serde_json::from_slice(&out.stdout).ok();
        let seconds = value.as_ref().and_then(|v| v["stats"]["seconds"]["run"].as_f64());
        let text = || String::from_utf8_lossy(&out.stderr).into_owned();
        all.push(seconds.ok_or_else(|| Failure::usage(format!("a run failed: {}", text().trim())))?);
    }
    all.sort_by(f64::total_cmp);
    Ok(all[TIMES / 2])
}
