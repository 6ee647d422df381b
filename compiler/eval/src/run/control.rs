//! Conditions and loops. Knows no scalar arithmetic; what leaves them is in `exit`.

use super::{Exit, Frame, Halt, R, Run, bad, error, internal};
use crate::value::{Scalar, Value};
use diag::Span;
use sema::tree::*;

impl<'p> Run<'p> {
    pub(super) fn branch(
        &mut self,
        fr: &Frame<'p>,
        cond: ExprId,
        then: ExprId,
        otherwise: Option<ExprId>,
        writes: &[LocalId],
    ) -> R<Value> {
        let Value::Scalar(c) = self.eval(fr, cond)? else {
            return internal(fr.f.expr(cond).span);
        };
        let (taken, other) = if c.truth() { (Some(then), otherwise) } else { (otherwise, Some(then)) };
        let veiled = self.veiled;
        if c.secret {
            self.hide(fr, [taken, other]);
            self.veiled += 1;
        }
        if c.secret
            && let Some(x) = other
        {
            let (mark, live) = (self.journal.len(), self.stack.len());
            self.journals += 1;
            let hidden = self.hidden;
            let r = self.eval(fr, x);
            self.hidden = hidden;
            self.journals -= 1;
            while self.journal.len() > mark {
                if let Some((slot, steps, old)) = self.journal.pop()
                    && slot < live
                {
                    bad(self.stack[slot].set(&steps, old), fr.f.expr(x).span)?;
                }
            }
            // What it would have left it does not.
            if let Err(Halt::Error(e)) = r {
                return Err(Halt::Error(e));
            }
        }
        let mut v = match taken {
            Some(x) => self.eval(fr, x),
            None => Ok(Value::Unit),
        };
        self.veiled = veiled;
        if c.secret {
            match &mut v {
                Ok(v) => v.mark(true),
                Err(Halt::Left(exit)) => {
                    if let Exit::Return(v) = &mut **exit {
                        v.mark(true);
                    }
                }
                Err(Halt::Error(_)) => {}
            }
            for l in writes {
                self.stack[fr.base + l.0 as usize].mark(true);
            }
        }
        v
    }

    pub(super) fn repeat(&mut self, fr: &Frame<'p>, pat: &Pat, iter: &Iter, body: ExprId) -> R<Value> {
        let outer = self.hidden.enter_loop();
        match iter {
            Iter::Range { lo, hi, inclusive, step, rev } => {
                let span = fr.f.expr(*lo).span;
                let (first, end) = (self.index(fr, *lo)?, self.index(fr, *hi)?);
                let step = match step {
                    Some(s) => self.index(fr, *s)?,
                    None => 1,
                };
                if step <= 0 {
                    return error(span, format!("a step of {step}, which is not positive"));
                }
                // Wide, so that no bound overflows.
                let end = i128::from(end) + i128::from(*inclusive);
                let count = (end - i128::from(first) + i128::from(step) - 1).div_euclid(i128::from(step)).max(0);
                for k in 0..count {
                    let k = if *rev { count - 1 - k } else { k };
                    let i = (i128::from(first) + k * i128::from(step)) as i64;
                    self.bind_pat(fr, pat, Value::Scalar(Scalar::index(i)), span)?;
                    if !self.turn(fr, body)? {
                        break;
                    }
                    self.tick(span)?;
                }
            }
            Iter::Array(x) => {
                let span = fr.f.expr(*x).span;
                let Value::Array(a) = self.eval(fr, *x)? else {
                    return internal(span);
                };
                for i in 0..a.len as i64 {
                    let v = bad(a.get(i, &[]), span)?;
                    self.bind_pat(fr, pat, v, span)?;
                    if !self.turn(fr, body)? {
                        break;
                    }
                    self.tick(span)?;
                }
            }
        }
        self.hidden.leave_loop(outer);
        Ok(Value::Unit)
    }

    pub(super) fn repeat_while(
        &mut self,
        fr: &Frame<'p>,
        cond: ExprId,
        max: Option<ExprId>,
        body: ExprId,
        writes: &[LocalId],
        span: Span,
    ) -> R<Value> {
        let most = match max {
            Some(k) => Some(self.index(fr, k)?.max(0) as u64),
            None => None,
        };
        let (outer, veiled) = (self.hidden.enter_loop(), self.veiled);
        let (mut turns, mut secret, mut ended) = (0, false, false);
        while most.is_none_or(|most| turns < most) {
            let c = match self.eval(fr, cond)? {
                Value::Scalar(c) => c,
                _ => return internal(span),
            };
            secret |= c.secret;
            self.veiled = veiled + u32::from(secret);
            if !c.truth() {
                ended = true;
                break;
            }
            if turns == self.turns {
                return error(span, format!("this loop has run {turns} times and does not end"));
            }
            turns += 1;
            if !self.turn(fr, body)? {
                ended = true;
                break;
            }
            self.tick(span)?;
        }
        // Whether it would go on, which a `checked` program asks.
        if most.is_some() && !ended && self.watches(fr) {
            let Value::Scalar(c) = self.eval(fr, cond)? else { return internal(span) };
            secret |= c.secret;
            if c.truth() {
                self.flag(c.secret, span, sema::checked::FAILED)?;
            }
        }
        self.veiled = veiled;
        if secret {
            for l in writes {
                self.stack[fr.base + l.0 as usize].mark(true);
            }
        }
        self.hidden.leave_loop(outer);
        Ok(Value::Unit)
    }
}
