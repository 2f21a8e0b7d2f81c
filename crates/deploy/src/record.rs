//! What is known of a release: `release.json` in its directory.

use crate::ReleaseId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The version that is written, and the only one that is understood.
pub(crate) const VERSION: u32 = 1;

/// What is known of a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub(crate) version: u32,
    /// Its name.
    pub id: ReleaseId,
    /// What was asked for: `main`, `v1.4.2`, the beginning of a commit.
    pub reference: String,
    /// The commit, in all its digits; empty as long as it is not known.
    pub commit: String,
    /// The first line of the commit's message.
    pub subject: String,
    /// Who wrote it.
    pub author: String,
    /// When this release was begun.
    pub created: Timestamp,
    /// Who asked for it: a user, a push, a webhook.
    pub by: String,
    /// The application's file in its tree. Relative.
    pub file: PathBuf,
    /// How far it has come.
    pub state: State,
    /// Why it went no further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// When it went live first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Timestamp>,
    /// The last migration that was applied before it; nothing where that is not known, or none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_before: Option<String>,
    /// The last migration that was applied with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_after: Option<String>,
    /// The VERIFIED copy that was taken before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// Databases that an empty one took the place of, or may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emptied: Vec<Emptied>,
    /// What its lock files said, in hexadecimal digits: dependencies are fetched again when it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<String>,
    /// So many bytes it takes on the disk, once it is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The steps it went through, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// What was measured through its own door while it went live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prober: Option<Probe>,
}

impl Record {
    /// Of a release that is begun now.
    pub fn new(id: ReleaseId, reference: impl Into<String>, by: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        Self {
            version: VERSION,
            id,
            reference: reference.into(),
            commit: String::new(),
            subject: String::new(),
            author: String::new(),
            created: id.time(),
            by: by.into(),
            file: file.into(),
            state: State::Preparing,
            cause: None,
            live: None,
            head_before: None,
            head_after: None,
            backup: None,
            emptied: Vec::new(),
            dependencies: None,
            bytes: None,
            phases: Vec::new(),
            prober: None,
        }
    }

    /// The beginning of its commit, as people say it.
    pub fn short_commit(&self) -> &str {
        self.commit.get(..10).unwrap_or(&self.commit)
    }
}

/// A database that an empty one took the place of, or may have: that is written down before it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emptied {
    /// Its name in the configuration.
    pub database: String,
    /// What could have been put back before; when that is the same still, nothing was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// What could be put back right after it was replaced. When that is another one now, somebody has restored something since, and
    /// taking that back is not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<String>,
}

impl Emptied {
    /// One that is about to be replaced.
    pub fn new(database: &str, last: Option<String>) -> Self {
        Self { database: database.to_owned(), last, done: None }
    }

    /// Is it to be put back, when this is what could be?
    pub fn is_to_be_put_back(&self, now: Option<&str>) -> bool {
        match &self.done {
            Some(done) => now == Some(done),
            // What older versions have written down has no time before the name.
            None => {
                let name = now.map(|now| now.split_once(' ').map_or(now, |(_, name)| name));
                now != self.last.as_deref() && name != self.last.as_deref()
            }
        }
    }
}

/// How far a release has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is checked out and built, or whoever did so is gone.
    Preparing,
    /// It could be started.
    Built,
    /// It gets the traffic, and is watched.
    Live,
    /// It got the traffic and was well all the time it was watched.
    Confirmed,
    /// It was live until another one took its place.
    Superseded,
    /// It never went live.
    Failed,
    /// It went live and was taken back.
    RolledBack,
    /// Whoever made it ended before it was done.
    Abandoned,
}

impl State {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            State::Preparing => "preparing",
            State::Built => "built",
            State::Live => "live",
            State::Confirmed => "confirmed",
            State::Superseded => "superseded",
            State::Failed => "failed",
            State::RolledBack => "rolled back",
            State::Abandoned => "abandoned",
        }
    }

    /// Has it a tree that can be started again?
    pub fn can_run(self) -> bool {
        matches!(self, State::Built | State::Live | State::Confirmed | State::Superseded)
    }
}

/// A step that a release went through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// What was done: `build`.
    pub step: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// There was nothing to do.
    Skipped,
    /// It failed.
    Failed,
    /// It was taken back.
    Undone,
}

/// What was measured through the application's own doors while releases changed. Of several doors the sums, and the worst times of any.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Requests that were sent.
    pub sent: u64,
    /// Those that got no good answer.
    pub failed: u64,
    /// The longest time without a good answer, in milliseconds.
    pub longest_gap_ms: f64,
    /// Ninety-nine of a hundred answers were faster, in milliseconds.
    pub p99_ms: f64,
    /// Each of several doors; nothing where there is only one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doors: Vec<ProbedDoor>,
}

/// What was measured through one of several doors; the figures are those of [`Probe`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbedDoor {
    /// The service, and where it was asked: `api at http://127.0.0.1:8000/health`.
    pub door: String,
    /// Requests that were sent.
    pub sent: u64,
    /// Those that got no good answer.
    pub failed: u64,
    /// The longest time without a good answer, in milliseconds.
    pub longest_gap_ms: f64,
    /// Ninety-nine of a hundred answers were faster, in milliseconds.
    pub p99_ms: f64,
}

/// Why a record is not understood. The release is kept, and never counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It was written by another mainstay.
    #[error("its record has version {0}, and this mainstay knows version {VERSION}")]
    Version(u64),
    /// It is no record.
    #[error("its record cannot be read: {0}")]
    Damaged(String),
}

/// The text of a record.
pub(crate) fn to_text(record: &Record) -> String {
    // Names, numbers and texts alone: nothing of it could fail.
    let text = serde_json::to_string_pretty(record);
    text.map(|text| text + "\n").unwrap_or_default()
}

/// Of the text of a record.
pub(crate) fn from_text(text: &str) -> Result<Record, Unreadable> {
    let damaged = |error: serde_json::Error| Unreadable::Damaged(error.to_string());
    let value: serde_json::Value = serde_json::from_str(text).map_err(damaged)?;
    match value["version"].as_u64() {
        Some(version) if version != u64::from(VERSION) => Err(Unreadable::Version(version)),
        _ => serde_json::from_value(value).map_err(damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        Record::new(id, "main", "git push by ada", "mainstay.toml")
    }

    /// Issue 6, point 3: what is written is what is read, and another version is never taken for ours.
    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut record = record();
        record.state = State::RolledBack;
        record.cause = Some("`api` became critical".to_owned());
        record.phases.push(Phase { step: "build".to_owned(), took_ms: 1200, outcome: Outcome::Done });
        let (sent, failed, longest_gap_ms, p99_ms) = (100, 0, 1.5, 0.9);
        let doors = vec![ProbedDoor { door: "api".to_owned(), sent, failed, longest_gap_ms, p99_ms }];
        record.prober = Some(Probe { sent, failed, longest_gap_ms, p99_ms, doors });
        let text = to_text(&record);
        assert_eq!(from_text(&text), Ok(record));
        assert!(text.contains("\"state\": \"rolled-back\""), "{text}");
        let newer = text.replace("\"version\": 1", "\"version\": 2");
        assert_eq!(from_text(&newer), Err(Unreadable::Version(2)));
        assert!(matches!(from_text("{"), Err(Unreadable::Damaged(_))));
    }

    /// A record of the first version, as it lies on disks: it must be read for ever.
    #[test]
    fn the_first_version_is_read() {
        let text = r#"{
            "version": 1, "id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "reference": "main",
            "commit": "fd24012bcfe81d2a85d31a2f5ba4bbd2b0dcbd11", "subject": "First", "author": "Ada <ada@shop.example>",
            "created": "2016-07-30T23:54:10.259Z", "by": "ada", "file": "mainstay.toml", "state": "confirmed",
            "live": "2016-07-30T23:55:10Z", "head_before": "2", "head_after": "3", "backup": "01ARZ3NDEKTSV4RRFFQ69G5FAW",
            "dependencies": "ab12", "bytes": 4096, "phases": [{ "step": "build", "took_ms": 7, "outcome": "skipped" }],
            "prober": { "sent": 3, "failed": 0, "longest_gap_ms": 0.5, "p99_ms": 0.25 }
        }"#;
        let record = from_text(text).unwrap();
        assert_eq!((record.state, record.short_commit()), (State::Confirmed, "fd24012bcf"));
        assert_eq!(record.head_after.as_deref(), Some("3"));
    }
}
