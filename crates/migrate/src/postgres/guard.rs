//! The lock: `pg_try_advisory_lock`, asked for again and again, never waited for inside the server.

use super::{look::query, open};
use crate::{
    Holder, MigrateError,
    job::{Job, Run},
    lock::{Next, Waiting},
};
use config::dsn::PostgresDsn;
use database::postgres::Session;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Letting go takes no longer; the end of the connection lets go as well.
const RELEASE: Duration = Duration::from_secs(5);

/// The lock, held by a connection of its own; given back by [`Guard::release`] or by the end of that connection, and so
/// also when this process is killed.
pub(crate) struct Guard {
    session: Session,
    key: i64,
}

impl Guard {
    /// Waits for the lock.
    ///
    /// # Errors
    /// [`MigrateError::Locked`] names the holder when the time is up.
    pub(crate) async fn take(run: &Run<'_>, dsn: &PostgresDsn, key: i64) -> Result<Self, MigrateError> {
        let session = open(run.job, dsn).await?;
        let guard = Self { session, key };
        guard.warn_of_pooler(run.job).await?;
        let started = Instant::now();
        let result = guard.wait(run.job, started).await;
        run.waited(started.elapsed());
        result.map(|()| guard)
    }

    async fn wait(&self, job: &Job<'_>, started: Instant) -> Result<(), MigrateError> {
        let limit = job.migrations.lock_timeout;
        let mut waiting = Waiting::new(limit);
        while !self.try_lock().await? {
            let waited = started.elapsed();
            match waiting.refused(waited) {
                Next::GiveUp => return Err(MigrateError::Locked { waited, holder: self.holder().await? }),
                Next::Wait { wait, say } => {
                    if say {
                        job.say_waiting(&self.holder().await?, waited);
                    }
                    sleep(wait).await;
                }
            }
        }
        Ok(())
    }

    async fn try_lock(&self) -> Result<bool, MigrateError> {
        let sql = format!("SELECT pg_catalog.pg_try_advisory_lock({})", self.key);
        Ok(self.ask("take the migration lock", &sql).await?.as_deref() == Some("t"))
    }

    /// The session that holds the lock; it may be asked questions, one at a time.
    pub(crate) fn session(&self) -> Option<&Session> {
        Some(&self.session)
    }

    /// Is the lock still ours? Asked before each file.
    ///
    /// # Errors
    /// [`MigrateError::LockLost`]: the connection is gone, and the lock with it.
    pub(crate) async fn check(&self) -> Result<(), MigrateError> {
        self.ask("look at the migration lock", "SELECT 1").await.map(drop).map_err(|_| MigrateError::LockLost)
    }

    /// Lets go, and warns when there was nothing to let go of.
    pub(crate) async fn release(self, job: &Job<'_>) {
        let sql = format!("SELECT pg_catalog.pg_advisory_unlock({})", self.key);
        match timeout(RELEASE, self.ask("release the migration lock", &sql)).await {
            Ok(Ok(Some(released))) if released == "t" => {}
            Ok(Err(_)) | Err(_) => {} // The connection is gone, and the lock with it.
            Ok(Ok(_)) => job.warn(
                "migrate.lock-was-not-held",
                "the migration lock was not held at the end: is there a pooler in transaction mode? Give the server's own address"
                    .to_owned(),
            ),
        }
        self.session.close().await;
    }

    /// Behind a pooler in transaction mode a lock belongs to whichever connection the pooler chose. It gives itself away:
    /// the process it announces is not the one that answers.
    async fn warn_of_pooler(&self, job: &Job<'_>) -> Result<(), MigrateError> {
        let answers = self.ask("ask who answers", "SELECT pg_catalog.pg_backend_pid()").await?;
        let announced = self.session.backend_pid.map(|pid| pid.to_string());
        if announced.is_some() && announced != answers {
            job.warn(
                "migrate.pooler",
                "a connection pooler stands before the server; in transaction mode it cannot keep the migration lock: \
                 give the server's own address"
                    .to_owned(),
            );
        }
        Ok(())
    }

    async fn holder(&self) -> Result<Holder, MigrateError> {
        let (high, low) = (self.key.cast_unsigned() >> 32, self.key.cast_unsigned() & 0xffff_ffff);
        let sql = format!(
            "SELECT l.pid, a.application_name, host(a.client_addr), \
             greatest(0, extract(epoch FROM clock_timestamp() - a.backend_start))::bigint \
             FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid) \
             WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
             AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) \
             AND l.classid::bigint = {high} AND l.objid::bigint = {low} LIMIT 1"
        );
        let rows = query(&self.session, "look who holds the migration lock", &sql).await?;
        let Some(row) = rows.first() else { return Ok(Holder::default()) };
        let text = |index: usize| row.try_get(index).ok().flatten();
        Ok(Holder {
            pid: text(0).and_then(|pid| pid.parse().ok()),
            application: text(1).map(str::to_owned),
            client: text(2).map(str::to_owned),
            since: text(3).and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs),
        })
    }

    async fn ask(&self, doing: &'static str, sql: &str) -> Result<Option<String>, MigrateError> {
        let rows = query(&self.session, doing, sql).await?;
        Ok(rows.first().and_then(|row| row.try_get(0).ok().flatten()).map(str::to_owned))
    }
}
