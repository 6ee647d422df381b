//! The stages after checking, in order: lower, verify, compile for a protocol, verify, price.
//!
//! Knows the order and how each stage's findings become diagnostics. A verifier's complaint is our fault, never the
//! program's.

use crate::bind::Bound;
use crate::check::Checked;
use circuit::{Circuit, Schedule};
use diag::{Diag, Diags};
use lower::{Finding, Request};
use opt::Profile;
use sema::tree::AtCode;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Values of public parameters: by name, leaf by leaf, bit patterns.
pub type Publics = BTreeMap<String, Vec<Vec<u128>>>;

/// A program lowered for one binding of sizes.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// Program level.
    pub circuit: Circuit,
    /// Its `at` blocks.
    pub blocks: Arc<[AtCode]>,
    /// What span ids mean; 0 is nowhere.
    pub spans: Arc<[diag::Span]>,
    /// Lints found on the way.
    pub lints: Diags,
}

impl Lowered {
    /// Says where the parties are, in order of declaration; else they are in turn.
    pub fn place(&mut self, hosts: impl IntoIterator<Item = circuit::Host>) {
        for (party, host) in self.circuit.parties.iter_mut().zip(hosts) {
            party.host = host;
        }
    }
}

/// A program compiled for one protocol and network.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Its `at` blocks.
    pub blocks: Arc<[AtCode]>,
    /// What span ids mean; 0 is nowhere.
    pub spans: Arc<[diag::Span]>,
    /// Gate level.
    pub gates: Circuit,
    /// Rounds.
    pub schedule: Schedule,
    /// BLAKE3 of gate level and schedule.
    pub digest: [u8; 32],
}

/// Why a program could not be compiled.
#[derive(Debug)]
pub enum CompileError {
    /// The program is wrong, with these sizes.
    Program(Box<Diags>),
    /// We are wrong.
    Internal(String),
}

/// The code of findings that are our fault.
const INTERNAL: &str = "E0499";

/// Lowers `main` for a binding of sizes.
///
/// # Errors
/// The program's (an index out of bounds, sizes that do not agree, …), or ours.
pub fn lower(checked: &Checked, bound: &Bound, publics: &Publics) -> Result<Lowered, CompileError> {
    let program = &checked.program;
    let Some(entry) = program.main else {
        return Err(CompileError::Internal("asked to lower a program without `main`".into()));
    };
    let publics = program
        .f(entry)
        .params
        .iter()
        .enumerate()
        .filter_map(|(k, p)| Some((k as u32, publics.get(&*p.name)?.clone())))
        .collect();
    let request = Request { entry, env: bound.env.clone(), publics };
    let lowered = lower::lower(program, &request).map_err(|findings| {
        if let Some(ours) = findings.iter().find(|f| f.code == INTERNAL) {
            return CompileError::Internal(ours.message.clone());
        }
        let mut diags = Diags::new();
        findings.iter().for_each(|f| diags.push(diagnostic(f)));
        CompileError::Program(Box::new(diags))
    })?;
    verified("program level", circuit::verify::verify(&lowered.circuit))?;
    let mut lints = Diags::new();
    lowered.lints.iter().filter(|f| !allowed(checked, f)).for_each(|f| lints.push(diagnostic(f)));
    Ok(Lowered { circuit: lowered.circuit, blocks: lowered.blocks.into(), spans: lowered.spans.into(), lints })
}

/// Compiles a lowered program for a protocol and a network profile.
///
/// # Errors
/// What the protocol has no form for, or ours.
pub fn compile(lowered: Lowered, protocol: &spec::Protocol, profile: &Profile) -> Result<Compiled, CompileError> {
    compile_with(lowered, protocol, profile, &mut |_, _| {})
}

/// As [`compile`]; `after` is given what each pass made, with the pass.
///
/// # Errors
/// As [`compile`].
pub fn compile_with(
    lowered: Lowered,
    protocol: &spec::Protocol,
    profile: &Profile,
    after: &mut dyn FnMut(&opt::Pass, &opt::State<'_>),
) -> Result<Compiled, CompileError> {
    let Lowered { circuit, blocks, spans, .. } = lowered;
    let out = opt::compile_with(circuit, protocol, profile, after).map_err(|e| refused(&spans, e))?;
    verified("gate level", circuit::verify::verify(&out.gates))?;
    verified("schedule", circuit::verify::verify_schedule(&out.gates, &out.schedule))?;
    let digest = circuit::binary::digest(&out.gates, &out.schedule);
    Ok(Compiled { blocks, spans, gates: out.gates, schedule: out.schedule, digest })
}

/// As [`compile`], with long vectors in as few strips as make the peak of the values, of all nodes together, good enough, as far as
/// that goes; and the points of rounds against memory on the way there. `again` lowers once more, where that is needed.
///
/// # Errors
/// As [`compile`], or of `again`.
pub fn compile_within<E: From<CompileError>>(
    lowered: Lowered,
    again: impl FnOnce() -> Result<Lowered, E>,
    protocol: &spec::Protocol,
    profile: &Profile,
    enough: &dyn Fn(u128) -> bool,
) -> Result<(Compiled, Vec<opt::strips::Point>), E> {
    let Compiled { blocks, spans, gates, schedule, digest } = compile(lowered, protocol, profile)?;
    let fit = |whole| opt::strips::fit(whole, protocol, profile, enough).map_err(|e| E::from(refused(&spans, e)));
    let (mut way, mut curve) = fit(opt::Compiled { gates, schedule })?;
    if !enough(way.peak) {
        // Levels of trees that are loops stand in the way of strips.
        let flat = opt::compile_flat(again()?.circuit, protocol, profile).map_err(|e| E::from(refused(&spans, e)))?;
        let (other, points) = fit(flat)?;
        if other.strips > 1 && other.peak < way.peak {
            curve.truncate(1);
            curve.extend(points.into_iter().skip(1));
            way = other;
        }
    }
    let opt::Compiled { gates, schedule } = way.compiled;
    if way.strips == 1 {
        return Ok((Compiled { blocks, spans, gates, schedule, digest }, curve));
    }
    verified("gate level in strips", circuit::verify::verify(&gates))?;
    verified("schedule of strips", circuit::verify::verify_schedule(&gates, &schedule))?;
    let digest = circuit::binary::digest(&gates, &schedule);
    Ok((Compiled { blocks, spans, gates, schedule, digest }, curve))
}

/// A lowered program as one boolean circuit, unrolled.
///
/// # Errors
/// What has no such circuit, or ours.
pub fn export(lowered: &Lowered) -> Result<netlist::bristol::File, CompileError> {
    opt::export::export(&lowered.circuit).map_err(|e| refused(&lowered.spans, e))
}

/// What a pass says, in the program's places.
fn refused(spans: &[diag::Span], e: opt::Error) -> CompileError {
    match e {
        opt::Error::Unsupported { what, span } => {
            let mut diags = Diags::new();
            let place = spans.get(span.0 as usize).copied().unwrap_or_default();
            diags.push(Diag::error(diag::codes::E0410, what).at(place, "here"));
            CompileError::Program(Box::new(diags))
        }
        other => CompileError::Internal(other.to_string()),
    }
}

fn verified<E: std::fmt::Display>(stage: &str, result: Result<(), Vec<E>>) -> Result<(), CompileError> {
    result.map_err(|errors| {
        let list: Vec<String> = errors.iter().take(8).map(ToString::to_string).collect();
        CompileError::Internal(format!("the {stage} does not verify: {}", list.join("; ")))
    })
}

/// Whether the function that a lint stands in allows it, or belongs to the library.
fn allowed(checked: &Checked, f: &Finding) -> bool {
    let program = &checked.program;
    program.fns.iter().any(|g| {
        let body = g.expr(g.body).span;
        let inside = body.file == f.span.file && body.lo <= f.span.lo && f.span.hi <= body.hi;
        inside && (g.library || g.allow.iter().any(|code| **code == *f.code))
    })
}

/// A neutral finding as a diagnostic.
fn diagnostic(f: &Finding) -> Diag {
    let code = diag::explain(f.code).map_or(diag::codes::E0410, |entry| entry.code);
    let lint = f.code.starts_with('L');
    let mut d = if lint { Diag::lint(code, &f.message) } else { Diag::error(code, &f.message) };
    d = d.at(f.span, if lint { "this" } else { "here" });
    for (span, text) in &f.also {
        d = d.also(*span, text);
    }
    if !f.help.is_empty() {
        d = d.help(&f.help);
    }
    d
}
