//! Narrower words where values are known to be small, or where only low bits count.
//!
//! ```text
//! %1 = share %0 : secret u64[N] ; of 0..=4000       %1 = share %0 : secret u16[N]
//! %3 = mul %1, %2 : secret u64[N]                   %3 = mul (cast %1), (cast %2) : secret u32[N]
//! %4 = lt %3, %2 : secret bool[N]               →   %4 = lt (cast %3), (cast %2) : secret bool[N] ; of u24
//! %6 = reduce add %5 by N : secret u64              %6 = reduce add %5 by N : secret u32
//! %7 = reveal %6 : clear u64                        %8 = reveal (cast %6) ; %7 = cast %8 : clear u64
//! ```
//! One walk forwards finds an interval for every wire, of the type, of declared ranges of inputs, of constants, indices, and
//! masks; loops are widened until nothing changes. One walk backwards finds how many low bits of every wire count. Then
//! - operations mod 2^N (sums, products, selections, what moves lanes) are done in the smallest ring of the bits that count;
//! - inputs, comparisons, divisions, shifts to the right, bitwise operations, and least and greatest elements are done in
//!   the words that hold the intervals of their operands, and so are openings to all;
//! - comparisons that intervals decide are constants, masks and truncations that change nothing go.
//!
//! The meaning is kept: a rewritten wire either equals the old one in its low bits, as many as count, or has the old value in
//! a smaller type, from which a cast gives it back. Divisions are narrowed only where the divisor is not 0, and the
//! quotient fits. Wires that enter or leave regions keep their types. Casts are free where this pass puts them: to a smaller
//! ring, or between words of planes; sums that would have to grow again from a ring are left in theirs.

mod interval;

use crate::place::own_ring;
use circuit::{Bin, Circuit, Domain, Elem, Gate, Len, Op, Recipient, Red, RegionId, SpanId, Un, WireId, WireTy};
use interval::{Interval, fits, top, type_of};
use rustc_hash::FxHashMap;

/// How a gate is rewritten.
enum Form {
    /// Not.
    Same,
    /// Mod a smaller power of two: its result has the old low bits, as many as count.
    Ring(Elem),
    /// In a word that holds the old values.
    Word(Elem),
    /// It moves lanes: in the type that its operands have.
    Move,
    /// A cast between integers.
    Cast,
    /// A comparison of which the result is known.
    Decided(bool),
    /// The operands of an extreme with what goes with it: in words that hold their values.
    Arg(Vec<Option<Elem>>),
}

/// Whether operand k is one of the words that an operation is about: no amount, index, or condition.
fn is_word(op: &Op, k: usize) -> bool {
    match op {
        Op::Bin(Bin::Shl | Bin::Shr) | Op::GatherAt => k == 0,
        Op::Scatter { .. } | Op::ScatterAt => k < 2,
        Op::Select => k > 0,
        _ => true,
    }
}

/// As wide as the ring that holds it.
fn ring_of(e: Elem) -> Elem {
    Elem::Int { signed: e.signed(), bits: own_ring(e) }
}

/// The ring of some low bits, if it is smaller than that of the type.
fn smaller(e: Elem, bits: u8) -> Elem {
    let ring = bits.clamp(8, 128).next_power_of_two();
    if ring < own_ring(e) { Elem::Int { signed: e.signed(), bits: ring } } else { e }
}

struct Range<'a> {
    c: &'a mut Circuit,
    /// By wire: what it can hold. `None`: anything.
    of: Vec<Option<Interval>>,
    /// By wire: the wire of which it is a cast that loses nothing, or itself.
    same: Vec<WireId>,
    /// By wire: low bits that count.
    need: Vec<u8>,
    /// By wire: whether it has the old value in what may be a smaller type, and is made in planes, or of what every form can
    /// be made of. Other wires have the old low bits, as many as count.
    whole: Vec<bool>,
    /// Types before.
    old: Vec<Elem>,
    /// Casts that stand already, by region.
    casts: FxHashMap<(RegionId, WireId, Elem), WireId>,
    /// By region: whether it is called, and was walked. Its parameters hold what their types do, whoever calls.
    walked: Vec<bool>,
    changed: bool,
}

/// The pass; tells whether anything changed. Linear in the circuit, but for loops in loops, which are walked up to three times
/// each, three deep.
pub fn range(c: &mut Circuit) -> bool {
    let n = c.wires.len();
    let old = c.wires.iter().map(|w| w.elem).collect();
    let mut r = Range {
        of: c.wires.iter().map(|w| top(w.elem)).collect(),
        same: (0..n as u32).map(WireId).collect(),
        need: vec![0; n],
        whole: vec![false; n],
        old,
        casts: FxHashMap::default(),
        walked: vec![false; c.regions.len()],
        changed: false,
        c,
    };
    let root = r.c.root;
    r.forward(root, 0);
    for k in 0..r.c.outputs.len() {
        r.all(r.c.outputs[k].wire);
    }
    r.walked.fill(false);
    r.backward(root);
    r.walked.fill(false);
    r.rewrite(root);
    r.kept();
    r.changed
}

impl Range<'_> {
    fn elem(&self, w: WireId) -> Elem {
        self.c.ty(w).elem
    }
    fn secret(&self, w: WireId) -> bool {
        self.c.ty(w).domain == Domain::Secret
    }
    fn get(&self, w: WireId) -> Option<Interval> {
        self.of[w.0 as usize]
    }
    fn number(&self, w: WireId) -> Option<i128> {
        self.get(w).filter(|i| i.0 == i.1).map(|i| i.0)
    }

    // ---- bits that count ----

    fn mark(&mut self, w: WireId, bits: u8) {
        let have = self.old[w.0 as usize].bits();
        let n = &mut self.need[w.0 as usize];
        *n = (*n).max(bits.min(have));
    }
    fn all(&mut self, w: WireId) {
        self.mark(w, u8::MAX);
    }

    fn backward(&mut self, r: RegionId) {
        if std::mem::replace(&mut self.walked[r.0 as usize], true) {
            return;
        }
        for k in 0..self.c.region(r).results.len() {
            self.all(self.c.region(r).results[k]);
        }
        let gates = std::mem::take(&mut self.c.regions[r.0 as usize].gates);
        for g in gates.iter().rev() {
            g.op.regions().for_each(|inner| self.backward(inner));
            self.wants(g);
        }
        self.c.regions[r.0 as usize].gates = gates;
    }

    /// Marks what a gate needs of its operands.
    fn wants(&mut self, g: &Gate) {
        let Some(&out) = g.outs.first().filter(|o| self.narrows(g, **o)) else {
            g.args.iter().for_each(|a| self.all(*a));
            return;
        };
        let need = self.need[out.0 as usize];
        match self.form(g, out) {
            Form::Same => g.args.iter().for_each(|a| self.all(*a)),
            Form::Ring(e) => {
                let low = match g.op {
                    Op::Bin(Bin::Shr) => e.bits(),
                    _ => need,
                };
                g.args.iter().for_each(|a| self.mark(*a, low));
            }
            Form::Move => g.args.iter().for_each(|a| self.mark(*a, need)),
            Form::Cast => {
                let from = self.elem(g.args[0]);
                self.mark(g.args[0], if need > from.bits() { from.bits() } else { need });
            }
            Form::Word(e) => g.args.iter().for_each(|a| self.mark(*a, e.bits())),
            Form::Decided(_) => g.args.iter().for_each(|a| self.mark(*a, 1)),
            Form::Arg(forms) => {
                for (a, f) in g.args.iter().zip(forms) {
                    self.mark(*a, f.map_or(u8::MAX, Elem::bits));
                }
            }
        }
        // Amounts, indices, and conditions are not of the word's type.
        for (k, a) in g.args.iter().enumerate() {
            if !is_word(&g.op, k) {
                self.all(*a);
            }
        }
    }

    /// Whether a gate is one that may be narrowed: on secrets.
    fn narrows(&self, g: &Gate, out: WireId) -> bool {
        match g.op {
            Op::Reveal { to, .. } => to == Recipient::All && self.old[g.args[0].0 as usize] != Elem::Bool,
            Op::ArgReduce { .. } => self.secret(g.args[0]),
            _ => g.outs.len() == 1 && self.secret(out),
        }
    }

    /// The type for low bits alone: the smallest ring of those that count, if it is smaller than the type's.
    fn ring(&self, w: WireId) -> Elem {
        let e = self.old[w.0 as usize];
        smaller(e, self.need[w.0 as usize])
    }

    /// The word of the operands' values, if it is smaller than theirs.
    fn word(&self, e: Elem, i: Option<Interval>) -> Option<Elem> {
        i.map(type_of).filter(|t| t.bits() < e.bits())
    }

    /// How a gate is rewritten. Depends on intervals and on the bits of its result that count.
    fn form(&self, g: &Gate, out: WireId) -> Form {
        let e = self.old[out.0 as usize];
        let get = |k: usize| g.args.get(k).and_then(|a| self.get(*a));
        let both = || interval::join(get(0), get(1));
        let of = g.args.first().map_or(e, |a| self.old[a.0 as usize]);
        let word = |i: Option<Interval>| self.word(of, i).map_or(Form::Same, Form::Word);
        if let (Op::Un(Un::Cast), true, Some(v)) = (&g.op, e == Elem::Bool && of != Elem::Bool, self.number(out)) {
            return Form::Decided(v == 1);
        }
        if e == Elem::Bool && !matches!(g.op, Op::Bin(Bin::Lt | Bin::Eq) | Op::Un(Un::Cast)) {
            return Form::Same;
        }
        match &g.op {
            Op::Reveal { .. } => word(get(0)),
            Op::Share(_) => match self.word(of, get(0)) {
                // A ring of its own: other forms are made at no cost.
                Some(t) if own_ring(t) < own_ring(of) => Form::Word(ring_of(t)),
                _ => Form::Same,
            },
            Op::Bin(Bin::Lt | Bin::Eq) if of != Elem::Bool => match self.number(out) {
                Some(v) => Form::Decided(v == 1),
                None => word(both()),
            },
            Op::Bin(Bin::Lt | Bin::Eq) => Form::Same,
            Op::Bin(Bin::Div) => match get(1) {
                Some((lo, _)) if lo >= 1 => word(interval::join(both(), self.get(out))),
                _ => Form::Same,
            },
            Op::Bin(Bin::Rem) => word(both()),
            Op::Bin(Bin::Shr) => match (self.word(of, get(0)), get(1)) {
                (Some(t), _) => Form::Word(t),
                (None, Some((lo, hi))) if lo >= 0 && hi < 128 => {
                    Form::Ring(smaller(of, self.need[out.0 as usize].saturating_add(hi as u8)))
                }
                _ => Form::Same,
            },
            Op::Bin(Bin::And | Bin::Or | Bin::Xor) => match self.word(e, self.get(out)) {
                Some(t) if t.bits() <= self.need[out.0 as usize] => Form::Word(t),
                _ => Form::Ring(self.ring(out)),
            },
            Op::Reduce { red: Red::Min | Red::Max, group: Len::Const(1..) } => word(get(0)),
            Op::Reduce { red: Red::Min | Red::Max, .. } => Form::Same,
            Op::Reduce { red: Red::Count, .. } => Form::Ring(self.ring(out)),
            Op::ArgReduce { group: Len::Const(1..), .. } => {
                Form::Arg(g.args.iter().map(|a| self.word(self.old[a.0 as usize], self.get(*a))).collect())
            }
            Op::ArgReduce { .. } | Op::Net(_) | Op::At { .. } | Op::Input(_) => Form::Same,
            Op::Gather { .. } | Op::GatherAt | Op::Scatter { .. } | Op::ScatterAt | Op::Concat => Form::Move,
            Op::Select if !self.secret(g.args[0]) => Form::Move,
            Op::Un(Un::Cast) if of == Elem::Bool || e == Elem::Bool => Form::Ring(self.ring(out)),
            Op::Un(Un::Cast) => Form::Cast,
            // What is above the bits that count decides what is cut off.
            Op::Un(Un::Trunc(_)) => Form::Same,
            op if op.is_region() => Form::Same,
            _ => Form::Ring(self.ring(out)),
        }
    }

    // ---- rewriting ----

    fn rewrite(&mut self, r: RegionId) {
        if std::mem::replace(&mut self.walked[r.0 as usize], true) {
            return;
        }
        let gates = std::mem::take(&mut self.c.regions[r.0 as usize].gates);
        let mut out = Vec::with_capacity(gates.len());
        for g in gates {
            g.op.regions().for_each(|inner| self.rewrite(inner));
            self.narrow(r, g, &mut out);
        }
        for k in 0..self.c.region(r).results.len() {
            let w = self.c.region(r).results[k];
            let same = self.cast(r, w, self.old[w.0 as usize], SpanId::default(), &mut out);
            self.c.regions[r.0 as usize].results[k] = same;
        }
        self.c.regions[r.0 as usize].gates = out;
    }

    /// A wire as another type, by a gate before the next one.
    /// What is kept is kept as the type that it had.
    fn kept(&mut self) {
        let root = self.c.root;
        for k in 0..self.c.outputs.len() {
            let w = self.c.outputs[k].wire;
            let was = self.old[w.0 as usize];
            if self.c.outputs[k].kept.is_some() && self.elem(w) != was {
                let mut more = vec![];
                self.c.outputs[k].wire = self.cast(root, w, was, SpanId(0), &mut more);
                self.c.regions[root.0 as usize].gates.extend(more);
            }
        }
    }

    fn cast(&mut self, r: RegionId, w: WireId, to: Elem, span: SpanId, out: &mut Vec<Gate>) -> WireId {
        let ty = self.c.ty(w);
        if ty.elem == to {
            return w;
        }
        if let Some(x) = self.casts.get(&(r, w, to)) {
            return *x;
        }
        let ty = WireTy { elem: to, ..ty.clone() };
        let x = self.wire(ty);
        out.push(Gate { op: Op::Un(Un::Cast), args: vec![w], outs: vec![x], span });
        self.casts.insert((r, w, to), x);
        x
    }
    fn wire(&mut self, ty: WireTy) -> WireId {
        self.old.push(ty.elem);
        self.of.push(top(ty.elem));
        self.same.push(WireId(self.c.wires.len() as u32));
        self.need.push(u8::MAX);
        self.whole.push(false);
        self.c.wires.push(ty);
        WireId(self.c.wires.len() as u32 - 1)
    }
    fn retype(&mut self, w: WireId, e: Elem) {
        self.changed |= self.c.wires[w.0 as usize].elem != e;
        self.c.wires[w.0 as usize].elem = e;
    }

    fn narrow(&mut self, r: RegionId, mut g: Gate, to: &mut Vec<Gate>) {
        let span = g.span;
        let form = match g.outs.first() {
            Some(o) if self.narrows(&g, *o) => self.form(&g, *o),
            _ => Form::Same,
        };
        let mut types: Vec<Option<Elem>> = vec![None; g.args.len()];
        match form {
            Form::Same => types = g.args.iter().map(|a| Some(self.old[a.0 as usize])).collect(),
            Form::Ring(e) => {
                // What bits become, and whose lowest bit is taken, is as it comes.
                if !matches!(g.op, Op::Un(Un::Cast) | Op::Reduce { red: Red::Count, .. }) {
                    types.fill(Some(e));
                }
                self.retype(g.outs[0], e);
            }
            Form::Word(e) => {
                if matches!(g.op, Op::Share(_)) {
                    self.retype(g.outs[0], e);
                    self.whole[g.outs[0].0 as usize] = true;
                    to.push(g);
                    return;
                }
                types.fill(Some(e));
                let out = g.outs[0];
                match &g.op {
                    Op::Reveal { .. } => {
                        let x = self.cast(r, g.args[0], e, span, to);
                        let opened = self.wire(WireTy { elem: e, ..self.c.ty(out).clone() });
                        to.push(Gate { op: g.op, args: vec![x], outs: vec![opened], span });
                        to.push(Gate { op: Op::Un(Un::Cast), args: vec![opened], outs: vec![out], span });
                        self.changed = true;
                        return;
                    }
                    Op::Bin(Bin::Lt | Bin::Eq) => self.changed = true,
                    _ => {
                        self.retype(out, e);
                        self.whole[out.0 as usize] = true;
                    }
                }
            }
            Form::Decided(v) => {
                // A bit of an operand, without its value.
                let secret = g.args.iter().copied().find(|a| self.secret(*a));
                if let Some(x) = secret {
                    let bit = self.cast(r, x, Elem::Bool, span, to);
                    let ty = WireTy { domain: Domain::Clear, ..self.c.ty(bit).clone() };
                    let mask = self.wire(ty);
                    to.push(Gate { op: Op::Const(u128::from(v)), args: vec![], outs: vec![mask], span });
                    let bin = if v { Bin::Or } else { Bin::And };
                    to.push(Gate { op: Op::Bin(bin), args: vec![bit, mask], ..g });
                    self.changed = true;
                    return;
                }
            }
            Form::Move => {
                let words: Vec<WireId> = (0..g.args.len()).filter(|k| is_word(&g.op, *k)).map(|k| g.args[k]).collect();
                let out = g.outs[0];
                let secrets = || words.iter().filter(|w| self.secret(**w));
                let whole = secrets().all(|w| self.whole[w.0 as usize]);
                let first = secrets().next().map(|w| self.elem(*w));
                let ring = self.ring(out);
                let word = self.word(self.old[out.0 as usize], self.get(out)).map(ring_of);
                let (e, whole) = match (first, &words[..], word) {
                    (Some(e), [_], _) => (e, whole),
                    (_, _, Some(t)) if whole && t.bits() < ring.bits() => (t, true),
                    _ => (ring, false),
                };
                self.whole[out.0 as usize] = whole;
                for (k, t) in types.iter_mut().enumerate() {
                    *t = if is_word(&g.op, k) { Some(e) } else { Some(self.old[g.args[k].0 as usize]) };
                }
                self.retype(out, e);
            }
            Form::Cast => {
                let (x, out) = (g.args[0], g.outs[0]);
                let (from, e) = (self.old[x.0 as usize], self.old[out.0 as usize]);
                let kept = self.get(x).is_some_and(|i| fits(e, i));
                let t = if self.whole[x.0 as usize] && kept {
                    self.whole[out.0 as usize] = true;
                    self.elem(x)
                } else {
                    self.ring(out)
                };
                // Low bits come from low bits; what grows, grows from its own type.
                types[0] = if t.bits() > from.bits() { Some(from) } else { None };
                self.retype(out, t);
            }
            Form::Arg(forms) => {
                for (k, f) in forms.into_iter().enumerate() {
                    let t = f.unwrap_or(self.old[g.args[k].0 as usize]);
                    types[k] = Some(t);
                    if let Some(o) = g.outs.get(k).copied() {
                        self.retype(o, t);
                        self.whole[o.0 as usize] = f.is_some();
                    }
                }
            }
        }
        for (k, t) in types.into_iter().enumerate() {
            let t = if is_word(&g.op, k) { t } else { Some(self.old[g.args[k].0 as usize]) };
            if let Some(t) = t {
                g.args[k] = self.cast(r, g.args[k], t, span, to);
            }
        }
        to.push(g);
    }
}
