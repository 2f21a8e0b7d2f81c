//! The life of one job as a pure machine: state, input and time in; state and effects out. No clock, no I/O.

use super::{
    phase::{Effect, Ending, Input, Now, Phase, Try},
    run::{NoLock, Planned, RunRecord, RunResult, Why},
    say,
};
use crate::state::exit_words;
use config::{Job, Missed, Overlap};
use host::process::Exit;
use jiff::{SignedDuration, Timestamp};
use report::Event;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// A due time that is older than this was missed.
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// A clock that goes back further was wrong before: due times are counted anew from there.
const FAR_BACK: SignedDuration = SignedDuration::from_hours(24);

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

    // Due times.

    fn look_at_the_calendar(&mut self, now: Now) {
        if self.seen.duration_since(now.wall) > FAR_BACK {
            self.note(say::clock_back(&self.job.name, self.seen));
            (self.seen, self.through) = (now.wall, now.wall);
        }
        let Some(Missed { latest, count }) = self.job.rhythm.missed(self.seen, now.wall) else { return };
        self.seen = latest;
        let late = now.wall.duration_since(latest) > LATE;
        let missed = if late { count } else { count - 1 };
        match (missed, self.job.catch_up) {
            (0, _) => {
                self.note(say::due(&self.job.name, latest));
                self.due(Planned::new(latest, Why::Due), now);
            }
            (missed, true) => {
                self.note(say::caught_up(&self.job, latest, missed));
                self.due(Planned::new(latest, Why::CaughtUp), now);
            }
            (missed, false) => {
                self.note(say::missed(&self.job.name, missed));
                match late {
                    true => self.account(latest),
                    false => self.due(Planned::new(latest, Why::Due), now),
                }
            }
        }
    }

    fn account(&mut self, due: Timestamp) {
        self.through = self.through.max(due);
        self.effects.push(Effect::Save);
    }

    fn due(&mut self, new: Planned, now: Now) {
        if self.stopping {
            return;
        }
        match &mut self.phase {
            Phase::Idle => self.consider(new, None),
            Phase::Asking { plan, .. } | Phase::Gated { plan, .. } | Phase::Locking { plan, .. } => {
                plan.join(new);
                self.note(say::waits_already(&self.job.name));
            }
            Phase::Running(_) | Phase::Stopping { .. } | Phase::Retrying { .. } => self.overlap(new, now),
        }
    }

    fn overlap(&mut self, new: Planned, now: Now) {
        match (self.job.overlap, &self.phase) {
            (Overlap::Skip, _) => {
                if new.why != Why::Asked {
                    self.through = self.through.max(new.due);
                }
                self.note(say::skipped(&self.job.name, "the run before is still at work"));
            }
            (Overlap::Queue, _) | (Overlap::Replace, Phase::Stopping { .. }) => self.queue(new),
            (Overlap::Replace, Phase::Running(run)) => {
                let run = run.clone();
                self.queue(new);
                self.ask_to_leave(run, Ending::Replaced, now);
            }
            (Overlap::Replace, _) => {
                self.queue(new);
                if let Phase::Retrying { plan, .. } = &self.phase {
                    let plan = Planned { attempt: plan.attempt - 1, ..plan.clone() };
                    self.finish(&plan, RunResult::Replaced, None, None, now);
                }
            }
        }
    }

    /// One at most waits.
    fn queue(&mut self, new: Planned) {
        match &mut self.queued {
            Some(queued) => queued.join(new),
            none => *none = Some(new),
        }
    }

    // Before it begins.

    fn consider(&mut self, plan: Planned, waited: Option<(Instant, Duration)>) {
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

    fn wait(&mut self, plan: Planned, waited: Option<(Instant, Duration)>, reason: String, now: Now) {
        if waited.is_none() {
            self.note(say::waiting(&self.job.name, &reason));
        }
        let (since, pause) =
            waited.map_or((now.at, ASK_AGAIN.0), |(since, pause)| (since, (pause * 2).min(ASK_AGAIN.1)));
        self.phase = Phase::Gated { plan, reason, again: now.at + pause, waited: (since, pause) };
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

    fn lock(&mut self, plan: Planned, waited: Option<(Instant, Duration)>) {
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
                if let Some((since, _)) = waited {
                    self.note(say::resumed(&self.job.name, now.at - since));
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

    // At work.

    fn begin(&mut self, plan: Planned, now: Now) {
        let plan = Planned { began: plan.began.or(Some(now.wall)), ..plan };
        let ends = self.job.timeout.map(|timeout| now.at + timeout);
        self.phase = Phase::Running(Try { plan: plan.clone(), since: now.at, ends });
        self.account(if plan.why == Why::Asked { self.through } else { plan.due });
        self.effects.push(Effect::Spawn(plan));
    }

    fn spawned(&mut self, pid: u32) {
        if let Phase::Running(run) | Phase::Stopping { run, .. } = &self.phase {
            self.effects.push(Effect::Note(say::started(&self.job.name, pid, run.plan.attempt)));
        }
    }

    fn spawn_failed(&mut self, reason: String, permanent: bool, now: Now) {
        if let Phase::Running(run) | Phase::Stopping { run, .. } = self.phase.clone() {
            let reason = format!("it could not be started: {reason}");
            self.failed(run.plan, reason, None, !permanent, now);
        }
    }

    fn exited(&mut self, exit: Exit, now: Now) {
        match self.phase.clone() {
            Phase::Running(run) if exit == Exit::Code(0) => {
                self.finish(&run.plan, RunResult::Done, None, Some(exit), now);
            }
            Phase::Running(run) => self.failed(run.plan, exit_words(exit), Some(exit), true, now),
            Phase::Stopping { run, why: Ending::TimedOut, .. } => {
                let limit = self.job.timeout.unwrap_or_default();
                let reason = format!("it took longer than {}", report::seconds(limit));
                self.failed(run.plan, reason, Some(exit), true, now);
            }
            Phase::Stopping { run, why, .. } => {
                let result = if why == Ending::Replaced { RunResult::Replaced } else { RunResult::Stopped };
                self.finish(&run.plan, result, None, Some(exit), now);
            }
            _ => {}
        }
    }

    fn failed(&mut self, plan: Planned, reason: String, exit: Option<Exit>, may_retry: bool, now: Now) {
        if may_retry && plan.attempt <= self.job.retries && !self.stopping {
            let pause = pause_before(&self.job, plan.attempt);
            self.note(say::retrying(&self.job, &reason, plan.attempt, pause));
            self.effects.push(Effect::Unlock);
            self.phase = Phase::Retrying { plan: Planned { attempt: plan.attempt + 1, ..plan }, until: now.at + pause };
        } else {
            self.finish(&plan, RunResult::Failed, Some(reason), exit, now);
        }
    }

    fn finish(&mut self, plan: &Planned, result: RunResult, reason: Option<String>, exit: Option<Exit>, now: Now) {
        let record = RunRecord {
            due: plan.due,
            why: plan.why,
            started: plan.began,
            ended: now.wall,
            result,
            reason,
            code: exit.map(|exit| match exit {
                Exit::Code(code) => code,
                Exit::Signal(number) => 128 + number,
            }),
            attempts: plan.attempt,
        };
        self.phase = Phase::Idle;
        self.note(say::ended(&self.job.name, &record));
        self.effects.extend([Effect::Record(record), Effect::Save, Effect::Unlock]);
        match result {
            RunResult::Done => self.effects.push(Effect::Ping(true)),
            RunResult::Failed => self.effects.push(Effect::Ping(false)),
            _ => {}
        }
        if let Some(next) = self.queued.take() {
            self.consider(next, None);
        }
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
        self.stopping = true;
        self.queued = None;
        match self.phase.clone() {
            Phase::Running(run) => {
                self.note(say::stopping(&self.job));
                self.ask_to_leave(run, Ending::Stop, now);
            }
            Phase::Stopping { run, kill_at, .. } => self.phase = Phase::Stopping { run, why: Ending::Stop, kill_at },
            Phase::Retrying { plan, .. } => {
                let plan = Planned { attempt: plan.attempt - 1, ..plan };
                self.finish(&plan, RunResult::Stopped, Some("a try was left".to_owned()), None, now);
            }
            Phase::Idle | Phase::Asking { .. } | Phase::Gated { .. } | Phase::Locking { .. } => {
                self.phase = Phase::Idle;
            }
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

/// The pause after this try.
fn pause_before(job: &Job, attempt: u32) -> Duration {
    let doubled = job.backoff.initial.checked_mul(1 << (attempt - 1).min(20));
    doubled.map_or(job.backoff.max, |pause| pause.min(job.backoff.max.max(job.backoff.initial)))
}
