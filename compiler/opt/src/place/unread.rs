//! Low planes that nobody reads: what a conversion of a product that is shifted need not make. Knows no prices.

use circuit::{Bin, Circuit, Op, WireId};
use rustc_hash::FxHashMap;

/// By wire: low planes that nobody reads, where all readers shift to the right by constants.
pub(super) fn unread(c: &Circuit) -> Vec<u8> {
    let mut consts: FxHashMap<WireId, u128> = FxHashMap::default();
    let mut out = vec![u8::MAX; c.wires.len()];
    for region in &c.regions {
        for g in &region.gates {
            if let (Op::Const(v), [w]) = (&g.op, &g.outs[..]) {
                consts.insert(*w, *v);
            }
            for (i, a) in g.args.iter().enumerate() {
                let low = match g.op {
                    Op::Bin(Bin::Shr) if i == 0 => consts.get(&g.args[1]).map_or(0, |n| (*n).min(128) as u8),
                    _ => 0,
                };
                let slot = &mut out[a.0 as usize];
                *slot = (*slot).min(low);
            }
        }
        for w in &region.results {
            out[w.0 as usize] = 0;
        }
    }
    c.outputs.iter().for_each(|o| out[o.wire.0 as usize] = 0);
    out.iter_mut().filter(|n| **n == u8::MAX).for_each(|n| *n = 0);
    out
}
