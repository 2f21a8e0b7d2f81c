//! The gate, as `mainstay wait`: everything can be waited for, nothing opens too early, and the command takes our place.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use std::{
    io::{Read, Write},
    net::TcpListener,
    os::unix::net::UnixListener,
    thread,
    time::{Duration, Instant},
};
use support::{LIMIT, mainstay};
use testkit::{
    Answer, Cluster, FakePostgres, Fault, FaultProxy, Reaction, Redis, Signal, Test, find_component, free_port,
    wait_until,
};

/// `mainstay wait` that speaks to people.
fn wait(arguments: &[&str]) -> Test {
    mainstay().env("MAINSTAY_LOG_FORMAT", "human").args(["wait"]).args(arguments.iter().copied())
}

/// The command behind `--`: writes into the database, once, and fails when the database does not take it.
fn write_to(url: &str) -> Vec<String> {
    let sql = "select pg_advisory_lock(7); create table if not exists arrived (at timestamptz default now()); insert into arrived default values";
    let psql = find_component("psql").display().to_string();
    ["--", &psql, "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", url, "-c", sql].map(str::to_owned).into()
}

/// Waits for `url`, then writes there.
fn wait_and_write(url: &str) -> Test {
    let write = write_to(url);
    wait(&[url]).args(write.iter().map(String::as_str))
}

fn refusals(cluster: &Cluster) -> usize {
    cluster.log().lines().filter(|line| line.contains("FATAL")).count()
}

/// S0.2: several things at once; then the command runs in our place, with our process id and our environment.
#[test]
fn the_command_takes_our_place_when_all_is_ready() {
    let (cluster, redis) = (Cluster::start(), Redis::start());
    let tcp = format!("tcp://127.0.0.1:{}", redis.port());
    let script = "echo $$ $GREETING; exit 7";
    let test = wait(&[&cluster.url(), &cluster.socket_url(), &redis.url(), &tcp, "file:.", "exec:true"]);
    let running = test.env("GREETING", "hello world").args(["--", "sh", "-c", script]).spawn();
    let pid = running.pid();
    let output = running.wait(LIMIT);
    output.code(7);
    assert_eq!(output.raw_stdout, format!("{pid} hello world\n"));
    assert_eq!(output.stderr.lines().filter(|line| line.contains(" is ready (")).count(), 6, "{}", output.stderr);
    assert_eq!(refusals(&cluster), 0);
}

/// S0.2, S0.6: variables alone, no terminal, nothing to read, and an exit code that a script can use.
#[test]
fn variables_alone_are_enough() {
    let cluster = Cluster::builder().password("p@ss w:rd/%").start();
    let port = cluster.port().to_string();
    let test = mainstay()
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", &port)
        .env("PGUSER", "app")
        .env("PGDATABASE", "app")
        .secret_env("PGPASSWORD", "p@ss w:rd/%")
        .env("MAINSTAY_TIMEOUT", "20s");
    test.again().args(["wait"]).run().code(0).stdout_is("");
    cluster.stop_fast();
    let begun = Instant::now();
    test.env("MAINSTAY_TIMEOUT", "300ms").args(["wait"]).run().code(75).stdout_is("");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

/// S0.1: down at first, started while we wait.
#[test]
fn a_server_that_is_started_later_is_waited_for() {
    let cluster = Cluster::builder().prepare();
    let mut waiting = wait_and_write(&cluster.url()).spawn();
    waiting.wait_for_line("waiting for postgres: down, attempt 1", LIMIT);
    cluster.start_again_nowait();
    waiting.wait(LIMIT).code(0);
    assert_eq!(cluster.psql("select count(*) from arrived"), "1");
}

/// S0.1: a server that replays its log after a crash is waited for, not asked all the time; the first write afterwards works.
#[test]
fn crash_recovery_is_waited_for_with_few_lines_in_the_servers_log() {
    let (cluster, held) = Cluster::crashed_and_held();
    let before = refusals(&cluster);
    let mut waiting = wait_and_write(&cluster.url()).spawn();
    let line = waiting.wait_for_line("waiting for postgres: recovering, attempt 1", LIMIT);
    assert!(line.contains("(SQLSTATE 57P03)"), "{line}");
    // Not to be lucky: these five seconds are what is measured.
    thread::sleep(Duration::from_secs(5));
    assert!(waiting.running(), "{}", waiting.stderr());
    let during = refusals(&cluster) - before;
    assert!(during < 5, "{during} refusals in the server's log\n{}", waiting.stderr());
    held.release();
    waiting.wait(LIMIT).code(0);
    assert_eq!(cluster.psql("select count(*) from arrived"), "1");
}

/// S0.5: the units of several services wait side by side for one server, and each goes on once.
#[test]
fn several_gates_at_once() {
    let (cluster, gate) = Cluster::gated();
    let mut waiting: Vec<_> = (0..4).map(|_| wait_and_write(&cluster.url()).spawn()).collect();
    for one in &mut waiting {
        one.wait_for_line("waiting for postgres: starting, attempt 1", LIMIT);
    }
    gate.open();
    for one in waiting {
        one.wait(LIMIT).code(0);
    }
    assert_eq!(cluster.psql("select count(*) from arrived"), "4");
}

/// S2.13: attempts and pauses by variables; each retry and the exhaustion are told.
#[test]
fn patience_by_variables() {
    let server = fake([Answer::recovering()]);
    let test = wait(&[&server.url()]).env("MAINSTAY_ATTEMPTS", "3").env("MAINSTAY_INTERVAL", "20ms");
    let output = test.run();
    output.code(75).stderr_has("attempt 1/3").stderr_has("attempt 2/3").stderr_has("attempt 3/3");
    output.stderr_has("error: `postgres` is not ready after [TIME] and 3 attempts");
    assert_eq!(server.connections().len(), 3);
}

/// S0.1: a server that waits for its log is `starting`.
#[test]
fn a_server_that_is_starting_up_is_waited_for() {
    let (cluster, gate) = Cluster::gated();
    let mut waiting = wait_and_write(&cluster.url()).spawn();
    let line = waiting.wait_for_line("waiting for postgres: starting", LIMIT);
    assert!(line.contains("the database system is starting up (SQLSTATE 57P03)"), "{line}");
    gate.open();
    waiting.wait(LIMIT).code(0);
    assert_eq!(cluster.psql("select count(*) from arrived"), "1");
}

/// Reachable is not writable: a server that answers but is read-only is waited for.
#[test]
fn a_server_that_is_read_only_for_now_is_waited_for() {
    let cluster = Cluster::read_only_for(4);
    let mut waiting = wait_and_write(&cluster.url()).spawn();
    waiting.wait_for_line("waiting for postgres: read-only", LIMIT);
    waiting.wait(LIMIT).code(0);
    assert_eq!(cluster.psql("select count(*) from arrived"), "1");
}

/// A replica will never take writes; it will do for those who read.
#[test]
fn a_replica_is_ready_for_reading_only() {
    let standby = Cluster::standby();
    let output = wait(&[&standby.url(), "--timeout", "1s", "--", "sh", "-c", "echo too early"]).run();
    output.code(75).stdout_is("").stderr_has("seen: read-only: ");
    wait(&[&standby.url(), "--access", "read-only", "--", "echo", "read"]).run().code(0).stdout_is("read\n");
}

/// 53300: full now, room later.
#[test]
fn a_full_server_is_waited_for() {
    let (cluster, full) = Cluster::full();
    let mut waiting = wait_and_write(&cluster.url()).spawn();
    let line = waiting.wait_for_line("waiting for postgres: full", LIMIT);
    assert!(line.contains("(SQLSTATE 53300)"), "{line}");
    full.release();
    waiting.wait(LIMIT).code(0);
}

/// A wrong password is tried twice and no more: some servers lock the account.
#[test]
fn a_wrong_password_is_tried_twice() {
    let cluster = Cluster::builder().password("r1ght").start();
    let test = wait(&[&cluster.url_of("app:wr0ng", "app")]).secret("wr0ng");
    test.run().code(2).stdout_is("").stderr_is(
        "
        waiting for postgres: denied, attempt 1, password authentication failed for user \"app\" (SQLSTATE 28P01), [TIME] elapsed, next try in [TIME], hint: check the password: in the URL, in PGPASSWORD or in the password file
        waiting for postgres: denied, attempt 2, password authentication failed for user \"app\" (SQLSTATE 28P01), [TIME] elapsed, no other try, hint: check the password: in the URL, in PGPASSWORD or in the password file
        error: `postgres` cannot become ready by waiting
          seen: postgres://app@127.0.0.1:[PORT]/app
          seen: denied: password authentication failed for user \"app\" (SQLSTATE 28P01)
          hint: check the password: in the URL, in PGPASSWORD or in the password file
        ",
    );
    assert_eq!(cluster.log().matches("password authentication failed").count(), 2);
}

/// A server that logs in and says that it takes writes, after these answers.
fn fake(answers: impl IntoIterator<Item = Answer>) -> FakePostgres {
    let row = ["f", "off", "1700000000000000", "60000", "150018"].map(Into::into).into();
    let facts = Reaction::Rows(vec!["recovery", "read_only", "started", "age", "version"], vec![row]);
    FakePostgres::start(answers).on("pg_is_in_recovery", facts)
}

/// Another server of this machine that recovers says nothing about the one that is waited for.
#[test]
fn somebody_elses_recovery_is_not_shown() {
    let (_other, _gate) = Cluster::gated();
    let output = wait(&[&fake([Answer::recovering()]).url(), "--attempts", "2", "--interval", "50ms"]).run();
    output.code(75);
    assert!(!output.stderr.contains("redo"), "{}", output.stderr);
}

/// S0.4: each attempt is one plain line with its number, the reason and the time of the next.
#[test]
fn each_attempt_is_one_line_that_says_why_and_when() {
    let server =
        fake([Answer::recovering(), Answer::refuse("57P03", "the database system is starting up"), Answer::Ready]);
    let test = wait(&[&server.url(), "--attempts", "20", "--interval", "60ms"]);
    test.run().code(0).stdout_is("").stderr_is(
        "
        waiting for postgres: recovering, attempt 1/20, the database system is not yet accepting connections: Consistent recovery state has not been yet reached (SQLSTATE 57P03), [TIME] elapsed, next try in [TIME]
        waiting for postgres: starting, attempt 2/20, the database system is starting up (SQLSTATE 57P03), [TIME] elapsed, next try in [TIME]
        postgres is ready (PostgreSQL 15.18, 3 attempts, [TIME])
        ",
    );
}

/// S0.4: journald and scripts read fields; the same line as JSON.
#[test]
fn the_lines_can_be_had_as_json() {
    let server = fake([Answer::recovering(), Answer::Ready]);
    let output = mainstay().args(["--log-format", "json", "wait", &server.url(), "--interval", "50ms"]).run();
    output.code(0).stdout_is("");
    let lines: Vec<serde_json::Value> =
        output.raw_stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["gate.waiting", "gate.open"]);
    assert_eq!(
        (&lines[0]["code"], &lines[0]["attempt"], &lines[0]["state"]),
        (&"57P03".into(), &1.into(), &"recovering".into())
    );
    wait(&[&server.url(), "--quiet"]).run().code(0).stdout_is("").stderr_is("");
}

/// The end of the attempts, and the end of the time by the clock, also when a server accepts and says nothing: 75, later may work.
#[test]
fn not_yet_is_75_and_tells_what_to_do() {
    let (server, silent) = (FakePostgres::start([Answer::recovering()]), FakePostgres::start([Answer::Silent]));
    wait(&[&server.url(), "--attempts", "2", "--interval", "50ms"]).run().code(75).stdout_is("").stderr_is(
        "
        waiting for postgres: recovering, attempt 1/2, the database system is not yet accepting connections: Consistent recovery state has not been yet reached (SQLSTATE 57P03), [TIME] elapsed, next try in [TIME]
        waiting for postgres: recovering, attempt 2/2, the database system is not yet accepting connections: Consistent recovery state has not been yet reached (SQLSTATE 57P03), [TIME] elapsed, no other try
        error: `postgres` is not ready after [TIME] and 2 attempts
          seen: postgres://app@127.0.0.1:[PORT]/app
          seen: recovering: the database system is not yet accepting connections: Consistent recovery state has not been yet reached (SQLSTATE 57P03)
          hint: look at the server's log, or give it more time: `wait = \"[TIME]\"` or `--timeout [TIME]`
        ",
    );
    assert_eq!(server.connections().len(), 2);
    let begun = Instant::now();
    wait(&[&silent.url(), "--timeout", "1s"]).run().code(75).stdout_is("").stderr_is(
        "
        waiting for postgres: unreachable, attempt 1, 127.0.0.1:[PORT] accepted the connection and said nothing for [TIME], [TIME] elapsed, no other try
        error: `postgres` is not ready after [TIME] and 1 attempt
          seen: postgres://app@127.0.0.1:[PORT]/app
          seen: unreachable: 127.0.0.1:[PORT] accepted the connection and said nothing for [TIME]
          hint: is it PostgreSQL that listens there? It may also be overloaded or suspended
        ",
    );
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(5), "{took:?}");
}

/// Two of three are there: the third is named, and the exit code is its.
#[test]
fn all_must_be_ready() {
    let redis = Redis::start();
    let nobody = free_port();
    let tcp = format!("tcp://127.0.0.1:{nobody}");
    let output = wait(&[&redis.url(), "file:.", &tcp, "--timeout", "300ms", "--", "echo", "too early"]).run();
    output.code(75).stdout_is("").stderr_has("error: `tcp` is not ready after [TIME]");
}

/// A server behind a network that stalls, resets and refuses is found once the network is whole.
#[test]
fn a_broken_network_is_waited_for() {
    let cluster = Cluster::start();
    let proxy = FaultProxy::start(cluster.port());
    proxy.set(Fault::Reset);
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", proxy.port());
    let mut waiting = wait_and_write(&url).args([]).env("MAINSTAY_INTERVAL", "100ms").spawn();
    waiting.wait_for_line("attempt 2", LIMIT);
    proxy.set(Fault::Refuse);
    waiting.wait_for_line("refused the connection", LIMIT);
    proxy.set(Fault::CutAfter(40));
    wait_until(LIMIT, "a connection that is cut", || {
        waiting.stderr().lines().last().is_some_and(|line| line.contains("waiting") && !line.contains("refused"))
    });
    proxy.set(Fault::Pass);
    waiting.wait(LIMIT).code(0);
    assert_eq!(cluster.psql("select count(*) from arrived"), "1");
}

/// Redis answers `-LOADING` while it reads its file.
#[test]
fn a_redis_that_loads_is_waited_for() {
    let redis = Redis::loading(4);
    let mut waiting = wait(&[&redis.url(), "--", "echo", "loaded"]).spawn();
    waiting.wait_for_line("waiting for redis: recovering", LIMIT);
    let output = waiting.wait(LIMIT);
    output.code(0).stdout_is("loaded\n");
    assert_eq!(redis.command(&["SET", "key", "value"]), "OK");
}

/// A page, a port, a socket, a file and a command that come one after the other.
#[test]
fn ports_pages_sockets_files_and_commands_are_waited_for() {
    let (tcp, http) = (free_port(), free_port());
    let urls = [format!("tcp://127.0.0.1:{tcp}"), format!("http://127.0.0.1:{http}/health")];
    let test = wait(&[&urls[0], &urls[1], "unix:app.sock", "file:ready", "exec:test -e done"]);
    let test = test.args(["--interval", "50ms", "--timeout", "60s", "--", "echo", "all there"]);
    let dir = test.path().to_owned();
    let mut waiting = test.spawn();
    for name in ["tcp", "http", "unix", "file", "exec"] {
        waiting.wait_for_line(&format!("waiting for {name}: "), LIMIT);
    }
    let _port = TcpListener::bind(("127.0.0.1", tcp)).unwrap();
    waiting.wait_for_line("tcp is ready", LIMIT);
    let page = TcpListener::bind(("127.0.0.1", http)).unwrap();
    thread::spawn(move || {
        for (number, stream) in page.incoming().flatten().enumerate() {
            let status = if number == 0 { "503 Service Unavailable" } else { "200 OK" };
            answer(stream, status);
        }
    });
    waiting.wait_for_line("503 Service Unavailable", LIMIT);
    waiting.wait_for_line("http is ready", LIMIT);
    let _socket = UnixListener::bind(dir.join("app.sock")).unwrap();
    waiting.wait_for_line("unix is ready", LIMIT);
    std::fs::write(dir.join("ready"), "").unwrap();
    waiting.wait_for_line("file is ready", LIMIT);
    assert_eq!(waiting.stdout(), "");
    std::fs::write(dir.join("done"), "").unwrap();
    waiting.wait(LIMIT).code(0).stdout_is("all there\n");
}

fn answer(mut stream: std::net::TcpStream, status: &str) {
    let _ = stream.read(&mut [0; 1024]);
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

/// Ctrl-C and SIGTERM end the wait at once, and the command does not run.
#[test]
fn a_signal_ends_the_wait() {
    let tcp = format!("tcp://127.0.0.1:{}", free_port());
    for signal in [Signal::INT, Signal::TERM] {
        let mut waiting = wait(&[&tcp, "--", "echo", "too early"]).spawn();
        waiting.wait_for_line("waiting for tcp", LIMIT);
        waiting.signal(signal);
        waiting.wait(Duration::from_secs(5)).code(130).stdout_is("");
    }
}
