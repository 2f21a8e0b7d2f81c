//! Do the new services what they should, before anybody relies on them?

use super::{
    super::work::{Did, Work, failed},
    daemon, smoke,
};
use crate::start::World;
use ::logs::{Filter, History};
use control::Door;
use jiff::Timestamp;
use plan::Trouble;
use proxy::control::Ask;
use report::{Event, Finding, Journal, Level, count};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// So many of the last lines with errors are shown.
const SHOWN: usize = 5;
/// So long the proxy may take to see that the service is there.
const PROXY: Duration = Duration::from_secs(5);

/// Asks all that `smoke` asks, then reads what the services have written.
pub(in crate::release) async fn prove(work: &mut Work<'_>) -> Did {
    let world = work.world()?;
    let doors = doors(work, &world).await;
    let smoke_checks = work.deploy().smoke.clone();
    for check in &smoke_checks {
        smoke::ask(&world, check, &doors).await?;
    }
    let errors = errors(work, &world, work.record.id.time());
    let told = match (smoke_checks.len(), errors.len()) {
        (0, 0) => "no smoke checks; no errors in its log".to_owned(),
        (0, _) => format!("no smoke checks; {} in its log", count(errors.len(), "error")),
        (checks, 0) => format!("{} passed, no errors in its log", count(checks, "smoke check")),
        (checks, many) => format!("{} passed, {} in its log", count(checks, "smoke check"), count(many, "error")),
    };
    judge(work, &errors)?;
    Ok(told)
}

/// Where the new services are asked. Those that were started alone have their own addresses.
async fn doors(work: &Work<'_>, world: &World) -> Vec<Door> {
    if let Some(candidate) = &work.candidate {
        return candidate.doors.clone();
    }
    let door = |service: &str, address| Door { service: service.to_owned(), address, from: None, private: true };
    let own = world.app.services.iter().filter_map(|it| Some(door(&it.name, it.listen?.to_string())));
    let mut doors: Vec<_> = own.collect();
    let proxied = world.app.proxy.as_ref();
    if let Some(proxy) = proxied {
        doors.extend(timeout(PROXY, passed_on(world)).await.ok().map(|address| door(&proxy.to, address)));
    }
    // Those with a port of their own that nobody passes requests on to.
    let status = daemon::status(work).await.ok().flatten();
    let others = status.iter().flat_map(|status| &status.services);
    let others = others.filter(|service| proxied.is_none_or(|proxy| proxy.to != service.name));
    doors.extend(others.filter_map(|it| Some(door(&it.name, format!("127.0.0.1:{}", it.port?)))));
    doors
}

/// Where the proxy passes requests on to, as soon as there is somebody.
async fn passed_on(world: &World) -> String {
    let path = world.app.run_dir().join("proxy.sock");
    loop {
        let view = proxy::control::ask(&path, &Ask::Look).await.ok();
        let live = view.and_then(|view| view.backends.into_iter().find(|it| it.state == "live"));
        match live {
            Some(backend) => return backend.address,
            None => sleep(Duration::from_millis(20)).await,
        }
    }
}

/// The lines of level error that the release has written since `since`.
pub(super) fn errors(work: &Work<'_>, world: &World, since: Timestamp) -> Vec<String> {
    let app = &world.app;
    if !app.logs.enabled {
        return Vec::new();
    }
    let names: Vec<_> = app.services.iter().map(|service| service.name.clone()).collect();
    let release = Some(work.record.id.to_string());
    let filter = Filter { since: Some(since), level: Some(Level::Error), release, ..Filter::default() };
    let history = History::of(&app.logs.dir, &names);
    let shown = |line: ::logs::Line| format!("{}: {}", line.service, String::from_utf8_lossy(&line.bytes).trim_end());
    history.lines(&filter).map(shown).collect()
}

fn judge(work: &Work<'_>, errors: &[String]) -> Result<(), Trouble> {
    let last = &errors[errors.len().saturating_sub(SHOWN)..];
    let most = work.deploy().errors;
    if most.is_some_and(|most| errors.len() > most as usize) {
        let finding = Finding::error(format!("{} in the log of the new services", count(errors.len(), "error")));
        let finding = last.iter().fold(finding, Finding::seen);
        return Err(failed(finding.hint("`errors` in `[deploy]` says how many are too many")));
    }
    for line in last {
        work.context.terminal.note(Event::new("deploy.error-line", line.clone()).level(Level::Warn));
    }
    Ok(())
}
