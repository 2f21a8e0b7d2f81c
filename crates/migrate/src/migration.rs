//! One file that changes the schema.

use crate::{Version, sql::Dialect, sql::first_obstacle};
use report::Place;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// One file that changes the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The leading digits of its name.
    pub version: Version,
    /// The file's name, without its directory.
    pub name: String,
    /// The file as the user knows it, for messages: `migrations/0001_init.sql`.
    pub shown: String,
    /// What is sent to the database: the file without a byte order mark and with `\n` as the end of line, so that one
    /// checkout and another do the same and have the same checksum.
    pub text: String,
    /// SHA-256 of `text`, in hexadecimal.
    pub checksum: String,
}

impl Migration {
    /// The migration in a file of this name with this content.
    pub fn new(version: Version, name: &str, shown: String, content: &str) -> Self {
        let text = normal(content);
        Self { version, name: name.to_owned(), shown, checksum: checksum(&text), text }
    }

    /// The bytes `start..end` of the text as a spot in the file.
    pub fn place(&self, start: usize, end: usize) -> Place {
        Place::in_text(self.shown.as_str(), &self.text, start, end)
    }

    /// The first thing in it that cannot be run as one transaction on such a database, looked for before anything is run.
    pub(crate) fn obstacle(&self, dialect: Dialect) -> Option<crate::BadFile> {
        let found = first_obstacle(&self.text, dialect)?;
        let place = Some(Box::new(self.place(found.range.start, found.range.end)));
        Some(crate::BadFile { name: self.shown.clone(), problem: crate::Problem::Obstacle(found.obstacle), place })
    }
}

fn normal(content: &str) -> String {
    content.strip_prefix('\u{feff}').unwrap_or(content).replace("\r\n", "\n")
}

fn checksum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(content: &str) -> Migration {
        Migration::new(Version::from("1"), "1.sql", "1.sql".into(), content)
    }

    #[test]
    fn the_checksum_is_plain_sha256() {
        // The first two are known to everybody: SHA-256 of nothing and of `abc` (FIPS 180-4 examples).
        assert_eq!(of("").checksum, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(of("abc").checksum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_ne!(of("select 1").checksum, of("select 2").checksum);
    }

    proptest! {
        /// A checkout with other line ends or with a byte order mark is not an edit.
        #[test]
        fn line_ends_and_byte_order_marks_do_not_count(lines in prop::collection::vec("[ -~]{0,20}", 0..8)) {
            let plain = of(&lines.join("\n"));
            prop_assert_eq!(&plain.checksum, &of(&lines.join("\r\n")).checksum);
            prop_assert_eq!(&plain.checksum, &of(&format!("\u{feff}{}", lines.join("\r\n"))).checksum);
        }
    }
}
