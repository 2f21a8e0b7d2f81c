//! What the server must be told by whoever runs the services.

use crate::{
    Asked, CandidateTold, Discarded, Done, Down, Events, Generation, JobRun, Order, Promoted, Ps, Reexec, Refusal,
    Reloaded, RunTold, Status, Takeover, Verb, Why,
};
use host::Pending;
use tokio::sync::mpsc::Receiver;

/// A running mainstay, as the server sees it. A question whose asker has left is dropped; what was begun goes on.
pub trait Daemon: Send + Sync {
    /// All services.
    fn ps(&self) -> Ps;

    /// The whole application.
    fn status(&self) -> Pending<'_, Status>;

    /// Why a service or a job is as it is.
    ///
    /// # Errors
    /// When there is none of this name.
    fn why(&self, service: &str) -> Result<Why, Refusal>;

    /// Does something with services and waits until it is done, or its time is up.
    ///
    /// # Errors
    /// When nothing was begun.
    fn order(&self, verb: Verb, order: Order) -> Pending<'_, Result<Done, Refusal>>;

    /// Runs a job now. What becomes of that is told piece by piece; the run goes on when nobody listens.
    ///
    /// # Errors
    /// When nothing was begun.
    fn run_now(&self, job: &str) -> Result<Receiver<RunTold>, Refusal>;

    /// Keeps a run of a job that somebody else has done.
    ///
    /// # Errors
    /// When there is no such job, or the run is none.
    fn ran(&self, job: &str, run: JobRun) -> Result<(), Refusal>;

    /// Reads the configuration anew and begins to do what has changed.
    ///
    /// # Errors
    /// All that is wrong with it; then nothing was changed.
    fn reload(&self) -> Pending<'_, Result<Reloaded, Refusal>>;

    /// Finds out whether the program that stands where this one was started from can take over, and begins to let it, as soon as
    /// what has to end first has ended.
    ///
    /// # Errors
    /// When it cannot, or not now; then all is as before.
    fn reexec(&self, asked: Takeover) -> Pending<'_, Result<Reexec, Refusal>>;

    /// Starts a release beside the one that serves. What becomes of that is told piece by piece; it is stopped when nobody listens any
    /// more before it was promoted.
    ///
    /// # Errors
    /// When nothing was begun.
    fn candidate(&self, asked: Generation) -> Pending<'_, Result<Receiver<CandidateTold>, Refusal>>;

    /// The release that was started beside the one that serves takes its place. Answers when that is done and the one before is gone.
    ///
    /// # Errors
    /// When nothing was begun.
    fn promote(&self, asked: Generation) -> Pending<'_, Result<Promoted, Refusal>>;

    /// Stops the release beside the one that serves, and answers when it is gone.
    ///
    /// # Errors
    /// When it is just being promoted.
    fn discard(&self) -> Pending<'_, Result<Discarded, Refusal>>;

    /// Begins to stop everything and to end.
    fn down(&self) -> Down;

    /// What happened.
    fn events(&self, asked: Asked) -> Pending<'_, Events>;
}
