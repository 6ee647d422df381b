//! Placement: in which forms every secret wire is held.
//!
//! Forms are bit planes and sharings mod 2^ring. Comparisons, divisions, and bitwise gates want planes; products and sums
//! want a ring; additions, selections, and equality can be done in either, and so can carried wires. Inputs come in every
//! form that is wanted, for their owner splits them for free; gates that only move lanes pass the wants of their results on
//! to their operands. What is left to choose is a label per gate (or carried wire), and the cost is bytes, and rounds at a
//! price, of gates and of one conversion per wire and form.
//!
//! The choice is a descent: from "all arithmetic" and from "all boolean", labels are flipped one by one while the total
//! falls, and the cheaper end is taken. So the result is never worse than the better of the two, and the work is linear in
//! the circuit. The circuit itself is not changed: [`crate::expand`] builds what the plan says.
//!
//! Before: `%4 = add %2, %3 : secret u64[N]`. After: the plan says that `%4` is made in `arith64`, and wanted in bits too.

mod text;
mod unread;

use crate::error::{Error, Result};
use crate::gates::{adder, multiply, net};
use crate::lens::{len_max, trips};
use circuit::{Bin, Circuit, Domain, Elem, Gate, Op, Red, RegionId, Un, WireId};
use rustc_hash::FxHashMap;

/// A form: 0 is bit planes, 1 to 5 are the rings of 8 to 128 bits.
pub type Form = u8;

/// Bit planes.
pub const BITS: Form = 0;

/// The form of a ring.
pub fn ring_form(ring: u8) -> Form {
    ring.trailing_zeros() as u8 - 2
}

/// The ring of a form other than [`BITS`].
pub fn form_ring(form: Form) -> u8 {
    8 << (form - 1)
}

/// The smallest ring that holds a type.
pub fn own_ring(e: Elem) -> u8 {
    e.bits().next_power_of_two().max(8)
}

/// What [`place`] decided.
#[derive(Clone, Debug)]
pub struct Plan {
    /// By program wire: bit f is set when form f is wanted. A wire that only moves and is only revealed has none.
    pub wants: Vec<u8>,
    /// By program wire: the form in which its gate makes it (for `eq`, that of its operands; for carried wires, that of
    /// the slot). Meaningful where there is a choice.
    pub home: Vec<Form>,
}

/// Prices that the descent reckons with.
#[derive(Clone, Copy, Debug)]
pub struct Prices {
    /// Bytes that a round is worth.
    pub round: f64,
}

/// How a wire comes about, as far as forms matter.
#[derive(Clone, Debug)]
enum Kind {
    /// Not secret.
    Plain,
    /// An input: any form at its own price.
    Share,
    /// Made in one form.
    Fixed(Form),
    /// Made in the form of an entity's label.
    By(u32),
    /// Made in any form that some operands of a gate have: those from `from` below `to`.
    Move { region: RegionId, gate: u32, from: u32, to: u32, map: Map },
}

/// Which form of the operand a form of a moved result comes from.
#[derive(Clone, Copy, Debug)]
enum Map {
    Same,
    /// Planes and the type's own ring.
    Own(Form),
    Cast(Elem, Elem),
}

impl Map {
    fn of(self, f: Form) -> Option<Form> {
        match self {
            Map::Same => Some(f),
            Map::Own(own) => (f == BITS || f == own).then_some(f),
            Map::Cast(from, to) => cast_form(from, to, f),
        }
    }
}

/// The form of a cast's operand from which form `f` of its result follows without a conversion.
pub fn cast_form(from: Elem, to: Elem, f: Form) -> Option<Form> {
    if f == BITS {
        return Some(BITS);
    }
    if to == Elem::Bool && from != Elem::Bool {
        return None;
    }
    if from == Elem::Bool {
        return Some(f);
    }
    let (rf, own_from, own_to) = (form_ring(f), own_ring(from), own_ring(to));
    if to.bits() <= from.bits() {
        // Truncation: the low bits of the operand's own ring; wider than that, only equal types keep their meaning.
        return match rf {
            _ if rf == own_to => Some(ring_form(own_from)),
            _ if from == to => Some(f),
            _ => None,
        };
    }
    // Widening: exact in a ring greater than the operand's own; beyond the result's own ring only if both extend alike.
    let alike = !from.signed() || to.signed();
    (rf > own_from && (rf == own_to || alike)).then_some(f)
}

enum Entity {
    Gate(RegionId, u32),
    Slot { defs: Vec<WireId>, uses: Vec<WireId>, own: Form },
}

struct Placer<'a> {
    c: &'a Circuit,
    prices: Prices,
    kind: Vec<Kind>,
    count: Vec<[u32; 6]>,
    /// Trips of the region of the wire's definition.
    times: Vec<f64>,
    entities: Vec<Entity>,
    bits: Vec<bool>,
    consts: FxHashMap<WireId, u128>,
    cost: f64,
    /// Uses that are still to be counted; kept for its room.
    todo: Vec<(WireId, Form)>,
    /// By width: ANDs and levels of the adders.
    adders: Vec<[(u32, u32); adder::STYLES.len()]>,
    /// By width, where it may pay: ANDs and levels of the multipliers.
    multipliers: FxHashMap<u8, [(u32, u32); 2]>,
    /// By wire: low planes that nobody reads, where all readers of planes shift by constants.
    unread: Vec<u8>,
}

/// Widest words that are multiplied as planes. Beyond it conversions and one product of the ring are cheaper at any number
/// of lanes: at 16 bits 241 ANDs at depth 15 face 2 (16 · 16 / 3 + 16) + 16 = 219 bits at most, and two rounds.
const MAX_PLANE_PRODUCT: u8 = 16;

/// Whether a gate is a comparison of a signed value with 0.
pub fn is_sign_test(c: &Circuit, consts: &FxHashMap<WireId, u128>, g: &Gate) -> bool {
    g.op == Op::Bin(Bin::Lt)
        && c.ty(g.args[0]).elem.signed()
        && c.ty(g.args[0]).domain == Domain::Secret
        && consts.get(&g.args[1]) == Some(&0)
}

impl Placer<'_> {
    fn elem(&self, w: WireId) -> Elem {
        self.c.ty(w).elem
    }
    fn own(&self, w: WireId) -> Form {
        ring_form(own_ring(self.elem(w)))
    }
    fn secret(&self, w: WireId) -> bool {
        self.c.ty(w).domain == Domain::Secret
    }
    fn lanes(&self, w: WireId) -> f64 {
        len_max(&self.c.ty(w).len) as f64
    }
    fn round(&self, w: WireId, n: u32) -> f64 {
        self.prices.round * f64::from(n) * self.times[w.0 as usize]
    }
    /// Price of the cheapest of some circuits of given ANDs and levels, after `bits` more in `rounds` more steps.
    fn best(&self, w: WireId, bits: f64, rounds: u32, all: &[(u32, u32)]) -> f64 {
        let price = |c: &(u32, u32)| self.price(w, bits + f64::from(c.0), rounds + c.1);
        all.iter().map(price).min_by(f64::total_cmp).unwrap_or(0.0)
    }
    /// Price of `bits` sent per lane by each node, in `rounds` steps.
    fn price(&self, w: WireId, bits: f64, rounds: u32) -> f64 {
        bits / 8.0 * self.lanes(w) * self.times[w.0 as usize] + self.round(w, rounds)
    }

    /// Cost of a wire beyond the gate that makes it: conversions, or the forms of an input.
    fn wire_cost(&self, w: WireId) -> f64 {
        let cnt = &self.count[w.0 as usize];
        if cnt.iter().all(|n| *n == 0) {
            return 0.0;
        }
        let k = self.elem(w).bits();
        let own = self.own(w);
        match &self.kind[w.0 as usize] {
            Kind::Plain => 0.0,
            Kind::Share => (0..6u8)
                .filter(|f| cnt[*f as usize] > 0)
                .map(|f| {
                    let bits = if f == BITS { k } else { form_ring(f) };
                    self.price(w, f64::from(bits) / 3.0, 0)
                })
                .sum(),
            Kind::Move { map, .. } => {
                // Forms that do not pass through are made from planes.
                (1..6u8)
                    .filter(|f| cnt[*f as usize] > 0 && map.of(*f).is_none())
                    .map(|f| self.to_ring(w, k, form_ring(f)))
                    .sum()
            }
            Kind::Fixed(home) => self.conversions(w, *home, cnt, k, own),
            Kind::By(e) => {
                let home = if self.bits[*e as usize] { BITS } else { own };
                let home = if self.eq_like(*e) { BITS } else { home };
                self.conversions(w, home, cnt, k, own)
            }
        }
    }
    /// Gates whose label says where their operands are, while the result is a bit.
    fn eq_like(&self, e: u32) -> bool {
        matches!(&self.entities[e as usize], Entity::Gate(r, g)
            if matches!(self.c.region(*r).gates[*g as usize].op, Op::Bin(Bin::Eq | Bin::Lt)))
    }
    fn to_ring(&self, w: WireId, k: u8, ring: u8) -> f64 {
        self.price(w, f64::from(k) * f64::from(ring) / 3.0 + f64::from(ring), 2)
    }
    fn conversions(&self, w: WireId, home: Form, cnt: &[u32; 6], k: u8, own: Form) -> f64 {
        let wider = (1..6u8).filter(|f| cnt[*f as usize] > 0 && *f != home);
        let mut cost = 0.0;
        let mut any = cnt[BITS as usize] > 0;
        for f in wider {
            any = true;
            cost += self.to_ring(w, k, form_ring(f));
        }
        if home != BITS && any {
            debug_assert_eq!(home, own);
            let dead = self.unread[w.0 as usize].min(k);
            let carry = net::carry_cost(usize::from(dead), 2).0;
            let bits = f64::from(k) / 3.0 + f64::from(carry);
            cost += self.best(w, bits, 1 + u32::from(dead > 0), &self.adders[usize::from(k - dead)]);
        }
        cost
    }

    fn add_use(&mut self, w: WireId, f: Form, on: bool) {
        let mut todo = std::mem::take(&mut self.todo);
        todo.push((w, f));
        while let Some((w, f)) = todo.pop() {
            if matches!(self.kind[w.0 as usize], Kind::Plain) {
                continue;
            }
            let before = self.count[w.0 as usize][f as usize];
            let changes = if on { before == 0 } else { before == 1 };
            if !changes {
                self.count[w.0 as usize][f as usize] = if on { before + 1 } else { before - 1 };
                continue;
            }
            self.cost -= self.wire_cost(w);
            self.count[w.0 as usize][f as usize] = u32::from(on);
            self.cost += self.wire_cost(w);
            if let Kind::Move { region, gate, from, to, map } = &self.kind[w.0 as usize] {
                let args = &self.c.region(*region).gates[*gate as usize].args;
                let from = &args[*from as usize..*to as usize];
                let g = map.of(f).unwrap_or(BITS);
                let direct = map.of(f).is_some();
                // A form made here wants the planes of this wire, which pass through in turn.
                if direct {
                    todo.extend(from.iter().map(|a| (*a, g)));
                } else {
                    todo.push((w, BITS));
                }
            }
        }
        self.todo = todo;
    }

    /// The constant of a product with one.
    fn factor(&self, g: &Gate) -> Option<(WireId, u128)> {
        let [x, y] = g.args[..] else { return None };
        match (self.consts.get(&x), self.consts.get(&y)) {
            (_, Some(v)) => Some((x, *v)),
            (Some(v), _) => Some((y, *v)),
            _ => None,
        }
    }
    /// About what a product of planes with a constant costs: carry-save over its signed digits, and an adder.
    fn price_scale(&self, w: WireId, k: u8, v: u128) -> f64 {
        let digits = multiply::signed_digits(v, usize::from(k));
        // The lowest row and the highest bits take part in no addition.
        let rows: u32 = digits.iter().skip(2).map(|d| u32::from(k) - d.0 as u32).sum();
        let levels = u32::BITS - (digits.len().saturating_sub(1) as u32).leading_zeros();
        match digits.len() {
            0 | 1 if digits.iter().all(|d| !d.1) => 0.0,
            _ => self.best(w, f64::from(rows), levels, &self.adders[usize::from(k)]),
        }
    }

    /// The form that a gate wants of its operands, given its label, and its own price.
    fn demands(&self, r: RegionId, g: u32, bits: bool) -> (Option<Form>, f64) {
        let gate = &self.c.region(r).gates[g as usize];
        let Some(&out) = gate.outs.first() else { return (None, 0.0) };
        let k = self.elem(gate.args.first().copied().unwrap_or(out)).bits();
        let own_arg = gate.args.first().map_or(BITS, |a| self.own(*a));
        let ring = f64::from(form_ring(self.own(out)));
        let kf = f64::from(k);
        let log = |k: u8| u8::BITS - (k.max(1) - 1).leading_zeros();
        let (form, price) = match &gate.op {
            Op::Un(Un::Neg) | Op::Bin(Bin::Add | Bin::Sub) if bits => {
                (BITS, self.best(out, 0.0, 0, &self.adders[k as usize]))
            }
            Op::Un(Un::Neg | Un::Not) | Op::Bin(Bin::Add | Bin::Sub) => (if bits { BITS } else { own_arg }, 0.0),
            Op::Bin(Bin::Mul) => match self.factor(gate) {
                Some((_, v)) if bits => (BITS, self.price_scale(out, k, v)),
                Some(_) => (own_arg, 0.0),
                None if bits => (BITS, self.best(out, 0.0, 0, &self.multipliers[&k])),
                None => (own_arg, self.price(out, ring, 1)),
            },
            Op::Bin(Bin::Eq) if bits => (BITS, self.price(out, kf - 1.0, log(k))),
            Op::Bin(Bin::Eq) => (own_arg, self.price(out, kf / 3.0 + kf - 1.0, 1 + log(k))),
            Op::Bin(Bin::Lt) if bits => (BITS, 0.0),
            Op::Bin(Bin::Lt) => (own_arg, self.price(out, kf / 3.0 + 2.4 * kf, 2 + log(k))),
            Op::Select if bits => (BITS, self.price(out, f64::from(self.elem(out).bits()), 1)),
            Op::Select => (self.own(out), self.price(out, ring, 1)),
            _ => return (None, 0.0),
        };
        (Some(form), price)
    }

    fn label(&mut self, e: usize, on: bool) {
        let bits = self.bits[e];
        match &self.entities[e] {
            Entity::Gate(r, g) => {
                let (r, g, c) = (*r, *g, self.c);
                let (form, price) = self.demands(r, g, bits);
                self.cost += if on { price } else { -price };
                if let Some(f) = form {
                    c.region(r).gates[g as usize].args.iter().for_each(|w| self.add_use(*w, f, on));
                }
            }
            Entity::Slot { uses, own, .. } => {
                let f = if bits { BITS } else { *own };
                for w in uses.clone() {
                    self.add_use(w, f, on);
                }
            }
        }
    }
    fn own_wires(&self, e: usize) -> Vec<WireId> {
        match &self.entities[e] {
            Entity::Gate(r, g) => self.c.region(*r).gates[*g as usize].outs.clone(),
            Entity::Slot { defs, .. } => defs.clone(),
        }
    }
    fn flip(&mut self, e: usize) {
        self.label(e, false);
        let wires = self.own_wires(e);
        for w in &wires {
            self.cost -= self.wire_cost(*w);
        }
        self.bits[e] = !self.bits[e];
        for w in &wires {
            self.cost += self.wire_cost(*w);
        }
        self.label(e, true);
    }
    fn descend(&mut self) {
        for sweep in 0..6 {
            let mut any = false;
            for i in 0..self.entities.len() {
                let e = if sweep % 2 == 0 { self.entities.len() - 1 - i } else { i };
                let before = self.cost;
                self.flip(e);
                if self.cost < before - 1e-6 * before.abs().max(1.0) {
                    any = true;
                } else {
                    self.flip(e);
                    self.cost = before;
                }
            }
            if !any {
                break;
            }
        }
    }
}

/// Decides the forms of every secret wire of a program-level circuit. Linear in its gates.
///
/// # Errors
/// None for circuits that the verifier accepts.
pub fn place(c: &Circuit, prices: Prices) -> Result<Plan> {
    let n = c.wires.len();
    let mut p = Placer {
        c,
        prices,
        kind: vec![Kind::Plain; n],
        count: vec![[0; 6]; n],
        times: vec![1.0; n],
        entities: vec![],
        bits: vec![],
        consts: FxHashMap::default(),
        cost: 0.0,
        todo: vec![],
        adders: (0..=128).map(|k| adder::STYLES.map(|s| adder::cost(k, s))).collect(),
        multipliers: FxHashMap::default(),
        unread: unread::unread(c),
    };
    let mut fixed: Vec<(WireId, Form)> = vec![];
    let mut calls: FxHashMap<RegionId, (Vec<usize>, Vec<Option<usize>>)> = FxHashMap::default();
    // Regions with the number of times that they run; a called region is visited for its first call.
    let mut todo = vec![(c.root, 1.0f64)];
    let mut seen = vec![false; c.regions.len()];
    while let Some((r, times)) = todo.pop() {
        if std::mem::replace(&mut seen[r.0 as usize], true) {
            continue;
        }
        let region = c.region(r);
        for w in &region.params {
            p.times[w.0 as usize] = times;
        }
        for (gi, gate) in region.gates.iter().enumerate() {
            for w in &gate.outs {
                p.times[w.0 as usize] = times;
            }
            visit(&mut p, &mut fixed, &mut calls, r, gi as u32, gate)?;
            match &gate.op {
                Op::Loop { lo, hi, step, body, .. } => {
                    let t = trips(lo, hi, *step).unwrap_or(16).max(1) as f64;
                    todo.push((*body, times * t));
                }
                Op::While { cond, body } => {
                    todo.push((*cond, times * 16.0));
                    todo.push((*body, times * 16.0));
                }
                op => todo.extend(op.regions().map(|r| (r, times))),
            }
        }
    }
    for o in c.outputs.iter().filter(|o| o.kept.is_some()) {
        fixed.push((o.wire, if p.elem(o.wire) == Elem::Bool { BITS } else { p.own(o.wire) }));
    }
    p.bits = vec![false; p.entities.len()];
    for (w, f) in fixed {
        p.add_use(w, f, true);
    }
    let (base_count, base_cost) = (p.count.clone(), p.cost);
    let mut best: Option<(f64, Vec<bool>, Vec<[u32; 6]>)> = None;
    for start in [false, true] {
        p.count.clone_from(&base_count);
        p.cost = base_cost;
        // Labels change what wires cost: recompute the base under this start.
        p.bits = vec![start; p.entities.len()];
        p.cost = (0..n).map(|w| p.wire_cost(WireId(w as u32))).sum();
        for e in 0..p.entities.len() {
            p.label(e, true);
        }
        p.descend();
        if best.as_ref().is_none_or(|b| p.cost < b.0) {
            best = Some((p.cost, p.bits.clone(), p.count.clone()));
        }
    }
    let (_, bits, count) = best.unwrap_or_default();
    p.bits = bits;
    let wants = count.iter().map(|c| (0..6).filter(|f| c[*f as usize] > 0).fold(0, |m, f: u8| m | 1 << f)).collect();
    let mut home: Vec<Form> = (0..n).map(|w| p.own(WireId(w as u32))).collect();
    for e in 0..p.entities.len() {
        for w in p.own_wires(e) {
            let own = match &p.entities[e] {
                Entity::Gate(..) if p.eq_like(e as u32) => ring_form(8),
                _ => p.own(w),
            };
            home[w.0 as usize] = if p.bits[e] { BITS } else { own };
        }
    }
    Ok(Plan { wants, home })
}

/// Whether a product may be cheaper as planes: narrow words, or a constant times what is not at hand in the ring.
fn plane_product(p: &Placer<'_>, g: &Gate) -> bool {
    let k = p.elem(g.args[0]).bits();
    match p.factor(g) {
        Some((x, _)) => k > 1 && matches!(p.kind[x.0 as usize], Kind::Fixed(BITS) | Kind::By(_) | Kind::Move { .. }),
        None => k > 1 && k <= MAX_PLANE_PRODUCT && g.args.iter().all(|a| p.secret(*a)),
    }
}

fn slot(p: &mut Placer<'_>, defs: Vec<WireId>, uses: Vec<WireId>) -> Option<usize> {
    let defs: Vec<WireId> = defs.into_iter().filter(|w| p.secret(*w)).collect();
    let &first = defs.first()?;
    let own = p.own(first);
    if p.elem(first) == Elem::Bool {
        for w in &defs {
            p.kind[w.0 as usize] = Kind::Fixed(BITS);
        }
        // The uses of a bool's slot are planes: an entity that never gains by a flip would cost time.
        return Some(usize::MAX);
    }
    let e = p.entities.len();
    for w in &defs {
        p.kind[w.0 as usize] = Kind::By(e as u32);
    }
    p.entities.push(Entity::Slot { defs, uses, own });
    Some(e)
}

fn visit(
    p: &mut Placer<'_>,
    fixed: &mut Vec<(WireId, Form)>,
    calls: &mut FxHashMap<RegionId, (Vec<usize>, Vec<Option<usize>>)>,
    r: RegionId,
    gi: u32,
    gate: &Gate,
) -> Result<()> {
    let c = p.c;
    let Some(&out) = gate.outs.first() else { return Ok(()) };
    let set = |p: &mut Placer<'_>, k: Kind| p.kind[out.0 as usize] = k;
    let flex = |p: &mut Placer<'_>| {
        let e = p.entities.len() as u32;
        p.entities.push(Entity::Gate(r, gi));
        p.kind[out.0 as usize] = Kind::By(e);
    };
    let mut carried = |p: &mut Placer<'_>, defs: Vec<WireId>, uses: Vec<WireId>| {
        if slot(p, defs, uses.clone()) == Some(usize::MAX) {
            fixed.extend(uses.into_iter().map(|w| (w, BITS)));
        }
    };
    match &gate.op {
        Op::Const(v) => {
            p.consts.insert(out, *v);
            return Ok(());
        }
        Op::Loop { body, .. } => {
            let b = c.region(*body);
            for (i, o) in gate.outs.iter().enumerate() {
                carried(p, vec![b.params[i], *o], vec![gate.args[i], b.results[i]]);
            }
            return Ok(());
        }
        Op::While { cond, body } => {
            let (q, b) = (c.region(*cond), c.region(*body));
            for (i, o) in gate.outs.iter().enumerate() {
                carried(p, vec![b.params[i], q.params[i], *o], vec![gate.args[i], b.results[i]]);
            }
            return Ok(());
        }
        Op::If { then, otherwise } => {
            let (a, b) = (c.region(*then), c.region(*otherwise));
            for (i, o) in gate.outs.iter().enumerate() {
                carried(p, vec![*o], vec![a.results[i], b.results[i]]);
            }
            return Ok(());
        }
        Op::Call(region) => {
            let b = c.region(*region);
            if let Some((params, results)) = calls.get(region) {
                for (i, a) in gate.args.iter().enumerate() {
                    match params[i] {
                        usize::MAX => fixed.push((*a, BITS)),
                        e => {
                            if let Some(Entity::Slot { uses, .. }) = p.entities.get_mut(e) {
                                uses.push(*a);
                            }
                        }
                    }
                }
                for (i, o) in gate.outs.iter().enumerate() {
                    match results[i] {
                        Some(usize::MAX) => p.kind[o.0 as usize] = Kind::Fixed(BITS),
                        Some(e) => {
                            p.kind[o.0 as usize] = Kind::By(e as u32);
                            if let Some(Entity::Slot { defs, .. }) = p.entities.get_mut(e) {
                                defs.push(*o);
                            }
                        }
                        None => {}
                    }
                }
                return Ok(());
            }
            let mut params = vec![];
            for (i, a) in gate.args.iter().enumerate() {
                let s = slot(p, vec![b.params[i]], vec![*a]);
                if s == Some(usize::MAX) {
                    fixed.push((*a, BITS));
                }
                params.push(s.unwrap_or(usize::MAX));
            }
            let mut results = vec![];
            for (i, o) in gate.outs.iter().enumerate() {
                let s = slot(p, vec![*o], vec![b.results[i]]);
                if s == Some(usize::MAX) {
                    fixed.push((b.results[i], BITS));
                }
                results.push(s);
            }
            calls.insert(*region, (params, results));
            return Ok(());
        }
        _ => {}
    }
    if matches!(gate.op, Op::ArgReduce { .. }) && !p.secret(gate.args[0]) {
        for (k, o) in gate.outs.iter().enumerate().take(gate.args.len()) {
            if p.secret(*o) {
                let k = k as u32;
                p.kind[o.0 as usize] = Kind::Move { region: r, gate: gi, from: k, to: k + 1, map: Map::Same };
            }
        }
        return Ok(());
    }
    if !p.secret(out) {
        return Ok(());
    }
    let own = p.own(out);
    let word = p.elem(out) != Elem::Bool;
    let moved = |from: usize, to: usize, map| Kind::Move { region: r, gate: gi, from: from as u32, to: to as u32, map };
    let mut want = |f: Form| fixed.extend(gate.args.iter().map(|a| (*a, f)));
    match &gate.op {
        Op::Share(_) => set(p, Kind::Share),
        Op::Random(_) if word => flex(p),
        Op::Random(_) => set(p, Kind::Fixed(BITS)),
        // As an earlier run left it.
        Op::Input(_) => set(p, Kind::Fixed(if word { own } else { BITS })),
        Op::Gather { .. } | Op::GatherAt => set(p, moved(0, 1, Map::Same)),
        Op::Scatter { .. } | Op::ScatterAt => set(p, moved(0, 2, Map::Same)),
        Op::Concat => set(p, moved(0, gate.args.len(), Map::Same)),
        Op::Un(Un::Cast) => {
            let from = p.elem(gate.args[0]);
            set(p, moved(0, 1, Map::Cast(from, p.elem(out))));
        }
        Op::Un(Un::Neg) | Op::Bin(Bin::Add | Bin::Sub) => flex(p),
        Op::Un(Un::Not) if word => flex(p),
        Op::Un(Un::Trunc(_)) => {
            want(own);
            set(p, Kind::Fixed(own));
        }
        Op::Bin(Bin::Eq) if p.elem(gate.args[0]).bits() > 1 => flex(p),
        Op::Bin(Bin::Lt) if is_sign_test(c, &p.consts, gate) => flex(p),
        Op::Bin(Bin::Shl) => set(p, moved(0, 1, Map::Own(own))),
        Op::Select if !p.secret(gate.args[0]) => set(p, moved(1, 3, Map::Same)),
        Op::Select if !p.secret(gate.args[1]) && !p.secret(gate.args[2]) && word => {
            set(p, moved(0, 1, Map::Same));
        }
        Op::Select if word => flex(p),
        Op::Un(_)
        | Op::Bin(Bin::And | Bin::Or | Bin::Xor | Bin::Lt | Bin::Eq | Bin::Div | Bin::Rem | Bin::Shr)
        | Op::Select => {
            want(BITS);
            set(p, Kind::Fixed(BITS));
        }
        Op::Reduce { red: Red::And | Red::Or | Red::Xor | Red::Min | Red::Max, .. } => {
            want(BITS);
            set(p, Kind::Fixed(BITS));
        }
        Op::Reduce { red: Red::Count, .. } => {
            want(BITS);
            set(p, Kind::Fixed(own));
        }
        Op::Bin(Bin::Mul) if plane_product(p, gate) => {
            let k = p.elem(out).bits();
            p.multipliers.entry(k).or_insert_with(|| multiply::STYLES.map(|s| multiply::cost(usize::from(k), s)));
            flex(p);
        }
        Op::Bin(Bin::Mul) | Op::Reduce { .. } | Op::Dot { .. } | Op::MatMul { .. } => {
            want(own);
            set(p, Kind::Fixed(own));
        }
        Op::ArgReduce { .. } | Op::Net(_) => {
            want(BITS);
            for o in &gate.outs {
                p.kind[o.0 as usize] = Kind::Fixed(BITS);
            }
        }
        op => {
            return Err(Error::Unsupported { what: format!("a secret result of `{}`", op.name()), span: gate.span });
        }
    }
    Ok(())
}
