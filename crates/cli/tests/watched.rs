//! What is seen of services that tell by themselves, flap, use too much, or end for a reason that has a name.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use support::{LIMIT, app, json};
use testkit::{Cluster, wait_until};

/// Item 6: what a service says of itself is shown by `ps`, `status` and `why`.
#[test]
fn what_a_service_says_is_shown() {
    let test = app("name = \"shop\"\n[services.bot]\n\
        command = [\"sh\", \"-c\", \"systemd-notify --ready --status='42 chats'; exec sleep 1000\"]\n\
        health = { notify = true }\n");
    let mut running = test.again().args(["up"]).spawn();
    running.wait_for_line("is up", LIMIT);
    wait_until(LIMIT, "it says so", || json(&test, &["ps"])["services"][0]["status"] == "42 chats");
    test.again().args(["ps"]).run().code(0).stdout_has("says: 42 chats");
    test.again().args(["why", "bot"]).run().code(0).stdout_has("it says: 42 chats");
    running.terminate();
    running.wait(LIMIT).code(0);
}

/// S2.19: two pollers are recognised by what the service wrote last, in the event and by `why`, with what to do.
#[test]
fn two_pollers_are_named() {
    let test = app("name = \"shop\"\n[services.bot]\n\
        command = [\"sh\", \"-c\", \"echo 'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running' >&2; exit 1\"]\n\
        restart = { initial = \"1h\", max = \"1h\" }\nhandover = \"exclusive\"\n");
    let mut running = test.again().args(["up"]).spawn();
    running.wait_for_line("; somebody else polls with the same token", LIMIT);
    wait_until(LIMIT, "it waits", || json(&test, &["ps"])["services"][0]["fine"] == "backoff");
    assert_eq!(json(&test, &["why", "bot"])["fault"]["name"], "two-pollers");
    test.again()
        .args(["why", "bot"])
        .run()
        .code(0)
        .stdout_has("most likely: somebody else polls with the same token")
        .stdout_has("hint: look for another copy");
    running.terminate();
    running.wait(LIMIT);
}

/// Item 6: limits are told, in force or not, and a kill for want of memory is counted and has its meaning.
#[test]
fn a_limit_on_memory_is_told_and_its_kill_has_a_meaning() {
    let test = app("name = \"shop\"\n[services.job]\n\
        command = [\"python3\", \"-c\", \"import time; x = b'x' * (256 << 20); time.sleep(1000)\"]\n\
        restart = { initial = \"1h\", max = \"1h\" }\nlimits = { memory = \"32MB\", files = 100 }\n");
    let mut running = test.again().args(["up"]).spawn();
    let told = running.wait_for_line("job is limited: ", LIMIT);
    if let Some((_, why)) = told.split_once("`memory` is NOT in force: ") {
        assert!(!why.is_empty(), "{told}");
    } else {
        wait_until(LIMIT, "it waits", || json(&test, &["ps"])["services"][0]["fine"] == "backoff");
        let why = json(&test, &["why", "job"]);
        assert!(why["service"]["usage"]["oom_kills"].as_u64() >= Some(1), "{why}");
        assert_eq!(why["last_exit"]["how"], "signal 9 (SIGKILL)", "{why}");
        assert!(why["last_exit"]["meaning"].as_str().unwrap().contains("want of memory"), "{why}");
    }
    running.terminate();
    running.wait(LIMIT);
}

/// S2.19, item 1: of two hosts one runs the poller, the other waits, parked, and says who has it; it takes over when the first is gone.
#[test]
fn a_poller_runs_on_one_host_alone() {
    let cluster = Cluster::start();
    let config = "name = \"shop\"\n[databases.main]\nurl = \"${DATABASE_URL}\"\n\
        [services.bot]\ncommand = \"sleep 1000\"\nneeds = [\"main\"]\nhandover = \"exclusive\"\n";
    let (one, two) = (app(config).env("DATABASE_URL", cluster.url()), app(config).env("DATABASE_URL", cluster.url()));
    let mut first = one.again().args(["up"]).spawn();
    first.wait_for_line("is up", LIMIT);
    let mut second = two.again().args(["up"]).spawn();
    second.wait_for_line(
        "bot is parked: it waits for its lock: another host has its lock in `main`: mainstay bot on",
        LIMIT,
    );
    wait_until(LIMIT, "it is parked", || json(&two, &["ps"])["services"][0]["state"] == "parked");
    // A restart keeps the lock.
    one.again().args(["restart", "bot"]).run().code(0);
    assert_eq!(json(&two, &["ps"])["services"][0]["state"], "parked");
    first.terminate();
    first.wait(LIMIT).code(0);
    wait_until(LIMIT, "it takes over", || json(&two, &["ps"])["services"][0]["state"] == "active");
    // A database that goes away and comes back costs the lock its session, and nobody the poller.
    let pid = json(&two, &["ps"])["services"][0]["pid"].clone();
    let locks = |running: &testkit::Running| running.stderr().matches("bot has its lock").count();
    let before = locks(&second);
    cluster.stop_fast();
    cluster.start_again();
    wait_until(LIMIT, "it has its lock again", || locks(&second) > before);
    let third = one.again().args(["up"]).spawn();
    wait_until(LIMIT, "the third waits", || {
        one.path().join("data/run/control.sock").exists()
            && json(&one, &["ps"])["services"].get(0).is_some_and(|bot| bot["state"] == "parked")
    });
    let bot = &json(&two, &["ps"])["services"][0];
    assert_eq!((&bot["state"], &bot["pid"]), (&"active".into(), &pid), "{bot}");
    second.terminate();
    second.wait(LIMIT).code(0);
    third.terminate();
    third.wait(LIMIT);
}
