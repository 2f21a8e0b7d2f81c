//! Each maker of a state that is not "ready" shows clients exactly that state, then lets go.
#![expect(clippy::disallowed_methods, reason = "the kit is checked with the real client and the real clock")]
use std::process::Command;
use std::time::{Duration, Instant};
use testkit::{Cluster, ServerError, wait_until};

const LIMIT: Duration = Duration::from_secs(30);

fn refusal(cluster: &Cluster) -> ServerError {
    cluster.session("postgres", "postgres").expect_err("the server should refuse")
}

/// What the real `pg_isready` says: 0 accepts, 1 refuses, 2 no answer.
fn pg_isready(cluster: &Cluster) -> Option<i32> {
    let mut command = Command::new(testkit::find_component("pg_isready"));
    command
        .arg("-q")
        .arg("-h")
        .arg("127.0.0.1")
        .arg("-p")
        .arg(cluster.port().to_string())
        .args(["-U", "postgres", "-d", "postgres"]);
    command.status().expect("pg_isready runs").code()
}

#[test]
fn recovering_for_refuses_for_the_time_asked_then_writes() {
    let begun = Instant::now();
    let cluster = Cluster::recovering_for(2);
    wait_until(LIMIT, "hot standby disabled", || refusal(&cluster).detail == "Hot standby mode is disabled.");
    assert_eq!(refusal(&cluster).sqlstate, "57P03");
    assert_eq!(pg_isready(&cluster), Some(1));
    cluster.wait_writable(LIMIT);
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(pg_isready(&cluster), Some(0));
    cluster.psql("create table t ()");
}

#[test]
fn a_stopped_server_keeps_its_data_through_a_recovery() {
    let cluster = Cluster::start();
    cluster.psql("create table t as select 7 as n");
    cluster.stop_fast();
    let gate = cluster.start_again_gated();
    assert_eq!(refusal(&cluster).message, "the database system is starting up");
    gate.open();
    cluster.wait_writable(LIMIT);
    assert_eq!(cluster.psql("select n from t"), "7");
}

#[test]
fn gated_is_starting_until_opened() {
    let (cluster, gate) = Cluster::gated();
    assert_eq!(refusal(&cluster).message, "the database system is starting up");
    assert_eq!(cluster.postmaster_status(), "starting");
    assert_eq!(pg_isready(&cluster), Some(1));
    gate.open();
    cluster.wait_writable(LIMIT);
    assert_eq!(cluster.postmaster_status(), "ready");
}

#[test]
fn crashed_and_held_is_in_crash_recovery_until_released() {
    let (cluster, held) = Cluster::crashed_and_held();
    let refused = refusal(&cluster);
    assert_eq!(refused.sqlstate, "57P03");
    assert_eq!(refused.message, "the database system is not yet accepting connections");
    assert_eq!(refused.detail, "Consistent recovery state has not been yet reached.");
    assert_eq!(pg_isready(&cluster), Some(1));
    held.release();
    cluster.wait_writable(LIMIT);
}

#[test]
fn read_only_for_answers_before_it_writes() {
    let cluster = Cluster::read_only_for(2);
    assert_eq!(cluster.psql("select pg_is_in_recovery()"), "t");
    let mut session = cluster.session("postgres", "postgres").unwrap();
    assert_eq!(session.query("create table t ()").unwrap_err().sqlstate, "25006");
    cluster.wait_writable(LIMIT);
}

#[test]
fn a_standby_reads_and_a_promoted_one_writes() {
    let cluster = Cluster::standby();
    assert_eq!(cluster.psql("select pg_is_in_recovery(), current_setting('transaction_read_only')"), "t|on");
    cluster.promote();
    cluster.wait_writable(LIMIT);
}

#[test]
fn a_replica_follows_its_primary() {
    let primary = Cluster::start();
    primary.psql("create table t as select 1 as n");
    let replica = Cluster::standby_of(&primary);
    primary.psql("update t set n = 2");
    wait_until(LIMIT, "the replica has the update", || replica.psql("select n from t") == "2");
    assert_eq!(replica.psql("select pg_is_in_recovery()"), "t");
}

#[test]
fn a_full_server_refuses_until_released_and_pg_isready_is_fooled() {
    let (cluster, full) = Cluster::full();
    assert_eq!(full.sessions(), 4);
    assert_eq!(refusal(&cluster).sqlstate, "53300");
    assert_eq!(pg_isready(&cluster), Some(0));
    full.release();
    wait_until(LIMIT, "room again", || cluster.session("postgres", "postgres").is_ok());
}

#[test]
fn a_crashed_backend_ends_every_session() {
    let cluster = Cluster::start();
    let mut session = cluster.session("postgres", "postgres").unwrap();
    cluster.crash_backend();
    wait_until(LIMIT, "the session has ended", || session.query("select 1").is_err());
    cluster.wait_writable(LIMIT);
}

#[test]
fn a_stalled_crash_is_in_recovery_mode() {
    let cluster = Cluster::start();
    cluster.crash_backend_and_stall();
    wait_until(LIMIT, "recovery mode", || refusal(&cluster).message == "the database system is in recovery mode");
    cluster.wait_writable(LIMIT);
}
