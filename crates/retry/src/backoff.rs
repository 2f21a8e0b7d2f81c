//! How long to wait before each next attempt.

use std::time::Duration;

/// The shape of the waits between attempts. Plain data; [`Backoff::waits`] makes the iterator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// Wait before the second attempt.
    pub initial: Duration,
    /// Each wait is the previous one times this; `1.0` keeps it fixed.
    pub factor: f64,
    /// No single wait is longer.
    pub max: Duration,
    /// Share of each wait that is left to chance, `0.0` to `1.0`: a wait `w` becomes one in `w*(1-jitter) ..= w`.
    pub jitter: f64,
}

impl Backoff {
    /// The same wait every time, without jitter.
    pub const fn fixed(interval: Duration) -> Self {
        Self { initial: interval, factor: 1.0, max: interval, jitter: 0.0 }
    }

    /// Doubling waits from `initial` up to `max`, without jitter.
    pub const fn doubling(initial: Duration, max: Duration) -> Self {
        Self { initial, factor: 2.0, max, jitter: 0.0 }
    }

    /// The same shape with this share of chance, so that many clients don't come back all at once.
    #[must_use]
    pub const fn with_jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    /// The waits, seeded by the system.
    pub fn waits(&self) -> Waits {
        self.waits_seeded(fastrand::u64(..))
    }

    /// The waits with chance repeatable from `seed`.
    pub fn waits_seeded(&self, seed: u64) -> Waits {
        Waits { shape: *self, next: self.initial, chance: fastrand::Rng::with_seed(seed) }
    }
}

/// The waits of a [`Backoff`], one for each failed attempt. Never ends.
#[derive(Clone, Debug)]
pub struct Waits {
    shape: Backoff,
    next: Duration,
    chance: fastrand::Rng,
}

impl Waits {
    /// Starts again from the first wait: what was waited for has been seen working.
    pub fn reset(&mut self) {
        self.next = self.shape.initial;
    }

    /// How long the next wait is, without chance: with [`Waits::go_on_from`] others go on from here.
    pub fn reached(&self) -> Duration {
        self.next
    }

    /// Goes on from where others had [got](Waits::reached).
    pub fn go_on_from(&mut self, reached: Duration) {
        self.next = reached.clamp(self.shape.initial.min(self.shape.max), self.shape.max);
    }

    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        let full = self.next.min(self.shape.max);
        self.next = Duration::try_from_secs_f64(full.as_secs_f64() * self.shape.factor.max(1.0))
            .unwrap_or(self.shape.max)
            .min(self.shape.max);
        full.mul_f64(1.0 - self.shape.jitter.clamp(0.0, 1.0) * self.chance.f64())
    }
}

impl Iterator for Waits {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.next_wait())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// S3.1: 2, 4, 8, 16, 32, 64 seconds.
    #[test]
    fn doubling_is_the_entrypoint_of_the_seed() {
        let waits: Vec<_> =
            Backoff::doubling(Duration::from_secs(2), Duration::from_secs(64)).waits().take(7).collect();
        assert_eq!(waits.iter().map(Duration::as_secs).collect::<Vec<_>>(), [2, 4, 8, 16, 32, 64, 64]);
    }

    /// S0.3: the same 3 seconds each time.
    #[test]
    fn fixed_never_grows() {
        assert!(Backoff::fixed(Duration::from_secs(3)).waits().take(20).all(|wait| wait == Duration::from_secs(3)));
    }

    #[test]
    fn reset_begins_anew() {
        let mut waits = Backoff::doubling(Duration::from_secs(1), Duration::from_secs(30)).waits();
        waits.by_ref().take(4).for_each(drop);
        waits.reset();
        assert_eq!(waits.next_wait(), Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn a_wait_is_never_longer_than_max_nor_shorter_than_its_share(
            initial in 1u64..5_000, max in 1u64..60_000, factor in 0.5f64..4.0, jitter in 0.0f64..1.0, seed: u64,
        ) {
            let max = Duration::from_millis(max);
            let shape = Backoff { initial: Duration::from_millis(initial), factor, max, jitter };
            let sure = Backoff { jitter: 0.0, ..shape };
            for (wait, full) in shape.waits_seeded(seed).zip(sure.waits()).take(20) {
                prop_assert!(wait <= max);
                prop_assert!(wait <= full && wait.as_secs_f64() >= full.as_secs_f64() * (1.0 - jitter) - 1e-6);
            }
        }
    }
}
