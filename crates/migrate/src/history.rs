//! Our own history, beside the ledger: what the tools' tables have no room for. The text of each migration and of what undoes
//! it, its checksum, the release that applied it, and the journal of statements that cannot be undone.

mod journal;
mod text;

pub(crate) use journal::{JOURNAL, Journaled, OPENING, Of, flush, open, unfinished, way};
pub(crate) use text::{pack, unpack};

use crate::{
    Identity, MigrateError, Migration, Version,
    migration::Kind,
    quote::{bytes, literal, optional},
    sql::Dialect,
    style::{Table, utc},
};
use std::time::Duration;

/// The history's table, beside the ledger.
pub(crate) const HISTORY: &str = "mainstay_history";

/// One migration in our history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) version: Version,
    pub(crate) name: String,
    /// SHA-256, see [`Migration::checksum`].
    pub(crate) checksum: String,
    /// RFC 3339 in UTC.
    pub(crate) applied_at: String,
    pub(crate) duration_ms: i64,
    pub(crate) release: Option<String>,
    /// See [`Migration::compat`].
    pub(crate) compat: Option<Version>,
    /// Is there something kept that undoes it?
    pub(crate) down: bool,
}

impl Entry {
    /// Is it about this file?
    pub(crate) fn is(&self, file: &Migration) -> bool {
        let same = if file.kind == Kind::Versioned { self.version == file.version } else { self.name == file.name };
        self.kind == file.kind && same
    }

    /// From a row that [`select`] reads.
    pub(crate) fn of<T: AsRef<str>>(cells: &[Option<T>]) -> Self {
        let cell = |index: usize| cells.get(index)?.as_ref().map(T::as_ref);
        let text = |index: usize| cell(index).map(str::to_owned);
        let kind = [Kind::Versioned, Kind::Repeatable, Kind::Seed, Kind::ByHand, Kind::Implied]
            .into_iter()
            .find(|kind| cell(0) == Some(kind.word()))
            .unwrap_or_default();
        Self {
            kind,
            version: Version::from(cell(1).unwrap_or_default()),
            name: text(2).unwrap_or_default(),
            checksum: text(3).unwrap_or_default(),
            applied_at: text(4).unwrap_or_default(),
            duration_ms: cell(5).and_then(|millis| millis.parse().ok()).unwrap_or_default(),
            release: text(6),
            compat: cell(7).map(Version::from),
            down: cell(8) == Some("1"),
        }
    }
}

/// What is written of a migration that was applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Applied<'a> {
    pub(crate) migration: &'a Migration,
    /// What was run.
    pub(crate) text: &'a str,
    /// What undoes it.
    pub(crate) down: Option<&'a str>,
    pub(crate) took: Duration,
    pub(crate) release: Option<&'a str>,
    /// Who applied it: `web-2:4711`.
    pub(crate) by: &'a str,
    /// Our history has it already: it is replaced.
    pub(crate) again: bool,
    /// A condition that must hold, as SQL: the row is refused otherwise. Always true when empty.
    pub(crate) only_if: &'a str,
}

/// SQL that makes the tables.
pub(crate) fn create(history: &Table, journal: &Table) -> Vec<String> {
    let (serial, bytes) = match history.dialect {
        Dialect::Postgres => ("id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "bytea"),
        Dialect::Sqlite => ("id INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB"),
    };
    let at = moment(history.dialect);
    vec![
        format!(
            "CREATE TABLE IF NOT EXISTS {} ({serial}, kind text NOT NULL, version text NOT NULL, name text NOT NULL, \
             sha256 text NOT NULL, script {bytes}, down {bytes}, compat text, release text, applied_by text NOT NULL, \
             applied_at {at}, duration_ms bigint NOT NULL)",
            history.quoted()
        ),
        journal::create(journal),
    ]
}

/// The type of a column that holds the moment at which its row was written.
fn moment(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()",
        Dialect::Sqlite => "TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
    }
}

/// SQL that reads the history without its texts, oldest first.
pub(crate) fn select(history: &Table) -> String {
    let at = utc("applied_at", history.dialect);
    format!(
        "SELECT kind, version, name, sha256, {at}, duration_ms, release, compat, \
         CASE WHEN down IS NULL THEN 0 ELSE 1 END FROM {} ORDER BY id",
        history.quoted()
    )
}

/// SQL that reads the two texts of one, in hexadecimal.
pub(crate) fn select_texts(history: &Table, kind: Kind, version: &Version, name: &str) -> String {
    let hex = |column: &str| match history.dialect {
        Dialect::Postgres => format!("pg_catalog.encode({column}, 'hex')"),
        Dialect::Sqlite => format!("hex({column})"),
    };
    format!(
        "SELECT {}, {}, name FROM {} WHERE {} ORDER BY id DESC LIMIT 1",
        hex("script"),
        hex("down"),
        history.quoted(),
        this(history.dialect, kind, version, name)
    )
}

/// SQL that remembers a migration.
pub(crate) fn insert(history: &Table, applied: &Applied<'_>) -> Vec<String> {
    let Migration { kind, version, name, checksum, compat, .. } = applied.migration;
    let dialect = history.dialect;
    let packed = |text: &str| bytes(&pack(text), dialect);
    let checksum = match applied.only_if {
        "" => literal(checksum, dialect),
        condition => format!("CASE WHEN {condition} THEN {} END", literal(checksum, dialect)),
    };
    let row = format!(
        "INSERT INTO {} (kind, version, name, sha256, script, down, compat, release, applied_by, duration_ms) \
         VALUES ({}, {}, {}, {checksum}, {}, {}, {}, {}, {}, {})",
        history.quoted(),
        literal(kind.word(), dialect),
        literal(version.text(), dialect),
        literal(name, dialect),
        packed(applied.text),
        applied.down.map_or_else(|| "NULL".to_owned(), packed),
        optional(compat.as_ref().map(Version::text), dialect),
        optional(applied.release, dialect),
        literal(applied.by, dialect),
        applied.took.as_millis(),
    );
    applied.again.then(|| forget(history, *kind, version, name)).into_iter().chain([row]).collect()
}

/// SQL that remembers a migration which is taken as applied, as its files are now.
///
/// # Errors
/// Why its files cannot be read.
pub(crate) fn take(history: &Table, migration: &Migration, who: &Identity) -> Result<Vec<String>, MigrateError> {
    let (text, down) = migration.texts()?;
    let applied = Applied {
        migration,
        text: &text,
        down: down.as_deref(),
        took: Duration::ZERO,
        release: who.release.as_deref(),
        by: &who.by(),
        again: true,
        only_if: "",
    };
    Ok(insert(history, &applied))
}

/// SQL that notes a migration as one that the tool has applied, and not we; `by` is who noted it.
pub(crate) fn note(history: &Table, migration: &Migration, by: &str) -> String {
    let text = |text: &str| literal(text, history.dialect);
    format!(
        // Whoever looked while we applied it may have seen the ledger before and the history after it.
        "INSERT INTO {table} (kind, version, name, sha256, applied_by, duration_ms) SELECT {}, {}, {}, {}, {}, 0 \
         WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {})",
        text(Kind::Implied.word()),
        text(migration.version.text()),
        text(&migration.name),
        text(&migration.checksum),
        text(by),
        this(history.dialect, Kind::Versioned, &migration.version, &migration.name),
        table = history.quoted(),
    )
}

/// SQL that forgets one.
pub(crate) fn forget(history: &Table, kind: Kind, version: &Version, name: &str) -> String {
    format!("DELETE FROM {} WHERE {}", history.quoted(), this(history.dialect, kind, version, name))
}

fn this(dialect: Dialect, kind: Kind, version: &Version, name: &str) -> String {
    let word = literal(kind.word(), dialect);
    match kind {
        // What a tool has applied and what we have is the same migration.
        Kind::Versioned | Kind::Implied => {
            let words = [Kind::Versioned, Kind::Implied].map(|kind| literal(kind.word(), dialect)).join(", ");
            format!("kind IN ({words}) AND {}", numbered(dialect, version))
        }
        Kind::Repeatable | Kind::Seed | Kind::ByHand => format!("kind = {word} AND name = {}", literal(name, dialect)),
    }
}

/// A file that was `1_a.sql` once and is `0001_a.sql` now is the same migration.
fn numbered(dialect: Dialect, version: &Version) -> String {
    let (text, ltrim) = (version.text(), if dialect == Dialect::Postgres { "pg_catalog.ltrim" } else { "ltrim" });
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => format!("{ltrim}(version, '0') = {}", literal(text.trim_start_matches('0'), dialect)),
        false => format!("version = {}", literal(text, dialect)),
    }
}
