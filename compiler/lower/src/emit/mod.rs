//! Emission: the planned nest as a circuit.
//!
//! A wire knows over which loops it varies ([`Batch`]): values that do not depend on a loop are computed once, and widened
//! only where they meet one that does. This file holds batches and their conversions. Knows no source language.

mod at;
mod choice;
mod node;
mod own;
mod reduce;
mod scan;
mod seq;

use crate::ix;
use crate::live::{Live, Users};
use crate::nest::{LoopId, MemId, Nest, NodeId};
use circuit::build::Builder;
use circuit::gate::Op as Gate;
use circuit::index::{Index, IndexOp, Len, LoopVar, Space, SpaceDim};
use circuit::types::{Domain, Elem, SpanId, WireId, WireTy};
use rustc_hash::{FxHashMap, FxHashSet};
use std::hash::{Hash, Hasher};

pub(crate) use node::{Frame, run};

/// A failure of ours.
pub(crate) type E<T> = Result<T, String>;

/// Over which lanes a wire runs: the iterations of some loops, row-major, where some public conditions hold.
#[derive(Clone, Debug, Default, Eq)]
pub(crate) struct Batch {
    pub dims: Vec<LoopId>,
    pub guard: Vec<Index>,
    /// The box of the loops' greatest trip counts instead of their exact iterations.
    pub boxed: bool,
}

impl PartialEq for Batch {
    fn eq(&self, other: &Batch) -> bool {
        ix::same_ids(&self.dims, &other.dims) && self.guard == other.guard && self.boxed == other.boxed
    }
}

impl Hash for Batch {
    fn hash<H: Hasher>(&self, h: &mut H) {
        (&self.dims, &self.guard, self.boxed).hash(h);
    }
}

/// What a memory holds.
#[derive(Clone, Debug)]
enum State {
    /// One number everywhere.
    Fill(u128),
    /// A copy for each point of the box of some loops.
    Wire(WireId, Vec<LoopId>),
}

/// Where the lanes of a wire come from, over loops: moving them elsewhere starts from there.
#[derive(Clone, Debug)]
enum Source {
    /// Lanes of another wire.
    Lanes(WireId, Index),
    /// A number that the loops decide.
    Number(Index),
}

/// The wire and batch of each node that has one.
#[derive(Default)]
struct Wires {
    /// By node: its wire, and which batch.
    of: Vec<Option<(WireId, u32)>>,
    batches: indexmap::IndexSet<Batch, rustc_hash::FxBuildHasher>,
}

impl Wires {
    fn get(&self, n: NodeId) -> Option<(WireId, &Batch)> {
        let (w, b) = (*self.of.get(n as usize)?)?;
        Some((w, self.batches.get_index(b as usize)?))
    }
    fn insert(&mut self, n: NodeId, w: WireId, b: Batch) {
        let n = n as usize;
        if self.of.len() <= n {
            self.of.resize(n + 1, None);
        }
        let b = match self.batches.get_index_of(&b) {
            Some(b) => b,
            None => self.batches.insert_full(b).0,
        };
        self.of[n] = Some((w, b as u32));
    }
    fn remove(&mut self, n: NodeId) {
        if let Some(x) = self.of.get_mut(n as usize) {
            *x = None;
        }
    }
}

/// A gate that was emitted: its region, its place there, and whether its result's type was asked for.
#[derive(Clone, Copy)]
struct Made {
    region: circuit::RegionId,
    at: u32,
    wanted: bool,
}

/// Iterations of the loops around, and steps in each, in which the points of a space are counted to find their most.
const MAX_TURNS: u64 = 1 << 10;
const MAX_STEPS: u64 = 1 << 12;

pub(crate) struct Emit<'a> {
    nest: &'a Nest,
    live: &'a Live,
    users: &'a Users,
    absorbed: &'a FxHashSet<LoopId>,
    b: Builder,
    /// Loops that are being emitted as loops: their variable; by circuit variable, its interval and its loop's trip count.
    seq: FxHashMap<LoopId, LoopVar>,
    var_ranges: Vec<(i64, i64)>,
    var_trips: Vec<Index>,
    wires: Wires,
    /// Carried values after their loop.
    finals: FxHashMap<NodeId, (WireId, Batch)>,
    mems: FxHashMap<MemId, State>,
    consts: FxHashMap<WireId, u128>,
    sources: FxHashMap<NodeId, Source>,
    /// Operands of products, and of truth values made numbers, by result.
    products: FxHashMap<WireId, (WireId, WireId)>,
    widened: FxHashMap<WireId, WireId>,
    /// Order of loops in batches: as their variables count in the addresses that are written.
    order: FxHashMap<LoopId, i64>,
    /// Gates by hash, by open region; and what was registered in it.
    same: Vec<FxHashMap<u64, Made>>,
    made: Vec<Vec<NodeId>>,
    /// Shared forms of conversions, by open region.
    lens: FxHashMap<circuit::SpaceId, Len>,
    block_ids: Vec<u32>,
    nets: Vec<circuit::NetTable>,
    net_ids: FxHashMap<u32, u32>,
}

fn hash(op: &Gate, args: &[WireId], want: &[WireTy]) -> u64 {
    let mut h = rustc_hash::FxHasher::default();
    (op, args, want.first()).hash(&mut h);
    h.finish()
}

impl Emit<'_> {
    /// A gate, or an equal one that is in sight.
    fn gates(&mut self, op: Gate, args: &[WireId], want: &[WireTy]) -> E<Vec<WireId>> {
        let effect = matches!(
            op,
            Gate::Share(_)
                | Gate::Reveal { .. }
                | Gate::At { .. }
                | Gate::Check { .. }
                | Gate::Loop { .. }
                | Gate::If { .. }
                | Gate::While { .. }
        );
        if effect {
            return self.b.gate_as(op, args, want);
        }
        let key = hash(&op, args, want);
        if let Some(g) = self.equal(key, &op, args, want) {
            return Ok(g.outs.clone());
        }
        self.note(key, want);
        self.b.gate_as(op, args, want)
    }
    /// An equal gate in sight.
    fn equal(&self, key: u64, op: &Gate, args: &[WireId], want: &[WireTy]) -> Option<&circuit::Gate> {
        self.same.iter().filter_map(|s| s.get(&key)).find_map(|m| {
            let g = self.b.circuit().region(m.region).gates.get(m.at as usize)?;
            let typed = m.wanted != want.is_empty() && want.first().is_none_or(|t| *t == *self.b.ty(g.outs[0]));
            (typed && g.op == *op && g.args == args).then_some(g)
        })
    }
    /// Remembers the gate that comes next.
    fn note(&mut self, key: u64, want: &[WireTy]) {
        let region = self.b.region();
        let at = self.b.circuit().region(region).gates.len() as u32;
        if let Some(s) = self.same.last_mut() {
            s.insert(key, Made { region, at, wanted: !want.is_empty() });
        }
    }
    fn gate(&mut self, op: Gate, args: &[WireId]) -> E<WireId> {
        self.gate_want(op, args, None)
    }
    fn gate_want(&mut self, op: Gate, args: &[WireId], want: Option<WireTy>) -> E<WireId> {
        match self.gates(op, args, want.as_slice())?.as_slice() {
            [w] => Ok(*w),
            w => Err(format!("{} results", w.len())),
        }
    }
    fn constant(&mut self, v: u128, elem: Elem, len: Len) -> E<WireId> {
        let v = v & crate::fold::mask(elem);
        let w = self.gate_want(Gate::Const(v), &[], Some(WireTy { domain: Domain::Clear, elem, len }))?;
        self.consts.insert(w, v);
        Ok(w)
    }
    fn elem(&self, w: WireId) -> Elem {
        self.b.ty(w).elem
    }

    // ---- batches ----

    fn lane_loop(&self, l: LoopId) -> bool {
        self.nest.counted(l) && !self.seq.contains_key(&l)
    }
    fn lane_vars(&self, e: &Index) -> Vec<LoopId> {
        ix::vars(e).into_iter().filter(|v| self.lane_loop(*v)).collect()
    }
    /// Loops sorted from the outside, with those that their trip counts mention.
    fn closed(&self, dims: impl IntoIterator<Item = LoopId>) -> Vec<LoopId> {
        let mut work: Vec<LoopId> = dims.into_iter().filter(|l| self.lane_loop(*l)).collect();
        let mut out: Vec<LoopId> = Vec::new();
        while let Some(l) = work.pop() {
            if !out.contains(&l) {
                work.extend(self.lane_vars(&self.nest.loops[l as usize].trip));
                out.push(l);
            }
        }
        self.sort(&mut out);
        out
    }
    fn sort(&self, dims: &mut [LoopId]) {
        dims.sort_unstable_by_key(|l| {
            (!self.nest.loops[*l as usize].members, self.order.get(l).copied().unwrap_or(0), *l)
        });
    }
    /// Settles the order of the loops of a nest by its first store: the one whose variable counts most comes first.
    fn settle(&mut self, nodes: &[NodeId]) {
        let nest = self.nest;
        let store = nodes.iter().find_map(|n| match &nest.n(*n).op {
            crate::nest::Op::Store(_, e) if self.live.contains(n) && ix::vars(e).len() > 1 => Some(e),
            _ => None,
        });
        let Some((coef, _)) = store.and_then(ix::Poly::of).and_then(|p| p.affine()) else { return };
        let dims: Vec<LoopId> = coef.keys().copied().collect();
        if !self.rect(&dims) {
            return;
        }
        // Loops without a part in the address stay behind their neighbours outside.
        for (l, c) in coef {
            self.order.insert(l, -c.saturating_abs().min(i64::MAX - 1));
        }
    }
    /// The batch over these loops of a node under `guard`: conditions that these loops decide.
    /// A single lane has none: what only loops that stay loops decide cannot take it away.
    fn batch(&self, dims: Vec<LoopId>, guard: &[Index]) -> Batch {
        if dims.is_empty() { Batch::default() } else { self.batch_all(dims, guard) }
    }
    /// The same with every condition that these loops and those that stay loops decide: for what must not happen else.
    fn batch_all(&self, dims: Vec<LoopId>, guard: &[Index]) -> Batch {
        let guard = guard.iter().filter(|g| self.lane_vars(g).iter().all(|v| dims.contains(v))).cloned().collect();
        Batch { dims, guard, boxed: false }
    }
    fn union(&self, of: &[&Batch]) -> Vec<LoopId> {
        self.closed(of.iter().flat_map(|b| b.dims.iter().copied()))
    }
    /// An expression over loops as one over the coordinates of a space of these loops.
    fn coords(&self, e: &Index, dims: &[LoopId]) -> E<Index> {
        let bad = std::cell::Cell::new(None);
        let r = e.subst(&|l| match l {
            Index::Var(v) => match dims.iter().position(|d| *d == v.0) {
                Some(k) => Some(Index::Coord(k as u32)),
                None => match self.seq.get(&v.0) {
                    Some(v) => Some(Index::Var(*v)),
                    None => {
                        bad.set(Some(v.0));
                        None
                    }
                },
            },
            _ => None,
        });
        match bad.get() {
            Some(v) => Err(format!("loop {v} is out of sight")),
            None => Ok(ix::norm(&r)),
        }
    }
    fn space(&self, b: &Batch) -> E<Space> {
        let mut dims = Vec::new();
        for l in &b.dims {
            let lp = &self.nest.loops[*l as usize];
            let hi = if b.boxed { Index::Const(lp.max as i64) } else { self.coords(&lp.trip, &b.dims)? };
            dims.push(SpaceDim::range(Index::Const(0), hi));
        }
        let mut guard = None;
        for g in &b.guard {
            let g = self.coords(g, &b.dims)?;
            guard = Some(match guard {
                None => g,
                Some(h) => Index::bin(IndexOp::And, h, g),
            });
        }
        Ok(Space { dims, guard })
    }
    fn len_of(&mut self, s: Space) -> E<(circuit::SpaceId, Len)> {
        if s.dims.is_empty() && s.guard.is_none() {
            let id = self.b.space(s);
            return Ok((id, Len::ONE));
        }
        let vars = s.mentions_vars();
        let max = if vars { self.most(&s) } else { 0 };
        let id = self.b.space(s);
        if let Some(l) = self.lens.get(&id) {
            return Ok((id, l.clone()));
        }
        let len = if vars {
            Len::Space { space: id, max }
        } else {
            let s = self.b.circuit().spaces[id.0 as usize].clone();
            Len::Const(s.count(&circuit::IndexEnv::default()).map_err(|e| e.to_string())?)
        };
        self.lens.insert(id, len.clone());
        Ok((id, len))
    }
    /// The most points that a space has in any iteration of the loops around: counted in each if they are few, else bounded.
    fn most(&self, s: &Space) -> u64 {
        let bound = s.bounds(&self.var_ranges).1;
        let mut vars: Vec<u32> = Vec::new();
        s.for_each_index(&mut |e| vars.extend(ix::vars(e)));
        let mut k = 0;
        while k < vars.len() {
            let v = vars[k];
            if vars[..k].contains(&v) {
                vars.remove(k);
                continue;
            }
            let Some(trip) = self.var_trips.get(v as usize) else { return bound };
            vars.extend(ix::vars(trip));
            k += 1;
        }
        vars.sort_unstable();
        let trip = |v: &u32| crate::trace_coords(&self.var_trips[*v as usize], &vars);
        let around =
            Space { dims: vars.iter().map(|v| SpaceDim::range(Index::Const(0), trip(v))).collect(), guard: None };
        let env = circuit::IndexEnv::default();
        let Ok(n) = around.count_within(&env, MAX_TURNS) else { return bound };
        if n > MAX_TURNS {
            return bound;
        }
        let mut values = vec![0; self.var_trips.len()];
        let mut most = Some(0);
        let walked = circuit::index::for_each_point(&around, &env, 0..n, |_, point| {
            for (v, x) in vars.iter().zip(point) {
                values[*v as usize] = *x;
            }
            let env = circuit::IndexEnv { vars: &values };
            most = most.and_then(|m: u64| Some(m.max(s.count_within(&env, MAX_STEPS).ok()?)));
        });
        walked.ok().and(most).map_or(bound, |m| m.min(bound))
    }
    fn len(&mut self, b: &Batch) -> E<Len> {
        let s = self.space(b)?;
        Ok(self.len_of(s)?.1)
    }
    fn gather_space(&mut self, w: WireId, s: Space, index: Index) -> E<WireId> {
        let (id, len) = self.len_of(s)?;
        if self.b.ty(w).len == Len::ONE && len == Len::ONE {
            return Ok(w);
        }
        let want = WireTy { len, ..self.b.ty(w).clone() };
        self.gate_want(Gate::Gather { space: id, index }, &[w], Some(want))
    }
    /// Lanes of `w` by an index over loops, one for each point of a batch.
    fn gather(&mut self, w: WireId, b: &Batch, index: &Index) -> E<WireId> {
        let i = self.coords(index, &b.dims)?;
        let s = self.space(b)?;
        self.gather_space(w, s, i)
    }
    /// The lane of a point in the box of some loops, over the loops' variables.
    fn box_rank(&self, dims: &[LoopId]) -> Index {
        dims.iter().fold(Index::Const(0), |r, l| {
            let n = self.nest.loops[*l as usize].max as i64;
            ix::add(&ix::scale(&r, n), &ix::var(*l))
        })
    }
    fn box_size(&self, dims: &[LoopId]) -> E<u64> {
        dims.iter()
            .try_fold(1u64, |n, l| n.checked_mul(self.nest.loops[*l as usize].max))
            .ok_or("too many lanes".into())
    }
    /// Whether no trip count among these loops depends on another of them.
    fn rect(&self, dims: &[LoopId]) -> bool {
        dims.iter().all(|l| !ix::vars(&self.nest.loops[*l as usize].trip).iter().any(|v| dims.contains(v)))
    }
    /// The lane of a point in a batch, if there is an expression for it.
    fn rank(&self, b: &Batch) -> Option<Index> {
        if b.boxed {
            return Some(self.box_rank(&b.dims));
        }
        if !b.guard.is_empty() {
            return None;
        }
        let trip = |l: &LoopId| &self.nest.loops[*l as usize].trip;
        if self.rect(&b.dims) {
            let mut r = Index::Const(0);
            for (k, l) in b.dims.iter().enumerate() {
                r = if k == 0 { ix::var(*l) } else { ix::add(&ix::mul(&r, trip(l)), &ix::var(*l)) };
            }
            return Some(r);
        }
        // Triangles: rows of c + s i lanes.
        if let [i, j] = b.dims[..]
            && let Some((coef, c)) = ix::Poly::of(trip(&j)).and_then(|p| p.affine())
            && ix::interval(trip(&j), &self.nest.ranges).0 >= 0
            && coef.len() == 1
            && let Some(s) = coef.get(&i)
        {
            let x = ix::var(i);
            let square = ix::mul(&x, &ix::sub(&x, &Index::Const(1)));
            let half = ix::bin(IndexOp::Div, &square, &Index::Const(2));
            let rows = ix::add(&ix::scale(&x, c), &ix::scale(&half, *s));
            return Some(ix::add(&rows, &ix::var(j)));
        }
        None
    }
    /// A wire over the box of its batch's loops, `fill` where it has no lane.
    fn boxed(&mut self, w: WireId, from: &Batch, fill: u128) -> E<(WireId, Batch)> {
        let to = Batch { dims: from.dims.clone(), guard: vec![], boxed: true };
        let (elem, size) = (self.elem(w), self.box_size(&to.dims)?);
        let base = self.constant(fill, elem, Len::Const(size))?;
        let index = self.box_rank(&from.dims);
        let index = self.coords(&index, &from.dims)?;
        let space = self.space(from)?;
        let (space, _) = self.len_of(space)?;
        Ok((self.gate(Gate::Scatter { space, index }, &[base, w])?, to))
    }
    /// The wire over another batch.
    fn convert(&mut self, w: WireId, from: &Batch, to: &Batch) -> E<WireId> {
        self.convert_fill(w, from, to, 0)
    }
    fn convert_fill(&mut self, w: WireId, from: &Batch, to: &Batch, fill: u128) -> E<WireId> {
        let lanes_only = from.dims.iter().all(|l| self.lane_loop(*l));
        if from == to && lanes_only {
            return Ok(w);
        }
        if let Some(v) = self.consts.get(&w).copied() {
            let (elem, len) = (self.elem(w), self.len(to)?);
            return self.constant(v, elem, len);
        }
        if from.guard.is_empty() && from.dims == to.dims && to.guard.is_empty() && lanes_only && self.full(&from.dims) {
            return Ok(w);
        }
        let (w, from) = match self.rank(from) {
            Some(_) => (w, from.clone()),
            None => {
                if !lanes_only {
                    return Err("a ragged batch over a loop that stays one".into());
                }
                self.boxed(w, from, fill)?
            }
        };
        let rank = self.rank(&from).ok_or("no rank")?;
        self.gather(w, to, &rank)
    }
    /// Whether the exact iterations of these loops are their box.
    fn full(&self, dims: &[LoopId]) -> bool {
        dims.iter().all(|l| {
            let lp = &self.nest.loops[*l as usize];
            lp.trip.as_const() == Some(lp.max as i64)
        })
    }
    fn span(&mut self, n: NodeId) {
        self.b.span = SpanId(self.nest.n(n).span);
    }
    fn register(&mut self, n: NodeId, w: WireId, b: Batch) {
        self.wires.insert(n, w, b);
        if let Some(m) = self.made.last_mut() {
            m.push(n);
        }
    }
    fn wire(&self, n: NodeId) -> E<(WireId, Batch)> {
        self.wires
            .get(n)
            .map(|(w, b)| (w, b.clone()))
            .ok_or_else(|| format!("node {n} ({:?}) has no wire yet", self.nest.n(n).op))
    }
    /// A node's wire over a batch.
    fn wire_in(&mut self, n: NodeId, to: &Batch) -> E<WireId> {
        let (w, b) = self.wire(n)?;
        // Not where the place may be out of range: there it is not read.
        if b != *to && b.guard.iter().all(|g| to.guard.contains(g)) {
            match self.sources.get(&n).cloned() {
                Some(Source::Lanes(base, at)) => {
                    let lanes = self.b.ty(base).len.as_const();
                    if lanes.is_some_and(|n| self.covers(to, &at, &[], n)) {
                        return Ok(base);
                    }
                    return self.gather(base, to, &at);
                }
                Some(Source::Number(e)) => {
                    let elem = self.elem(w);
                    return self.iota(&e, to, elem);
                }
                None => {}
            }
        }
        self.convert(w, &b, to)
    }
}
