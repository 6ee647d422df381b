//! A program as one boolean circuit, unrolled: what `--emit bristol` writes.
//!
//! Walks the program level with every lane a word of bits of a netlist; constants fold on the way, so that public work
//! before and after the secret part costs no gates where it needs none. Adders and comparators ripple, and dividers and
//! multipliers are those of fewest ANDs. Knows no protocol: sharing and revealing move bits. What only a run can decide
//! (loops on revealed values, `at` blocks) has no circuit.

use crate::error::{Error, Result, internal};
use crate::gates::{divide, multiply, net};
use circuit::{Bin, Circuit, Elem, Gate, Index, IndexEnv, Len, Op, Red, RegionId, Un, WireId, clear};
use netlist::bristol::File;
use netlist::{Bit, Builder};
use std::rc::Rc;

/// Most gates that an unrolled circuit may have.
pub const MAX_GATES: usize = 1 << 24;

/// Lanes, each a word of bits.
type Lanes = Rc<Vec<Vec<Bit>>>;

struct Walk<'a> {
    c: &'a Circuit,
    b: Builder,
    inputs: Vec<Bit>,
    /// First bit of each input leaf that a party brings.
    first: Vec<usize>,
    values: Vec<Option<Lanes>>,
    vars: Vec<i64>,
}

/// The circuit of a program: an input value per leaf that a party brings, an output value per leaf of the result, lane by
/// lane, least significant bits first.
///
/// # Errors
/// [`Error::Unsupported`] for programs without one, or with more than [`MAX_GATES`] gates.
pub fn export(c: &Circuit) -> Result<File> {
    let mut widths = vec![];
    let mut first = vec![];
    let mut total = 0usize;
    for i in &c.inputs {
        first.push(total);
        if i.party.is_some() || i.kept {
            let n = usize::try_from(i.lanes).unwrap_or(usize::MAX).saturating_mul(usize::from(i.elem.bits()));
            widths.push(n);
            total = total.saturating_add(n);
        }
    }
    if total > netlist::bristol::MAX_INPUT_BITS {
        return Err(too_large(Default::default()));
    }
    let (b, inputs) = Builder::new(total);
    let values = vec![None; c.wires.len()];
    let mut w = Walk { c, b, inputs, first, values, vars: vec![0; c.loop_vars as usize] };
    w.region(c.root)?;
    let mut bits = vec![];
    let mut outputs = vec![];
    for o in &c.outputs {
        let lanes = w.get(o.wire)?;
        outputs.push(lanes.iter().map(Vec::len).sum());
        bits.extend(lanes.iter().flatten().copied());
    }
    Ok(File { net: w.b.finish(bits), inputs: widths, outputs })
}

fn too_large(span: circuit::SpanId) -> Error {
    Error::Unsupported {
        what: format!("a circuit of more than {MAX_GATES} gates, or of as many inputs, written out"),
        span,
    }
}

fn word(v: u128, e: Elem) -> Vec<Bit> {
    (0..e.bits()).map(|i| Bit::constant(v >> i & 1 == 1)).collect()
}

/// The number that constant bits are.
fn number(w: &[Bit]) -> Option<u128> {
    w.iter().enumerate().try_fold(0u128, |v, (i, b)| match *b {
        Bit::ZERO => Some(v),
        Bit::ONE => Some(v | 1 << i),
        _ => None,
    })
}

impl Walk<'_> {
    fn get(&self, w: WireId) -> Result<Lanes> {
        match self.values.get(w.0 as usize) {
            Some(Some(v)) => Ok(v.clone()),
            _ => internal(format!("wire {} is used before it is built", w.0)),
        }
    }
    fn put(&mut self, w: WireId, v: Vec<Vec<Bit>>) {
        self.values[w.0 as usize] = Some(v.into());
    }
    fn index(&self, i: &Index) -> Result<i64> {
        i.eval_scalar(&IndexEnv { vars: &self.vars }).map_err(|e| Error::Internal(format!("a bound: {e}")))
    }
    fn len(&self, l: &Len) -> Result<usize> {
        let n = l.eval(self.c, &self.vars).map_err(|e| Error::Internal(format!("a length: {e}")))?;
        usize::try_from(n).map_err(|_| too_large(Default::default()))
    }

    fn region(&mut self, r: RegionId) -> Result<Vec<Lanes>> {
        let c = self.c;
        for g in &c.region(r).gates {
            self.gate(g)?;
            if self.b.size() > MAX_GATES {
                return Err(too_large(g.span));
            }
        }
        c.region(r).results.iter().map(|w| self.get(*w)).collect()
    }

    fn gate(&mut self, g: &Gate) -> Result<()> {
        let c = self.c;
        let no =
            |what: &str| Err(Error::Unsupported { what: format!("{what} in a circuit written out"), span: g.span });
        let args = g.args.iter().map(|a| self.get(*a)).collect::<Result<Vec<_>>>()?;
        let elem = |w: WireId| c.ty(w).elem;
        match &g.op {
            Op::Loop { var, lo, hi, step, body } => {
                let (lo, hi) = (self.index(lo)?, self.index(hi)?);
                let mut carried = args;
                let mut i = lo;
                while (*step > 0 && i < hi) || (*step < 0 && i > hi) {
                    self.vars[var.0 as usize] = i;
                    for (p, v) in c.region(*body).params.iter().zip(carried) {
                        self.values[p.0 as usize] = Some(v);
                    }
                    carried = self.region(*body)?;
                    i = i.saturating_add(*step);
                }
                for (o, v) in g.outs.iter().zip(carried) {
                    self.values[o.0 as usize] = Some(v);
                }
                return Ok(());
            }
            Op::Call(r) => {
                for (p, v) in c.region(*r).params.iter().zip(args) {
                    self.values[p.0 as usize] = Some(v);
                }
                let results = self.region(*r)?;
                for (o, v) in g.outs.iter().zip(results) {
                    self.values[o.0 as usize] = Some(v);
                }
                return Ok(());
            }
            Op::If { .. } | Op::While { .. } => return no("control flow on values that only the run knows"),
            Op::At { .. } => return no("an `at` block"),
            Op::Check { .. } => return no("a check of the run"),
            _ => {}
        }
        let Some(&out) = g.outs.first() else { return Ok(()) };
        let (e, n) = (elem(out), self.len(&c.ty(out).len)?);
        if n.saturating_mul(usize::from(e.bits())) > MAX_GATES {
            return Err(too_large(g.span));
        }
        let made: Vec<Vec<Bit>> = match &g.op {
            Op::Const(v) => vec![word(*v, e); n],
            Op::Table(t) => t.iter().map(|v| word(*v, e)).collect(),
            Op::Iota { space, index } => {
                let space = &c.spaces[space.0 as usize];
                let col = clear::iota(space, index, &self.vars, e).map_err(|x| Error::Internal(x.to_string()))?;
                (0..col.len()).map(|k| word(col.get(k), e)).collect()
            }
            Op::Input(k) => {
                let first = self.first[*k as usize];
                if c.inputs[*k as usize].party.is_none() && !c.inputs[*k as usize].kept {
                    return internal("a public parameter that is no constant");
                }
                let width = usize::from(e.bits());
                (0..n).map(|l| self.inputs[first + l * width..first + (l + 1) * width].to_vec()).collect()
            }
            Op::Share(_) => args[0].iter().map(|x| x[..usize::from(e.bits()).min(x.len())].to_vec()).collect(),
            Op::Reveal { .. } => args[0].to_vec(),
            Op::Un(un) => args[0].iter().map(|x| self.unary(*un, x, elem(g.args[0]), e)).collect(),
            Op::Bin(bin) => {
                let (of, amount) = (elem(g.args[0]), elem(g.args[1]));
                let mut made = vec![];
                for (x, y) in args[0].iter().zip(args[1].iter()) {
                    made.push(self.binary(*bin, x, y, of, amount));
                }
                made
            }
            Op::Select => (0..n).map(|l| self.select(args[0][l][0], &args[1][l], &args[2][l])).collect(),
            Op::Net(k) => {
                let table = &c.nets[*k as usize];
                let mut all: Vec<Vec<Vec<Bit>>> = vec![vec![]; g.outs.len()];
                for l in 0..n {
                    let bits: Vec<Bit> = args.iter().flat_map(|a| a[l].iter().copied()).collect();
                    let mut got = net::copy(&mut self.b, &table.net, &bits).into_iter();
                    for (o, e) in all.iter_mut().zip(&table.outputs) {
                        o.push(got.by_ref().take(usize::from(e.bits())).collect());
                    }
                }
                for (o, v) in g.outs.iter().zip(all) {
                    self.put(*o, v);
                }
                return Ok(());
            }
            Op::Gather { space, index } => {
                let at = self.places(*space, index, g)?;
                at.into_iter().map(|k| lane(&args[0], k, g)).collect::<Result<_>>()?
            }
            Op::Scatter { space, index } => {
                let at = self.places(*space, index, g)?;
                scatter(&args[0], &args[1], &at, g)?
            }
            Op::GatherAt | Op::ScatterAt => {
                let list = &args[args.len() - 1];
                let Some(at) =
                    list.iter().map(|w| number(w).and_then(|v| usize::try_from(v).ok())).collect::<Option<Vec<_>>>()
                else {
                    return no("an index that only the run knows");
                };
                if g.op == Op::GatherAt {
                    at.into_iter().map(|k| lane(&args[0], k, g)).collect::<Result<_>>()?
                } else {
                    scatter(&args[0], &args[1], &at, g)?
                }
            }
            Op::Concat => args.iter().flat_map(|a| a.iter().cloned()).collect(),
            Op::Reduce { red, group } => {
                let size = self.len(group)?;
                (0..n).map(|k| self.reduce(*red, &args[0][k * size..(k + 1) * size], elem(g.args[0]), e)).collect()
            }
            Op::ArgReduce { max, group } => {
                let size = self.len(group)?;
                let signed = elem(g.args[0]).signed();
                let mut all: Vec<Vec<Vec<Bit>>> = vec![vec![]; g.outs.len()];
                for k in 0..n {
                    let mut best: Vec<Vec<Bit>> = args.iter().map(|a| a[k * size].clone()).collect();
                    for l in k * size + 1..(k + 1) * size {
                        let (x, y) = (args[0][l].clone(), best[0].clone());
                        let better = if *max { self.less(&y, &x, signed) } else { self.less(&x, &y, signed) };
                        for (b, a) in best.iter_mut().zip(&args) {
                            *b = self.select(better, &a[l], b);
                        }
                    }
                    all.iter_mut().zip(best).for_each(|(o, b)| o.push(b));
                }
                for (o, v) in g.outs.iter().zip(all) {
                    self.put(*o, v);
                }
                return Ok(());
            }
            Op::Dot { group } => {
                let size = self.len(group)?;
                (0..n).map(|k| self.dot((k * size..(k + 1) * size).map(|l| (&args[0][l], &args[1][l])), e)).collect()
            }
            Op::MatMul { m, k, n: cols } => {
                let (m, k, cols) = (*m as usize, *k as usize, *cols as usize);
                let batch = n.checked_div(m * cols).unwrap_or(0);
                let mut made = vec![];
                for t in 0..batch {
                    for i in 0..m {
                        for j in 0..cols {
                            let pairs =
                                (0..k).map(|l| (&args[0][(t * m + i) * k + l], &args[1][(t * k + l) * cols + j]));
                            made.push(self.dot(pairs, e));
                        }
                    }
                }
                made
            }
            op => return no(&format!("`{}`", op.name())),
        };
        self.put(out, made);
        Ok(())
    }

    fn places(&self, space: circuit::SpaceId, index: &Index, g: &Gate) -> Result<Vec<usize>> {
        let at = clear::indices(&self.c.spaces[space.0 as usize], index, &self.vars)
            .map_err(|e| Error::Internal(format!("{}: {e}", g.op.name())))?;
        at.into_iter().map(|k| usize::try_from(k).map_err(|_| Error::Internal("an index below 0".into()))).collect()
    }
    fn select(&mut self, c: Bit, a: &[Bit], b: &[Bit]) -> Vec<Bit> {
        a.iter().zip(b).map(|(a, b)| self.b.mux(c, *a, *b)).collect()
    }
    fn add(&mut self, x: &[Bit], y: &[Bit], carry: Bit) -> Vec<Bit> {
        let k = x.len();
        let mut carries = net::ripple(&mut self.b, &x[..k - 1], &y[..k - 1], carry);
        carries.push(Bit::ZERO);
        net::sums(&mut self.b, x, y, carry, &carries)
    }
    fn not(x: &[Bit]) -> Vec<Bit> {
        x.iter().map(|b| !*b).collect()
    }
    fn neg(&mut self, x: &[Bit]) -> Vec<Bit> {
        let zero = vec![Bit::ZERO; x.len()];
        self.add(&Self::not(x), &zero, Bit::ONE)
    }
    fn less(&mut self, x: &[Bit], y: &[Bit], signed: bool) -> Bit {
        let (mut nx, mut y) = (Self::not(x), y.to_vec());
        if let (true, Some(p), Some(q)) = (signed, nx.last_mut(), y.last_mut()) {
            (*p, *q) = (!*p, !*q);
        }
        let k = nx.len();
        net::carry_out(&mut self.b, &nx, &y, k)
    }
    fn mul(&mut self, x: &[Bit], y: &[Bit]) -> Vec<Bit> {
        multiply::mul_bits(&mut self.b, x, y, multiply::Style::Array)
    }
    fn dot<'x>(&mut self, pairs: impl Iterator<Item = (&'x Vec<Bit>, &'x Vec<Bit>)>, e: Elem) -> Vec<Bit> {
        let mut sum = word(0, e);
        for (x, y) in pairs {
            let p = self.mul(x, y);
            sum = self.add(&sum, &p, Bit::ZERO);
        }
        sum
    }
    fn unary(&mut self, un: Un, x: &[Bit], from: Elem, to: Elem) -> Vec<Bit> {
        match un {
            Un::Not => Self::not(x),
            Un::Neg => self.neg(x),
            Un::Trunc(k) => {
                let sign = x[x.len() - 1];
                (0..x.len()).map(|i| x.get(i + usize::from(k)).copied().unwrap_or(sign)).collect()
            }
            Un::Cast => {
                let fill = if from.signed() { x[x.len() - 1] } else { Bit::ZERO };
                (0..usize::from(to.bits())).map(|i| x.get(i).copied().unwrap_or(fill)).collect()
            }
        }
    }
    fn each(&mut self, x: &[Bit], y: &[Bit], f: fn(&mut Builder, Bit, Bit) -> Bit) -> Vec<Bit> {
        x.iter().zip(y).map(|(a, b)| f(&mut self.b, *a, *b)).collect()
    }
    fn binary(&mut self, bin: Bin, x: &[Bit], y: &[Bit], e: Elem, amount: Elem) -> Vec<Bit> {
        match bin {
            Bin::Add => self.add(x, y, Bit::ZERO),
            Bin::Sub => self.add(x, &Self::not(y), Bit::ONE),
            Bin::Mul => self.mul(x, y),
            Bin::And => self.each(x, y, Builder::and),
            Bin::Or => self.each(x, y, Builder::or),
            Bin::Xor => self.each(x, y, Builder::xor),
            Bin::Lt => vec![self.less(x, y, e.signed())],
            Bin::Eq => {
                let differ = self.each(x, y, Builder::xor);
                vec![net::all(&mut self.b, Self::not(&differ))]
            }
            Bin::Div => self.divide(x, y, e.signed()).0,
            Bin::Rem => self.divide(x, y, e.signed()).1,
            Bin::Shl | Bin::Shr => self.shift(x, y, bin == Bin::Shl, e.signed(), amount),
        }
    }
    fn divide(&mut self, x: &[Bit], y: &[Bit], signed: bool) -> (Vec<Bit>, Vec<Bit>) {
        if !signed {
            return divide::divide_bits(&mut self.b, x, y, divide::Style::Size);
        }
        let (sx, sy) = (x[x.len() - 1], y[y.len() - 1]);
        let (nx, ny) = (self.neg(x), self.neg(y));
        let (ux, uy) = (self.select(sx, &nx, x), self.select(sy, &ny, y));
        let (q, r) = divide::divide_bits(&mut self.b, &ux, &uy, divide::Style::Size);
        let by_zero = net::all(&mut self.b, Self::not(y));
        let differ = self.b.xor(sx, sy);
        let flip = self.b.and(differ, !by_zero);
        let (nq, nr) = (self.neg(&q), self.neg(&r));
        (self.select(flip, &nq, &q), self.select(sx, &nr, &r))
    }
    fn shift(&mut self, x: &[Bit], by: &[Bit], left: bool, signed: bool, amount: Elem) -> Vec<Bit> {
        let k = x.len();
        let fill = if signed && !left { x[k - 1] } else { Bit::ZERO };
        let moved = |w: &[Bit], n: usize| -> Vec<Bit> {
            let from = |i: usize| if left { i.checked_sub(n) } else { i.checked_add(n) };
            (0..k).map(|i| from(i).and_then(|j| w.get(j)).copied().unwrap_or(fill)).collect()
        };
        let mut w = x.to_vec();
        let mut over = if amount.signed() { by[by.len() - 1] } else { Bit::ZERO };
        for (i, b) in by.iter().enumerate() {
            if i < 8 && 1 << i < k {
                let m = moved(&w, 1 << i);
                w = self.select(*b, &m, &w);
            } else {
                over = self.b.or(over, *b);
            }
        }
        let gone = vec![fill; k];
        self.select(over, &gone, &w)
    }
    fn reduce(&mut self, red: Red, xs: &[Vec<Bit>], from: Elem, to: Elem) -> Vec<Bit> {
        let k = usize::from(from.bits());
        let top = |i: usize| from.signed() && i + 1 == k;
        let start: Vec<Bit> = match red {
            Red::Add | Red::Count => word(0, to),
            Red::Mul => word(1, to),
            Red::And => vec![Bit::ONE; k],
            Red::Or | Red::Xor => vec![Bit::ZERO; k],
            Red::Min => (0..k).map(|i| Bit::constant(!top(i))).collect(),
            Red::Max => (0..k).map(|i| Bit::constant(top(i))).collect(),
        };
        if red == Red::Count {
            let mut columns = vec![vec![]; usize::from(to.bits())];
            columns[0] = xs.iter().map(|x| x[0]).collect();
            let wide = columns.len();
            return net::add_columns(&mut self.b, columns, wide);
        }
        xs.iter().fold(start, |acc, x| match red {
            Red::Add | Red::Count => self.add(&acc, x, Bit::ZERO),
            Red::Mul => self.mul(&acc, x),
            Red::And => acc.iter().zip(x).map(|(a, b)| self.b.and(*a, *b)).collect(),
            Red::Or => acc.iter().zip(x).map(|(a, b)| self.b.or(*a, *b)).collect(),
            Red::Xor => acc.iter().zip(x).map(|(a, b)| self.b.xor(*a, *b)).collect(),
            Red::Min => {
                let c = self.less(x, &acc, from.signed());
                self.select(c, x, &acc)
            }
            Red::Max => {
                let c = self.less(&acc, x, from.signed());
                self.select(c, x, &acc)
            }
        })
    }
}

fn lane(x: &Lanes, k: usize, g: &Gate) -> Result<Vec<Bit>> {
    match x.get(k) {
        Some(w) => Ok(w.clone()),
        None => internal(format!("{}: lane {k} of {}", g.op.name(), x.len())),
    }
}

fn scatter(base: &Lanes, values: &Lanes, at: &[usize], g: &Gate) -> Result<Vec<Vec<Bit>>> {
    let mut made = base.to_vec();
    for (k, v) in at.iter().zip(values.iter()) {
        let Some(slot) = made.get_mut(*k) else { return internal(format!("{}: lane {k}", g.op.name())) };
        slot.clone_from(v);
    }
    Ok(made)
}
