//! The latest moment, read from a clock.

use std::time::Duration;
use tokio::time::Instant;

/// The moment after which nobody waits any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    started: Instant,
    at: Option<Instant>,
}

impl Deadline {
    /// `limit` from now.
    pub fn after(limit: Duration) -> Self {
        let started = Instant::now();
        Self { started, at: started.checked_add(limit) }
    }

    /// No limit.
    pub fn never() -> Self {
        Self { started: Instant::now(), at: None }
    }

    /// How long ago the clock was started.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// What is left, zero when it has passed; nothing when there is no limit.
    pub fn remaining(&self) -> Option<Duration> {
        self.at.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Has it passed?
    pub fn passed(&self) -> bool {
        self.remaining().is_some_and(|left| left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_blocks_uses_up_the_deadline() {
        let deadline = Deadline::after(Duration::from_secs(60));
        sleep(Duration::from_secs(59)).await;
        assert_eq!(deadline.remaining(), Some(Duration::from_secs(1)));
        sleep(Duration::from_secs(2)).await;
        assert!(deadline.passed());
    }

    #[tokio::test(start_paused = true)]
    async fn never_is_never() {
        let deadline = Deadline::never();
        sleep(Duration::from_secs(1_000_000)).await;
        assert!(!deadline.passed());
    }
}
