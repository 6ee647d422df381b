//! Dependences between accesses to a memory: which loop carries them, and in which direction.
//!
//! Tests in order: affine addresses by bounds and divisibility; the same, and arguments on digits and shifts, for each value
//! of the variables that addresses take apart; else the index sets themselves, enumerated up to a limit; beyond it a
//! dependence is assumed. Knows addresses and conditions only, not what is computed.

use crate::ix::{self, Poly};
use crate::nest::{LoopId, MemId, Nest, NodeId, Op};
use crate::trace_coords;
use circuit::index::{Index, IndexEnv, IndexOp, Interval, Space, SpaceDim, eval_strip, for_each_point};
use rustc_hash::FxHashMap;
use std::rc::Rc;

mod closed;

/// Points of one side that one exact test may enumerate for each iteration of the loops outside.
const MAX_POINTS: u64 = 1 << 22;
/// Points that all exact tests of one program may enumerate.
const BUDGET: u64 = 1 << 28;
/// A search for a dependence that is plain to see looks at so many iterations of the loop in question, at so many of each
/// loop inside, and at so many points of the loops outside.
const GLANCE: (i64, i64, u64) = (3, 64, 256);

/// Whether a dependence runs from the first access in an earlier iteration to the second in a later one, and the other way.
pub type Carried = (bool, bool);

/// All that a test looks at: address, public conditions, innermost loop.
type Access = (Option<Index>, Rc<[Index]>, Option<LoopId>, MemId);

/// The tests, with what they found.
pub struct Depend {
    memo: FxHashMap<(Access, Access, LoopId), Carried>,
    /// Intervals of the nest's variables, narrowed while a test runs.
    ranges: Vec<Interval>,
    budget: u64,
}

impl Default for Depend {
    fn default() -> Depend {
        Depend { memo: FxHashMap::default(), ranges: vec![], budget: BUDGET }
    }
}

impl Depend {
    /// Dependences between two accesses to one memory that loop `l`, around both, carries.
    pub fn carried(&mut self, nest: &Nest, a: NodeId, b: NodeId, l: LoopId) -> Carried {
        let access = |n: NodeId| -> Access {
            (address(nest, n).cloned(), nest.n(n).guard.clone(), nest.n(n).at, nest.mem_of(n).unwrap_or(0))
        };
        let (x, y) = (access(a), access(b));
        // One order for each pair.
        if y < x {
            let (forth, back) = self.carried(nest, b, a, l);
            return (back, forth);
        }
        let key = (x, y, l);
        if let Some(c) = self.memo.get(&key) {
            return *c;
        }
        let c = self.test(nest, a, b, l);
        // A loop that runs backwards meets its iterations in the other order.
        let c = if nest.loops[l as usize].rev { (c.1, c.0) } else { c };
        self.memo.insert(key, c);
        c
    }
    fn test(&mut self, nest: &Nest, a: NodeId, b: NodeId, l: LoopId) -> Carried {
        if nest.loops[l as usize].max < 2 {
            return (false, false);
        }
        let (Some(f), Some(g)) = (address(nest, a), address(nest, b)) else { return (true, true) };
        let affine = affine(nest, f, g, l, &nest.ranges);
        // A condition may take away what the addresses alone would meet in.
        let bare = nest.n(a).guard.is_empty() && nest.n(b).guard.is_empty();
        match affine {
            Some((c, true)) if bare => return c,
            Some(((false, false), _)) => return (false, false),
            _ => {}
        }
        if self.ranges.len() != nest.ranges.len() {
            self.ranges.clone_from(&nest.ranges);
        }
        if let Some(c) = closed::carried(nest, (a, f), (b, g), l, &mut self.ranges) {
            return c;
        }
        // A few iterations show most dependences that there are.
        if self.exact(nest, (a, f), (b, g), l, true) == Some((true, true)) {
            return (true, true);
        }
        self.exact(nest, (a, f), (b, g), l, false).or(affine.map(|a| a.0)).unwrap_or((true, true))
    }
    /// Enumerates both index sets for each iteration of the loops outside `l`; at a glance, only some of them.
    fn exact(
        &mut self,
        nest: &Nest,
        (a, f): (NodeId, &Index),
        (b, g): (NodeId, &Index),
        l: LoopId,
        glance: bool,
    ) -> Option<Carried> {
        let outer = nest.path(nest.loops[l as usize].parent);
        let len = nest.mems[nest.mem_of(a)? as usize].len;
        let inner = |n: NodeId| -> Vec<LoopId> {
            nest.path(nest.n(n).at).into_iter().filter(|x| nest.within(Some(*x), l)).collect()
        };
        let side = |n: NodeId, e: &Index| {
            let node = nest.n(n);
            let path = inner(n);
            let dims = path
                .iter()
                .map(|x| SpaceDim::range(Index::Const(0), trace_coords(&nest.loops[*x as usize].trip, &path)))
                .collect();
            let guard = node.guard.iter().map(|c| trace_coords(c, &path)).reduce(|p, q| Index::bin(IndexOp::And, p, q));
            (Space { dims, guard }, trace_coords(e, &path))
        };
        let (mut sa, fa) = side(a, f);
        let (mut sb, fb) = side(b, g);
        if glance {
            for s in [&mut sa, &mut sb] {
                for (k, d) in s.dims.iter_mut().enumerate() {
                    let most = if k == 0 { GLANCE.0 } else { GLANCE.1 };
                    d.hi = Index::bin(IndexOp::Min, d.hi.clone(), Index::Const(most));
                }
            }
        }
        let times = outer.iter().fold(1u64, |n, x| n.saturating_mul(nest.loops[*x as usize].max));
        // Bounds count ranges that depend on others at their longest: the points themselves are counted below.
        let most = sa.bounds(&nest.ranges).1.max(sb.bounds(&nest.ranges).1);
        if !glance && (times > MAX_POINTS || most > MAX_POINTS << 6) {
            return None;
        }
        let around = Space {
            dims: outer
                .iter()
                .map(|x| SpaceDim::range(Index::Const(0), trace_coords(&nest.loops[*x as usize].trip, &outer)))
                .collect(),
            guard: None,
        };
        let n = around.count(&IndexEnv::default()).ok()?;
        let n = if glance { n.min(GLANCE.2) } else { n };
        let mut vars = vec![0i64; nest.loops.len()];
        let mut found = (false, false);
        let mut failed = false;
        let mut spent = 0u64;
        // First and last iteration that touches an address, stamped by the outer iteration.
        let mut seen: Vec<(u32, i64, i64)> = Vec::new();
        let left = self.budget;
        let mut stamp = 0u32;
        let (mut at, mut it, mut yes) = (Vec::new(), Vec::new(), Vec::new());
        let r = for_each_point(&around, &IndexEnv::default(), 0..n, |_, point| {
            if failed || found == (true, true) {
                return;
            }
            for (x, v) in outer.iter().zip(point) {
                vars[*x as usize] = *v;
            }
            stamp += 1;
            let env = IndexEnv { vars: &vars };
            if len > MAX_POINTS || spent > left {
                failed = true;
                return;
            }
            if seen.is_empty() {
                seen.resize(len as usize, (0, 0, 0));
            }
            let mut fill = |s: &Space, e: &Index, at: &mut Vec<i64>, it: &mut Vec<i64>, again: bool| -> Option<()> {
                let all = Space { guard: None, ..s.clone() };
                let n = all.count(&env).ok()?;
                if n > MAX_POINTS {
                    return None;
                }
                spent += n;
                let strip = |e: &Index, out: &mut Vec<i64>| {
                    out.clear();
                    eval_strip(&all, e, &env, 0..n, out).ok()
                };
                strip(e, at)?;
                strip(&Index::Coord(0), it)?;
                if let Some(g) = &s.guard {
                    if !again {
                        strip(g, &mut yes)?;
                    }
                    let mut k = 0;
                    for (j, y) in yes.iter().enumerate() {
                        if *y != 0 {
                            at[k] = at[j];
                            it[k] = it[j];
                            k += 1;
                        }
                    }
                    at.truncate(k);
                    it.truncate(k);
                }
                Some(())
            };
            if fill(&sa, &fa, &mut at, &mut it, false).is_none() {
                failed = true;
                return;
            }
            for (x, i) in at.iter().zip(&it) {
                if let Some(s) = usize::try_from(*x).ok().and_then(|x| seen.get_mut(x)) {
                    *s = if s.0 == stamp { (stamp, s.1.min(*i), s.2.max(*i)) } else { (stamp, *i, *i) };
                }
            }
            if (sa != sb || fa != fb) && fill(&sb, &fb, &mut at, &mut it, sa == sb).is_none() {
                failed = true;
                return;
            }
            for (x, i) in at.iter().zip(&it) {
                if let Some(s) = usize::try_from(*x).ok().and_then(|x| seen.get(x))
                    && s.0 == stamp
                {
                    found.0 |= s.1 < *i;
                    found.1 |= s.2 > *i;
                }
            }
        });
        self.budget = self.budget.saturating_sub(spent);
        (r.is_ok() && !failed).then_some(found)
    }
}

/// The address of an access; `None` where only the run knows it.
fn address(nest: &Nest, n: NodeId) -> Option<&Index> {
    match &nest.n(n).op {
        Op::Load(_, e) | Op::Store(_, e) => Some(e),
        _ => None,
    }
}

/// By bounds and divisibility on affine addresses: what may be carried, and whether that is certain.
fn affine(nest: &Nest, f: &Index, g: &Index, l: LoopId, ranges: &[Interval]) -> Option<(Carried, bool)> {
    let (f, g) = (Poly::of(f)?, Poly::of(g)?);
    let outside = |k: &Vec<Index>| k.iter().all(|a| ix::vars(a).iter().all(|v| *v != l && !nest.within(Some(*v), l)));
    // What the loops outside decide is one number here: it cancels, or lies in an interval.
    let split = |p: Poly| {
        let (fixed, rest): (Vec<_>, Vec<_>) = p.0.into_iter().partition(|(k, _)| outside(k));
        (Poly(fixed.into_iter().collect()), Poly(rest.into_iter().collect()))
    };
    let ((ff, fr), (gf, gr)) = (split(f), split(g));
    let gap = ix::sub(&ff.index(), &gf.index());
    let (fa, _) = fr.affine()?;
    let (ga, _) = gr.affine()?;
    let inside = |v: u32| v == l || nest.within(Some(v), l);
    let range = |v: u32| ranges[v as usize];
    let c = gap.as_const();
    let gap = ix::interval(&gap, ranges);
    let (mut lo, mut hi) = (i128::from(gap.0), i128::from(gap.1));
    let mut gcd: i128 = 0;
    let mut simple = c.is_some();
    let mut free = |c: i128, (a, b): (i64, i64)| {
        let (x, y) = (c * i128::from(a), c * i128::from(b));
        lo += x.min(y);
        hi += x.max(y);
        gcd = num_gcd(gcd, c.abs());
    };
    let get = |m: &std::collections::BTreeMap<u32, i64>, v: u32| i128::from(m.get(&v).copied().unwrap_or(0));
    let all: std::collections::BTreeSet<u32> = fa.keys().chain(ga.keys()).copied().collect();
    for v in all {
        if v == l {
            continue;
        }
        let (p, q) = (get(&fa, v), get(&ga, v));
        if inside(v) {
            simple = false;
            free(p, range(v));
            free(-q, range(v));
        }
    }
    let (p, q) = (get(&fa, l), get(&ga, l));
    // At most so many iterations apart.
    let far = i128::from(range(l).1);
    if p != q {
        simple = false;
        free(p - q, range(l));
    }
    // a in iteration t, b in t + d: p t - q (t + d) + … = 0.
    let all = num_gcd(gcd, q.abs());
    if all == 0 {
        let hit = lo <= 0 && 0 <= hi;
        return Some(((hit, hit), simple));
    }
    if c.is_some_and(|c| i128::from(c) % all != 0) {
        return Some(((false, false), true));
    }
    let side = |sign: i128| {
        let (x, y) = (-q * sign, -q * sign * far);
        lo + x.min(y) <= 0 && 0 <= hi + x.max(y)
    };
    Some(((side(1), side(-1)), simple))
}
fn num_gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { num_gcd(b, a % b) }
}

/// Whether two addresses certainly differ in the same iteration.
pub fn distinct(f: &Index, g: &Index) -> bool {
    matches!(ix::sub(f, g).as_const(), Some(d) if d != 0)
}
