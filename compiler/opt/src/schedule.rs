//! The schedule: which gates share a round.
//!
//! Per region. Region gates (loops, branches, calls) are items by themselves and cut the region into segments, in program
//! order. A segment has as many rounds as the longest chain of interactive gates that must run in it needs; gates that may
//! also run later join those rounds where they fit, and wait otherwise. Inside a segment an interactive gate runs as early
//! as its operands allow; inputs, which only grow memory, as late as their users allow. Local gates run right before
//! whoever needs them, and a wire is freed after its last use.
//!
//! Before: a list of gates. After: the same gates as items,
//! ```text
//! round [2, 3] ; local [4, 5] ; round [6] ; free %2, %3 ; loop 7 ; …
//! ```
//! The meaning is kept because every order that respects wires computes the same, and checks keep their order.

use crate::error::{Result, internal};
use circuit::{Circuit, Gate, Item, Op, RegionId, Schedule, WireId};

/// Schedules every region. Linear in gates where region gates are few.
///
/// # Errors
/// When a wire is used before its definition.
pub fn schedule(c: &Circuit) -> Result<Schedule> {
    let mut out = Schedule { regions: vec![vec![]; c.regions.len()] };
    let home = Home::new(c);
    let captured = captures(c, &home);
    let mut last = vec![NEVER; c.wires.len()];
    let outputs: Vec<WireId> = c.outputs.iter().map(|o| o.wire).collect();
    for r in 0..c.regions.len() {
        let keep = if c.root.0 as usize == r { outputs.as_slice() } else { &[] };
        out.regions[r] = region(c, RegionId(r as u32), &home, &captured, keep, &mut last)?;
    }
    Ok(out)
}

/// Rounds of a region, for comparing circuits of one program: turns that only the run knows count as some.
pub fn length(c: &Circuit, s: &Schedule, r: RegionId) -> u64 {
    let item = |item: &Item| match item {
        Item::Round(_) => 1,
        Item::Region(g) => {
            let g = &c.region(r).gates[*g as usize];
            let each = g.op.regions().map(|r| length(c, s, r));
            match &g.op {
                Op::Loop { lo, hi, step, .. } => {
                    crate::lens::trips(lo, hi, *step).unwrap_or(16).saturating_mul(each.sum())
                }
                Op::While { .. } => 16 * each.sum::<u64>(),
                _ => each.max().unwrap_or(0),
            }
        }
        Item::Local(_) | Item::Free(_) => 0,
    };
    s.regions[r.0 as usize].iter().map(item).fold(0, u64::saturating_add)
}

const NEVER: u32 = u32::MAX;

/// Where wires are defined: region, and gate in it ([`NEVER`] for parameters).
struct Home {
    region: Vec<u32>,
    gate: Vec<u32>,
}

impl Home {
    fn new(c: &Circuit) -> Home {
        let mut h = Home { region: vec![NEVER; c.wires.len()], gate: vec![NEVER; c.wires.len()] };
        for (r, region) in c.regions.iter().enumerate() {
            for w in &region.params {
                h.region[w.0 as usize] = r as u32;
            }
            for (i, g) in region.gates.iter().enumerate() {
                for w in &g.outs {
                    h.region[w.0 as usize] = r as u32;
                    h.gate[w.0 as usize] = i as u32;
                }
            }
        }
        h
    }
    /// The gate of region `r` that defines a wire.
    fn in_region(&self, w: WireId, r: RegionId) -> Option<u32> {
        let g = self.gate[w.0 as usize];
        (self.region[w.0 as usize] == r.0 && g != NEVER).then_some(g)
    }
}

/// Wires from outside that each region uses, itself or by the regions that it enters.
fn captures(c: &Circuit, home: &Home) -> Vec<Vec<WireId>> {
    let mut out: Vec<Option<Vec<WireId>>> = vec![None; c.regions.len()];
    for start in 0..c.regions.len() {
        // Inner regions first, without recursion.
        let mut stack = vec![(start, false)];
        while let Some((r, ready)) = stack.pop() {
            if out[r].is_some() {
                continue;
            }
            let region = &c.regions[r];
            if !ready {
                stack.push((r, true));
                stack.extend(region.gates.iter().flat_map(|g| g.op.regions()).map(|i| (i.0 as usize, false)));
                continue;
            }
            let mut set: Vec<WireId> = vec![];
            for g in &region.gates {
                set.extend(&g.args);
                for i in g.op.regions() {
                    if let Some(inner) = &out[i.0 as usize] {
                        set.extend(inner);
                    }
                }
            }
            set.extend(&region.results);
            set.retain(|w| home.region[w.0 as usize] != r as u32);
            set.sort_unstable();
            set.dedup();
            out[r] = Some(set);
        }
    }
    out.into_iter().map(Option::unwrap_or_default).collect()
}

fn uses<'a>(g: &'a Gate, captured: &'a [Vec<WireId>]) -> impl Iterator<Item = WireId> + 'a {
    g.args.iter().copied().chain(g.op.regions().flat_map(|r| captured[r.0 as usize].iter().copied()))
}

/// A short ascending list for each gate, one behind the other.
struct Lists {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    fn with_capacity(n: usize) -> Lists {
        let mut starts = Vec::with_capacity(n + 1);
        starts.push(0);
        Lists { starts, items: Vec::with_capacity(2 * n) }
    }
    /// The next gate's list, sorted, each once.
    fn push(&mut self, of: impl Iterator<Item = u32>) {
        let from = self.items.len();
        self.items.extend(of);
        self.items[from..].sort_unstable();
        let mut end = from;
        for k in from..self.items.len() {
            if k == from || self.items[k] != self.items[end - 1] {
                self.items[end] = self.items[k];
                end += 1;
            }
        }
        self.items.truncate(end);
        self.starts.push(end as u32);
    }
    fn len(&self) -> usize {
        self.starts.len() - 1
    }
    fn of(&self, i: usize) -> &[u32] {
        &self.items[self.starts[i] as usize..self.starts[i + 1] as usize]
    }
    /// For each gate, those in whose lists it stands.
    fn reversed(&self) -> Lists {
        let n = self.len();
        let mut starts = vec![0u32; n + 1];
        self.items.iter().for_each(|p| starts[*p as usize + 1] += 1);
        for k in 1..=n {
            starts[k] += starts[k - 1];
        }
        let (mut next, mut items) = (starts.clone(), vec![0; self.items.len()]);
        for i in 0..n {
            for p in self.of(i) {
                let at = &mut next[*p as usize];
                items[*at as usize] = i as u32;
                *at += 1;
            }
        }
        Lists { starts, items }
    }
}

struct Slots {
    /// Segment and round (1-based) of interactive gates; 0 where unset.
    seg: Vec<u32>,
    round: Vec<u32>,
}

fn region(
    c: &Circuit,
    id: RegionId,
    home: &Home,
    captured: &[Vec<WireId>],
    outputs: &[WireId],
    last_use: &mut [u32],
) -> Result<Vec<Item>> {
    let region = c.region(id);
    let n = region.gates.len();
    let inter: Vec<bool> = region.gates.iter().map(|g| c.interactive(g)).collect();
    let mut preds = Lists::with_capacity(n);
    for g in &region.gates {
        preds.push(uses(g, captured).filter_map(|w| home.in_region(w, id)));
    }
    for i in 0..n {
        if preds.of(i).last().is_some_and(|l| *l as usize >= i) {
            return internal(format!("gate {i} of region {} uses a wire that is defined later", id.0));
        }
    }
    let barriers: Vec<usize> = (0..n).filter(|i| region.gates[*i].op.is_region()).collect();
    let segs = barriers.len() as u32;

    // Earliest and latest segment of each gate. A barrier k stands between segments k and k + 1.
    let mut earliest = vec![0u32; n];
    let mut next_barrier = 0;
    let mut rank = vec![u32::MAX; n];
    for i in 0..n {
        let e = preds
            .of(i)
            .iter()
            .map(|p| {
                let p = *p as usize;
                if rank[p] != u32::MAX { rank[p] + 1 } else { earliest[p] }
            })
            .max()
            .unwrap_or(0);
        earliest[i] = e;
        if region.gates[i].op.is_region() {
            rank[i] = next_barrier;
            earliest[i] = next_barrier;
            next_barrier += 1;
        }
    }
    let mut latest = vec![segs; n];
    for i in (0..n).rev() {
        if rank[i] != u32::MAX {
            latest[i] = rank[i];
        }
        for p in preds.of(i) {
            let p = *p as usize;
            latest[p] = latest[p].min(latest[i]);
        }
    }
    let slots = rounds(&preds, &inter, &rank, &earliest, &latest, segs);

    // Emission.
    let mut by_slot: Vec<Vec<Vec<u32>>> = vec![vec![]; segs as usize + 1];
    for i in 0..n {
        if inter[i] {
            let seg = &mut by_slot[slots.seg[i] as usize];
            let r = slots.round[i] as usize;
            if seg.len() < r {
                seg.resize(r, vec![]);
            }
            seg[r - 1].push(i as u32);
        }
    }
    let mut e =
        Emit { c, id, preds: &preds, inter: &inter, done: vec![false; n], stamp: vec![0; n], now: 0, items: vec![] };
    // Checks run as soon as their operands exist, before anything later is sent.
    let checks: Vec<u32> = (0..n as u32).filter(|i| must_run(&region.gates[*i as usize])).collect();
    let mut waiting = checks.as_slice();
    for (s, seg) in by_slot.iter().enumerate() {
        for round in seg {
            e.ready(&mut waiting);
            e.locals(round);
            e.items.push(Item::Round(round.clone()));
            for g in round {
                e.done[*g as usize] = true;
            }
        }
        if let Some(&b) = barriers.get(s) {
            e.ready(&mut waiting);
            e.locals(&[b as u32]);
            e.items.push(Item::Region(b as u32));
            e.done[b] = true;
        }
    }
    e.ready(&mut waiting);
    let mut last: Vec<u32> = region.results.iter().chain(outputs).filter_map(|w| home.in_region(*w, id)).collect();
    last.extend((0..n as u32).filter(|i| must_run(&region.gates[*i as usize])));
    last.sort_unstable();
    last.dedup();
    e.finish(&last);
    // Whatever nobody uses still runs: dead gates are for an earlier pass to drop.
    let rest: Vec<u32> = (0..n as u32).filter(|i| !e.done[*i as usize]).collect();
    e.finish(&rest);
    let items = e.items;
    Ok(with_frees(c, id, items, captured, outputs, last_use))
}

/// Gates without results that somebody uses, and yet with an effect on the run.
fn must_run(g: &Gate) -> bool {
    matches!(g.op, Op::Check { .. })
}

/// Rounds of interactive gates.
fn rounds(preds: &Lists, inter: &[bool], rank: &[u32], earliest: &[u32], latest: &[u32], segs: u32) -> Slots {
    let n = preds.len();
    let mut slots = Slots { seg: vec![0; n], round: vec![0; n] };
    let mut placed = vec![false; n];
    // Depth of a gate inside the segment that is being filled: rounds that have passed when its results exist.
    let mut depth = vec![0u32; n];
    let succs = preds.reversed();
    // Gates by the segment at which they become available; those left over wait for the next.
    let mut by_earliest: Vec<Vec<u32>> = vec![vec![]; segs as usize + 1];
    for i in 0..n {
        if rank[i] == u32::MAX {
            by_earliest[earliest[i] as usize].push(i as u32);
        }
    }
    // Many barriers and many waiting gates would make this quadratic: then nobody waits.
    let patient = (n as u64).saturating_mul(u64::from(segs) + 1) <= 200_000_000;
    let mut waiting: Vec<u32> = vec![];
    for s in 0..=segs {
        waiting.extend(&by_earliest[s as usize]);
        waiting.sort_unstable();
        let mut need = 0;
        for pass in 0..2 {
            for &i in &waiting {
                let i = i as usize;
                if placed[i] {
                    continue;
                }
                let must = !patient || latest[i] <= s;
                if pass == 0 && !must {
                    // Its depth is still wanted by later passes only.
                    continue;
                }
                let mut d = 0;
                let mut open = false;
                for p in preds.of(i) {
                    let p = *p as usize;
                    if rank[p] != u32::MAX {
                        continue;
                    }
                    if !placed[p] {
                        open = true;
                    } else if slots.seg[p] == s {
                        d = d.max(depth[p]);
                    }
                }
                if open {
                    continue;
                }
                let d = d + u32::from(inter[i]);
                if pass == 1 && d > need && s < segs {
                    continue;
                }
                depth[i] = d;
                slots.seg[i] = s;
                slots.round[i] = d;
                placed[i] = true;
                if pass == 0 {
                    need = need.max(d);
                }
            }
        }
        waiting.retain(|i| !placed[*i as usize]);
    }
    // Inputs wait until the round before their first user.
    for i in (0..n).rev() {
        if !inter[i] || !preds.of(i).iter().all(|p| source(preds, inter, *p as usize)) {
            continue;
        }
        let s = slots.seg[i];
        let mut limit = u32::MAX;
        let mut direct = true;
        for u in succs.of(i) {
            let u = *u as usize;
            if rank[u] != u32::MAX {
                // Before the barrier, in whichever round is last.
                if rank[u] == s {
                    direct = false;
                }
            } else if slots.seg[u] == s {
                if inter[u] {
                    limit = limit.min(slots.round[u].saturating_sub(1));
                } else {
                    direct = false;
                }
            }
        }
        if direct && limit != u32::MAX && limit > slots.round[i] {
            slots.round[i] = limit;
        }
    }
    slots
}

/// Whether a gate has nothing shared among its operands' sources, as far as one step tells.
fn source(preds: &Lists, inter: &[bool], i: usize) -> bool {
    !inter[i] && preds.of(i).is_empty()
}

struct Emit<'a> {
    c: &'a Circuit,
    id: RegionId,
    preds: &'a Lists,
    inter: &'a [bool],
    done: Vec<bool>,
    /// Marks of the walk number `now`.
    stamp: Vec<u32>,
    now: u32,
    items: Vec<Item>,
}

impl Emit<'_> {
    /// Local gates that these need and that have not run, in order of the region.
    fn needed(&mut self, of: &[u32], own: bool) -> Vec<u32> {
        let mut todo: Vec<u32> = vec![];
        self.now += 1;
        let mut stack: Vec<u32> = of.to_vec();
        while let Some(i) = stack.pop() {
            if self.done[i as usize] || std::mem::replace(&mut self.stamp[i as usize], self.now) == self.now {
                continue;
            }
            // The lists are ascending.
            if own || of.binary_search(&i).is_err() {
                todo.push(i);
            }
            stack.extend(self.preds.of(i as usize).iter().filter(|p| !self.done[**p as usize]));
        }
        todo.sort_unstable();
        todo
    }
    fn locals(&mut self, of: &[u32]) {
        let l = self.needed(of, false);
        self.push(l);
    }
    fn finish(&mut self, of: &[u32]) {
        let l = self.needed(of, true);
        self.push(l);
    }
    fn push(&mut self, l: Vec<u32>) {
        debug_assert!(l.iter().all(|i| !self.inter[*i as usize] && !self.gate(*i).op.is_region()));
        if l.is_empty() {
            return;
        }
        for i in &l {
            self.done[*i as usize] = true;
        }
        self.items.push(Item::Local(l));
    }
    fn gate(&self, i: u32) -> &Gate {
        &self.c.region(self.id).gates[i as usize]
    }
    /// Runs checks whose operands need local work alone.
    fn ready(&mut self, waiting: &mut &[u32]) {
        while let Some((&i, rest)) = waiting.split_first() {
            let l = self.needed(&[i], true);
            if l.iter().any(|j| self.inter[*j as usize] || self.gate(*j).op.is_region()) {
                return;
            }
            self.push(l);
            *waiting = rest;
        }
    }
}

/// Adds what is freed after each item.
fn with_frees(
    c: &Circuit,
    id: RegionId,
    items: Vec<Item>,
    captured: &[Vec<WireId>],
    outputs: &[WireId],
    last: &mut [u32],
) -> Vec<Item> {
    let region = c.region(id);
    // Wires of this region alone have an entry: those of enclosing regions are theirs to free.
    let mut own: Vec<WireId> = region.params.clone();
    for p in &region.params {
        last[p.0 as usize] = 0;
    }
    for (at, item) in items.iter().enumerate() {
        let gates: &[u32] = match item {
            Item::Local(g) | Item::Round(g) => g,
            Item::Region(g) => std::slice::from_ref(g),
            Item::Free(_) => &[],
        };
        for g in gates {
            let g = &region.gates[*g as usize];
            for w in uses(g, captured) {
                if last[w.0 as usize] != NEVER {
                    last[w.0 as usize] = at as u32;
                }
            }
            for w in &g.outs {
                last[w.0 as usize] = at as u32;
                own.push(*w);
            }
        }
    }
    for w in region.results.iter().chain(outputs) {
        last[w.0 as usize] = NEVER;
    }
    let mut by: Vec<Vec<WireId>> = vec![vec![]; items.len()];
    for w in own {
        let at = std::mem::replace(&mut last[w.0 as usize], NEVER);
        if let Some(l) = by.get_mut(at as usize) {
            l.push(w);
        }
    }
    let mut out = Vec::with_capacity(items.len() * 2);
    for (item, mut free) in items.into_iter().zip(by) {
        out.push(item);
        if !free.is_empty() {
            free.sort_unstable();
            out.push(Item::Free(free));
        }
    }
    out
}
