//! Early exits: what follows a `return`, `break`, or `continue` runs or does not by the condition of that.
//!
//! The control label of what follows in the function, the loop, or the turn is joined with the label that the exit stood
//! under. Knows labels; the walk over the program is in `flow`.

use super::flow::Flow;
use super::lab::{Lab, Step, Tree};
use crate::tree::{ExprId, Ty};
use diag::Span;
use std::borrow::Cow;

/// Labels of what may have left the code before a place.
#[derive(Clone, Debug, Default)]
pub(super) struct Exits {
    /// The function or closure.
    ret: Lab,
    /// The innermost loop.
    whole: Lab,
    /// This turn of it.
    turn: Lab,
    /// What was returned so far.
    value: Option<Tree>,
}

impl Exits {
    /// The control label of a place under `pc`.
    pub fn under<'a>(&self, pc: &'a Lab) -> Cow<'a, Lab> {
        if self.ret.is_public() && self.whole.is_public() && self.turn.is_public() {
            return Cow::Borrowed(pc);
        }
        let mut all = pc.clone();
        for l in [&self.ret, &self.whole, &self.turn] {
            all.join(l);
        }
        Cow::Owned(all)
    }
    /// A `break`, or else a `continue`.
    pub fn left_loop(&mut self, whole: bool, pc: &Lab, span: Span) {
        let by = pc.clone().without_control().step(&Step::Left(if whole { "break" } else { "continue" }), span);
        (if whole { &mut self.whole } else { &mut self.turn }).join(&by);
    }
    /// Begins a loop: no turn of it was left yet. Gives what is kept for its end.
    pub fn enter_loop(&mut self) -> (Lab, Lab) {
        (std::mem::take(&mut self.whole), std::mem::take(&mut self.turn))
    }
    pub fn next_turn(&mut self) {
        self.turn = Lab::public();
    }
    pub fn leave_loop(&mut self, outer: (Lab, Lab)) {
        (self.whole, self.turn) = outer;
    }
    /// Whether a turn of a loop added anything that the next one must know.
    pub fn more_than(&self, before: &Exits) -> bool {
        self.ret != before.ret || self.whole != before.whole || self.value != before.value
    }
    /// What may have left either of two ways.
    pub fn join(&mut self, other: Exits) {
        self.ret.join(&other.ret);
        self.whole.join(&other.whole);
        self.turn.join(&other.turn);
        if let Some(v) = other.value {
            self.give(v);
        }
    }
    fn give(&mut self, v: Tree) {
        match &mut self.value {
            Some(all) => {
                all.join(&v);
            }
            None => self.value = Some(v),
        }
    }
}

impl Flow<'_, '_> {
    /// `return`.
    pub(super) fn returned(&mut self, x: Option<ExprId>, mut value: Tree, pc: &Lab, span: Span) {
        let by = pc.clone().without_control().step(&Step::Left("return"), span);
        match x {
            Some(x) => self.decided_by(x, &mut value, &by),
            None => {
                value.raise(&by);
            }
        }
        self.exits.ret.join(&by);
        self.exits.give(value);
    }
    /// The body of a function or a closure: the label of its result.
    pub(super) fn body(&mut self, body: ExprId, ret: &Ty, pc: &Lab) -> Tree {
        let outer = std::mem::take(&mut self.exits);
        let mut t = self.eval(body, pc);
        let inner = std::mem::replace(&mut self.exits, outer);
        if let Some(v) = inner.value {
            t = self.shaped(ret, t);
            self.decided_by(body, &mut t, &inner.ret);
            t.join(&v);
        }
        t
    }
}
