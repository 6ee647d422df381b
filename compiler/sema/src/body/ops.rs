//! Operators and casts: how operands come to one type.

use super::{Body, Obligation};
use crate::infer::{Default, Kind, VAR};
use crate::tree::*;
use crate::types;
use diag::{Diag, Span, codes};
use syntax::ast as a;
use syntax::op_text;

/// The class that the operands need.
fn class_of(op: BinOp) -> Class {
    match op {
        BinOp::Add | BinOp::Sub | BinOp::Mul => Class::Num,
        BinOp::Div => Class::Div,
        BinOp::Rem | BinOp::Shl | BinOp::Shr => Class::Int,
        BinOp::BitAnd | BinOp::BitOr | BinOp::BitXor => Class::Bits,
        BinOp::Eq | BinOp::Ne => Class::Eq,
        BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge => Class::Ord,
        BinOp::And | BinOp::Or => Class::Bits,
    }
}

/// The operator as words of errors name it.
fn quoted(op: BinOp) -> &'static str {
    match op {
        BinOp::Add => "`+`",
        BinOp::Sub => "`-`",
        BinOp::Mul => "`*`",
        BinOp::Div => "`/`",
        BinOp::Rem => "`%`",
        BinOp::BitAnd => "`&`",
        BinOp::BitOr => "`|`",
        BinOp::BitXor => "`^`",
        BinOp::Shl => "`<<`",
        BinOp::Shr => "`>>`",
        BinOp::Eq => "`==`",
        BinOp::Ne => "`!=`",
        BinOp::Lt => "`<`",
        BinOp::Le => "`<=`",
        BinOp::Gt => "`>`",
        BinOp::Ge => "`>=`",
        BinOp::And => "`&&`",
        BinOp::Or => "`||`",
    }
}

/// What an operand is, for the choice of the common type.
enum Operand {
    Error,
    Array,
    /// A type that cannot change.
    Firm,
    /// An integer constant, which may serve as an index.
    Constant,
    Index,
    /// A variable that keeps its own type and converts indices to it.
    Absorbing,
    Free,
}

impl<'a> Body<'a, '_> {
    fn operand(&mut self, x: ExprId) -> Operand {
        let t = self.ty(x);
        match &t {
            Ty::Error => Operand::Error,
            Ty::Array(..) => Operand::Array,
            Ty::Index => Operand::Index,
            Ty::Param(k) if *k >= VAR => match self.inf.free(&t) {
                Some(Kind::Int(d)) if d > Default::Index => Operand::Absorbing,
                Some(Kind::Any { stored: true } | Kind::Frac) => Operand::Absorbing,
                _ => Operand::Free,
            },
            Ty::Int { .. } => match self.exprs[x.0 as usize].kind {
                ExprKind::Const(c) if self.w.const_value(c).is_some_and(|v| i64::try_from(v).is_ok()) => {
                    Operand::Constant
                }
                _ => Operand::Firm,
            },
            _ => Operand::Firm,
        }
    }

    /// Brings operands to one type, converting indices; reports what does not fit. `what` names the operator.
    pub(super) fn join(&mut self, xs: &mut [ExprId], what: &str) -> Ty {
        let (mut array, mut firm, mut constant, mut absorbing) = (None, None, None, None);
        let mut index = false;
        for x in xs.iter() {
            match self.operand(*x) {
                Operand::Error => return Ty::Error,
                Operand::Array => array = array.or(Some(*x)),
                Operand::Firm => firm = firm.or(Some(*x)),
                Operand::Constant => constant = constant.or(Some(*x)),
                Operand::Absorbing => absorbing = absorbing.or(Some(*x)),
                Operand::Index => index = true,
                Operand::Free => {}
            }
        }
        let lead = match (array.or(firm), constant, index) {
            (Some(x), _, _) => Some(x),
            (None, Some(c), false) => Some(c),
            (None, _, true) => absorbing,
            (None, None, false) => xs.first().copied(),
        };
        let target = match lead {
            Some(x) => self.ty(x),
            None => Ty::Index,
        };
        let mut bad = false;
        for (i, x) in xs.iter_mut().enumerate() {
            if Some(*x) == lead {
                continue;
            }
            let t = self.ty(*x);
            let want = self.inf.shallow(&target);
            if t == want {
                continue;
            }
            // Conversions of indices and constants cannot fail here; the rest must agree.
            let index_like = t == Ty::Index && matches!(want, Ty::Int { .. } | Ty::Fixed(_) | Ty::Param(_));
            let constant = want == Ty::Index && matches!(t, Ty::Int { .. });
            if index_like || constant {
                *x = self.coerce(*x, &want, what);
                continue;
            }
            let span = self.span(*x);
            if let Err(clash) = self.unify(&t, &want, span, what) {
                if !bad {
                    self.operands_differ(lead.unwrap_or(*x), *x, i, clash, what);
                }
                bad = true;
            }
        }
        if bad { Ty::Error } else { target }
    }

    fn operands_differ(&mut self, lead: ExprId, x: ExprId, i: usize, clash: crate::infer::Clash, what: &str) {
        let (first, second) = (self.ty(lead), self.ty(x));
        let (f, s) = (self.show(&first), self.show(&second));
        let (a, b) = (self.span(lead), self.span(x));
        if let crate::infer::Clash::Sizes(m, n) = clash {
            let (m, n) = (self.show_size(&n), self.show_size(&m));
            let d = Diag::error(codes::E0205, format!("arrays of {m} and of {n} elements in {what}"))
                .at(b, format!("this is `{s}`"))
                .also(a, format!("this is `{f}`"));
            return self.report(d);
        }
        let is_array = |t: &Ty| matches!(t, Ty::Array(..));
        if is_array(&first) != is_array(&second) {
            let (arr, sc) = if is_array(&first) { (a, b) } else { (b, a) };
            let d = Diag::error(codes::E0206, format!("an array and a single value in {what}"))
                .at(sc, "a single value")
                .also(arr, "an array")
                .note("operators work on arrays of equal shape, element by element")
                .help("use `xs.map(|x| …)`, or repeat the value: `[v; N]`");
            return self.report(d);
        }
        let mut d = Diag::error(codes::E0202, format!("operands of {what} have different types: `{f}` and `{s}`"))
            .at(b, format!("this is `{s}`"))
            .also(a, format!("this is `{f}`"));
        let _ = i;
        // The narrower is the one to widen.
        let width = |t: &Ty| match t {
            Ty::Int { bits, .. } => u32::from(*bits),
            _ => 0,
        };
        if width(&first) < width(&second) {
            d = self.help_cast(d, lead, &first, &second);
        } else {
            d = self.help_cast(d, x, &second, &first);
        }
        self.report(d);
    }

    pub(super) fn unary(&mut self, op: UnOp, e: a::ExprId, want: Option<&Ty>, span: Span) -> ExprId {
        if op == UnOp::Neg {
            let mut inner = e;
            while let a::ExprKind::Paren(x) = self.ast.expr(inner).kind {
                inner = x;
            }
            let ast: &'a a::Module = self.ast;
            if let a::ExprKind::Int { value, overflow, suffix } = &ast.expr(inner).kind {
                return self.int(*value, *overflow, suffix.as_deref(), true, want, span);
            }
            if let a::ExprKind::Decimal(text) = &ast.expr(inner).kind {
                return self.decimal(format!("-{}", types::plain(text)), want, span);
            }
        }
        let x = self.expr(e, want);
        let t = self.ty(x);
        if t == Ty::Error {
            return self.error(span);
        }
        let mut scalar = t.clone();
        while let Ty::Array(inner, _) = scalar {
            scalar = self.inf.shallow(&inner);
        }
        if op == UnOp::Neg {
            if let Ty::Int { signed: false, .. } = scalar {
                let text = self.show(&scalar);
                let mut d = Diag::error(codes::E0203, format!("`-` on `{text}`, which has no negative numbers"))
                    .at(span, "an unsigned number");
                if scalar == t {
                    d = d.help_edits(
                        "to subtract from zero, wrapping",
                        vec![diag::Edit { span: Span { hi: self.span(x).lo, ..span }, replacement: "0 - ".into() }],
                    );
                }
                return self.wrong(d, span);
            }
            self.require(&t, Class::Num, span, true, "`-`");
        } else {
            self.require(&t, Class::Bits, span, true, "`!`");
        }
        self.push(ExprKind::Unary(op, x), t, span)
    }

    pub(super) fn chain(
        &mut self,
        first: a::ExprId,
        rest: &[(BinOp, Span, a::ExprId)],
        want: Option<&Ty>,
        span: Span,
    ) -> ExprId {
        match rest.first().map(|r| r.0) {
            Some(BinOp::And | BinOp::Or) => return self.logic(first, rest, span),
            Some(BinOp::Shl | BinOp::Shr) => return self.shifts(first, rest, want, span),
            None => return self.expr(first, want),
            _ => {}
        }
        let mut xs = Vec::with_capacity(rest.len() + 1);
        xs.push(self.expr(first, None));
        for (_, _, e) in rest {
            let x = self.expr(*e, None);
            xs.push(x);
        }
        let t = self.join(&mut xs, quoted(rest[0].0));
        if t == Ty::Error {
            return self.error(span);
        }
        // One requirement for each class in the run is enough.
        let mut seen = [false; 7];
        let mut result = t.clone();
        for (op, at, _) in rest {
            let c = class_of(*op);
            if !std::mem::replace(&mut seen[c as usize], true) {
                self.require(&t, c, *at, true, quoted(*op));
            }
            if matches!(c, Class::Eq | Class::Ord) {
                result = self.shape_of_bools(&t);
            }
        }
        let list = rest.iter().zip(&xs[1..]).map(|((op, at, _), x)| (*op, *at, *x)).collect();
        self.push(ExprKind::Chain(xs[0], list), result, span)
    }

    /// The type with bools for elements: what a comparison gives.
    fn shape_of_bools(&mut self, t: &Ty) -> Ty {
        match self.inf.shallow(t) {
            Ty::Array(t, n) => Ty::Array(Box::new(self.shape_of_bools(&t)), n),
            Ty::Error => Ty::Error,
            _ => Ty::Bool,
        }
    }

    fn logic(&mut self, first: a::ExprId, rest: &[(BinOp, Span, a::ExprId)], span: Span) -> ExprId {
        let mut list = Vec::with_capacity(rest.len());
        let x = self.boolean(first, rest[0].0);
        for (op, at, e) in rest {
            let y = self.boolean(*e, *op);
            list.push((*op, *at, y));
        }
        self.push(ExprKind::Chain(x, list), Ty::Bool, span)
    }

    fn boolean(&mut self, e: a::ExprId, op: BinOp) -> ExprId {
        let x = self.expr(e, Some(&Ty::Bool));
        let t = self.ty(x);
        if let Ty::Array(inner, _) = &t
            && self.inf.shallow(inner) == Ty::Bool
        {
            let single = if op == BinOp::And { "&" } else { "|" };
            let span = self.span(x);
            let d = Diag::error(codes::E0203, format!("`{}` on arrays", op_text(op)))
                .at(span, "an array of bools")
                .help(format!("element by element that is `{single}`; for one answer use `.all()` or `.any()`"));
            return self.wrong(d, span);
        }
        self.coerce(x, &Ty::Bool, &format!("an operand of `{}`", op_text(op)))
    }

    fn shifts(&mut self, first: a::ExprId, rest: &[(BinOp, Span, a::ExprId)], want: Option<&Ty>, span: Span) -> ExprId {
        let x = self.expr(first, want);
        let t = self.ty(x);
        let mut list = Vec::with_capacity(rest.len());
        for (op, at, e) in rest {
            let y = self.position(*e);
            if !list.is_empty() || t != Ty::Error {
                self.require(&t, Class::Int, *at, true, &format!("`{}`", op_text(*op)));
            }
            list.push((*op, *at, y));
        }
        if t == Ty::Error {
            return self.error(span);
        }
        self.push(ExprKind::Chain(x, list), t, span)
    }

    pub(super) fn cast(&mut self, e: a::ExprId, to: &a::Type, span: Span) -> ExprId {
        let target = types::lower(self, to);
        // A literal, signed or not, takes the type at once if it fits; `-1 as u8` wraps.
        let mut inner = e;
        while let a::ExprKind::Paren(x) = self.ast.expr(inner).kind {
            inner = x;
        }
        if let a::ExprKind::Int { value, overflow: false, suffix: None } = &self.ast.expr(inner).kind
            && let (Ty::Int { .. }, Some((_, max))) = (&target, types::bounds(&target))
            && i128::try_from(*value).map_or(target == (Ty::Int { signed: false, bits: 128 }), |v| v <= max)
        {
            let (v, at) = (*value, span);
            return self.int(v, false, None, false, Some(&target), at);
        }
        let x = self.expr(e, None);
        if target == Ty::Error || self.ty(x) == Ty::Error {
            return self.push(ExprKind::Error, target, span);
        }
        let y = self.push(ExprKind::Cast(x), target, span);
        self.obligations.push(Obligation::Cast { expr: y, span });
        y
    }
}
