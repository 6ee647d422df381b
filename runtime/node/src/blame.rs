//! Who is to blame when a run cannot go on: the watch over the peers, and the word of it that nodes pass on.
//!
//! All nodes come to name the same one:
//! - A fault of a link is its sender's: whoever misses something, or finds it wrong, names the node that had to send it.
//! - Only a node's own eyes make a first judgement; whoever is told of one adopts it, and passes it on with its witness.
//! - A peer that waits for another is left to its own judgement, which it passes on. Silence is judged by everyone.
//! - Time counts as this node has lived it: one that was stopped itself, and wakes late, blames nobody for the gap.
//!
//! Does not know what travels, only when, and what heartbeats say of it.

use std::time::{Duration, Instant};

use net::{Closed, Links, Stop};
use wire::WireError;

use crate::NodeError;
use crate::pulse::{Beat, Pulse, State, interval};
use crate::session::Settings;

/// Deadlines without progress after which a peer that says it works or compiles is given up. Within them slow is not dead.
const AT_WORK: u32 = 10;

/// Deadlines without progress after which a peer is given up that says it waits, and not for anyone at work.
const AT_REST: u32 = 2;

/// What is known of one peer.
#[derive(Clone)]
struct Seen {
    heard: Instant,
    /// How long it has been silent, and without progress, as this node has lived it.
    silent: Duration,
    stuck: Duration,
    beat: Option<Beat>,
}

/// Watches the peers for this node.
pub(crate) struct Watch<'a> {
    links: &'a Links,
    pulse: &'a Pulse,
    names: &'a [String],
    stop: &'a Stop,
    deadline: Duration,
    interval: Duration,
    looked: Instant,
    seen: Vec<Seen>,
    /// How long this node has not got on.
    idle: Duration,
    /// The step for messages.
    pub(crate) step: Option<u64>,
    /// Peers that have confirmed: they may leave.
    pub(crate) finished: Vec<bool>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(links: &'a Links, pulse: &'a Pulse, settings: &'a Settings) -> Watch<'a> {
        let seen = |p| Seen { heard: links.heard(p), silent: Duration::ZERO, stuck: Duration::ZERO, beat: None };
        Watch {
            links,
            pulse,
            names: &settings.names,
            stop: &settings.stop,
            deadline: settings.deadline,
            interval: interval(settings.deadline),
            looked: links.now(),
            seen: (0..links.nodes()).map(seen).collect(),
            idle: Duration::ZERO,
            step: None,
            finished: vec![false; links.nodes()],
        }
    }

    pub(crate) fn peer(&self, peer: usize, what: impl Into<String>) -> NodeError {
        NodeError::Peer { peer, name: self.name(peer), step: self.step, what: what.into() }
    }

    pub(crate) fn corrupt(&self, peer: usize, what: impl Into<String>) -> NodeError {
        NodeError::Corrupt { peer, name: self.name(peer), step: self.step, what: what.into() }
    }

    fn name(&self, peer: usize) -> String {
        self.names.get(peer).cloned().unwrap_or_else(|| format!("node{peer}"))
    }

    /// This node got on.
    pub(crate) fn moved(&mut self) {
        self.pulse.advance();
        self.idle = Duration::ZERO;
        self.pulse.state(State::Working, &[]);
    }

    /// This node compiles.
    pub(crate) fn compiling(&self) {
        self.pulse.state(State::Compiling, &[]);
    }

    /// Sleeps until something happens after event `seen`, while this node waits for `from`; every now and then checks that
    /// it may still be waited for.
    pub(crate) fn wait(&mut self, seen: u64, from: &[usize]) -> Result<(), NodeError> {
        self.pulse.state(State::Waiting, from);
        self.check(from)?;
        self.links.wait(seen, self.interval);
        Ok(())
    }

    /// For use amid work: hears at once of peers that have stopped, and now and then looks at the others.
    pub(crate) fn glance(&mut self) -> Result<(), NodeError> {
        self.stopped()?;
        let told = self.links.peers().any(|p| self.links.abort(p).is_some());
        match told || self.links.now().saturating_duration_since(self.looked) >= self.interval {
            true => self.check(&[]),
            false => Ok(()),
        }
    }

    /// Whether this node is to stop.
    fn stopped(&self) -> Result<(), NodeError> {
        if self.stop.is_set() { Err(NodeError::Interrupted) } else { Ok(()) }
    }

    /// Whether anyone has ended the run.
    pub(crate) fn heed(&self) -> Result<(), NodeError> {
        let mut words = self.links.peers().filter_map(|p| Some((p, self.links.abort(p)?)));
        words.next().map_or(Ok(()), |(peer, body)| Err(self.told(peer, &body)))
    }

    /// Whether anyone has stopped, gone, fallen silent, or kept this node waiting too long, while it waits for `from`.
    pub(crate) fn check(&mut self, from: &[usize]) -> Result<(), NodeError> {
        self.stopped()?;
        self.heed()?;
        for peer in self.links.peers() {
            match self.links.closed(peer) {
                Some(_) if self.finished[peer] => {}
                Some(Closed::Frame(WireError::Version(theirs))) => {
                    return Err(NodeError::Disagree {
                        field: "wire version".into(),
                        mine: wire::VERSION.to_string(),
                        theirs: theirs.to_string(),
                        peer,
                        name: self.name(peer),
                    });
                }
                Some(Closed::Frame(e)) => return Err(self.corrupt(peer, e.to_string())),
                Some(closed) => return Err(self.peer(peer, closed.to_string())),
                None => {}
            }
        }
        self.look()?;
        for peer in self.links.peers().filter(|p| !self.finished[*p]) {
            // A frame that is late by less than a deadline may have had a heartbeat just before it.
            if self.seen[peer].silent >= self.deadline + self.interval {
                let seconds = self.deadline.as_secs_f64();
                let what = match self.links.partial(peer) {
                    Some((got, want)) => format!("is too slow: {got} of {want} bytes of a frame came in {seconds} s"),
                    None => format!("has been silent for {seconds} s"),
                };
                return Err(self.peer(peer, what));
            }
        }
        from.iter().try_for_each(|peer| self.patience(*peer))
    }

    /// Takes in how long each peer has been silent or stuck.
    fn look(&mut self) -> Result<(), NodeError> {
        let now = self.links.now();
        // Longer than between two looks of a node that waits: it worked, or was stopped itself.
        let lived = now.saturating_duration_since(self.looked).min(self.interval * 2);
        self.looked = now;
        self.idle += lived;
        for peer in self.links.peers() {
            let heard = self.links.heard(peer);
            let body = self.links.heartbeat(peer);
            let beat = match &body {
                None => None,
                Some(body) => match Beat::parse(body, self.links.nodes()) {
                    None => return Err(self.corrupt(peer, "a heartbeat that cannot be read")),
                    beat => beat,
                },
            };
            let seen = &mut self.seen[peer];
            let moved = beat.map(|b| b.progress) != seen.beat.map(|b| b.progress);
            seen.silent = if heard == seen.heard { seen.silent + lived } else { Duration::ZERO };
            seen.stuck = if moved { Duration::ZERO } else { seen.stuck + lived };
            (seen.heard, seen.beat) = (heard, beat);
        }
        Ok(())
    }

    /// Whether a peer that this node waits for, and hears of, may take its time.
    fn patience(&self, peer: usize) -> Result<(), NodeError> {
        let Seen { beat: Some(beat), stuck, .. } = &self.seen[peer] else { return Ok(()) };
        // It waits for one that has fallen silent as well: that one is judged first.
        let quiet = |p: usize| !self.finished[p] && self.seen[p].silent >= self.interval * 2;
        if beat.state == State::Waiting && self.links.peers().any(|p| p != peer && beat.waits_for(p) && quiet(p)) {
            return Ok(());
        }
        let works = |p: usize| self.seen[p].beat.is_some_and(|b| b.state != State::Waiting);
        let limit = match beat.state {
            State::Working | State::Compiling => AT_WORK,
            State::Waiting if self.links.peers().any(|p| beat.waits_for(p) && works(p)) => AT_WORK + AT_REST,
            State::Waiting => AT_REST,
        };
        if stuck.min(&self.idle) < &(self.deadline * limit) {
            return Ok(());
        }
        let seconds = (self.deadline * limit).as_secs_f64();
        Err(self.peer(peer, format!("is alive but has made no progress for {seconds} s")))
    }

    /// What a peer's last word means to this node.
    fn told(&self, by: usize, body: &[u8]) -> NodeError {
        let Some(Word { exit, culprit, witness, what }) = Word::parse(body, self.links.nodes()) else {
            return self.corrupt(by, "an abort that cannot be read");
        };
        let culprit = culprit.unwrap_or(by);
        match exit {
            // Also when the culprit itself, which is told of it like all others, passes it on.
            4 | 5 if culprit != by || witness.is_some() => {
                let by = witness.unwrap_or(by);
                let by_name = self.name(by);
                NodeError::Blamed { peer: culprit, name: self.name(culprit), exit, what, by, by_name }
            }
            _ => NodeError::Stopped { peer: culprit, name: self.name(culprit), exit, what },
        }
    }
}

const NOBODY: u8 = 255;

/// Longest text of a last word, in bytes.
const TEXT: usize = 2000;

/// A node's last word: the body of an abort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// The exit code of whoever failed first.
    pub(crate) exit: u8,
    /// Whom it blames; nobody but itself if there is none.
    pub(crate) culprit: Option<usize>,
    /// Who saw it, if not the sender.
    pub(crate) witness: Option<usize>,
    /// What happened, as the end of a sentence that the culprit's name begins.
    pub(crate) what: String,
}

impl Word {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let node = |n: Option<usize>| n.and_then(|n| u8::try_from(n).ok()).unwrap_or(NOBODY);
        let mut body = vec![self.exit, node(self.culprit), node(self.witness)];
        let text = &self.what;
        let cut = (0..=text.len().min(TEXT)).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        // It may quote a peer, and ends in a terminal.
        let shown = text[..cut].chars().map(|c| if c.is_control() { ' ' } else { c });
        body.extend(shown.collect::<String>().into_bytes());
        body
    }

    pub(crate) fn parse(body: &[u8], nodes: usize) -> Option<Word> {
        let [exit, culprit, witness, text @ ..] = body else { return None };
        let node = |n: u8| match n {
            NOBODY => Some(None),
            n if usize::from(n) < nodes => Some(Some(usize::from(n))),
            _ => None,
        };
        let what = std::str::from_utf8(text).ok().filter(|t| !t.is_empty() && !t.contains(char::is_control))?;
        let word = Word { exit: *exit, culprit: node(*culprit)?, witness: node(*witness)?, what: what.into() };
        (*exit != 0).then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How node 0 judges while it waits for node 1, which beats, but does not get on; `two` is whether node 2 beats.
    fn waiting_for_one(two: bool) -> (NodeError, Duration) {
        let settings = Settings { deadline: Duration::from_millis(600), ..Settings::local() };
        let report = net::sim::run(&net::sim::Options::new(1), net::sim::sound(), |links| {
            let pulse = Pulse::new();
            pulse.state(State::Waiting, &[]);
            let begun = links.now();
            let long = settings.deadline * 20;
            let body = pulse.body();
            let rest = || {
                while links.now() - begun < long {
                    links.wait(links.events(), settings.deadline);
                }
                None
            };
            let beat = interval(settings.deadline);
            match links.me() {
                0 => {
                    let mut watch = Watch::new(&links, &pulse, &settings);
                    loop {
                        if let Err(e) = watch.wait(links.events(), &[1]) {
                            return Some((e, links.now() - begun));
                        }
                    }
                }
                2 if !two => rest(),
                _ => links.beating(beat, std::sync::Arc::new(move || body.clone()), rest),
            }
        });
        let mut ends = report.ends.into_iter();
        match ends.next().map(|e| e.how) {
            Some(net::sim::Ended::Done(Some(judged))) => judged,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_silent_peer_is_named_also_by_who_waits_for_another() {
        let (e, after) = waiting_for_one(false);
        assert_eq!((e.exit(), e.blame()), (4, Some(2)), "{e}");
        assert!(e.to_string().contains("silent") && after < Duration::from_millis(1000), "{e} after {after:?}");
    }

    #[test]
    fn a_peer_that_beats_and_does_not_get_on_is_not_waited_for_for_ever() {
        let (e, after) = waiting_for_one(true);
        assert_eq!((e.exit(), e.blame()), (4, Some(1)), "{e}");
        let rest = Duration::from_millis(600) * AT_REST;
        assert!(e.to_string().contains("no progress"), "{e}");
        assert!(after >= rest && after < rest + Duration::from_millis(500), "{after:?}");
    }

    #[test]
    fn last_words_survive_the_wire() {
        for (culprit, witness) in [(None, None), (Some(0), None), (Some(2), Some(1))] {
            let word = Word { exit: 4, culprit, witness, what: "has been silent for 1 s".into() };
            assert_eq!(Word::parse(&word.bytes(), 3), Some(word));
        }
        let long = Word { exit: 7, culprit: None, witness: None, what: "é".repeat(3000) };
        let bytes = long.bytes();
        assert!(bytes.len() <= wire::Kind::Abort.cap() as usize);
        assert!(Word::parse(&bytes, 3).is_some_and(|w| long.what.starts_with(&w.what) && w.what.len() > 1900));
    }

    #[test]
    fn no_other_bytes_are_a_last_word() {
        let good = [4, 0, 1, b'a'];
        assert!(Word::parse(&good, 3).is_some());
        for body in [&good[..0], &good[..1], &good[..3], b"\0\0\0a", b"\x04\x03\0a", b"\x04\0\x07a", &[4, 0, 0, 0xff]] {
            assert_eq!(Word::parse(body, 3), None, "{body:?}");
        }
        let word = Word { exit: 4, culprit: None, witness: None, what: "a\x1b[31mb\n".into() };
        assert_eq!(Word::parse(&word.bytes(), 3).unwrap().what, "a [31mb ");
        assert_eq!(Word::parse(b"\x04\x01\xffa\x1b[31m", 3), None);
    }
}
