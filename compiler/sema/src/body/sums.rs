//! Sums of products of fixed-point numbers: written as sums, they are shifted once.
//!
//! `a * b + c * d` and `(xs * ys).sum()`, also with the product in the closure of a `map`, become sums of whole products
//! ([`Builtin::WideMul`]) that [`Builtin::Narrow`] makes numbers of. In functions of any number type too: there both are what
//! the type makes of them. Knows no inference: types are final.

use super::Body;
use crate::tree::*;
use std::sync::Arc;

impl Body<'_, '_> {
    pub(super) fn sums(&mut self) {
        for k in 0..self.exprs.len() {
            if !may_be_fixed(&self.exprs[k].ty) {
                continue;
            }
            match &self.exprs[k].kind {
                ExprKind::Chain(..) => self.sum_of_products(k),
                ExprKind::Builtin(Builtin::Sum, args) => {
                    let of = args.first().and_then(|x| self.elements_product(*x));
                    if let Some(product) = of {
                        self.widen(product);
                        let e = &self.exprs[k];
                        let sum = Expr { kind: e.kind.clone(), ty: e.ty.clone(), span: e.span };
                        let sum = self.add(sum);
                        self.exprs[k].kind = ExprKind::Builtin(Builtin::Narrow, vec![sum]);
                    }
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, e: Expr) -> ExprId {
        self.exprs.push(e);
        ExprId(self.exprs.len() as u32 - 1)
    }

    /// The factors, if an expression is one product.
    fn product(&self, x: ExprId) -> Option<(ExprId, ExprId)> {
        match &self.exprs[x.0 as usize].kind {
            ExprKind::Chain(a, rest) => match rest.as_slice() {
                [(BinOp::Mul, _, b)] => Some((*a, *b)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The expression of every element of an array, if it is a product.
    fn elements_product(&self, x: ExprId) -> Option<ExprId> {
        if self.product(x).is_some() {
            return Some(x);
        }
        let ExprKind::Builtin(Builtin::Map, args) = &self.exprs[x.0 as usize].kind else { return None };
        let ExprKind::Closure { body, .. } = &self.exprs[args.get(1)?.0 as usize].kind else { return None };
        let mut body = *body;
        while let ExprKind::Block(_, Some(tail)) = &self.exprs[body.0 as usize].kind {
            body = *tail;
        }
        self.product(body).map(|_| body)
    }

    fn widen(&mut self, x: ExprId) {
        if let Some((a, b)) = self.product(x) {
            self.exprs[x.0 as usize].kind = ExprKind::Builtin(Builtin::WideMul, vec![a, b]);
        }
    }

    fn sum_of_products(&mut self, k: usize) {
        let ExprKind::Chain(first, rest) = &self.exprs[k].kind else { return };
        if !rest.iter().all(|r| matches!(r.0, BinOp::Add | BinOp::Sub)) {
            return;
        }
        let span = self.exprs[k].span;
        let terms: Vec<_> = std::iter::once((BinOp::Add, span, *first)).chain(rest.iter().copied()).collect();
        let (products, others): (Vec<_>, Vec<_>) = terms.into_iter().partition(|t| self.product(t.2).is_some());
        if products.len() < 2 {
            return;
        }
        let ty: Arc<Ty> = self.exprs[k].ty.clone();
        products.iter().for_each(|t| self.widen(t.2));
        let wide = self.joined(products, &ty, span);
        let sum = self.add(Expr { kind: ExprKind::Builtin(Builtin::Narrow, vec![wide]), ty: ty.clone(), span });
        let mut all = vec![(BinOp::Add, span, sum)];
        all.extend(others);
        let whole = self.joined(all, &ty, span);
        self.exprs[k].kind = self.exprs[whole.0 as usize].kind.clone();
    }

    /// Terms, the first of which is not taken away where there is a choice, as one chain.
    fn joined(&mut self, mut terms: Vec<(BinOp, diag::Span, ExprId)>, ty: &Arc<Ty>, span: diag::Span) -> ExprId {
        let lead = terms.iter().position(|t| t.0 == BinOp::Add).unwrap_or(0);
        let (op, _, mut first) = terms.remove(lead);
        if op == BinOp::Sub {
            first = self.add(Expr { kind: ExprKind::Unary(UnOp::Neg, first), ty: ty.clone(), span });
        }
        if terms.is_empty() {
            return first;
        }
        self.add(Expr { kind: ExprKind::Chain(first, terms), ty: ty.clone(), span })
    }
}

/// Whether values of a type are fixed-point numbers, or arrays of such, for some types.
fn may_be_fixed(t: &Ty) -> bool {
    match t {
        Ty::Array(t, _) => may_be_fixed(t),
        Ty::Fixed(_) | Ty::Param(_) => true,
        _ => false,
    }
}
