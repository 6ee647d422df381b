//! The loop nest: scalar SSA nodes, loads and stores of flat memories, and loops over public index expressions.
//!
//! What tracing makes and planning and emission read. A body is a list of items in program order; a node knows the loop
//! that it stands in and the public conditions around it. Knows no source language and no circuit wires.

use circuit::gate::{Bin, Recipient, Un};
use circuit::index::{Index, Interval};
use circuit::types::{Domain, Elem};
use std::rc::Rc;

/// Index into [`Nest::nodes`].
pub type NodeId = u32;
/// Index into [`Nest::mems`].
pub type MemId = u32;
/// Index into [`Nest::loops`]; loop k's variable is `Index::Var(k)` and runs from 0 below its trip count.
pub type LoopId = u32;

/// What a node does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Op {
    Const(u128),
    /// An index expression as a number (wrapped to the element).
    Iota(Index),
    /// Scalar input leaf.
    Input(u32),
    Un(Un),
    Bin(Bin),
    Min,
    Max,
    /// `c ? a : b`
    Select,
    /// Element k of the result of a circuit (its number among the program's), on all elements of its parameters.
    Net(u32, u32),
    /// `[a, b]`: a where the public condition holds (a is computed there alone), else b.
    Pick(Index),
    /// Lane of a memory.
    Load(MemId, Index),
    /// `[address]`, a clear signed 64-bit number.
    LoadAt(MemId),
    /// `[value]`
    Store(MemId, Index),
    /// `[value, address]`
    StoreAt(MemId),
    /// The memory begins here (each time), filled with its initial number.
    Alloc(MemId),
    /// The whole memory, element by element.
    Pack(MemId),
    /// Value of a carried scalar in an iteration: loop, slot.
    Phi(LoopId, u32),
    /// Its value after the loop.
    Out(LoopId, u32),
    /// `[c, a, b]`: what a run-time choice gives: a, computed in its first side, where the clear c holds, else b.
    Join(u32),
    /// A value that nobody knows, another at each evaluation.
    Random,
    Share,
    Reveal(Recipient),
    /// Result k of an `at` call.
    AtPart(u32),
    /// `[arguments…]`: `at` block call, see `Nest::ats`; its results go to memories and to `AtPart`s.
    At(u32),
    /// The whole memory is read: an argument of an `at` call.
    Seen(MemId),
    /// `[call]`: the whole memory is a result of an `at` call.
    Made(MemId),
    Check(Rc<str>),
}

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    /// What.
    pub op: Op,
    /// Operands.
    pub args: Vec<NodeId>,
    /// Type of the value (meaningless where there is none).
    pub elem: Elem,
    /// Who knows it.
    pub dom: Domain,
    /// Innermost loop around it.
    pub at: Option<LoopId>,
    /// Public conditions around it, each an index expression.
    pub guard: Rc<[Index]>,
    /// Span number.
    pub span: u32,
    /// Structural hash, for a canonical order of operands.
    pub key: u64,
}

/// A memory: a flat array of scalars.
#[derive(Clone, Debug)]
pub struct Mem {
    /// Element type.
    pub elem: Elem,
    /// Lanes.
    pub len: u64,
    /// The loop in whose iterations it lives; `None`: the whole run.
    pub at: Option<LoopId>,
    /// Domain so far.
    pub dom: Domain,
    /// Number of changes so far, at tracing.
    pub ver: u32,
    /// Input leaf that it is.
    pub input: Option<u32>,
    /// Numbers of a public table.
    pub table: Option<Rc<[u128]>>,
    /// Belongs to a variable (must not be stolen).
    pub owned: bool,
    /// Depth of secret conditions at its birth.
    pub conds: usize,
    /// Structural hash.
    pub key: u64,
    /// Written since birth other than by its making (then a local one is not shareable as a whole).
    pub fill: u128,
    /// The shared form of a memory that a party owns.
    pub shared: Option<MemId>,
}

/// A carried scalar.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Phi {
    pub phi: NodeId,
    pub init: NodeId,
    pub next: NodeId,
    pub out: NodeId,
}

/// Why nodes stand in a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `trip` iterations.
    For,
    /// As long as the first carried value holds, a clear truth value. It counts as one iteration with no variable.
    While,
    /// A side of a run-time choice (index into [`Nest::choices`]): one iteration or none.
    Side(u32),
}

/// A run-time choice: a clear condition decides which of two sides runs.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The condition, of outside.
    pub cond: NodeId,
    /// The side that runs where it holds, and the other.
    pub sides: [LoopId; 2],
    /// What comes out of the sides.
    pub joins: Vec<NodeId>,
}

/// A loop, or another stretch of code that may run any number of times: see [`Kind`].
#[derive(Clone, Debug)]
pub struct Loop {
    /// What it is.
    pub kind: Kind,
    /// Around it.
    pub parent: Option<LoopId>,
    /// Loops around it.
    pub depth: u32,
    /// Number of iterations (fewer than 1 is none); mentions enclosing loops' variables.
    pub trip: Index,
    /// Largest number of iterations.
    pub max: u64,
    /// Runs from the last value to the first.
    pub rev: bool,
    /// Its iterations are lanes of a family's values, which lie member by member: in every batch it comes first.
    pub members: bool,
    /// Carried scalars.
    pub phis: Vec<Phi>,
    /// Public conditions around it.
    pub guard: Rc<[Index]>,
    /// Span number.
    pub span: u32,
}

/// An `at` call.
#[derive(Clone, Debug)]
pub struct AtCall {
    /// Index into the lowered program's blocks.
    pub block: u32,
    /// Party.
    pub party: u32,
    /// The loop over the members of its family: a run for each, whatever the arguments are.
    pub members: Option<LoopId>,
    /// Argument columns; with loops or run-time conditions around, the last says of each run whether it takes place.
    pub args: Vec<AtArg>,
    /// Whether there is such a column, and what it holds; `None` in it: all take place.
    pub many: Option<Option<NodeId>>,
    /// Result columns: element, lanes, and where they go.
    pub outs: Vec<(Elem, u64, AtArg)>,
}

/// A column of an `at` call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum AtArg {
    Node(NodeId),
    Mem(MemId),
}

/// An entry of a body.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Item {
    Node(NodeId),
    Loop(LoopId, Vec<Item>),
    /// A run-time choice with its two sides.
    Choice(u32, [Vec<Item>; 2]),
}

/// A program as a nest.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Nest {
    pub nodes: Vec<Node>,
    pub mems: Vec<Mem>,
    pub loops: Vec<Loop>,
    pub choices: Vec<Choice>,
    /// Intervals of the loops' variables, by loop.
    pub ranges: Vec<Interval>,
    pub ats: Vec<AtCall>,
}

impl Nest {
    /// Loops around, from the outermost.
    pub fn path(&self, mut at: Option<LoopId>) -> Vec<LoopId> {
        let mut out = Vec::new();
        while let Some(l) = at {
            out.push(l);
            at = self.loops[l as usize].parent;
        }
        out.reverse();
        out
    }
    /// Number of loops around.
    pub fn depth(&self, at: Option<LoopId>) -> usize {
        at.map_or(0, |l| self.loops[l as usize].depth as usize + 1)
    }
    /// Whether loop `l` is `at` or around it.
    pub fn within(&self, mut at: Option<LoopId>, l: LoopId) -> bool {
        while let Some(x) = at {
            if x == l {
                return true;
            }
            at = self.loops[x as usize].parent;
        }
        false
    }
    /// Whether it is a loop with a number of iterations: one that may become lanes.
    pub fn counted(&self, l: LoopId) -> bool {
        self.loops[l as usize].kind == Kind::For
    }
    /// Whether a loop may have no iteration.
    pub fn skips(&self, l: LoopId) -> bool {
        let lp = &self.loops[l as usize];
        lp.kind != Kind::For || crate::ix::interval(&lp.trip, &self.ranges).0 < 1
    }
    /// The deeper of two loops of one path.
    pub fn deeper(&self, a: Option<LoopId>, b: Option<LoopId>) -> Option<LoopId> {
        if self.depth(a) >= self.depth(b) { a } else { b }
    }
    /// The deepest loop whose variable an expression mentions.
    pub fn scope_of(&self, e: &Index) -> Option<LoopId> {
        let known = |v: &u32| (*v as usize) < self.loops.len();
        crate::ix::vars(e).into_iter().filter(known).fold(None, |at, v| self.deeper(at, Some(v)))
    }
    /// A node.
    pub fn n(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }
    /// A constant's value.
    pub fn constant(&self, id: NodeId) -> Option<u128> {
        match self.n(id).op {
            Op::Const(v) => Some(v),
            _ => None,
        }
    }
    /// The memory that a node reads or writes.
    pub fn mem_of(&self, id: NodeId) -> Option<MemId> {
        match self.n(id).op {
            Op::Load(m, _) | Op::LoadAt(m) | Op::Store(m, _) | Op::StoreAt(m) => Some(m),
            Op::Alloc(m) | Op::Pack(m) | Op::Seen(m) | Op::Made(m) => Some(m),
            _ => None,
        }
    }
    /// Whether it changes a memory.
    pub fn writes(&self, id: NodeId) -> bool {
        self.begins(id) || matches!(self.n(id).op, Op::Store(..) | Op::StoreAt(_))
    }
    /// Whether it replaces all of a memory.
    pub fn begins(&self, id: NodeId) -> bool {
        matches!(self.n(id).op, Op::Alloc(_) | Op::Pack(_) | Op::Made(_))
    }
}
