//! What is wrong, what was seen, and what to do about it.

use serde::Serialize;
use std::fmt;

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Works now, may not for long.
    Warning,
    /// Does not work.
    Error,
}

/// A spot in a text written by a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file as the user named it.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// The whole line, shown above the caret.
    #[serde(skip)]
    pub source: String,
    /// How many characters the caret underlines, at least 1.
    #[serde(skip)]
    pub width: usize,
}

/// What is wrong, what was seen, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// One sentence, no full stop.
    pub summary: String,
    /// Where, when it is in a text written by a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Box<Place>>,
    /// The observations behind it, last cause last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
    /// The next command or edit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Place {
    /// The spot at byte `start..end` of `text`, the content of `file`.
    pub fn in_text(file: impl Into<String>, text: &str, start: usize, end: usize) -> Self {
        let start = floor_char_boundary(text, start);
        let end = floor_char_boundary(text, end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        Self {
            file: file.into(),
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            source: text[line_start..line_end].trim_end_matches('\r').to_owned(),
            width: text[start..end.min(line_end)].chars().count().max(1),
        }
    }
}

fn floor_char_boundary(text: &str, index: usize) -> usize {
    (0..=index.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

impl Finding {
    /// Something that does not work.
    pub fn error(summary: impl Into<String>) -> Self {
        Self { severity: Severity::Error, summary: summary.into(), place: None, seen: Vec::new(), hint: None }
    }

    /// Something that works now and may not for long.
    pub fn warning(summary: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(summary) }
    }

    /// Something worth knowing.
    pub fn note(summary: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::error(summary) }
    }

    /// Adds where it is.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(Box::new(place));
        self
    }

    /// Adds an observation.
    #[must_use]
    pub fn seen(mut self, seen: impl fmt::Display) -> Self {
        self.seen.push(seen.to_string());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// All that was seen in one line: `summary: seen: seen`.
    pub fn in_a_line(&self) -> String {
        let parts = std::iter::once(self.summary.as_str()).chain(self.seen.iter().map(String::as_str));
        parts.collect::<Vec<_>>().join(": ")
    }

    /// Adds an error and all its causes as observations, each once.
    #[must_use]
    pub fn because(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            let text = cause.to_string();
            if self.summary != text && !self.seen.iter().any(|seen| seen.contains(&text)) {
                self.seen.push(text);
            }
            next = cause.source();
        }
        self
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, printable(&self.summary))?;
        if let Some(place) = &self.place {
            write!(f, "\n{place}")?;
        }
        for seen in &self.seen {
            write!(f, "\n  seen: {}", printable(seen).replace('\n', "\n        "))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {}", printable(hint).replace('\n', "\n        "))?;
        }
        Ok(())
    }
}

/// What others wrote must not steer the terminal: control characters but the end of line are shown, not sent.
fn printable(text: &str) -> String {
    let shown =
        |c: char| if c.is_control() && c != '\n' && c != '\t' { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        // A tab before the caret stays a tab, so that the caret stands where the terminal puts the text.
        let indent: String =
            self.source.chars().take(self.column - 1).map(|c| if c == '\t' { c } else { ' ' }).collect();
        writeln!(f, "  --> {}:{}:{}", self.file, self.line, self.column)?;
        writeln!(f, " {gutter} |")?;
        writeln!(f, " {number} | {}", self.source)?;
        write!(f, " {gutter} | {indent}{}", "^".repeat(self.width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_three_lines_and_a_caret() {
        let text = "name = \"booking\"\ncomand = \"x\"\n";
        let start = text.find("comand").unwrap();
        let finding = Finding::error("unknown key `comand`")
            .at(Place::in_text("mainstay.toml", text, start, start + 6))
            .seen("keys here are `command`, `needs`")
            .hint("did you mean `command`?");
        assert_eq!(
            finding.to_string(),
            "error: unknown key `comand`\n  --> mainstay.toml:2:1\n   |\n 2 | comand = \"x\"\n   | ^^^^^^\n  \
             seen: keys here are `command`, `needs`\n  hint: did you mean `command`?"
        );
    }

    #[test]
    fn what_others_wrote_does_not_steer_the_terminal() {
        let finding = Finding::error("refused").seen("-ERR \u{1b}[2J\rgone");
        assert_eq!(finding.to_string(), "error: refused\n  seen: -ERR \\u{1b}[2J\\rgone");
    }

    #[test]
    fn columns_count_characters_and_never_split_one() {
        let place = Place::in_text("f", "ключ = ы\r\n", "ключ = ".len() + 1, 99);
        assert_eq!((place.line, place.column, place.width, place.source.as_str()), (1, 8, 2, "ключ = ы"));
    }

    #[test]
    fn a_place_behind_the_end_is_the_end() {
        let place = Place::in_text("f", "a\nb", 50, 60);
        assert_eq!((place.line, place.column, place.width), (2, 2, 1));
    }
}
