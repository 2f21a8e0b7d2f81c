//! What runs, before anything is done.

use super::{
    super::super::work::{Daemon, Work, on_disk},
    daemon,
};
use ::deploy::store;
use plan::Trouble;
use report::{Finding, Outcome};

/// What runs, and whether `current` says so too: whoever was killed in the middle of a switch may have left it otherwise.
pub(in crate::release) async fn look(work: &mut Work<'_>) -> Result<String, Trouble> {
    let unreadable = on_disk("`releases/current` cannot be read");
    let current = store::current(&work.here.site).map_err(unreadable)?;
    let Some(status) = daemon::status(work).await? else {
        work.daemon = Daemon::Absent;
        work.before = current;
        return Ok(format!("`{}` does not run", work.here.app.name));
    };
    if status.phase != "watch" {
        let finding = Finding::error(format!("`{}` is about to {}", status.app, phase(&status.phase)));
        return Err(Trouble::new(Outcome::NotYet, finding.hint("try again once `mainstay status` says `watch`")));
    }
    work.daemon = Daemon::Running;
    work.before = daemon::release_of(&status);
    if work.before != current {
        let unwritable = on_disk("`releases/current` cannot be put right");
        store::make_current(&work.here.site, work.before).map_err(unwritable)?;
    }
    let what = work.before.map_or_else(|| "the site's own file".to_owned(), |id| format!("release {id}"));
    Ok(format!("`{}` runs {what}, {}", status.app, status.health))
}

fn phase(phase: &str) -> &'static str {
    match phase {
        "stopping" => "stop",
        _ => "start",
    }
}
