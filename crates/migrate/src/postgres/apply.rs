//! One file, one transaction, one row; or, where PostgreSQL allows no transaction, one statement after the other by the journal.

use super::{
    Engine, Guard,
    failure::{Failed, Kept, Sent, explained, not_ours},
    look::{not_written, query},
};
use crate::{
    MigrateError,
    job::{Run, Unsure, applied},
    sql::{Dialect, statements},
    work::Work,
};
use database::postgres::{Session, SqlError};
use futures_util::{StreamExt, future::join};
use std::{ops::Range, pin::pin, time::Duration};
use tokio::time::{Instant, sleep};
use tokio_postgres::SimpleQueryMessage;

/// A server process that has lost its client ends at its next message to it; more patience than this is not needed.
const OLD_BACKEND: Duration = Duration::from_secs(10);

/// Runs the file and remembers it, both or neither.
pub(super) async fn perform(engine: &mut Engine, run: &Run<'_>, work: &Work<'_>) -> Result<Duration, MigrateError> {
    let started = Instant::now();
    let text = work.text.joined(work.sections);
    forget_settings(engine, run).await;
    engine.used = true;
    let mark = format!("{}:{}", work.migration.version, engine.session.backend_pid.unwrap_or_default());
    let prefix = format!("BEGIN; SET LOCAL mainstay.migration = '{mark}'; SET LOCAL synchronous_commit = off;\n");
    let sent = Sent { prefix: prefix.chars().count(), start: work.sections.first().map_or(0, |it| it.range.start) };
    let (body, held) = join(send(&engine.session, &format!("{prefix}{text}"), 3), checked(engine.guard.as_ref())).await;
    if let Err((error, done)) = body {
        let failed = Failed { error, statement: statement(&text, sent.start, done), sent };
        roll_back(&engine.session).await;
        return Err(explained(run, &work.text, &failed, Kept::default()));
    }
    if let Err(lost) = held {
        roll_back(&engine.session).await;
        return Err(lost);
    }
    let took = started.elapsed();
    close(engine, run, work, &mark, took, &text).await?;
    Ok(took)
}

/// Still the only ones? Asked while the file runs, and answered before its COMMIT.
async fn checked(guard: Option<&Guard>) -> Result<(), MigrateError> {
    match guard {
        Some(guard) => guard.check().await,
        None => Err(MigrateError::LockLost),
    }
}

/// The rows, if the transaction is still the one that we began, and COMMIT.
async fn close(
    engine: &mut Engine,
    run: &Run<'_>,
    work: &Work<'_>,
    mark: &str,
    took: Duration,
    text: &str,
) -> Result<(), MigrateError> {
    // The mark is a setting of this transaction only: when the file has ended the transaction, it is gone.
    let ours = format!("pg_catalog.current_setting('mainstay.migration', true) = '{mark}'");
    let ranges: Vec<Range<usize>> = statements(text, Dialect::Postgres).into_iter().map(|it| it.range).collect();
    let texts: Vec<&str> = ranges.into_iter().filter_map(|range| text.get(range)).collect();
    let closing = work.closing(took, &texts, &ours);
    let total = closing.len() + 2;
    // The file may have put on a role that may not write there.
    let sql = format!("RESET ROLE;\n{};\nCOMMIT", closing.join(";\n"));
    let Err((error, done)) = send(&engine.session, &sql, 0).await else {
        engine.unflushed = Some(flush(work));
        return Ok(());
    };
    if error.lost {
        run.unsure(Unsure { applied: applied(work.migration, took), backend: engine.session.backend_pid });
        return Err(MigrateError::UnknownCommit { file: work.text.shown.clone(), cause: error.to_string() });
    }
    roll_back(&engine.session).await;
    if error.code == "23502" && error.column.as_deref() == Some("sha256") {
        return Err(not_ours(run, &work.text));
    }
    if done + 1 < total {
        return Err(not_written("write the ledger", error));
    }
    // A server that still speaks to us in an ERROR has rolled back: a deferred constraint, for instance.
    Err(explained(run, &work.text, &Failed { error, statement: None, sent: Sent::default() }, Kept::default()))
}

/// Anything that is written and committed brings all before it to the disk.
fn flush(work: &Work<'_>) -> String {
    let history = work.view.history.quoted();
    format!("UPDATE {history} SET duration_ms = duration_ms WHERE id = (SELECT pg_catalog.max(id) FROM {history})")
}

/// Sends a text as one message; rows that it selects are dropped as they come. An error comes with the number of statements
/// that were done before it, not counting the first `own`.
async fn send(session: &Session, sql: &str, own: usize) -> Result<(), (SqlError, usize)> {
    let mut done = 0usize;
    let failed = |error: &tokio_postgres::Error, done: usize| (session.explain(error), done.saturating_sub(own));
    let stream = session.client.simple_query_raw(sql).await.map_err(|error| failed(&error, 0))?;
    let mut stream = pin!(stream);
    while let Some(message) = stream.next().await {
        if let SimpleQueryMessage::CommandComplete(_) = message.map_err(|error| failed(&error, done))? {
            done += 1;
        }
    }
    Ok(())
}

fn statement(text: &str, start: usize, index: usize) -> Option<Range<usize>> {
    let statements = statements(text, Dialect::Postgres);
    statements.get(index).map(|it| it.range.start + start..it.range.end + start)
}

/// What a file set for its session (`SET search_path`, a temporary table) must not reach the next file, which may run
/// alone another time.
async fn forget_settings(engine: &mut Engine, run: &Run<'_>) {
    if !std::mem::take(&mut engine.used) {
        return;
    }
    if let Err(error) = engine.session.client.batch_execute("DISCARD ALL").await {
        run.job.shrug("reset the session", &engine.session.explain(&error));
    }
}

/// Best effort: the end of the connection does the same.
async fn roll_back(session: &Session) {
    let _ = session.client.batch_execute("ROLLBACK").await;
}

/// After a COMMIT that was never answered: waits until the server process that had it is gone, so that the ledger tells
/// the end.
pub(super) async fn settle(run: &Run<'_>, session: &Session) -> Result<(), MigrateError> {
    let Some(backend) = run.is_unsure().and_then(|unsure| unsure.backend) else { return Ok(()) };
    let sql = format!(
        "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE pid = {backend} AND pid <> pg_catalog.pg_backend_pid() \
         AND application_name LIKE 'mainstay-migrate/%'"
    );
    let started = Instant::now();
    while started.elapsed() < OLD_BACKEND && !query(session, "look for the lost session", &sql).await?.is_empty() {
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
