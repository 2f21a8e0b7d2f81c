//! `mainstay events`

use super::{
    moment::{asked, no_pattern},
    remembered::{Remembered, unreadable},
};
use crate::{
    args,
    context::{Context, tell},
    daemon::SOON,
    words::events::{heard, line},
};
use control::{Ask, Asked, Events};
use host::signals::Signals;
use jiff::Timestamp;
use journal::{Query, Record};
use regex::Regex;
use report::{Finding, Outcome};
use std::time::Duration;

/// How long one question waits for the next event, in seconds.
const WAIT: u64 = 30;
/// The most that is asked for at once.
const MANY: usize = 1000;

/// What happened, and with `--follow` what goes on to happen.
pub(super) async fn events(context: &Context, args: args::Events) -> Outcome {
    let query = match query(context, &args) {
        Ok(query) => query,
        Err(findings) => return tell(context, &findings, Outcome::Misused),
    };
    let remembered = match Remembered::of(context, &args.place) {
        Ok(remembered) => remembered,
        Err(outcome) => return outcome,
    };
    let Ok(mut signals) = Signals::listen() else { return Outcome::Failed };
    tokio::select! {
        outcome = told(context, &remembered, &args, &query) => outcome.unwrap_or_else(|outcome| outcome),
        // Whoever follows has seen enough.
        _ = signals.next() => if args.follow { Outcome::Done } else { Outcome::Interrupted },
    }
}

fn query(context: &Context, args: &args::Events) -> Result<Query, Vec<Finding>> {
    let now = context.now();
    let mut problems = Vec::new();
    let mut good = |read: Result<Option<Timestamp>, Finding>| {
        read.unwrap_or_else(|finding| {
            problems.push(finding);
            None
        })
    };
    let since = good(asked("--since", args.since.as_deref(), now));
    let until = good(asked("--until", args.until.as_deref(), now));
    let grep = args.grep.as_deref().map(Regex::new).transpose().unwrap_or_else(|error| {
        problems.push(no_pattern(&error));
        None
    });
    let (subjects, names) = (args.service.clone(), args.name.clone());
    let query = Query { since, until, subjects, names, grep, least: Some(args.level.into()) };
    if problems.is_empty() { Ok(query) } else { Err(problems) }
}

async fn told(
    context: &Context,
    remembered: &Remembered,
    args: &args::Events,
    query: &Query,
) -> Result<Outcome, Outcome> {
    let lately = remembered.lately(context, MANY).await?;
    let reader = remembered.read(context);
    let reader = match (&lately, reader) {
        // What cannot be read has been told; what is known without it is told all the same.
        (Some(_), Err(_)) => None,
        (None, Ok(None)) => return Err(remembered.daemon.tell_not_running(context)),
        (_, reader) => reader?,
    };
    let before = match reader {
        Some(reader) => reader.events(query, args.number).map_err(|error| unreadable(context, &error))?,
        None => Vec::new(),
    };
    let last = lately.as_ref().map(|lately| lately.last);
    let all = merged(before, lately.unwrap_or_default(), query);
    let written = write(context, &all[all.len().saturating_sub(args.number)..], args.json);
    match last {
        Some(last) if args.follow && written == Outcome::Done => follow(context, remembered, args, query, last).await,
        None if args.follow => Err(remembered.daemon.tell_not_running(context)),
        _ => Ok(written),
    }
}

/// What is written down, as far as it is older than what the running one knows itself.
fn merged(mut before: Vec<Record>, lately: Events, query: &Query) -> Vec<Record> {
    let lately: Vec<_> = lately.events.iter().map(heard).collect();
    if let Some(first) = lately.first() {
        let known = |record: &Record| {
            lately.iter().any(|it| (it.number, it.at, &it.name) == (record.number, record.at, &record.name))
        };
        before.retain(|record| record.at <= first.at && !known(record));
    }
    before.extend(lately.into_iter().filter(|record| query.takes(record)));
    before
}

async fn follow(
    context: &Context,
    remembered: &Remembered,
    args: &args::Events,
    query: &Query,
    mut last: u64,
) -> Result<Outcome, Outcome> {
    loop {
        let asked = Asked { after: last, count: MANY, wait_s: WAIT };
        let limit = SOON + Duration::from_secs(WAIT);
        let events: Events = remembered.daemon.ask(context, &Ask::Events(asked), limit).await?;
        let new: Vec<_> = events.events.iter().map(heard).filter(|record| query.takes(record)).collect();
        let written = write(context, &new, args.json);
        if written != Outcome::Done {
            return Ok(written);
        }
        last = events.last;
    }
}

fn write(context: &Context, records: &[Record], json: bool) -> Outcome {
    let text: Vec<_> = records.iter().map(|record| line(record, json)).collect();
    if text.is_empty() { Outcome::Done } else { super::answer(context, &text.join("\n"), Outcome::Done) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::events;

    fn record(number: u64, at: i64, text: &str) -> Record {
        let at = Timestamp::from_second(at).unwrap();
        Record::of(&report::Event::new("test", text), number, at, str::to_owned)
    }

    /// What is in the file and known to the running one is told once, and what only one of them knows is not lost.
    #[test]
    fn file_and_memory_become_one() {
        let before =
            vec![record(9, 90, "an earlier life"), record(1, 100, "a"), record(2, 101, "b"), record(3, 102, "c")];
        let known = [record(2, 101, "b"), record(3, 102, "c"), record(4, 103, "d")];
        let lately = Events { events: known.iter().map(events::told).collect(), last: 4 };
        let all = merged(before.clone(), lately, &Query::default());
        let texts: Vec<_> = all.iter().map(|it| it.text.as_str()).collect();
        assert_eq!(texts, ["an earlier life", "a", "b", "c", "d"]);
        assert_eq!(merged(before, Events::default(), &Query::default()).len(), 4);
    }
}
