//! What is known about the application at one moment.

use crate::Reading;
use database::ServerState;
use host::handover::moment;
use report::Verdict;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};
use tokio::time::Instant;

/// How far a start has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Waiting for the dependencies.
    Gate,
    /// Applying migrations.
    Migrate,
    /// Starting services.
    Start,
    /// Everything was started and is watched.
    Watch,
    /// Stopping on request.
    Stopping,
}

/// Everything that is known at one moment; [`crate::judge`] and the renderings read it. Written, its moments mean something to a later
/// version of this process alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// The application's version.
    pub version: Option<String>,
    /// When mainstay began.
    #[serde(with = "moment")]
    pub started: Instant,
    /// How far the start has come.
    pub phase: Phase,
    /// When that phase began.
    #[serde(with = "moment")]
    pub phase_since: Instant,
    /// How long the phases before took, in order.
    pub steps: Vec<(Phase, Duration)>,
    /// Dependencies in the order of the configuration.
    pub dependencies: Vec<DependencyHealth>,
    /// Services in the order of their start.
    pub services: Vec<ServiceHealth>,
    /// The migrations.
    pub migrations: Migrations,
    /// The copies of databases; empty where none are taken.
    #[serde(skip)]
    pub backups: Vec<BackupHealth>,
    /// The certificates that are shown; empty where TLS is not offered.
    #[serde(skip)]
    pub certificates: Vec<CertificateHealth>,
    /// Switches worth seeing: `scheduler`, `polling`. They don't change the verdict.
    pub flags: BTreeMap<String, bool>,
    /// What services use, by name; empty unless it was asked for ([`crate::Board::measured`]).
    #[serde(skip)]
    pub usage: BTreeMap<String, Usage>,
    /// What else there is to be told, likewise.
    #[serde(skip)]
    pub readings: Vec<Reading>,
}

/// What a service uses, all of its processes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time since mainstay started, over all restarts.
    pub cpu: Duration,
    /// Memory, in bytes; nothing when it does not run, or may not be seen.
    pub memory: Option<u64>,
    /// Open files; nothing likewise.
    pub open_files: Option<u64>,
    /// Processes.
    pub processes: u64,
    /// How often it was killed for want of memory.
    pub oom_kills: u64,
}

/// One dependency.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DependencyHealth {
    /// Its name.
    pub name: String,
    /// What kind of thing, as [`config::Target::kind`] says it.
    #[serde(skip)]
    pub kind: &'static str,
    /// Critical without it, or only degraded.
    pub required: bool,
    /// What it is doing, after hysteresis: one failed check does not change it.
    pub state: ServerState,
    /// Since when it does that.
    #[serde(with = "moment")]
    pub since: Instant,
    /// The verdict of the last check; `skipped` before the first.
    pub verdict: Verdict,
    /// Why the last check did not pass.
    pub reason: Option<String>,
    /// Up, but failing time and again.
    pub unsteady: bool,
    /// How long the last answer took.
    pub latency: Option<Duration>,
    /// When it was last asked.
    #[serde(with = "moment::option")]
    pub checked_at: Option<Instant>,
    /// Lengths of the queues it holds.
    pub queues: Vec<(String, u64)>,
    /// Checks so far.
    pub counts: Counts,
    /// The last checks, oldest first, at most [`Self::HISTORY`].
    pub history: VecDeque<Checked>,
}

/// One check, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// When it began.
    #[serde(with = "moment")]
    pub at: Instant,
    /// Its verdict.
    pub verdict: Verdict,
    /// What the server was doing.
    pub state: ServerState,
    /// How long it took.
    pub took: Duration,
}

/// How many checks ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Passed.
    pub pass: u64,
    /// Failed.
    pub fail: u64,
    /// Could not look.
    pub could_not_verify: u64,
}

/// One service, as far as health cares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceHealth {
    /// Its name.
    pub name: String,
    /// The outer word for its state: `activating`, `active`, `deactivating`, `inactive`, `failed`, `parked`.
    pub word: String,
    /// Does what is asked of it; also a one-shot that has done its work.
    pub ready: bool,
    /// Critical without it, or only degraded.
    pub required: bool,
    /// Restarts so far.
    pub restarts: u64,
    /// Why it is not ready.
    pub reason: Option<String>,
}

/// How the copies of a database are.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupHealth {
    /// The database.
    pub database: String,
    /// `pass` while it is protected, `fail` when the newest VERIFIED copy is missing or stale, `skipped` before the first one was due.
    pub verdict: Verdict,
    /// What is wrong.
    pub reason: Option<String>,
    /// A newer VERIFIED copy should be there.
    pub stale: bool,
    /// The newest VERIFIED copy.
    pub newest: Option<NewestBackup>,
    /// How old that may get; nothing where no copies are due.
    pub limit: Option<Duration>,
    /// Copies, of whatever state.
    pub copies: usize,
    /// Those of them that are VERIFIED.
    pub verified: usize,
    /// When a try last did not end in a VERIFIED copy: seconds since 1970.
    pub failed_at: Option<f64>,
}

/// The newest VERIFIED copy of a database.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NewestBackup {
    /// The moment that it shows: seconds since 1970.
    pub taken: f64,
    /// How old it is, in seconds.
    pub age: f64,
    /// Its size.
    pub bytes: u64,
    /// Seconds that its restore took when it was tried.
    pub restore: Option<f64>,
}

/// How a certificate is that whoever connects is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateHealth {
    /// The first name that it is for.
    pub name: String,
    /// Until when it holds: seconds since 1970; nothing for a provisional one.
    pub until: Option<f64>,
    /// Whole days until then.
    pub days_left: Option<i64>,
    /// The last try to get another one has failed.
    pub failing: bool,
    /// What is wrong with it; nothing when all is well.
    pub reason: Option<String>,
}

/// The migrations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Migrations {
    /// There are none to apply.
    #[default]
    None,
    /// This many wait to be applied.
    Pending(usize),
    /// They are being applied.
    Running,
    /// All applied.
    Done,
    /// Failed, and nothing is started without them.
    Failed(String),
    /// Failed, and services were started all the same.
    Degraded(String),
}

/// All states that a dependency can be in.
pub(crate) const STATES: [ServerState; 9] = [
    ServerState::Down,
    ServerState::Unreachable,
    ServerState::Starting,
    ServerState::Recovering,
    ServerState::ReadOnly,
    ServerState::Full,
    ServerState::Denied,
    ServerState::Ready,
    ServerState::Unknown,
];

impl Phase {
    /// All of them, in order.
    pub const ALL: [Phase; 5] = [Phase::Gate, Phase::Migrate, Phase::Start, Phase::Watch, Phase::Stopping];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Phase::Gate => "gate",
            Phase::Migrate => "migrate",
            Phase::Start => "start",
            Phase::Watch => "watch",
            Phase::Stopping => "stopping",
        }
    }
}

impl DependencyHealth {
    /// How many checks are kept.
    pub const HISTORY: usize = 60;

    /// Not asked yet.
    pub fn new(name: impl Into<String>, kind: &'static str, required: bool, now: Instant) -> Self {
        Self {
            name: name.into(),
            kind,
            required,
            state: ServerState::Unknown,
            since: now,
            verdict: Verdict::Skipped,
            reason: None,
            unsteady: false,
            latency: None,
            checked_at: None,
            queues: Vec::new(),
            counts: Counts::default(),
            history: VecDeque::new(),
        }
    }

    /// A PostgreSQL or SQLite database.
    pub fn is_database(&self) -> bool {
        matches!(self.kind, "PostgreSQL" | "SQLite")
    }

    /// Sets what it is doing; the time counts from the change.
    pub(crate) fn becomes(&mut self, state: ServerState, now: Instant) {
        if self.state != state {
            (self.state, self.since) = (state, now);
        }
    }

    /// Keeps one check.
    pub(crate) fn keep(&mut self, checked: Checked) {
        self.verdict = checked.verdict;
        self.checked_at = Some(checked.at);
        self.counts.add(checked.verdict);
        if self.history.len() == Self::HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(checked);
    }
}

impl Counts {
    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Pass => self.pass += 1,
            Verdict::Fail => self.fail += 1,
            Verdict::CouldNotVerify => self.could_not_verify += 1,
            Verdict::Skipped => {}
        }
    }
}

impl Migrations {
    /// The word.
    pub const fn word(&self) -> &'static str {
        match self {
            Migrations::None => "none",
            Migrations::Pending(_) => "pending",
            Migrations::Running => "running",
            Migrations::Done => "done",
            Migrations::Failed(_) => "failed",
            Migrations::Degraded(_) => "degraded",
        }
    }

    /// How many wait to be applied, when that is known.
    pub const fn pending(&self) -> Option<usize> {
        match self {
            Migrations::Pending(count) => Some(*count),
            Migrations::None | Migrations::Done => Some(0),
            _ => None,
        }
    }

    /// Why they failed.
    pub fn message(&self) -> Option<&str> {
        match self {
            Migrations::Failed(message) | Migrations::Degraded(message) => Some(message),
            _ => None,
        }
    }
}
