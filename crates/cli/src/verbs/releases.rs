//! `mainstay releases`

use super::{answer, tell, text};
use crate::{
    args::{self, ReleasesVerb},
    context::Context,
    release::{Here, is_named},
    words::releases as words,
};
use ::deploy::store::{self, Release};
use host::lock::{InstanceLock, LockError};
use report::{Finding, Outcome};
use serde_json::json;

/// A build that says more is shown from its end.
const LONGEST_LOG: u64 = 8 << 20;

/// The releases that there are, or all that is known of one.
pub(super) fn releases(context: &Context, args: args::Releases) -> Outcome {
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
        Some(id) => show(context, &here, &all, id, json),
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

fn show(context: &Context, here: &Here, all: &[Release], id: &str, json: bool) -> Outcome {
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
    shown["build_log"] = json!(log);
    answer(context, &text(json, &shown, words::one(record, &log, busy(here), context.now())), Outcome::Done)
}
