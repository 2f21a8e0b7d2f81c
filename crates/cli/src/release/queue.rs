//! One release at a time. Whoever comes meanwhile waits, and of those who wait the newest wins.
//!
//! The lock and each place in the queue are locks of the kernel: who is killed holds up nobody.

use super::work::{Did, Work, failed, on_disk};
use ::deploy::{ReleaseId, Site, store};
use host::{
    fs,
    lock::{Holder, InstanceLock, LockError},
};
use jiff::Timestamp;
use plan::Trouble;
use report::{Event, Finding, Journal, Outcome};
use std::{path::PathBuf, time::Duration};
use tokio::time::sleep;

/// How often it is looked whether it is our turn.
const LOOK: Duration = Duration::from_millis(100);
/// Nobody else reads what is below.
const MODE: u32 = 0o700;

/// Waits until nobody else deploys here.
pub(super) async fn lock(work: &mut Work<'_>) -> Did {
    let site = &work.here.site;
    fs::create_dir_all_private(&queue(site), MODE).map_err(on_disk("the directory of the releases cannot be made"))?;
    // A rollback has the name of a release that is there, and a place of its own.
    let id = if work.is_rollback { next(site, work.context.now()) } else { work.record.id };
    let place = Place::take(site, id)?;
    let about = format!("mainstay {} {}", if work.is_rollback { "rollback" } else { "deploy" }, work.record.reference);
    let mut told: Option<Holder> = None;
    loop {
        if !work.is_rollback
            && let Some(newer) = place.overtaken(site)
        {
            return Err(overtaken(newer));
        }
        match InstanceLock::acquire(&site.lock(), &about) {
            Ok(lock) if work.is_rollback || !is_late(site, id) => {
                work.lock = Some(lock);
                return Ok(told.map_or("nobody else deploys here".to_owned(), |holder| format!("after {holder}")));
            }
            Ok(_) => return Err(overtaken(None)),
            Err(LockError::Held { holder, .. }) => {
                if told.as_ref().is_none_or(|told| told.pid != holder.pid) {
                    let text = format!("waiting for another release: {holder}");
                    work.context.terminal.note(Event::new("deploy.waiting", text).with("holder", holder.pid));
                    told = Some(holder);
                }
                sleep(LOOK).await;
            }
            Err(error) => return Err(failed(Finding::error("the lock of the releases cannot be had").because(&error))),
        }
    }
}

/// The name of a release that begins now: after those that are there and those that wait, for that is how they are told apart.
pub(super) fn next(site: &Site, now: Timestamp) -> ReleaseId {
    let made = store::list(site).unwrap_or_default().into_iter().map(|release| release.id);
    let waiting = fs::entries(&queue(site)).unwrap_or_default();
    ReleaseId::after(made.chain(waiting.iter().filter_map(|entry| entry.name.parse().ok())), now)
}

fn queue(site: &Site) -> PathBuf {
    site.releases().join("queue")
}

/// A newer release was made while this one waited.
fn is_late(site: &Site, id: ReleaseId) -> bool {
    store::list(site).is_ok_and(|all| all.iter().any(|release| release.id > id))
}

fn overtaken(by: Option<ReleaseId>) -> Trouble {
    let finding = Finding::error("a newer release was asked for meanwhile, so this one is not made");
    let finding = match by {
        Some(id) => finding.seen(format!("`{id}` waits behind it")),
        None => finding.seen("it was made already"),
    };
    Trouble::new(Outcome::NotYet, finding.hint("`mainstay releases` shows what became of the newer one"))
}

/// A place in the queue: a file with the name of the release, locked by who waits.
struct Place {
    id: ReleaseId,
    path: PathBuf,
    _lock: InstanceLock,
}

impl Place {
    fn take(site: &Site, id: ReleaseId) -> Result<Self, Trouble> {
        let path = queue(site).join(id.to_string());
        let lock = InstanceLock::acquire(&path, "waits for its release");
        let lock = lock.map_err(|error| failed(Finding::error("there is no place in the queue").because(&error)))?;
        Ok(Self { id, path, _lock: lock })
    }

    /// Somebody newer waits. Places that nobody holds any more are cleared away.
    fn overtaken(&self, site: &Site) -> Option<Option<ReleaseId>> {
        let entries = fs::entries(&queue(site)).unwrap_or_default();
        let newer =
            entries.into_iter().filter_map(|entry| entry.name.parse::<ReleaseId>().ok()).filter(|id| *id > self.id);
        newer.into_iter().find(|id| is_held(site, *id)).map(Some)
    }
}

/// The name goes first: who finds it locks it, and sees that it is another one.
impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove(&self.path);
    }
}

fn is_held(site: &Site, id: ReleaseId) -> bool {
    let path = queue(site).join(id.to_string());
    match InstanceLock::acquire(&path, "looks who waits") {
        Ok(_lock) => {
            let _ = fs::remove(&path);
            false
        }
        Err(LockError::Held { .. }) => true,
        Err(LockError::Io { .. }) => false,
    }
}
