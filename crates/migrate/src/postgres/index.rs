//! Guards `CREATE INDEX CONCURRENTLY`, which leaves an invalid index behind when it fails: a name that is taken, no use to
//! any query, and `IF NOT EXISTS` then says that all is well.
//!
//! Names are those of the catalog: without quotes, in the case in which they are kept. An index lies in the schema of its
//! table. Rows of the catalog are looked up by name, never by text of a statement.

use super::ask::{cell, query};
use crate::{MigrateError, engine::Cells, quote::identifier, sql::Name};
use database::postgres::{Session, literal};
use std::time::Duration;

/// What is there under the name of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IndexState {
    /// Nothing, or there is no such table.
    Absent,
    /// A build that failed left it behind.
    Invalid,
    /// Somebody builds it at this moment.
    Building {
        /// The server process that does.
        pid: i32,
    },
    /// It is there and in use.
    Valid,
    /// An index of another table has that name.
    OtherTable {
        /// Which.
        table: String,
    },
    /// Something has that name that is no such index: a table, a partitioned index.
    Taken,
}

/// Which statements about a table may be building an index of it, by any session of this database. A role without rights
/// sees in the view only that there is one; then the lock on the table decides, which everybody may see.
const BUILDERS: &str = "SELECT min(p.pid) FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = i.oid OR (p.relid IS NULL \
    AND EXISTS (SELECT 1 FROM pg_catalog.pg_locks k WHERE k.pid = p.pid AND k.relation = x.indrelid \
    AND k.mode = 'ShareUpdateExclusiveLock' AND k.granted))";

/// What is there under the name of an index of `table`.
pub(crate) async fn state(session: &Session, table: &Name, index: &str) -> Result<IndexState, MigrateError> {
    let sql = format!(
        "SELECT i.relkind, x.indisvalid AND x.indisready AS valid, x.indrelid = t.oid AS same, x.indrelid::pg_catalog.regclass::text AS owner, \
         ({BUILDERS}) AS builder FROM pg_catalog.pg_class t \
         JOIN pg_catalog.pg_class i ON i.relnamespace = t.relnamespace AND i.relname = {} \
         LEFT JOIN pg_catalog.pg_index x ON x.indexrelid = i.oid WHERE t.oid = {}",
        literal(index),
        oid(table)
    );
    let rows = query(session, "look at an index", &sql).await?;
    let Some(row) = rows.first() else { return Ok(IndexState::Absent) };
    let text = |name: &str| row.try_get(name).ok().flatten();
    Ok(match (text("relkind"), text("same"), text("valid")) {
        (Some("i"), Some("t"), Some("t")) => IndexState::Valid,
        (Some("i"), Some("t"), _) => match text("builder").and_then(|pid| pid.parse().ok()) {
            Some(pid) => IndexState::Building { pid },
            None => IndexState::Invalid,
        },
        (Some("i" | "I"), Some("f"), _) => IndexState::OtherTable { table: text("owner").unwrap_or_default().into() },
        _ => IndexState::Taken,
    })
}

/// The names of the invalid indexes of a table that nobody builds at this moment. An index without a name in its statement
/// is found by this list before and after it.
pub(crate) async fn invalid(session: &Session, table: &Name) -> Result<Vec<String>, MigrateError> {
    let sql = format!(
        "SELECT i.relname FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid \
         WHERE x.indrelid = {} AND i.relkind = 'i' AND NOT (x.indisvalid AND x.indisready) AND ({BUILDERS}) IS NULL ORDER BY 1",
        oid(table)
    );
    let rows = query(session, "look for invalid indexes", &sql).await?;
    Ok(rows.iter().filter_map(|row| row.try_get(0).ok().flatten()).map(str::to_owned).collect())
}

/// Every invalid index of the database, its name and how people call it, with its table; also those that somebody builds.
pub(crate) const INVALID_INDEXES: &str = "SELECT c.relname, \
    pg_catalog.format('%s on %s', i.indexrelid::pg_catalog.regclass, i.indrelid::pg_catalog.regclass) \
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE NOT i.indisvalid AND c.relkind = 'i' AND n.nspname NOT IN ('pg_toast', 'pg_catalog') ORDER BY 2";

/// What is wrong with one of [`INVALID_INDEXES`].
pub(crate) fn invalid_index(cells: &Cells) -> String {
    let text = |index: usize| cells.get(index).cloned().flatten().unwrap_or_default();
    let left_by = if is_leftover(&text(0)) { "REINDEX CONCURRENTLY" } else { "its build" };
    format!("the index {} is invalid: {left_by} did not end, and no query uses it", text(1))
}

/// Is this the name of what a broken `REINDEX CONCURRENTLY` leaves behind: the new index, or the old one under a new name?
/// (PostgreSQL manual, REINDEX: the endings `_ccnew` and `_ccold`, with a number when the name was taken.)
fn is_leftover(name: &str) -> bool {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    stem.ends_with("_ccnew") || stem.ends_with("_ccold")
}

/// Drops an index that [`state`] just called [`IndexState::Invalid`], without holding up those who read and write the table. It
/// waits for each lock no longer than `lock_timeout`, or as long as it takes where nothing may be set for the session. Only under
/// the migration lock, so that nobody builds it anew in between.
///
/// # Errors
/// 55P03 when a lock was not to be had in time. The index is then as invalid as before.
pub(crate) async fn drop_invalid(
    session: &Session,
    table: &Name,
    index: &str,
    lock_timeout: Option<Duration>,
) -> Result<(), MigrateError> {
    let doing = "drop an invalid index";
    let Some(schema) = schema(session, table).await? else { return Ok(()) };
    if let Some(limit) = lock_timeout {
        query(session, doing, &format!("SET lock_timeout = {}", limit.as_millis().max(1))).await?;
    }
    // A statement of its own: it cannot run in a transaction.
    let sql = format!("DROP INDEX CONCURRENTLY IF EXISTS {}.{}", identifier(&schema), identifier(index));
    let dropped = query(session, doing, &sql).await;
    if lock_timeout.is_some() {
        query(session, doing, "RESET lock_timeout").await?;
    }
    dropped.map(drop)
}

async fn schema(session: &Session, table: &Name) -> Result<Option<String>, MigrateError> {
    let sql = format!(
        "SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = {}",
        oid(table)
    );
    cell(session, "look for the schema of a table", &sql).await
}

fn oid(table: &Name) -> String {
    format!("pg_catalog.to_regclass({})", literal(&table.quoted()))
}

#[cfg(test)]
mod tests;
