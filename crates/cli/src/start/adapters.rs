//! Lets chapters ask through the sense that they do not import themselves.

use super::{
    World,
    jobs::lock_here,
    kept::{Holder, OfService},
    single::lock_for_all,
};
use crate::context::Context;
use config::{Access, App, Dependency, HealthCheck, Service, Sign, Target};
use database::{Patience, Refusal, ServerState};
use health::{Answer, Asker, Migrations};
use host::{Pending, handover::Descriptors};
use std::{io, sync::Arc};
use supervise::{
    Checker, Fence, HandedGuard,
    schedule::{NoLock, service_key},
};

/// What probes need from around them.
pub(crate) fn gate_context(context: &Context, app: &App) -> probe::Context {
    probe::Context { spawner: context.spawner.clone(), root: app.root.clone(), env: app.env.clone(), from: None }
}

/// Asks dependencies for the monitor, and services for their supervisor.
pub(super) struct Senses(pub(super) Arc<World>);

impl Asker for Senses {
    fn ask<'a>(&'a self, dependency: &'a Dependency) -> Pending<'a, Result<Answer, Refusal>> {
        Box::pin(async move {
            let (limit, probes) = (dependency.wait.attempt_timeout, self.0.probes_of(&self.0.by_now()));
            probe::ask(&dependency.target, dependency.access, limit, &probes).await?;
            self.schema(dependency).await?;
            Ok(Answer { queues: queues(dependency).await })
        })
    }
}

impl Senses {
    /// Is a dependency that something of `app` needs there?
    pub(super) async fn needed(&self, name: &str, app: &App, probes: &probe::Context) -> Result<(), String> {
        let Some(dependency) = app.dependency(name).filter(|dependency| dependency.required) else {
            return Ok(());
        };
        // The monitor learns of it too, and tells everybody else.
        self.0.board.look(name);
        let asked = probe::ask(&dependency.target, dependency.access, dependency.wait.attempt_timeout, probes).await;
        asked.map(drop).map_err(|refusal| refusal.to_string())
    }

    /// S1.10: a database that answers may have lost its schema all the same: it was made anew, or restored from nothing.
    async fn schema(&self, dependency: &Dependency) -> Result<(), Refusal> {
        let of_this = |job: &migrate::Job<'_>| job.migrations.database == dependency.name;
        let app = self.0.by_now();
        let Some(job) = self.0.job_of(&app).filter(of_this) else { return Ok(()) };
        let complete = self.0.board.snapshot().migrations == Migrations::Done;
        match complete && migrate::lost_ledger(&job).await.unwrap_or(false) {
            true => Err(schema_is_gone()),
            false => Ok(()),
        }
    }
}

fn schema_is_gone() -> Refusal {
    Refusal {
        state: ServerState::Unknown,
        patience: Patience::Deadline,
        code: Some("42P01".to_owned()),
        message: "the ledger of the migrations is gone, and most likely the schema with it".to_owned(),
        detail: None,
        hint: Some("the migrations bring the schema back; its rows come from a backup".to_owned()),
    }
}

/// The lengths of the queues that a Redis holds; those that cannot be read are left out.
async fn queues(dependency: &Dependency) -> Vec<(String, u64)> {
    let Target::Redis(dsn) = &dependency.target else { return Vec::new() };
    if dependency.queues.is_empty() {
        return Vec::new();
    }
    let lengths = database::redis::queue_lengths(dsn, &dependency.queues, dependency.wait.attempt_timeout).await;
    lengths.into_iter().filter_map(|(name, length)| Some((name, length?))).collect()
}

impl Checker for Senses {
    fn check<'a>(&'a self, check: &'a HealthCheck) -> Pending<'a, Result<(), String>> {
        Box::pin(async move {
            let Sign::Target(target) = &check.sign else { return Ok(()) };
            let asked = probe::ask(target, Access::ReadWrite, check.timeout, &self.0.probes).await;
            asked.map(drop).map_err(|refusal| refusal.to_string())
        })
    }

    fn need<'a>(&'a self, name: &'a str) -> Pending<'a, Result<(), String>> {
        Box::pin(async move {
            let app = self.0.by_now();
            self.needed(name, &app, &self.0.probes_of(&app)).await
        })
    }

    fn fence<'a>(&'a self, service: &'a Service) -> Pending<'a, Result<Fence, NoLock>> {
        Box::pin(fence(&self.0, &self.0.app, service))
    }

    fn take_over(&self, _: &Service, guard: HandedGuard, all: &mut Descriptors) -> io::Result<Fence> {
        OfService::take_over(guard, all).map(OfService::fence)
    }
}

/// Keeps everybody else from running an exclusive service of `app`.
pub(super) async fn fence(world: &World, app: &App, service: &Service) -> Result<Fence, NoLock> {
    let name = &service.name;
    let what = format!("service {name} ({})", app.name);
    let here = if app.keeps_data { Some(lock_here(app, &format!("service-{name}"), &what)?) } else { None };
    let Some(database) = &service.single else { return Ok(OfService { here, session: None }.fence()) };
    let called = format!("mainstay {name} on {}", world.who.host);
    let session = lock_for_all(app, name, database, service_key(&app.name, name), called).await?;
    Ok(OfService { here, session: Some(Holder::Session(Box::new(session))) }.fence())
}
