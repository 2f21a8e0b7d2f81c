//! Which lines are asked for.

use crate::line::{Line, Origin};
use jiff::Timestamp;
use regex::bytes::Regex;
use report::Level;
use std::collections::BTreeMap;

/// Which lines are asked for. Everything that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Not before.
    pub since: Option<Timestamp>,
    /// Not after.
    pub until: Option<Timestamp>,
    /// Something in the line.
    pub grep: Option<Regex>,
    /// At least this level. A line that shows none and begins with a blank belongs to the line before it.
    pub level: Option<Level>,
    /// Of this release.
    pub release: Option<String>,
}

/// Was the last line of a service and stream one that matters enough?
#[derive(Clone, Debug, Default)]
pub(crate) struct Sift {
    matters: BTreeMap<(String, &'static str), bool>,
}

impl Sift {
    /// Is `line` asked for? Lines of a service come in their order.
    pub(crate) fn passes(&mut self, filter: &Filter, line: &Line) -> bool {
        let matters = self.matters_enough(filter.level, line);
        matters
            && filter.since.is_none_or(|since| line.at >= since)
            && filter.until.is_none_or(|until| line.at <= until)
            && filter.release.as_ref().is_none_or(|release| line.release.as_ref() == Some(release))
            && filter.grep.as_ref().is_none_or(|pattern| pattern.is_match(&line.bytes))
    }

    fn matters_enough(&mut self, least: Option<Level>, line: &Line) -> bool {
        let Some(least) = least else { return true };
        if line.origin == Origin::Mainstay {
            return line.level >= Some(least);
        }
        let last = self.matters.entry((line.service.clone(), line.origin.name())).or_default();
        *last = match line.level {
            Some(level) => level >= least,
            // The rest of a traceback.
            None => *last && matches!(line.bytes.first(), Some(b' ' | b'\t')),
        };
        *last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, second: i64) -> Line {
        Line::read(text.as_bytes(), "api", Timestamp::from_second(second).unwrap())
    }

    fn passing(filter: &Filter, texts: &[&'static str]) -> Vec<&'static str> {
        let mut sift = Sift::default();
        let numbered = texts.iter().zip(1..);
        numbered.filter(|(text, at)| sift.passes(filter, &line(text, *at))).map(|(text, _)| *text).collect()
    }

    /// S2.11: `--since/--until`, `--grep`, `--level`.
    #[test]
    fn everything_that_is_set_must_hold() {
        let texts = ["INFO one", "WARN two", "ERROR three", "  four", "five", "DEBUG six"];
        let at = |second| Timestamp::from_second(second).ok();
        assert_eq!(passing(&Filter::default(), &texts), texts);
        assert_eq!(
            passing(&Filter { since: at(2), until: at(3), ..Filter::default() }, &texts),
            ["WARN two", "ERROR three"]
        );
        let level = Some(Level::Warn);
        assert_eq!(passing(&Filter { level, ..Filter::default() }, &texts), ["WARN two", "ERROR three", "  four"]);
        let grep = Regex::new("t|x").ok();
        assert_eq!(passing(&Filter { level, grep, ..Filter::default() }, &texts), ["WARN two", "ERROR three"]);
        assert_eq!(passing(&Filter { release: Some("1".into()), ..Filter::default() }, &texts), [""; 0]);
    }
}
