//! What is said of jobs. Every field has a default, so that another version may leave it out.

use serde::{Deserialize, Serialize};

/// One job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// `idle`, `off`, `waiting`, `running`, `stopping` or `retrying`.
    pub state: String,
    /// Why it is off, or what it waits for.
    pub reason: Option<String>,
    /// The process at work.
    pub pid: Option<u32>,
    /// When it is due next: RFC 3339, UTC.
    pub next: Option<String>,
    /// The same in seconds from now.
    pub next_in_s: Option<f64>,
    /// What became of its last run.
    pub last: Option<JobRun>,
}

/// What became of a run of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobRun {
    /// The due time that it was for, or when it was asked for: RFC 3339, UTC.
    pub due: String,
    /// `due`, `caught-up` or `asked`.
    pub why: String,
    /// When its first try began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// When it was over.
    pub ended: String,
    /// `done`, `failed`, `skipped`, `stopped`, `replaced` or `lost`.
    pub result: String,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The exit code of its last try, 128 and the number for a signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// How many tries it took.
    pub attempts: u32,
    /// How long it took, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_s: Option<f64>,
    /// How long ago it was over, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ago_s: Option<f64>,
}

/// What is told of a run that was asked for, piece by piece.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunTold {
    /// Which piece.
    pub what: What,
    /// The sentence, or the line that the job wrote.
    pub text: String,
    /// `stdout` or `stderr`, of a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The process, when it has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// What became of it, at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<JobRun>,
}

/// A piece of what is told of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// It begins, or follows the run at work.
    Taken,
    /// It is left out by the overlap policy of the job.
    LeftOut,
    /// It waits for what the job needs.
    Waits,
    /// A process has begun.
    Began,
    /// A line that it wrote.
    Line,
    /// Lines that came faster than they were read here.
    Missing,
    /// It is over.
    Over,
    /// It does not begin any more: mainstay is being stopped, or the job was removed.
    CalledOff,
    /// Something that only the other version knows.
    #[default]
    #[serde(other)]
    Unknown,
}
