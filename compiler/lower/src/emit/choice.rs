//! Choices of what runs: two regions of which the run takes one. Knows nothing of what they do.

use super::{Batch, E, Emit, State};
use crate::nest::{MemId, NodeId};
use circuit::gate::Op as Gate;
use circuit::types::{SpanId, WireTy};

impl Emit<'_> {
    /// A run-time choice; `side` emits what happens in one of its sides. `nodes` are those of both, and what comes out.
    pub(super) fn choice(
        &mut self,
        k: u32,
        nodes: &[NodeId],
        side: &mut dyn FnMut(&mut Self, usize) -> E<()>,
    ) -> E<()> {
        let nest = self.nest;
        let choice = &nest.choices[k as usize];
        let cond = self.wire_in(choice.cond, &Batch::default())?;
        let inside = |m: MemId| choice.sides.iter().any(|l| nest.within(nest.mems[m as usize].at, *l));
        // Memories of outside that a side writes come out as they are then.
        let mut mems = Vec::new();
        for n in nodes {
            if nest.writes(*n)
                && let Some(m) = nest.mem_of(*n)
                && !inside(m)
                && !mems.iter().any(|(x, _)| *x == m)
            {
                let want = self.private(m);
                let w = self.state(m, &want)?;
                self.mems.insert(m, State::Wire(w, want.clone()));
                mems.push((m, want));
            }
        }
        let joins: Vec<NodeId> = choice.joins.iter().copied().filter(|j| self.live.contains(j)).collect();
        let before = self.mems.clone();
        let mut regions = Vec::new();
        let mut tys: Vec<WireTy> = Vec::new();
        for j in 0..2 {
            let (region, _) = self.b.begin(&[]);
            self.same.push(Default::default());
            self.made.push(vec![]);
            side(self, j)?;
            let mut results = Vec::new();
            for (m, want) in &mems {
                let w = self.state(*m, want)?;
                if self.state_dims(*m) != *want {
                    return Err("a memory grew in a choice".into());
                }
                results.push(w);
            }
            for n in &joins {
                results.push(self.wire_in(nest.n(*n).args[1 + j], &Batch::default())?);
            }
            for (at, w) in results.iter().enumerate() {
                let ty = self.b.ty(*w).clone();
                match tys.get_mut(at) {
                    Some(t) => t.domain = super::seq::join(t.domain, ty.domain),
                    None => tys.push(ty),
                }
            }
            self.b.end(results);
            self.same.pop();
            for n in self.made.pop().unwrap_or_default() {
                self.wires.remove(n);
                self.sources.remove(&n);
            }
            self.finals.retain(|phi, _| !choice.sides.iter().any(|l| nest.within(nest.n(*phi).at, *l)));
            self.mems = before.clone();
            regions.push(region);
        }
        let [then, otherwise] = regions[..] else { return Err("a choice without two sides".into()) };
        self.b.span = SpanId(nest.loops[choice.sides[0] as usize].span);
        let outs = self.gates(Gate::If { then, otherwise }, &[cond], &tys)?;
        for (at, w) in outs.into_iter().enumerate() {
            match mems.get(at) {
                Some((m, want)) => {
                    self.mems.insert(*m, State::Wire(w, want.clone()));
                }
                None => self.register(joins[at - mems.len()], w, Batch::default()),
            }
        }
        Ok(())
    }
}
