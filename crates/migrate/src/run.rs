//! Applying what is pending, again and again while the reason is transient.

use crate::{
    Job, MigrateError, Migration, Report, command, directory::Directory, job::Run, ledger::TABLE, postgres,
    sql::Dialect, sqlite,
};
use config::{MigrationSource, Target};
use report::{Event, Level};
use retry::{GaveUp, Policy, Trial, retry};
use std::time::Duration;

/// Applies what is pending, under the lock, and tries again as often as the policy allows while the reason may heal
/// (S0.3). Says one line for each attempt that failed (S0.4), `migrate.applied` after each COMMIT and `migrate.done` at
/// the end.
///
/// # Errors
/// The last cause. Files that were applied before it stay applied, and are named in it.
pub async fn up(job: &Job<'_>) -> Result<Report, MigrateError> {
    let directory = match &job.migrations.source {
        MigrationSource::Directory(dir) => Some(job.directory(dir)?),
        MigrationSource::Command(_) => None,
    };
    let run = Run::new(job);
    let policy = &job.migrations.policy;
    let started = tokio::time::Instant::now();
    let mut attempts = 0;
    let result = retry(
        policy,
        |attempt| {
            attempts = attempt;
            attempt_once(&run, directory.as_ref())
        },
        |trial| say_failed(job, policy, &trial),
    )
    .await;
    match result.map_err(last_cause) {
        Ok(()) => {}
        // The last attempt left a question open; the look into the ledger that answers it is not one attempt too many.
        Err(error @ MigrateError::UnknownCommit { .. }) => {
            attempts += 1;
            attempt_once(&run, directory.as_ref()).await.map_err(|_| error)?;
        }
        Err(error) => return Err(error),
    }
    Ok(done(job, run.report(attempts), started.elapsed()))
}

async fn attempt_once(run: &Run<'_>, directory: Option<&Directory>) -> Result<(), MigrateError> {
    match (run.job.target, directory) {
        (Target::Postgres(dsn), Some(directory)) => postgres::up(run, dsn, directory).await,
        (Target::Sqlite(path), Some(directory)) => sqlite::up(run, path, directory.clone()).await,
        (Target::Postgres(_) | Target::Sqlite(_), None) => command::up(run).await,
        (other, _) => Err(MigrateError::WrongTarget { kind: other.kind() }),
    }
}

fn last_cause(gave_up: GaveUp<MigrateError>) -> MigrateError {
    match gave_up {
        GaveUp::Permanent { error, .. } | GaveUp::UnknownOutcome { error, .. } | GaveUp::Exhausted { error, .. } => {
            error
        }
    }
}

/// `migrations failed, attempt 3/20: …, 4.2 s elapsed, next try in 3.0 s`
fn say_failed(job: &Job<'_>, policy: &Policy, trial: &Trial<'_, MigrateError>) {
    let attempt = match policy.attempts {
        Some(attempts) => format!("{}/{attempts}", trial.attempt),
        None => trial.attempt.to_string(),
    };
    let text = format!(
        "migrations failed, attempt {attempt}: {}, {} elapsed, next try in {}",
        trial.error,
        report::seconds(trial.elapsed),
        report::seconds(trial.wait)
    );
    job.journal.note(
        Event::new("migrate.waiting", text)
            .level(Level::Warn)
            .with("attempt", trial.attempt)
            .with("attempts", policy.attempts.unwrap_or_default())
            .with("code", trial.error.code().unwrap_or_default())
            .with("reason", trial.error.to_string())
            .with("elapsed", trial.elapsed)
            .with("next", trial.wait),
    );
}

fn done(job: &Job<'_>, report: Report, took: Duration) -> Report {
    job.journal.note(
        Event::new("migrate.done", report.to_string())
            .level(Level::Debug)
            .with("applied", report.applied.len())
            .with("attempts", report.attempts)
            .with("lock_waited", report.lock_waited)
            .with("took", took),
    );
    report
}

/// All pending files are looked into before the first one is applied.
pub(crate) fn refuse_obstacles(pending: &[&Migration], target: &Target) -> Result<(), MigrateError> {
    let dialect = if matches!(target, Target::Sqlite(_)) { Dialect::Sqlite } else { Dialect::Postgres };
    let bad: Vec<_> = pending.iter().filter_map(|migration| migration.obstacle(dialect)).collect();
    if bad.is_empty() { Ok(()) } else { Err(MigrateError::BadFiles(bad)) }
}

/// Has the database lost its ledger, and so most likely its schema (S1.10)? Never for an external command, whose ledger
/// we do not know, nor where there is nothing to apply.
///
/// # Errors
/// Why files or database cannot be looked at.
pub async fn lost_ledger(job: &Job<'_>) -> Result<bool, MigrateError> {
    let MigrationSource::Directory(dir) = &job.migrations.source else { return Ok(false) };
    Ok(!job.directory(dir)?.migrations.is_empty() && !has_ledger(job).await?)
}

async fn has_ledger(job: &Job<'_>) -> Result<bool, MigrateError> {
    match job.target {
        Target::Postgres(dsn) => {
            let session = postgres::open(job, dsn).await?;
            let exists = postgres::exists(&session, TABLE).await?;
            session.close().await;
            Ok(exists)
        }
        Target::Sqlite(path) => {
            let path = path.clone();
            sqlite::blocking(move || sqlite::exists(&path, TABLE)).await
        }
        other => Err(MigrateError::WrongTarget { kind: other.kind() }),
    }
}
