//! What of a release depends on who runs its services: mainstay itself, which has a candidate beside the old ones, or others, who put
//! one in the place of the other.

mod change;
mod in_place;
mod mainstay;

pub(super) use change::fit;
pub(super) use in_place::{after_build, build_step, forget, gate, images, would};

use super::{
    step::ask_smoke,
    work::{Did, Work},
};
use crate::{load::load_release, start::World};
use ::deploy::{ReleaseId, store};
use config::{App, Deploy, Smoke};
use control::Door;
use jiff::Timestamp;
use plan::Trouble;
use report::Finding;

/// What runs, before anything is done.
pub(super) async fn look(work: &mut Work<'_>) -> Did {
    let deploy = of_before(work);
    work.driver = deploy.driver.clone();
    if !work.driver.is_in_place() {
        in_place::let_go(work).await?;
    }
    match work.driver.is_in_place() {
        true => in_place::look(work, &deploy).await,
        false => mainstay::look(work).await,
    }
}

/// As the release is run that is current, or was before a switch that was broken off; without one, as the site says it.
fn of_before(work: &Work<'_>) -> Deploy {
    let site = &work.here.site;
    let before = match store::Switching::read(site) {
        Ok(Some(half)) => half.from,
        _ => store::current(site).ok().flatten(),
    };
    deploy_of(work, before).unwrap_or_else(|_| work.here.deploy.clone())
}

/// As a release is run; nothing is the site's own file.
///
/// # Errors
/// What is wrong with its configuration.
fn deploy_of(work: &Work<'_>, id: Option<ReleaseId>) -> Result<Deploy, Vec<Finding>> {
    let loaded = id.map(|id| load_release(work.context, &work.here.app, &id)).transpose()?;
    Ok(deploy_in(work, loaded.as_ref().map(|loaded| &loaded.app)))
}

/// The `[deploy]` of a configuration, or the site's where there is none.
fn deploy_in(work: &Work<'_>, app: Option<&App>) -> Deploy {
    app.and_then(|app| app.deploy.clone()).unwrap_or_else(|| work.here.deploy.clone())
}

/// Starts the new services, where they can run beside the old ones.
pub(super) async fn start(work: &mut Work<'_>) -> Did {
    mainstay::start(work).await
}

/// They go again; the old ones have not noticed anything.
pub(super) async fn stop_candidate(work: &mut Work<'_>) -> Result<(), String> {
    mainstay::stop_candidate(work).await
}

/// Where the new services are asked, where that is not at the doors of everybody.
pub(super) async fn doors(work: &Work<'_>, world: &World) -> Vec<Door> {
    match work.driver.is_in_place() {
        true => Vec::new(),
        false => mainstay::doors(work, world).await,
    }
}

/// One question to the new services.
pub(super) async fn smoke(work: &Work<'_>, world: &World, check: &Smoke, doors: &[Door]) -> Result<(), Trouble> {
    match work.driver.is_in_place() {
        true => in_place::smoke(world, check).await,
        false => ask_smoke(world, check, doors).await.map_err(|unpassed| unpassed.trouble),
    }
}

/// The lines of level error that the release has written, from this moment on or from its switch on; nothing where its log cannot be read.
pub(super) async fn errors(work: &Work<'_>, world: &World, since: Timestamp) -> Option<Vec<String>> {
    match work.driver.is_in_place() {
        true => in_place::errors(work, work.switched.unwrap_or(since)).await,
        false => Some(super::step::errors(work, world, since)),
    }
}

/// Makes the release the current one, and it gets all requests.
pub(super) async fn switch(work: &mut Work<'_>) -> Did {
    match work.driver.is_in_place() {
        true => in_place::switch(work).await,
        false => mainstay::switch(work).await,
    }
}

/// The old services finish what they have begun.
pub(super) fn drain(work: &mut Work<'_>) -> Did {
    mainstay::drain(work)
}

/// The release before becomes live again.
pub(super) async fn switch_back(work: &mut Work<'_>) -> Result<(), String> {
    match work.driver.is_in_place() {
        true => in_place::switch_back(work).await,
        false => mainstay::switch_back(work).await,
    }
}

/// Looks until the window is over, or something is wrong.
pub(super) async fn watch(work: &mut Work<'_>) -> Did {
    match work.driver.is_in_place() {
        true => in_place::watch(work).await,
        false => mainstay::watch(work).await,
    }
}

/// Of a clean release: what runs ends.
pub(super) async fn stop(work: &mut Work<'_>) -> Result<(), Trouble> {
    match work.driver.is_in_place() {
        true => in_place::stop(work).await,
        false => mainstay::stop(work).await,
    }
}

/// Runs again what ran.
pub(super) async fn start_again(work: &mut Work<'_>) -> Result<(), String> {
    match work.driver.is_in_place() {
        true => in_place::start_again(work).await,
        false => mainstay::start_again(work).await,
    }
}

/// Was the mainstay that keeps the services up ended by somebody else meanwhile?
pub(super) async fn has_ended(work: &Work<'_>) -> bool {
    !work.driver.is_in_place() && mainstay::has_ended(work).await
}
