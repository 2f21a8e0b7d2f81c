//! The life of one service as a pure machine: state, input and time in; state and effects out. No clock, no I/O.
//!
//! What counts against a service, and what does not:
//! - an end that nobody asked for is counted and followed by a wait, the first one of a series by none;
//! - an end while a needed dependency is down is not: the service is parked and started the moment that it is back;
//! - before an end is counted, the needed dependencies are asked ([`Effect::AskNeeds`]), for the monitor may not have
//!   noticed yet what the service noticed at once;
//! - when more ends are counted than the budget of restarts allows, it has failed, and whoever starts it gives it a new one;
//! - a dependency that goes down stops nobody, and while it is down nobody is restarted for being unhealthy.

mod begin;
mod end;
mod handed;
mod leave;
mod tally;

pub(crate) use handed::HandedLife;

use crate::{
    fence::FENCE,
    input::{Effect, Input},
    say,
    state::{Failure, State, Then, exit_words},
};
use config::Service;
use host::process::Exit;
use report::Event;
use retry::Waits;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tally::Tally;
use tokio::time::Instant;

/// One service: its rules, what is known about the world around it, and its state.
#[derive(Clone, Debug)]
pub struct Life {
    service: Arc<Service>,
    state: State,
    since: Instant,
    wanted: bool,
    /// Needed dependencies that are down, with the reason.
    unmet: BTreeMap<String, String>,
    /// Services that must be ready before the first start and are not yet.
    after: BTreeSet<String>,
    after_failed: Option<String>,
    /// What is left of the start delay: all or nothing.
    delay: Duration,
    /// Has it ever been spawned?
    spawned: bool,
    /// Counted ends in a row.
    streak: u32,
    waits: Waits,
    /// What its budget counts.
    tally: Tally,
    restarts: u32,
    last_exit: Option<(Exit, Instant)>,
    effects: Vec<Effect>,
}

impl Life {
    /// A service that nobody has asked for yet, with the `waits` of its own backoff.
    pub fn new(service: Arc<Service>, waits: Waits, now: Instant) -> Self {
        Self {
            state: State::Stopped,
            since: now,
            wanted: false,
            unmet: BTreeMap::new(),
            after: service.after.iter().cloned().collect(),
            after_failed: None,
            delay: service.start_delay,
            spawned: false,
            streak: 0,
            waits,
            tally: Tally::default(),
            restarts: 0,
            last_exit: None,
            effects: Vec::new(),
            service,
        }
    }

    /// Takes one input and returns what must be done. An input that means nothing here changes nothing.
    pub fn step(&mut self, input: Input, now: Instant) -> Vec<Effect> {
        match input {
            Input::Wanted => self.want(now),
            Input::Unwanted => self.stop(now),
            Input::Force => self.force(now),
            Input::Restart => self.restart(now),
            Input::NeedLost { name, reason } => self.need_lost(name, reason, now),
            Input::NeedMet { name } => self.need_met(&name, now),
            Input::Fenced { reason } => self.fenced(reason, now),
            Input::NeedsKnown => self.needs_known(now),
            Input::AfterReady { name } => self.after_ready(&name, now),
            Input::AfterFailed { name } => self.after_failed(name, now),
            Input::Spawned { pid } => self.spawned(pid, now),
            Input::SpawnFailed { reason, permanent } => self.spawn_failed(reason, permanent, now),
            Input::Exited { exit, left_behind } => self.exited(exit, left_behind, now),
            Input::GroupGone => self.group_gone(now),
            Input::Ready => self.ready(now),
            Input::Unready { reason } | Input::Unhealthy { reason } => self.accuse(&reason, now),
            Input::Healthy => self.acquit(),
            Input::Extended { until } => self.extend(until),
            Input::Elapsed => self.elapsed(now),
        }
        std::mem::take(&mut self.effects)
    }

    /// Its rules.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Where it is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Since when it is there.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Restarts that nobody asked for and no dependency was to blame for.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// How its last process ended.
    pub fn last_exit(&self) -> Option<Exit> {
        self.last_exit.map(|(exit, _)| exit)
    }

    /// When its last process ended.
    pub fn last_exit_at(&self) -> Option<Instant> {
        self.last_exit.map(|(_, at)| at)
    }

    /// Is a needed dependency down?
    pub fn lacks(&self) -> bool {
        !self.unmet.is_empty()
    }

    /// Why it is not running, in words; nothing when it is, or was never asked for.
    pub fn reason(&self) -> Option<String> {
        match &self.state {
            State::Parked => Some(say::lacking(&self.unmet)),
            State::Waiting => Some(say::waiting(&self.after)),
            State::Stopped if self.spawned && !self.wanted => Some("it was told to stop".to_owned()),
            State::Delayed { .. } => Some("its `start_delay` is not over yet".to_owned()),
            State::Backoff { .. } => self.last_exit().map(|exit| format!("it ended with {}", exit_words(exit))),
            State::Failed(failure) => Some(failure.to_string()),
            _ => None,
        }
    }

    // What people want.

    fn want(&mut self, now: Instant) {
        self.wanted = true;
        match &mut self.state {
            State::Stopped => self.begin(now),
            State::Failed(Failure::Unkillable { pid, exit }) => {
                let (pid, exit) = (*pid, *exit);
                self.kill_again(pid, exit, now);
            }
            State::Stopping(leaving) | State::Killing(leaving) if leaving.then == Then::Down => {
                leaving.then = Then::Again
            }
            _ => {}
        }
    }

    fn stop(&mut self, now: Instant) {
        self.wanted = false;
        match self.state {
            State::Starting(run) | State::Running(run) => self.ask_to_leave(run, Then::Down, now),
            State::Spawning | State::Stopping(_) | State::Killing(_) => {}
            State::Stopped | State::Done(_) | State::Failed(_) => {}
            _ => self.enter(State::Stopped, now),
        }
    }

    fn force(&mut self, now: Instant) {
        self.stop(now);
        if let State::Stopping(leaving) = self.state {
            self.note(say::forced(&self.service.name));
            self.kill(leaving, now);
        }
    }

    fn restart(&mut self, now: Instant) {
        self.wanted = true;
        self.tally = Tally::default();
        self.begin_new_series();
        match &mut self.state {
            State::Starting(run) | State::Running(run) => {
                let run = *run;
                self.ask_to_leave(run, Then::Again, now);
            }
            State::Stopping(leaving) | State::Killing(leaving) => leaving.then = Then::Again,
            State::Failed(Failure::Unkillable { pid, exit }) => {
                let (pid, exit) = (*pid, *exit);
                self.kill_again(pid, exit, now);
            }
            State::Waiting | State::Parked | State::Delayed { .. } | State::Spawning => {}
            _ => self.begin(now),
        }
    }

    // What becomes of the world around it.

    fn need_lost(&mut self, name: String, reason: String, now: Instant) {
        self.unmet.insert(name, reason);
        match &mut self.state {
            State::Backoff { .. } | State::Asking { .. } => self.park(now),
            State::Starting(run) | State::Running(run) => run.accused = false,
            _ => {}
        }
    }

    /// Two copies would harm each other: ours goes, politely.
    fn fenced(&mut self, reason: String, now: Instant) {
        self.unmet.insert(FENCE.to_owned(), reason);
        match self.state {
            State::Starting(run) | State::Running(run) => {
                self.note(say::fenced(&self.service.name, &self.unmet));
                self.ask_to_leave(run, Then::Again, now);
            }
            State::Backoff { .. } | State::Asking { .. } | State::Delayed { .. } => self.park(now),
            _ => {}
        }
    }

    fn need_met(&mut self, name: &str, now: Instant) {
        let known = self.unmet.remove(name).is_some();
        if known && self.state == State::Parked && !self.lacks() {
            self.note(say::resumed(&self.service.name, name, now - self.since));
            self.begin(now);
        }
    }

    /// The dependencies have been asked. Had one been down, the service would be parked or acquitted by now.
    fn needs_known(&mut self, now: Instant) {
        match self.state {
            State::Asking { lived } => self.start_again(lived, now),
            State::Starting(run) | State::Running(run) if run.accused => self.replace(run, now),
            _ => {}
        }
    }

    fn after_ready(&mut self, name: &str, now: Instant) {
        self.after.remove(name);
        self.after_failed.take_if(|failed| failed == name);
        let held_up = matches!(self.state, State::Waiting | State::Failed(Failure::After { .. }));
        if held_up && self.wanted && self.after.is_empty() {
            self.begin(now);
        }
    }

    fn after_failed(&mut self, name: String, now: Instant) {
        if self.after.contains(&name) {
            self.after_failed = Some(name);
            if matches!(self.state, State::Waiting | State::Parked) {
                self.begin(now);
            }
        }
    }

    fn enter(&mut self, state: State, now: Instant) {
        self.state = state;
        self.since = now;
    }

    fn note(&mut self, event: Event) {
        self.effects.push(Effect::Note(event));
    }
}

#[cfg(test)]
mod tests;
