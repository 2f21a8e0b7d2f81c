//! What the authority finds when it comes to see whether the names lead to us (RFC 8555, 8.3).

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Where it looks.
const PLACE: &str = "/.well-known/acme-challenge/";

/// The challenges of an order that is under way.
#[derive(Default)]
pub struct Challenges(Mutex<HashMap<String, String>>);

/// What a path asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing of ours.
    Elsewhere,
    /// A challenge that we do not know.
    Unknown,
    /// The answer to one.
    Answer(String),
}

impl Challenges {
    pub(super) fn put(&self, token: &str, answer: &str) {
        self.all().insert(token.to_owned(), answer.to_owned());
    }

    pub(super) fn clear(&self) {
        self.all().clear();
    }

    pub(crate) fn find(&self, path: &str) -> Found {
        let Some(token) = path.strip_prefix(PLACE) else { return Found::Elsewhere };
        self.all().get(token).map_or(Found::Unknown, |answer| Found::Answer(answer.clone()))
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S4.9: challenges are answered, and nothing else is.
    #[test]
    fn only_known_challenges_are_answered() {
        let challenges = Challenges::default();
        challenges.put("abc", "abc.key");
        assert_eq!(challenges.find("/.well-known/acme-challenge/abc"), Found::Answer("abc.key".to_owned()));
        assert_eq!(challenges.find("/.well-known/acme-challenge/"), Found::Unknown);
        assert_eq!(challenges.find("/.well-known/security.txt"), Found::Elsewhere);
        challenges.clear();
        assert_eq!(challenges.find("/.well-known/acme-challenge/abc"), Found::Unknown);
    }
}
