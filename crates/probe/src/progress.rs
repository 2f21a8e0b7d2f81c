//! How far the recovery of a local server is.

use database::postgres::local::Lsn;
use report::{Event, seconds};
use std::{fmt, time::Duration};

/// How far the recovery of a local PostgreSQL is, seen without asking the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Where replay is in the write-ahead log, when that could be read.
    pub position: Option<Lsn>,
    /// Where it began and where the log ends, when that could be read.
    pub log: Option<(Lsn, Lsn)>,
    /// Replay in the recent past, bytes per second.
    pub rate: Option<f64>,
    /// Shortest and longest likely time until replay reaches the end of the log. An end of recovery checkpoint follows.
    pub left: Option<(Duration, Duration)>,
}

/// What a recovering server is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before replay: it flushes the data directory or waits for its first log.
    Beginning,
    /// It replays its log.
    Replaying,
    /// It waits for log from an archive or a primary.
    Waiting,
    /// Replay is done, the checkpoint behind it is being written.
    Checkpoint,
}

impl Phase {
    /// The words.
    pub const fn words(self) -> &'static str {
        match self {
            Phase::Beginning => "syncing the data directory",
            Phase::Replaying => "redo",
            Phase::Waiting => "waiting for log",
            Phase::Checkpoint => "end-of-recovery checkpoint",
        }
    }
}

impl Progress {
    pub(crate) fn fields(&self, event: Event) -> Event {
        let mut event = event.with("phase", self.phase.words());
        if let Some(position) = self.position {
            event = event.with("position", position.to_string());
        }
        if let Some((begin, end)) = self.log {
            event = event.with("begin", begin.to_string()).with("end", end.to_string());
        }
        if let Some(rate) = self.rate {
            event = event.with("rate", rate.round());
        }
        match self.left {
            Some((least, most)) => event.with("left_min", least).with("left_max", most),
            None => event,
        }
    }
}

impl Progress {
    /// How much of the log is replayed, in per cent.
    fn share(&self) -> Option<u128> {
        let (Lsn(position), (Lsn(begin), Lsn(end))) = (self.position?, self.log?);
        let done = u128::from(position.saturating_sub(begin).min(end.saturating_sub(begin)));
        (done * 100).checked_div(u128::from(end.saturating_sub(begin)))
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.phase.words())?;
        match (self.phase, self.position) {
            (Phase::Replaying, None) => f.write_str(", position could not be read")?,
            (Phase::Replaying | Phase::Waiting, Some(position)) => write!(f, " at {position}")?,
            _ => {}
        }
        if let (Some(share), Some((begin, end))) = (self.share(), self.log) {
            write!(f, " ({share} % of {begin}..{end})")?;
        }
        if let Some(rate) = self.rate {
            write!(f, ", {:.0} MB/s", rate / 1e6)?;
        }
        match self.left {
            Some((least, most)) => write!(f, ", {} left", range(least, most)),
            None => Ok(()),
        }
    }
}

/// `12-30 s`, `3 m 5 s - 9 m`.
fn range(least: Duration, most: Duration) -> String {
    match most.as_secs() {
        0..120 if least.as_secs() == most.as_secs() => format!("{} s", most.as_secs().max(1)),
        0..120 => format!("{}-{} s", least.as_secs(), most.as_secs()),
        _ => format!("{} - {}", seconds(least), seconds(most)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_read_it() {
        let progress = Progress {
            phase: Phase::Replaying,
            position: Some(Lsn(0x3A00_0000)),
            log: None,
            rate: Some(48e6),
            left: Some((Duration::from_secs(12), Duration::from_secs(30))),
        };
        assert_eq!(progress.to_string(), "redo at 0/3A000000, 48 MB/s, 12-30 s left");
        let blind = Progress { position: None, rate: None, left: None, ..progress.clone() };
        assert_eq!(blind.to_string(), "redo, position could not be read");
        let long = Progress { left: Some((Duration::from_secs(185), Duration::from_secs(540))), ..progress };
        assert!(long.to_string().ends_with("3 m 5 s - 9 m left"), "{long}");
    }

    #[test]
    fn the_share_is_of_what_there_is_to_replay() {
        let at = |position, begin, end| {
            let log = Some((Lsn(begin), Lsn(end)));
            let progress =
                Progress { phase: Phase::Replaying, position: Some(Lsn(position)), log, rate: None, left: None };
            progress.to_string()
        };
        assert_eq!(at(0x1100_0000, 0x150_0790, 0x1A00_0000), "redo at 0/11000000 (63 % of 0/1500790..0/1A000000)");
        assert_eq!(at(0x100_0000, 0x150_0790, 0x200_0000), "redo at 0/1000000 (0 % of 0/1500790..0/2000000)");
        assert_eq!(at(u64::MAX, 0, u64::MAX), "redo at FFFFFFFF/FFFFFFFF (100 % of 0/0..FFFFFFFF/FFFFFFFF)");
        assert_eq!(at(5, 7, 7), "redo at 0/5");
    }
}
