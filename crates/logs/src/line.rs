//! One line of a log: how it is written, and read again.

use crate::{base64, level::level_of, text::escape};
use jiff::{Timestamp, Unit};
use report::{Level, Stream};
use serde::Deserialize;
use std::{borrow::Cow, io::Write};

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The service, to standard output.
    Stdout,
    /// The service, to standard error.
    Stderr,
    /// mainstay, where something is missing.
    Mainstay,
    /// It cannot be told: the file holds the lines alone.
    Unknown,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was read from the service.
    pub at: Timestamp,
    /// Whose it is.
    pub service: String,
    /// Who wrote it.
    pub origin: Origin,
    /// How much it matters, where that can be seen.
    pub level: Option<Level>,
    /// Of which release the service was, where that was known.
    pub release: Option<String>,
    /// What was written, without its end; not always UTF-8.
    pub bytes: Vec<u8>,
}

impl Origin {
    /// As it stands in `stream`.
    pub fn name(self) -> &'static str {
        match self {
            Origin::Stdout => "stdout",
            Origin::Stderr => "stderr",
            Origin::Mainstay => "mainstay",
            Origin::Unknown => "unknown",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Origin::Stdout, Origin::Stderr, Origin::Mainstay, Origin::Unknown].into_iter().find(|it| it.name() == name)
    }
}

impl From<Stream> for Origin {
    fn from(stream: Stream) -> Self {
        match stream {
            Stream::Stdout => Origin::Stdout,
            Stream::Stderr => Origin::Stderr,
        }
    }
}

/// RFC 3339 in UTC with microseconds.
fn time(at: Timestamp) -> String {
    let at = at.round(Unit::Microsecond).unwrap_or(at);
    format!("{at:.6}")
}

/// What lines that came together share: rendered once.
pub(crate) struct Head {
    /// `{"time":"…","service":"api","stream":"stdout",`
    before_level: Vec<u8>,
    /// `"release":"…","msg":"`
    after_level: Vec<u8>,
}

impl Head {
    pub(crate) fn new(at: Timestamp, service: &str, origin: Origin, release: Option<&str>) -> Self {
        let mut before_level = Vec::with_capacity(128);
        let _ = write!(before_level, "{{\"time\":\"{}\",\"service\":\"", time(at));
        escape(service.as_bytes(), &mut before_level);
        let _ = write!(before_level, "\",\"stream\":\"{}\",", origin.name());
        let mut after_level = Vec::with_capacity(64);
        if let Some(release) = release {
            after_level.extend_from_slice(b"\"release\":\"");
            escape(release.as_bytes(), &mut after_level);
            after_level.extend_from_slice(b"\",");
        }
        after_level.extend_from_slice(b"\"msg\":\"");
        Self { before_level, after_level }
    }

    /// Appends a line as JSON with its end. `utf8` says that the line is known to be UTF-8.
    pub(crate) fn line(&self, bytes: &[u8], level: Option<Level>, utf8: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.before_level);
        out.extend_from_slice(match level {
            None => b"".as_slice(),
            Some(Level::Debug) => b"\"level\":\"debug\",",
            Some(Level::Info) => b"\"level\":\"info\",",
            Some(Level::Warn) => b"\"level\":\"warn\",",
            Some(Level::Error) => b"\"level\":\"error\",",
        });
        out.extend_from_slice(&self.after_level);
        if utf8 || std::str::from_utf8(bytes).is_ok() {
            escape(bytes, out);
        } else {
            escape(String::from_utf8_lossy(bytes).as_bytes(), out);
            // The text is for people; these are the bytes.
            out.extend_from_slice(b"\",\"base64\":\"");
            base64::encode(bytes, out);
        }
        out.extend_from_slice(b"\"}\n");
    }
}

/// As it stands in a file.
#[derive(Deserialize)]
struct Written<'a> {
    time: Timestamp,
    #[serde(borrow)]
    service: Cow<'a, str>,
    #[serde(borrow)]
    stream: Cow<'a, str>,
    #[serde(default)]
    level: Option<&'a str>,
    #[serde(default)]
    release: Option<String>,
    msg: String,
    #[serde(default)]
    base64: Option<&'a str>,
}

impl Line {
    /// Appends the line as one object of JSON with its end: `time`, `service`, `stream`, `level`, `release`, `msg`, and `base64` when
    /// `msg` is not all of it.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let head = Head::new(self.at, &self.service, self.origin, self.release.as_deref());
        head.line(&self.bytes, self.level, false, out);
    }

    /// Reads a line of a file of `service`. One that is no object of ours is a line as it came: its time is the one that it begins
    /// with, or else `before`, that of the line before it.
    pub fn read(bytes: &[u8], service: &str, before: Timestamp) -> Self {
        Self::of_json(bytes).unwrap_or_else(|| Self {
            at: time_in(bytes).unwrap_or(before),
            service: service.to_owned(),
            origin: Origin::Unknown,
            level: level_of(bytes),
            release: None,
            bytes: bytes.to_vec(),
        })
    }

    fn of_json(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(b"{\"time\":\"") {
            return None;
        }
        let written: Written<'_> = serde_json::from_slice(bytes).ok()?;
        let bytes = match written.base64 {
            Some(text) => base64::decode(text)?,
            None => written.msg.into_bytes(),
        };
        Some(Self {
            at: written.time,
            service: written.service.into_owned(),
            origin: Origin::named(&written.stream)?,
            level: written.level.and_then(level),
            release: written.release,
            bytes,
        })
    }
}

fn level(name: &str) -> Option<Level> {
    [Level::Debug, Level::Info, Level::Warn, Level::Error].into_iter().find(|level| level.to_string() == name)
}

/// The time that a line begins with, `2026-11-24T22:39:41.123Z` or `2026-11-24 22:39:41,123`, maybe in brackets; without a zone it is
/// UTC.
fn time_in(line: &[u8]) -> Option<Timestamp> {
    let line = line.strip_prefix(b"[").unwrap_or(line);
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit() || b"-/T :.,".contains(byte)).count().min(32);
    let stamp = std::str::from_utf8(&line[..digits]).ok()?.trim_end_matches([' ', ':', '.', ',', '-', '/']);
    let stamp = stamp.replace(',', ".").replace('/', "-").replacen(' ', "T", 1);
    if stamp.len() < "2026-11-24T22:39:41".len() {
        return None;
    }
    let date: jiff::civil::DateTime = stamp.split(' ').next()?.parse().ok()?;
    Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at() -> Timestamp {
        "2026-11-24T22:39:41.123456Z".parse().unwrap()
    }

    fn json(line: &Line) -> String {
        let mut out = Vec::new();
        line.write_json(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn line(bytes: &[u8]) -> Line {
        let (origin, release) = (Origin::Stdout, Some("1.4.2".to_owned()));
        Line { at: at(), service: "api".into(), origin, level: level_of(bytes), release, bytes: bytes.to_vec() }
    }

    /// S2.11: time, service, stream, level, release.
    #[test]
    fn a_line_as_it_stands_in_a_file() {
        assert_eq!(
            json(&line(b"ERROR \"x\"\tdone")),
            "{\"time\":\"2026-11-24T22:39:41.123456Z\",\"service\":\"api\",\"stream\":\"stdout\",\"level\":\"error\",\
             \"release\":\"1.4.2\",\"msg\":\"ERROR \\\"x\\\"\\tdone\"}\n"
        );
        assert!(json(&line(b"\xffa")).ends_with("\"msg\":\"\u{fffd}a\",\"base64\":\"/2E=\"}\n"));
    }

    #[test]
    fn a_line_that_is_no_object_of_ours_is_one_as_it_came() {
        let before = Timestamp::UNIX_EPOCH;
        for (text, time) in [
            ("plain", "1970-01-01T00:00:00Z"),
            ("{\"time\":\"2026-11-24T22:39:41Z\",\"msg\":\"somebody else's\"}", "1970-01-01T00:00:00Z"),
            ("{\"time\":\"2026-11-24T22:39:41.123456Z\",\"service\":\"ap", "1970-01-01T00:00:00Z"),
            ("2026-11-24 10:00:00,5 INFO x", "2026-11-24T10:00:00.5Z"),
            ("[2026-11-24 10:00:00 +0000] [7] x", "2026-11-24T10:00:00Z"),
            ("2026-11-24T10:00:00.25Z x", "2026-11-24T10:00:00.25Z"),
            ("2026/11/24 10:00:00 [error] x", "2026-11-24T10:00:00Z"),
            ("2026-11-24 10:00:00.000 UTC [7] LOG:  x", "2026-11-24T10:00:00Z"),
            ("12:00:00 x", "1970-01-01T00:00:00Z"),
        ] {
            let read = Line::read(text.as_bytes(), "api", before);
            assert_eq!((read.at.to_string().as_str(), read.bytes.as_slice()), (time, text.as_bytes()));
        }
    }

    proptest! {
        /// S2.11: whatever a service writes is read again as it was, UTF-8 or not.
        #[test]
        fn every_line_comes_back(
            bytes in prop_oneof![
                proptest::collection::vec(any::<u8>().prop_filter("no end of line", |byte| *byte != b'\n'), 0..80),
                "\\PC{0,40}".prop_map(String::into_bytes),
            ],
            micros in 0i64..4_000_000_000_000_000, stderr: bool, release in proptest::option::of("\\PC{0,8}"),
        ) {
            let origin = if stderr { Origin::Stderr } else { Origin::Stdout };
            let line = Line { at: Timestamp::from_microsecond(micros).unwrap(), origin, release, ..line(&bytes) };
            let text = json(&line);
            prop_assert_eq!(text.matches('\n').count(), 1);
            prop_assert_eq!(Line::read(text.trim_end_matches('\n').as_bytes(), "other", Timestamp::UNIX_EPOCH), line);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            Line::read(&bytes, "api", Timestamp::UNIX_EPOCH);
        }
    }
}
