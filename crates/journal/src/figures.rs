//! What is left of events when they are summed up. Pure.
//!
//! Every event counts once for its hour and subject, as `event` and its name. Other figures are taken by rules:
//!
//! | event | figure | value |
//! | --- | --- | --- |
//! | `health.check` that passed, `health.up` | `check.pass` | how long the answer took, in seconds |
//! | `health.check` that failed, `health.down`, `health.recovering` | `check.fail` | the same |
//! | `health.check` that could not look | `check.unknown` | the same |
//! | two checks of one subject, one after the other | `time.up` or `time.down`, by the first | the seconds between them |
//! | `machine.*` | the name of each field that is a number | that number |
//! | any other with a field `took` | its name and `.took` | seconds |

use crate::Record;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// Over which span figures are summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    /// 60 s.
    Minute,
    /// 3600 s.
    Hour,
}

impl Span {
    /// In seconds.
    pub const fn seconds(self) -> i64 {
        match self {
            Span::Minute => 60,
            Span::Hour => 3600,
        }
    }

    /// The beginning of the span that `at` lies in, in seconds since the epoch.
    pub fn of(self, at: Timestamp) -> i64 {
        at.as_second().div_euclid(self.seconds()) * self.seconds()
    }
}

/// What a figure is called, of whom it is, and when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Of one minute or of one hour.
    pub span: Span,
    /// Its beginning, in seconds since the epoch.
    pub at: i64,
    /// What: `check.pass`, `memory_free_bytes`.
    pub figure: String,
    /// Of whom; empty for nobody.
    pub subject: String,
}

/// Values that were summed up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// How many.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// All together.
    pub sum: f64,
}

impl Figure {
    /// One value.
    pub fn one(value: f64) -> Self {
        Self { count: 1, min: value, max: value, sum: value }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            sum: self.sum + other.sum,
        }
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.sum / (self.count.max(1) as f64)
    }
}

/// What is to be added to what is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rollup(pub BTreeMap<Key, Figure>);

impl Rollup {
    fn put(&mut self, key: Key, figure: Figure) {
        self.0.entry(key).and_modify(|known| *known = known.and(figure)).or_insert(figure);
    }
}

/// Sums events up, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Roller {
    /// The last check of each subject: when, and whether it passed.
    last: BTreeMap<String, (Timestamp, bool)>,
}

/// Longer than this lies between no two checks of one watcher: it slept, or the clock was set.
const GAP: f64 = 3600.0;

impl Roller {
    /// Adds `record` to `rollup`.
    pub fn add(&mut self, record: &Record, rollup: &mut Rollup) {
        let subject = record.subject().unwrap_or_default();
        let key = |span: Span, figure| Key { span, at: span.of(record.at), figure, subject: subject.to_owned() };
        rollup.put(key(Span::Hour, format!("{EVENT}{}", record.name)), Figure::one(0.0));
        for (figure, value) in self.figures(record, subject) {
            rollup.put(key(Span::Minute, figure.clone()), Figure::one(value));
            rollup.put(key(Span::Hour, figure), Figure::one(value));
        }
    }

    fn figures(&mut self, record: &Record, subject: &str) -> Vec<(String, f64)> {
        if let Some(check) = check(record) {
            let took = record.figure("took").unwrap_or_default();
            let since = self.since_the_last(record.at, subject, check);
            return [(check.to_owned(), took)].into_iter().chain(since).collect();
        }
        if record.is_called("machine") {
            let number = |(name, value): (&String, &Value)| Some((name.clone(), value.as_f64()?));
            return record.fields.iter().filter_map(number).collect();
        }
        record.figure("took").map(|took| (format!("{}.took", record.name), took)).into_iter().collect()
    }

    /// The time from one check to the next belongs to what the first one found.
    fn since_the_last(&mut self, at: Timestamp, subject: &str, check: &str) -> Option<(String, f64)> {
        if check == UNKNOWN {
            self.last.remove(subject);
            return None;
        }
        let (before, up) = self.last.insert(subject.to_owned(), (at, check == PASS))?;
        let seconds = at.duration_since(before).as_secs_f64();
        let figure = if up { "time.up" } else { "time.down" };
        (0.0..GAP).contains(&seconds).then(|| (figure.to_owned(), seconds))
    }
}

/// Stands before the name of an event that was counted.
pub(crate) const EVENT: &str = "event ";

const PASS: &str = "check.pass";
const FAIL: &str = "check.fail";
const UNKNOWN: &str = "check.unknown";

/// What a check of a dependency has found, if this is one.
fn check(record: &Record) -> Option<&'static str> {
    match (record.name.as_str(), record.word("verdict")) {
        ("health.check", Some("pass")) | ("health.up", _) => Some(PASS),
        ("health.check", Some("fail")) | ("health.down" | "health.recovering", _) => Some(FAIL),
        ("health.check", _) => Some(UNKNOWN),
        _ => None,
    }
}

/// Is the figure all that is worth keeping? A check that passed says nothing more.
pub(crate) fn is_only_a_figure(record: &Record) -> bool {
    record.name == "health.check" && check(record) == Some(PASS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use report::Event;

    fn at(second: i64, event: Event) -> Record {
        Record::of(&event, 1, Timestamp::from_second(second).unwrap(), str::to_owned)
    }

    fn checked(second: i64, verdict: &str, took: f64) -> Record {
        at(second, Event::new("health.check", "").with("target", "main").with("verdict", verdict).with("took", took))
    }

    fn rolled(records: &[Record]) -> Rollup {
        let (mut roller, mut rollup) = (Roller::default(), Rollup::default());
        records.iter().for_each(|record| roller.add(record, &mut rollup));
        rollup
    }

    fn hour(rollup: &Rollup, figure: &str, subject: &str) -> Option<Figure> {
        let found = rollup
            .0
            .iter()
            .find(|(key, _)| key.span == Span::Hour && key.at == 0 && key.figure == figure && key.subject == subject);
        found.map(|(_, figure)| *figure)
    }

    /// S1.3: every result of the monitor counts, with how long it took and how long it held.
    #[test]
    fn checks_become_availability_and_latency() {
        let rollup = rolled(&[
            checked(0, "pass", 0.002),
            checked(60, "pass", 0.004),
            checked(120, "fail", 1.0),
            at(121, Event::new("health.down", "").with("target", "main").with("took", 1.0)),
            at(151, Event::new("health.up", "").with("target", "main").with("took", 0.006)),
            checked(211, "could not verify", 0.0),
            checked(271, "pass", 0.003),
        ]);
        assert_eq!(
            hour(&rollup, "check.pass", "main"),
            Some(Figure { count: 4, min: 0.002, max: 0.006, sum: 0.002 + 0.004 + 0.006 + 0.003 })
        );
        assert_eq!(hour(&rollup, "check.fail", "main").unwrap().count, 2);
        assert_eq!(hour(&rollup, "check.unknown", "main").unwrap().count, 1);
        assert_eq!(hour(&rollup, "time.up", "main").unwrap().sum, 120.0);
        assert_eq!(hour(&rollup, "time.down", "main").unwrap().sum, 31.0);
        assert_eq!(hour(&rollup, "event health.check", "main").unwrap().count, 5);
    }

    /// S1.18: what is measured of the machine becomes figures, and so does how long things took.
    #[test]
    fn snapshots_and_times_become_figures() {
        let snapshot = |second, free: u64| {
            at(second, Event::new("machine.disk", "").with("subject", "data").with("free_bytes", free))
        };
        let done = at(9, Event::new("schedule.done", "").with("job", "train").with("took", 2.5));
        let rollup = rolled(&[snapshot(0, 10), snapshot(3599, 4), done]);
        assert_eq!(hour(&rollup, "free_bytes", "data"), Some(Figure { count: 2, min: 4.0, max: 10.0, sum: 14.0 }));
        assert_eq!(hour(&rollup, "schedule.done.took", "train").unwrap().sum, 2.5);
    }

    #[test]
    fn time_that_cannot_be_told_is_not_counted() {
        let rollup = rolled(&[checked(100_000, "pass", 0.1), checked(10, "pass", 0.1), checked(90_000, "pass", 0.1)]);
        assert!(!rollup.0.keys().any(|key| key.figure.starts_with("time.")), "{rollup:?}");
    }

    fn merged(parts: Vec<Rollup>) -> Rollup {
        let mut all = Rollup::default();
        parts.into_iter().flat_map(|part| part.0).for_each(|(key, figure)| all.put(key, figure));
        all
    }

    proptest! {
        /// However events come in batches, the sums are the same.
        #[test]
        fn batches_do_not_matter(
            checks in proptest::collection::vec((0i64..20_000, any::<bool>(), 0u32..100), 0..60),
            cut in 0usize..60,
        ) {
            let mut checks = checks;
            checks.sort_unstable();
            let verdict = |pass: bool| if pass { "pass" } else { "fail" };
            let records: Vec<_> =
                checks.iter().map(|(second, pass, took)| checked(*second, verdict(*pass), f64::from(*took))).collect();
            let cut = cut.min(records.len());
            let mut roller = Roller::default();
            let mut parts = Vec::new();
            for batch in [&records[..cut], &records[cut..]] {
                let mut rollup = Rollup::default();
                batch.iter().for_each(|record| roller.add(record, &mut rollup));
                parts.push(rollup);
            }
            let (whole, parts) = (rolled(&records).0, merged(parts).0);
            prop_assert_eq!(whole.len(), parts.len());
            for (key, figure) in &whole {
                let other = parts[key];
                prop_assert_eq!((figure.count, figure.min, figure.max), (other.count, other.min, other.max));
                prop_assert!((figure.sum - other.sum).abs() < 1e-6);
            }
            let timed = |key: &Key| key.span == Span::Hour && key.figure.starts_with("time.");
            let time: f64 = whole.iter().filter(|(key, _)| timed(key)).map(|(_, it)| it.sum).sum();
            let first = records.first().map_or(0, |it| it.at.as_second());
            let last = records.last().map_or(0, |it| it.at.as_second());
            prop_assert!(time <= (last - first) as f64 + 1e-6);
        }
    }
}
