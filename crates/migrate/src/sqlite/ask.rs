//! What is there: the tables that may be ledgers. Reads only.

use super::Desk;
use crate::{
    MigrateError,
    catalog::{Catalog, NAMES, tables},
    engine::{Cells, Passing, owned},
    quote::literal,
    sql::Dialect,
};
use database::sqlite::open;
use rusqlite::{Connection, OpenFlags, types::ValueRef};
use std::{borrow::Cow, io::ErrorKind, path::Path, time::Duration};

/// A reader in WAL mode never waits for a writer; before the mode is set it may.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that is there to look, or nothing when there is no file. A database that a crash left behind may have to be
/// mended before it can be read, and that is a write.
pub(super) fn open_to_read(path: &Path) -> Result<Option<Connection>, MigrateError> {
    if host::fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(None);
    }
    let read_only = || -> rusqlite::Result<Connection> {
        let connection =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
        Ok(connection)
    };
    match read_only() {
        Ok(connection) => Ok(Some(connection)),
        Err(_) => open(path).map(Some).map_err(MigrateError::Refused),
    }
}

/// The tables that may be ledgers.
pub(super) fn catalog(desk: &Desk, also: Option<&str>) -> Result<Catalog, MigrateError> {
    let lines = match &*desk.reader()? {
        Some(connection) => columns(connection, also).map_err(|error| super::refused(&error, &desk.path))?,
        None => String::new(),
    };
    Ok(Catalog {
        dialect: Dialect::Sqlite,
        database: desk.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        schema: String::new(),
        search_path: String::new(),
        in_recovery: false,
        read_only: false,
        tables: tables(&lines, Dialect::Sqlite),
    })
}

fn columns(connection: &Connection, also: Option<&str>) -> rusqlite::Result<String> {
    let names = NAMES.into_iter().chain(also).map(|name| literal(name, Dialect::Sqlite)).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "SELECT '' || char(9) || m.name || char(9) || c.name || char(9) || c.type || char(9) || \
         CASE WHEN c.\"notnull\" AND c.dflt_value IS NULL AND NOT c.pk THEN 't' ELSE 'f' END \
         FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name IN ({names}) ORDER BY m.name, c.cid"
    );
    let rows = cells(connection, &sql)?;
    Ok(rows.into_iter().filter_map(|cells| cells.into_iter().next().flatten()).collect::<Vec<_>>().join("\n"))
}

/// The rows of one question, as texts.
pub(super) fn cells(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<Cells>> {
    each(connection, sql, owned)
}

/// The same, each row made into something as it comes.
pub(super) fn each<T>(connection: &Connection, sql: &str, of: fn(&Passing<'_>) -> T) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare(sql)?;
    let width = statement.column_count();
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = (0..width).map(|index| row.get_ref(index).map(text)).collect::<Result<Vec<_>, _>>()?;
        found.push(of(&cells));
    }
    Ok(found)
}

fn text(value: ValueRef<'_>) -> Option<Cow<'_, str>> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Integer(number) => number.to_string().into(),
        ValueRef::Real(number) => number.to_string().into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text),
        ValueRef::Blob(bytes) => crate::style::plain::hexadecimal(bytes).into(),
    })
}
