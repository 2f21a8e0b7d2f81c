//! What happens is remembered: `events`, `timeline`, `history`, and a journal that breaks.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use rusqlite::Connection;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};
use support::{LIMIT, app, get, is_root, json, names, up};
use testkit::{Cluster, Running, Test, free_port, wait_for, wait_until};

const ONE: &str = "name = \"shop\"\n[services.api]\ncommand = \"sleep 1000\"\n";

fn file(test: &Test) -> PathBuf {
    test.path().join("data/journal.db")
}

/// The events that `mainstay events` tells, as JSON.
#[track_caller]
fn events(test: &Test, more: &[&str]) -> Vec<Value> {
    let output = test.again().args([&["events", "--json", "-n", "1000"], more].concat()).run();
    output.code(0);
    output.raw_stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn called(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

fn stop(running: Running) {
    running.terminate();
    running.wait(LIMIT).code(0);
}

/// S3.9: the course of a start is recorded and can be shown, while mainstay runs and after it has ended, and so are the starts before.
#[test]
fn the_course_of_a_start_can_be_shown() {
    let cluster = Cluster::start();
    let test = app("name = \"shop\"\n\
         [databases.main]\nurl = \"${DATABASE_URL}\"\n\
         [migrations]\ndir = \"migrations\"\n\
         [services.api]\nneeds = [\"main\"]\ncommand = \"sleep 1000\"\n")
    .file("migrations/0001_users.sql", "create table users (id int);\n")
    .env("DATABASE_URL", cluster.url())
    .env("MAINSTAY_RELEASE", "1.4.2");
    let running = up(&test);
    let check = |number: u64, migrated: bool| {
        let start = json(&test, &["timeline"]);
        assert_eq!(
            (&start["number"], &start["release"], &start["app"]),
            (&number.into(), &"1.4.2".into(), &"shop".into())
        );
        let steps: Vec<_> = start["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| (step["name"].as_str().unwrap(), step["verdict"].as_str().unwrap()))
            .collect();
        assert_eq!(steps, [("prepare", "pass"), ("gate", "pass"), ("migrate", "pass"), ("start", "pass")], "{start:#}");
        let parts = |step: usize| {
            start["steps"][step]["parts"]
                .as_array()
                .unwrap()
                .iter()
                .map(|part| part["name"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!((parts(1), parts(3)), (vec!["main".to_owned()], vec!["api".to_owned()]), "{start:#}");
        assert_eq!(parts(2).len(), usize::from(migrated), "{start:#}");
        assert!(
            start["took_s"].as_f64().unwrap() > 0.0
                && start["outcome"].as_str().unwrap().starts_with("`shop` is up after")
        );
        start
    };
    assert_eq!(check(1, true)["ended"], Value::Null);
    stop(running);
    assert_ne!(check(1, true)["ended"], Value::Null);
    stop(up(&test));
    check(2, false);
    assert_eq!(json(&test, &["timeline", "1"])["number"], 1);
    let shown = test.again().args(["timeline", "1"]).run();
    shown
        .code(0)
        .stderr_is("")
        .stdout_has("start 1 of `shop` at ")
        .stdout_has("  0001_users")
        .stdout_has("pass  1 dependency ready");
    shown.stdout_has("█").stdout_has("; it ended at ");
    let list = json(&test, &["timeline", "--list"]);
    assert_eq!(list.as_array().unwrap().len(), 2);
    test.again().args(["timeline", "--list"]).run().code(0).stdout_has("START  BEGAN");
    test.again()
        .args(["timeline", "7"])
        .run()
        .code(2)
        .stdout_is("")
        .stderr_is("error: there is no start 7\n  hint: `mainstay timeline --list` lists the starts\n");
}

/// S3.9: a start that failed is remembered as far as it came, and why.
#[test]
fn a_start_that_failed_can_be_shown() {
    let test = app(&format!(
        "name = \"shop\"\n[dependencies.cache]\nurl = \"tcp://127.0.0.1:{}\"\nwait = \"300ms\"\n\
         [services.api]\nneeds = [\"cache\"]\ncommand = \"sleep 1000\"\n",
        free_port()
    ));
    test.again().args(["up"]).run().code(75);
    let start = json(&test, &["timeline"]);
    assert_eq!(
        (&start["steps"][1]["name"], &start["steps"][1]["verdict"]),
        (&"gate".into(), &"fail".into()),
        "{start:#}"
    );
    assert_eq!(start["steps"][1]["parts"][0]["name"], "cache");
    test.again().args(["timeline"]).run().code(0).stdout_has("fail").stdout_has("the start has failed; it ended at");
    let failed = events(&test, &["--name", "step.failed", "--level", "error"]);
    assert_eq!(called(&failed), ["step.failed"]);
}

/// Issue 4, item 7: events are told with and without a running mainstay, over several starts, by time, service, name, level and text.
#[test]
fn events_reach_back_beyond_the_running_mainstay() {
    let test = app(ONE);
    stop(up(&test));
    let before = events(&test, &[]);
    assert!(called(&before).contains(&"service.stopped"), "{before:?}");
    let running = up(&test);
    let all = events(&test, &[]);
    let both: Vec<_> = called(&all).into_iter().filter(|name| *name == "start.done").collect();
    assert_eq!(both.len(), 2, "{all:?}");
    assert_eq!(
        all[..before.len()].iter().map(|it| &it["text"]).collect::<Vec<_>>(),
        before.iter().map(|it| &it["text"]).collect::<Vec<_>>()
    );
    assert_eq!(called(&events(&test, &["--name", "service.ready", "--service", "api"])), ["service.ready"; 2]);
    assert_eq!(events(&test, &["--service", "nobody"]), Vec::<Value>::new());
    assert_eq!(called(&events(&test, &["--grep", "^`shop` is up after"])), ["start.done"; 2]);
    assert_eq!(events(&test, &["--level", "error"]), Vec::<Value>::new());
    assert!(called(&events(&test, &["--level", "debug"])).contains(&"step.started"));
    assert_eq!(events(&test, &["--until", "1h"]), Vec::<Value>::new());
    assert_eq!(events(&test, &["--since", "1h"]).len(), all.len());
    let last = test.again().args(["events", "-n", "1", "--name", "start.done"]).run();
    last.code(0);
    assert!(last.raw_stdout.contains("Z info  `shop` is up after"), "{}", last.raw_stdout);
    let follower = test.again().args(["events", "-f", "-n", "1", "--name", "service"]).spawn();
    wait_until(LIMIT, "the last one is told", || follower.stdout().contains("api is ready"));
    wait_for(LIMIT, "the follower hears of it", || {
        test.again().args(["restart", "api"]).run().code(0);
        follower.stdout().contains("api stopped with").then_some(())
    });
    assert!(!follower.stdout().contains("start.done"));
    follower.interrupt();
    follower.wait(LIMIT).code(0);
    stop(running);
}

/// Issue 4, item 7: killed in the middle, it has lost nothing of what happened more than a moment ago.
#[test]
fn a_killed_mainstay_has_written_what_happened() {
    let test = app(ONE);
    let mut running = up(&test);
    let pid = json(&test, &["ps"])["services"][0]["pid"].as_u64().unwrap();
    wait_until(LIMIT, "it is written", || {
        let reader = Connection::open(file(&test)).unwrap();
        let sql = "select count(*) from events where name = 'start.done'";
        reader.query_row(sql, [], |row| row.get::<_, i64>(0)).is_ok_and(|many| many == 1)
    });
    running.kill9();
    let started = events(&test, &["--name", "service.started"]);
    assert_eq!(started[0]["fields"]["pid"], pid);
    assert_eq!(json(&test, &["timeline"])["ended"], Value::Null);
    stop(up(&test));
    let list = json(&test, &["timeline", "--list"]);
    assert_eq!((&list[0]["ended"], list[1]["ended"].is_string()), (&Value::Null, true), "{list}");
}

/// S1.3: every check of a database is counted with how long it took; when it was away is told of the day.
#[test]
fn a_database_has_a_history() {
    let cluster = Cluster::start();
    let test = app("name = \"shop\"\n\
         [databases.main]\nurl = \"${DATABASE_URL}\"\nmonitor = { every = \"100ms\", failures = 2 }\n\
         [services.api]\nneeds = [\"main\"]\ncommand = \"sleep 1000\"\n")
    .env("DATABASE_URL", cluster.url());
    let mut running = up(&test);
    let figure = |name: &str| {
        let hours = json(&test, &["history", "main"]);
        let hours = hours.as_array().unwrap();
        hours.iter().map(|hour| hour["figures"][name]["count"].as_u64().unwrap_or_default()).sum::<u64>()
    };
    wait_until(LIMIT, "it was asked", || figure("check.pass") > 3);
    cluster.stop_fast();
    running.wait_for_line("main is down after", LIMIT);
    cluster.start_again();
    running.wait_for_line("main is ready again", LIMIT);
    wait_until(LIMIT, "that is counted", || figure("check.fail") > 1 && figure("time.down") > 0);
    stop(running);
    let hours = json(&test, &["history", "main"]);
    let available = hours.as_array().unwrap().iter().filter_map(|it| it["availability"].as_f64()).fold(1.0, f64::min);
    assert!(available > 0.0 && available < 1.0, "{hours:#}");
    test.again().args(["history"]).run().code(0).stdout_has("DEPENDENCY  AVAILABLE").stdout_has("disk free, data");
    let minutes = json(&test, &["history", "main", "--minutes"]);
    let sum = |of: &Value| {
        let counts =
            of.as_array().unwrap().iter().map(|it| it["figures"]["check.fail"]["count"].as_u64().unwrap_or_default());
        counts.sum::<u64>()
    };
    assert_eq!(sum(&minutes), sum(&hours), "{minutes:#}");
    assert!(minutes[0]["minute"].is_string() && hours[0]["hour"].is_string());
    test.again().args(["history", "--minutes"]).run().code(0).stdout_has("MINUTE").stdout_has("DEPENDENCY  AVAILABLE");
    let day = json(&test, &["timeline", "today"]);
    let outage = &day["outages"][0];
    assert_eq!((&outage["dependency"], outage["to"].is_string()), (&"main".into(), true), "{day:#}");
    test.again()
        .args(["timeline", "--day", "today"])
        .run()
        .code(0)
        .stdout_has("main was away for ")
        .stdout_has("starts\n");
    assert!(!called(&events(&test, &["--level", "debug", "--grep", "main answers"])).contains(&"health.check"));
    test.again()
        .args(["history", "mian"])
        .run()
        .code(2)
        .stderr_has("nothing is known of `mian`")
        .stderr_has("did you mean");
}

/// S1.18: memory, disk and services are looked at, and are in the metrics.
#[test]
fn the_machine_is_looked_at() {
    let port = free_port();
    let test = app(&format!("{ONE}[health]\nlisten = \"127.0.0.1:{port}\"\nmetrics = true\n"));
    let running = up(&test);
    let seen = wait_for(LIMIT, "it has looked", || {
        let seen = events(&test, &["--level", "debug", "--name", "machine"]);
        called(&seen).contains(&"machine.service").then_some(seen)
    });
    let of = |name: &str| {
        seen.iter().find(|it| it["event"] == name).unwrap_or_else(|| panic!("{name} in {seen:?}"))["fields"].clone()
    };
    assert!(of("machine.memory")["available_bytes"].as_u64() > Some(0));
    assert!(of("machine.disk")["free_bytes"].as_u64() > Some(0));
    assert!(of("machine.service")["memory_bytes"].as_u64() > Some(0));
    let (_, metrics) = get(port, "/metrics").unwrap();
    for name in [
        "mainstay_journal_up 1.0",
        "mainstay_journal_size_bytes ",
        "mainstay_journal_dropped_total 0.0",
        "mainstay_disk_free_bytes{of=\"data\"} ",
        "mainstay_memory_available_bytes ",
    ] {
        assert!(metrics.contains(&format!("\n{name}")), "{name} in {metrics}");
    }
    stop(running);
}

/// Issue 4, bad input: a damaged journal is put aside, and everything runs.
#[test]
fn a_damaged_journal_ends_nothing() {
    let test = app(ONE);
    fs::create_dir_all(test.path().join("data")).unwrap();
    fs::write(file(&test), "this is no database, and never was one").unwrap();
    let mut running = up(&test);
    running.wait_for_line("error: the journal was damaged and is kept as `", LIMIT);
    assert_eq!(json(&test, &["status"])["journal"]["verdict"], "pass");
    test.again().args(["status"]).run().code(0).stdout_has("journal: pass, ");
    stop(running);
    assert!(names(&test.path().join("data")).iter().any(|name| name.starts_with("journal.db.damaged-")));
    assert!(called(&events(&test, &[])).contains(&"journal.damaged"));
}

/// Issue 4, item 7: whatever is in the way of the journal, the application runs, and `status` says so.
#[test]
fn a_journal_that_cannot_be_written_is_told() {
    let test = app(ONE);
    fs::create_dir_all(file(&test)).unwrap();
    let mut running = up(&test);
    running.wait_for_line("error: the journal cannot be written, all else goes on: ", LIMIT);
    let status = json(&test, &["status"]);
    assert_eq!((&status["journal"]["verdict"], &status["health"]), (&"fail".into(), &"ok".into()), "{status:#}");
    test.again().args(["status"]).run().code(0).stdout_has("journal: fail: ");
    // What the running one knows itself is told all the same.
    let known = test.again().args(["events", "-n", "1000"]).run();
    known.code(0).stdout_has("is up after").stderr_has("the journal cannot be read");
    fs::remove_dir(file(&test)).unwrap();
    running.wait_for_line("the journal is written again after", LIMIT);
    stop(running);
    assert!(called(&events(&test, &[])).contains(&"start.done"), "what waited is there");
}

/// Design, section 6: a journal of a newer mainstay is refused and kept.
#[test]
fn a_newer_journal_is_left_alone() {
    let test = app(ONE);
    fs::create_dir_all(test.path().join("data")).unwrap();
    let newer = "PRAGMA application_id = 1836280428; PRAGMA user_version = 99; CREATE TABLE events (what)";
    Connection::open(file(&test)).unwrap().execute_batch(newer).unwrap();
    let mut running = up(&test);
    running.wait_for_line("the file is of version 99, and this mainstay knows version 1", LIMIT);
    assert_eq!(json(&test, &["status"])["journal"]["verdict"], "fail");
    stop(running);
    test.again().args(["timeline"]).run().code(3).stdout_is("").stderr_has("of version 99");
    let tables = Connection::open(file(&test)).unwrap();
    let sql: String = tables.query_row("select group_concat(sql) from sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(sql, "CREATE TABLE events (what)");
}

/// S0.6: what is secret is not in the journal, in no form.
#[test]
fn no_secret_is_remembered() {
    let test = app("name = \"shop\"\n[env]\nTOKEN = { secret = true }\n\
         [services.api]\nrestart = \"never\"\ncommand = [\"sh\", \"-c\", \"exec hunter22-is-no-program\"]\n\
         [services.bot]\nneeds = [\"cache\"]\ncommand = \"sleep 1000\"\n\
         [dependencies.cache]\nrequired = false\nurl = \"redis://:swordfish9@127.0.0.1:1/0\"\nwait = \"300ms\"\n")
    .env("TOKEN", "hunter22");
    let mut running = test.again().args(["up"]).spawn();
    running.wait_for_line("api has failed", LIMIT);
    running.terminate();
    running.wait(LIMIT);
    let mut bytes = Vec::new();
    for name in names(&test.path().join("data")).iter().filter(|name| name.starts_with("journal.db")) {
        bytes.extend(fs::read(test.path().join("data").join(name)).unwrap());
    }
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("service.exited") && !text.contains("hunter22") && !text.contains("swordfish9"));
}

/// `[journal] enabled = false`: nothing is written, `status` says so, and nothing else changes.
#[test]
fn a_journal_that_is_not_wanted_is_not_written() {
    let test = app(&format!("{ONE}[journal]\nenabled = false\n"));
    let running = up(&test);
    assert_eq!(json(&test, &["status"])["journal"]["verdict"], "skipped");
    assert!(called(&events(&test, &[])).contains(&"start.done"), "the running one knows its last events");
    test.again().args(["timeline"]).run().code(1).stdout_is("").stderr_has("error: nothing is remembered yet");
    stop(running);
    assert!(!file(&test).exists());
    test.again().args(["events"]).run().code(1).stderr_has("`shop` is not running");
}

/// A disk of 600 kB in a mount namespace of its own, filled by a file that is not ours; `$1` is mainstay.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=600k none data || exit 90
dd if=/dev/zero of=data/theirs bs=1k count=560 2>/dev/null
"$1" up & mainstay=$!
until grep -q 'journal cannot be written' told; do sleep 0.05; done
"$1" status --json > status
rm data/theirs
until grep -q 'journal is written again' told; do sleep 0.05; done
"$1" events --json -n 1000 > events
kill $mainstay; wait $mainstay; echo "exit $?"
"$1" timeline --json > timeline
mount -o remount,ro data
"$1" timeline --json > read-only; echo "exit $?"
"#;

/// Issue 4, item 7: a full disk is told once, ends nothing, and what waited is written when there is room again. Only root can make such a
/// disk. At its end it is read where nothing may be written.
#[test]
fn a_full_disk_is_told_and_outlived() {
    if !is_root() {
        return;
    }
    let config = format!("{ONE}[logs]\nenabled = false\n");
    let test = app(&config).script("disk.sh", &format!("#!/bin/sh\nexec 2>told\n{SCRIPT}")).below("data");
    let line = format!("cd '{}' && exec ./disk.sh '{}'", test.path().display(), env!("CARGO_BIN_EXE_mainstay"));
    let unshare =
        Test::new("/usr/bin/unshare").env("PATH", "/usr/local/bin:/usr/bin:/bin").env("MAINSTAY_LOG_FORMAT", "human");
    let output = unshare.args(["-m", "sh", "-c", &line]).run();
    let read = |name: &str| fs::read_to_string(Path::new(test.path()).join(name)).unwrap_or_default();
    assert_eq!(output.raw_stdout, "exit 0\nexit 0\n", "{}", read("told"));
    assert_eq!(read("told").matches("the journal cannot be written").count(), 1, "{}", read("told"));
    let status: Value = serde_json::from_str(&read("status")).unwrap();
    assert_eq!((&status["journal"]["verdict"], &status["health"]), (&"fail".into(), &"ok".into()));
    assert!(status["journal"]["reason"].as_str().unwrap().contains("full"), "{status:#}");
    assert!(read("events").contains("start.done"), "{}", read("events"));
    assert!(read("timeline").contains("\"verdict\": \"pass\""), "{}", read("timeline"));
    assert_eq!(read("timeline"), read("read-only"));
}
