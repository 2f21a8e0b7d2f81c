//! Releases, as people read them.

use super::{events::line, running::table};
use ::deploy::{Outcome, Probe, ProbedDoor, Record, ReleaseId, State, store::Release};
use jiff::Timestamp;
use report::{Verdict, age, seconds};
use serde_json::{Value, json};
use std::time::Duration;

/// The newest first.
pub(crate) fn list(all: &[Release], current: Option<ReleaseId>, busy: bool, now: Timestamp) -> String {
    let head =
        ["", "RELEASE", "STATE", "COMMIT", "AGE", "TOOK", "REQUESTS", "FAILED", "GAP", "SUBJECT"].map(str::to_owned);
    let rows = all.iter().rev().map(|it| {
        let mark = if current == Some(it.id) { "*" } else { "" };
        match &it.record {
            Ok(record) => row(mark, record, busy, now),
            Err(why) => vec![mark.to_owned(), it.id.to_string(), format!("unreadable: {why}")],
        }
    });
    table(&[vec![head.to_vec()], rows.collect()].concat())
}

fn row(mark: &str, record: &Record, busy: bool, now: Timestamp) -> Vec<String> {
    let seen = record.prober.as_ref().filter(|seen| seen.sent > 0);
    let number = |of: fn(&Probe) -> String| seen.map_or("-".to_owned(), of);
    vec![
        mark.to_owned(),
        record.id.to_string(),
        state(record, busy).to_owned(),
        record.short_commit().to_owned(),
        since(record.created, now),
        seconds(took(record)),
        number(|seen| seen.sent.to_string()),
        number(|seen| seen.failed.to_string()),
        number(|seen| format!("{:.0} ms", seen.longest_gap_ms)),
        record.subject.clone(),
    ]
}

/// Whoever prepared it and is gone has abandoned it, also before the next release writes that down.
fn state(record: &Record, busy: bool) -> &'static str {
    match record.state {
        State::Preparing | State::Built if !busy => State::Abandoned.word(),
        state => state.word(),
    }
}

fn took(record: &Record) -> Duration {
    Duration::from_millis(record.phases.iter().map(|phase| phase.took_ms).sum())
}

fn since(at: Timestamp, now: Timestamp) -> String {
    age(Duration::try_from(now - at).unwrap_or_default())
}

/// What has happened to a release.
pub(crate) struct Happened<'a> {
    /// What its services did, the oldest first.
    pub(crate) events: &'a [journal::Record],
    /// So many in the middle are not among them.
    pub(crate) left_out: usize,
    /// What its build has said.
    pub(crate) log: &'a str,
}

/// All that is known of one.
pub(crate) fn one(record: &Record, happened: &Happened<'_>, busy: bool, now: Timestamp) -> String {
    let cause = record.cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
    let mut text = format!("release {}: {}{cause}\n", record.id, state(record, busy));
    text += &format!("  commit   {} {}\n", record.commit, record.subject);
    text += &format!("  author   {}\n", record.author);
    text += &format!(
        "  made     {}, {} ago, of `{}` by {}\n",
        record.created,
        since(record.created, now),
        record.reference,
        record.by
    );
    if let Some(live) = record.live {
        text += &format!("  live     {live}, {} ago\n", since(live, now));
    }
    let head = |head: &Option<String>| head.clone().unwrap_or_else(|| "nothing".to_owned());
    text += &format!("  schema   {} before, {} after\n", head(&record.head_before), head(&record.head_after));
    if let Some(copy) = &record.backup {
        text += &format!("  copy     {copy}, VERIFIED, from before its migrations\n");
    }
    if let Some(seen) = record.prober.as_ref().filter(|seen| seen.sent > 0) {
        text += &format!(
            "  prober   {} requests, {} failed, longest gap {:.1} ms, p99 {:.1} ms\n",
            seen.sent, seen.failed, seen.longest_gap_ms, seen.p99_ms
        );
        text.extend(seen.doors.iter().map(|door| {
            let ProbedDoor { door, sent, failed, longest_gap_ms, p99_ms } = door;
            format!("           {door}: {sent} requests, {failed} failed, longest gap {longest_gap_ms:.1} ms, p99 {p99_ms:.1} ms\n")
        }));
    }
    text += "\nsteps:\n";
    text.extend(record.phases.iter().map(|phase| {
        let took = seconds(Duration::from_millis(phase.took_ms));
        format!("  {:<8}  {:<9}  {took}\n", verdict(phase.outcome), phase.step)
    }));
    text += &events(happened);
    let log = happened.log.trim_end();
    if log.is_empty() { text } else { text + &format!("\nbuild:\n{log}\n") }
}

fn events(happened: &Happened<'_>) -> String {
    let lines = |some: &[journal::Record]| some.iter().map(|event| format!("  {}\n", line(event, false))).collect();
    let (first, last) = happened.events.split_at(happened.events.len() / 2);
    let (first, last): (String, String) = (lines(first), lines(last));
    match (happened.events.is_empty(), happened.left_out) {
        (true, _) => String::new(),
        (false, 0) => format!("\nevents:\n{first}{last}"),
        (false, many) => format!("\nevents:\n{first}  ... {many} more: `mainstay events`\n{last}"),
    }
}

fn verdict(outcome: Outcome) -> String {
    match outcome {
        Outcome::Done => Verdict::Pass.to_string(),
        Outcome::Skipped => Verdict::Skipped.to_string(),
        Outcome::Failed => Verdict::Fail.to_string(),
        Outcome::Undone => "undone".to_owned(),
    }
}

/// The record, with its state as it is.
pub(crate) fn as_json(record: &Record, busy: bool) -> Value {
    let mut value = json!(record);
    value["state"] = json!(state(record, busy).replace(' ', "-"));
    value
}
