//! Who holds us up: asked by another session while the working session waits for a lock.

mod shown;
#[cfg(test)]
mod tests;

pub(crate) use shown::shown;

use super::ask::query;
use crate::MigrateError;
use database::postgres::Session;
use report::seconds;
use std::{fmt, time::Duration};
use tokio_postgres::SimpleQueryRow;

/// A session that a waiting one waits for: it holds the lock, or stands before it in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blocker {
    /// Its server process; 0 for a prepared transaction, which has none.
    pub(crate) pid: i32,
    /// What it calls itself.
    pub(crate) application: String,
    /// Its role; empty when the server does not show it to us.
    pub(crate) user: String,
    /// What it is.
    pub(crate) kind: Kind,
    /// How long its transaction has been open.
    pub(crate) in_transaction: Option<Duration>,
    /// What it does, or did last: one short line without passwords.
    pub(crate) query: Option<String>,
}

/// What holds us up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `pg_dump` or `pg_dumpall` reads every table in one transaction.
    Dump,
    /// The server's own clean-up. It gives way to us by itself, unless it prevents a wraparound.
    Autovacuum {
        /// It does not give way.
        wraparound: bool,
    },
    /// It has done something and then neither committed nor rolled back.
    IdleInTransaction,
    /// Another mainstay.
    Migration,
    /// A transaction that waits for `COMMIT PREPARED`.
    Prepared,
    /// Something else.
    Other,
}

/// The lock that a session waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// `AccessExclusiveLock`.
    pub(crate) mode: String,
    /// The table, when it is about a table.
    pub(crate) relation: Option<String>,
    /// PostgreSQL's word for what is locked: `relation`, `transactionid`, `tuple`.
    pub(crate) locked: String,
}

/// Who holds up the session `pid`. Nobody when it waits for no lock, or just got it.
pub(crate) async fn blockers(session: &Session, pid: i32) -> Result<Vec<Blocker>, MigrateError> {
    let sql = format!(
        "SELECT b.pid, a.application_name, a.usename, a.backend_type, a.state, \
         (extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start) * 1000)::bigint, a.query \
         FROM (SELECT DISTINCT pg_catalog.unnest(pg_catalog.pg_blocking_pids({pid})) AS pid) b \
         LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid ORDER BY a.xact_start, b.pid"
    );
    Ok(query(session, "look who holds a lock", &sql).await?.iter().map(blocker).collect())
}

/// The lock that the session `pid` waits for, if it waits for one.
pub(crate) async fn wanted(session: &Session, pid: i32) -> Result<Option<Wanted>, MigrateError> {
    let sql = format!(
        "SELECT mode, CASE WHEN relation IS NULL THEN NULL ELSE relation::pg_catalog.regclass::text END, locktype \
         FROM pg_catalog.pg_locks WHERE pid = {pid} AND NOT granted LIMIT 1"
    );
    let rows = query(session, "look which lock is waited for", &sql).await?;
    Ok(rows.first().map(|row| Wanted {
        mode: text(row, 0).unwrap_or_default(),
        relation: text(row, 1),
        locked: text(row, 2).unwrap_or_default(),
    }))
}

fn blocker(row: &SimpleQueryRow) -> Blocker {
    let word = |index| text(row, index).unwrap_or_default();
    let (application, query) = (word(1), word(6));
    Blocker {
        pid: word(0).parse().unwrap_or_default(),
        kind: kind(&word(0), &application, &word(3), &word(4), &query),
        application,
        user: word(2),
        in_transaction: word(5).parse().ok().map(|millis: i64| Duration::from_millis(millis.max(0).unsigned_abs())),
        query: Some(shown(&query)).filter(|query| !query.is_empty()),
    }
}

fn text(row: &SimpleQueryRow, index: usize) -> Option<String> {
    row.try_get(index).ok().flatten().map(str::to_owned)
}

/// Pure: from the columns of `pg_stat_activity`. Names are what a session calls itself; nothing but the words depends on it.
fn kind(pid: &str, application: &str, backend: &str, state: &str, query: &str) -> Kind {
    match (application, backend) {
        _ if pid == "0" => Kind::Prepared,
        (_, "autovacuum worker") => Kind::Autovacuum { wraparound: query.contains("(to prevent wraparound)") },
        ("pg_dump" | "pg_dumpall", _) => Kind::Dump,
        (name, _) if name.starts_with("mainstay-migrate/") => Kind::Migration,
        _ if state.starts_with("idle in transaction") => Kind::IdleInTransaction,
        _ => Kind::Other,
    }
}

impl Kind {
    fn words(self) -> Option<&'static str> {
        Some(match self {
            Kind::Dump => "this is pg_dump",
            Kind::Autovacuum { wraparound: true } => "this is autovacuum (to prevent wraparound)",
            Kind::Autovacuum { wraparound: false } => "this is autovacuum",
            Kind::IdleInTransaction => "idle in transaction",
            Kind::Migration => "another mainstay migration",
            Kind::Prepared | Kind::Other => return None,
        })
    }
}

/// ``held up by process 4711 (this is pg_dump, `COPY …`, in a transaction for 3 m)``
impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == Kind::Prepared {
            return f.write_str("held up by a prepared transaction (see `pg_prepared_xacts`)");
        }
        let named = !self.application.is_empty() && self.kind != Kind::Dump;
        let details = [
            named.then(|| format!("`{}`", self.application)),
            (!self.user.is_empty()).then(|| format!("role `{}`", self.user)),
            self.kind.words().map(str::to_owned),
            self.query.as_ref().map(|query| format!("`{query}`")),
            self.in_transaction.map(|open| format!("in a transaction for {}", seconds(open))),
        ];
        let details: Vec<_> = details.into_iter().flatten().collect();
        write!(f, "held up by process {}", self.pid)?;
        if details.is_empty() { Ok(()) } else { write!(f, " ({})", details.join(", ")) }
    }
}

/// `AccessExclusiveLock on bookings`
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.relation, self.locked.as_str()) {
            (Some(relation), _) => write!(f, "{} on `{relation}`", self.mode),
            (None, "transactionid" | "virtualxid") => f.write_str("the end of another transaction"),
            (None, locked) => write!(f, "{} on a {locked}", self.mode),
        }
    }
}
