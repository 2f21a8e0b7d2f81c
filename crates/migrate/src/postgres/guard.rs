//! The lock: asked for again and again, never waited for inside the server.
//!
//! Straight at the server it is `pg_try_advisory_lock` on a connection of its own. Behind a pooler that gives each
//! transaction whichever session is free, such a lock belongs to nobody we know; there it is a row with a term, see
//! [`super::lease`]. The two exclude each other.
//!
//! A holder that is killed lets go at once: the kernel ends its connection. One whose machine or network is gone cannot;
//! the server notices by TCP keepalive (set to 25 s on the lock's session) and lets go then. Until then a waiter
//! says that no sign comes from the holder, and there is nothing else to do: whether it is dead nobody can know earlier.

mod session_lock;
mod way;
mod who;

pub(crate) use way::{Way, way};
pub(super) use who::{sibling, who};

use super::lease::Lease;
use crate::{
    Holder, MigrateError,
    job::{Job, Run},
    lock::{Next, Waiting},
};
use config::dsn::PostgresDsn;
use database::postgres::{Session, connect};
use session_lock::SessionLock;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What is to be locked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys<'a> {
    /// Our own key.
    pub(crate) ours: i64,
    /// The advisory keys of the tool whose ledger we keep: while we run, it waits. Taken after ours, all or none.
    pub(crate) theirs: &'a [i64],
    /// The ledger's schema, for the lease; empty when there is none, then there is no lease.
    pub(crate) schema: &'a str,
}

/// The lock, held until [`Guard::release`] or the end of this process.
pub(crate) struct Guard {
    way: Way,
    held: Held,
}

enum Held {
    Session(SessionLock),
    Lease(Box<Lease>),
}

impl Guard {
    /// Waits for the lock.
    ///
    /// # Errors
    /// [`MigrateError::Locked`] names the holder when the time is up.
    pub(crate) async fn hold(run: &Run<'_>, dsn: &PostgresDsn, keys: &Keys<'_>) -> Result<Self, MigrateError> {
        let job = run.job;
        let started = Instant::now();
        let say = |holder: &Holder, waited| job.say_waiting(holder, waited);
        let guard =
            Self::acquire(dsn, &job.who.session_name(), keys, job.migrations.lock_timeout, say, super::lease::LENGTH)
                .await;
        run.waited(started.elapsed());
        let guard = guard?;
        if matches!((&guard.way, &guard.held), (Way::Pooled { .. }, Held::Session(_))) {
            job.warn(
                "migrate.pooler",
                "a connection pooler stands before the server; in transaction mode it cannot keep the migration lock: \
                 give the server's own address"
                    .to_owned(),
            );
        }
        Ok(guard)
    }

    /// Waits for the lock at most `limit`, as `name`; tells `say` now and then who holds it.
    pub(crate) async fn acquire(
        dsn: &PostgresDsn,
        name: &str,
        keys: &Keys<'_>,
        limit: Duration,
        say: impl Fn(&Holder, Duration),
        lease: Duration,
    ) -> Result<Self, MigrateError> {
        let connecting = dsn.connect_timeout.unwrap_or(super::CONNECT_TIMEOUT);
        let session = connect(dsn, name, connecting).await.map_err(MigrateError::Refused)?;
        let way = way(&session).await?;
        let mut held = match way {
            Way::Pooled { .. } if !keys.schema.is_empty() => {
                Held::Lease(Box::new(Lease::new(session, dsn.clone(), name.to_owned(), keys, lease)))
            }
            _ => Held::Session(SessionLock::new(session, keys, way == Way::Direct).await?),
        };
        held.wait(limit, say).await?;
        Ok(Self { way, held })
    }

    /// Is the lock still ours? Asked before each file.
    ///
    /// # Errors
    /// [`MigrateError::LockLost`]: the connection is gone, and the lock with it; or the lease is somebody else's.
    pub(crate) async fn check(&self) -> Result<(), MigrateError> {
        let ours = match &self.held {
            Held::Session(lock) => lock.is_ours().await,
            Held::Lease(lease) => lease.is_ours().await,
        };
        if ours { Ok(()) } else { Err(MigrateError::LockLost) }
    }

    /// Lets go, and warns when there was nothing to let go of.
    pub(crate) async fn release(self, job: &Job<'_>) {
        if !self.let_go().await {
            job.warn(
                "migrate.lock-was-not-held",
                "the migration lock was not held at the end: is there a pooler in transaction mode? Give the server's own address"
                    .to_owned(),
            );
        }
    }

    /// Lets go; false when the lock was not ours. A connection that is gone has let go already, or its lease will end.
    pub(crate) async fn let_go(self) -> bool {
        match self.held {
            Held::Session(lock) => lock.release().await,
            Held::Lease(lease) => lease.release().await,
        }
    }

    /// A statement for the beginning of each transaction: it fails with [`super::lease::FENCED`] when the lock is no
    /// longer ours, and keeps it ours until the transaction ends. Nothing where the session itself holds the lock.
    pub(crate) fn fence(&self) -> Option<String> {
        match &self.held {
            Held::Session(_) => None,
            Held::Lease(lease) => lease.fence(),
        }
    }

    /// Gives the keys of other tools back for the time of one statement, see [`SessionLock::lend`].
    pub(crate) async fn lend(&self) -> Result<(), MigrateError> {
        match &self.held {
            Held::Session(lock) => lock.lend().await,
            Held::Lease(_) => Ok(()),
        }
    }

    /// Waits at most `limit` until they are ours again.
    ///
    /// # Errors
    /// [`MigrateError::LockLost`]: the tool has them, and goes on with them.
    pub(crate) async fn take_back(&self, limit: Duration) -> Result<(), MigrateError> {
        let Held::Session(lock) = &self.held else { return Ok(()) };
        let (started, mut waiting) = (Instant::now(), Waiting::new(limit));
        while !lock.take_back().await? {
            match waiting.refused(started.elapsed()) {
                Next::GiveUp => return Err(MigrateError::LockLost),
                Next::Wait { wait, .. } => sleep(wait).await,
            }
        }
        Ok(())
    }

    /// The session that holds the lock; it may be asked questions, one at a time. None behind a pooler.
    pub(crate) fn session(&self) -> Option<&Session> {
        match &self.held {
            Held::Session(lock) => Some(lock.session()),
            Held::Lease(_) => None,
        }
    }

    /// Is a pooler between?
    pub(crate) fn way(&self) -> Way {
        self.way
    }
}

impl Held {
    async fn wait(&mut self, limit: Duration, say: impl Fn(&Holder, Duration)) -> Result<(), MigrateError> {
        let started = Instant::now();
        let mut waiting = Waiting::new(limit);
        while !self.try_take().await? {
            let waited = started.elapsed();
            match waiting.refused(waited) {
                Next::GiveUp => return Err(MigrateError::Locked { waited, holder: self.holder().await? }),
                Next::Wait { wait, say: true } => {
                    say(&self.holder().await?, waited);
                    sleep(wait).await;
                }
                Next::Wait { wait, .. } => sleep(wait).await,
            }
        }
        Ok(())
    }

    async fn try_take(&mut self) -> Result<bool, MigrateError> {
        match self {
            Held::Session(lock) => lock.try_take().await,
            Held::Lease(lease) => lease.try_take().await,
        }
    }

    async fn holder(&self) -> Result<Holder, MigrateError> {
        match self {
            Held::Session(lock) => lock.holder().await,
            Held::Lease(lease) => lease.holder().await,
        }
    }
}

#[cfg(test)]
mod tests;
