//! What is said on the socket. Every field has a default, so that another version may leave it out.

mod event;
mod generation;
mod order;

pub use event::{Asked, Event, Events};
pub use generation::{Candidate, CandidateTold, Discarded, Door, Generation, Promoted, Swapped};
pub use order::{Change, Done, Down, Order, Reexec, Reloaded, ReloadedJobs, Settled, Takeover};

use crate::Job;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// The protocol that is spoken here; it changes only when an old reader would misunderstand an answer.
pub const PROTOCOL: u32 = 1;

/// The mainstay that speaks it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The header with the number of the protocol.
pub(crate) const PROTOCOL_HEADER: &str = "mainstay-protocol";

/// The header with the version of mainstay.
pub(crate) const VERSION_HEADER: &str = "mainstay-version";

/// All services.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ps {
    /// The application.
    pub app: String,
    /// Its services, in the order in which they are started.
    pub services: Vec<Service>,
    /// Its jobs, in the order of the file.
    pub jobs: Vec<Job>,
}

/// One service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// `activating`, `active`, `deactivating`, `inactive`, `failed` or `parked`.
    pub state: String,
    /// The finer word for it, such as `backoff`.
    pub fine: String,
    /// It runs, and its health check does not fail.
    pub ready: bool,
    /// Its process.
    pub pid: Option<u32>,
    /// The port of its own, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Since when it is in its finer state: RFC 3339, UTC.
    pub since: String,
    /// For how long, in seconds.
    pub for_s: f64,
    /// The release that it is of, where that is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Restarts that nobody asked for.
    pub restarts: u32,
    /// How its last process ended.
    pub last_exit: Option<String>,
    /// Why it is not ready, or what is the matter with it.
    pub reason: Option<String>,
    /// What it says of itself.
    pub status: Option<String>,
    /// How long its last health check took, in milliseconds, when that has passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// What it uses; nothing when it was never started.
    pub usage: Option<Usage>,
}

/// What a service uses, all of its processes together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// How much of one processor, in per cent, in the last [`Usage::cpu_over_s`]; nothing while it does not run.
    pub cpu_percent: Option<f64>,
    /// In seconds: since somebody asked before, or since it was started.
    pub cpu_over_s: Option<f64>,
    /// Processor time since mainstay started, in seconds, over all restarts.
    pub cpu_s: f64,
    /// Memory in bytes; nothing when it does not run, or may not be seen.
    pub memory_bytes: Option<u64>,
    /// What is counted as memory: `rss` of one process, `pss` of several.
    pub memory_kind: Option<String>,
    /// Open files, sockets and pipes; nothing likewise.
    pub open_files: Option<u64>,
    /// Its processes.
    pub processes: u64,
    /// How often somebody of it was killed for want of memory.
    pub oom_kills: u64,
    /// Its limit on memory, in bytes, where one is in force.
    pub memory_limit_bytes: Option<u64>,
    /// What the kernel counts towards that limit, what it keeps of files and could give up included.
    pub memory_charged_bytes: Option<u64>,
}

/// The whole application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The application.
    pub app: String,
    /// The version of mainstay that runs it.
    pub mainstay: String,
    /// The release of the application, where that is said.
    pub release: Option<String>,
    /// The process of that mainstay.
    pub pid: u32,
    /// How many versions of mainstay this process was before.
    pub generation: u64,
    /// Why the last try to become another one has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reexec_failed: Option<String>,
    /// What has to end before it becomes another one, as somebody wishes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reexec_waits: Option<String>,
    /// Since when it runs: RFC 3339, UTC.
    pub since: String,
    /// For how long, in seconds.
    pub uptime_s: f64,
    /// `gate`, `migrate`, `start`, `watch` or `stopping`.
    pub phase: String,
    /// `ok`, `degraded` or `critical`.
    pub health: String,
    /// Everything required is ready.
    pub ok: bool,
    /// Why it is not, the worst first.
    pub reasons: Vec<String>,
    /// The services.
    pub services: Vec<Service>,
    /// The jobs.
    pub jobs: Vec<Job>,
    /// The databases and other dependencies.
    pub dependencies: Vec<Dependency>,
    /// The migrations.
    pub migrations: Migrations,
    /// The copies of databases.
    pub backups: Vec<Backup>,
    /// The certificates that are shown.
    pub certificates: Vec<Certificate>,
    /// The disk of the data directory.
    pub disk: Disk,
    /// Whether what happens is remembered.
    pub journal: Journal,
}

/// The copies of a database.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Backup {
    /// The database.
    pub database: String,
    /// `pass`, `fail`, `could not verify`, or `skipped` before the first copy was due.
    pub verdict: String,
    /// What is wrong.
    pub reason: Option<String>,
    /// What would be lost if the disk died now, in a sentence.
    pub exposure: String,
    /// The newest VERIFIED copy.
    pub newest: Option<String>,
    /// The moment that it shows: RFC 3339, UTC.
    pub taken: Option<String>,
    /// How old it is, in seconds.
    pub age_s: Option<f64>,
    /// How old it may get, in seconds.
    pub limit_s: Option<f64>,
    /// Is it older?
    pub stale: bool,
    /// How long its restore took when it was tried, in seconds.
    pub back_s: Option<f64>,
    /// Its size, in bytes.
    pub bytes: Option<u64>,
    /// Copies, of whatever state.
    pub copies: usize,
    /// Those of them that are VERIFIED.
    pub verified: usize,
    /// When a try last did not end in a VERIFIED copy: RFC 3339, UTC.
    pub failed_at: Option<String>,
    /// Why.
    pub failure: Option<String>,
}

/// A certificate that the proxy shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Certificate {
    /// The names that it is for.
    pub names: Vec<String>,
    /// `pass` or `fail`.
    pub verdict: String,
    /// What is wrong.
    pub reason: Option<String>,
    /// Until when it holds: RFC 3339, UTC; nothing for a provisional one.
    pub until: Option<String>,
    /// Whole days until then.
    pub days_left: Option<i64>,
    /// When another one is asked for: RFC 3339, UTC.
    pub next: Option<String>,
    /// Why the last try to get another one has failed.
    pub failure: Option<String>,
}

/// Whether what happens is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Journal {
    /// `pass`, `fail`, `could not verify`, or `skipped` when it is not wanted.
    pub verdict: String,
    /// Why it does not pass.
    pub reason: Option<String>,
    /// The file.
    pub path: String,
    /// Its size, in bytes.
    pub bytes: u64,
    /// Events that were left out since the start.
    pub dropped: u64,
}

/// A database or something else that services need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// What kind of thing it is.
    pub kind: String,
    /// Nothing runs without it.
    pub required: bool,
    /// What it is doing: `ready`, `recovering`, `down` and others.
    pub state: String,
    /// For how long, in seconds.
    pub for_s: f64,
    /// `pass`, `fail`, `could not verify` or `skipped`.
    pub verdict: String,
    /// How long its last answer took, in milliseconds.
    pub latency_ms: Option<f64>,
    /// Why the last check did not pass.
    pub reason: Option<String>,
    /// Lengths of the queues that it holds.
    pub queues: BTreeMap<String, u64>,
}

/// The migrations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Migrations {
    /// `none`, `pending`, `running`, `done`, `failed` or `degraded`.
    pub state: String,
    /// Why they failed.
    pub message: Option<String>,
}

/// The disk of the data directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// The data directory.
    pub path: String,
    /// The room left for us, in bytes; nothing when it could not be seen.
    pub free_bytes: Option<u64>,
}

/// Why a service is as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Why {
    /// The service; without a name when it is a job.
    pub service: Service,
    /// The job.
    pub job: Option<Job>,
    /// What it is blocked on; empty when on nothing.
    pub blocked_on: Vec<String>,
    /// When it is tried again, in seconds from now; nothing when that hangs on something else.
    pub next_try_s: Option<f64>,
    /// How its last process ended.
    pub last_exit: Option<LastExit>,
    /// The fault that its last lines name.
    pub fault: Option<Fault>,
    /// The last lines that it wrote to standard error, oldest first.
    pub stderr: Vec<String>,
    /// The dependencies that it needs.
    pub needs: Vec<Dependency>,
    /// The disk of the data directory.
    pub disk: Disk,
}

/// A fault that has a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fault {
    /// Its name, such as `two-pollers`.
    pub name: String,
    /// What it is.
    pub what: String,
    /// What to do.
    pub hint: String,
}

/// How a process ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastExit {
    /// `exit code 1`, `signal 9 (SIGKILL)`.
    pub how: String,
    /// What that usually means.
    pub meaning: Option<String>,
    /// When: RFC 3339, UTC.
    pub at: String,
    /// How long ago, in seconds.
    pub ago_s: f64,
}

/// Seconds of the protocol as a span; none for what is no span.
pub fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Old and new understand each other: what is unknown is ignored, what is missing has its default.
    #[test]
    fn readers_ignore_what_they_do_not_know_and_miss_nothing() {
        let newer = r#"{"app":"a","colour":"blue","services":[{"name":"api","mood":{"x":1}}]}"#;
        let ps: Ps = serde_json::from_str(newer).unwrap();
        assert_eq!((ps.services[0].name.as_str(), ps.services[0].pid), ("api", None));
        assert_eq!(serde_json::from_str::<Status>("{}").unwrap(), Status::default());
        let change: Change = serde_json::from_str(r#"{"settled":"vanished"}"#).unwrap();
        assert_eq!(change.settled, Settled::NotYet);
    }
}
