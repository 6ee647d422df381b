//! When wires of a program-level region are ready, in rounds, about: what passes that join gates must not delay.
//!
//! An estimate by operation, for a region by itself. Knows no protocol's exact prices.

use circuit::{Bin, Circuit, Domain, Elem, Gate, Len, Op, Red, RegionId, Un, WireId};

/// Rounds of a comparison.
const LESS: u32 = 7;

/// Rounds that a gate takes, about.
pub fn rounds(c: &Circuit, g: &Gate) -> u32 {
    let Some(&out) = g.outs.first() else { return 0 };
    if c.ty(out).domain != Domain::Secret {
        return 0;
    }
    let secret = g.args.iter().filter(|a| c.ty(**a).domain == Domain::Secret).count();
    let levels = |group: &Len| u64::BITS - group.max_lanes().saturating_sub(1).leading_zeros();
    match &g.op {
        Op::Bin(Bin::Mul | Bin::And | Bin::Or) if secret == 2 => 1,
        Op::Bin(Bin::Lt) => LESS,
        Op::Bin(Bin::Eq) => LESS - 1,
        Op::Bin(Bin::Div | Bin::Rem) => 500,
        Op::Select if secret > 0 => 1,
        Op::Un(Un::Trunc(_)) => 2,
        Op::Un(Un::Cast) if c.ty(g.args[0]).elem == Elem::Bool => 2,
        Op::Reduce { red: Red::Count, .. } => 2,
        Op::Reduce { red: Red::Mul | Red::And | Red::Or, group } => levels(group),
        Op::Reduce { red: Red::Min | Red::Max, group } | Op::ArgReduce { group, .. } => levels(group) * (LESS + 1),
        Op::Dot { .. } | Op::MatMul { .. } if secret == 2 => 1,
        _ => 0,
    }
}

/// When a wire is ready: after so many rounds, and so many gates that take none behind the last of them.
pub type Ready = (u32, u32);

/// Depths of wires, for one region at a time.
pub struct Depths {
    /// By wire: the region that the rest was found for, and the rest.
    of: Vec<(RegionId, Ready)>,
    region: RegionId,
}

const NOWHERE: RegionId = RegionId(u32::MAX);

impl Depths {
    /// None yet, for a circuit as it is now.
    pub fn new(c: &Circuit) -> Depths {
        Depths { of: vec![(NOWHERE, (0, 0)); c.wires.len()], region: NOWHERE }
    }
    /// Begins a region: wires from outside are ready at once.
    pub fn begin(&mut self, r: RegionId) {
        self.region = r;
    }
    /// Takes the next gate of the region in; says when its operands are ready.
    pub fn add(&mut self, c: &Circuit, g: &Gate) -> Ready {
        let mut at = (0, 0);
        g.args.iter().for_each(|w| at = at.max(self.exactly(*w)));
        if g.op.is_region() {
            captured(c, g, &mut |w| at = at.max(self.exactly(w)));
        }
        let n = rounds(c, g);
        let done = if n > 0 { (at.0 + n, 0) } else { (at.0, at.1 + 1) };
        for w in &g.outs {
            if let Some(of) = self.of.get_mut(w.0 as usize) {
                *of = (self.region, done);
            }
        }
        at
    }
    fn exactly(&self, w: WireId) -> Ready {
        match self.of.get(w.0 as usize) {
            Some((r, ready)) if *r == self.region => *ready,
            _ => (0, 0),
        }
    }
    /// The round after which a wire is ready; 0 from outside of the region.
    pub fn ready(&self, w: WireId) -> u32 {
        self.exactly(w).0
    }
}

/// Wires from outside that a gate's regions use.
fn captured(c: &Circuit, g: &Gate, f: &mut dyn FnMut(WireId)) {
    for r in g.op.regions() {
        for inner in &c.region(r).gates {
            inner.args.iter().for_each(|w| f(*w));
            captured(c, inner, f);
        }
        c.region(r).results.iter().for_each(|w| f(*w));
    }
}
