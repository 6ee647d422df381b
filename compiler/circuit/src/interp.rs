//! The clear interpreter of both levels: what a circuit means.
//!
//! At gate level a shared wire stands for its value: `arith` for a number mod 2^ring, `bits` for its planes. Deals split by a
//! pseudo-random stream of the seed, so that an adder which is right for one split alone is found out. The product of
//! reference, not of speed; yet all work is in whole columns. Knows no protocol and no network.

mod bits;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use crate::circuit::Circuit;
use crate::clear::{self, ClearError};
use crate::column::Column;
use crate::gate::{Gate, Op, Plane, Red};
use crate::index::{IndexEnv, IndexError};
use crate::infer::check_lens;
use crate::testing::Rng;
use crate::text::MAX_NESTING;
use crate::types::{Domain, Elem, RegionId, SpanId, WireId, WireTy};
use bits::Bits;

/// Runs `at` blocks.
pub trait AtRunner {
    /// Results of block `block` (index into `Circuit::blocks`) on its operands.
    ///
    /// # Errors
    /// A program error of the block, as text.
    fn run(&mut self, block: u32, args: &[Column]) -> Result<Vec<Column>, String>;
}

/// For circuits without `at` blocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBlocks;

impl AtRunner for NoBlocks {
    fn run(&mut self, block: u32, _: &[Column]) -> Result<Vec<Column>, String> {
        Err(format!("nobody runs block {block}"))
    }
}

/// Why a run ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterpError {
    /// The program went wrong at run time: a failed check, a public division by zero, an index out of range.
    Program {
        /// Where.
        span: SpanId,
        /// What.
        what: String,
    },
    /// Inputs that the circuit does not take.
    Inputs(String),
    /// The circuit is not well-formed; a verifier would have said so.
    Circuit(String),
}

impl std::fmt::Display for InterpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            InterpError::Program { what, .. } => f.write_str(what),
            InterpError::Inputs(s) => write!(f, "inputs: {s}"),
            InterpError::Circuit(s) => write!(f, "internal error: {s}"),
        }
    }
}

impl std::error::Error for InterpError {}

#[derive(Clone)]
enum Value {
    /// Clear, local, and secret values; arith ones as unsigned words of the ring.
    Column(Column),
    Bits(Bits),
}

impl Value {
    fn lanes(&self) -> usize {
        match self {
            Value::Column(c) => c.len(),
            Value::Bits(b) => b.lanes,
        }
    }
}

/// Runs a circuit: columns by `Circuit::inputs` order in, by `Circuit::outputs` order out.
///
/// # Errors
/// See [`InterpError`].
pub fn run(circuit: &Circuit, inputs: &[Column], at: &mut dyn AtRunner, seed: u64) -> Result<Vec<Column>, InterpError> {
    if inputs.len() != circuit.inputs.len() {
        return Err(InterpError::Inputs(format!("{} columns for {} leaves", inputs.len(), circuit.inputs.len())));
    }
    for (c, i) in inputs.iter().zip(&circuit.inputs) {
        let word = Column::with_capacity(i.elem, 0).word_bits();
        if c.len() as u64 != i.lanes || c.word_bits() != word {
            return Err(InterpError::Inputs(format!("`{}` is {} × {}, not {c:?}", i.name, i.elem, i.lanes)));
        }
        if (0..c.len()).any(|k| c.get(k) & !i.elem.mask() != 0) {
            return Err(InterpError::Inputs(format!("`{}` has lanes that are no {}", i.name, i.elem)));
        }
    }
    let mut m = Machine {
        c: circuit,
        inputs,
        at,
        seed,
        deals: 0,
        values: vec![None; circuit.wires.len()],
        vars: vec![0; circuit.loop_vars as usize],
        depth: 0,
    };
    m.region(circuit.root)?;
    circuit
        .outputs
        .iter()
        .map(|o| match (&*m.value(o.wire)?, o.kept, circuit.ty(o.wire).domain) {
            (Value::Column(c), Some(e), Domain::Arith { ring }) => Ok(clear::cast(c, Elem::u(ring), e)),
            (Value::Column(c), ..) => Ok(c.clone()),
            (Value::Bits(b), Some(e), _) => Ok(b.column(e)),
            (Value::Bits(_), ..) => Err(InterpError::Circuit("an output is shared".into())),
        })
        .collect()
}

struct Machine<'a> {
    c: &'a Circuit,
    inputs: &'a [Column],
    at: &'a mut dyn AtRunner,
    seed: u64,
    deals: u64,
    values: Vec<Option<Rc<Value>>>,
    vars: Vec<i64>,
    depth: usize,
}

type Res<T> = Result<T, InterpError>;

fn broken<T>(what: impl Into<String>) -> Res<T> {
    Err(InterpError::Circuit(what.into()))
}

impl Machine<'_> {
    fn value(&self, w: WireId) -> Res<Rc<Value>> {
        match self.values.get(w.0 as usize) {
            Some(Some(v)) => Ok(v.clone()),
            _ => broken(format!("%{} is used before it is defined", w.0)),
        }
    }
    fn set(&mut self, w: WireId, v: Rc<Value>) -> Res<()> {
        match self.values.get_mut(w.0 as usize) {
            Some(slot) => {
                *slot = Some(v);
                Ok(())
            }
            None => broken(format!("no wire %{}", w.0)),
        }
    }
    fn all(&self, ws: &[WireId]) -> Res<Vec<Rc<Value>>> {
        ws.iter().map(|w| self.value(*w)).collect()
    }
    fn bind(&mut self, ws: &[WireId], vs: Vec<Rc<Value>>) -> Res<()> {
        if ws.len() != vs.len() {
            return broken(format!("{} values for {} wires", vs.len(), ws.len()));
        }
        for (w, v) in ws.iter().zip(vs) {
            let Some(t) = self.c.wires.get(w.0 as usize) else { return broken("no such wire") };
            let n = t.len.eval(self.c, &self.vars).map_err(|e| InterpError::Circuit(e.to_string()))?;
            if n != v.lanes() as u64 {
                return broken(format!("%{} has {} lanes, not {n}", w.0, v.lanes()));
            }
            self.set(*w, v)?;
        }
        Ok(())
    }

    fn region(&mut self, r: RegionId) -> Res<()> {
        let c = self.c;
        let Some(region) = c.regions.get(r.0 as usize) else { return broken("no such region") };
        self.depth += 1;
        if self.depth > MAX_NESTING {
            return broken("regions nest too deeply");
        }
        for g in &region.gates {
            self.gate(g)?;
        }
        self.depth -= 1;
        Ok(())
    }
    /// A region on arguments.
    fn enter(&mut self, r: RegionId, args: Vec<Rc<Value>>) -> Res<Vec<Rc<Value>>> {
        let c = self.c;
        let Some(region) = c.regions.get(r.0 as usize) else { return broken("no such region") };
        self.bind(&region.params, args)?;
        self.region(r)?;
        self.all(&region.results)
    }
    fn flag(&self, v: &Value) -> Res<bool> {
        match v {
            Value::Column(c) if c.len() == 1 => Ok(c.get(0) & 1 == 1),
            _ => broken("a condition has one lane"),
        }
    }

    fn gate(&mut self, g: &Gate) -> Res<()> {
        let args = self.all(&g.args)?;
        let scalar = |e: IndexError| match e {
            IndexError::DivByZero => InterpError::Program { span: g.span, what: e.to_string() },
            e => InterpError::Circuit(e.to_string()),
        };
        let outs = match &g.op {
            Op::Loop { var, lo, hi, step, body } => {
                let env = IndexEnv { vars: &self.vars };
                let (lo, hi) = (lo.eval_scalar(&env).map_err(scalar)?, hi.eval_scalar(&env).map_err(scalar)?);
                if *step == 0 || self.vars.get(var.0 as usize).is_none() {
                    return broken("a loop without a step or a variable");
                }
                let mut carry = args;
                let mut i = i128::from(lo);
                while if *step > 0 { i < i128::from(hi) } else { i > i128::from(hi) } {
                    self.vars[var.0 as usize] = i as i64;
                    carry = self.enter(*body, carry)?;
                    i += i128::from(*step);
                }
                carry
            }
            Op::If { then, otherwise } => {
                let taken = match args.as_slice() {
                    [c] => self.flag(c)?,
                    _ => return broken("if takes one operand"),
                };
                self.enter(if taken { *then } else { *otherwise }, vec![])?
            }
            Op::While { cond, body } => {
                let mut carry = args;
                let mut turns = 0;
                loop {
                    let go = self.enter(*cond, carry.clone())?;
                    match go.as_slice() {
                        [c] if self.flag(c)? => {
                            if turns == crate::MAX_TURNS {
                                let what = format!("this loop has run {turns} times and does not end");
                                return Err(InterpError::Program { span: g.span, what });
                            }
                            turns += 1;
                            carry = self.enter(*body, carry)?;
                        }
                        [_] => break carry,
                        _ => return broken("a condition gives one result"),
                    }
                }
            }
            Op::Call(r) => self.enter(*r, args)?,
            _ => {
                let tys: Vec<&WireTy> = g.outs.iter().filter_map(|w| self.c.wires.get(w.0 as usize)).collect();
                if tys.len() != g.outs.len() {
                    return broken("no such wire");
                }
                let lens: Vec<u64> = args.iter().map(|v| v.lanes() as u64).collect();
                let mut out_lens = vec![];
                for t in &tys {
                    out_lens.push(t.len.eval(self.c, &self.vars).map_err(scalar)?);
                }
                check_lens(self.c, &g.op, &lens, &out_lens, &self.vars)
                    .or_else(|e| broken(format!("{}: {e}", g.op.name())))?;
                let outs = self.plain(g, &args, &tys, &out_lens).map_err(|e| match e {
                    Fail::Clear(ClearError::Lanes) => InterpError::Circuit(format!("{}: words differ", g.op.name())),
                    Fail::Clear(e) => InterpError::Program { span: g.span, what: e.to_string() },
                    Fail::Program(what) => InterpError::Program { span: g.span, what },
                    Fail::Broken(what) => InterpError::Circuit(format!("{}: {what}", g.op.name())),
                })?;
                outs.into_iter().map(Rc::new).collect()
            }
        };
        self.bind(&g.outs, outs)
    }

    fn plain(&mut self, g: &Gate, args: &[Rc<Value>], tys: &[&WireTy], lens: &[u64]) -> Result<Vec<Value>, Fail> {
        let c = self.c;
        let arg_ty = |k: usize| {
            g.args.get(k).and_then(|w| c.wires.get(w.0 as usize)).ok_or(Fail::Broken("too few operands".into()))
        };
        let arg = |k: usize| args.get(k).map(|v| &**v).ok_or(Fail::Broken("too few operands".into()));
        let col = |k: usize| match arg(k)? {
            Value::Column(c) => Ok(c),
            Value::Bits(_) => Err(Fail::Broken("takes no bits".into())),
        };
        let planes = |k: usize| match arg(k)? {
            Value::Bits(b) => Ok(b),
            Value::Column(_) => Err(Fail::Broken("takes bits".into())),
        };
        // The element that a column's words have: of an arith wire, the ring.
        let words = |t: &WireTy| match t.domain {
            Domain::Arith { ring } => Elem::u(ring),
            _ => t.elem,
        };
        let out = || tys.first().copied().ok_or(Fail::Broken("gives a result".into()));
        let n = lens.first().copied().unwrap_or(0) as usize;
        let one = |c: Column| Ok(vec![Value::Column(c)]);
        // A clear operand beside an arith one.
        let ring_col = |k: usize, ring: u8| -> Result<Column, Fail> {
            Ok(match arg_ty(k)?.domain {
                Domain::Arith { .. } => col(k)?.clone(),
                _ => clear::cast(col(k)?, arg_ty(k)?.elem, Elem::u(ring)),
            })
        };
        let ring_of = |t: &WireTy| match t.domain {
            Domain::Arith { ring } => Ok(ring),
            _ => Err(Fail::Broken("gives arith".into())),
        };
        match &g.op {
            Op::Const(v) => one(clear::constant(*v, out()?.elem, n)),
            Op::Table(t) => one(clear::from_lanes(out()?.elem, t.iter().copied())),
            Op::Iota { space, index } => {
                let space = c.spaces.get(space.0 as usize).ok_or(IndexError::NoSpace)?;
                one(clear::iota(space, index, &self.vars, out()?.elem)?)
            }
            Op::Input(k) => {
                let column = self.inputs.get(*k as usize).ok_or(Fail::Broken("no such input".into()))?;
                match out()?.domain {
                    Domain::Arith { ring } => one(self.unreduced(column, out()?.elem, ring)),
                    Domain::Bits { planes } => Ok(vec![Value::Bits(Bits::of(column, out()?.elem, planes.into()))]),
                    _ => one(column.clone()),
                }
            }
            Op::At { block, .. } => {
                let cols = (0..args.len()).map(|k| col(k).cloned()).collect::<Result<Vec<_>, _>>()?;
                let outs = self.at.run(*block, &cols).map_err(Fail::Program)?;
                Ok(outs.into_iter().map(Value::Column).collect())
            }
            Op::Random(_) => {
                let t = out()?;
                let mut drawn = Column::with_capacity(t.elem, n);
                let words = self.random(Elem::u(128), n);
                (0..n).for_each(|l| drawn.push(words.get(l) & t.elem.mask()));
                match t.domain {
                    // Bits above the element's are whatever they are.
                    Domain::Arith { ring } => one(self.unreduced(&drawn, t.elem, ring)),
                    Domain::Bits { planes } => Ok(vec![Value::Bits(Bits::of(&drawn, t.elem, planes.into()))]),
                    _ => one(drawn),
                }
            }
            Op::Share(_) => one(clear::cast(col(0)?, arg_ty(0)?.elem, out()?.elem)),
            Op::Reveal { .. } => one(col(0)?.clone()),
            Op::Un(un) => one(clear::un(*un, col(0)?, arg_ty(0)?.elem, out()?.elem)),
            Op::Bin(bin) => {
                let total = out()?.domain != Domain::Clear;
                one(clear::bin(*bin, col(0)?, col(1)?, arg_ty(0)?.elem, arg_ty(1)?.elem, total)?)
            }
            Op::Select => one(clear::select(col(0)?, col(1)?, col(2)?)?),
            Op::Net(k) => {
                let table = c.nets.get(*k as usize).ok_or(Fail::Broken("no such net".into()))?;
                let cols = (0..args.len()).map(col).collect::<Result<Vec<_>, _>>()?;
                Ok(clear::net(table, &cols, n)?.into_iter().map(Value::Column).collect())
            }
            Op::Gather { space, index } => {
                let space = c.spaces.get(space.0 as usize).ok_or(IndexError::NoSpace)?;
                let at = clear::indices(space, index, &self.vars)?;
                take(arg(0)?, &at)
            }
            Op::GatherAt => take(arg(0)?, &clear::as_indices(col(1)?, arg_ty(1)?.elem)),
            Op::Scatter { space, index } => {
                let space = c.spaces.get(space.0 as usize).ok_or(IndexError::NoSpace)?;
                let at = clear::indices(space, index, &self.vars)?;
                put(arg(0)?, arg(1)?, &at)
            }
            Op::ScatterAt => put(arg(0)?, arg(1)?, &clear::as_indices(col(2)?, arg_ty(2)?.elem)),
            Op::Concat => match arg(0)? {
                Value::Column(_) => {
                    let cols = (0..args.len()).map(col).collect::<Result<Vec<_>, _>>()?;
                    one(clear::concat(&cols)?)
                }
                Value::Bits(_) => {
                    let parts = (0..args.len()).map(planes).collect::<Result<Vec<_>, _>>()?;
                    Ok(vec![Value::Bits(Bits::concat(&parts))])
                }
            },
            Op::Reduce { red, group } => {
                let group = group.eval(c, &self.vars)? as usize;
                let (from, to) = (words(arg_ty(0)?), words(out()?));
                let to = if *red == Red::Count { to } else { from };
                one(clear::reduce(*red, col(0)?, from, to, group, n)?)
            }
            Op::ArgReduce { max, group } => {
                let group = group.eval(c, &self.vars)? as usize;
                let at = clear::arg_reduce(col(0)?, arg_ty(0)?.elem, *max, group)?;
                (0..args.len()).map(|k| Ok(Value::Column(clear::take(col(k)?, &at)?))).collect()
            }
            Op::Dot { group } => {
                let group = group.eval(c, &self.vars)? as usize;
                one(clear::dot(col(0)?, col(1)?, words(arg_ty(0)?), group, n)?)
            }
            Op::MatMul { m, k, n: cols } => {
                let dims = (*m as usize, *k as usize, *cols as usize);
                let batch = [(n, dims.0 * dims.2), (col(0)?.len(), dims.0 * dims.1), (col(1)?.len(), dims.1 * dims.2)]
                    .iter()
                    .find_map(|(l, s)| l.checked_div(*s))
                    .unwrap_or(0);
                one(clear::matmul(col(0)?, col(1)?, words(arg_ty(0)?), dims, batch)?)
            }
            Op::InputShare(_) | Op::Lift => match out()?.domain {
                Domain::Arith { ring } => one(ring_col(0, ring)?),
                Domain::Bits { planes } => Ok(vec![Value::Bits(Bits::of(col(0)?, arg_ty(0)?.elem, planes.into()))]),
                _ => Err(Fail::Broken("gives a shared wire".into())),
            },
            Op::ArithAdd | Op::ArithSub | Op::ArithScale | Op::ArithMul => {
                let ring = ring_of(out()?)?;
                let e = Elem::u(ring);
                let x = ring_col(0, ring)?;
                if args.len() == 1 {
                    return one(clear::un(crate::Un::Neg, &x, e, e));
                }
                let op = match g.op {
                    Op::ArithAdd => crate::Bin::Add,
                    Op::ArithSub => crate::Bin::Sub,
                    _ => crate::Bin::Mul,
                };
                one(clear::bin(op, &x, &ring_col(1, ring)?, e, e, true)?)
            }
            Op::ArithTrunc => one(clear::cast(col(0)?, words(arg_ty(0)?), Elem::u(ring_of(out()?)?))),
            Op::BitsXor | Op::BitsAnd | Op::BitsMask => {
                let x = planes(0)?;
                let y = match arg(1)? {
                    Value::Bits(b) => b.clone(),
                    Value::Column(m) if g.op == Op::BitsMask && arg_ty(1)?.elem == Elem::Bool => {
                        Bits::of(m, Elem::Bool, 1).repeated(x.planes.len())
                    }
                    Value::Column(m) => Bits::of(m, arg_ty(1)?.elem, x.planes.len()),
                };
                Ok(vec![Value::Bits(x.zip(&y, |a, b| if g.op == Op::BitsXor { a ^ b } else { a & b }))])
            }
            Op::BitsNot => Ok(vec![Value::Bits(planes(0)?.not())]),
            Op::Planes(list) => {
                let mut picked = vec![];
                for p in list {
                    picked.push(match p {
                        Plane::Zero => Bits::plane(n, false),
                        Plane::One => Bits::plane(n, true),
                        Plane::Of { arg, plane } => planes(*arg as usize)?
                            .planes
                            .get(*plane as usize)
                            .cloned()
                            .ok_or(Fail::Broken("no such plane".into()))?,
                    });
                }
                Ok(vec![Value::Bits(Bits { lanes: n, planes: picked })])
            }
            Op::A2bDeal { neg } => {
                let Domain::Bits { planes: p } = out()?.domain else {
                    return Err(Fail::Broken("gives bits".into()));
                };
                let e = Elem::u(p.min(128));
                let x = clear::cast(col(0)?, words(arg_ty(0)?), e);
                let u = self.random(e, n);
                let v = if *neg { (&u, &x) } else { (&x, &u) };
                let v = clear::bin(crate::Bin::Sub, v.0, v.1, e, e, true)?;
                Ok(vec![Value::Bits(Bits::of(&u, e, p.into())), Value::Bits(Bits::of(&v, e, p.into()))])
            }
            Op::B2aDeal => {
                let ring = Elem::u(ring_of(out()?)?);
                let b = planes(0)?.column(Elem::Bool);
                let u = self.random(Elem::Bool, n);
                let v = clear::bin(crate::Bin::Xor, &b, &u, Elem::Bool, Elem::Bool, true)?;
                let to = |x| Value::Column(clear::cast(x, Elem::Bool, ring));
                Ok(vec![to(&u), to(&v)])
            }
            Op::TruncDeal { places } => {
                let ring = Elem::u(ring_of(out()?)?);
                let x = clear::cast(col(0)?, words(arg_ty(0)?), ring);
                // What is split twice is split alike, as what is shared is.
                let hash = (0..x.len()).fold(self.seed, |h, k| {
                    (h ^ x.get(k) as u64 ^ (x.get(k) >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
                });
                let mut rng = Rng::new(hash);
                let u = clear::from_lanes(ring, (0..n).map(|_| rng.wide() & ring.mask()));
                let v = clear::bin(crate::Bin::Sub, &x, &u, ring, ring, true)?;
                let by = clear::constant(u128::from(*places), Elem::u(8), n);
                let moved = |x: &Column| clear::bin(crate::Bin::Shr, x, &by, ring, Elem::u(8), true);
                Ok(vec![Value::Column(moved(&u)?), Value::Column(moved(&v)?)])
            }
            Op::Open { .. } => match arg(0)? {
                Value::Bits(b) => one(b.column(out()?.elem)),
                Value::Column(x) => one(clear::cast(x, words(arg_ty(0)?), out()?.elem)),
            },
            Op::Check { what } => {
                let bad = |c: &Column| (0..c.len()).any(|k| c.get(k) & 1 == 0);
                if bad(col(0)?) { Err(Fail::Program(what.clone())) } else { Ok(vec![]) }
            }
            Op::Loop { .. } | Op::If { .. } | Op::While { .. } | Op::Call(_) => {
                Err(Fail::Broken("a region gate is no plain gate".into()))
            }
        }
    }

    /// What was kept, in a ring: nobody may count on the bits above those of its type.
    fn unreduced(&mut self, c: &Column, e: Elem, ring: u8) -> Column {
        let mut out = self.random(Elem::u(ring), c.len());
        (0..c.len()).for_each(|l| out.set(l, out.get(l) & !e.mask() | c.get(l)));
        out
    }

    fn random(&mut self, e: Elem, n: usize) -> Column {
        self.deals += 1;
        let mut rng = Rng::new(self.seed ^ self.deals.wrapping_mul(0xd134_2543_de82_ef95));
        clear::from_lanes(e, (0..n).map(|_| if e.bits() > 64 { rng.wide() } else { rng.next().into() }))
    }
}

fn take(x: &Value, at: &[i64]) -> Result<Vec<Value>, Fail> {
    Ok(vec![match x {
        Value::Column(c) => Value::Column(clear::take(c, at)?),
        Value::Bits(b) => Value::Bits(b.take(at)?),
    }])
}

fn put(base: &Value, values: &Value, at: &[i64]) -> Result<Vec<Value>, Fail> {
    Ok(vec![match (base, values) {
        (Value::Column(b), Value::Column(v)) => Value::Column(clear::put(b, v, at)?),
        (Value::Bits(b), Value::Bits(v)) => Value::Bits(b.put(v, at)?),
        _ => return Err(Fail::Broken("domains differ".into())),
    }])
}

enum Fail {
    Clear(ClearError),
    Program(String),
    Broken(String),
}

impl From<ClearError> for Fail {
    fn from(e: ClearError) -> Fail {
        Fail::Clear(e)
    }
}

impl From<IndexError> for Fail {
    fn from(e: IndexError) -> Fail {
        Fail::Clear(e.into())
    }
}
