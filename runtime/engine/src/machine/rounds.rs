//! Rounds: the batches of the interactive gates that one begins with, and their results when it is over.

use std::sync::Arc;

use circuit::{Domain, Gate, Item, Op, Recipient, RegionId};
use proto::rep3::NODES;
use proto::{Draw, Purpose};

use super::Machine;
use super::local::FIRST_BATCH;
use crate::batch::{Batch, Form};
use crate::place::Seat;
use crate::round::Round;
use crate::value::{Value, internal};
use crate::{Fault, Program};

impl Machine {
    pub(super) fn begin_round(&mut self, program: &Program, region: RegionId, gates: &[u32]) -> Result<(), Fault> {
        let step = self.stats.steps;
        self.stats.steps += 1;
        let mut batches = Vec::with_capacity(gates.len());
        for (k, g) in gates.iter().enumerate() {
            let gate = Self::gate(program, region, *g)?;
            let args = self.operands(region, *g, gate)?;
            let lanes = self.lanes(program, gate, &args)?;
            batches.push(self.batch(program, gate, args, &lanes, step, k as u32)?);
        }
        let mut round = Round::new(step, region, batches);
        // Bytes that came ahead.
        for peer in 0..NODES {
            while self.queues[peer].front().is_some_and(|(s, _)| *s <= step) {
                let Some((s, bytes)) = self.queues[peer].pop_front() else { break };
                self.queued[peer] -= bytes.len();
                if s < step {
                    return Err(self.blame(peer, s, "bytes of a step in which it has nothing to send"));
                }
                round.write(peer, &bytes).map_err(|what| self.blame(peer, s, what))?;
            }
            if let Some((s, _)) = self.queues[peer].front()
                && round.missing(peer) > 0
            {
                return Err(self.blame(peer, *s, "bytes of a later step before the end of an earlier one"));
            }
        }
        self.round = Some(round);
        Ok(())
    }

    /// The batch of an interactive gate.
    pub(super) fn batch(
        &mut self,
        program: &Program,
        gate: &Gate,
        args: Vec<Arc<Value>>,
        lanes: &[usize],
        step: u64,
        k: u32,
    ) -> Result<Batch, Fault> {
        let me = self.me;
        let c = &program.circuit;
        let out = c.ty(*gate.outs.first().ok_or_else(|| internal("a gate without a result"))?);
        let n = lanes[0];
        let number = k
            .checked_mul(4)
            .and_then(|k| k.checked_add(FIRST_BATCH))
            .ok_or_else(|| internal("too many gates in a round"))?;
        let tickets = &mut self.tickets;
        let mut draw = |purpose: Purpose, sub: u32| -> Result<Draw, Fault> {
            Ok(tickets.take(purpose, step, number + sub).map_err(|e| internal(e.to_string()))?.open())
        };
        let mut args = args.into_iter();
        let mut arg = || args.next().ok_or_else(|| internal("an operand is missing"));
        let ring = || match out.domain {
            Domain::Arith { ring } => Ok(u32::from(ring)),
            _ => Err(internal("the result must be arithmetic")),
        };
        let deals = |draw: &mut dyn FnMut(Purpose, u32) -> Result<Draw, Fault>| -> Result<[Option<Draw>; 3], Fault> {
            Ok([Some(draw(Purpose::Deal, 0)?), Some(draw(Purpose::Deal, 1)?), Some(draw(Purpose::Deal, 2)?)])
        };
        let mut counted = n as u64;
        let (kind, batch) = match &gate.op {
            Op::InputShare(_) => {
                let Domain::Local(party) = c.ty(gate.args[0]).domain else {
                    return Err(internal("an input that is not local"));
                };
                let seat = Seat::of(&self.plan.seats, party)?;
                let form = match out.domain {
                    Domain::Arith { ring } => Form::Ring(u32::from(ring)),
                    Domain::Bits { planes } => Form::Planes(usize::from(planes)),
                    _ => return Err(internal("an input becomes shared")),
                };
                let draws = deals(&mut draw)?;
                ("input", Batch::input(me, draws, &seat, &arg()?, c.ty(gate.args[0]).elem, form)?)
            }
            Op::ArithMul => ("mul", Batch::mul(me, draw(Purpose::Zero, 0)?, arg()?, arg()?, ring()?)?),
            Op::Dot { group } => {
                let group = group.eval(c, &self.vars).map_err(|e| internal(e.to_string()))? as usize;
                ("dot", Batch::dot(me, draw(Purpose::Zero, 0)?, arg()?, arg()?, ring()?, group, n)?)
            }
            Op::MatMul { m, k, n: cols } => {
                let shape = (*m as usize, *k as usize, *cols as usize);
                ("matmul", Batch::matmul(me, draw(Purpose::Zero, 0)?, arg()?, arg()?, ring()?, shape, n)?)
            }
            Op::BitsAnd => {
                let x = arg()?;
                counted *= x.bits()?.count as u64;
                ("and", Batch::and(me, draw(Purpose::Zero, 0)?, x, arg()?)?)
            }
            Op::A2bDeal { neg } => {
                let x = arg()?;
                let Value::Arith([a, _]) = &*x else { return Err(internal("an arithmetic operand is expected")) };
                let Domain::Bits { planes } = out.domain else { return Err(internal("the result must be bits")) };
                let bits = a.word_bits();
                if u32::from(planes) > bits {
                    return Err(internal("more planes than the ring has bits"));
                }
                let draws = deals(&mut draw)?;
                ("a2b", Batch::a2b(me, draws, x, bits, *neg, usize::from(planes))?)
            }
            Op::B2aDeal => {
                let x = arg()?;
                if x.bits()?.count != 1 {
                    return Err(internal("one plane is expected"));
                }
                let draws = deals(&mut draw)?;
                ("b2a", Batch::two_words(me, draws, x, ring()?, None)?)
            }
            Op::TruncDeal { places } => {
                let draws = deals(&mut draw)?;
                ("trunc", Batch::two_words(me, draws, arg()?, ring()?, Some(u32::from(*places)))?)
            }
            Op::Open { to, .. } => {
                let seat = match to {
                    Recipient::All => None,
                    Recipient::Party(p) => Some(Seat::of(&self.plan.seats, *p)?),
                };
                ("open", Batch::open(me, arg()?, out.elem, seat.as_ref())?)
            }
            other => return Err(internal(format!("{} sends nothing", other.name()))),
        };
        *self.stats.gates.entry(kind).or_default() += counted;
        Ok(batch)
    }

    pub(super) fn end_round(&mut self) -> Result<(), Fault> {
        let program = self.program.clone();
        let Some(round) = self.round.take() else { return Ok(()) };
        // The frame is past the round's item.
        let frame = self.stack.last().ok_or_else(|| internal("a round outside any region"))?;
        let items = &program.schedule.regions[round.region.0 as usize];
        let Some(Item::Round(gates)) = items.get(frame.item.wrapping_sub(1)) else {
            return Err(internal("a round that the schedule does not have"));
        };
        for (g, batch) in gates.iter().zip(round.batches) {
            let gate = Self::gate(&program, round.region, *g)?;
            let results = batch.finish()?;
            let lanes: Vec<usize> = results.iter().map(Value::lanes).collect();
            self.define(gate, results, &lanes)?;
        }
        Ok(())
    }
}
