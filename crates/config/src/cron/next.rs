//! The next time at which a clock on the wall shows what is written.

use super::Cron;
use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, TimeZone},
};

/// The rarest date, a weekday of February 29, comes within forty years: 2096 is followed by 2104.
const YEARS: i16 = 45;

impl Cron {
    /// The first due time after `now`.
    pub fn next_after(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let today = now.to_zoned(zone.clone()).datetime();
        // A time of yesterday may lie in a gap that ends today, and a repeated hour may begin before midnight.
        let mut date = today.date().yesterday().unwrap_or(today.date());
        let last_year = today.year().saturating_add(YEARS);
        while date.year() <= last_year {
            if self.months & (1 << date.month()) == 0 {
                date = date.first_of_month().checked_add(1.month()).ok()?;
                continue;
            }
            if self.has(date)
                && let Some(due) = self.on(date, now, zone)
            {
                return Some(due);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// Does the day fit?
    fn has(&self, date: Date) -> bool {
        let day = self.days & (1 << date.day()) != 0;
        let weekday = self.weekdays & (1 << date.weekday().to_sunday_zero_offset()) != 0;
        self.months & (1 << date.month()) != 0 && if self.either_day { day || weekday } else { day && weekday }
    }

    /// The first due time on this date that comes after `now`.
    fn on(&self, date: Date, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let steady = steady_offset(date, zone);
        let Some(offset) = steady else { return self.on_day_of_change(date, now, zone) };
        let shown = offset.to_datetime(now);
        match shown.date().cmp(&date) {
            std::cmp::Ordering::Greater => None,
            order => {
                let after = if order.is_eq() { Some(shown.time()) } else { None };
                let time = self.first_time_after(after)?;
                offset.to_timestamp(date.to_datetime(time)).ok()
            }
        }
    }

    /// The first time of a day, or the first one after `after`.
    fn first_time_after(&self, after: Option<Time>) -> Option<Time> {
        let (hour, minute) = after.map_or((0, -1), |time| (time.hour(), time.minute()));
        let in_this_hour = || bits(self.minutes).find(|it| *it > minute).map(|minute| (hour, minute));
        let first = bits(self.minutes).next()?;
        let this = (self.hours & (1 << hour) != 0).then(in_this_hour).flatten();
        let later = || bits(u64::from(self.hours)).find(|it| *it > hour).map(|hour| (hour, first));
        let (hour, minute) = match after {
            None => (bits(u64::from(self.hours)).next()?, first),
            Some(_) => this.or_else(later)?,
        };
        Time::new(hour, minute, 0, 0).ok()
    }

    /// The same on a day on which the clocks change: all its times are looked at.
    fn on_day_of_change(&self, date: Date, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let times = bits(u64::from(self.hours)).flat_map(|hour| bits(self.minutes).map(move |minute| (hour, minute)));
        let shown = times.filter_map(|(hour, minute)| Time::new(hour, minute, 0, 0).ok());
        shown.flat_map(|time| self.instants(date.to_datetime(time), zone)).filter(|due| *due > now).min()
    }

    /// When the clock shows this: once, never, or twice.
    fn instants(&self, shown: DateTime, zone: &TimeZone) -> Vec<Timestamp> {
        let every_hour = self.hours == (1 << 24) - 1;
        let found = match zone.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => vec![offset.to_timestamp(shown).ok()],
            AmbiguousOffset::Gap { .. } if every_hour => Vec::new(),
            AmbiguousOffset::Gap { after, .. } => {
                // By the clock as it is after the gap, this time lies before the change.
                let before = after.to_timestamp(shown).ok();
                vec![before.and_then(|it| zone.following(it).next()).map(|change| change.timestamp())]
            }
            AmbiguousOffset::Fold { before, after } if every_hour => {
                vec![before.to_timestamp(shown).ok(), after.to_timestamp(shown).ok()]
            }
            AmbiguousOffset::Fold { before, .. } => vec![before.to_timestamp(shown).ok()],
        };
        found.into_iter().flatten().collect()
    }
}

/// The offset of the whole day, if there is one.
fn steady_offset(date: Date, zone: &TimeZone) -> Option<jiff::tz::Offset> {
    let at = |shown: DateTime| match zone.to_ambiguous_timestamp(shown).offset() {
        AmbiguousOffset::Unambiguous { offset } => Some(offset),
        _ => None,
    };
    let begin = at(date.to_datetime(Time::midnight()))?;
    let end = at(date.tomorrow().ok()?.to_datetime(Time::midnight()))?;
    (begin == end).then_some(begin)
}

/// The numbers of a set, the least first.
pub(super) fn bits(set: u64) -> impl Iterator<Item = i8> {
    (0..64i8).filter(move |bit| set & (1 << bit) != 0)
}
