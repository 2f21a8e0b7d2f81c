//! What is there: the schema and the tables that may be ledgers. Reads only.

use crate::{
    MigrateError,
    catalog::{Catalog, NAMES, SUPABASE, tables},
    engine::Passing,
    quote::literal,
    sql::Dialect,
};
use database::{
    Patience, Refusal, ServerState,
    postgres::{Session, SqlError},
};
use futures_util::StreamExt;
use retry::Transience;
use std::{borrow::Cow, pin::pin};
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};

/// Where the ledger is or will be.
///
/// # Errors
/// [`MigrateError::NoSchema`].
pub(crate) async fn catalog(session: &Session, also: Option<&str>) -> Result<Catalog, MigrateError> {
    let catalog = catalog_anywhere(session, also).await?;
    match catalog.schema.is_empty() {
        true => Err(MigrateError::NoSchema { search_path: catalog.search_path }),
        false => Ok(catalog),
    }
}

/// The same, also when there is no schema: enough for a lock.
pub(crate) async fn catalog_anywhere(session: &Session, also: Option<&str>) -> Result<Catalog, MigrateError> {
    let doing = "look for the ledger";
    let rows = query(session, doing, &question(also)).await?;
    let row = rows.first().ok_or_else(|| MigrateError::sql(doing, SqlError::default()))?;
    let text = |name: &str| row.try_get(name).ok().flatten().unwrap_or_default().to_owned();
    Ok(Catalog {
        dialect: Dialect::Postgres,
        database: text("database"),
        schema: text("schema"),
        search_path: text("search_path"),
        in_recovery: text("in_recovery") == "t",
        read_only: text("read_only") == "on",
        tables: tables(&text("columns"), Dialect::Postgres),
    })
}

/// One question, one answer: every round trip counts when nothing is pending.
fn question(also: Option<&str>) -> String {
    let (schema, name) = also.map_or((None, None), |also| match also.rsplit_once('.') {
        Some((schema, name)) => (Some(schema), Some(name)),
        None => (None, Some(also)),
    });
    let list = |items: Vec<&str>| items.iter().map(|it| literal(it, Dialect::Postgres)).collect::<Vec<_>>().join(", ");
    let names = list(NAMES.into_iter().chain(name).collect());
    let schemas = list([SUPABASE].into_iter().chain(schema).collect());
    format!(
        "SELECT pg_catalog.current_database() AS database, pg_catalog.current_schema() AS schema, \
         pg_catalog.current_setting('search_path') AS search_path, pg_catalog.pg_is_in_recovery() AS in_recovery, \
         pg_catalog.current_setting('transaction_read_only') AS read_only, \
         (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(E'\\t', n.nspname, c.relname, a.attname, \
         pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''), E'\\n' \
         ORDER BY n.nspname, c.relname, a.attnum) \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         WHERE c.relname IN ({names}) AND c.relkind IN ('r', 'p') \
         AND (n.nspname = pg_catalog.current_schema() OR n.nspname IN ({schemas}))) AS columns"
    )
}

/// A standby grants advisory locks like a primary, so this is asked before the lock.
///
/// # Errors
/// A refusal that may heal: a standby is promoted, or the settings lead to the primary next time.
pub(crate) fn must_be_writable(catalog: &Catalog) -> Result<(), MigrateError> {
    if !catalog.in_recovery && !catalog.read_only {
        return Ok(());
    }
    let (message, hint) = match catalog.in_recovery {
        true => (
            "the server is a standby",
            "point the URL at the primary, or list all hosts with `target_session_attrs=read-write`",
        ),
        false => ("transactions are read-only", "look at `default_transaction_read_only` of the role and the database"),
    };
    Err(MigrateError::Refused(Refusal {
        state: ServerState::ReadOnly,
        patience: Patience::Deadline,
        code: Some("25006".to_owned()),
        message: message.to_owned(),
        detail: Some("migrations have to write".to_owned()),
        hint: Some(hint.to_owned()),
    }))
}

/// The rows of one statement in the simple protocol, which every pooler passes on.
pub(super) async fn query(
    session: &Session,
    doing: &'static str,
    sql: &str,
) -> Result<Vec<SimpleQueryRow>, MigrateError> {
    let messages = session.client.simple_query(sql).await;
    let messages = messages.map_err(|error| MigrateError::sql(doing, session.explain(&error)))?;
    Ok(messages
        .into_iter()
        .filter_map(|message| if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None })
        .collect())
}

/// The first cell of the first row.
pub(super) async fn cell(session: &Session, doing: &'static str, sql: &str) -> Result<Option<String>, MigrateError> {
    let rows = query(session, doing, sql).await?;
    Ok(rows.first().and_then(|row| row.try_get(0).ok().flatten()).map(str::to_owned))
}

/// All rows, each made into something as it comes.
pub(super) async fn each<T>(
    session: &Session,
    doing: &'static str,
    sql: &str,
    of: fn(&Passing<'_>) -> T,
) -> Result<Vec<T>, MigrateError> {
    let refused = |error: tokio_postgres::Error| MigrateError::sql(doing, session.explain(&error));
    let mut messages = pin!(session.client.simple_query_raw(sql).await.map_err(refused)?);
    let mut found = Vec::new();
    while let Some(message) = messages.next().await {
        if let SimpleQueryMessage::Row(row) = message.map_err(refused)? {
            let cell = |index| row.try_get(index).ok().flatten().map(Cow::Borrowed);
            found.push(of(&(0..row.len()).map(cell).collect::<Vec<_>>()));
        }
    }
    Ok(found)
}

/// Two at once who make a table meet in an index of the catalog, and somebody who held no lock of ours may have written the
/// same row: look again.
pub(super) fn not_written(doing: &'static str, error: SqlError) -> MigrateError {
    match error.code.as_str() {
        "23505" | "42P07" => MigrateError::Sql { doing, error: error.to_string(), transience: Transience::Transient },
        _ => MigrateError::sql(doing, error),
    }
}
