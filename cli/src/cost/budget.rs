//! Budgets of a program: `mpc.toml` beside it says what a run may cost, and `cost --check` fails where it costs more.

use super::{Priced, report::number};
use crate::args::{CostArgs, Format, Source, Target};
use crate::failure::Failure;
use crate::output::{Shown, print};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    budget: Vec<Budget>,
}

/// What a run may cost, at given sizes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    /// For messages.
    name: Option<String>,
    /// Sizes and public parameters, as by `-D`.
    #[serde(default)]
    sizes: BTreeMap<String, toml::Value>,
    protocol: Option<String>,
    net: Option<String>,
    rounds: Option<u64>,
    /// Most that a node sends.
    bytes_sent: Option<u64>,
    /// Lanes by kind.
    #[serde(default)]
    gates: BTreeMap<String, u64>,
    predicted_peak_bytes: Option<u64>,
    predicted_seconds: Option<f64>,
}

/// A figure beside its limit.
struct Line {
    budget: String,
    what: String,
    is: f64,
    limit: f64,
    text: (String, String),
}

/// Checks every budget of the program.
///
/// # Errors
/// Exit 1 where one is exceeded; usage where there is none, or the file is wrong.
pub fn check(args: &CostArgs, shown: &Shown) -> Result<(), Failure> {
    let place = crate::files::locate(&args.source.program).map_err(Failure::usage)?;
    let path = place.dir.join("mpc.toml");
    let text = crate::files::read(&path).map_err(|e| Failure::usage(format!("budgets stand in mpc.toml: {e}")))?;
    let file: File = toml::from_str(&text).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))?;
    if file.budget.is_empty() {
        return Err(Failure::usage(format!("{} has no [[budget]]", path.display())));
    }
    let mut lines = vec![];
    for (k, b) in file.budget.iter().enumerate() {
        let name = b.name.clone().unwrap_or_else(|| format!("budget {}", k + 1));
        let mut source: Source = args.source.clone();
        for (n, v) in &b.sizes {
            let value = match v {
                toml::Value::String(s) => s.clone(),
                v => v.to_string(),
            };
            // What the command line says goes before the file.
            if !source.defines.iter().any(|d| d.split('=').next().is_some_and(|d| d.trim() == n)) {
                source.defines.push(format!("{n}={value}"));
            }
        }
        let target = Target {
            protocol: args.target.protocol.clone().or_else(|| b.protocol.clone()),
            net: args.target.net.clone().or_else(|| b.net.clone()),
            ..args.target.clone()
        };
        let priced = Priced::of(&source, &target, shown)?;
        let cost = &priced.cost;
        let mut whole = |what: &str, is: u128, limit: Option<u64>| {
            if let Some(limit) = limit {
                let text = (is.to_string(), limit.to_string());
                lines.push(Line { budget: name.clone(), what: what.into(), is: is as f64, limit: limit as f64, text });
            }
        };
        whole("rounds", cost.rounds, b.rounds);
        whole("bytes_sent", cost.bytes_sent().into_iter().max().unwrap_or(0), b.bytes_sent);
        for (kind, limit) in &b.gates {
            if !opt::cost::KINDS.contains(&kind.as_str()) {
                return Err(Failure::usage(format!(
                    "{}: there is no gate `{kind}`; there are {}",
                    path.display(),
                    opt::cost::KINDS.join(", ")
                )));
            }
            whole(kind, cost.gates.get(kind.as_str()).copied().unwrap_or(0), Some(*limit));
        }
        whole("predicted_peak_bytes", priced.peak, b.predicted_peak_bytes);
        if let Some(limit) = b.predicted_seconds {
            let (is, what) = (cost.predicted_seconds, "predicted_seconds".to_string());
            let text = (format!("{is:.6}"), limit.to_string());
            lines.push(Line { budget: name.clone(), what, is, limit, text });
        }
    }
    let failed = lines.iter().any(|l| l.is > l.limit);
    if shown.format == Format::Json {
        let list: Vec<_> = lines
            .iter()
            .map(|l| {
                let figure = |text: &str, v: f64| text.parse::<u128>().map_or_else(|_| json!(v), number);
                json!({ "budget": l.budget, "what": l.what, "is": figure(&l.text.0, l.is), "limit": figure(&l.text.1, l.limit), "ok": l.is <= l.limit })
            })
            .collect();
        print(&format!("{}\n", json!({ "ok": !failed, "budgets": list })));
    } else {
        let mut out = String::new();
        for l in &lines {
            let word = if l.is <= l.limit { "ok  " } else { "OVER" };
            out.push_str(&format!("{word} {}: {} {} of {}\n", l.budget, l.what, l.text.0, l.text.1));
        }
        print(&out);
    }
    if failed { Err(Failure::Shown(1)) } else { Ok(()) }
}
