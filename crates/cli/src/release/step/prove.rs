//! Do the new services what they should, before anybody relies on them?

use super::super::{
    driver,
    prober::Prober,
    work::{Did, Work, failed},
};
use crate::start::World;
use ::deploy::State;
use ::logs::{Filter, History};
use jiff::Timestamp;
use plan::Trouble;
use report::{Event, Finding, Journal, Level, count};

/// So many of the last lines with errors are shown.
const SHOWN: usize = 5;

/// Asks all that `smoke` asks, then reads what the services have written.
pub(in crate::release) async fn prove(work: &mut Work<'_>) -> Did {
    let world = work.world()?;
    let doors = driver::doors(work, &world).await;
    let smoke_checks = work.deploy().smoke.clone();
    for check in &smoke_checks {
        driver::smoke(work, &world, check, &doors).await?;
    }
    let errors = driver::errors(work, &world, work.record.id.time()).await;
    judge(work, errors.as_deref().unwrap_or_default())?;
    if work.driver.is_in_place() {
        live(work, &world)?;
    }
    Ok(told(smoke_checks.len(), errors.map(|lines| lines.len())))
}

fn told(checks: usize, errors: Option<usize>) -> String {
    let smoke = match checks {
        0 => "no smoke checks;".to_owned(),
        some => format!("{} passed,", count(some, "smoke check")),
    };
    match errors {
        None => format!("{smoke} its log cannot be read"),
        Some(0) => format!("{smoke} no errors in its log"),
        Some(many) => format!("{smoke} {} in its log", count(many, "error")),
    }
}

/// Where it answers already, it counts as live from here on: before, it is taken back when nobody is there any more to do so.
fn live(work: &mut Work<'_>, world: &World) -> Result<(), Trouble> {
    work.record.state = State::Live;
    work.record.live.get_or_insert(work.context.now());
    if work.prober.is_none() {
        work.prober = Prober::begin(work.context, &world.app);
    }
    work.write()
}

/// The lines of level error that the release has written since `since`.
pub(in crate::release) fn errors(work: &Work<'_>, world: &World, since: Timestamp) -> Vec<String> {
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
