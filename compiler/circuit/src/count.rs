//! Counting what a circuit does without doing it.
//!
//! A gate counts by its lanes. A loop is its body's count times its trips where no lane count in it depends on its variable;
//! otherwise the iterations are enumerated. So loops of 10^9 trips and gates of 10^9 lanes count in microseconds. What hangs on
//! run-time values (`if`, `while`) is not in the total but listed beside it. Knows no protocol: what a gate costs is a closure.

use std::collections::BTreeMap;

use crate::circuit::{Circuit, mask};
use crate::gate::{Gate, Op};
use crate::index::{Index, IndexEnv, IndexError, LoopVar};
use crate::types::{Domain, RegionId, SpanId};

/// Something that adds up.
pub trait Cost: Default + Clone {
    /// Adds `other`, so many times.
    fn add(&mut self, other: &Self, times: u128);
}

impl Cost for u128 {
    fn add(&mut self, other: &Self, times: u128) {
        *self = self.saturating_add(other.saturating_mul(times));
    }
}

impl<K: Ord + Clone> Cost for BTreeMap<K, u128> {
    fn add(&mut self, other: &Self, times: u128) {
        for (k, n) in other {
            let mine = self.entry(k.clone()).or_default();
            *mine = mine.saturating_add(n.saturating_mul(times));
        }
    }
}

/// What happens or not, by a run-time value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chance {
    /// A turn of a `while`: its body, and its condition once more.
    Turn,
    /// The first branch of an `if`.
    Then,
    /// The second.
    Otherwise,
}

/// A part of the count that is multiplied by a number known at run time alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Symbolic<C> {
    /// Of the region gate.
    pub span: SpanId,
    /// What happens.
    pub chance: Chance,
    /// How often the gate is reached (itself times the numbers of symbolic parts that it stands in).
    pub reached: u128,
    /// Cost of one turn or branch, symbolic parts in it excluded.
    pub each: C,
}

/// A count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Count<C> {
    /// What certainly happens.
    pub total: C,
    /// The rest.
    pub symbolic: Vec<Symbolic<C>>,
}

impl<C: Cost> Count<C> {
    fn add(&mut self, other: &Count<C>, times: u128) {
        if times == 0 {
            return;
        }
        self.total.add(&other.total, times);
        // Lanes of a symbolic part may differ by iteration; equal ones are one part.
        for s in &other.symbolic {
            self.symbolic.push(Symbolic { reached: s.reached.saturating_mul(times), ..s.clone() });
        }
    }
}

/// A gate with its lanes, as a pricing closure sees it.
#[derive(Clone, Copy, Debug)]
pub struct Priced<'a> {
    /// The gate; not a region gate.
    pub gate: &'a Gate,
    /// Its region.
    pub region: RegionId,
    /// Lanes of its operands.
    pub args: &'a [u64],
    /// Lanes of its results.
    pub outs: &'a [u64],
    /// Induction variables, where its lanes depend on them.
    pub vars: &'a [i64],
}

/// Adds `price` up over all gates that run.
///
/// # Errors
/// Evaluation errors of lengths and bounds.
pub fn fold<C: Cost>(c: &Circuit, price: &mut dyn FnMut(Priced<'_>) -> C) -> Result<Count<C>, IndexError> {
    let mut f = Folder { c, price, vars: vec![0; c.loop_vars as usize], called: BTreeMap::new() };
    f.region(c.root)
}

/// Lanes by name of operation. Boolean ands count planes × lanes; reductions and dots, lanes of the operands.
///
/// # Errors
/// As [`fold`].
pub fn count(c: &Circuit) -> Result<Count<BTreeMap<&'static str, u128>>, IndexError> {
    fold(c, &mut |p| BTreeMap::from([(p.gate.op.name(), lanes(c, &p))]))
}

fn lanes(c: &Circuit, p: &Priced<'_>) -> u128 {
    let out = u128::from(p.outs.first().copied().unwrap_or(0));
    let arg = |k: usize| u128::from(p.args.get(k).copied().unwrap_or(0));
    match &p.gate.op {
        Op::BitsAnd => match c.result_domain(p.gate) {
            Some(Domain::Bits { planes }) => out * u128::from(planes),
            _ => out,
        },
        Op::Reduce { .. } | Op::ArgReduce { .. } | Op::Dot { .. } | Op::Check { .. } => arg(0),
        Op::MatMul { n, .. } => (arg(0) & mask(64)).saturating_mul(u128::from(*n)),
        Op::Scatter { .. } | Op::ScatterAt => arg(1),
        _ => out,
    }
}

struct Folder<'a, C> {
    c: &'a Circuit,
    price: &'a mut dyn FnMut(Priced<'_>) -> C,
    vars: Vec<i64>,
    called: BTreeMap<RegionId, Count<C>>,
}

impl<C: Cost> Folder<'_, C> {
    fn region(&mut self, r: RegionId) -> Result<Count<C>, IndexError> {
        let c = self.c;
        let mut sum = Count { total: C::default(), symbolic: vec![] };
        for g in &c.region(r).gates {
            match &g.op {
                Op::Loop { var, lo, hi, step, body } => {
                    let env = IndexEnv { vars: &self.vars };
                    let (lo, hi) = (lo.eval_scalar(&env)?, hi.eval_scalar(&env)?);
                    let (from, to, step) = (i128::from(lo), i128::from(hi), i128::from(*step));
                    if step == 0 {
                        return Err(IndexError::BadStep);
                    }
                    let span = if step > 0 { to - from } else { from - to };
                    let trips = if span <= 0 { 0 } else { (span + step.abs() - 1) / step.abs() };
                    if trips == 0 {
                        continue;
                    }
                    let steps = if depends(c, *body, *var) { trips } else { 1 };
                    let mut part = Count { total: C::default(), symbolic: vec![] };
                    for k in 0..steps {
                        let slot = self.vars.get_mut(var.0 as usize).ok_or(IndexError::NoVar)?;
                        *slot = (from + step * k) as i64;
                        let one = self.region(*body)?;
                        part.add(&one, if steps == trips { 1 } else { trips as u128 });
                    }
                    sum.add(&part, 1);
                }
                Op::If { then, otherwise } => {
                    for (r, chance) in [(then, Chance::Then), (otherwise, Chance::Otherwise)] {
                        let part = self.region(*r)?;
                        sum.symbolic.push(Symbolic { span: g.span, chance, reached: 1, each: part.total });
                        sum.symbolic.extend(part.symbolic);
                    }
                }
                Op::While { cond, body } => {
                    let first = self.region(*cond)?;
                    let mut turn = self.region(*body)?;
                    turn.add(&first, 1);
                    sum.add(&first, 1);
                    sum.symbolic.push(Symbolic { span: g.span, chance: Chance::Turn, reached: 1, each: turn.total });
                    sum.symbolic.extend(turn.symbolic);
                }
                Op::Call(r) => {
                    // What is called sees no variable of its caller: one count serves all calls.
                    if !self.called.contains_key(r) {
                        let part = self.region(*r)?;
                        self.called.insert(*r, part);
                    }
                    if let Some(part) = self.called.get(r) {
                        sum.add(part, 1);
                    }
                }
                _ => {
                    let lens = |ws: &[crate::WireId]| {
                        ws.iter().map(|w| c.ty(*w).len.eval(c, &self.vars)).collect::<Result<Vec<u64>, _>>()
                    };
                    let (args, outs) = (lens(&g.args)?, lens(&g.outs)?);
                    let one = (self.price)(Priced { gate: g, region: r, args: &args, outs: &outs, vars: &self.vars });
                    sum.total.add(&one, 1);
                }
            }
        }
        Ok(sum)
    }
}

/// Whether a lane count or a loop bound inside a region (or one that it enters) mentions a variable.
pub fn depends(c: &Circuit, r: RegionId, var: LoopVar) -> bool {
    c.region(r).gates.iter().any(|g| {
        let mut len = g.args.iter().chain(&g.outs).map(|w| &c.ty(*w).len);
        let bound = |e: &Index| e.mentions_var(var);
        len.any(|l| l.mentions_var(&c.spaces, var))
            || g.op.group().is_some_and(|l| l.mentions_var(&c.spaces, var))
            || matches!(&g.op, Op::Loop { lo, hi, .. } if bound(lo) || bound(hi))
            // What is called is closed.
            || (!matches!(g.op, Op::Call(_)) && g.op.regions().any(|r| depends(c, r, var)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::parse;

    #[test]
    fn closed_forms_and_enumerations() {
        let text = r#"circuit gates rep3
space s0 = [0..i1]
space s1 = [0..1000000000]
vars 2
%0 = const 1 : clear u8[1]
%1 = gather s1[0] %0 : clear u8[1000000000]
%2 = lift %1 : bits8 u8[1000000000]
%3 = loop i0 in 0..1000000000 step 1 carry (%4 = %2) : bits8 u8[1000000000] r1 {
  %5 = bits.and %4, %4 : bits8 u8[1000000000]
  yield %5
}
loop i1 in 10..0 step -3 carry () r2 {
  %6 = gather s0[c0] %1 : clear u8[s0 max 10]
  %7 = not %6 : clear u8[s0 max 10]
  yield
}
"#;
        let c = parse(text).unwrap();
        let n = count(&c).unwrap();
        assert_eq!(n.total["bits.and"], 8 * 10u128.pow(18));
        assert_eq!(n.total["not"], 10 + 7 + 4 + 1);
        assert!(n.symbolic.is_empty());
    }

    #[test]
    fn run_time_choices_stand_beside() {
        let text = r#"circuit program
%0 = const 1 : clear bool[1]
%1 = while carry (%2 = %0) : clear bool[1] r1 {
  yield %2
} do (%3) r2 {
  %4 = call r5 %3 : clear bool[1]
  %5 = if %4 : clear bool[1] r3 {
    %6 = not %4 : clear bool[1]
    yield %6
  } else r4 {
    yield %4
  }
  yield %5
} 
fn r5 (%7: clear bool[1]) {
  %8 = xor %7, %7 : clear bool[1]
  yield %8
}
"#;
        let n = count(&parse(text).unwrap()).unwrap();
        assert_eq!(n.total, BTreeMap::from([("const", 1)]));
        let chances: Vec<_> = n.symbolic.iter().map(|s| (s.chance, s.reached)).collect();
        assert_eq!(chances, [(Chance::Turn, 1), (Chance::Then, 1), (Chance::Otherwise, 1)]);
        assert_eq!(n.symbolic[0].each, BTreeMap::from([("xor", 1)]));
    }
}
