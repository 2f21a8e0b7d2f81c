//! The title of the startup process, which replays the log: `postgres: startup recovering 00000001000000000000003A`.

use super::Segment;

/// How far a start has come, as the title of the startup process tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It has not begun to replay: it may be syncing the data directory to the disk.
    Preparing,
    /// It replays this segment.
    Replaying(Segment),
    /// It waits for this segment, from the archive or the primary.
    Waiting(Segment),
    /// Replay is over, the last checkpoint is being made.
    Checkpoint,
}

/// The phase, when `title` is that of a startup process. A `cluster_name` may stand before it.
pub fn phase(title: &str) -> Option<Phase> {
    let rest = title.trim_end().strip_prefix("postgres: ")?;
    let doing = after_name(rest)?.trim_start();
    let (verb, object) = doing.rsplit_once(' ').unwrap_or((doing, ""));
    match (verb.trim_end(), object.parse()) {
        ("recovering", Ok(segment)) => Some(Phase::Replaying(segment)),
        ("waiting for", Ok(segment)) => Some(Phase::Waiting(segment)),
        _ if doing.contains("checkpoint") => Some(Phase::Checkpoint),
        _ => Some(Phase::Preparing),
    }
}

/// What follows `startup` (before PostgreSQL 11: `startup process`), which is a word of its own.
fn after_name(rest: &str) -> Option<&str> {
    let named = rest.strip_prefix("startup").or_else(|| rest.split_once(": startup").map(|(_, after)| after))?;
    let whole = named.is_empty() || named.starts_with(' ');
    let named = named.strip_prefix(" process").unwrap_or(named);
    whole.then_some(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn titles_are_read() {
        let segment: Segment = "00000001000000000000000A".parse().unwrap();
        let rows = [
            ("postgres: startup recovering 00000001000000000000000A", Some(Phase::Replaying(segment))),
            ("postgres: 15/main: startup recovering 00000001000000000000000A", Some(Phase::Replaying(segment))),
            ("postgres: startup process   recovering 00000001000000000000000A", Some(Phase::Replaying(segment))),
            ("postgres: startup waiting for 00000001000000000000000A", Some(Phase::Waiting(segment))),
            ("postgres: startup ", Some(Phase::Preparing)),
            ("postgres: startup", Some(Phase::Preparing)),
            ("postgres: startup performing end-of-recovery checkpoint", Some(Phase::Checkpoint)),
            ("postgres: checkpointer ", None),
            ("postgres: startups app [local] idle", None),
            ("startup recovering 00000001000000000000000A", None),
        ];
        for (title, expected) in rows {
            assert_eq!(phase(title), expected, "{title}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(title: String) {
            let _ = phase(&title);
            let _ = phase(&format!("postgres: {title}"));
        }
    }
}
