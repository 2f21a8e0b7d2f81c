//! What a running mainstay tells of the copies of its databases.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use rusqlite::Connection;
use serde_json::Value;
use std::{fs, path::Path};
use support::{LIMIT, get, mainstay, up};
use testkit::{Test, free_port, wait_for};

fn config(more: &str, port: u16) -> String {
    format!(
        "name = \"shop\"\n[databases.main]\nurl = \"sqlite:app.db\"\n[health]\nlisten = \"127.0.0.1:{port}\"\nmetrics = true\n\
         [services.api]\ncommand = \"sleep 1000\"\n{more}"
    )
}

fn shop(more: &str, port: u16) -> Test {
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human").file("mainstay.toml", &config(more, port));
    let db = Connection::open(test.path().join("app.db")).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode = wal; CREATE TABLE item (id INTEGER PRIMARY KEY); INSERT INTO item VALUES (1), (2);",
    )
    .unwrap();
    test
}

fn status(test: &Test) -> Value {
    let output = test.again().args(["status", "--json"]).run();
    serde_json::from_str(&output.raw_stdout).unwrap_or_else(|error| panic!("{error}: {}", output.raw_stderr))
}

fn number(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| line.starts_with(&format!("{name}{{database=\"main\"}}")))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

fn first_copy(test: &Test) -> std::path::PathBuf {
    let id = status(test)["backups"][0]["newest"].as_str().unwrap().to_owned();
    let of_app = test.path().join("data/backups/shop");
    let database = fs::read_dir(of_app).unwrap().next().unwrap().unwrap().path();
    database.join(id)
}

/// S1.16: `status`, the health page, `/metrics` and the journal tell what the copies are worth: none before the first was due, then
/// VERIFIED ones; why a run has failed, also when copies are left.
#[test]
fn a_running_mainstay_tells_what_copies_are_worth() {
    let port = free_port();
    let test = shop("[backup]\nschedule = \"0 2 1 1 *\"\n", port);
    let running = up(&test);
    let none = test.again().args(["status"]).run();
    none.code(0)
        .stdout_has("backups of main: skipped\n")
        .stdout_has("  if the disk dies now: lose everything, there is no VERIFIED copy\n")
        .stdout_has("  0 copies, 0 of them VERIFIED\n");

    test.again().args(["run-now", "backup"]).run().code(0);
    let one = test.again().args(["status"]).run();
    one.code(0)
        .stdout_has("backups of main: pass\n")
        .stdout_has("  if the disk dies now: lose ")
        .stdout_has(", back in about ")
        .stdout_has("  1 copy, 1 of them VERIFIED, the newest `");
    let backup = status(&test)["backups"][0].clone();
    assert_eq!(
        (&backup["verdict"], &backup["stale"], &backup["failure"]),
        (&"pass".into(), &false.into(), &Value::Null)
    );
    let (code, page) = support::page(port, "/healthz").unwrap();
    assert_eq!((code, &page["status"], &page["backups"][0]["verdict"]), (200, &"ok".into(), &"pass".into()));
    let metrics = get(port, "/metrics").unwrap().1;
    assert_eq!(number(&metrics, "mainstay_backup_stale"), Some(0.0), "{metrics}");
    assert_eq!(number(&metrics, "mainstay_backup_verified_copies"), Some(1.0));
    assert!(number(&metrics, "mainstay_backup_verified_timestamp_seconds").unwrap() > 1.7e9);
    assert_eq!(number(&metrics, "mainstay_backup_failure_timestamp_seconds"), None);
    let told = || test.again().args(["events", "-n", "1000"]).run().raw_stdout;
    wait_for(LIMIT, "the event of the copy", || told().contains("backup: main is protected by `").then_some(()));

    // The next one fails; the copy is left.
    fs::rename(test.path().join("app.db"), test.path().join("gone.db")).unwrap();
    let failed = test.again().args(["backup", "now"]).run();
    assert_ne!(failed.exit_code(), 0);
    let left = test.again().args(["status"]).run();
    left.stdout_has("backups of main: pass: the last try failed: ").stdout_has("  1 copy, 1 of them VERIFIED");
    let backup = status(&test)["backups"][0].clone();
    assert!(backup["failure"].as_str().unwrap().contains("app.db"), "{backup}");
    wait_for(LIMIT, "the event of the failure", || told().contains("backup: no VERIFIED copy of main: ").then_some(()));
    assert!(number(&get(port, "/metrics").unwrap().1, "mainstay_backup_failure_timestamp_seconds").unwrap() > 1.7e9);
    running.terminate();
    running.wait(LIMIT);
}

fn set_back(copy: &Path, hours: i64) {
    let path = copy.join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let taken: jiff::Timestamp = manifest["taken"].as_str().unwrap().parse().unwrap();
    manifest["taken"] = (taken - jiff::SignedDuration::from_hours(hours)).to_string().into();
    fs::write(&path, manifest.to_string()).unwrap();
}

/// S1.16: a copy that is too old makes health `degraded`, by whatever time it is when somebody asks; a directory of copies that cannot be
/// read is `could not verify`, never `pass`; a new copy mends both.
#[test]
fn stale_copies_are_told_when_asked() {
    let port = free_port();
    let test = shop("[backup]\nstale = \"26h\"\n", port);
    test.again().args(["backup", "now"]).run().code(0);
    let running = up(&test);
    let copy = first_copy(&test);
    set_back(&copy, 25);
    let young = test.again().args(["status"]).run();
    assert!(young.code(0).raw_stdout.contains("lose 1 d 1 h, back in about "), "{}", young.raw_stdout);
    set_back(&copy, 5);
    let old = test.again().args(["status"]).run();
    let why = "the newest VERIFIED copy is 1 d 6 h old (limit 1 d 2 h)\n";
    for line in [format!("  because main is not protected: {why}"), format!("backups of main: fail: {why}")] {
        assert!(old.code(3).raw_stdout.contains(&line), "{}", old.raw_stdout);
    }
    assert_eq!(number(&get(port, "/metrics").unwrap().1, "mainstay_backup_stale"), Some(1.0));
    let (code, page) = support::page(port, "/readyz").unwrap();
    assert_eq!((code, &page["status"]), (200, &"degraded".into()), "who works without copies works");

    let (to, aside) = (test.path().join("data/backups/shop"), test.path().join("data/aside"));
    fs::rename(&to, &aside).unwrap();
    fs::write(&to, "not a directory").unwrap();
    test.again()
        .args(["status"])
        .run()
        .code(3)
        .stdout_has("backups of main: could not verify: the copies cannot be listed")
        .stdout_has("  if the disk dies now: could not verify what is lost");
    fs::remove_file(&to).unwrap();
    fs::rename(&aside, &to).unwrap();
    test.again().args(["backup", "now"]).run().code(0);
    test.again().args(["status"]).run().code(0).stdout_has("backups of main: pass\n");
    running.terminate();
    running.wait(LIMIT);
}

/// S1.16: a reload takes up what `[backup]` says by then: that there are copies, when they are too old, where they lie.
#[test]
fn a_reload_takes_up_how_copies_are_made() {
    let port = free_port();
    let test = shop("", port);
    let running = up(&test);
    let none = test.again().args(["status"]).run();
    assert!(!none.code(0).raw_stdout.contains("backups of main"), "{}", none.raw_stdout);
    let reload = |more: &str| {
        fs::write(test.path().join("mainstay.toml"), config(more, port)).unwrap();
        test.again().args(["reload"]).run().code(0).stdout_has("not touched: api\n");
    };

    reload("[backup]\nstale = \"26h\"\n");
    test.again().args(["status"]).run().code(0).stdout_has("  0 copies, 0 of them VERIFIED\n");
    test.again().args(["run-now", "backup"]).run().code(0);
    let copy = first_copy(&test);
    set_back(&copy, 25);
    test.again().args(["status"]).run().code(0).stdout_has("backups of main: pass\n");

    reload("[backup]\nstale = \"24h\"\n");
    let old = "backups of main: fail: the newest VERIFIED copy is 1 d 1 h old (limit 1 d)\n";
    let told = test.again().args(["status"]).run();
    assert!(told.code(3).raw_stdout.contains(old), "{}", told.raw_stdout);
    assert_eq!(number(&get(port, "/metrics").unwrap().1, "mainstay_backup_stale"), Some(1.0));

    reload("[backup]\nto = \"elsewhere\"\n");
    test.again().args(["status"]).run().code(0).stdout_has("  0 copies, 0 of them VERIFIED\n");
    running.terminate();
    running.wait(LIMIT).code(0);
}
