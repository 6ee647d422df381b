//! `mpcc cost`: what a run costs, before the run, from the protocol's table alone.

use crate::args::{CostArgs, Format};
use crate::build::{need_main, sizes};
use crate::failure::Failure;
use crate::output::{Shown, print};
use crate::program::{self, Object, Spread};
use opt::cost::Event;
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
    // `while@17`: the region gate at line 17; with the column, where a line has several.
    let place = |s: circuit::SpanId| {
        let span = compiled.spans.get(s.0 as usize).copied().unwrap_or_default();
        object.checked().sources.start(span)
    };
    let names: Vec<String> = cost
        .parts
        .iter()
        .map(|p| {
            let (line, column) = place(p.span);
            let alone = cost.parts.iter().all(|q| q.span == p.span || q.event != p.event || place(q.span).0 != line);
            let column = if alone { String::new() } else { format!(":{column}") };
            format!("{}@{line}{column}", p.event.name())
        })
        .collect();
    if shown.format == Format::Json {
        let mut value = json!({
            "rounds": number(cost.rounds),
            "bytes_sent": cost.bytes_sent().into_iter().map(number).collect::<Vec<_>>(),
            "client_bytes": cost.client_bytes.iter().copied().map(number).collect::<Vec<_>>(),
            "gates": cost.gates.iter().map(|(k, v)| (k.to_string(), number(*v))).collect::<serde_json::Map<_, _>>(),
            "predicted_peak_bytes": number(peak),
            "predicted_seconds": cost.predicted_seconds,
            "compile_seconds": compile_seconds,
            "peak_memory_bytes": memory,
        });
        if !cost.parts.is_empty() {
            let bytes = |pairs: &[Vec<u128>]| -> Vec<serde_json::Value> {
                pairs.iter().map(|to| number(to.iter().sum())).collect()
            };
            let parts = cost.parts.iter().zip(&names).map(|(p, name)| {
                json!({
                    "name": name,
                    "at_most": p.at_most.map(number),
                    "rounds": number(p.each.rounds),
                    "bytes_sent": bytes(&p.each.pairs),
                    "gates": p.each.gates.iter().map(|(k, v)| (k.to_string(), number(*v))).collect::<serde_json::Map<_, _>>(),
                    "exact": !p.varies,
                })
            });
            value["times"] = parts.collect();
            value["at_most"] = match &cost.most {
                Some((rounds, pairs)) => json!({ "rounds": number(*rounds), "bytes_sent": bytes(pairs) }),
                None => serde_json::Value::Null,
            };
        }
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
    if cost.client_bytes.iter().any(|n| *n > 0) {
        out.push_str(&format!("clients    {} bytes to and from the nodes\n", cost.client_bytes.iter().sum::<u128>()));
    }
    for (kind, lanes) in &cost.gates {
        out.push_str(&format!("{kind:<10} {lanes}\n"));
    }
    out.push_str(&format!("memory     about {peak} bytes with all nodes in one process\n"));
    out.push_str(&format!("time       about {:.3} s\n", cost.predicted_seconds));
    if !cost.parts.is_empty() {
        out.push_str("and beside that, as revealed values decide:\n");
        for (part, name) in cost.parts.iter().zip(&names) {
            let times = match (part.event, part.at_most) {
                (Event::Turn, _) => "for each turn".to_string(),
                (_, Some(1)) => "if taken".to_string(),
                (_, Some(n)) => format!("each time it is taken, {n} times at most"),
                (_, None) => "each time it is taken".to_string(),
            };
            let most = if part.varies { "at most " } else { "" };
            let bytes: Vec<String> = part.each.bytes_sent().iter().map(u128::to_string).collect();
            let rounds = part.each.rounds;
            let bytes = bytes.join(", ");
            out.push_str(&format!("  {name:<12} {most}{rounds} rounds, {bytes} bytes {times}\n"));
        }
        if let Some((rounds, pairs)) = &cost.most {
            let bytes: Vec<String> = pairs.iter().map(|to| to.iter().sum::<u128>().to_string()).collect();
            out.push_str(&format!("at most    {rounds} rounds, {} bytes\n", bytes.join(", ")));
        }
    }
    print(&out);
    Ok(())
}

/// A count as a JSON number; beyond 64 bits as text.
fn number(n: u128) -> serde_json::Value {
    u64::try_from(n).map_or_else(|_| n.to_string().into(), Into::into)
}
