//! Undoing the newest migration and applying it again, as it is now.

use crate::{Back, Goal, Job, Kind, MigrateError, Report, down, ledger::State, status, up};

/// Undoes the newest migration and applies it again.
///
/// # Errors
/// As [`down`] and [`up`]; when the second fails, it stays undone, and the error says what was wrong with it.
pub async fn redo(job: &Job<'_>) -> Result<(Report, Report), MigrateError> {
    let status = status(job).await?;
    let mut applied =
        status.migrations.iter().rev().filter(|entry| entry.kind == Kind::Versioned && entry.applied_at.is_some());
    if let Some(newest) = applied.next().filter(|entry| matches!(entry.state, State::Newer | State::Missing)) {
        let why = "its file is not here, so it could not be applied again";
        return Err(MigrateError::NoWayBack { name: newest.name.clone(), why });
    }
    let undone = down(job, &Back::Steps(1)).await?;
    let Some(newest) = undone.applied.first() else { return Ok((undone, Report::default())) };
    let applied = up(job, &Goal::Only(newest.version.clone())).await?;
    Ok((undone, applied))
}
