//! Names of releases.

use jiff::{SignedDuration, Timestamp};
use report::{NoUlid, Ulid};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The name of a release, for ever: a ULID, so that names sort by time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReleaseId(Ulid);

impl ReleaseId {
    /// A new one, of this moment.
    pub fn new(now: Timestamp) -> Self {
        Self(Ulid::new(now))
    }

    /// A new one that comes after these, also when the clock has gone back since they were made.
    pub fn after(others: impl IntoIterator<Item = Self>, now: Timestamp) -> Self {
        let new = Self::new(now);
        let newest = others.into_iter().max().filter(|newest| *newest >= new);
        let later = newest.and_then(|newest| newest.time().checked_add(SignedDuration::from_millis(1)).ok());
        later.map_or(new, Self::new)
    }

    /// When it was made, to the millisecond.
    pub fn time(self) -> Timestamp {
        self.0.time()
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ReleaseId {
    type Err = NoUlid;

    fn from_str(text: &str) -> Result<Self, NoUlid> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Issue 6, bad input: a clock that goes back makes no release older than those that are there.
    #[test]
    fn a_new_one_is_the_newest() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let (first, second) = (ReleaseId::new(at(5_000)), ReleaseId::new(at(9_000)));
        let back = ReleaseId::after([second, first], at(7_000));
        assert!(back > second && back.time() == at(9_001), "{back}");
        assert_eq!(ReleaseId::after([first], at(7_000)).time(), at(7_000));
        assert_eq!(ReleaseId::after([], at(7_000)).time(), at(7_000));
        let last: ReleaseId = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ".parse().unwrap();
        assert_eq!(ReleaseId::after([last], at(7_000)).time(), at(7_000));
    }
}
