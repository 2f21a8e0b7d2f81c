//! Undoing the newest migration and applying it again, as it is now.

use crate::{Back, Goal, Job, MigrateError, Report, down, up};

/// Undoes the newest migration and applies it again.
///
/// # Errors
/// As [`down`] and [`up`]; when the second fails, it stays undone, and the error says what was wrong with it.
pub async fn redo(job: &Job<'_>) -> Result<(Report, Report), MigrateError> {
    let undone = down(job, &Back::Steps(1)).await?;
    let Some(newest) = undone.applied.first() else { return Ok((undone, Report::default())) };
    let applied = up(job, &Goal::Only(newest.version.clone())).await?;
    Ok((undone, applied))
}
