//! The titles that PostgreSQL gives its processes (`update_process_title`, on by default), such as
//! `postgres: startup recovering 00000001000000000000003A`. A `cluster_name` may stand after the first colon.

use super::Segment;

/// What the startup process does, which replays the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Startup {
    /// It has not begun to replay: it may be syncing the data directory to the disk.
    Preparing,
    /// It replays this segment.
    Replaying(Segment),
    /// It waits for a segment, from the archive or the primary.
    Waiting,
}

impl Startup {
    /// From the title of a process; none when that is not a startup process.
    pub fn parse(title: &str) -> Option<Self> {
        match words(title).as_slice() {
            // Before PostgreSQL 11 it is called "startup process".
            ["startup", "process", doing @ ..] | ["startup", doing @ ..] => Self::of(doing),
            _ => None,
        }
    }

    /// A backend of the role `startup` has other words: a database, an address.
    fn of(doing: &[&str]) -> Option<Self> {
        match doing {
            ["recovering", segment, ..] => Segment::parse(segment).map(Self::Replaying),
            ["waiting", "for", ..] => Some(Self::Waiting),
            [] | ["performing", ..] => Some(Self::Preparing),
            _ => None,
        }
    }
}

/// Is it the title of a process that makes the checkpoint at the end of recovery? That is the checkpointer, before
/// PostgreSQL 15 the startup process.
pub fn is_final_checkpoint(title: &str) -> bool {
    matches!(words(title)[..], ["checkpointer" | "startup", "performing", "end-of-recovery", ..])
}

/// Is it the title of the process that follows a primary?
pub fn is_wal_receiver(title: &str) -> bool {
    words(title).first() == Some(&"walreceiver")
}

/// What follows `postgres: ` and the cluster's name; nothing when it is no process of PostgreSQL.
fn words(title: &str) -> Vec<&str> {
    let rest = title.strip_prefix("postgres: ").unwrap_or_default();
    rest.split_once(": ").map_or(rest, |(_, rest)| rest).split_ascii_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn titles_of_startup_processes() {
        let replaying = Some(Startup::Replaying(Segment::parse("0000000100000002000000AB").unwrap()));
        let rows = [
            ("postgres: startup recovering 0000000100000002000000AB", replaying),
            ("postgres: 15/main: startup recovering 0000000100000002000000AB", replaying),
            ("postgres: startup process   recovering 0000000100000002000000AB", replaying),
            ("postgres: startup waiting for 0000000100000002000000AB", Some(Startup::Waiting)),
            ("postgres: main: startup   waiting for 0000000100000002000000AB", Some(Startup::Waiting)),
            ("postgres: startup ", Some(Startup::Preparing)),
            ("postgres: startup", Some(Startup::Preparing)),
            ("postgres: startup performing end-of-recovery checkpoint", Some(Startup::Preparing)),
            ("postgres: checkpointer ", None),
            ("postgres: startups app [local] idle", None),
            ("postgres: startup app 127.0.0.1(4) idle", None),
            ("postgres: startup_user db 127.0.0.1(4) idle", None),
            ("startup recovering 0000000100000002000000AB", None),
            ("vim startup recovering 0000000100000002000000AB", None),
        ];
        for (title, expected) in rows {
            assert_eq!(Startup::parse(title), expected, "{title}");
        }
    }

    #[test]
    fn titles_of_other_processes() {
        for title in [
            "postgres: checkpointer performing end-of-recovery checkpoint",
            "postgres: main: startup performing end-of-recovery checkpoint",
        ] {
            assert!(is_final_checkpoint(title), "{title}");
        }
        assert!(!is_final_checkpoint("postgres: checkpointer performing shutdown checkpoint"));
        assert!(is_wal_receiver("postgres: walreceiver streaming 0/3000148"));
        assert!(!is_wal_receiver("postgres: walwriter "));
    }

    proptest! {
        #[test]
        fn nothing_panics(title: String) {
            for title in [title.clone(), format!("postgres: {title}"), format!("postgres: startup{title}")] {
                let _ = (Startup::parse(&title), is_final_checkpoint(&title), is_wal_receiver(&title));
            }
        }
    }
}
