//! For tests of this crate and of those above: three machines in one thread, bytes passed by hand in pieces of random size.
//!
//! Everything is a function of the seeds: a failure replays. Keys are insecure by name.

use std::collections::VecDeque;
use std::sync::Arc;

use circuit::Column;
use circuit::testing::Rng;
use proto::SessionKeys;
use proto::rep3::NODES;

use crate::place::seats;
use crate::{AtRunner, Fault, Machine, Outputs, Program, Stats, Status};

/// What a run in memory came to.
#[derive(Clone, Debug)]
pub struct Run {
    /// Columns by output: each from a node that knows it; a family's lanes from its members' nodes.
    pub outputs: Vec<Column>,
    /// Outputs by node.
    pub by_node: Vec<Outputs>,
    /// Payload bytes by step, `[from][to]`.
    pub trace: Vec<[[u64; NODES]; NODES]>,
    /// All payload by directed pair, in order, `[from][to]`.
    pub bytes: Vec<Vec<Vec<u8>>>,
    /// What each machine counted.
    pub stats: Vec<Stats>,
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
    let mut machines = Vec::new();
    for me in 0..NODES {
        let keys = SessionKeys::insecure_from_seed(me, keys);
        let m = Machine::new(program.clone(), me, keys, local_inputs(program, inputs, me), at(me));
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
    let by_node: Vec<Outputs> = machines.into_iter().map(Machine::finish).collect::<Result<_, _>>()?;
    let seats = seats(&program.circuit.parties);
    let mut outputs = vec![];
    for (k, o) in program.circuit.outputs.iter().enumerate() {
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
    Ok(Run { outputs, by_node, trace, bytes, stats })
}
