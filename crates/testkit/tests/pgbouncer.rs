//! The maker of a real PgBouncer makes what it says.
#![expect(clippy::disallowed_methods, reason = "a client of PgBouncer is a program of its own")]

use std::process::Command;
use testkit::{Cluster, PgBouncer, find_component};

/// Runs SQL through PgBouncer as any client would; the rows, `|` between columns.
fn psql(bouncer: &PgBouncer, sql: &str) -> String {
    let output = Command::new(find_component("psql")).args(["-XAtq", &bouncer.url(), "-c", sql]).output();
    let output = output.expect("cannot run psql");
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), bouncer.log());
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// In transaction mode a session of the server outlives its client, with whatever the client left in it.
#[test]
fn clients_share_the_sessions_of_the_server() {
    let cluster = Cluster::start();
    let bouncer = PgBouncer::with_pool(&cluster, 1);
    let first = psql(&bouncer, "select pg_backend_pid() || '|' || pg_try_advisory_lock(7)");
    let second = psql(&bouncer, "select pg_backend_pid() || '|' || count(*) from pg_locks where locktype = 'advisory'");
    assert_eq!(first.split('|').next(), second.split('|').next());
    assert!(second.ends_with("|1"), "the lock outlives the client: {second}");
    bouncer.kill9();
    assert!(std::net::TcpStream::connect(("127.0.0.1", bouncer.port())).is_err());
}
