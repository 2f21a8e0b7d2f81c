//! How the migrations stand. Reads only, and takes no lock.

use crate::{
    Job, MigrateError, Version,
    directory::Directory,
    ledger::{self, Entry, Row, State},
    postgres, sqlite,
};
use config::{App, MigrationSource, Target};
use serde::Serialize;

/// How the migrations stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The database, without its password.
    pub database: String,
    /// Is all applied and nothing in conflict? Nothing when an external command keeps that to itself.
    pub current: Option<bool>,
    /// How many are in each state.
    pub counts: Counts,
    /// Each of them, in order.
    pub migrations: Vec<Entry>,
}

/// How many migrations are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Applied, and the file is as it was.
    pub applied: usize,
    /// To be applied.
    pub pending: usize,
    /// Changed, renamed, missing or out of order.
    pub conflicts: usize,
}

/// Every migration with its state.
///
/// # Errors
/// Why files or ledger cannot be read. Disagreement between the two is no error here: it is in the answer.
pub async fn status(job: &Job<'_>) -> Result<Status, MigrateError> {
    let MigrationSource::Directory(dir) = &job.migrations.source else {
        let database = job.target.to_string();
        return Ok(Status { database, current: None, counts: Counts::default(), migrations: Vec::new() });
    };
    let directory = job.directory(dir)?;
    let rows = rows(job).await?;
    let migrations = ledger::entries(&directory.migrations, &rows);
    let counts = Counts::of(&migrations);
    let current = Some(counts.pending + counts.conflicts == 0);
    Ok(Status { database: job.target.to_string(), current, counts, migrations })
}

/// Are the files of `app` there and readable as migrations? Asked before anything is waited for.
///
/// # Errors
/// As [`crate::directory::read`].
pub fn check(app: &App) -> Result<(), MigrateError> {
    match app.migrations.as_ref().map(|migrations| &migrations.source) {
        Some(MigrationSource::Directory(dir)) => crate::directory::read(dir, &app.root).map(drop),
        Some(MigrationSource::Command(_)) | None => Ok(()),
    }
}

/// The versions and names that `up` would apply, in order; nothing for an external command, which does not tell.
///
/// # Errors
/// All that would stop `up` before it changes anything: unreadable files, conflicts, files that cannot be run.
pub async fn pending(job: &Job<'_>) -> Result<Option<Vec<(Version, String)>>, MigrateError> {
    let MigrationSource::Directory(dir) = &job.migrations.source else { return Ok(None) };
    let directory = job.directory(dir)?;
    let rows = rows(job).await?;
    let pending = runnable(&directory, &rows, job.target)?;
    Ok(Some(pending.into_iter().map(|migration| (migration.version.clone(), migration.name.clone())).collect()))
}

fn runnable<'a>(
    directory: &'a Directory,
    rows: &[Row],
    target: &Target,
) -> Result<Vec<&'a crate::Migration>, MigrateError> {
    let pending = ledger::pending(&directory.migrations, rows).map_err(MigrateError::Conflicts)?;
    crate::run::refuse_obstacles(&pending, target)?;
    Ok(pending)
}

async fn rows(job: &Job<'_>) -> Result<Vec<Row>, MigrateError> {
    match job.target {
        Target::Postgres(dsn) => {
            let session = postgres::open(job, dsn).await?;
            let rows = postgres::look(&session).await?.rows(&session).await?;
            session.close().await;
            Ok(rows)
        }
        Target::Sqlite(path) => {
            let path = path.clone();
            sqlite::blocking(move || sqlite::rows_of(&path)).await
        }
        other => Err(MigrateError::WrongTarget { kind: other.kind() }),
    }
}

impl Counts {
    fn of(entries: &[Entry]) -> Self {
        let count = |state| entries.iter().filter(|entry| entry.state == state).count();
        let (applied, pending) = (count(State::Applied), count(State::Pending));
        Self { applied, pending, conflicts: entries.len() - applied - pending }
    }
}
