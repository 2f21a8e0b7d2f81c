//! Copies in a bucket, on a server that checks signatures and fails on purpose.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use rusqlite::Connection;
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};
use support::{mainstay, names};
use testkit::{Cluster, Output, S3Fault, S3Server, Test, find_component};

const BUCKET: &str = "s3://shop-backups/live";

/// With credentials for the server, and copies of `app.db` in a directory and in the bucket, or only there.
fn program(server: &S3Server, to: &str) -> Test {
    let config = format!(
        "name = \"shop\"\n[databases.main]\nurl = \"sqlite:app.db\"\n[backup]\nto = {to}\n[backup.s3]\ntimeout = \"3s\"\n"
    );
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human").file("mainstay.toml", &config);
    let ground = test.path().join("ground");
    fs::create_dir(&ground).unwrap();
    fs::set_permissions(&ground, PermissionsExt::from_mode(0o777)).unwrap();
    let ground = ground.display().to_string();
    let test = test.env("TMPDIR", &ground);
    server.variables().into_iter().fold(test, |test, (name, value)| match name {
        "AWS_SECRET_ACCESS_KEY" => test.secret_env(name, &value),
        _ => test.env(name, value),
    })
}

fn both() -> String {
    format!("[\"backups\", \"{BUCKET}\"]")
}

fn only() -> String {
    format!("\"{BUCKET}\"")
}

fn fill(test: &Test, rows: u32) {
    let connection = Connection::open(test.path().join("app.db")).unwrap();
    let text = format!(
        "CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, name TEXT); \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
         INSERT INTO item (name) SELECT hex(randomblob(20)) FROM n;"
    );
    connection.execute_batch(&text).unwrap();
}

fn rows(path: &Path) -> i64 {
    Connection::open(path).unwrap().query_row("SELECT count(*) FROM item", [], |row| row.get(0)).unwrap()
}

fn run(test: &Test, arguments: &[&str]) -> Output {
    test.again().args(arguments.iter().copied()).run()
}

fn list(test: &Test) -> Vec<Value> {
    let output = run(test, &["backup", "list", "--json"]);
    let list: Value = serde_json::from_str(&output.code(0).raw_stdout).unwrap();
    list["copies"].as_array().unwrap().clone()
}

/// State and places of each copy.
fn seen(test: &Test) -> Vec<String> {
    let places = |copy: &Value| {
        let places = copy["places"].as_array().unwrap().iter().map(|at| at["place"].as_str().unwrap().to_owned());
        places.collect::<Vec<_>>().join(", ")
    };
    list(test).iter().map(|copy| format!("{}: {}", copy["state"].as_str().unwrap(), places(copy))).collect()
}

/// Names of the objects behind that of the copy.
fn objects(server: &S3Server) -> Vec<String> {
    server.objects().keys().map(|key| key.rsplit('/').next().unwrap().to_owned()).collect()
}

/// S1.16: a copy lies in the directory and in the bucket, was read back from there before its manifest came, and when the directory is
/// lost, everything goes on from the bucket alone.
#[test]
fn a_copy_outlives_the_directory() {
    let server = S3Server::start();
    server.page(2);
    let test = program(&server, &both());
    fill(&test, 1000);
    let taken = run(&test, &["backup", "now"]);
    taken.code(0).stderr_has("is VERIFIED").stderr_has("lies in `s3://shop-backups/live` too");
    let paths: Vec<_> = taken.raw_stdout.lines().collect();
    assert!(paths[0].starts_with("backups/shop/") && paths[1].starts_with("s3://shop-backups/live/shop/"), "{paths:?}");
    assert_eq!(seen(&test), ["VERIFIED: local, s3"]);
    assert_eq!(objects(&server), ["SHA256SUMS", "database.sqlite.zst", "manifest.json"]);
    let about = |kind: &str, name: &str| {
        server.requests().iter().position(|it| it.starts_with(kind) && it.ends_with(name)).unwrap()
    };
    let read_back = about("GET", "database.sqlite.zst");
    assert!(about("PUT", "database.sqlite.zst") < read_back && read_back < about("PUT", "manifest.json"));

    fs::remove_dir_all(test.path().join("backups")).unwrap();
    assert_eq!(seen(&test), ["VERIFIED: s3"]);
    run(&test, &["backup", "list"]).code(0).stdout_has("  s3  ").stdout_has("app.db: if the disk dies now: lose ");
    run(&test, &["backup", "verify"]).code(0).stdout_has("VERIFIED").stdout_has("read back: 1 file with the checksums");
    let sqlite3 = find_component("sqlite3").display().to_string();
    let opened =
        ["open", "--", "sh", "-c", &format!("{sqlite3} \"${{DATABASE_URL#sqlite:}}\" 'select count(*) from item'")];
    run(&test, &opened).code(0).stdout_is("1000\n");
    fs::remove_file(test.path().join("app.db")).unwrap();
    run(&test, &["restore", "--yes", "--target", "app.db"]).code(0).stderr_has("restore: `app.db` is what");
    assert_eq!(rows(&test.path().join("app.db")), 1000);
    assert_eq!(names(&test.path().join("ground")), [""; 0]);
    assert!(names(&test.path().join("backups")).iter().all(|name| !name.contains("fetched")));
}

/// S1.16: where copies only go to the bucket, nothing of them stays here; each place keeps so many, one by one and page by page.
#[test]
fn only_the_bucket_and_so_many_of_it() {
    let server = S3Server::start();
    server.page(2);
    let test = program(&server, &only());
    for _ in 0..3 {
        fill(&test, 10);
        run(&test, &["backup", "now", "--keep", "3"]).code(0);
    }
    assert_eq!(seen(&test), ["VERIFIED: s3"; 3]);
    let database = list(&test)[0]["database"].as_str().unwrap().to_owned();
    server.put("live/shop/notes.txt", b"of a person");
    server.put("live/shop-test/x/01ARZ3NDEKTSV4RRFFQ69G5FAV/manifest.json", b"{}");
    let here = test.path().join("data/backups-on-their-way/shop").join(&database);
    assert!(names(&here).iter().all(|name| name.starts_with('.')), "{:?}", names(&here));
    let newest = list(&test)[0]["id"].as_str().unwrap().to_owned();
    run(&test, &["backup", "prune", "--keep", "2", "--dry-run"]).code(0).stdout_has("would remove 1 copy, keeps 2");
    assert_eq!(seen(&test).len(), 3);
    let plan = run(&test, &["backup", "prune", "--keep", "2"]);
    plan.code(0).stdout_has(&format!("{database} in {BUCKET}: removed 1 copy, keeps 2 copies"));
    assert_eq!((seen(&test).len(), list(&test)[0]["id"].as_str().unwrap()), (2, newest.as_str()));
    assert_eq!(
        server.objects().len(),
        2 * 3 + 2,
        "what is not a copy of this database is left alone: {:?}",
        objects(&server)
    );
    // A copy of before, put back as a new one.
    let oldest = list(&test)[1]["id"].as_str().unwrap().to_owned();
    run(&test, &["restore", &oldest, "--yes", "--target", "app.db"]).code(0);
    assert_eq!(rows(&test.path().join("app.db")), 20);
}

/// S1.16: PostgreSQL, from the bucket alone.
#[test]
fn postgresql_comes_back_from_the_bucket() {
    let (server, cluster) = (S3Server::start(), Cluster::start());
    cluster.psql("CREATE TABLE item AS SELECT i AS id, md5(i::text) AS name FROM generate_series(1, 5000) AS i");
    let test = program(&server, &only());
    let url = cluster.url();
    let named = ["--database", url.as_str(), "--to", BUCKET];
    run(&test, &[&["backup", "now"], &named[..]].concat()).code(0).stderr_has("is VERIFIED");
    cluster.psql("DELETE FROM item WHERE id > 10");
    run(&test, &[&["restore", "--yes"], &named[..]].concat()).code(0).stderr_has("5000 rows");
    assert_eq!(cluster.psql("SELECT count(*) FROM item"), "5000");
    let psql = find_component("psql").display().to_string();
    let look = ["--", &psql, "-Atc", "select count(*) from item"];
    run(&test, &[&["open"], &named[..], &look[..]].concat()).code(0).stdout_is("5000\n");
}

/// What is told, whole; and nothing in the bucket has changed.
fn refused(test: &Test, server: &S3Server, code: i32, told: &str) {
    let before = server.objects();
    run(test, &["--log-level", "error", "backup", "now"]).code(code).stdout_is("").stderr_is(told);
    assert!(server.objects() == before, "old copies are untouched");
}

/// S1.16: a bucket that is not there, credentials that are wrong or over, and a server that nobody can reach: told whole, with the next
/// step, before anything is copied; never the key.
#[test]
fn what_cannot_be_stored_is_told() {
    let server = S3Server::start();
    let test = program(&server, &only());
    fill(&test, 10);
    run(&test, &["backup", "now"]).code(0);
    let elsewhere = test.read("mainstay.toml").replace("shop-backups", "shop-nothing");
    let right = test.read("mainstay.toml");
    fs::write(test.path().join("mainstay.toml"), elsewhere).unwrap();
    refused(
        &test,
        &server,
        2,
        "
        error: copies cannot be stored in `s3://shop-nothing/live`
          seen: NoSuchBucket: The specified bucket does not exist (status 404)
          hint: make the bucket `shop-nothing`, or check its name in `to`, and the endpoint http://127.0.0.1:[PORT]
        ",
    );
    fs::write(test.path().join("mainstay.toml"), right).unwrap();
    refused(
        &test.again().env("AWS_SECRET_ACCESS_KEY", "another-key-that-is-wrong"),
        &server,
        2,
        "
        error: copies cannot be stored in `s3://shop-backups/live`
          seen: SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided. (status 403)
          hint: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or `access_key` and `secret_key` in `[backup.s3]`
        ",
    );
    refused(
        &test.again().env("AWS_ACCESS_KEY_ID", ""),
        &server,
        2,
        "
        error: copies cannot be stored in `s3://shop-backups/live`
          hint: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or `access_key` and `secret_key` in `[backup.s3]`
        ",
    );
    refused(
        &test.again().env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", testkit::free_port())),
        &server,
        1,
        "
        error: copies cannot be stored in `s3://shop-backups/live`
          seen: 127.0.0.1:[PORT] refused the connection
          hint: check `endpoint` in `[backup.s3]` or AWS_ENDPOINT_URL: it is http://127.0.0.1:[PORT]
        ",
    );
    server.add(S3Fault::Expired);
    refused(
        &test,
        &server,
        2,
        "
        error: copies cannot be stored in `s3://shop-backups/live`
          seen: ExpiredToken: The provided token has expired. (status 400)
          hint: these credentials were for a time, and it is over: get new ones, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or `access_key` and `secret_key` in `[backup.s3]`
        ",
    );
    server.heal();
    assert_eq!(seen(&test), ["VERIFIED: s3"]);
}

/// S1.16: while the bucket cannot be used, copies still come into the directory; the run fails all the same, and says why. Whatever
/// heals is lived through.
#[test]
fn one_place_does_not_wait_for_the_other() {
    let server = S3Server::start();
    let test = program(&server, &both());
    fill(&test, 10);
    server.add(S3Fault::Expired);
    let taken = run(&test, &["backup", "now"]);
    taken.code(2).stderr_has("is VERIFIED").stderr_has("copies cannot be stored in `s3://shop-backups/live`");
    assert!(taken.raw_stdout.starts_with("backups/shop/"), "{}", taken.raw_stdout);
    let listed = run(&test, &["backup", "list"]);
    listed
        .code(3)
        .stdout_has("VERIFIED")
        .stderr_has("warning: the copies in `s3://shop-backups/live` cannot be listed");
    server.heal();
    for fault in [
        S3Fault::Status(503, 4),
        S3Fault::Status(429, 3),
        S3Fault::Cut(3),
        S3Fault::CutObjects(2),
        S3Fault::Slow(Duration::from_millis(50)),
    ] {
        server.add(fault);
        run(&test, &["backup", "now"]).code(0);
        server.heal();
    }
    assert_eq!(seen(&test), [["VERIFIED: local, s3"; 5].as_slice(), &["VERIFIED: local"]].concat());
}

/// S1.16: a bucket that keeps something else than it was given is found out before the copy counts there; nothing of it is left, and
/// what was there before stays.
#[test]
fn what_was_not_stored_as_it_is_does_not_count() {
    let server = S3Server::start();
    let test = program(&server, &both());
    fill(&test, 10);
    run(&test, &["backup", "now"]).code(0);
    let before = server.objects();
    server.add(S3Fault::Corrupt);
    let taken = run(&test, &["backup", "now"]);
    taken
        .code(1)
        .stderr_has("is not stored in `s3://shop-backups/live`")
        .stderr_has("`database.sqlite.zst` was changed");
    assert!(server.objects() == before);
    server.heal();
    assert_eq!(seen(&test), ["VERIFIED: local", "VERIFIED: local, s3"]);
}

/// S1.16: what was damaged in the bucket later is found by `verify`, and then `restore` takes the other one.
#[test]
fn damage_in_the_bucket_is_found() {
    let server = S3Server::start();
    let test = program(&server, &both());
    fill(&test, 100);
    run(&test, &["backup", "now"]).code(0);
    let key = server.objects().into_keys().find(|key| key.ends_with(".zst")).unwrap();
    let mut content = server.objects()[&key].clone();
    content[100] ^= 1;
    server.put(&key, &content);
    run(&test, &["backup", "verify", "--all"]).code(1).stdout_has("`database.sqlite.zst` was changed");
    assert_eq!(seen(&test), ["VERIFIED: local", "FAILED: s3"]);
    run(&test, &["restore", "--yes", "--target", "app.db", "--no-safety-copy"]).code(0);
    server.remove(&key);
    fs::remove_dir_all(test.path().join("backups")).unwrap();
    run(&test, &["backup", "verify"]).code(1).stdout_has("`database.sqlite.zst` is gone");
    let lost = run(&test, &["restore", "--yes", "--target", "app.db"]);
    lost.code(2).stderr_has("there is no VERIFIED copy of `app.db`");
}

/// S1.16: killed at any point of the way to the bucket, the copy does not count there, and the next run brings it.
#[test]
fn killed_on_the_way() {
    for at in ["backup.compared", "backup.sent", "backup.sent-and-read"] {
        let server = S3Server::start();
        let test = program(&server, &only());
        fill(&test, 10);
        run(&test, &["backup", "now"]).code(0);
        let killed = test.again().env("MAINSTAY_FAILPOINT", format!("kill:{at}")).args(["backup", "now"]).run();
        assert_ne!(killed.exit_code(), 0, "{at}");
        let listed = list(&test);
        let in_bucket = |copy: &&Value| copy["places"].as_array().unwrap().iter().any(|it| it["place"] == "s3");
        assert_eq!(listed.iter().filter(in_bucket).count(), 1, "{at}: {listed:?}");
        run(&test, &["backup", "now"]).code(0);
        assert_eq!(seen(&test), ["VERIFIED: s3"; 3], "{at}");
    }
}

/// S1.16: addresses that are none, and a way on which anybody could read along, are refused with their place.
#[test]
fn places_are_checked() {
    let server = S3Server::start();
    let test =
        program(&server, "[\"backups\", \"more\", \"s3://Shop\"]").env("AWS_ENDPOINT_URL", "http://minio.example:9000");
    run(&test, &["--log-level", "error", "backup", "list"]).code(2).stderr_is(
        "
        error: `to` in `[backup]`: copies go to one directory
          --> mainstay.toml:5:18
           |
         5 | to = [\"backups\", \"more\", \"s3://Shop\"]
           |                  ^^^^^^
          hint: one directory and any number of `s3://BUCKET/PREFIX` can be written
        error: `to` in `[backup]`: `Shop` is no name of a bucket
          --> mainstay.toml:5:26
           |
         5 | to = [\"backups\", \"more\", \"s3://Shop\"]
           |                          ^^^^^^^^^^^
          hint: write a directory, or `s3://BUCKET/PREFIX`: small letters, digits and `-` in the name of the bucket
        ",
    );
    let test = program(&server, &only()).env("AWS_ENDPOINT_URL", "http://minio.example:9000");
    run(&test, &["--log-level", "error", "backup", "list"]).code(2).stderr_is(
        "
        error: the variable AWS_ENDPOINT_URL: `http://minio.example:9000` is another machine, and everybody between could read the copies
          hint: write `https://`, or `plain_http = true` into `[backup.s3]` if that is meant
        ",
    );
}

/// S1.16: `up` does not start with a bucket and without credentials for it: that would be noticed at night.
#[test]
fn credentials_are_missed_at_the_start() {
    let server = S3Server::start();
    let test = program(&server, &only()).env("AWS_SECRET_ACCESS_KEY", "");
    fs::write(test.path().join("mainstay.toml"), test.read("mainstay.toml") + "[services.a]\nrun = \"sleep 60\"\n")
        .unwrap();
    run(&test, &["up"]).code(2).stderr_has("`to` in `[backup]`: there are no credentials for `s3://shop-backups/live`");
}
