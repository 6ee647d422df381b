//! Inference: type and size variables, unification.
//!
//! Inference variables are written as parameters with numbers from [`VAR`] up, so that [`Ty`] and [`Size`] serve here
//! too; none survives into the finished tree. Knows no expressions and reports nothing.

use crate::size::{self, Atom, Decided};
use crate::tree::{Class, Size, SizeOp, SizeVar, Ty};

/// The first number of inference variables, of types and of sizes.
pub(crate) const VAR: u32 = 1 << 30;

/// Types with more nodes than this are refused: inferred types can double with every statement.
pub(crate) const MAX_TYPE: usize = 2000;

/// What an integer variable becomes when nothing determines it; a merge takes the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Default {
    /// A literal: an index.
    Index,
    /// A mutable variable: may be determined as an index, else becomes `i64`.
    Accumulator,
    /// Stored in an array or bound to a type parameter, so never an index: `i64`.
    I64,
    /// A count or a position: `u64`.
    U64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything; `stored` if it may not become an index.
    Any { stored: bool },
    /// An integer, or a fixed-point number without a fraction.
    Int(Default),
    /// A fixed-point number.
    Frac,
}

#[derive(Clone, Debug)]
enum Var {
    Free(Kind),
    Bound(Ty),
}

/// Why two types do not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Clash {
    Types,
    Sizes(Size, Size),
    TooLarge,
}

/// An equality of sizes that was not decided when it arose.
#[derive(Clone, Debug)]
pub(crate) struct Open(pub Size, pub Size);

/// Names of free variables in messages.
pub(crate) trait VarNames {
    fn ty_var(&self, k: u32) -> &'static str;
}

#[derive(Default)]
pub(crate) struct Infer {
    vars: Vec<Var>,
    sizes: Vec<Option<Size>>,
    /// Classes of the function's type parameters.
    pub classes: Vec<Class>,
    /// Equalities that unification met and could not decide; the caller takes them.
    pub open: Vec<Open>,
}

impl VarNames for Infer {
    fn ty_var(&self, k: u32) -> &'static str {
        match self.kind(k) {
            Some(Kind::Int(_)) => "{integer}",
            Some(Kind::Frac) => "{fixed}",
            _ => "_",
        }
    }
}

impl std::default::Default for Kind {
    fn default() -> Kind {
        Kind::Any { stored: false }
    }
}

/// Number of nodes of a type, counted up to a bit more than [`MAX_TYPE`].
pub(crate) fn weight(t: &Ty, sum: &mut usize) {
    *sum += 1;
    if *sum > MAX_TYPE {
        return;
    }
    match t {
        Ty::Array(t, _) => weight(t, sum),
        Ty::Tuple(ts) | Ty::Struct(_, ts, _) => ts.iter().for_each(|t| weight(t, sum)),
        Ty::Fn(ps, r) => {
            ps.iter().for_each(|t| weight(t, sum));
            weight(r, sum);
        }
        _ => {}
    }
}

/// Replaces type parameters by `tys` and size parameters by `sizes` (a missing one is an error type).
pub(crate) fn subst(t: &Ty, tys: &[Ty], sizes: &[Size]) -> Ty {
    let all = |ts: &[Ty]| ts.iter().map(|t| subst(t, tys, sizes)).collect::<Vec<_>>();
    match t {
        Ty::Param(k) => tys.get(*k as usize).cloned().unwrap_or(Ty::Error),
        Ty::Array(t, n) => Ty::Array(Box::new(subst(t, tys, sizes)), subst_size(n, sizes)),
        Ty::Tuple(ts) => Ty::Tuple(all(ts)),
        Ty::Struct(id, ts, ns) => Ty::Struct(*id, all(ts), ns.iter().map(|n| subst_size(n, sizes)).collect()),
        Ty::Fn(ps, r) => Ty::Fn(all(ps), Box::new(subst(r, tys, sizes))),
        _ => t.clone(),
    }
}

/// Replaces size parameters by `sizes`.
pub(crate) fn subst_size(n: &Size, sizes: &[Size]) -> Size {
    size::map_vars(n, &mut |v| match v {
        SizeVar::Param(k) => Some(sizes.get(k as usize).cloned().unwrap_or(Size::Error)),
        SizeVar::Family(_) => None,
    })
}

impl Infer {
    pub(crate) fn fresh(&mut self, kind: Kind) -> Ty {
        self.vars.push(Var::Free(kind));
        Ty::Param(VAR + self.vars.len() as u32 - 1)
    }
    pub(crate) fn any(&mut self) -> Ty {
        self.fresh(Kind::Any { stored: false })
    }
    pub(crate) fn stored(&mut self) -> Ty {
        self.fresh(Kind::Any { stored: true })
    }
    pub(crate) fn int(&mut self, d: Default) -> Ty {
        self.fresh(Kind::Int(d))
    }
    pub(crate) fn fresh_size(&mut self) -> Size {
        self.sizes.push(None);
        Size::Var(SizeVar::Param(VAR + self.sizes.len() as u32 - 1))
    }

    /// The last variable of a chain of bindings, or the type it is bound to.
    fn root(&self, mut k: u32) -> Result<u32, &Ty> {
        loop {
            match &self.vars[(k - VAR) as usize] {
                Var::Bound(Ty::Param(j)) if *j >= VAR => k = *j,
                Var::Bound(t) => return Err(t),
                Var::Free(_) => return Ok(k),
            }
        }
    }
    /// The type with its outermost constructor known, if it is.
    pub(crate) fn shallow(&mut self, t: &Ty) -> Ty {
        match t {
            Ty::Param(k) if *k >= VAR => {
                let r = match self.root(*k) {
                    Ok(j) => Ty::Param(j),
                    Err(t) => t.clone(),
                };
                // Shortens the chain, so that long sums of literals stay linear.
                if r != Ty::Param(*k) {
                    self.vars[(*k - VAR) as usize] = Var::Bound(r.clone());
                }
                r
            }
            _ => t.clone(),
        }
    }
    /// The kind of a free variable.
    pub(crate) fn kind(&self, k: u32) -> Option<Kind> {
        let k = self.root(k).ok()?;
        match self.vars[(k - VAR) as usize] {
            Var::Free(kind) => Some(kind),
            Var::Bound(_) => None,
        }
    }
    /// The kind of `t`, if it is a free variable.
    pub(crate) fn free(&self, t: &Ty) -> Option<Kind> {
        match t {
            Ty::Param(k) if *k >= VAR => self.kind(*k),
            _ => None,
        }
    }
    /// Raises a free integer variable's default, or marks a free variable as stored.
    pub(crate) fn raise(&mut self, t: &Ty, d: Default) {
        if let Ty::Param(k) = t
            && *k >= VAR
            && let Ok(k) = self.root(*k)
            && let Var::Free(kind) = &mut self.vars[(k - VAR) as usize]
        {
            *kind = match *kind {
                Kind::Int(e) => Kind::Int(e.max(d)),
                Kind::Any { stored } => Kind::Any { stored: stored || d >= Default::I64 },
                Kind::Frac => Kind::Frac,
            };
        }
    }
    /// Binds a free variable without asking.
    pub(crate) fn force(&mut self, t: &Ty, to: Ty) {
        if let Ty::Param(k) = t
            && *k >= VAR
            && let Ok(k) = self.root(*k)
            && to != Ty::Param(k)
        {
            self.vars[(k - VAR) as usize] = Var::Bound(to);
        }
    }
    /// The type with all that is known.
    pub(crate) fn full(&mut self, t: &Ty) -> Ty {
        match t {
            Ty::Bool | Ty::Int { .. } | Ty::Fixed(_) | Ty::Str | Ty::Index | Ty::Unit | Ty::Error => t.clone(),
            Ty::Param(k) if *k < VAR => t.clone(),
            Ty::Param(_) => match self.shallow(t) {
                Ty::Param(k) => Ty::Param(k),
                t => self.full(&t),
            },
            Ty::Array(t, n) => Ty::Array(Box::new(self.full(t)), self.full_size(n)),
            Ty::Tuple(ts) => Ty::Tuple(ts.iter().map(|t| self.full(t)).collect()),
            Ty::Struct(id, ts, ns) => Ty::Struct(
                *id,
                ts.iter().map(|t| self.full(t)).collect(),
                ns.iter().map(|n| self.full_size(n)).collect(),
            ),
            Ty::Fn(ps, r) => Ty::Fn(ps.iter().map(|t| self.full(t)).collect(), Box::new(self.full(r))),
        }
    }
    /// The size with all that is known.
    pub(crate) fn full_size(&self, n: &Size) -> Size {
        let mut n = n.clone();
        loop {
            let mut again = false;
            let next = size::map_vars(&n, &mut |v| match v {
                SizeVar::Param(k) if k >= VAR => {
                    let s = self.sizes.get((k - VAR) as usize).cloned().flatten();
                    again |= s.is_some();
                    s
                }
                _ => None,
            });
            n = next;
            if !again {
                return n;
            }
        }
    }
    fn occurs(&mut self, k: u32, t: &Ty) -> bool {
        match t {
            Ty::Param(j) if *j >= VAR => match self.shallow(t) {
                Ty::Param(j) => j == k,
                t => self.occurs(k, &t),
            },
            Ty::Array(t, _) => self.occurs(k, t),
            Ty::Tuple(ts) | Ty::Struct(_, ts, _) => ts.iter().any(|t| self.occurs(k, t)),
            Ty::Fn(ps, r) => ps.iter().any(|t| self.occurs(k, t)) || self.occurs(k, r),
            _ => false,
        }
    }
    fn bind(&mut self, k: u32, t: Ty) -> Result<(), Clash> {
        let Some(kind) = self.kind(k) else {
            return Err(Clash::Types);
        };
        let fine = match (kind, &t) {
            (_, Ty::Error) => true,
            (Kind::Any { stored }, Ty::Index) => !stored,
            (Kind::Any { .. }, _) => {
                let t = self.full(&t);
                let mut w = 0;
                weight(&t, &mut w);
                if w > MAX_TYPE {
                    return Err(Clash::TooLarge);
                }
                !self.occurs(k, &t)
            }
            (Kind::Int(d), Ty::Index) => d <= Default::Accumulator,
            (Kind::Int(_), Ty::Int { .. } | Ty::Fixed(_)) => true,
            (Kind::Frac, Ty::Fixed(_)) => true,
            (Kind::Int(_), Ty::Param(p)) => {
                matches!(self.classes.get(*p as usize), Some(Class::Num | Class::Int))
            }
            _ => false,
        };
        if fine {
            self.vars[(k - VAR) as usize] = Var::Bound(t);
            Ok(())
        } else {
            Err(Clash::Types)
        }
    }

    /// Makes two types equal.
    pub(crate) fn unify(&mut self, a: &Ty, b: &Ty) -> Result<(), Clash> {
        let (a, b) = (self.shallow(a), self.shallow(b));
        match (&a, &b) {
            (Ty::Param(j), Ty::Param(k)) if *j >= VAR && *k >= VAR => {
                if j == k {
                    return Ok(());
                }
                let merged = match (self.kind(*j).unwrap_or_default(), self.kind(*k).unwrap_or_default()) {
                    (Kind::Any { stored: s }, Kind::Any { stored: t }) => Kind::Any { stored: s || t },
                    (Kind::Int(d), Kind::Int(e)) => Kind::Int(d.max(e)),
                    (Kind::Frac, _) | (_, Kind::Frac) => Kind::Frac,
                    (Kind::Any { stored }, Kind::Int(d)) | (Kind::Int(d), Kind::Any { stored }) => {
                        Kind::Int(if stored { d.max(Default::I64) } else { d })
                    }
                };
                // The younger points to the older: chains stay short in long functions.
                let (old, young) = (*j.min(k), *j.max(k));
                self.vars[(old - VAR) as usize] = Var::Free(merged);
                self.vars[(young - VAR) as usize] = Var::Bound(Ty::Param(old));
                Ok(())
            }
            (Ty::Param(k), t) | (t, Ty::Param(k)) if *k >= VAR => self.bind(*k, t.clone()),
            (Ty::Error, _) | (_, Ty::Error) => Ok(()),
            (Ty::Array(x, m), Ty::Array(y, n)) => {
                self.unify(x, y)?;
                self.unify_size(m, n)
            }
            (Ty::Tuple(xs), Ty::Tuple(ys)) if xs.len() == ys.len() => {
                xs.iter().zip(ys).try_for_each(|(x, y)| self.unify(x, y))
            }
            (Ty::Struct(i, xs, ms), Ty::Struct(j, ys, ns)) if i == j => {
                xs.iter().zip(ys).try_for_each(|(x, y)| self.unify(x, y))?;
                ms.iter().zip(ns).try_for_each(|(m, n)| self.unify_size(m, n))
            }
            (Ty::Fn(xs, r), Ty::Fn(ys, s)) if xs.len() == ys.len() => {
                xs.iter().zip(ys).try_for_each(|(x, y)| self.unify(x, y))?;
                self.unify(r, s)
            }
            _ if a == b => Ok(()),
            _ => Err(Clash::Types),
        }
    }

    /// Makes two sizes equal; what cannot be decided goes to [`Infer::open`].
    pub(crate) fn unify_size(&mut self, m: &Size, n: &Size) -> Result<(), Clash> {
        let (m, n) = (self.full_size(m), self.full_size(n));
        match size::decide(&m, &n) {
            Decided::Equal => return Ok(()),
            Decided::Unequal => return Err(Clash::Sizes(m, n)),
            Decided::Unknown => {}
        }
        if !self.solve(&m, &n) {
            self.open.push(Open(m, n));
        }
        Ok(())
    }

    /// Solves `m = n` for an inference variable that occurs linearly and nowhere else.
    fn solve(&mut self, m: &Size, n: &Size) -> bool {
        let diff = Size::Bin(SizeOp::Sub, Box::new(m.clone()), Box::new(n.clone()));
        let Some(p) = size::poly(&diff) else {
            return false;
        };
        let found = p.iter().find_map(|(mono, c)| match mono.as_slice() {
            [Atom::Var(SizeVar::Param(k))] if *k >= VAR => Some((*k, *c)),
            _ => None,
        });
        let Some((k, c)) = found else { return false };
        let mut rest = p;
        rest.remove(&vec![Atom::Var(SizeVar::Param(k))]);
        // c * k + rest = 0, so every coefficient of the rest must be a multiple of c.
        if rest.values().any(|d| d.checked_rem(c) != Some(0)) {
            return false;
        }
        for d in rest.values_mut() {
            match d.checked_div(c).and_then(i64::checked_neg) {
                Some(q) => *d = q,
                None => return false,
            }
        }
        let value = size::unpoly(&rest);
        let mut inside = false;
        size::each_var(&value, &mut |v| inside |= v == SizeVar::Param(k));
        if inside {
            return false;
        }
        self.sizes[(k - VAR) as usize] = Some(value);
        true
    }
    /// Does the size still hold an inference variable?
    pub(crate) fn has_var(&self, n: &Size) -> bool {
        let mut found = false;
        size::each_var(&self.full_size(n), &mut |v| {
            found |= matches!(v, SizeVar::Param(k) if k >= VAR);
        });
        found
    }
    /// Gives up on every free variable of a size, so that it is reported once.
    pub(crate) fn fail_size(&mut self, n: &Size) {
        let mut vars = Vec::new();
        size::each_var(n, &mut |v| vars.push(v));
        for v in vars {
            if let SizeVar::Param(k) = v
                && k >= VAR
            {
                self.sizes[(k - VAR) as usize] = Some(Size::Error);
            }
        }
    }
}
