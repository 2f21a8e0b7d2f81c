//! Is it well for a while? If not, the release before comes back.

use super::{
    super::super::{
        step::errors,
        work::{Did, Work, failed},
    },
    daemon,
};
use ::deploy::watch::{Database, Judgement, Limits, Look, Service, Watch};
use control::Status;
use database::ServerState;
use report::{Finding, age, seconds};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, sleep};

/// The time between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// A running mainstay that does not answer so often in a row is no running application.
const UNANSWERED: u32 = 5;

/// Looks until the window is over, or something is wrong.
pub(in crate::release) async fn watch(work: &mut Work<'_>) -> Did {
    let deploy = work.deploy();
    let limits = Limits { window: deploy.watch, errors: deploy.errors.map(u64::from) };
    let (begun, since) = (Instant::now(), work.context.now());
    let mut watch = Watch::new(limits, restarts_before(work));
    let (clock, mut unanswered) = (work.list.clock(), 0);
    loop {
        match daemon::status(work).await {
            Ok(Some(status)) => {
                unanswered = 0;
                let look = look(work, &status, since)?;
                match watch.look(begun.elapsed(), &look) {
                    Judgement::Passed => return Ok(format!("well for {}", age(limits.window))),
                    Judgement::Broken(cause) => return Err(failed(with_lines(work, &status, cause).await)),
                    Judgement::GoOn(left) => clock.say(format!("well, {} to go", seconds(left))),
                }
            }
            Ok(None) => return Err(failed(Finding::error("mainstay itself has ended"))),
            Err(trouble) if unanswered >= UNANSWERED => return Err(trouble),
            Err(_) => unanswered += 1,
        }
        sleep(PAUSE.min(limits.window / 4)).await;
    }
}

/// How often each service had been restarted when it was ready.
fn restarts_before(work: &Work<'_>) -> BTreeMap<String, u64> {
    let candidates = work.candidate.iter().flat_map(|candidate| &candidate.services);
    candidates.map(|change| (change.service.name.clone(), u64::from(change.service.restarts))).collect()
}

fn look(work: &Work<'_>, status: &Status, since: jiff::Timestamp) -> Result<Look, plan::Trouble> {
    let services = status.services.iter().map(|it| Service {
        name: it.name.clone(),
        well: it.ready || it.state == "inactive",
        restarts: u64::from(it.restarts),
        failed: it.state == "failed",
        state: it.reason.clone().or_else(|| it.last_exit.clone()).unwrap_or_else(|| it.state.clone()),
    });
    let databases = status.dependencies.iter().filter_map(|it| Some((it.name.clone(), how(&it.state)?)));
    let lines = match work.deploy().errors {
        Some(_) => errors(work, &*work.world()?, since),
        None => Vec::new(),
    };
    Ok(Look {
        services: services.collect(),
        databases: databases.collect(),
        errors: u64::try_from(lines.len()).unwrap_or(u64::MAX),
        last_error: lines.last().cloned(),
    })
}

/// Of a dependency that is not ready.
fn how(state: &str) -> Option<Database> {
    match state {
        _ if state == ServerState::Full.word() => Some(Database::Full),
        _ if [ServerState::Ready, ServerState::ReadOnly, ServerState::Unknown].iter().any(|it| it.word() == state) => {
            None
        }
        _ => Some(Database::Away),
    }
}

/// The last lines of the services that are not well say most.
async fn with_lines(work: &Work<'_>, status: &Status, cause: String) -> Finding {
    let mut finding = Finding::error(cause);
    for service in status.services.iter().filter(|it| !it.ready || it.restarts > 0) {
        let asked = work.here.client.ask::<control::Why>(&control::Ask::Why(service.name.clone()), daemon::SOON).await;
        if let Ok(why) = asked {
            let lines: String = why.body.stderr.iter().map(|line| format!("\n{line}")).collect();
            let exit = why.body.last_exit.map_or(String::new(), |exit| exit.how);
            if !(lines.is_empty() && exit.is_empty()) {
                finding = finding.seen(format!("`{}`: {exit}{lines}", service.name));
            }
        }
    }
    finding
}
