//! Reductions over lanes: sums and their kin, counts, inner products, matrix products, first extremes, accumulation into
//! elements of a memory.

use super::{Batch, E, Emit, State};
use crate::ix;
use crate::nest::{LoopId, NodeId, Op};
use crate::reduce::{Reduction, Term, counted, gate};
use circuit::gate::{Bin, Op as Gate, Red};
use circuit::index::{Index, Len};
use circuit::types::{Elem, WireId, WireTy};

impl Emit<'_> {
    pub(super) fn reduction(&mut self, r: &Reduction) -> E<()> {
        match r {
            Reduction::Scalar { l, phi, op, terms } => self.scalar(*l, *phi, op, terms),
            Reduction::Arg { l, max, last, key, payloads } => self.arg(*l, *max, *last, *key, payloads),
            Reduction::Memory { l, store, at, op, terms } => self.memory(*l, *store, at, op, terms),
        }
    }

    fn scalar(&mut self, l: LoopId, phi: NodeId, op: &Op, terms: &[Term]) -> E<()> {
        let nest = self.nest;
        let lp = &nest.loops[l as usize];
        let Some(p) = lp.phis.iter().find(|p| p.phi == phi).copied() else {
            return Err("no such carried value".into());
        };
        self.span(p.next);
        let mut acc = if self.absorbed.contains(&l) { None } else { Some(self.wire(p.init)?) };
        for t in terms {
            let over: Vec<LoopId> = nest.path(Some(t.at)).into_iter().filter(|x| nest.within(Some(*x), l)).collect();
            let (w, b, _) = self.term(t, op, &over, &[], &lp.guard)?;
            acc = Some(self.combine(acc, (w, b), op, t.neg, &lp.guard)?);
        }
        let acc = acc.ok_or("a sum of nothing")?;
        self.finals.insert(phi, acc);
        Ok(())
    }
    /// `acc ⊕ w`, over the loops that either varies over.
    pub(super) fn combine(
        &mut self,
        acc: Option<(WireId, Batch)>,
        (w, b): (WireId, Batch),
        op: &Op,
        neg: bool,
        guard: &[Index],
    ) -> E<(WireId, Batch)> {
        let elem = self.elem(w);
        let identity = crate::fold::identity(op, elem).ok_or("an operation without a neutral element")?;
        let both = match &acc {
            Some((_, a)) => self.union(&[a, &b]),
            None => self.closed(b.dims.iter().copied()),
        };
        let to = self.batch(both, guard);
        let w = self.convert_fill(w, &b, &to, identity)?;
        let Some((a, ab)) = acc else { return Ok((w, to)) };
        let neutral = self.consts.get(&a) == Some(&identity);
        if neutral && !neg {
            return Ok((w, to));
        }
        let a = self.convert(a, &ab, &to)?;
        let op = if neg { Op::Bin(Bin::Sub) } else { op.clone() };
        Ok((self.operate(&op, &[a, w], elem)?, to))
    }

    /// A term reduced over the loops `over`; `keep` are loops that the result must vary over. The flag says whether the
    /// result has a lane for each point of the loops' box.
    pub(super) fn term(
        &mut self,
        t: &Term,
        op: &Op,
        over: &[LoopId],
        keep: &[LoopId],
        outer: &[Index],
    ) -> E<(WireId, Batch, bool)> {
        let nest = self.nest;
        let extra: Vec<Index> = t.guard.iter().filter(|g| !outer.contains(g)).cloned().collect();
        let mut dims: Vec<LoopId> = keep.to_vec();
        let mut batches = vec![self.wire(t.value)?.1];
        for (m, _) in &t.masks {
            batches.push(self.wire(*m)?.1);
        }
        for b in &batches {
            dims.extend(b.dims.iter().copied().filter(|l| self.lane_loop(*l)));
        }
        for g in &extra {
            dims.extend(self.lane_vars(g));
        }
        dims.extend(over.iter().copied());
        let around: Vec<LoopId> = self.closed(dims).into_iter().filter(|l| !over.contains(l)).collect();
        let mut all = around.clone();
        all.extend(over);
        let full = self.batch(all, &t.guard);
        let elem = nest.n(t.value).elem;
        let red = gate(op).ok_or("no reduction gate")?;
        let identity = crate::fold::identity(op, elem).ok_or("no neutral element")?;

        // Groups of equal size: nothing inside depends on what is around.
        let inner = Batch { dims: over.to_vec(), guard: vec![], boxed: false };
        let even = around.is_empty()
            || (!full.guard.iter().any(|g| self.lane_vars(g).iter().any(|v| over.contains(v)))
                && over
                    .iter()
                    .all(|l| !self.lane_vars(&nest.loops[*l as usize].trip).iter().any(|v| around.contains(v))));
        let ctx_guard: Vec<Index> =
            full.guard.iter().filter(|g| !self.lane_vars(g).iter().any(|v| over.contains(v))).cloned().collect();
        let ctx = self.batch(around.clone(), &ctx_guard);

        if even {
            let group = if around.is_empty() { self.len(&full)? } else { self.len(&inner)? };
            if t.masks.is_empty()
                && red == Red::Add
                && let Some((w, b)) = self.product(t.value, &around, over, &full, &group)?
            {
                return Ok((w, b, false));
            }
            let out_len = self.len(&ctx)?;
            if let (true, Some(x)) = (red == Red::Add && t.masks.is_empty(), self.counted(t.value)) {
                let w = self.wire_in(x, &full)?;
                let want = WireTy { domain: self.b.ty(w).domain, elem, len: out_len };
                return Ok((self.gate_want(Gate::Reduce { red: Red::Count, group }, &[w], Some(want))?, ctx, false));
            }
            let w = self.masked(t, &full, identity, elem)?;
            if group == Len::ONE {
                return Ok((w, ctx, false));
            }
            // The same by way of an array: a product or a truth value that was stored and is summed.
            if let (Red::Add, Some((x, y))) = (red, self.products.get(&w).copied()) {
                let want = WireTy { len: out_len, ..self.b.ty(w).clone() };
                return Ok((self.gate_want(Gate::Dot { group }, &[x, y], Some(want))?, ctx, false));
            }
            if let (Red::Add, Some(x)) = (red, self.widened.get(&w).copied()) {
                let want = WireTy { domain: self.b.ty(x).domain, elem, len: out_len };
                return Ok((self.gate_want(Gate::Reduce { red: Red::Count, group }, &[x], Some(want))?, ctx, false));
            }
            let want = WireTy { len: out_len, ..self.b.ty(w).clone() };
            return Ok((self.gate_want(Gate::Reduce { red, group }, &[w], Some(want))?, ctx, false));
        }
        // Ragged groups: padded by the neutral element after all work.
        let (w, counts) = match (red == Red::Add && t.masks.is_empty(), self.counted(t.value)) {
            (true, Some(x)) => (self.wire_in(x, &full)?, true),
            _ => (self.masked(t, &full, identity, elem)?, false),
        };
        let (w, _) = self.boxed(w, &full, if counts { 0 } else { identity })?;
        let group = Len::Const(self.box_size(over)?);
        let out = Len::Const(self.box_size(&around)?);
        let b = Batch { dims: around, guard: vec![], boxed: true };
        let red = if counts { Red::Count } else { red };
        let want = WireTy { domain: self.b.ty(w).domain, elem, len: out };
        Ok((self.gate_want(Gate::Reduce { red, group }, &[w], Some(want))?, b, true))
    }
    /// The truth value that a term widens, if there is a wire of it.
    fn counted(&self, n: NodeId) -> Option<NodeId> {
        counted(self.nest, n).filter(|x| self.wires.get(*x).is_some())
    }
    fn masked(&mut self, t: &Term, b: &Batch, identity: u128, elem: Elem) -> E<WireId> {
        let mut w = self.wire_in(t.value, b)?;
        for (c, want) in t.masks.iter().rev() {
            let c = self.wire_in(*c, b)?;
            let len = self.len(b)?;
            let k = self.constant(identity, elem, len)?;
            let args = if *want { [c, w, k] } else { [c, k, w] };
            w = self.gate(Gate::Select, &args)?;
        }
        Ok(w)
    }
    /// A sum of products: one gate.
    fn product(
        &mut self,
        value: NodeId,
        around: &[LoopId],
        over: &[LoopId],
        full: &Batch,
        group: &Len,
    ) -> E<Option<(WireId, Batch)>> {
        let node = self.nest.n(value);
        if node.op != Op::Bin(Bin::Mul) {
            return Ok(None);
        }
        let (x, y) = (node.args[0], node.args[1]);
        // The factors may have been inside of a loop that stays one.
        if self.wires.get(x).is_none() || self.wires.get(y).is_none() {
            return Ok(None);
        }
        let ctx = Batch { dims: around.to_vec(), guard: full.guard.clone(), boxed: false };
        if let ([k], true, true) = (over, full.guard.is_empty(), self.full(&full.dims) && self.rect(&full.dims)) {
            let own = |s: &Self, n: NodeId| -> E<Vec<LoopId>> {
                Ok(s.wire(n)?.1.dims.into_iter().filter(|l| s.lane_loop(*l) && around.contains(l)).collect())
            };
            let (dx, dy) = (own(self, x)?, own(self, y)?);
            let both: Vec<LoopId> = around.iter().copied().filter(|l| dx.contains(l) && dy.contains(l)).collect();
            let only_x: Vec<LoopId> = dx.iter().copied().filter(|l| !dy.contains(l)).collect();
            let only_y: Vec<LoopId> = dy.iter().copied().filter(|l| !dx.contains(l)).collect();
            if !only_x.is_empty() && !only_y.is_empty() {
                let place = |l: &LoopId| around.iter().position(|x| x == l);
                let x_first = only_x.iter().map(place).min() < only_y.iter().map(place).min();
                let (x, y, rows, cols) = if x_first { (x, y, only_x, only_y) } else { (y, x, only_y, only_x) };
                let order: Vec<LoopId> = both.iter().chain(&rows).chain(&cols).copied().collect();
                if order == around {
                    let xb: Vec<LoopId> = both.iter().chain(&rows).chain([k]).copied().collect();
                    let yb: Vec<LoopId> = both.iter().chain([k]).chain(&cols).copied().collect();
                    let (m, n) = (self.box_size(&rows)?, self.box_size(&cols)?);
                    let x = self.wire_in(x, &Batch { dims: xb, guard: vec![], boxed: false })?;
                    let y = self.wire_in(y, &Batch { dims: yb, guard: vec![], boxed: false })?;
                    let k = self.nest.loops[*k as usize].max;
                    return Ok(Some((self.gate(Gate::MatMul { m, k, n }, &[x, y])?, ctx)));
                }
            }
        }
        let (x, y) = (self.wire_in(x, full)?, self.wire_in(y, full)?);
        let ctx_guard: Vec<Index> =
            full.guard.iter().filter(|g| !self.lane_vars(g).iter().any(|v| over.contains(v))).cloned().collect();
        let ctx = self.batch(ctx.dims, &ctx_guard);
        let len = self.len(&ctx)?;
        let want = WireTy { len, ..self.b.ty(x).clone() };
        let secret = self.b.ty(y).domain;
        let want = if want.domain == circuit::Domain::Clear { WireTy { domain: secret, ..want } } else { want };
        Ok(Some((self.gate_want(Gate::Dot { group: group.clone() }, &[x, y], Some(want))?, ctx)))
    }

    fn memory(&mut self, l: LoopId, store: NodeId, at: &Index, op: &Op, terms: &[Term]) -> E<()> {
        self.span(store);
        let nest = self.nest;
        let node = nest.n(store);
        let m = nest.mem_of(store).ok_or("no memory")?;
        let of = ix::vars(at);
        let path: Vec<LoopId> = nest.path(node.at).into_iter().filter(|x| nest.within(Some(*x), l)).collect();
        let (mut keep, mut over): (Vec<LoopId>, Vec<LoopId>) = path.iter().partition(|x| of.contains(x));
        keep.extend(of.iter().copied().filter(|v| self.lane_loop(*v)));
        let above = nest.path(node.at).into_iter().filter(|x| !path.contains(x) && self.skips(*x));
        keep.extend(above);
        keep.extend(self.state_dims(m).into_iter().filter(|x| self.lane_loop(*x)));
        // Conditions on lanes around: where they do not hold nothing is stored. Where the loops summed over decide too, a sum
        // over all is the sum of the one iteration around that has any (or it would not be lanes).
        for g in node.guard.iter() {
            let vars = self.lane_vars(g);
            let mixed = vars.iter().any(|v| over.contains(v));
            for v in vars {
                if !keep.contains(&v) && !over.contains(&v) {
                    if mixed { over.insert(0, v) } else { keep.push(v) }
                }
            }
        }
        let keep = self.closed(keep);
        if keep.iter().any(|k| over.contains(k)) {
            return Err("an element's place depends on what is summed over".into());
        }
        // What decides whether anything is stored at all.
        let outer: Vec<Index> =
            node.guard.iter().filter(|g| self.lane_vars(g).iter().all(|v| keep.contains(v))).cloned().collect();
        let elem = nest.mems[m as usize].elem;
        let identity = crate::fold::identity(op, elem).ok_or("no neutral element")?;
        let fresh = matches!(self.mems.get(&m), Some(State::Fill(v)) if *v == identity);
        let mut acc: Option<(WireId, Batch)> = None;
        for t in terms {
            let (w, b, _) = self.term(t, op, &over, &keep, &outer)?;
            if acc.is_none() && (!fresh || t.neg) {
                let to = self.batch(self.closed(b.dims.iter().copied().chain(keep.iter().copied())), &outer);
                let old = self.read(m, at, &to)?;
                acc = Some((old, to));
            }
            acc = Some(self.combine(acc, (w, b), op, t.neg, &outer)?);
        }
        let (w, b) = acc.ok_or("a sum of nothing")?;
        let to = self.batch_all(self.closed(b.dims.iter().copied().chain(keep)), &outer);
        let w = self.convert_fill(w, &b, &to, identity)?;
        self.write(m, at, w, &to)
    }

    fn arg(&mut self, l: LoopId, max: bool, last: bool, key: (NodeId, NodeId), payloads: &[(NodeId, NodeId)]) -> E<()> {
        let nest = self.nest;
        let lp = &nest.loops[l as usize];
        self.span(key.1);
        let mut dims = vec![];
        for v in payloads.iter().map(|p| p.1).chain([key.1]) {
            dims.extend(self.wire(v)?.1.dims.into_iter().filter(|x| self.lane_loop(*x)));
        }
        dims.extend(self.lane_vars(&lp.trip));
        let ctx: Vec<LoopId> = self.closed(dims).into_iter().filter(|x| *x != l).collect();
        let mut all = ctx.clone();
        all.push(l);
        let guard: Vec<Index> = lp.guard.iter().filter(|g| !self.lane_vars(g).is_empty()).cloned().collect();
        let full = self.batch(all, &guard);
        let ctx = self.batch(ctx, &guard);
        let uneven = self.lane_vars(&lp.trip).iter().any(|v| ctx.dims.contains(v));
        if uneven {
            return Err("a search among rows of different lengths".into());
        }
        let group = if ctx.dims.is_empty() {
            self.len(&full)?
        } else {
            self.len(&Batch { dims: vec![l], guard: vec![], boxed: false })?
        };
        let mut args = vec![self.wire_in(key.1, &full)?];
        for p in payloads {
            args.push(self.wire_in(p.1, &full)?);
        }
        if last != lp.rev {
            // The gate takes the first lane of equal keys: turn the lanes around.
            let rank = self.rank(&full).ok_or("a search over guarded lanes from the last")?;
            let back = ix::sub(&ix::sub(&lp.trip, &Index::Const(1)), &ix::var(l));
            let rank = ix::norm(&rank.subst_var(circuit::LoopVar(l), &back));
            for a in &mut args {
                *a = self.gather(*a, &full, &rank)?;
            }
        }
        let len = self.len(&ctx)?;
        let domain = self.b.ty(args[0]).domain;
        let want: Vec<WireTy> = args
            .iter()
            .map(|a| {
                let t = self.b.ty(*a).clone();
                let d = if domain == circuit::Domain::Clear { t.domain } else { domain };
                WireTy { domain: d, len: len.clone(), ..t }
            })
            .collect();
        let outs = self.gates(Gate::ArgReduce { max, group }, &args, &want)?;
        let phis: Vec<NodeId> = [key.0].into_iter().chain(payloads.iter().map(|p| p.0)).collect();
        if self.absorbed.contains(&l) {
            for (p, w) in phis.iter().zip(outs) {
                self.finals.insert(*p, (w, ctx.clone()));
            }
            return Ok(());
        }
        let init = |p: NodeId| lp.phis.iter().find(|q| q.phi == p).map(|q| q.init).ok_or("no such carried value");
        let mut batches = vec![ctx.clone()];
        for p in &phis {
            batches.push(self.wire(init(*p)?)?.1);
        }
        let all = self.union(&batches.iter().collect::<Vec<_>>());
        let to = self.batch(all, &lp.guard);
        let first = self.wire_in(init(key.0)?, &to)?;
        let best = self.convert(outs[0], &ctx, &to)?;
        let c = self.gate(Gate::Bin(Bin::Lt), &if max != last { [first, best] } else { [best, first] })?;
        for (p, w) in phis.iter().zip(outs) {
            let w = self.convert(w, &ctx, &to)?;
            let i = self.wire_in(init(*p)?, &to)?;
            let w = self.gate(Gate::Select, &if last { [c, i, w] } else { [c, w, i] })?;
            self.finals.insert(*p, (w, to.clone()));
        }
        Ok(())
    }
}
