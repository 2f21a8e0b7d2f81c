//! Jobs beside the services: what their scheduler asks of the world, and how it is started.

use super::{
    World,
    adapters::Senses,
    backups::LookAfterwards,
    kept::{Holder, OfJob},
    single::Single,
};
use config::{App, Job};
use host::{
    Env, Pending,
    handover::Descriptors,
    lock::{InstanceLock, LockError},
};
use report::{Event, Finding, Journal, Level, count};
use std::{io, path::PathBuf, sync::Arc};
use supervise::{
    Checker, Guard, HandedGuard,
    schedule::{Book, HandedJobs, NoLock, RunRecord, ScheduleHandle, Scheduler, Surroundings},
};
use tokio::{sync::oneshot, task::JoinHandle};

/// Jobs that are run when they are due, once the migrations have come to their end: no job waits for a service.
pub(super) struct Jobs {
    pub(super) handle: ScheduleHandle,
    pub(super) ended: JoinHandle<()>,
    /// Dropped with a start that fails.
    begin: Option<oneshot::Sender<()>>,
}

impl Jobs {
    pub(super) fn new(scheduler: Scheduler) -> Self {
        let (handle, (begin, told)) = (scheduler.handle(), oneshot::channel());
        Self { handle, ended: tokio::spawn(scheduler.run_when_told(told)), begin: Some(begin) }
    }

    /// Is anything to be run?
    pub(super) fn are_any(&self) -> bool {
        !self.handle.snapshot().is_empty()
    }

    /// They are run from now on.
    pub(super) fn begun(mut self) -> Self {
        // A scheduler that has ended begins nothing.
        let _ = self.begin.take().map(|begin| begin.send(()));
        self
    }
}

/// The scheduler of these `jobs`, of none too where others may be configured later; nothing when they are switched off.
pub(super) fn prepare(world: &Arc<World>, jobs: &[Job], instance: &str) -> Result<Option<Scheduler>, Finding> {
    let app = &world.app;
    if !app.jobs.is_empty() {
        world.board.flag("scheduler", app.jobs_are_off().is_none());
    }
    if let Some(why) = app.jobs_are_off() {
        if app.jobs.is_empty() {
            return Ok(None);
        }
        let text = format!("{} of `[schedule]` will not be run: {why}", count(app.jobs.len(), "job"));
        world.journal.note(Event::new("schedule.off", text).level(Level::Warn).with("reason", why));
        return Ok(None);
    }
    if !app.keeps_data {
        return Ok(None);
    }
    let path = app.schedule_file();
    let book = Book::load(&path).map_err(|error| Finding::from(&error))?;
    scheduler(world, jobs.to_vec(), book, Some(path), Some(instance)).map(Some)
}

/// The scheduler of these `jobs` as an earlier version of mainstay has handed them over; nothing when they are switched off.
pub(super) fn resume(
    world: &Arc<World>,
    jobs: &[Job],
    instance: &str,
    handed: HandedJobs,
    env: &Env,
    all: &mut Descriptors,
) -> Result<Option<Scheduler>, Finding> {
    let app = &world.app;
    if !app.jobs.is_empty() {
        world.board.flag("scheduler", app.jobs_are_off().is_none());
    }
    if app.jobs_are_off().is_some() {
        return Ok(None);
    }
    let fresh = scheduler(world, Vec::new(), Book::default(), Some(app.schedule_file()), Some(instance))?;
    let resumed = fresh.resume(jobs.to_vec(), env, handed, all);
    resumed.map(Some).map_err(|error| Finding::error("jobs cannot be taken over").because(&error))
}

/// Writes a run into the history. Only for whoever knows that no scheduler does so meanwhile.
pub(crate) fn keep_by_hand(world: &World, job: &str, record: RunRecord) -> Result<(), Finding> {
    let path = world.app.schedule_file();
    let mut book = Book::load(&path).map_err(|error| Finding::from(&error))?;
    if let Some(job) = world.app.job(job) {
        book.know(job, record.ended);
    }
    book.keep(job, record);
    book.save(&path).map_err(|error| Finding::error(format!("`{}` cannot be written", path.display())).because(&error))
}

/// A scheduler of these jobs. What belongs to an `instance` is ended by its next start.
pub(crate) fn scheduler(
    world: &Arc<World>,
    jobs: Vec<Job>,
    book: Book,
    path: Option<PathBuf>,
    instance: Option<&str>,
) -> Result<Scheduler, Finding> {
    let surroundings = Arc::new(Senses(world.clone()));
    let (spawner, journal, lines) = (world.spawner.clone(), world.journal.clone(), Arc::new(world.tail.clone()));
    let clock = world.clock.clone();
    Scheduler::new(jobs, instance, &world.app.env, book, path, spawner, surroundings, journal, lines, clock)
        .map_err(|error| Finding::error("jobs cannot be run: the system has no timer left").because(&error))
}

impl Surroundings for Senses {
    fn need<'a>(&'a self, name: &'a str) -> Pending<'a, Result<(), String>> {
        Checker::need(self, name)
    }

    fn lock<'a>(&'a self, job: &'a Job) -> Pending<'a, Result<Box<dyn Guard>, NoLock>> {
        Box::pin(async move {
            let app = &self.0.app;
            let here = lock_here(app, &format!("job-{}", job.name), &format!("job {} ({})", job.name, app.name))?;
            let shared = match &job.single {
                Some(database) => Some(Single::take(&self.0.app, job, database, self.0.journal.clone()).await?),
                None => None,
            };
            let copies = is_backup(job).then(|| LookAfterwards(self.0.clone()));
            Ok(Box::new(OfJob { here, shared, _copies: copies }) as Box<dyn Guard>)
        })
    }

    fn take_over(&self, job: &Job, guard: HandedGuard, all: &mut Descriptors) -> io::Result<Box<dyn Guard>> {
        let here = guard.here.ok_or_else(|| io::Error::other("its lock was not handed over"))?;
        let here = InstanceLock::take_over(all.take(here)?);
        let session = guard.session.map(|session| Holder::take_over(session, all)).transpose()?;
        let shared = job
            .single
            .as_ref()
            .and_then(|database| Single::go_on(&self.0.app, job, database, session, self.0.journal.clone()));
        let _copies = is_backup(job).then(|| LookAfterwards(self.0.clone()));
        Ok(Box::new(OfJob { here, shared, _copies }))
    }

    fn ping<'a>(&'a self, url: &'a str) -> Pending<'a, Result<(), String>> {
        Box::pin(crate::ping::ping(url))
    }
}

fn is_backup(job: &Job) -> bool {
    job.argv == config::BACKUP_COMMAND
}

/// Nobody else on this machine runs it: `mainstay up` and `mainstay schedule run` keep out of each other's way.
pub(super) fn lock_here(app: &App, file: &str, what: &str) -> Result<InstanceLock, NoLock> {
    let path = app.run_dir().join(format!("{file}.lock"));
    InstanceLock::acquire(&path, what).map_err(|error| match error {
        LockError::Held { holder, .. } => NoLock::Held(format!("{holder} runs it")),
        LockError::Io { .. } => NoLock::Unknown(error.to_string()),
    })
}
