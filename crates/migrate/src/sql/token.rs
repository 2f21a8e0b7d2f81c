//! The tokens of SQL text.

mod postgres;
mod sqlite;

use super::Dialect;
use std::{fmt, ops::Range};

/// A piece of SQL text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: Kind,
    /// Its bytes.
    pub(super) range: Range<usize>,
}

impl Token {
    /// Does it belong to no statement?
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.kind, Kind::Blank | Kind::Semicolon)
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or a name without quotes.
    Word,
    /// A name in quotes.
    Name,
    /// A text, in whichever quotes.
    Text,
    /// A number, or a parameter such as `$1`.
    Number,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `;`
    Semicolon,
    /// `\`, with which a command of psql begins.
    Backslash,
    /// A character of an operator, a dot, a comma, whatever else.
    Symbol,
    /// White space, a comment.
    Blank,
}

/// A text, a name or a comment that is opened and never closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unterminated {
    /// What is open.
    pub(crate) quote: Quote,
    /// The bytes that open it.
    pub(crate) range: Range<usize>,
}

/// What can be opened and has to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quote {
    /// `'…'`, with or without a letter before it.
    Text,
    /// `$tag$…$tag$`
    Dollar,
    /// `"…"`, and SQLite's other quotes for names.
    Name,
    /// `/*…*/`
    Comment,
}

impl fmt::Display for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Quote::Text => "text in quotes",
            Quote::Dollar => "text in dollar quotes",
            Quote::Name => "name in quotes",
            Quote::Comment => "comment",
        })
    }
}

/// What a lexer saw at the front of a text.
struct Seen {
    kind: Kind,
    length: usize,
    /// Not closed before the end of the text; so many bytes open it.
    open: Option<(Quote, usize)>,
}

impl Seen {
    fn closed(kind: Kind, length: usize) -> Self {
        Self { kind, length, open: None }
    }
}

/// Yields the tokens of a text, blanks and comments too, so that they are the text when put together.
pub(super) struct Tokens<'a> {
    sql: &'a str,
    at: usize,
    dialect: Dialect,
    continued: postgres::Continued,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(sql: &'a str, dialect: Dialect) -> Self {
        Self { sql, at: 0, dialect, continued: postgres::Continued::default() }
    }

    /// Goes on at the byte `at`, which begins a line.
    pub(super) fn seek(&mut self, at: usize) {
        self.at = at;
    }
}

impl Iterator for Tokens<'_> {
    type Item = Result<Token, Unterminated>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.sql[self.at..];
        let seen = match self.dialect {
            Dialect::Postgres => postgres::first(rest, &mut self.continued),
            Dialect::Sqlite => sqlite::first(rest),
        }?;
        let start = self.at;
        self.at += seen.length;
        Some(match seen.open {
            None => Ok(Token { kind: seen.kind, range: start..self.at }),
            Some((quote, length)) => Err(Unterminated { quote, range: start..start + length }),
        })
    }
}
