//! Undoing the newest migration and applying it again, as it is now.

use crate::{
    Back, Goal, Job, MigrateError, Report, down,
    job::Run,
    ledger::{Row, pending},
    obstacles,
    snapshot::Snapshot,
    up,
};

/// Undoes the newest migration and applies it again.
///
/// # Errors
/// As [`down`] and [`up`]. What can be seen to stand in the way of the second is told before the first; when the database refuses
/// it, it stays undone, and the error says what was wrong with it.
pub async fn redo(job: &Job<'_>) -> Result<(Report, Report), MigrateError> {
    must_be_applicable(job).await?;
    let undone = down(job, &Back::Steps(1)).await?;
    let Some(newest) = undone.applied.first() else { return Ok((undone, Report::default())) };
    let applied = up(job, &Goal::Only(newest.version.clone())).await?;
    Ok((undone, applied))
}

/// Could the newest migration be applied once it is undone? With it goes what it holds, so this is asked first.
async fn must_be_applicable(job: &Job<'_>) -> Result<(), MigrateError> {
    let dir = job.dir("redo")?;
    let snapshot = Snapshot::first(&Run::new(job), dir).await?;
    let standings = snapshot.standings();
    let Some(newest) = standings.iter().rev().find(|it| it.is_in_ledger()) else { return Ok(()) };
    let Some(file) = newest.file else {
        let why = "its file is not here, so it could not be applied again";
        return Err(MigrateError::NoWayBack { name: newest.name(), why });
    };
    let without: Vec<Row> = snapshot.rows.iter().filter(|row| Some(*row) != newest.row).cloned().collect();
    let goal = Goal::Only(file.version.clone());
    let then = pending(&snapshot.standings_of(&without), &job.migrations.policies, &goal, snapshot.style.name());
    obstacles::refuse(&then.map_err(MigrateError::Conflicts)?, job.target, &*snapshot.style)
}
