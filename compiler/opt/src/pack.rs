//! Equal scalar gates that wait for equally much become lanes of one gate.
//!
//! ```text
//! %5 = lt %1, %2 : bool[1]                 %9 = concat %1, %3 : u32[2]
//! %6 = lt %3, %4 : bool[1]             →   %10 = concat %2, %4 : u32[2]
//!                                          %11 = lt %9, %10 : bool[2]
//!                                          %5 = gather [0] %11 ; %6 = gather [1] %11
//! ```
//! Statements written out one by one are as good as a loop then: planes are packed, dealt parts rotate over the nodes, and
//! the stages behind carry one gate instead of thousands. Only gates whose operands are ready after the same number of
//! rounds are joined, by an estimate of each operation's rounds, so that no gate waits for another's operands. The meaning
//! is kept because a lane-wise gate does the same on every lane; gates with effects stay in order; regions with gates that
//! may stop a run are left alone.

use circuit::{
    Bin, Circuit, Domain, Elem, Gate, Index, Len, Op, RegionId, Space, SpaceDim, SpanId, Un, WireId, WireTy,
};
use rustc_hash::FxHashMap;

/// Fewer gates than this are left as they are.
const FEW: usize = 64;

/// The pass. Linear in the circuit, but for the order of depths.
pub fn pack(c: &mut Circuit) {
    pack_from(c, FEW);
}

/// As [`pack`], for groups of `few` gates and more: tests join pairs.
fn pack_from(c: &mut Circuit, few: usize) {
    for r in 0..c.regions.len() as u32 {
        region(c, RegionId(r), few);
    }
}

/// What gates must have in common.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    op: Op,
    args: Vec<(Domain, Elem)>,
    result: Elem,
    ready: u32,
}

/// Rounds that a packable operation takes, about; `None` for what is not packed.
fn rounds(c: &Circuit, g: &Gate) -> Option<u32> {
    let [out] = g.outs[..] else { return None };
    let one = |w: &WireId| c.ty(*w).len == Len::Const(1);
    let known = |w: &WireId| matches!(c.ty(*w).domain, Domain::Secret | Domain::Clear);
    if c.ty(out).domain != Domain::Secret || !one(&out) || !g.args.iter().all(|a| one(a) && known(a)) {
        return None;
    }
    let secret = g.args.iter().filter(|a| c.ty(**a).domain == Domain::Secret).count();
    match g.op {
        Op::Bin(Bin::Mul | Bin::And | Bin::Or) if secret == 2 => Some(1),
        Op::Bin(Bin::Lt) => Some(7),
        Op::Bin(Bin::Eq) => Some(6),
        Op::Bin(Bin::Div | Bin::Rem) => Some(500),
        Op::Select => Some(1),
        Op::Un(Un::Cast) if c.ty(g.args[0]).elem == Elem::Bool => Some(2),
        _ => None,
    }
}

/// Wires from outside that a gate's regions use.
fn captured(c: &Circuit, g: &Gate, out: &mut Vec<WireId>) {
    for r in g.op.regions() {
        for inner in &c.region(r).gates {
            out.extend(&inner.args);
            captured(c, inner, out);
        }
        out.extend(&c.region(r).results);
    }
}

fn region(c: &mut Circuit, r: RegionId, few: usize) {
    let gates = &c.region(r).gates;
    if gates.len() < few
        || gates.iter().any(|g| matches!(g.op, Op::Check { .. } | Op::At { .. }) || g.op.is_region() && stops(c, g))
    {
        return;
    }
    // When each gate's operands are ready.
    let mut depth: FxHashMap<WireId, u32> = FxHashMap::default();
    let mut ready = Vec::with_capacity(gates.len());
    let mut groups: FxHashMap<Key, Vec<u32>> = FxHashMap::default();
    for (k, g) in gates.iter().enumerate() {
        let mut needs = g.args.clone();
        captured(c, g, &mut needs);
        let at = needs.iter().filter_map(|w| depth.get(w)).max().copied().unwrap_or(0);
        let cost = rounds(c, g);
        if cost.is_some() {
            let kind = |w: &WireId| (c.ty(*w).domain, c.ty(*w).elem);
            let args = g.args.iter().map(kind).collect();
            let key = Key { op: g.op.clone(), args, result: c.ty(g.outs[0]).elem, ready: at };
            groups.entry(key).or_default().push(k as u32);
        }
        let done = at + cost.unwrap_or(0);
        if done > 0 {
            depth.extend(g.outs.iter().map(|w| (*w, done)));
        }
        ready.push(at);
    }
    let mut group_of: Vec<u32> = vec![u32::MAX; gates.len()];
    let mut chosen: Vec<Vec<u32>> = groups.into_values().filter(|g| g.len() >= few).collect();
    if chosen.is_empty() {
        return;
    }
    chosen.sort();
    for (n, group) in chosen.iter().enumerate() {
        group.iter().for_each(|k| group_of[*k as usize] = n as u32);
    }
    // By readiness; at equal readiness what costs no rounds comes first, since packed gates may use it.
    let mut order: Vec<u32> = (0..gates.len() as u32).collect();
    let packable: Vec<bool> = gates.iter().map(|g| rounds(c, g).is_some()).collect();
    order.sort_by_key(|k| (ready[*k as usize], packable[*k as usize], *k));
    let old = std::mem::take(&mut c.regions[r.0 as usize].gates);
    let mut p = Packer { c, gates: Vec::with_capacity(old.len()), from: FxHashMap::default() };
    let mut done = vec![false; chosen.len()];
    for k in order {
        match group_of[k as usize] {
            u32::MAX => p.keep(old[k as usize].clone()),
            n if !std::mem::replace(&mut done[n as usize], true) => {
                p.join(&chosen[n as usize].iter().map(|k| &old[*k as usize]).collect::<Vec<_>>());
            }
            _ => {}
        }
    }
    let gates = p.gates;
    c.regions[r.0 as usize].gates = gates;
}

/// Whether a region gate holds gates that may end a run, or runs again until the run says so.
fn stops(c: &Circuit, g: &Gate) -> bool {
    matches!(g.op, Op::While { .. })
        || g.op
            .regions()
            .any(|r| c.region(r).gates.iter().any(|g| matches!(g.op, Op::Check { .. } | Op::At { .. }) || stops(c, g)))
}

struct Packer<'a> {
    c: &'a mut Circuit,
    gates: Vec<Gate>,
    /// Single lanes taken from a wire: which wire, which lane.
    from: FxHashMap<WireId, (WireId, u64)>,
}

impl Packer<'_> {
    fn keep(&mut self, g: Gate) {
        if let Op::Gather { space, index } = &g.op
            && let (Some(lane), [out], [src]) = (index.as_const(), &g.outs[..], &g.args[..])
            && self.c.ty(*out).len == Len::Const(1)
            && self.c.spaces[space.0 as usize].guard.is_none()
            && lane >= 0
        {
            self.from.insert(*out, (*src, lane as u64));
        }
        self.gates.push(g);
    }

    fn wire(&mut self, ty: WireTy) -> WireId {
        self.c.wires.push(ty);
        WireId(self.c.wires.len() as u32 - 1)
    }

    fn gate(&mut self, op: Op, args: Vec<WireId>, ty: WireTy, span: SpanId) -> WireId {
        let out = self.wire(ty);
        self.gates.push(Gate { op, args, outs: vec![out], span });
        out
    }

    /// One gate for all of these, and a lane for each of their results.
    fn join(&mut self, group: &[&Gate]) {
        let n = group.len() as u64;
        let span = group[0].span;
        let args: Vec<WireId> = (0..group[0].args.len())
            .map(|a| self.column(&group.iter().map(|g| g.args[a]).collect::<Vec<_>>(), span))
            .collect();
        let ty = WireTy { len: Len::Const(n), ..self.c.ty(group[0].outs[0]).clone() };
        let all = self.gate(group[0].op.clone(), args, ty, span);
        let space = self.c.intern_space(Space { dims: vec![SpaceDim::upto(1)], guard: None });
        for (k, g) in group.iter().enumerate() {
            let op = Op::Gather { space, index: Index::Const(k as i64) };
            self.from.insert(g.outs[0], (all, k as u64));
            self.gates.push(Gate { op, args: vec![all], outs: g.outs.clone(), span: g.span });
        }
    }

    /// The wires as lanes of one.
    fn column(&mut self, wires: &[WireId], span: SpanId) -> WireId {
        let n = wires.len() as u64;
        let ty = WireTy { len: Len::Const(n), ..self.c.ty(wires[0]).clone() };
        if wires.iter().all(|w| *w == wires[0]) {
            let space = self.c.intern_space(Space { dims: vec![SpaceDim::upto(n as i64)], guard: None });
            return self.gate(Op::Gather { space, index: Index::Const(0) }, vec![wires[0]], ty, span);
        }
        let lanes: Vec<(WireId, u64)> = wires.iter().map_while(|w| self.from.get(w).copied()).collect();
        if lanes.len() == wires.len() && lanes.iter().all(|l| l.0 == lanes[0].0) {
            let source = lanes[0].0;
            if self.c.ty(source).len == Len::Const(n) && lanes.iter().enumerate().all(|(k, l)| l.1 == k as u64) {
                return source;
            }
            let table = Op::Table(lanes.iter().map(|l| u128::from(l.1)).collect());
            let index = WireTy::clear(Elem::Int { signed: false, bits: 64 }, n);
            let index = self.gate(table, vec![], index, span);
            return self.gate(Op::GatherAt, vec![source, index], ty, span);
        }
        self.gate(Op::Concat, wires.to_vec(), ty, span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use circuit::interp::{NoBlocks, run};
    use circuit::{Builder, Column, Level, Recipient};

    /// A thousand comparisons, products, and choices, written out; some wait for others.
    fn written_out() -> Circuit {
        let mut b = Builder::new(Level::Program);
        let ada = b.party("Ada", None);
        let u32s = Elem::Int { signed: false, bits: 32 };
        let x = b.input(Some(ada), "x", u32s, 200);
        let x = b.share(x).unwrap();
        let one = Space { dims: vec![SpaceDim::upto(1)], guard: None };
        let lane = |b: &mut Builder, k: i64| b.gather(x, one.clone(), Index::Const(k), None).unwrap();
        let mut sum = lane(&mut b, 0);
        for k in 1..199 {
            let (p, q) = (lane(&mut b, k), lane(&mut b, (k * 7) % 200));
            let less = b.bin(Bin::Lt, p, q).unwrap();
            let product = b.bin(Bin::Mul, p, q).unwrap();
            let chosen = b.select(less, product, q).unwrap();
            sum = b.bin(Bin::Add, sum, chosen).unwrap();
        }
        let out = b.reveal(sum, Recipient::All).unwrap();
        b.output(None, "result", out);
        b.finish()
    }

    #[test]
    fn scalars_become_lanes_and_mean_the_same() {
        let before = written_out();
        let mut after = before.clone();
        pack(&mut after);
        circuit::verify::verify(&after).unwrap();
        let kinds = |c: &Circuit| c.region(c.root).gates.iter().filter(|g| rounds(c, g).is_some()).count();
        assert_eq!((kinds(&before), kinds(&after)), (198 * 3, 0), "all are packed");
        let wide = |op: &Op| after.region(after.root).gates.iter().filter(|g| g.op == *op).count();
        assert_eq!((wide(&Op::Bin(Bin::Lt)), wide(&Op::Bin(Bin::Mul)), wide(&Op::Select)), (1, 1, 1));
        let input = Column::U32((0..200u32).map(|k| k.wrapping_mul(2_654_435_761)).collect());
        let answer = |c: &Circuit| run(c, std::slice::from_ref(&input), &mut NoBlocks, 1).unwrap();
        assert_eq!(answer(&before), answer(&after));
    }

    #[test]
    fn generated_circuits_mean_the_same() {
        let mut joined = 0;
        for seed in 0..400 {
            let sample =
                circuit::testing::random_program(seed, &circuit::testing::Shape { steps: 80, lanes: 1, nesting: 1 });
            let mut after = sample.circuit.clone();
            pack_from(&mut after, 2);
            circuit::verify::verify(&after).unwrap_or_else(|e| panic!("seed {seed}: {}", e[0]));
            joined += usize::from(after != sample.circuit);
            let answer = |c: &Circuit| run(c, &sample.inputs, &mut NoBlocks, 1);
            assert_eq!(answer(&sample.circuit), answer(&after), "seed {seed}");
        }
        assert!(joined >= 20, "only {joined} had anything to join");
    }

    #[test]
    fn what_waits_longer_is_not_joined() {
        let mut b = Builder::new(Level::Program);
        let ada = b.party("Ada", None);
        let x = b.input(Some(ada), "x", Elem::Int { signed: false, bits: 32 }, 1);
        let mut x = b.share(x).unwrap();
        for _ in 0..500 {
            x = b.bin(Bin::Mul, x, x).unwrap();
        }
        let out = b.reveal(x, Recipient::All).unwrap();
        b.output(None, "result", out);
        let before = b.finish();
        let mut after = before.clone();
        pack(&mut after);
        assert_eq!(before, after);
    }
}
