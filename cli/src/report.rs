//! The page of a run: one HTML file that holds everything it shows and asks the network for nothing.
//!
//! Figures stand in the page as text and once more as data, from which the timeline is drawn. Whatever comes from outside
//! (file names, source text) is escaped, and a content security policy lets nothing run but the script below. Holds no
//! value of any input or output. Knows figures, not how they came about.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use node::stats::RunStats;
use node::timeline::Timeline;
use node::{LineCost, Predicted, Sizes};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::failure::Failure;

const STYLE: &str = include_str!("report/style.css");
const SCRIPT: &str = include_str!("report/script.js");

/// Everything that a page shows.
pub struct Report<'a> {
    /// The program as the user named it.
    pub program: String,
    /// When the run began, in words (UTC).
    pub started: String,
    /// Name of the protocol.
    pub protocol: &'a str,
    /// How the nodes were connected.
    pub transport: &'a str,
    /// The network that was compiled for.
    pub network: String,
    /// BLAKE3 of source and library.
    pub digest: [u8; 32],
    /// Sizes of the run.
    pub sizes: &'a Sizes,
    /// Names of the nodes whose figures these are, in their order.
    pub nodes: Vec<String>,
    /// Names of all nodes, by index: the receivers of bytes.
    pub peers: Vec<String>,
    /// The figures.
    pub stats: &'a RunStats,
    /// The contract.
    pub contract: &'a driver::Contract,
    /// The program's own files: name and text.
    pub sources: Vec<(String, String)>,
}

/// Whether a page can be written to `path`, before there is one: its folder must take a file.
///
/// # Errors
/// Usage, with the reason.
pub fn writable(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(Failure::usage(format!("--report {}: this is a folder; name a file", path.display())));
    }
    temporary(path).map(|_| ())
}

fn temporary(path: &Path) -> Result<tempfile::NamedTempFile, Failure> {
    use std::os::unix::fs::PermissionsExt;
    let dir = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::Builder::new()
        .prefix(".mpcc-report-")
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(dir)
        .map_err(|e| Failure::usage(format!("--report {}: {e}", path.display())))
}

/// Writes a page: whole, or not at all.
///
/// # Errors
/// The system's, in words.
pub fn write(path: &Path, report: &Report<'_>) -> Result<(), Failure> {
    let mut file = temporary(path)?;
    let failed = |e: &dyn std::fmt::Display| Failure::usage(format!("--report {}: {e}", path.display()));
    file.write_all(page(report).as_bytes()).map_err(|e| failed(&e))?;
    file.persist(path).map_err(|e| failed(&e.error))?;
    Ok(())
}

/// The page.
fn page(r: &Report<'_>) -> String {
    let mut body = String::new();
    head(r, &mut body);
    body.push_str("<main>\n");
    predicted(r, &mut body);
    timeline(r, &mut body);
    pairs(r, &mut body);
    gates(r, &mut body);
    contract(r.contract, &mut body);
    sources(r, &mut body);
    body.push_str("</main>\n");
    let _ = writeln!(
        body,
        "<footer>mpcc {}. Program and library: BLAKE3 <code>{}</code>. This page holds no input and no output of the \
         run.</footer>",
        env!("CARGO_PKG_VERSION"),
        r.digest.iter().map(|b| format!("{b:02x}")).collect::<String>()
    );
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    // No text may end the element: `<` is written as an escape of JSON.
    let data = data(r).to_string().replace('<', "\\u003c");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>{}: a run of mpcc</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n{body}<script type=\"application/json\" id=\"data\">{data}</script>\n<script>{SCRIPT}</script>\n\
         </body>\n</html>\n",
        escape(&r.program)
    )
}

/// The same figures for the script, and for programs that read the page.
fn data(r: &Report<'_>) -> Value {
    let line = |t: &Timeline| {
        let spans: Vec<_> = t
            .spans
            .iter()
            .map(|s| json!([s.first, s.rounds, s.start, s.computing, s.sending, s.waiting, s.bytes]))
            .collect();
        json!({"started": t.started, "spans": spans})
    };
    json!({
        "program": r.program,
        "started": r.started,
        "protocol": r.protocol,
        "transport": r.transport,
        "network": r.network,
        "sizes": r.sizes,
        "nodes": r.nodes,
        "peers": r.peers,
        "stats": r.stats,
        "lines": r.stats.predicted.as_ref().map_or(&[][..], |p| &p.lines),
        "contract": crate::tell::contract_json(r.contract),
        "timelines": r.stats.timelines.iter().map(line).collect::<Vec<_>>(),
    })
}

fn head(r: &Report<'_>, out: &mut String) {
    let s = r.stats;
    let _ = writeln!(out, "<header>\n<h1>{}</h1>", escape(&r.program));
    let _ =
        writeln!(out, "<p class=\"quiet\">A run of {}, {}.</p>\n<ul class=\"facts\">", nodes(r), escape(&r.started));
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(out, "<li>{name} <b>{}</b></li>", escape(value));
    };
    fact("protocol", r.protocol);
    fact("nodes", r.transport);
    fact("compiled for", &r.network);
    for (name, value) in r.sizes {
        fact(name, &grouped(*value));
    }
    out.push_str("</ul>\n<div class=\"tiles\">\n");
    let mut tile = |what: &str, path: &str, value: String, text: String| {
        let _ = writeln!(out, "<div class=\"tile\"><span>{what}</span>{}</div>", figure(path, &value, &text));
    };
    tile("seconds to run", "stats.seconds.run", float(s.seconds.run), seconds(s.seconds.run));
    tile("rounds", "stats.rounds", s.rounds.to_string(), grouped(s.rounds));
    let sent: u64 = s.bytes_sent.iter().sum();
    tile("sent by all nodes", "sum stats.bytes_sent", sent.to_string(), bytes(sent));
    tile("most memory", "stats.peak_memory_bytes", s.peak_memory_bytes.to_string(), bytes(s.peak_memory_bytes));
    let _ = writeln!(
        out,
        "</div>\n<p class=\"quiet\">Before that: {} s of compiling, {} s of connecting and agreeing.</p>\n</header>",
        figure("stats.seconds.compile", &float(s.seconds.compile), &seconds(s.seconds.compile)),
        figure("stats.seconds.connect", &float(s.seconds.connect), &seconds(s.seconds.connect)),
    );
}

fn nodes(r: &Report<'_>) -> String {
    match &r.nodes[..] {
        [one] if r.peers.len() > 1 => format!("{} nodes, as {} saw it", r.peers.len(), escape(one)),
        all => format!("{} nodes", all.len()),
    }
}

/// Predicted beside measured.
fn predicted(r: &Report<'_>, out: &mut String) {
    let (s, Some(p)) = (r.stats, &r.stats.predicted) else { return };
    out.push_str("<h2>Predicted and measured</h2>\n");
    if !p.exact {
        out.push_str(
            "<p class=\"quiet\">The program branches or loops on what it reveals: rounds and bytes of the prediction \
             count each such loop's condition once and the dearer branch.</p>\n",
        );
    }
    out.push_str("<div class=\"scroll\"><table>\n<thead><tr><th></th><th class=\"n\">predicted</th><th class=\"n\">measured</th><th class=\"n\">measured / predicted</th></tr></thead>\n<tbody>\n");
    let mut row = |name: &str, paths: [&str; 2], values: [f64; 2], texts: [String; 2]| {
        let ratio = if values[0] > 0.0 { format!("{:.2}", values[1] / values[0]) } else { "–".into() };
        let cell = |k: usize| figure(paths[k], &float(values[k]), &texts[k]);
        let _ = writeln!(
            out,
            "<tr><th>{name}</th><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{ratio}</td></tr>",
            cell(0),
            cell(1)
        );
    };
    let count = |a: u64, b: u64| ([a as f64, b as f64], [grouped(a), grouped(b)]);
    let (values, texts) = count(p.rounds, s.rounds);
    row("rounds", ["stats.predicted.rounds", "stats.rounds"], values, texts);
    for (k, name) in r.nodes.iter().enumerate() {
        let at = r.peers.iter().position(|p| p == name).unwrap_or(k);
        let (values, texts) =
            count(p.bytes_sent.get(at).copied().unwrap_or(0), s.bytes_sent.get(k).copied().unwrap_or(0));
        let paths = [format!("stats.predicted.bytes_sent.{at}"), format!("stats.bytes_sent.{k}")];
        row(&format!("bytes sent by {}", escape(name)), [&paths[0], &paths[1]], values, texts);
    }
    let times = [p.seconds, s.seconds.run];
    row("seconds", ["stats.predicted.seconds", "stats.seconds.run"], times, times.map(seconds));
    let (values, texts) = count(p.peak_bytes, s.peak_memory_bytes);
    row("bytes of memory", ["stats.predicted.peak_bytes", "stats.peak_memory_bytes"], values, texts);
    out.push_str("</tbody></table></div>\n");
}

fn timeline(r: &Report<'_>, out: &mut String) {
    let s = r.stats;
    if s.times.is_empty() {
        return;
    }
    out.push_str("<h2>Timeline</h2>\n");
    if !s.timelines.is_empty() {
        out.push_str(
            "<ul class=\"legend\"><li><i class=\"compute\"></i>computing</li><li><i class=\"send\"></i>sending</li>\
             <li><i class=\"wait\"></i>waiting for others</li></ul>\n\
             <div id=\"timeline\"><svg height=\"0\"></svg></div>\n\
             <div class=\"controls\" id=\"controls\" hidden><label>zoom <input id=\"zoom\" type=\"range\" min=\"0\" \
             max=\"14\" step=\"0.25\" value=\"0\"></label><label>position <input id=\"shift\" type=\"range\" min=\"0\" \
             max=\"1000\" value=\"0\"></label></div>\n<div id=\"picked\" role=\"status\"></div>\n",
        );
    }
    out.push_str("<div class=\"scroll\"><table>\n<caption>Seconds of the run by node</caption>\n<thead><tr><th></th><th class=\"n\">computing</th><th class=\"n\">sending</th><th class=\"n\">waiting</th><th class=\"n\">CPU</th></tr></thead>\n<tbody>\n");
    for (k, t) in s.times.iter().enumerate() {
        let cell = |name: &str, value: f64| {
            let path = format!("stats.times.{k}.{name}");
            format!("<td class=\"n\">{}</td>", figure(&path, &float(value), &seconds(value)))
        };
        let cpu = s.cpu_seconds.get(k).copied().unwrap_or(0.0);
        let _ = writeln!(
            out,
            "<tr><th>{}</th>{}{}{}<td class=\"n\">{}</td></tr>",
            escape(r.nodes.get(k).map_or("", String::as_str)),
            cell("computing", t.computing),
            cell("sending", t.sending),
            cell("waiting", t.waiting),
            figure(&format!("stats.cpu_seconds.{k}"), &float(cpu), &seconds(cpu)),
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn pairs(r: &Report<'_>, out: &mut String) {
    let s = r.stats;
    out.push_str("<h2>Bytes by sender and receiver</h2>\n<div class=\"scroll\"><table>\n<caption>Payload, and below it what frames, handshakes, and heartbeats add</caption>\n<thead><tr><th>from \\ to</th>");
    for name in &r.peers {
        let _ = write!(out, "<th class=\"n\">{}</th>", escape(name));
    }
    out.push_str("<th class=\"n\">in all</th></tr></thead>\n<tbody>\n");
    let most = s.pairs.iter().flatten().copied().max().unwrap_or(0);
    for (k, row) in s.pairs.iter().enumerate() {
        let _ = write!(out, "<tr><th>{}</th>", escape(r.nodes.get(k).map_or("", String::as_str)));
        for (to, n) in row.iter().enumerate() {
            let over = s.overhead_pairs.get(k).and_then(|o| o.get(to)).copied().unwrap_or(0);
            if r.peers.get(to) == r.nodes.get(k) {
                out.push_str("<td class=\"n\">–</td>");
                continue;
            }
            let _ = write!(
                out,
                "<td class=\"n{}\">{}<small>{}</small></td>",
                heat(*n, most),
                figure(&format!("stats.pairs.{k}.{to}"), &n.to_string(), &grouped(*n)),
                figure(&format!("stats.overhead_pairs.{k}.{to}"), &over.to_string(), &format!("+ {}", grouped(over))),
            );
        }
        let all = (s.bytes_sent.get(k).copied().unwrap_or(0), s.overhead_bytes.get(k).copied().unwrap_or(0));
        let _ = writeln!(
            out,
            "<td class=\"n\">{}<small>{}</small></td></tr>",
            figure(&format!("stats.bytes_sent.{k}"), &all.0.to_string(), &grouped(all.0)),
            figure(&format!("stats.overhead_bytes.{k}"), &all.1.to_string(), &format!("+ {}", grouped(all.1))),
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn gates(r: &Report<'_>, out: &mut String) {
    if r.stats.gates.is_empty() {
        return;
    }
    out.push_str("<h2>Gates</h2>\n<div class=\"scroll\"><table>\n<caption>Interactive gates, counted by lanes</caption>\n<tbody>\n");
    for (kind, n) in &r.stats.gates {
        let cell = figure(&format!("stats.gates.{kind}"), &n.to_string(), &grouped(*n));
        let _ = writeln!(out, "<tr><th>{}</th><td class=\"n\">{cell}</td></tr>", escape(kind));
    }
    out.push_str("</tbody></table></div>\n");
}

fn contract(c: &driver::Contract, out: &mut String) {
    out.push_str("<h2>The contract</h2>\n<p class=\"quiet\">What the program takes and tells: the same as <code>mpcc check</code> prints.</p>\n");
    let mut table = |title: &str, none: &str, rows: Vec<Vec<String>>| {
        let _ = writeln!(out, "<div class=\"scroll\"><table>\n<caption>{title}</caption>\n<tbody>");
        if rows.is_empty() {
            let _ = writeln!(out, "<tr><td class=\"quiet\">{none}</td></tr>");
        }
        for row in rows {
            out.push_str("<tr>");
            for (k, cell) in row.iter().enumerate() {
                let tag = if k == 0 { "th" } else { "td" };
                let _ = write!(out, "<{tag}>{}</{tag}>", escape(cell));
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody></table></div>\n");
    };
    let brings = c.brings.iter().map(|b| vec![b.who.clone(), b.name.clone(), b.ty.clone()]).collect();
    table("Brings", "nobody brings anything", brings);
    if !c.structs.is_empty() {
        table("Where", "", c.structs.iter().map(|(name, fields)| vec![name.clone(), fields.clone()]).collect());
    }
    let bit = c.checked.then(|| vec!["one bit".to_string(), crate::tell::FAILURE.to_string()]);
    table("Becomes public", "no size", c.sizes.iter().map(|s| vec![s.clone()]).chain(bit).collect());
    let learns = c.learns.iter().map(|l| vec![l.who.clone(), l.name.clone(), l.ty.clone()]).collect();
    table("Learns", "nobody learns anything", learns);
    let reveal = |v: &driver::Reveals| {
        let times = if v.in_loop { "each time round a loop" } else { "once per call" };
        vec![format!("to {}", v.to), format!("{}:{}", v.file, v.line), times.to_string(), v.text.clone()]
    };
    table("Reveals", "nothing is revealed", c.reveals.iter().map(reveal).collect());
    let alone = c.alone.iter().map(|a| vec![a.who.clone(), format!("{}:{}", a.file, a.line)]).collect();
    table("Trusted to compute alone", "nobody", alone);
}

fn sources(r: &Report<'_>, out: &mut String) {
    let lines: &[LineCost] = r.stats.predicted.as_ref().map_or(&[], |p| &p.lines);
    let most = lines.iter().map(|l| l.bytes).max().unwrap_or(0);
    out.push_str("<h2>The program, and what its lines cost</h2>\n");
    for (at, (name, text)) in r.sources.iter().enumerate() {
        let _ = writeln!(out, "<details{}><summary>{}</summary>", if at == 0 { " open" } else { "" }, escape(name));
        out.push_str("<div class=\"scroll\"><table class=\"source\">\n<thead><tr><th class=\"n\">rounds</th><th class=\"n\">bytes</th><th class=\"n\"></th><th></th></tr></thead>\n<tbody>\n");
        for (k, code) in text.lines().enumerate() {
            let cost = lines.iter().position(|l| l.file == *name && l.line as usize == k + 1);
            let cell = |field: &str, n: fn(&LineCost) -> u64| {
                let Some(at) = cost else { return String::new() };
                let n = n(&lines[at]);
                figure(&format!("lines.{at}.{field}"), &n.to_string(), &grouped(n))
            };
            let shade = cost.map_or("", |c| heat(lines[c].bytes, most));
            let _ = writeln!(
                out,
                "<tr class=\"{}\"><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n line\">{}</td><td \
                 class=\"code\">{}</td></tr>",
                shade.trim(),
                cell("rounds", |l| l.rounds),
                cell("bytes", |l| l.bytes),
                k + 1,
                escape(code)
            );
        }
        out.push_str("</tbody></table></div></details>\n");
    }
    let own = |l: &&LineCost| !l.file.is_empty() && !r.sources.iter().any(|(name, _)| *name == l.file);
    let library: Vec<&LineCost> = lines.iter().filter(own).collect();
    if !library.is_empty() {
        out.push_str("<details><summary>The library's lines</summary>\n<div class=\"scroll\"><table>\n<thead><tr><th>line</th><th class=\"n\">rounds</th><th class=\"n\">bytes</th></tr></thead>\n<tbody>\n");
        for l in library {
            let _ = writeln!(
                out,
                "<tr><th>{}:{}</th><td class=\"n\">{}</td><td class=\"n{}\">{}</td></tr>",
                escape(&l.file),
                l.line,
                grouped(l.rounds),
                heat(l.bytes, most),
                grouped(l.bytes)
            );
        }
        out.push_str("</tbody></table></div></details>\n");
    }
    if let Some(at) = lines.iter().position(|l| l.file.is_empty()) {
        let _ = writeln!(
            out,
            "<p class=\"quiet\">Inputs, and what else stands on no line: {} rounds, {} bytes.</p>",
            figure(&format!("lines.{at}.rounds"), &lines[at].rounds.to_string(), &grouped(lines[at].rounds)),
            figure(&format!("lines.{at}.bytes"), &lines[at].bytes.to_string(), &grouped(lines[at].bytes)),
        );
    }
    out.push_str(
        "<p class=\"quiet\">A round in which several lines take part is counted at each. Bytes are the payload of all \
         nodes together.</p>\n",
    );
}

/// A figure with the place in the page's data that it is equal to.
fn figure(path: &str, value: &str, text: &str) -> String {
    format!("<data data-path=\"{}\" value=\"{value}\">{}</data>", escape(path), escape(text))
}

/// The class of a share of the greatest.
fn heat(n: u64, most: u64) -> &'static str {
    const STEPS: [&str; 6] = ["", " h1", " h2", " h3", " h4", " h5"];
    match most {
        0 => "",
        _ => STEPS[(u128::from(n) * 5).div_ceil(u128::from(most)).min(5) as usize],
    }
}

/// As JSON writes it.
fn float(v: f64) -> String {
    if v.fract() == 0.0 && v.abs() < 9e15 { format!("{v:.0}") } else { json!(v).to_string() }
}

/// Digits in groups of three.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (k, d) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}

/// A number of bytes in three digits and a unit.
pub fn bytes(n: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut v, mut k) = (n as f64, 0);
    while v >= 999.5 && k + 1 < units.len() {
        v /= 1000.0;
        k += 1;
    }
    let digits = if k == 0 || v >= 99.95 {
        0
    } else if v >= 9.995 {
        1
    } else {
        2
    };
    format!("{v:.digits$} {}", units[k])
}

/// Seconds in the digits that say something.
pub fn seconds(s: f64) -> String {
    let digits = if s >= 100.0 {
        1
    } else if s >= 1.0 {
        2
    } else if s >= 0.01 {
        4
    } else {
        6
    };
    format!("{s:.digits$}")
}

/// Text that stands for itself in HTML. Characters that are not seen, or that change the order of those that are, are
/// spelled out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' => out.push('\t'),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

/// SHA-256 in base64, as content security policies want it.
fn hash(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in Sha256::digest(text.as_bytes()).chunks(3) {
        let word = chunk.iter().fold(0u32, |w, b| w << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for k in 0..4 {
            out.push(if k <= chunk.len() { DIGITS[(word >> (18 - 6 * k)) as usize & 63] as char } else { '=' });
        }
    }
    out
}

/// A prediction out of what the compiler counted, the memory of the processes, and what carries their messages; `line` says
/// where a span stands.
pub fn prediction(
    cost: &opt::cost::Cost,
    memory: u128,
    carrier: &opt::Carrier,
    line: impl Fn(circuit::SpanId) -> Option<(String, u32)>,
) -> Predicted {
    let count = |n: u128| u64::try_from(n).unwrap_or(u64::MAX);
    let mut lines: Vec<LineCost> = Vec::new();
    for (span, c) in &cost.spans {
        // What stands on no line, inputs for one, is counted together.
        let (file, at) = line(*span).unwrap_or_default();
        let mine = match lines.iter_mut().position(|l| l.file == file && l.line == at) {
            Some(k) => &mut lines[k],
            None => {
                lines.push(LineCost { file, line: at, ..LineCost::default() });
                let last = lines.len() - 1;
                &mut lines[last]
            }
        };
        mine.rounds += count(c.rounds);
        mine.bytes += count(c.bytes);
    }
    lines.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    Predicted {
        rounds: count(cost.rounds),
        bytes_sent: cost.bytes_sent().into_iter().map(count).collect(),
        seconds: cost.seconds(carrier),
        peak_bytes: count(memory),
        exact: cost.parts.is_empty(),
        lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stands_for_itself() {
        assert_eq!(escape("</script><b a='\"'>&"), "&lt;/script&gt;&lt;b a=&#39;&quot;&#39;&gt;&amp;");
        assert_eq!(escape("a\u{202e}b\u{7}"), "a\\u{202e}b\\u{7}");
    }

    #[test]
    fn figures_are_read_as_they_are() {
        assert_eq!(
            ["0", "999", "1,000", "12,345,678"],
            [0, 999, 1000, 12_345_678].map(grouped).each_ref().map(|s| &s[..])
        );
        let known = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (99_960, "100 kB"),
            (999_600, "1.00 MB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (n, text) in known {
            assert_eq!(bytes(n), text);
        }
        assert_eq!((float(3.0), float(0.1)), ("3".to_string(), "0.1".to_string()));
        assert_eq!((heat(0, 9), heat(1, 9), heat(9, 9), heat(0, 0)), ("", " h1", " h5", ""));
    }

    #[test]
    fn hashes_are_those_that_browsers_compute() {
        // `printf '' | openssl dgst -sha256 -binary | base64`
        assert_eq!(hash(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }
}
