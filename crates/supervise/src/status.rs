//! What is shown of a service.

use crate::{
    life::Life,
    state::{State, Word, exit_words},
};
use host::process::Exit;
use serde::{Serialize, Serializer};
use tokio::time::Instant;

/// What is shown of a service, by `ps` and by health.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceStatus {
    /// Its name.
    pub name: String,
    /// Its state, as the outside sees it.
    pub word: Word,
    /// Its fine state.
    pub fine: &'static str,
    /// Its process id, while somebody of its group may live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The port of its own that it was told.
    #[serde(skip)]
    pub port: Option<u16>,
    /// It runs, and its health check does not fail.
    pub ready: bool,
    /// Since when it is in its fine state; as a number of seconds when written.
    #[serde(rename = "for_s", serialize_with = "seconds_since")]
    pub since: Instant,
    /// Restarts that nobody asked for and no dependency was to blame for.
    pub restarts: u32,
    /// How its last process ended: `exit code 1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_exit: Option<String>,
    /// How it ended, as the system says it.
    #[serde(skip)]
    pub exit: Option<Exit>,
    /// When it ended.
    #[serde(skip)]
    pub exited_at: Option<Instant>,
    /// It ended by SIGKILL, and in its time the kernel killed processes for want of memory.
    #[serde(skip)]
    pub out_of_memory: bool,
    /// When something happens by itself: the next start, or the end of the patience with one that shall stop.
    #[serde(skip)]
    pub due: Option<Instant>,
    /// Somebody has stopped it, until it is started again.
    #[serde(skip)]
    pub held: bool,
    /// What it says of itself (`STATUS=` of sd_notify(3)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Why it is not ready, in words; or that it is ready, but fails its checks time and again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ServiceStatus {
    pub(crate) fn of(name: &str, life: &Life, failing: Option<&str>) -> Self {
        let state = life.state();
        Self {
            name: name.to_owned(),
            word: state.word(),
            fine: state.fine(),
            pid: state.pid(),
            port: life.service().port,
            ready: matches!(state, State::Running(_)) && failing.is_none(),
            since: life.since(),
            restarts: life.restarts(),
            last_exit: life.last_exit().map(exit_words),
            exit: life.last_exit(),
            exited_at: life.last_exit_at(),
            out_of_memory: false,
            due: state.due(),
            status: None,
            held: false,
            reason: life.reason().or_else(|| failing.map(str::to_owned)),
        }
    }
}

fn seconds_since<S: Serializer>(since: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((since.elapsed().as_secs_f64() * 1e3).round() / 1e3)
}
