//! The cost as a page: figures, a flame graph, and the source with what each line costs beside it.
//!
//! One file that asks no network and runs no script; all text from the program is escaped.

use super::Priced;
use super::report::{By, Row};
use std::fmt::Write;

const STYLE: &str = "
:root { color-scheme: light dark; --fg: #1b1f24; --bg: #ffffff; --dim: #6a737d; --line: #d9dee3; --heat: 220, 80, 40; }
@media (prefers-color-scheme: dark) {
  :root { --fg: #dfe5ea; --bg: #15181c; --dim: #8b95a0; --line: #2c333a; --heat: 255, 130, 70; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--fg); background: var(--bg); margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .1rem .7rem .1rem 0; vertical-align: top; }
th { color: var(--dim); font-weight: 500; } .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.scroll { overflow-x: auto; }
.source { font: 13px/1.45 ui-monospace, monospace; width: 100%; } .source td { padding: 0 .7rem 0 .3rem; white-space: pre; }
.source .at { color: var(--dim); text-align: right; }
.flame { display: flex; width: 100%; } .flame > div { min-width: 0; overflow: hidden; }
.cell { border: 1px solid var(--bg); background: rgba(var(--heat), var(--h)); font-size: 12px; line-height: 1.6; padding: 0 .25rem;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.note { color: var(--dim); }
";

/// Text as the page's.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn gates(row: &Row) -> String {
    row.gates.iter().map(|(k, v)| format!("{k} {v}")).collect::<Vec<_>>().join(", ")
}

fn share(part: u128, of: u128) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

/// The page.
pub(super) fn page(p: &Priced) -> String {
    let checked = p.object.checked();
    let lines = p.rows(By::Line);
    let total: u128 = lines.iter().map(|r| r.bytes).sum();
    let most = lines.iter().map(|r| r.bytes).max().unwrap_or(0);
    let root = checked.sources.name(diag::FileId(0));
    let title = escaped(root.rsplit('/').next().unwrap_or(root));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Cost of {title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>Cost of {title}</h1>\n<table>\n"
    );
    let mut fact = |name: &str, value: String| {
        let _ = writeln!(out, "<tr><th>{}</th><td>{}</td></tr>", escaped(name), escaped(&value));
    };
    let sizes: Vec<String> = p.sizes.iter().map(|(n, v)| format!("{n} = {v}")).collect();
    if !sizes.is_empty() {
        fact("sizes", sizes.join(", "));
    }
    fact("protocol", p.goal.protocol.name.into());
    for (name, value) in p.figures().named() {
        fact(&name, value.to_string());
    }
    fact("memory", format!("about {} bytes with all nodes in one process", p.peak));
    fact("time", format!("about {:.3} s", p.cost.predicted_seconds));
    if !p.cost.parts.is_empty() {
        fact("and beside that", super::parts::text(p));
    }
    out.push_str("</table>\n<h2>Bytes by function, line, and kind of gate</h2>\n");
    flame(p, total, &mut out);
    out.push_str(
        "<p class=\"note\">Bytes are those that all nodes send together. A line's rounds are those in which one of its gates \
         takes part; lines share rounds.</p>\n",
    );
    for k in 0..checked.sources.len() {
        let file = diag::FileId(k as u32);
        let of = |line: u32| lines.iter().find(|r| r.line == Some((file.0, line)));
        // The library and circuits are shown where they cost something.
        let any = lines.iter().any(|r| r.line.is_some_and(|l| l.0 == file.0));
        if k > 0 && !any {
            continue;
        }
        let name = checked.sources.name(file);
        let _ = writeln!(out, "<h2>{}</h2>\n<div class=\"scroll\"><table class=\"source\">", escaped(name));
        out.push_str("<tr><th class=\"n\">bytes</th><th class=\"n\">rounds</th><th></th><th></th></tr>\n");
        for (i, text) in checked.sources.text(file).lines().enumerate() {
            let row = of(i as u32 + 1);
            let heat = row.map_or(0.0, |r| share(r.bytes, most) * 0.75);
            let (bytes, rounds) = row.map_or_else(Default::default, |r| (r.bytes.to_string(), r.rounds.to_string()));
            let tip = row.map(gates).unwrap_or_default();
            let _ = writeln!(
                out,
                "<tr title=\"{}\"><td class=\"n\" style=\"background: rgba(var(--heat), {heat:.3})\">{bytes}</td>\
                 <td class=\"n\">{rounds}</td><td class=\"at\">{}</td><td>{}</td></tr>",
                escaped(&tip),
                i + 1,
                escaped(text)
            );
        }
        out.push_str("</table></div>\n");
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn cell(out: &mut String, label: &str, bytes: u128, total: u128, heat: f64) {
    let text = format!("{label}: {bytes} bytes, {:.1} %", share(bytes, total) * 100.0);
    let _ = write!(out, "<div class=\"cell\" style=\"--h: {heat:.2}\" title=\"{0}\">{0}</div>", escaped(&text));
}

/// Nested boxes, as wide as their bytes: functions, their lines, the gates of these.
fn flame(p: &Priced, total: u128, out: &mut String) {
    let rows = super::report::tree(&p.cost, &p.compiled.spans, p.object.checked());
    out.push_str("<div class=\"flame\">\n");
    for (function, lines) in rows {
        let bytes: u128 = lines.iter().map(|r| r.bytes).sum();
        let _ = write!(out, "<div style=\"flex: {} 1 0\">", share(bytes, total).max(0.0001));
        cell(out, &function, bytes, total, 0.45);
        out.push_str("<div class=\"flame\">");
        for r in lines {
            let _ = write!(out, "<div style=\"flex: {} 1 0\">", share(r.bytes, bytes).max(0.0001));
            cell(out, &r.what, r.bytes, total, 0.3);
            out.push_str("<div class=\"flame\">");
            for (kind, b) in &r.kind_bytes {
                let _ = write!(out, "<div style=\"flex: {} 1 0\">", share(*b, r.bytes).max(0.0001));
                cell(out, kind, *b, total, 0.18);
                out.push_str("</div>");
            }
            out.push_str("</div></div>");
        }
        out.push_str("</div></div>\n");
    }
    out.push_str("</div>\n");
}
