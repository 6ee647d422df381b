//! Planes that nobody reads are cut, at gate level.
//!
//! ```text
//! %4 = and %2, %3 : bool 64[N]                  %7 = planes %2.32 … ; %8 = planes %3.32 …
//! %5 = planes %4.32 … %4.63 : bool 32[N]   →    %5 = and %7, %8 : bool 32[N]
//! ```
//! Gates of the library are whole words, but a shift by a constant, a cast, or a quotient without its remainder reads some
//! planes only. One walk backwards marks, for every boolean wire, the planes that count; one forwards narrows products,
//! and what is made of narrower ones, to them; inputs, and words dealt of a ring, end at the last
//! plane that counts. The meaning is kept because these gates act plane by plane, and every other reader counts as one of
//! all planes. Wires that enter or leave regions stay whole.

use circuit::{Circuit, Domain, Elem, Gate, Op, Plane, RegionId, WireId, WireTy};
use rustc_hash::FxHashMap;

/// A set of planes.
type Mask = [u64; 4];

const NONE: Mask = [0; 4];

fn has(m: &Mask, k: u32) -> bool {
    m.get(k as usize / 64).is_some_and(|w| w >> (k % 64) & 1 == 1)
}
fn insert(m: &mut Mask, k: u32) {
    if let Some(w) = m.get_mut(k as usize / 64) {
        *w |= 1 << (k % 64);
    }
}
fn full(planes: u8) -> Mask {
    let mut m = NONE;
    (0..u32::from(planes)).for_each(|k| insert(&mut m, k));
    m
}
fn list(m: &Mask) -> Vec<u32> {
    (0..256).filter(|k| has(m, *k)).collect()
}

struct Trim<'a> {
    c: &'a mut Circuit,
    /// By wire: planes that count.
    need: Vec<Mask>,
    /// By wire: planes before anything is cut.
    was: Vec<u8>,
    seen: Vec<bool>,
    /// Sources of the planes of wires that `planes` gates make, after rewriting.
    made: FxHashMap<WireId, Vec<Option<(WireId, u32)>>>,
    /// Whether cutting saves a product.
    saves: bool,
}

/// The pass. Linear in gates and planes.
pub fn trim(c: &mut Circuit) {
    let mut t = Trim {
        need: vec![NONE; c.wires.len()],
        was: c.wires.iter().map(|t| if let Domain::Bits { planes } = t.domain { planes } else { 0 }).collect(),
        seen: vec![false; c.regions.len()],
        made: FxHashMap::default(),
        saves: false,
        c,
    };
    for k in 0..t.c.outputs.len() {
        t.all(t.c.outputs[k].wire);
    }
    t.mark(t.c.root);
    if !t.saves {
        return;
    }
    t.seen.iter_mut().for_each(|s| *s = false);
    t.rewrite(t.c.root);
}

/// Gates that act plane by plane.
fn by_plane(c: &Circuit, g: &Gate) -> bool {
    match g.op {
        Op::BitsXor => g.args.iter().all(|a| matches!(c.ty(*a).domain, Domain::Bits { .. })),
        Op::BitsAnd | Op::BitsNot | Op::Planes(_) | Op::Gather { .. } | Op::Scatter { .. } | Op::Concat => true,
        Op::BitsMask => c.ty(g.args[1]).elem == Elem::Bool,
        _ => false,
    }
}

/// Gates that make as many low planes of a value as their results have.
fn low_planes(g: &Gate) -> bool {
    matches!(g.op, Op::Random(_) | Op::InputShare(_) | Op::A2bDeal { .. })
}

impl Trim<'_> {
    fn planes(&self, w: WireId) -> Option<u8> {
        match self.c.ty(w).domain {
            Domain::Bits { planes } => Some(planes),
            _ => None,
        }
    }
    fn all(&mut self, w: WireId) {
        if let Some(p) = self.planes(w) {
            self.need[w.0 as usize] = full(p);
        }
    }
    fn add(&mut self, w: WireId, m: &Mask) {
        for (a, b) in self.need[w.0 as usize].iter_mut().zip(m) {
            *a |= b;
        }
    }

    fn mark(&mut self, r: RegionId) {
        if std::mem::replace(&mut self.seen[r.0 as usize], true) {
            return;
        }
        let region = std::mem::take(&mut self.c.regions[r.0 as usize]);
        region.results.iter().chain(&region.params).for_each(|w| self.all(*w));
        for g in region.gates.iter().rev() {
            if g.op.is_region() {
                g.args.iter().chain(&g.outs).for_each(|w| self.all(*w));
                g.op.regions().for_each(|i| self.mark(i));
                continue;
            }
            if low_planes(g) && g.outs.iter().all(|o| self.planes(*o).is_some()) {
                let last = |w: &WireId| list(&self.need[w.0 as usize]).last().map_or(0, |k| k + 1);
                let top = g.outs.iter().map(last).max().unwrap_or(0);
                for o in &g.outs {
                    let was = self.was[o.0 as usize];
                    self.saves |= (1..u32::from(was)).contains(&top);
                    // What nobody reads at all is left to the sweep.
                    self.need[o.0 as usize] = full(if top == 0 { was } else { top as u8 });
                }
                continue;
            }
            let narrow = match g.outs[..] {
                [out] if by_plane(self.c, g) => self.planes(out).map(|p| (out, p)),
                _ => None,
            };
            let Some((out, planes)) = narrow else {
                g.args.iter().chain(&g.outs).for_each(|w| self.all(*w));
                continue;
            };
            let need = self.need[out.0 as usize];
            self.saves |= g.op == Op::BitsAnd && need != full(planes);
            match &g.op {
                Op::Planes(from) => {
                    for (k, p) in from.iter().enumerate() {
                        if let (Plane::Of { arg, plane }, true) = (p, has(&need, k as u32)) {
                            insert(&mut self.need[g.args[*arg as usize].0 as usize], *plane);
                        }
                    }
                    // A word of constants takes its length from an operand.
                    let constant = |k: &u32| matches!(from[*k as usize], Plane::Zero | Plane::One);
                    if need != NONE && list(&need).iter().all(constant) {
                        insert(&mut self.need[g.args[0].0 as usize], 0);
                    }
                }
                _ => g.args.iter().for_each(|a| self.add(*a, &need)),
            }
        }
        self.c.regions[r.0 as usize] = region;
    }

    fn rewrite(&mut self, r: RegionId) {
        if std::mem::replace(&mut self.seen[r.0 as usize], true) {
            return;
        }
        let gates = std::mem::take(&mut self.c.regions[r.0 as usize].gates);
        let mut out = Vec::with_capacity(gates.len());
        for mut g in gates {
            g.op.regions().for_each(|i| self.rewrite(i));
            if low_planes(&g) {
                for o in g.outs.clone() {
                    if self.planes(o).is_none() {
                        continue;
                    }
                    let elem = self.c.ty(o).elem;
                    self.resize(o, list(&self.need[o.0 as usize]).len(), elem);
                }
                out.push(g);
                continue;
            }
            let Some((w, need)) = self.narrowed(&g) else {
                out.push(g);
                continue;
            };
            let keep = list(&need);
            if keep.is_empty() {
                continue;
            }
            if let Op::Planes(from) = &g.op {
                let wanted: Vec<Plane> = keep.iter().map(|k| from[*k as usize]).collect();
                let sources: Vec<Option<(WireId, u32)>> = wanted.iter().map(|p| self.source(&g.args, p)).collect();
                let ty = self.c.ty(w).clone();
                let constant = |k: usize| wanted[k] == Plane::One;
                g = self.planes_gate(w, &sources, constant, g.args.first().copied(), g.span);
                let whole = keep.len() == usize::from(self.width(&ty));
                self.resize(w, keep.len(), if whole { ty.elem } else { Elem::Bool });
                if sources.iter().all(Option::is_some) {
                    self.made.insert(w, sources);
                }
                out.push(g);
                continue;
            }
            let before = self.c.ty(w).clone();
            for a in &mut g.args {
                if self.planes(*a).is_none() {
                    continue;
                }
                *a = self.select(*a, &keep, g.span, &mut out);
            }
            let whole = keep.len() == usize::from(self.width(&before));
            self.resize(w, keep.len(), if whole { before.elem } else { Elem::Bool });
            out.push(g);
        }
        self.c.regions[r.0 as usize].gates = out;
    }

    fn width(&self, ty: &WireTy) -> u8 {
        match ty.domain {
            Domain::Bits { planes } => planes,
            _ => 0,
        }
    }
    /// The result of a gate by planes, and which of its planes count.
    fn narrowed(&mut self, g: &Gate) -> Option<(WireId, Mask)> {
        let [w] = g.outs[..] else { return None };
        let p = self.planes(w)?;
        let need = self.need[w.0 as usize];
        let touched = |a: &WireId| self.planes(*a).is_some() && self.need[a.0 as usize] != full(self.was[a.0 as usize]);
        // To cut what is local saves little; it follows where an operand was cut.
        let alone = matches!(g.op, Op::Planes(_) | Op::BitsAnd) && need != full(p) || need == NONE;
        if by_plane(self.c, g) && (alone || g.args.iter().any(touched)) {
            return Some((w, need));
        }
        self.need[w.0 as usize] = full(p);
        None
    }
    /// Where a plane stands, once its wire is cut.
    fn source(&self, args: &[WireId], p: &Plane) -> Option<(WireId, u32)> {
        let Plane::Of { arg, plane } = p else { return None };
        let w = args[*arg as usize];
        Some(self.at(w, *plane))
    }
    /// Plane `k` of a wire as it was: where it is now.
    fn at(&self, w: WireId, k: u32) -> (WireId, u32) {
        let rank = (0..k).filter(|i| has(&self.need[w.0 as usize], *i)).count() as u32;
        match self.made.get(&w) {
            Some(sources) => sources[rank as usize].unwrap_or((w, rank)),
            None => (w, rank),
        }
    }
    fn resize(&mut self, w: WireId, planes: usize, elem: Elem) {
        let ty = &mut self.c.wires[w.0 as usize];
        ty.domain = Domain::Bits { planes: planes as u8 };
        ty.elem = elem;
    }
    fn planes_gate(
        &self,
        out: WireId,
        sources: &[Option<(WireId, u32)>],
        one: impl Fn(usize) -> bool,
        length_from: Option<WireId>,
        span: circuit::SpanId,
    ) -> Gate {
        let mut args: Vec<WireId> = vec![];
        let mut at: FxHashMap<WireId, u32> = FxHashMap::default();
        let mut list = vec![];
        for (k, s) in sources.iter().enumerate() {
            list.push(match s {
                None if one(k) => Plane::One,
                None => Plane::Zero,
                Some((w, plane)) => {
                    let arg = *at.entry(*w).or_insert_with(|| {
                        args.push(*w);
                        args.len() as u32 - 1
                    });
                    Plane::Of { arg, plane: *plane }
                }
            });
        }
        if args.is_empty() {
            args.extend(length_from);
        }
        Gate { op: Op::Planes(list), args, outs: vec![out], span }
    }
    /// These planes of a wire, as it was, as one wire.
    fn select(&mut self, w: WireId, keep: &[u32], span: circuit::SpanId, out: &mut Vec<Gate>) -> WireId {
        if list(&self.need[w.0 as usize]) == keep {
            return w;
        }
        let sources: Vec<Option<(WireId, u32)>> = keep.iter().map(|k| Some(self.at(w, *k))).collect();
        let len = self.c.ty(w).len.clone();
        let ty = WireTy { domain: Domain::Bits { planes: keep.len() as u8 }, elem: Elem::Bool, len };
        self.c.wires.push(ty);
        self.need.push(full(keep.len() as u8));
        self.was.push(keep.len() as u8);
        let new = WireId(self.c.wires.len() as u32 - 1);
        let gate = self.planes_gate(new, &sources, |_| false, Some(w), span);
        out.push(gate);
        new
    }
}
