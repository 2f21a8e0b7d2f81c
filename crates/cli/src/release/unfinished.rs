//! A rollback with a copy that was cut off: the pair of release and database that it has written down is made true.

use super::{Here, step, work::failed};
use crate::{context::Context, load::load_release, start::World};
use ::deploy::{
    Site, State,
    store::{self, Exchange},
};
use host::lock::{Holder, InstanceLock, LockError};
use plan::Trouble;
use report::{Event, Finding, Journal, Level, Outcome};
use std::io;

/// Before anything else is decided about releases.
pub(super) async fn settle(context: &Context, here: &Here) -> Result<(), Trouble> {
    let Some(exchange) = read(&here.site)? else { return Ok(()) };
    let _lock = lock(&here.site)?;
    if exchange.decided {
        store::make_current(&here.site, Some(exchange.to)).map_err(|error| unsettled(&error))?;
        gone_back_from(&here.site, &exchange).map_err(|error| unsettled(&error))?;
        return Exchange::remove(&here.site).map_err(|error| unsettled(&error));
    }
    let before = exchange.from.and_then(|id| load_release(context, &here.app, &id).ok());
    let app = before.map_or_else(|| here.app.clone(), |loaded| loaded.app);
    back(&World::new(context, app), &here.site, &exchange).await
}

/// Its record says so too, or the next rollback would lead to it.
fn gone_back_from(site: &Site, exchange: &Exchange) -> io::Result<()> {
    let Some(from) = exchange.from.filter(|from| *from != exchange.to) else { return Ok(()) };
    let Ok(mut record) = store::read(site, from) else { return Ok(()) };
    record.state = State::RolledBack;
    record.cause = Some(format!("release {} was brought back", exchange.to));
    store::write(site, &record)
}

/// At a start, once the databases are ready and before they are migrated: a database that was exchanged for a release that did not come
/// goes back.
pub(crate) async fn give_back(world: &World) -> Result<(), Trouble> {
    let site = Site::of(&world.app);
    let Some(exchange) = read(&site)? else { return Ok(()) };
    if exchange.decided {
        // Whoever exchanges it does the same, and settles it when the release stays.
        return store::make_current(&site, Some(exchange.to)).map_err(|error| unsettled(&error));
    }
    let _lock = lock(&site)?;
    back(world, &site, &exchange).await
}

async fn back(world: &World, site: &Site, exchange: &Exchange) -> Result<(), Trouble> {
    let (name, to) = (&exchange.database.database, exchange.to);
    let back = step::names_back(world, std::slice::from_ref(&exchange.database)).await;
    let unable = format!("what was in `{name}` before the rollback to {to} cannot be put back");
    let back = back.map_err(|cause| {
        let finding = Finding::error(unable).seen(cause);
        failed(finding.hint("mend that, then try again; `mainstay restore --undo` does it alone"))
    })?;
    store::make_current(site, exchange.from).map_err(|error| unsettled(&error))?;
    Exchange::remove(site).map_err(|error| unsettled(&error))?;
    let text = match back {
        0 => format!("the rollback to {to} was cut off before it had exchanged `{name}`"),
        _ => format!("the rollback to {to} was cut off; what was in `{name}` before is put back"),
    };
    world.journal.note(Event::new("deploy.given_back", text).level(Level::Warn).with("release", to.to_string()));
    Ok(())
}

fn read(site: &Site) -> Result<Option<Exchange>, Trouble> {
    Exchange::read(site).map_err(|error| unsettled(&error))
}

/// Whoever is at work on it is not to be disturbed.
fn lock(site: &Site) -> Result<InstanceLock, Trouble> {
    InstanceLock::acquire(&site.lock(), "settles a rollback that was cut off").map_err(|error| match error {
        LockError::Held { holder, .. } => at_work(&holder),
        error => failed(Finding::error("the lock of the releases cannot be had").because(&error)),
    })
}

fn at_work(holder: &Holder) -> Trouble {
    let finding = Finding::error("a rollback is exchanging the database right now").seen(holder);
    Trouble::new(Outcome::NotYet, finding.hint("try again when it is over"))
}

fn unsettled(error: &std::io::Error) -> Trouble {
    failed(Finding::error("a rollback that was cut off cannot be settled").because(error))
}
