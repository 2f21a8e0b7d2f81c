//! Answers what people ask of the running application.

use super::{
    super::{
        World,
        remembered::condition,
        stage::{show, start_patience},
    },
    later::{impossible, later},
    settled::settled,
    shown,
};
use crate::check::programs;
use config::{App, Service};
use control::{
    Asked, Change, Daemon, Done, Down, Events, Order, Ps, Refusal, Reloaded, Settled, Status, VERSION, Verb, Why,
};
use health::Report;
use host::Pending;
use report::{Event, Finding, Journal, Level, Outcome};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use supervise::{Handle, NoSuchService, ReloadError, ServiceStatus};
use tokio::time::{Instant, timeout_at};

/// Reads the configuration anew.
pub(crate) type Reread = Box<dyn Fn() -> Result<App, Vec<Finding>> + Send + Sync>;

/// The longest time that an order is waited for.
const LONGEST: Duration = Duration::from_secs(3600);
/// One that does not want to end is given so long once it was killed.
const USUAL: Duration = Duration::from_secs(10);
/// A journal that takes longer to write is not waited for.
const FLUSH: Duration = Duration::from_secs(1);
/// So many last lines are shown after an order.
const LINES: usize = 10;

/// Answers what people ask of the running application.
pub(super) struct Deck {
    world: Arc<World>,
    handle: Handle,
    reread: Reread,
    /// The services as they are configured by now.
    services: Mutex<Vec<Service>>,
    /// A second request to stop would be a request to kill.
    asked_down: AtomicBool,
    /// One reload at a time, so that the last one counts whole.
    reloading: tokio::sync::Mutex<()>,
}

impl Daemon for Deck {
    fn ps(&self) -> Ps {
        Ps { app: self.world.app.name.clone(), services: self.shown() }
    }

    fn status(&self) -> Status {
        let report = self.report();
        let started = self.world.board.snapshot().started;
        Status {
            app: self.world.app.name.clone(),
            mainstay: VERSION.to_owned(),
            pid: std::process::id(),
            since: shown::at(&self.world, started),
            uptime_s: shown::seconds(started.elapsed()),
            phase: report.phase.to_owned(),
            health: report.status.word().to_owned(),
            ok: report.ok,
            reasons: report.reasons.clone(),
            services: self.shown(),
            dependencies: shown::dependencies(&report),
            migrations: shown::migrations(&report),
            disk: shown::disk(&self.world),
            journal: condition(&self.world),
        }
    }

    fn why(&self, service: &str) -> Result<Why, Refusal> {
        let statuses = self.handle.snapshot();
        let Some(status) = statuses.iter().find(|status| status.name == service) else {
            let services = statuses.into_iter().map(|status| status.name).collect();
            return Err(unknown(&NoSuchService { name: service.to_owned(), services }));
        };
        let report = self.report();
        let needs = self.configured(|it| it.name == service).into_iter().flat_map(|it| it.needs).collect::<Vec<_>>();
        let mask = |line: String| self.world.terminal.mask(&line);
        let timed = matches!(status.fine, "backoff" | "delayed");
        Ok(Why {
            service: shown::service(&self.world, status, self.handle.usage().get(service)),
            blocked_on: shown::blocked_on(&self.world, &report, status),
            next_try_s: status
                .due
                .filter(|_| timed)
                .map(|due| shown::seconds(due.saturating_duration_since(Instant::now()))),
            last_exit: shown::last_exit(&self.world, status),
            stderr: self.world.tail.errors(service).into_iter().map(mask).collect(),
            needs: shown::dependencies(&report).into_iter().filter(|it| needs.contains(&it.name)).collect(),
            disk: shown::disk(&self.world),
        })
    }

    fn order(&self, verb: Verb, order: Order) -> Pending<'_, Result<Done, Refusal>> {
        Box::pin(async move {
            self.is_up()?;
            let begun = Instant::now();
            let before = self.meant(&order.services)?;
            let limit = order.timeout_s.and_then(|limit| Duration::try_from_secs_f64(limit).ok());
            let deadline = begun + limit.unwrap_or_else(|| self.patience(verb, &before)).min(LONGEST);
            for status in &before {
                self.tell(verb, &status.name).map_err(|error| unknown(&error))?;
            }
            let settled = self.until_settled(verb, &before, deadline).await;
            Ok(self.done(settled, begun))
        })
    }

    fn reload(&self) -> Pending<'_, Result<Reloaded, Refusal>> {
        Box::pin(async move {
            let _one = self.reloading.lock().await;
            self.is_up()?;
            let refused = |findings: Vec<Finding>| {
                let text = format!("nothing is reloaded: {}", findings.first().map_or("", |it| &it.summary));
                self.world.journal.note(Event::new("reload.refused", text).level(Level::Warn));
                Refusal::new(Outcome::Misused, &findings)
            };
            let new = (self.reread)().map_err(refused)?;
            let impossible = impossible(&self.world.app, &new);
            if !impossible.is_empty() {
                return Err(refused(impossible));
            }
            programs(&new).map_err(refused)?;
            match self.handle.reload(new.services.clone(), new.env.clone()).await {
                Ok(reloaded) => Ok(self.reloaded(new, reloaded)),
                Err(ReloadError::Listen(error)) => Err(refused(vec![Finding::from(&error)])),
                Err(error @ ReloadError::NotRunning) => {
                    Err(Refusal::new(Outcome::NotYet, &[Finding::error(error.to_string())]))
                }
            }
        })
    }

    fn down(&self) -> Down {
        if !self.asked_down.swap(true, Ordering::Relaxed) {
            self.world.journal.note(Event::new("control.down", "everything is stopped on request"));
            // The same way as from outside, so that there is one way to stop.
            host::process::ask_self_to_stop();
        }
        Down { app: self.world.app.name.clone(), pid: std::process::id() }
    }

    fn events(&self, asked: Asked) -> Pending<'_, Events> {
        Box::pin(async move {
            // Whoever does not wait for the next one may look into the file for those before.
            if let Some(journal) = self.world.ring.journal().filter(|_| asked.wait_s == 0) {
                journal.flush(FLUSH).await;
            }
            self.world.ring.ask(asked).await
        })
    }
}

impl Deck {
    pub(super) fn new(world: Arc<World>, handle: Handle, reread: Reread) -> Self {
        let services = Mutex::new(world.app.services.clone());
        let (asked_down, reloading) = (AtomicBool::new(false), tokio::sync::Mutex::default());
        Self { world, handle, reread, services, asked_down, reloading }
    }

    fn shown(&self) -> Vec<control::Service> {
        let usage = self.handle.usage();
        let shown = |status: &ServiceStatus| shown::service(&self.world, status, usage.get(&status.name));
        self.handle.snapshot().iter().map(shown).collect()
    }

    /// What health says of the services as they are at this moment, which its own watcher may not have seen yet.
    fn report(&self) -> Report {
        show(&self.world, &self.handle.snapshot());
        self.world.board.report()
    }

    fn configured(&self, wanted: impl Fn(&Service) -> bool) -> Vec<Service> {
        let services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        services.iter().filter(|service| wanted(service)).cloned().collect()
    }

    /// Orders are for services that were started.
    fn is_up(&self) -> Result<(), Refusal> {
        let phase = self.report().phase;
        let not_yet = |text: String, hint: &str| Refusal::new(Outcome::NotYet, &[Finding::error(text).hint(hint)]);
        match phase {
            "gate" | "migrate" => Err(not_yet(
                format!("`{}` is still starting: it has come to `{phase}`", self.world.app.name),
                "`mainstay status` tells what it waits for",
            )),
            "stopping" => {
                Err(not_yet(format!("`{}` is being stopped", self.world.app.name), "`mainstay up -d` starts it"))
            }
            _ => Ok(()),
        }
    }

    /// Those services, or all; how they are before anything is done.
    fn meant(&self, names: &[String]) -> Result<Vec<ServiceStatus>, Refusal> {
        let all = self.handle.snapshot();
        let missing = names.iter().find(|name| !all.iter().any(|status| status.name == **name));
        if let Some(name) = missing {
            let services = all.into_iter().map(|status| status.name).collect();
            return Err(unknown(&NoSuchService { name: name.clone(), services }));
        }
        Ok(all.into_iter().filter(|status| names.is_empty() || names.contains(&status.name)).collect())
    }

    /// As long as these services may take by their own rules.
    fn patience(&self, verb: Verb, which: &[ServiceStatus]) -> Duration {
        let services = self.configured(|service| which.iter().any(|status| status.name == service.name));
        let stop = |service: &Service| service.stop.grace + USUAL;
        let one = |service: &Service| match verb {
            Verb::Stop => stop(service),
            Verb::Start => start_patience(service),
            Verb::Restart => stop(service) + start_patience(service),
        };
        services.iter().map(one).max().unwrap_or(USUAL) + Duration::from_secs(1)
    }

    fn tell(&self, verb: Verb, service: &str) -> Result<(), NoSuchService> {
        match verb {
            Verb::Restart => self.handle.restart(service),
            Verb::Start => self.handle.start(service),
            Verb::Stop => self.handle.stop_service(service),
        }
    }

    /// Each service as it was when its order was carried out, or when the time was up.
    async fn until_settled(&self, verb: Verb, before: &[ServiceStatus], deadline: Instant) -> Vec<Seen> {
        let mut watch = self.handle.watch();
        let mut seen: Vec<Seen> = Vec::new();
        loop {
            let now = watch.borrow_and_update().clone();
            for before in before {
                let known = seen.iter().any(|seen| seen.status.name == before.name);
                let status = now.iter().find(|status| status.name == before.name).unwrap_or(before);
                if let Some(settled) = settled(verb, before, status).filter(|_| !known) {
                    seen.push(Seen { status: status.clone(), settled, at: Instant::now() });
                }
            }
            if seen.len() == before.len() || !matches!(timeout_at(deadline, watch.changed()).await, Ok(Ok(()))) {
                break;
            }
        }
        let now = self.handle.snapshot();
        let of = |before: &ServiceStatus| {
            let settled = seen.iter().find(|seen| seen.status.name == before.name).cloned();
            let status = now.iter().find(|status| status.name == before.name).unwrap_or(before);
            settled.unwrap_or(Seen { status: status.clone(), settled: Settled::NotYet, at: Instant::now() })
        };
        before.iter().map(of).collect()
    }

    fn done(&self, seen: Vec<Seen>, begun: Instant) -> Done {
        let report = self.report();
        let usage = self.handle.usage();
        let change = |seen: Seen| {
            let lines = self.world.tail.last(&seen.status.name);
            let last = lines.iter().skip(lines.len().saturating_sub(LINES));
            Change {
                lines: last.map(|line| self.world.terminal.mask(line)).collect(),
                service: shown::service(&self.world, &seen.status, usage.get(&seen.status.name)),
                settled: seen.settled,
                took_s: shown::seconds(seen.at - begun),
            }
        };
        Done {
            services: seen.into_iter().map(change).collect(),
            dependencies: shown::dependencies(&report),
            health: report.status.word().to_owned(),
        }
    }

    fn reloaded(&self, new: App, reloaded: supervise::Reloaded) -> Reloaded {
        let later = later(&self.world.app, &new);
        self.world.terminal.introduce(&self.world.app.name, new.services.iter().map(|service| service.name.as_str()));
        *self.services.lock().unwrap_or_else(PoisonError::into_inner) = new.services;
        let (changed, added, removed) = (reloaded.changed.len(), reloaded.added.len(), reloaded.removed.len());
        let text = format!("the configuration is reloaded: {changed} changed, {added} new, {removed} gone");
        let event = Event::new("reload.done", text);
        self.world.journal.note(event.with("changed", changed).with("added", added).with("removed", removed));
        let supervise::Reloaded { unchanged, changed, added, removed } = reloaded;
        Reloaded { unchanged, changed, added, removed, later }
    }
}

/// A service, and how an order ended for it.
#[derive(Clone)]
struct Seen {
    status: ServiceStatus,
    settled: Settled,
    at: Instant,
}

fn unknown(error: &NoSuchService) -> Refusal {
    Refusal::new(Outcome::Misused, &[Finding::error(error.to_string())])
}
