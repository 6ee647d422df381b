//! The machine: walks the schedule, runs local gates, opens and closes rounds, and passes bytes between rounds and whoever
//! drives it. Knows nothing of how bytes travel.
//!
//! Long because one walk over one structure reads better whole; to be split by idea when it next grows.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use circuit::infer::check_lens;
use circuit::{Column, Domain, EffectId, Gate, IndexEnv, Item, Level, LoopVar, Op, Recipient, RegionId, WireId};
use proto::rep3::NODES;
use proto::{Draw, Purpose, SessionKeys, Tickets};

use crate::batch::{Batch, Form};
use crate::client::{ClientShares, Opened};
use crate::local::Context;
use crate::place::Seat;
use crate::plan::{Plan, trips};
use crate::round::Round;
use crate::value::{Value, internal};
use crate::{AtRunner, Error, Fault, LocalInputs, Outputs, Program, Stats, Status};

/// Bytes of later steps that a machine keeps for one peer.
pub const WINDOW: usize = 4 << 20;

/// One node's machine for one run.
pub struct Machine {
    program: Arc<Program>,
    plan: Plan,
    me: usize,
    keys: SessionKeys,
    at: Box<dyn AtRunner + Send>,
    inputs: Vec<Option<Arc<Value>>>,
    /// Shares of clients' inputs, and of what was opened to clients, by gate.
    given: BTreeMap<EffectId, Arc<Value>>,
    opened: BTreeMap<EffectId, Arc<Value>>,
    registers: Vec<Option<Arc<Value>>>,
    vars: Vec<i64>,
    stack: Vec<Frame>,
    round: Option<Round>,
    tickets: Tickets,
    /// Bytes of later steps, by peer, in order.
    queues: [VecDeque<(u64, Vec<u8>)>; NODES],
    queued: [usize; NODES],
    window: usize,
    max_turns: u64,
    stats: Stats,
    failed: Option<Fault>,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Machine(node {}, step {})", self.me, self.stats.steps)
    }
}

/// A region under way.
struct Frame {
    region: RegionId,
    /// Next item of its schedule, and next gate within it.
    item: usize,
    gate: usize,
    kind: Kind,
}

/// Who entered a region: its gate, and what goes on when the region ends.
enum Kind {
    Root,
    Loop { by: By, var: LoopVar, value: i64, step: i64, left: u64 },
    Once { by: By },
    Cond { by: By, carried: Vec<Arc<Value>>, body: RegionId, turns: u64 },
    Body { by: By, cond: RegionId, turns: u64 },
}

/// A region gate.
#[derive(Clone, Copy)]
struct By {
    region: RegionId,
    gate: u32,
}

impl Machine {
    /// A machine for node `me` (0, 1, 2). `inputs` holds columns by index of `Circuit::inputs`, see [`LocalInputs`].
    ///
    /// # Errors
    /// A circuit or schedule that is not well-formed, or inputs that are missing or do not fit.
    pub fn new(
        program: Arc<Program>,
        me: usize,
        keys: SessionKeys,
        inputs: LocalInputs,
        at: Box<dyn AtRunner + Send>,
    ) -> Result<Machine, Error> {
        let circuit = &program.circuit;
        if circuit.level != Level::Gates("rep3".into()) {
            return Err(Error::Circuit("it is not at the gate level of rep3".into()));
        }
        if me >= NODES || keys.me() != me {
            return Err(Error::Circuit("node number and keys do not fit".into()));
        }
        if !crate::place::check(&circuit.parties) {
            return Err(Error::Circuit("a party is at a node that there is not".into()));
        }
        let plan = Plan::new(circuit, &program.schedule)?;
        let mut values = vec![];
        let mut given = inputs.into_iter();
        for input in &circuit.inputs {
            let bad = |what: String| Error::Input { name: input.name.clone(), what };
            let hosted = match input.party {
                None => true,
                Some(p) => plan.seats.get(p.0 as usize).ok_or_else(|| bad("of an unknown party".into()))?.hosts(me),
            };
            let given = given.next().flatten();
            values.push(Some(Arc::new(if hosted {
                let c = given.ok_or_else(|| bad("is missing".into()))?;
                if c.len() as u64 != input.lanes {
                    return Err(bad(format!("has {} lanes, not {}", c.len(), input.lanes)));
                }
                if c.word_bits() != crate::value::column_bits(input.elem) {
                    return Err(bad(format!("is a column of {} bits for {}", c.word_bits(), input.elem)));
                }
                let outside = !input.elem.mask();
                if crate::value::each_column!(&c, v => v.iter().any(|x| field::Ring::to_u128(*x) & outside != 0)) {
                    return Err(bad(format!("has a value that {} cannot hold", input.elem)));
                }
                Value::Known(c)
            } else {
                Value::Absent(usize::try_from(input.lanes).map_err(|_| bad("has too many lanes".into()))?)
            })));
        }
        let registers = vec![None; circuit.wires.len()];
        let vars = vec![0; circuit.loop_vars as usize];
        let root = Frame { region: circuit.root, item: 0, gate: 0, kind: Kind::Root };
        Ok(Machine {
            plan,
            me,
            keys,
            at,
            inputs: values,
            given: BTreeMap::new(),
            opened: BTreeMap::new(),
            registers,
            vars,
            stack: vec![root],
            round: None,
            tickets: Tickets::new(),
            queues: Default::default(),
            queued: [0; NODES],
            window: WINDOW,
            max_turns: circuit::MAX_TURNS,
            stats: Stats { sent: vec![0; NODES], received: vec![0; NODES], ..Stats::default() },
            failed: None,
            program,
        })
    }

    /// With the shares that clients brought; a circuit with client parties needs them.
    pub fn with_clients(mut self, shares: ClientShares) -> Machine {
        self.given = shares.values;
        self
    }

    /// Another bound than [`WINDOW`] on the bytes of later steps that are kept for each peer.
    pub fn with_window(mut self, bytes: usize) -> Machine {
        self.window = bytes;
        self
    }

    /// Another bound than [`circuit::MAX_TURNS`] on the turns of a `while`: all nodes must have the same.
    pub fn with_turns(mut self, turns: u64) -> Machine {
        self.max_turns = turns;
        self
    }

    /// Does local work worth about `budget` bytes of message or lanes, at least a piece.
    ///
    /// # Errors
    /// The fault that ends the run; every later call gives it again.
    pub fn work(&mut self, budget: usize) -> Result<Status, Fault> {
        self.guarded(|m| m.run(budget))
    }

    fn guarded<T>(&mut self, f: impl FnOnce(&mut Machine) -> Result<T, Fault>) -> Result<T, Fault> {
        if let Some(fault) = &self.failed {
            return Err(fault.clone());
        }
        f(self).inspect_err(|fault| self.failed = Some(fault.clone()))
    }

    fn run(&mut self, budget: usize) -> Result<Status, Fault> {
        let mut spent = 0;
        let mut any = false;
        while spent < budget.max(1) {
            if let Some(round) = &mut self.round {
                match round.work(&self.keys)? {
                    Some(n) => spent += n.max(1),
                    None if round.complete() => self.end_round()?,
                    None => return Ok(if any { Status::Progress } else { Status::Blocked }),
                }
            } else if self.stack.is_empty() {
                for peer in 0..NODES {
                    if let Some((step, _)) = self.queues[peer].front() {
                        return Err(self.blame(peer, *step, "bytes after the last step"));
                    }
                }
                return Ok(Status::Done);
            } else {
                spent += self.advance()?;
            }
            any = true;
        }
        Ok(Status::Progress)
    }

    /// Appends up to `max` bytes for `peer` to `out`, all of one step, whose number it returns; `None` if nothing is ready.
    pub fn poll_transmit(&mut self, peer: usize, out: &mut Vec<u8>, max: usize) -> Option<u64> {
        if self.failed.is_some() || peer >= NODES {
            return None;
        }
        let round = self.round.as_mut()?;
        let n = round.read(peer, out, max);
        self.stats.sent[peer] += n as u64;
        (n > 0).then_some(round.step)
    }

    /// Takes bytes of one step from a peer. They may be any piece of the step's bytes, in order.
    ///
    /// # Errors
    /// A fault of the peer's: a step out of order, more bytes than the step has or than the window allows.
    pub fn handle(&mut self, peer: usize, step: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.guarded(|m| {
            if peer >= NODES || peer == m.me {
                return Err(internal("bytes from no peer"));
            }
            if bytes.is_empty() {
                return Err(m.blame(peer, step, "a message without bytes"));
            }
            m.stats.received[peer] += bytes.len() as u64;
            if let Some(round) = &mut m.round
                && round.step == step
            {
                if !m.queues[peer].is_empty() {
                    return Err(m.blame(peer, step, "bytes of an earlier step after those of a later one"));
                }
                return match round.write(peer, bytes) {
                    Ok(()) => Ok(()),
                    Err(what) => Err(m.blame(peer, step, what)),
                };
            }
            // Bytes of a later step: everything before must have come.
            let missing = m.round.as_ref().map_or(0, |r| r.missing(peer));
            let next = m.stats.steps;
            if step < next || m.queues[peer].back().is_some_and(|(last, _)| *last > step) {
                return Err(m.blame(peer, step, "bytes of a step that is over"));
            }
            if missing > 0 {
                return Err(m.blame(peer, step, "bytes of a later step before the end of this one"));
            }
            if bytes.len() > m.window(peer) {
                return Err(m.blame(peer, step, "more bytes ahead than the window allows"));
            }
            m.queued[peer] += bytes.len();
            m.queues[peer].push_back((step, bytes.to_vec()));
            Ok(())
        })
    }

    /// Bytes of later steps that may still come from a peer; bytes of the current step are always welcome. When it is
    /// small, everything of the current step has come, so a driver may stop reading from that peer.
    pub fn window(&self, peer: usize) -> usize {
        self.window.saturating_sub(self.queued.get(peer).copied().unwrap_or(0))
    }

    /// The current step and how many of its bytes a peer still has to send, if any.
    pub fn expects(&self, peer: usize) -> Option<(u64, u64)> {
        let round = self.round.as_ref()?;
        let missing = if peer < NODES { round.missing(peer) } else { 0 };
        (missing > 0).then_some((round.step, missing as u64))
    }

    /// Steps that are over, and how many there are, where that is known beforehand.
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.stats.steps - u64::from(self.round.is_some()), self.plan.steps)
    }

    /// What was done so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The outputs, after [`Status::Done`].
    ///
    /// # Errors
    /// The fault that ended the run, or an internal one when it has not ended.
    pub fn finish(self) -> Result<Outputs, Fault> {
        Ok(self.finish_with_clients()?.0)
    }

    /// As [`Machine::finish`], with the shares of what was opened to clients.
    ///
    /// # Errors
    /// As [`Machine::finish`].
    pub fn finish_with_clients(self) -> Result<(Outputs, Opened), Fault> {
        if let Some(fault) = self.failed {
            return Err(fault);
        }
        if !self.stack.is_empty() {
            return Err(internal("outputs before the end"));
        }
        let program = self.program.clone();
        let outputs = program
            .circuit
            .outputs
            .iter()
            .map(|o| {
                let value =
                    self.registers[o.wire.0 as usize].clone().ok_or_else(|| internal("an output without a value"))?;
                let mine = match o.party {
                    None => true,
                    Some(p) if program.circuit.is_client(p) => program.circuit.ty(o.wire).domain == Domain::Clear,
                    Some(p) => Seat::of(&self.plan.seats, p)?.hosts(self.me),
                };
                match (&*value, mine) {
                    (_, false) => Ok(None),
                    (Value::Known(c), true) => Ok(Some(c.clone())),
                    _ => Err(internal("an output that is not known here")),
                }
            })
            .collect::<Result<_, Fault>>()?;
        Ok((outputs, Opened(self.opened)))
    }

    fn blame(&self, peer: usize, step: u64, what: &str) -> Fault {
        Fault::Peer { peer, step, what: what.to_string() }
    }

    fn gate(program: &Program, region: RegionId, gate: u32) -> Result<&Gate, Fault> {
        program
            .circuit
            .regions
            .get(region.0 as usize)
            .and_then(|r| r.gates.get(gate as usize))
            .ok_or_else(|| internal("the schedule names a gate that is not there"))
    }

    /// Runs the next piece of the innermost region. Returns what it cost.
    fn advance(&mut self) -> Result<usize, Fault> {
        let program = self.program.clone();
        let Some(frame) = self.stack.last_mut() else { return Ok(0) };
        let region = frame.region;
        let items = &program.schedule.regions[region.0 as usize];
        let Some(item) = items.get(frame.item) else {
            self.leave(&program)?;
            return Ok(1);
        };
        match item {
            Item::Local(gates) => {
                let Some(g) = gates.get(frame.gate) else {
                    (frame.item, frame.gate) = (frame.item + 1, 0);
                    return Ok(1);
                };
                frame.gate += 1;
                self.local(&program, region, *g)
            }
            Item::Round(gates) => {
                frame.item += 1;
                self.begin_round(&program, region, gates)?;
                Ok(1)
            }
            Item::Region(g) => {
                frame.item += 1;
                self.enter(&program, region, *g)?;
                Ok(1)
            }
            Item::Free(wires) => {
                frame.item += 1;
                for w in wires {
                    if let Some(r) = self.registers.get_mut(w.0 as usize) {
                        *r = None;
                    }
                }
                Ok(1)
            }
        }
    }

    /// A gate's operands; those that nothing reads later leave their registers.
    fn operands(&mut self, region: RegionId, index: u32, gate: &Gate) -> Result<Vec<Arc<Value>>, Fault> {
        let mut out = Vec::with_capacity(gate.args.len());
        for w in &gate.args {
            out.push(self.read(*w)?);
        }
        for w in &self.plan.last[region.0 as usize][index as usize].before {
            self.registers[w.0 as usize] = None;
        }
        Ok(out)
    }

    fn read(&self, w: WireId) -> Result<Arc<Value>, Fault> {
        self.registers
            .get(w.0 as usize)
            .cloned()
            .flatten()
            .ok_or_else(|| internal(format!("wire {} is read without a value", w.0)))
    }

    /// Lanes of a gate's results, by its types, held against its operands.
    fn lanes(&self, program: &Program, gate: &Gate, args: &[Arc<Value>]) -> Result<Vec<usize>, Fault> {
        let c = &program.circuit;
        let given: Vec<u64> = args.iter().map(|a| a.lanes() as u64).collect();
        let mut outs = Vec::with_capacity(gate.outs.len());
        for w in &gate.outs {
            let n = c.ty(*w).len.eval(c, &self.vars);
            outs.push(n.map_err(|e| Fault::Program { span: gate.span, what: e.to_string() })?);
        }
        check_lens(c, &gate.op, &given, &outs, &self.vars).map_err(|e| internal(format!("{}: {e}", gate.op.name())))?;
        outs.into_iter().map(|n| usize::try_from(n).map_err(|_| internal("too many lanes"))).collect()
    }

    fn local(&mut self, program: &Program, region: RegionId, index: u32) -> Result<usize, Fault> {
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

    /// Puts results into registers.
    fn define(&mut self, gate: &Gate, results: Vec<Value>, lanes: &[usize]) -> Result<(), Fault> {
        if results.len() != gate.outs.len() || results.iter().zip(lanes).any(|(v, n)| v.lanes() != *n) {
            return Err(internal(format!("{} gives other results than its type says", gate.op.name())));
        }
        for (w, v) in gate.outs.iter().zip(results) {
            self.registers[w.0 as usize] = Some(Arc::new(v));
        }
        Ok(())
    }

    fn run_block(
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

    fn begin_round(&mut self, program: &Program, region: RegionId, gates: &[u32]) -> Result<(), Fault> {
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
    fn batch(
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
        let number = k.checked_mul(4).ok_or_else(|| internal("too many gates in a round"))?;
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
                ("b2a", Batch::b2a(me, draws, x, ring()?)?)
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

    fn end_round(&mut self) -> Result<(), Fault> {
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

    /// Begins a region gate.
    fn enter(&mut self, program: &Program, region: RegionId, index: u32) -> Result<(), Fault> {
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

    fn set_var(&mut self, var: LoopVar, value: i64) -> Result<(), Fault> {
        *self.vars.get_mut(var.0 as usize).ok_or_else(|| internal("an unknown induction variable"))? = value;
        Ok(())
    }

    fn push(&mut self, program: &Program, region: RegionId, kind: Kind, args: Vec<Arc<Value>>) -> Result<(), Fault> {
        self.bind(&program.circuit.region(region).params, args)?;
        self.stack.push(Frame { region, item: 0, gate: 0, kind });
        Ok(())
    }

    fn bind(&mut self, wires: &[WireId], values: Vec<Arc<Value>>) -> Result<(), Fault> {
        if wires.len() != values.len() {
            return Err(internal("a region is given another number of wires than it takes"));
        }
        for (w, v) in wires.iter().zip(values) {
            self.registers[w.0 as usize] = Some(v);
        }
        Ok(())
    }

    /// Ends the innermost region: the next iteration, or on after its gate.
    fn leave(&mut self, program: &Program) -> Result<(), Fault> {
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
    fn leave_gate(&mut self, program: &Program, by: By, results: Vec<Arc<Value>>) -> Result<(), Fault> {
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
