//! When a certificate is asked for: by what is kept, by how the last tries went, and by the time.

use crate::Certificate;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Authorities let a name fail five times in an hour.
const FIRST_WAIT: SignedDuration = SignedDuration::from_mins(1);
const FACTOR: i32 = 4;
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(6);
/// Another one follows no sooner, also where a certificate says of itself that it is over.
const APART: SignedDuration = SignedDuration::from_hours(1);
/// No authority sends us away for longer.
const LONGEST_SENT_AWAY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The share of a life by which a renewal comes sooner, so that not all come at once.
const JITTER: f64 = 0.05;

/// How the last tries went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// How many failed since the last one that did not.
    pub failures: u32,
    /// When the last one failed.
    pub failed: Option<Timestamp>,
    /// What was wrong with it.
    pub reason: Option<String>,
    /// When the last one came to a certificate.
    pub issued: Option<Timestamp>,
    /// The authority wants to hear nothing until then.
    pub sent_away_until: Option<Timestamp>,
}

impl Tries {
    /// One more has failed; the authority may have said for how long it wants to hear nothing.
    pub fn fail(&mut self, now: Timestamp, reason: String, sent_away: Option<SignedDuration>) {
        self.failures = self.failures.saturating_add(1);
        self.failed = Some(now);
        self.reason = Some(reason);
        self.sent_away_until = sent_away.and_then(|span| now.checked_add(span.min(LONGEST_SENT_AWAY)).ok());
    }

    /// There is a certificate.
    pub fn succeed(&mut self, now: Timestamp) {
        *self = Self { issued: Some(now), ..Self::default() };
    }
}

/// When the next try is due; it may be past. `chance` is from 0 to 1.
pub fn due(kept: Option<&Certificate>, tries: &Tries, chance: f64, now: Timestamp) -> Timestamp {
    // What lies in the future was written by a clock that was wrong: it binds nobody.
    let past = |time: &Option<Timestamp>| time.filter(|time| *time <= now);
    let after = |time: Timestamp, span: SignedDuration| time.checked_add(span).unwrap_or(Timestamp::MAX);
    let wanted = kept.map_or(Timestamp::UNIX_EPOCH, |kept| renewal(kept, chance));
    let failed = past(&tries.failed).map(|failed| after(failed, wait(tries.failures).mul_f64(1.0 + chance / 4.0)));
    let apart = kept.map_or(APART, |kept| APART.min(life(kept) / 3));
    let issued = past(&tries.issued).map(|issued| after(issued, apart));
    let away = tries.sent_away_until.filter(|until| *until <= after(now, LONGEST_SENT_AWAY));
    [failed, issued, away].into_iter().flatten().fold(wanted, Timestamp::max)
}

fn renewal(kept: &Certificate, chance: f64) -> Timestamp {
    let sooner = life(kept).mul_f64(JITTER * chance.clamp(0.0, 1.0));
    kept.renewal().checked_sub(sooner).unwrap_or(kept.from)
}

fn life(kept: &Certificate) -> SignedDuration {
    kept.until.duration_since(kept.from).max(SignedDuration::ZERO)
}

/// After so many failures in a row.
fn wait(failures: u32) -> SignedDuration {
    let times = failures.saturating_sub(1).min(8);
    (0..times).fold(FIRST_WAIT, |wait, _| wait.saturating_mul(FACTOR)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// From the day 1000 on, for so many days.
    fn kept(days: i64) -> Certificate {
        let from = at(1000 * DAY);
        Certificate { names: vec![], issuer: String::new(), from, until: at((1000 + days) * DAY) }
    }

    /// S4.9: after two thirds of its life, at once without one, and never in a tight loop.
    #[test]
    fn a_certificate_is_asked_for_in_time_and_seldom() {
        let now = 1100 * DAY;
        let none = Tries::default();
        let failed = |failures, ago| Tries { failures, failed: Some(at(now - ago)), ..Tries::default() };
        let issued = Tries { issued: Some(at(now - 60)), ..Tries::default() };
        let away = |span| Tries { sent_away_until: Some(at(now + span)), ..failed(1, 0) };
        let rows = [
            ("nothing is kept", None, none.clone(), 0),
            ("two thirds of 90 days", Some(kept(90)), none.clone(), 1060 * DAY),
            ("two thirds of 6 days", Some(kept(6)), none.clone(), 1004 * DAY),
            ("over long ago", Some(kept(1)), none, 1000 * DAY + DAY / 3 * 2),
            ("failed once", None, failed(1, 10), now - 10 + 60),
            ("failed twice", None, failed(2, 10), now - 10 + 240),
            ("failed three times", None, failed(3, 0), now + 960),
            ("failed for days", None, failed(500, 0), now + 6 * 3600),
            ("failed long before it is due again", Some(kept(300)), failed(3, 90), 1200 * DAY),
            ("failed, by a clock that was wrong", None, failed(3, -5 * DAY), 0),
            ("issued a minute ago and over already", Some(kept(1)), issued.clone(), now - 60 + 3600),
            ("issued a minute ago and not to be found", None, issued, now - 60 + 3600),
            ("sent away", None, away(3 * DAY), now + 3 * DAY),
            ("sent away for ever", None, away(30 * DAY), now + 60),
        ];
        for (name, kept, tries, expected) in rows {
            assert_eq!(due(kept.as_ref(), &tries, 0.0, at(now)), at(expected), "{name}");
        }
    }

    /// S4.9: not everybody comes at once, and nobody too late.
    #[test]
    fn chance_makes_renewals_sooner_and_tries_later() {
        let kept = kept(100);
        let soonest = due(Some(&kept), &Tries::default(), 1.0, at(1000 * DAY));
        assert_eq!(soonest, at(kept.renewal().as_second() - 5 * DAY));
        let failed = Tries { failures: 1, failed: Some(at(0)), ..Tries::default() };
        assert_eq!(due(None, &failed, 1.0, at(1)), at(75));
    }

    /// S4.9: five failures in an hour are too many for an authority.
    #[test]
    fn an_hour_has_room_for_four_failures() {
        let (mut tries, mut now, mut count) = (Tries::default(), at(0), 0);
        while now < at(3600) {
            tries.fail(now, "refused".to_owned(), None);
            count += 1;
            now = due(None, &tries, 0.0, now);
        }
        assert_eq!(count, 4);
        tries.succeed(now);
        assert_eq!((tries.failures, tries.reason), (0, None));
    }
}
