//! One attempt after the other, while the reason may heal.

use crate::{Job, MigrateError};
use report::{Event, Level};
use retry::{GaveUp, Policy, Trial, retry};
use std::future::Future;

/// Makes attempts as the policy says; answers with what the last one came to, and how many it took.
///
/// # Errors
/// The last cause.
pub(crate) async fn again<T, F>(job: &Job<'_>, mut attempt: impl FnMut() -> F) -> Result<(T, u32), MigrateError>
where
    F: Future<Output = Result<T, MigrateError>>,
{
    let policy = &job.migrations.policy;
    let mut attempts = 0;
    let counted = |number| {
        attempts = number;
        attempt()
    };
    let result = retry(policy, counted, |trial| say_failed(job, policy, &trial)).await;
    match result.map_err(last_cause) {
        Ok(answer) => Ok((answer, attempts)),
        // The last attempt left a question open; the look into the ledger that answers it is not one attempt too many.
        Err(error @ MigrateError::UnknownCommit { .. }) => {
            let answer = attempt().await.map_err(|_| error)?;
            Ok((answer, attempts + 1))
        }
        Err(error) => Err(error),
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
