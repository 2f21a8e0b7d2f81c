//! Applying what is pending.

use crate::{
    Job, MigrateError, Report, Version, command, empty,
    engine::{Cells, Engine},
    history,
    job::{Run, applied},
    ledger::{Conflict, Goal, Standing, pending},
    migration::Migration,
    obstacles, retrying,
    snapshot::Snapshot,
    work::{Step, Work},
};
use config::MigrationSource;
use report::{Event, Level};
use std::path::Path;

/// Applies what is pending, under the lock, and tries again as often as the policy allows while the reason may heal
/// (S0.3). Says one line for each attempt that failed (S0.4), `migrate.applied` after each COMMIT and `migrate.done` at
/// the end.
///
/// # Errors
/// The last cause. Files that were applied before it stay applied, and are named in it.
pub async fn up(job: &Job<'_>, goal: &Goal) -> Result<Report, MigrateError> {
    let run = Run::new(job);
    let started = tokio::time::Instant::now();
    let ((), attempts) = retrying::again(job, || attempt(&run, goal)).await?;
    let report = run.report(attempts);
    job.journal.note(
        Event::new("migrate.done", report.to_string())
            .level(Level::Debug)
            .with("applied", report.applied.len())
            .with("lock_waited", report.lock_waited)
            .with("took", started.elapsed()),
    );
    Ok(report)
}

/// Is nothing pending and nothing in conflict? One look, without the gate and without the lock; false as well when an external
/// command knows.
///
/// # Errors
/// Why files or database cannot be read; whoever waits for the database will learn it too.
pub async fn is_current(job: &Job<'_>, goal: &Goal) -> Result<bool, MigrateError> {
    let MigrationSource::Directory(dir) = &job.migrations.source else { return Ok(false) };
    let run = Run::new(job);
    let snapshot = Snapshot::first(&run, dir).await?;
    Ok(wanted(&run, &snapshot, goal)?.is_empty())
}

async fn attempt(run: &Run<'_>, goal: &Goal) -> Result<(), MigrateError> {
    let MigrationSource::Directory(dir) = &run.job.migrations.source else { return command::up(run).await };
    Engine::with(run, async |engine| through(run, engine, dir, goal).await).await
}

/// Without the lock when nothing is pending; else under it, where nothing that was seen before counts.
async fn through(run: &Run<'_>, engine: &mut Engine, dir: &Path, goal: &Goal) -> Result<(), MigrateError> {
    engine.settle(run).await?;
    let snapshot = Snapshot::take(run, engine, dir).await?;
    run.settled(&snapshot.rows);
    match wanted(run, &snapshot, goal) {
        // What a living migrator is at is over when the lock is ours.
        Err(error) if error.may_pass() => {
            run.looked(1);
        }
        Err(error) => return Err(error),
        Ok(first) => {
            let anew = run.looked(first.len());
            if first.is_empty() && snapshot.unnoted().is_empty() {
                return Ok(());
            }
            obstacles::refuse(&first, run.job.target, &*snapshot.style)?;
            if anew {
                empty::warn(run, &*snapshot.style, &first)?;
            }
            #[cfg(feature = "lint")]
            if anew {
                crate::lint::before_up(run, engine, &snapshot, &first).await;
            }
        }
    }
    let (catalog, theirs) = (snapshot.catalog.clone(), snapshot.co_locks());
    // What was seen counts no more under the lock; of thousands of files it is not little.
    drop(snapshot);
    engine.lock(run, &catalog, &theirs).await?;
    loop {
        let snapshot = prepared(run, engine, dir).await?;
        run.settled(&snapshot.rows);
        run.settled_for_good();
        if let Step::Done(()) = apply_all(run, engine, &snapshot, goal).await? {
            return Ok(());
        }
    }
}

/// What is left of the goal.
///
/// # Errors
/// [`MigrateError::NoSuchVersion`] when the goal is a slip, else what forbids to go on.
pub(crate) fn wanted<'v>(
    run: &Run<'_>,
    snapshot: &'v Snapshot,
    goal: &Goal,
) -> Result<Vec<&'v Migration>, MigrateError> {
    let standings = snapshot.standings();
    if let Goal::To(version) = goal {
        must_be_known(&standings, version)?;
    }
    left(run, snapshot, &standings, goal).map_err(MigrateError::Conflicts)
}

/// A version that is nowhere is a slip: every number is before or behind it, so all would be done that it was to limit.
pub(crate) fn must_be_known(standings: &[Standing<'_>], version: &Version) -> Result<(), MigrateError> {
    match standings.iter().any(|standing| standing.version() == Some(version)) {
        true => Ok(()),
        false => Err(MigrateError::NoSuchVersion { version: version.clone() }),
    }
}

/// What is left of the goal, by these standings; nothing when the one that was wanted is applied.
fn left<'v>(
    run: &Run<'_>,
    snapshot: &Snapshot,
    standings: &[Standing<'v>],
    goal: &Goal,
) -> Result<Vec<&'v Migration>, Vec<Conflict>> {
    let pending = pending(standings, &run.job.migrations.policies, goal, snapshot.style.name())?;
    let enough = *goal == Goal::One && run.has_done() > 0;
    Ok(if enough { Vec::new() } else { pending })
}

/// Looks again, makes the tables that are not there yet, and notes what another tool has applied meanwhile.
pub(crate) async fn prepared(run: &Run<'_>, engine: &mut Engine, dir: &Path) -> Result<Snapshot, MigrateError> {
    let snapshot = Snapshot::take(run, engine, dir).await?;
    let mut sql = Vec::new();
    if !snapshot.table.exists() {
        sql.extend(snapshot.style.create(&snapshot.table));
    }
    if !snapshot.history.exists() || !snapshot.journal.exists() {
        sql.extend(history::create(&snapshot.history, &snapshot.journal));
    }
    let by = run.job.who.by();
    sql.extend(snapshot.unnoted().into_iter().map(|migration| history::note(&snapshot.history, migration, &by)));
    if sql.is_empty() {
        return Ok(snapshot);
    }
    // Two of them at once would be much memory when there are thousands of files.
    drop(snapshot);
    engine.write(run, "create the ledger", sql).await?;
    Snapshot::take(run, engine, dir).await
}

async fn apply_all(
    run: &Run<'_>,
    engine: &mut Engine,
    snapshot: &Snapshot,
    goal: &Goal,
) -> Result<Step<()>, MigrateError> {
    let migrations = wanted(run, snapshot, goal)?;
    obstacles::refuse(&migrations, run.job.target, &*snapshot.style)?;
    for migration in migrations {
        let still = |cells: &[Cells]| is_next(run, snapshot, goal, cells, migration);
        let work = Work::up(snapshot, migration, run.job.who, &still)?;
        match engine.perform(run, &work).await? {
            Step::Done(took) => run.applied(applied(migration, took)),
            Step::Overtaken => return Ok(Step::Overtaken),
        }
    }
    Ok(Step::Done(()))
}

/// Would the ledger, had it these rows, still have this one as the next?
fn is_next(run: &Run<'_>, snapshot: &Snapshot, goal: &Goal, cells: &[Cells], migration: &Migration) -> bool {
    let rows = snapshot.meant(cells);
    let left = left(run, snapshot, &snapshot.standings_of(&rows), goal);
    left.is_ok_and(|left| left.first().is_some_and(|first| *first == migration))
}
