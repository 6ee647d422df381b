//! Removes gates whose results nothing uses, in every region. Knows the circuit alone.

use circuit::circuit::Circuit;
use circuit::gate::{Gate, Op};
use circuit::types::RegionId;

/// Removes what nothing uses. Inputs, openings, checks, and `at` blocks stay.
pub fn sweep(c: &mut Circuit) {
    let mut used = vec![false; c.wires.len()];
    for o in &c.outputs {
        used[o.wire.0 as usize] = true;
    }
    mark(c, c.root, &mut used);
    for r in 0..c.regions.len() {
        let gates = std::mem::take(&mut c.regions[r].gates);
        c.regions[r].gates = gates.into_iter().filter(|g| stays(g, &used)).collect();
    }
    // Sharing numbers itself anew, without holes.
    let mut next = 0;
    let mut order = vec![c.root];
    while let Some(r) = order.pop() {
        let mut inner = Vec::new();
        for g in &mut c.regions[r.0 as usize].gates {
            match &mut g.op {
                Op::Share(id) | Op::Reveal { id, .. } => {
                    id.0 = next;
                    next += 1;
                }
                Op::Loop { body, .. } | Op::Call(body) => inner.push(*body),
                Op::If { then, otherwise } => inner.extend([*then, *otherwise]),
                Op::While { cond, body } => inner.extend([*cond, *body]),
                _ => {}
            }
        }
        order.extend(inner.into_iter().rev());
    }
    c.effects = next;
}
fn stays(g: &Gate, used: &[bool]) -> bool {
    let effect = matches!(g.op, Op::Input(_) | Op::Reveal { .. } | Op::Check { .. } | Op::At { .. });
    effect || g.outs.iter().any(|w| used[w.0 as usize])
}
fn mark(c: &Circuit, r: RegionId, used: &mut [bool]) {
    let region = &c.regions[r.0 as usize];
    for g in region.gates.iter().rev() {
        let inner: Vec<RegionId> = match &g.op {
            Op::Loop { body, .. } | Op::Call(body) => vec![*body],
            Op::If { then, otherwise } => vec![*then, *otherwise],
            Op::While { cond, body } => vec![*cond, *body],
            _ => vec![],
        };
        if inner.is_empty() {
            if !stays(g, used) {
                continue;
            }
        } else if !g.outs.iter().any(|w| used[w.0 as usize]) && !inner.iter().any(|r| effects(c, *r)) {
            continue;
        }
        for w in &g.args {
            used[w.0 as usize] = true;
        }
        for w in &g.outs {
            // A region with a use keeps its interface whole.
            if !inner.is_empty() {
                used[w.0 as usize] = true;
            }
        }
        for r in inner {
            for w in &c.regions[r.0 as usize].results {
                used[w.0 as usize] = true;
            }
            mark(c, r, used);
        }
    }
}
fn effects(c: &Circuit, r: RegionId) -> bool {
    c.regions[r.0 as usize].gates.iter().any(|g| match &g.op {
        Op::Reveal { .. } | Op::Check { .. } | Op::At { .. } => true,
        Op::Loop { body, .. } | Op::Call(body) => effects(c, *body),
        Op::If { then, otherwise } => effects(c, *then) || effects(c, *otherwise),
        Op::While { cond, body } => effects(c, *cond) || effects(c, *body),
        _ => false,
    })
}
