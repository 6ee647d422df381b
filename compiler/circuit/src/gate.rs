//! Gates of both levels.
//!
//! All gates act lane by lane unless they say otherwise; operands of a lane-wise gate have equal lengths. A length-1 operand
//! is never broadcast silently: broadcasting is a [`Op::Gather`].

use crate::index::{Index, Len, LoopVar, SpaceId};
use crate::types::{Domain, EffectId, Elem, PartyId, RegionId, SpanId, WireId};

/// Turns after which a [`Op::While`] that goes on is an error of the program.
pub const MAX_TURNS: u64 = 1 << 32;

/// A gate: an operation, its operands, its results.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// What it does.
    pub op: Op,
    /// Operands.
    pub args: Vec<WireId>,
    /// Results, defined here and nowhere else.
    pub outs: Vec<WireId>,
    /// Where it comes from.
    pub span: SpanId,
}

/// Who gets an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Recipient {
    /// Everyone: the result is clear.
    All,
    /// One party: the result is local to it. For a family, lane k goes to member k.
    Party(PartyId),
}

/// Unary lane-wise operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Un {
    /// Two's complement negation.
    Neg,
    /// Bitwise (or boolean) complement.
    Not,
    /// To the result's element type: truncation, or extension by the operand's sign; a bool extends to 0 or 1.
    /// To `bool` from an integer: its least significant bit.
    Cast,
    /// Shifted right by so many places, below the width, floored; of a signed integer. On secrets floor or one less, and right
    /// only within a quarter of the type's range: it is cheaper than the shift.
    Trunc(u8),
}

/// Binary lane-wise operators. Operands have the same element type; `Lt` and `Eq` give bools; signedness is the type's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Bin {
    Add,
    Sub,
    Mul,
    And,
    Or,
    Xor,
    Lt,
    Eq,
    /// x / 0 is all ones, MIN / -1 is MIN, truncates toward zero. On clear operands a zero divisor is a run-time error.
    Div,
    /// x % 0 is x; the sign of x. On clear operands a zero divisor is a run-time error.
    Rem,
    /// By the second operand, which is clear and of any integer type; by N or more (or negative) gives 0 (the sign, for signed `Shr`).
    Shl,
    Shr,
}

/// Reductions of each group of consecutive lanes to one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Red {
    Add,
    Mul,
    And,
    Or,
    Xor,
    Min,
    Max,
    /// Number of true bits, of the result's integer type.
    Count,
}

/// A plane of a boolean wire among a gate's operands, or a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Plane {
    /// Plane `plane` of operand `arg`.
    Of {
        /// Index into the gate's operands.
        arg: u32,
        /// Plane of it.
        plane: u32,
    },
    /// All lanes 0.
    Zero,
    /// All lanes 1.
    One,
}

/// Operations. `P` = program level, `G` = gate level, `PG` = both; interactive gates of the gate level are marked with
/// their steps under `rep3`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    // ---- public values (PG) ----
    /// The same number in every lane: a clear wire.
    Const(u128),
    /// A table of numbers, one per lane: a clear wire.
    Table(Vec<u128>),
    /// The index expression at every lane of the space, reduced to the result's type: a clear wire.
    Iota {
        /// The lanes.
        space: SpaceId,
        /// The value.
        index: Index,
    },

    // ---- inputs and local work (PG) ----
    /// A party's input leaf (index into `Circuit::inputs`): a local wire, or a clear one for public parameters.
    Input(u32),
    /// An `at` block run by the evaluator at its party: local (or clear) operands, local results.
    At {
        /// The party.
        party: PartyId,
        /// Index into `Circuit::blocks`.
        block: u32,
    },

    // ---- drawn (PG) ----
    /// A value that nobody knows, another in every lane and at every evaluation, uniform over the element's type: secret, or at gate
    /// level in the result's domain. Local: nodes expand keys that they share.
    Random(EffectId),

    // ---- secrets, program level (P) ----
    /// A local wire becomes secret, reduced to the result's type where that has fewer bits.
    Share(EffectId),
    /// Secret to clear or local: the only way down.
    Reveal {
        /// Its id.
        id: EffectId,
        /// To whom.
        to: Recipient,
    },

    // ---- lane-wise (P on any domain, lifted to the most secret operand; G on clear only) ----
    /// Unary.
    Un(Un),
    /// Binary.
    Bin(Bin),
    /// `c ? a : b`; `c` is bool.
    Select,

    /// The boolean circuit `Circuit::nets[k]`, on every lane: an operand and a result per element of it.
    Net(u32),

    // ---- lanes (PG, any domain) ----
    /// Result lane l (a point of the space) is operand lane `index`. Out of range is a run-time error.
    Gather {
        /// The result's lanes.
        space: SpaceId,
        /// Which lane of the operand.
        index: Index,
    },
    /// Operands: base, values. The base with lane `index` (for each point of the space, in order of lanes of `values`) replaced. No index occurs twice.
    Scatter {
        /// The lanes of `values`.
        space: SpaceId,
        /// Which lane of the base.
        index: Index,
    },
    /// Operands: source, clear indices. Result lane l is source lane `indices[l]`; out of range is a run-time error.
    GatherAt,
    /// Operands: base, values, clear indices.
    ScatterAt,
    /// All operands one after another.
    Concat,

    // ---- reductions (P on any domain; G: clear, and `Add` on arith, which is local) ----
    /// Each `group` consecutive lanes to one.
    Reduce {
        /// By what.
        red: Red,
        /// Lanes per result lane; an empty group gives the identity (`Min`: the type's maximum, `Max`: its minimum).
        group: Len,
    },
    /// Operands: keys, payloads…. For each group the first lane whose key is least (greatest): results: the key, the payloads. Groups are not empty.
    ArgReduce {
        /// Greatest instead of least.
        max: bool,
        /// Lanes per result lane.
        group: Len,
    },
    /// Operands x, y: sum of products of each group. G on arith: 1 step, one element per result lane.
    Dot {
        /// Lanes per result lane.
        group: Len,
    },
    /// Operands x (batch × m × k lanes), y (batch × k × n): batch × m × n, row-major. G on arith: 1 step, one element per result lane.
    MatMul {
        /// Rows of x.
        m: u64,
        /// Columns of x.
        k: u64,
        /// Columns of y.
        n: u64,
    },

    // ---- gate level (G) ----
    /// A local wire is shared: the result's domain says in which form; the value is extended by its element's sign, then reduced
    /// to the ring or the planes. 1 step: its owner's host sends each lane to one node.
    InputShare(EffectId),
    /// Clear to shared, locally, in the result's domain, extended as by [`Op::InputShare`].
    Lift,
    /// Arith x + y; a clear operand, extended by its element's sign, may be on either side. Local.
    ArithAdd,
    /// Arith x - y as [`Op::ArithAdd`], or -x of one operand. Local.
    ArithSub,
    /// Arith times a clear second operand, extended by its element's sign. Local.
    ArithScale,
    /// Truncation to a smaller ring. Local.
    ArithTrunc,
    /// Arith x arith. 1 step, one element per lane.
    ArithMul,
    /// Bits xor bits (a clear operand, extended by its element's sign, may be second). Local.
    BitsXor,
    /// Complement of all planes. Local.
    BitsNot,
    /// Bits and clear mask (a clear bool per lane, applied to all planes; or a clear integer, extended by its sign, applied bit by bit). Local.
    BitsMask,
    /// Bits and bits, plane by plane. 1 step, one bit per plane and lane.
    BitsAnd,
    /// A new word out of planes of the operands and constants, at most 255. Local.
    Planes(Vec<Plane>),
    /// Arith x to two boolean words whose sum is x mod 2^planes (`neg` = false), or of which the second is the negated
    /// part, so that the words are equal iff x = 0 (`neg` = true). 1 step: for the lanes of third r, node r deals x_r + x_(r+1), the other part is known to the other two.
    A2bDeal {
        /// Negate the second part.
        neg: bool,
    },
    /// A bit b (one plane) to two arith words u, v, each 0 or 1, with b = u xor v. 1 step: third r dealt by node r.
    B2aDeal,
    /// Arith x, from 0 to 2^ring - 1, to two words whose sum mod 2^ring is x, each moved right by so many places. 1 step: of the
    /// lanes of third r node r deals x_r + x_(r+1), moved; the other part is known to the other two. The same wire is
    /// split alike by all such gates.
    TruncDeal {
        /// Below the ring's bits.
        places: u8,
    },
    /// Shared to clear or local (bits or arith; reduced mod 2^bits of the element before sending). 1 step.
    Open {
        /// Its id.
        id: EffectId,
        /// To whom.
        to: Recipient,
    },

    // ---- regions (PG) ----
    /// `for var in (lo..hi).step(step)`: operands are the carried wires' initial values, results their final ones; the
    /// body's parameters are the carried wires, its results their next values. Bodies use outer wires freely. Lengths of
    /// carried wires may mention the variable: a result is as long as the parameter of the next iteration.
    Loop {
        /// Induction variable.
        var: LoopVar,
        /// First value; may mention enclosing induction variables.
        lo: Index,
        /// Exclusive bound.
        hi: Index,
        /// Non-zero; negative counts down from `lo` while above `hi`.
        step: i64,
        /// The body.
        body: RegionId,
    },
    /// Operand: a clear bool of one lane, then nothing; results of the region taken.
    If {
        /// Taken when true.
        then: RegionId,
        /// Taken when false.
        otherwise: RegionId,
    },
    /// `while`, of at most [`MAX_TURNS`] turns: operands are the carried wires; `cond` gives a clear bool of one lane first, `body` the next carried wires. Both regions take the carried wires.
    While {
        /// The condition.
        cond: RegionId,
        /// The body.
        body: RegionId,
    },
    /// A region with the operands as its parameters.
    Call(RegionId),
    /// Operand: a clear bool; a false lane ends the run with a program error at the gate's span. `what` says what went wrong.
    Check {
        /// The message.
        what: String,
    },
}

/// Result element type of a binary operator on operands of type `e`.
pub fn bin_elem(op: Bin, e: Elem) -> Elem {
    match op {
        Bin::Lt | Bin::Eq => Elem::Bool,
        _ => e,
    }
}

impl Op {
    /// Whether it takes a step of the protocol, given the domain of its (first) result.
    pub fn interactive(&self, result: Option<Domain>) -> bool {
        match self {
            Op::InputShare(_)
            | Op::ArithMul
            | Op::BitsAnd
            | Op::A2bDeal { .. }
            | Op::B2aDeal
            | Op::TruncDeal { .. }
            | Op::Open { .. } => true,
            Op::Dot { .. } | Op::MatMul { .. } => matches!(result, Some(Domain::Arith { .. })),
            _ => false,
        }
    }
    /// The id of its effect, for operations that a pass must neither merge, nor duplicate, nor drop.
    pub fn effect(&self) -> Option<EffectId> {
        match self {
            Op::Random(id) | Op::Share(id) | Op::InputShare(id) | Op::Reveal { id, .. } | Op::Open { id, .. } => {
                Some(*id)
            }
            _ => None,
        }
    }
    /// As [`Op::effect`], to rename it.
    pub fn effect_mut(&mut self) -> Option<&mut EffectId> {
        match self {
            Op::Random(id) | Op::Share(id) | Op::InputShare(id) | Op::Reveal { id, .. } | Op::Open { id, .. } => {
                Some(id)
            }
            _ => None,
        }
    }
    /// Whether the operation itself must stay even if nobody uses its results: effects and checks. A region gate must stay
    /// too if its regions hold such a gate ([`crate::Circuit::region_effectful`]).
    pub fn effectful(&self) -> bool {
        self.effect().is_some() || matches!(self, Op::Check { .. })
    }
    /// Whether it may end the run with a program error: on clear operands, division and lanes out of range, and checks.
    pub fn may_fail(&self) -> bool {
        matches!(
            self,
            Op::Check { .. }
                | Op::Bin(Bin::Div | Bin::Rem)
                | Op::Gather { .. }
                | Op::Scatter { .. }
                | Op::GatherAt
                | Op::ScatterAt
                | Op::Iota { .. }
                | Op::At { .. }
        )
    }
    /// The regions that it enters, in order.
    pub fn regions(&self) -> impl Iterator<Item = RegionId> + use<> {
        let (a, b) = match self {
            Op::Loop { body, .. } => (Some(*body), None),
            Op::If { then, otherwise } => (Some(*then), Some(*otherwise)),
            Op::While { cond, body } => (Some(*cond), Some(*body)),
            Op::Call(r) => (Some(*r), None),
            _ => (None, None),
        };
        a.into_iter().chain(b)
    }
    /// Calls `f` on each region that it enters, to rename them.
    pub fn for_each_region_mut(&mut self, mut f: impl FnMut(&mut RegionId)) {
        match self {
            Op::Loop { body, .. } => f(body),
            Op::If { then, otherwise } => {
                f(then);
                f(otherwise);
            }
            Op::While { cond, body } => {
                f(cond);
                f(body);
            }
            Op::Call(r) => f(r),
            _ => {}
        }
    }
    /// Whether it is a region gate.
    pub fn is_region(&self) -> bool {
        matches!(self, Op::Loop { .. } | Op::If { .. } | Op::While { .. } | Op::Call(_))
    }
    /// The space and the index expression over it.
    pub fn space_index(&self) -> Option<(SpaceId, &Index)> {
        match self {
            Op::Iota { space, index } | Op::Gather { space, index } | Op::Scatter { space, index } => {
                Some((*space, index))
            }
            _ => None,
        }
    }
    /// As [`Op::space_index`], to change them.
    pub fn space_index_mut(&mut self) -> Option<(&mut SpaceId, &mut Index)> {
        match self {
            Op::Iota { space, index } | Op::Gather { space, index } | Op::Scatter { space, index } => {
                Some((space, index))
            }
            _ => None,
        }
    }
    /// Lanes per group, of a grouping operation.
    pub fn group(&self) -> Option<&Len> {
        match self {
            Op::Reduce { group, .. } | Op::ArgReduce { group, .. } | Op::Dot { group } => Some(group),
            _ => None,
        }
    }
    /// A short name, as the text form writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Const(_) => "const",
            Op::Table(_) => "table",
            Op::Iota { .. } => "iota",
            Op::Input(_) => "in",
            Op::At { .. } => "at",
            Op::Random(_) => "random",
            Op::Share(_) => "share",
            Op::Reveal { .. } => "reveal",
            Op::Un(Un::Neg) => "neg",
            Op::Un(Un::Not) => "not",
            Op::Un(Un::Cast) => "cast",
            Op::Un(Un::Trunc(_)) => "trunc",
            Op::Bin(Bin::Add) => "add",
            Op::Bin(Bin::Sub) => "sub",
            Op::Bin(Bin::Mul) => "mul",
            Op::Bin(Bin::And) => "and",
            Op::Bin(Bin::Or) => "or",
            Op::Bin(Bin::Xor) => "xor",
            Op::Bin(Bin::Lt) => "lt",
            Op::Bin(Bin::Eq) => "eq",
            Op::Bin(Bin::Div) => "div",
            Op::Bin(Bin::Rem) => "rem",
            Op::Bin(Bin::Shl) => "shl",
            Op::Bin(Bin::Shr) => "shr",
            Op::Select => "select",
            Op::Net(_) => "net",
            Op::Gather { .. } => "gather",
            Op::Scatter { .. } => "scatter",
            Op::GatherAt => "gather.at",
            Op::ScatterAt => "scatter.at",
            Op::Concat => "concat",
            Op::Reduce { red, .. } => red.name(),
            Op::ArgReduce { max: false, .. } => "argmin",
            Op::ArgReduce { max: true, .. } => "argmax",
            Op::Dot { .. } => "dot",
            Op::MatMul { .. } => "matmul",
            Op::InputShare(_) => "in.share",
            Op::Lift => "lift",
            Op::ArithAdd => "arith.add",
            Op::ArithSub => "arith.sub",
            Op::ArithScale => "arith.scale",
            Op::ArithTrunc => "arith.trunc",
            Op::ArithMul => "arith.mul",
            Op::BitsXor => "bits.xor",
            Op::BitsNot => "bits.not",
            Op::BitsMask => "bits.mask",
            Op::BitsAnd => "bits.and",
            Op::Planes(_) => "planes",
            Op::A2bDeal { neg: false } => "a2b.deal",
            Op::A2bDeal { neg: true } => "a2b.deal.neg",
            Op::B2aDeal => "b2a.deal",
            Op::TruncDeal { .. } => "trunc.deal",
            Op::Open { .. } => "open",
            Op::Loop { .. } => "loop",
            Op::If { .. } => "if",
            Op::While { .. } => "while",
            Op::Call(_) => "call",
            Op::Check { .. } => "check",
        }
    }
}

impl Red {
    /// Its name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Red::Add => "sum",
            Red::Mul => "product",
            Red::And => "all",
            Red::Or => "any",
            Red::Xor => "parity",
            Red::Min => "min",
            Red::Max => "max",
            Red::Count => "count",
        }
    }
}
