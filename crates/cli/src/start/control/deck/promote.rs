//! The candidate takes the place of the release that serves.

use super::{
    super::later::later,
    Deck,
    candidate::{Fate, Standing, busy, has_come, misused, unbegun},
    shown,
};
use crate::start::{
    introduce,
    lines::release,
    monitors::{depend_on, first_answers},
    stage::start_patience,
};
use config::App;
use control::{Change, Generation, Promoted, Refusal, ReloadedJobs, Settled, Swapped};
use health::Migrations;
use report::{Event, Finding, Journal, Level, Outcome};
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};
use supervise::{Beside, Promotion, ServiceStatus, Word};
use tokio::time::{Instant, timeout_at};

/// One that does not want to end is given so long once it was killed.
const USUAL: Duration = Duration::from_secs(10);
/// So many last lines are shown of a service that is not ready.
const LINES: usize = 20;

/// What was known before anything was done.
struct Before {
    release: Option<String>,
    app: Arc<App>,
    begun: Instant,
    drain: Option<Duration>,
}

impl Deck {
    /// What was begun is carried out, also when whoever has asked for it has left.
    pub(super) async fn promote_candidate(&self, asked: Generation) -> Result<Promoted, Refusal> {
        let gone = || busy("mainstay is being stopped");
        let deck = self.me.upgrade().ok_or_else(gone)?;
        tokio::spawn(async move { deck.promote(asked).await }).await.unwrap_or_else(|_| Err(gone()))
    }

    async fn promote(&self, asked: Generation) -> Result<Promoted, Refusal> {
        let _one = self.reloading.try_lock().map_err(|_| busy("a reload or a promotion is at work"))?;
        let standing = self.decide(&asked.release)?;
        let app = self.world.by_now();
        let drain = asked.drain_s.and_then(|drain| Duration::try_from_secs_f64(drain).ok());
        let before = Before { release: release(&app), app, begun: Instant::now(), drain };
        let answers = first_answers(&self.world, &standing.release.app).await;
        self.lead_requests(&standing, drain).await?;
        let promotion = match self.handle.promote(drain).await {
            Ok(promotion) => promotion,
            Err(error) => {
                self.lead_back(drain).await;
                self.standing().iter_mut().for_each(|standing| standing.fate = Fate::Open);
                return Err(unbegun(&error));
            }
        };
        self.serve(&standing);
        depend_on(&self.world, &before.app, &standing.release.app, answers);
        let jobs = self.promote_jobs(&standing).await;
        let drained = self.until_settled_with(&before, &promotion).await;
        let promoted = self.promoted(&standing, &before, promotion, jobs, drained);
        *self.standing() = None;
        self.world.journal.note(told(&promoted));
        Ok(promoted)
    }

    /// Requests that a proxy takes go to the candidate first, so that those before are finished by whoever has them.
    async fn lead_requests(&self, standing: &Standing, drain: Option<Duration>) -> Result<(), Refusal> {
        let Some(proxied) = self.world.proxied.get() else { return Ok(()) };
        let doorway = standing.begun.beside.iter().find(|doorway| doorway.service == proxied.service());
        let Some(address) = doorway.and_then(|doorway| doorway.address) else { return Ok(()) };
        proxied.switch(address.port(), drain).await.map(drop).map_err(|error| {
            self.standing().iter_mut().for_each(|standing| standing.fate = Fate::Open);
            let finding = Finding::error("requests cannot be sent to the candidate").because(&error);
            Refusal::new(Outcome::Failed, &[finding.hint("they go where they went before")])
        })
    }

    /// To who serves, for there was no promotion.
    async fn lead_back(&self, drain: Option<Duration>) {
        let Some(proxied) = self.world.proxied.get() else { return };
        let live = self.handle.snapshot().into_iter().find(|status| status.name == proxied.service());
        if let Some(port) = live.and_then(|status| status.port) {
            // Who serves is not to be had at worst; then requests wait.
            let _ = proxied.switch(port, drain).await;
        }
    }

    /// From here on whoever has asked for the candidate does not hold it any more.
    fn decide(&self, id: &str) -> Result<Standing, Refusal> {
        match &mut *self.standing() {
            Some(standing) if *standing.release.id == *id && standing.fate == Fate::Open => {
                standing.fate = Fate::Promoted;
                Ok(standing.clone())
            }
            Some(standing) if *standing.release.id == *id => {
                Err(busy(&format!("release `{id}` is just being given up")))
            }
            Some(standing) => {
                let finding = Finding::error(format!("release `{id}` is not beside the one that serves"));
                Err(misused(finding.seen(format!("it is `{}`", standing.release.id))))
            }
            None => Err(misused(Finding::error(format!("release `{id}` is not beside the one that serves")))),
        }
    }

    /// What is asked, shown and mended is that of the release from now on.
    fn serve(&self, standing: &Standing) {
        standing.release.serve(&self.world);
        let app = &standing.release.app;
        self.world.proxied.get().into_iter().for_each(|proxied| proxied.depend_on(app));
        // Whoever makes a release applies its migrations before.
        match (&app.migrations, self.world.board.snapshot().migrations) {
            (Some(_), Migrations::None) => self.world.board.migrations(Migrations::Done),
            (None, _) => self.world.board.migrations(Migrations::None),
            (Some(_), _) => {}
        }
        self.world.backups.follow(&self.world, app);
        if self.world.terminal.is_introduced() {
            introduce(&self.world.terminal, app);
        }
        *self.services.lock().unwrap_or_else(PoisonError::into_inner) = app.services.clone();
        self.world.passage.reloaded(standing.texts.clone());
    }

    async fn promote_jobs(&self, standing: &Standing) -> ReloadedJobs {
        let (Some(jobs), app) = (&self.jobs, &standing.release.app) else { return ReloadedJobs::default() };
        // Jobs have no sockets: nothing of this can fail but at the end of everything.
        let done = jobs.reload(app.jobs.clone(), app.env.clone()).await.unwrap_or_default();
        self.stay_for_jobs_of(app);
        let supervise::Reloaded { unchanged, changed, added, removed } = done;
        ReloadedJobs { unchanged, changed, added, removed }
    }

    /// Until those before have ended and those that were started now are ready, or will not be; says when the former was.
    async fn until_settled_with(&self, before: &Before, promotion: &Promotion) -> Instant {
        let deadline = before.begun + self.patience_with(before);
        let (mut statuses, mut others) = (self.handle.watch(), self.handle.beside());
        let mut drained = None;
        loop {
            let now = statuses.borrow_and_update().clone();
            if others.borrow_and_update().leaving.is_empty() {
                drained.get_or_insert_with(Instant::now);
            }
            let come = promotion.swapped.iter().chain(&promotion.added).all(|name| {
                let status = now.iter().find(|status| status.name == *name);
                status.is_some_and(|status| self.has_settled(status, promotion))
            });
            if let Some(drained) = drained.filter(|_| come) {
                return drained;
            }
            let changed = async {
                tokio::select! {
                    changed = statuses.changed() => changed,
                    changed = others.changed() => changed,
                }
            };
            if !matches!(timeout_at(deadline, changed).await, Ok(Ok(()))) {
                return drained.unwrap_or_else(Instant::now);
            }
        }
    }

    /// One that is swapped is not the one before any more, and ready, over or parked.
    fn has_settled(&self, status: &ServiceStatus, promotion: &Promotion) -> bool {
        let others = self.handle.beside();
        let swapped = promotion.swapped.contains(&status.name);
        let is_new = !swapped || status.held || others.borrow().ended_before.contains_key(&status.name);
        let over = status.held || status.restarts > 0 || matches!(status.word, Word::Failed | Word::Parked);
        is_new && (has_come(status) || over)
    }

    fn patience_with(&self, before: &Before) -> Duration {
        let stop = before.app.services.iter().map(|service| service.stop.grace).max().unwrap_or_default();
        let start: Duration = self.configured(|_| true).iter().map(start_patience).sum();
        stop.max(before.drain.unwrap_or_default()) + start + USUAL
    }

    fn promoted(
        &self,
        standing: &Standing,
        before: &Before,
        promotion: Promotion,
        jobs: ReloadedJobs,
        drained: Instant,
    ) -> Promoted {
        let (statuses, others) = (self.handle.snapshot(), self.handle.beside().borrow().clone());
        let failed: Vec<_> = statuses.iter().filter(|status| !has_come(status) && !status.held).collect();
        let swapped = |service: &String| Swapped { gap_ms: gap(service, &statuses, &others), service: service.clone() };
        let killed = |status: &&ServiceStatus| matches!(status.exit, Some(host::process::Exit::Signal(9)));
        let late = others.gone.iter().filter(killed).chain(&others.leaving).map(|status| status.name.clone());
        let changed = later(&before.app, &standing.release.app);
        Promoted {
            release: standing.release.id.to_string(),
            before: before.release.clone(),
            ready: failed.is_empty(),
            cause: failed.first().map(|status| self.world.terminal.mask(&why_not(status))),
            swapped: promotion.swapped.iter().map(swapped).collect(),
            switched: promotion.switched,
            added: promotion.added,
            removed: promotion.removed,
            jobs,
            drained_ms: millis(drained - before.begun),
            late: late.collect(),
            failed: failed.into_iter().map(|status| self.failed_change(status, before)).collect(),
            // What a release brings with it is in force: migrations are those of its own directory, its dependencies are watched.
            later: changed.into_iter().filter(|what| !is_in_force(what)).collect(),
        }
    }

    fn failed_change(&self, status: &ServiceStatus, before: &Before) -> Change {
        let lines = self.world.tail.last(&status.name);
        let last = lines.iter().skip(lines.len().saturating_sub(LINES));
        Change {
            lines: last.map(|line| self.world.terminal.mask(line)).collect(),
            service: shown::service(&self.world, status, None),
            settled: if status.word == Word::Parked { Settled::Parked } else { Settled::Failed },
            took_s: shown::seconds(before.begun.elapsed()),
        }
    }
}

fn is_in_force(what: &str) -> bool {
    what == "`[migrations]`" || what.starts_with("the dependency ")
}

fn why_not(status: &ServiceStatus) -> String {
    let reason = status.reason.clone().or(status.last_exit.clone()).unwrap_or_else(|| status.fine.to_owned());
    format!("`{}` is {}: {reason}", status.name, status.word)
}

/// From the end of the process before until it is ready; nothing when it is not.
fn gap(service: &str, statuses: &[ServiceStatus], others: &Beside) -> Option<f64> {
    let status = statuses.iter().find(|status| status.name == service && has_come(status))?;
    Some(millis(status.since.saturating_duration_since(*others.ended_before.get(service)?)))
}

fn millis(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e4).round() / 10.0
}

fn told(promoted: &Promoted) -> Event {
    let Promoted { release, cause, drained_ms, .. } = promoted;
    let event = match cause {
        None => {
            let text = format!("release {release} serves; the one before has ended after {drained_ms} ms");
            Event::new("release.promoted", text)
        }
        Some(cause) => {
            let text = format!("release {release} serves, but {cause}");
            Event::new("release.promoted", text).level(Level::Error)
        }
    };
    event.with("release", release.clone()).with("before", promoted.before.clone().unwrap_or_default())
}
