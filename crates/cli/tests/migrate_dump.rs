//! `mainstay migrate dump` and `mainstay migrate up --rehearse`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use serde_json::Value;
use std::time::Duration;
use support::mainstay;
use testkit::{Cluster, Output, Test};

fn migrate(test: &Test, url: &str, arguments: &[&str]) -> Output {
    let test = test.again().env("MAINSTAY_LOG_FORMAT", "human").args(["migrate"]).args(arguments.iter().copied());
    test.args(["--database", url, "--dir", "migrations"]).run()
}

fn two_files() -> Test {
    mainstay()
        .file("migrations/0001_users.sql", "create table users (id integer primary key);\n")
        .file("migrations/0002_names.sql", "alter table users add column name text;\n")
}

/// S1.10: to standard output and to a file, the same text; a failure leaves the file that was there.
#[test]
fn dump_writes_the_whole_file_or_none() {
    let cluster = Cluster::start();
    for url in [cluster.url(), "sqlite:app.db".to_owned()] {
        let test = two_files();
        migrate(&test, "sqlite:none.db", &["dump", "--output", "schema.sql"])
            .code(2)
            .stderr_has("there is no database");
        assert!(!test.path().join("schema.sql").exists());
        migrate(&test, &url, &["up"]).code(0);
        let shown = migrate(&test, &url, &["dump"]);
        shown.code(0).stdout_has("0002_names.sql");
        migrate(&test, &url, &["dump", "--output", "schema.sql"]).code(0).stdout_is("").stderr_has("migrate: wrote ");
        assert_eq!(test.read("schema.sql").trim_end(), shown.raw_stdout.trim_end());
    }
}

/// S1.6: exit code 0 when all would be applied, 1 when a file fails; nothing is applied either way.
#[test]
fn rehearse_applies_nothing() {
    let cluster = Cluster::start();
    for (url, flag, said) in [
        (cluster.url(), "--rehearse", "rehearsed on a clone of the schema"),
        (cluster.url(), "--rehearse=rollback", "in one transaction that was rolled back"),
        ("sqlite:app.db".to_owned(), "--rehearse", "rehearsed on a copy of the file"),
    ] {
        let test = two_files();
        let shown = migrate(&test, &url, &["up", flag]);
        shown.code(0).stdout_has("pass     0001_users.sql").stdout_has("creates table users").stdout_has(said);
        migrate(&test, &url, &["status", "--exit-code"]).code(3).stdout_has("pending       0001_users.sql");

        let test = test.file("migrations/0003_bad.sql", "create table users (id integer primary key);\n");
        let shown = migrate(&test, &url, &["up", flag, "--json"]);
        shown.code(1).stderr_has("already exists");
        let json: Value = serde_json::from_str(&shown.raw_stdout).unwrap();
        assert_eq!(
            (&json["files"][1]["verdict"], &json["files"][2]["verdict"]),
            (&"pass".into(), &"fail".into()),
            "{json}"
        );
        migrate(&test, &url, &["status", "--exit-code"]).code(3);
    }
}

/// A rehearsal that is interrupted drops its clone before the program ends.
#[test]
fn an_interrupted_rehearsal_leaves_nothing_behind() {
    let cluster = Cluster::start();
    let test = mainstay().file("migrations/0001_slow.sql", "select pg_sleep(60);\n");
    let url = cluster.url();
    let test = test.args(["migrate", "up", "--rehearse", "--database", &url, "--dir", "migrations"]);
    let running = test.spawn();
    testkit::wait_until(Duration::from_secs(60), "the file runs on the clone", || {
        let asked =
            "select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and datname like 'mainstay_%'";
        cluster.psql(asked) == "1"
    });
    running.interrupt();
    running.wait(Duration::from_secs(30)).code(130);
    assert_eq!(cluster.psql("select count(*) from pg_database where datname like 'mainstay%'"), "0");
}
