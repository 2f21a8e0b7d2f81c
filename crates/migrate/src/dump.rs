//! The schema as SQL: what a fresh database is loaded from, and what a review reads.
//!
//! Two dumps of equal schemas are equal: no comments, no versions, no times. The rows of the ledger are part of it, so that
//! nothing is pending in a database that was loaded from it; when and how fast a migration was applied is not.

mod clean;
mod pg_dump;
mod rows;
mod sqlite;

pub(crate) use rows::inserts;

use crate::{
    Job, MigrateError, command,
    engine::Engine,
    history::{HISTORY, JOURNAL},
    job::Run,
    snapshot::Snapshot,
    style::Table,
};
use config::{MigrationSource, Target};

/// Our own tables, which are no part of anybody's schema.
const OURS: [&str; 3] = [HISTORY, JOURNAL, "mainstay_lock"];

/// The schema of the database as SQL, then the rows of the ledger. On PostgreSQL this is what `pg_dump --schema-only
/// --no-owner --no-privileges` of the server's version says, all from one snapshot.
///
/// # Errors
/// [`MigrateError::NoPgDump`] and [`MigrateError::PgDump`]; [`MigrateError::NoDatabase`] when there is no file; what forbids to
/// read the ledger.
pub async fn dump(job: &Job<'_>) -> Result<String, MigrateError> {
    let job = &straight(job);
    let run = Run::new(job);
    Engine::with(&run, async |engine| whole(&run, engine).await).await
}

/// Past a pooler, where the server's own address is known: a snapshot belongs to one session.
pub(crate) fn straight<'a>(job: &Job<'a>) -> Job<'a> {
    Job { target: job.migrations.direct.as_ref().unwrap_or(job.target), ..*job }
}

async fn whole(run: &Run<'_>, engine: &mut Engine) -> Result<String, MigrateError> {
    begin(engine).await?;
    let ledgers = ledgers(run, engine).await?;
    let mut text = schema(run.job, engine, &[]).await?;
    for ledger in &ledgers {
        text += &inserts(engine, ledger).await?;
    }
    Ok(text.trim_end().to_owned() + "\n")
}

/// From now on every question is answered from the same snapshot.
pub(crate) async fn begin(engine: &mut Engine) -> Result<(), MigrateError> {
    let begin = match engine {
        Engine::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        Engine::Sqlite(_) => "BEGIN",
    };
    engine.ask("begin to dump", begin.to_owned()).await.map(drop)
}

/// The tables that remember what was applied.
async fn ledgers(run: &Run<'_>, engine: &mut Engine) -> Result<Vec<Table>, MigrateError> {
    match &run.job.migrations.source {
        MigrationSource::Directory(dir) => {
            let table = Snapshot::take(run, engine, dir).await?.table;
            Ok(Some(table).filter(Table::exists).into_iter().collect())
        }
        MigrationSource::Command(_) => command::heads::tables(engine).await,
    }
}

/// The schema alone; the transaction was begun. `flags` are further ones for `pg_dump`.
pub(crate) async fn schema(job: &Job<'_>, engine: &mut Engine, flags: &[&str]) -> Result<String, MigrateError> {
    match (engine, job.target) {
        (Engine::Postgres(postgres), Target::Postgres(dsn)) => pg_dump::schema(job, dsn, postgres, flags).await,
        (engine, target) => sqlite::schema(engine, target).await,
    }
}
