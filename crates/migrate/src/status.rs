//! How the migrations stand. Reads only, and takes no lock.

use crate::{
    Job, MigrateError, Version, directory, empty,
    job::Run,
    ledger::{Conflict, Entry, Goal, State, Where, entries, pending as to_apply},
    migration::Kind,
    obstacles,
    snapshot::{Snapshot, first_text},
    style::detect::{self, Files},
    up::must_be_known,
};
use config::{App, MigrationSource, Tolerance};
use serde::Serialize;

/// How the migrations stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The database, without its password.
    pub database: String,
    /// Whose migrations they are: `plain` for our own, else the tool's name. Nothing for an external command.
    pub style: Option<&'static str>,
    /// The ledger's table, there or not.
    pub ledger: Option<String>,
    /// What the columns of a home-made table are taken for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<String>,
    /// Is all applied and nothing in conflict? Nothing when an external command keeps that to itself.
    pub current: Option<bool>,
    /// How many are in each state.
    pub counts: Counts,
    /// Each of them, in order.
    pub migrations: Vec<Entry>,
    /// What forbids to go on, by the policies.
    #[serde(skip)]
    pub conflicts: Vec<Conflict>,
}

/// How many migrations are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Applied, and the file does what was applied.
    pub applied: usize,
    /// To be applied.
    pub pending: usize,
    /// Changed, renamed, missing, out of order, begun, or newer than this release without its leave.
    pub conflicts: usize,
}

/// Every migration with its state.
///
/// # Errors
/// Why files or ledger cannot be read. Disagreement between the two is no error here: it is in the answer.
pub async fn status(job: &Job<'_>) -> Result<Status, MigrateError> {
    let database = job.target.to_string();
    let MigrationSource::Directory(dir) = &job.migrations.source else {
        return Ok(Status::external(database));
    };
    let snapshot = Snapshot::first(&Run::new(job), dir).await?;
    let standings = snapshot.standings();
    let mut migrations = entries(&standings);
    // Nobody has to apply them.
    migrations.retain(|entry| entry.kind != Kind::Seed || entry.state == State::Applied);
    let conflicts = crate::ledger::conflicts(&standings, &job.migrations.policies, snapshot.style.name());
    let late = job.migrations.policies.out_of_order == Tolerance::Allow;
    let is_pending = |entry: &&Entry| entry.state == State::Pending || late && entry.state == State::OutOfOrder;
    let resumes = standings.iter().filter(|it| it.place == Where::Resumes).count();
    let pending = resumes + migrations.iter().filter(is_pending).count();
    let counts = Counts { applied: migrations.len() - pending - conflicts.len(), pending, conflicts: conflicts.len() };
    Ok(Status {
        database,
        style: Some(snapshot.style.name()),
        ledger: Some(snapshot.table.shown()),
        mapping: snapshot.style.mapping(),
        current: Some(counts.pending + counts.conflicts == 0),
        counts,
        migrations,
        conflicts,
    })
}

impl Status {
    /// The command keeps to itself how things stand.
    fn external(database: String) -> Self {
        Self {
            database,
            style: None,
            ledger: None,
            mapping: None,
            current: None,
            counts: Counts::default(),
            migrations: Vec::new(),
            conflicts: Vec::new(),
        }
    }
}

/// Are the files of `app` there and readable as migrations? Asked before anything is waited for; where only the database can
/// tell whose files they are, that is left for later.
///
/// # Errors
/// Every file that is no migration.
pub fn check(app: &App) -> Result<(), MigrateError> {
    let Some(migrations) = &app.migrations else { return Ok(()) };
    let MigrationSource::Directory(dir) = &migrations.source else { return Ok(()) };
    let names = directory::list(dir)?;
    let style = match migrations.style.as_deref() {
        Some("diy") => return Ok(()),
        Some(style) => detect::style(style),
        None => detect::by_files(&Files { names: &names, first: &first_text(dir, &names) }),
    };
    match style {
        Ok(style) => directory::read(dir, &app.root, &names, &*style, &app.env).map(drop),
        Err(_) => Ok(()),
    }
}

/// A migration that would be applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pending {
    /// Its version; empty for a repeatable one.
    pub version: Version,
    /// Its file's name.
    pub name: String,
}

/// What `up` would apply, in order; nothing for an external command, which does not tell.
///
/// # Errors
/// All that would stop `up` before it changes anything: unreadable files, conflicts, files that cannot be run.
pub async fn pending(job: &Job<'_>, goal: &Goal) -> Result<Option<Vec<Pending>>, MigrateError> {
    let MigrationSource::Directory(dir) = &job.migrations.source else { return Ok(None) };
    let run = Run::new(job);
    let snapshot = Snapshot::first(&run, dir).await?;
    let policies = &job.migrations.policies;
    let standings = snapshot.standings();
    if let Goal::To(version) = goal {
        must_be_known(&standings, version)?;
    }
    let pending = to_apply(&standings, policies, goal, snapshot.style.name());
    let pending = pending.map_err(MigrateError::Conflicts)?;
    obstacles::refuse(&pending, job.target, &*snapshot.style)?;
    empty::warn(&run, &*snapshot.style, &pending)?;
    let told = |it: &crate::Migration| Pending { version: it.version.clone(), name: it.name.clone() };
    Ok(Some(pending.into_iter().map(told).collect()))
}
