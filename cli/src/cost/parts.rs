//! What revealed values decide: the parts of a cost that a run takes so many times, or not at all. Stands beside the totals.

use super::Priced;
use super::report::number;
use opt::cost::Event;
use serde_json::{Value, json};

/// `while@17`: the region gate at line 17; with the column, where a line has several.
fn names(p: &Priced) -> Vec<String> {
    let place = |s: circuit::SpanId| {
        let span = p.compiled.spans.get(s.0 as usize).copied().unwrap_or_default();
        p.object.checked().sources.start(span)
    };
    let parts = &p.cost.parts;
    parts
        .iter()
        .map(|part| {
            let (line, column) = place(part.span);
            let alone = parts.iter().all(|q| q.span == part.span || q.event != part.event || place(q.span).0 != line);
            let column = if alone { String::new() } else { format!(":{column}") };
            format!("{}@{line}{column}", part.event.name())
        })
        .collect()
}

/// Puts them into the object of `cost --format json`.
pub(super) fn add(value: &mut Value, priced: &Priced) {
    let cost = &priced.cost;
    if cost.parts.is_empty() {
        return;
    }
    let bytes = |pairs: &[Vec<u128>]| -> Vec<Value> { pairs.iter().map(|to| number(to.iter().sum())).collect() };
    let parts = cost.parts.iter().zip(names(priced)).map(|(p, name)| {
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
        None => Value::Null,
    };
}

/// The same for people; empty where there are none.
pub(super) fn text(priced: &Priced) -> String {
    let cost = &priced.cost;
    let mut out = String::new();
    if cost.parts.is_empty() {
        return out;
    }
    out.push_str("and beside that, as revealed values decide:\n");
    for (part, name) in cost.parts.iter().zip(names(priced)) {
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
    out
}
