//! `mpcc cost`: what a run costs, before the run, from the protocol's table alone.

use crate::args::{CostArgs, Format};
use crate::build::{need_main, sizes};
use crate::failure::Failure;
use crate::output::{Shown, print};
use crate::program::{self, Object, Spread};
use serde_json::json;
use std::time::Instant;

/// Prices a program.
///
/// # Errors
/// The program is wrong, or sizes are missing.
pub fn cost(args: &CostArgs, shown: &Shown) -> Result<(), Failure> {
    let start = Instant::now();
    let goal = program::target(&args.target)?;
    let (place, checked) = program::checked(&args.source, shown)?;
    need_main(&checked, shown)?;
    let object = Object::new(checked, &goal, shown.color)?;
    let sizes = sizes(&object, &args.source, &place)?;
    let compiled = object.compiled(&sizes)?;
    let cost = opt::cost::cost(&compiled.gates, &compiled.schedule, goal.protocol, &goal.profile)
        .map_err(|e| Failure::Ours(e.to_string()))?;
    let peak = Spread::Together.resident(cost.predicted_peak_bytes, object.nodes());
    let compile_seconds = start.elapsed().as_secs_f64();
    let memory = node::stats::peak_memory();
    if shown.format == Format::Json {
        let value = json!({
            "rounds": number(cost.rounds),
            "bytes_sent": cost.bytes_sent().into_iter().map(number).collect::<Vec<_>>(),
            "gates": cost.gates.iter().map(|(k, v)| (k.to_string(), number(*v))).collect::<serde_json::Map<_, _>>(),
            "predicted_peak_bytes": number(peak),
            "predicted_seconds": cost.predicted_seconds,
            "compile_seconds": compile_seconds,
            "peak_memory_bytes": memory,
        });
        print(&format!("{value}\n"));
        return Ok(());
    }
    let mut out = String::new();
    let bound: Vec<String> = sizes.iter().map(|(n, v)| format!("{n} = {v}")).collect();
    if !bound.is_empty() {
        out.push_str(&format!("sizes      {}\n", bound.join(", ")));
    }
    out.push_str(&format!("rounds     {}\n", cost.rounds));
    for (k, bytes) in cost.bytes_sent().iter().enumerate() {
        let name = goal.parties.as_ref().map_or_else(|| format!("node{k}"), |p| p.nodes[k].name.clone());
        out.push_str(&format!("{name:<10} sends {bytes} bytes\n"));
    }
    for (kind, lanes) in &cost.gates {
        out.push_str(&format!("{kind:<10} {lanes}\n"));
    }
    out.push_str(&format!("memory     about {peak} bytes with all nodes in one process\n"));
    out.push_str(&format!("time       about {:.3} s\n", cost.predicted_seconds));
    if !cost.turns.is_empty() {
        out.push_str("and for each turn of a loop on revealed values:\n");
        for (span, turn) in &cost.turns {
            let line = compiled.lowered.spans.get(span.0 as usize).map(|s| object.checked().sources.start(*s).0);
            let line = line.map_or(String::new(), |l| format!(" at line {l}"));
            out.push_str(&format!("  while{line}: {} rounds, {:?} bytes\n", turn.rounds, turn.bytes_sent()));
        }
    }
    print(&out);
    Ok(())
}

/// A count as a JSON number; beyond 64 bits as text.
fn number(n: u128) -> serde_json::Value {
    u64::try_from(n).map_or_else(|_| n.to_string().into(), Into::into)
}
