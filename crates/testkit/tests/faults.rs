//! The fake server and the proxy do what they are told, to a real client.
#![expect(clippy::disallowed_methods, reason = "the kit is checked with the real client and the real clock")]
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use testkit::{Answer, Cluster, FakePostgres, Fault, FaultProxy, Reaction, ServerError, Value, find_component};

fn psql(url: &str, sql: &str) -> Output {
    let mut command = Command::new(find_component("psql"));
    command.env_clear().env("PGCONNECT_TIMEOUT", "10").args(["-XAt", "-c", sql, url]);
    command.output().expect("psql runs")
}

fn answer(url: &str, sql: &str) -> String {
    let output = psql(url, sql);
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn fake_refuses_n_times_then_serves_the_real_client() {
    let rows = Reaction::Rows(
        vec!["n", "ok", "name"],
        vec![vec![Value::Int4(7), Value::Bool(true), "x".into()], vec![Value::Int4(8), Value::Null, Value::Null]],
    );
    let failure = Reaction::Fail(ServerError::new("42P01", "relation \"t\" does not exist"));
    let server = FakePostgres::start([Answer::recovering(), Answer::recovering(), Answer::Ready]);
    let server = server.on("from things", rows).on("from t", failure).on("pg_sleep", Reaction::Crash);
    for _ in 0..2 {
        let refused = answer(&server.url(), "select 1");
        assert!(refused.contains("FATAL:  the database system is not yet accepting connections"), "{refused}");
        assert!(refused.contains("DETAIL:  Consistent recovery state has not been yet reached."), "{refused}");
    }
    assert_eq!(answer(&server.url(), "SELECT * FROM things"), "7|t|x\n8||\n");
    assert_eq!(answer(&server.url(), "select * from t"), "ERROR:  relation \"t\" does not exist\n");
    assert!(answer(&server.url(), "select pg_sleep(1)").contains("because of crash of another server process"));
    assert_eq!(server.queries(), ["SELECT * FROM things", "select * from t", "select pg_sleep(1)"]);
    assert!(server.connections().len() >= 5);
}

#[test]
fn fake_can_be_silent_hang_up_and_warn() {
    let server = FakePostgres::start([Answer::Silent, Answer::HangUp]);
    let mut silent = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    silent.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    silent.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
    assert_eq!(silent.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let ended = answer(&server.url(), "select 1");
    assert!(ended.contains("server closed the connection unexpectedly"), "{ended}");
    server.now([Answer::crash()]);
    let crashed = answer(&server.url(), "select 1");
    assert!(crashed.contains("because of crash of another server process"), "{crashed}");
    drop(server);
    assert_eq!(silent.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn proxy_passes_refuses_stalls_resets_delays_and_cuts() {
    let cluster = Cluster::start();
    let proxy = FaultProxy::start(cluster.port());
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", proxy.port());
    assert_eq!(answer(&url, "select 1"), "1\n");

    proxy.set(Fault::Refuse);
    assert!(answer(&url, "select 1").contains("Connection refused"));

    proxy.set(Fault::Reset);
    let reset = answer(&url, "select 1");
    assert!(
        reset.contains("Connection reset by peer") || reset.contains("closed the connection unexpectedly"),
        "{reset}"
    );

    proxy.set(Fault::CutAfter(3));
    let mut cut = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    cut.write_all(&[0, 0, 0, 8, 0, 3, 0, 0]).unwrap();
    let mut came = Vec::new();
    assert_eq!(cut.read_to_end(&mut came).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(came.len() <= 3, "{came:?}");

    proxy.set(Fault::Delay(Duration::from_millis(150)));
    let begun = Instant::now();
    assert_eq!(answer(&url, "select 1"), "1\n");
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
}

#[test]
fn proxy_stalls_an_open_session_until_switched() {
    let cluster = Cluster::start();
    let proxy = FaultProxy::start(cluster.port());
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    proxy.set(Fault::Stall);
    // A request for encryption, which the server answers with one byte.
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    proxy.set(Fault::Pass);
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut byte = [0];
    stream.read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"N");
}

#[test]
fn proxy_draws_the_same_faults_from_the_same_seed() {
    let fates = |seed| {
        let server = FakePostgres::start([Answer::Ready]);
        let proxy = FaultProxy::start(server.port());
        proxy.set(Fault::Random(seed));
        (0..12).map(|_| fate(proxy.port())).collect::<String>()
    };
    assert_eq!(fates(7), fates(7));
    assert_ne!(fates(7), fates(8));
}

/// One letter for what a connection meets. A delay or a long cut looks like a pass.
fn fate(port: u16) -> char {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap_or_else(|error| panic!("{error}"));
    let _ = stream.set_read_timeout(Some(Duration::from_millis(600)));
    let _ = stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]);
    match stream.read(&mut [0; 1]) {
        Ok(1..) => 'p',
        // A reset that came before the write is reported by the write, once.
        Ok(0) => 'r',
        Err(error) if error.kind() == ErrorKind::ConnectionReset => 'r',
        Err(_) => 's',
    }
}
