//! The index language: small pure integer expressions over induction variables and lane coordinates, and the spaces that
//! lanes are enumerated by.
//!
//! Everything here is public. Indices, lane counts, trip counts, and guards are such expressions, so a loop whose body has
//! a different number of lanes in each iteration stays rolled. Knows nothing of wires.

/// An induction variable of a `loop` region; unique in a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoopVar(pub u32);

/// A named space of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpaceId(pub u32);

/// Operators of the index language. Comparisons give 0 or 1. `Div` and `Rem` truncate toward zero; a zero divisor is an
/// evaluation error. Arithmetic is exact in `i128` and an error when it leaves `i64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum IndexOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Xor,
    And,
    Or,
    Shl,
    Shr,
    Min,
    Max,
    Eq,
    Ne,
    Lt,
    Le,
}

/// An index expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Index {
    /// A number.
    Const(i64),
    /// An enclosing loop's induction variable (`i0`, `i1`, …).
    Var(LoopVar),
    /// Coordinate k of the space that the expression is evaluated over (`c0`, `c1`, …). In a space's own bounds: an
    /// earlier coordinate of the same space.
    Coord(u32),
    /// The lane's number in the space (`lane`).
    Lane,
    /// An operation.
    Bin(IndexOp, Box<Index>, Box<Index>),
}

/// One dimension of a space: `lo, lo + step, …` below `hi` (or above it, for a negative step). Bounds may mention
/// induction variables and earlier coordinates.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpaceDim {
    /// First value.
    pub lo: Index,
    /// Exclusive bound.
    pub hi: Index,
    /// Never 0.
    pub step: i64,
    /// Step as an expression where it is not constant (it must evaluate to a positive number); overrides `step`.
    pub step_expr: Option<Index>,
}

/// An exact set of lanes in row-major order: nested dimensions, of which inner bounds may depend on outer coordinates
/// (triangles), minus the points whose guard is 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Space {
    /// From the outermost.
    pub dims: Vec<SpaceDim>,
    /// Points where it is 0 are not lanes.
    pub guard: Option<Index>,
}

/// A number of lanes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Len {
    /// A constant.
    Const(u64),
    /// The number of points of a space (which may mention induction variables), at most `max`.
    Space {
        /// The space.
        space: SpaceId,
        /// Static maximum over all iterations of enclosing loops.
        max: u64,
    },
    /// A product, for group sizes times lanes.
    Mul(Box<Len>, Box<Len>),
}

mod boxes;
mod eval;
mod interval;
mod period;
mod space;
mod strip;

pub use eval::{IndexEnv, IndexError};
pub use interval::{Interval, Intervals};
pub use space::{Cursor, Row};
pub use strip::{Run, eval_strip, for_each_point, for_each_run};

/// Nesting beyond this is refused where expressions come from outside (text, binary).
pub const MAX_DEPTH: usize = 200;

#[allow(clippy::should_implement_trait)]
impl Index {
    /// `op(a, b)`, simplified: constants fold (unless that is an error), neutral and absorbing operands vanish, and
    /// constants gather at the right of sums.
    pub fn bin(op: IndexOp, a: Index, b: Index) -> Index {
        use Index::Const;
        use IndexOp::*;
        if let (Const(x), Const(y)) = (&a, &b)
            && let Ok(v) = eval::apply(op, *x, *y)
        {
            return Const(v);
        }
        match (op, &a, &b) {
            (Add | Or | Xor, Const(0), _) => return b,
            (Add | Sub | Or | Xor | Shl | Shr, _, Const(0)) => return a,
            (Mul, Const(1), _) => return b,
            (Mul | Div, _, Const(1)) => return a,
            (Mul | And, Const(0), _) | (Mul | And, _, Const(0)) => return Const(0),
            (Rem, _, Const(1 | -1)) => return Const(0),
            (Sub | Xor, _, _) if a == b => return Const(0),
            (And | Or | Min | Max, _, _) if a == b => return a,
            (Eq | Le, _, _) if a == b => return Const(1),
            (Ne | Lt, _, _) if a == b => return Const(0),
            _ => {}
        }
        // Constants to the right of commutative operators, then (x + k) ± k' to one constant.
        if matches!(op, Add | Mul) && matches!(a, Const(_)) {
            return Index::bin(op, b, a);
        }
        if let (Add | Sub, Const(k)) = (op, &b) {
            let k = if op == Sub { k.checked_neg() } else { Some(*k) };
            if let (Some(k), Index::Bin(inner @ (Add | Sub), x, y)) = (k, &a)
                && let Const(j) = **y
                && let Some(j) = if *inner == Sub { j.checked_neg() } else { Some(j) }
                && let Some(sum) = j.checked_add(k)
            {
                return if sum < 0 && sum != i64::MIN {
                    Index::bin(Sub, (**x).clone(), Const(-sum))
                } else {
                    Index::bin(Add, (**x).clone(), Const(sum))
                };
            }
            if let Some(k) = k
                && k < 0
                && op == Add
                && k != i64::MIN
            {
                return Index::Bin(Sub, Box::new(a), Box::new(Const(-k)));
            }
            if let Some(k) = k
                && k > 0
                && op == Sub
            {
                return Index::Bin(Add, Box::new(a), Box::new(Const(k)));
            }
        }
        if let (Mul, Const(k), Index::Bin(Mul, x, y)) = (op, &b, &a)
            && let Const(j) = **y
            && let Some(p) = j.checked_mul(*k)
        {
            return Index::bin(Mul, (**x).clone(), Const(p));
        }
        Index::Bin(op, Box::new(a), Box::new(b))
    }
    /// `a + b`, simplified.
    pub fn add(a: Index, b: Index) -> Index {
        Index::bin(IndexOp::Add, a, b)
    }
    /// `a - b`, simplified.
    pub fn sub(a: Index, b: Index) -> Index {
        Index::bin(IndexOp::Sub, a, b)
    }
    /// `a * b`, simplified.
    pub fn mul(a: Index, b: Index) -> Index {
        Index::bin(IndexOp::Mul, a, b)
    }
    /// `a / b`, simplified.
    pub fn div(a: Index, b: Index) -> Index {
        Index::bin(IndexOp::Div, a, b)
    }
    /// `a % b`, simplified.
    pub fn rem(a: Index, b: Index) -> Index {
        Index::bin(IndexOp::Rem, a, b)
    }
    /// A constant's value.
    pub fn as_const(&self) -> Option<i64> {
        match self {
            Index::Const(v) => Some(*v),
            _ => None,
        }
    }
    /// Calls `f` on every leaf.
    pub fn for_each_leaf(&self, f: &mut dyn FnMut(&Index)) {
        match self {
            Index::Bin(_, a, b) => {
                a.for_each_leaf(f);
                b.for_each_leaf(f);
            }
            leaf => f(leaf),
        }
    }
    /// Whether any leaf satisfies `f`.
    pub fn any_leaf(&self, mut f: impl FnMut(&Index) -> bool) -> bool {
        let mut any = false;
        self.for_each_leaf(&mut |leaf| any |= f(leaf));
        any
    }
    /// Whether it mentions an induction variable.
    pub fn mentions_vars(&self) -> bool {
        self.any_leaf(|l| matches!(l, Index::Var(_)))
    }
    /// Whether it mentions this induction variable.
    pub fn mentions_var(&self, var: LoopVar) -> bool {
        self.any_leaf(|l| *l == Index::Var(var))
    }
    /// Whether it mentions coordinate `k`.
    pub fn mentions_coord(&self, k: u32) -> bool {
        self.any_leaf(|l| *l == Index::Coord(k))
    }
    /// Whether it mentions a coordinate or the lane number.
    pub fn mentions_point(&self) -> bool {
        self.any_leaf(|l| matches!(l, Index::Coord(_) | Index::Lane))
    }
    /// Every leaf for which `f` gives an expression replaced by it, simplified on the way up.
    pub fn subst(&self, f: &dyn Fn(&Index) -> Option<Index>) -> Index {
        match self {
            Index::Bin(op, a, b) => Index::bin(*op, a.subst(f), b.subst(f)),
            leaf => f(leaf).unwrap_or_else(|| leaf.clone()),
        }
    }
    /// An induction variable replaced.
    pub fn subst_var(&self, var: LoopVar, by: &Index) -> Index {
        self.subst(&|l| (*l == Index::Var(var)).then(|| by.clone()))
    }
    /// Coordinate k replaced by `by[k]`, where there is one.
    pub fn subst_coords(&self, by: &[Index]) -> Index {
        self.subst(&|l| match l {
            Index::Coord(k) => by.get(*k as usize).cloned(),
            _ => None,
        })
    }
    /// Nesting depth of operators.
    pub fn depth(&self) -> usize {
        match self {
            Index::Bin(_, a, b) => 1 + a.depth().max(b.depth()),
            _ => 0,
        }
    }
}

impl From<i64> for Index {
    fn from(v: i64) -> Index {
        Index::Const(v)
    }
}

/// Binding strength for printing and parsing: higher binds tighter; all associate to the left but comparisons, which do not chain.
pub(crate) fn precedence(op: IndexOp) -> Option<(u8, &'static str)> {
    use IndexOp::*;
    Some(match op {
        Eq => (1, "=="),
        Ne => (1, "!="),
        Lt => (1, "<"),
        Le => (1, "<="),
        Or => (2, "|"),
        Xor => (3, "^"),
        And => (4, "&"),
        Shl => (5, "<<"),
        Shr => (5, ">>"),
        Add => (6, "+"),
        Sub => (6, "-"),
        Mul => (7, "*"),
        Div => (7, "/"),
        Rem => (7, "%"),
        Min | Max => return None,
    })
}

impl std::fmt::Display for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        fn go(e: &Index, min: u8, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            match e {
                Index::Const(v) => write!(f, "{v}"),
                Index::Var(v) => write!(f, "i{}", v.0),
                Index::Coord(k) => write!(f, "c{k}"),
                Index::Lane => f.write_str("lane"),
                Index::Bin(op, a, b) => match precedence(*op) {
                    None => {
                        f.write_str(if *op == IndexOp::Min { "min(" } else { "max(" })?;
                        go(a, 0, f)?;
                        f.write_str(", ")?;
                        go(b, 0, f)?;
                        f.write_str(")")
                    }
                    Some((p, s)) => {
                        if p < min {
                            f.write_str("(")?;
                        }
                        go(a, if p == 1 { 2 } else { p }, f)?;
                        write!(f, " {s} ")?;
                        go(b, p + 1, f)?;
                        if p < min {
                            f.write_str(")")?;
                        }
                        Ok(())
                    }
                },
            }
        }
        go(self, 0, f)
    }
}

impl SpaceDim {
    /// `0..n`.
    pub fn upto(n: i64) -> SpaceDim {
        SpaceDim::range(Index::Const(0), Index::Const(n))
    }
    /// `lo..hi`.
    pub fn range(lo: Index, hi: Index) -> SpaceDim {
        SpaceDim { lo, hi, step: 1, step_expr: None }
    }
}

impl Space {
    /// The box `0..dims[0] × 0..dims[1] × …`.
    pub fn rect(dims: &[i64]) -> Space {
        Space { dims: dims.iter().map(|&n| SpaceDim::upto(n)).collect(), guard: None }
    }
    /// Calls `f` on each expression in it.
    pub fn for_each_index(&self, f: &mut dyn FnMut(&Index)) {
        for d in &self.dims {
            f(&d.lo);
            f(&d.hi);
            if let Some(s) = &d.step_expr {
                f(s);
            }
        }
        if let Some(g) = &self.guard {
            f(g);
        }
    }
    /// A copy with `f` applied to each expression.
    pub fn map_index(&self, f: &mut dyn FnMut(&Index) -> Index) -> Space {
        Space {
            dims: self
                .dims
                .iter()
                .map(|d| SpaceDim {
                    lo: f(&d.lo),
                    hi: f(&d.hi),
                    step: d.step,
                    step_expr: d.step_expr.as_ref().map(&mut *f),
                })
                .collect(),
            guard: self.guard.as_ref().map(f),
        }
    }
    /// Whether it mentions an induction variable: whether its number of points may vary.
    pub fn mentions_vars(&self) -> bool {
        let mut any = false;
        self.for_each_index(&mut |e| any |= e.mentions_vars());
        any
    }
    /// Whether it mentions this induction variable.
    pub fn mentions_var(&self, var: LoopVar) -> bool {
        let mut any = false;
        self.for_each_index(&mut |e| any |= e.mentions_var(var));
        any
    }
}

impl std::fmt::Display for Space {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[")?;
        for (k, d) in self.dims.iter().enumerate() {
            if k > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{}..{}", d.lo, d.hi)?;
            // Both are printed so that the text loses nothing; `step` alone decides where there is no expression.
            if d.step != 1 {
                write!(f, " step {}", d.step)?;
            }
            if let Some(s) = &d.step_expr {
                write!(f, " by {s}")?;
            }
        }
        f.write_str("]")?;
        if let Some(g) = &self.guard {
            write!(f, " if {g}")?;
        }
        Ok(())
    }
}

#[allow(clippy::should_implement_trait)]
impl Len {
    /// One lane.
    pub const ONE: Len = Len::Const(1);
    /// `a × b`, constants folded.
    pub fn mul(a: Len, b: Len) -> Len {
        match (a, b) {
            (Len::Const(x), Len::Const(y)) if x.checked_mul(y).is_some() => Len::Const(x * y),
            (Len::Const(1), l) | (l, Len::Const(1)) => l,
            (Len::Const(0), _) | (_, Len::Const(0)) => Len::Const(0),
            (a, b) => Len::Mul(Box::new(a), Box::new(b)),
        }
    }
    /// A constant's value.
    pub fn as_const(&self) -> Option<u64> {
        match self {
            Len::Const(n) => Some(*n),
            _ => None,
        }
    }
    /// The static maximum (saturating).
    pub fn max_lanes(&self) -> u64 {
        match self {
            Len::Const(n) => *n,
            Len::Space { max, .. } => *max,
            Len::Mul(a, b) => a.max_lanes().saturating_mul(b.max_lanes()),
        }
    }
    /// Its value; `vars` holds the induction variables by number. O(log) for affine spaces.
    ///
    /// # Errors
    /// Evaluation errors of the space's bounds, a count above the declared maximum or `u64`, an unknown space.
    pub fn eval(&self, circuit: &crate::Circuit, vars: &[i64]) -> Result<u64, IndexError> {
        self.eval_in(&circuit.spaces, vars)
    }
    /// [`Len::eval`] over a table of spaces.
    ///
    /// # Errors
    /// As [`Len::eval`].
    pub fn eval_in(&self, spaces: &[Space], vars: &[i64]) -> Result<u64, IndexError> {
        match self {
            Len::Const(n) => Ok(*n),
            Len::Space { space, max } => {
                let s = spaces.get(space.0 as usize).ok_or(IndexError::NoSpace)?;
                let n = s.count(&IndexEnv { vars })?;
                if n > *max { Err(IndexError::OverMax) } else { Ok(n) }
            }
            Len::Mul(a, b) => {
                a.eval_in(spaces, vars)?.checked_mul(b.eval_in(spaces, vars)?).ok_or(IndexError::Overflow)
            }
        }
    }
    /// Calls `f` on each space that it names.
    pub fn for_each_space(&self, f: &mut dyn FnMut(SpaceId)) {
        match self {
            Len::Const(_) => {}
            Len::Space { space, .. } => f(*space),
            Len::Mul(a, b) => {
                a.for_each_space(f);
                b.for_each_space(f);
            }
        }
    }
    /// Whether its value depends on induction variables.
    pub fn mentions_vars(&self, spaces: &[Space]) -> bool {
        let mut any = false;
        self.for_each_space(&mut |s| any |= spaces.get(s.0 as usize).is_none_or(Space::mentions_vars));
        any
    }
    /// Whether its value depends on this induction variable.
    pub fn mentions_var(&self, spaces: &[Space], var: LoopVar) -> bool {
        let mut any = false;
        self.for_each_space(&mut |s| {
            any |= spaces.get(s.0 as usize).is_none_or(|s| s.mentions_var(var));
        });
        any
    }
}

impl std::fmt::Display for Len {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Len::Const(n) => write!(f, "{n}"),
            Len::Space { space, max } => write!(f, "s{} max {max}", space.0),
            Len::Mul(a, b) => {
                write!(f, "{a} * ")?;
                if matches!(**b, Len::Mul(..)) { write!(f, "({b})") } else { write!(f, "{b}") }
            }
        }
    }
}

#[cfg(test)]
mod tests;
