//! Reading what is remembered, beside whoever writes it, or without anybody.

use crate::{
    Day, Figure, Life, Query, Record, Span, Start, day, record::level_numbered, schema, schema::Fault, start,
    store::beside,
};
use host::fs::{Scratch, metadata};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Row, params};
use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::Duration,
};

/// Whoever writes is waited for so long.
const BUSY: Duration = Duration::from_secs(2);

/// A start is told by its first events, and these are enough of them.
const EVENTS_OF_A_START: i64 = 20_000;

/// Why nothing can be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no file.
    #[error("nothing is remembered yet")]
    Missing(PathBuf),
    /// It is of another version, damaged, or not ours.
    #[error("the journal cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
        /// It is damaged, and the next who writes puts it aside.
        damaged: bool,
    },
}

/// Reads a journal. It holds nobody up who writes, and works on a copy that may not be written to.
pub struct Reader {
    connection: Connection,
    path: PathBuf,
    /// Where what cannot be read in place was copied to.
    _copy: Option<Scratch>,
}

/// What is known of one subject and one hour, or one minute.
#[derive(Clone, Debug, PartialEq)]
pub struct Hour {
    /// Its beginning.
    pub at: Timestamp,
    /// The dependency, service or place; empty for the machine as a whole.
    pub subject: String,
    /// Figures by name.
    pub figures: BTreeMap<String, Figure>,
}

impl Reader {
    /// Opens the journal at `path`. What it needs of room for a moment, it takes below `scratch`.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn open(path: &Path, scratch: &Path) -> Result<Self, ReadError> {
        if metadata(path).is_err_and(|error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)) {
            return Err(ReadError::Missing(path.to_owned()));
        }
        let opened = match connect(path, false) {
            Ok(connection) => Ok((connection, None)),
            // Reading beside a log needs files that may be made here, or not.
            Err(Fault::Failing(_)) => aside(path, scratch),
            Err(fault) => Err(fault),
        };
        let (connection, copy) = opened.map_err(|fault| unreadable(path, &fault))?;
        Ok(Self { connection, path: path.to_owned(), _copy: copy })
    }

    /// The last `number` events that `query` takes, oldest first.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn events(&self, query: &Query, number: usize) -> Result<Vec<Record>, ReadError> {
        let told = || -> Result<Vec<Record>, Fault> {
            let sql = "SELECT start, number, at, level, name, text, fields FROM events \
                       WHERE at BETWEEN ?1 AND ?2 AND level >= ?3 ORDER BY id DESC";
            let mut statement = self.connection.prepare(sql)?;
            let time = |at: Option<Timestamp>, else_| at.map_or(else_, Timestamp::as_millisecond);
            let least = query.least.map_or(0, crate::record::level_number);
            let mut rows = statement.query(params![time(query.since, i64::MIN), time(query.until, i64::MAX), least])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                if found.len() == number {
                    break;
                }
                found.extend(Some(record(row)?).filter(|record| query.takes(record)));
            }
            found.reverse();
            Ok(found)
        };
        told().map_err(|fault| self.unreadable(&fault))
    }

    /// The lives of mainstay that began within this time, oldest first.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn lives(&self, since: Timestamp, until: Timestamp) -> Result<Vec<Life>, ReadError> {
        let sql = format!("{LIVES} WHERE begun BETWEEN ?1 AND ?2 ORDER BY id");
        let told = || -> Result<Vec<Life>, Fault> {
            let mut statement = self.connection.prepare(&sql)?;
            let found = statement.query_map([since.as_millisecond(), until.as_millisecond()], life)?;
            Ok(found.collect::<Result<_, _>>()?)
        };
        told().map_err(|fault| self.unreadable(&fault))
    }

    /// The course of a start: that of this number, or the last one; nothing when there is none.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn start(&self, number: Option<i64>) -> Result<Option<Start>, ReadError> {
        let told = || -> Result<Option<Start>, Fault> {
            let sql = format!("{LIVES} WHERE id = coalesce(?1, (SELECT max(id) FROM starts))");
            let mut statement = self.connection.prepare(&sql)?;
            let mut rows = statement.query([number])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let (life, first): (Life, i64) = (life(row)?, row.get(8)?);
            let sql = "SELECT start, number, at, level, name, text, fields FROM events \
                       WHERE id >= ?1 AND id < ?1 + ?2 AND start = ?3 ORDER BY id";
            let mut statement = self.connection.prepare(sql)?;
            let found = statement.query_map([first, EVENTS_OF_A_START, life.number], record)?;
            let records: Vec<_> = found.collect::<Result<_, _>>()?;
            Ok(Some(start(life, &records)))
        };
        told().map_err(|fault| self.unreadable(&fault))
    }

    /// What happened within this time.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn day(&self, since: Timestamp, until: Timestamp) -> Result<Day, ReadError> {
        let query = Query { since: Some(since), until: Some(until), ..Query::default() };
        Ok(day(self.lives(since, until)?, &self.events(&query, usize::MAX)?))
    }

    /// Figures by the hour, or by the minute; those of events that were counted left out; in the order of time and subject.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn hours(&self, since: Timestamp, until: Timestamp, by: Span) -> Result<Vec<Hour>, ReadError> {
        let told = || -> Result<Vec<Hour>, Fault> {
            let sql = "SELECT at, subject, figure, count, min, max, sum FROM figures \
                       WHERE span = ?3 AND at BETWEEN ?1 - ?3 + 1 AND ?2 AND figure NOT LIKE 'event %' ORDER BY at, subject, figure";
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query([since.as_second(), until.as_second(), by.seconds()])?;
            let mut hours: Vec<Hour> = Vec::new();
            while let Some(row) = rows.next()? {
                let at = Timestamp::from_second(row.get(0)?).unwrap_or_default();
                let subject: String = row.get(1)?;
                if hours.last().is_none_or(|last| last.at != at || last.subject != subject) {
                    hours.push(Hour { at, subject, figures: BTreeMap::new() });
                }
                let count = u64::try_from(row.get::<_, i64>(3)?).unwrap_or_default();
                let figure = Figure { count, min: row.get(4)?, max: row.get(5)?, sum: row.get(6)? };
                let name = row.get(2)?;
                hours.last_mut().and_then(|hour| hour.figures.insert(name, figure));
            }
            Ok(hours)
        };
        told().map_err(|fault| self.unreadable(&fault))
    }

    fn unreadable(&self, fault: &Fault) -> ReadError {
        unreadable(&self.path, fault)
    }
}

fn unreadable(path: &Path, fault: &Fault) -> ReadError {
    let damaged = matches!(fault, Fault::Damaged(_));
    ReadError::Unreadable { path: path.to_owned(), why: fault.to_string(), damaged }
}

const LIVES: &str = "SELECT id, app, version, release, pid, begun, ready, ended, first FROM starts";

fn life(row: &Row<'_>) -> rusqlite::Result<Life> {
    let time = |millis: i64| Timestamp::from_millisecond(millis).unwrap_or_default();
    Ok(Life {
        number: row.get(0)?,
        app: row.get(1)?,
        version: row.get(2)?,
        release: row.get(3)?,
        pid: row.get(4)?,
        begun: time(row.get(5)?),
        ready: row.get::<_, Option<i64>>(6)?.map(time),
        ended: row.get::<_, Option<i64>>(7)?.map(time),
    })
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let fields: Option<String> = row.get(6)?;
    Ok(Record {
        start: row.get(0)?,
        number: u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default(),
        at: Timestamp::from_millisecond(row.get(2)?).unwrap_or_default(),
        level: level_numbered(row.get(3)?),
        name: row.get(4)?,
        text: row.get(5)?,
        fields: fields.and_then(|fields| serde_json::from_str(&fields).ok()).unwrap_or_default(),
    })
}

/// Opens a file to read it; one that nobody will write to may be taken as it is.
fn connect(path: &Path, unchanging: bool) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri(path, unchanging), flags)?;
    connection.busy_timeout(BUSY)?;
    match schema::version(&connection)? {
        0 => Err(Fault::Failing("there is nothing in it yet".to_owned())),
        found if found > schema::VERSION => Err(Fault::Newer { found }),
        _ => Ok(connection),
    }
}

fn uri(path: &Path, unchanging: bool) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    let escaped: String = path
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .map(|byte| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    format!("file:{escaped}?mode=ro{}", if unchanging { "&immutable=1" } else { "" })
}

/// Where nothing can be made beside the file: it is read as it stands, or, with a log beside it, from a copy of both.
fn aside(path: &Path, scratch: &Path) -> Result<(Connection, Option<Scratch>), Fault> {
    let log = beside(path, "-wal");
    if metadata(&log).map_or(0, |facts| facts.len) == 0 {
        return Ok((connect(path, true)?, None));
    }
    let copy = Scratch::beside(&scratch.join("journal"))?;
    let to = copy.path().join("journal.db");
    transfer(path, &to)?;
    transfer(&log, &beside(&to, "-wal"))?;
    Ok((connect(&to, false)?, Some(copy)))
}

fn transfer(from: &Path, to: &Path) -> io::Result<()> {
    io::copy(&mut host::fs::open(from)?, &mut host::fs::create(to, 0o600)?).map(drop)
}
