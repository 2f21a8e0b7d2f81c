//! One file, one transaction, one row.

use super::{Ledger, look::query};
use crate::{
    FileFailure, MigrateError, Migration,
    job::{Applied, Run, Unsure, applied},
    sql::{Dialect, split},
};
use database::postgres::{Session, SqlError};
use futures_util::StreamExt;
use report::Place;
use retry::{Classify, Transience};
use std::{pin::pin, time::Duration};
use tokio::time::{Instant, sleep};
use tokio_postgres::{SimpleQueryMessage, types::Type};

/// A server process that has lost its client ends at its next message to it; more patience than this is not needed.
const OLD_BACKEND: Duration = Duration::from_secs(10);

/// Applies one file and writes its row, both or neither.
pub(super) async fn file(
    run: &Run<'_>,
    session: &Session,
    ledger: &Ledger,
    migration: &Migration,
) -> Result<(), MigrateError> {
    let started = Instant::now();
    let mark = begin(session, migration).await?;
    let result = body(session, migration).await;
    if let Err(failed) = result {
        return Err(refused(run, session, migration, failed).await);
    }
    let took = started.elapsed();
    match record(session, ledger, migration, &mark, took).await? {
        true => commit(run, session, migration, applied(migration, took)).await,
        false => Err(not_ours(run, session, migration).await),
    }
}

/// The mark is a setting of this transaction only: when the file ends the transaction, it is gone, and the row is not written.
async fn begin(session: &Session, migration: &Migration) -> Result<String, MigrateError> {
    let mark = format!("{}:{}", migration.version, session.backend_pid.unwrap_or_default());
    let sql = format!("BEGIN; SET LOCAL mainstay.migration = '{mark}'");
    let result = session.client.batch_execute(&sql).await;
    result.map_err(|error| MigrateError::sql("begin a transaction", session.explain(&error)))?;
    Ok(mark)
}

/// An error of the file, and how many of its statements were done before.
struct Failed {
    error: SqlError,
    done: usize,
}

/// The whole file in one message; rows that it selects are dropped as they come.
async fn body(session: &Session, migration: &Migration) -> Result<(), Failed> {
    let mut done = 0;
    let failed = |error: &tokio_postgres::Error, done| Failed { error: session.explain(error), done };
    let stream = session.client.simple_query_raw(&migration.text).await.map_err(|error| failed(&error, 0))?;
    let mut stream = pin!(stream);
    while let Some(message) = stream.next().await {
        if let SimpleQueryMessage::CommandComplete(_) = message.map_err(|error| failed(&error, done))? {
            done += 1;
        }
    }
    Ok(())
}

/// Writes the row if the transaction is still the one that we began.
async fn record(
    session: &Session,
    ledger: &Ledger,
    migration: &Migration,
    mark: &str,
    took: Duration,
) -> Result<bool, MigrateError> {
    let doing = "write the ledger";
    // The file may have put on a role that may not write there.
    let reset = session.client.batch_execute("RESET ROLE").await;
    reset.map_err(|error| MigrateError::sql(doing, session.explain(&error)))?;
    let sql = format!(
        "INSERT INTO {} (version, name, checksum, duration_ms) SELECT $1, $2, $3, $4 \
         WHERE pg_catalog.current_setting('mainstay.migration', true) = $5",
        ledger.table()
    );
    let millis = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
    let written = session
        .client
        .execute_typed(
            &sql,
            &[
                (&migration.version.text(), Type::TEXT),
                (&migration.name, Type::TEXT),
                (&migration.checksum, Type::TEXT),
                (&millis, Type::INT8),
                (&mark, Type::TEXT),
            ],
        )
        .await;
    match written {
        Ok(rows) => Ok(rows == 1),
        Err(error) => Err(not_written(doing, session.explain(&error))),
    }
}

/// Somebody who held no lock of ours wrote the same row: look again.
fn not_written(doing: &'static str, error: SqlError) -> MigrateError {
    match error.code.as_str() {
        "23505" => MigrateError::Sql { doing, error: error.to_string(), transience: Transience::Transient },
        _ => MigrateError::sql(doing, error),
    }
}

async fn commit(run: &Run<'_>, session: &Session, migration: &Migration, applied: Applied) -> Result<(), MigrateError> {
    let Err(error) = session.client.batch_execute("COMMIT").await else {
        run.applied(applied);
        forget_settings(run, session).await;
        return Ok(());
    };
    let error = session.explain(&error);
    // A server that still speaks to us in an ERROR has rolled back: a deferred constraint, for instance.
    if !error.lost {
        return Err(refused(run, session, migration, Failed { error, done: usize::MAX }).await);
    }
    run.unsure(Unsure { applied, backend: session.backend_pid });
    Err(MigrateError::UnknownCommit { file: migration.shown.clone(), cause: error.to_string() })
}

/// What a file set for its session (`SET search_path`, a temporary table) must not reach the next file, which may run
/// alone another time.
async fn forget_settings(run: &Run<'_>, session: &Session) {
    if let Err(error) = session.client.batch_execute("DISCARD ALL").await {
        run.job.shrug("reset the session", &session.explain(&error));
    }
}

async fn refused(run: &Run<'_>, session: &Session, migration: &Migration, failed: Failed) -> MigrateError {
    roll_back(session).await;
    MigrateError::File(Box::new(explained(migration, &failed, run.kept())))
}

async fn not_ours(run: &Run<'_>, session: &Session, migration: &Migration) -> MigrateError {
    roll_back(session).await;
    let message = "it ended the transaction that it was run in";
    MigrateError::File(Box::new(FileFailure {
        file: migration.shown.clone(),
        place: None,
        message: message.to_owned(),
        details: Vec::new(),
        code: None,
        hint: Some(format!(
            "look what `{}` has done, undo it or finish it by hand, and take `COMMIT` and `ROLLBACK` out of it",
            migration.shown
        )),
        kept: run.kept(),
        in_part: true,
        transience: Transience::Permanent,
    }))
}

/// Best effort: the end of the connection does the same.
async fn roll_back(session: &Session) {
    let _ = session.client.batch_execute("ROLLBACK").await;
}

/// The server's error, brought to the spot in our file.
fn explained(migration: &Migration, failed: &Failed, kept: Vec<String>) -> FileFailure {
    let error = &failed.error;
    let details = [
        error.detail.clone(),
        error.internal_query.as_ref().map(|query| format!("in the query: {query}")),
        error.context.clone(),
    ];
    FileFailure {
        file: migration.shown.clone(),
        place: place(migration, failed),
        message: error.message.clone(),
        details: details.into_iter().flatten().collect(),
        code: (!error.code.is_empty()).then(|| error.code.clone()),
        hint: error.hint.clone().or_else(|| advice(&error.code).map(str::to_owned)),
        kept,
        in_part: false,
        transience: if error.lost { Transience::Transient } else { error.transience() },
    }
}

/// The position that the server gives, else the statement that was being run.
fn place(migration: &Migration, failed: &Failed) -> Option<Place> {
    if failed.error.lost {
        return None;
    }
    if let Some(position) = failed.error.position {
        let start = migration
            .text
            .char_indices()
            .nth(position.saturating_sub(1) as usize)
            .map_or(migration.text.len(), |(at, _)| at);
        return Some(migration.place(start, start + token_length(&migration.text[start..], &failed.error.message)));
    }
    let statements = split(&migration.text, Dialect::Postgres).ok()?;
    let statement = statements.get(failed.done)?;
    Some(migration.place(statement.range.start, statement.range.end))
}

/// The bytes to underline: what the server quotes, else a word.
fn token_length(rest: &str, message: &str) -> usize {
    let quoted = message.rsplit_once(" at or near \"").and_then(|(_, quoted)| quoted.strip_suffix('"'));
    if let Some(token) = quoted.filter(|token| rest.starts_with(token)) {
        return token.len();
    }
    rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '"'))).unwrap_or(rest.len()).max(1)
}

/// What helps, where the server gives no hint of its own.
fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "25001" => {
            "every file runs in one transaction; leave out `CONCURRENTLY`, or run this statement by hand and keep it out of the file"
        }
        "55P04" => "put the new value of the type into a file of its own, before the file that uses it",
        "42501" => "grant the right to the role that migrates, or migrate with the role that owns the object",
        "55P03" => "another session holds a lock on the table: look at `pg_stat_activity` and `pg_blocking_pids()`",
        _ => return None,
    })
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
