//! When a service is asked how it is, and what the answers amount to. Pure.

use crate::recent::{HandedRecent, Recent, Turn};
use config::{HealthCheck, Sign, Window};
use host::handover::moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::Instant;

/// The first question after a spawn, and the shortest pause between two while a service starts. Quick ones are ready within a few
/// milliseconds, and a release waits for each of them; the pauses grow, so that slow ones are asked hardly more often.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// The shortest pause between two questions once it is ready.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause between two questions while a service starts.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What an answer amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Ready for the first time since the spawn.
    Ready,
    /// Not ready in time.
    Unready(String),
    /// Failed too often, or did not feed its watchdog.
    Unhealthy(String),
    /// Passes again after it had been called unhealthy.
    Healthy,
    /// Fails and passes in turns, as is said in words.
    Flapping(String),
    /// That is over.
    Steady,
}

/// Watches over one process from its spawn on.
#[derive(Clone, Debug)]
pub(crate) struct Vigil {
    way: Way,
    start_timeout: Duration,
    next: Option<Instant>,
    phase: Phase,
    fail: Window,
    pass: Window,
}

/// How it comes to its answers.
#[derive(Clone, Debug)]
enum Way {
    /// It asks.
    Asks { every: Duration },
    /// It is told.
    Waits { what: String, watchdog: Option<Duration> },
}

#[derive(Clone, Debug)]
enum Phase {
    Starting { deadline: Instant, pause: Duration },
    Ready { recent: Recent, failing: Option<String>, last: String },
}

/// What is handed over of a vigil; its rules are not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HandedVigil {
    #[serde(with = "moment::option")]
    next: Option<Instant>,
    /// The one that the service has asked for, perhaps.
    watchdog: Option<Duration>,
    phase: HandedPhase,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum HandedPhase {
    Starting {
        #[serde(with = "moment")]
        deadline: Instant,
        pause: Duration,
    },
    Ready {
        recent: HandedRecent,
        failing: Option<String>,
        last: String,
    },
}

impl Vigil {
    pub(crate) fn hand_over(&self) -> HandedVigil {
        let phase = match self.phase.clone() {
            Phase::Starting { deadline, pause } => HandedPhase::Starting { deadline, pause },
            Phase::Ready { recent, failing, last } => HandedPhase::Ready { recent: recent.hand_over(), failing, last },
        };
        let watchdog = if let Way::Waits { watchdog, .. } = &self.way { *watchdog } else { None };
        HandedVigil { next: self.next, watchdog, phase }
    }

    /// The vigil over the process of `since` goes on.
    pub(crate) fn take_over(check: &HealthCheck, since: Instant, handed: HandedVigil) -> Self {
        let mut vigil = Self { next: handed.next, ..Self::new(check, since) };
        if let Way::Waits { watchdog, .. } = &mut vigil.way {
            *watchdog = handed.watchdog;
        }
        vigil.phase = match handed.phase {
            HandedPhase::Starting { deadline, pause } => Phase::Starting { deadline, pause },
            HandedPhase::Ready { recent, failing, last } => {
                Phase::Ready { recent: Recent::take_over(check.fail, check.pass, recent), failing, last }
            }
        };
        vigil
    }

    /// Over a process that was spawned `now`.
    pub(crate) fn new(check: &HealthCheck, now: Instant) -> Self {
        let deadline = now + check.start_timeout;
        let (way, next) = match &check.sign {
            Sign::Target(_) => (Way::Asks { every: check.every.max(SHORTEST_PAUSE) }, now + FIRST_PAUSE),
            Sign::Line(line) => (Way::Waits { what: format!("no line with `{line}` came"), watchdog: None }, deadline),
            Sign::Notify { watchdog } => {
                (Way::Waits { what: "it did not say `READY=1`".to_owned(), watchdog: *watchdog }, deadline)
            }
        };
        let phase = Phase::Starting { deadline, pause: FIRST_PAUSE };
        Self { way, start_timeout: check.start_timeout, next: Some(next), phase, fail: check.fail, pass: check.pass }
    }

    /// When to ask next, or when patience ends.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Does it ask, or is it told?
    pub(crate) fn asks(&self) -> bool {
        matches!(self.way, Way::Asks { .. })
    }

    /// What was seen, once too often.
    pub(crate) fn failing(&self) -> Option<&str> {
        match &self.phase {
            Phase::Ready { failing, .. } => failing.as_deref(),
            Phase::Starting { .. } => None,
        }
    }

    /// It fails and passes in turns: how often of how often, and what was seen last.
    pub(crate) fn flapping(&self) -> Option<String> {
        let Phase::Ready { recent, last, .. } = &self.phase else { return None };
        let (failed, of) = recent.flapping()?;
        Some(format!("flapping: {failed} of the last {of} checks failed, the last one so: {last}"))
    }

    /// Takes an answer.
    pub(crate) fn answered(&mut self, answer: Result<(), String>, now: Instant) -> Option<Verdict> {
        let verdict = match answer {
            Ok(()) if self.is_starting() => return Some(self.ready(now)),
            answer if self.is_starting() => self.not_yet(&answer.err().unwrap_or_default(), now),
            answer => self.turn(answer),
        };
        self.next = Some(now + self.pause(now));
        verdict
    }

    /// It is ready, as it was told or has answered.
    pub(crate) fn ready(&mut self, now: Instant) -> Verdict {
        let recent = Recent::new(self.fail, self.pass);
        self.phase = Phase::Ready { recent, failing: None, last: String::new() };
        self.next = match &self.way {
            Way::Asks { every } => Some(now + *every),
            Way::Waits { watchdog, .. } => watchdog.map(|watchdog| now + watchdog),
        };
        Verdict::Ready
    }

    /// It has told that it is well.
    pub(crate) fn fed(&mut self, now: Instant) -> Option<Verdict> {
        let (Phase::Ready { failing, .. }, Way::Waits { watchdog: Some(watchdog), .. }) = (&mut self.phase, &self.way)
        else {
            return None;
        };
        self.next = Some(now + *watchdog);
        failing.take().map(|_| Verdict::Healthy)
    }

    /// It wants to tell more or less often from now on that it is well.
    pub(crate) fn watchdog(&mut self, every: Duration, now: Instant) {
        if let Way::Waits { watchdog: Some(watchdog), .. } = &mut self.way {
            *watchdog = every;
            self.fed(now);
        }
    }

    /// It needs so much more time to start.
    pub(crate) fn extend(&mut self, more: Duration, now: Instant) {
        if let Phase::Starting { deadline, .. } = &mut self.phase {
            *deadline = (*deadline).max(now + more);
            if !matches!(self.way, Way::Asks { .. }) {
                self.next = Some(*deadline);
            }
        }
    }

    /// Who is told has waited long enough.
    pub(crate) fn elapsed(&mut self, now: Instant) -> Option<Verdict> {
        let Way::Waits { what, watchdog } = self.way.clone() else { return None };
        self.next.filter(|next| *next <= now)?;
        match watchdog {
            _ if self.is_starting() => {
                let verdict = self.not_yet(&what, now);
                self.next = Some(now + self.start_timeout);
                verdict
            }
            Some(watchdog) => {
                self.next = Some(now + watchdog);
                let reason = format!("its watchdog was not fed for {}", report::seconds(watchdog));
                Some(self.unwell(reason))
            }
            None => {
                self.next = None;
                None
            }
        }
    }

    /// It has told itself that it is not well.
    pub(crate) fn unwell(&mut self, reason: String) -> Verdict {
        if let Phase::Ready { failing, .. } = &mut self.phase {
            *failing = Some(reason.clone());
        }
        Verdict::Unhealthy(reason)
    }

    /// A dependency was to blame and is back: what failed until now does not count, and it is asked at once.
    pub(crate) fn pardon(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Starting { deadline, .. } => *deadline = now + self.start_timeout,
            Phase::Ready { recent, .. } => recent.pardon(),
        }
        self.next = match (&self.way, &self.phase) {
            (Way::Asks { .. }, _) => Some(now),
            (Way::Waits { .. }, Phase::Starting { deadline, .. }) => Some(*deadline),
            (Way::Waits { watchdog, .. }, Phase::Ready { .. }) => watchdog.map(|watchdog| now + watchdog),
        };
    }

    fn is_starting(&self) -> bool {
        matches!(self.phase, Phase::Starting { .. })
    }

    fn not_yet(&mut self, reason: &str, now: Instant) -> Option<Verdict> {
        let Phase::Starting { deadline, pause } = &mut self.phase else { return None };
        *pause = pause.mul_f32(1.5).min(LONGEST_PAUSE);
        let late = now >= *deadline;
        if late {
            *deadline = now + self.start_timeout;
        }
        let limit = report::seconds(self.start_timeout);
        late.then(|| Verdict::Unready(format!("not ready within {limit}: {reason}")))
    }

    fn turn(&mut self, answer: Result<(), String>) -> Option<Verdict> {
        let Phase::Ready { recent, failing, last } = &mut self.phase else { return None };
        let turn = recent.take(answer.is_ok());
        if let Err(reason) = answer {
            *last = reason;
        }
        match turn? {
            Turn::Failing => {
                *failing = Some(last.clone());
                Some(Verdict::Unhealthy(last.clone()))
            }
            Turn::Passing => failing.take().map(|_| Verdict::Healthy),
            Turn::Flapping => self.flapping().map(Verdict::Flapping),
            Turn::Steady => Some(Verdict::Steady),
        }
    }

    fn pause(&self, now: Instant) -> Duration {
        match (&self.phase, &self.way) {
            // The last question before the deadline comes at the deadline.
            (Phase::Starting { deadline, pause }, _) if *deadline > now => (*pause).min(*deadline - now),
            (Phase::Ready { .. }, Way::Asks { every }) => *every,
            (Phase::Starting { pause, .. }, _) => *pause,
            (Phase::Ready { .. }, Way::Waits { .. }) => LONGEST_PAUSE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::Target;

    fn check() -> HealthCheck {
        HealthCheck {
            sign: Sign::Target(Target::Tcp { host: "127.0.0.1".into(), port: 1 }),
            every: Duration::from_secs(10),
            timeout: Duration::from_secs(3),
            fail: Window { count: 3, of: 3 },
            pass: Window { count: 1, of: 1 },
            start_timeout: Duration::from_secs(30),
        }
    }

    fn no() -> Result<(), String> {
        Err("refused".to_owned())
    }

    /// Questions come every 10 ms to 1 s while it starts, and it is late exactly at its time-out.
    #[test]
    fn a_start_is_asked_about_often_and_is_late_on_time() {
        let begun = Instant::now();
        let mut vigil = Vigil::new(&check(), begun);
        let (mut now, mut asked) = (vigil.next().unwrap(), 0);
        let verdict = loop {
            asked += 1;
            if let Some(verdict) = vigil.answered(no(), now) {
                break verdict;
            }
            let pause = vigil.next().unwrap() - now;
            assert!(pause <= LONGEST_PAUSE, "{pause:?}");
            now = vigil.next().unwrap();
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
            // That it flaps meanwhile is another matter.
            let verdict =
                vigil.answered(result, now).filter(|it| !matches!(it, Verdict::Flapping(_) | Verdict::Steady));
            (verdict, vigil.failing().is_some())
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

    fn told(watchdog: Option<u64>) -> HealthCheck {
        HealthCheck { sign: Sign::Notify { watchdog: watchdog.map(Duration::from_secs) }, ..check() }
    }

    /// Item 6: who is told asks nothing; late is late, and an extension is granted.
    #[test]
    fn who_is_told_waits() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut vigil = Vigil::new(&told(None), begun);
        assert!(!vigil.asks());
        assert_eq!(vigil.next(), Some(at(30)));
        vigil.extend(Duration::from_secs(60), at(10));
        assert_eq!((vigil.next(), vigil.elapsed(at(69))), (Some(at(70)), None));
        let late = Verdict::Unready("not ready within 30 s: it did not say `READY=1`".into());
        assert_eq!(vigil.elapsed(at(70)), Some(late));
        assert_eq!((vigil.ready(at(71)), vigil.next()), (Verdict::Ready, None));
    }

    /// Item 6: a missed watchdog is a failed liveness with its reason, time and again; one that is fed again is well again.
    #[test]
    fn a_watchdog_that_is_not_fed_bites() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut vigil = Vigil::new(&told(Some(5)), begun);
        assert_eq!(vigil.fed(at(1)), None);
        vigil.ready(at(2));
        assert_eq!((vigil.fed(at(6)), vigil.next()), (None, Some(at(11))));
        let bite = Some(Verdict::Unhealthy("its watchdog was not fed for 5.0 s".into()));
        assert_eq!((vigil.elapsed(at(10)), vigil.elapsed(at(11)), vigil.elapsed(at(16))), (None, bite.clone(), bite));
        assert_eq!(
            (vigil.failing().is_some(), vigil.fed(at(17)), vigil.failing()),
            (true, Some(Verdict::Healthy), None)
        );
        vigil.watchdog(Duration::from_secs(20), at(18));
        assert_eq!(vigil.next(), Some(at(38)));
    }

    /// Item 6: it is told what flapping is, and shown while it lasts.
    #[test]
    fn flapping_is_told_in_words() {
        let now = Instant::now();
        let mut vigil = Vigil::new(&check(), now);
        vigil.answered(Ok(()), now);
        let mut verdicts = Vec::new();
        for answer in [no(), Ok(()), no(), Ok(()), no(), Ok(())] {
            verdicts.extend(vigil.answered(answer, now));
        }
        let words = "flapping: 3 of the last 5 checks failed, the last one so: refused";
        assert_eq!(verdicts, [Verdict::Flapping(words.into())]);
        assert_eq!((vigil.flapping().is_some(), vigil.failing()), (true, None));
    }
}
