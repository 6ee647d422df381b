//! A wish to stop that any thread may utter and that every wait of a run hears. Knows no signals.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether to stop; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    set: AtomicBool,
    notify: Notify,
}

impl Stop {
    /// From now on, stop.
    pub fn set(&self) {
        self.0.set.store(true, Ordering::Release);
        self.0.notify.notify_waiters();
    }

    /// Whether someone wished so.
    pub fn is_set(&self) -> bool {
        self.0.set.load(Ordering::Acquire)
    }

    /// Returns once someone has.
    pub(crate) async fn wait(&self) {
        loop {
            // Made before the look, so that a wish between the two is heard.
            let told = self.0.notify.notified();
            if self.is_set() {
                return;
            }
            told.await;
        }
    }
}
