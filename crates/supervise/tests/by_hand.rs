//! What people ask of single services, and other services than before; on paused time.

mod support;

use config::Service;
use host::{
    Env,
    fake::{FakeSpawner, Life},
};
use supervise::{Need, ReloadError, Reloaded};
use support::{Stage, after, ms, needing, once, s, service};
use tokio::time::{Instant, sleep, timeout};

const HOUR: u64 = 3600;

fn started(services: Vec<Service>) -> (Stage, FakeSpawner) {
    let spawner = FakeSpawner::new([Life::Serves(ms(10))]);
    let mut stage = Stage::set(services, spawner.clone());
    stage.limit = s(1000 * HOUR);
    stage.start();
    (stage, spawner)
}

fn env() -> Env {
    Env::from([("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())])
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What was started, in order, by the first word of its command.
fn spawned(spawner: &FakeSpawner) -> Vec<String> {
    spawner.spawned().into_iter().map(|spawned| spawned.argv[0].clone()).collect()
}

/// S1.9: one service is stopped and started; the other does not notice, and the supervisor waits for what was stopped.
#[tokio::test(start_paused = true)]
async fn one_service_is_stopped_and_started_again() {
    let (mut stage, spawner) = started(vec![service("api", &["./api"]), service("bot", &["./bot"])]);
    let bot = stage.until_fine("bot", "running").await.pid;
    stage.until_fine("api", "running").await;
    stage.handle.stop_service("api").unwrap();
    let stopped = stage.until_fine("api", "stopped").await;
    assert_eq!(stopped.reason.as_deref(), Some("stopped by hand"));
    sleep(s(HOUR)).await;
    assert_eq!(stage.status("api").fine, "stopped");
    stage.handle.start("api").unwrap();
    stage.until_fine("api", "running").await;
    stage.handle.start("api").unwrap();
    sleep(s(HOUR)).await;
    assert_eq!((spawned(&spawner), stage.status("bot").pid), (names(&["./api", "./bot", "./api"]), bot));
    stage.handle.stop_service("nobody").unwrap_err();
    assert!(stage.stop().await.on_request);
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_with_nothing_but_stopped_services_waits() {
    let (mut stage, _) = started(vec![service("api", &["./api"])]);
    stage.until_fine("api", "running").await;
    stage.handle.stop_service("api").unwrap();
    stage.until_fine("api", "stopped").await;
    sleep(s(HOUR)).await;
    stage.handle.start("api").unwrap();
    stage.until_fine("api", "running").await;
    stage.handle.stop_service("api").unwrap();
    assert_eq!(stage.stop().await.code(), 0);
}

/// What has failed or is done is started by hand, as long as anybody else keeps the supervisor.
#[tokio::test(start_paused = true)]
async fn what_has_ended_can_be_started() {
    let spawner = FakeSpawner::new([]).program("./job", [Life::Ends(ms(5), host::process::Exit::Code(7))]);
    let spawner = spawner.program("./api", [Life::Serves(ms(10))]);
    let mut stage = Stage::set(vec![once(service("job", &["./job"])), service("api", &["./api"])], spawner.clone());
    stage.limit = s(1000 * HOUR);
    stage.start();
    let since = stage.until_fine("job", "failed").await.since;
    stage.handle.start("job").unwrap();
    stage.until("job", |job| job.fine == "failed" && job.since > since).await;
    assert_eq!(spawned(&spawner).iter().filter(|program| *program == "./job").count(), 2);
    stage.stop().await;
}

/// Item 5: `reload` restarts only what changed.
#[tokio::test(start_paused = true)]
async fn a_reload_touches_only_what_changed() {
    let (mut stage, spawner) =
        started(vec![service("api", &["./api"]), service("bot", &["./bot"]), service("old", &["./old"])]);
    for name in ["api", "bot", "old"] {
        stage.until_fine(name, "running").await;
    }
    let api = stage.status("api").pid;
    let wanted = vec![
        service("api", &["./api"]),
        service("bot", &["./bot", "--new"]),
        after("bot", service("late", &["./late"])),
    ];
    let reloaded = stage.handle.reload(wanted.clone(), env()).await.unwrap();
    assert_eq!(
        reloaded,
        Reloaded {
            unchanged: names(&["api"]),
            changed: names(&["bot"]),
            added: names(&["late"]),
            removed: names(&["old"]),
        }
    );
    stage.until_fine("late", "running").await;
    let mut statuses = stage.handle.watch();
    timeout(s(HOUR), statuses.wait_for(|all| all.len() == 3)).await.expect("the old one leaves").unwrap();
    let shown: Vec<_> = stage.handle.snapshot().into_iter().map(|status| (status.name, status.fine)).collect();
    assert_eq!(shown, [("api".to_owned(), "running"), ("bot".to_owned(), "running"), ("late".to_owned(), "running")]);
    assert_eq!(stage.status("api").pid, api);
    let bots: Vec<_> = spawner.spawned().into_iter().filter(|spawned| spawned.argv[0] == "./bot").collect();
    assert_eq!(bots.iter().map(|bot| bot.argv.len()).collect::<Vec<_>>(), [1, 2]);
    // The same once more touches nobody; another environment touches everybody.
    assert_eq!(stage.handle.reload(wanted.clone(), env()).await.unwrap().unchanged.len(), 3);
    let other = Env::from([("LEVEL".to_owned(), "debug".to_owned())]);
    assert_eq!(stage.handle.reload(wanted, other).await.unwrap().changed.len(), 3);
    stage.until("api", |status| status.fine == "running" && status.pid != api).await;
    assert!(stage.stop().await.on_request);
}

/// No start is lost: a service that comes later learns of the dependency that is down already.
#[tokio::test(start_paused = true)]
async fn a_service_that_comes_later_is_parked_like_the_others() {
    let (mut stage, spawner) = started(vec![service("api", &["./api"])]);
    stage.until_fine("api", "running").await;
    stage.handle.need("main", Need::Down { reason: "recovering".into() });
    let wanted = vec![service("api", &["./api"]), needing("main", service("bot", &["./bot"]))];
    stage.handle.reload(wanted, env()).await.unwrap();
    stage.until_fine("bot", "parked").await;
    assert_eq!(spawned(&spawner), ["./api"]);
    stage.handle.need("main", Need::Met);
    stage.until_fine("bot", "running").await;
    stage.stop().await;
}

/// A stop in the middle of a reload brings nobody new up.
#[tokio::test(start_paused = true)]
async fn a_stop_during_a_reload_starts_nobody() {
    let (mut stage, spawner) = started(vec![service("api", &["./api"])]);
    stage.until_fine("api", "running").await;
    stage.handle.reload(vec![service("api", &["./new"])], env()).await.unwrap();
    assert!(stage.stop().await.on_request);
    assert_eq!(spawned(&spawner), ["./api"]);
}

/// A socket that cannot be bound: nothing is changed at all.
#[tokio::test]
async fn a_reload_that_cannot_have_its_socket_changes_nothing() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let spawner = FakeSpawner::new([Life::Serves(ms(1))]);
    let mut stage = Stage::started(vec![service("api", &["./api"])], spawner.clone());
    let pid = stage.until_fine("api", "running").await.pid;
    let web = Service { listen: Some(taken.local_addr().unwrap()), ..service("web", &["./web"]) };
    let refused = stage.handle.reload(vec![web, service("api", &["./other"])], env()).await;
    assert!(matches!(refused, Err(ReloadError::Listen(_))), "{refused:?}");
    assert_eq!((stage.status("api").pid, stage.handle.snapshot().len()), (pid, 1));
    stage.stop().await;
}

/// The socket of a service that changed stays open: nobody is refused meanwhile.
#[tokio::test]
async fn a_changed_service_keeps_its_socket() {
    let address = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap()
    };
    let web = |argv: &[&str]| Service { listen: Some(address), ..service("web", argv) };
    let mut stage = Stage::started(vec![web(&["./web"])], FakeSpawner::new([Life::Serves(ms(50))]));
    let pid = stage.until_fine("web", "running").await.pid;
    let waiting = std::net::TcpStream::connect(address).unwrap();
    stage.handle.reload(vec![web(&["./web", "--new"])], env()).await.unwrap();
    stage.until("web", |status| status.fine == "running" && status.pid != pid).await;
    std::net::TcpStream::connect(address).unwrap();
    drop(waiting);
    stage.stop().await;
}

#[tokio::test(start_paused = true)]
async fn before_the_start_nothing_is_reloaded() {
    let stage = Stage::set(vec![service("api", &["./api"])], FakeSpawner::new([Life::Serves(ms(1))]));
    let begun = Instant::now();
    let handle = stage.handle.clone();
    drop(stage);
    assert!(matches!(handle.reload(vec![], env()).await, Err(ReloadError::NotRunning)));
    assert_eq!(begun.elapsed(), ms(0));
}
