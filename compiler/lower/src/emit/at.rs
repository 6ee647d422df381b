//! Calls of `at` blocks: one for all iterations of the loops around it that became lanes. Knows nothing of what they do.

use super::{Batch, E, Emit, State};
use crate::ix;
use crate::nest::{AtArg, LoopId, MemId, NodeId, Op};
use circuit::gate::Op as Gate;
use circuit::index::{Index, Len, SpaceDim};
use circuit::types::{Domain, Elem, WireId, WireTy};

/// Stands for the place in an array, beside the loops' variables.
const PLACE: LoopId = u32::MAX;

impl Emit<'_> {
    pub(super) fn at(&mut self, n: NodeId, call: u32) -> E<()> {
        let nest = self.nest;
        let c = &nest.ats[call as usize];
        let b = if c.many.is_some() { self.runs(n, call)? } else { Batch::default() };
        let mut args = Vec::new();
        for a in &c.args {
            args.push(match a {
                AtArg::Node(n) => self.wire_in(*n, &b)?,
                AtArg::Mem(m) => self.arrays(*m, &b)?,
            });
        }
        let len = self.len(&b)?;
        if let Some(open) = c.many {
            args.push(match open {
                Some(n) => self.wire_in(n, &b)?,
                None => self.constant(1, Elem::Bool, len.clone())?,
            });
        }
        let domain = Domain::Local(circuit::PartyId(c.party));
        let mut want = Vec::new();
        for (elem, lanes, _) in &c.outs {
            let len = match (&len, *lanes) {
                (Len::Const(n), k) => Len::Const(n.checked_mul(k).ok_or("too many lanes")?),
                (l, 1) => l.clone(),
                (l, k) => Len::Mul(Box::new(l.clone()), Box::new(Len::Const(k))),
            };
            want.push(WireTy { domain, elem: *elem, len });
        }
        let block = self.block_ids.get(c.block as usize).copied().ok_or("an unknown block")?;
        let outs = self.gates(Gate::At { party: circuit::PartyId(c.party), block }, &args, &want)?;
        for ((elem, lanes, to), w) in c.outs.iter().zip(outs) {
            match to {
                AtArg::Node(n) => self.register(*n, w, b.clone()),
                AtArg::Mem(m) => {
                    let full = b.guard.is_empty() && self.full(&b.dims);
                    let w = if full { w } else { self.spread(w, &b, *elem, *lanes)? };
                    self.mems.insert(*m, State::Wire(w, b.dims.clone()));
                }
            }
        }
        Ok(())
    }
    /// The iterations in which a block runs with different arguments, or may not run.
    fn runs(&self, n: NodeId, call: u32) -> E<Batch> {
        let node = self.nest.n(n);
        let mut dims = self.deciding(n);
        dims.extend(self.nest.ats[call as usize].members);
        for a in &node.args {
            if !matches!(self.nest.n(*a).op, Op::Seen(_)) {
                dims.extend(self.wire(*a)?.1.dims.into_iter().filter(|l| self.lane_loop(*l)));
            }
        }
        for a in &self.nest.ats[call as usize].args {
            if let AtArg::Mem(m) = a {
                dims.extend(self.state_dims(*m).into_iter().filter(|l| self.lane_loop(*l)));
            }
        }
        let dims = self.closed(dims);
        Ok(self.batch_all(dims, &node.guard))
    }
    /// A memory's elements for each point of a batch, or once where they are the same for all.
    fn arrays(&mut self, m: MemId, b: &Batch) -> E<WireId> {
        let w = self.state(m, &[])?;
        let of = if self.nest.mems[m as usize].table.is_some() { vec![] } else { self.state_dims(m) };
        if of.is_empty() {
            return Ok(w);
        }
        if of == b.dims && b.guard.is_empty() && self.full(&b.dims) {
            return Ok(w);
        }
        let len = self.nest.mems[m as usize].len as i64;
        let at = ix::add(&ix::scale(&self.box_rank(&of), len), &ix::var(PLACE));
        let (space, order) = self.with_place(b, len)?;
        let index = self.coords(&at, &order)?;
        self.gather_space(w, space, index)
    }
    /// The points of a batch, with the places of an array.
    fn with_place(&mut self, b: &Batch, len: i64) -> E<(circuit::Space, Vec<LoopId>)> {
        let mut space = self.space(b)?;
        space.dims.push(SpaceDim::upto(len));
        let mut order = b.dims.clone();
        order.push(PLACE);
        Ok((space, order))
    }
    /// Arrays for the points of a batch, over the box of its loops.
    fn spread(&mut self, w: WireId, b: &Batch, elem: Elem, lanes: u64) -> E<WireId> {
        let size = self.box_size(&b.dims)?.checked_mul(lanes).ok_or("too many lanes")?;
        let base = self.constant(0, elem, Len::Const(size))?;
        let (space, order) = self.with_place(b, lanes as i64)?;
        let at = ix::add(&ix::scale(&self.box_rank(&b.dims), lanes as i64), &Index::Var(circuit::LoopVar(PLACE)));
        let index = self.coords(&at, &order)?;
        let (space, _) = self.len_of(space)?;
        self.gate(Gate::Scatter { space, index }, &[base, w])
    }
}
