//! Databases that are migrated: one for each contestant, made anew for each round.
use super::{Field, Runner};
use crate::task::Failure;
use std::path::{Path, PathBuf};

/// Whose database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Postgres,
    Sqlite,
}

/// A database, as tools need to know it.
#[derive(Clone, Debug)]
pub(super) enum Database {
    Postgres { name: String, url: String },
    Sqlite { file: PathBuf },
}

/// SQLite's default; a table has one page at least.
const PAGE: u64 = 4096;

impl Engine {
    pub(super) const ALL: [Self; 2] = [Self::Postgres, Self::Sqlite];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
        }
    }

    /// Milliseconds that a run with nothing pending may take.
    pub(super) fn most(self) -> f64 {
        match self {
            Self::Postgres => 12.0,
            Self::Sqlite => 6.0,
        }
    }
}

impl Database {
    /// The contestant's, empty; what earlier rounds left to be written is written.
    pub(super) fn empty(field: &Field, engine: Engine, runner: Runner) -> Result<Self, Failure> {
        match engine {
            Engine::Postgres => Ok(postgres(field, runner.name())),
            Engine::Sqlite => sqlite(&field.dir.path().join("sqlite").join(runner.name()), runner),
        }
    }

    pub(super) fn engine(&self) -> Engine {
        match self {
            Self::Postgres { .. } => Engine::Postgres,
            Self::Sqlite { .. } => Engine::Sqlite,
        }
    }

    /// Nobody is quick who did not do it.
    pub(super) fn must_hold(&self, field: &Field, tables: usize) -> Result<(), Failure> {
        let holds = match self {
            Self::Postgres { name, .. } => {
                let count = "select count(*) from pg_class where relkind = 'r' and relname ~ '^t[0-9]+$'";
                field.server.psql_in(name, count) == tables.to_string()
            }
            Self::Sqlite { file } => std::fs::metadata(file).is_ok_and(|it| it.len() > tables as u64 * PAGE),
        };
        if holds { Ok(()) } else { Err(Failure::Failed(format!("{self:?} does not hold {tables} tables"))) }
    }
}

fn postgres(field: &Field, name: &str) -> Database {
    let url = field.server.url_of("postgres", name);
    field.server.psql(&format!("drop database if exists \"{name}\""));
    field.server.create_database(name);
    field.server.psql("checkpoint");
    Database::Postgres { name: name.to_owned(), url }
}

fn sqlite(dir: &Path, runner: Runner) -> Result<Database, Failure> {
    let cannot = |error| Failure::Failed(format!("cannot make {}: {error}", dir.display()));
    if dir.exists() {
        std::fs::remove_dir_all(dir).map_err(cannot)?;
    }
    std::fs::create_dir_all(dir).map_err(cannot)?;
    let file = dir.join("db");
    if runner.wants_a_file() {
        std::fs::write(&file, "").map_err(cannot)?;
    }
    rustix::fs::sync();
    Ok(Database::Sqlite { file })
}
