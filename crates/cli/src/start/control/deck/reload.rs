//! The configuration is read anew, and what changed takes effect.

use super::{
    super::later::{impossible, later},
    Deck,
};
use crate::{check::programs, load::Loaded, start::introduce};
use config::App;
use control::{Refusal, Reloaded, ReloadedJobs};
use report::{Event, Finding, Journal, Level, Outcome};
use std::sync::PoisonError;
use supervise::ReloadError;

impl Deck {
    /// Everything that can be wrong comes first.
    pub(super) async fn read_anew(&self) -> Result<Reloaded, Refusal> {
        let _at_work = self.works.begin("a reload is at work");
        let _one = self.reloading.lock().await;
        self.is_up()?;
        self.is_alone()?;
        let _told = self.world.herald.reloading();
        let Loaded { app: new, texts } = (self.reread.latest)().map_err(|findings| self.refused(&findings))?;
        let impossible = impossible(&self.world.by_now(), &new);
        if !impossible.is_empty() {
            return Err(self.refused(&impossible));
        }
        programs(&new).map_err(|findings| self.refused(&findings))?;
        self.world.hide(&new);
        let services = self.handle.reload(new.services.clone(), new.env.clone()).await;
        let services = services.map_err(|error| self.unreloaded(error))?;
        let jobs = match &self.jobs {
            Some(jobs) => jobs.reload(new.jobs.clone(), new.env.clone()).await,
            None => Ok(supervise::Reloaded::default()),
        };
        let jobs = jobs.map_err(|error| self.unreloaded(error))?;
        self.stay_for_jobs_of(&new);
        self.world.backups.follow(&self.world, &new);
        let reloaded = self.reloaded(new, services, jobs);
        self.world.passage.reloaded(texts);
        Ok(reloaded)
    }

    /// The same where nobody waits for an answer: what is wrong is told to the terminal.
    pub(in crate::start::control) async fn reload_unasked(&self) {
        if let Err(refusal) = self.read_anew().await {
            refusal.findings().iter().for_each(|finding| self.world.terminal.finding(finding));
        }
    }

    /// Where there are jobs, the end of all services is not the end.
    pub(super) fn stay_for_jobs_of(&self, app: &App) {
        self.handle.stay(self.jobs.is_some() && !app.jobs.is_empty());
    }

    fn refused(&self, findings: &[Finding]) -> Refusal {
        let text = format!("nothing is reloaded: {}", findings.first().map_or("", |it| &it.summary));
        self.world.journal.note(Event::new("reload.refused", text).level(Level::Warn));
        Refusal::new(Outcome::Misused, findings)
    }

    pub(super) fn unreloaded(&self, error: ReloadError) -> Refusal {
        match error {
            ReloadError::Listen(error) => self.refused(&[Finding::from(&error)]),
            error @ (ReloadError::NotRunning | ReloadError::Candidate) => {
                Refusal::new(Outcome::NotYet, &[Finding::error(error.to_string())])
            }
        }
    }

    fn reloaded(&self, new: App, services: supervise::Reloaded, jobs: supervise::Reloaded) -> Reloaded {
        let mut later = later(&self.world.by_now(), &new);
        if self.jobs.is_none() && new.jobs != self.world.by_now().jobs {
            later.push("`[schedule]`".to_owned());
        }
        if self.world.terminal.is_introduced() {
            introduce(&self.world.terminal, &new);
        }
        *self.services.lock().unwrap_or_else(PoisonError::into_inner) = new.services;
        self.world.journal.note(told(&services, &jobs));
        let supervise::Reloaded { unchanged, changed, added, removed } = jobs;
        let jobs = ReloadedJobs { unchanged, changed, added, removed };
        let supervise::Reloaded { unchanged, changed, added, removed } = services;
        Reloaded { unchanged, changed, added, removed, jobs, later }
    }
}

fn told(services: &supervise::Reloaded, jobs: &supervise::Reloaded) -> Event {
    let all = [services, jobs];
    let changed: usize = all.iter().map(|it| it.changed.len()).sum();
    let added: usize = all.iter().map(|it| it.added.len()).sum();
    let removed: usize = all.iter().map(|it| it.removed.len()).sum();
    let text = format!("the configuration is reloaded: {changed} changed, {added} new, {removed} gone");
    Event::new("reload.done", text).with("changed", changed).with("added", added).with("removed", removed)
}
