//! VACUUM and ANALYZE.

use super::{CallOff, blocking, copy::open};
use crate::BackupError;
use rusqlite::{Connection, Error};
use serde::Serialize;
use std::{path::Path, sync::mpsc, thread, time::Duration};

/// Writers wait for VACUUM, so a few free pages, which new rows will take, are no reason for one: percent of all.
const WORTH: u64 = 10;
/// It writes all of it anew, into a file of its own and then into the log.
const ROOM: u64 = 2;
/// So many rows of each index are looked at: enough for the planner, and writers hardly wait
/// (<https://www.sqlite.org/lang_analyze.html#approx>).
const ROWS: u32 = 1000;
/// Between two looks whether anybody still waits.
const LOOK: Duration = Duration::from_millis(50);

/// What became of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Its size in bytes.
    pub before: u64,
    /// What of that was free.
    pub free: u64,
    /// Its size now.
    pub after: u64,
    /// Was it worth a VACUUM?
    pub rewritten: bool,
}

/// VACUUM, where that is worth it, and ANALYZE.
pub(crate) async fn vacuum(path: &Path) -> Result<Swept, BackupError> {
    let path = path.to_owned();
    blocking(move |call_off| {
        let wrong = |error| BackupError::sqlite("vacuum the database", &path)(error);
        let connection = open(&path).map_err(wrong)?;
        let (before, free) = sizes(&connection).map_err(wrong)?;
        let rewritten = free * 100 >= before * WORTH && free > 0;
        if rewritten {
            room(&path, before)?;
        }
        act(&connection, rewritten, call_off).map_err(wrong)?;
        let (after, _) = sizes(&connection).map_err(wrong)?;
        Ok(Swept { before, free, after, rewritten })
    })
    .await
}

/// All of it, and what of it is free, in bytes.
fn sizes(connection: &Connection) -> Result<(u64, u64), Error> {
    let one = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
    let page = one("page_size")?;
    Ok((one("page_count")? * page, one("freelist_count")? * page))
}

fn room(path: &Path, bytes: u64) -> Result<(), BackupError> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let needed = ROOM * bytes;
    match host::fs::free_bytes(dir) {
        Some(free) if free < needed => Err(BackupError::NoRoomToVacuum { path: dir.to_owned(), free, needed }),
        _ => Ok(()),
    }
}

/// Called off, it leaves the database as it was.
fn act(connection: &Connection, rewrites: bool, call_off: &CallOff) -> Result<(), Error> {
    let (stop, (done, ended)) = (connection.get_interrupt_handle(), mpsc::channel::<()>());
    thread::scope(|scope| {
        scope.spawn(move || {
            while ended.recv_timeout(LOOK) == Err(mpsc::RecvTimeoutError::Timeout) {
                if call_off.called_off() {
                    stop.interrupt();
                }
            }
        });
        let vacuumed = if rewrites { connection.execute_batch("VACUUM") } else { Ok(()) };
        let acted = vacuumed.and_then(|()| {
            connection
                .execute_batch(&format!("PRAGMA analysis_limit = {ROWS}; ANALYZE; PRAGMA wal_checkpoint(PASSIVE)"))
        });
        drop(done);
        acted
    })
}
