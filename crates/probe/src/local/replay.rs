//! How fast a log is replayed, and when it may be done. Pure.

use database::postgres::local::{Lsn, Segment};
use std::{collections::VecDeque, time::Duration};

/// The recent past.
const RECENT: Duration = Duration::from_secs(10);
/// More than this is not remembered.
const REMEMBERED: Duration = Duration::from_secs(120);

/// The course of a replay. Each sample is the time at which a segment was first seen being replayed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Replay {
    samples: VecDeque<(Duration, Lsn)>,
    at: Segment,
    /// The size of a segment.
    size: u64,
    /// Where it began, when that could be read.
    begin: Option<Lsn>,
}

impl Replay {
    /// A replay that began at `begin` and is seen in `segment` at `now`; segments have `size` bytes.
    pub(super) fn new(now: Duration, segment: Segment, size: u64, begin: Option<Lsn>) -> Self {
        Self { samples: [(now, segment.start(size))].into(), at: segment, size, begin }
    }

    /// It replays `segment` at `now`.
    pub(super) fn note(&mut self, now: Duration, segment: Segment) {
        if segment.start(self.size) > self.position() {
            self.at = segment;
            self.samples.push_back((now, self.position()));
        }
        while self.samples.len() > 2 && self.samples[0].0 + REMEMBERED < now {
            self.samples.pop_front();
        }
    }

    /// The segment it is in.
    pub(super) fn at(&self) -> Segment {
        self.at
    }

    /// The first byte of that segment.
    pub(super) fn position(&self) -> Lsn {
        self.at.start(self.size)
    }

    /// Where it began, and where it will end if `last` is the last segment.
    pub(super) fn log(&self, last: Segment) -> Option<(Lsn, Lsn)> {
        self.begin.map(|begin| (begin, last.end(self.size)))
    }

    /// Bytes per second of late, as soon as two whole segments were seen to pass.
    pub(super) fn rate(&self) -> Option<f64> {
        let (now, _) = self.samples.back()?;
        let recent = self.samples.iter().rev().take_while(|(time, _)| *time + RECENT >= *now).count().max(3);
        self.rate_over(recent)
    }

    /// Shortest and longest likely time until the last segment, `last`, is passed.
    pub(super) fn left(&self, last: Segment) -> Option<(Duration, Duration)> {
        let (late, whole) = (self.rate()?, self.rate_over(self.samples.len())?);
        // Somewhere in this segment to somewhere in the last one: up to a segment less, up to one more.
        let least = last.start(self.size).0.saturating_sub(self.at.end(self.size).0) as f64 / late.max(whole);
        let most = last.end(self.size).0.saturating_sub(self.position().0) as f64 / late.min(whole);
        Some((Duration::try_from_secs_f64(least).ok()?, Duration::try_from_secs_f64(most).ok()?))
    }

    fn rate_over(&self, samples: usize) -> Option<f64> {
        // The first sample is where we came in, in the middle of a segment: it does not count.
        let from = self.samples.len().saturating_sub(samples).max(1);
        let ((first, low), (last, high)) = (self.samples.get(from)?, self.samples.back()?);
        let seconds = last.saturating_sub(*first).as_secs_f64();
        (seconds > 0.0).then(|| high.0.saturating_sub(low.0) as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use database::postgres::local::SEGMENT_SIZE;

    fn segment(number: u32) -> Segment {
        Segment::parse(&format!("0000000100000000{number:08X}")).unwrap()
    }

    /// One segment every `gap` milliseconds.
    fn steady(gap: u64, count: u32) -> Replay {
        let mut replay = Replay::new(Duration::ZERO, segment(0), SEGMENT_SIZE, Some(Lsn(7)));
        (0..count).for_each(|n| replay.note(Duration::from_millis(u64::from(n) * gap), segment(n)));
        replay
    }

    #[test]
    fn a_steady_replay_has_a_rate_and_an_end() {
        let replay = steady(500, 21);
        assert_eq!(replay.rate(), Some(2.0 * SEGMENT_SIZE as f64));
        let (least, most) = replay.left(segment(60)).unwrap();
        assert_eq!((least, most), (Duration::from_millis(19_500), Duration::from_millis(20_500)));
        assert_eq!(replay.log(segment(60)), Some((Lsn(7), segment(60).end(SEGMENT_SIZE))));
    }

    #[test]
    fn too_little_is_not_a_rate() {
        assert_eq!(steady(500, 2).rate(), None);
        assert_eq!(steady(500, 2).left(segment(9)), None);
        assert_eq!(steady(0, 30).rate(), None, "all in one moment");
    }

    #[test]
    fn a_slowdown_widens_the_range() {
        let mut replay = steady(100, 20);
        (1..=10).for_each(|n| replay.note(Duration::from_secs(2 + n * 2), segment(20 + n as u32)));
        let (least, most) = replay.left(segment(60)).unwrap();
        assert!(most.as_secs_f64() > 1.5 * least.as_secs_f64(), "{least:?} {most:?}");
    }

    #[test]
    fn segments_of_any_size_have_their_place() {
        let size = 1 << 20;
        let mut replay = Replay::new(Duration::ZERO, segment(1), size, None);
        replay.note(Duration::from_secs(1), segment(2));
        assert_eq!((replay.position(), replay.log(segment(9))), (Lsn(2 * size), None));
    }

    #[test]
    fn an_end_already_passed_is_near() {
        assert_eq!(steady(500, 21).left(segment(3)).unwrap().0, Duration::ZERO);
    }
}
