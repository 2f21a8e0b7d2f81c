//! How people take copies.
use super::field::{Engine, Field};
use super::pgbackrest;
use crate::bench::Bench;
use crate::task::Failure;
use std::path::Path;
use testkit::find_component;

/// A way to take a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Mainstay,
    Gzip,
    Custom,
    Zstd,
    PgBackRest,
    DotBackup,
    VacuumInto,
}

impl Way {
    /// Ours first.
    pub(super) fn of(engine: Engine) -> &'static [Self] {
        match engine {
            Engine::Postgres => &[Self::Mainstay, Self::Gzip, Self::Custom, Self::Zstd, Self::PgBackRest],
            Engine::Sqlite => &[Self::Mainstay, Self::VacuumInto, Self::DotBackup],
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mainstay => crate::bench::table::OURS,
            Self::Gzip => "pg_dump | gzip",
            Self::Custom => "pg_dump -Fc",
            Self::Zstd => "pg_dump | zstd -T0",
            Self::PgBackRest => "pgBackRest",
            Self::DotBackup => "sqlite3 .backup",
            Self::VacuumInto => "VACUUM INTO",
        }
    }

    /// Is it here, and what does it need once?
    pub(super) fn prepare(self, field: &Field) -> Result<(), Failure> {
        if self == Self::PgBackRest { pgbackrest::prepare(field) } else { Ok(()) }
    }

    /// The words of the command that copies the database into `to`. Paths with quotes in them are not supported.
    pub(super) fn words(self, bench: &Bench, field: &Field, to: &Path) -> Vec<String> {
        let (url, to) = (field.url(), to.display().to_string());
        let dump = || find_component("pg_dump").display().to_string();
        let piped = |into: &str| {
            let line = format!("set -o pipefail; '{}' '{url}' | {into} > '{to}/dump'", dump());
            vec!["bash".to_owned(), "-c".to_owned(), line]
        };
        let sqlite = |line: String| {
            vec![
                "sqlite3".to_owned(),
                "-cmd".to_owned(),
                ".timeout 60000".to_owned(),
                field.file().display().to_string(),
                line,
            ]
        };
        match self {
            Self::Mainstay => {
                let words = ["backup", "now", "--database", &url, "--to", &to];
                std::iter::once(bench.mainstay.display().to_string()).chain(words.map(str::to_owned)).collect()
            }
            Self::Gzip => piped("gzip"),
            Self::Zstd => piped("zstd -q -T0"),
            Self::Custom => vec![dump(), "-Fc".to_owned(), "-f".to_owned(), format!("{to}/dump"), url],
            Self::PgBackRest => pgbackrest::words(field),
            Self::DotBackup => sqlite(format!(".backup '{to}/copy.db'")),
            Self::VacuumInto => sqlite(format!("VACUUM INTO '{to}/copy.db'")),
        }
    }
}
