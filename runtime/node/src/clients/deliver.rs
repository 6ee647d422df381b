//! Sending clients their answers, after all nodes have confirmed.

use engine::Outputs;
use engine::client::{Answers, MaskKey, Opened};
use net::clients::{Caller, ClientLinks, Event};
use wire::Kind;

use super::{ClientReport, Seat};
use crate::{Compiled, Contract, NodeError};

/// Bytes of an answer per frame.
const CHUNK: usize = 256 << 10;

/// Sends every client that is still there its answer, and a confirmation of what ran.
///
/// # Errors
/// Values that are not what the circuit says: ours.
#[allow(clippy::too_many_arguments)]
pub(crate) fn deliver(
    at: &ClientLinks,
    contract: &Contract,
    compiled: &Compiled,
    me: usize,
    mut members: Vec<(Seat, Option<Caller>, u64)>,
    opened: &Opened,
    outputs: &Outputs,
    key: &MaskKey,
) -> Result<ClientReport, NodeError> {
    while let Some(event) = at.poll() {
        if let Event::Gone(caller, _) | Event::Abort(caller, _) = event {
            members.iter_mut().filter(|m| m.1 == Some(caller)).for_each(|m| m.1 = None);
        }
    }
    let ours = |e: engine::Fault| NodeError::Internal(e.to_string());
    let answers = Answers::new(&compiled.program.circuit, me, opened, outputs, key).map_err(ours)?;
    let mut report = ClientReport { members: members.len(), absent: Vec::new() };
    for (seat, caller, number) in members.iter() {
        let Some(caller) = caller else {
            report.absent.push(seat.name(contract));
            continue;
        };
        for chunk in answers.message(seat.party_id(), *number).map_err(ours)?.chunks(CHUNK) {
            at.send(*caller, Kind::Answer, chunk.to_vec());
        }
        at.send(*caller, Kind::Confirm, compiled.digest.to_vec());
    }
    Ok(report)
}
