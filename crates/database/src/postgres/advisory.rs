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

/// Who holds the advisory lock `key` of this database: the name that it gave itself, and its address. Nothing when nobody does, or
/// it may not be seen.
///
/// # Errors
/// Those of the server.
pub async fn advisory_holder(session: &Session, key: i64) -> Result<Option<String>, SqlError> {
    let (high, low) = ((key.cast_unsigned() >> 32) as u32, key.cast_unsigned() as u32);
    let sql = format!(
        "SELECT a.application_name, pg_catalog.host(a.client_addr) FROM pg_catalog.pg_locks AS l \
         JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid \
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid = {high} AND l.objid = {low} \
         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
    );
    let messages = session.client.simple_query(&sql).await.map_err(|error| session.explain(&error))?;
    Ok(messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            let name = row.get(0).filter(|name| !name.is_empty())?;
            Some(row.get(1).map_or_else(|| name.to_owned(), |address| format!("{name} at {address}")))
        }
        _ => None,
    }))
}
