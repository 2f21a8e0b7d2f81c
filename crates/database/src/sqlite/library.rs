//! Which SQLite a program brings along. Pure.
//!
//! Versions 3.7.0 to 3.51.2 can lose what was written when two connections write and reset a write-ahead log at the same instant
//! (<https://www.sqlite.org/wal.html#walresetbug>); 3.44.6 and 3.50.7 have the mending too.

use std::fmt;

/// The first one that is mended, and the earlier lines that are too.
const MENDED: [Library; 3] = [Library(3, 44, 6), Library(3, 50, 7), Library(3, 51, 3)];
/// The first one with a write-ahead log.
const FIRST: Library = Library(3, 7, 0);
/// A hash of the sources has at least so many digits; since 2017 it has 64.
const DIGITS: usize = 40;
/// `2022-12-28 14:03:47 `, and then the hash.
const DATE: &[u8] = b"0000-00-00 00:00:00 ";

/// A version of SQLite's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Library(pub u32, pub u32, pub u32);

impl Library {
    /// The one in the code of a program or a library: it holds a mark of its sources, and its version. Nothing where there is none, or
    /// where it cannot be told which of several numbers it is.
    pub fn inside(code: &[u8]) -> Option<Self> {
        if !code.windows(DATE.len() + DIGITS).any(is_mark) {
            return None;
        }
        let mut versions: Vec<_> =
            code.split(|byte| *byte == 0).filter_map(version).filter(|it| *it >= FIRST).collect();
        versions.sort_unstable();
        versions.dedup();
        match versions[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Can it damage a database with a write-ahead log?
    pub fn has_reset_bug(self) -> bool {
        let mended = |it: &Library| (it.0, it.1) == (self.0, self.1) && self.2 >= it.2;
        self >= FIRST && self < MENDED[MENDED.len() - 1] && !MENDED.iter().any(mended)
    }
}

fn is_mark(bytes: &[u8]) -> bool {
    let (date, hash) = bytes.split_at(DATE.len());
    let fits = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    // The dashes first: most of what is looked at has none there.
    date[4] == b'-' && date.iter().zip(DATE).all(fits) && hash.iter().all(u8::is_ascii_hexdigit)
}

fn version(text: &[u8]) -> Option<Library> {
    if text.len() > 12 || !text.starts_with(b"3.") {
        return None;
    }
    let mut parts = std::str::from_utf8(text).ok()?.split('.').map(|part| part.parse().ok());
    let version = Library(parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(version)
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &str = "2022-12-28 14:03:47 df5c253c0b3dd24916e4ec7cf77d3db5294cc9fd45ae7b9c5e82ad8197f38a24";

    fn inside(texts: &[&str]) -> Option<Library> {
        Library::inside(format!("code\0{}\0more", texts.join("\0")).as_bytes())
    }

    /// S2.14: a version is told only when it is known.
    #[test]
    fn the_library_is_known_by_its_marks() {
        assert_eq!(inside(&["3.40.1", MARK]), Some(Library(3, 40, 1)));
        assert_eq!(inside(&["3.40.1", "3.40.1", MARK, "3.40.1.2", "3.", "3.4.x"]), Some(Library(3, 40, 1)));
        assert_eq!(inside(&["3.40.1"]), None, "any program may hold such a number");
        assert_eq!(inside(&["3.40.1", "3.11.2", MARK]), None, "one of them is that of Python");
        assert_eq!(inside(&["3.40.1", &MARK[..50]]), None);
        assert_eq!(Library::inside(b""), None);
    }

    /// S2.14: the versions that can damage a database, and those that were mended.
    #[test]
    fn the_bug_ends_where_it_was_mended() {
        let bad = [(7, 0), (40, 1), (44, 5), (45, 0), (50, 6), (51, 0), (51, 2)];
        let good = [(6, 23), (44, 6), (44, 9), (50, 7), (51, 3), (54, 1)];
        assert!(bad.iter().all(|(minor, patch)| Library(3, *minor, *patch).has_reset_bug()));
        assert!(!good.iter().any(|(minor, patch)| Library(3, *minor, *patch).has_reset_bug()));
    }

    /// S2.14: our own is none of those.
    #[test]
    fn our_own_is_mended() {
        let own = version(rusqlite::version().as_bytes()).unwrap();
        assert!(!own.has_reset_bug(), "{own}");
    }
}
