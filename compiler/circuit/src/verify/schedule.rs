//! The schedule's verifier.

use std::collections::BTreeSet;

use super::{MANY, Problem};
use crate::circuit::Circuit;
use crate::schedule::{Item, Schedule};
use crate::types::{RegionId, SpanId, WireId};

/// Verifies a schedule of a verified circuit: in every region each gate stands in exactly one item, after all that it
/// depends on (what its regions capture included); a round holds interactive gates alone, none of which depends on another;
/// `local` holds none; `free` names wires of the region after their last use.
///
/// # Errors
/// The problems.
pub fn verify_schedule(c: &Circuit, s: &Schedule) -> Result<(), Vec<Problem>> {
    let mut problems = vec![];
    if s.regions.len() != c.regions.len() {
        let what = format!("a schedule of {} regions for {}", s.regions.len(), c.regions.len());
        return Err(vec![Problem { gate: None, span: SpanId(0), what }]);
    }
    let captures = captures(c);
    for r in 0..c.regions.len() {
        region(c, RegionId(r as u32), &s.regions[r], &captures, &mut problems);
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// By region: the wires of outer regions that it, or what is inside it, uses.
fn captures(c: &Circuit) -> Vec<BTreeSet<WireId>> {
    let mut out: Vec<Option<BTreeSet<WireId>>> = vec![None; c.regions.len()];
    fn go(c: &Circuit, r: RegionId, out: &mut Vec<Option<BTreeSet<WireId>>>) {
        if out[r.0 as usize].is_some() {
            return;
        }
        let region = c.region(r);
        let mut uses: BTreeSet<WireId> = region.results.iter().copied().collect();
        for g in &region.gates {
            uses.extend(&g.args);
            for inner in g.op.regions() {
                go(c, inner, out);
                uses.extend(out[inner.0 as usize].iter().flatten());
            }
        }
        for w in region.params.iter().chain(region.gates.iter().flat_map(|g| &g.outs)) {
            uses.remove(w);
        }
        out[r.0 as usize] = Some(uses);
    }
    // Depth is bounded by the circuit's verifier.
    for r in 0..c.regions.len() {
        go(c, RegionId(r as u32), &mut out);
    }
    out.into_iter().map(Option::unwrap_or_default).collect()
}

fn region(c: &Circuit, r: RegionId, items: &[Item], captures: &[BTreeSet<WireId>], problems: &mut Vec<Problem>) {
    let region = c.region(r);
    let mut problem = |k: Option<usize>, what: String| {
        if problems.len() < MANY {
            let span = k.and_then(|k| region.gates.get(k)).map_or(SpanId(0), |g| g.span);
            problems.push(Problem { gate: Some((r, k.unwrap_or(region.gates.len()))), span, what });
        }
    };
    let mine: BTreeSet<WireId> =
        region.params.iter().chain(region.gates.iter().flat_map(|g| &g.outs)).copied().collect();
    let mut ready: BTreeSet<WireId> = region.params.iter().copied().collect();
    let mut freed: BTreeSet<WireId> = BTreeSet::new();
    let mut done = vec![false; region.gates.len()];
    for item in items {
        let mut given: Vec<WireId> = vec![];
        let mut run =
            |k: u32, ready: &mut BTreeSet<WireId>, now: bool, problem: &mut dyn FnMut(Option<usize>, String)| {
                let k = k as usize;
                let Some(g) = region.gates.get(k) else {
                    return problem(None, format!("there is no gate {k}"));
                };
                if std::mem::replace(&mut done[k], true) {
                    problem(Some(k), "scheduled twice".into());
                }
                let inner = g.op.regions().flat_map(|r| captures[r.0 as usize].iter());
                for w in g.args.iter().chain(inner) {
                    if mine.contains(w) && !ready.contains(w) {
                        problem(Some(k), format!("scheduled before %{} is there", w.0));
                    }
                    if freed.contains(w) {
                        problem(Some(k), format!("uses %{}, which is freed", w.0));
                    }
                }
                if now {
                    ready.extend(&g.outs);
                } else {
                    given.extend(&g.outs);
                }
            };
        let gate = |k: &u32| region.gates.get(*k as usize);
        match item {
            Item::Local(gates) => {
                for k in gates {
                    run(*k, &mut ready, true, &mut problem);
                    if gate(k).is_some_and(|g| c.interactive(g) || g.op.is_region()) {
                        problem(Some(*k as usize), "an interactive or region gate among local ones".into());
                    }
                }
            }
            Item::Round(gates) => {
                if gates.is_empty() {
                    problem(None, "an empty round".into());
                }
                for k in gates {
                    run(*k, &mut ready, false, &mut problem);
                    if gate(k).is_some_and(|g| !c.interactive(g)) {
                        problem(Some(*k as usize), "a local or region gate in a round".into());
                    }
                }
            }
            Item::Region(k) => {
                run(*k, &mut ready, true, &mut problem);
                if gate(k).is_some_and(|g| !g.op.is_region()) {
                    problem(Some(*k as usize), "no region gate".into());
                }
            }
            Item::Free(wires) => {
                for w in wires {
                    if !ready.contains(w) || !freed.insert(*w) {
                        problem(None, format!("%{} is freed twice, or before it is there", w.0));
                    }
                    let out = r == c.root && c.outputs.iter().any(|o| o.wire == *w);
                    if out || region.results.contains(w) {
                        problem(None, format!("%{} is a result, and freed", w.0));
                    }
                }
            }
        }
        ready.extend(given);
    }
    for (k, d) in done.iter().enumerate() {
        if !d {
            problem(Some(k), "not scheduled".into());
        }
    }
}
