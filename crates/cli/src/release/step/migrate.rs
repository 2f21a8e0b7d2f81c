//! The schema: forward with a release, and back.

use super::{
    super::work::{Did, Work},
    heads::{self, no_migrations},
};
use crate::{start::World, trouble::of_migrate};
use ::deploy::course::Fact;
use migrate::{Back, Goal, MigrateError, Status};
use report::{Finding, count};

/// Applies what is pending, from the files of the new release. What was applied is known also when it fails in the middle.
pub(in crate::release) async fn migrate(work: &mut Work<'_>) -> Did {
    let world = work.world()?;
    let before = heads::standing(&world).await?;
    let job = world.job().ok_or_else(no_migrations)?;
    let result = ::migrate::up(&job, &Goal::All).await;
    work.reach("migrate.applied");
    let now = heads::standing(&world).await;
    if let Ok(Some(now)) = &now {
        learn(work, before.as_ref(), now);
    }
    let report = result.map_err(of_migrate)?;
    now?;
    Ok(report.to_string())
}

fn learn(work: &mut Work<'_>, before: Option<&Status>, now: &Status) {
    let new = heads::new(before, now);
    let reversible = new.iter().all(|entry| entry.down);
    work.facts.push(Fact::Applied { count: new.len(), reversible });
    work.record.head_after = heads::head(Some(now));
}

/// Of a rollback: the schema follows, by what was kept when it was applied.
pub(in crate::release) async fn revert(work: &mut Work<'_>) -> Did {
    let world = work.world()?;
    let status = heads::standing(&world).await?;
    let newer =
        status.as_ref().map(|status| heads::newer_than(status, work.record.head_after.as_deref())).transpose()?;
    let undone = back(&world, newer.map_or(0, |newer| newer.len())).await.map_err(of_migrate)?;
    work.facts.push(Fact::Reverted(undone));
    Ok(format!("{} taken back", count(undone, "migration")))
}

async fn back(world: &World, steps: usize) -> Result<usize, MigrateError> {
    let Some(job) = world.job().filter(|_| steps > 0) else { return Ok(0) };
    Ok(::migrate::down(&job, &Back::Steps(steps)).await?.applied.len())
}

/// Takes back what this release has applied.
pub(in crate::release) async fn take_back_migrations(work: &mut Work<'_>, steps: usize) -> Result<(), String> {
    let world = work.world().map_err(|_| "its migrations are not known".to_owned())?;
    let undone = back(&world, steps).await.map_err(|error| error.to_string())?;
    work.record.head_after = work.record.head_before.clone();
    match undone == steps {
        true => Ok(()),
        false => Err(format!("{undone} of {steps} were")),
    }
}

/// A rollback that failed: its schema goes forward again, by the files of the release that stays.
pub(in crate::release) async fn migrate_again(work: &mut Work<'_>) -> Result<(), String> {
    let first = |findings: Vec<Finding>| findings.into_iter().next().map(|it| it.summary).unwrap_or_default();
    let Some(before) = work.before else { return Err("the release whose migrations they are is not known".to_owned()) };
    let loaded = crate::load::load_release(work.context, &work.here.app, &before).map_err(first)?;
    let world = World::new(work.context, loaded.app);
    let Some(job) = world.job() else { return Ok(()) };
    ::migrate::up(&job, &Goal::All).await.map(drop).map_err(|error| error.to_string())
}
