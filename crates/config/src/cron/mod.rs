//! When a job is due: five fields as in Vixie cron, read in a named time zone.
//!
//! Minute, hour, day of the month, month, day of the week; `*`, values, ranges `a-b`, lists `a,b`, steps `*/n` and `a-b/n`,
//! names `jan`–`dec` and `sun`–`sat` (7 is Sunday too); `@yearly`, `@monthly`, `@weekly`, `@daily`, `@hourly`. When both days
//! are restricted, one of them is enough; when one of them begins with `*`, both must fit.
//!
//! When the clocks change, a job at fixed hours runs once all the same: one whose time is left out runs right after the gap,
//! one whose time comes twice runs at the first. A job of every hour runs whenever the clock shows its minute.

mod next;
mod parse;
mod words;

pub use parse::CronError;

use jiff::{Timestamp, tz::TimeZone};
use std::{fmt, time::Duration};

/// More missed times than this are not counted.
const MOST_COUNTED: u32 = 1000;

/// Five fields, each a set of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    /// As it was written.
    text: String,
    minutes: u64,
    hours: u32,
    days: u32,
    months: u16,
    /// Sunday is 0.
    weekdays: u8,
    /// Both days are restricted: one of them is enough.
    either_day: bool,
}

/// When a job is due.
#[derive(Clone, Debug, PartialEq)]
pub enum Rhythm {
    /// Never by itself.
    Off,
    /// By the calendar of a zone.
    Cron {
        /// The fields.
        cron: Cron,
        /// The zone.
        zone: TimeZone,
    },
    /// At the multiples of this span since 1970-01-01 00:00 UTC: no change of clocks touches them.
    Every(Duration),
}

/// Due times that have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The last of them.
    pub latest: Timestamp,
    /// How many there are, at most 1000.
    pub count: u32,
}

impl Rhythm {
    /// The first due time after `now`; none when it is off, or beyond the calendar.
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Rhythm::Off => None,
            Rhythm::Cron { cron, zone } => cron.next_after(now, zone),
            Rhythm::Every(span) => {
                let span = i64::try_from(span.as_millis()).ok().filter(|span| *span > 0)?;
                let next = (now.as_millisecond().div_euclid(span) + 1).checked_mul(span)?;
                Timestamp::from_millisecond(next).ok()
            }
        }
    }

    /// All due times after `from` up to `to`.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next_after(from), |last| self.next_after(*last)).take_while(move |due| *due <= to)
    }

    /// What was due after `from` up to `to`; none when nothing was.
    pub fn missed(&self, from: Timestamp, to: Timestamp) -> Option<Missed> {
        let count = self.between(from, to).take(MOST_COUNTED as usize).count();
        let count = u32::try_from(count).ok().filter(|count| *count > 0)?;
        // The last one is looked for from its end, for a span of years may hold millions.
        let back = [1, 60, 3600, 86_400, 32 * 86_400, 370 * 86_400];
        let starts = back.into_iter().filter_map(|seconds| {
            to.checked_sub(jiff::SignedDuration::from_secs(seconds)).ok().filter(|start| *start > from)
        });
        let latest = starts.chain([from]).find_map(|start| self.between(start, to).last())?;
        Some(Missed { latest, count })
    }

    /// The name of the zone in which it is read.
    pub fn zone_name(&self) -> &str {
        match self {
            Rhythm::Cron { zone, .. } => zone.iana_name().unwrap_or("UTC"),
            Rhythm::Off | Rhythm::Every(_) => "UTC",
        }
    }

    /// The zone in which its times are shown.
    pub fn zone(&self) -> TimeZone {
        match self {
            Rhythm::Cron { zone, .. } => zone.clone(),
            Rhythm::Off | Rhythm::Every(_) => TimeZone::UTC,
        }
    }

    /// In words: `every day at 03:00`.
    pub fn words(&self) -> String {
        match self {
            Rhythm::Off => "never by itself".to_owned(),
            Rhythm::Cron { cron, .. } => cron.words(),
            Rhythm::Every(span) => format!("every {}", words::span(*span)),
        }
    }
}

/// As it was written, with its zone: `0 3 * * * Europe/Berlin`, `every 15m`, `off`.
impl fmt::Display for Rhythm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rhythm::Off => f.write_str("off"),
            Rhythm::Cron { cron, .. } => write!(f, "{cron} {}", self.zone_name()),
            Rhythm::Every(span) => write!(f, "every {}", words::span(*span)),
        }
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The zone of this name, such as `Europe/Berlin`, by the rules that come with this program: no file of the machine is read.
pub fn zone(name: &str) -> Option<TimeZone> {
    if name.eq_ignore_ascii_case("UTC") {
        return Some(TimeZone::UTC);
    }
    jiff::tz::TimeZoneDatabase::bundled().get(name).ok()
}

/// The names of all zones.
pub(crate) fn zones() -> Vec<String> {
    jiff::tz::TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect()
}

#[cfg(test)]
mod tests;
