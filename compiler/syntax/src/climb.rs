//! Which operands of a run such as `a + b * c as u8 .. d` belong together: operators with levels, joined from a stack
//! (precedence climbing). The grammar gives operands and operators one by one, in order.
//!
//! Knows levels and what joining makes. Knows nothing of tokens.

use crate::ast::{BinOp, ExprId, ExprKind, Type};
use crate::cx::Cx;
use crate::ops::level;
use diag::Span;

/// What stands between two operands.
#[derive(Clone, Copy)]
pub enum Between {
    /// An operator, and where.
    Op((BinOp, Span)),
    /// `..` or `..=`, looser than every operator.
    To {
        /// `..=`
        inclusive: bool,
    },
}

impl Between {
    fn level(self) -> i8 {
        match self {
            Between::Op((op, _)) => level(op) as i8,
            Between::To { .. } => -1,
        }
    }
}

/// A run in the making: its last operand, and how many pairs of operand and operator below it are on the stack. Where the
/// parser recovers it drops runs without a word: what they left above `base + waiting` is nobody's.
#[derive(Clone, Copy)]
pub struct Operands {
    base: u32,
    waiting: u32,
    last: ExprId,
}

impl Cx<'_> {
    /// A run of one operand.
    pub fn operand(&mut self, e: ExprId) -> Operands {
        Operands { base: self.waiting.len() as u32, waiting: 0, last: e }
    }

    /// One more: what binds as tightly as the new operator or more is joined before it.
    pub fn operator(&mut self, o: Operands, op: Between, e: ExprId) -> Operands {
        let o = self.join(o, op.level());
        self.waiting.push((o.last, op));
        Operands { waiting: o.waiting + 1, last: e, ..o }
    }

    /// `as` binds its operand alone.
    pub fn cast_last(&mut self, o: Operands, ty: Type, hi: u32) -> Operands {
        Operands { last: self.cast(o.last, ty, hi), ..o }
    }

    /// The run is over.
    pub fn joined(&mut self, o: Operands) -> ExprId {
        self.join(o, i8::MIN).last
    }

    /// `expr as ty`, which ends at `hi`.
    pub fn cast(&mut self, expr: ExprId, ty: Type, hi: u32) -> ExprId {
        let lo = self.lo(expr);
        self.push(ExprKind::Cast { expr, ty: Box::new(ty) }, lo, hi)
    }

    fn join(&mut self, mut o: Operands, from: i8) -> Operands {
        self.waiting.truncate((o.base + o.waiting) as usize);
        while o.waiting > 0
            && let Some(&(l, op)) = self.waiting.last()
            && op.level() >= from
        {
            self.waiting.pop();
            o.waiting -= 1;
            o.last = match op {
                Between::Op(op @ (BinOp::Eq | BinOp::Ne | BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge, _)) => {
                    self.compare(l, op, o.last)
                }
                Between::Op(op) => self.chain(l, op, o.last),
                Between::To { inclusive } => self.range(l, o.last, inclusive),
            };
        }
        o
    }
}
