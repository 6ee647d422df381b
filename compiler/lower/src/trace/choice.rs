//! Conditions that the run decides: a choice of what runs, or a selection among two results.
//!
//! Where a public value of the run decides and a side sends anything, only the side taken runs. Inside of loops that may
//! become lanes both sides run, since lanes differ; planning says which loops stay loops, and tracing then goes once more.

use super::value::{Leaf, Val, elem_of};
use super::{R, Scope, Selected, Tracer};
use crate::nest::{Choice, Item, Kind, Loop, LoopId, MemId, Node, NodeId, Op};
use circuit::gate::{Bin, Un};
use circuit::index::Index;
use circuit::types::{Domain, Elem};
use sema::tree::LocalId;

/// Scalars that leave a side: number of the variable among those written, or [`RESULT`], and leaf.
type Slots = rustc_hash::FxHashSet<(usize, usize)>;
const RESULT: usize = usize::MAX;

/// What a side does.
type Side<'w, 'p> = dyn FnMut(&mut Tracer<'p>) -> R<Val> + 'w;

/// Whether a node takes a step of any protocol, as far as can be told before it has a form.
pub(crate) fn sends(nest: &crate::nest::Nest, n: &Node) -> bool {
    let secret = |k: usize| n.args.get(k).is_some_and(|a| nest.n(*a).dom == Domain::Secret);
    match &n.op {
        Op::Reveal(_) | Op::At(_) => true,
        Op::Bin(Bin::Mul | Bin::And | Bin::Or) => secret(0) && secret(1),
        Op::Bin(Bin::Lt | Bin::Eq | Bin::Div | Bin::Rem) | Op::Min | Op::Max => secret(0) || secret(1),
        Op::Select => secret(0),
        Op::Net(..) => (0..n.args.len()).any(secret),
        Op::Un(Un::Cast) => secret(0) && crate::fold::mask(n.elem) > crate::fold::mask(nest.n(n.args[0]).elem),
        _ => false,
    }
}

impl<'p> Tracer<'p> {
    /// The innermost loop around that may become lanes.
    pub(super) fn lanes_around(&self) -> Option<LoopId> {
        self.nest.path(self.here()).into_iter().rfind(|l| self.nest.counted(*l))
    }

    /// `if c { then } else { otherwise }` where the run decides.
    pub(super) fn decide(
        &mut self,
        c: NodeId,
        writes: &[LocalId],
        then: &mut Side<'_, 'p>,
        otherwise: &mut Side<'_, 'p>,
    ) -> R<Val> {
        let branch = self.branches;
        self.branches += 1;
        let clear = self.nest.n(c).dom == Domain::Clear && self.to_index(c).is_none();
        let lanes = self.lanes_around();
        let mut share = Slots::default();
        while clear && (lanes.is_none() || self.choosing.contains(&branch)) {
            let saved = self.save();
            let before = self.snapshot(writes);
            let from = (self.nest.nodes.len(), self.nest.loops.len());
            let given = self.choice(c, writes, then, otherwise, &share)?;
            let sends = self.nest.loops[from.1..].iter().any(|l| l.kind == Kind::While)
                || self.nest.nodes[from.0..].iter().any(|n| sends(&self.nest, n));
            match given {
                Ok(v) if sends => return Ok(v),
                Err(more) if sends => share.extend(more),
                // Free work on both sides is cheaper than a choice.
                _ => share.clear(),
            }
            self.restore(saved);
            self.branches = branch + 1;
            self.reset(writes, before);
            if share.is_empty() {
                break;
            }
        }
        let from = self.nest.nodes.len() as NodeId;
        let v = self.selection(c, writes, then, otherwise)?;
        if let (true, Some(at)) = (clear, lanes) {
            self.selected.push(Selected { branch, at, nodes: from..self.nest.nodes.len() as NodeId });
        }
        Ok(v)
    }

    /// Both sides run, and the condition selects among what they give.
    fn selection(
        &mut self,
        c: NodeId,
        writes: &[LocalId],
        then: &mut Side<'_, 'p>,
        otherwise: &mut Side<'_, 'p>,
    ) -> R<Val> {
        let c = self.secret(c);
        let not = crate::fold::not(self, c);
        let before = self.snapshot(writes);
        self.conds.push(c);
        let a = then(self);
        self.conds.pop();
        let a = a?;
        let after = self.snapshot(writes);
        self.reset(writes, before);
        self.conds.push(not);
        let b = otherwise(self);
        self.conds.pop();
        let b = b?;
        self.merge(writes, after, &mut |s, x, y| s.choose(c, x, y))?;
        self.choose(c, &a, &b)
    }

    /// One side runs. Values at the slots of `share` leave their side shared; gives the slots at which one side's value is
    /// a party's own and the other's is not, if there are any.
    fn choice(
        &mut self,
        c: NodeId,
        writes: &[LocalId],
        then: &mut Side<'_, 'p>,
        otherwise: &mut Side<'_, 'p>,
        share: &Slots,
    ) -> R<Result<Val, Slots>> {
        let k = self.nest.choices.len() as u32;
        self.nest.choices.push(Choice { cond: c, sides: [0; 2], joins: vec![] });
        // What a side gives as an array is put into a memory of outside, which the first side sizes.
        let mut into: Vec<Option<MemId>> = Vec::new();
        let before = self.snapshot(writes);
        let (yes, a, first) = self.side(k, &mut |s| {
            let v = then(s)?;
            s.outgoing(v, writes, share, &mut into)
        })?;
        let after = self.snapshot(writes);
        self.reset(writes, before);
        let (no, b, second) = self.side(k, &mut |s| {
            let v = otherwise(s)?;
            s.outgoing(v, writes, share, &mut into)
        })?;
        self.nest.choices[k as usize].sides = [yes, no];
        let depth = self.nest.depth(self.here());
        self.bodies[depth].push(Item::Choice(k, [first, second]));
        for m in into.iter().flatten() {
            self.forget(*m);
        }
        let now = self.snapshot(writes);
        let mut unequal = Slots::default();
        for (i, (x, y)) in after.iter().zip(&now).enumerate() {
            if let (Some(x), Some(y)) = (x, y) {
                self.unequal(i, x, y, &mut unequal);
            }
        }
        self.unequal(RESULT, &a, &b, &mut unequal);
        if !unequal.is_empty() {
            return Ok(Err(unequal));
        }
        self.merge(writes, after, &mut |s, x, y| s.join(k, x, y))?;
        let mut out = self.join(k, &a, &b)?;
        for (leaf, m) in out.leaves.iter_mut().zip(&into) {
            if let Some(m) = m {
                *leaf = self.whole(*m);
            }
        }
        Ok(Ok(out))
    }
    fn unequal(&self, i: usize, x: &Val, y: &Val, out: &mut Slots) {
        for (k, (x, y)) in x.leaves.iter().zip(&y.leaves).enumerate() {
            let scalar = |l: &Leaf| matches!(l, Leaf::N(_) | Leaf::I(_));
            if scalar(x) && scalar(y) {
                let (x, y) = (self.leaf_domain(x), self.leaf_domain(y));
                if x != y && (matches!(x, Domain::Local(_)) || matches!(y, Domain::Local(_))) {
                    out.insert((i, k));
                }
            }
        }
    }
    /// What leaves a side: values at the slots of `share` shared, arrays of its result in memories of outside.
    fn outgoing(&mut self, v: Val, writes: &[LocalId], share: &Slots, into: &mut Vec<Option<MemId>>) -> R<Val> {
        for (i, k) in share {
            let Some(l) = writes.get(*i) else { continue };
            let slot = l.0 as usize;
            if let Some(mut v) = self.frame.locals[slot].clone() {
                self.share_leaf(&mut v, *k);
                self.frame.locals[slot] = Some(v);
            }
        }
        let mut v = v;
        for (_, k) in share.iter().filter(|s| s.0 == RESULT) {
            self.share_leaf(&mut v, *k);
        }
        self.arrays_out(&v, into)
    }
    fn share_leaf(&mut self, v: &mut Val, k: usize) {
        if let Some(Leaf::N(n)) = v.leaves.get(k) {
            v.leaves[k] = Leaf::N(self.secret(*n));
        }
    }
    /// Runs the code of a side of choice `k`: the loop that stands for it, what it gives, and its body.
    fn side<T>(&mut self, k: u32, work: &mut dyn FnMut(&mut Self) -> R<T>) -> R<(LoopId, T, Vec<Item>)> {
        let parent = self.here();
        let guard = self.top().guard.clone();
        let l = self.nest.loops.len() as LoopId;
        let span = self.span_number();
        self.nest.loops.push(Loop {
            kind: Kind::Side(k),
            parent,
            depth: self.nest.depth(parent) as u32,
            trip: Index::Const(1),
            max: 1,
            rev: false,
            members: false,
            phis: vec![],
            guard: guard.clone(),
            span,
        });
        self.nest.ranges.push((0, 0));
        self.scopes.push(Scope {
            at: Some(l),
            guard,
            guarded: true,
            side: true,
            same: Default::default(),
            known: Default::default(),
            written: Default::default(),
        });
        self.bodies.push(vec![]);
        let r = work(self)?;
        self.scopes.pop();
        let body = self.bodies.pop().unwrap_or_default();
        Ok((l, r, body))
    }
    /// Copies the arrays of a side's result into memories of outside.
    fn arrays_out(&mut self, v: &Val, into: &mut Vec<Option<MemId>>) -> R<Val> {
        let of = if v.leaves.is_empty() { vec![] } else { self.leaves(&v.ty)? };
        for (j, (leaf, of)) in v.leaves.iter().zip(&of).enumerate() {
            if into.len() <= j {
                into.push(match leaf {
                    Leaf::V(_) | Leaf::R(..) => Some(self.alloc_outside(elem_of(&of.ty), of.lanes)),
                    _ => None,
                });
            }
            if let Some(m) = into[j] {
                self.copy(m, &Index::Const(0), leaf, of.lanes)?;
            }
        }
        Ok(v.clone())
    }
    /// A memory of the code around the side that is open.
    fn alloc_outside(&mut self, elem: Elem, lanes: u64) -> MemId {
        let m = self.new_mem(elem, lanes, 0);
        let place = self.scopes.len() - 2;
        self.nest.mems[m as usize].at = self.scopes[place].at;
        self.push(Op::Alloc(m), vec![], elem, place);
        m
    }
    /// What comes out of the two sides, scalar by scalar; arrays have memories of their own.
    fn join(&mut self, k: u32, a: &Val, b: &Val) -> R<Val> {
        if a.leaves.is_empty() {
            return Ok(a.clone());
        }
        let of = self.leaves(&a.ty)?;
        let mut out = Vec::new();
        for ((la, lb), of) in a.leaves.iter().zip(&b.leaves).zip(&of) {
            out.push(match (la, lb) {
                (Leaf::I(x), Leaf::I(y)) if x == y => la.clone(),
                (Leaf::N(_) | Leaf::I(_), _) => {
                    let (x, y) = (self.node(la, &of.ty)?, self.node(lb, &of.ty)?);
                    Leaf::N(self.join_node(k, x, y))
                }
                _ => la.clone(),
            });
        }
        Ok(Val { leaves: out, ..a.clone() })
    }
    fn join_node(&mut self, k: u32, x: NodeId, y: NodeId) -> NodeId {
        if x == y && self.seen_here(x) {
            return x;
        }
        let elem = self.nest.n(x).elem;
        let c = self.nest.choices[k as usize].cond;
        let id = self.fixed(Op::Join(k), vec![c, x, y], elem);
        self.nest.choices[k as usize].joins.push(id);
        id
    }
    /// Whether a node is made in code around this, not in a side that is over.
    fn seen_here(&self, n: NodeId) -> bool {
        self.nest.n(n).at.is_none_or(|l| self.nest.within(self.here(), l))
    }
}
