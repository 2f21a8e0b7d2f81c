//! What is known here, in the words of the protocol.

use super::{super::World, ring::rfc3339};
use control::{Dependency, Disk, LastExit, Migrations, Service, Usage};
use health::Report;
use host::process::Memory;
use std::time::Duration;
use supervise::{ServiceStatus, ServiceUsage, meaning};
use tokio::time::Instant;

pub(super) fn service(world: &World, status: &ServiceStatus, usage: Option<&ServiceUsage>) -> Service {
    Service {
        name: status.name.clone(),
        state: status.word.to_string(),
        fine: status.fine.to_owned(),
        ready: status.ready,
        pid: status.pid,
        since: at(world, status.since),
        for_s: seconds(status.since.elapsed()),
        restarts: status.restarts,
        last_exit: status.last_exit.clone(),
        reason: status.reason.as_deref().map(|reason| world.terminal.mask(reason)),
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
    let now = world.clock.now();
    rfc3339(now.checked_sub(moment.elapsed()).unwrap_or(now))
}

pub(super) fn seconds(span: Duration) -> f64 {
    tenths(span.as_secs_f64())
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
