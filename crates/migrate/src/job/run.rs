//! One run of a verb: what is known of it over all its attempts.

use super::{Applied, Job, Moved, Report};
use crate::{
    ledger::{End, Row},
    lock::Ladder,
};
use config::MigrationSource;
use report::{Event, seconds};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// One run of a verb over all its attempts.
pub(crate) struct Run<'a> {
    pub(crate) job: &'a Job<'a>,
    progress: Mutex<Progress>,
    ladder: Mutex<Ladder>,
}

/// What has become of it so far.
#[derive(Default)]
struct Progress {
    report: Report,
    looked: bool,
    unsure: Option<Unsure>,
    /// See [`Run::committed`].
    unflushed: Option<String>,
    /// The external command has failed for no known reason before.
    unexplained: bool,
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
        let text = format!("{word} {} in {}", it.name, seconds(it.took));
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

    /// The external command failed, and nobody can say why.
    pub(crate) fn unexplained(&self) {
        self.progress().unexplained = true;
    }

    /// Has it never failed like that before?
    pub(crate) fn is_first_unexplained(&self) -> bool {
        !self.progress().unexplained
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
