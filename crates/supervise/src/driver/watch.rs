//! What a driver learns of how its service is: by asking, and by being told.

use super::Driver;
use crate::{
    check::Checker,
    ear::{Heard, Lookout},
    input::Input,
    notice::Notice,
    say,
    state::{Run, State},
    vigil::{Verdict, Vigil},
};
use config::{Service, Sign};
use host::Pending;
use report::seconds;
use std::{future::pending, io, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, timeout},
};

/// The health check of a running process, and the question that is on its way.
pub(super) struct Watch {
    pub(super) run: Run,
    pub(super) vigil: Vigil,
    pub(super) question: Option<Pending<'static, Answer>>,
}

/// What a check has found, and how long that took.
pub(super) type Answer = (Result<(), String>, Duration);

impl Driver {
    /// A new process gets a new vigil, a gone one none.
    pub(super) fn watch_over(&mut self) {
        let run = match self.life.state() {
            State::Starting(run) | State::Running(run) => Some(Run { accused: false, ..*run }),
            _ => None,
        };
        if self.check.as_ref().map(|watch| watch.run) != run {
            let health = self.service.health.as_ref();
            let watch = |(run, check): (Run, _)| Watch { run, vigil: Vigil::new(check, run.since), question: None };
            self.check = run.zip(health).map(watch);
        }
    }

    /// Asks, or finds that it was waited long enough.
    pub(super) fn check_on(&mut self, now: Instant) {
        let Some(watch) = &mut self.check else { return };
        if watch.question.is_some() || watch.vigil.next().is_none_or(|next| next > now) {
            return;
        }
        if watch.vigil.asks() {
            watch.question = Some(question(&self.outfit.checker, &self.service));
        } else {
            let verdict = watch.vigil.elapsed(now);
            self.judged(verdict);
        }
    }

    pub(super) fn answered(&mut self, (answer, took): Answer) {
        let Some(watch) = &mut self.check else { return };
        watch.question = None;
        self.outfit.meters.answered(&self.service.name, answer.is_ok().then_some(took));
        let verdict = watch.vigil.answered(answer, Instant::now());
        self.judged(verdict);
    }

    pub(super) fn judged(&mut self, verdict: Option<Verdict>) {
        match verdict {
            Some(Verdict::Ready) => self.feed(Input::Ready),
            Some(Verdict::Unready(reason)) => self.feed(Input::Unready { reason }),
            Some(Verdict::Unhealthy(reason)) => self.feed(Input::Unhealthy { reason }),
            Some(Verdict::Healthy) => self.feed(Input::Healthy),
            Some(Verdict::Flapping(how)) => self.outfit.journal.note(say::flapping(&self.service.name, &how)),
            Some(Verdict::Steady) => self.outfit.journal.note(say::steady(&self.service.name)),
            None => {}
        }
    }

    pub(super) fn heard(&mut self, heard: Heard, now: Instant) {
        match heard {
            Heard::Line => self.noticed(Notice::Ready, now),
            Heard::Notices(notices) => notices.into_iter().for_each(|notice| self.noticed(notice, now)),
            Heard::Stranger(pid) if !std::mem::replace(&mut self.strangers, true) => {
                self.outfit.journal.note(say::stranger(&self.service.name, pid));
            }
            Heard::Stranger(_) => {}
        }
    }

    pub(super) fn noticed(&mut self, notice: Notice, now: Instant) {
        let starting = matches!(self.life.state(), State::Starting(_));
        let verdict = match (notice, self.check.as_mut().map(|watch| &mut watch.vigil)) {
            (Notice::Ready, Some(vigil)) if starting => Some(vigil.ready(now)),
            (Notice::Fed, Some(vigil)) => vigil.fed(now),
            (Notice::Unwell, Some(vigil)) => Some(vigil.unwell("it says itself that it is not well".to_owned())),
            (Notice::Watchdog(every), Some(vigil)) => {
                vigil.watchdog(every, now);
                None
            }
            (Notice::Extend(more), Some(vigil)) if starting => {
                vigil.extend(more, now);
                None
            }
            (Notice::Extend(more), _) => return self.feed(Input::Extended { until: now + more }),
            (other, _) => return self.said(other),
        };
        self.judged(verdict);
    }

    /// What changes nothing but what is known.
    pub(super) fn said(&mut self, notice: Notice) {
        let name = &self.service.name;
        let event = match notice {
            Notice::Status(status) => return self.status = status,
            Notice::Reloading => say::says(name, "it reloads its configuration"),
            Notice::Stopping => say::says(name, "it stops"),
            Notice::Errno(number) => {
                let error = io::Error::from_raw_os_error(number).to_string();
                say::says(name, &format!("it fails: {error}"))
            }
            Notice::Refused(what) => say::not_done(name, what),
            _ => return,
        };
        self.outfit.journal.note(event);
    }

    /// Looks for the line by which the service is known to be ready, if there is one.
    pub(super) fn lookout(&self) -> (Option<Lookout>, Option<UnboundedReceiver<()>>) {
        match self.sign() {
            Some(Sign::Line(line)) => Some(Lookout::new(line)).unzip(),
            _ => (None, None),
        }
    }

    pub(super) fn sign(&self) -> Option<Sign> {
        self.service.health.as_ref().map(|check| check.sign.clone())
    }
}

pub(super) fn question(checker: &Arc<dyn Checker>, service: &Arc<Service>) -> Pending<'static, Answer> {
    let (checker, service) = (Arc::clone(checker), Arc::clone(service));
    Box::pin(async move {
        let asked = Instant::now();
        let Some(check) = &service.health else { return (Ok(()), Duration::ZERO) };
        let answer = timeout(check.timeout, checker.check(check)).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {}", seconds(check.timeout))));
        (answer, asked.elapsed())
    })
}

pub(super) async fn answer_to(watch: Option<&mut Watch>) -> Answer {
    match watch.and_then(|watch| watch.question.as_mut()) {
        Some(question) => question.await,
        None => pending().await,
    }
}
