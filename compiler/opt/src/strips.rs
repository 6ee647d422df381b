//! Long vectors in strips, so that a run fits a budget of memory: the rounds of one strip beside those of the strips before it.
//!
//! ```text
//! %1 = in.share #0 %0 : arith64 u64[L]        %a = in.share (strip 0), …             the first rounds
//! %3 = arith.mul %1, %2 : arith64 u64[L]  →   loop i0 in D..T [%a', %b', %acc] {     one round for each strip:
//! %4 = open #1 %3 to all : clear u64[L]         in.share (strip i0), arith.mul (strip i0 - 1), open (strip i0 - 2)
//!                                               %acc = scatter (strip i0 - 2 at its place) }
//!                                             arith.mul (strip T - 1), …             the last rounds
//! ```
//! Of the gates of the root those that work lane by lane on L lanes, and that need nothing of what comes from such lanes by another
//! way, run strip by strip: phase k of a gate is the round of a strip in which it runs. T strips of D phases take T + D - 1
//! rounds. What later gates or outputs read of them is put together as it comes; sums and dot products of all lanes are added up.
//!
//! The meaning is kept because such a gate does the same on every lane, whichever lanes run beside it, and sums may be
//! grouped. Bytes stay as they are but for the shares of a dot product, one for each strip.

use crate::cost::{self, Cost};
use crate::error::Result;
use crate::pipeline::Compiled;
use crate::{Profile, schedule};
use circuit::{
    Bin, Circuit, Domain, EffectId, Gate, Index, Len, LoopVar, Op, PartyId, Recipient, Red, Region, RegionId, Space,
    SpaceDim, SpaceId, SpanId, WireId, WireTy,
};
use rustc_hash::{FxHashMap, FxHashSet};
use spec::Protocol;

/// Fewer lanes than this are not worth strips.
const FEW: u64 = 1 << 12;
/// Strips are whole words of planes, and whole thirds of them.
const UNIT: u64 = 192;
/// Gates that the rounds before and after the loop may take, all together.
const MOST_GATES: usize = 200_000;
/// Most strips that are tried.
const MOST_STRIPS: u64 = 1 << 14;

/// A way to run a circuit.
#[derive(Clone, Debug)]
pub struct Way {
    /// The circuit and its schedule.
    pub compiled: Compiled,
    /// Most bytes of values and messages of all nodes together, or more where that is good enough.
    pub peak: u128,
    /// Strips of its longest vectors.
    pub strips: u64,
}

/// A point of the curve of rounds against memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Strips.
    pub strips: u64,
    /// Rounds.
    pub rounds: u128,
    /// Most bytes of values and messages of all nodes together.
    pub peak: u128,
}

/// The way of fewest rounds whose peak is good enough, and the points on the way there, none where that is plain to see; of the
/// least peak if none is. Each has about twice as many strips as the one before.
///
/// # Errors
/// Of the schedule and the cost.
pub fn fit(
    compiled: Compiled,
    protocol: &Protocol,
    profile: &Profile,
    enough: &dyn Fn(u128) -> bool,
) -> Result<(Way, Vec<Point>)> {
    // All that is ever made takes no longer to add up than one pass.
    let all = everything(&compiled.gates, protocol);
    if enough(all) {
        return Ok((Way { compiled, peak: all, strips: 1 }, vec![]));
    }
    let price = |c: &Compiled| cost::cost(&c.gates, &c.schedule, protocol, profile);
    let point = |cost: &Cost, strips| Point { strips, rounds: cost.rounds, peak: cost.predicted_peak_bytes };
    let first = point(&price(&compiled)?, 1);
    let mut curve = vec![first];
    let plan = if enough(first.peak) { None } else { Plan::of(&compiled.gates, FEW) };
    let Some(plan) = plan else { return Ok((Way { compiled, peak: first.peak, strips: 1 }, curve)) };
    let whole = compiled.gates.clone();
    let mut best = Way { compiled, peak: first.peak, strips: 1 };
    let (mut want, mut last) = (2, first);
    while want <= MOST_STRIPS && last.strips.saturating_mul(UNIT) < plan.lanes {
        let width = plan.lanes.div_ceil(want).div_ceil(UNIT) * UNIT;
        want *= 2;
        let strips = plan.lanes.div_ceil(width);
        if strips <= plan.depth as u64 || strips <= last.strips {
            continue;
        }
        let gates = plan.cut(&whole, width);
        let schedule = schedule::schedule(&gates)?;
        let compiled = Compiled { gates, schedule };
        let now = point(&price(&compiled)?, strips);
        curve.push(now);
        // More strips that save next to nothing are not worth their rounds.
        let stuck = last.strips > 1 && now.peak * 50 > last.peak * 49;
        last = now;
        if now.peak < best.peak {
            best = Way { compiled, peak: now.peak, strips };
        }
        if enough(now.peak) || stuck {
            break;
        }
    }
    Ok((best, curve))
}

/// Bytes of all wires at all nodes, as if each were live all the time and stood in no loop, inputs and outputs twice.
fn everything(c: &Circuit, protocol: &Protocol) -> u128 {
    let nodes = protocol.nodes as u128;
    let wire = |t: &WireTy| {
        let lanes = u128::from(t.len.max_lanes());
        let each = match t.domain {
            Domain::Arith { ring } => u128::from(ring / 8) * lanes * 2,
            Domain::Bits { planes } => u128::from(planes) * lanes.div_ceil(64) * 16,
            _ => 16 * lanes,
        };
        each * nodes * 2
    };
    c.wires.iter().map(wire).fold(0, u128::saturating_add)
}

/// The circuit with its longest vectors in strips of `width` lanes; `None` where there are none, or fewer strips than they
/// would have phases.
pub fn cut(c: &Circuit, width: u64) -> Option<Circuit> {
    let plan = Plan::of(c, 2).filter(|p| width > 0 && p.lanes.div_ceil(width) > p.depth as u64)?;
    Some(plan.cut(c, width))
}

/// What runs in strips.
struct Plan {
    lanes: u64,
    /// Phases.
    depth: usize,
    /// By gate of the root.
    role: Vec<Role>,
    /// By wire, of those made by gates that run in strips: the phase in which it is there; 0 for what any phase can make.
    made: FxHashMap<WireId, usize>,
    /// Wires that phase k + 1 or a later one reads and phase k or one before has made, by k; the first list is empty.
    carried: Vec<Vec<WireId>>,
    /// Wires of which all lanes are wanted by others, and results of sums.
    whole: Vec<WireId>,
    sums: Vec<WireId>,
    /// Gates that any phase can make, and that others want whole too: they stay as well.
    both: FxHashSet<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Before all strips.
    Before,
    /// In strips, in this phase; 0: wherever it is needed.
    Strip(usize),
    /// A sum over all lanes, in this phase.
    Sum(usize),
    /// After all strips.
    After,
}

/// Whether an operation does the same on every lane, and nothing else.
fn lane_wise(c: &Circuit, g: &Gate) -> bool {
    let single = |p: PartyId| c.parties.get(p.0 as usize).is_some_and(|p| p.family.is_none()) && !c.is_client(p);
    match &g.op {
        Op::InputShare(_) => g.args.first().is_some_and(|a| matches!(c.ty(*a).domain, Domain::Local(p) if single(p))),
        Op::Open { to: Recipient::All, .. } => true,
        Op::Open { to: Recipient::Party(p), .. } => single(*p),
        // A division on clear numbers may end the run.
        Op::Bin(b) => !matches!(b, Bin::Div | Bin::Rem),
        Op::Const(_)
        | Op::Un(_)
        | Op::Select
        | Op::Lift
        | Op::ArithAdd
        | Op::ArithSub
        | Op::ArithScale
        | Op::ArithTrunc
        | Op::ArithMul
        | Op::BitsXor
        | Op::BitsNot
        | Op::BitsMask
        | Op::BitsAnd
        | Op::Planes(_)
        | Op::A2bDeal { .. }
        | Op::B2aDeal
        | Op::TruncDeal { .. } => true,
        _ => false,
    }
}

/// Bytes of a lane, roughly.
fn weight(t: &WireTy) -> u64 {
    match t.domain {
        Domain::Arith { ring } => u64::from(ring) * 6,
        Domain::Bits { planes } => u64::from(planes) * 6,
        _ => u64::from(t.elem.bits()) * 2,
    }
}

impl Plan {
    /// Which vectors are cut: those of the length of which there is most.
    fn of(c: &Circuit, few: u64) -> Option<Plan> {
        let mut by_length: FxHashMap<u64, u64> = FxHashMap::default();
        let gates = &c.region(c.root).gates;
        for g in gates.iter().filter(|g| lane_wise(c, g)) {
            for o in &g.outs {
                if let Len::Const(n) = c.ty(*o).len
                    && n >= few
                {
                    *by_length.entry(n).or_default() += weight(c.ty(*o)).saturating_mul(n);
                }
            }
        }
        let lanes = by_length.into_iter().max_by_key(|(n, w)| (*w, *n))?.0;
        let mut role = roles(c, lanes);
        let made = phases(c, &mut role);
        let depth = made.values().copied().max().unwrap_or(0);
        let inside = role.iter().filter(|r| matches!(r, Role::Strip(_) | Role::Sum(_))).count();
        if depth == 0 || inside.saturating_mul(2 * depth + 2) > MOST_GATES {
            return None;
        }
        let mut plan = Plan {
            lanes,
            depth,
            role,
            made,
            carried: vec![vec![]; depth + 1],
            whole: vec![],
            sums: vec![],
            both: FxHashSet::default(),
        };
        plan.connect(c);
        Some(plan)
    }

    /// Finds who reads what when.
    fn connect(&mut self, c: &Circuit) {
        let gates = &c.region(c.root).gates;
        let mut last: FxHashMap<WireId, usize> = FxHashMap::default();
        let mut outside: FxHashSet<WireId> = c.outputs.iter().map(|o| o.wire).collect();
        for (g, role) in gates.iter().zip(&self.role) {
            match role {
                Role::Strip(k) | Role::Sum(k) => {
                    for a in &g.args {
                        let at = last.entry(*a).or_default();
                        *at = (*at).max(*k);
                    }
                }
                Role::Before | Role::After => {
                    outside.extend(&g.args);
                    g.op.regions().for_each(|r| reads(c, r, &mut outside));
                }
            }
        }
        for (g, role) in gates.iter().zip(&self.role) {
            match role {
                Role::Strip(_) => {
                    for o in &g.outs {
                        let (made, last) = (self.made.get(o).copied().unwrap_or(0), last.get(o).copied().unwrap_or(0));
                        if made > 0 {
                            (made..last).for_each(|k| self.carried[k].push(*o));
                        }
                        if made > 0 && outside.contains(o) {
                            self.whole.push(*o);
                        }
                    }
                }
                Role::Sum(_) => self.sums.extend(&g.outs),
                Role::Before | Role::After => {}
            }
        }
        for (k, g) in gates.iter().enumerate().rev().filter(|(k, _)| self.role[*k] == Role::Strip(0)) {
            if g.outs.iter().any(|o| outside.contains(o)) {
                self.both.insert(k);
                outside.extend(&g.args);
            }
        }
    }

    /// The circuit in strips of so many lanes; there must be more of them than phases.
    fn cut(&self, c: &Circuit, width: u64) -> Circuit {
        let mut out = c.clone();
        let root = out.root.0 as usize;
        let old = std::mem::take(&mut out.regions[root].gates);
        let strips = self.lanes.div_ceil(width);
        let first = self.lanes - (strips - 1) * width;
        let mut e = Emit { plan: self, old: &old, c: &mut out, gates: vec![], span: SpanId::default() };
        e.keep(Role::Before);
        // Strip s goes through phase k in tick s + k - 1.
        let place = |s: u64| {
            let at = if s == 0 { 0 } else { first + (s - 1) * width };
            Strip { at: Index::Const(at as i64), lanes: if s == 0 { first } else { width } }
        };
        let depth = self.depth as u64;
        let mut under_way: FxHashMap<u64, FxHashMap<WireId, WireId>> = FxHashMap::default();
        let mut sums: FxHashMap<WireId, WireId> = FxHashMap::default();
        let ticks = |e: &mut Emit<'_>,
                     sums: &mut FxHashMap<WireId, WireId>,
                     under_way: &mut FxHashMap<u64, FxHashMap<WireId, WireId>>,
                     range: std::ops::Range<u64>| {
            for tick in range {
                for k in (1..=depth).rev() {
                    if let Some(s) = (tick + 1).checked_sub(k).filter(|s| *s < strips) {
                        let env = under_way.remove(&s).unwrap_or_default();
                        let env = e.phase(k as usize, &place(s), env, sums);
                        under_way.insert(s, env);
                    }
                }
            }
        };
        ticks(&mut e, &mut sums, &mut under_way, 0..depth);
        // What comes around: of the strip in each phase what later ones read, and what is put together.
        let var = LoopVar(e.c.loop_vars);
        e.c.loop_vars += 1;
        let of = |k: usize, s: u64| (k, s);
        let slots: Vec<(usize, WireId)> =
            (1..self.depth).flat_map(|k| self.carried[k].iter().map(move |w| (k, *w))).collect();
        let together: Vec<WireId> = self.whole.iter().chain(&self.sums).copied().collect();
        let mut args = vec![];
        for (k, w) in &slots {
            let (_, s) = of(*k, depth - *k as u64);
            args.push(under_way.get(&s).and_then(|env| env.get(w)).copied().unwrap_or(*w));
        }
        args.extend(together.iter().map(|w| sums.get(w).copied().unwrap_or(*w)));
        let params: Vec<WireId> = args.iter().map(|w| e.like(*w)).collect();
        let outer = std::mem::take(&mut e.gates);
        let mut inner: FxHashMap<WireId, WireId> =
            together.iter().copied().zip(params[slots.len()..].iter().copied()).collect();
        let mut results: FxHashMap<(usize, WireId), WireId> = FxHashMap::default();
        for k in 1..=self.depth {
            let before = slots.iter().zip(&params).filter(|(s, _)| s.0 + 1 == k).map(|(s, p)| (s.1, *p)).collect();
            // Strip i - k + 1, which begins after the first one and the whole ones before it.
            let whole = Index::mul(Index::sub(Index::Var(var), Index::Const(k as i64)), Index::Const(width as i64));
            let strip = Strip { at: Index::add(whole, Index::Const(first as i64)), lanes: width };
            let env = e.phase(k, &strip, before, &mut inner);
            for w in &self.carried[k.min(self.depth)] {
                if let Some(x) = env.get(w) {
                    results.insert((k, *w), *x);
                }
            }
        }
        let gates = std::mem::replace(&mut e.gates, outer);
        let mut back: Vec<WireId> = slots.iter().map(|s| results.get(s).copied().unwrap_or(s.1)).collect();
        back.extend(together.iter().map(|w| inner.get(w).copied().unwrap_or(*w)));
        let body = RegionId(e.c.regions.len() as u32);
        e.c.regions.push(Region { params, gates, results: back });
        let outs: Vec<WireId> = args.iter().map(|w| e.like(*w)).collect();
        let (lo, hi) = (Index::Const(depth as i64), Index::Const(strips as i64));
        let span = e.span;
        e.gates.push(Gate { op: Op::Loop { var, lo, hi, step: 1, body }, args, outs: outs.clone(), span });
        // After the loop, strip T - k has been through phase k.
        under_way.clear();
        for ((k, w), o) in slots.iter().zip(&outs) {
            let (_, s) = of(*k, strips - *k as u64);
            under_way.entry(s).or_default().insert(*w, *o);
        }
        sums = together.iter().copied().zip(outs[slots.len()..].iter().copied()).collect();
        ticks(&mut e, &mut sums, &mut under_way, strips..strips + depth - 1);
        e.finish(&sums);
        let gates = e.gates;
        out.regions[root].gates = gates;
        for o in &mut out.outputs {
            if let Some(w) = sums.get(&o.wire) {
                o.wire = *w;
            }
        }
        out
    }
}

/// All that a region and those inside of it read.
fn reads(c: &Circuit, r: RegionId, out: &mut FxHashSet<WireId>) {
    let region = c.region(r);
    out.extend(&region.results);
    for g in &region.gates {
        out.extend(&g.args);
        g.op.regions().for_each(|r| reads(c, r, out));
    }
}

/// What each gate of the root has to do with strips of so many lanes.
fn roles(c: &Circuit, lanes: u64) -> Vec<Role> {
    let gates = &c.region(c.root).gates;
    let long = |w: &WireId| c.ty(*w).len == Len::Const(lanes);
    let (mut inside, mut late): (FxHashSet<WireId>, FxHashSet<WireId>) = Default::default();
    let mut role = Vec::with_capacity(gates.len());
    for g in gates {
        let mut used: FxHashSet<WireId> = g.args.iter().copied().collect();
        g.op.regions().for_each(|r| reads(c, r, &mut used));
        let tainted = used.iter().any(|w| late.contains(w));
        let of_all = |group: &Len| {
            *group == Len::Const(lanes) && g.args.iter().all(long) && g.args.iter().any(|a| inside.contains(a))
        };
        let one = g.outs.iter().all(|o| c.ty(*o).len == Len::Const(1));
        let domain = c.result_domain(g);
        let sum = one
            && match &g.op {
                Op::Dot { group } => of_all(group) && matches!(domain, Some(Domain::Arith { .. })),
                Op::Reduce { red: Red::Add, group } => {
                    of_all(group) && matches!(domain, Some(Domain::Arith { .. } | Domain::Clear))
                }
                _ => false,
            };
        role.push(if tainted {
            late.extend(&g.outs);
            Role::After
        } else if lane_wise(c, g) && !g.outs.is_empty() && g.outs.iter().chain(&g.args).all(long) {
            inside.extend(&g.outs);
            Role::Strip(0)
        } else if sum {
            late.extend(&g.outs);
            Role::Sum(0)
        } else if used.iter().any(|w| inside.contains(w)) {
            late.extend(&g.outs);
            Role::After
        } else {
            Role::Before
        });
    }
    role
}

/// Gives gates that run in strips their phases, and says when each wire is there.
fn phases(c: &Circuit, role: &mut [Role]) -> FxHashMap<WireId, usize> {
    let gates = &c.region(c.root).gates;
    let inside = |r: &Role| matches!(r, Role::Strip(_) | Role::Sum(_));
    let mut fixed: Vec<Option<usize>> = vec![None; gates.len()];
    let forward = |fixed: &[Option<usize>]| {
        let mut made: FxHashMap<WireId, usize> = FxHashMap::default();
        for (k, g) in gates.iter().enumerate().filter(|(k, _)| inside(&role[*k])) {
            let before = g.args.iter().filter_map(|a| made.get(a)).copied().max().unwrap_or(0);
            let at = fixed[k].unwrap_or(before + usize::from(c.interactive(g)));
            g.outs.iter().for_each(|o| {
                made.insert(*o, at);
            });
        }
        made
    };
    // Inputs, which only grow memory, are shared right before they are needed.
    let early = forward(&fixed);
    let mut need: FxHashMap<WireId, usize> = FxHashMap::default();
    for (k, g) in gates.iter().enumerate().rev().filter(|(k, _)| inside(&role[*k])) {
        let at = g.outs.first().and_then(|o| early.get(o)).copied().unwrap_or(0);
        let wanted = g.outs.iter().filter_map(|o| need.get(o)).copied().min();
        let before = if matches!(g.op, Op::InputShare(_)) {
            fixed[k] = Some(wanted.unwrap_or(1).max(1));
            0
        } else if c.interactive(g) {
            at - 1
        } else {
            wanted.unwrap_or(at)
        };
        for a in &g.args {
            let n = need.entry(*a).or_insert(before);
            *n = (*n).min(before);
        }
    }
    let made = forward(&fixed);
    for (k, g) in gates.iter().enumerate() {
        let at = g.outs.first().and_then(|o| made.get(o)).copied().unwrap_or(0);
        match &mut role[k] {
            Role::Strip(p) => *p = at,
            Role::Sum(p) => *p = at.max(1),
            Role::Before | Role::After => {}
        }
    }
    made
}

/// Lanes of a strip.
struct Strip {
    at: Index,
    lanes: u64,
}

struct Emit<'a> {
    plan: &'a Plan,
    old: &'a [Gate],
    c: &'a mut Circuit,
    /// Of the region under way.
    gates: Vec<Gate>,
    span: SpanId,
}

impl Emit<'_> {
    fn wire(&mut self, ty: WireTy) -> WireId {
        self.c.wires.push(ty);
        WireId(self.c.wires.len() as u32 - 1)
    }
    fn like(&mut self, w: WireId) -> WireId {
        let ty = self.c.ty(w).clone();
        self.wire(ty)
    }
    fn push(&mut self, op: Op, args: Vec<WireId>, ty: WireTy) -> WireId {
        let out = self.wire(ty);
        self.gates.push(Gate { op, args, outs: vec![out], span: self.span });
        out
    }
    fn space(&mut self, lanes: u64) -> SpaceId {
        let space = Space { dims: vec![SpaceDim::upto(lanes as i64)], guard: None };
        if let Some(k) = self.c.spaces.iter().position(|s| *s == space) {
            return SpaceId(k as u32);
        }
        self.c.spaces.push(space);
        SpaceId(self.c.spaces.len() as u32 - 1)
    }
    /// Gates that stay whole, of a role.
    fn keep(&mut self, role: Role) {
        for (k, g) in self.old.iter().enumerate() {
            if self.plan.role[k] == role || (role == Role::Before && self.plan.both.contains(&k)) {
                self.gates.push(g.clone());
            }
        }
    }
    /// The gates behind the strips, on what these came to.
    fn finish(&mut self, sums: &FxHashMap<WireId, WireId>) {
        let from = self.gates.len();
        self.keep(Role::After);
        let new = |w: &mut WireId| {
            if let Some(x) = sums.get(w) {
                *w = *x;
            }
        };
        let mut inner: Vec<RegionId> = vec![];
        for g in &mut self.gates[from..] {
            g.args.iter_mut().for_each(new);
            inner.extend(g.op.regions());
        }
        let mut seen: FxHashSet<RegionId> = FxHashSet::default();
        while let Some(r) = inner.pop() {
            if !seen.insert(r) {
                continue;
            }
            let region = &mut self.c.regions[r.0 as usize];
            region.results.iter_mut().for_each(new);
            for g in &mut region.gates {
                g.args.iter_mut().for_each(new);
                inner.extend(g.op.regions());
            }
        }
    }

    /// Phase `k` of a strip, on what was made of it so far; gives what is made of it now. What belongs together is put so.
    fn phase(
        &mut self,
        k: usize,
        strip: &Strip,
        before: FxHashMap<WireId, WireId>,
        sums: &mut FxHashMap<WireId, WireId>,
    ) -> FxHashMap<WireId, WireId> {
        let (plan, old) = (self.plan, self.old);
        let mut env = before;
        // What any phase can make, and pieces of whole vectors, are made where they are needed.
        let mut here: FxHashMap<WireId, WireId> = FxHashMap::default();
        let free: FxHashMap<WireId, usize> = old
            .iter()
            .enumerate()
            .filter(|(j, _)| plan.role[*j] == Role::Strip(0))
            .flat_map(|(j, g)| g.outs.iter().map(move |o| (*o, j)))
            .collect();
        for (g, role) in old.iter().zip(&plan.role) {
            self.span = g.span;
            match role {
                Role::Strip(p) if *p == k => {
                    let args = g.args.iter().map(|a| self.value(*a, strip, &env, &mut here, &free)).collect();
                    self.copy(g, args, strip.lanes, &mut env);
                }
                Role::Sum(p) if *p == k => {
                    let args = g.args.iter().map(|a| self.value(*a, strip, &env, &mut here, &free)).collect();
                    let mut part = FxHashMap::default();
                    self.copy(g, args, strip.lanes, &mut part);
                    for (o, x) in part {
                        let all = match sums.get(&o) {
                            None => x,
                            Some(s) => {
                                let clear = self.c.ty(x).domain == Domain::Clear;
                                let op = if clear { Op::Bin(Bin::Add) } else { Op::ArithAdd };
                                let (s, ty) = (*s, self.c.ty(x).clone());
                                self.push(op, vec![s, x], ty)
                            }
                        };
                        sums.insert(o, all);
                    }
                }
                _ => {}
            }
        }
        for w in &plan.whole {
            if plan.made.get(w) != Some(&k) {
                continue;
            }
            let x = self.value(*w, strip, &env, &mut here, &free);
            let ty = WireTy { len: Len::Const(plan.lanes), ..self.c.ty(x).clone() };
            let base = match sums.get(w) {
                Some(s) => *s,
                None => {
                    let space = self.space(plan.lanes);
                    self.push(Op::Gather { space, index: Index::Const(0) }, vec![x], ty.clone())
                }
            };
            let space = self.space(strip.lanes);
            let index = Index::add(Index::Coord(0), strip.at.clone());
            let all = self.push(Op::Scatter { space, index }, vec![base, x], ty);
            sums.insert(*w, all);
        }
        env
    }
    /// A gate on a strip.
    fn copy(&mut self, g: &Gate, args: Vec<WireId>, lanes: u64, env: &mut FxHashMap<WireId, WireId>) {
        let mut op = g.op.clone();
        if let Some(id) = op.effect_mut() {
            *id = EffectId(self.c.effects);
            self.c.effects += 1;
        }
        if let Op::Dot { group } | Op::Reduce { group, .. } = &mut op {
            *group = Len::Const(lanes);
        }
        let whole = Len::Const(self.plan.lanes);
        let mut outs = vec![];
        for o in &g.outs {
            let ty = self.c.ty(*o).clone();
            let len = if ty.len == whole { Len::Const(lanes) } else { ty.len.clone() };
            outs.push(self.wire(WireTy { len, ..ty }));
            env.insert(*o, outs[outs.len() - 1]);
        }
        self.gates.push(Gate { op, args, outs, span: g.span });
    }
    /// An operand's lanes of a strip.
    fn value(
        &mut self,
        w: WireId,
        strip: &Strip,
        env: &FxHashMap<WireId, WireId>,
        here: &mut FxHashMap<WireId, WireId>,
        free: &FxHashMap<WireId, usize>,
    ) -> WireId {
        if let Some(x) = env.get(&w).or_else(|| here.get(&w)) {
            return *x;
        }
        match free.get(&w) {
            Some(j) => {
                let g = &self.old[*j];
                let args = g.args.iter().map(|a| self.value(*a, strip, env, here, free)).collect();
                self.copy(g, args, strip.lanes, here);
            }
            None => {
                let ty = WireTy { len: Len::Const(strip.lanes), ..self.c.ty(w).clone() };
                let space = self.space(strip.lanes);
                let index = Index::add(Index::Coord(0), strip.at.clone());
                let x = self.push(Op::Gather { space, index }, vec![w], ty);
                here.insert(w, x);
            }
        }
        here.get(&w).copied().unwrap_or(w)
    }
}
