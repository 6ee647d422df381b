//! What is needed of a nest: effects, outputs, and all that flows into them; and who uses what.

use crate::nest::{AtArg, Kind, LoopId, MemId, Nest, NodeId, Op};
use rustc_hash::{FxHashMap, FxHashSet};

/// Nodes that something depends on.
#[derive(Clone, Debug)]
pub struct Live(Vec<bool>);

impl Live {
    /// Whether something depends on the node.
    pub fn contains(&self, n: &NodeId) -> bool {
        self.0.get(*n as usize).is_some_and(|l| *l)
    }
}

/// Live users of each live node.
#[derive(Clone, Debug)]
pub struct Users {
    /// Where in `list` those of a node begin; one more for the end.
    starts: Vec<u32>,
    list: Vec<NodeId>,
}

impl Users {
    /// Who uses a node, in order; `None` for nobody.
    pub fn get(&self, n: &NodeId) -> Option<&[NodeId]> {
        let (from, to) = (*self.starts.get(*n as usize)?, *self.starts.get(*n as usize + 1)?);
        (from < to).then(|| &self.list[from as usize..to as usize])
    }
}

/// Nodes that something depends on. `dead` are stores that are overwritten unread.
pub fn live(nest: &Nest, dead: &FxHashSet<NodeId>, roots: impl Iterator<Item = AtArg>) -> Live {
    let mut writers: FxHashMap<MemId, Vec<NodeId>> = FxHashMap::default();
    let mut work = Vec::new();
    for (k, n) in nest.nodes.iter().enumerate() {
        let id = k as NodeId;
        if nest.writes(id)
            && !dead.contains(&id)
            && let Some(m) = nest.mem_of(id)
        {
            writers.entry(m).or_default().push(id);
        }
        match n.op {
            Op::Reveal(_) | Op::Check(_) => work.push(id),
            _ => {}
        }
    }
    let mut live = vec![false; nest.nodes.len()];
    let mut entered: FxHashSet<LoopId> = FxHashSet::default();
    let mut mems: FxHashSet<MemId> = FxHashSet::default();
    let mut new_mems: Vec<MemId> = Vec::new();
    for r in roots {
        match r {
            AtArg::Node(n) => work.push(n),
            AtArg::Mem(m) => new_mems.push(m),
        }
    }
    loop {
        while let Some(m) = new_mems.pop() {
            if mems.insert(m) {
                work.extend(writers.get(&m).into_iter().flatten());
            }
        }
        let Some(id) = work.pop() else { return Live(live) };
        if std::mem::replace(&mut live[id as usize], true) {
            continue;
        }
        let n = nest.n(id);
        work.extend(&n.args);
        // What decides whether it runs.
        let mut at = n.at;
        while let Some(l) = at.filter(|l| entered.insert(*l)) {
            let lp = &nest.loops[l as usize];
            match lp.kind {
                Kind::For => {}
                Kind::While => work.extend(lp.phis.first().map(|p| p.phi)),
                Kind::Side(k) => work.push(nest.choices[k as usize].cond),
            }
            at = lp.parent;
        }
        match &n.op {
            Op::Load(m, _) | Op::LoadAt(m) | Op::Seen(m) => new_mems.push(*m),
            Op::Phi(l, s) => {
                let p = nest.loops[*l as usize].phis[*s as usize];
                work.extend([p.init, p.next]);
            }
            // Whether a turn takes place decides what comes out.
            Op::Out(l, _) if nest.loops[*l as usize].kind == Kind::While => {
                work.extend(nest.loops[*l as usize].phis.first().map(|p| p.phi));
            }
            _ => {}
        }
    }
}

/// Live users of each live node; a carried value uses its first and next ones, and what happens in a side of a choice
/// uses the condition.
pub fn users(nest: &Nest, live: &Live) -> Users {
    let each = |f: &mut dyn FnMut(NodeId, NodeId)| {
        for (k, n) in nest.nodes.iter().enumerate() {
            let id = k as NodeId;
            if !live.contains(&id) {
                continue;
            }
            n.args.iter().for_each(|a| f(*a, id));
            if let Op::Phi(l, s) = n.op {
                let p = nest.loops[l as usize].phis[s as usize];
                f(p.init, id);
                f(p.next, id);
            }
            let mut at = n.at;
            while let (Some(l), false) = (at, nest.choices.is_empty()) {
                let l = &nest.loops[l as usize];
                if let Kind::Side(k) = l.kind {
                    f(nest.choices[k as usize].cond, id);
                }
                at = l.parent;
            }
        }
    };
    // Counted, then filled from the back of each node's stretch.
    let mut starts = vec![0u32; nest.nodes.len() + 1];
    each(&mut |a, _| starts[a as usize + 1] += 1);
    for k in 1..starts.len() {
        starts[k] += starts[k - 1];
    }
    let mut list = vec![0; starts.last().map_or(0, |n| *n as usize)];
    let mut next = starts.clone();
    each(&mut |a, id| {
        let at = &mut next[a as usize];
        list[*at as usize] = id;
        *at += 1;
    });
    Users { starts, list }
}

/// What a loop gives does not depend on the first value where it surely has an iteration (but through the carried value).
pub fn settle_outs(nest: &mut Nest) {
    for l in 0..nest.loops.len() {
        if nest.skips(l as LoopId) {
            continue;
        }
        for p in nest.loops[l].phis.clone() {
            nest.nodes[p.out as usize].args = vec![p.next];
        }
    }
}

/// A reduction that starts from nothing and is then taken into an outer one is part of that one: `for i { let mut r = 0; for
/// j { r += e; } s += r; }` becomes `for i { for j { s += e; } }`, so that rows of unequal length need no padding. Only
/// where nobody else sees the inner value, and both accumulate by the same operation. Tells whether anything changed.
pub fn chain(nest: &mut Nest, live: &Live) -> bool {
    if nest.loops.iter().all(|l| l.parent.is_none() || l.phis.is_empty()) {
        return false;
    }
    let mut changed = false;
    let users = users(nest, live);
    let sole = |n: NodeId, by: NodeId| users.get(&n).is_some_and(|u| u.iter().all(|x| *x == by));
    for l in 0..nest.loops.len() {
        let Some(outer) = nest.loops[l].parent else { continue };
        if !nest.counted(l as LoopId) || !nest.counted(outer) {
            continue;
        }
        for slot in 0..nest.loops[l].phis.len() {
            let p = nest.loops[l].phis[slot];
            let Some([sum]) = users.get(&p.out) else { continue };
            let (sum, inner) = (*sum, nest.n(p.next));
            let op = inner.op.clone();
            let reduces = matches!(op, Op::Bin(_) | Op::Min | Op::Max) && inner.args.contains(&p.phi);
            let seen_by_next = users.get(&p.phi).is_some_and(|u| u.iter().all(|x| *x == p.next));
            let next_seen = users.get(&p.next).is_some_and(|u| u.iter().all(|x| *x == p.phi || *x == p.out));
            let Some(identity) = crate::fold::identity(&op, inner.elem) else { continue };
            let empty = matches!(nest.n(p.init).op, Op::Const(v) if v == identity);
            let node = nest.n(sum);
            if !reduces || !seen_by_next || !next_seen || !empty || node.op != op || node.at != Some(outer) {
                continue;
            }
            let Some(q) = nest.loops[outer as usize].phis.iter().position(|q| q.next == sum) else { continue };
            let carried = nest.loops[outer as usize].phis[q];
            let takes = node.args.len() == 2 && node.args.contains(&carried.phi) && node.args.contains(&p.out);
            let same_guard = node.guard == nest.n(p.out).guard && node.guard == nest.loops[outer as usize].guard;
            let out_sees = users.get(&sum).is_some_and(|u| u.iter().all(|x| *x == carried.phi || *x == carried.out));
            if !takes || !same_guard || !out_sees || !sole(carried.phi, sum) {
                continue;
            }
            changed = true;
            let first = p.init;
            nest.loops[l].phis[slot].init = carried.phi;
            for a in &mut nest.nodes[p.out as usize].args {
                if *a == first {
                    *a = carried.phi;
                }
            }
            nest.loops[outer as usize].phis[q].next = p.out;
            for a in &mut nest.nodes[carried.out as usize].args {
                if *a == sum {
                    *a = p.out;
                }
            }
        }
    }
    changed
}

/// A first value that is an element like those of the iterations is one of them: `m = x[0]; for i in 1..n …` becomes the
/// loop over all, and `m = x[0]; for i in 0..n …` loses its first value, which a minimum or maximum takes twice in vain.
/// For carried values that only accumulate. Returns the loops whose first values are absorbed.
pub fn absorb(nest: &mut Nest, live: &Live) -> FxHashSet<LoopId> {
    use crate::ix;
    use circuit::index::Index;
    use circuit::types::Elem;
    let mut out = FxHashSet::default();
    let mut bodies: FxHashMap<u32, Vec<NodeId>> = FxHashMap::default();
    for (k, n) in nest.nodes.iter().enumerate() {
        if let Some(l) = n.at
            && live.contains(&(k as NodeId))
        {
            bodies.entry(l).or_default().push(k as NodeId);
        }
    }
    let parents: FxHashSet<u32> = nest.loops.iter().filter_map(|l| l.parent).collect();
    for l in 0..nest.loops.len() as u32 {
        let lp = &nest.loops[l as usize];
        let shortest = ix::interval(&lp.trip, &nest.ranges).0;
        if !nest.counted(l) || parents.contains(&l) || lp.phis.is_empty() || shortest < 0 {
            continue;
        }
        let Some(body) = bodies.get(&l) else { continue };
        let plain = body.iter().all(|n| {
            let n = nest.n(*n);
            n.guard == lp.guard
                && matches!(
                    n.op,
                    Op::Load(..) | Op::Iota(_) | Op::Bin(_) | Op::Un(_) | Op::Select | Op::Min | Op::Max | Op::Phi(..)
                )
        });
        if !plain {
            continue;
        }
        let phis: Vec<_> = lp.phis.iter().filter(|p| live.contains(&p.phi)).copied().collect();
        // What each carried value takes in, and whether it may come in any order, and twice.
        let taken = phis.iter().map(|p| {
            let n = nest.n(p.next);
            let other = |a: NodeId, b: NodeId| if a == p.phi { b } else { a };
            match (&n.op, &n.args[..]) {
                (Op::Min | Op::Max, [a, b]) if *a == p.phi || *b == p.phi => Some((other(*a, *b), true, true)),
                (Op::Bin(circuit::Bin::Add), [a, b]) if *a == p.phi || *b == p.phi => {
                    Some((other(*a, *b), true, false))
                }
                (Op::Select, [_, a, b]) if crate::reduce::key_of(nest, p).is_some() => {
                    Some((if *b == p.phi { *a } else { *b }, false, true))
                }
                _ => None,
            }
        });
        let Some(taken) = taken.collect::<Option<Vec<_>>>() else { continue };
        let (any_order, twice) = (taken.iter().all(|t| t.1), taken.iter().all(|t| t.2));
        if phis.is_empty() || lp.rev && !any_order {
            continue;
        }
        // The iteration that the first values belong to: before the loop, in it, or after it.
        let found = phis.iter().zip(&taken).find_map(|(p, t)| iteration_of(nest, t.0, p.init, l));
        let candidates = [found.unwrap_or(-1), 0, -1];
        let all_alike = |k: i64| {
            let at = Index::Const(k);
            phis.iter().zip(&taken).all(|(p, t)| alike(nest, t.0, p.init, l, &at, 0))
        };
        let after = |k: i64| ix::sub(&lp.trip, &Index::Const(k)).as_const() == Some(0);
        let inside = |k: i64| twice && k >= 0 && k < shortest && (any_order || k == 0);
        let fits = |k: i64| (k == -1 || inside(k) || any_order && after(k)) && all_alike(k);
        let Some(k) = candidates.into_iter().find(|k| fits(*k)) else { continue };
        if inside(k) {
            out.insert(l);
            continue;
        }
        if k == -1 {
            let by = ix::sub(&ix::var(l), &Index::Const(1));
            for n in body {
                let node = &mut nest.nodes[*n as usize];
                if let Op::Load(_, e) | Op::Iota(e) = &mut node.op {
                    *e = ix::norm(&e.subst_var(circuit::LoopVar(l), &by));
                }
            }
        }
        let lp = &mut nest.loops[l as usize];
        lp.trip = ix::add(&lp.trip, &Index::Const(1));
        lp.max += 1;
        nest.ranges[l as usize].1 += 1;
        out.insert(l);
    }
    /// The iteration of `l` in which `x` reads what `init` reads, by their addresses.
    fn iteration_of(nest: &Nest, x: NodeId, init: NodeId, l: u32) -> Option<i64> {
        let (Op::Load(m, e), Op::Load(n, f)) = (&nest.n(x).op, &nest.n(init).op) else { return None };
        if m != n {
            return None;
        }
        let at = |k: i64| ix::norm(&e.subst_var(circuit::LoopVar(l), &Index::Const(k)));
        let (zero, one) = (at(0), at(1));
        let step = ix::sub(&one, &zero).as_const().filter(|s| *s != 0)?;
        let gap = ix::sub(f, &zero).as_const()?;
        (gap % step == 0).then_some(gap / step)
    }
    /// Whether `x` in iteration `first` of `l` is `init`.
    fn alike(nest: &Nest, x: NodeId, init: NodeId, l: u32, first: &Index, deep: usize) -> bool {
        let (a, b) = (nest.n(x), nest.n(init));
        let at = |e: &Index| ix::norm(&e.subst_var(circuit::LoopVar(l), first));
        let value = |e: &Index, elem: Elem| e.as_const().map(|v| v as i128 as u128 & crate::fold::mask(elem));
        match (&a.op, &b.op) {
            _ if deep > 8 || a.elem != b.elem => false,
            (Op::Load(m, e), Op::Load(n, f)) => m == n && at(e) == *f,
            (Op::Iota(e), Op::Iota(f)) => at(e) == *f,
            (Op::Iota(e), Op::Const(v)) => value(&at(e), a.elem) == Some(*v),
            (Op::Un(p), Op::Un(q)) => p == q && alike(nest, a.args[0], b.args[0], l, first, deep + 1),
            (Op::Bin(p), Op::Bin(q)) => {
                p == q && a.args.iter().zip(&b.args).all(|(x, y)| alike(nest, *x, *y, l, first, deep + 1))
            }
            _ => false,
        }
    }
    out
}
