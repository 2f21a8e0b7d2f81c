//! Where a service is in its life: many states inside, few outside.

use host::{handover::moment, process::Exit, signals::signal_name};
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};
use tokio::time::Instant;

/// Where a service is in its life. What belongs to a state lies inside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Not running and not meant to.
    Stopped,
    /// Meant to run; services that it starts after are not ready yet.
    Waiting,
    /// Meant to run; a dependency that it needs is down. Started the moment that it is back.
    Parked,
    /// Meant to run; its start delay is not over.
    Delayed {
        /// When it is.
        #[serde(with = "moment")]
        until: Instant,
    },
    /// About to be spawned. Lasts only until the driver has answered [`Effect::Spawn`](crate::Effect::Spawn).
    Spawning,
    /// Spawned, not ready yet.
    Starting(Run),
    /// Ready.
    Running(Run),
    /// Asked politely to stop.
    Stopping(Leaving),
    /// Killed; waits until nobody of its group is left.
    Killing(Leaving),
    /// Ended unasked; the dependencies that it needs are being asked whether it was to blame.
    Asking {
        /// How long it had lived.
        lived: Duration,
    },
    /// Ended unasked; waits before the next start.
    Backoff {
        /// When it is started again.
        #[serde(with = "moment")]
        until: Instant,
    },
    /// Its work is done and it is not started again.
    Done(Exit),
    /// It should run and is not started again.
    Failed(Failure),
}

/// A living process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its process id, which is its group's too.
    pub pid: u32,
    /// When it was spawned.
    #[serde(with = "moment")]
    pub since: Instant,
    /// It is unhealthy or late; the dependencies that it needs are being asked whether it is to blame.
    pub accused: bool,
}

/// A process on its way out, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    /// Its process id, which is its group's too.
    pub pid: u32,
    /// When patience ends.
    #[serde(with = "moment")]
    pub deadline: Instant,
    /// How the leader ended; nothing while it lives. Others of its group may outlive it.
    pub exit: Option<Exit>,
    /// What follows, if the service is still wanted then.
    pub then: Then,
}

/// What follows once nobody of the group is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// Nothing: it is not wanted any more.
    Down,
    /// Somebody asked for a restart: it starts at once and nothing is counted.
    Again,
    /// It was stopped for being unhealthy: its restart is counted.
    Recover {
        /// How long it had lived.
        lived: Duration,
    },
    /// It ended unasked and left others of its group behind.
    Judge {
        /// How long it had lived.
        lived: Duration,
    },
}

/// Why a service that should run is not started again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// It ended, and its restart policy says that this is the end.
    #[error("it ended with {}", exit_words(*.0))]
    Ended(Exit),
    /// It could not even be started, and trying again cannot mend it.
    #[error("it could not be started: {reason}")]
    Spawn {
        /// What the system said.
        reason: String,
    },
    /// It ended more often than its budget of restarts allows.
    #[error("its budget of {budget} is spent{}", last_exit(*exit))]
    Spent {
        /// The budget, in words.
        budget: String,
        /// How it ended last; nothing when it could not be started.
        exit: Option<Exit>,
    },
    /// A service that it starts after has failed.
    #[error("it starts after `{name}`, which failed")]
    After {
        /// That service.
        name: String,
    },
    /// Some process of its group survived `SIGKILL`, as one does that is blocked inside the kernel.
    #[error("its process group {pid} survived SIGKILL")]
    Unkillable {
        /// The group.
        pid: u32,
        /// How its leader ended; nothing while even that lives.
        exit: Option<Exit>,
    },
}

/// The state of a service as the outside sees it; the words are systemd's, and one of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// On its way up.
    Activating,
    /// Runs and is ready.
    Active,
    /// On its way down.
    Deactivating,
    /// Down, as it should be.
    Inactive,
    /// Down, and it should not be.
    Failed,
    /// Waits for a dependency; its restarts don't count.
    Parked,
}

impl State {
    /// The state as the outside sees it.
    pub const fn word(&self) -> Word {
        match self {
            State::Waiting | State::Delayed { .. } | State::Spawning | State::Starting(_) => Word::Activating,
            State::Asking { .. } | State::Backoff { .. } => Word::Activating,
            State::Running(_) => Word::Active,
            State::Stopping(_) | State::Killing(_) => Word::Deactivating,
            State::Stopped | State::Done(_) => Word::Inactive,
            State::Failed(_) => Word::Failed,
            State::Parked => Word::Parked,
        }
    }

    /// The fine state's own name.
    pub const fn fine(&self) -> &'static str {
        match self {
            State::Stopped => "stopped",
            State::Waiting => "waiting",
            State::Parked => "parked",
            State::Delayed { .. } => "delayed",
            State::Spawning => "spawning",
            State::Starting(_) => "starting",
            State::Running(_) => "running",
            State::Stopping(_) => "stopping",
            State::Killing(_) => "killing",
            State::Asking { .. } => "asking",
            State::Backoff { .. } => "backoff",
            State::Done(_) => "done",
            State::Failed(_) => "failed",
        }
    }

    /// The process id of its group, while somebody may live there.
    pub const fn pid(&self) -> Option<u32> {
        match self {
            State::Starting(run) | State::Running(run) => Some(run.pid),
            State::Stopping(leaving) | State::Killing(leaving) => Some(leaving.pid),
            State::Failed(Failure::Unkillable { pid, .. }) => Some(*pid),
            _ => None,
        }
    }

    /// When something is due by itself.
    pub const fn due(&self) -> Option<Instant> {
        match self {
            State::Delayed { until } | State::Backoff { until } => Some(*until),
            State::Stopping(leaving) | State::Killing(leaving) => Some(leaving.deadline),
            _ => None,
        }
    }

    /// Does nothing more happen unless somebody asks for it?
    pub const fn is_over(&self) -> bool {
        matches!(self, State::Stopped | State::Done(_) | State::Failed(_))
    }

    /// Is it over, and nobody of its group left? Only then may another take its place.
    pub const fn is_gone(&self) -> bool {
        self.is_over() && self.pid().is_none()
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Word::Activating => "activating",
            Word::Active => "active",
            Word::Deactivating => "deactivating",
            Word::Inactive => "inactive",
            Word::Failed => "failed",
            Word::Parked => "parked",
        })
    }
}

fn last_exit(exit: Option<Exit>) -> String {
    exit.map(|exit| format!("; it ended with {}", exit_words(exit))).unwrap_or_default()
}

/// `exit code 1`, `signal 9 (SIGKILL)`.
pub(crate) fn exit_words(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(number) => match signal_name(number) {
            Some(name) => format!("signal {number} ({name})"),
            None => format!("signal {number}"),
        },
    }
}
