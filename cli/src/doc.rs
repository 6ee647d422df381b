//! `mpcc doc`: a module's interface as text: what it holds, what that is for, how labels flow through it, what it costs.

use crate::args::{DocArgs, Format, Source};
use crate::failure::Failure;
use crate::output::{Shown, print};
use crate::program;
use diag::FileId;
use driver::{CallCost, Checked};
use sema::tree::{Fn, FnId};
use serde_json::json;
use std::fmt::Write;

/// The number of a size that nobody gives one.
const USUAL: i64 = 1000;

/// Prints the interface.
///
/// # Errors
/// The module is wrong, or there is none.
pub fn doc(args: &DocArgs, shown: &Shown) -> Result<(), Failure> {
    let goal = program::target(&args.target)?;
    let source = Source { program: args.module.clone(), defines: args.defines.clone(), inputs: None };
    let sizes = sizes(&source)?;
    let checked = match args.module.to_str().and_then(|m| m.strip_prefix("std::")) {
        Some(name) => library(name, shown)?,
        None => program::checked(&source, shown)?.1,
    };
    let size = |name: &str| Some(sizes.iter().find(|(n, _)| n == name).map_or(USUAL, |(_, v)| *v));
    // What stands in the module itself, in order; helpers of its imports are theirs.
    let own: Vec<(usize, &Fn)> = checked
        .program
        .fns
        .iter()
        .enumerate()
        .filter(|(k, f)| {
            let id = FnId(*k as u32);
            let value = checked.program.consts.iter().any(|c| c.init == id);
            f.span.file == FileId(0) && !value && !checked.program.tests.contains(&id)
        })
        .collect();
    let rows: Vec<Row<'_>> = own
        .iter()
        .map(|(k, f)| Row {
            f,
            head: head(&checked, f),
            labels: checked.labels.schemes.get(*k).cloned().unwrap_or_default(),
            at: f.size_params.iter().map(|n| (n.to_string(), size(n).unwrap_or(USUAL))).collect(),
            cost: driver::call_cost(&checked, FnId(*k as u32), &size, goal.protocol, &goal.profile),
        })
        .collect();
    print(&match shown.format {
        Format::Json => as_json(&checked, &rows),
        _ => as_text(&checked, &rows),
    });
    Ok(())
}

struct Row<'c> {
    f: &'c Fn,
    head: String,
    labels: String,
    at: Vec<(String, i64)>,
    cost: Option<CallCost>,
}

/// `-D` definitions as numbers.
fn sizes(source: &Source) -> Result<Vec<(String, i64)>, Failure> {
    program::defines(source)?
        .into_iter()
        .map(|(name, value)| match value.parse::<i64>() {
            Ok(n) if n >= 0 => Ok((name, n)),
            _ => Err(Failure::usage(format!("-D {name}={value}: a size is a number"))),
        })
        .collect()
}

/// A module of the library as a program of its own.
fn library(name: &str, shown: &Shown) -> Result<Checked, Failure> {
    let names = || driver::LIBRARY.iter().map(|(n, _)| *n);
    let Some((_, text)) = driver::LIBRARY.iter().find(|(n, _)| *n == name) else {
        let list = names().map(|n| format!("std::{n}")).collect::<Vec<_>>().join(", ");
        return Err(Failure::usage(match diag::suggest(name, names()) {
            Some(near) => format!("the library has no module `std::{name}`; did you mean `std::{near}`?"),
            None => format!("the library has no module `std::{name}`; it has {list}"),
        }));
    };
    let checked = driver::check(&mut driver::NoModules, &format!("std::{name}"), text);
    shown.diags(&checked.diags, &checked.sources);
    if checked.ok() { Ok(checked) } else { Err(Failure::Shown(1)) }
}

/// The head of a function as it is written, on one line.
fn head(checked: &Checked, f: &Fn) -> String {
    let body = f.expr(f.body).span;
    let text = checked.sources.text(f.span.file);
    let written = text.get(f.span.lo as usize..body.lo as usize).unwrap_or(&f.name);
    let line = written.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("fn {}", line.replace("( ", "(").replace(", )", ")"))
}

fn as_text(checked: &Checked, rows: &[Row<'_>]) -> String {
    let program = &checked.program;
    let mut out = String::new();
    let indented = |text: &str, by: &str| text.lines().map(|l| format!("{by}{l}\n")).collect::<String>();
    if !program.doc.is_empty() {
        let _ = writeln!(out, "{}", indented(&program.doc, ""));
    }
    for s in program.structs.iter().filter(|s| s.span.file == FileId(0)) {
        let mut generics: Vec<String> = s.ty_params.iter().map(ToString::to_string).collect();
        generics.extend(s.size_params.iter().map(|n| format!("{n}: size")));
        let generics = if generics.is_empty() { String::new() } else { format!("<{}>", generics.join(", ")) };
        let _ = writeln!(out, "struct {}{generics} {{", s.name);
        for f in &s.fields {
            let lo = f.span.lo as usize;
            let rest = checked.sources.text(f.span.file).get(lo..).unwrap_or("");
            let line = rest.lines().next().unwrap_or("").trim_end().trim_end_matches(['}', ',', ' ']);
            let _ = writeln!(out, "    {line},");
        }
        out.push_str("}\n\n");
    }
    for row in rows {
        let _ = writeln!(out, "{}", row.head);
        out.push_str(&indented(&row.f.doc, "    "));
        for (k, line) in row.labels.lines().enumerate() {
            let _ = writeln!(out, "    {}{}", if k == 0 { "labels: " } else { "        " }, line.trim());
        }
        let at: Vec<String> = row.at.iter().map(|(n, v)| format!("{n} = {v}")).collect();
        let at = if at.is_empty() { String::new() } else { format!(" at {}", at.join(", ")) };
        if let Some(c) = &row.cost {
            let most = if c.at_most { "at most " } else { "" };
            let bytes: Vec<String> = c.bytes.iter().map(ToString::to_string).collect();
            let _ = writeln!(out, "    cost{at}: {most}{} rounds, {} bytes by node", c.rounds, bytes.join(" + "));
        }
        out.push('\n');
    }
    if rows.iter().any(|r| r.cost.is_some()) {
        out.push_str("Costs are those of one call: secret arguments shared, the result opened, type parameters u64.\n");
    }
    out
}

fn as_json(checked: &Checked, rows: &[Row<'_>]) -> String {
    let number = |n: u128| u64::try_from(n).map_or_else(|_| json!(n.to_string()), |n| json!(n));
    let fns: Vec<_> = rows
        .iter()
        .map(|r| {
            let at: serde_json::Map<_, _> = r.at.iter().map(|(n, v)| (n.clone(), json!(v))).collect();
            let cost = r.cost.as_ref().map(|c| {
                let bytes: Vec<_> = c.bytes.iter().map(|b| number(*b)).collect();
                json!({"sizes": at, "rounds": number(c.rounds), "bytes_sent": bytes, "at_most": c.at_most})
            });
            json!({"name": r.f.name.to_string(), "signature": r.head, "doc": r.f.doc, "labels": r.labels, "cost": cost})
        })
        .collect();
    format!("{}\n", json!({"doc": checked.program.doc, "functions": fns}))
}
