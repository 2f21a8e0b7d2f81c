//! What is known here, in the words of the protocol.

use super::super::{
    World,
    backups::{Backups, Standing},
    certificates,
};
use control::{Backup, Certificate, Dependency, Disk, Fault, Job, JobRun, LastExit, Migrations, Service, Usage};
use health::Report;
use host::process::Memory;
use jiff::Timestamp;
use report::{Verdict, rfc3339};
use std::time::Duration;
use supervise::{
    ServiceStatus, ServiceUsage, meaning,
    schedule::{JobStatus, RunRecord},
};
use tokio::time::Instant;

pub(super) fn service(world: &World, status: &ServiceStatus, usage: Option<&ServiceUsage>) -> Service {
    Service {
        name: status.name.clone(),
        release: world.by_now().env.get(host::process::RELEASE).cloned(),
        state: status.word.to_string(),
        fine: status.fine.to_owned(),
        ready: status.ready,
        pid: status.pid,
        port: status.port,
        since: at(world, status.since),
        for_s: seconds(status.since.elapsed()),
        restarts: status.restarts,
        last_exit: status.last_exit.clone(),
        reason: status.reason.as_deref().map(|reason| world.terminal.mask(reason)),
        status: status.status.as_deref().map(|text| world.terminal.mask(text)),
        latency_ms: usage.and_then(|usage| usage.answer).map(|took| tenths(took.as_secs_f64() * 1e3)),
        usage: usage.map(shown_usage),
    }
}

fn shown_usage(usage: &ServiceUsage) -> Usage {
    Usage {
        cpu_percent: usage.share.map(|share| tenths(share.of_one * 100.0)),
        cpu_over_s: usage.share.map(|share| seconds(share.over)),
        cpu_s: usage.cpu.as_secs_f64(),
        memory_bytes: usage.memory.map(Memory::bytes),
        memory_kind: usage.memory.map(|memory| memory.kind().to_owned()),
        open_files: usage.open_files,
        processes: usage.processes,
        oom_kills: usage.oom_kills,
        memory_limit_bytes: usage.memory_limit.map(|(limit, _)| limit),
        memory_charged_bytes: usage.memory_limit.map(|(_, charged)| charged),
    }
}

pub(super) fn last_exit(world: &World, status: &ServiceStatus) -> Option<LastExit> {
    let (exit, when) = (status.exit?, status.exited_at?);
    Some(LastExit {
        how: status.last_exit.clone()?,
        meaning: meaning(exit, status.out_of_memory).map(str::to_owned),
        at: at(world, when),
        ago_s: seconds(when.elapsed()),
    })
}

pub(super) fn fault(world: &World, status: &ServiceStatus) -> Option<Fault> {
    let supervise::Fault { name, what, hint } = world.journal.fault(&status.name, status.pid.is_none())?;
    Some(Fault { name: name.to_owned(), what: world.terminal.mask(&what), hint: hint.to_owned() })
}

pub(super) fn dependencies(report: &Report) -> Vec<Dependency> {
    let one = |check: &health::CheckLine| Dependency {
        name: check.name.clone(),
        kind: check.kind.to_owned(),
        required: check.required,
        state: check.state.word().to_owned(),
        for_s: check.for_s,
        verdict: check.verdict.to_string(),
        latency_ms: check.latency_ms,
        reason: check.reason.clone(),
        queues: check.queues.clone(),
    };
    report.checks.iter().map(one).collect()
}

pub(super) fn migrations(report: &Report) -> Migrations {
    Migrations { state: report.migrations.state.to_owned(), message: report.migrations.message.clone() }
}

pub(super) fn backups(world: &World) -> Vec<Backup> {
    Backups::now(world).into_iter().map(|standing| backup(world, standing)).collect()
}

fn backup(world: &World, Standing { health, protection, now }: Standing) -> Backup {
    let mask = |reason: &str| world.terminal.mask(reason);
    let (newest, failure) = (protection.newest.as_ref(), protection.failure.as_ref());
    Backup {
        database: health.database,
        verdict: health.verdict.to_string(),
        reason: health.reason.as_deref().map(mask),
        exposure: match health.verdict {
            Verdict::CouldNotVerify => "if the disk dies now: could not verify what is lost".to_owned(),
            _ => protection.exposure(now).to_string(),
        },
        newest: newest.map(|newest| newest.id.to_string()),
        taken: newest.map(|newest| newest.taken.to_string()),
        age_s: health.newest.map(|newest| tenths(newest.age)),
        limit_s: health.limit.map(seconds),
        stale: health.stale,
        back_s: newest.and_then(|newest| newest.restore),
        bytes: newest.map(|newest| newest.bytes),
        copies: health.copies,
        verified: health.verified,
        failed_at: failure.map(|failure| failure.at.to_string()),
        failure: failure.map(|failure| mask(&failure.reason)),
    }
}

pub(super) fn certificates(world: &World) -> Vec<Certificate> {
    let one = |look: proxy::Look| Certificate {
        verdict: if look.complaint.is_some() { Verdict::Fail } else { Verdict::Pass }.to_string(),
        reason: look.complaint.as_deref().map(|reason| world.terminal.mask(reason)),
        failure: look.failure.as_deref().map(|reason| world.terminal.mask(reason)),
        names: look.names,
        until: look.until,
        days_left: look.days_left,
        next: look.next,
    };
    certificates::now(world).into_iter().map(one).collect()
}

pub(super) fn disk(world: &World) -> Disk {
    Disk { path: world.app.data.display().to_string(), free_bytes: host::fs::free_bytes(&world.app.data) }
}

/// What a service waits for, apart from its own next try.
pub(super) fn blocked_on(world: &World, report: &Report, status: &ServiceStatus) -> Vec<String> {
    match report.phase {
        "gate" => {
            let closed = report.checks.iter().filter(|check| check.required && check.state.word() != "ready");
            let one = |check: &health::CheckLine| {
                let reason = check.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
                format!("the gate, which waits for `{}`: {}{reason}", check.name, check.state.word())
            };
            closed.map(one).collect()
        }
        "migrate" => vec!["the migrations, which are being applied".to_owned()],
        _ if matches!(status.fine, "parked" | "waiting" | "failed" | "stopped") => {
            status.reason.iter().map(|reason| world.terminal.mask(reason)).collect()
        }
        _ => Vec::new(),
    }
}

/// A moment of tokio's time by the calendar.
pub(super) fn at(world: &World, moment: Instant) -> String {
    let now = world.now();
    rfc3339(now.checked_sub(moment.elapsed()).unwrap_or(now))
}

pub(super) fn seconds(span: Duration) -> f64 {
    tenths(span.as_secs_f64())
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// One job.
pub(super) fn job(world: &World, status: &JobStatus) -> Job {
    let until = |due: Timestamp| due.duration_since(world.now()).as_secs_f64();
    Job {
        name: status.name.clone(),
        state: status.state.to_owned(),
        reason: match status.state {
            "off" => Some("its rhythm is `off`".to_owned()),
            _ => status.reason.as_deref().map(|reason| world.terminal.mask(reason)),
        },
        pid: status.pid,
        next: status.next.map(|due| due.to_string()),
        next_in_s: status.next.map(|due| (until(due).max(0.0) * 10.0).round() / 10.0),
        last: status.last.as_ref().map(|record| run(world, record)),
    }
}

/// A job where none is run.
pub(super) fn job_off(name: &str, why: Option<&str>) -> Job {
    Job { name: name.to_owned(), state: "off".to_owned(), reason: why.map(str::to_owned), ..Job::default() }
}

/// What became of a run.
pub(super) fn run(world: &World, record: &RunRecord) -> JobRun {
    // Both are written with the same names.
    let run: JobRun = serde_json::to_value(record).and_then(serde_json::from_value).unwrap_or_default();
    JobRun {
        reason: run.reason.map(|reason| world.terminal.mask(&reason)),
        took_s: record.took().map(seconds),
        ago_s: Duration::try_from(world.now().duration_since(record.ended)).ok().map(seconds),
        ..run
    }
}

/// A number of seconds, for people.
pub(super) fn span(seconds: f64) -> String {
    report::seconds(control::span(seconds))
}
