//! How a service starts, or why not yet.

use super::Life;
use crate::{
    input::Effect,
    say,
    state::{Failure, Run, State, Then},
};
use config::RestartWhen;
use std::time::Duration;
use tokio::time::Instant;

impl Life {
    /// Starts it, or says what it waits for.
    pub(super) fn begin(&mut self, now: Instant) {
        if let Some(name) = self.after_failed.clone() {
            self.fail(Failure::After { name }, now);
        } else if self.lacks() {
            self.park(now);
        } else if !self.after.is_empty() {
            self.enter(State::Waiting, now);
        } else if !self.delay.is_zero() {
            let until = now + std::mem::take(&mut self.delay);
            self.enter(State::Delayed { until }, now);
        } else {
            self.enter(State::Spawning, now);
            self.note(say::starting(&self.service));
            self.effects.push(Effect::Spawn);
        }
    }

    pub(super) fn park(&mut self, now: Instant) {
        self.note(say::parked(&self.service.name, &self.unmet, self.last_exit.is_some()));
        self.enter(State::Parked, now);
    }

    pub(super) fn spawned(&mut self, pid: u32, now: Instant) {
        if self.state != State::Spawning {
            return;
        }
        self.spawned = true;
        let run = Run { pid, since: now, accused: false };
        self.note(say::started(&self.service.name, pid));
        self.enter(State::Starting(run), now);
        if !self.wanted {
            self.ask_to_leave(run, Then::Down, now);
        } else if self.service.health.is_none() {
            // Without a check there is nothing to tell a ready process by: an exec that works is all one can know.
            self.ready(now);
        }
    }

    pub(super) fn spawn_failed(&mut self, reason: String, permanent: bool, now: Instant) {
        if self.state != State::Spawning {
            return;
        }
        self.note(say::spawn_failed(&self.service.name, &reason));
        if !self.wanted {
            self.enter(State::Stopped, now);
        } else if self.service.restart.when == RestartWhen::Never || (permanent && !self.spawned) {
            // A program that has been there before is perhaps being replaced right now; one that never was is missing.
            self.fail(Failure::Spawn { reason }, now);
        } else {
            self.judge(Duration::ZERO, now);
        }
    }

    pub(super) fn ready(&mut self, now: Instant) {
        if let State::Starting(run) = self.state {
            self.note(say::ready(&self.service.name, now - run.since));
            self.enter(State::Running(Run { accused: false, ..run }), now);
        }
    }
}
