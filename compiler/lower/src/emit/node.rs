//! Single nodes over lanes: operations, loads and stores, openings; and the walk over a plan.

use super::{Batch, E, Emit, Source, State};
use crate::ix;
use crate::live::{Live, Users};
use crate::nest::{AtArg, Item, LoopId, MemId, Nest, NodeId, Op};
use crate::plan::{Forced, Plan, Planner, flatten};
use circuit::Level;
use circuit::build::Builder;
use circuit::gate::{Bin, Op as Gate};
use circuit::index::{Index, Len, Space, SpaceDim};
use circuit::types::{Domain, Elem, WireId, WireTy};
use rustc_hash::{FxHashMap, FxHashSet};
use sema::tree::Gets;

/// Names and tables of a circuit to be.
pub(crate) struct Frame {
    pub sizes: Vec<(String, u64)>,
    pub parties: Vec<(String, Option<u64>)>,
    pub inputs: Vec<circuit::Input>,
    /// Party and hash of each `at` block.
    pub blocks: Vec<(u32, [u8; 32])>,
    pub outputs: Vec<(Gets, String, AtArg)>,
    /// Circuits of files, by their number in the program.
    pub nets: Vec<circuit::NetTable>,
}

/// What emission gives.
pub(crate) struct Emitted {
    pub circuit: circuit::Circuit,
    /// Loops that a dependence forced to stay loops.
    pub forced: Vec<Forced>,
    /// The nodes that run in each loop that stayed one.
    pub seq: FxHashMap<LoopId, FxHashSet<NodeId>>,
}

/// The circuit of a nest, the loops that had to stay loops, and the nodes that run in loops.
pub(crate) fn run(
    nest: &Nest,
    body: &[Item],
    live: &Live,
    users: &Users,
    absorbed: &FxHashSet<LoopId>,
    frame: Frame,
) -> E<Emitted> {
    let mut b = Builder::new(Level::Program);
    for (n, v) in &frame.sizes {
        b.size(n, *v);
    }
    for (n, f) in &frame.parties {
        b.party(n, *f);
    }
    let mut e = Emit {
        nest,
        live,
        users,
        absorbed,
        b,
        seq: Default::default(),
        var_ranges: vec![],
        var_trips: vec![],
        wires: Default::default(),
        finals: Default::default(),
        mems: Default::default(),
        consts: Default::default(),
        sources: Default::default(),
        products: Default::default(),
        widened: Default::default(),
        order: Default::default(),
        same: vec![Default::default()],
        made: vec![vec![]],
        lens: Default::default(),
        block_ids: vec![],
        nets: frame.nets,
        net_ids: Default::default(),
    };
    let mut ranges = Vec::new();
    let mut leaves = Vec::new();
    for i in &frame.inputs {
        leaves.push(match i.kept {
            true => e.b.kept_input(&i.name, i.elem, i.lanes),
            false => e.b.input(i.party, &i.name, i.elem, i.lanes),
        });
        ranges.push(i.range);
    }
    for (p, hash) in &frame.blocks {
        let id = e.b.block(circuit::PartyId(*p), *hash);
        e.block_ids.push(id);
    }
    for (k, m) in nest.mems.iter().enumerate() {
        if let Some(i) = m.input {
            e.mems.insert(k as MemId, State::Wire(leaves[i as usize], vec![]));
        }
    }
    // About a gate for each node outside of loops.
    e.b.reserve(body.len());
    let mut planner = Planner::new(nest, live, users);
    for (k, n) in nest.nodes.iter().enumerate() {
        if let Op::Input(i) = n.op
            && live.contains(&(k as NodeId))
        {
            e.register(k as NodeId, leaves[i as usize], Batch::default());
        }
    }
    e.items(&mut planner, body)?;
    for (gets, name, value) in &frame.outputs {
        let w = match value {
            AtArg::Node(n) => e.wire_in(*n, &Batch::default())?,
            AtArg::Mem(m) => e.state(*m, &[])?,
        };
        match gets {
            Gets::Everyone => e.b.output(None, name, w),
            Gets::Party(p) => {
                let party = circuit::PartyId(p.0);
                // Computed on shares from what the party brought: its own, and nobody opened it.
                let w = match e.b.ty(w).domain {
                    Domain::Secret => {
                        if !super::own::only(e.b.circuit(), w, party) {
                            return Err(format!("`{name}` holds values of others, and nobody opened it"));
                        }
                        let id = e.b.effect();
                        e.gate(Gate::Reveal { id, to: circuit::gate::Recipient::Party(party) }, &[w])?
                    }
                    _ => w,
                };
                e.b.output(Some(party), name, w);
            }
            Gets::Nobody => e.b.kept_output(name, w),
        }
    }
    let mut c = e.b.finish();
    for (i, r) in c.inputs.iter_mut().zip(ranges) {
        i.range = r;
    }
    crate::sweep::sweep(&mut c);
    Ok(Emitted { circuit: c, forced: planner.forced, seq: planner.seq })
}

impl Emit<'_> {
    pub(super) fn plan(&mut self, plan: &[Plan]) -> E<()> {
        for p in plan {
            match p {
                Plan::Node(n) => self.node(*n)?,
                Plan::Reduce(r) => self.reduction(r)?,
                Plan::Scan(s) => self.scan(s)?,
                Plan::Seq { l, nodes, body } => self.sequential(*l, nodes, &mut |s| s.plan(body))?,
                Plan::Choice { k, nodes, sides } => self.choice(*k, nodes, &mut |s, j| s.plan(&sides[j]))?,
            }
        }
        Ok(())
    }
    /// Code around which no loop may become lanes, in the program's order.
    fn items(&mut self, planner: &mut Planner<'_>, items: &[Item]) -> E<()> {
        let nest = self.nest;
        for item in items {
            match item {
                Item::Node(n) => {
                    if self.live.contains(n) && self.wires.get(*n).is_none() {
                        self.node(*n)?;
                    }
                }
                Item::Loop(l, body) => {
                    let mut nodes = Vec::new();
                    flatten(body, &mut nodes);
                    let gives = nest.loops[*l as usize].phis.iter().any(|p| self.live.contains(&p.out));
                    if !gives && !nodes.iter().any(|n| self.live.contains(n)) {
                        continue;
                    }
                    if nest.counted(*l) {
                        let plan = planner.top(*l, body);
                        self.settle(&nodes);
                        self.plan(&plan)?;
                    } else {
                        nodes.retain(|n| self.live.contains(n));
                        self.sequential(*l, &nodes, &mut |s| s.items(planner, body))?;
                    }
                }
                Item::Choice(k, sides) => {
                    let mut nodes = Vec::new();
                    sides.iter().for_each(|b| flatten(b, &mut nodes));
                    nodes.retain(|n| self.live.contains(n));
                    if !nodes.is_empty() {
                        self.choice(*k, &nodes, &mut |s, j| s.items(planner, &sides[j]))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The number in the circuit of a circuit of the program.
    fn net(&mut self, id: u32) -> E<u32> {
        if let Some(k) = self.net_ids.get(&id) {
            return Ok(*k);
        }
        let table = self.nets.get(id as usize).cloned().ok_or("a circuit that the program does not have")?;
        let k = self.b.net(table);
        self.net_ids.insert(id, k);
        Ok(k)
    }

    /// The batch of a pure node: the loops that its operands vary over.
    fn natural(&self, n: NodeId, extra: &[LoopId]) -> E<Batch> {
        let b = self.careful(n, extra)?;
        Ok(self.batch(b.dims, &self.nest.n(n).guard))
    }
    /// The same, for what must not happen where a condition around is false.
    fn careful(&self, n: NodeId, extra: &[LoopId]) -> E<Batch> {
        let node = self.nest.n(n);
        let mut dims = extra.to_vec();
        for a in &node.args {
            let b = self.wire(*a)?.1;
            dims.extend(b.dims.iter().copied().filter(|l| self.lane_loop(*l)));
        }
        let dims = self.closed(dims);
        Ok(self.batch_all(dims, &node.guard))
    }
    /// Loops that decide whether a node runs at all: those that may have no iteration, and those of its conditions.
    pub(super) fn deciding(&self, n: NodeId) -> Vec<LoopId> {
        let node = self.nest.n(n);
        let mut out: Vec<LoopId> = self.nest.path(node.at).into_iter().filter(|l| self.skips(*l)).collect();
        for g in node.guard.iter() {
            out.extend(self.lane_vars(g));
        }
        out
    }
    /// Whether a loop stays lanes and may have no iteration.
    pub(super) fn skips(&self, l: LoopId) -> bool {
        self.lane_loop(l) && self.nest.skips(l)
    }
    fn constant_wire(&self, w: WireId) -> Option<u128> {
        self.consts.get(&w).copied()
    }

    pub(super) fn node(&mut self, n: NodeId) -> E<()> {
        self.span(n);
        let nest = self.nest;
        let node = nest.n(n);
        let (w, b) = match &node.op {
            Op::Const(v) => (self.constant(*v, node.elem, Len::ONE)?, Batch::default()),
            Op::Iota(e) => {
                let dims = self.closed(self.lane_vars(e));
                let b = self.batch(dims, &node.guard);
                self.sources.insert(n, Source::Number(e.clone()));
                (self.iota(e, &b, node.elem)?, b)
            }
            Op::Un(_) | Op::Bin(_) | Op::Select | Op::Min | Op::Max => {
                let fails = matches!(node.op, Op::Bin(Bin::Div | Bin::Rem)) && nest.constant(node.args[1]).is_none();
                let b = if fails { self.careful(n, &self.deciding(n))? } else { self.natural(n, &[])? };
                let mut args = Vec::new();
                for a in &node.args {
                    args.push(self.wire_in(*a, &b)?);
                }
                (self.operate(&node.op, &args, node.elem)?, b)
            }
            Op::Net(id, k) => {
                let b = self.natural(n, &[])?;
                let args = node.args.iter().map(|a| self.wire_in(*a, &b)).collect::<E<Vec<_>>>()?;
                let net = self.net(*id)?;
                // One gate for all elements of the result.
                let outs = self.gates(Gate::Net(net), &args, &[])?;
                (outs.get(*k as usize).copied().ok_or("an element that a circuit does not give")?, b)
            }
            Op::Pick(c) => {
                let b = self.natural(n, &self.lane_vars(c))?;
                let mut inner = b.guard.clone();
                ix::conjuncts(c, &mut inner);
                inner.sort();
                inner.dedup();
                let inner = Batch { guard: inner, ..b.clone() };
                let other = self.wire_in(node.args[1], &b)?;
                match self.rank(&b) {
                    Some(rank) => {
                        let then = self.wire_in(node.args[0], &inner)?;
                        let space = self.space(&inner)?;
                        let index = self.coords(&rank, &b.dims)?;
                        let (space, _) = self.len_of(space)?;
                        (self.gate(Gate::Scatter { space, index }, &[other, then])?, b)
                    }
                    None => {
                        let then = self.wire_in(node.args[0], &b)?;
                        let c = self.iota(c, &b, Elem::Bool)?;
                        (self.gate(Gate::Select, &[c, then, other])?, b)
                    }
                }
            }
            Op::Load(m, at) => self.load(n, *m, at)?,
            Op::LoadAt(m) => {
                let dims = match self.mems.get(m) {
                    Some(State::Wire(_, d)) => d.clone(),
                    _ => vec![],
                };
                let dims: Vec<LoopId> = dims.into_iter().filter(|l| self.lane_loop(*l)).collect();
                let dims: Vec<LoopId> = dims.into_iter().chain(self.deciding(n)).collect();
                let b = self.careful(n, &dims)?;
                let base = self.state(*m, &[])?;
                let at = self.address(node.args[0], *m, &b)?;
                (self.gate(Gate::GatherAt, &[base, at])?, b)
            }
            Op::Store(m, at) => return self.store(n, *m, at),
            Op::StoreAt(m) => {
                let want = self.private(*m);
                let dims: Vec<LoopId> = want.iter().copied().chain(self.deciding(n)).collect();
                let b = self.careful(n, &dims)?;
                let base = self.state(*m, &want)?;
                let value = self.wire_in(node.args[0], &b)?;
                let at = self.address(node.args[1], *m, &b)?;
                let w = self.gate(Gate::ScatterAt, &[base, value, at])?;
                let dims = match self.mems.get(m) {
                    Some(State::Wire(_, d)) => d.clone(),
                    _ => vec![],
                };
                self.mems.insert(*m, State::Wire(w, dims));
                return Ok(());
            }
            Op::Alloc(m) => {
                self.mems.insert(*m, State::Fill(nest.mems[*m as usize].fill));
                return Ok(());
            }
            Op::Pack(m) => return self.pack(n, *m),
            Op::Phi(..) => return Ok(()),
            Op::Join(_) if self.wires.get(n).is_some() => return Ok(()),
            // Both sides are empty.
            Op::Join(k) => {
                let b = self.natural(n, &[])?;
                // What a party knows is not selected among, but either side can give it.
                if matches!(node.dom, Domain::Local(_)) && b == Batch::default() {
                    return self.choice(*k, &[n], &mut |_, _| Ok(()));
                }
                let mut args = Vec::new();
                for a in &node.args {
                    args.push(self.wire_in(*a, &b)?);
                }
                (self.gate(Gate::Select, &args)?, b)
            }
            Op::Out(l, s) => self.out(*l, *s, n)?,
            Op::Random => {
                // Another in every iteration, whoever reads it.
                let around: Vec<LoopId> = nest.path(node.at).into_iter().filter(|l| self.lane_loop(*l)).collect();
                let b = self.natural(n, &around)?;
                let (space, len) = (self.space(&b)?, node.elem);
                let (_, lanes) = self.len_of(space)?;
                let id = self.b.effect();
                let want = WireTy { domain: circuit::Domain::Secret, elem: len, len: lanes };
                (self.gate_want(Gate::Random(id), &[], Some(want))?, b)
            }
            Op::Share => {
                let (w, b) = self.wire(node.args[0])?;
                if matches!(self.b.ty(w).domain, Domain::Local(_)) {
                    let id = self.b.effect();
                    (self.gate(Gate::Share(id), &[w])?, b)
                } else {
                    (w, b)
                }
            }
            Op::Reveal(to) => {
                let b = self.careful(n, &self.deciding(n))?;
                let w = self.wire_in(node.args[0], &b)?;
                if self.b.ty(w).domain == Domain::Secret {
                    let id = self.b.effect();
                    (self.gate(Gate::Reveal { id, to: *to }, &[w])?, b)
                } else {
                    (w, b)
                }
            }
            Op::At(call) => return self.at(n, *call),
            Op::AtPart(_) | Op::Input(_) | Op::Seen(_) | Op::Made(_) => return Ok(()),
            Op::Check(what) => {
                let b = self.careful(n, &self.deciding(n))?;
                let w = self.wire_in(node.args[0], &b)?;
                self.gates(Gate::Check { what: what.to_string() }, &[w], &[])?;
                return Ok(());
            }
        };
        self.register(n, w, b);
        Ok(())
    }

    pub(super) fn iota(&mut self, e: &Index, b: &Batch, elem: Elem) -> E<WireId> {
        let index = self.coords(e, &b.dims)?;
        let space = self.space(b)?;
        let (space, len) = self.len_of(space)?;
        if let Some(v) = index.as_const() {
            return self.constant(v as i128 as u128, elem, len);
        }
        self.gate_want(Gate::Iota { space, index }, &[], Some(WireTy { domain: Domain::Clear, elem, len }))
    }
    /// A lane-wise operation on wires of one batch.
    pub(super) fn operate(&mut self, op: &Op, args: &[WireId], elem: Elem) -> E<WireId> {
        match op {
            Op::Un(u) => {
                let from = self.elem(args[0]);
                let want = WireTy { elem, ..self.b.ty(args[0]).clone() };
                let w = self.gate_want(Gate::Un(*u), args, Some(want))?;
                if *u == circuit::Un::Cast && from == Elem::Bool {
                    self.widened.insert(w, args[0]);
                }
                Ok(w)
            }
            Op::Bin(b) => {
                // Zeros of empty memories.
                let (x, y) = (self.constant_wire(args[0]), self.constant_wire(args[1]));
                match (b, x, y) {
                    (Bin::Add | Bin::Or | Bin::Xor, Some(0), _) => return Ok(args[1]),
                    (Bin::Add | Bin::Or | Bin::Xor | Bin::Sub, _, Some(0)) => return Ok(args[0]),
                    (Bin::Mul, Some(1), _) => return Ok(args[1]),
                    (Bin::Mul, _, Some(1)) => return Ok(args[0]),
                    _ => {}
                }
                let w = self.gate(Gate::Bin(*b), args)?;
                if *b == Bin::Mul {
                    self.products.insert(w, (args[0], args[1]));
                }
                Ok(w)
            }
            Op::Select => self.gate(Gate::Select, args),
            Op::Min | Op::Max => {
                let c = self.gate(Gate::Bin(Bin::Lt), args)?;
                let (a, b) = if *op == Op::Min { (args[0], args[1]) } else { (args[1], args[0]) };
                self.gate(Gate::Select, &[c, a, b])
            }
            _ => Err("not an operation".into()),
        }
    }

    // ---- memories ----

    /// Loops that stay lanes in whose iterations a memory lives.
    pub(super) fn private(&self, m: MemId) -> Vec<LoopId> {
        self.nest.path(self.nest.mems[m as usize].at).into_iter().filter(|l| self.lane_loop(*l)).collect()
    }
    /// A memory's lanes for each point of the box of at least these loops.
    pub(super) fn state(&mut self, m: MemId, want: &[LoopId]) -> E<WireId> {
        let mem = &self.nest.mems[m as usize];
        let (elem, len) = (mem.elem, mem.len);
        if let Some(t) = &mem.table {
            let ty = WireTy { domain: Domain::Clear, elem, len: Len::Const(len) };
            return self.gate_want(Gate::Table(t.to_vec()), &[], Some(ty));
        }
        match self.mems.get(&m).cloned() {
            None => Err(format!("memory {m} has no contents yet")),
            Some(State::Fill(v)) => {
                let n = self.box_size(want)?.checked_mul(len).ok_or("too many lanes")?;
                let w = self.constant(v, elem, Len::Const(n))?;
                if !want.is_empty() {
                    self.mems.insert(m, State::Wire(w, want.to_vec()));
                }
                Ok(w)
            }
            Some(State::Wire(w, dims)) => {
                let mut all = dims.clone();
                all.extend(want.iter().copied());
                self.sort(&mut all);
                all.dedup();
                if all == dims {
                    return Ok(w);
                }
                let mut sizes: Vec<i64> = all.iter().map(|l| self.nest.loops[*l as usize].max as i64).collect();
                sizes.push(len as i64);
                let space = Space { dims: sizes.iter().map(|n| SpaceDim::upto(*n)).collect(), guard: None };
                let rank = self.box_rank(&dims);
                let at = ix::add(&ix::scale(&rank, len as i64), &ix::var(u32::MAX));
                let mut order = all.clone();
                order.push(u32::MAX);
                let index = self.coords(&at, &order)?;
                let w = self.gather_space(w, space, index)?;
                self.mems.insert(m, State::Wire(w, all));
                Ok(w)
            }
        }
    }
    pub(super) fn state_dims(&self, m: MemId) -> Vec<LoopId> {
        match self.mems.get(&m) {
            Some(State::Wire(_, d)) => d.clone(),
            _ => vec![],
        }
    }
    /// An address node as lanes of the memory's whole wire.
    fn address(&mut self, n: NodeId, m: MemId, b: &Batch) -> E<WireId> {
        let at = self.wire_in(n, b)?;
        let dims = self.state_dims(m);
        if dims.is_empty() {
            return Ok(at);
        }
        let base = ix::scale(&self.box_rank(&dims), self.nest.mems[m as usize].len as i64);
        let base = self.iota(&base, b, Elem::Int { signed: true, bits: 64 })?;
        self.gate(Gate::Bin(Bin::Add), &[at, base])
    }
    /// A memory at an address, over a batch.
    pub(super) fn read(&mut self, m: MemId, at: &Index, b: &Batch) -> E<WireId> {
        let mem = &self.nest.mems[m as usize];
        let (elem, len) = (mem.elem, mem.len);
        if mem.table.is_none()
            && let Some(State::Fill(v)) = self.mems.get(&m)
        {
            let v = *v;
            let n = self.len(b)?;
            return self.constant(v, elem, n);
        }
        let w = self.state(m, &[])?;
        let dims = if mem.table.is_some() { vec![] } else { self.state_dims(m) };
        let at = ix::add(&ix::scale(&self.box_rank(&dims), len as i64), at);
        if self.covers(b, &at, &dims, len) {
            return Ok(w);
        }
        self.gather(w, b, &at)
    }
    /// Whether a batch touches the lanes of a wire (`len` for each point of a box) one by one in order.
    pub(super) fn covers(&self, b: &Batch, at: &Index, dims: &[LoopId], len: u64) -> bool {
        let Ok(boxes) = self.box_size(dims) else { return false };
        let Ok(points) = self.box_size(&b.dims) else { return false };
        let Some(total) = boxes.checked_mul(len) else { return false };
        b.guard.is_empty() && points == total && self.full(&b.dims) && ix::norm(at) == self.box_rank(&b.dims)
    }
    fn load(&mut self, n: NodeId, m: MemId, at: &Index) -> E<(WireId, Batch)> {
        let mut dims = self.lane_vars(at);
        let (lo, hi) = ix::interval(at, &self.nest.ranges);
        let unsafe_place = lo < 0 || u64::try_from(hi).is_ok_and(|h| h >= self.nest.mems[m as usize].len);
        if unsafe_place {
            dims.extend(self.deciding(n));
        }
        if self.nest.mems[m as usize].table.is_none() {
            dims.extend(self.state_dims(m).into_iter().filter(|l| self.lane_loop(*l)));
        }
        let dims = self.closed(dims);
        let guard = &self.nest.n(n).guard;
        let b = if unsafe_place { self.batch_all(dims, guard) } else { self.batch(dims, guard) };
        let w = self.read(m, at, &b)?;
        if self.nest.mems[m as usize].table.is_some() {
            let base = self.state(m, &[])?;
            self.sources.insert(n, Source::Lanes(base, at.clone()));
        } else if let Some(State::Wire(base, dims)) = self.mems.get(&m).cloned() {
            let len = self.nest.mems[m as usize].len as i64;
            let at = ix::add(&ix::scale(&self.box_rank(&dims), len), at);
            self.sources.insert(n, Source::Lanes(base, at));
        }
        Ok((w, b))
    }
    fn store(&mut self, n: NodeId, m: MemId, at: &Index) -> E<()> {
        let node = self.nest.n(n);
        let vb = self.wire(node.args[0])?.1;
        let mut dims = self.lane_vars(at);
        dims.extend(vb.dims.iter().copied().filter(|l| self.lane_loop(*l)));
        dims.extend(self.deciding(n));
        dims.extend(self.state_dims(m).into_iter().filter(|l| self.lane_loop(*l)));
        let dims = self.closed(dims);
        let b = self.batch_all(dims, &node.guard);
        let w = self.wire_in(node.args[0], &b)?;
        self.write(m, at, w, &b)
    }
    /// Replaces lanes of a memory.
    pub(super) fn write(&mut self, m: MemId, at: &Index, w: WireId, b: &Batch) -> E<()> {
        let len = self.nest.mems[m as usize].len;
        let private = self.private(m);
        let mut dims = self.state_dims(m);
        dims.extend(b.dims.iter().copied().filter(|l| private.contains(l)));
        self.sort(&mut dims);
        dims.dedup();
        let at = ix::add(&ix::scale(&self.box_rank(&dims), len as i64), at);
        if self.covers(b, &at, &dims, len) {
            self.mems.insert(m, State::Wire(w, dims));
            return Ok(());
        }
        let base = self.state(m, &dims)?;
        let index = self.coords(&at, &b.dims)?;
        let space = self.space(b)?;
        let (space, _) = self.len_of(space)?;
        let w = self.gate(Gate::Scatter { space, index }, &[base, w])?;
        self.mems.insert(m, State::Wire(w, dims));
        Ok(())
    }
    fn pack(&mut self, n: NodeId, m: MemId) -> E<()> {
        let nest = self.nest;
        let node = nest.n(n);
        let b = self.natural(n, &[])?;
        if b.dims.is_empty() && b.guard.is_empty() {
            let mut args = Vec::new();
            for a in &node.args {
                args.push(self.wire_in(*a, &b)?);
            }
            let w = match args[..] {
                [] => self.constant(0, node.elem, Len::Const(0))?,
                [w] => w,
                _ => self.gate(Gate::Concat, &args)?,
            };
            self.mems.insert(m, State::Wire(w, vec![]));
            return Ok(());
        }
        self.mems.insert(m, State::Fill(0));
        for (k, a) in node.args.iter().enumerate() {
            let w = self.wire_in(*a, &b)?;
            self.write(m, &Index::Const(k as i64), w, &b)?;
        }
        Ok(())
    }

    // ---- the rest ----

    fn out(&mut self, l: LoopId, s: u32, n: NodeId) -> E<(WireId, Batch)> {
        let p = self.nest.loops[l as usize].phis[s as usize];
        if let Some(f) = self.finals.get(&p.phi) {
            return Ok(f.clone());
        }
        if p.next == p.phi {
            return self.wire(p.init);
        }
        // Nobody reads it on the way: the last iteration's value.
        let (w, from) = self.wire(p.next)?;
        let lp = &self.nest.loops[l as usize];
        let (min, _) = ix::interval(&lp.trip, &self.nest.ranges);
        let (w, from) = match self.rank(&from) {
            Some(_) => (w, from),
            None => self.boxed(w, &from, 0)?,
        };
        let rank = self.rank(&from).ok_or("no rank")?;
        let last = if lp.rev { Index::Const(0) } else { ix::sub(&lp.trip, &Index::Const(1)) };
        let last = if min < 1 { Index::bin(circuit::IndexOp::Max, last, Index::Const(0)) } else { last };
        let at = ix::norm(&rank.subst_var(circuit::LoopVar(l), &last));
        let mut dims: Vec<LoopId> = from.dims.iter().copied().filter(|d| *d != l).collect();
        if min < 1 {
            dims.extend(self.wire(p.init)?.1.dims);
            dims.extend(self.lane_vars(&lp.trip));
        }
        let dims = self.closed(dims.into_iter().filter(|l| self.lane_loop(*l)));
        let b = self.batch(dims, &self.nest.n(n).guard);
        let w = if from.dims.contains(&l) { self.gather(w, &b, &at)? } else { self.convert(w, &from, &b)? };
        if min >= 1 {
            return Ok((w, b));
        }
        let some = Index::bin(circuit::IndexOp::Lt, Index::Const(0), lp.trip.clone());
        let c = self.iota(&some, &b, Elem::Bool)?;
        let init = self.wire_in(p.init, &b)?;
        Ok((self.gate(Gate::Select, &[c, w, init])?, b))
    }
}
