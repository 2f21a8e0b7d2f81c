//! `mainstay run -- CMD`: gate, migrations and health round one command, from flags and variables alone: a container's entrypoint.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use std::time::Duration;
use support::{LIMIT, alive, get, mainstay, names, wait_for_page};
use testkit::{Cluster, Running, Signal, Test, find_component, free_port, program, wait_for};

fn human() -> Test {
    mainstay().env("MAINSTAY_LOG_FORMAT", "human")
}

/// A migration tool that fails twice because the server is starting up, then works.
const MIGRATE: &str = "#!/bin/sh
echo x >> tries
if [ $(wc -l < tries) -lt 3 ]; then echo 'FATAL: the database system is starting up' >&2; exit 1; fi
echo migrated on $DB_HOST
";

/// S3.1, S3.3: variables alone; the steps in order, the migration by an external command that is tried again while the reason is
/// transient, then the command, whose exit code is ours.
#[test]
fn variables_alone_carry_a_command_to_its_end() {
    let cluster = Cluster::builder().password("p@ss").start();
    let test = human()
        .env("DB_HOST", "127.0.0.1")
        .env("DB_PORT", cluster.port().to_string())
        .env("DB_USER", "app")
        .env("DB_NAME", "app")
        .secret_env("DB_PASSWORD", "p@ss")
        .env("MAINSTAY_MIGRATIONS_COMMAND", "./migrate")
        .env("MAINSTAY_MIGRATIONS_BACKOFF", "exponential")
        .env("MAINSTAY_MIGRATIONS_INTERVAL", "50ms")
        .script("migrate", MIGRATE);
    let output = test.again().args(["run", "--", "sh", "-c", "echo serving on $DB_HOST; exit 42"]).run();
    output.code(42).stdout_is("migrated on 127.0.0.1\nserving on 127.0.0.1\n");
    let order = [
        "main is ready (PostgreSQL",
        "gate: 1 dependency ready",
        "attempt 1/6",
        "attempt 2/6",
        "migrate: ",
        "app runs as pid",
        "is up after",
    ];
    let places: Vec<_> = order
        .iter()
        .map(|part| output.stderr.find(part).unwrap_or_else(|| panic!("no `{part}` in\n{}", output.stderr)))
        .collect();
    assert!(places.is_sorted(), "{}", output.stderr);
    assert_eq!(test.read("tries"), "x\nx\nx\n");
}

/// S0.3: N attempts at a fixed pause, also by variables, and then it is over: 1 or 75, and the command has not run.
#[test]
fn strict_starts_nothing_when_the_migrations_fail() {
    let test = human().script("migrate", "#!/bin/sh\necho 'FATAL: the database system is starting up' >&2; exit 1\n");
    let test = test
        .env("DATABASE_URL", "sqlite:app.db")
        .env("MAINSTAY_MIGRATIONS_ATTEMPTS", "3")
        .env("MAINSTAY_MIGRATIONS_INTERVAL", "20ms");
    let output = test.args(["run", "--migrate", "./migrate", "--strict", "--", "echo", "started"]).run();
    output.code(1).stdout_is("").stderr_has("the database system is starting up");
    output.stderr_has("attempt 2/3");
    assert!(!output.stderr.contains("app runs"), "{}", output.stderr);
}

/// A reason that trying again cannot mend is not tried again.
#[test]
fn only_transient_reasons_are_tried_again() {
    let test =
        human().script("migrate", "#!/bin/sh\necho x >> tries; echo 'syntax error at or near \"tabel\"' >&2; exit 1\n");
    let test =
        test.env("DATABASE_URL", "sqlite:app.db").args(["run", "--migrate", "./migrate", "--", "echo", "started"]);
    test.run().code(1).stdout_is("");
    assert_eq!(test.read("tries"), "x\n");
}

/// S3.1: degraded goes on without the migrations, and says so.
#[test]
fn degraded_starts_the_command_all_the_same() {
    let health = free_port();
    let test =
        human().script("migrate", "#!/bin/sh\necho 'out of luck' >&2; exit 1\n").env("DATABASE_URL", "sqlite:app.db");
    let test = test.args([
        "run",
        "--migrate",
        "./migrate",
        "--degraded",
        "--health-listen",
        &format!("127.0.0.1:{health}"),
        "--",
        "sleep",
        "1000",
    ]);
    let mut running = test.spawn();
    let body = wait_for_page(&mut running, health, "/readyz", 200);
    assert!(
        body.contains(r#""ok":true,"status":"degraded""#) && body.contains("`./migrate` ended with exit code 1"),
        "{body}"
    );
    running.terminate();
    running.wait(LIMIT);
}

/// S3.1: degraded also goes on when the gate stays closed; health is critical, for the database is down.
#[test]
fn degraded_passes_a_closed_gate() {
    let nobody = format!("postgres://app@127.0.0.1:{}/app", free_port());
    let test =
        human().args(["run", "--database", &nobody, "--timeout", "300ms", "--degraded", "--", "echo", "started"]);
    let output = test.run();
    output.stdout_is("started\n");
    let strict = human().args(["run", "--database", &nobody, "--timeout", "300ms", "--", "echo", "started"]).run();
    strict.code(75).stdout_is("");
}

/// A directory of `.sql` files, a page that tells the health of the command, and ours beside it.
#[test]
fn the_health_of_the_command_is_ours() {
    let (health, port) = (free_port(), free_port());
    let backend = program("booking-backend").display().to_string();
    let test = human()
        .file(
            "migrations/0001_services.sql",
            "create table services (id text primary key, name text, minutes integer);\n",
        )
        .env("PORT", port.to_string())
        .env("MAINSTAY_HEALTH_LISTEN", format!("127.0.0.1:{health}"))
        .args(["run", "--database", "sqlite:app.db", "--dir", "migrations", "--health", "/health", "--", &backend]);
    let mut running = test.spawn();
    wait_for_page(&mut running, health, "/readyz", 200);
    assert_eq!(get(port, "/services"), Some((200, "[]".into())));
    running.terminate();
    running.wait(LIMIT).code(0).stdout_is("listening on 127.0.0.1:[PORT]\nstopped\n");
}

/// SIGTERM reaches the command, which ends in its own way; the code is that of a stop on request.
#[test]
fn signals_are_passed_on() {
    // A word that no line of ours has: they may come before the trap is set.
    let script = "trap 'echo bye; exit 5' TERM; echo trapped; while :; do sleep 0.05; done";
    for (signal, code) in [(Signal::TERM, 0), (Signal::INT, 130)] {
        let mut running = human().args(["run", "--", "sh", "-c", script]).spawn();
        running.wait_for_line("trapped", LIMIT);
        running.signal(signal);
        running.wait(LIMIT).code(code).stdout_is("trapped\nbye\n");
    }
}

/// A command that a signal ended: 128 and the signal's number, as shells have it.
#[test]
fn a_command_that_is_killed() {
    human().args(["run", "--", "sh", "-c", "kill -9 $$"]).run().code(137);
}

/// Nothing is kept where nothing was asked for: no data directory, and no lock that would keep a second one out.
#[test]
fn nothing_is_left_behind() {
    let test = human().args(["run", "--", "true"]);
    test.run().code(0);
    assert_eq!(names(test.path()), Vec::<String>::new());
}

/// As process 1 of a container: orphans are reaped, and SIGTERM from outside ends it.
#[test]
fn as_process_one() {
    let root = std::fs::read_to_string("/proc/self/status").unwrap().contains("Uid:\t0\t0");
    let script = "(sleep 0.1 & echo $! > pid); while test -e /proc/$(cat pid); do sleep 0.05; done; echo reaped as $PPID; exec sleep 1000";
    let flags = if root { "-fp" } else { "-rfp" };
    let test = Test::new(find_component("unshare")).args([
        flags,
        "--mount-proc",
        env!("CARGO_BIN_EXE_mainstay"),
        "run",
        "--",
        "sh",
        "-c",
        script,
    ]);
    let mut running = test.env("MAINSTAY_LOG_FORMAT", "human").spawn();
    running.wait_for_line("reaped as 1", LIMIT);
    let one = child_of(&running);
    assert!(std::process::Command::new("kill").arg(one.to_string()).status().unwrap().success());
    running.wait(Duration::from_secs(10)).code(0);
    assert!(!alive(one));
}

fn child_of(running: &Running) -> u32 {
    let path = format!("/proc/{0}/task/{0}/children", running.pid());
    wait_for(LIMIT, "a child", || std::fs::read_to_string(&path).ok()?.trim().parse().ok())
}
