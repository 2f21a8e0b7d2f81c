//! Asks the application through its own doors all the time, as its users do, and counts.

use crate::{context::Context, start::gate_context};
use ::deploy::{
    Probe,
    prober::{Seen, together},
};
use config::{Access, App, Service, Sign, Target};
use database::Refusal;
use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};
use tokio::{
    sync::oneshot,
    task::LocalSet,
    time::{Instant, sleep},
};

/// From one answer to the next question.
const PAUSE: Duration = Duration::from_millis(50);
/// Whoever does not answer within this has failed.
const LIMIT: Duration = Duration::from_secs(5);

/// Asks until it is dropped.
pub(super) struct Prober {
    doors: Vec<Door>,
    _asked: oneshot::Sender<()>,
}

/// A way to the application that others have too.
#[derive(Clone)]
struct Door {
    name: String,
    target: Target,
    seen: Arc<Mutex<Seen>>,
}

impl Prober {
    /// Begins at once, where the application has a door that can be asked. On a thread of its own: what a step of the release holds up is no
    /// gap of the application.
    pub(super) fn begin(context: &Context, app: &App) -> Option<Self> {
        let doors = doors(app);
        if doors.is_empty() {
            return None;
        }
        let (asked, over) = oneshot::channel();
        let (probes, asking) = (gate_context(context, app), doors.clone());
        let thread = thread::Builder::new().name("mainstay-prober".to_owned());
        let begun = thread.spawn(move || {
            // Without one nothing is asked, and the release shows that nothing was.
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            LocalSet::new().block_on(&runtime, async move {
                let probes = Arc::new(probes);
                for door in asking {
                    tokio::task::spawn_local(ask(door, probes.clone()));
                }
                // Nobody sends anything: it is over when the other end is dropped.
                let _ = over.await;
            });
        });
        begun.ok().map(|_| Self { doors, _asked: asked })
    }

    /// What it has seen so far.
    pub(super) fn figures(&self) -> Probe {
        together(self.doors.iter().map(|door| (door.name.clone(), door.seen().figures())).collect())
    }

    /// What the last request without a good answer has met.
    pub(super) fn last_failure(&self) -> Option<String> {
        self.doors.iter().find_map(|door| door.seen().last_failure().map(str::to_owned))
    }
}

impl Door {
    fn new(name: &str, target: Target) -> Self {
        let name = format!("{name} at {}", config::redact(&target.to_string()));
        Self { name, target, seen: Arc::default() }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask(door: Door, probes: Arc<probe::Context>) {
    let begun = Instant::now();
    loop {
        let sent = Instant::now();
        let answer = probe::ask(&door.target, Access::ReadWrite, LIMIT, &probes).await;
        count(&mut door.seen(), begun.elapsed(), sent.elapsed(), answer.map(drop));
        sleep(PAUSE).await;
    }
}

fn count(seen: &mut Seen, at: Duration, took: Duration, answer: Result<(), Refusal>) {
    match answer {
        Ok(()) => seen.good(at, took),
        Err(refusal) => seen.failed(at, refusal.to_string()),
    }
}

/// The health page of each service that mainstay listens for, and of the one behind the proxy at each address of that. Where there is none,
/// of the first service that is asked over the network at all; commands and files are no doors.
fn doors(app: &App) -> Vec<Door> {
    let door = |service: &Service| Some(Door::new(&service.name, asked(service)?));
    let own = app.services.iter().filter(|service| service.listen.is_some()).filter_map(door);
    let public: Vec<_> = own.chain(proxied(app).iter().filter_map(door)).collect();
    if !public.is_empty() {
        return public;
    }
    let first = app.services.iter().filter(|service| service.port.is_none()).find_map(door);
    first.or_else(|| Some(Door::new("smoke", smoke(app)?))).into_iter().collect()
}

/// Where others run the services, the first smoke check over the network stands for their door.
fn smoke(app: &App) -> Option<Target> {
    let deploy = app.deploy.as_ref().filter(|deploy| deploy.driver.is_in_place())?;
    let targets = deploy.smoke.iter().map(|check| &check.target);
    targets.into_iter().find(|target| matches!(target, Target::Http { .. } | Target::Tcp { .. })).cloned()
}

/// The service behind the proxy, as it is asked from outside: at each address that speaks without TLS.
fn proxied(app: &App) -> Vec<Service> {
    let Some(proxy) = &app.proxy else { return Vec::new() };
    let service = app.services.iter().find(|service| service.name == proxy.to && service.port.is_some());
    service.into_iter().flat_map(|service| proxy.plain_doors().map(|door| service.asked_at(door))).collect()
}

fn asked(service: &Service) -> Option<Target> {
    match &service.health.as_ref()?.sign {
        Sign::Target(target @ (Target::Http { .. } | Target::Tcp { .. })) => Some(target.clone()),
        _ => None,
    }
}
