//! How many bytes the values of a run take at most: a walk over the schedule with the lifetimes that the engine keeps.
//!
//! A value lives from its gate to its last use; operands of a round live until the round is over. Of a loop whose body
//! changes size, the first turn, the last, and one between are looked at. Counts what all nodes hold together. Knows no base
//! of a process: whoever runs the nodes adds it.

use circuit::{
    Circuit, Domain, Elem, Gate, IndexEnv, Item, LoopVar, Op, PartyId, Recipient, RegionId, Schedule, WireId,
};
use rustc_hash::{FxHashMap, FxHashSet};
use spec::Protocol;

/// Turns of a loop that stands in no other of whose values that is counted.
const KEPT_TURNS: i128 = 8;

/// Bytes of one link that are under way at most: the window of a receiver and a chunk.
const IN_FLIGHT: u128 = (4 << 20) + (256 << 10);

/// What is freed goes back to the system after a while: up to so many bytes wait for that, as measured.
const FREED: u128 = 80 << 20;

/// Bytes that all nodes together hold at most.
pub(super) fn peak(c: &Circuit, s: &Schedule, p: &Protocol) -> u128 {
    let mut w = Walk {
        c,
        s,
        nodes: p.nodes as u128,
        vars: vec![0; c.loop_vars as usize],
        captured: FxHashMap::default(),
        depends: FxHashMap::default(),
        called: FxHashMap::default(),
        made: 0,
        looping: false,
    };
    let run = w.region(c.root);
    let run = run + w.made.saturating_sub(run).min(FREED);
    // At the end: each node's results, and one copy of all.
    let outputs = c.outputs.iter().map(|o| {
        let t = c.ty(o.wire);
        let lanes = w.lanes(o.wire);
        match o.kept {
            Some(_) => w.shares(t.domain, lanes),
            None => w.column(o.party, t.elem, lanes) + lanes * word(t.elem),
        }
    });
    run.max(outputs.sum())
}

/// Bytes of a clear lane.
fn word(e: Elem) -> u128 {
    u128::from(e.bits().next_power_of_two().max(8) / 8)
}

struct Walk<'a> {
    c: &'a Circuit,
    s: &'a Schedule,
    nodes: u128,
    vars: Vec<i64>,
    /// Outer wires that a region reads, its inner regions' included.
    captured: FxHashMap<RegionId, FxHashSet<WireId>>,
    /// Whether a region's sizes hang on a variable of a loop around it.
    depends: FxHashMap<(RegionId, LoopVar), bool>,
    /// Peaks of called regions, which see no variable.
    called: FxHashMap<RegionId, u128>,
    /// All that was made, dead or alive; of a loop some turns count.
    made: u128,
    /// Whether this is inside of a loop.
    looping: bool,
}

impl Walk<'_> {
    /// A clear column at those that hold it: all nodes, a party's, or, with the full length, those of a family's members.
    fn column(&self, party: Option<PartyId>, elem: Elem, lanes: u128) -> u128 {
        let single = party.and_then(|p| self.c.parties.get(p.0 as usize)).is_some_and(|p| p.family.is_none());
        lanes * word(elem) * if single { 1 } else { self.nodes }
    }

    /// Shares at all nodes.
    fn shares(&self, domain: Domain, lanes: u128) -> u128 {
        match domain {
            Domain::Arith { ring } => self.nodes * 2 * lanes * u128::from(ring / 8),
            Domain::Bits { planes } => self.nodes * 2 * u128::from(planes) * lanes.div_ceil(64) * 8,
            _ => 0,
        }
    }

    /// With the variables as they are.
    fn lanes(&self, w: WireId) -> u128 {
        let len = &self.c.ty(w).len;
        u128::from(len.eval(self.c, &self.vars).unwrap_or_else(|_| len.max_lanes()))
    }

    /// A wire at all nodes.
    fn bytes(&self, w: WireId) -> u128 {
        let t = self.c.ty(w);
        let lanes = self.lanes(w);
        match t.domain {
            d @ (Domain::Arith { .. } | Domain::Bits { .. }) => self.shares(d, lanes),
            Domain::Local(p) => self.column(Some(p), t.elem, lanes),
            _ => self.column(None, t.elem, lanes),
        }
    }

    fn sum<'w>(&self, ws: impl IntoIterator<Item = &'w WireId>) -> u128 {
        ws.into_iter().map(|w| self.bytes(*w)).sum()
    }

    /// What a gate of a round takes beside operands and results.
    fn beside(&self, g: &Gate) -> u128 {
        let outs = self.sum(&g.outs);
        match (&g.op, g.args.first().map(|a| self.c.ty(*a))) {
            (Op::InputShare(_), Some(t)) => {
                let family = match t.domain {
                    Domain::Local(p) => self.c.parties.get(p.0 as usize).is_some_and(|p| p.family.is_some()),
                    _ => false,
                };
                // A family's members are shared densely and then spread to their lanes.
                let value = outs / (2 * self.nodes);
                if family { outs + value } else { value }
            }
            // What comes, before it is added up.
            (Op::Open { to: Recipient::All, .. }, _) => self.sum(&g.args) / 2,
            (Op::Open { .. }, _) => self.sum(&g.args) / (2 * self.nodes),
            _ => 0,
        }
    }

    fn captures(&mut self, r: RegionId) -> FxHashSet<WireId> {
        if let Some(known) = self.captured.get(&r) {
            return known.clone();
        }
        let c = self.c;
        let region = c.region(r);
        let mut reads: FxHashSet<WireId> = region.results.iter().copied().collect();
        for g in &region.gates {
            reads.extend(g.args.iter().copied());
            for inner in g.op.regions() {
                reads.extend(self.captures(inner));
            }
        }
        for w in region.params.iter().chain(region.gates.iter().flat_map(|g| &g.outs)) {
            reads.remove(w);
        }
        self.captured.insert(r, reads.clone());
        reads
    }

    /// Wires that each gate is the last to read, by index of the gate.
    fn last(&mut self, r: RegionId, order: &[u32]) -> FxHashMap<u32, Vec<WireId>> {
        let c = self.c;
        let region = c.region(r);
        let own: FxHashSet<WireId> =
            region.params.iter().chain(region.gates.iter().flat_map(|g| &g.outs)).copied().collect();
        let mut live: FxHashSet<WireId> = region.results.iter().copied().collect();
        if r == c.root {
            live.extend(c.outputs.iter().map(|o| o.wire));
        }
        let mut out: FxHashMap<u32, Vec<WireId>> = FxHashMap::default();
        for g in order.iter().rev() {
            let gate = &region.gates[*g as usize];
            let mut reads: Vec<WireId> = gate.args.to_vec();
            for inner in gate.op.regions() {
                reads.extend(self.captures(inner));
            }
            for w in reads {
                if own.contains(&w) && live.insert(w) {
                    out.entry(*g).or_default().push(w);
                }
            }
        }
        out
    }

    fn depends_on(&mut self, r: RegionId, v: LoopVar) -> bool {
        if let Some(known) = self.depends.get(&(r, v)) {
            return *known;
        }
        let c = self.c;
        let d = c.region(r).gates.iter().any(|g| {
            g.outs.iter().any(|w| c.ty(*w).len.mentions_var(&c.spaces, v))
                || matches!(&g.op, Op::Loop { lo, hi, .. } if lo.mentions_var(v) || hi.mentions_var(v))
                || g.op.regions().any(|i| self.depends_on(i, v))
        });
        self.depends.insert((r, v), d);
        d
    }

    /// The most that a gate's regions take.
    fn inside(&mut self, g: &Gate) -> u128 {
        match &g.op {
            Op::Loop { var, lo, hi, step, body } => {
                let at = |i: &circuit::Index| i.eval_scalar(&IndexEnv { vars: &self.vars }).ok();
                let (Some(lo), Some(hi)) = (at(lo), at(hi)) else { return 0 };
                let turns = match *step {
                    0 => 0,
                    s => (i128::from(hi) - i128::from(lo) + i128::from(s - s.signum())) / i128::from(s),
                };
                if turns <= 0 {
                    return 0;
                }
                let mut looked = vec![0, turns / 2, turns - 1];
                looked.dedup();
                if !self.depends_on(*body, *var) {
                    looked.truncate(1);
                }
                let (mut top, before, outermost) = (0, self.made, !self.looping);
                self.looping = true;
                for k in looked {
                    self.vars[var.0 as usize] = (i128::from(lo) + k * i128::from(*step)) as i64;
                    top = top.max(self.region(*body));
                }
                // Each node's heap keeps some turns' worth of what they free.
                if outermost {
                    self.looping = false;
                    let once = self.made - before;
                    self.made = self.made.saturating_add(once * turns.clamp(0, KEPT_TURNS) as u128);
                }
                top
            }
            Op::Call(r) => {
                if let Some(known) = self.called.get(r) {
                    return *known;
                }
                let peak = self.region(*r);
                self.called.insert(*r, peak);
                peak
            }
            op => op.regions().map(|r| self.region(r)).max().unwrap_or(0),
        }
    }

    /// The most that a region's own wires take, its parameters and inner regions included.
    fn region(&mut self, r: RegionId) -> u128 {
        let (c, s) = (self.c, self.s);
        let region = c.region(r);
        let Some(items) = s.regions.get(r.0 as usize) else { return 0 };
        let mut order: Vec<u32> = Vec::with_capacity(region.gates.len());
        for item in items {
            match item {
                Item::Local(g) | Item::Round(g) => order.extend(g),
                Item::Region(g) => order.push(*g),
                Item::Free(_) => {}
            }
        }
        let last = self.last(r, &order);
        let none = Vec::new();
        let mut live = self.sum(&region.params);
        if r == c.root {
            // Inputs are there from the start, and until their gate's result was read for the last time.
            let given = |i: &circuit::Input| match i.kept {
                true => self.shares(i.domain(&c.level), u128::from(i.lanes)),
                false => self.column(i.party, i.elem, u128::from(i.lanes)),
            };
            live += c.inputs.iter().map(given).sum::<u128>();
        }
        let mut top = live;
        let mut gone: FxHashSet<WireId> = last.values().flatten().copied().collect();
        for item in items {
            match item {
                Item::Local(gates) => {
                    for g in gates {
                        let gate = &region.gates[*g as usize];
                        let ends = last.get(g).unwrap_or(&none);
                        // An input's column is counted from the start.
                        let outs = if matches!(gate.op, Op::Input(_)) { 0 } else { self.sum(&gate.outs) };
                        // Lanes are put into a base that nothing else reads where it is.
                        let place = matches!(gate.op, Op::Scatter { .. } | Op::ScatterAt)
                            && gate.args.first().is_some_and(|base| ends.contains(base));
                        let more = if place { 0 } else { outs };
                        self.made += more;
                        top = top.max(live + more);
                        live = (live + outs).saturating_sub(self.sum(ends));
                    }
                }
                Item::Round(gates) => {
                    let (mut outs, mut beside, mut ends) = (0, 0, 0);
                    for g in gates {
                        let gate = &region.gates[*g as usize];
                        outs += self.sum(&gate.outs);
                        beside += self.beside(gate);
                        ends += last.get(g).map_or(0, |e| self.sum(e));
                    }
                    let messages = (outs / 2).min(self.nodes * (self.nodes - 1) * IN_FLIGHT);
                    self.made += outs + beside;
                    top = top.max(live + outs + beside + messages);
                    live = (live + outs).saturating_sub(ends);
                }
                Item::Region(g) => {
                    let gate = &region.gates[*g as usize];
                    let ends = last.get(g).unwrap_or(&none);
                    // Operands that nothing reads later are the region's parameters.
                    let handed = self.sum(ends.iter().filter(|w| gate.args.contains(w)));
                    let inner = self.inside(gate);
                    top = top.max(live - handed.min(live) + inner);
                    live = (live + self.sum(&gate.outs)).saturating_sub(self.sum(ends));
                    top = top.max(live);
                }
                // What no gate reads is freed by the schedule alone.
                Item::Free(ws) => {
                    let unread = ws.iter().filter(|w| gone.insert(**w)).copied().collect::<Vec<_>>();
                    live = live.saturating_sub(self.sum(&unread));
                }
            }
        }
        top
    }
}
