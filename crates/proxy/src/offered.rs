//! What TLS is offered with, and how well that stands.

use crate::{
    Certificate, Certificates, Shown,
    acme::{Acme, Standing},
};
use host::Clock;
use jiff::Timestamp;
use report::rfc3339;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What TLS is offered with.
pub struct Offered {
    /// What whoever connects is shown.
    pub certificates: Arc<Certificates>,
    /// Who keeps that fresh.
    pub acme: Option<Arc<Acme>>,
    /// The calendar.
    pub clock: Arc<dyn Clock>,
}

/// A certificate that is shown to whoever connects, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// The names it is for.
    pub names: Vec<String>,
    /// Who has signed it.
    pub issuer: String,
    /// Until when it holds: RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Whole days until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i64>,
    /// We have signed it ourselves, until there is another one.
    pub provisional: bool,
    /// When another one is asked for: RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Why the last try to get another one has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What is wrong with it; nothing when all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complaint: Option<String>,
}

impl Offered {
    /// How it stands now.
    pub fn look(&self) -> Look {
        // Nobody may have connected since the files changed.
        let _ = self.certificates.look();
        let now = Timestamp::try_from(self.clock.now()).unwrap_or(Timestamp::UNIX_EPOCH);
        look(&self.certificates.shown(), self.acme.as_ref().map(|acme| acme.standing()), now)
    }
}

fn look(shown: &Shown, standing: Option<Standing>, now: Timestamp) -> Look {
    let certificate = shown.certificate.as_ref();
    let (next, failure) = standing.map_or((None, None), |it| (it.next, it.failure));
    let words = failure.as_ref().map(|words| format!(": {words}")).unwrap_or_default();
    let complaint = match certificate {
        _ if shown.provisional => Some(format!("it is provisional, and browsers refuse it{words}")),
        None => Some("what it says cannot be read".to_owned()),
        Some(certificate) => complaint(certificate, now).map(|complaint| complaint + &words),
    };
    Look {
        names: certificate.map(|it| it.names.clone()).unwrap_or_default(),
        issuer: certificate.map(|it| it.issuer.clone()).unwrap_or_default(),
        until: certificate.filter(|_| !shown.provisional).map(|it| rfc3339(it.until)),
        days_left: certificate.filter(|_| !shown.provisional).map(|it| it.days_left(now)),
        provisional: shown.provisional,
        next: next.map(|next| rfc3339(next.max(now))),
        failure,
        complaint,
    }
}

/// What is wrong with the life of a certificate.
pub fn complaint(certificate: &Certificate, now: Timestamp) -> Option<String> {
    match (certificate.from, certificate.until) {
        (_, until) if until < now => Some(format!("it has been over since {}", rfc3339(until))),
        (from, _) if from > now => Some(format!("it does not hold before {}", rfc3339(from))),
        _ if certificate.is_over_soon(now) => Some(format!("it holds for another {} d", certificate.days_left(now))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    /// S4.9: who looks is told in time, also of short lives, and with the words of the authority.
    #[test]
    fn complaints_come_in_time() {
        let at = |day: i64| Timestamp::from_second(day * DAY).unwrap();
        let shown = |from, until, provisional| Shown {
            certificate: Some(Certificate { names: vec![], issuer: String::new(), from: at(from), until: at(until) }),
            provisional,
        };
        let failed = || Some(Standing { next: None, failure: Some("too many (rateLimited)".to_owned()) });
        let rows = [
            (shown(0, 90, false), None, 60, None),
            (shown(0, 90, false), None, 77, Some("it holds for another 13 d")),
            (shown(0, 90, false), failed(), 60, None),
            (shown(0, 90, false), failed(), 80, Some("it holds for another 10 d: too many (rateLimited)")),
            (shown(0, 90, false), None, 91, Some("it has been over since 1970-04-01T00:00:00.000Z")),
            (shown(10, 90, false), None, 9, Some("it does not hold before 1970-01-11T00:00:00.000Z")),
            (shown(0, 6, false), None, 4, None),
            (shown(0, 6, false), None, 5, Some("it holds for another 1 d")),
            (
                shown(0, 90, true),
                failed(),
                1,
                Some("it is provisional, and browsers refuse it: too many (rateLimited)"),
            ),
            (Shown { certificate: None, provisional: false }, None, 1, Some("what it says cannot be read")),
        ];
        for (shown, standing, day, expected) in rows {
            assert_eq!(look(&shown, standing, at(day)).complaint.as_deref(), expected, "{shown:?} on day {day}");
        }
    }
}
