//! What of a release depends on who runs its services.

mod mainstay;

use super::work::{Did, Work};
use crate::start::World;
use config::Driver;
use control::Door;
use plan::Trouble;
use report::{Finding, Outcome};

/// Can this release be run here?
pub(super) fn fit(_: &Work<'_>, world: &World) -> Result<(), Trouble> {
    let driver = match world.app.deploy.as_ref().map(|deploy| &deploy.driver) {
        None | Some(Driver::Mainstay) => return Ok(()),
        Some(Driver::Compose) => "compose",
        Some(Driver::Systemd { .. }) => "systemd",
    };
    let finding = Finding::error(format!("services that are run by {driver} cannot be released yet"));
    let hint = "leave `driver` out of `[deploy]`, and let mainstay run them";
    Err(Trouble::new(Outcome::Misused, finding.hint(hint)))
}

/// What runs, before anything is done.
pub(super) async fn look(work: &mut Work<'_>) -> Did {
    mainstay::look(work).await
}

/// Starts the new services, where they can run beside the old ones.
pub(super) async fn start(work: &mut Work<'_>) -> Did {
    mainstay::start(work).await
}

/// They go again; the old ones have not noticed anything.
pub(super) async fn stop_candidate(work: &mut Work<'_>) -> Result<(), String> {
    mainstay::stop_candidate(work).await
}

/// Where the new services are asked.
pub(super) async fn doors(work: &Work<'_>, world: &World) -> Vec<Door> {
    mainstay::doors(work, world).await
}

/// Makes the release the current one, and it gets all requests.
pub(super) async fn switch(work: &mut Work<'_>) -> Did {
    mainstay::switch(work).await
}

/// The old services finish what they have begun.
pub(super) fn drain(work: &mut Work<'_>) -> Did {
    mainstay::drain(work)
}

/// The release before becomes live again.
pub(super) async fn switch_back(work: &mut Work<'_>) -> Result<(), String> {
    mainstay::switch_back(work).await
}

/// Looks until the window is over, or something is wrong.
pub(super) async fn watch(work: &mut Work<'_>) -> Did {
    mainstay::watch(work).await
}

/// Of a clean release: what runs ends.
pub(super) async fn stop(work: &mut Work<'_>) -> Result<(), Trouble> {
    mainstay::stop(work).await
}

/// Runs again what ran.
pub(super) async fn start_again(work: &mut Work<'_>) -> Result<(), String> {
    mainstay::start_again(work).await
}

/// Was who keeps the services up ended by somebody else meanwhile?
pub(super) async fn has_ended(work: &Work<'_>) -> bool {
    mainstay::has_ended(work).await
}
