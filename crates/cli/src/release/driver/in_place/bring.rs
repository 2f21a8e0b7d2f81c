//! All parts of a release, one after the other.

use super::runner::{Runner, Wanted};
use crate::release::work::{Work, failed};
use ::deploy::ReleaseId;
use config::App;
use control::{Ask, AskError, Reloaded};
use plan::{Trouble, first_in_a_line};
use report::Finding;
use std::{fmt, time::Duration};

/// So many of its last lines are told with a part.
const SHOWN: usize = 10;
/// So long a running mainstay may take to read the configuration again.
const RELOAD: Duration = Duration::from_secs(30);

/// Starts each part of the release in their order; the first one that does not start ends it.
pub(super) async fn bring_all(
    work: &mut Work<'_>,
    runner: &Runner<'_>,
    id: ReleaseId,
    app: &App,
) -> Result<Vec<String>, Trouble> {
    let wanted = Wanted { id, app };
    let mut told = Vec::new();
    for name in runner.names() {
        let clock = work.list.clock();
        clock.say(format!("{name} is started"));
        let brought = runner.bring(name, wanted).await?;
        work.reach("switch.part");
        brought.warning.iter().for_each(|finding| work.context.terminal.finding(finding));
        work.started.insert(name.clone(), brought.started);
        told.push(brought.text);
    }
    Ok(told)
}

/// A mainstay that runs beside them, for jobs, copies and health, goes on with the release that is current now.
pub(super) async fn reload(work: &Work<'_>) {
    match work.here.client.ask::<Reloaded>(&Ask::Reload, RELOAD).await {
        Ok(_) | Err(AskError::NotRunning) => {}
        Err(error) => {
            let findings = error.findings(&work.here.app.name, work.here.client.path());
            let finding = Finding::warning("the mainstay that runs here goes on with the release before");
            work.context
                .terminal
                .finding(&finding.seen(first_in_a_line(&findings)).hint("`mainstay reload` tries it again"));
        }
    }
}

/// Why a part did not start: how it is, with the last of what it has written, and what its runner has said.
pub(super) fn unstarted(summary: String, state: &str, lines: &[String], said: Option<String>) -> Trouble {
    let finding = Finding::error(summary).seen(format!("it is {state}{}", last_of(lines)));
    failed(said.into_iter().fold(finding, Finding::seen))
}

/// The last of these, each on a line of its own.
pub(super) fn last_of(lines: &[impl fmt::Display]) -> String {
    lines[lines.len().saturating_sub(SHOWN)..].iter().map(|line| format!("\n{line}")).collect()
}
