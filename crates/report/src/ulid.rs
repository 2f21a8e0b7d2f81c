//! Names that sort by time: a ULID (<https://github.com/ulid/spec>).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Crockford's base 32: no I, L, O, U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 26;
/// Below the milliseconds.
const RANDOM_BITS: u32 = 80;

/// The name of a copy or a release, for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ulid(u128);

impl Ulid {
    /// A new one, of this moment.
    pub fn new(now: Timestamp) -> Self {
        let millis = u128::try_from(now.as_millisecond()).unwrap_or_default();
        Self(millis << RANDOM_BITS | fastrand::u128(..) >> (u128::BITS - RANDOM_BITS))
    }

    /// When it was made, to the millisecond.
    pub fn time(self) -> Timestamp {
        let millis = i64::try_from(self.0 >> RANDOM_BITS).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
    }

    /// Its last ten characters in lower case: enough for the name of a database.
    pub fn short(self) -> String {
        self.to_string()[LENGTH - 10..].to_ascii_lowercase()
    }
}

impl fmt::Display for Ulid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digit = |place: usize| char::from(DIGITS[usize::try_from(self.0 >> (5 * place) & 31).unwrap_or_default()]);
        f.pad(&(0..LENGTH).rev().map(digit).collect::<String>())
    }
}

impl fmt::Debug for Ulid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no ULID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoUlid;

impl fmt::Display for NoUlid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a name such as `01ARZ3NDEKTSV4RRFFQ69G5FAV`: 26 characters of 0-9 and A-Z without I, L, O, U")
    }
}

impl std::error::Error for NoUlid {}

impl FromStr for Ulid {
    type Err = NoUlid;

    fn from_str(text: &str) -> Result<Self, NoUlid> {
        // The first digit has three bits only.
        if text.len() != LENGTH || !matches!(text.as_bytes()[0], b'0'..=b'7') {
            return Err(NoUlid);
        }
        let digit = |byte: u8| DIGITS.iter().position(|digit| *digit == byte.to_ascii_uppercase());
        let number = text.bytes().try_fold(0u128, |number, byte| Some(number << 5 | digit(byte)? as u128));
        number.map(Self).ok_or(NoUlid)
    }
}

impl TryFrom<String> for Ulid {
    type Error = NoUlid;

    fn try_from(text: String) -> Result<Self, NoUlid> {
        text.parse()
    }
}

impl From<Ulid> for String {
    fn from(id: Ulid) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1.16: the name sorts by time and tells it.
    #[test]
    fn names_sort_by_time() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let (first, second) = (Ulid::new(at(1_700_000_000_000)), Ulid::new(at(1_700_000_000_001)));
        assert!(first < second && first.to_string() < second.to_string());
        assert_eq!(first.time(), at(1_700_000_000_000));
        assert_eq!(first.to_string().parse(), Ok(first));
        assert_eq!(first.to_string().to_lowercase().parse(), Ok(first));
        assert_ne!(Ulid::new(at(1)), Ulid::new(at(1)));
    }

    /// The example of the specification.
    #[test]
    fn the_specification_is_kept() {
        let id: Ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        assert_eq!(id.time().as_millisecond(), 1_469_922_850_259);
        assert_eq!(id.short(), "ffq69g5fav");
        for wrong in
            ["", "latest", "81ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAU", "01ARZ3NDEKTSV4RRFFQ69G5FA"]
        {
            assert_eq!(wrong.parse::<Ulid>(), Err(NoUlid), "{wrong}");
        }
    }
}
