//! Recognising recurrences whose every value is wanted: what a prefix network computes in logarithmic depth.
//!
//! A carried scalar, or an element of an array computed from its neighbour, that each iteration combines with something
//! that does not depend on it by an associative operation, and that is read on the way; and a carried scalar that some
//! iterations replace, whether or not it is read on the way. Knows dependences and shapes, no circuit and no network.

use crate::depend::Depend;
use crate::ix;
use crate::live::Users;
use crate::nest::{LoopId, MemId, Nest, NodeId, Op, Phi};
use crate::reduce::{Term, decompose};
use circuit::gate::{Bin, Un};
use circuit::index::{Index, LoopVar};
use circuit::types::Elem;
use rustc_hash::FxHashSet;

/// Where a recurrence keeps its value.
#[derive(Clone, Debug)]
pub enum Start {
    /// A carried scalar.
    Scalar(Phi),
    /// An element computed from its neighbour: the store, the memory, the addresses that are read and written.
    Element(NodeId, MemId, Index, Index),
}

/// What an iteration does to the value.
#[derive(Clone, Debug)]
pub enum Step {
    /// Combines it with terms.
    Fold(Op, Vec<Term>),
    /// Replaces it, or not: a tree of selections whose leaves are the value before and others. At most one iteration does,
    /// if the flag says so.
    Replace(bool),
}

/// A recognised recurrence.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The loop that carries it: a constant number of iterations.
    pub l: LoopId,
    /// It and the loops inside around the value: each of their iterations has a recurrence of its own.
    pub own: Vec<LoopId>,
    /// The value before an iteration: the carried value, or the load of the neighbour.
    pub before: NodeId,
    /// The value after it.
    pub after: NodeId,
    /// Where it starts, and where it goes.
    pub start: Start,
    /// How it goes on.
    pub step: Step,
    /// Whether anything reads it on the way.
    pub seen: bool,
    /// Other nodes of the cycle that something outside reads, with all between, in order: with the values before they
    /// are no cycle any more.
    pub rest: Vec<NodeId>,
}

/// Whether a strongly connected part whose cycle loop `l` carries is a recurrence that a network computes.
pub fn recognise(nest: &Nest, users: &Users, depend: &mut Depend, ids: &[NodeId], l: LoopId) -> Option<Scan> {
    // Lines of lanes are whole: every loop around has a number of iterations that is known.
    let whole = |l: LoopId| {
        let lp = &nest.loops[l as usize];
        nest.counted(l) && lp.guard.is_empty() && lp.trip.as_const() == Some(lp.max as i64)
    };
    if nest.loops[l as usize].max < 2 {
        return None;
    }
    let inside: FxHashSet<NodeId> = ids.iter().copied().collect();
    if ids.iter().any(|n| !nest.n(*n).guard.is_empty()) {
        return None;
    }
    let stores: Vec<NodeId> = ids.iter().copied().filter(|n| nest.writes(*n)).collect();
    let (before, after, start, used, step) = match stores[..] {
        [] => scalar(nest, &inside, l)?,
        [store] => element(nest, depend, &inside, store, l)?,
        _ => return None,
    };
    let own = match start {
        Start::Scalar(_) => Some(l),
        Start::Element(store, ..) => nest.n(store).at,
    };
    // The other of a lesser and a greater stands with it, and is on no cycle: a cycle goes through what is carried.
    let beside = |n: &NodeId| {
        let node = nest.n(*n);
        matches!(start, Start::Scalar(_)) && matches!(node.op, Op::Min | Op::Max) && node.at == own
    };
    if !inside.iter().all(|n| used.contains(n) || beside(n)) || !nest.path(own).into_iter().all(whole) {
        return None;
    }
    let out = |u: NodeId| match (&start, &nest.n(u).op) {
        (Start::Scalar(_), Op::Out(of, _)) => *of == l,
        _ => false,
    };
    let read = |n: &NodeId| users.get(n).is_some_and(|list| list.iter().any(|u| !inside.contains(u) && !out(*u)));
    let kept = match start {
        Start::Scalar(_) => None,
        Start::Element(store, ..) => Some(store),
    };
    let others = |n: &&NodeId| **n != before && **n != after && Some(**n) != kept;
    let others: Vec<NodeId> = ids.iter().filter(others).copied().collect();
    let rest = if others.iter().any(read) { others } else { vec![] };
    // What an inner loop accumulates is known when it has ended, not on the way.
    if !rest.is_empty() && ids.iter().any(|n| nest.n(*n).at != own) {
        return None;
    }
    let seen = kept.is_some() || ids.iter().any(read);
    Some(Scan {
        l,
        own: nest.path(own).into_iter().filter(|x| nest.within(Some(*x), l)).collect(),
        before,
        after,
        start,
        step,
        seen,
        rest,
    })
}

type Found = (NodeId, NodeId, Start, FxHashSet<NodeId>, Step);

fn scalar(nest: &Nest, inside: &FxHashSet<NodeId>, l: LoopId) -> Option<Found> {
    let mut own = nest.loops[l as usize].phis.iter().filter(|p| inside.contains(&p.phi));
    let p = *own.next()?;
    if own.next().is_some() {
        return None;
    }
    let start = |x: NodeId| x == p.phi;
    let (used, step) = match decompose(nest, inside, p.next, &start, &[]) {
        Some((op, terms, used)) => (used, Step::Fold(op, terms)),
        None => {
            let mut used = FxHashSet::default();
            replaced(nest, inside, p.next, p.phi, l, &mut used)?;
            // Each iteration leaves something that none before it decides: no recurrence.
            if used.is_empty() {
                return None;
            }
            (used, Step::Replace(once(nest, &p, l)))
        }
    };
    let mut used = used;
    used.insert(p.phi);
    Some((p.phi, p.next, Start::Scalar(p), used, step))
}

/// A tree of selections by conditions of outside, among the value before and values of outside.
fn replaced(
    nest: &Nest,
    inside: &FxHashSet<NodeId>,
    n: NodeId,
    phi: NodeId,
    l: LoopId,
    used: &mut FxHashSet<NodeId>,
) -> Option<()> {
    if n == phi || !inside.contains(&n) {
        return Some(());
    }
    let node = nest.n(n);
    let [c, a, b] = node.args[..] else { return None };
    if node.op != Op::Select || inside.contains(&c) || node.at != Some(l) {
        return None;
    }
    used.insert(n);
    replaced(nest, inside, a, phi, l, used)?;
    replaced(nest, inside, b, phi, l, used)
}

/// Whether at most one iteration replaces: it does so only where some carried flag has a value that it leaves then for
/// good.
fn once(nest: &Nest, p: &Phi, l: LoopId) -> bool {
    let n = nest.n(p.next);
    let [c, a, b] = n.args[..] else { return false };
    let mut facts = Vec::new();
    match (a == p.phi, b == p.phi) {
        (false, true) => known(nest, c, true, &mut facts),
        (true, false) => known(nest, c, false, &mut facts),
        _ => return false,
    }
    // The flag has one value before and never comes back to it; what is known of a replacing iteration makes it leave.
    let leaves = |q: &Phi, value: bool| {
        let mut parts = Vec::new();
        known(nest, q.next, value, &mut parts);
        let stays = parts.contains(&(q.phi, value));
        stays && facts.contains(&(q.phi, value)) && parts.iter().any(|f| refuted(nest, &facts, *f))
    };
    let flags = nest.loops[l as usize].phis.iter().filter(|q| nest.n(q.phi).elem == Elem::Bool);
    flags.into_iter().any(|q| leaves(q, true) || leaves(q, false))
}
type Fact = (NodeId, bool);
/// What follows from a truth value.
fn known(nest: &Nest, n: NodeId, holds: bool, out: &mut Vec<Fact>) {
    let node = nest.n(n);
    if out.len() > 64 || out.contains(&(n, holds)) || node.elem != Elem::Bool {
        return;
    }
    out.push((n, holds));
    match (&node.op, holds) {
        (Op::Un(Un::Not), _) => known(nest, node.args[0], !holds, out),
        (Op::Bin(Bin::And), true) | (Op::Bin(Bin::Or), false) => {
            node.args.iter().for_each(|a| known(nest, *a, holds, out));
        }
        _ => {}
    }
}
/// Whether it cannot be so, by facts.
fn refuted(nest: &Nest, facts: &[Fact], (n, holds): Fact) -> bool {
    let node = nest.n(n);
    if node.elem != Elem::Bool {
        return false;
    }
    facts.contains(&(n, !holds))
        || match (&node.op, holds) {
            (Op::Un(Un::Not), _) => refuted(nest, facts, (node.args[0], !holds)),
            (Op::Bin(Bin::And), true) | (Op::Bin(Bin::Or), false) => {
                node.args.iter().any(|a| refuted(nest, facts, (*a, holds)))
            }
            (Op::Bin(Bin::Or), true) | (Op::Bin(Bin::And), false) => {
                node.args.iter().all(|a| refuted(nest, facts, (*a, holds)))
            }
            _ => false,
        }
}

fn element(nest: &Nest, depend: &mut Depend, inside: &FxHashSet<NodeId>, store: NodeId, l: LoopId) -> Option<Found> {
    let node = nest.n(store);
    let Op::Store(mem, to) = &node.op else { return None };
    let loads: Vec<NodeId> = inside.iter().copied().filter(|n| nest.mem_of(*n) == Some(*mem) && *n != store).collect();
    let [load] = loads[..] else { return None };
    let Op::Load(_, from) = &nest.n(load).op else { return None };
    if node.at != nest.n(load).at {
        return None;
    }
    // What is read is what the iteration before wrote, and each writes a place of its own.
    let step = if nest.loops[l as usize].rev { 1 } else { -1 };
    let neighbour = to.subst_var(LoopVar(l), &ix::add(&ix::var(l), &Index::Const(step)));
    if ix::norm(&ix::sub(&neighbour, from)) != Index::Const(0) {
        return None;
    }
    for k in nest.path(node.at).into_iter().filter(|k| nest.within(Some(*k), l)) {
        if depend.carried(nest, store, store, k) != (false, false) {
            return None;
        }
    }
    let after = node.args[0];
    let (op, terms, mut used) = decompose(nest, inside, after, &|x| x == load, &[])?;
    used.extend([store, load]);
    let start = Start::Element(store, *mem, from.clone(), to.clone());
    Some((load, after, start, used, Step::Fold(op, terms)))
}
