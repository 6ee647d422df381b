//! Binding of sizes: from names and numbers to the environment that lowering and the evaluator take.
//!
//! Knows `main`'s size parameters and the families; where the numbers come from (row counts, `-D`) is the caller's business.

use crate::schema::size_name;
use diag::{Diag, Diags, codes};
use sema::layout;
use sema::tree::{PartyId, Program, SizeVar, TyEnv};
use std::collections::BTreeMap;

/// A program's sizes, bound.
#[derive(Clone, Debug)]
pub struct Bound {
    /// For lowering and the evaluator.
    pub env: TyEnv,
    /// Names and numbers, `main`'s first, in order of declaration.
    pub sizes: Vec<(String, u64)>,
}

/// Why sizes could not be bound.
#[derive(Debug)]
pub enum BindError {
    /// No number for these.
    Missing(Vec<String>),
    /// A number for a name that is no size; with what may have been meant.
    Unknown(String, Option<String>),
    /// Too large a number for a size.
    TooLarge(String, u64),
    /// An equality or a length that does not hold with these numbers.
    Program(Box<Diags>),
}

/// Names of the sizes that a run must bind: `main`'s parameters, then the families'.
pub fn size_names(program: &Program) -> Vec<String> {
    let params = program.main.map_or(0, |m| program.f(m).size_params.len());
    let mut names: Vec<String> = (0..params).map(|k| size_name(program, SizeVar::Param(k as u32))).collect();
    for (k, party) in program.parties.iter().enumerate() {
        if party.family.is_some() {
            names.push(size_name(program, SizeVar::Family(PartyId(k as u32))));
        }
    }
    names
}

/// Binds the sizes of `main` and of the families.
///
/// # Errors
/// See [`BindError`].
pub fn bind(program: &Program, numbers: &BTreeMap<String, u64>) -> Result<Bound, BindError> {
    let names = size_names(program);
    for name in numbers.keys() {
        if !names.contains(name) {
            let near = diag::suggest(name, names.iter().map(String::as_str)).map(str::to_string);
            return Err(BindError::Unknown(name.clone(), near));
        }
    }
    let missing: Vec<String> = names.iter().filter(|n| !numbers.contains_key(*n)).cloned().collect();
    if !missing.is_empty() {
        return Err(BindError::Missing(missing));
    }
    for (name, &n) in numbers {
        if i64::try_from(n).is_err() {
            return Err(BindError::TooLarge(name.clone(), n));
        }
    }
    let value = |name: &str| numbers[name] as i64;
    let params = program.main.map_or(&[][..], |m| &program.f(m).size_params[..]);
    let env = TyEnv {
        tys: Vec::new(),
        sizes: params.iter().map(|n| value(n)).collect(),
        families: program.parties.iter().map(|p| p.family.as_deref().map_or(0, value)).collect::<Vec<_>>().into(),
    };
    let bad = unclosed(program, &env);
    if bad.has_errors() {
        return Err(BindError::Program(Box::new(bad)));
    }
    Ok(Bound { env, sizes: names.iter().map(|n| (n.clone(), numbers[n])).collect() })
}

/// Parameters and results of `main` whose type has no size with these numbers (a negative length, an overflow).
fn unclosed(program: &Program, env: &TyEnv) -> Diags {
    let mut diags = Diags::new();
    let Some(main) = program.main.map(|m| program.f(m)) else { return diags };
    let params = main.params.iter().map(|p| (&p.ty, p.span));
    for (ty, span) in params.chain([(&main.ret, main.ret_span)]) {
        let fits = layout::close(ty, env).and_then(|t| layout::leaves(program, &t, &env.families));
        if fits.is_none() {
            diags.push(
                Diag::error(codes::E0401, "a length of this type is no number with these sizes")
                    .at(span, "negative, or too large")
                    .note(sizes_text(program, env)),
            );
        }
    }
    diags
}

fn sizes_text(program: &Program, env: &TyEnv) -> String {
    let mut parts = Vec::new();
    if let Some(main) = program.main {
        for (name, n) in program.f(main).size_params.iter().zip(&env.sizes) {
            parts.push(format!("{name} = {n}"));
        }
    }
    for (party, n) in program.parties.iter().zip(env.families.iter()) {
        if let Some(name) = &party.family {
            parts.push(format!("{name} = {n}"));
        }
    }
    format!("the sizes are {}", parts.join(", "))
}
