//! A release beside the one that serves: begun, looked at, given up.

use super::{super::later::nothing_left, Deck, shown};
use crate::{
    check::programs,
    start::{generation::Release, stage::start_patience},
    texts::Texts,
};
use control::{Candidate, CandidateTold, Change, Discarded, Door, Generation, Refusal, Settled};
use host::net::PREVIEW;
use report::{Event, Finding, Journal, Level, Outcome, seconds};
use std::{
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};
use supervise::{Begun, Beside, CandidateError, ServiceStatus, Word};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    time::{Instant, sleep, timeout_at},
};

/// So many pieces wait for whoever has asked for a candidate.
const PIECES: usize = 64;
/// Between two looks whether a candidate is gone.
const PAUSE: Duration = Duration::from_millis(20);
/// So many last lines are shown of a service.
const LINES: usize = 20;

/// The candidate.
#[derive(Clone)]
pub(super) struct Standing {
    pub(super) release: Release,
    pub(super) texts: Texts,
    pub(super) begun: Begun,
    since: Instant,
    pub(super) fate: Fate,
}

/// What becomes of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Whoever has asked for it decides.
    Open,
    /// It is on its way to serve.
    Promoted,
    /// It is on its way to go.
    GivenUp,
}

impl Deck {
    /// Everything that can be wrong comes first.
    pub(super) async fn begin_candidate(&self, asked: Generation) -> Result<Receiver<CandidateTold>, Refusal> {
        self.until_given_up().await;
        let _one = self.reloading.try_lock().map_err(|_| busy("a reload or a promotion is at work"))?;
        self.has_passed(&["gate", "migrate", "start"])?;
        self.is_alone()?;
        let id = asked.release.parse().map_err(|_| misused(Finding::error(no_id(&asked.release))))?;
        let loaded = (self.reread.release)(id).map_err(|findings| Refusal::new(Outcome::Misused, &findings))?;
        if let Some(finding) = nothing_left(&loaded.app) {
            return Err(misused(finding));
        }
        programs(&loaded.app).map_err(|findings| Refusal::new(Outcome::Misused, &findings))?;
        self.world.hide(&loaded.app);
        let release = Release::new(&self.world, &asked.release, loaded.app);
        let generation = release.generation(&self.world);
        let generation = generation.map_err(|trouble| Refusal::new(trouble.outcome, &trouble.findings))?;
        let begun = self.handle.candidate(generation).await.map_err(|error| unbegun(&error))?;
        self.world.journal.note(told_begun(&release, &begun));
        let standing = Standing { release, texts: loaded.texts, begun, since: Instant::now(), fate: Fate::Open };
        *self.standing() = Some(standing.clone());
        let (tell, told) = channel(PIECES);
        if let Some(deck) = self.me.upgrade() {
            tokio::spawn(async move { deck.look_after(standing, tell).await });
        }
        Ok(told)
    }

    /// The candidate, if there is one.
    pub(super) fn standing(&self) -> MutexGuard<'_, Option<Standing>> {
        self.candidate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No second release is there.
    pub(super) fn is_alone(&self) -> Result<(), Refusal> {
        self.beside().map_or(Ok(()), |told| Err(busy(&told)))
    }

    /// That a second release is there, if one is.
    pub(super) fn beside(&self) -> Option<String> {
        let standing = self.standing();
        standing.as_ref().map(|it| format!("release `{}` is beside the one that serves", it.release.id))
    }

    /// Tells how it comes on; then whoever listens holds it, until it is decided.
    async fn look_after(self: Arc<Self>, standing: Standing, tell: Sender<CandidateTold>) {
        let candidate = self.come_on(&standing, &tell).await;
        let ready = candidate.as_ref().is_some_and(|candidate| candidate.ready);
        if let Some(candidate) = candidate {
            let cause = candidate.cause.clone();
            self.tell_come(&standing, cause.as_deref());
            let _ = tell.send(CandidateTold { candidate: Some(candidate), ..CandidateTold::default() }).await;
        }
        if ready {
            self.until_decided_or_left(&standing, &tell).await;
        }
        if self.is_undecided(&standing) {
            self.give_up(if ready { "whoever has asked for it has left" } else { "it is not ready" }).await;
        }
    }

    fn tell_come(&self, standing: &Standing, cause: Option<&str>) {
        let id = &standing.release.id;
        let event = match cause {
            None => {
                let text = format!("candidate {id} is ready after {}", seconds(standing.since.elapsed()));
                Event::new("release.ready", text)
            }
            Some(cause) => {
                let text = format!("candidate {id} is not ready: {cause}");
                Event::new("release.unready", text).level(Level::Error)
            }
        };
        self.world.journal.note(event.with("release", id.to_string()));
    }

    /// How it has come; nothing when nobody listens any more.
    async fn come_on(&self, standing: &Standing, tell: &Sender<CandidateTold>) -> Option<Candidate> {
        for doorway in &standing.begun.beside {
            let piece = CandidateTold { started: Some(doorway.service.clone()), ..CandidateTold::default() };
            tell.send(piece).await.ok()?;
        }
        let (mut watch, mut told) = (self.handle.beside(), Vec::new());
        let deadline = standing.since + patience(standing);
        loop {
            let beside = watch.borrow_and_update().clone();
            for status in beside.candidates.iter().filter(|status| has_come(status)) {
                if !told.contains(&status.name) {
                    told.push(status.name.clone());
                    let piece = CandidateTold { ready: Some(status.name.clone()), ..CandidateTold::default() };
                    tell.send(piece).await.ok()?;
                }
            }
            if let Some(verdict) = verdict(standing, &beside) {
                return Some(self.candidate(standing, &beside, verdict));
            }
            tokio::select! {
                () = tell.closed() => return None,
                changed = timeout_at(deadline, watch.changed()) => {
                    if !matches!(changed, Ok(Ok(()))) {
                        return Some(self.candidate(standing, &beside, Err(late(standing, &beside))));
                    }
                }
            }
        }
    }

    fn candidate(&self, standing: &Standing, beside: &Beside, verdict: Result<(), String>) -> Candidate {
        let change = |status: &ServiceStatus| self.change_of(status, standing);
        Candidate {
            release: standing.release.id.to_string(),
            ready: verdict.is_ok(),
            cause: verdict.err().map(|cause| self.world.terminal.mask(&cause)),
            services: beside.candidates.iter().map(change).collect(),
            later: standing.begun.later.clone(),
            doors: doors(&standing.begun),
        }
    }

    fn change_of(&self, status: &ServiceStatus, standing: &Standing) -> Change {
        let lines = standing.release.tail.last(&status.name);
        let last = lines.iter().skip(lines.len().saturating_sub(LINES));
        Change {
            lines: last.map(|line| self.world.terminal.mask(line)).collect(),
            service: self.shown_candidate(status, &standing.release.id),
            settled: if has_come(status) { Settled::Done } else { Settled::NotYet },
            took_s: shown::seconds(standing.since.elapsed()),
        }
    }

    fn shown_candidate(&self, status: &ServiceStatus, release: &str) -> control::Service {
        let service = shown::service(&self.world, status, None);
        control::Service {
            name: format!("{} (candidate {release})", status.name),
            release: Some(release.to_owned()),
            ..service
        }
    }

    /// The services of the candidate, for those who look.
    pub(super) fn shown_candidates(&self) -> Vec<control::Service> {
        let Some(release) = self.standing().as_ref().map(|standing| standing.release.id.clone()) else {
            return Vec::new();
        };
        let beside = self.handle.beside().borrow().clone();
        beside.candidates.iter().map(|status| self.shown_candidate(status, &release)).collect()
    }

    async fn until_decided_or_left(&self, standing: &Standing, tell: &Sender<CandidateTold>) {
        let mut watch = self.handle.beside();
        loop {
            tokio::select! {
                () = tell.closed() => return,
                changed = watch.changed() => {
                    if changed.is_err() || !self.is_undecided(standing) {
                        return;
                    }
                }
            }
        }
    }

    fn is_undecided(&self, standing: &Standing) -> bool {
        self.standing()
            .as_ref()
            .is_some_and(|it| it.fate == Fate::Open && Arc::ptr_eq(&it.release.id, &standing.release.id))
    }

    pub(super) async fn discard_candidate(&self) -> Result<Discarded, Refusal> {
        let Some(standing) = self.standing().clone() else { return Ok(Discarded::default()) };
        match standing.fate {
            Fate::GivenUp => self.until_given_up().await,
            Fate::Promoted => return Err(busy(&format!("release `{}` is just being promoted", standing.release.id))),
            Fate::Open => self.give_up("on request").await,
        }
        let services = standing.begun.beside.iter().map(|doorway| doorway.service.clone()).collect();
        Ok(Discarded { release: Some(standing.release.id.to_string()), services })
    }

    /// One that is on its way to go is gone.
    async fn until_given_up(&self) {
        while self.standing().as_ref().is_some_and(|standing| standing.fate == Fate::GivenUp) {
            sleep(PAUSE).await;
        }
    }

    /// Stops it, and comes back when nobody of it is left.
    async fn give_up(&self, why: &str) {
        let id = match &mut *self.standing() {
            Some(standing) => {
                standing.fate = Fate::GivenUp;
                standing.release.id.clone()
            }
            None => return,
        };
        self.handle.discard();
        let mut watch = self.handle.beside();
        while !watch.borrow_and_update().candidates.is_empty() {
            if watch.changed().await.is_err() {
                break;
            }
        }
        let text = format!("candidate {id} is given up: {why}");
        self.world.journal.note(Event::new("release.discarded", text).with("release", id.to_string()));
        *self.standing() = None;
    }
}

/// It is ready, or will not be, with the cause; nothing when that is open.
fn verdict(standing: &Standing, beside: &Beside) -> Option<Result<(), String>> {
    let all = &beside.candidates;
    if all.len() < standing.begun.beside.len() {
        return Some(Err("it is being stopped".to_owned()));
    }
    if let Some(cause) = all.iter().find_map(against) {
        return Some(Err(cause));
    }
    all.iter().all(has_come).then_some(Ok(()))
}

/// A service that ends before it was ready is not given a second try here.
fn against(status: &ServiceStatus) -> Option<String> {
    let name = &status.name;
    let reason = || status.reason.clone().unwrap_or_else(|| status.fine.to_owned());
    match status.word {
        Word::Failed | Word::Parked => Some(format!("`{name}` is {}: {}", status.word, reason())),
        _ if status.restarts > 0 || matches!(status.fine, "backoff" | "asking") => {
            let how = status.last_exit.clone().unwrap_or_else(|| "an unknown end".to_owned());
            Some(format!("`{name}` ended with {how}"))
        }
        _ if matches!(status.fine, "stopping" | "killing") => Some(format!("`{name}` was not ready in time")),
        _ => None,
    }
}

pub(super) fn has_come(status: &ServiceStatus) -> bool {
    status.ready || status.fine == "done"
}

fn late(standing: &Standing, beside: &Beside) -> String {
    let waited = seconds(patience(standing));
    let late = beside.candidates.iter().filter(|status| !has_come(status)).map(|status| format!("`{}`", status.name));
    format!("not ready within {waited}: {}", late.collect::<Vec<_>>().join(", "))
}

/// By their own rules, one after the other at worst.
fn patience(standing: &Standing) -> Duration {
    let of = |name: &String| standing.release.app.services.iter().find(|service| service.name == *name);
    let all = standing.begun.beside.iter().filter_map(|doorway| of(&doorway.service));
    all.map(start_patience).sum::<Duration>() + Duration::from_secs(1)
}

fn doors(begun: &Begun) -> Vec<Door> {
    let door = |doorway: &supervise::Doorway| {
        Some(Door {
            service: doorway.service.clone(),
            address: doorway.address?.to_string(),
            from: doorway.led.then(|| PREVIEW.to_string()),
            private: !doorway.shared,
        })
    };
    begun.beside.iter().filter_map(door).collect()
}

fn told_begun(release: &Release, begun: &Begun) -> Event {
    let names: Vec<_> = begun.beside.iter().map(|doorway| doorway.service.as_str()).collect();
    let text = match names.as_slice() {
        [] => format!("candidate {}: no service of it may run beside those that serve", release.id),
        names => format!("candidate {}: {} started beside what serves", release.id, names.join(", ")),
    };
    Event::new("release.candidate", text).with("release", release.id.to_string())
}

fn no_id(text: &str) -> String {
    format!("`{text}` is no id of a release")
}

pub(super) fn misused(finding: Finding) -> Refusal {
    Refusal::new(Outcome::Misused, &[finding])
}

pub(super) fn busy(why: &str) -> Refusal {
    Refusal::new(Outcome::NotYet, &[Finding::error(why).hint("try again when that is decided: `mainstay ps` tells")])
}

pub(super) fn unbegun(error: &CandidateError) -> Refusal {
    match error {
        CandidateError::Listen(error) => misused(Finding::from(error)),
        CandidateError::Another | CandidateError::NotRunning => busy(&error.to_string()),
        CandidateError::None => misused(Finding::error(error.to_string())),
        CandidateError::Unready { .. } => Refusal::new(Outcome::Failed, &[Finding::error(error.to_string())]),
    }
}
