//! sqlx: its library's `Migrator` and `sqlx migrate` of sqlx-cli.
//!
//! Facts from its sources (launchbadge/sqlx 0.9): `sqlx-core/src/migrate/source.rs` and `migration_type.rs` (names, checksum,
//! `-- no-transaction`), `sqlx-postgres/src/migrate.rs` and `sqlx-sqlite/src/migrate.rs` (table, rows, lock),
//! `sqlx-cli/src/migrate.rs` (new files).

use super::{Flaw, Named, Part, Record, Section, Sections, Stamped, Style, Table, crc::crc32, variants::variants};
use crate::{Migration, Problem, Version, ledger::Row, sql::Dialect};
use sha2::{Digest, Sha384};
use std::collections::{BTreeMap, BTreeSet};

/// sqlx's style.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sqlx;

const COLUMNS: [&str; 6] = ["version", "description", "installed_on", "success", "checksum", "execution_time"];

/// What the first bytes of a file have to be that is to run outside a transaction.
const ALONE: &str = "-- no-transaction";

/// Endings and directions; the first that fits counts.
const ENDINGS: [(&str, Part); 3] = [(".up.sql", Part::Up), (".down.sql", Part::Down), (".sql", Part::Up)];

/// The number that sqlx multiplies the checksum of the database's name by, for its lock.
const SALT: i64 = 0x3d32_ad9e;

/// sqlx, when the table is its own.
pub(crate) fn adopt(table: &Table) -> Option<Box<dyn Style>> {
    (table.names() == COLUMNS).then(|| Box::new(Sqlx) as Box<dyn Style>)
}

impl Style for Sqlx {
    fn name(&self) -> &'static str {
        "sqlx"
    }

    /// What has no `_` or another ending is nothing to sqlx; what has both and no number before the `_` stops it.
    fn read_name(&self, name: &str) -> Named {
        let Some((number, rest)) = name.split_once('_').filter(|(_, rest)| rest.ends_with(".sql")) else {
            return Named::Other;
        };
        if !number.bytes().all(|byte| byte.is_ascii_digit()) || number.parse::<i64>().is_err() {
            return Named::Bad(Problem::Flaw {
                message: format!("sqlx expects a whole number before the first `_` and finds `{number}`"),
                hint: "call it `0001_what_it_does.sql`, with the next free number, or move it elsewhere".to_owned(),
            });
        }
        let (ending, part) = ENDINGS.into_iter().find(|(ending, _)| rest.ends_with(ending)).unwrap_or(ENDINGS[2]);
        let description = rest.trim_end_matches(ending).replace('_', " ");
        Named::Migration { version: Version::from(number), description, part }
    }

    /// A directive anywhere else than at the first byte is none to sqlx, and none here.
    fn read_text<'t>(&self, part: Part, text: &'t str, _: &BTreeMap<String, String>) -> Result<Sections<'t>, Flaw> {
        let transaction = text.starts_with(ALONE).then_some(false);
        Ok(Sections::one_way(part, text, Section { range: 0..text.len(), transaction }))
    }

    /// SHA-384 of the bytes. `ignored-chars` in `sqlx.toml` takes characters out before: those of its manual are tried too.
    fn stamps(&self, file: &Stamped<'_>) -> Vec<String> {
        let mut stamps: Vec<String> = variants(file).iter().map(|bytes| sha384(bytes)).collect();
        for ignored in [&['\r', '\u{feff}'][..], &['\r', '\u{feff}', ' ', '\t', '\n'][..]] {
            let stamp = sha384(file.text.replace(ignored, "").as_bytes());
            if !stamps.contains(&stamp) {
                stamps.push(stamp);
            }
        }
        stamps
    }

    /// Both directions if the newest file has both.
    fn skeleton(&self, version: &Version, name: &str, others: &[String]) -> Vec<(String, String)> {
        let numbered = |other: &&String| match self.read_name(other) {
            Named::Migration { version, .. } => Some(version),
            _ => None,
        };
        let newest = others.iter().filter(|other| numbered(other).is_some()).max_by_key(numbered);
        let reversible = newest.is_some_and(|it| it.ends_with(".up.sql") || it.ends_with(".down.sql"));
        let file =
            |ending: &str, what: &str| (format!("{version}_{name}{ending}"), format!("-- Add {what} script here\n"));
        match reversible {
            true => vec![file(".up.sql", "up migration"), file(".down.sql", "down migration")],
            false => vec![file(".sql", "migration")],
        }
    }

    fn table(&self) -> (Option<&'static str>, &'static str) {
        (None, "_sqlx_migrations")
    }

    fn create(&self, table: &Table) -> Vec<String> {
        let (time, bytes) = match table.dialect {
            Dialect::Postgres => ("TIMESTAMPTZ NOT NULL DEFAULT now()", "BYTEA"),
            Dialect::Sqlite => ("TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP", "BLOB"),
        };
        vec![format!(
            "CREATE TABLE IF NOT EXISTS {} (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on {time}, \
             success BOOLEAN NOT NULL, checksum {bytes} NOT NULL, execution_time BIGINT NOT NULL)",
            table.quoted()
        )]
    }

    fn select(&self, table: &Table) -> String {
        let (stamp, at) = match table.dialect {
            Dialect::Postgres => ("pg_catalog.encode(checksum, 'hex')", super::utc("installed_on", table.dialect)),
            Dialect::Sqlite => ("lower(hex(checksum))", "strftime('%Y-%m-%dT%H:%M:%SZ', installed_on)".to_owned()),
        };
        format!(
            "SELECT version, description, {stamp}, {at}, \
             CASE WHEN execution_time < 0 THEN NULL ELSE execution_time / 1000000 END, \
             CASE WHEN success THEN NULL ELSE 'begun' END FROM {} ORDER BY version",
            table.quoted()
        )
    }

    /// sqlx writes the description and never looks at it again: a file may be called otherwise today.
    fn expand(&self, rows: Vec<Row>, files: &[Migration], _: &[Version]) -> Vec<Row> {
        let versions: BTreeSet<&Version> = files.iter().map(|file| &file.version).collect();
        let renamed = |row: &Row| row.version.as_ref().is_some_and(|version| versions.contains(version));
        rows.into_iter().map(|row| if renamed(&row) { Row { name: None, ..row } } else { row }).collect()
    }

    /// sqlx writes -1 for the time and corrects it after COMMIT; here the time is known before.
    fn insert(&self, table: &Table, record: &Record<'_>) -> Vec<String> {
        let nanos = i64::try_from(record.took.as_nanos()).unwrap_or(i64::MAX);
        vec![unmark(table, record.migration), row(table, record.migration, true, nanos)]
    }

    fn delete(&self, table: &Table, migration: &Migration, _: Option<&Migration>) -> Vec<String> {
        vec![format!("DELETE FROM {} WHERE version = {}", table.quoted(), number(&migration.version))]
    }

    fn mark_begun(&self, table: &Table, record: &Record<'_>) -> Vec<String> {
        vec![unmark(table, record.migration), row(table, record.migration, false, -1)]
    }

    /// As `sqlx migrate run --skip` has it: no time.
    fn baseline(&self, table: &Table, migrations: &[&Migration]) -> Vec<String> {
        migrations.iter().flat_map(|migration| [unmark(table, migration), row(table, migration, true, -1)]).collect()
    }

    fn restamp(&self, table: &Table, migration: &Migration) -> Vec<String> {
        vec![format!(
            "UPDATE {} SET checksum = {}, description = {} WHERE version = {}",
            table.quoted(),
            checksum(table, migration),
            table.literal(&migration.description),
            number(&migration.version),
        )]
    }

    fn co_locks(&self, table: &Table, database: &str) -> Vec<i64> {
        match table.dialect {
            Dialect::Postgres => vec![SALT * i64::from(crc32(database.as_bytes()))],
            Dialect::Sqlite => Vec::new(),
        }
    }
}

/// Names have been read: the number fits.
fn number(version: &Version) -> i64 {
    version.text().parse().unwrap_or_default()
}

/// Takes out the mark that the migration was begun.
fn unmark(table: &Table, migration: &Migration) -> String {
    format!("DELETE FROM {} WHERE version = {} AND NOT success", table.quoted(), number(&migration.version))
}

fn row(table: &Table, migration: &Migration, success: bool, nanos: i64) -> String {
    format!(
        "INSERT INTO {} (version, description, success, checksum, execution_time) VALUES ({}, {}, {success}, {}, {nanos})",
        table.quoted(),
        number(&migration.version),
        table.literal(&migration.description),
        checksum(table, migration),
    )
}

/// The stamp as bytes.
fn checksum(table: &Table, migration: &Migration) -> String {
    match table.dialect {
        Dialect::Postgres => format!("pg_catalog.decode({}, 'hex')", table.literal(migration.stamp())),
        Dialect::Sqlite => format!("x{}", table.literal(migration.stamp())),
    }
}

/// In hexadecimal.
fn sha384(bytes: &[u8]) -> String {
    super::plain::hexadecimal(&Sha384::digest(bytes))
}

#[cfg(test)]
mod tests;
