//! Random program-level circuits: straight lines, loops, branches, calls, reductions, over many types.
#![allow(dead_code)]

use circuit::testing::Rng;
use circuit::{
    Bin, Builder, Circuit, Column, Domain, Elem, Index, IndexOp, Len, Level, Op, PartyId, Recipient, Red, Space,
    SpaceDim, Un, WireId, WireTy,
};

pub struct Gen {
    b: Builder,
    r: Rng,
    pool: Vec<WireId>,
    depth: u32,
}

const ELEMS: [Elem; 9] =
    [Elem::Bool, Elem::u(8), Elem::i(8), Elem::u(9), Elem::i(16), Elem::u(32), Elem::i(32), Elem::u(64), Elem::i(64)];

pub fn program(seed: u64) -> (Circuit, Vec<Column>) {
    let mut g = Gen { b: Builder::new(Level::Program), r: Rng::new(seed), pool: vec![], depth: 0 };
    let parties = [g.b.party("A", None), g.b.party("B", None), g.b.party("C", None)];
    let mut inputs = vec![];
    for k in 0..4 + g.r.below(3) {
        let e = ELEMS[g.r.below(9) as usize];
        let n = 1 + g.r.below(6);
        let party = (k != 3).then(|| parties[g.r.below(3) as usize]);
        let w = g.b.input(party, &format!("x{k}"), e, n);
        let mut c = Column::with_capacity(e, 0);
        for _ in 0..n {
            let v = match g.r.below(4) {
                0 => g.r.below(3).into(),
                1 => e.mask() - u128::from(g.r.below(2)),
                _ => g.r.wide(),
            };
            c.push(v & e.mask());
        }
        inputs.push(c);
        let w = if party.is_some() { g.b.share(w).unwrap() } else { w };
        g.pool.push(w);
    }
    let steps = 6 + g.r.below(18);
    for _ in 0..steps {
        g.step();
    }
    // Everything that is secret and late in the pool is shown, to all or to one.
    let mut shown = 0;
    for k in (0..g.pool.len()).rev() {
        let w = g.pool[k];
        let t = g.b.ty(w).clone();
        let name = format!("r{k}");
        if t.domain == Domain::Secret && shown < 6 {
            shown += 1;
            let to = if g.r.one_in(3) { Some(PartyId(g.r.below(3) as u32)) } else { None };
            let o = g.b.reveal(w, to.map_or(Recipient::All, Recipient::Party)).unwrap();
            g.b.output(to, &name, o);
        }
    }
    (g.b.finish(), inputs)
}

impl Gen {
    fn pick(&mut self) -> WireId {
        let n = self.pool.len() as u64;
        // Later wires more often.
        let k = self.r.below(n).max(self.r.below(n));
        self.pool[k as usize]
    }
    fn lanes(&self, w: WireId) -> u64 {
        self.b.ty(w).len.as_const().unwrap()
    }
    fn secret(&self, w: WireId) -> bool {
        self.b.ty(w).domain == Domain::Secret
    }
    fn elem(&self, w: WireId) -> Elem {
        self.b.ty(w).elem
    }
    /// A wire like `x` in lanes and `e`: an existing one gathered and cast, or a constant.
    fn like(&mut self, n: u64, e: Elem) -> WireId {
        if self.r.one_in(5) {
            let v = match self.r.below(4) {
                0 => 0,
                1 => 1,
                2 => e.mask(),
                _ => self.r.wide() & e.mask(),
            };
            return self.b.constant(v, e, Len::Const(n));
        }
        let w = self.pick();
        let w = self.lanes_of(w, n);
        self.cast_to(w, e)
    }
    fn cast_to(&mut self, w: WireId, e: Elem) -> WireId {
        if self.elem(w) == e { w } else { self.b.cast(w, e).unwrap() }
    }
    fn lanes_of(&mut self, w: WireId, n: u64) -> WireId {
        let m = self.lanes(w);
        if m == n {
            return w;
        }
        let k = self.r.below(m) as i64;
        let index = Index::rem(
            Index::add(Index::mul(Index::Coord(0), Index::Const(1 + k)), Index::Const(k)),
            Index::Const(m as i64),
        );
        self.b.gather(w, Space::rect(&[n as i64]), index, None).unwrap()
    }
    fn step(&mut self) {
        let w = match self.r.below(14) {
            0..=4 => self.bin(),
            5 => self.un(),
            6 => self.select(),
            7 => self.shift(),
            8 | 9 => self.reduce(),
            10 => self.scatter(),
            11 => {
                let e = ELEMS[self.r.below(9) as usize];
                let w = self.pick();
                Some(self.cast_to(w, e))
            }
            12 if self.depth < 2 => return self.region(),
            _ => self.concat(),
        };
        if let Some(w) = w
            && self.lanes(w) <= 24
        {
            self.pool.push(w);
        }
    }
    fn bin(&mut self) -> Option<WireId> {
        let x = self.pick();
        let e = self.elem(x);
        let y = self.like(self.lanes(x), e);
        let ops: &[Bin] = if e == Elem::Bool {
            &[Bin::And, Bin::Or, Bin::Xor, Bin::Eq, Bin::Lt]
        } else {
            &[
                Bin::Add,
                Bin::Sub,
                Bin::Mul,
                Bin::And,
                Bin::Or,
                Bin::Xor,
                Bin::Lt,
                Bin::Lt,
                Bin::Eq,
                Bin::Add,
                Bin::Div,
                Bin::Rem,
            ]
        };
        let op = ops[self.r.below(ops.len() as u64) as usize];
        let division = matches!(op, Bin::Div | Bin::Rem);
        if division && (e.bits() > 16 || !(self.secret(x) || self.secret(y))) {
            return None;
        }
        let (x, y) = if self.r.one_in(3) { (y, x) } else { (x, y) };
        Some(self.b.bin(op, x, y).unwrap())
    }
    fn un(&mut self) -> Option<WireId> {
        let x = self.pick();
        let un = if self.elem(x) == Elem::Bool || self.r.one_in(2) { Un::Not } else { Un::Neg };
        Some(self.b.un(un, x).unwrap())
    }
    fn select(&mut self) -> Option<WireId> {
        let a = self.pick();
        let n = self.lanes(a);
        let b = self.like(n, self.elem(a));
        let c = self.like(n, Elem::Bool);
        Some(self.b.select(c, a, b).unwrap())
    }
    fn shift(&mut self) -> Option<WireId> {
        let x = self.pick();
        if self.elem(x) == Elem::Bool {
            return None;
        }
        let n = self.lanes(x);
        let amount = if self.r.one_in(2) {
            let v = self.r.below(u64::from(self.elem(x).bits()) + 2);
            self.b.constant(v.into(), Elem::u(8), Len::Const(n))
        } else {
            let t: Vec<u128> = (0..n).map(|_| self.r.below(70).into()).collect();
            self.b.gate1_as(Op::Table(t), &[], WireTy::clear(Elem::u(8), n)).unwrap()
        };
        let op = if self.r.one_in(2) { Bin::Shl } else { Bin::Shr };
        Some(self.b.bin(op, x, amount).unwrap())
    }
    fn reduce(&mut self) -> Option<WireId> {
        let x = self.pick();
        let n = self.lanes(x);
        let divisors: Vec<u64> = (1..=n).filter(|g| n.is_multiple_of(*g)).collect();
        let g = divisors[self.r.below(divisors.len() as u64) as usize];
        let group = Len::Const(g);
        let e = self.elem(x);
        if e == Elem::Bool {
            return Some(match self.r.below(4) {
                0 => self.b.reduce(Red::And, x, group).unwrap(),
                1 => self.b.reduce(Red::Or, x, group).unwrap(),
                2 => self.b.reduce(Red::Xor, x, group).unwrap(),
                _ => self.b.count(x, group, Elem::u(32)).unwrap(),
            });
        }
        Some(match self.r.below(8) {
            0 => self.b.reduce(Red::Mul, x, group).unwrap(),
            1 => self.b.reduce(Red::Min, x, group).unwrap(),
            2 => self.b.reduce(Red::Max, x, group).unwrap(),
            3 => self.b.reduce(Red::Xor, x, group).unwrap(),
            4 => {
                let y = self.like(n, e);
                self.b.gate1(Op::Dot { group }, &[x, y]).unwrap()
            }
            5 if self.secret(x) => {
                let space = self.b.space(Space::rect(&[n as i64]));
                let want = WireTy::clear(Elem::u(16), n);
                let iota = self.b.gate1_as(Op::Iota { space, index: Index::Coord(0) }, &[], want).unwrap();
                let other = self.like(n, Elem::i(8));
                let max = self.r.one_in(2);
                let r = self.b.gate(Op::ArgReduce { max, group }, &[x, iota, other]).unwrap();
                self.pool.push(r[1]);
                self.pool.push(r[2]);
                r[0]
            }
            6 => {
                // A sum under a condition.
                let zero = self.b.constant(0, e, Len::Const(n));
                let c = self.like(n, Elem::Bool);
                let s = if self.r.one_in(2) { self.b.select(c, x, zero) } else { self.b.select(c, zero, x) };
                self.b.reduce(Red::Add, s.unwrap(), group).unwrap()
            }
            _ => self.b.reduce(Red::Add, x, group).unwrap(),
        })
    }
    fn scatter(&mut self) -> Option<WireId> {
        let base = self.pick();
        let n = self.lanes(base);
        let m = 1 + self.r.below(n);
        let v = self.like(m, self.elem(base));
        let space = self.b.space(Space::rect(&[m as i64]));
        let index =
            if self.r.one_in(2) { Index::Coord(0) } else { Index::sub(Index::Const(n as i64 - 1), Index::Coord(0)) };
        Some(self.b.gate1(Op::Scatter { space, index }, &[base, v]).unwrap())
    }
    fn concat(&mut self) -> Option<WireId> {
        let x = self.pick();
        let n = 1 + self.r.below(3);
        let y = self.like(n, self.elem(x));
        Some(self.b.gate1(Op::Concat, &[x, y]).unwrap())
    }
    /// A loop, a branch, or a triangular loop over slices.
    fn region(&mut self) {
        let carried: Vec<WireId> = (0..1 + self.r.below(2)).map(|_| self.pick()).collect();
        let tys: Vec<WireTy> =
            carried.iter().map(|w| WireTy { domain: Domain::Secret, ..self.b.ty(*w).clone() }).collect();
        let kind = self.r.below(3);
        let outer = self.pool.clone();
        self.depth += 1;
        match kind {
            0 | 1 => {
                let trips = 1 + self.r.below(3) as i64;
                let var = self.b.loop_var();
                let (body, params) = self.b.begin(&tys);
                self.pool.extend(&params);
                // Something that depends on the turn: a slice of growing length, summed.
                if kind == 1 {
                    let x = self.pick();
                    if self.lanes(x) >= 3 && self.elem(x) != Elem::Bool && self.secret(x) {
                        let space = self.b.space(Space {
                            dims: vec![SpaceDim::range(
                                Index::Const(0),
                                Index::bin(IndexOp::Min, Index::Var(var), Index::Const(3)),
                            )],
                            guard: None,
                        });
                        let len = Len::Space { space, max: 3 };
                        let want = WireTy { len: len.clone(), ..self.b.ty(x).clone() };
                        let s = self.b.gate1_as(Op::Gather { space, index: Index::Coord(0) }, &[x], want).unwrap();
                        let y = self.b.bin(Bin::Add, s, s).unwrap();
                        let red = [Red::Add, Red::Min, Red::Max, Red::Or][self.r.below(4) as usize];
                        let want = WireTy { len: Len::Const(1), ..self.b.ty(x).clone() };
                        let r = self.b.gate1_as(Op::Reduce { red, group: len }, &[y], want).unwrap();
                        self.pool.push(r);
                    }
                }
                for _ in 0..2 + self.r.below(4) {
                    self.step();
                }
                let results: Vec<WireId> = tys.iter().map(|t| self.like(t.len.as_const().unwrap(), t.elem)).collect();
                self.b.end(results);
                self.pool = outer;
                let op = Op::Loop { var, lo: Index::Const(0), hi: Index::Const(trips), step: 1, body };
                let outs = self.b.gate(op, &carried).unwrap();
                self.pool.extend(outs);
            }
            _ => {
                let cond = self.b.constant(self.r.below(2).into(), Elem::Bool, Len::Const(1));
                let mut regions = vec![];
                for _ in 0..2 {
                    let (r, _) = self.b.begin(&[]);
                    for _ in 0..1 + self.r.below(4) {
                        self.step();
                    }
                    let results: Vec<WireId> = tys
                        .iter()
                        .map(|t| {
                            let w = self.like(t.len.as_const().unwrap(), t.elem);
                            // Secret whatever it was: both branches agree.
                            if self.secret(w) {
                                w
                            } else {
                                let s = self.secret_zero(t);
                                self.b.bin(Bin::Xor, w, s).unwrap()
                            }
                        })
                        .collect();
                    self.b.end(results);
                    regions.push(r);
                    self.pool.clone_from(&outer);
                }
                let op = Op::If { then: regions[0], otherwise: regions[1] };
                let outs = self.b.gate(op, &[cond]).unwrap();
                self.pool.extend(outs);
            }
        }
        self.depth -= 1;
    }
    fn secret_zero(&mut self, t: &WireTy) -> WireId {
        let x = self.pool[0];
        let x = self.lanes_of(x, t.len.as_const().unwrap());
        let x = self.cast_to(x, t.elem);
        self.b.bin(Bin::Xor, x, x).unwrap()
    }
}
