//! What is read from a local server's files, against what the server itself says.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use database::postgres::local::{CONTROL_FILE, Lsn, PostmasterStatus, SEGMENT_SIZE, Startup, redo_start};
use host::{fs, proc::Process};
use testkit::Cluster;

fn redo(cluster: &Cluster) -> Lsn {
    let bytes = fs::read(&cluster.data_dir().join("global/pg_control"), CONTROL_FILE).unwrap();
    redo_start(&bytes).unwrap()
}

fn status(cluster: &Cluster) -> Option<PostmasterStatus> {
    PostmasterStatus::parse(&fs::read_to_string(&cluster.data_dir().join("postmaster.pid"), 4096).unwrap())
}

/// The same number as the server, which reads the same file, shows through SQL.
#[test]
fn the_control_file_is_read_as_the_server_reads_it() {
    let cluster = Cluster::start();
    cluster.psql("CHECKPOINT");
    assert_eq!(redo(&cluster).to_string(), cluster.psql("SELECT redo_lsn FROM pg_control_checkpoint()").trim());
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
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap();
    assert_eq!(value("Latest checkpoint's REDO location:"), redo(&cluster).to_string());
}

#[test]
fn the_pid_file_is_the_servers() {
    let cluster = Cluster::start();
    assert_eq!(status(&cluster), Some(PostmasterStatus::Ready));
}

/// S0.8: how far recovery has come, without a connection.
#[test]
fn a_recovery_is_seen_from_outside() {
    let (cluster, held) = Cluster::crashed_and_held();
    let title = Process::new(held.pid()).cmdline().unwrap();
    let Some(Startup::Replaying(segment)) = Startup::parse(&title) else { panic!("{title}") };
    let (begin, end) = (redo(&cluster), segment.end(SEGMENT_SIZE));
    assert!(end > begin && begin > Lsn(0), "{end} {begin}");
    assert_eq!(status(&cluster), Some(PostmasterStatus::Starting));
    held.release();
}
