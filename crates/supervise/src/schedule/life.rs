//! The life of one job as a pure machine: state, input and time in; state and effects out. No clock, no I/O.

mod calendar;
mod handed;
mod work;

pub(super) use handed::HandedJobLife;

use super::{
    phase::{Effect, Ending, Input, Now, Phase, Try, Waited},
    run::{NoLock, Planned, RunRecord, RunResult, Why},
    say,
};
use config::Job;
use jiff::Timestamp;
use report::Event;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// The first pause between two questions to what a job needs, and the longest.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// One job: its rules, up to where its due times are accounted for, and its phase.
#[derive(Clone, Debug)]
pub struct JobLife {
    job: Arc<Job>,
    phase: Phase,
    /// Up to here every due time was begun or left out for good.
    through: Timestamp,
    /// Up to here every due time was seen.
    seen: Timestamp,
    queued: Option<Planned>,
    stopping: bool,
    effects: Vec<Effect>,
}

impl JobLife {
    /// A job whose due times are accounted for up to `through`.
    pub fn new(job: Arc<Job>, through: Timestamp) -> Self {
        Self { job, phase: Phase::Idle, through, seen: through, queued: None, stopping: false, effects: Vec::new() }
    }

    /// Takes one input and returns what must be done. An input that means nothing here changes nothing.
    pub fn step(&mut self, input: Input, now: Now) -> Vec<Effect> {
        match input {
            Input::Clock if !self.stopping => self.look_at_the_calendar(now),
            Input::Clock => {}
            Input::RunNow => self.due(Planned::new(now.wall, Why::Asked), now),
            Input::NeedsKnown(answer) => self.needs_known(answer, now),
            Input::NeedMet(name) => self.need_met(&name),
            Input::Locked(answer) => self.locked(answer, now),
            Input::Spawned(pid) => self.spawned(pid),
            Input::SpawnFailed { reason, permanent } => self.spawn_failed(reason, permanent, now),
            Input::Exited(exit) => self.exited(exit, now),
            Input::Elapsed => self.elapsed(now),
            Input::Rules(job) => self.adopt(job, now),
            Input::Retire => self.retire("it is not configured any more", now),
            Input::Stop => self.stop(now),
            Input::Force => self.force(now),
        }
        std::mem::take(&mut self.effects)
    }

    /// Its rules.
    pub fn job(&self) -> &Arc<Job> {
        &self.job
    }

    /// Where it is.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Up to here every due time was begun or left out for good.
    pub fn through(&self) -> Timestamp {
        self.through
    }

    /// The next due time, by the calendar.
    pub fn next_due(&self) -> Option<Timestamp> {
        if self.stopping { None } else { self.job.rhythm.next_after(self.seen) }
    }

    /// When something is due by the other clock.
    pub fn next_elapse(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Gated { again, .. } => Some(*again),
            Phase::Running(run) => run.ends,
            Phase::Stopping { kill_at, .. } => *kill_at,
            Phase::Retrying { until, .. } => Some(*until),
            Phase::Idle | Phase::Asking { .. } | Phase::Locking { .. } => None,
        }
    }

    /// The run at work.
    pub fn running(&self) -> Option<&Planned> {
        match &self.phase {
            Phase::Running(run) | Phase::Stopping { run, .. } => Some(&run.plan),
            _ => None,
        }
    }

    // Its rules.

    /// What is at work goes on; its next try and the next run are by the new rules.
    fn adopt(&mut self, job: Arc<Job>, now: Now) {
        if job.rhythm != self.job.rhythm {
            // Of another rhythm nothing was missed.
            (self.through, self.seen) = (now.wall, now.wall);
        }
        (self.job, self.stopping) = (job, false);
        self.effects.push(Effect::Save);
    }

    /// No run begins any more; one that is at work may come to its end.
    fn retire(&mut self, reason: &str, now: Now) {
        self.stopping = true;
        self.queued = None;
        match self.phase.clone() {
            Phase::Running(_) | Phase::Stopping { .. } => {}
            Phase::Retrying { plan, .. } => {
                let plan = Planned { attempt: plan.attempt - 1, ..plan };
                self.finish(&plan, RunResult::Stopped, Some(reason.to_owned()), None, now);
            }
            Phase::Idle | Phase::Asking { .. } | Phase::Gated { .. } | Phase::Locking { .. } => {
                self.phase = Phase::Idle;
            }
        }
    }

    // Before it begins.

    fn consider(&mut self, plan: Planned, waited: Option<Waited>) {
        match self.job.needs.is_empty() {
            true => self.lock(plan, waited),
            false => {
                self.phase = Phase::Asking { plan, waited };
                self.effects.push(Effect::AskNeeds);
            }
        }
    }

    fn needs_known(&mut self, answer: Result<(), String>, now: Now) {
        let Phase::Asking { plan, waited } = &self.phase else { return };
        let (plan, waited) = (plan.clone(), *waited);
        match answer {
            Ok(()) => self.lock(plan, waited),
            Err(reason) => self.wait(plan, waited, reason, now),
        }
    }

    fn wait(&mut self, plan: Planned, waited: Option<Waited>, reason: String, now: Now) {
        if waited.is_none() {
            self.note(say::waiting(&self.job.name, &reason));
        }
        let first = Waited { since: now.at, pause: ASK_AGAIN.0 };
        let waited = waited.map_or(first, |waited| Waited { pause: (waited.pause * 2).min(ASK_AGAIN.1), ..waited });
        self.phase = Phase::Gated { plan, reason, again: now.at + waited.pause, waited };
    }

    fn need_met(&mut self, name: &str) {
        if self.job.needs.iter().any(|need| need == name) || self.job.single.as_deref() == Some(name) {
            self.ask_again();
        }
    }

    fn ask_again(&mut self) {
        if let Phase::Gated { plan, waited, .. } = &self.phase {
            let (plan, waited) = (plan.clone(), *waited);
            self.consider(plan, Some(waited));
        }
    }

    fn lock(&mut self, plan: Planned, waited: Option<Waited>) {
        self.phase = Phase::Locking { plan, waited };
        self.effects.push(Effect::TakeLock);
    }

    fn locked(&mut self, answer: Result<(), NoLock>, now: Now) {
        let Phase::Locking { plan, waited } = &self.phase else {
            // It came too late to be used.
            return self.effects.push(Effect::Unlock);
        };
        let (plan, waited) = (plan.clone(), *waited);
        match answer {
            Ok(()) => {
                if let Some(waited) = waited {
                    self.note(say::resumed(&self.job.name, now.at - waited.since));
                }
                self.begin(plan, now);
            }
            Err(NoLock::Held(who)) => self.leave_out(&plan, &who, now),
            Err(NoLock::Unknown(reason)) => self.wait(plan, waited, reason, now),
        }
    }

    fn leave_out(&mut self, plan: &Planned, reason: &str, now: Now) {
        self.note(say::skipped(&self.job.name, reason));
        self.phase = Phase::Idle;
        self.effects.push(Effect::Record(RunRecord {
            due: plan.due,
            why: plan.why,
            started: None,
            ended: now.wall,
            result: RunResult::Skipped,
            reason: Some(reason.to_owned()),
            code: None,
            attempts: 0,
        }));
        self.account(if plan.why == Why::Asked { self.through } else { plan.due });
    }

    // By the clock that never jumps.

    fn elapsed(&mut self, now: Now) {
        if self.next_elapse().is_none_or(|at| at > now.at) {
            return;
        }
        match self.phase.clone() {
            Phase::Gated { .. } => self.ask_again(),
            Phase::Running(run) => {
                self.note(say::timed_out(&self.job));
                self.ask_to_leave(run, Ending::TimedOut, now);
            }
            Phase::Stopping { run, why, .. } => {
                self.note(say::killed(&self.job));
                self.phase = Phase::Stopping { run, why, kill_at: None };
                self.effects.push(Effect::Kill);
            }
            Phase::Retrying { plan, .. } => self.consider(plan, None),
            Phase::Idle | Phase::Asking { .. } | Phase::Locking { .. } => {}
        }
    }

    fn ask_to_leave(&mut self, run: Try, why: Ending, now: Now) {
        self.effects.push(Effect::Signal(self.job.stop.signal));
        self.phase = Phase::Stopping { run, why, kill_at: Some(now.at + self.job.stop.grace) };
    }

    fn stop(&mut self, now: Now) {
        self.retire("a try was left", now);
        match self.phase.clone() {
            Phase::Running(run) => {
                self.note(say::stopping(&self.job));
                self.ask_to_leave(run, Ending::Stop, now);
            }
            Phase::Stopping { run, kill_at, .. } => self.phase = Phase::Stopping { run, why: Ending::Stop, kill_at },
            _ => {}
        }
    }

    fn force(&mut self, now: Now) {
        self.stop(now);
        if let Phase::Stopping { run, why, .. } = self.phase.clone() {
            self.phase = Phase::Stopping { run, why, kill_at: None };
            self.effects.push(Effect::Kill);
        }
    }

    fn note(&mut self, event: Event) {
        self.effects.push(Effect::Note(event));
    }
}
