//! The mainstay that keeps the services up: whether one runs, what it runs, and how it is started and ended.

use super::super::super::work::{Daemon, Work, failed, on_disk};
use ::deploy::ReleaseId;
use control::{Ask, AskError, Down, Status};
use host::process::start_detached;
use plan::Trouble;
use report::{Finding, Outcome, age};
use std::{io, path::Path, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// A question is answered within this, also on a busy machine.
pub(super) const SOON: Duration = Duration::from_secs(10);
/// The time between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// Whoever is asked to end has this long.
const LONGEST_END: Duration = Duration::from_secs(120);
/// The last bytes of what a start that failed has said.
const SHOWN: usize = 4 * 1024;
const LONGEST_LOG: u64 = 64 << 20;

/// How it stands with it; nothing when none runs.
pub(super) async fn status(work: &Work<'_>) -> Result<Option<Status>, Trouble> {
    match work.here.client.ask::<Status>(&Ask::Status, SOON).await {
        Ok(answer) => Ok(Some(answer.body)),
        Err(AskError::NotRunning) => Ok(None),
        Err(error) => Err(unasked(work, &error)),
    }
}

/// The release that it runs; nothing for the site's own file.
pub(super) fn release_of(status: &Status) -> Option<ReleaseId> {
    status.release.as_ref().and_then(|release| release.parse().ok())
}

/// Did it run when the release was begun, and does it no more?
pub(in crate::release) async fn has_ended(work: &Work<'_>) -> bool {
    work.daemon == Daemon::Running && matches!(status(work).await, Ok(None))
}

pub(super) fn unasked(work: &Work<'_>, error: &AskError) -> Trouble {
    let findings = error.findings(&work.here.app.name, work.here.client.path());
    Trouble { outcome: crate::daemon::outcome(error), findings }
}

/// Starts one that runs the current release, and waits until it is up.
pub(super) async fn start(work: &mut Work<'_>, limit: Duration) -> Result<(), Trouble> {
    let app = &work.here.app;
    crate::check::data_directory(app).map_err(|finding| Trouble::new(Outcome::Misused, finding))?;
    let log = app.up_log();
    match host::fs::rename(&log, &app.up_log_before()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(on_disk("what an earlier start wrote cannot be put aside")(error));
        }
        _ => {}
    }
    let arguments = arguments(work);
    let started = start_detached(&arguments, &work.context.env, &work.context.cwd, &log);
    let mut child = started.map_err(on_disk("mainstay cannot be started in the background"))?;
    work.daemon = Daemon::Started;
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        match child.ended() {
            Ok(Some(code)) => return Err(ended(&log, code)),
            Ok(None) => {}
            Err(error) => return Err(on_disk("the started mainstay cannot be watched")(error)),
        }
        let status = status(work).await.ok().flatten().filter(|status| status.pid == child.pid());
        if status.is_some_and(|status| status.phase == "watch") {
            return Ok(());
        }
        sleep(LOOK).await;
    }
    let finding = Finding::error(format!("the application is not up after {}", age(limit)));
    Err(failed(finding.seen(last_words(&log)).hint("`mainstay why` tells what a service waits for")))
}

/// `up`, on the same site.
fn arguments(work: &Work<'_>) -> Vec<String> {
    let file = crate::load::site_file(work.context, &work.here.place);
    let named = file.iter().flat_map(|file| ["--config".to_owned(), file.display().to_string()]);
    ["up".to_owned()].into_iter().chain(named).collect()
}

fn ended(log: &Path, code: u8) -> Trouble {
    let finding = Finding::error(format!("the application has ended with exit code {code}"));
    failed(finding.seen(last_words(log)).seen(format!("all of it: `{}`", log.display())))
}

fn last_words(log: &Path) -> String {
    let said = host::fs::read(log, LONGEST_LOG).unwrap_or_default();
    String::from_utf8_lossy(&said[said.len().saturating_sub(SHOWN)..]).trim_end().to_owned()
}

/// Ends it, and waits until it is gone. None running is no failure.
pub(super) async fn end(work: &mut Work<'_>) -> Result<(), String> {
    let down = match work.here.client.ask::<Down>(&Ask::Down, SOON).await {
        Ok(answer) => answer.body,
        Err(AskError::NotRunning) => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    match timeout(LONGEST_END, host::proc::wait_gone(down.pid)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("process {} is not gone after {}", down.pid, age(LONGEST_END))),
    }
}
