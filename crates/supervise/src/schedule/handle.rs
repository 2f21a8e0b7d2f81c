//! What others may ask of a running scheduler.

use super::{
    run::{NoLock, RunRecord},
    surroundings::Guard,
};
use crate::Need;
use host::process::Exit;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::{mpsc::UnboundedSender, watch};

/// What the scheduler hears: from its handles, and from its own tasks.
pub(super) enum Message {
    Need { name: String, need: Need },
    RunNow { name: String },
    Stop,
    Force,
    NeedsKnown(usize, Result<(), String>),
    Locked(usize, Result<Guard, NoLock>),
    Ended(usize, Exit),
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
    /// `idle`, `waiting`, `running`, `stopping` or `retrying`.
    pub state: &'static str,
    /// What it waits for, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
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

    /// Runs a job at once, by its own rules: gate, lock, time-out, and its overlap policy while it is at work.
    ///
    /// # Errors
    /// When there is no job of this name.
    pub fn run_now(&self, job: &str) -> Result<(), NoSuchJob> {
        let jobs: Vec<_> = self.statuses.borrow().iter().map(|status| status.name.clone()).collect();
        if !jobs.iter().any(|name| name == job) {
            return Err(NoSuchJob { name: job.to_owned(), jobs });
        }
        self.send(Message::RunNow { name: job.to_owned() });
        Ok(())
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
