//! What others may ask of a running scheduler.

use super::{
    asker::RunNews,
    handed::{FrozenJobs, HandedJobs, JobsNotStill},
    run::{NoLock, RunRecord},
};
use crate::{
    Need,
    guard::Guard,
    reload::{ReloadError, Reloaded},
    still::{Freeze, stand_still},
};
use config::Job;
use host::{Env, handover::Handing, process::Exit};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot, watch,
};

/// What the scheduler tells of that.
pub(super) type Told = Result<(HandedJobs, Handing), JobsNotStill>;

/// What the scheduler hears: from its handles, and from its own tasks.
pub(super) enum Message {
    Need { name: String, need: Need },
    RunNow { name: String, news: UnboundedSender<RunNews> },
    Reload { jobs: Vec<Job>, base_env: Env, reply: oneshot::Sender<Result<Reloaded, ReloadError>> },
    Ran { name: String, record: RunRecord },
    Stop,
    Force,
    NeedsKnown(usize, Result<(), String>),
    Locked(usize, Result<Box<dyn Guard>, NoLock>),
    Ended(usize, Exit),
    StandStill(Freeze<Told>),
}

/// There is no job of this name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no job `{name}` here; there {}", known(.jobs))]
pub struct NoSuchJob {
    /// The name that was asked for.
    pub name: String,
    /// The names that there are.
    pub jobs: Vec<String>,
}

/// What is shown of a job.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobStatus {
    /// Its name.
    pub name: String,
    /// `idle`, `off`, `waiting`, `running`, `stopping` or `retrying`.
    pub state: &'static str,
    /// It is not configured any more, and its last run is still at work.
    #[serde(skip)]
    pub retired: bool,
    /// What it waits for, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The process at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// When it is due next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// What became of its last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<RunRecord>,
}

/// What others may ask of a running scheduler. Clones ask the same one; a request to one that has ended is void.
#[derive(Clone, Debug)]
pub struct ScheduleHandle {
    pub(super) sender: UnboundedSender<Message>,
    pub(super) statuses: watch::Receiver<Vec<JobStatus>>,
}

impl ScheduleHandle {
    /// Tells how a dependency is.
    pub fn need(&self, name: impl Into<String>, need: Need) {
        self.send(Message::Need { name: name.into(), need });
    }

    /// Runs a job at once, by its own rules: gate, lock, time-out, and its overlap policy while it is at work. Answers with
    /// what becomes of the run; nobody needs to listen.
    ///
    /// # Errors
    /// When there is no job of this name.
    pub fn run_now(&self, job: &str) -> Result<UnboundedReceiver<RunNews>, NoSuchJob> {
        let statuses = self.statuses.borrow();
        let jobs: Vec<_> = statuses.iter().filter(|it| !it.retired).map(|status| status.name.clone()).collect();
        drop(statuses);
        if !jobs.iter().any(|name| name == job) {
            return Err(NoSuchJob { name: job.to_owned(), jobs });
        }
        let (news, told) = unbounded_channel();
        self.send(Message::RunNow { name: job.to_owned(), news });
        Ok(told)
    }

    /// Has the scheduler stand still, and whoever is with a run at work, and tells what is handed over to the next version of mainstay.
    /// Nothing begins, is read or signalled until what is answered is dropped; then all goes on as if nothing had been.
    ///
    /// # Errors
    /// While the end of a run is being told.
    pub async fn stand_still(&self) -> Result<FrozenJobs, JobsNotStill> {
        let (still, until) = stand_still();
        let (freeze, told) = Freeze::ask(&until);
        self.send(Message::StandStill(freeze));
        let (jobs, handing) = told.await.unwrap_or(Err(JobsNotStill::NotRunning))?;
        Ok(FrozenJobs { jobs, handing, still })
    }

    /// From now on these are the jobs, with this environment. Runs at work are not touched: what changed counts for their
    /// next try and the next run, and a job that is not among them ends with its run.
    ///
    /// # Errors
    /// See [`ReloadError`].
    pub async fn reload(&self, jobs: Vec<Job>, base_env: Env) -> Result<Reloaded, ReloadError> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Reload { jobs, base_env, reply });
        answer.await.unwrap_or(Err(ReloadError::NotRunning))
    }

    /// Keeps a run that somebody else has done, as by hand. One of a job that is not known here is not kept.
    pub fn ran(&self, job: &str, record: RunRecord) {
        self.send(Message::Ran { name: job.to_owned(), record });
    }

    /// Begins no run any more, and stops those at work politely.
    pub fn stop(&self) {
        self.send(Message::Stop);
    }

    /// The same at once: for a second Ctrl-C.
    pub fn force(&self) {
        self.send(Message::Force);
    }

    /// How all jobs are now, in the order of the file.
    pub fn snapshot(&self) -> Vec<JobStatus> {
        self.statuses.borrow().clone()
    }

    /// How all jobs are, and when that changes.
    pub fn watch(&self) -> watch::Receiver<Vec<JobStatus>> {
        self.statuses.clone()
    }

    fn send(&self, message: Message) {
        let _ = self.sender.send(message);
    }
}

fn known(jobs: &[String]) -> String {
    match jobs {
        [] => "is none".to_owned(),
        jobs => format!("is {}", report::or_list(jobs)),
    }
}
