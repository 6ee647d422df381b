//! Verifiers: whether a circuit, and a schedule beside it, are well-formed.
//!
//! A circuit that passes can be printed, interpreted, priced, and run without an internal error, but for what depends on
//! values: lengths that vary with induction variables are checked on samples of the iterations (first, second, middle, last)
//! and again by every evaluator. Problems are collected, not only the first. Nothing here is about the program's errors: a
//! problem means that a pass, or a peer, is wrong.
//!
//! Labels: at program level nothing but `reveal` makes a clear or local wire of a secret one, at gate level nothing but
//! `open`; this follows from the rules of [`crate::infer`], which hold for every gate.

mod schedule;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::circuit::{Circuit, Level};
use crate::gate::{Gate, Op};
use crate::index::{Index, IndexEnv, Len, MAX_DEPTH, Space};
use crate::infer::{check_lens, infer};
use crate::text::MAX_NESTING;
use crate::types::{Domain, Elem, RegionId, SpanId, WireId, WireTy};

pub use schedule::verify_schedule;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The region and the gate in it, if it is about one.
    pub gate: Option<(RegionId, usize)>,
    /// Where the gate comes from.
    pub span: SpanId,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some((r, k)) = self.gate {
            write!(f, "r{} gate {k}: ", r.0)?;
        }
        f.write_str(&self.what)
    }
}

/// Problems beyond this many are not collected.
const MANY: usize = 50;

/// Verifies a circuit of either level.
///
/// # Errors
/// The problems, at most some fifty.
pub fn verify(c: &Circuit) -> Result<(), Vec<Problem>> {
    let mut v = Verifier {
        c,
        problems: vec![],
        defined: vec![false; c.wires.len()],
        visible: vec![false; c.wires.len()],
        entered: vec![None; c.regions.len()],
        effects: BTreeSet::new(),
        bound: vec![false; c.loop_vars.min(1 << 20) as usize],
        scope: vec![],
        at: None,
        span: SpanId(0),
        nesting: 0,
    };
    v.tables();
    // What follows evaluates expressions and looks wires up by type: only on sound tables.
    if v.problems.is_empty() {
        v.root();
    }
    if v.problems.is_empty() { Ok(()) } else { Err(v.problems) }
}

#[derive(Clone, Copy, PartialEq)]
enum Entered {
    Now,
    Block,
    Called,
}

struct Verifier<'a> {
    c: &'a Circuit,
    problems: Vec<Problem>,
    /// Wires that some gate or parameter defines.
    defined: Vec<bool>,
    /// Wires that may be used here.
    visible: Vec<bool>,
    entered: Vec<Option<Entered>>,
    effects: BTreeSet<u32>,
    bound: Vec<bool>,
    /// Induction variables of the enclosing loops.
    scope: Vec<u32>,
    at: Option<(RegionId, usize)>,
    span: SpanId,
    nesting: usize,
}

impl Verifier<'_> {
    fn problem(&mut self, what: impl Into<String>) {
        if self.problems.len() < MANY {
            self.problems.push(Problem { gate: self.at, span: self.span, what: what.into() });
        }
    }

    fn tables(&mut self) {
        let c = self.c;
        let party = |p: crate::PartyId| (p.0 as usize) < c.parties.len();
        let elem = |e: Elem| (1..=128).contains(&e.bits());
        if c.loop_vars > 1 << 20 || c.effects > 1 << 28 {
            self.problem("too many induction variables or effects");
        }
        if (c.root.0 as usize) >= c.regions.len() {
            self.problem("there is no root");
        }
        for i in &c.inputs {
            if i.party.is_some_and(|p| !party(p)) || !elem(i.elem) {
                self.problem(format!("input `{}` has no party or element", i.name));
            } else if i.kept && (i.party.is_some() || i.range.is_some()) {
                // Nobody could hold it against the range.
                self.problem(format!("input `{}` is kept, and has a party or a range", i.name));
            } else if i.range.is_some_and(|(a, b)| (a | b) & !i.elem.mask() != 0) {
                self.problem(format!("the range of input `{}` does not fit its element", i.name));
            }
        }
        if c.blocks.iter().any(|b| !party(b.party)) {
            self.problem("an at block of a party that is not there");
        }
        for (k, s) in c.spaces.iter().enumerate() {
            if let Err(e) = space(s, c.loop_vars) {
                self.problem(format!("space s{k}: {e}"));
            }
        }
        for (k, t) in c.wires.iter().enumerate() {
            let program = c.level == Level::Program;
            let domain = match t.domain {
                Domain::Clear => true,
                Domain::Local(p) => party(p),
                Domain::Secret => program,
                Domain::Arith { ring } => !program && [8, 16, 32, 64, 128].contains(&ring),
                Domain::Bits { planes } => !program && planes > 0,
            };
            if !domain {
                self.problem(format!("%{k} has a domain that is not of this level"));
            }
            if !elem(t.elem) {
                self.problem(format!("%{k} has an element of {} bits", t.elem.bits()));
            }
            if let Err(e) = len(&t.len, c.spaces.len(), 0) {
                self.problem(format!("%{k}: {e}"));
            }
        }
    }

    fn root(&mut self) {
        let c = self.c;
        let root = c.region(c.root);
        if !root.params.is_empty() || !root.results.is_empty() {
            self.problem("the root has parameters or results");
        }
        self.region(c.root, Entered::Now, &[vec![0; c.loop_vars as usize]], true);
        (self.at, self.span) = (None, SpanId(0));
        for o in &c.outputs {
            let ok = self.visible.get(o.wire.0 as usize).copied().unwrap_or(false);
            if !ok {
                self.problem(format!("output `{}` is %{}, which the root does not define", o.name, o.wire.0));
                continue;
            }
            if let Some(elem) = o.kept {
                let t = c.ty(o.wire);
                let form = match c.level {
                    Level::Program => matches!(t.domain, Domain::Clear | Domain::Secret) && t.elem == elem,
                    // There the element of a wire is a note.
                    Level::Gates(_) => (1..=128).contains(&elem.bits()) && t.domain == elem.kept_form(),
                };
                if o.party.is_some() || !form {
                    self.problem(format!("output `{}` is kept, and has a party or another form", o.name));
                }
                continue;
            }
            match (c.ty(o.wire).domain, o.party) {
                (Domain::Clear, None) => {}
                (Domain::Local(p), Some(q)) if p == q => {}
                (Domain::Clear, Some(p)) if (p.0 as usize) < c.parties.len() => {}
                _ => self.problem(format!("output `{}` is not known to its recipient", o.name)),
            }
        }
    }

    fn define(&mut self, w: WireId, mine: &mut Vec<WireId>) {
        match self.defined.get_mut(w.0 as usize) {
            None => self.problem(format!("%{} has no type", w.0)),
            Some(d) if *d => self.problem(format!("%{} is defined twice", w.0)),
            Some(d) => {
                *d = true;
                self.visible[w.0 as usize] = true;
                mine.push(w);
                let mut vars = vec![];
                self.c.ty(w).len.for_each_space(&mut |s| vars.extend(self.c.spaces.get(s.0 as usize)));
                for s in vars {
                    s.for_each_index(&mut |e| self.in_scope(e));
                }
            }
        }
    }

    fn in_scope(&mut self, e: &Index) {
        let mut bad = None;
        e.for_each_leaf(&mut |l| {
            if let Index::Var(v) = l
                && !self.scope.contains(&v.0)
            {
                bad = Some(v.0);
            }
        });
        if let Some(v) = bad {
            self.problem(format!("i{v} is used outside its loop"));
        }
    }

    fn uses(&mut self, ws: &[WireId]) -> bool {
        let mut ok = true;
        for w in ws {
            if !self.visible.get(w.0 as usize).copied().unwrap_or(false) {
                self.problem(format!("%{} is not defined here", w.0));
                ok = false;
            }
        }
        ok
    }

    /// Verifies a region under samples of the induction variables. `keep`: its wires stay visible (the root's).
    fn region(&mut self, r: RegionId, how: Entered, samples: &[Vec<i64>], keep: bool) {
        let Some(slot) = self.entered.get_mut(r.0 as usize) else {
            return self.problem(format!("there is no r{}", r.0));
        };
        match (*slot, how) {
            (None, _) => *slot = Some(Entered::Now),
            (Some(Entered::Called), Entered::Called) => return,
            (Some(Entered::Now), _) => return self.problem(format!("r{} enters itself", r.0)),
            _ => return self.problem(format!("r{} is entered by two gates", r.0)),
        }
        if self.nesting >= MAX_NESTING {
            return self.problem("regions nest too deeply");
        }
        self.nesting += 1;
        let c = self.c;
        let region = c.region(r);
        let mut mine = vec![];
        for p in &region.params {
            self.define(*p, &mut mine);
        }
        for (k, g) in region.gates.iter().enumerate() {
            (self.at, self.span) = (Some((r, k)), g.span);
            self.gate(g, &mut mine, samples);
        }
        (self.at, self.span) = (Some((r, region.gates.len())), SpanId(0));
        self.uses(&region.results);
        if !keep {
            for w in mine {
                self.visible[w.0 as usize] = false;
            }
        }
        self.entered[r.0 as usize] = Some(how);
        self.nesting -= 1;
    }

    fn gate(&mut self, g: &Gate, mine: &mut Vec<WireId>, samples: &[Vec<i64>]) {
        let c = self.c;
        let name = g.op.name();
        let mut ok = self.uses(&g.args);
        if let Some(id) = g.op.effect()
            && (id.0 >= c.effects || !self.effects.insert(id.0))
        {
            self.problem(format!("effect #{} is not new", id.0));
        }
        if let Some((s, e)) = g.op.space_index() {
            ok &= self.point_index(s, e);
        }
        if let Some(group) = g.op.group() {
            match len(group, c.spaces.len(), 0) {
                Ok(()) => {
                    let mut used = vec![];
                    group.for_each_space(&mut |s| used.extend(c.spaces.get(s.0 as usize)));
                    used.into_iter().for_each(|s| s.for_each_index(&mut |e| self.in_scope(e)));
                }
                Err(e) => {
                    self.problem(format!("{name}: {e}"));
                    ok = false;
                }
            }
        }
        self.enter_regions(g, samples, ok);
        let before = self.problems.len();
        for w in &g.outs {
            self.define(*w, mine);
        }
        if !ok || self.problems.len() > before {
            return;
        }
        let tys = |ws: &[WireId]| ws.iter().map(|w| c.ty(*w)).collect::<Vec<&WireTy>>();
        let (args, outs) = (tys(&g.args), tys(&g.outs));
        let want: Vec<WireTy> = outs.iter().map(|t| (*t).clone()).collect();
        match infer(c, &g.op, &args, &want) {
            Err(e) => return self.problem(format!("{name}: {e}")),
            Ok(types) => {
                if types.len() != outs.len() {
                    return self.problem(format!("{name}: {} results, not {}", outs.len(), types.len()));
                }
                for (t, o) in types.iter().zip(&outs) {
                    let note = crate::infer::shared_form(t.domain);
                    if t.domain != o.domain || (t.elem != o.elem && !note) {
                        self.problem(format!(
                            "{name}: a result is {} {}, not {} {}",
                            crate::infer::show(o.domain),
                            o.elem,
                            crate::infer::show(t.domain),
                            t.elem
                        ));
                    }
                }
            }
        }
        // What never runs is checked where nothing in it varies.
        let fixed = samples.is_empty() && !g.op.is_region() && !self.varies(g);
        let none = if fixed { vec![vec![0; c.loop_vars as usize]] } else { vec![] };
        for vars in samples.iter().chain(&none) {
            if let Err(e) = lens_fit(c, g, vars) {
                return self.problem(format!("{name}: {e}"));
            }
        }
    }

    /// Whether a length of a gate mentions an induction variable.
    fn varies(&self, g: &Gate) -> bool {
        let c = self.c;
        g.args.iter().chain(&g.outs).any(|w| c.ty(*w).len.mentions_vars(&c.spaces))
            || g.op.group().is_some_and(|l| l.mentions_vars(&c.spaces))
            || g.op.space_index().is_some_and(|(s, _)| c.spaces[s.0 as usize].mentions_vars())
    }

    /// An expression over a space: coordinates that it has, variables in scope.
    fn point_index(&mut self, s: crate::SpaceId, e: &Index) -> bool {
        let Some(space) = self.c.spaces.get(s.0 as usize) else {
            self.problem(format!("there is no s{}", s.0));
            return false;
        };
        let dims = space.dims.len();
        let before = self.problems.len();
        if e.depth() > MAX_DEPTH {
            self.problem("an index expression nests too deeply");
        }
        if e.any_leaf(|l| matches!(l, Index::Coord(k) if *k as usize >= dims)) {
            self.problem(format!("s{} has {dims} coordinates", s.0));
        }
        self.in_scope(e);
        space.for_each_index(&mut |e| self.in_scope(e));
        self.problems.len() == before
    }

    fn enter_regions(&mut self, g: &Gate, samples: &[Vec<i64>], ok: bool) {
        match &g.op {
            Op::Loop { var, lo, hi, step, body } => {
                let mut sound = ok;
                for e in [lo, hi] {
                    if e.mentions_point() || e.depth() > MAX_DEPTH {
                        self.problem("a loop's bound mentions a coordinate, or nests too deeply");
                        sound = false;
                    }
                    self.in_scope(e);
                }
                if *step == 0 {
                    self.problem("a loop's step is 0");
                    sound = false;
                }
                match self.bound.get_mut(var.0 as usize) {
                    None => {
                        self.problem(format!("i{} is beyond the circuit's variables", var.0));
                        return;
                    }
                    Some(b) if *b => self.problem(format!("i{} is bound by two loops", var.0)),
                    Some(b) => *b = true,
                }
                let mut inner = vec![];
                for vars in samples.iter().filter(|_| sound) {
                    let env = IndexEnv { vars };
                    match (lo.eval_scalar(&env), hi.eval_scalar(&env)) {
                        (Ok(lo), Ok(hi)) => inner.extend(iterations(lo, hi, *step).into_iter().map(|i| {
                            let mut v = vars.clone();
                            v[var.0 as usize] = i;
                            v
                        })),
                        (Err(e), _) | (_, Err(e)) => self.problem(format!("a loop's bound: {e}")),
                    }
                }
                // A spread of at most 12.
                let n = inner.len();
                if n > 12 {
                    inner = (0..12).map(|k| std::mem::take(&mut inner[k * (n - 1) / 11])).collect();
                }
                self.scope.push(var.0);
                let place = (self.at, self.span);
                self.region(*body, Entered::Block, &inner, false);
                (self.at, self.span) = place;
                self.scope.pop();
                if ok {
                    self.carried(g, samples);
                }
            }
            Op::Call(r) => {
                // What is called sees nothing of where it is called from.
                let scope = std::mem::take(&mut self.scope);
                let visible = std::mem::replace(&mut self.visible, vec![false; self.c.wires.len()]);
                let place = (self.at, self.span);
                self.region(*r, Entered::Called, &[vec![0; self.c.loop_vars as usize]], false);
                (self.at, self.span) = place;
                self.visible = visible;
                self.scope = scope;
            }
            op => {
                for r in op.regions() {
                    let place = (self.at, self.span);
                    self.region(r, Entered::Block, samples, false);
                    (self.at, self.span) = place;
                }
            }
        }
    }

    /// A carried wire's length may follow the variable: what an iteration gives is what the next one takes, the first takes
    /// what came in, and the last gives what comes out.
    fn carried(&mut self, g: &Gate, samples: &[Vec<i64>]) {
        let c = self.c;
        let Op::Loop { var, lo, hi, step, body } = &g.op else { return };
        let Some(region) = c.regions.get(body.0 as usize).filter(|_| *step != 0) else { return };
        for (k, p) in region.params.iter().enumerate() {
            let (Some(a), Some(r), Some(o)) = (g.args.get(k), region.results.get(k), g.outs.get(k)) else { return };
            let len = |w: &WireId, vars: &[i64]| c.wires.get(w.0 as usize).map(|t| t.len.eval(c, vars));
            for v in samples {
                let env = IndexEnv { vars: v };
                let (Ok(lo), Ok(hi)) = (lo.eval_scalar(&env), hi.eval_scalar(&env)) else { return };
                let at = |i: i64| {
                    let mut v = v.clone();
                    v[var.0 as usize] = i;
                    v
                };
                let turns = iterations(lo, hi, *step);
                let (Some(first), Some(last)) = (turns.first(), turns.last()) else {
                    if len(a, v) != len(o, v) {
                        return self.problem(format!("carried wire {k} comes and goes with different lengths"));
                    }
                    continue;
                };
                if len(a, v) != len(p, &at(*first)) || len(r, &at(*last)) != len(o, v) {
                    return self.problem(format!("carried wire {k} comes and goes with different lengths"));
                }
                if turns.iter().any(|i| i != last && len(r, &at(*i)) != len(p, &at(i.saturating_add(*step)))) {
                    return self.problem(format!("carried wire {k} changes its length"));
                }
            }
        }
    }
}

/// First, second, middle, last.
fn iterations(lo: i64, hi: i64, step: i64) -> Vec<i64> {
    let (lo, hi, step) = (i128::from(lo), i128::from(hi), i128::from(step));
    let span = if step > 0 { hi - lo } else { lo - hi };
    if span <= 0 {
        return vec![];
    }
    let n = (span + step.abs() - 1) / step.abs();
    let mut at = vec![0, 1, n / 2, n - 1];
    at.retain(|k| *k < n);
    at.dedup();
    at.into_iter().map(|k| (lo + step * k) as i64).collect()
}

/// Lengths of a gate's operands and results under values of the induction variables.
fn lens_fit(c: &Circuit, g: &Gate, vars: &[i64]) -> Result<(), String> {
    let lens = |ws: &[WireId]| -> Result<Vec<u64>, String> {
        ws.iter().map(|w| c.ty(*w).len.eval(c, vars).map_err(|e| e.to_string())).collect()
    };
    let (args, outs) = (lens(&g.args)?, lens(&g.outs)?);
    check_lens(c, &g.op, &args, &outs, vars)?;
    let same = |what: &str, a: &[u64], b: &[u64]| {
        if a == b { Ok(()) } else { Err(format!("{what} of lengths {a:?} where {b:?} are wanted")) }
    };
    match &g.op {
        Op::Call(r) => {
            let none = vec![0; vars.len()];
            let of = |ws: &[WireId]| -> Result<Vec<u64>, String> {
                ws.iter().map(|w| c.ty(*w).len.eval(c, &none).map_err(|e| e.to_string())).collect()
            };
            same("operands", &args, &of(&c.region(*r).params)?)?;
            same("results", &outs, &of(&c.region(*r).results)?)
        }
        Op::If { then, otherwise } => {
            same("results", &lens(&c.region(*then).results)?, &outs)?;
            same("results", &lens(&c.region(*otherwise).results)?, &outs)
        }
        Op::While { cond, body } => {
            same("carried wires", &outs, &args)?;
            same("the condition", &lens(&c.region(*cond).results)?, &[1])?;
            same("parameters", &lens(&c.region(*cond).params)?, &args)?;
            same("parameters", &lens(&c.region(*body).params)?, &args)?;
            same("results", &lens(&c.region(*body).results)?, &args)
        }
        _ => Ok(()),
    }
}

fn space(s: &Space, vars: u32) -> Result<(), String> {
    let index = |e: &Index, coords: usize| {
        if e.depth() > MAX_DEPTH {
            return Err("an expression nests too deeply");
        }
        let bad = e.any_leaf(|l| match l {
            Index::Coord(k) => *k as usize >= coords,
            Index::Var(v) => v.0 >= vars,
            Index::Lane => true,
            _ => false,
        });
        if bad { Err("a bound mentions what it cannot") } else { Ok(()) }
    };
    if s.dims.len() > 16 {
        return Err("more than 16 dimensions".into());
    }
    for (k, d) in s.dims.iter().enumerate() {
        index(&d.lo, k)?;
        index(&d.hi, k)?;
        d.step_expr.iter().try_for_each(|e| index(e, k))?;
        if d.step == 0 {
            return Err("a step of 0".into());
        }
    }
    s.guard.iter().try_for_each(|e| index(e, s.dims.len()))?;
    Ok(())
}

fn len(l: &Len, spaces: usize, depth: usize) -> Result<(), String> {
    match l {
        _ if depth > MAX_DEPTH => Err("a length nests too deeply".into()),
        Len::Const(_) => Ok(()),
        Len::Space { space, .. } if (space.0 as usize) < spaces => Ok(()),
        Len::Space { space, .. } => Err(format!("there is no s{}", space.0)),
        Len::Mul(a, b) => len(a, spaces, depth + 1).and(len(b, spaces, depth + 1)),
    }
}
