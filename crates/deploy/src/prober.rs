//! What whoever asks the application all the time has seen of a release: how many requests, how many without an answer,
//! the longest time without a good one.

use crate::{Probe, ProbedDoor};
use std::time::Duration;

/// So many times are kept for the percentiles; of more, every second one is forgotten.
const MOST_TIMES: usize = 1 << 16;

/// What has been seen so far. Moments are times since the first request.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    sent: u64,
    failed: u64,
    /// The end of the last good answer.
    last_good: Option<Duration>,
    longest_gap: Duration,
    times: Vec<Duration>,
    /// Every so manieth good answer's time is kept.
    every: u64,
    last_failure: Option<String>,
}

impl Seen {
    /// A good answer came at `at`; it took so long.
    pub fn good(&mut self, at: Duration, took: Duration) {
        self.close_gap(at);
        self.last_good = Some(at);
        if self.sent.is_multiple_of(self.every.max(1)) {
            self.times.push(took);
        }
        self.sent += 1;
        if self.times.len() >= MOST_TIMES {
            self.every = self.every.max(1) * 2;
            let mut keep = false;
            self.times.retain(|_| {
                keep = !keep;
                keep
            });
        }
    }

    /// At `at` it was clear that there is no good answer.
    pub fn failed(&mut self, at: Duration, cause: String) {
        self.close_gap(at);
        self.sent += 1;
        self.failed += 1;
        self.last_failure = Some(cause);
    }

    /// The gap that is open at `at` counts too.
    fn close_gap(&mut self, at: Duration) {
        let since = self.last_good.unwrap_or_default();
        self.longest_gap = self.longest_gap.max(at.saturating_sub(since));
    }

    /// What it comes to.
    pub fn figures(&self) -> Probe {
        let mut times = self.times.clone();
        times.sort_unstable();
        Probe {
            sent: self.sent,
            failed: self.failed,
            longest_gap_ms: millis(self.longest_gap),
            p99_ms: millis(percentile(&times, 99)),
            doors: Vec::new(),
        }
    }

    /// What the last request without a good answer has met.
    pub fn last_failure(&self) -> Option<&str> {
        self.last_failure.as_deref()
    }
}

/// What all doors come to together: sums, and the worst times of any of them. Of several, each is kept apart.
pub fn together(doors: Vec<(String, Probe)>) -> Probe {
    let worst = |of: fn(&Probe) -> f64| doors.iter().map(|(_, it)| of(it)).fold(0.0, f64::max);
    let sum = |of: fn(&Probe) -> u64| doors.iter().map(|(_, it)| of(it)).sum();
    let whole = Probe {
        sent: sum(|it| it.sent),
        failed: sum(|it| it.failed),
        longest_gap_ms: worst(|it| it.longest_gap_ms),
        p99_ms: worst(|it| it.p99_ms),
        doors: Vec::new(),
    };
    if doors.len() < 2 {
        return whole;
    }
    let apart = |(door, Probe { sent, failed, longest_gap_ms, p99_ms, .. })| ProbedDoor {
        door,
        sent,
        failed,
        longest_gap_ms,
        p99_ms,
    };
    Probe { doors: doors.into_iter().map(apart).collect(), ..whole }
}

/// The nearest rank.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// To the microsecond.
fn millis(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Issue 6, point 8: sent, failed, longest gap and p99.
    #[test]
    fn gaps_are_from_one_good_answer_to_the_next() {
        let mut seen = Seen::default();
        seen.good(ms(10), ms(2));
        seen.good(ms(60), ms(3));
        seen.failed(ms(110), "refused".into());
        seen.failed(ms(160), "refused".into());
        seen.good(ms(230), ms(9));
        let figures = seen.figures();
        assert_eq!((figures.sent, figures.failed, figures.longest_gap_ms, figures.p99_ms), (5, 2, 170.0, 9.0));
        assert_eq!(seen.last_failure(), Some("refused"));
    }

    /// Issue 6, point 8: several doors are told apart, and the whole hides none of them.
    #[test]
    fn the_worst_door_counts() {
        let mut front = Seen::default();
        front.good(ms(10), ms(2));
        let mut back = Seen::default();
        back.failed(ms(70), "refused".into());
        back.good(ms(80), ms(9));
        let whole = together(vec![("front".to_owned(), front.figures()), ("back".to_owned(), back.figures())]);
        assert_eq!((whole.sent, whole.failed, whole.longest_gap_ms, whole.p99_ms), (3, 1, 80.0, 9.0));
        let apart: Vec<_> = whole.doors.iter().map(|it| (it.door.as_str(), it.sent, it.failed)).collect();
        assert_eq!(apart, [("front", 1, 0), ("back", 2, 1)]);
        assert_eq!(together(vec![("front".to_owned(), front.figures())]), front.figures());
        assert_eq!(together(Vec::new()), Probe::default());
    }

    /// Issue 6, point 8: who never answers has one long gap.
    #[test]
    fn a_gap_that_never_ends_counts() {
        let mut seen = Seen::default();
        seen.failed(ms(50), "refused".into());
        seen.failed(ms(900), "refused".into());
        assert_eq!(seen.figures().longest_gap_ms, 900.0);
        assert_eq!(Seen::default().figures(), Probe::default());
    }

    /// Issue 6, point 8: however long a release takes, no more than so much memory.
    #[test]
    fn times_of_a_long_release_do_not_pile_up() {
        let mut seen = Seen::default();
        for at in 0..400_000 {
            seen.good(ms(at), ms(at % 100));
        }
        assert!(seen.times.len() < MOST_TIMES);
        let figures = seen.figures();
        assert_eq!((figures.sent, figures.longest_gap_ms), (400_000, 1.0));
        assert!((96.0..=99.0).contains(&figures.p99_ms), "{}", figures.p99_ms);
    }

    proptest! {
        /// Issue 6, point 8: the nearest rank of all times.
        #[test]
        fn p99_is_the_nearest_rank(times in prop::collection::vec(0u64..5_000, 1..300)) {
            let mut seen = Seen::default();
            for (at, took) in (0u64..).zip(&times) {
                seen.good(ms(at), ms(*took));
            }
            let p99 = seen.figures().p99_ms;
            let ms = |it: &&u64| **it as f64;
            let within = times.iter().filter(|it| ms(it) <= p99).count();
            prop_assert!(within * 100 >= times.len() * 99);
            let below = times.iter().filter(|it| ms(it) < p99).count();
            prop_assert!(below * 100 < times.len() * 99);
        }
    }
}
