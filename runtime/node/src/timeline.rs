//! Where a node's time goes: computing, sending, waiting, in total and by round.
//!
//! The drive loop says after each thing it did what that was; the time since the last such mark is booked there. Off unless
//! asked for. Holds counts and times only, nothing of what is computed.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How much of a run is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Record {
    /// Nothing: no clock is read.
    #[default]
    Off,
    /// Times in total.
    Totals,
    /// Times in total and by round.
    Rounds,
}

/// Seconds of one node from the first share to the last confirmation, by what it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// Local work, and taking in what came.
    pub computing: f64,
    /// Handing bytes to the transport, and standing still because it takes no more.
    pub sending: f64,
    /// Standing still because bytes of others are missing.
    pub waiting: f64,
}

/// Some rounds of one node in a row, usually one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first round.
    pub first: u64,
    /// How many.
    pub rounds: u64,
    /// Nanoseconds from the timeline's start to the start of the first.
    pub start: u64,
    /// Nanoseconds of local work.
    pub computing: u64,
    /// Nanoseconds of sending.
    pub sending: u64,
    /// Nanoseconds of waiting.
    pub waiting: u64,
    /// Payload bytes handed to the transport.
    pub bytes: u64,
}

/// A node's rounds in order. When there are more than [`MOST`], neighbours are told as one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// When it begins, in microseconds since 1970 by this host's clock.
    pub started: u64,
    /// The rounds.
    pub spans: Vec<Span>,
}

/// Most entries of a timeline: a run of any length takes little memory, and a page can draw it.
pub const MOST: usize = 4096;

/// What the time since the last mark went to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Did {
    Compute,
    Send,
    Wait,
}

/// Books time as the drive loop goes.
#[derive(Debug)]
pub(crate) struct Recorder {
    record: Record,
    began: Instant,
    last: Instant,
    totals: [Duration; 3],
    /// Under way; its times are booked when it ends.
    now: Span,
    timeline: Timeline,
    /// Rounds told as one.
    width: u64,
}

impl Recorder {
    /// Begins at `began`, which is `unix` since 1970.
    pub(crate) fn new(record: Record, began: Instant, unix: Duration) -> Recorder {
        Recorder {
            record,
            began,
            last: began,
            totals: [Duration::ZERO; 3],
            now: Span::default(),
            timeline: Timeline { started: u64::try_from(unix.as_micros()).unwrap_or(0), spans: Vec::new() },
            width: 1,
        }
    }

    /// Books the time since the last mark; `clock` is read if anything is recorded.
    pub(crate) fn mark(&mut self, did: Did, clock: impl FnOnce() -> Instant) {
        if self.record == Record::Off {
            return;
        }
        let now = clock();
        self.book(did, now - self.last);
        self.last = now;
    }

    fn book(&mut self, did: Did, time: Duration) {
        self.totals[did as usize] += time;
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        match did {
            Did::Compute => self.now.computing += ns,
            Did::Send => self.now.sending += ns,
            Did::Wait => self.now.waiting += ns,
        }
    }

    /// Bytes were handed to the transport.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.now.bytes += bytes as u64;
    }

    /// So many rounds are over.
    pub(crate) fn steps(&mut self, steps: u64) {
        let rounds = steps.saturating_sub(self.now.first);
        if self.record != Record::Rounds || rounds < self.width {
            return;
        }
        self.now.rounds = rounds;
        self.timeline.spans.push(self.now);
        let start = u64::try_from((self.last - self.began).as_nanos()).unwrap_or(u64::MAX);
        self.now = Span { first: steps, start, ..Span::default() };
        if self.timeline.spans.len() > MOST {
            self.timeline.spans = self.timeline.spans.chunks(2).map(join).collect();
            self.width *= 2;
        }
    }

    /// What was recorded: nothing if nothing was asked for. What is left of the last round, the confirmations with it, is
    /// an entry of its own.
    pub(crate) fn finish(mut self, steps: u64) -> (Option<Times>, Option<Timeline>) {
        if self.record == Record::Off {
            return (None, None);
        }
        let [computing, sending, waiting] = self.totals.map(|t| t.as_secs_f64());
        let times = Times { computing, sending, waiting };
        if self.record == Record::Totals {
            return (Some(times), None);
        }
        self.now.rounds = steps.saturating_sub(self.now.first);
        self.timeline.spans.push(self.now);
        (Some(times), Some(self.timeline))
    }
}

/// Neighbours as one.
fn join(spans: &[Span]) -> Span {
    let first = spans.first().copied().unwrap_or_default();
    spans.iter().skip(1).fold(first, |a, b| Span {
        rounds: a.rounds + b.rounds,
        computing: a.computing + b.computing,
        sending: a.sending + b.sending,
        waiting: a.waiting + b.waiting,
        bytes: a.bytes + b.bytes,
        ..a
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_booked_once_and_rounds_follow_one_another() {
        let mut r = Recorder::new(Record::Rounds, Instant::now(), Duration::ZERO);
        for step in 1..=10_000u64 {
            r.book(Did::Compute, Duration::from_nanos(3));
            r.sent(5);
            r.book(Did::Send, Duration::from_nanos(2));
            r.book(Did::Wait, Duration::from_nanos(1));
            r.steps(step);
        }
        r.book(Did::Wait, Duration::from_nanos(7));
        let (times, timeline) = r.finish(10_000);
        let (times, timeline) = (times.unwrap(), timeline.unwrap());
        assert!(timeline.spans.len() <= MOST + 1 && timeline.spans.len() > MOST / 2);
        let sum = |f: fn(&Span) -> u64| timeline.spans.iter().map(f).sum::<u64>();
        assert_eq!((sum(|s| s.computing), sum(|s| s.sending), sum(|s| s.waiting)), (30_000, 20_000, 10_007));
        assert_eq!((sum(|s| s.bytes), sum(|s| s.rounds)), (50_000, 10_000));
        assert!((times.computing - 30e-6).abs() < 1e-9);
        for pair in timeline.spans.windows(2) {
            assert_eq!(pair[0].first + pair[0].rounds, pair[1].first);
            assert!(pair[0].start <= pair[1].start);
        }
    }

    #[test]
    fn nothing_is_recorded_unasked() {
        for (record, want) in [(Record::Off, (false, false)), (Record::Totals, (true, false))] {
            let mut r = Recorder::new(record, Instant::now(), Duration::ZERO);
            r.mark(Did::Compute, Instant::now);
            r.steps(1);
            let (times, timeline) = r.finish(1);
            assert_eq!((times.is_some(), timeline.is_some()), want);
        }
    }
}
