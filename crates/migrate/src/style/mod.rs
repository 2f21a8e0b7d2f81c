//! The way in which a tool writes its migrations and remembers them: names and directives of files, checksums, the table, the
//! lock. Ours ([`plain`]) is one of them; whoever adopts another tool's goes on in that tool's way, so that the tool itself
//! goes on working on the same database.
//!
//! Everything here is pure: texts and names go in, what they mean and SQL come out.

pub(crate) mod dbmate;
pub(crate) mod detect;
pub(crate) mod diy;
pub(crate) mod flyway;
pub(crate) mod golang_migrate;
pub(crate) mod goose;
pub(crate) mod plain;
pub(crate) mod refinery;
pub(crate) mod sqlx;
pub(crate) mod supabase;

mod crc;
#[cfg(test)]
mod fixture;
mod lines;
mod schema;
mod spelling;
mod variants;

pub(crate) use plain::Plain;

use crate::{Migration, Problem, Version, ledger::Row, sql::Dialect};
use std::{borrow::Cow, cmp::Ordering, collections::BTreeMap, fmt, ops::Range, time::Duration};

/// The way in which a tool writes its migrations and remembers them.
pub(crate) trait Style: fmt::Debug + Send + Sync {
    /// As it is called in the configuration and in messages: `dbmate`.
    fn name(&self) -> &'static str;

    // ---- files ----

    /// Are the files in subdirectories migrations too?
    fn recursive(&self) -> bool {
        false
    }

    /// What a file is, by its name relative to the directory (`a/V1__x.sql` where it is recursive).
    fn read_name(&self, name: &str) -> Named;

    /// The sections of a file. `text` has no byte order mark and `\n` as the end of line; `vars` is the environment, for styles
    /// that fill it in.
    fn read_text<'t>(&self, part: Part, text: &'t str, vars: &BTreeMap<String, String>) -> Result<Sections<'t>, Flaw>;

    /// The order in which files are applied.
    fn order(&self, a: &Migration, b: &Migration) -> Ordering {
        a.version.cmp(&b.version).then_with(|| a.name.cmp(&b.name))
    }

    /// May it be applied although a newer one is applied already, whatever the policies say?
    fn may_be_late(&self, _migration: &Migration) -> bool {
        false
    }

    /// What the ledger keeps to recognise the content by; the first is what the tool would write for these bytes, the others
    /// are the same for files that differ in line ends or byte order mark alone. None when the tool keeps nothing.
    fn stamps(&self, _file: &Stamped<'_>) -> Vec<String> {
        Vec::new()
    }

    /// Names and contents of the files of a new migration called `name` (lower case, words joined by `_`), with `version`, beside
    /// the files `others`.
    fn skeleton(&self, version: &Version, name: &str, others: &[String]) -> Vec<(String, String)>;

    /// Is a file into which nothing has been written no migration yet? Where it is the tool's, the tool applies it.
    fn refuses_unwritten(&self) -> bool {
        false
    }

    /// How the tool numbers the first file of a directory.
    fn numbering(&self) -> Numbering {
        Numbering::Time
    }

    /// What cannot be known of a file that the tool has applied, and not we, because of what the tool is known to do; each a
    /// sentence for `verify`.
    fn doubts(&self, _migration: &Migration) -> Vec<String> {
        Vec::new()
    }

    /// What the table's columns are taken for, as one sentence for people; nothing where the tool is known.
    fn mapping(&self) -> Option<String> {
        None
    }

    // ---- the ledger ----

    /// The table's name when nothing is configured; with a schema only where the tool names one.
    fn table(&self) -> (Option<&'static str>, &'static str);

    /// SQL that makes the table, and the rows that it has from the beginning.
    fn create(&self, table: &Table) -> Vec<String>;

    /// SQL that reads it, as the six texts or NULLs of [`Row::of`] for each row.
    fn select(&self, table: &Table) -> String;

    /// What the rows that were read mean, next to the files: as they are, unless a row stands for several migrations.
    /// `recorded` are the versions that our own history has as applied, by us or, where [`Style::implies`], by the tool.
    fn expand(&self, rows: Vec<Row>, _files: &[Migration], _recorded: &[Version]) -> Vec<Row> {
        rows
    }

    /// Does one row stand for all migrations up to it? Then our history notes them too, or a file that comes late could not be told
    /// from one that the tool has applied.
    fn implies(&self) -> bool {
        false
    }

    /// Has the table rows of repeatable migrations too? Else our history alone remembers them.
    fn keeps_repeatables(&self) -> bool {
        false
    }

    /// SQL that remembers a migration as applied, just as the tool would.
    fn insert(&self, table: &Table, record: &Record<'_>) -> Vec<String>;

    /// SQL that forgets a migration; `previous` is the one that is the newest applied one afterwards.
    fn delete(&self, table: &Table, migration: &Migration, previous: Option<&Migration>) -> Vec<String>;

    /// SQL that marks a migration as begun, before statements that cannot be undone; nothing where the tool knows no such mark.
    /// [`Style::insert`] has to clear it.
    fn mark_begun(&self, _table: &Table, _record: &Record<'_>) -> Vec<String> {
        Vec::new()
    }

    /// SQL that remembers everything up to `migration` without having applied it: a baseline.
    fn baseline(&self, table: &Table, migrations: &[&Migration]) -> Vec<String> {
        let record = |migration| Record { migration, took: Duration::ZERO, statements: &[] };
        migrations.iter().flat_map(|migration| self.insert(table, &record(migration))).collect()
    }

    /// SQL that writes the stamp of the file as it is now into its row; nothing where the tool keeps none.
    fn restamp(&self, _table: &Table, _migration: &Migration) -> Vec<String> {
        Vec::new()
    }

    /// The keys of PostgreSQL's advisory locks that the tool itself takes: several where the same database is another one to it,
    /// depending on how it was told of it.
    fn co_locks(&self, _table: &Table, _database: &str) -> Vec<i64> {
        Vec::new()
    }
}

/// How files are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// By the time at which they are made: `20261124183000`.
    Time,
    /// One after the other.
    Count {
        /// So many digits.
        width: usize,
    },
}

/// What a file's name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A migration, or one direction of it.
    Migration {
        /// Its version.
        version: Version,
        /// What it does, as the style takes it from the name.
        description: String,
        /// The direction.
        part: Part,
    },
    /// Applied again whenever it has changed, after all others.
    Repeatable {
        /// What it does.
        description: String,
    },
    /// The style leaves it alone.
    Other,
    /// The style would stumble over it.
    Bad(Problem),
}

/// The direction that a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// It migrates.
    Up,
    /// It undoes.
    Down,
    /// Sections of it say which.
    Both,
}

/// A file's text, cut up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sections<'t> {
    /// The text that the ranges speak of: the file's own, or that with its variables filled in.
    pub(crate) text: Cow<'t, str>,
    /// What migrates, in order. Usually one.
    pub(crate) up: Vec<Section>,
    /// What undoes it, if there is anything.
    pub(crate) down: Option<Vec<Section>>,
}

impl<'t> Sections<'t> {
    /// Those of a file that is for one direction: all of it is `whole`.
    pub(crate) fn one_way(part: Part, text: impl Into<Cow<'t, str>>, whole: Section) -> Self {
        let (up, down) = match part {
            Part::Down => (Vec::new(), Some(vec![whole])),
            Part::Up | Part::Both => (vec![whole], None),
        };
        Self { text: text.into(), up, down }
    }
}

/// A part of a file that is run as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// Its bytes.
    pub(crate) range: Range<usize>,
    /// Does the file itself say whether it runs in a transaction?
    pub(crate) transaction: Option<bool>,
}

impl Section {
    /// All of `text`. `BEGIN` and `COMMIT` around it are seen to by whoever runs it.
    pub(crate) fn whole(text: &str) -> Self {
        Self { range: 0..text.len(), transaction: None }
    }
}

/// A directive that is misspelt, missing or out of place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// What is wrong, without the file's name: `there is no line `-- migrate:up``.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: String,
    /// Where, in bytes of the text.
    pub(crate) range: Range<usize>,
}

/// What a stamp is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamped<'a> {
    /// The file's bytes as they are on disk.
    pub(crate) raw: &'a [u8],
    /// Its text without byte order mark and with `\n`.
    pub(crate) text: &'a str,
    /// Its SHA-256, see [`Migration::checksum`].
    pub(crate) sum: &'a str,
    /// The same text with variables filled in.
    pub(crate) filled: &'a str,
    /// What its name says.
    pub(crate) version: &'a Version,
    /// What its name says.
    pub(crate) description: &'a str,
}

/// A table that remembers migrations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// Its schema; none on SQLite.
    pub(crate) schema: Option<String>,
    /// Its name.
    pub(crate) name: String,
    /// Its columns in their order; none when it is not there.
    pub(crate) columns: Vec<Column>,
    /// Whose SQL it speaks.
    pub(crate) dialect: Dialect,
}

/// A column as the database describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// Its type, in the database's words: `character varying(255)`, `bigint`.
    pub(crate) kind: String,
    /// Must it be given a value: neither NULL nor a default?
    pub(crate) needed: bool,
}

/// A migration that was applied, to be remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    /// Which.
    pub(crate) migration: &'a Migration,
    /// How long it took.
    pub(crate) took: Duration,
    /// The text of each of its statements; empty for a baseline.
    pub(crate) statements: &'a [&'a str],
}

impl Table {
    /// As SQL names it.
    pub(crate) fn quoted(&self) -> String {
        let name = crate::quote::identifier(&self.name);
        self.schema.as_deref().map_or(name.clone(), |schema| format!("{}.{name}", crate::quote::identifier(schema)))
    }

    /// As people read it.
    pub(crate) fn shown(&self) -> String {
        self.schema.as_deref().map_or_else(|| self.name.clone(), |schema| format!("{schema}.{}", self.name))
    }

    /// Is it there?
    pub(crate) fn exists(&self) -> bool {
        !self.columns.is_empty()
    }

    /// The type of a column, in lower case; nothing when there is no such column.
    pub(crate) fn kind(&self, column: &str) -> Option<String> {
        self.columns.iter().find(|it| it.name == column).map(|it| it.kind.to_ascii_lowercase())
    }

    /// The names of its columns.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name.as_str()).collect()
    }

    /// `text` as a literal of its dialect.
    pub(crate) fn literal(&self, text: &str) -> String {
        crate::quote::literal(text, self.dialect)
    }
}

/// A point in time as RFC 3339 in UTC, from a column that the database knows as one.
pub(crate) fn utc(column: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres => {
            format!("pg_catalog.to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')")
        }
        Dialect::Sqlite => column.to_owned(),
    }
}
