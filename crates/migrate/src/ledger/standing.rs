//! How each migration stands, as people and programs read it.

use super::{Standing, Where};
use crate::{Migration, Version, migration::Kind};
use serde::Serialize;
use std::fmt;

/// One migration, as `migrate status` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its version; empty for a repeatable one.
    pub version: Version,
    /// Its file's name, or the row's when there is no file.
    pub name: String,
    /// When it is applied.
    pub kind: Kind,
    /// How it stands.
    pub state: State,
    /// When it was applied, RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// The release that applied it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Is there a way back?
    pub down: bool,
    /// Something to know about it that stands in nobody's way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How a migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// In the ledger, and the file does what was applied, as far as that can be compared.
    Applied,
    /// Not in the ledger yet, or a repeatable one that has changed.
    Pending,
    /// Edited after it was applied.
    Changed,
    /// Has another name than when it was applied.
    Renamed,
    /// In the ledger, but there is no file.
    Missing,
    /// In the ledger, and newer than every file.
    Newer,
    /// Not in the ledger, and older than one that is.
    OutOfOrder,
    /// Begun, and it did not end.
    Begun,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::Applied => "applied",
            State::Pending => "pending",
            State::Changed => "changed",
            State::Renamed => "renamed",
            State::Missing => "missing",
            State::Newer => "newer",
            State::OutOfOrder => "out of order",
            State::Begun => "begun",
        })
    }
}

impl Standing<'_> {
    /// The file's name, or what the row or our history calls it.
    pub(crate) fn name(&self) -> String {
        let recorded = || self.recorded.map(|recorded| recorded.name.clone());
        let named = || self.row.and_then(|row| row.name.clone());
        let shown = || self.row.map(super::Row::shown);
        self.file.map(|file| file.name.clone()).or_else(recorded).or_else(named).or_else(shown).unwrap_or_default()
    }

    /// When it was applied, by the ledger or by our history.
    pub(crate) fn applied_at(&self) -> Option<String> {
        let recorded = || self.recorded.map(|recorded| recorded.applied_at.clone());
        self.row.and_then(|row| row.applied_at.clone()).or_else(recorded)
    }

    fn state(&self) -> State {
        match &self.place {
            Where::Applied { .. } => State::Applied,
            Where::Changed(difference) if difference.is_harmless() => State::Applied,
            Where::Pending | Where::Again => State::Pending,
            Where::Late => State::OutOfOrder,
            Where::Changed(_) => State::Changed,
            Where::Renamed => State::Renamed,
            Where::Missing => State::Missing,
            Where::Newer { .. } => State::Newer,
            Where::Begun | Where::Resumes | Where::BegunAs(_) | Where::UndoneInPart => State::Begun,
        }
    }

    fn note(&self) -> Option<String> {
        match &self.place {
            Where::Changed(difference) => Some(difference.to_string()),
            Where::Again => Some("changed since it was applied".to_owned()),
            Where::Resumes => Some("done in part; the next run goes on with it".to_owned()),
            Where::BegunAs(was) => Some(format!("done in part as `{was}`")),
            Where::UndoneInPart => Some("undone in part".to_owned()),
            Where::Newer { allowed: true } => Some("this release may run on it".to_owned()),
            _ => None,
        }
    }

    fn entry(&self) -> Entry {
        let version =
            self.file.map(|file| file.version.clone()).or_else(|| self.row.and_then(|row| row.version.clone()));
        let down = self.file.is_some_and(|file: &Migration| file.down.is_some());
        Entry {
            version: version.unwrap_or_default(),
            name: self.name(),
            kind: self.kind(),
            state: self.state(),
            applied_at: self.applied_at(),
            duration_ms: self
                .row
                .and_then(|row| row.duration_ms)
                .or_else(|| self.recorded.map(|recorded| recorded.duration_ms)),
            release: self.recorded.and_then(|recorded| recorded.release.clone()),
            down: down || self.recorded.is_some_and(|recorded| recorded.down),
            note: self.note(),
        }
    }
}

/// Every migration with its state.
pub(crate) fn entries(standings: &[Standing<'_>]) -> Vec<Entry> {
    standings.iter().map(Standing::entry).collect()
}
