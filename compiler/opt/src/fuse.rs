//! Independent sequential loops side by side.
//!
//! ```text
//! %5 = loop i0 in 0..10 carry %3 { … }          %5, %6 = loop i0 in 0..10 carry %3, %4 { … ; … }
//! %6 = loop i1 in 0..10 carry %4 { … }      →
//! ```
//! Two loops of one region, neither of which depends on the other, with the same start and step, run in the same turns,
//! so that their rounds are shared. Where one has more turns, the common part is fused and the rest follows. The meaning
//! is kept because neither reads what the other writes, and both bodies see the same values of the variable; effects keep
//! their ids. Loops that hold `while`s or checks are left alone, so that errors keep their order.

use crate::lens::trips;
use circuit::{Circuit, Gate, Index, LoopVar, Op, RegionId, WireId};
use rustc_hash::FxHashMap;

/// The pass: outer loops first, then the bodies.
pub fn fuse(c: &mut Circuit) {
    let mut todo = vec![c.root];
    let mut seen = vec![false; c.regions.len()];
    while let Some(r) = todo.pop() {
        if std::mem::replace(&mut seen[r.0 as usize], true) {
            continue;
        }
        while fuse_one(c, r) {}
        seen.resize(c.regions.len(), false);
        todo.extend(c.region(r).gates.iter().flat_map(|g| g.op.regions()));
    }
}

/// Whether a loop may share its turns. Regions that were answered for are remembered: a region called twice is asked once.
fn plain(c: &Circuit, r: RegionId, known: &mut FxHashMap<RegionId, bool>) -> bool {
    if let Some(k) = known.get(&r) {
        return *k;
    }
    let ok = c.region(r).gates.iter().all(|g| {
        !matches!(g.op, Op::While { .. } | Op::Check { .. } | Op::At { .. })
            && g.op.regions().all(|i| plain(c, i, known))
    });
    known.insert(r, ok);
    ok
}

/// Wires from outside used in a region.
fn captures(c: &Circuit, r: RegionId, out: &mut Vec<WireId>) {
    for g in &c.region(r).gates {
        out.extend(&g.args);
        // A called region sees its parameters alone.
        if matches!(g.op, Op::Call(_)) {
            continue;
        }
        for i in g.op.regions() {
            captures(c, i, out);
        }
    }
    out.extend(&c.region(r).results);
}

/// Fuses the first pair found in a region.
fn fuse_one(c: &mut Circuit, r: RegionId) -> bool {
    let gates = &c.region(r).gates;
    let mut known = FxHashMap::default();
    let loops: Vec<usize> = (0..gates.len())
        .filter(|i| matches!(&gates[*i].op, Op::Loop { body, .. } if plain(c, *body, &mut known)))
        .take(256)
        .collect();
    if loops.len() < 2 {
        return false;
    }
    let mut def: FxHashMap<WireId, usize> = FxHashMap::default();
    for (i, g) in gates.iter().enumerate() {
        for w in &g.outs {
            def.insert(*w, i);
        }
    }
    let preds: Vec<Vec<usize>> = gates
        .iter()
        .map(|g| {
            let mut u = g.args.clone();
            if !matches!(g.op, Op::Call(_)) {
                for i in g.op.regions() {
                    captures(c, i, &mut u);
                }
            }
            let mut p: Vec<usize> = u.iter().filter_map(|w| def.get(w).copied()).collect();
            p.sort_unstable();
            p.dedup();
            p
        })
        .collect();
    for (n, &a) in loops.iter().enumerate() {
        // What depends on loop a.
        let mut after = vec![false; gates.len()];
        after[a] = true;
        for i in a + 1..gates.len() {
            after[i] = preds[i].iter().any(|p| after[*p]);
        }
        for &b in &loops[n + 1..] {
            if after[b] || !compatible(&gates[a], &gates[b]) {
                continue;
            }
            // Checks and effects of the region keep their places among the gates that move: none may stand between.
            let moved_checks = (a + 1..b).any(|i| after[i] && matches!(gates[i].op, Op::Check { .. }));
            if moved_checks {
                continue;
            }
            join(c, r, a, b, &after);
            return true;
        }
    }
    false
}

/// Same start and step; the same end, or both ends constant.
fn compatible(a: &Gate, b: &Gate) -> bool {
    match (&a.op, &b.op) {
        (Op::Loop { lo: l1, hi: h1, step: s1, .. }, Op::Loop { lo: l2, hi: h2, step: s2, .. }) => {
            l1 == l2 && s1 == s2 && (h1 == h2 || (trips(l1, h1, *s1).is_some() && trips(l2, h2, *s2).is_some()))
        }
        _ => false,
    }
}

/// Puts loops `a` and `b` of a region into one; `after` marks what depends on `a`.
fn join(c: &mut Circuit, r: RegionId, a: usize, b: usize, after: &[bool]) {
    let gates = std::mem::take(&mut c.regions[r.0 as usize].gates);
    let (ga, gb) = (gates[a].clone(), gates[b].clone());
    let (Op::Loop { var: va, lo, hi: ha, step, body: ba }, Op::Loop { var: vb, hi: hb, body: bb, .. }) =
        (&ga.op, &gb.op)
    else {
        c.regions[r.0 as usize].gates = gates;
        return;
    };
    let (va, vb, ba, bb, step) = (*va, *vb, *ba, *bb, *step);
    let (ta, tb) = (trips(lo, ha, step), trips(lo, hb, step));
    let longer = match (ta, tb) {
        (Some(x), Some(y)) if x > y => Some(true),
        (Some(x), Some(y)) if x < y => Some(false),
        _ => None,
    };
    // The longer loop needs its body twice: for the common turns and for the rest.
    let rest = longer.map(|first| {
        let (body, var) = if first { (ba, va) } else { (bb, vb) };
        let fresh = LoopVar(c.loop_vars);
        c.loop_vars += 1;
        let copy = copy_region(c, body, var, fresh);
        (first, fresh, copy)
    });
    rename_var(c, bb, vb, va);
    let mut fused = c.regions[ba.0 as usize].clone();
    let second = c.regions[bb.0 as usize].clone();
    fused.params.extend(&second.params);
    fused.gates.extend(second.gates);
    fused.results.extend(&second.results);
    c.regions[ba.0 as usize] = fused;
    c.regions[bb.0 as usize] = circuit::Region::default();
    let hi = match longer {
        Some(true) => hb.clone(),
        _ => ha.clone(),
    };
    let lo = lo.clone();
    let mut outs = ga.outs.clone();
    outs.extend(&gb.outs);
    let mut tail = None;
    if let Some((first, fresh, body)) = rest {
        // The common part gives fresh wires, the rest the loop's own results.
        let (own, at, to) = if first { (&ga.outs, 0, ha.clone()) } else { (&gb.outs, ga.outs.len(), hb.clone()) };
        let mut middle = vec![];
        let t = ta.unwrap_or(0).min(tb.unwrap_or(0)) as i64;
        let start = match &lo {
            Index::Const(l) => Index::Const(l.saturating_add(t.saturating_mul(step))),
            l => l.clone(),
        };
        let params = c.region(body).params.clone();
        for (k, o) in own.iter().enumerate() {
            // As many lanes as the rest's first turn takes.
            let len = len_at(c, &c.ty(params[k]).len.clone(), fresh, &start);
            let ty = circuit::WireTy { len, ..c.ty(*o).clone() };
            c.wires.push(ty);
            let w = WireId(c.wires.len() as u32 - 1);
            outs[at + k] = w;
            middle.push(w);
        }
        let op = Op::Loop { var: fresh, lo: start, hi: to, step, body };
        let span = if first { ga.span } else { gb.span };
        tail = Some(Gate { op, args: middle, outs: own.clone(), span });
    }
    let mut args = ga.args.clone();
    args.extend(&gb.args);
    let op = Op::Loop { var: va, lo, hi, step, body: ba };
    let mut both = vec![Gate { op, args, outs, span: ga.span }];
    both.extend(tail);
    // What does not depend on `a` and stands before `b` first, then both, then what waited.
    let mut out = Vec::with_capacity(gates.len());
    let mut late = vec![];
    for (i, g) in gates.into_iter().enumerate() {
        match i {
            _ if i == a => {}
            _ if i == b => {
                out.append(&mut both);
                out.append(&mut late);
            }
            _ if i < b && after[i] => late.push(g),
            _ => out.push(g),
        }
    }
    c.regions[r.0 as usize].gates = out;
}

/// A length with a variable set.
fn len_at(c: &mut Circuit, len: &circuit::Len, var: LoopVar, value: &Index) -> circuit::Len {
    use circuit::Len;
    match len {
        Len::Const(n) => Len::Const(*n),
        Len::Mul(a, b) => Len::mul(len_at(c, a, var, value), len_at(c, b, var, value)),
        Len::Space { space, max } => {
            let s = c.spaces[space.0 as usize].map_index(&mut |i| i.subst_var(var, value));
            match s.count(&circuit::IndexEnv::default()) {
                Ok(n) if !s.mentions_vars() => Len::Const(n),
                _ => Len::Space { space: c.intern_space(s), max: *max },
            }
        }
    }
}

/// Replaces a variable in a region and all that it enters: in bounds, indices, spaces, lengths of wires.
fn rename_var(c: &mut Circuit, r: RegionId, from: LoopVar, to: LoopVar) {
    let mut map = Renamer { from, to, spaces: FxHashMap::default() };
    map.region(c, r);
}

struct Renamer {
    from: LoopVar,
    to: LoopVar,
    spaces: FxHashMap<circuit::SpaceId, circuit::SpaceId>,
}

impl Renamer {
    fn index(&self, i: &Index) -> Index {
        i.subst_var(self.from, &Index::Var(self.to))
    }
    fn space(&mut self, c: &mut Circuit, s: circuit::SpaceId) -> circuit::SpaceId {
        if let Some(t) = self.spaces.get(&s) {
            return *t;
        }
        let old = c.spaces[s.0 as usize].clone();
        let t = if old.mentions_var(self.from) {
            c.spaces.push(old.map_index(&mut |i| self.index(i)));
            circuit::SpaceId(c.spaces.len() as u32 - 1)
        } else {
            s
        };
        self.spaces.insert(s, t);
        t
    }
    fn len(&mut self, c: &mut Circuit, l: &circuit::Len) -> circuit::Len {
        use circuit::Len;
        match l {
            Len::Const(n) => Len::Const(*n),
            Len::Space { space, max } => Len::Space { space: self.space(c, *space), max: *max },
            Len::Mul(a, b) => Len::Mul(Box::new(self.len(c, a)), Box::new(self.len(c, b))),
        }
    }
    fn op(&mut self, c: &mut Circuit, op: &mut Op) {
        if let Some((s, i)) = op.space_index_mut() {
            *i = self.index(i);
            *s = self.space(c, *s);
        }
        match op {
            Op::Reduce { group, .. } | Op::ArgReduce { group, .. } | Op::Dot { group } => *group = self.len(c, group),
            Op::Loop { lo, hi, .. } => {
                *lo = self.index(lo);
                *hi = self.index(hi);
            }
            _ => {}
        }
    }
    fn wires(&mut self, c: &mut Circuit, ws: &[WireId]) {
        for w in ws {
            let l = c.ty(*w).len.clone();
            c.wires[w.0 as usize].len = self.len(c, &l);
        }
    }
    fn region(&mut self, c: &mut Circuit, r: RegionId) {
        let mut region = std::mem::take(&mut c.regions[r.0 as usize]);
        self.wires(c, &region.params);
        for g in &mut region.gates {
            self.op(c, &mut g.op);
            self.wires(c, &g.outs);
            // Called regions see no variable of their callers.
            if !matches!(g.op, Op::Call(_)) {
                for i in g.op.regions() {
                    self.region(c, i);
                }
            }
        }
        c.regions[r.0 as usize] = region;
    }
}

/// A copy of a loop's body with fresh wires, variables, and regions; effects get fresh ids.
fn copy_region(c: &mut Circuit, r: RegionId, from: LoopVar, to: LoopVar) -> RegionId {
    let mut map = FxHashMap::default();
    let copy = copy_deep(c, r, &mut map);
    rename_var(c, copy, from, to);
    copy
}

fn copy_deep(c: &mut Circuit, r: RegionId, map: &mut FxHashMap<WireId, WireId>) -> RegionId {
    let mut region = c.region(r).clone();
    let fresh = |c: &mut Circuit, w: &mut WireId, map: &mut FxHashMap<WireId, WireId>| {
        let ty = c.ty(*w).clone();
        c.wires.push(ty);
        let n = WireId(c.wires.len() as u32 - 1);
        map.insert(*w, n);
        *w = n;
    };
    for p in &mut region.params {
        fresh(c, p, map);
    }
    for g in &mut region.gates {
        for a in &mut g.args {
            *a = map.get(a).copied().unwrap_or(*a);
        }
        if let Some(id) = g.op.effect_mut() {
            *id = circuit::EffectId(c.effects);
            c.effects += 1;
        }
        let mut inner_var = None;
        if let Op::Loop { var, .. } = &mut g.op {
            let new = LoopVar(c.loop_vars);
            c.loop_vars += 1;
            inner_var = Some((*var, new));
            *var = new;
        }
        if !matches!(g.op, Op::Call(_)) {
            g.op.for_each_region_mut(|i| *i = copy_deep(c, *i, map));
        }
        if let Some((old, new)) = inner_var {
            for i in g.op.regions() {
                rename_var(c, i, old, new);
            }
        }
        for o in &mut g.outs {
            fresh(c, o, map);
        }
    }
    for w in &mut region.results {
        *w = map.get(w).copied().unwrap_or(*w);
    }
    c.regions.push(region);
    RegionId(c.regions.len() as u32 - 1)
}
