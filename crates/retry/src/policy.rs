//! How often and how long.

use crate::{Backoff, Deadline};
use std::time::Duration;

/// How often to try, how long to wait between, and when to give up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// The waits between attempts.
    pub backoff: Backoff,
    /// At most this many attempts; nothing for no limit.
    pub attempts: Option<u32>,
    /// Give up this long after the start, by the clock; nothing for no limit.
    pub limit: Option<Duration>,
}

impl Policy {
    /// Starts the clock.
    pub fn deadline(&self) -> Deadline {
        self.limit.map_or_else(Deadline::never, Deadline::after)
    }

    /// Is `attempt`, counted from 1, the last one allowed?
    pub fn is_last(&self, attempt: u32) -> bool {
        self.attempts.is_some_and(|attempts| attempt >= attempts)
    }
}
