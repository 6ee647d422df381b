//! The end of a batch: how buffers become values when all is computed and all bytes are there, and how lanes of a family's
//! members are picked and put. Knows no messages.

use std::sync::Arc;

use circuit::{Column, Elem};
use field::{bits, ring};

use super::Form;
use crate::Fault;
use crate::value::{Planes, Value, Word, by_ring, column_bits, each_column, from_planes, internal, to_column, zeros};

/// How buffers become values when all bytes are there.
pub(super) enum Finish {
    /// Pairs of buffers are the components of words.
    Words,
    /// Pairs of buffers are the components of planes.
    Planes { count: usize, lanes: usize },
    /// Opened words: buffer 0 holds what came.
    OpenWords { x: Arc<Value>, elem: Elem },
    /// Opened planes.
    OpenPlanes { x: Arc<Value>, elem: Elem },
    /// Not for this node.
    Absent(usize),
    /// Opened to a family: dense lanes of this node's members go to their places.
    OpenFamily { inner: Box<Finish>, runs: Vec<(usize, usize)>, lanes: usize, elem: Elem },
    /// Dense inputs of a family go to their places.
    Spread { runs: [Vec<(usize, usize)>; 3], lanes: usize, form: Form },
}

impl Finish {
    pub fn run(self, buffers: Vec<Column>) -> Result<Vec<Value>, Fault> {
        let mut it = buffers.into_iter();
        match self {
            Finish::Words => {
                let mut out = vec![];
                while let (Some(a), Some(b)) = (it.next(), it.next()) {
                    out.push(Value::Arith([a, b]));
                }
                Ok(out)
            }
            Finish::Planes { count, lanes } => {
                let mut out = vec![];
                while let (Some(a), Some(b)) = (it.next(), it.next()) {
                    out.push(Value::Bits(Planes { count, lanes, c: [plane_words(a)?, plane_words(b)?] }));
                }
                Ok(out)
            }
            Finish::OpenWords { x, elem } => {
                let mut came = it.next().ok_or_else(|| internal("an opening without a buffer"))?;
                let column = by_ring!(came.word_bits() as u16, T => {
                    let [a, b] = x.arith::<T>()?;
                    ring::open(a, b, u32::from(elem.bits()), T::of_mut(&mut came)?);
                    match column_bits(elem) == T::BITS {
                        true => Ok(came),
                        false => to_column::<T>(T::of(&came)?.to_vec(), elem),
                    }
                })?;
                Ok(vec![Value::Known(column)])
            }
            Finish::OpenPlanes { x, elem } => {
                let mut came = plane_words(it.next().ok_or_else(|| internal("an opening without a buffer"))?)?;
                let p = x.bits()?;
                bits::xor_to(&p.c[0][..came.len()], &mut came);
                bits::xor_to(&p.c[1][..came.len()], &mut came);
                Ok(vec![Value::Known(from_planes(&came, elem, p.lanes)?)])
            }
            Finish::Absent(lanes) => Ok(vec![Value::Absent(lanes)]),
            Finish::OpenFamily { inner, runs, lanes, elem } => {
                let mut dense = inner.run(it.collect())?;
                let Some(Value::Known(dense)) = dense.pop() else {
                    return Err(internal("an opening without a result"));
                };
                let mut full = Column::zeros(elem, lanes);
                put(&dense, &runs, &mut full)?;
                Ok(vec![Value::Known(full)])
            }
            Finish::Spread { runs, lanes, form } => {
                let mut parts = runs.iter();
                match form {
                    Form::Ring(bits) => {
                        let mut full = [zeros(bits, lanes)?, zeros(bits, lanes)?];
                        while let (Some(a), Some(b), Some(runs)) = (it.next(), it.next(), parts.next()) {
                            put(&a, runs, &mut full[0])?;
                            put(&b, runs, &mut full[1])?;
                        }
                        Ok(vec![Value::Arith(full)])
                    }
                    Form::Planes(count) => {
                        let mut full = Planes::zeros(count, lanes);
                        while let (Some(a), Some(b), Some(runs)) = (it.next(), it.next(), parts.next()) {
                            let n = runs.iter().map(|r| r.1).sum();
                            let dense = Planes { count, lanes: n, c: [plane_words(a)?, plane_words(b)?] };
                            put_planes(&dense, runs, &mut full);
                        }
                        Ok(vec![Value::Bits(full)])
                    }
                }
            }
        }
    }
}

fn plane_words(c: Column) -> Result<Vec<u64>, Fault> {
    match c {
        Column::U64(v) => Ok(v),
        _ => Err(internal("planes are words of 64 bits")),
    }
}

/// The lanes of some runs.
pub(crate) fn pick(c: &Column, runs: &[(usize, usize)]) -> Column {
    each_column!(c, v => {
        let mut out = Vec::with_capacity(runs.iter().map(|r| r.1).sum());
        runs.iter().for_each(|(lo, n)| out.extend_from_slice(&v[*lo..lo + n]));
        Word::column(out)
    })
}

/// Puts dense lanes at their runs.
fn put(dense: &Column, runs: &[(usize, usize)], full: &mut Column) -> Result<(), Fault> {
    each_column!(dense, v => {
        let full = Word::of_mut(full)?;
        let mut at = 0;
        for (lo, n) in runs {
            full[*lo..lo + n].copy_from_slice(&v[at..at + n]);
            at += n;
        }
        Ok(())
    })
}

/// Puts dense lanes of planes at their runs.
fn put_planes(dense: &Planes, runs: &[(usize, usize)], full: &mut Planes) {
    let (sw, dw) = (dense.stride(), full.stride());
    for (src, dst) in dense.c.iter().zip(&mut full.c) {
        for k in 0..dense.count {
            let mut at = 0;
            for (lo, n) in runs {
                bits::copy(&src[k * sw..(k + 1) * sw], at, &mut dst[k * dw..(k + 1) * dw], *lo, *n);
                at += n;
            }
        }
    }
}

/// The lanes of some runs of shares.
pub(crate) fn select(x: &Value, runs: &[(usize, usize)]) -> Result<Value, Fault> {
    match x {
        Value::Arith([a, b]) => Ok(Value::Arith([pick(a, runs), pick(b, runs)])),
        Value::Bits(p) => {
            let mut out = Planes::zeros(p.count, runs.iter().map(|r| r.1).sum());
            let (sw, dw) = (p.stride(), out.stride());
            for (src, dst) in p.c.iter().zip(&mut out.c) {
                for k in 0..p.count {
                    let mut at = 0;
                    for (lo, n) in runs {
                        bits::copy(&src[k * sw..(k + 1) * sw], *lo, &mut dst[k * dw..(k + 1) * dw], at, *n);
                        at += n;
                    }
                }
            }
            Ok(Value::Bits(out))
        }
        _ => Err(internal("only shares are opened")),
    }
}
