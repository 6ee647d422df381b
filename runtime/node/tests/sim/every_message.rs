//! Every kind of fault at every message of a small program: who is named, with which exit code, by when.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use net::sim::{Ended, Options, Place, Verdict, sound};
use wire::Kind;

use crate::faults::{ALL, Fault, Frames, bound};
use crate::scenario::{Case, Outcome};

/// Of node 0, so that a run lasts for some heartbeats.
const SLOW: Duration = Duration::from_millis(15);

fn options(seed: u64) -> Options {
    // A small window, so that credit is given.
    Options { slow: vec![SLOW], window: 300, ..Options::new(seed) }
}

/// All frames of a run without faults.
fn frames(case: &Case, options: &Options) -> (Vec<Place>, Frames) {
    let frames = Arc::new(Mutex::new(Frames::new()));
    let seen = frames.clone();
    let record = move |place: &Place, bytes: &mut Vec<u8>| {
        seen.lock().unwrap().insert((place.from, place.to, place.header.sequence), bytes.clone());
        Verdict::Deliver
    };
    let report = case.run(options, Box::new(record));
    for (me, end) in report.ends.iter().enumerate() {
        match &end.how {
            Ended::Done(Ok(finished)) => case.holds(me, finished, true).unwrap(),
            other => panic!("{other:?}"),
        }
    }
    let frames = frames.lock().unwrap().clone();
    (report.sent, frames)
}

/// A fault at a place, with all that a run without it sends.
struct At<'a> {
    fault: Fault,
    place: Place,
    sent: &'a [Place],
}

impl At<'_> {
    fn index(&self, from: usize, to: usize, kind: Option<Kind>) -> usize {
        let is = |p: &Place| (p.from, p.to) == (from, to) && kind.map_or(*p == self.place, |k| p.header.kind == k);
        self.sent.iter().position(is).expect("the run sends it")
    }

    /// Whether payload follows on the link, so that its receiver cannot have its results before it finds the fault.
    fn early(&self) -> bool {
        let at = self.index(self.place.from, self.place.to, None);
        let Place { from, to, .. } = self.place;
        let payload = |p: &Place| (p.from, p.to, p.header.kind) == (from, to, Kind::Payload);
        self.sent[at + 1..].iter().any(payload) || payload(&self.place) && self.fault.withholds()
    }

    /// Whether node `n` must not end well: it lacks something, or a peer of it does that then cannot confirm.
    fn fails(&self, n: usize) -> bool {
        let (fault, Place { from, to, header, .. }) = (self.fault, self.place);
        if fault.harmless() || fault.alters(header.kind) || fault.trifling(header.kind) {
            return false;
        }
        let at = self.index(from, to, None);
        let confirms = |to: usize| {
            let confirm = self.index(from, to, Some(Kind::Confirm));
            // The last frame of a link has none to be overtaken by: it is held back until the link ends, and then it is there.
            let last = !self.sent[at + 1..].iter().any(|p| (p.from, p.to) == (from, to));
            at > confirm || at == confirm && (!fault.withholds() || fault == Fault::Behind && last)
        };
        match fault {
            Fault::KillBefore | Fault::KillAfter if n == from => false,
            // Once it has sent all its payload the others can finish and confirm without it: one that then falls asleep may find
            // all that it lacks when it wakes, and be through before it hears that they gave it up. Its outputs are right, and all
            // of them; the others cannot know that it has them. Earlier it cannot end well.
            Fault::Sleep if n == from => {
                self.sent[at + 1..].iter().any(|p| p.from == from && p.header.kind == Kind::Payload)
            }
            Fault::KillBefore | Fault::KillAfter | Fault::Sleep => !confirms(n),
            _ if n == to => !confirms(to),
            _ => self.early(),
        }
    }
}

/// What is wrong with how a run ended, if anything.
fn judge(case: &Case, at: &At<'_>, report: &Outcome) -> Result<(), String> {
    let At { fault, place, .. } = at;
    let kind = place.header.kind;
    for (me, end) in report.ends.iter().enumerate() {
        let say = |what: String| Err(format!("node {me}: {what}"));
        match &end.how {
            Ended::Killed if matches!(fault, Fault::KillBefore | Fault::KillAfter) && me == place.from => {}
            Ended::Killed | Ended::Stuck | Ended::Panicked(_) => return say(format!("{:?}", end.how)),
            Ended::Done(Ok(finished)) => {
                case.holds(me, finished, !fault.alters(kind)).or_else(say)?;
                if at.fails(me) {
                    return say("it ended as if nothing had happened".into());
                }
            }
            Ended::Done(Err(e)) => {
                let exits = fault.exits(kind);
                // Once all payload of the link has come, its receiver may be through and gone before it finds what is wrong with
                // a frame that it does not wait for; its own peers then see no more than that it has gone.
                let at_the_end = !at.early() && !exits.is_empty() && e.exit() == 4;
                if !exits.contains(&e.exit()) && !at_the_end {
                    return say(format!("exit {}: {e}", e.exit()));
                }
                // Of two that disagree a third hears from either.
                let named = e.blame() == Some(place.from) || e.exit() == 7 && e.blame() == Some(place.to);
                // Of a link that is cut either end may be named.
                let other_end = *fault == Fault::Cut && e.blame() == Some(place.to);
                if !named && !other_end {
                    return say(format!("it names the wrong node: {e}"));
                }
                let own = if me == place.from { fault.delay() } else { Duration::ZERO };
                let by = place.at + own + bound(SLOW);
                if end.at > by {
                    return say(format!("it ended at {:?}, not by {by:?}: {e}", end.at));
                }
            }
        }
    }
    Ok(())
}

/// Strikes every message of one run with every fault.
fn strike(seed: u64) -> usize {
    let case = Case::chain(3, 3, 77);
    let options = options(seed);
    let (sent, _) = frames(&case, &options);
    let (_, foreign) = frames(&case, &Options { seed: seed + 1_000_000, ..options.clone() });
    let foreign = Arc::new(foreign);
    for kind in [Kind::Hello, Kind::Agree, Kind::Keys, Kind::Payload, Kind::Heartbeat, Kind::Credit, Kind::Confirm] {
        assert!(sent.iter().any(|p| p.header.kind == kind), "no {kind:?} in the run");
    }
    let mut failures = Vec::new();
    let mut runs = 0;
    for place in &sent {
        for fault in ALL {
            let at = At { fault, place: *place, sent: &sent };
            let (target, foreign) = (*place, foreign.clone());
            let hit = Arc::new(Mutex::new(false));
            let done = hit.clone();
            let faults = move |p: &Place, bytes: &mut Vec<u8>| {
                if (p.from, p.to, p.header.sequence) != (target.from, target.to, target.header.sequence) {
                    return Verdict::Deliver;
                }
                // Until here the run is the one without faults.
                assert_eq!(*p, target);
                *done.lock().unwrap() = true;
                fault.strike(p, bytes, &foreign)
            };
            let report = case.run(&options, Box::new(faults));
            assert!(*hit.lock().unwrap());
            runs += 1;
            if let Err(what) = judge(&case, &at, &report) {
                let kind = place.header.kind;
                let Place { from, to, header, .. } = place;
                failures.push(format!("{fault:?} at frame {} ({kind:?}) from {from} to {to}: {what}", header.sequence));
            }
        }
    }
    assert!(failures.is_empty(), "seed {seed}: {} of {runs}:\n{}", failures.len(), failures.join("\n"));
    runs
}

#[test]
fn every_fault_at_every_message_is_blamed_on_its_sender() {
    let runs: usize = std::thread::scope(|scope| {
        let all: Vec<_> = [1, 2].map(|seed| scope.spawn(move || strike(seed))).into_iter().collect();
        all.into_iter().map(|t| t.join().unwrap()).sum()
    });
    println!("{runs} runs");
    assert!(runs > 2500, "{runs} runs");
}

#[test]
fn a_run_repeats_from_its_seed() {
    let case = Case::chain(3, 3, 77);
    let sent = |seed| case.run(&options(seed), sound()).sent;
    assert_eq!(sent(5), sent(5));
    assert_ne!(sent(5), sent(6));
}
