//! What is remembered of the jobs over a restart: `run/schedule.json`.

use super::run::{RunRecord, RunResult, Why};
use config::Job;
use jiff::Timestamp;
use report::Finding;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

/// The version that is written.
const VERSION: u32 = 1;
/// Runs that are kept of each job.
const KEPT: usize = 20;
/// More is no file of ours.
const MAX_BYTES: u64 = 16 << 20;
const MODE: u32 = 0o600;

/// What is remembered of all jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    version: u32,
    /// By name. Jobs that are not configured any more are kept: they may come back.
    pub jobs: BTreeMap<String, JobBook>,
}

/// What is remembered of one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobBook {
    /// When it was due then, as text: with another rhythm nothing was missed.
    pub rhythm: String,
    /// Up to here every due time was begun or left out for good.
    pub through: Timestamp,
    /// What was at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Running>,
    /// Its last runs, the latest last.
    #[serde(default)]
    pub runs: Vec<RunRecord>,
}

/// A run at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The due time that it is for.
    pub due: Timestamp,
    /// Why it was wanted.
    pub why: Why,
    /// When its first try began.
    pub started: Timestamp,
    /// Which try it is.
    pub attempt: u32,
}

/// Why the file cannot be used. It is kept as it is.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// It cannot be read.
    #[error("`{path}` cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It was written by another version.
    #[error("`{path}` is of version {version}, and this mainstay reads version {VERSION}")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// It is damaged.
    #[error("`{path}` is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was seen.
        source: serde_json::Error,
    },
}

impl Default for Book {
    fn default() -> Self {
        Self { version: VERSION, jobs: BTreeMap::new() }
    }
}

impl Book {
    /// The book at `path`, empty when there is none.
    ///
    /// # Errors
    /// When something is there that cannot be used.
    pub fn load(path: &Path) -> Result<Self, BookError> {
        let path = || path.to_owned();
        let text = match host::fs::read_to_string(&path(), MAX_BYTES) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(BookError::Read { path: path(), source }),
        };
        let damaged = |source| BookError::Damaged { path: path(), source };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(damaged)?;
        match value["version"].as_u64() {
            Some(version) if version != u64::from(VERSION) => Err(BookError::Version { path: path(), version }),
            _ => serde_json::from_value(value).map_err(damaged),
        }
    }

    /// Replaces the file at `path` as a whole.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        host::fs::write_atomic(path, text.as_bytes(), MODE)
    }

    /// What is remembered of `job`; when it is new, its due times are accounted for up to `now`.
    pub fn know(&mut self, job: &Job, now: Timestamp) -> &mut JobBook {
        let fresh = || JobBook { rhythm: job.rhythm.to_string(), through: now, running: None, runs: Vec::new() };
        self.jobs.entry(job.name.clone()).or_insert_with(fresh)
    }

    /// Keeps a run of `job` that nobody had scheduled.
    pub fn keep(&mut self, job: &str, record: RunRecord) {
        if let Some(book) = self.jobs.get_mut(job) {
            book.keep(record);
        }
    }

    /// Up to where the due times of `job` are accounted for: as remembered, or up to `now` when it is new or its rhythm is
    /// another one. What was at work when the last mainstay ended is lost, and answered.
    pub fn open(&mut self, job: &Job, now: Timestamp) -> (Timestamp, Option<Timestamp>) {
        let rhythm = job.rhythm.to_string();
        let book = self.know(job, now);
        if book.rhythm != rhythm {
            (book.rhythm, book.through) = (rhythm, now);
        }
        let lost = book.running.take().map(|running| {
            book.keep(RunRecord {
                due: running.due,
                why: running.why,
                started: Some(running.started),
                ended: now,
                result: RunResult::Lost,
                reason: Some("mainstay was killed while it ran".to_owned()),
                code: None,
                attempts: running.attempt,
            });
            running.due
        });
        (book.through, lost)
    }
}

impl JobBook {
    /// Keeps a run, and forgets the oldest.
    pub fn keep(&mut self, record: RunRecord) {
        self.runs.push(record);
        let surplus = self.runs.len().saturating_sub(KEPT);
        self.runs.drain(..surplus);
    }
}

impl From<&BookError> for Finding {
    fn from(error: &BookError) -> Self {
        let hint = match error {
            BookError::Read { .. } => "it must be a file that we may read",
            BookError::Version { .. } => {
                "use the mainstay that wrote it, or move it away: then missed runs are forgotten"
            }
            BookError::Damaged { .. } => "move it away: then missed runs are forgotten",
        };
        Finding::error(error.to_string()).because(error).hint(hint)
    }
}
