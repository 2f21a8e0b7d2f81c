//! How fast a log is replayed, and when it may be done. Pure.

use super::title::Segment;
use std::{collections::VecDeque, time::Duration};

/// Segments are of this size unless `initdb --wal-segsize` made them otherwise; then rates are off by that factor.
pub(super) const SEGMENT: u64 = 16 << 20;
/// The recent past.
const RECENT: Duration = Duration::from_secs(10);
/// More than this is not remembered.
const REMEMBERED: Duration = Duration::from_secs(120);

/// The course of a replay. Each sample is the time at which a segment was first seen being replayed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Replay {
    samples: VecDeque<(Duration, u64)>,
    at: Option<Segment>,
}

impl Replay {
    /// It replays `segment` at `now`.
    pub(super) fn note(&mut self, now: Duration, segment: &Segment) {
        let start = segment.start(SEGMENT);
        if self.samples.back().is_none_or(|(_, last)| start > *last) {
            self.samples.push_back((now, start));
            self.at = Some(*segment);
        }
        while self.samples.len() > 2 && self.samples[0].0 + REMEMBERED < now {
            self.samples.pop_front();
        }
    }

    /// The segment it is in.
    pub(super) fn at(&self) -> Option<Segment> {
        self.at
    }

    /// The first byte of that segment.
    pub(super) fn position(&self) -> Option<u64> {
        self.at.map(|segment| segment.start(SEGMENT))
    }

    /// Bytes per second of late, as soon as two whole segments were seen to pass.
    pub(super) fn rate(&self) -> Option<f64> {
        let (now, _) = self.samples.back()?;
        let recent = self.samples.iter().rev().take_while(|(time, _)| *time + RECENT >= *now).count().max(3);
        self.rate_over(recent)
    }

    /// Shortest and longest likely time until `end`, the first byte of the last segment, is passed.
    pub(super) fn left(&self, end: u64) -> Option<(Duration, Duration)> {
        let (late, whole) = (self.rate()?, self.rate_over(self.samples.len())?);
        let position = self.position()?;
        // Somewhere in this segment to somewhere in the last one: up to a segment less, up to one more.
        let least = end.saturating_sub(position + SEGMENT) as f64 / late.max(whole);
        let most = (end + SEGMENT).saturating_sub(position) as f64 / late.min(whole);
        Some((Duration::try_from_secs_f64(least).ok()?, Duration::try_from_secs_f64(most).ok()?))
    }

    fn rate_over(&self, samples: usize) -> Option<f64> {
        // The first sample is where we came in, in the middle of a segment: it does not count.
        let from = self.samples.len().saturating_sub(samples).max(1);
        let ((first, low), (last, high)) = (self.samples.get(from)?, self.samples.back()?);
        let seconds = last.saturating_sub(*first).as_secs_f64();
        (seconds > 0.0).then(|| (high - low) as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(number: u32) -> Segment {
        Segment::parse(&format!("0000000100000000{number:08X}")).unwrap()
    }

    /// One segment every `gap` milliseconds.
    fn steady(gap: u64, count: u32) -> Replay {
        let mut replay = Replay::default();
        (0..count).for_each(|n| replay.note(Duration::from_millis(u64::from(n) * gap), &segment(n)));
        replay
    }

    #[test]
    fn a_steady_replay_has_a_rate_and_an_end() {
        let replay = steady(500, 21);
        assert_eq!(replay.rate(), Some(2.0 * SEGMENT as f64));
        let (least, most) = replay.left(60 * SEGMENT).unwrap();
        assert_eq!((least, most), (Duration::from_millis(19_500), Duration::from_millis(20_500)));
    }

    #[test]
    fn too_little_is_not_a_rate() {
        assert_eq!(steady(500, 2).rate(), None);
        assert_eq!(Replay::default().left(1), None);
        assert_eq!(steady(0, 30).rate(), None, "all in one moment");
    }

    #[test]
    fn a_slowdown_widens_the_range() {
        let mut replay = steady(100, 20);
        (1..=10).for_each(|n| replay.note(Duration::from_secs(2 + n * 2), &segment(20 + n as u32)));
        let (least, most) = replay.left(60 * SEGMENT).unwrap();
        assert!(most.as_secs_f64() > 1.5 * least.as_secs_f64(), "{least:?} {most:?}");
    }

    #[test]
    fn an_end_already_passed_is_near() {
        assert_eq!(steady(500, 21).left(3).unwrap().0, Duration::ZERO);
    }
}
