//! `postmaster.pid`. Lines: `src/include/utils/pidfile.h` of PostgreSQL.

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

impl PostmasterStatus {
    /// From the text of `postmaster.pid`; none while the line is not written yet.
    pub fn parse(pid_file: &str) -> Option<Self> {
        match pid_file.lines().nth(7)?.trim() {
            "starting" => Some(Self::Starting),
            "ready" => Some(Self::Ready),
            "standby" => Some(Self::Standby),
            "stopping" => Some(Self::Stopping),
            _ => None,
        }
    }

    /// Does it let clients in?
    pub fn is_open(self) -> bool {
        matches!(self, Self::Ready | Self::Standby)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "4711\n/var/lib/postgresql/15/main\n1700000000\n5432\n/var/run/postgresql\nlocalhost\n  5432001     32768\nready   \n";

    #[test]
    fn the_last_line_is_the_status() {
        assert_eq!(PostmasterStatus::parse(TEXT), Some(PostmasterStatus::Ready));
        let of = |word| PostmasterStatus::parse(&TEXT.replace("ready", word));
        assert_eq!(of("standby"), Some(PostmasterStatus::Standby));
        assert_eq!(of("starting"), Some(PostmasterStatus::Starting));
        assert_eq!(of("stopping"), Some(PostmasterStatus::Stopping));
        assert_eq!(of("dancing"), None);
    }

    #[test]
    fn a_socket_only_server_and_one_that_has_just_begun() {
        assert_eq!(PostmasterStatus::parse(&TEXT.replace("localhost", "")), Some(PostmasterStatus::Ready));
        assert_eq!(PostmasterStatus::parse("4711\n/data\n"), None);
        assert_eq!(PostmasterStatus::parse(""), None);
    }

    proptest! {
        #[test]
        fn any_part_of_it_is_read_without_panic(end in 0usize..130) {
            let _ = PostmasterStatus::parse(&TEXT[..end.min(TEXT.len())]);
        }
    }
}
