//! The walk through regions: loops, branches, and calls are entered and left. Knows no gates but those of regions.

use std::sync::Arc;

use circuit::{IndexEnv, LoopVar, Op, RegionId, WireId};

use super::Machine;
use crate::plan::trips;
use crate::value::{Value, internal};
use crate::{Fault, Program};

/// A region under way.
pub(super) struct Frame {
    pub(super) region: RegionId,
    /// Next item of its schedule, and next gate within it.
    pub(super) item: usize,
    pub(super) gate: usize,
    pub(super) kind: Kind,
}

/// Who entered a region: its gate, and what goes on when the region ends.
pub(super) enum Kind {
    Root,
    Loop { by: By, var: LoopVar, value: i64, step: i64, left: u64 },
    Once { by: By },
    Cond { by: By, carried: Vec<Arc<Value>>, body: RegionId, turns: u64 },
    Body { by: By, cond: RegionId, turns: u64 },
}

/// A region gate.
#[derive(Clone, Copy)]
pub(super) struct By {
    region: RegionId,
    gate: u32,
}

impl Machine {
    /// Begins a region gate.
    pub(super) fn enter(&mut self, program: &Program, region: RegionId, index: u32) -> Result<(), Fault> {
        let gate = Self::gate(program, region, index)?;
        let by = By { region, gate: index };
        let args = self.operands(region, index, gate)?;
        match &gate.op {
            Op::Loop { var, lo, hi, step, body } => {
                let bound = |i: &circuit::Index| {
                    i.eval_scalar(&IndexEnv { vars: &self.vars })
                        .map_err(|e| Fault::Program { span: gate.span, what: e.to_string() })
                };
                let (lo, hi) = (bound(lo)?, bound(hi)?);
                let left = trips(lo, hi, *step).ok_or_else(|| internal("a loop with step 0"))?;
                if left == 0 {
                    return self.leave_gate(program, by, args);
                }
                self.set_var(*var, lo)?;
                self.push(program, *body, Kind::Loop { by, var: *var, value: lo, step: *step, left: left - 1 }, args)
            }
            Op::If { then, otherwise } => {
                let mut args = args.into_iter();
                let cond = args.next().ok_or_else(|| internal("a condition is expected"))?;
                let taken = if truth(&cond)? { *then } else { *otherwise };
                *self.stats.entered.entry(taken.0).or_default() += 1;
                self.push(program, taken, Kind::Once { by }, args.collect())
            }
            Op::While { cond, body } => {
                self.push(program, *cond, Kind::Cond { by, carried: args.clone(), body: *body, turns: 0 }, args)
            }
            Op::Call(r) => self.push(program, *r, Kind::Once { by }, args),
            other => Err(internal(format!("{} enters no region", other.name()))),
        }
    }

    pub(super) fn set_var(&mut self, var: LoopVar, value: i64) -> Result<(), Fault> {
        *self.vars.get_mut(var.0 as usize).ok_or_else(|| internal("an unknown induction variable"))? = value;
        Ok(())
    }

    pub(super) fn push(
        &mut self,
        program: &Program,
        region: RegionId,
        kind: Kind,
        args: Vec<Arc<Value>>,
    ) -> Result<(), Fault> {
        self.bind(&program.circuit.region(region).params, args)?;
        self.stack.push(Frame { region, item: 0, gate: 0, kind });
        Ok(())
    }

    pub(super) fn bind(&mut self, wires: &[WireId], values: Vec<Arc<Value>>) -> Result<(), Fault> {
        if wires.len() != values.len() {
            return Err(internal("a region is given another number of wires than it takes"));
        }
        for (w, v) in wires.iter().zip(values) {
            self.registers[w.0 as usize] = Some(v);
        }
        Ok(())
    }

    /// Ends the innermost region: the next iteration, or on after its gate.
    pub(super) fn leave(&mut self, program: &Program) -> Result<(), Fault> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        if let Kind::Root = frame.kind {
            return Ok(());
        }
        let region = program.circuit.region(frame.region);
        let mut results: Vec<Arc<Value>> = region.results.iter().map(|w| self.read(*w)).collect::<Result<_, _>>()?;
        for w in &self.plan.leftover[frame.region.0 as usize] {
            self.registers[w.0 as usize] = None;
        }
        match frame.kind {
            Kind::Root => Ok(()),
            Kind::Loop { by, var, value, step, left } => {
                if left == 0 {
                    return self.leave_gate(program, by, results);
                }
                let value = value.checked_add(step).ok_or_else(|| internal("an induction variable leaves 64 bits"))?;
                self.set_var(var, value)?;
                self.push(program, frame.region, Kind::Loop { by, var, value, step, left: left - 1 }, results)
            }
            Kind::Once { by } => self.leave_gate(program, by, results),
            Kind::Cond { by, carried, body, turns } => {
                if results.is_empty() {
                    return Err(internal("a condition is expected"));
                }
                if truth(&results.swap_remove(0))? {
                    if turns == self.max_turns {
                        let span = Self::gate(program, by.region, by.gate)?.span;
                        let what = format!("this loop has run {turns} times and does not end");
                        return Err(Fault::Program { span, what });
                    }
                    *self.stats.entered.entry(body.0).or_default() += 1;
                    self.push(program, body, Kind::Body { by, cond: frame.region, turns: turns + 1 }, carried)
                } else {
                    self.leave_gate(program, by, carried)
                }
            }
            Kind::Body { by, cond, turns } => {
                let kind = Kind::Cond { by, carried: results.clone(), body: frame.region, turns };
                self.push(program, cond, kind, results)
            }
        }
    }

    /// Gives a region gate its results.
    pub(super) fn leave_gate(&mut self, program: &Program, by: By, results: Vec<Arc<Value>>) -> Result<(), Fault> {
        let gate = Self::gate(program, by.region, by.gate)?;
        for w in &self.plan.last[by.region.0 as usize][by.gate as usize].after {
            self.registers[w.0 as usize] = None;
        }
        self.bind(&gate.outs, results)
    }
}

/// A clear bool of one lane.
fn truth(v: &Value) -> Result<bool, Fault> {
    let c = v.known()?;
    if c.len() != 1 {
        return Err(internal("a condition has one lane"));
    }
    Ok(c.get(0) != 0)
}
