//! What a run took, for people: the summary line and the table of `--stats`. Knows no files.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};
use node::stats::RunStats;

use crate::report::{bytes, grouped, seconds};

/// One line.
pub fn summary(s: &RunStats) -> String {
    format!(
        "{} rounds, {} bytes sent in all, {:.3} s\n",
        s.rounds,
        s.bytes_sent.iter().sum::<u64>(),
        s.seconds.compile + s.seconds.connect + s.seconds.run
    )
}

/// The table: totals with what was predicted, then a row per node.
pub fn table(s: &RunStats, nodes: &[String], peers: &[String]) -> String {
    let mut totals = plain(&["", "measured", "predicted"]);
    let p = s.predicted.as_ref();
    let mut row = |what: &str, measured: String, predicted: Option<String>| {
        totals.add_row([what.to_string(), measured, predicted.unwrap_or_default()]);
    };
    let about = |exact: bool, text: String| if exact { text } else { format!("{text} or more") };
    row("rounds", grouped(s.rounds), p.map(|p| about(p.exact, grouped(p.rounds))));
    let sum = |v: &[u64]| grouped(v.iter().sum());
    // Of the nodes that are shown.
    let of = |all: &[u64]| {
        let sent = |name| peers.iter().position(|p| p == name).and_then(|k| all.get(k)).copied().unwrap_or(0);
        nodes.iter().map(sent).collect::<Vec<u64>>()
    };
    row("payload bytes", sum(&s.bytes_sent), p.map(|p| about(p.exact, sum(&of(&p.bytes_sent)))));
    row("other bytes", sum(&s.overhead_bytes), None);
    row("seconds to compile", seconds(s.seconds.compile), None);
    row("seconds to connect", seconds(s.seconds.connect), None);
    row("seconds to run", seconds(s.seconds.run), p.map(|p| seconds(p.seconds)));
    row("peak memory", bytes(s.peak_memory_bytes), p.map(|p| bytes(p.peak_bytes)));

    let mut heads = vec!["sent by".to_string()];
    heads.extend(peers.iter().map(|p| format!("to {p}")));
    let timed = !s.times.is_empty();
    if timed {
        heads.extend(["computing s", "sending s", "waiting s"].map(String::from));
    }
    heads.push("CPU s".into());
    let mut each = plain(&heads.iter().map(String::as_str).collect::<Vec<_>>());
    for (k, name) in nodes.iter().enumerate() {
        let mut cells = vec![name.clone()];
        for to in 0..peers.len() {
            let of = |m: &[Vec<u64>]| m.get(k).and_then(|r| r.get(to)).copied().unwrap_or(0);
            cells.push(match peers.get(to) == Some(name) {
                true => "-".into(),
                false => format!("{} + {}", grouped(of(&s.pairs)), grouped(of(&s.overhead_pairs))),
            });
        }
        if timed {
            let t = s.times.get(k).copied().unwrap_or_default();
            cells.extend([t.computing, t.sending, t.waiting].map(seconds));
        }
        cells.push(seconds(s.cpu_seconds.get(k).copied().unwrap_or(0.0)));
        each.add_row(cells);
    }
    let gates: Vec<String> = s.gates.iter().map(|(k, n)| format!("{k} {}", grouped(*n))).collect();
    let mut out = String::new();
    for table in [totals, each] {
        for line in table.lines() {
            let _ = writeln!(out, "{}", line.trim_end());
        }
        out.push('\n');
    }
    let _ = writeln!(out, "Bytes are payload + frames, handshakes, heartbeats.");
    let _ = writeln!(out, "gates: {}", gates.join(", "));
    out
}

/// A table without lines, numbers to the right.
fn plain(heads: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(heads);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
