//! Applying what is pending.

use crate::{
    Job, MigrateError, Report, command,
    engine::{Cells, Engine},
    history,
    job::{Run, applied},
    ledger::{Goal, pending},
    migration::Migration,
    obstacles, retrying,
    view::View,
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
    let attempts = retrying::again(job, || attempt(&run, goal)).await?;
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

async fn attempt(run: &Run<'_>, goal: &Goal) -> Result<(), MigrateError> {
    let MigrationSource::Directory(dir) = &run.job.migrations.source else { return command::up(run).await };
    let mut engine = Engine::open(run).await?;
    let result = through(run, &mut engine, dir, goal).await;
    let closed = engine.close(run).await;
    result.and(closed)
}

/// Without the lock when nothing is pending; else under it, where nothing that was seen before counts.
async fn through(run: &Run<'_>, engine: &mut Engine, dir: &Path, goal: &Goal) -> Result<(), MigrateError> {
    engine.settle(run).await?;
    let view = View::take(run, engine, dir).await?;
    run.settled(&view.rows);
    match wanted(run, &view, goal) {
        Err(error) if error.may_pass() => run.looked(1),
        Err(error) => return Err(error),
        Ok(first) if first.is_empty() => {
            run.looked(0);
            return Ok(());
        }
        Ok(first) => {
            run.looked(first.len());
            obstacles::refuse(&first, run.job.target)?;
        }
    }
    engine.lock(run, &view.sight, &view.locks()).await?;
    loop {
        let view = prepared(run, engine, dir).await?;
        if let Step::Done(()) = apply_all(run, engine, &view, goal).await? {
            return Ok(());
        }
    }
}

fn wanted<'v>(run: &Run<'_>, view: &'v View, goal: &Goal) -> Result<Vec<&'v Migration>, MigrateError> {
    let goal = goal.after(run.kept().len());
    pending(&view.standings(), &run.job.migrations.policies, &goal, view.style.name()).map_err(MigrateError::Conflicts)
}

/// Looks again, and makes the tables that are not there yet.
pub(crate) async fn prepared(run: &Run<'_>, engine: &mut Engine, dir: &Path) -> Result<View, MigrateError> {
    let view = View::take(run, engine, dir).await?;
    let mut sql = Vec::new();
    if !view.table.exists() {
        sql.extend(view.style.create(&view.table));
    }
    if !view.history.exists() || !view.journal.exists() {
        sql.extend(history::create(&view.history, &view.journal));
    }
    if sql.is_empty() {
        return Ok(view);
    }
    engine.write(run, "create the ledger", sql).await?;
    View::take(run, engine, dir).await
}

async fn apply_all(run: &Run<'_>, engine: &mut Engine, view: &View, goal: &Goal) -> Result<Step<()>, MigrateError> {
    let migrations = wanted(run, view, goal)?;
    obstacles::refuse(&migrations, run.job.target)?;
    for migration in migrations {
        let still = |cells: &[Cells]| is_next(run, view, goal, cells, migration);
        let work = Work::up(view, migration, run.job.who, &still)?;
        match engine.perform(run, &work).await? {
            Step::Done(took) => run.applied(applied(migration, took)),
            Step::Overtaken => return Ok(Step::Overtaken),
        }
    }
    Ok(Step::Done(()))
}

/// Would the ledger, had it these rows, still have this one as the next?
fn is_next(run: &Run<'_>, view: &View, goal: &Goal, cells: &[Cells], migration: &Migration) -> bool {
    let rows = view.meant(cells);
    let standings = view.standings_of(&rows);
    let goal = goal.after(run.kept().len());
    let pending = pending(&standings, &run.job.migrations.policies, &goal, view.style.name());
    pending.is_ok_and(|pending| pending.first().is_some_and(|first| *first == migration))
}
