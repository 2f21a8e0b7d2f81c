//! How far the schema has come.

use super::super::work::failed;
use crate::start::World;
use migrate::{Status, ledger::Entry};
use plan::Trouble;
use std::collections::BTreeSet;

/// How the migrations of a release stand; nothing without any.
pub(super) async fn standing(world: &World) -> Result<Option<Status>, Trouble> {
    let Some(job) = world.job() else { return Ok(None) };
    let status = migrate::status(&job).await;
    status.map(Some).map_err(|error| Trouble { outcome: error.outcome(), findings: error.findings() })
}

/// The last migration that is applied.
pub(super) fn head(status: Option<&Status>) -> Option<String> {
    let newest = applied(status?).filter(|entry| !entry.version.text().is_empty()).last()?;
    Some(newest.version.text().to_owned())
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
    failed(report::Finding::error("there are no migrations"))
}
