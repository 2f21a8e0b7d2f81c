//! How long a migration may wait for a table's lock, try by try. Pure.
//!
//! A statement that waits for a lock holds up everybody who comes after it, readers too. So it waits for a short time only,
//! lets the others pass while it sleeps, and tries again with a little more patience. All the waits of one run come out
//! of one budget, and no try is ever without a limit.

use retry::{Backoff, Waits};
use std::time::Duration;

/// The first wait for a lock is hardly noticed by those behind it, the last one is as long as most people put up with.
const TIMEOUTS: Backoff = Backoff::doubling(Duration::from_millis(100), Duration::from_secs(10));
/// A file that only changes rows waits for the writers of those rows and holds up no reader.
const DATA_TIMEOUTS: Backoff = Backoff::doubling(Duration::from_secs(5), Duration::from_secs(10));
/// Between two tries, so that those who queued behind the first one are through; by chance, so that they meet no rhythm.
const SLEEPS: Backoff = Backoff::doubling(Duration::from_millis(100), Duration::from_secs(30)).with_jitter(0.5);
/// PostgreSQL counts in whole milliseconds and takes 0 for "no limit".
const LEAST: Duration = Duration::from_millis(1);

/// What a file does, as far as its locks go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// It changes tables: nobody gets past it while it waits.
    Schema,
    /// It changes rows only.
    Data,
}

/// The tries of all files of one run, out of one budget.
#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    left: Duration,
    timeouts: Waits,
    sleeps: Waits,
    seed: u64,
    current: Option<Duration>,
}

/// One try of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rung {
    /// For `lock_timeout`: whole milliseconds, never 0.
    pub(crate) lock_timeout: Duration,
    /// When the try has failed for this reason: before the next one.
    pub(crate) then_sleep: Duration,
}

impl Ladder {
    /// All files of the run together wait for locks no longer than `budget`.
    pub(crate) fn new(budget: Duration, seed: u64) -> Self {
        Self {
            left: budget,
            timeouts: TIMEOUTS.waits_seeded(seed),
            sleeps: SLEEPS.waits_seeded(seed),
            seed,
            current: None,
        }
    }

    /// The next file begins at the lowest rung; what is left of the budget stays.
    pub(crate) fn begin(&mut self, work: Work) {
        let timeouts = if work == Work::Data { DATA_TIMEOUTS } else { TIMEOUTS };
        self.seed = self.seed.wrapping_add(1);
        self.timeouts = timeouts.waits_seeded(self.seed);
        self.sleeps = SLEEPS.waits_seeded(self.seed);
        self.current = None;
    }

    /// The next try of the file; nothing when the budget is spent.
    pub(crate) fn rung(&mut self) -> Option<Rung> {
        self.limit(Duration::MAX)?;
        self.current = Some(self.timeouts.next_wait());
        Some(Rung { lock_timeout: self.lock_timeout()?, then_sleep: self.sleeps.next_wait() })
    }

    /// `lock_timeout` for the next statement of the same try: each statement waits anew, and together they wait no longer
    /// than the budget. Nothing when it is spent.
    pub(crate) fn lock_timeout(&self) -> Option<Duration> {
        self.limit(self.current.unwrap_or(TIMEOUTS.initial))
    }

    /// So long a lock was really waited for.
    pub(crate) fn spent(&mut self, waited: Duration) {
        self.left = self.left.saturating_sub(waited);
    }

    /// What is left of the budget.
    pub(crate) fn left(&self) -> Duration {
        self.left
    }

    fn limit(&self, wanted: Duration) -> Option<Duration> {
        let millis = u64::try_from(wanted.min(self.left).as_millis()).unwrap_or(u64::MAX);
        Some(Duration::from_millis(millis)).filter(|limit| *limit >= LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Every try waits as long as it may, in vain.
    fn climb(ladder: &mut Ladder) -> Vec<u64> {
        let mut timeouts = Vec::new();
        while let Some(rung) = ladder.rung() {
            timeouts.push(u64::try_from(rung.lock_timeout.as_millis()).unwrap());
            ladder.spent(rung.lock_timeout);
        }
        timeouts
    }

    #[test]
    fn it_grows_to_ten_seconds_and_the_last_rung_is_what_is_left() {
        let mut ladder = Ladder::new(Duration::from_secs(40), 7);
        assert_eq!(climb(&mut ladder), [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 7300]);
        assert_eq!(ladder.left(), Duration::ZERO);
    }

    #[test]
    fn a_file_of_rows_begins_higher() {
        let mut ladder = Ladder::new(Duration::from_secs(20), 7);
        ladder.begin(Work::Data);
        assert_eq!(ladder.rung().unwrap().lock_timeout, ms(5000));
        ladder.begin(Work::Schema);
        assert_eq!(ladder.rung().unwrap().lock_timeout, ms(100));
    }

    #[test]
    fn all_files_share_the_budget() {
        let mut ladder = Ladder::new(ms(450), 7);
        ladder.begin(Work::Schema);
        ladder.spent(ladder.clone().rung().unwrap().lock_timeout);
        ladder.begin(Work::Schema);
        assert_eq!(climb(&mut ladder), [100, 200, 50]);
        ladder.begin(Work::Data);
        assert_eq!((ladder.rung(), ladder.lock_timeout()), (None, None));
    }

    #[test]
    fn less_than_a_millisecond_would_be_no_limit() {
        assert_eq!(Ladder::new(Duration::from_micros(999), 7).rung(), None);
    }

    proptest! {
        /// Whatever is waited within the limits that were given, the sum stays in the budget, and nothing is unlimited.
        #[test]
        fn the_budget_holds(
            budget in 0u64..100_000, seed: u64,
            course in proptest::collection::vec((0u8..4, 0.0f64..=1.0), 0..200),
        ) {
            let (budget, mut total) = (ms(budget), Duration::ZERO);
            let mut ladder = Ladder::new(budget, seed);
            for (what, share) in course {
                let limit = match what {
                    0 => { ladder.begin(Work::Schema); continue }
                    1 => { ladder.begin(Work::Data); continue }
                    2 => ladder.lock_timeout(),
                    _ => ladder.rung().map(|rung| {
                        assert!(rung.then_sleep >= ms(50) && rung.then_sleep <= Duration::from_secs(30));
                        rung.lock_timeout
                    }),
                };
                let Some(limit) = limit else {
                    prop_assert!(budget - total < LEAST);
                    continue;
                };
                prop_assert!(limit >= LEAST && limit <= Duration::from_secs(10) && limit.subsec_nanos() % 1_000_000 == 0);
                ladder.spent(limit.mul_f64(share));
                total += limit.mul_f64(share);
            }
            prop_assert!(total <= budget);
        }

        /// The same seed climbs alike; the sleeps grow but for chance.
        #[test]
        fn a_seed_repeats_itself(seed: u64) {
            let rungs = |mut ladder: Ladder| std::iter::from_fn(move || ladder.rung()).take(12).collect::<Vec<_>>();
            let once = rungs(Ladder::new(Duration::from_secs(60), seed));
            prop_assert_eq!(&once, &rungs(Ladder::new(Duration::from_secs(60), seed)));
            prop_assert!(once[8].then_sleep > once[0].then_sleep);
        }
    }
}
