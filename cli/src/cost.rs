//! `mpcc cost`: what a run costs, before the run, from the protocol's table alone; by line, function, or kind of gate; beside
//! another version; against budgets; and as a page.

mod budget;
mod html;
mod parts;
mod report;

use crate::args::{CostArgs, Format, Source, Target};
use crate::build::{need_main, sizes};
use crate::failure::Failure;
use crate::output::{Shown, print};
use crate::program::{self, Goal, Object, Spread};
use node::Sizes;
use opt::cost::Cost;
pub use report::By;
use report::{Figures, Row};
use serde_json::{Value, json};
use std::time::Instant;

/// A program with its price.
struct Priced {
    object: Object,
    compiled: driver::Compiled,
    sizes: Sizes,
    cost: Cost,
    goal: Goal,
    /// Predicted, of all nodes in one process.
    peak: u128,
    compile_seconds: f64,
}

impl Priced {
    fn of(source: &Source, target: &Target, shown: &Shown) -> Result<Priced, Failure> {
        let start = Instant::now();
        let goal = program::target(target)?;
        let (place, checked) = program::checked(source, shown)?;
        need_main(&checked, shown)?;
        let object = Object::new(checked, &goal, shown.color)?;
        let sizes = sizes(&object, source, &place)?;
        let compiled = object.compiled(&sizes)?;
        let mut cost = opt::cost::cost(&compiled.gates, &compiled.schedule, goal.protocol, &goal.profile)
            .map_err(|e| Failure::Ours(e.to_string()))?;
        cost.predicted_seconds = cost.seconds(&goal.calibration.hosts(goal.profile));
        let peak = Spread::Together.resident(cost.predicted_peak_bytes, object.nodes());
        let compile_seconds = start.elapsed().as_secs_f64();
        Ok(Priced { object, compiled, sizes, cost, goal, peak, compile_seconds })
    }
    fn figures(&self) -> Figures {
        Figures::of(&self.cost)
    }
    fn json(&self) -> Value {
        let mut value = self.figures().json();
        value["client_bytes"] = self.cost.client_bytes.iter().copied().map(report::number).collect();
        value["predicted_peak_bytes"] = report::number(self.peak);
        value["predicted_seconds"] = json!(self.cost.predicted_seconds);
        value["compile_seconds"] = json!(self.compile_seconds);
        value["peak_memory_bytes"] = json!(node::stats::peak_memory());
        parts::add(&mut value, self);
        value
    }
    fn rows(&self, by: report::By) -> Vec<Row> {
        report::rows(by, &self.cost, &self.compiled.spans, self.object.checked())
    }
}

/// Prices a program.
///
/// # Errors
/// The program is wrong, sizes are missing, a budget is exceeded, or a page cannot be written.
pub fn cost(args: &CostArgs, shown: &Shown) -> Result<(), Failure> {
    if args.check {
        return budget::check(args, shown);
    }
    let priced = Priced::of(&args.source, &args.target, shown)?;
    if let Some(file) = &args.html {
        let page = html::page(&priced);
        crate::files::replace(file, page.as_bytes()).map_err(Failure::usage)?;
    }
    if let Some(other) = &args.diff {
        return diff(&priced, other, args, shown);
    }
    let rows = args.by.map(|by| priced.rows(by));
    let curve = args.curve.then(|| priced.object.curve(&priced.sizes)).transpose()?;
    if shown.format == Format::Json {
        let mut value = priced.json();
        if let Some(rows) = &rows {
            value["by"] = rows.iter().map(Row::json).collect();
        }
        if let Some(curve) = &curve {
            let point = |(strips, rounds, peak): &(u64, u128, u128)| json!({"strips": strips, "rounds": report::number(*rounds), "predicted_peak_bytes": report::number(*peak)});
            value["curve"] = curve.iter().map(point).collect();
        }
        print(&format!("{value}\n"));
        return Ok(());
    }
    let mut out = summary(&priced);
    if let Some(curve) = &curve {
        out.push_str(&format!("\n{:>8} {:>12} {:>18}\n", "strips", "rounds", "bytes of memory"));
        for (strips, rounds, peak) in curve {
            out.push_str(&format!("{strips:>8} {rounds:>12} {peak:>18}\n"));
        }
    }
    if let Some(rows) = rows {
        out.push('\n');
        out.push_str(&report::table(&rows, args.by));
    }
    print(&out);
    Ok(())
}

fn summary(p: &Priced) -> String {
    let (cost, sizes) = (&p.cost, &p.sizes);
    let mut out = String::new();
    let bound: Vec<String> = sizes.iter().map(|(n, v)| format!("{n} = {v}")).collect();
    if !bound.is_empty() {
        out.push_str(&format!("sizes      {}\n", bound.join(", ")));
    }
    out.push_str(&format!("rounds     {}\n", cost.rounds));
    for (k, bytes) in cost.bytes_sent().iter().enumerate() {
        let name = p.goal.parties.as_ref().map_or_else(|| format!("node{k}"), |p| p.nodes[k].name.clone());
        out.push_str(&format!("{name:<10} sends {bytes} bytes\n"));
    }
    if cost.client_bytes.iter().any(|n| *n > 0) {
        out.push_str(&format!("clients    {} bytes to and from the nodes\n", cost.client_bytes.iter().sum::<u128>()));
    }
    for (kind, lanes) in &cost.gates {
        out.push_str(&format!("{kind:<10} {lanes}\n"));
    }
    out.push_str(&format!("memory     about {} bytes with all nodes in one process\n", p.peak));
    out.push_str(&format!("time       about {:.3} s\n", cost.predicted_seconds));
    out.push_str(&parts::text(p));
    out
}

/// This version beside another: a program, or what `cost --format json` printed.
fn diff(now: &Priced, other: &std::path::Path, args: &CostArgs, shown: &Shown) -> Result<(), Failure> {
    let mut before_rows = None;
    let before = if other.extension().is_some_and(|e| e == "json") {
        let text = crate::files::read(other).map_err(Failure::usage)?;
        let value: Value =
            serde_json::from_str(&text).map_err(|e| Failure::usage(format!("{}: {e}", other.display())))?;
        Figures::from_json(&value).ok_or_else(|| {
            Failure::usage(format!("{} is not what `mpcc cost --format json` prints", other.display()))
        })?
    } else {
        let source = Source { program: other.to_path_buf(), ..args.source.clone() };
        let priced = Priced::of(&source, &args.target, shown)?;
        before_rows = args.by.map(|by| priced.rows(by));
        priced.figures()
    };
    let after = now.figures();
    let rows = match (args.by, before_rows) {
        (Some(by), Some(before)) => report::pairs(&before, &now.rows(by)),
        (Some(_), None) => {
            return Err(Failure::usage("--by beside --diff wants a program to compare with, not a file of figures"));
        }
        _ => vec![],
    };
    if shown.format == Format::Json {
        let mut value = json!({ "before": before.json(), "after": after.json() });
        if args.by.is_some() {
            value["by"] = rows
                .iter()
                .map(|(what, b, a)| json!({ "what": what, "before": report::number(*b), "after": report::number(*a) }))
                .collect();
        }
        print(&format!("{value}\n"));
        return Ok(());
    }
    let mut out = report::compare(&before, &after);
    if args.by.is_some() {
        out.push_str("\nbytes sent by all nodes\n");
        out.push_str(&report::changes(rows.iter().map(|(w, b, a)| (w.clone(), *b, *a))));
    }
    print(&out);
    Ok(())
}
