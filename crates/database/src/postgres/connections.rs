//! How many connections a server still has to give.

use super::{Session, SqlError};
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

/// Counts with one statement. What other users do is counted also where it may not be seen (pg_stat_activity shows that they are
/// there). `reserved_connections` is there since PostgreSQL 16.
const COUNT: &str = "SELECT pg_catalog.current_setting('max_connections')::bigint \
    - pg_catalog.current_setting('superuser_reserved_connections')::bigint \
    - coalesce(pg_catalog.current_setting('reserved_connections', true)::bigint, 0), \
    count(*), count(*) FILTER (WHERE usename = current_user AND datname = pg_catalog.current_database() \
    AND coalesce(application_name, '') NOT LIKE 'mainstay%' AND pid <> pg_catalog.pg_backend_pid()) \
    FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'";

/// How many connections there are, and how many there may be.
///
/// # Errors
/// Those of the server.
pub async fn connections(session: &Session) -> Result<Connections, SqlError> {
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
