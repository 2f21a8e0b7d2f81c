//! It stays; the one before is history, and what is too old goes.

use super::{
    super::work::{Did, Work, on_disk},
    backup::released,
    fetch::forget,
};
use crate::start::World;
use ::deploy::{State, store};
use report::{Finding, Severity, count};

/// Writes down what is true now.
pub(in crate::release) async fn confirm(work: &mut Work<'_>) -> Did {
    work.record.state = State::Confirmed;
    work.record.cause = None;
    work.write()?;
    work.reach("confirm.written");
    store::Exchange::remove(&work.here.site).map_err(on_disk("what is known of the exchange cannot be removed"))?;
    leave(work, if work.is_rollback { State::RolledBack } else { State::Superseded })?;
    let gone = prune(work).await?;
    Ok(match gone {
        0 => "it stays".to_owned(),
        many => format!("it stays; {} removed", count(many, "old release")),
    })
}

/// Releases that need not be kept go.
pub(super) async fn prune(work: &Work<'_>) -> Result<usize, plan::Trouble> {
    let needed: Vec<_> = work.before.into_iter().chain([work.record.id]).collect();
    let pruned = store::prune(&work.here.site, work.here.deploy.keep, &needed);
    let (going, _) = pruned.map_err(on_disk("old releases cannot be removed"))?;
    forget(work, &[going.whole.clone(), going.trees].concat()).await;
    if !going.whole.is_empty() {
        unpin(work).await;
    }
    Ok(going.whole.len())
}

/// Copies that were kept for a release that is gone go as others do. What cannot be done now is done with the next one that goes.
async fn unpin(work: &Work<'_>) {
    let world = World::new(work.context, work.here.app.clone());
    let site = &work.here.site;
    let gone = |pin: &str| released(pin).is_some_and(|id| !site.release(id).exists());
    let unpinned = ::backup::unpin(&world.app.backup.to, &world.app.name, &world.remotes, gone).await;
    if let Err(error) = unpinned {
        let finding = Finding { severity: Severity::Warning, ..error.finding() };
        work.context
            .terminal
            .finding(&finding.seen("copies from before old releases stay pinned until it is possible"));
    }
}

/// The one before is not live any more.
pub(in crate::release) fn leave(work: &Work<'_>, state: State) -> Result<(), plan::Trouble> {
    let Some(before) = work.before.filter(|before| *before != work.record.id) else { return Ok(()) };
    let site = &work.here.site;
    let Ok(mut record) = store::read(site, before) else { return Ok(()) };
    record.state = state;
    if state == State::RolledBack {
        record.cause = Some(format!("release {} was brought back", work.record.id));
    }
    store::write(site, &record).map_err(on_disk("the record of the release before cannot be written"))
}
