//! Accumulation written out one by one becomes what a loop gives: one reduction, one dot product, one scatter.
//!
//! ```text
//! %5 = mul %1, %2 : u64[1]                      %9 = concat %1, %3, … : u64[N]
//! %6 = add %0, %5 : u64[1]                  →   %10 = concat %2, %4, … : u64[N]
//! %7 = mul %3, %4 : u64[1]                      %11 = dot %9, %10 by N : u64[1]
//! %8 = add %6, %7 : u64[1]  …                   %8 = add %0, %11
//! ```
//! A tree of one associative operation on single lanes, of which nobody sees the inner results, is flattened to its terms.
//! Sums of products become `dot`, sums of truth values `count`, everything else a reduction; what is public is combined by
//! itself. Terms of operations that send are combined as they become ready, by an estimate of their depth, so that none
//! waits for another. Runs of scatters of one lane each, of which only the last result is seen, become one scatter.
//!
//! The meaning is kept because the operations are associative and commutative mod 2^N, and the last write to a lane wins.

use crate::depth::Depths;
use circuit::{Bin, Circuit, Domain, Elem, Gate, Index, Len, Op, Red, RegionId, SpanId, Un, WireId, WireTy};
use rustc_hash::{FxHashMap, FxHashSet};

/// A wire of a chain, and whether it is subtracted.
type Term = (WireId, bool);

/// What is too short to be worth it.
#[derive(Clone, Copy)]
struct Few {
    /// Sums of fewer terms are left as they are: they may be cheaper in planes.
    summed: usize,
    /// Trees of operations that send, of fewer terms.
    sent: usize,
    /// Runs of fewer scatters.
    writes: usize,
}

const FEW: Few = Few { summed: 16, sent: 4, writes: 16 };

/// The pass. Linear in the circuit.
pub fn chain(c: &mut Circuit) {
    chain_from(c, FEW);
}

/// As [`chain`], for what is long enough: tests take pairs.
fn chain_from(c: &mut Circuit, few: Few) {
    let uses = uses(c);
    let (zeros, ones) = (all(c, 0), all(c, 1));
    let mut depths = Depths::new(c);
    for r in 0..c.regions.len() as u32 {
        region(c, RegionId(r), &uses, (&zeros, &ones), &mut depths, few);
    }
}

/// How often each wire is read, by gates, as a result, or as an output.
fn uses(c: &Circuit) -> Vec<u32> {
    let mut uses = vec![0; c.wires.len()];
    let mut count = |w: &WireId| uses[w.0 as usize] += 1;
    for r in &c.regions {
        r.gates.iter().for_each(|g| g.args.iter().for_each(&mut count));
        r.results.iter().for_each(&mut count);
    }
    c.outputs.iter().for_each(|o| count(&o.wire));
    uses
}

/// Wires that are this number.
fn all(c: &Circuit, number: u128) -> FxHashSet<WireId> {
    let gates = c.regions.iter().flat_map(|r| &r.gates);
    gates.filter(|g| g.op == Op::Const(number)).flat_map(|g| &g.outs).copied().collect()
}

/// The operation of a tree; a difference is a sum.
fn kind(op: &Op) -> Option<Bin> {
    match op {
        Op::Bin(Bin::Add | Bin::Sub) => Some(Bin::Add),
        Op::Bin(b @ (Bin::Mul | Bin::And | Bin::Or | Bin::Xor)) => Some(*b),
        _ => None,
    }
}

/// What becomes of the gates of one region.
struct Found {
    /// Terms of a tree by its last gate: with whether they are subtracted.
    trees: FxHashMap<u32, Vec<(WireId, bool)>>,
    /// Base of a run of scatters by its last gate, and what is written: lane and value.
    runs: FxHashMap<u32, (WireId, Vec<(i64, WireId)>)>,
    /// Gates that vanish.
    gone: FxHashSet<u32>,
}

fn region(
    c: &mut Circuit,
    r: RegionId,
    uses: &[u32],
    (zeros, ones): (&FxHashSet<WireId>, &FxHashSet<WireId>),
    depths: &mut Depths,
    few: Few,
) {
    if c.region(r).gates.len() < few.sent {
        return;
    }
    let found = find(c, r, uses, few);
    if found.trees.is_empty() && found.runs.is_empty() {
        return;
    }
    depths.begin(r);
    for g in &c.region(r).gates {
        depths.add(c, g);
    }
    let old = std::mem::take(&mut c.regions[r.0 as usize].gates);
    let mut def: FxHashMap<WireId, u32> = FxHashMap::default();
    for terms in found.trees.values() {
        def.extend(terms.iter().map(|t| (t.0, u32::MAX)));
    }
    for (k, g) in old.iter().enumerate() {
        // Not what becomes something else itself.
        if let [w] = g.outs[..]
            && let Some(d) = def.get_mut(&w)
            && !found.trees.contains_key(&(k as u32))
        {
            *d = k as u32;
        }
    }
    // What gives the terms is looked at when their tree is met.
    let terms = def.iter().filter_map(|(w, k)| Some((*w, old.get(*k as usize)?.clone()))).collect();
    let room = old.len() - found.gone.len();
    let gates = Vec::with_capacity(room);
    let mut b = Rebuild { c, gates, terms, uses, zeros, ones, depths, few, span: SpanId::default() };
    for (k, g) in old.into_iter().enumerate() {
        let k = k as u32;
        b.span = g.span;
        if let Some(terms) = found.trees.get(&k) {
            b.tree(&g, terms);
        } else if let Some((base, writes)) = found.runs.get(&k) {
            b.run(&g, *base, writes);
        } else if !found.gone.contains(&k) {
            b.gates.push(g);
        }
    }
    let gates = b.gates;
    c.regions[r.0 as usize].gates = gates;
}

/// Finds trees and runs that are long enough.
fn find(c: &Circuit, r: RegionId, uses: &[u32], few: Few) -> Found {
    let gates = &c.region(r).gates;
    let mut found = Found { trees: Default::default(), runs: Default::default(), gone: Default::default() };
    let one = |w: WireId| c.ty(w).len == Len::ONE;
    // Gates of the region that may stand inside of a tree or run, by result.
    let mut inner: FxHashMap<WireId, u32> = FxHashMap::default();
    // Whether a gate was taken into a tree or run that ends later.
    let mut taken = vec![false; gates.len()];
    let fits = |g: &Gate| {
        kind(&g.op).is_some() && g.outs.len() == 1 && one(g.outs[0]) && c.ty(g.outs[0]).domain == Domain::Secret
    };
    for (k, g) in gates.iter().enumerate() {
        let single = g.outs.len() == 1 && uses[g.outs[0].0 as usize] == 1;
        if single && (fits(g) || write(c, g).is_some()) {
            inner.insert(g.outs[0], k as u32);
        }
    }
    for k in (0..gates.len()).rev() {
        let g = &gates[k];
        if taken[k] {
            continue;
        }
        if fits(g) {
            let op = kind(&g.op);
            let elem = c.ty(g.outs[0]).elem;
            let mut terms = vec![];
            let mut members = vec![];
            let mut stack = vec![(k as u32, false)];
            // The right operand first from the stack: terms come out from the last to the first.
            while let Some((k, minus)) = stack.pop() {
                let g = &gates[k as usize];
                members.push(k);
                let mut below = vec![];
                for (i, a) in g.args.iter().enumerate() {
                    let minus = minus != (i == 1 && g.op == Op::Bin(Bin::Sub));
                    match inner.get(a) {
                        Some(d) if kind(&gates[*d as usize].op) == op && c.ty(*a).elem == elem => {
                            below.push((*d, minus));
                        }
                        _ => terms.push((*a, minus)),
                    }
                }
                stack.extend(below);
            }
            terms.reverse();
            let least = if matches!(op, Some(Bin::Add | Bin::Xor)) { few.summed } else { few.sent };
            let secret = terms.iter().filter(|t| c.ty(t.0).domain == Domain::Secret).count();
            if secret >= least {
                for m in &members {
                    taken[*m as usize] = true;
                }
                found.gone.extend(&members[1..]);
                found.trees.insert(k as u32, terms);
            }
        } else if let Some((_, first)) = write(c, g) {
            let mut writes = vec![first];
            let mut members = vec![k as u32];
            let mut base = g.args[0];
            while let Some(d) = inner.get(&base)
                && c.ty(base).domain == c.ty(g.outs[0]).domain
                && let Some((below, write)) = write(c, &gates[*d as usize])
            {
                writes.push(write);
                members.push(*d);
                base = below;
            }
            for m in &members {
                taken[*m as usize] = true;
            }
            if writes.len() >= few.writes {
                // The last write to a lane is the one that counts.
                let mut seen = FxHashSet::default();
                writes.retain(|w| seen.insert(w.0));
                writes.sort_unstable_by_key(|w| w.0);
                found.gone.extend(&members[1..]);
                found.runs.insert(k as u32, (base, writes));
            }
        }
    }
    found
}

/// Base, lane, and value of a scatter of one lane whose place is a number.
fn write(c: &Circuit, g: &Gate) -> Option<(WireId, (i64, WireId))> {
    let (Op::Scatter { space, index: Index::Const(lane) }, [base, value]) = (&g.op, &g.args[..]) else { return None };
    let plain = c.spaces[space.0 as usize].guard.is_none() && c.ty(*value).len == Len::ONE && *lane >= 0;
    let plain = plain && matches!(c.ty(g.outs[0]).domain, Domain::Clear | Domain::Secret);
    plain.then_some((*base, (*lane, *value)))
}

struct Rebuild<'a> {
    c: &'a mut Circuit,
    gates: Vec<Gate>,
    /// Gates of the region that give terms.
    terms: FxHashMap<WireId, Gate>,
    uses: &'a [u32],
    zeros: &'a FxHashSet<WireId>,
    ones: &'a FxHashSet<WireId>,
    depths: &'a Depths,
    few: Few,
    span: SpanId,
}

impl Rebuild<'_> {
    fn gate(&mut self, op: Op, args: Vec<WireId>, ty: WireTy) -> WireId {
        self.c.wires.push(ty);
        let out = WireId(self.c.wires.len() as u32 - 1);
        self.gates.push(Gate { op, args, outs: vec![out], span: self.span });
        out
    }
    fn secret(&self, w: WireId) -> bool {
        self.c.ty(w).domain == Domain::Secret
    }
    /// The wires as lanes of one secret.
    fn column(&mut self, wires: Vec<WireId>) -> WireId {
        let ty = WireTy::secret(self.c.ty(wires[0]).elem, wires.len() as u64);
        match wires[..] {
            [w] if self.secret(w) => w,
            _ => self.gate(Op::Concat, wires, ty),
        }
    }
    fn reduced(&mut self, red: Red, wires: Vec<WireId>, elem: Elem) -> WireId {
        let n = wires.len() as u64;
        let x = self.column(wires);
        self.gate(Op::Reduce { red, group: Len::Const(n) }, vec![x], WireTy::secret(elem, 1))
    }

    fn tree(&mut self, g: &Gate, terms: &[(WireId, bool)]) {
        let out = g.outs[0];
        let elem = self.c.ty(out).elem;
        let op = kind(&g.op).unwrap_or(Bin::Add);
        let (secret, public): (Vec<Term>, Vec<Term>) = terms.iter().partition(|t| self.secret(t.0));
        // With its sign, by the gates that a plain program would have.
        let (mut plus, mut minus) = (vec![], vec![]);
        if op == Bin::Add {
            for negative in [false, true] {
                let some: Vec<WireId> = secret.iter().filter(|t| t.1 == negative).map(|t| t.0).collect();
                let parts = self.sums(some, elem);
                if negative { minus = parts } else { plus = parts }
            }
        } else {
            let all = secret.iter().map(|t| t.0).collect();
            plus.push(self.sent(op, all, elem));
        }
        for (w, negative) in public {
            if negative { minus.push(w) } else { plus.push(w) }
        }
        // Public ones last, among themselves first.
        let combine = |s: &mut Self, op: Bin, x: WireId, y: WireId| {
            let domain = if s.secret(x) || s.secret(y) { Domain::Secret } else { s.c.ty(x).domain };
            s.gate(Op::Bin(op), vec![x, y], WireTy::new(domain, elem, Len::ONE))
        };
        let all = |s: &mut Self, list: Vec<WireId>| {
            let (secret, public): (Vec<WireId>, Vec<WireId>) = list.into_iter().partition(|w| s.secret(*w));
            let fold = |s: &mut Self, list: Vec<WireId>| list.into_iter().reduce(|x, y| combine(s, op, x, y));
            let (x, y) = (fold(s, secret), fold(s, public));
            match (x, y) {
                (Some(x), Some(y)) => Some(combine(s, op, x, y)),
                (x, y) => x.or(y),
            }
        };
        let (plus, minus) = (all(self, plus), all(self, minus));
        let last = match (plus, minus) {
            (Some(x), Some(y)) => combine(self, Bin::Sub, x, y),
            (Some(x), None) => x,
            (None, Some(y)) => self.gate(Op::Un(Un::Neg), vec![y], WireTy::secret(elem, 1)),
            (None, None) => return,
        };
        // The last gate gives the wire that the program knows.
        if let Some(g) = self.gates.iter_mut().rev().find(|g| g.outs == [last]) {
            g.outs[0] = out;
        }
    }

    /// Sums of these secrets: products, truth values, and the rest each by themselves.
    fn sums(&mut self, terms: Vec<WireId>, elem: Elem) -> Vec<WireId> {
        let (mut left, mut right, mut bits, mut rest) = (vec![], vec![], vec![], vec![]);
        for w in terms {
            let d = self.terms.get(&w);
            let sole = self.uses[w.0 as usize] == 1;
            match d.map(|d| (&d.op, &d.args[..])) {
                Some((Op::Bin(Bin::Mul), &[x, y])) if sole && self.secret(x) && self.secret(y) => {
                    left.push(x);
                    right.push(y);
                }
                // A value under a secret condition is a product with the condition's bit.
                Some((Op::Select, &[c, x, zero])) if sole && self.zero(zero) && self.secret(c) && self.secret(x) => {
                    left.push(self.gate(Op::Un(Un::Cast), vec![c], WireTy::secret(elem, 1)));
                    right.push(x);
                }
                Some((Op::Select, &[c, one, zero]))
                    if self.zero(zero) && self.ones.contains(&one) && self.secret(c) =>
                {
                    bits.push(c);
                }
                Some((Op::Un(Un::Cast), &[x])) if self.c.ty(x).elem == Elem::Bool && elem != Elem::Bool => bits.push(x),
                _ => rest.push(w),
            }
        }
        let mut out = vec![];
        let n = left.len() as u64;
        if n > 0 {
            let (x, y) = (self.column(left), self.column(right));
            out.push(self.gate(Op::Dot { group: Len::Const(n) }, vec![x, y], WireTy::secret(elem, 1)));
        }
        if !bits.is_empty() {
            out.push(self.reduced(Red::Count, bits, elem));
        }
        match rest.len() {
            0 => {}
            n if n < self.few.summed => out.extend(rest),
            _ => out.push(self.reduced(Red::Add, rest, elem)),
        }
        out
    }
    fn zero(&self, w: WireId) -> bool {
        self.zeros.contains(&w)
    }

    /// One operation that sends over all of these: what is ready early is combined while the others are awaited.
    fn sent(&mut self, op: Bin, mut terms: Vec<WireId>, elem: Elem) -> WireId {
        let red = match op {
            Bin::Mul => Red::Mul,
            Bin::And => Red::And,
            Bin::Or => Red::Or,
            _ => Red::Xor,
        };
        if red == Red::Xor {
            return self.reduced(red, terms, elem);
        }
        terms.sort_by_key(|w| self.depths.ready(*w));
        let mut now: Vec<WireId> = vec![];
        let mut at = 0;
        let mut todo = terms.into_iter().peekable();
        while let Some(next) = todo.peek().copied() {
            let ready = self.depths.ready(next);
            // So many levels fit before the next term is there.
            while at < ready && now.len() > 1 {
                now = self.level(red, now, elem);
                at += 1;
            }
            at = ready;
            while todo.peek().is_some_and(|w| self.depths.ready(*w) == ready) {
                now.extend(todo.next());
            }
        }
        if now.len() > 1 { self.reduced(red, now, elem) } else { now[0] }
    }
    /// Pairs combined, in one gate; single lanes again.
    fn level(&mut self, red: Red, mut now: Vec<WireId>, elem: Elem) -> Vec<WireId> {
        let odd = if now.len() % 2 == 1 { now.pop() } else { None };
        let n = now.len() as u64 / 2;
        let x = self.column(now);
        let all = self.gate(Op::Reduce { red, group: Len::Const(2) }, vec![x], WireTy::secret(elem, n));
        let mut out: Vec<WireId> = if n == 1 {
            vec![all]
        } else {
            let space = self.c.intern_space(circuit::Space::rect(&[1]));
            let lane = |s: &mut Self, k| {
                let op = Op::Gather { space, index: Index::Const(k) };
                s.gate(op, vec![all], WireTy::secret(elem, 1))
            };
            (0..n as i64).map(|k| lane(self, k)).collect()
        };
        out.extend(odd);
        out
    }

    /// One scatter for a run.
    fn run(&mut self, g: &Gate, base: WireId, writes: &[(i64, WireId)]) {
        let ty = self.c.ty(g.outs[0]).clone();
        let values: Vec<WireId> = writes.iter().map(|w| w.1).collect();
        let n = values.len() as u64;
        let whole = ty.len == Len::Const(n) && writes.iter().enumerate().all(|(k, w)| w.0 == k as i64);
        // Values may be public where the base is not.
        let domain = if whole {
            ty.domain
        } else {
            let clear = values.iter().all(|w| self.c.ty(*w).domain == Domain::Clear);
            if clear { Domain::Clear } else { ty.domain }
        };
        if whole && values.iter().any(|w| self.c.ty(*w).domain == ty.domain) {
            self.gates.push(Gate { op: Op::Concat, args: values, outs: g.outs.clone(), span: g.span });
            return;
        }
        let column = self.gate(Op::Concat, values, WireTy { domain, len: Len::Const(n), ..ty });
        let lanes = Op::Table(writes.iter().map(|w| w.0 as u128).collect());
        let lanes = self.gate(lanes, vec![], WireTy::clear(Elem::u(64), n));
        let args = vec![base, column, lanes];
        self.gates.push(Gate { op: Op::ScatterAt, args, outs: g.outs.clone(), span: g.span });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use circuit::interp::{NoBlocks, run};
    use circuit::{Builder, Column, Level, Recipient, Space};

    /// A builder, its input's lanes, and what makes a circuit of the last wire.
    fn lanes(n: i64) -> (Builder, Vec<WireId>) {
        let mut b = Builder::new(Level::Program);
        let ada = b.party("Ada", None);
        let x = b.input(Some(ada), "x", Elem::u(32), n as u64);
        let x = b.share(x).unwrap();
        let one = Space::rect(&[1]);
        let lanes = (0..n).map(|k| b.gather(x, one.clone(), Index::Const(k), None).unwrap()).collect();
        (b, lanes)
    }
    fn done(mut b: Builder, last: WireId) -> Circuit {
        let out = b.reveal(last, Recipient::All).unwrap();
        b.output(None, "result", out);
        b.finish()
    }
    fn answer(c: &Circuit, n: u32) -> Vec<Column> {
        circuit::verify::verify(c).unwrap_or_else(|e| panic!("{}\n{}", e[0], circuit::text::print(c)));
        let input = Column::U32((0..n).map(|k| k.wrapping_mul(2_654_435_761)).collect());
        run(c, &[input], &mut NoBlocks, 1).unwrap()
    }
    /// The circuit after the pass; it means the same.
    fn after(before: &Circuit, n: u32) -> Circuit {
        let mut c = before.clone();
        chain(&mut c);
        crate::simplify::sweep(&mut c);
        assert_eq!(answer(before, n), answer(&c, n));
        c
    }
    fn count(c: &Circuit, f: impl Fn(&Op) -> bool) -> usize {
        c.region(c.root).gates.iter().filter(|g| f(&g.op)).count()
    }

    #[test]
    fn a_sum_of_products_is_a_dot_product() {
        let (mut b, x) = lanes(100);
        let mut s = b.constant(7, Elem::u(32), Len::ONE);
        for k in 0..50 {
            let p = b.bin(Bin::Mul, x[k], x[99 - k]).unwrap();
            s = b.bin(if k % 3 == 0 { Bin::Sub } else { Bin::Add }, s, p).unwrap();
            let less = b.bin(Bin::Lt, x[k], x[(k * 7) % 100]).unwrap();
            let bit = b.cast(less, Elem::u(32)).unwrap();
            s = b.bin(Bin::Add, s, bit).unwrap();
        }
        let c = after(&done(b, s), 100);
        let products = count(&c, |op| matches!(op, Op::Bin(Bin::Mul) | Op::Un(Un::Cast)));
        let dots = count(&c, |op| matches!(op, Op::Dot { .. }));
        let counts = count(&c, |op| matches!(op, Op::Reduce { red: Red::Count, .. }));
        assert_eq!((products, dots, counts), (0, 2, 1));
    }

    #[test]
    fn a_chain_of_products_is_a_tree() {
        let (mut b, x) = lanes(40);
        let mut s = x[0];
        for w in &x[1..] {
            s = b.bin(Bin::Mul, s, *w).unwrap();
        }
        let c = after(&done(b, s), 40);
        assert_eq!(count(&c, |op| matches!(op, Op::Bin(_))), 0);
        assert_eq!(count(&c, |op| matches!(op, Op::Reduce { red: Red::Mul, .. })), 1);
    }

    #[test]
    fn a_term_that_is_late_keeps_nobody_waiting() {
        // x0 … x7 and one value that takes seven rounds: the product is there one round later.
        let (mut b, x) = lanes(9);
        let less = b.bin(Bin::Lt, x[7], x[8]).unwrap();
        let late = b.select(less, x[7], x[8]).unwrap();
        let mut s = late;
        for w in &x[..7] {
            s = b.bin(Bin::Mul, s, *w).unwrap();
        }
        let c = after(&done(b, s), 9);
        let mut depths = Depths::new(&c);
        depths.begin(c.root);
        c.region(c.root).gates.iter().for_each(|g| {
            depths.add(&c, g);
        });
        let reveal = c.region(c.root).gates.iter().find(|g| matches!(g.op, Op::Reveal { .. })).unwrap();
        assert_eq!((depths.ready(late), depths.ready(reveal.args[0])), (8, 9));
    }

    #[test]
    fn writes_of_single_lanes_are_one_scatter() {
        for (room, whole) in [(60, false), (30, true)] {
            let (mut b, x) = lanes(30);
            let mut a = b.constant(5, Elem::u(32), Len::Const(room));
            for (k, w) in x.iter().enumerate() {
                let space = b.space(Space::rect(&[1]));
                // Twice to some lanes: the last one counts.
                let lane = if whole { k as i64 } else { (k as i64 * 7) % 25 };
                a = b.gate1(Op::Scatter { space, index: Index::Const(lane) }, &[a, *w]).unwrap();
            }
            let c = after(&done(b, a), 30);
            assert_eq!(count(&c, |op| matches!(op, Op::Scatter { .. })), 0);
            assert_eq!(count(&c, |op| matches!(op, Op::ScatterAt)), usize::from(!whole));
        }
    }

    #[test]
    fn generated_circuits_mean_the_same() {
        let mut changed = 0;
        for seed in 0..400 {
            let shape = circuit::testing::Shape { steps: 80, lanes: 1, nesting: 1 };
            let sample = circuit::testing::random_program(seed, &shape);
            let mut after = sample.circuit.clone();
            chain_from(&mut after, Few { summed: 2, sent: 2, writes: 2 });
            circuit::verify::verify(&after).unwrap_or_else(|e| panic!("seed {seed}: {}", e[0]));
            changed += usize::from(after != sample.circuit);
            let answer = |c: &Circuit| run(c, &sample.inputs, &mut NoBlocks, 1);
            assert_eq!(answer(&sample.circuit), answer(&after), "seed {seed}");
        }
        assert!(changed >= 20, "only {changed} had anything to gather");
    }
}
