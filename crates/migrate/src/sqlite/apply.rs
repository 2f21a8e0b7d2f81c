//! One file, one transaction, one row. Each function is a piece of work for the thread that may block.

use super::{
    Desk,
    ask::cells,
    failure::{Failed, explained},
    orphans::{Orphans, orphans},
    refused,
    stop::Stop,
};
use crate::{
    MigrateError,
    engine::Cells,
    history,
    pieces::Piece,
    read_set::ReadSet,
    script::Text,
    sql::wants_foreign_keys_off,
    work::{Step, Work},
};
use database::{
    Refusal,
    sqlite::{open, transience},
};
use retry::Transience;
use rusqlite::{Batch, Connection, Error, fallible_iterator::FallibleIterator};
use std::{ops::Range, time::Duration};

/// SQLite itself waits this long for the write lock; the longer wait around it says so.
const LOCK_SLICE: Duration = Duration::from_millis(250);
/// Inside our transaction only readers of an old journal mode can be in the way.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A file to be run, with what is known before.
pub(super) struct Job {
    pub(super) text: Text,
    /// What of the text is run.
    range: Range<usize>,
    /// So many statements of the file are done before.
    pub(super) statements: usize,
    keys_off: bool,
    /// Reads the ledger.
    select: String,
    select_history: String,
    /// Reads what of this file is done.
    select_journal: String,
}

/// The write lock was asked for.
pub(super) enum Begun {
    /// Somebody else has it.
    Busy,
    /// It is ours, and nobody has written since we looked.
    Ours,
    /// It is ours, and what was seen may have changed.
    Changed(Anew),
}

/// Read anew under the write lock.
pub(super) struct Anew {
    pub(super) ledger: Vec<Cells>,
    pub(super) history: Vec<Cells>,
    /// Of this file alone.
    pub(super) journal: Vec<Cells>,
}

impl Job {
    pub(super) fn of(work: &Work<'_>, piece: &Piece) -> Self {
        let text = work.text.clone();
        // What one piece switches off stays so for the pieces behind it.
        let keys_off = work.script.sections.iter().any(|section| wants_foreign_keys_off(text.section(section)));
        Self {
            range: piece.range(),
            statements: piece.number.max(1) - 1,
            keys_off,
            select: work.snapshot.style.select(&work.snapshot.table),
            select_history: history::select(&work.snapshot.history),
            select_journal: work.journal().select(&work.snapshot.journal),
            text,
        }
    }
}

/// Takes the write lock, and looks whether somebody else has written.
pub(super) fn begin(desk: &Desk, job: &Job, stop: &Stop) -> Result<Begun, MigrateError> {
    let mut slot = desk.connection();
    let Some(connection) = writable(desk, &mut slot)? else { return Ok(Begun::Busy) };
    let words = |error: Error| refused(&error, &desk.path);
    stop.check().map_err(words)?;
    connection.pragma_update(None, "foreign_keys", !job.keys_off).map_err(words)?;
    if !lock(connection).map_err(words)? {
        return Ok(Begun::Busy);
    }
    // Differs from the last answer of this connection when another one has committed since (sqlite.org, "PRAGMA data_version").
    let version = connection.query_row("PRAGMA data_version", [], |row| row.get(0)).map_err(words)?;
    match desk.version().replace(version) == Some(version) {
        true => Ok(Begun::Ours),
        false => anew(connection, job).map(Begun::Changed).map_err(words),
    }
}

fn anew(connection: &Connection, job: &Job) -> Result<Anew, Error> {
    Ok(Anew {
        ledger: cells(connection, &job.select)?,
        history: cells(connection, &job.select_history)?,
        journal: cells(connection, &job.select_journal)?,
    })
}

/// The connection, made for writing when it was there to look only; nothing when somebody else holds the file.
fn writable<'a>(desk: &Desk, slot: &'a mut Option<Connection>) -> Result<Option<&'a mut Connection>, MigrateError> {
    if slot.as_ref().is_none_or(|it| it.is_readonly("main").unwrap_or(true)) {
        desk.drop_connection(slot);
        *slot = match open(&desk.path) {
            Err(refusal) if is_busy(&refusal) => return Ok(None),
            opened => Some(opened.map_err(MigrateError::Refused)?),
        };
    }
    Ok(slot.as_mut())
}

/// Does somebody else hold the file? A full disk is worth waiting for too, but nobody's lock.
fn is_busy(refusal: &Refusal) -> bool {
    refusal.code.as_deref().is_some_and(|code| code.starts_with("SQLITE_BUSY") || code.starts_with("SQLITE_LOCKED"))
}

/// Takes the write lock; false when somebody else keeps it.
fn lock(connection: &Connection) -> Result<bool, Error> {
    connection.busy_timeout(LOCK_SLICE)?;
    match connection.execute_batch("BEGIN IMMEDIATE") {
        Err(error) if transience(&error) == Transience::Transient => Ok(false),
        begun => begun.and_then(|()| connection.busy_timeout(BUSY_TIMEOUT)).map(|()| true),
    }
}

/// Gives the write lock back.
pub(super) fn leave(desk: &Desk) -> Result<(), MigrateError> {
    desk.drop_connection(&mut desk.connection());
    Ok(())
}

/// Something of our own, all or nothing, if what was `seen` is still so; nothing when somebody else keeps the write lock.
pub(super) fn write(desk: &Desk, sql: &str, seen: &ReadSet) -> Result<Option<Step<()>>, MigrateError> {
    let mut slot = desk.connection();
    let Some(connection) = writable(desk, &mut slot)? else { return Ok(None) };
    let words = |error: Error| refused(&error, &desk.path);
    if !lock(connection).map_err(words)? {
        return Ok(None);
    }
    let written = write_here(connection, sql, seen);
    if !matches!(written, Ok(Step::Done(()))) {
        desk.drop_connection(&mut slot);
    }
    written.map(Some).map_err(words)
}

fn write_here(connection: &Connection, sql: &str, seen: &ReadSet) -> Result<Step<()>, Error> {
    for (select, before) in &seen.0 {
        if cells(connection, select)? != *before {
            return Ok(Step::Overtaken);
        }
    }
    connection.execute_batch(sql).and_then(|()| connection.execute_batch("COMMIT")).map(Step::Done)
}

/// Runs a statement outside of any transaction; false when somebody else is in the way.
pub(super) fn alone(desk: &Desk, job: &Job, stop: &Stop) -> Result<bool, MigrateError> {
    let mut slot = desk.connection();
    let Some(connection) = writable(desk, &mut slot)? else { return Ok(false) };
    connection.busy_timeout(LOCK_SLICE).map_err(|error| refused(&error, &desk.path))?;
    let _working = stop.working(connection);
    match part(connection, &job.text.whole, &job.range) {
        Err(Failed::Statement { error, .. }) if transience(&error) == Transience::Transient => Ok(false),
        done => done.map(|()| true).map_err(|failed| explained(job, failed, &desk.path)),
    }
}

/// Runs the file inside the transaction that was begun.
pub(super) fn body(desk: &Desk, job: &Job, stop: &Stop) -> Result<(), MigrateError> {
    let mut slot = desk.connection();
    let result = match &*slot {
        Some(connection) => {
            let _working = stop.working(connection);
            run(connection, job, stop)
        }
        None => return Err(MigrateError::LockLost),
    };
    if result.is_err() {
        desk.drop_connection(&mut slot);
    }
    result.map_err(|failed| explained(job, failed, &desk.path))
}

fn run(connection: &Connection, job: &Job, stop: &Stop) -> Result<(), Failed> {
    stop.check().map_err(Failed::Record)?;
    let before = job.keys_off.then(|| orphans(connection)).transpose().map_err(Failed::Record)?;
    part(connection, &job.text.whole, &job.range)?;
    if connection.is_autocommit() {
        return Err(Failed::Ended);
    }
    if let Some(before) = before {
        foreign_keys(connection, &before)?;
    }
    stop.check().map_err(Failed::Record)
}

fn part(connection: &Connection, whole: &str, range: &Range<usize>) -> Result<(), Failed> {
    let text = whole.get(range.clone()).unwrap_or_default();
    let mut batch = Batch::new(connection, text);
    let mut done = 0;
    let failed = |error, done| Failed::Statement { error, done, range: range.clone() };
    while let Some(mut statement) = batch.next().map_err(|error| failed(error, done))? {
        let mut rows = statement.raw_query();
        while rows.next().map_err(|error| failed(error, done))?.is_some() {}
        done += 1;
    }
    Ok(())
}

fn foreign_keys(connection: &Connection, before: &Orphans) -> Result<(), Failed> {
    let broken = orphans(connection).map_err(Failed::Record)?.beyond(before);
    if broken.is_empty() { Ok(()) } else { Err(Failed::ForeignKeys { broken, before: before.count() }) }
}

/// The rows, and COMMIT. What the file set for its connection must not reach the next one.
pub(super) fn commit(desk: &Desk, job: &Job, closing: &str) -> Result<(), MigrateError> {
    let mut slot = desk.connection();
    let Some(connection) = &*slot else { return Err(MigrateError::LockLost) };
    let done = connection.execute_batch(closing).and_then(|()| connection.execute_batch("COMMIT"));
    if done.is_err() || leaves_traces(&job.text.whole) {
        desk.drop_connection(&mut slot);
    }
    done.map_err(|error| explained(job, Failed::Record(error), &desk.path))
}

/// Could the text have changed the connection? A new one costs little, but it has to read the whole schema again.
fn leaves_traces(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    ["PRAGMA", "TEMP", "ATTACH", "DETACH"].iter().any(|word| text.contains(word))
}

/// All that was committed goes into the database's file and to the disk. Readers are not waited for: what they still hold
/// up stays in the log beside it, which the next writer brings over.
pub(super) fn checkpoint(desk: &Desk) -> Result<(), MigrateError> {
    match &*desk.connection() {
        Some(connection) => connection
            .query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(()))
            .map_err(|error| refused(&error, &desk.path)),
        None => Ok(()),
    }
}
