//! What would be lost if the disk died now, and how long the way back would take. Pure.

use crate::Manifest;
use jiff::Timestamp;
use report::{age, seconds};
use serde::Serialize;
use std::{fmt, time::Duration};

/// What would be lost if the disk died now: everything since the newest VERIFIED copy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exposure {
    /// Seconds since the moment that the newest VERIFIED copy shows; nothing when there is none.
    pub lose: Option<f64>,
    /// Seconds that its restore took when it was tried.
    pub back: Option<f64>,
}

impl Exposure {
    /// Of these copies of one database.
    pub fn of<'a>(copies: impl IntoIterator<Item = &'a Manifest>, now: Timestamp) -> Self {
        let newest = copies.into_iter().filter(|copy| copy.is_verified()).max_by_key(|copy| (copy.taken, copy.id));
        Self {
            lose: newest.map(|copy| now.duration_since(copy.taken).as_secs_f64().max(0.0)),
            back: newest.and_then(|copy| copy.proof.as_ref()).map(|proof| proof.restore),
        }
    }
}

/// `if the disk dies now: lose 3 h 12 m, back in about 4 m`
impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        match (self.lose, self.back) {
            (None, _) => f.write_str("if the disk dies now: lose everything, there is no VERIFIED copy"),
            (Some(lose), None) => write!(f, "if the disk dies now: lose {}", age(span(lose))),
            (Some(lose), Some(back)) => {
                write!(f, "if the disk dies now: lose {}, back in about {}", age(span(lose)), seconds(span(back)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1.16: the line of `status`.
    #[test]
    fn what_would_be_lost_is_told() {
        let told = |lose, back| Exposure { lose, back }.to_string();
        assert_eq!(told(Some(11_520.0), Some(240.0)), "if the disk dies now: lose 3 h 12 m, back in about 4 m");
        assert_eq!(told(Some(5.0), Some(0.25)), "if the disk dies now: lose 5 s, back in about 250 ms");
        assert_eq!(told(None, None), "if the disk dies now: lose everything, there is no VERIFIED copy");
    }
}
