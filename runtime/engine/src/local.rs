//! Gates that send nothing, on one node's values. Knows no rounds.

use std::sync::Arc;

use circuit::clear::{self, ClearError};
use circuit::{Circuit, Column, Domain, Elem, Gate, Op, Plane, Red};
use field::{Ring, bits, ring};
use proto::rep3::{PUBLIC_SLOT, component};

use crate::Fault;
use crate::lanes::Moves;
use crate::value::{Planes, Value, Word, by_ring, each_column, internal, to_planes, to_ring};

/// What local gates see besides their operands.
pub(crate) struct Context<'a> {
    pub circuit: &'a Circuit,
    pub me: usize,
    /// Induction variables.
    pub vars: &'a [i64],
}

/// Takes a value out if nobody else holds it, else copies it.
fn own(v: Arc<Value>) -> Value {
    Arc::try_unwrap(v).unwrap_or_else(|v| v.copy())
}

fn two(args: Vec<Arc<Value>>) -> Result<[Arc<Value>; 2], Fault> {
    <[Arc<Value>; 2]>::try_from(args).map_err(|_| internal("two operands are expected"))
}

fn first(args: Vec<Arc<Value>>) -> Result<Arc<Value>, Fault> {
    args.into_iter().next().ok_or_else(|| internal("an operand is expected"))
}

impl Context<'_> {
    fn elem(&self, w: circuit::WireId) -> Elem {
        self.circuit.ty(w).elem
    }

    fn fault(gate: &Gate, what: impl Into<String>) -> Fault {
        Fault::Program { span: gate.span, what: what.into() }
    }

    /// Runs a local gate. `lanes` are those of its results.
    pub fn run(&self, gate: &Gate, args: Vec<Arc<Value>>, lanes: &[usize]) -> Result<Vec<Value>, Fault> {
        let out = *gate.outs.first().ok_or_else(|| internal(format!("{} without a result", gate.op.name())))?;
        let n = lanes.first().copied().unwrap_or(0);
        if args.iter().any(|a| matches!(**a, Value::Absent(_))) {
            return Ok(lanes.iter().map(|n| Value::Absent(*n)).collect());
        }
        let value = match &gate.op {
            Op::Gather { .. } | Op::GatherAt => self.gather(gate, args, n)?,
            Op::Scatter { .. } | Op::ScatterAt => self.scatter(gate, args)?,
            Op::Concat => concat(args, n)?,
            Op::Lift => {
                let x = first(args)?;
                self.lift(x.known()?, self.elem(gate.args[0]), self.circuit.ty(out).domain)?
            }
            Op::ArithAdd => self.add(gate, args)?,
            Op::ArithSub => self.sub(gate, args)?,
            Op::ArithScale => self.scale(gate, args)?,
            Op::ArithTrunc => {
                let Domain::Arith { ring } = self.circuit.ty(out).domain else {
                    return Err(internal("truncation to no ring"));
                };
                let x = first(args)?;
                let Value::Arith([a, b]) = &*x else { return Err(internal("an arithmetic operand is expected")) };
                let cut = |c: &Column| -> Result<Column, Fault> {
                    by_ring!(ring, T => Ok(T::column(each_column!(c, v => v.iter().map(|x| T::from_u128(Ring::to_u128(*x))).collect()))))
                };
                Value::Arith([cut(a)?, cut(b)?])
            }
            Op::Reduce { red: Red::Add, .. } if matches!(args.first().map(|a| &**a), Some(Value::Arith(_))) => {
                sum(&args[0], n)?
            }
            Op::BitsXor => self.xor(gate, args)?,
            Op::BitsNot => {
                let mut p = match own(first(args)?) {
                    Value::Bits(p) => p,
                    _ => return Err(internal("an operand of bits is expected")),
                };
                if let Some(c) = component(self.me, PUBLIC_SLOT) {
                    bits::not(&mut p.c[c], p.lanes);
                }
                Value::Bits(p)
            }
            Op::BitsMask => self.mask(gate, args)?,
            Op::Planes(list) => self.planes(list, &args, n)?,
            _ => return self.clear(gate, args, lanes),
        };
        Ok(vec![value])
    }

    /// Gates on clear values: the kernels of the circuit's own interpreter.
    fn clear(&self, gate: &Gate, args: Vec<Arc<Value>>, lanes: &[usize]) -> Result<Vec<Value>, Fault> {
        let (ty, n) = (self.circuit.ty(gate.outs[0]), lanes[0]);
        let elem = ty.elem;
        let args: Vec<&Column> = args.iter().map(|a| a.known()).collect::<Result<_, _>>()?;
        let arg = |k: usize| args.get(k).copied().ok_or_else(|| internal("an operand is missing"));
        let of = |k: usize| gate.args.get(k).map_or(elem, |w| self.elem(*w));
        let fail = |e: ClearError| match e {
            ClearError::Lanes => internal(format!("{}: {e}", gate.op.name())),
            _ => Self::fault(gate, e.to_string()),
        };
        let group = |g: &circuit::Len| -> Result<usize, Fault> {
            Ok(g.eval(self.circuit, self.vars).map_err(|e| Self::fault(gate, e.to_string()))? as usize)
        };
        let made = match &gate.op {
            Op::Const(v) => Ok(clear::constant(*v, elem, n)),
            Op::Table(t) => Ok(clear::from_lanes(elem, t.iter().copied())),
            Op::Iota { space, index } => {
                let space = self.circuit.spaces.get(space.0 as usize).ok_or_else(|| internal("an unknown space"))?;
                clear::iota(space, index, self.vars, elem)
            }
            Op::Un(un) => Ok(clear::un(*un, arg(0)?, of(0), elem)),
            // A zero divisor is an error where all nodes see it; on one party's values division is total.
            Op::Bin(bin) => clear::bin(*bin, arg(0)?, arg(1)?, of(0), of(1), ty.domain != Domain::Clear),
            Op::Select => clear::select(arg(0)?, arg(1)?, arg(2)?),
            Op::Reduce { red, group: g } => clear::reduce(*red, arg(0)?, of(0), elem, group(g)?, n),
            Op::Net(k) => {
                let table = self.circuit.nets.get(*k as usize).ok_or_else(|| internal("an unknown net"))?;
                let made = clear::net(table, &args, n).map_err(fail)?;
                return Ok(made.into_iter().map(Value::Known).collect());
            }
            Op::ArgReduce { max, group: g } => {
                let at = clear::arg_reduce(arg(0)?, of(0), *max, group(g)?).map_err(fail)?;
                return args.iter().map(|c| clear::take(c, &at).map(Value::Known).map_err(fail)).collect();
            }
            Op::Dot { group: g } => clear::dot(arg(0)?, arg(1)?, elem, group(g)?, n),
            Op::MatMul { m, k, n: cols } => {
                let batch = n.checked_div((*m * *cols) as usize).unwrap_or(0);
                clear::matmul(arg(0)?, arg(1)?, elem, (*m as usize, *k as usize, *cols as usize), batch)
            }
            other => return Err(internal(format!("{} is not a local gate", other.name()))),
        };
        Ok(vec![Value::Known(made.map_err(fail)?)])
    }

    fn moves(&self, gate: &Gate, clear: Option<&Value>, lanes: usize, bound: usize) -> Result<Moves, Fault> {
        let made = match (&gate.op, clear) {
            (Op::Gather { space, index } | Op::Scatter { space, index }, _) => {
                let space = self.circuit.spaces.get(space.0 as usize).ok_or_else(|| internal("an unknown space"))?;
                Moves::of_index(space, index, self.vars, lanes, bound)
            }
            (_, Some(indices)) => {
                let wire = gate.args.last().ok_or_else(|| internal("indices are expected"))?;
                Moves::of_column(indices.known()?, self.elem(*wire), bound)
            }
            _ => return Err(internal("indices are expected")),
        };
        made.map_err(|what| Self::fault(gate, what))
    }

    fn gather(&self, gate: &Gate, args: Vec<Arc<Value>>, lanes: usize) -> Result<Value, Fault> {
        let x = args.first().ok_or_else(|| internal("an operand is expected"))?;
        let moves = self.moves(gate, args.get(1).map(|a| &**a), lanes, x.lanes())?;
        Ok(match &**x {
            Value::Known(c) => Value::Known(gather_column(&moves, c)),
            Value::Arith([a, b]) => Value::Arith([gather_column(&moves, a), gather_column(&moves, b)]),
            Value::Bits(p) => Value::Bits(Planes {
                count: p.count,
                lanes: moves.len(),
                c: [moves.gather_planes(&p.c[0], p.count, p.lanes), moves.gather_planes(&p.c[1], p.count, p.lanes)],
            }),
            Value::Absent(_) => Value::Absent(lanes),
        })
    }

    fn scatter(&self, gate: &Gate, args: Vec<Arc<Value>>) -> Result<Value, Fault> {
        let mut it = args.into_iter();
        let (Some(base), Some(values)) = (it.next(), it.next()) else {
            return Err(internal("two operands are expected"));
        };
        let moves = self.moves(gate, it.next().as_deref(), values.lanes(), base.lanes())?;
        if moves.len() != values.lanes() {
            return Err(internal("a scatter of another length than its values"));
        }
        // In place where this was the base's last use.
        let mut base = own(base);
        match (&mut base, &*values) {
            (Value::Known(c), Value::Known(v)) => scatter_column(&moves, c, v)?,
            (Value::Arith([a, b]), Value::Arith([va, vb])) => {
                scatter_column(&moves, a, va)?;
                scatter_column(&moves, b, vb)?;
            }
            (Value::Bits(p), Value::Bits(v)) if p.count == v.count => {
                for (c, v) in p.c.iter_mut().zip(&v.c) {
                    moves.scatter_planes(c, v, p.count, p.lanes);
                }
            }
            _ => return Err(internal("base and values differ in form")),
        }
        Ok(base)
    }

    fn lift(&self, x: &Column, elem: Elem, domain: Domain) -> Result<Value, Fault> {
        match domain {
            Domain::Arith { ring } => by_ring!(ring, T => {
                let mut c = [vec![T::default(); x.len()], vec![T::default(); x.len()]];
                if let Some(k) = component(self.me, PUBLIC_SLOT) {
                    c[k] = to_ring(x, elem);
                }
                Ok(Value::Arith(c.map(T::column)))
            }),
            Domain::Bits { planes } => {
                let mut p = Planes::zeros(usize::from(planes), x.len());
                if let Some(k) = component(self.me, PUBLIC_SLOT) {
                    p.c[k] = to_planes(x, elem, p.count);
                }
                Ok(Value::Bits(p))
            }
            _ => Err(internal("what is lifted becomes shared")),
        }
    }

    fn add(&self, gate: &Gate, args: Vec<Arc<Value>>) -> Result<Value, Fault> {
        let [x, y] = two(args)?;
        match (&*x, &*y) {
            (Value::Known(c), Value::Arith(_)) => self.public(c, self.elem(gate.args[0]), y, false, false),
            (Value::Arith(_), Value::Known(c)) => self.public(c, self.elem(gate.args[1]), x, false, false),
            _ => {
                // The sum goes to whichever operand is not needed any more.
                let (mut z, y) = if Arc::strong_count(&x) > 1 { (own(y), x) } else { (own(x), y) };
                combine(&mut z, &y, false)?;
                Ok(z)
            }
        }
    }

    fn sub(&self, gate: &Gate, args: Vec<Arc<Value>>) -> Result<Value, Fault> {
        if args.len() == 1 {
            let mut x = own(first(args)?);
            negate(&mut x)?;
            return Ok(x);
        }
        let [x, y] = two(args)?;
        match (&*x, &*y) {
            (Value::Known(c), Value::Arith(_)) => self.public(c, self.elem(gate.args[0]), y, true, false),
            (Value::Arith(_), Value::Known(c)) => self.public(c, self.elem(gate.args[1]), x, false, true),
            _ => {
                let mut z = own(x);
                combine(&mut z, &y, true)?;
                Ok(z)
            }
        }
    }

    /// Plus or minus shares plus or minus a public value.
    fn public(
        &self,
        c: &Column,
        elem: Elem,
        shares: Arc<Value>,
        neg_shares: bool,
        neg_public: bool,
    ) -> Result<Value, Fault> {
        let mut z = own(shares);
        if neg_shares {
            negate(&mut z)?;
        }
        let Value::Arith(parts) = &mut z else { return Err(internal("an arithmetic operand is expected")) };
        if let Some(k) = component(self.me, PUBLIC_SLOT) {
            by_ring!(parts[k].word_bits(), T => {
                let (add, z): (Vec<T>, _) = (to_ring(c, elem), T::of_mut(&mut parts[k])?);
                if add.len() != z.len() {
                    return Err(internal("operands differ in lanes"));
                }
                for (z, v) in z.iter_mut().zip(add) {
                    *z = if neg_public { Ring::sub(*z, v) } else { Ring::add(*z, v) };
                }
                Ok(())
            })?;
        }
        Ok(z)
    }

    fn scale(&self, gate: &Gate, args: Vec<Arc<Value>>) -> Result<Value, Fault> {
        let [x, y] = two(args)?;
        let (x, c, elem) = match (&*x, &*y) {
            (Value::Arith(_), Value::Known(_)) => (x, y, self.elem(gate.args[1])),
            (Value::Known(_), Value::Arith(_)) => (y, x, self.elem(gate.args[0])),
            _ => return Err(internal("a share and a clear factor are expected")),
        };
        let mut z = own(x);
        let Value::Arith(parts) = &mut z else { return Err(internal("an arithmetic operand is expected")) };
        by_ring!(parts[0].word_bits(), T => {
            let factor: Vec<T> = to_ring(c.known()?, elem);
            for part in parts {
                let z = T::of_mut(part)?;
                if z.len() != factor.len() {
                    return Err(internal("operands differ in lanes"));
                }
                for (z, f) in z.iter_mut().zip(&factor) {
                    *z = Ring::mul(*z, *f);
                }
            }
            Ok(())
        })?;
        Ok(z)
    }

    fn xor(&self, gate: &Gate, args: Vec<Arc<Value>>) -> Result<Value, Fault> {
        let [x, y] = two(args)?;
        let (x, y) = if matches!(*x, Value::Bits(_)) && Arc::strong_count(&x) > 1 && matches!(*y, Value::Bits(_)) {
            (y, x)
        } else {
            (x, y)
        };
        let mut z = own(x);
        let Value::Bits(p) = &mut z else { return Err(internal("an operand of bits is expected")) };
        match &*y {
            Value::Bits(q) if (p.count, p.lanes) == (q.count, q.lanes) => {
                bits::xor_to(&q.c[0], &mut p.c[0]);
                bits::xor_to(&q.c[1], &mut p.c[1]);
            }
            Value::Known(c) if c.len() == p.lanes => {
                if let Some(k) = component(self.me, PUBLIC_SLOT) {
                    bits::xor_to(&to_planes(c, self.elem(gate.args[1]), p.count), &mut p.c[k]);
                }
            }
            _ => return Err(internal("operands differ in planes")),
        }
        Ok(z)
    }

    fn mask(&self, gate: &Gate, args: Vec<Arc<Value>>) -> Result<Value, Fault> {
        let [x, y] = two(args)?;
        let mut z = own(x);
        let Value::Bits(p) = &mut z else { return Err(internal("an operand of bits is expected")) };
        let c = y.known()?;
        if c.len() != p.lanes {
            return Err(internal("operands differ in lanes"));
        }
        let elem = self.elem(gate.args[1]);
        let w = p.stride();
        if elem == Elem::Bool {
            let m = to_planes(c, elem, 1);
            for part in &mut p.c {
                part.chunks_exact_mut(w.max(1)).for_each(|plane| plane.iter_mut().zip(&m).for_each(|(x, m)| *x &= m));
            }
        } else {
            let m = to_planes(c, elem, p.count);
            for part in &mut p.c {
                part.iter_mut().zip(&m).for_each(|(x, m)| *x &= m);
            }
        }
        Ok(z)
    }

    fn planes(&self, list: &[Plane], args: &[Arc<Value>], lanes: usize) -> Result<Value, Fault> {
        let mut out = Planes::zeros(0, lanes);
        out.count = list.len();
        let w = out.stride();
        for (k, part) in out.c.iter_mut().enumerate() {
            *part = field::buffer(list.len() * w);
            for plane in list {
                match plane {
                    Plane::Of { arg, plane } => {
                        let p = args.get(*arg as usize).ok_or_else(|| internal("an operand is missing"))?.bits()?;
                        let at = *plane as usize * w;
                        if p.lanes != lanes || *plane as usize >= p.count {
                            return Err(internal("a plane that the operand does not have"));
                        }
                        part.extend_from_slice(&p.c[k][at..at + w]);
                    }
                    Plane::One if component(self.me, PUBLIC_SLOT) == Some(k) => {
                        let at = part.len();
                        part.resize(at + w, u64::MAX);
                        bits::clear_tails(&mut part[at..], lanes);
                    }
                    Plane::Zero | Plane::One => part.resize(part.len() + w, 0),
                }
            }
        }
        Ok(Value::Bits(out))
    }
}

fn gather_column(m: &Moves, c: &Column) -> Column {
    each_column!(c, v => Word::column(m.gather(v)))
}

fn scatter_column(m: &Moves, base: &mut Column, values: &Column) -> Result<(), Fault> {
    each_column!(values, v => {
        m.scatter(Word::of_mut(base)?, v);
        Ok(())
    })
}

/// z += y, or z -= y.
fn combine(z: &mut Value, y: &Value, minus: bool) -> Result<(), Fault> {
    let (Value::Arith(z), Value::Arith(y)) = (z, y) else { return Err(internal("arithmetic operands are expected")) };
    for (z, y) in z.iter_mut().zip(y) {
        by_ring!(y.word_bits(), T => {
            let (z, y) = (T::of_mut(z)?, T::of(y)?);
            if z.len() != y.len() {
                return Err(internal("operands differ in lanes"));
            }
            if minus {
                z.iter_mut().zip(y).for_each(|(z, y)| *z = Ring::sub(*z, *y));
            } else {
                ring::add_to(y, z);
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn negate(z: &mut Value) -> Result<(), Fault> {
    let Value::Arith(z) = z else { return Err(internal("an arithmetic operand is expected")) };
    for z in z {
        by_ring!(z.word_bits(), T => {
            T::of_mut(z)?.iter_mut().for_each(|z| *z = Ring::sub(T::default(), *z));
            Ok(())
        })?;
    }
    Ok(())
}

/// Sums of equal groups of consecutive lanes, of shares; `n` groups.
fn sum(x: &Value, n: usize) -> Result<Value, Fault> {
    let Value::Arith(parts) = x else { return Err(internal("an arithmetic operand is expected")) };
    let group = x.lanes().checked_div(n).unwrap_or(0);
    let add = |c: &Column| -> Result<Column, Fault> {
        each_column!(c, v => Ok(Word::column(if group == 0 {
            vec![Default::default(); n]
        } else {
            v.chunks_exact(group).map(ring::sum).collect()
        })))
    };
    Ok(Value::Arith([add(&parts[0])?, add(&parts[1])?]))
}

fn concat(args: Vec<Arc<Value>>, lanes: usize) -> Result<Value, Fault> {
    fn join<'a>(parts: impl Iterator<Item = &'a Column> + Clone, lanes: usize) -> Result<Column, Fault> {
        let mut bits = parts.clone().map(Column::word_bits);
        let width = bits.next().ok_or_else(|| internal("an operand is expected"))?;
        by_ring!(width, T => {
            let mut out: Vec<T> = field::buffer(lanes);
            for p in parts {
                out.extend_from_slice(T::of(p)?);
            }
            Ok(T::column(out))
        })
    }
    let form = internal("operands differ in form");
    match args.first().map(|a| &**a) {
        Some(Value::Known(_)) => {
            let parts: Vec<&Column> = args.iter().map(|a| a.known()).collect::<Result<_, _>>()?;
            Ok(Value::Known(join(parts.iter().copied(), lanes)?))
        }
        Some(Value::Arith(_)) => {
            let parts: Vec<&[Column; 2]> = args
                .iter()
                .map(|a| if let Value::Arith(c) = &**a { Ok(c) } else { Err(form.clone()) })
                .collect::<Result<_, _>>()?;
            Ok(Value::Arith([join(parts.iter().map(|p| &p[0]), lanes)?, join(parts.iter().map(|p| &p[1]), lanes)?]))
        }
        Some(Value::Bits(p)) => {
            let count = p.count;
            let mut out = Planes::zeros(count, lanes);
            let dw = out.stride();
            let mut at = 0;
            for a in &args {
                let p = a.bits()?;
                if p.count != count || at + p.lanes > lanes {
                    return Err(form);
                }
                let sw = p.stride();
                for (src, dst) in p.c.iter().zip(&mut out.c) {
                    for k in 0..count {
                        bits::copy(&src[k * sw..(k + 1) * sw], 0, &mut dst[k * dw..(k + 1) * dw], at, p.lanes);
                    }
                }
                at += p.lanes;
            }
            Ok(Value::Bits(out))
        }
        _ => Err(form),
    }
}
