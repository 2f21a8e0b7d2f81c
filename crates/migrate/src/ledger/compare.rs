//! Files and ledger side by side: what is pending, and where the two disagree.

use super::Row;
use crate::{Migration, Version};
use serde::Serialize;
use std::fmt;

/// Files and ledger disagree about a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Edited after it was applied.
    Changed {
        /// The file.
        file: String,
        /// Its row.
        row: Row,
        /// The checksum it has now.
        checksum: String,
    },
    /// The same file under another name or number.
    Renamed {
        /// As it is called now.
        file: String,
        /// As it was called when it was applied.
        row: Row,
    },
    /// Applied, and no longer there.
    Missing {
        /// What is left of it.
        row: Row,
        /// It is newer than every file: the database is ahead of this directory.
        ahead: bool,
    },
    /// New, but older than one that is already applied.
    OutOfOrder {
        /// The file.
        file: String,
        /// The newest applied one.
        newest: String,
    },
}

/// One migration, as `migrate status` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its version.
    pub version: Version,
    /// Its file's name, or the row's when there is no file.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// When it was applied, RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
}

/// How a migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// In the ledger, and the file is as it was.
    Applied,
    /// Not in the ledger yet.
    Pending,
    /// Edited after it was applied.
    Changed,
    /// Has another name than when it was applied.
    Renamed,
    /// In the ledger, but there is no file.
    Missing,
    /// Not in the ledger, and older than one that is.
    OutOfOrder,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::Applied => "applied",
            State::Pending => "pending",
            State::Changed => "changed",
            State::Renamed => "renamed",
            State::Missing => "missing",
            State::OutOfOrder => "out of order",
        })
    }
}

/// The migrations to apply, in order.
///
/// # Errors
/// Every [`Conflict`] at once; then nothing may be applied.
pub(crate) fn pending<'a>(files: &'a [Migration], rows: &[Row]) -> Result<Vec<&'a Migration>, Vec<Conflict>> {
    let matches = match_up(files, rows);
    let newest = rows.iter().max_by(|a, b| a.version.cmp(&b.version));
    let conflicts: Vec<_> = matches.iter().filter_map(|it| it.conflict(files, newest)).collect();
    if conflicts.is_empty() {
        Ok(matches.iter().filter(|it| it.row.is_none()).filter_map(|it| it.file).collect())
    } else {
        Err(conflicts)
    }
}

/// Every migration with its state, in order of the versions.
pub(crate) fn entries(files: &[Migration], rows: &[Row]) -> Vec<Entry> {
    let newest = rows.iter().max_by(|a, b| a.version.cmp(&b.version));
    match_up(files, rows).iter().map(|it| it.entry(files, newest)).collect()
}

/// A file and the row that tells about it; one of them may be missing.
struct Match<'f, 'r> {
    file: Option<&'f Migration>,
    row: Option<&'r Row>,
}

/// Pairs by version first; what is left over pairs by checksum: then the file was given another number.
fn match_up<'f, 'r>(files: &'f [Migration], rows: &'r [Row]) -> Vec<Match<'f, 'r>> {
    let mut spare: Vec<&Row> = rows.iter().filter(|row| files.iter().all(|file| file.version != row.version)).collect();
    let mut matches: Vec<_> = files
        .iter()
        .map(|file| {
            let row = rows.iter().find(|row| row.version == file.version);
            let moved = || spare.iter().position(|row| row.checksum == file.checksum).map(|at| spare.remove(at));
            Match { file: Some(file), row: row.or_else(moved) }
        })
        .collect();
    matches.extend(spare.into_iter().map(|row| Match { file: None, row: Some(row) }));
    matches.sort_by(|a, b| a.version().cmp(&b.version()));
    matches
}

impl Match<'_, '_> {
    fn version(&self) -> Option<&Version> {
        self.file.map(|file| &file.version).or(self.row.map(|row| &row.version))
    }

    fn conflict(&self, files: &[Migration], newest: Option<&Row>) -> Option<Conflict> {
        match (self.file, self.row) {
            (Some(file), Some(row)) if file.checksum != row.checksum => {
                Some(Conflict::Changed { file: file.shown.clone(), row: row.clone(), checksum: file.checksum.clone() })
            }
            (Some(file), Some(row)) if file.name != row.name => {
                Some(Conflict::Renamed { file: file.shown.clone(), row: row.clone() })
            }
            (None, Some(row)) => {
                Some(Conflict::Missing { row: row.clone(), ahead: files.iter().all(|file| file.version < row.version) })
            }
            (Some(file), None) => newest
                .filter(|newest| file.version < newest.version)
                .map(|newest| Conflict::OutOfOrder { file: file.shown.clone(), newest: newest.name.clone() }),
            _ => None,
        }
    }

    fn entry(&self, files: &[Migration], newest: Option<&Row>) -> Entry {
        let state = match (self.conflict(files, newest), self.row) {
            (None, None) => State::Pending,
            (None, Some(_)) => State::Applied,
            (Some(Conflict::Changed { .. }), _) => State::Changed,
            (Some(Conflict::Renamed { .. }), _) => State::Renamed,
            (Some(Conflict::Missing { .. }), _) => State::Missing,
            (Some(Conflict::OutOfOrder { .. }), _) => State::OutOfOrder,
        };
        let name = self.file.map(|file| &file.name).or(self.row.map(|row| &row.name));
        Entry {
            version: self.version().cloned().unwrap_or_else(|| Version::from("")),
            name: name.cloned().unwrap_or_default(),
            state,
            applied_at: self.row.map(|row| row.applied_at.clone()),
            duration_ms: self.row.map(|row| row.duration_ms),
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Conflict::Changed { file, row, .. } => {
                write!(f, "`{file}` was edited after it was applied")?;
                if file.ends_with(&row.name) { Ok(()) } else { write!(f, " as `{}`", row.name) }?;
                write!(f, " ({})", row.applied_at)
            }
            Conflict::Renamed { file, row } => {
                write!(f, "`{file}` was applied as `{}` ({}) and renamed since", row.name, row.applied_at)
            }
            Conflict::Missing { row, ahead: false } => {
                write!(f, "`{}` was applied ({}) and its file is missing", row.name, row.applied_at)
            }
            Conflict::Missing { row, ahead: true } => write!(
                f,
                "`{}` was applied ({}) and is newer than every file here: the database is ahead of this release",
                row.name, row.applied_at
            ),
            Conflict::OutOfOrder { file, newest } => {
                write!(f, "`{file}` is new but older than `{newest}`, which is already applied")
            }
        }
    }
}

impl Conflict {
    /// The ways out.
    pub fn hint(&self) -> String {
        match self {
            Conflict::Changed { file, row, checksum } => format!(
                "bring back `{file}` as it was and write a new migration; or, when the database has the new form already: \
                 UPDATE {table} SET checksum = '{checksum}', name = '{name}' WHERE version = '{version}'",
                table = super::TABLE,
                name = literal(file.rsplit('/').next().unwrap_or(file)),
                version = literal(row.version.text()),
            ),
            Conflict::Renamed { row, .. } => format!("rename it back to `{}`", row.name),
            Conflict::Missing { row, ahead: false } => {
                format!("bring back `{}`; the history of a database is not rewritten", row.name)
            }
            Conflict::Missing { ahead: true, .. } => {
                "release the version that has this file, or restore the backup that was taken before it".to_owned()
            }
            Conflict::OutOfOrder { file, newest } => format!(
                "give `{file}` a number after `{newest}`; or take it out of the directory; or, when it was applied by hand, \
                 write its row into {}",
                super::TABLE
            ),
        }
    }
}

fn literal(text: &str) -> String {
    text.replace('\'', "''")
}

#[cfg(test)]
mod tests;
