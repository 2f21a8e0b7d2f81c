//! Migrations on PostgreSQL: look without a lock; lock, look again, apply.
//!
//! Two connections. The one that holds the lock (behind a pooler: that keeps the lease alive) stays idle and in autocommit,
//! because a lock that is waited for inside a statement or held inside a transaction keeps an old snapshot alive, for which
//! `CREATE INDEX CONCURRENTLY` waits: a deadlock (PostgreSQL manual, "Building Indexes Concurrently"). The other one does the
//! work.
//!
//! A file and its row are one transaction, or the journal has its statements one by one. No COMMIT but the last waits for the
//! disk: what is lost with the machine is lost as a whole, file and row, and the last one brings all before it to the disk.

mod apply;
mod ask;
mod blockers;
mod failure;
#[cfg(test)]
mod fixture;
mod guard;
mod index;
mod lease;
mod lone;
mod progress;
mod read_only;
mod rehearse;
mod resolve;
mod send;
mod transaction;
mod watch;

pub(crate) use ask::must_be_writable;
pub(crate) use guard::{Guard, Keys};
pub(crate) use index::{INVALID_INDEXES, invalid_index};
pub(crate) use rehearse::must_be_one_transaction;

use ask::query;
use guard::Way;
use transaction::RESET_ROLE;

use crate::{
    MigrateError,
    catalog::Catalog,
    engine::{Cells, Passing, owned},
    failpoint::reach,
    job::{Job, Run},
    lock,
    work::{Step, Work},
};
use config::{
    Target,
    dsn::{Host, PostgresDsn},
};
use database::postgres::{Session, connect};
use std::time::Duration;

/// When the settings name no limit for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A server that is open for migrating.
pub(crate) struct Engine {
    session: Session,
    dsn: PostgresDsn,
    guard: Option<Guard>,
    /// SQL that shows that this session works; empty where a session is not ours to keep.
    at_work: String,
    /// A file has used the session; what it set must not reach the next one.
    used: bool,
}

impl Engine {
    pub(crate) async fn open(run: &Run<'_>, dsn: &PostgresDsn) -> Result<Self, MigrateError> {
        let session = open(run.job, dsn).await?;
        Ok(Self { session, dsn: dsn.clone(), guard: None, at_work: String::new(), used: false })
    }

    pub(crate) async fn catalog(&self, also: Option<&str>) -> Result<Catalog, MigrateError> {
        ask::catalog(&self.session, also).await
    }

    pub(crate) async fn ask(&self, doing: &'static str, sql: &str) -> Result<Vec<Cells>, MigrateError> {
        self.each(doing, sql, owned).await
    }

    pub(crate) async fn each<T>(
        &self,
        doing: &'static str,
        sql: &str,
        of: fn(&Passing<'_>) -> T,
    ) -> Result<Vec<T>, MigrateError> {
        ask::each(&self.session, doing, sql, of).await
    }

    /// The server that it is with, of those in the settings.
    pub(crate) fn host(&self) -> &Host {
        &self.session.host
    }

    /// The server's major version; 0 when it does not tell.
    pub(crate) fn major(&self) -> u32 {
        self.session.major()
    }

    /// See [`apply::settle`].
    pub(crate) async fn settle(&self, run: &Run<'_>) -> Result<(), MigrateError> {
        apply::settle(run, &self.session).await
    }

    /// Straight at the server where its address is known: what stands before it may be a pooler, which keeps no lock.
    pub(crate) async fn lock(&mut self, run: &Run<'_>, catalog: &Catalog, theirs: &[i64]) -> Result<(), MigrateError> {
        must_be_writable(catalog)?;
        let pooled = matches!(guard::way(&self.session).await?, Way::Pooled { .. });
        if let (true, Some(Target::Postgres(direct))) = (pooled, &run.job.migrations.direct) {
            self.session = open(run.job, direct).await?;
            self.dsn = direct.clone();
        }
        let ours = lock::key(&catalog.database, &catalog.schema);
        let keys = guard::Keys { ours, theirs, schema: &catalog.schema };
        self.guard = Some(Guard::hold(run, &self.dsn, &keys).await?);
        if !self.is_pooled() {
            self.at_work = begin_to_work(&self.session, ours).await?;
        }
        Ok(())
    }

    /// Does each transaction get whichever session a pooler has free? Then nothing may be set for longer.
    fn is_pooled(&self) -> bool {
        self.guard.as_ref().is_some_and(|guard| matches!(guard.way(), Way::Pooled { .. }))
    }

    pub(crate) async fn write(&mut self, doing: &'static str, sql: &[String]) -> Result<(), MigrateError> {
        let sql = sql.join(";\n");
        let done = self.session.client.batch_execute(&sql).await;
        done.map_err(|error| ask::not_written(doing, self.session.explain(&error)))
    }

    /// SQL that each transaction begins with, so that it cannot end when the lock is not ours any more.
    fn fence(&self) -> Option<String> {
        self.guard.as_ref().and_then(Guard::fence)
    }

    pub(crate) async fn perform(&mut self, run: &Run<'_>, work: &Work<'_>) -> Result<Step<Duration>, MigrateError> {
        apply::perform(self, run, work).await.map(Step::Done)
    }

    pub(crate) async fn close(mut self, run: &Run<'_>) -> Result<(), MigrateError> {
        let flushed = self.flush(run).await;
        self.session.close().await;
        if let Some(guard) = self.guard {
            guard.release(run.job).await;
        }
        flushed
    }

    /// What an earlier attempt has committed counts as well.
    async fn flush(&mut self, run: &Run<'_>) -> Result<(), MigrateError> {
        let Some(sql) = run.unflushed() else { return Ok(()) };
        reach(run.job, "flush");
        // A file that failed may have left us in a role.
        let sql: Vec<_> = RESET_ROLE.into_iter().map(str::to_owned).chain([sql]).collect();
        self.write("bring the migrations to the disk", &sql).await?;
        reach(run.job, "flushed");
        run.flushed();
        Ok(())
    }
}

/// For PostgreSQL's setting of this name: milliseconds, 0 for no limit.
fn statement_timeout(job: &Job<'_>) -> u128 {
    job.migrations.statement_timeout.map_or(0, |limit| limit.as_millis().max(1))
}

/// While the server has this session, nobody else begins. It looks now and then whether we are still there, so that a long
/// statement ends soon when we are killed. Answers with SQL that says both again, without a look at all settings.
async fn begin_to_work(session: &Session, ours: i64) -> Result<String, MigrateError> {
    let lock = format!("SELECT pg_catalog.pg_advisory_lock_shared({})", lock::work_key(ours));
    query(session, "begin to work", &lock).await?;
    // Since PostgreSQL 14, and not on every system.
    let look = "SELECT pg_catalog.set_config(name, '2000', false) FROM pg_catalog.pg_settings \
                WHERE name = 'client_connection_check_interval'";
    Ok(match query(session, "begin to work", look).await?.is_empty() {
        true => lock,
        false => format!("{lock}; SET client_connection_check_interval = 2000"),
    })
}

/// A session under our name, so that whoever waits for us sees who we are.
pub(crate) async fn open(job: &Job<'_>, dsn: &PostgresDsn) -> Result<Session, MigrateError> {
    let limit = dsn.connect_timeout.unwrap_or(CONNECT_TIMEOUT);
    connect(dsn, &job.who.session_name(), limit).await.map_err(MigrateError::Refused)
}

/// Where the lock of an external command belongs.
pub(crate) async fn place(job: &Job<'_>, dsn: &PostgresDsn) -> Result<Catalog, MigrateError> {
    let session = open(job, dsn).await?;
    let catalog = ask::catalog_anywhere(&session, None).await?;
    session.close().await;
    Ok(catalog)
}
