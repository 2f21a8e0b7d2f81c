//! What is meant by `[backup]`.

use crate::{Rhythm, S3};
use jiff::{Timestamp, tz::TimeZone};
use std::{path::PathBuf, time::Duration};

/// Where copies of the databases go, when they are taken, and how long they are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Backup {
    /// The directory of all copies. Absolute. Where copies only go elsewhere, they are made here.
    pub to: PathBuf,
    /// Do copies stay in `to`? Else they go once they lie in all of `s3`.
    pub stays: bool,
    /// The buckets that copies go to.
    pub s3: Vec<S3>,
    /// The databases that are copied, of [`crate::App::dependencies`].
    pub databases: Vec<String>,
    /// When; [`Rhythm::Off`] when there is no `[backup]`.
    pub rhythm: Rhythm,
    /// The last so many are kept.
    pub keep: u32,
    /// The last of each of so many days.
    pub daily: u32,
    /// The last of each of so many weeks.
    pub weekly: u32,
    /// The last of each of so many months.
    pub monthly: u32,
    /// The last of each of so many years.
    pub yearly: u32,
    /// Never fewer than these.
    pub min_keep: u32,
    /// In which days begin.
    pub zone: TimeZone,
    /// Are old copies removed? Only where somebody has said how many are kept: in a file, or by a flag.
    pub prunes: bool,
    /// Public keys of age that copies are encrypted for; none when they are not.
    pub recipients: Vec<String>,
    /// The file with secret keys to them. Absolute.
    pub identity: Option<PathBuf>,
    /// Where databases are made for a proof. Absolute; nothing for the machine's directory of temporary files.
    pub ground: Option<PathBuf>,
    /// The only directory in which PostgreSQL's programs are looked for. Absolute; nothing for the usual places.
    pub programs: Option<PathBuf>,
    /// A database of PostgreSQL that is as large, in bytes, is dumped and restored by several processes at once.
    pub parallel_above: u64,
    /// By so many; nothing for half of the processors, at most eight.
    pub jobs: Option<u32>,
    /// A program that writes nothing for so long has hung.
    pub stall: Duration,
    /// A newest VERIFIED copy that is older is stale; nothing for what follows from the rhythm ([`Backup::stale_after`]).
    pub stale: Option<Duration>,
}

/// A run that was due may take so long before its copy is missed.
const LATE: Duration = Duration::from_secs(2 * 3600);
/// So many runs ahead are looked at: a fortnight of days, a year and more of months.
const AHEAD: usize = 16;

impl Backup {
    /// How old the newest VERIFIED copy may get. Unless somebody has said so, the longest time between two runs after `from`, and two
    /// hours for the run; nothing where no copies are due.
    pub fn stale_after(&self, from: Timestamp) -> Option<Duration> {
        self.stale.or_else(|| {
            let runs: Vec<_> = std::iter::successors(self.rhythm.next_after(from), |run| self.rhythm.next_after(*run))
                .take(AHEAD)
                .collect();
            let gaps = runs.windows(2).filter_map(|pair| Duration::try_from(pair[1].duration_since(pair[0])).ok());
            gaps.max().map(|gap| gap + LATE)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cron;

    fn limit(schedule: &str, zone: &str, from: &str, stale: Option<u64>) -> Option<u64> {
        let rhythm = match schedule {
            "off" => Rhythm::Off,
            fields => Rhythm::Cron { cron: fields.parse().unwrap(), zone: cron::zone(zone).unwrap() },
        };
        let backup = Backup {
            to: PathBuf::new(),
            stays: true,
            s3: Vec::new(),
            databases: Vec::new(),
            rhythm,
            keep: 10,
            daily: 0,
            weekly: 0,
            monthly: 0,
            yearly: 0,
            min_keep: 2,
            zone: TimeZone::UTC,
            prunes: true,
            recipients: Vec::new(),
            identity: None,
            ground: None,
            programs: None,
            parallel_above: 10 << 30,
            jobs: None,
            stall: Duration::from_secs(600),
            stale: stale.map(|hours| Duration::from_secs(hours * 3600)),
        };
        backup.stale_after(from.parse().unwrap()).map(|limit| limit.as_secs() / 3600)
    }

    /// S1.16: a copy is stale two hours after the next one was due, also over a week-end and over the night that has an hour more.
    #[test]
    fn the_limit_follows_from_the_rhythm() {
        let (winter, autumn) = ("2026-01-05T12:00:00Z", "2026-10-20T12:00:00Z");
        assert_eq!(limit("0 2 * * *", "UTC", winter, None), Some(26));
        assert_eq!(limit("0 2 * * *", "Europe/Berlin", autumn, None), Some(27));
        assert_eq!(limit("0 2 * * 1-5", "UTC", winter, None), Some(74));
        assert_eq!(limit("0 * * * *", "UTC", winter, None), Some(3));
        assert_eq!(limit("0 2 * * *", "UTC", winter, Some(7)), Some(7));
        assert_eq!(limit("off", "UTC", winter, None), None);
        assert_eq!(limit("off", "UTC", winter, Some(7)), Some(7));
    }

    /// S1.7, S1.16: a copy that is due at two in the morning is taken once a day, also on the day without that hour and on the one that has
    /// it twice.
    #[test]
    fn once_a_day_when_the_clocks_change() {
        let rhythm = Rhythm::Cron { cron: "0 2 * * *".parse().unwrap(), zone: cron::zone("Europe/Berlin").unwrap() };
        let runs = |from: &str| {
            let from: Timestamp = from.parse().unwrap();
            let runs = std::iter::successors(rhythm.next_after(from), |run| rhythm.next_after(*run));
            runs.take(3).map(|run| run.to_string()).collect::<Vec<_>>()
        };
        let spring = ["2026-03-28T01:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"];
        assert_eq!(runs("2026-03-27T12:00:00Z"), spring);
        let autumn = ["2026-10-24T00:00:00Z", "2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z"];
        assert_eq!(runs("2026-10-23T12:00:00Z"), autumn);
    }
}
