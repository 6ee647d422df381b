//! The text form of a schedule: a block per region, an item per line.

use super::lex::{Lexer, ParseError, Tok};
use crate::circuit::Circuit;
use crate::schedule::{Item, Schedule};
use crate::types::WireId;

/// The exact text of a schedule. Where the circuit is at hand, a comment after each item names its operations.
///
/// ```text
/// schedule
/// r0 {
///   local 0..4, 7
///   round 8, 9                ; in.share in.share
///   enter 10                  ; loop
///   free %0..4
/// }
/// ```
pub fn print_schedule(s: &Schedule, c: Option<&Circuit>) -> String {
    let mut out = String::from("schedule\n");
    for (r, items) in s.regions.iter().enumerate() {
        out.push_str(&format!("r{r} {{\n"));
        for item in items {
            let (mut line, gates): (String, &[u32]) = match item {
                Item::Local(g) => (format!("local{}", ranges("", g.iter().copied())), &[]),
                Item::Round(g) => (format!("round{}", ranges("", g.iter().copied())), g),
                Item::Region(g) => (format!("enter {g}"), std::slice::from_ref(g)),
                Item::Free(w) => (format!("free{}", ranges("%", w.iter().map(|w| w.0))), &[]),
            };
            let names: Vec<&str> =
                gates.iter().filter_map(|g| Some(c?.regions.get(r)?.gates.get(*g as usize)?.op.name())).collect();
            if !names.is_empty() {
                line = format!("{line:<26} ; {}", names.join(" "));
            }
            out.push_str(&format!("  {line}\n"));
        }
        out.push_str("}\n");
    }
    out
}

fn ranges(prefix: &str, ids: impl Iterator<Item = u32>) -> String {
    let ids: Vec<u32> = ids.collect();
    let mut parts = vec![];
    for run in ids.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
        let (first, last) = (run[0], run[run.len() - 1]);
        if run.len() >= 3 && last < u32::MAX {
            parts.push(format!(" {prefix}{first}..{}", last + 1));
        } else {
            parts.extend(run.iter().map(|k| format!(" {prefix}{k}")));
        }
    }
    parts.join(",")
}

/// A schedule from its text.
///
/// # Errors
/// The line and what is wrong there.
pub fn parse_schedule(text: &str) -> Result<Schedule, ParseError> {
    let mut lx = Lexer::new(text)?;
    lx.skip_lines();
    lx.word("schedule")?;
    lx.end_line()?;
    let mut s = Schedule::default();
    loop {
        lx.skip_lines();
        if lx.at_end() {
            return Ok(s);
        }
        let r = lx.numbered('r')?;
        if r as usize != s.regions.len() {
            return lx.fail(format!("region r{} comes next, not r{r}", s.regions.len()));
        }
        lx.punct("{")?;
        lx.end_line()?;
        let mut items = vec![];
        loop {
            lx.skip_lines();
            if lx.take("}") {
                lx.end_line()?;
                break;
            }
            let kind = lx.name()?;
            let mut ids = vec![];
            while !lx.at_line_end() {
                if !ids.is_empty() {
                    lx.punct(",")?;
                }
                let first = id(&mut lx, kind == "free")?;
                let end = if lx.take("..") { lx.int32()? } else { first.saturating_add(1) };
                if ids.len() + (end.saturating_sub(first)) as usize > 1 << 24 {
                    return lx.fail("too long a range".into());
                }
                ids.extend(first..end);
            }
            items.push(match (kind.as_str(), ids.as_slice()) {
                ("local", _) => Item::Local(ids),
                ("round", _) => Item::Round(ids),
                ("enter", [g]) => Item::Region(*g),
                ("free", _) => Item::Free(ids.into_iter().map(WireId).collect()),
                _ => return lx.fail(format!("no such item: {kind}")),
            });
            lx.end_line()?;
        }
        s.regions.push(items);
    }
}

fn id(lx: &mut Lexer, wire: bool) -> Result<u32, ParseError> {
    match (wire, lx.peek().clone()) {
        (true, Tok::Wire(w)) => {
            lx.bump();
            Ok(w)
        }
        _ => lx.int32(),
    }
}
