//! Two generations of services, told whatever there is to tell in any order, on paused time: what must hold always.

mod support;

use config::{Handover, Service};
use host::{
    Env,
    fake::{FakeSpawner, Life},
    process::{Child, Command, Exit, Spawner},
};
use proptest::prelude::*;
use report::Recorder;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use supervise::{CandidateError, Generation, Need, Outfit};
use support::{Answers, Stage, after, ms, needing, s, service};
use tokio::time::sleep;

/// `api` overlaps and needs `main`; `web` overlaps and starts after `api`; `worker` is stopped, then started; `poller` is exclusive.
const NAMES: [&str; 4] = ["api", "web", "worker", "poller"];

/// Politeness, `SIGKILL`, and what follows, for each of three that stop one after the other.
const STOPPED_WITHIN: Duration = Duration::from_secs(3 * (30 + 10) + 5);

fn services(there: [bool; 4]) -> Vec<Service> {
    let one = |name: &'static str| {
        let plain = service(name, &[name]);
        match name {
            "api" => needing("main", plain),
            "web" => Service { after: if there[0] { vec!["api".into()] } else { Vec::new() }, ..plain },
            "worker" => Service { handover: Handover::InTurn, ..plain },
            _ => Service { handover: Handover::Exclusive, ..plain },
        }
    };
    NAMES.iter().zip(there).filter(|(_, there)| *there).map(|(name, _)| one(name)).collect()
}

/// Looks at each start before it is one, and at each signal.
#[derive(Clone, Default)]
struct Watched {
    fake: FakeSpawner,
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    /// By name: all copies there ever were, with the release of each.
    copies: BTreeMap<String, Vec<(u32, String)>>,
    violations: Vec<String>,
}

impl Watched {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alive(&self, name: &str) -> Vec<(u32, String)> {
        let alive = self.fake.alive();
        self.world().copies.get(name).into_iter().flatten().filter(|(pid, _)| alive.contains(pid)).cloned().collect()
    }

    /// Whom somebody has told to go.
    fn signalled(&self) -> Vec<u32> {
        self.fake.signals().into_iter().map(|sent| sent.pid).collect()
    }
}

impl Spawner for Watched {
    fn spawn(&self, command: &Command) -> io::Result<Box<dyn Child>> {
        let (name, release) = (command.argv[0].clone(), command.env["MAINSTAY_RELEASE"].clone());
        let alive = self.alive(&name);
        let overlaps = matches!(name.as_str(), "api" | "web");
        let mut against = Vec::new();
        if !overlaps && !alive.is_empty() {
            against.push(format!("{name} {release} is started beside {alive:?}"));
        }
        if alive.iter().any(|(_, other)| *other == release) || alive.len() > 1 {
            against.push(format!("a third {name}, or a second of {release}, is started beside {alive:?}"));
        }
        let spawned = self.fake.spawn(command);
        let mut world = self.world();
        world.violations.extend(against);
        if let Ok(child) = &spawned {
            world.copies.entry(name).or_default().push((child.pid(), release));
        }
        spawned
    }
}

#[derive(Clone, Debug)]
enum Move {
    Pass(u64),
    Away,
    Back,
    End(usize, i32),
    Restart(usize),
    Stop(usize),
    Start(usize),
    Candidate([bool; 4]),
    Discard,
    Promote,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let who = 0..NAMES.len();
    let one = prop_oneof![
        5 => (1u64..40_000).prop_map(Move::Pass),
        1 => Just(Move::Away),
        2 => Just(Move::Back),
        2 => (who.clone(), 0..3i32).prop_map(|(who, code)| Move::End(who, code)),
        1 => who.clone().prop_map(Move::Restart),
        1 => who.clone().prop_map(Move::Stop),
        1 => who.prop_map(Move::Start),
        5 => [Just(true).boxed(), any::<bool>().boxed(), any::<bool>().boxed(), any::<bool>().boxed()].prop_map(Move::Candidate),
        2 => Just(Move::Discard),
        5 => Just(Move::Promote),
    ];
    prop::collection::vec(one, 0..50)
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let one = prop_oneof![
        6 => (1u64..20_000).prop_map(|takes| Life::Serves(ms(takes))),
        1 => Just(Life::Stubborn),
        1 => (0u64..100_000, 0..2i32).prop_map(|(after, code)| Life::Ends(ms(after), Exit::Code(code))),
    ];
    prop::collection::vec(one, 1..6)
}

struct Crew {
    stage: Stage,
    watched: Watched,
    releases: u32,
}

impl Crew {
    fn generation(&mut self, there: [bool; 4]) -> Generation {
        self.releases += 1;
        generation(&self.watched, services(there), &format!("r{}", self.releases))
    }

    async fn tell(&mut self, step: Move) {
        let handle = self.stage.handle.clone();
        match step {
            Move::Pass(millis) => sleep(ms(millis)).await,
            Move::Away => handle.need("main", Need::Down { reason: "refused".into() }),
            Move::Back => handle.need("main", Need::Met),
            Move::End(who, code) => {
                let all = self.watched.alive(NAMES[who]);
                all.into_iter().for_each(|(pid, _)| self.watched.fake.end(pid, Exit::Code(code)));
            }
            Move::Restart(who) => drop(handle.restart(NAMES[who])),
            Move::Stop(who) => drop(handle.stop_service(NAMES[who])),
            Move::Start(who) => drop(handle.start(NAMES[who])),
            Move::Candidate(there) => {
                let (signalled, generation) = (self.watched.signalled(), self.generation(there));
                drop(handle.candidate(generation).await);
                self.nobody_more_is_told_to_go(&signalled, "a candidate");
            }
            Move::Discard => {
                let live: Vec<_> = handle.snapshot().into_iter().filter_map(|status| status.pid).collect();
                let signalled = self.watched.signalled();
                handle.discard();
                sleep(ms(1)).await;
                let ours = self.watched.signalled().into_iter().filter(|pid| live.contains(pid)).count();
                if ours > signalled.iter().filter(|pid| live.contains(pid)).count() {
                    self.watched.world().violations.push("who serves was told to go by a discard".into());
                }
            }
            Move::Promote => drop(handle.promote(None).await),
        }
        // Paused time goes on only when nobody has anything left to do.
        sleep(ms(1)).await;
    }

    fn nobody_more_is_told_to_go(&self, before: &[u32], why: &str) {
        if self.watched.signalled() != before {
            self.watched.world().violations.push(format!("somebody was told to go by {why}"));
        }
    }
}

fn generation(watched: &Watched, services: Vec<Service>, release: &str) -> Generation {
    let (recorder, answers) = (Arc::new(Recorder::default()), Arc::new(Answers::default()));
    let outfit = Outfit::new(Arc::new(watched.clone()), answers, recorder.clone(), recorder, support::no_directory());
    Generation { services, base_env: env(release), outfit }
}

fn env(release: &str) -> Env {
    Env::from([("MAINSTAY_RELEASE".to_owned(), release.to_owned())])
}

fn started(fake: FakeSpawner) -> Crew {
    let watched = Watched { fake, ..Watched::default() };
    let first = services([true; 4]).into_iter().map(|service| Service { env: env("r0"), ..service }).collect();
    let mut stage = Stage::started(first, watched.clone());
    stage.limit = STOPPED_WITHIN;
    Crew { stage, watched, releases: 0 }
}

async fn play(moves: Vec<Move>, lives: Vec<Vec<Life>>) -> Result<(), TestCaseError> {
    let mut crew =
        started(NAMES.iter().zip(lives).fold(FakeSpawner::new([]), |fake, (name, lives)| fake.program(name, lives)));
    sleep(ms(1)).await;
    for step in moves {
        crew.tell(step).await;
    }
    // Within the limit, whoever is stubborn.
    crew.stage.stop().await;
    prop_assert_eq!(crew.watched.fake.alive(), Vec::<u32>::new());
    let world = crew.watched.world();
    prop_assert!(world.violations.is_empty(), "{:?}", world.violations);
    Ok(())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("there is a runtime")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    /// S1.7, S2.11: whatever is told in whatever order: never two of a service that must not overlap, never two of one release, never
    /// three; nobody who serves is touched by a candidate that comes or goes; and everything ends, in time.
    #[test]
    fn whatever_is_told(moves in moves(), lives in prop::collection::vec(lives(), NAMES.len())) {
        runtime().block_on(play(moves, lives))?;
    }
}

/// S1.7: the course of a switch: the new ones come first, and what must not overlap comes when the old one is gone.
#[test]
fn a_candidate_takes_over() {
    runtime().block_on(async {
        let serves = || [Life::Serves(ms(100)), Life::Serves(ms(200))];
        let mut crew = started(NAMES.iter().fold(FakeSpawner::new([]), |fake, name| fake.program(name, serves())));
        sleep(ms(10)).await;
        let next = crew.generation([true; 4]);
        let begun = crew.stage.handle.candidate(next).await.unwrap();
        assert_eq!(begun.beside.iter().map(|it| it.service.as_str()).collect::<Vec<_>>(), ["api", "web"]);
        assert_eq!(begun.later, ["worker", "poller"]);
        let another = crew.generation([true; 4]);
        assert!(matches!(crew.stage.handle.candidate(another).await, Err(CandidateError::Another)));
        sleep(ms(10)).await;
        assert!(crew.stage.handle.beside().borrow().candidates.iter().all(|status| status.ready));
        assert_eq!(crew.watched.signalled(), [0_u32; 0]);
        let done = crew.stage.handle.promote(None).await.unwrap();
        assert_eq!(
            (done.switched, done.swapped),
            (vec!["api".into(), "web".into()], vec!["worker".into(), "poller".into()])
        );
        sleep(s(1)).await;
        for name in NAMES {
            let all = crew.watched.alive(name);
            assert_eq!(all.iter().map(|(_, release)| release.as_str()).collect::<Vec<_>>(), ["r1"], "{name}");
        }
        let beside = crew.stage.handle.beside().borrow().clone();
        assert!(beside.is_empty() && beside.ended_before.len() == 2, "{beside:?}");
        assert!(matches!(crew.stage.handle.promote(None).await, Err(CandidateError::None)));
        crew.stage.stop().await;
        assert!(crew.watched.world().violations.is_empty());
    });
}

/// S1.7: what is not ready is not promoted, and a stop in the middle ends both.
#[test]
fn a_candidate_that_never_comes_is_not_promoted() {
    runtime().block_on(async {
        let mut crew =
            started(FakeSpawner::new([]).program("api", [Life::Serves(ms(1)), Life::Ends(ms(5), Exit::Code(1))]));
        sleep(ms(10)).await;
        let mut next = crew.generation([true; 4]);
        next.services[0] = after("nobody", next.services[0].clone());
        crew.stage.handle.candidate(next).await.unwrap();
        sleep(s(5)).await;
        let refused = crew.stage.handle.promote(None).await.unwrap_err();
        assert_eq!(refused.to_string(), "`api`, `web` are not ready");
        crew.stage.stop().await;
        assert_eq!(crew.watched.fake.alive(), [0_u32; 0]);
    });
}
