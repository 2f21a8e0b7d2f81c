//! One file after the other, looked at before and after.

use super::{
    Rehearsed, Verdict,
    seen::{Changes, Relation, changes},
};
use crate::{
    Goal, Job, MigrateError, Migration,
    engine::{Cells, Engine},
    job::Run,
    pieces::pieces,
    quote::literal,
    snapshot::Snapshot,
    sql::Dialect,
    up::{prepared, wanted},
    work::{Step, Work},
};
use std::{path::Path, time::Duration};
use tokio::time::Instant;

/// How files are run where they are rehearsed, and where their locks are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Each is committed; a witness in its transaction writes down the locks.
    Committed,
    /// In one transaction, which holds all locks until its end.
    InOne,
    /// Each is committed, and there are no locks to be seen.
    Unwitnessed,
}

/// Where the witness writes.
pub(super) const WITNESSED: &str = "mainstay_rehearsal.locks";

/// Relation and mode of each lock of the session that asks.
const HELD: &str = "SELECT DISTINCT l.relation, l.mode FROM pg_catalog.pg_locks l \
     WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.database = \
     (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())";

/// Runs what is pending until a file fails.
pub(super) async fn play(
    job: &Job<'_>,
    engine: &mut Engine,
    dir: &Path,
    goal: &Goal,
    way: Way,
) -> Result<Vec<Rehearsed>, MigrateError> {
    let run = Run::new(job);
    let snapshot = prepared(&run, engine, dir).await?;
    let mut files: Vec<Rehearsed> = Vec::new();
    for migration in wanted(&run, &snapshot, goal)? {
        let failed = files.last().is_some_and(|last| last.verdict != Verdict::Pass);
        files.push(match failed {
            true => nothing(migration, Verdict::Skipped),
            false => file(&run, engine, &snapshot, migration, way).await?,
        });
    }
    Ok(files)
}

async fn file(
    run: &Run<'_>,
    engine: &mut Engine,
    snapshot: &Snapshot,
    migration: &Migration,
    way: Way,
) -> Result<Rehearsed, MigrateError> {
    let before = relations(engine, snapshot).await?;
    let held_before = if way == Way::InOne { locks(engine, way).await? } else { Vec::new() };
    let still = |_: &[Cells]| true;
    let witness = (way == Way::Committed).then(|| format!("INSERT INTO {WITNESSED} {HELD}"));
    let work = Work::up(snapshot, migration, run.job.who, &still)?.witnessed(witness);
    let started = Instant::now();
    let done = perform(run, engine, &work, way).await;
    let took = started.elapsed();
    if let Err(error) = done {
        return Ok(Rehearsed { error: Some(error), took, ..nothing(migration, Verdict::Fail) });
    }
    let mut held = locks(engine, way).await?;
    held.retain(|lock| !held_before.contains(lock));
    let after = relations(engine, snapshot).await?;
    let Changes { locks, created, dropped } = changes(&before, &after, &held, &snapshot.catalog.schema);
    let unseen = if way == Way::Committed { lone(&work)? } else { 0 };
    Ok(Rehearsed { took, locks, unseen, created, dropped, ..nothing(migration, Verdict::Pass) })
}

async fn perform(run: &Run<'_>, engine: &mut Engine, work: &Work<'_>, way: Way) -> Result<(), MigrateError> {
    match (engine, way) {
        (Engine::Postgres(postgres), Way::InOne) => {
            postgres.rehearse(run, work).await?;
            postgres.check_deferred(run, work).await
        }
        (engine, _) => match engine.perform(run, work).await? {
            Step::Done::<Duration>(_) => Ok(()),
            Step::Overtaken => Err(MigrateError::LockLost),
        },
    }
}

fn nothing(migration: &Migration, verdict: Verdict) -> Rehearsed {
    Rehearsed {
        name: migration.name.clone(),
        verdict,
        error: None,
        took: Duration::ZERO,
        locks: Vec::new(),
        unseen: 0,
        created: Vec::new(),
        dropped: Vec::new(),
    }
}

/// How many of its statements run outside of a transaction.
fn lone(work: &Work<'_>) -> Result<usize, MigrateError> {
    let pieces = pieces(work.script, &work.text, Dialect::Postgres)?;
    Ok(pieces.iter().filter(|piece| !piece.transactional).count())
}

/// Relation and mode of each lock that the file held.
async fn locks(engine: &mut Engine, way: Way) -> Result<Vec<(String, String)>, MigrateError> {
    let doing = "look at the locks";
    let rows = match way {
        Way::Unwitnessed => Vec::new(),
        Way::InOne => engine.ask(doing, HELD.to_owned()).await?,
        Way::Committed => engine.ask(doing, format!("DELETE FROM {WITNESSED} RETURNING relation, mode")).await?,
    };
    let text = |cell: &Option<String>| cell.clone().unwrap_or_default();
    Ok(rows.iter().filter_map(|cells| Some((text(cells.first()?), text(cells.get(1)?)))).collect())
}

/// All that has a name and is the user's.
async fn relations(engine: &mut Engine, snapshot: &Snapshot) -> Result<Vec<Relation>, MigrateError> {
    let rows = engine.ask("look at the schema", question(snapshot)).await?;
    Ok(rows.iter().map(relation).collect())
}

fn relation(cells: &Cells) -> Relation {
    let text = |index: usize| cells.get(index).cloned().flatten().unwrap_or_default();
    Relation { id: text(0), schema: text(1), name: text(2), kind: text(3), storage: text(4) }
}

fn question(snapshot: &Snapshot) -> String {
    let ours = [&snapshot.table, &snapshot.history, &snapshot.journal]
        .map(|table| literal(&table.name, snapshot.catalog.dialect))
        .join(", ");
    match snapshot.catalog.dialect {
        Dialect::Postgres => format!(
            "SELECT c.oid, n.nspname, c.relname, CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' \
             WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' WHEN 'S' THEN 'sequence' \
             ELSE 'index' END, c.relfilenode \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I') AND c.relname NOT LIKE 'mainstay\\_%' \
             AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'mainstay_rehearsal') AND n.nspname NOT LIKE 'pg\\_%' \
             AND NOT (c.relname IN ({ours}) AND c.relkind = 'r' AND n.nspname = {}) ORDER BY n.nspname, c.relname",
            literal(snapshot.table.schema.as_deref().unwrap_or_default(), Dialect::Postgres)
        ),
        Dialect::Sqlite => format!(
            "SELECT type || ' ' || name, '', name, type, rootpage FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
             AND tbl_name NOT IN ({ours}) ORDER BY name"
        ),
    }
}
