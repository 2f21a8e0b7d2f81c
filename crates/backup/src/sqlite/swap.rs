//! Putting a database in the place of another one, which is kept under another name.
//!
//! At every moment there is a whole database under the name: the old one gets a second name first, and the new one then takes
//! the first in one step. What belongs to the old one (`-wal`, `-journal`) is folded into it, or goes with it: beside the new one it
//! would be poison.

use crate::BackupError;
use host::{
    fs::{self, Identity},
    proc::Process,
    user::Account,
};
use rusqlite::{Connection, OpenFlags};
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// So long others may finish what they are at.
const BUSY: Duration = Duration::from_secs(5);
/// What SQLite keeps beside a database, and what of it belongs to its content.
const BESIDE: [&str; 2] = ["-wal", "-journal"];

/// What becomes of the old database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Old {
    /// It has to be whole.
    Sound,
    /// It may be damaged, and is kept as it is.
    AsItIs,
}

/// `new` gets the name `path`; what had it is kept as `before`. Both lie in one directory.
pub(crate) fn swap(path: &Path, new: &Path, before: &Path, old: Old, reach: &dyn Fn(&str)) -> Result<(), BackupError> {
    let moved = |error| BackupError::files("the database cannot be replaced", error);
    if fs::metadata(path).is_ok() {
        alone(path)?;
        fold(path, old)?;
        like(new, path).map_err(moved)?;
        keep(path, before).map_err(moved)?;
        reach("restore.linked");
    }
    fs::sync(new).and_then(|()| fs::rename(new, path)).map_err(moved)?;
    reach("restore.renamed");
    fs::sync(path.parent().unwrap_or(Path::new("/"))).map_err(moved)
}

/// The one kept as `before` gets its name back; what has it now is kept as `undone`.
pub(crate) fn put_back(path: &Path, before: &Path, undone: &Path, reach: &dyn Fn(&str)) -> Result<(), BackupError> {
    alone(before)?;
    fold(before, Old::AsItIs)?;
    let moved = |error| BackupError::files("the database cannot be put back", error);
    swap(path, before, undone, Old::AsItIs, reach)?;
    BESIDE.iter().try_for_each(|end| pass_on(&with(before, end), &with(path, end))).map_err(moved)
}

/// Is `before` there, and another file than `path`? Between the two steps of a swap they are one.
pub(crate) fn is_kept(path: &Path, before: &Path) -> bool {
    fs::identity(before).is_ok_and(|kept| fs::identity(path).ok() != Some(kept))
}

/// Takes back the first step of a swap whose second one was never done.
pub(crate) fn let_go(path: &Path, before: &Path) -> Result<(), BackupError> {
    let kept = |error| BackupError::files("what a restore that was cut off has left cannot be removed", error);
    if fs::metadata(before).is_ok() && !is_kept(path, before) {
        fs::remove(before).map_err(kept)?;
    }
    let missing = |end: &&&str| fs::metadata(&with(path, end)).is_err();
    BESIDE.iter().filter(missing).try_for_each(|end| pass_on(&with(before, end), &with(path, end))).map_err(kept)
}

/// Nobody else may have it open: he would go on with the old one, and what he writes would be lost.
pub(crate) fn alone(path: &Path) -> Result<(), BackupError> {
    let by: Vec<_> = fs::openers(path).into_iter().map(told).collect();
    match by.is_empty() {
        true => Ok(()),
        false => Err(BackupError::InUse { what: path.display().to_string(), by }),
    }
}

fn told(pid: u32) -> String {
    match Process::new(pid).cmdline() {
        Some(command) => format!("process {pid} (`{}`) has it open", config::redact(&command)),
        None => format!("process {pid} has it open"),
    }
}

/// Brings the write-ahead log into the file; the last who closes it removes what is beside.
fn fold(path: &Path, old: Old) -> Result<(), BackupError> {
    let folded = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|connection| {
        connection.busy_timeout(BUSY)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))?;
        connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")
    });
    match folded {
        Err(error) if old == Old::Sound => {
            Err(BackupError::sqlite("bring the write-ahead log into the database", path)(error))
        }
        _ => Ok(()),
    }
}

/// The same mode, and the same owner where we may give it away.
fn like(new: &Path, old: &Path) -> io::Result<()> {
    let facts = fs::metadata(old)?;
    fs::set_mode(new, facts.mode)?;
    match fs::metadata(new)?.uid == facts.uid {
        true => Ok(()),
        false => fs::give(new, Account { uid: facts.uid, gid: facts.gid }),
    }
}

fn keep(path: &Path, before: &Path) -> io::Result<()> {
    let same = |one: &Path, other: &Path| -> io::Result<bool> {
        let identity = |path: &Path| -> io::Result<Identity> { fs::identity(path) };
        Ok(identity(one)? == identity(other)?)
    };
    // Somebody was killed right here.
    if fs::metadata(before).is_ok() && same(path, before)? {
        fs::remove(before)?;
    }
    BESIDE.iter().try_for_each(|end| pass_on(&with(path, end), &with(before, end)))?;
    fs::link(path, before)
}

fn pass_on(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
