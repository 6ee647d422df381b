//! Dependences between accesses to a memory: which loop carries them, and in which direction.
//!
//! Tests in order: affine addresses by bounds and divisibility; else the index sets themselves, enumerated up to a limit;
//! beyond it a dependence is assumed. Knows addresses only, not what is computed.

use crate::ix::{self, Poly};
use crate::nest::{LoopId, MemId, Nest, NodeId, Op};
use crate::trace_coords;
use circuit::index::{Index, IndexEnv, IndexOp, Space, SpaceDim, eval_strip, for_each_point};
use rustc_hash::FxHashMap;

/// Points of one side that one exact test may enumerate for each iteration of the loops outside.
const MAX_POINTS: u64 = 1 << 22;
/// Points that all exact tests of one program may enumerate.
const BUDGET: u64 = 1 << 28;

/// Whether a dependence runs from the first access in an earlier iteration to the second in a later one, and the other way.
pub type Carried = (bool, bool);

/// All that a test looks at: address, public conditions, innermost loop.
type Access = (Option<Index>, std::rc::Rc<[Index]>, Option<LoopId>, MemId);

/// The tests, with what they found.
pub struct Depend {
    memo: FxHashMap<(Access, Access, LoopId), Carried>,
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
        let affine = affine(nest, f, g, l);
        match affine {
            Some((c, true)) => return c,
            Some(((false, false), _)) => return (false, false),
            _ => {}
        }
        // A few iterations show most dependences that there are.
        if self.exact(nest, (a, f), (b, g), l, Some(3)) == Some((true, true)) {
            return (true, true);
        }
        match self.exact(nest, (a, f), (b, g), l, None) {
            Some(c) => c,
            None => {
                self.given_up.push((a, b, l));
                affine.map_or((true, true), |a| a.0)
            }
        }
    }
    /// Enumerates both index sets for each iteration of the loops outside `l`.
    fn exact(
        &mut self,
        nest: &Nest,
        (a, f): (NodeId, &Index),
        (b, g): (NodeId, &Index),
        l: LoopId,
        first: Option<i64>,
    ) -> Option<Carried> {
        let outer = nest.path(nest.loops[l as usize].parent);
        let len = nest.mems[nest.mem_of(a)? as usize].len;
        let inner = |n: NodeId| -> Vec<LoopId> {
            nest.path(nest.n(n).at).into_iter().filter(|x| nest.within(Some(*x), l)).collect()
        };
        let lone = inner(a) == [l] && inner(b) == [l];
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
        if let Some(n) = first {
            for d in [&mut sa.dims[0], &mut sb.dims[0]] {
                d.hi = Index::bin(IndexOp::Min, d.hi.clone(), Index::Const(n));
            }
        }
        let times = outer.iter().fold(1u64, |n, x| n.saturating_mul(nest.loops[*x as usize].max));
        // Bounds count ranges that depend on others at their longest: the points themselves are counted below.
        let most = sa.bounds(&nest.ranges).1.max(sb.bounds(&nest.ranges).1);
        if times > MAX_POINTS || (!lone && most > MAX_POINTS << 6) {
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
            if lone && digits_apart(nest, f, g, l, &outer, point) {
                return;
            }
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
fn affine(nest: &Nest, f: &Index, g: &Index, l: LoopId) -> Option<(Carried, bool)> {
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
    let range = |v: u32| nest.ranges[v as usize];
    let c = gap.as_const();
    let gap = ix::interval(&gap, &nest.ranges);
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
    let n = nest.loops[l as usize].max as i64;
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
        let (x, y) = (-q * sign, -q * sign * i128::from(n - 1));
        lo + x.min(y) <= 0 && 0 <= hi + x.max(y)
    };
    Some(((side(1), side(-1)), simple))
}
fn num_gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { num_gcd(b, a % b) }
}

/// With the loops outside at given values: whether the addresses `f` in one iteration of `l` and `g` in another certainly
/// differ, when the variable is taken apart as `i = c q + r` where the addresses do so.
fn digits_apart(nest: &Nest, f: &Index, g: &Index, l: LoopId, outer: &[LoopId], point: &[i64]) -> bool {
    let fix = |e: &Index| {
        ix::norm(&e.subst(&|x| match x {
            Index::Var(v) => outer.iter().position(|o| *o == v.0).map(|k| Index::Const(point[k])),
            _ => None,
        }))
    };
    let (f, g, trip) = (fix(f), fix(g), fix(&nest.loops[l as usize].trip));
    let Some(n) = trip.as_const() else { return false };
    if n < 2 {
        return true;
    }
    let i = ix::var(l);
    let mut modulus = None;
    for p in [&f, &g] {
        let Some(p) = Poly::of(p) else { return false };
        for k in p.0.keys() {
            if let [Index::Bin(IndexOp::Div | IndexOp::Rem, a, c)] = &k[..]
                && **a == i
                && let Some(c) = c.as_const()
                && c > 0
            {
                if modulus.is_some_and(|m| m != c) {
                    return false;
                }
                modulus = Some(c);
            }
        }
    }
    let c = i128::from(modulus.unwrap_or(1));
    // Coefficients of q and r, and the constant.
    let parts = |e: &Index| -> Option<(i128, i128, i128)> {
        let mut out = (0i128, 0i128, 0i128);
        for (k, v) in Poly::of(e)?.0 {
            let v = i128::from(v);
            match &k[..] {
                [] => out.2 += v,
                [x] if *x == i => {
                    out.0 += v * c;
                    out.1 += v;
                }
                [Index::Bin(IndexOp::Div, a, _)] if **a == i => out.0 += v,
                [Index::Bin(IndexOp::Rem, a, _)] if **a == i => out.1 += v,
                _ => return None,
            }
        }
        Some(out)
    };
    let (Some((fq, fr, fc)), Some((gq, gr, gc))) = (parts(&f), parts(&g)) else { return false };
    let (q, r) = ((i128::from(n) - 1) / c, (c - 1).min(i128::from(n) - 1));
    // Whether a sum of coefficient times interval, and a constant, misses 0.
    let misses = |terms: &[(i128, i128, i128)]| {
        let (mut lo, mut hi, mut gcd) = (fc - gc, fc - gc, 0);
        for (k, a, b) in terms {
            lo += (k * a).min(k * b);
            hi += (k * a).max(k * b);
            gcd = num_gcd(gcd, k.abs());
        }
        lo > 0 || hi < 0 || (gcd > 0 && (fc - gc) % gcd != 0) || (gcd == 0 && fc != gc)
    };
    let apart = |sign: i128| {
        let high = q == 0 || misses(&[(fq - gq, 0, q), (-gq * sign, 1, q), (fr, 0, r), (-gr, 0, r)]);
        let low = r == 0 || misses(&[(fq - gq, 0, q), (fr - gr, 0, r), (-gr * sign, 1, r)]);
        high && low
    };
    apart(1) && apart(-1)
}

/// Whether two addresses certainly differ in the same iteration.
pub fn distinct(f: &Index, g: &Index) -> bool {
    matches!(ix::sub(f, g).as_const(), Some(d) if d != 0)
}
