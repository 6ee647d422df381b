//! Expressions and statements. One frame per call on one stack of locals; closures run in the frame that they stand in.
//!
//! Under a condition that is not public both branches run, as on shares: the branch not taken first, its assignments
//! rolled back; so an error in it shows whatever the condition. Knows no scalar arithmetic (`ops`) and no array methods
//! (`builtin`).

mod at;
mod control;
pub(crate) mod exit;

use crate::ops::{self, Why};
use crate::value::{Array, Bad, Callee, Kind, Scalar, Shape, Step, Value};
use crate::{EvalError, Options};
use diag::Span;
use sema::layout;
use sema::tree::*;
use std::sync::Arc;

pub(crate) type R<T> = Result<T, Halt>;

/// Why an expression gives no value.
pub(crate) enum Halt {
    Error(Box<EvalError>),
    /// Control left it.
    Left(Box<Exit>),
}

impl Halt {
    /// As the error of a whole run.
    pub fn error(self) -> EvalError {
        match self {
            Halt::Error(e) => *e,
            Halt::Left(_) => *fault(Span::default()),
        }
    }
}

/// Where control goes instead.
pub(crate) enum Exit {
    Return(Value),
    Break,
    Continue,
}

/// Most calls inside one another.
const MAX_CALLS: u32 = 10_000;
/// Expressions inside one another between two looks at the stack.
const STRIDE: u32 = 16;
/// Stack that is left where more is asked for: more than so many expressions take.
const RED_ZONE: usize = 384 << 10;
/// What is asked for then.
const SEGMENT: usize = 4 << 20;

/// A running function.
#[derive(Clone)]
pub(crate) struct Frame<'p> {
    pub id: FnId,
    pub f: &'p Fn,
    pub base: usize,
    pub env: Arc<TyEnv>,
}

/// What an assignment replaced: slot, steps, old value.
type Undo = (usize, Vec<Step>, Value);

/// One run of a program.
pub(crate) struct Run<'p> {
    pub program: &'p Program,
    /// Strings of the inputs; those of the program are its own.
    strings: &'p strings::Table,
    families: Arc<[i64]>,
    stack: Vec<Value>,
    calls: u32,
    nest: u32,
    steps: u64,
    turns: u64,
    consts: Vec<Option<Value>>,
    /// Assignments to take back, while a branch that is not taken runs.
    journal: Vec<Undo>,
    journals: u32,
    /// What a condition that is not public may have left.
    hidden: exit::Hidden,
    /// `at` blocks that are open.
    pub(crate) alone: u32,
    /// What `random()` gives comes from: no more than numbers to compute with.
    drawn: u64,
    /// Conditions around that are not public.
    pub(crate) veiled: u32,
    /// Whether something failed that is not public, in a `checked` program.
    pub(crate) failed: bool,
    /// Exits of the functions that were asked for.
    exits: rustc_hash::FxHashMap<FnId, Option<Arc<sema::walk::Exits>>>,
}

pub(crate) fn error<T>(span: Span, what: impl Into<String>) -> R<T> {
    Err(Halt::Error(Box::new(EvalError { span, what: what.into(), internal: false, sides: None })))
}

fn fault(span: Span) -> Box<EvalError> {
    let what = "internal error: the evaluator met a tree that no checker lets pass".into();
    Box::new(EvalError { span, what, internal: true, sides: None })
}

pub(crate) fn internal<T>(span: Span) -> R<T> {
    Err(Halt::Error(fault(span)))
}

pub(crate) fn why<T>(r: Result<T, Why>, span: Span) -> R<T> {
    match r {
        Ok(v) => Ok(v),
        Err(w) if w.is_empty() => internal(span),
        Err(w) => error(span, w),
    }
}

fn bad<T>(r: Result<T, Bad>, span: Span) -> R<T> {
    match r {
        Ok(v) => Ok(v),
        Err(Bad::Bounds(i, n)) => error(span, format!("index {i} is outside of an array of {n}")),
        Err(Bad::Shape) => internal(span),
    }
}

impl<'p> Run<'p> {
    /// Sizes of families.
    pub(crate) fn families(&self) -> &Arc<[i64]> {
        &self.families
    }
    pub fn new(program: &'p Program, families: Arc<[i64]>, options: Options, strings: &'p strings::Table) -> Run<'p> {
        Run {
            program,
            strings,
            families,
            stack: Vec::new(),
            calls: 0,
            nest: 0,
            steps: options.steps,
            turns: options.turns,
            consts: vec![None; program.consts.len()],
            journal: Vec::new(),
            journals: 0,
            hidden: exit::Hidden::default(),
            alone: 0,
            drawn: 0,
            veiled: 0,
            failed: false,
            exits: Default::default(),
        }
    }

    /// 128 bits for `random()`: SplitMix64 (Steele, Lea, Flood 2014), the same in every run. Under a protocol nobody knows them.
    pub(crate) fn draw(&mut self) -> u128 {
        let mut word = || {
            self.drawn = self.drawn.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let z = (self.drawn ^ (self.drawn >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            u128::from(z ^ (z >> 31))
        };
        word() << 64 | word()
    }
    /// What may have been left in secret.
    pub(crate) fn hidden(&self) -> exit::Hidden {
        self.hidden
    }
    /// Whether a branch runs that is not taken.
    pub(crate) fn untaken(&self) -> bool {
        self.journals > 0
    }
    /// The string of a number.
    pub(crate) fn string(&self, number: u128, span: Span) -> R<&'p str> {
        match self.strings.get(number).or_else(|| self.program.strings.get(number)) {
            Some(s) => Ok(s),
            None => error(span, "a string whose text is not at hand here"),
        }
    }

    /// Calls a function.
    pub fn enter(&mut self, id: FnId, env: Arc<TyEnv>, args: Vec<Value>, span: Span) -> R<Value> {
        let f = self.program.f(id);
        if self.calls >= MAX_CALLS {
            return error(span, format!("calls are nested more than {MAX_CALLS} deep here"));
        }
        for c in &f.size_checks {
            let (Some(l), Some(r)) = (layout::size(&c.left, &env), layout::size(&c.right, &env)) else {
                return error(c.span, format!("{}: a size here is no number", c.what));
            };
            if l != r {
                return error(c.span, format!("{}: {l} against {r}", c.what));
            }
        }
        let base = self.stack.len();
        self.stack.resize(base + f.locals.len(), Value::Unit);
        for (p, v) in f.params.iter().zip(args) {
            self.stack[base + p.local.0 as usize] = v;
        }
        self.calls += 1;
        let frame = Frame { id, f, base, env };
        let (outer, veiled) = (std::mem::take(&mut self.hidden), self.veiled);
        self.veiled += u32::from(outer.any());
        let r = self.eval(&frame, f.body);
        self.veiled = veiled;
        let r = self.returned(r, outer);
        self.calls -= 1;
        self.stack.truncate(base);
        r
    }

    /// Evaluates an expression.
    pub fn eval(&mut self, fr: &Frame<'p>, id: ExprId) -> R<Value> {
        let e = fr.f.expr(id);
        if self.steps == 0 {
            return error(e.span, "the limit of steps is reached here");
        }
        self.steps -= 1;
        match &e.kind {
            ExprKind::Local(l) => return Ok(self.stack[fr.base + l.0 as usize].clone()),
            ExprKind::Lit(bits) => {
                return match Kind::of(&e.ty, &fr.env) {
                    // A number for any type is a whole one.
                    Some(kind @ Kind::Fixed(f)) if matches!(*e.ty, Ty::Param(_)) => Ok(Value::scalar(kind, *bits << f)),
                    Some(kind) => Ok(Value::scalar(kind, *bits)),
                    None => internal(e.span),
                };
            }
            _ => {}
        }
        self.nest += 1;
        let r = if self.nest.is_multiple_of(STRIDE) {
            stacker::maybe_grow(RED_ZONE, SEGMENT, || self.nested(fr, id, e))
        } else {
            self.nested(fr, id, e)
        };
        self.nest -= 1;
        r
    }

    fn nested(&mut self, fr: &Frame<'p>, id: ExprId, e: &'p Expr) -> R<Value> {
        match &e.kind {
            ExprKind::Chain(first, rest) => self.chain(fr, *first, rest),
            ExprKind::Index(..) | ExprKind::Field(..) => self.part(fr, id),
            ExprKind::Block(stmts, tail) => self.block(fr, stmts, *tail),
            ExprKind::If { cond, then, otherwise, writes } => self.branch(fr, *cond, *then, *otherwise, writes),
            ExprKind::For { pat, iter, body, .. } => self.repeat(fr, pat, iter, *body),
            ExprKind::While { cond, max, body, writes } => self.repeat_while(fr, *cond, *max, *body, writes, e.span),
            _ => self.other(fr, id, e),
        }
    }

    #[inline(never)]
    fn other(&mut self, fr: &Frame<'p>, id: ExprId, e: &'p Expr) -> R<Value> {
        match &e.kind {
            ExprKind::Size(size) => match layout::size(size, &fr.env) {
                Some(n) => Ok(Value::Scalar(Scalar::index(n))),
                None => error(e.span, "this size does not fit 64 bits or divides by zero"),
            },
            ExprKind::Const(c) => self.constant(*c, e.span),
            ExprKind::FromIndex(x) => {
                let v = self.eval(fr, *x)?;
                let Some(kind) = Kind::of(&e.ty, &fr.env) else {
                    return internal(e.span);
                };
                let Value::Scalar(s) = v else {
                    return internal(e.span);
                };
                let n = s.number();
                let got = why(ops::cast_scalar(s, kind), e.span)?;
                let back = why(ops::cast_scalar(got, Kind::Int { signed: true, bits: 128 }), e.span)?;
                if back.number() != n || (!kind.signed() && n < 0) {
                    return error(e.span, format!("{n} does not fit the type asked for here"));
                }
                Ok(Value::Scalar(got))
            }
            ExprKind::Unary(op, x) => {
                let v = self.eval(fr, *x)?;
                if *op == UnOp::Neg {
                    self.watch_neg(fr, &v, e.span)?;
                }
                why(ops::map(&v, |k| k, |s| ops::unary_scalar(*op, s)), e.span)
            }
            ExprKind::Cast(x) => {
                let v = self.eval(fr, *x)?;
                let Some(kind) = Kind::of(innermost(&e.ty, &fr.env), &fr.env) else {
                    return internal(e.span);
                };
                why(ops::map(&v, |_| kind, |s| ops::cast_scalar(s, kind)), e.span)
            }
            ExprKind::Call { f, generics, args } => {
                let args = self.all(fr, args)?;
                let env = self.bind(fr, &generics.tys, &generics.sizes, e.span)?;
                self.enter(*f, env, args, e.span)
            }
            ExprKind::CallLocal(l, args) => {
                let args = self.all(fr, args)?;
                let Value::Fn(callee) = self.stack[fr.base + l.0 as usize].clone() else {
                    return internal(e.span);
                };
                self.call(&callee, args, e.span)
            }
            ExprKind::Builtin(b, args) => self.builtin(fr, *b, args, e),
            ExprKind::Closure { .. } | ExprKind::FnRef { .. } => Ok(Value::Fn(self.callee(fr, id)?)),
            ExprKind::Array(items) => {
                let items = self.all(fr, items)?;
                match items.first() {
                    Some(v) => self.collect(v.shape(), &items, e.span),
                    None => self.empty(fr, &e.ty, e.span),
                }
            }
            ExprKind::Repeat(x) => {
                let v = self.eval(fr, *x)?;
                let Ty::Array(_, n) = &*e.ty else {
                    return internal(e.span);
                };
                let elem = v.shape();
                let n = layout::size(n, &fr.env).and_then(|n| usize::try_from(n).ok()).filter(|n| {
                    let lanes = elem.lanes().and_then(|l| l.checked_mul(*n as u64));
                    lanes.is_some_and(|l| l <= crate::MAX_LANES)
                });
                match n {
                    // `collect` writes each element once; copies of an `Arc` until then.
                    Some(n) if n as u64 <= crate::MAX_LANES => self.collect(elem, &vec![v; n], e.span),
                    _ => error(e.span, "this array is too large here, or its length negative"),
                }
            }
            ExprKind::Tuple(items) | ExprKind::Struct(items) => Ok(Value::Tuple(Arc::new(self.all(fr, items)?))),
            ExprKind::At { party, body, reads, each } => {
                let slots: Vec<usize> = reads.iter().map(|l| fr.base + l.0 as usize).collect();
                let saved: Vec<Value> = slots.iter().map(|s| self.stack[*s].clone()).collect();
                slots.iter().for_each(|s| self.stack[*s].mark(false));
                self.alone += 1;
                let r = match self.program.parties[party.0 as usize].family {
                    Some(_) => self.at_each(fr, *party, *body, each, e),
                    None => self.eval(fr, *body),
                };
                self.alone -= 1;
                for (slot, v) in slots.into_iter().zip(saved) {
                    self.stack[slot] = v;
                }
                let mut v = r?;
                v.mark(true);
                Ok(v)
            }
            ExprKind::Assert { cond, what } => match self.eval(fr, *cond)? {
                Value::Scalar(s) if s.truth() => Ok(Value::Unit),
                Value::Scalar(s) if s.secret && self.watches(fr) => {
                    self.watch_place(fr, e.span)?;
                    Ok(Value::Unit)
                }
                Value::Scalar(_) => {
                    let colon = if what.is_empty() { "" } else { ": " };
                    let what = format!("the assertion failed{colon}{what}");
                    let sides = self.sides(fr, *cond).map(Box::new);
                    Err(Halt::Error(Box::new(EvalError { span: e.span, what, internal: false, sides })))
                }
                _ => internal(e.span),
            },
            ExprKind::Return(x) => {
                let v = match x {
                    Some(x) => self.eval(fr, *x)?,
                    None => Value::Unit,
                };
                Err(Halt::Left(Box::new(Exit::Return(v))))
            }
            ExprKind::Break => Err(Halt::Left(Box::new(Exit::Break))),
            ExprKind::Continue => Err(Halt::Left(Box::new(Exit::Continue))),
            ExprKind::Zero => self.zero(fr, &e.ty, e.span),
            _ => internal(e.span),
        }
    }

    /// The two sides of the comparison that an assertion consists of, in words, if they are public.
    fn sides(&mut self, fr: &Frame<'p>, cond: ExprId) -> Option<(String, String)> {
        let mut at = cond;
        loop {
            match &fr.f.expr(at).kind {
                // Arrays are compared element by element.
                ExprKind::Builtin(Builtin::All | Builtin::Map, args) => at = *args.first()?,
                ExprKind::Chain(x, rest) => {
                    let [(op, _, y)] = rest.as_slice() else { return None };
                    if !matches!(op, BinOp::Eq | BinOp::Ne | BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge) {
                        return None;
                    }
                    let (x, y) = (self.eval(fr, *x).ok()?, self.eval(fr, *y).ok()?);
                    return (!x.secret() && !y.secret()).then(|| (x.text(), y.text()));
                }
                _ => return None,
            }
        }
    }

    fn all(&mut self, fr: &Frame<'p>, ids: &[ExprId]) -> R<Vec<Value>> {
        ids.iter().map(|x| self.eval_arg(fr, *x)).collect()
    }

    /// An argument: as [`Run::eval`], with closures by name.
    fn eval_arg(&mut self, fr: &Frame<'p>, id: ExprId) -> R<Value> {
        match fr.f.expr(id).kind {
            ExprKind::Closure { .. } | ExprKind::FnRef { .. } => Ok(Value::Fn(self.callee(fr, id)?)),
            _ => self.eval(fr, id),
        }
    }

    /// What an argument of function type is.
    pub fn callee(&mut self, fr: &Frame<'p>, id: ExprId) -> R<Callee> {
        let e = fr.f.expr(id);
        match &e.kind {
            ExprKind::Closure { .. } => Ok(Callee { f: fr.id, env: fr.env.clone(), closure: Some((fr.base, id)) }),
            ExprKind::FnRef { f, generics } => {
                Ok(Callee { f: *f, env: self.bind(fr, &generics.tys, &generics.sizes, e.span)?, closure: None })
            }
            _ => match self.eval(fr, id)? {
                Value::Fn(callee) => Ok(callee),
                _ => internal(e.span),
            },
        }
    }

    /// Calls a closure or a function.
    pub fn call(&mut self, callee: &Callee, args: Vec<Value>, span: Span) -> R<Value> {
        let Some((base, id)) = callee.closure else {
            return self.enter(callee.f, callee.env.clone(), args, span);
        };
        let f = self.program.f(callee.f);
        let ExprKind::Closure { params, body } = &f.expr(id).kind else {
            return internal(span);
        };
        let frame = Frame { id: callee.f, f, base, env: callee.env.clone() };
        for (pat, v) in params.iter().zip(args) {
            self.bind_pat(&frame, pat, v, span)?;
        }
        let (outer, veiled) = (self.hidden, self.veiled);
        self.hidden = outer.inside();
        let r = self.eval(&frame, *body);
        self.veiled = veiled;
        self.returned(r, outer)
    }

    fn bind(&self, fr: &Frame<'p>, tys: &[Ty], sizes: &[Size], span: Span) -> R<Arc<TyEnv>> {
        let tys: Option<Vec<Ty>> = tys.iter().map(|t| layout::close(t, &fr.env)).collect();
        let sizes: Option<Vec<i64>> = sizes.iter().map(|s| layout::size(s, &fr.env).filter(|n| *n >= 0)).collect();
        match (tys, sizes) {
            (Some(tys), Some(sizes)) => Ok(Arc::new(TyEnv { tys, sizes, families: self.families.clone() })),
            _ => error(span, "a size of this call is negative or no number"),
        }
    }

    fn constant(&mut self, c: ConstId, span: Span) -> R<Value> {
        let k = c.0 as usize;
        if let Some(v) = &self.consts[k] {
            return Ok(v.clone());
        }
        let env = Arc::new(TyEnv { families: self.families.clone(), ..TyEnv::default() });
        let v = self.enter(self.program.consts[k].init, env, Vec::new(), span)?;
        self.consts[k] = Some(v.clone());
        Ok(v)
    }

    /// An array of elements of one shape.
    pub fn collect(&self, elem: Shape, items: &[Value], span: Span) -> R<Value> {
        Ok(Value::Array(Arc::new(bad(Array::collect(elem, items), span)?)))
    }

    /// The empty array of a type.
    pub fn empty(&self, fr: &Frame<'p>, ty: &Ty, span: Span) -> R<Value> {
        let shape = layout::close(ty, &fr.env).and_then(|ty| Shape::of(self.program, &ty, &self.families));
        match shape {
            Some(Shape::Array(0, elem)) => self.collect(*elem, &[], span),
            _ => internal(span),
        }
    }

    fn chain(&mut self, fr: &Frame<'p>, first: ExprId, rest: &[(BinOp, Span, ExprId)]) -> R<Value> {
        let mut acc = self.eval(fr, first)?;
        for (op, span, x) in rest {
            if let (BinOp::And | BinOp::Or, Value::Scalar(s)) = (op, &acc)
                && !s.secret
                && s.truth() == (*op == BinOp::Or)
            {
                continue;
            }
            let b = self.eval(fr, *x)?;
            self.watch(fr, *op, &acc, &b, *span)?;
            acc = why(ops::binary(*op, &acc, &b), *span)?;
        }
        Ok(acc)
    }

    fn block(&mut self, fr: &Frame<'p>, stmts: &'p [Stmt], tail: Option<ExprId>) -> R<Value> {
        for s in stmts {
            match s {
                Stmt::Let(pat, x) => {
                    let span = fr.f.expr(*x).span;
                    let v = self.eval_arg(fr, *x)?;
                    self.bind_pat(fr, pat, v, span)?;
                }
                Stmt::Assign { local, proj, op, value, span } => self.assign(fr, *local, proj, *op, *value, *span)?,
                Stmt::Expr(x) => {
                    self.eval(fr, *x)?;
                }
            }
        }
        match tail {
            Some(x) => self.eval(fr, x),
            None => Ok(Value::Unit),
        }
    }

    /// Binds a pattern.
    pub fn bind_pat(&mut self, fr: &Frame<'p>, pat: &Pat, v: Value, span: Span) -> R<()> {
        match (pat, v) {
            (Pat::Bind(l), v) => self.stack[fr.base + l.0 as usize] = v,
            (Pat::Wild, _) => {}
            (Pat::Tuple(pats), Value::Tuple(parts)) if pats.len() == parts.len() => {
                for (p, v) in pats.iter().zip(parts.iter()) {
                    self.bind_pat(fr, p, v.clone(), span)?;
                }
            }
            (Pat::Tuple(pats), Value::Unit) if pats.is_empty() => {}
            _ => return internal(span),
        }
        Ok(())
    }

    fn assign(
        &mut self,
        fr: &Frame<'p>,
        local: LocalId,
        proj: &[Proj],
        op: Option<BinOp>,
        value: ExprId,
        span: Span,
    ) -> R<()> {
        let mut new = self.eval(fr, value)?;
        let mut steps = Vec::with_capacity(proj.len());
        let mut hidden = false;
        for p in proj {
            steps.push(match p {
                Proj::Field(k) => Step::Field(*k),
                Proj::Index(i) => {
                    let (i, secret) = self.place(fr, *i)?;
                    hidden |= secret;
                    Step::Index(i)
                }
            });
        }
        let slot = fr.base + local.0 as usize;
        if hidden && !self.reach(slot, &mut steps, span)? {
            return self.watch_place(fr, span);
        }
        if op.is_some() || self.journals > 0 {
            let old = bad(self.stack[slot].get(&steps), span)?;
            if let Some(op) = op {
                self.watch(fr, op, &old, &new, span)?;
                new = why(ops::binary(op, &old, &new), span)?;
            }
            if self.journals > 0 {
                self.journal.push((slot, steps.clone(), old));
            }
        }
        if hidden || self.hidden.any() {
            new.mark(true);
        }
        bad(self.stack[slot].set(&steps, new), span)
    }

    /// A number that is public, such as a bound.
    fn index(&mut self, fr: &Frame<'p>, id: ExprId) -> R<i64> {
        match self.eval(fr, id)? {
            Value::Scalar(s) => match s.as_i64() {
                Some(i) => Ok(i),
                None => error(fr.f.expr(id).span, "this index does not fit 64 bits"),
            },
            _ => internal(fr.f.expr(id).span),
        }
    }

    /// An index, and whether it is not public.
    fn place(&mut self, fr: &Frame<'p>, id: ExprId) -> R<(i64, bool)> {
        match self.eval(fr, id)? {
            Value::Scalar(s) => match s.as_i64() {
                Some(i) => Ok((i, s.secret)),
                // Outside of any array.
                None if s.secret => Ok((-1, true)),
                None => error(fr.f.expr(id).span, "this index does not fit 64 bits"),
            },
            _ => internal(fr.f.expr(id).span),
        }
    }

    /// Whether a place of which an index is not public exists. What is put there is put anywhere, as far as anyone can tell:
    /// the variable is not public any more.
    fn reach(&mut self, slot: usize, steps: &mut [Step], span: Span) -> R<bool> {
        match self.stack[slot].get(steps) {
            Ok(_) => Ok(true),
            Err(Bad::Shape) => internal(span),
            Err(Bad::Bounds(..)) => {
                self.stack[slot].mark(true);
                Ok(false)
            }
        }
    }

    /// `local.f[i].g …` without a copy of the local; `e.f`, `e[i]` of anything else.
    fn part(&mut self, fr: &Frame<'p>, id: ExprId) -> R<Value> {
        let span = fr.f.expr(id).span;
        let mut links = Vec::new();
        let mut at = id;
        let mut simple = true;
        loop {
            match &fr.f.expr(at).kind {
                ExprKind::Field(x, k) => {
                    links.push(Err(*k));
                    at = *x;
                }
                ExprKind::Index(x, i) => {
                    simple &= plain(fr.f, *i, 4);
                    links.push(Ok(*i));
                    at = *x;
                }
                _ => break,
            }
        }
        // What an index assigns must not change what was read before it.
        let base = match fr.f.expr(at).kind {
            ExprKind::Local(l) if simple => Err(l),
            _ => Ok(self.eval(fr, at)?),
        };
        let mut steps = Vec::with_capacity(links.len());
        let mut hidden = false;
        for link in links.into_iter().rev() {
            steps.push(match link {
                Ok(i) => {
                    let (i, secret) = self.place(fr, i)?;
                    hidden |= secret;
                    if secret { Step::Hidden(i) } else { Step::Index(i) }
                }
                Err(k) => Step::Field(k),
            });
        }
        let v = match &base {
            Ok(v) => v,
            Err(l) => &self.stack[fr.base + l.0 as usize],
        };
        if !hidden {
            return bad(v.get(&steps), span);
        }
        let found = bad(v.look(&steps), span)?;
        if v.get(&steps).is_err() {
            self.watch_place(fr, span)?;
        }
        Ok(found)
    }

    /// Counts a step outside of any expression.
    pub fn tick(&mut self, span: Span) -> R<()> {
        match self.steps.checked_sub(1) {
            Some(n) => {
                self.steps = n;
                Ok(())
            }
            None => error(span, "the limit of steps is reached here"),
        }
    }
}

/// The scalar type under arrays, looking through type parameters.
fn innermost<'a>(mut ty: &'a Ty, env: &'a TyEnv) -> &'a Ty {
    loop {
        ty = match ty {
            Ty::Array(elem, _) => elem,
            Ty::Param(k) => match env.tys.get(*k as usize) {
                Some(t @ Ty::Array(..)) => t,
                _ => return ty,
            },
            _ => return ty,
        };
    }
}

/// Whether an index assigns nothing, looking at most `depth` deep.
fn plain(f: &Fn, id: ExprId, depth: u32) -> bool {
    depth > 0
        && match &f.expr(id).kind {
            ExprKind::Local(_) | ExprKind::Lit(_) | ExprKind::Size(_) => true,
            ExprKind::FromIndex(x) | ExprKind::Cast(x) => plain(f, *x, depth - 1),
            ExprKind::Index(x, y) => plain(f, *x, depth - 1) && plain(f, *y, depth - 1),
            ExprKind::Chain(first, rest) => {
                plain(f, *first, depth - 1) && rest.iter().all(|(_, _, x)| plain(f, *x, depth - 1))
            }
            _ => false,
        }
}
