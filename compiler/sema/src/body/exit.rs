//! `return`, `break`, `continue`: what they leave, where they may stand, and the type of what never gives a value.
//!
//! Knows no labels, and not how a circuit does without jumps.

use super::Body;
use crate::tree::*;
use diag::{Diag, Span, codes};
use syntax::ast as a;

/// What can be left from where the checker is.
#[derive(Clone)]
pub(super) struct Leaves {
    /// The type that `return` gives, or what stands in its way.
    ret: Result<Ty, &'static str>,
    /// Whether a loop is around, or what stands between.
    looping: Result<bool, &'static str>,
}

impl Leaves {
    /// In the body of a function or a closure of this result.
    pub fn of(ret: &Ty) -> Leaves {
        Leaves { ret: Ok(ret.clone()), looping: Ok(false) }
    }
    /// Where nothing can be left.
    pub fn nothing(word: &'static str) -> Leaves {
        Leaves { ret: Err(word), looping: Err(word) }
    }
}

impl Body<'_, '_> {
    /// Checks something that stands where other things can be left.
    pub(super) fn leaving<R>(&mut self, leaves: Leaves, f: impl FnOnce(&mut Self) -> R) -> R {
        let before = std::mem::replace(&mut self.leaves, leaves);
        let r = f(self);
        self.leaves = before;
        r
    }
    /// The body of a loop.
    pub(super) fn in_loop<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> R {
        let leaves = Leaves { looping: Ok(true), ..self.leaves.clone() };
        self.leaving(leaves, f)
    }
    /// What nothing may leave.
    pub(super) fn staying<R>(&mut self, word: &'static str, f: impl FnOnce(&mut Self) -> R) -> R {
        self.leaving(Leaves::nothing(word), f)
    }

    /// The type of what gives no value: what is wanted, or what turns out to be.
    pub(super) fn nothing(&mut self, want: Option<&Ty>) -> Ty {
        match want {
            Some(t) => t.clone(),
            None => {
                let t = self.inf.any();
                self.never.push(t.clone());
                t
            }
        }
    }
    /// What nothing asked for is `()`.
    pub(super) fn settle_never(&mut self) {
        for t in std::mem::take(&mut self.never) {
            let t = self.inf.shallow(&t);
            if self.inf.free(&t).is_some() {
                self.inf.force(&t, Ty::Unit);
            }
        }
    }

    /// Whether control never comes out at the end of an expression.
    pub(super) fn never_ends(&self, x: ExprId) -> bool {
        crate::walk::never_ends(&self.exprs, x)
    }

    pub(super) fn return_expr(&mut self, value: Option<a::ExprId>, want: Option<&Ty>, span: Span) -> ExprId {
        let ret = match self.leaves.ret.clone() {
            Ok(t) => t,
            Err(word) => {
                if let Some(x) = value {
                    self.expr(x, None);
                }
                let d = Diag::error(codes::E0217, format!("`return` cannot leave {word}"))
                    .at(span, "would leave it")
                    .help("give the value as its last expression");
                return self.wrong(d, span);
            }
        };
        let x = match value {
            Some(x) => Some(self.check(x, &ret, "what is returned")),
            None => {
                if self.unify(&ret, &Ty::Unit, span, "what is returned").is_err() {
                    let text = self.show(&ret);
                    let d = Diag::error(codes::E0201, format!("what is returned is `{text}`, and here it is nothing"))
                        .at(span, format!("expected `return` with a `{text}`"));
                    return self.wrong(d, span);
                }
                None
            }
        };
        let ty = self.nothing(want);
        self.push(ExprKind::Return(x), ty, span)
    }

    pub(super) fn leave_loop(&mut self, kind: ExprKind, want: Option<&Ty>, span: Span) -> ExprId {
        let word = if matches!(kind, ExprKind::Break) { "break" } else { "continue" };
        let message = match self.leaves.looping {
            Ok(true) => {
                let ty = self.nothing(want);
                return self.push(kind, ty, span);
            }
            Ok(false) => format!("`{word}` outside of a loop"),
            Err(between) => format!("`{word}` cannot leave {between}"),
        };
        let mut d = Diag::error(codes::E0217, message).at(span, "no loop to leave here");
        if self.leaves.ret.is_ok() {
            d = d.help_edit("to leave the function, write", span, "return");
        }
        self.wrong(d, span)
    }
}
