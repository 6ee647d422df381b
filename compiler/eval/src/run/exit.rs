//! Early exits: control that leaves a turn, a loop, a function; and what a condition that is not public hides of it.
//!
//! Where such a condition decides whether control leaves, what is assigned after it is not public, as on shares, where all
//! of it runs and only some of it counts.

use super::{Exit, Frame, Halt, R, Run, internal};
use crate::value::{Shape, Value};
use diag::Span;
use sema::layout;
use sema::tree::{ExprId, Ty};
use sema::walk::{Exits, Leaves};
use std::sync::Arc;

/// Which of the code around may have been left in secret.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hidden {
    /// What is around the function or closure.
    around: bool,
    left: Leaves,
}

impl Hidden {
    /// Whether that holds of anything around.
    pub fn any(self) -> bool {
        self.around || self.left.any()
    }
    /// For a closure called here.
    pub fn inside(self) -> Hidden {
        Hidden { around: self.any(), left: Leaves::default() }
    }
    pub fn enter_loop(&mut self) -> Hidden {
        let outer = *self;
        self.around = outer.around || outer.left.brk || outer.left.cont;
        (self.left.brk, self.left.cont) = (false, false);
        outer
    }
    pub fn leave_loop(&mut self, outer: Hidden) {
        *self = Hidden { left: Leaves { ret: self.left.ret, ..outer.left }, ..outer };
    }
}

impl<'p> Run<'p> {
    /// Notes that a condition that is not public decides among these.
    pub(super) fn hide(&mut self, fr: &Frame<'p>, sides: [Option<ExprId>; 2]) {
        let exits = self.exits.entry(fr.id).or_insert_with(|| Exits::of(fr.f).map(Arc::new));
        if let Some(exits) = exits {
            for x in sides.into_iter().flatten() {
                self.hidden.left = self.hidden.left.or(exits.get(x));
            }
        }
    }
    /// The end of a function or closure: what it gives, and what was hidden before it.
    pub(super) fn returned(&mut self, r: R<Value>, outer: Hidden) -> R<Value> {
        let inner = std::mem::replace(&mut self.hidden, outer);
        let mut v = match r {
            Err(Halt::Left(exit)) => match *exit {
                Exit::Return(v) => v,
                Exit::Break | Exit::Continue => return internal(Span::default()),
            },
            r => r?,
        };
        if inner.left.ret {
            v.mark(true);
        }
        Ok(v)
    }
    /// A turn of a loop: whether there may be another.
    pub(super) fn turn(&mut self, fr: &Frame<'p>, body: ExprId) -> R<bool> {
        let r = self.eval(fr, body);
        self.hidden.left.cont = false;
        match r {
            Ok(_) => Ok(true),
            Err(Halt::Left(exit)) => match *exit {
                Exit::Break => Ok(false),
                Exit::Continue => Ok(true),
                Exit::Return(_) => Err(Halt::Left(exit)),
            },
            Err(e) => Err(e),
        }
    }
    /// The value of a type of which every bit is zero.
    pub(super) fn zero(&self, fr: &Frame<'p>, ty: &Ty, span: Span) -> R<Value> {
        let shape = layout::close(ty, &fr.env).and_then(|ty| Shape::of(self.program, &ty, &self.families));
        match shape {
            Some(s) => Ok(Value::zero(&s)),
            None => internal(span),
        }
    }
}
