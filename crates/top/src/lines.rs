//! The lines of services that have come.

use crate::text::tame;
use report::Level;
use std::collections::{BTreeMap, VecDeque};

/// So many lines are kept of all services together.
const KEPT: usize = 20_000;
/// And of each at most.
const KEPT_OF_EACH: usize = 5_000;

/// A line as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The time of day.
    pub at: String,
    /// Whose it is.
    pub service: String,
    /// What it says of itself; one without that goes with the line before it when it begins with a blank.
    pub level: Option<Level>,
    /// What was written, without anything that acts on a terminal.
    pub text: String,
}

impl LogLine {
    /// A line as it was written.
    pub fn new(at: String, service: String, level: Option<Level>, bytes: &[u8]) -> Self {
        Self { at, service, level, text: tame(bytes) }
    }
}

/// All lines, of each service apart, so that one that writes much does not push out the others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    of: BTreeMap<String, VecDeque<Kept>>,
    /// Of the next line.
    number: u64,
}

/// A line with its place in the order in which all came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) number: u64,
    /// Its own level, or that of the line that it belongs to.
    pub(crate) level: Option<Level>,
    pub(crate) line: LogLine,
}

/// Which lines are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sieve {
    /// This stands in them; without a capital letter, small or large.
    pub(crate) text: String,
    /// They are at least so important.
    pub(crate) level: Option<Level>,
}

/// Whose lines.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose<'a> {
    All,
    One(&'a str),
}

impl Lines {
    pub(crate) fn add(&mut self, lines: Vec<LogLine>) {
        for line in lines {
            let number = self.number;
            self.number += 1;
            let ring = self.of.entry(line.service.clone()).or_default();
            let level = line.level.or_else(|| ring.back().filter(|_| line.text.starts_with(' '))?.level);
            ring.push_back(Kept { number, level, line });
        }
        let most = (KEPT / self.of.len().max(1)).clamp(1, KEPT_OF_EACH);
        for ring in self.of.values_mut() {
            ring.drain(..ring.len().saturating_sub(most));
        }
    }

    /// The number that the next line gets.
    pub(crate) fn next(&self) -> u64 {
        self.number
    }

    /// The last `count` lines that pass, up to the one numbered `until`, oldest first.
    pub(crate) fn last(&self, whose: Whose<'_>, sieve: &Sieve, until: Option<u64>, count: usize) -> Vec<&Kept> {
        let until = until.unwrap_or(u64::MAX);
        let mut found = Vec::new();
        for ring in self.rings(whose) {
            let passing = ring.iter().rev().filter(|kept| kept.number <= until && sieve.passes(kept));
            found.extend(passing.take(count));
        }
        found.sort_unstable_by_key(|kept| kept.number);
        found.drain(..found.len().saturating_sub(count));
        found
    }

    /// All that pass behind the one numbered `after`, oldest first.
    pub(crate) fn behind(&self, whose: Whose<'_>, sieve: &Sieve, after: u64) -> Vec<&Kept> {
        let mut found: Vec<_> = Vec::new();
        for ring in self.rings(whose) {
            let begin = ring.partition_point(|kept| kept.number <= after);
            found.extend(ring.range(begin..).filter(|kept| sieve.passes(kept)));
        }
        found.sort_unstable_by_key(|kept| kept.number);
        found
    }

    fn rings(&self, whose: Whose<'_>) -> impl Iterator<Item = &VecDeque<Kept>> {
        self.of
            .iter()
            .filter(move |(service, _)| match whose {
                Whose::All => true,
                Whose::One(one) => one == service.as_str(),
            })
            .map(|(_, ring)| ring)
    }
}

impl Sieve {
    pub(crate) fn passes(&self, kept: &Kept) -> bool {
        self.level.is_none_or(|least| kept.level >= Some(least)) && self.find(&kept.line.text).is_some()
    }

    /// Where in `text` it stands.
    pub(crate) fn find(&self, text: &str) -> Option<usize> {
        find(text, &self.text)
    }
}

/// Where `wanted` stands in `text`; without a capital letter in it, small or large.
pub(crate) fn find(text: &str, wanted: &str) -> Option<usize> {
    if wanted.is_empty() {
        return Some(0);
    }
    if wanted.chars().any(char::is_uppercase) {
        return text.find(wanted);
    }
    let begins = |from: &str| {
        let mut lower = from.chars().flat_map(char::to_lowercase);
        wanted.chars().all(|char| lower.next() == Some(char))
    };
    text.char_indices().map(|(at, _)| at).find(|at| begins(&text[*at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(service: &str, level: Option<Level>, text: &str) -> LogLine {
        LogLine::new("10:00:00".into(), service.into(), level, text.as_bytes())
    }

    fn texts(kept: &[&Kept]) -> Vec<String> {
        kept.iter().map(|kept| kept.line.text.clone()).collect()
    }

    fn some() -> Lines {
        let mut lines = Lines::default();
        lines.add(vec![
            line("api", Some(Level::Info), "one"),
            line("bot", Some(Level::Error), "Two"),
            line("bot", None, "  at three"),
            line("api", None, "four"),
            line("bot", Some(Level::Warn), "five two"),
        ]);
        lines
    }

    /// S4.7: lines of several services are one.
    #[test]
    fn lines_of_several_services_are_merged_as_they_came() {
        let (lines, all) = (some(), Sieve::default());
        assert_eq!(texts(&lines.last(Whose::All, &all, None, 3)), ["  at three", "four", "five two"]);
        assert_eq!(texts(&lines.last(Whose::One("api"), &all, None, 9)), ["one", "four"]);
        assert_eq!(texts(&lines.last(Whose::All, &all, Some(2), 2)), ["Two", "  at three"]);
        assert_eq!(texts(&lines.behind(Whose::All, &all, 3)), ["five two"]);
        assert_eq!(lines.next(), 5);
    }

    #[test]
    fn the_sieve_knows_text_and_level() {
        let lines = some();
        let sieve = |text: &str, level| Sieve { text: text.into(), level };
        let shown = |sieve| texts(&lines.last(Whose::All, &sieve, None, 9));
        assert_eq!(shown(sieve("two", None)), ["Two", "five two"]);
        assert_eq!(shown(sieve("Two", None)), ["Two"]);
        assert_eq!(shown(sieve("", Some(Level::Warn))), ["Two", "  at three", "five two"]);
        assert_eq!(shown(sieve("three", Some(Level::Error))), ["  at three"]);
        assert_eq!(find("äÖx", "öx"), Some(2));
    }

    /// One that writes much must not push out the others, nor fill the memory.
    #[test]
    fn the_lines_of_each_are_bounded() {
        let mut lines = some();
        for _ in 0..10 {
            lines.add((0..KEPT_OF_EACH).map(|at| line("bot", None, &at.to_string())).collect());
        }
        assert_eq!(lines.last(Whose::All, &Sieve::default(), None, usize::MAX).len(), 2 + KEPT_OF_EACH);
    }
}
