//! When a service is asked how it is, and what the answers amount to. Pure.

use config::HealthCheck;
use std::time::Duration;
use tokio::time::Instant;

/// The first question after a spawn, and the shortest pause between two while a service starts.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause between two questions while a service starts.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What an answer amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Ready for the first time since the spawn.
    Ready,
    /// Not ready in time.
    Unready(String),
    /// Failed too often in a row.
    Unhealthy(String),
    /// Passes again after it had been called unhealthy.
    Healthy,
}

/// Watches over one process from its spawn on.
#[derive(Clone, Debug)]
pub(crate) struct Vigil {
    every: Duration,
    failures: u32,
    start_timeout: Duration,
    next: Instant,
    phase: Phase,
}

#[derive(Clone, Debug)]
enum Phase {
    Starting { deadline: Instant, pause: Duration },
    Ready { failures: u32, failing: Option<String> },
}

impl Vigil {
    /// Over a process that was spawned `now`.
    pub(crate) fn new(check: &HealthCheck, now: Instant) -> Self {
        let deadline = now + check.start_timeout;
        Self {
            every: check.every.max(FIRST_PAUSE),
            failures: check.failures.max(1),
            start_timeout: check.start_timeout,
            next: now + FIRST_PAUSE,
            phase: Phase::Starting { deadline, pause: FIRST_PAUSE },
        }
    }

    /// When to ask next.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// What was seen, once too often in a row.
    pub(crate) fn failing(&self) -> Option<&str> {
        match &self.phase {
            Phase::Ready { failing, .. } => failing.as_deref(),
            Phase::Starting { .. } => None,
        }
    }

    /// Takes an answer.
    pub(crate) fn answered(&mut self, answer: Result<(), String>, now: Instant) -> Option<Verdict> {
        let verdict = match (&mut self.phase, answer) {
            (Phase::Starting { .. }, Ok(())) => {
                self.phase = Phase::Ready { failures: 0, failing: None };
                Some(Verdict::Ready)
            }
            (Phase::Starting { deadline, pause }, Err(reason)) => {
                *pause = pause.mul_f32(1.5).min(LONGEST_PAUSE);
                let late = now >= *deadline;
                if late {
                    *deadline = now + self.start_timeout;
                }
                late.then(|| {
                    Verdict::Unready(format!("not ready within {}: {reason}", report::seconds(self.start_timeout)))
                })
            }
            (Phase::Ready { failures, failing }, Ok(())) => {
                *failures = 0;
                failing.take().map(|_| Verdict::Healthy)
            }
            (Phase::Ready { failures, failing }, Err(reason)) => {
                *failures += 1;
                let often = *failures >= self.failures;
                if often {
                    *failures = 0;
                    *failing = Some(reason.clone());
                }
                often.then_some(Verdict::Unhealthy(reason))
            }
        };
        self.next = now + self.pause(now);
        verdict
    }

    /// A dependency was to blame and is back: what failed until now does not count, and it is asked at once.
    pub(crate) fn pardon(&mut self, now: Instant) {
        self.next = now;
        match &mut self.phase {
            Phase::Starting { deadline, .. } => *deadline = now + self.start_timeout,
            Phase::Ready { failures, .. } => *failures = 0,
        }
    }

    fn pause(&self, now: Instant) -> Duration {
        match self.phase {
            // The last question before the deadline comes at the deadline.
            Phase::Starting { deadline, pause } if deadline > now => pause.min(deadline - now),
            Phase::Starting { pause, .. } => pause,
            Phase::Ready { .. } => self.every,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::Target;

    fn check() -> HealthCheck {
        HealthCheck {
            target: Target::Tcp { host: "127.0.0.1".into(), port: 1 },
            every: Duration::from_secs(10),
            timeout: Duration::from_secs(3),
            failures: 3,
            start_timeout: Duration::from_secs(30),
        }
    }

    fn no() -> Result<(), String> {
        Err("refused".to_owned())
    }

    /// Questions come every 50 ms to 1 s while it starts, and it is late exactly at its time-out.
    #[test]
    fn a_start_is_asked_about_often_and_is_late_on_time() {
        let begun = Instant::now();
        let mut vigil = Vigil::new(&check(), begun);
        let (mut now, mut asked) = (vigil.next(), 0);
        let verdict = loop {
            asked += 1;
            if let Some(verdict) = vigil.answered(no(), now) {
                break verdict;
            }
            let pause = vigil.next() - now;
            assert!(pause <= LONGEST_PAUSE, "{pause:?}");
            now = vigil.next();
        };
        assert_eq!(verdict, Verdict::Unready("not ready within 30 s: refused".into()));
        assert_eq!(now - begun, Duration::from_secs(30));
        assert!((30..45).contains(&asked), "{asked}");
    }

    /// S3.7: N failures in a row, and not N failures.
    #[test]
    fn only_failures_in_a_row_count() {
        let mut now = Instant::now();
        let mut vigil = Vigil::new(&check(), now);
        let mut answer = |result| {
            now += Duration::from_secs(10);
            (vigil.answered(result, now), vigil.failing().is_some())
        };
        assert_eq!(answer(Ok(())), (Some(Verdict::Ready), false));
        for _ in 0..3 {
            assert_eq!(answer(no()), (None, false));
            assert_eq!(answer(no()), (None, false));
            assert_eq!(answer(Ok(())), (None, false));
        }
        assert_eq!(answer(no()), (None, false));
        assert_eq!(answer(no()), (None, false));
        assert_eq!(answer(no()), (Some(Verdict::Unhealthy("refused".into())), true));
        assert_eq!(answer(no()), (None, true));
        assert_eq!(answer(Ok(())), (Some(Verdict::Healthy), false));
    }

    #[test]
    fn a_pardon_begins_the_count_and_the_clock_anew() {
        let begun = Instant::now();
        let mut vigil = Vigil::new(&check(), begun);
        vigil.pardon(begun + Duration::from_secs(29));
        assert_eq!(vigil.answered(no(), begun + Duration::from_secs(58)), None);
        assert!(matches!(vigil.answered(no(), begun + Duration::from_secs(59)), Some(Verdict::Unready(_))));
    }
}
