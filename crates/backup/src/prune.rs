//! Removing copies by the plan of [`crate::retain`].

use crate::{
    BackupError, Copy, Id, Job, Place, Remote,
    retain::{Kept, Plan, Policy, plan},
    shelf::Shelf,
};
use report::Event;

/// What becomes of the copies of `database`, all of one place.
pub fn planned(copies: &[Copy], database: &str, policy: &Policy) -> Plan {
    let kept = |copy: &Copy| {
        let manifest = copy.known()?;
        Some(Kept {
            id: copy.id,
            database: copy.database.clone(),
            taken: manifest.taken,
            verified: manifest.is_verified(),
            pinned: manifest.pin.is_some(),
        })
    };
    plan(&copies.iter().filter_map(kept).collect::<Vec<_>>(), database, policy)
}

/// Plans anew while nobody else changes the copies of `database` that lie here, and carries the plan out if `may` allows it.
///
/// # Errors
/// Somebody else is at work, or a copy cannot be removed; those before it are gone.
pub fn prune(
    job: &Job<'_>,
    database: &str,
    policy: &Policy,
    may: impl FnOnce(&Plan) -> bool,
) -> Result<Plan, BackupError> {
    let shelf = Shelf::open(job.to, job.app, database)?;
    let plan = planned(&crate::copies(job.to, job.app)?, database, policy);
    if may(&plan) {
        plan.remove.iter().try_for_each(|id| shelf.remove(*id))?;
        tell(job, &plan.remove, &Place::Here);
    }
    Ok(plan)
}

/// The same for the copies in a bucket: each place has its own plan, and keeps its own newest.
///
/// # Errors
/// Somebody else is at work, or a copy cannot be removed; those before it are gone.
pub async fn prune_in(
    job: &Job<'_>,
    remote: &Remote,
    database: &str,
    policy: &Policy,
    may: impl FnOnce(&Plan) -> bool,
) -> Result<Plan, BackupError> {
    let _shelf = Shelf::open(job.to, job.app, database)?;
    let plan = planned(&remote.copies(job.app).await?, database, policy);
    if may(&plan) {
        for id in &plan.remove {
            remote.remove(job.app, database, *id).await?;
        }
        tell(job, &plan.remove, &remote.place());
    }
    Ok(plan)
}

fn tell(job: &Job<'_>, removed: &[Id], place: &Place) {
    let from = match place {
        Place::Here => String::new(),
        Place::Bucket(bucket) => format!(" from `{bucket}`"),
    };
    if let (Some(oldest), Some(newest)) = (removed.first(), removed.last()) {
        let text = match removed.len() {
            1 => format!("backup: removed `{oldest}`{from}"),
            number => format!("backup: removed {number} copies{from}, `{oldest}` to `{newest}`"),
        };
        job.journal.note(Event::new("backup.removed", text).with("number", removed.len()));
    }
}
