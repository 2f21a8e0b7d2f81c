//! How far the schema has come.

use super::super::work::failed;
use crate::{start::World, trouble};
use migrate::{Status, ledger::Entry};
use plan::Trouble;
use report::Finding;
use std::collections::BTreeSet;

/// How the migrations of a release stand; nothing without any.
pub(super) async fn standing(world: &World) -> Result<Option<Status>, Trouble> {
    let Some(job) = world.job() else { return Ok(None) };
    let status = migrate::status(&job).await;
    status.map(Some).map_err(trouble::of_migrate)
}

/// The last migration that is applied.
pub(super) fn head(status: Option<&Status>) -> Option<String> {
    Some(numbered(status?).last()?.version.text().to_owned())
}

/// What is applied and has a version, in order.
fn numbered(status: &Status) -> impl Iterator<Item = &Entry> {
    applied(status).filter(|entry| !entry.version.text().is_empty())
}

/// What is applied and newer than `head`.
///
/// # Errors
/// `head` itself is not applied any more.
pub(super) fn newer_than<'s>(status: &'s Status, head: Option<&str>) -> Result<Vec<&'s Entry>, Trouble> {
    let mut all: Vec<_> = numbered(status).collect();
    let Some(head) = head else { return Ok(all) };
    let at = all.iter().position(|entry| entry.version.text() == head).ok_or_else(|| {
        failed(Finding::error(format!("the migration `{head}` of that release is not applied any more")))
    })?;
    Ok(all.split_off(at + 1))
}

/// What is applied, in order.
pub(super) fn applied(status: &Status) -> impl Iterator<Item = &Entry> {
    status.migrations.iter().filter(|entry| entry.applied_at.is_some() || is_in_ledger(entry))
}

fn is_in_ledger(entry: &Entry) -> bool {
    use migrate::ledger::State;
    !matches!(entry.state, State::Pending | State::OutOfOrder)
}

/// What is applied now and was not before.
pub(super) fn new<'s>(before: Option<&Status>, now: &'s Status) -> Vec<&'s Entry> {
    let known: BTreeSet<_> = before.into_iter().flat_map(applied).map(|entry| entry.version.text()).collect();
    applied(now).filter(|entry| !known.contains(entry.version.text())).collect()
}

/// Nothing to be asked for: a programming mistake elsewhere would show here.
pub(super) fn no_migrations() -> Trouble {
    failed(Finding::error("there are no migrations"))
}
