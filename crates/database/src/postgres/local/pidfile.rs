//! `postmaster.pid`. Lines: `src/include/utils/pidfile.h` of PostgreSQL.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

/// What `postmaster.pid` says. Later lines are written later in the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PidFile {
    /// The postmaster; it may be long gone.
    pub pid: u32,
    /// The data directory.
    pub data_directory: PathBuf,
    /// When it was started.
    pub started: Option<SystemTime>,
    /// Its port.
    pub port: Option<u16>,
    /// The first directory with its socket.
    pub socket_directory: Option<PathBuf>,
    /// The first address on which it listens; none when it listens on its socket only.
    pub listen_address: Option<String>,
    /// What the postmaster says about itself.
    pub status: Option<PostmasterStatus>,
}

/// What the postmaster says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostmasterStatus {
    /// Not yet open to clients.
    Starting,
    /// Open, reads and writes.
    Ready,
    /// Open, reads only.
    Standby,
    /// Being shut down.
    Stopping,
}

impl PidFile {
    /// Reads the text of `postmaster.pid`; none when it makes no sense (yet).
    pub fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let line = |number: usize| lines.get(number - 1).copied().filter(|line| !line.is_empty());
        let seconds = |text: &str| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(text.parse().ok()?));
        Some(Self {
            pid: line(1)?.parse().ok()?,
            data_directory: line(2)?.into(),
            started: line(3).and_then(seconds),
            port: line(4).and_then(|port| port.parse().ok()),
            socket_directory: line(5).map(PathBuf::from),
            listen_address: line(6).map(str::to_owned),
            status: line(8).and_then(status),
        })
    }
}

fn status(word: &str) -> Option<PostmasterStatus> {
    match word {
        "starting" => Some(PostmasterStatus::Starting),
        "ready" => Some(PostmasterStatus::Ready),
        "standby" => Some(PostmasterStatus::Standby),
        "stopping" => Some(PostmasterStatus::Stopping),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "4711\n/var/lib/postgresql/15/main\n1700000000\n5432\n/var/run/postgresql\nlocalhost\n  5432001     32768\nready   \n";

    #[test]
    fn every_line_has_its_meaning() {
        let file = PidFile::parse(TEXT).unwrap();
        assert_eq!((file.pid, file.port, file.status), (4711, Some(5432), Some(PostmasterStatus::Ready)));
        assert_eq!(file.socket_directory, Some("/var/run/postgresql".into()));
        assert_eq!(file.started, SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1_700_000_000)));
    }

    #[test]
    fn a_socket_only_server_and_one_that_has_just_begun() {
        let silent = PidFile::parse(&TEXT.replace("localhost", "")).unwrap();
        assert_eq!((silent.listen_address, silent.status), (None, Some(PostmasterStatus::Ready)));
        let young = PidFile::parse("4711\n/data\n").unwrap();
        assert_eq!((young.port, young.status), (None, None));
        assert_eq!(PidFile::parse(""), None);
    }

    proptest! {
        #[test]
        fn any_part_of_it_is_read_without_panic(end in 0usize..130) {
            let _ = PidFile::parse(&TEXT[..end.min(TEXT.len())]);
        }
    }
}
