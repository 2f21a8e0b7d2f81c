//! A rollback with a copy: a database is made of it beside the one that serves; then what runs is stopped, the two exchange their names,
//! and the older release is started. What was there is kept.

use super::super::work::{Did, Work, failed, on_disk};
use crate::{
    start::World,
    trouble::{of_backup, told},
    turn::{Turn, turn},
    verbs::backup::{Means, job},
};
use ::backup::{Copy, How, Prepared, last_replaced, prepare};
use ::deploy::{Emptied, store::Exchange};
use config::Dependency;
use plan::Trouble;
use report::{Finding, count};
use std::sync::Arc;

/// The copy that takes the place of a database.
pub(in crate::release) struct Replacement {
    /// The name of the database in the configuration.
    pub(super) database: String,
    pub(super) copy: Copy,
    /// What was made of it, until it has taken its place.
    pub(super) prepared: Option<Prepared>,
    /// Nobody else changes the database meanwhile.
    pub(super) turn: Option<Turn>,
}

impl Replacement {
    pub(super) fn new(database: &str, copy: Copy) -> Self {
        Self { database: database.to_owned(), copy, prepared: None, turn: None }
    }
}

/// Takes a safety copy, and makes the new database, while everybody goes on.
pub(in crate::release) async fn restore(work: &mut Work<'_>) -> Did {
    let world = work.world()?;
    let replacement = work.replacement.as_mut().ok_or_else(nothing)?;
    let database = dependency(&world, &replacement.database)?;
    let waited = turn(&world, database, "mainstay rollback").await;
    replacement.turn = Some(waited.map_err(|busy| Trouble::new(busy.outcome(), busy.finding()))?);
    let means = Means::to_read(work.context, &world.app).map_err(told)?;
    let how = How { still_used: true, ..How::default() };
    let prepared = prepare(&job(&world, database, &means), &replacement.copy, how).await.map_err(of_backup)?;
    let safety = prepared.safety().map(|id| format!("; `{id}` is a copy of what is there")).unwrap_or_default();
    replacement.prepared = Some(prepared);
    Ok(format!("`{}` is restored beside, and compared{safety}", replacement.copy.id))
}

/// The new database takes the place of the old one. Nobody runs.
pub(in crate::release) async fn exchange(work: &mut Work<'_>) -> Did {
    let world = work.world()?;
    let replacement = work.replacement.as_mut().ok_or_else(nothing)?;
    let prepared = replacement.prepared.take().ok_or_else(nothing)?;
    let database = dependency(&world, &replacement.database)?;
    let means = Means::to_read(work.context, &world.app).map_err(told)?;
    let job = job(&world, database, &means);
    let last = last_replaced(&job).await.map_err(of_backup)?;
    let exchanged = Emptied::new(&replacement.database, last);
    let mut exchange = Exchange::new(work.record.id, work.before, exchanged);
    write(work, &exchange)?;
    work.reach("exchange.begun");
    let restored = prepared.take_place(&job).await.map_err(of_backup)?;
    work.reach("exchange.done");
    exchange.database.done = last_replaced(&job).await.map_err(of_backup)?;
    exchange.decided = true;
    write(work, &exchange)?;
    work.reach("exchange.decided");
    work.replacement.iter_mut().for_each(|it| it.turn = None);
    let kept = restored.before.map(|before| format!("; what was there is kept as `{before}`")).unwrap_or_default();
    let rows = count(usize::try_from(restored.rows).unwrap_or(usize::MAX), "row");
    Ok(format!("`{}` is what `{}` shows, {rows}{kept}", restored.database, restored.id))
}

/// What was there gets its name back.
pub(in crate::release) async fn exchange_back(work: &mut Work<'_>) -> Result<(), String> {
    let site = &work.here.site;
    let Some(mut exchange) = Exchange::read(site).map_err(|error| error.to_string())? else { return Ok(()) };
    let world = work.world().map_err(|_| "its databases are not known".to_owned())?;
    exchange.decided = false;
    exchange.write(site).map_err(|error| error.to_string())?;
    work.reach("exchange.undecided");
    super::names_back(&world, std::slice::from_ref(&exchange.database)).await?;
    work.reach("exchange.undone");
    Exchange::remove(site).map_err(|error| error.to_string())
}

/// What was made of the copy goes, if it has not taken its place.
pub(in crate::release) async fn remove_new(work: &mut Work<'_>) -> Result<(), String> {
    let Some(mut replacement) = work.replacement.take() else { return Ok(()) };
    if let Some(prepared) = replacement.prepared.take() {
        prepared.give_up().await;
    }
    Ok(())
}

fn write(work: &Work<'_>, exchange: &Exchange) -> Result<(), Trouble> {
    exchange.write(&work.here.site).map_err(on_disk("the exchange cannot be written down, so it is not done"))
}

pub(super) fn dependency<'w>(world: &'w Arc<World>, name: &str) -> Result<&'w Dependency, Trouble> {
    world.app.dependency(name).ok_or_else(|| failed(Finding::error(format!("`{name}` is not configured any more"))))
}

fn nothing() -> Trouble {
    failed(Finding::error("there is no copy that could be restored"))
}
