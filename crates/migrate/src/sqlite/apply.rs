//! One file, one transaction, one row.

use super::{
    Step,
    look::{rows, shape},
    stop::Stop,
};
use crate::{
    FileFailure, MigrateError, Migration,
    directory::Directory,
    job::applied,
    ledger::{self, Shape},
    sql::{Dialect, split, wants_foreign_keys_off},
};
use database::{
    Refusal,
    sqlite::{open, refusal, transience},
};
use report::Place;
use retry::Transience;
use rusqlite::{Batch, Connection, Error, fallible_iterator::FallibleIterator};
use std::{path::Path, time::Duration};
use tokio::time::Instant;

/// SQLite itself waits this long for the write lock; the longer wait around it says so.
const LOCK_SLICE: Duration = Duration::from_millis(250);
/// Inside our transaction only readers of an old journal mode can be in the way.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (version TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, \
    checksum TEXT NOT NULL, applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), \
    duration_ms INTEGER NOT NULL)";

/// Applies the next pending file, if there is one and nobody else writes.
pub(super) fn next(path: &Path, directory: &Directory, kept: Vec<String>, stop: &Stop) -> Result<Step, MigrateError> {
    let connection = match open(path) {
        Err(refusal) if is_busy(&refusal) => return Ok(Step::Busy),
        opened => opened.map_err(MigrateError::Refused)?,
    };
    let _working = stop.working(&connection);
    let Some(migration) = pending(&connection, path, directory)? else { return Ok(Step::Current) };
    let keys_off = wants_foreign_keys_off(&migration.text);
    let words = |error: Error| MigrateError::Refused(refusal(&error, path));
    connection.pragma_update(None, "foreign_keys", !keys_off).map_err(words)?;
    if !begin(&connection).map_err(words)? {
        return Ok(Step::Busy);
    }
    // The ledger as it is now that nobody else can write. Dropping the connection rolls back.
    if pending(&connection, path, directory)? != Some(migration) {
        return Ok(Step::Overtaken);
    }
    let started = Instant::now();
    run(&connection, migration, keys_off, started, stop).map_err(|failed| explained(migration, failed, kept, path))?;
    Ok(Step::Applied(applied(migration, started.elapsed())))
}

/// Does somebody else hold the file? A full disk is worth waiting for too, but nobody's lock.
fn is_busy(refusal: &Refusal) -> bool {
    refusal.code.as_deref().is_some_and(|code| code.starts_with("SQLITE_BUSY") || code.starts_with("SQLITE_LOCKED"))
}

fn pending<'a>(
    connection: &Connection,
    path: &Path,
    directory: &'a Directory,
) -> Result<Option<&'a Migration>, MigrateError> {
    let rows = rows(connection, path)?;
    let pending = ledger::pending(&directory.migrations, &rows).map_err(MigrateError::Conflicts)?;
    Ok(pending.first().copied())
}

/// Takes the write lock; false when somebody else keeps it.
fn begin(connection: &Connection) -> Result<bool, Error> {
    connection.busy_timeout(LOCK_SLICE)?;
    match connection.execute_batch("BEGIN IMMEDIATE") {
        Err(error) if transience(&error) == Transience::Transient => Ok(false),
        begun => begun.and_then(|()| connection.busy_timeout(BUSY_TIMEOUT)).map(|()| true),
    }
}

/// Why a file failed, and where.
enum Failed {
    /// SQLite refused one of its statements, after so many that were done.
    Statement { error: Error, done: usize },
    /// SQLite refused the row or the COMMIT.
    Record(Error),
    /// The file ended the transaction.
    Ended,
    /// Rows without the row that they refer to: table and parent.
    ForeignKeys(Vec<(String, String)>),
}

/// The file, its row, and COMMIT.
fn run(
    connection: &Connection,
    migration: &Migration,
    check_keys: bool,
    started: Instant,
    stop: &Stop,
) -> Result<(), Failed> {
    stop.check().map_err(Failed::Record)?;
    body(connection, &migration.text)?;
    if connection.is_autocommit() {
        return Err(Failed::Ended);
    }
    if check_keys {
        foreign_keys(connection)?;
    }
    stop.check().map_err(Failed::Record)?;
    record(connection, migration, started).map_err(Failed::Record)
}

fn body(connection: &Connection, text: &str) -> Result<(), Failed> {
    let mut batch = Batch::new(connection, text);
    let mut done = 0;
    let failed = |error, done| Failed::Statement { error, done };
    while let Some(mut statement) = batch.next().map_err(|error| failed(error, done))? {
        let mut rows = statement.raw_query();
        while rows.next().map_err(|error| failed(error, done))?.is_some() {}
        done += 1;
    }
    Ok(())
}

fn foreign_keys(connection: &Connection) -> Result<(), Failed> {
    let broken = || -> Result<Vec<(String, String)>, Error> {
        let mut statement =
            connection.prepare("SELECT DISTINCT \"table\", parent FROM pragma_foreign_key_check LIMIT 5")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    };
    match broken().map_err(Failed::Record)? {
        broken if broken.is_empty() => Ok(()),
        broken => Err(Failed::ForeignKeys(broken)),
    }
}

fn record(connection: &Connection, migration: &Migration, started: Instant) -> Result<(), Error> {
    if shape(connection)? == Shape::Absent {
        connection.execute_batch(LEDGER)?;
    }
    let millis = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    connection.execute(
        "INSERT INTO schema_migrations (version, name, checksum, duration_ms) VALUES (?1, ?2, ?3, ?4)",
        (migration.version.text(), &migration.name, &migration.checksum, millis),
    )?;
    connection.execute_batch("COMMIT")
}

fn explained(migration: &Migration, failed: Failed, kept: Vec<String>, path: &Path) -> MigrateError {
    let failure = FileFailure {
        file: migration.shown.clone(),
        place: None,
        message: String::new(),
        details: Vec::new(),
        code: None,
        hint: None,
        kept,
        in_part: false,
        transience: Transience::Permanent,
    };
    MigrateError::File(Box::new(match failed {
        Failed::Statement { error, done } => {
            FileFailure { place: place(migration, &error, done), ..said(failure, &error, path) }
        }
        Failed::Record(error) => said(failure, &error, path),
        Failed::Ended => FileFailure {
            message: "it ended the transaction that it was run in".to_owned(),
            hint: Some(
                "look what it has done, undo it or finish it by hand, and take `COMMIT` and `ROLLBACK` out of it"
                    .to_owned(),
            ),
            in_part: true,
            ..failure
        },
        Failed::ForeignKeys(broken) => FileFailure {
            message: "rows would be left without the row that they refer to".to_owned(),
            details: broken.iter().map(|(table, parent)| format!("`{table}` refers to `{parent}`")).collect(),
            hint: Some(
                "the file switches foreign keys off, so they are checked before COMMIT: mend these rows in the file"
                    .to_owned(),
            ),
            ..failure
        },
    }))
}

fn said(failure: FileFailure, error: &Error, path: &Path) -> FileFailure {
    let message = match error {
        Error::SqlInputError { msg, .. } | Error::SqliteFailure(_, Some(msg)) => msg.clone(),
        other => other.to_string(),
    };
    let Refusal { code, hint, .. } = refusal(error, path);
    FileFailure { message, code, hint, transience: transience(error), ..failure }
}

/// The offset that SQLite gives into what it had not read yet, else the statement that was being run.
fn place(migration: &Migration, error: &Error, done: usize) -> Option<Place> {
    let text = &migration.text;
    if let Error::SqlInputError { sql, offset, .. } = error
        && let (Some(read), Ok(offset)) = (text.len().checked_sub(sql.len()), usize::try_from(*offset))
    {
        let start = read + offset;
        let word = text.get(start..).unwrap_or_default();
        let length = word.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(word.len());
        return Some(migration.place(start, start + length.max(1)));
    }
    let statements = split(text, Dialect::Sqlite).ok()?;
    let statement = statements.get(done)?;
    Some(migration.place(statement.range.start, statement.range.end))
}
