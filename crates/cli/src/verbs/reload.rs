//! `mainstay reload`

use crate::{
    args::Look,
    context::{Context, tell},
    daemon::Daemon,
};
use control::{Ask, Reloaded};
use report::{Finding, Outcome};
use std::time::Duration;

/// Files may lie on a slow disk.
const LIMIT: Duration = Duration::from_secs(60);

/// Has the running mainstay read its configuration anew.
pub(super) async fn reload(context: &Context, args: Look) -> Outcome {
    match ask(context, &args).await {
        Ok(reloaded) => {
            let notes: Vec<_> = reloaded.later.iter().map(|what| later(what)).collect();
            tell(context, &notes, Outcome::Done);
            super::answer(context, &super::text(args.json, &reloaded, words(&reloaded)), Outcome::Done)
        }
        Err(outcome) => outcome,
    }
}

async fn ask(context: &Context, args: &Look) -> Result<Reloaded, Outcome> {
    Daemon::of(context, &args.place)?.ask(context, &Ask::Reload, LIMIT).await
}

fn later(what: &str) -> Finding {
    let finding = Finding::warning(format!("{what} has changed, and that has no effect while mainstay runs"));
    finding.hint("`mainstay down`, then `mainstay up`")
}

fn words(reloaded: &Reloaded) -> String {
    let told = [
        ("restarts", &reloaded.changed),
        ("starts", &reloaded.added),
        ("stops", &reloaded.removed),
        ("not touched", &reloaded.unchanged),
        ("jobs changed", &reloaded.jobs.changed),
        ("jobs added", &reloaded.jobs.added),
        ("jobs removed", &reloaded.jobs.removed),
        ("jobs not touched", &reloaded.jobs.unchanged),
    ];
    let told = told.into_iter().filter(|(_, names)| !names.is_empty());
    let text: String = told.map(|(what, names)| format!("{what}: {}\n", names.join(", "))).collect();
    text
}
