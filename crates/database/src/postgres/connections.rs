//! How many connections a server still has to give.

use super::{Session, SqlError, connect};
use config::dsn::PostgresDsn;
use std::time::Duration;
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};

/// Connections of a server, counted at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// So many may be open at once for everybody but superusers: `max_connections` without what is reserved.
    pub most: u64,
    /// So many are, whoever has opened them.
    pub open: u64,
    /// Of these, the ones of our user to our database; without mainstay's own.
    pub ours: u64,
}

impl Connections {
    /// Would there be room for as many again as ours, as long as two releases run?
    pub const fn fit_twice(&self) -> bool {
        self.open + self.ours <= self.most
    }
}

/// Counts with one statement. What other users do is counted also where it may not be seen (pg_stat_activity shows that they are
/// there). `reserved_connections` is there since PostgreSQL 16.
const COUNT: &str = "SELECT pg_catalog.current_setting('max_connections')::bigint \
    - pg_catalog.current_setting('superuser_reserved_connections')::bigint \
    - coalesce(pg_catalog.current_setting('reserved_connections', true)::bigint, 0), \
    count(*), count(*) FILTER (WHERE usename = current_user AND datname = pg_catalog.current_database() \
    AND coalesce(application_name, '') NOT LIKE 'mainstay%' AND pid <> pg_catalog.pg_backend_pid()) \
    FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'";

/// How many connections there are, and how many there may be; asked on a connection of its own by the name of `program`.
/// Connecting and counting take no longer than `limit` each.
///
/// # Errors
/// In words: why they could not be counted.
pub async fn connections(dsn: &PostgresDsn, program: &str, limit: Duration) -> Result<Connections, String> {
    let session = connect(dsn, program, limit).await.map_err(|refusal| refusal.to_string())?;
    let counted = tokio::time::timeout(limit, count(&session)).await;
    let counted = counted.map_err(|_| "no answer".to_owned())?.map_err(|error| error.to_string());
    session.close().await;
    counted
}

async fn count(session: &Session) -> Result<Connections, SqlError> {
    let messages = session.client.simple_query(COUNT).await.map_err(|error| session.explain(&error))?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => read(row),
        _ => None,
    });
    row.ok_or_else(|| SqlError { message: "the server's answer makes no sense".into(), ..SqlError::default() })
}

fn read(row: &SimpleQueryRow) -> Option<Connections> {
    let number = |at: usize| row.get(at)?.parse::<i64>().ok().map(|number| u64::try_from(number).unwrap_or(0));
    Some(Connections { most: number(0)?, open: number(1)?, ours: number(2)? })
}
