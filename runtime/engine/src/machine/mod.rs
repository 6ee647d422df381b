//! The machine: walks the schedule, runs local gates, opens and closes rounds, and passes bytes between rounds and whoever
//! drives it. Knows nothing of how bytes travel.
//!
//! Here is what its driver sees; [`local`] runs gates that need nobody, [`rounds`] those that do, and [`walk`] enters and leaves
//! regions.

mod local;
mod rounds;
mod walk;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use circuit::infer::check_lens;
use circuit::{Column, Domain, EffectId, Gate, Item, Level, RegionId, WireId};
use proto::rep3::NODES;
use proto::{SessionKeys, Tickets};

use self::walk::{Frame, Kind};
use crate::client::{ClientShares, Opened};
use crate::kept::KeptShare;
use crate::place::Seat;
use crate::plan::Plan;
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
    /// Draws of values that nobody knows, since the last round: which round comes next, and how many.
    drawn: (u64, u32),
    /// Bytes of later steps, by peer, in order.
    queues: [VecDeque<(u64, Vec<u8>)>; NODES],
    queued: [usize; NODES],
    window: usize,
    max_turns: u64,
    stats: Stats,
    failed: Option<Fault>,
}

/// What a machine has at the end.
#[derive(Debug)]
pub struct Ended {
    /// What this node's parties learn, and what everyone does.
    pub outputs: Outputs,
    /// Shares of what was opened to clients.
    pub opened: Opened,
    /// By index into `Circuit::outputs`: this node's shares of what is kept.
    pub kept: Vec<Option<KeptShare>>,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Machine(node {}, step {})", self.me, self.stats.steps)
    }
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
            if input.kept {
                values.push(None);
                continue;
            }
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
            drawn: (0, 0),
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

    /// With this node's shares of what an earlier run kept, by index into `Circuit::inputs`; a circuit with kept inputs needs
    /// them. They are there without a step and without a byte.
    ///
    /// # Errors
    /// Shares of another type or length than the circuit says.
    pub fn with_kept(mut self, shares: Vec<Option<KeptShare>>) -> Result<Machine, Error> {
        for ((input, slot), share) in self.program.circuit.inputs.iter().zip(&mut self.inputs).zip(shares) {
            if let (true, Some(share)) = (input.kept, share) {
                *slot = Some(share.value(input)?);
            }
        }
        Ok(self)
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
        Ok(self.end()?.outputs)
    }

    /// As [`Machine::finish`], with the shares of what was opened to clients and of what is kept.
    ///
    /// # Errors
    /// As [`Machine::finish`].
    pub fn end(mut self) -> Result<Ended, Fault> {
        if let Some(fault) = self.failed {
            return Err(fault);
        }
        if !self.stack.is_empty() {
            return Err(internal("outputs before the end"));
        }
        let program = self.program.clone();
        let value = |o: &circuit::Output| {
            self.registers[o.wire.0 as usize].clone().ok_or_else(|| internal("an output without a value"))
        };
        let keep = |o: &circuit::Output| o.kept.map(|elem| KeptShare::of(elem, &*value(o)?)).transpose();
        let kept = program.circuit.outputs.iter().map(keep).collect::<Result<_, Fault>>()?;
        // Columns move out, but where several outputs are one wire.
        let mut left = std::collections::BTreeMap::<WireId, usize>::new();
        program.circuit.outputs.iter().for_each(|o| *left.entry(o.wire).or_default() += 1);
        let outputs = program
            .circuit
            .outputs
            .iter()
            .map(|o| {
                let slot = &mut self.registers[o.wire.0 as usize];
                let more = left.get_mut(&o.wire).is_some_and(|n| {
                    *n -= 1;
                    *n > 0
                });
                let value = if more { slot.clone() } else { slot.take() };
                let value = value.ok_or_else(|| internal("an output without a value"))?;
                let mine = match o.party {
                    None => o.kept.is_none(),
                    Some(p) if program.circuit.is_client(p) => program.circuit.ty(o.wire).domain == Domain::Clear,
                    Some(p) => Seat::of(&self.plan.seats, p)?.hosts(self.me),
                };
                match (mine, Arc::try_unwrap(value)) {
                    (false, _) => Ok(None),
                    (true, Ok(Value::Known(c))) => Ok(Some(c)),
                    (true, Err(shared)) if matches!(*shared, Value::Known(_)) => shared.known().cloned().map(Some),
                    _ => Err(internal("an output that is not known here")),
                }
            })
            .collect::<Result<_, Fault>>()?;
        Ok(Ended { outputs, opened: Opened(self.opened), kept })
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
}
