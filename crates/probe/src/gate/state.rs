//! The gate's decisions: a function of state, input and time. No clock, no I/O.
//!
//! There are two kinds of tries. *Attempts* come at the pace of the policy; they are counted and each has its line.
//! *Quiet looks* use the time between two attempts: after a hint at once, else as [`Quiet`] allows. They are only told
//! when they find something new, and never use up attempts.

use super::{
    Effect, GaveUp, Input, Opened, Quiet, Reason, Rules, Waiting,
    budget::Budget,
    refused::{Refused, leaves_a_line, worth_looking},
};
use crate::{Progress, Ready};
use database::{Refusal, ServerState};
use retry::Waits;
use std::time::Duration;

/// The time limit stays at least this far away while recovery moves.
pub const PROGRESS_GRACE: Duration = Duration::from_secs(30);
/// A server that only a unix socket reaches, by its command line, is trusted when it is at least this old.
pub const TRUSTED_AGE: Duration = Duration::from_secs(10);
/// Looks after a hint: the postmaster needs a moment between the sign and accepting connections.
const BURST: [Duration; 7] = [ms(1), ms(1), ms(2), ms(4), ms(8), ms(16), ms(32)];
/// Closest attempts of a recovery that can be watched from outside: hints do the noticing.
const SIGHTED_PACE: Duration = Duration::from_secs(2);
/// Lines in a log that the first moments may cost, and lines a second after that: a server of which nothing else is seen
/// is noticed after half the time between two of them, so more would be better but for those who read the log.
const LINES: (f64, f64) = (2.0, 0.85);
/// Looks at a replica or a temporary server; they leave no line, but each is a connection.
const STANDING_BY: Duration = Duration::from_secs(1);
/// The last attempt comes this long before the time limit, so that its answer still counts.
const LAST_CHANCE: Duration = Duration::from_secs(1);

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Waits for one dependency.
#[derive(Clone, Debug)]
pub struct Gate {
    rules: Rules,
    waits: Waits,
    phase: Phase,
    attempts: u32,
    deadline: Option<Duration>,
    /// When the next attempt is due.
    next: Duration,
    /// When the next quiet look is due.
    look: Option<Duration>,
    /// Looks left after a hint; none of them helped when it is used up, and hints are ignored until the next attempt.
    burst: Option<usize>,
    refused: Option<Refused>,
    progress: Option<Progress>,
    progressed: Option<Duration>,
    suspect: Option<(String, Duration)>,
    lines: Budget,
    hints: Budget,
}

/// What the gate is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Asking { quiet: bool },
    Over,
}

impl Gate {
    /// A gate at time zero, chance repeatable from `seed`. Its first input is [`Input::Tick`].
    pub fn new(rules: Rules, seed: u64) -> Self {
        Self {
            waits: rules.policy.backoff.waits_seeded(seed),
            deadline: rules.policy.limit,
            rules,
            phase: Phase::Waiting,
            attempts: 0,
            next: Duration::ZERO,
            look: None,
            burst: None,
            refused: None,
            progress: None,
            progressed: None,
            suspect: None,
            lines: Budget::new(LINES.0, LINES.1),
            hints: Budget::new(2.0, 0.05),
        }
    }

    /// What the last refusal said the server is doing.
    pub fn state(&self) -> Option<ServerState> {
        self.refused.as_ref().map(|refused| refused.refusal.state)
    }
}

/// One step. `now` is the time since the gate began and never goes back.
pub fn step(mut gate: Gate, input: Input, now: Duration) -> (Gate, Vec<Effect>) {
    let effects = match (gate.phase, input) {
        (Phase::Asking { quiet }, Input::Answer(answer)) => gate.answered(*answer, quiet, now),
        (Phase::Waiting, Input::Tick) => gate.woken(now),
        (Phase::Waiting, Input::Hint) => gate.hinted(now),
        (phase, Input::Progress(progress)) => {
            gate.seen(progress, now);
            if phase == Phase::Waiting { vec![Effect::Wait(gate.wake())] } else { Vec::new() }
        }
        _ => Vec::new(),
    };
    (gate, effects)
}

impl Gate {
    fn woken(&mut self, now: Duration) -> Vec<Effect> {
        match &self.refused {
            Some(refused) if self.passed(now) => vec![self.give_up(Reason::TimedOut, refused.clone(), now)],
            _ if now >= self.next => self.attempt(now),
            _ if self.look.is_some_and(|at| now >= at) => self.look(now),
            _ => vec![Effect::Wait(self.wake())],
        }
    }

    fn attempt(&mut self, now: Duration) -> Vec<Effect> {
        self.attempts += 1;
        self.burst = None;
        self.ask(false, now)
    }

    fn look(&mut self, now: Duration) -> Vec<Effect> {
        self.ask(true, now)
    }

    fn ask(&mut self, quiet: bool, now: Duration) -> Vec<Effect> {
        self.phase = Phase::Asking { quiet };
        self.look = None;
        let left = self.deadline.map_or(Duration::MAX, |at| at.saturating_sub(now).max(ms(100)));
        vec![Effect::Try(self.rules.attempt_timeout.min(left))]
    }

    fn hinted(&mut self, now: Duration) -> Vec<Effect> {
        let free = self.state().is_none_or(|state| !self.costs_a_line(state));
        if self.burst.is_some() || (!free && !self.hints.allows(now)) {
            return vec![Effect::Wait(self.wake())];
        }
        if !free {
            self.hints.spend(now);
        }
        self.burst = Some(0);
        self.look(now)
    }

    /// Recovery that moves keeps the time limit away.
    fn seen(&mut self, progress: Option<Progress>, now: Duration) {
        let before = self.progress.as_ref().and_then(|it| it.position);
        let after = progress.as_ref().and_then(|it| it.position);
        if let (Some(before), Some(after)) = (before, after)
            && after > before
        {
            self.moved(now);
        }
        self.progress = progress;
    }

    fn moved(&mut self, now: Duration) {
        if self.rules.extend {
            self.progressed = Some(now);
            self.deadline = self.deadline.map(|at| at.max(now + PROGRESS_GRACE));
        }
    }

    fn answered(&mut self, answer: Result<Ready, Refusal>, quiet: bool, now: Duration) -> Vec<Effect> {
        self.phase = Phase::Waiting;
        match answer {
            Ok(ready) => match self.suspicion(&ready, now) {
                Some(refusal) => self.refused(refusal, quiet, now),
                None => vec![self.open(ready, quiet, now)],
            },
            Err(refusal) => {
                self.suspect = None;
                self.refused(refusal, quiet, now)
            }
        }
    }

    fn open(&mut self, ready: Ready, quiet: bool, now: Duration) -> Effect {
        self.phase = Phase::Over;
        Effect::Open(Box::new(Opened { took: now, attempts: self.attempts + u32::from(quiet), ready }))
    }

    /// The temporary server of a first-start init script answers like a real one, and is gone a moment later.
    fn suspicion(&mut self, ready: &Ready, now: Duration) -> Option<Refusal> {
        let temporary = ready.temporary()?;
        let first_seen = match self.suspect.take() {
            Some((identity, since)) if identity == temporary.identity => since,
            _ => now,
        };
        let age = temporary.age.unwrap_or_default().max(now.saturating_sub(first_seen));
        self.suspect = Some((temporary.identity, first_seen));
        (age < TRUSTED_AGE).then(|| super::refused::maybe_temporary(age))
    }

    fn refused(&mut self, refusal: Refusal, quiet: bool, now: Duration) -> Vec<Effect> {
        if self.costs_a_line(refusal.state) {
            self.lines.spend(now);
        }
        let known = self.refused.take();
        if known.as_ref().is_some_and(|known| known.loaded_more(&refusal)) {
            self.moved(now);
        }
        let news = known.as_ref().is_none_or(|known| !known.is_like(&refusal));
        if news {
            self.burst = None;
        }
        let refused = Refused::after(known, refusal, quiet, now);
        self.refused = Some(refused.clone());
        let end = match () {
            () if refused.is_hopeless(now) => Some(Reason::Hopeless),
            () if self.passed(now) || (!quiet && self.is_last(now)) => Some(Reason::TimedOut),
            () => None,
        };
        if let Some(reason) = end {
            // Each attempt has its line, the last one too.
            let line = (!quiet).then(|| self.say(&refused, None, now));
            return line.into_iter().chain([self.give_up(reason, refused, now)]).collect();
        }
        self.next = if quiet { self.put_off(&refused, now) } else { self.next_attempt(&refused, now) };
        self.look = self.next_look(refused.refusal.state, now);
        let wait = Effect::Wait(self.wake());
        let next = self.deadline.is_none_or(|at| self.next < at).then(|| self.next.saturating_sub(now));
        if quiet && !news { vec![wait] } else { vec![self.say(&refused, next, now), wait] }
    }

    fn next_attempt(&mut self, refused: &Refused, now: Duration) -> Duration {
        let wait = self.waits.next_wait().max(self.least_wait(refused.refusal.state, now));
        let planned = refused.grace_ends().map_or(now + wait, |end| end.min(now + wait)).max(now + ms(1));
        match self.last_chance() {
            Some(at) if now < at => planned.min(at),
            _ => planned,
        }
    }

    /// The planned attempt, later when a look has just spent what it would cost.
    fn put_off(&self, refused: &Refused, now: Duration) -> Duration {
        let earliest = now + self.least_wait(refused.refusal.state, now);
        match self.last_chance() {
            Some(at) => self.next.max(earliest.min(at)),
            None => self.next.max(earliest),
        }
    }

    /// When the time limit would cut a wait short, the last attempt comes a moment before the limit.
    fn last_chance(&self) -> Option<Duration> {
        let before = self.rules.policy.limit.map_or(LAST_CHANCE, |limit| LAST_CHANCE.min(limit / 10));
        self.deadline.map(|at| at.saturating_sub(before))
    }

    fn least_wait(&self, state: ServerState, now: Duration) -> Duration {
        match self.costs_a_line(state) {
            true if self.progress.is_some() => SIGHTED_PACE,
            // An attempt on credit would hold up the looks after it. What hints have cost is not waited for.
            true => self.lines.ready_at(now).saturating_sub(now).min(SIGHTED_PACE),
            false => Duration::ZERO,
        }
    }

    fn next_look(&mut self, state: ServerState, now: Duration) -> Option<Duration> {
        if let Some(gap) = self.burst.and_then(|index| BURST.get(index)) {
            self.burst = self.burst.map(|index| index + 1);
            return Some(now + *gap);
        }
        match self.rules.quiet {
            Quiet::Every(gap) if worth_looking(state) => Some(now + gap),
            Quiet::Sparing if state == ServerState::ReadOnly || self.suspect.is_some() => Some(now + STANDING_BY),
            Quiet::Sparing if leaves_a_line(state) && worth_looking(state) && self.progress.is_none() => {
                Some(self.lines.ready_at(now + ms(100)))
            }
            _ => None,
        }
    }

    fn costs_a_line(&self, state: ServerState) -> bool {
        self.rules.quiet == Quiet::Sparing && leaves_a_line(state)
    }

    fn wake(&self) -> Duration {
        [Some(self.next), self.look, self.deadline].into_iter().flatten().min().unwrap_or(self.next)
    }

    fn passed(&self, now: Duration) -> bool {
        self.deadline.is_some_and(|at| now >= at)
    }

    /// Attempts are no limit while recovery moves.
    fn is_last(&self, now: Duration) -> bool {
        let moves = self.progressed.is_some_and(|at| now < at + PROGRESS_GRACE);
        self.rules.policy.is_last(self.attempts) && !moves
    }

    fn say(&self, refused: &Refused, next: Option<Duration>, now: Duration) -> Effect {
        Effect::Say(Box::new(Waiting {
            attempt: self.attempts,
            attempts: self.rules.policy.attempts.filter(|most| self.attempts <= *most),
            refusal: refused.told(now),
            progress: self.progress.clone().filter(|_| leaves_a_line(refused.refusal.state)),
            elapsed: now,
            next,
        }))
    }

    fn give_up(&mut self, reason: Reason, refused: Refused, now: Duration) -> Effect {
        self.phase = Phase::Over;
        let refusal = refused.kept();
        Effect::GiveUp(Box::new(GaveUp { reason, refusal, attempts: self.attempts, elapsed: now }))
    }
}
