//! What a gate keeps to.

use config::{Dependency, Target};
use retry::Policy;
use std::time::Duration;

/// What a gate keeps to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Attempts, waits between them and the time limit.
    pub policy: Policy,
    /// One attempt takes no longer.
    pub attempt_timeout: Duration,
    /// Move the time limit on while a recovering server makes progress.
    pub extend: bool,
    /// How the time between two attempts may be used.
    pub quiet: Quiet,
}

/// How the time between two attempts may be used for quiet looks, which are neither counted nor told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// Not at all: each look has a price.
    Never,
    /// Looking costs next to nothing: this often, while it is worth it.
    Every(Duration),
    /// A refused look leaves a line in the server's log: fewer than one a second.
    Sparing,
}

impl Rules {
    /// The rules for waiting for `dependency`.
    pub fn of(dependency: &Dependency) -> Self {
        let wait = dependency.wait;
        Self {
            policy: wait.policy,
            attempt_timeout: wait.attempt_timeout,
            extend: wait.extend,
            quiet: Quiet::of(&dependency.target),
        }
    }
}

impl Quiet {
    /// What looks at this kind of target cost. A SQLite look reads the file, a command may do anything.
    fn of(target: &Target) -> Self {
        match target {
            Target::Postgres(_) => Quiet::Sparing,
            Target::Sqlite(_) | Target::Command(_) => Quiet::Never,
            Target::File(_) | Target::Unix(_) => Quiet::Every(Duration::from_millis(20)),
            Target::Redis(_) | Target::Tcp { .. } => Quiet::Every(Duration::from_millis(100)),
            Target::Http { .. } => Quiet::Every(Duration::from_millis(250)),
        }
    }
}
