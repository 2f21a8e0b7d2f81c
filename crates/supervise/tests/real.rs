//! Real processes: small shell scripts under the real spawner.

mod support;

use config::{Service, Stop};
use host::{proc::Process, process::SystemSpawner};
use std::time::Duration;
use support::{LIMIT, Stage, after, ms, once, s, script, service};
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    time::{Instant, timeout},
};

fn stage(services: Vec<Service>) -> Stage {
    Stage::started(services, SystemSpawner::new().expect("a signal handler"))
}

fn impatient(grace: Duration, service: Service) -> Service {
    Service { stop: Stop { grace, ..service.stop }, ..service }
}

fn is_alive(pid: &str) -> bool {
    Process::new(pid.parse().expect("a pid")).is_running()
}

async fn until_dead(pid: &str) {
    let dead = async {
        while is_alive(pid) {
            tokio::time::sleep(ms(2)).await;
        }
    };
    assert!(timeout(LIMIT, dead).await.is_ok(), "{pid} lives on");
}

/// S3.3: the exit code of a one-shot is passed on, and its last line, though it does not end, is told.
#[tokio::test]
async fn a_one_shot_passes_its_exit_code_on() {
    let mut stage = stage(vec![once(script("job", "echo one; printf two; exit 7"))]);
    assert_eq!(stage.end().await.code(), 7);
    assert_eq!(stage.lines("job"), ["one", "two"]);
    assert_eq!(stage.status("job").last_exit.as_deref(), Some("exit code 7"));
}

#[tokio::test]
async fn a_one_shot_that_is_killed_is_128_and_the_signal() {
    let mut stage = stage(vec![once(script("job", "kill -9 $$"))]);
    assert_eq!(stage.end().await.code(), 137);
}

#[tokio::test]
async fn a_missing_command_is_told_and_is_a_wrong_use() {
    let mut stage = stage(vec![service("api", &["no-such-program"])]);
    let ended = stage.end().await;
    assert_eq!(ended.code(), 2);
    let finding = ended.findings()[0].to_string();
    assert!(finding.contains("no-such-program") && finding.contains("/usr/bin"), "{finding}");
    assert_eq!(stage.count("service.spawn-failed"), 1, "it is not tried again");
}

/// A service gets the application's variables, its own, and its name.
#[tokio::test]
async fn a_service_gets_its_environment() {
    let mut job = once(script("job", "echo $MAINSTAY_SERVICE $COLOUR $PATH ${PORT-none}"));
    job.env.insert("COLOUR".into(), "blue".into());
    let mut stage = stage(vec![job]);
    stage.end().await;
    assert_eq!(stage.lines("job"), ["job blue /usr/local/bin:/usr/bin:/bin none"]);
}

/// S2.7: the whole group is asked to stop, grandchildren too.
#[tokio::test]
async fn a_stop_reaches_the_grandchildren() {
    let text =
        "trap 'exit 0' TERM; sh -c 'trap \"echo bye; exit 0\" TERM; echo up $$; while :; do sleep 0.02; done' & wait";
    let mut stage = stage(vec![impatient(s(20), script("api", text))]);
    let up = async {
        loop {
            if let Some(line) = stage.lines("api").into_iter().find(|line| line.starts_with("up ")) {
                return line;
            }
            tokio::time::sleep(ms(2)).await;
        }
    };
    let line = timeout(LIMIT, up).await.unwrap();
    let grandchild = line.trim_start_matches("up ");
    assert!(is_alive(grandchild));
    assert!(stage.stop().await.on_request);
    assert!(!is_alive(grandchild));
    assert!(stage.lines("api").contains(&"bye".to_owned()), "it had its time: {:?}", stage.lines("api"));
}

/// S2.7: what ignores `TERM` is killed after the grace, with all of its group, and a warning is told.
#[tokio::test]
async fn a_stubborn_group_is_killed() {
    let text =
        "trap '' TERM; sh -c 'trap \"\" TERM; while :; do sleep 0.05; done' & echo $!; while :; do sleep 0.05; done";
    let mut stage = stage(vec![impatient(ms(200), script("api", text))]);
    let pid = async {
        while stage.lines("api").is_empty() {
            tokio::time::sleep(ms(2)).await;
        }
    };
    timeout(LIMIT, pid).await.unwrap();
    let grandchild = stage.lines("api")[0].clone();
    let begun = Instant::now();
    stage.stop().await;
    assert!(begun.elapsed() >= ms(200));
    assert_eq!(stage.count("service.killed"), 1);
    assert_eq!(stage.status("api").last_exit.as_deref(), Some("signal 9 (SIGKILL)"));
    until_dead(&grandchild).await;
}

/// A second Ctrl-C does not wait for the grace.
#[tokio::test]
async fn a_second_stop_forces() {
    let mut stage = stage(vec![script("api", "trap '' TERM; echo up; while :; do sleep 0.05; done")]);
    stage.line("api", "up").await;
    stage.handle.stop();
    stage.until_fine("api", "stopping").await;
    stage.handle.force();
    assert_eq!(timeout(LIMIT, stage.end()).await.unwrap().code(), 0);
}

/// What a crash leaves behind in its group is gone before the next copy is started.
#[tokio::test]
async fn leftovers_of_a_crash_are_killed_before_the_restart() {
    let text = "trap '' TERM HUP; (trap '' TERM HUP; exec sleep 1000) & echo $!; exit 1";
    let mut stage = stage(vec![script("api", text)]);
    stage.until("api", |status| status.restarts >= 2).await;
    let first = stage.lines("api")[0].clone();
    until_dead(&first).await;
    assert!(stage.count("service.killed") >= 1);
    stage.handle.force();
    stage.end().await;
}

/// Every line is kept whole and in order.
#[tokio::test]
async fn a_hundred_thousand_lines_arrive_whole_and_in_order() {
    let count =
        "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); echo \"line $i of many, and some more text behind it\"; done";
    let mut stage = stage(vec![once(script("job", count))]);
    assert_eq!(stage.end().await.code(), 0);
    let lines = stage.lines("job");
    assert_eq!(lines.len(), 100_000);
    for (at, line) in lines.iter().enumerate() {
        assert_eq!(*line, format!("line {} of many, and some more text behind it", at + 1));
    }
}

/// A first crash is followed by a start without any wait.
#[tokio::test]
async fn a_first_crash_restarts_at_once() {
    let mut stage = stage(vec![script("api", "echo up $$; exec sleep 1000")]);
    let first = stage.until("api", |status| status.ready).await;
    let pid = rustix::process::Pid::from_raw(first.pid.unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let again = stage.until("api", |status| status.ready && status.pid != first.pid).await;
    let texts = stage.recorder.texts();
    assert!(texts.iter().any(|text| text == "api starts again at once, restart 1"), "{texts:#?}");
    assert_eq!((again.restarts, again.last_exit.as_deref()), (1, Some("signal 9 (SIGKILL)")));
    stage.stop().await;
}

/// The socket is bound once and kept over a restart: whoever connects in between is served by the next copy.
#[tokio::test]
async fn an_inherited_socket_answers_across_a_restart() {
    let serve = "import os, socket\n\
        assert os.environ['LISTEN_FDS'] == '1' and os.environ['LISTEN_PID'] == str(os.getpid())\n\
        assert os.get_blocking(3)\n\
        listener = socket.socket(fileno=3)\n\
        assert listener.getsockname()[1] == int(os.environ['PORT'])\n\
        connection, _ = listener.accept()\n\
        connection.sendall(str(os.getpid()).encode())\n\
        connection.close()\n";
    let mut api = service("api", &["python3", "-c", serve]);
    let port = testkit::free_port();
    api.listen = Some(([127, 0, 0, 1], port).into());
    api.restart.backoff = retry::Backoff::fixed(ms(10));
    let mut stage = stage(vec![api]);
    let mut pids = Vec::new();
    // Each copy answers once and ends. No connection is refused, though for most of the time nobody accepts.
    for _ in 0..5 {
        let answer = async {
            let mut text = String::new();
            TcpStream::connect(("127.0.0.1", port)).await.unwrap().read_to_string(&mut text).await.unwrap();
            text
        };
        pids.push(timeout(LIMIT, answer).await.unwrap());
    }
    let different: std::collections::BTreeSet<_> = pids.iter().filter(|pid| !pid.is_empty()).collect();
    assert_eq!(different.len(), 5, "{pids:?} {:?}", stage.lines("api"));
    stage.stop().await;
}

/// Ten services that do not wait for one another start together.
#[tokio::test]
async fn ten_services_start_together() {
    let services = (0..10).map(|index| script(&format!("s{index}"), "exec sleep 1000")).collect();
    let mut stage = stage(services);
    let all = async { stage.handle.watch().wait_for(|all| all.iter().all(|status| status.ready)).await.map(drop) };
    timeout(LIMIT, all).await.unwrap().unwrap();
    assert_eq!(stage.count("service.started"), 10);
    stage.stop().await;
}

/// Start order from `after`; the stop is its reverse.
#[tokio::test]
async fn the_stop_is_the_reverse_of_the_start() {
    let polite = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.02; done";
    let mut stage = stage(vec![script("db", polite), after("db", script("api", polite))]);
    stage.line("db", "up").await;
    stage.line("api", "up").await;
    stage.stop().await;
    let lines: Vec<_> = stage.recorder.lines().into_iter().map(|(name, _, line)| (name, line)).collect();
    let at =
        |name: &str, line: &str| lines.iter().position(|seen| seen.0 == name && seen.1 == line.as_bytes()).unwrap();
    assert!(at("api", "bye") < at("db", "bye"), "{lines:?}");
    let started = stage.recorder.texts();
    let at = |text: &str| started.iter().position(|seen| seen.starts_with(text)).unwrap();
    assert!(at("db is ready") < at("api runs as pid"));
}

/// Whoever drops the supervisor does not leave its services behind.
#[tokio::test]
async fn a_dropped_supervisor_kills_its_services() {
    let stage = stage(vec![script("api", "trap '' TERM; echo $$; while :; do sleep 0.05; done")]);
    let pid = stage.until("api", |status| status.ready).await.pid.unwrap().to_string();
    stage.abort();
    until_dead(&pid).await;
}
