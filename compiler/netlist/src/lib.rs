//! Boolean circuits, gate by gate: a builder that folds, levels, evaluation, and Bristol Fashion in and out.
//!
//! A [`Net`] is a straight-line program over single bits with `and` and `xor` as gates; complements are marks on operands
//! and cost nothing. It is what a Bristol file becomes and what the gate library builds its larger circuits from. Knows
//! no shares, no lanes, and no language.

pub mod bristol;
#[cfg(test)]
mod tests;

use rustc_hash::FxHashMap;
use std::ops::Not;

/// A bit: a node of the net, or its complement. The default is constant 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bit(u32);

impl Bit {
    /// Constant 0.
    pub const ZERO: Bit = Bit(0);
    /// Constant 1.
    pub const ONE: Bit = Bit(1);

    /// A constant.
    pub fn constant(b: bool) -> Bit {
        Bit(u32::from(b))
    }
    /// Number of the node.
    pub fn node(self) -> usize {
        (self.0 >> 1) as usize
    }
    /// Whether it is the node's complement.
    pub fn negated(self) -> bool {
        self.0 & 1 == 1
    }
    fn of(node: usize) -> Bit {
        Bit((node as u32) << 1)
    }
    fn plain(self) -> Bit {
        Bit(self.0 & !1)
    }
}

impl Not for Bit {
    type Output = Bit;
    fn not(self) -> Bit {
        Bit(self.0 ^ 1)
    }
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// Constant 0: node 0, and no other.
    Zero,
    /// An input bit: nodes 1 to [`Net::inputs`].
    Input,
    /// Product.
    And(Bit, Bit),
    /// Sum mod 2; neither operand is negated.
    Xor(Bit, Bit),
}

/// Most nodes that a net may have.
pub const MAX_NODES: usize = 1 << 28;

/// A boolean circuit. Operands stand before the gates that use them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Net {
    nodes: Vec<Node>,
    inputs: usize,
    /// The results.
    pub outputs: Vec<Bit>,
}

impl Net {
    /// Number of input bits.
    pub fn inputs(&self) -> usize {
        self.inputs
    }
    /// All nodes: the constant, the inputs, the gates.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
    /// From its parts; `None` unless node 0 is the constant, inputs follow, and every operand stands before its use.
    pub fn from_parts(inputs: usize, gates: impl IntoIterator<Item = Node>, outputs: Vec<Bit>) -> Option<Net> {
        let mut nodes = vec![Node::Zero];
        nodes.resize(inputs.checked_add(1)?, Node::Input);
        for g in gates {
            let (Node::And(a, b) | Node::Xor(a, b)) = g else { return None };
            let known = a.node() < nodes.len() && b.node() < nodes.len();
            let plain = matches!(g, Node::And(..)) || !(a.negated() || b.negated());
            if !known || !plain || nodes.len() >= MAX_NODES {
                return None;
            }
            nodes.push(g);
        }
        outputs.iter().all(|o| o.node() < nodes.len()).then_some(Net { nodes, inputs, outputs })
    }
    /// The number of a bit, for a text or binary form: twice the node, plus 1 for its complement.
    pub fn code(bit: Bit) -> u32 {
        bit.0
    }
    /// The bit of a number.
    pub fn decode(code: u32) -> Bit {
        Bit(code)
    }

    /// Values of the outputs, 64 assignments at once: bit k of each word belongs to assignment k. `None` unless there is a
    /// word per input.
    pub fn eval(&self, inputs: &[u64]) -> Option<Vec<u64>> {
        if inputs.len() != self.inputs {
            return None;
        }
        let mut v = vec![0u64; self.nodes.len()];
        let get = |v: &[u64], b: Bit| v[b.node()] ^ if b.negated() { u64::MAX } else { 0 };
        for (i, n) in self.nodes.iter().enumerate() {
            v[i] = match *n {
                Node::Zero => 0,
                Node::Input => inputs[i - 1],
                Node::And(a, b) => get(&v, a) & get(&v, b),
                Node::Xor(a, b) => get(&v, a) ^ get(&v, b),
            };
        }
        Some(self.outputs.iter().map(|o| get(&v, *o)).collect())
    }

    /// By node: whether an output depends on it.
    pub fn live(&self) -> Vec<bool> {
        let mut live = vec![false; self.nodes.len()];
        for o in &self.outputs {
            live[o.node()] = true;
        }
        for i in (0..self.nodes.len()).rev() {
            if let (true, Node::And(a, b) | Node::Xor(a, b)) = (live[i], self.nodes[i]) {
                live[a.node()] = true;
                live[b.node()] = true;
            }
        }
        live
    }

    /// Gates that outputs depend on, by level.
    pub fn levels(&self) -> Vec<Level> {
        let live = self.live();
        // Products on the longest path up to a node, then sums since the last product.
        let mut at = vec![(0usize, 0usize); self.nodes.len()];
        let mut out = vec![Level::default()];
        for (i, n) in self.nodes.iter().enumerate() {
            let (Node::And(a, b) | Node::Xor(a, b)) = *n else { continue };
            let (x, y) = (at[a.node()], at[b.node()]);
            let before = x.max(y);
            if let Node::And(..) = n {
                at[i] = (before.0 + 1, 0);
            } else {
                at[i] = (before.0, before.1 + 1);
            }
            if !live[i] {
                continue;
            }
            let (d, k) = at[i];
            if out.len() <= d {
                out.resize_with(d + 1, Level::default);
            }
            let level = &mut out[d];
            if let Node::And(..) = n {
                level.ands.push(i as u32);
            } else {
                if level.xors.len() < k {
                    level.xors.resize_with(k, Vec::new);
                }
                level.xors[k - 1].push(i as u32);
            }
        }
        out
    }

    /// Products that outputs depend on.
    pub fn ands(&self) -> usize {
        let live = self.live();
        self.nodes.iter().zip(live).filter(|(n, l)| *l && matches!(n, Node::And(..))).count()
    }
    /// Products on the longest path.
    pub fn depth(&self) -> usize {
        self.levels().len() - 1
    }
}

/// Gates of one depth: products first, then the sums that wait for them, in layers that do not wait within.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Products; none at level 0.
    pub ands: Vec<u32>,
    /// Sums.
    pub xors: Vec<Vec<u32>>,
}

/// Builds a net: folds constants and equal gates on the way.
#[derive(Clone, Debug)]
pub struct Builder {
    net: Net,
    depth: Vec<u32>,
    memo: FxHashMap<(bool, Bit, Bit), Bit>,
}

impl Builder {
    /// With so many inputs, which are given too.
    pub fn new(inputs: usize) -> (Builder, Vec<Bit>) {
        let mut nodes = vec![Node::Zero];
        nodes.resize(inputs + 1, Node::Input);
        let depth = vec![0; nodes.len()];
        let net = Net { nodes, inputs, outputs: vec![] };
        (Builder { net, depth, memo: FxHashMap::default() }, (1..=inputs).map(Bit::of).collect())
    }
    /// Number of nodes so far: the constant, the inputs, the gates.
    pub fn size(&self) -> usize {
        self.net.nodes.len()
    }
    /// Ends with these outputs.
    pub fn finish(mut self, outputs: Vec<Bit>) -> Net {
        self.net.outputs = outputs;
        self.net
    }
    /// Products on the longest path to a bit.
    pub fn depth(&self, b: Bit) -> u32 {
        self.depth[b.node()]
    }
    fn put(&mut self, and: bool, a: Bit, b: Bit) -> Bit {
        let (a, b) = if b < a { (b, a) } else { (a, b) };
        let next = self.net.nodes.len();
        let out = *self.memo.entry((and, a, b)).or_insert(Bit::of(next));
        if out.node() == next {
            self.net.nodes.push(if and { Node::And(a, b) } else { Node::Xor(a, b) });
            let d = self.depth[a.node()].max(self.depth[b.node()]) + u32::from(and);
            self.depth.push(d);
        }
        out
    }
    /// `a & b`.
    pub fn and(&mut self, a: Bit, b: Bit) -> Bit {
        match (a, b) {
            (Bit::ZERO, _) | (_, Bit::ZERO) => Bit::ZERO,
            (Bit::ONE, x) | (x, Bit::ONE) => x,
            _ if a == b => a,
            _ if a == !b => Bit::ZERO,
            _ => self.put(true, a, b),
        }
    }
    /// `a ^ b`.
    pub fn xor(&mut self, a: Bit, b: Bit) -> Bit {
        let flip = a.negated() != b.negated();
        let (p, q) = (a.plain(), b.plain());
        let r = match (p, q) {
            (Bit::ZERO, x) | (x, Bit::ZERO) => x,
            _ if p == q => Bit::ZERO,
            _ => self.put(false, p, q),
        };
        if flip { !r } else { r }
    }
    /// `a | b`: one product.
    pub fn or(&mut self, a: Bit, b: Bit) -> Bit {
        !self.and(!a, !b)
    }
    /// `c ? a : b`: one product.
    pub fn mux(&mut self, c: Bit, a: Bit, b: Bit) -> Bit {
        let d = self.xor(a, b);
        let m = self.and(c, d);
        self.xor(m, b)
    }
    /// Two of three: one product. `c` is the operand that comes last.
    pub fn majority(&mut self, a: Bit, b: Bit, c: Bit) -> Bit {
        // Two equal or opposite operands decide.
        for (x, y, z) in [(a, b, c), (a, c, b), (b, c, a)] {
            if x == y {
                return x;
            }
            if x == !y {
                return z;
            }
        }
        let (x, y) = (self.xor(a, c), self.xor(b, c));
        let m = self.and(x, y);
        self.xor(m, c)
    }
}
