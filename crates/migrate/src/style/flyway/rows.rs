//! Flyway's table and its rows.

use crate::{
    Migration,
    migration::Kind,
    quote::{identifier, optional},
    sql::Dialect,
    style::{Record, Table, utc},
};

/// The longest path that the ledger has room for; of longer ones Flyway keeps the end (`AbbreviationUtils.java`).
const SCRIPT: usize = 1000;

pub(super) fn create(table: &Table) -> Vec<String> {
    let (int, key, time) = match table.dialect {
        Dialect::Postgres => ("INTEGER", "", "TIMESTAMP NOT NULL DEFAULT now()"),
        Dialect::Sqlite => ("INT", " PRIMARY KEY", "TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f','now'))"),
    };
    let quoted = table.quoted();
    let mut sql = vec![format!(
        "CREATE TABLE IF NOT EXISTS {quoted} (\"installed_rank\" INT NOT NULL{key}, \"version\" VARCHAR(50), \
         \"description\" VARCHAR(200) NOT NULL, \"type\" VARCHAR(20) NOT NULL, \"script\" VARCHAR(1000) NOT NULL, \
         \"checksum\" {int}, \"installed_by\" VARCHAR(100) NOT NULL, \"installed_on\" {time}, \
         \"execution_time\" {int} NOT NULL, \"success\" BOOLEAN NOT NULL)"
    )];
    let (index, of) = (identifier(&format!("{}_s_idx", table.name)), identifier(&table.name));
    match table.dialect {
        Dialect::Postgres => {
            let key = identifier(&format!("{}_pk", table.name));
            sql.push(format!("ALTER TABLE {quoted} ADD CONSTRAINT {key} PRIMARY KEY (\"installed_rank\")"));
            sql.push(format!("CREATE INDEX {index} ON {quoted} (\"success\")"));
        }
        Dialect::Sqlite => sql.push(format!("CREATE INDEX IF NOT EXISTS {index} ON {of} (\"success\")")),
    }
    sql
}

/// Rows that a later one takes back, and rows about schemas, are no migrations.
pub(super) fn select(table: &Table) -> String {
    let at = match table.dialect {
        // Without a time zone: it is the one of the session that wrote it, as far as can be known.
        Dialect::Postgres => utc("installed_on::timestamptz", table.dialect),
        Dialect::Sqlite => "strftime('%Y-%m-%dT%H:%M:%fZ', installed_on)".to_owned(),
    };
    let quoted = table.quoted();
    format!(
        "SELECT version, description, checksum, {at}, execution_time, \
         CASE WHEN \"type\" IN ('BASELINE', 'INIT', 'SQL_BASELINE', 'JDBC_BASELINE') THEN 'baseline' \
         WHEN NOT success THEN 'begun' END \
         FROM {quoted} AS it WHERE \"type\" NOT IN ('SCHEMA', 'DELETE') AND \"type\" NOT LIKE 'UNDO%' AND NOT EXISTS \
         (SELECT 1 FROM {quoted} AS later WHERE later.installed_rank > it.installed_rank \
         AND (later.\"type\" = 'DELETE' OR later.\"type\" LIKE 'UNDO%') AND (later.version = it.version \
         OR (later.version IS NULL AND it.version IS NULL AND later.description = it.description))) \
         ORDER BY installed_rank"
    )
}

/// Takes out the mark that the migration was begun.
pub(super) fn unmark(table: &Table, migration: &Migration) -> String {
    format!("DELETE FROM {} WHERE {} AND NOT success", table.quoted(), about(table, migration))
}

pub(super) fn insert(table: &Table, record: &Record<'_>, success: bool) -> String {
    let Migration { version, description, name, kind, .. } = record.migration;
    let version = (*kind == Kind::Versioned).then_some(version.text());
    let user = if table.dialect == Dialect::Postgres { "current_user" } else { "''" };
    format!(
        "INSERT INTO {quoted} (installed_rank, version, description, \"type\", script, checksum, installed_by, \
         execution_time, success) SELECT coalesce(max(installed_rank), 0) + 1, {}, {}, 'SQL', {}, {}, {user}, {}, {success} \
         FROM {quoted}",
        optional(version, table.dialect),
        table.literal(description),
        table.literal(&script(name)),
        record.migration.stamp(),
        i32::try_from(record.took.as_millis()).unwrap_or(i32::MAX),
        quoted = table.quoted(),
    )
}

/// The rows of a migration.
pub(super) fn about(table: &Table, migration: &Migration) -> String {
    match migration.kind {
        Kind::Versioned => format!("version = {}", table.literal(migration.version.text())),
        _ => format!("version IS NULL AND description = {}", table.literal(&migration.description)),
    }
}

fn script(name: &str) -> String {
    let length = name.chars().count();
    match length > SCRIPT {
        true => "...".chars().chain(name.chars().skip(length - SCRIPT + 3)).collect(),
        false => name.to_owned(),
    }
}
