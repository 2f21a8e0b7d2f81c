//! Jobs of a running mainstay: run now, shown, reloaded.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use serde_json::Value;
use std::fs;
use support::{LIMIT, alive, app, json, pid_of, up};
use testkit::{Cluster, Test, wait_until};

/// A job that is due in a month at the latest, and not by itself in a test.
fn rarely(name: &str, script: &str, more: &str) -> String {
    format!("[schedule.{name}]\ncron = \"0 0 1 1 *\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\n{more}\n")
}

#[track_caller]
fn job(test: &Test, name: &str) -> Value {
    let ps = json(test, &["ps"]);
    let jobs = ps["jobs"].as_array().unwrap();
    jobs.iter().find(|job| job["name"] == name).unwrap_or_else(|| panic!("no `{name}`: {ps}")).clone()
}

/// Item 5, S2.15: `run-now` shows the run of a job and ends with its exit code; it is in the history and in the events.
#[test]
fn a_job_is_run_now() {
    let test = app(&[
        rarely("report", "echo out; echo err >&2; exit 7", ""),
        rarely("tidy", "echo tidied", ""),
        "[schedule.never]\noff = true\ncommand = \"true\"\n".replace("off = true", "every = \"off\""),
    ]
    .concat());
    let running = up(&test);
    let output = test.again().args(["run-now", "report"]).run();
    output
        .code(7)
        .stdout_is("out\n")
        .stderr_has("err\n")
        .stderr_has("`report` has failed after")
        .stderr_has("exit code 7");
    test.again().args(["run-now", "tidy"]).run().code(0).stdout_is("tidied\n").stderr_has("`tidy` is done after");
    test.again().args(["run-now", "never"]).run().code(0);
    assert_eq!(job(&test, "report")["last"]["code"], 7);
    assert_eq!(job(&test, "report")["last"]["why"], "asked");
    assert!(job(&test, "report")["next"].as_str().unwrap().ends_with("-01-01T00:00:00Z"));
    assert_eq!(job(&test, "never")["state"], "off");

    let ps = test.again().args(["ps"]).run();
    ps.code(0).stdout_has("JOB     STATE").stdout_has("failed [TIME] ago").stdout_has("its rhythm is `off`");
    test.again().args(["status"]).run().code(0).stdout_has("tidy    idle");
    let why = test.again().args(["why", "report"]).run();
    why.code(0)
        .stdout_has("job `report` is idle")
        .stdout_has("last run: failed [TIME] ago after")
        .stdout_has("  err\n");
    test.again().args(["events", "-n", "1000"]).run().code(0).stdout_has("report has failed after");
    test.again().args(["schedule", "report"]).run().code(0).stdout_has("failed after");

    let missing = test.again().args(["run-now", "reprot"]).run();
    missing.code(2).stderr_has("there is no job `reprot` here").stderr_has("did you mean `report`?");
    running.terminate();
    running.wait(LIMIT).code(0);
    let nobody = test.again().args(["run-now", "tidy"]).run();
    nobody.code(1).stderr_has("is not running").stderr_has("`mainstay schedule run tidy` runs it without");
}

/// S2.15: the overlap policy counts for a run that is asked for, too, and is told.
#[test]
fn a_run_that_overlaps_is_told() {
    let script = "echo begun $$; exec sleep 1000";
    let test = app(&[
        rarely("skips", script, "overlap = \"skip\""),
        rarely("yields", script, "overlap = \"replace\""),
        rarely("queues", "mkdir alone; sleep 0.5; rmdir alone; echo after", "overlap = \"queue\""),
    ]
    .concat());
    let mut running = up(&test);
    for name in ["skips", "yields", "queues"] {
        test.again().args(["run-now", name, "--detach"]).run().code(0).stderr_has(&format!("`{name}` begins"));
    }
    let skips = pid_of(&mut running, "skips");
    test.again()
        .args(["run-now", "skips"])
        .run()
        .code(75)
        .stderr_has("`skips` is left out: the run before is still at work");
    assert!(alive(skips));
    let queued = test.again().args(["run-now", "queues"]).run();
    queued.code(0).stderr_has("`queues` is at work: this run follows").stdout_is("after\n");

    let first = pid_of(&mut running, "yields");
    let mut second = test.again().args(["run-now", "yields"]).spawn();
    second.wait_for_line("that run is stopped, and this one takes its place", LIMIT);
    second.wait_for_line("begun ", LIMIT);
    assert!(!alive(first));
    // Whoever asked may leave: the run goes on. At the end of everything it is stopped.
    let replaced = job(&test, "yields")["pid"].as_u64().unwrap();
    second.kill9();
    assert!(alive(u32::try_from(replaced).unwrap()));
    let mut last = test.again().args(["run-now", "yields"]).spawn();
    last.wait_for_line("begun ", LIMIT);
    running.terminate();
    last.wait(LIMIT).code(1).stderr_has("`yields` was stopped after");
    running.wait(LIMIT).code(0);
}

/// Item 5: `reload` takes up jobs that changed, are new or are gone, and leaves runs at work alone.
#[test]
fn a_reload_takes_up_jobs() {
    let service = "name = \"shop\"\n[services.api]\ncommand = \"sleep 1000\"\n";
    let with = |jobs: &[String]| service.to_owned() + &jobs.concat();
    let (long, gone) = (rarely("long", "exec sleep 1000", ""), rarely("gone", "exec sleep 1001", ""));
    let test = app(&with(&[long.clone(), gone, rarely("report", "echo old", "")]));
    let mut running = up(&test);
    for name in ["long", "gone"] {
        test.again().args(["run-now", name, "-d"]).run().code(0);
    }
    let (long_pid, gone_pid) = (pid_of(&mut running, "long"), pid_of(&mut running, "gone"));
    let tick = "[schedule.tick]\nevery = \"1s\"\ncommand = \"echo tock\"\n".to_owned();
    fs::write(test.path().join("mainstay.toml"), with(&[long, rarely("report", "echo new", ""), tick])).unwrap();
    let reloaded = test.again().args(["reload"]).run();
    reloaded.code(0).stdout_is(
        "not touched: api\njobs changed: report\njobs added: tick\njobs removed: gone\njobs not touched: long\n",
    );
    running.wait_for_line("tick     | tock", LIMIT);
    test.again().args(["run-now", "report"]).run().code(0).stdout_is("new\n");
    assert!(alive(long_pid) && alive(gone_pid), "what was at work goes on");
    test.again().args(["run-now", "gone"]).run().code(2).stderr_has("there is no job `gone` here");
    assert!(std::process::Command::new("kill").arg(gone_pid.to_string()).status().unwrap().success());
    wait_until(LIMIT, "it is forgotten", || json(&test, &["ps"])["jobs"].as_array().unwrap().len() == 3);
    running.terminate();
    running.wait(LIMIT).code(0);
}

/// Item 5: where only jobs are left, be it that there never was a service or that all have done their work, a reload brings services.
#[test]
fn a_reload_brings_services_where_only_jobs_were_left() {
    let job = || rarely("report", "echo report", "");
    let once = "[services.once]\ncommand = \"true\"\nrestart = \"never\"\n";
    let api = "[services.api]\ncommand = [\"sh\", \"-c\", \"echo here; exec sleep 1000\"]\n";
    for (before, after, told) in [
        ("", api.to_owned(), "starts: api\njobs not touched: report\n"),
        (once, once.to_owned() + api, "starts: api\nnot touched: once\njobs not touched: report\n"),
    ] {
        let test = app(&(job() + before));
        let mut running = up(&test);
        let is_done = || json(&test, &["ps"])["services"].as_array().unwrap().iter().all(|it| it["fine"] == "done");
        wait_until(LIMIT, "jobs alone are left", is_done);
        fs::write(test.path().join("mainstay.toml"), job() + &after).unwrap();
        test.again().args(["reload"]).run().code(0).stdout_is(told);
        running.wait_for_line("api      | here", LIMIT);
        test.again().args(["run-now", "report"]).run().code(0).stdout_is("report\n");
        running.terminate();
        running.wait(LIMIT).code(0);
    }
}

/// Item 5: jobs that are left keep nobody up whose only service has failed.
#[test]
fn a_service_that_failed_is_the_end_of_jobs_too() {
    let failing = "[services.once]\ncommand = [\"sh\", \"-c\", \"sleep 1; exit 5\"]\nrestart = \"never\"\n";
    let test = app(&(rarely("report", "echo report", "") + failing));
    up(&test).wait(LIMIT).code(5);
}

/// S4.12: what became a secret by a reload is hidden from then on in files, events and on the pages.
#[test]
fn a_new_secret_is_hidden_after_a_reload() {
    let config = |env: &str| {
        format!(
            "name = \"shop\"\n[services.api]\ncommand = [\"sh\", \"-c\", \"echo token $API_TOKEN; exec sleep 1000\"]\n{env}\n"
        )
    };
    let test = app(&config(""));
    let mut running = up(&test);
    fs::write(test.path().join("mainstay.toml"), config("env = { API_TOKEN = \"correcthorse\" }")).unwrap();
    test.again().args(["reload"]).run().code(0).stdout_is("restarts: api\n");
    running.wait_for_line("token ***", LIMIT);
    wait_until(LIMIT, "it is in the file", || {
        test.again().args(["logs", "api"]).run().raw_stdout.contains("token ***")
    });
    let kept: String = fs::read_dir(test.path().join("data/logs"))
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap_or_default())
        .collect();
    assert!(kept.contains("token ***") && !kept.contains("correcthorse"), "{kept}");
    running.terminate();
    running.wait(LIMIT).code(0);
}

/// S2.6: a dry run lists the jobs.
#[test]
fn a_dry_run_lists_the_jobs() {
    let test = app(&rarely("report", "echo report", ""));
    let dry = test.again().args(["up", "--dry-run"]).run();
    dry.stdout_has("start    no services; from then on jobs: `report`");
    let test =
        app(&(rarely("report", "echo report", "") + "\n").replacen("[schedule", "failsafe = true\n[schedule", 1));
    let dry = test.again().args(["up", "--dry-run"]).run();
    assert!(!dry.raw_stdout.contains("from then on"), "{}", dry.raw_stdout);
}

/// Item 3: a service that a person has stopped makes the application degraded, not critical.
#[test]
fn what_is_stopped_by_hand_is_told_as_that() {
    let test =
        app("name = \"shop\"\n[services.api]\ncommand = \"sleep 1000\"\n[services.bot]\ncommand = \"sleep 1001\"\n");
    let running = up(&test);
    test.again().args(["stop", "bot"]).run().code(0).stdout_has("health: degraded");
    let status = test.again().args(["status"]).run();
    status.code(3).stdout_has("`shop` is degraded").stdout_has("because bot is inactive: stopped by hand");
    test.again().args(["start", "bot"]).run().code(0).stdout_has("health: ok");
    test.again().args(["status"]).run().code(0);
    running.terminate();
    running.wait(LIMIT).code(0);
}

/// S4.10: a run by hand is in the history, whether mainstay runs meanwhile or not.
#[test]
fn a_run_by_hand_is_in_the_history() {
    let test = app(&rarely("report", "echo report; exit $CODE", "")).env("CODE", "0");
    test.again().args(["schedule", "run", "report"]).run().code(0);
    test.again().args(["schedule", "report"]).run().code(0).stdout_has("  done after");
    let running = up(&test);
    assert_eq!(job(&test, "report")["last"]["result"], "done");
    test.again().env("CODE", "3").args(["schedule", "run", "report"]).run().code(3);
    wait_until(LIMIT, "it is told", || job(&test, "report")["last"]["code"] == 3);
    running.terminate();
    running.wait(LIMIT).code(0);
    test.again().args(["schedule", "report"]).run().code(0).stdout_has("  done after").stdout_has("  failed after");
}

/// Issue 4, item 4: one service that is never ready holds up no job: it is due, it waits for what it needs itself, and a stop of the start
/// ends it politely.
#[test]
fn a_service_that_is_not_ready_holds_up_no_job() {
    let test = app("[services.api]\ncommand = \"sleep 1000\"\nhealth = { file = \"never\" }\n\
         [schedule.often]\nevery = \"1s\"\ncommand = [\"sh\", \"-c\", \"trap 'echo bye >> said; exit' TERM; echo hello >> said; sleep 1000 & wait\"]\n");
    let mut running = test.again().args(["up"]).spawn();
    pid_of(&mut running, "api");
    let job = pid_of(&mut running, "often");
    let said = || fs::read_to_string(test.path().join("said")).unwrap_or_default();
    wait_until(LIMIT, "it works", || said() == "hello\n");
    assert_eq!(json(&test, &["status"])["phase"], "start");
    running.terminate();
    running.wait(LIMIT).code(130);
    assert_eq!((said().as_str(), alive(job)), ("hello\nbye\n", false));
}

/// S2.15: a lock that was lost with its database is taken again, and both is told.
#[test]
fn a_lost_lock_is_taken_again() {
    let cluster = Cluster::start();
    let test = app(&format!(
        "[databases.main]\nmonitor = {{ every = \"200ms\" }}\n{}",
        rarely("report", "exec sleep 1000", "needs = [\"main\"]\nsingle = true")
    ))
    .env("DATABASE_URL", cluster.url());
    let mut running = up(&test);
    test.again().args(["run-now", "report", "-d"]).run().code(0);
    let pid = pid_of(&mut running, "report");
    let held = || cluster.psql("select count(*) from pg_locks where locktype = 'advisory'");
    wait_until(LIMIT, "the lock is held", || held().trim() == "1");
    cluster.stop_fast();
    running.wait_for_line("report has lost its lock in `main` with the connection", LIMIT);
    cluster.start_again();
    running.wait_for_line("report has its lock in `main` again", LIMIT);
    assert_eq!((held().trim(), alive(pid)), ("1", true));
    running.terminate();
    running.wait(LIMIT).code(0);
}

/// Item 5: a service that does not become ready keeps nobody from asking, nor from mending the file, nor any job from being run: a reload is
/// answered before everything is up, for jobs, too, and these begin with the new rules.
#[test]
fn a_long_start_keeps_nobody_from_asking() {
    let config = |ready: &str, word: &str| {
        let api = format!("[services.api]\ncommand = \"sleep 1000\"\nhealth = {{ file = \"{ready}\" }}\n");
        api + &rarely("report", &format!("echo {word}"), "")
    };
    let test = app(&config("never", "old"));
    let mut running = test.again().args(["up"]).spawn();
    pid_of(&mut running, "api");
    test.again().args(["run-now", "report"]).run().code(0).stdout_is("old\n");
    fs::write(test.path().join("mainstay.toml"), config("mainstay.toml", "new")).unwrap();
    let output = test.again().args(["reload"]).run();
    output.code(0).stdout_is("restarts: api\njobs changed: report\n");
    running.wait_for_line("is up after", LIMIT);
    test.again().args(["run-now", "report"]).run().code(0).stdout_is("new\n");
    running.terminate();
    running.wait(LIMIT).code(0);
}
