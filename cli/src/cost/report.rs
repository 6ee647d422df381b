//! Figures of a cost, and their shares by line, function, or kind of gate. Knows no page and no budget.

use clap::ValueEnum;
use diag::Span;
use driver::Checked;
use opt::cost::Cost;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What rows are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Lines of the source
    Line,
    /// Functions: what their own lines cost, wherever they are called
    Function,
    /// Kinds of interactive gates
    Gate,
}

/// A share of a cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// `file:line`, a function, or a kind.
    pub what: String,
    /// File and line, for lines.
    pub line: Option<(u32, u32)>,
    /// Payload bytes, sent by all nodes together.
    pub bytes: u128,
    /// Rounds in which it takes part; rounds are shared, so these do not add up.
    pub rounds: u128,
    /// Lanes by kind.
    pub gates: BTreeMap<String, u128>,
    /// Bytes by kind.
    pub kind_bytes: BTreeMap<&'static str, u128>,
}

impl Row {
    /// As an object.
    pub fn json(&self) -> Value {
        json!({ "what": self.what, "bytes": number(self.bytes), "rounds": number(self.rounds), "gates": gates(&self.gates) })
    }
}

fn gates(of: &BTreeMap<String, u128>) -> Value {
    of.iter().map(|(k, v)| (k.clone(), number(*v))).collect::<serde_json::Map<_, _>>().into()
}

/// A count as a JSON number; beyond 64 bits as text.
pub fn number(n: u128) -> Value {
    u64::try_from(n).map_or_else(|_| n.to_string().into(), Into::into)
}

/// The figures that two versions are compared by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Rounds.
    pub rounds: u128,
    /// Payload bytes by node.
    pub bytes: Vec<u128>,
    /// Lanes by kind.
    pub gates: BTreeMap<String, u128>,
}

impl Figures {
    /// Those of a cost.
    pub fn of(cost: &Cost) -> Figures {
        let gates = cost.gates.iter().map(|(k, v)| (k.to_string(), *v)).collect();
        Figures { rounds: cost.rounds, bytes: cost.bytes_sent(), gates }
    }
    /// As the contract of `cost --format json` names them.
    pub fn json(&self) -> Value {
        json!({
            "rounds": number(self.rounds),
            "bytes_sent": self.bytes.iter().map(|b| number(*b)).collect::<Vec<_>>(),
            "gates": gates(&self.gates),
        })
    }
    /// Back from there.
    pub fn from_json(value: &Value) -> Option<Figures> {
        let read = |v: &Value| match v {
            Value::String(s) => s.parse().ok(),
            v => v.as_u64().map(u128::from),
        };
        let bytes = value.get("bytes_sent")?.as_array()?.iter().map(read).collect::<Option<_>>()?;
        let gates = value.get("gates")?.as_object()?;
        let gates = gates.iter().map(|(k, v)| Some((k.clone(), read(v)?))).collect::<Option<_>>()?;
        Some(Figures { rounds: read(value.get("rounds")?)?, bytes, gates })
    }
    /// Each with its name.
    pub fn named(&self) -> Vec<(String, u128)> {
        let mut out = vec![("rounds".to_string(), self.rounds)];
        out.extend(self.bytes.iter().enumerate().map(|(k, b)| (format!("node{k} sends"), *b)));
        out.extend(self.gates.iter().map(|(k, v)| (k.clone(), *v)));
        out
    }
}

/// The function whose text a span stands in.
fn function_at(checked: &Checked, span: Span) -> Option<String> {
    let inside = |f: &&sema::tree::Fn| {
        let body = f.expr(f.body).span;
        body.file == span.file && body.lo <= span.lo && span.hi <= body.hi
    };
    let width = |f: &&sema::tree::Fn| {
        let body = f.expr(f.body).span;
        body.hi - body.lo
    };
    checked.program.fns.iter().filter(inside).min_by_key(width).map(|f| f.name.to_string())
}

/// Where a span stands: row name, and file and line.
fn place(by: By, span: Option<Span>, checked: &Checked) -> (String, Option<(u32, u32)>) {
    // What has no line of its own, the sharing of inputs, belongs to where they are declared.
    let main = || checked.program.main.map(|m| checked.program.f(m).span);
    let Some(span) = span.filter(|s| *s != Span::default()).or_else(main) else { return ("(no line)".into(), None) };
    match by {
        By::Function => (function_at(checked, span).unwrap_or_else(|| "main".into()), None),
        _ => {
            let line = checked.sources.start(span).0;
            let name = checked.sources.name(span.file);
            let short = name.rsplit('/').next().unwrap_or(name);
            (format!("{short}:{line}"), Some((span.file.0, line)))
        }
    }
}

/// Shares of a cost, the greatest first.
pub fn rows(by: By, cost: &Cost, spans: &[Span], checked: &Checked) -> Vec<Row> {
    let mut all: BTreeMap<String, Row> = BTreeMap::new();
    for (id, c) in &cost.spans {
        let span = spans.get(id.0 as usize).copied();
        for (kind, lanes) in &c.gates {
            let (what, line) = if by == By::Gate { (kind.to_string(), None) } else { place(by, span, checked) };
            let row = all.entry(what.clone()).or_default();
            (row.what, row.line) = (what, line);
            let bytes = c.kind_bytes.get(kind).copied().unwrap_or(0);
            row.bytes += bytes;
            *row.kind_bytes.entry(kind).or_default() += bytes;
            *row.gates.entry(kind.to_string()).or_default() += lanes;
        }
        if by != By::Gate {
            let (what, _) = place(by, span, checked);
            // Spans of one row may share rounds: at least the most that one of them takes.
            if let Some(row) = all.get_mut(&what) {
                row.rounds = row.rounds.max(c.rounds);
            }
        }
    }
    if by == By::Gate {
        for (kind, rounds) in &cost.kind_rounds {
            if let Some(row) = all.get_mut(*kind) {
                row.rounds = *rounds;
            }
        }
    }
    let mut out: Vec<Row> = all.into_values().collect();
    out.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.what.cmp(&b.what)));
    out
}

/// Functions with their lines, both the greatest first.
pub fn tree(cost: &Cost, spans: &[Span], checked: &Checked) -> Vec<(String, Vec<Row>)> {
    let mut of: BTreeMap<String, Cost> = BTreeMap::new();
    for (id, c) in &cost.spans {
        let (function, _) = place(By::Function, spans.get(id.0 as usize).copied(), checked);
        of.entry(function).or_default().spans.insert(*id, c.clone());
    }
    let mut out: Vec<_> = of.into_iter().map(|(f, part)| (f, rows(By::Line, &part, spans, checked))).collect();
    out.sort_by_key(|(_, lines)| std::cmp::Reverse(lines.iter().map(|r| r.bytes).sum::<u128>()));
    out
}

/// Rows for people.
pub fn table(rows: &[Row], by: Option<By>) -> String {
    let total: u128 = rows.iter().map(|r| r.bytes).sum();
    let width = rows.iter().map(|r| r.what.chars().count()).max().unwrap_or(0).max(8);
    let title = match by {
        Some(By::Function) => "function",
        Some(By::Gate) => "gate",
        _ => "line",
    };
    let mut out = format!("{title:<width$} {:>14} {:>6} {:>8}  gates\n", "bytes", "share", "rounds");
    for r in rows {
        let share = if total == 0 { 0.0 } else { r.bytes as f64 * 100.0 / total as f64 };
        let gates: Vec<String> = r.gates.iter().map(|(k, v)| format!("{k} {v}")).collect();
        out.push_str(&format!(
            "{:<width$} {:>14} {share:>5.1}% {:>8}  {}\n",
            r.what,
            r.bytes,
            r.rounds,
            gates.join(", ")
        ));
    }
    out
}

/// Bytes of the rows of two versions, by name: first those that changed most.
pub fn pairs(before: &[Row], after: &[Row]) -> Vec<(String, u128, u128)> {
    let mut all: BTreeMap<&str, (u128, u128)> = BTreeMap::new();
    before.iter().for_each(|r| all.entry(&r.what).or_default().0 = r.bytes);
    after.iter().for_each(|r| all.entry(&r.what).or_default().1 = r.bytes);
    let mut out: Vec<_> = all.into_iter().map(|(w, (b, a))| (w.to_string(), b, a)).collect();
    out.sort_by_key(|(w, b, a)| (std::cmp::Reverse(a.abs_diff(*b)), w.clone()));
    out
}

/// Figures of two versions for people.
pub fn compare(before: &Figures, after: &Figures) -> String {
    let (b, a) = (before.named(), after.named());
    let mut names: Vec<&String> = b.iter().chain(&a).map(|x| &x.0).collect();
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|n| seen.insert(n.as_str()));
    let get = |of: &[(String, u128)], n: &str| of.iter().find(|x| x.0 == n).map_or(0, |x| x.1);
    changes(names.into_iter().map(|n| (n.clone(), get(&b, n), get(&a, n))))
}

/// A line per figure with its change.
pub fn changes(rows: impl Iterator<Item = (String, u128, u128)>) -> String {
    let rows: Vec<_> = rows.collect();
    let width = rows.iter().map(|r| r.0.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for (what, before, after) in rows {
        let change = match (before, after) {
            (b, a) if a == b => "same".to_string(),
            (0, _) => "new".into(),
            (b, a) => format!("{:+.1}%", (a as f64 / b as f64 - 1.0) * 100.0),
        };
        out.push_str(&format!("{what:<width$} {before:>14} -> {after:>14}  {change}\n"));
    }
    out
}
