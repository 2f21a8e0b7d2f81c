//! What of the lines is looked at.

use crate::lines::{Kept, Lines, LogLine, Sieve, Whose};
use report::Level;

/// How the lines stand on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Arrangement {
    /// Below the table, those of the selected service or of the marked ones.
    #[default]
    Chosen,
    /// Below the table, those of all services.
    All,
    /// Instead of the table, a pane for each.
    Each,
    /// Not at all.
    Hidden,
}

/// The lines, and what of them is looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logs {
    pub(crate) lines: Lines,
    pub(crate) arrangement: Arrangement,
    pub(crate) sieve: Sieve,
    /// The number of the lowest line that is shown; nothing while they are followed.
    pub(crate) bottom: Option<u64>,
    /// The number of the line that was jumped to.
    pub(crate) found: Option<u64>,
    /// So many columns are passed on the left.
    pub(crate) shift: usize,
    /// Why none come.
    pub(crate) problem: Option<String>,
}

impl Arrangement {
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Chosen => Self::All,
            Self::All => Self::Each,
            Self::Each => Self::Hidden,
            Self::Hidden => Self::Chosen,
        }
    }
}

impl Logs {
    /// Others are followed from now on.
    pub(crate) fn begin_anew(&mut self) {
        let (arrangement, sieve) = (self.arrangement, std::mem::take(&mut self.sieve));
        *self = Self { arrangement, sieve, ..Self::default() };
    }

    pub(crate) fn add(&mut self, lines: Vec<LogLine>) {
        self.problem = None;
        self.lines.add(lines);
    }

    pub(crate) fn pause(&mut self) {
        self.bottom = match self.bottom {
            Some(_) => None,
            None => Some(self.lines.next().saturating_sub(1)),
        };
        self.found = None;
    }

    pub(crate) fn follow(&mut self) {
        (self.bottom, self.found) = (None, None);
    }

    /// Other lines matter from now on; the place among them stays.
    pub(crate) fn next_level(&mut self) {
        self.sieve.level = match self.sieve.level {
            None => Some(Level::Info),
            Some(Level::Debug | Level::Info) => Some(Level::Warn),
            Some(Level::Warn) => Some(Level::Error),
            Some(Level::Error) => None,
        };
    }

    pub(crate) fn back(&mut self, by: usize, height: usize) {
        let shown = self.lines.last(Whose::All, &self.sieve, self.bottom, height + by);
        let lowest = shown.len().saturating_sub(1 + by).max(height.saturating_sub(1));
        if let Some(kept) = shown.get(lowest).or(shown.last()) {
            self.bottom = Some(kept.number);
        }
    }

    /// Behind the last line they are followed again.
    pub(crate) fn forth(&mut self, by: usize) {
        let Some(bottom) = self.bottom else { return };
        let behind = self.lines.behind(Whose::All, &self.sieve, bottom);
        self.bottom = by.checked_sub(1).and_then(|by| behind.get(by)).map(|kept| kept.number);
    }

    pub(crate) fn go_to_the_first(&mut self, height: usize) {
        self.back(usize::MAX / 2, height);
    }

    /// Jumps to the error before the one that was found, or before the last line. Says whether there is one.
    pub(crate) fn error_before(&mut self, height: usize) -> bool {
        let until = match (self.found, self.bottom) {
            (Some(0), _) => return false,
            (Some(found), _) => Some(found - 1),
            (None, bottom) => bottom,
        };
        let error = self.lines.last(Whose::All, &self.errors(), until, 1).first().map(|kept| kept.number);
        self.jump(error, height)
    }

    /// Jumps to the error behind the one that was found. Says whether there is one.
    pub(crate) fn error_behind(&mut self, height: usize) -> bool {
        let Some(after) = self.found.or(self.bottom) else { return false };
        let error = self.lines.behind(Whose::All, &self.errors(), after).first().map(|kept| kept.number);
        self.jump(error, height)
    }

    fn errors(&self) -> Sieve {
        Sieve { level: Some(Level::Error), ..self.sieve.clone() }
    }

    /// The found line with what came after it, as far as half of the pane holds.
    fn jump(&mut self, to: Option<u64>, height: usize) -> bool {
        let Some(found) = to else { return false };
        let behind = self.lines.behind(Whose::All, &self.sieve, found);
        let lowest = behind.get((height / 2).saturating_sub(1)).or(behind.last()).map_or(found, |kept| kept.number);
        (self.found, self.bottom) = (Some(found), Some(lowest));
        true
    }

    pub(crate) fn shown(&self, whose: Whose<'_>, height: usize) -> Vec<&Kept> {
        self.lines.last(whose, &self.sieve, self.bottom, height)
    }

    /// How many have come since they stand still.
    pub(crate) fn unseen(&self, whose: Whose<'_>) -> usize {
        self.bottom.map_or(0, |bottom| self.lines.behind(whose, &self.sieve, bottom).len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs() -> Logs {
        let mut logs = Logs::default();
        let line = |at: i32| {
            let level = if at % 10 == 3 { Level::Error } else { Level::Info };
            LogLine::new("10:00:00".into(), "api".into(), Some(level), at.to_string().as_bytes())
        };
        logs.add((0..30).map(line).collect());
        logs
    }

    fn seen(logs: &Logs) -> (String, String) {
        let shown = logs.shown(Whose::All, 5);
        let text = |kept: Option<&&Kept>| kept.map(|kept| kept.line.text.clone()).unwrap_or_default();
        (text(shown.first()), text(shown.last()))
    }

    fn from_to(first: i32, last: i32) -> (String, String) {
        (first.to_string(), last.to_string())
    }

    /// S4.7: scrolled back, the lines stand still while others come.
    #[test]
    fn one_goes_back_and_forth_while_lines_come() {
        let mut logs = logs();
        assert_eq!(seen(&logs), from_to(25, 29));
        logs.back(3, 5);
        assert_eq!(seen(&logs), from_to(22, 26));
        logs.add(vec![LogLine::new("10".into(), "api".into(), None, b"30")]);
        assert_eq!((seen(&logs), logs.unseen(Whose::All)), (from_to(22, 26), 4));
        logs.go_to_the_first(5);
        assert_eq!(seen(&logs), from_to(0, 4));
        logs.back(1, 5);
        assert_eq!(seen(&logs), from_to(0, 4));
        logs.forth(2);
        assert_eq!(seen(&logs), from_to(2, 6));
        logs.forth(1000);
        assert_eq!((seen(&logs), logs.bottom), (from_to(26, 30), None));
    }

    #[test]
    fn one_jumps_from_error_to_error() {
        let mut logs = logs();
        assert!(!logs.error_behind(4) && logs.error_before(4));
        assert_eq!(logs.found, Some(23));
        assert!(logs.error_before(4) && logs.error_before(4));
        assert_eq!((logs.found, seen(&logs)), (Some(3), from_to(1, 5)));
        assert!(!logs.error_before(4));
        assert!(logs.error_behind(4));
        assert_eq!(logs.found, Some(13));
        logs.follow();
        assert_eq!((logs.found, logs.bottom), (None, None));
    }
}
