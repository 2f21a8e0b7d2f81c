//! The lines of a text and where they stand.

use std::ops::Range;

/// A line without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// The byte that it begins at.
    pub(super) start: usize,
    pub(super) text: &'t str,
    /// The byte that the next one begins at.
    pub(super) next: usize,
}

impl Line<'_> {
    /// Its bytes without blanks at either end; the whole of it when there is nothing else.
    pub(super) fn range(&self) -> Range<usize> {
        let start = self.start + self.text.len() - self.text.trim_start().len();
        let length = self.text.trim().len();
        if length == 0 { self.start..self.start + self.text.len() } else { start..start + length }
    }

    /// Is there nothing in it but blanks or a comment?
    pub(super) fn is_idle(&self) -> bool {
        let text = self.text.trim_start();
        text.is_empty() || text.starts_with("--")
    }

    /// The bytes of `part`, which was cut out of it.
    pub(super) fn range_of(&self, part: &str) -> Range<usize> {
        let start = self.start + (part.as_ptr().addr() - self.text.as_ptr().addr());
        start..start + part.len()
    }
}

/// The lines of `text`.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut next = 0;
    text.split_inclusive('\n').map(move |text| {
        let start = next;
        next += text.len();
        Line { start, text: text.strip_suffix('\n').unwrap_or(text), next }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_know_where_they_stand() {
        let found: Vec<_> = lines("a\n\n  b c \nd").map(|it| (it.start, it.text, it.next)).collect();
        assert_eq!(found, [(0, "a", 2), (2, "", 3), (3, "  b c ", 10), (10, "d", 11)]);
        let line = lines("a\n  b c \n").nth(1).unwrap();
        assert_eq!((line.range(), line.range_of(&line.text[4..5])), (4..7, 6..7));
        assert!(lines("  -- x").all(|it| it.is_idle()) && !lines("x -- x").all(|it| it.is_idle()));
    }
}
