//! What is told about the life of a job: one plain sentence each, and the same as fields.

use super::run::{RunRecord, RunResult, Why};
use crate::say::signal_words;
use config::Job;
use jiff::Timestamp;
use report::{Event, Level, count, seconds};
use std::time::Duration;

pub(super) fn due(name: &str, due: Timestamp) -> Event {
    event("schedule.due", name, format!("is due: {due}")).level(Level::Debug).with("due", due.to_string())
}

pub(super) fn caught_up(job: &Job, due: Timestamp, missed: u32) -> Event {
    let text = format!("is run once for {}, the last one due at {due}", missed_runs(missed));
    event("schedule.caught-up", &job.name, text).with("due", due.to_string()).with("missed", missed)
}

pub(super) fn missed(name: &str, missed: u32) -> Event {
    let text = format!("does not make up for {}", missed_runs(missed));
    event("schedule.skipped", name, text).level(Level::Warn).with("missed", missed)
}

fn missed_runs(missed: u32) -> String {
    let more = if missed >= 1000 { " or more" } else { "" };
    let runs = if missed == 1 { "run that was missed" } else { "runs that were missed" };
    format!("{missed}{more} {runs}")
}

pub(super) fn clock_back(name: &str, seen: Timestamp) -> Event {
    let text = format!("was due at {seen} already: the clock was wrong, and times are counted anew");
    event("schedule.clock-back", name, text).level(Level::Warn).with("seen", seen.to_string())
}

pub(super) fn skipped(name: &str, reason: &str) -> Event {
    event("schedule.skipped", name, format!("is skipped: {reason}")).with("reason", reason)
}

pub(super) fn waits_already(name: &str) -> Event {
    let text = "is due while a run still waits: both become one".to_owned();
    event("schedule.skipped", name, text).level(Level::Debug)
}

pub(super) fn waiting(name: &str, reason: &str) -> Event {
    event("schedule.waiting", name, format!("is due and waits: {reason}")).level(Level::Warn).with("reason", reason)
}

pub(super) fn resumed(name: &str, waited: Duration) -> Event {
    event("schedule.resumed", name, format!("goes on after {}", seconds(waited))).with("waited", waited)
}

pub(super) fn started(name: &str, pid: u32, attempt: u32) -> Event {
    let which = if attempt > 1 { format!(", try {attempt}") } else { String::new() };
    event("schedule.started", name, format!("runs as pid {pid}{which}")).with("pid", pid).with("attempt", attempt)
}

pub(super) fn retrying(job: &Job, reason: &str, attempt: u32, pause: Duration) -> Event {
    let left = count((job.retries + 1 - attempt) as usize, "try").replace("trys", "tries");
    let text = format!("failed: {reason}; {left} left, the next one in {}", seconds(pause));
    event("schedule.retrying", &job.name, text).level(Level::Warn).with("reason", reason).with("in", pause)
}

pub(super) fn timed_out(job: &Job) -> Event {
    let limit = job.timeout.unwrap_or_default();
    let text =
        format!("takes longer than {} and is asked to stop by {}", seconds(limit), signal_words(job.stop.signal));
    event("schedule.timeout", &job.name, text).level(Level::Warn).with("timeout", limit)
}

pub(super) fn stopping(job: &Job) -> Event {
    let text = format!("is asked to stop by {}", signal_words(job.stop.signal));
    event("schedule.stopping", &job.name, text).with("signal", job.stop.signal)
}

pub(super) fn killed(job: &Job) -> Event {
    let text = format!("did not stop within {}: its whole group is killed", seconds(job.stop.grace));
    event("schedule.killed", &job.name, text).level(Level::Warn).with("grace", job.stop.grace)
}

pub(super) fn ended(name: &str, record: &RunRecord) -> Event {
    let took = record.took().unwrap_or_default();
    let tries = if record.attempts > 1 { format!(", {} tries", record.attempts) } else { String::new() };
    let after = format!("after {}{tries}", seconds(took));
    let event = match (record.result, &record.reason) {
        (RunResult::Done, _) => event("schedule.done", name, format!("is done {after}")),
        (RunResult::Failed, reason) => {
            let reason = reason.as_deref().unwrap_or("no reason given");
            let event = event("schedule.failed", name, format!("has failed {after}: {reason}"));
            event.level(Level::Error).with("reason", reason)
        }
        (result, _) => event("schedule.stopped", name, format!("was {result} {after}")).level(Level::Warn),
    };
    let event = event.with("took", took).with("due", record.due.to_string()).with("why", why(record.why));
    record.code.into_iter().fold(event, |event, code| event.with("code", code))
}

pub(super) fn lost(name: &str, due: Timestamp) -> Event {
    let text = format!("was at work when mainstay was killed: nobody knows how the run due at {due} ended");
    event("schedule.lost", name, text).level(Level::Warn).with("due", due.to_string())
}

pub(super) fn unsaved(error: &std::io::Error) -> Event {
    let text = format!("what was run cannot be written down, so that it may be run again after a restart: {error}");
    Event::new("schedule.unsaved", text).level(Level::Error)
}

pub(super) fn ping_failed(name: &str, reason: &str) -> Event {
    let text = format!("could not tell the outside how it ended: {reason}");
    event("schedule.ping-failed", name, text).level(Level::Warn).with("reason", reason)
}

pub(super) fn left_behind(name: &str) -> Event {
    event("schedule.killed", name, "left processes of its group behind: they are killed".to_owned()).level(Level::Warn)
}

fn why(why: Why) -> &'static str {
    match why {
        Why::Due => "due",
        Why::CaughtUp => "caught-up",
        Why::Asked => "asked",
    }
}

fn event(event: &'static str, job: &str, text: String) -> Event {
    Event::new(event, format!("{job} {text}")).with("job", job)
}
