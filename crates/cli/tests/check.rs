//! All that can be looked at before a start or a release.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the people who commit"
)]

mod support;

use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt, process::Command};
use support::{app, json};
use testkit::{Cluster, Test, find_component, free_port};

const APP: &str = "[deploy]\n[services.app]\ncommand = 'sleep 600'\nneeds = ['main']\n\
                   [databases.main]\nurl = 'sqlite:data/app.db'\n[backup]\n";

fn git(test: &Test, arguments: &[&str]) {
    let mut command = Command::new(find_component("git"));
    command.args(["-c", "user.name=Ada", "-c", "user.email=ada@shop.example"]).args(arguments);
    let output = command.current_dir(test.path()).env("HOME", test.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn commit(test: &Test) {
    fs::write(test.path().join(".gitignore"), "data/\n").unwrap();
    git(test, &["init", "-q", "-b", "main"]);
    git(test, &["add", "-A"]);
    git(test, &["commit", "-q", "-m", "First version"]);
}

/// The verdict of one line.
fn verdict<'a>(answer: &'a Value, subject: &str) -> &'a str {
    let checks = answer["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["subject"] == subject);
    found.unwrap_or_else(|| panic!("{subject}: {answer:#}"))["verdict"].as_str().unwrap()
}

/// S2.20: the list tells what is wrong and what to do, and passes once that is done.
#[test]
fn a_release_is_checked() {
    let test = app(APP);
    commit(&test);
    fs::create_dir(test.path().join("data")).unwrap();
    let database = rusqlite::Connection::open(test.path().join("data/app.db")).unwrap();
    database.execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1)").unwrap();
    fs::write(test.path().join("notes.txt"), "later").unwrap();
    let told = test.again().args(["check", "--release"]).run();
    told.code(1).stdout_has("fail").stdout_has("hint: `mainstay backup now` takes one and proves it");
    told.stdout_has("hint: what is not committed is not released").stdout_has("fail: ");
    let answer = json(&test, &["check", "--release"]);
    for (subject, expected) in [
        ("configuration", "pass"),
        ("environment", "skipped"),
        ("programs", "pass"),
        ("data directory", "pass"),
        ("database main", "pass"),
        ("migrations", "skipped"),
        ("commit", "pass"),
        ("working copy", "fail"),
        ("room", "pass"),
        ("backup of main", "fail"),
        ("certificate", "skipped"),
    ] {
        assert_eq!(verdict(&answer, subject), expected, "{subject}: {answer:#}");
    }
    fs::remove_file(test.path().join("notes.txt")).unwrap();
    test.again().args(["backup", "now"]).run().code(0);
    test.again().args(["check", "--release"]).run().code(0).stdout_has("`main` is ").stdout_has("0 failed");
}

/// S2.18: without a release, what a start needs, also of one role; nothing is made.
#[test]
fn a_start_is_checked() {
    let test = app(
        "[env]\nTOKEN = { required = true }\n[services.web]\ncommand = 'sleep 600'\n[services.bot]\ncommand = 'no-such-bot'\n",
    );
    let told = test.again().args(["check"]).run();
    told.code(1).stdout_has("the variable `TOKEN` is required and not set");
    let test = test.env("TOKEN", "value");
    test.again().args(["check"]).run().code(1).stdout_has("the command of `bot` cannot be run");
    test.again().args(["check", "--role", "web"]).run().code(0);
    assert!(!test.path().join("data").exists());
}

/// S2.20: what cannot be seen is no pass.
#[test]
fn what_cannot_be_seen_is_told() {
    let port = free_port();
    let test = app(&format!(
        "[services.app]\ncommand = 'sleep 600'\nneeds = ['redis']\n\
         [dependencies.redis]\nurl = 'redis://127.0.0.1:{port}'\nrequired = false\n"
    ));
    test.again().args(["check"]).run().code(3).stdout_has("could not verify: ");
}

/// S2.20: the connections of two generations are counted against those that the server has.
#[test]
fn connections_of_two_generations_are_counted() {
    let cluster = Cluster::start();
    let test = app(
        "[deploy]\n[services.app]\ncommand = 'sleep 600'\nneeds = ['main']\n[databases.main]\nurl = '${DATABASE_URL}'\n",
    );
    let test = test.env("DATABASE_URL", cluster.url());
    commit(&test);
    let answer = json(&test, &["check", "--release"]);
    assert_eq!(verdict(&answer, "connections of main"), "pass", "{answer:#}");
    assert_eq!(verdict(&answer, "database main"), "pass");
}

/// S2.20, S4.9: a release is looked at as its own commit describes it, whatever lies here.
#[test]
fn a_release_is_checked_as_its_commit_describes_it() {
    let test = app("[deploy]\n[services.app]\ncommand = 'sleep 600'\n");
    commit(&test);
    git(&test, &["tag", "good"]);
    let config = test.path().join("mainstay.toml");
    fs::write(&config, "[deploy]\n[services.app]\ncommand = 'no-such-bot'\n").unwrap();
    git(&test, &["commit", "-q", "-a", "-m", "Second version"]);
    let told = test.again().args(["check", "--release"]).run();
    told.code(1).stdout_has("the command of `app` cannot be run").stdout_has("`main` is ");
    test.again()
        .args(["check", "--release", "good"])
        .run()
        .code(0)
        .stdout_has("`good` is ")
        .stdout_has("First version");
    test.again().args(["check", "--release", "bad"]).run().code(1).stdout_has("`bad`");

    fs::write(&config, "[deploy]\n[services.app]\ncommnd = 'sleep 600'\n").unwrap();
    git(&test, &["commit", "-q", "-a", "-m", "Third version"]);
    fs::write(&config, "[deploy]\n[services.app]\ncommand = 'sleep 600'\n").unwrap();
    let told = test.again().args(["check", "--release"]).run();
    told.code(2).stderr_has("mainstay.toml of commit ").stderr_has("commnd");
}

/// S4.9: what browsers would refuse is told before they do, and what becomes late is told in time.
#[test]
fn certificates_are_checked() {
    let test = app("[proxy]\nlisten = ['127.0.0.1:0']\ntls_cert = 'shop.pem'\ntls_key = 'shop.key'\n\
         [services.app]\ncommand = 'sleep 600'\nport = 'auto'\n");
    let made = |days: &str, key: &str| {
        let mut openssl = Command::new(find_component("openssl"));
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", days]);
        openssl.args([
            "-subj",
            "/CN=shop",
            "-addext",
            "subjectAltName=DNS:shop.example",
            "-keyout",
            key,
            "-out",
            "shop.pem",
        ]);
        assert!(openssl.current_dir(test.path()).output().unwrap().status.success());
    };
    let check = || test.again().args(["check"]).run();
    check().code(1).stdout_has("shop.pem").stdout_has("hint: see `tls_cert` and `tls_key` of `[proxy]`");
    made("200", "shop.key");
    check().code(0).stdout_has("certificate").stdout_has("for shop.example, [TIME] left");
    made("9", "shop.key");
    // A quarter of its life is shorter than two weeks.
    check().code(0).stdout_has("for shop.example, [TIME] left");
    made("200", "other.key");
    check().code(1).stdout_has("its key cannot be used");
    made("200", "shop.key");
    fs::set_permissions(test.path().join("shop.key"), fs::Permissions::from_mode(0o644)).unwrap();
    check().code(1).stdout_has("everybody may read the key").stdout_has("hint: chmod 600 ");
    fs::set_permissions(test.path().join("shop.key"), fs::Permissions::from_mode(0o640)).unwrap();
    check().code(0);
}
