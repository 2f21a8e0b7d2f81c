//! The body of the health pages.

use crate::{BackupHealth, CertificateHealth, DependencyHealth, Judgement, ServiceHealth, Snapshot, Status, judge};
use database::ServerState;
use jiff::Timestamp;
use report::{Verdict, rfc3339};
use serde::Serialize;
use std::{collections::BTreeMap, time::SystemTime};
use tokio::time::Instant;

/// The body of `/healthz` and `/readyz`: the fields of S3.5, then the details.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Everything required is ready.
    pub ok: bool,
    /// The health in a word.
    pub status: Status,
    /// How far the start has come.
    pub phase: &'static str,
    /// All databases are ready; nothing when there are none.
    pub db: Option<bool>,
    /// All Redis servers are ready; nothing when there are none.
    pub redis: Option<bool>,
    /// Length of all queues together; nothing when none is known.
    pub queue_depth: Option<u64>,
    /// The application's version.
    pub version: Option<String>,
    /// When this was true: RFC 3339, UTC.
    pub time: String,
    /// How long mainstay has run, in seconds.
    pub uptime_s: f64,
    /// Why it is not `ok`, the worst first.
    pub reasons: Vec<String>,
    /// The dependencies.
    pub checks: Vec<CheckLine>,
    /// The services.
    pub services: Vec<ServiceLine>,
    /// The migrations.
    pub migrations: MigrationsLine,
    /// The copies of databases.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backups: Vec<BackupLine>,
    /// The certificates that are shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateLine>,
    /// Switches.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub flags: BTreeMap<String, bool>,
    /// What `/healthz` and `/livez` answer.
    #[serde(skip)]
    pub judgement: Judgement,
}

/// One dependency.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckLine {
    /// Its name.
    pub name: String,
    /// What kind of thing it is.
    pub kind: &'static str,
    /// Critical without it, or only degraded.
    pub required: bool,
    /// What it is doing.
    pub state: ServerState,
    /// For how long, in seconds.
    pub for_s: f64,
    /// The verdict of the last check.
    pub verdict: Verdict,
    /// How long ago that was, in seconds.
    pub checked_s: Option<f64>,
    /// How long the last answer took, in milliseconds.
    pub latency_ms: Option<f64>,
    /// Why the last check did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Lengths of the queues it holds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub queues: BTreeMap<String, u64>,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceLine {
    /// Its name.
    pub name: String,
    /// Its state in a word.
    pub state: String,
    /// Does what is asked of it.
    pub ready: bool,
    /// Restarts so far.
    pub restarts: u64,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The migrations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MigrationsLine {
    /// `none`, `pending`, `running`, `done`, `failed` or `degraded`.
    pub state: &'static str,
    /// How many wait to be applied, when that is known.
    pub pending: Option<usize>,
    /// Why they failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The copies of a database.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BackupLine {
    /// The database.
    pub database: String,
    /// `pass`, `fail`, `could not verify`, or `skipped` before the first copy was due.
    pub verdict: Verdict,
    /// A newer VERIFIED copy should be there.
    pub stale: bool,
    /// How old the newest VERIFIED copy is, in seconds.
    pub age_s: Option<f64>,
    /// How old it may get, in seconds.
    pub limit_s: Option<f64>,
    /// How long its restore took when it was tried, in seconds.
    pub back_s: Option<f64>,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A certificate that is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CertificateLine {
    /// The first name that it is for.
    pub name: String,
    /// Whole days until it holds no more; nothing for a provisional one.
    pub days_left: Option<i64>,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Report {
    /// Folds `known` into a report at `now`, which is `time` by the calendar.
    pub fn of(known: &Snapshot, now: Instant, time: SystemTime) -> Self {
        let judgement = judge(known);
        Self {
            ok: judgement.ready,
            status: judgement.status,
            phase: known.phase.word(),
            db: all_ready(known, DependencyHealth::is_database),
            redis: all_ready(known, |it| it.kind == "Redis"),
            queue_depth: queue_depth(known),
            version: known.version.clone(),
            time: rfc3339(Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH)),
            uptime_s: seconds(now, known.started),
            reasons: judgement.reasons.clone(),
            checks: known.dependencies.iter().map(|it| check_line(it, now)).collect(),
            services: known.services.iter().map(service_line).collect(),
            migrations: MigrationsLine {
                state: known.migrations.word(),
                pending: known.migrations.pending(),
                message: known.migrations.message().map(str::to_owned),
            },
            backups: known.backups.iter().map(backup_line).collect(),
            certificates: known.certificates.iter().map(certificate_line).collect(),
            flags: known.flags.clone(),
            judgement,
        }
    }
}

fn all_ready(known: &Snapshot, kind: impl Fn(&DependencyHealth) -> bool) -> Option<bool> {
    let mut of_kind = known.dependencies.iter().filter(|it| kind(it)).peekable();
    of_kind.peek()?;
    Some(of_kind.all(|it| it.state == ServerState::Ready))
}

fn queue_depth(known: &Snapshot) -> Option<u64> {
    let mut lengths = known.dependencies.iter().flat_map(|it| &it.queues).map(|(_, length)| *length).peekable();
    lengths.peek()?;
    Some(lengths.fold(0, u64::saturating_add))
}

fn check_line(it: &DependencyHealth, now: Instant) -> CheckLine {
    CheckLine {
        name: it.name.clone(),
        kind: it.kind,
        required: it.required,
        state: it.state,
        for_s: seconds(now, it.since),
        verdict: it.verdict,
        checked_s: it.checked_at.map(|at| seconds(now, at)),
        latency_ms: it.latency.map(|latency| (latency.as_secs_f64() * 1e5).round() / 100.0),
        reason: it.reason.clone(),
        queues: it.queues.iter().cloned().collect(),
    }
}

fn backup_line(it: &BackupHealth) -> BackupLine {
    BackupLine {
        database: it.database.clone(),
        verdict: it.verdict,
        stale: it.stale,
        age_s: it.newest.map(|newest| newest.age),
        limit_s: it.limit.map(|limit| limit.as_secs_f64()),
        back_s: it.newest.and_then(|newest| newest.restore),
        reason: it.reason.clone(),
    }
}

fn certificate_line(it: &CertificateHealth) -> CertificateLine {
    CertificateLine { name: it.name.clone(), days_left: it.days_left, reason: it.reason.clone() }
}

fn service_line(it: &ServiceHealth) -> ServiceLine {
    ServiceLine {
        name: it.name.clone(),
        state: it.word.clone(),
        ready: it.ready,
        restarts: it.restarts,
        reason: it.reason.clone(),
    }
}

fn seconds(now: Instant, since: Instant) -> f64 {
    (now.saturating_duration_since(since).as_secs_f64() * 10.0).round() / 10.0
}
