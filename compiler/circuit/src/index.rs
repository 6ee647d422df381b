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
    Add, Sub, Mul, Div, Rem, Xor, And, Or, Shl, Shr, Min, Max,
    Eq, Ne, Lt, Le,
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
