//! What the verbs promise of their flags, their variables and their exit codes.
#![allow(clippy::disallowed_methods, reason = "tests stand outside the program and play the machine it runs on")]

mod support;

use std::{fs::OpenOptions, net::TcpListener, process::Command};
use support::{mainstay, names};

const TABLE: &str = "create table t (id bigint primary key);\n";
const APP: &str = "[env]\nTOKEN = { about = 'Bot token', secret = true, required = true }\n\
                   [databases.main]\nurl = '${DATABASE_URL}'\n[migrations]\ndir = 'sql'\n";

/// The command of the README: an SQLite file below `data` needs no directory made by hand.
#[test]
fn a_new_sqlite_file_below_data_needs_no_directory() {
    let test = mainstay().file("migrations/0001_t.sql", TABLE);
    let flags = ["--database", "sqlite:data/bot.db", "--dir", "migrations"];
    test.again().args(["migrate", "up"]).args(flags).run().code(0);
    assert_eq!(names(test.path()), ["data", "data/bot.db", "migrations", "migrations/0001_t.sql"]);
    let run = mainstay().file("migrations/0001_t.sql", TABLE);
    run.again().args(["run", "--dry-run"]).args(flags).args(["--", "echo", "up"]).run().code(0);
    run.again().args(["run"]).args(flags).args(["--", "echo", "up"]).run().code(0).stdout_is("up\n");
}

/// S2.5: who sets an application up asks for its variables before any of them is set.
#[test]
fn the_contract_can_be_printed_before_anything_is_set() {
    let test = mainstay().file("mainstay.toml", APP);
    test.again().args(["env", "example"]).run().code(0).stdout_is("# Bot token\n# (required, secret)\nTOKEN=\n");
    test.again().args(["env", "docs"]).run().code(0).stdout_has("| `TOKEN` | Bot token |");
    let check = test.again().args(["env", "check"]).run();
    check.code(1).stdout_is("environment contract: fail: 2 problems\n");
    check.stderr_has("the variable `TOKEN` is required").stderr_has("the variable `DATABASE_URL` is not set");
    assert_eq!(check.stderr.matches("error:").count(), 2, "{}", check.stderr);
}

/// A flag wins over a variable, and every verb knows the variables.
#[test]
fn the_application_is_named_by_a_flag_or_a_variable() {
    let test = mainstay().file("app/mainstay.toml", APP).file("app/sql/0001_t.sql", TABLE).env("TOKEN", "123456:abc");
    let test = test.env("DATABASE_URL", "sqlite:x.db");
    let status = || test.again().args(["migrate", "status"]);
    status().env("MAINSTAY_DIR", "app").run().code(0).stdout_has("1 pending");
    status().env("MAINSTAY_CONFIG", "app/mainstay.toml").run().code(0).stdout_has("1 pending");
    let wrong = status().env("MAINSTAY_CONFIG", "nowhere.toml").env("MAINSTAY_DIR", "nowhere");
    wrong.args(["--dir", "app"]).run().code(0).stdout_has("1 pending");
    let check = test.again().args(["env", "check", "--dir", "app"]).env("MAINSTAY_CONFIG", "nowhere.toml");
    check.run().code(0).stdout_is("environment contract: pass\n");
    let directory = test.again().args(["env", "check", "--config", "app"]).run();
    directory.code(2).stderr_has("`--config` takes the file itself, `--dir` its directory");
}

/// `--url` takes what `health.listen` takes, and a whole URL as it stands.
#[test]
fn the_address_of_health_may_be_written_in_several_ways() {
    let port = testkit::free_port();
    let asked = |url: &str| mainstay().args(["health", "--url", url]).run();
    let is_asked = |url: &str, page: &str| {
        let output = asked(url);
        output.code(1);
        assert!(
            output.raw_stderr.contains(&format!("seen: http://127.0.0.1:{port}/{page}\n")),
            "{}",
            output.raw_stderr
        );
    };
    is_asked(&format!("{port}"), "healthz");
    is_asked(&format!(":{port}"), "healthz");
    is_asked(&format!("127.0.0.1:{port}"), "healthz");
    is_asked(&format!("http://127.0.0.1:{port}/"), "healthz");
    is_asked(&format!("http://127.0.0.1:{port}/ready"), "ready");
    asked("tcp://127.0.0.1:1").code(2).stderr_has("over HTTP alone");
    asked("http://").code(2).stderr_has("it names no host");
}

/// Docker keeps other codes than 0 and 1 for itself.
#[test]
fn a_probe_ends_with_0_or_1_alone() {
    mainstay().args(["health"]).run().code(2).stderr_has("there is no health address to ask");
    mainstay().args(["health", "--probe"]).run().code(1);
    mainstay().args(["health", "--probe"]).file("mainstay.toml", "nmae = 'x'").run().code(1);
}

/// An answer that could not be written was not given.
#[test]
fn a_full_disk_is_no_answer() {
    let full = OpenOptions::new().write(true).open("/dev/full").expect("Linux has /dev/full");
    let output = Command::new(env!("CARGO_BIN_EXE_mainstay")).arg("schema").stdout(full).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("No space left"), "{output:?}");
}

/// S2.6: what a start would bind and run is looked at, in the environment that it would have.
#[test]
fn a_dry_run_checks_every_address_and_every_program() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let text = format!(
        "[databases.main]\nurl = 'sqlite:data/x.db'\n[migrations]\ncommand = 'no-such-migrator'\n[health]\nlisten = '{}'\n\
         [services.a]\ncommand = 'own'\nenv = {{ PATH = 'bin:/bin' }}\n",
        taken.local_addr().expect("its address")
    );
    let test = mainstay().file("mainstay.toml", &text).script("bin/own", "#!/bin/sh\n");
    let output = test.args(["up", "--dry-run"]).run();
    output.code(1).stdout_has("of `health.listen`  taken").stdout_has("`no-such-migrator` not found");
    assert!(
        output.stdout.lines().any(|line| line.starts_with("  pass") && line.contains("command of `a`")),
        "{}",
        output.stdout
    );
}

/// S2.2: a link that leads nowhere is told as what it is, also by a dry run.
#[test]
fn a_data_directory_that_is_a_dead_link_is_told() {
    let test = mainstay().file("mainstay.toml", "name = 'app'\n");
    std::os::unix::fs::symlink("/nowhere/at/all", test.path().join("data")).expect("a link");
    test.again().args(["up"]).run().code(2).stderr_has("it is a link to something that is not there");
    test.again().args(["up", "--dry-run"]).run().code(1).stdout_has("it is a link to something that is not there");
}

/// S4.11: what was typed where it does not belong is quoted without its password.
#[test]
fn a_url_in_the_wrong_place_is_quoted_without_its_password() {
    let url = "postgres://bot:hunter22@db/app";
    for typed in [vec!["up", url], vec!["migrate", "up", url], vec!["wait", "--log-level", url], vec![url]] {
        let output = mainstay().args(typed).secret("hunter22").run();
        output.code(2).stderr_has("postgres://bot:***@db/app");
    }
}

#[test]
fn every_verb_has_an_example_in_its_help() {
    for verb in
        ["", "up", "run", "wait", "migrate", "migrate up", "migrate status", "health", "env", "env check", "schema"]
    {
        let words = verb.split_whitespace().chain(["--help"]);
        mainstay().args(words).run().code(0).stdout_has("Example: ");
    }
}
