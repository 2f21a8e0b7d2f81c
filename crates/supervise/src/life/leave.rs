//! How a service is made to leave: politely, and in the end not.

use super::Life;
use crate::{
    input::Effect,
    say,
    state::{Failure, Leaving, Run, State, Then},
};
use config::RestartWhen;
use host::process::Exit;
use std::time::Duration;
use tokio::time::Instant;

/// Patience with a group after `SIGKILL`. Longer means that the kernel holds it.
const KILL_PATIENCE: Duration = Duration::from_secs(10);

impl Life {
    /// It is unhealthy, or late: restart it, unless a dependency is to blame.
    pub(super) fn accuse(&mut self, reason: &str, now: Instant) {
        let lacks = self.lacks();
        let (State::Starting(run) | State::Running(run)) = &mut self.state else { return };
        let (never, needs) = (self.service.restart.when == RestartWhen::Never, !self.service.needs.is_empty());
        let asked = std::mem::replace(&mut run.accused, !lacks && !never);
        let run = *run;
        self.note(say::unhealthy(&self.service.name, reason, &self.unmet));
        match run.accused {
            // Asking anew would throw an answer away that is on its way, time and again if it takes long.
            true if needs && asked => {}
            true if needs => self.effects.push(Effect::AskNeeds),
            true => self.replace(run, now),
            false => {}
        }
    }

    /// It is well again before anybody knew who was to blame.
    pub(super) fn acquit(&mut self) {
        if let State::Starting(run) | State::Running(run) = &mut self.state {
            run.accused = false;
            self.note(say::healthy(&self.service.name));
        }
    }

    pub(super) fn replace(&mut self, run: Run, now: Instant) {
        self.ask_to_leave(run, Then::Recover { lived: now - run.since }, now);
    }

    pub(super) fn ask_to_leave(&mut self, run: Run, then: Then, now: Instant) {
        let stop = self.service.stop;
        self.note(say::stopping(&self.service.name, stop.signal));
        self.effects.push(Effect::Signal(stop.signal));
        self.enter(State::Stopping(Leaving { pid: run.pid, deadline: now + stop.grace, exit: None, then }), now);
    }

    pub(super) fn kill(&mut self, leaving: Leaving, now: Instant) {
        self.effects.push(Effect::Kill);
        self.enter(State::Killing(Leaving { deadline: now + KILL_PATIENCE, ..leaving }), now);
    }

    /// It says that it needs longer to leave.
    pub(super) fn extend(&mut self, until: Instant) {
        if let State::Stopping(leaving) = &mut self.state {
            leaving.deadline = leaving.deadline.max(until);
        }
    }

    pub(super) fn elapsed(&mut self, now: Instant) {
        if self.state.due().is_none_or(|due| due > now) {
            return;
        }
        match self.state {
            State::Delayed { .. } | State::Backoff { .. } => self.begin(now),
            State::Stopping(leaving) => {
                self.note(say::killed(&self.service.name, self.service.stop.grace));
                self.kill(leaving, now);
            }
            State::Killing(leaving) if self.wanted => {
                self.note(say::unkillable(&self.service.name, leaving.pid));
                self.kill(leaving, now);
            }
            State::Killing(Leaving { pid, exit, .. }) => self.fail(Failure::Unkillable { pid, exit }, now),
            _ => {}
        }
    }

    /// It was given up while some of its group lived, and is wanted again: not beside them.
    pub(super) fn kill_again(&mut self, pid: u32, exit: Option<Exit>, now: Instant) {
        self.note(say::unkillable(&self.service.name, pid));
        self.kill(Leaving { pid, deadline: now, exit, then: Then::Again }, now);
    }
}
