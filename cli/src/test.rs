//! `mpcc test`: a program's `#[test]` functions, in the reference evaluator or among three nodes in memory; and whether its
//! `#[associative]` functions are so.
//!
//! Under a protocol nothing is protected: keys come from a fixed seed, so that a failure happens again.

use crate::args::{Format, TestArgs};
use crate::failure::Failure;
use crate::output::{Shown, print};
use crate::program;
use circuit::Column;
use driver::{Blocks, Checked, CompileError, Publics, TestFailure};
use sema::tree::FnId;
use serde_json::json;
use std::fmt::Write;
use std::sync::Arc;

/// What a test under a protocol took.
struct Took {
    secrets: usize,
    rounds: usize,
    bytes: u64,
}

/// What a test came to.
enum Passed {
    InTheClear,
    /// On random values.
    Associative,
    Under(Took),
}

/// Runs the tests that the filter names.
///
/// # Errors
/// A test failed, the program is wrong, or there is none.
pub fn test(args: &TestArgs, shown: &Shown) -> Result<(), Failure> {
    let (_, checked) = program::checked(&args.source, shown)?;
    let protocol = match &args.protocol {
        None => None,
        Some(name) => Some(
            spec::protocol(name)
                .ok_or_else(|| Failure::usage(format!("there is no protocol `{name}`; there is rep3")))?,
        ),
    };
    let program = &checked.program;
    let name = |id: FnId| program.f(id).name.to_string();
    let wanted = |id: &FnId| args.filter.as_ref().is_none_or(|f| name(*id).contains(f.as_str()));
    let claims = driver::associative(program);
    let all = program.tests.iter().chain(&claims).copied();
    let chosen: Vec<FnId> = all.clone().filter(wanted).collect();
    let left_out = all.count() - chosen.len();
    if args.list {
        let names: Vec<String> = chosen.iter().map(|id| name(*id)).collect();
        print(&match shown.format {
            Format::Json => format!("{}\n", json!({"tests": names})),
            _ => names.iter().map(|n| format!("{n}\n")).collect(),
        });
        return Ok(());
    }
    let (mut passed, mut failed) = (0, 0);
    let mut list = Vec::new();
    for id in chosen {
        let outcome = match protocol {
            _ if claims.contains(&id) => driver::run_associative(&checked, id).map(|()| Passed::Associative),
            None => driver::run_test(&checked, id).map(|()| Passed::InTheClear),
            Some(p) => under(&checked, id, p)?.map(Passed::Under),
        };
        match &outcome {
            Ok(_) => passed += 1,
            Err(_) => failed += 1,
        }
        match shown.format {
            Format::Json => list.push(as_json(&checked, &name(id), &outcome)),
            _ => print(&as_text(&checked, &name(id), &outcome)),
        }
    }
    match shown.format {
        Format::Json => {
            let value = json!({"passed": passed, "failed": failed, "filtered_out": left_out, "tests": list});
            print(&format!("{value}\n"));
        }
        _ => {
            let others = if left_out > 0 { format!(", {left_out} filtered out") } else { String::new() };
            print(&format!("{passed} passed, {failed} failed{others}\n"));
        }
    }
    if failed > 0 { Err(Failure::Shown(1)) } else { Ok(()) }
}

fn as_json(checked: &Checked, name: &str, outcome: &Result<Passed, TestFailure>) -> serde_json::Value {
    match outcome {
        Ok(Passed::InTheClear) => json!({"name": name, "ok": true}),
        Ok(Passed::Associative) => json!({"name": name, "ok": true, "triples": driver::TRIPLES}),
        Ok(Passed::Under(t)) => {
            json!({"name": name, "ok": true, "secrets": t.secrets, "rounds": t.rounds, "bytes_sent": t.bytes})
        }
        Err(e) => {
            let (line, column) = checked.sources.start(e.span);
            let sides = e.sides.as_ref();
            json!({"name": name, "ok": false, "error": e.what, "file": checked.sources.name(e.span.file), "line": line,
                "column": column, "left": sides.map(|s| &s.0), "right": sides.map(|s| &s.1)})
        }
    }
}

fn as_text(checked: &Checked, name: &str, outcome: &Result<Passed, TestFailure>) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = match outcome {
        Ok(Passed::InTheClear) => writeln!(out, "ok      {name}"),
        Ok(Passed::Associative) => writeln!(out, "ok      {name} (associative on {} triples)", driver::TRIPLES),
        Ok(Passed::Under(t)) => {
            writeln!(out, "ok      {name} ({} secret values, {} rounds, {} bytes)", t.secrets, t.rounds, t.bytes)
        }
        Err(e) => {
            let (line, column) = checked.sources.start(e.span);
            let place = format!("{}:{line}:{column}", checked.sources.name(e.span.file));
            let text = checked.sources.line_text(e.span.file, line).trim();
            let _ = writeln!(out, "FAILED  {name}\n        {place}: {}\n            {text}", e.what);
            match &e.sides {
                Some((left, right)) => writeln!(out, "        left:  {left}\n        right: {right}"),
                None => Ok(()),
            }
        }
    };
    out
}

/// A test among three machines.
fn under(checked: &Checked, id: FnId, protocol: &spec::Protocol) -> Result<Result<Took, TestFailure>, Failure> {
    let trial = driver::trial(checked, id);
    let at_test = |what: String| TestFailure { span: checked.program.f(id).span, what, sides: None };
    let compiled = driver::lower(&trial.checked, &trial.bound, &Publics::new())
        .and_then(|l| driver::compile(l, protocol, &opt::Profile::LAN));
    let compiled = match compiled {
        Ok(c) => c,
        Err(CompileError::Internal(what)) => return Err(Failure::Ours(what)),
        Err(CompileError::Program(diags)) => {
            let first = diags.iter().next();
            let (span, what) = first.map_or((None, String::new()), |d| (d.span(), d.message.clone()));
            let span = span.unwrap_or(checked.program.f(id).span);
            return Ok(Err(TestFailure { span, what, sides: None }));
        }
    };
    let inputs: Vec<Column> = compiled
        .gates
        .inputs
        .iter()
        .zip(&trial.inputs)
        .map(|(input, values)| {
            let mut column = Column::with_capacity(input.elem, values.len());
            values.iter().for_each(|v| column.push(*v));
            column
        })
        .collect();
    let blocks =
        Blocks { program: trial.checked.program.clone(), codes: compiled.blocks.clone(), strings: Default::default() };
    let spans = compiled.spans.clone();
    let program = Arc::new(engine::Program { circuit: compiled.gates, schedule: compiled.schedule });
    let run = engine::testing::run_in_memory(&program, &inputs, |_| Box::new(program::Runner(blocks.clone())), 1, 1);
    Ok(match run {
        Ok(run) => {
            let sent = |to: &Vec<Vec<u8>>| to.iter().map(|b| b.len() as u64).sum::<u64>();
            Ok(Took { secrets: trial.secrets, rounds: run.trace.len(), bytes: run.bytes.iter().map(sent).sum() })
        }
        Err(engine::Fault::Program { span, what }) => {
            let place = spans.get(span.0 as usize).filter(|s| **s != diag::Span::default());
            Err(place
                .map_or_else(|| at_test(what.clone()), |s| TestFailure { span: *s, what: what.clone(), sides: None }))
        }
        Err(other) => return Err(Failure::Ours(other.to_string())),
    })
}
