//! The questions to Redis, asked of real servers in every state.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use config::{
    Access,
    dsn::{RedisDsn, RedisPlace},
};
use database::{
    Patience, Refusal, ServerState,
    redis::{RedisFacts, RedisRole, ask, queue_lengths},
};
use std::{future::Future, time::Duration};
use testkit::Redis;

const LIMIT: Duration = Duration::from_secs(5);

fn at(port: u16) -> RedisDsn {
    RedisDsn { place: RedisPlace::Tcp("127.0.0.1".into(), port), user: None, password: None, database: 0, tls: false }
}

/// Every test has a hard limit.
fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), work).await.expect("done within a minute") })
}

fn asked(dsn: &RedisDsn, access: Access) -> Result<RedisFacts, Refusal> {
    run(ask(dsn, access, LIMIT))
}

fn refused(dsn: &RedisDsn) -> Refusal {
    asked(dsn, Access::ReadWrite).unwrap_err()
}

#[test]
fn a_ready_server_says_who_it_is() {
    let redis = Redis::start();
    let facts = asked(&RedisDsn { database: 3, ..at(redis.port()) }, Access::ReadWrite).unwrap();
    assert_eq!((facts.state, facts.role), (ServerState::Ready, Some(RedisRole::Primary)));
    assert!(facts.version.is_some() && facts.run_id.is_some() && facts.up.is_some(), "{facts:?}");
    let beyond = refused(&RedisDsn { database: 16, ..at(redis.port()) });
    assert_eq!((beyond.state, beyond.patience), (ServerState::Denied, Patience::None), "{beyond}");
}

#[test]
fn over_its_unix_socket() {
    let dir = testkit::TempDir::new();
    let path = dir.path().join("redis.sock");
    // The server runs as another user when we are root.
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let place = path.display().to_string();
    let redis = Redis::builder().conf(["--unixsocket", place.as_str(), "--unixsocketperm", "777"]).start();
    let facts = asked(&RedisDsn { place: RedisPlace::Unix(path), ..at(0) }, Access::ReadWrite);
    assert!(redis.running());
    assert_eq!(facts.map(|facts| facts.state), Ok(ServerState::Ready));
}

/// `redis-cli ping` calls this a success.
#[test]
fn loading_is_recovering_with_its_progress() {
    let redis = Redis::loading(6);
    let refusal = refused(&at(redis.port()));
    assert_eq!(
        (refusal.state, refusal.patience, refusal.code.as_deref()),
        (ServerState::Recovering, Patience::Deadline, Some("LOADING"))
    );
    assert!(refusal.detail.is_some_and(|detail| detail.contains("% loaded")));
}

#[test]
fn a_wrong_password_is_denied() {
    let redis = Redis::builder().password("correct").start();
    let with = |password: Option<&str>| RedisDsn { password: password.map(Into::into), ..at(redis.port()) };
    assert_eq!(asked(&with(Some("correct")), Access::ReadWrite).map(|facts| facts.state), Ok(ServerState::Ready));
    let wrong = refused(&with(Some("wr0ng")));
    assert_eq!(
        (wrong.state, wrong.patience, wrong.code.as_deref()),
        (ServerState::Denied, Patience::Tries(2), Some("WRONGPASS"))
    );
    assert!(!format!("{wrong:?}").contains("wr0ng"));
    assert_eq!(refused(&with(None)).code.as_deref(), Some("NOAUTH"));
    let open = Redis::start();
    let needless = refused(&RedisDsn { password: Some("any".into()), ..at(open.port()) });
    assert_eq!((needless.state, needless.patience), (ServerState::Denied, Patience::None), "{needless}");
}

/// An application's user that may not ask ROLE and INFO is served all the same.
#[test]
fn a_modest_user_is_enough() {
    let redis = Redis::start();
    redis.command(&["ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "-@dangerous", "-@admin"]);
    let facts = asked(
        &RedisDsn { user: Some("app".into()), password: Some("secret".into()), ..at(redis.port()) },
        Access::ReadWrite,
    )
    .unwrap();
    assert_eq!((facts.state, facts.role), (ServerState::Ready, None));
}

#[test]
fn a_replica_is_read_only() {
    let primary = Redis::start();
    let replica = Redis::replica_of(&primary);
    assert_eq!(refused(&at(replica.port())).state, ServerState::ReadOnly);
    let facts = testkit::wait_for(Duration::from_secs(20), "a replica in step", || {
        asked(&at(replica.port()), Access::ReadOnly).ok()
    });
    assert_eq!((facts.state, facts.role), (ServerState::ReadOnly, Some(RedisRole::Replica)));
    primary.kill9();
    let lost = testkit::wait_for(Duration::from_secs(20), "a lost link", || {
        asked(&at(replica.port()), Access::ReadOnly).err()
    });
    assert_eq!((lost.state, lost.code.as_deref()), (ServerState::Recovering, Some("MASTERDOWN")), "{lost}");
}

#[test]
fn a_full_server_is_full() {
    let redis = Redis::builder().conf(["--maxclients", "1"]).start();
    let full = testkit::wait_for(Duration::from_secs(10), "a full server", || {
        let _holder = std::net::TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
        asked(&at(redis.port()), Access::ReadWrite).err().filter(|refusal| refusal.state == ServerState::Full)
    });
    assert_eq!(full.patience, Patience::Deadline);
}

#[test]
fn nobody_there_is_down_and_strangers_are_recognised() {
    assert_eq!(refused(&at(testkit::free_port())).state, ServerState::Down);
    for (answer, state) in
        [(&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], ServerState::Unreachable), (b"", ServerState::Down)]
    {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let stranger = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut socket, _) = listener.accept().unwrap();
            let _ = socket.read(&mut [0; 512]).unwrap();
            socket.write_all(answer).unwrap();
        });
        let refusal = refused(&at(port));
        stranger.join().unwrap();
        assert_eq!(refusal.state, state, "{refusal}");
    }
}

/// TLS is asked of a server that has none: it cannot work, and says so.
#[test]
fn tls_where_there_is_none() {
    let redis = Redis::start();
    let refusal =
        run(ask(&RedisDsn { tls: true, ..at(redis.port()) }, Access::ReadWrite, Duration::from_secs(2))).unwrap_err();
    assert_ne!(refusal.state, ServerState::Ready);
    assert!(refusal.to_string().contains("127.0.0.1"), "{refusal}");
}

#[test]
fn queues_are_counted_by_their_kind() {
    let redis = Redis::start();
    redis.command(&["RPUSH", "events:p2p", "a", "b", "c"]);
    redis.command(&["XADD", "events:stream", "*", "k", "v"]);
    redis.command(&["ZADD", "events:later", "1", "a", "2", "b"]);
    redis.command(&["SET", "text", "x"]);
    let names: Vec<_> = ["events:p2p", "text", "events:stream", "gone", "events:later"].map(str::to_owned).into();
    let lengths = run(queue_lengths(&at(redis.port()), &names, LIMIT));
    assert_eq!(
        lengths.iter().map(|(_, length)| *length).collect::<Vec<_>>(),
        [Some(3), None, Some(1), Some(0), Some(2)]
    );
    let nobody = run(queue_lengths(&at(testkit::free_port()), &names, LIMIT));
    assert!(nobody.len() == 5 && nobody.iter().all(|(_, length)| length.is_none()));
}
