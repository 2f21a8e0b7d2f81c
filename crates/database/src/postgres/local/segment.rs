//! Places in the write-ahead log.

use std::fmt;

/// The usual size of a segment; `initdb --wal-segsize` chooses another, which is the size of the files in `pg_wal`.
pub const SEGMENT_SIZE: u64 = 16 * 1024 * 1024;

/// A place in the write-ahead log, in bytes from its beginning. Prints as `0/3A000000`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

/// A segment of the log, known by the name of its file: `00000001000000000000003A`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    /// Changes with every promotion and recovery to a point in time.
    pub timeline: u32,
    log: u32,
    number: u32,
}

impl Segment {
    /// The segment whose file has this name.
    pub fn parse(name: &str) -> Option<Self> {
        let digits = name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let part = |range| digits.then(|| u32::from_str_radix(name.get(range)?, 16).ok()).flatten();
        Some(Self { timeline: part(0..8)?, log: part(8..16)?, number: part(16..24)? })
    }

    /// Where it begins, when every segment has `size` bytes (usually [`SEGMENT_SIZE`]).
    pub fn start(self, size: u64) -> Lsn {
        Lsn((u64::from(self.log) << 32).saturating_add(u64::from(self.number).saturating_mul(size)))
    }

    /// Where the next one begins.
    pub fn end(self, size: u64) -> Lsn {
        Lsn(self.start(size).0.saturating_add(size))
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}{:08X}{:08X}", self.timeline, self.log, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_a_place() {
        let segment = Segment::parse("00000001000000000000003A").unwrap();
        assert_eq!(segment.start(SEGMENT_SIZE).to_string(), "0/3A000000");
        assert_eq!(segment.end(SEGMENT_SIZE).to_string(), "0/3B000000");
        let next = Segment::parse("000000020000000500000001").unwrap();
        assert_eq!((next.timeline, next.start(SEGMENT_SIZE).to_string()), (2, "5/1000000".to_owned()));
        for name in
            ["00000002.history", "archive_status", "", "00000001000000000000003A.partial", "+0000001000000000000003A"]
        {
            assert_eq!(Segment::parse(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_can_be_read(timeline: u32, log: u32, number: u32) {
            let segment = Segment { timeline, log, number };
            prop_assert_eq!(Segment::parse(&segment.to_string()), Some(segment));
            prop_assert!(segment.end(SEGMENT_SIZE) >= segment.start(SEGMENT_SIZE));
        }

        #[test]
        fn other_text_is_refused_without_panic(text: String) {
            let _ = Segment::parse(&text);
        }
    }
}
