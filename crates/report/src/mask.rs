//! Takes secrets out of text that others wrote.

use crate::Secret;
use aho_corasick::{AhoCorasick, MatchKind};
use std::{borrow::Cow, fmt};

/// Stands where a secret stood.
const MASK: &str = "***";

/// Replaces every known secret in a text by `***`.
#[derive(Clone, Default)]
pub struct Masker {
    /// Longest first, so that a secret that contains another is masked whole.
    secrets: Vec<Secret>,
    /// Tells at once whether any of them is there: mostly none is.
    any: Option<AhoCorasick>,
}

impl Masker {
    /// Shorter values are not masked: they would be found in innocent words.
    pub const SHORTEST: usize = 4;

    /// Learns `secret`.
    pub fn add(&mut self, secret: &Secret) {
        self.extend([secret.clone()]);
    }

    /// Knows no secret.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// `text` without secrets.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.finds_any(text.as_bytes()) {
            return Cow::Borrowed(text);
        }
        let masked = |text: String, secret: &Secret| match text.contains(secret.reveal()) {
            true => text.replace(secret.reveal(), MASK),
            false => text,
        };
        Cow::Owned(self.secrets.iter().fold(text.to_owned(), masked))
    }

    /// Whole lines without secrets. They stay lines: of a secret of several lines each is known as a secret of its own.
    pub fn mask_lines<'a>(&self, lines: &'a [u8]) -> Cow<'a, [u8]> {
        if !self.finds_any(lines) {
            return Cow::Borrowed(lines);
        }
        let of_one_line = self.secrets.iter().filter(|secret| !secret.reveal().contains('\n'));
        Cow::Owned(of_one_line.fold(lines.to_vec(), |lines, secret| replaced(&lines, secret.reveal().as_bytes())))
    }

    fn finds_any(&self, bytes: &[u8]) -> bool {
        // What could not be built finds nothing by itself: then each is looked for.
        self.any.as_ref().map_or(!self.is_empty(), |any| any.is_match(bytes))
    }
}

fn replaced(lines: &[u8], secret: &[u8]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(lines.len());
    let mut rest = lines;
    while let Some(at) = memchr::memmem::find(rest, secret) {
        masked.extend_from_slice(&rest[..at]);
        masked.extend_from_slice(MASK.as_bytes());
        rest = &rest[at + secret.len()..];
    }
    masked.extend_from_slice(rest);
    masked
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker").field("secrets", &self.secrets).finish_non_exhaustive()
    }
}

impl Extend<Secret> for Masker {
    fn extend<I: IntoIterator<Item = Secret>>(&mut self, secrets: I) {
        let long = secrets.into_iter().filter(|secret| secret.reveal().len() >= Self::SHORTEST);
        self.secrets.extend(long);
        self.secrets.sort_by(|a, b| b.reveal().len().cmp(&a.reveal().len()).then(a.cmp(b)));
        self.secrets.dedup();
        let words = self.secrets.iter().map(Secret::reveal);
        let any = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(words).ok();
        self.any = any.filter(|_| !self.secrets.is_empty());
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
    fn bytes_stay_as_they_are_but_for_secrets_and_lines_stay_lines() {
        let mut masker = Masker::default();
        masker.extend(["hunter22".into(), "one\ntwo-of-it".into(), "two-of-it".into()]);
        assert_eq!(&*masker.mask_lines(b"\xffone\nhunter22\n"), b"\xffone\n***\n");
        assert_eq!(&*masker.mask_lines(b"one\ntwo-of-it\n"), b"one\n***\n");
        assert!(matches!(masker.mask_lines(b"nothing\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn overlapping_secrets_leave_nothing_of_the_longer_one() {
        let mut masker = Masker::default();
        masker.extend(["hunter".into(), "unter22xx".into()]);
        assert_eq!(masker.mask("hunter22xx"), "h***");
    }

    #[test]
    fn a_masker_does_not_print_what_it_hides() {
        let mut masker = Masker::default();
        masker.add(&"hunter22".into());
        assert!(!format!("{masker:?}").contains("hunter"));
    }
}
