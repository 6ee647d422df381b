//! Stages as text, and tests in the clear.

use crate::bind::Bound;
use crate::check::Checked;
use crate::compile::Lowered;
use crate::compile::Publics;
use crate::contract::ty_text;
use circuit::SpanId;
use diag::{Diags, SourceMap, Span};
use eval::{Shape, Value};
use sema::layout;
use sema::tree::{Fn, FnId, Program};
use std::fmt::Write;

/// The syntax tree of the root module, printed back as source, and what parsing found.
pub fn ast_text(name: &str, text: &str) -> (String, Diags, SourceMap) {
    let mut sources = SourceMap::new();
    let mut diags = Diags::new();
    let file = sources.add(name.to_string(), text.into());
    let module = syntax::parse(file, text, &mut diags);
    (style::print(&module), diags, sources)
}

/// A function's head as it is written, with its types resolved and no labels.
pub fn signature(program: &Program, f: &Fn) -> String {
    let mut generics: Vec<String> = f.ty_params.iter().map(|(n, c)| format!("{n}: {c:?}")).collect();
    generics.extend(f.size_params.iter().map(|n| format!("{n}: size")));
    let generics = if generics.is_empty() { String::new() } else { format!("<{}>", generics.join(", ")) };
    let params: Vec<String> = f.params.iter().map(|p| format!("{}: {}", p.name, ty_text(program, f, &p.ty))).collect();
    format!("fn {}{generics}({}) -> {}", f.name, params.join(", "), ty_text(program, f, &f.ret))
}

/// The typed program: each function's signature, label scheme, and locals with their types.
pub fn types_text(checked: &Checked) -> String {
    let program = &checked.program;
    let mut out = String::new();
    for (k, f) in program.fns.iter().enumerate() {
        if f.library {
            continue;
        }
        let _ = writeln!(out, "{}", signature(program, f));
        if let Some(scheme) = checked.labels.schemes.get(k).filter(|s| !s.is_empty()) {
            for line in scheme.lines() {
                let _ = writeln!(out, "  labels {line}");
            }
        }
        for local in f.locals.iter().skip(f.params.len()) {
            let word = if local.mutable { "let mut" } else { "let" };
            let (line, _) = checked.sources.start(local.span);
            let _ = writeln!(out, "  {word} {}: {} ; line {line}", local.name, ty_text(program, f, &local.ty));
        }
        for check in &f.size_checks {
            let left = crate::schema::size_text(program, &check.left);
            let right = crate::schema::size_text(program, &check.right);
            let _ = writeln!(out, "  when sizes are bound: {left} == {right}");
        }
    }
    out
}

/// The program level as text, each gate with its source line.
pub fn program_text(checked: &Checked, lowered: &Lowered) -> String {
    let line = |id: SpanId| {
        let span = lowered.spans.get(id.0 as usize).filter(|s| **s != Span::default())?;
        Some(format!("line {}", checked.sources.start(*span).0))
    };
    let mut circuit = lowered.circuit.clone();
    circuit::text::normalise(&mut circuit, None);
    circuit::text::print_with(&circuit, &circuit::text::Options { spans: false, comment: Some(&line) })
}

/// Why a test failed.
#[derive(Clone, Debug)]
pub struct TestFailure {
    /// The place in the program.
    pub span: Span,
    /// In words.
    pub what: String,
    /// What the failed assertion compared, left and right.
    pub sides: Option<(String, String)>,
}

/// Runs a `#[test]` function in the reference evaluator.
///
/// # Errors
/// Where it failed, and why.
pub fn run_test(checked: &Checked, test: FnId) -> Result<(), TestFailure> {
    eval::run_test(&checked.program, test, eval::Options::default()).map_err(|e| TestFailure {
        span: e.span,
        what: e.what,
        sides: e.sides.map(|s| *s),
    })
}

/// Runs `main` in the reference evaluator, which sees every input in the clear. `inputs` are values by parameter and leaf;
/// the result is leaf by leaf, in the order of the circuit's outputs; `strings` are the strings of the inputs.
///
/// # Errors
/// Where the program failed, and why.
pub fn evaluate(
    checked: &Checked,
    bound: &Bound,
    inputs: &Publics,
    strings: &strings::Table,
) -> Result<Vec<Vec<u128>>, (Span, String)> {
    let program = &checked.program;
    let nowhere = |what: &str| (Span::default(), what.to_string());
    let main = program.main.map(|m| program.f(m)).ok_or_else(|| nowhere("there is no `main`"))?;
    let mut values = Vec::new();
    for p in &main.params {
        let shape = layout::close(&p.ty, &bound.env).and_then(|ty| Shape::of(program, &ty, &bound.env.families));
        let leaves = inputs.get(&*p.name).cloned();
        let value = shape.zip(leaves).and_then(|(shape, leaves)| Value::from_columns(&shape, leaves, false));
        values.push(value.ok_or_else(|| nowhere(&format!("`{}` has no value of its shape", p.name)))?);
    }
    let out = eval::run_main_on(program, &bound.env, values, eval::Options::default(), strings);
    out.map(|v| v.to_columns()).map_err(|e| (e.span, e.what))
}
