//! `mainstay releases`

use super::{answer, remembered::Remembered, tell, text};
use crate::{
    args::{self, ReleasesVerb},
    context::Context,
    release::{Here, is_named},
    words::{events::told, releases as words},
};
use ::deploy::{
    Record, ReleaseId,
    store::{self, Release},
};
use host::lock::{InstanceLock, LockError};
use journal::{Life, Query};
use report::{Finding, Level, Outcome};
use serde_json::json;

/// A build that says more is shown from its end.
const LONGEST_LOG: u64 = 8 << 20;
/// What happens to services, and to releases as a whole.
const TOLD: [&str; 3] = ["service", "release", "deploy"];
/// More events of all releases are not looked through.
const MANY: usize = 20_000;
/// Of a release that has a long life so many are shown, from its beginning and from its end.
const SHOWN: usize = 100;

/// The releases that there are, or all that is known of one.
pub(super) async fn releases(context: &Context, args: args::Releases) -> Outcome {
    let (place, json, id) = match &args.verb {
        Some(ReleasesVerb::Show(show)) => (&show.place, show.json, Some(show.id.as_str())),
        None => (&args.place, args.json, None),
    };
    let here = match Here::of(context, place) {
        Ok(here) => here,
        Err(findings) => return tell(context, &findings, Outcome::Misused),
    };
    let all = match store::list(&here.site) {
        Ok(all) => all,
        Err(error) => {
            let finding = Finding::error("the releases cannot be listed").because(&error);
            return tell(context, &[finding], Outcome::Failed);
        }
    };
    match id {
        Some(id) => show(context, &here, &all, id, json).await,
        None => list(context, &here, &all, json),
    }
}

fn list(context: &Context, here: &Here, all: &[Release], json: bool) -> Outcome {
    let current = store::current(&here.site).ok().flatten();
    let busy = busy(here);
    let shown = json!({
        "current": current,
        "releases": all.iter().rev().map(|it| match &it.record {
            Ok(record) => words::as_json(record, busy),
            Err(why) => json!({ "id": it.id, "unreadable": why.to_string() }),
        }).collect::<Vec<_>>(),
    });
    if all.is_empty() && !json {
        let finding = Finding::note("there are no releases yet").hint("`mainstay deploy` makes one");
        return tell(context, &[finding], Outcome::Done);
    }
    answer(context, &text(json, &shown, words::list(all, current, busy, context.now())), Outcome::Done)
}

/// Somebody is at work on a release: who says that he prepares one tells the truth.
fn busy(here: &Here) -> bool {
    here.site.lock().exists()
        && matches!(InstanceLock::acquire(&here.site.lock(), "looks who deploys"), Err(LockError::Held { .. }))
}

async fn show(context: &Context, here: &Here, all: &[Release], id: &str, json: bool) -> Outcome {
    let found: Vec<_> = all.iter().filter(|it| it.record.as_ref().is_ok_and(|record| is_named(record, id))).collect();
    let [one] = found[..] else {
        let what = if found.is_empty() { "there is no release" } else { "several releases are called" };
        let finding = Finding::error(format!("{what} `{id}`")).hint("`mainstay releases` shows those that there are");
        return tell(context, &[finding], Outcome::Misused);
    };
    let Ok(record) = &one.record else { return Outcome::Failed };
    let log = host::fs::read(&here.site.build_log(one.id), LONGEST_LOG).unwrap_or_default();
    let log = String::from_utf8_lossy(&log).into_owned();
    let mut shown = words::as_json(record, busy(here));
    let (events, left_out) = shortened(events(context, here, record).await);
    shown["events"] = json!(events.iter().map(told).collect::<Vec<_>>());
    shown["events_left_out"] = json!(left_out);
    shown["build_log"] = json!(log);
    let happened = words::Happened { events: &events, left_out, log: &log };
    answer(context, &text(json, &shown, words::one(record, &happened, busy(here), context.now())), Outcome::Done)
}

/// What the running mainstay has remembered of a release; nothing where nothing can be read, which is told.
async fn events(context: &Context, here: &Here, record: &Record) -> Vec<journal::Record> {
    let Ok(remembered) = Remembered::of(context, &here.place) else { return Vec::new() };
    // Whoever runs writes down first what it knows.
    let _ = remembered.lately(context, 0).await;
    let Ok(Some(reader)) = remembered.read(context) else { return Vec::new() };
    let (since, names) = (record.created, TOLD.map(str::to_owned).to_vec());
    let query = Query { since: Some(since), names, least: Some(Level::Info), ..Query::default() };
    let read = reader.events(&query, MANY).and_then(|all| Ok((all, reader.lives(since, context.now())?)));
    match read {
        Ok((all, lives)) => of_release(all, &lives, record.id),
        Err(error) => {
            super::remembered::unreadable(context, &error);
            Vec::new()
        }
    }
}

/// Those that bear its name, and those without any from a start that ran it and that no other release has taken over yet.
fn of_release(all: Vec<journal::Record>, lives: &[Life], id: ReleaseId) -> Vec<journal::Record> {
    let id = id.to_string();
    let started = |start| lives.iter().any(|life| life.number == start && life.release.as_ref() == Some(&id));
    let mut serving = None;
    let mut ours = Vec::new();
    for event in all {
        let named = event.word("release").map(str::to_owned);
        if event.name == "release.promoted" {
            serving = Some((event.start, named.clone()));
        }
        let of_start = match &serving {
            Some((start, by)) if *start == event.start => by.as_ref() == Some(&id),
            _ => started(event.start),
        };
        let is_ours = match &named {
            Some(named) => *named == id || event.word("before") == Some(&id),
            None => of_start,
        };
        if is_ours {
            ours.push(event);
        }
    }
    ours
}

/// The beginning and the end, and how many are left out in between.
fn shortened(mut events: Vec<journal::Record>) -> (Vec<journal::Record>, usize) {
    let left_out = events.len().saturating_sub(2 * SHOWN);
    if left_out > 0 {
        events.drain(SHOWN..SHOWN + left_out);
    }
    (events, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use report::Event;

    fn record(start: i64, at: i64, event: &Event) -> journal::Record {
        let record = journal::Record::of(event, 1, Timestamp::from_second(at).unwrap(), str::to_owned);
        journal::Record { start, ..record }
    }

    /// Issue 6, point 8: an event is of the release whose name it bears, or of the one that its start has run until another one took over.
    #[test]
    fn events_belong_to_the_release_that_ran() {
        let (first, second) =
            (ReleaseId::new(Timestamp::UNIX_EPOCH), ReleaseId::new(Timestamp::from_second(5).unwrap()));
        let ready = |text: &str| Event::new("service.ready", text);
        let promoted = |to: ReleaseId, before: ReleaseId| {
            let event = Event::new("release.promoted", format!("{to} serves"));
            event.with("release", to.to_string()).with("before", before.to_string())
        };
        let all = vec![
            record(1, 1, &ready("of the first")),
            record(1, 2, &ready("of the candidate").with("release", second.to_string())),
            record(1, 3, &promoted(second, first)),
            record(1, 4, &ready("of the second")),
            record(2, 6, &ready("after a restart").with("release", second.to_string())),
            record(1, 7, &promoted(first, second)),
        ];
        let life = Life {
            number: 1,
            app: "shop".to_owned(),
            version: String::new(),
            release: Some(first.to_string()),
            pid: 1,
            begun: Timestamp::UNIX_EPOCH,
            ready: None,
            ended: None,
        };
        let texts = |id: ReleaseId| {
            let ours = of_release(all.clone(), std::slice::from_ref(&life), id);
            ours.into_iter().map(|event| event.text).collect::<Vec<_>>()
        };
        let (to_second, to_first) = (format!("{second} serves"), format!("{first} serves"));
        assert_eq!(texts(first), ["of the first", &to_second, &to_first]);
        assert_eq!(texts(second), ["of the candidate", &to_second, "of the second", "after a restart", &to_first]);
    }

    /// A long life is shown from both ends.
    #[test]
    fn many_events_are_shown_from_both_ends() {
        let all: Vec<_> = (0..205).map(|at| record(1, at, &Event::new("service.ready", at.to_string()))).collect();
        let (shown, left_out) = shortened(all);
        assert_eq!((shown.len(), left_out), (200, 5));
        assert_eq!((shown[99].text.as_str(), shown[100].text.as_str()), ("99", "105"));
    }
}
