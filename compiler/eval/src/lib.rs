//! The reference evaluator: what a program means, and the oracle that every later stage is compared with.
//!
//! Scalar, sequential, straight over the typed program; no batching and no cleverness. Each leaf of a value carries
//! whether it is public, because division by zero and a bad index are errors on public values alone. It trusts that the
//! program has passed types and labels; knows no circuit, no protocol, no file.

mod builtin;
mod checked;
pub mod ops;
mod run;
#[doc(hidden)]
pub mod testing;
pub mod value;

pub use value::{Array, Kind, MAX_LANES, Scalar, Shape, Value};

use diag::Span;
use run::Run;
use sema::layout;
use sema::tree::{AtCode, FnId, Origin, Program, TyEnv};
use std::sync::Arc;

/// Why a run stopped. Holds no value that is not public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError {
    /// The place in the program.
    pub span: Span,
    /// In words.
    pub what: String,
    /// Not the program's fault: the tree is not what a checker lets pass.
    pub internal: bool,
    /// What an assertion compared, where it compared public values.
    pub sides: Option<Box<(String, String)>>,
}

impl std::fmt::Display for EvalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for EvalError {}

/// What binds the sizes of a run: `sizes` are those of `main`, `families` one number per party; `tys` is empty.
pub type Bindings = TyEnv;

/// Limits of a run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Most expressions that may be evaluated, counted each time.
    pub steps: u64,
    /// Most turns of one `while`.
    pub turns: u64,
}

/// Most turns of one `while`, unless [`Options`] say otherwise: what runs longer does not end.
pub const MAX_TURNS: u64 = 1 << 32;

impl Default for Options {
    fn default() -> Options {
        Options { steps: u64::MAX, turns: MAX_TURNS }
    }
}

/// Runs `main`. One value per parameter, of the shape of its type under `sizes`; what comes from a party is marked not
/// public here, what is `public` public.
///
/// # Errors
/// A public division by zero, a public index out of bounds, a size that does not fit, a failed assertion, a limit.
pub fn run_main(program: &Program, sizes: &Bindings, inputs: Vec<Value>) -> Result<Value, EvalError> {
    run_main_with(program, sizes, inputs, Options::default())
}

/// [`run_main`] with limits.
///
/// # Errors
/// As there.
pub fn run_main_with(
    program: &Program,
    sizes: &Bindings,
    inputs: Vec<Value>,
    options: Options,
) -> Result<Value, EvalError> {
    run_main_on(program, sizes, inputs, options, &strings::Table::default())
}

/// [`run_main_with`], with the strings of the inputs.
///
/// # Errors
/// As there; also a string whose length or bytes are asked for and which is not among them.
pub fn run_main_on(
    program: &Program,
    sizes: &Bindings,
    mut inputs: Vec<Value>,
    options: Options,
    strings: &strings::Table,
) -> Result<Value, EvalError> {
    let Some(main) = program.main else {
        return Err(EvalError {
            span: Span::default(),
            what: "the program has no `main`".into(),
            internal: false,
            sides: None,
        });
    };
    for (value, param) in inputs.iter_mut().zip(&program.f(main).params) {
        value.mark(matches!(param.origin, Origin::From(_) | Origin::Kept));
    }
    run_fn_on(program, main, sizes, inputs, options, strings)
}

/// Runs a function with its bindings; arguments keep their marks.
///
/// # Errors
/// As [`run_main`]; also arguments that are not of the parameters' shapes.
pub fn run_fn(program: &Program, f: FnId, env: &TyEnv, args: Vec<Value>) -> Result<Value, EvalError> {
    run_fn_with(program, f, env, args, Options::default())
}

/// [`run_fn`] with limits.
///
/// # Errors
/// As there.
pub fn run_fn_with(
    program: &Program,
    f: FnId,
    env: &TyEnv,
    args: Vec<Value>,
    options: Options,
) -> Result<Value, EvalError> {
    run_fn_on(program, f, env, args, options, &strings::Table::default())
}

/// [`run_fn_with`], with the strings of its arguments.
fn run_fn_on(
    program: &Program,
    f: FnId,
    env: &TyEnv,
    args: Vec<Value>,
    options: Options,
    strings: &strings::Table,
) -> Result<Value, EvalError> {
    let code = program.f(f);
    let wrong = |span, what: String| EvalError { span, what, internal: false, sides: None };
    if args.len() != code.params.len() {
        return Err(wrong(
            code.span,
            format!("`{}` takes {} arguments, not {}", code.name, code.params.len(), args.len()),
        ));
    }
    for (arg, param) in args.iter().zip(&code.params) {
        let shape = layout::close(&param.ty, env)
            .and_then(|ty| Shape::of(program, &ty, &env.families))
            .ok_or_else(|| wrong(param.span, format!("the type of `{}` is too large here", param.name)))?;
        if shape != arg.shape() {
            return Err(wrong(param.span, format!("the argument for `{}` is not of its type", param.name)));
        }
    }
    let mut run = Run::new(program, env.families.clone(), options, strings);
    let value = run.enter(f, Arc::new(env.clone()), args, code.span).map_err(run::Halt::error)?;
    run.settle().map_err(run::Halt::error)?;
    Ok(value)
}

/// Runs a `#[test]`: it passes if no assertion fails.
///
/// # Errors
/// As [`run_main`].
pub fn run_test(program: &Program, f: FnId, options: Options) -> Result<(), EvalError> {
    let env = TyEnv { families: vec![0; program.parties.len()].into(), ..TyEnv::default() };
    run_fn_with(program, f, &env, Vec::new(), options).map(|_| ())
}

/// Runs an `at` block at its party, `code.runs` times: argument columns as `code` says, one run after another in each;
/// result columns likewise, one per leaf of the block's type. All values count as public, being its own. `strings` are those
/// that the party holds.
///
/// # Errors
/// As [`run_main_on`]; also columns of another number or length than `code` says.
pub fn run_at(
    program: &Program,
    code: &AtCode,
    args: &[Vec<u128>],
    strings: &strings::Table,
) -> Result<Vec<Vec<u128>>, EvalError> {
    let mut run = Run::new(program, code.env.families.clone(), Options::default(), strings);
    run.alone = 1;
    run.at(code, args).map_err(run::Halt::error)
}
