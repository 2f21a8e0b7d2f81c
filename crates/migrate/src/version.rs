//! The number of a migration.

use serde::Serialize;
use std::{cmp::Ordering, fmt};

/// The number of a migration, as written: `0002`, `20261124183000`, `1.2.1`. `0002`, `2` and `02` are the same version, and so
/// are `1.0` and `1`; `10` comes after `9`. Files of home-made runners that have no number are their own version: `init`.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Version {
    text: Box<str>,
    /// It is digits alone: most are, and thousands of them are compared often.
    #[serde(skip)]
    plain: bool,
}

impl Version {
    /// The leading digits of `name`, if it begins with a digit.
    pub fn of(name: &str) -> Option<Self> {
        let digits = name.bytes().take_while(u8::is_ascii_digit).count();
        (digits > 0).then(|| Self::from(&name[..digits]))
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Is it 0, which is before every other number?
    pub(crate) fn is_zero(&self) -> bool {
        self.plain && !self.text.is_empty() && *self == Self::default()
    }

    /// Its parts without leading zeros. Numbers of any length compare without ever becoming a machine's integer: timestamps
    /// with nanoseconds don't fit. Words, of files that have no number, come after numbers.
    fn parts(&self) -> impl Iterator<Item = (bool, usize, &str)> {
        self.text.split('.').map(|part| match part.bytes().all(|byte| byte.is_ascii_digit()) {
            true => (false, part.trim_start_matches('0').len(), part.trim_start_matches('0')),
            false => (true, 0, part),
        })
    }
}

impl From<&str> for Version {
    /// A version as a ledger keeps it.
    fn from(text: &str) -> Self {
        Self { text: text.into(), plain: text.bytes().all(|byte| byte.is_ascii_digit()) }
    }
}

/// That of a migration without one.
impl Default for Version {
    fn default() -> Self {
        Self::from("")
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        // Most directories number with as many digits throughout.
        if self.plain && other.plain && self.text.len() == other.text.len() {
            return self.text.cmp(&other.text);
        }
        let (mut left, mut right) = (self.parts(), other.parts());
        loop {
            match (left.next(), right.next()) {
                (None, None) => return Ordering::Equal,
                (one, two) => match one.unwrap_or((false, 0, "")).cmp(&two.unwrap_or((false, 0, ""))) {
                    Ordering::Equal => {}
                    unequal => return unequal,
                },
            }
        }
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_version_is_the_leading_digits_and_a_number() {
        let of = |name| Version::of(name).unwrap();
        assert_eq!(of("0001_init.sql").text(), "0001");
        assert_eq!(of("20261123075814.sql").text(), "20261123075814");
        assert_eq!(of("0002_a.sql"), of("2-b.sql"));
        assert!(of("9_a") < of("10_a") && of("0009_a") < of("10_a"));
        assert!(of("99999999999999999999999999998_a") < of("99999999999999999999999999999_a"));
        assert!(Version::of("init.sql").is_none() && Version::of("V1__init.sql").is_none());
    }

    #[test]
    fn a_version_may_have_parts() {
        let version = |text: &str| Version::from(text);
        assert!(version("1.2") < version("1.10") && version("1.2") < version("1.2.1") && version("1.9") < version("2"));
        assert_eq!(version("1.0"), version("1"));
        assert_eq!(version("01.00.0"), version("1"));
    }

    #[test]
    fn a_version_may_be_a_word() {
        let version = |text: &str| Version::from(text);
        assert!(version("init") < version("users") && version("users_2") > version("users"));
        assert!(version("99999999") < version("init") && version("0a") != version("a"));
    }

    proptest! {
        #[test]
        fn versions_order_like_their_numbers(a: u64, b: u64, zeros in 0usize..5) {
            let (left, right) = (format!("{}{a}_x.sql", "0".repeat(zeros)), format!("{b}_x.sql"));
            prop_assert_eq!(Version::of(&left).cmp(&Version::of(&right)), a.cmp(&b));
        }
    }
}
