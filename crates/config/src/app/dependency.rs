//! What services need from outside, and how it is waited for and watched.

use crate::Target;
use retry::Policy;
use std::time::Duration;

/// Something outside that services need: a database, Redis, a port, a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Dependency {
    /// As it is called in `needs`.
    pub name: String,
    /// Where it is.
    pub target: Target,
    /// What it must allow.
    pub access: Access,
    /// A required one holds up the start and makes health critical; another one makes it degraded.
    pub required: bool,
    /// How long and how often to ask at the start.
    pub wait: Wait,
    /// How it is watched afterwards.
    pub monitor: Monitor,
    /// Redis lists whose lengths health shows.
    pub queues: Vec<String>,
}

/// What a database must allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// A primary that accepts writes.
    #[default]
    ReadWrite,
    /// A replica will do.
    ReadOnly,
}

/// How the gate waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wait {
    /// Attempts, waits between them and the time limit.
    pub policy: Policy,
    /// One attempt takes no longer.
    pub attempt_timeout: Duration,
    /// Move the time limit on while a recovering server makes progress.
    pub extend: bool,
}

/// How a dependency is watched once everything runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Monitor {
    /// Time between checks.
    pub every: Duration,
    /// Failures in a row until it is called down and recovery begins.
    pub failures: u32,
}
