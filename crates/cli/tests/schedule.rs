//! Jobs of `[schedule]`, by the real program.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use std::collections::BTreeSet;
use support::{LIMIT, alive, mainstay, number_after, outside, pid_of, starts_of};
use testkit::{Cluster, Running, Test, wait_until};

/// `mainstay up` of these jobs.
fn up(jobs: &str) -> Test {
    mainstay().env("MAINSTAY_LOG_FORMAT", "human").file("mainstay.toml", jobs).args(["up"])
}

/// The due times for which a job says that it runs.
fn dues(running: &Running) -> Vec<String> {
    running.stdout().lines().filter_map(|line| Some(line.split_once("due ")?.1.to_owned())).collect()
}

/// S2.15, S4.10: a job is run whenever it is due, without any service, and its lines bear its name.
#[test]
fn a_job_is_run_when_it_is_due() {
    let test =
        up("[schedule.tick]\nevery = \"1s\"\ncommand = [\"sh\", \"-c\", \"echo $MAINSTAY_JOB due $MAINSTAY_DUE\"]\n");
    let mut running = test.spawn();
    wait_until(LIMIT, "it has run three times", || dues(&running).len() >= 3);
    assert!(running.wait_for_line("tick     | tick due 20", LIMIT).ends_with('Z'));
    running.terminate();
    running.wait(LIMIT).code(0).stderr_has("tick is done after");
    assert!(test.read("data/run/schedule.json").contains("\"result\": \"done\""));
}

/// S2.15: what was missed while mainstay was down is made up for once.
#[test]
fn a_missed_run_is_made_up_for_once() {
    let job = |more: &str| format!("[schedule.report]\ncron = \"0 0 1 * *\"\ncommand = \"echo report\"\n{more}");
    let book =
        r#"{"version":1,"jobs":{"report":{"rhythm":"0 0 1 * * UTC","through":"2026-05-15T00:00:00Z","runs":[]}}}"#;
    let test = up(&job("")).file("data/run/schedule.json", book);
    let mut running = test.spawn();
    running.wait_for_line("report is run once for ", LIMIT);
    running.wait_for_line("report is done after", LIMIT);
    running.terminate();
    running.wait(LIMIT).code(0);
    // Another start has nothing to make up for.
    let mut again = test.spawn();
    again.wait_for_line("is up after", LIMIT);
    again.terminate();
    assert!(!again.wait(LIMIT).raw_stdout.contains("report"));
    let mut without = up(&job("catch_up = false\n")).file("data/run/schedule.json", book).spawn();
    without.wait_for_line("report does not make up for ", LIMIT);
    without.terminate();
    assert!(!without.wait(LIMIT).raw_stdout.contains("| report"));
}

/// A run that was at work when mainstay was killed is told as lost, and not begun again.
#[test]
fn a_run_that_was_lost_is_told() {
    let test = up(
        "[schedule.long]\nevery = \"1s\"\ncommand = [\"sh\", \"-c\", \"echo due $MAINSTAY_DUE; exec sleep 1000\"]\n",
    );
    let mut running = test.spawn();
    let pid = pid_of(&mut running, "long");
    wait_until(LIMIT, "it says when it was due", || !dues(&running).is_empty());
    let first = dues(&running);
    running.kill9();
    wait_until(LIMIT, "the job ends with mainstay", || !alive(pid));
    let mut again = test.spawn();
    again.wait_for_line("long was at work when mainstay was killed", LIMIT);
    wait_until(LIMIT, "the next one", || !dues(&again).is_empty());
    assert!(dues(&again)[0] > first[0], "{first:?} {:?}", dues(&again));
}

/// S2.15: overlap policies.
#[test]
fn runs_that_overlap() {
    let job = |policy: &str, script: &str| {
        up(&format!(
            "[schedule.job]\nevery = \"1s\"\noverlap = \"{policy}\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\n"
        ))
    };
    let mut skip = job("skip", "exec sleep 1000").spawn();
    skip.wait_for_line("job is skipped: the run before is still at work", LIMIT);
    assert_eq!(starts_of(&skip, "job"), 1);

    let mut replace = job("replace", "exec sleep 1000").spawn();
    let first = pid_of(&mut replace, "job");
    replace.wait_for_line("job was replaced after", LIMIT);
    wait_until(LIMIT, "the next one runs", || starts_of(&replace, "job") >= 2);
    assert!(!alive(first));

    // Each takes longer than the time to the next: they follow one another.
    let queue = job("queue", "mkdir alone || echo TWO; sleep 1.3; rmdir alone").spawn();
    wait_until(LIMIT, "three have run", || starts_of(&queue, "job") >= 3);
    assert!(!queue.stdout().contains("TWO") && !queue.stderr().contains("skipped"), "{}", queue.stderr());
}

/// S2.15: a job waits for its database, and is run once when that is back.
#[test]
fn a_job_waits_for_its_database() {
    let cluster = Cluster::start();
    let test =
        up("[databases.main]\nmonitor = { every = \"200ms\" }\n[schedule.job]\nevery = \"1s\"\nneeds = [\"main\"]\n\
                   command = [\"sh\", \"-c\", \"echo due $MAINSTAY_DUE\"]\n");
    let mut running = test.env("DATABASE_URL", cluster.url()).spawn();
    wait_until(LIMIT, "it runs", || !dues(&running).is_empty());
    cluster.stop_fast();
    running.wait_for_line("job is due and waits: it needs `main`, which is down", LIMIT);
    let before = dues(&running).len();
    cluster.start_again();
    running.wait_for_line("job goes on after", LIMIT);
    wait_until(LIMIT, "it runs again", || dues(&running).len() > before + 1);
    let all = dues(&running);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "none twice: {all:?}");
}

/// S2.15: of several hosts one runs it.
#[test]
fn one_host_at_a_time() {
    let cluster = Cluster::start();
    let host = || {
        let jobs = "name = \"app\"\n[databases.main]\n[schedule.job]\nevery = \"2s\"\nneeds = [\"main\"]\nsingle = true\n\
                    command = [\"sh\", \"-c\", \"echo due $MAINSTAY_DUE\"]\n";
        up(jobs).env("DATABASE_URL", cluster.url()).spawn()
    };
    let (mut one, mut two) = (host(), host());
    wait_until(LIMIT, "four runs", || dues(&one).len() + dues(&two).len() >= 4);
    let skipped = "job is skipped: another host has its lock in `main`";
    wait_until(LIMIT, "one is skipped", || one.stderr().contains(skipped) || two.stderr().contains(skipped));
    let all: Vec<_> = dues(&one).into_iter().chain(dues(&two)).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "none on both: {all:?}");
    // What holds the lock is killed: the other one takes over.
    one.kill9();
    let before = dues(&two).len();
    wait_until(LIMIT, "the other one goes on", || dues(&two).len() > before);
    assert!(two.running());
}

/// S2.15: somebody outside is told of success and failure; what it answers changes nothing.
#[test]
fn pings() {
    let (port, asked) = outside();
    let mut running = up(&format!(
        "[schedule.good]\nevery = \"1s\"\ncommand = \"true\"\nping = {{ success = \"http://127.0.0.1:{port}/good\" }}\n\
         [schedule.bad]\nevery = \"1s\"\ncommand = \"false\"\nping = {{ failure = \"http://127.0.0.1:{port}/bad\" }}\n\
         [schedule.deaf]\nevery = \"1s\"\ncommand = \"true\"\nping = {{ success = \"http://127.0.0.1:{port}/broken/secret\" }}\n"
    ))
    .spawn();
    running.wait_for_line("deaf could not tell the outside how it ended: it answered with status 500", LIMIT);
    running.wait_for_line("deaf is done", LIMIT);
    let has = |path: &str| asked.lock().unwrap().iter().any(|seen| seen == path);
    wait_until(LIMIT, "both are told", || has("/good") && has("/bad"));
    running.terminate();
    let output = running.wait(LIMIT);
    output.code(0).stderr_has("bad has failed after");
    assert!(!output.raw_stderr.contains("/broken/secret"), "a URL may be a secret");
}

/// S2.7: jobs are stopped too, within their time, and it is told when that was not enough.
#[test]
fn jobs_are_stopped_with_everything_else() {
    let mut running = up("[schedule.deaf]\nevery = \"1s\"\nstop = { grace = \"300ms\" }\n\
         command = [\"sh\", \"-c\", \"trap '' TERM; echo child $$$$; while :; do sleep 0.1; done\"]\n")
    .spawn();
    let pid = number_after(&running.wait_for_line("| child ", LIMIT), "child ");
    running.terminate();
    let output = running.wait(LIMIT);
    output.code(0).stderr_has("deaf did not stop within [TIME]: its whole group is killed");
    assert!(!alive(pid));
}

/// S2.15: a time limit, and further tries.
#[test]
fn a_run_may_take_too_long_and_is_tried_again() {
    let mut running = up("[schedule.slow]\nevery = \"1s\"\ntimeout = \"200ms\"\nretries = 1\nretry_wait = \"100ms\"\n\
         command = \"sleep 1000\"\n")
    .spawn();
    running.wait_for_line("slow takes longer than 200 ms and is asked to stop by SIGTERM", LIMIT);
    running.wait_for_line("slow failed: it took longer than 200 ms; 1 try left, the next one in 100 ms", LIMIT);
    running.wait_for_line("try 2", LIMIT);
    running.wait_for_line("2 tries: it took longer than 200 ms", LIMIT);
}

/// S2.12, S2.15: `off`, the scheduler off, and failsafe.
#[test]
fn switches() {
    let jobs = "[services.api]\ncommand = [\"sh\", \"-c\", \"echo failsafe=$MAINSTAY_FAILSAFE; exec sleep 1000\"]\n\
                [services.poller]\ncommand = \"sleep 1000\"\nenabled = \"${POLLING:-true}\"\n\
                [schedule.tick]\nevery = \"1s\"\ncommand = \"echo tick\"\n\
                [schedule.never]\ncron = \"off\"\ncommand = \"echo never\"\n";
    let told = |name: &str, value: &str, line: &str| {
        let mut running = up(jobs).env(name, value).spawn();
        running.wait_for_line(line, LIMIT);
        running.wait_for_line("is up after", LIMIT);
        running
    };
    let mut failsafe = told("MAINSTAY_FAILSAFE", "1", "2 jobs of `[schedule]` will not be run: failsafe");
    failsafe.wait_for_line("| failsafe=true", LIMIT);
    told("MAINSTAY_SCHEDULER", "off", "2 jobs of `[schedule]` will not be run: scheduler = false");
    let off = told("MAINSTAY_SCHEDULE_TICK_EVERY", "off", "api runs as pid");
    assert!(!off.stdout().contains("tick"));
    let without = told("POLLING", "off", "api runs as pid");
    assert_eq!(starts_of(&without, "poller"), 0);
    let mut on = told("POLLING", "on", "poller runs as pid");
    on.wait_for_line("| tick", LIMIT);
    assert!(!on.stdout().contains("never"));
}

/// Services that have ended well do not end the jobs; one that has failed ends everything.
#[test]
fn jobs_and_services_that_end() {
    let jobs = |code: u8| {
        format!(
            "[services.once]\ncommand = [\"sh\", \"-c\", \"exit {code}\"]\nrestart = \"never\"\n\
             [schedule.tick]\nevery = \"1s\"\ncommand = \"echo tick\"\n"
        )
    };
    let mut running = up(&jobs(0)).spawn();
    running.wait_for_line("| tick", LIMIT);
    running.terminate();
    running.wait(LIMIT).code(0);
    up(&jobs(7)).run().code(7);
}

/// One job in the foreground, with its gate, its lines and its exit code.
#[test]
fn a_job_by_hand() {
    let jobs = "[schedule.job]\ncron = \"off\"\ncommand = [\"sh\", \"-c\", \"echo by hand; exit ${CODE:-0}\"]\n\
                [schedule.gated]\ncron = \"off\"\ncommand = \"true\"\nneeds = [\"port\"]\n\
                [dependencies.port]\nurl = \"tcp://127.0.0.1:1\"\nwait = \"300ms\"\n";
    let run = |args: &[&'static str], code: &str| {
        let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human").file("mainstay.toml", jobs).env("CODE", code);
        test.args(args.iter().copied()).run()
    };
    run(&["schedule", "run", "job"], "0").code(0).stdout_is("by hand\n");
    run(&["schedule", "run", "job"], "7").code(7).stderr_has("job has failed after");
    run(&["schedule", "run", "gated"], "0").code(75);
    run(&["schedule", "run", "jb"], "0").code(2).stderr_has("there is no job `jb`");
    run(&["schedule"], "0").code(0).stdout_is("job: off\n\ngated: off\n");
}

/// Whoever runs it by hand and `mainstay up` keep out of each other's way.
#[test]
fn a_job_by_hand_beside_the_same_job() {
    let test = up("[schedule.job]\nevery = \"1s\"\ncommand = \"sleep 1000\"\n");
    let mut running = test.spawn();
    pid_of(&mut running, "job");
    let by_hand = test.again().env("MAINSTAY_LOG_FORMAT", "human").args(["schedule", "run", "job"]).run();
    by_hand.code(75).stderr_has("job is skipped: process");
    assert_eq!(starts_of(&running, "job"), 1);
}

/// Due times are told in the zone of the job and in UTC.
#[test]
fn what_is_due_is_shown() {
    let jobs = "[schedule.retrain]\ncron = \"30 2 * * mon-fri\"\ntimezone = \"Europe/Berlin\"\ncommand = \"true\"\n";
    let book = r#"{"version":1,"jobs":{"retrain":{"rhythm":"30 2 * * mon-fri Europe/Berlin","through":"2026-05-15T00:30:00Z",
        "runs":[{"due":"2026-05-15T00:30:00Z","why":"due","started":"2026-05-15T00:30:00.1Z","ended":"2026-05-15T00:31:05.1Z",
        "result":"failed","reason":"exit code 3","code":3,"attempts":2}]}}}"#;
    let test = |args: &[&'static str]| {
        let test = mainstay().file("mainstay.toml", jobs).file("data/run/schedule.json", book);
        test.args(["schedule"].into_iter().chain(args.iter().copied())).run()
    };
    let shown = test(&["-n", "3"]);
    let (head, next) = shown.raw_stdout.split_at(shown.raw_stdout.find("  next").unwrap());
    assert_eq!(
        head,
        "retrain: Monday to Friday at 02:30, Europe/Berlin (`30 2 * * mon-fri`)\n  \
         last  2026-05-15 02:30:00 +02:00  failed after 65 s: exit code 3\n"
    );
    assert_eq!(next.lines().filter(|line| line.contains(" 02:30:00 +0") && line.ends_with(":30:00 UTC")).count(), 3);
    let json: serde_json::Value = serde_json::from_str(&test(&["retrain", "--json"]).raw_stdout).unwrap();
    assert_eq!((json[0]["next"].as_array().unwrap().len(), &json[0]["last"][0]["code"]), (5, &3.into()));
}

/// A state file of another version is refused and kept.
#[test]
fn a_state_file_that_is_not_understood_is_kept() {
    let text = r#"{"version":2,"jobs":[]}"#;
    let test = up("[schedule.tick]\nevery = \"1s\"\ncommand = \"echo tick\"\n").file("data/run/schedule.json", text);
    test.run().code(2).stderr_has("is of version 2, and this mainstay reads version 1");
    assert_eq!(test.read("data/run/schedule.json"), text);
}
