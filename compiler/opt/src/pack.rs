//! Equal scalar gates that wait for equally much become lanes of one gate.
//!
//! ```text
//! %5 = lt %1, %2 : bool[1]                 %9 = concat %1, %3 : u32[2]
//! %6 = lt %3, %4 : bool[1]             →   %10 = concat %2, %4 : u32[2]
//!                                          %11 = lt %9, %10 : bool[2]
//!                                          %5 = gather [0] %11 ; %6 = gather [1] %11
//! ```
//! Statements written out one by one are as good as a loop then: planes are packed, dealt parts rotate over the nodes, and
//! the stages behind carry one gate instead of thousands: a long function called a thousand times on independent values is
//! one body of a thousand lanes. Only gates whose operands are ready after the same number of rounds are joined, by an
//! estimate of each operation's rounds, so that no gate waits for another's operands; and of those that take no round only
//! such as stand equally far behind the last one, so that none needs another. The meaning is kept because a lane-wise gate
//! does the same on every lane; gates with effects stay in order; regions with gates that may stop a run are left alone.

use crate::depth::{Depths, Ready, rounds};
use circuit::{Bin, Circuit, Domain, Elem, Gate, Index, Len, Op, RegionId, Space, SpaceDim, SpanId, WireId, WireTy};
use rustc_hash::FxHashMap;

/// Fewer gates than this are left as they are.
const FEW: usize = 64;

/// The pass. Linear in the circuit, but for the order of depths.
pub fn pack(c: &mut Circuit) {
    pack_from(c, FEW);
}

/// As [`pack`], for groups of `few` gates and more: tests join pairs.
fn pack_from(c: &mut Circuit, few: usize) {
    let mut depths = Depths::new(c);
    for r in 0..c.regions.len() as u32 {
        region(c, RegionId(r), few, &mut depths);
    }
}

/// What gates must have in common.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    op: Op,
    args: Vec<(Domain, Elem)>,
    result: Elem,
    ready: Ready,
}

/// Whether a gate may become a lane of another.
fn packable(c: &Circuit, g: &Gate) -> bool {
    let [out] = g.outs[..] else { return false };
    let one = |w: &WireId| c.ty(*w).len == Len::Const(1);
    let known = |w: &WireId| matches!(c.ty(*w).domain, Domain::Secret | Domain::Clear);
    if c.ty(out).domain != Domain::Secret || !one(&out) || !g.args.iter().all(|a| one(a) && known(a)) {
        return false;
    }
    let secret = g.args.iter().filter(|a| c.ty(**a).domain == Domain::Secret).count();
    match g.op {
        // A shift's amount is best as a number.
        Op::Bin(Bin::Shl | Bin::Shr) => false,
        Op::Select => true,
        Op::Bin(_) => secret > 0,
        Op::Un(_) => true,
        _ => false,
    }
}

fn region(c: &mut Circuit, r: RegionId, few: usize, depths: &mut Depths) {
    let gates = &c.region(r).gates;
    if gates.len() < few
        || gates.iter().any(|g| matches!(g.op, Op::Check { .. } | Op::At { .. }) || g.op.is_region() && stops(c, g))
    {
        return;
    }
    // A public operand comes second where the order is free, so that equal gates look equal.
    let (wires, gates) = (&c.wires, &mut c.regions[r.0 as usize].gates);
    for g in gates {
        if let (Op::Bin(Bin::Add | Bin::Mul | Bin::And | Bin::Or | Bin::Xor | Bin::Eq), [x, y]) =
            (&g.op, &mut g.args[..])
            && wires[x.0 as usize].domain == Domain::Clear
        {
            std::mem::swap(x, y);
        }
    }
    let gates = &c.region(r).gates;
    // When each gate's operands are ready.
    depths.begin(r);
    let mut ready = Vec::with_capacity(gates.len());
    let mut groups: FxHashMap<Key, Vec<u32>> = FxHashMap::default();
    for (k, g) in gates.iter().enumerate() {
        let at = depths.add(c, g);
        let join = packable(c, g);
        if join {
            let kind = |w: &WireId| (c.ty(*w).domain, c.ty(*w).elem);
            let args = g.args.iter().map(kind).collect();
            let ready = if rounds(c, g) > 0 { (at.0, 0) } else { at };
            let key = Key { op: g.op.clone(), args, result: c.ty(g.outs[0]).elem, ready };
            groups.entry(key).or_default().push(k as u32);
        }
        // What takes rounds comes behind all that is ready before it without any.
        ready.push(if rounds(c, g) > 0 { (at.0, u32::MAX) } else { at });
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
    // By readiness: a gate's operands are ready before it is.
    let mut order: Vec<u32> = (0..gates.len() as u32).collect();
    order.sort_by_key(|k| (ready[*k as usize], *k));
    let mut old = std::mem::take(&mut c.regions[r.0 as usize].gates);
    let mut p = Packer { c, gates: Vec::with_capacity(old.len()), from: FxHashMap::default() };
    let mut done = vec![false; chosen.len()];
    for k in order {
        match group_of[k as usize] {
            u32::MAX => {
                let g = &mut old[k as usize];
                let (args, outs) = (std::mem::take(&mut g.args), std::mem::take(&mut g.outs));
                let op = std::mem::replace(&mut g.op, Op::Concat);
                p.keep(Gate { op, args, outs, span: g.span });
            }
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
        // Lanes put together again.
        if let (Op::Concat, [out]) = (&g.op, &g.outs[..])
            && let Some(whole) = self.lanes(&g.args, g.span)
            && self.c.ty(whole).domain == self.c.ty(*out).domain
        {
            let n = g.args.len() as i64;
            let space = self.c.intern_space(Space { dims: vec![SpaceDim::upto(n)], guard: None });
            let op = Op::Gather { space, index: Index::Coord(0) };
            self.gates.push(Gate { op, args: vec![whole], ..g });
            return;
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
        if let Some(w) = self.lanes(wires, span) {
            return w;
        }
        // Stretches of lanes of one wire each.
        let source = |s: &Self, w: &WireId| s.from.get(w).map(|f| f.0);
        let runs: Vec<&[WireId]> =
            wires.chunk_by(|a, b| source(self, a).is_some() && source(self, a) == source(self, b)).collect();
        if runs.len() * 8 <= wires.len() {
            let pieces = runs.into_iter().map(|r| self.lanes(r, span).unwrap_or(r[0])).collect();
            return self.gate(Op::Concat, pieces, ty, span);
        }
        self.gate(Op::Concat, wires.to_vec(), ty, span)
    }
    /// Wires that are all lanes of one, as one wire without the way over single lanes.
    fn lanes(&mut self, wires: &[WireId], span: SpanId) -> Option<WireId> {
        let n = wires.len() as u64;
        let source = self.from.get(wires.first()?)?.0;
        let lanes: Vec<u64> =
            wires.iter().map_while(|w| self.from.get(w).filter(|f| f.0 == source).map(|f| f.1)).collect();
        if lanes.len() < wires.len() || wires.len() < 2 {
            return None;
        }
        if self.c.ty(source).len == Len::Const(n) && lanes.iter().enumerate().all(|(k, l)| *l == k as u64) {
            return Some(source);
        }
        let ty = WireTy { len: Len::Const(n), ..self.c.ty(source).clone() };
        let table = Op::Table(lanes.into_iter().map(u128::from).collect());
        let index = WireTy::clear(Elem::Int { signed: false, bits: 64 }, n);
        let index = self.gate(table, vec![], index, span);
        Some(self.gate(Op::GatherAt, vec![source, index], ty, span))
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
        let kinds = |c: &Circuit| c.region(c.root).gates.iter().filter(|g| packable(c, g) && rounds(c, g) > 0).count();
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
