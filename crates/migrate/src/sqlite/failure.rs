//! SQLite's error, brought to the spot in our file.

use super::apply::Job;
use crate::{
    FileFailure, MigrateError,
    script::Text,
    sql::{Dialect, split},
};
use database::{
    Refusal,
    sqlite::{refusal, transience},
};
use report::Place;
use rusqlite::Error;
use std::{collections::BTreeSet, ops::Range, path::Path};

/// Why a file failed, and where.
pub(super) enum Failed {
    /// SQLite refused one of its statements, after so many that were done in the part that begins at this byte.
    Statement { error: Error, done: usize, range: Range<usize> },
    /// SQLite refused the row or the COMMIT.
    Record(Error),
    /// The file ended the transaction.
    Ended,
    /// Rows without the row that they refer to: table and parent; and how many there were before.
    ForeignKeys { broken: BTreeSet<(String, String)>, before: usize },
}

/// What was applied before it, [`super::perform`] adds.
pub(super) fn explained(job: &Job, failed: Failed, path: &Path) -> MigrateError {
    MigrateError::File(Box::new(match failed {
        Failed::Statement { error, done, range } => {
            FileFailure { place: place(&job.text, &error, done, &range), ..said(job, &error, path) }
        }
        Failed::Record(error) => said(job, &error, path),
        Failed::Ended => {
            let hint =
                "look what it has done, undo it or finish it by hand, and take `COMMIT` and `ROLLBACK` out of it";
            FileFailure::ended(&job.text.shown, hint.to_owned(), Vec::new(), job.statements)
        }
        Failed::ForeignKeys { broken, before } => FileFailure {
            details: told(&broken, before),
            hint: Some(
                "the file switches foreign keys off, so they are checked before COMMIT: mend these rows in the file"
                    .to_owned(),
            ),
            ..failure(job, "rows would be left without the row that they refer to".to_owned())
        },
    }))
}

fn told(broken: &BTreeSet<(String, String)>, before: usize) -> Vec<String> {
    let rows = broken.iter().take(5).map(|(table, parent)| format!("`{table}` refers to `{parent}`"));
    let old = (before > 0)
        .then(|| format!("{} like that stood there before the file: not counted", report::count(before, "row")));
    rows.chain(old).collect()
}

fn said(job: &Job, error: &Error, path: &Path) -> FileFailure {
    let message = match error {
        Error::SqlInputError { msg, .. } | Error::SqliteFailure(_, Some(msg)) => msg.clone(),
        other => other.to_string(),
    };
    let Refusal { code, hint, .. } = refusal(error, path);
    FileFailure { code, hint, transience: transience(error), ..failure(job, message) }
}

fn failure(job: &Job, message: String) -> FileFailure {
    FileFailure::new(&job.text.shown, message, Vec::new(), job.statements)
}

/// The offset that SQLite gives into what it had not read yet, else the statement that was being run.
fn place(text: &Text, error: &Error, done: usize, range: &Range<usize>) -> Option<Place> {
    if let Error::SqlInputError { sql, offset, .. } = error
        && let (Some(read), Ok(offset)) = (range.end.checked_sub(sql.len()), usize::try_from(*offset))
    {
        let start = read + offset;
        let word = text.whole.get(start..).unwrap_or_default();
        let length = word.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(word.len());
        return Some(text.place(start, start + length.max(1)));
    }
    let statements = split(text.whole.get(range.clone())?, Dialect::Sqlite).unwrap_or_default();
    let statement = statements.get(done)?;
    Some(text.place(range.start + statement.range.start, range.start + statement.range.end))
}
