//! Numbers in functions of any number type, held against the types that such functions are called with.
//!
//! A function of `T: Num` may write numbers from 0 to 127. Types of fewer than 8 bits hold less, so that wherever such a type
//! comes in, the greatest number that is written for it, there or in what is called with it, must fit. Knows nothing of how
//! bodies are checked.

use crate::tree::*;
use diag::{Diag, Diags, Span, codes};

/// The greatest number written for each type parameter of a function, and where.
type Most = Vec<Option<(u128, Span)>>;

/// The greatest number that a type holds, for those that may hold less than any literal of a generic function.
fn holds(ty: &Ty) -> Option<u128> {
    match ty {
        Ty::Int { signed, bits } if *bits <= 8 => Some((1 << (bits - u8::from(*signed))) - 1),
        _ => None,
    }
}

/// The functions that an expression names, with their type arguments.
fn named(kind: &ExprKind) -> Option<(FnId, &Generics)> {
    match kind {
        ExprKind::Call { f, generics, .. } | ExprKind::FnRef { f, generics } => Some((*f, generics)),
        _ => None,
    }
}

/// Reports numbers that do not fit the types that functions are called with. About linear in the program: a round for each
/// call through which a number comes.
pub(crate) fn check(program: &Program, diags: &mut Diags) {
    let mut most: Vec<Most> = program.fns.iter().map(|f| vec![None; f.ty_params.len()]).collect();
    for (f, most) in program.fns.iter().zip(&mut most) {
        for e in &f.exprs {
            if let (ExprKind::Lit(v), Ty::Param(k)) = (&e.kind, &*e.ty)
                && let Some(m) = most.get_mut(*k as usize)
                && m.is_none_or(|(old, _)| old < *v)
            {
                *m = Some((*v, e.span));
            }
        }
    }
    let mut again = true;
    while again {
        again = false;
        for (k, f) in program.fns.iter().enumerate() {
            for e in &f.exprs {
                let Some((callee, generics)) = named(&e.kind) else { continue };
                for (j, ty) in generics.tys.iter().enumerate() {
                    let Ty::Param(p) = ty else { continue };
                    let theirs = most.get(callee.0 as usize).and_then(|m| m.get(j)).copied().flatten();
                    if let (Some(theirs), Some(mine)) = (theirs, most[k].get_mut(*p as usize))
                        && mine.is_none_or(|m| m.0 < theirs.0)
                    {
                        *mine = Some(theirs);
                        again = true;
                    }
                }
            }
        }
    }
    for f in &program.fns {
        for e in &f.exprs {
            let Some((callee, generics)) = named(&e.kind) else { continue };
            for (j, ty) in generics.tys.iter().enumerate() {
                let written = most.get(callee.0 as usize).and_then(|m| m.get(j)).copied().flatten();
                if let (Some(limit), Some((v, at))) = (holds(ty), written)
                    && v > limit
                {
                    let Ty::Int { signed, bits } = ty else { continue };
                    let text = format!("{}{bits}", if *signed { 'i' } else { 'u' });
                    let name = &program.f(callee).name;
                    let d =
                        Diag::error(codes::E0204, format!("{v} does not fit `{text}`, with which `{name}` is called"))
                            .at(e.span, format!("called with `{text}` here"))
                            .also(at, format!("{v} is written here, of any number type"))
                            .help("convert to a wider type before the call");
                    diags.push(d);
                }
            }
        }
    }
}
