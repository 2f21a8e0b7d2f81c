//! Advisory locks of one session, which does nothing else.

use super::{Keys, who};
use crate::{
    Holder, MigrateError,
    lock::work_key,
    postgres::{
        ask::{cell, query},
        lease::row::Row,
    },
};
use database::postgres::Session;
use std::{sync::Arc, time::Duration};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

/// In the statement with which the lock's session shows that it lives; the second at which the lock was taken follows.
pub(super) const MARK: &str = "migration lock taken at ";
/// As often it does, so that waiters see that somebody is there, and we that the lock still is.
const SIGN: Duration = Duration::from_secs(10);
/// A sign that takes longer is none.
const ANSWER: Duration = Duration::from_secs(25);
/// Letting go takes no longer; the end of the connection lets go as well.
const RELEASE: Duration = Duration::from_secs(5);

/// No time limit may end an idle session. Settings that the server does not have are left out.
pub(super) const STAY: &str = "SELECT pg_catalog.set_config(name, '0', false) FROM (VALUES ('statement_timeout'), ('lock_timeout'), \
    ('idle_in_transaction_session_timeout'), ('idle_session_timeout'), ('transaction_timeout')) AS s (name) \
    WHERE pg_catalog.current_setting(name, true) IS NOT NULL";
/// The server notices within 25 s that we are gone: the counterpart of what `database::socket` does at our end. On a
/// unix socket they have no meaning, and the server takes and ignores them.
pub(super) const KEEPALIVE: &str = "SELECT pg_catalog.set_config(name, value, false) FROM (VALUES ('tcp_keepalives_idle', '10'), \
    ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '25000'), \
    ('client_connection_check_interval', '10000')) AS s (name, value) WHERE pg_catalog.current_setting(name, true) IS NOT NULL";

/// All locks of one run, or none; let go of by [`SessionLock::release`] or by the end of the connection, and so also when
/// this process is killed.
pub(super) struct SessionLock {
    session: Arc<Session>,
    /// Ours first.
    keys: Vec<i64>,
    /// What sessions at work share, see [`work_key`].
    work: i64,
    /// The row of those who come by a pooler.
    lease: Option<Row>,
    in_the_way: InTheWay,
    /// The statement that shows that we live, once the locks are ours.
    sign: String,
    signs: Option<Signs>,
}

/// Who refused us.
#[derive(Clone, Debug)]
enum InTheWay {
    Key(i64),
    Lease(Box<Holder>),
}

/// The task that gives signs; ends with it.
struct Signs(JoinHandle<()>);

impl Drop for Signs {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl SessionLock {
    /// The session itself; it may be asked questions, one at a time.
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Nothing is locked yet. What is set for a session stays with it, so only for one that is `ours` alone.
    pub(super) async fn new(session: Session, keys: &Keys<'_>, ours: bool) -> Result<Self, MigrateError> {
        if ours {
            query(&session, "set up the session of the lock", STAY).await?;
            // Some platforms lack one of them; the lock is as good, its loss is noticed later.
            let _ = query(&session, "set up the session of the lock", KEEPALIVE).await;
        }
        let lease = (!keys.schema.is_empty()).then(|| Row::new(keys.schema, keys.ours));
        let all = [&[keys.ours], keys.theirs].concat();
        Ok(Self {
            session: Arc::new(session),
            lease,
            in_the_way: InTheWay::Key(keys.ours),
            keys: all,
            work: work_key(keys.ours),
            sign: String::new(),
            signs: None,
        })
    }

    /// All or none.
    pub(super) async fn try_take(&mut self) -> Result<bool, MigrateError> {
        if let Some(key) = self.lock(&self.keys).await? {
            self.in_the_way = InTheWay::Key(key);
            return Ok(false);
        }
        if let Some(in_the_way) = self.behind_the_lock().await? {
            self.in_the_way = in_the_way;
            self.unlock(&self.keys).await?;
            return Ok(false);
        }
        self.mark().await?;
        Ok(true)
    }

    /// Under the lock: who has to be waited for all the same?
    async fn behind_the_lock(&self) -> Result<Option<InTheWay>, MigrateError> {
        if !self.nobody_works().await? {
            return Ok(Some(InTheWay::Key(self.work)));
        }
        // No new lease can begin now; one that is there is waited for.
        match &self.lease {
            Some(row) => Ok(row.clear(&self.session).await?.map(|holder| InTheWay::Lease(Box::new(holder)))),
            None => Ok(None),
        }
    }

    /// Gives the keys of other tools back, while a statement runs that waits for everybody's snapshots: a tool that waits for its
    /// key inside a statement holds one, and neither would ever go on.
    pub(super) async fn lend(&self) -> Result<(), MigrateError> {
        self.unlock(&self.keys[1..]).await.map(drop)
    }

    /// Takes them again; false when a tool has one.
    pub(super) async fn take_back(&self) -> Result<bool, MigrateError> {
        Ok(self.lock(&self.keys[1..]).await?.is_none())
    }

    /// Is the last session of an earlier holder gone?
    async fn nobody_works(&self) -> Result<bool, MigrateError> {
        let key = self.work;
        // CASE is evaluated in order: what was taken is given back.
        let sql = format!(
            "SELECT CASE WHEN pg_catalog.pg_try_advisory_lock({key}) THEN pg_catalog.pg_advisory_unlock({key}) ELSE false END"
        );
        ask(&self.session, &sql).await
    }

    /// Takes all of these keys or none; answers with the one that was refused.
    async fn lock(&self, keys: &[i64]) -> Result<Option<i64>, MigrateError> {
        for (taken, key) in keys.iter().enumerate() {
            if !ask(&self.session, &format!("SELECT pg_catalog.pg_try_advisory_lock({key})")).await? {
                self.unlock(&keys[..taken]).await?;
                return Ok(Some(*key));
            }
        }
        Ok(None)
    }

    /// Lets go of these keys, the last one first. True when all of them were held.
    async fn unlock(&self, keys: &[i64]) -> Result<bool, MigrateError> {
        let mut held = true;
        for key in keys.iter().rev() {
            held &= ask(&self.session, &format!("SELECT pg_catalog.pg_advisory_unlock({key})")).await?;
        }
        Ok(held)
    }

    /// Shows those who wait since when the lock is held, and from now on that somebody is there.
    async fn mark(&mut self) -> Result<(), MigrateError> {
        let sql = "SELECT extract(epoch FROM pg_catalog.clock_timestamp())::bigint";
        let now = cell(&self.session, "ask the server's time", sql).await?.unwrap_or_default();
        self.sign = format!("SELECT true /* {MARK}{now} */");
        ask(&self.session, &self.sign).await?;
        let (session, sign) = (Arc::clone(&self.session), self.sign.clone());
        self.signs = Some(Signs(tokio::spawn(async move {
            while matches!(timeout(ANSWER, ask(&session, &sign)).await, Ok(Ok(_))) {
                sleep(SIGN).await;
            }
        })));
        Ok(())
    }

    /// A connection that answers holds its locks.
    pub(super) async fn is_ours(&self) -> bool {
        matches!(timeout(ANSWER, ask(&self.session, &self.sign)).await, Ok(Ok(true)))
    }

    pub(super) async fn holder(&self) -> Result<Holder, MigrateError> {
        match &self.in_the_way {
            InTheWay::Key(key) => who(&self.session, *key).await,
            InTheWay::Lease(holder) => Ok(Holder::clone(holder)),
        }
    }

    /// False when something was not held. A connection that is gone has let go of everything.
    pub(super) async fn release(mut self) -> bool {
        if let Some(mut signs) = self.signs.take() {
            signs.0.abort();
            let _ = (&mut signs.0).await;
        }
        let held = !matches!(timeout(RELEASE, self.unlock(&self.keys)).await, Ok(Ok(false)));
        if let Ok(session) = Arc::try_unwrap(self.session) {
            session.close().await;
        }
        held
    }
}

async fn ask(session: &Session, sql: &str) -> Result<bool, MigrateError> {
    Ok(cell(session, "ask about the migration lock", sql).await?.as_deref() == Some("t"))
}
