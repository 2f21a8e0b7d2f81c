//! Checksums as home-made runners take them.

use crate::style::{Stamped, plain::hexadecimal, variants::variants};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fmt;

/// How a checksum is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    algorithm: Algorithm,
    /// Of the text without byte order mark and with `\n`, as some languages read files; else of the bytes.
    normal: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha1,
    Sha256,
}

/// All that are known; those of the bytes first.
pub(super) const ALL: [Sum; 6] = [
    Sum { algorithm: Algorithm::Sha256, normal: false },
    Sum { algorithm: Algorithm::Sha1, normal: false },
    Sum { algorithm: Algorithm::Md5, normal: false },
    Sum { algorithm: Algorithm::Sha256, normal: true },
    Sum { algorithm: Algorithm::Sha1, normal: true },
    Sum { algorithm: Algorithm::Md5, normal: true },
];

impl Sum {
    /// The checksum of a file with these bytes, in hexadecimal.
    pub(super) fn of(self, bytes: &[u8]) -> String {
        match self.normal {
            true => self.algorithm.of(crate::script::normal(&String::from_utf8_lossy(bytes)).as_bytes()),
            false => self.algorithm.of(bytes),
        }
    }

    /// What it would write for the file, then what it would for the same text with other line ends.
    pub(super) fn stamps(self, file: &Stamped<'_>) -> Vec<String> {
        match self.normal {
            true => vec![self.algorithm.of(file.text.as_bytes())],
            false => variants(file).iter().map(|bytes| self.algorithm.of(bytes)).collect(),
        }
    }
}

impl Algorithm {
    fn of(self, bytes: &[u8]) -> String {
        match self {
            Algorithm::Md5 => hexadecimal(&Md5::digest(bytes)),
            Algorithm::Sha1 => hexadecimal(&Sha1::digest(bytes)),
            Algorithm::Sha256 => hexadecimal(&Sha256::digest(bytes)),
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.algorithm {
            Algorithm::Md5 => "its MD5",
            Algorithm::Sha1 => "its SHA-1",
            Algorithm::Sha256 => "its SHA-256",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "abc", from RFC 1321 and FIPS 180-2.
    #[test]
    fn the_digests_are_the_published_ones() {
        let of = |algorithm: Algorithm| algorithm.of(b"abc");
        assert_eq!(of(Algorithm::Md5), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(of(Algorithm::Sha1), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(of(Algorithm::Sha256), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn line_ends_count_in_bytes_only() {
        let [bytes, .., normal] = ALL;
        assert_ne!(bytes.of(b"a\r\n"), bytes.of(b"a\n"));
        assert_eq!(normal.of(b"\xef\xbb\xbfa\r\n"), normal.of(b"a\n"));
    }
}
