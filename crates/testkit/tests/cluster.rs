//! The makers of real PostgreSQL servers make what they say.
use std::time::Duration;
use testkit::{Cluster, Shutdown};

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn starts_answers_and_starts_again_on_the_same_port() {
    let cluster = Cluster::start();
    assert_eq!(cluster.psql("select 1, null, 'x' union all select 2, 'b', 'y'"), "1||x\n2|b|y");
    assert_eq!(cluster.postmaster_status(), "ready");
    cluster.psql("create table t as select 7 as n");
    let (port, pid) = (cluster.port(), cluster.pid());
    cluster.stop_fast();
    assert_eq!(cluster.session("postgres", "postgres").unwrap_err().sqlstate, "");
    cluster.start_again();
    assert_eq!(cluster.psql("select n from t"), "7");
    assert_eq!(cluster.port(), port);
    assert_ne!(cluster.pid(), pid);
}

#[test]
fn survives_a_killed_postmaster_with_open_sessions() {
    let cluster = Cluster::start();
    let mut session = cluster.session("postgres", "postgres").unwrap();
    session.query("create table t (n int); insert into t values (1)").unwrap();
    cluster.kill9();
    assert!(session.query("select 1").is_err());
    cluster.start_again();
    assert_eq!(cluster.psql("select n from t"), "1");
    assert!(cluster.log().contains("was not properly shut down"), "{}", cluster.log());
}

#[test]
fn makes_databases_and_reports_refusals_with_their_sqlstate() {
    let cluster = Cluster::start();
    let url = cluster.create_database("shop");
    assert_eq!(url, format!("postgres://postgres@127.0.0.1:{}/shop", cluster.port()));
    assert_eq!(cluster.psql_in("shop", "select current_database()"), "shop");
    let refused = cluster.session("postgres", "nowhere").unwrap_err();
    assert_eq!((refused.sqlstate.as_str(), refused.message.as_str()), ("3D000", "database \"nowhere\" does not exist"));
    assert_eq!(cluster.session("nobody", "postgres").unwrap_err().sqlstate, "28000");
}

#[test]
fn stops_smartly_when_the_last_session_ends() {
    let cluster = Cluster::start();
    let session = cluster.session("postgres", "postgres").unwrap();
    cluster.stop_nowait(Shutdown::Smart);
    testkit::wait_until(LIMIT, "the server refuses", || {
        cluster
            .session("postgres", "postgres")
            .is_err_and(|refused| refused.message == "the database system is shutting down")
    });
    drop(session);
    testkit::wait_until(LIMIT, "the server ends", || !cluster.running());
}
