//! A lease, as its holder sees it. Pure.

use std::time::Duration;
use tokio::time::Instant;

/// A lease that nobody renews is over after this.
pub(crate) const LENGTH: Duration = Duration::from_secs(30);

/// What the holder knows about its lease.
///
/// The server's clock alone decides when a lease is over. The holder counts from the moment *before* it asked, so by its
/// own clock the lease ends earlier than by the server's: it gives up too early rather than too late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vigil {
    length: Duration,
    /// Before the question to which the server last said: it is yours.
    confirmed: Instant,
    lost: bool,
    failed: bool,
}

impl Vigil {
    /// A lease that was given; it was asked for at `asked`.
    pub(crate) fn new(length: Duration, asked: Instant) -> Self {
        Self { length, confirmed: asked, lost: false, failed: false }
    }

    /// The server renewed it; it was asked at `asked`.
    pub(crate) fn renewed(&mut self, asked: Instant) {
        self.confirmed = self.confirmed.max(asked);
        self.failed = false;
    }

    /// The server could not be asked. It may still be ours.
    pub(crate) fn failed(&mut self) {
        self.failed = true;
    }

    /// The server said that somebody else has it now. It never comes back.
    pub(crate) fn lost(&mut self) {
        self.lost = true;
    }

    /// May work go on at `now`?
    pub(crate) fn is_ours(&self, now: Instant) -> bool {
        !self.lost && now.saturating_duration_since(self.confirmed) < self.length
    }

    /// Until the server is asked again: a third of the lease, less after a failure.
    pub(crate) fn next_beat(&self) -> Duration {
        if self.failed { self.length / 12 } else { self.length / 3 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_ours_as_long_as_the_server_said_so() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut vigil = Vigil::new(LENGTH, start);
        assert!(vigil.is_ours(at(29)) && !vigil.is_ours(at(30)));
        assert_eq!(vigil.next_beat(), Duration::from_secs(10));
        vigil.renewed(at(10));
        assert!(vigil.is_ours(at(39)) && !vigil.is_ours(at(40)));
        vigil.failed();
        assert_eq!(vigil.next_beat(), Duration::from_millis(2500));
        assert!(vigil.is_ours(at(39)) && !vigil.is_ours(at(40)), "a question without an answer changes nothing");
        vigil.renewed(at(20));
        assert_eq!(vigil.next_beat(), Duration::from_secs(10));
        vigil.lost();
        vigil.renewed(at(21));
        assert!(!vigil.is_ours(at(21)));
    }
}
