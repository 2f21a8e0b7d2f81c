//! A light look at SQL before it is run: where statements begin and end, and whether one of them cannot be run inside
//! the transaction that every file gets.
//!
//! It knows comments, quotes and blocks, not the grammar; the database has the last word. What it misses is still
//! noticed after the file ran, because the transaction is no longer ours.

mod lex;
mod obstacle;

pub use obstacle::Obstacle;

pub(crate) use obstacle::{first_obstacle, wants_foreign_keys_off};

use lex::{Lexer, Token};
use std::ops::Range;

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

/// One statement of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Its bytes, from the first word up to and without the `;`.
    pub(crate) range: Range<usize>,
    /// Its first words outside of parentheses (inside too when it is a pragma: `foreign_keys(0)`), in upper case.
    pub(crate) words: Vec<String>,
}

impl Statement {
    /// Is this its `index`th word?
    fn is(&self, index: usize, word: &str) -> bool {
        self.words.get(index).is_some_and(|it| it == word)
    }
}

/// Enough to see what a statement is; the rest need not be kept.
const WORDS: usize = 64;

/// The statements of `sql`, empty ones left out.
pub(crate) fn statements(sql: &str, dialect: Dialect) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut open = Open::default();
    for (token, range) in Lexer::new(sql, dialect) {
        if token == Token::Semicolon && open.at_top() {
            found.extend(std::mem::take(&mut open).close(range.start));
        } else {
            open.take(token, &sql[range.clone()], range, dialect);
        }
    }
    found.extend(open.close(sql.trim_end().len()));
    found
}

/// The statement that is being read.
#[derive(Default)]
struct Open {
    start: Option<usize>,
    end: usize,
    words: Vec<String>,
    parentheses: usize,
    /// Inside `BEGIN ATOMIC … END` of a function or `BEGIN … END` of a trigger; `CASE … END` counts too.
    blocks: usize,
}

impl Open {
    fn at_top(&self) -> bool {
        self.parentheses == 0 && self.blocks == 0
    }

    fn take(&mut self, token: Token, text: &str, range: Range<usize>, dialect: Dialect) {
        self.start.get_or_insert(range.start);
        self.end = range.end;
        match token {
            Token::Open => self.parentheses += 1,
            Token::Close => self.parentheses = self.parentheses.saturating_sub(1),
            Token::Word => self.word(&text.to_ascii_uppercase(), dialect),
            Token::Semicolon | Token::Other => {}
        }
    }

    fn word(&mut self, word: &str, dialect: Dialect) {
        match (word, self.blocks) {
            ("BEGIN", 0) if dialect == Dialect::Sqlite && self.creates_trigger() => self.blocks = 1,
            ("ATOMIC", 0) if self.words.last().is_some_and(|last| last == "BEGIN") => self.blocks = 1,
            ("CASE" | "BEGIN", 1..) => self.blocks += 1,
            ("END", 1..) => self.blocks -= 1,
            _ => {}
        }
        let pragma = self.words.first().is_some_and(|first| first == "PRAGMA");
        if (self.parentheses == 0 || pragma) && self.words.len() < WORDS {
            self.words.push(word.to_owned());
        }
    }

    fn creates_trigger(&self) -> bool {
        self.words.first().is_some_and(|first| first == "CREATE")
            && self.words.iter().take(3).any(|word| word == "TRIGGER")
    }

    fn close(self, end: usize) -> Option<Statement> {
        let start = self.start?;
        Some(Statement { range: start..self.end.min(end).max(start), words: self.words })
    }
}

#[cfg(test)]
mod tests;
