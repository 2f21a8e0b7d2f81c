//! Our own: plain `.sql` files that begin with a number, and a table `schema_migrations` with name, checksum and time.

use super::{Flaw, Named, Numbering, Part, Record, Section, Sections, Stamped, Style, Table};
use crate::{
    Migration, Problem, Version,
    sql::{Dialect, Found, down_section},
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Our own style.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plain;

/// The columns by which its table is known.
pub(crate) const COLUMNS: [&str; 5] = ["version", "name", "checksum", "applied_at", "duration_ms"];

/// Its table's name. It is an ordinary word that other tools use too, so its columns are looked at before it is believed.
pub(crate) const TABLE: &str = "schema_migrations";

/// Endings that say which direction a file is for.
const ENDINGS: [(&str, Part); 3] = [(".down.sql", Part::Down), (".rollback.sql", Part::Down), (".up.sql", Part::Up)];

impl Plain {
    /// Is this its table?
    pub(crate) fn owns(table: &Table) -> bool {
        table.names() == COLUMNS && table.kind("version").is_some_and(|kind| kind == "text")
    }
}

impl Style for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn read_name(&self, name: &str) -> Named {
        let lower = name.to_ascii_lowercase();
        if !lower.ends_with(".sql") {
            return Named::Other;
        }
        let ending = ENDINGS.into_iter().find(|(ending, _)| lower.ends_with(ending));
        let (stem, part) = match ending {
            Some((ending, part)) => (&name[..name.len() - ending.len()], part),
            None => (&name[..name.len() - ".sql".len()], Part::Up),
        };
        if let Some(description) = stem.strip_prefix("R__") {
            return Named::Repeatable { description: words(description) };
        }
        match Version::of(stem) {
            Some(version) => {
                let description = words(stem[version.text().len()..].trim_start_matches(['_', '-', '.', ' ']));
                Named::Migration { version, description, part }
            }
            None => Named::Bad(Problem::NoVersion),
        }
    }

    fn read_text<'t>(&self, part: Part, text: &'t str, _: &BTreeMap<String, String>) -> Result<Sections<'t>, Flaw> {
        if let Some(Found { obstacle, range }) = down_section(text) {
            let (message, hint) = (obstacle.to_string(), obstacle.hint().to_owned());
            return Err(Flaw { message, hint, range });
        }
        Ok(Sections::one_way(part, text, Section { range: 0..text.len(), transaction: directive(text)? }))
    }

    fn stamps(&self, file: &Stamped<'_>) -> Vec<String> {
        vec![file.sum.to_owned()]
    }

    fn skeleton(&self, version: &Version, name: &str, others: &[String]) -> Vec<(String, String)> {
        let up = if others.iter().any(|other| other.ends_with(".up.sql")) { ".up.sql" } else { ".sql" };
        vec![(format!("{version}_{name}{up}"), String::new()), (format!("{version}_{name}.down.sql"), String::new())]
    }

    fn refuses_unwritten(&self) -> bool {
        true
    }

    fn numbering(&self) -> Numbering {
        Numbering::Count { width: 4 }
    }

    fn table(&self) -> (Option<&'static str>, &'static str) {
        (None, TABLE)
    }

    fn create(&self, table: &Table) -> Vec<String> {
        let columns = match table.dialect {
            Dialect::Postgres => {
                "version text PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, \
                 applied_at timestamptz NOT NULL DEFAULT now(), duration_ms bigint NOT NULL"
            }
            Dialect::Sqlite => {
                "version TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, \
                 applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), duration_ms INTEGER NOT NULL"
            }
        };
        vec![format!("CREATE TABLE IF NOT EXISTS {} ({columns})", table.quoted())]
    }

    fn select(&self, table: &Table) -> String {
        let at = super::utc("applied_at", table.dialect);
        format!("SELECT version, name, checksum, {at}, duration_ms, NULL FROM {}", table.quoted())
    }

    fn insert(&self, table: &Table, record: &Record<'_>) -> Vec<String> {
        let Migration { version, name, .. } = record.migration;
        vec![format!(
            "INSERT INTO {} (version, name, checksum, duration_ms) VALUES ({}, {}, {}, {})",
            table.quoted(),
            table.literal(version.text()),
            table.literal(name),
            table.literal(record.migration.stamp()),
            record.took.as_millis(),
        )]
    }

    fn delete(&self, table: &Table, migration: &Migration, _: Option<&Migration>) -> Vec<String> {
        let version = table.literal(migration.version.text());
        vec![format!("DELETE FROM {} WHERE version = {version}", table.quoted())]
    }

    fn restamp(&self, table: &Table, migration: &Migration) -> Vec<String> {
        vec![format!(
            "UPDATE {} SET checksum = {}, name = {} WHERE version = {}",
            table.quoted(),
            table.literal(migration.stamp()),
            table.literal(&migration.name),
            table.literal(migration.version.text()),
        )]
    }
}

/// `-- mainstay: no-transaction` or `-- mainstay: transaction` among the comments at the top.
pub(crate) fn directive(text: &str) -> Result<Option<bool>, Flaw> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let words = line.trim();
        if !words.is_empty() && !words.starts_with("--") {
            return Ok(None);
        }
        match words.trim_start_matches('-').trim().strip_prefix("mainstay:").map(str::trim) {
            Some("no-transaction") => return Ok(Some(false)),
            Some("transaction") => return Ok(Some(true)),
            Some(word) => {
                return Err(Flaw {
                    message: format!("`{word}` is no directive"),
                    hint: "write `-- mainstay: no-transaction` or `-- mainstay: transaction`".to_owned(),
                    range: start..start + line.trim_end().len(),
                });
            }
            None => start += line.len(),
        }
    }
    Ok(None)
}

/// `add_users` in words.
fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// In hexadecimal.
pub(crate) fn sha256(text: &str) -> String {
    hexadecimal(&Sha256::digest(text.as_bytes()))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}
