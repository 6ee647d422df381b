//! Lints that need labels: what is right, and costs more than it must. Runs behind the analysis of a function, on the
//! labels that it saw each expression have.

use super::flow::Flow;
use super::lab::{Atom, Tree};
use crate::tree::*;
use diag::{Diag, Edit, codes};

/// How far a value is known, joined over all times that its expression was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Public,
    To(PartyId),
    /// Nobody, or whom a caller says.
    Less,
}

impl Known {
    pub fn of(t: &Tree) -> Known {
        let label = t.all();
        let mut known = Known::Public;
        for s in label.sources() {
            known = known.join(match s.atom {
                Atom::Party(p) => Known::To(p),
                _ => Known::Less,
            });
        }
        known
    }
    pub fn join(self, other: Known) -> Known {
        match (self, other) {
            (Known::Public, k) | (k, Known::Public) => k,
            (Known::To(p), Known::To(q)) if p == q => self,
            _ => Known::Less,
        }
    }
}

/// Lints of a function, by place.
pub(super) fn find(flow: &Flow<'_, '_>) -> Vec<Diag> {
    let mut out = Vec::new();
    if flow.f.library || flow.program.tests.contains(&flow.id) {
        return out;
    }
    let allowed = |code: &str| flow.f.allow.iter().any(|a| &**a == code);
    if !allowed("L0104") {
        divisions(flow, &mut out);
    }
    if !allowed("L0105") && flow.program.main == Some(flow.id) {
        alone(flow, &mut out);
    }
    out
}

/// `reveal(x / n)` with a public `n`.
fn divisions(flow: &Flow<'_, '_>, out: &mut Vec<Diag>) {
    for e in &flow.f.exprs {
        let ExprKind::Builtin(Builtin::Reveal | Builtin::OpenMasked | Builtin::RevealTo(_), args) = &e.kind else {
            continue;
        };
        let mut x = args[0];
        while let ExprKind::Cast(inner) = flow.f.expr(x).kind {
            x = inner;
        }
        let ExprKind::Chain(_, rest) = &flow.f.expr(x).kind else { continue };
        let Some((BinOp::Div, at, y)) = rest.last() else { continue };
        // Halves and quarters are shifts.
        let shift = matches!(flow.f.expr(*y).kind, ExprKind::Lit(v) if v.is_power_of_two());
        let secret = flow.known(x).is_some_and(|k| k != Known::Public);
        if secret && flow.known(*y) == Some(Known::Public) && !shift {
            out.push(
                Diag::lint(codes::L0104, "a secret is divided by a public number before it is revealed")
                    .at(*at, "this division is computed on shares")
                    .also(e.span, "revealed here")
                    .help("if the undivided number may be known too, reveal that and divide after: a public division costs nothing"),
            );
        }
    }
}

/// `let`s of `main` that compute on one party's values alone.
fn alone(flow: &Flow<'_, '_>, out: &mut Vec<Diag>) {
    let ExprKind::Block(stmts, _) = &flow.f.expr(flow.f.body).kind else { return };
    for s in stmts {
        let Stmt::Let(_, init) = s else { continue };
        let Some(Known::To(p)) = flow.known(*init) else { continue };
        let party = &flow.program.parties[p.0 as usize];
        let span = flow.f.expr(*init).span;
        let inside = flow.f.exprs.iter().filter(|e| span.lo <= e.span.lo && e.span.hi <= span.hi);
        let (mut costs, mut bound) = (false, party.family.is_some());
        for e in inside {
            match &e.kind {
                ExprKind::At { .. } => bound = true,
                ExprKind::Builtin(Builtin::Reveal | Builtin::OpenMasked | Builtin::RevealTo(_), _) => bound = true,
                ExprKind::Call { f, .. } | ExprKind::FnRef { f, .. } => {
                    costs = true;
                    bound |= flow.opens(*f);
                }
                ExprKind::Chain(_, rest) => {
                    costs |= rest.iter().any(|r| !matches!(r.0, BinOp::Add | BinOp::Sub | BinOp::BitXor))
                }
                ExprKind::Builtin(b, _) => {
                    costs |= !matches!(
                        b,
                        Builtin::Len | Builtin::Sum | Builtin::Map | Builtin::Zip | Builtin::Fold | Builtin::Enumerate
                    );
                }
                _ => {}
            }
        }
        if costs && !bound {
            let edits = vec![
                Edit { span: span.before(), replacement: format!("at {} {{ ", party.name) },
                Edit { span: span.after(), replacement: " }".into() },
            ];
            out.push(
                Diag::lint(codes::L0105, format!("this is computed on shares, from what {} knows alone", party.name))
                    .at(span, format!("nothing here is unknown to {}", party.name))
                    .help_edits(
                        format!("let {} compute it in the clear: `at {} {{ … }}`", party.name, party.name),
                        edits,
                    ),
            );
        }
    }
}
