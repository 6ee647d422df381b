//! Verbs that tell without running: `check` and `explain`.

use crate::args::{CheckArgs, Format};
use crate::failure::Failure;
use crate::output::{Shown, print};
use crate::program;
use serde_json::json;
use std::fmt::Write;

/// `mpcc check`: the contract as a table.
///
/// # Errors
/// The program is wrong, or there is none.
pub fn check(args: &CheckArgs, shown: &Shown) -> Result<(), Failure> {
    let (_, checked) = program::checked(&args.source, shown)?;
    let c = driver::contract(&checked);
    if shown.format == Format::Json {
        print(&format!("{}\n", contract_json(&c)));
        return Ok(());
    }
    let mut out = String::new();
    if checked.program.main.is_none() {
        print("no main: nothing leaves this program\n");
        return Ok(());
    }
    section(&mut out, "brings", c.brings.iter().map(|b| vec![b.who.clone(), format!("{}: {}", b.name, b.ty)]));
    if !c.structs.is_empty() {
        section(&mut out, "where", c.structs.iter().map(|(name, fields)| vec![name.clone(), fields.clone()]));
    }
    let sizes = (!c.sizes.is_empty()).then(|| vec!["sizes".to_string(), c.sizes.join(", ")]);
    let bit = c.checked.then(|| vec!["one bit".to_string(), FAILURE.to_string()]);
    if sizes.is_some() || bit.is_some() {
        section(&mut out, "becomes public", sizes.into_iter().chain(bit));
    }
    section(&mut out, "learns", c.learns.iter().map(|l| vec![l.who.clone(), format!("{}: {}", l.name, l.ty)]));
    let times = |many: bool| if many { "each time round a loop" } else { "once per call" }.to_string();
    if args.reveals {
        section(
            &mut out,
            "reveals",
            c.reveals.iter().map(|r| {
                vec![
                    r.to.clone(),
                    format!("{}:{} in `{}`", r.file, r.line, r.function),
                    times(r.in_loop),
                    r.masked.as_ref().map_or(r.text.clone(), |why| format!("{} ({why})", r.text)),
                ]
            }),
        );
    } else {
        section(
            &mut out,
            "reveals",
            c.reveals.iter().map(|r| {
                let to = if r.masked.is_some() { format!("{} (masked)", r.to) } else { r.to.clone() };
                vec![to, format!("{}:{}", r.file, r.line), times(r.in_loop)]
            }),
        );
    }
    section(&mut out, "trusted alone", c.alone.iter().map(|a| vec![a.who.clone(), format!("{}:{}", a.file, a.line)]));
    print(&out);
    Ok(())
}

/// The contract as `check --format json` prints it.
pub fn contract_json(c: &driver::Contract) -> serde_json::Value {
    json!({
        "brings": c.brings.iter().map(|b| json!({"party": b.who, "name": b.name, "type": b.ty})).collect::<Vec<_>>(),
        "structs": c.structs.iter().map(|(name, fields)| json!({"name": name, "fields": fields})).collect::<Vec<_>>(),
        "sizes": c.sizes,
        "checked": c.checked,
        "learns": c.learns.iter().map(|l| json!({"party": l.who, "name": l.name, "type": l.ty})).collect::<Vec<_>>(),
        "reveals": c.reveals.iter().map(|r| json!({"file": r.file, "line": r.line, "to": r.to, "function": r.function,
            "in_loop": r.in_loop, "text": r.text, "masked": r.masked})).collect::<Vec<_>>(),
        "alone": c.alone.iter().map(|a| json!({"party": a.who, "file": a.file, "line": a.line})).collect::<Vec<_>>(),
    })
}

/// What a `checked` program tells beside its results.
pub const FAILURE: &str = "whether anything failed (`checked`), before each opening";

/// A heading and aligned rows; a dash where there are none.
fn section(out: &mut String, title: &str, rows: impl Iterator<Item = Vec<String>>) {
    let rows: Vec<Vec<String>> = rows.collect();
    let _ = writeln!(out, "{title}");
    if rows.is_empty() {
        let _ = writeln!(out, "  -");
    }
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |k: usize| rows.iter().filter_map(|r| r.get(k)).map(|c| c.chars().count()).max().unwrap_or(0);
    for row in &rows {
        let mut line = String::from(" ");
        for k in 0..columns {
            let cell = row.get(k).map_or("", String::as_str);
            let _ = write!(line, " {cell:<w$} ", w = width(k));
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

/// `mpcc explain`: a code's page, or all codes.
///
/// # Errors
/// There is no such code.
pub fn explain(code: Option<&str>) -> Result<(), Failure> {
    match code {
        None => {
            let list: String = diag::CATALOGUE.iter().map(|e| format!("{}  {}\n", e.code, e.title)).collect();
            print(&list);
            Ok(())
        }
        Some(code) => {
            let entry = diag::explain(&code.to_ascii_uppercase()).ok_or_else(|| {
                let near = diag::suggest(code, diag::CATALOGUE.iter().map(|e| e.code.as_str()));
                Failure::usage(match near {
                    Some(near) => format!("there is no code {code}; did you mean {near}?"),
                    None => format!("there is no code {code}; `mpcc explain` lists them all"),
                })
            })?;
            print(entry.page);
            Ok(())
        }
    }
}
