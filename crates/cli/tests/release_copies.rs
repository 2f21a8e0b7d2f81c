//! Releases and the copies from before them: back with the rows of then, wherever that is cut off; and kept as long as the release is.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

#[path = "support/releases.rs"]
mod releases;
mod support;

use releases::Site;
use rusqlite::Connection;
use std::fs;
use support::{LIMIT, get};
use testkit::{Cluster, S3Server, wait_until};

const MIGRATIONS: &str = "[migrations]\ndatabase = \"main\"\ndir = \"migrations\"\n";
const QUICK: &str = "watch = \"0s\"\ndrain = \"5s\"\nsmoke = [{ http = \"/\" }]\n";
const USERS: (&str, &str) = ("migrations/0001_users.sql", "create table users (id int primary key);\n");
/// Nothing is kept that takes it back.
const AGE: (&str, &str) = ("migrations/0002_age.sql", "alter table users add column age int;\n");

/// Two releases with a migration between them and rows written after the first one (1) and after the second one (2, 3).
fn two_releases(site: &Site, write: impl Fn(&str)) {
    site.commit("v1", "", &[USERS]);
    site.deploy();
    write("insert into users (id) values (1)");
    site.commit("v2", "", &[AGE]);
    site.deploy();
    write("insert into users (id) values (2), (3)");
}

/// Version, rows and columns: those of then, and those of now.
const THEN: (&str, i64, i64) = ("v1", 1, 1);
const NOW: (&str, i64, i64) = ("v2", 3, 2);

fn on_postgresql(cluster: &Cluster) -> Site {
    let more = format!("[databases.main]\n{MIGRATIONS}");
    Site::new(QUICK, &more).env("DATABASE_URL", &cluster.create_database("shop"))
}

fn of_postgresql(site: &Site, cluster: &Cluster) -> (String, i64, i64) {
    let number = |sql: &str| cluster.psql_in("shop", sql).trim().parse().unwrap();
    let columns = "select count(*) from information_schema.columns where table_name = 'users'";
    (site.version(), number("select count(*) from users"), number(columns))
}

#[track_caller]
fn is(found: (String, i64, i64), expected: (&str, i64, i64), what: &str) {
    assert_eq!((found.0.as_str(), found.1, found.2), expected, "{what}");
}

const BACK: [&str; 4] = ["rollback", "--restore", "--yes-restore", "shop"];

/// S2.17, issue 6, point 5: a migration without a way back is passed by the copy from before: what is lost is shown, the database has to be
/// named, and what was there is kept.
#[test]
fn a_rollback_restores_the_copy_from_before() {
    let cluster = Cluster::start();
    let site = on_postgresql(&cluster);
    two_releases(&site, |sql| drop(cluster.psql_in("shop", sql)));
    site.run(&["rollback"]).code(2).stderr_has("cannot be taken back").stderr_has("--restore");
    let asked = site.run(&["rollback", "--restore"]);
    asked.code(2).stderr_has("replaces: `shop` on").stderr_has("lost: at least 2 rows of `public.users`");
    asked.stderr_has("VERIFIED").stderr_has("nothing was changed; say --yes-restore shop");
    site.run(&["rollback", "--restore", "--yes-restore", "shup"]).code(2).stderr_has("`shup` was named");
    is(of_postgresql(&site, &cluster), NOW, "nothing was said");
    // One that does not work with what was restored: all of it goes back.
    let old = site.releases()[1].clone();
    fs::write(site.tree(&old).join("does"), "smoke").unwrap();
    let failed = site.run(&BACK);
    failed.code(1).stderr_has("the databases from before are put back").stderr_has("is live again");
    is(of_postgresql(&site, &cluster), NOW, "it failed");
    fs::write(site.tree(&old).join("does"), "").unwrap();
    let done = site.run(&BACK);
    done.code(0).stderr_has("what was there is kept as `shop_before_").stderr_has("is live again");
    is(of_postgresql(&site, &cluster), THEN, "it is back");
    assert_eq!(site.states(), ["rolled-back", "confirmed"]);
    assert!(!site.path("data/releases/exchange.json").exists());
    site.run(&["restore", "--undo", "--yes", "--target", "shop"]).code(0);
    assert_eq!(cluster.psql_in("shop", "select count(*) from users").trim(), "3");
}

/// Issue 6, point 5: a release that fails behind its migrations restores nothing by itself, and says what would; that leads to the
/// release that serves already.
#[test]
fn a_release_that_fails_says_how_the_copy_comes_back() {
    let cluster = Cluster::start();
    let site = on_postgresql(&cluster);
    site.commit("v1", "", &[USERS]);
    site.deploy();
    cluster.psql_in("shop", "insert into users (id) values (1)");
    site.commit("v2", "smoke", &[AGE]);
    let failed = site.run(&["deploy"]);
    let back = format!("mainstay rollback {} --restore", site.current().unwrap());
    failed.code(1).stderr_has("nothing is restored by itself").stderr_has(&back);
    is(of_postgresql(&site, &cluster), ("v1", 1, 2), "the schema stays");
    let id = site.current().unwrap();
    site.run(&["rollback", &id, "--restore", "--yes-restore", "shop"]).code(0).stderr_has("is live again");
    is(of_postgresql(&site, &cluster), THEN, "it is back");
}

/// A site with a file.
struct OnFile(Site);

impl OnFile {
    fn start() -> Self {
        let site = Site::new(QUICK, &format!("[databases.main]\nurl = \"sqlite:data/shop.db\"\n{MIGRATIONS}"));
        let on = Self(site);
        two_releases(&on.0, |sql| on.write(sql));
        on
    }

    fn open(&self) -> Connection {
        Connection::open(self.0.path("data/shop.db")).unwrap()
    }

    fn write(&self, sql: &str) {
        assert!(self.open().execute(sql, []).unwrap() > 0);
    }

    fn number(&self, sql: &str) -> i64 {
        self.open().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn found(&self) -> (String, i64, i64) {
        let columns = self.number("select count(*) from pragma_table_info('users')");
        (self.0.version(), self.number("select count(*) from users"), columns)
    }

    /// Is killed there; then the application is started, unless it serves.
    fn killed(&self, place: &str) {
        killed_at(&self.0, place, &BACK_ON_FILE);
        wait_until(LIMIT, "it serves", || get(self.0.port, "/version").is_some());
    }
}

const BACK_ON_FILE: [&str; 4] = ["rollback", "--restore", "--yes-restore", "shop.db"];

#[track_caller]
fn killed_at(site: &Site, place: &str, back: &[&str]) {
    let killed = site.test.again().env("MAINSTAY_FAILPOINT", format!("kill:{place}")).args(back.to_vec()).run();
    assert_eq!(killed.exit_code(), 137, "{place}: {}", killed.raw_stderr);
    if get(site.port, "/version").is_none() {
        let up = site.run(&["up", "-d"]);
        assert_eq!(up.exit_code(), 0, "{place}: {}", up.raw_stderr);
    }
}

/// S2.17: whoever is killed before it is decided leaves release and database of now, for the next start as for the next rollback.
#[test]
fn a_rollback_to_a_copy_that_is_killed_early_changes_nothing() {
    let site = OnFile::start();
    let places = [
        "deploy.restore",
        "restore.compared",
        "deploy.stop",
        "deploy.exchange",
        "deploy.exchange.begun",
        "restore.begun",
        "restore.linked",
        "restore.renamed",
        "deploy.exchange.done",
    ];
    for place in places {
        site.killed(place);
        is(site.found(), NOW, place);
        assert!(!site.0.path("data/releases/exchange.json").exists(), "{place}");
    }
    // The next rollback settles it as well.
    let point = ("MAINSTAY_FAILPOINT", "kill:deploy.exchange.done");
    assert_eq!(site.0.test.again().env(point.0, point.1).args(BACK_ON_FILE).run().exit_code(), 137);
    // What anybody restored meanwhile would be taken back by that: found in a review.
    site.0
        .run(&["restore", "latest", "--yes", "--target", "shop.db"])
        .code(75)
        .stderr_has("a rollback that exchanges a database was cut off");
    let next = site.0.run(&BACK_ON_FILE);
    next.code(0).stderr_has("what was in `main` before is put back").stderr_has("is live again");
    is(site.found(), THEN, "once more");
    // Once it is decided the two belong together: nobody puts one of them back.
    site.0.deploy();
    site.write("insert into users (id) values (2), (3)");
    let decided = "kill:deploy.exchange.decided";
    assert_eq!(site.0.test.again().env(point.0, decided).args(BACK_ON_FILE).run().exit_code(), 137);
    site.0.run(&["restore", "--undo", "--yes", "--target", "shop.db"]).code(75).stderr_has("is not settled yet");
}

/// S2.17: whoever is killed after it is decided leaves release and database of then, and the newer release counts as gone back from.
#[test]
fn a_rollback_to_a_copy_that_is_killed_late_is_done() {
    let site = OnFile::start();
    let places = ["exchange.decided", "start", "start.current", "prove", "confirm", "confirm.written"];
    for place in places {
        site.killed(&format!("deploy.{place}"));
        is(site.found(), THEN, place);
        site.0.deploy();
        site.write("insert into users (id) values (2), (3)");
        is(site.found(), NOW, place);
        assert!(!site.0.path("data/releases/exchange.json").exists(), "{place}");
        assert_eq!(site.0.states()[1], "rolled-back", "{place}");
    }
}

/// S2.17: the same on PostgreSQL, around the exchange.
#[test]
fn a_rollback_to_a_copy_on_postgresql_that_is_killed_changes_nothing() {
    let cluster = Cluster::start();
    let site = on_postgresql(&cluster);
    two_releases(&site, |sql| drop(cluster.psql_in("shop", sql)));
    for place in ["restore.created", "restore.begun", "restore.renamed", "deploy.exchange.done"] {
        killed_at(&site, place, &BACK);
        is(of_postgresql(&site, &cluster), NOW, place);
    }
}

/// S2.17: one that does not work is killed while all of it is taken back.
#[test]
fn a_rollback_to_a_copy_that_is_killed_while_it_is_undone_is_undone() {
    let cluster = Cluster::start();
    let site = on_postgresql(&cluster);
    two_releases(&site, |sql| drop(cluster.psql_in("shop", sql)));
    fs::write(site.tree(&site.releases()[1]).join("does"), "smoke").unwrap();
    for place in ["deploy.exchange.undecided", "restore.undoing", "restore.undone", "deploy.exchange.undone"] {
        killed_at(&site, place, &BACK);
        is(of_postgresql(&site, &cluster), NOW, place);
    }
    let left = cluster.psql("select count(*) from pg_database where datname like 'shop_before_%'");
    assert_eq!(left.trim(), "0", "all of them have their names back");
}

/// S2.17: copies in a bucket that were kept for a release go as all others do when the release is gone.
#[test]
fn copies_in_a_bucket_are_pinned_as_long_as_their_release_is_there() {
    let server = S3Server::start();
    let more = format!(
        "[databases.main]\nurl = \"sqlite:data/shop.db\"\n{MIGRATIONS}[backup]\nto = [\"backups\", \"s3://shop-backups/live\"]\n\
         [backup.s3]\ntimeout = \"5s\"\n"
    );
    let mut site = Site::new("watch = \"0s\"\nkeep = 1\nbackup = \"always\"\n", &more);
    for (name, value) in server.variables() {
        site = match name {
            "AWS_SECRET_ACCESS_KEY" => {
                let test = std::mem::replace(&mut site.test, support::app(""));
                site.test = test.secret_env(name, &value);
                site
            }
            _ => site.env(name, &value),
        };
    }
    fs::create_dir_all(site.path("data")).unwrap();
    Connection::open(site.path("data/shop.db")).unwrap().execute("create table first (id int)", []).unwrap();
    site.commit("v1", "", &[USERS]);
    let pins = || {
        let objects = server.objects();
        let manifests = objects.iter().filter(|(key, _)| key.ends_with("manifest.json"));
        let pin = |(_, text): (&String, &Vec<u8>)| {
            let manifest: serde_json::Value = serde_json::from_slice(text).unwrap();
            manifest["pin"].as_str().map(str::to_owned)
        };
        manifests.map(pin).collect::<Vec<_>>()
    };
    site.deploy();
    for version in ["v2", "v3"] {
        site.commit(version, "", &[]);
        site.deploy();
    }
    let ids: Vec<_> =
        site.releases().iter().map(|it| Some(format!("release {}", it["id"].as_str().unwrap()))).collect();
    // Their names begin with the time, so the oldest comes first.
    assert_eq!(pins(), [None, ids[1].clone(), ids[0].clone()]);
}
