//! New requests go to the new release, the old one finishes what it has begun; and back.

use super::{
    super::super::work::{Daemon, Did, Work, on_disk},
    daemon,
    start::{generation, longest, stop_started, unready},
};
use ::deploy::{ReleaseId, State, course::Fact, store};
use control::{Ask, AskError, Generation, Promoted, Reloaded};
use plan::first_in_a_line;
use report::count;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// So long the site's own file may take to be what runs again.
const BACK: Duration = Duration::from_secs(120);
/// The time between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Makes the release the current one, then has its services take over.
pub(in crate::release) async fn switch(work: &mut Work<'_>) -> Did {
    work.facts.push(Fact::Switched);
    let text = match work.daemon {
        Daemon::Started => "it was started with this release".to_owned(),
        Daemon::Running | Daemon::Ill | Daemon::Absent => promote(work).await?,
    };
    work.record.state = State::Live;
    work.record.live.get_or_insert(work.context.now());
    work.write()?;
    Ok(text)
}

async fn promote(work: &mut Work<'_>) -> Did {
    let unwritable = on_disk("`releases/current` cannot be written");
    store::make_current(&work.here.site, Some(work.record.id)).map_err(unwritable)?;
    work.reach("switch.current");
    let app = &work.world()?.app;
    let limit = longest(app).saturating_add(work.deploy().drain);
    let begun = Instant::now();
    let promoted = work.here.client.promote(&generation(work), limit).await;
    let promoted = promoted.map_err(|error| daemon::unasked(work, &error))?.body;
    work.reach("switch.promoted");
    work.lease = None;
    work.took = Some(begun.elapsed().saturating_sub(drained(&promoted)));
    work.promoted = Some(promoted.clone());
    match promoted.ready {
        true => Ok(switched(&promoted)),
        false => Err(unready(promoted.cause.as_deref(), &promoted.failed)),
    }
}

fn switched(promoted: &Promoted) -> String {
    let mut told = vec![format!("{} switched", count(promoted.switched.len(), "service"))];
    for swapped in &promoted.swapped {
        let gap = swapped.gap_ms.map_or("a gap that has no end".to_owned(), |gap| format!("a gap of {gap:.0} ms"));
        told.push(format!("`{}` swapped with {gap}", swapped.service));
    }
    let others = [("new", &promoted.added), ("gone", &promoted.removed)];
    told.extend(
        others.iter().filter(|(_, names)| !names.is_empty()).map(|(how, names)| format!("{how}: {}", names.join(", "))),
    );
    told.join(", ")
}

/// It has been waited for already: whoever switches answers when the old ones are gone.
pub(in crate::release) fn drain(work: &mut Work<'_>) -> Did {
    let Some(promoted) = &work.promoted else { return Ok("nothing ran before".to_owned()) };
    work.took = Some(drained(promoted));
    Ok(match promoted.late.as_slice() {
        [] => "the old ones have finished what they had begun".to_owned(),
        late => format!("not finished in time and killed: {}", late.join(", ")),
    })
}

/// How long the old ones took to finish.
fn drained(promoted: &Promoted) -> Duration {
    Duration::try_from_secs_f64(promoted.drained_ms / 1000.0).unwrap_or_default()
}

/// The release before becomes live again by the same way.
pub(in crate::release) async fn switch_back(work: &mut Work<'_>) -> Result<(), String> {
    work.lease = None;
    if work.daemon == Daemon::Started {
        return stop_started(work).await;
    }
    let back = store::make_current(&work.here.site, work.before).map_err(|error| error.to_string());
    work.reach("back.current");
    back?;
    match daemon::status(work).await {
        // It was ended meanwhile: `current` says what starts next.
        Ok(None) => Ok(()),
        Ok(Some(status)) if daemon::release_of(&status) == work.before => Ok(()),
        Ok(Some(_)) => match work.before {
            Some(before) => to_release(work, before).await,
            None => to_site(work).await,
        },
        Err(trouble) => Err(trouble.in_a_line()),
    }
}

async fn to_release(work: &Work<'_>, before: ReleaseId) -> Result<(), String> {
    let asked = Generation { release: before.to_string(), drain_s: Some(work.here.deploy.drain.as_secs_f64()) };
    let loaded = crate::load::load_release(work.context, &work.here.app, &before);
    let limit =
        longest(&loaded.map_err(|findings| first_in_a_line(&findings))?.app).saturating_add(work.here.deploy.drain);
    let told = |error: AskError| first_in_a_line(&error.findings(&work.here.app.name, work.here.client.path()));
    let lease = work.here.client.candidate(&asked, limit, |_| {}).await.map_err(told)?;
    if !lease.candidate.ready {
        return Err(unready(lease.candidate.cause.as_deref(), &lease.candidate.services).in_a_line());
    }
    let promoted = work.here.client.promote(&asked, limit).await.map_err(told)?.body;
    match promoted.ready {
        true => Ok(()),
        false => Err(unready(promoted.cause.as_deref(), &promoted.failed).in_a_line()),
    }
}

/// Without an earlier release it is the site's own file that ran.
async fn to_site(work: &Work<'_>) -> Result<(), String> {
    let told = |error: AskError| first_in_a_line(&error.findings(&work.here.app.name, work.here.client.path()));
    work.here.client.ask::<Reloaded>(&Ask::Reload, BACK).await.map_err(told)?;
    let deadline = Instant::now() + BACK;
    while Instant::now() < deadline {
        let status = daemon::status(work).await.map_err(|trouble| trouble.in_a_line())?;
        if status.is_some_and(|it| it.services.iter().all(|service| service.ready || service.state == "inactive")) {
            return Ok(());
        }
        sleep(LOOK).await;
    }
    Err("its services are not ready".to_owned())
}
