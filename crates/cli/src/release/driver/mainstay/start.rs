//! The new services, beside the old ones; where none run, all of them at once.

use super::{
    super::super::{
        prober::Prober,
        work::{Daemon, Did, Work, failed, on_disk},
    },
    daemon,
};
use ::deploy::store;
use config::App;
use control::{CandidateTold, Change, Generation};
use plan::Trouble;
use report::{Finding, count, seconds};
use std::time::Duration;

/// What a start takes besides the services' own time.
const MARGIN: Duration = Duration::from_secs(60);
/// Of services without a health check.
const USUAL: Duration = Duration::from_secs(30);

/// Starts what may run beside the old ones. It is stopped again by itself when this process ends before the switch.
pub(in crate::release) async fn start(work: &mut Work<'_>) -> Did {
    let world = work.world()?;
    let limit = longest(&world.app);
    if work.daemon == Daemon::Absent {
        let unwritable = on_disk("`releases/current` cannot be written");
        store::make_current(&work.here.site, Some(work.record.id)).map_err(unwritable)?;
        work.reach("start.current");
        daemon::start(work, limit).await?;
        work.prober = Prober::begin(work.context, &world.app);
        return Ok(match work.stopped {
            Some(stopped) => format!("`{}` is up again, {} after it ended", world.app.name, seconds(stopped.elapsed())),
            None => format!("`{}` did not run, and is up with this release", world.app.name),
        });
    }
    let clock = work.list.clock();
    let told = |told: &CandidateTold| match (&told.started, &told.ready) {
        (Some(name), _) => clock.say(format!("{name} is started")),
        (_, Some(name)) => clock.say(format!("{name} is ready")),
        _ => {}
    };
    let lease = work.here.client.candidate(&generation(work), limit, told).await;
    let lease = lease.map_err(|error| daemon::unasked(work, &error))?;
    let candidate = lease.candidate.clone();
    work.lease = Some(lease);
    work.candidate = Some(candidate.clone());
    if !candidate.ready {
        return Err(unready(candidate.cause.as_deref(), &candidate.services));
    }
    let later = if candidate.later.is_empty() {
        String::new()
    } else {
        format!("; at the switch: {}", candidate.later.join(", "))
    };
    Ok(format!("{} ready beside the old ones{later}", count(candidate.services.len(), "service")))
}

pub(super) fn generation(work: &Work<'_>) -> Generation {
    Generation { release: work.record.id.to_string(), drain_s: Some(work.deploy().drain.as_secs_f64()) }
}

/// Services are started one after the other where one needs another.
pub(super) fn longest(app: &App) -> Duration {
    let one = |service: &config::Service| service.health.as_ref().map_or(USUAL, |health| health.start_timeout);
    app.services.iter().map(one).sum::<Duration>().saturating_add(MARGIN)
}

/// What services that are not ready say of themselves.
pub(super) fn unready(cause: Option<&str>, services: &[Change]) -> Trouble {
    let finding = Finding::error(cause.unwrap_or("the new services are not ready"));
    let bad: Vec<_> = services.iter().filter(|change| change.settled != control::Settled::Done).collect();
    let seen = bad.iter().map(|change| {
        let reason = change.service.reason.as_deref().unwrap_or(&change.service.state);
        let lines: String = change.lines.iter().map(|line| format!("\n{line}")).collect();
        format!("`{}`: {reason}{lines}", change.service.name)
    });
    failed(seen.fold(finding, Finding::seen))
}

/// The new services go; the old ones have not noticed anything.
pub(in crate::release) async fn stop_candidate(work: &mut Work<'_>) -> Result<(), String> {
    if work.daemon == Daemon::Started {
        return stop_started(work).await;
    }
    let Some(lease) = work.lease.take() else { return Ok(()) };
    let gone = work.here.client.discard(daemon::SOON * 12).await;
    drop(lease);
    match gone {
        Ok(_) | Err(control::AskError::NotRunning | control::AskError::Refused(_)) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// Nothing ran before, and nothing runs afterwards.
pub(super) async fn stop_started(work: &mut Work<'_>) -> Result<(), String> {
    let put_back = store::make_current(&work.here.site, work.before).map_err(|error| error.to_string());
    let ended = daemon::end(work).await;
    work.daemon = Daemon::Absent;
    put_back.and(ended)
}
