//! Runs jobs when they are due, beside the services.
//!
//! # Theory of operation
//!
//! [`JobLife`] is the life of one job as a pure machine: when it is due, waits for what it needs, runs, is stopped, is tried
//! again. [`Scheduler`] carries out what the lives of all jobs decide. It sleeps until the next due time, on a timer that
//! also rings when the clock of the machine is set, and otherwise until something happens.
//!
//! **Each due time at most once**: it is written down before the run begins ([`Book`]), so that nobody runs it again after a
//! crash. **None is lost by waiting**: a run that waits is written down only when it begins, so that what was not begun is
//! made up for after a restart. **Never two**: no run begins while anybody of the last one's process group lives.

mod asker;
mod attend;
mod book;
mod handed;
mod handle;
mod key;
mod life;
mod phase;
mod run;
mod say;
mod scheduler;
mod surroundings;
#[cfg(test)]
mod tests;

pub use asker::RunNews;
pub use book::{Book, BookError, JobBook, Running};
pub use handed::{FrozenJobs, HandedJobs, JobsNotStill};
pub use handle::{JobStatus, NoSuchJob, ScheduleHandle};
pub use key::{lock_key, service_key};
pub use life::JobLife;
pub use phase::{Effect, Ending, Input, Now, Phase, Try, Waited};
pub use run::{NoLock, Planned, RunRecord, RunResult, Taken, Why};
pub use scheduler::Scheduler;
pub use surroundings::Surroundings;
