//! The makers of real PostgreSQL servers make what they say.
#![expect(clippy::disallowed_methods, reason = "the kit is checked with the real client and by a process to kill")]
#![expect(clippy::print_stdout, reason = "one test tells another its server's process id")]
use std::process::Command;
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

#[test]
fn demands_passwords_and_speaks_tls() {
    let dir = testkit::TempDir::new();
    let (key, certificate) = (dir.path().join("key.pem"), dir.path().join("certificate.pem"));
    let mut openssl = Command::new(testkit::find_component("openssl"));
    openssl
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout"])
        .arg(&key);
    assert!(openssl.arg("-out").arg(&certificate).output().unwrap().status.success());
    let cluster = Cluster::builder().password("p'w").tls(dir.read("certificate.pem"), dir.read("key.pem")).start();

    let psql = |url: String| {
        let mut psql = Command::new(testkit::find_component("psql"));
        let output = psql
            .env_clear()
            .args(["-XAtwc", "select ssl from pg_stat_ssl where pid = pg_backend_pid()", &url])
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    assert_eq!(psql(cluster.url_of("app:p'w", "app") + "?sslmode=require"), "t\n");
    assert_eq!(psql(cluster.url_of("app:p'w", "app") + "?sslmode=disable"), "f\n");
    let refused = psql(cluster.url_of("app:wrong", "app"));
    assert!(refused.contains("password authentication failed for user \"app\""), "{refused}");
    assert_eq!(psql(cluster.socket_url()), "f\n");
}

/// A killed test run leaves no server behind.
#[test]
fn dies_with_the_process_that_made_it() {
    let mut running = testkit::Test::new(std::env::current_exe().unwrap())
        .env("TESTKIT_HOLD_A_CLUSTER", "1")
        .args(["--exact", "holds_a_cluster_when_asked", "--nocapture"])
        .spawn();
    let line = running.wait_for_line("holding ", LIMIT);
    let pid: u32 = line.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(std::path::Path::new(&format!("/proc/{pid}")).exists());
    running.kill9();
    testkit::wait_until(LIMIT, "the server is gone", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    });
}

/// The kernel has 4,096 segments for all: a run of all tests would use them up.
#[test]
fn leaves_no_shared_memory_behind() {
    let cluster = Cluster::start();
    let text = std::fs::read_to_string(cluster.data_dir().join("postmaster.pid")).unwrap();
    let segment: Vec<&str> = text.lines().nth(6).unwrap().split_whitespace().collect();
    let used = || {
        let table = std::fs::read_to_string("/proc/sysvipc/shm").unwrap();
        table.lines().any(|line| line.split_whitespace().take(2).eq(segment.iter().copied()))
    };
    assert!(used(), "{text}");
    drop(cluster);
    assert!(!used());
}

/// The other half of `dies_with_the_process_that_made_it`, which kills it.
#[test]
fn holds_a_cluster_when_asked() {
    if std::env::var_os("TESTKIT_HOLD_A_CLUSTER").is_some() {
        let cluster = Cluster::start();
        println!("\nholding {}", cluster.pid());
        std::thread::sleep(Duration::from_secs(60));
    }
}
