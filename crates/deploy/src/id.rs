//! Names of releases.

use jiff::Timestamp;
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
