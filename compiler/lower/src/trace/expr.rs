//! Expressions: operators, calls, conditions, aggregates.

use super::loops::INDEX;
use super::value::{Fun, Leaf, Val, View, elem_of};
use super::{Frame, R, Tracer};
use crate::nest::NodeId;
use crate::{fold, ix};
use circuit::gate::{Bin, Un};
use circuit::index::{Index, IndexOp};
use circuit::types::{Domain, Elem};
use sema::tree::{BinOp, ExprId, ExprKind, Fn, FnId, LocalId, Size, Ty, TyEnv, UnOp};
use std::rc::Rc;

impl<'p> Tracer<'p> {
    pub(super) fn code(&self) -> &'p Fn {
        self.program.f(self.frame.f)
    }
    pub(super) fn at_span<T>(&mut self, span: diag::Span, work: impl FnOnce(&mut Self) -> R<T>) -> R<T> {
        let outer = std::mem::replace(&mut self.span, span);
        let r = work(self);
        self.span = outer;
        r
    }
    /// The value of an expression.
    pub(super) fn eval(&mut self, id: ExprId) -> R<Val> {
        let e = self.code().expr(id);
        self.at_span(e.span, |s| stacker::maybe_grow(super::RED_ZONE, super::SEGMENT, || s.eval_at(id)))
    }
    fn eval_at(&mut self, id: ExprId) -> R<Val> {
        let code = self.code();
        let e = code.expr(id);
        match &e.kind {
            ExprKind::Lit(v) => {
                let ty = self.close(&e.ty)?;
                Ok(if ty == Ty::Index {
                    Val::scalar(ty, Leaf::I(Index::Const(*v as i64)))
                } else {
                    // A number for any type is a whole one.
                    let v = match (&*e.ty, &ty) {
                        (Ty::Param(_), Ty::Fixed(f)) => *v << f,
                        _ => *v,
                    };
                    let k = fold::konst(self, v, elem_of(&ty));
                    Val::scalar(ty, Leaf::N(k))
                })
            }
            ExprKind::Local(l) => self.local(*l),
            ExprKind::Size(n) => {
                let n = self.size(n)?;
                Ok(Val::scalar(Ty::Index, Leaf::I(Index::Const(n))))
            }
            ExprKind::Const(c) => {
                let program = self.program;
                let init = program.consts[c.0 as usize].init;
                let env = TyEnv { families: self.frame.env.families.clone(), ..TyEnv::default() };
                self.call(init, env, vec![])
            }
            ExprKind::FromIndex(x) => {
                let v = self.eval(*x)?;
                let ty = self.close(&e.ty)?;
                self.number_of(&v, ty)
            }
            ExprKind::Unary(op, x) => {
                let v = self.eval(*x)?;
                let op = *op;
                let ty = v.ty.clone();
                self.each(&v, &ty, &mut |s, leaf, of| s.unary(op, leaf, of))
            }
            ExprKind::Chain(first, rest) => {
                let mut acc = self.eval(*first)?;
                for (op, span, right) in rest {
                    acc = if matches!(op, BinOp::And | BinOp::Or) {
                        self.short(*op, acc, *right)?
                    } else {
                        let b = self.eval(*right)?;
                        self.at_span(*span, |s| s.binary(*op, &acc, &b))?
                    };
                }
                Ok(acc)
            }
            ExprKind::Cast(x) => {
                let v = self.eval(*x)?;
                let ty = self.close(&e.ty)?;
                self.each(&v, &ty, &mut |s, leaf, from| {
                    let to = scalar_of(&ty);
                    match (leaf, to) {
                        (Leaf::I(_), Ty::Index) => Ok(leaf.clone()),
                        (Leaf::I(i), _) if *from == Ty::Index => {
                            let n = s.iota(i, elem_of(to));
                            Ok(Leaf::N(if let Ty::Fixed(f) = to { s.whole_word(n, *f) } else { n }))
                        }
                        (l, Ty::Index) => {
                            let n = s.node(l, from)?;
                            match s.to_index(n) {
                                Some(i) => Ok(Leaf::I(i)),
                                None => s.as_index(n).map(Leaf::N),
                            }
                        }
                        (l, _) => {
                            let n = s.node(l, from)?;
                            let n = s.secret(n);
                            Ok(Leaf::N(s.convert(n, from, to)))
                        }
                    }
                })
            }
            ExprKind::Call { f, generics, args } => {
                let args = args.iter().map(|a| self.eval(*a)).collect::<R<Vec<_>>>()?;
                let env = self.env(&generics.tys, &generics.sizes)?;
                self.call(*f, env, args)
            }
            ExprKind::CallLocal(l, args) => {
                let args = args.iter().map(|a| self.eval(*a)).collect::<R<Vec<_>>>()?;
                let v = self.local(*l)?;
                self.apply(&v, args)
            }
            ExprKind::Builtin(b, args) => self.builtin(*b, args, &e.ty),
            ExprKind::Closure { params, body } => {
                let fun = Fun::Closure {
                    f: self.frame.f,
                    env: self.frame.env.clone(),
                    locals: self.frame.locals.clone(),
                    params: params.clone(),
                    body: *body,
                };
                Ok(Val { ty: Ty::Unit, leaves: vec![], fun: Some(Rc::new(fun)) })
            }
            ExprKind::FnRef { f, generics } => {
                let env = self.env(&generics.tys, &generics.sizes)?;
                Ok(Val { ty: Ty::Unit, leaves: vec![], fun: Some(Rc::new(Fun::Ref { f: *f, env })) })
            }
            ExprKind::Field(x, k) => {
                let v = self.eval(*x)?;
                self.part(&v, *k as usize)
            }
            ExprKind::Index(base, index) => {
                let base = self.eval(*base)?;
                let index = self.eval(*index)?;
                self.subscript(&base, &index)
            }
            ExprKind::Array(items) => {
                let ty = self.close(&e.ty)?;
                let items = items.iter().map(|a| self.eval(*a)).collect::<R<Vec<_>>>()?;
                self.literal(&ty, items)
            }
            ExprKind::Repeat(x) => {
                let v = self.eval(*x)?;
                let ty = self.close(&e.ty)?;
                self.repeat(&ty, v)
            }
            ExprKind::Tuple(items) | ExprKind::Struct(items) => {
                let ty = self.close(&e.ty)?;
                let mut leaves = Vec::new();
                for i in items {
                    leaves.extend(self.eval(*i)?.leaves);
                }
                Ok(Val::of(ty, leaves))
            }
            ExprKind::Block(stmts, last) => {
                for s in stmts {
                    self.stmt(s)?;
                }
                match last {
                    Some(e) => self.eval(*e),
                    None => Ok(Val::unit()),
                }
            }
            ExprKind::If { cond, then, otherwise, writes } => self.branch(*cond, *then, *otherwise, writes),
            ExprKind::For { pat, iter, body, writes } => self.for_loop(pat, iter, *body, writes),
            ExprKind::While { cond, max: None, body, writes } => self.while_loop(*cond, *body, writes),
            ExprKind::While { .. } | ExprKind::Return(_) | ExprKind::Break | ExprKind::Continue => {
                self.internal("a jump")
            }
            ExprKind::Zero => {
                let ty = self.close(&e.ty)?;
                self.zero(&ty)
            }
            ExprKind::At { party, body, reads, each } => {
                if self.program.parties[party.0 as usize].family.is_some() {
                    let own = &code.expr(*body).ty;
                    self.at_members(*party, id, reads, each, own, &e.ty)
                } else {
                    self.at_block(*party, id, reads, &e.ty, None)
                }
            }
            ExprKind::Assert { cond, what } => self.assert(*cond, what),
            ExprKind::Error => self.internal("a program with errors"),
        }
    }

    pub(super) fn local(&mut self, l: LocalId) -> R<Val> {
        let mutable = self.code().local(l).mutable;
        match self.frame.locals.get(l.0 as usize).cloned().flatten() {
            Some(v) => self.fetch(&v, mutable),
            None => self.internal("a variable without a value"),
        }
    }
    fn env(&mut self, tys: &[Ty], sizes: &[Size]) -> R<TyEnv> {
        Ok(TyEnv {
            tys: tys.iter().map(|t| self.close(t)).collect::<R<_>>()?,
            sizes: sizes.iter().map(|s| self.size(s)).collect::<R<_>>()?,
            families: self.frame.env.families.clone(),
        })
    }
    /// A call, inlined.
    pub(super) fn call(&mut self, f: FnId, env: TyEnv, args: Vec<Val>) -> R<Val> {
        let program = self.program;
        let code = program.f(f);
        let frame = Frame { f, env, locals: vec![None; code.locals.len()] };
        self.enter_call(frame, |s| {
            for c in &code.size_checks {
                let (l, r) = (s.size(&c.left)?, s.size(&c.right)?);
                if l != r {
                    return s
                        .at_span(c.span, |s| s.report("E0403", format!("sizes differ: {l} and {r} ({})", c.what), ""));
                }
            }
            for (p, v) in code.params.iter().zip(args) {
                let v = s.own(v, code.local(p.local).mutable)?;
                s.frame.locals[p.local.0 as usize] = Some(v);
            }
            s.eval(code.body)
        })
    }
    /// A call of a function value.
    pub(super) fn apply(&mut self, fun: &Val, args: Vec<Val>) -> R<Val> {
        match fun.fun.clone().as_deref() {
            Some(Fun::Ref { f, env }) => self.call(*f, env.clone(), args),
            Some(Fun::Closure { f, env, locals, params, body }) => {
                let frame = Frame { f: *f, env: env.clone(), locals: locals.clone() };
                self.enter(frame, |s| {
                    for (p, v) in params.iter().zip(args) {
                        s.bind(p, v)?;
                    }
                    s.eval(*body)
                })
            }
            None => self.internal("a call of something that is no function"),
        }
    }

    /// Applies a scalar operation to every scalar of a value; `ty` is the result's type (of the same shape).
    pub(super) fn each(&mut self, v: &Val, ty: &Ty, f: &mut dyn FnMut(&mut Self, &Leaf, &Ty) -> R<Leaf>) -> R<Val> {
        if !matches!(v.ty, Ty::Array(..)) {
            let leaf = f(self, &v.leaves[0], &v.ty)?;
            return Ok(Val::scalar(ty.clone(), leaf));
        }
        let of = self.leaves(&v.ty)?.remove(0);
        let out = scalar_of(ty).clone();
        let m = self.alloc(elem_of(&out), of.lanes, 0);
        let leaf = v.leaves[0].clone();
        self.run_loop(&Index::Const(of.lanes as i64), false, vec![], &[m], &mut |s, t, _| {
            let x = s.lane(&leaf, t, &of.ty)?;
            let y = f(s, &Leaf::N(x), &of.ty)?;
            let y = s.node(&y, &out)?;
            s.store(m, t, y);
            Ok(vec![])
        })?;
        let l = self.whole(m);
        Ok(Val::of(ty.clone(), vec![l]))
    }
    fn unary(&mut self, op: UnOp, leaf: &Leaf, ty: &Ty) -> R<Leaf> {
        if let Leaf::I(i) = leaf {
            return Ok(Leaf::I(match op {
                UnOp::Neg => ix::sub(&Index::Const(0), i),
                UnOp::Not if *ty == Ty::Bool => ix::not(i),
                UnOp::Not => ix::sub(&Index::Const(-1), i),
            }));
        }
        let n = self.node(leaf, ty)?;
        let n = self.secret(n);
        self.watch_neg(op, n, ty)?;
        if *ty == Ty::Index && op == UnOp::Neg {
            let zero = fold::konst(self, 0, INDEX);
            return self.index_arith(BinOp::Sub, zero, n).map(Leaf::N);
        }
        let elem = elem_of(ty);
        Ok(Leaf::N(fold::un(self, if op == UnOp::Neg { Un::Neg } else { Un::Not }, n, elem)))
    }

    /// A binary operator on values of any shape.
    pub(super) fn binary(&mut self, op: BinOp, a: &Val, b: &Val) -> R<Val> {
        let compare = matches!(op, BinOp::Eq | BinOp::Ne | BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge);
        match &a.ty {
            Ty::Array(..) => {
                let of = self.leaves(&a.ty)?;
                let [of] = of.as_slice() else { return self.internal("an operator on an array of aggregates") };
                let out = if compare { Ty::Bool } else { of.ty.clone() };
                let m = self.alloc(elem_of(&out), of.lanes, 0);
                let (la, lb) = (a.leaves[0].clone(), b.leaves[0].clone());
                let right = scalar_of(&b.ty).clone();
                self.run_loop(&Index::Const(of.lanes as i64), false, vec![], &[m], &mut |s, t, _| {
                    let x = Leaf::N(s.lane(&la, t, &of.ty)?);
                    let y = match &lb {
                        Leaf::I(_) => lb.clone(),
                        l => Leaf::N(s.lane(l, t, &right)?),
                    };
                    let v = s.scalar(op, &x, &y, &of.ty, &right)?;
                    let v = s.node(&v, &out)?;
                    s.store(m, t, v);
                    Ok(vec![])
                })?;
                let l = self.whole(m);
                let ty = if compare { with_scalar(&a.ty, &Ty::Bool) } else { a.ty.clone() };
                Ok(Val::of(ty, vec![l]))
            }
            Ty::Tuple(_) | Ty::Struct(..) | Ty::Unit => {
                let same = self.same(a, b)?;
                let n = if op == BinOp::Ne { fold::not(self, same) } else { same };
                Ok(Val::scalar(Ty::Bool, Leaf::N(n)))
            }
            _ => {
                let leaf = self.scalar(op, &a.leaves[0], &b.leaves[0], &a.ty, &b.ty)?;
                Ok(Val::scalar(if compare { Ty::Bool } else { a.ty.clone() }, leaf))
            }
        }
    }
    /// Whether two aggregates are equal, as one truth value.
    pub(super) fn same(&mut self, a: &Val, b: &Val) -> R<NodeId> {
        let mut all = fold::konst(self, 1, Elem::Bool);
        let of = if a.leaves.is_empty() { vec![] } else { self.leaves(&a.ty)? };
        for ((x, y), of) in a.leaves.iter().zip(&b.leaves).zip(&of) {
            if of.dims.is_empty() {
                let (x, y) = (self.node(x, &of.ty)?, self.node(y, &of.ty)?);
                let e = self.bin(Bin::Eq, x, y);
                all = self.bin(Bin::And, all, e);
                continue;
            }
            let (x, y) = (x.clone(), y.clone());
            let trip = Index::Const(of.lanes as i64);
            let r = self.run_loop(&trip, false, vec![Leaf::N(all)], &[], &mut |s, t, c| {
                let (p, q) = (s.lane(&x, t, &of.ty)?, s.lane(&y, t, &of.ty)?);
                let e = s.bin(Bin::Eq, p, q);
                let all = s.node(&c[0], &Ty::Bool)?;
                Ok(vec![Leaf::N(s.bin(Bin::And, all, e))])
            })?;
            all = self.node(&r[0], &Ty::Bool)?;
        }
        Ok(all)
    }
    pub(super) fn scalar(&mut self, op: BinOp, a: &Leaf, b: &Leaf, ta: &Ty, tb: &Ty) -> R<Leaf> {
        let shift = matches!(op, BinOp::Shl | BinOp::Shr);
        // Public index arithmetic stays symbolic.
        let public = |s: &Self, l: &Leaf| match l {
            Leaf::I(i) => Some(i.clone()),
            Leaf::N(n) => s.to_index(*n),
            _ => None,
        };
        let compares = matches!(op, BinOp::Eq | BinOp::Ne | BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge);
        let symbolic = matches!(a, Leaf::I(_)) && (matches!(b, Leaf::I(_)) || *ta == Ty::Bool || *ta == Ty::Index);
        let symbolic = symbolic || (compares && *ta != Ty::Bool) || (*tb == Ty::Bool && matches!(b, Leaf::I(_)));
        if symbolic && let (Some(x), Some(y)) = (public(self, a), public(self, b)) {
            let both = x.as_const().is_some() && y.as_const().is_some();
            if matches!(op, BinOp::Div | BinOp::Rem) && y.as_const() == Some(0) {
                if self.certain() {
                    return self.report("E0406", "division of a public number by zero".into(), "");
                }
                let never = fold::konst(self, 0, Elem::Bool);
                self.check(never, "division of a public number by zero")?;
                return Ok(a.clone());
            }
            let e = match op {
                BinOp::Gt => ix::bin(IndexOp::Lt, &y, &x),
                BinOp::Ge => ix::bin(IndexOp::Le, &y, &x),
                _ => ix::bin(index_op(op), &x, &y),
            };
            if self.watched() && matches!(ta, Ty::Int { .. }) && !compares && !shift {
                self.watch_public(&e, ta)?;
            }
            // Decided by where the variables lie.
            let (lo, hi) = ix::interval(&e, &self.nest.ranges);
            let e = if lo == hi { Index::Const(lo) } else { e };
            return Ok(match e {
                Index::Const(v) if compares || *ta == Ty::Bool => Leaf::N(fold::konst(self, v as u128, Elem::Bool)),
                e if *ta != Ty::Index && !compares && *ta != Ty::Bool => {
                    if both {
                        let elem = elem_of(ta);
                        let (x, y) = (self.iota(&x, elem), self.iota(&y, elem_of(tb)));
                        Leaf::N(fold::bin(self, gate_op(op), x, y))
                    } else {
                        Leaf::N(self.iota(&e, elem_of(ta)))
                    }
                }
                e => Leaf::I(e),
            });
        }
        let (x, y) = (self.node(a, ta)?, self.node(b, tb)?);
        let clear = self.nest.n(x).dom == Domain::Clear && self.nest.n(y).dom == Domain::Clear;
        if clear && matches!(op, BinOp::Div | BinOp::Rem) && self.nest.constant(y) == Some(0) {
            if self.certain() {
                return self.report("E0406", "division of a public number by zero".into(), "");
            }
            let never = fold::konst(self, 0, Elem::Bool);
            self.check(never, "division of a public number by zero")?;
            return Ok(Leaf::N(x));
        }
        if shift {
            if self.nest.n(y).dom != Domain::Clear {
                return self.internal("a shift by a secret amount");
            }
            self.need_within(y, 0, i128::MAX, "a shift by a negative number")?;
        }
        let y = if clear && matches!(op, BinOp::Div | BinOp::Rem) { self.divisor(y) } else { y };
        let arithmetic = matches!(op, BinOp::Add | BinOp::Sub | BinOp::Mul | BinOp::Div | BinOp::Rem);
        if arithmetic && matches!(ta, Ty::Int { .. } | Ty::Fixed(_)) && self.watched() {
            return self.watch(op, x, y, ta).map(Leaf::N);
        }
        match (ta, op) {
            (Ty::Fixed(f), BinOp::Mul) => return Ok(Leaf::N(self.fixed_mul(x, y, *f))),
            (Ty::Fixed(f), BinOp::Div) => return Ok(Leaf::N(self.fixed_div(x, y, *f))),
            _ => {}
        }
        if *ta == Ty::Index && matches!(op, BinOp::Add | BinOp::Sub | BinOp::Mul | BinOp::Shl) {
            return self.index_arith(op, x, y).map(Leaf::N);
        }
        Ok(Leaf::N(match op {
            BinOp::Gt => self.bin(Bin::Lt, y, x),
            BinOp::Le => {
                let n = self.bin(Bin::Lt, y, x);
                fold::not(self, n)
            }
            BinOp::Ge => {
                let n = self.bin(Bin::Lt, x, y);
                fold::not(self, n)
            }
            BinOp::Ne => {
                let n = self.bin(Bin::Eq, x, y);
                fold::not(self, n)
            }
            BinOp::Lt if *ta == Ty::Bool => {
                let n = fold::not(self, x);
                self.bin(Bin::And, n, y)
            }
            _ => self.bin(gate_op(op), x, y),
        }))
    }
    /// `&&`, `||`: the right side is computed only where a public left side leaves it open.
    fn short(&mut self, op: BinOp, a: Val, right: ExprId) -> R<Val> {
        let and = op == BinOp::And;
        let known = match &a.leaves[0] {
            Leaf::I(i) => i.as_const().map(|v| v != 0),
            Leaf::N(n) => self.nest.constant(*n).map(|v| v != 0),
            _ => None,
        };
        if let Some(k) = known {
            return if k == and { self.eval(right) } else { Ok(a) };
        }
        if let Leaf::I(c) = &a.leaves[0] {
            let c = c.clone();
            let open = if and { c.clone() } else { ix::not(&c) };
            let b = self.guarded(&open, |s| s.eval(right))?;
            let leaf = match &b.leaves[0] {
                Leaf::I(d) => Leaf::I(Index::bin(if and { IndexOp::And } else { IndexOp::Or }, c, d.clone())),
                l => {
                    let n = self.node(l, &Ty::Bool)?;
                    let k = fold::konst(self, !and as u128, Elem::Bool);
                    let r = self.pick(&open, &Val::scalar(Ty::Bool, Leaf::N(n)), &Val::scalar(Ty::Bool, Leaf::N(k)))?;
                    r.leaves[0].clone()
                }
            };
            return Ok(Val::scalar(Ty::Bool, leaf));
        }
        let x = self.node(&a.leaves[0], &Ty::Bool)?;
        if self.nest.n(x).dom == Domain::Clear {
            // `a && b` is `if a { b } else { false }`.
            let open = if and { x } else { fold::not(self, x) };
            let other = Val::scalar(Ty::Bool, Leaf::N(fold::konst(self, !and as u128, Elem::Bool)));
            return self.decide(open, &[], &mut |s| s.eval(right), &mut |_| Ok(other.clone()));
        }
        let b = self.eval(right)?;
        let y = self.node(&b.leaves[0], &Ty::Bool)?;
        Ok(Val::scalar(Ty::Bool, Leaf::N(self.bin(if and { Bin::And } else { Bin::Or }, x, y))))
    }

    /// Element of an array at an index that may be an expression or a number that the run computes.
    fn subscript(&mut self, base: &Val, index: &Val) -> R<Val> {
        let (elem, n) = self.array(&base.ty)?;
        if let Some(i) = self.known_place(&index.leaves[0], n, &base.leaves)? {
            return self.element(base, &i);
        }
        if let Some(k) = self.unknown(&index.leaves[0]) {
            self.watch_index(k, n)?;
            return if n == 0 { self.zero(&elem) } else { self.look_up(base, k) };
        }
        let k = self.node(&index.leaves[0], &index.ty)?;
        if n == 0 {
            return self.nothing(&elem);
        }
        let k = self.address(k, n)?;
        let of = self.leaves(&elem)?;
        let mut out = Vec::new();
        for (leaf, of) in base.leaves.iter().zip(&of) {
            let v = match leaf {
                Leaf::V(v) => v.clone(),
                // The array of the numbers first, first + step, ….
                Leaf::R(first, step) => {
                    out.push(Leaf::N(self.offset(k, *step, first)));
                    continue;
                }
                _ => return self.internal("an array leaf that is a scalar"),
            };
            if self.nest.mems[v.mem as usize].ver != v.ver {
                self.stale.insert(v.site);
            }
            let scalar = elem_of(&of.ty);
            if of.dims.is_empty() {
                let a = self.offset(k, 1, &v.off);
                out.push(Leaf::N(self.load_at(v.mem, a)));
                continue;
            }
            let m = self.alloc(scalar, of.lanes, 0);
            self.run_loop(&Index::Const(of.lanes as i64), false, vec![], &[m], &mut |s, t, _| {
                let a = s.offset(k, of.lanes as i64, &ix::add(&v.off, t));
                let x = s.load_at(v.mem, a);
                s.store_as(m, t, x);
                Ok(vec![])
            })?;
            // A party's own stay its own.
            self.nest.mems[m as usize].owned |= matches!(self.nest.mems[m as usize].dom, Domain::Local(_));
            self.share_whole(m)?;
            out.push(self.whole(m));
        }
        Ok(Val::of(elem, out))
    }
    /// A clear number of the run as an index: it must fit.
    fn as_index(&mut self, n: NodeId) -> R<NodeId> {
        let most = i128::from(i64::MAX) + 1;
        self.need_within(n, i128::from(i64::MIN), most, "a number that does not fit an index (64 bits)")?;
        Ok(fold::un(self, Un::Cast, n, INDEX))
    }
    /// Arithmetic on indices that only the run knows: what leaves 64 bits is an error.
    fn index_arith(&mut self, op: BinOp, x: NodeId, y: NodeId) -> R<NodeId> {
        let (a, b) = (self.values(x), self.values(y));
        let fits = |v: i128| i128::from(i64::MIN) <= v && v <= i128::from(i64::MAX);
        let ends: Vec<i128> = match op {
            BinOp::Add => vec![a.0 + b.0, a.1 + b.1],
            BinOp::Sub => vec![a.0 - b.1, a.1 - b.0],
            BinOp::Mul => vec![a.0 * b.0, a.0 * b.1, a.1 * b.0, a.1 * b.1],
            _ if b.0 >= 0 && b.1 < 63 => vec![a.0 << b.1, a.1 << b.1],
            _ => vec![i128::MAX],
        };
        if ends.into_iter().all(fits) {
            return Ok(self.bin(gate_op(op), x, y));
        }
        let wide = Elem::Int { signed: true, bits: 128 };
        let x = fold::un(self, Un::Cast, x, wide);
        let mut y = fold::un(self, Un::Cast, y, wide);
        let mut op = op;
        if op == BinOp::Shl {
            // What is shifted by more than 63 does not fit unless it is 0; a product of 2^63 tells as much.
            let most = fold::konst(self, 63, wide);
            let y63 = fold::extreme(self, false, y, most);
            let one = fold::konst(self, 1, wide);
            y = fold::bin(self, Bin::Shl, one, y63);
            op = BinOp::Mul;
        }
        let r = self.bin(gate_op(op), x, y);
        self.need_within(r, i128::from(i64::MIN), i128::from(i64::MAX) + 1, "an index that does not fit 64 bits")?;
        Ok(fold::un(self, Un::Cast, r, INDEX))
    }
    /// A clear divisor: 1 where a clear condition around is false, for nothing is divided there.
    fn divisor(&mut self, y: NodeId) -> NodeId {
        let (lo, hi) = self.values(y);
        if lo > 0 || hi < 0 {
            return y;
        }
        match self.open() {
            None => y,
            Some(c) => {
                let elem = self.nest.n(y).elem;
                let one = fold::konst(self, 1, elem);
                self.select(c, y, one)
            }
        }
    }
    /// A clear number as an address part, checked against the length `n`, which is not 0. Where a clear condition around is
    /// false nothing is read, and the place is the first.
    pub(super) fn address(&mut self, k: NodeId, n: i64) -> R<NodeId> {
        if self.nest.n(k).dom != Domain::Clear {
            return self.internal("a secret index");
        }
        let Some(ok) = self.within(k, 0, i128::from(n)) else { return Ok(fold::un(self, Un::Cast, k, INDEX)) };
        self.check(ok, &format!("index out of bounds: the array has {n} elements"))?;
        let k = if self.open().is_some() {
            let zero = fold::konst(self, 0, self.nest.n(k).elem);
            self.select(ok, k, zero)
        } else {
            k
        };
        Ok(fold::un(self, Un::Cast, k, INDEX))
    }
    /// The place of an element, if it is an expression over loops that is in range wherever it is reached.
    pub(super) fn known_place(&mut self, index: &Leaf, n: i64, leaves: &[Leaf]) -> R<Option<Index>> {
        let i = match index {
            Leaf::I(i) => Some(i.clone()),
            Leaf::N(n) => self.to_index(*n),
            _ => None,
        };
        let Some(i) = i else { return Ok(None) };
        // Under a condition of the run the place must be one that exists even where it is not reached.
        if self.conds.iter().any(|c| self.nest.n(*c).dom == Domain::Clear)
            && !self.in_range(&i, 0, n as i128, &|_| String::new())?
        {
            return Ok(None);
        }
        self.bounds(&i, n, leaves)?;
        Ok(Some(i))
    }
    /// `k * stride + off`.
    pub(super) fn offset(&mut self, k: NodeId, stride: i64, off: &Index) -> NodeId {
        let s = fold::konst(self, stride as u128, INDEX);
        let off = self.iota(off, INDEX);
        let p = fold::bin(self, Bin::Mul, k, s);
        fold::bin(self, Bin::Add, p, off)
    }
    /// What is read where there is nothing to read: an error if it is reached.
    fn nothing(&mut self, ty: &Ty) -> R<Val> {
        let never = fold::konst(self, 0, Elem::Bool);
        self.check(never, "index out of bounds: the array has 0 elements")?;
        let mut out = Vec::new();
        for of in self.leaves(ty)? {
            out.push(if of.dims.is_empty() {
                Leaf::N(fold::konst(self, 0, elem_of(&of.ty)))
            } else {
                let m = self.alloc(elem_of(&of.ty), of.lanes, 0);
                self.whole(m)
            });
        }
        Ok(Val::of(ty.clone(), out))
    }
    /// That `0 <= i < n`: proved, reported, or left to a check in the run.
    pub(super) fn bounds(&mut self, i: &Index, n: i64, leaves: &[Leaf]) -> R<()> {
        let ok = self.in_range(i, 0, n as i128, &|v| {
            format!("index out of bounds: index {v}, and the array has {n} elements")
        })?;
        let flat = leaves.iter().all(|l| match l {
            Leaf::V(View { mem, off, .. }) => {
                off.as_const() == Some(0) && self.nest.mems[*mem as usize].len == n as u64
            }
            _ => false,
        });
        if !ok && !flat {
            let low = Index::bin(IndexOp::Le, Index::Const(0), i.clone());
            let high = Index::bin(IndexOp::Lt, i.clone(), Index::Const(n));
            let c = self.iota(&Index::bin(IndexOp::And, low, high), Elem::Bool);
            self.check(c, &format!("index out of bounds: the array has {n} elements"))?;
        }
        Ok(())
    }
}

pub(super) fn scalar_of(ty: &Ty) -> &Ty {
    match ty {
        Ty::Array(e, _) => scalar_of(e),
        t => t,
    }
}
pub(super) fn with_scalar(ty: &Ty, to: &Ty) -> Ty {
    match ty {
        Ty::Array(e, n) => Ty::Array(Box::new(with_scalar(e, to)), n.clone()),
        _ => to.clone(),
    }
}
fn gate_op(op: BinOp) -> Bin {
    match op {
        BinOp::Add => Bin::Add,
        BinOp::Sub => Bin::Sub,
        BinOp::Mul => Bin::Mul,
        BinOp::Div => Bin::Div,
        BinOp::Rem => Bin::Rem,
        BinOp::BitAnd | BinOp::And => Bin::And,
        BinOp::BitOr | BinOp::Or => Bin::Or,
        BinOp::BitXor => Bin::Xor,
        BinOp::Shl => Bin::Shl,
        BinOp::Shr => Bin::Shr,
        BinOp::Eq | BinOp::Ne => Bin::Eq,
        BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge => Bin::Lt,
    }
}
fn index_op(op: BinOp) -> IndexOp {
    match op {
        BinOp::Add => IndexOp::Add,
        BinOp::Sub => IndexOp::Sub,
        BinOp::Mul => IndexOp::Mul,
        BinOp::Div => IndexOp::Div,
        BinOp::Rem => IndexOp::Rem,
        BinOp::BitAnd | BinOp::And => IndexOp::And,
        BinOp::BitOr | BinOp::Or => IndexOp::Or,
        BinOp::BitXor => IndexOp::Xor,
        BinOp::Shl => IndexOp::Shl,
        BinOp::Shr => IndexOp::Shr,
        BinOp::Eq => IndexOp::Eq,
        BinOp::Ne => IndexOp::Ne,
        BinOp::Lt | BinOp::Gt => IndexOp::Lt,
        BinOp::Le | BinOp::Ge => IndexOp::Le,
    }
}
