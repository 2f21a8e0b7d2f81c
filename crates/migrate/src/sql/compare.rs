//! Do two texts of a file say the same to the database?

use super::{
    Dialect,
    split::{Statement, split},
    token::{Kind, Token, Tokens},
};
use std::borrow::Cow;

/// How the text that was applied differs from the text of today; the least that tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    /// Byte for byte the same.
    Same,
    /// Ends of lines (`\r\n`) or a byte order mark only.
    LineEnds,
    /// Blanks, comments and empty statements only.
    Layout,
    /// The statements differ.
    Real,
}

/// How `old` and `new` differ. In doubt they really do: a keyword in other letters is a real difference, and so is anything in a
/// text that cannot be split into statements.
pub(crate) fn difference(old: &str, new: &str, dialect: Dialect) -> Difference {
    if old == new {
        return Difference::Same;
    }
    let (old, new) = (plain(old), plain(new));
    if old == new {
        return Difference::LineEnds;
    }
    match (statements(&old, dialect), statements(&new, dialect)) {
        (Some(before), Some(after)) if before == after => Difference::Layout,
        _ => Difference::Real,
    }
}

/// Without a byte order mark, and with `\n` at the end of each line.
fn plain(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.contains("\r\n") { text.replace("\r\n", "\n").into() } else { text.into() }
}

/// The lexemes of each statement; the rows that it copies are one more.
fn statements(sql: &str, dialect: Dialect) -> Option<Vec<Vec<&str>>> {
    let statements = split(sql, dialect).ok()?;
    Some(statements.iter().map(|statement| lexemes(statement, sql, dialect)).collect())
}

fn lexemes<'a>(statement: &Statement, sql: &'a str, dialect: Dialect) -> Vec<&'a str> {
    let text = &sql[statement.range.clone()];
    if statement.psql_command().is_some() {
        return vec![text];
    }
    let mut found = Lexemes::default();
    Tokens::new(text, dialect).map_while(Result::ok).for_each(|token| found.push(token, text));
    let rows = statement.data.clone().map(|data| &sql[data]);
    found.lexemes.into_iter().chain(rows).collect()
}

/// The lexemes as the database sees them.
#[derive(Default)]
struct Lexemes<'a> {
    lexemes: Vec<&'a str>,
    /// The last token that is no blank.
    before: Option<Token>,
    /// A line ended after it.
    line_ended: bool,
}

impl<'a> Lexemes<'a> {
    fn push(&mut self, token: Token, text: &'a str) {
        let word = &text[token.range.clone()];
        if token.kind == Kind::Blank {
            self.line_ended |= word.contains('\n') && !word.starts_with("/*");
            return;
        }
        let line_ended = std::mem::take(&mut self.line_ended);
        match self.before.take() {
            // Signs that touch each other are one operator: `< =` is not `<=`.
            Some(before) if touch(&before, &token, text) => {
                let range = before.range.start..token.range.end;
                self.lexemes.pop();
                self.lexemes.push(&text[range.clone()]);
                self.before = Some(Token { kind: Kind::Symbol, range });
                return;
            }
            // Two texts with the end of a line between them are one; without it they are a mistake.
            Some(before) if line_ended && text[..before.range.end].ends_with('\'') && word.starts_with('\'') => {
                self.lexemes.push("\n");
            }
            _ => {}
        }
        self.lexemes.push(word);
        self.before = Some(token);
    }
}

fn touch(before: &Token, token: &Token, text: &str) -> bool {
    let operator =
        |token: &Token| token.kind == Kind::Symbol && !text[token.range.clone()].contains([',', '.', '[', ']']);
    before.range.end == token.range.start && operator(before) && operator(token)
}

#[cfg(test)]
mod tests;
