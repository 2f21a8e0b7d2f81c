//! The titles that PostgreSQL gives its processes (`update_process_title`, on by default).

/// What the title of a startup process says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Title {
    /// Nothing yet.
    Beginning,
    /// It replays this segment.
    Recovering(Segment),
    /// It waits for a segment.
    Waiting,
}

/// A file of the write-ahead log, by its name of 24 hexadecimal digits: timeline, and two halves of its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    pub(super) timeline: u32,
    high: u32,
    low: u32,
}

impl Segment {
    /// The segment of this file name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let hex = |range| u32::from_str_radix(name.get(range)?, 16).ok();
        let right = name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        right.then_some(())?;
        Some(Self { timeline: hex(0..8)?, high: hex(8..16)?, low: hex(16..24)? })
    }

    /// Its first byte in the log, when segments are `size` long.
    pub(super) fn start(self, size: u64) -> u64 {
        (u64::from(self.high) << 32) + u64::from(self.low) * size
    }
}

/// What `title` says, if it is that of a startup process. With `cluster_name` set, that name stands in between.
pub(super) fn startup(title: &str) -> Option<Title> {
    let words: Vec<_> = rest(title)?.split_ascii_whitespace().collect();
    match words.as_slice() {
        ["startup", "recovering", segment, ..] => {
            Some(Segment::parse(segment).map_or(Title::Beginning, Title::Recovering))
        }
        ["startup", "waiting", ..] => Some(Title::Waiting),
        ["startup", ..] => Some(Title::Beginning),
        _ => None,
    }
}

/// The checkpointer at the checkpoint that ends recovery.
pub(super) fn is_final_checkpoint(title: &str) -> bool {
    rest(title).is_some_and(|rest| rest.starts_with("checkpointer performing end-of-recovery"))
}

/// The process that follows a primary.
pub(super) fn is_wal_receiver(title: &str) -> bool {
    rest(title).is_some_and(|rest| rest.starts_with("walreceiver"))
}

fn rest(title: &str) -> Option<&str> {
    let rest = title.strip_prefix("postgres: ")?;
    Some(rest.split_once(": ").map_or(rest, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_of_startup_processes() {
        let segment = Segment::parse("0000000100000002000000AB").unwrap();
        assert_eq!(startup("postgres: startup recovering 0000000100000002000000AB"), Some(Title::Recovering(segment)));
        assert_eq!(startup("postgres: main: startup   waiting for 0000000100000002000000AB"), Some(Title::Waiting));
        assert_eq!(startup("postgres: startup "), Some(Title::Beginning));
        assert_eq!(startup("postgres: checkpointer "), None);
        assert_eq!(startup("postgres: startup_user db 127.0.0.1(4) idle"), None);
        assert_eq!(startup("vim startup recovering 0000000100000002000000AB"), None);
    }

    #[test]
    fn a_segment_knows_its_place() {
        let segment = Segment::parse("0000000100000002000000AB").unwrap();
        assert_eq!((segment.timeline, segment.start(16 << 20)), (1, 0x2_AB00_0000));
        assert_eq!(Segment::parse("00000001000000020000ABZZ"), None);
        assert_eq!(Segment::parse("0000000100000002000000AB.partial"), None);
    }
}
