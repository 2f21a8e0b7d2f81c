//! Flyway, as its free edition migrates with SQL files.
//!
//! Facts from its sources (flyway/flyway): `ResourceNameParser.java` and `MigrationVersion.java` (names, versions), `Event.java`
//! (callbacks), `ChecksumCalculator.java` (checksum), `PlaceholderReplacingReader.java`, `JdbcTableSchemaHistory.java` and
//! `SchemaHistory.java` (rows), `PostgreSQLDatabase.java` and `SQLiteDatabase.java` (tables),
//! `PostgreSQLAdvisoryLockTemplate.java` (lock). Undo files, which only its paid editions run, are run here.

mod names;
mod placeholders;
mod rows;

use super::{Flaw, Named, Numbering, Part, Record, Section, Sections, Stamped, Style, Table, crc::crc32};
use crate::{Migration, Version, sql::Dialect};
use placeholders::filled;
use std::{borrow::Cow, collections::BTreeMap};

/// Flyway's style.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flyway;

const COLUMNS: [&str; 10] = [
    "installed_rank",
    "version",
    "description",
    "type",
    "script",
    "checksum",
    "installed_by",
    "installed_on",
    "execution_time",
    "success",
];

/// Its lock is this number, "Flyway" in bytes, and Java's hash code of the table's name.
const LOCK: i64 = 77_431_708_279_161;

/// Flyway, when the table is its own.
pub(crate) fn adopt(table: &Table) -> Option<Box<dyn Style>> {
    (table.names() == COLUMNS).then(|| Box::new(Flyway) as Box<dyn Style>)
}

impl Style for Flyway {
    fn name(&self) -> &'static str {
        "flyway"
    }

    fn recursive(&self) -> bool {
        true
    }

    fn read_name(&self, name: &str) -> Named {
        names::read(name.rsplit('/').next().unwrap_or(name))
    }

    /// Flyway decides by the statements whether a file runs in a transaction.
    fn read_text<'t>(&self, part: Part, text: &'t str, vars: &BTreeMap<String, String>) -> Result<Sections<'t>, Flaw> {
        let text = filled(text, vars)?;
        let whole = Section::whole(&text);
        Ok(Sections::one_way(part, text, whole))
    }

    /// CRC-32 of the lines without their ends, signed; of a repeatable one as it is once placeholders are filled in.
    fn stamps(&self, file: &Stamped<'_>) -> Vec<String> {
        let text = if *file.version == Version::default() { file.filled } else { file.text };
        let lines: Cow<'_, str> = text.replace(['\r', '\n'], "").into();
        vec![crc32(lines.as_bytes()).cast_signed().to_string()]
    }

    /// Flyway itself makes no files.
    fn skeleton(&self, version: &Version, name: &str, others: &[String]) -> Vec<(String, String)> {
        let underscored = others.iter().any(|other| names::is_underscored(other));
        let version = if underscored { version.text().replace('.', "_") } else { version.text().to_owned() };
        let undone =
            others.iter().any(|other| matches!(self.read_name(other), Named::Migration { part: Part::Down, .. }));
        let file = |prefix: &str| (format!("{prefix}{version}__{name}.sql"), String::new());
        if undone { vec![file("V"), file("U")] } else { vec![file("V")] }
    }

    fn numbering(&self) -> Numbering {
        Numbering::Count { width: 1 }
    }

    fn table(&self) -> (Option<&'static str>, &'static str) {
        (None, "flyway_schema_history")
    }

    fn create(&self, table: &Table) -> Vec<String> {
        rows::create(table)
    }

    fn select(&self, table: &Table) -> String {
        rows::select(table)
    }

    fn keeps_repeatables(&self) -> bool {
        true
    }

    fn insert(&self, table: &Table, record: &Record<'_>) -> Vec<String> {
        vec![rows::unmark(table, record.migration), rows::insert(table, record, true)]
    }

    /// Flyway writes such a row when a file without a transaction has failed; here it stands before.
    fn mark_begun(&self, table: &Table, record: &Record<'_>) -> Vec<String> {
        vec![rows::unmark(table, record.migration), rows::insert(table, record, false)]
    }

    fn delete(&self, table: &Table, migration: &Migration, _: Option<&Migration>) -> Vec<String> {
        vec![format!("DELETE FROM {} WHERE {}", table.quoted(), rows::about(table, migration))]
    }

    /// As `flyway repair` does it.
    fn restamp(&self, table: &Table, migration: &Migration) -> Vec<String> {
        vec![format!(
            "UPDATE {} SET description = {}, \"type\" = 'SQL', checksum = {} WHERE {}",
            table.quoted(),
            table.literal(&migration.description),
            migration.stamp(),
            rows::about(table, migration),
        )]
    }

    fn co_locks(&self, table: &Table, _: &str) -> Vec<i64> {
        match table.dialect {
            Dialect::Postgres => vec![LOCK + i64::from(java_hash(&table.quoted()))],
            Dialect::Sqlite => Vec::new(),
        }
    }
}

/// `String.hashCode()` as the Java language specifies it.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests;
