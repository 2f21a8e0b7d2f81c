//! What is there: the ledger's table and its rows. Reads only.

use crate::{
    MigrateError, Version,
    ledger::{Column, Row, Shape, TABLE},
};
use database::sqlite::refusal;
use rusqlite::{Connection, OpenFlags};
use std::{io::ErrorKind, path::Path, time::Duration};

/// A reader in WAL mode never waits for a writer; before the mode is set it may.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What was applied to the database in this file; nothing when there is no file. Writes nothing.
pub(crate) fn rows_of(path: &Path) -> Result<Vec<Row>, MigrateError> {
    open_to_read(path)?.map_or_else(|| Ok(Vec::new()), |connection| rows(&connection, path))
}

/// What was applied, in no order; nothing when there is no ledger.
///
/// # Errors
/// [`MigrateError::ForeignTable`], or why the file cannot be read.
pub(super) fn rows(connection: &Connection, path: &Path) -> Result<Vec<Row>, MigrateError> {
    match shape(connection).map_err(|error| MigrateError::Refused(refusal(&error, path)))? {
        Shape::Absent => Ok(Vec::new()),
        Shape::Foreign { columns, tool } => Err(MigrateError::ForeignTable { table: TABLE.to_owned(), columns, tool }),
        Shape::Ours => read(connection).map_err(|error| MigrateError::Refused(refusal(&error, path))),
    }
}

/// A connection that cannot write, or nothing when there is no file.
fn open_to_read(path: &Path) -> Result<Option<Connection>, MigrateError> {
    if host::fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(None);
    }
    let open = || {
        let connection =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(connection)
    };
    open().map(Some).map_err(|error| MigrateError::Refused(refusal(&error, path)))
}

/// Whose table it is.
pub(super) fn shape(connection: &Connection) -> rusqlite::Result<Shape> {
    let mut statement = connection.prepare("SELECT name, type FROM pragma_table_info(?1) ORDER BY cid")?;
    let columns = statement.query_map([TABLE], |row| Ok(Column { name: row.get(0)?, kind: row.get(1)? }))?;
    Ok(Shape::of(&columns.collect::<Result<Vec<_>, _>>()?))
}

fn read(connection: &Connection) -> rusqlite::Result<Vec<Row>> {
    let mut statement =
        connection.prepare("SELECT version, name, checksum, applied_at, duration_ms FROM schema_migrations")?;
    let rows = statement.query_map([], |row| {
        Ok(Row {
            version: Version::from(row.get::<_, String>(0)?.as_str()),
            name: row.get(1)?,
            checksum: row.get(2)?,
            applied_at: row.get(3)?,
            duration_ms: row.get(4)?,
        })
    })?;
    rows.collect()
}

/// Is there such a table or view?
pub(crate) fn exists(path: &Path, table: &str) -> Result<bool, MigrateError> {
    let Some(connection) = open_to_read(path)? else { return Ok(false) };
    let name = table.rsplit('.').next().unwrap_or(table);
    let count = connection.query_row(
        "SELECT count(*) FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE",
        [name],
        |row| row.get::<_, i64>(0),
    );
    count.map(|count| count > 0).map_err(|error| MigrateError::Refused(refusal(&error, path)))
}
