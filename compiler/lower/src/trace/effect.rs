//! What leaves the pure world: openings, `at` blocks, checks, and the sharing of what a party brings.

use super::value::{Leaf, Val, elem_of};
use super::{R, Tracer};
use crate::nest::{AtArg, AtCall, LoopId, MemId, NodeId, Op};
use circuit::gate::Recipient;
use circuit::index::Index;
use circuit::types::{Domain, Elem};
use sema::tree::{AtCode, ExprId, LocalId, PartyId, Ty};

impl Tracer<'_> {
    pub(super) fn reveal(&mut self, v: &Val, to: Recipient) -> R<Val> {
        if v.leaves.is_empty() {
            return Ok(v.clone());
        }
        if self.conds.iter().any(|c| self.nest.n(*c).dom != Domain::Clear) {
            return self.internal("an opening under a secret condition");
        }
        // Where a public condition of the run is false, or something failed in a `checked` program, nothing is opened but
        // zeros, and nobody looks at them.
        let known = |s: &Self, leaf: &Leaf| match (s.leaf_domain(leaf), to) {
            (Domain::Clear, _) => true,
            (Domain::Local(p), Recipient::Party(q)) => p == q,
            _ => false,
        };
        let mut open = self.open();
        if !v.leaves.iter().all(|l| known(self, l))
            && let Some(ok) = self.settled()?
        {
            open = Some(match open {
                None => ok,
                Some(c) => self.bin(circuit::Bin::And, c, ok),
            });
        }
        let masked = |s: &mut Self, x: NodeId| {
            let x = s.secret(x);
            match open {
                None => x,
                Some(c) => {
                    let elem = s.nest.n(x).elem;
                    let zero = crate::fold::konst(s, 0, elem);
                    s.select(c, x, zero)
                }
            }
        };
        let of = self.leaves(&v.ty)?;
        let mut out = Vec::new();
        for (leaf, of) in v.leaves.iter().zip(&of) {
            if known(self, leaf) {
                out.push(leaf.clone());
                continue;
            }
            let elem = elem_of(&of.ty);
            match leaf {
                Leaf::N(n) => {
                    let n = masked(self, *n);
                    out.push(Leaf::N(self.fixed(Op::Reveal(to), vec![n], elem)));
                }
                _ => {
                    let m = self.alloc(elem, of.lanes, 0);
                    let leaf = leaf.clone();
                    let family = matches!(to, Recipient::Party(p) if self.family(p));
                    let outside = self.here();
                    self.run_loop(&Index::Const(of.lanes as i64), false, vec![], &[m], &mut |s, t, _| {
                        if family {
                            s.by_members(outside);
                        }
                        let x = s.lane(&leaf, t, &of.ty)?;
                        let x = masked(s, x);
                        let y = s.fixed(Op::Reveal(to), vec![x], elem);
                        s.store_as(m, t, y);
                        Ok(vec![])
                    })?;
                    self.nest.mems[m as usize].owned = true;
                    self.share_whole(m)?;
                    out.push(self.whole(m));
                }
            }
        }
        Ok(Val::of(v.ty.clone(), out))
    }
    /// A value as nobody knows it, for keeping: what one party knows is shared.
    pub(super) fn shared(&mut self, leaf: &Leaf, of: &sema::layout::Leaf) -> R<Leaf> {
        let Domain::Local(party) = self.leaf_domain(leaf) else { return Ok(leaf.clone()) };
        if let Leaf::N(n) = leaf {
            return Ok(Leaf::N(self.secret(*n)));
        }
        let m = self.alloc(elem_of(&of.ty), of.lanes, 0);
        let family = self.family(party);
        let outside = self.here();
        self.run_loop(&Index::Const(of.lanes as i64), false, vec![], &[m], &mut |s, t, _| {
            if family {
                s.by_members(outside);
            }
            let x = s.lane(leaf, t, &of.ty)?;
            let x = s.secret(x);
            s.store_as(m, t, x);
            Ok(vec![])
        })?;
        Ok(self.whole(m))
    }
    /// Whether a party is a family: then the lanes of what it owns lie member by member.
    fn family(&self, p: circuit::PartyId) -> bool {
        self.program.parties.get(p.0 as usize).is_some_and(|p| p.family.is_some())
    }
    /// Notes of the loop that was just entered, if there is one, that its iterations are lanes of a family's values.
    fn by_members(&mut self, outside: Option<LoopId>) -> Option<LoopId> {
        let l = self.here().filter(|l| Some(*l) != outside)?;
        self.nest.loops[l as usize].members = true;
        Some(l)
    }
    /// A store that keeps a party's value its own.
    pub(super) fn store_as(&mut self, m: MemId, at: &Index, value: NodeId) {
        self.nest.mems[m as usize].dom = self.nest.n(value).dom;
        self.store(m, at, value);
    }
    /// The shared form of a memory that a party owns, for whoever computes on it.
    pub(super) fn share_whole(&mut self, m: MemId) -> R<()> {
        let mem = self.nest.mems[m as usize].clone();
        if !matches!(mem.dom, Domain::Local(_)) || self.strings.mems.contains(&m) {
            return Ok(());
        }
        let s = self.alloc(mem.elem, mem.len, 0);
        self.nest.mems[s as usize].owned = true;
        self.nest.mems[s as usize].key = super::hash_of(&(mem.key, 7));
        let family = matches!(mem.dom, Domain::Local(p) if self.family(p));
        let outside = self.here();
        self.run_loop(&Index::Const(mem.len as i64), false, vec![], &[s], &mut |t, i, _| {
            if family {
                t.by_members(outside);
            }
            let x = t.load(m, i);
            let x = t.fixed(Op::Share, vec![x], mem.elem);
            t.store(s, i, x);
            Ok(vec![])
        })?;
        self.nest.mems[m as usize].shared = Some(s);
        Ok(())
    }

    /// A check that a clear truth value holds.
    pub(super) fn check(&mut self, ok: NodeId, what: &str) -> R<()> {
        // Under a secret condition both sides run, and an error in either is one.
        let mut ok = ok;
        if let Some(c) = self.open() {
            let n = crate::fold::not(self, c);
            ok = self.bin(circuit::Bin::Or, n, ok);
        }
        match self.nest.constant(ok) {
            Some(0) if self.certain() && !self.top().guarded => self.report("E0402", what.to_string(), ""),
            Some(1) => Ok(()),
            _ => {
                self.fixed(Op::Check(what.into()), vec![ok], Elem::Bool);
                Ok(())
            }
        }
    }
    pub(super) fn assert(&mut self, cond: ExprId, what: &str) -> R<Val> {
        let v = self.eval(cond)?;
        let text = if what.is_empty() { "assertion failed".to_string() } else { format!("assertion failed: {what}") };
        match &v.leaves[0] {
            Leaf::I(i) => {
                let i = i.clone();
                let sure = if i.as_const() == Some(0) && self.certain() && !self.top().guarded {
                    return self.report("E0409", text, "");
                } else {
                    crate::ix::interval(&i, &self.nest.ranges) == (1, 1)
                };
                if !sure {
                    let n = self.iota(&i, Elem::Bool);
                    self.check(n, &text)?;
                }
            }
            l => {
                let n = self.node(l, &Ty::Bool)?;
                if self.nest.n(n).dom != Domain::Clear {
                    if !self.watched() {
                        return self.internal("an assertion on a secret");
                    }
                    let n = self.secret(n);
                    let bad = crate::fold::not(self, n);
                    self.flag(bad, &text)?;
                    return Ok(Val::unit());
                }
                if self.nest.constant(n) == Some(0) && self.certain() && !self.top().guarded {
                    return self.report("E0409", text, "");
                }
                self.check(n, &text)?;
            }
        }
        Ok(Val::unit())
    }

    /// `at F { … }` for a family: a run for each member, on its own elements.
    pub(super) fn at_members(
        &mut self,
        party: PartyId,
        id: ExprId,
        reads: &[LocalId],
        each: &[(LocalId, LocalId)],
        own: &Ty,
        ty: &Ty,
    ) -> R<Val> {
        let ty = self.close(ty)?;
        let (elem, n) = self.array(&ty)?;
        let of = self.leaves(&elem)?;
        let mut mems = Vec::new();
        for of in &of {
            mems.push(self.alloc(elem_of(&of.ty), of.lanes.saturating_mul(n as u64), 0));
        }
        let mut all = Vec::new();
        for (x, _) in each {
            all.push(self.local(*x)?);
        }
        let mut locals = reads.to_vec();
        locals.extend(each.iter().map(|e| e.1));
        let outside = self.here();
        self.run_loop(&Index::Const(n), false, vec![], &mems, &mut |s, t, _| {
            for ((_, x), v) in each.iter().zip(&all) {
                let v = s.element(v, t)?;
                s.frame.locals[x.0 as usize] = Some(v);
            }
            let members = s.by_members(outside);
            let v = s.at_block(party, id, &locals, own, Some(members))?;
            for ((leaf, of), m) in v.leaves.iter().zip(&of).zip(&mems) {
                let base = crate::ix::scale(t, of.lanes as i64);
                if of.dims.is_empty() {
                    let x = s.node(leaf, &of.ty)?;
                    s.store_as(*m, &base, x);
                    continue;
                }
                s.run_loop(&Index::Const(of.lanes as i64), false, vec![], &[*m], &mut |s, j, _| {
                    let x = s.lane(leaf, j, &of.ty)?;
                    s.store_as(*m, &crate::ix::add(&base, j), x);
                    Ok(vec![])
                })?;
            }
            Ok(vec![])
        })?;
        let mut leaves = Vec::new();
        for m in mems {
            self.nest.mems[m as usize].owned = true;
            self.share_whole(m)?;
            leaves.push(self.whole(m));
        }
        Ok(Val::of(ty, leaves))
    }
    /// `at P { … }`; `members` is the loop over the members of a family, if there are several.
    pub(super) fn at_block(
        &mut self,
        party: PartyId,
        id: ExprId,
        reads: &[LocalId],
        ty: &Ty,
        members: Option<Option<LoopId>>,
    ) -> R<Val> {
        if self.conds.iter().any(|c| self.nest.n(*c).dom != Domain::Clear) {
            return self.internal("an `at` block under a secret condition");
        }
        let open = self.open();
        let many = self.lanes_around().is_some() || !self.top().guard.is_empty() || open.is_some() || members.is_some();
        let dom = Domain::Local(circuit::PartyId(party.0));
        let mut args = Vec::new();
        let mut columns = Vec::new();
        let mut indices = Vec::new();
        let mut reads_of = Vec::new();
        for l in reads {
            let v = self.local(*l)?;
            let of = if v.leaves.is_empty() { vec![] } else { self.leaves(&v.ty)? };
            for (k, (leaf, of)) in v.leaves.iter().zip(&of).enumerate() {
                if of.ty == Ty::Index
                    && of.dims.is_empty()
                    && let Leaf::I(i) = leaf
                    && let Some(i) = i.as_const()
                {
                    indices.push((*l, i));
                    continue;
                }
                let found = self.leaf_domain(leaf);
                if found != Domain::Clear && found != dom {
                    if of.ty == Ty::Str {
                        return self.shared_string();
                    }
                    return self.internal("an `at` block that reads a value that its party does not know");
                }
                let arg = match leaf {
                    Leaf::V(view) => {
                        let m = &self.nest.mems[view.mem as usize];
                        if view.off.as_const() == Some(0) && m.len == of.lanes && m.ver == view.ver {
                            AtArg::Mem(view.mem)
                        } else {
                            let (elem, view) = (m.elem, leaf.clone());
                            let m = self.alloc(elem, of.lanes, 0);
                            self.run_loop(&Index::Const(of.lanes as i64), false, vec![], &[m], &mut |s, t, _| {
                                let x = s.lane(&view, t, &of.ty)?;
                                s.store_as(m, t, x);
                                Ok(vec![])
                            })?;
                            AtArg::Mem(m)
                        }
                    }
                    Leaf::R(..) => {
                        let Leaf::V(view) = self.fresh(leaf, &of.ty, of.lanes)? else { continue };
                        AtArg::Mem(view.mem)
                    }
                    l => AtArg::Node(self.node(l, &of.ty)?),
                };
                reads_of.push(match arg {
                    AtArg::Mem(m) => {
                        self.reads[m as usize] += 1;
                        self.fixed(Op::Seen(m), vec![], Elem::Bool)
                    }
                    AtArg::Node(n) => n,
                });
                columns.push((*l, k as u32));
                args.push(arg);
            }
        }
        let ty = self.close(ty)?;
        let of = self.leaves(&ty)?;
        let block = self.blocks.len() as u32;
        self.blocks.push((
            party.0,
            AtCode { f: self.frame.f, expr: id, env: self.frame.env.clone(), args: columns, indices, many },
        ));
        let call = self.nest.ats.len() as u32;
        reads_of.extend(open);
        let at = self.fixed(Op::At(call), reads_of, Elem::Bool);
        let mut outs = Vec::new();
        let mut leaves = Vec::new();
        let mut made = Vec::new();
        for (k, of) in of.iter().enumerate() {
            let elem = elem_of(&of.ty);
            if of.dims.is_empty() {
                let n = self.fixed(Op::AtPart(k as u32), vec![at], elem);
                self.nest.nodes[n as usize].dom = dom;
                self.own_string(&of.ty, AtArg::Node(n));
                outs.push((elem, 1, AtArg::Node(n)));
                leaves.push(Leaf::N(n));
            } else {
                let m = self.new_mem(elem, of.lanes, 0);
                self.nest.mems[m as usize].dom = dom;
                self.nest.mems[m as usize].owned = true;
                self.own_string(&of.ty, AtArg::Mem(m));
                outs.push((elem, of.lanes, AtArg::Mem(m)));
                self.fixed(Op::Made(m), vec![at], elem);
                leaves.push(self.whole(m));
                made.push(m);
            }
        }
        self.nest.ats.push(AtCall {
            block,
            party: party.0,
            members: members.flatten(),
            args,
            many: many.then_some(open),
            outs,
        });
        for m in made {
            self.share_whole(m)?;
        }
        Ok(Val::of(ty, leaves))
    }
}
