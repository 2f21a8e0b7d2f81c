//! A lock that goes with its session.

use super::{Session, SqlError};
use tokio_postgres::SimpleQueryMessage;

/// No time limit may end a session that only holds a lock. Settings that the server does not have are left out.
const STAY: &str = "SELECT pg_catalog.set_config(name, '0', false) FROM (VALUES ('idle_session_timeout'), \
    ('statement_timeout')) AS s (name) WHERE pg_catalog.current_setting(name, true) IS NOT NULL";

/// Takes the advisory lock `key` for as long as `session` lives; false when somebody else has it. Behind a pooler that
/// shares sessions among clients it protects nothing.
///
/// # Errors
/// Those of the server.
pub async fn try_advisory_lock(session: &Session, key: i64) -> Result<bool, SqlError> {
    let explain = |error: tokio_postgres::Error| session.explain(&error);
    session.client.simple_query(STAY).await.map_err(explain)?;
    let sql = format!("SELECT pg_catalog.pg_try_advisory_lock({key})");
    let messages = session.client.simple_query(&sql).await.map_err(explain)?;
    let taken = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => row.get(0) == Some("t"),
        _ => false,
    };
    Ok(messages.iter().any(taken))
}
