//! What is told about the life of a service: one plain sentence each, and the same as fields.

use crate::{
    fence::FENCE,
    state::{Failure, exit_words},
};
use config::{Budget, Service};
use host::{
    process::{Exit, Limit},
    signals::signal_name,
};
use report::{Event, Level, count, seconds};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

pub(crate) fn starting(service: &Service) -> Event {
    let program = service.argv.first().map_or("", String::as_str);
    event("service.starting", &service.name, format!("starts `{program}`")).level(Level::Debug)
}

pub(crate) fn started(name: &str, pid: u32) -> Event {
    event("service.started", name, format!("runs as pid {pid}")).with("pid", pid)
}

pub(crate) fn ready(name: &str, took: Duration) -> Event {
    event("service.ready", name, format!("is ready after {}", seconds(took))).with("took", took)
}

pub(crate) fn exited(name: &str, exit: Exit, lived: Duration) -> Event {
    let level = if exit == Exit::Code(0) { Level::Info } else { Level::Warn };
    let text = format!("ended with {} after {}", exit_words(exit), seconds(lived));
    with_exit(event("service.exited", name, text).level(level), exit).with("lived", lived)
}

pub(crate) fn left_behind(name: &str) -> Event {
    event("service.killed", name, "left processes of its group behind: they are killed".to_owned()).level(Level::Warn)
}

pub(crate) fn restarting(name: &str, wait: Duration, restarts: u32) -> Event {
    let when = if wait.is_zero() { "at once".to_owned() } else { format!("in {}", seconds(wait)) };
    let text = format!("starts again {when}, restart {restarts}");
    event("service.restarting", name, text).with("in", wait).with("restarts", restarts)
}

pub(crate) fn parked(name: &str, unmet: &BTreeMap<String, String>, has_run: bool) -> Event {
    let reason = lacking(unmet);
    let excuse = if has_run { "; that it ended does not count" } else { "" };
    let text = format!("is parked: it {reason}{excuse}");
    event("service.parked", name, text).level(Level::Warn).with("reason", reason)
}

pub(crate) fn fenced(name: &str, unmet: &BTreeMap<String, String>) -> Event {
    let reason = lacking(unmet);
    event("service.fenced", name, format!("has lost its lock and must not run: it {reason}"))
        .level(Level::Warn)
        .with("reason", reason)
}

pub(crate) fn locked(name: &str) -> Event {
    event("service.locked", name, "has its lock".to_owned())
}

pub(crate) fn resumed(name: &str, need: &str, parked: Duration) -> Event {
    let back = if need == FENCE { "it has its lock".to_owned() } else { format!("`{need}` is back") };
    let text = format!("goes on: {back} after {}", seconds(parked));
    event("service.resumed", name, text).with("need", need).with("parked", parked)
}

pub(crate) fn unhealthy(name: &str, reason: &str, unmet: &BTreeMap<String, String>) -> Event {
    let excuse = if unmet.is_empty() { String::new() } else { format!("; left alone, for it {}", lacking(unmet)) };
    let event = event("service.unhealthy", name, format!("is unhealthy: {reason}{excuse}"));
    event.level(Level::Warn).with("reason", reason)
}

pub(crate) fn healthy(name: &str) -> Event {
    event("service.healthy", name, "is healthy again".to_owned())
}

pub(crate) fn flapping(name: &str, how: &str) -> Event {
    event("service.flapping", name, format!("is {how}")).level(Level::Warn).with("reason", how)
}

pub(crate) fn steady(name: &str) -> Event {
    event("service.steady", name, "is not flapping any more".to_owned())
}

pub(crate) fn says(name: &str, what: &str) -> Event {
    event("service.says", name, format!("says: {what}")).with("status", what)
}

pub(crate) fn not_done(name: &str, what: &str) -> Event {
    let why = match what {
        "MAINPID" => "its main process is the one that was started",
        _ => "no descriptors are kept for it",
    };
    event("service.notify-refused", name, format!("sent {what}, which is not done: {why}")).level(Level::Warn)
}

pub(crate) fn stranger(name: &str, pid: Option<u32>) -> Event {
    let who = pid.map_or("a process that cannot be seen from here".to_owned(), |pid| format!("process {pid}"));
    let text = format!("was spoken for by {who}, which is not of it or has gone: not believed");
    event("service.notify-refused", name, text).level(Level::Warn)
}

pub(crate) fn limited(name: &str, limits: &[Limit]) -> Event {
    let one = |limit: &Limit| {
        limit
            .in_force
            .as_ref()
            .map_or_else(|why| format!("`{}` is NOT in force: {why}", limit.name), ToString::to_string)
    };
    let each: Vec<_> = limits.iter().map(one).collect();
    let level = if limits.iter().any(|limit| limit.in_force.is_err()) { Level::Warn } else { Level::Info };
    event("service.limited", name, format!("is limited: {}", each.join("; "))).level(level)
}

pub(crate) fn stopping(name: &str, signal: i32) -> Event {
    event("service.stopping", name, format!("is asked to stop by {}", signal_words(signal))).with("signal", signal)
}

pub(crate) fn stopped(name: &str, exit: Exit, took: Duration) -> Event {
    let text = format!("stopped with {} after {}", exit_words(exit), seconds(took));
    with_exit(event("service.stopped", name, text), exit).with("took", took)
}

pub(crate) fn killed(name: &str, grace: Duration) -> Event {
    let text = format!("did not stop within {}: its whole group is killed", seconds(grace));
    event("service.killed", name, text).level(Level::Warn).with("grace", grace)
}

pub(crate) fn forced(name: &str) -> Event {
    event("service.killed", name, "is killed, for a second request to stop came".to_owned()).level(Level::Warn)
}

pub(crate) fn unkillable(name: &str, pid: u32) -> Event {
    let text = format!("has a process in group {pid} that survives SIGKILL; it is not started again beside it");
    event("service.unkillable", name, text).level(Level::Error).with("pid", pid)
}

pub(crate) fn spawn_failed(name: &str, reason: &str) -> Event {
    let event = event("service.spawn-failed", name, format!("could not be started: {reason}"));
    event.level(Level::Warn).with("reason", reason)
}

pub(crate) fn signal_failed(name: &str, signal: i32, error: &std::io::Error) -> Event {
    let text = format!("could not be sent {}: {error}", signal_words(signal));
    event("service.signal-failed", name, text).level(Level::Error).with("signal", signal)
}

pub(crate) fn failed(name: &str, failure: &Failure) -> Event {
    let event = event("service.failed", name, format!("has failed: {failure}"));
    event.level(Level::Error).with("reason", failure.to_string())
}

/// ``needs `main`, which is down: connection refused``.
pub(crate) fn lacking(unmet: &BTreeMap<String, String>) -> String {
    let one = |(name, reason): (&String, &String)| match name.as_str() {
        FENCE => format!("waits for its lock: {reason}"),
        name => format!("needs `{name}`, which is down: {reason}"),
    };
    let each: Vec<_> = unmet.iter().map(one).collect();
    each.join(" and ")
}

/// `10 restarts in 10 m`.
pub(crate) fn budget(Budget { times, within }: Budget) -> String {
    format!("{} in {}", count(times as usize, "restart"), seconds(within))
}

/// ``waits for `migrator` to be ready``.
pub(crate) fn waiting(after: &BTreeSet<String>) -> String {
    let first = after.first().map_or("", String::as_str);
    match after.len() {
        1 => format!("waits for `{first}` to be ready"),
        more => format!("waits for `{first}` and {} more to be ready", count(more - 1, "service")),
    }
}

fn event(event: &'static str, service: &str, text: String) -> Event {
    Event::new(event, format!("{service} {text}")).with("service", service)
}

fn with_exit(event: Event, exit: Exit) -> Event {
    match exit {
        Exit::Code(code) => event.with("code", code),
        Exit::Signal(number) => event.with("by_signal", number),
    }
}

pub(crate) fn signal_words(signal: i32) -> String {
    signal_name(signal).map_or_else(|| format!("signal {signal}"), Into::into)
}
