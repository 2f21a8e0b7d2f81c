//! Asks the application through its own door all the time, as its users do, and counts.

use crate::{context::Context, start::gate_context};
use ::deploy::{Probe, prober::Seen};
use config::{Access, App, Service, Sign, Target};
use database::Refusal;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep},
};

/// From one answer to the next question.
const PAUSE: Duration = Duration::from_millis(50);
/// Whoever does not answer within this has failed.
const LIMIT: Duration = Duration::from_secs(5);

/// Asks until it is dropped.
pub(super) struct Prober {
    seen: Arc<Mutex<Seen>>,
    task: AbortHandle,
}

impl Prober {
    /// Begins at once, where the application has a door that can be asked.
    pub(super) fn begin(context: &Context, app: &App) -> Option<Self> {
        let door = door(app)?;
        let seen = Arc::<Mutex<Seen>>::default();
        let probes = gate_context(context, app);
        let counted = seen.clone();
        let task = tokio::spawn(async move {
            let begun = Instant::now();
            loop {
                let sent = Instant::now();
                let answer = probe::ask(&door, Access::ReadWrite, LIMIT, &probes).await;
                count(&counted, begun.elapsed(), sent.elapsed(), answer.map(drop));
                sleep(PAUSE).await;
            }
        });
        Some(Self { seen, task: task.abort_handle() })
    }

    /// What it has seen so far.
    pub(super) fn figures(&self) -> Probe {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).figures()
    }

    /// What the last request without a good answer has met.
    pub(super) fn last_failure(&self) -> Option<String> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.last_failure().map(str::to_owned)
    }
}

fn count(seen: &Mutex<Seen>, at: Duration, took: Duration, answer: Result<(), Refusal>) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    match answer {
        Ok(()) => seen.good(at, took),
        Err(refusal) => seen.failed(at, refusal.to_string()),
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The health page of the first service that is asked over the network; commands and files are no doors.
fn door(app: &App) -> Option<Target> {
    let asked = app.services.iter().filter(|service| service.listen.is_some()).chain(&app.services);
    let health = asked.filter_map(|service| outside(app, service)?.health).find_map(|health| match health.sign {
        Sign::Target(target @ (Target::Http { .. } | Target::Tcp { .. })) => Some(target),
        _ => None,
    });
    health.or_else(|| smoke(app))
}

/// Where others run the services, the first smoke check over the network stands for their door.
fn smoke(app: &App) -> Option<Target> {
    let deploy = app.deploy.as_ref().filter(|deploy| deploy.driver.is_in_place())?;
    let targets = deploy.smoke.iter().map(|check| &check.target);
    targets.into_iter().find(|target| matches!(target, Target::Http { .. } | Target::Tcp { .. })).cloned()
}

/// As it is asked from outside: one with a port of its own through the proxy, where that speaks without TLS.
fn outside(app: &App, service: &Service) -> Option<Service> {
    if service.port.is_none() {
        return Some(service.clone());
    }
    let proxy = app.proxy.as_ref().filter(|proxy| proxy.to == service.name)?;
    Some(service.asked_at(proxy.plain_door()?))
}
