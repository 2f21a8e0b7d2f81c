//! `mainstay up --detach`

use crate::{
    check::data_directory,
    context::{Context, tell},
    start::already_running,
};
use config::App;
use control::{Ask, Client, Status, span};
use host::process::{Detached, start_detached};
use report::{Finding, Outcome, age, seconds};
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How long the start is waited for.
const USUAL: Duration = Duration::from_secs(120);
/// The time between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// One question takes no longer.
const QUESTION: Duration = Duration::from_secs(5);
/// Of what a start that failed has said, so many bytes at the end are shown.
const SHOWN: usize = 16 * 1024;
/// The most that is read of it.
const LONGEST_LOG: u64 = 64 << 20;

/// Starts mainstay in the background, waits until its start has ended in one way or another, and says how.
pub(super) async fn detach(context: &Context, app: &App, wait: Option<Duration>) -> u8 {
    let (mut child, log) = match start(context, app) {
        Ok(started) => started,
        Err(finding) => return tell(context, &[finding], Outcome::Misused).code(),
    };
    let client = Client::new(app.control_socket());
    let wait = wait.unwrap_or(USUAL);
    let deadline = Instant::now() + wait;
    let mut last = None;
    while Instant::now() < deadline {
        match child.ended() {
            Ok(Some(code)) => return ended(context, app, code, &log),
            Ok(None) => {}
            Err(error) => return tell(context, &[lost(&child, &error)], Outcome::Degraded).code(),
        }
        let asked = client.ask::<Status>(&Ask::Status, QUESTION).await.map(|answer| answer.body);
        match asked.ok().filter(|status| status.pid == child.pid()) {
            Some(status) if status.phase == "watch" => return up(context, &status, &log),
            status => last = status.or(last),
        }
        sleep(LOOK).await;
    }
    late(context, app, wait, last, &log)
}

/// The process, and the file that it writes to.
fn start(context: &Context, app: &App) -> Result<(Detached, PathBuf), Finding> {
    data_directory(app)?;
    // Whoever runs goes on writing to his file.
    if let Some(finding) = already_running(app) {
        return Err(finding);
    }
    let log = app.up_log();
    let unstartable = |error: io::Error| Finding::error("mainstay cannot be started in the background").because(&error);
    match host::fs::rename(&log, &app.up_log_before()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unstartable(error)),
        _ => {}
    }
    let arguments: Vec<_> = host::env::arguments().into_iter().filter(|it| !is_detach(it)).collect();
    let child = start_detached(&arguments, &context.env, &context.cwd, &log).map_err(unstartable)?;
    Ok((child, log))
}

fn is_detach(argument: &str) -> bool {
    matches!(argument, "-d" | "--detach")
}

fn up(context: &Context, status: &Status, log: &Path) -> u8 {
    let text = format!(
        "`{}` is up: {}, pid {}, after {}; it writes to `{}`",
        status.app,
        status.health,
        status.pid,
        seconds(span(status.uptime_s)),
        log.display(),
    );
    let reasons: Vec<_> = status.reasons.iter().map(|reason| Finding::warning(reason.as_str())).collect();
    tell(context, &reasons, Outcome::Done);
    super::answer(context, &text, super::status::outcome(&status.health)).code()
}

/// It has ended already: because its services have, or because the start failed. It has said why.
fn ended(context: &Context, app: &App, code: u8, log: &Path) -> u8 {
    let said = host::fs::read(log, LONGEST_LOG).unwrap_or_default();
    let said = String::from_utf8_lossy(&said[said.len().saturating_sub(SHOWN)..]).into_owned();
    let finding = match code {
        0 => Finding::note(format!("`{}` has ended: nothing is left to do", app.name)),
        code => Finding::error(format!("`{}` has ended with exit code {code}", app.name)),
    };
    tell(context, &[finding.seen(said.trim_end()).seen(format!("all of it: `{}`", log.display()))], Outcome::Done);
    code
}

fn late(context: &Context, app: &App, wait: Duration, last: Option<Status>, log: &Path) -> u8 {
    let finding = Finding::warning(format!("`{}` is not up after {}, and goes on", app.name, age(wait)));
    let finding =
        match last {
            Some(status) => status.reasons.iter().fold(
                finding.seen(format!("it has come to `{}`, pid {}", status.phase, status.pid)),
                |finding, reason| finding.seen(reason),
            ),
            None => finding.seen("it does not answer on its control socket"),
        };
    let hint = format!("`mainstay status` tells how far it is; it writes to `{}`", log.display());
    tell(context, &[finding.hint(hint)], Outcome::NotYet).code()
}

fn lost(child: &Detached, error: &io::Error) -> Finding {
    Finding::error(format!("process {} was started and cannot be watched", child.pid())).because(error)
}
