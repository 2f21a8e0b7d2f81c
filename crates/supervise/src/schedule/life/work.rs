//! From the beginning of a run to its end.

use super::JobLife;
use crate::{
    schedule::{
        phase::{Effect, Ending, Now, Phase, Try},
        run::{Planned, RunRecord, RunResult, Why},
        say,
    },
    state::exit_words,
};
use config::Job;
use host::process::Exit;
use std::time::Duration;

impl JobLife {
    pub(super) fn begin(&mut self, plan: Planned, now: Now) {
        let plan = Planned { began: plan.began.or(Some(now.wall)), ..plan };
        let ends = self.job.timeout.map(|timeout| now.at + timeout);
        self.phase = Phase::Running(Try { plan: plan.clone(), since: now.at, ends });
        self.account(if plan.why == Why::Asked { self.through } else { plan.due });
        self.effects.push(Effect::Spawn(plan));
    }

    pub(super) fn spawned(&mut self, pid: u32) {
        if let Phase::Running(run) | Phase::Stopping { run, .. } = &self.phase {
            self.effects.push(Effect::Note(say::started(&self.job.name, pid, run.plan.attempt)));
        }
    }

    pub(super) fn spawn_failed(&mut self, reason: String, permanent: bool, now: Now) {
        if let Phase::Running(run) | Phase::Stopping { run, .. } = self.phase.clone() {
            let reason = format!("it could not be started: {reason}");
            self.failed(run.plan, reason, None, !permanent, now);
        }
    }

    pub(super) fn exited(&mut self, exit: Exit, now: Now) {
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

    pub(super) fn finish(
        &mut self,
        plan: &Planned,
        result: RunResult,
        reason: Option<String>,
        exit: Option<Exit>,
        now: Now,
    ) {
        let record = RunRecord {
            due: plan.due,
            why: plan.why,
            started: plan.began,
            ended: now.wall,
            result,
            reason,
            code: exit.map(Exit::shell_code),
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
}

/// The pause after this try.
fn pause_before(job: &Job, attempt: u32) -> Duration {
    let doubled = job.backoff.initial.checked_mul(1 << (attempt - 1).min(20));
    doubled.map_or(job.backoff.max, |pause| pause.min(job.backoff.max.max(job.backoff.initial)))
}
