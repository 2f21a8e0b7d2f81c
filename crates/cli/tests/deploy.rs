//! Releases from end to end: a commit comes live, a bad one never stays, and whoever is killed on the way holds up nobody.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

#[path = "support/releases.rs"]
mod releases;
mod support;

use releases::{Load, Site};
use std::{fs, time::Duration};
use support::{LIMIT, get, outside};
use testkit::{Cluster, wait_until};

/// A short watch is enough where nothing is wrong.
const QUICK: &str = "watch = \"1s\"\ndrain = \"10s\"\n";

/// A migration, and what takes it back.
const MAIL: ((&str, &str), (&str, &str)) = (
    ("migrations/0002_mail.up.sql", "alter table users add column mail text;\n"),
    ("migrations/0002_mail.down.sql", "alter table users drop column mail;\n"),
);

/// S1.7, S4.4, S4.6, issue 6, points 1 and 8: a first release is started, a second one takes over under load without a request lost,
/// and its own prober says so.
#[test]
fn a_release_comes_live_and_the_next_one_loses_no_request() {
    let site = Site::new(QUICK, "");
    let output = site.run(&["deploy"]);
    output.code(0).stderr_has("`shop` did not run, and is up with this release").stderr_has("is live and stays");
    assert_eq!((site.version(), site.states()), ("v1".to_owned(), vec!["confirmed".to_owned()]));
    let load = Load::on(site.port, 4);
    site.commit("v2", "", &[]);
    let output = site.run(&["deploy"]);
    output.code(0).stderr_has("1 service ready beside the old ones").stderr_has("1 service switched");
    let sent = load.all_answered_once(&site.path("seen"));
    assert!(sent > 100, "{sent}");
    assert_eq!(
        (site.version(), site.states()),
        ("v2".to_owned(), vec!["confirmed".to_owned(), "superseded".to_owned()])
    );
    let newest = site.newest();
    assert_eq!(newest["prober"]["failed"], 0, "{newest}");
    assert!(newest["prober"]["sent"].as_u64().unwrap() > 10, "{newest}");
    assert_eq!(site.current().as_deref(), newest["id"].as_str());
    // The same commit once more is nothing to do, unless it is asked for.
    site.run(&["deploy"]).code(0).stderr_has("is live already");
    site.run(&["deploy", "--rebuild"]).code(0).stderr_has("is live and stays");
    assert_eq!(site.states(), ["confirmed", "superseded", "superseded"]);
}

/// Issue 6, point 8: somebody outside is told how a release ended; that it is not reached, or answers badly, changes no verdict.
#[test]
fn somebody_outside_is_told_how_a_release_ended() {
    let (port, asked) = outside();
    let ping = format!(
        "ping = {{ success = \"http://127.0.0.1:{port}/good\", failure = \"http://127.0.0.1:{port}/broken/bad\" }}\n"
    );
    let site = Site::new(&format!("{QUICK}{ping}"), "");
    site.deploy();
    let asked = || asked.lock().unwrap().clone();
    assert_eq!(asked(), ["/good"]);
    site.run(&["deploy"]).code(0).stderr_has("is live already");
    assert_eq!(asked(), ["/good"], "nothing was done, nothing is told");
    let config = site.edited("[deploy]\n", "[deploy]\nbuild = [\"false\"]\n");
    site.commit("v2", "", &[("mainstay.toml", &config)]);
    let output = site.run(&["deploy"]);
    output.code(1).stderr_has("who should be told how the release ended was not told").stderr_has("status 500");
    assert!(!output.raw_stderr.contains("/broken/bad"), "a URL may be a secret");
    assert_eq!(asked(), ["/good", "/broken/bad"]);
    assert_eq!(site.states(), ["failed", "confirmed"]);
}

/// S2.17, issue 6, point 5: back to the one before, with its variables.
#[test]
fn a_rollback_brings_back_code_and_variables() {
    let site = Site::new(QUICK, "").env("GREETING", "");
    fs::write(site.path(".env"), "GREETING=hello\n").unwrap();
    site.deploy();
    fs::write(site.path(".env"), "GREETING=goodbye\n").unwrap();
    site.commit("v2", "", &[]);
    site.deploy();
    let load = Load::on(site.port, 2);
    let output = site.run(&["rollback"]);
    output.code(0).stderr_has("is live again");
    load.all_answered_once(&site.path("seen"));
    assert_eq!(
        (site.version(), site.states()),
        ("v1".to_owned(), vec!["rolled-back".to_owned(), "confirmed".to_owned()])
    );
    site.run(&["rollback"]).code(2).stderr_has("there is no release before this one");
    // And forward again, by its commit.
    let commit = site.newest()["commit"].as_str().unwrap()[..8].to_owned();
    site.run(&["rollback", &commit]).code(2).stderr_has("cannot be started again");
    site.run(&["deploy", &commit]).code(0);
    assert_eq!(site.version(), "v2");
}

/// S2.6, issue 6, point 1: a rehearsal checks for real, shows the plan and leaves nothing.
#[test]
fn a_dry_run_leaves_nothing() {
    let site = Site::new(&format!("{QUICK}build = [\"true\"]\n"), "");
    let output = site.run(&["deploy", "--dry-run"]);
    output.code(0).stdout_has("pass     check").stdout_has("would    build      true").stdout_has("would    watch");
    assert!(site.releases().is_empty() && site.processes().is_empty());
    site.commit("v2", "", &[("mainstay.toml", &site.edited("name =", "nome ="))]);
    site.run(&["deploy", "--dry-run", "main~1"]).code(2).stderr_has("nome");
    fs::write(site.path("mainstay.toml"), site.edited("nome =", "name =")).unwrap();
    site.run(&["deploy", "--dry-run"]).code(2).stderr_has("nome");
    assert!(site.releases().is_empty());
}

/// What every release that fails has to leave: the old one, and nothing else.
#[track_caller]
fn fails(site: &Site, code: i32, what: &str, state: &str) {
    let load = Load::on(site.port, 2);
    let before = site.current();
    let output = site.run(&["deploy"]);
    output.code(code).stderr_has(what);
    load.all_answered_once(&site.path("seen"));
    let newest = site.newest();
    assert_eq!((site.version(), newest["state"].as_str()), ("v1".to_owned(), Some(state)), "{newest}");
    assert!(!newest["cause"].as_str().unwrap_or_default().is_empty(), "{newest}");
    assert!(!site.tree(&newest).exists());
    assert_eq!(site.current(), before);
    // mainstay itself, and one life of the service.
    wait_until(LIMIT, "nothing is left of it", || site.processes().len() == 2);
}

/// Issue 6, proof: a release that does not build.
#[test]
fn what_does_not_build_never_comes_live() {
    let site = Site::new(QUICK, "");
    site.deploy();
    let config = site.edited("[deploy]\n", "[deploy]\nbuild = [\"sh -c 'echo no compiler here; exit 3'\"]\n");
    site.commit("v2", "", &[("mainstay.toml", &config)]);
    fails(&site, 1, "no compiler here", "failed");
}

/// Issue 6, proof: a release that crashes at its start, and one that never becomes healthy.
#[test]
fn what_does_not_start_never_comes_live() {
    let site = Site::new(QUICK, "");
    site.deploy();
    site.commit("v2", "crash", &[]);
    fails(&site, 1, "no database: I give up", "failed");
    let config = site.edited("start_timeout = \"10s\"", "start_timeout = \"2s\"");
    site.commit("v3", "never", &[("mainstay.toml", &config)]);
    fails(&site, 1, "`api` was not ready in time", "failed");
}

/// Issue 6, point 1: what does not become ready and does not want to go either is gone when its release has failed, so the next one is not
/// held up by it. Found by hand.
#[test]
fn what_does_not_want_to_go_holds_up_nobody() {
    let site = Site::new(QUICK, "");
    site.deploy();
    let good = fs::read_to_string(site.path("mainstay.toml")).unwrap();
    let deaf = "command = \"sh -c 'trap : TERM; while :; do sleep 0.1; done'\"\nstop = { grace = \"3s\" }";
    let bad = site.edited("command = \"python3 app.py\"", deaf).replace("\"10s\"", "\"1s\"");
    site.commit("v2", "", &[("mainstay.toml", &bad)]);
    site.run(&["deploy"]).code(1).stderr_has("the release failed in `start`");
    assert_eq!(site.processes().len(), 2, "mainstay and what has served all the time");
    site.commit("v3", "", &[("mainstay.toml", &good)]);
    site.run(&["deploy"]).code(0);
    assert_eq!(site.version(), "v3");
}

/// S0.7, S1.7, issue 6, proof: healthy, and it does not do what it should.
#[test]
fn what_does_not_pass_its_smoke_checks_never_comes_live() {
    let site = Site::new(&format!("{QUICK}smoke = [{{ http = \"/order\", contains = \"/order\" }}]\nerrors = 3\n"), "");
    site.deploy();
    site.commit("v2", "smoke", &[]);
    fails(&site, 1, "answered 500", "failed");
    site.commit("v3", "noisy", &[]);
    fails(&site, 1, "10 errors in the log of the new services", "failed");
}

/// S0.7, S1.7: what is only a path is asked at the port that the service was given, also where nobody passes requests on to it.
#[test]
fn smoke_checks_find_a_port_of_its_own() {
    let site = Site::new(&format!("{QUICK}smoke = [{{ http = \"/order\", contains = \"/order\" }}]\n"), "");
    let config = site.edited(&format!("listen = \"127.0.0.1:{}\"", site.port), "port = \"auto\"");
    site.commit("v2", "", &[("mainstay.toml", &config)]);
    site.run(&["deploy"]).code(0).stderr_has("1 smoke check passed");
    site.commit("v3", "smoke", &[]);
    site.run(&["deploy"]).code(1).stderr_has("answered 500");
}

/// S0.7, issue 6, points 5 and 8: healthy, then it crashes while it is watched: the one before is live again, and what its services did
/// is remembered with the release.
#[test]
fn what_crashes_while_it_is_watched_is_taken_back() {
    let site = Site::new("watch = \"2s\"\n", "");
    site.deploy();
    let config = site.edited("watch = \"2s\"", "watch = \"60s\"");
    site.commit("v2", "later", &[("mainstay.toml", &config)]);
    let output = site.run(&["deploy"]);
    output.code(1).stderr_has("panic: out of luck").stderr_has("is live again");
    let newest = site.newest();
    assert_eq!((site.version(), newest["state"].as_str()), ("v1".to_owned(), Some("rolled-back")), "{newest}");
    assert!(!site.tree(&newest).exists());
    let id = newest["id"].as_str().unwrap();
    let shown = support::json(&site.test, &["releases", "show", id]);
    let events: Vec<_> =
        shown["events"].as_array().unwrap().iter().map(|it| it["event"].as_str().unwrap().to_owned()).collect();
    let expected = ["release.candidate", "service.ready", "release.promoted", "service.exited", "release.promoted"];
    let mut left = expected.iter().peekable();
    for event in &events {
        let _ = left.next_if(|expected| *expected == event);
    }
    assert_eq!(left.next(), None, "in this order: {events:?}");
    site.run(&["releases", "show", id]).code(0).stdout_has("\nevents:\n").stdout_has("serves");
}

/// S1.7, S4.6, issue 6, points 1 and 5: migrations with a copy before them; when the release fails they are taken back where that is
/// possible, and are said to stay where it is not.
#[test]
fn migrations_are_copied_applied_and_taken_back() {
    let cluster = Cluster::start();
    let more = "[databases.main]\n[migrations]\ndatabase = \"main\"\ndir = \"migrations\"\n";
    let site = Site::new(&format!("{QUICK}smoke = [{{ http = \"/\" }}]\n"), more).env("DATABASE_URL", &cluster.url());
    let (first, up) = ("migrations/0001_users.sql", "create table users (id int primary key, name text);\n");
    site.commit("v1", "", &[(first, up)]);
    let output = site.run(&["deploy"]);
    output.code(0).stderr_has("VERIFIED").stderr_has("applied 1 new migration");
    cluster.psql("insert into users values (1, 'ada')");
    let config = site.edited("[deploy]\n", "[deploy]\nbackup = \"never\"\n");
    fs::write(site.path("mainstay.toml"), config).unwrap();
    // One that fails in the middle of its migrations.
    site.commit(
        "v2",
        "",
        &[("migrations/0002_bad.sql", "alter table users add column mail text;\nselect nonsense;\n")],
    );
    fails(&site, 1, "nonsense", "failed");
    // One whose migration works and whose services do not: its schema goes back.
    fs::remove_file(site.path("migrations/0002_bad.sql")).unwrap();
    let (mail, down) = MAIL;
    site.commit("v3", "smoke", &[mail, down]);
    fails(&site, 1, "answered 500", "failed");
    assert_eq!(cluster.psql("select count(*) from information_schema.columns where table_name = 'users'").trim(), "2");
    // And one that cannot go back is told.
    fs::remove_file(site.path(mail.0)).unwrap();
    fs::remove_file(site.path(down.0)).unwrap();
    site.commit("v4", "smoke", &[("migrations/0002_age.sql", "alter table users add column age int;\n")]);
    fails(&site, 1, "not each of them has SQL that takes it back", "failed");
    assert_eq!(cluster.psql("select count(*) from information_schema.columns where table_name = 'users'").trim(), "3");
}

/// S1.8: a clean release asks for the name, takes a last copy, and begins with nothing; one that fails gives all of it back.
#[test]
fn a_clean_release_begins_with_nothing_or_gives_everything_back() {
    let more =
        "[databases.main]\nurl = \"sqlite:data/shop.db\"\n[migrations]\ndatabase = \"main\"\ndir = \"migrations\"\n";
    let site = Site::new(&format!("{QUICK}smoke = [{{ http = \"/\" }}]\n"), more);
    site.commit("v1", "", &[("migrations/0001_users.sql", "create table users (id int primary key);\n")]);
    site.deploy();
    let rows = |sql: &str| {
        let connection = rusqlite::Connection::open(site.path("data/shop.db")).unwrap();
        connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    rusqlite::Connection::open(site.path("data/shop.db")).unwrap().execute("insert into users values (7)", []).unwrap();
    site.run(&["deploy", "--clean"]).code(2).stderr_has("say --yes-destroy shop");
    site.run(&["deploy", "--clean", "--yes-destroy", "shup"]).code(2).stderr_has("`shup` was named");
    site.commit("v2", "smoke", &[]);
    let output = site.run(&["deploy", "--clean", "--yes-destroy", "shop"]);
    output.code(1).stderr_has("the databases from before are put back").stderr_has("is live again");
    assert_eq!((site.version(), rows("select count(*) from users")), ("v1".to_owned(), 1));
    site.commit("v3", "", &[]);
    let output = site.run(&["deploy", "--clean", "--yes-destroy", "shop"]);
    output.code(0).stderr_has("VERIFIED").stderr_has("what was there is kept as");
    assert_eq!((site.version(), rows("select count(*) from users")), ("v3".to_owned(), 0));
}

/// S2.17, issue 6, point 5: a rollback across a migration takes it back, or refuses and says what the ways out are.
#[test]
fn a_rollback_knows_the_schema() {
    let cluster = Cluster::start();
    let more = "[databases.main]\n[migrations]\ndatabase = \"main\"\ndir = \"migrations\"\nnewer = \"allow\"\n";
    let site = Site::new(QUICK, more).env("DATABASE_URL", &cluster.url());
    site.commit("v1", "", &[("migrations/0001_users.sql", "create table users (id int primary key);\n")]);
    site.deploy();
    site.commit("v2", "", &[MAIL.0, MAIL.1]);
    site.deploy();
    site.run(&["rollback"]).code(2).stderr_has("takes back 1 migration (0002_mail").stderr_has("say --yes");
    assert_eq!(site.version(), "v2");
    site.run(&["rollback", "--yes"]).code(0).stderr_has("1 migration taken back");
    assert_eq!(site.version(), "v1");
    assert_eq!(cluster.psql("select count(*) from information_schema.columns where table_name = 'users'").trim(), "1");
    site.commit("v3", "", &[("migrations/0003_age.sql", "alter table users add column age int;\n")]);
    site.deploy();
    let output = site.run(&["rollback"]);
    output.code(2).stderr_has("cannot be taken back").stderr_has("--keep-schema").stderr_has("--restore");
    site.run(&["rollback", "--keep-schema"]).code(0);
    assert_eq!(site.version(), "v1");
}

/// Issue 6, proof and point 1: one that leaks connections is taken back, and one that would find none is not started.
#[test]
fn connections_of_two_releases_must_find_room() {
    let cluster = Cluster::builder().conf("max_connections = 20").conf("superuser_reserved_connections = 3").start();
    let more = "[databases.main]\nmonitor = { every = \"500ms\" }\n";
    let site = Site::new("watch = \"2s\"\n", more)
        .env("DATABASE_URL", &cluster.url())
        .env("PGPORT_OF_TEST", &cluster.port().to_string());
    site.deploy();
    let config = site.edited("watch = \"2s\"", "watch = \"120s\"");
    site.commit("v2", "leak", &[("mainstay.toml", &config)]);
    let output = site.run(&["deploy"]);
    output.code(1);
    assert!(
        output.raw_stderr.contains("all connections of `main` are taken") || output.raw_stderr.contains("is not well"),
        "{}",
        output.raw_stderr
    );
    wait_until(LIMIT, "the old one serves", || get(site.port, "/version").is_some_and(|it| it.1.starts_with("v1")));
    assert_eq!(site.newest()["state"], "rolled-back");
}

/// Issue 6, point 7: two at once queue up; of those that wait the newest wins.
#[test]
fn releases_queue_up_and_the_newest_wins() {
    let site = Site::new(&format!("{QUICK}build = [\"sh -c 'while test -e hold; do sleep 0.1; done'\"]\n"), "");
    let hold = site.path("hold-on").display().to_string();
    let config = site.edited("test -e hold;", &format!("test -e {hold};"));
    site.commit("v1", "", &[("mainstay.toml", &config)]);
    site.deploy();
    fs::write(site.path("hold-on"), "").unwrap();
    site.commit("v2", "", &[]);
    let first = site.spawn(&["deploy"]);
    wait_until(LIMIT, "it builds", || site.states().first().is_some_and(|state| state == "preparing"));
    site.commit("v3", "", &[]);
    let mut second = site.spawn(&["deploy"]);
    second.wait_for_line("waiting for another release", LIMIT);
    site.commit("v4", "", &[]);
    let mut third = site.spawn(&["deploy"]);
    third.wait_for_line("waiting for another release", LIMIT);
    second.wait(LIMIT).code(75).stderr_has("a newer release was asked for meanwhile");
    fs::remove_file(site.path("hold-on")).unwrap();
    first.wait(LIMIT).code(0);
    third.wait(LIMIT).code(0);
    assert_eq!((site.version(), site.states().len()), ("v4".to_owned(), 3));
}

/// Issue 6, proof: killed at each step, the old one serves on, the lock heals, and the next release converges.
#[test]
fn whoever_is_killed_at_any_step_holds_up_nobody() {
    let steps = [
        "lock",
        "preflight",
        "fetch",
        "check",
        "build",
        "start",
        "prove",
        "switch",
        "switch.current",
        "switch.promoted",
        "drain",
        "watch",
        "confirm",
        "confirm.written",
    ];
    let site = Site::new(&format!("{QUICK}build = [\"true\"]\n"), "");
    site.deploy();
    let (load, mut abandoned) = (Load::on(site.port, 2), 0);
    for (number, step) in steps.iter().enumerate() {
        site.commit(&format!("v{}", number + 2), "", &[]);
        let killed = site.test.again().env("MAINSTAY_FAILPOINT", format!("kill:deploy.{step}")).args(["deploy"]).run();
        assert_eq!(killed.exit_code(), 137, "{step}: {}", killed.raw_stderr);
        assert!(!site.version().is_empty());
        abandoned += usize::from(site.states()[0] == "abandoned");
        site.commit(&format!("w{number}"), "", &[]);
        let output = site.run(&["deploy"]);
        assert_eq!(output.exit_code(), 0, "after {step}: {}", output.raw_stderr);
        assert_eq!(site.version(), format!("w{number}"), "after {step}");
        assert_eq!(site.states().iter().filter(|it| ["live", "confirmed"].contains(&it.as_str())).count(), 1, "{step}");
        wait_until(LIMIT, "one generation", || site.processes().len() == 2);
    }
    assert!(abandoned >= 5, "{abandoned}");
    load.all_answered_once(&site.path("seen"));
}

/// S1.7: Ctrl-C before the switch takes all back; in the watch it leaves the release live.
#[test]
fn an_interruption_is_undone_before_the_switch_and_only_told_after_it() {
    let site = Site::new("watch = \"60s\"\nbuild = [\"sleep 60\"]\n", "");
    let mut running = site.spawn(&["deploy"]);
    running.wait_for_line("check", LIMIT);
    running.interrupt();
    running.wait(LIMIT).code(130).stderr_has("the release failed in `build`; nothing runs, as before");
    assert!(site.processes().is_empty() && site.states() == ["failed"]);
    let config = site.edited("sleep 60", "true");
    site.commit("v2", "", &[("mainstay.toml", &config)]);
    let mut running = site.spawn(&["deploy"]);
    running.wait_for_line("drain", LIMIT);
    std::thread::sleep(Duration::from_millis(100));
    running.interrupt();
    running.wait(LIMIT).code(130).stderr_has("nobody has watched it to the end");
    assert_eq!((site.version(), site.states()[0].as_str()), ("v2".to_owned(), "live"));
}

/// Issue 6, bad input: nothing to release, and nothing said about releases.
#[test]
fn what_cannot_be_released_is_told() {
    let site = Site::new(QUICK, "");
    site.run(&["deploy", "nonsense"]).code(2).stderr_has("nonsense");
    site.run(&["rollback"]).code(2).stderr_has("there is no release to go back from");
    site.run(&["releases", "show", "01ABCDEF"]).code(2).stderr_has("there is no release `01ABCDEF`");
    let text = fs::read_to_string(site.path("mainstay.toml")).unwrap();
    fs::write(site.path("mainstay.toml"), text.replace("[deploy]", "").replace("watch", "#").replace("drain", "#"))
        .unwrap();
    site.run(&["deploy"]).code(2).stderr_has("`shop` has no releases").stderr_has("write `[deploy]`");
}
