//! The analysis of one function: labels flow through its body, in the order of the text, under a control label.
//!
//! Loops and folds run to a fixed point; of an `if` both branches run. What a call does is read from the callee's scheme.
//! Words of errors are made in `report`; calls, `at` blocks, and strings are next door.

mod at;
mod calls;
mod strings;

use super::Checker;
use super::exits::Exits;
use super::lab::{Atom, CONTROL, Cause, Lab, Source, Step, Tree, Var};
use super::lints::{self, Known};
use super::report::{Reason, Via};
use crate::tree::*;
use diag::Span;
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// What must hold of a variable where a function is called.
#[derive(Clone, Debug)]
pub(super) struct Req {
    pub source: Source,
    /// Public, or at most known to this party.
    pub upto: Option<PartyId>,
    pub reason: Reason,
    pub span: Span,
    /// Calls between here and there, innermost first.
    pub via: Vec<Via>,
}

/// A call of a parameter of function type.
#[derive(Clone, Debug)]
struct ClosureCall {
    param: usize,
    span: Span,
    control: Lab,
    args: Vec<Tree>,
}

/// What a caller must know of a function's labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Scheme {
    /// One tree of variables per parameter; of a function parameter, one variable for its result.
    pub params: Vec<Tree>,
    pub result: Option<Tree>,
    pub reqs: Vec<Req>,
    calls: Vec<ClosureCall>,
    /// A place that opens something or runs an `at` block.
    pub effect: Option<Span>,
}

impl Scheme {
    /// The scheme of a function that asks for nothing, and whose result is public: where the search for one begins.
    pub fn least(program: &Program, f: FnId) -> Scheme {
        let result = Tree::fill(program, &program.f(f).ret, &Lab::public());
        Scheme { params: parameters(program, f), result: Some(result), ..Scheme::default() }
    }
    /// Whether callers see the same in both.
    pub fn same(&self, other: &Scheme) -> bool {
        let req = |r: &Req| (r.source.atom, r.source.used, r.upto, r.reason.code());
        let call = |a: &ClosureCall, b: &ClosureCall| {
            (a.param, a.span) == (b.param, b.span) && a.control == b.control && a.args == b.args
        };
        self.result == other.result
            && self.reqs.len() == other.reqs.len()
            && self.reqs.iter().zip(&other.reqs).all(|(a, b)| req(a) == req(b))
            && self.calls.len() == other.calls.len()
            && self.calls.iter().zip(&other.calls).all(|(a, b)| call(a, b))
            && self.effect.is_some() == other.effect.is_some()
    }
}

/// The labels of a function's parameters: variables, or in `main` who brings them.
fn parameters(program: &Program, id: FnId) -> Vec<Tree> {
    let main = program.main == Some(id);
    let mut next: Var = 0;
    let tree = |p: &Param| {
        Tree::of(program, &p.ty, &mut || match p.origin {
            Origin::From(party) => {
                Lab::one(Atom::Party(party), Cause::origin(Step::Brought(p.name.clone(), party), p.span))
            }
            Origin::Public => Lab::public(),
            Origin::Kept => Lab::one(Atom::Kept, Cause::origin(Step::Kept(p.name.clone()), p.span)),
            Origin::Caller if main => Lab::public(),
            Origin::Caller => {
                next += 1;
                Lab::one(Atom::Var(next - 1), Cause::origin(Step::Param(p.name.clone()), p.span))
            }
        })
    };
    program.f(id).params.iter().map(tree).collect()
}

/// The state of one function's analysis.
pub(super) struct Flow<'c, 'p> {
    pub ck: &'c mut Checker<'p>,
    pub program: &'p Program,
    pub id: FnId,
    pub f: &'p Fn,
    pub scheme: Scheme,
    state: Vec<Tree>,
    closures: FxHashMap<LocalId, ExprId>,
    /// Why an expression of type `Index` must be public, here.
    index_reason: Reason,
    /// Inside of an `at` block: the party.
    at: Option<PartyId>,
    /// What may have left the code before this place.
    pub(super) exits: Exits,
    ifs: u32,
    loops: u32,
    /// Reveals whose operand has only variables: place and variables.
    reveals: Vec<(Span, Vec<Var>)>,
    in_test: bool,
    /// By expression, whether its value holds strings; empty where none does.
    strings: Vec<bool>,
    /// For lints.
    known: Vec<Option<Known>>,
}

/// More rounds than any fixed point takes; a loop ends there whatever happens.
const MAX_ROUNDS: u32 = 1000;

impl<'c, 'p> Flow<'c, 'p> {
    /// Analyses a function; its scheme, errors reported.
    pub fn run(ck: &'c mut Checker<'p>, id: FnId) -> Scheme {
        let program = ck.program;
        let f = program.f(id);
        let main = program.main == Some(id);
        let mut flow = Flow {
            program,
            id,
            f,
            scheme: Scheme::default(),
            state: vec![Tree::public(); f.locals.len()],
            closures: FxHashMap::default(),
            index_reason: Reason::Size,
            at: None,
            exits: Exits::default(),
            ifs: 0,
            loops: 0,
            reveals: Vec::new(),
            in_test: program.tests.contains(&id),
            strings: strings::holders(program, f),
            known: vec![None; f.exprs.len()],
            ck,
        };
        flow.scheme.params = parameters(program, id);
        for (p, tree) in f.params.iter().zip(&flow.scheme.params) {
            flow.state[p.local.0 as usize] = tree.clone();
        }
        let pc = if main || flow.in_test {
            Lab::public()
        } else {
            let here = Cause::origin(Step::Condition, f.span);
            Lab::one(Atom::Var(CONTROL), here)
        };
        let result = flow.body(f.body, &f.ret, &pc);
        if main {
            flow.outputs(&result);
        }
        flow.pointless_reveals();
        for d in lints::find(&flow) {
            flow.ck.report(d.span().unwrap_or(f.span), d);
        }
        flow.ck.locals[id.0 as usize] = flow.state.iter().map(|t| super::tree_text(program, t)).collect();
        flow.scheme.result = Some(result);
        flow.scheme
    }

    fn expr(&self, id: ExprId) -> &'p Expr {
        self.f.expr(id)
    }

    fn leaf(&self, l: Lab) -> Tree {
        Tree::Leaf(l.used(self.program))
    }

    pub(super) fn eval(&mut self, id: ExprId, pc: &Lab) -> Tree {
        let e = self.expr(id);
        let pc = &*self.exits.under(pc);
        let mut t = self.kind(id, e, pc);
        if *e.ty == Ty::Index
            && let Tree::Leaf(l) = &t
            && !l.is_public()
        {
            let l = l.clone();
            let reason = self.index_reason.clone();
            self.require(&l, None, reason, e.span, &[]);
            t = Tree::public();
        }
        if self.has_strings(id) {
            self.of_one_party(id, &mut t);
        }
        let known = Known::of(&t);
        let slot = &mut self.known[id.0 as usize];
        *slot = Some(slot.map_or(known, |k| k.join(known)));
        t
    }

    /// How far an expression is known, if it was looked at.
    pub fn known(&self, id: ExprId) -> Option<Known> {
        self.known[id.0 as usize]
    }

    /// Whether a function opens something or runs an `at` block.
    pub fn opens(&self, f: FnId) -> bool {
        self.ck.scheme(f).is_none_or(|s| s.effect.is_some())
    }

    /// As [`Flow::eval`], where what is evaluated must be public for a reason of its own.
    fn eval_public(&mut self, id: ExprId, pc: &Lab, reason: Reason) {
        let before = std::mem::replace(&mut self.index_reason, reason.clone());
        let l = self.eval(id, pc).all();
        self.index_reason = before;
        self.require(&l, None, reason, self.expr(id).span, &[]);
    }

    fn kind(&mut self, id: ExprId, e: &'p Expr, pc: &Lab) -> Tree {
        match &e.kind {
            ExprKind::Lit(_) | ExprKind::Size(_) | ExprKind::Zero | ExprKind::Error => {
                Tree::fill(self.program, &e.ty, &Lab::public())
            }
            ExprKind::Const(c) => {
                let init = self.program.consts[c.0 as usize].init;
                let t = self.call(init, &[], &[], pc, e.span);
                self.shaped(&e.ty, t)
            }
            ExprKind::Local(l) => self.state[l.0 as usize].clone(),
            ExprKind::FromIndex(x) | ExprKind::Unary(_, x) => {
                let l = self.eval(*x, pc).all();
                self.leaf(l)
            }
            ExprKind::Cast(x) => {
                let l = self.eval(*x, pc).all();
                self.leaf(l)
            }
            ExprKind::Chain(first, rest) => {
                let mut l = self.operand(*first, pc);
                for (op, _, x) in rest {
                    if matches!(op, BinOp::Shl | BinOp::Shr) {
                        self.eval_public(*x, pc, Reason::Shift);
                    } else {
                        let r = self.operand(*x, pc);
                        l.join(&r);
                    }
                }
                self.leaf(l)
            }
            ExprKind::Call { f, args, .. } => {
                let trees: Vec<Tree> = args.iter().map(|x| self.arg(*x, pc)).collect();
                let t = self.call(*f, args, &trees, pc, e.span);
                self.shaped(&e.ty, t)
            }
            ExprKind::CallLocal(l, args) => {
                let trees = args.iter().map(|x| self.arg(*x, pc)).collect();
                let callable = self.callable_local(*l);
                let t = self.apply(&callable, trees, pc, e.span);
                self.shaped(&e.ty, t)
            }
            ExprKind::Builtin(b, args) => self.builtin(*b, args, e, pc),
            ExprKind::Closure { .. } | ExprKind::FnRef { .. } => {
                let _ = id;
                Tree::public()
            }
            ExprKind::Field(x, k) => self.eval(*x, pc).field(*k),
            ExprKind::Index(x, i) => {
                let mut t = self.eval(*x, pc);
                let place = self.index(*i, pc);
                if self.has_strings(id) {
                    self.require(&place, None, Reason::StrChosen, self.expr(*i).span, &[]);
                }
                self.touch(&mut t);
                self.decided_by(id, &mut t, &place);
                t
            }
            ExprKind::Array(items) => {
                let mut t = Tree::fill(self.program, &e.ty, &Lab::public());
                for x in items {
                    let mut v = self.eval(*x, pc);
                    self.worked_on(*x, &mut v);
                    t.join(&v);
                }
                t
            }
            ExprKind::Repeat(x) => {
                let mut t = self.eval(*x, pc);
                self.worked_on(*x, &mut t);
                t
            }
            ExprKind::Tuple(items) | ExprKind::Struct(items) => {
                Tree::Node(items.iter().map(|x| self.eval(*x, pc)).collect())
            }
            ExprKind::Block(stmts, tail) => {
                for s in stmts {
                    self.stmt(s, pc);
                }
                match tail {
                    Some(x) => self.eval(*x, pc),
                    None => Tree::Node(Vec::new()),
                }
            }
            ExprKind::If { cond, then, otherwise, writes } => self.branch(*cond, *then, *otherwise, writes, pc),
            ExprKind::For { pat, iter, body, writes } => {
                let elem = match &**iter {
                    Iter::Range { lo, hi, step, .. } => {
                        for x in [Some(*lo), Some(*hi), *step].into_iter().flatten() {
                            self.eval_public(x, pc, Reason::LoopBound);
                        }
                        Tree::public()
                    }
                    Iter::Array(x) => {
                        let mut t = self.eval(*x, pc);
                        self.touch(&mut t);
                        t
                    }
                };
                self.settle(writes, &mut |s| {
                    s.bind(pat, elem.clone(), e.span);
                    s.eval(*body, pc);
                });
                Tree::Node(Vec::new())
            }
            ExprKind::While { cond, max: Some(max), body, writes } => {
                self.eval_public(*max, pc, Reason::LoopBound);
                let place = self.expr(*cond).span;
                self.settle(writes, &mut |s| {
                    let c = s.eval(*cond, pc).all().used(s.program).step(&Step::Condition, place);
                    let mut inner = pc.clone();
                    inner.join(&c);
                    s.eval(*body, &inner);
                });
                Tree::Node(Vec::new())
            }
            ExprKind::While { cond, max: None, body, writes } => {
                let place = self.expr(*cond).span;
                // What an earlier turn assigned may decide about the next, and so may what left it.
                self.settle(writes, &mut |s| {
                    let pc = &*s.exits.under(pc);
                    s.require(pc, None, Reason::WhileUnder, e.span, &[]);
                    let c = s.eval(*cond, pc).all();
                    // Under a secret everything that is assigned is one: said already, also where the caller decides.
                    if pc.constant().is_public() {
                        s.require(&c.without(pc), None, Reason::While, place, &[]);
                    }
                    s.eval(*body, pc);
                });
                Tree::Node(Vec::new())
            }
            ExprKind::Return(x) => {
                let value = match x {
                    Some(x) => {
                        if self.has_strings(*x) {
                            self.require(pc, None, Reason::StrChosen, e.span, &[]);
                        }
                        self.eval(*x, pc)
                    }
                    None => Tree::Node(Vec::new()),
                };
                self.returned(*x, value, pc, e.span);
                Tree::fill(self.program, &e.ty, &Lab::public())
            }
            ExprKind::Break | ExprKind::Continue => {
                let whole = matches!(e.kind, ExprKind::Break);
                self.exits.left_loop(whole, pc, e.span);
                Tree::fill(self.program, &e.ty, &Lab::public())
            }
            ExprKind::At { party, body, reads, each } => self.at_block(*party, *body, reads, each, e, pc),
            ExprKind::Assert { cond, .. } => {
                let l = self.eval(*cond, pc).all();
                if !self.in_test && self.at.is_none() && self.program.checked.is_none() {
                    let span = self.expr(*cond).span;
                    self.require(&l, None, Reason::Assert, span, &[]);
                    self.require(pc, None, Reason::AssertUnder, e.span, &[]);
                }
                Tree::Node(Vec::new())
            }
        }
    }

    /// A loop's body, until the labels of what it assigns stand still; it may also not run at all.
    fn settle(&mut self, writes: &[LocalId], turn: &mut dyn FnMut(&mut Self)) {
        self.loops += 1;
        let outer = self.exits.enter_loop();
        for _ in 0..MAX_ROUNDS {
            let before = self.take(writes);
            let left = self.exits.clone();
            self.exits.next_turn();
            turn(self);
            let mut changed = self.exits.more_than(&left);
            for (l, old) in writes.iter().zip(before) {
                let new = std::mem::replace(&mut self.state[l.0 as usize], old);
                changed |= self.state[l.0 as usize].join(&new);
            }
            if !changed {
                break;
            }
        }
        self.exits.leave_loop(outer);
        self.loops -= 1;
    }

    /// The label that an index puts on what is read or written there. An exact one, for it is a size or a loop's, is public.
    fn index(&mut self, i: ExprId, pc: &Lab) -> Lab {
        if *self.expr(i).ty == Ty::Index {
            self.eval_public(i, pc, Reason::Index);
            return Lab::public();
        }
        let span = self.expr(i).span;
        self.eval(i, pc).all().used(self.program).step(&Step::Place, span)
    }

    /// A tree brought to the form of a type: a type parameter's one label spreads over what stands for it.
    pub(super) fn shaped(&self, ty: &Ty, t: Tree) -> Tree {
        let mut out = Tree::fill(self.program, ty, &Lab::public());
        spread(&mut out, &t);
        out
    }

    /// Marks a family's elements as mixed.
    fn touch(&self, t: &mut Tree) {
        t.each_mut(&mut |l| *l = std::mem::take(l).used(self.program));
    }

    fn arg(&mut self, id: ExprId, pc: &Lab) -> Tree {
        match *self.expr(id).ty {
            Ty::Fn(..) => Tree::public(),
            _ => self.eval(id, pc),
        }
    }

    fn take(&self, locals: &[LocalId]) -> Vec<Tree> {
        locals.iter().map(|l| self.state[l.0 as usize].clone()).collect()
    }

    fn bind(&mut self, pat: &Pat, t: Tree, span: Span) {
        match pat {
            Pat::Bind(l) => {
                let step = Step::Assigned(self.f.local(*l).name.clone());
                let mut t = t;
                t.each_mut(&mut |l| *l = std::mem::take(l).step(&step, span));
                self.state[l.0 as usize] = t;
            }
            Pat::Wild => {}
            Pat::Tuple(pats) => {
                for (k, p) in pats.iter().enumerate() {
                    self.bind(p, t.field(k as u32), span);
                }
            }
        }
    }

    fn stmt(&mut self, s: &'p Stmt, pc: &Lab) {
        match s {
            Stmt::Let(pat, x) => {
                if let (Pat::Bind(l), ExprKind::Closure { .. } | ExprKind::FnRef { .. }) = (pat, &self.expr(*x).kind) {
                    self.closures.insert(*l, *x);
                    return;
                }
                let mut t = self.eval(*x, pc);
                self.varied(pat, *x, &mut t);
                self.bind(pat, t, self.expr(*x).span);
            }
            Stmt::Expr(x) => {
                self.eval(*x, pc);
            }
            Stmt::Assign { local, proj, op, value, span } => {
                let mut new = self.eval(*value, pc);
                let pc = &*self.exits.under(pc);
                self.chosen_by(*value, pc, *span, &mut new);
                let mut path = Vec::new();
                let mut weak = op.is_some();
                for p in proj {
                    match p {
                        Proj::Field(k) => path.push(*k),
                        Proj::Index(i) => {
                            let place = self.index(*i, pc);
                            self.chosen_by(*value, &place, self.expr(*i).span, &mut new);
                            self.decided_by(*value, &mut new, &place);
                            weak = true;
                        }
                    }
                }
                if matches!(op, Some(BinOp::Shl | BinOp::Shr)) {
                    let l = new.all();
                    self.require(&l, None, Reason::Shift, self.expr(*value).span, &[]);
                    new = Tree::public();
                }
                if weak {
                    self.touch(&mut new);
                }
                let name = &self.f.local(*local).name;
                let step = Step::Assigned(name.clone());
                new.each_mut(&mut |l| *l = std::mem::take(l).step(&step, *span));
                let under = pc.clone().without_control().step(&Step::AssignedUnder(name.clone()), *span);
                self.decided_by(*value, &mut new, &under);
                let program = self.program;
                let place = self.state[local.0 as usize].part_mut(&path);
                if weak {
                    place.each_mut(&mut |l| *l = std::mem::take(l).used(program));
                    place.join(&new);
                } else {
                    match (&*place, &new) {
                        (Tree::Leaf(_), Tree::Node(_)) => {
                            let l = new.all();
                            place.raise(&l);
                        }
                        _ => *place = new,
                    }
                }
            }
        }
    }

    fn branch(&mut self, cond: ExprId, then: ExprId, otherwise: Option<ExprId>, writes: &[LocalId], pc: &Lab) -> Tree {
        let span = self.expr(cond).span;
        let c = self.eval(cond, pc).all();
        let c = c.used(self.program).step(&Step::Condition, span);
        let mut inner = pc.clone();
        inner.join(&c);
        self.ifs += 1;
        let before = self.take(writes);
        let exits = self.exits.clone();
        let mut t = self.eval(then, &inner);
        let after = self.take(writes);
        // What leaves one side does not leave the other.
        let left = std::mem::replace(&mut self.exits, exits);
        for (l, old) in writes.iter().zip(before) {
            self.state[l.0 as usize] = old;
        }
        if let Some(x) = otherwise {
            let other = self.eval(x, &inner);
            t.join(&other);
        }
        self.exits.join(left);
        for (l, new) in writes.iter().zip(after) {
            self.state[l.0 as usize].join(&new);
        }
        self.ifs -= 1;
        self.chosen_by(then, &c, span, &mut t);
        let chosen = c.step(&Step::Chosen, self.expr(then).span);
        self.decided_by(then, &mut t, &chosen);
        t
    }

    /// What may be at most public (or known to `upto`): an error where it is not, a requirement where the caller decides.
    pub fn require(&mut self, lab: &Lab, upto: Option<PartyId>, reason: Reason, span: Span, via: &[Via]) {
        let above = lab.above(upto);
        if above.is_public() {
            return;
        }
        let constant = above.constant();
        if !constant.is_public() {
            self.ck.refuse(&constant, &reason, span, via);
            return;
        }
        for s in above.sources() {
            let known = self
                .scheme
                .reqs
                .iter_mut()
                .find(|r| r.source.atom == s.atom && r.upto == upto && r.reason.code() == reason.code());
            match known {
                Some(r) => r.source.used |= s.used,
                None => self.scheme.reqs.push(Req {
                    source: s.clone(),
                    upto,
                    reason: reason.clone(),
                    span,
                    via: via.to_vec(),
                }),
            }
        }
    }

    /// The result of `main` against who learns it.
    fn outputs(&mut self, result: &Tree) {
        let tail = self.tail(self.f.body);
        let many = self.f.recipients.len() > 1;
        let count = self.f.recipients.len().max(1);
        for k in 0..count {
            let to = match self.f.gets(k) {
                Gets::Everyone => None,
                Gets::Party(p) => Some(p),
                // Whatever its label: nobody learns it.
                Gets::Nobody => continue,
            };
            let (tree, place) = if many {
                let part = match &self.expr(tail).kind {
                    ExprKind::Tuple(items) => items.get(k).copied().unwrap_or(tail),
                    _ => tail,
                };
                (result.field(k as u32), part)
            } else {
                (result.clone(), tail)
            };
            let above = tree.all().above(to);
            if !above.is_public() {
                let span = self.expr(place).span;
                self.ck.unrevealed(&above, to, span, self.f.ret_span);
            }
        }
    }

    /// The expression that gives the value of a block.
    fn tail(&self, mut id: ExprId) -> ExprId {
        while let ExprKind::Block(_, Some(x)) = &self.expr(id).kind {
            id = *x;
        }
        id
    }

    /// A reveal that may happen only where its operand is public anyway, because the operand decides whether it happens:
    /// whatever the caller passes, it opens nothing or is refused.
    fn pointless_reveals(&mut self) {
        let forced: Vec<(Var, Span, Rc<Cause>)> = self
            .scheme
            .reqs
            .iter()
            .filter(|r| matches!(r.reason, Reason::Reveal(_)))
            .filter_map(|r| match r.source.atom {
                Atom::Var(v) if v != CONTROL => Some((v, r.span, r.source.cause.clone())),
                _ => None,
            })
            .collect();
        for (span, vars) in std::mem::take(&mut self.reveals) {
            let all = vars.iter().all(|v| forced.iter().any(|f| f.0 == *v));
            if all
                && !self.f.library
                && let Some((_, _, cause)) = forced.iter().find(|f| vars.contains(&f.0))
            {
                self.ck.self_deciding(span, cause);
            }
        }
    }
}

/// Puts the labels of `from` into the form of `to`.
fn spread(to: &mut Tree, from: &Tree) {
    match (to, from) {
        (Tree::Node(a), Tree::Node(b)) if a.len() == b.len() => {
            a.iter_mut().zip(b).for_each(|(a, b)| spread(a, b));
        }
        (to, from) => {
            let l = from.all();
            to.each_mut(&mut |x| *x = l.clone());
        }
    }
}
