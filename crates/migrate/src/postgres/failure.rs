//! The server's error, brought to the spot in our file.

use crate::{FileFailure, MigrateError, job::Run, script::Text};
use database::postgres::SqlError;
use report::Place;
use retry::{Classify, Transience};
use std::ops::Range;

/// An error of the file, and where in it the server was.
pub(super) struct Failed {
    pub(super) error: SqlError,
    /// The statement that was being run, in bytes of the text, as far as that is known.
    pub(super) statement: Option<Range<usize>>,
    /// Where the text that was sent begins in the file, for the position that the server gives: its byte and how many
    /// characters of ours stood before it.
    pub(super) sent: Sent,
}

/// What was sent: so many characters of our own, then the file from this byte on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    pub(super) prefix: usize,
    pub(super) start: usize,
}

/// What became of a file that failed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept {
    /// Statements that are done and stay.
    pub(super) statements: usize,
    /// The file ended the transaction itself.
    pub(super) in_part: bool,
    /// The statement that failed may have committed a part of what it did.
    pub(super) committed: bool,
}

pub(super) fn explained(run: &Run<'_>, text: &Text, failed: &Failed, kept: Kept) -> MigrateError {
    let error = &failed.error;
    let details = [
        error.detail.clone(),
        error.internal_query.as_ref().map(|query| format!("in the query: {query}")),
        error.context.clone(),
    ];
    MigrateError::File(Box::new(FileFailure {
        place: place(text, failed),
        details: details.into_iter().flatten().collect(),
        code: (!error.code.is_empty()).then(|| error.code.clone()),
        hint: error.hint.clone().or_else(|| advice(&error.code).map(str::to_owned)),
        in_part: kept.in_part,
        committed: kept.committed,
        transience: if error.lost { Transience::Transient } else { error.transience() },
        ..FileFailure::new(&text.shown, error.message.clone(), run.kept(), kept.statements)
    }))
}

/// The file took the transaction out of our hands.
pub(super) fn not_ours(run: &Run<'_>, text: &Text, kept: Kept) -> MigrateError {
    let hint = format!(
        "look what `{}` has done, undo it or finish it by hand, and take `COMMIT` and `ROLLBACK` out of it",
        text.shown
    );
    let failure = FileFailure::ended(&text.shown, hint, run.kept(), kept.statements);
    MigrateError::File(Box::new(failure))
}

/// The file took our mark from the transaction, which was rolled back.
pub(super) fn reset(run: &Run<'_>, text: &Text, kept: Kept) -> MigrateError {
    let message = "it has reset all settings of its session, and with them the mark by which its transaction is known";
    let hint =
        "take `RESET ALL` out of what it calls, or reset settings by their names (`RESET search_path`)".to_owned();
    MigrateError::File(Box::new(FileFailure {
        hint: Some(hint),
        in_part: kept.in_part,
        ..FileFailure::new(&text.shown, message.to_owned(), run.kept(), kept.statements)
    }))
}

/// The position that the server gives, else the statement that was being run.
fn place(text: &Text, failed: &Failed) -> Option<Place> {
    if failed.error.lost {
        return None;
    }
    let Some(position) = failed.error.position else {
        return failed.statement.clone().map(|range| text.place(range.start, range.end));
    };
    let skip = (position as usize).saturating_sub(1).checked_sub(failed.sent.prefix)?;
    let sent = &text.whole[failed.sent.start..];
    let start = sent.char_indices().nth(skip).map_or(text.whole.len(), |(at, _)| failed.sent.start + at);
    Some(text.place(start, start + token_length(&text.whole[start..], &failed.error.message)))
}

/// The bytes to underline: what the server quotes, else a word.
fn token_length(rest: &str, message: &str) -> usize {
    let quoted = message.rsplit_once(" at or near \"").and_then(|(_, quoted)| quoted.strip_suffix('"'));
    if let Some(token) = quoted.filter(|token| rest.starts_with(token)) {
        return token.len();
    }
    rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '"'))).unwrap_or(rest.len()).max(1)
}

/// What helps, where the server gives no hint of its own.
fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "25001" => {
            "say in the file that it needs no transaction: `-- mainstay: no-transaction` on a line at its top, or as its tool writes it"
        }
        "55P04" => "put the new value of the type into a file of its own, before the file that uses it",
        "42501" => "grant the right to the role that migrates, or migrate with the role that owns the object",
        "55P03" => "another session holds a lock on the table: look at `pg_stat_activity` and `pg_blocking_pids()`",
        _ => return None,
    })
}
