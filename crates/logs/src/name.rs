//! What the files are called: `api.log`, and for what was put aside `api.log.20261124T223941.123456Z`, compressed with `.zst`.
//!
//! The time in a name is when the file was put aside: every line in it is older, every line of the next one is not. So a name never
//! changes its meaning, as a number would each time.

use jiff::{Timestamp, Unit, civil::DateTime, fmt::strtime, tz::TimeZone};

const ENDING: &str = ".log";
const COMPRESSED: &str = ".zst";
const STAMP: &str = "%Y%m%dT%H%M%S.%6fZ";

/// A name of a file of ours, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileName {
    /// Whose lines they are.
    pub service: String,
    /// When it was put aside, in microseconds; nothing for the one that is written to.
    pub put_aside: Option<Timestamp>,
    /// Is it compressed?
    pub compressed: bool,
}

impl FileName {
    /// The file that is written to.
    pub fn current(service: &str) -> Self {
        Self { service: service.to_owned(), put_aside: None, compressed: false }
    }

    /// The file once it was put aside.
    pub fn aside(service: &str, at: Timestamp) -> Self {
        let at = at.round(Unit::Microsecond).unwrap_or(at);
        Self { service: service.to_owned(), put_aside: Some(at), compressed: false }
    }

    /// Takes a name apart; nothing when it is none of ours.
    pub fn parse(name: &str) -> Option<Self> {
        let (service, rest) = name.split_once(ENDING)?;
        if service.is_empty() || service.contains(['/', '.']) {
            return None;
        }
        let Some(rest) = rest.strip_prefix('.') else { return rest.is_empty().then(|| Self::current(service)) };
        let (stamp, compressed) = match rest.strip_suffix(COMPRESSED) {
            Some(stamp) => (stamp, true),
            None => (rest, false),
        };
        let at = strtime::parse(STAMP, stamp).and_then(|parts| parts.to_datetime()).ok()?;
        let at = DateTime::to_zoned(at, TimeZone::UTC).ok()?.timestamp();
        Some(Self { compressed, ..Self::aside(service, at) })
    }

    /// The same file, compressed.
    #[must_use]
    pub fn compressed(self) -> Self {
        Self { compressed: true, ..self }
    }
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{ENDING}", self.service)?;
        if let Some(at) = self.put_aside {
            write!(f, ".{}", at.strftime(STAMP))?;
        }
        f.write_str(if self.compressed { COMPRESSED } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_others_are_left_alone() {
        for name in [
            "",
            ".log",
            "api",
            "api.logs",
            "api.log.1",
            "api.log.gz",
            "api.log.zst",
            "x.y.log",
            "api.log.20261124T223941.123456Z.tmp",
        ] {
            assert_eq!(FileName::parse(name), None, "{name}");
        }
        let aside = FileName::aside("api", "2026-11-24T22:39:41.1234567Z".parse().unwrap()).compressed();
        assert_eq!(aside.to_string(), "api.log.20261124T223941.123457Z.zst");
    }

    proptest! {
        #[test]
        fn names_come_back_and_sort_by_time(a in 0i64..4_000_000_000_000_000, b in 0i64..4_000_000_000_000_000, zst: bool) {
            let named = |micros| FileName::aside("api-2", Timestamp::from_microsecond(micros).unwrap());
            let name = FileName { compressed: zst, ..named(a) };
            prop_assert_eq!(FileName::parse(&name.to_string()), Some(name));
            prop_assert_eq!(named(a).to_string().cmp(&named(b).to_string()), a.cmp(&b));
        }
    }
}
