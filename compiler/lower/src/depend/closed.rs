//! Dependences decided without enumerating what accesses touch.
//!
//! For each value of the loops outside that addresses take apart (`1 << level`, `k >> step`), addresses are affine in the
//! rest, or made of a quotient and a remainder, or move alike: then the iterations that meet are a fixed distance apart, and
//! whether the conditions let both be there is a number of points, which the index language counts by periods.

use super::{Carried, affine, num_gcd};
use crate::ix::{self, Poly};
use crate::nest::{LoopId, Nest, NodeId};
use crate::trace_coords;
use circuit::index::{Index, IndexEnv, IndexOp, Interval, Space, SpaceDim, for_each_point};

/// Values of the loops outside that are looked at.
const MAX_OUTER: u64 = 1 << 12;
/// Steps that one count of what meets may take.
const STEPS: u64 = 1 << 16;

/// What loop `l` carries between two accesses, exactly; `None` where these arguments do not reach. `ranges` are the nest's,
/// and are so afterwards.
pub fn carried(
    nest: &Nest,
    (a, f): (NodeId, &Index),
    (b, g): (NodeId, &Index),
    l: LoopId,
    ranges: &mut [Interval],
) -> Option<Carried> {
    let path = nest.path(nest.loops[l as usize].parent);
    let outer: Vec<LoopId> = path.iter().copied().filter(|x| nest.counted(*x)).collect();
    let fixed = opaque(nest, &[f, g], &outer)?;
    let around = space_of(nest, &fixed, &[]);
    let n = around.count(&IndexEnv::default()).ok().filter(|n| *n <= MAX_OUTER)?;
    let lone = nest.n(a).at == Some(l) && nest.n(b).at == Some(l);
    let (mut found, mut known) = ((false, false), true);
    // Loops around either access, those outside first.
    let mut near = path;
    near.extend([a, b].iter().flat_map(|n| nest.path(nest.n(*n).at)).filter(|x| nest.within(Some(*x), l)));
    near.dedup();
    let walked = for_each_point(&around, &IndexEnv::default(), 0..n, |_, point| {
        if !known || found == (true, true) {
            return;
        }
        let at = Fixed { nest, l, outer: &outer, fixed: &fixed, point };
        at.ranges(&near, ranges);
        if ranges[l as usize].1 < 1 {
            return;
        }
        let (f, g) = (at.fix(f), at.fix(g));
        if matches!(affine(nest, &f, &g, l, ranges), Some(((false, false), _))) || lone && at.digits_apart(&f, &g) {
            return;
        }
        match lone.then(|| at.shifted((a, &f), (b, &g))).flatten() {
            Some(c) => found = (found.0 || c.0, found.1 || c.1),
            None => known = false,
        }
    });
    near.iter().for_each(|v| ranges[*v as usize] = nest.ranges[*v as usize]);
    walked.ok()?;
    (known || found == (true, true)).then_some(found)
}

/// The loops outside whose variables stand in what is not a polynomial, or multiply others, with those that their trip
/// counts need, from the outermost. `None` where an address is too long.
fn opaque(nest: &Nest, addresses: &[&Index], outer: &[LoopId]) -> Option<Vec<LoopId>> {
    let mut all: Vec<LoopId> = vec![];
    for e in addresses {
        for k in Poly::of(e)?.0.keys() {
            let plain = |a: &&Index| matches!(a, Index::Var(_));
            let outside = |v: &LoopId| outer.contains(v);
            for atom in k.iter().filter(|a| !plain(a)) {
                all.extend(ix::vars(atom).into_iter().filter(outside));
            }
            if k.iter().filter(plain).count() > 1 {
                all.extend(k.iter().filter(plain).flat_map(ix::vars).filter(outside));
            }
        }
    }
    Some(closure(nest, all, outer))
}

/// Loops with those outside that their trip counts mention, from the outermost.
fn closure(nest: &Nest, mut all: Vec<LoopId>, outer: &[LoopId]) -> Vec<LoopId> {
    let mut k = 0;
    while k < all.len() {
        for v in ix::vars(&nest.loops[all[k] as usize].trip) {
            if !all.contains(&v) && outer.contains(&v) {
                all.push(v);
            }
        }
        k += 1;
    }
    outer.iter().copied().filter(|v| all.contains(v)).collect()
}

/// The iterations of loops, each with its trip count over those before; `also` stand for loops that have a number.
fn space_of(nest: &Nest, loops: &[LoopId], also: &[(LoopId, i64)]) -> Space {
    let trip = |x: &LoopId| fix(&nest.loops[*x as usize].trip, also);
    Space {
        dims: loops.iter().map(|x| SpaceDim::range(Index::Const(0), trace_coords(&trip(x), loops))).collect(),
        guard: None,
    }
}

fn fix(e: &Index, values: &[(LoopId, i64)]) -> Index {
    e.subst(&|x| match x {
        Index::Var(v) => values.iter().find(|(l, _)| *l == v.0).map(|(_, c)| Index::Const(*c)),
        _ => None,
    })
}

/// One value of some loops outside.
struct Fixed<'a> {
    nest: &'a Nest,
    l: LoopId,
    /// Loops outside that count.
    outer: &'a [LoopId],
    fixed: &'a [LoopId],
    point: &'a [i64],
}

impl Fixed<'_> {
    fn values(&self) -> Vec<(LoopId, i64)> {
        self.fixed.iter().copied().zip(self.point.iter().copied()).collect()
    }
    fn fix(&self, e: &Index) -> Index {
        ix::norm(&fix(e, &self.values()))
    }
    /// Narrows the intervals of the variables of `near` loops, of which those outside come first, to what is left.
    fn ranges(&self, near: &[LoopId], ranges: &mut [Interval]) {
        for v in near.iter().filter(|v| self.nest.counted(**v)) {
            let k = *v as usize;
            ranges[k] = match self.fixed.iter().position(|x| x == v) {
                Some(at) => (self.point[at], self.point[at]),
                None => {
                    let most = ix::interval(&self.nest.loops[k].trip, ranges).1.saturating_sub(1);
                    (0, most.clamp(0, self.nest.ranges[k].1.max(0)))
                }
            };
        }
    }

    /// What is carried between addresses that move alike with the variable: `c i + p` and `c i + q` meet in iterations
    /// `(q - p) / c` apart, where both conditions hold.
    fn shifted(&self, (a, f): (NodeId, &Index), (b, g): (NodeId, &Index)) -> Option<Carried> {
        let (nest, l) = (self.nest, self.l);
        let split = |e: &Index| {
            let mut p = Poly::of(e)?;
            let c = p.0.remove(&vec![ix::var(l)])?;
            (!p.0.keys().flatten().any(|k| ix::vars(k).contains(&l))).then(|| (c, p.index()))
        };
        let ((c, p), (d, q)) = (split(f)?, split(g)?);
        if c != d {
            return None;
        }
        let gap = ix::sub(&q, &p);
        let inside = |e: &Index| ix::vars(e).iter().any(|v| *v != l && !self.outer.contains(v));
        let conditions = |n: NodeId| nest.n(n).guard.iter().map(|c| fix(c, &self.values())).collect::<Vec<_>>();
        let (ga, gb) = (conditions(a), conditions(b));
        let trip = fix(&nest.loops[l as usize].trip, &self.values());
        if inside(&gap) || inside(&trip) || ga.iter().chain(&gb).any(inside) {
            return None;
        }
        let by = Index::div(gap.clone(), Index::Const(c));
        let there = ix::norm(&Index::add(ix::var(l), by.clone()));
        let moved = |e: &Index| e.subst(&|x| (*x == ix::var(l)).then(|| there.clone()));
        let whole = Index::bin(IndexOp::Eq, Index::rem(gap, Index::Const(c)), Index::Const(0));
        let mut all = vec![
            whole,
            Index::bin(IndexOp::Le, Index::Const(0), there.clone()),
            Index::bin(IndexOp::Lt, there.clone(), trip.clone()),
        ];
        all.extend(gb);
        all.extend(ga.iter().map(moved));
        // All loops outside that any of it mentions, and the loop itself.
        let mut loops: Vec<LoopId> = all.iter().chain([&trip]).flat_map(ix::vars).collect();
        loops.retain(|v| *v != l && !self.fixed.contains(v));
        let mut loops = closure(nest, loops, self.outer);
        loops.retain(|v| !self.fixed.contains(v));
        loops.push(l);
        let space = space_of(nest, &loops, &self.values());
        let any = |sign: Index| {
            let guard = all.iter().cloned().chain([sign]).reduce(|p, q| Index::bin(IndexOp::And, p, q));
            let s = Space { guard: guard.map(|g| trace_coords(&g, &loops)), ..space.clone() };
            s.count_within(&IndexEnv::default(), STEPS).ok().map(|n| n > 0)
        };
        // The first access comes `by` iterations after the second.
        let earlier = any(Index::bin(IndexOp::Lt, by.clone(), Index::Const(0)))?;
        let later = any(Index::bin(IndexOp::Lt, Index::Const(0), by))?;
        Some((earlier, later))
    }

    /// Whether the addresses `f` in one iteration of `l` and `g` in another certainly
    /// differ, when the variable is taken apart as `i = c q + r` where the addresses do so.
    fn digits_apart(&self, f: &Index, g: &Index) -> bool {
        let l = self.l;
        let trip = self.fix(&self.nest.loops[l as usize].trip);
        let Some(n) = trip.as_const() else { return false };
        if n < 2 {
            return true;
        }
        let i = ix::var(l);
        let mut modulus = None;
        for p in [f, g] {
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
        let (Some((fq, fr, fc)), Some((gq, gr, gc))) = (parts(f), parts(g)) else { return false };
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
}
