//! Taking migrations as applied without applying them: the schema is there already.

use crate::{
    Applied, Job, MigrateError, Version,
    engine::Engine,
    history,
    job::{Run, applied},
    ledger::{Standing, Where},
    migration::Kind,
    read_set::{self, ReadSet},
    retrying,
    snapshot::Snapshot,
    work::Step,
};
use std::{path::Path, time::Duration};

/// Takes every pending migration up to and including `version` as applied.
///
/// # Errors
/// [`MigrateError::NoSuchVersion`] when no file has it; else as [`crate::up`].
pub async fn baseline(job: &Job<'_>, version: &Version) -> Result<Vec<Applied>, MigrateError> {
    let run = Run::new(job);
    let (taken, _) = retrying::again(job, || attempt(&run, version)).await?;
    Ok(taken)
}

async fn attempt(run: &Run<'_>, version: &Version) -> Result<Vec<Applied>, MigrateError> {
    let dir = run.job.dir("baseline")?;
    Engine::with(run, async |engine| through(run, engine, dir, version).await).await
}

async fn through(
    run: &Run<'_>,
    engine: &mut Engine,
    dir: &Path,
    version: &Version,
) -> Result<Vec<Applied>, MigrateError> {
    let snapshot = Snapshot::take(run, engine, dir).await?;
    if snapshot.directory.migrations.iter().all(|migration| migration.version != *version) {
        return Err(MigrateError::NoSuchVersion { version: version.clone() });
    }
    engine.lock(run, &snapshot.catalog, &snapshot.co_locks()).await?;
    loop {
        let (snapshot, seen) = read_set::take(run, engine, dir).await?;
        if let Step::Done(taken) = take(run, engine, &snapshot, version, seen).await? {
            return Ok(taken);
        }
    }
}

async fn take(
    run: &Run<'_>,
    engine: &mut Engine,
    snapshot: &Snapshot,
    version: &Version,
    seen: ReadSet,
) -> Result<Step<Vec<Applied>>, MigrateError> {
    let standings = snapshot.standings();
    let open = |it: &&Standing<'_>| matches!(it.place, Where::Pending | Where::Late) && it.kind() == Kind::Versioned;
    let taken: Vec<_> =
        standings.iter().filter(open).filter_map(|it| it.file).filter(|file| file.version <= *version).collect();
    if taken.is_empty() {
        return Ok(Step::Done(Vec::new()));
    }
    let mut sql = snapshot.style.baseline(&snapshot.table, &taken);
    for migration in &taken {
        sql.extend(history::take(&snapshot.history, migration, run.job.who)?);
    }
    Ok(match engine.write_if(run, "write the ledger", sql, seen).await? {
        Step::Done(()) => Step::Done(taken.into_iter().map(|migration| applied(migration, Duration::ZERO)).collect()),
        Step::Overtaken => Step::Overtaken,
    })
}
