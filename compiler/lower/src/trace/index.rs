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
        let (_, bound) = space.bounds(&[]);
        if bound > MAX_POINTS || bound > self.budget {
            return Ok(false);
        }
        self.budget -= bound;
        let e = coords(e, &path);
        let env = IndexEnv { vars: &[] };
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
        self.checked.insert(key, true);
        match values.iter().find(|v| i128::from(**v) < lo || i128::from(**v) >= hi) {
            None => Ok(true),
            Some(v) => {
                let text = what(*v);
                self.report("E0402", text, "")
            }
        }
    }
}
