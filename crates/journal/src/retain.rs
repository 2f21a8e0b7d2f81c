//! What has to go. Pure.

use config::Journal;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Single events, and figures by the minute.
    pub keep: Duration,
    /// Counts and figures by the hour.
    pub hourly: Duration,
    /// The file, in bytes.
    pub max_size: u64,
}

impl From<&Journal> for Rules {
    fn from(journal: &Journal) -> Self {
        Self { keep: journal.keep, hourly: journal.hourly, max_size: journal.max_size }
    }
}

/// What the file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Bytes in use, without what is free within the file.
    pub used: u64,
    /// Events, about.
    pub events: u64,
    /// Figures by the minute, about.
    pub minutes: u64,
    /// Counts and figures by the hour, about.
    pub hours: u64,
}

/// What goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Events and figures by the minute before this time.
    pub events_before: Timestamp,
    /// Counts and figures by the hour before this time.
    pub hours_before: Timestamp,
    /// Besides, so many of the oldest events;
    pub events: u64,
    /// so many of the oldest figures by the minute;
    pub minutes: u64,
    /// and so many of the oldest by the hour.
    pub hours: u64,
}

/// What goes of a file with `facts` at `now`. When there is too much, single events go first, then figures by the minute, and those by
/// the hour only when nothing else is left; so much at once that a tenth of the room is free again.
pub fn cut(rules: &Rules, facts: &Facts, now: Timestamp) -> Cut {
    let before = |span: Duration| now.checked_sub(SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX));
    let time = |span| before(span).unwrap_or(Timestamp::MIN);
    let mut cut =
        Cut { events_before: time(rules.keep), hours_before: time(rules.hourly), events: 0, minutes: 0, hours: 0 };
    if facts.used > rules.max_size {
        let rows = facts.events + facts.minutes + facts.hours;
        let too_much = facts.used - rules.max_size / 10 * 9;
        // Rows are not equally large; what is still too much goes the next time.
        let mut many = (u128::from(rows) * u128::from(too_much)).div_ceil(u128::from(facts.used.max(1)));
        for (share, there) in
            [(&mut cut.events, facts.events), (&mut cut.minutes, facts.minutes), (&mut cut.hours, facts.hours)]
        {
            *share = u64::try_from(many.min(u128::from(there))).unwrap_or(there);
            many -= u128::from(*share);
        }
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const RULES: Rules =
        Rules { keep: Duration::from_secs(7 * 86_400), hourly: Duration::from_secs(90 * 86_400), max_size: 1_000_000 };

    fn facts(used: u64, events: u64, minutes: u64, hours: u64) -> Facts {
        Facts { used, events, minutes, hours }
    }

    #[test]
    fn age_alone_counts_while_there_is_room() {
        let now: Timestamp = "2026-11-29T00:00:00Z".parse().unwrap();
        let kept = cut(&RULES, &facts(1_000_000, 9000, 5000, 100), now);
        assert_eq!((kept.events, kept.minutes, kept.hours), (0, 0, 0));
        assert_eq!(kept.events_before.to_string(), "2026-11-22T00:00:00Z");
        assert_eq!(kept.hours_before.to_string(), "2026-08-31T00:00:00Z");
        let for_ever = Rules { keep: Duration::MAX, hourly: DAY * 1_000_000, ..RULES };
        assert_eq!(cut(&for_ever, &facts(1, 1, 1, 1), now).events_before, Timestamp::MIN);
    }

    #[test]
    fn events_go_before_minutes_and_minutes_before_hours() {
        for (there, gone) in [
            (facts(1_100_000, 1000, 500, 500), (364, 0, 0)),
            (facts(1_100_000, 100, 1000, 900), (100, 264, 0)),
            (facts(1_100_000, 0, 0, 2000), (0, 0, 364)),
            (facts(9_000_000, 100, 100, 100), (100, 100, 70)),
        ] {
            let cut = cut(&RULES, &there, Timestamp::UNIX_EPOCH);
            assert_eq!((cut.events, cut.minutes, cut.hours), gone, "{there:?}");
        }
    }

    proptest! {
        /// With rows of about one size a single cut brings the file below its limit, and never takes more than is there.
        #[test]
        fn one_cut_is_enough(events in 0u64..1_000_000, minutes in 0u64..100_000, hours in 0u64..100_000, row in 1u64..1000) {
            let rows = events + minutes + hours;
            let there = facts(rows * row, events, minutes, hours);
            let cut = cut(&RULES, &there, Timestamp::UNIX_EPOCH);
            prop_assert!(cut.events <= events && cut.minutes <= minutes && cut.hours <= hours);
            let left = (rows - cut.events - cut.minutes - cut.hours) * row;
            prop_assert!(left <= RULES.max_size, "{left}");
            prop_assert!(cut.hours == 0 || cut.events == events && cut.minutes == minutes);
            prop_assert!(there.used > RULES.max_size || cut.events + cut.minutes + cut.hours == 0);
        }
    }
}
