//! Who migrates: we, and other tools, each called as its manual says.
use super::database::Database;
use crate::bench::Bench;
use crate::bench::table::OURS;
use crate::peers;
use std::path::{Path, PathBuf};

/// A migration tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    Mainstay,
    Dbmate,
    Sqlx,
    Refinery,
    Diesel,
    Alembic,
}

impl Runner {
    /// We first.
    pub(super) const ALL: [Self; 6] =
        [Self::Mainstay, Self::Dbmate, Self::Sqlx, Self::Refinery, Self::Diesel, Self::Alembic];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mainstay => OURS,
            Self::Dbmate => "dbmate",
            Self::Sqlx => "sqlx-cli",
            Self::Refinery => "refinery_cli",
            Self::Diesel => "diesel_cli",
            Self::Alembic => "alembic",
        }
    }

    /// Of so many rounds, those that it takes part in: nobody needs to see the slowest more often.
    pub(super) fn rounds(self, all: usize) -> usize {
        if self == Self::Alembic { all.div_ceil(5) } else { all }
    }

    /// Its program, if it is here.
    pub(super) fn program(self, bench: &Bench) -> Option<PathBuf> {
        let peers = peers::directory();
        let program = match self {
            Self::Mainstay => bench.mainstay.clone(),
            Self::Dbmate => dbmate(&peers)?,
            Self::Sqlx => peers.join("cargo/bin/sqlx"),
            Self::Refinery => peers.join("cargo/bin/refinery"),
            Self::Diesel => peers.join("cargo/bin/diesel"),
            Self::Alembic => peers.join("python/bin/alembic"),
        };
        program.is_file().then_some(program)
    }

    /// Its command line for all pending files; the database comes by `DATABASE_URL` when it is not named here.
    pub(super) fn words(self, program: &Path, files: &Path, database: &Database) -> Vec<String> {
        let (program, ini) = (program.display().to_string(), files.join("alembic.ini").display().to_string());
        let (files, url) = (files.display().to_string(), self.url(database));
        let line: Vec<&str> = match self {
            Self::Mainstay => vec![&program, "migrate", "up", "--database", &url, "--dir", &files],
            Self::Dbmate => vec![&program, "--migrations-dir", &files, "--no-dump-schema", "migrate"],
            Self::Sqlx => vec![&program, "migrate", "run", "--no-dotenv", "--source", &files],
            Self::Refinery => vec![&program, "migrate", "-e", "DATABASE_URL", "-p", &files],
            Self::Diesel => vec![&program, "migration", "run", "--migration-dir", &files],
            Self::Alembic => vec![&program, "-c", &ini, "upgrade", "head"],
        };
        line.into_iter().map(str::to_owned).collect()
    }

    /// Everyone without TLS, and everyone with a file that may have to be made.
    pub(super) fn url(self, database: &Database) -> String {
        match (self, database) {
            (Self::Alembic, Database::Postgres { url, .. }) => {
                format!("{}?sslmode=disable", url.replacen("postgres://", "postgresql+psycopg2://", 1))
            }
            (_, Database::Postgres { url, .. }) => format!("{url}?sslmode=disable"),
            (Self::Alembic, Database::Sqlite { file }) => format!("sqlite:///{}", file.display()),
            (Self::Diesel, Database::Sqlite { file }) => file.display().to_string(),
            (Self::Sqlx, Database::Sqlite { file }) => format!("sqlite:{}?mode=rwc", file.display()),
            (_, Database::Sqlite { file }) => format!("sqlite:{}", file.display()),
        }
    }

    /// Does it open only a file that is there?
    pub(super) fn wants_a_file(self) -> bool {
        self == Self::Refinery
    }
}

/// The program itself, in the package of the platform.
fn dbmate(peers: &Path) -> Option<PathBuf> {
    let platforms = std::fs::read_dir(peers.join("npm/node_modules/@dbmate")).into_iter().flatten().flatten();
    platforms.map(|platform| platform.path().join("bin/dbmate")).find(|program| program.is_file())
}
