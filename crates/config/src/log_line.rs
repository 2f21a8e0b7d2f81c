//! What a service writes once it is ready.

use regex::bytes::{Regex, RegexBuilder};
use std::fmt;

/// So much memory, in bytes, may an expression take; those that people write take a thousandth of it.
const LARGEST: usize = 1 << 20;

/// What a line must hold: a text, or an expression between slashes.
#[derive(Clone)]
pub struct LogLine {
    written: String,
    expression: Regex,
}

impl LogLine {
    /// `Listening on`, or `/listening on .*:\d+/`.
    ///
    /// # Errors
    /// What is wrong with it, in one sentence.
    pub fn parse(written: &str) -> Result<Self, String> {
        if written.trim().is_empty() {
            return Err("it is empty, and every line would do".to_owned());
        }
        if written.contains('\n') {
            return Err("lines are looked at one by one, and this is more than one".to_owned());
        }
        let between = written.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|it| !it.is_empty());
        let expression = between.map_or_else(|| regex::escape(written), str::to_owned);
        let expression = RegexBuilder::new(&expression).size_limit(LARGEST).build().map_err(|error| why(&error))?;
        Ok(Self { written: written.to_owned(), expression })
    }

    /// Is it in this line?
    pub fn is_in(&self, line: &[u8]) -> bool {
        self.expression.is_match(line)
    }
}

/// The last line of the message is the sentence, those before draw the place.
fn why(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    format!("it is no regular expression: {}", last.trim().trim_start_matches("error: "))
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Debug for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.written)
    }
}

impl PartialEq for LogLine {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(written: &str, line: &str) -> bool {
        LogLine::parse(written).unwrap().is_in(line.as_bytes())
    }

    /// A text is taken as it stands, an expression by its slashes; a path is a text.
    #[test]
    fn a_text_or_an_expression() {
        assert!(found("Listening on (", "INFO Listening on (::)"));
        assert!(!found("a.c", "abc"));
        assert!(found("/a.c$/", "xabc") && !found("/a.c$/", "abcd"));
        assert!(found("/api", "GET /api/x"));
        let problem = LogLine::parse("/(/").unwrap_err();
        assert!(problem.contains("unclosed group"), "{problem}");
        assert!(LogLine::parse(" ").is_err() && LogLine::parse("a\nb").is_err());
        let large = LogLine::parse("/(\\w{500}){500}/").unwrap_err();
        assert!(!large.is_empty());
    }
}
