//! The loop that runs a machine over links: work, send what is ready, take what came, sleep when there is nothing to do.
//!
//! One thread per node, no lock held while computing. Computing, sending, and receiving overlap chunk by chunk. Knows the
//! machine by the few calls of [`Work`], so that tests drive it with machines of their own.

use engine::{Fault, Status};
use net::Links;
use wire::{Header, Kind};

use crate::NodeError;
use crate::blame::Watch;
use crate::timeline::{Did, Recorder};

/// A machine that is asked for work and bytes. Steps never decrease; see [`engine`].
pub trait Work {
    /// A bounded piece of local work.
    ///
    /// # Errors
    /// The program is wrong, or we are.
    fn work(&mut self, budget: usize) -> Result<Status, Fault>;
    /// Appends at most `max` bytes for `peer`, of one step, and says which.
    fn poll_transmit(&mut self, peer: usize, out: &mut Vec<u8>, max: usize) -> Option<u64>;
    /// Takes in bytes of a step.
    ///
    /// # Errors
    /// The bytes are not what the circuit says.
    fn handle(&mut self, peer: usize, step: u64, bytes: &[u8]) -> Result<(), Fault>;
    /// Bytes of later steps that may come from `peer`.
    fn window(&self, peer: usize) -> usize;
    /// The step that bytes of `peer` are needed for, and how many are missing.
    fn expects(&self, peer: usize) -> Option<(u64, u64)>;
    /// Steps done.
    fn steps(&self) -> u64;
}

/// Bytes of a message that are handed out at once, and the budget of a piece of work.
pub const CHUNK: usize = 256 << 10;

/// Frames taken from one peer before the machine works again.
const BURST: usize = 8;

/// How far a run is, for a progress bar.
pub type OnStep<'a> = &'a mut dyn FnMut(u64);

/// Runs `machine` to its end, and tells the peers and hears from them that all have ended.
pub(crate) fn run(
    links: &Links,
    session: u64,
    machine: &mut dyn Work,
    watch: &mut Watch<'_>,
    names: &[String],
    recorder: &mut Recorder,
    on_step: OnStep<'_>,
) -> Result<(), NodeError> {
    let fault = |f| NodeError::from_fault(f, names);
    let peers: Vec<usize> = links.peers().collect();
    let mut confirmed: Vec<Option<Vec<u8>>> = vec![None; links.nodes()];
    let mut shown = 0;
    loop {
        let seen = links.events();
        let mut did = false;
        for &peer in &peers {
            for _ in 0..BURST {
                let Some(frame) = links.receive(peer, |h| welcome(machine, peer, h)) else { break };
                did = true;
                if frame.header.session != session {
                    return Err(watch.corrupt(peer, "a frame of another session"));
                }
                match frame.header.kind {
                    Kind::Payload if confirmed[peer].is_none() => {
                        machine.handle(peer, frame.header.step, &frame.body).map_err(fault)?;
                        links.recycle(peer, frame.body);
                        links.grant(peer);
                    }
                    Kind::Confirm if confirmed[peer].is_none() => {
                        confirmed[peer] = Some(frame.body);
                        watch.finished[peer] = true;
                    }
                    kind => return Err(watch.corrupt(peer, format!("a {kind:?} frame during the run"))),
                }
            }
        }
        let status = machine.work(CHUNK).map_err(fault)?;
        did |= status == Status::Progress;
        recorder.mark(Did::Compute, || links.now());
        let mut full = Vec::new();
        for &peer in &peers {
            loop {
                let room = links.room(peer);
                if room == 0 {
                    full.push(peer);
                    break;
                }
                let mut body = links.buffer(peer);
                match machine.poll_transmit(peer, &mut body, CHUNK.min(room)) {
                    Some(step) => {
                        did = true;
                        recorder.sent(body.len());
                        send(links, peer, Kind::Payload, session, step, body)?;
                    }
                    None => {
                        links.recycle(peer, body);
                        break;
                    }
                }
            }
        }
        recorder.mark(Did::Send, || links.now());
        let steps = machine.steps();
        if steps != shown {
            shown = steps;
            recorder.steps(steps);
            watch.step = Some(steps);
            on_step(steps);
        }
        if status == Status::Done {
            break;
        }
        if did {
            watch.moved();
            watch.glance()?;
        } else {
            let mut from: Vec<usize> =
                peers.iter().copied().filter(|p| machine.expects(*p).is_some_and(|(_, n)| n > 0)).collect();
            let mut waits = Did::Wait;
            if from.is_empty() {
                // Nothing is missing, so someone had no room for what we have; there may be room by now, which is an event.
                from = full;
                waits = Did::Send;
            }
            if from.is_empty() {
                return Err(NodeError::Internal("the machine waits for nobody".into()));
            }
            watch.wait(seen, &from)?;
            recorder.mark(waits, || links.now());
        }
    }
    watch.moved();
    let mine = machine.steps().to_le_bytes();
    for &peer in &peers {
        send(links, peer, Kind::Confirm, session, 0, mine.to_vec())?;
    }
    let missing: Vec<usize> = peers.iter().copied().filter(|p| confirmed[*p].is_none()).collect();
    for (peer, body) in missing.iter().zip(gather(links, Kind::Confirm, session, &missing, watch)?) {
        confirmed[*peer] = Some(body);
    }
    recorder.mark(Did::Wait, || links.now());
    match peers.iter().find(|p| confirmed[**p].as_deref() != Some(&mine[..])) {
        Some(peer) => Err(watch.corrupt(*peer, "a confirmation of another number of steps")),
        // A peer may have confirmed, and then missed another's confirmation.
        None => watch.heed(),
    }
}

/// Whether the machine can take this frame now: bytes of the step that it is in always, later ones within the window.
fn welcome(machine: &dyn Work, peer: usize, header: &Header) -> bool {
    if header.kind != Kind::Payload {
        return true;
    }
    match machine.expects(peer) {
        Some((step, _)) if header.step <= step => true,
        _ => machine.window(peer) >= header.length as usize,
    }
}

pub(crate) fn send(
    links: &Links,
    peer: usize,
    kind: Kind,
    session: u64,
    step: u64,
    body: Vec<u8>,
) -> Result<(), NodeError> {
    links.send(peer, kind, session, step, body).map_err(|e| NodeError::Internal(e.to_string()))
}

/// Waits for one frame of `kind` from each of `from`; bodies in that order.
pub(crate) fn gather(
    links: &Links,
    kind: Kind,
    session: u64,
    from: &[usize],
    watch: &mut Watch<'_>,
) -> Result<Vec<Vec<u8>>, NodeError> {
    gather_each(links, kind, session, from, watch, &mut |_, _, _| Ok(()))
}

/// What is done with each body as it comes.
pub(crate) type Each<'a> = &'a mut dyn FnMut(&mut Watch<'_>, usize, &[u8]) -> Result<(), NodeError>;

/// As [`gather`], looking at each body as soon as it is there: an error of ours comes before a peer's word of it.
pub(crate) fn gather_each(
    links: &Links,
    kind: Kind,
    session: u64,
    from: &[usize],
    watch: &mut Watch<'_>,
    each: Each<'_>,
) -> Result<Vec<Vec<u8>>, NodeError> {
    let mut got: Vec<Option<Vec<u8>>> = vec![None; from.len()];
    loop {
        let seen = links.events();
        for (slot, &peer) in got.iter_mut().zip(from) {
            if slot.is_some() {
                continue;
            }
            if let Some(frame) = links.receive(peer, |_| true) {
                if frame.header.kind != kind {
                    let found = frame.header.kind;
                    return Err(watch.corrupt(peer, format!("a {found:?} frame where a {kind:?} frame should be")));
                }
                if frame.header.session != session {
                    return Err(watch.corrupt(peer, "a frame of another session"));
                }
                each(watch, peer, &frame.body)?;
                *slot = Some(frame.body);
                watch.finished[peer] = kind == Kind::Confirm;
                watch.moved();
            }
        }
        let waiting: Vec<usize> = from.iter().zip(&got).filter(|(_, g)| g.is_none()).map(|(p, _)| *p).collect();
        if waiting.is_empty() {
            return Ok(got.into_iter().flatten().collect());
        }
        watch.wait(seen, &waiting)?;
    }
}
