//! The row of a lease: taken, renewed, looked at, given back. See the module above for why it holds.

use crate::{
    Holder, MigrateError,
    lock::work_key,
    postgres::{
        ask::{cell, query},
        guard::who,
    },
    quote::identifier as quoted,
};
use database::postgres::{Session, literal};
use std::time::Duration;

/// SQLSTATE of the fence: the lease is not ours any more.
pub(crate) const FENCED: &str = "MS001";
const TABLE: &str = "mainstay_lock";
/// READ COMMITTED, whatever the default is: each statement must see what was committed before it.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = 5000; SET LOCAL statement_timeout = 10000";

/// The row of one key.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// As SQL names it.
    table: String,
    key: i64,
}

/// What came of an attempt to take a lease.
pub(crate) enum Attempt {
    /// It is ours, under this token.
    Taken(i64),
    /// Somebody else holds it, or the session lock, or the other tool's.
    Held(Holder),
}

impl Row {
    /// The row of `key` in the ledger's schema.
    pub(crate) fn new(schema: &str, key: i64) -> Self {
        Self { table: format!("{}.{TABLE}", quoted(schema)), key }
    }

    /// Takes the lease for `length` if nobody has it.
    pub(crate) async fn take(
        &self,
        session: &Session,
        theirs: &[i64],
        holder: &str,
        length: Duration,
    ) -> Result<Attempt, MigrateError> {
        run(session, BEGIN).await?;
        let attempt = self.take_inside(session, theirs, holder, length).await;
        finish(session, matches!(attempt, Ok(Attempt::Taken(_)))).await?;
        attempt
    }

    async fn take_inside(
        &self,
        session: &Session,
        theirs: &[i64],
        holder: &str,
        length: Duration,
    ) -> Result<Attempt, MigrateError> {
        for key in [&[self.key, work_key(self.key)], theirs].concat() {
            let got = one(session, &format!("SELECT pg_catalog.pg_try_advisory_xact_lock({key})")).await?;
            if got.as_deref() != Some("t") {
                return Ok(Attempt::Held(who(session, key).await?));
            }
        }
        self.create(session).await?;
        if !self.is_free(session).await? {
            return Ok(Attempt::Held(self.holder(session).await?));
        }
        let sql = format!(
            "UPDATE {} SET token = token + 1, holder = {}, taken_at = pg_catalog.clock_timestamp(), expires_at = {} WHERE key = {} RETURNING token",
            self.table,
            literal(holder),
            end(length),
            self.key
        );
        let token = one(session, &sql).await?.and_then(|token| token.parse().ok());
        Ok(token.map_or_else(|| Attempt::Held(Holder::default()), Attempt::Taken))
    }

    /// Table and row, under the lock. Looked for first, because the right to create may be gone by now.
    async fn create(&self, session: &Session) -> Result<(), MigrateError> {
        if !self.exists(session).await? {
            let sql = format!(
                "CREATE TABLE IF NOT EXISTS {} (key bigint PRIMARY KEY, token bigint NOT NULL, holder text NOT NULL, \
                 taken_at timestamptz NOT NULL, expires_at timestamptz NOT NULL)",
                self.table
            );
            run(session, &sql).await?;
        }
        let sql = format!(
            "INSERT INTO {} (key, token, holder, taken_at, expires_at) VALUES ({}, 0, '', '-infinity', '-infinity') ON CONFLICT DO NOTHING",
            self.table, self.key
        );
        run(session, &sql).await
    }

    async fn exists(&self, session: &Session) -> Result<bool, MigrateError> {
        let sql = format!("SELECT pg_catalog.to_regclass({}) IS NOT NULL", literal(&self.table));
        Ok(one(session, &sql).await?.as_deref() == Some("t"))
    }

    /// Is its term over, and no transaction of its holder under way? If so the row is locked until the transaction ends.
    async fn is_free(&self, session: &Session) -> Result<bool, MigrateError> {
        let sql = format!(
            "SELECT true FROM {} WHERE key = {} AND expires_at <= pg_catalog.clock_timestamp() FOR UPDATE SKIP LOCKED",
            self.table, self.key
        );
        Ok(one(session, &sql).await?.is_some())
    }

    /// For the holder of the session lock: who has a lease, and must be waited for. A lease that is over loses its token.
    pub(crate) async fn clear(&self, session: &Session) -> Result<Option<Holder>, MigrateError> {
        if !self.exists(session).await? || one(session, &self.bearing("")).await?.is_none() {
            return Ok(None);
        }
        run(session, BEGIN).await?;
        let result = self.clear_inside(session).await;
        finish(session, matches!(result, Ok(None))).await?;
        result
    }

    async fn clear_inside(&self, session: &Session) -> Result<Option<Holder>, MigrateError> {
        if !self.is_free(session).await? {
            return Ok(Some(self.holder(session).await?));
        }
        let sql = format!("UPDATE {} SET token = token + 1, holder = '' WHERE key = {}", self.table, self.key);
        run(session, &sql).await?;
        Ok(None)
    }

    async fn holder(&self, session: &Session) -> Result<Holder, MigrateError> {
        let sql = format!(
            "SELECT holder, (extract(epoch FROM pg_catalog.clock_timestamp() - taken_at))::bigint FROM {} WHERE key = {} AND holder <> ''",
            self.table, self.key
        );
        let rows = query(session, "look who has the migration lease", &sql).await?;
        let Some(row) = rows.first() else { return Ok(Holder::default()) };
        let text = |index: usize| row.try_get(index).ok().flatten();
        let since = text(1).and_then(|seconds| seconds.parse::<i64>().ok());
        Ok(Holder {
            application: text(0).map(str::to_owned),
            since: since.map(|seconds| Duration::from_secs(seconds.max(0).unsigned_abs())),
            ..Holder::default()
        })
    }

    /// A new term; false when the lease is somebody else's.
    pub(crate) async fn renew(&self, session: &Session, token: i64, length: Duration) -> Result<bool, MigrateError> {
        let sql = format!("UPDATE {} SET expires_at = {} {}", self.table, end(length), self.of(token));
        Ok(one(session, &sql).await?.is_some())
    }

    /// Ends the term; false when the lease is somebody else's.
    pub(crate) async fn give_back(&self, session: &Session, token: i64) -> Result<bool, MigrateError> {
        let sql = format!("UPDATE {} SET expires_at = '-infinity', holder = '' {}", self.table, self.of(token));
        Ok(one(session, &sql).await?.is_some())
    }

    /// Is it ours at this moment?
    pub(crate) async fn bears(&self, session: &Session, token: i64) -> Result<bool, MigrateError> {
        Ok(one(session, &self.bearing(&format!(" AND token = {token}"))).await?.is_some())
    }

    fn bearing(&self, more: &str) -> String {
        format!("SELECT true FROM {} WHERE key = {}{more}", self.table, self.key)
    }

    fn of(&self, token: i64) -> String {
        format!("WHERE key = {} AND token = {token} RETURNING true", self.key)
    }

    /// For the beginning of a transaction: fails with [`FENCED`] when the row does not bear `token`, keeps it until the
    /// transaction ends otherwise; and with 55P03 while the other tool holds one of its locks.
    pub(crate) fn fence(&self, token: i64, theirs: &[i64]) -> String {
        let mut body = format!(
            "BEGIN PERFORM 1 FROM {} WHERE key = {} AND token = {token} FOR KEY SHARE; \
             IF NOT FOUND THEN RAISE EXCEPTION USING ERRCODE = '{FENCED}', MESSAGE = 'the migration lease is not ours any more'; END IF;",
            self.table, self.key
        );
        for key in theirs {
            body += &format!(
                " IF NOT pg_catalog.pg_try_advisory_xact_lock({key}) THEN RAISE EXCEPTION USING ERRCODE = '55P03', \
                 MESSAGE = 'another migration tool holds its lock'; END IF;"
            );
        }
        format!("DO LANGUAGE plpgsql {}", literal(&(body + " END")))
    }
}

/// When a term ends that begins now, by the server's clock.
fn end(length: Duration) -> String {
    format!("pg_catalog.clock_timestamp() + interval '{} milliseconds'", length.as_millis())
}

async fn finish(session: &Session, keep: bool) -> Result<(), MigrateError> {
    run(session, if keep { "COMMIT" } else { "ROLLBACK" }).await
}

async fn run(session: &Session, sql: &str) -> Result<(), MigrateError> {
    query(session, "ask for the migration lease", sql).await.map(drop)
}

async fn one(session: &Session, sql: &str) -> Result<Option<String>, MigrateError> {
    cell(session, "ask for the migration lease", sql).await
}
