//! Can the new services have their addresses? Who is in the way is told before anything is built or changed.

use super::{
    super::work::{Daemon, Work},
    check::served,
};
use crate::start::{World, has_left_any};
use config::{App, Service};
use host::net::{BindError, bind_alone};
use plan::Trouble;
use report::{Finding, Outcome};
use std::net::SocketAddr;
use supervise::ListenError;

/// Those that what serves listens on already are handed over.
pub(super) fn addresses(work: &Work<'_>, world: &World) -> Result<(), Trouble> {
    let (ours, pages) = match work.daemon {
        Daemon::Absent if has_left_any(&work.here.app) => return Ok(()),
        // All of it is opened anew.
        Daemon::Absent => (Vec::new(), pages(&world.app)),
        Daemon::Running | Daemon::Ill | Daemon::Started => (listening(&served(work)), Vec::new()),
    };
    let services = world.app.services.iter().filter(|it| it.listen.is_none_or(|address| !ours.contains(&address)));
    let taken: Vec<_> = services.filter_map(taken).chain(pages).collect();
    if taken.is_empty() { Ok(()) } else { Err(Trouble { outcome: Outcome::Misused, findings: taken }) }
}

fn listening(app: &App) -> Vec<SocketAddr> {
    app.services.iter().filter_map(|service| service.listen).collect()
}

fn taken(service: &Service) -> Option<Finding> {
    let address = service.listen?;
    let source = bind_alone(address).err()?;
    Some(Finding::from(&ListenError::Bind { service: service.name.clone(), address, source }))
}

/// Where mainstay itself listens for an application.
fn pages(app: &App) -> Vec<Finding> {
    let proxy = app.proxy.iter().flat_map(|proxy| &proxy.listen).map(|it| (*it, "`listen` of `[proxy]`"));
    let health = app.health.listen.map(|it| (it, "`listen` of `[health]`"));
    let hook = app.deploy.as_ref().and_then(|deploy| deploy.webhook.as_ref()?.listen);
    let hook = hook.filter(|it| health.is_none_or(|(health, _)| health != *it));
    let all = proxy.chain(health).chain(hook.map(|it| (it, "`listen` of `[deploy.webhook]`")));
    all.filter_map(|(address, key)| Some(unheard(&bind_alone(address).err()?, key))).collect()
}

fn unheard(error: &BindError, key: &str) -> Finding {
    Finding::error(error.to_string()).hint(format!("free the port, or change {key}"))
}
