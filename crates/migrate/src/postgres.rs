//! Migrations on PostgreSQL: look without a lock; lock, look again, apply.
//!
//! Two connections. The one that holds the lock stays idle and in autocommit, because a lock that is waited for inside a
//! statement or held inside a transaction keeps an old snapshot alive, for which `CREATE INDEX CONCURRENTLY` waits: a
//! deadlock (PostgreSQL manual, "Building Indexes Concurrently"). The other one does the work.

mod apply;
#[cfg_attr(not(test), expect(dead_code, reason = "the runner calls it"))]
mod blockers;
#[cfg(test)]
mod fixture;
mod guard;
#[cfg_attr(not(test), expect(dead_code, reason = "the runner calls it"))]
mod index;
mod lease;
mod look;
#[cfg_attr(not(test), expect(dead_code, reason = "the runner calls it"))]
mod progress;
#[cfg_attr(not(test), expect(dead_code, reason = "the runner calls it"))]
mod resolve;

pub(crate) use guard::Guard;
pub(crate) use look::{look, look_anywhere};

use look::Ledger;

use crate::{
    MigrateError, Migration,
    directory::Directory,
    job::{Job, Run},
    ledger::{self, Shape},
    lock,
    run::refuse_obstacles,
};
use config::dsn::PostgresDsn;
use database::postgres::{Session, connect};
use std::time::Duration;

/// When the settings name no limit for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One attempt: applies what is pending. What this run has already applied is in the ledger and not pending any more.
pub(crate) async fn up(run: &Run<'_>, dsn: &PostgresDsn, directory: &Directory) -> Result<(), MigrateError> {
    let files = &directory.migrations;
    let session = open(run.job, dsn).await?;
    let ledger = look(&session).await?;
    apply::settle(run, &session).await?;
    let rows = ledger.rows(&session).await?;
    run.settled(&rows);
    let pending = ledger::pending(files, &rows).map_err(MigrateError::Conflicts)?;
    run.looked(pending.len());
    if pending.is_empty() {
        session.close().await;
        return Ok(());
    }
    ledger.must_be_writable()?;
    refuse_obstacles(&pending, run.job.target)?;
    let guard = Guard::take(run, dsn, lock::key(&ledger.database, &ledger.schema)).await?;
    let result = apply_all(run, &session, files, &guard).await;
    session.close().await;
    guard.release(run.job).await;
    result
}

/// Under the lock: nothing that was seen before it counts.
async fn apply_all(run: &Run<'_>, session: &Session, files: &[Migration], guard: &Guard) -> Result<(), MigrateError> {
    let mut ledger = look(session).await?;
    if ledger.shape == Shape::Absent {
        ledger.create(session).await?;
        ledger = look(session).await?;
    }
    let rows = ledger.rows(session).await?;
    for migration in ledger::pending(files, &rows).map_err(MigrateError::Conflicts)? {
        guard.check().await?;
        apply::file(run, session, &ledger, migration).await?;
    }
    Ok(())
}

/// A session under our name, so that whoever waits for us sees who we are.
pub(crate) async fn open(job: &Job<'_>, dsn: &PostgresDsn) -> Result<Session, MigrateError> {
    let limit = dsn.connect_timeout.unwrap_or(CONNECT_TIMEOUT);
    connect(dsn, &job.who.session_name(), limit).await.map_err(MigrateError::Refused)
}

/// Is there such a table, as a statement without a schema would find it?
pub(crate) async fn exists(session: &Session, table: &str) -> Result<bool, MigrateError> {
    let name = table.split('.').map(quoted).collect::<Vec<_>>().join(".").replace('\'', "''");
    let sql = format!("SELECT pg_catalog.to_regclass('{name}') IS NOT NULL");
    let rows = look::query(session, "look for the missing table", &sql).await?;
    Ok(rows.first().and_then(|row| row.try_get(0).ok().flatten()) == Some("t"))
}

/// `name` as an identifier in SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
