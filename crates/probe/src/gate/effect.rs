//! What goes into a gate and what comes out.

use crate::{Progress, Ready};
use database::Refusal;
use std::time::Duration;

/// What a gate is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The time it asked to be woken at has come.
    Tick,
    /// The answer to its last [`Effect::Try`].
    Answer(Box<Result<Ready, Refusal>>),
    /// How far the recovery of a local server is, seen from outside; nothing when it cannot be seen (any more).
    Progress(Option<Progress>),
    /// A sign that asking at once is worth it: a port opened, the startup process ended, a status file changed.
    Hint,
}

/// What a gate wants done. At most one of `Try`, `Wait`, `Open`, `GiveUp` at a time, and it is the last.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask, and take no longer than this.
    Try(Duration),
    /// Nothing until this time, unless something is noticed before.
    Wait(Duration),
    /// Tell people.
    Say(Box<Waiting>),
    /// It is ready.
    Open(Box<Opened>),
    /// It is not, and waiting is over.
    GiveUp(Box<GaveUp>),
}

/// One line of waiting.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// Counted from 1.
    pub attempt: u32,
    /// The limit, as long as it holds.
    pub attempts: Option<u32>,
    /// Why it is not ready.
    pub refusal: Refusal,
    /// How far its recovery is, when that can be seen.
    pub progress: Option<Progress>,
    /// Time since the gate began.
    pub elapsed: Duration,
    /// Time until the next attempt, if there is one before the time limit.
    pub next: Option<Duration>,
}

/// What was waited for is ready.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// Time from the first attempt to readiness.
    pub took: Duration,
    /// Attempts made, the last one included.
    pub attempts: u32,
    /// What was found.
    pub ready: Ready,
}

/// What was waited for is not ready.
#[derive(Clone, Debug, PartialEq)]
pub struct GaveUp {
    /// Why waiting ended.
    pub reason: Reason,
    /// The last refusal.
    pub refusal: Refusal,
    /// Attempts made.
    pub attempts: u32,
    /// Time since the gate began.
    pub elapsed: Duration,
}

/// Why a gate gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Time or attempts are used up; later it may work.
    TimedOut,
    /// Waiting cannot mend it.
    Hopeless,
}
