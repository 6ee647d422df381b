//! Schedules without wit, for engines that want to run before there is an optimiser.

use std::collections::BTreeSet;

use crate::circuit::Circuit;
use crate::schedule::{Item, Schedule};
use crate::types::{RegionId, WireId};

/// A right schedule in the order of the gates. `merge`: neighbouring interactive gates that do not depend on each other share
/// a round. `free`: wires are freed after their last use.
pub fn simple_schedule(c: &Circuit, merge: bool, free: bool) -> Schedule {
    let regions = (0..c.regions.len()).map(|r| region(c, RegionId(r as u32), merge, free)).collect();
    Schedule { regions }
}

fn inside(c: &Circuit, r: RegionId, uses: &mut BTreeSet<WireId>) {
    c.for_each_gate(r, &mut |_, g| uses.extend(&g.args));
    uses.extend(&c.region(r).results);
    c.for_each_gate(r, &mut |_, g| {
        for r in g.op.regions() {
            uses.extend(&c.region(r).results);
        }
    });
}

fn region(c: &Circuit, r: RegionId, merge: bool, free: bool) -> Vec<Item> {
    let region = c.region(r);
    let mut items: Vec<(Item, BTreeSet<WireId>)> = vec![];
    let mut round_outs: BTreeSet<WireId> = BTreeSet::new();
    for (k, g) in region.gates.iter().enumerate() {
        let k = k as u32;
        let mut uses: BTreeSet<WireId> = g.args.iter().copied().collect();
        g.op.regions().for_each(|r| inside(c, r, &mut uses));
        if g.op.is_region() {
            items.push((Item::Region(k), uses));
        } else if c.interactive(g) {
            match items.last_mut() {
                Some((Item::Round(gates), all)) if merge && uses.is_disjoint(&round_outs) => {
                    gates.push(k);
                    all.extend(uses);
                }
                _ => {
                    round_outs.clear();
                    items.push((Item::Round(vec![k]), uses));
                }
            }
            round_outs.extend(&g.outs);
        } else {
            match items.last_mut() {
                Some((Item::Local(gates), all)) => {
                    gates.push(k);
                    all.extend(uses);
                }
                _ => items.push((Item::Local(vec![k]), uses)),
            }
        }
    }
    if !free {
        return items.into_iter().map(|(i, _)| i).collect();
    }
    let mut kept: BTreeSet<WireId> = region.results.iter().copied().collect();
    if r == c.root {
        kept.extend(c.outputs.iter().map(|o| o.wire));
    }
    let mine: BTreeSet<WireId> =
        region.params.iter().chain(region.gates.iter().flat_map(|g| &g.outs)).copied().collect();
    let mut out: Vec<Vec<Item>> = vec![];
    for (item, uses) in items.into_iter().rev() {
        let last: Vec<WireId> = uses.into_iter().filter(|w| mine.contains(w) && kept.insert(*w)).collect();
        out.push(if last.is_empty() { vec![item] } else { vec![item, Item::Free(last)] });
    }
    out.into_iter().rev().flatten().collect()
}
