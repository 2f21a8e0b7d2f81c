//! SQLite: one connection behind a lock, write-ahead logging, foreign keys checked.

use super::value::{Row, Value};
use crate::Error;
use rusqlite::{Connection, ErrorCode, ToSql, types::ToSqlOutput, types::ValueRef};
use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub(super) struct Sqlite(Mutex<Connection>);

impl Sqlite {
    /// Opens the file; it must exist, because an empty new one would hide that its volume is missing.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        use rusqlite::OpenFlags as F;
        let connection = Connection::open_with_flags(path, F::SQLITE_OPEN_READ_WRITE | F::SQLITE_OPEN_NO_MUTEX)
            .map_err(|error| Error::Database(format!("`{}`: {error}", path.display())))?;
        connection.busy_timeout(Duration::from_secs(5)).map_err(told)?;
        connection
            .execute_batch("pragma journal_mode = wal; pragma synchronous = normal; pragma foreign_keys = on;")
            .map_err(told)?;
        Ok(Self(Mutex::new(connection)))
    }

    pub(super) fn rows(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(sql).map_err(told)?;
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let values: rusqlite::Result<Vec<_>> = (0..columns).map(|at| Ok(value(row.get_ref(at)?))).collect();
            values.map(Row)
        };
        let rows = statement.query_map(rusqlite::params_from_iter(values), row).map_err(told)?;
        rows.collect::<Result<_, _>>().map_err(told)
    }

    pub(super) fn change(&self, sql: &str, values: &[Value], taken: &'static str) -> Result<u64, Error> {
        let connection = self.connection();
        let changed = connection.prepare_cached(sql).and_then(|mut it| it.execute(rusqlite::params_from_iter(values)));
        changed.map(|rows| rows as u64).map_err(|error| refused(error, taken))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(error: rusqlite::Error, taken: &'static str) -> Error {
    match &error {
        rusqlite::Error::SqliteFailure(code, _) if code.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE => {
            Error::Conflict(taken)
        }
        rusqlite::Error::SqliteFailure(code, text) if code.code == ErrorCode::ConstraintViolation => {
            Error::Invalid(text.clone().unwrap_or_else(|| error.to_string()))
        }
        _ => told(error),
    }
}

fn told(error: rusqlite::Error) -> Error {
    Error::Database(error.to_string())
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Integer(number) => Value::Number(number),
        ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        _ => Value::Text(String::new()),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Value::Text(text) => text.to_sql(),
            Value::Number(number) => number.to_sql(),
        }
    }
}
