//! Scripted lives on paused time: hours pass in milliseconds.

mod support;

use config::Service;
use host::{
    Pending,
    fake::{FakeSpawner, Life},
    process::{Child, Command, Exit, Pipes, Spawner},
};
use std::{io, time::Duration};
use supervise::{Need, Word};
use support::{Stage, after, checked, ms, needing, once, s, service};
use tokio::{
    io::{AsyncWriteExt, duplex, empty},
    time::{Instant, sleep},
};

const CRASH: Exit = Exit::Code(1);
const HOUR: u64 = 3600;

fn stage(services: Vec<Service>, lives: impl IntoIterator<Item = Life>) -> (Stage, FakeSpawner) {
    let spawner = FakeSpawner::new(lives);
    let mut stage = Stage::set(services, spawner.clone());
    // Nothing waits really.
    stage.limit = s(1000 * HOUR);
    (stage, spawner)
}

fn started(services: Vec<Service>, lives: impl IntoIterator<Item = Life>) -> (Stage, FakeSpawner) {
    let (mut stage, spawner) = stage(services, lives);
    stage.start();
    (stage, spawner)
}

fn spawns(spawner: &FakeSpawner) -> usize {
    spawner.spawned().len()
}

fn signals(spawner: &FakeSpawner) -> Vec<i32> {
    spawner.signals().iter().map(|sent| sent.signal).collect()
}

fn api() -> Service {
    service("api", &["./api"])
}

fn down() -> Need {
    Need::Down { reason: "connection refused".into() }
}

/// A polite server that takes `millis` to stop.
fn serves(millis: u64) -> Life {
    Life::Serves(ms(millis))
}

/// A day of crash-looping costs no time and backs off to the cap.
#[tokio::test(start_paused = true)]
async fn a_day_of_crashing_costs_no_time() {
    let (mut stage, spawner) = started(vec![api()], [Life::Ends(ms(100), CRASH)]);
    sleep(s(24 * HOUR)).await;
    stage.stop().await;
    // At once, then 1+2+4+8+16, then every 30.1 s.
    assert!((2860..2890).contains(&spawns(&spawner)), "{}", spawns(&spawner));
}

/// One hour without the database, on the defaults: no restart is counted, and the service is started the moment that
/// the database is back.
#[tokio::test(start_paused = true)]
async fn an_outage_of_an_hour_counts_nothing() {
    let (mut stage, spawner) =
        started(vec![needing("main", api())], [Life::Ends(s(120), CRASH), Life::Ends(s(1), CRASH), serves(10)]);
    stage.until_fine("api", "running").await;
    stage.handle.need("main", down());
    stage.until("api", |status| status.word == Word::Parked).await;
    assert_eq!(stage.status("api").reason.as_deref(), Some("needs `main`, which is down: connection refused"));
    sleep(s(HOUR)).await;
    assert_eq!(spawns(&spawner), 1);
    // It comes back, goes again one second later, and comes back for good.
    for _ in 0..2 {
        let back = Instant::now();
        stage.handle.need("main", Need::Met);
        stage.until_fine("api", "running").await;
        assert!(back.elapsed() <= ms(10), "{:?}", back.elapsed());
        stage.handle.need("main", down());
        sleep(s(HOUR)).await;
    }
    assert_eq!((spawns(&spawner), stage.status("api").restarts), (3, 0));
    assert_eq!(stage.status("api").word, Word::Active, "the last one goes on without the database");
    stage.stop().await;
}

/// The service notices before any monitor does: it is asked about, parked, asked again now and then, and started.
#[tokio::test(start_paused = true)]
async fn an_outage_that_nobody_told_of_counts_nothing_either() {
    let (mut stage, spawner) = started(vec![needing("main", api())], [Life::Ends(s(120), CRASH), serves(10)]);
    stage.until_fine("api", "running").await;
    stage.answers.need_with(Err("the database system is starting up"));
    stage.until_fine("api", "parked").await;
    sleep(s(HOUR)).await;
    let asked = stage.answers.needs();
    assert!((1700..1900).contains(&asked), "about every two seconds: {asked}");
    stage.answers.need_with(Ok(()));
    let back = Instant::now();
    stage.until_fine("api", "running").await;
    assert!(back.elapsed() <= s(2), "{:?}", back.elapsed());
    assert_eq!((spawns(&spawner), stage.status("api").restarts), (2, 0));
    assert_eq!(stage.recorder.names().iter().filter(|name| **name == "service.parked").count(), 1);
    stage.stop().await;
}

/// Once the monitor has told, the supervisor asks no more: the monitor knows better.
#[tokio::test(start_paused = true)]
async fn what_the_monitor_tells_ends_our_own_questions() {
    let (mut stage, _) = started(vec![needing("main", api())], [Life::Ends(s(120), CRASH), serves(10)]);
    stage.answers.need_with(Err("refused"));
    stage.until_fine("api", "parked").await;
    stage.handle.need("main", down());
    sleep(s(1)).await;
    let asked = stage.answers.needs();
    sleep(s(HOUR)).await;
    assert_eq!(stage.answers.needs(), asked);
    stage.handle.need("main", Need::Met);
    stage.until_fine("api", "running").await;
    stage.stop().await;
}

/// S0.1: nothing starts before what it needs is there; the others don't wait for it.
#[tokio::test(start_paused = true)]
async fn what_needs_a_missing_database_is_not_started() {
    let (mut stage, spawner) = stage(vec![needing("main", api()), service("static", &["./static"])], [serves(10)]);
    stage.handle.need("main", down());
    stage.start();
    stage.until_fine("static", "running").await;
    sleep(s(HOUR)).await;
    assert_eq!((spawns(&spawner), stage.status("api").word), (1, Word::Parked));
    stage.handle.need("main", Need::Met);
    stage.until_fine("api", "running").await;
    stage.stop().await;
}

/// S2.7: `TERM`, the grace to the second, `KILL`, a warning.
#[tokio::test(start_paused = true)]
async fn a_stubborn_service_is_killed_after_its_grace() {
    let (mut stage, spawner) = started(vec![api()], [Life::Stubborn]);
    stage.until_fine("api", "running").await;
    let begun = Instant::now();
    assert!(stage.stop().await.on_request);
    assert_eq!(begun.elapsed().as_secs(), 30);
    assert_eq!(signals(&spawner), [15, 9]);
    let warning = "api did not stop within 30 s: its whole group is killed";
    assert!(stage.recorder.texts().iter().any(|text| text == warning), "{:#?}", stage.recorder.texts());
}

#[tokio::test(start_paused = true)]
async fn a_polite_service_gets_term_only() {
    let (mut stage, spawner) = started(vec![api()], [serves(3000)]);
    stage.until_fine("api", "running").await;
    let begun = Instant::now();
    assert_eq!(stage.stop().await.code(), 0);
    assert_eq!((begun.elapsed().as_secs(), signals(&spawner)), (3, vec![15]));
}

/// Never two: what a crash leaves behind is killed before the next copy is started.
#[tokio::test(start_paused = true)]
async fn what_a_crash_leaves_behind_is_killed_first() {
    let (mut stage, spawner) = started(vec![api()], [Life::Leaves(s(5), CRASH), serves(10)]);
    stage.until("api", |status| status.ready && status.restarts == 1).await;
    let (killed, again) = (spawner.signals()[0], spawner.spawned()[1].clone());
    assert_eq!((killed.pid, killed.signal), (1, 9));
    assert!(again.at >= killed.at && again.at - killed.at <= ms(10));
    stage.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_second_stop_forces() {
    let (mut stage, spawner) = started(vec![api()], [Life::Stubborn]);
    stage.until_fine("api", "running").await;
    stage.handle.stop();
    sleep(s(2)).await;
    let forced = Instant::now();
    stage.handle.force();
    stage.end().await;
    assert!(forced.elapsed() < s(1));
    assert_eq!(signals(&spawner), [15, 9]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_before_the_start_starts_nothing() {
    let (mut stage, spawner) = stage(vec![api()], [serves(10)]);
    stage.handle.stop();
    stage.start();
    assert!(stage.end().await.on_request);
    assert_eq!(spawns(&spawner), 0);
}

/// Those that start after another one wait until its check passes.
#[tokio::test(start_paused = true)]
async fn the_order_of_a_start_waits_for_health() {
    let services = vec![checked(service("auth", &["./auth"])), after("auth", api())];
    let (mut stage, spawner) = stage(services, [serves(10)]);
    stage.answers.check_with(Err("connection refused"));
    stage.start();
    stage.until_fine("auth", "starting").await;
    sleep(s(20)).await;
    assert_eq!((spawns(&spawner), stage.status("api").fine), (1, "waiting"));
    assert_eq!(stage.status("api").reason.as_deref(), Some("waits for `auth` to be ready"));
    stage.answers.check_with(Ok(()));
    let ready = Instant::now();
    stage.until_fine("api", "running").await;
    assert!(ready.elapsed() <= s(1));
    stage.stop().await;
}

/// A service that starts after one that cannot start fails, too, and says why; it does not wait for ever.
#[tokio::test(start_paused = true)]
async fn a_failure_fails_those_after_it() {
    let (mut stage, _) = started(vec![service("auth", &["./auth"]), after("auth", api())], [Life::NotFound]);
    let ended = stage.end().await;
    let texts: Vec<_> = ended.services.iter().map(ToString::to_string).collect();
    assert!(texts[0].starts_with("auth has failed: it could not be started:"), "{texts:?}");
    assert_eq!(texts[1], "api has failed: it starts after `auth`, which failed");
    assert_eq!(ended.code(), 2);
}

/// What starts after a job starts when the job is done.
#[tokio::test(start_paused = true)]
async fn a_finished_job_lets_those_after_it_start() {
    let services = vec![checked(once(service("seed", &["./seed"]))), after("seed", api())];
    let (mut stage, _) = stage(services, [Life::Ends(s(5), Exit::Code(0)), serves(10)]);
    stage.answers.check_with(Err("not a server"));
    stage.start();
    stage.until_fine("api", "running").await;
    assert_eq!(stage.status("seed").fine, "done");
    assert_eq!(stage.stop().await.code(), 0);
}

/// What does not become ready in time is restarted, and that counts.
#[tokio::test(start_paused = true)]
async fn what_never_becomes_ready_is_restarted() {
    let (mut stage, spawner) = stage(vec![checked(api())], [serves(10)]);
    stage.answers.check_with(Err("connection refused"));
    stage.start();
    let begun = Instant::now();
    stage.until("api", |status| status.restarts == 1).await;
    assert_eq!((begun.elapsed().as_secs(), signals(&spawner)), (30, vec![15]));
    stage.answers.check_with(Ok(()));
    stage.until("api", |status| status.ready).await;
    stage.stop().await;
}

/// S3.7: after N failures in a row it is restarted, through the gate; but never because the database is down.
#[tokio::test(start_paused = true)]
async fn unhealthy_is_restarted_but_not_while_the_database_is_down() {
    let (mut stage, spawner) = started(vec![checked(needing("main", api()))], [serves(10)]);
    stage.until("api", |status| status.ready).await;
    stage.handle.need("main", down());
    stage.answers.check_with(Err("status 503"));
    // So that two failures in a row stand on the slate when the database comes back: they must not count.
    sleep(s(HOUR) + s(25)).await;
    let status = stage.status("api");
    assert_eq!((signals(&spawner), status.word, status.ready), (vec![], Word::Active, false));
    assert_eq!(status.reason.as_deref(), Some("status 503"));
    // The database is back, and the service does not recover by itself: now it is restarted.
    stage.handle.need("main", Need::Met);
    let back = Instant::now();
    stage.until("api", |status| status.restarts == 1).await;
    assert!((20..=30).contains(&back.elapsed().as_secs()), "it got its chance: {:?}", back.elapsed());
    stage.answers.check_with(Ok(()));
    stage.until("api", |status| status.ready).await;
    stage.stop().await;
}

/// S3.7: a service that recovers with its database is not touched.
#[tokio::test(start_paused = true)]
async fn a_service_that_recovers_with_its_database_is_left_alone() {
    let (mut stage, spawner) = started(vec![checked(needing("main", api()))], [serves(10)]);
    stage.until("api", |status| status.ready).await;
    stage.handle.need("main", down());
    stage.answers.check_with(Err("status 503"));
    stage.until("api", |status| !status.ready).await;
    stage.answers.check_with(Ok(()));
    stage.handle.need("main", Need::Met);
    stage.until("api", |status| status.ready).await;
    assert_eq!((spawns(&spawner), signals(&spawner), stage.count("service.healthy")), (1, vec![], 1));
    stage.stop().await;
}

/// The monitor asks once a minute; the service's own check fails much sooner. The database is asked before judging.
#[tokio::test(start_paused = true)]
async fn unhealthy_for_want_of_a_database_that_nobody_told_of() {
    let (mut stage, spawner) = started(vec![checked(needing("main", api()))], [serves(10)]);
    stage.until("api", |status| status.ready).await;
    stage.answers.check_with(Err("status 503"));
    stage.answers.need_with(Err("connection refused"));
    sleep(s(HOUR)).await;
    assert_eq!((signals(&spawner), stage.status("api").restarts), (vec![], 0));
    stage.stop().await;
}

/// A healthy service is asked as often as it says and no more.
#[tokio::test(start_paused = true)]
async fn a_healthy_service_is_asked_every_ten_seconds() {
    let (mut stage, _) = started(vec![checked(api())], [serves(10)]);
    stage.until("api", |status| status.ready).await;
    let asked = stage.answers.checks();
    sleep(s(HOUR) + s(5)).await;
    assert_eq!(stage.answers.checks() - asked, 360);
    stage.stop().await;
}

/// S1.9: a restart on request is quick, touches nobody else and is not counted as a crash.
#[tokio::test(start_paused = true)]
async fn a_restart_on_request_touches_one_service() {
    let (mut stage, spawner) = started(vec![api(), service("worker", &["./worker"])], [serves(100)]);
    let before = stage.until_fine("api", "running").await;
    let worker = stage.until_fine("worker", "running").await;
    let begun = Instant::now();
    stage.handle.restart("api").unwrap();
    let again = stage.until("api", |status| status.ready && status.pid != before.pid).await;
    assert!(begun.elapsed() <= ms(110), "{:?}", begun.elapsed());
    assert_eq!((spawns(&spawner), again.restarts), (3, 0));
    assert_eq!(stage.status("worker"), worker);
    let error = stage.handle.restart("wroker").unwrap_err();
    assert_eq!(error.to_string(), "there is no service `wroker` here; there is `api` or `worker`");
    stage.stop().await;
}

/// The sentences of a life, in order.
#[tokio::test(start_paused = true)]
async fn a_life_in_sentences() {
    let (mut stage, _) = started(vec![checked(api())], [Life::Ends(s(5), CRASH), serves(1500)]);
    stage.until("api", |status| status.ready && status.restarts == 1).await;
    stage.stop().await;
    let texts = stage.recorder.texts().into_iter().map(|text| text.replace("pid 1", "pid N").replace("pid 2", "pid N"));
    let expected = [
        "api starts `./api`",
        "api runs as pid N",
        "api is ready after 10 ms",
        "api ended with exit code 1 after 5.0 s",
        "api starts again at once, restart 1",
        "api starts `./api`",
        "api runs as pid N",
        "api is ready after 10 ms",
        "api is asked to stop by SIGTERM",
        "api stopped with exit code 0 after 1.5 s",
    ];
    assert_eq!(texts.collect::<Vec<_>>(), expected);
}

/// What `ps` and health show, as JSON.
#[tokio::test(start_paused = true)]
async fn a_status_as_json() {
    let (mut stage, _) = started(vec![needing("main", api())], [Life::Ends(s(5), CRASH), serves(10)]);
    stage.until_fine("api", "running").await;
    stage.handle.need("main", down());
    stage.until_fine("api", "parked").await;
    sleep(s(7)).await;
    assert_eq!(
        serde_json::to_string(&stage.status("api")).unwrap(),
        r#"{"name":"api","word":"parked","fine":"parked","ready":false,"for_s":7.0,"restarts":0,"last_exit":"exit code 1","reason":"needs `main`, which is down: connection refused"}"#
    );
    stage.stop().await;
}

/// A job that is over at once, while somebody who has left its group holds its output and writes one more line.
struct Escaped {
    /// When the line comes.
    writes: Duration,
}

impl Spawner for Escaped {
    fn spawn(&self, _: &Command) -> io::Result<Box<dyn Child>> {
        Ok(Box::new(Over { writes: Some(self.writes) }))
    }
}

struct Over {
    writes: Option<Duration>,
}

impl Child for Over {
    fn pid(&self) -> u32 {
        1
    }

    fn signal(&self, _: i32) -> io::Result<()> {
        Ok(())
    }

    fn take_output(&mut self) -> Option<Pipes> {
        let after = self.writes.take()?;
        let (mut theirs, ours) = duplex(64);
        tokio::spawn(async move {
            theirs.write_all(b"early\n").await?;
            sleep(after).await;
            theirs.write_all(b"late").await
        });
        Some(Pipes { stdout: Box::new(ours), stderr: Box::new(empty()) })
    }

    fn wait(&mut self) -> Pending<'_, io::Result<Exit>> {
        Box::pin(std::future::ready(Ok(Exit::Code(3))))
    }

    fn group_alive(&self) -> bool {
        false
    }
}

/// The end of everything waits for the very last lines, but not for ever.
#[tokio::test(start_paused = true)]
async fn the_very_last_line_is_told() {
    for (writes, lines) in [(ms(900), vec!["early", "late"]), (s(HOUR), vec!["early"])] {
        let mut stage = Stage::started(vec![once(service("job", &["./job"]))], Escaped { writes });
        let begun = Instant::now();
        assert_eq!(stage.end().await.code(), 3);
        assert!(begun.elapsed() <= s(1) + ms(10), "{:?}", begun.elapsed());
        assert_eq!(stage.lines("job"), lines);
    }
}
