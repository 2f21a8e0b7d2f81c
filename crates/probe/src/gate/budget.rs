//! How many lines we may cause in somebody else's log.

use std::time::Duration;

/// A token bucket. Spending more than there is leaves a debt that has to be earned back first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Budget {
    tokens: f64,
    most: f64,
    per_second: f64,
    counted_at: Duration,
}

impl Budget {
    /// Full at time zero.
    pub(super) const fn new(most: f64, per_second: f64) -> Self {
        Self { tokens: most, most, per_second, counted_at: Duration::ZERO }
    }

    /// Spends one.
    pub(super) fn spend(&mut self, now: Duration) {
        self.tokens = self.at(now) - 1.0;
        self.counted_at = now;
    }

    /// Is there one to spend?
    pub(super) fn allows(&self, now: Duration) -> bool {
        self.at(now) >= 1.0
    }

    /// When there is one to spend, not before `now`.
    pub(super) fn ready_at(&self, now: Duration) -> Duration {
        let missing = (1.0 - self.at(now)).max(0.0);
        // Rounded up, so that nobody wakes a nanosecond too early and has to wait again.
        now + Duration::from_millis((missing / self.per_second * 1000.0).ceil() as u64)
    }

    fn at(&self, now: Duration) -> f64 {
        let earned = now.saturating_sub(self.counted_at).as_secs_f64() * self.per_second;
        (self.tokens + earned).min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_at_once_then_one_every_two_seconds() {
        let mut budget = Budget::new(3.0, 0.5);
        for _ in 0..3 {
            assert!(budget.allows(Duration::ZERO));
            budget.spend(Duration::ZERO);
        }
        assert!(!budget.allows(Duration::from_millis(1900)));
        assert_eq!(budget.ready_at(Duration::from_secs(1)), Duration::from_secs(2));
        assert!(budget.allows(Duration::from_secs(2)));
    }

    #[test]
    fn a_debt_is_earned_back_and_riches_end_somewhere() {
        let mut budget = Budget::new(1.0, 1.0);
        (0..4).for_each(|_| budget.spend(Duration::ZERO));
        assert_eq!(budget.ready_at(Duration::ZERO), Duration::from_secs(4));
        let day = Duration::from_secs(86_400);
        budget.spend(day);
        assert!(!budget.allows(day));
    }
}
