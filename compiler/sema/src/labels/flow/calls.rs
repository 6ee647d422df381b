//! Calls in the label check: of functions by their schemes, of closures by their bodies, of built-in operations.
//!
//! The walk over everything else is in `flow`.

use super::{ClosureCall, Flow, MAX_ROUNDS};
use crate::labels::RevealSite;
use crate::labels::lab::{Atom, CONTROL, Cause, Lab, Step, Tree};
use crate::labels::report::{Reason, Via};
use crate::tree::*;
use diag::Span;

/// What a closure argument is.
pub(super) enum Callable {
    Closure(ExprId),
    Fn(FnId),
    Param(usize),
    Unknown,
}

impl<'p> Flow<'_, 'p> {
    pub(super) fn callable(&self, id: ExprId) -> Callable {
        match &self.expr(id).kind {
            ExprKind::Closure { .. } => Callable::Closure(id),
            ExprKind::FnRef { f, .. } => Callable::Fn(*f),
            ExprKind::Local(l) => self.callable_local(*l),
            _ => Callable::Unknown,
        }
    }

    pub(super) fn callable_local(&self, l: LocalId) -> Callable {
        if let Some(id) = self.closures.get(&l) {
            return self.callable(*id);
        }
        match self.f.params.iter().position(|p| p.local == l) {
            Some(k) => Callable::Param(k),
            None => Callable::Unknown,
        }
    }

    /// The labels of what a closure gives.
    pub(super) fn apply(&mut self, c: &Callable, args: Vec<Tree>, pc: &Lab, span: Span) -> Tree {
        match c {
            Callable::Closure(id) => {
                let ExprKind::Closure { params, body } = &self.expr(*id).kind else {
                    return Tree::public();
                };
                for (p, t) in params.iter().zip(args) {
                    self.bind(p, t, span);
                }
                let ret = self.expr(*body).ty.clone();
                let pc = &*self.exits.under(pc);
                self.body(*body, &ret, pc)
            }
            Callable::Fn(f) => self.call(*f, &[], &args, pc, span),
            Callable::Param(k) => {
                let known = self.scheme.calls.iter_mut().find(|c| c.param == *k && c.span == span);
                match known {
                    Some(c) => {
                        c.control.join(pc);
                        for (a, b) in c.args.iter_mut().zip(&args) {
                            a.join(b);
                        }
                    }
                    None => self.scheme.calls.push(ClosureCall { param: *k, span, control: pc.clone(), args }),
                }
                self.scheme.params.get(*k).cloned().unwrap_or(Tree::public())
            }
            Callable::Unknown => {
                let mut l = Lab::public();
                for a in &args {
                    l.join(&a.all());
                }
                Tree::Leaf(l)
            }
        }
    }

    /// Instantiates a scheme.
    pub(super) fn call(&mut self, f: FnId, ids: &[ExprId], args: &[Tree], pc: &Lab, span: Span) -> Tree {
        let callee = self.program.f(f);
        let Some(scheme) = self.ck.scheme(f) else {
            let mut l = Lab::public();
            args.iter().for_each(|a| {
                l.join(&a.all());
            });
            return Tree::Leaf(l);
        };
        if self.ck.group.contains(&f) {
            // Whatever condition the function as a whole stands under: what counts is whether this call is one more.
            self.require(&pc.clone().without_control(), None, Reason::Recursion, span, &[]);
        }
        if let (Some(_), Some(effect)) = (self.at, scheme.effect) {
            self.ck.in_at_call(span, effect, self.at);
        }
        // Variables: leaves of the parameters.
        let mut map: Vec<Lab> = Vec::new();
        let mut places: Vec<Span> = Vec::new();
        for (k, (p, a)) in scheme.params.iter().zip(args).enumerate() {
            let place = ids.get(k).map_or(span, |x| self.expr(*x).span);
            let step = Step::Passed(callee.params[k].name.clone(), callee.name.clone());
            pair(p, a, &mut |l| {
                map.push(l.step(&step, place));
                places.push(place);
            });
        }
        for (k, (p, a)) in callee.params.iter().zip(args).enumerate() {
            if p.origin == Origin::Public {
                let place = ids.get(k).map_or(span, |x| self.expr(*x).span);
                let via = Via { callee: callee.name.clone(), span: p.span };
                self.require(&a.all(), None, Reason::PublicParam, place, &[via]);
            }
        }
        let program = self.program;
        // Closures: run with what the callee gives them until their results stand still.
        for _ in 0..MAX_ROUNDS {
            let mut changed = false;
            for c in &scheme.calls {
                let given: Vec<Tree> = c
                    .args
                    .iter()
                    .map(|t| {
                        let mut t = t.clone();
                        t.each_mut(&mut |l| *l = replace(program, l, &map, pc));
                        t
                    })
                    .collect();
                let control = replace(program, &c.control, &map, pc);
                let callable = match ids.get(c.param) {
                    Some(id) => self.callable(*id),
                    None => Callable::Unknown,
                };
                let result = self.apply(&callable, given, &control, c.span).all();
                if let Some(Tree::Leaf(l)) = scheme.params.get(c.param)
                    && let Some(v) = l.vars().next()
                    && let Some(slot) = map.get_mut(v as usize)
                {
                    changed |= slot.join(&result);
                }
            }
            if !changed {
                break;
            }
        }
        for r in &scheme.reqs {
            let mut lab = Lab::public();
            lab.add(&r.source);
            let lab = replace(program, &lab, &map, pc);
            let place = match r.source.atom {
                Atom::Var(v) if v != CONTROL => places.get(v as usize).copied().unwrap_or(span),
                _ => span,
            };
            let mut via = vec![Via { callee: callee.name.clone(), span: r.span }];
            via.extend(r.via.iter().cloned());
            self.require(&lab, r.upto, r.reason.clone(), place, &via);
        }
        if self.scheme.effect.is_none() && scheme.effect.is_some() {
            self.scheme.effect = Some(span);
        }
        let mut result = scheme.result.clone().unwrap_or_else(Tree::public);
        result.each_mut(&mut |l| *l = replace(program, l, &map, pc).without_control());
        result
    }

    pub(super) fn builtin(&mut self, b: Builtin, args: &[ExprId], e: &'p Expr, pc: &Lab) -> Tree {
        if b == Builtin::Random {
            if self.at.is_some() {
                self.ck.in_at(e.span, self.at);
                return Tree::public();
            }
            self.scheme.effect.get_or_insert(e.span);
            return self.leaf(Lab::one(Atom::Kept, Cause::origin(Step::Drawn, e.span)));
        }
        let Some((first, rest)) = args.split_first() else {
            return Tree::public();
        };
        let v = self.eval(*first, pc);
        match b {
            Builtin::Reveal | Builtin::OpenMasked | Builtin::RevealTo(_) => {
                let to = match b {
                    Builtin::RevealTo(p) => Some(p),
                    _ => None,
                };
                if self.at.is_some() {
                    self.ck.in_at(e.span, self.at);
                }
                if self.has_strings(*first) {
                    self.ck.revealed_string(self.expr(*first).span);
                }
                self.scheme.effect.get_or_insert(e.span);
                self.require(pc, None, Reason::Reveal(to), e.span, &[]);
                let all = v.all();
                if all.constant().is_public() && !all.is_public() {
                    self.reveals.push((e.span, all.vars().collect()));
                }
                self.ck.reveals.insert(
                    (self.id, e.span),
                    RevealSite {
                        f: self.id,
                        span: e.span,
                        to,
                        depth: self.ifs,
                        in_loop: self.loops > 0,
                        masked: b == Builtin::OpenMasked,
                    },
                );
                let lab = match to {
                    None => Lab::public(),
                    Some(p) => Lab::one(Atom::Party(p), Cause::origin(Step::RevealedTo(p), e.span)),
                };
                Tree::fill(self.program, &e.ty, &lab)
            }
            Builtin::Len => Tree::public(),
            Builtin::StrLen | Builtin::StrHash | Builtin::StrBytes => {
                let mut v = v;
                self.worked_on(*first, &mut v);
                Tree::fill(self.program, &e.ty, &v.all())
            }
            Builtin::Zip => {
                let mut parts = vec![v];
                parts.extend(rest.iter().map(|x| self.eval(*x, pc)));
                Tree::Node(parts)
            }
            Builtin::Enumerate => Tree::Node(vec![Tree::public(), v]),
            Builtin::Map | Builtin::Count | Builtin::Any | Builtin::All if rest.len() == 1 => {
                let mut elem = v;
                self.touch(&mut elem);
                let c = self.callable(rest[0]);
                self.loops += 1;
                let t = self.apply(&c, vec![elem], pc, self.expr(rest[0]).span);
                self.loops -= 1;
                match b {
                    Builtin::Map => {
                        let mut t = self.shaped(&e.ty, t);
                        self.put_together(&e.ty, &mut t, e.span);
                        t
                    }
                    _ => self.leaf(t.all()),
                }
            }
            Builtin::Fold if rest.len() == 2 => {
                let mut elem = v;
                self.touch(&mut elem);
                let mut acc = self.eval(rest[0], pc);
                let c = self.callable(rest[1]);
                self.loops += 1;
                for _ in 0..MAX_ROUNDS {
                    let args = vec![acc.clone(), elem.clone()];
                    let t = self.apply(&c, args, pc, self.expr(rest[1]).span);
                    if !acc.join(&t) {
                        break;
                    }
                }
                self.loops -= 1;
                self.put_together(&e.ty, &mut acc, e.span);
                acc
            }
            _ => {
                let mut l = v.all();
                for x in rest {
                    let r = self.eval(*x, pc).all();
                    l.join(&r);
                }
                match b {
                    Builtin::Circuit(_) => Tree::fill(self.program, &e.ty, &l),
                    _ => self.leaf(l),
                }
            }
        }
    }
}

/// The label that stands for each variable of a parameter, in order.
fn pair(param: &Tree, arg: &Tree, f: &mut impl FnMut(Lab)) {
    match (param, arg) {
        (Tree::Leaf(l), arg) => {
            if l.vars().next().is_some() {
                f(arg.all());
            }
        }
        (Tree::Node(parts), arg) => {
            for (k, p) in parts.iter().enumerate() {
                pair(p, &arg.field(k as u32), f);
            }
        }
    }
}

/// A label of a callee in terms of the caller: paths go on from the argument's.
fn replace(program: &Program, lab: &Lab, map: &[Lab], pc: &Lab) -> Lab {
    let mut out = Lab::public();
    for s in lab.sources() {
        let by = match s.atom {
            Atom::Var(CONTROL) => pc,
            Atom::Var(v) => match map.get(v as usize) {
                Some(l) => l,
                None => continue,
            },
            _ => {
                out.add(s);
                continue;
            }
        };
        let inner: Vec<_> = s.cause.steps().into_iter().skip(1).collect();
        let mut by = by.clone();
        for (step, span) in &inner {
            by = by.step(step, *span);
        }
        out.join(&if s.used { by.used(program) } else { by });
    }
    out
}
