//! SIGKILL of mainstay and of PostgreSQL at every step of a migration: the next run converges, nothing is done twice, nothing lost.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

#[path = "support/shop.rs"]
mod shop;
mod support;

use shop::{Style, migrate, on_postgres, on_sqlite, shop, wait_stopped};
use std::{cell::Cell, fs};
use support::LIMIT;
use testkit::{Cluster, Fault, FaultProxy, Output, Signal, Test, wait_for, wait_until};

const KILLED: i32 = 128 + 9;
/// Each way of one run by the places it comes to, of both databases.
const PLACES: [&str; 12] = [
    "lock.held",
    "ledger.write",
    "ledger.written",
    "transaction.commit",
    "transaction.committed",
    "lone.begun",
    "lone.done",
    "piece.done",
    "closing",
    "migration.done",
    "flush",
    "flushed",
];
/// Of PostgreSQL alone, where a statement that stands alone is written down before it.
const MORE_ON_POSTGRES: [&str; 2] = ["journal.write", "journal.written"];
/// Of those whose table has a mark for what was begun.
const WITH_A_MARK: [&str; 2] = ["opening.write", "opening.written"];

/// A database as it was before the run that is killed, the run, and what the database is like.
struct Scene<'a> {
    /// Makes the database anew and says its URL.
    fresh: Box<dyn Fn() -> String + 'a>,
    seen: Box<dyn Fn() -> String + 'a>,
    test: Test,
    verb: &'static str,
    more: &'static [&'static str],
}

impl Scene<'_> {
    fn run(&self, url: &str, point: &str) -> Output {
        migrate(&self.test, self.verb, url, self.more).env("MAINSTAY_FAILPOINT", point).run()
    }

    /// What an undisturbed run leaves.
    fn undisturbed(&self) -> String {
        self.run(&(self.fresh)(), "").code(0);
        (self.seen)()
    }

    /// Killed at each place, each time up to `most` that the run comes there; the next run goes on by itself. Says at how many places.
    fn killed_everywhere(&self, places: &[&str], most: u32) -> usize {
        let wanted = self.undisturbed();
        let mut kills = 0;
        for place in places {
            for time in 1..=most {
                let (url, point) = ((self.fresh)(), format!("kill:{place}:{time}"));
                let killed = self.run(&url, &point);
                if time > 1 && killed.exit_code() == 0 {
                    break;
                }
                assert_eq!(killed.exit_code(), KILLED, "{point}: {}", killed.stderr);
                let next = self.run(&url, "");
                assert_eq!(next.exit_code(), 0, "after {point}: {}", next.stderr);
                assert_eq!((self.seen)(), wanted, "after {point}: {}", next.stderr);
                kills += 1;
            }
        }
        kills
    }
}

/// A run up from nothing, or a run down from all.
fn scene(cluster: &Cluster, style: Style, down: bool) -> Scene<'_> {
    let test = shop(style, true);
    let (number, current) = (Cell::new(0), std::rc::Rc::new(std::cell::RefCell::new(String::new())));
    let template = if down {
        let url = cluster.create_database("done");
        migrate(&test, "up", &url, &[]).run().code(0);
        "done"
    } else {
        "template0"
    };
    let name = std::rc::Rc::clone(&current);
    let fresh = move || {
        number.set(number.get() + 1);
        let fresh = format!("shop{}", number.get());
        cluster.psql(&format!("create database {fresh} template {template}"));
        name.replace(fresh.clone());
        cluster.url_of("postgres", &fresh)
    };
    let (verb, more): (_, &[_]) = if down { ("down", &["--to", "0001"]) } else { ("up", &[]) };
    let seen = move || on_postgres(cluster, &current.borrow());
    Scene { fresh: Box::new(fresh), seen: Box::new(seen), test, verb, more }
}

fn scene_on_sqlite(style: Style, down: bool) -> Scene<'static> {
    let test = shop(style, false);
    let file = test.path().join("app.db");
    if down {
        migrate(&test, "up", "sqlite:done.db", &[]).run().code(0);
    }
    let (done, app) = (test.path().join("done.db"), file.clone());
    let fresh = move || {
        for ending in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{ending}", app.display()));
        }
        if down {
            fs::copy(&done, &app).unwrap();
        }
        "sqlite:app.db".to_owned()
    };
    let (verb, more): (_, &[_]) = if down { ("down", &["--to", "0001"]) } else { ("up", &[]) };
    Scene { fresh: Box::new(fresh), seen: Box::new(move || on_sqlite(&file)), test, verb, more }
}

fn without<'a>(places: &[&'a str], left_out: &[&str]) -> Vec<&'a str> {
    places.iter().filter(|place| !left_out.contains(place)).copied().collect()
}

fn up_on_postgres(style: Style, most: u32) -> usize {
    let cluster = Cluster::start();
    let marks: &[&str] = if style == Style::Plain { &[] } else { &WITH_A_MARK };
    scene(&cluster, style, false).killed_everywhere(&[&PLACES[..], &MORE_ON_POSTGRES, marks].concat(), most)
}

fn down_on_postgres(style: Style, most: u32) -> usize {
    let cluster = Cluster::start();
    let places = without(&[&PLACES[..], &MORE_ON_POSTGRES].concat(), &["ledger.write", "ledger.written", "closing"]);
    scene(&cluster, style, true).killed_everywhere(&places, most)
}

fn on_sqlite_killed(style: Style, down: bool, most: u32) -> usize {
    let left_out: &[&str] = match (style, down) {
        (_, true) => &["ledger.write", "ledger.written", "closing"],
        (_, false) => &["closing"],
    };
    scene_on_sqlite(style, down).killed_everywhere(&without(&PLACES, left_out), most)
}

/// S0.3, issue 3: mainstay killed at each kind of step on PostgreSQL, once.
#[test]
fn up_on_postgresql_goes_on_after_a_kill() {
    up_on_postgres(Style::Plain, 1);
}

/// The same where the adopted table has a mark for what was begun: it is ours, so it stops nobody.
#[test]
fn a_dirty_mark_of_ours_is_gone_on_with() {
    up_on_postgres(Style::GolangMigrate, 1);
    up_on_postgres(Style::Sqlx, 1);
}

#[test]
fn down_on_postgresql_goes_on_after_a_kill() {
    down_on_postgres(Style::Plain, 1);
}

#[test]
fn on_sqlite_both_ways_go_on_after_a_kill() {
    on_sqlite_killed(Style::Plain, false, 2);
    on_sqlite_killed(Style::Plain, true, 2);
}

/// Issue 3: every journal step, every time that it is come to.
#[test]
#[ignore = "heavy: a kill at every step"]
fn up_on_postgresql_goes_on_after_a_kill_at_every_step() {
    assert!(up_on_postgres(Style::Plain, u32::MAX) > 50);
}

#[test]
#[ignore = "heavy: a kill at every step"]
fn a_dirty_mark_of_ours_is_gone_on_with_at_every_step() {
    assert!(up_on_postgres(Style::GolangMigrate, u32::MAX) > 40);
    assert!(up_on_postgres(Style::Sqlx, u32::MAX) > 40);
}

#[test]
#[ignore = "heavy: a kill at every step"]
fn down_on_postgresql_goes_on_after_a_kill_at_every_step() {
    assert!(down_on_postgres(Style::Plain, u32::MAX) > 25);
    assert!(down_on_postgres(Style::GolangMigrate, u32::MAX) > 25);
}

#[test]
#[ignore = "heavy: a kill at every step"]
fn on_sqlite_both_ways_go_on_after_a_kill_at_every_step() {
    assert!(on_sqlite_killed(Style::Plain, false, u32::MAX) > 15);
    for (style, down) in [(Style::Plain, true), (Style::GolangMigrate, false), (Style::GolangMigrate, true)] {
        on_sqlite_killed(style, down, u32::MAX);
    }
}

/// The server itself is killed, and what it had not brought to the disk is lost; the very same run converges by its own attempts.
fn server_killed(style: Style, down: bool, places: &[&str]) {
    // Nothing that is not waited for reaches the disk by itself.
    let cluster = Cluster::builder().conf("wal_writer_delay = 10s").start();
    let scene = scene(&cluster, style, down);
    let wanted = scene.undisturbed();
    for place in places {
        let (url, point) = ((scene.fresh)(), format!("stop:{place}"));
        let running = migrate(&scene.test, scene.verb, &url, scene.more).env("MAINSTAY_FAILPOINT", &point).spawn();
        wait_stopped(&running);
        cluster.kill9();
        cluster.start_again();
        running.signal(Signal::CONT);
        let output = running.wait(LIMIT * 2);
        assert_eq!(output.exit_code(), 0, "{point}: {}", output.stderr);
        assert_eq!((scene.seen)(), wanted, "{point}: {}", output.stderr);
    }
}

/// Issue 3: SIGKILL of PostgreSQL while a file is being applied.
#[test]
fn up_outlives_a_kill_of_postgresql() {
    server_killed(
        Style::Plain,
        false,
        &["lock.held", "transaction.commit:2", "transaction.committed:2", "lone.begun", "lone.done:2", "flush"],
    );
}

#[test]
#[ignore = "heavy: a kill at every step"]
fn up_outlives_a_kill_of_postgresql_at_every_step() {
    server_killed(
        Style::Plain,
        false,
        &[&PLACES[..], &MORE_ON_POSTGRES, &["migration.done:4", "piece.done:6"]].concat(),
    );
    server_killed(Style::GolangMigrate, false, &[&PLACES[..], &MORE_ON_POSTGRES, &WITH_A_MARK].concat());
}

#[test]
#[ignore = "heavy: a kill at every step"]
fn down_outlives_a_kill_of_postgresql_at_every_step() {
    let places = without(&[&PLACES[..], &MORE_ON_POSTGRES].concat(), &["ledger.write", "ledger.written", "closing"]);
    server_killed(Style::Plain, true, &places);
}

/// What was applied one by one and lost with the server is not counted as done: the next step is still this one.
#[test]
fn one_step_that_was_lost_is_done_again() {
    let cluster = Cluster::builder().conf("wal_writer_delay = 10s").start();
    let test = shop(Style::Plain, true);
    migrate(&test, "up", &cluster.url(), &["--to", "0003"]).run().code(0);
    let running =
        migrate(&test, "up", &cluster.url(), &["--one", "--json"]).env("MAINSTAY_FAILPOINT", "stop:flush").spawn();
    wait_stopped(&running);
    cluster.kill9();
    cluster.start_again();
    assert_eq!(cluster.psql("select count(*) from schema_migrations"), "3", "it was lost");
    running.signal(Signal::CONT);
    let output = running.wait(LIMIT * 2);
    output.code(0).stderr_has("the server crashed and lost `0004_mood.sql`; it is done again");
    assert_eq!(output.raw_stdout.matches("0004_mood.sql").count(), 1, "{}", output.raw_stdout);
    assert_eq!(cluster.psql("select count(*) from schema_migrations"), "4");
    assert_eq!(cluster.psql("select count(*) from feelings"), "1");
}

/// A COMMIT in the middle of a file that takes long, because a deferred trigger waits for a key of ours.
fn slow_commit() -> Test {
    shop::plain(&[
        (
            "0001_log",
            "create table log (n int);\n\
             create function hold() returns trigger language plpgsql as 'begin perform pg_advisory_xact_lock_shared(4242); return new; end';\n\
             create constraint trigger hold after insert on log deferrable initially deferred for each row when (new.n = 2) \
             execute function hold();\n",
        ),
        ("0002_mixed", "vacuum log;\ninsert into log values (2);\nvacuum log;\ninsert into log values (3);\n"),
    ])
}

/// The server process that waits in the trigger.
#[track_caller]
fn in_commit(cluster: &Cluster) -> String {
    let sql = "select pid from pg_locks where locktype = 'advisory' and objid = 4242 and not granted";
    wait_for(LIMIT, "the COMMIT waits", || Some(cluster.psql(sql)).filter(|pid| !pid.is_empty()))
}

/// The next one waits for the end of the COMMIT, or the server has seen that nobody is there any more, given it up, and the next one is
/// at its own.
fn comes_next(cluster: &Cluster, first: &str) -> bool {
    let asks = format!(
        "{ASKING} or pid <> {first} and wait_event = 'advisory' and application_name like 'mainstay-migrate/%'"
    );
    cluster.psql(&asks) != "0"
}

/// Somebody asks for the lock of migrations in vain.
const ASKING: &str = "select count(*) from pg_stat_activity where application_name like 'mainstay-migrate/%' and query like '%try_advisory%'";

/// Issue 3: the connection is lost at the COMMIT of a piece in the middle of a file, and the COMMIT goes on in the server: the same run
/// waits for its end, and goes on behind it.
#[test]
fn a_commit_that_goes_on_without_us_is_waited_for() {
    let cluster = Cluster::start();
    let proxy = FaultProxy::start(cluster.port());
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", proxy.port());
    let mut key = cluster.session("postgres", "postgres").unwrap();
    key.query("select pg_advisory_lock(4242)").unwrap();
    let running = migrate(&slow_commit(), "up", &url, &[]).spawn();
    let first = in_commit(&cluster);
    proxy.set(Fault::Reset);
    wait_until(LIMIT, "the loss is noticed", || running.stderr().contains("attempt 1"));
    proxy.set(Fault::Pass);
    wait_until(LIMIT, "the next attempt comes", || comes_next(&cluster, &first));
    key.query("select pg_advisory_unlock_all()").unwrap();
    running.wait(LIMIT * 2).code(0);
    assert_eq!(cluster.psql("select string_agg(n::text, ',' order by n) from log"), "2,3");
    assert_eq!(cluster.psql("select count(*) from mainstay_journal"), "0");
}

/// The same when mainstay is killed: the next one waits for what the first has left at work.
#[test]
fn a_commit_of_a_killed_one_is_waited_for() {
    let cluster = Cluster::start();
    let mut key = cluster.session("postgres", "postgres").unwrap();
    key.query("select pg_advisory_lock(4242)").unwrap();
    let test = slow_commit();
    let mut running = migrate(&test, "up", &cluster.url(), &[]).spawn();
    let first = in_commit(&cluster);
    running.kill9();
    let next = migrate(&test, "up", &cluster.url(), &[]).spawn();
    wait_until(LIMIT, "the next one comes", || comes_next(&cluster, &first));
    key.query("select pg_advisory_unlock_all()").unwrap();
    next.wait(LIMIT * 2).code(0);
    assert_eq!(cluster.psql("select string_agg(n::text, ',' order by n) from log"), "2,3");
}

/// An index that a killed one still builds is not taken for one that was never made.
#[test]
fn an_index_that_a_killed_one_builds_is_built_once() {
    let cluster = Cluster::start();
    cluster.psql("create table log (n int)");
    let mut reader = cluster.session("postgres", "postgres").unwrap();
    reader.query("begin").unwrap();
    reader.query("lock table log in row exclusive mode").unwrap();
    let test = shop::plain(&[("0001_index", "create index concurrently log_n on log (n);\n")]);
    let mut running = migrate(&test, "up", &cluster.url(), &[]).spawn();
    let building = "select count(*) from pg_stat_activity where query like 'create index concurrently%' and wait_event_type = 'Lock'";
    wait_until(LIMIT, "the build waits", || cluster.psql(building) == "1");
    running.kill9();
    let next = migrate(&test, "up", &cluster.url(), &[]).spawn();
    wait_until(LIMIT, "the server has given the first build up, and the next one builds", || {
        cluster.psql(ASKING) != "0" || next.stderr().contains("invalid index")
    });
    reader.query("rollback").unwrap();
    next.wait(LIMIT * 2).code(0);
    assert_eq!(cluster.psql("select indisvalid from pg_index where indrelid = 'log'::regclass"), "t");
}

/// What the database cannot tell, a person is asked for; and both answers work.
fn asked(statement: &str, place: &str) {
    for (answer, rows) in [("--applied", "1"), ("--forget", "2")] {
        let cluster = Cluster::start();
        cluster.psql("create table log (n int); create procedure p() language sql as 'insert into log values (1)'");
        let file = format!("-- mainstay: no-transaction\n{statement};\n");
        let test = shop::plain(&[("0001_alone", &file)]);
        let up = || migrate(&test, "up", &cluster.url(), &[]);
        up().env("MAINSTAY_FAILPOINT", format!("kill:{place}")).run().code(KILLED);
        for _ in 0..2 {
            let next = up().run();
            next.code(1).stderr_has("whether statement 1 of `migrations/0001_alone.sql` was done cannot be told");
            next.stderr_has(&format!("`mainstay migrate repair {} 0001`", "--applied"));
            next.stderr_has(&format!("`mainstay migrate repair {} 0001`", "--forget"));
        }
        let status =
            test.again().args(["migrate", "status", "--database", &cluster.url(), "--dir", "migrations"]).run();
        status.stdout_has("begun");
        test.again()
            .args(["migrate", "repair", "--database", &cluster.url(), "--dir", "migrations", answer, "0001", "--yes"])
            .run()
            .code(0);
        up().run().code(0);
        let count = if statement.starts_with("call") {
            "select count(*) from log"
        } else {
            "select count(*) from pg_index where indrelid = 'log'::regclass"
        };
        assert_eq!(cluster.psql(count), rows, "{statement} {answer}");
        assert_eq!(cluster.psql("select count(*) from schema_migrations"), "1");
        assert_eq!(cluster.psql("select count(*) from mainstay_journal"), "0");
    }
}

#[test]
fn a_person_is_asked_about_a_procedure() {
    asked("call p()", "lone.done");
}

#[test]
fn a_person_is_asked_about_an_index_without_a_name() {
    asked("create index concurrently on log (n)", "lone.done");
}

/// Baseline and repair are written wholly or not at all.
#[test]
fn baseline_and_repair_go_on_after_a_kill() {
    for style in [Style::Plain, Style::GolangMigrate] {
        let cluster = Cluster::start();
        let test = shop(style, true);
        for place in ["lock.held", "ledger.write:1", "ledger.written:1", "ledger.write:2", "ledger.written:2"] {
            cluster.psql("drop table if exists schema_migrations, mainstay_history, mainstay_journal");
            let baseline = || migrate(&test, "baseline", &cluster.url(), &["0003"]);
            baseline().env("MAINSTAY_FAILPOINT", format!("kill:{place}")).run().code(KILLED);
            baseline().run().code(0);
            assert_eq!(cluster.psql("select count(*) from mainstay_history"), "3", "{place}");
        }
        for place in ["lock.held", "ledger.write", "ledger.written"] {
            let repair = || migrate(&test, "repair", &cluster.url(), &["--forget", "0003", "--yes"]);
            repair().env("MAINSTAY_FAILPOINT", format!("kill:{place}")).run().code(KILLED);
            repair().run();
            assert_eq!(cluster.psql("select count(*) from mainstay_history where version = '0003'"), "0", "{place}");
            migrate(&test, "baseline", &cluster.url(), &["0003"]).run().code(0);
        }
    }
}
