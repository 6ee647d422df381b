//! Recognising reductions: cyclic code that only accumulates.
//!
//! A carried scalar (or an element of an array) that each iteration combines with something that does not depend on it,
//! by one associative and commutative operation, through chains, conditions, and inner loops.

use crate::depend::Depend;
use crate::fold;
use crate::ix;
use crate::live::Users;
use crate::nest::{LoopId, Nest, NodeId, Op};
use circuit::gate::{Bin, Un};
use circuit::index::Index;
use rustc_hash::FxHashSet;

/// Something that is accumulated.
#[derive(Clone, Debug)]
pub struct Term {
    /// What.
    pub value: NodeId,
    /// Subtracted.
    pub neg: bool,
    /// Only where these run-time conditions are true (or false).
    pub masks: Vec<(NodeId, bool)>,
    /// The loop in whose iterations it is accumulated.
    pub at: LoopId,
    /// Public conditions around the accumulation.
    pub guard: Vec<Index>,
}

/// A recognised reduction.
#[derive(Clone, Debug)]
pub enum Reduction {
    /// A carried scalar.
    Scalar {
        /// The outermost loop that it is carried by.
        l: LoopId,
        /// The carried value there.
        phi: NodeId,
        /// By what operation.
        op: Op,
        /// What is combined with the first value.
        terms: Vec<Term>,
    },
    /// The least (greatest) key and what belongs to it; the first of equal ones.
    Arg {
        /// The loop.
        l: LoopId,
        /// Greatest.
        max: bool,
        /// The last of equal keys in order of iterations wins instead of the first.
        last: bool,
        /// The carried key, and what it is compared with.
        key: (NodeId, NodeId),
        /// Carried payloads and their values in an iteration.
        payloads: Vec<(NodeId, NodeId)>,
    },
    /// Elements of a memory.
    Memory {
        /// The outermost loop in question.
        l: LoopId,
        /// The store.
        store: NodeId,
        /// Which element.
        at: Index,
        /// By what operation.
        op: Op,
        /// What is accumulated.
        terms: Vec<Term>,
    },
}

struct Decompose<'a> {
    nest: &'a Nest,
    inside: &'a FxHashSet<NodeId>,
    op: Option<Op>,
    terms: Vec<Term>,
    used: FxHashSet<NodeId>,
}

impl Decompose<'_> {
    /// What is added where a condition holds, and nothing elsewhere, is a term under that condition.
    fn masked(&self, op: &Op, e: NodeId, masks: &[(NodeId, bool)]) -> (NodeId, Vec<(NodeId, bool)>) {
        let (mut value, mut masks) = (e, masks.to_vec());
        if matches!(op, Op::Bin(Bin::Add | Bin::Sub)) {
            while let (Op::Select, [c, a, b]) = (&self.nest.n(value).op, &self.nest.n(value).args[..]) {
                let (x, holds) = match (self.nest.constant(*a), self.nest.constant(*b)) {
                    (_, Some(0)) => (*a, true),
                    (Some(0), _) => (*b, false),
                    _ => break,
                };
                // What is known of the value where it is chosen must be known where the sum is made.
                if self.nest.n(value).at != self.nest.n(e).at || self.inside.contains(c) || self.inside.contains(&x) {
                    break;
                }
                masks.push((*c, holds));
                value = x;
            }
        }
        (value, masks)
    }
    fn agree(&mut self, op: &Op) -> Option<()> {
        let op = if *op == Op::Bin(Bin::Sub) { Op::Bin(Bin::Add) } else { op.clone() };
        match &self.op {
            Some(o) if *o != op => None,
            _ => {
                self.op = Some(op);
                Some(())
            }
        }
    }
    /// `n = start ⊕ terms`.
    fn run(
        &mut self,
        n: NodeId,
        start: &dyn Fn(NodeId) -> bool,
        masks: &[(NodeId, bool)],
        guard: &[Index],
        deep: usize,
    ) -> Option<()> {
        if start(n) {
            return Some(());
        }
        if deep > 64 || !self.inside.contains(&n) {
            return None;
        }
        self.used.insert(n);
        let node = self.nest.n(n);
        let dep = |x: &NodeId| self.inside.contains(x) || start(*x);
        match &node.op {
            op @ (Op::Bin(Bin::Add | Bin::Sub | Bin::Mul | Bin::And | Bin::Or | Bin::Xor) | Op::Min | Op::Max) => {
                let (x, y) = (node.args[0], node.args[1]);
                let (acc, e, neg) = match (dep(&x), dep(&y)) {
                    (true, false) => (x, y, *op == Op::Bin(Bin::Sub)),
                    (false, true) if *op != Op::Bin(Bin::Sub) => (y, x, false),
                    _ => return None,
                };
                self.agree(op)?;
                let mut g: Vec<Index> = node.guard.to_vec();
                g.extend(guard.iter().cloned());
                g.sort();
                g.dedup();
                let (value, masks_of) = self.masked(op, e, masks);
                self.terms.push(Term { value, neg, masks: masks_of, at: node.at?, guard: g });
                self.run(acc, start, masks, guard, deep + 1)
            }
            Op::Select => {
                let [c, a, b] = node.args[..] else { return None };
                if dep(&c) {
                    return None;
                }
                let mut yes = masks.to_vec();
                yes.push((c, true));
                let mut no = masks.to_vec();
                no.push((c, false));
                self.run(a, start, &yes, guard, deep + 1)?;
                self.run(b, start, &no, guard, deep + 1)
            }
            Op::Pick(c) => {
                let (a, b) = (node.args[0], node.args[1]);
                let mut yes = guard.to_vec();
                ix::conjuncts(c, &mut yes);
                let mut no = guard.to_vec();
                ix::conjuncts(&ix::not(c), &mut no);
                self.run(a, start, masks, &yes, deep + 1)?;
                self.run(b, start, masks, &no, deep + 1)
            }
            Op::Out(l, s) => {
                if !masks.is_empty() || !guard.is_empty() || !self.nest.counted(*l) {
                    return None;
                }
                let p = *self.nest.loops.get(*l as usize)?.phis.get(*s as usize)?;
                if !self.inside.contains(&p.phi) {
                    return None;
                }
                self.used.insert(p.phi);
                self.run(p.init, start, masks, guard, deep + 1)?;
                self.run(p.next, &|x| x == p.phi, masks, guard, deep + 1)
            }
            _ => None,
        }
    }
}

/// `n = start ⊕ terms`: the operation, what is combined with the first value, and the nodes of the chain.
pub fn decompose(
    nest: &Nest,
    inside: &FxHashSet<NodeId>,
    n: NodeId,
    start: &dyn Fn(NodeId) -> bool,
    guard: &[Index],
) -> Option<(Op, Vec<Term>, FxHashSet<NodeId>)> {
    let mut d = Decompose { nest, inside, op: None, terms: vec![], used: Default::default() };
    d.run(n, start, &[], guard, 0)?;
    d.terms.reverse();
    Some((d.op?, d.terms, d.used))
}

/// Whether a strongly connected part whose cycle loop `l` carries is a reduction.
pub fn recognise(nest: &Nest, users: &Users, depend: &mut Depend, ids: &[NodeId], l: LoopId) -> Option<Reduction> {
    let inside: FxHashSet<NodeId> = ids.iter().copied().collect();
    let stores: Vec<NodeId> = ids.iter().copied().filter(|n| nest.writes(*n)).collect();
    if let [store] = stores[..] {
        return memory(nest, users, depend, &inside, store, l);
    }
    if !stores.is_empty() {
        return None;
    }
    let own: Vec<_> = nest.loops[l as usize].phis.iter().filter(|p| inside.contains(&p.phi)).collect();
    if own.len() > 1 {
        return arg(nest, users, &inside, l);
    }
    let p = own.first()?;
    let (op, terms, mut used) = decompose(nest, &inside, p.next, &|x| x == p.phi, &[])?;
    used.insert(p.phi);
    closed(nest, users, &inside, &used)?;
    Some(Reduction::Scalar { l, phi: p.phi, op, terms })
}

/// The part is no more than the chain, and nobody sees the values on the way.
fn closed(nest: &Nest, users: &Users, inside: &FxHashSet<NodeId>, used: &FxHashSet<NodeId>) -> Option<()> {
    // What the loop gives of the accumulated value itself.
    let own = |u: NodeId| match nest.n(u).op {
        Op::Out(l, s) => inside.contains(&nest.loops[l as usize].phis[s as usize].phi),
        _ => false,
    };
    let fine = inside.iter().all(|n| {
        used.contains(n) && users.get(n).is_none_or(|list| list.iter().all(|u| inside.contains(u) || own(*u)))
    });
    // Each step of the chain feeds one other, but for choices between the same two.
    fine.then_some(())
}

fn memory(
    nest: &Nest,
    users: &Users,
    depend: &mut Depend,
    inside: &FxHashSet<NodeId>,
    store: NodeId,
    l: LoopId,
) -> Option<Reduction> {
    let node = nest.n(store);
    let Op::Store(mem, at) = &node.op else { return None };
    let old = |n: NodeId| matches!(&nest.n(n).op, Op::Load(m, e) if m == mem && e == at);
    let (op, terms, mut used) = decompose(nest, inside, node.args[0], &old, &node.guard)?;
    used.insert(store);
    used.extend(inside.iter().copied().filter(|n| old(*n)));
    closed(nest, users, inside, &used)?;
    let path: Vec<LoopId> = nest.path(node.at).into_iter().filter(|x| nest.within(Some(*x), l)).collect();
    let of = ix::vars(at);
    let (kept, gone): (Vec<LoopId>, Vec<LoopId>) = path.iter().partition(|x| of.contains(x));
    if gone.is_empty() || terms.iter().any(|t| Some(t.at) != node.at) {
        return None;
    }
    for k in &kept {
        let free = ix::vars(&nest.loops[*k as usize].trip).iter().any(|v| gone.contains(v));
        if free || depend.carried(nest, store, store, *k) != (false, false) {
            return None;
        }
    }
    Some(Reduction::Memory { l, store, at: at.clone(), op, terms })
}

/// The carried key that a carried payload depends on.
pub fn key_of(nest: &Nest, p: &crate::nest::Phi) -> Option<NodeId> {
    let n = nest.n(p.next);
    let (Op::Select, [c, a, b]) = (&n.op, &n.args[..]) else { return None };
    let c = nest.n(*c);
    if (*b != p.phi && *a != p.phi) || c.op != Op::Bin(Bin::Lt) {
        return None;
    }
    let Op::Phi(l, _) = nest.n(p.phi).op else { return None };
    c.args.iter().copied().find(|k| {
        *k != p.phi
            && nest.loops[l as usize].phis.iter().any(|q| q.phi == *k && matches!(nest.n(q.next).op, Op::Min | Op::Max))
    })
}

/// `if x > m { m = x; p = v; }`
fn arg(nest: &Nest, users: &Users, inside: &FxHashSet<NodeId>, l: LoopId) -> Option<Reduction> {
    let phis: Vec<_> = nest.loops[l as usize].phis.iter().filter(|p| inside.contains(&p.phi)).collect();
    if ix::interval(&nest.loops[l as usize].trip, &nest.ranges).0 < 1 {
        return None;
    }
    let key = phis.iter().find(|p| matches!(nest.n(p.next).op, Op::Min | Op::Max))?;
    let next = nest.n(key.next);
    let max = next.op == Op::Max;
    let x = match next.args[..] {
        [m, x] if m == key.phi => x,
        [x, m] if m == key.phi => x,
        _ => return None,
    };
    let mut used: FxHashSet<NodeId> = [key.phi, key.next].into_iter().collect();
    let mut payloads = Vec::new();
    let mut lasts = None;
    for p in phis.iter().filter(|p| p.phi != key.phi) {
        let n = nest.n(p.next);
        let [c, a, b] = n.args[..] else { return None };
        // `x > m ? v : p` takes the first of equal keys, `x < m ? p : v` the last.
        let (last, a) = if b == p.phi { (false, a) } else { (true, b) };
        if n.op != Op::Select || (b != p.phi && n.args[1] != p.phi) || inside.contains(&a) {
            return None;
        }
        if lasts.is_some_and(|l| l != last) {
            return None;
        }
        lasts = Some(last);
        let want = if max != last { [key.phi, x] } else { [x, key.phi] };
        let c_node = nest.n(c);
        if c_node.op != Op::Bin(Bin::Lt) || c_node.args[..] != want {
            return None;
        }
        used.extend([p.phi, p.next, c]);
        payloads.push((p.phi, a));
    }
    if inside.contains(&x) {
        return None;
    }
    closed(nest, users, inside, &used)?;
    Some(Reduction::Arg { l, max, last: lasts?, key: (key.phi, x), payloads })
}

/// The reduction gate of an operation.
pub fn gate(op: &Op) -> Option<circuit::Red> {
    use circuit::Red;
    Some(match op {
        Op::Bin(Bin::Add | Bin::Sub) => Red::Add,
        Op::Bin(Bin::Mul) => Red::Mul,
        Op::Bin(Bin::And) => Red::And,
        Op::Bin(Bin::Or) => Red::Or,
        Op::Bin(Bin::Xor) => Red::Xor,
        Op::Min => Red::Min,
        Op::Max => Red::Max,
        _ => return None,
    })
}
/// Whether a node widens a truth value: sums of it count.
pub fn counted(nest: &Nest, n: NodeId) -> Option<NodeId> {
    let node = nest.n(n);
    let x = *node.args.first()?;
    (node.op == Op::Un(Un::Cast) && nest.n(x).elem == circuit::Elem::Bool && fold::mask(node.elem) > 1).then_some(x)
}
