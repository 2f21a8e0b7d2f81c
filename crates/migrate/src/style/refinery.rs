//! refinery: its library's runner and `refinery migrate` of refinery_cli.
//!
//! Facts from its sources (rust-db/refinery 0.10): `refinery_core/src/util.rs` (names), `runner.rs` (checksum), `traits/mod.rs`
//! (table, rows, what may come late), `drivers/` (times).

use super::{Flaw, Named, Numbering, Part, Record, Section, Sections, Stamped, Style, Table, variants::variants};
use crate::{Migration, Problem, Version, sql::Dialect};
use siphasher::sip::SipHasher13;
use std::{collections::BTreeMap, hash::Hasher};

/// refinery's style.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Refinery {
    /// Versions have 64 bits: it was built with the feature `int8-versions`, as the table's column tells.
    wide: bool,
}

const COLUMNS: [&str; 4] = ["version", "name", "applied_on", "checksum"];

/// Ends a text in what Rust feeds a hasher with.
const END: u8 = 0xff;

/// refinery, when the table is its own.
pub(crate) fn adopt(table: &Table) -> Option<Box<dyn Style>> {
    let wide = match table.kind("version")?.as_str() {
        "integer" | "int4" => false,
        "bigint" | "int8" => true,
        _ => return None,
    };
    (table.names() == COLUMNS).then(|| Box::new(Refinery { wide }) as Box<dyn Style>)
}

impl Style for Refinery {
    fn name(&self) -> &'static str {
        "refinery"
    }

    fn recursive(&self) -> bool {
        true
    }

    /// `V1__what.sql` and `U1__what.sql`. refinery leaves alone what looks almost like one; here that is told instead.
    fn read_name(&self, name: &str) -> Named {
        let base = base(name);
        let Some(rest) =
            base.strip_prefix(['V', 'U', 'v', 'u']).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        else {
            return Named::Other;
        };
        if base.ends_with(".rs") {
            return bad(
                format!("`{base}` is a migration written in Rust"),
                "migrate with the application itself, or write it in SQL",
            );
        }
        match rest.strip_suffix(".sql") {
            Some(rest) => self.read_rest(base, rest),
            None => Named::Other,
        }
    }

    fn read_text<'t>(&self, _: Part, text: &'t str, _: &BTreeMap<String, String>) -> Result<Sections<'t>, Flaw> {
        Ok(Sections::one_way(Part::Up, text, Section::whole(text)))
    }

    /// Of name, version and bytes.
    fn stamps(&self, file: &Stamped<'_>) -> Vec<String> {
        let stamp = |bytes: &[u8]| self.stamp(file.description, file.version, bytes).to_string();
        variants(file).iter().map(|bytes| stamp(bytes)).collect()
    }

    /// refinery itself makes no files.
    fn skeleton(&self, version: &Version, name: &str, _: &[String]) -> Vec<(String, String)> {
        vec![(format!("V{version}__{name}.sql"), String::new())]
    }

    fn numbering(&self) -> Numbering {
        Numbering::Count { width: 1 }
    }

    /// `U` files may come after newer ones.
    fn may_be_late(&self, migration: &Migration) -> bool {
        base(&migration.name).starts_with('U')
    }

    fn table(&self) -> (Option<&'static str>, &'static str) {
        (None, "refinery_schema_history")
    }

    fn create(&self, table: &Table) -> Vec<String> {
        let version = if self.wide { "int8" } else { "int4" };
        vec![format!(
            "CREATE TABLE IF NOT EXISTS {} (version {version} PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), \
             checksum VARCHAR(255))",
            table.quoted()
        )]
    }

    fn select(&self, table: &Table) -> String {
        format!("SELECT version, name, checksum, applied_on, NULL, NULL FROM {} ORDER BY version", table.quoted())
    }

    fn insert(&self, table: &Table, record: &Record<'_>) -> Vec<String> {
        let Migration { version, description, .. } = record.migration;
        vec![format!(
            "INSERT INTO {} (version, name, applied_on, checksum) VALUES ({}, {}, {}, {})",
            table.quoted(),
            number(version),
            table.literal(description),
            now(table.dialect),
            table.literal(record.migration.stamp()),
        )]
    }

    fn delete(&self, table: &Table, migration: &Migration, _: Option<&Migration>) -> Vec<String> {
        vec![format!("DELETE FROM {} WHERE version = {}", table.quoted(), number(&migration.version))]
    }

    fn restamp(&self, table: &Table, migration: &Migration) -> Vec<String> {
        vec![format!(
            "UPDATE {} SET checksum = {}, name = {} WHERE version = {}",
            table.quoted(),
            table.literal(migration.stamp()),
            table.literal(&migration.description),
            number(&migration.version),
        )]
    }
}

impl Refinery {
    /// `1__what`, of the file `base`.
    fn read_rest(&self, base: &str, rest: &str) -> Named {
        let Some((digits, name)) = rest.split_once("__") else {
            return bad(
                format!("refinery leaves `{base}` alone: two `_` have to follow the number"),
                "call it `V1__what_it_does.sql`, or move it elsewhere",
            );
        };
        let strange = name.chars().find(|c| !(c.is_alphanumeric() || *c == '_'));
        if !base.starts_with(['V', 'U']) || name.is_empty() || strange.is_some() {
            let why = strange.map_or("its name is not `V1__what.sql`".to_owned(), |c| format!("`{c}` is in its name"));
            let hint = "use letters, digits and `_` only behind a capital `V` or `U`, or move it elsewhere";
            return bad(format!("refinery leaves `{base}` alone: {why}"), hint);
        }
        match digits.parse::<i64>() {
            Ok(number) if digits.bytes().all(|byte| byte.is_ascii_digit()) => self.migration(digits, number, name),
            _ => bad(format!("refinery cannot read `{digits}` as a whole number"), "give it the next free number"),
        }
    }

    fn migration(&self, digits: &str, number: i64, name: &str) -> Named {
        if !self.wide && number > i64::from(i32::MAX) {
            return bad(
                format!("`{digits}` is more than the column of 32 bits that refinery makes for it holds"),
                "give it a number up to 2147483647, or build refinery with `int8-versions` and let it make the table",
            );
        }
        Named::Migration { version: Version::from(digits), description: name.to_owned(), part: Part::Up }
    }

    /// What Rust's `Hash` feeds SipHash-1-3 with, key 0: a text and its end, the integer's bytes, a text and its end.
    fn stamp(&self, name: &str, version: &Version, sql: &[u8]) -> u64 {
        let number = number(version);
        let mut hasher = SipHasher13::new();
        hasher.write(name.as_bytes());
        hasher.write(&[END]);
        match (self.wide, i32::try_from(number)) {
            (false, Ok(number)) => hasher.write(&number.to_le_bytes()),
            _ => hasher.write(&number.to_le_bytes()),
        }
        hasher.write(sql);
        hasher.write(&[END]);
        hasher.finish()
    }
}

/// Without the directories.
fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn bad(message: String, hint: &str) -> Named {
    Named::Bad(Problem::Flaw { message, hint: hint.to_owned() })
}

/// Names have been read: the number fits.
fn number(version: &Version) -> i64 {
    version.text().parse().unwrap_or_default()
}

/// RFC 3339 in UTC, as text.
fn now(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => {
            "pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
        }
        Dialect::Sqlite => "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
    }
}

#[cfg(test)]
mod tests;
