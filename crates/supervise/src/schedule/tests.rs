//! The lives of jobs, as tables and as properties.

mod model;

use super::*;
use config::{Job, Overlap, Rhythm, Stop};
use host::process::Exit;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use retry::Backoff;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::Instant;

const BEGIN: &str = "2026-11-24T00:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn job(every: u64) -> Job {
    Job {
        name: "job".into(),
        rhythm: Rhythm::Every(Duration::from_secs(every)),
        argv: vec!["job".into()],
        cwd: "/".into(),
        env: BTreeMap::new(),
        needs: Vec::new(),
        overlap: Overlap::Skip,
        catch_up: true,
        timeout: None,
        retries: 0,
        backoff: Backoff::doubling(Duration::from_secs(10), Duration::from_secs(60)),
        single: None,
        ping_success: None,
        ping_failure: None,
        stop: Stop { signal: 15, grace: Duration::from_secs(30) },
    }
}

/// A world in which everything is as the test says; it answers for the driver.
struct World {
    life: JobLife,
    wall: Timestamp,
    instant: Instant,
    /// What the needs are like.
    needs: Result<(), String>,
    lock: Result<(), NoLock>,
    told: Vec<String>,
    taken: Vec<Taken>,
    begun: Vec<Timestamp>,
    alive: usize,
    most_alive: usize,
}

impl World {
    fn new(job: Job) -> Self {
        let (wall, life) = (at(BEGIN), JobLife::new(Arc::new(job), at(BEGIN)));
        let (told, taken, begun) = (Vec::new(), Vec::new(), Vec::new());
        let (instant, needs, lock) = (Instant::now(), Ok(()), Ok(()));
        Self { life, wall, instant, needs, lock, told, taken, begun, alive: 0, most_alive: 0 }
    }

    fn feed(&mut self, input: Input) {
        if matches!(input, Input::Exited(_)) {
            self.alive -= 1;
        }
        let effects = self.life.step(input, Now { wall: self.wall, at: self.instant });
        for effect in effects {
            match effect {
                Effect::AskNeeds => self.feed(Input::NeedsKnown(self.needs.clone())),
                Effect::TakeLock => self.feed(Input::Locked(self.lock.clone())),
                Effect::Spawn(plan) => {
                    self.begun.push(plan.due);
                    self.alive += 1;
                    self.most_alive = self.most_alive.max(self.alive);
                    self.feed(Input::Spawned(7));
                }
                Effect::Signal(signal) => self.told.push(format!("signal {signal}")),
                Effect::Kill => self.told.push("kill".into()),
                Effect::Ping(success) => self.told.push(format!("ping {success}")),
                Effect::Record(record) => self.told.push(format!("{} {}", record.result, record.attempts)),
                Effect::Note(event) => self.told.push(event.name.to_owned()),
                Effect::Taken(how) => self.taken.push(how),
                Effect::Unlock | Effect::Save => {}
            }
        }
    }

    /// Both clocks go on, and everything comes when it is due.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.wall += SignedDuration::from_secs(1);
            self.instant += Duration::from_secs(1);
            if self.life.next_due().is_some_and(|due| due <= self.wall) {
                self.feed(Input::Clock);
            }
            if self.life.next_elapse().is_some_and(|due| due <= self.instant) {
                self.feed(Input::Elapsed);
            }
        }
    }

    /// The calendar jumps, as after a sleep of the machine or when somebody sets it.
    fn jump(&mut self, seconds: i64) {
        self.wall += SignedDuration::from_secs(seconds);
        self.feed(Input::Clock);
    }

    fn exit(&mut self, code: i32) {
        self.feed(Input::Exited(Exit::Code(code)));
    }

    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}

#[test]
fn a_run_from_its_due_time_to_its_end() {
    let mut world = World::new(job(60));
    world.pass(59);
    assert!(world.told().is_empty());
    world.pass(1);
    assert_eq!(world.told(), ["schedule.due", "schedule.started"]);
    world.exit(0);
    assert_eq!(world.told(), ["schedule.done", "done 1", "ping true"]);
    assert_eq!(
        (world.begun.as_slice(), world.life.through()),
        ([at("2026-11-24T00:01:00Z")].as_slice(), at("2026-11-24T00:01:00Z"))
    );
}

/// S2.15: while the one before is at work, a run is left out, follows, or takes its place.
#[test]
fn overlaps() {
    let with = |overlap| {
        let mut world = World::new(Job { overlap, ..job(60) });
        world.pass(60);
        world.pass(120);
        world
    };
    let mut skip = with(Overlap::Skip);
    skip.exit(0);
    assert_eq!((skip.begun.len(), skip.life.phase()), (1, &Phase::Idle));
    assert_eq!(skip.life.through(), at("2026-11-24T00:03:00Z"), "what was left out is not made up for");

    let mut queue = with(Overlap::Queue);
    queue.exit(0);
    assert_eq!(queue.begun, [at("2026-11-24T00:01:00Z"), at("2026-11-24T00:03:00Z")], "one at most waits");

    let mut replace = with(Overlap::Replace);
    let told = replace.told();
    assert!(told.contains(&"signal 15".to_owned()) && told.contains(&"kill".to_owned()), "{told:?}");
    assert_eq!(replace.begun.len(), 1, "nothing begins before the other one is gone");
    replace.exit(137);
    assert!(replace.told().contains(&"replaced 1".to_owned()));
    assert_eq!((replace.begun.len(), replace.most_alive), (2, 1));
}

/// S2.7, S2.15: what takes too long is stopped politely, then killed, and has failed.
#[test]
fn a_run_that_takes_too_long() {
    let mut world = World::new(Job { timeout: Some(Duration::from_secs(5)), ..job(3600) });
    world.pass(3600);
    world.told();
    world.pass(5);
    assert_eq!(world.told(), ["schedule.timeout", "signal 15"]);
    world.pass(30);
    assert_eq!(world.told(), ["schedule.killed", "kill"]);
    world.feed(Input::Exited(Exit::Signal(9)));
    assert_eq!(world.told(), ["schedule.failed", "failed 1", "ping false"]);
}

#[test]
fn a_run_that_fails_is_tried_again_with_growing_pauses() {
    let mut world = World::new(Job { retries: 2, ..job(3600) });
    world.pass(3600);
    world.exit(1);
    world.pass(9);
    assert_eq!(world.begun.len(), 1);
    world.pass(1);
    assert_eq!(world.begun.len(), 2);
    world.exit(1);
    world.pass(20);
    assert_eq!(world.begun.len(), 3);
    world.told();
    world.exit(1);
    assert_eq!(world.told(), ["schedule.failed", "failed 3", "ping false"], "one verdict for all tries");
    world.pass(300);
    assert_eq!(world.begun.len(), 3);
}

/// S2.15: gated on what it needs, and run once when that is back.
#[test]
fn a_run_waits_for_what_it_needs() {
    let mut world = World::new(Job { needs: vec!["main".into()], ..job(60) });
    world.needs = Err("refused".into());
    world.pass(600);
    assert_eq!(world.begun.len(), 0);
    assert_eq!(world.told().iter().filter(|it| *it == "schedule.waiting").count(), 1, "told once");
    assert_eq!(world.life.through(), at(BEGIN), "after a restart it is made up for");
    world.needs = Ok(());
    world.feed(Input::NeedMet("other".into()));
    assert_eq!(world.begun.len(), 0);
    world.feed(Input::NeedMet("main".into()));
    assert_eq!(world.begun, [at("2026-11-24T00:10:00Z")]);
}

/// One that was asked for and waits stands for what is due meanwhile.
#[test]
fn a_run_that_was_asked_for_takes_a_due_time_with_it() {
    let mut world = World::new(Job { needs: vec!["main".into()], ..job(60) });
    world.needs = Err("refused".into());
    world.feed(Input::RunNow);
    world.pass(60);
    world.feed(Input::RunNow);
    world.needs = Ok(());
    world.feed(Input::NeedMet("main".into()));
    assert_eq!((world.begun.len(), world.life.through()), (1, at("2026-11-24T00:01:00Z")));
}

#[test]
fn without_news_it_asks_by_itself() {
    let mut world = World::new(Job { needs: vec!["main".into()], ..job(3600) });
    world.needs = Err("refused".into());
    world.pass(3700);
    world.needs = Ok(());
    world.pass(30);
    assert_eq!(world.begun.len(), 1);
}

#[test]
fn somebody_else_runs_it() {
    let mut world = World::new(job(60));
    world.lock = Err(NoLock::Held("another host runs it".into()));
    world.pass(60);
    assert_eq!(world.told(), ["schedule.due", "schedule.skipped", "skipped 0"]);
    assert_eq!(world.life.through(), at("2026-11-24T00:01:00Z"));
    world.lock = Err(NoLock::Unknown("refused".into()));
    world.pass(60);
    assert!(world.told().contains(&"schedule.waiting".to_owned()));
    world.lock = Ok(());
    world.pass(30);
    assert_eq!(world.begun.len(), 1);
}

/// S2.15: the machine slept, or somebody set its clock.
#[test]
fn jumps_of_the_clock() {
    let mut world = World::new(job(3600));
    world.jump(10 * 3600 + 1800);
    assert_eq!(world.told()[0], "schedule.caught-up");
    world.exit(0);
    assert_eq!(world.begun, [at("2026-11-24T10:00:00Z")], "once for all that was missed");
    world.jump(-5 * 3600);
    world.pass(5 * 3600 - 1);
    assert_eq!(world.begun.len(), 1, "nothing that was run comes again");
    world.pass(3600);
    assert_eq!(world.begun.len(), 2);
    world.exit(0);
    // A year ahead by mistake, and back.
    world.jump(370 * 86_400);
    world.exit(0);
    world.told();
    world.jump(-370 * 86_400);
    assert_eq!(world.told(), ["schedule.clock-back"]);
    world.pass(3600);
    assert_eq!(world.begun.len(), 4);
}

#[test]
fn what_was_missed_need_not_be_made_up_for() {
    let mut world = World::new(Job { catch_up: false, ..job(3600) });
    world.jump(10 * 3600 + 1800);
    assert_eq!(world.told(), ["schedule.skipped"]);
    assert_eq!((world.begun.len(), world.life.through()), (0, at("2026-11-24T10:00:00Z")));
    world.pass(1800);
    assert_eq!(world.begun.len(), 1);
}

/// S2.7
#[test]
fn the_end_of_everything() {
    let mut world = World::new(Job { overlap: Overlap::Queue, retries: 3, ..job(60) });
    world.pass(120);
    world.told();
    world.feed(Input::Stop);
    assert_eq!(world.told(), ["schedule.stopping", "signal 15"]);
    world.exit(1);
    assert_eq!(world.told(), ["schedule.stopped", "stopped 1"], "nothing queued, nothing tried again, nobody told");
    world.pass(600);
    world.feed(Input::RunNow);
    assert_eq!((world.begun.len(), world.life.next_due()), (1, None));
}

/// S2.15: whoever asks for a run is told how that was taken, by the overlap policy.
#[test]
fn a_request_is_taken_by_the_overlap_policy() {
    for (overlap, wanted) in
        [(Overlap::Skip, Taken::Skipped), (Overlap::Queue, Taken::Queued), (Overlap::Replace, Taken::Replaces)]
    {
        let mut world = World::new(Job { overlap, ..job(3600) });
        world.feed(Input::RunNow);
        world.feed(Input::RunNow);
        assert_eq!(world.taken, [Taken::Begins, wanted], "{overlap:?}");
        world.feed(Input::Stop);
        world.feed(Input::RunNow);
        assert_eq!(world.taken.len(), 2, "{overlap:?}: nothing begins any more");
    }
    let mut world = World::new(Job { needs: vec!["main".into()], ..job(3600) });
    world.needs = Err("refused".into());
    world.feed(Input::RunNow);
    world.feed(Input::RunNow);
    assert_eq!(world.taken, [Taken::Begins, Taken::Joins]);
}

/// Item 5: other rules count for what begins from now on, and nothing of another rhythm was missed.
#[test]
fn other_rules_leave_the_run_at_work_alone() {
    let mut world = World::new(Job { retries: 1, ..job(60) });
    world.pass(60);
    world.told();
    world.feed(Input::Rules(Arc::new(Job { retries: 1, overlap: Overlap::Queue, ..job(45) })));
    assert_eq!((world.alive, world.told()), (1, Vec::<String>::new()));
    world.pass(45);
    world.exit(0);
    assert_eq!(world.begun, [at("2026-11-24T00:01:00Z"), at("2026-11-24T00:01:30Z")]);
    world.exit(0);
    world.told();
    // Retired, it comes to its end and is not tried again; configured anew, it is run again.
    world.pass(45);
    world.told();
    world.feed(Input::Retire);
    assert_eq!((world.alive, world.told(), world.life.next_due()), (1, vec![], None));
    world.exit(1);
    assert_eq!(world.told(), ["schedule.failed", "failed 1", "ping false"]);
    world.pass(600);
    assert_eq!(world.begun.len(), 3);
    world.feed(Input::Rules(Arc::new(job(30))));
    world.pass(30);
    assert_eq!(world.begun.len(), 4);
}

#[test]
fn off_is_never_due() {
    let mut world = World::new(Job { rhythm: Rhythm::Off, ..job(60) });
    world.jump(1_000_000);
    assert_eq!((world.begun.len(), world.life.next_due()), (0, None));
    world.feed(Input::RunNow);
    assert_eq!(world.begun.len(), 1, "it can be run by hand all the same");
}

#[test]
fn the_book_knows_what_was_at_work_and_whether_the_rhythm_is_the_same() {
    let dir = testkit::TempDir::new();
    let path = dir.path().join("schedule.json");
    let mut book = Book::load(&path).unwrap();
    assert_eq!(book.open(&job(60), at(BEGIN)), (at(BEGIN), None));
    let due = at("2026-11-24T00:01:00Z");
    book.jobs.get_mut("job").unwrap().running = Some(Running { due, why: Why::Due, started: due, attempt: 1 });
    book.save(&path).unwrap();
    let later = at("2026-11-25T00:00:00Z");
    let mut book = Book::load(&path).unwrap();
    assert_eq!(book.open(&job(60), later), (at(BEGIN), Some(due)));
    assert_eq!(book.jobs["job"].runs[0].result, RunResult::Lost);
    assert_eq!(book.open(&job(61), later), (later, None), "with another rhythm nothing was missed");
    dir.write("schedule.json", r#"{"version":9,"jobs":{}}"#);
    assert!(matches!(Book::load(&path), Err(BookError::Version { version: 9, .. })));
    dir.write("schedule.json", "{");
    assert!(matches!(Book::load(&path), Err(BookError::Damaged { .. })));
}

/// A file as the first released version wrote it can be read for ever.
#[test]
fn version_1_is_read() {
    let dir = testkit::TempDir::new();
    let path = dir.write(
        "schedule.json",
        r#"{"version":1,"jobs":{"retrain":{"rhythm":"0 3 * * * UTC","through":"2026-11-24T03:00:00Z",
        "running":{"due":"2026-11-24T03:00:00Z","why":"due","started":"2026-11-24T03:00:00.1Z","attempt":2},
        "runs":[{"due":"2026-11-23T03:00:00Z","why":"caught-up","started":"2026-11-23T07:00:00Z","ended":"2026-11-23T07:01:00Z",
        "result":"failed","reason":"exit code 1","code":1,"attempts":3}]}}}"#,
    );
    let book = Book::load(&path).unwrap();
    assert_eq!(book.jobs["retrain"].runs[0].took(), Some(Duration::from_secs(60)));
    assert_eq!(book.jobs["retrain"].running.as_ref().unwrap().attempt, 2);
}

#[derive(Clone, Debug)]
enum Move {
    Pass(u64),
    Jump(i64),
    Exit(i32),
    Needs(bool),
    Lock(u8),
    RunNow,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        5 => (1u64..200).prop_map(Move::Pass),
        1 => (-40_000i64..100_000).prop_map(Move::Jump),
        4 => (0..3i32).prop_map(Move::Exit),
        1 => any::<bool>().prop_map(Move::Needs),
        1 => (0..3u8).prop_map(Move::Lock),
        1 => Just(Move::RunNow),
    ];
    prop::collection::vec(one, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    /// Whatever happens: never two copies, no due time begins twice but for its own tries, and everything ends when told to.
    #[test]
    fn never_two_and_each_due_time_once(moves in moves(), overlap in 0..3usize, retries in 0u32..3, every in 1u64..100, catch_up: bool) {
        let overlap = [Overlap::Skip, Overlap::Queue, Overlap::Replace][overlap];
        let timeout = Some(Duration::from_secs(40));
        let mut world = World::new(Job { overlap, retries, catch_up, timeout, needs: vec!["main".into()], ..job(every) });
        let mut asked = 0;
        for step in moves {
            match step {
                Move::Pass(seconds) => world.pass(seconds),
                Move::Jump(seconds) => world.jump(seconds),
                Move::Exit(code) if world.alive > 0 => world.exit(code),
                Move::Exit(_) => {}
                Move::Needs(there) => {
                    world.needs = if there { Ok(()) } else { Err("down".into()) };
                    world.feed(Input::NeedMet("main".into()));
                }
                Move::Lock(0) => world.lock = Ok(()),
                Move::Lock(1) => world.lock = Err(NoLock::Held("other".into())),
                Move::Lock(_) => world.lock = Err(NoLock::Unknown("down".into())),
                Move::RunNow => {
                    asked += 1;
                    world.feed(Input::RunNow);
                }
            }
        }
        prop_assert!(world.most_alive <= 1, "{:?}", world.told);
        let mut count = BTreeMap::new();
        world.begun.iter().for_each(|due| *count.entry(*due).or_insert(0u32) += 1);
        // One that was asked for bears the time at which it was, which may be a due time as well.
        prop_assert!(count.values().all(|times| *times <= (retries + 1) * (1 + asked)), "{:?}", count);
        if asked == 0 && retries == 0 {
            prop_assert!(count.values().all(|times| *times == 1), "{:?}", count);
        }
        world.feed(Input::Stop);
        world.pass(100);
        if world.alive > 0 {
            world.exit(0);
        }
        prop_assert_eq!(world.life.phase(), &Phase::Idle);
        prop_assert_eq!(world.alive, 0);
    }
}
