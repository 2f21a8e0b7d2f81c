//! What the services of a release are run with, beside those of the one that serves and in their place.

use super::{
    World,
    adapters::{Senses, fence},
    lines::OfRelease,
    stage::sockets,
    world::Told,
};
use config::{Access, App, HealthCheck, Service};
use host::{Pending, net::PREVIEW};
use report::{Event, Journal};
use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use supervise::{Checker, Fence, Generation, Outfit, schedule::NoLock, tail::Tail};

/// A release that is run, or may be.
#[derive(Clone)]
pub(super) struct Release {
    pub(super) id: Arc<str>,
    pub(super) app: Arc<App>,
    /// The last lines of its services.
    pub(super) tail: Tail,
    /// It serves; until then it is a candidate.
    serves: Arc<AtomicBool>,
}

impl Release {
    /// A candidate.
    pub(super) fn new(world: &World, id: &str, app: App) -> Self {
        let id: Arc<str> = id.into();
        let lines = OfRelease { everywhere: world.lines.clone(), release: id.clone() };
        Self { id, app: Arc::new(app), tail: Tail::new(Arc::new(lines)), serves: Arc::default() }
    }

    /// All that its services are run with.
    pub(super) fn generation(&self, world: &Arc<World>) -> Result<Generation, plan::Trouble> {
        let journal = OfThis { told: world.journal.clone(), release: self.clone() };
        let probes = world.probes_of(&self.app);
        let checker = Asked { senses: Senses(world.clone()), release: self.clone(), probes };
        let (spawner, lines) = (world.spawner.clone(), Arc::new(self.tail.clone()));
        let outfit = Outfit::new(spawner, Arc::new(checker), Arc::new(journal), lines, sockets(&self.app)?);
        Ok(Generation { services: self.app.services.clone(), base_env: self.app.env.clone(), outfit })
    }

    /// From now on its services are those of the application.
    pub(super) fn serve(&self, world: &World) {
        self.tail.join(&world.tail);
        self.serves.store(true, Ordering::Relaxed);
        world.run_now(self.app.clone());
    }

    /// From where its services are asked.
    fn from(&self) -> Option<Ipv4Addr> {
        (!self.serves.load(Ordering::Relaxed)).then_some(PREVIEW)
    }
}

/// Tells what happens to the services of a release, and of which one they are.
struct OfThis {
    told: Arc<Told>,
    release: Release,
}

impl Journal for OfThis {
    fn note(&self, event: Event) {
        let event = event.with("release", self.release.id.to_string());
        match self.release.serves.load(Ordering::Relaxed) {
            true => self.told.note(event),
            false => {
                let text = format!("candidate {}: {}", self.release.id, event.text);
                self.told.note_aside(Event { text, ..event }.with("candidate", true));
            }
        }
    }
}

/// Asks the services of a release.
struct Asked {
    senses: Senses,
    release: Release,
    probes: probe::Context,
}

impl Checker for Asked {
    fn check<'a>(&'a self, check: &'a HealthCheck) -> Pending<'a, Result<(), String>> {
        Box::pin(async move {
            let config::Sign::Target(target) = &check.sign else { return Ok(()) };
            let probes = probe::Context { from: self.release.from(), ..self.probes.clone() };
            let asked = probe::ask(target, Access::ReadWrite, check.timeout, &probes).await;
            asked.map(drop).map_err(|refusal| refusal.to_string())
        })
    }

    fn need<'a>(&'a self, name: &'a str) -> Pending<'a, Result<(), String>> {
        Box::pin(self.senses.needed(name, &self.release.app, &self.probes))
    }

    fn fence<'a>(&'a self, service: &'a Service) -> Pending<'a, Result<Fence, NoLock>> {
        Box::pin(fence(&self.senses.0, &self.release.app, service))
    }
}
