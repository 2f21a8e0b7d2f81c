//! One file, by hand (S1.15).

use crate::{
    Goal, Job, MigrateError, Report, Version,
    directory::loose,
    engine::{Cells, Engine},
    job::{Run, applied},
    ledger::Where,
    migration::{Kind, Migration},
    obstacles, retrying,
    snapshot::Snapshot,
    style::Plain,
    up::{prepared, up},
    work::{Step, Work},
};
use std::{path::Path, sync::Mutex};

/// Applies one file. One of the migrations is remembered as such, whatever else is pending; any other file is run in the same
/// way and remembered in our history alone.
///
/// # Errors
/// [`MigrateError::AlreadyApplied`]; else as [`crate::up`].
pub async fn by_hand(job: &Job<'_>, file: &Path) -> Result<Report, MigrateError> {
    let dir = job.dir("apply")?;
    // The same file may be named by another path.
    let (real_file, real_dir) = (host::fs::real_path(file), host::fs::real_path(dir));
    match real_file.strip_prefix(&real_dir) {
        Ok(name) => of_directory(job, dir, &name.to_string_lossy()).await,
        Err(_) => of_its_own(job, dir, file).await,
    }
}

async fn of_directory(job: &Job<'_>, dir: &Path, name: &str) -> Result<Report, MigrateError> {
    let run = Run::new(job);
    let snapshot = Snapshot::first(&run, dir).await?;
    let standings = snapshot.standings();
    let standing = standings.iter().find(|it| it.file.is_some_and(|file| file.name == name));
    let Some((standing, migration)) = standing.and_then(|it| Some((it, it.file?))) else {
        return Err(MigrateError::NoSuchVersion { version: Version::from(name) });
    };
    match (migration.kind, standing.row) {
        (Kind::Versioned, row) if row.is_none() || standing.place == Where::Resumes => {
            up(job, &Goal::Only(migration.version.clone())).await
        }
        (Kind::Versioned, _) => Err(MigrateError::AlreadyApplied {
            name: migration.name.clone(),
            at: standing.applied_at().unwrap_or_default(),
        }),
        _ => run_alone(job, dir, migration.clone()).await,
    }
}

async fn of_its_own(job: &Job<'_>, dir: &Path, file: &Path) -> Result<Report, MigrateError> {
    let (parent, name) = (file.parent().unwrap_or(dir), file.file_name().unwrap_or_default().to_string_lossy());
    let migration = loose(parent, &name, job.root, Kind::ByHand)?;
    run_alone(job, dir, Migration { name: by_path(job, file), ..migration }).await
}

/// Two directories may have a file of one name: it is remembered by its path from the project on, or the whole path.
fn by_path(job: &Job<'_>, file: &Path) -> String {
    let (file, root) = (host::fs::real_path(file), host::fs::real_path(job.root));
    file.strip_prefix(&root).unwrap_or(&file).display().to_string()
}

async fn run_alone(job: &Job<'_>, dir: &Path, migration: Migration) -> Result<Report, MigrateError> {
    obstacles::refuse(&[&migration], job.target, &Plain)?;
    let run = Run::new(job);
    let before = Mutex::new(None);
    let ((), attempts) = retrying::again(job, || attempt(&run, dir, &migration, &before)).await?;
    Ok(run.report(attempts))
}

/// When our history had it as done, before the first attempt: no row of a ledger tells whether a lost COMMIT arrived.
type Before = Mutex<Option<Option<String>>>;

async fn attempt(run: &Run<'_>, dir: &Path, migration: &Migration, before: &Before) -> Result<(), MigrateError> {
    if run.has_done() > 0 {
        return Ok(());
    }
    Engine::with(run, async |engine| through(run, engine, dir, migration, before).await).await
}

async fn through(
    run: &Run<'_>,
    engine: &mut Engine,
    dir: &Path,
    migration: &Migration,
    before: &Before,
) -> Result<(), MigrateError> {
    engine.settle(run).await?;
    let snapshot = Snapshot::take(run, engine, dir).await?;
    engine.lock(run, &snapshot.catalog, &snapshot.co_locks()).await?;
    let snapshot = prepared(run, engine, dir).await?;
    let now = snapshot.recorded.iter().rev().find(|it| it.is(migration)).map(|it| it.applied_at.clone());
    let first = before.lock().map(|mut before| before.get_or_insert_with(|| now.clone()).clone()).unwrap_or_default();
    if let Some(unsure) = run.is_unsure().filter(|_| now != first) {
        run.settled_for_good();
        run.applied(unsure.applied);
        return Ok(());
    }
    let still = |_: &[Cells]| true;
    let work = Work::up(&snapshot, migration, run.job.who, &still)?;
    match engine.perform(run, &work).await? {
        Step::Done(took) => run.applied(applied(migration, took)),
        Step::Overtaken => {}
    }
    Ok(())
}
