//! One run of a job: why it is wanted, and what became of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A run that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The due time that it is for; for one that was asked for, when that was.
    pub due: Timestamp,
    /// Why it is wanted.
    pub why: Why,
    /// Which try of it comes next, from 1.
    pub attempt: u32,
    /// When its first try began.
    pub began: Option<Timestamp>,
}

/// Why a run is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It is due.
    Due,
    /// It makes up for runs that were missed.
    CaughtUp,
    /// Somebody asked for it.
    Asked,
}

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunResult {
    /// It ended with 0.
    Done,
    /// It failed, and no try is left.
    Failed,
    /// It was left out.
    Skipped,
    /// It was stopped together with mainstay.
    Stopped,
    /// The next one took its place.
    Replaced,
    /// Nobody saw its end: mainstay was killed while it ran.
    Lost,
}

/// What became of a run, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The due time that it was for.
    pub due: Timestamp,
    /// Why it was wanted.
    pub why: Why,
    /// When its first try began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it was over.
    pub ended: Timestamp,
    /// What became of it.
    pub result: RunResult,
    /// The same in words: `exit code 1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The exit code of its last try, 128 and the number for a signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// How many tries it took.
    pub attempts: u32,
}

/// How a run that somebody asked for was taken, by the overlap policy of its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It begins, once what the job needs is there and nobody else runs it.
    Begins,
    /// A run waits already: both become one.
    Joins,
    /// It follows the run at work.
    Queued,
    /// It takes the place of the run at work, which is stopped.
    Replaces,
    /// It is left out: the run at work goes on.
    Skipped,
}

/// Why a run may not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoLock {
    /// Somebody else runs the job.
    Held(String),
    /// Nobody can tell.
    Unknown(String),
}

impl Planned {
    /// The first try of a run.
    pub fn new(due: Timestamp, why: Why) -> Self {
        Self { due, why, attempt: 1, began: None }
    }

    /// Both become one run, for the later due time; one that is only asked for has none.
    pub(super) fn join(&mut self, new: Self) {
        if self.why == Why::Asked {
            (self.due, self.why) = (new.due, new.why);
        } else if new.why != Why::Asked {
            self.due = self.due.max(new.due);
        }
    }
}

impl RunRecord {
    /// How long it took, from the beginning of its first try.
    pub fn took(&self) -> Option<std::time::Duration> {
        self.started.and_then(|started| self.ended.duration_since(started).try_into().ok())
    }
}

impl fmt::Display for RunResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            RunResult::Done => "done",
            RunResult::Failed => "failed",
            RunResult::Skipped => "skipped",
            RunResult::Stopped => "stopped",
            RunResult::Replaced => "replaced",
            RunResult::Lost => "lost",
        })
    }
}
