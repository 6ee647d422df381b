//! Recurrences over lanes: prefixes of an associative operation by a network of logarithmic depth.
//!
//! Sklansky's network (Conditional-sum addition logic, 1960): at level d the lanes whose position has bit d set take in
//! the last lane of the half before them, ⌈log₂ n⌉ levels with at most n/2 operations each. The value before the first
//! iteration is position 0 of the line, unless it is neutral: it costs no round of its own.

use super::{Batch, E, Emit};
use crate::ix;
use crate::nest::{LoopId, NodeId, Op, Phi};
use crate::reduce::Term;
use crate::scan::{Scan, Start, Step};
use circuit::gate::{Bin, Op as Gate, Red, Un};
use circuit::index::{Index, IndexOp, Len, LoopVar, Space, SpaceDim};
use circuit::types::{Elem, WireId, WireTy};

/// What is associative: an operation, or "the last that replaces", on pairs of a flag and a value.
enum Monoid {
    Op(Op),
    Last,
}

/// Lines of lanes, one for each point of the loops around, of `len` positions each.
struct Lines {
    around: Batch,
    count: i64,
    len: i64,
}

/// Whether an iteration replaces a value.
#[derive(Clone, Copy)]
enum Flag {
    Never,
    Always,
    Where(WireId),
}

impl Emit<'_> {
    pub(super) fn scan(&mut self, s: &Scan) -> E<()> {
        if self.absorbed.contains(&s.l) {
            return Err("the first value of a recurrence was absorbed".into());
        }
        self.span(s.after);
        match &s.step {
            Step::Fold(op, terms) => {
                let values = self.terms(&s.own, op, terms)?;
                self.prefixes(s, Monoid::Op(op.clone()), values)
            }
            Step::Replace(once) => {
                let mut leaves = Vec::new();
                self.leaves(s.after, s.before, &mut leaves)?;
                let batches = leaves.iter().map(|n| Ok(self.wire(*n)?.1)).collect::<E<Vec<_>>>()?;
                let dims = self.union(&batches.iter().collect::<Vec<_>>());
                let to = self.over(s.l, &dims);
                let (flag, value) = self.replacing(s.after, s.before, &to)?;
                let (Flag::Where(flag), Some(value)) = (flag, value) else {
                    return Err("a value that is always or never replaced".into());
                };
                match (s.seen, once) {
                    (true, _) => self.prefixes(s, Monoid::Last, (vec![flag, value], to)),
                    (false, true) => self.only(s, flag, value, &to),
                    (false, false) => self.last(s, flag, value, &to),
                }
            }
        }
    }

    /// The batch of these loops and `l`.
    fn over(&self, l: LoopId, dims: &[LoopId]) -> Batch {
        let dims = self.closed(dims.iter().copied().chain([l]));
        self.batch(dims, &[])
    }
    /// What each iteration takes in.
    fn terms(&mut self, own: &[LoopId], op: &Op, terms: &[Term]) -> E<(Vec<WireId>, Batch)> {
        let nest = self.nest;
        let mut acc: Option<(WireId, Batch)> = None;
        for t in terms {
            let over: Vec<LoopId> = nest
                .path(Some(t.at))
                .into_iter()
                .filter(|x| !own.contains(x) && nest.within(Some(*x), own[0]))
                .collect();
            let (w, b, _) = self.term(t, op, &over, own, &[])?;
            if acc.is_none() && t.neg {
                let (elem, len) = (self.elem(w), self.len(&b)?);
                acc = Some((self.constant(0, elem, len)?, b.clone()));
            }
            acc = Some(self.combine(acc, (w, b), op, t.neg, &[])?);
        }
        let (w, b) = acc.ok_or("a sum of nothing")?;
        let to = self.over(own[0], &b.dims);
        Ok((vec![self.convert(w, &b, &to)?], to))
    }
    /// Values and conditions of a tree of selections.
    fn leaves(&self, n: NodeId, before: NodeId, out: &mut Vec<NodeId>) -> E<()> {
        if n == before {
            return Ok(());
        }
        let node = self.nest.n(n);
        if self.wires.get(n).is_some() {
            out.push(n);
            return Ok(());
        }
        let (Op::Select, [c, a, b]) = (&node.op, &node.args[..]) else { return Err("no tree of selections".into()) };
        out.push(*c);
        self.leaves(*a, before, out)?;
        self.leaves(*b, before, out)
    }
    /// Whether an iteration replaces the value before it, and by what.
    fn replacing(&mut self, n: NodeId, before: NodeId, to: &Batch) -> E<(Flag, Option<WireId>)> {
        if n == before {
            return Ok((Flag::Never, None));
        }
        if self.wires.get(n).is_some() {
            return Ok((Flag::Always, Some(self.wire_in(n, to)?)));
        }
        let [c, a, b] = self.nest.n(n).args[..] else { return Err("no tree of selections".into()) };
        let (fa, va) = self.replacing(a, before, to)?;
        let (fb, vb) = self.replacing(b, before, to)?;
        let c = self.wire_in(c, to)?;
        let value = match (va, vb) {
            (Some(x), Some(y)) => Some(self.gate(Gate::Select, &[c, x, y])?),
            (x, y) => x.or(y),
        };
        let and = |s: &mut Self, x, y| s.gate(Gate::Bin(Bin::And), &[x, y]);
        let not = |s: &mut Self, x| s.gate(Gate::Un(Un::Not), &[x]);
        let flag = match (fa, fb) {
            (Flag::Never, Flag::Never) => Flag::Never,
            (Flag::Always, Flag::Always) => Flag::Always,
            (Flag::Always, Flag::Never) => Flag::Where(c),
            (Flag::Never, Flag::Always) => Flag::Where(not(self, c)?),
            (Flag::Where(x), Flag::Never) => Flag::Where(and(self, c, x)?),
            (Flag::Never, Flag::Where(y)) => {
                let c = not(self, c)?;
                Flag::Where(and(self, c, y)?)
            }
            (Flag::Always, Flag::Where(y)) => Flag::Where(self.gate(Gate::Bin(Bin::Or), &[c, y])?),
            (Flag::Where(x), Flag::Always) => {
                let c = not(self, c)?;
                Flag::Where(self.gate(Gate::Bin(Bin::Or), &[c, x])?)
            }
            (Flag::Where(x), Flag::Where(y)) => Flag::Where(self.gate(Gate::Select, &[c, x, y])?),
        };
        Ok((flag, value))
    }

    /// All values on the way: registers the value before each iteration and after it, and what comes out.
    fn prefixes(&mut self, s: &Scan, monoid: Monoid, (values, to): (Vec<WireId>, Batch)) -> E<()> {
        let l = s.l;
        let elem = self.elem(values[values.len() - 1]);
        let mut around: Vec<LoopId> = to.dims.clone();
        match &s.start {
            Start::Scalar(p) => around.extend(self.wire(p.init)?.1.dims),
            Start::Element(_, m, _, at) => {
                around.extend(self.private(*m));
                around.extend(self.state_dims(*m));
                around.extend(self.lane_vars(at));
                around.extend(&s.own);
            }
        }
        let full = self.over(l, &around);
        let around = Batch { dims: full.dims.iter().copied().filter(|d| *d != l).collect(), ..Batch::default() };
        let values = values.into_iter().map(|w| self.convert(w, &to, &full)).collect::<E<Vec<_>>>()?;
        let first = match &s.start {
            Start::Scalar(p) => self.wire_in(p.init, &around)?,
            Start::Element(_, m, from, _) => {
                let n = self.nest.loops[l as usize].max as i64;
                let at = Index::Const(if self.nest.loops[l as usize].rev { n - 1 } else { 0 });
                self.read(*m, &ix::norm(&from.subst_var(LoopVar(l), &at)), &around)?
            }
        };
        let identity = match &monoid {
            Monoid::Op(op) => crate::fold::identity(op, elem),
            Monoid::Last => None,
        };
        let neutral = identity.filter(|k| self.consts.get(&first) == Some(k));
        let skip = i64::from(neutral.is_none());
        let n = self.nest.loops[l as usize].max as i64;
        let lines = Lines { count: self.box_size(&around.dims)? as i64, len: n + skip, around };
        let mut state = Vec::new();
        let firsts = match monoid {
            Monoid::Op(_) => vec![first],
            Monoid::Last => {
                let len = self.len(&lines.around)?;
                vec![self.constant(1, Elem::Bool, len)?, first]
            }
        };
        for (w, first) in values.into_iter().zip(firsts) {
            state.push(self.lay(&lines, l, w, &full, (skip == 1).then_some(first))?);
        }
        self.network(&lines, &monoid, &mut state)?;
        let line = state[state.len() - 1];
        let position = self.position(l);
        let place = |p: &Index| ix::norm(&ix::add(&ix::scale(&self.box_rank(&lines.around.dims), lines.len), p));
        let (last, after) = (place(&Index::Const(lines.len - 1)), place(&ix::add(&position, &Index::Const(skip))));
        let before = place(&ix::sub(&position, &Index::Const(1 - skip)));
        let out = self.gather(line, &lines.around, &last)?;
        let after = self.gather(line, &full, &after)?;
        let before = match neutral {
            None => self.gather(line, &full, &before)?,
            Some(k) => {
                let len = self.len(&full)?;
                let base = self.constant(k, elem, len)?;
                let mut space = self.space(&full)?;
                let own = full.dims.iter().position(|d| *d == l).ok_or("a loop without lanes")?;
                let rev = self.nest.loops[l as usize].rev;
                space.dims[own] = SpaceDim::range(Index::Const(i64::from(!rev)), Index::Const(n - i64::from(rev)));
                let (from, rank) = (self.coords(&before, &full.dims)?, self.rank(&full).ok_or("no rank")?);
                let rank = self.coords(&rank, &full.dims)?;
                let lanes = self.gather_space(line, space.clone(), from)?;
                let (space, _) = self.len_of(space)?;
                self.gate(Gate::Scatter { space, index: rank }, &[base, lanes])?
            }
        };
        self.register(s.before, before, full.clone());
        self.register(s.after, after, full.clone());
        for n in &s.rest {
            self.node(*n)?;
        }
        match &s.start {
            Start::Scalar(p) => {
                self.finals.insert(p.phi, (out, lines.around));
            }
            Start::Element(_, m, _, to) => self.write(*m, to, after, &full)?,
        }
        Ok(())
    }
    /// The position in time of an iteration.
    fn position(&self, l: LoopId) -> Index {
        let lp = &self.nest.loops[l as usize];
        if lp.rev { ix::sub(&Index::Const(lp.max as i64 - 1), &ix::var(l)) } else { ix::var(l) }
    }
    /// Lanes of a batch as lines in order of time, with the first value in front if there is one.
    fn lay(&mut self, lines: &Lines, l: LoopId, w: WireId, from: &Batch, first: Option<WireId>) -> E<WireId> {
        let line = self.box_rank(&lines.around.dims);
        let skip = i64::from(first.is_some());
        let to = ix::add(&ix::scale(&line, lines.len), &ix::add(&self.position(l), &Index::Const(skip)));
        let space = self.space(from)?;
        let index = self.coords(&to, &from.dims)?;
        let base = match first {
            Some(first) => {
                let mut all = self.space(&lines.around)?;
                all.dims.push(SpaceDim::upto(lines.len));
                let line = self.coords(&line, &lines.around.dims)?;
                self.gather_space(first, all, line)?
            }
            None => {
                let len = Len::Const((lines.count * lines.len) as u64);
                let elem = self.elem(w);
                self.constant(0, elem, len)?
            }
        };
        let (space, _) = self.len_of(space)?;
        self.gate(Gate::Scatter { space, index }, &[base, w])
    }
    /// Each position becomes the product of all up to it.
    fn network(&mut self, lines: &Lines, monoid: &Monoid, state: &mut [WireId]) -> E<()> {
        let mut half = 1;
        while half < lines.len {
            let (blocks, over) = (lines.len / (2 * half), lines.len % (2 * half) - half);
            // The whole blocks, and what there is of the last one.
            let pairs = blocks * half + over.max(0);
            let space = Space::rect(&[lines.count, pairs]);
            let half_of = |op| ix::bin(op, &Index::Coord(1), &Index::Const(half));
            let block = ix::scale(&half_of(IndexOp::Div), 2 * half);
            let begin = ix::add(&ix::scale(&Index::Coord(0), lines.len), &ix::add(&block, &Index::Const(half)));
            let left = ix::norm(&ix::sub(&begin, &Index::Const(1)));
            let right = ix::norm(&ix::add(&begin, &half_of(IndexOp::Rem)));
            let take = |s: &mut Self, index: &Index| {
                state.iter().map(|w| s.gather_space(*w, space.clone(), index.clone())).collect::<E<Vec<_>>>()
            };
            let (a, b) = (take(self, &left)?, take(self, &right)?);
            let both = self.product_of(monoid, &a, &b)?;
            let (space, _) = self.len_of(space.clone())?;
            for (w, new) in state.iter_mut().zip(both) {
                *w = self.gate(Gate::Scatter { space, index: right.clone() }, &[*w, new])?;
            }
            half *= 2;
        }
        Ok(())
    }
    fn product_of(&mut self, monoid: &Monoid, a: &[WireId], b: &[WireId]) -> E<Vec<WireId>> {
        match monoid {
            Monoid::Op(op) => {
                let elem = self.elem(a[0]);
                Ok(vec![self.operate(op, &[a[0], b[0]], elem)?])
            }
            Monoid::Last => {
                Ok(vec![self.gate(Gate::Bin(Bin::Or), &[a[0], b[0]])?, self.gate(Gate::Select, &[b[0], b[1], a[1]])?])
            }
        }
    }

    /// The last value that replaced, where nobody reads any on the way: a search for the last lane that is set.
    fn last(&mut self, s: &Scan, flag: WireId, value: WireId, to: &Batch) -> E<()> {
        let Start::Scalar(p) = &s.start else { return Err("an element that nobody reads".into()) };
        let around = Batch { dims: to.dims.iter().copied().filter(|d| *d != s.l).collect(), ..Batch::default() };
        let n = self.nest.loops[s.l as usize].max as i64;
        let mut all = self.space(&around)?;
        all.dims.push(SpaceDim::upto(n));
        // The gate takes the first of equal keys: time runs backwards.
        let time = Index::Coord(around.dims.len() as u32);
        let back = ix::sub(&Index::Const(n - 1), &time);
        let place = if self.nest.loops[s.l as usize].rev { time } else { back };
        let here = self.along(to, &around, s.l, &place)?;
        let args = [flag, value].map(|w| self.gather_space(w, all.clone(), here.clone()));
        let [flag, value] = args;
        let args = [flag?, value?];
        let len = self.len(&around)?;
        let domain = self.b.ty(args[0]).domain;
        let want = args.map(|a| {
            let t = self.b.ty(a).clone();
            let d = if domain == circuit::Domain::Clear { t.domain } else { domain };
            WireTy { domain: d, len: len.clone(), ..t }
        });
        let outs = self.gates(Gate::ArgReduce { max: true, group: Len::Const(n as u64) }, &args, &want)?;
        self.settled(p, (outs[0], outs[1]), &around, false)
    }
    /// The value of the only iteration that replaces, if any does: values where it does not are none, and sums over bits
    /// cost nothing.
    fn only(&mut self, s: &Scan, flag: WireId, value: WireId, to: &Batch) -> E<()> {
        let Start::Scalar(p) = &s.start else { return Err("an element that nobody reads".into()) };
        let around = Batch { dims: to.dims.iter().copied().filter(|d| *d != s.l).collect(), ..Batch::default() };
        let (len, out, elem) = (self.len(to)?, self.len(&around)?, self.elem(value));
        let none = self.constant(0, elem, len)?;
        let value = self.gate(Gate::Select, &[flag, value, none])?;
        let mut sums = Vec::new();
        for w in [flag, value] {
            // Rows of the loop's iterations, which need not be the innermost loop's.
            let mut all = self.space(&around)?;
            let n = self.nest.loops[s.l as usize].max;
            all.dims.push(SpaceDim::upto(n as i64));
            let here = self.along(to, &around, s.l, &Index::Coord(around.dims.len() as u32))?;
            let w = self.gather_space(w, all, here)?;
            let want = WireTy { len: out.clone(), ..self.b.ty(w).clone() };
            let gate = Gate::Reduce { red: Red::Xor, group: Len::Const(n) };
            sums.push(self.gate_want(gate, &[w], Some(want))?);
        }
        self.settled(p, (sums[0], sums[1]), &around, true)
    }
    /// The lane of a batch at an iteration of `l`, over coordinates of the loops around.
    fn along(&self, to: &Batch, around: &Batch, l: LoopId, place: &Index) -> E<Index> {
        let rank = self.rank(to).ok_or("no rank")?;
        Ok(ix::norm(&rank.subst(&|i| match i {
            Index::Var(v) if v.0 == l => Some(place.clone()),
            Index::Var(v) => around.dims.iter().position(|d| *d == v.0).map(|k| Index::Coord(k as u32)),
            _ => None,
        })))
    }
    /// What comes out: what was found, or the first value.
    fn settled(&mut self, p: &Phi, (found, value): (WireId, WireId), around: &Batch, summed: bool) -> E<()> {
        let dims = self.wire(p.init)?.1.dims;
        let to = self.closed(dims.into_iter().chain(around.dims.iter().copied()));
        let to = self.batch(to, &[]);
        let found = self.convert(found, around, &to)?;
        let value = self.convert(value, around, &to)?;
        let init = self.wire_in(p.init, &to)?;
        // Where nothing was found, the sum is zero.
        let out = match self.consts.get(&init) {
            Some(0) if summed => value,
            _ => self.gate(Gate::Select, &[found, value, init])?,
        };
        self.finals.insert(p.phi, (out, to));
        Ok(())
    }
}
