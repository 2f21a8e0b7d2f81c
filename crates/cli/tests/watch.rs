//! After the start: what becomes of the application when its database is lost, changed or late, and of its schema.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use std::time::{Duration, Instant};
use support::{LIMIT, alive, booking, get, mainstay, page, pid_of, starts_of, wait_for_page};
use testkit::{Cluster, Fault, FaultProxy, Redis, Running, find_component, free_port, wait_until};

/// S1.3, S2.9, S3.7: the database is killed under the running application. The application goes on, health says so and nobody
/// restarts it; when the database is back, all is well by itself.
#[test]
fn a_database_that_dies_does_not_take_the_application_with_it() {
    let cluster = Cluster::start();
    let app = booking().on(&cluster.url());
    let mut running = app.test.env("MAINSTAY_SERVICES_BACKEND_HEALTH_EVERY", "200ms").spawn();
    let pid = pid_of(&mut running, "backend");
    wait_for_page(&mut running, app.health, "/readyz", 200);
    cluster.kill9();
    let body = wait_for_page(&mut running, app.health, "/healthz", 503);
    assert!(body.contains(r#""status":"critical""#) && body.contains(r#""db":false"#), "{body}");
    running.wait_for_line("main is down", LIMIT);
    running.wait_for_line("backend is unhealthy", LIMIT);
    assert_eq!(get(app.health, "/livez").map(|(status, _)| status), Some(200));
    cluster.start_again();
    let body = wait_for_page(&mut running, app.health, "/readyz", 200);
    assert!(body.contains(r#""restarts":0"#), "{body}");
    assert!(alive(pid) && starts_of(&running, "backend") == 1, "{}", running.stderr());
    assert!(get(app.api, "/services").is_some_and(|(status, _)| status == 200));
    running.terminate();
    running.wait(LIMIT).code(0);
}

/// A service that ends because its database is gone is parked, which is not counted as a crash; it is started again soon after the
/// database is back, however seldom the monitor looks.
#[test]
fn a_service_that_ends_without_its_database_is_parked() {
    let cluster = Cluster::start();
    let psql = find_component("psql").display().to_string();
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human").env("DATABASE_URL", cluster.url()).file(
        "mainstay.toml",
        &format!(
            "[databases.main]\n[services.bot]\nneeds = [\"main\"]\n\
             command = [\"sh\", \"-c\", \"while {psql} $DATABASE_URL -qc 'select 1' >/dev/null 2>&1; do sleep 0.05; done; exit 1\"]\n"
        ),
    );
    let health = free_port();
    let mut running = test.env("MAINSTAY_HEALTH_LISTEN", format!("127.0.0.1:{health}")).args(["up"]).spawn();
    running.wait_for_line("is up after", LIMIT);
    cluster.kill9();
    running.wait_for_line("bot is parked: it needs `main`, which is down", LIMIT);
    let (status, body) = page(health, "/readyz").unwrap();
    assert_eq!((status, &body["services"][0]["state"]), (503, &"parked".into()), "{body}");
    cluster.start_again();
    let back = Instant::now();
    running.wait_for_line("bot goes on: `main` is back after", LIMIT);
    wait_until(LIMIT, "the bot runs again", || starts_of(&running, "bot") == 2);
    assert!(back.elapsed() < Duration::from_secs(10), "{:?}\n{}", back.elapsed(), running.stderr());
    let body = wait_for_page(&mut running, health, "/readyz", 200);
    assert!(body.contains(r#""restarts":0"#), "{body}");
}

/// S3.7: who does not find back although the database is there again is restarted.
#[test]
fn a_service_that_does_not_find_back_is_restarted() {
    let cluster = Cluster::start();
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human").env("DATABASE_URL", cluster.url()).file(
        "mainstay.toml",
        "[databases.main]\nmonitor = { every = \"200ms\" }\n[services.api]\nneeds = [\"main\"]\n\
         command = [\"sh\", \"-c\", \"touch healthy; exec sleep 1000\"]\n\
         health = { file = \"healthy\", every = \"200ms\", failures = 2 }\n",
    );
    let file = test.path().join("healthy");
    let mut running = test.args(["up"]).spawn();
    running.wait_for_line("is up after", LIMIT);
    cluster.kill9();
    running.wait_for_line("main is down", LIMIT);
    std::fs::remove_file(&file).unwrap();
    running.wait_for_line("api is unhealthy: ", LIMIT);
    assert_eq!(starts_of(&running, "api"), 1, "{}", running.stderr());
    cluster.start_again();
    running.wait_for_line("main is ready again", LIMIT);
    wait_until(LIMIT, "the api runs again", || starts_of(&running, "api") == 2 && file.exists());
}

/// S1.10: the database comes back without its tables, as after the loss of its volume; the migrations bring them back.
#[test]
fn a_lost_schema_is_brought_back() {
    let cluster = Cluster::start();
    let proxy = FaultProxy::start(cluster.port());
    let app = booking().on(&format!("postgres://postgres@127.0.0.1:{}/postgres", proxy.port()));
    let mut running = app.test.spawn();
    wait_for_page(&mut running, app.health, "/readyz", 200);
    proxy.set(Fault::Reset);
    wait_for_page(&mut running, app.health, "/readyz", 503);
    cluster.psql("drop schema public cascade; create schema public");
    proxy.set(Fault::Pass);
    wait_until(LIMIT, "the migrations have run", || {
        cluster.psql("select count(*) from pg_tables where tablename = 'schema_migrations'") == "1"
            && cluster.psql("select count(*) from schema_migrations") == "4"
    });
    wait_for_page(&mut running, app.health, "/readyz", 200);
    assert!(app.book().contains(r#""status":"booked""#));
}

/// S1.10: the same when the database never went away: nothing answers worse, only the tables are gone.
#[test]
fn a_schema_that_is_dropped_meanwhile_is_brought_back() {
    let cluster = Cluster::start();
    let app = booking().on(&cluster.url());
    let mut running = app.test.spawn();
    wait_for_page(&mut running, app.health, "/readyz", 200);
    cluster.psql("drop schema public cascade; create schema public");
    running.wait_for_line("the ledger of the migrations is gone", LIMIT);
    wait_until(LIMIT, "the migrations have run", || {
        cluster.psql("select count(*) from pg_tables where tablename = 'bookings'") == "1"
    });
    wait_for_page(&mut running, app.health, "/readyz", 200);
    assert!(app.book().contains(r#""status":"booked""#));
    assert_eq!(starts_of(&running, "backend"), 1, "{}", running.stderr());
}

/// S3.1: told to go on without, it does, and health says `degraded` and why.
#[test]
fn failed_migrations_may_only_degrade() {
    let cluster = Cluster::start();
    let app = booking().on(&cluster.url());
    let test = app.test.file("migrations/0005_bad.sql", "alter table nowhere add column x int;\n");
    let mut running = test.env("MAINSTAY_MIGRATIONS_ON_FAILURE", "degrade").spawn();
    let body = wait_for_page(&mut running, app.health, "/readyz", 200);
    assert!(body.contains(r#""ok":true,"status":"degraded""#), "{body}");
    assert!(body.contains(r#""migrations":{"state":"degraded""#) && body.contains("0005_bad.sql"), "{body}");
    running.wait_for_line("--> migrations/0005_bad.sql:1:1", LIMIT);
    assert_eq!(get(app.api, "/services").map(|(status, _)| status), Some(200));
}

/// S1.1: any number of starters at once, and each file is applied once.
#[test]
fn six_starters_at_once_migrate_once() {
    let cluster = Cluster::start();
    six_starters(&cluster.url(), "select pg_sleep(0.05);\n");
    let applied = cluster.psql("select count(*), count(distinct version) from schema_migrations");
    assert_eq!((applied.as_str(), cluster.psql("select count(*) from steps").as_str()), ("3|3", "3"));
    six_starters("sqlite:app.db", "");
}

fn six_starters(url: &str, slow: &str) {
    let mut test = mainstay().file(
        "migrations/0001_steps.sql",
        &format!("create table steps (at int);\n{slow}insert into steps values (1);\n"),
    );
    for number in 2..4 {
        test = test.file(
            &format!("migrations/000{number}_step.sql"),
            &format!("{slow}insert into steps values ({number});\n"),
        );
    }
    let start = || test.again().args(["migrate", "up", "--json", "--database", url, "--dir", "migrations"]).spawn();
    let starters: Vec<Running> = (0..6).map(|_| start()).collect();
    let reports = starters.into_iter().map(|starter| {
        let output = starter.wait(LIMIT);
        output.code(0);
        let report: serde_json::Value = serde_json::from_str(&output.raw_stdout).unwrap();
        report["applied"].as_array().unwrap().len()
    });
    assert_eq!(reports.sum::<usize>(), 3, "{url}");
    let status = test.args(["migrate", "status", "--json", "--database", url, "--dir", "migrations"]).run();
    status.code(0);
    let status: serde_json::Value = serde_json::from_str(&status.raw_stdout).unwrap();
    assert_eq!((&status["counts"]["applied"], &status["counts"]["pending"]), (&3.into(), &0.into()), "{status}");
}

/// S2.9, S3.5: what is not required makes it degraded, not down; queues are counted.
#[test]
fn a_dependency_that_may_be_missing_only_degrades() {
    let redis = Redis::start();
    redis.command(&["RPUSH", "events:p2p", "a", "b", "c"]);
    redis.kill9();
    let health = free_port();
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human").env("REDIS_URL", redis.url()).file(
        "mainstay.toml",
        &format!(
            "[dependencies.redis]\nrequired = false\nqueues = [\"events:p2p\", \"events:broadcast\"]\nmonitor = {{ every = \"200ms\" }}\n\
             [health]\nlisten = \"127.0.0.1:{health}\"\n[services.api]\ncommand = \"sleep 1000\"\nneeds = [\"redis\"]\n"
        ),
    );
    let mut running = test.args(["up"]).spawn();
    let body = wait_for_page(&mut running, health, "/readyz", 200);
    assert!(body.contains(r#""ok":true,"status":"degraded""#) && body.contains(r#""redis":false"#), "{body}");
    redis.start_again(&[]);
    redis.command(&["RPUSH", "events:p2p", "a", "b", "c"]);
    redis.command(&["RPUSH", "events:broadcast", "d"]);
    wait_until(LIMIT, "health is ok and counts four", || {
        page(health, "/readyz")
            .is_some_and(|(_, body)| body["status"] == "ok" && body["redis"] == true && body["queue_depth"] == 4)
    });
}
