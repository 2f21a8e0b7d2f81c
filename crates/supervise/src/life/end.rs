//! How a service ends, and what follows.

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

/// No two restarts of a series follow closer than this, whatever the configuration says.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

impl Life {
    pub(super) fn exited(&mut self, exit: Exit, left_behind: bool, now: Instant) {
        match &mut self.state {
            State::Starting(run) | State::Running(run) => {
                let run = *run;
                self.ended_unasked(run, exit, left_behind, now);
            }
            State::Stopping(leaving) | State::Killing(leaving) if leaving.exit.is_none() => {
                leaving.exit = Some(exit);
                self.last_exit = Some((exit, now));
                if !left_behind {
                    self.group_gone(now);
                }
            }
            State::Failed(Failure::Unkillable { exit: known @ None, .. }) => {
                *known = Some(exit);
                self.last_exit = Some((exit, now));
                if !left_behind {
                    self.group_gone(now);
                }
            }
            _ => {}
        }
    }

    pub(super) fn ended_unasked(&mut self, run: Run, exit: Exit, left_behind: bool, now: Instant) {
        let lived = now - run.since;
        self.last_exit = Some((exit, now));
        self.note(say::exited(&self.service.name, exit, lived));
        if left_behind {
            // They hold its ports, files and locks: no new copy beside them.
            self.note(say::left_behind(&self.service.name));
            let then = Then::Judge { lived };
            self.kill(Leaving { pid: run.pid, deadline: now, exit: Some(exit), then }, now);
        } else {
            self.end(exit, lived, now);
        }
    }

    /// Nobody of the group is left: what was meant to follow follows.
    pub(super) fn group_gone(&mut self, now: Instant) {
        let (exit, then) = match self.state {
            State::Stopping(Leaving { exit: Some(exit), then, .. })
            | State::Killing(Leaving { exit: Some(exit), then, .. }) => (exit, then),
            // Given up, and gone after all.
            State::Failed(Failure::Unkillable { exit: Some(exit), .. }) => (exit, Then::Down),
            _ => return,
        };
        if !matches!(then, Then::Judge { .. }) {
            self.note(say::stopped(&self.service.name, exit, now - self.since));
        }
        match then {
            _ if !self.wanted => self.enter(State::Stopped, now),
            Then::Down | Then::Again => self.begin(now),
            Then::Recover { lived } => self.start_again(lived, now),
            Then::Judge { lived } => self.end(exit, lived, now),
        }
    }

    /// It ended unasked: the end of its work, a failure, or one more start.
    pub(super) fn end(&mut self, exit: Exit, lived: Duration, now: Instant) {
        match (self.service.restart.when, exit) {
            (RestartWhen::OnFailure | RestartWhen::Never, Exit::Code(0)) => self.enter(State::Done(exit), now),
            (RestartWhen::Never, _) => self.fail(Failure::Ended(exit), now),
            _ => self.judge(lived, now),
        }
    }

    /// Is it to blame, or a dependency?
    pub(super) fn judge(&mut self, lived: Duration, now: Instant) {
        if self.lacks() {
            self.park(now);
        } else if self.service.needs.is_empty() {
            self.start_again(lived, now);
        } else {
            self.enter(State::Asking { lived }, now);
            self.effects.push(Effect::AskNeeds);
        }
    }

    /// Counts the end and starts it again: at once when it is the first of a series, else after a wait that grows.
    pub(super) fn start_again(&mut self, lived: Duration, now: Instant) {
        if self.lacks() {
            return self.park(now);
        }
        if lived >= self.service.restart.stable_after {
            self.begin_new_series();
        }
        if let Some(budget) = self.service.restart.budget
            && !self.tally.has_room(budget, now)
        {
            return self.fail(Failure::Spent { budget: say::budget(budget), exit: self.last_exit() }, now);
        }
        let wait = if self.streak == 0 { Duration::ZERO } else { self.waits.next_wait().max(SHORTEST_WAIT) };
        self.streak = self.streak.saturating_add(1);
        self.restarts = self.restarts.saturating_add(1);
        self.note(say::restarting(&self.service.name, wait, self.restarts));
        match wait.is_zero() {
            true => self.begin(now),
            false => self.enter(State::Backoff { until: now + wait }, now),
        }
    }

    pub(super) fn begin_new_series(&mut self) {
        self.streak = 0;
        self.waits.reset();
    }

    pub(super) fn fail(&mut self, failure: Failure, now: Instant) {
        self.note(say::failed(&self.service.name, &failure));
        self.enter(State::Failed(failure), now);
    }
}
