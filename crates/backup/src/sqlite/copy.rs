//! Taking a copy, and proving it.

use super::{CallOff, FILE, blocking, checkpoint, content};
use crate::{
    BackupError, Doing, Job, Keys, Progress,
    content::{Content, compare, sentence},
    following::Growth,
    manifest::{Manifest, Part},
    proof::{Found, Proven},
    seal::{self, Sealing},
};
use rusqlite::{
    Connection, Error, OpenFlags,
    backup::{Backup, StepResult},
    ffi,
};
use std::{
    collections::BTreeMap,
    fs::File,
    io,
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};
use tokio::time::Instant;

/// So long SQLite waits for a writer that must not be read beside.
const BUSY: Duration = Duration::from_secs(30);
/// So many pages are copied between two looks whether anybody still waits.
const PAGES: i32 = 1024;
/// So much of a copy is kept in memory while it is looked at.
const CACHE_KB: u32 = 16 << 10;
/// The copy before it is compressed.
const RAW: &str = "database.sqlite";

/// The files of a copy of the database at `from`, in `dir`, and what was in it at that instant.
pub(crate) async fn take(job: &Job<'_>, from: &Path, dir: &Path) -> Result<(Content, Part), BackupError> {
    let (from, dir, keys, progress) = (from.to_owned(), dir.to_owned(), job.keys.clone(), job.progress.clone());
    blocking(move |call_off| {
        let wrong = |error| BackupError::sqlite("copy the database", &from)(error);
        let raw = dir.join(RAW);
        let source = begin(&from).map_err(wrong)?;
        pages(&source, &raw, call_off, &progress).map_err(wrong)?;
        // The one reads the source, the other the copy of its pages.
        let (content, part) = thread::scope(|scope| {
            let compressing = scope.spawn(|| compress(&dir, &raw, &keys, call_off, &progress));
            let content = content::content(&source, call_off, |_| ());
            (content, compressing.join())
        });
        checkpoint::end(&source, &from).map_err(wrong)?;
        let part = part.unwrap_or_else(|panic| resume_unwind(panic));
        let part = part.map_err(|error| BackupError::files("the copy cannot be written", error))?;
        Ok((content.map_err(wrong)?, part))
    })
    .await
}

/// From now on all that is read is read from one instant.
fn begin(from: &Path) -> Result<Connection, Error> {
    let source = open(from)?;
    // Without a first look the transaction would only begin with the first page, and end with it.
    source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")?;
    Ok(source)
}

fn pages(from: &Connection, to: &Path, call_off: &CallOff, progress: &Progress) -> Result<(), Error> {
    let page = from.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0))?;
    let mut to = Connection::open(to)?;
    to.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -2000")?;
    let backup = Backup::new(from, &mut to)?;
    while backup.step(PAGES)? != StepResult::Done {
        if call_off.called_off() {
            return Err(interrupted());
        }
        progress.add(Doing::Copying, (i64::from(PAGES) * page).unsigned_abs());
    }
    Ok(())
}

fn interrupted() -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_INTERRUPT), None)
}

/// For reading; but a database with a write-ahead log may have to be recovered first, which only a writer may do.
pub(super) fn open(path: &Path) -> Result<Connection, Error> {
    let flags = |way| OpenFlags::SQLITE_OPEN_NO_MUTEX | way;
    let connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))
        .or_else(|_| Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_ONLY)))?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

fn compress(dir: &Path, raw: &Path, keys: &Keys, call_off: &CallOff, progress: &Progress) -> io::Result<Part> {
    let mut sealing = Sealing::begin(dir, FILE, keys, &Growth::default())?;
    let file = host::fs::open(raw)?;
    progress.begin_anew(Doing::Packing, file.metadata().ok().map(|facts| facts.len()));
    copy(file, &mut progress.counting(Doing::Packing, &mut sealing), call_off)?;
    let part = sealing.end()?;
    host::fs::remove(raw)?;
    Ok(part)
}

fn copy(mut from: File, to: &mut impl io::Write, call_off: &CallOff) -> io::Result<()> {
    let mut piece = vec![0; 256 * 1024];
    loop {
        let some = io::Read::read(&mut from, &mut piece)?;
        if some == 0 {
            return Ok(());
        }
        if call_off.called_off() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        to.write_all(&piece[..some])?;
    }
}

/// Makes a database of the copy in `copy`, at `file`, and compares it with what was in the source.
pub(crate) async fn prove(
    job: &Job<'_>,
    copy: &Path,
    manifest: &Manifest,
    file: PathBuf,
) -> Result<Proven, BackupError> {
    let begun = Instant::now();
    let (dir, part, source) = (copy.to_owned(), manifest.part(FILE)?.clone(), manifest.content.clone());
    let (keys, progress) = (job.keys.clone(), job.progress.clone());
    progress.begin_anew(Doing::Restoring, Some(part.raw_bytes));
    let unpacked = file.clone();
    let result = blocking(move |_| {
        seal::unpack(&dir, &part, &keys, &unpacked, 0o600, &progress)
            .map_err(|error| BackupError::files("the copy cannot be unpacked", error))
    })
    .await;
    if let Err(BackupError::Files { error, .. }) = &result
        && matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other)
    {
        return Ok(Proven::failed_to_restore(format!("cannot be unpacked: {error}")));
    }
    result?;
    let restore = begun.elapsed();
    let progress = job.progress.clone();
    progress.begin_anew(Doing::Comparing, Some(source.rows()));
    let found = blocking(move |call_off| Ok(look(&file, &source, call_off, &progress))).await?;
    Ok(Proven { restored: Found::Pass(restore), compared: found, ground: "a file of its own".to_owned(), ahead: false })
}

fn look(file: &Path, source: &Content, call_off: &CallOff, progress: &Progress) -> Found<()> {
    let seen = |rows| progress.add(Doing::Comparing, rows);
    // Two readers are in nobody's way.
    let looked = thread::scope(|scope| {
        let complaints = scope.spawn(|| open(file).and_then(|connection| integrity(&connection)));
        let content = begin(file).and_then(|connection| content::content(&connection, call_off, seen));
        let complaints = complaints.join().unwrap_or_else(|panic| resume_unwind(panic));
        complaints.and_then(|complaints| Ok((complaints, content?)))
    });
    match looked {
        Err(error) if is_ours_to_lack(&error.to_string()) => Found::CouldNotVerify(error.to_string()),
        Err(error) => Found::Fail(error.to_string()),
        Ok((complaints, restored)) => {
            let differences = compare(source, &restored);
            match (complaints.first(), differences.is_empty()) {
                (None, true) => Found::Pass(()),
                (_, false) => Found::Fail(sentence(&differences)),
                (Some(complaint), true) if is_ours_to_lack(complaint) => Found::CouldNotVerify(complaint.clone()),
                (Some(complaint), true) => Found::Fail(format!("integrity_check: {complaint}")),
            }
        }
    }
}

/// What is in a database that others may write to.
pub(crate) fn content_now(path: &Path, call_off: &CallOff) -> Result<Content, Error> {
    begin(path).and_then(|connection| content::content(&connection, call_off, |_| {}))
}

/// How many rows each table has.
pub(crate) fn numbers(path: &Path, call_off: &CallOff) -> Result<BTreeMap<String, u64>, Error> {
    let connection = open(path)?;
    let mut question = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage <> 0")?;
    let names = question.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let number = |name: String| {
        if call_off.called_off() {
            return Err(interrupted());
        }
        let sql = format!("SELECT count(*) FROM main.\"{}\"", name.replace('"', "\"\""));
        let rows: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        Ok((name, u64::try_from(rows).unwrap_or_default()))
    };
    names.into_iter().map(number).collect()
}

/// What SQLite's own check complains about.
fn integrity(connection: &Connection) -> Result<Vec<String>, Error> {
    // It looks for each row in each index, all over the file.
    connection.execute_batch(&format!("PRAGMA cache_size = -{CACHE_KB}"))?;
    let mut question = connection.prepare("PRAGMA integrity_check(20)")?;
    let complaints = question.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(complaints.into_iter().filter(|complaint| complaint != "ok").collect())
}

/// An application may bring collations, functions and modules of its own, which we do not have.
fn is_ours_to_lack(words: &str) -> bool {
    ["no such collation sequence", "no such function", "unknown function", "no such module"]
        .iter()
        .any(|lack| words.contains(lack))
}
