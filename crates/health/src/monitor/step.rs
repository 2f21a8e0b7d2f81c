//! One check's result and the time, folded into the state of a dependency.

use super::{
    Recovery, Told, misses_a_table,
    pace::{another_pace, pace},
    recent::Recent,
    verdict_on, words,
};
use config::{Dependency, Target};
use database::{Refusal, ServerState};
use report::{Event, Verdict};
use retry::Waits;
use std::time::Duration;
use tokio::time::Instant;

/// A failed check while up is repeated after this, or after `every` if that is shorter.
pub const CONFIRM: Duration = Duration::from_secs(1);

/// How a dependency is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Its name.
    pub name: String,
    /// Time between checks while it is up.
    pub every: Duration,
    /// Failures in a row until it is down, at least 1.
    pub failures: u32,
    /// Does it hold a schema?
    pub database: bool,
}

/// What the monitor thinks of one dependency.
#[derive(Clone, Debug)]
pub struct State {
    stand: Stand,
    recent: Recent,
}

#[derive(Clone, Debug)]
enum Stand {
    /// Up; perhaps with failures that are not yet enough.
    Up { failing: Option<Streak> },
    /// Down, or never seen up.
    Down(Outage),
}

#[derive(Clone, Copy, Debug)]
struct Streak {
    count: u32,
    since: Instant,
}

#[derive(Clone, Debug)]
struct Outage {
    since: Instant,
    state: ServerState,
    waits: Waits,
    /// When people last heard of it.
    said: Instant,
    /// When a look at the schema was last asked for.
    schema: Option<Instant>,
}

/// What follows from one check.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// To the others, in this order.
    pub tell: Vec<Told>,
    /// To the journal, in this order.
    pub say: Vec<Event>,
    /// Time until the next check.
    pub next: Duration,
}

/// Folds one check into `state`.
pub fn step<T>(state: State, rules: &Rules, said: &Result<T, Refusal>, now: Instant) -> (State, Step) {
    let State { stand, recent } = state;
    match (stand, said) {
        (Stand::Up { .. }, Ok(_)) => passes(recent, rules),
        (Stand::Up { failing }, Err(refusal)) => match verdict_on(refusal) {
            Verdict::Fail => fails(failing, recent, rules, refusal, now),
            _ => cannot_look(failing, recent, rules, refusal),
        },
        (Stand::Down(outage), Ok(_)) => comes_back(&outage, rules, now),
        (Stand::Down(outage), Err(refusal)) => stays_away(outage, recent, rules, refusal, now),
    }
}

fn passes(mut recent: Recent, rules: &Rules) -> (State, Step) {
    let turn = recent.push(false).map(|turn| words::turned(rules, turn));
    let say = std::iter::once(words::passed(rules)).chain(turn).collect();
    (State { stand: Stand::Up { failing: None }, recent }, Step { tell: Vec::new(), say, next: rules.every })
}

fn fails(failing: Option<Streak>, mut recent: Recent, rules: &Rules, refusal: &Refusal, now: Instant) -> (State, Step) {
    let streak =
        failing.map_or(Streak { count: 1, since: now }, |it| Streak { count: it.count.saturating_add(1), ..it });
    if streak.count >= rules.failures.max(1) {
        return goes_down(streak, rules, refusal, now);
    }
    let turn = recent.push(true).map(|turn| words::turned(rules, turn));
    let say = std::iter::once(words::failed(rules, refusal, streak.count)).chain(turn).collect();
    let stand = Stand::Up { failing: Some(streak) };
    (State { stand, recent }, Step { tell: Vec::new(), say, next: CONFIRM.min(rules.every) })
}

fn goes_down(streak: Streak, rules: &Rules, refusal: &Refusal, now: Instant) -> (State, Step) {
    let mut outage = Outage::begin(unusable(refusal.state), streak.since, now);
    let mut tell = vec![Told::Down { state: outage.state, reason: refusal.to_string() }];
    tell.extend(outage.lost_schema(rules, refusal, now));
    let next = outage.next(rules);
    let say = vec![words::down(rules, outage.state, refusal, streak.count)];
    (State { stand: Stand::Down(outage), recent: Recent::default() }, Step { tell, say, next })
}

/// Our own fault: neither pass nor fail.
fn cannot_look(failing: Option<Streak>, recent: Recent, rules: &Rules, refusal: &Refusal) -> (State, Step) {
    let say = vec![words::could_not_verify(rules, refusal)];
    (State { stand: Stand::Up { failing }, recent }, Step { tell: Vec::new(), say, next: rules.every })
}

fn comes_back(outage: &Outage, rules: &Rules, now: Instant) -> (State, Step) {
    let after = now.saturating_duration_since(outage.since);
    let schema = rules.database.then_some(Told::Recover(Recovery::CheckSchema));
    let tell =
        std::iter::once(Told::Up { after }).chain(schema).chain([Told::Recover(Recovery::RestartUnhealthy)]).collect();
    let say = vec![words::up(rules, after)];
    let state = State { stand: Stand::Up { failing: None }, recent: Recent::default() };
    (state, Step { tell, say, next: rules.every })
}

fn stays_away(mut outage: Outage, recent: Recent, rules: &Rules, refusal: &Refusal, now: Instant) -> (State, Step) {
    let tell = outage.lost_schema(rules, refusal, now).into_iter().collect();
    let changed = outage.moves_to(refusal);
    let remind = now.saturating_duration_since(outage.said) >= rules.every;
    let say = if changed || remind {
        outage.said = now;
        words::still_down(rules, outage.state, refusal, now.saturating_duration_since(outage.since))
    } else {
        words::failed_again(rules, refusal)
    };
    let next = outage.next(rules);
    (State { stand: Stand::Down(outage), recent }, Step { tell, say: vec![say], next })
}

impl Outage {
    fn begin(state: ServerState, since: Instant, now: Instant) -> Self {
        Self { since, state, waits: pace(state).waits(), said: now, schema: None }
    }

    /// Asks for a look at the schema when a table is missing, no more often than checks are made in good times.
    fn lost_schema(&mut self, rules: &Rules, refusal: &Refusal, now: Instant) -> Option<Told> {
        let lately = self.schema.is_some_and(|asked| now.saturating_duration_since(asked) < rules.every);
        if !misses_a_table(refusal) || lately {
            return None;
        }
        self.schema = Some(now);
        Some(Told::Recover(Recovery::CheckSchema))
    }

    /// Takes over what the server is doing now; says whether that is something else than before.
    fn moves_to(&mut self, refusal: &Refusal) -> bool {
        let state = match verdict_on(refusal) {
            Verdict::Fail => unusable(refusal.state),
            _ => self.state,
        };
        if another_pace(self.state, state) {
            self.waits = pace(state).waits();
        }
        std::mem::replace(&mut self.state, state) != state
    }

    fn next(&mut self, rules: &Rules) -> Duration {
        self.waits.next_wait().min(rules.every)
    }
}

/// A server may call itself ready and still be of no use: its tables are gone.
fn unusable(state: ServerState) -> ServerState {
    if state == ServerState::Ready { ServerState::Unknown } else { state }
}

impl State {
    /// Watching begins at `now` with a dependency that was found in `state`, or was never asked.
    pub fn begin(state: Option<ServerState>, now: Instant) -> Self {
        let stand = match state {
            Some(ServerState::Ready) => Stand::Up { failing: None },
            state => Stand::Down(Outage::begin(state.unwrap_or(ServerState::Unknown), now, now)),
        };
        Self { stand, recent: Recent::default() }
    }

    /// Time until the first check.
    pub fn first(&self, rules: &Rules) -> Duration {
        match self.stand {
            Stand::Up { .. } => rules.every,
            Stand::Down(_) => Duration::ZERO,
        }
    }

    /// What the dependency is doing, after hysteresis.
    pub fn server(&self) -> ServerState {
        match &self.stand {
            Stand::Up { .. } => ServerState::Ready,
            Stand::Down(outage) => outage.state,
        }
    }

    /// Up, but failing time and again.
    pub fn unsteady(&self) -> bool {
        self.recent.unsteady()
    }
}

impl Rules {
    /// The rules that `dependency` was given.
    pub fn of(dependency: &Dependency) -> Self {
        Self {
            name: dependency.name.clone(),
            every: dependency.monitor.every.max(Duration::from_millis(50)),
            failures: dependency.monitor.failures,
            database: matches!(dependency.target, Target::Postgres(_) | Target::Sqlite(_)),
        }
    }
}
