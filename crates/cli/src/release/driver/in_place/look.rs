//! What runs before anything is done, and whether all of it is of the release that should run: whoever was killed in the middle of a
//! switch has left it half done.

use super::{
    bring::bring_all,
    runner::{Part, Runner},
};
use crate::{
    load::load_release,
    release::{
        driver::{deploy_in, deploy_of},
        work::{Daemon, Did, Work, failed, on_disk},
    },
};
use ::deploy::{
    Record, ReleaseId, State,
    store::{self, Switching},
};
use config::Deploy;
use plan::{Trouble, first_in_a_line};
use report::{Event, Finding, Journal, Level};

/// What runs; a switch that was broken off is taken back first, unless this is a rehearsal.
pub(in crate::release) async fn look(work: &mut Work<'_>, deploy: &Deploy) -> Did {
    let Some(runner) = Runner::of(work, deploy).await? else { return Ok(String::new()) };
    let current = store::current(&work.here.site).map_err(on_disk("`releases/current` cannot be read"))?;
    let half = broken_off(work)?;
    let meant = half.as_ref().map_or_else(|| meant(work, current), |half| Ok(half.from))?;
    let mut parts = runner.parts().await?;
    work.before = meant;
    let is_other = |part: &Part| part.release.is_some() && part.release != meant;
    if half.is_some() || meant != current || (meant.is_some() && parts.iter().any(is_other)) {
        let to = half.map_or(current, |half| Some(half.to));
        put_right(work, &Broken { to, meant }).await?;
        parts = runner.parts().await?;
    }
    work.daemon = match parts.iter().all(|part| part.well) {
        true => Daemon::Running,
        false if parts.iter().any(|part| part.up) => Daemon::Ill,
        false => Daemon::Absent,
    };
    let of = meant.map_or_else(|| "of no release".to_owned(), |id| format!("of release {id}"));
    Ok(format!("{} {of}, {}", runner.what(), how(&parts)))
}

/// Is any part there, well or not?
pub(in crate::release) async fn runs(work: &Work<'_>, deploy: &Deploy) -> Result<bool, Trouble> {
    let Some(runner) = Runner::of(work, deploy).await? else { return Ok(false) };
    Ok(runner.parts().await?.iter().any(|part| part.up))
}

fn how(parts: &[Part]) -> String {
    let ill: Vec<_> =
        parts.iter().filter(|part| !part.well).map(|part| format!("`{}` {}", part.name, part.state)).collect();
    if ill.is_empty() { "all well".to_owned() } else { ill.join(", ") }
}

/// The release that should run: the current one, if it ever came so far; else the last that did.
fn meant(work: &Work<'_>, current: Option<ReleaseId>) -> Result<Option<ReleaseId>, Trouble> {
    let all = store::list(&work.here.site).map_err(on_disk("the releases cannot be listed"))?;
    let records: Vec<_> = all.into_iter().filter_map(|release| release.record.ok()).collect();
    let came_live = |it: &&Record| it.live.is_some() && it.state.can_run() && work.here.site.tree(it.id).exists();
    let of_current = records.iter().find(|it| Some(it.id) == current);
    if let (Some(id), None) = (current, of_current) {
        let finding = Finding::error(format!("the record of release {id}, which is the current one, cannot be read"));
        return Err(failed(finding.hint("nothing was changed; `mainstay releases` tells why")));
    }
    Ok(match of_current {
        Some(record) if came_live(&record) => current,
        None if current.is_none() => None,
        _ => {
            let serving = |it: &&Record| matches!(it.state, State::Live | State::Confirmed);
            let newest = || records.iter().rev().filter(came_live);
            newest().find(serving).or_else(|| newest().next()).map(|it| it.id)
        }
    })
}

/// What was broken off: `to` should go, and `meant` come back.
struct Broken {
    to: Option<ReleaseId>,
    meant: Option<ReleaseId>,
}

async fn put_right(work: &mut Work<'_>, broken: &Broken) -> Result<(), Trouble> {
    let what = broken.meant.map_or_else(|| "no release".to_owned(), |id| format!("release {id}"));
    if work.wish.dry_run {
        let finding = Finding::warning(format!("a switch was broken off: the next release first brings back {what}"));
        work.context.terminal.finding(&finding);
        return Ok(());
    }
    let site = &work.here.site;
    store::make_current(site, broken.meant).map_err(on_disk("`releases/current` cannot be put right"))?;
    match bring_back(work, broken).await {
        Ok(()) => {
            Switching::remove(&work.here.site).map_err(on_disk("a switch that was broken off cannot be settled"))?;
            let text = format!("a switch was broken off: {what} is live again");
            work.context.terminal.note(Event::new("deploy.put_right", text).level(Level::Warn));
        }
        // A new release may be just what mends it.
        Err(findings) => {
            let finding = Finding::warning(format!("a switch was broken off, and {what} cannot be brought back"));
            work.context.terminal.finding(&finding.seen(first_in_a_line(&findings)));
        }
    }
    Ok(())
}

/// Ends the parts that the other one does not have, then starts its own.
async fn bring_back(work: &mut Work<'_>, broken: &Broken) -> Result<(), Vec<Finding>> {
    let told = |trouble: Trouble| trouble.findings;
    let loaded = broken.meant.map(|id| load_release(work.context, &work.here.app, &id)).transpose()?;
    let wanted = deploy_in(work, loaded.as_ref().map(|loaded| &loaded.app));
    let keep = if broken.meant.is_some() { wanted.driver.parts() } else { &[] };
    // Where its files are gone nobody knows what only it had.
    let left = deploy_of(work, broken.to).unwrap_or_else(|_| work.here.deploy.clone());
    if let Some(left) = Runner::of(work, &left).await.map_err(told)? {
        left.without(keep).stop().await.map_err(told)?;
    }
    let (Some(id), Some(loaded)) = (broken.meant, loaded) else { return Ok(()) };
    if let Some(runner) = Runner::of(work, &wanted).await.map_err(told)? {
        bring_all(work, &runner, id, &loaded.app).await.map_err(told)?;
    }
    Ok(())
}

/// Whoever was to take over from a mainstay lets go, when the switch to him was broken off.
pub(in crate::release) async fn let_go(work: &mut Work<'_>) -> Result<(), Trouble> {
    match broken_off(work)? {
        Some(half) => put_right(work, &Broken { to: Some(half.to), meant: half.from }).await,
        None => Ok(()),
    }
}

fn broken_off(work: &Work<'_>) -> Result<Option<Switching>, Trouble> {
    let unreadable = on_disk("what is known of a switch that was broken off cannot be read");
    Switching::read(&work.here.site).map_err(unreadable)
}
