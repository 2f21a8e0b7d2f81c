//! What a server is doing, in the few words that people and scripts see.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a server is doing, as far as a client may rely on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerState {
    /// Refuses connections, or there is no socket: nobody listens.
    Down,
    /// No answer in time, no route, no such host.
    Unreachable,
    /// Its process runs and does not accept connections yet, or shuts down.
    Starting,
    /// It replays its log (PostgreSQL) or loads its data (Redis).
    Recovering,
    /// Answers, but accepts no writes: a replica.
    ReadOnly,
    /// No connection slot is free.
    Full,
    /// Credentials, role or database are wrong.
    Denied,
    /// Does what is asked of it.
    Ready,
    /// Our own fault: we could not look.
    Unknown,
}

impl ServerState {
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            ServerState::Down => "down",
            ServerState::Unreachable => "unreachable",
            ServerState::Starting => "starting",
            ServerState::Recovering => "recovering",
            ServerState::ReadOnly => "read-only",
            ServerState::Full => "full",
            ServerState::Denied => "denied",
            ServerState::Ready => "ready",
            ServerState::Unknown => "unknown",
        }
    }
}

impl fmt::Display for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
