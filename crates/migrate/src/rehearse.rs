//! Rehearsal: the pending files really run, where it harms nobody, and what they did is looked at: which locks they took on
//! which tables, what they rewrote, how long it took.

mod clone;
mod copy;
mod play;
mod roll_back;
mod seen;
mod shown;
mod sizes;

pub use seen::{Held, Lock, Size};

use crate::{
    Goal, Job, MigrateError, Migration, dump, empty,
    engine::Engine,
    job::{Run, as_seconds},
    obstacles,
    snapshot::Snapshot,
    sql::{Dialect, split},
    up::wanted,
};
use config::Target;
use serde::{Serialize, Serializer};
use std::{path::Path, time::Duration};

/// Where to rehearse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// On a clone when that can be had, else in a transaction that is rolled back.
    #[default]
    Auto,
    /// On a database of its own beside the real one, with its schema and without its rows.
    Clone,
    /// On the database itself, in one transaction that is rolled back. Its locks hold up others until then.
    RollBack,
}

/// Where it was rehearsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// Nothing was pending.
    Nowhere,
    /// A PostgreSQL database with the schema and without the rows.
    Clone,
    /// The database itself, rolled back.
    RollBack,
    /// A copy of the SQLite file, rows included.
    Copy,
}

/// What a rehearsal showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rehearsal {
    /// Where.
    pub ground: Ground,
    /// Why not on a clone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// Each file that was pending, in order.
    pub files: Vec<Rehearsed>,
    /// What is broken in the copy afterwards and was not before. SQLite only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<String>,
}

/// What a file did in a rehearsal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rehearsed {
    /// Its name.
    pub name: String,
    /// Would it be applied?
    pub verdict: Verdict,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub error: Option<MigrateError>,
    /// How long it took; seconds in JSON.
    #[serde(serialize_with = "as_seconds")]
    pub took: Duration,
    /// The strongest lock on each table that was there before it, strongest first.
    pub locks: Vec<Held>,
    /// Statements outside of a transaction, whose locks were not seen.
    pub unseen: usize,
    /// What it made: `table orders`.
    pub created: Vec<String>,
    /// What it dropped.
    pub dropped: Vec<String>,
}

/// Would a file be applied?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It would.
    Pass,
    /// It failed.
    Fail,
    /// A file before it failed.
    Skipped,
}

impl Rehearsal {
    /// Would all of them be applied?
    pub fn passed(&self) -> bool {
        self.broken.is_empty() && self.files.iter().all(|file| file.verdict == Verdict::Pass)
    }
}

fn as_text<S: Serializer>(error: &Option<MigrateError>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&error.as_ref().map(MigrateError::finding).map(|it| it.to_string()).unwrap_or_default())
}

/// Runs what is pending where it harms nobody. Nothing is applied.
///
/// # Errors
/// What stops `up` before its first file: unreadable files, conflicts, files that cannot be run; with [`Stage::RollBack`] also
/// [`MigrateError::NoRehearsal`]; why there is no clone. That a file fails is no error but the answer.
pub async fn rehearse(job: &Job<'_>, goal: &Goal, how: Stage) -> Result<Rehearsal, MigrateError> {
    let dir = job.dir("up --rehearse")?;
    let job = &dump::straight(job);
    let run = Run::new(job);
    Engine::with(&run, async |engine| on(&run, engine, dir, goal, how).await).await
}

async fn on(
    run: &Run<'_>,
    engine: &mut Engine,
    dir: &Path,
    goal: &Goal,
    how: Stage,
) -> Result<Rehearsal, MigrateError> {
    let snapshot = Snapshot::take(run, engine, dir).await?;
    let pending = wanted(run, &snapshot, goal)?;
    if pending.is_empty() {
        return Ok(Rehearsal::of(Ground::Nowhere, Vec::new()));
    }
    obstacles::refuse(&pending, run.job.target, &*snapshot.style)?;
    empty::warn(run, &*snapshot.style, &pending)?;
    match run.job.target {
        Target::Sqlite(path) => copy::rehearse(run, path, dir, goal).await,
        _ => on_postgres(run, engine, &snapshot, dir, goal, how).await,
    }
}

async fn on_postgres(
    run: &Run<'_>,
    engine: &mut Engine,
    snapshot: &Snapshot,
    dir: &Path,
    goal: &Goal,
    how: Stage,
) -> Result<Rehearsal, MigrateError> {
    let pending = wanted(run, snapshot, goal)?;
    let (clone, instead) = match (how, cloned(run, engine, snapshot, &pending, how).await) {
        (_, Ok(clone)) => (clone, None),
        (Stage::Auto, Err(error)) => (None, Some(error.to_string())),
        (_, Err(error)) => return Err(error),
    };
    let (files, ground) = match clone {
        Some(clone) => (clone.play(run.job, dir, goal).await?, Ground::Clone),
        None => (roll_back::play(run, engine, snapshot, dir, goal).await?, Ground::RollBack),
    };
    let files = sizes::with_sizes(engine, &snapshot.catalog, files).await?;
    Ok(Rehearsal { instead, ..Rehearsal::of(ground, files) })
}

/// The clone; nothing where none is wanted.
async fn cloned(
    run: &Run<'_>,
    engine: &mut Engine,
    snapshot: &Snapshot,
    pending: &[&Migration],
    how: Stage,
) -> Result<Option<clone::Clone>, MigrateError> {
    if how == Stage::RollBack {
        return Ok(None);
    }
    refuse_shared(pending)?;
    clone::Clone::make(run.job, engine, snapshot).await.map(Some)
}

/// These files must not really run on a clone: roles, databases and settings are the server's, and would stay.
fn refuse_shared(pending: &[&Migration]) -> Result<(), MigrateError> {
    for migration in pending {
        let text = migration.up.load()?;
        let sections = migration.up.sections.iter().map(|section| text.section(section));
        let statements = sections.flat_map(|sql| split(sql, Dialect::Postgres).unwrap_or_default());
        if statements.into_iter().any(|statement| statement.changes_the_server()) {
            let why = "it changes what all databases of the server share, and would change it for good on a clone";
            return Err(MigrateError::NoRehearsal { file: migration.shown.to_string(), why });
        }
    }
    Ok(())
}

impl Rehearsal {
    fn of(ground: Ground, files: Vec<Rehearsed>) -> Self {
        Self { ground, instead: None, files, broken: Vec::new() }
    }
}
