//! A running mainstay is asked and told: over its socket, by every verb that looks or acts.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process::Command,
    thread,
};
use support::{LIMIT, alive, app, json, pid_of, up};
use testkit::{Cluster, Redis, Test, wait_for, wait_until};

/// Two services that just run.
const TWO: &str = "name = \"shop\"\n\
    [services.api]\ncommand = \"sleep 1000\"\n\
    [services.bot]\ncommand = \"sleep 1001\"\n";

fn socket(test: &Test) -> PathBuf {
    test.path().join("data/run/control.sock")
}

/// The service of this name, as `ps` shows it.
#[track_caller]
fn service(test: &Test, name: &str) -> Value {
    let ps = json(test, &["ps"]);
    let services = ps["services"].as_array().unwrap();
    services.iter().find(|service| service["name"] == name).unwrap_or_else(|| panic!("no `{name}`: {ps}")).clone()
}

#[track_caller]
fn pid(test: &Test, name: &str) -> u64 {
    service(test, name)["pid"].as_u64().unwrap_or_else(|| panic!("`{name}` does not run"))
}

/// Sends `request` as it is and returns all that is answered.
fn raw(socket: &Path, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    // A refusal may come, and the door be closed, before all is said.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn rss(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// A mainstay in the background, which ends with the test.
struct Background<'a>(&'a Test);

impl Drop for Background<'_> {
    fn drop(&mut self) {
        let lock = fs::read_to_string(self.0.path().join("data/run/mainstay.lock")).unwrap_or_default();
        let Some(pid) = lock.lines().find_map(|line| line.strip_prefix("pid=")) else { return };
        // Its number may be somebody else's by now.
        let ours =
            fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == Path::new(env!("CARGO_BIN_EXE_mainstay")));
        if ours {
            let _ = Command::new("kill").args(["-KILL", pid]).status();
        }
    }
}

/// Issue 4, item 1: a service that has spent its budget of restarts has failed; that is told with what to do, and whoever
/// starts it gives it a new budget.
#[test]
fn a_spent_budget_is_told_and_renewed() {
    let test = app("name = \"shop\"\n\
         [services.api]\ncommand = \"sleep 1000\"\n\
         [services.bad]\ncommand = [\"sh\", \"-c\", \"echo run >> runs; exit 3\"]\n\
         restart = { initial = \"10ms\", budget = \"2 in 1h\" }\n");
    let mut running = test.again().args(["up"]).spawn();
    pid_of(&mut running, "api");
    let runs = || fs::read_to_string(test.path().join("runs")).unwrap_or_default().lines().count();
    let is_failed = || socket(&test).exists() && service(&test, "bad")["fine"] == "failed";
    wait_until(LIMIT, "bad has failed", is_failed);
    assert_eq!((runs(), &service(&test, "bad")["restarts"]), (3, &2.into()));
    let why = "blocked on: its budget of 2 restarts in [TIME] is spent; it ended with exit code 3";
    let next = "next try: none; `mainstay start bad` starts it";
    test.again().args(["why", "bad"]).run().code(0).stdout_has(why).stdout_has(next);
    test.again().args(["start", "bad", "--timeout", "20"]).run();
    wait_until(LIMIT, "the new budget is spent", || runs() == 6 && is_failed());
    running.terminate();
}

/// S1.13, item 5: `ps`, `status` and `why` tell how everything is, and the exit code of `status` is the health.
#[test]
fn everything_is_told_about_a_running_application() {
    let cluster = Cluster::start();
    let test = app("name = \"shop\"\n\
         [databases.main]\nurl = \"${DATABASE_URL}\"\n\
         [services.api]\nneeds = [\"main\"]\ncommand = \"sleep 1000\"\n\
         [services.bad]\ncommand = [\"sh\", \"-c\", \"echo trouble >&2; exit 127\"]\n\
         restart = { initial = \"1h\", max = \"1h\" }\n")
    .env("DATABASE_URL", cluster.url());
    let mut running = test.again().args(["up"]).spawn();
    let api = pid_of(&mut running, "api");
    wait_until(LIMIT, "bad waits", || socket(&test).exists() && service(&test, "bad")["fine"] == "backoff");
    wait_until(LIMIT, "all is watched", || json(&test, &["status"])["phase"] == "watch");
    assert_eq!(pid(&test, "api"), u64::from(api));
    let usage = &service(&test, "api")["usage"];
    assert!(usage["memory_bytes"].as_u64().unwrap() > 100_000, "{usage}");
    assert_eq!((&usage["processes"], &usage["memory_kind"]), (&1.into(), &"rss".into()), "{usage}");
    assert!(usage["open_files"].as_u64().unwrap() >= 3 && usage["cpu_percent"].is_number(), "{usage}");
    assert_eq!(service(&test, "bad")["usage"]["memory_bytes"], Value::Null);
    test.again().args(["why", "api"]).run().code(0).stdout_has("% of a processor in the last [TIME]");
    let ps = test.again().args(["ps"]).run();
    ps.code(0)
        .stdout_has("SERVICE  STATE")
        .stdout_has("activating (backoff)")
        .stdout_has("it ended with exit code 127");

    let status = json(&test, &["status"]);
    assert_eq!((&status["app"], &status["health"]), (&"shop".into(), &"critical".into()), "{status}");
    assert_eq!(status["pid"], running.pid());
    assert_eq!(
        (&status["dependencies"][0]["name"], &status["dependencies"][0]["state"]),
        (&"main".into(), &"ready".into())
    );
    assert!(status["disk"]["free_bytes"].as_u64().unwrap() > 0);
    test.again().args(["status"]).run().code(1).stdout_has("`shop` is critical").stdout_has("PostgreSQL");

    let why = json(&test, &["why", "bad"]);
    assert_eq!(why["last_exit"]["how"], "exit code 127");
    assert!(why["last_exit"]["meaning"].as_str().unwrap().contains("not found"), "{why}");
    assert_eq!(why["stderr"], serde_json::json!(["trouble", "trouble"]), "{why}");
    let next = why["next_try_s"].as_f64().unwrap();
    assert!((3000.0..=3600.0).contains(&next), "{next}");
    test.again().args(["why", "bad"]).run().code(0).stdout_has("next try: in [TIME]").stdout_has("  trouble");

    // No start lost: the database goes, the service ends, and `why` says what it is blocked on.
    cluster.stop_fast();
    assert!(Command::new("kill").args(["-KILL", &api.to_string()]).status().unwrap().success());
    wait_until(LIMIT, "it is parked", || service(&test, "api")["state"] == "parked");
    let why = json(&test, &["why", "api"]);
    assert!(why["blocked_on"][0].as_str().unwrap().contains("needs `main`, which is down"), "{why}");
    assert_eq!((&why["last_exit"]["how"], &why["needs"][0]["name"]), (&"signal 9 (SIGKILL)".into(), &"main".into()));
    test.again().args(["why", "api"]).run().code(0).stdout_has("next try: the moment that what it needs is back");
    // To restart what is parked is no failure: it runs degraded until its database is back.
    test.again().args(["restart", "api"]).run().code(3).stdout_has("`api` is parked: needs `main`");
    cluster.start_again();
    wait_until(LIMIT, "it goes on", || service(&test, "api")["state"] == "active");
    running.terminate();
    running.wait(LIMIT).code(0);
    assert!(!socket(&test).exists(), "the socket goes with its mainstay");
}

/// S3.6, S1.9: a restart waits for health, shows the last lines, the database, Redis and its queues, and touches nothing else.
#[test]
fn a_restart_waits_for_health_and_shows_what_there_is() {
    let (cluster, redis) = (Cluster::start(), Redis::start());
    redis.command(&["LPUSH", "jobs", "a"]);
    redis.command(&["LPUSH", "jobs", "b"]);
    let test = app("name = \"shop\"\n\
         [databases.main]\nurl = \"${DATABASE_URL}\"\nmonitor = { every = \"200ms\" }\n\
         [dependencies.redis]\nurl = \"${REDIS_URL}\"\nqueues = [\"jobs\"]\nmonitor = { every = \"200ms\" }\n\
         [services.api]\nneeds = [\"main\", \"redis\"]\nhealth = { file = \"ready\", every = \"100ms\" }\n\
         command = [\"sh\", \"-c\", \"rm -f ready; echo starts; sleep 0.7; echo is ready; touch ready; exec sleep 1000\"]\n\
         [services.bot]\ncommand = \"sleep 1001\"\n")
    .env("DATABASE_URL", cluster.url())
    .env("REDIS_URL", redis.url());
    let _running = up(&test);
    wait_until(LIMIT, "the queue is known", || json(&test, &["status"])["dependencies"][1]["queues"]["jobs"] == 2);
    let (api, bot, postmaster) = (pid(&test, "api"), pid(&test, "bot"), cluster.pid());
    let begun = std::time::Instant::now();
    let done = test.again().args(["restart", "api"]).run();
    assert!(begun.elapsed().as_millis() >= 700, "it was called ready before it was");
    done.code(0)
        .stdout_has("`api` is ready after")
        .stdout_has("  is ready")
        .stdout_has("jobs=2")
        .stdout_has("PostgreSQL");
    done.stdout_has("health: ok");
    assert_ne!(pid(&test, "api"), api);
    assert_eq!((pid(&test, "bot"), cluster.pid()), (bot, postmaster));

    let late = test.again().args(["restart", "api", "--timeout", "200ms"]).run();
    late.code(75).stdout_has("`api` is activating (starting) after");
    let all = json(&test, &["restart"]);
    assert_eq!(all["services"].as_array().unwrap().len(), 2, "{all}");
    assert_ne!(pid(&test, "bot"), bot);
}

/// S1.13: stop and start one service, then everything; each is answered when it is done.
#[test]
fn services_are_stopped_and_started_and_in_the_end_all_is_down() {
    let test = app(TWO);
    let running = up(&test);
    let (api, bot) = (pid(&test, "api"), pid(&test, "bot"));
    test.again().args(["stop", "api"]).run().code(0).stdout_has("`api` is stopped after");
    assert!(!alive(u32::try_from(api).unwrap()));
    assert_eq!((service(&test, "api")["fine"].clone(), pid(&test, "bot")), ("stopped".into(), bot));
    test.again().args(["why", "api"]).run().code(0).stdout_has("`mainstay start api` starts it");
    test.again().args(["start", "api"]).run().code(0).stdout_has("`api` is ready after");
    test.again().args(["start", "api"]).run().code(0);
    for verb in ["restart", "start", "stop", "why"] {
        let output = test.again().args([verb, "nobody"]).run();
        output.code(2).stdout_is("").stderr_is("error: there is no service `nobody` here; there is `api` or `bot`\n");
    }
    assert_eq!(pid(&test, "bot"), bot);
    test.again().args(["down"]).run().code(0).stdout_is("`shop` is stopped\n");
    running.wait(LIMIT).code(0);
    assert!(!alive(u32::try_from(bot).unwrap()));
}

/// Nobody there is told in the same way by every verb.
#[test]
fn nobody_there_is_told() {
    let test = app(TWO);
    for arguments in [
        &["ps"][..],
        &["status"],
        &["why", "api"],
        &["restart"],
        &["start", "api"],
        &["stop", "api"],
        &["down"],
        &["reload"],
        &["events"],
    ] {
        test.again().args(arguments.iter().copied()).run().code(1).stdout_is("").stderr_is(
            "
            error: `shop` is not running
              seen: nobody listens at `[DIR]/data/run/control.sock`
              hint: `mainstay up -d` starts it
            ",
        );
    }
}

/// Item 5: `up -d` comes back when everything is up, and what it started lives on.
#[test]
fn the_background_is_left_alone_once_it_is_up() {
    let test = app(TWO);
    let _guard = Background(&test);
    let output = test.again().args(["up", "-d"]).run();
    output.code(0).stdout_has("`shop` is up: ok, pid ").stdout_has("data/run/up.log`");
    let first = pid(&test, "api");
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(socket(&test)), mode(test.path().join("data/run"))), (0o600, 0o700));
    // S2.8: the second one ends at once, whichever way it is started, and disturbs nobody.
    for arguments in [&["up"][..], &["up", "--detach"]] {
        let second = test.again().args(arguments.iter().copied()).run();
        second.code(2).stdout_is("").stderr_has("error: `shop` is already running").stderr_has("mainstay up (shop)");
    }
    assert_eq!(pid(&test, "api"), first);
    assert!(test.read("data/run/up.log").contains("is up after"), "{}", test.read("data/run/up.log"));
    test.again().args(["down"]).run().code(0);
    assert!(!alive(u32::try_from(first).unwrap()));
}

/// S2.11: what the background writes is put aside while it runs, between two lines.
#[test]
fn the_file_of_the_background_stays_small() {
    let script =
        "awk 'BEGIN { for (i = 1; i <= 400000; i++) print \"line\", i, \"of many that are said\" }'; exec sleep 1000";
    let test = app("name = \"shop\"\n[services.api]\ncommand = [\"sh\", \"talk.sh\"]\n").file("talk.sh", script);
    let _guard = Background(&test);
    test.again().args(["up", "-d"]).run().code(0);
    wait_until(LIMIT, "the last line is written", || test.read("data/run/up.log").contains("line 400000 of"));
    let (before, now) = (test.path().join("data/run/up.log.1"), test.path().join("data/run/up.log"));
    let len = |path: &PathBuf| fs::metadata(path).unwrap().len();
    assert!(len(&before) > 10_000_000 && len(&before) < 11_000_000 && len(&now) < 10_000_000);
    assert_eq!(fs::metadata(&now).unwrap().permissions().mode() & 0o777, 0o600);
    let both = fs::read_to_string(&before).unwrap() + &fs::read_to_string(&now).unwrap();
    let numbers: Vec<usize> = both.lines().filter_map(number_in).collect();
    assert!(numbers.iter().copied().eq(numbers[0]..=400_000), "whole lines, in order, none lost");
}

/// The number of `line NUMBER of many`.
fn number_in(line: &str) -> Option<usize> {
    line.split("line ").nth(1)?.split(' ').next()?.parse().ok()
}

/// A start in the background that fails says why, with its own exit code.
#[test]
fn a_failed_start_in_the_background_says_why() {
    let test = app("name = \"shop\"\n[services.job]\nrestart = \"never\"\n\
         command = [\"sh\", \"-c\", \"echo no luck >&2; sleep 0.2; exit 7\"]\nhealth = { file = \"never\" }\n");
    let _guard = Background(&test);
    let output = test.again().args(["up", "-d"]).run();
    output.code(7).stdout_is("").stderr_has("`shop` has ended with exit code 7").stderr_has("no luck");
    // One that takes longer than anybody waits for goes on.
    let slow = app("name = \"slow\"\n[services.api]\ncommand = \"sleep 1000\"\nhealth = { file = \"never\" }\n");
    let _guard = Background(&slow);
    let output = slow.again().args(["up", "-d", "--wait", "1s"]).run();
    output.code(75).stderr_has("`slow` is not up after [TIME], and goes on").stderr_has("it has come to `start`");
    slow.again().args(["down"]).run().code(0);
}

/// Item 5: a file that is wrong by now keeps nobody from asking, wherever the data are.
#[test]
fn a_wrong_file_keeps_nobody_from_asking() {
    let config = |more: &str| {
        format!("name = \"shop\"\ndata = \"${{WHERE}}/here\"\n[services.api]\ncommand = \"sleep 1000\"\n{more}")
    };
    let test = app(&config("")).env("WHERE", "else");
    let running = up(&test);
    for more in ["comand = \"x\"\n", "[services\n\"\"\"", "needs = [\"nobody\"]\n"] {
        fs::write(test.path().join("mainstay.toml"), config(more)).unwrap();
        test.again().args(["ps"]).run().code(0).stdout_has("api");
    }
    running.terminate();
    running.wait(LIMIT).code(0);
}

/// Item 5: `reload` restarts only what changed, and refuses an invalid file whole.
#[test]
fn a_reload_touches_only_what_changed() {
    let test = app(TWO);
    let running = up(&test);
    let (api, bot) = (pid(&test, "api"), pid(&test, "bot"));
    let write = |config: &str| fs::write(test.path().join("mainstay.toml"), config).unwrap();

    // Everything that is wrong is told at once, and nothing is done.
    write(&TWO.replace("sleep 1001", "sleep 9").replace("command = \"sleep 1000\"", "comand = \"x\"\nrestart = 5"));
    let refused = test.again().args(["reload"]).run();
    refused.code(2).stdout_is("").stderr_has("comand").stderr_has("restart").stderr_has("^^^^^^");
    write(&TWO.replace("sleep 1001", "no-such-program"));
    test.again().args(["reload"]).run().code(2).stderr_has("the command of `bot` cannot be run");
    write("name = \"shop\"\n");
    test.again().args(["reload"]).run().code(2).stderr_has("no service would be left");
    write(
        &(TWO.replace("\"sleep 1001\"", "\"sleep 1001\"\nneeds = [\"cache\"]")
            + "[dependencies.cache]\nurl = \"tcp://127.0.0.1:1\"\n"),
    );
    test.again().args(["reload"]).run().code(2).stderr_has("service `bot` needs `cache`, which is not watched yet");
    assert_eq!((pid(&test, "api"), pid(&test, "bot")), (api, bot));

    write(&(TWO.replace("1001", "1002").replace("shop", "store") + "[services.new]\ncommand = \"sleep 1003\"\n"));
    let done = test.again().args(["reload"]).run();
    done.code(0).stdout_is("restarts: bot\nstarts: new\nnot touched: api\n");
    done.stderr_has("`name` has changed, and that has no effect while mainstay runs");
    wait_until(LIMIT, "the new ones run", || {
        service(&test, "new")["ready"] == true && service(&test, "bot")["pid"].as_u64().is_some_and(|pid| pid != bot)
    });
    assert_eq!(pid(&test, "api"), api);
    write(&TWO.replace("[services.bot]\ncommand = \"sleep 1001\"\n", ""));
    test.again().args(["reload"]).run().code(0).stdout_is("stops: bot, new\nnot touched: api\n");
    wait_until(LIMIT, "only one is left", || json(&test, &["ps"])["services"].as_array().unwrap().len() == 1);
    assert_eq!(pid(&test, "api"), api);
    // A file that is wrong keeps nobody from asking.
    write("nonsense");
    test.again().args(["ps"]).run().code(0).stdout_has("api");
    test.again().args(["down"]).run().code(0);
    running.wait(LIMIT).code(0);
}

/// S2.8: what a killed mainstay leaves behind blocks nobody: neither its lock nor its socket.
#[test]
fn what_a_killed_one_leaves_is_no_hindrance() {
    let test = app(TWO);
    let mut first = up(&test);
    first.kill9();
    assert!(fs::metadata(socket(&test)).unwrap().file_type().is_socket(), "it had no chance to remove it");
    test.again().args(["ps"]).run().code(1).stderr_has("`shop` is not running");
    // As after a restart of the machine: the number belongs to somebody else, who is none of our business.
    let stale = format!("pid={}\nsince=1\nboot=another\ncommand=mainstay up (shop)\n", std::process::id());
    fs::write(test.path().join("data/run/mainstay.lock"), stale).unwrap();
    let second = up(&test);
    test.again().args(["down"]).run().code(0);
    second.wait(LIMIT).code(0);
}

/// The longest names that a file system allows are no obstacle; the address of a socket holds 107 bytes.
#[test]
fn a_long_path_is_no_obstacle() {
    let test = app(&format!("data = \"{}/{}\"\n{TWO}", "d".repeat(100), "e".repeat(100)));
    let _running = up(&test);
    assert_eq!(service(&test, "api")["state"], "active");
    test.again().args(["down"]).run().code(0);
}

/// A place where no socket can be is no reason not to run.
#[test]
fn without_its_socket_it_runs_all_the_same() {
    let test = app(TWO);
    fs::create_dir_all(socket(&test).join("taken")).unwrap();
    let mut running = up(&test);
    assert!(running.stderr().contains("cannot be listened on, so that nobody can ask"), "{}", running.stderr());
    test.again().args(["ps"]).run().code(1);
    assert!(running.running());
}

/// Bad input: a request of 1 GB, announced or endless, nonsense, half a request; the memory stays and so does the rest.
#[test]
fn what_is_too_long_is_refused_and_costs_nothing() {
    let test = app(TWO);
    let mut running = up(&test);
    let (socket, api) = (socket(&test), pid(&test, "api"));
    let before = rss(running.pid());
    let announced = raw(&socket, b"POST /v1/restart HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n{}");
    assert!(announced.starts_with("HTTP/1.1 413 ") && announced.contains("64 KiB"), "{announced}");
    let mut endless = b"POST /v1/restart HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..1024 {
        endless.extend_from_slice(b"10000\r\n");
        endless.extend_from_slice(&[b' '; 0x10000]);
        endless.extend_from_slice(b"\r\n");
    }
    let refused = raw(&socket, &endless);
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 413 "), "{refused}");
    let head = format!("GET /v1/ps HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    assert!(!raw(&socket, head.as_bytes()).contains("200 OK"));
    for nonsense in
        ["GET /v1/dance HTTP/1.1\r\nHost: x\r\n\r\n", "PUT /v1/ps HTTP/1.1\r\nHost: x\r\n\r\n", "\0\0\0\r\n\r\n"]
    {
        let answer = raw(&socket, nonsense.as_bytes());
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let wrong = raw(&socket, b"POST /v1/restart HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{1}");
    assert!(wrong.contains("the request is no order"), "{wrong}");
    // Half requests hold nobody up, as many as there are.
    let halves: Vec<_> = (0..40).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    halves.iter().for_each(|mut half| half.write_all(b"GET /v1/ps HT").unwrap());
    assert_eq!(pid(&test, "api"), api);
    let after = rss(running.pid());
    assert!(after < before + (4 << 20), "{before} became {after}");
    assert!(running.running());
}

/// S2.8, item 5: the mode keeps strangers out, and so does the kernel's word about who asks.
#[test]
#[ignore = "needs root, to be somebody else"]
fn a_stranger_is_refused() {
    let test = app(TWO);
    let _running = up(&test);
    let api = pid(&test, "api");
    let ask = || {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "curl",
            "-sS",
            "--max-time",
            "10",
            "--unix-socket",
        ]);
        let output = command.arg(socket(&test)).args(["-X", "POST", "http://mainstay/v1/down"]).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let kept_out = ask();
    assert!(!kept_out.contains("\"pid\""), "{kept_out}");
    for path in socket(&test).ancestors().take_while(|path| *path != Path::new("/tmp") && *path != Path::new("/")) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let refused = ask();
    assert!(refused.contains("only user 0, who runs this mainstay, and root may ask it"), "{refused}");
    assert!(refused.contains("user 65534 asks"), "{refused}");
    assert_eq!(pid(&test, "api"), api);
}

/// What services write may hold secrets: nobody who asks is shown one.
#[test]
fn no_secret_is_told() {
    let test = app("name = \"shop\"\n[env]\nTOKEN = { about = \"t\", secret = true }\n\
         [services.api]\ncommand = [\"sh\", \"-c\", \"echo out $TOKEN; echo err $TOKEN >&2; exec sleep 1000\"]\n\
         [services.bad]\ncommand = \"./s3cret-t0ken\"\nrestart = { initial = \"1h\" }\n")
    .script("s3cret-t0ken", "#!/bin/sh\nexit 1\n")
    .secret_env("TOKEN", "s3cret-t0ken");
    let mut running = test.again().args(["up"]).spawn();
    running.wait_for_line("| err ***", LIMIT);
    wait_until(LIMIT, "it has failed", || service(&test, "bad")["fine"] == "backoff");
    for ask in [
        "GET /v1/why/api",
        "GET /v1/why/bad",
        "GET /v1/ps",
        "GET /v1/status",
        "GET /v1/events?count=1000",
        "POST /v1/restart",
    ] {
        let answer = raw(&socket(&test), format!("{ask} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains("s3cret"), "{ask}: {answer}");
    }
    let why = json(&test, &["why", "api"]);
    assert_eq!(why["stderr"][0], "err ***", "{why}");
}

/// An older command line against a newer mainstay says so, and the other way round.
#[test]
fn versions_that_differ_are_told() {
    let test = app(TWO);
    let running = up(&test);
    let answer = raw(&socket(&test), b"GET /v2/ps HTTP/1.1\r\nHost: x\r\nMainstay-Version: 9.0.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("the one that asks 9.0.0"), "{answer}");
    assert!(answer.contains("version 2 of the control protocol is not spoken here, but version 1"), "{answer}");
    assert!(answer.contains("mainstay-protocol: 1"), "{answer}");
    let answer = raw(&socket(&test), b"GET /v1/telepathy HTTP/1.1\r\nHost: x\r\nMainstay-Version: 9.0.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("does not know `/v1/telepathy`"), "{answer}");
    test.again().args(["down"]).run().code(0);
    running.wait(LIMIT).code(0);

    let newer = |protocol: u32, body: &str| {
        let listener = UnixListener::bind(socket(&test)).unwrap();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nMainstay-Protocol: {protocol}\r\nMainstay-Version: 9.0.0\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let said = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let output = test.again().args(["ps"]).run();
        said.join().unwrap();
        fs::remove_file(socket(&test)).unwrap();
        output
    };
    let grown = newer(
        1,
        r#"{"app":"shop","mood":"good","services":[{"name":"api","state":"active","fine":"running","ready":true,"aura":{}}]}"#,
    );
    grown
        .code(0)
        .stdout_has("api")
        .stderr_has("the running mainstay is of another version")
        .stderr_has("the running one is 9.0.0");
    let other = newer(2, r#"{"wholly":"other"}"#);
    other.code(1).stdout_is("").stderr_has("do not understand each other").stderr_has("9.0.0 and speaks protocol 2");
    let broken = newer(1, "no json");
    broken.code(3).stderr_has("the answer cannot be understood");
}

/// Item 5: what happened lately, and what goes on to happen.
#[test]
fn events_are_told_and_followed() {
    let test = app(TWO);
    let _running = up(&test);
    let last = test.again().args(["events", "-n", "1000", "--json"]).run();
    last.code(0).stdout_has("\"event\":\"service.started\"").stdout_has("\"event\":\"start.done\"");
    let mut follower = test.again().args(["events", "--follow", "-n", "0"]).spawn();
    let restarted = wait_for(LIMIT, "the follower hears of it", || {
        test.again().args(["restart", "bot"]).run().code(0);
        follower.stdout().contains("bot is ready after").then(|| follower.stdout())
    });
    assert!(!restarted.contains("start.done") && restarted.contains(" info  bot runs as pid "), "{restarted}");
    assert!(follower.running());
    follower.interrupt();
    follower.wait(LIMIT).code(0);
}

/// While it waits at the gate it can be asked what for, and be stopped; orders have to wait.
#[test]
fn it_can_be_asked_from_the_first_moment() {
    let port = testkit::free_port();
    let test = app(&format!(
        "name = \"shop\"\n[dependencies.cache]\nurl = \"tcp://127.0.0.1:{port}\"\n[services.api]\nneeds = [\"cache\"]\ncommand = \"sleep 1000\"\n"
    ));
    let mut running = test.again().args(["up"]).spawn();
    running.wait_for_line("waiting for cache", LIMIT);
    wait_until(LIMIT, "the gate is told", || {
        let why = json(&test, &["why", "api"]);
        why["blocked_on"][0].as_str().is_some_and(|on| on.starts_with("the gate, which waits for `cache`: "))
    });
    test.again().args(["restart", "api"]).run().code(75).stderr_has("it has come to `gate`");
    assert_eq!(json(&test, &["status"])["phase"], "gate");
    test.again().args(["down"]).run().code(0);
    running.wait(LIMIT).code(130);
}
