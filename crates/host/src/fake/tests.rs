use super::*;
use crate::{
    Clock, Env,
    process::{Child, Command, Exit, Limits, Output, Spawner},
};
use std::time::{Duration, SystemTime};
use tokio::{
    io::AsyncReadExt,
    time::{Instant, sleep, timeout},
};

const SECOND: Duration = Duration::from_secs(1);

fn spawn(spawner: &FakeSpawner, program: &str) -> std::io::Result<Box<dyn Child>> {
    let argv = vec![program.to_owned()];
    let (env, listeners, output, mark) = (Env::new(), Vec::new(), Output::Piped, None);
    spawner.spawn(&Command { argv, cwd: "/".into(), env, listeners, output, mark, limits: Limits::default() })
}

#[tokio::test(start_paused = true)]
async fn lives_are_handed_out_in_order_and_the_last_repeats() {
    let spawner =
        FakeSpawner::new([Life::Ends(SECOND, Exit::Code(1)), Life::NotFound]).program("other", [Life::Stubborn]);
    let started = Instant::now();
    let mut first = spawn(&spawner, "api").unwrap();
    assert_eq!((first.wait().await.unwrap(), started.elapsed()), (Exit::Code(1), SECOND));
    assert!(spawn(&spawner, "api").is_err() && spawn(&spawner, "api").is_err());
    assert!(spawn(&spawner, "other").is_ok());
    assert_eq!(spawner.spawned().len(), 2);
    assert_eq!(spawner.alive(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_server_takes_its_time_and_a_stubborn_one_is_killed() {
    let spawner = FakeSpawner::new([Life::Serves(3 * SECOND), Life::Stubborn]);
    let (mut polite, mut stubborn) = (spawn(&spawner, "a").unwrap(), spawn(&spawner, "a").unwrap());
    let started = Instant::now();
    polite.signal(15).unwrap();
    assert_eq!((polite.wait().await.unwrap(), started.elapsed()), (Exit::Code(0), 3 * SECOND));
    stubborn.signal(15).unwrap();
    assert!(timeout(60 * SECOND, stubborn.wait()).await.is_err());
    stubborn.signal(9).unwrap();
    assert_eq!(stubborn.wait().await.unwrap(), Exit::Signal(9));
    assert_eq!(
        spawner.signals().iter().map(|sent| (sent.pid, sent.signal)).collect::<Vec<_>>(),
        [(1, 15), (2, 15), (2, 9)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_kill_comes_before_a_later_end() {
    let spawner = FakeSpawner::new([Life::Serves(60 * SECOND)]);
    let mut child = spawn(&spawner, "a").unwrap();
    child.signal(15).unwrap();
    let crash = spawner.clone();
    tokio::spawn(async move {
        sleep(SECOND).await;
        crash.end(1, Exit::Signal(11));
    });
    let started = Instant::now();
    assert_eq!((child.wait().await.unwrap(), started.elapsed()), (Exit::Signal(11), SECOND));
}

#[tokio::test(start_paused = true)]
async fn what_is_left_behind_heeds_only_kill() {
    let spawner = FakeSpawner::new([Life::Leaves(SECOND, Exit::Code(0))]);
    let mut child = spawn(&spawner, "a").unwrap();
    child.wait().await.unwrap();
    child.signal(15).unwrap();
    assert!(child.group_alive());
    child.signal(9).unwrap();
    assert!(!child.group_alive());
}

#[tokio::test(start_paused = true)]
async fn lines_are_printed() {
    let spawner = FakeSpawner::new([Life::Prints(vec!["one".into(), "two".into()])]);
    let mut child = spawn(&spawner, "a").unwrap();
    let mut text = String::new();
    child.take_output().unwrap().stdout.read_to_string(&mut text).await.unwrap();
    assert_eq!((text.as_str(), child.wait().await.unwrap()), ("one\ntwo\n", Exit::Code(0)));
}

#[test]
fn the_calendar_moves_by_hand() {
    let clock = FixedClock::new(SystemTime::UNIX_EPOCH);
    clock.clone().advance(SECOND);
    assert_eq!(clock.now(), SystemTime::UNIX_EPOCH + SECOND);
    clock.set(SystemTime::UNIX_EPOCH);
    assert_eq!(clock.now(), SystemTime::UNIX_EPOCH);
}
