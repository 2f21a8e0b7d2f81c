//! What is in an SQLite database.

use super::CallOff;
use crate::content::{Content, Rows};
use rusqlite::{Connection, Error, ffi, types::ValueRef};
use std::collections::BTreeMap;

/// So many rows between two looks whether anybody still waits.
const LOOK: u64 = 4096;

/// Tables with rows of their own, everything in the schema, and what the header says. Call it within a transaction. `seen` is told
/// of more and more rows.
///
/// The rows of virtual tables are those of their shadow tables.
pub(super) fn content(connection: &Connection, call_off: &CallOff, seen: impl Fn(u64)) -> Result<Content, Error> {
    let mut content = Content::default();
    let mut names = Vec::new();
    let mut schema = BTreeMap::new();
    let mut question = connection.prepare("SELECT type, name, coalesce(sql, ''), rootpage FROM sqlite_schema")?;
    let mut rows = question.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, name, sql): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if kind == "table" && row.get::<_, i64>(3)? != 0 {
            names.push(name.clone());
        }
        schema.insert(format!("{kind} {name}"), short(blake3::hash(sql.as_bytes())));
    }
    for name in names {
        let rows = table(connection, &name, call_off, &seen)?;
        content.tables.insert(name, rows);
    }
    content.things.insert("schema".to_owned(), schema);
    content.things.insert("setting".to_owned(), header(connection)?);
    Ok(content)
}

fn header(connection: &Connection) -> Result<BTreeMap<String, String>, Error> {
    let one = |name: &str| {
        let value = connection.pragma_query_value(None, name, |row| {
            Ok(match row.get_ref(0)? {
                ValueRef::Integer(number) => number.to_string(),
                other => other.as_str().unwrap_or_default().to_owned(),
            })
        })?;
        Ok((name.to_owned(), value))
    };
    ["application_id", "user_version", "encoding", "page_size"].into_iter().map(one).collect()
}

/// All values of all rows in the order in which they lie there, which is the same in a copy of the pages.
fn table(connection: &Connection, name: &str, call_off: &CallOff, seen: &impl Fn(u64)) -> Result<Rows, Error> {
    let sql = format!("SELECT * FROM main.\"{}\" NOT INDEXED", name.replace('"', "\"\""));
    let mut question = connection.prepare(&sql)?;
    let columns = question.column_count();
    let (mut hasher, mut number, mut buffer) = (blake3::Hasher::new(), 0, Vec::new());
    let mut rows = question.query([])?;
    while let Some(row) = rows.next()? {
        if number % LOOK == LOOK - 1 {
            seen(LOOK);
            if call_off.called_off() {
                return Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_INTERRUPT), None));
            }
        }
        for column in 0..columns {
            write(row.get_ref(column)?, &mut buffer);
        }
        if buffer.len() > 64 * 1024 {
            hasher.update(&buffer);
            buffer.clear();
        }
        number += 1;
    }
    hasher.update(&buffer);
    seen(number % LOOK);
    Ok(Rows { rows: number, hash: Some(short(hasher.finalize())) })
}

/// Kind, length and bytes, so that no two rows look alike.
fn write(value: ValueRef<'_>, to: &mut Vec<u8>) {
    let mut of = |kind: u8, bytes: &[u8]| {
        to.push(kind);
        to.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        to.extend_from_slice(bytes);
    };
    match value {
        ValueRef::Null => of(0, &[]),
        ValueRef::Integer(number) => of(1, &number.to_le_bytes()),
        ValueRef::Real(number) => of(2, &number.to_bits().to_le_bytes()),
        ValueRef::Text(text) => of(3, text),
        ValueRef::Blob(bytes) => of(4, bytes),
    }
}

/// Half of a hash is enough for what nobody forges.
fn short(hash: blake3::Hash) -> String {
    format!("blake3:{}", &hash.to_hex()[..32])
}
