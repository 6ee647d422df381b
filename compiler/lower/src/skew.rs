//! Wavefronts: two loops, each of which carries a dependence, run along their diagonals, so that all of one diagonal is lanes.
//!
//! ```text
//! for i in 0..A { for j in 0..B { body(i, j) } }
//!   →  for t in 0..A + B - 1 { for u in 0..width(t) { body(first(t) + u, t - first(t) - u) } }
//! ```
//! where `first(t) = max(0, t - B + 1)` and `width(t) = min(A, t + 1) - first(t)`. An iteration that depends on another comes on a
//! later diagonal if, for every pair of accesses to one memory, one of which writes, the distance between the iterations that meet is
//! (di, dj) with di + dj > 0, taken from the earlier to the later one. That is decided by computing all distances, of addresses
//! that are linear in i and j with the same factors. (Lamport, "The parallel execution of DO loops", 1974: the hyperplane method.)
//!
//! Works on the nest, before it is planned; what becomes of the two loops then is the planner's business.

use crate::ix::{self, Poly};
use crate::live::Live;
use crate::nest::{Item, Kind, LoopId, Nest, NodeId, Op};
use circuit::index::{Index, IndexOp};
use rustc_hash::{FxHashMap, FxHashSet};

/// Iterations of either loop up to which distances are computed.
const MAX_TRIPS: i64 = 1 << 20;

/// Outer loops of pairs that both stayed loops, and may be skewed. `seq` says which nodes run in loops that stayed.
pub fn candidates(nest: &Nest, body: &[Item], live: &Live, seq: &FxHashMap<LoopId, FxHashSet<NodeId>>) -> Vec<LoopId> {
    let mut out = Vec::new();
    let mut todo: Vec<&Item> = body.iter().collect();
    while let Some(item) = todo.pop() {
        match item {
            Item::Node(_) => {}
            Item::Choice(_, sides) => todo.extend(sides.iter().flatten()),
            Item::Loop(l, items) => {
                let pair = inner_of(items).filter(|k| seq.contains_key(l) && seq.contains_key(k));
                if let Some(k) = pair
                    && fits(nest, live, *l, k, items)
                {
                    out.push(*l);
                } else {
                    todo.extend(items);
                }
            }
        }
    }
    out
}

/// Skews loop `outer` with the one inside, if that keeps what they do.
pub fn skew(nest: &mut Nest, body: &mut [Item], live: &Live, outer: LoopId) {
    for item in body {
        match item {
            Item::Node(_) => {}
            Item::Choice(_, sides) => sides.iter_mut().for_each(|s| skew(nest, s, live, outer)),
            Item::Loop(l, items) if *l == outer => {
                if let Some(inner) = inner_of(items)
                    && fits(nest, live, outer, inner, items)
                {
                    turn(nest, outer, inner, items);
                }
            }
            Item::Loop(_, items) => skew(nest, items, live, outer),
        }
    }
}

/// The loop that is all there is in a body but nodes before it.
fn inner_of(items: &[Item]) -> Option<LoopId> {
    let (last, before) = items.split_last()?;
    let Item::Loop(inner, _) = last else { return None };
    before.iter().all(|i| matches!(i, Item::Node(_))).then_some(*inner)
}

/// Constant trip counts of a pair that may be turned at all.
fn trips(nest: &Nest, outer: LoopId, inner: LoopId) -> Option<(i64, i64)> {
    let trip = |l: LoopId| {
        let lp = &nest.loops[l as usize];
        let plain = lp.kind == Kind::For && !lp.rev && !lp.members;
        lp.trip.as_const().filter(|n| plain && *n >= 2)
    };
    let (a, b) = (trip(outer)?, trip(inner)?);
    (a <= MAX_TRIPS && b <= MAX_TRIPS).then_some((a, b))
}

/// Adds the nodes of a body; `false` if some of them may not change places.
fn nodes(items: &[Item], out: &mut Vec<NodeId>) -> bool {
    items.iter().all(|item| match item {
        Item::Node(n) => {
            out.push(*n);
            true
        }
        Item::Loop(_, items) => nodes(items, out),
        // What a condition of the run decides keeps its order.
        Item::Choice(..) => false,
    })
}

/// Whether the pair does the same along its diagonals, and gains by it: each of the two loops carries something, and no diagonal does.
fn fits(nest: &Nest, live: &Live, outer: LoopId, inner: LoopId, items: &[Item]) -> bool {
    let Some((a, b)) = trips(nest, outer, inner) else { return false };
    let mut all = Vec::new();
    if !nodes(items, &mut all) {
        return false;
    }
    let carries =
        |l: LoopId| nest.loops[l as usize].phis.iter().any(|p| live.contains(&p.phi) || live.contains(&p.out));
    if carries(outer) || carries(inner) || nest.mems.iter().any(|m| m.at == Some(outer)) {
        return false;
    }
    all.retain(|n| live.contains(n));
    // What is seen from outside keeps its order.
    let seen = |n: &NodeId| {
        matches!(
            nest.n(*n).op,
            Op::Reveal(_)
                | Op::At(_)
                | Op::AtPart(_)
                | Op::Seen(_)
                | Op::Made(_)
                | Op::Pack(_)
                | Op::Check(_)
                | Op::LoadAt(_)
        )
    };
    if all.iter().any(seen) {
        return false;
    }
    let address = |n: NodeId| match &nest.n(n).op {
        Op::Load(_, e) | Op::Store(_, e) => Poly::of(e)?.affine(),
        _ => None,
    };
    let touches = |n: &&NodeId| matches!(nest.n(**n).op, Op::Load(..) | Op::Store(..) | Op::StoreAt(_));
    let (mut along, mut across) = (false, false);
    for s in all.iter().copied().filter(|n| matches!(nest.n(*n).op, Op::Store(..) | Op::StoreAt(_))) {
        let m = nest.mem_of(s);
        if m.is_some_and(|m| nest.mems[m as usize].at.is_some_and(|at| nest.within(Some(at), inner))) {
            // Each iteration has one of its own.
            continue;
        }
        for &x in all.iter().filter(touches).filter(|x| nest.mem_of(**x) == m) {
            let (Some((f, fk)), Some((g, gk))) = (address(s), address(x)) else { return false };
            let inside = |v: &u32| *v != inner && nest.within(Some(*v), inner);
            if f != g || f.keys().any(inside) {
                return false;
            }
            let factor = |l: LoopId| i128::from(f.get(&l).copied().unwrap_or(0));
            let (ci, cj) = (factor(outer), factor(inner));
            if cj == 0 {
                return false;
            }
            // The iteration of x that meets that of s is so far away.
            let gap = i128::from(fk) - i128::from(gk);
            for di in 1 - a..a {
                let rest = gap - ci * i128::from(di);
                if rest % cj != 0 {
                    continue;
                }
                let (di, dj) = (i128::from(di), rest / cj);
                if dj.abs() >= i128::from(b) || (di, dj) == (0, 0) {
                    continue;
                }
                // From the earlier to the later.
                let (di, dj) = if (di, dj) < (0, 0) { (-di, -dj) } else { (di, dj) };
                if di + dj <= 0 {
                    return false;
                }
                along |= di == 0;
                across |= di > 0;
            }
        }
    }
    along && across
}

/// Turns the pair: the outer loop counts diagonals, the inner one goes along them.
fn turn(nest: &mut Nest, outer: LoopId, inner: LoopId, items: &mut Vec<Item>) {
    let Some((a, b)) = trips(nest, outer, inner) else { return };
    let (t, u) = (ix::var(outer), ix::var(inner));
    let first = ix::norm(&Index::bin(IndexOp::Max, Index::Const(0), ix::sub(&t, &Index::Const(b - 1))));
    let last = Index::bin(IndexOp::Min, Index::Const(a), ix::add(&t, &Index::Const(1)));
    let i = ix::norm(&ix::add(&first, &u));
    let j = ix::norm(&ix::sub(&t, &i));
    let new = |e: &Index| {
        ix::norm(&e.subst(&|leaf| match leaf {
            Index::Var(v) if v.0 == outer => Some(i.clone()),
            Index::Var(v) if v.0 == inner => Some(j.clone()),
            _ => None,
        }))
    };
    let mut all = Vec::new();
    nodes(items, &mut all);
    for n in all {
        let node = &mut nest.nodes[n as usize];
        match &mut node.op {
            Op::Iota(e) | Op::Load(_, e) | Op::Store(_, e) | Op::Pick(e) => *e = new(e),
            _ => {}
        }
        node.guard = node.guard.iter().map(&new).collect();
        if node.at == Some(outer) {
            node.at = Some(inner);
        }
    }
    for l in 0..nest.loops.len() as LoopId {
        if l != inner && nest.within(Some(l), inner) {
            let lp = &mut nest.loops[l as usize];
            lp.trip = new(&lp.trip);
            lp.guard = lp.guard.iter().map(&new).collect();
        }
    }
    let (turns, most) = (a + b - 1, a.min(b));
    let lp = &mut nest.loops[outer as usize];
    (lp.trip, lp.max) = (Index::Const(turns), turns as u64);
    let lp = &mut nest.loops[inner as usize];
    (lp.trip, lp.max) = (ix::norm(&ix::sub(&last, &first)), most as u64);
    lp.guard = lp.guard.iter().map(&new).collect();
    nest.ranges[outer as usize] = (0, turns - 1);
    nest.ranges[inner as usize] = (0, most - 1);
    // What the outer loop alone had computed is computed where it is used.
    let Some(Item::Loop(_, body)) = items.pop() else { return };
    let inside = items.drain(..).chain(body).collect();
    items.push(Item::Loop(inner, inside));
}
