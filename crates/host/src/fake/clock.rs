//! A calendar that a test turns by hand.

use crate::Clock;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

/// Stands still until it is told otherwise. Clones show the same time.
#[derive(Clone, Debug)]
pub struct FixedClock(Arc<Mutex<SystemTime>>);

impl FixedClock {
    /// Stands at `now`.
    pub fn new(now: SystemTime) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Puts it to `now`.
    pub fn set(&self, now: SystemTime) {
        *self.time() = now;
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        *self.time() += by;
    }

    fn time(&self) -> std::sync::MutexGuard<'_, SystemTime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for FixedClock {
    fn now(&self) -> SystemTime {
        *self.time()
    }
}
