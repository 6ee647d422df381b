//! `at` blocks in the label check: what they read is their party's, and so is what they give. The walk is in `flow`.

use super::Flow;
use crate::labels::lab::{Atom, Cause, Lab, Step, Tree};
use crate::labels::report::Reason;
use crate::tree::*;
use diag::Span;

impl<'p> Flow<'_, 'p> {
    pub(super) fn at_block(
        &mut self,
        party: PartyId,
        body: ExprId,
        reads: &[LocalId],
        each: &[(LocalId, LocalId)],
        e: &'p Expr,
        pc: &Lab,
    ) -> Tree {
        if self.at.is_some() {
            self.ck.in_at(e.span, self.at);
        }
        self.require(pc, None, Reason::AtUnder(party), e.span, &[]);
        self.scheme.effect.get_or_insert(e.span);
        let saved = self.take(reads);
        // A member knows its own element of what it holds one of; as a whole it sees what is public alone.
        let family = self.program.parties[party.0 as usize].family.is_some();
        let upto = if family { None } else { Some(party) };
        for (l, t) in reads.iter().zip(&saved) {
            let name = &self.f.local(*l).name;
            let all = t.all().above(upto);
            if !all.is_public() {
                let place = self.first_use(body, *l).unwrap_or(e.span);
                self.require(&all, upto, Reason::AtReads(party, name.clone()), place, &[]);
            }
            self.state[l.0 as usize].each_mut(&mut |l| *l = Lab::public());
        }
        for (all, own) in each {
            let name = &self.f.local(*all).name;
            let lab = self.state[all.0 as usize].all().above(Some(party));
            let place = self.first_use(body, *own).unwrap_or(e.span);
            self.require(&lab, Some(party), Reason::AtReads(party, name.clone()), place, &[]);
            self.state[own.0 as usize] = Tree::fill(self.program, &self.f.local(*own).ty, &Lab::public());
        }
        let before = self.at.replace(party);
        let exits = std::mem::take(&mut self.exits);
        let given = self.eval(body, &Lab::public()).all();
        self.exits = exits;
        self.at = before;
        // All that it reads counts as public inside: what is not came through a closure.
        let reason = Reason::AtReads(party, "a closure".into());
        self.require(&given, Some(party), reason, e.span, &[]);
        for (l, t) in reads.iter().zip(saved) {
            self.state[l.0 as usize] = t;
        }
        let lab = Lab::one(Atom::Party(party), Cause::origin(Step::AtBlock(party), e.span));
        Tree::fill(self.program, &e.ty, &lab)
    }

    /// Where a local is first read in an expression, by place in the text.
    fn first_use(&self, within: ExprId, l: LocalId) -> Option<Span> {
        let all = self.expr(within).span;
        let inside = |s: Span| s.file == all.file && s.lo >= all.lo && s.hi <= all.hi;
        self.f
            .exprs
            .iter()
            .filter(|e| matches!(e.kind, ExprKind::Local(k) if k == l) && inside(e.span))
            .map(|e| e.span)
            .min()
    }
}
