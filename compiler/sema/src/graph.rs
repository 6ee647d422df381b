//! After all bodies: circles of calls, and the size equalities of callees as far as a caller decides them.

use crate::infer::subst_size;
use crate::size::Decided;
use crate::tree::*;
use diag::{Diag, Diags, Span, codes};

/// What a function refers to: functions, and the initialisers of constants.
fn edges(p: &Program, f: &Fn) -> Vec<(FnId, Span)> {
    let mut out = Vec::new();
    for e in &f.exprs {
        match &e.kind {
            ExprKind::Call { f, .. } | ExprKind::FnRef { f, .. } => out.push((*f, e.span)),
            ExprKind::Const(c) => out.push((p.consts[c.0 as usize].init, e.span)),
            _ => {}
        }
    }
    out
}

/// Reports each circle of calls once. Linear, without recursion.
pub(crate) fn circles(p: &Program, diags: &mut Diags) {
    let edges: Vec<Vec<(FnId, Span)>> = p.fns.iter().map(|f| edges(p, f)).collect();
    // 0 unseen, 1 open, 2 done.
    let mut state = vec![0u8; p.fns.len()];
    for start in 0..p.fns.len() {
        if state[start] != 0 {
            continue;
        }
        state[start] = 1;
        let mut stack = vec![(start, 0)];
        while let Some((f, at)) = stack.last_mut() {
            let f = *f;
            let Some((next, span)) = edges[f].get(*at).copied() else {
                state[f] = 2;
                stack.pop();
                continue;
            };
            *at += 1;
            let n = next.0 as usize;
            match state[n] {
                0 => {
                    state[n] = 1;
                    stack.push((n, 0));
                }
                1 => {
                    let is_const = p.consts.iter().any(|c| c.init == next);
                    let name = &p.fns[n].name;
                    let from = stack.iter().position(|(g, _)| *g == n).unwrap_or(0);
                    let way: Vec<String> = stack[from..].iter().map(|(g, _)| format!("`{}`", p.fns[*g].name)).collect();
                    let mut d = if is_const {
                        Diag::error(codes::E0107, format!("constant `{name}` is defined by itself"))
                    } else {
                        Diag::error(codes::E0107, format!("`{name}` calls itself"))
                    };
                    d = d.at(span, "here the circle closes").also(p.fns[n].span, "declared here");
                    if way.len() > 1 {
                        d = d.note(format!("the circle: {} → `{name}`", way.join(" → ")));
                    }
                    if !is_const {
                        d = d
                            .note("recursion is not in the language yet: a circuit must know how deep it goes")
                            .help("write it as a `for` loop");
                    }
                    diags.push(d);
                }
                _ => {}
            }
        }
    }
}

/// Checks equalities of sizes that a callee left open against the sizes of each call.
pub(crate) fn size_checks(p: &Program, diags: &mut Diags) {
    for f in &p.fns {
        for e in &f.exprs {
            let (ExprKind::Call { f: g, generics, .. } | ExprKind::FnRef { f: g, generics, .. }) = &e.kind else {
                continue;
            };
            let sizes = &generics.sizes;
            let callee = p.f(*g);
            for c in &callee.size_checks {
                let (l, r) = (subst_size(&c.left, sizes), subst_size(&c.right, sizes));
                if l == Size::Error || r == Size::Error || crate::body::decided(&l, &r) != Decided::Unequal {
                    continue;
                }
                let names = |k: u32| f.size_params.get(k as usize).cloned();
                let show = crate::show::Show {
                    structs: &p.structs,
                    parties: &p.parties,
                    ty_params: &|_| None,
                    size_params: &names,
                    vars: None,
                };
                let d = Diag::error(
                    codes::E0205,
                    format!("`{}` needs equal sizes, and gets {} and {}", callee.name, show.size(&l), show.size(&r)),
                )
                .at(e.span, "in this call")
                .also(c.span, format!("needed here: {}", c.what));
                diags.push(d);
            }
        }
    }
}
