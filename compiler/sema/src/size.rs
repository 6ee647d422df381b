//! Sizes as polynomials: normal form, equality as far as it can be decided, substitution.
//!
//! Knows no inference: the variables of inference are size parameters with high numbers, like any other to this module.

use crate::tree::{Size, SizeOp, SizeVar};
use std::collections::BTreeMap;

/// Sizes with more nodes than this are not tracked.
const MAX_WEIGHT: usize = 200;

/// An indivisible part of a monomial.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Atom {
    Var(SizeVar),
    Div(Size, Size),
    Rem(Size, Size),
}

/// Monomial (sorted atoms) to coefficient; no zero coefficients.
pub(crate) type Poly = BTreeMap<Vec<Atom>, i64>;

/// What can be said about two sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    Equal,
    Unequal,
    Unknown,
}

/// Number of nodes, counted up to a bit more than [`MAX_WEIGHT`].
fn weight(s: &Size, sum: &mut usize) {
    *sum += 1;
    if *sum > MAX_WEIGHT {
        return;
    }
    if let Size::Bin(_, a, b) = s {
        weight(a, sum);
        weight(b, sum);
    }
}

fn add_into(p: &mut Poly, m: Vec<Atom>, c: i64) -> Option<()> {
    let e = p.entry(m).or_insert(0);
    *e = e.checked_add(c)?;
    Some(())
}

fn trim(mut p: Poly) -> Poly {
    p.retain(|_, c| *c != 0);
    p
}

fn constant(p: &Poly) -> Option<i64> {
    match p.len() {
        0 => Some(0),
        1 => p.get(&Vec::new()).copied(),
        _ => None,
    }
}

/// The polynomial of a size; `None` for an error inside, overflow, or a size past the limit.
pub(crate) fn poly(s: &Size) -> Option<Poly> {
    let mut w = 0;
    weight(s, &mut w);
    if w > MAX_WEIGHT { None } else { poly_in(s) }
}

fn poly_in(s: &Size) -> Option<Poly> {
    let mut p = Poly::new();
    match s {
        Size::Error => return None,
        Size::Const(c) => {
            p.insert(Vec::new(), *c);
        }
        Size::Var(v) => {
            p.insert(vec![Atom::Var(*v)], 1);
        }
        Size::Bin(op, a, b) => {
            let (pa, pb) = (poly_in(a)?, poly_in(b)?);
            match op {
                SizeOp::Add | SizeOp::Sub => {
                    p = pa;
                    for (m, c) in pb {
                        let c = if *op == SizeOp::Sub { c.checked_neg()? } else { c };
                        add_into(&mut p, m, c)?;
                    }
                }
                SizeOp::Mul => {
                    if pa.len().saturating_mul(pb.len()) > MAX_WEIGHT {
                        return None;
                    }
                    for (ma, ca) in &pa {
                        for (mb, cb) in &pb {
                            let mut m = ma.clone();
                            m.extend(mb.iter().cloned());
                            m.sort();
                            add_into(&mut p, m, ca.checked_mul(*cb)?)?;
                        }
                    }
                }
                SizeOp::Div | SizeOp::Rem => {
                    let div = *op == SizeOp::Div;
                    let d = constant(&pb);
                    match (constant(&pa), d) {
                        (_, Some(0)) => return None,
                        (Some(x), Some(y)) => {
                            let c = if div { x.checked_div(y)? } else { x.checked_rem(y)? };
                            p.insert(Vec::new(), c);
                        }
                        // Exact: every coefficient is a multiple.
                        (_, Some(y)) if pa.values().all(|c| c.checked_rem(y) == Some(0)) => {
                            if div {
                                for (m, c) in pa {
                                    p.insert(m, c.checked_div(y)?);
                                }
                            }
                        }
                        _ => {
                            let (a, b) = (unpoly(&pa), unpoly(&pb));
                            let atom = if div { Atom::Div(a, b) } else { Atom::Rem(a, b) };
                            p.insert(vec![atom], 1);
                        }
                    }
                }
            }
        }
    }
    Some(trim(p))
}

/// The size of a polynomial, in a form that depends on its value alone.
pub(crate) fn unpoly(p: &Poly) -> Size {
    let mut sum: Option<Size> = None;
    // The constant last: `N + 1` reads better than `1 + N`.
    let monomials = p.iter().filter(|(m, _)| !m.is_empty());
    for (m, c) in monomials.chain(p.iter().filter(|(m, _)| m.is_empty())) {
        let mut t: Option<Size> = None;
        for a in m {
            let f = match a {
                Atom::Var(v) => Size::Var(*v),
                Atom::Div(a, b) => bin(SizeOp::Div, a.clone(), b.clone()),
                Atom::Rem(a, b) => bin(SizeOp::Rem, a.clone(), b.clone()),
            };
            t = Some(match t {
                None => f,
                Some(t) => bin(SizeOp::Mul, t, f),
            });
        }
        let negative = *c < 0 && sum.is_some() && *c != i64::MIN;
        let abs = if negative { -*c } else { *c };
        let t = match t {
            None => Size::Const(abs),
            Some(t) if abs == 1 => t,
            Some(t) => bin(SizeOp::Mul, Size::Const(abs), t),
        };
        sum = Some(match sum {
            None => t,
            Some(s) => bin(if negative { SizeOp::Sub } else { SizeOp::Add }, s, t),
        });
    }
    sum.unwrap_or(Size::Const(0))
}

fn bin(op: SizeOp, a: Size, b: Size) -> Size {
    Size::Bin(op, Box::new(a), Box::new(b))
}

/// `a op b` in normal form; [`Size::Error`] where that overflows or divides by zero.
pub(crate) fn apply(op: SizeOp, a: &Size, b: &Size) -> Size {
    norm(&bin(op, a.clone(), b.clone()))
}

/// The normal form.
pub(crate) fn norm(s: &Size) -> Size {
    match s {
        Size::Const(_) | Size::Var(_) | Size::Error => s.clone(),
        _ => poly(s).map_or(Size::Error, |p| unpoly(&p)),
    }
}

/// Are they equal for all values of the variables, for none, or does it depend?
pub(crate) fn decide(a: &Size, b: &Size) -> Decided {
    if a == b || *a == Size::Error || *b == Size::Error {
        return Decided::Equal;
    }
    match poly(&bin(SizeOp::Sub, a.clone(), b.clone())).map(|p| constant(&p)) {
        Some(Some(0)) => Decided::Equal,
        Some(Some(_)) => Decided::Unequal,
        _ => Decided::Unknown,
    }
}

/// Replaces variables; normal form where something changed.
pub(crate) fn map_vars(s: &Size, f: &mut impl FnMut(SizeVar) -> Option<Size>) -> Size {
    fn go(s: &Size, f: &mut impl FnMut(SizeVar) -> Option<Size>, changed: &mut bool) -> Size {
        match s {
            Size::Var(v) => match f(*v) {
                Some(t) => {
                    *changed = true;
                    t
                }
                None => s.clone(),
            },
            Size::Bin(op, a, b) => bin(*op, go(a, f, changed), go(b, f, changed)),
            Size::Const(_) | Size::Error => s.clone(),
        }
    }
    let mut changed = false;
    let t = go(s, f, &mut changed);
    if changed { norm(&t) } else { t }
}

/// Calls `f` with each variable.
pub(crate) fn each_var(s: &Size, f: &mut impl FnMut(SizeVar)) {
    match s {
        Size::Var(v) => f(*v),
        Size::Bin(_, a, b) => {
            each_var(a, f);
            each_var(b, f);
        }
        Size::Const(_) | Size::Error => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(k: u32) -> Size {
        Size::Var(SizeVar::Param(k))
    }
    fn c(k: i64) -> Size {
        Size::Const(k)
    }

    #[test]
    fn sums_in_any_order_are_equal() {
        let a = bin(SizeOp::Add, bin(SizeOp::Mul, c(2), v(0)), v(1));
        let b = bin(SizeOp::Add, v(1), bin(SizeOp::Add, v(0), v(0)));
        assert_eq!(decide(&a, &b), Decided::Equal);
        assert_eq!(norm(&a), norm(&b));
        assert_eq!(decide(&a, &bin(SizeOp::Add, b.clone(), c(1))), Decided::Unequal);
        assert_eq!(decide(&a, &v(0)), Decided::Unknown);
    }

    #[test]
    fn division() {
        let half = |s: Size| bin(SizeOp::Div, s, c(2));
        let twice = bin(SizeOp::Mul, v(0), c(2));
        assert_eq!(decide(&half(twice), &v(0)), Decided::Equal);
        assert_eq!(decide(&half(v(0)), &half(v(0))), Decided::Equal);
        let n1 = bin(SizeOp::Add, v(0), c(1));
        assert_eq!(decide(&half(n1), &half(v(0))), Decided::Unknown);
        assert_eq!(norm(&half(c(7))), c(3));
        assert_eq!(norm(&bin(SizeOp::Div, c(7), c(0))), Size::Error);
        assert_eq!(norm(&bin(SizeOp::Div, c(i64::MIN), c(-1))), Size::Error);
    }
}
