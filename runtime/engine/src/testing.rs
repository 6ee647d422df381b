//! For tests of this crate and of those above: three machines in one thread, bytes passed by hand in pieces of random size.
//!
//! Everything is a function of the seeds: a failure replays. Keys are insecure by name.

use std::collections::VecDeque;
use std::sync::Arc;

use circuit::client::{ClientPart, client_part};
use circuit::interp::{self, InterpError};
use circuit::testing::Rng;
use circuit::{Circuit, Column, Domain, PartyId};
use proto::SessionKeys;
use proto::rep3::NODES;

use crate::client::{self, Answers, ClientShares, MaskKey, MemberInput, member_lanes, repeat};
use crate::kept::{self, KeptShare};
use crate::place::seats;
use crate::{AtRunner, Fault, Machine, Outputs, Program, Stats, Status};

/// What a run in memory came to.
#[derive(Clone, Debug)]
pub struct Run {
    /// Columns by output: each from a node that knows it; a family's lanes from its members' nodes; of what is kept, the value
    /// that the three shares are of.
    pub outputs: Vec<Column>,
    /// Outputs by node.
    pub by_node: Vec<Outputs>,
    /// Payload bytes by step, `[from][to]`.
    pub trace: Vec<[[u64; NODES]; NODES]>,
    /// All payload by directed pair, in order, `[from][to]`.
    pub bytes: Vec<Vec<Vec<u8>>>,
    /// What each machine counted.
    pub stats: Vec<Stats>,
    /// Payload bytes between each node and the clients, both ways.
    pub client_bytes: [u64; NODES],
}

/// The inputs that node `me` brings, out of those of everyone.
pub fn local_inputs(program: &Program, inputs: &[Column], me: usize) -> Vec<Option<Column>> {
    let seats = seats(&program.circuit.parties);
    program
        .circuit
        .inputs
        .iter()
        .zip(inputs)
        .map(|(i, c)| match i.party {
            None if i.kept => None,
            None => Some(c.clone()),
            Some(p) => {
                let seat = seats.get(p.0 as usize)?;
                if !seat.hosts(me) {
                    return None;
                }
                // Other members' lanes are not for this node: they are left 0.
                let mut own = Column::zeros(i.elem, c.len());
                for (lo, n) in seat.runs(me, c.len()).ok()? {
                    (lo..lo + n).for_each(|l| own.set(l, c.get(l)));
                }
                Some(own)
            }
        })
        .collect()
}

/// Runs a program among three machines. `inputs` are everyone's columns by index of `Circuit::inputs`; `at` makes each
/// node's runner of `at` blocks; `keys` is the seed of the session, `pieces` that of sizes and order of deliveries.
///
/// # Errors
/// The first fault of any machine. Inputs that do not fit are internal faults.
pub fn run_in_memory(
    program: &Arc<Program>,
    inputs: &[Column],
    mut at: impl FnMut(usize) -> Box<dyn AtRunner + Send>,
    keys: u64,
    pieces: u64,
) -> Result<Run, Fault> {
    let c = &program.circuit;
    let clients = Clients::new(c)?;
    let mut client_bytes = [0; NODES];
    let mut shares: Vec<ClientShares> = (0..NODES).map(|me| ClientShares::new(c, me)).collect::<Result<_, _>>()?;
    for (k, client) in clients.0.iter().enumerate() {
        let seeds = [[2 * k as u8; 16], [2 * k as u8 + 1; 16]];
        for (node, message) in client.input(c, inputs, &mut *at(NODES), &seeds)?.iter().enumerate() {
            client_bytes[node] += message.len() as u64;
            let members = circuit::client::members(c, client.party);
            let input = MemberInput::read(&client.part.shares, members, node, message).map_err(Fault::Internal)?;
            shares[node].place(client.party, client.member, &input)?;
        }
    }
    let mut random = Rng::new(keys ^ 0x6b65_7074);
    let mut kept: [Vec<Option<KeptShare>>; NODES] = Default::default();
    for (input, column) in c.inputs.iter().zip(inputs) {
        match input.kept {
            true => {
                let shares = kept::deal(input.elem, column, &mut || random.wide())?;
                kept.iter_mut().zip(shares).for_each(|(k, s)| k.push(Some(s)));
            }
            false => kept.iter_mut().for_each(|k| k.push(None)),
        }
    }
    let mut machines = Vec::new();
    for (me, shares) in shares.into_iter().enumerate() {
        let keys = SessionKeys::insecure_from_seed(me, keys);
        let m = Machine::new(program.clone(), me, keys, local_inputs(program, inputs, me), at(me));
        let m = m.and_then(|m| m.with_clients(shares).with_kept(std::mem::take(&mut kept[me])));
        machines.push(m.map_err(|e| Fault::Internal(e.to_string()))?);
    }
    let mut rng = Rng::new(pieces);
    type Wire = VecDeque<(u64, Vec<u8>)>;
    let mut wires: Vec<Vec<Wire>> = vec![vec![Wire::new(); NODES]; NODES];
    let mut trace: Vec<[[u64; NODES]; NODES]> = vec![];
    let mut bytes = vec![vec![vec![]; NODES]; NODES];
    let mut idle = 0;
    let mut done = [false; NODES];
    while done != [true; NODES] || wires.iter().flatten().any(|w| !w.is_empty()) {
        let mut moved = false;
        let me = rng.below(NODES as u64) as usize;
        // Now and then a node only listens, so that others run ahead of it.
        if !rng.one_in(4) {
            let status = machines[me].work(1 + rng.below(1 << 20) as usize)?;
            done[me] = status == Status::Done;
            moved |= status == Status::Progress;
        }
        for to in 0..NODES {
            let scale = [2, 6, 12, 22][rng.below(4) as usize];
            let max = 1 + rng.below(1 << scale) as usize;
            let mut out = vec![];
            if let Some(step) = machines[me].poll_transmit(to, &mut out, max) {
                moved = true;
                if trace.len() <= step as usize {
                    trace.resize(step as usize + 1, Default::default());
                }
                trace[step as usize][me][to] += out.len() as u64;
                bytes[me][to].extend_from_slice(&out);
                wires[me][to].push_back((step, out));
            }
        }
        for (from, wire) in wires.iter_mut().map(|w| &mut w[me]).enumerate() {
            if rng.one_in(3) {
                continue;
            }
            let room = machines[me].window(from);
            if wire.front().is_some_and(|(_, b)| b.len() <= room)
                && let Some((step, b)) = wire.pop_front()
            {
                moved = true;
                machines[me].handle(from, step, &b)?;
            }
        }
        idle = if moved { 0 } else { idle + 1 };
        if idle > 10_000 {
            return Err(Fault::Internal("three machines wait for one another".into()));
        }
    }
    let stats = machines.iter().map(|m| m.stats().clone()).collect();
    let ends = machines.into_iter().map(Machine::end).collect::<Result<Vec<_>, _>>()?;
    let key = MaskKey::new(&[7; 16]);
    let answers = ends
        .iter()
        .enumerate()
        .map(|(me, end)| Answers::new(c, me, &end.opened, &end.outputs, &key))
        .collect::<Result<Vec<_>, _>>()?;
    let keeps: Vec<_> = ends.iter().map(|end| end.kept.clone()).collect();
    let by_node: Vec<Outputs> = ends.into_iter().map(|end| end.outputs).collect();
    let seats = seats(&program.circuit.parties);
    let mut outputs = vec![];
    for (k, o) in program.circuit.outputs.iter().enumerate() {
        if o.kept.is_some() {
            let shares: [Option<KeptShare>; NODES] = std::array::from_fn(|me| keeps[me][k].clone());
            let [Some(x), Some(y), Some(z)] = shares else { return Err(Fault::Internal("nothing is kept".into())) };
            let whole = kept::join(&[x, y, z]);
            outputs.push(whole.ok_or_else(|| Fault::Internal("kept shares that do not belong together".into()))?);
            continue;
        }
        let lanes = by_node.iter().find_map(|n| n[k].as_ref().map(Column::len)).unwrap_or(0);
        let mut whole = Column::zeros(program.circuit.ty(o.wire).elem, lanes);
        for (node, outs) in by_node.iter().enumerate() {
            let Some(c) = &outs[k] else { continue };
            let runs = match o.party {
                None => vec![(0, lanes)],
                Some(p) => seats[p.0 as usize].runs(node, lanes)?,
            };
            for (lo, n) in runs {
                (lo..lo + n).for_each(|l| whole.set(l, c.get(l)));
            }
        }
        outputs.push(whole);
    }
    for client in &clients.0 {
        let mut messages: [Vec<u8>; NODES] = Default::default();
        for (node, answers) in answers.iter().enumerate() {
            messages[node] = answers.message(client.party, client.member)?;
            client_bytes[node] += messages[node].len() as u64;
        }
        for (k, column) in client.results(c, inputs, &mut *at(NODES), &messages)? {
            let whole = &mut outputs[k];
            let members = circuit::client::members(c, client.party);
            if whole.len() != column.len() * members as usize {
                *whole = Column::zeros(c.ty(c.outputs[k].wire).elem, column.len() * members as usize);
            }
            let from = client.member as usize * column.len();
            (0..column.len()).for_each(|l| whole.set(from + l, column.get(l)));
        }
    }
    Ok(Run { outputs, by_node, trace, bytes, stats, client_bytes })
}

/// All clients of a circuit.
struct Clients(Vec<Client>);

struct Client {
    party: PartyId,
    member: u64,
    part: ClientPart,
}

impl Clients {
    fn new(c: &Circuit) -> Result<Clients, Fault> {
        let mut out = vec![];
        for party in (0..c.parties.len() as u32).map(PartyId).filter(|p| c.is_client(*p)) {
            let part = client_part(c, party).map_err(|e| Fault::Program { span: e.span, what: e.what })?;
            for member in 0..circuit::client::members(c, party) {
                out.push(Client { party, member, part: part.clone() });
            }
        }
        Ok(Clients(out))
    }
}

impl Client {
    /// Its own inputs, as it has them: those of other parties are zeros.
    fn inputs(&self, c: &Circuit, inputs: &[Column]) -> Vec<Column> {
        let members = circuit::client::members(c, self.party);
        let own = |(i, column): (&circuit::Input, &Column)| match i.party {
            None if i.kept => Column::zeros(i.elem, column.len()),
            None => column.clone(),
            Some(p) if p == self.party => repeat(&member_lanes(column, members, self.member), i.elem, members),
            Some(_) => Column::zeros(i.elem, column.len()),
        };
        c.inputs.iter().zip(inputs).map(own).collect()
    }

    fn input(
        &self,
        c: &Circuit,
        inputs: &[Column],
        at: &mut dyn AtRunner,
        seeds: &[client::Seed; 2],
    ) -> Result<[Vec<u8>; NODES], Fault> {
        let members = circuit::client::members(c, self.party);
        let values = interp::run(&self.part.front, &self.inputs(c, inputs), at, 0).map_err(fault)?;
        let own: Vec<Column> = values.iter().map(|v| member_lanes(v, members, self.member)).collect();
        client::deal(&self.part.shares, members, &own, seeds)
    }

    /// What it learns: its own lanes, by output.
    fn results(
        &self,
        c: &Circuit,
        inputs: &[Column],
        at: &mut dyn AtRunner,
        messages: &[Vec<u8>; NODES],
    ) -> Result<Vec<(usize, Column)>, Fault> {
        let members = circuit::client::members(c, self.party);
        let learned = client::learn(c, self.party, messages).map_err(|e| Fault::Internal(e.to_string()))?;
        let mut given = self.inputs(c, inputs);
        given.extend(learned.opened.iter().zip(&self.part.opens).map(|(v, e)| repeat(v, e.elem, members)));
        let values = interp::run(&self.part.back, &given, at, 0).map_err(fault)?;
        let local = (0..c.outputs.len()).filter(|k| c.ty(c.outputs[*k].wire).domain == Domain::Local(self.party));
        let own = values.iter().map(|v| member_lanes(v, members, self.member));
        let public = learned.public.into_iter().filter(|(k, _)| c.outputs[*k].party.is_some());
        Ok(local.zip(own).chain(public).collect())
    }
}

fn fault(e: InterpError) -> Fault {
    match e {
        InterpError::Program { span, what } => Fault::Program { span, what },
        other => Fault::Internal(other.to_string()),
    }
}
