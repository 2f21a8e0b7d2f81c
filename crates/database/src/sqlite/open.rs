//! Opens a database as production needs it.

use super::{code, refusal};
use crate::Refusal;
use retry::{Deadline, Transience};
use rusqlite::{Connection, Error};
use std::{path::Path, thread, time::Duration};

/// How long SQLite itself waits for another writer.
const BUSY_TIMEOUT: Duration = Duration::from_millis(5000);
/// Between two tries to change the journal.
const PAUSE: Duration = Duration::from_millis(20);
/// Opens the database at `path`, creating it if it is missing, with WAL, `synchronous=NORMAL`, `busy_timeout=5000` and
/// `foreign_keys=ON` (S2.14). Blocks for some seconds at most, while others hold it locked.
///
/// Errors: as [`refusal`] tells them.
pub fn open(path: &Path) -> Result<Connection, Refusal> {
    let connection = Connection::open(path).map_err(|error| refusal(&error, path))?;
    set_up(&connection).map_err(|error| refusal(&error, path))?;
    Ok(connection)
}

fn set_up(connection: &Connection) -> Result<(), Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    write_ahead(connection)?;
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")
}

/// Changing the journal does not wait for readers by itself. A file system without shared memory stays with its
/// journal: slower, not wrong.
fn write_ahead(connection: &Connection) -> Result<(), Error> {
    let deadline = Deadline::after(BUSY_TIMEOUT);
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())) {
            Err(error) if code::transience(&error) == Transience::Transient && !deadline.passed() => {
                thread::park_timeout(PAUSE);
            }
            done => return done,
        }
    }
}
