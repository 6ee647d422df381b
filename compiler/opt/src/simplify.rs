//! Simplification at program level: folding, common subexpressions, identities, recognised sums, dead gates.
//!
//! ```text
//! %4 = cast %3 : secret u32[N]                 %4 = count %3 by N : secret u32[1]
//! %5 = reduce.add %4 by N : secret u32[1]  →
//! %6 = not %2 ; %7 = not %6                    (uses of %7 become uses of %2)
//! ```
//! One forward walk rewrites each gate given its already rewritten operands, and one mark-and-sweep drops what nobody
//! needs: both linear. The meaning is kept because each rule is an identity of the operations (mod 2^N), wires are only
//! replaced by wires of the same type in scope, and gates with effects are neither merged, moved, nor dropped, but for an
//! input that nobody reads.

mod by_constant;

use circuit::{Bin, Circuit, Domain, Elem, Gate, Index, Len, Op, Red, RegionId, Un, WireId};
use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash, Hasher};

/// Deepest index expression that composition of gathers may build.
const MAX_INDEX: usize = 16;

/// The pass.
pub fn simplify(c: &mut Circuit) {
    walk(c, false);
}

/// As [`simplify`]; divisions of secrets by constants become products and shifts (module `by_constant`). Does nothing where there
/// are none.
pub fn divide(c: &mut Circuit) {
    let secret = |g: &Gate| c.ty(g.args[0]).domain == Domain::Secret;
    let division = |g: &Gate| matches!(g.op, Op::Bin(Bin::Div | Bin::Rem)) && secret(g);
    if c.regions.iter().any(|r| r.gates.iter().any(division)) {
        walk(c, true);
    }
}

fn walk(c: &mut Circuit, divisions: bool) {
    let mut s = Simplify {
        divisions,
        alias: (0..c.wires.len() as u32).map(WireId).collect(),
        def: vec![NONE; c.wires.len()],
        open: vec![],
        uses: vec![0; c.wires.len()],
        table: FxHashMap::default(),
        log: vec![],
        seen: vec![false; c.regions.len()],
        runs: vec![],
        place: FxHashMap::default(),
        c,
    };
    for r in 0..s.c.regions.len() {
        for g in 0..s.c.regions[r].gates.len() {
            for a in 0..s.c.regions[r].gates[g].args.len() {
                let w = s.c.regions[r].gates[g].args[a];
                s.uses[w.0 as usize] += 1;
            }
        }
        for k in 0..s.c.regions[r].results.len() {
            let w = s.c.regions[r].results[k];
            s.uses[w.0 as usize] += 1;
        }
    }
    s.region(s.c.root);
    for k in 0..s.c.outputs.len() {
        s.c.outputs[k].wire = s.alias[s.c.outputs[k].wire.0 as usize];
    }
    sweep(c);
}

struct Simplify<'a> {
    c: &'a mut Circuit,
    /// Whether divisions by constants are written out.
    divisions: bool,
    alias: Vec<WireId>,
    /// Which rewritten gate gives a wire in sight, for gates with one result: open region and place in it.
    def: Vec<(u32, u32)>,
    /// Rewritten gates of the open regions, the innermost last.
    open: Vec<Vec<Gate>>,
    uses: Vec<u32>,
    /// Results of gates in sight by hash.
    table: FxHashMap<u64, WireId>,
    /// Hashes to forget when regions close.
    log: Vec<u64>,
    seen: Vec<bool>,
    /// Runs of scatters of one lane each, and where in its run a result stands.
    runs: Vec<Run>,
    place: FxHashMap<WireId, (u32, u32)>,
}

/// Scatters of one lane each, one upon the other.
struct Run {
    root: WireId,
    last: WireId,
    length: u32,
    /// By lane: which scatter of the run put which value there.
    lanes: FxHashMap<i64, Vec<(u32, WireId)>>,
}

const NONE: (u32, u32) = (u32::MAX, u32::MAX);

/// What becomes of a gate.
enum To {
    Keep,
    Wire(WireId),
    Op(Op, Vec<WireId>),
}

impl Simplify<'_> {
    fn region(&mut self, r: RegionId) {
        if std::mem::replace(&mut self.seen[r.0 as usize], true) {
            return;
        }
        let mark = self.log.len();
        let gates = std::mem::take(&mut self.c.regions[r.0 as usize].gates);
        self.open.push(Vec::with_capacity(gates.len()));
        self.table.reserve(gates.len());
        for mut g in gates {
            for a in &mut g.args {
                *a = self.alias[a.0 as usize];
            }
            for inner in g.op.regions() {
                if let Op::Call(_) = g.op {
                    // Nothing of the caller is in scope there.
                    let (table, log) = (std::mem::take(&mut self.table), std::mem::take(&mut self.log));
                    self.region(inner);
                    (self.table, self.log) = (table, log);
                } else {
                    self.region(inner);
                }
            }
            self.gate(g);
        }
        let region = &mut self.c.regions[r.0 as usize];
        region.gates = self.open.pop().unwrap_or_default();
        for w in &mut region.results {
            *w = self.alias[w.0 as usize];
        }
        for k in self.log.drain(mark..) {
            self.table.remove(&k);
        }
    }

    fn push(&mut self, g: Gate) {
        if let Some(open) = self.open.last_mut() {
            open.push(g);
        }
    }

    fn gate(&mut self, mut g: Gate) {
        let [w] = g.outs[..] else {
            self.push(g);
            return;
        };
        if g.op.is_region() || g.op.effectful() || matches!(g.op, Op::At { .. }) {
            self.push(g);
            return;
        }
        // A rule's result may match another rule; chains are short.
        for _ in 0..4 {
            match self.rule(&g, w) {
                To::Keep => break,
                To::Wire(x) => {
                    self.alias[w.0 as usize] = x;
                    return;
                }
                To::Op(op, args) => {
                    g.op = op;
                    g.args = args;
                }
            }
        }
        let mut hasher = FxHasher::default();
        (&g.op, &g.args, self.c.ty(w)).hash(&mut hasher);
        let key = hasher.finish();
        if let Some(x) = self.table.get(&key).copied()
            && self.definition(x).is_some_and(|d| d.op == g.op && d.args == g.args)
            && self.c.ty(x) == self.c.ty(w)
        {
            self.alias[w.0 as usize] = x;
            return;
        }
        self.table.insert(key, w);
        self.log.push(key);
        self.define(w);
        self.run_on(&g, w);
        self.push(g);
    }

    /// Notes a scatter of one lane.
    fn run_on(&mut self, g: &Gate, w: WireId) {
        let Op::Scatter { space, index: Index::Const(lane) } = &g.op else { return };
        let [base, value] = g.args[..] else { return };
        if self.c.ty(value).len != Len::Const(1) || self.c.spaces[space.0 as usize].guard.is_some() {
            return;
        }
        let run = match self.place.get(&base) {
            Some((run, _)) if self.runs[*run as usize].last == base => *run,
            _ => {
                self.runs.push(Run { root: base, last: base, length: 0, lanes: FxHashMap::default() });
                self.runs.len() as u32 - 1
            }
        };
        let r = &mut self.runs[run as usize];
        r.length += 1;
        r.last = w;
        r.lanes.entry(*lane).or_default().push((r.length, value));
        self.place.insert(w, (run, r.length));
    }

    /// One lane of what a run of such scatters made: what was put there, or a lane of what the run began with.
    fn read_run(&self, g: &Gate, w: WireId) -> To {
        let (Op::Gather { index: Index::Const(lane), .. }, [src]) = (&g.op, &g.args[..]) else { return To::Keep };
        let Some((run, at)) = self.place.get(src) else { return To::Keep };
        let r = &self.runs[*run as usize];
        let put = r.lanes.get(lane).and_then(|v| v[..v.partition_point(|x| x.0 <= *at)].last());
        match put {
            Some((_, value)) => self.same(w, *value),
            None if self.c.ty(r.root).domain == self.c.ty(*src).domain => To::Op(g.op.clone(), vec![r.root]),
            None => To::Keep,
        }
    }

    /// The gate that comes next gives this wire.
    fn define(&mut self, w: WireId) {
        let at = self.open.last().map_or(0, Vec::len) as u32;
        self.def[w.0 as usize] = (self.open.len() as u32 - 1, at);
    }
    /// The rewritten gate that gives a wire in sight.
    fn definition(&self, w: WireId) -> Option<&Gate> {
        let (depth, at) = self.def[w.0 as usize];
        self.open.get(depth as usize)?.get(at as usize)
    }
    fn number(&self, w: WireId) -> Option<u128> {
        match self.definition(w).map(|g| &g.op) {
            Some(Op::Const(v)) => Some(*v),
            _ => None,
        }
    }
    fn same(&self, w: WireId, x: WireId) -> To {
        if self.c.ty(w) == self.c.ty(x) { To::Wire(x) } else { To::Keep }
    }
    /// A new gate before the one that is being rewritten.
    fn emit(&mut self, op: Op, args: Vec<WireId>, like: &Gate, ty: circuit::WireTy) -> WireId {
        self.c.wires.push(ty);
        let w = WireId(self.c.wires.len() as u32 - 1);
        self.alias.push(w);
        self.uses.push(1);
        self.def.push(NONE);
        self.define(w);
        self.push(Gate { op, args, outs: vec![w], span: like.span });
        w
    }

    fn rule(&mut self, g: &Gate, w: WireId) -> To {
        let e = self.c.ty(w).elem;
        let arg = |k: usize| g.args[k];
        let def = |k: usize| g.args.get(k).and_then(|a| self.definition(*a)).map(|g| (&g.op, &g.args));
        let num = |k: usize| g.args.get(k).and_then(|a| self.number(*a));
        match &g.op {
            Op::Un(Un::Cast) => {
                let from = self.c.ty(arg(0)).elem;
                if from == e {
                    return self.same(w, arg(0));
                }
                if let Some(v) = num(0) {
                    return To::Op(Op::Const(from.extend(v) & e.mask()), vec![]);
                }
                if let Some((Op::Un(Un::Cast), inner)) = def(0) {
                    let first = self.c.ty(inner[0]).elem;
                    // The middle type loses nothing that the result keeps.
                    let widens =
                        from.bits() > first.bits() && (from.signed() || !first.signed() || e.bits() <= from.bits());
                    let narrows = e.bits() <= from.bits() && from.bits() <= first.bits();
                    if e != Elem::Bool && from != Elem::Bool && (narrows || widens) {
                        let x = inner[0];
                        return if first == e { self.same(w, x) } else { To::Op(Op::Un(Un::Cast), vec![x]) };
                    }
                }
                To::Keep
            }
            Op::Un(un) => {
                if let Some(v) = num(0) {
                    let r = if *un == Un::Neg { v.wrapping_neg() } else { !v };
                    return To::Op(Op::Const(r & e.mask()), vec![]);
                }
                match def(0) {
                    Some((Op::Un(u), inner)) if u == un => self.same(w, inner[0]),
                    _ => To::Keep,
                }
            }
            Op::Bin(bin) => match self.binary(g, w, *bin) {
                To::Keep if self.divisions && matches!(bin, Bin::Div | Bin::Rem) => self.divide_by_constant(g, w, *bin),
                to => to,
            },
            Op::Select => {
                if arg(1) == arg(2) {
                    return self.same(w, arg(1));
                }
                match num(0) {
                    Some(v) => self.same(w, arg(if v & 1 == 1 { 1 } else { 2 })),
                    None => match def(0) {
                        Some((Op::Un(Un::Not), inner)) => To::Op(Op::Select, vec![inner[0], arg(2), arg(1)]),
                        _ => To::Keep,
                    },
                }
            }
            Op::Gather { space, index } => {
                let s = &self.c.spaces[space.0 as usize];
                let flat = flat_dim(s);
                let lane = *index == Index::Lane || (flat && *index == Index::Coord(0));
                if lane && self.c.ty(w).len == self.c.ty(arg(0)).len {
                    return self.same(w, arg(0));
                }
                if let to @ (To::Wire(_) | To::Op(..)) = self.read_run(g, w) {
                    return to;
                }
                match def(0) {
                    Some((Op::Const(v), _)) if *index == Index::Const(0) => To::Op(Op::Const(*v), vec![]),
                    Some((Op::Gather { space: s1, index: i1 }, inner)) => {
                        let inner_space = &self.c.spaces[s1.0 as usize];
                        let known = flat_dim(inner_space) || !i1.mentions_point();
                        if !known || i1.depth() + index.depth() > MAX_INDEX {
                            return To::Keep;
                        }
                        let composed = i1.subst(&|leaf| match leaf {
                            Index::Coord(0) | Index::Lane => Some(index.clone()),
                            _ => None,
                        });
                        To::Op(Op::Gather { space: *space, index: composed }, inner.clone())
                    }
                    _ => To::Keep,
                }
            }
            Op::Concat if g.args.len() == 1 => self.same(w, arg(0)),
            Op::Reduce { red, group } => {
                if *group == Len::Const(1) && *red != Red::Count {
                    return self.same(w, arg(0));
                }
                let once = self.uses[arg(0).0 as usize] <= 1;
                let secret = |x: WireId| self.c.ty(x).domain == Domain::Secret;
                if *red != Red::Add || !secret(w) {
                    return To::Keep;
                }
                match def(0).map(|(op, args)| (op.clone(), args.clone())) {
                    Some((Op::Un(Un::Cast), inner)) if self.c.ty(inner[0]).elem == Elem::Bool => {
                        To::Op(Op::Reduce { red: Red::Count, group: group.clone() }, inner)
                    }
                    Some((Op::Bin(Bin::Mul), xy)) if once && secret(xy[0]) && secret(xy[1]) => {
                        To::Op(Op::Dot { group: group.clone() }, xy)
                    }
                    // A sum of values under a secret condition is a dot product with the condition's bits.
                    Some((Op::Select, cab)) if once && secret(cab[0]) && e != Elem::Bool => {
                        let zero = |x: WireId| self.number(x) == Some(0);
                        let (cond, x, flip) = if zero(cab[2]) && secret(cab[1]) {
                            (cab[0], cab[1], false)
                        } else if zero(cab[1]) && secret(cab[2]) {
                            (cab[0], cab[2], true)
                        } else {
                            return To::Keep;
                        };
                        let ty = self.c.ty(cond).clone();
                        let cond = if flip { self.emit(Op::Un(Un::Not), vec![cond], g, ty.clone()) } else { cond };
                        let ty = circuit::WireTy { elem: e, ..ty };
                        let bits = self.emit(Op::Un(Un::Cast), vec![cond], g, ty);
                        To::Op(Op::Dot { group: group.clone() }, vec![bits, x])
                    }
                    _ => To::Keep,
                }
            }
            _ => To::Keep,
        }
    }

    fn binary(&self, g: &Gate, w: WireId, bin: Bin) -> To {
        let (x, y) = (g.args[0], g.args[1]);
        let e = self.c.ty(x).elem;
        let ones = e.mask();
        let (a, b) = (self.number(x), self.number(y));
        if let (Some(a), Some(b)) = (a, b)
            && let Some(v) = fold(bin, e, a, b, self.c.ty(y).elem)
        {
            return To::Op(Op::Const(v), vec![]);
        }
        match (bin, a, b) {
            (Bin::Add | Bin::Or | Bin::Xor, Some(0), _) => self.same(w, y),
            (Bin::Add | Bin::Sub | Bin::Or | Bin::Xor | Bin::Shl | Bin::Shr, _, Some(0)) => self.same(w, x),
            (Bin::Mul, Some(1), _) => self.same(w, y),
            (Bin::Mul, _, Some(1)) => self.same(w, x),
            (Bin::Div, _, Some(1)) if ones != 1 => self.same(w, x),
            (Bin::And, Some(v), _) if v == ones => self.same(w, y),
            (Bin::And, _, Some(v)) if v == ones => self.same(w, x),
            (Bin::Xor, Some(v), _) if v == ones => To::Op(Op::Un(Un::Not), vec![y]),
            (Bin::Xor, _, Some(v)) if v == ones => To::Op(Op::Un(Un::Not), vec![x]),
            (Bin::Sub, Some(0), _) => To::Op(Op::Un(Un::Neg), vec![y]),
            (Bin::Eq, _, Some(v)) if e == Elem::Bool => {
                if v & 1 == 1 {
                    self.same(w, x)
                } else {
                    To::Op(Op::Un(Un::Not), vec![x])
                }
            }
            (Bin::And | Bin::Or, _, _) if x == y => self.same(w, x),
            // A canonical order, so that equal sums meet.
            (Bin::Add | Bin::Mul | Bin::And | Bin::Or | Bin::Xor | Bin::Eq, _, _) if y < x => {
                To::Op(Op::Bin(bin), vec![y, x])
            }
            _ => To::Keep,
        }
    }
}

/// A space of one plain dimension that counts from 0: its coordinate is the lane.
fn flat_dim(s: &circuit::Space) -> bool {
    matches!(s.dims.as_slice(), [d] if d.lo == Index::Const(0) && d.step == 1 && d.step_expr.is_none())
        && s.guard.is_none()
}

/// A binary operator on numbers; `None` where it is not worth it or may fail.
fn fold(bin: Bin, e: Elem, a: u128, b: u128, amount: Elem) -> Option<u128> {
    let (sa, sb) = (e.extend(a), e.extend(b));
    let lt = if e.signed() { (sa as i128) < (sb as i128) } else { a < b };
    Some(match bin {
        Bin::Add => a.wrapping_add(b) & e.mask(),
        Bin::Sub => a.wrapping_sub(b) & e.mask(),
        Bin::Mul => a.wrapping_mul(b) & e.mask(),
        Bin::And => a & b,
        Bin::Or => a | b,
        Bin::Xor => a ^ b,
        Bin::Lt => u128::from(lt),
        Bin::Eq => u128::from(a == b),
        Bin::Shl => {
            let n = amount.mask() & b;
            if n >= u128::from(e.bits()) { 0 } else { a << n & e.mask() }
        }
        Bin::Shr if !e.signed() => {
            let n = amount.mask() & b;
            if n >= u128::from(e.bits()) { 0 } else { a >> n }
        }
        _ => return None,
    })
}

/// Where a wire comes from, for the sweep.
#[derive(Clone, Copy)]
enum Def {
    None,
    Gate(RegionId, u32),
    Param(RegionId, u32),
}

/// Drops gates, and carried wires of loops, that nothing with an effect depends on.
pub fn sweep(c: &mut Circuit) {
    let mut def = vec![Def::None; c.wires.len()];
    // Gates that enter a region.
    let mut callers: Vec<Vec<(RegionId, u32)>> = vec![vec![]; c.regions.len()];
    for (r, region) in c.regions.iter().enumerate() {
        let r = RegionId(r as u32);
        for (i, w) in region.params.iter().enumerate() {
            def[w.0 as usize] = Def::Param(r, i as u32);
        }
        for (i, g) in region.gates.iter().enumerate() {
            for w in &g.outs {
                def[w.0 as usize] = Def::Gate(r, i as u32);
            }
            for inner in g.op.regions() {
                callers[inner.0 as usize].push((r, i as u32));
            }
        }
    }
    let mut live = vec![false; c.wires.len()];
    let mut kept: Vec<Vec<bool>> = c.regions.iter().map(|r| vec![false; r.gates.len()]).collect();
    let mut gates: Vec<(RegionId, u32)> = vec![];
    let mut wires: Vec<WireId> = c.outputs.iter().map(|o| o.wire).collect();
    wires.extend(&c.region(c.root).results);
    // Regions that are reached from the root; what is not reached is left alone.
    let mut reach = vec![false; c.regions.len()];
    let mut todo = vec![c.root];
    while let Some(r) = todo.pop() {
        if std::mem::replace(&mut reach[r.0 as usize], true) {
            continue;
        }
        for (i, g) in c.region(r).gates.iter().enumerate() {
            todo.extend(g.op.regions());
            if stays(c, g) {
                gates.push((r, i as u32));
            }
        }
    }
    while !gates.is_empty() || !wires.is_empty() {
        while let Some((r, i)) = gates.pop() {
            if std::mem::replace(&mut kept[r.0 as usize][i as usize], true) {
                continue;
            }
            let g = &c.region(r).gates[i as usize];
            if !g.op.is_region() {
                wires.extend(&g.args);
            } else if let Op::If { .. } = g.op {
                wires.extend(&g.args);
            } else if let Op::While { cond, .. } = g.op {
                wires.extend(&c.region(cond).results);
            } else if let Op::Call(r) = g.op {
                // Other calls may need what this one does not: signatures stay.
                wires.extend(&g.args);
                wires.extend(&c.region(r).results);
            }
            // Whoever enters this region is needed.
            gates.extend(&callers[r.0 as usize]);
        }
        if let Some(w) = wires.pop() {
            if std::mem::replace(&mut live[w.0 as usize], true) {
                continue;
            }
            match def[w.0 as usize] {
                Def::None => {}
                Def::Gate(r, i) => {
                    gates.push((r, i));
                    let g = &c.region(r).gates[i as usize];
                    if let Some(k) = g.outs.iter().position(|o| *o == w) {
                        for inner in g.op.regions() {
                            let region = c.region(inner);
                            let carried = matches!(g.op, Op::Loop { .. } | Op::While { .. });
                            if carried {
                                wires.extend(region.params.get(k));
                            } else {
                                wires.extend(region.results.get(k));
                            }
                        }
                    }
                }
                Def::Param(r, k) => {
                    let k = k as usize;
                    for &(cr, ci) in &callers[r.0 as usize] {
                        let g = &c.region(cr).gates[ci as usize];
                        wires.extend(g.args.get(k));
                        match &g.op {
                            Op::Loop { body, .. } => wires.extend(c.region(*body).results.get(k)),
                            Op::While { cond, body } => {
                                let (q, b) = (c.region(*cond), c.region(*body));
                                wires.extend(b.results.get(k));
                                wires.extend(b.params.get(k));
                                wires.extend(q.params.get(k));
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
    }
    // Sweep: gates, then dead slots of loops and dead results of branches and calls.
    for r in 0..c.regions.len() {
        if !reach[r] {
            continue;
        }
        let gates = std::mem::take(&mut c.regions[r].gates);
        let mut out = Vec::with_capacity(gates.len());
        for (i, mut g) in gates.into_iter().enumerate() {
            if !kept[r][i] {
                continue;
            }
            let dead: Vec<bool> = match &g.op {
                Op::Loop { body, .. } | Op::While { body, .. } => g
                    .outs
                    .iter()
                    .zip(&c.regions[body.0 as usize].params)
                    .map(|(o, p)| !live[o.0 as usize] && !live[p.0 as usize])
                    .collect(),
                Op::If { .. } => g.outs.iter().map(|o| !live[o.0 as usize]).collect(),
                _ => vec![],
            };
            if dead.iter().any(|d| *d) {
                drop_at(&mut g.outs, &dead);
                if !matches!(g.op, Op::If { .. }) {
                    drop_at(&mut g.args, &dead);
                }
                for (k, inner) in g.op.regions().enumerate() {
                    let region = &mut c.regions[inner.0 as usize];
                    // A condition has one result, which is no carried wire.
                    if !(k == 0 && matches!(g.op, Op::While { .. })) {
                        drop_at(&mut region.results, &dead);
                    }
                    if !matches!(g.op, Op::If { .. }) {
                        drop_at(&mut region.params, &dead);
                    }
                }
            }
            out.push(g);
        }
        c.regions[r].gates = out;
    }
}

fn drop_at(v: &mut Vec<WireId>, dead: &[bool]) {
    let mut k = 0;
    v.retain(|_| {
        k += 1;
        !dead[k - 1]
    });
}

/// Gates that stay whoever reads them: effects but for inputs, checks, and public gates that may end the run.
fn stays(c: &Circuit, g: &Gate) -> bool {
    let clear = g.outs.iter().all(|w| c.ty(*w).domain == Domain::Clear);
    match &g.op {
        Op::Random(_) | Op::Share(_) | Op::InputShare(_) => false,
        Op::Bin(Bin::Div | Bin::Rem) | Op::GatherAt | Op::ScatterAt => clear,
        op => op.effectful(),
    }
}
