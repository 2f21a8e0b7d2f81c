//! Is what was started well for a while?

use super::{
    bring::last_of,
    errors::errors,
    runner::{Part, Runner},
};
use crate::{
    release::work::{Did, Work, failed},
    start::World,
};
use ::deploy::watch::{Database, Judgement, Limits, Look, Service, Watch};
use database::ServerState;
use plan::Trouble;
use report::{Finding, age, seconds};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, sleep};

/// The time between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// Whoever runs them may be too busy to answer so often in a row.
const UNANSWERED: u32 = 5;
/// A database is asked no longer when one of the parts is not well.
const ASKED: Duration = Duration::from_secs(2);

/// Looks until the window is over, or something is wrong.
pub(in crate::release) async fn watch(work: &mut Work<'_>) -> Did {
    let (world, deploy) = (work.world()?, work.deploy());
    let Some(runner) = Runner::of(work, deploy).await? else { return Ok(String::new()) };
    let limits = Limits { window: deploy.watch, errors: deploy.errors.map(u64::from) };
    let restarts = |name| work.started.get(name).map_or(0, |started| started.restarts);
    let before: BTreeMap<_, _> = runner.names().iter().map(|name| (name.clone(), restarts(name))).collect();
    let (begun, mut watch) = (Instant::now(), Watch::new(limits, before));
    let (clock, mut unanswered) = (work.list.clock(), 0);
    loop {
        match runner.parts().await {
            Ok(parts) => {
                unanswered = 0;
                let lines = errors_since_switch(work).await;
                match watch.look(begun.elapsed(), &look(&world, &parts, lines.as_deref()).await) {
                    Judgement::Passed => {
                        if limits.errors.is_some() && lines.is_none() {
                            work.context.terminal.finding(&uncounted());
                        }
                        return Ok(format!("well for {}", age(limits.window)));
                    }
                    Judgement::Broken(cause) => return Err(broken(work, &runner, &parts, cause).await),
                    Judgement::GoOn(left) => clock.say(format!("well, {} to go", seconds(left))),
                }
            }
            Err(trouble) if unanswered >= UNANSWERED => return Err(trouble),
            Err(_) => unanswered += 1,
        }
        sleep(PAUSE.min(limits.window / 4)).await;
    }
}

/// Nothing where they cannot be read, or are not asked for.
async fn errors_since_switch(work: &Work<'_>) -> Option<Vec<String>> {
    match (work.deploy().errors, work.switched) {
        (Some(_), Some(since)) => errors(work, since).await,
        _ => None,
    }
}

fn uncounted() -> Finding {
    let finding = Finding::warning("could not verify how many errors the release writes: its log cannot be read");
    finding.hint("without `errors` in `[deploy]` they are not counted")
}

async fn look(world: &World, parts: &[Part], lines: Option<&[String]>) -> Look {
    let services = parts.iter().map(|part| Service {
        name: part.name.clone(),
        well: part.well,
        restarts: part.restarts,
        failed: part.failed,
        state: part.state.clone(),
    });
    let ill = parts.iter().any(|part| !part.well || part.restarts > 0);
    let lines = lines.unwrap_or_default();
    Look {
        services: services.collect(),
        databases: if ill { databases(world).await } else { Vec::new() },
        errors: u64::try_from(lines.len()).unwrap_or(u64::MAX),
        last_error: lines.last().cloned(),
    }
}

/// Those that are not ready: an outage of one is no fault of the release.
async fn databases(world: &World) -> Vec<(String, Database)> {
    let mut bad = Vec::new();
    for dependency in &world.app.dependencies {
        if let Err(refusal) = probe::ask(&dependency.target, dependency.access, ASKED, &world.probes).await {
            let how = if refusal.state == ServerState::Full { Database::Full } else { Database::Away };
            bad.push((dependency.name.clone(), how));
        }
    }
    bad
}

/// With the last lines of those that are not well.
async fn broken(work: &Work<'_>, runner: &Runner<'_>, parts: &[Part], cause: String) -> Trouble {
    let mut finding = Finding::error(cause);
    let lines = match work.switched {
        Some(since) => runner.lines(&work.started, since).await.unwrap_or_default(),
        None => Vec::new(),
    };
    for part in parts.iter().filter(|part| !part.well || part.restarts > 0) {
        let of: Vec<_> = lines.iter().filter(|(name, _)| *name == part.name).map(|(_, line)| line).collect();
        finding = finding.seen(format!("`{}`: {}{}", part.name, part.state, last_of(&of)));
    }
    failed(finding)
}
