//! Where statements begin and end.

use super::{
    Dialect,
    token::{Kind, Token, Tokens, Unterminated},
};
use std::ops::Range;

/// One statement of a file, or one command of psql.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Its bytes, from the first token up to and without the `;`.
    pub(crate) range: Range<usize>,
    /// Its first words outside of parentheses (inside too when it is a pragma: `foreign_keys(0)`), in upper case.
    /// Names in quotes are none. A command of psql is one word, as it is written: `\restrict`.
    pub(crate) words: Vec<String>,
    /// The rows that follow `COPY … FROM STDIN;`, up to and without the line `\.`, which may be missing at the end of the text.
    pub(crate) data: Option<Range<usize>>,
}

impl Statement {
    /// Is this its `index`th word?
    pub(super) fn is(&self, index: usize, word: &str) -> bool {
        self.words.get(index).is_some_and(|it| it == word)
    }

    /// Is it one of these at its beginning?
    pub(super) fn begins(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(index, word)| self.is(index, word))
    }

    /// The command of psql that it is.
    pub(crate) fn psql_command(&self) -> Option<&str> {
        self.words.first().map(String::as_str).filter(|word| word.starts_with('\\'))
    }

    /// Does it change what all databases of the server share: roles, databases, tablespaces, the server's settings? A `DO` block
    /// is not looked into.
    pub(crate) fn changes_the_server(&self) -> bool {
        const SHARED: [&str; 7] = ["ROLE", "USER", "GROUP", "DATABASE", "TABLESPACE", "SYSTEM", "SUBSCRIPTION"];
        let second = self.words.get(1).map_or("", String::as_str);
        let of_role = || !self.words.iter().any(|word| word == "ON");
        match self.words.first().map_or("", String::as_str) {
            "CREATE" | "ALTER" | "DROP" => {
                let mapping = self.words.get(2).is_some_and(|word| word == "MAPPING");
                SHARED.contains(&second) && !mapping
            }
            "GRANT" | "REVOKE" => of_role(),
            "COMMENT" => self.words.get(2).is_some_and(|word| SHARED.contains(&word.as_str())),
            "REASSIGN" => true,
            _ => false,
        }
    }

    /// Does it set something for the whole session, and nothing else? Dumps do it by a function.
    pub(crate) fn sets_session(&self) -> bool {
        let second = self.words.get(1).map_or("", String::as_str);
        match self.words.first().map_or("", String::as_str) {
            "RESET" => true,
            "SET" => !matches!(second, "LOCAL" | "TRANSACTION" | "CONSTRAINTS"),
            "SELECT" => {
                matches!(self.words.get(1..), Some([of, name]) if of == "PG_CATALOG" && name == "SET_CONFIG")
                    || self.words.len() == 2 && second == "SET_CONFIG"
            }
            _ => false,
        }
    }

    /// May it set in which encoding what follows is read?
    pub(crate) fn sets_encoding(&self, sql: &str) -> bool {
        let text = sql.get(self.range.clone()).unwrap_or_default().to_ascii_lowercase();
        text.contains("client_encoding") || self.begins(&["SET", "NAMES"])
    }

    /// Does it take rows from the client?
    pub(crate) fn copies_from_client(&self) -> bool {
        self.is(0, "COPY") && self.words.windows(2).any(|pair| pair[0] == "FROM" && pair[1] == "STDIN")
    }
}

/// Enough to see what a statement is; the rest need not be kept.
const WORDS: usize = 64;

/// The statements of `sql`, empty ones left out.
///
/// # Errors
/// A quoted text, a quoted name or a comment is never closed.
pub(crate) fn split(sql: &str, dialect: Dialect) -> Result<Vec<Statement>, Unterminated> {
    let mut found = Vec::new();
    let mut open = Open::default();
    let mut tokens = Tokens::new(sql, dialect);
    while let Some(token) = tokens.next() {
        let token = token?;
        match token.kind {
            Kind::Semicolon if open.at_top() => {
                found.extend(std::mem::take(&mut open).close());
                if let Some(after) = data(&mut found, sql, token.range.end, dialect) {
                    tokens.seek(after);
                }
            }
            Kind::Backslash => {
                found.extend(std::mem::take(&mut open).close());
                let command = psql_command(sql, token.range.start);
                tokens.seek(command.range.end);
                found.push(command);
            }
            Kind::Blank => {}
            _ => open.take(&token, &sql[token.range.clone()], dialect),
        }
    }
    found.extend(open.close());
    Ok(found)
}

/// A command of psql reaches to the end of its line.
fn psql_command(sql: &str, start: usize) -> Statement {
    let line = sql[start..].split(['\n', '\r']).next().unwrap_or_default().trim_end();
    let word = line.split_whitespace().next().unwrap_or_default();
    Statement { range: start..start + line.len(), words: vec![word.to_owned()], data: None }
}

/// Gives the rows that follow to the statement that was closed last, if it takes any; answers where the SQL goes on. They begin
/// on the next line; when more SQL stands on this one, psql has rows for a statement that is over, and we see none.
fn data(found: &mut [Statement], sql: &str, end: usize, dialect: Dialect) -> Option<usize> {
    let last = found.last_mut().filter(|last| dialect == Dialect::Postgres && last.copies_from_client())?;
    if last.data.is_some() {
        return None;
    }
    let line = sql[end..].split_inclusive('\n').next().unwrap_or_default();
    let rest = line.trim();
    if !(rest.is_empty() || rest.starts_with("--")) {
        return None;
    }
    let start = end + line.len();
    let (rows, after) = rows(&sql[start..]);
    last.data = Some(start..start + rows);
    Some(start + after)
}

/// The lengths of the rows alone, and with the line that ends them.
fn rows(text: &str) -> (usize, usize) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end_matches(['\n', '\r']) == "\\." {
            return (at, at + line.len());
        }
        at += line.len();
    }
    (at, at)
}

/// The statement that is being read.
#[derive(Default)]
struct Open {
    range: Option<Range<usize>>,
    words: Vec<String>,
    parentheses: usize,
    /// Inside `BEGIN ATOMIC … END` of a function or `BEGIN … END` of a trigger.
    in_block: bool,
    before: Before,
}

/// What the token before was.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Before {
    #[default]
    Other,
    Begin,
    /// `ATOMIC` or `;`: only here can the `END` of a block stand, and never that of a `CASE`.
    Boundary,
}

impl Open {
    fn at_top(&self) -> bool {
        self.parentheses == 0 && !self.in_block
    }

    fn take(&mut self, token: &Token, text: &str, dialect: Dialect) {
        let start = self.range.as_ref().map_or(token.range.start, |range| range.start);
        self.range = Some(start..token.range.end);
        let before = std::mem::take(&mut self.before);
        match token.kind {
            Kind::Open => self.parentheses += 1,
            Kind::Close => self.parentheses = self.parentheses.saturating_sub(1),
            Kind::Semicolon => self.before = Before::Boundary,
            Kind::Word | Kind::Number => self.word(text.to_ascii_uppercase(), before, dialect),
            Kind::Name | Kind::Text | Kind::Symbol | Kind::Backslash | Kind::Blank => {}
        }
    }

    fn word(&mut self, word: String, before: Before, dialect: Dialect) {
        let top = self.parentheses == 0;
        match word.as_str() {
            "BEGIN" if dialect == Dialect::Sqlite && self.creates(3, &["TRIGGER"]) => self.in_block = true,
            "BEGIN" => self.before = Before::Begin,
            "ATOMIC" if top && before == Before::Begin && self.creates(4, &["FUNCTION", "PROCEDURE"]) => {
                (self.in_block, self.before) = (true, Before::Boundary);
            }
            "END" if before == Before::Boundary => self.in_block = false,
            _ => {}
        }
        if (top || self.is_pragma()) && self.words.len() < WORDS {
            self.words.push(word);
        }
    }

    fn creates(&self, among: usize, what: &[&str]) -> bool {
        self.words.first().is_some_and(|first| first == "CREATE")
            && self.words.iter().take(among).any(|word| what.contains(&word.as_str()))
    }

    fn is_pragma(&self) -> bool {
        self.words.first().is_some_and(|first| first == "PRAGMA")
    }

    fn close(self) -> Option<Statement> {
        Some(Statement { range: self.range?, words: self.words, data: None })
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "it asks another program; where that lies, the environment tells")]
mod peer;
