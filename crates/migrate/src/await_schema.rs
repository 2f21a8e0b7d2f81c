//! Waiting until somebody else has migrated: for workers that start beside the migrator.

use crate::{Job, MigrateError, Status, Version, ledger::State, status::status};
use report::Event;
use retry::{Classify, Policy, Transience};
use std::time::Duration;
use tokio::time::sleep;

/// A line about what is awaited this often.
const SAY: Duration = Duration::from_secs(5);

/// Waits until all files of this release are applied, or those up to `version`. Newer migrations than this release knows are no
/// obstacle when they let it run (see `-- compat:`) or the policies do. Nothing is applied, and no lock is taken.
///
/// # Errors
/// [`MigrateError::Behind`] when the time of `policy` is up; a disagreement of files and ledger at once, for waiting does not
/// mend it.
pub async fn await_schema(job: &Job<'_>, version: Option<&Version>, policy: &Policy) -> Result<Status, MigrateError> {
    let (deadline, mut waits) = (policy.deadline(), policy.backoff.waits());
    let mut say_at = Duration::ZERO;
    loop {
        let looked = status(job).await;
        let missing = match &looked {
            Ok(status) => missing(status, version),
            Err(error) if error.transience() == Transience::Transient => vec![error.to_string()],
            Err(_) => return looked,
        };
        match looked {
            Ok(status) if status.current.is_none() => return Err(MigrateError::External { verb: "wait --schema" }),
            Ok(status) if status.counts.conflicts > 0 => return Err(MigrateError::Conflicts(status.conflicts)),
            Ok(status) if missing.is_empty() => return Ok(status),
            _ => {}
        }
        let elapsed = deadline.elapsed();
        if deadline.passed() {
            return Err(MigrateError::Behind { missing, waited: elapsed });
        }
        if elapsed >= say_at {
            say_at = elapsed + SAY;
            say(job, &missing, elapsed);
        }
        let wait = waits.next_wait();
        sleep(deadline.remaining().map_or(wait, |left| wait.min(left))).await;
    }
}

/// The names of what is not applied yet.
fn missing(status: &Status, version: Option<&Version>) -> Vec<String> {
    let wanted = |entry: &&crate::ledger::Entry| match version {
        Some(version) => entry.version <= *version,
        None => true,
    };
    let open = |entry: &&crate::ledger::Entry| matches!(entry.state, State::Pending | State::Begun | State::OutOfOrder);
    let mut names: Vec<_> =
        status.migrations.iter().filter(open).filter(wanted).map(|entry| entry.name.clone()).collect();
    // A version that is in none of the files may still come from a newer release.
    if let Some(version) = version
        && status.migrations.iter().all(|entry| entry.version < *version)
    {
        names.push(version.to_string());
    }
    names
}

fn say(job: &Job<'_>, missing: &[String], elapsed: Duration) {
    let more = if missing.len() > 1 { format!(" and {} more", missing.len() - 1) } else { String::new() };
    let first = missing.first().map_or("", String::as_str);
    let text =
        format!("waiting for the schema: `{first}`{more} is not there yet, {} elapsed", report::seconds(elapsed));
    job.journal.note(Event::new("schema.waiting", text).with("missing", missing.len()).with("elapsed", elapsed));
}
