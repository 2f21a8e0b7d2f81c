//! Answers what people ask of the running application.

mod candidate;
mod jobs;
mod orders;
mod promote;
mod reload;

use super::{
    super::{World, backups::Backups, lines::release, remembered::condition, stage::show},
    shown,
    works::Works,
};
use crate::{load::Loaded, start::reexec::Wish};
use candidate::Standing;
use config::Service;
use control::{
    Asked, CandidateTold, Daemon, Discarded, Done, Down, Events, Generation, JobRun, Order, Promoted, Ps, Reexec,
    Refusal, Reloaded, RunTold, Status, Takeover, VERSION, Verb, Why,
};
use deploy::ReleaseId;
use health::Report;
use host::Pending;
use report::{Event, Finding, Journal, Outcome};
use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use supervise::{Handle, NoSuchService, ServiceStatus, schedule::ScheduleHandle};
use tokio::{
    sync::{mpsc::Receiver, oneshot},
    time::Instant,
};

/// Reads the configuration anew.
pub(crate) struct Reread {
    /// What is to be run by now.
    pub(crate) latest: Box<dyn Fn() -> Result<Loaded, Vec<Finding>> + Send + Sync>,
    /// Another release of the site.
    pub(crate) release: Box<dyn Fn(ReleaseId) -> Result<Loaded, Vec<Finding>> + Send + Sync>,
}

/// A journal that takes longer to write is not waited for.
const FLUSH: Duration = Duration::from_secs(1);

/// Answers what people ask of the running application.
pub(super) struct Deck {
    world: Arc<World>,
    handle: Handle,
    /// Nothing when jobs are not run.
    jobs: Option<ScheduleHandle>,
    reread: Reread,
    /// The services as they are configured by now.
    services: Mutex<Vec<Service>>,
    /// A second request to stop would be a request to kill.
    asked_down: AtomicBool,
    /// One reload at a time, so that the last one counts whole.
    reloading: Arc<tokio::sync::Mutex<()>>,
    /// The release beside the one that serves.
    candidate: Mutex<Option<Standing>>,
    /// What would be cut off if another version took over now.
    works: Works,
    /// For what goes on when whoever has asked for it has left.
    me: Weak<Self>,
}

impl Daemon for Deck {
    fn ps(&self) -> Ps {
        Ps { app: self.world.app.name.clone(), services: self.shown(), jobs: self.shown_jobs() }
    }

    fn status(&self) -> Pending<'_, Status> {
        Box::pin(async move {
            Backups::refresh(&self.world).await;
            self.whole()
        })
    }

    fn why(&self, service: &str) -> Result<Why, Refusal> {
        let statuses = self.handle.snapshot();
        let Some(status) = statuses.iter().find(|status| status.name == service) else {
            let services = statuses.iter().map(|status| status.name.clone()).collect();
            return self.why_job(service).ok_or_else(|| unknown(&NoSuchService { name: service.to_owned(), services }));
        };
        let report = self.report();
        let needs = self.configured(|it| it.name == service).into_iter().flat_map(|it| it.needs).collect::<Vec<_>>();
        let mask = |line: String| self.world.terminal.mask(&line);
        let timed = matches!(status.fine, "backoff" | "delayed");
        Ok(Why {
            service: shown::service(&self.world, status, self.handle.usage().get(service)),
            job: None,
            blocked_on: shown::blocked_on(&self.world, &report, status),
            next_try_s: status
                .due
                .filter(|_| timed)
                .map(|due| shown::seconds(due.saturating_duration_since(Instant::now()))),
            last_exit: shown::last_exit(&self.world, status),
            fault: shown::fault(&self.world, status),
            stderr: self.world.tail.errors(service).into_iter().map(mask).collect(),
            needs: shown::dependencies(&report).into_iter().filter(|it| needs.contains(&it.name)).collect(),
            disk: shown::disk(&self.world),
        })
    }

    fn order(&self, verb: Verb, order: Order) -> Pending<'_, Result<Done, Refusal>> {
        Box::pin(async move { self.carry_out(verb, order).await })
    }

    fn run_now(&self, job: &str) -> Result<Receiver<RunTold>, Refusal> {
        self.run_job(job)
    }

    fn ran(&self, job: &str, run: JobRun) -> Result<(), Refusal> {
        self.keep_run(job, run)
    }

    fn reload(&self) -> Pending<'_, Result<Reloaded, Refusal>> {
        Box::pin(async move { self.read_anew().await })
    }

    fn reexec(&self, asked: Takeover) -> Pending<'_, Result<Reexec, Refusal>> {
        Box::pin(async move { self.let_another_take_over(asked).await })
    }

    fn candidate(&self, asked: Generation) -> Pending<'_, Result<Receiver<CandidateTold>, Refusal>> {
        Box::pin(async move { self.begin_candidate(asked).await })
    }

    fn promote(&self, asked: Generation) -> Pending<'_, Result<Promoted, Refusal>> {
        Box::pin(async move { self.promote_candidate(asked).await })
    }

    fn discard(&self) -> Pending<'_, Result<Discarded, Refusal>> {
        Box::pin(async move { self.discard_candidate().await })
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
            let mut events = tokio::select! {
                events = self.world.ring.ask(asked) => events,
                // Who waits for what may never come is answered before the socket is handed over.
                () = self.world.passage.asking.is_shut() => self.world.ring.ask(Asked { wait_s: 0, ..asked }).await,
            };
            // What became a secret since then was none when the event was kept.
            events.events.iter_mut().for_each(|event| event.text = self.world.terminal.mask(&event.text));
            events
        })
    }
}

impl Deck {
    fn whole(&self) -> Status {
        let report = self.report();
        let started = self.world.board.snapshot().started;
        Status {
            app: self.world.app.name.clone(),
            mainstay: VERSION.to_owned(),
            release: release(&self.world.by_now()),
            pid: std::process::id(),
            generation: self.world.passage.generation(),
            reexec_failed: self.world.passage.why_failed().map(|why| self.world.terminal.mask(&why)),
            reexec_waits: self.world.passage.waits_for().map(|what| self.world.terminal.mask(&what)),
            since: shown::at(&self.world, started),
            uptime_s: shown::seconds(started.elapsed()),
            phase: report.phase.to_owned(),
            health: report.status.word().to_owned(),
            ok: report.ok,
            reasons: report.reasons.clone(),
            services: self.shown(),
            jobs: self.shown_jobs(),
            dependencies: shown::dependencies(&report),
            migrations: shown::migrations(&report),
            backups: shown::backups(&self.world),
            certificates: shown::certificates(&self.world),
            disk: shown::disk(&self.world),
            journal: condition(&self.world),
        }
    }

    /// `configured` are the services by now.
    pub(super) fn new(
        world: Arc<World>,
        handle: Handle,
        jobs: Option<ScheduleHandle>,
        reread: Reread,
        configured: Vec<Service>,
    ) -> Arc<Self> {
        let services = Mutex::new(configured);
        let (asked_down, reloading) = (AtomicBool::new(false), Arc::default());
        let (candidate, works) = (Mutex::default(), Works::default());
        Arc::new_cyclic(|me| {
            let me = me.clone();
            Self { world, handle, jobs, reread, services, asked_down, reloading, candidate, works, me }
        })
    }

    async fn let_another_take_over(&self, asked: Takeover) -> Result<Reexec, Refusal> {
        self.is_up()?;
        let refused = |text: String| Refusal::new(Outcome::NotYet, &[Finding::error(text)]);
        if self.report().phase != "watch" {
            return Err(refused(format!("`{}` is still starting", self.world.app.name)));
        }
        let (reply, answer) = oneshot::channel();
        self.world.passage.wish(Wish::of(reply, asked));
        answer.await.unwrap_or_else(|_| Err(refused("mainstay is being stopped".to_owned())))
    }

    /// What is at work and would be cut off, if anything is.
    pub(super) fn at_work(&self) -> Option<String> {
        self.beside().or_else(|| self.works.first().map(|what| what.to_string()))
    }

    fn shown(&self) -> Vec<control::Service> {
        let usage = self.handle.usage();
        let shown = |status: &ServiceStatus| shown::service(&self.world, status, usage.get(&status.name));
        let live = self.handle.snapshot();
        live.iter().map(shown).chain(self.shown_candidates()).collect()
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

    /// Orders are for services that were started, and jobs begin with them.
    fn is_up(&self) -> Result<(), Refusal> {
        self.has_passed(&["gate", "migrate"])
    }

    fn has_passed(&self, early: &[&str]) -> Result<(), Refusal> {
        let phase = self.report().phase;
        let not_yet = |text: String, hint: &str| Refusal::new(Outcome::NotYet, &[Finding::error(text).hint(hint)]);
        match phase {
            phase if early.contains(&phase) => Err(not_yet(
                format!("`{}` is still starting: it has come to `{phase}`", self.world.app.name),
                "`mainstay status` tells what it waits for",
            )),
            "stopping" => {
                Err(not_yet(format!("`{}` is being stopped", self.world.app.name), "`mainstay up -d` starts it"))
            }
            _ => Ok(()),
        }
    }
}

fn unknown(error: &NoSuchService) -> Refusal {
    Refusal::new(Outcome::Misused, &[Finding::error(error.to_string())])
}
