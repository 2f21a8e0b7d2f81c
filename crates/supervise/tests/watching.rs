//! How services are watched and limited: by what they write and tell themselves, by windows, by the kernel.
#![allow(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod support;

use config::{Handover, HealthCheck, Limits, LogLine, Service, Sign, Window};
use host::{
    fake::{FakeSpawner, Life},
    notify,
    process::SystemSpawner,
};
use std::time::Duration;
use support::{Stage, checked, ms, once, s, script, service};
use tokio::time::sleep;

fn stage(services: Vec<Service>) -> Stage {
    Stage::started(services, SystemSpawner::new().expect("a signal handler"))
}

fn told_by(sign: Sign, service: Service) -> Service {
    let check = checked(service.clone()).health.map(|check| HealthCheck { sign, ..check });
    Service { health: check, ..service }
}

fn line(text: &str) -> Sign {
    Sign::Line(LogLine::parse(text).unwrap())
}

fn tells(watchdog: Option<Duration>) -> Sign {
    Sign::Notify { watchdog }
}

/// Tells over the socket what is said, as the tool of systemd does, and waits until it was heard.
const NOTIFY: &str = "notify() { systemd-notify \"$@\"; }; ";

/// S3.7, item 6: ready is who writes the line, on either output, and only since this start.
#[tokio::test]
async fn a_line_makes_ready() {
    let text = "echo starting; sleep 0.05; echo 'INFO Listening on 8000' >&2; exec sleep 1000";
    let mut stage = stage(vec![told_by(line("/Listening on [0-9]+$/"), script("api", text))]);
    let first = stage.until("api", |status| status.ready).await;
    stage.line("api", "INFO Listening on 8000").await;
    stage.handle.restart("api").unwrap();
    stage.until("api", |status| status.fine == "starting" && status.pid != first.pid).await;
    stage.until("api", |status| status.ready).await;
    stage.stop().await;
}

/// Item 6: who never writes it is late, and is told what was waited for.
#[tokio::test]
async fn who_never_writes_the_line_is_late() {
    let mut api = told_by(line("Listening on"), script("api", "echo nothing; exec sleep 1000"));
    api.health.as_mut().unwrap().start_timeout = ms(100);
    let mut stage = stage(vec![api]);
    stage.until("api", |status| status.restarts > 0).await;
    let texts = stage.recorder.texts();
    let late = "api is unhealthy: not ready within 100 ms: no line with `Listening on` came";
    assert!(texts.iter().any(|text| text == late), "{texts:#?}");
    stage.stop().await;
}

/// Item 6: the real tool tells that it is ready and how it is; what it says of other things is told or refused.
#[tokio::test]
async fn a_service_tells_by_itself() {
    let text = format!(
        "{NOTIFY} echo before; notify --ready --status='42 chats'; notify MAINPID=1; notify RELOADING=1; notify ERRNO=13; \
         echo told; exec sleep 1000"
    );
    let mut stage = stage(vec![told_by(tells(None), script("bot", &text))]);
    let status = stage.until("bot", |status| status.ready && status.status.is_some()).await;
    assert_eq!(status.status.as_deref(), Some("42 chats"));
    stage.line("bot", "told").await;
    stage.stop().await;
    let texts = stage.recorder.texts();
    for text in [
        "bot sent MAINPID, which is not done: its main process is the one that was started",
        "bot says: it reloads its configuration",
        "bot says: it fails: Permission denied (os error 13)",
    ] {
        assert!(texts.iter().any(|told| told == text), "no `{text}`: {texts:#?}");
    }
    assert_eq!(stage.count("service.ready"), 1);
}

/// Item 6: a watchdog that is fed is quiet; one that is not is a failed liveness with its reason, and the service is restarted.
#[tokio::test]
async fn a_missed_watchdog_is_a_failed_liveness() {
    let text = format!(
        "{NOTIFY} test $WATCHDOG_PID = $$ && test $WATCHDOG_USEC = 1000000 && echo mine; notify --ready; \
         for i in 1 2 3 4 5 6; do sleep 0.25; notify WATCHDOG=1; done; echo hangs; exec sleep 1000"
    );
    let mut stage = stage(vec![told_by(tells(Some(s(1))), script("bot", &text))]);
    stage.line("bot", "mine").await;
    stage.line("bot", "hangs").await;
    assert_eq!((stage.status("bot").restarts, stage.count("service.unhealthy")), (0, 0), "it was fed");
    stage.until("bot", |status| status.restarts == 1).await;
    let texts = stage.recorder.texts();
    assert!(texts.iter().any(|text| text == "bot is unhealthy: its watchdog was not fed for 1.0 s"), "{texts:#?}");
    stage.stop().await;
}

/// Item 6: who is not of the service cannot speak for it, and that is told once.
#[tokio::test]
async fn nobody_else_speaks_for_a_service() {
    let mut stage = stage(vec![told_by(tells(None), script("bot", "echo $NOTIFY_SOCKET; exec sleep 1000"))]);
    stage.until_fine("bot", "starting").await;
    let named = || stage.lines("bot").into_iter().find(|line| line.starts_with('@'));
    while named().is_none() {
        sleep(ms(2)).await;
    }
    let name = named().unwrap();
    for _ in 0..3 {
        notify::tell(&name, "READY=1\nSTATUS=stolen").unwrap();
    }
    while stage.count("service.notify-refused") == 0 {
        sleep(ms(2)).await;
    }
    sleep(ms(50)).await;
    let status = stage.status("bot");
    assert_eq!((status.fine, status.ready, status.status), ("starting", false, None));
    assert_eq!(stage.count("service.notify-refused"), 1);
    stage.stop().await;
}

/// Item 6: `EXTEND_TIMEOUT_USEC` gives a slow start and a slow stop the time that they ask for.
#[tokio::test]
async fn time_that_is_asked_for_is_given() {
    let text = format!(
        "{NOTIFY} trap 'notify EXTEND_TIMEOUT_USEC=20000000; sleep 0.6; echo cleaned; exit 0' TERM; \
         notify EXTEND_TIMEOUT_USEC=20000000; sleep 0.6; notify --ready; while :; do sleep 0.02; done"
    );
    let mut bot = told_by(tells(None), script("bot", &text));
    bot.health.as_mut().unwrap().start_timeout = ms(500);
    bot.stop.grace = ms(500);
    let mut stage = stage(vec![bot]);
    stage.until("bot", |status| status.ready).await;
    stage.stop().await;
    assert_eq!(
        (stage.count("service.unhealthy"), stage.count("service.killed")),
        (0, 0),
        "{:#?}",
        stage.recorder.texts()
    );
    stage.line("bot", "cleaned").await;
}

/// S3.7: a service whose check fails and passes in turns is called flapping, once, is shown so, and is not restarted for it.
#[tokio::test(start_paused = true)]
async fn fails_and_passes_in_turns() {
    let spawner = FakeSpawner::new([Life::Serves(ms(10))]);
    let mut stage = Stage::started(vec![checked(service("api", &["api"]))], spawner);
    stage.until("api", |status| status.ready).await;
    // Between two checks.
    sleep(s(5)).await;
    for round in 0..12 {
        stage.answers.check_with(if round % 2 == 0 { Err("no answer") } else { Ok(()) });
        sleep(s(10)).await;
    }
    let status = stage.status("api");
    assert!(
        status.ready && status.reason.as_deref().is_some_and(|it| it.starts_with("flapping: 5 of the last 10")),
        "{status:#?}"
    );
    assert_eq!((stage.count("service.flapping"), stage.count("service.unhealthy"), status.restarts), (1, 0, 0));
    stage.answers.check_with(Ok(()));
    sleep(s(60)).await;
    assert_eq!((stage.status("api").reason, stage.count("service.steady")), (None, 1));
    stage.stop().await;
}

/// S3.7: with `fail = "3 of 5"` the same service is restarted.
#[tokio::test(start_paused = true)]
async fn a_window_restarts_who_fails_too_often() {
    let spawner = FakeSpawner::new([Life::Serves(ms(10))]);
    let mut api = checked(service("api", &["api"]));
    api.health.as_mut().unwrap().fail = Window { count: 3, of: 5 };
    let mut stage = Stage::started(vec![api], spawner);
    stage.until("api", |status| status.ready).await;
    // Between two checks.
    sleep(s(5)).await;
    for round in 0..6 {
        stage.answers.check_with(if round % 2 == 0 { Err("no answer") } else { Ok(()) });
        sleep(s(10)).await;
    }
    assert_eq!((stage.count("service.unhealthy"), stage.status("api").restarts), (1, 1));
    stage.stop().await;
}

/// Item 6: open files of each process are limited everywhere, and the event says by what.
#[tokio::test]
async fn open_files_are_limited() {
    let limits = Limits { files: Some(64), ..Limits::default() };
    let job = Service { limits, ..once(script("job", "ulimit -n; ulimit -Hn")) };
    let mut stage = stage(vec![job]);
    stage.end().await;
    assert_eq!(stage.lines("job"), ["64", "64"]);
    let texts = stage.recorder.texts();
    assert!(texts.iter().any(|text| text == "job is limited: RLIMIT_NOFILE = 64"), "{texts:#?}");
}

/// Is this limit said to be in force? Where no control group may be written to, the reason is said instead.
fn in_force(stage: &Stage, limit: &str) -> bool {
    let texts = stage.recorder.texts();
    let told = texts.iter().find(|text| text.contains(" is limited: ")).expect("limits are told").clone();
    let refusal = told.split_once(&format!("`{limit}` is NOT in force: ")).map(|(_, why)| why);
    assert_ne!(refusal, Some(""), "{told}");
    refusal.is_none()
}

/// Item 6: who needs more memory than its limit is killed by the kernel, and that is counted and known, not guessed.
#[tokio::test]
async fn a_service_that_grows_is_killed_and_it_is_known_why() {
    let limits = Limits { memory: Some(32 << 20), ..Limits::default() };
    let grow = "import time; time.sleep(0.1); x = b'x' * (256 << 20); time.sleep(1000)";
    let job = Service { limits, ..once(service("job", &["python3", "-c", grow])) };
    let mut stage = stage(vec![job]);
    stage.until("job", |status| status.pid.is_some()).await;
    if !in_force(&stage, "memory") {
        stage.handle.force();
        stage.end().await;
        return;
    }
    stage.end().await;
    let status = stage.status("job");
    assert_eq!((status.last_exit.as_deref(), status.out_of_memory), (Some("signal 9 (SIGKILL)"), true));
    assert_eq!(stage.handle.usage()["job"].oom_kills, 1);
}

/// Item 6: processes and processors are limited likewise.
#[tokio::test]
async fn processes_and_processors_are_limited() {
    let limits = Limits { pids: Some(4), cpu: Some(0.5), ..Limits::default() };
    let text = "for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; echo $?; wait";
    let mut stage = stage(vec![Service { limits, ..script("job", text) }]);
    stage.until("job", |status| status.pid.is_some()).await;
    if in_force(&stage, "pids") {
        let refused = async {
            while !stage.lines("job").iter().any(|line| line.to_lowercase().contains("fork")) {
                sleep(ms(2)).await;
            }
        };
        tokio::time::timeout(support::LIMIT, refused).await.expect("a fork is refused");
        assert!(stage.handle.usage()["job"].processes <= 4);
    }
    stage.handle.force();
    stage.end().await;
}

/// Item 1: a poller that somebody else runs is stopped, politely, parked with the holder's name, and started once the lock is had.
#[tokio::test(start_paused = true)]
async fn a_fenced_service_goes_and_comes_back() {
    let spawner = FakeSpawner::new([Life::Serves(ms(10))]);
    let bot = Service { handover: Handover::Exclusive, ..service("bot", &["bot"]) };
    let mut stage = Stage::started(vec![bot], spawner.clone());
    stage.until("bot", |status| status.ready).await;
    stage.answers.fence_with(Some("host b has it"));
    stage.answers.lose_the_fence();
    let status = stage.until_fine("bot", "parked").await;
    assert_eq!(status.reason.as_deref(), Some("waits for its lock: host b has it"));
    assert_eq!(spawner.alive(), Vec::<u32>::new(), "nobody runs beside the other");
    stage.answers.fence_with(None);
    let status = stage.until("bot", |status| status.ready).await;
    assert_eq!((status.restarts, stage.count("service.fenced")), (0, 1), "nothing is counted");
    stage.stop().await;
}
