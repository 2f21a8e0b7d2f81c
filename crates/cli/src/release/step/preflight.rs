//! Is the site fit for another release? And what earlier ones have left is cleared away.

use super::{
    super::{
        driver,
        work::{Daemon, Did, Work, failed, on_disk},
    },
    clean::names_back,
    confirm::prune,
};
use crate::start::World;
use ::deploy::{Record, ReleaseId, State, store};
use plan::Trouble;
use report::{Event, Finding, Journal, Level, Outcome, or_list};

/// Looks at the running application, puts records right, and at the room on the disk.
pub(in crate::release) async fn preflight(work: &mut Work<'_>) -> Did {
    crate::check::data_directory(&work.here.app).map_err(|finding| Trouble::new(Outcome::Misused, finding))?;
    let running = driver::look(work).await?;
    put_right(work).await?;
    let room = if work.is_rollback { String::new() } else { make_room(work).await? };
    Ok(format!("{running}{room}"))
}

/// Records tell the truth again: under the lock nobody is at work on another release.
async fn put_right(work: &mut Work<'_>) -> Result<(), Trouble> {
    if work.wish.dry_run {
        return Ok(());
    }
    let all = store::list(&work.here.site).map_err(on_disk("the releases cannot be listed"))?;
    let ours = |it: &Record| it.id != work.record.id;
    let others: Vec<_> = all.into_iter().filter_map(|release| release.record.ok()).filter(ours).collect();
    for record in others {
        match truth(&record, work.before) {
            Some(state) => set_right(work, record, state).await?,
            None if is_owed(&record) => settle(work, record).await?,
            None => {}
        }
    }
    Ok(())
}

/// What a record should say, when it says something else.
fn truth(record: &Record, live: Option<ReleaseId>) -> Option<State> {
    match (record.state, live == Some(record.id)) {
        (State::Preparing | State::Built, true) => Some(State::Live),
        (State::Preparing | State::Built, false) => Some(State::Abandoned),
        (State::Live | State::Confirmed, false) if live.is_some() => Some(State::Superseded),
        (State::Superseded | State::RolledBack | State::Abandoned | State::Failed, true) => Some(State::Live),
        _ => None,
    }
}

/// It failed, and what was in the databases before could not be put back then.
fn is_owed(record: &Record) -> bool {
    record.state == State::Failed && !record.emptied.is_empty()
}

async fn settle(work: &Work<'_>, mut record: Record) -> Result<(), Trouble> {
    give_back(work, &mut record).await?;
    store::write(&work.here.site, &record).map_err(on_disk("the record of an earlier release cannot be written"))
}

async fn set_right(work: &Work<'_>, mut record: Record, state: State) -> Result<(), Trouble> {
    let site = &work.here.site;
    if state == State::Abandoned {
        record.cause = Some("whoever made it ended before it was done".to_owned());
        let text = format!("release {} was abandoned in `{}`; its files are removed", record.id, last_step(&record));
        work.context.terminal.note(Event::new("deploy.abandoned", text).level(Level::Warn));
        give_back(work, &mut record).await?;
        host::fs::remove_tree(&site.tree(record.id)).map_err(on_disk("an abandoned release cannot be removed"))?;
        // Without its files nobody reads them.
        drop(host::fs::remove(&site.env(record.id)));
    }
    record.state = state;
    store::write(site, &record).map_err(on_disk("the record of an earlier release cannot be written"))
}

/// What a release that did not come has emptied gets its content back, unless somebody works with the empty databases by now.
async fn give_back(work: &Work<'_>, record: &mut Record) -> Result<(), Trouble> {
    let emptied = std::mem::take(&mut record.emptied);
    if emptied.is_empty() {
        return Ok(());
    }
    let names = or_list(emptied.iter().map(|it| &it.database));
    if work.daemon != Daemon::Absent {
        let finding = Finding::warning(format!("release {} may have left {names} empty", record.id));
        let hint =
            "`mainstay restore --undo` puts back what was there; what was written since is kept under another name";
        work.context.terminal.finding(&finding.hint(hint));
        return Ok(());
    }
    let world = World::new(work.context, work.here.app.clone());
    let back = names_back(&world, &emptied).await;
    let unable = format!("what was in {names} before release {} cannot be put back", record.id);
    let back = back.map_err(|cause| failed(Finding::error(unable).seen(cause)))?;
    if back > 0 {
        let text = format!("what was in {names} before release {} is put back", record.id);
        work.context.terminal.note(Event::new("deploy.given_back", text).level(Level::Warn));
    }
    Ok(())
}

fn last_step(record: &Record) -> String {
    record.phases.last().map_or_else(|| "its first step".to_owned(), |phase| format!("the step after {}", phase.step))
}

/// Before anything is built: old releases go, and there must be room for one more.
async fn make_room(work: &Work<'_>) -> Result<String, Trouble> {
    let gone = prune(work).await?;
    let room = store::room(&work.here.site).map_err(on_disk("the room on the disk cannot be seen"))?;
    let free = room.free.map_or("an unknown number of bytes".to_owned(), report::bytes);
    if room.is_enough() == Some(false) {
        let finding = Finding::error("there is no room for another release")
            .seen(format!("{free} are free, and {} may be needed", report::bytes(room.needed)));
        return Err(failed(finding.hint("make room; `keep` in `[deploy]` says how many releases stay")));
    }
    let gone = if gone == 0 { String::new() } else { format!(", {} removed", report::count(gone, "old release")) };
    Ok(format!(", {free} free{gone}"))
}
