//! Public indices while tracing: wires that are really index expressions, and proofs that an index is in range.

use super::{R, Tracer};
use crate::ix;
use crate::nest::{NodeId, Op};
use crate::trace_coords as coords;
use circuit::gate::{Bin, Un};
use circuit::index::{Index, IndexEnv, IndexOp, Space, SpaceDim, eval_strip};
use circuit::types::{Domain, Elem};

/// Points that one check may enumerate.
const MAX_POINTS: u64 = 1 << 22;
/// Steps that one count may take.
const STEPS: u64 = 1 << 16;

fn holds(elem: Elem, (lo, hi): (i64, i64)) -> bool {
    let (least, most) = range(elem);
    i128::from(lo) >= least && i128::from(hi) <= most
}
/// Least and greatest number of an element (greatest capped at `i128`).
pub(super) fn range(elem: Elem) -> (i128, i128) {
    match elem {
        Elem::Bool => (0, 1),
        Elem::Int { signed: true, bits: 128 } => (i128::MIN, i128::MAX),
        Elem::Int { signed: true, bits } => (-(1i128 << (bits - 1)), ((1u128 << (bits - 1)) - 1) as i128),
        Elem::Int { signed: false, bits } => (0, if bits >= 127 { i128::MAX } else { (1i128 << bits) - 1 }),
    }
}

impl Tracer<'_> {
    /// The index expression that a clear node computes, if it is one and never wraps.
    pub(super) fn to_index(&self, n: NodeId) -> Option<Index> {
        self.to_index_deep(n, 0)
    }
    fn to_index_deep(&self, id: NodeId, deep: usize) -> Option<Index> {
        let n = self.nest.n(id);
        if n.dom != Domain::Clear || deep > 24 {
            return None;
        }
        let arg = |k: usize| self.to_index_deep(n.args[k], deep + 1);
        let fits = |e: Index, elem: Elem| holds(elem, ix::interval(&e, &self.nest.ranges)).then_some(e);
        let e = match &n.op {
            Op::Const(v) => {
                let v = crate::fold::signed(*v, n.elem);
                Index::Const(i64::try_from(v).ok()?)
            }
            Op::Iota(e) => e.clone(),
            Op::Un(Un::Cast) => arg(0)?,
            Op::Un(Un::Not) if n.elem == Elem::Bool => ix::not(&arg(0)?),
            Op::Bin(b) => {
                let op = match b {
                    Bin::Add => IndexOp::Add,
                    Bin::Sub => IndexOp::Sub,
                    Bin::Mul => IndexOp::Mul,
                    Bin::Div => IndexOp::Div,
                    Bin::Rem => IndexOp::Rem,
                    Bin::And => IndexOp::And,
                    Bin::Or => IndexOp::Or,
                    Bin::Xor => IndexOp::Xor,
                    Bin::Shl => IndexOp::Shl,
                    Bin::Shr => IndexOp::Shr,
                    Bin::Lt => IndexOp::Lt,
                    Bin::Eq => IndexOp::Eq,
                };
                ix::bin(op, &arg(0)?, &arg(1)?)
            }
            _ => return None,
        };
        fits(e, n.elem)
    }

    /// The numbers that a node may be, as far as its making tells.
    pub(super) fn values(&self, n: NodeId) -> (i128, i128) {
        self.values_deep(n, 0)
    }
    fn values_deep(&self, id: NodeId, deep: usize) -> (i128, i128) {
        let n = self.nest.n(id);
        let all = range(n.elem);
        if deep > 16 {
            return all;
        }
        let arg = |k: usize| self.values_deep(n.args[k], deep + 1);
        let inside = |v: (i128, i128)| if v.0 >= all.0 && v.1 <= all.1 { v } else { all };
        let union = |a: (i128, i128), b: (i128, i128)| (a.0.min(b.0), a.1.max(b.1));
        match &n.op {
            Op::Const(v) => {
                let v = crate::fold::signed(*v, n.elem);
                inside((v, v))
            }
            Op::Iota(e) => {
                let (a, b) = ix::interval(e, &self.nest.ranges);
                inside((i128::from(a), i128::from(b)))
            }
            Op::Un(Un::Cast) | Op::Reveal(_) | Op::Share => inside(arg(0)),
            Op::Min => {
                let (a, b) = (arg(0), arg(1));
                (a.0.min(b.0), a.1.min(b.1))
            }
            Op::Max => {
                let (a, b) = (arg(0), arg(1));
                (a.0.max(b.0), a.1.max(b.1))
            }
            Op::Select | Op::Join(_) => union(arg(1), arg(2)),
            Op::Pick(_) => union(arg(0), arg(1)),
            Op::Bin(b) => {
                let (x, y) = (arg(0), arg(1));
                match b {
                    Bin::Add => inside((x.0.saturating_add(y.0), x.1.saturating_add(y.1))),
                    Bin::Sub => inside((x.0.saturating_sub(y.1), x.1.saturating_sub(y.0))),
                    Bin::Mul => {
                        let p = [(x.0, y.0), (x.0, y.1), (x.1, y.0), (x.1, y.1)].map(|(a, b)| a.saturating_mul(b));
                        inside((p.into_iter().min().unwrap_or(0), p.into_iter().max().unwrap_or(0)))
                    }
                    Bin::And if x.0 >= 0 && y.0 >= 0 => (0, x.1.min(y.1)),
                    Bin::Rem if x.0 >= 0 && y.0 > 0 => (0, x.1.min(y.1 - 1)),
                    Bin::Div if x.0 >= 0 && y.0 > 0 => (x.0 / y.1, x.1 / y.0),
                    Bin::Shr if x.0 >= 0 && y.0 >= 0 => (0, x.1 >> y.0.min(126)),
                    _ => all,
                }
            }
            Op::Input(k) => match self.inputs[*k as usize].range {
                Some((lo, hi)) => inside((crate::fold::signed(lo, n.elem), crate::fold::signed(hi, n.elem))),
                None => all,
            },
            // A sum: so many times what each iteration adds.
            Op::Out(l, s) => {
                let lp = &self.nest.loops[*l as usize];
                let Some(p) = lp.phis.get(*s as usize).filter(|_| self.nest.counted(*l)) else { return all };
                let first = self.values_deep(p.init, deep + 1);
                let next = self.nest.n(p.next);
                let [a, b] = next.args[..] else { return all };
                let more = if a == p.phi { b } else { a };
                if next.op != Op::Bin(Bin::Add) || (a != p.phi && b != p.phi) || more == p.phi {
                    return all;
                }
                let each = self.values_deep(more, deep + 1);
                let times = |v: i128| v.saturating_mul(i128::from(lp.max));
                let lo = first.0.saturating_add(times(each.0).min(0));
                inside((lo, first.1.saturating_add(times(each.1).max(0))))
            }
            _ => all,
        }
    }

    /// The iterations that get here, as a space whose coordinate k is the k-th loop's variable.
    pub(super) fn iterations(&self) -> (Space, Vec<u32>) {
        let path = self.nest.path(self.here());
        let subst = |e: &Index| coords(e, &path);
        let dims =
            path.iter().map(|l| SpaceDim::range(Index::Const(0), subst(&self.nest.loops[*l as usize].trip))).collect();
        let guard = self.top().guard.iter().map(subst).reduce(|a, b| Index::bin(IndexOp::And, a, b));
        (Space { dims, guard }, path)
    }

    /// Whether `e` is certainly not 0 in any iteration that gets here: by its range, or by trying the iterations of the
    /// loops that it depends on, if they are few.
    pub(super) fn nonzero(&mut self, e: &Index) -> bool {
        const FEW: u64 = 4096;
        if let Some(c) = e.as_const() {
            return c != 0;
        }
        let (a, b) = ix::interval(e, &self.nest.ranges);
        if a > 0 || b < 0 {
            return true;
        }
        let (mut space, mut path) = self.iterations();
        let vars = ix::vars(e);
        let Some(last) = path.iter().rposition(|l| vars.contains(l)) else { return false };
        if vars.iter().any(|v| !path.contains(v)) {
            return false;
        }
        space.guard = None;
        space.dims.truncate(last + 1);
        path.truncate(last + 1);
        let (_, bound) = space.bounds(&[]);
        if bound > FEW || bound > self.budget {
            return false;
        }
        self.budget -= bound;
        let env = IndexEnv { vars: &[] };
        let mut values = Vec::new();
        let Ok(n) = space.count(&env) else { return false };
        eval_strip(&space, &coords(e, &path), &env, 0..n, &mut values).is_ok() && values.iter().all(|v| *v != 0)
    }

    /// Whether `lo <= e < hi` in every iteration that gets here: `Ok(true)` certainly, `Ok(false)` not known; an error is
    /// reported where it certainly fails.
    pub(super) fn in_range(&mut self, e: &Index, lo: i128, hi: i128, what: &dyn Fn(i64) -> String) -> R<bool> {
        let (mut a, mut b) = ix::interval(e, &self.nest.ranges);
        for g in self.top().guard.iter() {
            // A condition on the same expression, up to a constant.
            let Index::Bin(op @ (IndexOp::Lt | IndexOp::Le), x, y) = g else { continue };
            let strict = i64::from(*op == IndexOp::Lt);
            if let (Some(c), Some(d)) = (y.as_const(), ix::sub(e, x).as_const()) {
                b = b.min(c.saturating_sub(strict).saturating_add(d));
            }
            if let (Some(c), Some(d)) = (x.as_const(), ix::sub(e, y).as_const()) {
                a = a.max(c.saturating_add(strict).saturating_add(d));
            }
        }
        if i128::from(a) >= lo && i128::from(b) < hi {
            return Ok(true);
        }
        let key = (e.clone(), self.top().guard.clone(), self.here(), lo, hi);
        if let Some(known) = self.checked.get(&key) {
            return Ok(*known);
        }
        let (space, path) = self.iterations();
        let e = coords(e, &path);
        let env = IndexEnv { vars: &[] };
        // No point outside, by a count.
        if let (Ok(lo), Ok(hi)) = (i64::try_from(lo), i64::try_from(hi)) {
            let outside = Index::bin(
                IndexOp::Or,
                Index::bin(IndexOp::Lt, e.clone(), Index::Const(lo)),
                Index::bin(IndexOp::Le, Index::Const(hi), e.clone()),
            );
            let guard = space.guard.iter().cloned().chain([outside]).reduce(|p, q| Index::bin(IndexOp::And, p, q));
            let wrong = Space { guard, ..space.clone() };
            if wrong.count_within(&env, STEPS) == Ok(0) {
                self.checked.insert(key, true);
                return Ok(true);
            }
        }
        let (_, bound) = space.bounds(&[]);
        if bound > MAX_POINTS || bound > self.budget {
            return Ok(false);
        }
        self.budget -= bound;
        let all = Space { guard: None, ..space.clone() };
        let strip = |e: &Index| -> Option<Vec<i64>> {
            let n = all.count(&env).ok()?;
            let mut out = Vec::new();
            eval_strip(&all, e, &env, 0..n, &mut out).ok()?;
            Some(out)
        };
        let (Some(mut values), Some(yes)) = (strip(&e), space.guard.as_ref().map_or(Some(vec![]), strip)) else {
            return Ok(false);
        };
        let mut k = 0;
        values.retain(|_| {
            k += 1;
            yes.is_empty() || yes[k - 1] != 0
        });
        self.checked.insert(key.clone(), true);
        match values.iter().find(|v| i128::from(**v) < lo || i128::from(**v) >= hi) {
            None => Ok(true),
            Some(_) if !self.certain() => {
                self.checked.insert(key, false);
                Ok(false)
            }
            Some(v) => {
                let text = what(*v);
                self.report("E0402", text, "")
            }
        }
    }
    /// Whether what stands here runs whatever the run's values: an error in it is an error of the program.
    pub(super) fn certain(&self) -> bool {
        !self.trial
            && self.conds.iter().all(|c| self.nest.n(*c).dom != Domain::Clear)
            && self.nest.path(self.here()).iter().all(|l| self.nest.counted(*l))
    }
    /// The clear conditions around, as one; `None` if there are none.
    pub(super) fn open(&mut self) -> Option<NodeId> {
        let mut open = None;
        for k in 0..self.conds.len() {
            let c = self.conds[k];
            if self.nest.n(c).dom != Domain::Clear {
                continue;
            }
            open = Some(match open {
                None => c,
                Some(o) => self.bin(Bin::And, o, c),
            });
        }
        open
    }
    /// That `lo <= i < hi`: proved, reported, or checked in the run.
    pub(super) fn need_range(&mut self, i: &Index, lo: i128, hi: i128, what: &dyn Fn(Option<i64>) -> String) -> R<()> {
        if self.in_range(i, lo, hi, &|v| what(Some(v)))? {
            return Ok(());
        }
        let n = self.iota(i, super::loops::INDEX);
        self.need_within(n, lo, hi, &what(None))
    }
    /// The same for a clear number of the run.
    pub(super) fn need_within(&mut self, n: NodeId, lo: i128, hi: i128, what: &str) -> R<()> {
        match self.within(n, lo, hi) {
            Some(ok) => self.check(ok, what),
            None => Ok(()),
        }
    }
    /// Whether `lo <= n < hi`, as a clear truth value; `None` where it is always so.
    pub(super) fn within(&mut self, n: NodeId, lo: i128, hi: i128) -> Option<NodeId> {
        let elem = self.nest.n(n).elem;
        let (a, b) = self.values(n);
        let mut out = None;
        if a < lo {
            let k = crate::fold::konst(self, lo as u128, elem);
            let under = self.bin(Bin::Lt, n, k);
            out = Some(crate::fold::not(self, under));
        }
        let (_, most) = range(elem);
        // A type whose greatest number is capped here reaches beyond any bound.
        if b >= hi && (hi <= most || b == i128::MAX) {
            let k = crate::fold::konst(self, hi as u128, elem);
            let below = self.bin(Bin::Lt, n, k);
            out = Some(match out {
                None => below,
                Some(o) => self.bin(Bin::And, o, below),
            });
        }
        out
    }
}
