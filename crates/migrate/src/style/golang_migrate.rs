//! golang-migrate: a file for each direction, and a table whose only row says how far the database is.
//!
//! Facts from golang-migrate/migrate: `source/parse.go`, `database/postgres/postgres.go`, `database/sqlite3/sqlite3.go`,
//! `database/util.go`, `internal/cli/commands.go`.
//!
//! It opens no transaction of its own on PostgreSQL, so people write `BEGIN` and `COMMIT` around their files; whoever runs them sees to
//! it that file and row are one transaction all the same. So our runs leave a row dirty only where a file cannot be in one.

use super::{Flaw, Named, Part, Record, Section, Sections, Style, Table, crc::crc32};
use crate::{
    Migration, Version,
    ledger::{End, Row},
    sql::Dialect,
};
use std::collections::{BTreeMap, BTreeSet};

/// golang-migrate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GolangMigrate;

/// Is this its table?
pub(crate) fn adopt(table: &Table) -> Option<Box<dyn Style>> {
    let numbers = table.kind("version").is_some_and(|kind| matches!(kind.as_str(), "bigint" | "uint64" | "integer"));
    (table.names() == ["version", "dirty"] && numbers).then(|| Box::new(GolangMigrate) as Box<dyn Style>)
}

/// Stands in its table, with the mark, when the first migration could not be undone.
const NOTHING: &str = "-1";

/// What it multiplies the checksum of the names with (`database/util.go`, `advisoryLockIDSalt`).
const SALT: u32 = 1_486_364_155;

impl Style for GolangMigrate {
    fn name(&self) -> &'static str {
        "golang-migrate"
    }

    /// `1_name.up.sql` or `1_name.down.sql`, with any other ending too. It passes over what is not so, numbers beyond 64 bits
    /// included.
    fn read_name(&self, name: &str) -> Named {
        let parts = Version::of(name).and_then(|version| {
            let rest = name[version.text().len()..].strip_prefix('_')?;
            let (up, down) = (rest.rfind(".up."), rest.rfind(".down."));
            let (at, part) = if up > down { (up?, Part::Up) } else { (down?, Part::Down) };
            version.text().parse::<u64>().ok()?;
            Some((version, rest[..at].replace('_', " "), part))
        });
        parts.map_or(Named::Other, |(version, description, part)| Named::Migration { version, description, part })
    }

    fn read_text<'t>(&self, part: Part, text: &'t str, _: &BTreeMap<String, String>) -> Result<Sections<'t>, Flaw> {
        Ok(Sections::one_way(part, text, Section::whole(text)))
    }

    fn skeleton(&self, version: &Version, name: &str, _: &[String]) -> Vec<(String, String)> {
        ["up", "down"].map(|way| (format!("{version}_{name}.{way}.sql"), String::new())).into()
    }

    fn table(&self) -> (Option<&'static str>, &'static str) {
        (None, "schema_migrations")
    }

    fn create(&self, table: &Table) -> Vec<String> {
        let name = table.quoted();
        match table.dialect {
            Dialect::Postgres => vec![format!(
                "CREATE TABLE IF NOT EXISTS {name} (version bigint not null primary key, dirty boolean not null)"
            )],
            Dialect::Sqlite => {
                // It does not quote the name, and SQLite keeps the text.
                let name = if is_plain(&table.name) { table.name.clone() } else { name };
                vec![
                    format!("CREATE TABLE IF NOT EXISTS {name} (version uint64,dirty bool)"),
                    format!("CREATE UNIQUE INDEX IF NOT EXISTS version_unique ON {name} (version)"),
                ]
            }
        }
    }

    fn select(&self, table: &Table) -> String {
        format!("SELECT version, NULL, NULL, NULL, NULL, CASE WHEN dirty THEN 'begun' END FROM {}", table.quoted())
    }

    /// The row stands for every file up to it. A file in between that our history does not have, although it has one before and
    /// one after it, came later and was never applied.
    fn expand(&self, rows: Vec<Row>, files: &[Migration], recorded: &[Version]) -> Vec<Row> {
        let Some(newest) = rows.iter().max_by(|a, b| a.version.cmp(&b.version)) else { return rows };
        let Some(version) = newest.version.clone() else { return rows };
        if version.text() == NOTHING {
            return files.first().map_or(rows, |first| vec![Row { version: Some(first.version.clone()), ..begun() }]);
        }
        let between = || recorded.iter().filter(|it| **it <= version);
        let (first, last) = (between().min(), between().max());
        let noted: BTreeSet<&Version> = recorded.iter().collect();
        let came_later = |it: &Version| Some(it) > first && Some(it) < last && !noted.contains(it);
        let implied = files.iter().map(|file| &file.version).filter(|it| **it < version && !came_later(it));
        let mut meant: Vec<Row> = implied.map(|it| Row { version: Some(it.clone()), ..Row::default() }).collect();
        meant.push(newest.clone());
        meant
    }

    fn implies(&self) -> bool {
        true
    }

    fn insert(&self, table: &Table, record: &Record<'_>) -> Vec<String> {
        at_least(table, &record.migration.version, false)
    }

    fn delete(&self, table: &Table, migration: &Migration, previous: Option<&Migration>) -> Vec<String> {
        let down = format!("DELETE FROM {} WHERE version <= {}", table.quoted(), number(&migration.version));
        let to = previous.map(|previous| or_else(table, &previous.version, false));
        [down].into_iter().chain(to).collect()
    }

    fn mark_begun(&self, table: &Table, record: &Record<'_>) -> Vec<String> {
        at_least(table, &record.migration.version, true)
    }

    fn baseline(&self, table: &Table, migrations: &[&Migration]) -> Vec<String> {
        let newest = migrations.iter().map(|migration| &migration.version).max();
        newest.map_or_else(Vec::new, |version| at_least(table, version, false))
    }

    /// A program that was given a URL takes the URL's path for the database's name, one that was given a connection the name.
    fn co_locks(&self, table: &Table, database: &str) -> Vec<i64> {
        let schema = table.schema.as_deref().unwrap_or_default();
        [format!("/{database}"), database.to_owned()].map(|name| key(&[schema, &table.name, &name])).into()
    }
}

/// SQL that brings the only row up to this version; a later one stays as it is, for a file may be applied
/// late: the row is about another one then, and our journal alone knows of the late one that it was begun.
fn at_least(table: &Table, version: &Version, dirty: bool) -> Vec<String> {
    let name = table.quoted();
    vec![format!("DELETE FROM {name} WHERE version <= {}", number(version)), or_else(table, version, dirty)]
}

/// SQL that makes this the row if there is none.
fn or_else(table: &Table, version: &Version, dirty: bool) -> String {
    let (name, version) = (table.quoted(), number(version));
    format!("INSERT INTO {name} (version, dirty) SELECT {version}, {dirty} WHERE NOT EXISTS (SELECT 1 FROM {name})")
}

/// As a literal; the name of a file that is a migration begins with digits alone.
fn number(version: &Version) -> &str {
    match version.text().trim_start_matches('0') {
        "" => "0",
        digits => digits,
    }
}

fn begun() -> Row {
    Row { end: End::Begun, ..Row::default() }
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The key of its lock: the schema, the table and the database.
fn key(names: &[&str]) -> i64 {
    i64::from(crc32(names.join("\0").as_bytes()).wrapping_mul(SALT))
}

#[cfg(test)]
mod tests;
