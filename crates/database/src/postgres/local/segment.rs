//! Places in the write-ahead log.

use serde::{Serialize, Serializer};
use std::{fmt, str::FromStr};

/// The usual size of a segment; `initdb --wal-segsize` chooses another, which is the size of the files in `pg_wal`.
pub const SEGMENT_SIZE: u64 = 16 * 1024 * 1024;

/// A place in the write-ahead log, in bytes from its beginning. Prints as `0/3A000000`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

impl Lsn {
    /// How many bytes lie between `earlier` and this place; zero when it is not earlier.
    pub fn since(self, earlier: Lsn) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

impl Serialize for Lsn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text is no place in the log, or no name of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a place in PostgreSQL's write-ahead log")]
pub struct NotWal;

impl FromStr for Lsn {
    type Err = NotWal;

    fn from_str(text: &str) -> Result<Self, NotWal> {
        let (high, low) = text.split_once('/').ok_or(NotWal)?;
        Ok(Lsn(u64::from(hex(high)?) << 32 | u64::from(hex(low)?)))
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
    /// Where it begins, when every segment has `size` bytes (usually [`SEGMENT_SIZE`]).
    pub fn start(self, size: u64) -> Lsn {
        Lsn((u64::from(self.log) << 32).saturating_add(u64::from(self.number).saturating_mul(size)))
    }

    /// Where the next one begins.
    pub fn end(self, size: u64) -> Lsn {
        Lsn(self.start(size).0.saturating_add(size))
    }
}

impl FromStr for Segment {
    type Err = NotWal;

    fn from_str(name: &str) -> Result<Self, NotWal> {
        let digits = name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let part = |from: usize| name.get(from..from + 8).ok_or(NotWal).and_then(hex);
        if digits { Ok(Self { timeline: part(0)?, log: part(8)?, number: part(16)? }) } else { Err(NotWal) }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}{:08X}{:08X}", self.timeline, self.log, self.number)
    }
}

/// At most 32 bits, no sign.
fn hex(text: &str) -> Result<u32, NotWal> {
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits { u32::from_str_radix(text, 16).map_err(|_| NotWal) } else { Err(NotWal) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_a_place() {
        let segment: Segment = "00000001000000000000003A".parse().unwrap();
        assert_eq!(segment.start(SEGMENT_SIZE).to_string(), "0/3A000000");
        assert_eq!(segment.end(SEGMENT_SIZE).to_string(), "0/3B000000");
        let next: Segment = "000000020000000500000001".parse().unwrap();
        assert_eq!((next.timeline, next.start(SEGMENT_SIZE).to_string()), (2, "5/1000000".to_owned()));
        for name in
            ["00000002.history", "archive_status", "", "00000001000000000000003A.partial", "+0000001000000000000003A"]
        {
            assert_eq!(name.parse::<Segment>(), Err(NotWal), "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_can_be_read(place: u64, timeline: u32, log: u32, number: u32) {
            prop_assert_eq!(Lsn(place).to_string().parse(), Ok(Lsn(place)));
            let segment = Segment { timeline, log, number };
            prop_assert_eq!(segment.to_string().parse(), Ok(segment));
            prop_assert!(segment.end(SEGMENT_SIZE) >= segment.start(SEGMENT_SIZE));
        }

        #[test]
        fn other_text_is_refused_without_panic(text: String) {
            let _ = text.parse::<Lsn>();
            let _ = text.parse::<Segment>();
        }
    }
}
