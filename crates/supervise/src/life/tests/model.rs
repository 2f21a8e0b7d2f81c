//! All that can ever become of a service, not only some of it: every state that any sequence of inputs leads to, each looked at once.

use super::*;
use std::collections::{BTreeSet, VecDeque};

/// More states than these mean that something grows without end.
const MOST: usize = 60_000;

/// A life, the world around it and what time it is there.
#[derive(Clone)]
struct Node {
    /// How it came to this, told when something is wrong.
    path: Vec<String>,
    life: Life,
    world: World,
    now: Instant,
}

impl Node {
    fn new(service: Service) -> Self {
        let now = Instant::now();
        let life = Life::new(Arc::new(service.clone()), service.restart.backoff.waits_seeded(1), now);
        Self { path: Vec::new(), life, world: World::default(), now }
    }

    /// What this state is, without what only grows: how often it was restarted, and what time it is. Spans are told as far as they matter.
    fn key(&self) -> String {
        let Life { state, wanted, unmet, after, after_failed, delay, spawned, streak, waits, tally, .. } = &self.life;
        let (due, age) = (state.due().map(|due| due.saturating_duration_since(self.now)), self.age());
        let state = match state {
            State::Starting(run) | State::Running(run) => format!("{} {}", state.fine(), run.accused),
            State::Stopping(leaving) | State::Killing(leaving) => {
                let then = match leaving.then {
                    Then::Recover { lived } => format!("recover {:?}", lived.min(s(60))),
                    Then::Judge { lived } => format!("judge {:?}", lived.min(s(60))),
                    then => format!("{then:?}"),
                };
                format!("{} {then} {:?}", state.fine(), leaving.exit)
            }
            State::Asking { lived } => format!("asking {:?}", lived.min(&s(60))),
            State::Failed(Failure::Unkillable { exit, .. }) => format!("survives {exit:?}"),
            state => state.fine().to_owned(),
        };
        let names: Vec<_> = unmet.keys().collect();
        let (streak, reached, spent) = (streak.min(&1), waits.reached(), tally.ages(self.now, s(40)));
        format!(
            "{state} {due:?} {age:?} {wanted} {names:?} {after:?} {after_failed:?} {delay:?} {spawned} {streak} {reached:?} {spent:?} {:?}",
            self.world
        )
    }

    /// How long it runs, as far as that matters.
    fn age(&self) -> Duration {
        match self.life.state() {
            State::Starting(run) | State::Running(run) => (self.now - run.since).min(s(60)),
            _ => Duration::ZERO,
        }
    }

    /// All that can happen next.
    fn next(&self) -> Vec<Self> {
        let (mut all, due) = (Vec::new(), self.life.state().due());
        let run_on = matches!(self.life.state(), State::Starting(_) | State::Running(_)) && self.age() < s(60);
        for spawns in [true, false] {
            for input in everything().into_iter().filter(|input| self.world.allows(input)) {
                let mut node = self.clone();
                node.world.spawns = spawns;
                if let (Input::Elapsed, Some(due)) = (&input, due) {
                    node.now = node.now.max(due);
                } else if input == Input::Elapsed && run_on {
                    node.now += s(60);
                }
                node.take(input);
                all.push(node);
            }
        }
        all
    }

    fn take(&mut self, input: Input) {
        let blames =
            matches!(input, Input::Unready { .. } | Input::Unhealthy { .. } | Input::NeedsKnown | Input::Healthy);
        let lived = matches!(self.life.state(), State::Starting(_) | State::Running(_));
        self.path.push(format!("{input:?} (a start works: {})", self.world.spawns));
        let _told = Path(&self.path);
        self.world.feed(&mut self.life, input, self.now);
        let goes = matches!(self.life.state(), State::Stopping(_) | State::Killing(_));
        assert!(
            !(blames && lived && goes && !self.world.unmet.is_empty()),
            "killed for its health while the cause is elsewhere"
        );
        self.world.spawns = false;
    }

    /// What is true in every state.
    fn check(&self) {
        let state = self.life.state();
        assert!(*state != State::Parked || self.life.lacks(), "parked though everything is back");
        assert!(*state != State::Parked || self.world.wanted, "parked and unwanted");
        assert!(!matches!(state, State::Waiting) || !self.life.after.is_empty(), "waits for nobody");
        assert!(!self.world.wanted || *state != State::Stopped, "wanted, and nothing will ever start it");
        assert!(!matches!(state, State::Asking { .. }) || !self.life.service.needs.is_empty(), "asks nobody");
        self.clone().end();
    }

    /// A stop leads to an end, also where everything but `SIGKILL` is ignored.
    fn end(mut self) {
        self.take(Input::Unwanted);
        for _ in 0..2 {
            let Some(due) = self.life.state().due() else { break };
            self.now = self.now.max(due);
            let killing = matches!(self.life.state(), State::Killing(_));
            self.take(match (killing, self.world.leader, self.world.group) {
                (true, true, _) => Input::Exited { exit: Exit::Signal(9), left_behind: false },
                (true, false, true) => Input::GroupGone,
                _ => Input::Elapsed,
            });
        }
        assert!(self.life.state().is_over(), "{:?}", self.life.state());
    }
}

fn everything() -> Vec<Input> {
    let (main, reason) = (|| "main".to_owned(), || "because".to_owned());
    let exits = [Exit::Code(0), CRASH].into_iter().flat_map(|exit| [(exit, true), (exit, false)]);
    let exits = exits.map(|(exit, left_behind)| Input::Exited { exit, left_behind });
    let others = [
        Input::Wanted,
        Input::Unwanted,
        Input::Force,
        Input::Restart,
        Input::NeedLost { name: main(), reason: reason() },
        Input::NeedMet { name: main() },
        Input::Fenced { reason: reason() },
        Input::NeedMet { name: FENCE.to_owned() },
        Input::NeedsKnown,
        Input::AfterReady { name: "seed".into() },
        Input::AfterFailed { name: "seed".into() },
        Input::GroupGone,
        Input::Ready,
        Input::Unready { reason: reason() },
        Input::Unhealthy { reason: reason() },
        Input::Healthy,
        Input::Elapsed,
    ];
    others.into_iter().chain(exits).collect()
}

/// Tells a path when what it leads to is wrong.
struct Path<'a>(&'a [String]);

impl Drop for Path<'_> {
    #[expect(clippy::print_stdout, reason = "the story of a failed test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0.join("\n"));
        }
    }
}

/// Looks at every state that `service` can come to; answers how many there are.
fn explore(service: &Service) -> usize {
    let first = Node::new(service.clone());
    let mut seen = BTreeSet::from([first.key()]);
    let mut queue = VecDeque::from([first]);
    while let Some(node) = queue.pop_front() {
        node.check();
        for next in node.next() {
            if seen.insert(next.key()) {
                queue.push_back(next);
            }
        }
        assert!(seen.len() < MOST, "the states have no end: {}", seen.last().unwrap());
    }
    seen.len()
}

fn kind(when: RestartWhen, [needs, after, health, delay, frugal]: [bool; 5]) -> Service {
    let mut service = service(when);
    service.restart.backoff = Backoff::doubling(s(1), s(2));
    service.restart.budget = frugal.then_some(Budget { times: 1, within: s(40) });
    let service = if health { checked(service) } else { service };
    Service {
        needs: if needs { vec!["main".into()] } else { Vec::new() },
        after: if after { vec!["seed".into()] } else { Vec::new() },
        start_delay: if delay { s(5) } else { Duration::ZERO },
        ..service
    }
}

/// Issue 4, proof: in no state that can be reached are there two copies, a start that is unwanted or without what it needs, an end that is
/// counted while a dependency is down, or a service that is killed for its health then; whoever is parked starts when it is back; and
/// from everywhere a stop leads to an end.
#[test]
fn in_every_state_there_is() {
    use RestartWhen::{Always, Never, OnFailure};
    let mut states = 0;
    for when in [Always, OnFailure, Never] {
        for more in
            [[true, true, true, false, false], [true, false, true, true, false], [true, false, true, false, true]]
        {
            states += explore(&kind(when, more));
        }
    }
    assert!(states > 1000, "{states}");
}
