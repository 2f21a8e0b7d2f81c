//! The file, open for writing.

use crate::{
    Cut, Facts, Record, Rules, cut,
    figures::{Roller, Rollup, Span, is_only_a_figure},
    record::level_number,
    schema::{Fault, bring_up_to_date},
    start::Life,
};
use host::fs::{Identity, create, identity, metadata, rename};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

/// Somebody who reads or writes by hand is waited for so long.
const BUSY: Duration = Duration::from_secs(2);

/// So many pages of the log are gathered before they go into the file.
const LOG_PAGES: u64 = 128;

/// The bytes of a page, as SQLite has it by default.
const PAGE: u64 = 4096;

/// The room of the log beside the file.
const LOG: u64 = LOG_PAGES * PAGE;

/// So many rows go at once: between two turns others may read and write.
const TURN: u64 = 20_000;

/// Nothing of ours is of a later time than this after now: the clock was wrong then.
const AHEAD: i64 = 86_400_000;

/// The file, open for writing. Closing it leaves one whole file, without a log beside it, when nobody reads.
pub(crate) struct Store {
    connection: Connection,
    path: PathBuf,
    identity: Identity,
    start: i64,
}

impl Store {
    /// Opens the file at `path`, or makes it. `start` is the number of our life, when that stands there already.
    pub(crate) fn open(path: &Path, life: &Life, start: Option<i64>) -> Result<Self, Fault> {
        if metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            // What SQLite makes, everybody might read.
            create(path, 0o600)?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        // 200 kB: it is written at its end, and read by others.
        connection.pragma_update(None, "cache_size", -200)?;
        connection.set_prepared_statement_cache_capacity(4);
        bring_up_to_date(&mut connection)?;
        // With a log, what was committed outlives our death, though not that of the machine.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES as i64)?;
        connection.pragma_update(None, "journal_size_limit", LOG as i64)?;
        let identity = identity(path)?;
        let mut store = Self { connection, path: path.to_owned(), identity, start: start.unwrap_or_default() };
        if start.is_none() {
            store.begin(life)?;
        }
        Ok(store)
    }

    /// A life that stands there already is gone on with: the same process, begun at the same moment, may be a later version now.
    fn begin(&mut self, life: &Life) -> Result<(), Fault> {
        let same = "SELECT id FROM starts WHERE begun = ?1 AND pid = ?2 AND app = ?3 ORDER BY id DESC LIMIT 1";
        let same =
            self.connection.query_row(same, params![life.begun.as_millisecond(), life.pid, life.app], |row| row.get(0));
        if let Some(start) = same.optional()? {
            self.start = start;
            return Ok(());
        }
        self.connection.execute(
            "INSERT INTO starts (begun, app, version, release, pid, first) \
             VALUES (?1, ?2, ?3, ?4, ?5, (SELECT coalesce(max(id), 0) + 1 FROM events))",
            params![life.begun.as_millisecond(), life.app, life.version, life.release, life.pid],
        )?;
        self.start = self.connection.last_insert_rowid();
        Ok(())
    }

    /// The number of our life.
    pub(crate) fn start(&self) -> i64 {
        self.start
    }

    /// Which file it is.
    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    /// Is the file still at its path?
    pub(crate) fn is_in_place(&self) -> bool {
        identity(&self.path).is_ok_and(|there| there == self.identity)
    }

    /// Writes all of it, or nothing.
    pub(crate) fn write(&mut self, records: &[Record], roller: &mut Roller) -> Result<(), Fault> {
        let start = self.start;
        let (mut ahead, mut rollup) = (roller.clone(), Rollup::default());
        let transaction = self.connection.transaction()?;
        for record in records {
            ahead.add(record, &mut rollup);
            if !is_only_a_figure(record) {
                insert(&transaction, start, record)?;
            }
        }
        add(&transaction, &rollup)?;
        transaction.commit()?;
        *roller = ahead;
        Ok(())
    }

    /// Our life ends well.
    pub(crate) fn end(&mut self, at: Timestamp) -> Result<(), Fault> {
        let sql = "UPDATE starts SET ended = ?1 WHERE id = ?2";
        self.connection.execute(sql, params![at.as_millisecond(), self.start])?;
        Ok(())
    }

    /// Is it larger than it may be?
    pub(crate) fn is_too_large(&self, rules: &Rules) -> Result<bool, Fault> {
        Ok(self.pages("page_count")? * PAGE + LOG > rules.max_size)
    }

    /// The bytes of the file and of its log.
    pub(crate) fn bytes(&self) -> u64 {
        size(&self.path)
    }

    /// Removes what is too old or too much, a part of it at a time, and gives its room back; says whether more has to go.
    pub(crate) fn prune(&mut self, rules: &Rules, now: Timestamp) -> Result<bool, Fault> {
        let cut = cut(rules, &self.facts()?, now);
        let transaction = self.connection.transaction()?;
        let events = remove_events(&transaction, &cut, now)?;
        remove_figures(&transaction, Span::Minute, cut.events_before, cut.minutes)?;
        remove_figures(&transaction, Span::Hour, cut.hours_before, cut.hours)?;
        let old = "DELETE FROM starts WHERE begun < ?1 AND id < ?2";
        transaction.execute(old, params![cut.hours_before.as_millisecond(), self.start])?;
        transaction.commit()?;
        self.give_back()?;
        Ok(events >= TURN)
    }

    fn facts(&self) -> Result<Facts, Fault> {
        let number = |sql: &str| self.connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let count = |sql: &str| number(sql).map(|count| u64::try_from(count).unwrap_or_default());
        let used = self.pages("page_count")?.saturating_sub(self.pages("freelist_count")?);
        Ok(Facts {
            used: used * PAGE + LOG,
            events: count("SELECT coalesce(max(id) - min(id) + 1, 0) FROM events")?,
            minutes: count("SELECT count(*) FROM figures WHERE span = 60")?,
            hours: count("SELECT count(*) FROM figures WHERE span = 3600")?,
        })
    }

    fn pages(&self, pragma: &str) -> Result<u64, Fault> {
        let pages = self.connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0))?;
        Ok(u64::try_from(pages).unwrap_or_default())
    }

    /// Free pages go back to the file system; one step frees one of them.
    fn give_back(&self) -> Result<(), Fault> {
        let mut statement = self.connection.prepare("PRAGMA incremental_vacuum")?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    }
}

fn insert(transaction: &Transaction<'_>, start: i64, record: &Record) -> Result<(), Fault> {
    let at = record.at.as_millisecond();
    let fields = (!record.fields.is_empty()).then(|| serde_json::to_string(&record.fields).unwrap_or_default());
    let number = i64::try_from(record.number).unwrap_or(i64::MAX);
    let level = level_number(record.level);
    transaction
        .prepare_cached(
            "INSERT INTO events (start, number, at, level, name, subject, text, fields) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![start, number, at, level, record.name, record.subject(), record.text, fields])?;
    if record.name == "start.done" {
        transaction.execute("UPDATE starts SET ready = ?1 WHERE id = ?2", params![at, start])?;
    }
    Ok(())
}

fn add(transaction: &Transaction<'_>, rollup: &Rollup) -> Result<(), Fault> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO figures (span, at, figure, subject, count, min, max, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
         ON CONFLICT DO UPDATE SET count = count + excluded.count, min = min(min, excluded.min), \
         max = max(max, excluded.max), sum = sum + excluded.sum",
    )?;
    for (key, it) in &rollup.0 {
        let count = i64::try_from(it.count).unwrap_or(i64::MAX);
        statement.execute(params![
            key.span.seconds(),
            key.at,
            key.figure,
            key.subject,
            count,
            it.min,
            it.max,
            it.sum
        ])?;
    }
    Ok(())
}

/// The oldest events, as far as they are too old or too many; at most a turn of them. Answers with how many.
fn remove_events(transaction: &Transaction<'_>, cut: &Cut, now: Timestamp) -> Result<u64, Fault> {
    let (before, after) = (cut.events_before.as_millisecond(), now.as_millisecond().saturating_add(AHEAD));
    let mut statement = transaction.prepare("SELECT id, at FROM events ORDER BY id LIMIT ?1")?;
    let mut rows = statement.query([TURN as i64])?;
    let (mut last, mut count) = (None, 0);
    while let Some(row) = rows.next()? {
        let (id, at): (i64, i64) = (row.get(0)?, row.get(1)?);
        if count >= cut.events && (before..=after).contains(&at) {
            break;
        }
        (last, count) = (Some(id), count + 1);
    }
    if let Some(last) = last {
        transaction.execute("DELETE FROM events WHERE id <= ?1", [last])?;
    }
    Ok(count)
}

/// Whole minutes or hours, the oldest first.
fn remove_figures(transaction: &Transaction<'_>, span: Span, before: Timestamp, besides: u64) -> Result<(), Fault> {
    let span = span.seconds();
    let offset = i64::try_from(besides).unwrap_or(i64::MAX) - 1;
    let too_many = "SELECT at FROM figures WHERE span = ?1 ORDER BY at LIMIT 1 OFFSET ?2";
    transaction.execute("DELETE FROM figures WHERE span = ?1 AND at < ?2", params![span, before.as_second()])?;
    if besides > 0 {
        let sql = format!("DELETE FROM figures WHERE span = ?1 AND at <= ({too_many})");
        transaction.execute(&sql, params![span, offset])?;
    }
    Ok(())
}

/// The bytes of a file and of the log beside it.
pub(crate) fn size(path: &Path) -> u64 {
    let len = |path: &Path| metadata(path).map(|facts| facts.len).unwrap_or_default();
    len(path) + len(&beside(path, "-wal"))
}

/// A file that SQLite keeps beside its own.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// So many damaged files are kept.
const DAMAGED: usize = 3;

/// What stands between the name of the file and the time.
const ASIDE: &str = ".damaged-";

/// Gives a damaged file another name, where it stays for whoever can read more of it; answers with that name.
pub(crate) fn put_aside(path: &Path, now: Timestamp) -> std::io::Result<PathBuf> {
    let aside = beside(path, &format!("{ASIDE}{}", now.strftime("%Y%m%dT%H%M%SZ")));
    rename(path, &aside)?;
    for ending in ["-wal", "-shm"] {
        // There need not be any.
        let _ = rename(&beside(path, ending), &beside(&aside, ending));
    }
    forget_older(path);
    Ok(aside)
}

/// A disk that goes on damaging files must not be filled with them.
fn forget_older(path: &Path) {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else { return };
    let begin = format!("{}{ASIDE}", name.to_string_lossy());
    let mut damaged: Vec<_> = host::fs::entries(dir).unwrap_or_default().into_iter().map(|it| it.name).collect();
    damaged.retain(|name| name.starts_with(&begin) && name.ends_with('Z'));
    damaged.sort_unstable();
    let too_many = damaged.len().saturating_sub(DAMAGED);
    for name in &damaged[..too_many] {
        for ending in ["", "-wal", "-shm"] {
            let _ = host::fs::remove(&dir.join(format!("{name}{ending}")));
        }
    }
}
