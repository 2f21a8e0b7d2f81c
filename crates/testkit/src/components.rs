//! Where the real programs are, and how to get the missing ones.
use std::path::{Path, PathBuf};

/// Debian package of each program that tests start.
const PACKAGES: &[(&str, &str)] = &[
    ("postgres", "postgresql"),
    ("initdb", "postgresql"),
    ("pg_ctl", "postgresql"),
    ("pg_basebackup", "postgresql"),
    ("pg_controldata", "postgresql"),
    ("pg_isready", "postgresql-client"),
    ("psql", "postgresql-client"),
    ("pg_dump", "postgresql-client"),
    ("pg_restore", "postgresql-client"),
    ("pgbouncer", "pgbouncer"),
    ("pebble", "pebble"),
    ("pebble-challtestsrv", "pebble"),
    ("nginx", "nginx-light"),
    ("curl", "curl"),
    ("redis-server", "redis-server"),
    ("setpriv", "util-linux"),
    ("ipcrm", "util-linux"),
    ("openssl", "openssl"),
    ("tmux", "tmux"),
    ("git", "git"),
    ("sshd", "openssh-server"),
    ("ssh-keygen", "openssh-client"),
];

/// The path of a program; panics with the command that installs it when it is missing.
///
/// PostgreSQL's programs are looked for in `TESTKIT_PG_BIN`, then in the newest `/usr/lib/postgresql/*/bin`, then in `PATH`.
#[track_caller]
pub fn find(program: &str) -> PathBuf {
    directories(program).into_iter().map(|directory| directory.join(program)).find(|path| path.is_file()).unwrap_or_else(|| {
        let package = PACKAGES.iter().find(|(name, _)| *name == program).map_or(program, |(_, package)| package);
        panic!("`{program}` is missing; install it: apt-get update && apt-get install -y --no-install-recommends {package}")
    })
}

fn directories(program: &str) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    if PACKAGES.iter().any(|(name, package)| *name == program && package.starts_with("postgresql")) {
        directories.extend(std::env::var_os("TESTKIT_PG_BIN").map(PathBuf::from));
        directories.extend(packaged_postgres());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    directories.extend(std::env::split_paths(&path));
    directories.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    directories
}

/// Debian's directories of PostgreSQL's programs, newest version first.
fn packaged_postgres() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> =
        entries.filter_map(|entry| Some((version(&entry.path())?, entry.path().join("bin")))).collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, directory)| directory).collect()
}

fn version(directory: &Path) -> Option<u32> {
    directory.file_name()?.to_str()?.parse().ok()
}
