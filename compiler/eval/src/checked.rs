//! `checked` programs: which operations fail, and the one bit that remembers it.
//!
//! What fails on public values is an error at its place. Of secret ones the bit alone is set, and the next opening ends the
//! run. A branch that is not taken sets nothing. Library functions and `at` blocks wrap as ever. Knows no statement.

use crate::run::{Frame, R, Run, error};
use crate::value::{Array, Kind, Scalar, Value};
use diag::Span;
use sema::checked::{FAILED, OVERFLOW, sum_bits};
use sema::tree::BinOp;

/// Whether a number is one of a kind.
fn fits(kind: Kind, n: Option<i128>) -> bool {
    let Some(n) = n else { return false };
    let width = kind.width();
    if kind.signed() {
        width == 128 || (n >= -(1 << (width - 1)) && n < 1 << (width - 1))
    } else {
        n >= 0 && n as u128 <= kind.mask()
    }
}

/// Whether `a op b` is not the number that it would be without a width.
pub(crate) fn fails(op: BinOp, a: Scalar, b: Scalar) -> bool {
    let kind = a.kind;
    if kind == Kind::Index || kind == Kind::Bool || kind != b.kind {
        return false;
    }
    if !kind.signed() {
        let within = |n: Option<u128>| n.is_none_or(|n| n > kind.mask());
        return match op {
            BinOp::Add => within(a.bits.checked_add(b.bits)),
            BinOp::Sub => a.bits < b.bits,
            BinOp::Mul => within(a.bits.checked_mul(b.bits)),
            BinOp::Div | BinOp::Rem => b.bits == 0,
            _ => false,
        };
    }
    let (x, y) = (a.number(), b.number());
    match (op, kind) {
        (BinOp::Add, _) => !fits(kind, x.checked_add(y)),
        (BinOp::Sub, _) => !fits(kind, x.checked_sub(y)),
        (BinOp::Mul, _) => !fits(kind, x.checked_mul(y)),
        (BinOp::Div | BinOp::Rem, _) if y == 0 => true,
        (BinOp::Div, Kind::Fixed(f)) => !fits(kind, (x << f).checked_div(y)),
        (BinOp::Div, _) => !fits(kind, x.checked_div(y)),
        _ => false,
    }
}

fn sum_fails(a: &Array) -> bool {
    let [col] = a.cols.as_slice() else { return false };
    let scalar = |bits: &u128| Scalar { bits: *bits, kind: col.kind, secret: col.secret };
    if sum_bits(col.kind.width(), col.bits.len()).is_some() {
        return !fits(col.kind, Some(col.bits.iter().map(|b| scalar(b).number()).sum()));
    }
    let mut sum = scalar(&0);
    col.bits.iter().any(|b| {
        let fails = fails(BinOp::Add, sum, scalar(b));
        sum.bits = sum.bits.wrapping_add(*b) & col.kind.mask();
        fails
    })
}

impl<'p> Run<'p> {
    /// Whether operations of this function are watched.
    fn watched(&self, fr: &Frame<'p>) -> bool {
        self.program.checked.is_some() && self.alone == 0 && !fr.f.library
    }
    /// Notes that something failed.
    pub(crate) fn flag(&mut self, secret: bool, span: Span, what: &'static str) -> R<()> {
        // Whether code under a condition that is not public runs is told by nothing but the bit.
        if !secret && self.veiled == 0 && !self.hidden().any() {
            return error(span, what);
        }
        self.failed |= !self.untaken();
        Ok(())
    }
    /// Watches `a op b`, elementwise on arrays.
    pub(crate) fn watch(&mut self, fr: &Frame<'p>, op: BinOp, a: &Value, b: &Value, span: Span) -> R<()> {
        if !self.watched(fr) || !matches!(op, BinOp::Add | BinOp::Sub | BinOp::Mul | BinOp::Div | BinOp::Rem) {
            return Ok(());
        }
        let (bad, secret) = match (a, b) {
            (Value::Scalar(x), Value::Scalar(y)) => (fails(op, *x, *y), x.secret | y.secret),
            (Value::Array(x), Value::Array(y)) => match (x.cols.as_slice(), y.cols.as_slice()) {
                ([c], [d]) => {
                    let of = |col: &crate::value::Col, bits| Scalar { bits, kind: col.kind, secret: col.secret };
                    let bad = c.bits.iter().zip(d.bits.iter()).any(|(x, y)| fails(op, of(c, *x), of(d, *y)));
                    (bad, c.secret | d.secret)
                }
                _ => return Ok(()),
            },
            _ => return Ok(()),
        };
        if bad { self.flag(secret, span, OVERFLOW) } else { Ok(()) }
    }
    /// Watches `-a`.
    pub(crate) fn watch_neg(&mut self, fr: &Frame<'p>, a: &Value, span: Span) -> R<()> {
        if !self.watched(fr) {
            return Ok(());
        }
        let zero = Value::zero(&a.shape());
        self.watch(fr, BinOp::Sub, &zero, a, span)
    }
    /// Watches a sum, or a product from the left.
    pub(crate) fn watch_all(&mut self, fr: &Frame<'p>, sum: bool, a: &Array, one: Scalar, span: Span) -> R<()> {
        if !self.watched(fr) || one.kind == Kind::Index {
            return Ok(());
        }
        let [col] = a.cols.as_slice() else { return Ok(()) };
        let bad = if sum {
            sum_fails(a)
        } else {
            let mut acc = one;
            col.bits.iter().any(|bits| {
                let x = Scalar { bits: *bits, kind: col.kind, secret: col.secret };
                let bad = fails(BinOp::Mul, acc, x);
                acc = crate::ops::scalar(BinOp::Mul, acc, x).unwrap_or(acc);
                bad
            })
        };
        if bad { self.flag(col.secret, span, OVERFLOW) } else { Ok(()) }
    }
    /// Notes a place that is not there, by an index that is not public.
    pub(crate) fn watch_place(&mut self, fr: &Frame<'p>, span: Span) -> R<()> {
        if self.watched(fr) { self.flag(true, span, FAILED) } else { Ok(()) }
    }
    /// Whether an assertion may be on what is not public.
    pub(crate) fn watches(&self, fr: &Frame<'p>) -> bool {
        self.watched(fr)
    }
    /// Before something is opened, and at the end: what failed in secret ends the run.
    pub(crate) fn settle(&self) -> R<()> {
        match self.program.checked {
            Some(span) if self.failed => error(span, FAILED),
            _ => Ok(()),
        }
    }
}
