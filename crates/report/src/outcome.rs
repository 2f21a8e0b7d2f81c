//! How a run ended.

use serde::Serialize;

/// How a run ended; decides the exit code. The codes are a contract and are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything that was asked for.
    Done,
    /// Not done.
    Failed,
    /// Used or configured wrongly; waiting cannot mend it.
    Misused,
    /// Could not check, or runs without something that the configuration allows to miss.
    Degraded,
    /// Not yet: the gate's time was up. Trying later may work (`EX_TEMPFAIL` of sysexits.h).
    NotYet,
    /// Stopped on request.
    Interrupted,
}

impl Outcome {
    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::Misused => 2,
            Outcome::Degraded => 3,
            Outcome::NotYet => 75,
            Outcome::Interrupted => 130,
        }
    }

    /// The outcome of two things that were both asked for.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let weight = |outcome| match outcome {
            Outcome::Done => 0,
            Outcome::Degraded => 1,
            Outcome::NotYet => 2,
            Outcome::Failed => 3,
            Outcome::Misused => 4,
            Outcome::Interrupted => 5,
        };
        if weight(other) > weight(self) { other } else { self }
    }
}
