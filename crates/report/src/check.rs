//! The result of a check, in four words.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The result of a check. What could not be verified is never called `pass`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// Looked, and it is right.
    #[serde(rename = "pass")]
    Pass,
    /// Looked, and it is wrong.
    #[serde(rename = "fail")]
    Fail,
    /// Could not look.
    #[serde(rename = "could not verify")]
    CouldNotVerify,
    /// Was told not to look.
    #[serde(rename = "skipped")]
    Skipped,
}

/// One line of a preflight: what was looked at, the verdict, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at: `database main`, `data directory`.
    pub subject: String,
    /// The verdict.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// What to do, when there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::CouldNotVerify => "could not verify",
            Verdict::Skipped => "skipped",
        })
    }
}
