//! `mainstay up`: from nothing to healthy, on SQLite and on a PostgreSQL that still recovers; one instance; the end.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use serde_json::Value;
use std::time::Duration;
use support::{LIMIT, alive, booking, get, mainstay, names, page, pid_of, wait_for_page};
use testkit::{Cluster, Signal, wait_until};

/// The reference application, cold, on the embedded default. S1.1, S1.6: each step in order, each with its line; S2.2: all that it
/// writes lies below `data`; S2.14: the SQLite file is in WAL mode; S2.7: SIGTERM ends it in order; S3.9, S3.2: the timeline.
#[test]
fn from_nothing_to_healthy_and_back() {
    let app = booking();
    let mut running = app.test.spawn();
    let pid = pid_of(&mut running, "backend");
    let health: Value = serde_json::from_str(&wait_for_page(&mut running, app.health, "/readyz", 200)).unwrap();
    assert_eq!((&health["ok"], &health["db"], &health["status"]), (&true.into(), &true.into(), &"ok".into()));
    assert_eq!((&health["redis"], &health["queue_depth"]), (&Value::Null, &Value::Null));
    assert!(app.book().contains(r#""status":"booked""#));
    running.wait_for_line("`booking` is up after", LIMIT);
    running.terminate();
    let output = running.wait(LIMIT);
    output.code(0).stdout_is("backend  | listening on 127.0.0.1:[PORT]\nbackend  | stopped\n");
    assert_eq!(plain(&output.stderr), UP_ON_SQLITE);
    assert!(!alive(pid));
    let new: Vec<_> = names(app.test.path()).into_iter().filter(|name| !name.starts_with("migrations")).collect();
    assert_eq!(
        new,
        [
            "data",
            "data/booking.db",
            "data/journal.db",
            "data/logs",
            "data/logs/backend.log",
            "data/run",
            "data/run/mainstay.lock",
            "mainstay.toml"
        ]
    );
}

const UP_ON_SQLITE: &str = "\
mainstay | prepare: `[DIR]/data` is there and writable ([TIME])
mainstay | main is ready (SQLite 3.54.1, 1 attempt, [TIME])
mainstay | gate: 1 dependency ready ([TIME])
mainstay | applied 0001_services.sql in [TIME]
mainstay | applied 0002_slots.sql in [TIME]
mainstay | applied 0003_bookings.sql in [TIME]
mainstay | applied 0004_first_services.sql in [TIME]
mainstay | migrate: applied 4 new migrations in [TIME] ([TIME])
mainstay | backend runs as pid [PID]
mainstay | backend is ready after [TIME]
mainstay | start: 1 service up ([TIME])
mainstay | prepare [TIME] pass
mainstay | gate [TIME] pass
mainstay | migrate [TIME] pass
mainstay | start [TIME] pass
mainstay | total [TIME]
mainstay | `booking` is up after [TIME]
mainstay | backend is asked to stop by SIGTERM
mainstay | backend stopped with exit code 0 after [TIME]
";

/// Without bars and columns, whose widths depend on times and paths.
fn plain(text: &str) -> String {
    let plain = |line: &str| line.replace('█', " ").split_whitespace().collect::<Vec<_>>().join(" ") + "\n";
    text.lines().map(plain).collect()
}

/// The main story. S0.1, S1.6, S3.5: PostgreSQL has crashed and recovers; mainstay waits, says so, answers its health pages with the
/// truth from the first moment, and goes on by itself. S0.8: how far recovery has come.
#[test]
fn from_a_recovering_postgresql_to_healthy() {
    let (cluster, held) = Cluster::crashed_and_held();
    let app = booking().on(&cluster.url());
    let api = app.api;
    let mut running = app.test.spawn();
    let line = running.wait_for_line("waiting for main: recovering, attempt 1", LIMIT);
    assert!(line.contains("SQLSTATE 57P03"), "{line}");
    running.wait_for_line("redo at ", LIMIT);
    let (status, body) = page(app.health, "/healthz").unwrap();
    assert_eq!(
        (status, &body["ok"], &body["db"], &body["phase"]),
        (200, &false.into(), &false.into(), &"gate".into()),
        "{body}"
    );
    assert_eq!(body["checks"][0]["state"], "recovering", "{body}");
    assert_eq!(["/health", "/readyz", "/ready"].map(|path| page(app.health, path).unwrap().0), [200, 503, 503]);
    assert!(!running.stderr().contains("backend runs"), "{}", running.stderr());
    // Whoever comes now is not refused: the socket is there before the backend is.
    let early = std::thread::spawn(move || get(api, "/services"));
    held.release();
    assert_eq!(early.join().unwrap().map(|(status, _)| status), Some(200));
    wait_for_page(&mut running, app.health, "/readyz", 200);
    assert!(app.book().contains(r#""status":"booked""#));
    let applied = cluster.psql("select string_agg(name, ' ' order by version) from schema_migrations");
    assert_eq!(applied, "0001_services.sql 0002_slots.sql 0003_bookings.sql 0004_first_services.sql");
    running.terminate();
    running.wait(LIMIT).code(0).stderr_has("mainstay | backend stopped with exit code 0");
}

/// S1.1, S1.7: the second start has nothing to migrate and keeps the data.
#[test]
fn a_second_start_keeps_the_data() {
    let app = booking();
    let mut running = app.test.spawn();
    wait_for_page(&mut running, app.health, "/readyz", 200);
    app.book();
    running.terminate();
    running.wait(LIMIT).code(0);
    let mut again = app.test.again().args(["up"]).spawn();
    again.wait_for_line("migrate: all migrations up to date", LIMIT);
    wait_for_page(&mut again, app.health, "/readyz", 200);
    let slots = get(app.api, "/services/consultation/slots?from=2033-05-18T00:00:00Z&to=2033-05-19T00:00:00Z").unwrap();
    assert_eq!(slots, (200, "[]".into()), "the booked slot is free again");
}

/// S2.8: the second start ends at once and names the first; a lock that was left behind by a killed one is no hindrance.
#[test]
fn there_is_one_instance() {
    let test = mainstay()
        .env("MAINSTAY_LOG_FORMAT", "human")
        .file("mainstay.toml", "name = \"solo\"\n[services.api]\ncommand = \"sleep 1000\"\n");
    let mut first = test.again().args(["up"]).spawn();
    pid_of(&mut first, "api");
    let second = test.again().hide(first.pid().to_string(), "{first}").args(["up"]).run();
    second.code(2).stdout_is("").stderr_is(
        "
        mainstay | error: prepare: `solo` is already running
        error: `solo` is already running
          seen: process {first} holds `[DIR]/data/run/mainstay.lock` since [WHEN]: mainstay up (solo)
          hint: `mainstay status` tells how it is, `mainstay down` stops it; otherwise choose another `data`, or MAINSTAY_DATA
        ",
    );
    first.kill9();
    let mut third = test.again().args(["up"]).spawn();
    pid_of(&mut third, "api");
}

/// S2.7: Ctrl-C ends in order, with the code of an interrupt; a second one does not wait for a service that will not stop.
#[test]
fn a_second_interrupt_kills() {
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human").file(
        "mainstay.toml",
        "[services.deaf]\ncommand = [\"sh\", \"-c\", \"trap '' TERM INT; echo I hear nothing; while :; do sleep 1; done\"]\n",
    );
    let mut running = test.args(["up"]).spawn();
    let pid = pid_of(&mut running, "deaf");
    running.wait_for_line("| I hear nothing", LIMIT);
    running.interrupt();
    running.wait_for_line("deaf is asked to stop by SIGTERM", LIMIT);
    assert!(alive(pid));
    running.interrupt();
    running.wait(Duration::from_secs(10)).code(130).stderr_has("deaf is killed, for a second request to stop came");
    assert!(!alive(pid));
}

/// S2.7: what does not stop within its time is killed, and that is said.
#[test]
fn patience_ends() {
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human").file(
        "mainstay.toml",
        "[services.deaf]\ncommand = [\"sh\", \"-c\", \"trap '' TERM; echo I hear nothing; while :; do sleep 1; done\"]\nstop = { grace = \"300ms\" }\n",
    );
    let mut running = test.args(["up"]).spawn();
    running.wait_for_line("| I hear nothing", LIMIT);
    running.terminate();
    running.wait(LIMIT).code(0).stderr_has("warn: deaf did not stop within [TIME]: its whole group is killed");
}

/// S2.7: whatever happens to mainstay, its services do not stay behind.
#[test]
fn services_die_with_mainstay() {
    let test = mainstay()
        .env("MAINSTAY_LOG_FORMAT", "human")
        .file("mainstay.toml", "[services.api]\ncommand = \"sleep 1000\"\n[services.bot]\ncommand = \"sleep 1000\"\n");
    let mut running = test.args(["up"]).spawn();
    let pids = [pid_of(&mut running, "api"), pid_of(&mut running, "bot")];
    running.kill9();
    wait_until(LIMIT, "the services end", || !pids.into_iter().any(alive));
}

/// A signal during the gate: nothing is started, and it is no success.
#[test]
fn interrupted_at_the_gate() {
    let (cluster, _gate) = Cluster::gated();
    let app = booking().on(&cluster.url());
    for signal in [Signal::INT, Signal::TERM] {
        let mut running = app.test.spawn();
        running.wait_for_line("waiting for main: starting", LIMIT);
        running.signal(signal);
        let output = running.wait(Duration::from_secs(5));
        output.code(130).stdout_is("");
        assert!(!output.stderr.contains("backend"), "{}", output.stderr);
    }
}

/// The gate does not open in time: exit 75, nothing was started.
#[test]
fn not_yet() {
    let (cluster, _gate) = Cluster::gated();
    let app = booking().on(&cluster.url());
    let output = app.test.args(["--timeout", "1s"]).run();
    output.code(75).stdout_is("").stderr_has("error: `main` is not ready after [TIME]");
    assert!(!output.stderr.contains("backend"), "{}", output.stderr);
}

/// S2.6, S2.18: the plan and all checks, and nothing is started, made or migrated.
#[test]
fn a_dry_run_does_nothing() {
    let app = booking();
    let before = names(app.test.path());
    let test = app.test.again().hide(app.api.to_string(), "[PORT]").hide(support_program(), "{backend}");
    let output = test.args(["up", "--dry-run"]).run();
    output.code(0).stderr_is("");
    assert_eq!(plain(&output.stdout), DRY_RUN);
    assert_eq!(names(app.test.path()), before);
}

const DRY_RUN: &str = "\
plan, nothing of it was done:
1. prepare check `[DIR]/data` and take its lock
2. gate wait for `main`
3. migrate bring `main` up to date with `[DIR]/migrations`
4. start `backend`

checks:
skipped data directory `[DIR]/data` not there yet; it will be made
skipped SQLite `main` not there yet; it will be made
pass migrations of `main` 4 migrations pending: 0001_services.sql, 0002_slots.sql, 0003_bookings.sql, 0004_first_services.sql
pass command of `backend` {backend}
pass address 127.0.0.1:[PORT] of `backend` free
pass address 127.0.0.1:[PORT] of `health.listen` free

pass
";

fn support_program() -> String {
    testkit::program("booking-backend").display().to_string()
}

/// S2.6: the same for scripts, against PostgreSQL; and a database that is not there is a failure that says so.
#[test]
fn a_dry_run_as_json() {
    let cluster = Cluster::start();
    let app = booking().on(&cluster.url());
    let output = app.test.again().args(["up", "--dry-run", "--json"]).run();
    output.code(0).stderr_is("");
    let report: Value = serde_json::from_str(&output.raw_stdout).unwrap();
    assert_eq!((&report["app"], &report["verdict"]), (&"booking".into(), &"pass".into()), "{report}");
    let verdicts: Vec<_> =
        report["checks"].as_array().unwrap().iter().map(|check| check["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["skipped", "pass", "pass", "pass", "pass", "pass"], "{report}");
    assert_eq!(cluster.psql("select count(*) from pg_tables where schemaname = 'public'"), "0");
    cluster.stop_fast();
    app.test.args(["--dry-run"]).run().code(1).stderr_is("").stdout_has("down: ");
}

/// S2.1: one code base, several roles.
#[test]
fn a_role_starts_its_services_alone() {
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human").file(
        "mainstay.toml",
        "[services.api]\ncommand = \"echo I am the api\"\nrestart = \"never\"\n\
         [services.bot]\ncommand = \"echo I am the bot\"\nrestart = \"never\"\nroles = [\"tg\"]\n",
    );
    test.again().args(["up", "--role", "tg"]).run().code(0).stdout_is("bot      | I am the bot\n");
    let by_variable = test.env("MAINSTAY_ROLE", "api").args(["up"]).run();
    by_variable.code(0).stdout_is("api      | I am the api\n");
}

/// S2.21, S2.11: machines read logfmt, with UTC, and a service's lines whole, in order and tagged.
#[test]
fn logfmt_for_machines() {
    let test = mainstay().file(
        "mainstay.toml",
        "[services.api]\ncommand = [\"sh\", \"-c\", \"echo one; echo 'two \\\"quoted\\\"' >&2\"]\nrestart = \"never\"\n",
    );
    let output = test.args(["up"]).run();
    output.code(0).stdout_is("time=[WHEN] service=api stream=stdout line=one\n");
    output.stderr_has("time=[WHEN] service=api stream=stderr line=\"two \\\"quoted\\\"\"\n");
    output.stderr_has("event=service.started msg=\"api runs as pid [PID]\" service=api pid=[PID]\n");
}
