//! Each program gate as primitives.

use super::{Expander, Val};
use crate::asm::{Asm, Pl};
use crate::error::Result;
use crate::gates::convert::{self, arith};
use crate::gates::shift::{self, Shift};
use crate::gates::{adder, compare, multiply, mux, reduce};

use crate::place::{BITS, Form, cast_form, form_ring, is_sign_test, own_ring};
use circuit::index::Intervals;
use circuit::{Bin, Domain, Elem, Gate, Index, Len, Op, Red, Un, WireId};

impl Expander<'_> {
    /// One gate, and the forms wanted of its results.
    pub(super) fn gate(&mut self, g: &Gate) -> Result<()> {
        self.s.span = g.span;
        if g.op.is_region() {
            return self.region_gate(g);
        }
        let secret_out = g.outs.iter().any(|w| self.secret(*w));
        match &g.op {
            Op::Share(id) => return self.share(g.outs[0], g.args[0], *id),
            Op::Reveal { id, to } => return self.reveal(g.outs[0], g.args[0], *id, *to),
            Op::ArgReduce { max, group } if self.is_clear(g.args[0]) => return self.arg_reduce_clear(g, *max, group),
            _ if !secret_out => return self.public(g),
            _ => {}
        }
        let out = g.outs[0];
        match &g.op {
            Op::Input(k) => self.restored(out, *k),
            Op::Random(id) => self.drawn(out, *id),
            Op::ArgReduce { max, group } => self.arg_reduce(g, *max, group)?,
            Op::Net(k) => self.net(g, *k)?,
            Op::Gather { .. } | Op::Scatter { .. } | Op::GatherAt | Op::ScatterAt | Op::Concat => {
                self.moved(g)?;
            }
            Op::Un(Un::Cast) => self.cast(out, g.args[0])?,
            Op::Un(Un::Trunc(k)) => self.trunc(out, g.args[0], *k)?,
            Op::Un(un) => self.unary(out, *un, g.args[0])?,
            Op::Bin(Bin::Shl) => self.shl(out, g.args[0], g.args[1])?,
            Op::Bin(bin) => self.binary(g, out, *bin)?,
            Op::Select => self.select(out, &g.args)?,
            Op::Reduce { red, group } => self.reduce(out, *red, g.args[0], group)?,
            Op::Dot { .. } | Op::MatMul { .. } => self.products(g)?,
            op => return self.unsupported(format!("`{}` on secrets", op.name())),
        }
        for o in &g.outs {
            self.ensure(*o)?;
        }
        Ok(())
    }

    /// A value that nobody knows, in the form that it is wanted in.
    fn drawn(&mut self, out: WireId, id: circuit::EffectId) {
        let t = self.c.ty(out).clone();
        if t.elem == Elem::Bool || self.plan.home[out.0 as usize] == BITS {
            let x = self.s.gate(Op::Random(id), vec![], Domain::Bits { planes: t.elem.bits() }, t.elem, t.len);
            let planes = self.s.planes_of(x);
            self.set_bits(out, planes);
        } else {
            let ring = own_ring(t.elem);
            let x = self.s.gate(Op::Random(id), vec![], Domain::Arith { ring }, t.elem, t.len);
            self.set_arith(out, x);
        }
    }

    /// What an earlier run kept, in the form that it has.
    fn restored(&mut self, out: WireId, input: u32) {
        let t = self.c.ty(out).clone();
        let domain = t.elem.kept_form();
        let x = self.s.gate(Op::Input(input), vec![], domain, t.elem, t.len);
        match domain {
            Domain::Arith { .. } => self.set_arith(out, x),
            _ => {
                let planes = self.s.planes_of(x);
                self.set_bits(out, planes);
            }
        }
    }

    /// A gate on clear or local wires: the same at both levels.
    fn public(&mut self, g: &Gate) -> Result<()> {
        let args = g.args.iter().map(|a| self.plain(*a)).collect::<Result<Vec<_>>>()?;
        if let [out] = g.outs[..] {
            let t = self.c.ty(out).clone();
            let x = self.s.gate(g.op.clone(), args, t.domain, t.elem, t.len.clone());
            self.set_plain(out, x);
            match &g.op {
                Op::Const(v) => {
                    self.consts.insert(out, *v);
                }
                Op::Gather { .. } => {
                    // The same number in every lane, whichever lanes are read.
                    let from = self.plain(g.args[0])?;
                    if let Some(v) = self.s.const_of(from) {
                        self.s.note_const(x, v);
                        self.consts.insert(out, v);
                    }
                    if let Some(l) = self.low.get(&from).copied() {
                        self.low.insert(x, l);
                    }
                }
                Op::Iota { space, index } => {
                    let space = &self.s.c.spaces[space.0 as usize];
                    let (coords, lanes) = space.bounds(&[]);
                    let lane = (0, i64::try_from(lanes).unwrap_or(i64::MAX));
                    let (lo, hi) = index.interval(&Intervals { vars: &[], coords: &coords, lane });
                    if lo >= 0 && hi >= lo {
                        self.low.insert(x, 64 - (hi as u64).leading_zeros());
                    }
                }
                Op::Table(t) => {
                    let max = t.iter().copied().max().unwrap_or(0);
                    self.low.insert(x, 128 - max.leading_zeros());
                }
                _ => {}
            }
            return Ok(());
        }
        let outs: Vec<WireId> = g
            .outs
            .iter()
            .map(|o| {
                let t = self.c.ty(*o).clone();
                let x = self.s.wire(t.domain, t.elem, t.len);
                self.set_plain(*o, x);
                x
            })
            .collect();
        self.s.raw(g.op.clone(), args, outs);
        Ok(())
    }

    /// Forms in which a moved result is built: those wanted, or one that its operands have.
    fn move_forms(&self, out: WireId, args: &[WireId]) -> Vec<Form> {
        let wants = self.plan.wants[out.0 as usize];
        if wants != 0 {
            return (0..6u8).filter(|f| wants >> f & 1 != 0).collect();
        }
        let first = args.iter().find(|a| self.secret(**a)).copied();
        vec![first.map_or(BITS, |a| self.any_form(a))]
    }
    fn put(&mut self, out: WireId, f: Form, bits: Option<Vec<Pl>>, wire: Option<WireId>) {
        if self.vals[out.0 as usize].is_none() || matches!(self.vals[out.0 as usize], Some(Val::Plain(_))) {
            self.set_shared(out, None, None);
        }
        self.note(out, f, bits, wire);
    }

    fn moved(&mut self, g: &Gate) -> Result<()> {
        let shared = match g.op {
            Op::Gather { .. } | Op::GatherAt => 1,
            Op::Scatter { .. } | Op::ScatterAt => 2,
            _ => g.args.len(),
        };
        let index = g.args[shared..].iter().map(|a| self.plain(*a)).collect::<Result<Vec<_>>>()?;
        self.moved_by(&g.op, g.outs[0], &g.args[..shared], &index)
    }
    /// Moves lanes of secret operands in every form that is wanted; `index` are clear operands that follow.
    pub(super) fn moved_by(&mut self, op: &Op, out: WireId, from: &[WireId], index: &[WireId]) -> Result<()> {
        let to = self.len(out);
        let e = self.elem(out);
        self.vals[out.0 as usize] = None;
        for f in self.move_forms(out, from) {
            if f != BITS {
                let ring = form_ring(f);
                let mut args = from.iter().map(|a| self.arith(*a, ring)).collect::<Result<Vec<_>>>()?;
                args.extend(index);
                let x = arith(&mut self.s, op.clone(), args, ring, e, &to);
                self.put(out, f, None, Some(x));
                continue;
            }
            let words = from.iter().map(|a| self.bits(*a)).collect::<Result<Vec<_>>>()?;
            // Planes that are the same constant in all operands stay; the others move together.
            let k = usize::from(e.bits());
            let live: Vec<usize> =
                (0..k).filter(|&i| !(words[0][i].is_const() && words.iter().all(|w| w[i] == words[0][i]))).collect();
            let mut out_planes = words[0].clone();
            if !live.is_empty() {
                let le = if live.len() == k { e } else { Elem::Bool };
                let mut args = vec![];
                for (w, a) in words.iter().zip(from) {
                    let w: Vec<Pl> = live.iter().map(|&i| w[i]).collect();
                    let len = self.len(*a);
                    args.push(self.s.stack(&w, le, &len));
                }
                args.extend(index);
                let dom = Domain::Bits { planes: live.len() as u8 };
                let x = self.s.gate(op.clone(), args, dom, le, to.clone());
                for (j, &i) in live.iter().enumerate() {
                    out_planes[i] = Pl::Of(x, j as u32);
                }
            }
            self.put(out, BITS, Some(out_planes), None);
        }
        Ok(())
    }

    fn cast(&mut self, out: WireId, x: WireId) -> Result<()> {
        let (from, to) = (self.elem(x), self.elem(out));
        let len = self.len(out);
        self.vals[out.0 as usize] = None;
        let mut forms = self.move_forms(out, &[x]);
        if self.plan.wants[out.0 as usize] == 0 && from.bits() != to.bits() {
            // What is only opened is cut in the ring that it is in.
            let (have, own) = (self.any_form(x), self.own(out));
            let cuts = have != BITS && cast_form(from, to, own) == Some(have);
            forms = vec![if cuts { own } else { BITS }];
        }
        // Forms that the operand does not give are made from planes, by `ensure`.
        let direct: Vec<(Form, Form)> = forms.iter().filter_map(|f| Some((*f, cast_form(from, to, *f)?))).collect();
        let need_bits = direct.len() < forms.len() && !forms.contains(&BITS);
        for (f, g) in direct.into_iter().chain(need_bits.then_some((BITS, BITS))) {
            if f == BITS {
                let b = self.bits(x)?;
                let fill = match b.last() {
                    Some(p) if from.signed() => *p,
                    _ => Pl::Zero,
                };
                let b = (0..usize::from(to.bits())).map(|i| b.get(i).copied().unwrap_or(fill)).collect();
                self.put(out, BITS, Some(b), None);
            } else {
                let a = self.arith(x, form_ring(g))?;
                let a = if f == g { a } else { arith(&mut self.s, Op::ArithTrunc, vec![a], form_ring(f), to, &len) };
                self.put(out, f, None, Some(a));
            }
        }
        Ok(())
    }

    fn unary(&mut self, out: WireId, un: Un, x: WireId) -> Result<()> {
        let len = self.len(out);
        let e = self.elem(out);
        if e == Elem::Bool || self.plan.home[out.0 as usize] == BITS {
            let b = self.bits(x)?;
            let r = match un {
                Un::Neg => {
                    let style = self.style(b.len(), &len);
                    adder::neg(&mut self.s, &b, style, &len)
                }
                _ => self.s.not_many(&b, &len),
            };
            self.set_bits(out, r);
            return Ok(());
        }
        let ring = own_ring(e);
        let a = self.own_arith(x)?;
        let from = if un == Un::Neg { 0 } else { convert::mask(ring) };
        let k = self.s.constant(from, convert::ring_elem(ring), len.clone());
        // -x = 0 - x, !x = -1 - x.
        let r = arith(&mut self.s, Op::ArithSub, vec![k, a], ring, e, &len);
        self.set_arith(out, r);
        Ok(())
    }

    /// Floor or one less of x / 2^places, for |x| below a quarter of the ring.
    fn trunc(&mut self, out: WireId, x: WireId, places: u8) -> Result<()> {
        let (e, len) = (self.elem(out), self.len(out));
        let a = self.own_arith(x)?;
        let r = convert::trunc(&mut self.s, a, places, own_ring(e), e, &len);
        self.set_arith(out, r);
        Ok(())
    }

    fn shl(&mut self, out: WireId, x: WireId, amount: WireId) -> Result<()> {
        let e = self.elem(out);
        let len = self.len(out);
        let amt = self.plain(amount)?;
        self.vals[out.0 as usize] = None;
        let mut forms = self.move_forms(out, &[x]);
        let own = self.own(out);
        if !forms.contains(&BITS) && forms.iter().any(|f| *f != own) {
            forms.insert(0, BITS);
        }
        for f in forms {
            if f == BITS {
                let b = self.bits(x)?;
                let r = shift::by_clear(&mut self.s, &b, amt, Shift::Left, &len);
                self.put(out, BITS, Some(r), None);
            } else if f == own {
                let ring = own_ring(e);
                let a = self.own_arith(x)?;
                let factor = self.clear_power(amt, e, ring, &len);
                let r = arith(&mut self.s, Op::ArithScale, vec![a, factor], ring, e, &len);
                self.put(out, f, None, Some(r));
            }
        }
        Ok(())
    }
    /// `1 << amount` as the type, then in the ring.
    fn clear_power(&mut self, amt: WireId, e: Elem, ring: u8, len: &Len) -> WireId {
        let u = Elem::u(e.bits());
        if let Some(v) = self.s.const_of(amt) {
            let p = if v < u128::from(e.bits()) { 1u128 << v } else { 0 };
            return self.s.constant(p, convert::ring_elem(ring), len.clone());
        }
        let one = self.s.constant(1, u, len.clone());
        let p = shift::clear(&mut self.s, Op::Bin(Bin::Shl), vec![one, amt], u, len);
        self.cast_clear(p, convert::ring_elem(ring), len)
    }

    /// A clear operand of an arithmetic gate, extended by its sign to the ring's width.
    fn ring_clear(&mut self, w: WireId, ring: u8, len: &Len) -> Result<WireId> {
        let x = self.plain(w)?;
        let e = self.elem(w);
        if e.bits() == ring {
            return Ok(x);
        }
        Ok(self.cast_clear(x, Elem::Int { signed: e.signed(), bits: ring }, len))
    }

    fn binary(&mut self, g: &Gate, out: WireId, bin: Bin) -> Result<()> {
        let (x, y) = (g.args[0], g.args[1]);
        let len = self.len(out);
        let e = self.elem(x);
        let ring = own_ring(e);
        let in_bits = self.plan.home[out.0 as usize] == BITS;
        match bin {
            Bin::Add | Bin::Sub if !in_bits => {
                let mut args = vec![];
                for w in [x, y] {
                    args.push(if self.is_clear(w) { self.ring_clear(w, ring, &len)? } else { self.own_arith(w)? });
                }
                let op = if bin == Bin::Add { Op::ArithAdd } else { Op::ArithSub };
                let r = arith(&mut self.s, op, args, ring, e, &len);
                self.set_arith(out, r);
            }
            Bin::Mul if in_bits => {
                let constant = |w: &WireId| Some((*w, *self.consts.get(w)?));
                let r = match [x, y].iter().find_map(constant) {
                    Some((w, v)) => {
                        let a = self.bits(if w == x { y } else { x })?;
                        multiply::mul_const(&mut self.s, &a, v, &len)
                    }
                    None => {
                        let (a, b) = (self.bits(x)?, self.bits(y)?);
                        let all = multiply::STYLES.map(|s| (s, multiply::cost(a.len(), s)));
                        let style = self.cheapest(&len, all).unwrap_or(multiply::Style::Tree);
                        multiply::mul(&mut self.s, &a, &b, style, &len)
                    }
                };
                self.set_bits(out, r);
            }
            Bin::Mul => {
                let r = match (self.is_clear(x), self.is_clear(y)) {
                    (false, false) => {
                        let (a, b) = (self.own_arith(x)?, self.own_arith(y)?);
                        arith(&mut self.s, Op::ArithMul, vec![a, b], ring, e, &len)
                    }
                    (cx, _) => {
                        let (secret, clear) = if cx { (y, x) } else { (x, y) };
                        let a = self.own_arith(secret)?;
                        let k = self.ring_clear(clear, ring, &len)?;
                        arith(&mut self.s, Op::ArithScale, vec![a, k], ring, e, &len)
                    }
                };
                self.set_arith(out, r);
            }
            Bin::Eq if e.bits() > 1 && !in_bits => {
                let mut args = vec![];
                for w in [x, y] {
                    args.push(if self.is_clear(w) { self.ring_clear(w, ring, &len)? } else { self.own_arith(w)? });
                }
                let d = arith(&mut self.s, Op::ArithSub, args, ring, e, &len);
                let r = convert::is_zero(&mut self.s, d, e.bits());
                self.set_bits(out, vec![r]);
            }
            Bin::Lt if !in_bits && is_sign_test(self.c, &self.consts, g) => {
                let a = self.own_arith(x)?;
                let r = convert::sign(&mut self.s, a, e.bits());
                self.set_bits(out, vec![r]);
            }
            Bin::Lt if self.is_clear(x) != self.is_clear(y) => {
                let swap = self.is_clear(x);
                let (secret, clear) = if swap { (y, x) } else { (x, y) };
                let b = self.bits(secret)?;
                let k = self.plain(clear)?;
                let r = compare::lt_clear(&mut self.s, &b, k, e.signed(), swap, &len);
                self.set_bits(out, vec![r]);
            }
            Bin::And | Bin::Or if self.is_clear(x) != self.is_clear(y) => {
                let (secret, clear) = if self.is_clear(x) { (y, x) } else { (x, y) };
                let b = self.bits(secret)?;
                let k = self.plain(clear)?;
                let r = if bin == Bin::And {
                    self.s.mask(&b, k, &len)
                } else {
                    // x | k = k ^ (x & !k) = !( !x & !k ): mask x by k, then x ^ k ^ (x & k).
                    let m = self.s.mask(&b, k, &len);
                    let kl = self.s.lift(k);
                    let p: Vec<(Pl, Pl)> = b.into_iter().zip(m).collect();
                    let d = self.s.xor_many(&p, &len);
                    let p: Vec<(Pl, Pl)> = d.into_iter().zip(kl).collect();
                    self.s.xor_many(&p, &len)
                };
                self.set_bits(out, r);
            }
            Bin::Shr => {
                let b = self.bits(x)?;
                let amt = self.plain(y)?;
                let dir = if e.signed() { Shift::SignedRight } else { Shift::Right };
                let r = shift::by_clear(&mut self.s, &b, amt, dir, &len);
                self.set_bits(out, r);
            }
            Bin::Div | Bin::Rem => {
                let (q, r) = self.divide(x, y, e.signed(), &len)?;
                self.set_bits(out, if bin == Bin::Div { q } else { r });
            }
            _ => {
                let (a, b) = (self.bits(x)?, self.bits(y)?);
                let pairs: Vec<(Pl, Pl)> = a.iter().copied().zip(b.iter().copied()).collect();
                let style = self.style(a.len(), &len);
                // With a constant, the least depth has the fewest ANDs too, or nearly so.
                let constant = a.iter().all(|p| p.is_const()) || b.iter().all(|p| p.is_const());
                let groups = compare::GROUPS.map(|g| (g, compare::cost(a.len(), g)));
                let group = if constant { None } else { self.cheapest(&len, groups) }.unwrap_or(compare::GROUPS[0]);
                let s = &mut self.s;
                let r = match bin {
                    Bin::Add => adder::add(s, &a, &b, false, style, &len),
                    Bin::Sub => adder::sub(s, &a, &b, style, &len),
                    Bin::And => s.and_many(&pairs, &len),
                    Bin::Or => or_many(s, &pairs, &len),
                    Bin::Xor => s.xor_many(&pairs, &len),
                    Bin::Lt => vec![compare::lt_by(s, &a, &b, e.signed(), group, &len)],
                    Bin::Eq => vec![compare::eq(s, &a, &b, &len)],
                    op => return self.unsupported(format!("{op:?} on secrets")),
                };
                self.set_bits(out, r);
            }
        }
        Ok(())
    }

    fn select(&mut self, out: WireId, args: &[WireId]) -> Result<()> {
        let (c, a, b) = (args[0], args[1], args[2]);
        let e = self.elem(out);
        let len = self.len(out);
        let moves = self.is_clear(c) || (self.is_clear(a) && self.is_clear(b) && e != Elem::Bool);
        if moves {
            self.vals[out.0 as usize] = None;
            for f in self.move_forms(out, args) {
                if f == BITS {
                    let r = if self.is_clear(c) {
                        let (x, y) = (self.bits(a)?, self.bits(b)?);
                        let k = self.plain(c)?;
                        shift::choose_clear(&mut self.s, k, &x, &y, &len)
                    } else {
                        self.select_clear_arms(c, a, b, e, &len)?
                    };
                    self.put(out, f, Some(r), None);
                    continue;
                }
                let ring = form_ring(f);
                let re = convert::ring_elem(ring);
                let r = if self.is_clear(c) {
                    // b + c (a - b)
                    let (x, y) = (self.arith(a, ring)?, self.arith(b, ring)?);
                    let k = self.plain(c)?;
                    let k = self.cast_clear(k, re, &len);
                    let d = arith(&mut self.s, Op::ArithSub, vec![x, y], ring, e, &len);
                    let d = arith(&mut self.s, Op::ArithScale, vec![d, k], ring, e, &len);
                    arith(&mut self.s, Op::ArithAdd, vec![y, d], ring, e, &len)
                } else {
                    let k = self.arith(c, ring)?;
                    let (x, y) = (self.ring_clear(a, ring, &len)?, self.ring_clear(b, ring, &len)?);
                    let (x, y) = (self.cast_clear(x, re, &len), self.cast_clear(y, re, &len));
                    let d = shift::clear(&mut self.s, Op::Bin(Bin::Sub), vec![x, y], re, &len);
                    let d = arith(&mut self.s, Op::ArithScale, vec![k, d], ring, e, &len);
                    arith(&mut self.s, Op::ArithAdd, vec![d, y], ring, e, &len)
                };
                self.put(out, f, None, Some(r));
            }
            return Ok(());
        }
        if e == Elem::Bool || self.plan.home[out.0 as usize] == BITS {
            let r = if self.is_clear(a) && self.is_clear(b) {
                self.select_clear_arms(c, a, b, e, &len)?
            } else {
                let cond = self.bits(c)?[0];
                let (x, y) = (self.bits(a)?, self.bits(b)?);
                mux::mux(&mut self.s, cond, &x, &y, &len)
            };
            self.set_bits(out, r);
            return Ok(());
        }
        let ring = own_ring(e);
        let k = self.arith(c, ring)?;
        let (x, y) = (self.own_arith(a)?, self.own_arith(b)?);
        let zero = self.is_clear(b) && self.consts.get(&b) == Some(&0);
        let r = if zero {
            arith(&mut self.s, Op::ArithMul, vec![k, x], ring, e, &len)
        } else {
            // c (lo - hi) whichever arm is which: both selections of an exchange share it.
            let (lo, hi) = if x < y { (x, y) } else { (y, x) };
            let d = arith(&mut self.s, Op::ArithSub, vec![lo, hi], ring, e, &len);
            let m = arith(&mut self.s, Op::ArithMul, vec![k, d], ring, e, &len);
            let op = if x < y { Op::ArithAdd } else { Op::ArithSub };
            arith(&mut self.s, op, vec![y, m], ring, e, &len)
        };
        self.set_arith(out, r);
        Ok(())
    }
    /// A secret bit between two public words: the planes that differ are the bit or its complement, masked.
    fn select_clear_arms(&mut self, c: WireId, a: WireId, b: WireId, e: Elem, len: &Len) -> Result<Vec<Pl>> {
        let cond = self.bits(c)?[0];
        let (x, y) = (self.plain(a)?, self.plain(b)?);
        let d = match (self.s.const_of(x), self.s.const_of(y)) {
            (Some(p), Some(q)) => self.s.constant(p ^ q, e, len.clone()),
            _ => shift::clear(&mut self.s, Op::Bin(Bin::Xor), vec![x, y], e, len),
        };
        let m = self.s.mask(&vec![cond; usize::from(e.bits())], d, len);
        let yl = self.s.lift(y);
        let p: Vec<(Pl, Pl)> = m.into_iter().zip(yl).collect();
        Ok(self.s.xor_many(&p, len))
    }

    fn products(&mut self, g: &Gate) -> Result<()> {
        let out = g.outs[0];
        let e = self.elem(out);
        let len = self.len(out);
        let ring = own_ring(e);
        let (x, y) = (g.args[0], g.args[1]);
        if let (Op::Dot { group }, true) = (&g.op, self.is_clear(x) || self.is_clear(y)) {
            let (secret, clear) = if self.is_clear(x) { (y, x) } else { (x, y) };
            let full = self.len(secret);
            let a = self.own_arith(secret)?;
            let k = self.ring_clear(clear, ring, &full)?;
            let m = arith(&mut self.s, Op::ArithScale, vec![a, k], ring, e, &full);
            let r = arith(&mut self.s, Op::Reduce { red: Red::Add, group: group.clone() }, vec![m], ring, e, &len);
            self.set_arith(out, r);
            return Ok(());
        }
        let (a, b) = (self.own_arith(x)?, self.own_arith(y)?);
        let r = arith(&mut self.s, g.op.clone(), vec![a, b], ring, e, &len);
        self.set_arith(out, r);
        Ok(())
    }

    fn reduce(&mut self, out: WireId, red: Red, x: WireId, group: &Len) -> Result<()> {
        let e = self.elem(x);
        let (len, to) = (self.len(x), self.len(out));
        let re = self.elem(out);
        let k = usize::from(e.bits());
        match red {
            Red::Add => {
                let ring = own_ring(e);
                let a = self.own_arith(x)?;
                let r = arith(&mut self.s, Op::Reduce { red, group: group.clone() }, vec![a], ring, re, &to);
                self.set_arith(out, r);
            }
            Red::Count => {
                let b = self.bits(x)?[0];
                let ring = own_ring(re);
                let r = if b.is_const() {
                    let c = self.s.constant(u128::from(b == Pl::One), convert::ring_elem(ring), len.clone());
                    let a = arith(&mut self.s, Op::Lift, vec![c], ring, re, &len);
                    arith(&mut self.s, Op::Reduce { red: Red::Add, group: group.clone() }, vec![a], ring, re, &to)
                } else {
                    convert::count(&mut self.s, b, ring, re, &len, group, &to)
                };
                self.set_arith(out, r);
            }
            Red::Mul => {
                let r = self.product_tree(x, group, &to)?;
                self.set_arith(out, r);
            }
            Red::And | Red::Or | Red::Xor | Red::Min | Red::Max => {
                let b = self.bits(x)?;
                let max_pattern = |signed: bool| -> Vec<Pl> {
                    (0..k).map(|i| if signed && i + 1 == k { Pl::Zero } else { Pl::One }).collect()
                };
                let min_pattern: Vec<Pl> = (0..k).map(|i| Pl::bit(e.signed() && i + 1 == k)).collect();
                let identity = match red {
                    Red::And => vec![Pl::One; k],
                    Red::Or | Red::Xor => vec![Pl::Zero; k],
                    Red::Min => max_pattern(e.signed()),
                    _ => min_pattern,
                };
                let s = &mut self.s;
                let (b, len, g) = reduce::regular(s, &b, &len, group, &to, &identity)?;
                if g.size == 0 {
                    self.set_bits(out, identity);
                    return Ok(());
                }
                let count = g.clone();
                let r = match red {
                    Red::And => reduce::tree(s, b, len, g, false, &mut |s, l, r, n| s.and_many(&zip(l, r), n)),
                    Red::Or => reduce::tree(s, b, len, g, false, &mut |s, l, r, n| or_many(s, &zip(l, r), n)),
                    Red::Xor => reduce::tree(s, b, len, g, false, &mut |s, l, r, n| s.xor_many(&zip(l, r), n)),
                    _ => reduce::extreme(s, b, len, g, red == Red::Max, e.signed()),
                };
                let r = reduce::cut(&mut self.s, &r, &count, &to)?;
                self.set_bits(out, r);
            }
        }
        Ok(())
    }

    fn product_tree(&mut self, x: WireId, group: &Len, to: &Len) -> Result<WireId> {
        let e = self.elem(x);
        let ring = own_ring(e);
        let len = self.len(x);
        let mut a = self.own_arith(x)?;
        let one = |s: &mut Asm, len: &Len| {
            let one = s.constant(1, convert::ring_elem(ring), len.clone());
            arith(s, Op::Lift, vec![one], ring, e, len)
        };
        let mut g = match reduce::grouping(&mut self.s, &len, group, to)? {
            Ok(g) => g,
            Err(p) => {
                let base = one(&mut self.s, &p.all);
                a = p.wire(&mut self.s, base, a);
                p.groups
            }
        };
        let padded = g.clone();
        if g.size == 0 {
            return Ok(one(&mut self.s, to));
        }
        if g.size > 1
            && let Some(r) = reduce::open(&mut self.s, &g, false)
        {
            let p = self.s.wire(Domain::Arith { ring }, e, r.before.clone());
            let (left, right) = r.level.split_wire(&mut self.s, p);
            let product = arith(&mut self.s, Op::ArithMul, vec![left, right], ring, e, &r.level.pairs);
            let next = r.level.join_wire(&mut self.s, p, product);
            a = reduce::close(&mut self.s, &r, &g, vec![a], vec![p], vec![next])[0];
            g.size = 1;
        }
        while g.size > 1 {
            let (lv, next) = reduce::level(&mut self.s, &g, false);
            let (l, r) = lv.split_wire(&mut self.s, a);
            let p = arith(&mut self.s, Op::ArithMul, vec![l, r], ring, e, &lv.pairs);
            a = lv.join_wire(&mut self.s, a, p);
            g = next;
        }
        Ok(match reduce::cut_space(&mut self.s, &padded, to)? {
            None => a,
            Some(space) => arith(&mut self.s, Op::Gather { space, index: Index::Lane }, vec![a], ring, e, to),
        })
    }
}

fn zip(l: &[Pl], r: &[Pl]) -> Vec<(Pl, Pl)> {
    l.iter().copied().zip(r.iter().copied()).collect()
}

/// `a | b = !(!a & !b)`.
fn or_many(s: &mut Asm, pairs: &[(Pl, Pl)], len: &Len) -> Vec<Pl> {
    let flat: Vec<Pl> = pairs.iter().flat_map(|p| [p.0, p.1]).collect();
    let n = s.not_many(&flat, len);
    let p: Vec<(Pl, Pl)> = n.chunks(2).map(|q| (q[0], q[1])).collect();
    let r = s.and_many(&p, len);
    s.not_many(&r, len)
}
