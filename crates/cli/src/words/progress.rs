//! How far a copy or a restore has come, in a line: with its rate, and when it will be done.

use backup::{Doing, Look};
use report::{bytes, seconds};
use std::{collections::VecDeque, time::Duration};

/// Columns of the bar.
const BAR: usize = 24;
/// The rate is that of the last few seconds.
const WINDOW: Duration = Duration::from_secs(5);
/// Before that nothing is foretold.
const SOON: Duration = Duration::from_secs(1);

/// What was seen so far of what is being done. Pure: moments are spans since any beginning.
#[derive(Default)]
pub(crate) struct Meter {
    doing: Option<Doing>,
    seen: VecDeque<(Duration, u64)>,
}

/// What is shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shown {
    look: Look,
    /// A second.
    rate: Option<f64>,
    left: Option<Duration>,
}

impl Meter {
    /// Takes note of a look.
    pub(crate) fn see(&mut self, at: Duration, look: Look) -> Shown {
        if self.doing.replace(look.doing) != Some(look.doing) {
            self.seen.clear();
        }
        self.seen.push_back((at, look.done));
        while self.seen.len() > 2 && self.seen.front().is_some_and(|(first, _)| at.saturating_sub(*first) > WINDOW) {
            self.seen.pop_front();
        }
        let rate = self.rate().filter(|rate| *rate > 0.0);
        let left = look
            .of
            .zip(rate)
            .filter(|(of, _)| *of > look.done)
            .and_then(|(of, rate)| Duration::try_from_secs_f64((of - look.done) as f64 / rate).ok());
        Shown { look, rate, left }
    }

    fn rate(&self) -> Option<f64> {
        let ((from, before), (to, now)) = (self.seen.front()?, self.seen.back()?);
        let span = to.saturating_sub(*from);
        (span >= SOON).then(|| now.saturating_sub(*before) as f64 / span.as_secs_f64())
    }
}

impl Shown {
    /// `copying       ███████████              45 %  340.0 MiB of 760.0 MiB, 85.0 MiB/s, 5.0 s left`
    pub(crate) fn line(&self) -> String {
        let (bar, percent) = match self.share() {
            Some(share) => ("█".repeat((share * BAR as f64) as usize), format!("{:>3.0} %", (share * 100.0).floor())),
            None => (String::new(), String::new()),
        };
        format!("{:<12}  {bar:<BAR$}  {percent:>5}  {}", word(self.look.doing), self.amount())
    }

    /// The same where there is no terminal: `backup: copying, 340.0 MiB of 760.0 MiB, 85.0 MiB/s, 5.0 s left`
    pub(crate) fn sentence(&self) -> String {
        format!("backup: {}, {}", word(self.look.doing), self.amount())
    }

    /// How much is done of all.
    fn share(&self) -> Option<f64> {
        self.look.of.filter(|of| *of > 0).map(|of| (self.look.done as f64 / of as f64).min(1.0))
    }

    fn amount(&self) -> String {
        let amount = |number: u64| match self.look.doing {
            Doing::Comparing => number.to_string(),
            _ => bytes(number),
        };
        let of = self.look.of.map(|of| format!(" of {}", amount(of.max(self.look.done))));
        let unit = if self.look.doing == Doing::Comparing { " rows" } else { "" };
        let rate = self.rate.map(|rate| format!(", {}/s", amount(rate as u64)));
        let left = self.left.map(|left| format!(", {} left", seconds(left)));
        let parts = [of, Some(unit.to_owned()), rate, left];
        amount(self.look.done) + &parts.into_iter().flatten().collect::<String>()
    }
}

fn word(doing: Doing) -> &'static str {
    match doing {
        Doing::Copying => "copying",
        Doing::Packing => "compressing",
        Doing::ReadingBack => "reading back",
        Doing::Restoring => "restoring",
        Doing::Comparing => "comparing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    fn look(doing: Doing, done: u64, of: Option<u64>) -> Look {
        Look { doing, done, of }
    }

    /// S1.16: a bar, the rate of the last seconds, and how long it will take; nothing is foretold from too little.
    #[test]
    fn progress_has_a_rate_and_an_end() {
        let mut meter = Meter::default();
        let mut see = |tenths: u64, look| meter.see(Duration::from_millis(tenths * 100), look);
        let first = see(0, look(Doing::Copying, 0, Some(760 * MB)));
        assert_eq!(first.line(), format!("copying       {:24}    0 %  0 B of 760.0 MiB", ""));
        let later = see(40, look(Doing::Copying, 340 * MB, Some(760 * MB)));
        assert_eq!(
            later.line(),
            format!("copying       {:24}   44 %  340.0 MiB of 760.0 MiB, 85.0 MiB/s, 4.9 s left", "█".repeat(10))
        );
        assert_eq!(later.sentence(), "backup: copying, 340.0 MiB of 760.0 MiB, 85.0 MiB/s, 4.9 s left");
        let slow = see(100, look(Doing::Copying, 340 * MB, Some(760 * MB)));
        assert_eq!(slow.sentence(), "backup: copying, 340.0 MiB of 760.0 MiB", "it stands still");
    }

    /// S1.16: of a first copy nobody knows how much it will be, and what goes on longer than thought is never over 100 %.
    #[test]
    fn what_is_not_known_is_not_shown() {
        let mut meter = Meter::default();
        let unknown = meter.see(Duration::ZERO, look(Doing::Copying, 3 * MB, None));
        assert_eq!(unknown.line(), format!("copying       {:24}         3.0 MiB", ""));
        let over = meter.see(Duration::from_secs(2), look(Doing::Copying, 7 * MB, Some(5 * MB)));
        assert_eq!(over.sentence(), "backup: copying, 7.0 MiB of 7.0 MiB, 2.0 MiB/s");
        let rows = meter.see(Duration::from_secs(3), look(Doing::Comparing, 10, Some(40)));
        assert_eq!(rows.sentence(), "backup: comparing, 10 of 40 rows");
    }
}
