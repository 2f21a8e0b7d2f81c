//! Brings the machine what the tests need.
use crate::peers;
use crate::task::{Done, Failure, step, works};
use std::path::Path;
use std::process::Command;

/// A program that tests start, and the Debian package that has it.
#[derive(Clone, Copy)]
pub(crate) struct Need {
    pub(crate) program: &'static str,
    /// One or more, with spaces between them.
    pub(crate) package: &'static str,
    pub(crate) found: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need { program: "postgres (15 or newer)", package: "postgresql", found: has_postgres },
    Need { program: "psql", package: "postgresql-client", found: || works("psql", &["--version"]) },
    Need { program: "pgbouncer", package: "pgbouncer", found: has_pgbouncer },
    Need { program: "redis-server", package: "redis-server", found: || works("redis-server", &["--version"]) },
    Need { program: "pebble", package: "pebble", found: || works("pebble", &["-h"]) },
    Need { program: "nginx", package: "nginx-light", found: || works("/usr/sbin/nginx", &["-v"]) },
    Need { program: "git", package: "git", found: || works("git", &["--version"]) },
    Need { program: "openssl", package: "openssl", found: || works("openssl", &["version"]) },
    Need { program: "python3", package: "python3", found: || works("python3", &["--version"]) },
    Need { program: "PyYAML", package: "python3-yaml", found: || works("python3", &["-c", "import yaml"]) },
    Need { program: "curl", package: "curl", found: || works("curl", &["--version"]) },
    Need { program: "age", package: "age", found: || works("age", &["--version"]) },
    Need { program: "zstd", package: "zstd", found: || works("zstd", &["--version"]) },
    Need { program: "sqlite3", package: "sqlite3", found: || works("sqlite3", &["--version"]) },
    Need { program: "tmux", package: "tmux", found: || works("tmux", &["-V"]) },
    Need { program: "setpriv", package: "util-linux", found: || works("setpriv", &["--version"]) },
    Need { program: "sshd", package: "openssh-server openssh-client", found: has_sshd },
    Need { program: "systemd-notify", package: "systemd", found: || works("systemd-notify", &["--version"]) },
    Need { program: "a C compiler", package: "gcc libc6-dev", found: || works("cc", &["--version"]) },
];

/// What the ordinary tests need.
pub(crate) fn run() -> Done {
    bring(NEEDS)
}

/// The same, and the other migration tools with what they need.
pub(crate) fn with_peers() -> Done {
    bring(&[NEEDS, peers::NEEDS].concat())?;
    peers::fetch()
}

/// Installs what is missing when we are root; else names the command.
pub(crate) fn bring(needs: &[Need]) -> Done {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.found)()).collect();
    if missing.is_empty() {
        println!("setup: everything is there");
        return Ok(());
    }
    let programs: Vec<&str> = missing.iter().map(|need| need.program).collect();
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.package.split(' ')).collect();
    println!("setup: missing {}", programs.join(", "));
    if !can_install() {
        let packages = packages.join(" ");
        let command = format!("sudo apt-get update && sudo apt-get install -y --no-install-recommends {packages}");
        return Err(Failure::Usage(format!("error: the tests need {}\n hint: {command}", programs.join(", "))));
    }
    install(&packages)?;
    let still: Vec<&str> = needs.iter().filter(|need| !(need.found)()).map(|need| need.program).collect();
    if still.is_empty() {
        Ok(())
    } else {
        Err(Failure::Usage(format!("error: still missing after apt-get: {}", still.join(", "))))
    }
}

/// The servers' own clusters are of no use to tests: nothing is created and nothing started.
fn install(packages: &[&str]) -> Done {
    if packages.contains(&"postgresql") {
        no_default_cluster()?;
    }
    step("apt-get update", apt(&["update", "-q"]))?;
    step("apt-get install", apt(&[&["install", "-y", "-q", "--no-install-recommends"], packages].concat()))
}

/// `postgresql-common` asks this file whether to make a cluster; a person's own is left alone.
fn no_default_cluster() -> Done {
    let file = Path::new("/etc/postgresql-common/createcluster.d/mainstay-tests.conf");
    let made = file
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(file, "create_main_cluster = false\n"));
    made.map_err(|error| Failure::Failed(format!("cannot write {}: {error}", file.display())))
}

fn apt(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(std::process::Stdio::null());
    command
}

fn can_install() -> bool {
    rustix::process::geteuid().is_root() && works("apt-get", &["--version"])
}

/// Debian keeps it out of the `PATH` of ordinary users.
/// It is asked for nothing: without a key of the machine it could not answer.
fn has_sshd() -> bool {
    Path::new("/usr/sbin/sshd").exists() && works("ssh", &["-V"])
}

fn has_pgbouncer() -> bool {
    works("pgbouncer", &["--version"]) || works("/usr/sbin/pgbouncer", &["--version"])
}

/// Debian keeps the server out of `PATH`.
fn has_postgres() -> bool {
    let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let new_enough = packaged.filter(|entry| {
        entry.file_name().to_str().and_then(|name| name.parse().ok()).is_some_and(|version: u32| version >= 15)
    });
    new_enough.into_iter().any(|entry| entry.path().join("bin/initdb").exists()) || has_postgres_in_path()
}

fn has_postgres_in_path() -> bool {
    let output = Command::new("initdb").arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let major = text.split_whitespace().last().and_then(|version| version.split('.').next()?.parse().ok());
    major.is_some_and(|major: u32| major >= 15)
}
