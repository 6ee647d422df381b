//! Loops while tracing: carried values, retried until their secrecy is settled; indices that follow a law.
//!
//! Knows no statements: whoever wants a loop says what an iteration does.

use super::value::Leaf;
use super::{MAX_UNROLL, PSEUDO, R, Scope, Tracer, join};
use crate::ix;
use crate::nest::{Item, Kind, Loop, LoopId, Mem, MemId, NodeId, Op, Phi};
use circuit::gate::Bin;
use circuit::index::{Index, IndexOp};
use circuit::types::{Domain, Elem};

/// What an iteration does: given its number and the carried leaves, the next ones.
type Work<'w, 'p> = dyn FnMut(&mut Tracer<'p>, &Index, &[Leaf]) -> R<Vec<Leaf>> + 'w;

/// What a turn of a `while` does: given the carried leaves, the next ones.
type Turn<'w, 'p> = dyn FnMut(&mut Tracer<'p>, &[Leaf]) -> R<Vec<Leaf>> + 'w;

/// An index as a wire.
pub(super) const INDEX: Elem = Elem::Int { signed: true, bits: 64 };

impl<'p> Tracer<'p> {
    /// A loop of `trip` iterations over carried leaves. `mems` are the memories from outside that the body writes. The body
    /// is given the iteration's number and the leaves, and gives their next values. `work` may run more than once.
    pub(super) fn run_loop(
        &mut self,
        trip: &Index,
        rev: bool,
        carried: Vec<Leaf>,
        mems: &[MemId],
        work: &mut Work<'_, 'p>,
    ) -> R<Vec<Leaf>> {
        let trip = ix::norm(trip);
        if rev && carried.iter().any(|l| matches!(l, Leaf::I(_))) {
            let last = ix::sub(&trip, &Index::Const(1));
            let mut back = |s: &mut Self, t: &Index, c: &[Leaf]| work(s, &ix::sub(&last, t), c);
            return self.run_loop(&trip, false, carried, mems, &mut back);
        }
        let (_, max) = ix::interval(&trip, &self.nest.ranges);
        if max < 1 {
            return Ok(carried);
        }
        if trip.as_const() == Some(1) {
            return work(self, &Index::Const(0), &carried);
        }
        let pseudo = ix::vars(&trip).iter().any(|v| *v >= PSEUDO);
        let max = if pseudo { max.min(1 << 40) } else { max };
        if max > 1 << 48 {
            return self.report("E0404", "a loop whose number of iterations has no bound".into(), "");
        }
        self.trace_loop(Kind::For, &trip, max, rev, carried, mems, work)
    }
    /// A loop that runs as long as the first carried leaf, a clear truth value, holds; the others are wires. What `work` gives
    /// begins with whether there is another turn.
    pub(super) fn run_while(&mut self, carried: Vec<Leaf>, mems: &[MemId], work: &mut Turn<'_, 'p>) -> R<Vec<Leaf>> {
        let one = Index::Const(1);
        self.trace_loop(Kind::While, &one, 1, false, carried, mems, &mut |s, _, c| work(s, c))
    }
    #[allow(clippy::too_many_arguments)]
    fn trace_loop(
        &mut self,
        kind: Kind,
        trip: &Index,
        max: i64,
        rev: bool,
        mut carried: Vec<Leaf>,
        mems: &[MemId],
        work: &mut Work<'_, 'p>,
    ) -> R<Vec<Leaf>> {
        let mut mems = mems.to_vec();
        mems.extend(self.sticky);
        let mems = &mems[..];
        for m in mems {
            self.forget(*m);
        }
        let mut doms: Vec<Domain> = carried.iter().map(|l| self.leaf_domain(l)).collect();
        let mut laws: Vec<Option<Index>> = vec![None; carried.len()];
        let mut counts: Vec<Option<Count>> = vec![None; carried.len()];
        // Scalars that nothing in the body changes after all: whether that is so, once it was asked.
        let mut still: Vec<Option<bool>> = vec![None; carried.len()];
        loop {
            let saved = self.save();
            let l = self.nest.loops.len() as LoopId;
            let t = ix::var(l);
            let parent = self.here();
            let guard = self.top().guard.clone();
            let depth = self.nest.depth(parent) as u32;
            let span = self.span_number();
            self.nest.loops.push(Loop {
                kind,
                parent,
                depth,
                trip: trip.clone(),
                max: max as u64,
                rev,
                members: false,
                phis: vec![],
                guard: guard.clone(),
                span,
            });
            self.nest.ranges.push((0, max - 1));
            self.scopes.push(Scope {
                at: Some(l),
                guard,
                guarded: false,
                side: false,
                same: Default::default(),
                known: Default::default(),
                written: mems.iter().copied().collect(),
            });
            self.bodies.push(vec![]);
            // Carried values.
            let mut inner = Vec::new();
            let mut slots = Vec::new();
            for (k, leaf) in carried.iter().enumerate() {
                match leaf {
                    Leaf::N(init) => {
                        let init = *init;
                        let elem = self.nest.n(init).elem;
                        if still[k] == Some(true) {
                            inner.push(Leaf::N(init));
                            continue;
                        }
                        if let Some(count) = &counts[k] {
                            let steps = if rev { ix::sub(&ix::sub(trip, &Index::Const(1)), &t) } else { t.clone() };
                            let now = self.iota(&count.after(&steps), elem);
                            inner.push(Leaf::N(now));
                            continue;
                        }
                        let slot = slots.len() as u32;
                        let phi = self.fixed(Op::Phi(l, slot), vec![], elem);
                        self.nest.nodes[phi as usize].dom = doms[k];
                        slots.push((k, init, phi));
                        inner.push(Leaf::N(phi));
                    }
                    Leaf::I(_) => {
                        inner.push(Leaf::I(laws[k].clone().unwrap_or(ix::var(PSEUDO + k as u32))));
                    }
                    other => inner.push(other.clone()),
                }
            }
            let before: Vec<(Domain, u32)> =
                mems.iter().map(|m| (self.nest.mems[*m as usize].dom, self.reads[*m as usize])).collect();
            let next = work(self, &t, &inner)?;
            // Secret values come around: once more with what is known now.
            let mut again = false;
            for (k, _, _) in &slots {
                let Leaf::N(n) = next[*k] else { continue };
                let d = join(doms[*k], self.nest.n(n).dom);
                if d != doms[*k] {
                    doms[*k] = d;
                    again = true;
                }
            }
            for (k, leaf) in carried.iter().enumerate() {
                let (Leaf::N(init), Leaf::N(n)) = (leaf, &next[k]) else { continue };
                if still[k] == Some(true) && n != init {
                    still[k] = Some(false);
                    again = true;
                }
            }
            for (k, _, phi) in &slots {
                // The first carried value of a `while` is its condition.
                let condition = kind == Kind::While && *k == 0;
                if still[*k].is_none() && !condition && matches!(next[*k], Leaf::N(n) if n == *phi) {
                    still[*k] = Some(true);
                    again = true;
                }
            }
            let mut raised = Vec::new();
            for (m, (d, r)) in mems.iter().zip(before) {
                let now = self.nest.mems[*m as usize].dom;
                if now != d {
                    raised.push((*m, now));
                    again |= self.reads[*m as usize] != r;
                }
            }
            for (k, init, phi) in &slots {
                let Leaf::N(n) = next[*k] else { continue };
                if kind == Kind::For && n != *phi && doms[*k] == Domain::Clear && counts[*k].is_none() {
                    counts[*k] = self.counted(*init, *phi, n, l, max);
                    again |= counts[*k].is_some();
                }
            }
            let mut unroll = false;
            // Indices that come around as numbers of the run, or by no law, are wires.
            let mut wires = Vec::new();
            for (k, leaf) in carried.iter().enumerate() {
                if let (Leaf::I(_), Leaf::N(_)) = (leaf, &next[k]) {
                    wires.push(k);
                }
                if let (Leaf::I(first), Leaf::I(n), None) = (leaf, &next[k], &laws[k]) {
                    again = true;
                    match law(first, n, PSEUDO + k as u32, l) {
                        Some(e) => laws[k] = Some(e),
                        None => {
                            unroll = true;
                            wires.push(k);
                        }
                    }
                }
            }
            if let (true, Some(n)) = (unroll, trip.as_const().filter(|n| *n <= MAX_UNROLL)) {
                self.restore(saved);
                return self.unroll(n, rev, carried, work);
            }
            if !wires.is_empty() {
                self.restore(saved);
                for k in wires {
                    if let Leaf::I(e) = &carried[k] {
                        let e = e.clone();
                        carried[k] = Leaf::N(self.iota(&e, INDEX));
                    }
                }
                laws.fill(None);
                continue;
            }
            if again {
                self.restore(saved);
                for (m, d) in raised {
                    self.nest.mems[m as usize].dom = d;
                }
                continue;
            }
            // Close.
            let next: Vec<Leaf> = next
                .into_iter()
                .zip(&doms)
                .map(|(leaf, d)| match leaf {
                    Leaf::N(n) if *d == Domain::Secret => Leaf::N(self.secret(n)),
                    other => other,
                })
                .collect();
            self.scopes.pop();
            let body = self.bodies.pop().unwrap_or_default();
            let at = self.nest.depth(parent);
            // A carried local value that became secret on the way starts as a shared one.
            let mut inits = Vec::new();
            for (k, init, _) in &slots {
                inits.push(if doms[*k] == Domain::Secret { self.secret(*init) } else { *init });
            }
            self.bodies[at].push(Item::Loop(l, body));
            let mut out = next.clone();
            for (slot, ((k, _, phi), init)) in slots.iter().zip(inits).enumerate() {
                let Leaf::N(n) = next[*k] else { return self.internal("a scalar turned into something else") };
                if n == *phi {
                    // Not assigned with what is known here: the value from before.
                    self.nest.loops[l as usize].phis.push(Phi { phi: *phi, init, next: n, out: n });
                    out[*k] = Leaf::N(init);
                    let id = self.fixed(Op::Out(l, slot as u32), vec![init, n], self.nest.n(init).elem);
                    self.nest.nodes[id as usize].dom = doms[*k];
                    self.nest.loops[l as usize].phis[slot].out = id;
                    continue;
                }
                let elem = self.nest.n(init).elem;
                let id = self.fixed(Op::Out(l, slot as u32), vec![init, n], elem);
                self.nest.nodes[id as usize].dom = doms[*k];
                self.nest.loops[l as usize].phis.push(Phi { phi: *phi, init, next: n, out: id });
                out[*k] = Leaf::N(id);
            }
            let (min, _) = ix::interval(trip, &self.nest.ranges);
            let trip = if min < 0 { Index::bin(IndexOp::Max, trip.clone(), Index::Const(0)) } else { trip.clone() };
            for (k, law) in laws.iter().enumerate() {
                if let Some(e) = law {
                    out[k] = Leaf::I(ix::norm(&e.subst_var(circuit::LoopVar(l), &trip)));
                }
                if let (Some(count), Leaf::N(init)) = (&counts[k], &carried[k]) {
                    let elem = self.nest.n(*init).elem;
                    out[k] = Leaf::N(self.iota(&count.after(&trip), elem));
                }
            }
            for m in mems {
                self.forget(*m);
            }
            return Ok(out);
        }
    }
    /// Whether a carried public number grows by the same amount in each iteration of `l`: then its values need no carrying.
    fn counted(&self, init: NodeId, phi: NodeId, next: NodeId, l: LoopId, max: i64) -> Option<Count> {
        const FAR: i128 = 1 << 60;
        if self.nest.n(init).elem == Elem::Bool {
            return None;
        }
        let count = Count { first: self.number(init)?, step: ix::norm(&self.step(phi, next, 0)?) };
        if ix::vars(&count.step).iter().any(|v| *v >= l) {
            return None;
        }
        // Wrapping is no matter, for the number is reduced where it becomes a wire; the index itself must not overflow.
        let near =
            |(a, b): (i64, i64), by: i64| i128::from(a.unsigned_abs().max(b.unsigned_abs())) * i128::from(by) < FAR;
        let fits = near(ix::interval(&count.first, &self.nest.ranges), 1)
            && near(ix::interval(&count.step, &self.nest.ranges), max);
        fits.then_some(count)
    }
    /// A public number as an index that is equal to it modulo its width.
    fn number(&self, n: NodeId) -> Option<Index> {
        let node = self.nest.n(n);
        match &node.op {
            Op::Const(v) => i64::try_from(crate::fold::signed(*v, node.elem)).ok().map(Index::Const),
            Op::Iota(e) if !e.any_leaf(|l| matches!(l, Index::Var(v) if v.0 >= PSEUDO)) => Some(e.clone()),
            _ => None,
        }
    }
    /// The same, with the sign that makes it small: what is subtracted is added as its complement.
    fn change(&self, n: NodeId) -> Option<Index> {
        let node = self.nest.n(n);
        match node.op {
            Op::Const(v) => {
                let signed = Elem::Int { signed: true, bits: node.elem.bits() };
                i64::try_from(crate::fold::signed(v, signed)).ok().map(Index::Const)
            }
            _ => self.number(n),
        }
    }
    /// By how much `n` is greater than `from`, modulo the width, if it is that plus numbers.
    fn step(&self, from: NodeId, n: NodeId, deep: usize) -> Option<Index> {
        if n == from {
            return Some(Index::Const(0));
        }
        let node = self.nest.n(n);
        if deep > 24 || node.dom != Domain::Clear {
            return None;
        }
        match (&node.op, &node.args[..]) {
            (Op::Bin(Bin::Add), [a, b]) => match (self.change(*a), self.change(*b)) {
                (_, Some(c)) => Some(ix::add(&self.step(from, *a, deep + 1)?, &c)),
                (Some(c), _) => Some(ix::add(&self.step(from, *b, deep + 1)?, &c)),
                _ => None,
            },
            (Op::Bin(Bin::Sub), [a, b]) => Some(ix::sub(&self.step(from, *a, deep + 1)?, &self.change(*b)?)),
            // Through a loop inside: what it adds in each of its iterations.
            (Op::Out(l, slot), _) => {
                let inner = &self.nest.loops[*l as usize];
                if inner.kind != Kind::For {
                    return None;
                }
                let p = inner.phis[*slot as usize];
                let each = ix::norm(&self.step(p.phi, p.next, deep + 1)?);
                if ix::vars(&each).iter().any(|v| v >= l) || ix::interval(&inner.trip, &self.nest.ranges).0 < 0 {
                    return None;
                }
                Some(ix::add(&self.step(from, p.init, deep + 1)?, &ix::mul(&each, &inner.trip)))
            }
            _ => None,
        }
    }
    fn unroll(&mut self, n: i64, rev: bool, mut carried: Vec<Leaf>, work: &mut Work<'_, 'p>) -> R<Vec<Leaf>> {
        for k in 0..n {
            let t = if rev { n - 1 - k } else { k };
            carried = work(self, &Index::Const(t), &carried)?;
        }
        Ok(carried)
    }

    pub(super) fn save(&self) -> Saved {
        Saved {
            nodes: self.nest.nodes.len(),
            mems: self.nest.mems.clone(),
            reads: self.reads.clone(),
            loops: self.nest.loops.len(),
            choices: self.nest.choices.len(),
            branches: self.branches,
            selected: self.selected.len(),
            ats: self.nest.ats.len(),
            blocks: self.blocks.len(),
            scopes: self.scopes.len(),
            bodies: self.bodies.iter().map(Vec::len).collect(),
            sites: self.sites,
            findings: self.findings.len(),
        }
    }
    pub(super) fn restore(&mut self, s: Saved) {
        self.nest.nodes.truncate(s.nodes);
        self.place.truncate(s.nodes);
        self.nest.mems = s.mems;
        self.reads = s.reads;
        self.nest.loops.truncate(s.loops);
        self.nest.ranges.truncate(s.loops);
        self.nest.choices.truncate(s.choices);
        self.branches = s.branches;
        self.selected.truncate(s.selected);
        self.nest.ats.truncate(s.ats);
        self.blocks.truncate(s.blocks);
        self.scopes.truncate(s.scopes);
        self.bodies.truncate(s.bodies.len());
        for (b, n) in self.bodies.iter_mut().zip(s.bodies) {
            b.truncate(n);
        }
        let n = s.nodes as NodeId;
        for scope in &mut self.scopes {
            scope.same.retain(|_, v| *v < n);
            scope.known.clear();
        }
        let loops = s.loops as LoopId;
        self.checked.retain(|k, _| k.2.is_none_or(|l| l < loops));
        self.shares.retain(|_, v| *v < n);
        self.dead.retain(|v| *v < n);
        self.sites = s.sites;
        self.findings.truncate(s.findings);
    }
}

/// A carried number in closed form.
#[derive(Clone)]
struct Count {
    first: Index,
    step: Index,
}

impl Count {
    /// Its value after so many iterations.
    fn after(&self, iterations: &Index) -> Index {
        ix::norm(&ix::add(&self.first, &ix::mul(&self.step, iterations)))
    }
}

/// A point of tracing to go back to.
pub(super) struct Saved {
    nodes: usize,
    mems: Vec<Mem>,
    reads: Vec<u32>,
    loops: usize,
    choices: usize,
    branches: u32,
    selected: usize,
    ats: usize,
    blocks: usize,
    scopes: usize,
    bodies: Vec<usize>,
    sites: u32,
    findings: usize,
}

/// A carried index in closed form, in the loop's variable: `next` is its next value, `pseudo` stands for it.
fn law(first: &Index, next: &Index, pseudo: u32, l: LoopId) -> Option<Index> {
    let (k, t) = (ix::var(pseudo), ix::var(l));
    let vs = ix::vars(next);
    if *next == k {
        return Some(first.clone());
    }
    if !vs.contains(&pseudo) {
        if vs.iter().any(|v| *v >= PSEUDO || *v > l) {
            return None;
        }
        let before = ix::norm(&next.subst_var(circuit::LoopVar(l), &ix::sub(&t, &Index::Const(1))));
        if ix::norm(&before.subst_var(circuit::LoopVar(l), &Index::Const(0))) == *first {
            return Some(before);
        }
        let start = Index::bin(IndexOp::Eq, t.clone(), Index::Const(0));
        let rest = Index::bin(IndexOp::Ne, t, Index::Const(0));
        return Some(ix::add(&ix::mul(&start, first), &ix::mul(&rest, &before)));
    }
    let c = ix::sub(next, &k);
    let free = |e: &Index| !ix::vars(e).iter().any(|v| *v >= l);
    if free(&c) {
        return Some(ix::add(first, &ix::mul(&c, &t)));
    }
    let by = |op, m: i64| {
        let amount = ix::scale(&t, m);
        Some(Index::bin(op, first.clone(), amount))
    };
    match next {
        Index::Bin(op @ (IndexOp::Mul | IndexOp::Div), a, b) if **a == k => {
            let c = b.as_const().filter(|c| *c > 0 && c.count_ones() == 1)?;
            let nonneg = first.as_const().is_some_and(|f| f >= 0);
            let op = if *op == IndexOp::Mul { IndexOp::Shl } else { IndexOp::Shr };
            if nonneg { by(op, c.trailing_zeros() as i64) } else { None }
        }
        Index::Bin(op @ (IndexOp::Shl | IndexOp::Shr), a, b) if **a == k => {
            let c = b.as_const().filter(|c| *c >= 0)?;
            by(*op, c)
        }
        _ => None,
    }
}
