//! The makers of real Redis servers make what they say.
use std::time::Duration;
use testkit::{Redis, wait_until};

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn answers_with_and_without_a_password() {
    let open = Redis::start();
    assert_eq!(open.command(&["PING"]), "PONG");
    assert_eq!(open.url(), format!("redis://127.0.0.1:{}/0", open.port()));
    assert_eq!(open.command(&["RPUSH", "queue", "a", "b"]), "2");
    assert_eq!(open.command(&["LRANGE", "queue", "0", "-1"]), "a\nb");

    let closed = Redis::builder().password("s3cret").start();
    assert_eq!(closed.command(&["PING"]), "PONG");
    assert_eq!(closed.url(), format!("redis://:s3cret@127.0.0.1:{}/0", closed.port()));
}

#[test]
fn loads_for_a_while_and_then_serves() {
    let redis = Redis::loading(3);
    assert_eq!(redis.command(&["PING"]), "-LOADING Redis is loading the dataset in memory");
    assert!(redis.command(&["INFO", "persistence"]).contains("loading:1"));
    wait_until(LIMIT, "loaded", || redis.command(&["PING"]) == "PONG");
    assert_eq!(redis.command(&["DBSIZE"]), "300");
}

#[test]
fn a_replica_follows_and_takes_no_writes() {
    let primary = Redis::start();
    primary.command(&["SET", "key", "value"]);
    let replica = Redis::replica_of(&primary);
    wait_until(LIMIT, "the replica has the key", || replica.command(&["GET", "key"]) == "value");
    assert_eq!(replica.command(&["SET", "key", "other"]), "-READONLY You can't write against a read only replica.");
}
