//! How to wait for a lock that somebody else holds.

use retry::{Backoff, Waits};
use std::time::Duration;

/// The lock is asked for often at first, then once a second.
const BACKOFF: Backoff = Backoff::doubling(Duration::from_millis(25), Duration::from_secs(1)).with_jitter(0.25);
/// Nothing is said about a wait shorter than this: replicas that start together are the ordinary course.
const SILENT: Duration = Duration::from_secs(1);
/// After that, a line this often.
const EVERY: Duration = Duration::from_secs(5);

/// A wait for the lock.
#[derive(Debug)]
pub(crate) struct Waiting {
    limit: Duration,
    waits: Waits,
    say_at: Duration,
}

/// What to do after the lock was asked for and not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Ask again after `wait`; `say` a line first.
    Wait {
        /// Until then.
        wait: Duration,
        /// It is time for a line.
        say: bool,
    },
    /// The time is up.
    GiveUp,
}

impl Waiting {
    /// A wait of at most `limit`.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, waits: BACKOFF.waits(), say_at: SILENT }
    }

    /// The lock was not given; `elapsed` since the first time it was asked for.
    pub(crate) fn refused(&mut self, elapsed: Duration) -> Next {
        let left = self.limit.saturating_sub(elapsed);
        if left.is_zero() {
            return Next::GiveUp;
        }
        let say = elapsed >= self.say_at;
        if say {
            self.say_at = elapsed + EVERY;
        }
        Next::Wait { wait: self.waits.next_wait().min(left), say }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Walks through a whole wait; the moments at which a line was said, and the end.
    fn walk(limit: Duration) -> (Vec<Duration>, Duration, usize) {
        let (mut waiting, mut now, mut said, mut asked) = (Waiting::new(limit), Duration::ZERO, Vec::new(), 0);
        loop {
            asked += 1;
            match waiting.refused(now) {
                Next::GiveUp => return (said, now, asked),
                Next::Wait { wait, say } => {
                    said.extend(say.then_some(now));
                    now += wait;
                }
            }
        }
    }

    #[test]
    fn a_line_every_few_seconds_and_an_end() {
        let (said, end, asked) = walk(Duration::from_secs(60));
        assert_eq!(end, Duration::from_secs(60));
        assert!((10..=13).contains(&said.len()), "{said:?}");
        assert!((60..=90).contains(&asked), "{asked}");
        assert!(walk(Duration::from_millis(900)).0.is_empty());
    }

    proptest! {
        #[test]
        fn it_never_waits_past_the_limit(limit in 0u64..100_000) {
            let limit = Duration::from_millis(limit);
            prop_assert_eq!(walk(limit).1, limit);
        }
    }
}
