//! Undoing what was applied, newest first; also what a newer release applied and this one never saw.

use crate::{
    Job, MigrateError, Report, Version,
    engine::{Cells, Engine},
    history,
    job::{Run, applied},
    ledger::{End, Standing, Where},
    migration::Migration,
    obstacles, retrying,
    script::Script,
    snapshot::Snapshot,
    up::{must_be_known, prepared},
    work::{Step, Work},
};
use std::path::Path;

/// How far to go back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Back {
    /// So many of the newest.
    Steps(usize),
    /// All that are newer than this version; 0 is before the first.
    To(Version),
    /// All.
    All,
}

/// Undoes migrations, newest first, each together with its row.
///
/// # Errors
/// [`MigrateError::NoWayBack`] before anything is done when one of them cannot be undone; else as [`crate::up`].
pub async fn down(job: &Job<'_>, back: &Back) -> Result<Report, MigrateError> {
    let run = Run::new(job);
    let ((), attempts) = retrying::again(job, || attempt(&run, back)).await?;
    Ok(run.report(attempts))
}

async fn attempt(run: &Run<'_>, back: &Back) -> Result<(), MigrateError> {
    let dir = run.job.dir("down")?;
    Engine::with(run, async |engine| through(run, engine, dir, back).await).await
}

async fn through(run: &Run<'_>, engine: &mut Engine, dir: &Path, back: &Back) -> Result<(), MigrateError> {
    engine.settle(run).await?;
    let snapshot = Snapshot::take(run, engine, dir).await?;
    run.settled_back(&snapshot.rows);
    match to_undo(run, &snapshot, back) {
        Err(error) if !error.may_pass() => return Err(error),
        Ok(none) if none.is_empty() => return Ok(()),
        _ => {}
    }
    engine.lock(run, &snapshot.catalog, &snapshot.co_locks()).await?;
    loop {
        let snapshot = prepared(run, engine, dir).await?;
        run.settled_back(&snapshot.rows);
        run.settled_for_good();
        let steps = steps(run, engine, &snapshot, back).await?;
        if let Step::Done(()) = undo_all(run, engine, &snapshot, &steps).await? {
            return Ok(());
        }
    }
}

/// A migration and what undoes it.
pub(crate) struct Undo {
    migration: Migration,
    script: Script,
}

/// The applied ones that are to be undone, newest first. A migration that was only begun has to be looked after by a person.
fn to_undo<'v>(run: &Run<'_>, snapshot: &'v Snapshot, back: &Back) -> Result<Vec<Standing<'v>>, MigrateError> {
    let half_done = |it: &Standing<'_>| matches!(it.place, Where::Begun | Where::Resumes);
    if let Some(standing) = snapshot.standings().iter().find(|it| half_done(it)) {
        let (name, tool) = (standing.name(), snapshot.style.name());
        return Err(MigrateError::Conflicts(vec![crate::ledger::Conflict::Begun { name, tool }]));
    }
    match back {
        // Before the first: all.
        Back::To(version) if !version.is_zero() => must_be_known(&snapshot.standings(), version)?,
        _ => {}
    }
    let mut standings: Vec<_> = snapshot.standings().into_iter().filter(Standing::is_in_ledger).collect();
    standings.reverse();
    let done = run.has_done();
    let newer = |it: &Standing<'_>, floor: &Version| it.version().is_some_and(|version| *version > *floor);
    let count = match back {
        Back::Steps(number) => number.saturating_sub(done).min(standings.len()),
        Back::To(version) => standings.iter().take_while(|it| newer(it, version)).count(),
        Back::All => standings.len(),
    };
    standings.truncate(count);
    match standings.iter().find(|it| it.row.is_some_and(|row| row.end == End::Baseline)) {
        Some(standing) => {
            Err(MigrateError::NoWayBack { name: standing.name(), why: "it was taken as applied by a baseline" })
        }
        None => Ok(standings),
    }
}

/// What undoes each of them: the file's own, else what was kept when it was applied. All are found before the first is undone.
async fn steps(
    run: &Run<'_>,
    engine: &mut Engine,
    snapshot: &Snapshot,
    back: &Back,
) -> Result<Vec<Undo>, MigrateError> {
    let mut steps = Vec::new();
    for standing in to_undo(run, snapshot, back)? {
        let of_file = standing.file.and_then(|file| Some((file.clone(), *file.down.clone()?)));
        let undo = match of_file {
            Some((migration, script)) => Undo { migration, script },
            None => kept(engine, snapshot, &standing).await?,
        };
        steps.push(undo);
    }
    steps.iter().try_for_each(|undo| obstacles::refuse_script(&undo.script, run.job.target))?;
    Ok(steps)
}

async fn kept(engine: &mut Engine, snapshot: &Snapshot, standing: &Standing<'_>) -> Result<Undo, MigrateError> {
    let no_way = || MigrateError::NoWayBack { name: standing.name(), why: "neither its file nor our history says how" };
    let recorded = standing.recorded.filter(|recorded| recorded.down).ok_or_else(no_way)?;
    let select = history::select_texts(&snapshot.history, recorded.kind, &recorded.version, &recorded.name);
    let cells = engine.ask("read the history", select).await?;
    let text = |index: usize| cells.first()?.get(index)?.as_deref().and_then(history::unpack);
    let shown = format!("{} (as it was applied)", recorded.name);
    let (up, down) = (text(0).unwrap_or_default(), text(1).ok_or_else(no_way)?);
    let migration = match standing.file {
        Some(file) => file.clone(),
        None => Migration {
            version: recorded.version.clone(),
            kind: recorded.kind,
            name: recorded.name.clone(),
            shown: shown.as_str().into(),
            description: String::new(),
            checksum: recorded.checksum.as_str().into(),
            stamps: Vec::new(),
            up: Script::whole(&up, shown.as_str()),
            down: None,
            compat: None,
        },
    };
    Ok(Undo { migration, script: Script::kept_whole(&down, shown) })
}

async fn undo_all(
    run: &Run<'_>,
    engine: &mut Engine,
    snapshot: &Snapshot,
    steps: &[Undo],
) -> Result<Step<()>, MigrateError> {
    for Undo { migration, script } in steps {
        let still = |cells: &[Cells]| is_newest(snapshot, cells, migration);
        let work = Work::down(snapshot, migration, script, run.job.who, &still)?;
        match engine.perform(run, &work).await? {
            Step::Done(took) => run.undone(applied(migration, took)),
            Step::Overtaken => return Ok(Step::Overtaken),
        }
    }
    Ok(Step::Done(()))
}

/// Would the ledger, had it these rows, have this one as the newest?
fn is_newest(snapshot: &Snapshot, cells: &[Cells], migration: &Migration) -> bool {
    let rows = snapshot.meant(cells);
    let standings = snapshot.standings_of(&rows);
    let newest = standings.iter().rev().find(|it| it.is_in_ledger());
    newest.is_some_and(|newest| newest.version() == Some(&migration.version))
}
