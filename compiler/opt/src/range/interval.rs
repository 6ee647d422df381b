//! Intervals of wires: what each can hold, of types, declared ranges, constants, indices, and masks. Knows nothing of what is
//! made of them.

use super::Range;
use circuit::index::Intervals;
use circuit::{Bin, Elem, Gate, Index, Len, Op, Red, RegionId, SpaceId, Un, WireId};

/// Least and greatest value, as integers.
pub(super) type Interval = (i128, i128);

/// What a type can hold; `None` for types of which some values are no `i128`, or nearly.
pub(super) fn top(e: Elem) -> Option<Interval> {
    match e {
        Elem::Bool => Some((0, 1)),
        Elem::Int { bits, .. } if bits > 126 => None,
        Elem::Int { signed: false, bits } => Some((0, (1 << bits) - 1)),
        Elem::Int { signed: true, bits } => Some((-(1 << (bits - 1)), (1 << (bits - 1)) - 1)),
    }
}

pub(super) fn fits(e: Elem, (lo, hi): Interval) -> bool {
    match top(e) {
        Some((l, h)) => l <= lo && hi <= h,
        None => e.signed() || lo >= 0,
    }
}

/// An interval if the type holds it, else all of the type.
fn within(e: Elem, i: Option<Interval>) -> Option<Interval> {
    i.filter(|i| fits(e, *i)).or(top(e))
}

pub(super) fn join(a: Option<Interval>, b: Option<Interval>) -> Option<Interval> {
    let ((al, ah), (bl, bh)) = (a?, b?);
    Some((al.min(bl), ah.max(bh)))
}

/// Bits of a number that is not negative.
fn width(v: i128) -> u8 {
    (128 - v.leading_zeros()) as u8
}

/// The greatest number of as many bits as one that is not negative has.
fn ones(v: i128) -> i128 {
    1i128.checked_shl(width(v).into()).map_or(i128::MAX, |p| p.wrapping_sub(1))
}

/// The smallest type of an interval.
pub(super) fn type_of((lo, hi): Interval) -> Elem {
    if lo >= 0 { Elem::u(width(hi).max(2)) } else { Elem::i(width(hi.max(0)).max(width(!lo)) + 1) }
}

/// The interval of an operation's values at the corners of those of its operands.
fn corners(f: impl Fn(i128, i128) -> Option<i128>, a: Interval, b: Interval) -> Option<Interval> {
    let all = [f(a.0, b.0)?, f(a.0, b.1)?, f(a.1, b.0)?, f(a.1, b.1)?];
    Some((*all.iter().min()?, *all.iter().max()?))
}

/// Sums of up to, or exactly, so many terms.
fn sum(of: Interval, n: &Len) -> Option<Interval> {
    let most = i128::from(n.max_lanes());
    let (lo, hi) = (of.0.checked_mul(most)?, of.1.checked_mul(most)?);
    Some(if matches!(n, Len::Const(_)) { (lo, hi) } else { (lo.min(0), hi.max(0)) })
}

/// Turns of a loop that are looked at before its intervals are widened to their types.
const TURNS: usize = 3;

/// Loops inside of so many others are widened at once.
const DEEP: usize = 3;

impl Range<'_> {
    fn set(&mut self, w: WireId, i: Option<Interval>) {
        self.of[w.0 as usize] = within(self.elem(w), i);
    }

    /// Finds the intervals of a region's wires, in loops inside of so many others.
    pub(super) fn forward(&mut self, r: RegionId, depth: usize) {
        let gates = std::mem::take(&mut self.c.regions[r.0 as usize].gates);
        for g in &gates {
            if g.op.is_region() {
                self.enter(g, depth);
            } else {
                self.gate(g);
            }
        }
        self.c.regions[r.0 as usize].gates = gates;
    }

    /// Intervals of a region gate's results.
    fn enter(&mut self, g: &Gate, depth: usize) {
        let results = |s: &Self, r: RegionId| s.c.region(r).results.iter().map(|w| s.get(*w)).collect::<Vec<_>>();
        match &g.op {
            Op::If { then, otherwise } => {
                self.forward(*then, depth);
                self.forward(*otherwise, depth);
                let all: Vec<_> = results(self, *then).into_iter().zip(results(self, *otherwise)).collect();
                for (o, (a, b)) in g.outs.iter().zip(all) {
                    self.set(*o, join(a, b));
                }
            }
            Op::Call(r) => {
                if !std::mem::replace(&mut self.walked[r.0 as usize], true) {
                    self.forward(*r, depth);
                }
                for (o, i) in g.outs.iter().zip(results(self, *r)) {
                    self.set(*o, i);
                }
            }
            Op::Loop { body, .. } => self.turns(g, &[*body], depth),
            Op::While { cond, body } => self.turns(g, &[*cond, *body], depth),
            _ => {}
        }
    }

    /// A loop, of which the last region gives the next turn's values.
    fn turns(&mut self, g: &Gate, regions: &[RegionId], depth: usize) {
        let Some(&body) = regions.last() else { return };
        let mut carried: Vec<Option<Interval>> = g.args.iter().take(g.outs.len()).map(|a| self.get(*a)).collect();
        if depth >= DEEP {
            carried = g.outs.iter().map(|o| top(self.elem(*o))).collect();
        }
        for turn in 0.. {
            for r in regions {
                for (k, i) in carried.iter().enumerate() {
                    if let Some(p) = self.c.region(*r).params.get(k).copied() {
                        self.set(p, *i);
                    }
                }
                self.forward(*r, depth + 1);
            }
            let mut still = true;
            for (k, i) in carried.iter_mut().enumerate() {
                let next = self.c.region(body).results.get(k).and_then(|w| self.get(*w));
                let wide = join(*i, next);
                if wide != *i {
                    still = false;
                    *i = if turn + 1 < TURNS { wide } else { top(self.elem(g.outs[k])) };
                }
            }
            if still {
                break;
            }
        }
        for (o, i) in g.outs.iter().zip(carried) {
            self.set(*o, i);
        }
    }

    fn gate(&mut self, g: &Gate) {
        let Some(&out) = g.outs.first() else { return };
        if let Op::ArgReduce { .. } = g.op {
            for (o, a) in g.outs.iter().zip(&g.args) {
                self.set(*o, self.get(*a));
            }
            return;
        }
        if g.outs.len() == 1 {
            let kept = g.op == Op::Un(Un::Cast)
                && self.elem(out) != Elem::Bool
                && self.get(g.args[0]).is_some_and(|i| fits(self.elem(out), i));
            self.same[out.0 as usize] = if kept { self.same[g.args[0].0 as usize] } else { out };
            let i = self.interval(g, out);
            self.set(out, i);
        }
    }

    fn interval(&self, g: &Gate, out: WireId) -> Option<Interval> {
        let e = self.elem(out);
        let arg = |k: usize| g.args.get(k).and_then(|a| self.get(*a));
        let pattern = |e: Elem, v: u128| Some(e.extend(v) as i128).filter(|v| e.signed() || *v >= 0);
        match &g.op {
            Op::Const(v) => pattern(e, *v).map(|v| (v, v)),
            Op::Table(t) => {
                let all = t.iter().map(|v| pattern(e, *v)).collect::<Option<Vec<_>>>()?;
                Some((*all.iter().min()?, *all.iter().max()?))
            }
            Op::Iota { space, index } => self.index(*space, index),
            Op::Input(k) => {
                let (lo, hi) = self.c.inputs.get(*k as usize)?.range?;
                Some((pattern(e, lo)?, pattern(e, hi)?))
            }
            Op::Share(_) | Op::Reveal { .. } | Op::Gather { .. } | Op::GatherAt => arg(0),
            Op::Scatter { .. } | Op::ScatterAt => join(arg(0), arg(1)),
            Op::Concat => {
                let mut all = g.args.iter().map(|a| self.get(*a));
                let first = all.next()?;
                all.fold(first, join)
            }
            Op::Select => match arg(0)? {
                (1, 1) => arg(1),
                (0, 0) => arg(2),
                _ => join(arg(1), arg(2)),
            },
            // The lowest bit.
            Op::Un(Un::Cast) if e == Elem::Bool => arg(0).filter(|(lo, hi)| lo == hi).map(|(v, _)| (v & 1, v & 1)),
            Op::Bin(bin @ (Bin::Eq | Bin::Lt)) if self.alike(g) => Some(if *bin == Bin::Eq { (1, 1) } else { (0, 0) }),
            Op::Un(Un::Cast) => arg(0),
            Op::Un(Un::Trunc(k)) => arg(0).map(|(lo, hi)| ((lo >> k) - 1, hi >> k)),
            Op::Un(Un::Neg) => arg(0).map(|(lo, hi)| (-hi, -lo)),
            Op::Un(Un::Not) if e.signed() => arg(0).map(|(lo, hi)| (-1 - hi, -1 - lo)),
            Op::Un(Un::Not) => arg(0).zip(top(e)).map(|((lo, hi), (_, most))| (most - hi, most - lo)),
            Op::Bin(bin) => self.binary(*bin, e, arg(0)?, arg(1), self.elem(g.args[0])),
            Op::Reduce { red, group } => self.reduce(*red, group, arg(0)?),
            Op::Dot { group } => sum(corners(i128::checked_mul, arg(0)?, arg(1)?)?, group),
            Op::MatMul { k, .. } => sum(corners(i128::checked_mul, arg(0)?, arg(1)?)?, &Len::Const(*k)),
            _ => None,
        }
    }

    /// Whether both operands are casts of one wire that lose nothing, or it.
    fn alike(&self, g: &Gate) -> bool {
        let of = |k: usize| g.args.get(k).map(|a| self.same[a.0 as usize]);
        of(0) == of(1)
    }

    fn index(&self, space: SpaceId, index: &Index) -> Option<Interval> {
        let (coords, lanes) = self.c.spaces.get(space.0 as usize)?.bounds(&[]);
        let lane = (0, i64::try_from(lanes).unwrap_or(i64::MAX));
        let (lo, hi) = index.interval(&Intervals { vars: &[], coords: &coords, lane });
        (lo <= hi).then_some((i128::from(lo), i128::from(hi)))
    }

    fn binary(&self, bin: Bin, e: Elem, a: Interval, b: Option<Interval>, of: Elem) -> Option<Interval> {
        let b = match bin {
            // What is shifted by anything still shrinks.
            Bin::Shr => b.unwrap_or((0, 127)),
            Bin::And if a.0 >= 0 => b.unwrap_or((i128::MIN, i128::MAX)),
            _ => b?,
        };
        match bin {
            Bin::Add => corners(i128::checked_add, a, b),
            Bin::Sub => corners(i128::checked_sub, a, b),
            Bin::Mul => corners(i128::checked_mul, a, b),
            Bin::And if a.0 >= 0 && b.0 >= 0 => Some((0, a.1.min(b.1))),
            Bin::And if a.0 >= 0 => Some((0, a.1)),
            Bin::And if b.0 >= 0 => Some((0, b.1)),
            Bin::Or | Bin::Xor if a.0 >= 0 && b.0 >= 0 => Some((0, ones(a.1.max(b.1)))),
            Bin::Lt if a.1 < b.0 => Some((1, 1)),
            Bin::Lt if a.0 >= b.1 => Some((0, 0)),
            Bin::Eq if a.1 < b.0 || b.1 < a.0 => Some((0, 0)),
            Bin::Eq if a.0 == a.1 && a == b => Some((1, 1)),
            Bin::Div if b.0 >= 1 => corners(i128::checked_div, a, b),
            Bin::Rem if b.0 >= 1 => {
                let most = b.1 - 1;
                Some((if a.0 < 0 { a.0.max(-most) } else { 0 }, a.1.clamp(0, most)))
            }
            Bin::Rem if a.0 >= 0 && b.0 >= 0 => Some((0, a.1)),
            Bin::Shl if b.0 == b.1 && b.0 >= 0 && b.0 < i128::from(of.bits()) => {
                let by = 1i128.checked_shl(b.0 as u32).filter(|v| *v > 0)?;
                corners(i128::checked_mul, a, (by, by))
            }
            Bin::Shr => {
                let (least, most) = if b.0 < 0 { (0, 127) } else { (b.0.min(127), b.1.min(127)) };
                corners(|x, n| Some(x >> n), a, (least, most))
            }
            _ => top(e),
        }
    }

    fn reduce(&self, red: Red, group: &Len, i: Interval) -> Option<Interval> {
        let some = matches!(group, Len::Const(n) if *n > 0);
        match red {
            Red::Add => sum(i, group),
            Red::Count => Some((0, i128::from(group.max_lanes()))),
            Red::Mul if i.0 >= 0 && i.1 <= 1 => Some((0, 1)),
            Red::And if some && i.0 >= 0 => Some((0, i.1)),
            Red::Or | Red::Xor if i.0 >= 0 => Some((0, ones(i.1))),
            Red::Min | Red::Max if some => Some(i),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ones;

    #[test]
    fn as_many_ones_as_bits() {
        assert_eq!([0, 1, 5, 255].map(ones), [0, 1, 7, 255]);
        assert_eq!(ones(i128::MAX >> 1), i128::MAX >> 1);
        assert_eq!([i128::MAX - 505, i128::MAX].map(ones), [i128::MAX; 2]);
    }
}
