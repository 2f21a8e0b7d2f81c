//! `mainstay migrate`: plain files or an external command, what was applied and what is pending.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use serde_json::{Value, json};
use support::mainstay;
use testkit::{Cluster, Output, Test};

fn migrate(test: &Test, verb: &str, url: &str, flags: &[&str]) -> Output {
    let arguments = ["migrate", verb, "--database", url, "--dir", "migrations"];
    test.again().env("MAINSTAY_LOG_FORMAT", "human").args(arguments).args(flags.iter().copied()).run()
}

fn two_files() -> Test {
    mainstay().file("migrations/0001_users.sql", "create table users (id integer primary key);\n").file(
        "migrations/0002_names.sql",
        "alter table users add column name text;\ninsert into users (id, name) values (1, 'Ada; Grace'); -- not two\n",
    )
}

/// S1.1: status before and after, twice applied and once done, on both databases.
#[test]
fn status_up_and_status_again() {
    let cluster = Cluster::start();
    for url in [cluster.url(), "sqlite:app.db".to_owned()] {
        let test = two_files().hide(&url, "{url}").hide("sqlite:[DIR]/app.db", "{url}");
        let before = migrate(&test, "status", &url, &["--exit-code"]);
        before.code(3).stdout_has("pending       0001_users.sql\npending       0002_names.sql\n");
        before.stdout_has(": 0 applied, 2 pending, 0 in conflict\n");
        let json: Value = serde_json::from_str(&migrate(&test, "status", &url, &["--json"]).raw_stdout).unwrap();
        assert_eq!(json["counts"], json!({ "applied": 0, "pending": 2, "conflicts": 0 }));
        let up = migrate(&test, "up", &url, &[]);
        up.code(0).stdout_is("").stderr_has("applied 0001_users.sql in [TIME]\napplied 0002_names.sql in [TIME]\nmigrate: applied 2 new migrations in [TIME]\n");
        migrate(&test, "up", &url, &[]).code(0).stdout_is("").stderr_has("migrate: all migrations up to date\n");
        let after = migrate(&test, "status", &url, &["--exit-code"]);
        after.code(0).stdout_has("applied       0001_users.sql  [WHEN]\napplied       0002_names.sql  [WHEN]\n");
        let json: Value = serde_json::from_str(&migrate(&test, "status", &url, &["--json"]).raw_stdout).unwrap();
        assert_eq!(
            (&json["current"], &json["counts"]),
            (&true.into(), &json!({ "applied": 2, "pending": 0, "conflicts": 0 }))
        );
    }
    assert_eq!(cluster.psql("select name from users"), "Ada; Grace");
}

/// S1.1: who only looks needs no more than a database that can be read: a standby, or one that takes no writes. Who changes it waits for
/// one that does.
#[test]
fn a_database_that_is_only_read_can_be_looked_at() {
    let primary = Cluster::start();
    let test = two_files();
    migrate(&test, "up", &primary.url(), &[]).code(0);
    let standby = Cluster::standby_of(&primary);
    primary.psql("alter database postgres set default_transaction_read_only = on");
    let test = test.file("migrations/0003_more.sql", "create table more (id integer primary key);\n");
    for url in [standby.url(), primary.url()] {
        let soon = ["--timeout", "2s"];
        let read = |verb: &str, more: &[&str]| migrate(&test, verb, &url, &[&soon[..], more].concat());
        read("status", &[]).code(0).stdout_has(": 2 applied, 1 pending, 0 in conflict\n");
        read("status", &["--exit-code", "--json"]).code(3).stdout_has("\"pending\": 1");
        read("verify", &[]).code(0).stdout_has("2 migrations pass");
        read("lint", &[]).code(0);
        read("dump", &[]).code(0).stdout_has("CREATE TABLE public.users");
        read("up", &["--dry-run"]).code(0).stdout_is("0003_more.sql\n");
        read("up", &[]).code(75).stderr_has("25006");
        read("down", &[]).code(75).stderr_has("25006");
    }
}

/// S0.3: what was done, as JSON; the second time nothing.
#[test]
fn up_as_json() {
    let test = two_files();
    let report = |output: Output| serde_json::from_str::<Value>(&output.raw_stdout).unwrap();
    let first = report(migrate(&test, "up", "sqlite:app.db", &["--json"]));
    let names: Vec<_> =
        first["applied"].as_array().unwrap().iter().map(|applied| applied["name"].as_str().unwrap()).collect();
    assert_eq!((names, &first["pending_before"]), (vec!["0001_users.sql", "0002_names.sql"], &2.into()));
    let second = report(migrate(&test, "up", "sqlite:app.db", &["--json"]));
    assert_eq!((&second["applied"], &second["pending_before"]), (&json!([]), &0.into()));
}

/// S0.1, S0.3, S0.4: the whole deploy guard: a server that is still recovering, an external command, its attempts told one by one.
#[test]
fn an_external_command_behind_a_recovering_server() {
    let cluster = Cluster::recovering_for(3);
    let script = "#!/bin/sh\necho x >> tries; [ $(wc -l < tries) -ge 2 ] || { echo 'could not connect to server: Connection refused' >&2; exit 1; }\necho upgraded\n";
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human").script("alembic", script);
    let output = test
        .again()
        .args([
            "migrate",
            "up",
            "--database",
            &cluster.url(),
            "--command",
            "./alembic upgrade head",
            "--attempts",
            "20",
            "--interval",
            "100ms",
        ])
        .run();
    output.code(0).stdout_is("upgraded\n").stderr_has("waiting for main: ");
    output.stderr_has("(SQLSTATE 57P03)");
    output.stderr_has("attempt 1/20");
    assert_eq!(test.read("tries"), "x\nx\n");
}

/// With a `mainstay.toml` nothing else needs to be said.
#[test]
fn the_file_says_it_all() {
    let test = two_files().file("mainstay.toml", "[databases.main]\n[migrations]\ndir = \"migrations\"\n");
    let test = test.env("MAINSTAY_LOG_FORMAT", "human");
    test.again().args(["migrate", "up"]).run().code(0).stderr_has("migrate: applied 2 new migrations");
    test.again().args(["migrate", "status"]).run().code(0).stdout_has(": 2 applied, 0 pending, 0 in conflict\n");
}
