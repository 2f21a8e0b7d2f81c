//! The one question: is this file a sound database that the application can use?

use super::refusal;
use crate::{Patience, Refusal, ServerState};
use config::Access;
use host::fs::{DirFacts, check_dir, metadata};
use rusqlite::{Connection, Error, ErrorCode, OpenFlags};
use serde::Serialize;
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

/// A writer in a hurry is waited for; whoever asks comes back anyway.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// Large files are checked as far as this goes; a start must not wait for all of one.
const CHECK_LIMIT: Duration = Duration::from_secs(2);
/// A write-ahead log that is longer is told, for each reader has to look through it.
const LONG_LOG: u64 = 256 << 20;
/// A mount, or the process that makes the directory, may come a little later.
const MOUNT_GRACE: Patience = Patience::Grace(Duration::from_secs(15));

/// What is known about a database file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteFacts {
    /// `ready`, or `read-only` when that was enough.
    pub state: ServerState,
    /// There is nothing in it: a first start, or a lost volume.
    pub empty: Option<Empty>,
    /// What should be said loudly.
    pub note: Option<String>,
    /// Tables, indexes, views and triggers.
    pub objects: u32,
    /// `quick_check` came to its end and found nothing. When false, it was stopped after two seconds without having
    /// found anything.
    pub checked: bool,
    /// Version of the SQLite library inside mainstay.
    pub version: &'static str,
    /// How changes are made safe: `wal`, `delete`, …; nothing where there is no database yet. The other settings of SQLite that matter
    /// (`synchronous`, `busy_timeout`, `foreign_keys`) are those of each connection of the application, which nobody else can see.
    pub journal_mode: Option<String>,
    /// Length of the write-ahead log in bytes.
    pub log_bytes: u64,
}

/// Why there is nothing in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Empty {
    /// No file: it will be created.
    Missing,
    /// A file without content, which SQLite takes for a valid empty database.
    Empty,
}

/// Asks whether the database at `path` can be used for `access`. Creates and changes nothing; blocks for about three
/// seconds at most.
///
/// Errors: why it cannot be used.
pub fn ask(path: &Path, access: Access) -> Result<SqliteFacts, Refusal> {
    let length = match metadata(path) {
        Ok(facts) if facts.is_dir => return Err(is_directory(path)),
        Ok(facts) => Some(facts.len),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(denied(path, format!("{error}"))),
    };
    check_directory(path, access, length.is_none())?;
    match length {
        None if access == Access::ReadOnly => Err(missing(path)),
        None => Ok(nothing(Empty::Missing, None)),
        Some(0) if journal(path) => look(path, access),
        Some(0) => Ok(nothing(Empty::Empty, Some(format!("{} is an empty file: lost volume?", path.display())))),
        Some(_) => look(path, access),
    }
}

fn nothing(empty: Empty, note: Option<String>) -> SqliteFacts {
    SqliteFacts {
        state: ServerState::Ready,
        empty: Some(empty),
        note,
        objects: 0,
        checked: true,
        version: rusqlite::version(),
        journal_mode: None,
        log_bytes: 0,
    }
}

/// The first content may still lie in the write-ahead log.
fn journal(path: &Path) -> bool {
    log_bytes(path) > 0
}

fn log_bytes(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    metadata(Path::new(&log)).map_or(0, |facts| facts.len)
}

/// SQLite carries its log over every 4 MB or so, unless somebody reads all the while.
fn long_log(path: &Path, bytes: u64) -> Option<String> {
    (bytes > LONG_LOG).then(|| {
        let length = report::bytes(bytes);
        format!(
            "the log of {} has {length}: somebody reads without ever ending, or nobody carries it over",
            path.display()
        )
    })
}

fn check_directory(path: &Path, access: Access, creating: bool) -> Result<(), Refusal> {
    let directory = directory(path);
    if access == Access::ReadOnly && !creating {
        return Ok(());
    }
    let facts = check_dir(&directory);
    if !facts.exists {
        return Err(no_directory(&directory));
    }
    match &facts.writable {
        Ok(()) => Ok(()),
        Err(_) if access == Access::ReadOnly => Ok(()),
        Err(error) if error.kind() == ErrorKind::StorageFull => Err(full(&directory)),
        Err(error) => Err(unwritable(&directory, &facts, error)),
    }
}

fn directory(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

fn look(path: &Path, access: Access) -> Result<SqliteFacts, Refusal> {
    let connection = read(path, access).map_err(|error| refusal(&error, path))?;
    let read_only = connection.is_readonly("main").map_err(|error| refusal(&error, path))?;
    if read_only && access == Access::ReadWrite {
        return Err(read_only_file(path));
    }
    let objects = connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0));
    let objects: u32 = objects.map_err(|error| refusal(&error, path))?;
    let checked = quick_check(&connection, path)?;
    let empty = (objects == 0).then_some(Empty::Empty);
    let log_bytes = log_bytes(path);
    let lost = empty.map(|_| format!("{} holds no tables: lost volume?", path.display()));
    let note = lost.or_else(|| long_log(path, log_bytes));
    let journal_mode = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).ok();
    let state = if access == Access::ReadOnly { ServerState::ReadOnly } else { ServerState::Ready };
    let version = rusqlite::version();
    Ok(SqliteFacts { state, empty, note, objects, checked, version, journal_mode, log_bytes })
}

fn read(path: &Path, access: Access) -> Result<Connection, Error> {
    let way = match access {
        Access::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Access::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let connection = Connection::open_with_flags(path, way | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// True when the check came to its end, false when its time was up.
fn quick_check(connection: &Connection, path: &Path) -> Result<bool, Refusal> {
    let (done, waiting) = mpsc::channel::<()>();
    let stop = connection.get_interrupt_handle();
    let watch = thread::spawn(move || {
        if waiting.recv_timeout(CHECK_LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            stop.interrupt();
        }
    });
    let found = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    drop(done);
    // The watch holds a handle to the connection: it has to end first. It cannot panic.
    let _ = watch.join();
    match found {
        Ok(word) if word == "ok" => Ok(true),
        Ok(damage) => Err(damaged(path, damage)),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => Ok(false),
        Err(error) => Err(refusal(&error, path)),
    }
}

fn refuse(state: ServerState, patience: Patience, message: String, hint: &str) -> Refusal {
    Refusal { state, patience, code: None, message, detail: None, hint: Some(hint.into()) }
}

fn damaged(path: &Path, damage: String) -> Refusal {
    Refusal {
        detail: Some(damage),
        ..refusal(&Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), None), path)
    }
}

fn denied(path: &Path, error: String) -> Refusal {
    let message = if error.contains(&*path.to_string_lossy()) { error } else { format!("{}: {error}", path.display()) };
    refuse(
        ServerState::Denied,
        Patience::None,
        message,
        "the directories above the file must be searchable for this user",
    )
}

fn is_directory(path: &Path) -> Refusal {
    let message = format!("{} is a directory, not a database file", path.display());
    refuse(ServerState::Denied, Patience::None, message, "name a file in it, such as `sqlite:data/app.db`")
}

fn no_directory(directory: &Path) -> Refusal {
    let message = format!("there is no directory {}", directory.display());
    let hint = format!("`mkdir -p {}`, or is a volume not mounted?", directory.display());
    refuse(ServerState::Down, MOUNT_GRACE, message, &hint)
}

fn missing(path: &Path) -> Refusal {
    let message = format!("there is no database file {}", path.display());
    refuse(ServerState::Down, MOUNT_GRACE, message, "reading alone does not create it; is a volume not mounted?")
}

fn full(directory: &Path) -> Refusal {
    let message = format!("no space is left in {}", directory.display());
    refuse(ServerState::Starting, Patience::Deadline, message, "`df -h`, then free space")
}

fn unwritable(directory: &Path, facts: &DirFacts, error: &std::io::Error) -> Refusal {
    let place = directory.display();
    let owner = facts.owner.map(|uid| format!(", it belongs to uid {uid}")).unwrap_or_default();
    let hint = match &facts.read_only_mount {
        Some(mount) => {
            format!("{} is mounted read-only: `mount -o remount,rw`, or put the database elsewhere", mount.display())
        }
        None => {
            format!("`chown {} {place}`, or run as its owner; SQLite makes its journal beside the file", facts.our_uid)
        }
    };
    Refusal {
        code: Some("SQLITE_READONLY_DIRECTORY".into()),
        detail: Some(format!("this is uid {}{owner}: {error}", facts.our_uid)),
        ..refuse(ServerState::ReadOnly, Patience::None, format!("the directory {place} is not writable"), &hint)
    }
}

fn read_only_file(path: &Path) -> Refusal {
    let message = format!("{} is read-only for this user", path.display());
    Refusal {
        code: Some("SQLITE_READONLY".into()),
        ..refuse(ServerState::ReadOnly, Patience::None, message, "`chmod u+w`, or run as its owner")
    }
}
