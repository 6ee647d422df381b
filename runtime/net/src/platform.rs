//! What a node gets from the machine that it runs on: time, sleep, randomness. From the system, or from a simulation.
//!
//! A node's code names no clock and no sleep of its own: whatever it does can then be run by [`crate::sim`]. Does not know
//! what the node does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::sim::Port;

/// What time it is: the system's clock, or a simulation's.
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    System,
    Virtual(Arc<Virtual>),
}

/// A simulation's clock: it stands still until it is set.
#[derive(Debug)]
pub(crate) struct Virtual {
    start: Instant,
    nanos: AtomicU64,
}

impl Virtual {
    pub(crate) fn new() -> Arc<Virtual> {
        Arc::new(Virtual { start: Instant::now(), nanos: AtomicU64::new(0) })
    }

    pub(crate) fn set(&self, nanos: u64) {
        self.nanos.store(nanos, Ordering::Relaxed);
    }
}

impl Clock {
    pub(crate) fn now(&self) -> Instant {
        match self {
            Clock::System => Instant::now(),
            Clock::Virtual(v) => v.start + Duration::from_nanos(v.nanos.load(Ordering::Relaxed)),
        }
    }

    /// Time since 1970; in a simulation, since its beginning.
    pub(crate) fn since_1970(&self) -> Duration {
        match self {
            Clock::System => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Clock::Virtual(v) => Duration::from_nanos(v.nanos.load(Ordering::Relaxed)),
        }
    }
}

/// Who gives a node time, sleep, and randomness.
pub(crate) enum Platform {
    System,
    Sim(Box<Port>),
}

/// Fills `out` with the system's randomness.
///
/// # Errors
/// If it gives none.
pub fn fill(out: &mut [u8]) -> Result<(), String> {
    getrandom::fill(out).map_err(|e| e.to_string())
}

/// The body of a node's next heartbeat.
pub type BeatBody = Arc<dyn Fn() -> Vec<u8> + Send + Sync>;

/// Tells a beating thread to stop when dropped, also when what it accompanies panics.
pub(crate) struct Metronome {
    stopped: Mutex<bool>,
    wake: Condvar,
}

impl Metronome {
    pub(crate) fn new() -> Metronome {
        Metronome { stopped: Mutex::new(false), wake: Condvar::new() }
    }

    /// Calls `beat` once per interval until stopped.
    pub(crate) fn run(&self, interval: Duration, beat: impl Fn()) {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        while !*stopped {
            let (guard, waited) = self.wake.wait_timeout(stopped, interval).unwrap_or_else(PoisonError::into_inner);
            stopped = guard;
            if waited.timed_out() && !*stopped {
                beat();
            }
        }
    }
}

/// Stops a [`Metronome`] when dropped.
pub(crate) struct StopOnDrop<'a>(pub(crate) &'a Metronome);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        *self.0.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.wake.notify_all();
    }
}
