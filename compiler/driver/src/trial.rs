//! Functions other than `main`, compiled by themselves: a `#[test]` whose values become secret inputs, so that a protocol
//! has something to compute, and the price of one call.
//!
//! Both make a program whose `main` is a copy of the function. Knows no protocol.

use crate::bind::Bound;
use crate::check::Checked;
use crate::compile::{CompileError, Publics, compile, lower};
use diag::Diags;
use eval::Value;
use sema::layout;
use sema::tree::*;
use std::sync::Arc;

/// A test as a program for a protocol.
pub struct Trial {
    /// The program: its `main` is the test.
    pub checked: Checked,
    /// No sizes.
    pub bound: Bound,
    /// Its inputs, by parameter and leaf.
    pub inputs: Vec<Vec<u128>>,
    /// How many values of the test are secret.
    pub secrets: usize,
}

/// A test as a program in which the values that it writes down are brought by a party, as far as labels allow (an index,
/// say, must stay public), and in which every assertion reveals its condition first. Cost: a label check of the program for
/// each such value.
pub fn trial(checked: &Checked, test: FnId) -> Trial {
    let mut program = (*checked.program).clone();
    let party = add_party(&mut program, test);
    let mut main = program.f(test).clone();
    for k in 0..main.exprs.len() {
        if let ExprKind::Assert { cond, what } = main.exprs[k].kind.clone() {
            let span = main.expr(cond).span;
            let open = push(&mut main, ExprKind::Builtin(Builtin::Reveal, vec![cond]), Ty::Bool, span);
            main.exprs[k].kind = ExprKind::Assert { cond: open, what };
        }
    }
    let id = FnId(program.fns.len() as u32);
    program.fns.push(main);
    program.main = Some(id);
    let env = TyEnv { families: vec![0; program.parties.len()].into(), ..TyEnv::default() };
    let (mut inputs, mut secrets) = (Vec::new(), 0);
    for (local, init) in written_values(&program, program.f(id)) {
        let Some(value) = evaluated(&program, id, init, &env) else { continue };
        let mut with = program.clone();
        make_input(&mut with.fns[id.0 as usize], local, init, party);
        let mut found = Diags::new();
        sema::labels::check(&with, &mut found);
        if !found.has_errors() {
            inputs.extend(value.to_columns());
            secrets += 1;
            program = with;
        }
    }
    let labels = sema::labels::check(&program, &mut Diags::new());
    let checked = Checked { sources: checked.sources.clone(), diags: Diags::new(), program: Arc::new(program), labels };
    Trial { checked, bound: Bound { env, sizes: Vec::new() }, inputs, secrets }
}

fn add_party(program: &mut Program, f: FnId) -> PartyId {
    let span = program.f(f).span;
    program.parties.push(Party { name: "Caller".into(), family: None, span });
    PartyId(program.parties.len() as u32 - 1)
}

fn push(f: &mut Fn, kind: ExprKind, ty: Ty, span: diag::Span) -> ExprId {
    f.exprs.push(Expr { kind, ty: Arc::new(ty), span });
    ExprId(f.exprs.len() as u32 - 1)
}

/// `let`s of the outermost block whose value is written down: the local and its value.
fn written_values(program: &Program, f: &Fn) -> Vec<(LocalId, ExprId)> {
    let ExprKind::Block(stmts, _) = &f.expr(f.body).kind else { return Vec::new() };
    let lets = stmts.iter().filter_map(|s| match s {
        Stmt::Let(Pat::Bind(l), e) => Some((*l, *e)),
        _ => None,
    });
    lets.filter(|(l, e)| is_data(program, &f.local(*l).ty) && is_written(f, *e)).collect()
}

/// A type that a party can bring.
fn is_data(program: &Program, ty: &Ty) -> bool {
    // A test is nobody's program: a string that somebody brings could not be worked on.
    if layout::holds_strings(&program.structs, ty) {
        return false;
    }
    match ty {
        Ty::Bool | Ty::Int { .. } | Ty::Fixed(_) => true,
        Ty::Array(of, _) => is_data(program, of),
        Ty::Tuple(parts) => parts.iter().all(|t| is_data(program, t)),
        // Fields are data by the rules of structs; arguments have to be.
        Ty::Struct(_, tys, _) => tys.iter().all(|t| is_data(program, t)),
        Ty::Str | Ty::Index | Ty::Unit | Ty::Param(_) | Ty::Fn(..) | Ty::Error => false,
    }
}

/// Literals, constants, and what is put together of these.
fn is_written(f: &Fn, e: ExprId) -> bool {
    let all = |parts: &[ExprId]| parts.iter().all(|p| is_written(f, *p));
    match &f.expr(e).kind {
        ExprKind::Lit(_) | ExprKind::Const(_) | ExprKind::Size(Size::Const(_)) => true,
        ExprKind::Array(parts) | ExprKind::Tuple(parts) | ExprKind::Struct(parts) => all(parts),
        ExprKind::FromIndex(x) | ExprKind::Cast(x) | ExprKind::Repeat(x) | ExprKind::Unary(_, x) => is_written(f, *x),
        _ => false,
    }
}

/// The value of an expression that reads no variable.
fn evaluated(program: &Program, f: FnId, e: ExprId, env: &TyEnv) -> Option<Value> {
    let mut with = program.clone();
    let mut code = program.f(f).clone();
    code.params.clear();
    code.ret = (*code.expr(e).ty).clone();
    code.body = e;
    with.fns.push(code);
    eval::run_fn(&with, FnId(with.fns.len() as u32 - 1), env, Vec::new()).ok()
}

/// Makes the value of a local a parameter that the party brings.
fn make_input(f: &mut Fn, local: LocalId, init: ExprId, party: PartyId) {
    let like = f.local(local).clone();
    let param = LocalId(f.locals.len() as u32);
    f.params.push(Param {
        local: param,
        name: format!("{}.{}", like.name, param.0).into(),
        ty: like.ty.clone(),
        origin: Origin::From(party),
        range: None,
        span: like.span,
    });
    f.locals.push(Local { mutable: false, ..like });
    f.exprs[init.0 as usize].kind = ExprKind::Local(param);
}

/// What one call of a function costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallCost {
    /// Rounds, sharing of the arguments and opening of the result included.
    pub rounds: u128,
    /// Payload bytes that each node sends.
    pub bytes: Vec<u128>,
    /// Whether this is the most that it may cost.
    pub at_most: bool,
}

/// The price of one call on secret arguments of the given sizes (by name; families too), with type parameters bound to
/// `u64`: sharing the arguments and opening the result included. `None` where there is no such price: a size without a
/// number, a public parameter of `main`, an argument of function type, a program that does not compile so.
pub fn call_cost(
    checked: &Checked,
    f: FnId,
    size: &dyn std::ops::Fn(&str) -> Option<i64>,
    protocol: &spec::Protocol,
    profile: &opt::Profile,
) -> Option<CallCost> {
    let mut program = (*checked.program).clone();
    let whole = program.main == Some(f);
    if !whole {
        let party = add_party(&mut program, f);
        let mut main = program.f(f).clone();
        main.params.iter_mut().for_each(|p| p.origin = Origin::From(party));
        if main.ret != Ty::Unit {
            let (body, ty) = (main.body, main.ret.clone());
            let span = main.expr(body).span;
            main.body = push(&mut main, ExprKind::Builtin(Builtin::Reveal, vec![body]), ty, span);
        }
        program.fns.push(main);
        program.main = Some(FnId(program.fns.len() as u32 - 1));
    }
    let code = program.f(program.main?);
    let tys = vec![Ty::Int { signed: false, bits: 64 }; code.ty_params.len()];
    let sizes = code.size_params.iter().map(|n| size(n)).collect::<Option<Vec<i64>>>()?;
    let families = program.parties.iter().map(|p| p.family.as_deref().map_or(Some(0), size));
    let env = TyEnv { tys, sizes, families: families.collect::<Option<Vec<i64>>>()?.into() };
    // A public value may bound a loop.
    if code.params.iter().any(|p| p.origin == Origin::Public) {
        return None;
    }
    let checked = Checked {
        sources: checked.sources.clone(),
        diags: Diags::new(),
        program: Arc::new(program),
        labels: sema::labels::Labels::default(),
    };
    let bound = Bound { env, sizes: Vec::new() };
    let lowered: Result<_, CompileError> = lower(&checked, &bound, &Publics::new());
    let compiled = compile(lowered.ok()?, protocol, profile).ok()?;
    let cost = opt::cost::cost(&compiled.gates, &compiled.schedule, protocol, profile).ok()?;
    let (rounds, pairs) = cost.most?;
    let bytes = pairs.iter().map(|to| to.iter().sum()).collect();
    Some(CallCost { rounds, bytes, at_most: !cost.parts.is_empty() })
}
