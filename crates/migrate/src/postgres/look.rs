//! What is there: the schema, the ledger's table and its rows. Reads only.

use super::quoted;
use crate::{
    MigrateError, Version,
    ledger::{Column, Row, Shape, TABLE},
};
use database::{
    Patience, Refusal, ServerState,
    postgres::{Session, SqlError},
};
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow, error::SqlState};

/// The ledger of one schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ledger {
    pub(crate) database: String,
    /// The first schema of `search_path` that exists; empty when none does.
    pub(crate) schema: String,
    search_path: String,
    pub(crate) shape: Shape,
    /// It replays a primary's log.
    in_recovery: bool,
    /// Transactions are read-only.
    read_only: bool,
}

const LOOK: &str = "SELECT pg_catalog.current_database() AS database, pg_catalog.current_schema() AS schema, \
    pg_catalog.current_setting('search_path') AS search_path, pg_catalog.pg_is_in_recovery() AS in_recovery, \
    pg_catalog.current_setting('transaction_read_only') AS read_only, \
    (SELECT pg_catalog.string_agg(a.attname || E'\\t' || pg_catalog.format_type(a.atttypid, a.atttypmod), E'\\n' ORDER BY a.attnum) \
     FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = pg_catalog.current_schema() AND c.relname = 'schema_migrations' \
     AND a.attnum > 0 AND NOT a.attisdropped) AS columns";

/// Where the ledger is or will be.
///
/// # Errors
/// [`MigrateError::NoSchema`], [`MigrateError::ForeignTable`].
pub(crate) async fn look(session: &Session) -> Result<Ledger, MigrateError> {
    let ledger = look_anywhere(session).await?;
    match &ledger.shape {
        _ if ledger.schema.is_empty() => Err(MigrateError::NoSchema { search_path: ledger.search_path }),
        Shape::Foreign { columns, tool } => Err(MigrateError::ForeignTable {
            table: format!("{}.{TABLE}", ledger.schema),
            columns: columns.clone(),
            tool: *tool,
        }),
        Shape::Absent | Shape::Ours => Ok(ledger),
    }
}

/// The same, also when there is no schema or the table is another tool's: enough for a lock.
pub(crate) async fn look_anywhere(session: &Session) -> Result<Ledger, MigrateError> {
    let doing = "look for the ledger";
    let rows = query(session, doing, LOOK).await?;
    let row = rows.first().ok_or_else(|| MigrateError::sql(doing, SqlError::default()))?;
    let text = |name: &str| row.try_get(name).ok().flatten().unwrap_or_default().to_owned();
    Ok(Ledger {
        database: text("database"),
        schema: text("schema"),
        search_path: text("search_path"),
        shape: Shape::of(&columns(&text("columns"))),
        in_recovery: text("in_recovery") == "t",
        read_only: text("read_only") == "on",
    })
}

fn columns(lines: &str) -> Vec<Column> {
    let column = |line: &str| {
        let (name, kind) = line.split_once('\t').unwrap_or((line, ""));
        Column { name: name.to_owned(), kind: kind.to_owned() }
    };
    lines.lines().map(column).collect()
}

impl Ledger {
    /// The table, as SQL names it.
    pub(crate) fn table(&self) -> String {
        format!("{}.{TABLE}", quoted(&self.schema))
    }

    /// What was applied, in no order.
    pub(crate) async fn rows(&self, session: &Session) -> Result<Vec<Row>, MigrateError> {
        if self.shape != Shape::Ours {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT version, name, checksum, pg_catalog.to_char(applied_at AT TIME ZONE 'UTC', \
             'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), duration_ms FROM {}",
            self.table()
        );
        Ok(query(session, "read the ledger", &sql).await?.iter().map(row).collect())
    }

    /// Makes the table. Only under the lock; somebody without a lock may still be faster, which is as good.
    pub(crate) async fn create(&self, session: &Session) -> Result<(), MigrateError> {
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {} (version text PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, \
             applied_at timestamptz NOT NULL DEFAULT now(), duration_ms bigint NOT NULL)",
            self.table()
        );
        match session.client.batch_execute(&sql).await {
            Ok(()) => Ok(()),
            // `IF NOT EXISTS` looks before it takes the name: two at once meet in an index of the catalog.
            Err(error) if matches!(error.code(), Some(&SqlState::UNIQUE_VIOLATION | &SqlState::DUPLICATE_TABLE)) => {
                Ok(())
            }
            Err(error) => Err(MigrateError::sql("create the ledger", session.explain(&error))),
        }
    }

    /// A standby grants advisory locks like a primary, so this is asked before the lock.
    ///
    /// # Errors
    /// A refusal that may heal: a standby is promoted, or the settings lead to the primary next time.
    pub(crate) fn must_be_writable(&self) -> Result<(), MigrateError> {
        if !self.in_recovery && !self.read_only {
            return Ok(());
        }
        let (message, hint) = match self.in_recovery {
            true => (
                "the server is a standby",
                "point the URL at the primary, or list all hosts with `target_session_attrs=read-write`",
            ),
            false => {
                ("transactions are read-only", "look at `default_transaction_read_only` of the role and the database")
            }
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
}

fn row(row: &SimpleQueryRow) -> Row {
    let text = |index: usize| row.try_get(index).ok().flatten().unwrap_or_default().to_owned();
    Row {
        version: Version::from(text(0).as_str()),
        name: text(1),
        checksum: text(2),
        applied_at: text(3),
        duration_ms: text(4).parse().unwrap_or_default(),
    }
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
