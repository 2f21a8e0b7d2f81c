//! Six starters at once: each file is applied exactly once, and all six end well.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

#[path = "support/shop.rs"]
mod shop;
mod support;

use shop::{Style, migrate, on_postgres, on_sqlite, shop, wait_stopped};
use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
};
use support::{LIMIT, rounds};
use testkit::{Cluster, Output, PgBouncer, Running, Signal, Test, wait_for, wait_until};

const STARTERS: usize = 6;

fn start(test: &Test, url: &str) -> Vec<Running> {
    (0..STARTERS).map(|_| migrate(test, "up", url, &[]).spawn()).collect()
}

/// All end well, and what they say they have applied is each file once.
#[track_caller]
fn end_well(starters: Vec<Running>, files: usize) -> String {
    let outputs: Vec<_> = starters.into_iter().map(|starter| starter.wait(LIMIT * 2)).collect();
    judge(&outputs, files)
}

#[track_caller]
fn judge(outputs: &[Output], files: usize) -> String {
    let told: String = outputs.iter().map(|output| format!("--- {}\n{}", output.exit_code(), output.stderr)).collect();
    assert!(outputs.iter().all(|output| output.exit_code() == 0), "{told}");
    let applied = told.lines().filter(|line| line.starts_with("applied ")).count();
    assert_eq!(applied, files, "{told}");
    told
}

/// Rounds on databases of their own; `through` is the address of what stands before the server.
fn rounds_on_postgres(number: usize, cluster: &Cluster, through: impl Fn(&str) -> String) {
    for style in [Style::Plain, Style::GolangMigrate] {
        let test = shop(style, true);
        let files = if style == Style::Plain { 5 } else { 4 };
        migrate(&test, "up", &cluster.create_database("alone"), &[]).run().code(0);
        let wanted = on_postgres(cluster, "alone");
        cluster.psql("drop database alone");
        for round in 0..number {
            let database = format!("round{round}");
            cluster.create_database(&database);
            let told = end_well(start(&test, &through(&database)), files);
            assert_eq!(on_postgres(cluster, &database), wanted, "{told}");
            assert!(!cluster.log().contains("deadlock detected"), "{}", cluster.log());
            wait_until(LIMIT, "the sessions are gone", || {
                let rest = cluster
                    .session("postgres", "postgres")
                    .unwrap()
                    .query(&format!("drop database {database} with (force)"));
                rest.is_ok()
            });
        }
    }
}

fn rounds_on_sqlite(number: usize) {
    for style in [Style::Plain, Style::GolangMigrate] {
        let test = shop(style, false);
        let files = if style == Style::Plain { 4 } else { 3 };
        migrate(&test, "up", "sqlite:alone.db", &[]).run().code(0);
        let wanted = on_sqlite(&test.path().join("alone.db"));
        for round in 0..number {
            let name = format!("round{round}.db");
            let told = end_well(start(&test, &format!("sqlite:{name}")), files);
            assert_eq!(on_sqlite(&test.path().join(&name)), wanted, "round {round}: {told}");
            fs::remove_file(test.path().join(&name)).unwrap();
        }
    }
}

/// S0.3, issue 3: six at once on an empty database.
#[test]
fn six_starters_on_postgresql() {
    let cluster = Cluster::start();
    rounds_on_postgres(rounds(3), &cluster, |database| cluster.url_of("postgres", database));
}

#[test]
fn six_starters_on_sqlite() {
    rounds_on_sqlite(rounds(3));
}

/// Issue 3: where no session belongs to anybody.
#[test]
fn six_starters_behind_a_pooler() {
    let cluster = Cluster::start();
    let bouncer = PgBouncer::start(&cluster);
    rounds_on_postgres(rounds(3), &cluster, |database| {
        format!("postgres://postgres@127.0.0.1:{}/{database}", bouncer.port())
    });
}

#[test]
#[ignore = "heavy: 100 rounds"]
fn six_starters_on_postgresql_100_times() {
    let cluster = Cluster::start();
    rounds_on_postgres(rounds(100), &cluster, |database| cluster.url_of("postgres", database));
}

#[test]
#[ignore = "heavy: 100 rounds"]
fn six_starters_on_sqlite_100_times() {
    rounds_on_sqlite(rounds(100));
}

#[test]
#[ignore = "heavy: 100 rounds"]
fn six_starters_behind_a_pooler_100_times() {
    let cluster = Cluster::start();
    let bouncer = PgBouncer::start(&cluster);
    rounds_on_postgres(rounds(100), &cluster, |database| {
        format!("postgres://postgres@127.0.0.1:{}/{database}", bouncer.port())
    });
}

/// Issue 3, part 3: somebody builds indexes all the time; whoever waited for our lock in a statement would be in a deadlock with him.
#[test]
fn six_starters_beside_builds_of_indexes() {
    let cluster = Cluster::start();
    cluster.psql("create table busy (n int); insert into busy select generate_series(1, 1000)");
    let (test, over) = (shop(Style::Plain, true), AtomicBool::new(false));
    let built = std::thread::scope(|scope| {
        let builder = scope.spawn(|| {
            let mut session = cluster.session("postgres", "postgres").unwrap();
            let mut built = 0;
            while !over.load(Ordering::SeqCst) {
                session.query("create index concurrently spin on busy (n)").unwrap();
                session.query("drop index concurrently spin").unwrap();
                built += 1;
            }
            built
        });
        let outputs: Vec<_> = start(&test, &cluster.url()).into_iter().map(|starter| starter.wait(LIMIT * 2)).collect();
        over.store(true, Ordering::SeqCst);
        judge(&outputs, 5);
        builder.join().unwrap()
    });
    assert!(built > 0 && !cluster.log().contains("deadlock detected"), "{}", cluster.log());
}

/// The one that works is killed in the middle; the five others end well.
fn one_of_six_is_killed(test: &Test, url: &str) {
    let mut starters = start(test, url);
    let first = wait_for(LIMIT, "one of them has applied a file", || {
        starters.iter().position(|starter| starter.stderr().contains("applied 0001"))
    });
    starters.remove(first).kill9();
    for starter in starters {
        starter.wait(LIMIT * 2).code(0);
    }
}

#[test]
fn six_starters_of_which_one_is_killed() {
    let cluster = Cluster::start();
    let bouncer = PgBouncer::start(&cluster);
    let (test, lite) = (shop(Style::Plain, true), shop(Style::Plain, false));
    for database in ["alone", "direct", "pooled"] {
        cluster.create_database(database);
    }
    migrate(&test, "up", &cluster.url_of("postgres", "alone"), &[]).run().code(0);
    let wanted = on_postgres(&cluster, "alone");
    one_of_six_is_killed(&test, &cluster.url_of("postgres", "direct"));
    assert_eq!(on_postgres(&cluster, "direct"), wanted);
    one_of_six_is_killed(&test, &format!("postgres://postgres@127.0.0.1:{}/pooled", bouncer.port()));
    assert_eq!(on_postgres(&cluster, "pooled"), wanted);
    migrate(&lite, "up", "sqlite:alone.db", &[]).run().code(0);
    one_of_six_is_killed(&lite, "sqlite:app.db");
    assert_eq!(on_sqlite(&lite.path().join("app.db")), on_sqlite(&lite.path().join("alone.db")));
}

/// An application that migrates at its own start by golang-migrate makes us wait, and is named; while we migrate, it waits.
#[test]
fn an_application_with_the_tools_lock_and_we_wait_for_each_other() {
    let cluster = Cluster::start();
    let test = shop(Style::GolangMigrate, true);
    let key = key_of_golang_migrate("public", "schema_migrations", "postgres");
    let mut app = cluster.session("postgres", "postgres").unwrap();
    app.query("set application_name = 'shop-api'").unwrap();
    app.query(&format!("select pg_advisory_lock({key})")).unwrap();
    let mut waiting = migrate(&test, "up", &cluster.url(), &[]).env("MAINSTAY_FAILPOINT", "stop:lock.held").spawn();
    let line = waiting.wait_for_line("waiting for the migration lock", LIMIT);
    assert!(line.contains("`shop-api`"), "{line}");
    assert_eq!(cluster.psql("select count(*) from pg_tables where schemaname = 'public'"), "0");
    app.query("select pg_advisory_unlock_all()").unwrap();
    wait_stopped(&waiting);
    let ours = app.query(&format!("select pg_try_advisory_lock({key})")).unwrap();
    assert_eq!(ours, [[Some("f".to_owned())]], "the application has to wait");
    waiting.signal(Signal::CONT);
    waiting.wait(LIMIT).code(0);
    let theirs = app.query(&format!("select pg_try_advisory_lock({key})")).unwrap();
    assert_eq!(theirs, [[Some("t".to_owned())]], "and has its turn afterwards");
}

/// By its formula (`database/util.go`): CRC-32 of schema, table and database between zero bytes, times its salt, in 32 bits.
fn key_of_golang_migrate(schema: &str, table: &str, database: &str) -> u32 {
    let mut crc = u32::MAX;
    for byte in format!("{schema}\0{table}\0{database}").bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    (!crc).wrapping_mul(1_486_364_155)
}

/// Who looks while another one is in the middle of a file sees its mark, and waits instead of taking it for something left behind.
#[test]
fn a_mark_of_one_that_lives_is_waited_for() {
    let cluster = Cluster::start();
    let test = shop(Style::GolangMigrate, true);
    let tool = cluster.session("postgres", "postgres");
    let mut tool = tool.unwrap();
    tool.query(&format!(
        "select pg_advisory_lock({})",
        key_of_golang_migrate("public", "schema_migrations", "postgres")
    ))
    .unwrap();
    tool.query("create table schema_migrations (version bigint primary key, dirty boolean not null)").unwrap();
    tool.query("insert into schema_migrations values (1, true)").unwrap();
    let mut waiting = migrate(&test, "up", &cluster.url(), &["--to", "0001"]).spawn();
    waiting.wait_for_line("waiting for the migration lock", LIMIT);
    tool.query("update schema_migrations set dirty = false").unwrap();
    tool.query("select pg_advisory_unlock_all()").unwrap();
    waiting.wait(LIMIT).code(0).stderr_has("all migrations up to date: another starter applied them");
    tool.query("update schema_migrations set dirty = true").unwrap();
    migrate(&test, "up", &cluster.url(), &[]).run().code(1).stderr_has("was begun and did not end");
}
