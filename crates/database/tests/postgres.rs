//! The questions to PostgreSQL, asked of real servers in every state.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use config::{
    Access,
    dsn::{ChannelBinding, Host, PostgresDsn, SessionAttrs, SslMode, Surroundings, postgres::parse},
};
use database::{
    Patience, Refusal, ServerState,
    postgres::{Facts, ask, connect},
};
use std::{future::Future, path::PathBuf, time::Duration};
use testkit::{Answer, Cluster, FakePostgres, Reaction};

const LIMIT: Duration = Duration::from_secs(10);

fn dsn(host: Host) -> PostgresDsn {
    let settings = parse("postgres://postgres@somewhere/postgres", &Surroundings::default()).unwrap();
    PostgresDsn { hosts: vec![host], ..settings }
}

fn tcp(cluster: &Cluster) -> PostgresDsn {
    dsn(Host::Tcp("127.0.0.1".into(), cluster.port()))
}

fn unix(cluster: &Cluster) -> PostgresDsn {
    dsn(Host::Unix(cluster.socket_dir().into(), cluster.port()))
}

/// Every test has a hard limit.
fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), work).await.expect("done within a minute") })
}

fn asked(dsn: &PostgresDsn, access: Access) -> Result<Facts, Refusal> {
    run(ask(dsn, access, LIMIT))
}

fn refused(dsn: &PostgresDsn) -> Refusal {
    asked(dsn, Access::ReadWrite).unwrap_err()
}

#[test]
fn a_ready_server_says_who_it_is() {
    let cluster = Cluster::start();
    let facts = asked(&tcp(&cluster), Access::ReadWrite).unwrap();
    assert_eq!(facts.state, ServerState::Ready);
    assert!(facts.version_number >= 150_000 && facts.version.starts_with("15"), "{facts:?}");
    assert!(!facts.in_recovery && !facts.read_only && !facts.socket_only_by_command_line);

    let again = asked(&unix(&cluster), Access::ReadWrite).unwrap();
    assert_eq!(again.identity, facts.identity);
    // No line in the server's log complains about us.
    assert!(!cluster.log().contains("FATAL") && !cluster.log().contains("ERROR"), "{}", cluster.log());
    cluster.stop_fast();
    cluster.start_again();
    let later = asked(&unix(&cluster), Access::ReadWrite).unwrap();
    assert!(later.identity.started > facts.identity.started);
}

/// S0.1: wrong password, role and database are told apart, and how long waiting is worth while.
#[test]
fn wrong_credentials_are_told_apart() {
    let cluster = Cluster::builder().password("right horse").start();
    let app = |password: Option<&str>| PostgresDsn {
        user: "app".into(),
        database: "app".into(),
        password: password.map(Into::into),
        ..tcp(&cluster)
    };
    assert_eq!(asked(&app(Some("right horse")), Access::ReadWrite).unwrap().state, ServerState::Ready);

    let wrong = refused(&app(Some("wr0ng")));
    assert_eq!(
        (wrong.state, wrong.patience, wrong.code.as_deref()),
        (ServerState::Denied, Patience::Tries(2), Some("28P01"))
    );
    assert_eq!(wrong.to_string(), "password authentication failed for user \"app\" (SQLSTATE 28P01)");
    assert!(!format!("{wrong:?}").contains("wr0ng"));

    let none = refused(&app(None));
    assert_eq!((none.state, none.patience), (ServerState::Denied, Patience::None));
    assert!(none.message.contains("asks for a password"), "{none}");

    let grace = Patience::Grace(Duration::from_secs(15));
    let role = refused(&PostgresDsn { user: "nobody_here".into(), ..unix(&cluster) });
    assert_eq!((role.patience, role.code.as_deref()), (grace, Some("28000")), "{role}");
    let database = refused(&PostgresDsn { database: "nowhere".into(), ..unix(&cluster) });
    assert_eq!((database.patience, database.code.as_deref()), (grace, Some("3D000")), "{database}");
    cluster.psql("ALTER DATABASE app ALLOW_CONNECTIONS false");
    let closed = refused(&PostgresDsn { database: "app".into(), ..unix(&cluster) });
    assert_eq!((closed.patience, closed.code.as_deref()), (Patience::None, Some("55000")), "{closed}");
}

#[test]
fn a_full_server_is_full() {
    let (cluster, held) = Cluster::full();
    let full = refused(&tcp(&cluster));
    assert_eq!(
        (full.state, full.patience, full.code.as_deref()),
        (ServerState::Full, Patience::Deadline, Some("53300"))
    );
    held.release();
}

#[test]
fn nobody_there_is_down() {
    let port = testkit::free_port();
    let down = refused(&dsn(Host::Tcp("127.0.0.1".into(), port)));
    assert_eq!((down.state, down.patience), (ServerState::Down, Patience::Deadline));
    assert_eq!(down.to_string(), format!("127.0.0.1:{port} refused the connection"));
    let dir = testkit::TempDir::new();
    let down = refused(&dsn(Host::Unix(dir.path().into(), 5432)));
    assert_eq!((down.state, down.patience), (ServerState::Down, Patience::Deadline));
}

/// S0.1: recovery before consistency, as after a crash.
#[test]
fn crash_recovery_is_recovering() {
    let (cluster, held) = Cluster::crashed_and_held();
    let refusal = refused(&tcp(&cluster));
    assert_eq!((refusal.state, refusal.patience), (ServerState::Recovering, Patience::Deadline));
    assert_eq!(
        refusal.to_string(),
        "the database system is not yet accepting connections: Consistent recovery state has not been yet reached (SQLSTATE 57P03)"
    );
    let lines = |log: String| log.lines().filter(|line| line.contains("FATAL")).count();
    let before = lines(cluster.log());
    refused(&tcp(&cluster));
    assert_eq!(lines(cluster.log()), before + 1, "one try, one line in the server's log");
    held.release();
    cluster.wait_writable(Duration::from_secs(30));
    assert!(asked(&tcp(&cluster), Access::ReadWrite).is_ok());
}

#[test]
fn starting_up_is_starting() {
    let (cluster, gate) = Cluster::gated();
    let refusal = refused(&tcp(&cluster));
    assert_eq!((refusal.state, refusal.code.as_deref()), (ServerState::Starting, Some("57P03")), "{refusal}");
    gate.open();
}

#[test]
fn recovery_without_hot_standby_is_recovering() {
    let cluster = Cluster::recovering_for(4);
    // At first it is starting, for a moment.
    let refusal = testkit::wait_for(Duration::from_secs(3), "recovery", || {
        Some(refused(&tcp(&cluster))).filter(|refusal| refusal.state == ServerState::Recovering)
    });
    assert_eq!(
        refusal.to_string(),
        "the database system is not accepting connections: Hot standby mode is disabled (SQLSTATE 57P03)"
    );
    assert!(refusal.hint.is_some());
}

/// Reachable is not writable.
#[test]
fn a_standby_is_read_only() {
    let cluster = Cluster::standby();
    let refusal = refused(&tcp(&cluster));
    assert_eq!((refusal.state, refusal.code.as_deref()), (ServerState::ReadOnly, Some("25006")), "{refusal}");
    assert_eq!(refusal.patience, Patience::Deadline);
    let facts = asked(&tcp(&cluster), Access::ReadOnly).unwrap();
    assert!(facts.in_recovery && facts.read_only && facts.state == ServerState::ReadOnly);
    cluster.promote();
    cluster.wait_writable(Duration::from_secs(30));
    assert!(asked(&tcp(&cluster), Access::ReadWrite).is_ok());
}

#[test]
fn transactions_that_are_read_only_by_default_are_read_only() {
    let cluster = Cluster::start();
    cluster.psql("ALTER ROLE postgres SET default_transaction_read_only = on");
    let refusal = refused(&tcp(&cluster));
    assert_eq!(refusal.state, ServerState::ReadOnly);
    assert!(refusal.hint.unwrap().contains("default_transaction_read_only"));
}

#[test]
fn a_session_knows_its_backend_and_shows_its_name() {
    let cluster = Cluster::start();
    run(async {
        let session = connect(&tcp(&cluster), "mainstay-test", LIMIT).await.unwrap();
        assert!(session.backend_pid.is_some());
        let sql = "SELECT pg_backend_pid(), current_setting('application_name')";
        let seen = session.client.query_one(sql, &[]).await.unwrap();
        assert_eq!((Some(seen.get::<_, i32>(0)), seen.get::<_, &str>(1)), (session.backend_pid, "mainstay-test"));
        session.close().await;
    });
}

/// A crash of another backend ends ours with a WARNING (57P02) and nothing else; it becomes the cause.
///
/// PostgreSQL sends it on a best-effort basis: about one session in twenty hears nothing.
#[test]
fn a_crash_is_known_by_its_warning() {
    let cluster = Cluster::start();
    let crashed = || {
        cluster.wait_writable(Duration::from_secs(30));
        run(async {
            let session = connect(&tcp(&cluster), "mainstay-test", LIMIT).await.unwrap();
            let crash = async { cluster.crash_backend() };
            let (answer, ()) = tokio::join!(session.client.simple_query("SELECT pg_sleep(30)"), crash);
            session.explain(&answer.unwrap_err())
        })
    };
    let heard = (0..8).map(|_| crashed()).find(|error| {
        assert!(error.lost && ["57P02", "08006"].contains(&error.code.as_str()), "{error}");
        error.code == "57P02"
    });
    assert_eq!(heard.map(|error| error.severity).as_deref(), Some("WARNING"));
}

/// The same, from a server that always sends it, in the middle of a query.
#[test]
fn a_warning_in_the_middle_of_a_query_is_its_cause() {
    let server = FakePostgres::start([Answer::Ready]).on("work", Reaction::Crash);
    run(async {
        let session = connect(&dsn(Host::Tcp("127.0.0.1".into(), server.port())), "test", LIMIT).await.unwrap();
        let error = session.client.simple_query("SELECT work()").await.unwrap_err();
        assert_eq!(session.explain(&error).code, "57P02");
        assert_eq!(session.notices().len(), 1);
    });
}

#[test]
fn an_administrator_may_end_it() {
    let cluster = Cluster::start();
    run(async {
        let session = connect(&unix(&cluster), "mainstay-test", LIMIT).await.unwrap();
        cluster.psql(&format!("SELECT pg_terminate_backend({})", session.backend_pid.unwrap()));
        let error = loop {
            if let Err(error) = session.client.simple_query("SELECT 1").await {
                break session.explain(&error);
            }
        };
        assert_eq!((error.code.as_str(), error.lost), ("57P01", true), "{error}");
    });
}

/// Several hosts: the first that is as asked; `prefer-standby` falls back.
#[test]
fn several_hosts_are_tried_in_order() {
    let (primary, standby) = (Cluster::start(), Cluster::standby());
    let nobody = Host::Tcp("127.0.0.1".into(), testkit::free_port());
    let [first, second] = [&standby, &primary].map(|cluster| Host::Tcp("127.0.0.1".into(), cluster.port()));
    let met = |hosts: &[&Host], session_attrs| {
        let hosts = hosts.iter().map(|host| (*host).clone()).collect();
        run(connect(&PostgresDsn { hosts, session_attrs, ..tcp(&primary) }, "test", LIMIT))
            .map(|session| session.host.clone())
    };
    let all = [&nobody, &first, &second];
    for (attrs, expected) in [
        (SessionAttrs::Any, &first),
        (SessionAttrs::ReadWrite, &second),
        (SessionAttrs::Primary, &second),
        (SessionAttrs::ReadOnly, &first),
        (SessionAttrs::Standby, &first),
        (SessionAttrs::PreferStandby, &first),
    ] {
        assert_eq!(met(&all, attrs).as_ref(), Ok(expected), "{attrs:?}");
    }
    assert_eq!(met(&[&nobody, &second], SessionAttrs::PreferStandby).as_ref(), Ok(&second));
    let refusal = met(&[&nobody, &first], SessionAttrs::ReadWrite).unwrap_err();
    assert_eq!(refusal.state, ServerState::ReadOnly);
    assert!(refusal.message.contains(&first.to_string()), "{refusal}");
}

/// An open port that says nothing is not a server that answers.
#[test]
fn silence_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let silent =
        run(ask(&dsn(Host::Tcp("127.0.0.1".into(), port)), Access::ReadWrite, Duration::from_millis(300))).unwrap_err();
    assert_eq!((silent.state, silent.patience), (ServerState::Unreachable, Patience::Deadline));
    assert!(silent.message.contains("said nothing"), "{silent}");
}

/// What speaks another protocol is not PostgreSQL, what closes at once is not there yet.
#[test]
fn strangers_are_recognised() {
    let answers: [(&[u8], ServerState, Option<&str>); 3] = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ServerState::Unreachable, Some("08P01")),
        (b"", ServerState::Down, None),
        (
            b"Ecould not fork new process for connection: Resource temporarily unavailable\n\0",
            ServerState::Starting,
            None,
        ),
    ];
    for (answer, state, code) in answers {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let stranger = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut socket, _) = listener.accept().unwrap();
            socket.read_exact(&mut [0; 8]).unwrap();
            socket.write_all(answer).unwrap();
        });
        let refusal = refused(&dsn(Host::Tcp("127.0.0.1".into(), port)));
        stranger.join().unwrap();
        assert_eq!((refusal.state, refusal.code.as_deref()), (state, code), "{refusal}");
    }
}

/// A server that is meant to listen on its socket only is not the temporary one of an image.
#[test]
fn socket_only_by_its_file_is_for_good() {
    let cluster = Cluster::builder().conf("listen_addresses = ''").start();
    assert!(!asked(&unix(&cluster), Access::ReadWrite).unwrap().socket_only_by_command_line);
}

/// Before PostgreSQL 14 a server has to be asked whether it is a standby.
#[test]
fn an_old_server_is_asked_for_its_nature() {
    for (recovery, read_only, attrs, admitted) in [
        ("f", "off", SessionAttrs::ReadWrite, true),
        ("t", "on", SessionAttrs::ReadWrite, false),
        ("t", "on", SessionAttrs::Standby, true),
        ("f", "on", SessionAttrs::ReadOnly, true),
    ] {
        let row = vec![recovery.into(), read_only.into()];
        let server = FakePostgres::start([Answer::Ready])
            .parameter("in_hot_standby", "")
            .on("pg_is_in_recovery", Reaction::Rows(vec!["recovery", "read_only"], vec![row]));
        let host = Host::Tcp("127.0.0.1".into(), server.port());
        let met = run(connect(&PostgresDsn { session_attrs: attrs, ..dsn(host) }, "test", LIMIT));
        assert_eq!(met.is_ok(), admitted, "{attrs:?} {met:?}");
    }
}

/// The server's settings, from the URL's `options`.
#[test]
fn options_reach_the_session() {
    let cluster = Cluster::start();
    run(async {
        let dsn = PostgresDsn { options: Some("-c work_mem=8MB".into()), ..tcp(&cluster) };
        let session = connect(&dsn, "test", LIMIT).await.unwrap();
        let row = session.client.query_one("SELECT current_setting('work_mem')", &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), "8MB");
        session.close().await;
    });
    let wrong = refused(&PostgresDsn { options: Some("-c no_such=1".into()), ..tcp(&cluster) });
    assert_eq!((wrong.state, wrong.patience), (ServerState::Unknown, Patience::None), "{wrong}");
}

/// An error of a statement keeps its place in the text, in characters.
#[test]
fn a_syntax_error_has_its_place() {
    let cluster = Cluster::start();
    run(async {
        let session = connect(&tcp(&cluster), "test", LIMIT).await.unwrap();
        let error = session.client.batch_execute("SELECT 'тест';\nSELEC 1").await.unwrap_err();
        let error = session.explain(&error);
        assert_eq!((error.code.as_str(), error.position, error.lost), ("42601", Some(16), false), "{error}");
        let missing = session.client.batch_execute("SELECT * FROM nowhere").await.unwrap_err();
        assert_eq!(session.explain(&missing).code, "42P01");
    });
}

/// S0.1: the temporary server of an image's first-start scripts listens on its socket only, told so on its command
/// line.
#[test]
fn a_temporary_server_is_recognised() {
    let cluster = Cluster::start();
    cluster.stop_fast();
    let temporary = Temporary::start(&cluster);
    let facts = testkit::wait_for(Duration::from_secs(20), "the temporary server", || {
        asked(&unix(&cluster), Access::ReadWrite).ok()
    });
    assert!(facts.socket_only_by_command_line, "{facts:?}");
    assert!(facts.up < Duration::from_secs(25));
    drop(temporary);
}

/// A server started on the data directory of a stopped cluster, as an image's entrypoint does it.
struct Temporary(std::process::Child);

impl Temporary {
    #[expect(clippy::disallowed_methods, reason = "a test starts a server in an unusual way")]
    fn start(cluster: &Cluster) -> Self {
        use std::os::unix::{fs::MetadataExt, process::CommandExt};
        let owner = std::fs::metadata(cluster.data_dir()).unwrap();
        let mut command = std::process::Command::new(testkit::find_component("postgres"));
        command.arg("-D").arg(cluster.data_dir()).args(["-c", "listen_addresses="]);
        // Only root may, and need, become somebody else.
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.uid(owner.uid()).gid(owner.gid());
        }
        let quiet = std::process::Stdio::null;
        Self(command.stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn().unwrap())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A crash while we log in is a WARNING and then nothing.
#[test]
fn a_crash_while_logging_in_is_known_by_its_warning() {
    let server = FakePostgres::start([Answer::crash(), Answer::HangUp, Answer::recovering()]);
    let dsn = PostgresDsn { sslmode: SslMode::Disable, ..dsn(Host::Tcp("127.0.0.1".into(), server.port())) };
    let crash = refused(&dsn);
    assert_eq!((crash.state, crash.code.as_deref()), (ServerState::Recovering, Some("57P02")), "{crash}");
    let silent = refused(&dsn);
    assert_eq!((silent.state, silent.patience), (ServerState::Down, Patience::Deadline), "{silent}");
    assert_eq!(refused(&dsn).code.as_deref(), Some("57P03"));
    assert_eq!(server.connections().len(), 3, "one connection per try");
}

/// `pg_hba.conf` may insist on TLS, or on its absence: `allow` and `prefer` find the way.
#[test]
fn the_way_that_is_admitted_is_found() {
    let made = Certificates::make();
    let [certificate, key] = ["server.crt", "server.key"].map(|name| made.dir.read(name));
    for (rule, mode, tls) in [
        ("hostnossl all all 127.0.0.1/32 reject", SslMode::Allow, true),
        ("hostssl all all 127.0.0.1/32 reject", SslMode::Prefer, false),
    ] {
        let cluster = Cluster::builder().hba(rule).tls(certificate.as_str(), key.as_str()).start();
        let encrypted = run(async {
            let session = connect(&PostgresDsn { sslmode: mode, ..tcp(&cluster) }, "test", LIMIT).await.unwrap();
            let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            session.client.query_one(sql, &[]).await.unwrap().get::<_, bool>(0)
        });
        assert_eq!(encrypted, tls, "{mode:?}");
        let strict = if tls { SslMode::Disable } else { SslMode::Require };
        let refusal = refused(&PostgresDsn { sslmode: strict, ..tcp(&cluster) });
        assert_eq!(refusal.code.as_deref(), Some("28000"), "{refusal}");
    }
}

/// A server without TLS that does not admit us is asked once, not twice.
#[test]
fn a_refusal_by_pg_hba_costs_one_line() {
    let cluster = Cluster::builder().hba("host all all 127.0.0.1/32 reject").start();
    let refusal = refused(&tcp(&cluster));
    assert_eq!(refusal.code.as_deref(), Some("28000"), "{refusal}");
    assert_eq!(cluster.log().matches("FATAL").count(), 1, "{}", cluster.log());
}

/// A server that wants a certificate of the client, and a client that wants SCRAM bound to the channel.
#[test]
fn a_client_certificate_is_shown_and_scram_is_bound_to_the_channel() {
    let made = Certificates::make();
    let [certificate, key] = ["server.crt", "server.key"].map(|name| made.dir.read(name));
    let cluster = Cluster::builder()
        .password("right horse")
        .hba("hostssl all app 127.0.0.1/32 scram-sha-256 clientcert=verify-ca")
        .file("root.crt", made.dir.read("root.crt"))
        .conf("ssl_ca_file = 'root.crt'")
        .tls(certificate, key)
        .start();
    let bound = PostgresDsn {
        user: "app".into(),
        database: "app".into(),
        password: Some("right horse".into()),
        sslmode: SslMode::Require,
        channel_binding: ChannelBinding::Require,
        sslcert: Some(made.path("server.crt")),
        sslkey: Some(made.path("server.key")),
        ..tcp(&cluster)
    };
    assert_eq!(asked(&bound, Access::ReadWrite).map(|facts| facts.state), Ok(ServerState::Ready));
    let bare = refused(&PostgresDsn { sslcert: None, sslkey: None, ..bound.clone() });
    assert_eq!(bare.state, ServerState::Denied, "{bare}");
    let plain = refused(&PostgresDsn { sslmode: SslMode::Disable, ..bound });
    assert_ne!(plain.state, ServerState::Ready, "{plain}");
}

/// A key and a certificate for `localhost`, made by an authority; and another authority.
struct Certificates {
    dir: testkit::TempDir,
}

impl Certificates {
    fn make() -> Self {
        let made = Self { dir: testkit::TempDir::new() };
        let new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
        for name in ["root", "other", "own"] {
            let extra =
                if name == "own" { "subjectAltName=DNS:localhost" } else { "basicConstraints=critical,CA:TRUE" };
            let subject = format!("/CN={name}");
            let (key, crt) = (made.name(name, "key"), made.name(name, "crt"));
            made.openssl(&[&new[..], &["-subj", &subject, "-addext", extra, "-keyout", &key, "-out", &crt]].concat());
        }
        let request =
            ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost"];
        made.openssl(&[&request[..], &["-keyout", "server.key", "-out", "server.csr"]].concat());
        made.dir.write("san", "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n");
        let sign = [
            "x509",
            "-req",
            "-in",
            "server.csr",
            "-CA",
            "root.crt",
            "-CAkey",
            "root.key",
            "-CAcreateserial",
            "-days",
            "2",
        ];
        made.openssl(&[&sign[..], &["-extfile", "san", "-out", "server.crt"]].concat());
        made
    }

    #[expect(clippy::disallowed_methods, reason = "a test makes its own certificates")]
    fn openssl(&self, arguments: &[&str]) {
        let output = std::process::Command::new(testkit::find_component("openssl"))
            .args(arguments)
            .current_dir(self.dir.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn name(&self, name: &str, kind: &str) -> String {
        format!("{name}.{kind}")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn cluster(&self, name: &str) -> Cluster {
        let [certificate, key] = ["crt", "key"].map(|kind| self.dir.read(&format!("{name}.{kind}")));
        Cluster::builder().tls(certificate, key).start()
    }
}

/// `sslmode` and `sslrootcert` mean what libpq's manual says, wrong host name included.
#[test]
fn tls_is_as_strict_as_asked() {
    let made = Certificates::make();
    let cluster = made.cluster("server");
    let at = |host: &str, sslmode, root: Option<&str>| {
        let sslrootcert = root.map(|root| made.path(root).display().to_string());
        let dsn =
            PostgresDsn { hosts: vec![Host::Tcp(host.into(), cluster.port())], sslmode, sslrootcert, ..tcp(&cluster) };
        run(async {
            let session = connect(&dsn, "test", LIMIT).await?;
            let row = session
                .client
                .query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[])
                .await
                .unwrap();
            Ok::<bool, Refusal>(row.get(0))
        })
    };
    assert_eq!(at("localhost", SslMode::Disable, None), Ok(false));
    assert_eq!(at("localhost", SslMode::Allow, None), Ok(false));
    assert_eq!(at("localhost", SslMode::Prefer, None), Ok(true));
    assert_eq!(at("127.0.0.1", SslMode::Require, None), Ok(true));
    assert_eq!(at("127.0.0.1", SslMode::VerifyCa, Some("root.crt")), Ok(true));
    assert_eq!(at("localhost", SslMode::VerifyFull, Some("root.crt")), Ok(true));

    let stranger = |sslmode| at("localhost", sslmode, Some("other.crt")).unwrap_err();
    for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
        let refusal = stranger(mode);
        assert!(refusal.message.contains("not issued by a trusted authority"), "{mode:?}: {refusal}");
        assert_eq!((refusal.state, refusal.patience), (ServerState::Denied, Patience::None));
    }
    let misnamed = at("127.0.0.1", SslMode::VerifyFull, Some("root.crt")).unwrap_err();
    assert!(misnamed.message.contains("is for another host"), "{misnamed}");
    let unreadable = at("localhost", SslMode::VerifyFull, Some("none.crt")).unwrap_err();
    assert!(unreadable.message.contains("none.crt"), "{unreadable}");
}

/// A server that made its own certificate: that very file may be the trusted one.
#[test]
fn an_own_certificate_can_be_trusted() {
    let made = Certificates::make();
    let cluster = made.cluster("own");
    let at = |host: &str, sslmode| {
        let sslrootcert = Some(made.path("own.crt").display().to_string());
        let dsn =
            PostgresDsn { hosts: vec![Host::Tcp(host.into(), cluster.port())], sslmode, sslrootcert, ..tcp(&cluster) };
        run(connect(&dsn, "test", LIMIT)).map(|_| ())
    };
    assert_eq!(at("localhost", SslMode::VerifyFull), Ok(()));
    assert_eq!(at("127.0.0.1", SslMode::VerifyCa), Ok(()));
    assert!(at("127.0.0.1", SslMode::VerifyFull).unwrap_err().message.contains("another host"));
}

#[test]
fn a_server_without_tls_is_refused_when_tls_is_a_must() {
    let cluster = Cluster::start();
    let refusal = refused(&PostgresDsn { sslmode: SslMode::Require, ..tcp(&cluster) });
    assert_eq!((refusal.state, refusal.patience), (ServerState::Denied, Patience::None));
    assert!(refusal.message.contains("does not offer TLS"), "{refusal}");
    assert!(
        asked(&PostgresDsn { sslmode: SslMode::Require, ..unix(&cluster) }, Access::ReadWrite).is_ok(),
        "no TLS over a unix socket"
    );
}
