//! After all bodies: groups of functions that call each other, circles of constants, and the size equalities of callees as far as a caller decides them.

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

/// Functions in groups that call each other, callees first; a group of one may call itself or not. Linear, without
/// recursion (Tarjan 1972).
pub(crate) fn groups(p: &Program) -> Vec<Vec<FnId>> {
    let n = p.fns.len();
    let next: Vec<Vec<usize>> = p.fns.iter().map(|f| edges(p, f).iter().map(|e| e.0.0 as usize).collect()).collect();
    // By function: its number in the order of visits, and the least number that it leads back to.
    let mut number: Vec<Option<usize>> = vec![None; n];
    let (mut low, mut done) = (vec![0; n], vec![false; n]);
    let (mut waiting, mut out, mut count) = (Vec::new(), Vec::new(), 0);
    for start in 0..n {
        if number[start].is_some() {
            continue;
        }
        let mut stack = vec![(start, 0)];
        while let Some((f, at)) = stack.last_mut() {
            let f = *f;
            if *at == 0 && number[f].is_none() {
                number[f] = Some(count);
                low[f] = count;
                count += 1;
                waiting.push(f);
            }
            if let Some(&g) = next[f].get(*at) {
                *at += 1;
                match number[g] {
                    None => stack.push((g, 0)),
                    Some(k) if !done[g] => low[f] = low[f].min(k),
                    Some(_) => {}
                }
                continue;
            }
            stack.pop();
            if let Some((above, _)) = stack.last() {
                low[*above] = low[*above].min(low[f]);
            }
            if Some(low[f]) == number[f] {
                let from = waiting.iter().rposition(|g| *g == f).unwrap_or(0);
                let group: Vec<usize> = waiting.split_off(from);
                group.iter().for_each(|g| done[*g] = true);
                out.push(group.into_iter().map(|g| FnId(g as u32)).collect());
            }
        }
    }
    out
}

/// Reports constants that are defined by themselves, and recursive calls that nothing can bound: those with ever larger
/// types, and those that make ever new closures.
pub(crate) fn circles(p: &Program, diags: &mut Diags) {
    for group in groups(p) {
        let inside = |f: FnId| group.contains(&f);
        let calls = || group.iter().flat_map(|f| edges(p, p.f(*f)).into_iter().map(move |e| (*f, e)));
        let Some((_, (_, span))) = calls().find(|(_, (g, _))| inside(*g)) else { continue };
        let constant = |f: FnId| p.consts.iter().find(|c| c.init == f);
        if let Some(c) = group.iter().find_map(|f| constant(*f)) {
            let here = calls().find(|(f, (g, _))| *g == c.init || *f == c.init && inside(*g));
            let at = here.map_or(span, |(_, (_, span))| span);
            let mut d = Diag::error(codes::E0107, format!("constant `{}` is defined by itself", p.f(c.init).name))
                .at(at, "here the circle closes")
                .also(p.f(c.init).span, "declared here");
            if group.len() > 1 {
                let way: Vec<String> = group.iter().map(|f| format!("`{}`", p.f(*f).name)).collect();
                d = d.note(format!("the circle: {}", way.join(", ")));
            }
            diags.push(d);
            continue;
        }
        for f in group.iter().map(|f| p.f(*f)) {
            for e in &f.exprs {
                let (g, generics, args) = match &e.kind {
                    ExprKind::Call { f, generics, args } if inside(*f) => (*f, generics, &args[..]),
                    ExprKind::FnRef { f, generics } if inside(*f) => (*f, generics, &[][..]),
                    _ => continue,
                };
                if generics.tys.iter().any(|t| !matches!(t, Ty::Param(_)) && mentions(t)) {
                    let d = Diag::error(
                        codes::E0111,
                        format!("`{}` is called from itself with a larger type", p.f(g).name),
                    )
                    .at(e.span, "a type made of its own type parameters")
                    .also(p.f(g).span, "declared here")
                    .note("each call would need a function for a new type, without end")
                    .help("pass the type parameters on as they are; sizes may change");
                    diags.push(d);
                }
                let new = |a: &&ExprId| match &f.expr(**a).kind {
                    ExprKind::FnRef { .. } => false,
                    ExprKind::Local(l) => !f.params.iter().any(|p| p.local == *l),
                    _ => true,
                };
                for a in args.iter().filter(|a| matches!(*f.expr(**a).ty, Ty::Fn(..))).filter(new) {
                    let d = Diag::error(
                        codes::E0111,
                        format!("`{}` is called from itself with a new closure", p.f(g).name),
                    )
                    .at(f.expr(*a).span, "made anew in each call")
                    .also(p.f(g).span, "declared here")
                    .help("pass a parameter on, or the name of a function");
                    diags.push(d);
                }
            }
        }
    }
}

/// Whether a type mentions a type parameter.
fn mentions(t: &Ty) -> bool {
    match t {
        Ty::Param(_) => true,
        Ty::Array(t, _) => mentions(t),
        Ty::Tuple(ts) | Ty::Struct(_, ts, _) => ts.iter().any(mentions),
        Ty::Fn(ps, r) => ps.iter().any(mentions) || mentions(r),
        _ => false,
    }
}

/// Reports associative functions that do more than compute: in another grouping they would open, check, or ask for other
/// values.
pub(crate) fn associative(p: &Program, diags: &mut Diags) {
    for f in p.fns.iter().filter(|f| f.associative) {
        let (mut seen, mut todo) = (vec![false; p.fns.len()], vec![f]);
        let mut found = None;
        while let (Some(g), None) = (todo.pop(), found) {
            found = g.exprs.iter().find_map(|e| match &e.kind {
                ExprKind::Builtin(Builtin::Reveal | Builtin::OpenMasked | Builtin::RevealTo(_), _) => {
                    Some((e.span, "opens a value"))
                }
                ExprKind::Builtin(Builtin::Random, _) => Some((e.span, "draws a value")),
                ExprKind::At { .. } => Some((e.span, "runs at a party")),
                ExprKind::Assert { .. } => Some((e.span, "may end the run")),
                _ => None,
            });
            for (next, _) in edges(p, g) {
                if !std::mem::replace(&mut seen[next.0 as usize], true) {
                    todo.push(p.f(next));
                }
            }
        }
        if let Some((span, what)) = found {
            let d = Diag::error(codes::E0509, format!("`{}` does more than compute", f.name))
                .at(span, format!("this {what}"))
                .also(f.span, "declared associative")
                .note("calls may be grouped in any way: nothing else may depend on which values they are of");
            diags.push(d);
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
