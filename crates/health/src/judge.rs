//! From what is known to `ok`, `degraded` or `critical`, with reasons.

use crate::{BackupHealth, CertificateHealth, DependencyHealth, Migrations, Phase, ServiceHealth, Snapshot};
use database::ServerState;
use report::Verdict;
use serde::Serialize;
use std::fmt;

/// The health of the whole application, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Everything is as it should be.
    Ok,
    /// Does its work; something is missing or may soon be.
    Degraded,
    /// Does not do its work: something required is missing.
    Critical,
}

/// What the three pages answer, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The word.
    pub status: Status,
    /// Why it is not `ok`, the worst first.
    pub reasons: Vec<String>,
    /// `/readyz`: everything required is ready.
    pub ready: bool,
    /// `/healthz`: ready, or on the way there.
    pub healthy: bool,
    /// `/livez`: nothing has failed for good.
    pub live: bool,
}

/// Judges `known`. The rules are in the documentation of the crate.
pub fn judge(known: &Snapshot) -> Judgement {
    let mut complaints: Vec<_> = phase(known.phase)
        .into_iter()
        .chain(known.dependencies.iter().filter_map(dependency))
        .chain(migrations(&known.migrations))
        .chain(known.services.iter().filter_map(service))
        .chain(known.backups.iter().filter_map(backup))
        .chain(known.certificates.iter().filter_map(certificate))
        .collect();
    complaints.sort_by_key(|(status, _)| std::cmp::Reverse(*status));
    let status = complaints.first().map_or(Status::Ok, |(status, _)| *status);
    let (ready, live) = (status != Status::Critical, !failed_for_good(known));
    Judgement {
        status,
        reasons: complaints.into_iter().map(|(_, reason)| reason).collect(),
        ready,
        healthy: ready || (known.phase != Phase::Watch && live),
        live,
    }
}

type Complaint = (Status, String);

fn phase(phase: Phase) -> Option<Complaint> {
    let reason = match phase {
        Phase::Gate => "not started: waiting for the dependencies",
        Phase::Migrate => "not started: migrations first",
        Phase::Start => "services are being started",
        Phase::Stopping => "stopping",
        Phase::Watch => return None,
    };
    Some((Status::Critical, reason.to_owned()))
}

fn dependency(it: &DependencyHealth) -> Option<Complaint> {
    let name = &it.name;
    let lack = if it.required { Status::Critical } else { Status::Degraded };
    match (it.state, it.verdict) {
        (ServerState::Unknown, Verdict::Skipped) => Some((lack, format!("{name} has not been asked yet"))),
        (ServerState::Ready, Verdict::Fail) => {
            Some((Status::Degraded, because(format!("{name} failed its last check"), it.reason.as_deref())))
        }
        (ServerState::Ready, Verdict::CouldNotVerify) => {
            Some((Status::Degraded, because(format!("could not verify {name}"), it.reason.as_deref())))
        }
        (ServerState::Ready, _) if it.unsteady => {
            Some((Status::Degraded, format!("{name} is unsteady: its checks fail time and again")))
        }
        (ServerState::Ready, _) => None,
        (state, _) => Some((lack, because(format!("{name} is {state}"), it.reason.as_deref()))),
    }
}

fn migrations(migrations: &Migrations) -> Option<Complaint> {
    match migrations {
        Migrations::None | Migrations::Done | Migrations::Pending(0) => None,
        Migrations::Pending(count) => {
            Some((Status::Critical, format!("{} pending", report::count(*count, "migration"))))
        }
        Migrations::Running => Some((Status::Critical, "migrations are running".to_owned())),
        Migrations::Failed(message) => Some((Status::Critical, format!("migrations failed: {message}"))),
        Migrations::Degraded(message) => Some((Status::Degraded, format!("started without all migrations: {message}"))),
    }
}

fn service(it: &ServiceHealth) -> Option<Complaint> {
    let lack = if it.required { Status::Critical } else { Status::Degraded };
    (!it.ready).then(|| (lack, because(unready(it), it.reason.as_deref())))
}

/// Whoever works without copies works.
fn backup(it: &BackupHealth) -> Option<Complaint> {
    let what = match it.verdict {
        Verdict::Fail => format!("{} is not protected", it.database),
        Verdict::CouldNotVerify => format!("could not verify the copies of {}", it.database),
        Verdict::Pass | Verdict::Skipped => return None,
    };
    Some((Status::Degraded, because(what, it.reason.as_deref())))
}

/// Requests are still taken, if not by everybody.
fn certificate(it: &CertificateHealth) -> Option<Complaint> {
    let reason = it.reason.as_deref()?;
    Some((Status::Degraded, format!("the certificate of {}: {reason}", it.name)))
}

/// A process may be `active` and still fail its health check.
fn unready(it: &ServiceHealth) -> String {
    match it.word.as_str() {
        "active" => format!("{} runs and is not ready", it.name),
        word => format!("{} is {word}", it.name),
    }
}

/// What mainstay cannot mend by itself: only a restart from outside may help.
fn failed_for_good(known: &Snapshot) -> bool {
    let service = known.services.iter().any(|service| service.required && service.word == "failed");
    service || matches!(known.migrations, Migrations::Failed(_))
}

fn because(what: String, reason: Option<&str>) -> String {
    match reason {
        Some(reason) => format!("{what}: {reason}"),
        None => what,
    }
}

impl Status {
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Degraded => "degraded",
            Status::Critical => "critical",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
