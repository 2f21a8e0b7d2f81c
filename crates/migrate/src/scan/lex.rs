//! The tokens that matter for finding the end of a statement.

use super::Dialect;
use std::ops::Range;

/// A token; whitespace and comments are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword, name or number without quotes.
    Word,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `;`
    Semicolon,
    /// A quoted text or name, an operator.
    Other,
}

/// Yields the tokens of a text with their bytes. Text in quotes that is never closed reaches to the end.
pub(super) struct Lexer<'a> {
    sql: &'a str,
    at: usize,
    dialect: Dialect,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(sql: &'a str, dialect: Dialect) -> Self {
        Self { sql, at: 0, dialect }
    }

    fn rest(&self) -> &'a str {
        &self.sql[self.at..]
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            let rest = self.rest();
            if rest.starts_with("--") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                self.at += block_comment(rest, self.dialect == Dialect::Postgres);
            } else {
                return;
            }
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = (Token, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_blank();
        let (start, rest) = (self.at, self.rest());
        let (token, length) = match rest.chars().next()? {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ';' => (Token::Semicolon, 1),
            '\'' => (Token::Other, quoted(rest, '\'')),
            '"' => (Token::Other, quoted(rest, '"')),
            '`' if self.dialect == Dialect::Sqlite => (Token::Other, quoted(rest, '`')),
            '[' if self.dialect == Dialect::Sqlite => (Token::Other, rest.find(']').map_or(rest.len(), |end| end + 1)),
            'e' | 'E' if rest[1..].starts_with('\'') && self.dialect == Dialect::Postgres => {
                (Token::Other, 1 + escaped(&rest[1..]))
            }
            '$' if self.dialect == Dialect::Postgres => (Token::Other, dollar(rest)),
            first if in_word(first) => (Token::Word, rest.find(|c| !in_word(c) && c != '$').unwrap_or(rest.len())),
            other => (Token::Other, other.len_utf8()),
        };
        self.at += length;
        Some((token, start..self.at))
    }
}

fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii() && !c.is_whitespace()
}

/// The length of a comment at the front of `text`. PostgreSQL's nest, SQLite's don't.
fn block_comment(text: &str, nests: bool) -> usize {
    let (mut depth, mut at) = (1, 2);
    while depth > 0 {
        let rest = &text[at..];
        let (open, close) = (rest.find("/*").filter(|_| nests), rest.find("*/"));
        match (open, close) {
            (_, None) => return text.len(),
            (Some(open), Some(close)) if open < close => (depth, at) = (depth + 1, at + open + 2),
            (_, Some(close)) => (depth, at) = (depth - 1, at + close + 2),
        }
    }
    at
}

/// The length of `'…'`; a doubled quote is part of it because the next text follows at once.
fn quoted(text: &str, quote: char) -> usize {
    text[1..].find(quote).map_or(text.len(), |end| end + 2)
}

/// The length of `'…'` in which a backslash takes the next character along.
fn escaped(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => drop(characters.next()),
            '\'' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of `$tag$…$tag$`, or of the `$` alone.
fn dollar(text: &str) -> usize {
    let tag = text[1..].find(|c| !in_word(c)).map_or(0, |end| end + 1);
    if tag == 0 || !text[tag..].starts_with('$') || text[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return 1;
    }
    let quote = &text[..=tag];
    text[quote.len()..].find(quote).map_or(text.len(), |end| end + 2 * quote.len())
}
