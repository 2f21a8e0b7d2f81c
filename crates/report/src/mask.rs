//! Takes secrets out of text that others wrote.

use crate::Secret;
use std::borrow::Cow;

/// Replaces every known secret in a text by `***`.
#[derive(Clone, Debug, Default)]
pub struct Masker {
    /// Longest first, so that a secret that contains another is masked whole.
    secrets: Vec<Secret>,
}

impl Masker {
    /// Shorter values are not masked: they would be found in innocent words.
    pub const SHORTEST: usize = 4;

    /// Learns `secret`.
    pub fn add(&mut self, secret: &Secret) {
        if secret.reveal().len() >= Self::SHORTEST && !self.secrets.contains(secret) {
            self.secrets.push(secret.clone());
            self.secrets.sort_by_key(|known| std::cmp::Reverse(known.reveal().len()));
        }
    }

    /// Knows no secret.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// `text` without secrets.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        for secret in &self.secrets {
            if masked.contains(secret.reveal()) {
                masked = Cow::Owned(masked.replace(secret.reveal(), "***"));
            }
        }
        masked
    }
}

impl Extend<Secret> for Masker {
    fn extend<I: IntoIterator<Item = Secret>>(&mut self, secrets: I) {
        secrets.into_iter().for_each(|secret| self.add(&secret));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_secret_goes_first_and_short_ones_stay() {
        let mut masker = Masker::default();
        masker.extend(["hunter".into(), "hunter22".into(), "abc".into()]);
        assert_eq!(masker.mask("abc hunter22 hunter"), "abc *** ***");
    }

    #[test]
    fn a_masker_does_not_print_what_it_hides() {
        let mut masker = Masker::default();
        masker.add(&"hunter22".into());
        assert!(!format!("{masker:?}").contains("hunter"));
    }
}
