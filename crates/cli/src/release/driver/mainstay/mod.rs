//! mainstay itself runs the services: the new ones start beside the old ones, and are proven before anybody relies on them.

mod daemon;
mod doors;
mod look;
mod start;
mod switch;
mod watch;

pub(super) use daemon::has_ended;
pub(super) use doors::doors;
pub(super) use look::look;
pub(super) use start::{start, stop_candidate};
pub(super) use switch::{drain, switch, switch_back};
pub(super) use watch::watch;

use super::super::work::{Daemon, Work, failed};
use plan::Trouble;
use report::Finding;

/// Does the mainstay that runs here keep services up?
pub(super) async fn runs_services(work: &Work<'_>) -> Result<bool, Trouble> {
    Ok(daemon::status(work).await?.is_some_and(|status| !status.services.is_empty()))
}

/// Of a clean release: what runs ends.
pub(super) async fn stop(work: &mut Work<'_>) -> Result<(), Trouble> {
    daemon::end(work).await.map_err(|cause| failed(Finding::error("what runs cannot be stopped").seen(cause)))?;
    work.daemon = Daemon::Absent;
    Ok(())
}

/// Runs again what ran.
pub(super) async fn start_again(work: &mut Work<'_>) -> Result<(), String> {
    let limit = start::longest(&work.here.app);
    let started = daemon::start(work, limit).await;
    started.map_err(|trouble| trouble.findings.first().map(|it| it.summary.clone()).unwrap_or_default())
}
