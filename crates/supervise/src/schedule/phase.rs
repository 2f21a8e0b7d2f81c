//! Where a job is, what can happen to it, and what must be done about it.

use super::run::{NoLock, Planned, RunRecord, Taken};
use config::Job;
use host::{handover::moment, process::Exit};
use jiff::Timestamp;
use report::Event;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// The two clocks: of the calendar, and the one that never jumps.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// By the calendar.
    pub wall: Timestamp,
    /// By the clock that never jumps.
    pub at: Instant,
}

/// What can happen to a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Look at the calendar: [`JobLife::next_due`](super::JobLife::next_due) has come, or the clock was set.
    Clock,
    /// Somebody wants a run at once.
    RunNow,
    /// [`Effect::AskNeeds`] was carried out; the error says what is missing.
    NeedsKnown(Result<(), String>),
    /// A dependency is there again.
    NeedMet(String),
    /// [`Effect::TakeLock`] was carried out.
    Locked(Result<(), NoLock>),
    /// [`Effect::Spawn`] worked.
    Spawned(u32),
    /// [`Effect::Spawn`] did not work.
    SpawnFailed {
        /// What the system said.
        reason: String,
        /// Trying again cannot mend it.
        permanent: bool,
    },
    /// The process has ended, and nobody of its group is left.
    Exited(Exit),
    /// [`JobLife::next_elapse`](super::JobLife::next_elapse) has come.
    Elapsed,
    /// Everything ends: no run begins any more, and the one at work is stopped.
    Stop,
    /// The same, without politeness.
    Force,
    /// From now on these are its rules, under the same name.
    Rules(Arc<Job>),
    /// It is not configured any more: no run begins, and one at work comes to its end.
    Retire,
}

/// What must be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// [`Input::RunNow`] was taken like this.
    Taken(Taken),
    /// Ask what the job needs; answer with [`Input::NeedsKnown`].
    AskNeeds,
    /// See that nobody else runs it; answer with [`Input::Locked`].
    TakeLock,
    /// Nobody else needs to be kept away any more.
    Unlock,
    /// Write down up to where due times are accounted for, and what runs. Before anything that follows.
    Save,
    /// Start the process; answer with [`Input::Spawned`] or [`Input::SpawnFailed`].
    Spawn(Planned),
    /// Send this signal number to the group.
    Signal(i32),
    /// Send `SIGKILL` to the group.
    Kill,
    /// Keep this.
    Record(RunRecord),
    /// Tell the outside: true for success.
    Ping(bool),
    /// Tell it.
    Note(Event),
}

/// Since when a run waits for what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waited {
    /// Since when.
    #[serde(with = "moment")]
    pub since: Instant,
    /// The pause before the next question, or the last one.
    pub pause: Duration,
}

/// Where a job is. What belongs to a phase lies inside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing to do until the next due time.
    Idle,
    /// What it needs is being asked.
    Asking {
        /// The run that is to begin.
        plan: Planned,
        /// It has waited already.
        waited: Option<Waited>,
    },
    /// What it needs is not there.
    Gated {
        /// The run that is to begin.
        plan: Planned,
        /// What is missing.
        reason: String,
        /// When to ask again.
        #[serde(with = "moment")]
        again: Instant,
        /// Since when it waits.
        waited: Waited,
    },
    /// Others are being kept away.
    Locking {
        /// The run that is to begin.
        plan: Planned,
        /// As in [`Phase::Asking`].
        waited: Option<Waited>,
    },
    /// At work.
    Running(Try),
    /// Asked to end.
    Stopping {
        /// What is at work.
        run: Try,
        /// Why it must end.
        why: Ending,
        /// When patience ends; nothing when it has ended.
        #[serde(with = "moment::option")]
        kill_at: Option<Instant>,
    },
    /// Failed, and tried again later.
    Retrying {
        /// The next try.
        plan: Planned,
        /// When.
        #[serde(with = "moment")]
        until: Instant,
    },
}

/// A try at work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Try {
    /// What it is a try of.
    pub plan: Planned,
    /// Since when.
    #[serde(with = "moment")]
    pub since: Instant,
    /// When it has taken too long.
    #[serde(with = "moment::option")]
    pub ends: Option<Instant>,
}

/// Why a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It took too long.
    TimedOut,
    /// The next one takes its place.
    Replaced,
    /// Everything ends.
    Stop,
}
