//! Program gates to primitives.
//!
//! Walks the program in order and builds each gate in the form that the plan names, then at once the other forms that the
//! plan wants of it: a conversion stands once, right after its wire. Public gates pass through.
//!
//! Before: `%5 = count %4 : u32[]` with `%4 : secret bool[N]`. After:
//! ```text
//! %40, %41 = deal.b2a %39 : arith32[N]
//! %42 = add %40, %41 ; %43 = reduce.add %42 ; %44 = dot %40, %41 ; %45 = scale %44, 2 ; %46 = sub %43, %45
//! ```
//! The meaning is kept gate by gate: each form of a wire holds the wire's value, in the low bits where a ring is wider
//! than the type (except in rings wider than the type's own, where it is the value extended by its sign).

mod ops;
mod regions;
mod wide;

use crate::asm::{Asm, Pl};
use crate::error::{Error, Result, internal};
use crate::gates::adder::{self, Style};
use crate::gates::convert;
use crate::lens::len_max;
use crate::place::{BITS, Form, Plan, form_ring, own_ring, ring_form};
use circuit::{Circuit, Domain, EffectId, Elem, Len, Level, Op, Recipient, RegionId, Un, WireId};
use rustc_hash::FxHashMap;

/// A program wire at gate level.
#[derive(Clone, Debug)]
enum Val {
    /// Clear or local.
    Plain(WireId),
    /// Shared, in the forms that exist so far.
    Shared { bits: Option<Vec<Pl>>, arith: [Option<WireId>; 5], frame: usize },
}

/// A quotient and a remainder.
type Division = (Vec<Pl>, Vec<Pl>);

/// The walk.
pub(crate) struct Expander<'a> {
    c: &'a Circuit,
    plan: &'a Plan,
    s: Asm,
    vals: Vec<Option<Val>>,
    consts: FxHashMap<WireId, u128>,
    calls: FxHashMap<RegionId, RegionId>,
    /// Low bits of clear wires beyond which all are 0.
    low: FxHashMap<WireId, u32>,
    /// Bytes that a round is worth.
    round_bytes: f64,
    /// Quotients and remainders made so far, by frame and operands.
    divisions: FxHashMap<(usize, WireId, WireId), Division>,
    /// Costs of the library's circuits that are counted rather than reckoned, by width.
    dividers: FxHashMap<usize, [(u32, u32); 3]>,
}

/// Builds the gate-level circuit of a placed program. With `roll` the levels of trees are loops; tells whether there are
/// any such.
///
/// # Errors
/// [`Error::Unsupported`] for what the protocol has no form for.
pub fn expand(c: &Circuit, plan: &Plan, protocol: &str, round_bytes: f64, roll: bool) -> Result<(Circuit, bool)> {
    // All but wires and regions.
    let base = Circuit {
        level: Level::Gates(protocol.into()),
        sizes: c.sizes.clone(),
        parties: c.parties.clone(),
        inputs: c.inputs.clone(),
        outputs: vec![],
        blocks: c.blocks.clone(),
        spaces: c.spaces.clone(),
        nets: c.nets.clone(),
        wires: vec![],
        regions: vec![],
        ..*c
    };
    let mut x = Expander {
        c,
        plan,
        s: Asm::new(base),
        vals: vec![None; c.wires.len()],
        consts: FxHashMap::default(),
        calls: FxHashMap::default(),
        low: FxHashMap::default(),
        round_bytes,
        divisions: FxHashMap::default(),
        dividers: FxHashMap::default(),
    };
    x.s.roll = roll;
    for g in &c.region(c.root).gates {
        x.gate(g)?;
    }
    let results = c.region(c.root).results.iter().map(|w| x.plain(*w)).collect::<Result<Vec<_>>>()?;
    let mut outputs = vec![];
    for o in &c.outputs {
        let wire = if o.kept.is_some() { x.kept(o.wire)? } else { x.plain(o.wire)? };
        outputs.push(circuit::Output { wire, ..o.clone() });
    }
    x.s.c.root = x.s.close(vec![], results);
    x.s.c.outputs = outputs;
    // Nets that only secrets went through are gates now.
    let mut used = false;
    x.s.c.regions.iter().for_each(|r| used |= r.gates.iter().any(|g| matches!(g.op, Op::Net(_))));
    if !used {
        x.s.c.nets.clear();
    }
    Ok((x.s.c, x.s.rolled))
}

impl Expander<'_> {
    fn elem(&self, w: WireId) -> Elem {
        self.c.ty(w).elem
    }
    fn len(&self, w: WireId) -> Len {
        self.c.ty(w).len.clone()
    }
    fn secret(&self, w: WireId) -> bool {
        self.c.ty(w).domain == Domain::Secret
    }
    fn own(&self, w: WireId) -> Form {
        ring_form(own_ring(self.elem(w)))
    }
    fn unsupported<T>(&self, what: impl Into<String>) -> Result<T> {
        Err(Error::Unsupported { what: what.into(), span: self.s.span })
    }
    /// The cheapest of some circuits of given ANDs and levels, in so many lanes.
    fn cheapest<T: Copy>(&self, len: &Len, all: impl IntoIterator<Item = (T, (u32, u32))>) -> Option<T> {
        let price = |(ands, depth): (u32, u32)| {
            f64::from(ands) / 8.0 * len_max(len) as f64 + f64::from(depth) * self.round_bytes
        };
        all.into_iter().min_by(|a, b| price(a.1).total_cmp(&price(b.1))).map(|a| a.0)
    }
    /// The adder for words of k bits in so many lanes.
    fn style(&self, k: usize, len: &Len) -> Style {
        let all = adder::STYLES.map(|s| (s, adder::cost(k as u8, s)));
        self.cheapest(len, all).unwrap_or(Style::Fast)
    }

    // ---- values ----

    fn val(&self, w: WireId) -> Result<&Val> {
        match &self.vals[w.0 as usize] {
            Some(v) => Ok(v),
            None => internal(format!("wire {} is used before it is built", w.0)),
        }
    }
    /// The wire of a clear or local value.
    fn plain(&self, w: WireId) -> Result<WireId> {
        match self.val(w)? {
            Val::Plain(x) => Ok(*x),
            Val::Shared { .. } => internal(format!("wire {} is secret where a public one is wanted", w.0)),
        }
    }
    fn set_plain(&mut self, w: WireId, x: WireId) {
        self.vals[w.0 as usize] = Some(Val::Plain(x));
    }
    fn set_shared(&mut self, w: WireId, bits: Option<Vec<Pl>>, arith: Option<(Form, WireId)>) {
        let mut a = [None; 5];
        if let Some((f, x)) = arith {
            a[f as usize - 1] = Some(x);
        }
        self.vals[w.0 as usize] = Some(Val::Shared { bits, arith: a, frame: self.s.frame() });
    }
    fn set_bits(&mut self, w: WireId, bits: Vec<Pl>) {
        self.set_shared(w, Some(bits), None);
    }
    fn set_arith(&mut self, w: WireId, x: WireId) {
        let f = self.own(w);
        self.set_shared(w, None, Some((f, x)));
    }
    /// Adds a form to a value; only where it stays in scope.
    fn note(&mut self, w: WireId, f: Form, planes: Option<Vec<Pl>>, wire: Option<WireId>) {
        let here = self.s.frame();
        if let Some(Val::Shared { bits, arith, frame }) = &mut self.vals[w.0 as usize]
            && *frame == here
        {
            match (f, planes, wire) {
                (BITS, Some(p), _) => *bits = Some(p),
                (f, _, Some(x)) if f != BITS => arith[f as usize - 1] = Some(x),
                _ => {}
            }
        }
    }
    fn local_error<T>(&self, w: WireId) -> Result<T> {
        internal(format!("wire {} is local where a secret one is wanted", w.0))
    }

    /// The planes of a value, as many as its type has bits.
    fn bits(&mut self, w: WireId) -> Result<Vec<Pl>> {
        let k = self.elem(w).bits();
        let v = self.val(w)?.clone();
        match v {
            Val::Plain(x) => match self.s.ty(x).domain {
                Domain::Clear => Ok(self.s.lift(x)),
                _ => self.local_error(w),
            },
            Val::Shared { bits: Some(b), .. } => Ok(b),
            Val::Shared { arith, .. } => {
                let own = self.own(w);
                let Some(x) = arith.iter().skip(own as usize - 1).flatten().next().copied() else {
                    return internal(format!("wire {} has no form", w.0));
                };
                let style = self.style(usize::from(k), &self.len(w));
                let b = convert::a2b(&mut self.s, x, k, style);
                self.note(w, BITS, Some(b.clone()), None);
                Ok(b)
            }
        }
    }
    /// The value in a ring: the type's own, or extended into a wider one.
    fn arith(&mut self, w: WireId, ring: u8) -> Result<WireId> {
        let e = self.elem(w);
        let len = self.len(w);
        let f = ring_form(ring);
        let v = self.val(w)?.clone();
        match v {
            Val::Plain(x) => {
                if self.s.ty(x).domain != Domain::Clear {
                    return self.local_error(w);
                }
                let x = if e.bits() == ring {
                    x
                } else {
                    self.cast_clear(x, Elem::Int { signed: e.signed(), bits: ring }, &len)
                };
                Ok(convert::arith(&mut self.s, Op::Lift, vec![x], ring, e, &len))
            }
            Val::Shared { bits, arith, .. } => {
                if let Some(x) = arith[f as usize - 1] {
                    return Ok(x);
                }
                // From a wider ring by truncation, from planes by a conversion.
                let wider = arith.iter().skip(f as usize).flatten().next().copied();
                let x = match (wider, bits) {
                    (Some(x), _) => convert::arith(&mut self.s, Op::ArithTrunc, vec![x], ring, e, &len),
                    (None, Some(b)) => convert::b2a(&mut self.s, &b, e.signed(), ring, e, &len)?,
                    (None, None) => {
                        let b = self.bits(w)?;
                        convert::b2a(&mut self.s, &b, e.signed(), ring, e, &len)?
                    }
                };
                self.note(w, f, None, Some(x));
                Ok(x)
            }
        }
    }
    fn own_arith(&mut self, w: WireId) -> Result<WireId> {
        self.arith(w, form_ring(self.own(w)))
    }
    /// A clear wire as another type.
    fn cast_clear(&mut self, x: WireId, to: Elem, len: &Len) -> WireId {
        let e = self.s.ty(x).elem;
        if e == to {
            return x;
        }
        if let Some(v) = self.s.const_of(x) {
            return self.s.constant(e.extend(v) & to.mask(), to, len.clone());
        }
        self.s.gate(Op::Un(Un::Cast), vec![x], Domain::Clear, to, len.clone())
    }
    /// Makes every form that the plan wants of a wire.
    fn ensure(&mut self, w: WireId) -> Result<()> {
        let wants = self.plan.wants[w.0 as usize];
        if !self.secret(w) {
            return Ok(());
        }
        if wants & 1 != 0 {
            self.bits(w)?;
        }
        for f in 1..6u8 {
            if wants >> f & 1 != 0 {
                self.arith(w, form_ring(f))?;
            }
        }
        Ok(())
    }
    /// A form that a moved value can be built in without conversions: the first operand's.
    fn any_form(&self, w: WireId) -> Form {
        match &self.vals[w.0 as usize] {
            Some(Val::Shared { bits, arith, .. }) => {
                let own = self.own(w);
                if arith[own as usize - 1].is_some()
                    && (bits.is_none() || self.elem(w).bits() == own_ring(self.elem(w)))
                {
                    own
                } else {
                    BITS
                }
            }
            _ => BITS,
        }
    }
    fn new_effect(&mut self) -> EffectId {
        let id = EffectId(self.s.c.effects);
        self.s.c.effects += 1;
        id
    }

    fn share(&mut self, out: WireId, arg: WireId, id: EffectId) -> Result<()> {
        let x = self.plain(arg)?;
        let e = self.elem(out);
        let len = self.len(out);
        let mut wants = self.plan.wants[out.0 as usize];
        if wants == 0 {
            wants = if e == Elem::Bool || e.bits() != own_ring(e) { 1 } else { 1 << self.own(out) };
        }
        let mut id = Some(id);
        let mut bits = None;
        let mut arith = [None; 5];
        for f in (0..6u8).filter(|f| wants >> f & 1 != 0) {
            let effect = match id.take() {
                Some(id) => id,
                None => self.new_effect(),
            };
            let domain =
                if f == BITS { Domain::Bits { planes: e.bits() } } else { Domain::Arith { ring: form_ring(f) } };
            let y = self.s.gate(Op::InputShare(effect), vec![x], domain, e, len.clone());
            if f == BITS {
                bits = Some(self.s.planes_of(y));
            } else {
                arith[f as usize - 1] = Some(y);
            }
        }
        self.vals[out.0 as usize] = Some(Val::Shared { bits, arith, frame: self.s.frame() });
        Ok(())
    }

    /// The form in which a value is kept.
    fn kept(&mut self, w: WireId) -> Result<WireId> {
        let (e, len) = (self.elem(w), self.len(w));
        match e.kept_form() {
            Domain::Arith { ring } => self.arith(w, ring),
            _ => {
                let planes = self.bits(w)?;
                Ok(self.s.stack(&planes, e, &len))
            }
        }
    }

    fn reveal(&mut self, out: WireId, arg: WireId, id: EffectId, to: Recipient) -> Result<()> {
        let e = self.elem(arg);
        let len = self.len(arg);
        let x = if self.any_form(arg) == BITS {
            let b = self.bits(arg)?;
            self.s.stack(&b, e, &len)
        } else {
            self.own_arith(arg)?
        };
        let domain = self.c.ty(out).domain;
        let y = self.s.gate(Op::Open { id, to }, vec![x], domain, e, len);
        self.set_plain(out, y);
        Ok(())
    }
}
