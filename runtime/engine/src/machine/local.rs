//! Gates that a node evaluates by itself, `at` blocks of the parties that it hosts among them. Knows no rounds.

use std::sync::Arc;

use circuit::{Column, Domain, Gate, Op, RegionId};
use field::bits;
use proto::{Misuse, Purpose, rep3};

use super::Machine;
use crate::local::Context;
use crate::place::Seat;
use crate::value::{Planes, Value, Word, by_ring, internal};
use crate::{Fault, Program};

/// Places of randomness in a step below this are of draws before its round, those from here on of the round's batches.
pub(super) const FIRST_BATCH: u32 = 1 << 23;

impl Machine {
    pub(super) fn local(&mut self, program: &Program, region: RegionId, index: u32) -> Result<usize, Fault> {
        let gate = Self::gate(program, region, index)?;
        let args = self.operands(region, index, gate)?;
        let lanes = self.lanes(program, gate, &args)?;
        let cost = 1 + lanes.iter().sum::<usize>() + args.iter().map(|a| a.lanes()).sum::<usize>();
        let results = match &gate.op {
            Op::Input(k) => {
                let slot = self.inputs.get(*k as usize).cloned().flatten();
                let value = slot.ok_or_else(|| internal("an input that the circuit does not have"))?;
                if self.plan.inputs_once.contains(k) {
                    self.inputs[*k as usize] = None;
                }
                self.registers[gate.outs[0].0 as usize] = Some(value);
                return Ok(1);
            }
            Op::InputShare(id) | Op::Open { id, .. } if program.circuit.client_effect(gate).is_some() => {
                let (kind, result) = if matches!(gate.op, Op::Open { .. }) {
                    self.opened.insert(*id, args[0].clone());
                    ("open", Arc::new(Value::Absent(lanes[0])))
                } else {
                    // Each is read once: a client's gates stand in the root.
                    ("input", self.given.remove(id).ok_or_else(|| internal("a client's input is missing"))?)
                };
                if result.lanes() != lanes[0] {
                    return Err(internal("a client's input has other lanes than its wire"));
                }
                *self.stats.gates.entry(kind).or_default() += lanes[0] as u64;
                self.registers[gate.outs[0].0 as usize] = Some(result);
                return Ok(cost);
            }
            Op::Random(_) => vec![self.draw(program, gate, lanes[0])?],
            Op::At { party, block } => self.run_block(program, gate, *party, *block, &args, &lanes)?,
            Op::Check { what } => {
                let ok = args.first().ok_or_else(|| internal("a check without an operand"))?;
                let c = ok.known()?;
                if (0..c.len()).any(|l| c.get(l) == 0) {
                    return Err(Fault::Program { span: gate.span, what: what.clone() });
                }
                return Ok(cost);
            }
            _ => Context { circuit: &program.circuit, me: self.me, vars: &self.vars }.run(gate, args, &lanes)?,
        };
        self.define(gate, results, &lanes)?;
        Ok(cost)
    }

    /// A value that no node knows: both components of this node's share, expanded from the keys that it shares with the others.
    fn draw(&mut self, program: &Program, gate: &Gate, lanes: usize) -> Result<Value, Fault> {
        let step = self.stats.steps;
        let number = if self.drawn.0 == step { self.drawn.1 } else { 0 };
        if number >= FIRST_BATCH {
            return Err(internal("too many draws between two rounds"));
        }
        self.drawn = (step, number + 1);
        let misuse = |e: Misuse| internal(e.to_string());
        let mut draw = self.tickets.take(Purpose::Random, step, number).map_err(misuse)?.open();
        let out = program.circuit.ty(gate.outs[0]);
        match out.domain {
            Domain::Arith { ring } => by_ring!(ring, T => {
                let (mut a, mut b): (Vec<T>, Vec<T>) = (field::zeroed(lanes), field::zeroed(lanes));
                rep3::random(&self.keys, &mut draw, &mut a, &mut b).map_err(misuse)?;
                Ok(Value::Arith([T::column(a), T::column(b)]))
            }),
            Domain::Bits { planes } => {
                let mut value = Planes::zeros(usize::from(planes), lanes);
                let w = value.stride();
                let [a, b] = &mut value.c;
                rep3::random(&self.keys, &mut draw, a, b).map_err(misuse)?;
                if w > 0 {
                    for words in [a, b] {
                        words.chunks_mut(w).for_each(|plane| plane[w - 1] &= bits::tail(lanes));
                    }
                }
                Ok(Value::Bits(value))
            }
            _ => Err(internal("a drawn value is shared")),
        }
    }

    /// Puts results into registers.
    pub(super) fn define(&mut self, gate: &Gate, results: Vec<Value>, lanes: &[usize]) -> Result<(), Fault> {
        if results.len() != gate.outs.len() || results.iter().zip(lanes).any(|(v, n)| v.lanes() != *n) {
            return Err(internal(format!("{} gives other results than its type says", gate.op.name())));
        }
        for (w, v) in gate.outs.iter().zip(results) {
            self.registers[w.0 as usize] = Some(Arc::new(v));
        }
        Ok(())
    }

    pub(super) fn run_block(
        &mut self,
        program: &Program,
        gate: &Gate,
        party: circuit::PartyId,
        block: u32,
        args: &[Arc<Value>],
        lanes: &[usize],
    ) -> Result<Vec<Value>, Fault> {
        if !Seat::of(&self.plan.seats, party)?.hosts(self.me) {
            return Ok(lanes.iter().map(|n| Value::Absent(*n)).collect());
        }
        let mut columns: Vec<Column> = args.iter().map(|a| a.known().cloned()).collect::<Result<_, _>>()?;
        if program.circuit.parties.get(party.0 as usize).is_some_and(|p| p.family.is_some()) {
            // The last column says which runs take place: here, those of the members at this node.
            let flags = columns.last_mut().ok_or_else(|| internal("a block of a family without its runs"))?;
            let mut mine = Column::with_capacity(circuit::Elem::Bool, flags.len());
            let own = Seat::of(&self.plan.seats, party)?.runs(self.me, flags.len())?;
            for k in 0..flags.len() {
                let here = own.iter().any(|(first, n)| (*first..first + n).contains(&k));
                mine.push(if here { flags.get(k) } else { 0 });
            }
            *flags = mine;
        }
        let fault = |what: String| Fault::Program { span: gate.span, what };
        let out = self.at.run(block, &columns).map_err(fault)?;
        if out.len() != gate.outs.len() {
            return Err(internal("an at block gives other results than its type says"));
        }
        for (c, w) in out.iter().zip(&gate.outs) {
            let elem = program.circuit.ty(*w).elem;
            let outside = !elem.mask();
            if c.word_bits() != crate::value::column_bits(elem)
                || crate::value::each_column!(c, v => v.iter().any(|x| field::Ring::to_u128(*x) & outside != 0))
            {
                return Err(internal("an at block gives other results than its type says"));
            }
        }
        Ok(out.into_iter().map(Value::Known).collect())
    }
}
