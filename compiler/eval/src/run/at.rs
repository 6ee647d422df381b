//! A call of an `at` block from columns: one run, or those of the loops around it. Knows no circuit.

use super::{Frame, R, Run, bad, error, internal};
use crate::value::{Kind, Scalar, Shape, Value};
use diag::Span;
use sema::layout;
use sema::tree::{AtCode, Expr, ExprId, ExprKind, LocalId, PartyId, Ty};
use std::sync::Arc;

/// A local of the block: its shape and leaves, and the column of each leaf.
type Given = (LocalId, Shape, Vec<(Kind, usize)>, Vec<(u32, usize)>);

impl<'p> Run<'p> {
    /// A block of a family: what it gives at each member, on the member's own elements.
    pub(super) fn at_each(
        &mut self,
        fr: &Frame<'p>,
        party: PartyId,
        body: ExprId,
        each: &[(LocalId, LocalId)],
        e: &Expr,
    ) -> R<Value> {
        let Some(members) = fr.env.families.get(party.0 as usize).copied() else {
            return internal(e.span);
        };
        let mut items = Vec::new();
        for k in 0..members {
            for (all, own) in each {
                let Value::Array(a) = &self.stack[fr.base + all.0 as usize] else {
                    return internal(e.span);
                };
                let mut v = bad(a.get(k, &[]), e.span)?;
                v.mark(false);
                self.stack[fr.base + own.0 as usize] = v;
            }
            items.push(self.eval(fr, body)?);
        }
        match items.first() {
            Some(v) => self.collect(v.shape(), &items, e.span),
            None => self.empty(fr, &e.ty, e.span),
        }
    }

    /// See [`crate::run_at`].
    pub fn at(&mut self, code: &AtCode, args: &[Vec<u128>]) -> R<Vec<Vec<u128>>> {
        let Some(f) = self.program.fns.get(code.f.0 as usize) else {
            return internal(Span::default());
        };
        let Some(e) = f.exprs.get(code.expr.0 as usize) else {
            return internal(f.span);
        };
        let ExprKind::At { body, party, .. } = &e.kind else {
            return internal(e.span);
        };
        // Of a family, a run is a member's.
        let family = self.program.parties.get(party.0 as usize).is_some_and(|p| p.family.is_some());
        let ty = if family { f.expr(*body).ty.clone() } else { e.ty.clone() };
        let shape_of =
            |ty: &Ty| layout::close(ty, &code.env).and_then(|ty| Shape::of(self.program, &ty, &code.env.families));
        let flags = if code.many { args.last() } else { None };
        let runs = flags.map_or(1, Vec::len);
        // Columns by local, in order of leaves.
        let mut locals: std::collections::BTreeMap<LocalId, Vec<(u32, usize)>> = Default::default();
        for (k, (local, leaf)) in code.args.iter().enumerate() {
            locals.entry(*local).or_default().push((*leaf, k));
        }
        let mut given: Vec<Given> = Vec::new();
        for (local, mut leaves) in locals {
            leaves.sort_unstable();
            let shape = f.locals.get(local.0 as usize).and_then(|l| shape_of(&l.ty));
            let Some(shape) = shape else {
                return internal(e.span);
            };
            let list = shape.leaf_list();
            let fits = leaves.len() == list.len()
                && leaves.iter().enumerate().all(|(k, (leaf, _))| k == *leaf as usize)
                && leaves.iter().zip(&list).all(|((_, k), (_, lanes))| {
                    args.get(*k).is_some_and(|c| c.len() == *lanes || Some(c.len()) == lanes.checked_mul(runs))
                });
            if !fits {
                return error(e.span, "the columns given for this block are not those it reads");
            }
            given.push((local, shape, list, leaves));
        }
        let Some(result) = shape_of(&ty) else {
            return internal(e.span);
        };
        let mut out = vec![Vec::new(); result.leaf_list().len()];
        let value = |(_, shape, list, leaves): &Given, run: usize| {
            let part = |k: usize, lanes: usize| {
                let at = if args[k].len() == lanes { 0 } else { run * lanes };
                args[k][at..at + lanes].to_vec()
            };
            let columns = leaves.iter().zip(list).map(|((_, k), (_, lanes))| part(*k, *lanes)).collect();
            Value::from_columns(shape, columns, false)
        };
        // What is the same in every run is made once.
        let (once, each): (Vec<Given>, Vec<Given>) =
            given.into_iter().partition(|g| g.3.iter().zip(&g.2).all(|((_, k), (_, lanes))| args[*k].len() == *lanes));
        let mut fixed = Vec::new();
        for g in &once {
            match value(g, 0) {
                Some(v) => fixed.push((g.0, v)),
                None => return internal(e.span),
            }
        }
        let frame = Frame { id: code.f, f, base: 0, env: Arc::new(code.env.clone()) };
        for run in 0..runs {
            if flags.is_some_and(|f| f[run] == 0) {
                for (all, (_, lanes)) in out.iter_mut().zip(result.leaf_list()) {
                    all.resize(all.len() + lanes, 0);
                }
                continue;
            }
            self.stack.clear();
            self.stack.resize(f.locals.len(), Value::Unit);
            for (local, i) in &code.indices {
                if let Some(slot) = self.stack.get_mut(local.0 as usize) {
                    *slot = Value::Scalar(Scalar::index(*i));
                }
            }
            for (local, v) in &fixed {
                self.stack[local.0 as usize] = v.clone();
            }
            for g in &each {
                match value(g, run) {
                    Some(v) => self.stack[g.0.0 as usize] = v,
                    None => return internal(e.span),
                }
            }
            let v = self.eval(&frame, *body)?;
            if v.shape() != result {
                return internal(e.span);
            }
            for (all, mut one) in out.iter_mut().zip(v.to_columns()) {
                all.append(&mut one);
            }
        }
        Ok(out)
    }
}
