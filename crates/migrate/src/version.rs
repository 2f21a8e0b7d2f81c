//! The number at the front of a migration's file name.

use serde::Serialize;
use std::{cmp::Ordering, fmt};

/// The leading digits of a file name, as written. `0002`, `2` and `02` are the same version; `10` comes after `9`.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Version(String);

impl Version {
    /// The leading digits of `name`, if it begins with a digit.
    pub fn of(name: &str) -> Option<Self> {
        let digits = name.bytes().take_while(u8::is_ascii_digit).count();
        (digits > 0).then(|| Self(name[..digits].to_owned()))
    }

    /// As written in the file's name.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Numbers of any length compare without ever becoming a machine's integer: timestamps with nanoseconds don't fit.
    fn number(&self) -> (usize, &str) {
        let significant = self.0.trim_start_matches('0');
        (significant.len(), significant)
    }
}

impl From<&str> for Version {
    /// A version as the ledger keeps it.
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number().cmp(&other.number())
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.number() == other.number()
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

    proptest! {
        #[test]
        fn versions_order_like_their_numbers(a: u64, b: u64, zeros in 0usize..5) {
            let (left, right) = (format!("{}{a}_x.sql", "0".repeat(zeros)), format!("{b}_x.sql"));
            prop_assert_eq!(Version::of(&left).cmp(&Version::of(&right)), a.cmp(&b));
        }
    }
}
