//! Planning: which parts of a loop nest become lanes, which are reductions, and which stay loops.
//!
//! The classical scheme of Allen and Kennedy on an SSA nest: strongly connected parts of the dependence graph, loop by loop
//! from the outside, in topological order. Knows dependences and shapes of accumulation, no circuit.

use crate::depend::{Depend, distinct};
use crate::ix;
use crate::live::{Live, Users};
use crate::nest::{Item, Kind, LoopId, MemId, Nest, NodeId, Op};
use crate::reduce::{self, Reduction};
use crate::scan::{self, Scan};
use circuit::index::Index;
use rustc_hash::{FxHashMap, FxHashSet};

/// A step of a plan.
#[derive(Clone, Debug)]
pub enum Plan {
    /// The node, over lanes of all loops around it that do not stay loops.
    Node(NodeId),
    /// Cyclic code that is a reduction.
    Reduce(Box<Reduction>),
    /// Cyclic code that a prefix network computes.
    Scan(Box<Scan>),
    /// A loop that stays one.
    Seq {
        /// The loop.
        l: LoopId,
        /// Its nodes.
        nodes: Vec<NodeId>,
        /// What happens in an iteration.
        body: Vec<Plan>,
    },
    /// A run-time choice.
    Choice {
        /// Which.
        k: u32,
        /// Its nodes.
        nodes: Vec<NodeId>,
        /// What happens in each side.
        sides: [Vec<Plan>; 2],
    },
}

/// A loop that stays a loop, and the two accesses (or the carried value twice) that forced it.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Forced {
    pub l: LoopId,
    pub first: NodeId,
    pub second: NodeId,
}

/// Plans for one program.
pub struct Planner<'n> {
    nest: &'n Nest,
    live: &'n Live,
    /// Users of each node.
    pub users: &'n Users,
    pub depend: Depend,
    pub forced: Vec<Forced>,
    /// Loops that must stay loops because a loop inside, which stays one, has bounds that depend on them.
    keep: FxHashSet<LoopId>,
    /// Loops that stay loops, with the nodes that run in them.
    pub seq: FxHashMap<LoopId, FxHashSet<NodeId>>,
}

#[derive(Clone, Copy)]
struct Edge {
    to: usize,
    /// Depth of the loop that carries it; `u32::MAX` for none.
    level: u32,
}
const FREE: u32 = u32::MAX;

/// All nodes of a body, in order.
pub fn flatten(items: &[Item], out: &mut Vec<NodeId>) {
    for i in items {
        match i {
            Item::Node(n) => out.push(*n),
            Item::Loop(_, b) => flatten(b, out),
            Item::Choice(_, sides) => sides.iter().for_each(|b| flatten(b, out)),
        }
    }
}

impl<'n> Planner<'n> {
    pub fn new(nest: &'n Nest, live: &'n Live, users: &'n Users) -> Planner<'n> {
        Planner {
            nest,
            live,
            users,
            depend: Depend::default(),
            forced: vec![],
            keep: Default::default(),
            seq: Default::default(),
        }
    }
    /// The plan of a loop around which no other may become lanes, with the nodes that stand for its results.
    pub fn top(&mut self, l: LoopId, body: &[Item]) -> Vec<Plan> {
        let mut nodes = Vec::new();
        flatten(body, &mut nodes);
        nodes.extend(self.nest.loops[l as usize].phis.iter().map(|p| p.out));
        nodes.retain(|n| self.live.contains(n));
        loop {
            let (keep, forced) = (self.keep.len(), self.forced.len());
            let plan = self.plan(&nodes, self.nest.loops[l as usize].depth);
            self.ragged(&plan);
            if self.keep.len() == keep {
                self.stayed(&plan);
                return plan;
            }
            self.forced.truncate(forced);
        }
    }
    /// Finds loops that stay loops inside lanes that decide how often they run.
    fn ragged(&mut self, plan: &[Plan]) {
        let mut stack: Vec<(&[Plan], Vec<LoopId>)> = vec![(plan, vec![])];
        while let Some((plan, seq)) = stack.pop() {
            for p in plan {
                if let Plan::Seq { l, body, .. } = p {
                    for v in ix::vars(&self.nest.loops[*l as usize].trip) {
                        if !seq.contains(&v) {
                            self.keep.insert(v);
                        }
                    }
                    let mut seq = seq.clone();
                    seq.push(*l);
                    stack.push((body, seq));
                } else if let Plan::Choice { sides, .. } = p {
                    stack.extend(sides.iter().map(|s| (&s[..], seq.clone())));
                }
            }
        }
    }
    /// Notes which nodes run in loops that stay loops.
    fn stayed(&mut self, plan: &[Plan]) {
        let mut stack: Vec<&Plan> = plan.iter().collect();
        while let Some(p) = stack.pop() {
            match p {
                Plan::Seq { l, nodes, body } => {
                    self.seq.entry(*l).or_default().extend(nodes);
                    stack.extend(body);
                }
                Plan::Choice { sides, .. } => stack.extend(sides.iter().flatten()),
                _ => {}
            }
        }
    }
    /// What a node cannot be taken out of: the outermost `while` or side around it from a depth on, or the choice that it
    /// belongs to.
    fn held(&self, n: NodeId, level: u32) -> Option<LoopId> {
        let node = self.nest.n(n);
        let mut found = None;
        let mut at = node.at;
        while let Some(l) = at {
            let lp = &self.nest.loops[l as usize];
            if lp.depth < level {
                break;
            }
            match lp.kind {
                Kind::For => {}
                Kind::While => found = Some(l),
                Kind::Side(k) => found = Some(self.nest.choices[k as usize].sides[0]),
            }
            at = lp.parent;
        }
        if let (None, Op::Join(k)) = (found, &node.op) {
            let l = self.nest.choices[*k as usize].sides[0];
            return (self.nest.loops[l as usize].depth >= level).then_some(l);
        }
        found
    }
    fn loop_at(&self, n: NodeId, level: u32) -> Option<LoopId> {
        let mut at = self.nest.n(n).at;
        while let Some(l) = at {
            let x = &self.nest.loops[l as usize];
            if x.depth == level {
                return Some(l);
            }
            at = x.parent;
        }
        None
    }

    fn plan(&mut self, nodes: &[NodeId], level: u32) -> Vec<Plan> {
        let edges = self.edges(nodes, level);
        let parts = components(nodes.len(), &edges);
        let mut out = Vec::new();
        for part in parts {
            let lone = part.len() == 1
                && !edges[part[0]].iter().any(|e| e.to == part[0])
                && (self.held(nodes[part[0]], level).is_none()
                    || matches!(self.nest.n(nodes[part[0]]).op, Op::Join(_)));
            if lone {
                out.push(Plan::Node(nodes[part[0]]));
                continue;
            }
            let inside: FxHashSet<usize> = part.iter().copied().collect();
            let ids: Vec<NodeId> = part.iter().map(|k| nodes[*k]).collect();
            let carried = part.iter().find_map(|k| {
                edges[*k].iter().find(|e| e.level == level && inside.contains(&e.to)).map(|e| (*k, e.to))
            });
            let l = ids.iter().find_map(|n| self.loop_at(*n, level));
            let Some(l) = l else {
                // Nothing left to order them by but the program's own order.
                out.extend(ids.into_iter().map(Plan::Node));
                continue;
            };
            match self.nest.loops[l as usize].kind {
                Kind::For => {}
                Kind::While => {
                    let body = self.plan(&ids, level + 1);
                    out.push(Plan::Seq { l, nodes: ids, body });
                    continue;
                }
                Kind::Side(k) => {
                    let sides = self.nest.choices[k as usize].sides.map(|l| {
                        let within = |n: &NodeId| self.nest.within(self.nest.n(*n).at, l);
                        ids.iter().copied().filter(within).collect::<Vec<NodeId>>()
                    });
                    let sides = sides.map(|ids| self.plan(&ids, level + 1));
                    out.push(Plan::Choice { k, nodes: ids, sides });
                    continue;
                }
            }
            // Lanes are no place for what the run decides once.
            let whole = ids.iter().any(|n| self.held(*n, level + 1).is_some());
            if carried.is_none() && !whole && !self.keep.contains(&l) {
                out.extend(self.plan(&ids, level + 1));
                continue;
            }
            if let Some(r) = reduce::recognise(self.nest, self.users, &mut self.depend, &ids, l) {
                out.push(Plan::Reduce(Box::new(r)));
                continue;
            }
            if !whole
                && !self.keep.contains(&l)
                && let Some(s) = scan::recognise(self.nest, self.users, &mut self.depend, &ids, l)
            {
                out.push(Plan::Scan(Box::new(s)));
                continue;
            }
            if let Some((a, b)) = carried {
                self.forced.push(Forced { l, first: nodes[a], second: nodes[b] });
            }
            let body = self.plan(&ids, level + 1);
            out.push(Plan::Seq { l, nodes: ids, body });
        }
        out
    }

    fn edges(&mut self, nodes: &[NodeId], level: u32) -> Vec<Vec<Edge>> {
        let nest = self.nest;
        let number: FxHashMap<NodeId, usize> = nodes.iter().enumerate().map(|(k, n)| (*n, k)).collect();
        let mut edges: Vec<Vec<Edge>> = vec![vec![]; nodes.len()];
        let mut pairs: FxHashMap<(NodeId, NodeId), usize> = FxHashMap::default();
        let mut by_mem: indexmap::IndexMap<MemId, Vec<usize>> = Default::default();
        // The last node of each `while` and choice.
        let mut stuck: FxHashMap<LoopId, usize> = FxHashMap::default();
        for (k, id) in nodes.iter().enumerate() {
            let n = nest.n(*id);
            if let Some(l) = self.held(*id, level) {
                match stuck.insert(l, k) {
                    Some(j) => {
                        edges[j].push(Edge { to: k, level: FREE });
                        edges[k].push(Edge { to: j, level: FREE });
                    }
                    None => {
                        if let Kind::Side(c) = nest.loops[l as usize].kind
                            && let Some(j) = number.get(&nest.choices[c as usize].cond)
                        {
                            edges[*j].push(Edge { to: k, level: FREE });
                        }
                    }
                }
            }
            for a in &n.args {
                if let Some(j) = number.get(a) {
                    edges[*j].push(Edge { to: k, level: FREE });
                }
            }
            match &n.op {
                Op::Phi(l, s) => {
                    let p = nest.loops[*l as usize].phis[*s as usize];
                    if let Some(j) = number.get(&p.init) {
                        edges[*j].push(Edge { to: k, level: FREE });
                    }
                    let depth = nest.loops[*l as usize].depth;
                    if *s == 0 && nest.loops[*l as usize].kind == Kind::While {
                        // What comes out of a `while` without being read in it.
                        let unread = |q: &&crate::nest::Phi| !self.live.contains(&q.phi) && self.live.contains(&q.out);
                        for q in nest.loops[*l as usize].phis.iter().filter(unread) {
                            for x in [q.init, q.next] {
                                if let Some(j) = number.get(&x) {
                                    edges[*j].push(Edge { to: k, level: FREE });
                                }
                            }
                        }
                    }
                    if depth >= level {
                        // The carried value and what comes next belong to one loop.
                        match number.get(&p.next) {
                            Some(j) => {
                                edges[*j].push(Edge { to: k, level: depth });
                                edges[k].push(Edge { to: *j, level: FREE });
                            }
                            None => edges[k].push(Edge { to: k, level: depth }),
                        }
                        // A payload chosen by the comparison with a carried key goes with the key.
                        if let (Some(j), Some(key)) = (number.get(&p.next), reduce::key_of(nest, &p))
                            && let Some(i) = number.get(&key)
                        {
                            edges[*j].push(Edge { to: *i, level: FREE });
                        }
                    }
                }
                // What a call gives is there with the call.
                Op::AtPart(_) | Op::Made(_) => {
                    if let Some(j) = n.args.first().and_then(|a| number.get(a)) {
                        edges[k].push(Edge { to: *j, level: FREE });
                    }
                }
                Op::Min | Op::Max => {
                    // The lesser and the greater of two share their comparison: they stay together.
                    let key = (n.args[0].min(n.args[1]), n.args[0].max(n.args[1]));
                    match pairs.get(&key) {
                        Some(j)
                            if nest.n(nodes[*j]).at == n.at
                                && n.at.is_some_and(|l| nest.loops[l as usize].depth >= level) =>
                        {
                            edges[*j].push(Edge { to: k, level: FREE });
                            edges[k].push(Edge { to: *j, level: FREE });
                        }
                        _ => {
                            pairs.insert(key, k);
                        }
                    }
                }
                Op::Out(l, s) => {
                    let p = nest.loops[*l as usize].phis[*s as usize];
                    // Inside of a loop in question, what a loop gives stays with it, also where nobody reads it on the way.
                    let within = n.at.is_some_and(|x| nest.loops[x as usize].depth >= level);
                    // What comes out of a `while` is there when it has ended, whether or not it was read inside.
                    let lp = &nest.loops[*l as usize];
                    if lp.kind == Kind::While
                        && let Some(j) = lp.phis.first().and_then(|c| number.get(&c.phi))
                    {
                        edges[*j].push(Edge { to: k, level: FREE });
                        if within {
                            edges[k].push(Edge { to: *j, level: FREE });
                        }
                    }
                    if let (true, false, Some(j)) = (within, self.live.contains(&p.phi), number.get(&p.next)) {
                        edges[k].push(Edge { to: *j, level: FREE });
                    }
                    // A loop whose carried value nobody reads starts from it all the same.
                    if let (true, Some(i), Some(j)) = (n.args.len() > 1, number.get(&p.init), number.get(&p.next)) {
                        edges[*i].push(Edge { to: *j, level: FREE });
                    }
                    if let Some(j) = number.get(&p.phi) {
                        edges[*j].push(Edge { to: k, level: FREE });
                        // Inside of a loop in question, what a loop gives stays with it.
                        if n.at.is_some_and(|x| nest.loops[x as usize].depth >= level) {
                            edges[k].push(Edge { to: *j, level: FREE });
                        }
                    }
                }
                _ => {}
            }
            if let Some(m) = nest.mem_of(*id) {
                by_mem.entry(m).or_default().push(k);
            }
        }
        for (m, list) in by_mem {
            if !list.iter().any(|k| nest.writes(nodes[*k])) {
                continue;
            }
            let private = nest.mems[m as usize].at.map(|l| nest.loops[l as usize].depth);
            if private.is_some_and(|d| d >= level) {
                // It lives in one iteration: all that touches it stays together.
                for w in list.windows(2) {
                    edges[w[0]].push(Edge { to: w[1], level: FREE });
                    edges[w[1]].push(Edge { to: w[0], level: FREE });
                }
            }
            for (x, j) in list.iter().enumerate() {
                for k in &list[x..] {
                    self.pair(nodes, *j, *k, level, private, &mut edges);
                }
            }
        }
        edges
    }
    fn pair(
        &mut self,
        nodes: &[NodeId],
        j: usize,
        k: usize,
        level: u32,
        private: Option<u32>,
        edges: &mut [Vec<Edge>],
    ) {
        let nest = self.nest;
        let (a, b) = (nodes[j], nodes[k]);
        if !nest.writes(a) && !nest.writes(b) {
            return;
        }
        let address = |n: NodeId| match &nest.n(n).op {
            Op::Load(_, e) | Op::Store(_, e) => Some(e.clone()),
            _ => None,
        };
        let (fa, fb): (Option<Index>, Option<Index>) = (address(a), address(b));
        if j != k {
            let apart = matches!((&fa, &fb), (Some(f), Some(g)) if nest.n(a).at == nest.n(b).at && distinct(f, g));
            if !apart {
                edges[j].push(Edge { to: k, level: FREE });
            }
        }
        let (pa, pb) = (nest.path(nest.n(a).at), nest.path(nest.n(b).at));
        for (x, y) in pa.iter().zip(&pb) {
            let depth = nest.loops[*x as usize].depth;
            if x != y {
                break;
            }
            if depth < level || private.is_some_and(|d| depth <= d) {
                continue;
            }
            if nest.begins(a) || nest.begins(b) {
                continue;
            }
            let (forth, back) = self.depend.carried(nest, a, b, *x);
            if forth {
                edges[j].push(Edge { to: k, level: depth });
            }
            if back {
                edges[k].push(Edge { to: j, level: depth });
            }
        }
    }
}

/// Strongly connected parts in topological order, by first node where that leaves a choice; nodes of a part in order.
fn components(n: usize, edges: &[Vec<Edge>]) -> Vec<Vec<usize>> {
    // Tarjan, with a stack of its own.
    let mut index = vec![usize::MAX; n];
    let mut low = vec![0; n];
    let mut on = vec![false; n];
    let mut stack = Vec::new();
    let mut part = vec![usize::MAX; n];
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut next = 0;
    for root in 0..n {
        if index[root] != usize::MAX {
            continue;
        }
        let mut work = vec![(root, 0)];
        while let Some((v, k)) = work.pop() {
            if k == 0 {
                index[v] = next;
                low[v] = next;
                next += 1;
                stack.push(v);
                on[v] = true;
            }
            let mut k = k;
            let mut down = None;
            while k < edges[v].len() {
                let w = edges[v][k].to;
                k += 1;
                if index[w] == usize::MAX {
                    down = Some(w);
                    break;
                }
                if on[w] {
                    low[v] = low[v].min(index[w]);
                }
            }
            if let Some(w) = down {
                work.push((v, k));
                work.push((w, 0));
                continue;
            }
            if low[v] == index[v] {
                let mut members = Vec::new();
                while let Some(w) = stack.pop() {
                    on[w] = false;
                    part[w] = parts.len();
                    members.push(w);
                    if w == v {
                        break;
                    }
                }
                members.sort_unstable();
                parts.push(members);
            }
            if let Some((u, _)) = work.last() {
                low[*u] = low[*u].min(low[v]);
            }
        }
    }
    // Kahn, earliest first.
    let mut indegree = vec![0usize; parts.len()];
    let mut after: Vec<Vec<usize>> = vec![vec![]; parts.len()];
    for (v, list) in edges.iter().enumerate() {
        for e in list {
            let (a, b) = (part[v], part[e.to]);
            if a != b {
                after[a].push(b);
                indegree[b] += 1;
            }
        }
    }
    let mut ready: std::collections::BinaryHeap<std::cmp::Reverse<(usize, usize)>> =
        (0..parts.len()).filter(|p| indegree[*p] == 0).map(|p| std::cmp::Reverse((parts[p][0], p))).collect();
    let mut order = Vec::new();
    while let Some(std::cmp::Reverse((_, p))) = ready.pop() {
        for q in std::mem::take(&mut after[p]) {
            indegree[q] -= 1;
            if indegree[q] == 0 {
                ready.push(std::cmp::Reverse((parts[q][0], q)));
            }
        }
        order.push(p);
    }
    let mut slots: Vec<Option<Vec<usize>>> = parts.into_iter().map(Some).collect();
    order.into_iter().filter_map(|p| slots[p].take()).collect()
}
