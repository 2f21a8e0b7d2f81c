//! Which copies go. Pure: the same plan is shown by `prune --dry-run` and carried out by `prune`.
//!
//! Only VERIFIED copies of the same database count. The newest of them never goes, nor does one that is pinned, nor any while
//! fewer than `min_keep` would be left. A copy that is not VERIFIED protects nothing: it goes once it is older than every
//! VERIFIED one that is kept. What cannot be read stays.

use crate::Id;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::collections::BTreeSet;

/// How many copies are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The last so many.
    pub last: u32,
    /// The last one of each of so many days.
    pub daily: u32,
    /// The last one of each of so many weeks, which begin on Monday.
    pub weekly: u32,
    /// The last one of each of so many months.
    pub monthly: u32,
    /// The last one of each of so many years.
    pub yearly: u32,
    /// Never fewer than these, and never none.
    pub min_keep: u32,
    /// In which days begin.
    pub zone: TimeZone,
}

/// A copy, as far as retention cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub id: Id,
    /// Which database it is of.
    pub database: String,
    /// The moment that it shows.
    pub taken: Timestamp,
    /// Does it count?
    pub verified: bool,
    /// Does somebody want it kept?
    pub pinned: bool,
}

/// What becomes of the copies of one database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Those that stay, with the reason, the newest first.
    pub keep: Vec<(Id, Reason)>,
    /// Those that go, the oldest first.
    pub remove: Vec<Id>,
    /// How many of those that go are VERIFIED.
    pub verified_removed: usize,
    /// How many VERIFIED ones there are.
    pub verified: usize,
}

/// Why a copy stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The newest VERIFIED one.
    Newest,
    /// Somebody wants it kept.
    Pinned,
    /// One of the last.
    Last,
    /// The last one of its day.
    Daily,
    /// The last one of its week.
    Weekly,
    /// The last one of its month.
    Monthly,
    /// The last one of its year.
    Yearly,
    /// Fewer than `min_keep` would be left.
    Minimum,
    /// Not VERIFIED, and not older than every VERIFIED one that stays.
    Unproven,
}

impl Plan {
    /// Would more than half of the VERIFIED copies go at once? Then somebody should look first.
    pub fn is_drastic(&self) -> bool {
        self.verified_removed * 2 > self.verified
    }
}

/// What becomes of the copies of `database`; those of others are not looked at.
pub fn plan(copies: &[Kept], database: &str, policy: &Policy) -> Plan {
    let mut copies: Vec<&Kept> = copies.iter().filter(|copy| copy.database == database).collect();
    copies.sort_by_key(|copy| std::cmp::Reverse((copy.taken, copy.id)));
    let verified: Vec<&Kept> = copies.iter().copied().filter(|copy| copy.verified).collect();
    let reasons = reasons(&verified, policy);
    let reason = |copy: &Kept| reasons.iter().find(|(id, _)| *id == copy.id).map(|(_, reason)| *reason);
    let oldest = verified.iter().rev().find(|copy| reason(copy).is_some()).map(|copy| copy.taken);
    let mut plan = Plan { verified: verified.len(), ..Plan::default() };
    for copy in copies {
        let stays = match reason(copy) {
            Some(reason) => Some(reason),
            None if copy.pinned => Some(Reason::Pinned),
            None if copy.verified => None,
            None => oldest.is_none_or(|oldest| copy.taken >= oldest).then_some(Reason::Unproven),
        };
        match stays {
            Some(reason) => plan.keep.push((copy.id, reason)),
            None => {
                plan.remove.insert(0, copy.id);
                plan.verified_removed += usize::from(copy.verified);
            }
        }
    }
    plan
}

/// The day with which the period of a day begins.
type Period = fn(Date) -> Date;

/// `verified`: the newest first.
fn reasons(verified: &[&Kept], policy: &Policy) -> Vec<(Id, Reason)> {
    let mut kept: Vec<(Id, Reason)> = Vec::new();
    let mut keep = |id: Id, reason: Reason| {
        if !kept.iter().any(|(known, _)| *known == id) {
            kept.push((id, reason));
        }
    };
    verified.iter().take(1).for_each(|copy| keep(copy.id, Reason::Newest));
    verified.iter().filter(|copy| copy.pinned).for_each(|copy| keep(copy.id, Reason::Pinned));
    verified.iter().take(policy.last as usize).for_each(|copy| keep(copy.id, Reason::Last));
    let periods: [(u32, Reason, Period); 4] = [
        (policy.daily, Reason::Daily, |day| day),
        (policy.weekly, Reason::Weekly, week),
        (policy.monthly, Reason::Monthly, Date::first_of_month),
        (policy.yearly, Reason::Yearly, Date::first_of_year),
    ];
    for (number, reason, period) in periods {
        let mut seen = BTreeSet::new();
        for copy in verified {
            let begin = period(copy.taken.to_zoned(policy.zone.clone()).date());
            if !seen.contains(&begin) && seen.len() < number as usize {
                seen.insert(begin);
                keep(copy.id, reason);
            }
        }
    }
    for copy in verified {
        if kept.len() >= policy.min_keep.max(1) as usize {
            break;
        }
        if !kept.iter().any(|(known, _)| *known == copy.id) {
            kept.push((copy.id, Reason::Minimum));
        }
    }
    kept
}

/// Its Monday.
fn week(day: Date) -> Date {
    let since = i32::from(day.weekday().to_monday_zero_offset());
    day.checked_sub(jiff::Span::new().days(since)).unwrap_or(day)
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Reason::Newest => "the newest VERIFIED one",
            Reason::Pinned => "pinned",
            Reason::Last => "one of the last",
            Reason::Daily => "of its day",
            Reason::Weekly => "of its week",
            Reason::Monthly => "of its month",
            Reason::Yearly => "of its year",
            Reason::Minimum => "so that enough are left",
            Reason::Unproven => "not verified, and not older than the VERIFIED ones",
        })
    }
}

#[cfg(test)]
mod tests;
