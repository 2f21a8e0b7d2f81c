//! Several services with needs among each other, told whatever there is to tell in any order, on paused time: what must hold always.

mod support;

use config::{Handover, Service};
use host::{
    Env,
    fake::{FakeSpawner, Life},
    process::{Child, Command, Exit, Spawner},
};
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use supervise::Need;
use support::{Stage, after, ms, needing, service};
use tokio::time::{Instant, sleep};

/// `seed` runs; `api` needs `main` and starts after `seed`; `poller` is exclusive and needs `queue`; `web` starts after `api`.
const NAMES: [&str; 4] = ["seed", "api", "poller", "web"];
const NEEDS: [&str; 2] = ["main", "queue"];

/// Politeness, `SIGKILL`, and what follows, for each of three that stop one after the other.
const STOPPED_WITHIN: Duration = Duration::from_secs(3 * (30 + 10) + 5);

/// The services as they are configured; a version of 0 leaves one out.
fn services(versions: [u8; 4]) -> Vec<Service> {
    let one = |name: &'static str, version: u8| {
        let plain = service(name, &[name]);
        let full = match name {
            "api" => after("seed", needing("main", plain)),
            "poller" => Service { handover: Handover::Exclusive, ..needing("queue", plain) },
            "web" => after("api", plain),
            _ => plain,
        };
        Service { env: Env::from([("VERSION".to_owned(), version.to_string())]), ..full }
    };
    let all: Vec<_> = NAMES.iter().zip(versions).filter(|(_, version)| *version > 0).collect();
    let is_there = |name: &String| all.iter().any(|(other, _)| **other == *name);
    let mut services: Vec<_> = all.iter().map(|(name, version)| one(name, *version)).collect();
    services.iter_mut().for_each(|service| service.after.retain(is_there));
    services
}

/// Looks at each start before it is one.
#[derive(Clone, Default)]
struct Watched {
    fake: FakeSpawner,
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    /// Since when they are known to be away.
    away: BTreeMap<&'static str, Instant>,
    /// The lock of the exclusive one is somebody else's, since then.
    taken: Option<Instant>,
    /// By name, all copies there ever were.
    copies: BTreeMap<String, Vec<u32>>,
    violations: Vec<String>,
}

impl Watched {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alive(&self, name: &str) -> Vec<u32> {
        let alive = self.fake.alive();
        self.world().copies.get(name).into_iter().flatten().copied().filter(|pid| alive.contains(pid)).collect()
    }

    /// What speaks against starting `name` now.
    fn against(&self, name: &str) -> Vec<String> {
        let (now, alive) = (Instant::now(), self.alive(name));
        let world = self.world();
        let need = match name {
            "api" => Some("main"),
            "poller" => Some("queue"),
            _ => None,
        };
        // What is told in this very moment may not have been heard yet.
        let away = need.and_then(|need| world.away.get(need)).filter(|since| **since < now);
        let taken = world.taken.filter(|since| name == "poller" && *since < now);
        let first = !world.copies.contains_key(name);
        let before = match name {
            "api" => Some("seed"),
            "web" => Some("api"),
            _ => None,
        };
        let early = before.filter(|before| first && !world.copies.contains_key(*before));
        [
            (!alive.is_empty()).then(|| format!("{name} is started beside {alive:?}")),
            away.map(|_| format!("{name} is started without what it needs")),
            taken.map(|_| format!("{name} is started while another host has its lock")),
            early.map(|before| format!("{name} is started before {before}")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Spawner for Watched {
    fn spawn(&self, command: &Command) -> io::Result<Box<dyn Child>> {
        let name = command.argv[0].clone();
        let against = self.against(&name);
        let spawned = self.fake.spawn(command);
        let mut world = self.world();
        world.violations.extend(against);
        if let Ok(child) = &spawned {
            world.copies.entry(name).or_default().push(child.pid());
        }
        spawned
    }
}

#[derive(Clone, Debug)]
enum Move {
    Pass(u64),
    Away(usize),
    Back(usize),
    End(usize, i32),
    Restart(usize),
    Stop(usize),
    Start(usize),
    Reload([u8; 4]),
    Taken(bool),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let (who, need) = (0..NAMES.len(), 0..NEEDS.len());
    let one = prop_oneof![
        5 => (1u64..90_000).prop_map(Move::Pass),
        2 => need.clone().prop_map(Move::Away),
        2 => need.prop_map(Move::Back),
        4 => (who.clone(), 0..3i32).prop_map(|(who, code)| Move::End(who, code)),
        1 => who.clone().prop_map(Move::Restart),
        1 => who.clone().prop_map(Move::Stop),
        1 => who.prop_map(Move::Start),
        // The first is always there, so that there is somebody to supervise.
        1 => [1..3u8, 0..3u8, 0..3u8, 0..3u8].prop_map(Move::Reload),
        1 => any::<bool>().prop_map(Move::Taken),
    ];
    prop::collection::vec(one, 0..50)
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let one = prop_oneof![
        4 => (1u64..20_000).prop_map(|takes| Life::Serves(ms(takes))),
        2 => Just(Life::Stubborn),
        2 => (0u64..100_000, 0..2i32).prop_map(|(after, code)| Life::Ends(ms(after), Exit::Code(code))),
    ];
    prop::collection::vec(one, 1..6)
}

struct Crew {
    stage: Stage,
    watched: Watched,
}

impl Crew {
    async fn tell(&mut self, step: Move) {
        let handle = self.stage.handle.clone();
        match step {
            Move::Pass(millis) => sleep(ms(millis)).await,
            Move::Away(need) => {
                self.watched.world().away.entry(NEEDS[need]).or_insert_with(Instant::now);
                handle.need(NEEDS[need], Need::Down { reason: "refused".into() });
            }
            Move::Back(need) => {
                self.watched.world().away.remove(NEEDS[need]);
                handle.need(NEEDS[need], Need::Met);
            }
            Move::End(who, code) => {
                self.watched.alive(NAMES[who]).into_iter().for_each(|pid| self.watched.fake.end(pid, Exit::Code(code)));
            }
            // One that is not there any more cannot be told anything.
            Move::Restart(who) => drop(handle.restart(NAMES[who])),
            Move::Stop(who) => drop(handle.stop_service(NAMES[who])),
            Move::Start(who) => drop(handle.start(NAMES[who])),
            Move::Reload(versions) => drop(handle.reload(services(versions), Env::new()).await),
            Move::Taken(taken) => {
                self.watched.world().taken = taken.then(Instant::now);
                self.stage.answers.fence_with(taken.then_some("another host"));
                self.stage.answers.lose_the_fence();
            }
        }
        // Paused time goes on only when nobody has anything left to do.
        sleep(ms(1)).await;
    }

    /// Restarts that were counted so far, of those whose need is away.
    fn counted(&self) -> BTreeMap<String, u32> {
        let away = |name: &str| match name {
            "api" => self.watched.world().away.contains_key("main"),
            "poller" => self.watched.world().away.contains_key("queue"),
            _ => false,
        };
        let all = self.stage.handle.snapshot().into_iter();
        all.filter(|status| away(&status.name)).map(|status| (status.name, status.restarts)).collect()
    }
}

async fn play(moves: Vec<Move>, lives: Vec<Vec<Life>>) -> Result<(), TestCaseError> {
    let fake = NAMES.iter().zip(lives).fold(FakeSpawner::new([]), |fake, (name, lives)| fake.program(name, lives));
    let watched = Watched { fake, ..Watched::default() };
    let mut stage = Stage::started(services([1; 4]), watched.clone());
    stage.limit = STOPPED_WITHIN;
    let mut crew = Crew { stage, watched };
    sleep(ms(1)).await;
    for step in moves {
        let before = crew.counted();
        crew.tell(step.clone()).await;
        for (name, restarts) in crew.counted() {
            let counted = before.get(&name).is_some_and(|before| restarts > *before);
            prop_assert!(!counted, "a restart of {name} was counted while its need was away: {step:?}");
        }
    }
    // Within the limit, whoever is stubborn.
    crew.stage.stop().await;
    prop_assert_eq!(crew.watched.fake.alive(), Vec::<u32>::new());
    let world = crew.watched.world();
    prop_assert!(world.violations.is_empty(), "{:?}", world.violations);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    /// S2.10, S2.11: whatever is told in whatever order: never two copies of a service, not even over a reload; none starts before its
    /// gate is open, its lock is ours and those before it have started; no end counts while a need is away; and everything ends, in time.
    #[test]
    fn whatever_is_told(moves in moves(), lives in prop::collection::vec(lives(), NAMES.len())) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(play(moves, lives))?;
    }
}

/// Found by the above: what is told while the lock is waited for counts for the start.
#[test]
fn a_need_that_goes_while_the_lock_is_waited_for() {
    let moves = vec![
        Move::Taken(true),
        Move::Pass(18_658),
        Move::Reload([1, 0, 1, 0]),
        Move::Away(1),
        Move::Taken(false),
        Move::Pass(1000),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(play(moves, vec![vec![Life::Serves(ms(1))]; NAMES.len()])).unwrap();
}
