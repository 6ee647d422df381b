//! A normal form for index expressions: polynomials over loop variables and opaque operations.
//!
//! Two address expressions that differ in spelling alone become equal here, so that the dependence tests and the emitter
//! can compare them. Knows index expressions only.

use circuit::index::{Index, IndexOp, Interval, Intervals, LoopVar};
use std::collections::BTreeMap;

/// Sums with more terms than this stay as written.
const MAX_TERMS: usize = 24;

/// A sum of products of atoms (loop variables, coordinates, opaque operations) with coefficients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Poly(pub BTreeMap<Vec<Index>, i64>);

impl Poly {
    fn constant(v: i64) -> Poly {
        let mut p = Poly::default();
        p.put(Vec::new(), v);
        p
    }
    fn put(&mut self, key: Vec<Index>, v: i64) -> Option<()> {
        let sum = self.0.get(&key).copied().unwrap_or(0).checked_add(v)?;
        if sum == 0 {
            self.0.remove(&key);
        } else {
            self.0.insert(key, sum);
        }
        Some(())
    }
    fn add(mut self, o: &Poly, sign: i64) -> Option<Poly> {
        for (k, v) in &o.0 {
            self.put(k.clone(), v.checked_mul(sign)?)?;
        }
        (self.0.len() <= MAX_TERMS).then_some(self)
    }
    fn mul(&self, o: &Poly) -> Option<Poly> {
        let mut out = Poly::default();
        if self.0.len() * o.0.len() > MAX_TERMS {
            return None;
        }
        for (ka, va) in &self.0 {
            for (kb, vb) in &o.0 {
                let mut k: Vec<Index> = ka.iter().chain(kb).cloned().collect();
                k.sort();
                out.put(k, va.checked_mul(*vb)?)?;
            }
        }
        Some(out)
    }
    /// The polynomial of an expression; `None` where it grows too large.
    pub fn of(e: &Index) -> Option<Poly> {
        match e {
            Index::Const(v) => Some(Poly::constant(*v)),
            Index::Bin(IndexOp::Add, a, b) => Poly::of(a)?.add(&Poly::of(b)?, 1),
            Index::Bin(IndexOp::Sub, a, b) => Poly::of(a)?.add(&Poly::of(b)?, -1),
            Index::Bin(IndexOp::Mul, a, b) => Poly::of(a)?.mul(&Poly::of(b)?),
            Index::Bin(op, a, b) => {
                let (a, b) = (norm(a), norm(b));
                match opaque(*op, a, b) {
                    e @ (Index::Const(_) | Index::Bin(IndexOp::Add | IndexOp::Sub | IndexOp::Mul, ..)) => shallow(&e),
                    atom => Some(Poly([(vec![atom], 1)].into())),
                }
            }
            atom => Some(Poly([(vec![atom.clone()], 1)].into())),
        }
    }
    /// Back to an expression: variables by rising order, the constant last.
    pub fn index(&self) -> Index {
        let mut out: Option<Index> = None;
        let mut rest: Vec<(&Vec<Index>, i64)> =
            self.0.iter().map(|(k, v)| (k, *v)).filter(|(k, _)| !k.is_empty()).collect();
        rest.sort_by_key(|(k, v)| (*v < 0, k.len() > 1, (*k).clone()));
        for (k, v) in rest {
            let factors = product(k);
            let term = Index::mul(factors.clone(), Index::Const(v.saturating_abs()));
            out = Some(match out {
                None if v == i64::MIN => Index::mul(factors, Index::Const(v)),
                None if v < 0 => match self.0.get(&Vec::new()) {
                    // 7 - i rather than -1 * i + 7
                    Some(c) => {
                        let mut all = Index::sub(Index::Const(*c), term);
                        let mut p = self.clone();
                        p.0.remove(&Vec::new());
                        p.0.remove(k);
                        for (k, v) in &p.0 {
                            let t = product(k);
                            all = Index::sub(all, Index::mul(t, Index::Const(v.saturating_neg())));
                        }
                        return all;
                    }
                    None => Index::mul(factors, Index::Const(v)),
                },
                None => term,
                Some(o) if v < 0 => Index::sub(o, term),
                Some(o) => Index::add(o, term),
            });
        }
        let c = self.0.get(&Vec::new()).copied().unwrap_or(0);
        match out {
            None => Index::Const(c),
            Some(o) => Index::add(o, Index::Const(c)),
        }
    }
    /// Coefficients of single variables and the constant, if it is nothing else.
    pub fn affine(&self) -> Option<(BTreeMap<u32, i64>, i64)> {
        let mut coef = BTreeMap::new();
        let mut c = 0;
        for (k, v) in &self.0 {
            match k.as_slice() {
                [] => c = *v,
                [Index::Var(LoopVar(x))] => {
                    coef.insert(*x, *v);
                }
                _ => return None,
            }
        }
        Some((coef, c))
    }
}

fn shallow(e: &Index) -> Option<Poly> {
    match e {
        Index::Bin(IndexOp::Add | IndexOp::Sub | IndexOp::Mul, ..) | Index::Const(_) => Poly::of(e),
        atom => Some(Poly([(vec![atom.clone()], 1)].into())),
    }
}

/// Quotients of exact multiples vanish; comparisons take the form of a difference where that is shorter.
fn opaque(op: IndexOp, a: Index, b: Index) -> Index {
    if let (IndexOp::Div | IndexOp::Rem, Some(c)) = (op, b.as_const())
        && c > 0
        && let Some(p) = Poly::of_simple(&a)
        && !p.0.is_empty()
        && p.0.values().all(|v| v % c == 0)
    {
        return match op {
            IndexOp::Rem => Index::Const(0),
            _ => Poly(p.0.into_iter().map(|(k, v)| (k, v / c)).collect()).index(),
        };
    }
    Index::bin(op, a, b)
}

impl Poly {
    /// Of an expression already in normal form (no recursion into atoms).
    fn of_simple(e: &Index) -> Option<Poly> {
        match e {
            Index::Bin(IndexOp::Add | IndexOp::Sub | IndexOp::Mul, ..) | Index::Const(_) => Poly::of(e),
            atom => Some(Poly([(vec![atom.clone()], 1)].into())),
        }
    }
}

fn product(k: &[Index]) -> Index {
    k.iter().cloned().reduce(Index::mul).unwrap_or(Index::Const(1))
}

/// The normal form.
pub fn norm(e: &Index) -> Index {
    match e {
        Index::Const(_) | Index::Var(_) | Index::Coord(_) | Index::Lane => e.clone(),
        _ => match Poly::of(e) {
            Some(p) => p.index(),
            None => e.clone(),
        },
    }
}

/// `op(a, b)` in normal form.
pub fn bin(op: IndexOp, a: &Index, b: &Index) -> Index {
    norm(&Index::bin(op, a.clone(), b.clone()))
}
/// `a + b`
pub fn add(a: &Index, b: &Index) -> Index {
    bin(IndexOp::Add, a, b)
}
/// `a - b`
pub fn sub(a: &Index, b: &Index) -> Index {
    bin(IndexOp::Sub, a, b)
}
/// `a * b`
pub fn mul(a: &Index, b: &Index) -> Index {
    bin(IndexOp::Mul, a, b)
}
/// `a * k`
pub fn scale(a: &Index, k: i64) -> Index {
    mul(a, &Index::Const(k))
}
/// The condition that is true where `c` is false.
pub fn not(c: &Index) -> Index {
    use IndexOp::*;
    match c {
        Index::Const(v) => Index::Const((*v == 0) as i64),
        Index::Bin(Eq, a, b) => Index::Bin(Ne, a.clone(), b.clone()),
        Index::Bin(Ne, a, b) => Index::Bin(Eq, a.clone(), b.clone()),
        Index::Bin(Lt, a, b) => Index::Bin(Le, b.clone(), a.clone()),
        Index::Bin(Le, a, b) => Index::Bin(Lt, b.clone(), a.clone()),
        Index::Bin(And, a, b) if boolean(a) && boolean(b) => Index::bin(Or, not(a), not(b)),
        Index::Bin(Or, a, b) if boolean(a) && boolean(b) => Index::bin(And, not(a), not(b)),
        _ => Index::bin(Eq, c.clone(), Index::Const(0)),
    }
}
/// Whether it is certainly 0 or 1.
pub fn boolean(e: &Index) -> bool {
    use IndexOp::*;
    match e {
        Index::Const(v) => *v == 0 || *v == 1,
        Index::Bin(Eq | Ne | Lt | Le, ..) => true,
        Index::Bin(And | Or | Xor, a, b) => boolean(a) && boolean(b),
        _ => false,
    }
}
/// A conjunction taken apart.
pub fn conjuncts(c: &Index, out: &mut Vec<Index>) {
    match c {
        Index::Bin(IndexOp::And, a, b) if boolean(a) && boolean(b) => {
            conjuncts(a, out);
            conjuncts(b, out);
        }
        Index::Const(1) => {}
        _ => out.push(c.clone()),
    }
}
/// Whether two lists of ids are equal. Most are empty, and comparing no bytes through `memcmp` reads behind a pointer to
/// nothing: masked, so harmless, but hundreds of cycles each time where masked loads that fault are slow.
pub fn same_ids(a: &[u32], b: &[u32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b)
}
/// Loop variables that it mentions, sorted.
pub fn vars(e: &Index) -> Vec<u32> {
    let mut out = Vec::new();
    e.for_each_leaf(&mut |l| {
        if let Index::Var(LoopVar(v)) = l {
            out.push(*v);
        }
    });
    out.sort_unstable();
    out.dedup();
    out
}
/// Its interval, given those of the loop variables.
pub fn interval(e: &Index, vars: &[Interval]) -> Interval {
    e.interval(&Intervals { vars, coords: &[], lane: (0, 0) })
}
/// Loop variable `v`.
pub fn var(v: u32) -> Index {
    Index::Var(LoopVar(v))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter() {
        let (i, j) = (var(0), var(1));
        let a = add(&mul(&i, &Index::Const(8)), &j);
        let b = add(&j, &sub(&mul(&Index::Const(9), &i), &i));
        assert_eq!(a, b);
        assert_eq!(bin(IndexOp::Div, &scale(&i, 6), &Index::Const(3)), scale(&i, 2));
        assert_eq!(sub(&a, &b), Index::Const(0));
        assert_eq!(sub(&Index::Const(7), &i).to_string(), "7 - i0");
    }
}
