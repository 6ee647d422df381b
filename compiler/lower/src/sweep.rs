//! Removes gates whose results nothing uses, in every region. Knows the circuit alone.

use circuit::circuit::Circuit;
use circuit::gate::{Gate, Op};
use circuit::index::{Len, SpaceId};
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
                Op::Random(id) | Op::Share(id) | Op::Reveal { id, .. } => {
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
    spaces(c);
}
/// Drops spaces that no gate and no length names, and numbers the others anew.
fn spaces(c: &mut Circuit) {
    let mut used = vec![false; c.spaces.len()];
    let mut wires = vec![false; c.wires.len()];
    for r in &c.regions {
        r.params.iter().for_each(|w| wires[w.0 as usize] = true);
        for g in &r.gates {
            g.outs.iter().for_each(|w| wires[w.0 as usize] = true);
        }
    }
    fn in_len(l: &mut Len, f: &mut dyn FnMut(&mut SpaceId)) {
        match l {
            Len::Const(_) => {}
            Len::Space { space, .. } => f(space),
            Len::Mul(a, b) => {
                in_len(a, f);
                in_len(b, f);
            }
        }
    }
    fn each(c: &mut Circuit, wires: &[bool], f: &mut dyn FnMut(&mut SpaceId)) {
        for r in &mut c.regions {
            for g in &mut r.gates {
                match &mut g.op {
                    Op::Iota { space, .. } | Op::Gather { space, .. } | Op::Scatter { space, .. } => f(space),
                    Op::Reduce { group, .. } | Op::ArgReduce { group, .. } | Op::Dot { group } => in_len(group, f),
                    _ => {}
                }
            }
        }
        for (w, live) in c.wires.iter_mut().zip(wires) {
            if *live {
                in_len(&mut w.len, f);
            } else {
                w.len = Len::ONE;
            }
        }
    }
    each(c, &wires, &mut |s| used[s.0 as usize] = true);
    let mut new = vec![SpaceId(0); used.len()];
    let mut kept = Vec::new();
    for (k, s) in std::mem::take(&mut c.spaces).into_iter().enumerate() {
        if used[k] {
            new[k] = SpaceId(kept.len() as u32);
            kept.push(s);
        }
    }
    c.spaces = kept;
    each(c, &wires, &mut |s| *s = new[s.0 as usize]);
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
