//! Strings in the label check: public or one party's, and worked on where they are public or in their owner's `at` block.
//!
//! Inside of such a block all that it reads counts as public, so that one rule holds everywhere. Knows no words of errors.

use super::Flow;
use crate::labels::lab::{Atom, Lab, Tree, field_types};
use crate::labels::report::Reason;
use crate::layout::holds_strings;
use crate::tree::*;
use diag::Span;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// By expression of a function, whether its value holds strings; empty where none does.
pub(super) fn holders(program: &Program, f: &Fn) -> Vec<bool> {
    // Equal types are shared.
    let mut known: FxHashMap<*const Ty, bool> = FxHashMap::default();
    let mut holds = |ty: &Arc<Ty>| *known.entry(Arc::as_ptr(ty)).or_insert_with(|| holds_strings(&program.structs, ty));
    let all: Vec<bool> = f.exprs.iter().map(|e| holds(&e.ty)).collect();
    if all.contains(&true) { all } else { Vec::new() }
}

impl Flow<'_, '_> {
    /// Whether the value of an expression holds strings.
    pub(super) fn has_strings(&self, id: ExprId) -> bool {
        self.strings.get(id.0 as usize).copied().unwrap_or(false)
    }

    /// Each string of a value must be public or of one party. Said once, they count as public.
    pub(super) fn of_one_party(&mut self, id: ExprId, t: &mut Tree) {
        let e = self.expr(id);
        let mut several = None;
        each(self.program, &e.ty, t, &mut |l| {
            let known = l.constant();
            let one = matches!(known.sources(), [] | [super::Source { atom: Atom::Party(_), .. }]);
            if !one {
                several.get_or_insert(known);
                *l = Lab::public();
            }
        });
        if let Some(lab) = several {
            self.ck.string_of_several(&lab, e.span);
        }
    }

    /// An operand; strings in it are worked on.
    pub(super) fn operand(&mut self, id: ExprId, pc: &Lab) -> Lab {
        let mut t = self.eval(id, pc);
        self.worked_on(id, &mut t);
        t.all()
    }

    /// The strings of a value must be public here, and then are.
    pub(super) fn worked_on(&mut self, id: ExprId, t: &mut Tree) {
        if self.has_strings(id) {
            let e = self.expr(id);
            self.put_together(&e.ty, t, e.span);
        }
    }

    /// The same of a value of a type.
    pub(super) fn put_together(&mut self, ty: &Ty, t: &mut Tree, span: Span) {
        if !self.strings.is_empty() {
            let mut lab = Lab::public();
            each(self.program, ty, t, &mut |l| {
                lab.join(&std::mem::take(l));
            });
            self.require(&lab, None, Reason::StrUsed, span, &[]);
        }
    }

    /// What a `let` binds: an array of strings that may change is a new one.
    pub(super) fn varied(&mut self, pat: &Pat, id: ExprId, t: &mut Tree) {
        if let Pat::Bind(l) = pat
            && self.has_strings(id)
            && self.f.local(*l).mutable
            && matches!(self.f.local(*l).ty, Ty::Array(..))
        {
            self.worked_on(id, t);
        }
    }

    /// Joins a label into a value of an expression's type: what decides about it. Where it holds strings, that is public, as
    /// [`Flow::chosen_by`] asks.
    pub(in crate::labels) fn decided_by(&mut self, id: ExprId, t: &mut Tree, by: &Lab) {
        if !self.has_strings(id) {
            t.raise(by);
        }
    }

    /// What decides which string a value is must be public, and so must the strings be: whoever chooses works on them.
    pub(super) fn chosen_by(&mut self, id: ExprId, by: &Lab, span: Span, t: &mut Tree) {
        if self.has_strings(id) {
            self.require(by, None, Reason::StrChosen, span, &[]);
            // One error is enough.
            if by.constant().is_public() {
                self.worked_on(id, t);
            }
        }
    }
}

/// The labels of a value's strings.
fn each(program: &Program, ty: &Ty, t: &mut Tree, f: &mut impl FnMut(&mut Lab)) {
    match (ty, t) {
        (Ty::Array(elem, _), t) => each(program, elem, t, f),
        (Ty::Tuple(tys), Tree::Node(parts)) => {
            tys.iter().zip(parts).for_each(|(ty, t)| each(program, ty, t, f));
        }
        (Ty::Struct(id, tys, _), Tree::Node(parts)) => {
            field_types(program, *id, tys).iter().zip(parts).for_each(|(ty, t)| each(program, ty, t, f));
        }
        // One label may stand for all of a value: it then is that of its strings too.
        (ty, t) if holds_strings(&program.structs, ty) => t.each_mut(f),
        _ => {}
    }
}
