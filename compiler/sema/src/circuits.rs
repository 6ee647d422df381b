//! Circuits of files: `extern circuit fn f(x: u64) -> u64 = "f.txt";`.
//!
//! Reads the file that each such function names and holds its widths against the function's types. Knows no gate: what is
//! wrong inside a file, the netlist's reader says.

use crate::layout;
use crate::tree::{Circuit, CircuitId, Ty, TyEnv};
use crate::world::{ModuleSource, World};
use diag::{Diag, Diags, Span, codes};
use syntax::ast as a;

/// Reads every circuit that a function names. Functions whose file cannot be used are reported and have none.
pub(crate) fn load(w: &mut World<'_>, modules: &mut dyn ModuleSource, diags: &mut Diags) -> Vec<Circuit> {
    let mut out = Vec::new();
    let mut found = Vec::new();
    for (k, f) in w.fns.iter().enumerate() {
        let expr = w.mods[f.module].ast.expr(f.decl.body);
        let a::ExprKind::Circuit { file } = &expr.kind else { continue };
        let path = &w.mods[f.module].path;
        if let Some(c) = one(w, k, file, expr.span, path, modules, diags) {
            found.push(((f.module, f.decl.body), CircuitId(out.len() as u32)));
            out.push(c);
        }
    }
    w.circuits.extend(found);
    out
}

/// Elements of a type: a scalar type, and how many.
fn elements(ty: &Ty) -> Option<(Ty, u64)> {
    match ty {
        Ty::Bool | Ty::Int { .. } => Some((ty.clone(), 1)),
        Ty::Array(elem, n) => {
            let (scalar, count) = elements(elem)?;
            let n = u64::try_from(layout::size(n, &TyEnv::default())?).ok()?;
            Some((scalar, count.checked_mul(n)?))
        }
        _ => None,
    }
}

/// Bits of some elements.
fn bits(part: &(Ty, u64)) -> u64 {
    let width = match part.0 {
        Ty::Int { bits, .. } => u64::from(bits),
        _ => 1,
    };
    width.saturating_mul(part.1)
}

/// `128 and 64 bits`
fn widths(list: impl Iterator<Item = u64>) -> String {
    let all: Vec<String> = list.map(|n| n.to_string()).collect();
    match all.as_slice() {
        [] => "nothing".into(),
        [one] => format!("{one} bits"),
        [rest @ .., last] => format!("{} and {last} bits", rest.join(", ")),
    }
}

fn one(
    w: &World<'_>,
    k: usize,
    file: &str,
    span: Span,
    path: &[std::sync::Arc<str>],
    modules: &mut dyn ModuleSource,
    diags: &mut Diags,
) -> Option<Circuit> {
    let (decl, sig) = (w.fns[k].decl, &w.sigs[k]);
    let mut wrong = |d: Diag| -> Option<Circuit> {
        diags.push(d);
        None
    };
    if !sig.gens.is_empty() {
        let d = Diag::error(codes::E0110, "a circuit has no type or size parameters");
        return wrong(d.at(decl.name.span, "its widths are those of its file"));
    }
    let plain = "a circuit takes and gives bools, integers, and arrays of them, of known size";
    let mut params = Vec::new();
    for (p, written) in sig.params.iter().zip(&decl.params) {
        match elements(&p.ty) {
            Some(e) => params.push(e),
            None if p.ty == Ty::Error => return None,
            None => return wrong(Diag::error(codes::E0110, plain).at(written.span, "this is none of them")),
        }
    }
    if params.is_empty() {
        return wrong(Diag::error(codes::E0110, "a circuit takes at least one value").at(decl.name.span, "has none"));
    }
    let parts = match &sig.ret {
        Ty::Tuple(parts) => parts.clone(),
        ty => vec![ty.clone()],
    };
    let mut results = Vec::new();
    for ty in &parts {
        match elements(ty) {
            Some(e) => results.push(e),
            None if *ty == Ty::Error => return None,
            None => return wrong(Diag::error(codes::E0110, plain).at(sig.ret_span, "this is none of them")),
        }
    }
    let Some(text) = modules.circuit(path, file) else {
        let d = Diag::error(codes::E0110, format!("there is no circuit file `{file}`"));
        return wrong(
            d.at(span, "named here").help("names are relative to the folder of this file and stay inside it"),
        );
    };
    let read = match netlist::bristol::parse(&text) {
        Ok(read) => read,
        Err(e) => {
            let d = Diag::error(codes::E0110, format!("`{file}` is no circuit: {e}"));
            return wrong(d.at(span, "named here").note("it is read as Bristol Fashion or the older Bristol format"));
        }
    };
    for (what, have, want, at) in
        [("takes", &params, &read.inputs, decl.name.span), ("gives", &results, &read.outputs, sig.ret_span)]
    {
        if have.len() != want.len() || have.iter().zip(want).any(|(p, n)| bits(p) != *n as u64) {
            let theirs = widths(want.iter().map(|n| *n as u64));
            let ours = widths(have.iter().map(bits));
            let d = Diag::error(codes::E0110, format!("`{file}` {what} {theirs}, this function {ours}"));
            return wrong(d.at(at, format!("{what} {ours}")).also(span, format!("{what} {theirs}")));
        }
    }
    Some(Circuit { file: file.into(), net: read.net.into(), params, results, ret: sig.ret.clone() })
}
