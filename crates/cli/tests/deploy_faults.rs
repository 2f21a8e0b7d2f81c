//! Releases while the machine fails: no room on the disk, no database, no mainstay. What served goes on, and the next release
//! converges.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

#[path = "support/releases.rs"]
mod releases;
mod support;

use releases::{Load, Site};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use support::{LIMIT, alive, get, is_root};
use testkit::{Cluster, Running, wait_until};

/// A database with migrations, for the end of a configuration.
const DATABASE: &str = "[databases.main]\nmonitor = { every = \"500ms\" }\n[migrations]\ndatabase = \"main\"\n\
                        dir = \"migrations\"\n";
const USERS: (&str, &str) = ("migrations/0001_users.sql", "create table users (id int primary key);\n");

/// The mainstay that runs the site.
fn daemon(site: &Site) -> u32 {
    let status = support::json(&site.test, &["status"]);
    u32::try_from(status["pid"].as_u64().unwrap()).unwrap()
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
    wait_until(LIMIT, "it is dead", || !alive(pid));
}

/// A small disk below a directory; only root has one.
struct Disk(PathBuf);

impl Disk {
    fn mount(dir: &Path, size: &str) -> Self {
        fs::create_dir_all(dir).unwrap();
        let disk = Self(dir.to_owned());
        disk.call(&["-t", "tmpfs", "-o", &format!("size={size}"), "releases"]);
        disk
    }

    fn resize(&self, size: &str) {
        self.call(&["-o", &format!("remount,size={size}")]);
    }

    fn call(&self, arguments: &[&str]) {
        assert!(Command::new("mount").args(arguments).arg(&self.0).status().unwrap().success(), "{arguments:?}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// Issue 6, proof: the disk is filled while the release is built, by a command that tells and by one that does not: the old one
/// serves, nothing is left, the cause is told, and with room the same commit comes live.
#[test]
fn a_disk_that_is_filled_by_the_build_harms_nobody() {
    if !is_root() {
        return;
    }
    let site = Site::new("watch = \"1s\"\nbuild = [\"true\"]\n", "");
    let disk = Disk::mount(&site.path("data/releases"), "400m");
    site.deploy();
    disk.resize("80m");
    let load = Load::on(site.port, 2);
    let config = fs::read_to_string(site.path("mainstay.toml")).unwrap();
    let live = site.newest()["id"].as_str().unwrap().to_owned();
    for (version, fill) in [("v2", "head -c 100m /dev/zero > big"), ("v3", "head -c 100m /dev/zero > big || true")] {
        let config = config.replace("\"true\"", &format!("\"sh -c '{fill}'\""));
        site.commit(version, "", &[("mainstay.toml", &config)]);
        let output = site.run(&["deploy"]);
        output.code(1).stderr_has("No space left on device");
        let newest = site.newest();
        if version == "v2" {
            let errors = &output.stderr[output.stderr.find("error: ").unwrap_or_default()..];
            let wanted = format!(
                "error: the release could not be built\n  seen: `sh -c head -c [TIME] /dev/zero > big` ended with exit code 1\n  \
                 seen: head: error writing 'standard output': No space left on device\n  \
                 hint: only 0 B are left on the disk: make room\n\
                 error: the release failed in `build`; release {live} has served all the time\n  \
                 hint: `mainstay releases show {}` has all of it\n",
                newest["id"].as_str().unwrap()
            );
            assert_eq!(errors, wanted);
        }
        assert_eq!((site.version(), newest["state"].as_str()), ("v1".to_owned(), Some("failed")), "{newest}");
        assert!(!newest["cause"].as_str().unwrap().is_empty() && !site.tree(&newest).exists(), "{newest}");
    }
    load.all_answered_once(&site.path("seen"));
    disk.resize("400m");
    site.deploy();
    assert_eq!((site.version(), site.processes().len()), ("v3".to_owned(), 2));
    site.run(&["down"]).code(0);
}

/// A site on a database, with its first release live.
fn on(cluster: &Cluster, deploy: &str) -> Site {
    let site = Site::new(&format!("backup = \"never\"\n{deploy}"), DATABASE).env("DATABASE_URL", &cluster.url());
    site.commit("v1", "", &[USERS]);
    site.deploy();
    site
}

/// S1.7: PostgreSQL is killed in the middle of a migration: the old release serves all the time, and when the server is back
/// the release has come live, or the next one does, with the migration applied once.
#[test]
fn a_database_that_is_killed_in_a_migration_harms_nobody() {
    let cluster = Cluster::start();
    let site = on(&cluster, "watch = \"1s\"\n");
    let load = Load::on(site.port, 2);
    let slow = "select pg_sleep(5);\nalter table users add column mail text;\ninsert into users values (1);\n";
    site.commit("v2", "", &[("migrations/0002_mail.sql", slow)]);
    let deploying = site.spawn(&["deploy"]);
    let asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
    wait_until(LIMIT, "it migrates", || cluster.psql(asleep).trim() == "1");
    cluster.kill9();
    assert_eq!(site.version(), "v1");
    cluster.start_again();
    let output = deploying.wait(LIMIT);
    if output.exit_code() != 0 {
        assert_eq!((site.version(), site.newest()["state"].as_str()), ("v1".to_owned(), Some("failed")));
        output.stderr_has("migrate");
        site.deploy();
    }
    load.all_answered_once(&site.path("seen"));
    assert_eq!((site.version(), site.states()[0].as_str()), ("v2".to_owned(), "confirmed"));
    assert_eq!(cluster.psql("select count(*), count(mail) from users").trim(), "1|0");
}

/// Issue 6, point 5: an outage of the database in the watch is no fault of the release: it stays, and the clock stands still
/// meanwhile.
#[test]
fn a_database_that_is_killed_in_the_watch_is_no_fault_of_the_release() {
    let cluster = Cluster::start();
    let site = on(&cluster, "watch = \"1s\"\n");
    let config = site.edited("watch = \"1s\"", "watch = \"6s\"");
    site.commit("v2", "", &[("mainstay.toml", &config)]);
    let load = Load::on(site.port, 2);
    let mut deploying = site.spawn(&["deploy"]);
    deploying.wait_for_line("drain", LIMIT);
    cluster.kill9();
    let away = || support::json(&site.test, &["status"])["dependencies"][0]["state"] != "ready";
    wait_until(LIMIT, "that is seen", away);
    std::thread::sleep(Duration::from_secs(3));
    assert!(deploying.running(), "{}", deploying.stderr());
    cluster.start_again();
    deploying.wait(LIMIT).code(0).stderr_has("is live and stays");
    load.all_answered_once(&site.path("seen"));
    assert_eq!((site.version(), site.states()[0].as_str()), ("v2".to_owned(), "confirmed"));
    let watched = site.newest()["phases"].as_array().unwrap().iter().find(|it| it["step"] == "watch").unwrap().clone();
    assert!(watched["took_ms"].as_u64().unwrap() > 8000, "{watched}");
}

/// A release of `v2` that waits in its smoke check, between the start of its services and the switch.
fn held_before_the_switch(site: &Site) -> Running {
    fs::write(site.path("data/hold"), "").unwrap();
    let hold = site.path("data/hold").display().to_string();
    let held = format!("sh -c 'touch {hold}-there; while test -e {hold}; do sleep 0.1; done'");
    let config = site.edited("[deploy]\n", &format!("[deploy]\nsmoke = [{{ command = \"{held}\" }}]\n"));
    site.commit("v2", "", &[("mainstay.toml", &config)]);
    let deploying = site.spawn(&["deploy"]);
    wait_until(LIMIT, "it is proven", || site.path("data/hold-there").exists());
    deploying
}

/// What has to be true after the running mainstay was killed: the next start runs `version`, the next release comes live.
fn converges(site: &Site, version: &str) {
    site.run(&["up", "-d"]).code(0);
    assert_eq!(site.version(), version);
    wait_until(LIMIT, "one generation", || site.processes().len() == 2);
    site.commit("v9", "", &[]);
    site.deploy();
    assert_eq!((site.version(), site.states()[0].as_str()), ("v9".to_owned(), "confirmed"));
    assert_eq!(site.states().iter().filter(|it| ["live", "confirmed"].contains(&it.as_str())).count(), 1);
    wait_until(LIMIT, "one generation", || site.processes().len() == 2);
}

/// Issue 6, proof: mainstay itself is killed between the start of the new services and the switch.
#[test]
fn a_mainstay_that_is_killed_before_the_switch_starts_the_old_release() {
    let site = Site::new("watch = \"1s\"\n", "");
    site.deploy();
    let before = site.current();
    let deploying = held_before_the_switch(&site);
    kill(daemon(&site));
    fs::remove_file(site.path("data/hold")).unwrap();
    deploying.wait(LIMIT).code(1).stderr_has("mainstay has ended meanwhile, and nothing runs");
    assert_eq!((site.current(), site.newest()["state"].as_str()), (before, Some("rolled-back")));
    converges(&site, "v1");
}

/// Issue 6, proof: the same after the switch, while it is watched.
#[test]
fn a_mainstay_that_is_killed_in_the_watch_starts_the_old_release() {
    let site = Site::new("watch = \"1s\"\n", "");
    site.deploy();
    let before = site.current();
    let config = site.edited("watch = \"1s\"", "watch = \"60s\"");
    site.commit("v2", "", &[("mainstay.toml", &config)]);
    let mut deploying = site.spawn(&["deploy"]);
    deploying.wait_for_line("drain", LIMIT);
    wait_until(LIMIT, "it serves", || get(site.port, "/version").is_some_and(|it| it.1.starts_with("v2")));
    kill(daemon(&site));
    deploying.wait(LIMIT).code(1).stderr_has("mainstay has ended meanwhile, and nothing runs");
    assert_eq!((site.current(), site.newest()["state"].as_str()), (before, Some("rolled-back")));
    fs::write(site.path("mainstay.toml"), site.edited("watch = \"60s\"", "watch = \"1s\"")).unwrap();
    converges(&site, "v1");
}

/// A site on PostgreSQL that holds a row, for releases that begin with nothing.
fn with_a_row(cluster: &Cluster, url: &str, deploy: &str) -> Site {
    let site = Site::new(&format!("watch = \"1s\"\nsmoke = [{{ http = \"/\" }}]\n{deploy}"), DATABASE)
        .env("DATABASE_URL", url);
    site.commit("v1", "", &[USERS]);
    site.deploy();
    cluster.psql_in("shop", "insert into users values (7)");
    site
}

const CLEAN: [&str; 4] = ["deploy", "--clean", "--yes-destroy", "shop"];
const ROWS: &str = "select count(*) from users";

/// S1.8: a clean release on PostgreSQL asks for the name, takes a last copy, begins with nothing, and gives all of it back when it
/// fails, whether what it began with works or not.
#[test]
fn a_clean_release_on_postgresql() {
    let cluster = Cluster::builder().conf("max_prepared_transactions = 5").start();
    let site = with_a_row(&cluster, &cluster.create_database("shop"), "");
    site.run(&["deploy", "--clean"]).code(2).stderr_has("say --yes-destroy shop");
    site.run(&["deploy", "--clean", "--yes-destroy", "shup"]).code(2).stderr_has("`shup` was named");
    assert_eq!((site.version(), cluster.psql_in("shop", ROWS)), ("v1".to_owned(), "1".to_owned()));
    // One that fails once its services run.
    site.commit("v2", "smoke", &[]);
    let output = site.run(&CLEAN);
    output.code(1).stderr_has("the databases from before are put back").stderr_has("is live again");
    assert_eq!((site.version(), cluster.psql_in("shop", ROWS)), ("v1".to_owned(), "1".to_owned()));
    // One that fails in its migrations.
    site.commit("v3", "", &[("migrations/0002_bad.sql", "select nonsense;\n")]);
    site.run(&CLEAN).code(1).stderr_has("nonsense").stderr_has("the databases from before are put back");
    assert_eq!((site.version(), cluster.psql_in("shop", ROWS)), ("v1".to_owned(), "1".to_owned()));
    fs::remove_file(site.path("migrations/0002_bad.sql")).unwrap();
    site.commit("v4", "", &[]);
    let output = site.run(&CLEAN);
    output.code(0).stderr_has("VERIFIED").stderr_has("what was there is kept as `shop_before_");
    assert_eq!((site.version(), cluster.psql_in("shop", ROWS)), ("v4".to_owned(), "0".to_owned()));
    let kept = "select datname from pg_database where datname like 'shop_before_%'";
    assert_eq!(cluster.psql_in(&cluster.psql(kept), ROWS), "1");
    // One that cannot take the place of the database touches nothing, and undoes nothing that it has not done.
    cluster.psql_in("shop", "insert into users values (8), (9)");
    cluster
        .session("postgres", "shop")
        .unwrap()
        .query("begin; lock table users in share mode; prepare transaction 'p'")
        .unwrap();
    site.commit("v5", "", &[]);
    let output = site.run(&CLEAN);
    output.code(75).stderr_has("prepared transaction p");
    cluster.psql_in("shop", "rollback prepared 'p'");
    assert_eq!((site.version(), cluster.psql_in("shop", ROWS)), ("v4".to_owned(), "2".to_owned()));
}

/// S1.8: without a copy nothing is stopped, and nothing goes.
#[test]
fn a_clean_release_without_a_copy_touches_nothing() {
    let cluster = Cluster::start();
    cluster.psql("create role ada login");
    cluster.psql("create database shop owner ada");
    let site = with_a_row(&cluster, &cluster.url_of("ada", "shop"), "");
    cluster.psql_in("shop", "create table hidden (id int)");
    site.commit("v2", "", &[]);
    let load = Load::on(site.port, 2);
    site.run(&CLEAN).code(1).stderr_has("hidden");
    load.all_answered_once(&site.path("seen"));
    assert_eq!((site.version(), cluster.psql_in("shop", ROWS)), ("v1".to_owned(), "1".to_owned()));
    assert_eq!(site.newest()["state"], "failed");
}

/// S1.8: whoever makes a clean release is killed when the database is empty: the next one begins with what was there.
#[test]
fn a_clean_release_that_is_killed_gives_everything_back() {
    let cluster = Cluster::start();
    let site = with_a_row(&cluster, &cluster.create_database("shop"), "");
    for step in ["empty.one", "migrate", "migrate.applied"] {
        site.commit(step, "", &[]);
        let killed = site.test.again().env("MAINSTAY_FAILPOINT", format!("kill:deploy.{step}")).args(CLEAN).run();
        assert_eq!(killed.exit_code(), 137, "{step}: {}", killed.raw_stderr);
        site.run(&["deploy"]).code(0).stderr_has("what was in `main` before release");
        assert_eq!((site.version(), cluster.psql_in("shop", ROWS)), (step.to_owned(), "1".to_owned()), "{step}");
    }
}

/// S1.8: a clean release that failed and could not give back what was there, because the database was away then, still owes it. And what
/// somebody has restored himself since then is not taken from him. Found in a review.
#[test]
fn what_a_failed_clean_release_owes_is_given_back() {
    let cluster = Cluster::start();
    let site = with_a_row(&cluster, &cluster.create_database("shop"), "");
    let fail = |name: &str| {
        site.commit(name, "", &[]);
        let killed = site.test.again().env("MAINSTAY_FAILPOINT", "kill:deploy.migrate").args(CLEAN).run();
        assert_eq!(killed.exit_code(), 137, "{}", killed.raw_stderr);
        let record = site.path("data/releases").join(site.newest()["id"].as_str().unwrap()).join("release.json");
        let text = fs::read_to_string(&record).unwrap();
        assert!(text.contains("\"preparing\""), "{text}");
        fs::write(&record, text.replacen("\"preparing\"", "\"failed\"", 1)).unwrap();
    };
    fail("owes");
    site.run(&["deploy"]).code(0).stderr_has("what was in `main` before release");
    assert_eq!((site.version(), cluster.psql_in("shop", ROWS)), ("owes".to_owned(), "1".to_owned()));
    fail("restored");
    site.run(&["restore", "latest", "--yes", "--target", "shop", "--no-safety-copy"]).code(0);
    let output = site.run(&["deploy"]);
    output.code(0);
    assert!(!output.raw_stderr.contains("before release"), "{}", output.raw_stderr);
    assert_eq!((site.version(), cluster.psql_in("shop", ROWS)), ("restored".to_owned(), "1".to_owned()));
}

/// S2.17: the copy from before a release stays as long as the release does, and no longer.
#[test]
fn copies_are_pinned_as_long_as_their_release_is_there() {
    let more =
        "[databases.main]\nurl = \"sqlite:data/shop.db\"\n[migrations]\ndatabase = \"main\"\ndir = \"migrations\"\n";
    let site = Site::new("watch = \"0s\"\nkeep = 1\nbackup = \"always\"\n", more);
    fs::create_dir_all(site.path("data")).unwrap();
    rusqlite::Connection::open(site.path("data/shop.db")).unwrap().execute("create table first (id int)", []).unwrap();
    site.commit("v1", "", &[("migrations/0001_users.sql", "create table users (id int primary key);\n")]);
    let pins = || {
        let copies = support::json(&site.test, &["backup", "list"]);
        let all = copies.as_array().or_else(|| copies["copies"].as_array()).unwrap().clone();
        all.iter().map(|copy| copy["pin"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    site.deploy();
    site.commit("v2", "", &[]);
    site.deploy();
    assert!(pins().len() == 2 && pins().iter().all(|pin| pin.as_deref().is_some_and(|it| it.starts_with("release "))));
    site.commit("v3", "", &[]);
    site.deploy();
    let ids: Vec<_> =
        site.releases().iter().map(|it| Some(format!("release {}", it["id"].as_str().unwrap()))).collect();
    assert_eq!(pins(), [ids[0].clone(), ids[1].clone(), None]);
}
