//! Where requests go, as a pure machine: which copy of the application is live, who waits, who is on the way, and what
//! follows when the live one changes. No clock and no socket is in it.

mod tests;

use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// One copy of the application, from the moment it is known until it is gone. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// One request, from its head to the last byte of its answer. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What a copy of the application is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not known to answer: it is sent nothing new.
    Proving,
    /// It is sent everything that comes.
    Live,
    /// Another one is live: it finishes what it has, until then.
    Draining(Instant),
}

/// How many requests may wait, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The most requests that wait at once.
    pub requests: usize,
    /// The longest that one waits.
    pub time: Duration,
}

/// Where a request that has come is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// On its way there.
    Go(Ticket, Generation),
    /// It waits until then; [`Effect::Go`] may come earlier.
    Wait(Ticket, Instant),
    /// Too many wait already.
    Full,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// This one waits no longer: send it there.
    Go(Ticket, Generation),
    /// Its time for draining is up: end what it still has.
    Cut(Generation),
    /// It has nothing to do any more: forget it.
    Gone(Generation),
}

/// A request that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flight<S> {
    /// What was asked for.
    pub subject: S,
    /// Since when.
    pub since: Instant,
}

/// Somebody that cannot be made live: it is unknown, or gone, or draining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this copy of the application is gone")]
pub struct NoCandidate;

/// Everything that goes through the proxy. `S` tells what a request asks for.
#[derive(Debug)]
pub struct Traffic<S> {
    bounds: Bounds,
    held: bool,
    waiting: BTreeMap<Ticket, Flight<S>>,
    backends: Vec<Backend<S>>,
    tickets: u64,
    generations: u64,
}

#[derive(Debug)]
struct Backend<S> {
    generation: Generation,
    stage: Stage,
    flights: BTreeMap<Ticket, Flight<S>>,
}

impl<S> Traffic<S> {
    /// Nobody is live, so everybody waits.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, held: false, waiting: BTreeMap::new(), backends: Vec::new(), tickets: 0, generations: 0 }
    }

    /// A request has come.
    pub fn arrive(&mut self, subject: S, now: Instant) -> Arrival {
        let ticket = Ticket(self.tickets);
        let flight = Flight { subject, since: now };
        let (held, bounds, room) = (self.held, self.bounds, self.has_room());
        match self.live_mut().filter(|_| !held) {
            Some(backend) => {
                backend.flights.insert(ticket, flight);
                let generation = backend.generation;
                self.tickets += 1;
                Arrival::Go(ticket, generation)
            }
            None if room => {
                self.waiting.insert(ticket, flight);
                self.tickets += 1;
                Arrival::Wait(ticket, now + bounds.time)
            }
            None => Arrival::Full,
        }
    }

    /// A request is over: it was answered, its time of waiting was up, or who asked has left.
    pub fn depart(&mut self, ticket: Ticket) -> Option<Effect> {
        if self.waiting.remove(&ticket).is_some() {
            return None;
        }
        let backend = self.backends.iter_mut().find(|backend| backend.flights.contains_key(&ticket))?;
        backend.flights.remove(&ticket);
        self.finished()
    }

    /// The copy it was sent to could not be reached, and not a byte of it was sent: that copy is not live for now, and the
    /// request waits like any other, with the time that it has left. Where another one is live by now, it goes there.
    pub fn turn_back(&mut self, ticket: Ticket, now: Instant) -> (Option<Arrival>, Option<Effect>) {
        let Some(at) = self.backends.iter().position(|backend| backend.flights.contains_key(&ticket)) else {
            return (None, None);
        };
        let backend = &mut self.backends[at];
        if backend.stage == Stage::Live {
            backend.stage = Stage::Proving;
        }
        let Some(flight) = backend.flights.remove(&ticket) else { return (None, None) };
        let arrival = self.wait_again(ticket, flight, now);
        (Some(arrival), self.finished())
    }

    fn wait_again(&mut self, ticket: Ticket, flight: Flight<S>, now: Instant) -> Arrival {
        let (held, bounds, room) = (self.held, self.bounds, self.has_room());
        let until = flight.since + bounds.time;
        match self.live_mut().filter(|_| !held) {
            Some(backend) => {
                backend.flights.insert(ticket, flight);
                Arrival::Go(ticket, backend.generation)
            }
            None if room && now < until => {
                self.waiting.insert(ticket, flight);
                Arrival::Wait(ticket, until)
            }
            None => Arrival::Full,
        }
    }

    /// A new copy of the application, which is sent nothing yet.
    pub fn propose(&mut self) -> Generation {
        let generation = Generation(self.generations);
        self.generations += 1;
        self.backends.push(Backend { generation, stage: Stage::Proving, flights: BTreeMap::new() });
        generation
    }

    /// Who was proposed does not answer: it will not be live.
    pub fn reject(&mut self, generation: Generation) -> Option<Effect> {
        let idle = |it: &Backend<S>| it.generation == generation && it.stage == Stage::Proving && it.flights.is_empty();
        let at = self.backends.iter().position(idle)?;
        self.backends.remove(at);
        Some(Effect::Gone(generation))
    }

    /// This copy answers: from now on it is sent everything, and who was there before it drains for `drain` at most.
    ///
    /// # Errors
    /// When it is gone or draining already.
    pub fn promote(
        &mut self,
        generation: Generation,
        now: Instant,
        drain: Duration,
    ) -> Result<Vec<Effect>, NoCandidate> {
        let stage = self.stage(generation).ok_or(NoCandidate)?;
        if matches!(stage, Stage::Draining(_)) {
            return Err(NoCandidate);
        }
        for backend in &mut self.backends {
            match backend.stage {
                _ if backend.generation == generation => backend.stage = Stage::Live,
                Stage::Live => backend.stage = Stage::Draining(now + drain),
                // Older than the new one, and not reached of late: whoever is newer is being proven.
                Stage::Proving if backend.generation < generation => backend.stage = Stage::Draining(now + drain),
                Stage::Proving | Stage::Draining(_) => {}
            }
        }
        let mut effects = self.let_go();
        effects.extend(std::iter::from_fn(|| self.finished()));
        Ok(effects)
    }

    /// This copy does not answer for now: nothing new is sent to it until it is promoted again.
    pub fn doubt(&mut self, generation: Generation) {
        let live = |it: &&mut Backend<S>| it.generation == generation && it.stage == Stage::Live;
        if let Some(backend) = self.backends.iter_mut().find(live) {
            backend.stage = Stage::Proving;
        }
    }

    /// From now on requests wait.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// From now on they go.
    pub fn resume(&mut self) -> Vec<Effect> {
        self.held = false;
        self.let_go()
    }

    /// Whose time is up, at this time.
    pub fn due(&mut self, now: Instant) -> Vec<Effect> {
        let over = |it: &&Backend<S>| matches!(it.stage, Stage::Draining(until) if until <= now);
        self.backends.iter().filter(over).map(|it| Effect::Cut(it.generation)).collect()
    }

    /// All who wait go to the live one, in the order they came.
    fn let_go(&mut self) -> Vec<Effect> {
        if self.held || self.live_mut().is_none() {
            return Vec::new();
        }
        let mut waiting = std::mem::take(&mut self.waiting);
        let Some(live) = self.live_mut() else { return Vec::new() };
        let effects = waiting.keys().map(|ticket| Effect::Go(*ticket, live.generation)).collect();
        live.flights.append(&mut waiting);
        effects
    }

    /// One that drains and has nothing left is gone.
    fn finished(&mut self) -> Option<Effect> {
        let done = |it: &Backend<S>| matches!(it.stage, Stage::Draining(_)) && it.flights.is_empty();
        let at = self.backends.iter().position(done)?;
        Some(Effect::Gone(self.backends.remove(at).generation))
    }

    fn has_room(&self) -> bool {
        self.waiting.len() < self.bounds.requests
    }

    fn live_mut(&mut self) -> Option<&mut Backend<S>> {
        self.backends.iter_mut().find(|backend| backend.stage == Stage::Live)
    }

    /// Who is sent everything, if there is one.
    pub fn live(&self) -> Option<Generation> {
        self.backends.iter().find(|backend| backend.stage == Stage::Live).map(|backend| backend.generation)
    }

    /// What a copy is; nothing when it is gone.
    pub fn stage(&self, generation: Generation) -> Option<Stage> {
        self.backends.iter().find(|backend| backend.generation == generation).map(|backend| backend.stage)
    }

    /// Do requests wait because somebody wants so?
    pub fn held(&self) -> bool {
        self.held
    }

    /// Who waits, the first to come first.
    pub fn waiting(&self) -> impl ExactSizeIterator<Item = (Ticket, &Flight<S>)> {
        self.waiting.iter().map(|(ticket, flight)| (*ticket, flight))
    }

    /// All copies that are not gone, the oldest first.
    pub fn generations(&self) -> impl Iterator<Item = (Generation, Stage)> {
        self.backends.iter().map(|backend| (backend.generation, backend.stage))
    }

    /// What is on the way through a copy, the first to come first.
    pub fn flights(&self, generation: Generation) -> impl Iterator<Item = (Ticket, &Flight<S>)> {
        let backend = self.backends.iter().find(move |backend| backend.generation == generation);
        backend.into_iter().flat_map(|backend| backend.flights.iter().map(|(ticket, flight)| (*ticket, flight)))
    }

    /// Is there no request at all?
    pub fn is_quiet(&self) -> bool {
        self.waiting.is_empty() && self.backends.iter().all(|backend| backend.flights.is_empty())
    }
}
