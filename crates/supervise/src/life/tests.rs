mod model;

use super::*;
use config::{Budget, Handover, HealthCheck, Limits, Restart, RestartWhen, Sign, Stop, Target, Window};
use proptest::prelude::*;
use retry::Backoff;

const TERM: i32 = 15;
const CRASH: Exit = Exit::Code(1);

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn service(when: RestartWhen) -> Service {
    Service {
        name: "api".into(),
        argv: vec!["./api".into()],
        cwd: "/".into(),
        env: BTreeMap::new(),
        needs: Vec::new(),
        after: Vec::new(),
        listen: None,
        port: None,
        health: None,
        restart: Restart { when, backoff: Backoff::doubling(s(1), s(30)), stable_after: s(60), budget: None },
        stop: Stop { signal: TERM, grace: s(30) },
        handover: Handover::Overlap,
        single: None,
        limits: Limits::default(),
        start_delay: Duration::ZERO,
    }
}

fn needy() -> Service {
    Service { needs: vec!["main".into()], ..service(RestartWhen::Always) }
}

fn checked(service: Service) -> Service {
    let target = Target::Tcp { host: "127.0.0.1".into(), port: 1 };
    let health = HealthCheck {
        sign: Sign::Target(target),
        every: s(10),
        timeout: s(3),
        fail: Window { count: 3, of: 3 },
        pass: Window { count: 1, of: 1 },
        start_timeout: s(30),
    };
    Service { health: Some(health), ..service }
}

/// A life that is told what happens, with a clock of its own.
struct Told {
    life: Life,
    now: Instant,
}

impl Told {
    fn new(service: Service) -> Self {
        let now = Instant::now();
        let waits = service.restart.backoff.waits_seeded(1);
        Self { life: Life::new(Arc::new(service), waits, now), now }
    }

    /// Up and running as pid 7.
    fn running(service: Service) -> Self {
        let mut told = Self::new(service);
        assert_eq!(told.tell(Input::Wanted), ["spawn"]);
        told.tell(Input::Spawned { pid: 7 });
        told.tell(Input::Ready);
        assert_eq!(told.fine(), "running");
        told
    }

    /// What must be done, but for what is only told.
    fn tell(&mut self, input: Input) -> Vec<String> {
        let effects = self.life.step(input, self.now);
        effects.iter().filter_map(effect_word).collect()
    }

    fn after(&mut self, wait: Duration, input: Input) -> Vec<String> {
        self.now += wait;
        self.tell(input)
    }

    fn exit(&mut self, exit: Exit) -> Vec<String> {
        self.tell(Input::Exited { exit, left_behind: false })
    }

    fn lose(&mut self, name: &str) -> Vec<String> {
        self.tell(Input::NeedLost { name: name.into(), reason: "refused".into() })
    }

    fn meet(&mut self, name: &str) -> Vec<String> {
        self.tell(Input::NeedMet { name: name.into() })
    }

    fn fine(&self) -> &'static str {
        self.life.state().fine()
    }

    fn due_in(&self) -> Option<Duration> {
        self.life.state().due().map(|due| due - self.now)
    }
}

fn effect_word(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Spawn => Some("spawn".into()),
        Effect::Signal(signal) => Some(format!("signal {signal}")),
        Effect::Kill => Some("kill".into()),
        Effect::AskNeeds => Some("ask".into()),
        Effect::Note(_) => None,
    }
}

/// Crash -> first restart at once, then 1, 2, 4 ... up to the longest; a stable life begins a new series.
#[test]
fn a_series_of_crashes_backs_off_and_a_stable_life_ends_it() {
    let mut told = Told::running(service(RestartWhen::Always));
    let mut waits = Vec::new();
    for _ in 0..8 {
        match told.exit(CRASH).as_slice() {
            [spawn] if spawn == "spawn" => waits.push(0),
            _ => {
                let wait = told.due_in().unwrap();
                waits.push(wait.as_secs());
                assert_eq!(told.after(wait, Input::Elapsed), ["spawn"]);
            }
        }
        told.tell(Input::Spawned { pid: 7 });
    }
    assert_eq!(waits, [0, 1, 2, 4, 8, 16, 30, 30]);
    told.now += s(60);
    assert_eq!(told.exit(CRASH), ["spawn"], "a stable life starts again at once");
    assert_eq!(told.life.restarts(), 9);
}

fn frugal(times: u32, within: u64) -> Service {
    let budget = Some(Budget { times, within: s(within) });
    let base = needy();
    Service { restart: Restart { budget, ..base.restart }, ..base }
}

impl Told {
    /// Ends for its own fault, and lives again if it may: after how long, in seconds.
    fn crash(&mut self) -> Option<u64> {
        self.exit(CRASH);
        self.tell(Input::NeedsKnown);
        let wait = self.due_in();
        if let Some(wait) = wait {
            self.after(wait, Input::Elapsed);
        }
        self.tell(Input::Spawned { pid: 7 });
        (self.fine() == "running").then(|| wait.unwrap_or_default().as_secs())
    }
}

/// Issue 4, item 1: as many restarts as the budget has, then it has failed and says so; whoever starts it gives it a new one.
#[test]
fn a_spent_budget_is_the_end_until_somebody_starts_it() {
    let mut told = Told::running(frugal(3, 600));
    assert_eq!([told.crash(), told.crash(), told.crash(), told.crash()], [Some(0), Some(1), Some(2), None]);
    let reason = "its budget of 3 restarts in 10 m is spent; it ended with exit code 1";
    assert_eq!((told.fine(), told.life.reason().as_deref(), told.due_in()), ("failed", Some(reason), None));
    assert_eq!(told.life.restarts(), 3, "the one that was refused does not count");
    for input in [Input::Wanted, Input::NeedMet { name: "main".into() }, Input::Elapsed] {
        assert!(told.after(s(3600), input).is_empty(), "nothing starts it by itself");
    }
    assert_eq!(told.tell(Input::Restart), ["spawn"]);
    told.tell(Input::Spawned { pid: 7 });
    assert_eq!([told.crash(), told.crash(), told.crash(), told.crash()], [Some(0), Some(1), Some(2), None]);
}

/// Issue 4, item 1: what lies further back than the span of the budget does not count, however stable it was since.
#[test]
fn a_budget_looks_back_over_its_span_only() {
    let mut told = Told::running(frugal(2, 100));
    for _ in 0..20 {
        assert!(told.crash().is_some());
        told.now += s(50);
    }
    told.now += s(100);
    assert_eq!([told.crash().is_some(), told.crash().is_some(), told.crash().is_some()], [true, true, false]);
}

/// Issue 4, item 1: an outage of the database costs nothing of it.
#[test]
fn ends_without_the_dependency_cost_no_budget() {
    let mut told = Told::running(frugal(1, 600));
    for _ in 0..10 {
        told.lose("main");
        told.exit(CRASH);
        assert_eq!(told.fine(), "parked");
        assert_eq!(told.meet("main"), ["spawn"]);
        told.tell(Input::Spawned { pid: 7 });
    }
    assert_eq!([told.crash().is_some(), told.crash().is_some()], [true, false]);
}

/// An early alarm is no alarm.
#[test]
fn nothing_elapses_before_its_time() {
    let mut told = Told::running(service(RestartWhen::Always));
    told.exit(CRASH);
    told.tell(Input::Spawned { pid: 8 });
    told.exit(CRASH);
    assert!(told.after(Duration::from_millis(999), Input::Elapsed).is_empty());
    assert_eq!(told.after(Duration::from_millis(1), Input::Elapsed), ["spawn"]);
}

#[test]
fn policies() {
    use RestartWhen::{Always, Never, OnFailure};
    let table = [
        (Always, Exit::Code(0), "spawning"),
        (Always, CRASH, "spawning"),
        (OnFailure, Exit::Code(0), "done"),
        (OnFailure, CRASH, "spawning"),
        (OnFailure, Exit::Signal(9), "spawning"),
        (Never, Exit::Code(0), "done"),
        (Never, CRASH, "failed"),
        (Never, Exit::Signal(15), "failed"),
    ];
    for (when, exit, fine) in table {
        let mut told = Told::running(service(when));
        told.exit(exit);
        assert_eq!(told.fine(), fine, "{when:?} {exit:?}");
    }
}

/// S3.7: a dependency that goes down stops nobody.
#[test]
fn a_running_service_goes_on_without_its_dependency() {
    let mut told = Told::running(needy());
    assert!(told.lose("main").is_empty());
    assert_eq!(told.fine(), "running");
    assert!(told.meet("main").is_empty());
    assert_eq!(told.fine(), "running");
}

/// Ends while a needed dependency is down are not counted; it starts the moment that it is back.
#[test]
fn an_end_without_the_dependency_parks() {
    let mut told = Told::running(needy());
    told.lose("main");
    assert!(told.exit(CRASH).is_empty());
    assert_eq!((told.fine(), told.due_in()), ("parked", None));
    assert_eq!(told.life.reason().as_deref(), Some("needs `main`, which is down: refused"));
    told.now += s(3600);
    assert_eq!(told.meet("main"), ["spawn"]);
    assert_eq!(told.life.restarts(), 0);
}

/// The service notices before the monitor: the dependencies are asked before an end is counted.
#[test]
fn an_end_is_counted_only_after_the_dependencies_were_asked() {
    let mut told = Told::running(needy());
    assert_eq!(told.exit(CRASH), ["ask"]);
    assert_eq!(told.tell(Input::NeedsKnown), ["spawn"]);
    assert_eq!(told.life.restarts(), 1);
    told.tell(Input::Spawned { pid: 8 });
    assert_eq!(told.exit(CRASH), ["ask"]);
    told.lose("main");
    told.tell(Input::NeedsKnown);
    assert_eq!((told.fine(), told.life.restarts()), ("parked", 1));
}

#[test]
fn a_dependency_lost_during_the_backoff_parks() {
    let mut told = Told::running(needy());
    for pid in [8, 9] {
        told.exit(CRASH);
        told.tell(Input::NeedsKnown);
        told.tell(Input::Spawned { pid });
    }
    assert_eq!(told.fine(), "backoff");
    told.lose("main");
    assert_eq!(told.fine(), "parked");
    assert!(told.after(s(10), Input::Elapsed).is_empty());
    assert_eq!(told.meet("main"), ["spawn"], "without the rest of the wait");
}

#[test]
fn two_missing_dependencies_must_both_come_back() {
    let mut told = Told::new(Service { needs: vec!["main".into(), "redis".into()], ..needy() });
    told.lose("main");
    told.lose("redis");
    assert!(told.tell(Input::Wanted).is_empty());
    assert_eq!(told.fine(), "parked");
    let met = Input::NeedMet { name: "redis".into() };
    assert!(told.life.step(met, told.now).is_empty(), "and it does not say that it goes on");
    assert_eq!(told.meet("main"), ["spawn"]);
}

/// S3.7: unhealthy after N failures means a restart, but never while a needed dependency is down.
#[test]
fn unhealthy_restarts_unless_a_dependency_is_to_blame() {
    let unhealthy = || Input::Unhealthy { reason: "503".into() };
    let mut told = Told::running(checked(needy()));
    told.lose("main");
    assert!(told.tell(unhealthy()).is_empty());
    told.meet("main");
    assert_eq!(told.tell(unhealthy()), ["ask"]);
    told.lose("main");
    assert!(told.tell(Input::NeedsKnown).is_empty(), "acquitted");
    told.meet("main");
    assert!(told.tell(Input::NeedsKnown).is_empty(), "a late answer accuses nobody");
    assert_eq!(told.tell(unhealthy()), ["ask"]);
    assert_eq!(told.tell(Input::NeedsKnown), ["signal 15"]);
    assert_eq!(told.exit(Exit::Code(0)), ["spawn"]);
    assert_eq!(told.life.restarts(), 1);
}

/// S3.7: dependencies that answer slowly are not asked anew at every failed check, or nobody would ever know their answer.
#[test]
fn a_question_on_its_way_is_not_asked_again() {
    let unhealthy = || Input::Unhealthy { reason: "503".into() };
    let mut told = Told::running(checked(needy()));
    assert_eq!(told.tell(unhealthy()), ["ask"]);
    assert!(told.tell(unhealthy()).is_empty());
    assert_eq!(told.tell(Input::NeedsKnown), ["signal 15"]);
}

#[test]
fn a_service_that_is_well_again_before_the_answer_goes_on() {
    let unhealthy = || Input::Unhealthy { reason: "503".into() };
    let mut told = Told::running(checked(needy()));
    assert_eq!(told.tell(unhealthy()), ["ask"]);
    assert!(told.tell(Input::Healthy).is_empty());
    assert!(told.tell(Input::NeedsKnown).is_empty());
    assert_eq!(told.fine(), "running");
    assert_eq!(told.tell(unhealthy()), ["ask"], "the next time counts again");
}

#[test]
fn a_service_that_is_never_restarted_is_not_restarted_for_its_health_either() {
    let mut told = Told::running(checked(service(RestartWhen::Never)));
    assert!(told.tell(Input::Unhealthy { reason: "503".into() }).is_empty());
    assert_eq!(told.fine(), "running");
}

#[test]
fn a_check_decides_what_is_ready() {
    let mut told = Told::new(checked(service(RestartWhen::Always)));
    told.tell(Input::Wanted);
    told.tell(Input::Spawned { pid: 7 });
    assert_eq!(told.fine(), "starting");
    assert_eq!(told.after(s(30), Input::Unready { reason: "not ready".into() }), ["signal 15"]);
}

/// S2.7: politeness, grace, `SIGKILL` to the whole group.
#[test]
fn a_stubborn_service_is_killed_after_the_grace() {
    let mut told = Told::running(service(RestartWhen::Always));
    assert_eq!(told.tell(Input::Unwanted), ["signal 15"]);
    assert!(told.after(s(29), Input::Elapsed).is_empty());
    assert_eq!(told.after(s(1), Input::Elapsed), ["kill"]);
    told.exit(Exit::Signal(9));
    assert_eq!(*told.life.state(), State::Stopped);
}

/// The leader may go before the others; they have the rest of the grace.
#[test]
fn the_group_has_the_whole_grace() {
    let mut told = Told::running(service(RestartWhen::Always));
    told.tell(Input::Unwanted);
    told.tell(Input::Exited { exit: Exit::Code(0), left_behind: true });
    assert_eq!(told.fine(), "stopping");
    assert_eq!(told.after(s(30), Input::Elapsed), ["kill"]);
    told.tell(Input::GroupGone);
    assert_eq!(told.fine(), "stopped");
}

#[test]
fn what_a_crash_leaves_behind_is_killed_before_the_next_start() {
    let mut told = Told::running(service(RestartWhen::Always));
    assert_eq!(told.tell(Input::Exited { exit: CRASH, left_behind: true }), ["kill"]);
    assert_eq!(told.tell(Input::GroupGone), ["spawn"]);
    assert_eq!(told.life.restarts(), 1);
}

#[test]
fn what_a_finished_job_leaves_behind_is_killed_and_it_is_done_all_the_same() {
    let mut told = Told::running(service(RestartWhen::Never));
    assert_eq!(told.tell(Input::Exited { exit: Exit::Code(0), left_behind: true }), ["kill"]);
    told.tell(Input::GroupGone);
    assert_eq!(*told.life.state(), State::Done(Exit::Code(0)));
}

#[test]
fn what_survives_sigkill_is_a_failure_and_gets_no_copy_beside_it() {
    let mut told = Told::running(service(RestartWhen::Always));
    told.tell(Input::Exited { exit: CRASH, left_behind: true });
    assert_eq!(told.after(s(10), Input::Elapsed), ["kill"], "still wanted: it is not given up");
    told.tell(Input::Unwanted);
    told.after(s(10), Input::Elapsed);
    assert_eq!(*told.life.state(), State::Failed(Failure::Unkillable { pid: 7, exit: Some(CRASH) }));
}

/// A service whose group survived `SIGKILL` and that was given up, with its leader dead or not.
fn survivor(leader_lives: bool) -> Told {
    let mut told = Told::running(service(RestartWhen::Always));
    if !leader_lives {
        told.tell(Input::Exited { exit: CRASH, left_behind: true });
    }
    told.tell(Input::Unwanted);
    told.tell(Input::Force);
    told.after(s(10), Input::Elapsed);
    let exit = (!leader_lives).then_some(CRASH);
    assert_eq!(*told.life.state(), State::Failed(Failure::Unkillable { pid: 7, exit }));
    assert_eq!(told.life.state().pid(), Some(7), "somebody may live there");
    told
}

/// S1.9: whoever wants it again gets no second copy beside the group that is still there, but the start that was asked for once it is gone.
#[test]
fn what_survived_sigkill_is_started_again_only_when_it_is_gone() {
    for input in [Input::Wanted, Input::Restart] {
        let mut told = survivor(false);
        assert_eq!((told.tell(input.clone()), told.fine()), (vec!["kill".to_owned()], "killing"), "{input:?}");
        assert_eq!(told.after(s(10), Input::Elapsed), ["kill"], "{input:?}: not given up while it is wanted");
        assert_eq!((told.tell(Input::GroupGone), told.life.restarts()), (vec!["spawn".to_owned()], 0), "{input:?}");

        let mut told = survivor(true);
        assert_eq!(told.tell(input.clone()), ["kill"], "{input:?}");
        assert!(told.tell(Input::Exited { exit: Exit::Signal(9), left_behind: true }).is_empty(), "{input:?}");
        assert_eq!(told.tell(Input::GroupGone), ["spawn"], "{input:?}");
    }
}

/// S1.9: what survived `SIGKILL` and is gone at last is stopped, and may be started like any other.
#[test]
fn what_survived_sigkill_and_is_gone_at_last_is_stopped() {
    let mut told = survivor(false);
    told.tell(Input::GroupGone);
    assert_eq!((told.fine(), told.tell(Input::Wanted)), ("stopped", vec!["spawn".to_owned()]));
    let mut told = survivor(true);
    told.exit(Exit::Signal(9));
    assert_eq!((told.fine(), told.life.last_exit()), ("stopped", Some(Exit::Signal(9))));
    let mut told = survivor(true);
    told.tell(Input::Exited { exit: Exit::Signal(9), left_behind: true });
    assert_eq!(told.fine(), "failed", "others of its group are there still");
    told.tell(Input::GroupGone);
    assert_eq!((told.fine(), told.tell(Input::Restart)), ("stopped", vec!["spawn".to_owned()]));
}

#[test]
fn a_second_stop_forces() {
    let mut told = Told::running(service(RestartWhen::Always));
    assert_eq!(told.tell(Input::Unwanted), ["signal 15"]);
    assert_eq!(told.tell(Input::Force), ["kill"]);
    assert!(told.tell(Input::Force).is_empty(), "once is enough");
}

/// S1.9: a restart on request is not a crash; without its dependency it goes through the gate.
#[test]
fn a_restart_on_request_is_not_counted() {
    let mut told = Told::running(needy());
    assert_eq!(told.tell(Input::Restart), ["signal 15"]);
    assert_eq!(told.exit(Exit::Signal(15)), ["spawn"]);
    told.tell(Input::Spawned { pid: 8 });
    told.lose("main");
    told.tell(Input::Restart);
    assert!(told.exit(Exit::Signal(15)).is_empty());
    assert_eq!((told.fine(), told.life.restarts()), ("parked", 0));
}

#[test]
fn a_restart_on_request_starts_what_has_ended() {
    let mut told = Told::running(service(RestartWhen::Never));
    told.exit(CRASH);
    assert_eq!(told.tell(Input::Restart), ["spawn"]);
}

#[test]
fn a_missing_program_fails_at_once_and_a_vanished_one_is_waited_for() {
    let missing = || Input::SpawnFailed { reason: "not found".into(), permanent: true };
    let mut told = Told::new(service(RestartWhen::Always));
    told.tell(Input::Wanted);
    assert!(told.tell(missing()).is_empty());
    assert_eq!(told.fine(), "failed");
    let mut told = Told::running(service(RestartWhen::Always));
    assert_eq!(told.exit(CRASH), ["spawn"]);
    told.tell(missing());
    assert_eq!(told.fine(), "backoff");
}

#[test]
fn a_start_waits_for_those_before_it() {
    let after = || Service { after: vec!["seed".into(), "db".into()], ..service(RestartWhen::Always) };
    let mut told = Told::new(after());
    assert!(told.tell(Input::Wanted).is_empty());
    assert_eq!(told.life.reason().as_deref(), Some("waits for `db` and 1 service more to be ready"));
    assert!(told.tell(Input::AfterReady { name: "db".into() }).is_empty());
    assert_eq!(told.tell(Input::AfterReady { name: "seed".into() }), ["spawn"]);
    let mut told = Told::new(after());
    told.tell(Input::Wanted);
    told.tell(Input::AfterReady { name: "db".into() });
    told.tell(Input::AfterFailed { name: "seed".into() });
    assert_eq!(told.life.reason().as_deref(), Some("it starts after `seed`, which failed"));
    assert_eq!(told.tell(Input::AfterReady { name: "seed".into() }), ["spawn"], "mended after all");
}

/// S2.12: the start delay holds up the first start only.
#[test]
fn the_start_delay_is_for_the_first_start() {
    let mut told = Told::new(Service { start_delay: s(5), ..service(RestartWhen::Always) });
    assert!(told.tell(Input::Wanted).is_empty());
    assert_eq!(told.due_in(), Some(s(5)));
    assert_eq!(told.after(s(5), Input::Elapsed), ["spawn"]);
    told.tell(Input::Spawned { pid: 7 });
    assert_eq!(told.exit(CRASH), ["spawn"]);
}

#[test]
fn a_stop_while_it_is_being_spawned_is_not_forgotten() {
    let mut told = Told::new(service(RestartWhen::Always));
    told.tell(Input::Wanted);
    assert!(told.tell(Input::Unwanted).is_empty());
    assert_eq!(told.tell(Input::Spawned { pid: 7 }), ["signal 15"]);
}

/// A world with one process in it, as the driver keeps it.
#[derive(Clone, Debug, Default)]
struct World {
    /// Somebody of the group lives; and its leader, too.
    group: bool,
    leader: bool,
    wanted: bool,
    unmet: BTreeSet<String>,
    spawns: bool,
}

fn inputs() -> impl Strategy<Value = Input> {
    let name = prop_oneof![Just("main".to_owned()), Just("redis".to_owned())];
    let reason = || "because".to_owned();
    let exit = prop_oneof![Just(Exit::Code(0)), Just(CRASH), Just(Exit::Signal(9))];
    prop_oneof![
        Just(Input::Wanted),
        Just(Input::Unwanted),
        Just(Input::Force),
        Just(Input::Restart),
        name.clone().prop_map(move |name| Input::NeedLost { name, reason: reason() }),
        name.prop_map(|name| Input::NeedMet { name }),
        Just(Input::NeedsKnown),
        Just(Input::AfterReady { name: "seed".into() }),
        Just(Input::AfterFailed { name: "seed".into() }),
        (exit, any::<bool>()).prop_map(|(exit, left_behind)| Input::Exited { exit, left_behind }),
        Just(Input::GroupGone),
        Just(Input::Ready),
        Just(Input::Unready { reason: reason() }),
        Just(Input::Unhealthy { reason: reason() }),
        Just(Input::Elapsed),
    ]
}

impl World {
    /// Can this happen now?
    fn allows(&self, input: &Input) -> bool {
        match input {
            Input::Exited { .. } | Input::Ready | Input::Unready { .. } | Input::Unhealthy { .. } => self.leader,
            Input::GroupGone => self.group && !self.leader,
            _ => true,
        }
    }

    fn happens(&mut self, input: &Input) {
        match input {
            Input::Wanted | Input::Restart => self.wanted = true,
            Input::Unwanted | Input::Force => self.wanted = false,
            Input::NeedLost { name, .. } => drop(self.unmet.insert(name.clone())),
            Input::NeedMet { name } => drop(self.unmet.remove(name)),
            Input::Fenced { .. } => drop(self.unmet.insert(FENCE.to_owned())),
            Input::Exited { left_behind, .. } => (self.leader, self.group) = (false, *left_behind),
            Input::GroupGone => self.group = false,
            _ => {}
        }
    }

    /// Feeds `input` and all that follows from it, and checks every effect.
    fn feed(&mut self, life: &mut Life, input: Input, now: Instant) {
        let (restarts, lacking) = (life.restarts(), !self.unmet.is_empty());
        self.happens(&input);
        let mut next = Some(input);
        while let Some(input) = next.take() {
            for effect in life.step(input, now) {
                match effect {
                    Effect::Spawn => {
                        assert!(!self.group, "two copies");
                        assert!(self.wanted, "spawned though unwanted");
                        assert!(self.unmet.is_empty(), "spawned without {:?}", self.unmet);
                        assert!(next.is_none(), "spawned twice");
                        (self.group, self.leader) = (self.spawns, self.spawns);
                        next = Some(match self.spawns {
                            true => Input::Spawned { pid: 7 },
                            false => Input::SpawnFailed { reason: "again".into(), permanent: false },
                        });
                    }
                    Effect::Signal(_) | Effect::Kill => assert!(self.group, "a signal to nobody"),
                    Effect::AskNeeds => assert!(self.unmet.is_empty(), "asked though known"),
                    Effect::Note(event) => assert!(event.text.starts_with("api "), "{event:?}"),
                }
            }
        }
        assert!(
            restarts == life.restarts() || !lacking || self.unmet.is_empty(),
            "counted while a dependency was down"
        );
        self.check(life);
    }

    fn check(&self, life: &Life) {
        let state = life.state();
        assert_ne!(*state, State::Spawning, "the driver answers at once");
        assert_eq!(state.pid().is_some(), self.group, "{state:?} {self:?}");
        assert!(self.wanted || state.pid().is_some() || state.is_over(), "unwanted and {state:?}");
    }
}

const FRUGAL: Budget = Budget { times: 3, within: Duration::from_secs(60) };

fn lives() -> impl Strategy<Value = Service> {
    let when = prop_oneof![Just(RestartWhen::Always), Just(RestartWhen::OnFailure), Just(RestartWhen::Never)];
    (when, any::<[bool; 5]>()).prop_map(|(when, [needs, after, health, delay, frugal])| {
        let mut service = service(when);
        service.restart.budget = frugal.then_some(FRUGAL);
        let service = if health { checked(service) } else { service };
        Service {
            needs: if needs { vec!["main".into(), "redis".into()] } else { Vec::new() },
            after: if after { vec!["seed".into()] } else { Vec::new() },
            start_delay: if delay { s(5) } else { Duration::ZERO },
            ..service
        }
    })
}

proptest! {
    /// Whatever happens: never two copies, never started unwanted or without what it needs, nobody signalled who is not
    /// there; and from everywhere a stop leads to an end.
    #[test]
    fn whatever_happens(
        service in lives(),
        story in proptest::collection::vec((inputs(), 0u64..40, any::<bool>()), 0..60),
    ) {
        let mut told = Told::new(service);
        let mut world = World::default();
        for (input, wait, spawns) in story {
            told.now += s(wait);
            world.spawns = spawns;
            let input = if world.allows(&input) { input } else { Input::Elapsed };
            world.feed(&mut told.life, input, told.now);
        }
        world.feed(&mut told.life, Input::Unwanted, told.now);
        // A stubborn world: it dies of SIGKILL only.
        for _ in 0..2 {
            if let Some(due) = told.life.state().due() {
                told.now = due;
                if matches!(told.life.state(), State::Killing(_)) && world.leader {
                    world.feed(&mut told.life, Input::Exited { exit: Exit::Signal(9), left_behind: true }, told.now);
                } else if matches!(told.life.state(), State::Killing(_)) && world.group {
                    world.feed(&mut told.life, Input::GroupGone, told.now);
                } else {
                    world.feed(&mut told.life, Input::Elapsed, told.now);
                }
            }
        }
        if world.group && !world.leader {
            world.feed(&mut told.life, Input::GroupGone, told.now);
        }
        prop_assert!(told.life.state().is_over(), "{:?}", told.life.state());
    }

    /// Issue 4, item 1: in no span of its budget is a service started again more often than that says, unless somebody asks.
    #[test]
    fn no_budget_is_ever_exceeded(
        story in proptest::collection::vec((inputs(), 0u64..20), 0..80),
    ) {
        let service = service(RestartWhen::Always);
        let mut told = Told::new(Service { restart: Restart { budget: Some(FRUGAL), ..service.restart }, ..needy() });
        let (mut counted, mut before) = (Vec::new(), 0);
        for (input, wait) in story {
            if input == Input::Restart {
                counted.clear();
            }
            told.after(s(wait), input);
            told.tell(Input::Spawned { pid: 7 });
            if told.life.restarts() > before {
                counted.push(told.now);
            }
            before = told.life.restarts();
            counted.retain(|at| told.now - *at < FRUGAL.within);
            prop_assert!(counted.len() <= FRUGAL.times as usize, "{counted:?}");
        }
    }

    /// Inputs that cannot be, in any order, harm nobody either.
    #[test]
    fn nonsense_is_harmless(service in lives(), story in proptest::collection::vec(inputs(), 0..60)) {
        let mut told = Told::new(service);
        for input in story {
            told.after(s(1), input);
            told.tell(Input::Spawned { pid: 7 });
        }
    }
}
