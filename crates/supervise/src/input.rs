//! What can happen to a service, and what must be done about it.

use host::process::Exit;
use report::Event;
use tokio::time::Instant;

/// What can happen to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// It shall run.
    Wanted,
    /// It shall not run any more.
    Unwanted,
    /// It shall be gone at once, politeness or not.
    Force,
    /// It shall be stopped, if it runs, and started anew.
    Restart,
    /// A dependency that it needs is down.
    NeedLost {
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
    /// A dependency that it needs is there again.
    NeedMet {
        /// Which.
        name: String,
    },
    /// Somebody else runs it: it must not, until [`Input::NeedMet`] tells that its lock is had.
    Fenced {
        /// Who.
        reason: String,
    },
    /// [`Effect::AskNeeds`] was carried out; what was found has been told by [`Input::NeedLost`].
    NeedsKnown,
    /// A service that it starts after is ready.
    AfterReady {
        /// Which.
        name: String,
    },
    /// A service that it starts after will never be ready.
    AfterFailed {
        /// Which.
        name: String,
    },
    /// [`Effect::Spawn`] worked.
    Spawned {
        /// The process id.
        pid: u32,
    },
    /// [`Effect::Spawn`] did not work.
    SpawnFailed {
        /// What the system said.
        reason: String,
        /// Trying again cannot mend it.
        permanent: bool,
    },
    /// The leader of the group ended.
    Exited {
        /// How.
        exit: Exit,
        /// Others of its group live on.
        left_behind: bool,
    },
    /// Nobody of the group is left.
    GroupGone,
    /// The health check passed for the first time.
    Ready,
    /// The health check did not pass in time.
    Unready {
        /// What was seen last.
        reason: String,
    },
    /// The health check failed too often in a row.
    Unhealthy {
        /// What was seen last.
        reason: String,
    },
    /// The health check passes again after it had failed too often.
    Healthy,
    /// It is on its way out and needs until then.
    Extended {
        /// When patience ends, if that is later than it would have been.
        until: Instant,
    },
    /// [`State::due`](crate::State::due) has come.
    Elapsed,
}

/// What the driver must do, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Start the process; answer with [`Input::Spawned`] or [`Input::SpawnFailed`].
    Spawn,
    /// Send this signal number to the group.
    Signal(i32),
    /// Send `SIGKILL` to the group.
    Kill,
    /// Ask the needed dependencies; answer with [`Input::NeedsKnown`].
    AskNeeds,
    /// Tell it.
    Note(Event),
}
