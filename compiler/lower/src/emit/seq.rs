//! Loops that stay loops: carried wires in, one iteration's work, carried wires out.

use super::{Batch, E, Emit, State};
use crate::ix;
use crate::nest::{LoopId, MemId, NodeId, Op};
use circuit::gate::{Bin, Op as Gate};
use circuit::index::{Index, Len};
use circuit::types::{Domain, SpanId, WireId, WireTy};

pub(super) fn join(a: Domain, b: Domain) -> Domain {
    if a == b || b == Domain::Clear {
        a
    } else if a == Domain::Clear {
        b
    } else {
        Domain::Secret
    }
}

enum Carry {
    Phi(crate::nest::Phi),
    Mem(MemId, Vec<LoopId>),
    /// A value collected for whoever reads it after the loop.
    Export(NodeId, Vec<LoopId>),
    /// The last value of something that nobody reads on the way.
    Last(crate::nest::Phi),
}

impl Emit<'_> {
    /// A loop, or a `while`; `body` emits what happens in an iteration.
    pub(super) fn sequential(
        &mut self,
        l: LoopId,
        nodes: &[NodeId],
        body: &mut dyn FnMut(&mut Self) -> E<()>,
    ) -> E<()> {
        let nest = self.nest;
        let lp = &nest.loops[l as usize];
        let inside: rustc_hash::FxHashSet<NodeId> = nodes.iter().copied().collect();
        let around: Vec<LoopId> = nest.path(lp.parent).into_iter().filter(|x| self.lane_loop(*x)).collect();
        let around = self.closed(around);
        let outer = self.batch(around.clone(), &lp.guard);
        // Values from before whose lanes have no closed place: over the box of their loops they have one.
        for n in nodes {
            let mut uses = nest.n(*n).args.clone();
            if let Op::Phi(x, s) = nest.n(*n).op {
                let p = nest.loops[x as usize].phis[s as usize];
                uses.extend([p.init, p.next]);
            }
            if let Op::Out(x, s) = nest.n(*n).op {
                let phi = nest.loops[x as usize].phis[s as usize].phi;
                if let Some((w, b)) = self.finals.get(&phi).cloned()
                    && !inside.contains(&phi)
                    && b.dims.contains(&l)
                    && self.rank(&b).is_none()
                {
                    let boxed = self.boxed(w, &b, 0)?;
                    self.finals.insert(phi, boxed);
                }
            }
            // A sum of products takes the factors, wherever the product stands.
            for k in 0..uses.len() {
                if nest.n(uses[k]).op == Op::Bin(Bin::Mul) {
                    uses.extend(&nest.n(uses[k]).args);
                }
            }
            for a in uses {
                let Some((w, b)) = self.wires.get(a).map(|(w, b)| (w, b.clone())) else { continue };
                if !inside.contains(&a) && b.dims.contains(&l) && self.rank(&b).is_none() {
                    let boxed = self.boxed(w, &b, 0)?;
                    self.wires.insert(a, boxed.0, boxed.1);
                }
            }
        }
        let mut carry: Vec<(Carry, WireId, WireTy)> = Vec::new();
        for p in &lp.phis {
            if inside.contains(&p.phi) {
                let init = self.wire_in(p.init, &outer)?;
                let ty = self.b.ty(init).clone();
                let ty = WireTy { domain: join(ty.domain, nest.n(p.phi).dom), ..ty };
                carry.push((Carry::Phi(*p), init, ty));
            } else if (inside.contains(&p.next) || !nest.counted(l))
                && self.live.contains(&p.out)
                && !self.live.contains(&p.phi)
            {
                // (Of a `while` also what is made before it: whether it turns at all decides.)
                // Where there surely is an iteration, the first value is as good as any.
                let init = if nest.skips(l) {
                    self.wire_in(p.init, &outer)?
                } else {
                    let len = self.len(&outer)?;
                    self.constant(0, nest.n(p.out).elem, len)?
                };
                let ty = self.b.ty(init).clone();
                let ty = WireTy { domain: join(ty.domain, nest.n(p.out).dom), ..ty };
                carry.push((Carry::Last(*p), init, ty));
            }
        }
        let mut mems: Vec<MemId> = Vec::new();
        for n in nodes {
            if nest.writes(*n)
                && let Some(m) = nest.mem_of(*n)
                && !mems.contains(&m)
                && !nest.mems[m as usize].at.is_some_and(|a| nest.within(Some(a), l))
            {
                mems.push(m);
            }
        }
        for m in mems {
            let want = self.private(m);
            let w = self.state(m, &want)?;
            self.mems.insert(m, State::Wire(w, want.clone()));
            let mut ty = self.b.ty(w).clone();
            for n in nodes {
                if nest.writes(*n) && nest.mem_of(*n) == Some(m) {
                    for a in &nest.n(*n).args[..1.min(nest.n(*n).args.len())] {
                        ty.domain = join(ty.domain, nest.n(*a).dom);
                    }
                }
            }
            carry.push((Carry::Mem(m, want), w, ty));
        }
        for n in nodes {
            let node = nest.n(*n);
            if nest.writes(*n) {
                continue;
            }
            let outside = self.users.get(n).is_some_and(|us| {
                us.iter().any(|u| !inside.contains(u) && !matches!(nest.n(*u).op, Op::Out(x, _) if x == l))
            });
            if !outside {
                continue;
            }
            let mut dims: Vec<LoopId> = nest.path(node.at).into_iter().filter(|x| self.lane_loop(*x)).collect();
            if !dims.contains(&l) {
                dims.push(l);
            }
            self.sort(&mut dims);
            let size = self.box_size(&dims)?;
            let init = self.constant(0, node.elem, Len::Const(size))?;
            let ty = WireTy { domain: node.dom, elem: node.elem, len: Len::Const(size) };
            carry.push((Carry::Export(*n, dims), init, ty));
        }

        let inits: Vec<WireId> = carry.iter().map(|c| c.1).collect();
        let tys: Vec<WireTy> = carry.iter().map(|c| c.2.clone()).collect();
        let var = if nest.counted(l) { Some((self.b.loop_var(), self.coords(&lp.trip, &[])?)) } else { None };
        let cond = if var.is_none() {
            // The condition was computed at the end of the iteration before.
            let (cond, params) = self.b.begin(&tys);
            self.b.end(params[..1].to_vec());
            Some(cond)
        } else {
            None
        };
        let (region, params) = self.b.begin(&tys);
        if let Some((var, trip)) = &var {
            let k = var.0 as usize;
            self.var_ranges.resize(self.var_ranges.len().max(k + 1), (0, 0));
            self.var_ranges[k] = (0, lp.max as i64 - 1);
            self.var_trips.resize(self.var_ranges.len(), Index::Const(1));
            self.var_trips[k] = trip.clone();
            self.seq.insert(l, *var);
        }
        self.same.push(Default::default());
        self.made.push(vec![]);
        let mut collectors: Vec<Option<WireId>> = Vec::new();
        for ((c, _, _), w) in carry.iter().zip(&params) {
            collectors.push(None);
            match c {
                Carry::Phi(p) => self.register(p.phi, *w, outer.clone()),
                Carry::Mem(m, dims) => {
                    self.mems.insert(*m, State::Wire(*w, dims.clone()));
                }
                Carry::Export(..) | Carry::Last(_) => {
                    if let Some(c) = collectors.last_mut() {
                        *c = Some(*w);
                    }
                }
            }
        }
        body(self)?;
        let mut results = Vec::new();
        for ((c, _, _), base) in carry.iter().zip(&collectors) {
            results.push(match c {
                Carry::Phi(p) | Carry::Last(p) => self.wire_in(p.next, &outer)?,
                Carry::Mem(m, dims) => {
                    let w = self.state(*m, dims)?;
                    if self.state_dims(*m) != *dims && !dims.is_empty() {
                        return Err("a memory grew in a loop".into());
                    }
                    w
                }
                Carry::Export(n, dims) => {
                    let (w, from) = self.wire(*n)?;
                    let lanes: Vec<LoopId> = dims.iter().copied().filter(|x| *x != l).collect();
                    let b = self.batch(lanes, &nest.n(*n).guard);
                    let w = self.convert(w, &from, &b)?;
                    let at = self.box_rank(dims);
                    let index = self.coords(&at, &b.dims)?;
                    let space = self.space(&b)?;
                    let (space, _) = self.len_of(space)?;
                    let base = base.ok_or("no collector")?;
                    self.gate(Gate::Scatter { space, index }, &[base, w])?
                }
            });
        }
        self.b.end(results);
        self.seq.remove(&l);
        self.same.pop();
        for n in self.made.pop().unwrap_or_default() {
            self.wires.remove(n);
            self.sources.remove(&n);
        }
        self.finals.retain(|phi, _| !inside.contains(phi));
        // What was made for memories that live inside is gone with it.
        let gone: Vec<MemId> = self
            .mems
            .keys()
            .copied()
            .filter(|m| nest.mems[*m as usize].at.is_some_and(|a| nest.within(Some(a), l)))
            .collect();
        for m in gone {
            self.mems.remove(&m);
        }
        let gate = match (var, cond) {
            (Some((var, trip)), _) => {
                if let Some(n) = nodes.first() {
                    self.span(*n);
                }
                let (lo, hi, step) = if lp.rev {
                    (ix::sub(&trip, &Index::Const(1)), Index::Const(-1), -1)
                } else {
                    (Index::Const(0), trip, 1)
                };
                Gate::Loop { var, lo, hi, step, body: region }
            }
            (None, Some(cond)) => {
                self.b.span = SpanId(lp.span);
                Gate::While { cond, body: region }
            }
            (None, None) => return Err("a loop that is none".into()),
        };
        let outs = self.gates(gate, &inits, &tys)?;
        for ((c, _, _), w) in carry.into_iter().zip(outs) {
            match c {
                Carry::Phi(p) | Carry::Last(p) => {
                    self.finals.insert(p.phi, (w, outer.clone()));
                }
                Carry::Mem(m, dims) => {
                    self.mems.insert(m, State::Wire(w, dims));
                }
                Carry::Export(n, dims) => self.register(n, w, Batch { dims, guard: vec![], boxed: true }),
            }
        }
        Ok(())
    }
}
