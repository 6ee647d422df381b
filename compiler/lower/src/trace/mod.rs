//! Tracing: abstract interpretation of the typed program into a loop nest.
//!
//! Calls and closures are inlined, sizes are numbers, indices are symbolic expressions over loop variables; each loop body
//! is traced once (twice where a carried value turns out to be secret). This file holds the machinery: scopes, sharing of
//! equal nodes, memories. Knows nothing of lanes.

mod array;
mod checked;
mod choice;
mod effect;
mod entry;
mod expr;
mod fixed;
mod grouped;
mod index;
mod loops;
mod oblivious;
mod stmt;
mod strings;
mod turns;
mod value;

use crate::nest::{Item, LoopId, Mem, MemId, Nest, Node, NodeId, Op};
use crate::{Finding, Request, fold, ix};
use circuit::index::Index;
use circuit::types::{Domain, Elem};
use diag::Span;
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use sema::tree::{AtCode, FnId, Program, TyEnv};
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use value::Val;
pub(crate) use value::elem_of;

pub(crate) use choice::sends;
pub(crate) use entry::trace;

/// A program error: it has been reported.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop;
pub(crate) type R<T> = Result<T, Stop>;

/// First of the variables that stand for an index carried through a loop while its law is not known yet.
const PSEUDO: u32 = 1 << 30;
/// Inlined calls deeper than this are refused.
const MAX_CALLS: usize = 10_000;
/// Recursive calls of one program beyond this are refused: a recursion may call itself more than once.
const MAX_RECURSIVE: usize = 1_000_000;
/// Stack that is left where more is asked for: more than one expression takes until the next looks.
const RED_ZONE: usize = 384 << 10;
/// What is asked for then.
const SEGMENT: usize = 8 << 20;
/// Values remembered per memory for forwarding stores to loads.
const MAX_KNOWN: usize = 16;
/// Loops over recurrences of indices that have no law are unrolled up to this many times.
const MAX_UNROLL: i64 = 4096;

struct Known {
    at: Index,
    value: NodeId,
    /// The store that put it there.
    store: Option<NodeId>,
    reads: u32,
}

/// A stretch of code in which equal pure nodes are the same node.
struct Scope {
    at: Option<LoopId>,
    guard: Rc<[Index]>,
    /// A public condition rather than a loop.
    guarded: bool,
    /// A side of a run-time choice: what is made here stays here.
    side: bool,
    /// By hash of operation, operands, type, and version of what is read.
    same: FxHashMap<u64, NodeId>,
    known: FxHashMap<MemId, Vec<Known>>,
    /// Memories that the loop writes.
    written: FxHashSet<MemId>,
}

struct Frame {
    f: FnId,
    env: TyEnv,
    locals: Vec<Option<Val>>,
}

/// The tracer.
pub(crate) struct Tracer<'p> {
    program: &'p Program,
    request: &'p Request,
    pub nest: Nest,
    /// Scope number of each node.
    place: Vec<u32>,
    dead: FxHashSet<NodeId>,
    reads: Vec<u32>,
    scopes: Vec<Scope>,
    bodies: Vec<Vec<Item>>,
    frame: Frame,
    /// Of a `checked` program: where it is remembered whether something failed.
    sticky: Option<MemId>,
    /// Stretches of code that wrap as ever.
    unwatched: u32,
    calls: usize,
    /// How often each function stands among the calls that are open, and how many calls there were of one that did.
    open: FxHashMap<FnId, u32>,
    recursive: usize,
    /// Secret or run-time conditions around.
    conds: Vec<NodeId>,
    /// Reads of variables, numbered, that must be copies because the variable changes before their last use.
    copies: FxHashSet<u32>,
    stale: FxHashSet<u32>,
    sites: u32,
    span: Span,
    spans: indexmap::IndexSet<Span, rustc_hash::FxBuildHasher>,
    /// The span numbered last.
    numbered: (Span, u32),
    pub findings: Vec<Finding>,
    pub blocks: Vec<(u32, AtCode)>,
    inputs: Vec<circuit::Input>,
    shares: FxHashMap<NodeId, NodeId>,
    /// What holds strings of parties.
    strings: strings::Strings,
    budget: u64,
    /// Ranges that were proved: expression, conditions, loop, bounds.
    checked: FxHashMap<RangeKey, bool>,
    /// What is traced now is only looked at: nothing in it is an error yet.
    trial: bool,
    /// Run-time conditions inside of loops, numbered, that become choices of what runs: their loops stay loops.
    choosing: &'p FxHashSet<u32>,
    /// The number of the next one.
    branches: u32,
    /// Those that became selections.
    selected: Vec<Selected>,
}

/// A run-time condition whose sides both run, though one of them would do.
#[derive(Clone, Debug)]
pub(crate) struct Selected {
    /// Its number.
    pub branch: u32,
    /// The loop that it stands in.
    pub at: LoopId,
    /// The nodes that it selects among.
    pub nodes: std::ops::Range<NodeId>,
}

type RangeKey = (Index, Rc<[Index]>, Option<LoopId>, i128, i128);

fn hash_of<T: Hash>(t: &T) -> u64 {
    let mut h = FxHasher::default();
    t.hash(&mut h);
    h.finish()
}

impl fold::Sink for Tracer<'_> {
    fn nest(&self) -> &Nest {
        &self.nest
    }
    fn make(&mut self, op: Op, args: Vec<NodeId>, elem: Elem) -> NodeId {
        self.pure(op, args, elem)
    }
}

impl<'p> Tracer<'p> {
    fn top(&self) -> &Scope {
        self.scopes.last().expect("the root scope stays")
    }
    fn top_mut(&mut self) -> &mut Scope {
        self.scopes.last_mut().expect("the root scope stays")
    }
    fn here(&self) -> Option<LoopId> {
        self.top().at
    }
    fn report<T>(&mut self, code: &'static str, message: String, help: &str) -> R<T> {
        let span = self.span;
        self.findings.push(Finding { code, span, also: vec![], message, help: help.into() });
        Err(Stop)
    }
    fn internal<T>(&mut self, what: &str) -> R<T> {
        self.report("E0499", format!("internal error in lowering: {what}"), "please report this program")
    }

    // ---- nodes ----

    /// The scope in which an expression's variables are bound.
    fn scope_of(&self, e: &Index) -> usize {
        if e.any_leaf(|l| matches!(l, Index::Var(v) if v.0 >= PSEUDO)) {
            return self.scopes.len() - 1;
        }
        let Some(l) = self.nest.scope_of(e) else { return 0 };
        self.scopes.iter().position(|s| s.at == Some(l)).unwrap_or(self.scopes.len() - 1)
    }
    fn pure(&mut self, op: Op, args: Vec<NodeId>, elem: Elem) -> NodeId {
        let last = self.scopes.len() - 1;
        let mut place = args.iter().map(|a| self.place[*a as usize] as usize).max().unwrap_or(0).min(last);
        let mut ver = 0;
        let mut read = None;
        match &op {
            Op::Iota(e) => {
                if let Some(v) = e.as_const() {
                    return self.pure(Op::Const(v as i128 as u128 & fold::mask(elem)), args, elem);
                }
                place = place.max(self.scope_of(e));
            }
            Op::Pick(_) => place = last,
            // A division that may fail stays where it is.
            Op::Bin(circuit::Bin::Div | circuit::Bin::Rem) if self.nest.constant(args[1]).is_none() => place = last,
            Op::Load(m, _) | Op::LoadAt(m) => {
                let m = *m;
                read = Some(m);
                if let Op::Load(_, e) = &op {
                    place = place.max(self.scope_of(e));
                }
                ver = self.nest.mems[m as usize].ver;
                // As far out as nothing writes the memory, nor a public condition protects the access.
                let birth = self.nest.mems[m as usize].at;
                let safe = match &op {
                    Op::Load(m, e) => {
                        let (lo, hi) = ix::interval(e, &self.nest.ranges);
                        lo >= 0 && (hi as u64) < self.nest.mems[*m as usize].len
                    }
                    _ => false,
                };
                let pinned = self
                    .scopes
                    .iter()
                    .rposition(|s| s.guarded || s.written.contains(&m) || (!safe && self.skips(s.at)))
                    .unwrap_or(0);
                let born = self.scopes.iter().position(|s| s.at == birth).unwrap_or(0);
                place = place.max(pinned).max(born).min(last);
            }
            _ => {}
        }
        // The version comes last: of two keys that differ in it alone the hashes differ.
        let key = hash_of(&(&op, &args, elem, ver));
        for s in &self.scopes[place..] {
            if let Some(n) = s.same.get(&key) {
                let node = self.nest.n(*n);
                if node.op == op && ix::same_ids(&node.args, &args) && node.elem == elem {
                    return *n;
                }
            }
        }
        // What only one side of a choice needs is made there.
        if !matches!(op, Op::Const(_) | Op::Iota(_)) {
            place = place.max(self.scopes.iter().rposition(|s| s.side).unwrap_or(0));
        }
        if let Some(m) = read {
            self.reads[m as usize] += 1;
        }
        let id = self.push(op, args, elem, place);
        self.scopes[place].same.insert(key, id);
        id
    }
    /// Whether a loop may have no iteration.
    fn skips(&self, l: Option<LoopId>) -> bool {
        l.is_some_and(|l| self.nest.skips(l))
    }
    fn push(&mut self, op: Op, args: Vec<NodeId>, elem: Elem, place: usize) -> NodeId {
        let id = self.nest.nodes.len() as NodeId;
        let scope = &self.scopes[place];
        let (at, guard) = (scope.at, scope.guard.clone());
        let dom = self.domain(&op, &args);
        let key = self.key(&op, &args, elem);
        let span = self.span_number();
        self.follow_strings(id, &op, &args);
        self.nest.nodes.push(Node { op, args, elem, dom, at, guard, span, key });
        self.place.push(place as u32);
        let depth = self.nest.depth(at);
        self.bodies[depth].push(Item::Node(id));
        id
    }
    /// The number of the span at hand.
    fn span_number(&mut self) -> u32 {
        if self.numbered.0 != self.span {
            self.numbered = (self.span, self.spans.insert_full(self.span).0 as u32);
        }
        self.numbered.1
    }
    /// A node that stays where it is made.
    fn fixed(&mut self, op: Op, args: Vec<NodeId>, elem: Elem) -> NodeId {
        let place = self.scopes.len() - 1;
        self.push(op, args, elem, place)
    }
    fn key(&self, op: &Op, args: &[NodeId], elem: Elem) -> u64 {
        // Most have few operands: no list of their own.
        let mut few = [0; 3];
        let many: Vec<u64>;
        let args: &[u64] = if args.len() <= few.len() {
            few.iter_mut().zip(args).for_each(|(k, a)| *k = self.nest.n(*a).key);
            &few[..args.len()]
        } else {
            many = args.iter().map(|a| self.nest.n(*a).key).collect();
            &many
        };
        let mem = |m: &MemId| self.nest.mems[*m as usize].key;
        match op {
            Op::Load(m, e) => hash_of(&(1, mem(m), e)),
            Op::LoadAt(m) => hash_of(&(2, mem(m), args)),
            Op::Phi(l, _) | Op::Out(l, _) => hash_of(&(3, self.nest.depth(Some(*l)), matches!(op, Op::Phi(..)), elem)),
            Op::Store(..) | Op::StoreAt(_) | Op::Alloc(_) | Op::Pack(_) => 4,
            Op::At(_) | Op::AtPart(_) | Op::Seen(_) | Op::Made(_) => 4,
            _ => hash_of(&(5, op, args, elem)),
        }
    }
    fn domain(&self, op: &Op, args: &[NodeId]) -> Domain {
        let join = |d: Domain, a: &NodeId| join(d, self.nest.n(*a).dom);
        match op {
            Op::Load(m, _) | Op::LoadAt(m) => self.nest.mems[*m as usize].dom,
            Op::Share | Op::Random => Domain::Secret,
            Op::Reveal(circuit::Recipient::All) => Domain::Clear,
            Op::Reveal(circuit::Recipient::Party(p)) => Domain::Local(*p),
            Op::Input(k) => self.inputs[*k as usize].domain(&circuit::Level::Program),
            // What both sides know to be one party's stays so; the condition is public.
            Op::Join(_) => join(self.nest.n(args[1]).dom, &args[2]),
            _ => args.iter().fold(Domain::Clear, join),
        }
    }
    /// Shares a value that one party knows.
    fn secret(&mut self, x: NodeId) -> NodeId {
        if !matches!(self.nest.n(x).dom, Domain::Local(_)) {
            return x;
        }
        if let Op::Load(m, e) = self.nest.n(x).op.clone()
            && let Some(s) = self.nest.mems[m as usize].shared
        {
            let elem = self.nest.n(x).elem;
            return self.pure(Op::Load(s, e), vec![], elem);
        }
        if let Op::LoadAt(m) = self.nest.n(x).op
            && let Some(s) = self.nest.mems[m as usize].shared
        {
            let (elem, args) = (self.nest.n(x).elem, self.nest.n(x).args.clone());
            return self.pure(Op::LoadAt(s), args, elem);
        }
        if let Some(s) = self.shares.get(&x) {
            return *s;
        }
        let elem = self.nest.n(x).elem;
        let place = (self.place[x as usize] as usize).min(self.scopes.len() - 1);
        let id = self.push(Op::Share, vec![x], elem, place);
        self.shares.insert(x, id);
        id
    }

    // ---- memories ----

    fn alloc(&mut self, elem: Elem, len: u64, fill: u128) -> MemId {
        let id = self.new_mem(elem, len, fill);
        self.fixed(Op::Alloc(id), vec![], elem);
        id
    }
    fn new_mem(&mut self, elem: Elem, len: u64, fill: u128) -> MemId {
        let id = self.nest.mems.len() as MemId;
        self.nest.mems.push(Mem {
            elem,
            len,
            at: self.here(),
            dom: Domain::Clear,
            ver: 0,
            input: None,
            table: None,
            owned: false,
            conds: self.conds.len(),
            key: hash_of(&(elem, len, fill)),
            fill,
            shared: None,
        });
        self.reads.push(0);
        id
    }
    /// What lies at an address, for code under the conditions around.
    fn load(&mut self, m: MemId, at: &Index) -> NodeId {
        let v = self.load_raw(m, at);
        self.strip(v)
    }
    fn load_raw(&mut self, m: MemId, at: &Index) -> NodeId {
        if let (Some(t), Some(k)) = (&self.nest.mems[m as usize].table, at.as_const()) {
            let v = t.get(k.max(0) as usize).copied().unwrap_or(0);
            let e = self.nest.mems[m as usize].elem;
            return fold::konst(self, v, e);
        }
        for s in self.scopes.iter().rev() {
            if let Some(k) = s.known.get(&m).and_then(|v| v.iter().find(|k| k.at == *at)) {
                return k.value;
            }
        }
        let elem = self.nest.mems[m as usize].elem;
        let value = self.pure(Op::Load(m, at.clone()), vec![], elem);
        // What was read stays known until something may overwrite it.
        let known = self.top_mut().known.entry(m).or_default();
        if known.len() < MAX_KNOWN {
            known.push(Known { at: at.clone(), value, store: None, reads: 0 });
        }
        value
    }
    /// What lies at a place that the run computes, of a memory that may be empty.
    fn load_at(&mut self, m: MemId, at: NodeId) -> NodeId {
        let Mem { elem, len, .. } = self.nest.mems[m as usize];
        if len == 0 {
            return fold::konst(self, 0, elem);
        }
        self.pure(Op::LoadAt(m), vec![at], elem)
    }
    /// A choice by a condition that is settled here.
    fn strip(&self, mut x: NodeId) -> NodeId {
        while let (Op::Select, [c, a, b]) = (&self.nest.n(x).op, self.nest.n(x).args.as_slice()) {
            if self.conds.contains(c) {
                x = *a;
            } else if self.conds.iter().any(|d| {
                let d = self.nest.n(*d);
                d.op == Op::Un(circuit::Un::Not) && d.args[0] == *c
            }) {
                x = *b;
            } else {
                break;
            }
        }
        x
    }
    /// The condition under which a store to a memory takes place, if there is any.
    fn cond_for(&mut self, m: MemId) -> Option<NodeId> {
        let from = self.nest.mems[m as usize].conds;
        let mut out = None;
        for k in from..self.conds.len() {
            let c = self.conds[k];
            out = Some(match out {
                None => c,
                Some(o) => self.bin(circuit::Bin::And, o, c),
            });
        }
        out
    }
    fn bin(&mut self, op: circuit::Bin, a: NodeId, b: NodeId) -> NodeId {
        let (a, b) = (self.secret(a), self.secret(b));
        fold::bin(self, op, a, b)
    }
    fn select(&mut self, c: NodeId, a: NodeId, b: NodeId) -> NodeId {
        if a == b {
            return a;
        }
        let (c, a, b) = (self.secret(c), self.secret(a), self.secret(b));
        fold::select(self, c, a, b)
    }
    fn store(&mut self, m: MemId, at: &Index, value: NodeId) {
        let value = match self.cond_for(m) {
            None => value,
            Some(c) => {
                let old = self.load_raw(m, at);
                self.select(c, value, old)
            }
        };
        let value = if self.nest.mems[m as usize].dom == Domain::Clear { value } else { self.meet(m, value) };
        // An unread store to the same place in the same stretch of code is dead.
        let reads = self.reads[m as usize];
        let before = self
            .top()
            .known
            .get(&m)
            .and_then(|v| v.iter().find(|k| k.at == *at && k.store.is_some() && k.reads == reads));
        if let Some(k) = before {
            let dead = k.store;
            self.dead.extend(dead);
        }
        let elem = self.nest.mems[m as usize].elem;
        let id = self.fixed(Op::Store(m, at.clone()), vec![value], elem);
        self.changed(m, self.nest.n(value).dom);
        let n = self.scopes.len();
        for s in &mut self.scopes[..n - 1] {
            s.known.remove(&m);
        }
        let mut known = self.scopes[n - 1].known.remove(&m).unwrap_or_default();
        known.retain(|k| self.nonzero(&ix::sub(&k.at, at)));
        if known.len() >= MAX_KNOWN {
            known.remove(0);
        }
        known.push(Known { at: at.clone(), value, store: Some(id), reads });
        self.scopes[n - 1].known.insert(m, known);
    }
    /// What must become of a value so that it can lie in a memory of this domain.
    fn meet(&mut self, m: MemId, value: NodeId) -> NodeId {
        let d = self.nest.mems[m as usize].dom;
        let v = self.nest.n(value).dom;
        if matches!(v, Domain::Local(_)) && v != d { self.secret(value) } else { value }
    }
    fn changed(&mut self, m: MemId, by: Domain) {
        let mem = &mut self.nest.mems[m as usize];
        mem.ver += 1;
        mem.dom = join(mem.dom, by);
    }
    fn forget(&mut self, m: MemId) {
        for s in &mut self.scopes {
            s.known.remove(&m);
        }
        self.nest.mems[m as usize].ver += 1;
    }

    // ---- scopes ----

    /// Code under a public condition.
    fn guarded<T>(&mut self, cond: &Index, body: impl FnOnce(&mut Self) -> R<T>) -> R<T> {
        let mut g: Vec<Index> = self.top().guard.to_vec();
        let mut parts = Vec::new();
        ix::conjuncts(cond, &mut parts);
        for p in parts {
            if !g.contains(&p) {
                g.push(p);
            }
        }
        g.sort();
        let at = self.here();
        self.scopes.push(Scope {
            at,
            guard: g.into(),
            guarded: true,
            side: false,
            same: Default::default(),
            known: Default::default(),
            written: Default::default(),
        });
        let r = body(self);
        self.scopes.pop();
        r
    }
}

/// The least domain that both flow into, sharing where parties differ.
fn join(a: Domain, b: Domain) -> Domain {
    match (a, b) {
        _ if a == b => a,
        (Domain::Clear, Domain::Secret) | (Domain::Secret, Domain::Clear) => Domain::Secret,
        _ => Domain::Secret,
    }
}
