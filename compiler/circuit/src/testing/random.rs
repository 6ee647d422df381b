//! Random circuits that verify and run without program errors, with inputs for them.
//!
//! Results do not depend on how deals split: every deal is recombined on the spot. Elements, lengths, and spaces are drawn
//! small and odd; loops nest, with spaces that mention their variables.
//!
//! Long because one walk over one structure reads better whole; to be split by idea when it next grows.

use super::Rng;
use crate::build::Builder;
use crate::circuit::{Circuit, Level};
use crate::clear;
use crate::column::Column;
use crate::gate::{Bin, Op, Plane, Recipient, Red, Un};
use crate::index::{Index, IndexOp, Len, LoopVar, Space, SpaceDim};
use crate::types::{Domain, Elem, PartyId, WireId, WireTy};

/// A circuit and inputs for it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Verified by construction.
    pub circuit: Circuit,
    /// By `Circuit::inputs`.
    pub inputs: Vec<Column>,
}

/// How large.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Steps at the root; a step is one to some twenty gates.
    pub steps: u32,
    /// Lanes of an input are at most this many.
    pub lanes: u64,
    /// Deepest nesting of regions.
    pub nesting: u32,
}

impl Default for Shape {
    fn default() -> Self {
        Shape { steps: 25, lanes: 70, nesting: 2 }
    }
}

/// A random circuit of the program level.
///
/// # Panics
/// If the generator breaks a rule of the circuit: a bug of this crate.
pub fn random_program(seed: u64, shape: &Shape) -> Case {
    Gen::new(seed, Level::Program, shape).case()
}

/// A random circuit of the gate level of `rep3`.
///
/// # Panics
/// As [`random_program`].
pub fn random_gates(seed: u64, shape: &Shape) -> Case {
    Gen::new(seed, Level::Gates("rep3".into()), shape).case()
}

const ELEMS: [Elem; 9] =
    [Elem::Bool, Elem::Bool, Elem::u(8), Elem::i(8), Elem::u(13), Elem::i(32), Elem::u(64), Elem::i(64), Elem::u(128)];

type Step = Result<(), String>;

struct Gen<'a> {
    b: Builder,
    rng: Rng,
    gates: bool,
    shape: &'a Shape,
    parties: Vec<PartyId>,
    inputs: Vec<Column>,
    /// Wires that may be used, by region from the root.
    pool: Vec<Vec<WireId>>,
    /// Enclosing variables, each in 0..=5.
    vars: Vec<LoopVar>,
}

impl<'a> Gen<'a> {
    fn new(seed: u64, level: Level, shape: &'a Shape) -> Self {
        let gates = level != Level::Program;
        let mut b = Builder::new(level);
        let parties = vec![b.party("Ada", None), b.party("Ben", None), b.party("Cleo", None)];
        let rng = Rng::new(seed.wrapping_mul(2).wrapping_add(gates.into()));
        Gen { b, rng, gates, shape, parties, inputs: vec![], pool: vec![vec![]], vars: vec![] }
    }

    fn case(mut self) -> Case {
        let body = |g: &mut Self| -> Step {
            for _ in 0..3 {
                g.input()?;
            }
            for _ in 0..g.shape.steps {
                g.step()?;
            }
            let mut wires = g.pool[0].clone();
            for k in 0..6.min(wires.len()) {
                let w = wires.swap_remove(g.rng.below(wires.len() as u64) as usize);
                let to = if k % 3 == 2 { Some(g.parties[k % 2]) } else { None };
                let t = g.b.ty(w);
                let keeps = t.domain == Domain::Secret || t.domain == t.elem.kept_form();
                if keeps && g.rng.one_in(3) {
                    g.b.kept_output(&format!("result.{k}"), w);
                    continue;
                }
                g.output(w, to, k)?;
            }
            Ok(())
        };
        if let Err(e) = body(&mut self) {
            panic!("the generator broke a rule: {e}");
        }
        let mut circuit = self.b.finish();
        crate::text::normalise(&mut circuit, None);
        Case { circuit, inputs: self.inputs }
    }

    fn output(&mut self, w: WireId, to: Option<PartyId>, k: usize) -> Step {
        let recipient = to.map_or(Recipient::All, Recipient::Party);
        let name = format!("result.{k}");
        let out = match self.b.ty(w).domain {
            Domain::Clear => w,
            Domain::Local(p) => {
                self.b.output(Some(p), &name, w);
                return Ok(());
            }
            Domain::Secret => self.b.reveal(w, recipient)?,
            _ => self.b.open(w, recipient)?,
        };
        self.b.output(to, &name, out);
        Ok(())
    }

    fn keep(&mut self, w: WireId) -> Step {
        if let Some(p) = self.pool.last_mut() {
            p.push(w);
        }
        Ok(())
    }

    fn lanes(&self, w: WireId) -> u64 {
        self.b.ty(w).len.as_const().unwrap_or(0)
    }

    fn pick(&mut self, f: impl Fn(&WireTy) -> bool) -> Option<WireId> {
        let all: Vec<WireId> = self.pool.iter().flatten().copied().filter(|w| f(self.b.ty(*w))).collect();
        (!all.is_empty()).then(|| all[self.rng.below(all.len() as u64) as usize])
    }

    /// Any secret or clear wire (no local one), of at least one lane.
    fn any(&mut self) -> WireId {
        let found = self.pick(|t| !matches!(t.domain, Domain::Local(_)) && t.len != Len::Const(0));
        found.unwrap_or_else(|| self.b.constant(1, Elem::u(8), Len::Const(3)))
    }

    fn word(&mut self, e: Elem) -> u128 {
        let v = match self.rng.below(4) {
            0 => u128::from(self.rng.below(3)),
            1 => e.mask() - u128::from(self.rng.below(2)),
            _ => self.rng.wide(),
        };
        v & e.mask()
    }

    fn elem(&mut self) -> Elem {
        ELEMS[self.rng.below(ELEMS.len() as u64) as usize]
    }

    fn table(&mut self, e: Elem, n: u64) -> Result<WireId, String> {
        let t = (0..n).map(|_| self.word(e)).collect();
        self.b.gate1_as(Op::Table(t), &[], WireTy::clear(e, n))
    }

    /// A form to hold an element in, at gate level.
    fn shared(&mut self, e: Elem) -> Domain {
        if e != Elem::Bool && self.rng.one_in(2) {
            let rings: Vec<u8> = [8, 16, 32, 64, 128].into_iter().filter(|r| *r >= e.bits()).collect();
            Domain::Arith { ring: rings[self.rng.below(rings.len().min(2) as u64) as usize] }
        } else {
            let wider = if self.rng.one_in(4) { 3 } else { 0 };
            Domain::Bits { planes: e.bits() + wider }
        }
    }

    fn input(&mut self) -> Step {
        let e = self.elem();
        let n = 1 + self.rng.below(self.shape.lanes);
        let public = self.rng.one_in(6);
        // Gates here read all bits of a ring, of which those above a kept value's mean nothing.
        let whole = !self.gates || e == Elem::Bool || Domain::Arith { ring: e.bits() } == e.kept_form();
        if whole && self.rng.one_in(5) {
            let w = self.b.kept_input(&format!("x{}", self.inputs.len()), e, n);
            let values: Vec<u128> = (0..n).map(|_| self.word(e)).collect();
            self.inputs.push(clear::from_lanes(e, values));
            return self.keep(w);
        }
        let party = (!public).then(|| self.parties[self.rng.below(3) as usize]);
        let name = format!("x{}", self.inputs.len());
        let w = self.b.input(party, &name, e, n);
        let values: Vec<u128> = (0..n).map(|_| self.word(e)).collect();
        self.inputs.push(clear::from_lanes(e, values));
        if public {
            return self.keep(w);
        }
        let s = if self.gates {
            let domain = self.shared(e);
            let id = self.b.effect();
            self.b.gate1_as(Op::InputShare(id), &[w], WireTy::new(domain, e, Len::Const(n)))?
        } else {
            self.b.share(w)?
        };
        self.keep(s)
    }

    fn step(&mut self) -> Step {
        let root = self.pool.len() == 1;
        match self.rng.below(24) {
            0 if root => self.input(),
            0 | 1 => {
                let e = self.elem();
                let n = 1 + self.rng.below(self.shape.lanes);
                let w = if self.rng.one_in(2) { self.table(e, n)? } else { self.iota(e, n)? };
                self.keep(w)
            }
            2..=4 => self.gather(),
            5 => self.scatter(),
            6 => {
                let (x, y) = (self.any(), self.any());
                let y = self.like(y, x, None)?;
                if self.lanes(x) + self.lanes(y) > 4 * self.shape.lanes {
                    return Ok(());
                }
                let w = self.b.gate1(Op::Concat, &[x, y, x])?;
                self.keep(w)
            }
            7 => self.triangle(),
            8 if self.pool.len() as u32 <= self.shape.nesting => self.loop_(),
            9 if self.pool.len() as u32 <= self.shape.nesting => self.branch(),
            10 if root => self.while_(),
            11 if root => self.call(),
            12 | 13 => self.reduce(),
            14 if root => self.open(),
            _ if self.gates => self.gate_step(),
            _ => self.program_step(),
        }
    }

    fn iota(&mut self, e: Elem, n: u64) -> Result<WireId, String> {
        let space = self.b.space(Space::rect(&[n as i64]));
        let index = Index::add(self.affine(Index::Coord(0)), Index::Const(self.rng.below(9) as i64 - 4));
        self.b.gate1_as(Op::Iota { space, index }, &[], WireTy::clear(e, n))
    }

    /// `a x + i + b`, nothing negative.
    fn affine(&mut self, x: Index) -> Index {
        let mut e = Index::mul(x, Index::Const(self.rng.below(4) as i64));
        if !self.vars.is_empty() {
            let v = self.vars[self.rng.below(self.vars.len() as u64) as usize];
            e = Index::add(e, Index::Var(v));
        }
        let k = Index::Const(self.rng.below(5) as i64);
        match self.rng.below(4) {
            0 => Index::Bin(IndexOp::Xor, Box::new(e), Box::new(k)),
            1 => Index::Bin(IndexOp::Max, Box::new(e), Box::new(k)),
            _ => Index::add(e, k),
        }
    }

    fn gather(&mut self) -> Step {
        let x = self.any();
        let n = self.lanes(x) as i64;
        let m = 1 + self.rng.below(self.shape.lanes.min(9)) as i64;
        let k = 1 + self.rng.below(self.shape.lanes.min(8)) as i64;
        let mut space = Space::rect(&[m, k]);
        let mut index = Index::add(Index::Coord(1), self.affine(Index::Coord(0)));
        match self.rng.below(6) {
            0 => space.dims[1].lo = Index::Coord(0),
            1 => {
                let e = Index::add(Index::Coord(0), Index::Coord(1));
                space.guard = Some(Index::rem(e, Index::Const(2)));
            }
            2 => {
                space = Space::rect(&[m * k]);
                space.dims[0].step = 2;
                index = self.affine(Index::Coord(0));
            }
            3 => {
                let at: Vec<u128> = (0..m * k).map(|_| self.rng.below(n as u64).into()).collect();
                let want = WireTy::clear(Elem::u(32), at.len() as u64);
                let at = self.b.gate1_as(Op::Table(at), &[], want)?;
                let w = self.b.gate1(Op::GatherAt, &[x, at])?;
                return self.keep(w);
            }
            _ => {}
        }
        let w = self.b.gather(x, space, Index::rem(index, Index::Const(n)), None)?;
        self.keep(w)
    }

    fn scatter(&mut self) -> Step {
        let x = self.any();
        let n = self.lanes(x);
        let m = 1 + self.rng.below(n);
        let from = self.rng.below(n - m + 1) as i64;
        let values = self.like_lanes(x, m)?;
        let w = if self.rng.one_in(3) {
            let mut all: Vec<u128> = (0..u128::from(n)).collect();
            for k in (1..all.len()).rev() {
                all.swap(k, self.rng.below(k as u64 + 1) as usize);
            }
            all.truncate(m as usize);
            let at = self.b.gate1_as(Op::Table(all), &[], WireTy::clear(Elem::u(16), m))?;
            self.b.gate1(Op::ScatterAt, &[x, values, at])?
        } else {
            let space = self.b.space(Space::rect(&[m as i64]));
            let index = if self.rng.one_in(2) {
                Index::add(Index::Coord(0), Index::Const(from))
            } else {
                Index::sub(Index::Const(from + m as i64 - 1), Index::Coord(0))
            };
            self.b.gate1(Op::Scatter { space, index }, &[x, values])?
        };
        self.keep(w)
    }

    /// A wire of `x`'s type but `lanes` long: lanes of `x` in another order.
    fn like_lanes(&mut self, x: WireId, lanes: u64) -> Result<WireId, String> {
        let n = self.lanes(x) as i64;
        let e = Index::add(Index::mul(Index::Coord(0), Index::Const(3)), Index::Const(1));
        self.b.gather(x, Space::rect(&[lanes as i64]), Index::rem(e, Index::Const(n)), None)
    }

    /// `y` brought to the domain, element (or `elem`), and length of `x`.
    fn like(&mut self, y: WireId, x: WireId, elem: Option<Elem>) -> Result<WireId, String> {
        let want = self.b.ty(x).clone();
        let e = elem.unwrap_or(want.elem);
        let n = self.lanes(x);
        let have = self.b.ty(y).clone();
        if !self.gates {
            let y = if have.elem == e { y } else { self.b.cast(y, e)? };
            return if self.lanes(y) == n { Ok(y) } else { self.like_lanes(y, n) };
        }
        if have.domain == want.domain {
            let y = if self.lanes(y) == n { y } else { self.like_lanes(y, n)? };
            let fits = have.elem == e || want.domain != Domain::Clear;
            return if fits { Ok(y) } else { self.b.cast(y, e) };
        }
        let t = self.table(e, n)?;
        match want.domain {
            Domain::Clear => Ok(t),
            domain => self.b.gate1_as(Op::Lift, &[t], WireTy { domain, elem: e, len: want.len }),
        }
    }

    /// Lanes over a space that mentions a variable, folded to one.
    fn triangle(&mut self) -> Step {
        let Some(v) = self.vars.last().copied() else { return Ok(()) };
        let x = self.any();
        let n = self.lanes(x) as i64;
        let mut space = Space::rect(&[0, 2]);
        space.dims[0] = SpaceDim::range(Index::Const(0), Index::Var(v));
        let id = self.b.space(space.clone());
        let len = Len::Space { space: id, max: 10 };
        let index = Index::rem(self.affine(Index::Coord(0)), Index::Const(n));
        let y = self.b.gather(x, space, index, Some(len.clone()))?;
        let t = self.b.ty(y).clone();
        let w = match t.domain {
            Domain::Bits { .. } => {
                // Back to a fixed length: the lanes that are there over those that were.
                let y = self.b.gate1(Op::BitsNot, &[y])?;
                let base = self.like_lanes(x, 10)?;
                self.b.gate1(Op::Scatter { space: id, index: Index::Lane }, &[base, y])?
            }
            Domain::Arith { .. } => self.b.reduce(Red::Add, y, len)?,
            _ => {
                let all = [Red::And, Red::Or, Red::Xor, Red::Max, Red::Min, Red::Add, Red::Mul];
                let k = if t.elem == Elem::Bool { 5 } else { 7 };
                let red = all[self.rng.below(k) as usize];
                self.b.reduce(red, y, len)?
            }
        };
        self.keep(w)
    }

    fn divisor(&mut self, n: u64) -> u64 {
        let all: Vec<u64> = (1..=n).filter(|g| n.is_multiple_of(*g)).collect();
        all[self.rng.below(all.len() as u64) as usize]
    }

    fn reduce(&mut self) -> Step {
        let x = self.any();
        let t = self.b.ty(x).clone();
        let group = Len::Const(self.divisor(self.lanes(x)));
        let plain = matches!(t.domain, Domain::Clear | Domain::Secret);
        let w = match t.domain {
            Domain::Bits { .. } => return Ok(()),
            _ if t.elem == Elem::Bool && plain => match self.rng.below(5) {
                0 => self.b.reduce(Red::And, x, group)?,
                1 => self.b.reduce(Red::Or, x, group)?,
                2 => self.b.reduce(Red::Xor, x, group)?,
                _ => self.b.count(x, group, Elem::u(32))?,
            },
            _ => match self.rng.below(6) {
                0 | 1 => self.b.reduce(Red::Add, x, group)?,
                2 => {
                    let y = self.any();
                    let y = self.like(y, x, None)?;
                    self.b.gate1(Op::Dot { group }, &[x, y])?
                }
                3 => {
                    let (m, k, n) = (2, 1 + self.rng.below(3), 3);
                    let (x, y) = (self.like_lanes(x, 2 * m * k)?, self.like_lanes(x, 2 * k * n)?);
                    self.b.gate1(Op::MatMul { m, k, n }, &[x, y])?
                }
                _ if !plain => self.b.reduce(Red::Add, x, group)?,
                4 if !self.gates => {
                    let y = self.any();
                    let e = self.b.ty(y).elem;
                    let y = self.like(y, x, Some(e))?;
                    let max = self.rng.one_in(2);
                    let outs = self.b.gate(Op::ArgReduce { max, group }, &[x, y])?;
                    self.keep(outs[0])?;
                    outs[1]
                }
                _ => {
                    let all = [Red::Min, Red::Max, Red::Mul, Red::And, Red::Or, Red::Xor];
                    self.b.reduce(all[self.rng.below(6) as usize], x, group)?
                }
            },
        };
        self.keep(w)
    }

    fn program_step(&mut self) -> Step {
        let (x, y) = (self.any(), self.any());
        let t = self.b.ty(x).clone();
        let int = t.elem != Elem::Bool;
        let w = match self.rng.below(12) {
            0 => self.b.un(if int { Un::Neg } else { Un::Not }, x)?,
            1 => self.b.un(Un::Not, x)?,
            2 => {
                let e = self.elem();
                self.b.cast(x, e)?
            }
            3 if int => {
                let e = if self.rng.one_in(2) { Elem::u(8) } else { Elem::i(8) };
                let n = self.lanes(x);
                let amount = match self.rng.below(3) {
                    0 => self.table(e, n)?,
                    _ => {
                        let k = self.rng.below(12).into();
                        self.b.constant(k, e, Len::Const(n))
                    }
                };
                let op = if self.rng.one_in(2) { Bin::Shl } else { Bin::Shr };
                self.b.bin(op, x, amount)?
            }
            4 | 5 => {
                let c = self.any();
                let c = self.like(c, x, Some(Elem::Bool))?;
                let y = self.like(y, x, None)?;
                self.b.select(c, x, y)?
            }
            k => {
                let y = self.like(y, x, None)?;
                let ops = [
                    Bin::And,
                    Bin::Or,
                    Bin::Xor,
                    Bin::Lt,
                    Bin::Eq,
                    Bin::Lt,
                    Bin::Add,
                    Bin::Sub,
                    Bin::Mul,
                    Bin::Div,
                    Bin::Rem,
                ];
                let mut op = ops[self.rng.below(if int { 11 } else { 6 }) as usize];
                let clear = t.domain == Domain::Clear && self.b.ty(y).domain == Domain::Clear;
                // A public zero divisor is an error; and dividers are large: few of them.
                if matches!(op, Bin::Div | Bin::Rem) && (clear || k > 7) {
                    op = Bin::Add;
                }
                self.b.bin(op, x, y)?
            }
        };
        self.keep(w)
    }

    fn gate_step(&mut self) -> Step {
        let (x, y) = (self.any(), self.any());
        let t = self.b.ty(x).clone();
        let len = t.len.clone();
        let n = self.lanes(x);
        let ty = |domain, elem| WireTy { domain, elem, len: len.clone() };
        let w = match t.domain {
            Domain::Arith { ring } => match self.rng.below(9) {
                0 => self.b.gate1(Op::ArithSub, &[x])?,
                1 => {
                    let e = self.elem();
                    let c = self.table(e, n)?;
                    let k = self.rng.below(4);
                    match k {
                        0 => self.b.gate1(Op::ArithAdd, &[c, x])?,
                        1 => self.b.gate1(Op::ArithSub, &[c, x])?,
                        2 => self.b.gate1(Op::ArithSub, &[x, c])?,
                        _ => self.b.gate1(Op::ArithScale, &[x, c])?,
                    }
                }
                2 => {
                    let to = [8, 16, 32, 64, 128][self.rng.below(5) as usize].min(ring);
                    let e = if t.elem.bits() <= to { t.elem } else { Elem::u(to) };
                    self.b.gate1_as(Op::ArithTrunc, &[x], ty(Domain::Arith { ring: to }, e))?
                }
                3 => {
                    let y = self.like(y, x, None)?;
                    let op = if self.rng.one_in(2) { Op::ArithAdd } else { Op::ArithSub };
                    self.b.gate1(op, &[x, y])?
                }
                4 => self.bits_of(x, ring)?,
                5 => self.is_zero(x, ring)?,
                _ => {
                    let y = self.like(y, x, None)?;
                    self.b.gate1(Op::ArithMul, &[x, y])?
                }
            },
            Domain::Bits { planes } => match self.rng.below(8) {
                0 => self.b.gate1(Op::BitsNot, &[x])?,
                1 => {
                    let e = self.elem();
                    let c = self.table(e, n)?;
                    let op = if self.rng.one_in(2) { Op::BitsXor } else { Op::BitsMask };
                    self.b.gate1(op, &[x, c])?
                }
                2 => {
                    let y = self.like(y, x, None)?;
                    self.b.gate1(Op::BitsXor, &[x, y])?
                }
                3 => {
                    let k = 1 + self.rng.below(20);
                    let planes = (0..k)
                        .map(|_| match self.rng.below(6) {
                            0 => Plane::Zero,
                            1 => Plane::One,
                            _ => Plane::Of { arg: 0, plane: self.rng.below(planes.into()) as u32 },
                        })
                        .collect();
                    self.b.gate1(Op::Planes(planes), &[x])?
                }
                4 => self.arith_of(x, planes)?,
                _ => {
                    let y = self.like(y, x, None)?;
                    self.b.gate1(Op::BitsAnd, &[x, y])?
                }
            },
            _ if self.rng.one_in(2) => {
                let domain = self.shared(t.elem);
                self.b.gate1_as(Op::Lift, &[x], ty(domain, t.elem))?
            }
            _ => return self.program_step_clear(x),
        };
        self.keep(w)
    }

    fn program_step_clear(&mut self, x: WireId) -> Step {
        let t = self.b.ty(x).clone();
        let y = self.table(t.elem, self.lanes(x))?;
        let op = [Bin::Xor, Bin::Lt, Bin::Eq, Bin::And][self.rng.below(4) as usize];
        let w = self.b.bin(op, x, y)?;
        self.keep(w)
    }

    fn one_plane(&mut self, x: WireId, plane: u32) -> Result<WireId, String> {
        self.b.gate1(Op::Planes(vec![Plane::Of { arg: 0, plane }]), &[x])
    }

    /// The sum of the two parts of a deal, rippled; at most 9 planes.
    fn bits_of(&mut self, x: WireId, ring: u8) -> Result<WireId, String> {
        let planes = ring.min(1 + self.rng.below(9) as u8);
        let len = self.b.ty(x).len.clone();
        let e = if planes == 1 { Elem::Bool } else { Elem::u(planes) };
        let want = WireTy { domain: Domain::Bits { planes }, elem: e, len };
        let parts = self.b.gate_as(Op::A2bDeal { neg: false }, &[x], &[want.clone(), want.clone()])?;
        let mut sum = vec![];
        let mut carry: Option<WireId> = None;
        for k in 0..planes.into() {
            let (u, v) = (self.one_plane(parts[0], k)?, self.one_plane(parts[1], k)?);
            let p = self.b.gate1(Op::BitsXor, &[u, v])?;
            let (s, c) = match carry {
                None => (p, self.b.gate1(Op::BitsAnd, &[u, v])?),
                Some(c) => {
                    let s = self.b.gate1(Op::BitsXor, &[p, c])?;
                    let vc = self.b.gate1(Op::BitsXor, &[v, c])?;
                    let a = self.b.gate1(Op::BitsAnd, &[p, vc])?;
                    (s, self.b.gate1(Op::BitsXor, &[a, v])?)
                }
            };
            sum.push(s);
            carry = Some(c);
        }
        let list = (0..sum.len() as u32).map(|arg| Plane::Of { arg, plane: 0 }).collect();
        self.b.gate1_as(Op::Planes(list), &sum, want)
    }

    /// Whether x mod 2^planes is 0: the parts of a negated deal agree in all planes.
    fn is_zero(&mut self, x: WireId, ring: u8) -> Result<WireId, String> {
        let planes = ring.min(1 + self.rng.below(6) as u8);
        let len = self.b.ty(x).len.clone();
        let want = WireTy { domain: Domain::Bits { planes }, elem: Elem::u(planes), len };
        let parts = self.b.gate_as(Op::A2bDeal { neg: true }, &[x], &[want.clone(), want])?;
        let d = self.b.gate1(Op::BitsXor, &parts)?;
        let same = self.b.gate1(Op::BitsNot, &[d])?;
        let mut all = self.one_plane(same, 0)?;
        for k in 1..planes.into() {
            let p = self.one_plane(same, k)?;
            all = self.b.gate1(Op::BitsAnd, &[all, p])?;
        }
        Ok(all)
    }

    /// One plane as a number: u + v - 2 u v.
    fn arith_of(&mut self, x: WireId, planes: u8) -> Result<WireId, String> {
        let plane = self.rng.below(planes.into()) as u32;
        let b = self.one_plane(x, plane)?;
        let ring = [8, 16, 32, 64, 128][self.rng.below(5) as usize];
        let len = self.b.ty(x).len.clone();
        let want = WireTy { domain: Domain::Arith { ring }, elem: Elem::u(8), len: len.clone() };
        let parts = self.b.gate_as(Op::B2aDeal, &[b], &[want.clone(), want])?;
        let uv = self.b.gate1(Op::ArithMul, &parts)?;
        let two = self.b.constant(2, Elem::u(8), len);
        let uv2 = self.b.gate1(Op::ArithScale, &[uv, two])?;
        let s = self.b.gate1(Op::ArithAdd, &parts)?;
        self.b.gate1(Op::ArithSub, &[s, uv2])
    }

    fn open(&mut self) -> Step {
        let x = self.any();
        let w = match self.b.ty(x).domain {
            Domain::Secret => self.b.reveal(x, Recipient::All)?,
            Domain::Arith { .. } | Domain::Bits { .. } => self.b.open(x, Recipient::All)?,
            _ => return Ok(()),
        };
        self.keep(w)
    }

    /// Steps in the open region; then its results: values of these types.
    fn inner(&mut self, params: &[WireId], like: &[WireId]) -> Result<Vec<WireId>, String> {
        self.pool.push(params.to_vec());
        let result = (|| {
            for _ in 0..2 + self.rng.below(4) {
                self.step()?;
            }
            like.iter()
                .map(|l| {
                    let y = self.any();
                    let y = self.like(y, *l, None)?;
                    // Clear for clear.
                    if self.b.ty(y).domain == self.b.ty(*l).domain || self.b.ty(*l).domain == Domain::Secret {
                        Ok(y)
                    } else {
                        Ok(*l)
                    }
                })
                .collect()
        })();
        self.pool.pop();
        result
    }

    /// Some wires to carry; at program level clear ones become secret in half of the cases.
    fn carry(&mut self) -> (Vec<WireId>, Vec<WireTy>) {
        let init: Vec<WireId> = (0..1 + self.rng.below(3)).map(|_| self.any()).collect();
        let tys = init
            .iter()
            .map(|w| {
                let mut t = self.b.ty(*w).clone();
                if !self.gates && self.rng.one_in(2) {
                    t.domain = Domain::Secret;
                }
                t
            })
            .collect();
        (init, tys)
    }

    fn loop_(&mut self) -> Step {
        let (init, tys) = self.carry();
        let trips = self.rng.below(5) as i64;
        let (lo, hi, step) = if self.rng.one_in(3) { (trips, 0, -1) } else { (1, 1 + trips, 1) };
        let mut hi = Index::Const(hi);
        if let (Some(v), true) = (self.vars.last(), step > 0) {
            hi = Index::Bin(IndexOp::Min, Box::new(Index::Var(*v)), Box::new(hi));
        }
        let var = self.b.loop_var();
        let (body, params) = self.b.begin(&tys);
        self.vars.push(var);
        let results = self.inner(&params, &params);
        self.vars.pop();
        self.b.end(results.clone().unwrap_or_default());
        results?;
        let outs = self.b.gate(Op::Loop { var, lo: Index::Const(lo), hi, step, body }, &init)?;
        outs.into_iter().try_for_each(|w| self.keep(w))
    }

    fn branch(&mut self) -> Step {
        let like: Vec<WireId> = (0..1 + self.rng.below(2)).map(|_| self.any()).collect();
        let c = match self.pick(|t| t.domain == Domain::Clear && t.elem == Elem::Bool && t.len != Len::Const(0)) {
            Some(c) => c,
            None => {
                let v = self.rng.below(2).into();
                self.b.constant(v, Elem::Bool, Len::ONE)
            }
        };
        let c = if self.lanes(c) == 1 { c } else { self.like_lanes(c, 1)? };
        let mut ids = vec![];
        for _ in 0..2 {
            let (id, _) = self.b.begin(&[]);
            let results = self.inner(&[], &like);
            self.b.end(results.clone().unwrap_or_default());
            results?;
            ids.push(id);
        }
        let outs = self.b.gate(Op::If { then: ids[0], otherwise: ids[1] }, &[c])?;
        outs.into_iter().try_for_each(|w| self.keep(w))
    }

    /// A counted `while`.
    fn while_(&mut self) -> Step {
        let x = self.any();
        let e = Elem::u(8);
        let zero = self.b.constant(0, e, Len::ONE);
        let trips = self.rng.below(4).into();
        let most = self.b.constant(trips, e, Len::ONE);
        let tys = [WireTy::clear(e, 1), self.b.ty(x).clone()];
        let (cond, p) = self.b.begin(&tys);
        let go = self.b.bin(Bin::Lt, p[0], most)?;
        self.b.end(vec![go]);
        let (body, p) = self.b.begin(&tys);
        let one = self.b.constant(1, e, Len::ONE);
        let next = self.b.bin(Bin::Add, p[0], one)?;
        let results = self.inner(&p[1..], &p[1..]);
        self.b.end(vec![next, *results.clone()?.first().unwrap_or(&p[1])]);
        let outs = self.b.gate(Op::While { cond, body }, &[zero, x])?;
        self.keep(outs[1])
    }

    /// A region that is called twice.
    fn call(&mut self) -> Step {
        let x = self.any();
        let tys = [self.b.ty(x).clone()];
        let (region, p) = self.b.begin(&tys);
        let pool = std::mem::take(&mut self.pool);
        // What is called sees nothing outside, and no region may pretend to be the root.
        self.pool = vec![vec![]];
        let results = self.inner(&p, &p);
        self.pool = pool;
        self.b.end(results.clone().unwrap_or_default());
        results?;
        for _ in 0..2 {
            let y = self.any();
            let mut y = self.like(y, x, None)?;
            if !crate::infer::flows(&self.b.circuit().level, self.b.ty(y).domain, tys[0].domain) {
                y = x;
            }
            let outs = self.b.gate(Op::Call(region), &[y])?;
            self.keep(outs[0])?;
        }
        Ok(())
    }
}
