//! A release that needs what the one before did not: taken up with it, dropped with it, refused before anything ran when it is not there.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

#[path = "support/releases.rs"]
mod releases;
mod support;

use releases::{Load, Site};
use support::LIMIT;
use testkit::{Cluster, Redis, free_port, wait_until};

const USERS: (&str, &str) = ("migrations/0001_users.sql", "create table users (id int primary key);\n");

/// Name and state of each dependency, as the running mainstay sees them.
fn watched(site: &Site) -> Vec<(String, String)> {
    let status = support::json(&site.test, &["status"]);
    let text = |it: &serde_json::Value, key: &str| it[key].as_str().unwrap().to_owned();
    status["dependencies"].as_array().unwrap().iter().map(|it| (text(it, "name"), text(it, "state"))).collect()
}

fn ready(names: &[&str]) -> Vec<(String, String)> {
    names.iter().map(|name| ((*name).to_owned(), "ready".to_owned())).collect()
}

/// Issue 6, points 1 and 5; S1.10: a second release brings PostgreSQL with migrations and Redis: both are watched from the switch on, an
/// outage is noticed, a rollback drops them, and a third release has them again. No request is lost on the way.
#[test]
fn new_dependencies_come_and_go_with_their_release() {
    let (cluster, redis) = (Cluster::start(), Redis::start());
    let site = Site::new("watch = \"1s\"\nbackup = \"never\"\n", "")
        .env("DATABASE_URL", &cluster.url())
        .env("REDIS_URL", &redis.url());
    site.deploy();
    assert!(watched(&site).is_empty());
    let needs = "needs = [\"main\", \"cache\"]\nhealth = ";
    let more = "[databases.main]\nmonitor = { every = \"300ms\" }\n[dependencies.cache]\nurl = \"${REDIS_URL}\"\n\
                monitor = { every = \"300ms\" }\n[migrations]\ndatabase = \"main\"\ndir = \"migrations\"\nnewer = \"allow\"\n";
    let config = site.edited("health = ", needs) + more;
    site.commit("v2", "", &[("mainstay.toml", &config), USERS]);
    let load = Load::on(site.port, 2);
    let output = site.run(&["deploy"]);
    output.code(0).stderr_has("`main`, `cache` ready, which the release before does not know");
    output.stderr_has("applied 1 new migration").stderr_has("is live and stays");
    assert_eq!((site.version(), watched(&site)), ("v2".to_owned(), ready(&["main", "cache"])));
    assert_eq!(cluster.psql("select count(*) from users"), "0");
    // It is watched: an outage is seen, and its end.
    redis.kill9();
    let cache = || watched(&site).into_iter().find(|(name, _)| name == "cache").unwrap().1;
    wait_until(LIMIT, "its outage is seen", || cache() == "down");
    redis.start_again(&[]);
    wait_until(LIMIT, "its return is seen", || cache() == "ready");
    // So it is after mainstay itself was replaced.
    site.run(&["reexec"]).code(0);
    assert_eq!((site.version(), watched(&site)), ("v2".to_owned(), ready(&["main", "cache"])));
    site.run(&["rollback", "--keep-schema"]).code(0);
    assert_eq!((site.version(), watched(&site)), ("v1".to_owned(), Vec::new()));
    // Nobody asks for them any more.
    redis.kill9();
    let health = support::json(&site.test, &["status"]);
    assert_eq!(health["health"], "ok", "{health}");
    redis.start_again(&[]);
    site.commit("v3", "", &[]);
    site.deploy();
    assert_eq!((site.version(), watched(&site)), ("v3".to_owned(), ready(&["main", "cache"])));
    load.all_answered_once(&site.path("seen"));
}

/// Issue 6, bad input: what a release needs and is not there is told before anything is built, and the old one serves on.
#[test]
fn a_new_dependency_that_is_not_there_is_told_before_anything_is_done() {
    let site = Site::new("watch = \"1s\"\n", "");
    site.deploy();
    let (before, port) = (site.current(), free_port());
    let config = site
        .edited("[deploy]\n", "[deploy]\nbuild = [\"touch built-it\"]\n")
        .replace("health = ", "needs = [\"cache\"]\nhealth = ");
    let more = format!("[dependencies.cache]\nurl = \"redis://127.0.0.1:{port}\"\nwait = \"1s\"\n");
    site.commit("v2", "", &[("mainstay.toml", &(config + &more))]);
    let load = Load::on(site.port, 2);
    let output = site.test.again().env("MAINSTAY_LOG_LEVEL", "error").args(["deploy"]).run();
    output.code(75).stdout_is("").stderr_has("`cache`").stderr_has("the release failed in `check`; release");
    load.all_answered_once(&site.path("seen"));
    let newest = site.newest();
    assert_eq!((site.version(), site.current(), newest["state"].as_str()), ("v1".to_owned(), before, Some("failed")));
    assert!(!site.tree(&newest).exists());
    assert!(watched(&site).is_empty());
}
