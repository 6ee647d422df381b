//! Loops, branches, and calls: carried wires in the form that the plan names, bodies in their own frames.

use super::{Expander, Val};
use crate::error::{Result, internal};
use crate::place::{BITS, form_ring};
use circuit::{Domain, Elem, Gate, Op, RegionId, WireId};

impl Expander<'_> {
    /// The one wire of a value in the form of a slot (that of `like`, or clear).
    fn slot_wire(&mut self, w: WireId, like: WireId) -> Result<WireId> {
        let d = self.c.ty(like).domain;
        if d != Domain::Secret {
            return self.plain(w);
        }
        let e = self.elem(like);
        if e == Elem::Bool || self.plan.home[like.0 as usize] == BITS {
            let b = self.bits(w)?;
            let len = self.len(like);
            return Ok(self.s.stack(&b, e, &len));
        }
        self.arith(w, form_ring(self.own(like)))
    }
    /// A fresh wire in the form of a slot, as the value of program wire `w`.
    fn slot_new(&mut self, w: WireId, like: WireId) -> WireId {
        let ty = self.c.ty(like).clone();
        let len = self.len(w);
        let d = match ty.domain {
            Domain::Secret if ty.elem == Elem::Bool || self.plan.home[like.0 as usize] == BITS => {
                Domain::Bits { planes: ty.elem.bits() }
            }
            Domain::Secret => Domain::Arith { ring: form_ring(self.own(like)) },
            d => d,
        };
        let x = self.s.wire(d, ty.elem, len);
        self.slot_set(w, x);
        x
    }
    fn slot_set(&mut self, w: WireId, x: WireId) {
        match self.s.ty(x).domain {
            Domain::Bits { .. } => {
                let p = self.s.planes_of(x);
                self.set_bits(w, p);
            }
            Domain::Arith { .. } => self.set_arith(w, x),
            _ => self.set_plain(w, x),
        }
    }
    /// A region whose parameters and results have the forms of `like`.
    fn region(&mut self, r: RegionId, params: &[WireId], results: &[WireId]) -> Result<RegionId> {
        let region = self.c.region(r);
        self.s.open();
        let mut ps = vec![];
        for (p, like) in region.params.iter().zip(params) {
            ps.push(self.slot_new(*p, *like));
        }
        for p in &region.params {
            self.ensure(*p)?;
        }
        for g in &region.gates {
            self.gate(g)?;
        }
        let mut rs = vec![];
        for (w, like) in region.results.iter().zip(results) {
            rs.push(self.slot_wire(*w, *like)?);
        }
        Ok(self.s.close(ps, rs))
    }

    /// A region gate.
    pub(super) fn region_gate(&mut self, g: &Gate) -> Result<()> {
        let c = self.c;
        let (op, args) = match &g.op {
            Op::Loop { var, lo, hi, step, body } => {
                let params = c.region(*body).params.clone();
                let args = self.slot_args(&g.args, &params)?;
                let body = self.region(*body, &params, &params)?;
                (Op::Loop { var: *var, lo: lo.clone(), hi: hi.clone(), step: *step, body }, args)
            }
            Op::While { cond, body } => {
                let params = c.region(*body).params.clone();
                let args = self.slot_args(&g.args, &params)?;
                let results = c.region(*cond).results.clone();
                let cond = self.region(*cond, &params, &results)?;
                let body = self.region(*body, &params, &params)?;
                (Op::While { cond, body }, args)
            }
            Op::If { then, otherwise } => {
                let args = vec![self.plain(g.args[0])?];
                let then = self.region(*then, &[], &g.outs)?;
                let otherwise = self.region(*otherwise, &[], &g.outs)?;
                (Op::If { then, otherwise }, args)
            }
            Op::Call(r) => {
                let params = c.region(*r).params.clone();
                let args = self.slot_args(&g.args, &params)?;
                let r2 = match self.calls.get(r) {
                    Some(r2) => *r2,
                    None => {
                        // A called region may be entered from elsewhere: nothing of this frame is in its scope.
                        let outer = self.s.detach();
                        let r2 = self.region(*r, &params, &g.outs);
                        self.s.attach(outer);
                        let r2 = r2?;
                        self.calls.insert(*r, r2);
                        r2
                    }
                };
                (Op::Call(r2), args)
            }
            op => return internal(format!("`{}` is not a region gate", op.name())),
        };
        self.s.span = g.span;
        let likes = match &g.op {
            Op::Loop { body, .. } | Op::While { body, .. } => c.region(*body).params.clone(),
            _ => g.outs.clone(),
        };
        let mut outs = vec![];
        for (o, like) in g.outs.iter().zip(&likes) {
            outs.push(self.slot_new(*o, *like));
        }
        self.s.raw(op, args, outs);
        for o in &g.outs {
            self.ensure(*o)?;
        }
        Ok(())
    }
    fn slot_args(&mut self, args: &[WireId], likes: &[WireId]) -> Result<Vec<WireId>> {
        args.iter().zip(likes).map(|(a, l)| self.slot_wire(*a, *l)).collect()
    }
    /// Whether a value is a clear wire.
    pub(super) fn is_clear(&self, w: WireId) -> bool {
        matches!(&self.vals[w.0 as usize], Some(Val::Plain(x)) if self.s.ty(*x).domain == Domain::Clear)
    }
}
