//! What is to be migrated, with what, and what came of it.

use crate::{
    Holder, MigrateError, Migration, Version,
    ledger::{End, Row},
    lock::{Ladder, session_name},
};
use config::{MigrationSource, Migrations, Target};
use database::postgres::SqlError;
use host::{Env, process::Spawner};
use report::{Event, Journal, Lines, count, seconds};
use std::{
    fmt,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Everything a migration needs.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// What is applied, how often it is tried, how long the lock is waited for.
    pub migrations: &'a Migrations,
    /// The database that it belongs to.
    pub target: &'a Target,
    /// The directory of `mainstay.toml`: external commands run there, and names of files are shown relative to it.
    pub root: &'a Path,
    /// The environment of the external command.
    pub env: &'a Env,
    /// Starts the external command.
    pub spawner: &'a dyn Spawner,
    /// Takes the events.
    pub journal: &'a dyn Journal,
    /// Takes the output of the external command, as lines of `migrate`.
    pub lines: &'a dyn Lines,
    /// Who we are, for those who wait for our lock.
    pub who: &'a Identity,
}

/// Who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The application's name.
    pub app: String,
    /// This machine's name.
    pub host: String,
    /// This process.
    pub pid: u32,
    /// The release that migrates, if it is known.
    pub release: Option<String>,
}

/// A migration that was applied in this run, or undone.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Applied {
    /// Its version.
    pub version: Version,
    /// Its file's name.
    pub name: String,
    /// How long it took; seconds in JSON.
    #[serde(serialize_with = "as_seconds")]
    pub took: Duration,
}

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// What this run applied or undid, in order. Empty for an external command, which keeps that to itself.
    pub applied: Vec<Applied>,
    /// How many were pending when it began, as the first look told.
    pub pending_before: usize,
    /// How long the lock was waited for; seconds in JSON.
    #[serde(serialize_with = "as_seconds")]
    pub lock_waited: Duration,
    /// Attempts made.
    pub attempts: u32,
    /// An external command did it.
    pub external: bool,
    /// From where to where it led, when its tool is known by its table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
}

/// From where to where an external command led.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Moved {
    /// Its tool: `alembic`.
    pub tool: &'static str,
    /// The revision before; nothing when none was applied. Several heads are separated by commas.
    pub before: Option<String>,
    /// The revision after.
    pub after: Option<String>,
    /// How many more are applied than before, where the tool keeps each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<u64>,
}

impl Moved {
    /// Is anything different from before?
    pub fn went(&self) -> bool {
        self.before != self.after || self.new.is_some_and(|new| new > 0)
    }
}

/// `alembic went from 9f3c1d to 1a2b3c`
impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |at: &Option<String>| at.clone().unwrap_or_else(|| "nothing".to_owned());
        let (tool, after) = (self.tool, place(&self.after));
        match (self.went(), self.new) {
            (false, _) => write!(f, "nothing to do, {tool} is still at {after}"),
            (true, Some(new)) if new > 0 => {
                write!(f, "{tool} went from {} to {after} ({new} more)", place(&self.before))
            }
            (true, _) => write!(f, "{tool} went from {} to {after}", place(&self.before)),
        }
    }
}

/// One sentence about what is now true.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = self.applied.iter().map(|applied| applied.took).sum();
        match (self.external, self.applied.len(), self.pending_before) {
            (true, ..) => match &self.moved {
                Some(moved) => moved.fmt(f),
                None => f.write_str("the migration command is done"),
            },
            (false, 0, 0) => f.write_str("all migrations up to date"),
            (false, 0, _) => f.write_str("all migrations up to date: another starter applied them"),
            (false, number, _) => write!(f, "applied {} in {}", count(number, "new migration"), seconds(took)),
        }?;
        if self.attempts > 1 { write!(f, ", {} attempts", self.attempts) } else { Ok(()) }
    }
}

fn as_seconds<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

impl Identity {
    /// The name in `pg_stat_activity`, for whoever waits: `mainstay-migrate/web-2:4711/v12`.
    pub fn session_name(&self) -> String {
        session_name(&self.host, self.pid, self.release.as_deref())
    }

    /// Who applied it, as our history has it: `web-2:4711`.
    pub(crate) fn by(&self) -> String {
        format!("{}:{}", self.host, self.pid)
    }
}

/// One run of a verb over all its attempts.
pub(crate) struct Run<'a> {
    pub(crate) job: &'a Job<'a>,
    progress: Mutex<Progress>,
    ladder: Mutex<Ladder>,
}

#[derive(Default)]
struct Progress {
    report: Report,
    looked: bool,
    unsure: Option<Unsure>,
    unflushed: Option<String>,
    /// The external command has failed for no known reason before.
    riddle: bool,
}

/// A file whose COMMIT was sent and never answered.
#[derive(Clone, Debug)]
pub(crate) struct Unsure {
    pub(crate) applied: Applied,
    /// The server process that may still be at it.
    pub(crate) backend: Option<i32>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(job: &'a Job<'a>) -> Self {
        let ladder = Ladder::new(job.migrations.lock_budget, job.who.pid.into());
        Self { job, progress: Mutex::default(), ladder: Mutex::new(ladder) }
    }

    /// How long this run may still wait for tables.
    pub(crate) fn ladder(&self) -> MutexGuard<'_, Ladder> {
        self.ladder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first look counts: later attempts find less. Answers whether it was the first.
    pub(crate) fn looked(&self, pending: usize) -> bool {
        let mut progress = self.progress();
        let first = !std::mem::replace(&mut progress.looked, true);
        if first {
            progress.report.pending_before = pending;
        }
        first
    }

    pub(crate) fn waited(&self, waited: Duration) {
        self.progress().report.lock_waited += waited;
    }

    /// Said after COMMIT, never before.
    pub(crate) fn applied(&self, applied: Applied) {
        self.did("migrate.applied", "applied", applied);
    }

    /// Said after COMMIT, never before.
    pub(crate) fn undone(&self, undone: Applied) {
        self.did("migrate.undone", "undone", undone);
    }

    fn did(&self, event: &'static str, word: &str, it: Applied) {
        let text = format!("{word} {} in {}", it.name, report::seconds(it.took));
        self.job.journal.note(
            Event::new(event, text)
                .with("version", it.version.text())
                .with("file", it.name.as_str())
                .with("took", it.took),
        );
        self.progress().report.applied.push(it);
    }

    /// The names of what this run has applied, or undone.
    pub(crate) fn kept(&self) -> Vec<String> {
        self.progress().report.applied.iter().map(|applied| applied.name.clone()).collect()
    }

    /// How many those are.
    pub(crate) fn has_done(&self) -> usize {
        self.progress().report.applied.len()
    }

    pub(crate) fn unsure(&self, unsure: Unsure) {
        self.progress().unsure = Some(unsure);
    }

    /// Something was committed that the disk was not waited for; this SQL brings it there.
    pub(crate) fn committed(&self, flush: String) {
        self.progress().unflushed = Some(flush);
    }

    /// The SQL that brings all that was committed to the disk, when there is something.
    pub(crate) fn unflushed(&self) -> Option<String> {
        self.progress().unflushed.clone()
    }

    pub(crate) fn flushed(&self) {
        self.progress().unflushed = None;
    }

    pub(crate) fn is_unsure(&self) -> Option<Unsure> {
        self.progress().unsure.clone()
    }

    /// The ledger was read after the lost COMMIT. That it arrived is known for good; that it did not, only under the lock
    /// ([`Run::settled_for_good`]): it may still be on its way.
    pub(crate) fn settled(&self, rows: &[Row]) {
        if let Some(unsure) = self.take_unsure(|applied| has(rows, applied)) {
            self.applied(unsure.applied);
        }
        self.lost(|applied| !has(rows, applied));
    }

    /// The same after the lost COMMIT of something that was undone: its row is gone.
    pub(crate) fn settled_back(&self, rows: &[Row]) {
        if let Some(unsure) = self.take_unsure(|undone| !has(rows, undone)) {
            self.undone(unsure.applied);
        }
        self.lost(|undone| has(rows, undone));
    }

    /// Under the lock the server is done with whatever was sent before.
    pub(crate) fn settled_for_good(&self) {
        self.progress().unsure = None;
    }

    fn take_unsure(&self, arrived: impl Fn(&Applied) -> bool) -> Option<Unsure> {
        let mut progress = self.progress();
        if progress.unsure.as_ref().is_some_and(|unsure| arrived(&unsure.applied)) {
            progress.unsure.take()
        } else {
            None
        }
    }

    /// A server that crashes before the disk has everything loses the newest, file and row: they are to be done again.
    fn lost(&self, is_lost: impl Fn(&Applied) -> bool) {
        let mut progress = self.progress();
        let of_a_row = |applied: &Applied| !applied.version.text().is_empty();
        let (lost, kept) = progress.report.applied.drain(..).partition(|it| of_a_row(it) && is_lost(it));
        progress.report.applied = kept;
        drop(progress);
        let lost: Vec<Applied> = lost;
        for Applied { name, .. } in lost {
            self.job.warn("migrate.lost", format!("the server crashed and lost `{name}`; it is done again"));
        }
    }

    /// From where to where the command led. When it is tried again, the first place counts.
    pub(crate) fn moved(&self, moved: Option<Moved>) {
        let Some(moved) = moved else { return };
        let mut progress = self.progress();
        progress.report.moved = Some(match progress.report.moved.take() {
            Some(first) => Moved { before: first.before, new: first.new.zip(moved.new).map(|(a, b)| a + b), ..moved },
            None => moved,
        });
    }

    /// A failure that nobody could explain.
    pub(crate) fn riddle(&self) {
        self.progress().riddle = true;
    }

    pub(crate) fn is_first_riddle(&self) -> bool {
        !self.progress().riddle
    }

    pub(crate) fn report(&self, attempts: u32) -> Report {
        let external = matches!(self.job.migrations.source, MigrationSource::Command(_));
        Report { attempts, external, ..self.progress().report.clone() }
    }
}

/// Does the ledger have it as applied?
fn has(rows: &[Row], applied: &Applied) -> bool {
    rows.iter().any(|row| row.version.as_ref() == Some(&applied.version) && row.end != End::Begun)
}

/// A migration that took `took`.
pub(crate) fn applied(migration: &Migration, took: Duration) -> Applied {
    Applied { version: migration.version.clone(), name: migration.name.clone(), took }
}

impl<'a> Job<'a> {
    /// The directory of the files; `verb` is for those alone.
    ///
    /// # Errors
    /// [`MigrateError::External`] when an external command migrates.
    pub(crate) fn dir(&self, verb: &'static str) -> Result<&'a Path, MigrateError> {
        match &self.migrations.source {
            MigrationSource::Directory(dir) => Ok(dir),
            MigrationSource::Command(_) => Err(MigrateError::External { verb }),
        }
    }

    /// Somebody else has the lock: one line every few seconds.
    pub(crate) fn say_waiting(&self, holder: &Holder, waited: Duration) {
        let left = self.migrations.lock_timeout.saturating_sub(waited);
        let text = format!(
            "waiting for the migration lock: {holder}, {} elapsed, giving up in {}",
            report::seconds(waited),
            report::seconds(left)
        );
        self.journal.note(
            Event::new("migrate.lock", text)
                .with("holder", holder.pid.unwrap_or_default())
                .with("holder_name", holder.application.clone().unwrap_or_default())
                .with("elapsed", waited)
                .with("left", left),
        );
    }

    /// Something worth somebody's look that stops nothing.
    pub(crate) fn warn(&self, name: &'static str, text: String) {
        self.journal.note(Event::new(name, text).level(report::Level::Warn));
    }

    /// A warning about an error of something that does not decide the outcome.
    pub(crate) fn shrug(&self, doing: &str, error: &SqlError) {
        self.warn("migrate.warning", format!("cannot {doing}: {error}"));
    }
}
