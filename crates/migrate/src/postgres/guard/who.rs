//! Who holds an advisory lock, since when, and what it is doing.

use super::session_lock::MARK;
use crate::{
    Activity, Holder, MigrateError,
    postgres::{
        ask::{cell, query},
        blockers::shown,
    },
};
use database::postgres::{Session, literal};
use std::time::Duration;

/// Who holds the advisory lock with this key. Other migrators mark their lock's session with the moment at which they took
/// it; of anybody else the last change of its state is the best guess.
pub(in crate::postgres) async fn who(session: &Session, key: i64) -> Result<Holder, MigrateError> {
    let (high, low) = (key.cast_unsigned() >> 32, key.cast_unsigned() & 0xffff_ffff);
    let sql = format!(
        "SELECT l.pid, a.application_name, host(a.client_addr), \
         (extract(epoch FROM clock_timestamp()) - coalesce(pg_catalog.substring(a.query, '{MARK}([0-9]+)')::numeric, \
          extract(epoch FROM a.state_change)::numeric))::bigint, \
         CASE WHEN a.query LIKE '%{MARK}%' THEN extract(epoch FROM clock_timestamp() - a.state_change)::bigint END \
         FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid) \
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) \
         AND l.classid::bigint = {high} AND l.objid::bigint = {low} LIMIT 1"
    );
    let rows = query(session, "look who holds the migration lock", &sql).await?;
    let Some(row) = rows.first() else { return Ok(Holder::default()) };
    let text = |index: usize| row.try_get(index).ok().flatten();
    let span = |index| text(index).and_then(|seconds| seconds.parse::<i64>().ok()).map(|seconds| seconds.max(0));
    let seconds = |index| span(index).map(|seconds| Duration::from_secs(seconds.unsigned_abs()));
    let pid: Option<i64> = text(0).and_then(|pid| pid.parse().ok());
    let application = text(1).map(str::to_owned);
    let statement = match &application {
        Some(name) => sibling(session, name, pid.unwrap_or_default()).await?,
        None => None,
    };
    Ok(Holder {
        pid,
        application,
        client: text(2).map(str::to_owned),
        since: seconds(3),
        activity: Some(Box::new(Activity { statement, silent: seconds(4) })),
    })
}

/// What the other session of the migrator `name` is doing: the one that works, while the session `pid` holds the lock.
pub(in crate::postgres) async fn sibling(
    session: &Session,
    name: &str,
    pid: i64,
) -> Result<Option<String>, MigrateError> {
    if !name.starts_with("mainstay-migrate/") {
        return Ok(None);
    }
    let sql = format!(
        "SELECT query FROM pg_catalog.pg_stat_activity WHERE application_name = {} AND datname = pg_catalog.current_database() \
         AND state = 'active' AND pid NOT IN ({pid}, pg_catalog.pg_backend_pid()) ORDER BY query_start LIMIT 1",
        literal(name)
    );
    let query = cell(session, "look what the holder of the lock is doing", &sql).await?;
    Ok(query.map(|query| shown(&query)).filter(|query| !query.is_empty()))
}
