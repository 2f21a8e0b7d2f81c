//! What is read from a local server's files, against what the server itself says.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use database::postgres::local::{ClusterState, ControlFile, Lsn, Phase, PidFile, PostmasterStatus, phase};
use host::fs;
use testkit::Cluster;

fn control(cluster: &Cluster) -> ControlFile {
    let bytes = fs::read(&cluster.data_dir().join("global/pg_control"), 16 * 1024).unwrap();
    ControlFile::parse(&bytes).unwrap()
}

/// The same numbers as `pg_controldata`, which reads the same file, shows through SQL.
#[test]
fn the_control_file_is_read_as_the_server_reads_it() {
    let cluster = Cluster::start();
    cluster.psql("CHECKPOINT");
    let seen = control(&cluster);
    let text = cluster.psql(
        "SELECT (SELECT system_identifier FROM pg_control_system()) || ' ' || checkpoint_lsn || ' ' || redo_lsn || ' ' || timeline_id FROM pg_control_checkpoint()",
    );
    assert_eq!(format!("{} {} {} {}", seen.system_identifier, seen.checkpoint, seen.redo, seen.timeline), text.trim());
    assert_eq!(seen.state, ClusterState::InProduction);
    cluster.stop_fast();
    assert_eq!(control(&cluster).state, ClusterState::ShutDown);
}

/// The very words of `pg_controldata`.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test compares with PostgreSQL's own tool")]
fn the_control_file_is_read_as_pg_controldata_reads_it() {
    let cluster = Cluster::start();
    cluster.stop_fast();
    let tool = testkit::find_component("pg_controldata");
    let output = std::process::Command::new(tool).arg(cluster.data_dir()).env("LC_ALL", "C").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let seen = control(&cluster);
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap();
    assert_eq!(value("Database system identifier:"), seen.system_identifier.to_string());
    assert_eq!(value("Database cluster state:"), "shut down");
    assert_eq!(value("Latest checkpoint location:").parse(), Ok(seen.checkpoint));
    assert_eq!(value("Latest checkpoint's REDO location:").parse(), Ok(seen.redo));
    assert_eq!(value("Latest checkpoint's TimeLineID:"), seen.timeline.to_string());
}

#[test]
fn the_pid_file_is_the_servers() {
    let cluster = Cluster::start();
    let read =
        || PidFile::parse(&fs::read_to_string(&cluster.data_dir().join("postmaster.pid"), 4096).unwrap()).unwrap();
    let file = read();
    assert_eq!(
        (file.pid, file.port, file.status),
        (cluster.pid(), Some(cluster.port()), Some(PostmasterStatus::Ready))
    );
    assert_eq!(file.socket_directory.as_deref(), Some(cluster.socket_dir()));
    assert_eq!(file.listen_address.as_deref(), Some("127.0.0.1"));
}

/// S0.8: how far recovery has come, without a connection.
#[test]
fn a_recovery_is_seen_from_outside() {
    let (cluster, held) = Cluster::crashed_and_held();
    let title = fs::read(std::path::Path::new(&format!("/proc/{}/cmdline", held.pid())), 4096).unwrap();
    let title = String::from_utf8_lossy(&title).replace('\0', " ");
    let Some(Phase::Replaying(segment)) = phase(&title) else { panic!("{title}") };
    let control = control(&cluster);
    assert_eq!(control.state, ClusterState::InCrashRecovery);
    let end = segment.end(database::postgres::local::SEGMENT_SIZE);
    assert!(end > control.redo && control.redo > Lsn(0), "{end} {}", control.redo);
    let file = PidFile::parse(&fs::read_to_string(&cluster.data_dir().join("postmaster.pid"), 4096).unwrap()).unwrap();
    assert_eq!(file.status, Some(PostmasterStatus::Starting));
    held.release();
}
