//! What the machine works out about a program before it runs: who hosts whom, and where each wire is used for the last
//! time. Knows no values.

use std::collections::BTreeSet;

use circuit::{Circuit, Item, Op, RegionId, Schedule, WireId};

use crate::Error;
use crate::place::{Seat, seats};

/// Wires that a gate uses last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Last {
    /// Operands that nothing reads while or after the gate runs.
    pub before: Vec<WireId>,
    /// Wires that the gate's regions read, and nothing after it.
    pub after: Vec<WireId>,
}

pub(crate) struct Plan {
    pub seats: Vec<Seat>,
    /// By region and gate.
    pub last: Vec<Vec<Last>>,
    /// Wires that a region defines and that live until its end, by region.
    pub leftover: Vec<Vec<WireId>>,
    /// Inputs that one gate of the root reads, and no other: their columns need not be kept.
    pub inputs_once: BTreeSet<u32>,
    /// Steps of the whole program, where that is a constant.
    pub steps: Option<u64>,
}

impl Plan {
    pub fn new(circuit: &Circuit, schedule: &Schedule) -> Result<Plan, Error> {
        let bad = |what: &str| Error::Circuit(what.to_string());
        let regions = circuit.regions.len();
        if schedule.regions.len() != regions || circuit.root.0 as usize >= regions {
            return Err(bad("the schedule has other regions than the circuit"));
        }
        let order = order(circuit)?;
        // Outer wires that a region reads, its inner regions' included; inner regions come first.
        let mut captured: Vec<BTreeSet<WireId>> = vec![BTreeSet::new(); regions];
        let mut last = vec![vec![]; regions];
        let mut leftover = vec![vec![]; regions];
        let mut steps: Vec<Option<u64>> = vec![Some(0); regions];
        for r in order {
            let region = &circuit.regions[r];
            let items = &schedule.regions[r];
            let in_range = |w: &WireId| (w.0 as usize) < circuit.wires.len();
            let known = |g: &u32| (*g as usize) < region.gates.len();
            let gates: Vec<u32> = items
                .iter()
                .flat_map(|i| match i {
                    Item::Local(g) | Item::Round(g) => g.clone(),
                    Item::Region(g) => vec![*g],
                    Item::Free(_) => vec![],
                })
                .collect();
            if gates.len() != region.gates.len() || !gates.iter().all(known) {
                return Err(bad("the schedule has other gates than the circuit"));
            }
            let mut defined: BTreeSet<WireId> = region.params.iter().copied().collect();
            for g in &region.gates {
                if !g.args.iter().chain(&g.outs).all(in_range) {
                    return Err(bad("a wire that the circuit does not have"));
                }
                defined.extend(g.outs.iter().copied());
            }
            let mut live: BTreeSet<WireId> = region.results.iter().copied().collect();
            if r == circuit.root.0 as usize {
                live.extend(circuit.outputs.iter().map(|o| o.wire));
            }
            if !live.iter().chain(&region.params).all(in_range) {
                return Err(bad("a wire that the circuit does not have"));
            }
            let mut outer: BTreeSet<WireId> = live.difference(&defined).copied().collect();
            // Gates of a round read their operands together: none of them is free before the round has begun, which is
            // what taking operands out in the order of gates gives.
            let mut uses = vec![Last::default(); region.gates.len()];
            for g in gates.iter().rev() {
                let gate = &region.gates[*g as usize];
                let inner: BTreeSet<WireId> =
                    gate.op.regions().flat_map(|i| captured[i.0 as usize].iter().copied()).collect();
                for w in gate.args.iter().chain(&inner) {
                    if !defined.contains(w) {
                        outer.insert(*w);
                    } else if live.insert(*w) {
                        let last = &mut uses[*g as usize];
                        if inner.contains(w) { last.after.push(*w) } else { last.before.push(*w) }
                    }
                }
            }
            let freed: BTreeSet<WireId> = uses.iter().flat_map(|l| l.before.iter().chain(&l.after)).copied().collect();
            leftover[r] = defined.difference(&freed).copied().collect();
            last[r] = uses;
            captured[r] = outer;
            steps[r] = count(region, items, &steps);
        }
        let (mut once, mut again) = (BTreeSet::new(), BTreeSet::new());
        for (r, region) in circuit.regions.iter().enumerate() {
            for g in &region.gates {
                if let Op::Input(k) = g.op
                    && (r != circuit.root.0 as usize || !once.insert(k))
                {
                    again.insert(k);
                }
            }
        }
        let inputs_once = once.difference(&again).copied().collect();
        Ok(Plan { seats: seats(&circuit.parties), last, leftover, inputs_once, steps: steps[circuit.root.0 as usize] })
    }
}

/// Steps of a region, given those of its inner regions.
fn count(region: &circuit::Region, items: &[Item], steps: &[Option<u64>]) -> Option<u64> {
    let mut total = 0u64;
    for item in items {
        let n = match item {
            Item::Round(_) => 1,
            Item::Region(g) => match &region.gates[*g as usize].op {
                Op::Loop { lo, hi, step, body, .. } => {
                    let trips = trips(lo.as_const()?, hi.as_const()?, *step)?;
                    steps[body.0 as usize]?.checked_mul(trips)?
                }
                Op::If { then, otherwise } => {
                    let (a, b) = (steps[then.0 as usize]?, steps[otherwise.0 as usize]?);
                    if a != b {
                        return None;
                    }
                    a
                }
                Op::Call(r) => steps[r.0 as usize]?,
                Op::While { cond, body } if steps[cond.0 as usize] == Some(0) && steps[body.0 as usize] == Some(0) => 0,
                _ => return None,
            },
            Item::Local(_) | Item::Free(_) => 0,
        };
        total = total.checked_add(n)?;
    }
    Some(total)
}

/// Iterations of a loop; `None` for a zero step.
pub(crate) fn trips(lo: i64, hi: i64, step: i64) -> Option<u64> {
    let span = if step > 0 { i128::from(hi) - i128::from(lo) } else { i128::from(lo) - i128::from(hi) };
    let step = i128::from(step).abs();
    (step != 0).then(|| u64::try_from((span.max(0) + step - 1) / step).unwrap_or(u64::MAX))
}

/// Regions that the root reaches, inner ones before those that enter them. Regions must not contain themselves.
fn order(circuit: &Circuit) -> Result<Vec<usize>, Error> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; circuit.regions.len()];
    let mut out = vec![];
    // An explicit stack: (region, whether its inner regions are done).
    let mut stack: Vec<(RegionId, bool)> = vec![(circuit.root, false)];
    while let Some((r, ready)) = stack.pop() {
        let k = r.0 as usize;
        let mark = marks.get_mut(k).ok_or_else(|| Error::Circuit("a region that the circuit does not have".into()))?;
        if ready {
            *mark = Mark::Done;
            out.push(k);
            continue;
        }
        match mark {
            Mark::Done => continue,
            Mark::Open => return Err(Error::Circuit("a region contains itself".into())),
            Mark::New => *mark = Mark::Open,
        }
        stack.push((r, true));
        let mut inner: BTreeSet<RegionId> = BTreeSet::new();
        for g in &circuit.regions[k].gates {
            inner.extend(g.op.regions());
        }
        for i in inner {
            match marks.get(i.0 as usize) {
                Some(Mark::Open) => return Err(Error::Circuit("a region contains itself".into())),
                Some(Mark::Done) => {}
                _ => stack.push((i, false)),
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trips_count_both_ways() {
        assert_eq!(trips(0, 10, 3), Some(4));
        assert_eq!(trips(9, -1, -3), Some(4));
        assert_eq!(trips(5, 5, 1), Some(0));
        assert_eq!(trips(5, 0, 1), Some(0));
        assert_eq!(trips(i64::MIN, i64::MAX, 1), Some(u64::MAX));
        assert_eq!(trips(0, 1, 0), None);
    }
}
