//! Dependences between accesses to a memory: which loop carries them, and in which direction.
//!
//! Tests in order: affine addresses by bounds and divisibility; else the index sets themselves, enumerated up to a limit;
//! beyond it a dependence is assumed. Knows addresses only, not what is computed.

use crate::ix::{self, Poly};
use crate::nest::{LoopId, Nest, NodeId, Op};
use crate::trace_coords;
use circuit::index::{Index, IndexEnv, IndexOp, Space, SpaceDim, eval_strip, for_each_point};
use rustc_hash::FxHashMap;

/// Points of one side that one exact test may enumerate for each iteration of the loops outside.
const MAX_POINTS: u64 = 1 << 22;
/// Points that all exact tests of one program may enumerate.
const BUDGET: u64 = 1 << 28;

/// Whether a dependence runs from the first access in an earlier iteration to the second in a later one, and the other way.
pub type Carried = (bool, bool);

/// The tests, with what they found.
pub struct Depend {
    memo: FxHashMap<(NodeId, NodeId, LoopId), Carried>,
    budget: u64,
    /// Pairs that were too large to decide.
    pub given_up: Vec<(NodeId, NodeId, LoopId)>,
}

impl Default for Depend {
    fn default() -> Depend {
        Depend { memo: FxHashMap::default(), budget: BUDGET, given_up: vec![] }
    }
}

impl Depend {
    /// Dependences between two accesses to one memory that loop `l`, around both, carries.
    pub fn carried(&mut self, nest: &Nest, a: NodeId, b: NodeId, l: LoopId) -> Carried {
        if let Some(c) = self.memo.get(&(a, b, l)) {
            return *c;
        }
        let c = self.test(nest, a, b, l);
        // A loop that runs backwards meets its iterations in the other order.
        let c = if nest.loops[l as usize].rev { (c.1, c.0) } else { c };
        self.memo.insert((a, b, l), c);
        c
    }
    fn test(&mut self, nest: &Nest, a: NodeId, b: NodeId, l: LoopId) -> Carried {
        if nest.loops[l as usize].max < 2 {
            return (false, false);
        }
        let (Some(f), Some(g)) = (address(nest, a), address(nest, b)) else { return (true, true) };
        let affine = affine(nest, f, g, l);
        match affine {
            Some((c, true)) => return c,
            Some(((false, false), _)) => return (false, false),
            _ => {}
        }
        match self.exact(nest, a, b, f, g, l) {
            Some(c) => c,
            None => {
                self.given_up.push((a, b, l));
                affine.map_or((true, true), |a| a.0)
            }
        }
    }
    /// Enumerates both index sets for each iteration of the loops outside `l`.
    fn exact(&mut self, nest: &Nest, a: NodeId, b: NodeId, f: &Index, g: &Index, l: LoopId) -> Option<Carried> {
        let outer = nest.path(nest.loops[l as usize].parent);
        let len = nest.mems[nest.mem_of(a)? as usize].len;
        if len > MAX_POINTS {
            return None;
        }
        let side = |n: NodeId, e: &Index| {
            let node = nest.n(n);
            let path: Vec<LoopId> =
                nest.path(node.at).into_iter().filter(|x| *x == l || nest.within(Some(*x), l)).collect();
            let dims = path
                .iter()
                .map(|x| SpaceDim::range(Index::Const(0), trace_coords(&nest.loops[*x as usize].trip, &path)))
                .collect();
            let guard = node
                .guard
                .iter()
                .map(|c| trace_coords(c, &path))
                .reduce(|p, q| Index::bin(IndexOp::And, p, q));
            (Space { dims, guard }, trace_coords(e, &path))
        };
        let (sa, fa) = side(a, f);
        let (sb, fb) = side(b, g);
        let most = sa.bounds(&nest.ranges).1.max(sb.bounds(&nest.ranges).1);
        let times = outer.iter().fold(1u64, |n, x| n.saturating_mul(nest.loops[*x as usize].max));
        let cost = most.saturating_mul(times).saturating_mul(2);
        if most > MAX_POINTS || cost > self.budget {
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
        let mut vars = vec![0i64; nest.loops.len()];
        let mut found = (false, false);
        let mut failed = false;
        let mut spent = 0u64;
        // First and last iteration that touches an address, stamped by the outer iteration.
        let mut seen: Vec<(u32, i64, i64)> = vec![(0, 0, 0); len as usize];
        let mut stamp = 0u32;
        let (mut at, mut it) = (Vec::new(), Vec::new());
        let r = for_each_point(&around, &IndexEnv::default(), 0..n, |_, point| {
            if failed || found == (true, true) {
                return;
            }
            for (x, v) in outer.iter().zip(point) {
                vars[*x as usize] = *v;
            }
            stamp += 1;
            let env = IndexEnv { vars: &vars };
            let mut fill = |s: &Space, e: &Index, at: &mut Vec<i64>, it: &mut Vec<i64>| -> Option<()> {
                at.clear();
                it.clear();
                let n = s.count(&env).ok()?;
                spent += n;
                eval_strip(s, e, &env, 0..n, at).ok()?;
                eval_strip(s, &Index::Coord(0), &env, 0..n, it).ok()
            };
            if fill(&sa, &fa, &mut at, &mut it).is_none() {
                failed = true;
                return;
            }
            for (x, i) in at.iter().zip(&it) {
                if let Some(s) = usize::try_from(*x).ok().and_then(|x| seen.get_mut(x)) {
                    *s = if s.0 == stamp { (stamp, s.1.min(*i), s.2.max(*i)) } else { (stamp, *i, *i) };
                }
            }
            if fill(&sb, &fb, &mut at, &mut it).is_none() {
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
fn affine(nest: &Nest, f: &Index, g: &Index, l: LoopId) -> Option<(Carried, bool)> {
    let (fa, fc) = Poly::of(f)?.affine()?;
    let (ga, gc) = Poly::of(g)?.affine()?;
    let inside = |v: u32| v == l || nest.within(Some(v), l);
    let range = |v: u32| nest.ranges[v as usize];
    let mut lo = i128::from(fc) - i128::from(gc);
    let mut hi = lo;
    let mut gcd: i128 = 0;
    let mut simple = true;
    let mut free = |c: i128, (a, b): (i64, i64)| {
        let (x, y) = (c * i128::from(a), c * i128::from(b));
        lo += x.min(y);
        hi += x.max(y);
        gcd = num_gcd(gcd, c.abs());
    };
    let c = i128::from(fc) - i128::from(gc);
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
        } else if p != q {
            simple = false;
            free(p - q, range(v));
        }
    }
    let (p, q) = (get(&fa, l), get(&ga, l));
    let n = nest.loops[l as usize].max as i64;
    if p != q {
        simple = false;
        free(p - q, range(l));
    }
    // a in iteration t, b in t + d: p t - q (t + d) + … = 0.
    let all = num_gcd(gcd, q.abs());
    if all == 0 {
        let hit = c == 0;
        return Some(((hit, hit), simple));
    }
    if c % all != 0 {
        return Some(((false, false), true));
    }
    let side = |sign: i128| {
        let (x, y) = (-q * sign, -q * sign * i128::from(n - 1));
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
